// Sums and products of every number type, without undefined behaviour.
#ifndef SLUICE_OPS_KERNELS_ACCUMULATE_H_
#define SLUICE_OPS_KERNELS_ACCUMULATE_H_

#include <cstdint>
#include <type_traits>

#include "core/dtype.h"

namespace sluice::ops {

template <typename T>
inline constexpr bool kIsHalf = std::is_same_v<T, Half> || std::is_same_v<T, BFloat16>;

// a + b. Integers wrap around; half and bfloat16 are added as floats and rounded.
template <typename T>
T Plus(const T& a, const T& b) {
  if constexpr (std::is_integral_v<T>) {
    return static_cast<T>(static_cast<uint64_t>(a) + static_cast<uint64_t>(b));
  } else if constexpr (kIsHalf<T>) {
    return T(static_cast<float>(a) + static_cast<float>(b));
  } else {
    return a + b;
  }
}

// a * b, likewise.
template <typename T>
T Times(const T& a, const T& b) {
  if constexpr (std::is_integral_v<T>) {
    return static_cast<T>(static_cast<uint64_t>(a) * static_cast<uint64_t>(b));
  } else if constexpr (kIsHalf<T>) {
    return T(static_cast<float>(a) * static_cast<float>(b));
  } else {
    return a * b;
  }
}

// to[i] += from[i], 0 <= i < count.
template <typename T>
void AddRow(const T* from, T* to, int64_t count) {
  for (int64_t i = 0; i < count; ++i) to[i] = Plus(to[i], from[i]);
}

}  // namespace sluice::ops

#endif  // SLUICE_OPS_KERNELS_ACCUMULATE_H_
