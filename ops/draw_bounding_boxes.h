// Frames drawn on images: DrawBoundingBoxes, DrawBoundingBoxesV2.
#ifndef SLUICE_OPS_DRAW_BOUNDING_BOXES_H_
#define SLUICE_OPS_DRAW_BOUNDING_BOXES_H_

#include "graph/at.h"
#include "graph/output.h"

namespace sluice::ops {

// images [batch, height, width, depth] of half or float, depth 1, 3 or 4; boxes [batch, n, 4]
// float, {y1, x1, y2, x2} in units of (height - 1, width - 1). The images with one pixel wide
// frames, the colours taking turns: TensorFlow's ten. Boxes that are upside down or outside of the
// image are left out; sides outside of it are not drawn. No gradient.
// (tf.image.draw_bounding_boxes)
Output DrawBoundingBoxes(At at, Output images, Output boxes);
// With colours [m, at least depth]; m = 0 means the usual ten.
Output DrawBoundingBoxesV2(At at, Output images, Output boxes, Output colors);

}  // namespace sluice::ops

#endif  // SLUICE_OPS_DRAW_BOUNDING_BOXES_H_
