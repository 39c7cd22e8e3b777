// Linear systems: inverses, solutions, determinants, LU. Of batches: the last two dimensions hold
// the matrices, those before them are alike in all arguments. float, double, complex64,
// complex128, all computed in double. InvalidArgument for matrices that are not square where they
// must be, and ("... is not invertible.") for singular ones. Gradients as TensorFlow defines them.
#ifndef SLUICE_OPS_MATRIX_SOLVE_H_
#define SLUICE_OPS_MATRIX_SOLVE_H_

#include "core/dtype.h"
#include "graph/at.h"
#include "graph/output.h"

namespace sluice::ops {

struct MatrixInverseOptions {
  bool adjoint = false;  // of the adjoint (conjugate transpose) of the matrix
};
Output MatrixInverse(At at, Output input, const MatrixInverseOptions& options = {});

// x [..., n, k] with matrix x = rhs, or adjoint(matrix) x = rhs.
Output MatrixSolve(At at, Output matrix, Output rhs, const MatrixInverseOptions& options = {});

struct MatrixTriangularSolveOptions {
  bool lower = true;  // which triangle is read
  bool adjoint = false;
};
// The same with one triangle of the matrix; singular means a zero on the diagonal.
Output MatrixTriangularSolve(At at, Output matrix, Output rhs,
                             const MatrixTriangularSolveOptions& options = {});

struct MatrixSolveLsOptions {
  bool fast = true;  // by the normal equations; else by an orthogonal decomposition, which copes
                     // with any rank, ignores l2_regularizer and has no gradient
};
// x [..., n, k] that makes |matrix x - rhs|^2 + l2_regularizer |x|^2 least, matrix [..., m, n]. For
// m < n the x of least norm. l2_regularizer is a double scalar >= 0. The gradient needs known m, n.
Output MatrixSolveLs(At at, Output matrix, Output rhs, Output l2_regularizer,
                     const MatrixSolveLsOptions& options = {});

// [..., n, n] -> [...]; 1 for n = 0.
Output MatrixDeterminant(At at, Output input);

struct LogMatrixDeterminantOutputs {
  Output sign, log_abs_determinant;
};
// The determinant as sign * exp(log_abs_determinant); sign is 0 and the logarithm -infinity for
// singular matrices. Gradient: of the logarithm only.
LogMatrixDeterminantOutputs LogMatrixDeterminant(At at, Output input);

struct LuOptions {
  DType output_idx_type = DType::kInt32;  // of p; or kInt64
};
struct LuOutputs {
  Output lu;  // L below the diagonal (its own is ones), U on and above it
  Output p;   // row i of L U is row p[i] of the matrix
};
// No gradient, as in TensorFlow 1.
LuOutputs Lu(At at, Output input, const LuOptions& options = {});

}  // namespace sluice::ops

#endif  // SLUICE_OPS_MATRIX_SOLVE_H_
