// Decompositions of matrices: Cholesky, QR, eigenvalues of self-adjoint ones, singular values. Of
// batches: the last two dimensions hold the matrices. float, double, complex64, complex128, all
// computed in double. Gradients as TensorFlow defines them.
#ifndef SLUICE_OPS_DECOMPOSITION_H_
#define SLUICE_OPS_DECOMPOSITION_H_

#include "graph/at.h"
#include "graph/output.h"

namespace sluice::ops {

// Lower triangular y with y adjoint(y) = input, of which the lower triangle is read.
// InvalidArgument ~ "Cholesky decomposition was not successful" unless it is positive definite.
Output Cholesky(At at, Output input);
// The gradient of a function of l = Cholesky(a) by a, symmetric, from its gradient by l. float and
// double. (TensorFlow's older op; Cholesky's own gradient does not use it.) No gradient.
Output CholeskyGrad(At at, Output l, Output grad);

struct QrOptions {
  bool full_matrices = false;
};
struct QrOutputs {
  Output q, r;  // [..., m, p], [..., p, n]; p = min(m, n), or m for full matrices
};
// input [..., m, n] = q r, q orthonormal, r upper triangular (Householder's signs). Gradient: of
// real matrices with m >= n whose size is known.
QrOutputs Qr(At at, Output input, const QrOptions& options = {});

struct SelfAdjointEigV2Options {
  bool compute_v = true;  // else v is an empty vector
};
struct SelfAdjointEigV2Outputs {
  Output e, v;  // eigenvalues, ascending; eigenvectors as columns
};
// Reads the lower triangle of input.
SelfAdjointEigV2Outputs SelfAdjointEigV2(At at, Output input,
                                         const SelfAdjointEigV2Options& options = {});

struct SvdOptions {
  bool compute_uv = true;      // else u and v are empty vectors
  bool full_matrices = false;  // square u and v
};
struct SvdOutputs {
  Output s, u, v;
};
// input = u diag(s) adjoint(v), s descending. Gradient: of matrices of known size, by u and v only
// where they are real.
SvdOutputs Svd(At at, Output input, const SvdOptions& options = {});

}  // namespace sluice::ops

#endif  // SLUICE_OPS_DECOMPOSITION_H_
