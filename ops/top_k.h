// The largest elements of each row: TopK, TopKV2; and whether a target is among them: InTopK,
// InTopKV2.
#ifndef SLUICE_OPS_TOP_K_H_
#define SLUICE_OPS_TOP_K_H_

#include "graph/at.h"
#include "graph/output.h"
#include "ops/const.h"

namespace sluice::ops {

struct TopKOptions {
  bool sorted = true;  // largest first (here always)
};
struct TopKOutputs {
  Output values;   // [..., k], input's dtype
  Output indices;  // [..., k], int32: positions in the last dimension
};
// The k largest of every row (last dimension) of real numbers, largest first; of equals the one
// with the lower index first; NaN counts as the largest. InvalidArgument for k < 0, k above the
// last dimension, and scalars. Gradient: dy to the chosen elements (needs a known rank).
TopKOutputs TopK(At at, Output input, int k, const TopKOptions& options = {});
TopKOutputs TopKV2(At at, Output input, Ints k, const TopKOptions& options = {});

// Is predictions[i, targets[i]] among the k largest of row i? Fewer than k elements of the row are
// larger; ties count in its favour. false where the target is outside the row, or it or any element
// of the row is not finite. float32 [batch, classes], int32 or int64 [batch] -> bool [batch].
Output InTopK(At at, Output predictions, Output targets, int64_t k);
Output InTopKV2(At at, Output predictions, Output targets, Output k);

}  // namespace sluice::ops

#endif  // SLUICE_OPS_TOP_K_H_
