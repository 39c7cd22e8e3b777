// SparseTensorDenseMatMul: a sparse matrix times a dense one.
#ifndef SLUICE_OPS_SPARSE_MATMUL_H_
#define SLUICE_OPS_SPARSE_MATMUL_H_

#include "graph/at.h"
#include "graph/output.h"

namespace sluice::ops {

struct SparseTensorDenseMatMulOptions {
  bool adjoint_a = false;  // transposed, and conjugated where complex
  bool adjoint_b = false;
};
// product = a b. `a` is the sparse matrix of a_indices [n, 2] (int32 or int64, any order, repeated
// ones add), a_values [n] and a_shape [2] (int64); `b` a dense matrix. float, double, int32, int64,
// half, bfloat16, complex. InvalidArgument "k (7) from index[0,1] out of bounds (>=3)".
// Gradient: for a_values and b, not for complex numbers.
Output SparseTensorDenseMatMul(At at, Output a_indices, Output a_values, Output a_shape, Output b,
                               const SparseTensorDenseMatMulOptions& options = {});

}  // namespace sluice::ops

#endif  // SLUICE_OPS_SPARSE_MATMUL_H_
