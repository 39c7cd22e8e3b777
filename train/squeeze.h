// Shapes of labels, predictions and weights that differ by a last dimension of 1.
#ifndef SLUICE_TRAIN_SQUEEZE_H_
#define SLUICE_TRAIN_SQUEEZE_H_

#include "graph/at.h"
#include "graph/output.h"

namespace sluice::train {

// tf.confusion_matrix.remove_squeezable_dimensions: where the rank of predictions less that of
// labels is one more (or less) than `rank_difference`, the last dimension of predictions (labels)
// goes away, if it is 1 or unknown. Unknown ranks are left alone. Scope
// "remove_squeezable_dimensions".
void RemoveSqueezable(At at, Output* labels, Output* predictions, int rank_difference);

// `x` without its last dimension; with a new one of 1.
Output WithoutLast(At at, const Output& x);
Output WithNewLast(At at, const Output& x);

}  // namespace sluice::train

#endif  // SLUICE_TRAIN_SQUEEZE_H_
