#include "train/threshold_counts.h"

#include <algorithm>

#include "core/status.h"
#include "graph/graph.h"
#include "ops/binary.h"
#include "ops/cast.h"
#include "ops/comparison.h"
#include "ops/const.h"
#include "ops/identity.h"
#include "ops/reduction.h"
#include "ops/reshape.h"
#include "ops/unary.h"
#include "train/broadcast_weights.h"
#include "train/metric_steps.h"

namespace sluice::metrics {
namespace {

constexpr float kMargin = 1e-7f;  // by which the ends lie outside [0, 1]

const char* NameOf(CountKind kind) {
  switch (kind) {
    case CountKind::kTruePositives:
      return "true_positives";
    case CountKind::kFalseNegatives:
      return "false_negatives";
    case CountKind::kTrueNegatives:
      return "true_negatives";
    case CountKind::kFalsePositives:
      return "false_positives";
  }
  return "";
}

// `at`, after checks that all predictions lie in [0, 1].
At RequireProbabilities(At at, const Output& predictions) {
  const DType dtype = predictions.dtype();
  const char* const text = "predictions must be in [0, 1]";
  const auto require = [&](const char* scope, const Output& fits) {
    const At inside = at.Sub(scope);
    return ops::Assert(inside, ops::All(inside, fits, ops::AllAxes(inside, fits)),
                       {ops::Const(inside, text), predictions});
  };
  const Output low = require("assert_greater_equal",
                             ops::GreaterEqual(at, predictions, ops::ConstOf(at, dtype, 0)));
  const Output high =
      require("assert_less_equal", ops::LessEqual(at, predictions, ops::ConstOf(at, dtype, 1)));
  return low.empty() || high.empty() ? at : at.In(at.scope().After({low, high}));
}

// What every kind is made of: [thresholds, n] or [1, n] each.
struct Cases {
  Output prediction_is_positive, label_is_positive;
  Output weights;  // float32 [1, n]; may be empty
};

// The weight of the cases of that kind, per threshold.
Output CountOf(At at, const Cases& cases, CountKind kind) {
  const bool label = kind == CountKind::kTruePositives || kind == CountKind::kFalseNegatives;
  const bool prediction = kind == CountKind::kTruePositives || kind == CountKind::kFalsePositives;
  const auto is = [&](const Output& x, bool what) { return what ? x : ops::LogicalNot(at, x); };
  const Output hit = ops::LogicalAnd(at, is(cases.label_is_positive, label),
                                     is(cases.prediction_is_positive, prediction));
  Output counted = ops::Cast(at, hit, DType::kFloat);
  if (!cases.weights.empty()) counted = ops::Mul(at.Named("mul"), counted, cases.weights);
  return ops::Sum(at, counted, 1);
}

}  // namespace

StreamingCounts CountAtThresholds(At at, Output labels, Output predictions,
                                  const std::vector<float>& thresholds, Output weights,
                                  const std::vector<CountKind>& kinds) {
  StreamingCounts counts;
  if (!AllGiven(at, {{"labels", labels}, {"predictions", predictions}})) return counts;
  const auto n = static_cast<int64_t>(thresholds.size());
  const At inside = RequireProbabilities(at, predictions);
  predictions = ops::Cast(inside, predictions, DType::kFloat);
  labels = ops::Cast(inside, labels, DType::kBool);
  if (!AlignLabels(inside, &labels, &predictions)) return counts;
  AlignWeights(inside, predictions, &weights);
  Cases cases;
  if (!weights.empty()) {
    const Output floats = ops::Cast(inside, weights, DType::kFloat);
    const Output spread = train::BroadcastWeights(inside, floats, predictions);
    cases.weights = ops::Reshape(inside, spread, {1, -1});
  }
  const Output limits = ops::Const<float>(inside, thresholds, {n, 1});
  cases.prediction_is_positive =
      ops::Greater(inside, ops::Reshape(inside, predictions, {1, -1}), limits);
  cases.label_is_positive = ops::Reshape(inside, labels, {1, -1});
  for (const CountKind kind : kinds) {
    const Variable variable = MetricVariable(at, NameOf(kind), {n});
    counts.updates[kind] = AddTo(inside, variable, CountOf(inside, cases, kind));
    if (counts.updates[kind].empty()) return counts;
    counts.values[kind] = variable.value();
  }
  counts.ok = true;
  return counts;
}

std::vector<float> EvenThresholds(At at, int num_thresholds) {
  if (num_thresholds < 2) {
    at.Fail("num_thresholds", absl::InvalidArgumentError(absl::StrCat(
                                  "num_thresholds must be at least 2, got ", num_thresholds)));
    return {};
  }
  std::vector<float> between;
  for (int i = 1; i + 1 < num_thresholds; ++i)
    between.push_back(static_cast<float>(static_cast<double>(i) / (num_thresholds - 1)));
  return WithEnds(std::move(between));
}

std::vector<float> WithEnds(std::vector<float> thresholds) {
  std::sort(thresholds.begin(), thresholds.end());
  thresholds.insert(thresholds.begin(), -kMargin);
  thresholds.push_back(1 + kMargin);
  return thresholds;
}

}  // namespace sluice::metrics
