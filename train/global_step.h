// The count of training steps (tf.train.create_global_step and friends, rule TR-4).
#ifndef SLUICE_TRAIN_GLOBAL_STEP_H_
#define SLUICE_TRAIN_GLOBAL_STEP_H_

#include "graph/variable.h"

namespace sluice::train {

// An int64 scalar variable "global_step", 0 at first, not trainable, in GLOBAL_VARIABLES and
// GLOBAL_STEP. AlreadyExists on the graph when there is one.
Variable CreateGlobalStep(At at);
// The one in GLOBAL_STEP; empty when there is none. InvalidArgument on the graph when it is not an
// integer scalar, or there are several.
Variable GetGlobalStep(At at);
Variable GetOrCreateGlobalStep(At at);

}  // namespace sluice::train

#endif  // SLUICE_TRAIN_GLOBAL_STEP_H_
