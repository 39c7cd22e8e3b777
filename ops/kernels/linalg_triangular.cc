// Triangular systems and Cholesky's decomposition, with Eigen.
#include <Eigen/Cholesky>
#include <complex>

#include "ops/kernels/linalg.h"

namespace sluice::kernels {
namespace {

template <typename T>
using Matrix = Eigen::Matrix<T, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
template <typename T>
using In = Eigen::Map<const Matrix<T>>;
template <typename T>
using Out = Eigen::Map<Matrix<T>>;

}  // namespace

template <typename T>
bool SolveTriangular(const T* a, const T* b, int64_t n, int64_t k, bool lower, bool adjoint, T* x) {
  if (n == 0 || k == 0) return true;
  Matrix<T> matrix = In<T>(a, n, n);
  if (!(matrix.diagonal().cwiseAbs().minCoeff() > 0)) return false;
  if (adjoint) matrix.adjointInPlace();
  Out<T> result(x, n, k);
  result = In<T>(b, n, k);
  if (lower != adjoint) {
    matrix.template triangularView<Eigen::Lower>().solveInPlace(result);
  } else {
    matrix.template triangularView<Eigen::Upper>().solveInPlace(result);
  }
  return true;
}

template <typename T>
bool Cholesky(const T* a, int64_t n, T* l) {
  if (n == 0) return true;
  const Eigen::LLT<Matrix<T>> llt(In<T>(a, n, n));
  if (llt.info() != Eigen::Success) return false;
  Out<T>(l, n, n) = llt.matrixL();
  return true;
}

// Iain Murray, "Differentiation of the Cholesky decomposition" (arXiv 1602.07527), equation 8:
// da = l^-T Phi(l^T dl) l^-1, made symmetric, where Phi keeps the lower triangle and halves the
// diagonal.
template <typename T>
void CholeskyGrad(const T* l, const T* dl, int64_t n, T* da) {
  if (n == 0) return;
  const Matrix<T> lower = In<T>(l, n, n).template triangularView<Eigen::Lower>();
  const Matrix<T> incoming = In<T>(dl, n, n).template triangularView<Eigen::Lower>();
  const Matrix<T> upper = lower.transpose();
  Matrix<T> middle = upper * incoming;
  middle.template triangularView<Eigen::StrictlyUpper>().setZero();
  middle.diagonal() *= T{0.5};
  upper.template triangularView<Eigen::Upper>().solveInPlace(middle);
  middle.transposeInPlace();
  upper.template triangularView<Eigen::Upper>().solveInPlace(middle);
  Out<T>(da, n, n) = T{0.5} * (middle + middle.transpose());
}

#define SLUICE_INSTANTIATE(T)                                                             \
  template bool SolveTriangular<T>(const T*, const T*, int64_t, int64_t, bool, bool, T*); \
  template bool Cholesky<T>(const T*, int64_t, T*);
SLUICE_INSTANTIATE(double)
SLUICE_INSTANTIATE(std::complex<double>)
#undef SLUICE_INSTANTIATE
template void CholeskyGrad<double>(const double*, const double*, int64_t, double*);

}  // namespace sluice::kernels
