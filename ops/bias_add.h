// Adding one number per channel, and its gradient.
#ifndef SLUICE_OPS_BIAS_ADD_H_
#define SLUICE_OPS_BIAS_ADD_H_

#include <string>

#include "graph/at.h"
#include "graph/output.h"

namespace sluice::ops {

struct BiasAddOptions {
  std::string data_format = "NHWC";  // channels last; "NCHW": channels are dimension 1
};

// output[..., c] = value[..., c] + bias[c] (NCHW: value[n, c, ...]). value of rank >= 2, bias
// [channels]; every number type (half and bfloat16 are computed in float). InvalidArgument ~
// "Dimensions must be equal" when the channels differ.
Output BiasAdd(At at, Output value, Output bias, BiasAddOptions options = {});
// The same with channels last; an older name of the op.
Output BiasAddV1(At at, Output value, Output bias);
// [channels]: the sum of out_backprop (rank >= 2) over every other dimension.
Output BiasAddGrad(At at, Output out_backprop, BiasAddOptions options = {});

}  // namespace sluice::ops

#endif  // SLUICE_OPS_BIAS_ADD_H_
