// Maximum and average pooling over windows of planes.
#ifndef SLUICE_OPS_POOL_H_
#define SLUICE_OPS_POOL_H_

#include <cstdint>
#include <string>
#include <vector>

#include "graph/at.h"
#include "graph/output.h"
#include "ops/padding.h"

namespace sluice::ops {

// Attributes of the ops below. Lists have an entry per dimension of the input, in data_format's
// order; batch and channel entries must be 1 (but see MaxPool).
struct PoolOptions {
  std::vector<int64_t> ksize = {1, 1, 1, 1};
  std::vector<int64_t> strides = {1, 1, 1, 1};
  Padding padding = Padding::kValid;
  std::string data_format = "NHWC";  // or "NCHW"
};

// input [batch, height, width, channels] (NCHW: [batch, channels, height, width]); output sizes by
// rule CV-1. Padded cells take no part: maxima are taken, and means divided, over the cells inside
// the image (rule LY-4). InvalidArgument: another rank, sizes < 1, a window that does not fit. An
// empty batch gives an empty output. Kernels: AvgPool and its gradient half, bfloat16 (computed in
// float), float and double; the others also integers up to 64 bits.
//
// The maximum is that of TensorFlow's CPU kernel: it begins with the lowest finite number and NaN
// is not greater than anything. A window may lie across channels instead, without overlap: ksize
// and strides are then d for the channels, which d divides, and 1 elsewhere (the output's height
// and width are the input's).
Output MaxPool(At at, Output input, PoolOptions options);
Output AvgPool(At at, Output value, PoolOptions options);

// The gradient of MaxPool: each element of `grad` goes to the first maximum, in row-major order, of
// its window of orig_input. (A first cell that is NaN counts as greatest.)
Output MaxPoolGrad(At at, Output orig_input, Output orig_output, Output grad, PoolOptions options);
// The gradient of MaxPoolGrad with respect to `grad`: what `grad` (of orig_input's shape) holds at
// the first cell of each window that equals orig_output, 0 where none does.
Output MaxPoolGradGrad(At at, Output orig_input, Output orig_output, Output grad,
                       PoolOptions options);
// The gradient of AvgPool for an input of shape orig_input_shape (int32, 4 values): each element of
// `grad` spread over its window.
Output AvgPoolGrad(At at, Output orig_input_shape, Output grad, PoolOptions options);

}  // namespace sluice::ops

#endif  // SLUICE_OPS_POOL_H_
