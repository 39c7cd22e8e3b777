// Singular values, with Eigen.
#include <Eigen/SVD>
#include <algorithm>
#include <complex>
#include <limits>

#include "ops/kernels/linalg.h"

namespace sluice::kernels {
namespace {

template <typename T>
using Matrix = Eigen::Matrix<T, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
template <typename T>
using Out = Eigen::Map<Matrix<T>>;

}  // namespace

template <typename T>
void Svd(const T* a, int64_t m, int64_t n, bool full, T* s, T* u, T* v) {
  using Real = typename Eigen::NumTraits<T>::Real;
  const int64_t p = std::min(m, n);
  Out<T> left(u, m, u ? (full ? m : p) : 0), right(v, n, v ? (full ? n : p) : 0);
  if (p == 0) {
    left.setIdentity();
    right.setIdentity();
    return;
  }
  const Eigen::Map<const Matrix<T>> matrix(a, m, n);
  if (!matrix.allFinite()) {
    const T nan = static_cast<T>(std::numeric_limits<Real>::quiet_NaN());
    std::fill(s, s + p, nan);
    left.setConstant(nan);
    right.setConstant(nan);
    return;
  }
  unsigned options = 0;
  if (u) {
    options = full ? Eigen::ComputeFullU | Eigen::ComputeFullV
                   : Eigen::ComputeThinU | Eigen::ComputeThinV;
  }
  const Eigen::JacobiSVD<Matrix<T>> svd(matrix, options);
  Out<T>(s, p, 1) = svd.singularValues().template cast<T>();
  if (u) {
    left = svd.matrixU();
    right = svd.matrixV();
  }
}

template void Svd<double>(const double*, int64_t, int64_t, bool, double*, double*, double*);
template void Svd<std::complex<double>>(const std::complex<double>*, int64_t, int64_t, bool,
                                        std::complex<double>*, std::complex<double>*,
                                        std::complex<double>*);

}  // namespace sluice::kernels
