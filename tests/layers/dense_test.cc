// Rule LY-1. Names: dense_names_test.cc.
#include "layers/dense.h"

#include "layers/initializers.h"
#include "ops/unary.h"
#include "tests/testing/program/program_fixture.h"

namespace sluice::layers {
namespace {

class DenseTest : public ProgramFixture {};

TEST_F(DenseTest, Values) {
  const Output y = Dense(root_, Values({2, 3}, {1, 2, 3, -1, 0, 4}),
                         {.units = 2,
                          .kernel_initializer = initializers::Constant({1, 2, 3, 4, 5, 6}),
                          .bias_initializer = initializers::Constant({10, -10})});
  // [1 2 3] . [[1 2] [3 4] [5 6]] = [22 28]; [-1 0 4] -> [19 22].
  ExpectClose(Run(y), Tensor::Of<float>({2, 2}, {32, 18, 29, 12}));
}

TEST_F(DenseTest, ActivationComesAfterTheBias) {
  const Output y = Dense(root_, Values({1, 1}, {3}),
                         {.units = 1,
                          .activation = ops::Square,
                          .kernel_initializer = initializers::Ones(),
                          .bias_initializer = initializers::Ones()});
  ExpectClose(Run(y), Tensor::Of<float>({1, 1}, {16}));
}

TEST_F(DenseTest, WithoutBias) {
  DenseLayer layer({.units = 1, .use_bias = false, .kernel_initializer = initializers::Ones()});
  const Output y = layer(root_, Values({1, 3}, {1, 2, 4}));
  EXPECT_TRUE(layer.bias().empty());
  EXPECT_EQ(Names(layer.variables()), (Strings{"dense/kernel:0"}));
  EXPECT_EQ(y.name(), "dense/MatMul:0");
  ExpectClose(Run(y), Tensor::Of<float>({1, 1}, {7}));
}

TEST_F(DenseTest, HigherRanksKeepTheirOtherDimensions) {
  const Output y = Dense(root_, Values({2, 1, 2, 2}, {1, 2, 3, 4, 5, 6, 7, 8}),
                         {.units = 3,
                          .kernel_initializer = initializers::Constant({1, 0, 1, 0, 1, 1}),
                          .bias_initializer = initializers::Constant({0, 0, 100})});
  EXPECT_EQ(y.shape(), TensorShape({2, 1, 2, 3}));
  ExpectClose(Run(y),
              Tensor::Of<float>({2, 1, 2, 3}, {1, 2, 103, 3, 4, 107, 5, 6, 111, 7, 8, 115}));
}

TEST_F(DenseTest, HigherRanksWithUnknownDimensions) {
  const Output x = Input({-1, -1, 2});
  const Output y = Dense(root_, x, {.units = 1, .kernel_initializer = initializers::Ones()});
  EXPECT_EQ(y.shape(), TensorShape({-1, -1, 1}));
  ExpectClose(Run(y, {{x, Tensor::Of<float>({1, 3, 2}, {1, 2, 3, 4, 5, 6})}}),
              Tensor::Of<float>({1, 3, 1}, {3, 7, 11}));
}

TEST_F(DenseTest, EmptyBatches) {
  const Output x = Input({-1, 2}), cube = Input({-1, 0, 2}), hollow = Input({2, 3, 0});
  const DenseOptions options = {.units = 4, .bias_initializer = initializers::Ones()};
  const Output rows = Dense(root_, x, options), none = Dense(root_, cube, options),
               bias = Dense(root_, hollow, options);
  ASSERT_THAT(graph_.status(), IsOk());
  EXPECT_EQ(none.shape(), TensorShape({-1, 0, 4}));
  EXPECT_EQ(Run(rows, {{x, Tensor::Zeros(DType::kFloat, {0, 2})}}).shape(), TensorShape({0, 4}));
  EXPECT_EQ(Run(none, {{cube, Tensor::Zeros(DType::kFloat, {5, 0, 2})}}).shape(),
            TensorShape({5, 0, 4}));
  // No inputs to sum: the bias alone.
  ExpectClose(Run(bias, {{hollow, Tensor::Zeros(DType::kFloat, {2, 3, 0})}}),
              Tensor::Of<float>({2, 3, 4}, std::vector<float>(24, 1)));
}

TEST_F(DenseTest, RankOneIsRefused) {
  EXPECT_TRUE(Dense(root_, Input({3}), {.units = 2}).empty());
  ExpectInvalid("expected min_ndim=2, found ndim=1. Full shape received: [3]");
}

TEST_F(DenseTest, UnknownWidthIsRefused) {
  Dense(root_, Input({2, -1}), {.units = 2});
  ExpectInvalid("The last dimension of the inputs to `Dense` should be defined. Found `None`.");
}

TEST_F(DenseTest, UnknownRankIsRefused) {
  Dense(root_, Input(TensorShape::Unknown()), {.units = 2});
  ExpectInvalid("its rank is undefined, but the layer requires a defined rank");  // L-11
}

TEST_F(DenseTest, UnitsAreRequired) {
  Dense(root_, Input({2, 2}), {});
  ExpectInvalid("The `units` argument must be > 0. Received: 0");
}

TEST_F(DenseTest, KernelRegularizerRunsOnceAndIsCollected) {  // VS-8
  int calls = 0;
  const Regularizer penalty = [&](At at, Output weights) {
    ++calls;
    return ops::Square(at, weights);
  };
  DenseLayer layer({.units = 1, .kernel_regularizer = penalty});
  layer(root_, Input({2, 2}));
  layer(root_, ops::Placeholder(root_, DType::kFloat, {2, 2}));
  EXPECT_EQ(calls, 1);
  EXPECT_EQ(Names(graph_.OutputsIn(keys::kRegularizationLosses)),
            (Strings{"dense/kernel/Regularizer/Square:0"}));
}

TEST_F(DenseTest, ConstraintsAreKeptForOptimizers) {
  DenseLayer layer({.units = 1, .kernel_constraint = [](At, Output w) { return w; }});
  layer(root_, Input({2, 2}));
  EXPECT_TRUE(static_cast<bool>(layer.kernel().constraint()));
  EXPECT_FALSE(static_cast<bool>(layer.bias().constraint()));
}

TEST_F(DenseTest, ShapesWithoutACall) {  // LY-1
  const DenseLayer layer({.units = 3});
  const absl::StatusOr<TensorShape> shape = layer.ComputeOutputShape({-1, 4, 5});
  ASSERT_THAT(shape, IsOk());
  EXPECT_EQ(*shape, TensorShape({-1, 4, 3}));
  EXPECT_THAT(layer.ComputeOutputShape({-1, 4, -1}).status(),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       "innermost dimension of input_shape must be defined"));
}

}  // namespace
}  // namespace sluice::layers
