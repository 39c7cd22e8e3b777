// The cross-entropies.
#include "core/status.h"
#include "graph/graph.h"
#include "layers/nn_cross_entropy.h"
#include "ops/binary.h"
#include "ops/cast.h"
#include "ops/const.h"
#include "ops/identity.h"
#include "ops/shape.h"
#include "ops/strided_slice.h"
#include "train/loss_steps.h"
#include "train/losses.h"
#include "train/squeeze.h"

namespace sluice::losses {
namespace {

LossOptions Common(const CrossEntropyOptions& o) {
  return {.weights = o.weights, .loss_collection = o.loss_collection, .reduction = o.reduction};
}

bool SmoothingOk(At at, float smoothing) {
  if (smoothing >= 0 && smoothing <= 1) return true;
  at.Fail("label_smoothing", absl::InvalidArgumentError(absl::StrCat(
                                 "label_smoothing must be in [0, 1], got ", smoothing)));
  return false;
}

// labels (1 - L) + share
Output Smooth(At at, const Output& labels, float smoothing, const Output& share) {
  const double keep = 1 - static_cast<double>(smoothing);
  const Output kept = ops::Mul(at.Named("mul"), labels, ops::ConstOf(at, labels.dtype(), keep));
  return ops::AddV2(at.Named("add"), kept, share);
}

// L / classes.
Output SharePerClass(At at, const Output& labels, float smoothing) {
  const DType dtype = labels.dtype();
  const int64_t classes = labels.shape().rank() > 0 ? labels.shape().dim(-1) : -1;
  if (classes > 0) return ops::ConstOf(at, dtype, smoothing / static_cast<double>(classes));
  const Output last =
      ops::StridedSlice(at, ops::Shape(at, labels), {-1}, {0}, {1}, {.shrink_axis_mask = 1});
  return ops::RealDiv(at, ops::ConstOf(at, dtype, smoothing), ops::Cast(at, last, dtype));
}

}  // namespace

Output SparseSoftmaxCrossEntropy(At at, Output labels, Output logits, LossOptions options) {
  const At inside = EnterLoss(at, options.scope, "sparse_softmax_cross_entropy_loss");
  if (!BothGiven(inside, {"labels", labels}, {"logits", logits})) return {};
  train::RemoveSqueezable(inside, &labels, &logits, 1);
  if (!inside.ok()) return {};
  const TensorShape weights = options.weights.empty() ? TensorShape() : options.weights.shape();
  if (labels.shape().rank_known() && weights.rank() == labels.shape().rank() + 1)
    options.weights = train::WithoutLast(inside, options.weights);
  const Output losses =
      nn::SparseSoftmaxCrossEntropyWithLogits(inside.Named("xentropy"), labels, logits);
  return FinishLoss(inside, losses, options);
}

Output SoftmaxCrossEntropy(At at, Output onehot_labels, Output logits,
                           CrossEntropyOptions options) {
  const At inside = EnterLoss(at, options.scope, "softmax_cross_entropy_loss");
  if (!Usable(inside, {"onehot_labels", onehot_labels}, {"logits", logits}) ||
      !SmoothingOk(inside, options.label_smoothing))
    return {};
  Output labels = ops::Cast(inside, onehot_labels, logits.dtype());
  if (options.label_smoothing > 0) {
    labels = Smooth(inside, labels, options.label_smoothing,
                    SharePerClass(inside, labels, options.label_smoothing));
  }
  labels = ops::StopGradient(inside.Named("labels_stop_gradient"), labels);
  const Output losses =
      nn::SoftmaxCrossEntropyWithLogitsV2(inside.Named("xentropy"), labels, logits);
  return FinishLoss(inside, losses, Common(options));
}

Output SigmoidCrossEntropy(At at, Output multi_class_labels, Output logits,
                           CrossEntropyOptions options) {
  const At inside = EnterLoss(at, options.scope, "sigmoid_cross_entropy_loss");
  if (!Usable(inside, {"multi_class_labels", multi_class_labels}, {"logits", logits}) ||
      !SmoothingOk(inside, options.label_smoothing))
    return {};
  Output labels = ops::Cast(inside, multi_class_labels, logits.dtype());
  if (options.label_smoothing > 0) {
    labels = Smooth(inside, labels, options.label_smoothing,
                    ops::ConstOf(inside, labels.dtype(), 0.5 * options.label_smoothing));
  }
  const Output losses = nn::SigmoidCrossEntropyWithLogits(inside.Named("xentropy"), labels, logits);
  return FinishLoss(inside, losses, Common(options));
}

}  // namespace sluice::losses
