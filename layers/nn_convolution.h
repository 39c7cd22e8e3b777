// The convolution functions of tf.nn: over tensors, without variables. Layers that make their
// kernels are in conv.h, separable_conv.h, depthwise_conv2d.h and conv_transpose.h; both build the
// same nodes (conv_nodes.h).
//
// All of them are cross-correlations of half, bfloat16, float or double tensors, with gradients.
// Names: options.name, else the scope's Named() name, else TensorFlow's default. What an op refuses
// (ops/conv2d.h, ops/conv3d.h) is refused in its words.
#ifndef SLUICE_LAYERS_NN_CONVOLUTION_H_
#define SLUICE_LAYERS_NN_CONVOLUTION_H_

#include <cstdint>
#include <string>
#include <vector>

#include "graph/at.h"
#include "graph/output.h"
#include "ops/const.h"
#include "ops/padding.h"

namespace sluice::nn {

// Arguments of tf.nn.convolution after `input` and `filter`.
struct ConvolutionOptions {
  Padding padding = Padding::kValid;        // or kSame
  std::vector<int64_t> strides = {};        // one per spatial dimension; empty: all 1
  std::vector<int64_t> dilation_rate = {};  // likewise; other than 1 excludes other strides
  std::string name = {};                    // empty: "convolution"
  std::string data_format = {};             // "NWC", "NCW", "NHWC", "NCHW", "NDHWC", "NCDHW", as
                                            // the rank is; empty: channels last
};
// A convolution over N = 1, 2 or 3 spatial dimensions: input [batch, sizes..., Cin] (or [batch,
// Cin, sizes...]), filter [kernel sizes..., Cin, Cout], sizes of the output by rule CV-1, kSame
// with the dilated window. Nodes `convolution/dilation_rate` and `convolution` (N = 1: those of
// Conv1D below `convolution/`). InvalidArgument in the words of rule CV-6: ranks that are unknown
// or do not fit, channels that differ, wrong numbers of strides or rates, such that are not
// positive, both not 1, another padding, an unknown data_format.
Output Convolution(At at, Output input, Output filter, ConvolutionOptions options = {});

// Arguments of tf.nn.conv1d after `value` and `filters`.
struct Conv1DOptions {
  int64_t stride = 1;
  Padding padding = Padding::kValid;
  bool use_cudnn_on_gpu = true;  // without effect
  std::string data_format = {};  // "NWC" (also "NHWC" or empty) or "NCW" ("NCHW")
  std::string name = {};         // empty: "conv1d"
  int64_t dilations = 1;
};
// value [batch, length, Cin], filters [kernel, Cin, Cout], as a row of an image:
// `conv1d/ExpandDims`, `conv1d/ExpandDims_1`, `conv1d/Conv2D`, `conv1d/Squeeze`. InvalidArgument:
// "data_format must be "NWC" or "NCW"", another rank.
Output Conv1D(At at, Output value, Output filters, Conv1DOptions options = {});

// Arguments of tf.nn.conv2d after `input` and `filter`.
struct Conv2DOptions {
  std::vector<int64_t> strides = {1, 1, 1, 1};  // in data_format's order
  Padding padding = Padding::kValid;
  bool use_cudnn_on_gpu = true;      // kept in the graph, without effect
  std::string data_format = "NHWC";  // or "NCHW"
  std::vector<int64_t> dilations = {1, 1, 1, 1};
  std::string name = {};  // empty: "Conv2D"
};
// One node, ops::Conv2D.
Output Conv2D(At at, Output input, Output filter, Conv2DOptions options = {});

// Arguments of tf.nn.atrous_conv2d after `value` and `filters`.
struct AtrousConv2DOptions {
  int64_t rate = 1;  // >= 1: of both dimensions
  Padding padding = Padding::kValid;
  std::string name = {};  // empty: "convolution"
};
// Convolution with that dilation_rate, channels last.
Output AtrousConv2D(At at, Output value, Output filters, AtrousConv2DOptions options = {});

// The transpose of AtrousConv2D (tf.nn.atrous_conv2d_transpose): value [batch, height, width, Cin],
// filters [kernel height, kernel width, Cout, Cin], `output_shape` four numbers. options.name
// empty: "atrous_conv2d_transpose". Errors as Conv2DTranspose.
Output AtrousConv2DTranspose(At at, Output value, Output filters, ops::Ints output_shape,
                             AtrousConv2DOptions options = {});

// Arguments of tf.nn.depthwise_conv2d and tf.nn.separable_conv2d after the tensors.
struct DepthwiseConv2DOptions {
  std::vector<int64_t> strides = {1, 1, 1, 1};  // in data_format's order; batch and channels 1
  Padding padding = Padding::kValid;
  std::vector<int64_t> rate = {1, 1};  // dilation; other than 1 excludes other strides
  std::string name = {};               // empty: "depthwise" ("separable_conv2d")
  std::string data_format = "NHWC";    // or "NCHW"
};
using SeparableConv2DOptions = DepthwiseConv2DOptions;
// filter [kernel height, kernel width, Cin, M]; output channel c * M + m is channel c convolved
// with filter[.., c, m] (rule CV-8). Nodes Shape, dilation_rate and the convolution.
Output DepthwiseConv2D(At at, Output input, Output filter, DepthwiseConv2DOptions options = {});
// The same, then a 1x1 convolution with pointwise_filter [1, 1, Cin * M, F], nothing between.
Output SeparableConv2D(At at, Output input, Output depthwise_filter, Output pointwise_filter,
                       SeparableConv2DOptions options = {});

// Arguments of tf.nn.conv2d_transpose after `output_shape`.
struct Conv2DTransposeOptions {
  std::vector<int64_t> strides = {1, 1, 1, 1};
  Padding padding = Padding::kSame;
  std::string data_format = "NHWC";  // or "NCHW"
  std::string name = {};             // empty: "conv2d_transpose"
};
// The gradient of Conv2D with respect to its input (rule CV-9): value [batch, height, width, Cin],
// filter [kernel height, kernel width, Cout, Cin], output of shape `output_shape` (four numbers or
// a tensor of them), which a convolution with these options must take to value's shape.
// InvalidArgument: "input channels does not match filter's input channels", "output_shape does not
// match filter's output channels", "output_shape must have shape (4,)", "padding must be either
// VALID or SAME", "data_format has to be either NCHW or NHWC.".
Output Conv2DTranspose(At at, Output value, Output filter, ops::Ints output_shape,
                       Conv2DTransposeOptions options = {});

// Arguments of tf.nn.conv3d_transpose after `output_shape`.
struct Conv3DTransposeOptions {
  std::vector<int64_t> strides = {1, 1, 1, 1, 1};
  Padding padding = Padding::kSame;
  std::string data_format = "NDHWC";  // or "NCDHW"
  std::string name = {};              // empty: "conv3d_transpose"
};
// The same for volumes.
Output Conv3DTranspose(At at, Output value, Output filter, ops::Ints output_shape,
                       Conv3DTransposeOptions options = {});

}  // namespace sluice::nn

#endif  // SLUICE_LAYERS_NN_CONVOLUTION_H_
