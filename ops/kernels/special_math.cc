#include "ops/kernels/special_math.h"

#include "Eigen/Core"
#include "unsupported/Eigen/SpecialFunctions"

namespace sluice::kernels {

double Igamma(double a, double x) { return Eigen::numext::igamma(a, x); }
double Igammac(double a, double x) { return Eigen::numext::igammac(a, x); }
double IgammaGradA(double a, double x) { return Eigen::numext::igamma_der_a(a, x); }
double Zeta(double x, double q) { return Eigen::numext::zeta(x, q); }
double Polygamma(double n, double x) { return Eigen::numext::polygamma(n, x); }
double Betainc(double a, double b, double x) { return Eigen::numext::betainc(a, b, x); }
double BesselI0e(double x) { return Eigen::numext::bessel_i0e(x); }
double BesselI1e(double x) { return Eigen::numext::bessel_i1e(x); }

}  // namespace sluice::kernels
