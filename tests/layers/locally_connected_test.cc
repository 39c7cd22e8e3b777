// LocallyConnected1D and LocallyConnected2D, all implementations, in both data formats (rule
// CV-26). Names: locally_connected_names_test.cc.
#include "layers/locally_connected.h"

#include <algorithm>

#include "graph/gradients.h"
#include "layers/regularizers.h"
#include "tests/testing/program/layer_check.h"
#include "tests/testing/program/program_fixture.h"

namespace sluice::layers {
namespace {

// A sequence is an image of width 1 here, with kernel and stride 1 there.
struct LocalCase {
  std::string name;
  Int2 input, kernel, strides;
  Padding padding;
  Int2 output;  // by hand
  int64_t implementation = 1;
  bool first = false;  // channels first
  bool image = true;
};
constexpr int64_t kChannels = 2, kFilters = 3;

// Rule CV-26, per dimension.
bool Connected(int64_t o, int64_t cell, int64_t k, int64_t s, Padding padding) {
  const int64_t left = k / 2, right = k - left;
  const int64_t centre = o * s + (padding == Padding::kValid ? left : 0);
  return cell >= centre - left && cell < centre + right;
}

// One weight: from an element of a flat input sample to one of a flat output sample.
struct Connection {
  int64_t output, input;  // flat indices in the data format
  int64_t weight;         // index in the kernel
};

struct Twin {
  explicit Twin(const LocalCase& c) : c_(c) { List(); }

  TensorShape InputShape(int64_t batch) const { return Shape(batch, c_.input, kChannels); }
  TensorShape OutputShape(int64_t batch) const { return Shape(batch, c_.output, kFilters); }

  Tensor Output(const Tensor& x, const Tensor& kernel, const Tensor& bias) const {
    const int64_t batch = x.shape().dim(0);
    const std::vector<double> xs = ToDoubles(x), w = ToDoubles(kernel), b = ToDoubles(bias);
    const int64_t in = InputShape(1).num_elements(), out = OutputShape(1).num_elements();
    std::vector<double> y(batch * out);
    for (int64_t n = 0; n < batch; ++n) {
      for (int64_t i = 0; i < out; ++i) y[n * out + i] = b[i];
      for (const Connection& one : connections_)
        y[n * out + one.output] += xs[n * in + one.input] * w[one.weight];
    }
    return FromDoubles(x.dtype(), OutputShape(batch), y);
  }

  TensorShape KernelShape() const {
    const auto join = [](std::vector<int64_t> a, const std::vector<int64_t>& b) {
      a.insert(a.end(), b.begin(), b.end());
      return TensorShape(absl::Span<const int64_t>(a));
    };
    if (c_.implementation == 3) return {static_cast<int64_t>(connections_.size())};
    if (c_.implementation == 2)
      return join(Sample(c_.input, kChannels), Sample(c_.output, kFilters));
    return {c_.output.height * c_.output.width, c_.kernel.height * c_.kernel.width * kChannels,
            kFilters};
  }
  TensorShape BiasShape() const {  // channels last in either format
    if (!c_.image) return {c_.output.height, kFilters};
    return {c_.output.height, c_.output.width, kFilters};
  }
  int64_t num_connections() const { return static_cast<int64_t>(connections_.size()); }

 private:
  std::vector<int64_t> Sample(Int2 size, int64_t channels) const {
    std::vector<int64_t> dims = {size.height};
    if (c_.image) dims.push_back(size.width);
    dims.insert(c_.first ? dims.begin() : dims.end(), channels);
    return dims;
  }
  TensorShape Shape(int64_t batch, Int2 size, int64_t channels) const {
    std::vector<int64_t> dims = Sample(size, channels);
    dims.insert(dims.begin(), batch);
    return TensorShape(absl::Span<const int64_t>(dims));
  }
  int64_t Flat(Int2 size, int64_t channels, int64_t i, int64_t j, int64_t c) const {
    return c_.first ? (c * size.height + i) * size.width + j : (i * size.width + j) * channels + c;
  }

