// The losses of tf.nn. Expected numbers are worked by hand in the comments.
#include "layers/nn_cross_entropy.h"

#include <cmath>
#include <functional>

#include "graph/gradients.h"
#include "graph/node.h"
#include "ops/cast.h"
#include "ops/softmax.h"
#include "tests/testing/gradient_check.h"
#include "tests/testing/program/program_fixture.h"

namespace sluice::nn {
namespace {

class CrossEntropyTest : public ProgramFixture {
 protected:
  // Probabilities 1/2 1/2 and 3/4 1/4.
  const Output logits_ = Values({2, 2}, {0, 0, std::log(3.0f), 0});
  const Output labels_ = Values({2, 2}, {1, 0, 0, 1});
  const Tensor losses_ = Tensor::Of<float>({2}, {0.69314718f, 1.3862944f});
};

TEST_F(CrossEntropyTest, Softmax) {
  const Output loss = SoftmaxCrossEntropyWithLogitsV2(root_, labels_, logits_);
  EXPECT_EQ(loss.name(), "softmax_cross_entropy_with_logits:0");
  EXPECT_EQ(loss.shape(), TensorShape({2}));
  ExpectClose(Run(loss), losses_);
}

TEST_F(CrossEntropyTest, OnlyTheSecondVersionHasAGradientToTheLabels) {
  const Output first = SoftmaxCrossEntropyWithLogits(root_, labels_, logits_);
  const Output second = SoftmaxCrossEntropyWithLogitsV2(root_, labels_, logits_);
  EXPECT_EQ(first.name(), "softmax_cross_entropy_with_logits_sg:0");
  EXPECT_NE(graph_.FindNode("softmax_cross_entropy_with_logits_sg/labels_stop_gradient"), nullptr);
  EXPECT_TRUE(Gradients(root_, {first}, {labels_})[0].empty());
  const Output gradient = Gradients(root_, {second}, {labels_})[0];
  ASSERT_FALSE(gradient.empty());
  ExpectClose(Run(first), losses_);
  // -log softmax.
  ExpectClose(Run(gradient),
              Tensor::Of<float>({2, 2}, {0.69314718f, 0.69314718f, 0.28768207f, 1.3862944f}));
}

TEST_F(CrossEntropyTest, SoftmaxAlongAnotherAxis) {
  const Output logits = Values({2, 2}, {0, std::log(3.0f), 0, 0});  // transposed
  const Output labels = Values({2, 2}, {1, 0, 0, 1});
  for (const int axis : {0, -2}) {
    const Output loss = SoftmaxCrossEntropyWithLogitsV2(root_, labels, logits, {.axis = axis});
    ExpectClose(Run(loss), losses_);
  }
  const Output deep =
      SoftmaxCrossEntropyWithLogitsV2(root_, Values({1, 2, 2}, {1, 0, 0, 1}),
                                      Values({1, 2, 2}, {0, std::log(3.0f), 0, 0}), {.axis = 1});
  EXPECT_EQ(deep.shape(), TensorShape({1, 2}));
  ExpectClose(Run(deep), Tensor::Of<float>({1, 2}, {0.69314718f, 1.3862944f}));
}

TEST_F(CrossEntropyTest, SoftmaxOfAnyRank) {
  const Output vector =
      SoftmaxCrossEntropyWithLogitsV2(root_, Values({2}, {0, 1}), Values({2}, {std::log(3.0f), 0}));
  EXPECT_EQ(vector.shape(), TensorShape({}));
  ExpectClose(Run(vector), Tensor::Scalar<float>(1.3862944f));
  const Output x = Input(TensorShape::Unknown()), l = Input(TensorShape::Unknown());
  const Output unknown = SoftmaxCrossEntropyWithLogitsV2(root_, l, x);
  session_.reset();
  ExpectClose(Run(unknown, {{x, Tensor::Of<float>({2, 1, 2}, {0, 0, std::log(3.0f), 0})},
                            {l, Tensor::Of<float>({2, 1, 2}, {1, 0, 0, 1})}}),
              Tensor::Of<float>({2, 1}, {0.69314718f, 1.3862944f}));
}

TEST_F(CrossEntropyTest, HalfPrecisionAndIntegerLabels) {
  const Output half = ops::Cast(root_, logits_, DType::kHalf);
  const Output loss = SoftmaxCrossEntropyWithLogitsV2(
      root_, ops::Const<int32_t>(root_, {1, 0, 0, 1}, {2, 2}), half);
  EXPECT_EQ(loss.dtype(), DType::kHalf);
  ExpectClose(Run(ops::Cast(root_, loss, DType::kFloat)), losses_, {.rtol = 2e-3, .atol = 0});
}

TEST_F(CrossEntropyTest, Sparse) {
  const Output loss =
      SparseSoftmaxCrossEntropyWithLogits(root_, ops::Const<int64_t>(root_, {0, 1}), logits_);
  EXPECT_EQ(loss.name(),
            "SparseSoftmaxCrossEntropyWithLogits/SparseSoftmaxCrossEntropyWithLogits:0");
  ExpectClose(Run(loss), losses_);
  const Output deep =
      SparseSoftmaxCrossEntropyWithLogits(root_, ops::Const<int32_t>(root_, {0, 1}, {1, 2}),
                                          Values({1, 2, 2}, {0, 0, std::log(3.0f), 0}));
  session_.reset();
  ExpectClose(Run(deep), Tensor::Of<float>({1, 2}, {0.69314718f, 1.3862944f}));
}

TEST_F(CrossEntropyTest, Sigmoid) {
  const Output x = Values({4}, {0, 2, -100, 0});
  const Output loss = SigmoidCrossEntropyWithLogits(root_, Values({4}, {1, 0, 1, 0}), x);
  EXPECT_EQ(loss.name(), "logistic_loss:0");
  const Output gradient = Gradients(root_, {loss}, {x})[0];
  // ln 2, 2 + ln(1 + e^-2), 100, ln 2; sigmoid(x) - z, also at 0.
  ExpectClose(Run(loss), Tensor::Of<float>({4}, {0.69314718f, 2.1269280f, 100, 0.69314718f}));
  ExpectClose(Run(gradient), Tensor::Of<float>({4}, {-0.5f, 0.88079708f, -1, 0.5f}));
}

TEST_F(CrossEntropyTest, Weighted) {
  const Output loss = WeightedCrossEntropyWithLogits(
      root_, Values({3}, {1, 0, 1}), Values({3}, {0, 2, -2}), ops::Const(root_, 3.0f));
  EXPECT_EQ(loss.name(), "logistic_loss:0");
  // 3 ln 2; 2 + ln(1 + e^-2); 3 (2 + ln(1 + e^-2)).
  ExpectClose(Run(loss), Tensor::Of<float>({3}, {2.0794415f, 2.1269280f, 6.3807840f}));
}

TEST_F(CrossEntropyTest, LogPoisson) {
  const Output z = Values({3}, {0, 1, 3}), c = Values({3}, {0, 1, 2});
  const Output plain = LogPoissonLoss(root_, z, c);
  const Output full = LogPoissonLoss(root_, z, c, {.compute_full_loss = true});
  const float e = std::exp(1.0f);
  // 1, e - 1, e^2 - 6; Stirling of 3: 3 ln 3 - 3 + ln(6 pi) / 2 = 1.7640815.
  ExpectClose(Run(plain), Tensor::Of<float>({3}, {1, e - 1, e * e - 6}));
  ExpectClose(Run(full), Tensor::Of<float>({3}, {1, e - 1, e * e - 6 + 1.7640815f}));
}

TEST_F(CrossEntropyTest, L2Normalize) {
  const Output x = Values({2, 2}, {3, 4, 0, 0});
  const Output rows = L2Normalize(root_, x, {1});
  const Output all = L2Normalize(root_, Values({2, 2}, {1, 1, -1, 1}), {0, 1});
  const Output bounded = L2Normalize(root_, x, {-1}, {.epsilon = 100});
  EXPECT_EQ(rows.name(), "l2_normalize:0");
  ExpectClose(Run(rows), Tensor::Of<float>({2, 2}, {0.6f, 0.8f, 0, 0}));
  ExpectClose(Run(all), Tensor::Of<float>({2, 2}, {0.5f, 0.5f, -0.5f, 0.5f}));
  ExpectClose(Run(bounded), Tensor::Of<float>({2, 2}, {0.3f, 0.4f, 0, 0}));
}

// --- gradients in double ---

TEST(CrossEntropyGradientTest, AgreesWithDifferences) {
  using Loss = std::function<Output(At, Output, Output)>;
  const std::vector<std::pair<const char*, Loss>> losses = {
      {"softmax",
       [](At at, Output l, Output x) {
         return SoftmaxCrossEntropyWithLogitsV2(at, ops::Softmax(at, l), x);
       }},
      {"sigmoid",
       [](At at, Output l, Output x) { return SigmoidCrossEntropyWithLogits(at, l, x); }},
      {"weighted",
       [](At at, Output l, Output x) {
         return WeightedCrossEntropyWithLogits(at, l, x, ops::Const(at, 2.5));
       }},
      {"poisson", [](At at, Output l,
                     Output x) { return LogPoissonLoss(at, l, x, {.compute_full_loss = true}); }},
      {"normalize", [](At at, Output l, Output x) { return L2Normalize(at, x, {1}) * l; }}};
  const Tensor labels = RandomTensor(DType::kDouble, {3, 4}, 1, 1.1, 2);
  const Tensor logits = MovedOff(RandomTensor(DType::kDouble, {3, 4}, 2, -2, 2), {0});
  for (const auto& [name, loss] : losses) {
    const GraphFunction f = [&loss = loss](At at, const Outputs& in) -> Outputs {
      return {loss(at, in[0], in[1])};
    };
    CheckGradient(f, {labels, logits}, {.context = name});
  }
}

TEST(CrossEntropyGradientTest, OfOtherAxesAndSparseLabels) {
  // They add up to 1 along dimension 1.
  const Tensor labels =
      Tensor::Of<double>({2, 3, 2}, {0.2, 0.5, 0.3, 0.1, 0.5, 0.4, 1, 0.25, 0, 0.25, 0, 0.5});
  const Tensor logits = RandomTensor(DType::kDouble, {2, 3, 2}, 2, -2, 2);
  const GraphFunction along = [](At at, const Outputs& in) -> Outputs {
    return {SoftmaxCrossEntropyWithLogitsV2(at, in[0], in[1], {.axis = 1})};
  };
  CheckGradient(along, {labels, logits}, {.wrt = {1}, .unknown_rank = false});
  const GraphFunction sparse = [](At at, const Outputs& in) -> Outputs {
    const Output classes = ops::Const<int32_t>(at, {0, 1, 1, 0, 1, 0}, {2, 3});
    return {SparseSoftmaxCrossEntropyWithLogits(at, classes, in[0])};
  };
  CheckGradient(sparse, {logits});
}

// --- refusals ---

TEST_F(CrossEntropyTest, ShapesMustBeEqual) {
  EXPECT_TRUE(SigmoidCrossEntropyWithLogits(root_, Input({2}), Input({3})).empty());
  ExpectInvalid("logits and labels must have the same shape ([3] vs [2])");
}

TEST_F(CrossEntropyTest, LogitsAreNoScalars) {
  EXPECT_TRUE(SoftmaxCrossEntropyWithLogitsV2(root_, Input({}), Input({})).empty());
  ExpectInvalid("Logits cannot be scalars - received shape [].");
}

TEST_F(CrossEntropyTest, RanksOfSparseLabelsMustFit) {
  SparseSoftmaxCrossEntropyWithLogits(root_, Input({2, 2}, DType::kInt32), Input({2, 2}));
  ExpectInvalid(
      "Rank mismatch: Rank of labels (received 2) should equal rank of logits minus 1 (received "
      "2)");
}

TEST_F(CrossEntropyTest, AxesMustExist) {
  SoftmaxCrossEntropyWithLogitsV2(root_, Input({2, 2}), Input({2, 2}), {.axis = 2});
  EXPECT_EQ(graph_.status().code(), absl::StatusCode::kInvalidArgument);
}

TEST_F(CrossEntropyTest, OtherAxesNeedARank) {
  const Output x = Input(TensorShape::Unknown());
  SoftmaxCrossEntropyWithLogitsV2(root_, x, x, {.axis = 1});
  ExpectInvalid("the rank of logits must be known for an axis but the last");
}

TEST_F(CrossEntropyTest, BothMustBeGiven) {
  EXPECT_TRUE(SoftmaxCrossEntropyWithLogits(root_, Output(), logits_).empty());
  ExpectInvalid("Both labels and logits must be provided.");
}

}  // namespace
}  // namespace sluice::nn
