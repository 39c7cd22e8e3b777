#include "train/transforms_batch_norm.h"

#include "layers/batch_norm.h"
#include "layers/conv.h"
#include "layers/conv_transpose.h"
#include "layers/dense.h"
#include "layers/depthwise_conv2d.h"
#include "layers/pooling.h"
#include "ops/binary.h"
#include "ops/identity.h"
#include "ops/relu.h"
#include "tests/testing/program/frozen_fixture.h"

namespace sluice::train {
namespace {

class FoldBatchNormsTest : public FrozenFixture {
 protected:
  Output Norm(const Output& x, bool fused, DataFormat format = DataFormat::kChannelsLast) {
    return layers::BatchNormalization(
        root_, x,
        {.axis = format == DataFormat::kChannelsFirst ? 1 : -1, .training = false, .fused = fused});
  }
  Output Images() { return ops::Placeholder(root_.Named("x"), DType::kFloat, {-1, 8, 7, 3}); }
  // Nothing of a batch normalization is left.
  static void ExpectNoNorm(const proto::GraphDef& def) {
    for (const char* op : {"FusedBatchNorm", "Mul", "Rsqrt", "Sub", "Add", "AddV2"})
      EXPECT_EQ(CountOps(def, op), 0) << op;
  }
  const TensorShape shape_ = {2, 8, 7, 3};
};

TEST_F(FoldBatchNormsTest, ByHand) {
  // y = (x w + b - mean) / sqrt(variance + 0) * gamma + beta with w = 3, b = 1, mean = 2,
  // variance = 4, gamma = 10, beta = 7: w' = 15, b' = (1 - 2) / 2 * 10 + 7 = 2.
  proto::GraphDef def;
  Graph graph(ops::Builtin());
  const Scope root = Scope::Root(graph);
  const Output x = ops::Placeholder(root.Named("x"), DType::kFloat, {-1, 2, 2, 1});
  const auto vector = [&](const char* name, float v) {
    return ops::Const<float>(root.Named(name), {v}, {1});
  };
  const Output conv =
      At(root.Named("conv"))
          .Node("Conv2D", {x, ops::Const<float>(root.Named("w"), {3}, {1, 1, 1, 1})},
                {{"strides", std::vector<int64_t>{1, 1, 1, 1}}, {"padding", "SAME"}});
  const Output biased = At(root.Named("biased")).Node("BiasAdd", {conv, vector("b", 1)});
  At(root.Named("y"))
      .Nodes("FusedBatchNorm",
             {biased, vector("gamma", 10), vector("beta", 7), vector("mean", 2), vector("var", 4)},
             {{"is_training", false}, {"epsilon", 0.0f}});
  ASSERT_THAT(ToGraphDef(graph, &def), IsOk());
  const absl::StatusOr<int> folded = FoldBatchNorms({"y"}, &def);
  ASSERT_THAT(folded, IsOk());
  EXPECT_EQ(*folded, 1);
  EXPECT_EQ(Listing(def),
            (Strings{"x Placeholder", "w Const", "conv Conv2D", "y/bias Const", "y BiasAdd"}));
  ExpectClose(RunDef(def, "w", {}), Tensor::Of<float>({1, 1, 1, 1}, {15}));
  ExpectClose(RunDef(def, "y/bias", {}), Tensor::Of<float>({1}, {2}));
}

TEST_F(FoldBatchNormsTest, FusedAfterConvolution) {
  const Output x = Images();
  const Output y = Norm(layers::Conv2D(root_, x, {.filters = 4, .kernel_size = 3}), true);
  const proto::GraphDef def = Checked(x, y, shape_);
  ExpectNoNorm(def);
  EXPECT_EQ(report_.batch_norms_folded, 1);
  EXPECT_EQ(def.node(def.node_size() - 1).name(), y.node()->name());
  EXPECT_EQ(def.node(def.node_size() - 1).op(), "BiasAdd");
}

TEST_F(FoldBatchNormsTest, ExpandedAfterConvolutionWithoutBias) {
  const Output x = Images();
  const Output y =
      Norm(layers::Conv2D(root_, x, {.filters = 4, .kernel_size = 3, .use_bias = false}), false);
  ExpectNoNorm(Checked(x, y, shape_));
}

TEST_F(FoldBatchNormsTest, AfterDepthwiseConvolution) {
  const Output x = Images();
  for (const bool fused : {true, false}) {
    session_.reset();
    const Output y =
        Norm(layers::DepthwiseConv2D(root_, x, {.kernel_size = 3, .depth_multiplier = 2}), fused);
    ExpectNoNorm(Checked(x, y, shape_));
  }
}

TEST_F(FoldBatchNormsTest, AfterDenseAndTransposedConvolution) {
  const Output x = Images();
  const Output up = layers::Conv2DTranspose(root_, x, {.filters = 4, .kernel_size = 3});
  EXPECT_EQ(CountOps(Checked(x, Norm(up, true), shape_), "FusedBatchNorm"), 0);
  session_.reset();
  const Output rows = ops::Placeholder(root_.Named("rows"), DType::kFloat, {-1, 6});
  const Output y = Norm(layers::Dense(root_, rows, {.units = 5}), false);
  ExpectNoNorm(Checked(rows, y, {3, 6}));
}

TEST_F(FoldBatchNormsTest, InDouble) {
  const Output x = ops::Placeholder(root_.Named("x"), DType::kDouble, {-1, 5});
  const Output y = Norm(layers::Dense(root_, x, {.units = 4}), false);
  ExpectNoNorm(Checked(x, y, {2, 5}));
}

TEST_F(FoldBatchNormsTest, ChannelsFirst) {
  const Output x = ops::Placeholder(root_.Named("x"), DType::kFloat, {-1, 3, 6, 5});
  for (const bool fused : {true, false}) {
    session_.reset();
    const Output conv = layers::Conv2D(
        root_, x, {.filters = 4, .kernel_size = 3, .data_format = DataFormat::kChannelsFirst});
    const proto::GraphDef def =
        Checked(x, Norm(conv, fused, DataFormat::kChannelsFirst), {2, 3, 6, 5});
    EXPECT_EQ(CountOps(def, "FusedBatchNorm") + CountOps(def, "Mul"), 0);
    EXPECT_EQ(def.node(def.node_size() - 1).attr().at("data_format").s(), "NCHW");
  }
}

TEST_F(FoldBatchNormsTest, OverOneDimension) {  // ExpandDims, Conv2D, Squeeze
  const Output x = ops::Placeholder(root_.Named("x"), DType::kFloat, {-1, 9, 3});
  const Output y = Norm(layers::Conv1D(root_, x, {.filters = 4, .kernel_size = 3}), false);
  ExpectNoNorm(Checked(x, y, {2, 9, 3}));
}

TEST_F(FoldBatchNormsTest, SharedWeightsGetACopy) {
  const Output x = Images();
  const auto conv = [&](const Scope& scope) {
    return layers::Conv2D(scope, x, {.filters = 2, .kernel_size = 1, .name = "shared"});
  };
  const Output plain = conv(root_);
  const Output normed = Norm(conv(root_.WithReuse()), true);
  const Output y = ops::Add(root_.Named("y"), plain, normed);
  const proto::GraphDef def = Checked(x, y, shape_);
  EXPECT_EQ(report_.batch_norms_folded, 1);
  EXPECT_NE(FindNode(def, "shared_1/Conv2D/folded_weights"), nullptr);
}

TEST_F(FoldBatchNormsTest, LeavesWhatOthersReadToo) {
  const Output x = Images();
  const Output conv = layers::Conv2D(root_, x, {.filters = 2, .kernel_size = 1});
  const Output y = ops::Add(root_.Named("y"), conv, Norm(conv, true));
  EXPECT_EQ(CountOps(Checked(x, y, shape_), "FusedBatchNorm"), 1);
  EXPECT_EQ(report_.batch_norms_folded, 0);
}

TEST_F(FoldBatchNormsTest, LeavesOutputsOnTheWay) {
  const Output x = Images();
  const Output conv = layers::Conv2D(root_, x, {.filters = 2, .kernel_size = 1});
  const Output normed = Norm(conv, true);
  Trained();
  const proto::GraphDef def = Frozen({conv, normed});
  EXPECT_EQ(CountOps(def, "FusedBatchNorm"), 1);
  const Tensor input = RandomTensor(DType::kFloat, shape_);
  ExpectClose(RunDef(def, conv.name(), {{"x:0", input}}), Run(conv, {{x, input}}));
}

TEST_F(FoldBatchNormsTest, WithoutContractionStays) {
  const Output x = Images();
  const Output y = Norm(ops::Relu(root_, Norm(x, true)), false);
  const proto::GraphDef def = Checked(x, y, shape_);
  EXPECT_EQ(report_.batch_norms_folded, 0);
  EXPECT_EQ(CountOps(def, "FusedBatchNorm"), 1);
  EXPECT_EQ(CountOps(def, "Rsqrt"), 0);  // computed
}

TEST_F(FoldBatchNormsTest, TrainingAndBadVariancesStay) {
  const Output x = Images();
  const Output conv = layers::Conv2D(root_, x, {.filters = 1, .kernel_size = 1});
  const auto norm = [&](const char* name, bool training, float variance) {
    const Output one = ops::Const<float>(root_, {1}, {1});
    const Output none = ops::Const<float>(root_, {}, {0});
    const Output v = ops::Const<float>(root_, {variance}, {1});
    return At(root_.Named(name))
        .Nodes("FusedBatchNorm", {conv, one, one, training ? none : one, training ? none : v},
               {{"is_training", training}})[0];
  };
  const Output y = norm("y", true, 1), bad = norm("bad", false, -1);
  Trained();
  EXPECT_EQ(CountOps(Frozen({y}), "FusedBatchNorm"), 1);
  EXPECT_EQ(CountOps(Frozen({bad}), "FusedBatchNorm"), 1);
}

TEST_F(FoldBatchNormsTest, OnlyAdditionsStay) {
  const Output x = Images();
  const Output conv = layers::Conv2D(root_, x, {.filters = 2, .kernel_size = 1});
  const Output y = ops::Add(root_.Named("y"), conv, Values({2}, {1, 2}));
  EXPECT_EQ(CountOps(Checked(x, y, shape_), "Add"), 1);
  EXPECT_EQ(report_.batch_norms_folded, 0);
}

TEST_F(FoldBatchNormsTest, ScalarsAndDivisionsAndDifferences) {
  const Output x = Images();
  Output y = layers::Conv2D(root_, x, {.filters = 2, .kernel_size = 1});
  y = ops::Mul(root_, ops::Const(root_, 3.0f), y);
  y = At(root_).Node("RealDiv", {y, Values({2}, {2, 4})});
  y = ops::Sub(root_, Values({1, 1, 1, 2}, {1, -1}), y);
  const proto::GraphDef def = Checked(x, y, shape_);
  EXPECT_EQ(CountOps(def, "Mul") + CountOps(def, "RealDiv") + CountOps(def, "Sub"), 0);
}

TEST_F(FoldBatchNormsTest, NumbersThatAreNotPerChannelStay) {
  const Output x = Images();
  const Output conv = layers::Conv2D(root_, x, {.filters = 1, .kernel_size = 1});
  const Output y = ops::Mul(root_.Named("y"), conv, Values({7, 1}, {1, 2, 3, 4, 5, 6, 7}));
  EXPECT_EQ(CountOps(Checked(x, y, shape_), "Mul"), 1);
  const Output wide = ops::Mul(root_.Named("wide"), conv, Values({3}, {1, 2, 3}));
  session_.reset();
  EXPECT_EQ(CountOps(Checked(x, wide, shape_), "Mul"), 1);
}

}  // namespace
}  // namespace sluice::train