  void List() {
    const int64_t outputs = c_.output.height * c_.output.width * kFilters;
    for (int64_t r = 0; r < c_.output.height; ++r)
      for (int64_t q = 0; q < c_.output.width; ++q)
        for (int64_t i = 0; i < c_.input.height; ++i)
          for (int64_t j = 0; j < c_.input.width; ++j) {
            if (!Connected(r, i, c_.kernel.height, c_.strides.height, c_.padding)) continue;
            if (!Connected(q, j, c_.kernel.width, c_.strides.width, c_.padding)) continue;
            for (int64_t c = 0; c < kChannels; ++c)
              for (int64_t f = 0; f < kFilters; ++f) {
                Connection one = {Flat(c_.output, kFilters, r, q, f),
                                  Flat(c_.input, kChannels, i, j, c), 0};
                const int64_t u = i - r * c_.strides.height, v = j - q * c_.strides.width;
                const int64_t kh = c_.kernel.height, kw = c_.kernel.width;
                const int64_t patch =
                    c_.first ? (c * kh + u) * kw + v : (u * kw + v) * kChannels + c;
                if (c_.implementation == 1)
                  one.weight =
                      ((r * c_.output.width + q) * kh * kw * kChannels + patch) * kFilters + f;
                if (c_.implementation == 2) one.weight = one.input * outputs + one.output;
                connections_.push_back(one);
              }
          }
    std::sort(connections_.begin(), connections_.end(), [](const auto& a, const auto& b) {
      return std::pair(a.output, a.input) < std::pair(b.output, b.input);
    });
    if (c_.implementation == 3) {
      for (size_t i = 0; i < connections_.size(); ++i) connections_[i].weight = i;
    }
  }

