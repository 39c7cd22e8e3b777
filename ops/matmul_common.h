// What all ops that multiply matrices share: shapes and kernels.
#ifndef SLUICE_OPS_MATMUL_COMMON_H_
#define SLUICE_OPS_MATMUL_COMMON_H_

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/kernel.h"
#include "graph/shape_context.h"
#include "ops/kernels/epilogue.h"

namespace sluice::ops {

// The two last dimensions of a product of `a` and `b`, of rank 2 or more or unknown rank.
// InvalidArgument ("Dimensions must be equal, but are 3 and 4") when the inner ones differ.
absl::StatusOr<TensorShape> ProductDims(const TensorShape& a, const TensorShape& b,
                                        bool transpose_a, bool transpose_b);

// The shape function of ops with inputs a and b, both matrices, and attrs transpose_a and
// transpose_b.
absl::Status MatMulShape(ShapeContext& c);

struct ProductOptions {
  bool transpose_a = false, transpose_b = false;
  bool conjugate = false;  // what is transposed is conjugated, too
  // Inputs 2 and on, where it asks for them: the bias [n], the residual of the output's shape.
  kernels::Epilogue epilogue;
};
// The kernel of output 0 = op(input 0) op(input 1), matrix by matrix. Keeps packed copies of
// weights that seldom change.
absl::StatusOr<KernelRun> PrepareProduct(PrepareContext& p, const ProductOptions& options);

}  // namespace sluice::ops

#endif  // SLUICE_OPS_MATMUL_COMMON_H_
