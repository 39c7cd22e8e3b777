// Losses (tf.losses): scalars to minimize, added to the collection LOSSES.
#ifndef SLUICE_TRAIN_LOSSES_H_
#define SLUICE_TRAIN_LOSSES_H_

#include <string>

#include "graph/at.h"
#include "graph/collections.h"
#include "graph/output.h"

namespace sluice::losses {

// tf.losses.Reduction: what becomes of the element-wise losses l after multiplication with the
// weights w.
enum class Reduction {
  kNone,                 // as they are
  kSum,                  // sum of w l
  kMean,                 // sum of w l / sum of w; 0 when the weights sum to 0
  kSumOverBatchSize,     // sum of w l / number of elements
  kSumByNonzeroWeights,  // sum of w l / number of elements whose weight is not 0; 0 when there are
                         // none
};

// Arguments that all losses share.
struct LossOptions {
  Output weights = {};     // empty: 1. A scalar, or of the losses' rank with dimensions equal or 1
  std::string scope = {};  // op scope; empty: the function's own, as given below
  std::string loss_collection = keys::kLosses;  // empty: none
  Reduction reduction = Reduction::kSumByNonzeroWeights;
};

// tf.losses.compute_weighted_loss, rule LS-1. In the scope "weighted_loss".
Output ComputeWeightedLoss(At at, Output losses, LossOptions options = {});

// Class indices [d0, ...] (any integer dtype that the op takes) against logits [d0, ..., classes];
// labels may have a trailing dimension 1. -log softmax(logits)[label]. Scope
// "sparse_softmax_cross_entropy_loss". A label out of range is InvalidArgument when it runs.
Output SparseSoftmaxCrossEntropy(At at, Output labels, Output logits, LossOptions options = {});

struct CrossEntropyOptions {
  Output weights = {};
  float label_smoothing =
      0;  // in [0, 1]: softmax: l (1 - L) + L / classes; sigmoid: l (1 - L) + L / 2
  std::string scope = {};
  std::string loss_collection = keys::kLosses;
  Reduction reduction = Reduction::kSumByNonzeroWeights;
};
// Distributions [d0, ..., classes] against logits of the same shape. No gradient flows to the
// labels. Scope "softmax_cross_entropy_loss".
Output SoftmaxCrossEntropy(At at, Output onehot_labels, Output logits,
                           CrossEntropyOptions options = {});
// Independent probabilities: max(x, 0) - x l + ln(1 + e^-|x|). Scope "sigmoid_cross_entropy_loss".
Output SigmoidCrossEntropy(At at, Output multi_class_labels, Output logits,
                           CrossEntropyOptions options = {});

// (p - l)^2. Scope "mean_squared_error".
Output MeanSquaredError(At at, Output labels, Output predictions, LossOptions options = {});
// |p - l|. Scope "absolute_difference".
Output AbsoluteDifference(At at, Output labels, Output predictions, LossOptions options = {});
// q^2 / 2 + delta (|e| - q) with e = p - l, q = min(|e|, delta). Scope "huber_loss".
Output HuberLoss(At at, Output labels, Output predictions, float delta = 1,
                 LossOptions options = {});
// -l ln(p + epsilon) - (1 - l) ln(1 - p + epsilon). Scope "log_loss".
Output LogLoss(At at, Output labels, Output predictions, float epsilon = 1e-7f,
               LossOptions options = {});
// max(0, 1 - (2 l - 1) x), labels 0 or 1. Scope "hinge_loss".
Output HingeLoss(At at, Output labels, Output logits, LossOptions options = {});

// tf.losses.get_regularization_loss: the sum of the collection REGULARIZATION_LOSSES
// ("total_regularization_loss"), 0 when it is empty.
Output RegularizationLoss(At at);
// tf.losses.get_total_loss: the sum of the collections LOSSES and, by default,
// REGULARIZATION_LOSSES ("total_loss"). InvalidArgument when there is none.
Output TotalLoss(At at, bool add_regularization_losses = true);

}  // namespace sluice::losses

#endif  // SLUICE_TRAIN_LOSSES_H_
