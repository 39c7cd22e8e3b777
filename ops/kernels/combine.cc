#include "ops/kernels/combine.h"

#include <algorithm>
#include <complex>
#include <string>
#include <type_traits>

#include "core/status.h"
#include "core/threads.h"
#include "glog/logging.h"

namespace sluice {
namespace {

template <typename T>
constexpr bool kIsComplex =
    std::is_same_v<T, std::complex<float>> || std::is_same_v<T, std::complex<double>>;
template <typename T>
constexpr bool kIsShort = std::is_same_v<T, Half> || std::is_same_v<T, BFloat16>;

// Signed overflow is undefined in C++, wrapping is what everybody expects.
template <typename T>
using Arithmetic = std::conditional_t<std::is_integral_v<T>, uint64_t, T>;

template <Combine how, typename T>
T Combined(T a, T b) {
  if constexpr (kIsShort<T>) {
    return T(Combined<how, float>(static_cast<float>(a), static_cast<float>(b)));
  } else if constexpr (how == Combine::kUpdate) {
    return b;
  } else if constexpr (std::is_same_v<T, std::string>) {
    return a + b;
  } else if constexpr (how == Combine::kMin) {
    return b < a ? b : a;
  } else if constexpr (how == Combine::kMax) {
    return a < b ? b : a;
  } else if constexpr (how == Combine::kDiv) {
    if constexpr (std::is_signed_v<T> && std::is_integral_v<T>) {
      if (b == T(-1)) return static_cast<T>(0 - static_cast<uint64_t>(a));  // the smallest / -1
    }
    return static_cast<T>(a / b);
  } else {
    using A = Arithmetic<T>;
    const A x = static_cast<A>(a), y = static_cast<A>(b);
    if constexpr (how == Combine::kAdd) return static_cast<T>(x + y);
    if constexpr (how == Combine::kSub) return static_cast<T>(x - y);
    if constexpr (how == Combine::kMul) return static_cast<T>(x * y);
  }
}

// `step` is 1, or 0 where one update stands for all elements.
template <Combine how, typename T>
void CombineSpan(const T* update, int64_t step, T* value, int64_t count) {
  for (int64_t i = 0; i < count; ++i) value[i] = Combined<how, T>(value[i], update[i * step]);
}

template <typename T>
absl::Status CheckDivisors(Combine how, absl::Span<const T> divisors) {
  if constexpr (std::is_integral_v<T>) {
    if (how == Combine::kDiv &&
        std::find(divisors.begin(), divisors.end(), T(0)) != divisors.end()) {
      return absl::InvalidArgumentError("integer division by zero");
    }
  }
  return absl::OkStatus();
}

template <typename T>
using SpanFunction = void (*)(const T* update, int64_t step, T* value, int64_t count);

// Null where T has no such operation.
template <typename T>
SpanFunction<T> FunctionFor(Combine how) {
  if (how == Combine::kUpdate) return CombineSpan<Combine::kUpdate, T>;
  if (how == Combine::kAdd) return CombineSpan<Combine::kAdd, T>;
  if constexpr (!std::is_same_v<T, std::string>) {
    if (how == Combine::kSub) return CombineSpan<Combine::kSub, T>;
  }
  if constexpr (!std::is_same_v<T, bool> && !std::is_same_v<T, std::string>) {
    if (how == Combine::kMul) return CombineSpan<Combine::kMul, T>;
    if (how == Combine::kDiv) return CombineSpan<Combine::kDiv, T>;
    if constexpr (!kIsComplex<T>) {
      if (how == Combine::kMin) return CombineSpan<Combine::kMin, T>;
      if (how == Combine::kMax) return CombineSpan<Combine::kMax, T>;
    }
  }
  return nullptr;
}

// Calls f(TypeTag<T>, function) for the dtype.
template <typename F>
absl::Status WithFunction(Combine how, DType dtype, F&& f) {
  return Dispatch<float, double, Half, BFloat16, int8_t, int16_t, int32_t, int64_t, uint8_t,
                  uint16_t, uint32_t, uint64_t, std::complex<float>, std::complex<double>, bool,
                  std::string>(dtype, [&](auto tag) -> absl::Status {
    using T = typename decltype(tag)::type;
    const SpanFunction<T> function = FunctionFor<T>(how);
    if (function == nullptr) {
      return absl::UnimplementedError(absl::StrCat("no such update of ", DTypeName(dtype)));
    }
    return f(tag, function);
  });
}

// What CombineRows works on.
struct Rows {
  int64_t count = 0;   // of value
  int64_t length = 0;  // elements per row
};

absl::StatusOr<Rows> CheckRows(const Tensor& indices, const Tensor& updates, const Tensor& value) {
  if (value.shape().rank() < 1) {
    return absl::InvalidArgumentError("params must be at least 1-D, got a scalar");
  }
  TensorShape expected = indices.shape();
  for (int i = 1; i < value.shape().rank(); ++i) expected.AddDim(value.dim(i));
  if (updates.shape().rank() != 0 && updates.shape() != expected) {
    return absl::InvalidArgumentError(absl::StrCat(
        "Must have updates.shape = indices.shape + params.shape[1:] or updates.shape = [], got "
        "updates.shape ",
        updates.shape().ToString(), ", indices.shape ", indices.shape().ToString(),
        ", params.shape ", value.shape().ToString()));
  }
  const int64_t count = value.dim(0);
  return Rows{count, count > 0 ? value.num_elements() / count : 0};
}

template <typename Index>
absl::Status CheckIndices(absl::Span<const Index> indices, int64_t limit) {
  for (size_t i = 0; i < indices.size(); ++i) {
    if (indices[i] < 0 || indices[i] >= limit) {
      return absl::InvalidArgumentError(
          absl::StrCat("indices[", i, "] = ", indices[i], " is not in [0, ", limit, ")"));
    }
  }
  return absl::OkStatus();
}

template <typename Index>
absl::Status CombineRowsBy(Combine how, absl::Span<const Index> indices, const Tensor& updates,
                           const Rows& rows, Tensor& value) {
  SLUICE_RETURN_IF_ERROR(CheckIndices(indices, rows.count));
  return WithFunction(how, value.dtype(), [&](auto tag, auto combine) -> absl::Status {
    using T = typename decltype(tag)::type;
    SLUICE_RETURN_IF_ERROR(CheckDivisors(how, updates.flat<T>()));
    const T* update = updates.data<T>();
    T* base = value.mutable_data<T>();
    const bool one = updates.shape().rank() == 0;
    for (size_t k = 0; k < indices.size(); ++k) {
      combine(one ? update : update + k * rows.length, one ? 0 : 1, base + indices[k] * rows.length,
              rows.length);
    }
    return absl::OkStatus();
  });
}

}  // namespace

absl::Status CombineElements(Combine how, const Tensor& update, Tensor& value) {
  CHECK(update.dtype() == value.dtype() && update.num_elements() == value.num_elements());
  return WithFunction(how, value.dtype(), [&](auto tag, auto combine) -> absl::Status {
    using T = typename decltype(tag)::type;
    SLUICE_RETURN_IF_ERROR(CheckDivisors(how, update.flat<T>()));
    const T* from = update.data<T>();
    T* to = value.mutable_data<T>();
    ParallelFor(value.num_elements(), GrainFor(0.5), [&](int64_t begin, int64_t end) {
      combine(from + begin, 1, to + begin, end - begin);
    });
    return absl::OkStatus();
  });
}

absl::Status CombineRows(Combine how, const Tensor& indices, const Tensor& updates, Tensor& value) {
  CHECK(updates.dtype() == value.dtype());
  SLUICE_ASSIGN_OR_RETURN(const Rows rows, CheckRows(indices, updates, value));
  if (indices.dtype() == DType::kInt32) {
    return CombineRowsBy(how, indices.flat<int32_t>(), updates, rows, value);
  }
  return CombineRowsBy(how, indices.flat<int64_t>(), updates, rows, value);
}

absl::Status CombineSlices(Combine how, int64_t count, absl::FunctionRef<int64_t(int64_t)> start,
                           const Tensor& updates, Tensor& value) {
  CHECK(updates.dtype() == value.dtype());
  return WithFunction(how, value.dtype(), [&](auto tag, auto combine) -> absl::Status {
    using T = typename decltype(tag)::type;
    if (updates.num_elements() == 0) return absl::OkStatus();
    const int64_t length = updates.num_elements() / count;
    SLUICE_RETURN_IF_ERROR(CheckDivisors(how, updates.flat<T>()));
    const T* from = updates.data<T>();
    T* to = value.mutable_data<T>();
    for (int64_t k = 0; k < count; ++k, from += length) combine(from, 1, to + start(k), length);
    return absl::OkStatus();
  });
}

}  // namespace sluice
