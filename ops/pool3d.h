// Maximum and average pooling over windows of volumes.
#ifndef SLUICE_OPS_POOL3D_H_
#define SLUICE_OPS_POOL3D_H_

#include <cstdint>
#include <string>
#include <vector>

#include "graph/at.h"
#include "graph/output.h"
#include "ops/padding.h"

namespace sluice::ops {

// Attributes of the ops below. Lists have an entry per dimension of the input, in data_format's
// order; batch and channel entries must be 1.
struct Pool3DOptions {
  std::vector<int64_t> ksize = {1, 1, 1, 1, 1};
  std::vector<int64_t> strides = {1, 1, 1, 1, 1};
  Padding padding = Padding::kValid;
  std::string data_format = "NDHWC";  // or "NCDHW"
};

// input [batch, depth, height, width, channels] (NCDHW: channels second). Sizes, padding and errors
// as ops/pool.h says. Maxima: half, bfloat16 (both computed in float), float; means: double too. A
// maximum begins with -infinity and NaN is not greater than anything.
Output MaxPool3D(At at, Output input, Pool3DOptions options);
Output AvgPool3D(At at, Output input, Pool3DOptions options);

// The gradient of MaxPool3D as TensorFlow's CPU kernel computes it, unlike MaxPoolGrad's: each
// element of `grad` goes to every cell of its window of orig_input that is nearer than 1e-5 to
// orig_output.
Output MaxPool3DGrad(At at, Output orig_input, Output orig_output, Output grad,
                     Pool3DOptions options);
// What `grad` (of orig_input's shape) holds at the first cell of each window that equals
// orig_output, 0 where none does. (Its kernels take integers too.)
Output MaxPool3DGradGrad(At at, Output orig_input, Output orig_output, Output grad,
                         Pool3DOptions options);
// The gradient of AvgPool3D for an input of shape orig_input_shape (int32, 5 values).
Output AvgPool3DGrad(At at, Output orig_input_shape, Output grad, Pool3DOptions options);

}  // namespace sluice::ops

#endif  // SLUICE_OPS_POOL3D_H_
