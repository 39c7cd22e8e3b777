// Normalizations that look at one sample at a time: LayerNormalization, InstanceNorm, GroupNorm,
// LocalResponseNormalization.
#include <cmath>
#include <functional>

#include "layers/constraints.h"
#include "layers/group_norm.h"
#include "layers/layer_normalization.h"
#include "layers/lrn.h"
#include "layers/regularizers.h"
#include "ops/relu.h"
#include "tests/testing/program/layer_check.h"
#include "tests/testing/program/program_fixture.h"

namespace sluice::layers {
namespace {

class NormalizationTest : public ProgramFixture {};

// x normalized over the elements that `group` calls by one number, then * gamma + beta of
// `parameter` (an index per element).
std::vector<double> Normalized(const Tensor& x, double epsilon,
                               const std::function<int(int64_t)>& group,
                               const std::function<int(int64_t)>& parameter,
                               const std::vector<double>& gamma, const std::vector<double>& beta) {
  const std::vector<double> v = ToDoubles(x);
  std::vector<double> y(v.size());
  for (size_t i = 0; i < v.size(); ++i) {
    double sum = 0, squares = 0, count = 0;
    for (size_t k = 0; k < v.size(); ++k) {
      if (group(k) != group(i)) continue;
      sum += v[k];
      squares += v[k] * v[k];
      ++count;
    }
    const double mean = sum / count, variance = squares / count - mean * mean;
    y[i] = (v[i] - mean) / std::sqrt(variance + epsilon) * gamma[parameter(i)] + beta[parameter(i)];
  }
  return y;
}

// --- LayerNormalization ---

TEST_F(NormalizationTest, LayerNormalizationOverTheLastAxis) {
  const Tensor x = RandomTensor(DType::kFloat, {3, 4}, 1);
  LayerNormalizationLayer layer({.beta_initializer = initializers::Constant({1, 2, 3, 4}),
                                 .gamma_initializer = initializers::Constant({4, 3, 2, 1})});
  const Output y = layer(root_, ops::Const(root_, x));
  EXPECT_EQ(Names(layer.trainable_weights()),
            (Strings{"layer_normalization/gamma:0", "layer_normalization/beta:0"}));
  EXPECT_EQ(layer.gamma().shape(), TensorShape({4}));
  EXPECT_EQ(y.name(), "layer_normalization/batchnorm/add_1:0");
  ExpectClose(Run(y),
              FromDoubles(DType::kFloat, {3, 4},
                          Normalized(
                              x, 1e-3, [](int64_t i) { return i / 4; },
                              [](int64_t i) { return i % 4; }, {4, 3, 2, 1}, {1, 2, 3, 4})),
              {1e-4, 1e-4});
}

TEST_F(NormalizationTest, LayerNormalizationOverSeveralAxes) {
  const Tensor x = RandomTensor(DType::kFloat, {2, 3, 2}, 2);
  const std::vector<double> by_axis = {1, 2, 3, 4, 5, 6};
  // Parameters of shape [2, 3]: entry (j, i) belongs to x[., i, j].
  const Output y = LayerNormalization(
      root_, ops::Const(root_, x),
      {.axis = {2, 1}, .epsilon = 0.1, .gamma_initializer = initializers::Constant(by_axis)});
  EXPECT_EQ(graph_.GlobalVariables()[0].shape(), TensorShape({2, 3}));
  ExpectClose(Run(y),
              FromDoubles(DType::kFloat, {2, 3, 2},
                          Normalized(
                              x, 0.1, [](int64_t i) { return i / 6; },
                              [](int64_t i) { return i % 2 * 3 + i / 2 % 3; }, by_axis,
                              std::vector<double>(6, 0))),
              {1e-4, 1e-4});
}

TEST_F(NormalizationTest, LayerNormalizationTrains) {
  const Tensor x = RandomTensor(DType::kDouble, {2, 3, 4}, 3);
  CheckLayerGradients(LayerNormalizationLayer({}), {x}, {.shapes = {{-1, -1, 4}}});
  CheckLayerGradients(LayerNormalizationLayer({.axis = 1}), {x});
  CheckLayerGradients(LayerNormalizationLayer({.axis = {2, 1}, .center = false}), {x});
  OneStepLowersLoss(LayerNormalizationLayer({}), {x});
}

TEST_F(NormalizationTest, LayerNormalizationErrors) {
  const struct {
    TensorShape shape;
    LayerNormalizationOptions options;
    const char* text;
  } cases[] = {{TensorShape::Unknown(), {}, "Input has undefined rank"},
               {{2, 3}, {.axis = 2}, "Invalid axis: 2"},
               {{2, 3}, {.axis = {1, -1}}, "Duplicate axis"},
               {{2, -1}, {}, "Input has undefined `axis` dimension"},
               {{2, 3}, {.epsilon = 0}, "epsilon must be > 0"}};
  for (const auto& c : cases) {
    Graph graph(ops::Builtin());
    const Scope root = Scope::Root(graph);
    LayerNormalization(root, ops::Placeholder(root, DType::kFloat, c.shape), c.options);
    EXPECT_THAT(graph.status(), StatusIs(absl::StatusCode::kInvalidArgument, c.text));
  }
}

// --- InstanceNorm ---

TEST_F(NormalizationTest, InstanceNormBothFormats) {
  const Tensor x = RandomTensor(DType::kFloat, {2, 3, 2, 2}, 4);
  const Initializer gamma = initializers::Constant({1, 2, 3}), beta = initializers::Constant(0.5);
  const Output in = ops::Const(root_, x);
  const Output last = InstanceNorm(root_, in, {.name = "last"});
  const Output first = InstanceNorm(root_, in,
                                    {.epsilon = 0.1,
                                     .activation_fn = ops::Relu,
                                     .beta_initializer = beta,
                                     .gamma_initializer = gamma,
                                     .data_format = DataFormat::kChannelsFirst,
                                     .name = "first"});
  EXPECT_EQ(Names(graph_.TrainableVariables()),
            (Strings{"last/beta:0", "last/gamma:0", "first/beta:0", "first/gamma:0"}));
  EXPECT_EQ(last.name(), "last/instancenorm/add_1:0");
  const std::vector<Tensor> y = Run({last, first});
  ExpectClose(y[0],
              FromDoubles(DType::kFloat, {2, 3, 2, 2},
                          Normalized(
                              x, 1e-6, [](int64_t i) { return i / 12 * 2 + i % 2; },
                              [](int64_t) { return 0; }, {1}, {0})),
              {1e-4, 1e-4});
  std::vector<double> want = Normalized(
      x, 0.1, [](int64_t i) { return i / 4; }, [](int64_t i) { return i / 4 % 3; }, {1, 2, 3},
      {0.5, 0.5, 0.5});
  for (double& v : want) v = std::max(v, 0.0);
  ExpectClose(y[1], FromDoubles(DType::kFloat, {2, 3, 2, 2}, want), {1e-4, 1e-4});
}

TEST_F(NormalizationTest, InstanceNormTrains) {
  const Tensor x = RandomTensor(DType::kDouble, {2, 3, 2}, 5);
  CheckLayerGradients(InstanceNormLayer({}), {x}, {.shapes = {{-1, -1, 2}}});
  CheckLayerGradients(InstanceNormLayer({.data_format = DataFormat::kChannelsFirst}),
                      {RandomTensor(DType::kDouble, {2, 2, 3}, 6)});
  OneStepLowersLoss(InstanceNormLayer({}), {x});
}

// --- GroupNorm ---

TEST_F(NormalizationTest, GroupNormAgainstLoops) {
  const std::vector<double> gamma = {1, 2, 3, 4}, beta = {4, 3, 2, 1};
  const Tensor x = RandomTensor(DType::kFloat, {2, 2, 3, 4}, 7);
  const Initializer g = initializers::Constant(gamma), b = initializers::Constant(beta);
  const Output last = GroupNorm(root_, ops::Const(root_, x),
                                {.groups = 2, .beta_initializer = b, .gamma_initializer = g});
  const Tensor f = RandomTensor(DType::kFloat, {2, 4, 2, 3}, 8);
  const Output first = GroupNorm(root_, ops::Const(root_, f),
                                 {.groups = 2,
                                  .channels_axis = 1,
                                  .reduction_axes = {2, 3},
                                  .beta_initializer = b,
                                  .gamma_initializer = g});
  EXPECT_EQ(Names(graph_.TrainableVariables()),
            (Strings{"group_norm/beta:0", "group_norm/gamma:0", "group_norm_1/beta:0",
                     "group_norm_1/gamma:0"}));
  const std::vector<Tensor> y = Run({last, first});
  ExpectClose(y[0],
              FromDoubles(DType::kFloat, {2, 2, 3, 4},
                          Normalized(
                              x, 1e-6, [](int64_t i) { return i / 24 * 2 + i % 4 / 2; },
                              [](int64_t i) { return i % 4; }, gamma, beta)),
              {1e-4, 1e-4});
  ExpectClose(y[1],
              FromDoubles(DType::kFloat, {2, 4, 2, 3},
                          Normalized(
                              f, 1e-6, [](int64_t i) { return i / 12; },
                              [](int64_t i) { return i / 6 % 4; }, gamma, beta)),
              {1e-4, 1e-4});
}

TEST_F(NormalizationTest, GroupNormTrains) {
  const Tensor x = RandomTensor(DType::kDouble, {2, 2, 1, 4}, 9);
  CheckLayerGradients(GroupNormLayer({.groups = 2}), {x}, {.shapes = {{-1, -1, -1, 4}}});
  CheckLayerGradients(
      GroupNormLayer({.groups = 2, .channels_axis = 1, .reduction_axes = {2}, .scale = false}),
      {RandomTensor(DType::kDouble, {2, 4, 3}, 10)});
  OneStepLowersLoss(GroupNormLayer({.groups = 4}), {x});
}

TEST_F(NormalizationTest, GroupNormErrors) {
  const struct {
    TensorShape shape;
    GroupNormOptions options;
    const char* text;
  } cases[] = {
      {TensorShape::Unknown(), {}, "has undefined rank."},
      {{2, 3, 4, 8}, {.groups = 8, .channels_axis = 4}, "Axis is out of bounds"},
      {{2, 3, 8}, {.groups = 8, .reduction_axes = {-4}}, "Axis is out of bounds"},
      {{2, 3, 4, -1}, {}, "has undefined channel dimension"},
      {{2, 3, 4, 8}, {}, "Invalid groups 32 for 8 channels for inputs [2,3,4,8]"},
      {{2, 3, 4, 8}, {.groups = 3}, "8 channels is not commensurate with 3 groups"},
      {{2, 3, 4, 8},
       {.groups = 2, .reduction_axes = {1, 3}},
       "reduction_axis must be mutually exclusive"},
      {{2, 3, 4, 8}, {.groups = 2, .reduction_axes = {1, 1}}, "reduction_axes must be unique"},
      {{2, 3, 4, 8}, {.groups = 0}, "The `groups` argument must be > 0"}};
  for (const auto& c : cases) {
    Graph graph(ops::Builtin());
    const Scope root = Scope::Root(graph);
    GroupNorm(root, ops::Placeholder(root, DType::kFloat, c.shape), c.options);
    EXPECT_THAT(graph.status(), StatusIs(absl::StatusCode::kInvalidArgument, c.text));
  }
}

TEST_F(NormalizationTest, InstanceNormErrors) {
  const struct {
    TensorShape shape;
    const char* text;
  } cases[] = {{TensorShape::Unknown(), "has undefined rank."},
               {{2, 3}, "Inputs should have rank 3 at least"},
               {{2, 3, 4, -1}, "has undefined channels dimension"}};
  for (const auto& c : cases) {
    Graph graph(ops::Builtin());
    const Scope root = Scope::Root(graph);
    InstanceNorm(root, ops::Placeholder(root, DType::kFloat, c.shape));
    EXPECT_THAT(graph.status(), StatusIs(absl::StatusCode::kInvalidArgument, c.text));
  }
}

// --- LocalResponseNormalization ---

TEST_F(NormalizationTest, LocalResponseNormalization) {
  const Output x = Values({1, 1, 1, 3}, {1, 2, 3});
  const Output y =
      LocalResponseNormalization(root_, x, {.depth_radius = 1, .bias = 2, .alpha = 0.5, .beta = 1});
  EXPECT_EQ(y.name(), "local_response_normalization/LRN:0");
  // Sums of squares: 1 + 4, 1 + 4 + 9, 4 + 9.
  ExpectClose(Run(y), Tensor::Of<float>({1, 1, 1, 3}, {1 / 4.5f, 2 / 9.0f, 3 / 8.5f}));
}

TEST_F(NormalizationTest, LocalResponseNormalizationErrors) {
  LocalResponseNormalization(root_, Input({1, 2, 3}));
  ExpectInvalid("expected ndim=4, found ndim=3");
}

TEST_F(NormalizationTest, Configs) {
  ConfigRoundTrip(LayerNormalizationLayer({.axis = {1, 2},
                                           .epsilon = 0.5,
                                           .center = false,
                                           .gamma_regularizer = L2Regularizer(1),
                                           .gamma_constraint = constraints::NonNeg(),
                                           .trainable = false,
                                           .name = "ln"}),
                  {{-1, 3, 4}});
  ConfigRoundTrip(InstanceNormLayer({.scale = false,
                                     .epsilon = 0.5,
                                     .activation_fn = ops::Relu,
                                     .data_format = DataFormat::kChannelsFirst}),
                  {{-1, 3, 4}});
  ConfigRoundTrip(GroupNormLayer({.groups = 2,
                                  .channels_axis = 1,
                                  .reduction_axes = {2},
                                  .center = false,
                                  .activation_fn = ops::Relu}),
                  {{-1, 4, 3}});
  ConfigRoundTrip(LocalResponseNormalizationLayer({.depth_radius = 2, .bias = 2, .alpha = 0.5}),
                  {{-1, 3, 4, 5}});
}

}  // namespace
}  // namespace sluice::layers
