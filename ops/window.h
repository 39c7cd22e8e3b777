// The geometry of ops that slide a window over planes or volumes: convolutions and pools. One
// place, so that every check is made once and in 64 bits.
#ifndef SLUICE_OPS_WINDOW_H_
#define SLUICE_OPS_WINDOW_H_

#include <cstdint>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
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
// it), data_format (where it has it).
struct WindowAttrs {
  int spatial = 2;              // axes: height, width; or depth, height, width
  bool channels_first = false;  // NCHW, NCDHW
  WindowPadding padding = WindowPadding::kValid;
  int64_t stride[3] = {1, 1, 1};  // per spatial axis
  int64_t dilation[3] = {1, 1, 1};
  int64_t before[3] = {0, 0, 0};  // explicit padding
  int64_t after[3] = {0, 0, 0};

  int rank() const { return spatial + 2; }
  int channel_axis() const { return channels_first ? 1 : spatial + 1; }
  int spatial_axis(int i) const { return (channels_first ? 2 : 1) + i; }
  // [batch, sizes of the spatial axes, channels] in this data format.
  TensorShape Shape(int64_t batch, absl::Span<const int64_t> sizes, int64_t channels) const;
};

// Reads and checks them for an op of `spatial` (2 or 3) axes. InvalidArgument, in TensorFlow's
// words, for: a list that is not of spatial + 2 numbers; a stride < 1 or dilation < 1; either != 1
// in the batch or channel dimension; explicit paddings that are negative, not two per dimension,
// not 0 in batch and channel dimensions, or given without padding = EXPLICIT.
absl::StatusOr<WindowAttrs> ParseWindowAttrs(const AttrMap& attrs, int spatial = 2);

// Spatial axis i. InvalidArgument when the window is empty or the output's size would be negative.
absl::StatusOr<WindowDim> SlideWindow(const WindowAttrs& attrs, int i, int64_t input,
                                      int64_t window);

}  // namespace sluice::ops

#endif  // SLUICE_OPS_WINDOW_H_
