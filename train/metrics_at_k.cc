// Metrics of the k best classes, of which several may be right.
#include "core/status.h"
#include "graph/graph.h"
#include "ops/binary.h"
#include "ops/cast.h"
#include "ops/comparison.h"
#include "ops/const.h"
#include "ops/cumsum.h"
#include "ops/fill.h"
#include "ops/reduction.h"
#include "ops/reshape.h"
#include "ops/set_operation.h"
#include "ops/shape.h"
#include "ops/strided_slice.h"
#include "ops/top_k.h"
#include "ops/unary.h"
#include "train/broadcast_weights.h"
#include "train/metric_steps.h"
#include "train/metrics.h"

namespace sluice::metrics {
namespace {

constexpr DType kDouble = DType::kDouble;

// "recall_at_5_class2"; "recall_at_k".
std::string AtKName(const char* what, const std::optional<int>& k,
                    const std::optional<int64_t>& class_id) {
  std::string name = absl::StrCat(what, "_at_", k.has_value() ? std::to_string(*k) : "k");
  if (class_id.has_value()) absl::StrAppend(&name, "_class", *class_id);
  return name;
}

// tf.name_scope(name, default_name).
At Enter(At at, const std::string& name, const std::string& default_name) {
  return at.Sub(name.empty() ? default_name : name);
}

// Labels with the rank of the predictions, as int64; empty after an error.
Output ExpandLabels(At at, const Output& labels, const Output& predictions) {
  const At inside = at.Sub("expand_labels");
  const TensorShape &l = labels.shape(), &p = predictions.shape();
  const Output wide = ops::Cast(inside, labels, DType::kInt64);
  if (!l.rank_known() || !p.rank_known() || l.rank() == p.rank()) return wide;
  if (l.rank() + 1 == p.rank()) return ops::ExpandDims(inside.AsScope(), wide, -1);
  return inside.Fail("labels", absl::InvalidArgumentError(
                                   absl::StrCat("Unexpected labels shape ", l.ToString(),
                                                " for predictions shape ", p.ToString(), ".")));
}

// Which of both sets is counted, and where it must not be.
enum class Hit { kTruePositive, kFalseNegative, kFalsePositive };

const char* SetOperationOf(Hit hit) {
  if (hit == Hit::kTruePositive) return "intersection";
  return hit == Hit::kFalsePositive ? "a-b" : "b-a";
}

// Per row, [d1, ..., dn] float64: the number of different classes that are chosen and labels, and
// so on.
Output CountRows(At at, const Output& labels, const Output& chosen, Hit hit,
                 const std::optional<int64_t>& class_id) {
  if (class_id.has_value()) {
    const Output id = ops::Const(at, *class_id);
    const Output in_labels = ops::Any(at, ops::Equal(at, labels, id), {-1});
    const Output in_chosen = ops::Any(at, ops::Equal(at, chosen, id), {-1});
    const Output a = hit == Hit::kFalsePositive ? ops::LogicalNot(at, in_labels) : in_labels;
    const Output b = hit == Hit::kFalseNegative ? ops::LogicalNot(at, in_chosen) : in_chosen;
    return ops::Cast(at, ops::LogicalAnd(at, a, b), kDouble);
  }
  const Outputs set = ops::DenseToDenseSetOperation(at, chosen, labels, SetOperationOf(hit));
  if (set.size() != 3) return {};
  const Output size = ops::SetSize(at, set[0], set[1], set[2]);
  if (size.empty() || !chosen.shape().rank_known()) return ops::Cast(at, size, kDouble);
  TensorShape rows = chosen.shape();
  rows.RemoveDim(rows.rank() - 1);
  const absl::Status known = at.graph().SetShape(size, rows);
  return known.ok() ? ops::Cast(at, size, kDouble) : at.Fail("SetSize", known);
}

struct Streaming {
  Output value, update;
};

// The variable called `name` in the scope of `at`, which sums up the rows of batches.
Streaming Accumulate(At at, const std::string& name, const Output& rows, const Output& weights) {
  const At inside = at.Sub(name);
  Output counted = rows;
  if (!weights.empty() && !rows.empty()) {
    const At checked = train::RequireBroadcastable(inside, weights, rows);
    counted = ops::Mul(checked, rows, ops::Cast(checked, weights, kDouble));
  }
  const Output sum = SumAll(inside, counted);
  const Variable variable = MetricVariable(at, inside.scope().name() + "/", {}, kDouble);
  if (variable.empty()) return {};
  return {.value = variable.value(), .update = AddTo(inside, variable, sum)};
}

// hits / (hits + misses). `at` is inside the metric's scope.
Metric ShareAtTopK(At at, Output labels, Output chosen, Hit misses, const char* misses_name,
                   const AtTopKOptions& o) {
  if (!AllGiven(at, {{"labels", labels}, {"predictions", chosen}})) return {};
  labels = ExpandLabels(at, labels, chosen);
  chosen = ops::Cast(at, chosen, DType::kInt64);
  if (!at.ok()) return {};
  const auto streaming = [&](const char* name, Hit hit) {
    const Output rows = CountRows(at, labels, chosen, hit, o.class_id);
    return Accumulate(at, AtKName(name, o.k, o.class_id), rows, o.weights);
  };
  const Streaming hits = streaming("true_positive", Hit::kTruePositive);
  const Streaming missed = streaming(misses_name, misses);
  if (hits.update.empty() || missed.update.empty()) return {};
  const auto share = [&](At named, const Output& hit, const Output& miss) {
    return ops::RealDiv(named, hit, ops::AddV2(at, hit, miss));
  };
  const Metric metric = {.value = share(at.AsScope(), hits.value, missed.value),
                         .update_op = share(at.Named("update"), hits.update, missed.update)};
  return Collect(at, metric, o.metrics_collections, o.updates_collections);
}

// The k best of [d1, ..., dn, num_classes]; empty after an error.
Output Best(At at, const Output& labels, const Output& predictions, int k) {
  if (!AllGiven(at, {{"labels", labels}, {"predictions", predictions}})) return {};
  if (k < 1) return at.Fail("k", absl::InvalidArgumentError(absl::StrCat("Invalid k=", k, ".")));
  return ops::TopKV2(at, predictions, k).indices;
}

AtTopKOptions WithK(const AtKOptions& o, int k) {
  return {.k = k,
          .class_id = o.class_id,
          .weights = o.weights,
          .metrics_collections = o.metrics_collections,
          .updates_collections = o.updates_collections};
}

// Per row: sum_i(precision among the i best, where the i-th is a label) / min(k, labels).
// Labels outside [0, num_classes) are none.
Output AveragePrecision(At outer, const Output& labels, const Output& best,
                        const Output& num_classes, int k) {
  const At at = outer.Sub("average_precision");
  const Output pairs =
      ops::Equal(at, ops::ExpandDims(at, best, -1), ops::ExpandDims(at, labels, -2));
  const Output relevant = ops::Cast(at.Named("relevant_per_k"), ops::Any(at, pairs, {-1}), kDouble);
  const Output found = ops::Cumsum(at.Named("tp_per_k"), relevant, -1);
  const Output retrieved =
      ops::Cumsum(at.Named("retrieved_per_k"), ops::OnesLike(at, relevant), -1);
  const Output precision = ops::RealDiv(at.Named("precision_per_k"), found, retrieved);
  const Output sum = ops::Sum(at.Named("precision_sum"), ops::Mul(at, precision, relevant), {-1});
  const Output low = ops::GreaterEqual(at, labels, ops::ConstOf(at, DType::kInt64, 0));
  const Output real = ops::LogicalAnd(at, low, ops::Less(at, labels, num_classes));
  const Output count = ops::Sum(at, ops::Cast(at, real, kDouble), {-1});
  const Output possible = ops::Minimum(at.Named("num_relevant"), count, ScalarOf(at, kDouble, k));
  return ops::RealDiv(at.AsScope(), sum, possible);
}

}  // namespace

Metric RecallAtTopK(At at, Output labels, Output predictions_idx, AtTopKOptions options) {
  if (!at.ok()) return {};
  const At inside = Enter(at, options.name, AtKName("recall", options.k, options.class_id));
  return ShareAtTopK(inside, labels, predictions_idx, Hit::kFalseNegative, "false_negative",
                     options);
}

Metric PrecisionAtTopK(At at, Output labels, Output predictions_idx, AtTopKOptions options) {
  if (!at.ok()) return {};
  const At inside = Enter(at, options.name, AtKName("precision", options.k, options.class_id));
  return ShareAtTopK(inside, labels, predictions_idx, Hit::kFalsePositive, "false_positive",
                     options);
}

Metric RecallAtK(At at, Output labels, Output predictions, int k, AtKOptions options) {
  if (!at.ok()) return {};
  const At inside = Enter(at, options.name, AtKName("recall", k, options.class_id));
  const Output best = Best(inside, labels, predictions, k);
  if (best.empty()) return {};
  return ShareAtTopK(inside, labels, best, Hit::kFalseNegative, "false_negative",
                     WithK(options, k));
}

Metric PrecisionAtK(At at, Output labels, Output predictions, int k, AtKOptions options) {
  if (!at.ok()) return {};
  const At inside = Enter(at, options.name, AtKName("precision", k, options.class_id));
  const Output best = Best(inside, labels, predictions, k);
  if (best.empty()) return {};
  return ShareAtTopK(inside, labels, best, Hit::kFalsePositive, "false_positive",
                     WithK(options, k));
}

Metric AveragePrecisionAtK(At at, Output labels, Output predictions, int k, MetricOptions options) {
  if (!at.ok()) return {};
  const At inside = Enter(at, options.name, AtKName("average_precision", k, {}));
  Output best = Best(inside, labels, predictions, k);
  if (best.empty()) return {};
  labels = ExpandLabels(inside, labels, best);
  best = ops::Cast(inside, best, DType::kInt64);
  if (!inside.ok()) return {};
  const Output shape = ops::Shape(inside, predictions, {.out_type = DType::kInt64});
  const Output num_classes =
      ops::StridedSlice(inside, shape, {-1}, {0}, {1}, {.shrink_axis_mask = 1});
  const Output precision = AveragePrecision(inside, labels, best, num_classes, k);
  const Output ones = ops::OnesLike(inside, precision);
  const Streaming most = Accumulate(inside, "max", ones, options.weights);
  const Streaming total = Accumulate(inside, "total", precision, options.weights);
  if (most.update.empty() || total.update.empty()) return {};
  return Collect(inside,
                 {ops::DivNoNan(inside.Named("mean"), total.value, most.value),
                  ops::DivNoNan(inside.AsScope(), total.update, most.update)},
                 options);
}

}  // namespace sluice::metrics
