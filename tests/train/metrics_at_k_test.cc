// Rule MT-1: the k best classes. Expected numbers are worked by hand in the comments.
#include <cmath>

#include "tests/testing/program/metric_fixture.h"
#include "train/metrics.h"

namespace sluice::metrics {
namespace {

class AtKTest : public MetricFixture {
 protected:
  static Tensor Labels(int64_t rows, const std::vector<int64_t>& values) {
    return Tensor::Of<int64_t>({rows, static_cast<int64_t>(values.size()) / rows}, values);
  }
  // The best of row 0 are 1 2 4 3 0, of row 1: 0 3 4 2 1.
  Feeds Of(const std::vector<int64_t>& labels) const {
    return {{labels_, Labels(2, labels)},
            {predictions_, Tensor::Of<float>({2, 5}, {0.1f, 0.9f, 0.8f, 0.2f, 0.3f, 0.7f, 0.1f,
                                                      0.2f, 0.6f, 0.3f})},
            {weights_, Vector({2, 1})}};
  }
  // Row 0: 1 is found, 4 is not, 2 is wrong. Row 1: both are found.
  Feeds First() const { return Of({1, 4, 0, 3}); }
  // Nothing is found.
  Feeds Second() const { return Of({0, 3, 1, 2}); }
  static Tensor Double(double value) { return Tensor::Scalar<double>(value); }
  const Tensor nan_ = Double(std::nan(""));
  const Output labels_ = Input({-1, -1}, DType::kInt64), predictions_ = Input({-1, 5});
  const Output weights_ = Input({-1});
};

TEST_F(AtKTest, Recall) {
  const Metric recall = RecallAtK(root_, labels_, predictions_, 2);
  EXPECT_EQ(recall.value.name(), "recall_at_2:0");
  EXPECT_EQ(recall.update_op.name(), "recall_at_2/update:0");
  EXPECT_EQ(Names(graph_.MetricVariables()),
            (Strings{"recall_at_2/true_positive_at_2:0", "recall_at_2/false_negative_at_2:0"}));
  EXPECT_EQ(graph_.MetricVariables()[0].dtype(), DType::kDouble);
  ExpectStream(recall, nan_, {{First(), Double(0.75)}, {Second(), Double(0.375)}});
}

TEST_F(AtKTest, Precision) {
  const Metric precision = PrecisionAtK(root_, labels_, predictions_, 2);
  EXPECT_EQ(precision.value.name(), "precision_at_2:0");
  EXPECT_EQ(Names(graph_.MetricVariables()), (Strings{"precision_at_2/true_positive_at_2:0",
                                                      "precision_at_2/false_positive_at_2:0"}));
  ExpectStream(precision, nan_, {{First(), Double(0.75)}, {Second(), Double(0.375)}});
}

TEST_F(AtKTest, Weighted) {
  const Metric recall = RecallAtK(root_, labels_, predictions_, 2, {.weights = weights_});
  const Metric precision = PrecisionAtK(root_, labels_, predictions_, 2, {.weights = weights_});
  // 2 + 2 found, 2 missed or wrong. Then 2 * 2 + 2 more.
  ExpectStream(recall, nan_, {{First(), Double(4.0 / 6)}, {Second(), Double(4.0 / 12)}});
  ExpectStream(precision, nan_, {{First(), Double(4.0 / 6)}, {Second(), Double(4.0 / 12)}});
}

TEST_F(AtKTest, OneClass) {
  const Metric found = RecallAtK(root_, labels_, predictions_, 2, {.class_id = 1});
  const Metric missed = RecallAtK(root_, labels_, predictions_, 2, {.class_id = 4});
  const Metric wrong = PrecisionAtK(root_, labels_, predictions_, 2, {.class_id = 2});
  const Metric chosen = PrecisionAtK(root_, labels_, predictions_, 2, {.class_id = 0});
  const Metric never = PrecisionAtK(root_, labels_, predictions_, 2, {.class_id = 4});
  EXPECT_EQ(found.value.name(), "recall_at_2_class1:0");
  EXPECT_EQ(graph_.MetricVariables()[0].name(), "recall_at_2_class1/true_positive_at_2_class1:0");
  // In the second batch 1 is a label of row 1, not chosen; 0 is chosen there, and no label.
  ExpectStream(found, nan_, {{First(), Double(1)}, {Second(), Double(0.5)}});
  ExpectStream(missed, nan_, {{First(), Double(0)}, {Second(), Double(0)}});
  ExpectStream(wrong, nan_, {{First(), Double(0)}, {Second(), Double(0)}});
  ExpectStream(chosen, nan_, {{First(), Double(1)}, {Second(), Double(0.5)}});
  ExpectStream(never, nan_, {{First(), nan_}, {Second(), nan_}});
}

TEST_F(AtKTest, OneLabelPerRow) {
  const Output labels = Input({-1}, DType::kInt32);
  const Metric recall = RecallAtK(root_, labels, predictions_, 2);
  const Metric precision = PrecisionAtK(root_, labels, predictions_, 2);
  const Feeds feeds = {{labels, Tensor::Of<int32_t>({2}, {1, 4})},
                       {predictions_, First()[1].second}};
  ExpectStream(recall, nan_, {{feeds, Double(0.5)}});
  ExpectStream(precision, nan_, {{feeds, Double(0.25)}});
}

TEST_F(AtKTest, LabelsAreSets) {
  const Metric recall = RecallAtK(root_, labels_, predictions_, 2);
  // 1 twice counts once; 7 and -1 are never found: 2 of 4.
  ExpectStream(recall, nan_, {{Of({1, 1, 1, 0, 7, -1}), Double(0.5)}});
}

TEST_F(AtKTest, GivenTheChosen) {
  const Output chosen = Input({-1, 2}, DType::kInt64);
  const Metric recall = RecallAtTopK(root_, labels_, chosen);
  const Metric precision = PrecisionAtTopK(root_, labels_, chosen, {.k = 2, .name = "p"});
  EXPECT_EQ(Names(graph_.MetricVariables()),
            (Strings{"recall_at_k/true_positive_at_k:0", "recall_at_k/false_negative_at_k:0",
                     "p/true_positive_at_2:0", "p/false_positive_at_2:0"}));
  const Feeds feeds = {{labels_, Labels(2, {1, 4, 0, 3})}, {chosen, Labels(2, {1, 2, 0, 3})}};
  ExpectStream(recall, nan_, {{feeds, Double(0.75)}});
  ExpectStream(precision, nan_, {{feeds, Double(0.75)}});
}

TEST_F(AtKTest, MoreDimensions) {
  const Output labels = Input({1, 2, 2}, DType::kInt64), predictions = Input({1, 2, 5});
  const Output weights = Input({1, 2});
  const Metric recall = RecallAtK(root_, labels, predictions, 2, {.weights = weights});
  const Tensor scores = First()[1].second;
  const std::vector<float> values(scores.flat<float>().begin(), scores.flat<float>().end());
  ExpectStream(recall, nan_,
               {{{{labels, Tensor::Of<int64_t>({1, 2, 2}, {1, 4, 0, 3})},
                  {predictions, Tensor::Of<float>({1, 2, 5}, values)},
                  {weights, Tensor::Of<float>({1, 2}, {2, 1})}},
                 Double(4.0 / 6)}});
}

TEST_F(AtKTest, AveragePrecision) {
  const Metric plain = AveragePrecisionAtK(root_, labels_, predictions_, 3);
  const Metric weighted =
      AveragePrecisionAtK(root_, labels_, predictions_, 3, {.weights = weights_});
  EXPECT_EQ(plain.value.name(), "average_precision_at_3/mean:0");
  EXPECT_EQ(plain.update_op.name(), "average_precision_at_3:0");
  EXPECT_EQ(Names(graph_.MetricVariables()),
            (Strings{"average_precision_at_3/max:0", "average_precision_at_3/total:0",
                     "average_precision_at_3_1/max:0", "average_precision_at_3_1/total:0"}));
  // Row 0: 1 and 4 are at places 1 and 3: (1 + 2/3) / 2. Row 1: 1. Then 3 is not among the three,
  // nor 0; 1 and 2 neither: 0.
  ExpectStream(plain, Double(0), {{First(), Double(11.0 / 12)}, {Second(), Double(11.0 / 24)}});
  ExpectStream(weighted, Double(0), {{First(), Double(8.0 / 9)}, {Second(), Double(4.0 / 9)}});
}

TEST_F(AtKTest, AveragePrecisionLooksAtRealLabelsOnly) {
  const Metric metric = AveragePrecisionAtK(root_, labels_, predictions_, 3);
  ExpectStream(metric, Double(0), {{Of({1, -1, 3, 5}), Double(0.75)}});  // 1 and 1/2
}

// --- refusals ---

TEST_F(AtKTest, RanksMustFit) {
  EXPECT_TRUE(RecallAtK(root_, Input({2, 2, 2}, DType::kInt64), predictions_, 2).value.empty());
  ExpectInvalid("Unexpected labels shape [2,2,2] for predictions shape [?,2].");
}

TEST_F(AtKTest, KIsPositive) {
  EXPECT_TRUE(PrecisionAtK(root_, labels_, predictions_, 0).value.empty());
  ExpectInvalid("Invalid k=0.");
}

TEST_F(AtKTest, WeightsMustBroadcast) {
  const Metric recall =
      RecallAtK(root_, Input({2, 2}, DType::kInt64), Input({2, 5}), 2, {.weights = Input({3})});
  EXPECT_TRUE(recall.value.empty() || !graph_.ok());
  ExpectInvalid("weights can not be broadcast to values.");
}

TEST_F(AtKTest, ArgumentsMustBeGiven) {
  EXPECT_TRUE(RecallAtK(root_, Output(), predictions_, 2).value.empty());
  ExpectInvalid("labels must not be None.");
}

}  // namespace
}  // namespace sluice::metrics
