#include "layers/flops.h"

#include "ops/all_ops.h"
#include "ops/placeholder.h"
#include "tests/testing/program/program_fixture.h"

namespace sluice::layers {
namespace {

class FlopsTest : public ProgramFixture {
 protected:
  int64_t Of(const char* op, const std::vector<TensorShape>& shapes, const AttrMap& attrs = {}) {
    Outputs inputs;
    for (const TensorShape& shape : shapes) inputs.push_back(Input(shape));
    const Output y = At(root_).Node(op, inputs, attrs);
    EXPECT_THAT(graph_.status(), IsOk()) << op;
    return y.empty() ? -1 : Flops(*y.node());
  }
  static AttrMap Conv(const char* padding, int64_t stride) {
    return {{"strides", std::vector<int64_t>{1, stride, stride, 1}}, {"padding", padding}};
  }
};

TEST_F(FlopsTest, Convolutions) {
  // 5x5x1 taps into 28x28x32 outputs, two per tap.
  EXPECT_EQ(Of("Conv2D", {{1, 28, 28, 1}, {5, 5, 1, 32}}, Conv("SAME", 1)),
            2 * 28 * 28 * 32 * 5 * 5);
  // Strides of 2 without padding: (9 - 3) / 2 + 1 = 4 rows and columns, 3 examples.
  EXPECT_EQ(Of("Conv2D", {{3, 9, 9, 4}, {3, 3, 4, 7}}, Conv("VALID", 2)),
            2 * 3 * 4 * 4 * 7 * 3 * 3 * 4);
  EXPECT_EQ(Of("DepthwiseConv2dNative", {{1, 8, 8, 6}, {3, 3, 6, 2}}, Conv("SAME", 1)),
            2 * 8 * 8 * 12 * 3 * 3);
}

TEST_F(FlopsTest, TransposedConvolutions) {
  const Output sizes = ops::Const<int32_t>(root_, {2, 8, 8, 3});
  const Output y = At(root_).Node(
      "Conv2DBackpropInput", {sizes, Input({3, 3, 3, 5}), Input({2, 4, 4, 5})}, Conv("SAME", 2));
  ASSERT_THAT(graph_.status(), IsOk());
  // Each of 4x4x5 inputs goes to 3x3x3 outputs.
  EXPECT_EQ(Flops(*y.node()), 2 * 2 * 4 * 4 * 5 * 3 * 3 * 3);
}

TEST_F(FlopsTest, Products) {
  EXPECT_EQ(Of("MatMul", {{3, 4}, {4, 5}}), 2 * 3 * 4 * 5);
  EXPECT_EQ(Of("MatMul", {{4, 3}, {5, 4}}, {{"transpose_a", true}, {"transpose_b", true}}),
            2 * 3 * 4 * 5);
  EXPECT_EQ(Of("BatchMatMul", {{7, 3, 4}, {7, 4, 5}}), 7 * 2 * 3 * 4 * 5);
  EXPECT_EQ(Of("BatchMatMulV2", {{7, 4, 3}, {4, 5}}, {{"adj_x", true}}), 7 * 2 * 3 * 4 * 5);
}

TEST_F(FlopsTest, RowsThatAReshapeFolded) {
  const Output x = Input({-1, 5, 6, 4});
  const Output rows = At(root_).Node("Reshape", {x, ops::Const<int32_t>(root_, {-1, 4})});
  const Output y = At(root_).Node("MatMul", {rows, Input({4, 3})});
  EXPECT_EQ(Flops(*y.node()), 2 * 5 * 6 * 4 * 3);
}

TEST_F(FlopsTest, UnknownDimensionsCountOnce) {
  EXPECT_EQ(Of("MatMul", {{-1, 4}, {4, 5}}), 2 * 4 * 5);
  EXPECT_EQ(Of("Relu", {{-1, 6}}), 6);
  EXPECT_EQ(Of("Relu", {TensorShape::Unknown()}), 0);
}

TEST_F(FlopsTest, Elementwise) {
  EXPECT_EQ(Of("Relu", {{2, 3}}), 6);
  EXPECT_EQ(Of("AddV2", {{2, 3}, {3}}), 6);
  EXPECT_EQ(Of("BiasAdd", {{2, 3}, {3}}), 6);
  EXPECT_EQ(Of("AddN", {{2, 3}, {2, 3}, {2, 3}}), 12);
  EXPECT_EQ(Of("Softmax", {{2, 3}}), 30);
  EXPECT_EQ(Of("SquaredDifference", {{2, 3}, {2, 3}}), 12);
}

TEST_F(FlopsTest, PoolingAndReductions) {
  const AttrMap pool = {{"ksize", std::vector<int64_t>{1, 3, 3, 1}},
                        {"strides", std::vector<int64_t>{1, 2, 2, 1}},
                        {"padding", "SAME"}};
  EXPECT_EQ(Of("MaxPool", {{1, 8, 8, 4}}, pool), 3 * 3 * 4 * 4 * 4);
  EXPECT_EQ(Of("AvgPool", {{1, 8, 8, 4}}, pool), 3 * 3 * 4 * 4 * 4);
  const Output axes = ops::Const<int32_t>(root_, {1});
  const Output x = Input({5, 4});
  EXPECT_EQ(Flops(*At(root_).Node("Sum", {x, axes}).node()), 20 - 5);
  EXPECT_EQ(Flops(*At(root_).Node("Mean", {x, axes}).node()), 20 - 5 + 5);
}

TEST_F(FlopsTest, WhatComputesNothing) {
  EXPECT_EQ(Of("Identity", {{2, 3}}), 0);
  EXPECT_EQ(Of("Shape", {{2, 3}}), 0);
  EXPECT_EQ(Flops(*Input({2, 3}).node()), 0);
}

TEST_F(FlopsTest, Contractions) {
  EXPECT_TRUE(IsContraction(*At(root_).Node("MatMul", {Input({1, 1}), Input({1, 1})}).node()));
  EXPECT_FALSE(IsContraction(*At(root_).Node("Relu", {Input({1, 1})}).node()));
}

}  // namespace
}  // namespace sluice::layers
