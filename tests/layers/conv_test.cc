// Conv1D, Conv2D and Conv3D in both data formats (rules CV-1, CV-4, CV-10 to CV-15, CV-20 to
// CV-22). Names: conv1d_names_test.cc, conv2d_names_test.cc, conv3d_names_test.cc.
#include "layers/conv.h"

#include "tests/testing/conv_layer_reference.h"
#include "tests/testing/program/layer_check.h"
#include "tests/testing/program/program_fixture.h"

namespace sluice::layers {
namespace {

template <typename LayerT, typename Window>
LayerT LayerOfCase(const ConvLayerCase& c, Window (*window)(const std::vector<int64_t>&),
                   Activation activation = {}) {
  return LayerT({.filters = 4,
                 .kernel_size = window(c.kernel),
                 .strides = window(c.Or1(c.strides)),
                 .padding = c.padding,
                 .data_format = c.format,
                 .dilation_rate = window(c.Or1(c.dilation)),
                 .activation = std::move(activation)});
}

// What each case must give, for one of the three layers.
template <typename LayerT>
void CheckCase(const ConvLayerCase& c, const LayerT& plain, const LayerT& tanh) {
  const ConvCase twin = c.Twin(3, 4);
  const Tensor x = RandomTensor(DType::kDouble, twin.input, 1),
               w = RandomTensor(DType::kDouble, twin.filter, 2),
               b = RandomTensor(DType::kDouble, {4}, 3);
  const Tensor want = PlusBias(SumOfProducts(twin, false, 2, x, w, twin.output), b, c.format);
  const LayerCheckOptions unknown = {.shapes = {c.UnknownBatch(3)}};
  ExpectClose(RunLayer(plain, {x}, {w, b}), want);
  ExpectClose(RunLayer(plain, {x}, {w, b}, unknown), want);
  TensorShape any_batch = twin.input;
  any_batch.set_dim(0, -1);
  ExpectClose(RunLayer(plain, {x}, {w, b}, {.shapes = {any_batch}}), want);
  CheckLayerGradients(tanh, {x});
  CheckLayerGradients(tanh, {x}, unknown);
  OneStepLowersLoss(tanh, {RandomTensor(DType::kFloat, twin.input)}, unknown);
  ConfigRoundTrip(tanh, {twin.input});
  // The static shape is exact.
  Graph graph(ops::Builtin());
  const Scope root = Scope::Root(graph);
  LayerT layer = plain;
  EXPECT_EQ(layer(root, ops::Placeholder(root, DType::kFloat, twin.input)).shape(), twin.output);
  EXPECT_EQ(layer.kernel().shape(), twin.filter);  // CV-4: in either format
  EXPECT_EQ(layer.bias().shape(), TensorShape({4}));
  EXPECT_EQ(*layer.CountParams(), twin.filter.num_elements() + 4);
}

class Conv1DCases : public ::testing::TestWithParam<ConvLayerCase> {};
class Conv2DCases : public ::testing::TestWithParam<ConvLayerCase> {};
class Conv3DCases : public ::testing::TestWithParam<ConvLayerCase> {};
const auto name_of = [](const auto& info) { return NameOfCase(info.param); };
INSTANTIATE_TEST_SUITE_P(All, Conv1DCases, ::testing::ValuesIn(SequenceCases()), name_of);
INSTANTIATE_TEST_SUITE_P(All, Conv2DCases, ::testing::ValuesIn(ImageCases()), name_of);
INSTANTIATE_TEST_SUITE_P(All, Conv3DCases, ::testing::ValuesIn(VolumeCases()), name_of);

TEST_P(Conv1DCases, MatchTheTwin) {
  CheckCase(GetParam(), LayerOfCase<Conv1DLayer>(GetParam(), Window1),
            LayerOfCase<Conv1DLayer>(GetParam(), Window1, "tanh"));
}
TEST_P(Conv2DCases, MatchTheTwin) {
  CheckCase(GetParam(), LayerOfCase<Conv2DLayer>(GetParam(), Window2),
            LayerOfCase<Conv2DLayer>(GetParam(), Window2, "tanh"));
}
TEST_P(Conv3DCases, MatchTheTwin) {
  CheckCase(GetParam(), LayerOfCase<Conv3DLayer>(GetParam(), Window3),
            LayerOfCase<Conv3DLayer>(GetParam(), Window3, "tanh"));
}

class ConvTest : public ProgramFixture {};

TEST_F(ConvTest, ShapesOfTheRules) {  // CV-20 to CV-22
  EXPECT_EQ(Conv1D(root_, Input({5, 7, 4}), {.filters = 32, .kernel_size = 3}).shape(),
            TensorShape({5, 5, 32}));
  EXPECT_EQ(Conv3D(root_, Input({5, 6, 7, 9, 4}), {.filters = 32, .kernel_size = 3}).shape(),
            TensorShape({5, 4, 5, 7, 32}));
  EXPECT_EQ(Conv3D(root_, Input({-1, 4, -1, 7, 9}),
                   {.filters = 32, .kernel_size = 3, .data_format = DataFormat::kChannelsFirst})
                .shape(),
            TensorShape({-1, 32, -1, 5, 7}));
  EXPECT_EQ(Conv1D(root_, Input({-1, 4, -1}),
                   {.filters = 3, .kernel_size = 2, .data_format = DataFormat::kChannelsFirst})
                .shape(),
            TensorShape({-1, 3, -1}));
  EXPECT_EQ(Conv1D(root_, Input({-1, 9, 4}),
                   {.filters = 3, .kernel_size = 2, .padding = Padding::kCausal})
                .shape(),
            TensorShape({-1, 9, 3}));
  EXPECT_THAT(graph_.status(), IsOk());
}

TEST_F(ConvTest, ASequenceByHand) {  // causal: y[i] = 10 x[i] + x[i - 2] + bias
  const Output y = Conv1D(root_, Values({1, 4, 1}, {1, 2, 3, 4}),
                          {.filters = 1,
                           .kernel_size = 2,
                           .padding = Padding::kCausal,
                           .dilation_rate = 2,
                           .kernel_initializer = initializers::Constant({1, 10}),
                           .bias_initializer = initializers::Constant(0.5)});
  ExpectClose(Run(y), Tensor::Of<float>({1, 4, 1}, {10.5, 20.5, 31.5, 42.5}));
}

TEST_F(ConvTest, EmptyBatches) {
  for (const DataFormat format : {DataFormat::kChannelsLast, DataFormat::kChannelsFirst}) {
    const bool last = format == DataFormat::kChannelsLast;
    const Output x = Input(last ? TensorShape({-1, 4, 4, 4, 2}) : TensorShape({-1, 2, 4, 4, 4}));
    const Output y = Conv3D(root_, x, {.filters = 3, .kernel_size = 2, .data_format = format});
    session_.reset();
    EXPECT_EQ(Run(y, {{x, Tensor::Zeros(DType::kFloat, last ? TensorShape({0, 4, 4, 4, 2})
                                                            : TensorShape({0, 2, 4, 4, 4}))}})
                  .shape(),
              last ? TensorShape({0, 3, 3, 3, 3}) : TensorShape({0, 3, 3, 3, 3}));
  }
}

TEST_F(ConvTest, HalfPrecision) {
  for (const DType dtype : {DType::kHalf, DType::kBfloat16}) {
    Conv1DLayer layer({.filters = 2, .kernel_size = 2, .kernel_initializer = initializers::Ones()});
    const Output x = Input({1, 3, 1}, dtype);
    const Output y = layer(root_, x);
    session_.reset();
    EXPECT_EQ(layer.kernel().dtype(), dtype);
    ExpectClose(Run(y, {{x, FromDoubles(dtype, {1, 3, 1}, {1, 2, 3})}}),
                FromDoubles(dtype, {1, 2, 2}, {3, 3, 5, 5}));
  }
}

TEST_F(ConvTest, AliasesAreTheSameLayers) {  // CV-27
  EXPECT_EQ(Convolution1D(root_, Input({1, 5, 2}), {.filters = 3, .kernel_size = 2}).name(),
            "conv1d/BiasAdd:0");
  EXPECT_EQ(Convolution2D(root_, Input({1, 5, 5, 2}), {.filters = 3, .kernel_size = 2}).name(),
            "conv2d/BiasAdd:0");
  EXPECT_EQ(Convolution3D(root_, Input({1, 5, 5, 5, 2}), {.filters = 3, .kernel_size = 2}).name(),
            "conv3d/BiasAdd:0");
  Convolution1DLayer one({.filters = 1, .kernel_size = 1});
  Convolution2DLayer two({.filters = 1, .kernel_size = 1});
  Convolution3DLayer three({.filters = 1, .kernel_size = 1});
  EXPECT_EQ(one.class_name(), "Conv1D");
  EXPECT_EQ(two.class_name(), "Conv2D");
  EXPECT_EQ(three.class_name(), "Conv3D");
}

TEST_F(ConvTest, ActivityRegularizer) {  // L-10
  const Output x = Values({1, 2, 1}, {3, -4});
  Conv1DLayer layer({.filters = 1,
                     .kernel_size = 1,
                     .kernel_initializer = initializers::Ones(),
                     .activity_regularizer =
                         Regularizer([](At at, Output y) { return at.Node("L2Loss", {y}); })});
  layer(root_, x);
  ASSERT_EQ(layer.losses().size(), 1u);
  EXPECT_EQ(layer.GetLossesFor({x}).size(), 1u);
  ExpectClose(Run(layer.losses()[0]), Tensor::Scalar<float>(12.5));
}

// --- refusals ---

template <typename Function, typename Options>
void ExpectRefusal(Function function, const TensorShape& input, Options options,
                   const std::string& text) {
  Graph graph(ops::Builtin());
  const Scope root = Scope::Root(graph);
  EXPECT_TRUE(function(root, ops::Placeholder(root, DType::kFloat, input), options).empty());
  EXPECT_THAT(graph.status(), StatusIs(absl::StatusCode::kInvalidArgument, text));
  EXPECT_THAT(graph.status(), StatusIs(absl::StatusCode::kInvalidArgument, "conv_test.cc:"));
}

TEST(ConvRefusalTest, Options) {
  const auto conv1d = [](const Scope& s, Output x, Conv1DOptions o) { return Conv1D(s, x, o); };
  const auto conv2d = [](const Scope& s, Output x, Conv2DOptions o) { return Conv2D(s, x, o); };
  const auto conv3d = [](const Scope& s, Output x, Conv3DOptions o) { return Conv3D(s, x, o); };
  const auto refuse1 = [&](const TensorShape& x, Conv1DOptions o, const char* text) {
    ExpectRefusal(conv1d, x, o, text);
  };
  const auto refuse3 = [&](const TensorShape& x, Conv3DOptions o, const char* text) {
    ExpectRefusal(conv3d, x, o, text);
  };
  refuse1({1, 5, 1}, {.kernel_size = 3}, "The `filters` argument must be > 0. Received: 0");
  refuse1({1, 5, 1}, {.filters = 1},
          "The `kernel_size` argument must be a tuple of 1 integers. Received: (0), must be > 0");
  refuse1({1, 5, 1}, {.filters = 1, .kernel_size = 1, .strides = -1}, "`strides`");
  refuse1({1, 5, 1}, {.filters = 1, .kernel_size = 1, .dilation_rate = 0}, "`dilation_rate`");
  refuse1({1, 5, 1}, {.filters = 1, .kernel_size = 1, .strides = 2, .dilation_rate = 2},
          "strides > 1 not supported in conjunction with dilation_rate > 1");
  refuse1({1, 5, 1, 1}, {.filters = 1, .kernel_size = 3}, "expected ndim=3, found ndim=4");
  refuse1(TensorShape::Unknown(), {.filters = 1, .kernel_size = 3}, "its rank is undefined");
  refuse1({1, 5, -1}, {.filters = 1, .kernel_size = 3},
          "The channel dimension of the inputs should be defined. Found `None`.");
  refuse1({1, 5, 1}, {.filters = 1, .kernel_size = 6}, "Negative dimension size caused by");
  refuse3({1, 5, 5, 5, 1}, {.filters = 1, .kernel_size = {1, 0, 1}},
          "must be a tuple of 3 integers. Received: (1, 0, 1), must be > 0");
  refuse3({1, 5, 5, 1}, {.filters = 1, .kernel_size = 3}, "expected ndim=5, found ndim=4");
  refuse3({1, -1, 5, 5, 5},
          {.filters = 1, .kernel_size = 3, .data_format = DataFormat::kChannelsFirst},
          "The channel dimension of the inputs should be defined. Found `None`.");
  refuse3({1, 5, 2, 5, 1}, {.filters = 1, .kernel_size = 3}, "Negative dimension size caused by");
  refuse3({1, 5, 5, 5, 1}, {.filters = 1, .kernel_size = 3, .padding = Padding::kCausal},
          "Causal padding is only supported for");
  ExpectRefusal(conv2d, {1, 5, 5, 1},
                Conv2DOptions{.filters = 1, .kernel_size = 3, .padding = Padding::kCausal},
                "Causal padding is only supported for");
}

TEST(ConvRefusalTest, Configs) {  // CV-10 to CV-12
  const auto expect = [](const char* class_name, const char* field, ConfigValue value,
                         const char* text) {
    Config config{class_name, {{"filters", int64_t{1}}, {"kernel_size", int64_t{3}}}};
    config.fields[field] = std::move(value);
    EXPECT_THAT(LayerFromConfig(config).status(),
                StatusIs(absl::StatusCode::kInvalidArgument, text));
  };
  expect("Conv2D", "kernel_size", std::vector<int64_t>{3, 3, 3},
         "The `kernel_size` argument must be a tuple of 2 integers. Received: (3, 3, 3)");
  expect("Conv1D", "strides", std::vector<int64_t>{1, 2},
         "The `strides` argument must be a tuple of 1 integers. Received: (1, 2)");
  expect("Conv3D", "dilation_rate", std::vector<int64_t>{1},
         "The `dilation_rate` argument must be a tuple of 3 integers. Received: (1)");
  expect("Conv3D", "dilation_rate", ConfigValue(), "`dilation_rate`");
  expect("Conv1D", "padding", std::string("full"), "The `padding` argument must be one of");
  expect("Conv2D", "data_format", std::string("NHWC"), "The `data_format` argument must be one of");
  expect("Conv2D", "kernal_size", int64_t{3}, "Keyword argument not understood: kernal_size");
}

TEST(ConvConfigTest, TakesNumbersListsAndEitherCase) {
  const Config config{"Conv1D",
                      {{"filters", int64_t{2}},
                       {"kernel_size", std::vector<int64_t>{5}},
                       {"strides", int64_t{2}},
                       {"padding", std::string("CAUSAL")},
                       {"data_format", std::string("Channels_First")}}};
  const absl::StatusOr<std::shared_ptr<Layer>> layer = LayerFromConfig(config);
  ASSERT_THAT(layer, IsOk());
  const Conv1DOptions& o = dynamic_cast<Conv1DLayer&>(**layer).options();
  EXPECT_EQ(o.kernel_size, Int1(5));
  EXPECT_EQ(o.strides, Int1(2));
  EXPECT_EQ(o.dilation_rate, Int1(1));
  EXPECT_EQ(o.padding, Padding::kCausal);
  EXPECT_EQ(o.data_format, DataFormat::kChannelsFirst);
}

}  // namespace
}  // namespace sluice::layers
