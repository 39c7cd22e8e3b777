// SeparableConv1D and SeparableConv2D in both data formats (rules CV-23, SD-3, SD-4). Names:
// separable_conv1d_names_test.cc, separable_conv2d_names_test.cc.
#include "layers/separable_conv.h"

#include "layers/regularizers.h"
#include "tests/testing/conv_layer_reference.h"
#include "tests/testing/program/layer_check.h"
#include "tests/testing/program/program_fixture.h"

namespace sluice::layers {
namespace {

template <typename LayerT, typename Window>
LayerT LayerOfCase(const ConvLayerCase& c, Window (*window)(const std::vector<int64_t>&),
                   Activation activation = {}) {
  return LayerT({.filters = 5,
                 .kernel_size = window(c.kernel),
                 .strides = window(c.Or1(c.strides)),
                 .padding = c.padding,
                 .data_format = c.format,
                 .dilation_rate = window(c.Or1(c.dilation)),
                 .depth_multiplier = 2,
                 .activation = std::move(activation)});
}

// From 3 channels to 6 and to 5.
template <typename LayerT>
void CheckCase(const ConvLayerCase& c, const LayerT& plain, const LayerT& tanh) {
  const ConvCase depthwise = c.Twin(3, 6, /*depthwise=*/true);
  ConvLayerCase point = {.input = c.output,
                         .output = c.output,
                         .kernel = std::vector<int64_t>(c.kernel.size(), 1),
                         .before = std::vector<int64_t>(c.kernel.size(), 0),
                         .format = c.format};
  const ConvCase pointwise = point.Twin(6, 5);
  const Tensor x = RandomTensor(DType::kDouble, depthwise.input, 1),
               d = RandomTensor(DType::kDouble, depthwise.filter, 2),
               w = RandomTensor(DType::kDouble, pointwise.filter, 3),
               b = RandomTensor(DType::kDouble, {5}, 4);
  const Tensor between = SumOfProducts(depthwise, true, 2, x, d, depthwise.output);
  const Tensor want =
      PlusBias(SumOfProducts(pointwise, false, 2, between, w, pointwise.output), b, c.format);
  const LayerCheckOptions unknown = {.shapes = {c.UnknownBatch(3)}};
  ExpectClose(RunLayer(plain, {x}, {d, w, b}), want);
  ExpectClose(RunLayer(plain, {x}, {d, w, b}, unknown), want);
  CheckLayerGradients(tanh, {x});
  CheckLayerGradients(tanh, {x}, unknown);
  OneStepLowersLoss(tanh, {RandomTensor(DType::kFloat, depthwise.input)}, unknown);
  ConfigRoundTrip(tanh, {depthwise.input});
  Graph graph(ops::Builtin());
  const Scope root = Scope::Root(graph);
  LayerT layer = plain;
  EXPECT_EQ(layer(root, ops::Placeholder(root, DType::kFloat, depthwise.input)).shape(),
            pointwise.output);
  EXPECT_EQ(layer.depthwise_kernel().shape(), depthwise.filter);
  EXPECT_EQ(layer.pointwise_kernel().shape(), pointwise.filter);
  EXPECT_EQ(layer.bias().shape(), TensorShape({5}));
  EXPECT_EQ(*layer.CountParams(),
            depthwise.filter.num_elements() + pointwise.filter.num_elements() + 5);
}

class SeparableConv1DCases : public ::testing::TestWithParam<ConvLayerCase> {};
class SeparableConv2DCases : public ::testing::TestWithParam<ConvLayerCase> {};
const auto name_of = [](const auto& info) { return NameOfCase(info.param); };
INSTANTIATE_TEST_SUITE_P(All, SeparableConv1DCases, ::testing::ValuesIn(SequenceCases()), name_of);
INSTANTIATE_TEST_SUITE_P(All, SeparableConv2DCases, ::testing::ValuesIn(ImageCases()), name_of);

TEST_P(SeparableConv1DCases, MatchTheTwin) {
  CheckCase(GetParam(), LayerOfCase<SeparableConv1DLayer>(GetParam(), Window1),
            LayerOfCase<SeparableConv1DLayer>(GetParam(), Window1, "tanh"));
}
TEST_P(SeparableConv2DCases, MatchTheTwin) {
  CheckCase(GetParam(), LayerOfCase<SeparableConv2DLayer>(GetParam(), Window2),
            LayerOfCase<SeparableConv2DLayer>(GetParam(), Window2, "tanh"));
}

class SeparableConvTest : public ProgramFixture {};

TEST_F(SeparableConvTest, EveryArgumentReachesItsVariable) {  // SD-3
  SeparableConv2DLayer layer({.filters = 1,
                              .kernel_size = 1,
                              .depthwise_initializer = initializers::Constant(2),
                              .pointwise_initializer = initializers::Constant(3),
                              .bias_initializer = initializers::Constant(5),
                              .depthwise_regularizer = L1Regularizer(1),
                              .pointwise_regularizer = L1Regularizer(10),
                              .bias_regularizer = L1Regularizer(100),
                              .depthwise_constraint = Constraint([](At, Output w) { return w; }),
                              .trainable = false});
  const Output y = layer(root_, Values({1, 1, 2, 1}, {1, -1}));
  ASSERT_THAT(graph_.status(), IsOk());
  ExpectClose(Run(y), Tensor::Of<float>({1, 1, 2, 1}, {11, -1}));
  ASSERT_EQ(layer.losses().size(), 3u);
  EXPECT_EQ(ToDoubles(Run(layer.losses()[0])), (std::vector<double>{2}));
  EXPECT_EQ(ToDoubles(Run(layer.losses()[1])), (std::vector<double>{30}));
  EXPECT_EQ(ToDoubles(Run(layer.losses()[2])), (std::vector<double>{500}));
  EXPECT_TRUE(static_cast<bool>(layer.depthwise_kernel().constraint()));
  EXPECT_FALSE(static_cast<bool>(layer.pointwise_kernel().constraint()));
  EXPECT_TRUE(graph_.TrainableVariables().empty());
  EXPECT_EQ(layer.non_trainable_weights().size(), 3u);
}

TEST_F(SeparableConvTest, ObjectsShareFunctionsDoNot) {
  SeparableConv1DLayer layer({.filters = 2, .kernel_size = 2});
  const Output x = Input({-1, 5, 3});
  layer(root_, x);
  layer(root_, x);
  EXPECT_EQ(graph_.GlobalVariables().size(), 3u);
  SeparableConv1D(root_, x, {.filters = 2, .kernel_size = 2, .name = "s"});
  SeparableConv1D(root_, x, {.filters = 2, .kernel_size = 2, .name = "s", .reuse = Reuse::kTrue});
  EXPECT_EQ(graph_.GlobalVariables().size(), 6u);
  EXPECT_THAT(graph_.status(), IsOk());
  SeparableConv1D(root_, x, {.filters = 2, .kernel_size = 2, .name = "s"});
  ExpectError(absl::StatusCode::kAlreadyExists, "Variable s/depthwise_kernel already exists");
}

TEST_F(SeparableConvTest, AliasesAreTheSameLayers) {  // CV-27
  EXPECT_EQ(
      SeparableConvolution2D(root_, Input({1, 5, 5, 2}), {.filters = 3, .kernel_size = 2}).name(),
      "separable_conv2d/BiasAdd:0");
  EXPECT_EQ(
      SeparableConvolution1D(root_, Input({1, 5, 2}), {.filters = 3, .kernel_size = 2}).name(),
      "separable_conv1d/Squeeze:0");
  SeparableConvolution2DLayer layer({.filters = 3, .kernel_size = 2});
  EXPECT_EQ(layer.class_name(), "SeparableConv2D");
}

// --- refusals ---

void Refuse1(const TensorShape& input, SeparableConv1DOptions options, const std::string& text) {
  Graph graph(ops::Builtin());
  const Scope root = Scope::Root(graph);
  EXPECT_TRUE(SeparableConv1D(root, ops::Placeholder(root, DType::kFloat, input), options).empty());
  EXPECT_THAT(graph.status(), StatusIs(absl::StatusCode::kInvalidArgument, text));
}
void Refuse2(const TensorShape& input, SeparableConv2DOptions options, const std::string& text) {
  Graph graph(ops::Builtin());
  const Scope root = Scope::Root(graph);
  EXPECT_TRUE(SeparableConv2D(root, ops::Placeholder(root, DType::kFloat, input), options).empty());
  EXPECT_THAT(graph.status(), StatusIs(absl::StatusCode::kInvalidArgument, text));
}

TEST(SeparableConvRefusalTest, EachHasItsMessage) {
  Refuse1({1, 5, 1}, {.kernel_size = 3}, "The `filters` argument must be > 0. Received: 0");
  Refuse1({1, 5, 1}, {.filters = 1, .kernel_size = 0}, "must be a tuple of 1 integers. Received: ");
  Refuse1({1, 5, 1}, {.filters = 1, .kernel_size = 2, .depth_multiplier = 0},
          "The `depth_multiplier` argument must be > 0. Received: 0");
  Refuse1({1, 5, 4}, {.filters = 1, .kernel_size = 2, .depth_multiplier = int64_t{1} << 61},
          "too many channels");
  Refuse1({1, 9, 1}, {.filters = 1, .kernel_size = 2, .strides = 2, .dilation_rate = 2},
          "strides > 1 not supported in conjunction with dilation_rate > 1");
  Refuse1({1, 5, -1}, {.filters = 1, .kernel_size = 2}, "Found `None`.");
  Refuse1({1, 5}, {.filters = 1, .kernel_size = 2}, "expected ndim=3, found ndim=2");
  Refuse1({1, 5, 1}, {.filters = 1, .kernel_size = 6}, "Negative dimension size caused by");
  Refuse2({1, 5, 5, 1, 1}, {.filters = 1, .kernel_size = 2}, "expected ndim=4, found ndim=5");
  Refuse2({5, 5, 1}, {.filters = 1, .kernel_size = 2}, "expected ndim=4, found ndim=3");
  Refuse2({1, 5, 5, 1}, {.filters = 1, .kernel_size = 2, .padding = Padding::kCausal},
          "Causal padding is only supported for");
}

}  // namespace
}  // namespace sluice::layers
