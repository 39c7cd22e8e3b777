#include "train/losses.h"

#include <algorithm>

#include "core/status.h"
#include "graph/graph.h"
#include "ops/const.h"
#include "ops/reshape.h"
#include "ops/shape.h"

namespace sluice::losses {
namespace {

Output Cast(At at, const Output& x, DType dtype) {
  return x.dtype() == dtype ? x : at.Node("Cast", {x}, {{"DstT", dtype}});
}

Output SumAll(At at, const Output& x) {
  const int rank = x.shape().rank();
  if (rank == 0) return x;
  Output axes;
  if (rank > 0) {
    std::vector<int32_t> all(rank);
    for (int i = 0; i < rank; ++i) all[i] = i;
    axes = ops::Const<int32_t>(at, all);
  } else {
    axes = at.Node("Range", {ops::Const(at, 0), at.Node("Rank", {x}), ops::Const(at, 1)});
  }
  return at.Node("Sum", {x, axes});
}

// Rule LS-1: a scalar, or the same rank with every dimension 1 or equal.
absl::Status CheckWeights(const TensorShape& weights, const TensorShape& values) {
  if (!weights.rank_known() || weights.rank() == 0 || !values.rank_known()) return absl::OkStatus();
  bool fits = weights.rank() == values.rank();
  for (int i = 0; fits && i < weights.rank(); ++i) {
    fits = weights.dim(i) == 1 || weights.dim(i) < 0 || values.dim(i) < 0 ||
           weights.dim(i) == values.dim(i);
  }
  if (fits) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("weights can not be broadcast to values. values.shape=", values.ToString(),
                   ". weights.shape=", weights.ToString(), "."));
}

// What kSumByNonzeroWeights and kSumOverBatchSize divide by, as float.
Output CountPresent(At at, const Output& losses, const Output& weights, Reduction reduction) {
  const At inside = at.Sub("num_present");
  if (weights.empty() || reduction == Reduction::kSumOverBatchSize)
    return Cast(inside, inside.Node("Size", {losses}), losses.dtype());
  const Output present =
      Cast(inside, inside.Node("NotEqual", {weights, ops::ConstOf(inside, weights.dtype(), 0)}),
           losses.dtype());
  const Output spread = inside.Node("Mul", {present, inside.Node("OnesLike", {losses})});
  return SumAll(inside, spread);
}

Output Reduce(At at, const Output& losses, const Output& weights, Reduction reduction) {
  const Output weighted = weights.empty() ? losses : at.Node("Mul", {losses, weights});
  if (reduction == Reduction::kNone) return weighted;
  const Output sum = SumAll(at, weighted);
  if (reduction == Reduction::kSum) return sum;
  Output divisor;
  if (reduction == Reduction::kMean && !weights.empty()) {
    divisor = SumAll(at, at.Node("Mul", {weights, at.Node("OnesLike", {losses})}));
  } else {
    divisor = CountPresent(at, losses, weights, reduction);
  }
  return at.Named("value").Node("DivNoNan", {sum, divisor});
}

// The last step of every loss: weights, reduction, collection. `at` is inside the loss's scope.
Output Finish(At at, const Output& losses, const LossOptions& options) {
  if (!at.ok() || losses.empty()) return {};
  Output weights = options.weights;
  if (!weights.empty()) {
    const absl::Status fits = CheckWeights(weights.shape(), losses.shape());
    if (!fits.ok()) return at.Fail("weights", fits);
    weights = Cast(at, weights, losses.dtype());
  }
  const Output loss = Reduce(at, losses, weights, options.reduction);
  if (!loss.empty() && !options.loss_collection.empty())
    at.graph().AddToCollection(options.loss_collection, loss);
  return loss;
}

At Enter(At at, const std::string& scope, const char* default_scope) {
  return at.Sub(scope.empty() ? default_scope : scope);
}

// Both there, and of shapes that can be equal (rule LS-2).
bool Usable(At at, const Output& labels, const Output& predictions) {
  if (!at.ok() || labels.empty() || predictions.empty()) return false;
  if (labels.shape().CompatibleWith(predictions.shape())) return true;
  at.Fail("labels", absl::InvalidArgumentError(
                        absl::StrCat("Shapes ", predictions.shape().ToString(), " and ",
                                     labels.shape().ToString(), " are incompatible")));
  return false;
}

LossOptions Common(const CrossEntropyOptions& o) {
  return {.weights = o.weights,
          .scope = o.scope,
          .loss_collection = o.loss_collection,
          .reduction = o.reduction};
}

bool SmoothingOk(At at, float smoothing) {
  if (smoothing >= 0 && smoothing <= 1) return true;
  at.Fail("label_smoothing", absl::InvalidArgumentError(absl::StrCat(
                                 "label_smoothing must be in [0, 1], got ", smoothing)));
  return false;
}

Output SparseCrossEntropyOp(At at, const Output& labels, const Output& logits) {
  return at.Named("xentropy").Node("SparseSoftmaxCrossEntropyWithLogits", {logits, labels});
}

}  // namespace

