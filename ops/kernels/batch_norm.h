// Batch normalization over a tensor seen as [outer, channels, inner] (ops/kernels/channels.h), with
// statistics per channel, and what usually follows it: a residual sum and an activation.
//
//   forward:   z = (x - mean) * scale / sqrt(variance + epsilon) + offset,  y = f(z + side)
//   backward:  dz = dy * f'(z + side) = d side
//              g = dz * scale / sqrt(variance + epsilon), h = (x - mean) / sqrt(variance + epsilon)
//              d offset = sum dz,  d scale = sum dz * h
//              dx = g - mean of g - h * mean of (g * h) with batch statistics, else dx = g
//
// Training reads x twice and writes y once; the gradient reads dy and x twice and writes dx once
// (with a residual sum: dy, y, x, then dz, x): at the speed of memory with channels last.
#ifndef SLUICE_OPS_KERNELS_BATCH_NORM_H_
#define SLUICE_OPS_KERNELS_BATCH_NORM_H_

#include <cstdint>
#include <optional>

#include "ops/kernels/activations.h"
#include "ops/kernels/channels.h"

namespace sluice::kernels {

// All are for float and double, in parallel; results do not depend on the number of threads.
// `scratch` has BatchNormScratch(s) elements.
int64_t BatchNormScratch(const ChannelShape& s);

// Mean and biased variance (the mean of (x - mean)^2) per channel. REQUIRES: s.elements() > 0.
template <typename T>
void BatchMoments(const ChannelShape& s, const T* x, T* mean, T* variance, T* scratch);

// y may be x or side.
template <typename T>
struct BatchNormThen {
  const T* side = nullptr;               // added: the residual
  std::optional<Activation> activation;  // kRelu or kRelu6; as Activate() does it
};
template <typename T>
void BatchNormalize(const ChannelShape& s, const T* x, const T* mean, const T* variance,
                    const T* scale, const T* offset, T epsilon, T* y, T* scratch,
                    const BatchNormThen<T>& then = {});

template <typename T>
struct BatchNormBackward {
  bool batch_statistics = true;  // mean and variance are those of x itself
  T epsilon = 0;
  const T *dy = nullptr, *x = nullptr, *mean = nullptr, *variance = nullptr, *scale = nullptr;
  const T* more_dy = nullptr;  // where set, dy stands for dy + more_dy
  // kRelu or kRelu6. Needs y, or where there was no side, offset instead: to compute z again costs
  // less than to read y.
  std::optional<Activation> activation;
  const T *y = nullptr, *offset = nullptr;

  T *dx = nullptr, *dscale = nullptr, *doffset = nullptr;  // the last two are 0 for an empty x
  T* dside = nullptr;                                      // dz, where wanted
};
// dx and dside may each be dy, more_dy or y (but not x, and not the same as each other).
template <typename T>
void BatchNormGradient(const ChannelShape& s, const BatchNormBackward<T>& b, T* scratch);

}  // namespace sluice::kernels

#endif  // SLUICE_OPS_KERNELS_BATCH_NORM_H_
