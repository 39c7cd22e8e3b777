// Colours of images: AdjustContrastv2, AdjustHue, AdjustSaturation, RGBToHSV, HSVToRGB.
#ifndef SLUICE_OPS_IMAGE_COLOR_H_
#define SLUICE_OPS_IMAGE_COLOR_H_

#include "graph/at.h"
#include "graph/output.h"

namespace sluice::ops {

// All keep shape and type. TensorFlow 1 has no gradients for them.

// images [..., height, width, channels] of half or float, contrast_factor a float scalar:
// (x - mean) * contrast_factor + mean with the mean over each image's channel.
Output AdjustContrastv2(At at, Output images, Output contrast_factor);
// images [..., height, width, 3] of half or float. The hue turns by the float scalar delta, in
// turns.
Output AdjustHue(At at, Output images, Output delta);
// The saturation times the float scalar `scale`, kept in [0, 1].
Output AdjustSaturation(At at, Output images, Output scale);

// images [..., 3] of floating types. Red, green, blue to hue (in turns), saturation, value. Right
// for colours in [0, 1].
Output RGBToHSV(At at, Output images);
Output HSVToRGB(At at, Output images);

}  // namespace sluice::ops

#endif  // SLUICE_OPS_IMAGE_COLOR_H_