Output ComputeWeightedLoss(At at, Output losses, LossOptions options) {
  if (!at.ok() || losses.empty()) return {};
  return Finish(Enter(at, options.scope, "weighted_loss"), losses, options);
}

Output SparseSoftmaxCrossEntropy(At at, Output labels, Output logits, LossOptions options) {
  if (!at.ok() || labels.empty() || logits.empty()) return {};
  const At inside = Enter(at, options.scope, "sparse_softmax_cross_entropy_loss");
  const int rank = logits.shape().rank();
  if (rank < 1) {
    return inside.Fail(
        "logits", absl::InvalidArgumentError(absl::StrCat("logits need a known rank >= 1, got ",
                                                          logits.shape().ToString())));
  }
  if (labels.shape().rank() == rank && labels.shape().dim(-1) == 1)
    labels = inside.Node("Squeeze", {labels}, {{"squeeze_dims", std::vector<int64_t>{-1}}});
  if (labels.shape().rank_known() && labels.shape().rank() != rank - 1) {
    return inside.Fail("labels",
                       absl::InvalidArgumentError(absl::StrCat(
                           "Rank mismatch: Rank of labels (received ", labels.shape().rank(),
                           ") should equal rank of logits minus 1 (received ", rank, "): labels ",
                           labels.shape().ToString(), ", logits ", logits.shape().ToString())));
  }
  if (rank == 2)
    return Finish(inside, SparseCrossEntropyOp(inside.Sub("xentropy"), labels, logits), options);
  if (logits.shape().dim(-1) < 0)
    return inside.Fail("logits", absl::InvalidArgumentError("the number of classes must be known"));
  const At xentropy = inside.Sub("xentropy");
  const Output rows =
      ops::Reshape(xentropy, logits, {-1, static_cast<int32_t>(logits.shape().dim(-1))});
  const Output flat = SparseCrossEntropyOp(xentropy, ops::Reshape(xentropy, labels, {-1}), rows);
  const Output shaped = xentropy.Node("Reshape", {flat, xentropy.Node("Shape", {labels})});
  return Finish(inside, shaped, options);
}

Output SoftmaxCrossEntropy(At at, Output onehot_labels, Output logits,
                           CrossEntropyOptions options) {
  const At inside = Enter(at, options.scope, "softmax_cross_entropy_loss");
  if (!Usable(inside, onehot_labels, logits) || !SmoothingOk(inside, options.label_smoothing))
    return {};
  Output labels = inside.Node("StopGradient", {Cast(inside, onehot_labels, logits.dtype())});
  const int64_t classes =
      logits.shape().rank_known() && logits.shape().rank() > 0 ? logits.shape().dim(-1) : -1;
  if (classes < 0 || logits.shape().rank() < 2) {
    return inside.Fail("logits", absl::InvalidArgumentError(absl::StrCat(
                                     "logits need rank >= 2 and a known number of classes, got ",
                                     logits.shape().ToString())));
  }
  if (options.label_smoothing > 0) {
    const double keep = 1 - static_cast<double>(options.label_smoothing);
    labels = inside.Node("AddV2",
                         {inside.Node("Mul", {labels, ops::ConstOf(inside, logits.dtype(), keep)}),
                          ops::ConstOf(inside, logits.dtype(),
                                       options.label_smoothing / static_cast<double>(classes))});
  }
  if (logits.shape().rank() == 2)
    return Finish(inside,
                  inside.Named("xentropy").Node("SoftmaxCrossEntropyWithLogits", {logits, labels}),
                  Common(options));
  const At xentropy = inside.Sub("xentropy");
  const int32_t width = static_cast<int32_t>(classes);
  const Output rows = ops::Reshape(xentropy, logits, {-1, width});
  const Output targets = ops::Reshape(xentropy, labels, {-1, width});
  const Output flat = xentropy.AsScope().Node("SoftmaxCrossEntropyWithLogits", {rows, targets});
  const Output shape = xentropy.Node("Shape", {logits});
  const Output leading =
      xentropy.Node("Slice", {shape, ops::Const<int32_t>(xentropy, {0}),
                              ops::Const<int32_t>(xentropy, {logits.shape().rank() - 1})});
  return Finish(inside, xentropy.Node("Reshape", {flat, leading}), Common(options));
}

