#include "ops/kernels/unary_math.h"

#include <algorithm>
#include <cmath>
#include <complex>
#include <concepts>
#include <limits>
#include <type_traits>

#include "ops/kernels/narrow_float.h"
#include "ops/kernels/simd_math.h"

namespace sluice::kernels {
namespace {

template <typename T>
concept Real = std::same_as<T, float> || std::same_as<T, double>;
template <typename T>
concept Complex = std::same_as<T, std::complex<float>> || std::same_as<T, std::complex<double>>;
template <typename T>
concept Integer = std::integral<T> && !std::same_as<T, bool>;
template <typename T>
concept RealOrComplex = Real<T> || Complex<T>;

// How a loop over an array is compiled.
enum class Loop {
  kExact,   // every way of computing gives the same bits
  kBlocks,  // vector and scalar code may differ in the last bits: always whole vectors
  kScalar,  // the compiler cannot vectorize it
};

// Each function: Loop, cost in nanoseconds, and Apply() for the types that it takes.
struct Neg {
  static constexpr Loop kLoop = Loop::kExact;
  static constexpr double kCost = 0.15;
  template <RealOrComplex T>
  static T Apply(T x) {
    return -x;
  }
  template <Integer T>
  static T Apply(T x) {
    return static_cast<T>(std::make_unsigned_t<T>{0} - static_cast<std::make_unsigned_t<T>>(x));
  }
};

struct Abs {
  static constexpr Loop kLoop = Loop::kExact;
  static constexpr double kCost = 0.15;
  template <Real T>
  static T Apply(T x) {
    return std::abs(x);
  }
  template <Integer T>
  static T Apply(T x) {
    return x < 0 ? Neg::Apply(x) : x;
  }
};

struct Sign {
  static constexpr Loop kLoop = Loop::kExact;
  static constexpr double kCost = 0.2;
  template <Real T>
  static T Apply(T x) {
    return static_cast<T>((x > 0) - (x < 0));
  }
  template <Integer T>
  static T Apply(T x) {
    return static_cast<T>((x > 0) - (x < 0));
  }
  template <Complex T>
  static T Apply(T x) {
    return x == T{} ? T{} : x / std::abs(x);
  }
};

struct Square {
  static constexpr Loop kLoop = Loop::kExact;
  static constexpr double kCost = 0.15;
  template <RealOrComplex T>
  static T Apply(T x) {
    return x * x;
  }
  template <Integer T>
  static T Apply(T x) {
    // 64 bits: a product of 16-bit numbers would overflow the int that they are promoted to.
    return static_cast<T>(static_cast<uint64_t>(x) * static_cast<uint64_t>(x));
  }
};

struct Reciprocal {
  static constexpr Loop kLoop = Loop::kExact;
  static constexpr double kCost = 0.3;
  template <RealOrComplex T>
  static T Apply(T x) {
    return T{1} / x;
  }
};

struct Sqrt {
  static constexpr Loop kLoop = Loop::kExact;
  static constexpr double kCost = 0.3;
  template <RealOrComplex T>
  static T Apply(T x) {
    return std::sqrt(x);
  }
};

struct Rsqrt {
  static constexpr Loop kLoop = Loop::kExact;
  static constexpr double kCost = 0.5;
  template <RealOrComplex T>
  static T Apply(T x) {
    return T{1} / std::sqrt(x);
  }
};

// A function of the C library, with a complex twin where it has one.
template <float (*kFloat)(float) noexcept, double (*kDouble)(double) noexcept, int kTenths>
struct Library {
  static constexpr Loop kLoop = Loop::kBlocks;
  static constexpr double kCost = 0.1 * kTenths;
  static float Apply(float x) { return kFloat(x); }
  static double Apply(double x) { return kDouble(x); }
};
using Erf = Library<erff, erf, 7>;
using Erfc = Library<erfcf, erfc, 20>;

struct Exp : Library<expf, exp, 4> {
  using Library::Apply;
  template <Complex T>
  static T Apply(T x) {
    return std::exp(x);
  }
};
struct Log : Library<logf, log, 4> {
  using Library::Apply;
  template <Complex T>
  static T Apply(T x) {
    return std::log(x);
  }
};
// Near 0 exp(x) - 1 and log(1 + x) would lose what x has beside 1.
struct Expm1 : Library<expm1f, expm1, 5> {
  using Library::Apply;
  template <Complex T>
  static T Apply(T x) {
    // exp(a + bi) - 1 = expm1(a) cos(b) - 2 sin(b / 2)^2 + i exp(a) sin(b)
    const auto a = x.real(), b = x.imag(), half = std::sin(b / 2);
    return {std::expm1(a) * std::cos(b) - 2 * half * half, std::exp(a) * std::sin(b)};
  }
};
struct Log1p : Library<log1pf, log1p, 5> {
  using Library::Apply;
  template <Complex T>
  static T Apply(T x) {
    // |1 + x|^2 = 1 + a (2 + a) + b^2
    const auto a = x.real(), b = x.imag();
    const auto real = std::abs(a) + std::abs(b) < 1 ? std::log1p(a * (2 + a) + b * b) / 2
                                                    : std::log(std::abs(T{1} + x));
    return {real, std::atan2(b, 1 + a)};
  }
};
struct Sin : Library<sinf, sin, 4> {
  using Library::Apply;
  template <Complex T>
  static T Apply(T x) {
    return std::sin(x);
  }
};
struct Cos : Library<cosf, cos, 4> {
  using Library::Apply;
  template <Complex T>
  static T Apply(T x) {
    return std::cos(x);
  }
};
struct Tan : Library<tanf, tan, 5> {
  using Library::Apply;
  template <Complex T>
  static T Apply(T x) {
    return std::tan(x);
  }
};
struct Asin : Library<asinf, asin, 5> {
  using Library::Apply;
  template <Complex T>
  static T Apply(T x) {
    return std::asin(x);
  }
};
struct Acos : Library<acosf, acos, 5> {
  using Library::Apply;
  template <Complex T>
  static T Apply(T x) {
    return std::acos(x);
  }
};
struct Atan : Library<atanf, atan, 5> {
  using Library::Apply;
  template <Complex T>
  static T Apply(T x) {
    return std::atan(x);
  }
};
struct Sinh : Library<sinhf, sinh, 5> {
  using Library::Apply;
  template <Complex T>
  static T Apply(T x) {
    return std::sinh(x);
  }
};
struct Cosh : Library<coshf, cosh, 5> {
  using Library::Apply;
  template <Complex T>
  static T Apply(T x) {
    return std::cosh(x);
  }
};
struct Tanh : Library<tanhf, tanh, 5> {
  using Library::Apply;
  template <Complex T>
  static T Apply(T x) {
    return std::tanh(x);
  }
};
struct Asinh : Library<asinhf, asinh, 7> {
  using Library::Apply;
  template <Complex T>
  static T Apply(T x) {
    return std::asinh(x);
  }
};
struct Acosh : Library<acoshf, acosh, 8> {
  using Library::Apply;
  template <Complex T>
  static T Apply(T x) {
    return std::acosh(x);
  }
};
struct Atanh : Library<atanhf, atanh, 5> {
  using Library::Apply;
  template <Complex T>
  static T Apply(T x) {
    return std::atanh(x);
  }
};

struct Sigmoid {
  static constexpr Loop kLoop = Loop::kBlocks;
  static constexpr double kCost = 0.6;
  template <RealOrComplex T>
  static T Apply(T x) {
    return T{1} / (T{1} + Exp::Apply(-x));
  }
};

struct Lgamma {
  static constexpr Loop kLoop = Loop::kScalar;
  static constexpr double kCost = 15;
  // lgamma() itself writes a global variable.
  static float Apply(float x) {
    int sign;
    return lgammaf_r(x, &sign);
  }
  static double Apply(double x) {
    int sign;
    return lgamma_r(x, &sign);
  }
};

struct Digamma {
  static constexpr Loop kLoop = Loop::kScalar;
  static constexpr double kCost = 25;
  static float Apply(float x) { return static_cast<float>(Apply(static_cast<double>(x))); }
  // Abramowitz and Stegun, Handbook of Mathematical Functions: 6.3.7 (reflection), 6.3.5
  // (recurrence up to 10), 6.3.18 (asymptotic series).
  static double Apply(double x) {
    double sum = 0;
    if (x <= 0) {
      if (x == std::floor(x)) return std::numeric_limits<double>::quiet_NaN();
      sum = -M_PI / std::tan(M_PI * (x - std::floor(x)));
      x = 1 - x;
    }
    for (; x < 10; x += 1) sum -= 1 / x;
    const double y = 1 / (x * x);
    const double series =
        y * (1. / 12 -
             y * (1. / 120 -
                  y * (1. / 252 - y * (1. / 240 - y * (1. / 132 - y * (691. / 32760 - y / 12))))));
    return sum + std::log(x) - 0.5 / x - series;
  }
};

struct Floor {
  static constexpr Loop kLoop = Loop::kExact;
  static constexpr double kCost = 0.15;
  template <Real T>
  static T Apply(T x) {
    return std::floor(x);
  }
};

struct Ceil {
  static constexpr Loop kLoop = Loop::kExact;
  static constexpr double kCost = 0.15;
  template <Real T>
  static T Apply(T x) {
    return std::ceil(x);
  }
};

struct Round {
  static constexpr Loop kLoop = Loop::kExact;
  static constexpr double kCost = 0.15;
  template <Real T>
  static T Apply(T x) {
    return std::rint(x);  // the rounding mode is never changed from to-nearest-even
  }
  template <Integer T>
  static T Apply(T x) {
    return x;
  }
};

struct IsNan {
  static constexpr Loop kLoop = Loop::kExact;
  static constexpr double kCost = 0.2;
  template <Real T>
  static bool Apply(T x) {
    return x != x;
  }
};

struct IsInf {
  static constexpr Loop kLoop = Loop::kExact;
  static constexpr double kCost = 0.2;
  template <Real T>
  static bool Apply(T x) {
    return std::abs(x) == std::numeric_limits<T>::infinity();
  }
};

struct IsFinite {
  static constexpr Loop kLoop = Loop::kExact;
  static constexpr double kCost = 0.2;
  template <Real T>
  static bool Apply(T x) {
    return std::abs(x) <= std::numeric_limits<T>::max();
  }
};

struct LogicalNot {
  static constexpr Loop kLoop = Loop::kExact;
  static constexpr double kCost = 0.05;
  template <std::same_as<bool> T>
  static bool Apply(T x) {
    return !x;
  }
};

template <typename F, typename T>
using ResultOf = decltype(F::Apply(T{}));

constexpr int kBlock = 16;  // a vector of floats, two of doubles

template <typename F, typename T, typename U>
void RunBlock(const T* x, U* y) {
#pragma omp simd
  for (int i = 0; i < kBlock; ++i) y[i] = F::Apply(x[i]);
}

template <typename F, typename T>
void RunArray(const void* from, void* to, int64_t n) {
  using U = ResultOf<F, T>;
  const T* x = static_cast<const T*>(from);
  U* y = static_cast<U*>(to);
  if constexpr (F::kLoop == Loop::kBlocks && Real<T>) {
    int64_t i = 0;
    for (; i + kBlock <= n; i += kBlock) RunBlock<F>(x + i, y + i);
    if (i == n) return;
    T rest[kBlock];
    U results[kBlock];
    std::copy(x + i, x + n, rest);
    std::fill(rest + (n - i), rest + kBlock, x[n - 1]);
    RunBlock<F>(rest, results);
    std::copy(results, results + (n - i), y + i);
  } else if constexpr (F::kLoop == Loop::kScalar || Complex<T>) {
    for (int64_t i = 0; i < n; ++i) y[i] = F::Apply(x[i]);
  } else {
#pragma omp simd
    for (int64_t i = 0; i < n; ++i) y[i] = F::Apply(x[i]);
  }
}

// half and bfloat16, by way of float.
template <typename F, typename T>
void RunNarrow(const void* from, void* to, int64_t n) {
  constexpr int kChunk = 256;
  using U = ResultOf<F, float>;
  using Stored = std::conditional_t<std::is_same_v<U, float>, T, U>;
  const T* x = static_cast<const T*>(from);
  Stored* y = static_cast<Stored*>(to);
  float wide[kChunk];
  U results[kChunk];
  for (int64_t begin = 0; begin < n; begin += kChunk) {
    const int64_t count = std::min<int64_t>(kChunk, n - begin);
    for (int64_t i = 0; i < count; ++i) wide[i] = Widen(x[begin + i]);
    RunArray<F, float>(wide, results, count);
    for (int64_t i = 0; i < count; ++i) {
      if constexpr (std::is_same_v<Stored, T>) {
        NarrowTo(results[i], &y[begin + i]);
      } else {
        y[begin + i] = results[i];
      }
    }
  }
}

template <typename F, typename T>
UnaryRun RunFor() {
  if constexpr (std::is_same_v<T, Half> || std::is_same_v<T, BFloat16>) {
    if constexpr (requires { F::Apply(float{}); }) {
      if constexpr (!std::is_same_v<F, LogicalNot>) return RunNarrow<F, T>;
    }
  } else if constexpr (requires(T x) {
                         {
                           F::Apply(x)
                           } -> std::same_as<std::conditional_t<std::is_same_v<F, IsNan> ||
                                                                    std::is_same_v<F, IsInf> ||
                                                                    std::is_same_v<F, IsFinite>,
                                                                bool, T>>;
                       }) {
    return RunArray<F, T>;
  }
  return nullptr;
}

template <typename F, typename T>
void RunTile(const void* const* inputs, void* output, int64_t n, const double*) {
  RunArray<F, T>(inputs[0], output, n);
}

// float, double and bool only: chains of other types are not worth their code.
template <typename F, typename T>
TileFn TileFor() {
  if constexpr (Real<T> || std::same_as<T, bool>) {
    if constexpr (requires(T x) { F::Apply(x); }) return RunTile<F, T>;
  }
  return nullptr;
}

template <typename F>
UnaryKernel Pick(DType dtype) {
  UnaryKernel kernel{.cost = F::kCost};
  (void)Dispatch<float, double, Half, BFloat16, int8_t, int16_t, int32_t, int64_t, bool,
                 std::complex<float>, std::complex<double>>(dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    kernel.run = RunFor<F, T>();
    if (kernel.run) kernel.tile = TileFor<F, T>();
    return absl::OkStatus();
  });
  if (dtype != DType::kFloat) kernel.cost *= IsComplex(dtype) && F::kLoop != Loop::kExact ? 50 : 2;
  return kernel;
}

}  // namespace

