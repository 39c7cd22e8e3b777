// Losses (tf.losses): scalars to minimize, added to the collection LOSSES.
//
// As in TensorFlow, labels, predictions and weights may be of any numeric dtype (weights also
// bool); the arithmetic is float32's, and so is the loss. Only the cross-entropies work in the
// dtype of their logits and have a loss of that dtype; their weights and reductions are float32's
// too.
//
// Errors (kept on the graph): a missing argument, "labels must not be None."; labels and
// predictions of different shapes, "Shapes [3] and [2] are incompatible"; weights that do not
// broadcast, "weights can not be broadcast to values." (rule LS-1), also of the run where shapes
// are unknown before; a number that is no Reduction, "Invalid ReductionKey".
#ifndef SLUICE_TRAIN_LOSSES_H_
#define SLUICE_TRAIN_LOSSES_H_

#include <optional>
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
  kSumOverNonzeroWeights = kSumByNonzeroWeights,
};

// Arguments that all losses share.
struct LossOptions {
  Output weights = {};     // empty: 1. A scalar, or of the losses' rank with dimensions equal or 1
  std::string scope = {};  // op scope; empty: the function's own, as given below
  std::string loss_collection = keys::kLosses;  // empty: none
  Reduction reduction = Reduction::kSumByNonzeroWeights;
};

// tf.losses.compute_weighted_loss, rule LS-1. In the scope "weighted_loss". Losses of another dtype
// are cast to float32 and the result back. The means are called `<scope>/value` then.
Output ComputeWeightedLoss(At at, Output losses, LossOptions options = {});

// Class indices [d0, ...] (int32 or int64) against logits [d0, ..., classes]; labels, logits or
// weights may have a trailing dimension 1 too many. -log softmax(logits)[label]. Scope
// "sparse_softmax_cross_entropy_loss". A label out of range is InvalidArgument when it runs.
Output SparseSoftmaxCrossEntropy(At at, Output labels, Output logits, LossOptions options = {});

struct CrossEntropyOptions {
  Output weights = {};
  // L in [0, 1]: labels l become l (1 - L) + L / classes (softmax), l (1 - L) + L / 2 (sigmoid)
  float label_smoothing = 0;
  std::string scope = {};
  std::string loss_collection = keys::kLosses;
  Reduction reduction = Reduction::kSumByNonzeroWeights;
};
// Distributions [d0, ..., classes] against logits of the same shape, of rank 1 at least. No
// gradient flows to the labels. The losses have shape [d0, ...]. Scope
// "softmax_cross_entropy_loss".
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

struct CosineDistanceOptions {
  std::optional<int> axis = {};  // required: along which the vectors lie
  Output weights = {};
  std::string scope = {};
  std::string loss_collection = keys::kLosses;
  Reduction reduction = Reduction::kSumByNonzeroWeights;
};
// 1 - sum p l along `axis`, which stays with size 1; both should have length 1 along it. Scope
// "cosine_distance_loss". InvalidArgument ("You must specify 'axis'.") without an axis.
Output CosineDistance(At at, Output labels, Output predictions, CosineDistanceOptions options);

struct PairwiseOptions {
  Output weights = {};  // empty: 1. A scalar, or of the rank of the labels: [batch, 1, ...] or full
  std::string scope = {};
  std::string loss_collection = keys::kLosses;
};
// Differences of pairs of elements within each row (all elements of one index of dimension 0), with
// d = p - l and n the number of the row's elements whose weight is not 0:
//   sum over rows of w (2 sum(d^2) / (n - 1) - 2 (sum d)^2 / (n (n - 1))),
// which is the mean of (d_i - d_j)^2 over the row's pairs i < j where every weight is 1; a row of
// one element gives 0. Weights that differ within a row multiply and sum this number element by
// element. The sum over rows is not divided by the batch: TensorFlow 1.15's formula. The result is
// called `<scope>/value_2`. Scope "mean_pairwise_squared_error".
Output MeanPairwiseSquaredError(At at, Output labels, Output predictions,
                                PairwiseOptions options = {});

// tf.losses.add_loss: a loss made elsewhere. "" adds it nowhere.
void AddLoss(At at, Output loss, const std::string& loss_collection = keys::kLosses);
// tf.losses.get_losses: those whose names start with a match of the regular expression `scope`.
Outputs GetLosses(At at, const std::string& scope = "",
                  const std::string& loss_collection = keys::kLosses);
// tf.losses.get_regularization_losses: of the collection REGULARIZATION_LOSSES.
Outputs GetRegularizationLosses(At at, const std::string& scope = "");

// tf.losses.get_regularization_loss: the sum of GetRegularizationLosses(scope), called
// "total_regularization_loss" unless Named(); the constant 0.0 when there are none.
Output RegularizationLoss(At at, const std::string& scope = "");
// tf.losses.get_total_loss: the sum of GetLosses(scope) and, by default,
// GetRegularizationLosses(scope), called "total_loss" unless Named(). InvalidArgument when there is
// none.
Output TotalLoss(At at, bool add_regularization_losses = true, const std::string& scope = "");

}  // namespace sluice::losses

#endif  // SLUICE_TRAIN_LOSSES_H_
