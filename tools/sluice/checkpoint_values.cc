#include "tools/sluice/checkpoint_values.h"

#include <algorithm>
#include <cmath>
#include <complex>
#include <string>
#include <type_traits>

#include "core/storage_type.h"

namespace sluice::tools {
namespace {

double Distance(double a, double b) { return std::abs(a - b); }
template <typename T>
double Distance(const std::complex<T>& a, const std::complex<T>& b) {
  return std::abs(std::complex<double>(a) - std::complex<double>(b));
}

template <typename T>
auto AsNumber(const T& value) {
  if constexpr (std::is_same_v<T, Half> || std::is_same_v<T, BFloat16>) {
    return static_cast<float>(value);
  } else {
    return value;
  }
}

template <typename T>
bool IsNan(const T& x) {
  if constexpr (std::is_floating_point_v<T>) return std::isnan(x);
  return false;
}

template <typename T>
ValueDiff Compare(const T* a, const T* b, int64_t n) {
  ValueDiff diff;
  for (int64_t i = 0; i < n; ++i) {
    const auto x = AsNumber(a[i]);
    const auto y = AsNumber(b[i]);
    if (x == y || (IsNan(x) && IsNan(y))) continue;
    ++diff.different;
    if constexpr (!std::is_same_v<T, std::string>) {
      const double distance = Distance(x, y);
      if (std::isfinite(distance)) {
        diff.largest = std::max(diff.largest, distance);
      } else {
        diff.comparable = false;
      }
    }
  }
  return diff;
}

template <typename... Ts>
ValueDiff CompareAs(DType dtype, const Tensor& a, const Tensor& b) {
  ValueDiff diff;
  (void)((dtype == DTypeOf<Ts>::value &&
          (diff = Compare(static_cast<const Ts*>(a.raw()), static_cast<const Ts*>(b.raw()),
                          a.num_elements()),
           true)) ||
         ...);
  return diff;
}

}  // namespace

ValueDiff CompareValues(const Tensor& a, const Tensor& b) {
  return CompareAs<float, double, Half, BFloat16, int8_t, int16_t, int32_t, int64_t, uint8_t,
                   uint16_t, uint32_t, uint64_t, bool, std::complex<float>, std::complex<double>,
                   std::string>(StorageType(a.dtype()), a, b);
}

}  // namespace sluice::tools
