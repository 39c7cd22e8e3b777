// The losses of numbers against numbers, and the two of scores.
#include <vector>

#include "core/status.h"
#include "graph/graph.h"
#include "ops/binary.h"
#include "ops/comparison.h"
#include "ops/const.h"
#include "ops/fill.h"
#include "ops/range.h"
#include "ops/reduction.h"
#include "ops/relu.h"
#include "ops/select.h"
#include "ops/shape.h"
#include "ops/unary.h"
#include "train/broadcast_weights.h"
#include "train/loss_steps.h"
#include "train/losses.h"

namespace sluice::losses {
namespace {

Output Number(At at, double value) { return ops::ConstOf(at, DType::kFloat, value); }

// Both as float32.
struct Floats {
  Output labels, predictions;
};
Floats Cast(At at, const Output& labels, const Output& predictions) {
  const Output p = AsFloat(at, predictions);
  return {.labels = AsFloat(at, labels), .predictions = p};
}

// Of one row each: the sum over all dimensions but the first, which stay.
Output RowSum(At at, const Output& x, const Output& axes) {
  return ops::Sum(at, x, axes, {.keep_dims = true});
}

// a / max(b, 0), doubled; 0 where b is.
Output TwiceOver(At at, const Output& a, const Output& b) {
  const Output divisor = ops::Maximum(at, b, Number(at, 0));
  return ops::Mul(at, Number(at, 2), ops::DivNoNan(at.Named("value"), a, divisor));
}

}  // namespace

Output MeanSquaredError(At at, Output labels, Output predictions, LossOptions options) {
  const At inside = EnterLoss(at, options.scope, "mean_squared_error");
  if (!Usable(inside, {"labels", labels}, {"predictions", predictions})) return {};
  const auto [l, p] = Cast(inside, labels, predictions);
  return FinishLoss(inside, ops::SquaredDifference(inside, p, l), options);
}

Output AbsoluteDifference(At at, Output labels, Output predictions, LossOptions options) {
  const At inside = EnterLoss(at, options.scope, "absolute_difference");
  if (!Usable(inside, {"labels", labels}, {"predictions", predictions})) return {};
  const auto [l, p] = Cast(inside, labels, predictions);
  return FinishLoss(inside, ops::Abs(inside, ops::Sub(inside, p, l)), options);
}

Output HuberLoss(At at, Output labels, Output predictions, float delta, LossOptions options) {
  const At inside = EnterLoss(at, options.scope, "huber_loss");
  if (!Usable(inside, {"labels", labels}, {"predictions", predictions})) return {};
  const auto [l, p] = Cast(inside, labels, predictions);
  const Output error = ops::Abs(inside, ops::Sub(inside, p, l));
  const Output bound = Number(inside, delta);
  const Output quadratic = ops::Minimum(inside, error, bound);
  const Output linear = ops::Sub(inside, error, quadratic);
  const Output square =
      ops::Mul(inside, Number(inside, 0.5), ops::Mul(inside, quadratic, quadratic));
  return FinishLoss(inside, ops::AddV2(inside, square, ops::Mul(inside, bound, linear)), options);
}

Output LogLoss(At at, Output labels, Output predictions, float epsilon, LossOptions options) {
  const At inside = EnterLoss(at, options.scope, "log_loss");
  if (!Usable(inside, {"labels", labels}, {"predictions", predictions})) return {};
  const auto [l, p] = Cast(inside, labels, predictions);
  const Output small = Number(inside, epsilon), one = Number(inside, 1);
  const Output log_p = ops::Log(inside, ops::AddV2(inside, p, small));
  const Output positive = ops::Neg(inside, ops::Mul(inside, l, log_p));
  const Output rest = ops::AddV2(inside, ops::Sub(inside, one, p), small);
  const Output negative = ops::Mul(inside, ops::Sub(inside, one, l), ops::Log(inside, rest));
  return FinishLoss(inside, ops::Sub(inside, positive, negative), options);
}

Output HingeLoss(At at, Output labels, Output logits, LossOptions options) {
  const At inside = EnterLoss(at, options.scope, "hinge_loss");
  if (!Usable(inside, {"labels", labels}, {"logits", logits})) return {};
  const auto [l, x] = Cast(inside, labels, logits);
  const Output one = Number(inside, 1);
  const Output signs = ops::Sub(inside, ops::Mul(inside, Number(inside, 2), l), one);
  const Output margin = ops::Sub(inside, one, ops::Mul(inside, signs, x));
  return FinishLoss(inside, ops::Relu(inside, margin), options);
}

Output CosineDistance(At at, Output labels, Output predictions, CosineDistanceOptions options) {
  const At inside = EnterLoss(at, options.scope, "cosine_distance_loss");
  if (!inside.ok()) return {};
  if (!options.axis.has_value())
    return inside.Fail("axis", absl::InvalidArgumentError("You must specify 'axis'."));
  if (!Usable(inside, {"labels", labels}, {"predictions", predictions})) return {};
  const auto [l, p] = Cast(inside, labels, predictions);
  const Output products =
      ops::Sum(inside, ops::Mul(inside, p, l), {*options.axis}, {.keep_dims = true});
  return FinishLoss(inside, ops::Sub(inside.Named("sub"), Number(inside, 1), products),
                    {.weights = options.weights,
                     .loss_collection = options.loss_collection,
                     .reduction = options.reduction});
}

Output MeanPairwiseSquaredError(At at, Output labels, Output predictions, PairwiseOptions options) {
  const At entered = EnterLoss(at, options.scope, "mean_pairwise_squared_error");
  if (!Usable(entered, {"labels", labels}, {"predictions", predictions})) return {};
  const Output w = options.weights.empty() ? Number(entered, 1) : AsFloat(entered, options.weights);
  const At inside = train::RequireBroadcastable(entered, w, labels);
  const auto [l, p] = Cast(inside, labels, predictions);
  const Output d = ops::Sub(inside, p, l);
  const Output axes = ops::Range(inside, 1, ops::RankTensor(inside, d), 1);
  const Output n = NumPresent(inside, d, w, true);
  const Output others = ops::Sub(inside, n, Number(inside, 1));
  const Output squares = TwiceOver(inside, RowSum(inside, ops::Square(inside, d), axes), others);
  const Output square_of_sum = ops::Square(inside, RowSum(inside, d, axes));
  const Output cross = TwiceOver(inside, square_of_sum, ops::Mul(inside, n, others));
  const Output weighted = ops::Mul(inside, ops::Sub(inside.Named("sub"), squares, cross), w);
  const Output sum = ops::Sum(inside, weighted, ops::AllAxes(inside, weighted));
  const Output present = ops::Sum(inside, n, ops::AllAxes(inside, n));
  const Output loss =
      ops::Select(inside.Named("value"), ops::Greater(inside, present, Number(inside, 0)), sum,
                  ops::ZerosLike(inside, sum));
  AddLoss(inside, loss, options.loss_collection);
  return loss;
}

}  // namespace sluice::losses
