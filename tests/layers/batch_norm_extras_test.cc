// What BatchNormalization does besides the usual: several axes, renorm, virtual batches,
// adjustment, half, constraints (rule LY-3).
#include <cmath>
#include <functional>

#include "layers/batch_norm.h"
#include "layers/constraints.h"
#include "layers/regularizers.h"
#include "tests/testing/program/layer_check.h"
#include "tests/testing/program/program_fixture.h"

namespace sluice::layers {
namespace {

class BatchNormExtrasTest : public ProgramFixture {};

struct Moments {
  double mean = 0, variance = 0;
};
Moments MomentsOf(const std::vector<double>& x) {
  Moments m;
  for (const double v : x) m.mean += v / x.size();
  for (const double v : x) m.variance += (v - m.mean) * (v - m.mean) / x.size();
  return m;
}

std::vector<TensorShape> Shapes(const std::vector<Variable>& variables) {
  std::vector<TensorShape> shapes;
  for (const Variable& v : variables) shapes.push_back(v.shape());
  return shapes;
}

// --- several axes ---

TEST_F(BatchNormExtrasTest, SeveralAxes) {
  const Tensor x = RandomTensor(DType::kFloat, {5, 2, 3, 2}, 1);
  BatchNormalizationLayer layer({.axis = {1, -1},
                                 .beta_initializer = initializers::Constant({1, 2, 3, 4}),
                                 .gamma_initializer = initializers::Constant({2, 1, 1, 3}),
                                 .training = true});
  const Output y = layer(root_, ops::Const(root_, x));
  EXPECT_EQ(Shapes(layer.weights()), std::vector<TensorShape>(4, {1, 2, 1, 2}));
  const double beta[] = {1, 2, 3, 4}, gamma[] = {2, 1, 1, 3};
  const std::vector<double> values = ToDoubles(x);
  std::vector<double> want(values.size());
  for (int a = 0; a < 2; ++a)
    for (int b = 0; b < 2; ++b) {
      const auto at = [&](int n, int i) { return ((n * 2 + a) * 3 + i) * 2 + b; };
      std::vector<double> group;
      for (int n = 0; n < 5; ++n)
        for (int i = 0; i < 3; ++i) group.push_back(values[at(n, i)]);
      const Moments m = MomentsOf(group);
      for (int n = 0; n < 5; ++n)
        for (int i = 0; i < 3; ++i) {
          want[at(n, i)] =
              (values[at(n, i)] - m.mean) / std::sqrt(m.variance + 1e-3) * gamma[a * 2 + b] +
              beta[a * 2 + b];
        }
    }
  ExpectClose(Run(y), FromDoubles(DType::kFloat, {5, 2, 3, 2}, want), {1e-4, 1e-4});
}

// --- errors ---

TEST_F(BatchNormExtrasTest, Errors) {
  using Options = BatchNormalizationOptions;
  const struct {
    Options options;
    const char* text;
  } cases[] = {
      {{.axis = {1, 1}}, "Duplicate axis: [1, 1]"},
      {{.axis = {1, -3}}, "Duplicate axis: [1, -3]"},
      {{.axis = {1, 4}}, "Invalid axis: 4"},
      {{.axis = -5}, "Invalid axis: -5"},
      {{.axis = 2}, "Input has undefined `axis` dimension"},
      {{.virtual_batch_size = 0}, "virtual_batch_size must be a positive integer"},
      {{.axis = 0, .virtual_batch_size = 2},
       "When using virtual_batch_size, the batch dimension must be 0 and thus axis cannot include "
       "0. Received axis=[0]"},
      {{.virtual_batch_size = 2, .adjustment = [](At, Output s) { return std::pair(s, s); }},
       "When using virtual_batch_size, adjustment cannot be specified"},
      {{.renorm = true, .fused = true},
       "Passing fused=True is not supported together with `renorm`"},
      {{.fused = true, .virtual_batch_size = 2}, "together with `virtual_batch_size`"},
      {{.axis = {1, 3}, .fused = true}, "fused batch normalization needs a float32 input"},
  };
  for (const auto& c : cases) {
    Graph graph(ops::Builtin());
    const Scope root = Scope::Root(graph);
    BatchNormalization(root, ops::Placeholder(root, DType::kFloat, {4, 2, -1, 3}), c.options);
    EXPECT_THAT(graph.status(), StatusIs(absl::StatusCode::kInvalidArgument, c.text));
  }
}

// --- half ---

TEST_F(BatchNormExtrasTest, HalfInputsHaveFloatParameters) {
  for (const bool image : {true, false}) {
    const TensorShape shape = image ? TensorShape({6, 1, 1, 2}) : TensorShape({6, 2});
    const Tensor x = RandomTensor(DType::kHalf, shape, 3, -2, 2);
    BatchNormalizationLayer layer({.training = true});
    session_.reset();
    const Output y = layer(root_, ops::Const(root_, x));
    EXPECT_EQ(y.dtype(), DType::kHalf);
    EXPECT_EQ(y.node()->op(), image ? "FusedBatchNormV2" : "AddV2");
    for (const Variable& v : layer.weights()) EXPECT_EQ(v.dtype(), DType::kFloat);
    const std::vector<double> values = ToDoubles(x);
    std::vector<double> want(12);
    for (int c = 0; c < 2; ++c) {
      std::vector<double> channel;
      for (int n = 0; n < 6; ++n) channel.push_back(values[n * 2 + c]);
      const Moments m = MomentsOf(channel);
      for (int n = 0; n < 6; ++n)
        want[n * 2 + c] = (values[n * 2 + c] - m.mean) / std::sqrt(m.variance + 1e-3);
    }
    ExpectClose(Run(y), FromDoubles(DType::kHalf, shape, want), {1e-2, 5e-3});
  }
}

// --- renorm ---

TEST_F(BatchNormExtrasTest, RenormFollowsTheFormulas) {
  constexpr double kMomentum = 0.9, kEpsilon = 0.01;
  const double rmax = 1.5, dmax = 0.25;
  BatchNormalizationLayer layer({.momentum = 0.8,
                                 .epsilon = kEpsilon,
                                 .training = true,
                                 .renorm = true,
                                 .renorm_clipping = {.rmin = 1 / rmax, .rmax = rmax, .dmax = dmax},
                                 .renorm_momentum = kMomentum});
  const Output x = Input({4, 1});
  const Output y = layer(root_, x);
  EXPECT_EQ(
      Names(layer.weights()),
      (Strings{"batch_normalization/gamma:0", "batch_normalization/beta:0",
               "batch_normalization/moving_mean:0", "batch_normalization/moving_variance:0",
               "batch_normalization/renorm_mean:0", "batch_normalization/renorm_mean_weight:0",
               "batch_normalization/renorm_stddev:0",
               "batch_normalization/renorm_stddev_weight:0"}));
  EXPECT_EQ(layer.weights()[5].shape(), TensorShape({}));
  EXPECT_EQ(layer.trainable_weights().size(), 2u);
  ASSERT_EQ(layer.updates().size(), 2u);

  double mean_sum = 0, stddev_sum = 0, weight = 0, moving_mean = 0, moving_variance = 1;
  for (const uint64_t step : {1, 2, 3}) {
    const Tensor batch = RandomTensor(DType::kFloat, {4, 1}, step, -1.0 * step, 2.0 * step);
    const Moments m = MomentsOf(ToDoubles(batch));
    const double stddev = std::sqrt(m.variance + kEpsilon);
    const double mixed_mean = mean_sum + (1 - weight) * m.mean;
    const double mixed_stddev = stddev_sum + (1 - weight) * stddev;
    const double r = std::min(std::max(stddev / mixed_stddev, 1 / rmax), rmax);
    const double d = std::min(std::max((m.mean - mixed_mean) / mixed_stddev, -dmax), dmax);
    if (step == 1) {
      EXPECT_EQ(r, 1);  // the first batch is its own average
      EXPECT_EQ(d, 0);
    }
    std::vector<double> want;
    for (const double v : ToDoubles(batch)) want.push_back((v - m.mean) / stddev * r + d);
    mean_sum = kMomentum * mean_sum + (1 - kMomentum) * m.mean;
    stddev_sum = kMomentum * stddev_sum + (1 - kMomentum) * stddev;
    weight = kMomentum * weight + (1 - kMomentum);
    const double average = mean_sum / weight, spread = stddev_sum / weight;
    moving_mean = 0.8 * moving_mean + 0.2 * average;
    moving_variance = 0.8 * moving_variance + 0.2 * (spread * spread - kEpsilon);

    const std::vector<Tensor> got = Run({y, layer.updates()[0], layer.updates()[1]}, {{x, batch}});
    ExpectClose(got[0], FromDoubles(DType::kFloat, {4, 1}, want), {1e-4, 1e-4});
    std::vector<Output> state;
    for (const Variable& v : layer.non_trainable_weights()) state.push_back(v.value());
    const double expected[] = {moving_mean, moving_variance, mean_sum, weight, stddev_sum, weight};
    const std::vector<Tensor> values = Run(state);
    for (size_t i = 0; i < values.size(); ++i)
      EXPECT_NEAR(ToDoubles(values[i])[0], expected[i], 1e-5) << "step " << step << " value " << i;
  }
}

TEST_F(BatchNormExtrasTest, RenormWithoutTrainingUsesTheMovingMoments) {
  const Output training = Input({}, DType::kBool), x = Input({2, 1});
  BatchNormalizationLayer layer({.training = training, .renorm = true});
  const Output y = layer(root_, x);
  const Outputs all = {y, layer.updates()[0], layer.updates()[1]};
  const Tensor batch = Tensor::Of<float>({2, 1}, {1, 5});
  const Tensor inferred = Run(all, {{x, batch}, {training, Tensor::Scalar(false)}})[0];
  const float scale = 1 / std::sqrt(1.001f);
  ExpectClose(inferred, Tensor::Of<float>({2, 1}, {scale, 5 * scale}));
  std::vector<Output> state;
  for (const Variable& v : layer.non_trainable_weights()) state.push_back(v.value());
  const double untouched[] = {0, 1, 0, 0, 0, 0};
  std::vector<Tensor> values = Run(state);
  for (size_t i = 0; i < values.size(); ++i) EXPECT_FLOAT_EQ(ToDoubles(values[i])[0], untouched[i]);
  const Tensor trained = Run(all, {{x, batch}, {training, Tensor::Scalar(true)}})[0];
  ExpectClose(trained, Tensor::Of<float>({2, 1}, {-2 / std::sqrt(4.001f), 2 / std::sqrt(4.001f)}));
  values = Run(state);
  EXPECT_NEAR(ToDoubles(values[0])[0], 0.01 * 3, 1e-6);
  EXPECT_NEAR(ToDoubles(values[3])[0], 0.01, 1e-6);
}

// --- virtual batches ---

TEST_F(BatchNormExtrasTest, VirtualBatchesAreNormalizedApart) {
  const Tensor x = RandomTensor(DType::kFloat, {6, 2}, 4);
  BatchNormalizationLayer layer({.training = true, .virtual_batch_size = 3});
  const Output in = Input({-1, 2});
  const Output y = layer(root_, in);
  EXPECT_EQ(y.shape(), TensorShape({-1, 2}));
  EXPECT_EQ(Shapes(layer.weights()), std::vector<TensorShape>(4, {1, 1, 2}));
  const std::vector<double> values = ToDoubles(x);
  std::vector<double> want(12), means(2);
  for (int group = 0; group < 2; ++group)
    for (int c = 0; c < 2; ++c) {
      // Sample i belongs to group i mod 2.
      std::vector<double> members;
      for (int i = 0; i < 3; ++i) members.push_back(values[(i * 2 + group) * 2 + c]);
      const Moments m = MomentsOf(members);
      means[c] += m.mean / 2;
      for (int i = 0; i < 3; ++i)
        want[(i * 2 + group) * 2 + c] = (members[i] - m.mean) / std::sqrt(m.variance + 1e-3);
    }
  const std::vector<Tensor> got = Run({y, layer.updates()[0], layer.updates()[1]}, {{in, x}});
  ExpectClose(got[0], FromDoubles(DType::kFloat, {6, 2}, want), {1e-4, 1e-4});
  const Tensor moving = Run(layer.non_trainable_weights()[0].value());
  EXPECT_NEAR(ToDoubles(moving)[0], 0.01 * means[0], 1e-6);
  EXPECT_NEAR(ToDoubles(moving)[1], 0.01 * means[1], 1e-6);
  // Without training the batch may have any size.
  const Output inferred = layer(root_, in, {.training = false});
  EXPECT_EQ(Run(inferred, {{in, RandomTensor(DType::kFloat, {5, 2})}}).shape(),
            TensorShape({5, 2}));
}

TEST_F(BatchNormExtrasTest, VirtualBatchesOfImagesDecideInARun) {
  const Output training = Input({}, DType::kBool), x = Input({4, 2, 2, 3});
  const Output y =
      BatchNormalization(root_, x, {.axis = 1, .training = training, .virtual_batch_size = 2});
  const Tensor images = RandomTensor(DType::kFloat, {4, 2, 2, 3}, 5);
  const Tensor inferred = Run(y, {{x, images}, {training, Tensor::Scalar(false)}});
  std::vector<double> want;
  for (const double v : ToDoubles(images)) want.push_back(v / std::sqrt(1.001));
  ExpectClose(inferred, FromDoubles(DType::kFloat, {4, 2, 2, 3}, want), {1e-4, 1e-4});
  const Tensor trained = Run(y, {{x, images}, {training, Tensor::Scalar(true)}});
  EXPECT_EQ(trained.shape(), TensorShape({4, 2, 2, 3}));
}

// --- adjustment ---

TEST_F(BatchNormExtrasTest, AdjustmentComesBeforeGammaAndBeta) {
  const auto adjustment = [](At at, Output) {
    return std::pair(ops::Const<float>(at, {2, 3}, {1, 2}),
                     ops::Const<float>(at, {10, 20}, {1, 2}));
  };
  const Output y = BatchNormalization(root_, Values({2, 2}, {-1, -2, 1, 2}),
                                      {.epsilon = 1e-12,
                                       .beta_initializer = initializers::Constant(5),
                                       .gamma_initializer = initializers::Constant(0.5),
                                       .training = true,
                                       .adjustment = adjustment});
  // The normalized x is -1 and 1.
  ExpectClose(Run(y), Tensor::Of<float>({2, 2}, {9, 13.5, 11, 16.5}), {1e-4, 1e-4});
}

TEST_F(BatchNormExtrasTest, AdjustmentIsOfTrainingOnly) {
  const auto adjustment = [](At at, Output) {
    return std::pair(ops::Const<float>(at, {2}, {1, 1}), ops::Const<float>(at, {10}, {1, 1}));
  };
  const Output training = Input({}, DType::kBool);
  const Output y = BatchNormalization(root_, Values({1, 1}, {3}),
                                      {.training = training, .adjustment = adjustment});
  ExpectClose(Run(y, {{training, Tensor::Scalar(false)}}),
              Tensor::Of<float>({1, 1}, {3 / std::sqrt(1.001f)}));
  ExpectClose(Run(y, {{training, Tensor::Scalar(true)}}), Tensor::Of<float>({1, 1}, {10}));
}

// --- training, constraints, configs ---

TEST_F(BatchNormExtrasTest, Gradients) {
  const Tensor x = RandomTensor(DType::kDouble, {4, 2, 3}, 6);
  LayerCheckOptions training;
  training.call.training = true;
  CheckLayerGradients(BatchNormalizationLayer({}), {x}, training);
  CheckLayerGradients(BatchNormalizationLayer({}), {x});
  CheckLayerGradients(BatchNormalizationLayer({.axis = 1}), {x}, training);
  CheckLayerGradients(BatchNormalizationLayer({.axis = {1, 2}}), {x}, training);
  CheckLayerGradients(BatchNormalizationLayer({.virtual_batch_size = 2}), {x}, training);
  // In the first step r = 1 and d = 0, whatever x is.
  CheckLayerGradients(BatchNormalizationLayer({.renorm = true}), {x}, training);
}

TEST_F(BatchNormExtrasTest, OneStep) {
  LayerCheckOptions training;
  training.call.training = true;
  for (const TensorShape& shape : {TensorShape({6, 3}), TensorShape({3, 2, 2, 3})})
    OneStepLowersLoss(BatchNormalizationLayer({}), {RandomTensor(DType::kFloat, shape)}, training);
}

TEST_F(BatchNormExtrasTest, RegularizersAndConstraints) {
  BatchNormalizationLayer layer({.gamma_regularizer = L2Regularizer(1),
                                 .beta_constraint = constraints::NonNeg(),
                                 .gamma_constraint = constraints::NonNeg()});
  layer(root_, Input({-1, 3}));
  ASSERT_EQ(layer.losses().size(), 1u);
  ExpectClose(Run(layer.losses()[0]), Tensor::Scalar(1.5f));  // 3 * 1^2 / 2
  for (const Variable& v : layer.trainable_weights())
    EXPECT_TRUE(static_cast<bool>(v.constraint())) << v.name();
}

TEST_F(BatchNormExtrasTest, Configs) {
  ConfigRoundTrip(BatchNormalizationLayer({.axis = {1, 2},
                                           .momentum = 0.5,
                                           .epsilon = 0.25,
                                           .center = false,
                                           .gamma_regularizer = L2Regularizer(1),
                                           .gamma_constraint = constraints::NonNeg(),
                                           .training = true,
                                           .trainable = false,
                                           .name = "bn",
                                           .renorm = true,
                                           .renorm_clipping = {.rmax = 3.0},
                                           .renorm_momentum = 0.75}),
                  {{-1, 3, 4}});
  ConfigRoundTrip(BatchNormalizationLayer({.training = true, .virtual_batch_size = 2}), {{4, 3}});
  ConfigRoundTrip(BatchNormalizationLayer({.axis = 1, .fused = false}), {{4, 3, 2, 2}});
}

}  // namespace
}  // namespace sluice::layers
