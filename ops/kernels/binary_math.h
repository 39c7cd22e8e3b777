// Functions of two numbers over arrays: the numeric core of ops/binary.h, and of whatever fuses
// such ops.
#ifndef SLUICE_OPS_KERNELS_BINARY_MATH_H_
#define SLUICE_OPS_KERNELS_BINARY_MATH_H_

#include <cstdint>

#include "core/dtype.h"
#include "core/kernel.h"

namespace sluice::kernels {

// Integers wrap around where a result does not fit. "Checked" functions have no value for some
// integers (BinaryRun says so).
enum class BinaryFunction {
  kAdd,  // joins strings
  kSub,
  kMul,
  kDiv,          // integers: towards zero, checked; others: x / y
  kRealDiv,      // floating and complex types only
  kFloorDiv,     // rounded down, checked
  kTruncateDiv,  // rounded towards zero, checked
  kFloorMod,     // x - floor(x / y) * y, checked: the sign of y
  kTruncateMod,  // C's remainder and fmod, checked: the sign of x
  kPow,          // checked: integers have no negative powers
  kMaximum,      // NaN where either is
  kMinimum,      // the same
  kSquaredDifference,
  kDivNoNan,  // 0 where y is 0
  kMulNoNan,  // 0 where y is 0, whatever x
  kXdivy,     // x / y, 0 where x is 0
  kXlogy,     // x * log(y), 0 where x is 0
  kAtan2,     // the angle of the point (y, x): atan2(first, second)
  // Gradients of functions of one number, from y = f(x) and dy. No broadcasting: their sv and vs
  // are null.
  kTanhGrad,        // dy * (1 - y * y)
  kSigmoidGrad,     // dy * y * (1 - y)
  kSqrtGrad,        // dy / (2 * y)
  kRsqrtGrad,       // -dy / 2 * y^3
  kReciprocalGrad,  // -dy * y * y
  // To bool. NaN is unequal to everything, and neither less nor greater.
  kEqual,
  kNotEqual,
  kLess,
  kLessEqual,
  kGreater,
  kGreaterEqual,
  kLogicalAnd,
  kLogicalOr,
  // Of integers, bit by bit.
  kBitwiseAnd,
  kBitwiseOr,
  kBitwiseXor,
  kLeftShift,   // by y clamped to [0, number of bits - 1]
  kRightShift,  // likewise; copies the sign of signed types
  // Special functions of float and double, special_math.h.
  kIgamma,
  kIgammac,
  kIgammaGradA,
  kZeta,
  kPolygamma,
};

// z[i] = f(x[i], y[i]) for i < n. z is apart from x and y or equal to one of them (where element
// sizes agree). The value of an element does not depend on its place. False when a checked function
// met a pair that has no value; z[i] is then 0 there.
using BinaryRun = bool (*)(const void* x, const void* y, void* z, int64_t n);

struct BinaryKernel {
  BinaryRun vv = nullptr;  // two arrays; null: not for this dtype
  BinaryRun sv = nullptr;  // x is one element
  BinaryRun vs = nullptr;  // y is one element
  double cost = 0;         // nanoseconds per element, about
  TileFn tile = nullptr;   // vv as a step of a chain; null: not for this dtype
};

// For elements of `dtype`. half and bfloat16 are computed in float32 and rounded once.
BinaryKernel FindBinary(BinaryFunction function, DType dtype);

}  // namespace sluice::kernels

#endif  // SLUICE_OPS_KERNELS_BINARY_MATH_H_
