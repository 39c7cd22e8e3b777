// The checks of options that convolution layers share.
#ifndef SLUICE_LAYERS_CONV_OPTIONS_H_
#define SLUICE_LAYERS_CONV_OPTIONS_H_

#include <cstdint>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/status.h"
#include "layers/conv_nodes.h"
#include "layers/layer.h"

namespace sluice::layers {

// Those of the options that say how the window slides.
template <typename Options>
Sliding SlidingOf(const Options& o) {
  return {.strides = SizesOf(o.strides),
          .dilation_rate = SizesOf(o.dilation_rate),
          .padding = o.padding,
          .data_format = o.data_format};
}

// InvalidArgument in the words of the rules CV-6, CV-10 and CV-11.
template <typename Options>
absl::Status CheckSliding(const Options& o) {
  SLUICE_RETURN_IF_ERROR(CheckSizes("kernel_size", SizesOf(o.kernel_size)));
  SLUICE_RETURN_IF_ERROR(CheckSizes("strides", SizesOf(o.strides)));
  SLUICE_RETURN_IF_ERROR(CheckSizes("dilation_rate", SizesOf(o.dilation_rate)));
  const Sliding sliding = SlidingOf(o);
  if (o.padding == Padding::kCausal && sliding.rank() != 3) {
    return absl::InvalidArgumentError(
        "Causal padding is only supported for `Conv1D` and `SeparableConv1D`.");
  }
  return CheckStridesOrDilation(sliding);
}

// channels * depth_multiplier. InvalidArgument unless the multiplier is > 0 and the product is a
// size.
inline absl::StatusOr<int64_t> WidenedChannels(int64_t channels, int64_t depth_multiplier) {
  SLUICE_RETURN_IF_ERROR(CheckPositive("depth_multiplier", depth_multiplier));
  if (channels == 0 || depth_multiplier <= kMaxElements / channels)
    return channels * depth_multiplier;
  return absl::InvalidArgumentError(
      absl::StrCat("too many channels: ", channels, " x ", depth_multiplier));
}

}  // namespace sluice::layers

#endif  // SLUICE_LAYERS_CONV_OPTIONS_H_
