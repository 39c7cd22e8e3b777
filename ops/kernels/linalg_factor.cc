// QR and eigenvalues of self-adjoint matrices, with Eigen.
#include <Eigen/Eigenvalues>
#include <Eigen/QR>
#include <algorithm>
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
void Qr(const T* a, int64_t m, int64_t n, bool full, T* q, T* r) {
  const int64_t p = full ? m : std::min(m, n);
  Out<T> basis(q, m, p), triangle(r, p, n);
  if (m == 0 || n == 0) {
    basis.setIdentity();
    return;
  }
  const Eigen::HouseholderQR<Matrix<T>> qr(In<T>(a, m, n));
  const Matrix<T> identity = Matrix<T>::Identity(m, p);
  basis = qr.householderQ() * identity;
  triangle = qr.matrixQR().topRows(p).template triangularView<Eigen::Upper>();
}

template <typename T>
bool SelfAdjointEig(const T* a, int64_t n, T* e, T* v) {
  if (n == 0) return true;
  const Eigen::SelfAdjointEigenSolver<Matrix<T>> eig(
      In<T>(a, n, n), v ? Eigen::ComputeEigenvectors : Eigen::EigenvaluesOnly);
  if (eig.info() != Eigen::Success) return false;
  Out<T>(e, n, 1) = eig.eigenvalues().template cast<T>();
  if (v) Out<T>(v, n, n) = eig.eigenvectors();
  return true;
}

#define SLUICE_INSTANTIATE(T)                                    \
  template void Qr<T>(const T*, int64_t, int64_t, bool, T*, T*); \
  template bool SelfAdjointEig<T>(const T*, int64_t, T*, T*);
SLUICE_INSTANTIATE(double)
SLUICE_INSTANTIATE(std::complex<double>)
#undef SLUICE_INSTANTIATE

}  // namespace sluice::kernels
