// Weights of losses and metrics, which must broadcast to the values that they weigh
// (tensorflow/python/ops/weights_broadcast_ops.py).
#ifndef SLUICE_TRAIN_BROADCAST_WEIGHTS_H_
#define SLUICE_TRAIN_BROADCAST_WEIGHTS_H_

#include "graph/at.h"
#include "graph/output.h"

namespace sluice::train {

// Rule LS-1: weights are a scalar, or of the values' rank with every dimension 1 or equal. Anything
// else is InvalidArgument ("weights can not be broadcast to values. ...") on the graph; where the
// shapes known now leave it open, of the run.
//
// The result is where to build what multiplies the two: `at`, or `at` after the run-time check,
// whose ops stand in a scope "assert_broadcastable".
At RequireBroadcastable(At at, const Output& weights, const Output& values);

// `weights`, checked as above, as a tensor of the shape and dtype of `values`: themselves when they
// have it, else `broadcast_weights` = weights * ones_like(values).
Output BroadcastWeights(At at, const Output& weights, const Output& values);

}  // namespace sluice::train

#endif  // SLUICE_TRAIN_BROADCAST_WEIGHTS_H_
