// Maximum pooling over windows whose sizes are tensors.
#ifndef SLUICE_OPS_POOL_V2_H_
#define SLUICE_OPS_POOL_V2_H_

#include <string>

#include "graph/at.h"
#include "graph/output.h"
#include "ops/padding.h"

namespace sluice::ops {

struct PoolV2Options {
  Padding padding = Padding::kValid;
  std::string data_format = "NHWC";  // or "NCHW"
};

// As MaxPool, MaxPoolGrad and MaxPoolGradGrad (ops/pool.h), with the attributes ksize and strides
// as int32 tensors of 4 values.
Output MaxPoolV2(At at, Output input, Output ksize, Output strides, PoolV2Options options = {});
Output MaxPoolGradV2(At at, Output orig_input, Output orig_output, Output grad, Output ksize,
                     Output strides, PoolV2Options options = {});
Output MaxPoolGradGradV2(At at, Output orig_input, Output orig_output, Output grad, Output ksize,
                         Output strides, PoolV2Options options = {});

}  // namespace sluice::ops

#endif  // SLUICE_OPS_POOL_V2_H_