UnaryKernel FindUnary(UnaryFunction function, DType dtype) {
  using Finder = UnaryKernel (*)(DType);
  // In the order of UnaryFunction.
  static constexpr Finder kFinders[] = {
      Pick<Neg>,   Pick<Abs>,   Pick<Sign>,   Pick<Square>,   Pick<Reciprocal>, Pick<Sqrt>,
      Pick<Rsqrt>, Pick<Exp>,   Pick<Expm1>,  Pick<Log>,      Pick<Log1p>,      Pick<Sin>,
      Pick<Cos>,   Pick<Tan>,   Pick<Asin>,   Pick<Acos>,     Pick<Atan>,       Pick<Sinh>,
      Pick<Cosh>,  Pick<Tanh>,  Pick<Asinh>,  Pick<Acosh>,    Pick<Atanh>,      Pick<Sigmoid>,
      Pick<Erf>,   Pick<Erfc>,  Pick<Lgamma>, Pick<Digamma>,  Pick<Floor>,      Pick<Ceil>,
      Pick<Round>, Pick<IsNan>, Pick<IsInf>,  Pick<IsFinite>, Pick<LogicalNot>,
  };
  static_assert(std::size(kFinders) == static_cast<size_t>(UnaryFunction::kLogicalNot) + 1);
  return kFinders[static_cast<size_t>(function)](dtype);
}

}  // namespace sluice::kernels
