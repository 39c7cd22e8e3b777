#include "ops/locally_connected.h"

#include <string>
#include <vector>

#include "graph/graph.h"
#include "graph/node.h"
#include "graph/scope.h"
#include "gtest/gtest.h"
#include "ops/all_ops.h"
#include "ops/const.h"
#include "ops/placeholder.h"
#include "tests/testing/conv_reference.h"
#include "tests/testing/core/tensors.h"
#include "tests/testing/op_test.h"

namespace sluice {
namespace {

constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;
const char* const kForward = "LocallyConnected2D";
const char* const kBackpropInput = "LocallyConnected2DBackpropInput";
const char* const kBackpropFilter = "LocallyConnected2DBackpropFilter";

struct Case {
  std::string name;
  int64_t batch, height, width, channels;
  int64_t kernel_height, kernel_width, stride_height, stride_width;
  int64_t out_height, out_width;  // these and the cells before worked out by hand
  int64_t filters;
  int64_t top = 0, left = 0;  // cells before the image that the first window covers
  bool same = false;
  bool first = false;  // NCHW

  TensorShape Image(int64_t h, int64_t w, int64_t c) const {
    return first ? TensorShape({batch, c, h, w}) : TensorShape({batch, h, w, c});
  }
  TensorShape input() const { return Image(height, width, channels); }
  TensorShape output() const { return Image(out_height, out_width, filters); }
  TensorShape filter() const {
    return {out_height * out_width, kernel_height * kernel_width * channels, filters};
  }
  OpTest Op(const char* op, const char* file = __builtin_FILE(),
            int line = __builtin_LINE()) const {
    OpTest test(op, file, line);
    const auto list = [&](int64_t h, int64_t w) {
      return first ? std::vector<int64_t>{1, 1, h, w} : std::vector<int64_t>{1, h, w, 1};
    };
    test.Attr("ksize", list(kernel_height, kernel_width));
    test.Attr("strides", list(stride_height, stride_width));
    test.Attr("padding", same ? "SAME" : "VALID");
    if (first) test.Attr("data_format", "NCHW");
    return test;
  }
};

const Case kCases[] = {
    {"valid_3x3", 2, 5, 6, 3, 3, 3, 1, 1, 3, 4, 2},
    {"one_image", 1, 4, 4, 2, 2, 2, 1, 1, 3, 3, 3},
    {"strides", 3, 7, 8, 2, 3, 2, 2, 3, 3, 3, 2},
    {"pixels_left_over", 1, 6, 6, 1, 2, 2, 3, 3, 2, 2, 2},
    {"pointwise", 2, 3, 2, 4, 1, 1, 1, 1, 3, 2, 3},
    {"whole_image", 2, 3, 2, 2, 3, 2, 1, 1, 1, 1, 4},
    {"line", 2, 1, 9, 2, 1, 3, 1, 2, 1, 4, 3},
    {"column", 2, 9, 1, 2, 3, 1, 1, 1, 7, 1, 3},
    {"same_odd", 2, 4, 5, 2, 3, 3, 1, 1, 4, 5, 2, 1, 1, true},
    {"same_even", 2, 4, 4, 1, 2, 4, 1, 1, 4, 4, 2, 1, 2, true},
    {"same_strides", 1, 7, 6, 2, 3, 3, 2, 2, 4, 3, 2, 1, 1, true},
    {"same_window_above_image", 1, 2, 3, 2, 5, 6, 1, 1, 2, 3, 2, 2, 3, true},
    {"same_line", 3, 1, 6, 2, 1, 4, 1, 1, 1, 6, 2, 0, 2, true},
    {"channels_first", 2, 5, 4, 3, 3, 2, 1, 1, 3, 3, 2, 0, 0, false, true},
    {"channels_first_strides", 1, 5, 6, 2, 2, 3, 2, 1, 2, 4, 3, 0, 0, false, true},
    {"channels_first_same", 2, 3, 4, 2, 2, 3, 1, 1, 3, 4, 2, 1, 1, true, true},
    {"channels_first_line", 2, 1, 7, 3, 1, 3, 1, 2, 1, 3, 2, 0, 0, false, true},
    {"sixteen_filters", 9, 4, 5, 3, 3, 3, 1, 1, 2, 3, 16},
    {"thirty_seven_filters", 11, 5, 5, 5, 3, 3, 1, 1, 3, 3, 37},
    {"many_channels", 5, 4, 4, 19, 3, 3, 1, 1, 2, 2, 9},
    {"many_images", 131, 3, 3, 1, 2, 2, 1, 1, 2, 2, 5},
    {"shared_out_by_rows", 2, 40, 12, 3, 3, 3, 1, 1, 38, 10, 24},
    {"shared_out_by_rows_same", 3, 41, 12, 2, 3, 3, 2, 1, 21, 12, 40, 1, 1, true},
    {"shared_out_by_images", 13, 6, 20, 4, 5, 3, 1, 1, 2, 18, 32},
};

// The formula in plain loops, in double. `visit` gets the positions in input, filter and output.
template <typename F>
void ForEachProduct(const Case& c, F visit) {
  const auto at = [&](int64_t n, int64_t y, int64_t x, int64_t k, int64_t h, int64_t w,
                      int64_t channels) {
    return c.first ? ((n * channels + k) * h + y) * w + x : ((n * h + y) * w + x) * channels + k;
  };
  for (int64_t n = 0; n < c.batch; ++n)
    for (int64_t i = 0; i < c.out_height; ++i)
      for (int64_t j = 0; j < c.out_width; ++j)
        for (int64_t u = 0; u < c.kernel_height; ++u)
          for (int64_t v = 0; v < c.kernel_width; ++v) {
            const int64_t y = i * c.stride_height - c.top + u;
            const int64_t x = j * c.stride_width - c.left + v;
            if (y < 0 || y >= c.height || x < 0 || x >= c.width) continue;
            for (int64_t k = 0; k < c.channels; ++k)
              for (int64_t f = 0; f < c.filters; ++f) {
                const int64_t element = c.first ? (k * c.kernel_height + u) * c.kernel_width + v
                                                : (u * c.kernel_width + v) * c.channels + k;
                const int64_t row = (i * c.out_width + j) * c.filter().dim(1) + element;
                visit(at(n, y, x, k, c.height, c.width, c.channels), row * c.filters + f,
                      at(n, i, j, f, c.out_height, c.out_width, c.filters));
              }
          }
}

// Of the three tensors two are given, the third (null) is summed.
Tensor Sums(const Case& c, const Tensor* input, const Tensor* filter, const Tensor* output) {
  const auto values = [](const Tensor* t) { return t ? ToDoubles(*t) : std::vector<double>{}; };
  const std::vector<double> x = values(input), w = values(filter), y = values(output);
  const TensorShape shape = !input ? c.input() : !filter ? c.filter() : c.output();
  std::vector<double> sums(shape.num_elements(), 0.0);
  ForEachProduct(c, [&](int64_t xi, int64_t wi, int64_t yi) {
    if (!input) sums[xi] += w[wi] * y[yi];
    if (!filter) sums[wi] += x[xi] * y[yi];
    if (!output) sums[yi] += x[xi] * w[wi];
  });
  return FromDoubles((input ? input : filter)->dtype(), shape, sums);
}

class LocallyConnectedTest : public ::testing::TestWithParam<Case> {};

TEST_P(LocallyConnectedTest, MatchesNaiveLoops) {
  const Case& c = GetParam();
  for (const DType dtype : kConvDTypes) {
    const Tensor x = RandomTensor(dtype, c.input(), 1), w = RandomTensor(dtype, c.filter(), 2),
                 dy = RandomTensor(dtype, c.output(), 3);
    const Tolerance tolerance = ConvTolerance(dtype);
    c.Op(kForward).Input(x).Input(w).Expect(Sums(c, &x, &w, nullptr), tolerance);
    c.Op(kBackpropInput)
        .Input(SizesTensor(c.input()))
        .Input(w)
        .Input(dy)
        .Expect(Sums(c, nullptr, &w, &dy), tolerance);
    c.Op(kBackpropFilter)
        .Input(x)
        .Input(SizesTensor(c.filter()))
        .Input(dy)
        .Expect(Sums(c, &x, nullptr, &dy), tolerance);
  }
}

TEST_P(LocallyConnectedTest, GradientsAreNumeric) {
  const Case& c = GetParam();
  if (c.input().num_elements() + c.filter().num_elements() > 900) GTEST_SKIP() << "many elements";
  const Tensor x = RandomTensor(DType::kDouble, c.input(), 7),
               w = RandomTensor(DType::kDouble, c.filter(), 8),
               dy = RandomTensor(DType::kDouble, c.output(), 9);
  c.Op(kForward).Input(x).Input(w).CheckGradient();
  c.Op(kBackpropInput).Input(SizesTensor(c.input())).Input(w).Input(dy).CheckGradient();
  c.Op(kBackpropFilter).Input(x).Input(SizesTensor(c.filter())).Input(dy).CheckGradient();
}

INSTANTIATE_TEST_SUITE_P(All, LocallyConnectedTest, ::testing::ValuesIn(kCases),
                         [](const auto& info) { return info.param.name; });

TEST(LocallyConnected, ByHand) {
  // A 2x3 image, windows of 2x2: position 0 sees 1 2 4 5, position 1 sees 2 3 5 6.
  const Case c{"", 1, 2, 3, 1, 2, 2, 1, 1, 1, 2, 1};
  c.Op(kForward)
      .Input({1, 2, 3, 1}, {1, 2, 3, 4, 5, 6})
      .Input({2, 4, 1}, {1, 10, 100, 1000, 2, 0, 0, -1})
      .Expect({1, 1, 2, 1}, {5421, -2});
}

// The same filter everywhere is a convolution.
TEST(LocallyConnected, EqualFiltersConvolve) {
  for (const bool first : {false, true}) {
    const Case c{"", 2, 6, 5, 3, 3, 2, 2, 1, 2, 4, 4, 0, 0, false, first};
    const Tensor x = RandomTensor(DType::kDouble, c.input());
    const Tensor w = RandomTensor(DType::kDouble, {3, 2, 3, 4});  // [u, v, c, f]
    const std::vector<double> one = ToDoubles(w);
    std::vector<double> all;
    for (int64_t p = 0; p < 8; ++p)
      for (int64_t k = 0; k < 18; ++k)
        for (int64_t f = 0; f < 4; ++f) {
          const int64_t tap = first ? k % 6 : k / 3, channel = first ? k / 6 : k % 3;
          all.push_back(one[(tap * 3 + channel) * 4 + f]);
        }
    OpTest conv("Conv2D");
    if (first) conv.Attr("data_format", "NCHW").Attr("strides", {1, 1, 2, 1});
    if (!first) conv.Attr("strides", {1, 2, 1, 1});
    const auto y = conv.Attr("padding", "VALID").Input(x).Input(w).Run();
    ASSERT_TRUE(y.ok()) << y.status();
    c.Op(kForward).Input(x).Input(FromDoubles(DType::kDouble, c.filter(), all)).Expect((*y)[0]);
  }
}

TEST(LocallyConnected, WeightsOutsideTheImageGetNoGradient) {
  // Windows of 3 over 2 cells, from -1: cell -1 of the first, cell 2 of the second lie outside.
  const Case c{"", 1, 2, 1, 1, 3, 1, 1, 1, 2, 1, 1, 1, 0, true};
  c.Op(kBackpropFilter)
      .Input({1, 2, 1, 1}, {5, 7})
      .Input<int32_t>({3}, {2, 3, 1})
      .Input({1, 2, 1, 1}, {1, 10})
      .Expect({2, 3, 1}, {0, 5, 7, 50, 70, 0});
}

TEST(LocallyConnected, EmptyBatch) {
  const Case c{"", 0, 3, 3, 2, 2, 2, 1, 1, 2, 2, 3};
  const Tensor none = Tensor::Zeros(DType::kFloat, c.input());
  const Tensor w = RandomTensor(DType::kFloat, c.filter());
  const Tensor dy = Tensor::Zeros(DType::kFloat, c.output());
  c.Op(kForward).Input(none).Input(w).Expect(dy);
  c.Op(kBackpropInput).Input(SizesTensor(c.input())).Input(w).Input(dy).Expect(none);
  c.Op(kBackpropFilter)
      .Input(none)
      .Input(SizesTensor(c.filter()))
      .Input(dy)
      .Expect(Tensor::Zeros(DType::kFloat, c.filter()));
}

// Sums are made in one order, however the work is shared out.
TEST(LocallyConnected, ThreadsDoNotChangeABit) {
  for (const char* name : {"shared_out_by_rows", "shared_out_by_rows_same", "shared_out_by_images"})
    for (const Case& c : kCases) {
      if (c.name != name) continue;
      const Tensor x = RandomTensor(DType::kFloat, c.input(), 1),
                   w = RandomTensor(DType::kFloat, c.filter(), 2),
                   dy = RandomTensor(DType::kFloat, c.output(), 3);
      const Tolerance equal{0, 0};
      EXPECT_TRUE(c.Op(kForward).Input(x).Input(w).Run(equal).ok());
      EXPECT_TRUE(
          c.Op(kBackpropInput).Input(SizesTensor(c.input())).Input(w).Input(dy).Run(equal).ok());
      EXPECT_TRUE(
          c.Op(kBackpropFilter).Input(x).Input(SizesTensor(c.filter())).Input(dy).Run(equal).ok());
    }
}

TEST(LocallyConnected, Errors) {
  const Case c{"", 1, 5, 5, 2, 3, 3, 1, 1, 3, 3, 4};
  const Tensor x = RandomTensor(DType::kFloat, c.input());
  const auto filter = [](const TensorShape& shape) { return RandomTensor(DType::kFloat, shape); };
  c.Op(kForward).Input(x).Input(filter({9, 17, 4})).ExpectError(kInvalid, "17,4] and input ");
  c.Op(kForward)
      .Input(x)
      .Input(filter({8, 18, 4}))
      .ExpectError(kInvalid, "needs [9,18,4]: [output positions");
  c.Op(kForward)
      .Input(x)
      .Input(filter({9, 18}))
      .ExpectError(kInvalid, "Shape must be rank 3 but is rank 2");
  c.Op(kForward)
      .Input(filter({5, 5, 2}))
      .Input(filter({9, 18, 4}))
      .ExpectError(kInvalid, "Shape must be rank 4 but is rank 3");
  const Case small{"", 1, 2, 5, 2, 3, 3, 1, 1, 1, 3, 4};
  small.Op(kForward)
      .Input(filter({1, 2, 5, 2}))
      .Input(filter({3, 18, 4}))
      .ExpectError(kInvalid, "Negative dimension size caused by subtracting 3 from 2");
  c.Op(kForward)
      .Attr("strides", {1, 0, 1, 1})
      .Input(x)
      .Input(filter({9, 18, 4}))
      .ExpectError(kInvalid, "Stride must be > 0");
  c.Op(kForward)
      .Attr("ksize", {1, 3, 0, 1})
      .Input(x)
      .Input(filter({9, 18, 4}))
      .ExpectError(kInvalid, "ksize must be four positive numbers");
  c.Op(kForward)
      .Attr("ksize", {1, 3, 3, 2})
      .Input(x)
      .Input(filter({9, 18, 4}))
      .ExpectError(kInvalid, "1 for batch and channels");
  c.Op(kBackpropInput)
      .Input<int32_t>({4}, {1, 5, 5, 2})
      .Input(filter({9, 18, 4}))
      .Input(filter({1, 3, 3, 5}))
      .ExpectError(kInvalid, "3,3,5] and the output is [");
  c.Op(kBackpropInput)
      .Input<int32_t>({2}, {5, 5})
      .Input(filter({9, 18, 4}))
      .Input(filter({1, 3, 3, 4}))
      .ExpectError(kInvalid, "input_sizes must contain 4 values, but got: 2");
  c.Op(kBackpropFilter)
      .Input(x)
      .Input<int32_t>({2}, {9, 18})
      .Input(filter({1, 3, 3, 4}))
      .ExpectError(kInvalid, "filter_sizes must contain 3 values, but got: 2");
}

TEST(LocallyConnected, UnknownDimensions) {
  const Case c{"", 1, 5, 5, 2, 3, 3, 1, 1, 3, 3, 4};
  OpTest forward = c.Op(kForward);
  forward.Input(RandomTensor(DType::kFloat, c.input()))
      .Input(RandomTensor(DType::kFloat, c.filter()));
  EXPECT_EQ(*forward.InferShape({TensorShape::Unknown(), TensorShape::Unknown()}),
            TensorShape::OfRank(4));
  EXPECT_EQ(*forward.InferShape({{-1, 5, 6, -1}, TensorShape::Unknown()}),
            TensorShape({-1, 3, 4, -1}));
  EXPECT_EQ(*forward.InferShape({{-1, 5, -1, 2}, {-1, 18, 4}}), TensorShape({-1, 3, -1, 4}));
  EXPECT_FALSE(forward.InferShape({{-1, 5, 5, -1}, {8, -1, -1}}).ok());
  OpTest filter = c.Op(kBackpropFilter);
  filter.Input(RandomTensor(DType::kFloat, c.input()))
      .Input<int32_t>({3}, {9, 18, 4})
      .Input(RandomTensor(DType::kFloat, c.output()));
  EXPECT_EQ(*filter.InferShape({{-1, 5, 5, 2}, {3}, {-1, 3, 3, 4}}, {1}), TensorShape({9, 18, 4}));
  EXPECT_EQ(*filter.InferShape({{-1, 5, 5, 2}, {3}, {-1, 3, 3, 4}}), TensorShape({9, 18, 4}));
  OpTest input = c.Op(kBackpropInput);
  input.Input<int32_t>({4}, {1, 5, 5, 2})
      .Input(RandomTensor(DType::kFloat, c.filter()))
      .Input(RandomTensor(DType::kFloat, c.output()));
  EXPECT_EQ(*input.InferShape({{4}, {9, 18, 4}, {7, 3, 3, 4}}), TensorShape({7, -1, -1, -1}));
}

TEST(LocallyConnected, BuildersWriteTheAttributes) {
  Graph graph(ops::Builtin());
  const Scope root = Scope::Root(graph);
  const Output x = ops::Placeholder(root, DType::kFloat, {-1, 3, 8, 9});
  const Output w = ops::Placeholder(root, DType::kFloat, {28, 18, 5});
  const ops::LocallyConnected2DOptions options{
      .kernel_size = {2, 3}, .strides = {1, 2}, .data_format = "NCHW"};
  const Output y = ops::LocallyConnected2D(root, x, w, options);
  ASSERT_TRUE(graph.status().ok()) << graph.status();
  EXPECT_EQ(y.shape(), TensorShape({-1, 5, 7, 4}));
  const Node& node = *y.node();
  EXPECT_EQ(GetAttr<std::vector<int64_t>>(node.attrs(), "ksize"),
            (std::vector<int64_t>{1, 1, 2, 3}));
  EXPECT_EQ(GetAttr<std::vector<int64_t>>(node.attrs(), "strides"),
            (std::vector<int64_t>{1, 1, 1, 2}));
  EXPECT_EQ(GetAttr<std::string>(node.attrs(), "padding"), "VALID");
  const Output shapes = ops::Const<int32_t>(root, {2, 3, 8, 9});
  EXPECT_EQ(ops::LocallyConnected2DBackpropInput(root, shapes, w, y, options).shape(),
            TensorShape({2, 3, 8, 9}));
  const Output sizes = ops::Const<int32_t>(root, {28, 18, 5});
  EXPECT_EQ(ops::LocallyConnected2DBackpropFilter(root, x, sizes, y, options).shape(),
            TensorShape({28, 18, 5}));
  EXPECT_TRUE(graph.status().ok()) << graph.status();
}

}  // namespace
}  // namespace sluice
