// Flatten (rule LY-5) and Dropout (rule LY-2).
#include "layers/core_layers.h"

#include <algorithm>

#include "tests/testing/program/layer_check.h"
#include "tests/testing/program/program_fixture.h"

namespace sluice::layers {
namespace {

class FlattenTest : public ProgramFixture {};

TEST_F(FlattenTest, StaticWidth) {
  const Output x = Input({-1, 2, 3});
  const Output y = Flatten(root_, x);
  EXPECT_EQ(y.shape(), TensorShape({-1, 6}));
  EXPECT_EQ(y.name(), "flatten/Reshape:0");
  ExpectClose(Run(y, {{x, Tensor::Of<float>({1, 2, 3}, {1, 2, 3, 4, 5, 6})}}),
              Tensor::Of<float>({1, 6}, {1, 2, 3, 4, 5, 6}));
  EXPECT_EQ(Run(y, {{x, Tensor::Zeros(DType::kFloat, {0, 2, 3})}}).shape(), TensorShape({0, 6}));
}

TEST_F(FlattenTest, UnknownDimensions) {
  const Output x = Input({-1, -1, 3}), known_batch = Input({2, -1, 3});
  const Output y = Flatten(root_, x), z = Flatten(root_, known_batch, {.name = "z"});
  EXPECT_EQ(y.shape(), TensorShape({-1, -1}));
  EXPECT_EQ(z.shape(), TensorShape({2, -1}));
  EXPECT_EQ(z.name(), "z/Reshape:0");
  const Tensor value = Tensor::Of<float>({2, 1, 3}, {1, 2, 3, 4, 5, 6});
  const Tensor flat = Tensor::Of<float>({2, 3}, {1, 2, 3, 4, 5, 6});
  ExpectClose(Run(y, {{x, value}}), flat);
  ExpectClose(Run(z, {{known_batch, value}}), flat);
}

TEST_F(FlattenTest, EmptyRows) {
  const Output x = Input({-1, 0, 3}), y = Input({4, 0, -1});
  const Output a = Flatten(root_, x), b = Flatten(root_, y);
  EXPECT_EQ(Run(a, {{x, Tensor::Zeros(DType::kFloat, {5, 0, 3})}}).shape(), TensorShape({5, 0}));
  EXPECT_EQ(Run(b, {{y, Tensor::Zeros(DType::kFloat, {4, 0, 7})}}).shape(), TensorShape({4, 0}));
}

TEST_F(FlattenTest, AMatrixStays) {
  ExpectClose(Run(Flatten(root_, Values({2, 2}, {1, 2, 3, 4}))),
              Tensor::Of<float>({2, 2}, {1, 2, 3, 4}));
}

TEST_F(FlattenTest, RankOneIsRefused) {
  EXPECT_TRUE(Flatten(root_, Input({3})).empty());
  ExpectInvalid("expected min_ndim=2, found ndim=1");
}

TEST_F(FlattenTest, UnknownRankIsRefused) {
  Flatten(root_, Input(TensorShape::Unknown()));
  ExpectInvalid("its rank is undefined, but the layer requires a defined rank");
}

class DropoutTest : public ProgramFixture {
 protected:
  Output Ones(const TensorShape& shape) {
    return ops::Const(root_, Tensor::Of<float>(shape, std::vector<float>(shape.num_elements(), 1)));
  }
};

TEST_F(DropoutTest, OutsideOfTrainingItIsTheInput) {
  const Output y = Dropout(root_, Values({3}, {1, 2, 3}), {.rate = 0.9});
  EXPECT_EQ(y.node()->op(), "Identity");
  EXPECT_EQ(y.name(), "dropout/Identity:0");
  ExpectClose(Run(y), Tensor::Of<float>({3}, {1, 2, 3}));
}

TEST_F(DropoutTest, KeptElementsAreScaledSoThatTheMeanStays) {
  const Output y = Dropout(root_, Ones({100, 100}), {.rate = 0.2, .seed = 3, .training = true});
  const Tensor value = Run(y);
  int64_t dropped = 0;
  for (float v : value.flat<float>()) {
    if (v == 0) {
      ++dropped;
    } else {
      EXPECT_FLOAT_EQ(v, 1.25f);
    }
  }
  EXPECT_NEAR(static_cast<double>(dropped), 2000, 200);  // 5 standard deviations
}

TEST_F(DropoutTest, EveryRunDropsOthers) {
  const Output y = Dropout(root_, Ones({1000}), {.seed = 3, .training = true});
  const Tensor first = Run(y), second = Run(y);
  EXPECT_FALSE(BitEqual(first, second));
}

TEST_F(DropoutTest, NoiseShapeSharesTheMask) {
  const Output y =
      Dropout(root_, Ones({50, 4, 3}), {.noise_shape = {-1, 1, 3}, .seed = 1, .training = true});
  const Tensor value = Run(y);
  const float* v = value.data<float>();
  for (int i = 0; i < 50; ++i) {
    for (int j = 1; j < 4; ++j) {
      for (int k = 0; k < 3; ++k) EXPECT_EQ(v[(i * 4 + j) * 3 + k], v[i * 4 * 3 + k]);
    }
  }
  EXPECT_GT(std::count(v, v + 600, 0.0f), 0);
}

TEST_F(DropoutTest, DecidedInEveryRun) {
  const Output training = Input({}, DType::kBool);
  const Output y = Dropout(root_, Ones({1000}), {.rate = 0.5, .seed = 1, .training = training});
  const Tensor off = Run(y, {{training, Tensor::Scalar(false)}});
  EXPECT_EQ(std::count(off.data<float>(), off.data<float>() + 1000, 1.0f), 1000);
  const Tensor on = Run(y, {{training, Tensor::Scalar(true)}});
  EXPECT_NEAR(static_cast<double>(std::count(on.data<float>(), on.data<float>() + 1000, 2.0f)), 500,
              80);
}

TEST_F(DropoutTest, RateZeroKeepsEverything) {
  ExpectClose(Run(Dropout(root_, Values({3}, {1, 2, 3}), {.rate = 0, .training = true})),
              Tensor::Of<float>({3}, {1, 2, 3}));
}

TEST_F(DropoutTest, RatesOutsideOfTheRangeAreRefused) {
  EXPECT_TRUE(Dropout(root_, Ones({2}), {.rate = 1, .training = true}).empty());
  ExpectInvalid("rate must be a float in the range [0, 1), got 1");
}

TEST_F(DropoutTest, TheRateIsCheckedOutsideOfTrainingToo) {
  Dropout(root_, Ones({2}), {.rate = -0.5});
  ExpectInvalid("rate must be a float in the range [0, 1), got -0.5");
}

TEST_F(DropoutTest, IntegersAreRefused) {
  Dropout(root_, Input({2}, DType::kInt32), {.training = true});
  ExpectInvalid("int32");
}

TEST_F(DropoutTest, TrainingMustBeABool) {
  Dropout(root_, Ones({2}), {.training = Ones({})});
  ExpectInvalid("`training` must be a bool scalar, got float32[]");
}

// --- Flatten of channels first, Masking, ActivityRegularization ---

TEST_F(FlattenTest, ChannelsFirstGivesTheOrderOfChannelsLast) {
  const Output x = Values({1, 2, 1, 3}, {1, 2, 3, 10, 20, 30});
  const Output y = Flatten(root_, x, {.data_format = DataFormat::kChannelsFirst});
  ExpectClose(Run(y), Tensor::Of<float>({1, 6}, {1, 10, 2, 20, 3, 30}));
  EXPECT_EQ(Flatten(root_, Input({-1, 3, 4}), {.data_format = DataFormat::kChannelsFirst}).shape(),
            TensorShape({-1, 12}));
}

TEST_F(FlattenTest, Config) {
  ConfigRoundTrip(FlattenLayer({.name = "f", .data_format = DataFormat::kChannelsFirst}),
                  {{-1, 2, 3}});
}

TEST_F(DropoutTest, Config) {
  ConfigRoundTrip(DropoutLayer({.rate = 0.25, .noise_shape = {-1, 1}, .seed = 3, .training = true}),
                  {{-1, 2}});
}

class MaskingTest : public ProgramFixture {};

TEST_F(MaskingTest, StepsOfTheMaskValueAreMasked) {
  const Output x = Values({1, 3, 2}, {1, 2, 7, 7, 7, 3});
  MaskingLayer layer({.mask_value = 7});
  const Output y = layer(root_, x);
  EXPECT_EQ(y.name(), "masking/Mul:0");
  const std::vector<Tensor> values = Run({y, *layer.GetOutputMaskAt(0)});
  ExpectClose(values[0], Tensor::Of<float>({1, 3, 2}, {1, 2, 0, 0, 7, 3}));
  ExpectClose(values[1], Tensor::Of<bool>({1, 3}, {true, false, true}));
  ConfigRoundTrip(MaskingLayer({.mask_value = 2}), {{-1, 3, 2}});
}

TEST_F(MaskingTest, ZeroIsTheDefault) {
  ExpectClose(Run(Masking(root_, Values({1, 2, 2}, {0, 0, 0, 5}))),
              Tensor::Of<float>({1, 2, 2}, {0, 0, 0, 5}));
}

TEST_F(MaskingTest, Gradient) {
  CheckLayerGradients(MaskingLayer({}), {RandomTensor(DType::kDouble, {2, 3, 2})});
}

class ActivityRegularizationTest : public ProgramFixture {};

TEST_F(ActivityRegularizationTest, AddsALoss) {
  const Output x = Values({1, 2}, {-3, 2});
  ActivityRegularizationLayer layer({.l1 = 0.5, .l2 = 0.25});
  const Output y = layer(root_, x);
  ASSERT_EQ(layer.GetLossesFor({x}).size(), 1u);
  EXPECT_TRUE(layer.GetLossesFor().empty());
  EXPECT_EQ(graph_.RegularizationLosses(), layer.losses());
  const std::vector<Tensor> values = Run({y, layer.losses()[0]});
  ExpectClose(values[0], Tensor::Of<float>({1, 2}, {-3, 2}));
  ExpectClose(values[1], Tensor::Scalar(0.5f * 5 + 0.25f * 13));
  ConfigRoundTrip(ActivityRegularizationLayer({.l1 = 0.5, .l2 = 0.25}), {{-1, 2}});
}

TEST_F(ActivityRegularizationTest, WithoutFactorsThereIsNoLoss) {
  const Output y = ActivityRegularization(root_, Values({1, 2}, {-3, 2}));
  EXPECT_EQ(y.name(), "activity_regularization/Identity:0");
  EXPECT_TRUE(graph_.RegularizationLosses().empty());
}

}  // namespace
}  // namespace sluice::layers
