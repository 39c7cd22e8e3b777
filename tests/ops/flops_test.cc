// What ops say they cost, against counts by hand.
#include "ops/flops.h"

#include "gtest/gtest.h"
#include "ops/all_ops.h"

namespace sluice::ops {
namespace {

using Shapes = std::vector<TensorShape>;

double Cost(const char* op, const Shapes& inputs, const Shapes& outputs,
            const AttrMap& attrs = {}) {
  const OpSpec* spec = Builtin().Find(op);
  if (spec == nullptr || spec->flops() == nullptr) {
    ADD_FAILURE() << op << " does not tell its cost";
    return -1;
  }
  return spec->flops()(attrs, inputs, outputs);
}

// A 3x3 filter over 4 channels makes 7 of images 9x9 -> 4x4, 3 of them: in every pass each output
// element meets 3 * 3 * 4 numbers.
TEST(FlopsTest, AllPassesOfAConvolutionCostTheSame) {
  const TensorShape x = {3, 9, 9, 4}, w = {3, 3, 4, 7}, y = {3, 4, 4, 7};
  const double cost = 2.0 * (3 * 4 * 4 * 7) * (3 * 3 * 4);
  EXPECT_EQ(Cost("Conv2D", {x, w}, {y}), cost);
  EXPECT_EQ(Cost("Conv2DBackpropInput", {{4}, w, y}, {x}), cost);
  EXPECT_EQ(Cost("Conv2DBackpropFilter", {x, {4}, y}, {w}), cost);
  EXPECT_EQ(Cost("FusedPadConv2D", {{3, 7, 7, 4}, {4, 2}, w}, {y}), cost);
  EXPECT_EQ(Cost("FusedResizeAndPadConv2D", {{3, 5, 5, 4}, {2}, {4, 2}, w}, {y}), cost);
}

TEST(FlopsTest, AllPassesOfAConvolutionOfVolumesCostTheSame) {
  const TensorShape x = {2, 5, 5, 5, 3}, w = {2, 2, 2, 3, 6}, y = {2, 4, 4, 4, 6};
  const double cost = 2.0 * (2 * 4 * 4 * 4 * 6) * (2 * 2 * 2 * 3);
  EXPECT_EQ(Cost("Conv3D", {x, w}, {y}), cost);
  EXPECT_EQ(Cost("Conv3DBackpropInput", {x, w, y}, {x}), cost);
  EXPECT_EQ(Cost("Conv3DBackpropInputV2", {{5}, w, y}, {x}), cost);
  EXPECT_EQ(Cost("Conv3DBackpropFilter", {x, w, y}, {w}), cost);
  EXPECT_EQ(Cost("Conv3DBackpropFilterV2", {x, {5}, y}, {w}), cost);
}

TEST(FlopsTest, AllPassesOfADepthwiseConvolutionCostTheSame) {
  const TensorShape x = {2, 8, 8, 6}, w = {3, 3, 6, 2}, y = {2, 8, 8, 12};
  const double cost = 2.0 * (2 * 8 * 8 * 12) * (3 * 3);
  EXPECT_EQ(Cost("DepthwiseConv2dNative", {x, w}, {y}), cost);
  EXPECT_EQ(Cost("DepthwiseConv2dNativeBackpropInput", {{4}, w, y}, {x}), cost);
  EXPECT_EQ(Cost("DepthwiseConv2dNativeBackpropFilter", {x, {4}, y}, {w}), cost);
}

// Each of 5 examples uses every one of 2 * 2 * 8 * 7 weights once.
TEST(FlopsTest, LocallyConnected) {
  const TensorShape x = {5, 3, 3, 2}, w = {2, 2, 8, 7}, y = {5, 2, 2, 7};
  const double cost = 2.0 * 5 * (2 * 2 * 8 * 7);
  EXPECT_EQ(Cost("LocallyConnected2D", {x, w}, {y}), cost);
  EXPECT_EQ(Cost("LocallyConnected2DBackpropInput", {{4}, w, y}, {x}), cost);
  EXPECT_EQ(Cost("LocallyConnected2DBackpropFilter", {x, {4}, y}, {w}), cost);
}

TEST(FlopsTest, Products) {
  EXPECT_EQ(Cost("MatMul", {{3, 4}, {4, 5}}, {{3, 5}}), 2 * 3 * 4 * 5);
  EXPECT_EQ(Cost("MatMul", {{4, 3}, {4, 5}}, {{3, 5}}, {{"transpose_a", true}}), 2 * 3 * 4 * 5);
  EXPECT_EQ(Cost("BatchMatMulV2", {{6, 1, 4, 3}, {2, 4, 5}}, {{6, 2, 3, 5}}, {{"adj_x", true}}),
            6 * 2 * 2 * 3 * 4 * 5);
  EXPECT_EQ(Cost("SparseTensorDenseMatMul", {{7, 2}, {7}, {2}, {4, 5}}, {{3, 5}}), 2 * 7 * 5);
  EXPECT_EQ(Cost("Einsum", {{6, 3, 4}, {4, 5}}, {{6, 3, 5}}, {{"equation", "bij,jk->bik"}}),
            2 * 6 * 3 * 4 * 5);
  EXPECT_EQ(Cost("Einsum", {{3, 4}}, {{4}}, {{"equation", "ij->j"}}), 12 - 4);
}

TEST(FlopsTest, Pooling) {
  const AttrMap window = {{"ksize", std::vector<int64_t>{1, 3, 2, 1}}};
  const TensorShape x = {1, 8, 8, 4}, y = {1, 4, 4, 4};
  EXPECT_EQ(Cost("MaxPool", {x}, {y}, window), 6 * 64);
  EXPECT_EQ(Cost("AvgPool", {x}, {y}, window), 6 * 64);
  // TensorFlow's profiler: the largest of a window is sought again and gets one addition; every
  // element of an average's window gets a product and a sum.
  EXPECT_EQ(Cost("MaxPoolGrad", {x, y, y}, {x}, window), (6 + 1) * 64);
  EXPECT_EQ(Cost("AvgPoolGrad", {{4}, y}, {x}, window), 2 * 6 * 64);
}

TEST(FlopsTest, ElementByElement) {
  EXPECT_EQ(Cost("Tanh", {{2, 3}}, {{2, 3}}), 6);
  EXPECT_EQ(Cost("Rsqrt", {{2, 3}}, {{2, 3}}), 12);
  EXPECT_EQ(Cost("Mul", {{2, 1}, {3}}, {{2, 3}}), 6);
  EXPECT_EQ(Cost("SquaredDifference", {{2, 3}, {2, 3}}, {{2, 3}}), 12);
  EXPECT_EQ(Cost("ReluGrad", {{2, 3}, {2, 3}}, {{2, 3}}), 6);
  EXPECT_EQ(Cost("SigmoidGrad", {{2, 3}, {2, 3}}, {{2, 3}}), 18);  // dy * y * (1 - y)
  EXPECT_EQ(Cost("AddN", {{4}, {4}, {4}}, {{4}}), 8);
}

TEST(FlopsTest, Reductions) {
  EXPECT_EQ(Cost("Sum", {{5, 4}, {1}}, {{5}}), 15);
  EXPECT_EQ(Cost("Mean", {{5, 4}, {1}}, {{5}}), 20);
  EXPECT_EQ(Cost("BiasAddGrad", {{8, 5, 4}}, {{4}}), 156);
  EXPECT_EQ(Cost("UnsortedSegmentSum", {{9, 2}, {9}, {}}, {{3, 2}}), 18);
}

// 7 steps of 2 examples: [x, h] of 3 + 5 numbers meets all of [8, 20] weights in each.
TEST(FlopsTest, RecurrentCells) {
  const TensorShape state = {2, 5}, w = {8, 20}, peephole = {5}, bias = {20}, steps = {7, 2, 5};
  const Shapes inputs = {{}, {7, 2, 3}, state, state, w, peephole, peephole, peephole, bias};
  const Shapes outputs(7, steps);
  const double product = 2.0 * 7 * 2 * 8 * 20;
  // Four biases, five functions, cs = ci * i + cs_prev * f, h = co * o.
  EXPECT_EQ(Cost("BlockLSTM", inputs, outputs), product + 13 * 7 * 2 * 5);
  Shapes more = inputs;
  more.insert(more.end(), 9, steps);
  // The gradients of [x, h] and of the weights.
  const double gradient = Cost("BlockLSTMGrad", more, {{7, 2, 3}, state, state, w});
  EXPECT_GE(gradient, 2 * product);
  EXPECT_LE(gradient, 2 * product + 40 * 7 * 2 * 5);
  EXPECT_EQ(Cost("LSTMBlockCell", {{2, 3}, state, state, w}, Shapes(7, state)),
            2.0 * 2 * 8 * 20 + 13 * 2 * 5);
  EXPECT_EQ(Cost("GRUBlockCell", {{2, 3}, state, {8, 10}, {8, 5}}, Shapes(4, state)),
            2.0 * 2 * 8 * 15 + 11 * 2 * 5);
}

TEST(FlopsTest, Updates) {
  const TensorShape scalar = {}, w = {6, 5};
  // w -= alpha * g
  EXPECT_EQ(Cost("ResourceApplyGradientDescent", {scalar, scalar, w}, {}), 2 * 30);
  // m += (g - m) (1 - beta1), v += (g g - v) (1 - beta2), w -= alpha m / (sqrt(v) + epsilon)
  Shapes adam(9, scalar);
  adam.push_back(w);
  EXPECT_EQ(Cost("ResourceApplyAdam", adam, {}), (3 + 4 + 5) * 30);
  EXPECT_EQ(Cost("ApplyGradientDescent", {w, scalar, w}, {w}), 2 * 30);
  // Three rows.
  EXPECT_EQ(Cost("ResourceSparseApplyMomentum", {scalar, scalar, scalar, {3, 5}, {3}, scalar}, {}),
            4 * 15);
  EXPECT_EQ(Cost("AssignSubVariableOp", {scalar, w}, {}), 30);
}

TEST(FlopsTest, WhatIsNotKnownCostsNothing) {
  const TensorShape unknown = TensorShape::Unknown();
  EXPECT_EQ(Cost("Conv2D", {unknown, unknown}, {unknown}), 0);
  EXPECT_EQ(Cost("DepthwiseConv2dNative", {unknown, {3}}, {{2, 2}}), 0);
  EXPECT_EQ(Cost("MatMul", {{-1, 4}, {4, 5}}, {{-1, 5}}), 0);
  EXPECT_EQ(Cost("Einsum", {unknown, {3}}, {unknown}, {{"equation", "i,i->"}}), 0);
  EXPECT_EQ(Cost("BlockLSTM", Shapes(9, unknown), Shapes(7, unknown)), 0);
  EXPECT_EQ(Cost("MaxPool", {{1, 8, 8, 4}}, {{1, 4, 4, 4}}), 0);
  EXPECT_EQ(Builtin().Find("Reshape")->flops(), nullptr);
}

}  // namespace
}  // namespace sluice::ops
