// Resampling of images [batch, height, width, channels]: nearest, bilinear, bicubic, area; and the
// gradients of the first three. Arithmetic in float, as TensorFlow's.
#ifndef SLUICE_OPS_KERNELS_RESIZE_H_
#define SLUICE_OPS_KERNELS_RESIZE_H_

#include <cstdint>
#include <vector>

#include "core/dtype.h"

namespace sluice::kernels {

// How the cells of one axis of the result lie on the axis of the source. Sizes are >= 1.
struct ResizeAxis {
  int64_t in = 1, out = 1;
  bool align_corners = false, half_pixel_centers = false;

  // Source cells per cell of the result: (in - 1) / (out - 1) with aligned corners, else in / out.
  float Scale() const;
};

// A cell of the result lies between two cells of the source, `lerp` of the way.
struct LinearTap {
  int64_t lower = 0, upper = 0;
  float lerp = 0;
};
// It is a weighted sum of four.
struct CubicTap {
  int64_t index[4] = {0, 0, 0, 0};
  float weight[4] = {0, 0, 0, 0};
};
// It covers the cells begin .. end - 1, of which the first and the last count in part. (Cells
// beyond the edges stand for the edges.)
struct AreaTap {
  int64_t begin = 0, end = 0;
  float first = 0, last = 0;
};

// One entry per cell of the result. Source indices are inside of the source (except AreaTap's).
// Nearest: align_corners rounds, otherwise down.
std::vector<int64_t> NearestTaps(const ResizeAxis& axis);
std::vector<LinearTap> LinearTaps(const ResizeAxis& axis);
// Keys' cubic from a table of 1024 steps: A = -0.75 with edges repeated; A = -0.5 with half pixel
// centers, where cells beyond the edges do not count and the weights are made to sum to 1.
std::vector<CubicTap> CubicTaps(const ResizeAxis& axis);
std::vector<AreaTap> AreaTaps(const ResizeAxis& axis);

struct ResizeShape {
  int64_t batch = 0, channels = 1;
  int64_t in[2] = {1, 1}, out[2] = {1, 1};  // height, width
};

// All run in parallel; results do not depend on the number of threads. rows and columns belong to
// the shape's `out` (gradients: dy has the sizes `out`, dx the sizes `in`).
void ResizeNearest(const ResizeShape& s, DType dtype, const int64_t* rows, const int64_t* columns,
                   const void* x, void* y);
void ResizeBilinear(const ResizeShape& s, const LinearTap* rows, const LinearTap* columns,
                    const float* x, float* y);
void ResizeBicubic(const ResizeShape& s, const CubicTap* rows, const CubicTap* columns,
                   const float* x, float* y);
// `scale`: what a sum over a covered patch is multiplied by.
void ResizeArea(const ResizeShape& s, const AreaTap* rows, const AreaTap* columns, float scale,
                const float* x, float* y);

// float, double, half, int8, uint8, int32 (which wrap).
template <typename T>
void ResizeNearestGradient(const ResizeShape& s, const int64_t* rows, const int64_t* columns,
                           const T* dy, T* dx);
void ResizeBilinearGradient(const ResizeShape& s, const LinearTap* rows, const LinearTap* columns,
                            const float* dy, float* dx);
void ResizeBicubicGradient(const ResizeShape& s, const CubicTap* rows, const CubicTap* columns,
                           const float* dy, float* dx);

}  // namespace sluice::kernels

#endif  // SLUICE_OPS_KERNELS_RESIZE_H_
