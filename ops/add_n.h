// Sums of many tensors of one shape.
#ifndef SLUICE_OPS_ADD_N_H_
#define SLUICE_OPS_ADD_N_H_

#include "core/tensor_shape.h"
#include "graph/at.h"
#include "graph/output.h"

namespace sluice::ops {

// The sum of one or more tensors of one shape and dtype, numbers; half and bfloat16 are rounded
// after each addition. InvalidArgument where shapes differ. Gradient: dy to each.
Output AddN(At at, const Outputs& inputs);
// The same under the name that tf.accumulate_n uses; `shape` is that of every input.
Output AccumulateNV2(At at, const Outputs& inputs, const TensorShape& shape);

}  // namespace sluice::ops

#endif  // SLUICE_OPS_ADD_N_H_
