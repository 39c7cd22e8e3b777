// Softmax and LogSoftmax over the last dimension.
#ifndef SLUICE_OPS_SOFTMAX_H_
#define SLUICE_OPS_SOFTMAX_H_

#include "graph/at.h"
#include "graph/output.h"

namespace sluice::ops {

// exp(x) / sum exp(x) along the last dimension of logits, rank >= 1, floating (float32 and float64
// have kernels).
Output Softmax(At at, Output logits);
// log(Softmax(x)), computed without the detour.
Output LogSoftmax(At at, Output logits);

}  // namespace sluice::ops

#endif  // SLUICE_OPS_SOFTMAX_H_
