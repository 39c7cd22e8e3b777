// The rewrites around convolutions: fuse_conv, fold_batch_norm, absorb_pad. What they take in, what
// they must leave alone, and that results stay.
#include <string>
#include <vector>

#include "graph/gradients.h"
#include "graph/variable.h"
#include "ops/add_n.h"
#include "ops/bias_add.h"
#include "ops/binary.h"
#include "ops/const.h"
#include "ops/conv2d.h"
#include "ops/depthwise_conv2d.h"
#include "ops/fused_batch_norm.h"
#include "ops/matmul.h"
#include "ops/pad.h"
#include "ops/placeholder.h"
#include "ops/reduction.h"
#include "ops/relu.h"
#include "ops/unary.h"
#include "tests/testing/rewrite_fixture.h"

namespace sluice {
namespace {

using Strings = std::vector<std::string>;

class ConvRewriteTest : public RewriteFixture {
 protected:
  static constexpr int kIn = 3, kOut = 4;
  const TensorShape image_ = {2, 6, 5, kIn}, result_ = {2, 6, 5, kOut};

  Tensor Random(const TensorShape& shape, double low = -1, double high = 1) {
    return RandomTensor(DType::kFloat, shape, ++seed_, low, high);
  }
  Output Feed(const TensorShape& shape) {
    const Output x = ops::Placeholder(root_, DType::kFloat, shape);
    feeds_.emplace_back(x, Random(shape, -2, 2));
    return x;
  }
  Output Weights(const TensorShape& shape, double low = -1, double high = 1) {
    return ops::Const(root_, Random(shape, low, high));
  }
  Output Conv(const Output& x, Padding padding = Padding::kSame) {
    return ops::Conv2D(root_, x, Weights({3, 3, kIn, kOut}), {.padding = padding});
  }
  Output Depthwise(const Output& x) {
    return ops::DepthwiseConv2dNative(root_, x, Weights({3, 3, kIn, 2}),
                                      {.strides = {1, 1, 1, 1}, .padding = Padding::kSame});
  }
  Output Norm(const Output& x, int64_t channels, bool training = false,
              const char* format = "NHWC") {
    const Output scale = Weights({channels}, 0.5, 2), offset = Weights({channels}, -1, 3);
    const Output mean = Weights({channels}), variance = Weights({channels}, 0.5, 2);
    return ops::FusedBatchNorm(
        root_, x, scale, offset, mean, variance,
        {.epsilon = 0.01f, .data_format = format, .is_training = training})[0];
  }
  Strings PlanOf(const Output& y) { return PlanOps(feeds_, {y}); }
  int64_t Fused(const Outputs& fetches) {
    return CountOp(feeds_, fetches, "_FusedConv2D") +
           CountOp(feeds_, fetches, "_FusedDepthwiseConv2dNative");
  }
  void ExpectOnly(const Output& y, const char* op, const char* rewrite) {
    EXPECT_EQ(PlanOf(y), Strings({op}));
    SameWithout(rewrite, feeds_, {y});
  }

