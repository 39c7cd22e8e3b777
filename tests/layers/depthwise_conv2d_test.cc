// DepthwiseConv2D in both data formats (rules CV-8, CV-24). Names: depthwise_conv2d_names_test.cc.
#include "layers/depthwise_conv2d.h"

#include "layers/regularizers.h"
#include "tests/testing/conv_layer_reference.h"
#include "tests/testing/program/layer_check.h"
#include "tests/testing/program/program_fixture.h"

namespace sluice::layers {
namespace {

DepthwiseConv2DLayer LayerOfCase(const ConvLayerCase& c, Activation activation) {
  return DepthwiseConv2DLayer({.kernel_size = Window2(c.kernel),
                               .strides = Window2(c.Or1(c.strides)),
                               .padding = c.padding,
                               .depth_multiplier = 2,
                               .data_format = c.format,
                               .activation = std::move(activation),
                               .dilation_rate = Window2(c.Or1(c.dilation))});
}

class DepthwiseConv2DCases : public ::testing::TestWithParam<ConvLayerCase> {};
const auto name_of = [](const auto& info) { return NameOfCase(info.param); };
INSTANTIATE_TEST_SUITE_P(All, DepthwiseConv2DCases, ::testing::ValuesIn(ImageCases()), name_of);

TEST_P(DepthwiseConv2DCases, MatchTheTwin) {  // from 3 channels to 6
  const ConvLayerCase& c = GetParam();
  const ConvCase twin = c.Twin(3, 6, /*depthwise=*/true);
  const DepthwiseConv2DLayer plain = LayerOfCase(c, {}), tanh = LayerOfCase(c, "tanh");
  const Tensor x = RandomTensor(DType::kDouble, twin.input, 1),
               w = RandomTensor(DType::kDouble, twin.filter, 2),
               b = RandomTensor(DType::kDouble, {6}, 3);
  const Tensor want = PlusBias(SumOfProducts(twin, true, 2, x, w, twin.output), b, c.format);
  const LayerCheckOptions unknown = {.shapes = {c.UnknownBatch(3)}};
  ExpectClose(RunLayer(plain, {x}, {w, b}), want);
  ExpectClose(RunLayer(plain, {x}, {w, b}, unknown), want);
  CheckLayerGradients(tanh, {x});
  CheckLayerGradients(tanh, {x}, unknown);
  OneStepLowersLoss(tanh, {RandomTensor(DType::kFloat, twin.input)}, unknown);
  ConfigRoundTrip(tanh, {twin.input});
  Graph graph(ops::Builtin());
  const Scope root = Scope::Root(graph);
  DepthwiseConv2DLayer layer = plain;
  EXPECT_EQ(layer(root, ops::Placeholder(root, DType::kFloat, twin.input)).shape(), twin.output);
  EXPECT_EQ(layer.depthwise_kernel().shape(), twin.filter);
  EXPECT_EQ(layer.bias().shape(), TensorShape({6}));
  EXPECT_EQ(*layer.CountParams(), twin.filter.num_elements() + 6);
}

class DepthwiseConv2DTest : public ProgramFixture {};

TEST_F(DepthwiseConv2DTest, EveryArgumentReachesItsVariable) {
  DepthwiseConv2DLayer layer({.kernel_size = 1,
                              .depth_multiplier = 2,
                              .depthwise_initializer = initializers::Constant({2, 3}),
                              .bias_initializer = initializers::Constant(5),
                              .depthwise_regularizer = L1Regularizer(1),
                              .bias_regularizer = L1Regularizer(10),
                              .depthwise_constraint = Constraint([](At, Output w) { return w; })});
  const Output y = layer(root_, Values({1, 1, 2, 1}, {1, -1}));
  ASSERT_THAT(graph_.status(), IsOk());
  ExpectClose(Run(y), Tensor::Of<float>({1, 1, 2, 2}, {7, 8, 3, 2}));
  ASSERT_EQ(layer.losses().size(), 2u);
  EXPECT_EQ(ToDoubles(Run(layer.losses()[0])), (std::vector<double>{5}));
  EXPECT_EQ(ToDoubles(Run(layer.losses()[1])), (std::vector<double>{100}));
  EXPECT_TRUE(static_cast<bool>(layer.depthwise_kernel().constraint()));
}

TEST_F(DepthwiseConv2DTest, TheConfigHasNeitherFiltersNorKernels) {  // CV-24
  const Config config = *DepthwiseConv2DLayer({.kernel_size = 3}).ToConfig();
  for (const auto& [name, value] : config.fields) {
    EXPECT_NE(name, "filters");
    EXPECT_TRUE(name == "kernel_size" || name.rfind("kernel_", 0) != 0) << name;
  }
  EXPECT_EQ(config.fields.count("depth_multiplier"), 1u);
}

void Refuse(const TensorShape& input, DepthwiseConv2DOptions options, const std::string& text) {
  Graph graph(ops::Builtin());
  const Scope root = Scope::Root(graph);
  const Output x = ops::Placeholder(root, DType::kFloat, input);
  EXPECT_TRUE(DepthwiseConv2D(root, x, options).empty());
  EXPECT_THAT(graph.status(), StatusIs(absl::StatusCode::kInvalidArgument, text));
}

TEST(DepthwiseConv2DRefusalTest, EachHasItsMessage) {
  Refuse({1, 5, 5}, {.kernel_size = 3}, "Inputs to `DepthwiseConv2D` should have rank 4");
  Refuse({1, 5, 5, 1, 1}, {.kernel_size = 3}, "Inputs to `DepthwiseConv2D` should have rank 4");
  Refuse({1, 5, 5, -1}, {.kernel_size = 3}, "should be defined. Found `None`");
  Refuse({1, 5, 5, 1}, {}, "The `kernel_size` argument must be a tuple of 2");
  Refuse({1, 5, 5, 1}, {.kernel_size = 3, .depth_multiplier = 0}, "`depth_multiplier`");
  Refuse({1, 9, 9, 1}, {.kernel_size = 3, .strides = 2, .dilation_rate = 2},
         "strides > 1 not supported in conjunction with dilation_rate > 1");
  Refuse({1, 5, 5, 1}, {.kernel_size = 3, .padding = Padding::kCausal},
         "Causal padding is only supported for");
  Refuse({1, 5, 2, 1}, {.kernel_size = 3}, "Negative dimension size caused by");
}

}  // namespace
}  // namespace sluice::layers
