// Maximum and average over windows of images, and the gradients.
#ifndef SLUICE_OPS_KERNELS_POOL_H_
#define SLUICE_OPS_KERNELS_POOL_H_

#include <cstdint>

namespace sluice::kernels {

// Images [batch, height, width, channels]; pairs are height, width. (An image with channels first
// is `channels` times as many images of one channel.) The output sizes belong to the rest
// (ops/window.h): every window holds at least one cell of the image.
struct PoolShape {
  int64_t batch = 0, channels = 0;
  int64_t input[2] = {0, 0}, window[2] = {1, 1}, output[2] = {0, 0}, stride[2] = {1, 1};
  int64_t before[2] = {0, 0};  // padding; padded cells take no part
};

// All run in parallel, with results that do not depend on the number of threads.

// y: the maxima; NaN where a window holds one. float, double, integers.
template <typename T>
void MaxPool(const PoolShape& s, const T* x, T* y);
// dx: each dy goes to the first maximum of its window in row-major order. float, double.
template <typename T>
void MaxPoolGradient(const PoolShape& s, const T* x, const T* dy, T* dx);
// y: what `grads` (of the input's shape) holds at the first maximum of each window. float, double.
template <typename T>
void MaxPoolGradGradient(const PoolShape& s, const T* x, const T* grads, T* y);
// y: the means of the windows' cells inside the image. float, double.
template <typename T>
void AvgPool(const PoolShape& s, const T* x, T* y);
// dx: each dy is spread evenly over its window's cells inside the image. float, double.
template <typename T>
void AvgPoolGradient(const PoolShape& s, const T* dy, T* dx);

}  // namespace sluice::kernels

#endif  // SLUICE_OPS_KERNELS_POOL_H_
