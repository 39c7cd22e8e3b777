// BroadcastArgs: what two shapes broadcast to.
#ifndef SLUICE_OPS_BROADCAST_ARGS_H_
#define SLUICE_OPS_BROADCAST_ARGS_H_

#include "graph/at.h"
#include "graph/output.h"
#include "ops/const.h"

namespace sluice::ops {

// The shape that tensors of the shapes `s0` and `s1` (int32 or int64 vectors of one dtype) have
// after broadcasting, by numpy's rules. InvalidArgument when they do not fit.
// (tf.broadcast_dynamic_shape)
Output BroadcastArgs(At at, Ints s0, Ints s1);

}  // namespace sluice::ops

#endif  // SLUICE_OPS_BROADCAST_ARGS_H_
