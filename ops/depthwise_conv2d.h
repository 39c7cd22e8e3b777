// Two-dimensional convolution of every channel by itself, and its gradients.
#ifndef SLUICE_OPS_DEPTHWISE_CONV2D_H_
#define SLUICE_OPS_DEPTHWISE_CONV2D_H_

#include <cstdint>
#include <string>
#include <vector>

#include "graph/at.h"
#include "graph/output.h"
#include "ops/padding.h"

namespace sluice::ops {

// Attributes of the three ops. Lists have an entry per dimension of the input, in data_format's
// order. Height and width may have different strides (TensorFlow requires equal ones, rule CV-8).
struct DepthwiseConv2dNativeOptions {
  std::vector<int64_t> strides = {1, 1, 1, 1};  // batch and channel entries must be 1
  Padding padding = Padding::kValid;
  std::string data_format = "NHWC";  // or "NCHW"
  std::vector<int64_t> dilations = {1, 1, 1, 1};
};

// input [batch, height, width, Cin], filter [kernel height, kernel width, Cin, M]; output [batch,
// out height, out width, Cin * M]:
//   output[n, i, j, c*M + m] = sum over u, v of input[n, s*i - before + u*d, s*j - before + v*d, c]
//   * filter[u, v, c, m]
// Types, sizes and errors as Conv2D's (ops/conv2d.h).
Output DepthwiseConv2dNative(At at, Output input, Output filter,
                             DepthwiseConv2dNativeOptions options = {});

// The gradient with respect to an input of shape `input_sizes` (int32, 4 values).
Output DepthwiseConv2dNativeBackpropInput(At at, Output input_sizes, Output filter,
                                          Output out_backprop,
                                          DepthwiseConv2dNativeOptions options = {});

// The gradient with respect to a filter of shape `filter_sizes` (int32, 4 values).
Output DepthwiseConv2dNativeBackpropFilter(At at, Output input, Output filter_sizes,
                                           Output out_backprop,
                                           DepthwiseConv2dNativeOptions options = {});

}  // namespace sluice::ops

#endif  // SLUICE_OPS_DEPTHWISE_CONV2D_H_
