#include "layers/merge.h"

#include <cmath>
#include <functional>

#include "tests/testing/program/layer_check.h"
#include "tests/testing/program/program_fixture.h"

namespace sluice::layers {
namespace {

class MergeTest : public ProgramFixture {
 protected:
  Output A() { return Values({2, 2}, {1, 2, 3, 4}); }
  Output B() { return Values({2, 2}, {5, -6, 7, 8}); }
  Output C() { return Values({2, 2}, {0, 10, -4, 2}); }
  void ExpectFour(const Output& y, const char* name, const std::vector<float>& values) {
    EXPECT_EQ(y.name(), name);
    session_.reset();
    ExpectClose(Run(y), Tensor::Of<float>({2, 2}, values));
  }
};

TEST_F(MergeTest, ByHand) {
  const Outputs two = {A(), B()}, three = {A(), B(), C()};
  ExpectFour(Add(root_, two), "add/add:0", {6, -4, 10, 12});
  ExpectFour(Add(root_, three), "add_1/add_1:0", {6, 6, 6, 14});
  ExpectFour(Subtract(root_, two), "subtract/sub:0", {-4, 8, -4, -4});
  ExpectFour(Multiply(root_, three), "multiply/mul_1:0", {0, -120, -84, 64});
  ExpectFour(Average(root_, three), "average/truediv:0", {2, 2, 2, 14.0f / 3});
  ExpectFour(Maximum(root_, three), "maximum/Maximum_1:0", {5, 10, 7, 8});
  ExpectFour(Minimum(root_, three), "minimum/Minimum_1:0", {0, -6, -4, 2});
  EXPECT_TRUE(graph_.GlobalVariables().empty());
}

TEST_F(MergeTest, SamplesAreBroadcast) {
  const Output y = Add(root_, {Values({1, 2, 1}, {1, 2}), Values({1, 3}, {10, 20, 30})});
  ExpectClose(Run(y), Tensor::Of<float>({1, 2, 3}, {11, 21, 31, 12, 22, 32}));
  EXPECT_EQ(Add(root_, {Input({-1, 4}), Input({-1, 5, 1})}).shape(), TensorShape({-1, 5, 4}));
  EXPECT_EQ(Maximum(root_, {Input({-1, 4}), Input({3, -1})}).shape().rank(), 2);
}

// A vector of the batch's length lies along the batch, not along the last dimension.
TEST_F(MergeTest, ALowerRankKeepsTheBatchInFront) {
  const Output y = Multiply(root_, {Values({2, 2, 1}, {1, 2, 3, 4}), Values({2, 1}, {10, 100})});
  ExpectClose(Run(y), Tensor::Of<float>({2, 2, 1}, {10, 20, 300, 400}));
}

TEST_F(MergeTest, Gradients) {
  const auto random = [](const TensorShape& shape, uint64_t seed) {
    return RandomTensor(DType::kDouble, shape, seed);
  };
  const std::vector<Tensor> inputs = {random({2, 1, 3}, 1), random({2, 3}, 2),
                                      random({2, 2, 1}, 3)};
  CheckLayerGradients(AddLayer({}), inputs);
  CheckLayerGradients(MultiplyLayer({}), inputs);
  CheckLayerGradients(AverageLayer({}), inputs, {.shapes = {{-1, -1, 3}, {-1, -1}, {-1, 2, 1}}});
  CheckLayerGradients(SubtractLayer({}), {inputs[0], inputs[1]});
  const std::vector<Tensor> apart = {LadderTensor(DType::kDouble, {2, 3}, 1, -1, 1),
                                     LadderTensor(DType::kDouble, {2, 3}, 2, -0.9, 1.15)};
  CheckLayerGradients(MaximumLayer({}), apart);
  CheckLayerGradients(MinimumLayer({}), apart);
}

TEST_F(MergeTest, MasksAreCombined) {
  const Output first = ops::Const<bool>(root_, {true, true, false}, {1, 3});
  const Output second = ops::Const<bool>(root_, {true, false, false}, {1, 3});
  AddLayer layer({});
  const Outputs inputs = {Input({1, 3}), Input({1, 3}), Input({1, 3})};
  layer(root_, inputs, {.masks = {first, Output(), second}});
  ExpectClose(Run(*layer.GetOutputMaskAt(0)), Tensor::Of<bool>({1, 3}, {true, false, false}));
}

// --- Concatenate ---

TEST_F(MergeTest, Concatenate) {
  const Output last = Concatenate(root_, {A(), Values({2, 1}, {9, 8})});
  const Output rows = Concatenate(root_, {A(), B(), C()}, {.axis = 0});
  EXPECT_EQ(last.name(), "concatenate/concat:0");
  const std::vector<Tensor> y = Run({last, rows});
  ExpectClose(y[0], Tensor::Of<float>({2, 3}, {1, 2, 9, 3, 4, 8}));
  ExpectClose(y[1], Tensor::Of<float>({6, 2}, {1, 2, 3, 4, 5, -6, 7, 8, 0, 10, -4, 2}));
  EXPECT_EQ(Concatenate(root_, {Input({-1, 4, 3}), Input({-1, -1, 3})}, {.axis = 1}).shape(),
            TensorShape({-1, -1, 3}));
}

TEST_F(MergeTest, ConcatenateGradient) {
  CheckLayerGradients(ConcatenateLayer({.axis = 1}), {RandomTensor(DType::kDouble, {2, 2, 3}, 1),
                                                      RandomTensor(DType::kDouble, {2, 1, 3}, 2)});
}

TEST_F(MergeTest, ConcatenatedMasks) {
  ConcatenateLayer layer({.axis = 1});
  layer(root_, Outputs{Values({1, 2, 1}, {1, 2}), Values({1, 1, 1}, {3})},
        {.masks = {ops::Const<bool>(root_, {true, false}, {1, 2})}});
  ExpectClose(Run(*layer.GetOutputMaskAt(0)), Tensor::Of<bool>({1, 3}, {true, false, true}));
}

// --- Dot ---

TEST_F(MergeTest, DotOfVectors) {
  const Output y = Dot(root_, {A(), B()}, {.axes = {1}});
  EXPECT_EQ(y.shape(), TensorShape({2, 1}));
  ExpectClose(Run(y), Tensor::Of<float>({2, 1}, {5 - 12, 21 + 32}));
  session_.reset();
  const double length = std::sqrt(5.0 * 61), second = std::sqrt(25.0 * 113);
  ExpectClose(Run(Dot(root_, {A(), B()}, {.axes = {-1}, .normalize = true})),
              Tensor::Of<float>(
                  {2, 1}, {static_cast<float>(-7 / length), static_cast<float>(53 / second)}));
}

TEST_F(MergeTest, DotAgainstLoops) {
  const Tensor x = RandomTensor(DType::kDouble, {2, 3, 4}, 1);
  const Tensor y = RandomTensor(DType::kDouble, {2, 4, 5, 2}, 2);
  const std::vector<double> a = ToDoubles(x), b = ToDoubles(y);
  std::vector<double> want;  // [n, i, j, k] = sum over z of x[n, i, z] y[n, z, j, k]
  for (int n = 0; n < 2; ++n)
    for (int i = 0; i < 3; ++i)
      for (int rest = 0; rest < 10; ++rest) {
        double sum = 0;
        for (int z = 0; z < 4; ++z) sum += a[(n * 3 + i) * 4 + z] * b[(n * 4 + z) * 10 + rest];
        want.push_back(sum);
      }
  const Output dot = Dot(root_, {ops::Const(root_, x), ops::Const(root_, y)}, {.axes = {2, 1}});
  ExpectClose(Run(dot), FromDoubles(DType::kDouble, {2, 3, 5, 2}, want));
  CheckLayerGradients(DotLayer({.axes = {2, 1}, .normalize = true}), {x, y});
}

TEST_F(MergeTest, DotOfUnknownSizes) {
  EXPECT_EQ(Dot(root_, {Input({-1, -1, 4}), Input({-1, 5, 4})}, {.axes = {2}}).shape().rank(), 3);
}

// --- errors ---

TEST_F(MergeTest, Errors) {
  using Shapes = std::vector<TensorShape>;
  const struct {
    Shapes shapes;
    std::function<Output(At, const Outputs&)> build;
    const char* text;
  } cases[] = {
      {{{2, 2}},
       [](At at, const Outputs& x) { return Add(at, x); },
       "A merge layer should be called on a list of inputs."},
      {{{2, 2}},
       [](At at, const Outputs& x) { return Maximum(at, x); },
       "A merge layer should be called on a list of at least 2 inputs. Got 1 inputs."},
      {{{2, 2}, {3, 2}},
       [](At at, const Outputs& x) { return Add(at, x); },
       "Can not merge tensors with different batch sizes. Got tensors with shapes : [[2,2], "
       "[3,2]]"},
      {{{2, 2}, {2, 3}},
       [](At at, const Outputs& x) { return Multiply(at, x); },
       "Operands could not be broadcast together with shapes (2) (3)"},
      {{{2, 2}, {2, 2}, {2, 2}},
       [](At at, const Outputs& x) { return Subtract(at, x); },
       "A `Subtract` layer should be called on exactly 2 inputs"},
      {{{2, 2}, TensorShape::Unknown()},
       [](At at, const Outputs& x) { return Add(at, x); },
       "A merge layer needs inputs of known rank"},
      {{{2, 2}},
       [](At at, const Outputs& x) { return Concatenate(at, x); },
       "A `Concatenate` layer should be called on a list of at least 2 inputs"},
      {{{2, 2}, {3, 2}},
       [](At at, const Outputs& x) { return Concatenate(at, x); },
       "A `Concatenate` layer requires inputs with matching shapes except for the concat axis. Got "
       "inputs shapes: [[2,2], [3,2]]"},
      {{{2, 2}, {2, 2, 2}},
       [](At at, const Outputs& x) { return Concatenate(at, x); },
       "requires inputs with matching shapes"},
      {{{2, 2}, {2, 2}},
       [](At at, const Outputs& x) { return Concatenate(at, x, {.axis = 2}); },
       "axis"},
      {{{2, 2}},
       [](At at, const Outputs& x) { return Dot(at, x, {.axes = {1}}); },
       "A `Dot` layer should be called on a list of 2 inputs."},
      {{{2, 2}, {2, 3}},
       [](At at, const Outputs& x) { return Dot(at, x, {.axes = {1}}); },
       "Dimension incompatibility 2 != 3. Layer shapes: [2,2], [2,3]"},
      {{{2, 2}, {2, 2}},
       [](At at, const Outputs& x) { return Dot(at, x, {}); },
       "Invalid type for `axes`"},
      {{{2, 2}, {2, 2}},
       [](At at, const Outputs& x) { return Dot(at, x, {.axes = {0}}); },
       "`axes` must not be the batch"},
      {{{2, 2}, {2, 2}},
       [](At at, const Outputs& x) {
         return Dot(at, x, {.axes = {1, 2}});
       },
       "axes"},
  };
  for (const auto& c : cases) {
    Graph graph(ops::Builtin());
    const Scope root = Scope::Root(graph);
    Outputs inputs;
    for (const TensorShape& shape : c.shapes)
      inputs.push_back(ops::Placeholder(root, DType::kFloat, shape));
    EXPECT_TRUE(c.build(root, inputs).empty());
    EXPECT_THAT(graph.status(), StatusIs(absl::StatusCode::kInvalidArgument, c.text));
  }
}

TEST_F(MergeTest, Configs) {
  const std::vector<TensorShape> shapes = {{-1, 3}, {-1, 3}};
  ConfigRoundTrip(AddLayer({.name = "sum"}), shapes);
  ConfigRoundTrip(SubtractLayer({}), shapes);
  ConfigRoundTrip(MultiplyLayer({}), shapes);
  ConfigRoundTrip(AverageLayer({}), shapes);
  ConfigRoundTrip(MaximumLayer({}), shapes);
  ConfigRoundTrip(MinimumLayer({}), shapes);
  ConfigRoundTrip(ConcatenateLayer({.axis = 1}), shapes);
  ConfigRoundTrip(DotLayer({.axes = {1, 1}, .normalize = true}), shapes);
}

TEST_F(MergeTest, ShapesWithoutACall) {
  const absl::StatusOr<TensorShape> shape =
      ConcatenateLayer({.axis = 1}).ComputeOutputShape(std::vector<TensorShape>{{-1, 3}, {-1, 4}});
  ASSERT_THAT(shape, IsOk());
  EXPECT_EQ(*shape, TensorShape({-1, 7}));
}

}  // namespace
}  // namespace sluice::layers
