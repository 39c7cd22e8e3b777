// Cross-entropy between logits and labels, row by row, with its own derivative as second output.
#ifndef SLUICE_OPS_CROSS_ENTROPY_H_
#define SLUICE_OPS_CROSS_ENTROPY_H_

#include "graph/at.h"
#include "graph/output.h"

namespace sluice::ops {

// Both give {loss [batch], backprop [batch, classes]}: backprop is d loss / d features. float32 and
// float64 have kernels. InvalidArgument for zero classes.

// features [batch, classes] against labels, distributions of the same shape (or broadcast to it):
// loss = -sum labels log softmax(features).
Outputs SoftmaxCrossEntropyWithLogits(At at, Output features, Output labels);
// labels [batch], int32 or int64, class indices. InvalidArgument when it runs for a label outside
// of [0, classes).
Outputs SparseSoftmaxCrossEntropyWithLogits(At at, Output features, Output labels);
// tf.nn.sigmoid_cross_entropy_with_logits: max(x, 0) - x z + log(1 + exp(-|x|)), element by
// element, in the scope "logistic_loss".
Output SigmoidCrossEntropyWithLogits(At at, Output labels, Output logits);

}  // namespace sluice::ops

#endif  // SLUICE_OPS_CROSS_ENTROPY_H_
