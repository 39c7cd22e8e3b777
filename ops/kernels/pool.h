// Maximum and average over windows of planes and volumes, and the gradients.
#ifndef SLUICE_OPS_KERNELS_POOL_H_
#define SLUICE_OPS_KERNELS_POOL_H_

#include <cstdint>

namespace sluice::kernels {

// Images [batch, depth, height, width, channels]; triples are depth, height, width, a plane being a
// volume of depth 1. (An image with channels first is `channels` times as many images of one
// channel.) The output sizes belong to the rest (ops/window.h): every window holds at least one
// cell of the image.
struct PoolShape {
  int64_t batch = 0, channels = 0;
  int64_t input[3] = {1, 1, 1}, window[3] = {1, 1, 1}, output[3] = {1, 1, 1};
  int64_t stride[3] = {1, 1, 1};
  int64_t before[3] = {0, 0, 0};  // padding; padded cells take no part

  int64_t image_size() const { return input[0] * input[1] * input[2] * channels; }
  int64_t pooled_size() const { return output[0] * output[1] * output[2] * channels; }
};

// All run in parallel, with results that do not depend on the number of threads. "The first": in
// row-major order. T: float, double, integers up to 64 bits but uint32 and uint64.

// y: the maxima, `lowest` where nothing in the window is greater. NaN is not greater than anything.
template <typename T>
void MaxPool(const PoolShape& s, T lowest, const T* x, T* y);

// y: the first cell of the window, or the first that is greater than all before it; argmax: its
// position in the image, ((i * height + j) * width + k) * channels + channel, counted from the
// first image with `from_first_image`. Index: int32 or int64.
template <typename T, typename Index>
void MaxPoolArgmax(const PoolShape& s, bool from_first_image, const T* x, T* y, Index* argmax);

// dx: each dy goes to that cell of its window.
template <typename T>
void MaxPoolGradient(const PoolShape& s, const T* x, const T* dy, T* dx);

// dx: each dy goes to every cell of its window nearer than 1e-5 to the maximum `y` (TensorFlow's
// rule for volumes). float, double.
template <typename T>
void MaxPoolGradientToAll(const PoolShape& s, const T* x, const T* y, const T* dy, T* dx);

// out: what `grads` (of the input's shape) holds at the first cell of each window that equals the
// maximum `y`, 0 where none does.
template <typename T>
void MaxPoolGradGradient(const PoolShape& s, const T* x, const T* y, const T* grads, T* out);

// y: the means of the windows' cells inside the image. float, double.
template <typename T>
void AvgPool(const PoolShape& s, const T* x, T* y);
// dx: each dy is spread evenly over its window's cells inside the image. float, double.
template <typename T>
void AvgPoolGradient(const PoolShape& s, const T* dy, T* dx);

}  // namespace sluice::kernels

#endif  // SLUICE_OPS_KERNELS_POOL_H_
