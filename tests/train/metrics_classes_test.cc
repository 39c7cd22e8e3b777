// Rule MT-1: class numbers. Expected numbers are worked by hand in the comments.
#include "tests/testing/program/metric_fixture.h"
#include "train/metrics.h"

namespace sluice::metrics {
namespace {

class ClassesTest : public MetricFixture {
 protected:
  static Tensor Ints(const std::vector<int64_t>& values) {
    return Tensor::Of<int64_t>({static_cast<int64_t>(values.size())}, values);
  }
  Feeds Of(const std::vector<int64_t>& labels, const std::vector<int64_t>& predictions,
           const std::vector<float>& weights = {}) const {
    Feeds feeds = {{labels_, Ints(labels)}, {predictions_, Ints(predictions)}};
    if (!weights.empty()) feeds.push_back({weights_, Vector(weights)});
    return feeds;
  }
  const Output labels_ = Input({-1}, DType::kInt64), predictions_ = Input({-1}, DType::kInt64);
  const Output weights_ = Input({-1});
};

TEST_F(ClassesTest, MeanIou) {
  const Metric iou = MeanIou(root_, labels_, predictions_, 3);
  EXPECT_EQ(Names(graph_.MetricVariables()), (Strings{"mean_iou/total_confusion_matrix:0"}));
  EXPECT_EQ(graph_.MetricVariables()[0].dtype(), DType::kDouble);
  EXPECT_EQ(graph_.MetricVariables()[0].shape(), TensorShape({3, 3}));
  // Classes 0 and 1: 1 right of 3 each; class 2 does not occur. Then class 2: 1 of 2, class 0:
  // 1 of 4.
  ExpectStream(iou, Scalar(0),
               {{Of({0, 0, 1, 1}, {0, 1, 0, 1}), Scalar(1.f / 3),
                 Tensor::Of<double>({3, 3}, {1, 1, 0, 1, 1, 0, 0, 0, 0})},
                {Of({2, 2}, {2, 0}), Scalar((1.f / 4 + 1.f / 3 + 1.f / 2) / 3),
                 Tensor::Of<double>({3, 3}, {1, 1, 0, 1, 1, 0, 1, 0, 1})}});
}

TEST_F(ClassesTest, WeightedMeanIou) {
  const Metric iou = MeanIou(root_, labels_, predictions_, 2, {.weights = weights_});
  // 0: 1 of 1 + 2 + 3; 1: 4 of 2 + 3 + 4.
  ExpectStream(iou, Scalar(0),
               {{Of({0, 0, 1, 1}, {0, 1, 0, 1}, {1, 2, 3, 4}), Scalar((1.f / 6 + 4.f / 9) / 2),
                 Tensor::Of<double>({2, 2}, {1, 2, 3, 4})}});
}

TEST_F(ClassesTest, ImagesAreFlattened) {
  const Output labels = Input({-1, 2}, DType::kInt32), predictions = Input({-1, 2}, DType::kUint8);
  const Output weights = Input({-1, 2});
  const Metric iou = MeanIou(root_, labels, predictions, 2, {.weights = weights});
  ExpectStream(iou, Scalar(0),
               {{{{labels, Tensor::Of<int32_t>({2, 2}, {0, 0, 1, 1})},
                  {predictions, Tensor::Of<uint8_t>({2, 2}, {0, 1, 0, 1})},
                  {weights, Tensor::Of<float>({2, 2}, {1, 2, 3, 4})}},
                 Scalar((1.f / 6 + 4.f / 9) / 2),
                 Tensor::Of<double>({2, 2}, {1, 2, 3, 4})}});
}

TEST_F(ClassesTest, MeanPerClassAccuracy) {
  const Metric accuracy = MeanPerClassAccuracy(root_, labels_, predictions_, 3);
  EXPECT_EQ(Names(graph_.MetricVariables()),
            (Strings{"mean_accuracy/total:0", "mean_accuracy/count:0"}));
  EXPECT_EQ(accuracy.value.name(), "mean_accuracy/mean_accuracy:0");
  EXPECT_EQ(accuracy.update_op.name(), "mean_accuracy/update_op:0");
  // 1 of 2, 2 of 2, class 2 without labels counts as 0. Then 1 of 4 and 1 of 1.
  ExpectStream(accuracy, Scalar(0),
               {{Of({0, 0, 1, 1}, {0, 1, 1, 1}), Scalar(0.5f), Vector({0.5f, 1, 0})},
                {Of({0, 0, 2}, {1, 2, 2}), Scalar(0.75f), Vector({0.25f, 1, 1})}});
}

TEST_F(ClassesTest, WeightedMeanPerClassAccuracy) {
  const Metric accuracy =
      MeanPerClassAccuracy(root_, labels_, predictions_, 2, {.weights = weights_});
  ExpectStream(accuracy, Scalar(0),
               {{Of({0, 0, 1}, {0, 1, 0}, {1, 3, 5}), Scalar(0.125f), Vector({0.25f, 0})}});
}

TEST_F(ClassesTest, ClassesOutOfRangeFailTheRun) {
  const Metric iou = MeanIou(root_, labels_, predictions_, 2);
  const Metric accuracy = MeanPerClassAccuracy(root_, labels_, predictions_, 2);
  ASSERT_NO_FATAL_FAILURE(Start());
  for (const Metric& metric : {iou, accuracy}) {
    for (const int64_t bad : {-1, 2}) {
      EXPECT_THAT(TryRun({metric.update_op}, Of({bad}, {0})),
                  StatusIs(absl::StatusCode::kInvalidArgument, "`labels` out of bound"));
      EXPECT_THAT(TryRun({metric.update_op}, Of({0}, {bad})),
                  StatusIs(absl::StatusCode::kInvalidArgument, "`predictions` out of bound"));
    }
    ExpectClose(Run(metric.value), Scalar(0));  // nothing was added
  }
}

TEST_F(ClassesTest, CollectionsAndNames) {
  const Metric iou =
      MeanIou(root_, labels_, predictions_, 2,
              {.metrics_collections = {"m"}, .updates_collections = {"u"}, .name = "segmentation"});
  EXPECT_EQ(graph_.OutputsIn("m"), (Outputs{iou.value}));
  EXPECT_EQ(graph_.OutputsIn("u"), (Outputs{iou.update_op}));
  EXPECT_EQ(graph_.MetricVariables()[0].name(), "segmentation/total_confusion_matrix:0");
}

TEST_F(ClassesTest, ShapesMustBeEqual) {
  EXPECT_TRUE(MeanIou(root_, Input({2}), Input({3}), 2).value.empty());
  ExpectInvalid("Shapes [3] and [2] are incompatible");
}

TEST_F(ClassesTest, ThereMustBeClasses) {
  EXPECT_TRUE(MeanPerClassAccuracy(root_, labels_, predictions_, 0).value.empty());
  ExpectInvalid("num_classes must be positive, got 0");
}

TEST_F(ClassesTest, ArgumentsMustBeGiven) {
  EXPECT_TRUE(MeanIou(root_, labels_, Output(), 2).value.empty());
  ExpectInvalid("predictions must not be None.");
}

}  // namespace
}  // namespace sluice::metrics
