// The functions of binary_math.h that give bools.
#include "ops/kernels/binary_loops.h"

namespace sluice::kernels {
namespace {

template <typename T>
concept Ordered = Real<T> || Integer<T>;

struct Equal {
  static constexpr double kCost = 0.2;
  template <typename T>
  static bool Apply(const T& x, const T& y) {
    return x == y;
  }
};

struct NotEqual {
  static constexpr double kCost = 0.2;
  template <typename T>
  static bool Apply(const T& x, const T& y) {
    return x != y;
  }
};

struct Less {
  static constexpr double kCost = 0.2;
  template <Ordered T>
  static bool Apply(T x, T y) {
    return x < y;
  }
};

struct LessEqual {
  static constexpr double kCost = 0.2;
  template <Ordered T>
  static bool Apply(T x, T y) {
    return x <= y;
  }
};

struct Greater {
  static constexpr double kCost = 0.2;
  template <Ordered T>
  static bool Apply(T x, T y) {
    return x > y;
  }
};

struct GreaterEqual {
  static constexpr double kCost = 0.2;
  template <Ordered T>
  static bool Apply(T x, T y) {
    return x >= y;
  }
};

struct LogicalAnd {
  static constexpr double kCost = 0.05;
  template <std::same_as<bool> T>
  static bool Apply(T x, T y) {
    return x & y;
  }
};

struct LogicalOr {
  static constexpr double kCost = 0.05;
  template <std::same_as<bool> T>
  static bool Apply(T x, T y) {
    return x | y;
  }
};

template <typename F>
BinaryKernel PickOrdered(DType dtype) {
  return Pick<F, float, double, Half, BFloat16, int8_t, int16_t, int32_t, int64_t, uint8_t,
              uint16_t, uint32_t, uint64_t>(dtype);
}

template <typename F>
BinaryKernel PickEquality(DType dtype) {
  const BinaryKernel kernel = PickOrdered<F>(dtype);
  if (kernel.vv) return kernel;
  return Pick<F, bool, std::complex<float>, std::complex<double>, std::string>(dtype);
}

}  // namespace

BinaryKernel FindComparison(BinaryFunction function, DType dtype) {
  switch (function) {
    case BinaryFunction::kEqual:
      return PickEquality<Equal>(dtype);
    case BinaryFunction::kNotEqual:
      return PickEquality<NotEqual>(dtype);
    case BinaryFunction::kLess:
      return PickOrdered<Less>(dtype);
    case BinaryFunction::kLessEqual:
      return PickOrdered<LessEqual>(dtype);
    case BinaryFunction::kGreater:
      return PickOrdered<Greater>(dtype);
    case BinaryFunction::kGreaterEqual:
      return PickOrdered<GreaterEqual>(dtype);
    case BinaryFunction::kLogicalAnd:
      return Pick<LogicalAnd, bool>(dtype);
    case BinaryFunction::kLogicalOr:
      return Pick<LogicalOr, bool>(dtype);
    default:
      return {};
  }
}

}  // namespace sluice::kernels
