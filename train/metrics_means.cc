// Metrics that are means.
#include "core/status.h"
#include "graph/graph.h"
#include "ops/binary.h"
#include "ops/cast.h"
#include "ops/comparison.h"
#include "ops/const.h"
#include "ops/fill.h"
#include "ops/reduction.h"
#include "ops/select.h"
#include "ops/shape.h"
#include "ops/unary.h"
#include "train/broadcast_weights.h"
#include "train/metric_steps.h"
#include "train/metrics.h"

namespace sluice::metrics {
namespace {

constexpr DType kFloat = DType::kFloat;

// total / count, 0 where nothing counts.
Output Ratio(At at, const char* name, const Output& total, const Output& count) {
  const Output divisor = ops::Maximum(at, count, ScalarOf(at, kFloat, 0));
  return ops::DivNoNan(at.Named(name), total, divisor);
}

// Both sums go on; the count waits for the values, as in TensorFlow.
Metric MeanOf(At at, const Variable& total, const Variable& count, const Output& values,
              const Output& counts, const Output& all_values, const MetricOptions& options) {
  const Output new_total = AddTo(at, total, values);
  if (new_total.empty()) return {};
  const Output new_count = AddTo(at.In(at.scope().After({all_values})), count, counts);
  if (new_count.empty()) return {};
  const Output value = Ratio(at, "value", total.value(), count.value());
  return Collect(at, {value, Ratio(at, "update_op", new_total, new_count)}, options);
}

MetricOptions NamedOr(MetricOptions options, const char* name) {
  if (options.name.empty()) options.name = name;
  return options;
}

// The options of a mean whose result is still changed: it is in no collection.
MetricOptions Inner(MetricOptions options, const char* name) {
  options.metrics_collections.clear();
  options.updates_collections.clear();
  return NamedOr(std::move(options), name);
}

// Labels and predictions of one shape, in the predictions' dtype.
bool Align(At at, Output* labels, Output* predictions) {
  if (!AllGiven(at, {{"labels", *labels}, {"predictions", *predictions}})) return false;
  if (!AlignLabels(at, labels, predictions)) return false;
  *labels = ops::Cast(at, *labels, predictions->dtype());
  return at.ok();
}

}  // namespace

Metric Mean(At at, Output values, MetricOptions options) {
  if (!AllGiven(at, {{"values", values}})) return {};
  const At inside = EnterMetric(at, options.name, "mean");
  values = ops::Cast(inside, values, kFloat);
  const Variable total = MetricVariable(inside, "total", {});
  const Variable count = MetricVariable(inside, "count", {});
  Output counted;
  if (options.weights.empty()) {
    counted = ops::Cast(inside, ops::Size(inside, values), kFloat);
  } else {
    AlignWeights(inside, values, &options.weights);
    const Output weights = train::BroadcastWeights(inside, options.weights, values);
    values = ops::Mul(inside.Named("mul"), values, weights);
    counted = SumAll(inside, weights);
  }
  return MeanOf(inside, total, count, SumAll(inside, values), counted, values, options);
}

Metric MeanTensor(At at, Output values, MetricOptions options) {
  if (!AllGiven(at, {{"values", values}})) return {};
  const At inside = EnterMetric(at, options.name, "mean");
  if (!values.shape().fully_defined()) {
    inside.Fail("values",
                absl::InvalidArgumentError(absl::StrCat("the shape of values must be known, got ",
                                                        values.shape().ToString())));
    return {};
  }
  values = ops::Cast(inside, values, kFloat);
  const Variable total = MetricVariable(inside, "total_tensor", values.shape());
  const Variable count = MetricVariable(inside, "count_tensor", values.shape());
  Output counted = ops::OnesLike(inside.Named("ones_like"), values);
  if (!options.weights.empty()) {
    AlignWeights(inside, values, &options.weights);
    const Output weights = train::BroadcastWeights(inside, options.weights, values);
    values = ops::Mul(inside.Named("mul"), values, weights);
    counted = ops::Mul(inside.Named("mul"), counted, weights);
  }
  return MeanOf(inside, total, count, values, counted, values, options);
}

Metric Accuracy(At at, Output labels, Output predictions, MetricOptions options) {
  if (!AllGiven(at, {{"labels", labels}, {"predictions", predictions}}) ||
      !AlignLabels(at, &labels, &predictions))
    return {};
  AlignWeights(at, predictions, &options.weights);
  const Output same = ops::Equal(at, ops::Cast(at, predictions, labels.dtype()), labels);
  return Mean(at, ops::Cast(at, same, kFloat), NamedOr(std::move(options), "accuracy"));
}

Metric PercentageBelow(At at, Output values, double threshold, MetricOptions options) {
  if (!AllGiven(at, {{"values", values}})) return {};
  const Output below = ops::Less(at, values, ops::ConstOf(at, values.dtype(), threshold));
  return Mean(at, ops::Cast(at, below, kFloat),
              NamedOr(std::move(options), "percentage_below_threshold"));
}

Metric MeanAbsoluteError(At at, Output labels, Output predictions, MetricOptions options) {
  if (!Align(at, &labels, &predictions)) return {};
  AlignWeights(at, predictions, &options.weights);
  const Output errors = ops::Abs(at, ops::Sub(at.Named("sub"), predictions, labels));
  return Mean(at, errors, NamedOr(std::move(options), "mean_absolute_error"));
}

Metric MeanSquaredError(At at, Output labels, Output predictions, MetricOptions options) {
  if (!Align(at, &labels, &predictions)) return {};
  AlignWeights(at, predictions, &options.weights);
  return Mean(at, ops::SquaredDifference(at, labels, predictions),
              NamedOr(std::move(options), "mean_squared_error"));
}

Metric RootMeanSquaredError(At at, Output labels, Output predictions, MetricOptions options) {
  const Metric mean =
      MeanSquaredError(at, labels, predictions, Inner(options, "root_mean_squared_error"));
  if (mean.value.empty()) return {};
  return Collect(at, {ops::Sqrt(at, mean.value), ops::Sqrt(at, mean.update_op)}, options);
}

Metric MeanRelativeError(At at, Output labels, Output predictions, Output normalizer,
                         MetricOptions options) {
  if (!AllGiven(at, {{"normalizer", normalizer}}) || !Align(at, &labels, &predictions) ||
      !AlignLabels(at, &predictions, &normalizer))
    return {};
  AlignWeights(at, predictions, &options.weights);
  normalizer = ops::Cast(at, normalizer, predictions.dtype());
  const Output zero = ops::Equal(at, normalizer, ops::ConstOf(at, normalizer.dtype(), 0));
  const Output errors = ops::Abs(at, ops::Sub(at.Named("sub"), labels, predictions));
  const Output relative = ops::Select(at, zero, ops::ZerosLike(at.Named("zeros_like"), labels),
                                      ops::RealDiv(at.Named("div"), errors, normalizer));
  return Mean(at, relative, NamedOr(std::move(options), "mean_relative_error"));
}

Metric MeanCosineDistance(At at, Output labels, Output predictions, int dim,
                          MetricOptions options) {
  if (!Align(at, &labels, &predictions)) return {};
  AlignWeights(at, predictions, &options.weights);
  const Output products =
      ops::Sum(at, ops::Mul(at, predictions, labels), {dim}, {.keep_dims = true});
  const Metric mean = Mean(at, products, Inner(options, "mean_cosine_distance"));
  if (mean.value.empty()) return {};
  const Output one = ScalarOf(at, kFloat, 1);
  return Collect(at, {ops::Sub(at, one, mean.value), ops::Sub(at, one, mean.update_op)}, options);
}

}  // namespace sluice::metrics
