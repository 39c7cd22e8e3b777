// Conv2D and SeparableConv2D (rules CV-1, CV-10, CV-13, CV-15, CV-21, CV-23).
// Names: conv2d_names_test.cc.
#include "layers/conv.h"
#include "layers/initializers.h"
#include "layers/regularizers.h"
#include "layers/separable_conv.h"
#include "tests/testing/program/program_fixture.h"

namespace sluice::layers {
namespace {

class Conv2DTest : public ProgramFixture {
 protected:
  TensorShape OutputShape(const TensorShape& input, Conv2DOptions options) {
    return Conv2D(root_, Input(input), std::move(options)).shape();
  }
};

TEST_F(Conv2DTest, OutputShapes) {  // CV-21
  EXPECT_EQ(OutputShape({5, 7, 9, 4}, {.filters = 32, .kernel_size = 3}),
            TensorShape({5, 5, 7, 32}));
  EXPECT_EQ(OutputShape({5, 7, 9, 4}, {.filters = 32, .kernel_size = 3, .dilation_rate = 3}),
            TensorShape({5, 1, 3, 32}));
  EXPECT_EQ(OutputShape({5, 7, 9, 4}, {.filters = 32, .kernel_size = 3, .dilation_rate = {1, 3}}),
            TensorShape({5, 5, 3, 32}));
  EXPECT_EQ(OutputShape({5, 6, 8, 3},
                        {.filters = 4, .kernel_size = 3, .strides = 2, .padding = Padding::kSame}),
            TensorShape({5, 3, 4, 4}));
  EXPECT_EQ(
      OutputShape({5, 6, 8, 3},
                  {.filters = 32, .kernel_size = 3, .strides = {2, 1}, .padding = Padding::kSame}),
      TensorShape({5, 3, 8, 32}));
  EXPECT_EQ(
      OutputShape({5, 4, 7, 9},
                  {.filters = 32, .kernel_size = 3, .data_format = DataFormat::kChannelsFirst}),
      TensorShape({5, 32, 5, 7}));
  EXPECT_EQ(OutputShape({-1, -1, 9, 4}, {.filters = 2, .kernel_size = {1, 9}}),
            TensorShape({-1, -1, 1, 2}));
  EXPECT_THAT(graph_.status(), IsOk());
}

TEST_F(Conv2DTest, KernelShapeDoesNotDependOnTheDataFormat) {  // CV-4
  Conv2DLayer last({.filters = 8, .kernel_size = {2, 3}});
  Conv2DLayer first(
      {.filters = 8, .kernel_size = {2, 3}, .data_format = DataFormat::kChannelsFirst});
  last(root_, Input({1, 9, 9, 5}));
  first(root_, Input({1, 5, 9, 9}));
  EXPECT_EQ(last.kernel().shape(), TensorShape({2, 3, 5, 8}));
  EXPECT_EQ(first.kernel().shape(), TensorShape({2, 3, 5, 8}));
  EXPECT_EQ(last.bias().shape(), TensorShape({8}));
}

TEST_F(Conv2DTest, Values) {  // CV-4: a cross-correlation
  const Output y = Conv2D(root_, Values({1, 3, 3, 1}, {1, 2, 3, 4, 5, 6, 7, 8, 9}),
                          {.filters = 1,
                           .kernel_size = 2,
                           .kernel_initializer = initializers::Constant({1, 10, 100, 1000}),
                           .bias_initializer = initializers::Constant(0.5)});
  ExpectClose(Run(y), Tensor::Of<float>({1, 2, 2, 1}, {5421.5, 6532.5, 8754.5, 9865.5}));
}

TEST_F(Conv2DTest, ValuesOfSamePadding) {  // the odd cell of padding is at the end
  const Output y = Conv2D(root_, Values({1, 1, 3, 1}, {1, 2, 3}),
                          {.filters = 2,
                           .kernel_size = {1, 2},
                           .padding = Padding::kSame,
                           .kernel_initializer = initializers::Constant({1, 2, 10, 20}),
                           .bias_initializer = initializers::Constant({0, 100})});
  // Filter 0 is [1 10], filter 1 is [2 20].
  ExpectClose(Run(y), Tensor::Of<float>({1, 1, 3, 2}, {21, 142, 32, 164, 3, 106}));
}

TEST_F(Conv2DTest, ChannelsFirstGivesTheSameNumbersTransposed) {
  const Initializer kernel = initializers::Constant({1, 2, 3, 4, 5, 6, 7, 8});
  const Initializer bias = initializers::Constant({1, -1});
  const Output last = Conv2D(root_, Values({1, 2, 2, 2}, {1, 10, 2, 20, 3, 30, 4, 40}),
                             {.filters = 2,
                              .kernel_size = {1, 2},
                              .kernel_initializer = kernel,
                              .bias_initializer = bias});
  const Output first = Conv2D(root_, Values({1, 2, 2, 2}, {1, 2, 3, 4, 10, 20, 30, 40}),
                              {.filters = 2,
                               .kernel_size = {1, 2},
                               .data_format = DataFormat::kChannelsFirst,
                               .kernel_initializer = kernel,
                               .bias_initializer = bias});
  // Row 0: 1*1 + 10*3 + 2*5 + 20*7 = 181 and 1*2 + 10*4 + 2*6 + 20*8 = 214; row 1: 3*1 + 30*3 + 4*5
  // + 40*7 = 393 and 3*2 + 30*4 + 4*6 + 40*8 = 470.
  ExpectClose(Run(last), Tensor::Of<float>({1, 2, 1, 2}, {182, 213, 394, 469}));
  ExpectClose(Run(first), Tensor::Of<float>({1, 2, 2, 1}, {182, 394, 213, 469}));
}

TEST_F(Conv2DTest, DilatedValues) {
  const Output y = Conv2D(root_, Values({1, 1, 5, 1}, {1, 2, 3, 4, 5}),
                          {.filters = 1,
                           .kernel_size = {1, 2},
                           .dilation_rate = {1, 3},
                           .use_bias = false,
                           .kernel_initializer = initializers::Constant({1, 10})});
  ExpectClose(Run(y), Tensor::Of<float>({1, 1, 2, 1}, {41, 52}));
}

TEST_F(Conv2DTest, EmptyBatch) {
  const Output x = Input({-1, 4, 4, 2});
  const Output y = Conv2D(root_, x, {.filters = 3, .kernel_size = 2});
  EXPECT_EQ(Run(y, {{x, Tensor::Zeros(DType::kFloat, {0, 4, 4, 2})}}).shape(),
            TensorShape({0, 3, 3, 3}));
}

TEST_F(Conv2DTest, RegularizersAreCollected) {
  const Output x = Input({1, 4, 4, 1});
  Conv2D(root_, x,
         {.filters = 1,
          .kernel_size = 2,
          .kernel_initializer = initializers::Constant(3),
          .bias_initializer = initializers::Constant(2),
          .kernel_regularizer = L2Regularizer(0.5),
          .bias_regularizer = L1Regularizer(0.25)});
  const Outputs losses = graph_.OutputsIn(keys::kRegularizationLosses);
  ASSERT_EQ(losses.size(), 2u);
  EXPECT_EQ(losses[0].name(), "conv2d/kernel/Regularizer/l2_regularizer:0");
  EXPECT_EQ(losses[1].name(), "conv2d/bias/Regularizer/l1_regularizer:0");
  ExpectClose(Run(losses[1]), Tensor::Scalar<float>(0.5));
}

// --- refusals ---

struct Refusal {
  const char* what;
  TensorShape input;
  Conv2DOptions options;
  const char* text;
};

TEST(Conv2DRefusalTest, EachBadOptionHasItsMessage) {
  const std::vector<Refusal> refusals = {
      {"filters", {1, 5, 5, 1}, {.kernel_size = 3}, "The `filters` argument must be > 0"},
      {"negative filters",
       {1, 5, 5, 1},
       {.filters = -2, .kernel_size = 3},
       "`filters` argument must be > 0. Received: -2"},
      {"kernel_size",
       {1, 5, 5, 1},
       {.filters = 1},
       "The `kernel_size` argument must be a tuple of 2 integers. Received: (0, 0), must be > 0"},
      {"half a kernel_size",
       {1, 5, 5, 1},
       {.filters = 1, .kernel_size = {3, -1}},
       "The `kernel_size` argument must be a tuple of 2 integers. Received: (3, -1), must be > 0"},
      {"strides",
       {1, 5, 5, 1},
       {.filters = 1, .kernel_size = 3, .strides = {1, 0}},
       "The `strides` argument must be a tuple of 2 integers. Received: (1, 0), must be > 0"},
      {"dilation_rate",
       {1, 5, 5, 1},
       {.filters = 1, .kernel_size = 3, .dilation_rate = 0},
       "The `dilation_rate` argument must be a tuple of 2 integers. Received: "},
      {"strides with dilation",
       {1, 5, 5, 1},
       {.filters = 1, .kernel_size = 1, .strides = {1, 2}, .dilation_rate = {2, 1}},
       "strides > 1 not supported in conjunction with dilation_rate > 1"},
      {"rank",
       {5, 5, 1},
       {.filters = 1, .kernel_size = 3},
       "expected ndim=4, found ndim=3. Full shape received: [5,5,1]"},
      {"unknown rank",
       TensorShape::Unknown(),
       {.filters = 1, .kernel_size = 3},
       "its rank is undefined, but the layer requires a defined rank"},
      {"channels",
       {1, 5, 5, -1},
       {.filters = 1, .kernel_size = 3},
       "The channel dimension of the inputs should be defined. Found `None`."},
      {"channels first",
       {1, -1, 5, 5},
       {.filters = 1, .kernel_size = 3, .data_format = DataFormat::kChannelsFirst},
       "The channel dimension of the inputs should be defined. Found `None`."},
      {"window larger than the input",
       {1, 5, 2, 1},
       {.filters = 1, .kernel_size = 3},
       "Negative dimension size caused by subtracting"},
      {"kernel too large for any memory",
       {1, 5, 5, 1},
       {.filters = int64_t{1} << 40, .kernel_size = int64_t{1} << 40},
       ""},
  };
  for (const Refusal& r : refusals) {
    SCOPED_TRACE(r.what);
    Graph graph(ops::Builtin());
    const Scope root = Scope::Root(graph);
    const Output x = ops::Placeholder(root, DType::kFloat, r.input);
    EXPECT_TRUE(Conv2D(root, x, r.options).empty());
    EXPECT_THAT(graph.status(), StatusIs(absl::StatusCode::kInvalidArgument, r.text));
    EXPECT_THAT(graph.status(), StatusIs(absl::StatusCode::kInvalidArgument, "conv2d_test.cc:"));
  }
}

// --- separable ---

class SeparableConv2DTest : public ProgramFixture {};

TEST_F(SeparableConv2DTest, VariablesAndNodes) {  // CV-23
  const Output y = SeparableConv2D(root_, Input({5, 7, 9, 4}),
                                   {.filters = 6, .kernel_size = {2, 3}, .depth_multiplier = 3});
  ASSERT_THAT(graph_.status(), IsOk());
  EXPECT_EQ(Names(graph_.TrainableVariables()),
            (Strings{"separable_conv2d/depthwise_kernel:0", "separable_conv2d/pointwise_kernel:0",
                     "separable_conv2d/bias:0"}));
  EXPECT_EQ(graph_.TrainableVariables()[0].shape(), TensorShape({2, 3, 4, 3}));
  EXPECT_EQ(graph_.TrainableVariables()[1].shape(), TensorShape({1, 1, 12, 6}));
  EXPECT_EQ(y.name(), "separable_conv2d/BiasAdd:0");
  EXPECT_NE(graph_.FindNode("separable_conv2d/separable_conv2d/depthwise"), nullptr);
  EXPECT_NE(graph_.FindNode("separable_conv2d/separable_conv2d"), nullptr);
  EXPECT_EQ(y.shape(), TensorShape({5, 6, 7, 6}));
}

TEST_F(SeparableConv2DTest, Values) {
  // Depthwise kernel [1, 2, in 2, multiplier 2]: d[w][c][m].
  const Output y =
      SeparableConv2D(root_, Values({1, 1, 3, 2}, {1, 2, 3, 4, 5, 6}),
                      {.filters = 1,
                       .kernel_size = {1, 2},
                       .depth_multiplier = 2,
                       .depthwise_initializer = initializers::Constant({1, 2, 3, 4, 5, 6, 7, 8}),
                       .pointwise_initializer = initializers::Constant({1, 10, 100, 1000}),
                       .bias_initializer = initializers::Constant(0.5)});
  // Column 0: channel 0: 1*1 + 3*5 = 16, 1*2 + 3*6 = 20; channel 1: 2*3 + 4*7 = 34, 2*4 + 4*8 = 40.
  // Column 1: 3*1 + 5*5 = 28, 3*2 + 5*6 = 36; 4*3 + 6*7 = 54, 4*4 + 6*8 = 64.
  ExpectClose(Run(y), Tensor::Of<float>({1, 1, 2, 1}, {16 + 200 + 3400 + 40000 + 0.5f,
                                                       28 + 360 + 5400 + 64000 + 0.5f}));
}

TEST_F(SeparableConv2DTest, StridesAreThoseOfTheDepthwisePart) {
  const Output y =
      SeparableConv2D(root_, Input({5, 6, 8, 3}),
                      {.filters = 7, .kernel_size = 3, .strides = 2, .padding = Padding::kSame});
  EXPECT_EQ(y.shape(), TensorShape({5, 3, 4, 7}));
  const Output dilated = SeparableConv2D(root_, Input({5, 7, 9, 4}),
                                         {.filters = 2, .kernel_size = 3, .dilation_rate = 3});
  EXPECT_EQ(dilated.shape(), TensorShape({5, 1, 3, 2}));
}

TEST_F(SeparableConv2DTest, DepthMultiplierMustBePositive) {
  SeparableConv2D(root_, Input({1, 5, 5, 1}),
                  {.filters = 1, .kernel_size = 3, .depth_multiplier = 0});
  ExpectInvalid("The `depth_multiplier` argument must be > 0. Received: 0");
}

TEST_F(SeparableConv2DTest, StridesWithDilationAreRefused) {
  SeparableConv2D(root_, Input({1, 9, 9, 1}),
                  {.filters = 1, .kernel_size = 3, .strides = 2, .dilation_rate = 2});
  ExpectInvalid("strides > 1 not supported in conjunction with dilation_rate > 1");
}

}  // namespace
}  // namespace sluice::layers
