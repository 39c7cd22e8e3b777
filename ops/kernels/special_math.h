// Special functions at one point, in double. NaN where a function is not defined.
#ifndef SLUICE_OPS_KERNELS_SPECIAL_MATH_H_
#define SLUICE_OPS_KERNELS_SPECIAL_MATH_H_

namespace sluice::kernels {

// The regularized incomplete gamma functions, a > 0, x >= 0: the lower P(a, x), the upper
// Q(a, x) = 1 - P(a, x), and dP/da.
double Igamma(double a, double x);
double Igammac(double a, double x);
double IgammaGradA(double a, double x);
// Hurwitz' zeta function: sum of (q + n)^-x over n >= 0; infinity at x = 1.
double Zeta(double x, double q);
// The n-th derivative of the digamma function, n a whole number >= 0.
double Polygamma(double n, double x);
// The regularized incomplete beta function I_x(a, b), 0 <= x <= 1.
double Betainc(double a, double b, double x);
// exp(-|x|) times the modified Bessel function of the first kind, of order 0 and 1.
double BesselI0e(double x);
double BesselI1e(double x);

}  // namespace sluice::kernels

#endif  // SLUICE_OPS_KERNELS_SPECIAL_MATH_H_
