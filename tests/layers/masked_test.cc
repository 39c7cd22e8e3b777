// Values, shapes and errors of the masked layers. Names: masked_names_test.cc.
#include "layers/masked.h"

#include "layers/masking.h"
#include "ops/matmul.h"
#include "ops/unary.h"
#include "tests/testing/conv_reference.h"
#include "tests/testing/program/layer_check.h"
#include "tests/testing/program/program_fixture.h"

namespace sluice::layers {
namespace {

// 0 and 1, half of each.
Tensor RandomMask(DType dtype, const TensorShape& shape, uint64_t seed) {
  std::vector<double> values = ToDoubles(RandomTensor(DType::kDouble, shape, seed));
  for (double& v : values) v = v < 0 ? 0 : 1;
  return FromDoubles(dtype, shape, values);
}
Tensor Product(const Tensor& a, const Tensor& b) {
  std::vector<double> x = ToDoubles(a);
  const std::vector<double> y = ToDoubles(b);
  for (size_t i = 0; i < x.size(); ++i) x[i] *= y[i];
  return FromDoubles(a.dtype(), a.shape(), x);
}

class MaskedTest : public ProgramFixture {
 protected:
  // Gives the variables of the graph random values, the masks zeros and ones.
  Tensor Fill(const Variable& v, bool mask, uint64_t seed) {
    const Tensor value =
        mask ? RandomMask(v.dtype(), v.shape(), seed) : RandomTensor(v.dtype(), v.shape(), seed);
    Run(v.Assign(root_, ops::Const(root_, value)));
    return value;
  }
  // A layer against plain loops over mask * kernel.
  template <typename LayerT>
  void ExpectLoops(LayerT layer, const ConvCase& c) {
    TensorShape unknown_batch = c.input;
    unknown_batch.set_dim(0, -1);
    const Output x = ops::Placeholder(root_, DType::kDouble, unknown_batch);
    const Output y = layer(root_, x);
    ASSERT_THAT(graph_.status(), IsOk()) << c.name;
    EXPECT_EQ(layer.kernel().shape(), c.filter);
    EXPECT_EQ(layer.mask().shape(), c.filter);
    const Tensor mask = Fill(layer.mask(), true, 1), kernel = Fill(layer.kernel(), false, 2);
    const Tensor images = RandomTensor(DType::kDouble, c.input, 3);
    ExpectClose(Run(y, {{x, images}}),
                SumOfProducts(c, false, 2, images, Product(mask, kernel), c.output), {}, c.name);
    session_.reset();
  }
};

TEST_F(MaskedTest, ImagesAgainstPlainLoops) {  // PR-3
  ExpectLoops(MaskedConv2DLayer({.filters = 3, .kernel_size = {3, 2}, .use_bias = false}),
              {"valid", {2, 7, 6, 2}, {3, 2, 2, 3}, {2, 5, 5, 3}});
  ExpectLoops(
      MaskedConv2DLayer({.filters = 3,
                         .kernel_size = 3,
                         .strides = 2,
                         .padding = Padding::kSame,
                         .use_bias = false}),
      {"same, stride 2", {1, 7, 5, 2}, {3, 3, 2, 3}, {1, 4, 3, 3}, {1, 1}, "SAME", {1, 2, 2, 1}});
  ExpectLoops(MaskedConv2DLayer({.filters = 2,
                                 .kernel_size = 3,
                                 .data_format = DataFormat::kChannelsFirst,
                                 .dilation_rate = 2,
                                 .use_bias = false}),
              {"channels first, dilated",
               {2, 3, 7, 8},
               {3, 3, 3, 2},
               {2, 2, 3, 4},
               {0, 0},
               "VALID",
               {},
               {1, 1, 2, 2},
               "NCHW"});
}

TEST_F(MaskedTest, SequencesAgainstPlainLoops) {
  ExpectLoops(MaskedConv1DLayer({.filters = 3,
                                 .kernel_size = 4,
                                 .strides = 2,
                                 .padding = Padding::kSame,
                                 .use_bias = false}),
              {"same", {2, 9, 2}, {4, 2, 3}, {2, 5, 3}, {1}, "SAME", {1, 2, 1}});
}

TEST_F(MaskedTest, VolumesAgainstPlainLoops) {
  ExpectLoops(MaskedConv3DLayer({.filters = 2, .kernel_size = {2, 3, 2}, .use_bias = false}),
              {"valid", {1, 4, 5, 3, 2}, {2, 3, 2, 2, 2}, {1, 3, 3, 2, 2}});
  ExpectLoops(MaskedConv3DLayer({.filters = 2,
                                 .kernel_size = 3,
                                 .padding = Padding::kSame,
                                 .data_format = DataFormat::kChannelsFirst,
                                 .use_bias = false}),
              {"channels first, same",
               {1, 2, 3, 4, 3},
               {3, 3, 3, 2, 2},
               {1, 2, 3, 4, 3},
               {1, 1, 1},
               "SAME",
               {},
               {},
               "NCDHW"});
}

TEST_F(MaskedTest, BiasAndActivation) {
  MaskedConv2DLayer layer({.filters = 2,
                           .kernel_size = 1,
                           .activation = ops::Relu,
                           .kernel_initializer = initializers::Ones(),
                           .bias_initializer = initializers::Constant({1, -3})});
  const Output y = layer(root_, Values({1, 1, 2, 2}, {1, 1, 0, -5}));
  ExpectClose(Run(y), FromDoubles(DType::kFloat, {1, 1, 2, 2}, {3, 0, 0, 0}));
}

TEST_F(MaskedTest, FullyConnected) {  // PR-3
  for (const TensorShape& shape : {TensorShape({2, 3}), TensorShape({2, 2, 3})}) {
    MaskedFullyConnectedLayer layer({.units = 2,
                                     .kernel_initializer = initializers::Ones(),
                                     .bias_initializer = initializers::Constant(10)});
    const Tensor x = RandomTensor(DType::kFloat, shape, 4);
    const Output y = layer(root_, ops::Const(root_, x));
    ASSERT_THAT(graph_.status(), IsOk());
    Run(layer.mask().Assign(root_, Values({3, 2}, {1, 0, 1, 1, 0, 1})));
    const std::vector<double> v = ToDoubles(x);
    std::vector<double> want;
    for (size_t i = 0; i < v.size(); i += 3) {
      want.push_back(v[i] + v[i + 1] + 10);
      want.push_back(v[i + 1] + v[i + 2] + 10);
    }
    TensorShape out = shape;
    out.set_dim(-1, 2);
    ExpectClose(Run(y), FromDoubles(DType::kFloat, out, want));
    session_.reset();
  }
}

TEST_F(MaskedTest, WeightsUnderAZeroGetNoGradient) {
  MaskedConv2DLayer layer({.filters = 2, .kernel_size = 2});
  const Output y = layer(root_, Values({1, 3, 3, 1}, {1, 2, 3, 4, 5, 6, 7, 8, 9}));
  const Output gradient = Gradients(root_, {y}, {layer.kernel()})[0];
  Run(layer.mask().Assign(root_, Values({2, 2, 1, 2}, {1, 0, 0, 0, 1, 1, 0, 1})));
  // All positive, so that a gradient is 0 under a zero of the mask only.
  const std::vector<double> got = ToDoubles(Run(gradient));
  EXPECT_EQ(got, (std::vector<double>{12, 0, 0, 0, 24, 24, 0, 28}));
}

TEST_F(MaskedTest, TheSameObjectTwiceSharesMaskAndWeights) {
  MaskedConv2DLayer layer({.filters = 2, .kernel_size = 2});
  const Output x = Input({-1, 4, 4, 1});
  layer(root_, x);
  const int variables = static_cast<int>(graph_.GlobalVariables().size());
  layer(root_, x);
  ASSERT_THAT(graph_.status(), IsOk());
  EXPECT_EQ(static_cast<int>(graph_.GlobalVariables().size()), variables);
  EXPECT_EQ(pruning::GetMasks(graph_).size(), 1u);
  EXPECT_EQ(layer.weights().size(), 4u);
  EXPECT_EQ(layer.trainable_weights().size(), 2u);
  ASSERT_THAT(layer.CountParams(), IsOk());
  EXPECT_EQ(*layer.CountParams(), 8 + 8 + 1 + 2);
}

TEST_F(MaskedTest, Gradients) {
  CheckLayerGradients(MaskedConv1DLayer({.filters = 2, .kernel_size = 2, .activation = ops::Tanh}),
                      {RandomTensor(DType::kDouble, {2, 4, 2}, 1)});
  CheckLayerGradients(MaskedConv2DLayer({.filters = 2,
                                         .kernel_size = 2,
                                         .padding = Padding::kSame,
                                         .data_format = DataFormat::kChannelsFirst}),
                      {RandomTensor(DType::kDouble, {2, 2, 3, 3}, 2)});
  CheckLayerGradients(MaskedConv3DLayer({.filters = 2, .kernel_size = 2}),
                      {RandomTensor(DType::kDouble, {1, 2, 3, 3, 1}, 3)});
  CheckLayerGradients(MaskedFullyConnectedLayer({.units = 3}),
                      {RandomTensor(DType::kDouble, {2, 4}, 4)});
}

TEST_F(MaskedTest, OneStepOfTraining) {
  OneStepLowersLoss(MaskedConv2DLayer({.filters = 2, .kernel_size = 2}),
                    {RandomTensor(DType::kFloat, {2, 4, 4, 1}, 5)});
  OneStepLowersLoss(MaskedFullyConnectedLayer({.units = 2}),
                    {RandomTensor(DType::kFloat, {4, 3}, 6)});
}

TEST_F(MaskedTest, Configs) {
  ConfigRoundTrip(MaskedConv1DLayer({.filters = 2, .kernel_size = 2, .strides = 2}), {{2, 5, 1}});
  ConfigRoundTrip(MaskedConv2DLayer({.filters = 2,
                                     .kernel_size = {2, 3},
                                     .padding = Padding::kSame,
                                     .activation = ops::Relu,
                                     .use_bias = false,
                                     .name = "mine"}),
                  {{2, 5, 5, 1}});
  ConfigRoundTrip(MaskedConv3DLayer({.filters = 2, .kernel_size = 2, .trainable = false}),
                  {{2, 3, 3, 3, 1}});
  ConfigRoundTrip(MaskedFullyConnectedLayer({.units = 2, .activation = "tanh"}), {{2, 5}});
}

TEST_F(MaskedTest, FunctionsTakeRanks3To5) {  // the N = 1, 2, 3
  EXPECT_EQ(
      MaskedConvolution(root_, Input({-1, 7, 2}), {.num_outputs = 4, .kernel_size = 3, .stride = 2})
          .shape(),
      TensorShape({-1, 4, 4}));
  EXPECT_EQ(MaskedConv2D(root_, Input({-1, 7, 8, 2}),
                         {.num_outputs = 4, .kernel_size = {3, 5}, .padding = Padding::kValid})
                .shape(),
            TensorShape({-1, 5, 4, 4}));
  EXPECT_EQ(MaskedConvolution(root_, Input({-1, 2, 4, 5, 6}),
                              {.num_outputs = 3, .kernel_size = 3, .data_format = "NCDHW"})
                .shape(),
            TensorShape({-1, 3, 4, 5, 6}));
  EXPECT_EQ(MaskedConvolution(root_, Input({-1, 2, 9}),
                              {.num_outputs = 3, .kernel_size = 3, .data_format = "NCW", .rate = 2})
                .shape(),
            TensorShape({-1, 3, 9}));
  EXPECT_THAT(graph_.status(), IsOk());
}

TEST_F(MaskedTest, DefaultsAreSameReluAndABias) {  // PR-4
  const Output y = MaskedConv2D(root_, Values({1, 2, 2, 1}, {1, 2, 3, 4}),
                                {.num_outputs = 2,
                                 .kernel_size = 2,
                                 .weights_initializer = initializers::Ones(),
                                 .biases_initializer = initializers::Constant({0, -5})});
  // Windows at the end stick out: 10, 2 + 4, 3 + 4, 4.
  ExpectClose(Run(y), FromDoubles(DType::kFloat, {1, 2, 2, 2}, {10, 5, 6, 1, 7, 2, 4, 0}));
}

TEST_F(MaskedTest, FullyConnectedFunction) {  // PR-6
  const Output y = MaskedFullyConnected(
      root_, Values({1, 2}, {3, -5}),
      {.num_outputs = 2, .weights_initializer = initializers::Constant({1, 1, 1, 0})});
  ExpectClose(Run(y), FromDoubles(DType::kFloat, {1, 2}, {0, 3}));
  EXPECT_EQ(MaskedFullyConnected(root_, Input({-1, 3, 4}), {.num_outputs = 7}).shape(),
            TensorShape({-1, 3, 7}));
}

struct Wrong {
  const char* what;
  TensorShape input;
  MaskedConvolutionOptions options;
  const char* message;
};

TEST_F(MaskedTest, RefusesWhatItCannotDo) {  // PR-4, CV-6, CV-10, CV-13
  const Wrong cases[] = {
      {"format",
       {-1, 4, 4, 1},
       {.num_outputs = 1, .kernel_size = 2, .data_format = "CHWN"},
       "Invalid data_format: 'CHWN'"},
      {"rank 2",
       {-1, 4},
       {.num_outputs = 1, .kernel_size = 2},
       "Sparse Convolution not supported for input with rank 2"},
      {"rank 6",
       {-1, 4, 4, 4, 4, 4},
       {.num_outputs = 1, .kernel_size = 2},
       "Sparse Convolution not supported for input with rank 6"},
      {"unknown rank",
       TensorShape::Unknown(),
       {.num_outputs = 1, .kernel_size = 2},
       "Sparse Convolution not supported for input with rank None"},
      {"format of another rank",
       {-1, 4, 4, 1},
       {.num_outputs = 1, .kernel_size = 2, .data_format = "NWC"},
       "Unsupported data format"},
      {"format of another rank",
       {-1, 4, 1},
       {.num_outputs = 1, .kernel_size = 2, .data_format = "NHWC"},
       "Unsupported data format"},
      {"channels", {-1, 4, 4, -1}, {.num_outputs = 1, .kernel_size = 2}, "channel"},
      {"no outputs", {-1, 4, 4, 1}, {.kernel_size = 2}, "`filters` argument must be > 0"},
      {"no kernel", {-1, 4, 4, 1}, {.num_outputs = 1}, "`kernel_size` argument"},
      {"three sizes",
       {-1, 4, 4, 1},
       {.num_outputs = 1, .kernel_size = {2, 2, 2}},
       "The `kernel_size` argument must be a tuple of 2 integers. Received: (2, 2, 2)"},
      {"stride and rate",
       {-1, 4, 4, 1},
       {.num_outputs = 1, .kernel_size = 2, .stride = 2, .rate = 2},
       "strides > 1 not supported in conjunction with dilation_rate > 1"},
      {"too large",
       {-1, 2, 2, 1},
       {.num_outputs = 1, .kernel_size = 3, .padding = Padding::kValid},
       "Negative dimension size"},
      {"reuse without a scope",
       {-1, 4, 4, 1},
       {.num_outputs = 1, .kernel_size = 2, .reuse = Reuse::kTrue},
       "reuse=True cannot be used without a name_or_scope"},
  };
  for (const Wrong& c : cases) {
    Graph graph(ops::Builtin());
    const Scope root = Scope::Root(graph);
    MaskedConvolution(root, ops::Placeholder(root, DType::kFloat, c.input), c.options);
    EXPECT_THAT(graph.status(), StatusIs(absl::StatusCode::kInvalidArgument, c.message)) << c.what;
  }
}

TEST_F(MaskedTest, RefusesNoOutputs) {  // PR-6
  MaskedFullyConnected(root_, Input({-1, 3}), {.num_outputs = 0});
  ExpectInvalid("num_outputs should be int or long");
}

TEST_F(MaskedTest, FullyConnectedNeedsAKnownDepth) {
  MaskedFullyConnected(root_, Input({-1, -1}), {.num_outputs = 2});
  ExpectInvalid("The last dimension of the inputs");
}

TEST_F(MaskedTest, FullyConnectedNeedsAMatrix) {
  MaskedFullyConnected(root_, Input({3}), {.num_outputs = 2});
  ExpectInvalid("min_ndim=2");
}

TEST_F(MaskedTest, ReuseOfWhatIsNotThere) {
  MaskedFullyConnected(root_, Input({-1, 3}),
                       {.num_outputs = 2, .reuse = Reuse::kTrue, .scope = "fc"});
  ExpectError(absl::StatusCode::kNotFound, "fc/weights");
}

TEST_F(MaskedTest, TheSameScopeTwiceNeedsReuse) {
  const Output x = Input({-1, 3});
  MaskedFullyConnected(root_, x, {.num_outputs = 2, .scope = "fc"});
  MaskedFullyConnected(root_, x, {.num_outputs = 2, .scope = "fc"});
  ExpectError(absl::StatusCode::kAlreadyExists, "fc/weights already exists");
}

TEST_F(MaskedTest, EmptyInputsGiveNothing) {
  EXPECT_TRUE(MaskedConvolution(root_, Output(), {.num_outputs = 2, .kernel_size = 1}).empty());
  EXPECT_TRUE(MaskedFullyConnected(root_, Output(), {.num_outputs = 2}).empty());
  EXPECT_THAT(graph_.status(), IsOk());
}

}  // namespace
}  // namespace sluice::layers
