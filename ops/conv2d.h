// Two-dimensional convolution (a cross-correlation) and its gradients.
#ifndef SLUICE_OPS_CONV2D_H_
#define SLUICE_OPS_CONV2D_H_

#include <cstdint>
#include <string>
#include <vector>

#include "graph/at.h"
#include "graph/output.h"
#include "ops/padding.h"

namespace sluice::ops {

// Attributes of the three ops. Lists have an entry per dimension of the input, in data_format's
// order.
struct Conv2DOptions {
  std::vector<int64_t> strides = {1, 1, 1, 1};  // batch and channel entries must be 1
  bool use_cudnn_on_gpu = true;                 // kept in the graph, without effect here
  Padding padding = Padding::kValid;
  // Empty, or 8 numbers, (before, after) per dimension: then the attribute padding is "EXPLICIT"
  // and `padding` is ignored.
  std::vector<int64_t> explicit_paddings = {};
  std::string data_format = "NHWC";  // or "NCHW"
  std::vector<int64_t> dilations = {1, 1, 1, 1};
};

// input [batch, height, width, Cin] (or [batch, Cin, height, width]), filter [kernel height, kernel
// width, Cin, Cout]; half, bfloat16 (both computed in float), float or double. Output [batch, out
// height, out width, Cout] in the same format, sizes by rule CV-1:
//   output[n, i, j, k] = sum over u, v, c of input[n, s*i - before + u*d, s*j - before + v*d, c] *
//   filter[u, v, c, k]
// InvalidArgument: another rank, channels that are no multiple of the filter's, strides or
// dilations < 1 or in batch or channels, an empty window, a negative output size. Unimplemented,
// when it runs: more channels than the filter has (groups). An empty batch gives an empty output.
Output Conv2D(At at, Output input, Output filter, Conv2DOptions options = {});

// The gradient of Conv2D with respect to an input of shape `input_sizes` (int32, 4 values, or 2:
// height and width); also the transposed convolution (rule CV-9). out_backprop has the shape of
// Conv2D's output. Options as Conv2D's.
Output Conv2DBackpropInput(At at, Output input_sizes, Output filter, Output out_backprop,
                           Conv2DOptions options = {});

// The gradient of Conv2D with respect to a filter of shape `filter_sizes` (int32, 4 values). Zeros
// for an empty batch.
Output Conv2DBackpropFilter(At at, Output input, Output filter_sizes, Output out_backprop,
                            Conv2DOptions options = {});

}  // namespace sluice::ops

#endif  // SLUICE_OPS_CONV2D_H_
