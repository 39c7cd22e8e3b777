// Least squares, with Eigen.
#include <Eigen/Cholesky>
#include <Eigen/QR>
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
bool SolveLeastSquares(const T* a, const T* b, int64_t m, int64_t n, int64_t k, double l2,
                       bool fast, T* x) {
  using Real = typename Eigen::NumTraits<T>::Real;
  Out<T> result(x, n, k);
  if (m == 0 || n == 0 || k == 0) {
    result.setZero();
    return true;
  }
  const In<T> matrix(a, m, n), right(b, m, k);
  if (!fast) {
    result = matrix.completeOrthogonalDecomposition().solve(right);
    return true;
  }
  // The smaller of the two Gram matrices.
  Matrix<T> gram =
      m >= n ? Matrix<T>(matrix.adjoint() * matrix) : Matrix<T>(matrix * matrix.adjoint());
  if (l2 > 0) gram.diagonal().array() += static_cast<T>(static_cast<Real>(l2));
  const Eigen::LLT<Matrix<T>> llt(gram);
  if (llt.info() != Eigen::Success) return false;
  if (m >= n) {
    result.noalias() = matrix.adjoint() * right;
    llt.solveInPlace(result);
  } else {
    result.noalias() = matrix.adjoint() * llt.solve(right);
  }
  return true;
}

#define SLUICE_INSTANTIATE(T)                                                                     \
  template bool SolveLeastSquares<T>(const T*, const T*, int64_t, int64_t, int64_t, double, bool, \
                                     T*);
SLUICE_INSTANTIATE(double)
SLUICE_INSTANTIATE(std::complex<double>)
#undef SLUICE_INSTANTIATE

}  // namespace sluice::kernels
