// The geometry of ops that slide a window over images: convolutions and pools. One place, so that
// every check is made once and in 64 bits.
#ifndef SLUICE_OPS_WINDOW_H_
#define SLUICE_OPS_WINDOW_H_

#include <cstdint>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "core/attr_value.h"
#include "core/tensor_shape.h"

namespace sluice::ops {

enum class WindowPadding { kValid, kSame, kExplicit };

// One spatial dimension of a window op. input, window, stride, dilation as given; the rest follows
// by rule CV-1:
//   e = (window - 1) * dilation + 1
//   VALID:    output = floor((input - e) / stride) + 1, no padding
//   SAME:     output = ceil(input / stride); total = max(0, (output - 1) * stride + e - input),
//   before = total / 2 EXPLICIT: as VALID on an input of before + input + after cells
// An unknown size (-1) of input or window makes output and padding unknown (-1).
struct WindowDim {
  int64_t input = -1, window = 1, stride = 1, dilation = 1;
  int64_t output = -1, before = -1, after = -1;
};

// Attributes strides, dilations (where the op has it), padding, explicit_paddings (where it has
// it), data_format.
struct WindowAttrs {
  bool channels_first = false;  // NCHW
  WindowPadding padding = WindowPadding::kValid;
  int64_t stride[2] = {1, 1};  // height, width
  int64_t dilation[2] = {1, 1};
  int64_t before[2] = {0, 0};  // explicit padding
  int64_t after[2] = {0, 0};

  int channel_axis() const { return channels_first ? 1 : 3; }
  int spatial_axis(int i) const { return (channels_first ? 2 : 1) + i; }
  // [batch, height, width, channels] in this data format.
  TensorShape Shape(int64_t batch, int64_t height, int64_t width, int64_t channels) const;
};

// Reads and checks them. InvalidArgument, in TensorFlow's words, for: a list that is not of 4
// numbers; a stride < 1 or dilation < 1; either != 1 in the batch or channel dimension; explicit
// paddings that are negative, not 8, not 0 in batch and channel dimensions, or given without
// padding = EXPLICIT.
absl::StatusOr<WindowAttrs> ParseWindowAttrs(const AttrMap& attrs);

// Spatial dimension i (0 height, 1 width). InvalidArgument when the window is empty or the output's
// size would be negative.
absl::StatusOr<WindowDim> SlideWindow(const WindowAttrs& attrs, int i, int64_t input,
                                      int64_t window);

}  // namespace sluice::ops

#endif  // SLUICE_OPS_WINDOW_H_
