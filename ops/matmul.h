// Products of matrices: MatMul, BatchMatMul, BatchMatMulV2.
#ifndef SLUICE_OPS_MATMUL_H_
#define SLUICE_OPS_MATMUL_H_

#include "graph/at.h"
#include "graph/output.h"

namespace sluice::ops {

struct MatMulOptions {
  bool transpose_a = false;
  bool transpose_b = false;
};
// [m, k] x [k, n] -> [m, n]; with transpose_a, a is [k, m], with transpose_b, b is [n, k]. half,
// bfloat16 (both computed in float32), float, double, int32, int64 (which wrap), complex64,
// complex128. k = 0 gives zeros. InvalidArgument ("Shape must be rank 2 ...", "Dimensions must be
// equal, but are 3 and 4") for other shapes.
Output MatMul(At at, Output a, Output b, const MatMulOptions& options = {});

struct BatchMatMulOptions {
  bool adj_x = false;  // transposed, and conjugated where complex
  bool adj_y = false;
};
// [..., m, k] x [..., k, n] -> [..., m, n], matrix by matrix. Same types. The leading dimensions
// must be equal.
Output BatchMatMul(At at, Output x, Output y, const BatchMatMulOptions& options = {});
// The same; the leading dimensions are broadcast.
Output BatchMatMulV2(At at, Output x, Output y, const BatchMatMulOptions& options = {});

}  // namespace sluice::ops

#endif  // SLUICE_OPS_MATMUL_H_
