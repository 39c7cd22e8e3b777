// Batch normalization over a tensor seen as [outer, channels, inner] (ops/kernels/channels.h), with
// statistics per channel.
//
//   forward:   y = (x - mean) * scale / sqrt(variance + epsilon) + offset
//   backward:  g = dy * scale / sqrt(variance + epsilon), h = (x - mean) / sqrt(variance + epsilon)
//              d offset = sum dy,  d scale = sum dy * h
//              dx = g - mean of g - h * mean of (g * h) with batch statistics, else dx = g
#ifndef SLUICE_OPS_KERNELS_BATCH_NORM_H_
#define SLUICE_OPS_KERNELS_BATCH_NORM_H_

#include <cstdint>

#include "ops/kernels/channels.h"

namespace sluice::kernels {

// All are for float and double, in parallel; results do not depend on the number of threads.
// `scratch` has BatchNormScratch(s) elements.
int64_t BatchNormScratch(const ChannelShape& s);

// Mean and biased variance (the mean of (x - mean)^2) per channel. REQUIRES: s.elements() > 0.
template <typename T>
void BatchMoments(const ChannelShape& s, const T* x, T* mean, T* variance, T* scratch);

template <typename T>
void BatchNormalize(const ChannelShape& s, const T* x, const T* mean, const T* variance,
                    const T* scale, const T* offset, T epsilon, T* y, T* scratch);

// `batch_statistics`: mean and variance are those of x itself. dscale and doffset are 0 for an
// empty x.
template <typename T>
void BatchNormGradient(const ChannelShape& s, bool batch_statistics, const T* dy, const T* x,
                       const T* mean, const T* variance, const T* scale, T epsilon, T* dx,
                       T* dscale, T* doffset, T* scratch);

}  // namespace sluice::kernels

#endif  // SLUICE_OPS_KERNELS_BATCH_NORM_H_
