#include "tests/testing/core/tensors.h"

#include <algorithm>
#include <cmath>
#include <complex>
#include <random>
#include <type_traits>

#include "absl/strings/str_cat.h"
#include "core/storage_type.h"
#include "glog/logging.h"

namespace sluice {
namespace {

template <typename F>
absl::Status DispatchReal(DType dtype, F&& f) {
  return Dispatch<float, double, Half, BFloat16, int8_t, int16_t, int32_t, int64_t, uint8_t,
                  uint16_t, uint32_t, uint64_t, bool>(dtype, std::forward<F>(f));
}

template <typename T>
double ToDouble(T x) {
  if constexpr (std::is_same_v<T, Half> || std::is_same_v<T, BFloat16>) {
    return static_cast<float>(x);
  } else {
    return static_cast<double>(x);
  }
}

template <typename T>
T FromDouble(double x) {
  if constexpr (std::is_same_v<T, Half> || std::is_same_v<T, BFloat16>) {
    return T(static_cast<float>(x));
  } else {
    return static_cast<T>(x);
  }
}

bool CloseNumbers(double got, double want, const Tolerance& t) {
  if (std::isnan(got) || std::isnan(want)) return std::isnan(got) && std::isnan(want);
  if (std::isinf(got) || std::isinf(want)) return got == want;
  return std::abs(got - want) <= t.atol + t.rtol * std::abs(want);
}

template <typename T>
bool CloseElements(const T& got, const T& want, const Tolerance& t) {
  if constexpr (std::is_same_v<T, std::complex<float>> || std::is_same_v<T, std::complex<double>>) {
    return CloseNumbers(got.real(), want.real(), t) && CloseNumbers(got.imag(), want.imag(), t);
  } else if constexpr (std::is_integral_v<T> || std::is_same_v<T, std::string>) {
    return got == want;
  } else {
    return CloseNumbers(ToDouble(got), ToDouble(want), t);
  }
}

template <typename T>
std::string Show(const T& x) {
  if constexpr (std::is_same_v<T, std::string>) {
    return absl::StrCat("\"", x, "\"");
  } else if constexpr (std::is_same_v<T, std::complex<float>> ||
                       std::is_same_v<T, std::complex<double>>) {
    return absl::StrCat(x.real(), "+", x.imag(), "i");
  } else {
    char text[40];
    snprintf(text, sizeof(text), "%.9g", ToDouble(x));
    return text;
  }
}

template <typename T>
::testing::AssertionResult CompareElements(const Tensor& got, const Tensor& want,
                                           const Tolerance& t) {
  constexpr int kShown = 5;
  auto g = got.flat<T>();
  auto w = want.flat<T>();
  std::string text;
  int64_t wrong = 0;
  for (size_t i = 0; i < g.size(); ++i) {
    if (CloseElements<T>(g[i], w[i], t)) continue;
    if (++wrong <= kShown)
      absl::StrAppend(&text, "\n  [", i, "]: got ", Show<T>(g[i]), ", want ", Show<T>(w[i]));
  }
  if (wrong == 0) return ::testing::AssertionSuccess();
  return ::testing::AssertionFailure()
         << wrong << " of " << g.size() << " elements of " << DTypeName(got.dtype())
         << got.shape().ToString() << " differ (rtol " << t.rtol << ", atol " << t.atol
         << "):" << text << "\n  got  " << got.DebugString(20) << "\n  want "
         << want.DebugString(20);
}

}  // namespace

Tolerance DefaultTolerance(DType dtype) {
  switch (dtype) {
    case DType::kFloat:
    case DType::kComplex64:
      return {1e-5, 1e-5};
    case DType::kDouble:
    case DType::kComplex128:
      return {1e-12, 1e-12};
    case DType::kHalf:
      return {4e-3, 4e-3};
    case DType::kBfloat16:
      return {3e-2, 3e-2};
    default:
      return {0, 0};
  }
}

::testing::AssertionResult IsClose(const Tensor& got, const Tensor& want, Tolerance tolerance) {
  if (got.dtype() != want.dtype() || got.shape() != want.shape()) {
    return ::testing::AssertionFailure()
           << "got " << got.DebugString() << ", want " << want.DebugString();
  }
  if (got.empty_handle()) return ::testing::AssertionSuccess();
  if (StorageType(got.dtype()) != got.dtype()) {  // quantized
    if (BitEqual(got, want)) return ::testing::AssertionSuccess();
    return ::testing::AssertionFailure()
           << "got " << got.DebugString(20) << ", want " << want.DebugString(20);
  }
  const Tolerance defaults = DefaultTolerance(got.dtype());
  if (tolerance.rtol < 0) tolerance.rtol = defaults.rtol;
  if (tolerance.atol < 0) tolerance.atol = defaults.atol;
  ::testing::AssertionResult result = ::testing::AssertionSuccess();
  absl::Status known =
      Dispatch<float, double, Half, BFloat16, int8_t, int16_t, int32_t, int64_t, uint8_t, uint16_t,
               uint32_t, uint64_t, bool, std::complex<float>, std::complex<double>, std::string>(
          got.dtype(), [&](auto tag) {
            using T = typename decltype(tag)::type;
            result = CompareElements<T>(got, want, tolerance);
            return absl::OkStatus();
          });
  if (!known.ok()) return ::testing::AssertionFailure() << "cannot compare: " << known;
  return result;
}

void ExpectClose(const Tensor& got, const Tensor& want, Tolerance tolerance,
                 const std::string& what) {
  EXPECT_TRUE(IsClose(got, want, tolerance)) << what;
}

std::vector<double> ToDoubles(const Tensor& t) {
  std::vector<double> values;
  CHECK_EQ(absl::OkStatus(), DispatchReal(t.dtype(), [&](auto tag) {
             using T = typename decltype(tag)::type;
             for (const T& x : t.flat<T>()) values.push_back(ToDouble(x));
             return absl::OkStatus();
           }));
  return values;
}

Tensor FromDoubles(DType dtype, const TensorShape& shape, const std::vector<double>& values) {
  Tensor t = Tensor::Zeros(dtype, shape);
  CHECK_EQ(t.num_elements(), static_cast<int64_t>(values.size())) << shape.ToString();
  CHECK_EQ(absl::OkStatus(), DispatchReal(dtype, [&](auto tag) {
             using T = typename decltype(tag)::type;
             T* to = t.mutable_data<T>();
             for (double x : values) *to++ = FromDouble<T>(x);
             return absl::OkStatus();
           }));
  return t;
}

Tensor RandomTensor(DType dtype, const TensorShape& shape, uint64_t seed, double low, double high) {
  std::mt19937_64 bits(seed);  // the standard fixes its numbers, but not those of std::uniform_*
  auto uniform = [&] { return low + (high - low) * (bits() >> 11) * 0x1p-53; };
  if (IsComplex(dtype)) {
    Tensor t = Tensor::Zeros(dtype, shape);
    auto fill = [&](auto* to) {
      for (int64_t i = 0; i < t.num_elements(); ++i) {
        const double real = uniform();
        to[i] = {static_cast<decltype(to->real())>(real),
                 static_cast<decltype(to->real())>(uniform())};
      }
    };
    if (dtype == DType::kComplex64) {
      fill(t.mutable_data<std::complex<float>>());
    } else {
      fill(t.mutable_data<std::complex<double>>());
    }
    return t;
  }
  std::vector<double> values(shape.num_elements());
  for (double& x : values) {
    if (dtype == DType::kBool) {
      x = static_cast<double>(bits() >> 63);
    } else {
      x = IsInteger(dtype) ? std::floor(uniform()) : uniform();
    }
  }
  return FromDoubles(dtype, shape, values);
}

Tensor LadderTensor(DType dtype, const TensorShape& shape, uint64_t seed, double low, double high) {
  std::vector<double> values(shape.num_elements());
  const double step = values.size() > 1 ? (high - low) / (values.size() - 1) : 0;
  for (size_t i = 0; i < values.size(); ++i) values[i] = low + step * i;
  std::mt19937_64 bits(seed);
  for (size_t i = values.size(); i > 1; --i) std::swap(values[i - 1], values[bits() % i]);
  return FromDoubles(dtype, shape, values);
}

Tensor MovedOff(const Tensor& t, const std::vector<double>& kinks, double distance) {
  std::vector<double> values = ToDoubles(t);
  for (double& x : values) {
    for (double kink : kinks) {
      if (std::abs(x - kink) < distance) x = x < kink ? kink - distance : kink + distance;
    }
  }
  return FromDoubles(t.dtype(), t.shape(), values);
}

}  // namespace sluice
