// Metrics of class numbers.
#include "core/status.h"
#include "graph/graph.h"
#include "ops/binary.h"
#include "ops/cast.h"
#include "ops/comparison.h"
#include "ops/const.h"
#include "ops/diag.h"
#include "ops/fill.h"
#include "ops/identity.h"
#include "ops/reduction.h"
#include "ops/reshape.h"
#include "ops/scatter_nd.h"
#include "ops/select.h"
#include "ops/shape.h"
#include "train/broadcast_weights.h"
#include "train/metric_steps.h"
#include "train/metrics.h"

namespace sluice::metrics {
namespace {

Output Flat(At at, const Output& x) {
  return x.shape().rank() == 1 ? x : ops::Reshape(at, x, {-1});
}

// The labels and predictions of a batch, int64 [n], and their weights [n], which may be empty.
struct Classes {
  Output labels, predictions, weights;
  bool ok = false;
};

bool SizeOk(At at, int64_t num_classes) {
  if (num_classes > 0) return true;
  at.Fail("num_classes", absl::InvalidArgumentError(
                             absl::StrCat("num_classes must be positive, got ", num_classes)));
  return false;
}

// Fails the run for a number outside [0, num_classes).
Output InRange(At at, const char* what, const Output& x, int64_t num_classes) {
  const At inside = at.Sub("assert_in_range");
  const Output low = ops::GreaterEqual(inside, x, ops::ConstOf(inside, DType::kInt64, 0));
  const Output high = ops::Less(inside, x, ops::Const(inside, num_classes));
  const Output fits = ops::All(inside, ops::LogicalAnd(inside, low, high), 0);
  const std::string text = absl::StrCat("`", what, "` out of bound");
  return ops::Assert(inside, fits, {ops::Const(inside, text), x});
}

Classes ClassesOf(At at, Output labels, Output predictions, int64_t num_classes,
                  const Output& weights, DType weights_dtype) {
  Classes c;
  if (!AllGiven(at, {{"labels", labels}, {"predictions", predictions}})) return c;
  if (!SizeOk(at, num_classes)) return c;
  if (!AlignLabels(at, &labels, &predictions)) return c;
  labels = Flat(at, ops::Cast(at, labels, DType::kInt64));
  predictions = Flat(at, ops::Cast(at, predictions, DType::kInt64));
  const Output labels_ok = InRange(at, "labels", labels, num_classes);
  const Output predictions_ok = InRange(at, "predictions", predictions, num_classes);
  if (!at.ok()) return c;
  const At checked = at.In(at.scope().After({labels_ok, predictions_ok}));
  c.labels = ops::Identity(checked, labels);
  c.predictions = ops::Identity(checked, predictions);
  if (!weights.empty()) {
    Output w = ops::Cast(at, weights, weights_dtype);
    if (w.shape().rank() > 1) w = Flat(at, w);
    c.weights = train::BroadcastWeights(at, w, ops::Cast(at, c.labels, weights_dtype));
  }
  c.ok = at.ok();
  return c;
}

// Rows are labels, columns predictions.
Output ConfusionMatrix(At at, const Classes& c, int64_t num_classes) {
  const At inside = at.Sub("confusion_matrix");
  const Output places = inside.Node("Pack", {c.labels, c.predictions}, {{"axis", 1}});
  const Output counts = c.weights.empty()
                            ? ops::OnesLike(inside, ops::Cast(inside, c.labels, DType::kDouble))
                            : c.weights;
  const Output shape = ops::Const<int64_t>(inside, {num_classes, num_classes});
  return ops::ScatterNd(inside, places, counts, shape);
}

Output IouOf(At at, const Output& matrix) {
  const auto floats = [&](const Output& x) { return ops::Cast(at, x, DType::kFloat); };
  const Output columns = floats(ops::Sum(at, matrix, 0)), rows = floats(ops::Sum(at, matrix, 1));
  const Output hits = floats(ops::DiagPart(at, matrix));
  const Output all = ops::Sub(at.Named("sub"), ops::AddV2(at.Named("add"), columns, rows), hits);
  const Output zero = ScalarOf(at, DType::kFloat, 0);
  const Output occurring = ops::Sum(at, floats(ops::NotEqual(at, all, zero)), {0});
  const Output sum = ops::Sum(at.Named("mean_iou"), ops::DivNoNan(at, hits, all), {0});
  return ops::DivNoNan(at.Named("value"), sum, occurring);
}

}  // namespace

Metric MeanIou(At at, Output labels, Output predictions, int64_t num_classes,
               MetricOptions options) {
  if (!at.ok()) return {};
  const At inside = EnterMetric(at, options.name, "mean_iou");
  const Classes c =
      ClassesOf(inside, labels, predictions, num_classes, options.weights, DType::kDouble);
  if (!c.ok) return {};
  const Variable matrix =
      MetricVariable(inside, "total_confusion_matrix", {num_classes, num_classes}, DType::kDouble);
  const Output update = AddTo(inside, matrix, ConfusionMatrix(inside, c, num_classes));
  if (update.empty()) return {};
  return Collect(inside, {IouOf(inside, matrix.value()), update}, options);
}

Metric MeanPerClassAccuracy(At at, Output labels, Output predictions, int64_t num_classes,
                            MetricOptions options) {
  if (!at.ok()) return {};
  const At inside = EnterMetric(at, options.name, "mean_accuracy");
  const Classes c =
      ClassesOf(inside, labels, predictions, num_classes, options.weights, DType::kFloat);
  if (!c.ok) return {};
  const Variable total = MetricVariable(inside, "total", {num_classes});
  const Variable count = MetricVariable(inside, "count", {num_classes});
  Output hits = ops::Cast(inside, ops::Equal(inside, c.predictions, c.labels), DType::kFloat);
  Output all = ops::OnesLike(inside, hits);
  if (!c.weights.empty()) {
    hits = ops::Mul(inside.Named("mul"), hits, c.weights);
    all = ops::Mul(inside.Named("mul"), all, c.weights);
  }
  const Output new_total = AddToRows(inside, total, c.labels, all);
  const Output new_count = AddToRows(inside, count, c.labels, hits);
  if (new_total.empty() || new_count.empty()) return {};
  const auto accuracies = [&](At named, const Output& hit, const Output& of) {
    return ops::DivNoNan(named, hit, ops::Maximum(inside, of, ScalarOf(inside, DType::kFloat, 0)));
  };
  const Output mean = ops::Mean(inside.Named("mean_accuracy"),
                                accuracies(inside, count.value(), total.value()), {0});
  return Collect(inside, {mean, accuracies(inside.Named("update_op"), new_count, new_total)},
                 options);
}

}  // namespace sluice::metrics
