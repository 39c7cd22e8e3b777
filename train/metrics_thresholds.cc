// Metrics of probabilities at thresholds.
#include <cmath>

#include "core/status.h"
#include "graph/graph.h"
#include "ops/arg.h"
#include "ops/binary.h"
#include "ops/cast.h"
#include "ops/comparison.h"
#include "ops/const.h"
#include "ops/cumsum.h"
#include "ops/fill.h"
#include "ops/gather.h"
#include "ops/reduction.h"
#include "ops/select.h"
#include "ops/slice.h"
#include "ops/unary.h"
#include "train/metric_steps.h"
#include "train/metrics.h"
#include "train/threshold_counts.h"

namespace sluice::metrics {
namespace {

using enum CountKind;
const std::vector<CountKind> kAllKinds = {kTruePositives, kFalseNegatives, kTrueNegatives,
                                          kFalsePositives};

Output Number(At at, double value) { return ScalarOf(at, DType::kFloat, value); }
Output Add(At at, const Output& x, const Output& y) { return ops::AddV2(at.Named("add"), x, y); }
Output Sub(At at, const Output& x, const Output& y) { return ops::Sub(at.Named("sub"), x, y); }
Output Mul(At at, const Output& x, const Output& y) { return ops::Mul(at.Named("mul"), x, y); }
Output Div(At at, const Output& x, const Output& y) { return ops::RealDiv(at.Named("div"), x, y); }
Output AtLeast0(At at, const Output& x) { return ops::Maximum(at, x, Number(at, 0)); }

Metric CountsOf(At at, const Output& labels, const Output& predictions,
                const std::vector<float>& thresholds, CountKind kind, const char* scope,
                const MetricOptions& options) {
  const At inside = EnterMetric(at, options.name, scope);
  const StreamingCounts counts =
      CountAtThresholds(inside, labels, predictions, thresholds, options.weights, {kind});
  if (!counts.ok) return {};
  return Collect(inside, {counts.values[kind], counts.updates[kind]}, options);
}

// hits / (epsilon + hits + misses).
Metric SharesOf(At at, const Output& labels, const Output& predictions,
                const std::vector<float>& thresholds, CountKind misses, const char* scope,
                const std::string& prefix, const MetricOptions& options) {
  const At inside = EnterMetric(at, options.name, scope);
  const StreamingCounts counts = CountAtThresholds(inside, labels, predictions, thresholds,
                                                   options.weights, {kTruePositives, misses});
  if (!counts.ok) return {};
  const auto share = [&](const ThresholdCounts& c, const char* name) {
    const Output all = Add(inside, Add(inside, Number(inside, 1e-7), c[kTruePositives]), c[misses]);
    return ops::RealDiv(inside.Named(prefix + name), c[kTruePositives], all);
  };
  return Collect(inside, {share(counts.values, "value"), share(counts.updates, "update_op")},
                 options);
}

// --- the area under a curve ---

// All but the last element, and all but the first: both sides of the n - 1 intervals.
struct Sides {
  Output left, right;
};
Sides SidesOf(At at, const Output& x) {
  const int64_t intervals = x.shape().dim(0) - 1;
  return {.left = ops::Slice(at, x, {0}, {intervals}),
          .right = ops::Slice(at, x, {1}, {intervals})};
}

// Davis and Goadrich 2006, section 4. With P = TP + FP, from one threshold to the next, A to B,
//   slope = dTP / dP, intercept = TP_B - slope P_B,
//   area = slope (dTP + intercept ln(P_A / P_B)) / (TP_B + FN_B).
Output InterpolatedArea(At at, const char* name, const ThresholdCounts& c) {
  const Sides tp = SidesOf(at, c[kTruePositives]);
  const Sides p = SidesOf(at, Add(at, c[kTruePositives], c[kFalsePositives]));
  const Sides fn = SidesOf(at, c[kFalseNegatives]);
  const Output dtp = Sub(at, tp.left, tp.right);
  const Output dp = AtLeast0(at, Sub(at, p.left, p.right));
  const Output slope = ops::DivNoNan(at.Named("prec_slope"), dtp, dp);
  const Output intercept = Sub(at, tp.right, Mul(at, slope, p.right));
  const Output zero = Number(at, 0);
  const Output both = ops::LogicalAnd(at, ops::Greater(at, p.left, zero),  //
                                      ops::Greater(at, p.right, zero));
  const Output ratio =
      ops::DivNoNan(at.Named("recall_relative_ratio"), p.left, AtLeast0(at, p.right));
  const Output safe = ops::Select(at, both, ratio, ops::OnesLike(at, p.right));
  const Output grown = Add(at, dtp, Mul(at, intercept, ops::Log(at, safe)));
  const Output labels = AtLeast0(at, Add(at, tp.right, fn.right));
  const Output area = ops::DivNoNan(at.Named("pr_auc_increment"), Mul(at, slope, grown), labels);
  return ops::Sum(at.Named(name), area, {0});
}

struct Points {
  Output x, y;
};
Points PointsOf(At at, Curve curve, const ThresholdCounts& c) {
  const Output epsilon = Number(at, 1e-6);
  const Output tp = Add(at, c[kTruePositives], epsilon);
  const auto share = [&](CountKind misses) {
    return Div(at, tp, Add(at, Add(at, c[kTruePositives], c[misses]), epsilon));
  };
  const Output recall = share(kFalseNegatives);
  if (curve == Curve::kPr) return {.x = recall, .y = share(kFalsePositives)};
  const Output negatives = Add(at, Add(at, c[kFalsePositives], c[kTrueNegatives]), epsilon);
  return {.x = Div(at, c[kFalsePositives], negatives), .y = recall};
}

Output Height(At at, SummationMethod method, const Sides& y) {
  if (method == SummationMethod::kMinoring) return ops::Minimum(at, y.left, y.right);
  if (method == SummationMethod::kMajoring) return ops::Maximum(at, y.left, y.right);
  return Div(at, Add(at, y.left, y.right), Number(at, 2));
}

Output Area(At at, const char* name, const AucOptions& o, const ThresholdCounts& c) {
  if (o.curve == Curve::kPr && o.summation_method == SummationMethod::kCarefulInterpolation)
    return InterpolatedArea(at, name, c);
  const Points points = PointsOf(at, o.curve, c);
  const Sides x = SidesOf(at, points.x), y = SidesOf(at, points.y);
  const Output pieces = Mul(at, Sub(at, x.left, x.right), Height(at, o.summation_method, y));
  return ops::Sum(at.Named(name), pieces, {0});
}

// TensorFlow gets these as strings.
bool AucOptionsOk(At at, const AucOptions& o) {
  std::string error;
  if (o.curve != Curve::kRoc && o.curve != Curve::kPr)
    error = absl::StrCat("curve must be either ROC or PR, ", static_cast<int>(o.curve), " unknown");
  if (o.summation_method < SummationMethod::kTrapezoidal ||
      o.summation_method > SummationMethod::kMajoring)
    error = absl::StrCat("Invalid summation_method: ", static_cast<int>(o.summation_method));
  if (error.empty()) return true;
  at.Fail("auc", absl::InvalidArgumentError(error));
  return false;
}

// --- one rate where the other has a value ---

// The element of `x` at a scalar index.
Output Element(At at, const Output& x, const Output& index) { return ops::Gather(at, x, index); }

// part[i] / (part[i] + rest[i] + 1e-7).
Output RateAt(At at, const char* name, const Output& part, const Output& rest,
              const Output& index) {
  const Output hit = Element(at, part, index);
  const Output all = Add(at, Add(at, hit, Element(at, rest, index)), Number(at, 1e-7));
  return ops::RealDiv(at.Named(name), hit, all);
}

// How far part / (part + rest + 1e-7) is from `wanted`, per threshold.
Output Distance(At at, const Output& part, const Output& rest, double wanted) {
  const Output rates = Div(at, part, Add(at, Add(at, part, rest), Number(at, 1e-7)));
  return ops::Abs(at, Sub(at, rates, Number(at, wanted)));
}

Output SensitivityOf(At at, const char* name, const ThresholdCounts& c, double specificity) {
  const Output distance = Distance(at, c[kTrueNegatives], c[kFalsePositives], specificity);
  return RateAt(at, name, c[kTruePositives], c[kFalseNegatives], ops::ArgMin(at, distance, 0));
}

Output SpecificityOf(At at, const char* name, const ThresholdCounts& c, double sensitivity) {
  const Output distance = Distance(at, c[kTruePositives], c[kFalseNegatives], sensitivity);
  const Output nearest = ops::Equal(at, distance, ops::Min(at, distance, {0}));
  // The last of the nearest: the first place where all of them have been counted.
  const Output counted = ops::Cumsum(at, ops::Cast(at, nearest, DType::kInt64), 0);
  return RateAt(at, name, c[kTrueNegatives], c[kFalsePositives], ops::ArgMax(at, counted, 0));
}

using RateFunction = Output (*)(At at, const char* name, const ThresholdCounts& c, double wanted);

Metric RateAtValue(At at, const Output& labels, const Output& predictions, double wanted,
                   const char* argument, const char* scope, RateFunction rate,
                   const AtValueOptions& options) {
  if (!at.ok()) return {};
  if (!(wanted >= 0 && wanted <= 1)) {
    at.Fail(scope, absl::InvalidArgumentError(
                       absl::StrCat("`", argument, "` must be in the range [0, 1].")));
    return {};
  }
  const At inside = EnterMetric(at, options.name, scope);
  const std::vector<float> thresholds = EvenThresholds(inside, options.num_thresholds);
  const StreamingCounts counts =
      CountAtThresholds(inside, labels, predictions, thresholds, options.weights, kAllKinds);
  if (!counts.ok) return {};
  const Metric metric = {.value = rate(inside, "value", counts.values, wanted),
                         .update_op = rate(inside, "update_op", counts.updates, wanted)};
  return Collect(inside, metric, options.metrics_collections, options.updates_collections);
}

}  // namespace

Metric TruePositivesAtThresholds(At at, Output labels, Output predictions,
                                 std::vector<float> thresholds, MetricOptions options) {
  return CountsOf(at, labels, predictions, thresholds, kTruePositives, "true_positives", options);
}
Metric TrueNegativesAtThresholds(At at, Output labels, Output predictions,
                                 std::vector<float> thresholds, MetricOptions options) {
  return CountsOf(at, labels, predictions, thresholds, kTrueNegatives, "true_negatives", options);
}
Metric FalsePositivesAtThresholds(At at, Output labels, Output predictions,
                                  std::vector<float> thresholds, MetricOptions options) {
  return CountsOf(at, labels, predictions, thresholds, kFalsePositives, "false_positives", options);
}
Metric FalseNegativesAtThresholds(At at, Output labels, Output predictions,
                                  std::vector<float> thresholds, MetricOptions options) {
  return CountsOf(at, labels, predictions, thresholds, kFalseNegatives, "false_negatives", options);
}

Metric PrecisionAtThresholds(At at, Output labels, Output predictions,
                             std::vector<float> thresholds, MetricOptions options) {
  return SharesOf(at, labels, predictions, thresholds, kFalsePositives, "precision_at_thresholds",
                  "precision_", options);
}
Metric RecallAtThresholds(At at, Output labels, Output predictions, std::vector<float> thresholds,
                          MetricOptions options) {
  return SharesOf(at, labels, predictions, thresholds, kFalseNegatives, "recall_at_thresholds",
                  "recall_", options);
}

Metric Auc(At at, Output labels, Output predictions, AucOptions options) {
  if (!at.ok()) return {};
  const At inside = EnterMetric(at, options.name, "auc");
  if (!AucOptionsOk(inside, options)) return {};
  const std::vector<float> thresholds = options.thresholds.empty()
                                            ? EvenThresholds(inside, options.num_thresholds)
                                            : WithEnds(options.thresholds);
  const StreamingCounts counts =
      CountAtThresholds(inside, labels, predictions, thresholds, options.weights, kAllKinds);
  if (!counts.ok) return {};
  const Metric metric = {.value = Area(inside, "value", options, counts.values),
                         .update_op = Area(inside, "update_op", options, counts.updates)};
  return Collect(inside, metric, options.metrics_collections, options.updates_collections);
}

Metric SensitivityAtSpecificity(At at, Output labels, Output predictions, double specificity,
                                AtValueOptions options) {
  return RateAtValue(at, labels, predictions, specificity, "specificity",
                     "sensitivity_at_specificity", SensitivityOf, options);
}
Metric SpecificityAtSensitivity(At at, Output labels, Output predictions, double sensitivity,
                                AtValueOptions options) {
  return RateAtValue(at, labels, predictions, sensitivity, "sensitivity",
                     "specificity_at_sensitivity", SpecificityOf, options);
}

}  // namespace sluice::metrics
