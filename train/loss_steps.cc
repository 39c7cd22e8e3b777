#include "train/loss_steps.h"

#include "core/status.h"
#include "graph/graph.h"
#include "ops/binary.h"
#include "ops/cast.h"
#include "ops/comparison.h"
#include "ops/const.h"
#include "ops/fill.h"
#include "ops/range.h"
#include "ops/reduction.h"
#include "ops/shape.h"
#include "train/broadcast_weights.h"

namespace sluice::losses {
namespace {

// tf.reduce_sum over every axis.
Output SumAll(At at, const Output& x) {
  if (x.empty() || x.shape().rank() == 0) return x;
  return ops::Sum(at, x, ops::AllAxes(at, x).Tensor(at, "Const"));
}

Output NumElements(At at, const char* scope, const Output& losses) {
  const At inside = at.Sub(scope);
  return ops::Cast(inside, ops::Size(inside, losses), DType::kFloat);
}

// What the sum is divided by. Without weights they are 1.
Output Divisor(At at, const Output& losses, const Output& weights, Reduction reduction) {
  if (reduction == Reduction::kSumOverBatchSize) return NumElements(at, "num_elements", losses);
  if (weights.empty()) return NumElements(at, "num_present", losses);
  if (reduction == Reduction::kSumByNonzeroWeights) return NumPresent(at, losses, weights, false);
  return SumAll(at, ops::Mul(at, ops::OnesLike(at, losses), weights));
}

Output Reduce(At at, const Output& losses, const Output& weights, Reduction reduction) {
  const Output weighted = weights.empty() ? losses : ops::Mul(at, losses, weights);
  if (reduction == Reduction::kNone) return weighted;
  const Output sum = SumAll(at, weighted);
  if (reduction == Reduction::kSum) return sum;
  return ops::DivNoNan(at.Named("value"), sum, Divisor(at, losses, weights, reduction));
}

bool IsReduction(Reduction reduction) {
  return reduction >= Reduction::kNone && reduction <= Reduction::kSumByNonzeroWeights;
}

}  // namespace

At EnterLoss(At at, const std::string& scope, const char* default_scope) {
  return at.Sub(scope.empty() ? default_scope : scope);
}

bool BothGiven(At at, const LossArgument& labels, const LossArgument& predictions) {
  if (!at.ok()) return false;
  for (const LossArgument* argument : {&labels, &predictions}) {
    if (!argument->value.empty()) continue;
    at.Fail(argument->name,
            absl::InvalidArgumentError(absl::StrCat(argument->name, " must not be None.")));
    return false;
  }
  return true;
}

bool Usable(At at, const LossArgument& labels, const LossArgument& predictions) {
  if (!BothGiven(at, labels, predictions)) return false;
  const TensorShape &l = labels.value.shape(), &p = predictions.value.shape();
  if (l.CompatibleWith(p)) return true;
  at.Fail(labels.name, absl::InvalidArgumentError(absl::StrCat("Shapes ", p.ToString(), " and ",
                                                               l.ToString(), " are incompatible")));
  return false;
}

Output AsFloat(At at, const Output& x) { return ops::Cast(at, x, DType::kFloat); }

Output NumPresent(At at, const Output& losses, const Output& weights, bool per_batch) {
  const At inside = at.Sub("num_present");
  const Output zero = ops::ConstOf(inside, weights.dtype(), 0);
  const Output present = AsFloat(inside, ops::NotEqual(inside, weights, zero));
  const Output spread = ops::Mul(inside, present, ops::OnesLike(inside, losses));
  if (!per_batch) return SumAll(inside, spread);
  const Output axes = ops::Range(inside, 1, ops::RankTensor(inside, spread), 1);
  return ops::Sum(inside.AsScope(), spread, axes, {.keep_dims = true});
}

Output FinishLoss(At at, const Output& losses, const LossOptions& options) {
  if (!at.ok() || losses.empty()) return {};
  if (!IsReduction(options.reduction)) {
    return at.Fail("reduction",
                   absl::InvalidArgumentError(absl::StrCat(
                       "Invalid ReductionKey ", static_cast<int>(options.reduction), ".")));
  }
  Output weights = options.weights;
  const At checked = train::RequireBroadcastable(at, weights, losses);
  if (!weights.empty()) weights = AsFloat(checked, weights);
  const Output reduced = Reduce(checked, AsFloat(checked, losses), weights, options.reduction);
  const Output loss = ops::Cast(checked, reduced, losses.dtype());
  AddLoss(at, loss, options.loss_collection);
  return loss;
}

}  // namespace sluice::losses
