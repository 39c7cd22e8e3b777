// Locally connected planes and their two derivatives on raw memory: a convolution whose every
// output position has a filter of its own.
//
//   y[n, i, j, o] = sum over u, v, c of  x[n, i*s - before + u, j*s - before + v, c] * w[p, k, o]
//
// x being 0 outside the image, p = i * output width + j, k the patch's element (u, v, c) in
// row-major order of [kernel height, width, channels], or of [channels, kernel height, width] when
// channels come first.
#ifndef SLUICE_OPS_KERNELS_LOCALLY_CONNECTED_H_
#define SLUICE_OPS_KERNELS_LOCALLY_CONNECTED_H_

#include <memory>

#include "ops/kernels/conv.h"

namespace sluice::kernels {

// `shape` is of planes (depth 1), without dilation; every window meets the image. Filters are
// [output pixels, kernel height * width * in_channels, out_channels]. kBackwardFilter gives zeros
// for elements that read outside the image. The filters, by far the largest operand, are read or
// written once, and nothing of the image is copied. Uses up to `threads` threads; results do not
// depend on their number. float and double.
template <typename T>
std::unique_ptr<Conv> MakeLocallyConnected(ConvPass pass, const ConvShape& shape, int threads);

}  // namespace sluice::kernels

#endif  // SLUICE_OPS_KERNELS_LOCALLY_CONNECTED_H_
