// The steps that all losses share.
#ifndef SLUICE_TRAIN_LOSS_STEPS_H_
#define SLUICE_TRAIN_LOSS_STEPS_H_

#include <string>

#include "graph/at.h"
#include "graph/output.h"
#include "train/losses.h"

namespace sluice::losses {

// The op scope of a loss: the one asked for, else its own.
At EnterLoss(At at, const std::string& scope, const char* default_scope);

// One argument of a loss and its name.
struct LossArgument {
  const char* name;
  const Output& value;
};
// Both are given (else InvalidArgument "labels must not be None.") and have shapes that can be
// equal. (Rule LS-2.) False, and silent, on a graph that has failed already.
bool BothGiven(At at, const LossArgument& labels, const LossArgument& predictions);
bool Usable(At at, const LossArgument& labels, const LossArgument& predictions);

// `x` as float32, in which losses are computed.
Output AsFloat(At at, const Output& x);

// How many elements of `losses` (float32) have a weight other than 0, as float32: a scalar, or per
// row, with dimensions of 1 instead of those after the first. Scope "num_present". The weights must
// have been found to broadcast.
Output NumPresent(At at, const Output& losses, const Output& weights, bool per_batch);

// Weights, reduction and collection. `at` is inside the loss's scope. The result has the dtype of
// `losses`.
Output FinishLoss(At at, const Output& losses, const LossOptions& options);

}  // namespace sluice::losses

#endif  // SLUICE_TRAIN_LOSS_STEPS_H_
