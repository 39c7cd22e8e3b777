// Windows whose dilations are called rates: ExtractImagePatches, Dilation2D.
#ifndef SLUICE_OPS_WINDOW_RATES_H_
#define SLUICE_OPS_WINDOW_RATES_H_

#include <cstdint>

#include "absl/status/statusor.h"
#include "core/attr_value.h"
#include "core/tensor_shape.h"
#include "ops/window.h"

namespace sluice::ops {

// A window of height x width on images [batch, height, width, channels].
struct RatedWindow {
  WindowDim dims[2];
  int64_t batch = -1, channels = -1;
};

// Reads the attributes strides, rates and padding. Unknown sizes (-1) stay unknown.
// InvalidArgument as ParseWindowAttrs and SlideWindow. REQUIRES: image of rank 4 or unknown.
absl::StatusOr<RatedWindow> PlaceRatedWindow(const AttrMap& attrs, const TensorShape& image,
                                             int64_t height, int64_t width);

}  // namespace sluice::ops

#endif  // SLUICE_OPS_WINDOW_RATES_H_
