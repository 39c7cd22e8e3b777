// Linear algebra on one matrix at a time: dense, row-major, of T = double or complex<double>. Sizes
// may be 0. Results are apart from operands.
#ifndef SLUICE_OPS_KERNELS_LINALG_H_
#define SLUICE_OPS_KERNELS_LINALG_H_

#include <cstdint>

namespace sluice::kernels {

// --- linalg_lu.cc, linalg_triangular.cc ---

// The inverse of a [n, n], or of its adjoint. False when a is singular.
template <typename T>
bool Invert(const T* a, int64_t n, bool adjoint, T* inverse);
// x [n, k] with a x = b, or adjoint(a) x = b. False when a is singular.
template <typename T>
bool Solve(const T* a, const T* b, int64_t n, int64_t k, bool adjoint, T* x);
// The same for the lower (upper) triangle of a; the rest is not read. False when a number on the
// diagonal is 0.
template <typename T>
bool SolveTriangular(const T* a, const T* b, int64_t n, int64_t k, bool lower, bool adjoint, T* x);
// The determinant of a [n, n] is sign * exp(log_abs). A determinant of 0, or one that is not
// finite, has the sign 0.
template <typename T>
void LogDeterminant(const T* a, int64_t n, T* sign, T* log_abs);
template <typename T>
T Determinant(const T* a, int64_t n);
// P a = L U by partial pivoting: L (unit diagonal, not kept) and U in one matrix, rows[i] the row
// of a that is row i of P a. False when a is singular.
template <typename T, typename Index>
bool Lu(const T* a, int64_t n, T* lu, Index* rows);
// Lower l with l adjoint(l) = a; reads a's lower triangle. False when a is not positive definite.
template <typename T>
bool Cholesky(const T* a, int64_t n, T* l);
// For T = double: the symmetric gradient by a of a function whose gradient by l is dl. Reads lower
// triangles.
template <typename T>
void CholeskyGrad(const T* l, const T* dl, int64_t n, T* da);

// --- linalg_least_squares.cc, linalg_factor.cc ---

// x [n, k] that makes |a x - b|^2 + l2 |x|^2 least, a [m, n]: by the normal equations (fast), false
// when a has not full rank; else by a complete orthogonal decomposition, which ignores l2.
template <typename T>
bool SolveLeastSquares(const T* a, const T* b, int64_t m, int64_t n, int64_t k, double l2,
                       bool fast, T* x);
// a [m, n] = q r with q [m, p] orthonormal, r [p, n] upper; p = full ? m : min(m, n).
template <typename T>
void Qr(const T* a, int64_t m, int64_t n, bool full, T* q, T* r);
// Eigenvalues of the self-adjoint a [n, n], ascending, and eigenvectors as the columns of v (null:
// none). Reads a's lower triangle. False when the iteration does not converge.
template <typename T>
bool SelfAdjointEig(const T* a, int64_t n, T* e, T* v);

// --- linalg_svd.cc ---

// a [m, n] = u diag(s) adjoint(v), s descending. u [m, p] and v [n, q] with p = q = min(m, n), or m
// and n when `full`; null: none. NaN when a has numbers that are not finite.
template <typename T>
void Svd(const T* a, int64_t m, int64_t n, bool full, T* s, T* u, T* v);

}  // namespace sluice::kernels

#endif  // SLUICE_OPS_KERNELS_LINALG_H_
