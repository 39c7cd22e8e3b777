// Boxes cut out of images and resized: CropAndResize and its gradients.
#ifndef SLUICE_OPS_CROP_AND_RESIZE_H_
#define SLUICE_OPS_CROP_AND_RESIZE_H_

#include <string>

#include "core/dtype.h"
#include "graph/at.h"
#include "graph/output.h"
#include "ops/const.h"

namespace sluice::ops {

struct CropAndResizeOptions {
  std::string method = "bilinear";  // or "nearest"
  float extrapolation_value = 0;    // of crop cells outside of the image
};

// image [batch, height, width, depth] of real types, boxes [n, 4] float, box_ind [n] int32,
// crop_size two positive int32: float crops [n, crop_size[0], crop_size[1], depth]. A box {y1, x1,
// y2, x2} is in units of (height - 1, width - 1); y1 > y2 flips it. OutOfRange for a box_ind
// outside of [0, batch). Gradients go to boxes (as if bilinear) and to floating images.
// (tf.image.crop_and_resize)
Output CropAndResize(At at, Output image, Output boxes, Output box_ind, Ints crop_size,
                     const CropAndResizeOptions& options = {});

struct CropAndResizeGradImageOptions {
  std::string method = "bilinear";
};
// The gradient of the image, of shape image_size (four int32) and type `T` (float, half, double),
// for float grads [n, crop height, crop width, depth].
Output CropAndResizeGradImage(At at, Output grads, Output boxes, Output box_ind, Ints image_size,
                              DType T, const CropAndResizeGradImageOptions& options = {});
// The gradient of the boxes, float [n, 4].
Output CropAndResizeGradBoxes(At at, Output grads, Output image, Output boxes, Output box_ind);

}  // namespace sluice::ops

#endif  // SLUICE_OPS_CROP_AND_RESIZE_H_
