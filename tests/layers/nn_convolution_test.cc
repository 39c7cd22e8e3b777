// The convolutions of tf.nn: names, values, errors (rules CV-4 to CV-9, CV-20).
#include "layers/nn_convolution.h"

#include "graph/gradients.h"
#include "tests/testing/conv_layer_reference.h"
#include "tests/testing/gradient_check.h"
#include "tests/testing/program/names.h"

namespace sluice::nn {
namespace {

std::string FormatName(const ConvLayerCase& c) {
  return layers::DataFormatName(c.format, c.spatial() + 2);
}

// --- values ---

class ConvolutionCases : public ::testing::TestWithParam<ConvLayerCase> {};
std::vector<ConvLayerCase> AllCases() {
  std::vector<ConvLayerCase> all;
  for (const auto& cases : {SequenceCases(), ImageCases(), VolumeCases()}) {
    for (const ConvLayerCase& c : cases) {
      if (c.padding == Padding::kCausal) continue;
      all.push_back(c);
      all.back().name += std::to_string(c.spatial()) + "D";
    }
  }
  return all;
}
const auto name_of = [](const auto& info) { return NameOfCase(info.param); };
INSTANTIATE_TEST_SUITE_P(All, ConvolutionCases, ::testing::ValuesIn(AllCases()), name_of);

TEST_P(ConvolutionCases, MatchTheTwin) {
  const ConvLayerCase& c = GetParam();
  const ConvCase twin = c.Twin(3, 4);
  const Tensor x = RandomTensor(DType::kDouble, twin.input, 1),
               w = RandomTensor(DType::kDouble, twin.filter, 2);
  const GraphFunction convolution = [&](At at, const Outputs& in) -> Outputs {
    return {Convolution(at, in[0], in[1],
                        {.padding = c.padding,
                         .strides = c.strides,
                         .dilation_rate = c.dilation,
                         .data_format = FormatName(c)})};
  };
  CheckGradient(convolution, {x, w}, {.unknown_rank = false});
  Graph graph(ops::Builtin());
  const Scope root = Scope::Root(graph);
  const Output y = convolution(root, {ops::Const(root, x), ops::Const(root, w)})[0];
  ASSERT_THAT(graph.status(), IsOk());
  EXPECT_EQ(y.shape(), twin.output);
  Session session = *Session::Create(graph, {.intra_op_threads = 1});
  ExpectClose((*session.Run({}, {y}))[0], SumOfProducts(twin, false, 2, x, w, twin.output));
}

class NnConvolutionTest : public NamesFixture {
 protected:
  Output Filter(const TensorShape& shape) {
    return ops::Placeholder(root_.Named("w"), DType::kFloat, shape);
  }
};

TEST_F(NnConvolutionTest, SeparableIsDepthwiseThenPointwise) {
  for (const ConvLayerCase& c : ImageCases()) {
    SCOPED_TRACE(NameOfCase(c));
    const ConvCase twin = c.Twin(3, 6, /*depthwise=*/true);
    const Tensor x = RandomTensor(DType::kDouble, twin.input, 1),
                 w = RandomTensor(DType::kDouble, twin.filter, 2),
                 p = RandomTensor(DType::kDouble, {1, 1, 6, 2}, 3);
    const DepthwiseConv2DOptions options = {
        .strides = layers::WindowAttr(c.format, c.Or1(c.strides)),
        .padding = c.padding,
        .rate = c.Or1(c.dilation),
        .data_format = FormatName(c)};
    const Output xs = ops::Const(root_, x), ws = ops::Const(root_, w), ps = ops::Const(root_, p);
    const Output depthwise = DepthwiseConv2D(root_, xs, ws, options);
    const Output separable = SeparableConv2D(root_, xs, ws, ps, options);
    const Tensor between = SumOfProducts(twin, true, 2, x, w, twin.output);
    const ConvLayerCase point = {.input = c.output,
                                 .output = c.output,
                                 .kernel = {1, 1},
                                 .before = {0, 0},
                                 .format = c.format};
    const ConvCase last = point.Twin(6, 2);
    session_.reset();
    ExpectClose(Run(depthwise), between);
    ExpectClose(Run(separable), SumOfProducts(last, false, 2, between, p, last.output));
  }
}

TEST_F(NnConvolutionTest, AtrousConv2DAndItsTranspose) {
  const ConvLayerCase c = {.name = "SameDilated",
                           .input = {5, 7},
                           .output = {5, 7},
                           .kernel = {3, 3},
                           .before = {2, 2},
                           .padding = Padding::kSame,
                           .dilation = {2, 2}};
  const ConvCase twin = c.Twin(2, 3);
  const Tensor x = RandomTensor(DType::kDouble, twin.input, 1),
               w = RandomTensor(DType::kDouble, twin.filter, 2),
               y = RandomTensor(DType::kDouble, twin.output, 3);
  const AtrousConv2DOptions options = {.rate = 2, .padding = Padding::kSame};
  const Output forward = AtrousConv2D(root_, ops::Const(root_, x), ops::Const(root_, w), options);
  const Output back = AtrousConv2DTranspose(root_, ops::Const(root_, y), ops::Const(root_, w),
                                            {2, 5, 7, 2}, options);
  EXPECT_EQ(forward.name(), "convolution:0");
  EXPECT_EQ(back.name(), "atrous_conv2d_transpose:0");
  ExpectClose(Run(forward), SumOfProducts(twin, false, 2, x, w, twin.output));
  ExpectClose(Run(back), SumOfProducts(twin, false, 0, w, y, twin.input));
}

TEST_F(NnConvolutionTest, TransposedConvolutions) {
  for (const ConvLayerCase& c : ImageCases()) {
    if (!c.dilation.empty()) continue;
    SCOPED_TRACE(NameOfCase(c));
    const ConvCase twin = c.Twin(3, 2);
    const Tensor w = RandomTensor(DType::kDouble, twin.filter, 2),
                 y = RandomTensor(DType::kDouble, twin.output, 3);
    const std::vector<int64_t> shape(twin.input.dims().begin(), twin.input.dims().end());
    const Conv2DTransposeOptions options = {
        .strides = layers::WindowAttr(c.format, c.Or1(c.strides)),
        .padding = c.padding,
        .data_format = FormatName(c)};
    const Output ys = ops::Const(root_, y), ws = ops::Const(root_, w);
    const Output by_list = Conv2DTranspose(root_, ys, ws, shape, options);
    const Output sizes = ops::Placeholder(root_, DType::kInt32, {4});
    const Output by_tensor = Conv2DTranspose(root_, ys, ws, sizes, options);
    session_.reset();
    const Tensor want = SumOfProducts(twin, false, 0, w, y, twin.input);
    EXPECT_EQ(by_list.shape(), twin.input);
    ExpectClose(Run(by_list), want);
    ExpectClose(Run(by_tensor, {{sizes, SizesTensor(twin.input)}}), want);
  }
}

TEST_F(NnConvolutionTest, TransposedVolumes) {
  const ConvLayerCase c = VolumeCases()[1];  // same, strides 2
  const ConvCase twin = c.Twin(3, 2);
  const Tensor w = RandomTensor(DType::kDouble, twin.filter, 2),
               y = RandomTensor(DType::kDouble, twin.output, 3);
  const Output x =
      Conv3DTranspose(root_, ops::Const(root_, y), ops::Const(root_, w), {2, 3, 4, 5, 3},
                      {.strides = layers::WindowAttr(c.format, c.strides), .name = "up"});
  EXPECT_EQ(x.name(), "up:0");
  EXPECT_EQ(x.shape(), twin.input);
  ExpectClose(Run(x), SumOfProducts(twin, false, 0, w, y, twin.input));
}

// --- names ---

TEST_F(NnConvolutionTest, NamesOfConvolution) {
  const Output x = Input({-1, 8, 8, 3}), w = Filter({3, 3, 3, 4});
  int start = graph_.num_nodes();
  Convolution(root_, x, w);
  EXPECT_EQ(Nodes(start), (Strings{"convolution/dilation_rate Const", "convolution Conv2D"}));
  start = graph_.num_nodes();
  Convolution(root_, x, w, {.name = "mine"});
  EXPECT_EQ(Nodes(start), (Strings{"mine/dilation_rate Const", "mine Conv2D"}));
  start = graph_.num_nodes();
  Convolution(root_.Named("named"), Input({1, 8, 3}), Filter({3, 3, 4}));
  EXPECT_EQ(Nodes(start + 2),
            Below("named", {"dilation_rate Const", "ExpandDims/dim Const", "ExpandDims ExpandDims",
                            "ExpandDims_1/dim Const", "ExpandDims_1 ExpandDims", "Conv2D Conv2D",
                            "Squeeze Squeeze"}));
  EXPECT_THAT(graph_.status(), IsOk());
}

TEST_F(NnConvolutionTest, NamesOfTheOthers) {
  const Output x = Input({2, 8, 8, 3}), w = Filter({3, 3, 3, 4}), p = Filter({1, 1, 12, 5});
  int start = graph_.num_nodes();
  Conv2D(root_, x, w, {.padding = Padding::kSame});
  EXPECT_EQ(Nodes(start), (Strings{"Conv2D Conv2D"}));
  start = graph_.num_nodes();
  DepthwiseConv2D(root_, x, w);
  EXPECT_EQ(Nodes(start), (Strings{"depthwise/Shape Const", "depthwise/dilation_rate Const",
                                   "depthwise DepthwiseConv2dNative"}));
  start = graph_.num_nodes();
  SeparableConv2D(root_, x, w, p);
  EXPECT_EQ(Nodes(start), List(Below("separable_conv2d", {"Shape Const", "dilation_rate Const",
                                                          "depthwise DepthwiseConv2dNative"}),
                               "separable_conv2d Conv2D"));
  start = graph_.num_nodes();
  Conv2DTranspose(root_, x, w, {2, 8, 8, 3}, {.name = "up"});
  ExpectInvalid("input channels does not match filter's input channels, 3 != 4");
}

TEST_F(NnConvolutionTest, NamesOfTransposes) {
  const Output x = Input({2, 4, 4, 4}), w = Filter({3, 3, 3, 4});
  const int start = graph_.num_nodes();
  Conv2DTranspose(root_, x, w, {2, 8, 8, 3}, {.strides = {1, 2, 2, 1}});
  EXPECT_EQ(Nodes(start), (Strings{"conv2d_transpose/output_shape Const",
                                   "conv2d_transpose Conv2DBackpropInput"}));
}

TEST_F(NnConvolutionTest, Conv1DAndConv2DTakeTheirOldArguments) {
  const Output y = Conv1D(root_, Values({1, 1, 5}, {1, 2, 3, 4, 5}), Values({2, 1, 1}, {1, 10}),
                          {.stride = 2, .data_format = "NCW"});
  ExpectClose(Run(y), Tensor::Of<float>({1, 1, 2}, {21, 43}));
  const Output image = Conv2D(root_, Values({1, 1, 1, 3}, {1, 2, 3}), Values({1, 2, 1, 1}, {1, 10}),
                              {.strides = {1, 1, 1, 2},
                               .padding = Padding::kSame,
                               .use_cudnn_on_gpu = false,
                               .data_format = "NCHW",
                               .name = "c"});
  EXPECT_EQ(image.name(), "c:0");
  EXPECT_FALSE(image.node()->attr<bool>("use_cudnn_on_gpu"));
  session_.reset();
  ExpectClose(Run(image), Tensor::Of<float>({1, 1, 1, 2}, {21, 3}));
}

// --- errors: CV-6 and CV-9 ---

void Refuse(const TensorShape& x, const TensorShape& w, ConvolutionOptions options,
            const std::string& text) {
  Graph graph(ops::Builtin());
  const Scope root = Scope::Root(graph);
  const Output xs = ops::Placeholder(root, DType::kFloat, x);
  const Output ws = ops::Placeholder(root, DType::kFloat, w);
  EXPECT_TRUE(Convolution(root, xs, ws, options).empty());
  EXPECT_THAT(graph.status(), StatusIs(absl::StatusCode::kInvalidArgument, text));
}

TEST(ConvolutionRefusalTest, EachHasItsMessage) {
  const TensorShape x = {1, 8, 8, 3}, w = {3, 3, 3, 4};
  Refuse(x, w, {.strides = {1, 2}, .dilation_rate = {2, 1}},
         "strides > 1 not supported in conjunction with dilation_rate > 1");
  Refuse(x, w, {.strides = {1, 0}}, "all values of strides must be positive");
  Refuse(x, w, {.dilation_rate = {-1, 1}}, "all values of dilation_rate must be positive");
  Refuse(x, w, {.strides = {1, 1, 1}}, "len(strides)=3 but should be 2");
  Refuse(x, w, {.dilation_rate = {1}}, "len(dilation_rate)=1 but should be 2");
  Refuse(x, w, {.padding = Padding::kCausal}, "Invalid padding method");
  Refuse(x, {3, 3, 2, 4}, {},
         "number of input channels does not match corresponding dimension of filter, 3 != 2");
  Refuse({1, 3, 8, 8}, {3, 3, 2, 4}, {.data_format = "NCHW"}, "3 != 2");
  Refuse(x, w, {.data_format = "NWC"}, "data_format has to be either NCHW or NHWC.");
  Refuse({1, 8, 3}, {3, 3, 4}, {.data_format = "x"}, "data_format must be \"NWC\" or \"NCW\".");
  Refuse(x, {3, 3, 4}, {}, "filter tensor must have rank 4");
  Refuse({8, 3}, {3, 3}, {}, "input tensor must have rank 3, 4 or 5");
  Refuse(TensorShape::Unknown(), TensorShape::Unknown(), {},
         "rank of input or filter must be known");
  Refuse({1, 2, 8, 3}, w, {}, "Negative dimension size caused by subtracting");
}

TEST_F(NnConvolutionTest, UnknownShapesAreServed) {
  EXPECT_EQ(Convolution(root_, Input(TensorShape::Unknown()), Filter({3, 3, 3, 4})).shape(),
            TensorShape({-1, -1, -1, 4}));
  EXPECT_EQ(Convolution(root_, Input({-1, -1, 8, -1}), Filter({3, 3, 3, 4})).shape(),
            TensorShape({-1, -1, 6, 4}));
  EXPECT_THAT(graph_.status(), IsOk());
}

TEST_F(NnConvolutionTest, DepthwiseRefusals) {
  const auto refuse = [](DepthwiseConv2DOptions options, const std::string& text) {
    Graph graph(ops::Builtin());
    const Scope root = Scope::Root(graph);
    const Output x = ops::Placeholder(root, DType::kFloat, {1, 8, 8, 3});
    const Output w = ops::Placeholder(root, DType::kFloat, {3, 3, 3, 4});
    EXPECT_TRUE(DepthwiseConv2D(root, x, w, options).empty());
    EXPECT_THAT(graph.status(), StatusIs(absl::StatusCode::kInvalidArgument, text));
  };
  refuse({.strides = {1, 2, 2, 1}, .rate = {2, 2}}, "strides > 1 not supported in conjunction");
  refuse({.strides = {2, 1, 1, 1}}, "does not yet support strides in the batch and depth");
  refuse({.strides = {1, 1}}, "len(strides)=2 but should be 4");
  refuse({.strides = {1, 0, 1, 1}}, "all values of strides must be positive");
  refuse({.rate = {1}}, "len(rate)=1 but should be 2");
  refuse({.rate = {0, 1}}, "all values of rate must be positive");
  refuse({.padding = Padding::kCausal}, "Invalid padding method");
  refuse({.data_format = "NCWH"}, "data_format has to be either NCHW or NHWC.");
}

TEST_F(NnConvolutionTest, AFilterThatIsNotPointwiseIsRefused) {
  SeparableConv2D(root_, Input({1, 8, 8, 3}), Filter({3, 3, 3, 2}), Filter({2, 1, 6, 4}));
  ExpectInvalid("pointwise_filter must have the shape [1,1,?,?], got [2,1,6,4]");
}

TEST(TransposeRefusalTest, EachHasItsMessage) {
  const auto refuse = [](const TensorShape& x, ops::Ints shape, Conv2DTransposeOptions options,
                         const std::string& text) {
    Graph graph(ops::Builtin());
    const Scope root = Scope::Root(graph);
    const Output xs = ops::Placeholder(root, DType::kFloat, x);
    const Output w = ops::Placeholder(root, DType::kFloat, {3, 3, 2, 4});
    EXPECT_TRUE(Conv2DTranspose(root, xs, w, shape, options).empty());
    EXPECT_THAT(graph.status(), StatusIs(absl::StatusCode::kInvalidArgument, text));
  };
  const TensorShape x = {1, 8, 8, 4};
  refuse({1, 8, 8, 3}, {1, 8, 8, 2}, {}, "input channels does not match filter's input channels");
  refuse(x, {1, 8, 8, 5}, {}, "output_shape does not match filter's output channels, 5 != 2");
  refuse(x, {8, 8}, {}, "output_shape must have shape (4,), got (2,)");
  refuse(x, {1, 8, 8, 2}, {.padding = Padding::kCausal}, "padding must be either VALID or SAME");
  refuse(x, {1, 8, 8, 2}, {.data_format = "NWC"}, "data_format has to be either NCHW or NHWC.");
  refuse(x, {1, 8, 8, 2}, {.strides = {1, 1, 1, 2}}, "does not yet support strides in the batch");
  refuse({8, 8, 4}, {1, 8, 8, 2}, {}, "Shape must be rank 4 but is rank 3");
  refuse(x, {1, 20, 8, 2}, {}, "Dimensions must be equal");
}

TEST_F(NnConvolutionTest, RatesOfAtrousTransposesArePositive) {
  AtrousConv2DTranspose(root_, Input({1, 8, 8, 4}), Filter({3, 3, 2, 4}), {1, 8, 8, 2},
                        {.rate = 0, .padding = Padding::kSame});
  ExpectInvalid("rate cannot be less than one");
}

}  // namespace
}  // namespace sluice::nn
