// The C library's functions of one real number, callable from a vectorized loop.
//
// glibc has vector versions of these (libmvec, at most 4 units in the last place off); a loop under
// `#pragma omp simd` uses them once the compiler knows that they exist, which these declarations
// say. Without glibc 2.35 on x86-64, or with another compiler, the loops call the scalar functions.
#ifndef SLUICE_OPS_KERNELS_SIMD_MATH_H_
#define SLUICE_OPS_KERNELS_SIMD_MATH_H_

#include <math.h>

#include <cmath>

#if defined(__x86_64__) && defined(__GLIBC__) && !defined(__clang__)
#if __GLIBC_PREREQ(2, 35)
extern "C" {
#pragma omp declare simd notinbranch
float expf(float) noexcept;
#pragma omp declare simd notinbranch
double exp(double) noexcept;
#pragma omp declare simd notinbranch
float expm1f(float) noexcept;
#pragma omp declare simd notinbranch
double expm1(double) noexcept;
#pragma omp declare simd notinbranch
float logf(float) noexcept;
#pragma omp declare simd notinbranch
double log(double) noexcept;
#pragma omp declare simd notinbranch
float log1pf(float) noexcept;
#pragma omp declare simd notinbranch
double log1p(double) noexcept;
#pragma omp declare simd notinbranch
float sinf(float) noexcept;
#pragma omp declare simd notinbranch
double sin(double) noexcept;
#pragma omp declare simd notinbranch
float cosf(float) noexcept;
#pragma omp declare simd notinbranch
double cos(double) noexcept;
#pragma omp declare simd notinbranch
float tanf(float) noexcept;
#pragma omp declare simd notinbranch
double tan(double) noexcept;
#pragma omp declare simd notinbranch
float asinf(float) noexcept;
#pragma omp declare simd notinbranch
double asin(double) noexcept;
#pragma omp declare simd notinbranch
float acosf(float) noexcept;
#pragma omp declare simd notinbranch
double acos(double) noexcept;
#pragma omp declare simd notinbranch
float atanf(float) noexcept;
#pragma omp declare simd notinbranch
double atan(double) noexcept;
#pragma omp declare simd notinbranch
float sinhf(float) noexcept;
#pragma omp declare simd notinbranch
double sinh(double) noexcept;
#pragma omp declare simd notinbranch
float coshf(float) noexcept;
#pragma omp declare simd notinbranch
double cosh(double) noexcept;
#pragma omp declare simd notinbranch
float tanhf(float) noexcept;
#pragma omp declare simd notinbranch
double tanh(double) noexcept;
#pragma omp declare simd notinbranch
float asinhf(float) noexcept;
#pragma omp declare simd notinbranch
double asinh(double) noexcept;
#pragma omp declare simd notinbranch
float acoshf(float) noexcept;
#pragma omp declare simd notinbranch
double acosh(double) noexcept;
#pragma omp declare simd notinbranch
float atanhf(float) noexcept;
#pragma omp declare simd notinbranch
double atanh(double) noexcept;
#pragma omp declare simd notinbranch
float erff(float) noexcept;
#pragma omp declare simd notinbranch
double erf(double) noexcept;
#pragma omp declare simd notinbranch
float erfcf(float) noexcept;
#pragma omp declare simd notinbranch
double erfc(double) noexcept;
#pragma omp declare simd notinbranch
float powf(float, float) noexcept;
#pragma omp declare simd notinbranch
double pow(double, double) noexcept;
#pragma omp declare simd notinbranch
float atan2f(float, float) noexcept;
#pragma omp declare simd notinbranch
double atan2(double, double) noexcept;
}
#endif
#endif

#endif  // SLUICE_OPS_KERNELS_SIMD_MATH_H_
