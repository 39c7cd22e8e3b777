// Rule LS-3: numbers against numbers. Expected numbers are worked by hand in the comments.
#include <cmath>

#include "graph/gradients.h"
#include "tests/testing/program/loss_fixture.h"
#include "train/losses.h"

namespace sluice::losses {
namespace {

class RegressionLossesTest : public LossFixture {};

TEST_F(RegressionLossesTest, MeanSquaredError) {
  const Output loss = MeanSquaredError(root_, Values({2}, {1, 2}), Values({2}, {3, 5}));
  EXPECT_EQ(loss.name(), "mean_squared_error/value:0");
  ExpectLoss(loss, 6.5);  // (4 + 9) / 2
}

TEST_F(RegressionLossesTest, IntegerLabelsAreCast) {
  ExpectLoss(MeanSquaredError(root_, ops::Const<int32_t>(root_, {1, 2}), Values({2}, {3, 5})), 6.5);
}

TEST_F(RegressionLossesTest, MeanSquaredErrorGradient) {
  const Output p = Values({2}, {3, 5});
  const Output loss = MeanSquaredError(root_, Values({2}, {1, 2}), p);
  const Outputs gradient = Gradients(root_, {loss}, {p});
  ASSERT_THAT(graph_.status(), IsOk());
  ExpectClose(Run(gradient[0]), Tensor::Of<float>({2}, {2, 3}));  // 2 (p - l) / 2
}

TEST_F(RegressionLossesTest, AbsoluteDifference) {
  const Output loss = AbsoluteDifference(root_, Values({2}, {1, 8}), Values({2}, {3, 5}));
  EXPECT_EQ(loss.name(), "absolute_difference/value:0");
  ExpectLoss(loss, 2.5);
}

TEST_F(RegressionLossesTest, Huber) {
  const Output labels = Values({3}, {0, 0, 0}), p = Values({3}, {0.5, -2, 3});
  const Output one = HuberLoss(root_, labels, p);
  const Output wide = HuberLoss(root_, labels, p, 2.5);
  EXPECT_EQ(one.name(), "huber_loss/value:0");
  ExpectLoss(one, (0.125f + 1.5f + 2.5f) / 3);     // e^2/2, then 1/2 + (|e| - 1)
  ExpectLoss(wide, (0.125f + 2.0f + 4.375f) / 3);  // 2.5^2/2 + 2.5 (3 - 2.5)
}

TEST_F(RegressionLossesTest, LogLoss) {
  const Output loss = LogLoss(root_, Values({2}, {1, 0}), Values({2}, {0.5, 0.8}));
  EXPECT_EQ(loss.name(), "log_loss/value:0");
  ExpectLoss(loss, 1.1512925f);  // (-ln 0.5 - ln 0.2) / 2
}

TEST_F(RegressionLossesTest, LogLossEpsilonBoundsIt) {
  ExpectLoss(LogLoss(root_, Values({1}, {1}), Values({1}, {0}), 0.1f), 2.3025851f);  // -ln 0.1
}

TEST_F(RegressionLossesTest, Hinge) {
  const Output loss = HingeLoss(root_, Values({3}, {1, 0, 0}), Values({3}, {0.5, -2, 2}));
  EXPECT_EQ(loss.name(), "hinge_loss/value:0");
  ExpectLoss(loss, 3.5f / 3);  // 1 - 0.5, max(0, 1 - 2), 1 + 2
}

TEST_F(RegressionLossesTest, RegressionIsInFloat) {
  const Output l = ops::Const<double>(root_, {1, 2}), p = ops::Const<double>(root_, {3, 5});
  const Output loss = MeanSquaredError(root_, l, p);
  EXPECT_EQ(loss.dtype(), DType::kFloat);
  const Outputs gradient = Gradients(root_, {loss}, {p});
  ExpectLoss(loss, 6.5);
  session_.reset();
  ExpectClose(Run(gradient[0]), Tensor::Of<double>({2}, {2, 3}));
}

TEST_F(RegressionLossesTest, CosineDistance) {
  // Rows (0.6, 0.8) . (0.8, 0.6) = 0.96 and (1, 0) . (0, 1) = 0; columns 0.48 and 0.48.
  const Output l = Values({2, 2}, {0.6, 0.8, 1, 0}), p = Values({2, 2}, {0.8, 0.6, 0, 1});
  const Output rows = CosineDistance(root_, l, p, {.axis = 1});
  const Output last = CosineDistance(root_, l, p, {.axis = -1, .reduction = Reduction::kNone});
  const Output columns = CosineDistance(root_, l, p, {.axis = 0});
  const Output weighted =
      CosineDistance(root_, l, p, {.axis = 1, .weights = Values({2, 1}, {1, 3})});
  ExpectLoss(rows, 0.52f);      // (0.04 + 1) / 2
  ExpectLoss(columns, 0.52f);   // (0.52 + 0.52) / 2
  ExpectLoss(weighted, 1.52f);  // (0.04 + 3) / 2
  ExpectClose(Run(last), Tensor::Of<float>({2, 1}, {0.04f, 1}));
}

TEST_F(RegressionLossesTest, CosineDistanceNeedsAnAxis) {  // LS-3
  EXPECT_TRUE(CosineDistance(root_, Values({1}, {1}), Values({1}, {1}), {}).empty());
  ExpectInvalid("You must specify 'axis'.");
}

// d = p - l. Row 0: 1 2 4, the pairs' squared differences 1 9 4, mean 14 / 3. Row 1: 0 0 3: 0 9 9,
// mean 6.
TEST_F(RegressionLossesTest, MeanPairwiseSquaredError) {
  const Output l = Values({2, 3}, {1, 1, 1, 5, 6, 7}), p = Values({2, 3}, {2, 3, 5, 5, 6, 10});
  const Output plain = MeanPairwiseSquaredError(root_, l, p);
  const Output doubled = MeanPairwiseSquaredError(root_, l, p, {.weights = ops::Const(root_, 2)});
  const Output rows = MeanPairwiseSquaredError(root_, l, p, {.weights = Values({2, 1}, {3, 0.5f})});
  const Output none = MeanPairwiseSquaredError(root_, l, p, {.weights = ops::Const(root_, 0.0f)});
  const Output elements =
      MeanPairwiseSquaredError(root_, l, p, {.weights = Values({2, 3}, {1, 1, 1, 1, 0, 1})});
  EXPECT_EQ(graph_.OutputsIn(keys::kLosses), (Outputs{plain, doubled, rows, none, elements}));
  ExpectLoss(plain, 14.f / 3 + 6);
  ExpectLoss(doubled, 28.f / 3 + 12);
  ExpectLoss(rows, 14 + 3);
  ExpectLoss(none, 0);
  // Row 1 has n = 2: 2 * 9 / 1 - 2 * 9 / 2 = 9, with the weights 1 0 1: 18.
  ExpectLoss(elements, 3 * 14.f / 3 + 18);
}

// By the definition: the mean over pairs, in plain loops, also of rows of several dimensions.
TEST_F(RegressionLossesTest, MeanPairwiseSquaredErrorIsTheMeanOverPairs) {
  const Tensor labels = RandomTensor(DType::kFloat, {3, 2, 5}, 1);
  const Tensor predictions = RandomTensor(DType::kFloat, {3, 2, 5}, 2);
  double want = 0;
  for (int row = 0; row < 3; ++row) {
    for (int i = 0; i < 10; ++i) {
      for (int j = i + 1; j < 10; ++j) {
        const int a = 10 * row + i, b = 10 * row + j;
        const double difference = (predictions.flat<float>()[a] - predictions.flat<float>()[b]) -
                                  (labels.flat<float>()[a] - labels.flat<float>()[b]);
        want += difference * difference / 45;
      }
    }
  }
  for (const bool known : {true, false}) {
    const TensorShape shape = known ? TensorShape({3, 2, 5}) : TensorShape::Unknown();
    const Output l = Input(shape), p = Input(shape);
    const Output loss = MeanPairwiseSquaredError(root_, l, p);
    session_.reset();
    ExpectClose(Run(loss, {{l, labels}, {p, predictions}}),
                Tensor::Scalar<float>(static_cast<float>(want)));
  }
}

TEST_F(RegressionLossesTest, RowsOfOneElementHaveNoPairs) {
  ExpectLoss(MeanPairwiseSquaredError(root_, Values({2, 1}, {1, 2}), Values({2, 1}, {3, 5})), 0);
}

TEST_F(RegressionLossesTest, PairwiseWeightsAreChecked) {
  MeanPairwiseSquaredError(root_, Elements(), Elements(), {.weights = Values({2}, {1, 2})});
  ExpectInvalid("weights can not be broadcast to values.");
}

}  // namespace
}  // namespace sluice::losses
