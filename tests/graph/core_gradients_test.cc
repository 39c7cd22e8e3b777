// The core formulas of rule GR-17, each at a point where a likely mistake shows, by hand.
#include <functional>
#include <ostream>
#include <string>
#include <vector>

#include "graph/gradients.h"
#include "graph/graph.h"
#include "graph/node.h"
#include "gtest/gtest.h"
#include "ops/all_ops.h"
#include "ops/const.h"
#include "ops/placeholder.h"
#include "session/session.h"
#include "tests/testing/core/status_matchers.h"
#include "tests/testing/core/tensors.h"

namespace sluice {
namespace {

struct Formula {
  std::string name;
  std::vector<Tensor> xs;
  std::function<Output(At at, const Outputs& x)> y;
  Tensor dy;
  std::vector<Tensor> want;  // one per x

  friend void PrintTo(const Formula& f, std::ostream* out) { *out << f.name; }
};

Tensor Vec(std::initializer_list<float> values) {
  return Tensor::Of<float>({static_cast<int64_t>(values.size())}, values);
}
Tensor Mat(int64_t rows, std::initializer_list<float> values) {
  return Tensor::Of<float>({rows, static_cast<int64_t>(values.size()) / rows}, values);
}
Tensor Num(float value) { return Tensor::Scalar(value); }
Tensor Image(std::initializer_list<float> values) {  // 2 x 2, one channel
  return Tensor::Of<float>({1, 2, 2, 1}, values);
}

// y = op(x...).
std::function<Output(At, const Outputs&)> Op(const char* op, AttrMap attrs = {}) {
  return [=](At at, const Outputs& x) { return at.Node(op, x, attrs); };
}
// y = op(x..., constants...).
std::function<Output(At, const Outputs&)> OpWith(const char* op, std::vector<Tensor> constants,
                                                 AttrMap attrs = {}) {
  return [=](At at, const Outputs& x) {
    Outputs inputs = x;
    for (const Tensor& c : constants) inputs.push_back(ops::Const(at, c));
    return at.Node(op, inputs, attrs);
  };
}
Tensor Ints(std::initializer_list<int32_t> values) {
  return Tensor::Of<int32_t>({static_cast<int64_t>(values.size())}, values);
}
Formula Product(const char* name, bool transpose_a, bool transpose_b, Tensor da, Tensor db) {
  return {name,
          {Mat(2, {1, 2, 3, 4}), Mat(2, {5, 6, 7, 8})},
          Op("MatMul", {{"transpose_a", transpose_a}, {"transpose_b", transpose_b}}),
          Mat(2, {1, 10, 0, 2}),
          {da, db}};
}

std::vector<Formula> Products() {
  const AttrMap window = {{"ksize", std::vector<int64_t>{1, 2, 2, 1}},
                          {"strides", std::vector<int64_t>{1, 2, 2, 1}},
                          {"padding", "VALID"}};
  const Tensor filter = Tensor::Of<float>({2, 2, 1, 1}, {1, 2, 3, 4});
  const Tensor one = Tensor::Of<float>({1, 1, 1, 1}, {10});
  return {
      Product("MatMul", false, false, Mat(2, {65, 87, 12, 16}), Mat(2, {1, 16, 2, 28})),
      Product("MatMulTransposeA", true, false, Mat(2, {65, 12, 87, 16}), Mat(2, {1, 14, 3, 38})),
      Product("MatMulTransposeB", false, true, Mat(2, {75, 86, 14, 16}), Mat(2, {1, 2, 16, 28})),
      Product("MatMulTransposeBoth", true, true, Mat(2, {75, 14, 86, 16}), Mat(2, {1, 3, 14, 38})),
      {"Conv2D",
       {Image({5, 6, 7, 8}), filter},
       Op("Conv2D", {{"strides", std::vector<int64_t>{1, 1, 1, 1}}, {"padding", "VALID"}}),
       one,
       {Image({10, 20, 30, 40}), Tensor::Of<float>({2, 2, 1, 1}, {50, 60, 70, 80})}},
      {"MaxPoolTies", {Image({3, 5, 5, 5})}, Op("MaxPool", window), one, {Image({0, 10, 0, 0})}},
      {"AvgPool", {Image({1, 2, 3, 4})}, Op("AvgPool", window), one, {Image({2.5, 2.5, 2.5, 2.5})}},
      {"BiasAdd",
       {Tensor::Of<float>({1, 2, 1, 2}, {0, 0, 0, 0}), Vec({0, 0})},
       Op("BiasAdd"),
       Tensor::Of<float>({1, 2, 1, 2}, {1, 2, 3, 4}),
       {Tensor::Of<float>({1, 2, 1, 2}, {1, 2, 3, 4}), Vec({4, 6})}},
      {"BiasAddChannelsFirst",
       {Tensor::Of<float>({1, 2, 1, 2}, {0, 0, 0, 0}), Vec({0, 0})},
       Op("BiasAdd", {{"data_format", "NCHW"}}),
       Tensor::Of<float>({1, 2, 1, 2}, {1, 2, 3, 4}),
       {Tensor::Of<float>({1, 2, 1, 2}, {1, 2, 3, 4}), Vec({3, 7})}},
      {"SoftmaxCrossEntropy",
       {Mat(1, {0, 0})},
       [](At at, const Outputs& x) {
         return at.Nodes("SoftmaxCrossEntropyWithLogits",
                         {x[0], ops::Const(at, Mat(1, {1, 0}))})[0];
       },
       Vec({3}),
       {Mat(1, {-1.5, 1.5})}},
      {"SparseSoftmaxCrossEntropy",
       {Mat(1, {0, 0})},
       [](At at, const Outputs& x) {
         return at.Nodes("SparseSoftmaxCrossEntropyWithLogits", {x[0], ops::Const(at, {1})})[0];
       },
       Vec({3}),
       {Mat(1, {1.5, -1.5})}},
  };
}

std::vector<Formula> Elementwise() {
  return {
      {"Relu", {Vec({-1, 0, 2})}, Op("Relu"), Vec({7, 7, 7}), {Vec({0, 0, 7})}},
      {"Abs", {Vec({-2, 0, 3})}, Op("Abs"), Vec({7, 7, 7}), {Vec({-7, 0, 7})}},
      {"Sign", {Vec({-2, 0, 3})}, Op("Sign"), Vec({7, 7, 7}), {Vec({0, 0, 0})}},
      {"Sqrt", {Vec({4, 0.25})}, Op("Sqrt"), Vec({8, 8}), {Vec({2, 8})}},
      {"MaximumTies",
       {Vec({1, 2, 3}), Vec({3, 2, 1})},
       Op("Maximum"),
       Vec({7, 7, 7}),
       {Vec({0, 7, 7}), Vec({7, 0, 0})}},
      {"MinimumTies",
       {Vec({1, 2, 3}), Vec({3, 2, 1})},
       Op("Minimum"),
       Vec({7, 7, 7}),
       {Vec({7, 7, 0}), Vec({0, 0, 7})}},
      // x = 0 and x < 0: the logarithm counts as 0. 3 2^2 = 12, 2^3 ln 2.
      {"Pow",
       {Vec({0, -2, 2}), Vec({2, 2, 3})},
       Op("Pow"),
       Vec({1, 1, 1}),
       {Vec({0, -4, 12}), Vec({0, 0, 5.5451774f})}},
      {"Select",
       {Vec({1, 2}), Vec({3, 4})},
       [](At at, const Outputs& x) {
         return at.Node("Select",
                        {ops::Const(at, Tensor::Of<bool>({2}, {true, false})), x[0], x[1]});
       },
       Vec({7, 8}),
       {Vec({7, 0}), Vec({0, 8})}},
      // A column times a row, a number plus a vector: sums over what was repeated.
      {"MulBroadcast",
       {Mat(2, {1, 2}), Mat(1, {1, 10, 100})},
       Op("Mul"),
       Mat(2, {1, 2, 3, 4, 5, 6}),
       {Mat(2, {321, 654}), Mat(1, {9, 12, 15})}},
      {"AddBroadcast", {Num(1), Vec({1, 2})}, Op("AddV2"), Vec({3, 4}), {Num(7), Vec({3, 4})}},
      {"SubBroadcast",
       {Mat(2, {0, 0, 0, 0}), Vec({1, 2})},
       Op("Sub"),
       Mat(2, {1, 2, 3, 4}),
       {Mat(2, {1, 2, 3, 4}), Vec({-4, -6})}},
  };
}

std::vector<Formula> Arrays() {
  const auto second = [](At at, const Outputs& y) {
    return y.empty() ? Output() : at.Node("Identity", {y[1]});
  };
  return {
      {"Reshape",
       {Mat(2, {0, 0, 0, 0})},
       OpWith("Reshape", {Ints({4})}),
       Vec({1, 2, 3, 4}),
       {Mat(2, {1, 2, 3, 4})}},
      {"Transpose",
       {Mat(2, {0, 0, 0, 0, 0, 0})},
       OpWith("Transpose", {Ints({1, 0})}),
       Mat(3, {1, 2, 3, 4, 5, 6}),
       {Mat(2, {1, 3, 5, 2, 4, 6})}},
      {"Concat",
       {Vec({0}), Vec({0, 0})},
       OpWith("ConcatV2", {Tensor::Scalar(0)}, {{"N", int64_t{2}}}),
       Vec({1, 2, 3}),
       {Vec({1}), Vec({2, 3})}},
      {"Split",
       {Vec({0, 0, 0, 0})},
       [=](At at, const Outputs& x) {
         return second(at,
                       at.Nodes("Split", {ops::Const(at, 0), x[0]}, {{"num_split", int64_t{2}}}));
       },
       Vec({1, 2}),
       {Vec({0, 0, 1, 2})}},
      {"Pack", {Num(0), Num(0)}, Op("Pack"), Vec({1, 2}), {Num(1), Num(2)}},
      {"Unpack",
       {Mat(2, {0, 0, 0, 0})},
       [=](At at, const Outputs& x) {
         return second(at, at.Nodes("Unpack", x, {{"num", int64_t{2}}}));
       },
       Vec({1, 2}),
       {Mat(2, {0, 0, 1, 2})}},
      {"Pad",
       {Vec({0, 0})},
       OpWith("Pad", {Tensor::Of<int32_t>({1, 2}, {2, 1})}),
       Vec({1, 2, 3, 4, 5}),
       {Vec({3, 4})}},
      {"Slice",
       {Vec({0, 0, 0, 0})},
       OpWith("Slice", {Ints({1}), Ints({2})}),
       Vec({1, 2}),
       {Vec({0, 1, 2, 0})}},
      {"StridedSlice",
       {Vec({0, 0, 0, 0})},
       OpWith("StridedSlice", {Ints({3}), Ints({0}), Ints({-2})}),
       Vec({1, 2}),
       {Vec({0, 2, 0, 1})}},
      {"Gather",
       {Vec({0, 0, 0})},
       OpWith("Gather", {Ints({2, 0, 2})}),
       Vec({1, 2, 4}),
       {Vec({2, 0, 5})}},
      {"Tile", {Vec({0, 0})}, OpWith("Tile", {Ints({2})}), Vec({1, 2, 3, 4}), {Vec({4, 6})}},
      {"Sum",
       {Mat(2, {0, 0, 0, 0})},
       OpWith("Sum", {Ints({0})}),
       Vec({1, 2}),
       {Mat(2, {1, 2, 1, 2})}},
      {"Mean",
       {Mat(2, {0, 0, 0, 0})},
       OpWith("Mean", {Ints({1})}),
       Vec({1, 2}),
       {Mat(2, {.5, .5, 1, 1})}},
      {"Prod", {Vec({2, 3, 4})}, OpWith("Prod", {Ints({0})}), Num(10), {Vec({120, 80, 60})}},
      {"ProdOfAZero", {Vec({0, 3, 4})}, OpWith("Prod", {Ints({0})}), Num(10), {Vec({120, 0, 0})}},
      {"MaxTies", {Vec({3, 1, 3})}, OpWith("Max", {Ints({0})}), Num(10), {Vec({5, 0, 5})}},
  };
}

std::vector<Formula> All() {
  std::vector<Formula> all = Products();
  for (const auto& more : {Elementwise(), Arrays()})
    all.insert(all.end(), more.begin(), more.end());
  return all;
}

class CoreGradientsTest : public testing::TestWithParam<Formula> {};

// GR-17, with dimensions known while building and not.
TEST_P(CoreGradientsTest, ByHand) {
  const Formula& f = GetParam();
  for (const bool known : {true, false}) {
    Graph graph(ops::Builtin());
    const Scope root = Scope::Root(graph);
    Outputs xs;
    Feeds feeds;
    for (const Tensor& x : f.xs) {
      const TensorShape unknown = TensorShape::OfRank(x.shape().rank());
      xs.push_back(ops::Placeholder(root, x.dtype(), known ? x.shape() : unknown));
      feeds.emplace_back(xs.back(), x);
    }
    const Outputs dx = Gradients(root, {f.y(root, xs)}, xs, {.grad_ys = {ops::Const(root, f.dy)}});
    absl::StatusOr<Session> session = Session::Create(graph);
    ASSERT_THAT(session, IsOk());
    const absl::StatusOr<std::vector<Tensor>> out = session->Run(feeds, dx);
    ASSERT_THAT(out, IsOk());
    for (size_t i = 0; i < dx.size(); ++i)
      ExpectClose((*out)[i], f.want[i], {},
                  absl::StrCat(f.name, " by x", i, known ? "" : ", unknown dimensions"));
  }
}

INSTANTIATE_TEST_SUITE_P(Formulas, CoreGradientsTest, testing::ValuesIn(All()),
                         [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace sluice
