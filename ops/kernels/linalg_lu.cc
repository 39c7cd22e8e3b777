// LU by partial pivoting and what follows from it, with Eigen.
#include <Eigen/LU>
#include <cmath>
#include <complex>
#include <limits>

#include "ops/kernels/linalg.h"

namespace sluice::kernels {
namespace {

template <typename T>
using Matrix = Eigen::Matrix<T, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
template <typename T>
using In = Eigen::Map<const Matrix<T>>;
template <typename T>
using Out = Eigen::Map<Matrix<T>>;

template <typename T>
using Decomposition = Eigen::PartialPivLU<Matrix<T>>;

template <typename T>
Decomposition<T> Decompose(const T* a, int64_t n, bool adjoint) {
  Matrix<T> matrix = In<T>(a, n, n);
  if (adjoint) matrix.adjointInPlace();
  return Decomposition<T>(std::move(matrix));
}

template <typename T>
bool IsSingular(const Decomposition<T>& lu) {
  return !(lu.matrixLU().diagonal().cwiseAbs().minCoeff() > 0);
}

}  // namespace

template <typename T>
bool Invert(const T* a, int64_t n, bool adjoint, T* inverse) {
  if (n == 0) return true;
  const Decomposition<T> lu = Decompose(a, n, adjoint);
  if (IsSingular(lu)) return false;
  Out<T>(inverse, n, n) = lu.solve(Matrix<T>::Identity(n, n));
  return true;
}

template <typename T>
bool Solve(const T* a, const T* b, int64_t n, int64_t k, bool adjoint, T* x) {
  if (n == 0 || k == 0) return true;
  const Decomposition<T> lu = Decompose(a, n, adjoint);
  if (IsSingular(lu)) return false;
  Out<T>(x, n, k) = lu.solve(Matrix<T>(In<T>(b, n, k)));
  return true;
}

template <typename T>
void LogDeterminant(const T* a, int64_t n, T* sign, T* log_abs) {
  using Real = typename Eigen::NumTraits<T>::Real;
  *sign = T{1};
  *log_abs = T{0};
  if (n == 0) return;
  const Decomposition<T> lu = Decompose(a, n, false);
  *sign = static_cast<T>(static_cast<Real>(lu.permutationP().determinant()));
  Real log = 0;
  for (int64_t i = 0; i < n; ++i) {
    const T pivot = lu.matrixLU()(i, i);
    const Real size = std::abs(pivot);
    log += std::log(size);
    *sign *= pivot / size;
  }
  if (!std::isfinite(log)) {
    *sign = T{0};
    log = log > 0 ? std::numeric_limits<Real>::infinity() : -std::numeric_limits<Real>::infinity();
  }
  *log_abs = log;
}

template <typename T>
T Determinant(const T* a, int64_t n) {
  T sign, log_abs;
  LogDeterminant(a, n, &sign, &log_abs);
  return sign == T{0} ? T{0} : sign * std::exp(std::real(log_abs));
}

template <typename T, typename Index>
bool Lu(const T* a, int64_t n, T* lu, Index* rows) {
  if (n == 0) return true;
  const Decomposition<T> decomposition = Decompose(a, n, false);
  if (IsSingular(decomposition)) return false;
  Out<T>(lu, n, n) = decomposition.matrixLU();
  for (int64_t i = 0; i < n; ++i)
    rows[decomposition.permutationP().indices()(i)] = static_cast<Index>(i);
  return true;
}

#define SLUICE_INSTANTIATE(T)                                             \
  template bool Invert<T>(const T*, int64_t, bool, T*);                   \
  template bool Solve<T>(const T*, const T*, int64_t, int64_t, bool, T*); \
  template void LogDeterminant<T>(const T*, int64_t, T*, T*);             \
  template T Determinant<T>(const T*, int64_t);                           \
  template bool Lu<T, int32_t>(const T*, int64_t, T*, int32_t*);          \
  template bool Lu<T, int64_t>(const T*, int64_t, T*, int64_t*);
SLUICE_INSTANTIATE(double)
SLUICE_INSTANTIATE(std::complex<double>)
#undef SLUICE_INSTANTIATE

}  // namespace sluice::kernels
