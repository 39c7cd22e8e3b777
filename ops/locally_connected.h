// Locally connected planes: a convolution whose every output position has a filter of its own, and
// its gradients. TensorFlow has no such ops; Keras' LocallyConnected layers are made of them.
#ifndef SLUICE_OPS_LOCALLY_CONNECTED_H_
#define SLUICE_OPS_LOCALLY_CONNECTED_H_

#include <string>

#include "graph/at.h"
#include "graph/output.h"
#include "ops/padding.h"

namespace sluice::ops {

// Attributes of the three ops. In the graph ksize and strides are lists of four, in data_format's
// order, as those of pools.
struct LocallyConnected2DOptions {
  Int2 kernel_size = 1;
  Int2 strides = 1;
  // kValid: as Conv2D. kSame: output = ceil(input / stride), as Conv2D, but a window begins
  // floor(kernel / 2) before its centre i * stride, as Keras has it (rule CV-26): the odd cell of
  // an even kernel is before. What lies outside the image is left out.
  Padding padding = Padding::kValid;
  std::string data_format = "NHWC";  // or "NCHW"
};

// input [batch, height, width, Cin] (or [batch, Cin, height, width]), filter [out height * out
// width, kernel height * kernel width * Cin, F], both half or bfloat16 (computed in float), float
// or double. Output [batch, out height, out width, F] (or [batch, F, out height, out width]):
//   output[n, i, j, f] = sum over u, v, c of
//       input[n, s*i - before + u, s*j - before + v, c] * filter[i * out width + j, k, f]
// k being the place of (u, v, c) in row-major order of [kernel height, kernel width, Cin], or of
// (c, u, v) in [Cin, kernel height, kernel width]. (So Keras lays out the kernel of implementation
// 1.) A line of L cells is an image of L x 1 with kernel k x 1.
// InvalidArgument: other ranks, a filter that is not of these sizes, sizes or strides < 1, a window
// larger than the image (VALID). An empty batch gives an empty output.
Output LocallyConnected2D(At at, Output input, Output filter, LocallyConnected2DOptions options);

// The gradient with respect to an input of shape `input_sizes` (int32, 4 values).
Output LocallyConnected2DBackpropInput(At at, Output input_sizes, Output filter,
                                       Output out_backprop, LocallyConnected2DOptions options);

// The gradient with respect to a filter of shape `filter_sizes` (int32, 3 values). Elements that
// read outside the image get 0.
Output LocallyConnected2DBackpropFilter(At at, Output input, Output filter_sizes,
                                        Output out_backprop, LocallyConnected2DOptions options);

}  // namespace sluice::ops

#endif  // SLUICE_OPS_LOCALLY_CONNECTED_H_
