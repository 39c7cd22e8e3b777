// The functions of binary_math.h that work on the bits of integers.
#include "ops/kernels/binary_loops.h"

namespace sluice::kernels {
namespace {

struct BitwiseAnd {
  static constexpr double kCost = 0.2;
  template <Integer T>
  static T Apply(T x, T y) {
    return static_cast<T>(x & y);
  }
};

struct BitwiseOr {
  static constexpr double kCost = 0.2;
  template <Integer T>
  static T Apply(T x, T y) {
    return static_cast<T>(x | y);
  }
};

struct BitwiseXor {
  static constexpr double kCost = 0.2;
  template <Integer T>
  static T Apply(T x, T y) {
    return static_cast<T>(x ^ y);
  }
};

template <Integer T>
int ShiftOf(T y) {
  constexpr T kMost = sizeof(T) * 8 - 1;
  return static_cast<int>(y < 0 ? T{0} : std::min(y, kMost));
}

struct LeftShift {
  static constexpr double kCost = 0.3;
  template <Integer T>
  static T Apply(T x, T y) {
    return static_cast<T>(static_cast<uint64_t>(x) << ShiftOf(y));
  }
};

struct RightShift {
  static constexpr double kCost = 0.3;
  template <Integer T>
  static T Apply(T x, T y) {
    return static_cast<T>(x >> ShiftOf(y));
  }
};

template <typename F>
BinaryKernel PickInteger(DType dtype) {
  return Pick<F, int8_t, int16_t, int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t>(dtype);
}

}  // namespace

BinaryKernel FindBitwise(BinaryFunction function, DType dtype) {
  switch (function) {
    case BinaryFunction::kBitwiseAnd:
      return PickInteger<BitwiseAnd>(dtype);
    case BinaryFunction::kBitwiseOr:
      return PickInteger<BitwiseOr>(dtype);
    case BinaryFunction::kBitwiseXor:
      return PickInteger<BitwiseXor>(dtype);
    case BinaryFunction::kLeftShift:
      return PickInteger<LeftShift>(dtype);
    case BinaryFunction::kRightShift:
      return PickInteger<RightShift>(dtype);
    default:
      return {};
  }
}

}  // namespace sluice::kernels
