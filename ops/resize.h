// Images resized: ResizeArea, ResizeBicubic, ResizeBilinear, ResizeNearestNeighbor, and gradients.
#ifndef SLUICE_OPS_RESIZE_H_
#define SLUICE_OPS_RESIZE_H_

#include "graph/at.h"
#include "graph/output.h"
#include "ops/const.h"

namespace sluice::ops {

// images [batch, height, width, channels] of real types become [batch, size[0], size[1], channels]:
// float, except that ResizeNearestNeighbor keeps the type. `size` is an int32 vector of two.
// InvalidArgument unless sizes, heights, widths and channels are positive. (tf.image.resize_*)
//
// Cell i of the result has its center at i * scale of the source, scale = source / result; with
// align_corners scale = (source - 1) / (result - 1), so that the outermost cells lie on each other;
// with half_pixel_centers at (i + 0.5) * scale - 0.5. InvalidArgument for both at once.
struct ResizeOptions {
  bool align_corners = false;
  bool half_pixel_centers = false;
};
struct ResizeAreaOptions {
  bool align_corners = false;
};

// The mean over the area that a cell covers. No gradient (TensorFlow has none).
Output ResizeArea(At at, Output images, Ints size, const ResizeAreaOptions& options = {});
// Cubic convolution over 4 x 4 cells: A = -0.75 and edges repeated; with half_pixel_centers A =
// -0.5 and edges left out. Gradient for float and double images.
Output ResizeBicubic(At at, Output images, Ints size, const ResizeOptions& options = {});
// Linear between the 2 x 2 nearest cells.
Output ResizeBilinear(At at, Output images, Ints size, const ResizeOptions& options = {});
// The cell that the center falls into; rounded to the nearest with align_corners.
Output ResizeNearestNeighbor(At at, Output images, Ints size, const ResizeOptions& options = {});

// The gradients for float `grads` [batch, height, width, channels]: of original_image's shape and
// type.
Output ResizeBicubicGrad(At at, Output grads, Output original_image,
                         const ResizeOptions& options = {});
Output ResizeBilinearGrad(At at, Output grads, Output original_image,
                          const ResizeOptions& options = {});
// The same for `grads` of any of uint8, int8, int32, half, float, double: [batch, size[0], size[1],
// channels].
Output ResizeNearestNeighborGrad(At at, Output grads, Ints size, const ResizeOptions& options = {});

}  // namespace sluice::ops

#endif  // SLUICE_OPS_RESIZE_H_
