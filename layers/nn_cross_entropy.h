// The losses of tf.nn, element by element or row by row: without weights, reductions and
// collections (those of train/losses.h have them). Scopes are those below, or called by the scope's
// Named() name. Errors are kept on the graph.
#ifndef SLUICE_LAYERS_NN_CROSS_ENTROPY_H_
#define SLUICE_LAYERS_NN_CROSS_ENTROPY_H_

#include <cstdint>
#include <vector>

#include "graph/at.h"
#include "graph/output.h"

namespace sluice::nn {

struct SoftmaxCrossEntropyOptions {
  int axis = -1;  // along which the classes lie
};
// -sum(labels log softmax(logits)) along the axis: labels and logits [d0, ..., classes] of one
// shape, any rank >= 1, the result without the axis. The shape may be unknown, but the rank must be
// known for other axes than the last. half and bfloat16 are computed in float32.
// V2 has a gradient to the labels; the first stops it. Scopes "softmax_cross_entropy_with_logits"
// and, with the op "labels_stop_gradient", "softmax_cross_entropy_with_logits_sg".
// InvalidArgument: shapes that cannot be equal, "Logits cannot be scalars - received shape [].", an
// axis outside the rank.
Output SoftmaxCrossEntropyWithLogits(At at, Output labels, Output logits,
                                     const SoftmaxCrossEntropyOptions& options = {});
Output SoftmaxCrossEntropyWithLogitsV2(At at, Output labels, Output logits,
                                       const SoftmaxCrossEntropyOptions& options = {});

// -log softmax(logits)[label]: labels [d0, ...], int32 or int64, logits [d0, ..., classes]. A label
// outside [0, classes) fails the run. Scope "SparseSoftmaxCrossEntropyWithLogits". InvalidArgument
// "Rank mismatch: Rank of labels (received 2) should equal rank of logits minus 1 (received 2)".
Output SparseSoftmaxCrossEntropyWithLogits(At at, Output labels, Output logits);

// max(x, 0) - x z + log(1 + exp(-|x|)), with z the labels, of one shape ("logits and labels must
// have the same shape ([2] vs [3])"). Scope "logistic_loss".
Output SigmoidCrossEntropyWithLogits(At at, Output labels, Output logits);
// The same with the positive part multiplied by pos_weight (of the logits' dtype, broadcast):
// (1 - z) x + (1 + (pos_weight - 1) z) (log(1 + exp(-|x|)) + max(-x, 0)). Scope "logistic_loss".
Output WeightedCrossEntropyWithLogits(At at, Output labels, Output logits, Output pos_weight);

struct LogPoissonLossOptions {
  // Adds Stirling's approximation z log z - z + log(2 pi z) / 2 of log(z!), 0 for 0 <= z <= 1.
  bool compute_full_loss = false;
};
// exp(c) - z c, the negative log-likelihood of counts z with rate exp(c). Scope "log_poisson_loss".
Output LogPoissonLoss(At at, Output targets, Output log_input,
                      const LogPoissonLossOptions& options = {});

struct L2NormalizeOptions {
  double epsilon = 1e-12;
};
// x / sqrt(max(sum(x^2), epsilon)), the sum along `axes` (negative ones from the end). Scope
// "l2_normalize". (tf.nn.l2_normalize)
Output L2Normalize(At at, Output x, const std::vector<int64_t>& axes,
                   const L2NormalizeOptions& options = {});

}  // namespace sluice::nn

#endif  // SLUICE_LAYERS_NN_CROSS_ENTROPY_H_
