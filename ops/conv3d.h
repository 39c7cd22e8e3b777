// Convolution of volumes (a cross-correlation) and its gradients.
#ifndef SLUICE_OPS_CONV3D_H_
#define SLUICE_OPS_CONV3D_H_

#include <cstdint>
#include <string>
#include <vector>

#include "graph/at.h"
#include "graph/output.h"
#include "ops/padding.h"

namespace sluice::ops {

// Attributes of the ops below. Lists have an entry per dimension of the input, in data_format's
// order; batch and channel entries must be 1.
struct Conv3DOptions {
  std::vector<int64_t> strides = {1, 1, 1, 1, 1};
  Padding padding = Padding::kValid;
  std::string data_format = "NDHWC";  // or "NCDHW"
  std::vector<int64_t> dilations = {1, 1, 1, 1, 1};
};

// input [batch, depth, height, width, Cin] (or [batch, Cin, depth, height, width]), filter [kernel
// depth, kernel height, kernel width, Cin, Cout]; half, bfloat16 (both computed in float), float or
// double. Output [batch, out depth, out height, out width, Cout] in the same format: Conv2D's
// formula (ops/conv2d.h) with a third axis, sizes by rule CV-1. InvalidArgument as for Conv2D.
Output Conv3D(At at, Output input, Output filter, Conv3DOptions options = {});

// The gradient of Conv3D with respect to an input of shape `input_sizes` (int32 or int64, 5
// values); also the transposed convolution. out_backprop has the shape of Conv3D's output.
Output Conv3DBackpropInputV2(At at, Output input_sizes, Output filter, Output out_backprop,
                             Conv3DOptions options = {});
// The gradient of Conv3D with respect to a filter of shape `filter_sizes` (int32, 5 values).
Output Conv3DBackpropFilterV2(At at, Output input, Output filter_sizes, Output out_backprop,
                              Conv3DOptions options = {});

// Older ops, without data_format (options.data_format is ignored: channels last) and bfloat16: they
// take the input's, or the filter's, shape from a tensor that has it. Not differentiable.
Output Conv3DBackpropInput(At at, Output input, Output filter, Output out_backprop,
                           Conv3DOptions options = {});
Output Conv3DBackpropFilter(At at, Output input, Output filter, Output out_backprop,
                            Conv3DOptions options = {});

}  // namespace sluice::ops

#endif  // SLUICE_OPS_CONV3D_H_
