// Batch normalization with what follows it in one pass: a residual sum and an activation. Plans put
// these ops in the place of a graph's (ops/rewrites/fuse_batch_norm.cc); their names and schemas
// are those of TensorFlow's own rewrites.
#ifndef SLUICE_OPS_FUSED_BATCH_NORM_EX_H_
#define SLUICE_OPS_FUSED_BATCH_NORM_EX_H_

#include "graph/op_spec.h"

namespace sluice::ops {

// y = f(n + side_input), where n is FusedBatchNormV3's y (ops/fused_batch_norm.h has inputs,
// attributes and the other outputs), side_input (0 or 1 of them: num_side_inputs) has x's shape and
// f is activation_mode: "Identity", "Relu" or "Relu6". One rounding to T, at the end.
// InvalidArgument ~ "Dimensions must be equal" for other sizes.
OpSpec FusedBatchNormExOp();

// Its gradient. Inputs as FusedBatchNormGradV3's; offset and y, as of the forward op, where there
// is an activation (any values else); num_more_backprops (0 or 1) tensors to be added to y_backprop
// first. Outputs as FusedBatchNormGradV3's, then for num_side_inputs = 1 the gradient of
// side_input: y_backprop where the activation lets it pass, else 0. Without a side input y itself
// is not looked at: the activation's derivative is found from x.
OpSpec FusedBatchNormGradExOp();

}  // namespace sluice::ops

#endif  // SLUICE_OPS_FUSED_BATCH_NORM_EX_H_
