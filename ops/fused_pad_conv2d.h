// Convolutions of padded (and resized) images as one op: FusedPadConv2D, FusedResizeAndPadConv2D.
#ifndef SLUICE_OPS_FUSED_PAD_CONV2D_H_
#define SLUICE_OPS_FUSED_PAD_CONV2D_H_

#include <cstdint>
#include <string>
#include <vector>

#include "graph/at.h"
#include "graph/output.h"
#include "ops/const.h"
#include "ops/padding.h"

namespace sluice::ops {

// Conv2D of MirrorPad of input [batch, height, width, channels]: half, float or double. paddings is
// an int32 matrix [4, 2], zeros for batch and channels; mode "REFLECT" or "SYMMETRIC"; strides {1,
// rows, columns, 1}. TensorFlow makes them from graphs for inference: there are no gradients.
Output FusedPadConv2D(At at, Output input, Ints paddings, Output filter, const std::string& mode,
                      const std::vector<int64_t>& strides, Padding padding);

struct FusedResizeAndPadConv2DOptions {
  bool resize_align_corners = false;
};
// The same of ResizeBilinear of input to `size`.
Output FusedResizeAndPadConv2D(At at, Output input, Ints size, Ints paddings, Output filter,
                               const std::string& mode, const std::vector<int64_t>& strides,
                               Padding padding, const FusedResizeAndPadConv2DOptions& options = {});

}  // namespace sluice::ops

#endif  // SLUICE_OPS_FUSED_PAD_CONV2D_H_
