// The cross-entropies.
#include "core/status.h"
#include "graph/graph.h"
#include "ops/binary.h"
#include "ops/cast.h"
#include "ops/concat.h"
#include "ops/const.h"
#include "ops/cross_entropy.h"
#include "ops/identity.h"
#include "ops/reshape.h"
#include "ops/shape.h"
#include "ops/slice.h"
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

// The last entry of `shape`.
Output LastDim(At at, const Output& shape, const ops::StridedSliceOptions& options = {}) {
  ops::StridedSliceOptions all = options;
  if (all.shrink_axis_mask == 0) all.end_mask = 1;
  return ops::StridedSlice(at, shape, {-1}, {0}, {1}, all);
}

// L / classes.
Output SharePerClass(At at, const Output& labels, float smoothing) {
  const DType dtype = labels.dtype();
  const int64_t classes = labels.shape().rank() > 0 ? labels.shape().dim(-1) : -1;
  if (classes > 0) return ops::ConstOf(at, dtype, smoothing / static_cast<double>(classes));
  const Output last = LastDim(at, ops::Shape(at, labels), {.shrink_axis_mask = 1});
  return ops::RealDiv(at, ops::ConstOf(at, dtype, smoothing), ops::Cast(at, last, dtype));
}

// [d0, ..., n] as [d0 * ..., n].
Output Rows(At at, const Output& x) {
  const int64_t last = x.shape().rank() > 0 ? x.shape().dim(-1) : -1;
  if (last > 0) return ops::Reshape(at, x, {-1, last});
  const Output rest = ops::Const<int32_t>(at, {-1});
  return ops::Reshape(at, x, ops::ConcatV2(at, {rest, LastDim(at, ops::Shape(at, x))}, 0));
}

// `rows` [d0 * ...] as [d0, ...], the dimensions of `like` but its last.
Output Unrow(At at, const Output& rows, const Output& like) {
  const Output shape = ops::Shape(at, like);
  const Output leading = ops::StridedSlice(at, shape, {0}, {-1}, {1}, {.begin_mask = 1});
  const Output result = ops::Reshape(at, rows, leading);
  if (result.empty() || !like.shape().rank_known()) return result;
  TensorShape known = like.shape();
  known.RemoveDim(known.rank() - 1);
  const absl::Status set = at.graph().SetShape(result, known);
  return set.ok() ? result : at.Fail("xentropy", set);
}

// tf.nn.softmax_cross_entropy_with_logits, called "xentropy".
Output SoftmaxEntropy(At at, const Output& labels, const Output& logits) {
  if (logits.shape().rank() == 2)
    return at.Named("xentropy").Node("SoftmaxCrossEntropyWithLogits", {logits, labels});
  const At inside = at.Sub("xentropy");
  const Output rows = Rows(inside, logits), targets = Rows(inside, labels);
  const Output flat = inside.AsScope().Node("SoftmaxCrossEntropyWithLogits", {rows, targets});
  return Unrow(inside, flat, logits);
}

// tf.nn.sparse_softmax_cross_entropy_with_logits, in the scope "xentropy".
Output SparseSoftmaxEntropy(At at, const Output& labels, const Output& logits) {
  const At inside = at.Sub("xentropy");
  const char* const op = "SparseSoftmaxCrossEntropyWithLogits";
  if (logits.shape().rank() == 2) return inside.Named("xentropy").Node(op, {logits, labels});
  const Output rows = Rows(inside, logits);
  const Output flat = inside.Named("xentropy").Node(op, {rows, ops::Reshape(inside, labels, {-1})});
  return ops::Reshape(inside, flat, ops::Shape(inside, labels));
}

bool SparseRanksOk(At at, const TensorShape& labels, const TensorShape& logits) {
  if (logits.rank() == 0) {
    at.Fail("logits", absl::InvalidArgumentError("Logits cannot be scalars - received shape []."));
    return false;
  }
  if (!labels.rank_known() || !logits.rank_known() || labels.rank() == logits.rank() - 1)
    return true;
  at.Fail("labels", absl::InvalidArgumentError(absl::StrCat(
                        "Rank mismatch: Rank of labels (received ", labels.rank(),
                        ") should equal rank of logits minus 1 (received ", logits.rank(),
                        "): labels ", labels.ToString(), ", logits ", logits.ToString())));
  return false;
}

}  // namespace

Output SparseSoftmaxCrossEntropy(At at, Output labels, Output logits, LossOptions options) {
  const At inside = EnterLoss(at, options.scope, "sparse_softmax_cross_entropy_loss");
  if (!BothGiven(inside, {"labels", labels}, {"logits", logits})) return {};
  train::RemoveSqueezable(inside, &labels, &logits, 1);
  if (!inside.ok() || !SparseRanksOk(inside, labels.shape(), logits.shape())) return {};
  const TensorShape weights = options.weights.empty() ? TensorShape() : options.weights.shape();
  if (labels.shape().rank_known() && weights.rank() == labels.shape().rank() + 1)
    options.weights = train::WithoutLast(inside, options.weights);
  return FinishLoss(inside, SparseSoftmaxEntropy(inside, labels, logits), options);
}

Output SoftmaxCrossEntropy(At at, Output onehot_labels, Output logits,
                           CrossEntropyOptions options) {
  const At inside = EnterLoss(at, options.scope, "softmax_cross_entropy_loss");
  if (!Usable(inside, {"onehot_labels", onehot_labels}, {"logits", logits}) ||
      !SmoothingOk(inside, options.label_smoothing))
    return {};
  if (logits.shape().rank() == 0)
    return inside.Fail("logits",
                       absl::InvalidArgumentError("Logits cannot be scalars - received shape []."));
  Output labels = ops::Cast(inside, onehot_labels, logits.dtype());
  if (options.label_smoothing > 0) {
    labels = Smooth(inside, labels, options.label_smoothing,
                    SharePerClass(inside, labels, options.label_smoothing));
  }
  labels = ops::StopGradient(inside.Named("labels_stop_gradient"), labels);
  return FinishLoss(inside, SoftmaxEntropy(inside, labels, logits), Common(options));
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
  const Output losses =
      ops::SigmoidCrossEntropyWithLogits(inside.Named("xentropy"), labels, logits);
  return FinishLoss(inside, losses, Common(options));
}

}  // namespace sluice::losses
