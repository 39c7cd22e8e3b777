#include "ops/window.h"

#include <algorithm>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "core/status.h"

namespace sluice::ops {
namespace {

// strides or dilations: a number >= 1 per dimension, the batch's and the channels' being 1.
absl::Status ParseSteps(const AttrMap& attrs, const char* name, const WindowAttrs& window,
                        int64_t* steps) {
  const auto list = GetAttr<std::vector<int64_t>>(attrs, name);
  const bool strides = std::string(name) == "strides";
  if (static_cast<int>(list.size()) != window.rank()) {
    return absl::InvalidArgumentError(absl::StrCat("Sliding window ", name, " field must specify ",
                                                   window.rank(), " dimensions, got ",
                                                   list.size()));
  }
  for (const int64_t step : list) {
    if (step < 1) {
      return absl::InvalidArgumentError(absl::StrCat(
          strides ? "Stride must be > 0, but got " : "Dilation rate must be >= 1, but got ", step,
          " in ", name, " ", AttrValue(list).ToString()));
    }
  }
  if (list[0] != 1 || list[window.channel_axis()] != 1) {
    return absl::InvalidArgumentError(absl::StrCat("Current implementation does not yet support ",
                                                   name, " in the batch and depth dimensions, got ",
                                                   AttrValue(list).ToString()));
  }
  for (int i = 0; i < window.spatial; ++i) steps[i] = list[window.spatial_axis(i)];
  return absl::OkStatus();
}

absl::Status ParseExplicitPaddings(const AttrMap& attrs, WindowAttrs* window) {
  const AttrValue* attr = FindAttr(attrs, "explicit_paddings");
  const bool wanted = window->padding == WindowPadding::kExplicit;
  const auto list = attr == nullptr ? std::vector<int64_t>{}
                                    : GetAttr<std::vector<int64_t>>(attrs, "explicit_paddings");
  if (!wanted) {
    if (list.empty()) return absl::OkStatus();
    return absl::InvalidArgumentError(
        absl::StrCat("explicit_paddings attribute must be empty if the padding attribute is not "
                     "EXPLICIT, got ",
                     AttrValue(list).ToString()));
  }
  if (static_cast<int>(list.size()) != 2 * window->rank()) {
    return absl::InvalidArgumentError(absl::StrCat("explicit_paddings attribute must contain ",
                                                   2 * window->rank(),
                                                   " values, but got: ", list.size()));
  }
  for (int axis = 0; axis < window->rank(); ++axis) {
    for (const int64_t pad : {list[2 * axis], list[2 * axis + 1]}) {
      if (pad < 0 || pad > kMaxElements) {
        return absl::InvalidArgumentError(
            absl::StrCat("All elements of explicit_paddings must be nonnegative and at most ",
                         kMaxElements, ", got ", pad));
      }
      if (pad != 0 && (axis == 0 || axis == window->channel_axis())) {
        return absl::InvalidArgumentError(
            absl::StrCat("Nonzero explicit padding in the batch or depth dimensions is not "
                         "supported, got ",
                         AttrValue(list).ToString()));
      }
    }
  }
  for (int i = 0; i < window->spatial; ++i) {
    window->before[i] = list[2 * window->spatial_axis(i)];
    window->after[i] = list[2 * window->spatial_axis(i) + 1];
  }
  return absl::OkStatus();
}

}  // namespace

TensorShape WindowAttrs::Shape(int64_t batch, absl::Span<const int64_t> sizes,
                               int64_t channels) const {
  std::vector<int64_t> dims = {batch};
  if (channels_first) dims.push_back(channels);
  dims.insert(dims.end(), sizes.begin(), sizes.begin() + spatial);
  if (!channels_first) dims.push_back(channels);
  return TensorShape(dims);
}

absl::StatusOr<WindowAttrs> ParseWindowAttrs(const AttrMap& attrs, int spatial) {
  WindowAttrs window{.spatial = spatial};
  if (FindAttr(attrs, "data_format") != nullptr) {
    const std::string last = spatial == 2 ? "NHWC" : "NDHWC";
    const std::string first = spatial == 2 ? "NCHW" : "NCDHW";
    const auto format = GetAttr<std::string>(attrs, "data_format");
    if (format != last && format != first) {
      return absl::UnimplementedError(
          absl::StrCat("data_format ", format, " is not supported, only ", last, " and ", first));
    }
    window.channels_first = format == first;
  }
  const auto padding = GetAttr<std::string>(attrs, "padding");
  window.padding = padding == "SAME"    ? WindowPadding::kSame
                   : padding == "VALID" ? WindowPadding::kValid
                                        : WindowPadding::kExplicit;
  SLUICE_RETURN_IF_ERROR(ParseSteps(attrs, "strides", window, window.stride));
  if (FindAttr(attrs, "dilations") != nullptr) {
    SLUICE_RETURN_IF_ERROR(ParseSteps(attrs, "dilations", window, window.dilation));
  }
  SLUICE_RETURN_IF_ERROR(ParseExplicitPaddings(attrs, &window));
  return window;
}

absl::StatusOr<WindowDim> SlideWindow(const WindowAttrs& attrs, int i, int64_t input,
                                      int64_t window) {
  WindowDim d{
      .input = input, .window = window, .stride = attrs.stride[i], .dilation = attrs.dilation[i]};
  const bool same = attrs.padding == WindowPadding::kSame;
  if (window == 0) {
    return absl::InvalidArgumentError("the window must not be empty, got size 0");
  }
  if (input >= 0 && same) d.output = input / d.stride + (input % d.stride != 0);
  if (input < 0 || window < 0) {
    // A stride of 1 keeps the size, but the size itself is unknown.
    if (attrs.padding == WindowPadding::kValid) d.before = d.after = 0;
    return d;
  }
  int64_t effective;
  if (__builtin_mul_overflow(window - 1, d.dilation, &effective) || effective >= kMaxElements) {
    return absl::InvalidArgumentError(
        absl::StrCat("a window of ", window, " with dilation ", d.dilation, " is too large"));
  }
  effective += 1;
  if (same) {
    const int64_t total = std::max<int64_t>(0, (d.output - 1) * d.stride + effective - input);
    d.before = total / 2;
    d.after = total - d.before;
    return d;
  }
  d.before = attrs.before[i];
  d.after = attrs.after[i];
  const int64_t padded = input + d.before + d.after;
  if (padded < effective) {
    return absl::InvalidArgumentError(
        absl::StrCat("Negative dimension size caused by subtracting ", effective, " from ", padded,
                     ": Computed output size would be negative: [input_size: ", padded,
                     ", effective_filter_size: ", effective, ", stride: ", d.stride, "]"));
  }
  d.output = (padded - effective) / d.stride + 1;
  return d;
}

}  // namespace sluice::ops
