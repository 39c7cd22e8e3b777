#include "ops/summarize.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <limits>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"

namespace sluice::ops {
namespace {

// Six (fifteen) digits when they are enough, else all.
std::string FloatText(float value) {
  char buffer[40];
  std::snprintf(buffer, sizeof(buffer), "%.*g", std::numeric_limits<float>::digits10, value);
  if (std::strtof(buffer, nullptr) != value) {
    std::snprintf(buffer, sizeof(buffer), "%.*g", std::numeric_limits<float>::digits10 + 3, value);
  }
  return std::isnan(value) ? "nan" : buffer;
}

std::string DoubleText(double value) {
  char buffer[40];
  std::snprintf(buffer, sizeof(buffer), "%.*g", std::numeric_limits<double>::digits10, value);
  if (std::strtod(buffer, nullptr) != value) {
    std::snprintf(buffer, sizeof(buffer), "%.*g", std::numeric_limits<double>::digits10 + 2, value);
  }
  return std::isnan(value) ? "nan" : buffer;
}

std::string ElementText(const Tensor& tensor, int64_t i) {
  std::string text = "?";
  // A dtype without words is no error here.
  Dispatch<float, double, Half, BFloat16, int8_t, int16_t, int32_t, int64_t, uint8_t, uint16_t,
           uint32_t, uint64_t, bool, std::string>(tensor.dtype(), [&](auto tag) {
    using T = typename decltype(tag)::type;
    const T& value = tensor.flat<T>()[i];
    if constexpr (std::is_same_v<T, std::string>) {
      text = absl::CEscape(value);
    } else if constexpr (std::is_same_v<T, double>) {
      text = DoubleText(value);
    } else if constexpr (std::is_same_v<T, bool>) {
      text = value ? "1" : "0";
    } else if constexpr (std::is_integral_v<T>) {
      text = absl::StrCat(value);
    } else {
      text = FloatText(static_cast<float>(value));
    }
    return absl::OkStatus();
  }).IgnoreError();
  return text;
}

// Appends dimension `dim` from element `*next` on.
void AppendDimension(const Tensor& tensor, int dim, int64_t limit, int64_t* next,
                     std::string* text) {
  if (*next >= limit) return;
  const bool last = dim == tensor.shape().rank() - 1;
  for (int64_t i = 0; i < tensor.dim(dim); ++i) {
    if (last) {
      if (*next >= limit) {
        if (dim != 0) text->append("...");
        return;
      }
      absl::StrAppend(text, i > 0 ? " " : "", ElementText(tensor, (*next)++));
      continue;
    }
    if (*next >= limit) return;
    text->append("[");
    AppendDimension(tensor, dim + 1, limit, next, text);
    text->append("]");
  }
}

}  // namespace

std::string SummarizeValue(const Tensor& tensor, int64_t max_entries) {
  const int64_t count = tensor.num_elements();
  const int64_t limit = max_entries < 0 ? count : std::min(max_entries, count);
  std::string text;
  if (tensor.shape().rank() == 0) {
    if (limit > 0) text = ElementText(tensor, 0);
  } else {
    int64_t next = 0;
    AppendDimension(tensor, 0, limit, &next, &text);
  }
  return count > limit ? text + "..." : text;
}

}  // namespace sluice::ops
