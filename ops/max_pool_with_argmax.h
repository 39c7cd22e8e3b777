// Maximum pooling that also tells where the maxima are.
#ifndef SLUICE_OPS_MAX_POOL_WITH_ARGMAX_H_
#define SLUICE_OPS_MAX_POOL_WITH_ARGMAX_H_

#include <cstdint>
#include <vector>

#include "core/dtype.h"
#include "graph/at.h"
#include "graph/output.h"
#include "ops/padding.h"

namespace sluice::ops {

// Attributes of the ops below. Lists have an entry per dimension [batch, height, width, channels];
// batch and channel entries must be 1.
struct MaxPoolWithArgmaxOptions {
  std::vector<int64_t> ksize = {1, 1, 1, 1};
  std::vector<int64_t> strides = {1, 1, 1, 1};
  DType argmax_type = DType::kInt64;  // or kInt32; of the forward op
  Padding padding = Padding::kValid;
  bool include_batch_in_index = false;
};

// input [batch, height, width, channels], real numbers but uint32 and uint64. Outputs: the maxima
// as ops/pool.h says, except that a window begins with its first cell, whatever it is; and their
// positions, (y * width + x) * channels + c, or with include_batch_in_index
// ((b * height + y) * width + x) * channels + c; of equal cells the first in row-major order.
// Errors as MaxPool's.
Outputs MaxPoolWithArgmax(At at, Output input, MaxPoolWithArgmaxOptions options);

// The gradient: each element of `grad` (of the pooled shape) is added to the element of an input's
// shape that argmax names. InvalidArgument for an index outside its image.
Output MaxPoolGradWithArgmax(At at, Output input, Output grad, Output argmax,
                             MaxPoolWithArgmaxOptions options);
// The gradient of that: the elements of `grad` (of the input's shape) that argmax names.
Output MaxPoolGradGradWithArgmax(At at, Output input, Output grad, Output argmax,
                                 MaxPoolWithArgmaxOptions options);

}  // namespace sluice::ops

#endif  // SLUICE_OPS_MAX_POOL_WITH_ARGMAX_H_
