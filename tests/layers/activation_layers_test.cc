#include "layers/activation_layers.h"

#include <cmath>

#include "layers/constraints.h"
#include "layers/regularizers.h"
#include "ops/relu.h"
#include "tests/testing/gradient_check.h"
#include "tests/testing/program/layer_check.h"
#include "tests/testing/program/program_fixture.h"

namespace sluice::layers {
namespace {

class ActivationLayersTest : public ProgramFixture {
 protected:
  Output Six() { return Values({2, 3}, {-2, -1, 0, 1, 2, 7}); }
  void ExpectRow(const Output& y, const std::vector<float>& values) {
    session_.reset();
    ExpectClose(Run(y), Tensor::Of<float>({2, 3}, values));
  }
};

TEST_F(ActivationLayersTest, ByHand) {
  ExpectRow(Activate(root_, Six(), {.activation = "relu"}), {0, 0, 0, 1, 2, 7});
  ExpectRow(ReLU(root_, Six()), {0, 0, 0, 1, 2, 7});
  ExpectRow(ReLU(root_, Six(), {.max_value = 6.0}), {0, 0, 0, 1, 2, 6});
  ExpectRow(ReLU(root_, Six(), {.max_value = 5.0, .negative_slope = 0.5}), {-1, -0.5, 0, 1, 2, 5});
  ExpectRow(ReLU(root_, Six(), {.negative_slope = 0.5, .threshold = 1}), {-1.5, -1, -0.5, 0, 2, 7});
  ExpectRow(LeakyReLU(root_, Six()), {-0.6f, -0.3f, 0, 1, 2, 7});
  ExpectRow(LeakyReLU(root_, Six(), {.alpha = 0.5}), {-1, -0.5, 0, 1, 2, 7});
  ExpectRow(ELU(root_, Six(), {.alpha = 2}),
            {2 * std::expm1(-2.0f), 2 * std::expm1(-1.0f), 0, 1, 2, 7});
  ExpectRow(ThresholdedReLU(root_, Six()), {0, 0, 0, 0, 2, 7});
  ExpectRow(ThresholdedReLU(root_, Six(), {.theta = 3}), {0, 0, 0, 0, 0, 7});
  const float e = std::exp(1.0f);
  ExpectRow(Softmax(root_, Values({2, 3}, {0, 1, 2, 1, 0, 2}), {.axis = 0}),
            {1 / (1 + e), e / (1 + e), 0.5, e / (1 + e), 1 / (1 + e), 0.5});
  EXPECT_TRUE(graph_.GlobalVariables().empty());
}

TEST_F(ActivationLayersTest, Names) {  // L-2
  EXPECT_EQ(Activate(root_, Six(), {.activation = ops::Elu}).name(), "activation/Elu:0");
  EXPECT_EQ(ReLU(root_, Six()).name(), "re_lu/Relu:0");
  EXPECT_EQ(LeakyReLU(root_, Six()).name(), "leaky_re_lu/LeakyRelu:0");
  EXPECT_EQ(ELU(root_, Six()).name(), "elu/Elu:0");
  EXPECT_EQ(ThresholdedReLU(root_, Six()).name(), "thresholded_re_lu/Mul:0");
  EXPECT_EQ(Softmax(root_, Six()).name(), "softmax/Softmax:0");
  EXPECT_EQ(Activate(root_, Six(), {}).name(), "activation_1/Identity:0");  // L-13
}

// --- PReLU ---

TEST_F(ActivationLayersTest, PReLUHasASlopePerElement) {
  PReLULayer layer({.alpha_initializer = initializers::Constant({0.5, 0.25, 2})});
  const Output y = layer(root_, Six());
  EXPECT_EQ(layer.alpha().name(), "p_re_lu/alpha:0");
  EXPECT_EQ(layer.alpha().shape(), TensorShape({3}));
  EXPECT_TRUE(layer.alpha().trainable());
  ExpectRow(y, {-1, -0.25, 0, 1, 2, 7});
  EXPECT_EQ(*layer.CountParams(), 3);
}

TEST_F(ActivationLayersTest, PReLUStartsAsRelu) {
  ExpectRow(PReLU(root_, Six()), {0, 0, 0, 1, 2, 7});
}

TEST_F(ActivationLayersTest, PReLUSharesAxes) {
  PReLULayer layer({.alpha_initializer = initializers::Constant({0.5, 2}), .shared_axes = {1, 2}});
  const Output y = layer(root_, Values({1, 2, 1, 2}, {-1, -1, -2, 3}));
  EXPECT_EQ(layer.alpha().shape(), TensorShape({1, 1, 2}));
  ExpectClose(Run(y), Tensor::Of<float>({1, 2, 1, 2}, {-0.5, -2, -1, 3}));
  // Sizes of shared axes may be unknown and differ between calls.
  EXPECT_EQ(layer(root_, Input({-1, -1, -1, 2})).shape(), TensorShape({-1, -1, -1, 2}));
}

TEST_F(ActivationLayersTest, PReLUGradientAndTraining) {
  const Tensor x = MovedOff(RandomTensor(DType::kDouble, {3, 2, 4}), {0});
  CheckLayerGradients(PReLULayer({}), {x});
  CheckLayerGradients(PReLULayer({.shared_axes = {1}}), {x}, {.shapes = {{-1, -1, 4}}});
  OneStepLowersLoss(PReLULayer({}), {x});
}

TEST_F(ActivationLayersTest, PReLUTakesEveryArgument) {
  PReLULayer layer({.alpha_initializer = initializers::Constant(2),
                    .alpha_regularizer = L2Regularizer(1),
                    .alpha_constraint = constraints::NonNeg(),
                    .trainable = false});
  layer(root_, Six());
  EXPECT_TRUE(static_cast<bool>(layer.alpha().constraint()));
  EXPECT_TRUE(graph_.TrainableVariables().empty());
  ASSERT_EQ(graph_.RegularizationLosses().size(), 1u);
  ExpectClose(Run(graph_.RegularizationLosses()[0]), Tensor::Scalar(6.0f));  // 3 * 2^2 / 2
}

TEST_F(ActivationLayersTest, PReLUIsReusedByName) {
  PReLU(root_, Six(), {.name = "p"});
  PReLU(root_, Six(), {.name = "p", .reuse = Reuse::kTrue});
  EXPECT_EQ(graph_.GlobalVariables().size(), 1u);
}

TEST_F(ActivationLayersTest, PReLUNeedsSizes) {
  PReLU(root_, Input({2, -1}));
  ExpectInvalid("dimension 1 of the inputs to `PReLU` should be defined or shared");
}

TEST_F(ActivationLayersTest, PReLUAxesAreChecked) {
  PReLU(root_, Six(), {.shared_axes = {2}});
  ExpectInvalid("Invalid shared axis: 2 for an input of shape [2,3]");
}

TEST_F(ActivationLayersTest, PReLURefusesAnotherSize) {
  PReLULayer layer({});
  layer(root_, Six());
  layer(root_, Input({2, 4}));
  ExpectInvalid("expected axis 1 of input shape to have value 3");
}

// --- Maxout ---

TEST_F(ActivationLayersTest, Maxout) {
  const Output x = Values({2, 4}, {1, 5, -3, -4, 8, 7, 0, 2});
  const Output y = Maxout(root_, x, {.num_units = 2});
  EXPECT_EQ(y.name(), "max_out/Max:0");
  ExpectClose(Run(y), Tensor::Of<float>({2, 2}, {5, -3, 8, 2}));
  session_.reset();
  ExpectClose(Run(Maxout(root_, x, {.num_units = 1, .axis = 0})),
              Tensor::Of<float>({1, 4}, {8, 7, 0, 2}));
}

TEST_F(ActivationLayersTest, MaxoutOfUnknownSizes) {
  const Output x = Input({-1, -1, 6});
  const Output y = Maxout(root_, x, {.num_units = 3});
  EXPECT_EQ(y.shape(), TensorShape({-1, -1, 3}));
  ExpectClose(Run(y, {{x, Tensor::Of<float>({1, 1, 6}, {1, 2, 4, 3, 5, 6})}}),
              Tensor::Of<float>({1, 1, 3}, {2, 4, 6}));
}

TEST_F(ActivationLayersTest, MaxoutGradient) {
  for (const int64_t axis : {1, -1}) {
    CheckGradient(
        [&](At at, const Outputs& in) {
          return Outputs{Maxout(at, in[0], {.num_units = 2, .axis = axis})};
        },
        {LadderTensor(DType::kDouble, {2, 4, 6})}, {.unknown_rank = false});
  }
}

TEST_F(ActivationLayersTest, MaxoutNeedsAMultiple) {
  Maxout(root_, Input({2, 7}), {.num_units = 3});
  ExpectInvalid("number of features(7) is not a multiple of num_units(3)");
}

TEST_F(ActivationLayersTest, MaxoutNeedsUnits) {
  Maxout(root_, Input({2, 7}), {});
  ExpectInvalid("The `num_units` argument must be > 0. Received: 0");
}

// --- errors and configs ---

TEST_F(ActivationLayersTest, NegativeBoundsAreRefused) {
  ReLU(root_, Six(), {.max_value = -1.0});
  ExpectInvalid("max_value of Relu layer cannot be negative value: -1");
}

TEST_F(ActivationLayersTest, NegativeSlopesAreRefused) {
  ReLU(root_, Six(), {.negative_slope = -2});
  ExpectInvalid("negative_slope of Relu layer cannot be negative value: -2");
}

TEST_F(ActivationLayersTest, SoftmaxOfAVectorIsRefused) {
  Softmax(root_, Input({3}));
  ExpectInvalid("Cannot apply softmax to a tensor that is 1D");
}

TEST_F(ActivationLayersTest, MasksPass) {
  const Output mask = Input({2, 3}, DType::kBool);
  PReLULayer layer({});
  layer(root_, Six(), {.masks = {mask}});
  EXPECT_EQ(*layer.GetOutputMaskAt(0), mask);
}

TEST_F(ActivationLayersTest, Configs) {
  const std::vector<TensorShape> shapes = {{2, 4, 8}};
  ConfigRoundTrip(ActivationLayer({.activation = "tanh", .name = "a"}), shapes);
  ConfigRoundTrip(ReLULayer({.max_value = 5.0, .negative_slope = 0.5, .threshold = 1}), shapes);
  ConfigRoundTrip(LeakyReLULayer({.alpha = 0.125}), shapes);
  ConfigRoundTrip(PReLULayer({.alpha_initializer = initializers::Constant(0.25),
                              .alpha_regularizer = L2Regularizer(0.5),
                              .alpha_constraint = constraints::NonNeg(),
                              .shared_axes = {1, 2},
                              .trainable = false}),
                  shapes);
  ConfigRoundTrip(ELULayer({.alpha = 2}), shapes);
  ConfigRoundTrip(ThresholdedReLULayer({.theta = 3}), shapes);
  ConfigRoundTrip(SoftmaxLayer({.axis = 1}), shapes);
  ConfigRoundTrip(MaxOutLayer({.num_units = 4, .axis = 2}), shapes);
}

}  // namespace
}  // namespace sluice::layers
