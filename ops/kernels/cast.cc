#include "ops/kernels/cast.h"

#include <cmath>
#include <complex>
#include <cstring>
#include <limits>
#include <type_traits>

#include "ops/kernels/narrow_float.h"

namespace sluice::kernels {
namespace {

template <typename T>
constexpr bool kIsNarrow = std::is_same_v<T, Half> || std::is_same_v<T, BFloat16>;
template <typename T>
constexpr bool kIsComplex =
    std::is_same_v<T, std::complex<float>> || std::is_same_v<T, std::complex<double>>;

template <typename To, typename From>
To ToInteger(From x) {
  // 2^digits is the first value that does not fit; it and -2^digits are exact in From. The clamp
  // comes before the conversion, so that no value is undefined.
  constexpr From kEnd = static_cast<From>(uint64_t{1} << (std::numeric_limits<To>::digits - 1)) * 2;
  constexpr From kLowest = std::is_signed_v<To> ? -kEnd : From{0};
  const From number = x == x ? x : From{0};
  const bool above = number >= kEnd;
  const From inside = above || number < kLowest ? From{0} : number;
  const To converted = static_cast<To>(inside);
  return above              ? std::numeric_limits<To>::max()
         : number < kLowest ? std::numeric_limits<To>::min()
                            : converted;
}

template <typename To, typename From>
To Convert(From x) {
  if constexpr (std::is_same_v<To, From>) {
    return x;
  } else if constexpr (kIsNarrow<From>) {
    return Convert<To>(Widen(x));
  } else if constexpr (kIsComplex<From> && !kIsComplex<To>) {
    if constexpr (std::is_same_v<To, bool>) {
      return x != From{};
    } else {
      return Convert<To>(x.real());
    }
  } else if constexpr (kIsComplex<To>) {
    using Part = typename To::value_type;
    if constexpr (kIsComplex<From>) {
      return To(static_cast<Part>(x.real()), static_cast<Part>(x.imag()));
    } else {
      return To(static_cast<Part>(x));
    }
  } else if constexpr (kIsNarrow<To>) {
    To y;
    NarrowTo(static_cast<float>(x), &y);
    return y;
  } else if constexpr (std::is_same_v<To, bool>) {
    return x != From{0};
  } else if constexpr (std::is_floating_point_v<From> && std::is_integral_v<To>) {
    return ToInteger<To>(x);
  } else {
    return static_cast<To>(x);
  }
}

// The neighbour of y towards zero where rounding went past x. Sign-magnitude formats: one bit
// pattern less.
template <typename To, typename From>
To TowardsZero(From x, To y) {
  if constexpr (std::is_floating_point_v<From> && (kIsNarrow<To> || std::is_same_v<To, float>)) {
    if (std::abs(Convert<double>(y)) <= std::abs(static_cast<double>(x)) || x != x) return y;
    if constexpr (kIsNarrow<To>) {
      --y.bits;
      return y;
    } else {
      return std::nextafter(y, To{0});
    }
  } else {
    return y;
  }
}

template <typename From, typename To>
void Run(const void* from, void* to, int64_t n) {
  const From* x = static_cast<const From*>(from);
  To* y = static_cast<To*>(to);
  if constexpr (std::is_same_v<From, To>) {
    if (from != to && n > 0) memcpy(to, from, n * sizeof(To));
  } else if constexpr (std::is_same_v<From, bool> && std::is_arithmetic_v<To>) {
    // As bytes, which the compiler vectorizes; bools it does not.
    const uint8_t* bytes = static_cast<const uint8_t*>(from);
#pragma omp simd
    for (int64_t i = 0; i < n; ++i) y[i] = bytes[i] != 0 ? To{1} : To{0};
  } else {
#pragma omp simd
    for (int64_t i = 0; i < n; ++i) y[i] = Convert<To>(x[i]);
  }
}

template <typename From, typename To>
void RunTruncating(const void* from, void* to, int64_t n) {
  const From* x = static_cast<const From*>(from);
  To* y = static_cast<To*>(to);
  for (int64_t i = 0; i < n; ++i) y[i] = TowardsZero<To>(x[i], Convert<To>(x[i]));
}

template <typename F>
void DispatchNumber(DType dtype, F&& f) {
  (void)Dispatch<float, double, Half, BFloat16, int8_t, int16_t, int32_t, int64_t, uint8_t,
                 uint16_t, uint32_t, uint64_t, bool, std::complex<float>, std::complex<double>>(
      dtype, [&](auto tag) {
        f(tag);
        return absl::OkStatus();
      });
}

}  // namespace

CastRun FindCast(DType from, DType to, bool truncate) {
  CastRun run = nullptr;
  DispatchNumber(from, [&](auto from_tag) {
    DispatchNumber(to, [&](auto to_tag) {
      using From = typename decltype(from_tag)::type;
      using To = typename decltype(to_tag)::type;
      run = Run<From, To>;
      if constexpr (std::is_floating_point_v<From> && !std::is_integral_v<To> && !kIsComplex<To>) {
        if (truncate) run = RunTruncating<From, To>;
      }
    });
  });
  return run;
}

}  // namespace sluice::kernels
