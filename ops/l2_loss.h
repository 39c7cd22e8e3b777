// L2Loss: half the sum of squares.
#ifndef SLUICE_OPS_L2_LOSS_H_
#define SLUICE_OPS_L2_LOSS_H_

#include "graph/at.h"
#include "graph/output.h"

namespace sluice::ops {

// sum(t^2) / 2, a scalar, of floating types. Gradient: t * dy. (tf.nn.l2_loss)
Output L2Loss(At at, Output t);

}  // namespace sluice::ops

#endif  // SLUICE_OPS_L2_LOSS_H_
