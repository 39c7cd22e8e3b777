// Functions of one number over arrays of any length: the numeric core of ops/unary.h, and of
// whatever fuses such ops.
#ifndef SLUICE_OPS_KERNELS_UNARY_MATH_H_
#define SLUICE_OPS_KERNELS_UNARY_MATH_H_

#include <cstdint>

#include "core/dtype.h"
#include "core/kernel.h"

namespace sluice::kernels {

enum class UnaryFunction {
  kNeg,         // wraps at the smallest integer
  kAbs,         // the same
  kSign,        // -1, 0 or 1; x / |x| for complex numbers; 0 of NaN
  kSquare,      // wraps
  kReciprocal,  // 1 / x
  kSqrt,
  kRsqrt,
  kExp,
  kExpm1,
  kLog,
  kLog1p,
  kSin,
  kCos,
  kTan,
  kAsin,
  kAcos,
  kAtan,
  kSinh,
  kCosh,
  kTanh,
  kAsinh,
  kAcosh,
  kAtanh,
  kSigmoid,  // 1 / (1 + exp(-x))
  kErf,
  kErfc,
  kLgamma,   // log |Gamma(x)|
  kDigamma,  // its derivative
  kFloor,
  kCeil,
  kRound,  // to the nearest integer, halves to the even one; integers stay
  kIsNan,  // to bool, as the next three
  kIsInf,
  kIsFinite,
  kLogicalNot,
};

// y[i] = f(x[i]) for i < n. x and y are equal or do not overlap; equal only where the elements have
// one size. The value of an element does not depend on its place in the array.
using UnaryRun = void (*)(const void* x, void* y, int64_t n);

struct UnaryKernel {
  UnaryRun run = nullptr;  // null: not for this dtype
  double cost = 0;         // nanoseconds per element, about
  TileFn tile = nullptr;   // the same as a step of a chain; null: not for this dtype
};

// For elements of `dtype`. half and bfloat16 are computed in float32 and rounded once.
UnaryKernel FindUnary(UnaryFunction function, DType dtype);

}  // namespace sluice::kernels

#endif  // SLUICE_OPS_KERNELS_UNARY_MATH_H_
