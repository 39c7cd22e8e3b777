#include "ops/kernels/binary_math.h"

#include <cmath>
#include <limits>

#include "ops/kernels/binary_loops.h"
#include "ops/kernels/simd_math.h"

namespace sluice::kernels {
namespace {

template <Integer T>
T Wrapped(uint64_t x) {
  return static_cast<T>(x);
}

struct Add {
  static constexpr double kCost = 0.2;
  template <typename T>
  static T Apply(const T& x, const T& y) {
    if constexpr (Integer<T>) {
      return Wrapped<T>(static_cast<uint64_t>(x) + static_cast<uint64_t>(y));
    } else {
      return x + y;
    }
  }
};

struct Sub {
  static constexpr double kCost = 0.2;
  template <typename T>
  static T Apply(T x, T y) {
    if constexpr (Integer<T>) {
      return Wrapped<T>(static_cast<uint64_t>(x) - static_cast<uint64_t>(y));
    } else {
      return x - y;
    }
  }
};

struct Mul {
  static constexpr double kCost = 0.2;
  template <typename T>
  static T Apply(T x, T y) {
    if constexpr (Integer<T>) {
      return Wrapped<T>(static_cast<uint64_t>(x) * static_cast<uint64_t>(y));
    } else {
      return x * y;
    }
  }
};

struct RealDiv {
  static constexpr double kCost = 0.3;
  template <RealOrComplex T>
  static T Apply(T x, T y) {
    return x / y;
  }
};

struct TruncateDiv {
  static constexpr double kCost = 0.4;
  template <typename T>
  static bool Valid(T, T y) {
    return y != 0;
  }
  template <typename T>
  requires Integer<T> || Real<T>
  static T Apply(T x, T y) {
    if constexpr (Real<T>) {
      return std::trunc(x / y);
    } else {
      if constexpr (std::is_signed_v<T>) {
        if (y == -1) return Wrapped<T>(uint64_t{0} - static_cast<uint64_t>(x));
      }
      return static_cast<T>(x / y);
    }
  }
};

struct Div {
  static constexpr double kCost = 0.3;
  template <typename T>
  static bool Valid(T, T y) {
    return y != 0;
  }
  template <typename T>
  static T Apply(T x, T y) {
    if constexpr (Integer<T>) {
      return TruncateDiv::Apply(x, y);
    } else {
      return x / y;
    }
  }
};

struct FloorDiv {
  static constexpr double kCost = 0.4;
  template <typename T>
  static bool Valid(T, T y) {
    return y != 0;
  }
  template <typename T>
  requires Integer<T> || Real<T>
  static T Apply(T x, T y) {
    if constexpr (Real<T>) {
      return std::floor(x / y);
    } else {
      const T quotient = TruncateDiv::Apply(x, y);
      if constexpr (std::is_signed_v<T>) {
        if (y != -1 && x % y != 0 && (x < 0) != (y < 0)) return static_cast<T>(quotient - 1);
      }
      return quotient;
    }
  }
};

struct TruncateMod {
  static constexpr double kCost = 10;
  static constexpr bool kVectorized = false;
  template <typename T>
  static bool Valid(T, T y) {
    return y != 0;
  }
  template <typename T>
  requires Integer<T> || Real<T>
  static T Apply(T x, T y) {
    if constexpr (Real<T>) {
      return std::fmod(x, y);
    } else {
      if constexpr (std::is_signed_v<T>) {
        if (y == -1) return 0;
      }
      return static_cast<T>(x % y);
    }
  }
};

struct FloorMod {
  static constexpr double kCost = 10;
  static constexpr bool kVectorized = false;
  template <typename T>
  static bool Valid(T, T y) {
    return y != 0;
  }
  template <typename T>
  requires Integer<T> || Real<T>
  static T Apply(T x, T y) {
    const T rest = TruncateMod::Apply(x, y);
    return rest != 0 && (rest < 0) != (y < 0) ? static_cast<T>(rest + y) : rest;
  }
};

struct Pow {
  static constexpr double kCost = 1.5;
  static constexpr bool kBlocks = true;
  template <typename T>
  static bool Valid(T, T y) {
    return y >= 0;
  }
  template <typename T>
  static T Apply(T x, T y) {
    if constexpr (std::is_same_v<T, float>) {
      return powf(x, y);
    } else if constexpr (std::is_same_v<T, double>) {
      return pow(x, y);
    } else if constexpr (Complex<T>) {
      return std::pow(x, y);
    } else {
      uint64_t power = 1, square = static_cast<uint64_t>(x);
      for (auto left = static_cast<uint64_t>(y); left > 0; left >>= 1) {
        if (left & 1) power *= square;
        square *= square;
      }
      return Wrapped<T>(power);
    }
  }
};

struct Maximum {
  static constexpr double kCost = 0.2;
  template <typename T>
  requires Integer<T> || Real<T>
  static T Apply(T x, T y) { return x > y || x != x ? x : y; }
};

struct Minimum {
  static constexpr double kCost = 0.2;
  template <typename T>
  requires Integer<T> || Real<T>
  static T Apply(T x, T y) { return x < y || x != x ? x : y; }
};

struct SquaredDifference {
  static constexpr double kCost = 0.2;
  template <typename T>
  static T Apply(T x, T y) {
    const T difference = Sub::Apply(x, y);
    return Mul::Apply(difference, difference);
  }
};

struct DivNoNan {
  static constexpr double kCost = 0.3;
  template <RealOrComplex T>
  static T Apply(T x, T y) {
    return y == T{0} ? T{0} : x / y;
  }
};

struct MulNoNan {
  static constexpr double kCost = 0.2;
  template <RealOrComplex T>
  static T Apply(T x, T y) {
    return y == T{0} ? T{0} : x * y;
  }
};

struct Xdivy {
  static constexpr double kCost = 0.3;
  template <RealOrComplex T>
  static T Apply(T x, T y) {
    return x == T{0} ? T{0} : x / y;
  }
};

struct Xlogy {
  static constexpr double kCost = 0.5;
  static constexpr bool kBlocks = true;
  template <RealOrComplex T>
  static T Apply(T x, T y) {
    if constexpr (std::is_same_v<T, float>) {
      return x == 0 ? 0 : x * logf(y);
    } else if constexpr (std::is_same_v<T, double>) {
      return x == 0 ? 0 : x * log(y);
    } else {
      return x == T{0} ? T{0} : x * std::log(y);
    }
  }
};

struct Atan2 {
  static constexpr double kCost = 1;
  static constexpr bool kBlocks = true;
  template <Real T>
  static T Apply(T x, T y) {
    if constexpr (std::is_same_v<T, float>) {
      return atan2f(x, y);
    } else {
      return atan2(x, y);
    }
  }
};

// The conjugates make these the gradients of complex functions too.
template <typename T>
T Conjugate(T y) {
  if constexpr (Complex<T>) {
    return std::conj(y);
  } else {
    return y;
  }
}

struct TanhGrad {
  static constexpr double kCost = 0.2;
  static constexpr bool kNoBroadcast = true;
  template <RealOrComplex T>
  static T Apply(T y, T dy) {
    return dy * Conjugate(T{1} - y * y);
  }
};

struct SigmoidGrad {
  static constexpr double kCost = 0.2;
  static constexpr bool kNoBroadcast = true;
  template <RealOrComplex T>
  static T Apply(T y, T dy) {
    return dy * Conjugate(y * (T{1} - y));
  }
};

struct SqrtGrad {
  static constexpr double kCost = 0.3;
  static constexpr bool kNoBroadcast = true;
  template <RealOrComplex T>
  static T Apply(T y, T dy) {
    return dy * T{0.5} / Conjugate(y);
  }
};

struct RsqrtGrad {
  static constexpr double kCost = 0.2;
  static constexpr bool kNoBroadcast = true;
  template <RealOrComplex T>
  static T Apply(T y, T dy) {
    return dy * Conjugate(y * y * y) * T{-0.5};
  }
};

struct ReciprocalGrad {
  static constexpr double kCost = 0.2;
  static constexpr bool kNoBroadcast = true;
  template <RealOrComplex T>
  static T Apply(T y, T dy) {
    return -dy * Conjugate(y * y);
  }
};

template <typename F>
BinaryKernel PickNumber(DType dtype) {
  return Pick<F, float, double, Half, BFloat16, int8_t, int16_t, int32_t, int64_t, uint8_t,
              uint16_t, std::complex<float>, std::complex<double>>(dtype);
}

BinaryKernel PickAdd(DType dtype) {
  return dtype == DType::kString ? Pick<Add, std::string>(dtype) : PickNumber<Add>(dtype);
}

// x to a power that is the same for all elements: the usual ones without pow().
template <typename T>
bool PowByScalar(const void* from, const void* exponent, void* to, int64_t n) {
  const T* x = static_cast<const T*>(from);
  T* z = static_cast<T*>(to);
  const T power = n > 0 ? *static_cast<const T*>(exponent) : T{0};
  auto apply = [&](auto f) {
#pragma omp simd
    for (int64_t i = 0; i < n; ++i) z[i] = f(x[i]);
    return true;
  };
  constexpr T kInfinity = std::numeric_limits<T>::infinity();
  if (power == 2) return apply([](T v) { return v * v; });
  if (power == 3) return apply([](T v) { return v * v * v; });
  if (power == 1) return apply([](T v) { return v; });
  if (power == -1) return apply([](T v) { return 1 / v; });
  if (power == T{0.5}) {  // C's pow: +infinity from -infinity, +0 from -0
    return apply([](T v) { return v == -kInfinity ? kInfinity : std::sqrt(v) + T{0}; });
  }
  return RunArray<Pow, Form::kVs, T>(from, exponent, to, n);
}

BinaryKernel PickPow(DType dtype) {
  BinaryKernel kernel = PickNumber<Pow>(dtype);
  if (dtype == DType::kFloat) kernel.vs = PowByScalar<float>;
  if (dtype == DType::kDouble) kernel.vs = PowByScalar<double>;
  return kernel;
}

}  // namespace

BinaryKernel FindBinary(BinaryFunction function, DType dtype) {
  using Finder = BinaryKernel (*)(DType);
  // In the order of BinaryFunction, up to kEqual.
  static constexpr Finder kFinders[] = {
      PickAdd,
      PickNumber<Sub>,
      PickNumber<Mul>,
      PickNumber<Div>,
      PickNumber<RealDiv>,
      PickNumber<FloorDiv>,
      PickNumber<TruncateDiv>,
      PickNumber<FloorMod>,
      PickNumber<TruncateMod>,
      PickPow,
      PickNumber<Maximum>,
      PickNumber<Minimum>,
      PickNumber<SquaredDifference>,
      PickNumber<DivNoNan>,
      PickNumber<MulNoNan>,
      PickNumber<Xdivy>,
      PickNumber<Xlogy>,
      PickNumber<Atan2>,
      PickNumber<TanhGrad>,
      PickNumber<SigmoidGrad>,
      PickNumber<SqrtGrad>,
      PickNumber<RsqrtGrad>,
      PickNumber<ReciprocalGrad>,
  };
  static_assert(std::size(kFinders) == static_cast<size_t>(BinaryFunction::kEqual));
  if (function >= BinaryFunction::kIgamma) return FindSpecial(function, dtype);
  if (function >= BinaryFunction::kBitwiseAnd) return FindBitwise(function, dtype);
  if (function >= BinaryFunction::kEqual) return FindComparison(function, dtype);
  return kFinders[static_cast<size_t>(function)](dtype);
}

}  // namespace sluice::kernels
