// Rule MT-1: counts of yes and no. Expected numbers are worked by hand in the comments.
#include "tests/testing/program/metric_fixture.h"
#include "train/metrics.h"

namespace sluice::metrics {
namespace {

class CountsTest : public MetricFixture {
 protected:
  // Labels 1 1 0 0 1, predictions 1 0 1 0 1: TP 2, FN 1, FP 1, TN 1. Then 0 0 against 1 0.
  std::vector<Batch> Batches(float first, float second) const {
    return {
        {{{labels_, Vector({1, 1, 0, 0, 1})},
          {predictions_, Vector({1, 0, 1, 0, 1})},
          {weights_, Vector({1, 2, 3, 4, 5})}},
         Scalar(first)},
        {{{labels_, Vector({0, 0})}, {predictions_, Vector({1, 0})}, {weights_, Vector({6, 7})}},
         Scalar(second)}};
  }
  const Output labels_ = Input({-1}), predictions_ = Input({-1}), weights_ = Input({-1});
};

TEST_F(CountsTest, FourCounts) {
  const Metric tp = TruePositives(root_, labels_, predictions_);
  const Metric tn = TrueNegatives(root_, labels_, predictions_);
  const Metric fp = FalsePositives(root_, labels_, predictions_);
  const Metric fn = FalseNegatives(root_, labels_, predictions_);
  EXPECT_EQ(Names(graph_.MetricVariables()),
            (Strings{"true_positives/count:0", "true_negatives/count:0", "false_positives/count:0",
                     "false_negatives/count:0"}));
  EXPECT_EQ(Names(graph_.LocalVariables()), Names(graph_.MetricVariables()));
  ExpectStream(tp, Scalar(0), Batches(2, 2));
  ExpectStream(tn, Scalar(0), Batches(1, 2));
  ExpectStream(fp, Scalar(0), Batches(1, 2));
  ExpectStream(fn, Scalar(0), Batches(1, 1));
}

TEST_F(CountsTest, WeightedCounts) {
  const MetricOptions options = {.weights = weights_};
  const Metric tp = TruePositives(root_, labels_, predictions_, options);
  const Metric tn = TrueNegatives(root_, labels_, predictions_, options);
  const Metric fp = FalsePositives(root_, labels_, predictions_, options);
  const Metric fn = FalseNegatives(root_, labels_, predictions_, options);
  ExpectStream(tp, Scalar(0), Batches(6, 6));
  ExpectStream(tn, Scalar(0), Batches(4, 11));
  ExpectStream(fp, Scalar(0), Batches(3, 9));
  ExpectStream(fn, Scalar(0), Batches(2, 2));
}

TEST_F(CountsTest, PrecisionAndRecall) {
  const Metric precision = Precision(root_, labels_, predictions_);
  const Metric recall = Recall(root_, labels_, predictions_);
  EXPECT_EQ(precision.value.name(), "precision/value:0");
  EXPECT_EQ(recall.update_op.name(), "recall/update_op:0");
  EXPECT_EQ(Names(graph_.MetricVariables()),
            (Strings{"precision/true_positives/count:0", "precision/false_positives/count:0",
                     "recall/true_positives/count:0", "recall/false_negatives/count:0"}));
  ExpectStream(precision, Scalar(0), Batches(2.f / 3, 2.f / 4));
  ExpectStream(recall, Scalar(0), Batches(2.f / 3, 2.f / 3));
}

TEST_F(CountsTest, WeightedPrecisionAndRecall) {
  const Metric precision = Precision(root_, labels_, predictions_, {.weights = weights_});
  const Metric recall = Recall(root_, labels_, predictions_, {.weights = weights_});
  ExpectStream(precision, Scalar(0), Batches(6.f / 9, 6.f / 15));
  ExpectStream(recall, Scalar(0), Batches(6.f / 8, 6.f / 8));
}

TEST_F(CountsTest, NothingIsZero) {
  const Metric precision = Precision(root_, labels_, predictions_);
  const Metric recall = Recall(root_, labels_, predictions_);
  const Feeds none = {{labels_, Vector({0})}, {predictions_, Vector({0})}};
  ExpectStream(precision, Scalar(0), {{none, Scalar(0)}});
  ExpectStream(recall, Scalar(0), {{none, Scalar(0)}});
}

TEST_F(CountsTest, AnyDTypeIsCastAndSqueezed) {
  const Output labels = Input({-1, 1}, DType::kInt64), predictions = Input({-1}, DType::kBool);
  const Metric precision = Precision(root_, labels, predictions);
  ExpectStream(precision, Scalar(0),
               {{{{labels, Tensor::Of<int64_t>({3, 1}, {2, 0, -1})},
                  {predictions, Tensor::Of<bool>({3}, {true, true, true})}},
                 Scalar(2.f / 3)}});
}

TEST_F(CountsTest, CollectionsAndNames) {
  const Metric recall =
      Recall(root_, labels_, predictions_,
             {.metrics_collections = {"m"}, .updates_collections = {"u"}, .name = "r"});
  EXPECT_EQ(graph_.OutputsIn("m"), (Outputs{recall.value}));
  EXPECT_EQ(graph_.OutputsIn("u"), (Outputs{recall.update_op}));
  EXPECT_EQ(Names(graph_.MetricVariables()),
            (Strings{"r/true_positives/count:0", "r/false_negatives/count:0"}));
}

TEST_F(CountsTest, ShapesMustBeEqual) {
  EXPECT_TRUE(Precision(root_, Input({2}), Input({3})).value.empty());
  ExpectInvalid("Shapes [3] and [2] are incompatible");
}

TEST_F(CountsTest, WeightsMustBroadcast) {
  EXPECT_TRUE(TruePositives(root_, Input({2}), Input({2}), {.weights = Input({3})}).value.empty());
  ExpectInvalid("weights can not be broadcast to values.");
}

TEST_F(CountsTest, ArgumentsMustBeGiven) {
  EXPECT_TRUE(Recall(root_, labels_, Output()).value.empty());
  ExpectInvalid("predictions must not be None.");
}

}  // namespace
}  // namespace sluice::metrics