  const LocalCase c_;
  std::vector<Connection> connections_;
};

std::vector<LocalCase> Cases(bool image) {
  const Padding valid = Padding::kValid, same = Padding::kSame;
  const std::vector<LocalCase> images = {
      {"Valid", {5, 4}, {3, 2}, 1, valid, {3, 3}},
      {"ValidStrides", {5, 4}, {2, 2}, {2, 1}, valid, {2, 3}},
      {"OneCell", {2, 3}, {2, 3}, 1, valid, {1, 1}},
      {"Same", {4, 3}, {3, 2}, 1, same, {4, 3}},
      {"SameStrides", {5, 4}, {2, 3}, {2, 3}, same, {3, 2}},
      {"SameWideKernel", {2, 3}, {5, 4}, 1, same, {2, 3}},
  };
  const std::vector<LocalCase> sequences = {
      {"Valid", {7, 1}, {3, 1}, 1, valid, {5, 1}},
      {"ValidStride2", {7, 1}, {2, 1}, {2, 1}, valid, {3, 1}},
      {"Same", {7, 1}, {3, 1}, 1, same, {7, 1}},
      {"SameEvenStride2", {7, 1}, {4, 1}, {2, 1}, same, {4, 1}},
      {"SameWideKernel", {3, 1}, {7, 1}, 1, same, {3, 1}},
  };
  std::vector<LocalCase> all;
  for (LocalCase c : image ? images : sequences)
    for (const bool first : {false, true})
      for (const int64_t implementation : {1, 2, 3}) {
        if (implementation == 1 && c.padding == same) continue;
        c.first = first;
        c.implementation = implementation;
        c.image = image;
        all.push_back(c);
      }
  return all;
}

template <typename LayerT, typename Window>
LayerT MakeLayer(const LocalCase& c, Window kernel, Window strides, Activation activation) {
  return LayerT({.filters = kFilters,
                 .kernel_size = kernel,
                 .strides = strides,
                 .padding = c.padding,
                 .data_format = c.first ? DataFormat::kChannelsFirst : DataFormat::kChannelsLast,
                 .activation = std::move(activation),
                 .implementation = c.implementation});
}

template <typename LayerT>
void CheckCase(const LocalCase& c, const LayerT& plain, const LayerT& tanh) {
  const Twin twin(c);
  const Tensor x = RandomTensor(DType::kDouble, twin.InputShape(2), 1),
               w = RandomTensor(DType::kDouble, twin.KernelShape(), 2),
               b = RandomTensor(DType::kDouble, twin.BiasShape(), 3);
  const Tensor want = twin.Output(x, w, b);
  const LayerCheckOptions any_batch = {.shapes = {twin.InputShape(-1)}};
  ExpectClose(RunLayer(plain, {x}, {w, b}), want);
  ExpectClose(RunLayer(plain, {x}, {w, b}, any_batch), want);
  CheckLayerGradients(tanh, {x});
  CheckLayerGradients(tanh, {x}, any_batch);
  OneStepLowersLoss(tanh, {RandomTensor(DType::kFloat, twin.InputShape(2))}, any_batch);
  ConfigRoundTrip(tanh, {twin.InputShape(2)});
  Graph graph(ops::Builtin());
  const Scope root = Scope::Root(graph);
  LayerT layer = plain;
  const Output y = layer(root, ops::Placeholder(root, DType::kFloat, twin.InputShape(-1)));
  EXPECT_EQ(y.shape(), twin.OutputShape(-1));
  EXPECT_EQ(layer.kernel().shape(), twin.KernelShape());
  EXPECT_EQ(layer.bias().shape(), twin.BiasShape());
  EXPECT_EQ(*layer.CountParams(),
            twin.KernelShape().num_elements() + twin.BiasShape().num_elements());
}

std::string NameOf(const ::testing::TestParamInfo<LocalCase>& info) {
  return info.param.name + (info.param.first ? "First" : "Last") +
         std::to_string(info.param.implementation);
}
class LocallyConnected1DCases : public ::testing::TestWithParam<LocalCase> {};
class LocallyConnected2DCases : public ::testing::TestWithParam<LocalCase> {};
INSTANTIATE_TEST_SUITE_P(All, LocallyConnected1DCases, ::testing::ValuesIn(Cases(false)), NameOf);
INSTANTIATE_TEST_SUITE_P(All, LocallyConnected2DCases, ::testing::ValuesIn(Cases(true)), NameOf);

TEST_P(LocallyConnected1DCases, MatchTheTwin) {
  const LocalCase& c = GetParam();
  const auto make = [&](Activation activation) {
    return MakeLayer<LocallyConnected1DLayer, Int1>(c, c.kernel.height, c.strides.height,
                                                    activation);
  };
  CheckCase(c, make({}), make("tanh"));
}
TEST_P(LocallyConnected2DCases, MatchTheTwin) {
  const LocalCase& c = GetParam();
  const auto make = [&](Activation activation) {
    return MakeLayer<LocallyConnected2DLayer, Int2>(c, c.kernel, c.strides, activation);
  };
  CheckCase(c, make({}), make("tanh"));
}

class LocallyConnectedTest : public ProgramFixture {};

TEST_F(LocallyConnectedTest, ByHand) {
  // Positions [1, 2] and [2, 3] with filters [1, 10] and [100, 1000], biases 0.5 and 0.25.
  const Output y =
      LocallyConnected1D(root_, Values({1, 3, 1}, {1, 2, 3}),
                         {.filters = 1,
                          .kernel_size = 2,
                          .kernel_initializer = initializers::Constant({1, 10, 100, 1000}),
                          .bias_initializer = initializers::Constant({0.5, 0.25})});
  ExpectClose(Run(y), Tensor::Of<float>({1, 2, 1}, {21.5, 3200.25}));
}

TEST_F(LocallyConnectedTest, ParametersOfTheRule) {  // CV-26
  LocallyConnected2DLayer first({.filters = 64, .kernel_size = 3});
  LocallyConnected2DLayer second({.filters = 32, .kernel_size = 3});
  const Output y = first(root_, Input({-1, 32, 32, 3}));
  EXPECT_EQ(y.shape(), TensorShape({-1, 30, 30, 64}));
  EXPECT_EQ(*first.CountParams(), 1612800);  // 900 * 27 * 64 + 900 * 64
  EXPECT_EQ(first.kernel().shape(), TensorShape({900, 27, 64}));
  EXPECT_EQ(first.bias().shape(), TensorShape({30, 30, 64}));
  EXPECT_EQ(second(root_, y).shape(), TensorShape({-1, 28, 28, 32}));
}

TEST_F(LocallyConnectedTest, NodesDoNotGrowWithTheImage) {
  for (const Padding padding : {Padding::kValid, Padding::kSame})
    for (const int64_t implementation : {1, 2, 3}) {
      if (implementation == 1 && padding == Padding::kSame) continue;
      std::vector<int> nodes;
      for (const int64_t size : {4, 9}) {
        Graph graph(ops::Builtin());
        const Scope root = Scope::Root(graph);
        LocallyConnected2D(
            root, ops::Placeholder(root, DType::kFloat, {-1, size, size, 2}),
            {.filters = 2, .kernel_size = 3, .padding = padding, .implementation = implementation});
        EXPECT_THAT(graph.status(), IsOk());
        nodes.push_back(graph.num_nodes());
      }
      EXPECT_EQ(nodes[0], nodes[1]);
      EXPECT_LT(nodes[0], 60);
    }
}

TEST_F(LocallyConnectedTest, OnlyConnectedWeightsGetAGradient) {
  LocallyConnected1DLayer layer(
      {.filters = 1, .kernel_size = 2, .use_bias = false, .implementation = 2});
  const Output y = layer(root_, Values({1, 3, 1}, {1, 2, 4}));
  const Outputs dw = Gradients(root_, {y}, {layer.kernel().handle()});
  ASSERT_THAT(graph_.status(), IsOk());
  // [input, 1, output, 1]: outputs see inputs 0, 1 and 1, 2.
  ExpectClose(Run(dw[0]), Tensor::Of<float>({3, 1, 2, 1}, {1, 0, 2, 2, 0, 4}));
}

TEST_F(LocallyConnectedTest, RegularizersConstraintsAndNoBias) {
  LocallyConnected2DLayer layer({.filters = 1,
                                 .kernel_size = 2,
                                 .use_bias = false,
                                 .kernel_initializer = initializers::Ones(),
                                 .kernel_regularizer = L1Regularizer(0.5),
                                 .kernel_constraint = Constraint([](At, Output w) { return w; })});
  layer(root_, Input({1, 3, 3, 1}));
  EXPECT_EQ(layer.weights().size(), 1u);
  EXPECT_TRUE(static_cast<bool>(layer.kernel().constraint()));
  ExpectClose(Run(layer.losses()[0]), Tensor::Scalar<float>(4 * 4 * 0.5));
}

TEST_F(LocallyConnectedTest, SecondCallsShareAndMustHaveTheSameSizes) {
  LocallyConnected2DLayer layer({.filters = 1, .kernel_size = 2, .implementation = 3});
  layer(root_, Input({1, 3, 3, 2}));
  EXPECT_EQ(layer(root_, Input({-1, -1, -1, 2})).shape(), TensorShape({-1, 2, 2, 1}));
  EXPECT_EQ(graph_.GlobalVariables().size(), 2u);
  EXPECT_TRUE(layer(root_, Input({1, 4, 3, 2})).empty());
  ExpectInvalid("expected axis 1 of input shape to have value 3");
}

TEST_F(LocallyConnectedTest, EmptyBatches) {
  for (const int64_t implementation : {1, 2, 3}) {
    const Output x = Input({-1, 3, 3, 2});
    const Output y = LocallyConnected2D(
        root_, x, {.filters = 2, .kernel_size = 2, .implementation = implementation});
    session_.reset();
    EXPECT_EQ(Run(y, {{x, Tensor::Zeros(DType::kFloat, {0, 3, 3, 2})}}).shape(),
              TensorShape({0, 2, 2, 2}));
  }
}

// --- refusals ---

void Refuse(const TensorShape& input, LocallyConnected2DOptions options, const std::string& text) {
  Graph graph(ops::Builtin());
  const Scope root = Scope::Root(graph);
  const Output x = ops::Placeholder(root, DType::kFloat, input);
  EXPECT_TRUE(LocallyConnected2D(root, x, options).empty());
  EXPECT_THAT(graph.status(), StatusIs(absl::StatusCode::kInvalidArgument, text));
}

TEST(LocallyConnectedRefusalTest, EachHasItsMessage) {
  Refuse({1, 5, 5, 1}, {.filters = 1, .kernel_size = 3, .padding = Padding::kSame},
         "Invalid border mode for LocallyConnected2D (only \"valid\" is supported if "
         "implementation is 1): same");
  Refuse({1, 5, -1, 1}, {.filters = 1, .kernel_size = 3},
         "The spatial dimensions of the inputs to  a LocallyConnected2D layer should be "
         "fully-defined");
  Refuse({1, 5, 5, 1}, {.filters = 1, .kernel_size = 3, .implementation = 4},
         "Unrecognized implementation mode: 4");
  Refuse({1, 5, 5, 1}, {.filters = 1, .kernel_size = 3, .implementation = 0},
         "Unrecognized implementation mode: 0");
  Refuse({1, 5, 5, 1}, {.kernel_size = 3}, "The `filters` argument must be > 0");
  Refuse({1, 5, 5, 1}, {.filters = 1}, "The `kernel_size` argument must be a tuple of 2");
  Refuse({1, 5, 5, 1}, {.filters = 1, .kernel_size = 3, .strides = {1, 0}}, "`strides`");
  Refuse({1, 5, 5}, {.filters = 1, .kernel_size = 3}, "expected ndim=4, found ndim=3");
  Refuse({1, 5, 5, -1}, {.filters = 1, .kernel_size = 3}, "Found `None`.");
  Refuse({1, 5, 2, 1}, {.filters = 1, .kernel_size = 3},
         "Negative dimension size caused by subtracting 3 from 2");
  Refuse({1, 5, 5, 1},
         {.filters = 1, .kernel_size = 3, .padding = Padding::kCausal, .implementation = 2},
         "Causal padding is only supported for");
  Refuse({1, int64_t{1} << 20, int64_t{1} << 19, 1}, {.filters = 1, .kernel_size = 1},
         "a locally connected layer cannot have");
  Refuse({1, 5, 5, 1},
         {.filters = 1,
          .kernel_size = int64_t{1} << 39,
          .padding = Padding::kSame,
          .implementation = 3},
         "a locally connected layer cannot have");
}

TEST(LocallyConnectedRefusalTest, OfSequences) {
  Graph graph(ops::Builtin());
  const Scope root = Scope::Root(graph);
  LocallyConnected1D(root, ops::Placeholder(root, DType::kFloat, {1, -1, 1}),
                     {.filters = 1, .kernel_size = 3});
  EXPECT_THAT(graph.status(), StatusIs(absl::StatusCode::kInvalidArgument,
                                       "a LocallyConnected1D layer should be fully-defined"));
}

}  // namespace
}  // namespace sluice::layers
