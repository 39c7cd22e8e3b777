// Boxes cut out of images [batch, height, width, channels] and resized, and the gradients.
#ifndef SLUICE_OPS_KERNELS_CROP_H_
#define SLUICE_OPS_KERNELS_CROP_H_

#include <cstdint>

namespace sluice::kernels {

struct CropShape {
  int64_t boxes = 0, channels = 0;
  int64_t batch = 0, image[2] = {1, 1};  // height, width
  int64_t crop[2] = {1, 1};
  bool nearest = false;  // else bilinear
};

// boxes[b] = {y1, x1, y2, x2}: 0 is the center of the first row or column, 1 that of the last; a
// crop of one row (column) lies in the middle of its box. image_of[b]: in [0, batch). What lies
// outside of the image is `outside`. All run in parallel; the results do not depend on the number
// of threads.
void CropAndResize(const CropShape& s, const float* boxes, const int32_t* image_of, float outside,
                   const float* images, float* crops);
// dimages: each element of dcrops goes back to where it came from.
void CropImageGradient(const CropShape& s, const float* boxes, const int32_t* image_of,
                       const float* dcrops, float* dimages);
// dboxes [boxes, 4], of bilinear crops.
void CropBoxGradient(const CropShape& s, const float* boxes, const int32_t* image_of,
                     const float* images, const float* dcrops, float* dboxes);

}  // namespace sluice::kernels

#endif  // SLUICE_OPS_KERNELS_CROP_H_
