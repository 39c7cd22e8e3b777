// Rule MT-1: probabilities at thresholds. Expected numbers are worked by hand in the comments.
#include <cmath>

#include "tests/testing/program/metric_fixture.h"
#include "train/metrics.h"

namespace sluice::metrics {
namespace {

class ThresholdsTest : public MetricFixture {
 protected:
  // At 0.15: TP 2 FP 1 FN 0 TN 1. At 0.5: TP 1 FP 1 FN 1 TN 1. At 0.85: TP 1 FP 0 FN 1 TN 2.
  Feeds First() const {
    return {{labels_, Vector({1, 0, 1, 0})},
            {predictions_, Vector({0.9f, 0.8f, 0.2f, 0.1f})},
            {weights_, Vector({1, 2, 3, 4})}};
  }
  // 0.5 is not above 0.5: TP 1 at 0.15 only.
  Feeds Second() const {
    return {{labels_, Vector({1})}, {predictions_, Vector({0.5f})}, {weights_, Vector({5})}};
  }
  const std::vector<float> thresholds_ = {0.15f, 0.5f, 0.85f};
  const Output labels_ = Input({-1}), predictions_ = Input({-1}), weights_ = Input({-1});
};

TEST_F(ThresholdsTest, FourCounts) {
  const Metric tp = TruePositivesAtThresholds(root_, labels_, predictions_, thresholds_);
  const Metric tn = TrueNegativesAtThresholds(root_, labels_, predictions_, thresholds_);
  const Metric fp = FalsePositivesAtThresholds(root_, labels_, predictions_, thresholds_);
  const Metric fn = FalseNegativesAtThresholds(root_, labels_, predictions_, thresholds_);
  EXPECT_EQ(Names(graph_.MetricVariables()),
            (Strings{"true_positives/true_positives:0", "true_negatives/true_negatives:0",
                     "false_positives/false_positives:0", "false_negatives/false_negatives:0"}));
  EXPECT_EQ(graph_.MetricVariables()[0].shape(), TensorShape({3}));
  const Tensor zero = Vector({0, 0, 0});
  ExpectStream(tp, zero, {{First(), Vector({2, 1, 1})}, {Second(), Vector({3, 1, 1})}});
  ExpectStream(tn, zero, {{First(), Vector({1, 1, 2})}, {Second(), Vector({1, 1, 2})}});
  ExpectStream(fp, zero, {{First(), Vector({1, 1, 0})}, {Second(), Vector({1, 1, 0})}});
  ExpectStream(fn, zero, {{First(), Vector({0, 1, 1})}, {Second(), Vector({0, 2, 2})}});
}

TEST_F(ThresholdsTest, WeightedCounts) {
  const Metric tp =
      TruePositivesAtThresholds(root_, labels_, predictions_, thresholds_, {.weights = weights_});
  const Metric fp =
      FalsePositivesAtThresholds(root_, labels_, predictions_, thresholds_, {.weights = weights_});
  const Tensor zero = Vector({0, 0, 0});
  ExpectStream(tp, zero, {{First(), Vector({4, 1, 1})}, {Second(), Vector({9, 1, 1})}});
  ExpectStream(fp, zero, {{First(), Vector({2, 2, 0})}, {Second(), Vector({2, 2, 0})}});
}

TEST_F(ThresholdsTest, PrecisionAndRecall) {
  const Metric precision = PrecisionAtThresholds(root_, labels_, predictions_, thresholds_);
  const Metric recall = RecallAtThresholds(root_, labels_, predictions_, thresholds_);
  EXPECT_EQ(precision.value.name(), "precision_at_thresholds/precision_value:0");
  EXPECT_EQ(recall.update_op.name(), "recall_at_thresholds/recall_update_op:0");
  EXPECT_EQ(Names(graph_.MetricVariables()), (Strings{"precision_at_thresholds/true_positives:0",
                                                      "precision_at_thresholds/false_positives:0",
                                                      "recall_at_thresholds/true_positives:0",
                                                      "recall_at_thresholds/false_negatives:0"}));
  const Tensor zero = Vector({0, 0, 0});
  ExpectStream(precision, zero,
               {{First(), Vector({2.f / 3, 0.5f, 1})}, {Second(), Vector({0.75f, 0.5f, 1})}});
  ExpectStream(recall, zero,
               {{First(), Vector({1, 0.5f, 0.5f})}, {Second(), Vector({1, 1.f / 3, 1.f / 3})}});
}

TEST_F(ThresholdsTest, PredictionsMustBeProbabilities) {
  const Metric tp = TruePositivesAtThresholds(root_, labels_, predictions_, thresholds_);
  ASSERT_NO_FATAL_FAILURE(Start());
  for (const float p : {-0.1f, 1.1f, std::nanf("")}) {
    EXPECT_THAT(TryRun({tp.update_op}, {{labels_, Vector({1})}, {predictions_, Vector({p})}}),
                StatusIs(absl::StatusCode::kInvalidArgument, "predictions must be in [0, 1]"));
  }
}

// --- areas ---

// With the thresholds 0.15 0.5 0.85 and the ends, after the first batch:
//   TP 2 2 1 1 0, FN 0 0 1 1 2, FP 2 1 1 0 0, TN 0 1 1 2 2,
//   recall 1 1 1/2 1/2 0, false positive rate 1 1/2 1/2 0 0, precision 1/2 2/3 1/2 1 1 (the last
//   is 1e-6 / 1e-6).
constexpr Tolerance kNear = {.rtol = 0, .atol = 1e-5};

TEST_F(ThresholdsTest, RocAuc) {
  const Metric auc = Auc(root_, labels_, predictions_, {.thresholds = {0.85f, 0.15f, 0.5f}});
  EXPECT_EQ(auc.value.name(), "auc/value:0");
  EXPECT_EQ(auc.update_op.name(), "auc/update_op:0");
  EXPECT_EQ(Names(graph_.MetricVariables()),
            (Strings{"auc/true_positives:0", "auc/false_negatives:0", "auc/true_negatives:0",
                     "auc/false_positives:0"}));
  // 1/2 * 1 + 0 + 1/2 * 1/2 + 0. After the second batch recall is 1 1 1/3 1/3 0: 1/2 + 1/6.
  ExpectStream(auc, Scalar(0), {{First(), Scalar(0.75f)}, {Second(), Scalar(2.f / 3)}}, kNear);
}

TEST_F(ThresholdsTest, WeightedRocAuc) {
  const Metric auc =
      Auc(root_, labels_, predictions_, {.weights = weights_, .thresholds = thresholds_});
  // TP 4 4 1 1 0 of 4, FP 6 2 2 0 0 of 6: 4/6 * 1 + 2/6 * 1/4.
  ExpectStream(auc, Scalar(0), {{First(), Scalar(0.75f)}}, kNear);
}

TEST_F(ThresholdsTest, Bounds) {
  AucOptions options = {.thresholds = {0.15f, 0.85f}};
  // Recall 1 1 1/2 0, false positive rate 1 1/2 0 0: heights 1 1, 1 1/2, 1/2 0 over 1/2 1/2 0.
  const Metric trapezoidal = Auc(root_, labels_, predictions_, options);
  options.summation_method = SummationMethod::kMinoring;
  const Metric minoring = Auc(root_, labels_, predictions_, options);
  options.summation_method = SummationMethod::kMajoring;
  const Metric majoring = Auc(root_, labels_, predictions_, options);
  options.summation_method = SummationMethod::kCarefulInterpolation;
  const Metric careful = Auc(root_, labels_, predictions_, options);
  ExpectStream(trapezoidal, Scalar(0), {{First(), Scalar(0.875f)}}, kNear);
  ExpectStream(minoring, Scalar(0), {{First(), Scalar(0.75f)}}, kNear);
  ExpectStream(majoring, Scalar(0), {{First(), Scalar(1)}}, kNear);
  ExpectStream(careful, Scalar(0), {{First(), Scalar(0.875f)}}, kNear);
}

TEST_F(ThresholdsTest, PrAuc) {
  const Metric auc =
      Auc(root_, labels_, predictions_, {.curve = Curve::kPr, .thresholds = thresholds_});
  // Widths 0 1/2 0 1/2, heights (2/3 + 1/2) / 2 and 1.
  ExpectStream(auc, Scalar(0), {{First(), Scalar(7.f / 24 + 0.5f)}}, kNear);
}

TEST_F(ThresholdsTest, InterpolatedPrAuc) {
  const Metric auc = Auc(root_, labels_, predictions_,
                         {.curve = Curve::kPr,
                          .summation_method = SummationMethod::kCarefulInterpolation,
                          .thresholds = thresholds_});
  // P = TP + FP: 4 3 2 1 0. Intervals: dTP 0: 0. dTP 1, dP 1: slope 1, intercept 1 - 2 = -1:
  // (1 - ln(3/2)) / 2. dTP 0: 0. dTP 1, dP 1, P_B 0: 1 / 2.
  ExpectStream(auc, Scalar(0), {{First(), Scalar((1 - std::log(1.5f)) / 2 + 0.5f)}}, kNear);
}

TEST_F(ThresholdsTest, AucOf200Thresholds) {
  const Metric roc = Auc(root_, labels_, predictions_);
  const Metric all_right = Auc(root_, labels_, predictions_);
  EXPECT_EQ(graph_.MetricVariables()[0].shape(), TensorShape({200}));
  // The same pairs in order: 3 of 4 pairs (positive, negative) are in the right order.
  ExpectStream(roc, Scalar(0), {{First(), Scalar(0.75f)}}, kNear);
  ExpectStream(
      all_right, Scalar(0),
      {{{{labels_, Vector({0, 0, 1, 1})}, {predictions_, Vector({0, 0.3f, 0.6f, 1})}}, Scalar(1)}},
      kNear);
}

TEST_F(ThresholdsTest, AucOptionsAreChecked) {
  const std::vector<std::pair<AucOptions, std::string>> cases = {
      {{.num_thresholds = 1}, "num_thresholds must be at least 2, got 1"},
      {{.curve = static_cast<Curve>(5)}, "curve must be either ROC or PR, 5 unknown"},
      {{.summation_method = static_cast<SummationMethod>(9)}, "Invalid summation_method: 9"}};
  for (const auto& [options, text] : cases) {
    Graph graph(ops::Builtin());
    const Scope root = Scope::Root(graph);
    const Output x = ops::Placeholder(root, DType::kFloat, {2});
    EXPECT_TRUE(Auc(root, x, x, options).value.empty());
    EXPECT_THAT(graph.status(), StatusIs(absl::StatusCode::kInvalidArgument, text));
  }
}

// --- one rate at another ---

TEST_F(ThresholdsTest, SensitivityAtSpecificity) {
  const Metric half = SensitivityAtSpecificity(root_, labels_, predictions_, 0.5);
  const Metric all = SensitivityAtSpecificity(root_, labels_, predictions_, 1);
  EXPECT_EQ(half.value.name(), "sensitivity_at_specificity/value:0");
  EXPECT_EQ(graph_.MetricVariables()[0].name(), "sensitivity_at_specificity/true_positives:0");
  // Specificity is 1/2 from 0.1 to 0.8; the first of these thresholds lies below 0.2: recall 1.
  ExpectStream(half, Scalar(0), {{First(), Scalar(1)}}, kNear);
  // It is 1 from 0.8 on: recall 1/2 at the first.
  ExpectStream(all, Scalar(0), {{First(), Scalar(0.5f)}}, kNear);
}

TEST_F(ThresholdsTest, SpecificityAtSensitivity) {
  const Metric half = SpecificityAtSensitivity(root_, labels_, predictions_, 0.5);
  const Metric all = SpecificityAtSensitivity(root_, labels_, predictions_, 1);
  const Metric few =
      SpecificityAtSensitivity(root_, labels_, predictions_, 0.5, {.num_thresholds = 3});
  EXPECT_EQ(half.value.name(), "specificity_at_sensitivity/value:0");
  // Recall is 1/2 from 0.2 to 0.9; the last of these thresholds lies above 0.8: specificity 1.
  ExpectStream(half, Scalar(0), {{First(), Scalar(1)}}, kNear);
  // It is 1 below 0.2; the last of these lies above 0.1: specificity 1/2.
  ExpectStream(all, Scalar(0), {{First(), Scalar(0.5f)}}, kNear);
  // At 0.5 only: TN 1 of 2.
  ExpectStream(few, Scalar(0), {{First(), Scalar(0.5f)}}, kNear);
}

TEST_F(ThresholdsTest, RatesAreBetween0And1) {
  EXPECT_TRUE(SensitivityAtSpecificity(root_, labels_, predictions_, 1.5).value.empty());
  ExpectInvalid("`specificity` must be in the range [0, 1].");
}

TEST_F(ThresholdsTest, SensitivityIsBetween0And1) {
  EXPECT_TRUE(SpecificityAtSensitivity(root_, labels_, predictions_, -0.1).value.empty());
  ExpectInvalid("`sensitivity` must be in the range [0, 1].");
}

TEST_F(ThresholdsTest, ShapesMustBeEqual) {
  EXPECT_TRUE(Auc(root_, Input({2}), Input({3})).value.empty());
  ExpectInvalid("Shapes [3] and [2] are incompatible");
}

TEST_F(ThresholdsTest, ArgumentsMustBeGiven) {
  EXPECT_TRUE(Auc(root_, Output(), predictions_).value.empty());
  ExpectInvalid("labels must not be None.");
}

}  // namespace
}  // namespace sluice::metrics
