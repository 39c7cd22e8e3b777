// Metrics that count yes and no.
#include "graph/graph.h"
#include "ops/binary.h"
#include "ops/cast.h"
#include "ops/comparison.h"
#include "ops/unary.h"
#include "train/broadcast_weights.h"
#include "train/metric_steps.h"
#include "train/metrics.h"

namespace sluice::metrics {
namespace {

// Of the predictions that are counted: what their labels and themselves are.
struct Case {
  const char* scope;
  bool label, prediction;
};
constexpr Case kTruePositive = {"true_positives", true, true};
constexpr Case kTrueNegative = {"true_negatives", false, false};
constexpr Case kFalsePositive = {"false_positives", false, true};
constexpr Case kFalseNegative = {"false_negatives", true, false};

Output Is(At at, const Output& x, bool what) { return what ? x : ops::LogicalNot(at, x); }

// Labels and predictions as bools of one shape, weights to fit.
bool AlignBools(At at, Output* labels, Output* predictions, Output* weights) {
  *predictions = ops::Cast(at, *predictions, DType::kBool);
  *labels = ops::Cast(at, *labels, DType::kBool);
  if (!AlignLabels(at, labels, predictions)) return false;
  AlignWeights(at, *predictions, weights);
  return at.ok();
}

Metric Count(At at, Output labels, Output predictions, const Case& which, MetricOptions options) {
  if (!AllGiven(at, {{"labels", labels}, {"predictions", predictions}})) return {};
  const At inside = EnterMetric(at, options.name, which.scope);
  if (!AlignBools(inside, &labels, &predictions, &options.weights)) return {};
  const Output hit = ops::LogicalAnd(inside, Is(inside, labels, which.label),
                                     Is(inside, predictions, which.prediction));
  const Variable count = MetricVariable(inside, "count", {});
  Output values = ops::Cast(inside, hit, DType::kFloat);
  if (!options.weights.empty()) {
    const At checked = train::RequireBroadcastable(inside, options.weights, values);
    values = ops::Mul(checked, values, ops::Cast(checked, options.weights, DType::kFloat));
  }
  const Output update = AddTo(inside, count, SumAll(inside, values));
  if (update.empty()) return {};
  return Collect(inside, {count.value(), update}, options);
}

Output Share(At at, const char* name, const Output& hits, const Output& misses) {
  return ops::DivNoNan(at.Named(name), hits, ops::AddV2(at.Named("add"), hits, misses));
}

// hits / (hits + misses).
Metric ShareOf(At at, Output labels, Output predictions, const Case& misses, const char* scope,
               const MetricOptions& options) {
  if (!AllGiven(at, {{"labels", labels}, {"predictions", predictions}})) return {};
  const At inside = EnterMetric(at, options.name, scope);
  Output weights = options.weights;
  if (!AlignBools(inside, &labels, &predictions, &weights)) return {};
  const MetricOptions plain = {.weights = weights};
  const Metric hit = Count(inside, labels, predictions, kTruePositive, plain);
  const Metric miss = Count(inside, labels, predictions, misses, plain);
  if (hit.value.empty() || miss.value.empty()) return {};
  return Collect(inside,
                 {Share(inside, "value", hit.value, miss.value),
                  Share(inside, "update_op", hit.update_op, miss.update_op)},
                 options);
}

}  // namespace

Metric TruePositives(At at, Output labels, Output predictions, MetricOptions options) {
  return Count(at, labels, predictions, kTruePositive, std::move(options));
}
Metric TrueNegatives(At at, Output labels, Output predictions, MetricOptions options) {
  return Count(at, labels, predictions, kTrueNegative, std::move(options));
}
Metric FalsePositives(At at, Output labels, Output predictions, MetricOptions options) {
  return Count(at, labels, predictions, kFalsePositive, std::move(options));
}
Metric FalseNegatives(At at, Output labels, Output predictions, MetricOptions options) {
  return Count(at, labels, predictions, kFalseNegative, std::move(options));
}

Metric Precision(At at, Output labels, Output predictions, MetricOptions options) {
  return ShareOf(at, labels, predictions, kFalsePositive, "precision", options);
}
Metric Recall(At at, Output labels, Output predictions, MetricOptions options) {
  return ShareOf(at, labels, predictions, kFalseNegative, "recall", options);
}

}  // namespace sluice::metrics