  Feeds feeds_;
  uint64_t seed_ = 0;
};

using FuseConvTest = ConvRewriteTest;
constexpr char kFused[] = "_FusedConv2D", kFusedDepthwise[] = "_FusedDepthwiseConv2dNative";

TEST_F(FuseConvTest, BiasResidualAndActivation) {
  const Output biased = ops::BiasAdd(root_, Conv(Feed(image_)), Weights({kOut}));
  const Output sum = ops::AddV2(root_, Feed(result_), biased);
  ExpectOnly(ops::Relu(root_, sum), kFused, "fuse_conv");
}

TEST_F(FuseConvTest, EveryActivation) {
  const Output x = Feed(image_);
  for (const Output& y : {ops::Relu(root_, Conv(x)), ops::Relu6(root_, Conv(x)),
                          ops::Elu(root_, Conv(x)), ops::LeakyRelu(root_, Conv(x), {.alpha = 0.3f}),
                          ops::Tanh(root_, Conv(x)), ops::Sigmoid(root_, Conv(x))}) {
    ExpectOnly(y, kFused, "fuse_conv");
  }
}

TEST_F(FuseConvTest, BiasesInOtherWords) {
  const Output x = Feed(image_);
  ExpectOnly(ops::Relu(root_, ops::AddV2(root_, Conv(x), Weights({kOut}))), kFused, "fuse_conv");
  ExpectOnly(ops::Add(root_, Weights({1, 1, 1, kOut}), Conv(x)), kFused, "fuse_conv");
}

TEST_F(FuseConvTest, DepthwiseAndChannelsFirst) {
  const Output depthwise = ops::BiasAdd(root_, Depthwise(Feed(image_)), Weights({2 * kIn}));
  ExpectOnly(ops::Relu6(root_, depthwise), kFusedDepthwise, "fuse_conv");
  const Output x = Feed({2, kIn, 5, 4});
  const Output conv = ops::Conv2D(root_, x, Weights({3, 3, kIn, kOut}), {.data_format = "NCHW"});
  const Output biased = ops::BiasAdd(root_, conv, Weights({kOut}), {.data_format = "NCHW"});
  ExpectOnly(ops::Relu(root_, biased), kFused, "fuse_conv");
}

TEST_F(FuseConvTest, OfTwoConvolutionsOneTakesTheOthersResult) {
  const auto biased = [&](const Output& conv) {
    return ops::BiasAdd(root_, conv, Weights({kOut}));
  };
  const Output x = Feed(image_);
  const Output one = biased(ops::Conv2D(root_, x, Weights({1, 1, kIn, kOut})));
  const Output y = ops::Relu(root_, ops::AddV2(root_, biased(Conv(x)), one));
  EXPECT_EQ(PlanOf(y), Strings({kFused, kFused}));
  SameWithout("fuse_conv", feeds_, {y});
}

TEST_F(FuseConvTest, TheImageItselfAsResidual) {
  const Output x = Feed({1, 4, 5, 3});
  const Output other = ops::Square(root_, x);  // in memory that may be taken over
  const Output conv = ops::Conv2D(root_, other, Weights({3, 3, 3, 3}), {.padding = Padding::kSame});
  const Output biased = ops::BiasAdd(root_, conv, Weights({3}));
  const Output y = ops::AddV2(root_, biased, other);
  EXPECT_EQ(Fused({y}), 1);
  SameWithout("fuse_conv", feeds_, {y});
}

TEST_F(FuseConvTest, WhatOthersNeedStays) {
  const Output conv = Conv(Feed(image_));
  const Output biased = ops::BiasAdd(root_, conv, Weights({kOut}));
  const Output y = ops::Relu(root_, biased);
  EXPECT_EQ(Fused({y, conv}), 0);                          // fetched
  EXPECT_EQ(Fused({y, ops::Square(root_, conv)}), 0);      // read twice
  EXPECT_EQ(PlanOps(feeds_, {y, biased}).back(), "Relu");  // the bias alone is taken in
  EXPECT_EQ(Fused({ops::AddV2(root_, conv, conv)}), 0);    // twice the same
  SameWithout("fuse_conv", feeds_, {y, biased, conv});
}

TEST_F(FuseConvTest, NotAlongAnotherAxis) {
  const Output x = Feed({1, 4, 4, kIn});
  const Output conv = Conv(x);  // [1, 4, 4, 4]
  const Output rows = ops::AddV2(root_, conv, Weights({4, 1, 1}));
  const Output first = ops::BiasAdd(root_, conv, Weights({4}), {.data_format = "NCHW"});
  const Output spread = ops::AddV2(root_, conv, Weights({2, 1, 1, 1}));  // a larger result
  for (const Output& y : {rows, first, spread}) EXPECT_EQ(Fused({y}), 0);
}

TEST_F(FuseConvTest, InTraining) {
  const Output w = Feed({3, 3, kIn, kOut}), b = Feed({kOut});
  const Output conv = ops::Conv2D(root_, Feed(image_), w, {.padding = Padding::kSame});
  const Output y = ops::Relu(root_, ops::BiasAdd(root_, conv, b));
  const Outputs gradients =
      Gradients(root_, {ops::Sum(root_, ops::Mul(root_, y, y), {0, 1, 2, 3})}, {w, b});
  EXPECT_EQ(Fused(gradients), 1);
  SameWithout("fuse_conv", feeds_, gradients, {1e-4, 1e-4});
}

// --- fold_batch_norm ---

using FoldBatchNormTest = ConvRewriteTest;

TEST_F(FoldBatchNormTest, IntoConvolutions) {
  const Output x = Feed(image_);
  ExpectOnly(ops::Relu(root_, Norm(Conv(x), kOut)), kFused, "fold_batch_norm");
  ExpectOnly(ops::Relu6(root_, Norm(Depthwise(x), 2 * kIn)), kFusedDepthwise, "fold_batch_norm");
  const Output biased = ops::BiasAdd(root_, Conv(x), Weights({kOut}));
  ExpectOnly(Norm(biased, kOut), kFused, "fold_batch_norm");
}

TEST_F(FoldBatchNormTest, WithTheResidualAfterIt) {
  const Output y = ops::AddV2(root_, Norm(Conv(Feed(image_)), kOut), Feed(result_));
  ExpectOnly(ops::Relu(root_, y), kFused, "fold_batch_norm");
}

TEST_F(FoldBatchNormTest, OfPlainOps) {
  const Output scaled = ops::Mul(root_, Conv(Feed(image_)), Weights({kOut}));
  ExpectOnly(ops::AddV2(root_, scaled, Weights({kOut})), kFused, "fold_batch_norm");
}

TEST_F(FoldBatchNormTest, IntoMatrixProducts) {
  const Output x = Feed({5, 7});
  const Output y = ops::Mul(root_, ops::MatMul(root_, x, Weights({7, 6})), Weights({6}));
  const Output t = ops::Mul(root_, Weights({1, 6}),
                            ops::MatMul(root_, x, Weights({6, 7}), {.transpose_b = true}));
  for (const Output& product : {y, t}) {
    EXPECT_EQ(CountOp(feeds_, {product}, "Mul"), 0);
    SameWithout("fold_batch_norm", feeds_, {product});
  }
}

TEST_F(FoldBatchNormTest, OnlyWhatSeldomChanges) {
  const Output x = Feed(image_);
  const auto norms = [&](const Output& y) {
    return CountOp(feeds_, {y}, "FusedBatchNorm") + CountOp(feeds_, {y}, "_FusedBatchNormEx");
  };
  const Output fed = ops::Conv2D(root_, x, Feed({3, 3, kIn, kOut}), {.padding = Padding::kSame});
  EXPECT_EQ(norms(Norm(fed, kOut)), 1);
  EXPECT_EQ(norms(Norm(Conv(x), kOut, /*training=*/true)), 1);
  const Output conv = Conv(x);
  EXPECT_EQ(CountOp(feeds_, {Norm(conv, kOut), conv}, "FusedBatchNorm"), 1);
  const Output square = ops::Conv2D(root_, Feed({1, 4, 4, kIn}), Weights({1, 1, kIn, 4}));
  EXPECT_EQ(norms(Norm(square, 4, false, "NCHW")), 1);  // another axis
}

// Weights in variables are folded when they are first used, and again when they have changed.
TEST_F(FoldBatchNormTest, FollowsVariables) {
  const Variable w = NewVariable(root_, Random({3, 3, kIn, kOut}));
  const Output assign = w.Assign(root_, Weights({3, 3, kIn, kOut}));
  const Output init = GlobalVariablesInitializer(root_);
  const Output y =
      Norm(ops::Conv2D(root_, Feed(image_), w.value(), {.padding = Padding::kSame}), kOut);
  EXPECT_EQ(CountOp(feeds_, {y}, kFused), 1);
  const auto results = [&](const SessionOptions& options) {
    Session session = Session::Create(graph_, options).value();
    EXPECT_THAT(session.Run(init), IsOk());
    std::vector<Tensor> ys;
    for (int i = 0; i < 4; ++i) {
      if (i == 2) {
        EXPECT_THAT(session.Run(assign), IsOk());
      }
      ys.push_back(session.Run(feeds_, {y}).value()[0]);
    }
    return ys;
  };
  const std::vector<Tensor> with = results({}), without = results({.optimize = false});
  for (int i = 0; i < 4; ++i) ExpectClose(with[i], without[i], {1e-5, 1e-5});
  EXPECT_FALSE(BitEqual(with[1], with[2]));
}

// --- absorb_pad ---

using AbsorbPadTest = ConvRewriteTest;

TEST_F(AbsorbPadTest, ZerosBecomePadding) {
  const Output padded = ops::Pad(root_, Feed(image_), {0, 0, 1, 2, 0, 3, 0, 0});
  ExpectOnly(Conv(padded, Padding::kValid), kFused, "absorb_pad");
  const Output deep =
      ops::DepthwiseConv2dNative(root_, ops::Pad(root_, Feed(image_), {0, 0, 0, 1, 0, 1, 0, 0}),
                                 Weights({3, 3, kIn, 1}), {.strides = {1, 2, 2, 1}});
  ExpectOnly(deep, kFusedDepthwise, "absorb_pad");
}

TEST_F(AbsorbPadTest, LeavesOthers) {
  const auto pads = [&](const Outputs& fetches) { return CountOp(feeds_, fetches, "Pad"); };
  const Output x = Feed(image_);
  const Output padded = ops::Pad(root_, x, {0, 0, 1, 1, 1, 1, 0, 0});
  EXPECT_EQ(pads({Conv(padded, Padding::kSame)}), 1);
  EXPECT_EQ(pads({Conv(padded, Padding::kValid), padded}), 1);
  EXPECT_EQ(pads({Conv(ops::Pad(root_, x, {1, 0, 1, 1, 1, 1, 0, 0}), Padding::kValid)}), 1);
  const Output ones = ops::PadV2(root_, x, {0, 0, 1, 1, 1, 1, 0, 0}, ops::Const(root_, 1.0f));
  EXPECT_EQ(CountOp(feeds_, {Conv(ones, Padding::kValid)}, "PadV2"), 1);
}

}  // namespace
}  // namespace sluice
