// Conv2DTranspose and Conv3DTranspose in both data formats (rules CV-3, CV-9, CV-25, SD-2). Names:
// conv_transpose_names_test.cc.
#include "layers/conv_transpose.h"

#include "tests/testing/conv_layer_reference.h"
#include "tests/testing/program/layer_check.h"
#include "tests/testing/program/program_fixture.h"

namespace sluice::layers {
namespace {

// Each is the convolution that the layer transposes: its `output` is the layer's input.
std::vector<ConvLayerCase> Images() {
  return InBothFormats({
      {.name = "Valid", .input = {5, 8}, .output = {3, 7}, .kernel = {3, 2}, .before = {0, 0}},
      {.name = "ValidStride2",  // 2 * 2 + 1 = 5, 3 * 3 + 0 = 9
       .input = {5, 9},
       .output = {2, 3},
       .kernel = {3, 2},
       .before = {0, 0},
       .strides = {2, 3}},
      {.name = "SameStride2",  // 6 = 3 * 2: padding 2 * 2 + 3 - 6 = 1; 4 = 2 * 2: 2 + 2 - 4 = 0
       .input = {6, 4},
       .output = {3, 2},
       .kernel = {3, 2},
       .before = {0, 0},
       .padding = Padding::kSame,
       .strides = {2, 2}},
      {.name = "Same",  // padding 3 - 1 = 2, 4 - 1 = 3
       .input = {3, 5},
       .output = {3, 5},
       .kernel = {3, 4},
       .before = {1, 1},
       .padding = Padding::kSame},
  });
}
std::vector<ConvLayerCase> Volumes() {
  return InBothFormats({
      {.name = "Valid",
       .input = {3, 4, 4},
       .output = {2, 4, 2},
       .kernel = {2, 1, 3},
       .before = {0, 0, 0}},
      {.name = "SameStrides",  // 2, 6, 2: padding 3 - 1 = 2, 2 * 2 + 3 - 6 = 1, 1
       .input = {2, 6, 2},
       .output = {2, 3, 1},
       .kernel = {3, 3, 2},
       .before = {1, 0, 0},
       .padding = Padding::kSame,
       .strides = {1, 2, 2}},
  });
}

template <typename LayerT, typename Window>
LayerT LayerOfCase(const ConvLayerCase& c, Window (*window)(const std::vector<int64_t>&),
                   Activation activation = {}, std::optional<Window> output_padding = {}) {
  return LayerT({.filters = 3,
                 .kernel_size = window(c.kernel),
                 .strides = window(c.Or1(c.strides)),
                 .padding = c.padding,
                 .output_padding = output_padding,
                 .data_format = c.format,
                 .activation = std::move(activation)});
}

// From 2 channels to 3: the gradient of a convolution from 3 to 2.
template <typename LayerT>
void CheckCase(const ConvLayerCase& c, const LayerT& plain, const LayerT& tanh) {
  const ConvCase twin = c.Twin(3, 2);
  const Tensor x = RandomTensor(DType::kDouble, twin.output, 1),
               w = RandomTensor(DType::kDouble, twin.filter, 2),
               b = RandomTensor(DType::kDouble, {3}, 3);
  const Tensor want = PlusBias(SumOfProducts(twin, false, 0, w, x, twin.input), b, c.format);
  const LayerCheckOptions unknown = {.shapes = {c.UnknownBatch(2)}};
  TensorShape any_batch = twin.output;
  any_batch.set_dim(0, -1);
  ExpectClose(RunLayer(plain, {x}, {w, b}), want);
  ExpectClose(RunLayer(plain, {x}, {w, b}, unknown), want);
  ExpectClose(RunLayer(plain, {x}, {w, b}, {.shapes = {any_batch}}), want);
  CheckLayerGradients(tanh, {x});
  CheckLayerGradients(tanh, {x}, unknown);
  OneStepLowersLoss(tanh, {RandomTensor(DType::kFloat, twin.output)}, unknown);
  ConfigRoundTrip(tanh, {twin.output});
  Graph graph(ops::Builtin());
  const Scope root = Scope::Root(graph);
  LayerT layer = plain;
  EXPECT_EQ(layer(root, ops::Placeholder(root, DType::kFloat, twin.output)).shape(), twin.input);
  EXPECT_EQ(layer(root, ops::Placeholder(root, DType::kFloat, c.UnknownBatch(2))).shape(),
            c.UnknownBatch(3));
  EXPECT_EQ(layer.kernel().shape(), twin.filter);  // [.., F, Cin]
  EXPECT_EQ(*layer.CountParams(), twin.filter.num_elements() + 3);
}

class Conv2DTransposeCases : public ::testing::TestWithParam<ConvLayerCase> {};
class Conv3DTransposeCases : public ::testing::TestWithParam<ConvLayerCase> {};
const auto name_of = [](const auto& info) { return NameOfCase(info.param); };
INSTANTIATE_TEST_SUITE_P(All, Conv2DTransposeCases, ::testing::ValuesIn(Images()), name_of);
INSTANTIATE_TEST_SUITE_P(All, Conv3DTransposeCases, ::testing::ValuesIn(Volumes()), name_of);

TEST_P(Conv2DTransposeCases, MatchTheTwin) {
  CheckCase(GetParam(), LayerOfCase<Conv2DTransposeLayer>(GetParam(), Window2),
            LayerOfCase<Conv2DTransposeLayer>(GetParam(), Window2, "tanh"));
}
TEST_P(Conv3DTransposeCases, MatchTheTwin) {
  CheckCase(GetParam(), LayerOfCase<Conv3DTransposeLayer>(GetParam(), Window3),
            LayerOfCase<Conv3DTransposeLayer>(GetParam(), Window3, "tanh"));
}

TEST(ConvTransposeOutputPaddingTest, MatchesTheTwin) {
  // (3 - 1) * 2 + 3 - 0 + 1 = 8 and (2 - 1) * 3 + 2 - 0 + 2 = 7; then with "same", p = 1 and 1:
  // (3 - 1) * 2 + 3 - 2 + 1 = 6, of which 2 * 2 + 3 - 6 = 1 is padding, 0 before; (2 - 1) * 2 + 3 -
  // 2 + 0 = 3, 2 + 3 - 3 = 2, 1 before.
  std::vector<ConvLayerCase> cases = {{.name = "Valid",
                                       .input = {8, 7},
                                       .output = {3, 2},
                                       .kernel = {3, 2},
                                       .before = {0, 0},
                                       .strides = {2, 3}},
                                      {.name = "Same",
                                       .input = {6, 3},
                                       .output = {3, 2},
                                       .kernel = {3, 3},
                                       .before = {0, 1},
                                       .padding = Padding::kSame,
                                       .strides = {2, 2}}};
  const std::vector<Int2> paddings = {{1, 2}, {1, 0}};
  for (const ConvLayerCase& c : InBothFormats(cases)) {
    SCOPED_TRACE(NameOfCase(c));
    const Int2 padding = paddings[c.name == "Same"];
    CheckCase(c, LayerOfCase<Conv2DTransposeLayer>(c, Window2, {}, std::optional<Int2>(padding)),
              LayerOfCase<Conv2DTransposeLayer>(c, Window2, "tanh", std::optional<Int2>(padding)));
  }
}

TEST(TransposedLengthTest, ExamplesOfTheRule) {  // CV-3
  const auto length = [](int64_t n, int64_t k, int64_t s, Padding padding,
                         std::optional<int64_t> output_padding = {}) {
    return *TransposedLength(n, k, s, padding, output_padding);
  };
  EXPECT_EQ(length(7, 3, 1, Padding::kValid), 9);
  EXPECT_EQ(length(6, 3, 2, Padding::kSame), 12);
  EXPECT_EQ(length(2, 3, 2, Padding::kValid), 5);
  EXPECT_EQ(length(2, 2, 3, Padding::kValid), 6);
  EXPECT_EQ(length(-1, 3, 2, Padding::kValid), -1);
  EXPECT_EQ(length(2, 3, 2, Padding::kValid, 1), 6);
  EXPECT_EQ(length(2, 3, 2, Padding::kSame, 1), 4);
  EXPECT_THAT(TransposedLength(int64_t{1} << 39, 3, int64_t{1} << 30, Padding::kSame, {}).status(),
              StatusIs(absl::StatusCode::kInvalidArgument, "cannot make a size"));
}

class ConvTransposeTest : public ProgramFixture {};

TEST_F(ConvTransposeTest, ShapesOfTheRule) {  // CV-25
  EXPECT_EQ(Conv2DTranspose(root_, Input({5, 7, 9, 4}), {.filters = 32, .kernel_size = 3}).shape(),
            TensorShape({5, 9, 11, 32}));
  EXPECT_EQ(
      Conv2DTranspose(root_, Input({5, 6, 8, 3}),
                      {.filters = 32, .kernel_size = 3, .strides = 2, .padding = Padding::kSame})
          .shape(),
      TensorShape({5, 12, 16, 32}));
  EXPECT_EQ(
      Conv3DTranspose(root_, Input({5, 5, 7, 9, 32}), {.filters = 4, .kernel_size = 3}).shape(),
      TensorShape({5, 7, 9, 11, 4}));
  EXPECT_EQ(Conv2DTranspose(root_, Input({-1, 7, -1, 4}), {.filters = 2, .kernel_size = 3}).shape(),
            TensorShape({-1, 9, -1, 2}));
  EXPECT_THAT(graph_.status(), IsOk());
}

TEST_F(ConvTransposeTest, ByHand) {  // every cell of x writes x * kernel
  const Output y = Conv2DTranspose(root_, Values({1, 1, 2, 1}, {1, 2}),
                                   {.filters = 1,
                                    .kernel_size = {1, 3},
                                    .strides = {1, 2},
                                    .kernel_initializer = initializers::Constant({1, 10, 100}),
                                    .bias_initializer = initializers::Constant(0.5)});
  ExpectClose(Run(y), Tensor::Of<float>({1, 1, 5, 1}, {1.5, 10.5, 102.5, 20.5, 200.5}));
}

TEST_F(ConvTransposeTest, AliasesAreTheSameLayers) {  // CV-27
  const Output x = Input({1, 5, 5, 2}), volume = Input({1, 5, 5, 5, 2});
  const Conv2DTransposeOptions image = {.filters = 3, .kernel_size = 2};
  const Conv3DTransposeOptions cube = {.filters = 3, .kernel_size = 2};
  EXPECT_EQ(Convolution2DTranspose(root_, x, image).name(), "conv2d_transpose/BiasAdd:0");
  EXPECT_EQ(Deconvolution2D(root_, x, image).name(), "conv2d_transpose_1/BiasAdd:0");
  EXPECT_EQ(Deconv2D(root_, x, image).name(), "conv2d_transpose_2/BiasAdd:0");
  EXPECT_EQ(Convolution3DTranspose(root_, volume, cube).name(), "conv3d_transpose/BiasAdd:0");
  EXPECT_EQ(Deconvolution3D(root_, volume, cube).name(), "conv3d_transpose_1/BiasAdd:0");
  EXPECT_EQ(Deconv3D(root_, volume, cube).name(), "conv3d_transpose_2/BiasAdd:0");
  Deconvolution2DLayer a(image);
  Deconv2DLayer b(image);
  Convolution2DTransposeLayer c(image);
  EXPECT_EQ(a.class_name(), "Conv2DTranspose");
  EXPECT_EQ(b.class_name(), "Conv2DTranspose");
  EXPECT_EQ(c.class_name(), "Conv2DTranspose");
}

TEST_F(ConvTransposeTest, EmptyBatch) {
  const Output x = Input({-1, -1, 4, 2});
  const Output y = Conv2DTranspose(root_, x, {.filters = 3, .kernel_size = 2, .strides = 2});
  EXPECT_EQ(Run(y, {{x, Tensor::Zeros(DType::kFloat, {0, 4, 4, 2})}}).shape(),
            TensorShape({0, 8, 8, 3}));
}

// --- refusals ---

void Refuse(const TensorShape& input, Conv2DTransposeOptions options, const std::string& text) {
  Graph graph(ops::Builtin());
  const Scope root = Scope::Root(graph);
  const Output x = ops::Placeholder(root, DType::kFloat, input);
  EXPECT_TRUE(Conv2DTranspose(root, x, options).empty());
  EXPECT_THAT(graph.status(), StatusIs(absl::StatusCode::kInvalidArgument, text));
}

TEST(ConvTransposeRefusalTest, EachHasItsMessage) {
  Refuse({1, 5, 5}, {.filters = 1, .kernel_size = 3}, "Inputs should have rank 4");
  Refuse({1, 5, 5}, {.filters = 1, .kernel_size = 3}, "expected ndim=4");
  Refuse(TensorShape::Unknown(), {.filters = 1, .kernel_size = 3}, "Inputs should have rank 4");
  Refuse({1, 5, 5, -1}, {.filters = 1, .kernel_size = 3},
         "The channel dimension of the inputs should be defined. Found `None`.");
  Refuse({1, 5, 5, 1}, {.kernel_size = 3}, "The `filters` argument must be > 0");
  Refuse({1, 5, 5, 1}, {.filters = 1}, "The `kernel_size` argument must be a tuple of 2");
  Refuse({1, 5, 5, 1}, {.filters = 1, .kernel_size = 3, .strides = {0, 1}}, "`strides`");
  Refuse({1, 5, 5, 1}, {.filters = 1, .kernel_size = 3, .strides = int64_t{1} << 40}, "too large");
  Refuse({1, 5, 5, 1}, {.filters = 1, .kernel_size = 3, .padding = Padding::kCausal},
         "Causal padding is only supported for");
  Refuse({1, 5, 5, 1}, {.filters = 1, .kernel_size = 3, .strides = 2, .output_padding = Int2(2)},
         "Stride (2, 2) must be greater than output padding (2, 2)");
  Refuse({1, 5, 5, 1}, {.filters = 1, .kernel_size = 3, .output_padding = Int2(-1)},
         "must be greater than output padding");
  Graph graph(ops::Builtin());
  const Scope root = Scope::Root(graph);
  Conv3DTranspose(root, ops::Placeholder(root, DType::kFloat, {1, 5, 5, 1}),
                  {.filters = 1, .kernel_size = 3});
  EXPECT_THAT(graph.status(),
              StatusIs(absl::StatusCode::kInvalidArgument, "Inputs should have rank 5"));
}

TEST(ConvTransposeConfigTest, OutputPaddingMayBeNone) {
  const Config given{"Conv2DTranspose", {{"output_padding", std::vector<int64_t>{1, 0}}}};
  const Config none{"Conv2DTranspose", {{"output_padding", ConfigValue()}}};
  const Config wrong{"Conv2DTranspose", {{"output_padding", std::vector<int64_t>{1, 0, 1}}}};
  const auto padding = [](const Config& config) {
    return dynamic_cast<Conv2DTransposeLayer&>(**LayerFromConfig(config)).options().output_padding;
  };
  EXPECT_EQ(padding(given), std::optional<Int2>(Int2(1, 0)));
  EXPECT_EQ(padding(none), std::nullopt);
  EXPECT_THAT(LayerFromConfig(wrong).status(),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       "The `output_padding` argument must be a tuple of 2 integers"));
}

}  // namespace
}  // namespace sluice::layers
