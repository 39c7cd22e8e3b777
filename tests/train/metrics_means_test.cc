// Rule MT-1: the means. Expected numbers are worked by hand in the comments.
#include <cmath>

#include "tests/testing/program/metric_fixture.h"
#include "train/metrics.h"

namespace sluice::metrics {
namespace {

class MeansTest : public MetricFixture {
 protected:
  const Output x_ = Input({-1});
  const Output y_ = Input({-1});
  const Output w_ = Input({-1});
};

TEST_F(MeansTest, Mean) {
  const Metric mean = Mean(root_, x_);
  EXPECT_EQ(mean.value.name(), "mean/value:0");
  EXPECT_EQ(mean.update_op.name(), "mean/update_op:0");
  ExpectStream(mean, Scalar(0),
               {{{{x_, Vector({1, 2, 6})}}, Scalar(3)},
                {{{x_, Vector({})}}, Scalar(3)},
                {{{x_, Vector({-4, 5})}}, Scalar(2)}});  // 10 / 5
}

TEST_F(MeansTest, WeightedMean) {
  ExpectStream(Mean(root_, x_, {.weights = w_}), Scalar(0),
               {{{{x_, Vector({7, 8})}, {w_, Vector({0, 0})}}, Scalar(0)},  // nothing counts yet
                {{{x_, Vector({1, 5})}, {w_, Vector({3, 1})}}, Scalar(2)},
                {{{x_, Vector({12})}, {w_, Vector({0.5f})}}, Scalar(14 / 4.5f)}});
}

TEST_F(MeansTest, WeightsMayBeScalarOrOfAnotherDType) {
  const Metric mean = Mean(root_, x_, {.weights = ops::Const(root_, 2)});
  ExpectStream(mean, Scalar(0), {{{{x_, Vector({1, 3})}}, Scalar(2)}});
  const Variable count = graph_.MetricVariables()[1];
  EXPECT_EQ(count.name(), "mean/count:0");
  ExpectClose(Run(count.value()), Scalar(4));
}

TEST_F(MeansTest, WeightsGetTheRankOfTheValues) {
  const Output x = Input({2, 2}), column = Input({2}), deep = Input({2, 1, 1});
  const Tensor values = Tensor::Of<float>({2, 2}, {1, 3, 10, 20});
  const Metric rows = Mean(root_, x, {.weights = column});
  ExpectStream(rows, Scalar(0), {{{{x, values}, {column, Vector({1, 0})}}, Scalar(2)}});
  const Metric squeezed = Mean(root_, x, {.weights = deep});
  ExpectStream(squeezed, Scalar(0),
               {{{{x, values}, {deep, Tensor::Of<float>({2, 1, 1}, {0, 1})}}, Scalar(15)}});
}

TEST_F(MeansTest, VariablesAreLocalAndNamedByTheScope) {  // MT-1
  const Metric first = Mean(root_, x_), second = Mean(root_, x_);
  const Metric named = Mean(root_.Sub("eval"), x_, {.name = "loss"});
  EXPECT_EQ(Names(graph_.LocalVariables()),
            (Strings{"mean/total:0", "mean/count:0", "mean_1/total:0", "mean_1/count:0",
                     "eval/loss/total:0", "eval/loss/count:0"}));
  EXPECT_EQ(Names(graph_.MetricVariables()), Names(graph_.LocalVariables()));
  EXPECT_TRUE(graph_.GlobalVariables().empty());
  EXPECT_TRUE(graph_.TrainableVariables().empty());
  for (const Variable& v : graph_.MetricVariables()) {
    EXPECT_FALSE(v.trainable());
    EXPECT_EQ(v.dtype(), DType::kFloat);
    EXPECT_EQ(v.shape(), TensorShape({}));
  }
  EXPECT_EQ(second.value.name(), "mean_1/value:0");
  EXPECT_EQ(named.value.name(), "eval/loss/value:0");
}

TEST_F(MeansTest, CollectionsGetValueAndUpdate) {
  const Metric mean = Mean(
      root_, x_,
      {.metrics_collections = {"values", "values", "more"}, .updates_collections = {"updates"}});
  EXPECT_EQ(graph_.OutputsIn("values"), (Outputs{mean.value}));
  EXPECT_EQ(graph_.OutputsIn("more"), (Outputs{mean.value}));
  EXPECT_EQ(graph_.OutputsIn("updates"), (Outputs{mean.update_op}));
  const Metric root = RootMeanSquaredError(
      root_, x_, y_, {.metrics_collections = {"rmse"}, .updates_collections = {"rmse_updates"}});
  EXPECT_EQ(graph_.OutputsIn("rmse"), (Outputs{root.value}));
  EXPECT_EQ(graph_.OutputsIn("rmse_updates"), (Outputs{root.update_op}));
}

TEST_F(MeansTest, TheInitializerStartsANewStream) {
  const Metric mean = Mean(root_, x_);
  const Output init = LocalVariablesInitializer(root_);
  ASSERT_NO_FATAL_FAILURE(Start());
  ExpectClose(Run(mean.update_op, {{x_, Vector({4})}}), Scalar(4));
  ASSERT_THAT(session_->Run(init), IsOk());
  ExpectClose(Run(mean.value), Scalar(0));
  ExpectClose(Run(mean.update_op, {{x_, Vector({6})}}), Scalar(6));
}

// The same with TensorFlow's reference variables.
TEST_F(MeansTest, ReferenceVariables) {
  const Metric mean = Mean(root_.With({.use_resource = false}), x_);
  EXPECT_FALSE(graph_.MetricVariables()[0].is_resource());
  ExpectStream(mean, Scalar(0),
               {{{{x_, Vector({1, 3})}}, Scalar(2)}, {{{x_, Vector({8})}}, Scalar(4)}});
}

TEST_F(MeansTest, MeanTensor) {
  const Output x = Input({3}), w = Input({3});
  const Metric plain = MeanTensor(root_, x);
  const Metric weighted = MeanTensor(root_, x, {.weights = w});
  EXPECT_EQ(Names(graph_.MetricVariables()),
            (Strings{"mean/total_tensor:0", "mean/count_tensor:0", "mean_1/total_tensor:0",
                     "mean_1/count_tensor:0"}));
  EXPECT_EQ(graph_.MetricVariables()[0].shape(), TensorShape({3}));
  ExpectStream(plain, Vector({0, 0, 0}),
               {{{{x, Vector({1, 2, 3})}}, Vector({1, 2, 3})},
                {{{x, Vector({3, 0, 4})}}, Vector({2, 1, 3.5f})}});
  ExpectStream(weighted, Vector({0, 0, 0}),
               {{{{x, Vector({1, 2, 3})}, {w, Vector({1, 0, 1})}}, Vector({1, 0, 3})},
                {{{x, Vector({5, 4, 6})}, {w, Vector({3, 1, 0})}}, Vector({4, 4, 3})}});
}

TEST_F(MeansTest, MeanTensorNeedsAShape) {
  EXPECT_TRUE(MeanTensor(root_, x_).value.empty());
  ExpectInvalid("the shape of values must be known, got [?]");
}

TEST_F(MeansTest, Accuracy) {
  const Output labels = Input({-1}, DType::kInt64), predictions = Input({-1}, DType::kInt64);
  const Metric accuracy = Accuracy(root_, labels, predictions);
  EXPECT_EQ(Names(graph_.MetricVariables()), (Strings{"accuracy/total:0", "accuracy/count:0"}));
  const auto ints = [](std::vector<int64_t> v) {
    return Tensor::Of<int64_t>({static_cast<int64_t>(v.size())}, v);
  };
  ExpectStream(accuracy, Scalar(0),
               {{{{labels, ints({1, 2, 3, 4})}, {predictions, ints({1, 0, 3, 4})}}, Scalar(0.75f)},
                {{{labels, ints({5})}, {predictions, ints({6})}}, Scalar(0.6f)}});
}

TEST_F(MeansTest, AccuracyCastsSqueezesAndWeighs) {
  const Output labels = Input({-1, 1}, DType::kInt32);
  const Metric accuracy = Accuracy(root_, labels, x_, {.weights = w_});
  ExpectStream(accuracy, Scalar(0),
               {{{{labels, Tensor::Of<int32_t>({3, 1}, {1, 2, 3})},
                  {x_, Vector({1, 2, 0})},
                  {w_, Vector({1, 2, 1})}},
                 Scalar(0.75f)}});
}

TEST_F(MeansTest, PercentageBelow) {
  const Metric below = PercentageBelow(root_, x_, 2);
  EXPECT_EQ(graph_.MetricVariables()[0].name(), "percentage_below_threshold/total:0");
  ExpectStream(below, Scalar(0),
               {{{{x_, Vector({1, 2, 3, 0})}}, Scalar(0.5f)},  // 2 is not below 2
                {{{x_, Vector({-1})}}, Scalar(0.6f)}});
}

TEST_F(MeansTest, Errors) {
  const Metric absolute = MeanAbsoluteError(root_, y_, x_);
  const Metric squared = MeanSquaredError(root_, y_, x_);
  const Metric root = RootMeanSquaredError(root_, y_, x_);
  const Metric weighted = MeanSquaredError(root_, y_, x_, {.weights = w_});
  EXPECT_EQ(Names(graph_.MetricVariables()),
            (Strings{"mean_absolute_error/total:0", "mean_absolute_error/count:0",
                     "mean_squared_error/total:0", "mean_squared_error/count:0",
                     "root_mean_squared_error/total:0", "root_mean_squared_error/count:0",
                     "mean_squared_error_1/total:0", "mean_squared_error_1/count:0"}));
  // Differences 2 -4, then 6.
  const Feeds first = {{x_, Vector({3, 1})}, {y_, Vector({1, 5})}, {w_, Vector({3, 1})}};
  const Feeds second = {{x_, Vector({6})}, {y_, Vector({0})}, {w_, Vector({1})}};
  ExpectStream(absolute, Scalar(0), {{first, Scalar(3)}, {second, Scalar(4)}});
  ExpectStream(squared, Scalar(0), {{first, Scalar(10)}, {second, Scalar(56.f / 3)}});
  ExpectStream(root, Scalar(0),
               {{first, Scalar(std::sqrt(10.f))}, {second, Scalar(std::sqrt(56.f / 3))}});
  ExpectStream(weighted, Scalar(0), {{first, Scalar(7)}, {second, Scalar(64.f / 5)}});
}

TEST_F(MeansTest, RelativeError) {
  const Output normalizer = Input({-1});
  const Metric relative = MeanRelativeError(root_, y_, x_, normalizer);
  EXPECT_EQ(graph_.MetricVariables()[0].name(), "mean_relative_error/total:0");
  // |2| / 4, |-4| / 0 counts as 0, |6| / 3.
  ExpectStream(
      relative, Scalar(0),
      {{{{x_, Vector({3, 1})}, {y_, Vector({1, 5})}, {normalizer, Vector({4, 0})}}, Scalar(0.25f)},
       {{{x_, Vector({6})}, {y_, Vector({0})}, {normalizer, Vector({3})}}, Scalar(2.5f / 3)}});
}

TEST_F(MeansTest, CosineDistance) {
  const Output l = Input({-1, 2}), p = Input({-1, 2}), w = Input({-1, 1});
  const Metric plain = MeanCosineDistance(root_, l, p, 1);
  const Metric weighted = MeanCosineDistance(root_, l, p, 1, {.weights = w});
  EXPECT_EQ(graph_.MetricVariables()[0].name(), "mean_cosine_distance/total:0");
  // Products 0.96 and 0.
  const Feeds feeds = {{l, Tensor::Of<float>({2, 2}, {0.6f, 0.8f, 1, 0})},
                       {p, Tensor::Of<float>({2, 2}, {0.8f, 0.6f, 0, 1})},
                       {w, Tensor::Of<float>({2, 1}, {3, 1})}};
  ExpectStream(plain, Scalar(1), {{feeds, Scalar(0.52f)}});
  ExpectStream(weighted, Scalar(1), {{feeds, Scalar(0.28f)}});  // 1 - 2.88 / 4
}

// --- refusals ---

TEST_F(MeansTest, ShapesMustBeEqual) {
  EXPECT_TRUE(Accuracy(root_, Input({2}), Input({3})).value.empty());
  ExpectInvalid("Shapes [3] and [2] are incompatible");
}

TEST_F(MeansTest, NormalizersMustFit) {
  EXPECT_TRUE(MeanRelativeError(root_, Input({2}), Input({2}), Input({3})).value.empty());
  ExpectInvalid("are incompatible");
}

TEST_F(MeansTest, WeightsMustBroadcast) {
  EXPECT_TRUE(Mean(root_, Input({2}), {.weights = Input({3})}).value.empty());
  ExpectInvalid("weights can not be broadcast to values.");
}

TEST_F(MeansTest, WeightsAreCheckedWhenTheyRun) {
  const Metric mean = Mean(root_, x_, {.weights = w_});
  ASSERT_NO_FATAL_FAILURE(Start());
  EXPECT_THAT(TryRun({mean.update_op}, {{x_, Vector({1})}, {w_, Vector({1, 2})}}),
              StatusIs(absl::StatusCode::kInvalidArgument, "weights can not be broadcast"));
}

TEST_F(MeansTest, ArgumentsMustBeGiven) {
  EXPECT_TRUE(Accuracy(root_, Output(), x_).value.empty());
  ExpectInvalid("labels must not be None.");
}

TEST_F(MeansTest, AFailedGraphStaysAsItIs) {
  graph_.SetError(absl::InternalError("first"));
  EXPECT_TRUE(Mean(root_, x_).value.empty());
  EXPECT_TRUE(MeanSquaredError(root_, Output(), Output()).update_op.empty());
  ExpectError(absl::StatusCode::kInternal, "first");
}

}  // namespace
}  // namespace sluice::metrics
