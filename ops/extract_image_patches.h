// Windows of images laid out along the channels: ExtractImagePatches.
#ifndef SLUICE_OPS_EXTRACT_IMAGE_PATCHES_H_
#define SLUICE_OPS_EXTRACT_IMAGE_PATCHES_H_

#include <cstdint>
#include <vector>

#include "graph/at.h"
#include "graph/output.h"
#include "ops/padding.h"

namespace sluice::ops {

// images [batch, height, width, depth] of real types become [batch, rows, columns, ksizes[1] *
// ksizes[2] * depth]: the pixels of every window, row by row, zeros beyond the edges. ksizes,
// strides and rates (distances between the pixels of a window) are {1, rows, columns, 1}.
// InvalidArgument where they are not, or a window does not fit. Gradient: dy added up where the
// pixels came from. (tf.image.extract_image_patches)
Output ExtractImagePatches(At at, Output images, const std::vector<int64_t>& ksizes,
                           const std::vector<int64_t>& strides, const std::vector<int64_t>& rates,
                           Padding padding);

}  // namespace sluice::ops

#endif  // SLUICE_OPS_EXTRACT_IMAGE_PATCHES_H_
