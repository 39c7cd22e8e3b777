// Softmax and LogSoftmax over the last dimension.
#ifndef SLUICE_OPS_SOFTMAX_H_
#define SLUICE_OPS_SOFTMAX_H_

#include "graph/at.h"
#include "graph/output.h"

namespace sluice::ops {

// exp(x) / sum exp(x) along the last dimension of logits, rank >= 1, floating (half and bfloat16
// are computed in float).
Output Softmax(At at, Output logits);
// log(Softmax(x)), computed without the detour.
Output LogSoftmax(At at, Output logits);

}  // namespace sluice::ops

#endif  // SLUICE_OPS_SOFTMAX_H_
