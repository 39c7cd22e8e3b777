// Rule LS-3: the cross-entropies. Expected numbers are worked by hand in the comments.
#include <cmath>

#include "graph/gradients.h"
#include "ops/reshape.h"
#include "tests/testing/program/loss_fixture.h"
#include "train/losses.h"

namespace sluice::losses {
namespace {

class CrossEntropiesTest : public LossFixture {};

TEST_F(CrossEntropiesTest,
       SigmoidGradientAtZero) {  // sigmoid(0) - l, although max(x, 0) has a kink
  const Output x = Values({2}, {0, 0});
  const Output loss =
      SigmoidCrossEntropy(root_, Values({2}, {1, 0}), x, {.reduction = Reduction::kSum});
  const Outputs gradient = Gradients(root_, {loss}, {x});
  ASSERT_THAT(graph_.status(), IsOk());
  ExpectClose(Run(gradient[0]), Tensor::Of<float>({2}, {-0.5, 0.5}));
}

TEST_F(CrossEntropiesTest, CrossEntropiesKeepTheDTypeOfTheirLogits) {
  const Output l = ops::Const<int32_t>(root_, {1, 0}, {1, 2});
  const Output x = ops::Const<double>(root_, {std::log(3.0), 0}, {1, 2});
  const Output sparse = SparseSoftmaxCrossEntropy(root_, ops::Const<int32_t>(root_, {0}), x);
  const Outputs losses = {SoftmaxCrossEntropy(root_, l, x), SigmoidCrossEntropy(root_, l, x),
                          sparse};
  const std::vector<Tensor> values = Run(losses);
  const double nat = -std::log(0.75);
  ExpectClose(values[0], Tensor::Scalar<double>(nat), {.rtol = 1e-7});
  // -ln(3/4) and ln 2.
  ExpectClose(values[1], Tensor::Scalar<double>((nat + std::log(2)) / 2), {.rtol = 1e-7});
  ExpectClose(values[2], Tensor::Scalar<double>(nat), {.rtol = 1e-7});
}

TEST_F(CrossEntropiesTest, SoftmaxOfUnknownShapes) {
  const Tensor labels = Tensor::Of<float>({2, 1, 2}, {1, 0, 0, 1});
  const Tensor logits = Tensor::Of<float>({2, 1, 2}, {0, 0, std::log(3.0f), 0});
  for (const TensorShape& shape : {TensorShape::Unknown(), TensorShape({-1, -1, -1})}) {
    const Output l = Input(shape), x = Input(shape);
    const Output plain = SoftmaxCrossEntropy(root_, l, x, {.reduction = Reduction::kNone});
    const Output smooth = SoftmaxCrossEntropy(root_, l, x, {.label_smoothing = 0.2f});
    ASSERT_THAT(graph_.status(), IsOk());
    session_.reset();
    const std::vector<Tensor> values = Run({plain, smooth}, {{l, labels}, {x, logits}});
    ExpectClose(values[0], Tensor::Of<float>({2, 1}, {0.69314718f, 1.3862944f}));
    // Labels 0.9 and 0.1: ln 2, and 0.1 * -ln 0.75 + 0.9 * -ln 0.25.
    ExpectClose(values[1], Tensor::Scalar<float>((0.69314718f + 1.27643328f) / 2));
  }
}

TEST_F(CrossEntropiesTest, SoftmaxOfAVector) {
  const Output loss =
      SoftmaxCrossEntropy(root_, Values({2}, {0, 1}), Values({2}, {std::log(3.0f), 0}));
  ExpectLoss(loss, 1.3862944f);
}

TEST_F(CrossEntropiesTest, SparseColumnsAreSqueezed) {
  const Output logits = Values({2, 2}, {0, 0, std::log(3.0f), 0});
  const Output labels = ops::Const<int32_t>(root_, {0, 1});
  const Output weighted =
      SparseSoftmaxCrossEntropy(root_, labels, logits, {.weights = Values({2, 1}, {0, 3})});
  const Output wide = SparseSoftmaxCrossEntropy(root_, labels, ops::ExpandDims(root_, logits, -1));
  ExpectLoss(weighted, 3 * 1.3862944f);
  ExpectLoss(wide, (0.69314718f + 1.3862944f) / 2);
}

TEST_F(CrossEntropiesTest, SparseOfUnknownShapes) {
  const Output labels = Input(TensorShape::Unknown(), DType::kInt64);
  const Output logits = Input(TensorShape::Unknown());
  const Output loss =
      SparseSoftmaxCrossEntropy(root_, labels, logits, {.reduction = Reduction::kNone});
  ASSERT_THAT(graph_.status(), IsOk());
  ExpectClose(Run(loss, {{labels, Tensor::Of<int64_t>({1, 2}, {0, 1})},
                         {logits, Tensor::Of<float>({1, 2, 2}, {0, 0, std::log(3.0f), 0})}}),
              Tensor::Of<float>({1, 2}, {0.69314718f, 1.3862944f}));
}

TEST_F(CrossEntropiesTest, SigmoidCrossEntropy) {
  const Output loss = SigmoidCrossEntropy(root_, Values({3}, {1, 0, 1}), Values({3}, {0, 2, -100}));
  EXPECT_EQ(loss.name(), "sigmoid_cross_entropy_loss/value:0");
  ExpectLoss(loss, (0.69314718f + 2.1269280f + 100) / 3);  // ln 2, ln(1 + e^2), 100
}

TEST_F(CrossEntropiesTest, SigmoidLabelSmoothing) {
  // l = 0.9: 2 - 1.8 + ln(1 + e^-2).
  ExpectLoss(
      SigmoidCrossEntropy(root_, Values({1}, {1}), Values({1}, {2}), {.label_smoothing = 0.2f}),
      0.3269280f);
}

TEST_F(CrossEntropiesTest, SoftmaxCrossEntropy) {
  // Probabilities 1/2 1/2 and 3/4 1/4.
  const Output loss = SoftmaxCrossEntropy(root_, Values({2, 2}, {1, 0, 0, 1}),
                                          Values({2, 2}, {0, 0, std::log(3.0f), 0}));
  EXPECT_EQ(loss.name(), "softmax_cross_entropy_loss/value:0");
  ExpectLoss(loss, (0.69314718f + 1.3862944f) / 2);
}

TEST_F(CrossEntropiesTest, SoftmaxLabelSmoothing) {
  // l = 0.9 0.1: -0.9 ln 0.75 - 0.1 ln 0.25.
  ExpectLoss(SoftmaxCrossEntropy(root_, Values({1, 2}, {1, 0}), Values({1, 2}, {std::log(3.0f), 0}),
                                 {.label_smoothing = 0.2f}),
             0.39754330f);
}

TEST_F(CrossEntropiesTest, SoftmaxOfHigherRank) {
  const Output loss = SoftmaxCrossEntropy(root_, Values({2, 1, 2}, {1, 0, 0, 1}),
                                          Values({2, 1, 2}, {0, 0, std::log(3.0f), 0}),
                                          {.weights = Values({2, 1}, {1, 0})});
  ExpectLoss(loss, 0.69314718f);
}

TEST_F(CrossEntropiesTest, NoGradientFlowsToSoftmaxLabels) {
  const Output labels = Values({1, 2}, {1, 0}), logits = Values({1, 2}, {std::log(3.0f), 0});
  const Output loss = SoftmaxCrossEntropy(root_, labels, logits);
  const Outputs gradients = Gradients(root_, {loss}, {labels, logits});
  ASSERT_THAT(graph_.status(), IsOk());
  EXPECT_TRUE(gradients[0].empty());
  ExpectClose(Run(gradients[1]), Tensor::Of<float>({1, 2}, {-0.25, 0.25}));  // p - l
}

TEST_F(CrossEntropiesTest, SparseSoftmaxCrossEntropy) {
  const Output logits = Values({2, 2}, {0, 0, std::log(3.0f), 0});
  const Output loss = SparseSoftmaxCrossEntropy(root_, ops::Const<int64_t>(root_, {0, 1}), logits);
  EXPECT_EQ(loss.name(), "sparse_softmax_cross_entropy_loss/value:0");
  const Output column =
      SparseSoftmaxCrossEntropy(root_, ops::Const<int32_t>(root_, {0, 1}, {2, 1}), logits);
  const Output weighted = SparseSoftmaxCrossEntropy(root_, ops::Const<int32_t>(root_, {0, 1}),
                                                    logits, {.weights = Values({2}, {0, 3})});
  ExpectLoss(loss, (0.69314718f + 1.3862944f) / 2);
  ExpectLoss(column, (0.69314718f + 1.3862944f) / 2);
  ExpectLoss(weighted, 3 * 1.3862944f);
}

TEST_F(CrossEntropiesTest, SparseSoftmaxOfHigherRank) {
  const Output labels = ops::Const<int32_t>(root_, {0, 1}, {1, 2});
  const Output logits = Values({1, 2, 2}, {0, 0, std::log(3.0f), 0});
  const Output loss =
      SparseSoftmaxCrossEntropy(root_, labels, logits, {.reduction = Reduction::kNone});
  ExpectClose(Run(loss), Tensor::Of<float>({1, 2}, {0.69314718f, 1.3862944f}));
}

TEST_F(CrossEntropiesTest, SparseLabelOutOfRangeFailsTheRun) {
  const Output labels = Input({1}, DType::kInt32);
  const Output loss = SparseSoftmaxCrossEntropy(root_, labels, Values({1, 2}, {1, 2}));
  for (int32_t label : {2, -1}) {
    EXPECT_THAT(TryRun({loss}, {{labels, Tensor::Of<int32_t>({1}, {label})}}),
                StatusIs(absl::StatusCode::kInvalidArgument, "sparse_softmax_cross_entropy_loss"));
  }
}

TEST_F(CrossEntropiesTest, SparseRankMismatchIsRefused) {
  SparseSoftmaxCrossEntropy(root_, ops::Const<int32_t>(root_, {0, 1}, {1, 2}),
                            Values({2, 2}, {1, 2, 3, 4}));
  ExpectInvalid(
      "Rank mismatch: Rank of labels (received 2) should equal rank of logits minus 1 "
      "(received 2)");
}

TEST_F(CrossEntropiesTest, LogitsAreNoScalars) {
  SparseSoftmaxCrossEntropy(root_, Input({1}, DType::kInt32), Input({}));
  ExpectInvalid("Logits cannot be scalars - received shape [].");
}

TEST_F(CrossEntropiesTest, SoftmaxLogitsAreNoScalars) {
  SoftmaxCrossEntropy(root_, Input({}), Input({}));
  ExpectInvalid("Logits cannot be scalars - received shape [].");
}

TEST_F(CrossEntropiesTest, SmoothingIsBounded) {
  SigmoidCrossEntropy(root_, Values({1}, {1}), Values({1}, {1}), {.label_smoothing = 1.5f});
  ExpectInvalid("label_smoothing must be in [0, 1], got 1.5");
}

}  // namespace
}  // namespace sluice::losses