Output SigmoidCrossEntropy(At at, Output multi_class_labels, Output logits,
                           CrossEntropyOptions options) {
  const At inside = Enter(at, options.scope, "sigmoid_cross_entropy_loss");
  if (!Usable(inside, multi_class_labels, logits) || !SmoothingOk(inside, options.label_smoothing))
    return {};
  const DType dtype = logits.dtype();
  Output labels = Cast(inside, multi_class_labels, dtype);
  if (options.label_smoothing > 0) {
    labels = inside.Node(
        "AddV2",
        {inside.Node("Mul",
                     {labels, ops::ConstOf(inside, dtype,
                                           1 - static_cast<double>(options.label_smoothing))}),
         ops::ConstOf(inside, dtype, 0.5 * options.label_smoothing)});
  }
  const At xentropy = inside.Sub("xentropy");
  const Output positive = xentropy.Node("Relu", {logits});
  const Output product = xentropy.Named("mul").Node("Mul", {logits, labels});
  const Output linear = xentropy.Named("sub").Node("Sub", {positive, product});
  const Output size = xentropy.Node("Abs", {logits});
  const Output tail =
      xentropy.Node("Log1p", {xentropy.Node("Exp", {xentropy.Node("Neg", {size})})});
  return Finish(inside, xentropy.AsScope().Node("AddV2", {linear, tail}), Common(options));
}

Output MeanSquaredError(At at, Output labels, Output predictions, LossOptions options) {
  const At inside = Enter(at, options.scope, "mean_squared_error");
  if (!Usable(inside, labels, predictions)) return {};
  return Finish(
      inside,
      inside.Node("SquaredDifference", {predictions, Cast(inside, labels, predictions.dtype())}),
      options);
}

Output AbsoluteDifference(At at, Output labels, Output predictions, LossOptions options) {
  const At inside = Enter(at, options.scope, "absolute_difference");
  if (!Usable(inside, labels, predictions)) return {};
  return Finish(
      inside,
      inside.Node("Abs",
                  {inside.Node("Sub", {predictions, Cast(inside, labels, predictions.dtype())})}),
      options);
}

Output HuberLoss(At at, Output labels, Output predictions, float delta, LossOptions options) {
  const At inside = Enter(at, options.scope, "huber_loss");
  if (!Usable(inside, labels, predictions)) return {};
  const DType dtype = predictions.dtype();
  const Output error =
      inside.Node("Abs", {inside.Node("Sub", {predictions, Cast(inside, labels, dtype)})});
  const Output bound = ops::ConstOf(inside, dtype, delta);
  const Output quadratic = inside.Node("Minimum", {error, bound});
  const Output linear = inside.Node("Sub", {error, quadratic});
  const Output square =
      inside.Node("Mul", {ops::ConstOf(inside, dtype, 0.5), inside.Node("Square", {quadratic})});
  return Finish(inside, inside.Node("AddV2", {square, inside.Node("Mul", {bound, linear})}),
                options);
}

Output LogLoss(At at, Output labels, Output predictions, float epsilon, LossOptions options) {
  const At inside = Enter(at, options.scope, "log_loss");
  if (!Usable(inside, labels, predictions)) return {};
  const DType dtype = predictions.dtype();
  labels = Cast(inside, labels, dtype);
  const auto log_of = [&](const Output& p) {
    return inside.Node("Log", {inside.Node("AddV2", {p, ops::ConstOf(inside, dtype, epsilon)})});
  };
  const auto one_minus = [&](const Output& x) {
    return inside.Node("Sub", {ops::ConstOf(inside, dtype, 1), x});
  };
  const Output positive = inside.Node("Mul", {labels, log_of(predictions)});
  const Output negative = inside.Node("Mul", {one_minus(labels), log_of(one_minus(predictions))});
  return Finish(inside, inside.Node("Neg", {inside.Node("AddV2", {positive, negative})}), options);
}

Output HingeLoss(At at, Output labels, Output logits, LossOptions options) {
  const At inside = Enter(at, options.scope, "hinge_loss");
  if (!Usable(inside, labels, logits)) return {};
  const DType dtype = logits.dtype();
  const Output signs = inside.Node(
      "Sub", {inside.Node("Mul", {ops::ConstOf(inside, dtype, 2), Cast(inside, labels, dtype)}),
              ops::ConstOf(inside, dtype, 1)});
  return Finish(inside,
                inside.Node("Relu", {inside.Node("Sub", {ops::ConstOf(inside, dtype, 1),
                                                         inside.Node("Mul", {signs, logits})})}),
                options);
}

Output RegularizationLoss(At at) {
  const At named =
      at.Named(at.scope().op_name().empty() ? "total_regularization_loss" : at.scope().op_name());
  const Outputs losses = at.graph().OutputsIn(keys::kRegularizationLosses);
  if (losses.empty()) return ops::Const(named, 0.0f);
  return named.Node("AddN", losses);
}

Output TotalLoss(At at, bool add_regularization_losses) {
  Outputs losses = at.graph().OutputsIn(keys::kLosses);
  if (add_regularization_losses) {
    for (const Output& loss : at.graph().OutputsIn(keys::kRegularizationLosses))
      losses.push_back(loss);
  }
  if (losses.empty())
    return at.Fail("total_loss", absl::InvalidArgumentError("the graph has no losses"));
  return at.Named("total_loss").Node("AddN", losses);
}

}  // namespace sluice::losses
