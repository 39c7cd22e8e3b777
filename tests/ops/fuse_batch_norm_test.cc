// The rewrite fuse_batch_norm: what it takes in, what it must leave alone, and that results stay.
#include <string>
#include <vector>

#include "graph/gradients.h"
#include "ops/add_n.h"
#include "ops/binary.h"
#include "ops/fused_batch_norm.h"
#include "ops/placeholder.h"
#include "ops/reduction.h"
#include "ops/relu.h"
#include "ops/unary.h"
#include "tests/testing/rewrite_fixture.h"

namespace sluice {
namespace {

constexpr char kRewrite[] = "fuse_batch_norm";
constexpr char kEx[] = "_FusedBatchNormEx", kGradEx[] = "_FusedBatchNormGradEx";

class FuseBatchNormTest : public RewriteFixture {
 protected:
  static constexpr int kChannels = 5;
  const TensorShape image_ = {2, 3, 4, kChannels};

  Output Feed(const TensorShape& shape, double low = -1, double high = 1) {
    const Output x = ops::Placeholder(root_, DType::kFloat, shape);
    feeds_.emplace_back(x, RandomTensor(DType::kFloat, shape, feeds_.size() + 1, low, high));
    return x;
  }
  Output Norm(const Output& x, ops::FusedBatchNormOptions options = {}) {
    const Output scale = Feed({kChannels}, 0.5, 2), offset = Feed({kChannels}, -1, 3);
    const TensorShape moments = {options.is_training ? 0 : kChannels};
    const Output mean = Feed(moments), variance = Feed(moments, 0.5, 2);
    parameters_.push_back(scale);
    parameters_.push_back(offset);
    return ops::FusedBatchNorm(root_, x, scale, offset, mean, variance, options)[0];
  }
  // Gradients of a weighted sum of y by xs and all scales and offsets.
  Outputs GradientsOf(const Output& y, Outputs xs) {
    xs.insert(xs.end(), parameters_.begin(), parameters_.end());
    const Output loss = ops::Sum(root_, ops::Mul(root_, y, Feed(image_)), {0, 1, 2, 3});
    return Gradients(root_, {loss}, xs);
  }
  int64_t Count(const Outputs& fetches, const char* op) { return CountOp(feeds_, fetches, op); }

  Feeds feeds_;
  Outputs parameters_;
};

TEST_F(FuseBatchNormTest, Activations) {
  const Output relu = ops::Relu(root_, Norm(Feed(image_)));
  const Output relu6 = ops::Relu6(root_, Norm(Feed(image_), {.epsilon = 0.01f}));
  EXPECT_EQ(PlanOps(feeds_, {relu}), std::vector<std::string>({kEx}));
  EXPECT_EQ(PlanOps(feeds_, {relu6}), std::vector<std::string>({kEx}));
  SameWithout(kRewrite, feeds_, {relu, relu6});
}

TEST_F(FuseBatchNormTest, ResidualSums) {
  const Output side = Feed(image_);
  const Output left = ops::Relu(root_, ops::AddV2(root_, Norm(Feed(image_)), side));
  const Output right = ops::Relu6(root_, ops::Add(root_, side, Norm(Feed(image_))));
  const Output many = ops::Relu(root_, ops::AddN(root_, {side, Norm(Feed(image_))}));
  const Output bare = ops::AddV2(root_, side, Norm(Feed(image_)));
  for (const Output& y : {left, right, many, bare}) {
    EXPECT_EQ(PlanOps(feeds_, {y}), std::vector<std::string>({kEx}));
  }
  SameWithout(kRewrite, feeds_, {left, right, many, bare});
}

TEST_F(FuseBatchNormTest, TwoNormalizationsOfOneSum) {
  const Output y = ops::Relu(root_, ops::AddV2(root_, Norm(Feed(image_)), Norm(Feed(image_))));
  EXPECT_EQ(PlanOps(feeds_, {y}), std::vector<std::string>({"FusedBatchNorm", kEx}));
  SameWithout(kRewrite, feeds_, {y});
}

TEST_F(FuseBatchNormTest, Inference) {
  const Output y =
      ops::Relu(root_, ops::AddV2(root_, Norm(Feed(image_), {.is_training = false}), Feed(image_)));
  EXPECT_EQ(PlanOps(feeds_, {y}), std::vector<std::string>({kEx}));
  SameWithout(kRewrite, feeds_, {y});
}

TEST_F(FuseBatchNormTest, WhatOthersNeedStays) {
  const Output n = Norm(Feed(image_));
  const Output y = ops::Relu(root_, n);
  EXPECT_EQ(Count({y, n}, kEx), 0);                      // fetched
  EXPECT_EQ(Count({y, ops::Square(root_, n)}, kEx), 0);  // read twice
  const Output sum = ops::AddV2(root_, Norm(Feed(image_)), Feed(image_));
  const Output z = ops::Relu(root_, sum);
  EXPECT_EQ(PlanOps(feeds_, {z, sum}), std::vector<std::string>({kEx, "Relu"}));
  SameWithout(kRewrite, feeds_, {y, n, z, sum});
}

TEST_F(FuseBatchNormTest, OtherSumsStay) {
  const Output n = Norm(Feed(image_)), m = Norm(Feed(image_));
  const Output broadcast = ops::Relu(root_, ops::AddV2(root_, n, Feed({kChannels})));
  const Output doubled = ops::Relu(root_, ops::AddV2(root_, m, m));
  EXPECT_EQ(Count({broadcast, doubled}, kEx), 0);
  SameWithout(kRewrite, feeds_, {broadcast, doubled});
}

TEST_F(FuseBatchNormTest, GradientOfAnActivation) {
  for (const bool training : {true, false}) {
    const Output x = Feed(image_);
    const Output relu = ops::Relu(root_, Norm(x, {.is_training = training}));
    const Outputs gradients = GradientsOf(relu, {x});
    EXPECT_EQ(Count(gradients, kGradEx), 1);
    EXPECT_EQ(Count(gradients, "ReluGrad"), 0);
    SameWithout(kRewrite, feeds_, gradients);
    parameters_.clear();
    const Output relu6 = ops::Relu6(
        root_, Norm(x, {.epsilon = 0.1f, .data_format = "NHWC", .is_training = training}));
    const Outputs gradients6 = GradientsOf(relu6, {x});
    EXPECT_EQ(Count(gradients6, kGradEx), 1);
    SameWithout(kRewrite, feeds_, gradients6);
    parameters_.clear();
  }
}

TEST_F(FuseBatchNormTest, GradientOfAResidualBlock) {
  const Output x = Feed(image_), side = Feed(image_);
  const Output y = ops::Relu(root_, ops::AddV2(root_, Norm(x), side));
  const Outputs gradients = GradientsOf(y, {x, side});
  EXPECT_EQ(Count(gradients, kGradEx), 1);
  EXPECT_EQ(Count(gradients, "ReluGrad"), 0);
  SameWithout(kRewrite, feeds_, gradients);
}

// Two blocks: the gradient of the first one's result is a sum, which goes into the fused step too.
TEST_F(FuseBatchNormTest, SumsOfGradients) {
  const Output x = Feed(image_), side = Feed(image_);
  const Output a = ops::Relu(root_, ops::AddV2(root_, Norm(x), side));
  const Output b = ops::Relu(root_, ops::AddV2(root_, Norm(ops::Tanh(root_, a)), a));
  const Outputs gradients = GradientsOf(b, {x, side});
  EXPECT_EQ(Count(gradients, kGradEx), 2);
  EXPECT_EQ(Count(gradients, "AddN"), 0);
  EXPECT_EQ(Count(gradients, "ReluGrad"), 0);
  SameWithout(kRewrite, feeds_, gradients);
}

// The same where the batch is not known while gradients are made: sums over no axes stand between.
TEST_F(FuseBatchNormTest, UnknownBatch) {
  const auto feed = [&] {
    const Output x = ops::Placeholder(root_, DType::kFloat, {-1, 3, 4, kChannels});
    feeds_.emplace_back(x, RandomTensor(DType::kFloat, image_, feeds_.size() + 1));
    return x;
  };
  const Output x = feed(), side = feed();
  const Output a = ops::Relu(root_, ops::AddV2(root_, Norm(x), side));
  const Output b = ops::Relu(root_, ops::AddV2(root_, Norm(ops::Tanh(root_, a)), a));
  const Outputs gradients = GradientsOf(b, {x, side});
  EXPECT_EQ(Count(gradients, kGradEx), 2);
  EXPECT_EQ(Count(gradients, "AddN"), 0);
  EXPECT_EQ(Count(gradients, "ReluGrad"), 0);
  SameWithout(kRewrite, feeds_, gradients);
}

TEST_F(FuseBatchNormTest, GradientOfTwoNormalizations) {
  const Output x = Feed(image_), z = Feed(image_);
  const Output y = ops::Relu6(root_, ops::AddV2(root_, Norm(x), Norm(z)));
  const Outputs gradients = GradientsOf(y, {x, z});
  EXPECT_EQ(Count(gradients, kGradEx), 1);
  EXPECT_EQ(Count(gradients, "FusedBatchNormGrad"), 1);
  EXPECT_EQ(Count(gradients, "Relu6Grad"), 0);
  SameWithout(kRewrite, feeds_, gradients);
}

// The activation's gradient is fetched, and the normalization is: both are made beside the rest.
TEST_F(FuseBatchNormTest, GradientsWhoseTermsAreFetched) {
  const Output x = Feed(image_);
  const Output n = Norm(x);
  const Output y = ops::Relu(root_, n);
  Outputs fetches = GradientsOf(y, {x, n});
  fetches.push_back(n);
  EXPECT_EQ(Count(fetches, kGradEx), 1);
  SameWithout(kRewrite, feeds_, fetches);
}

TEST_F(FuseBatchNormTest, NotANumberPassesAsBefore) {
  const Output x = Feed(image_);
  const Output y = ops::Relu(root_, Norm(x, {.is_training = false}));
  Tensor& value = feeds_[0].second;
  value = Tensor::Zeros(DType::kFloat, image_);
  value.mutable_data<float>()[0] = std::numeric_limits<float>::quiet_NaN();
  value.mutable_data<float>()[1] = std::numeric_limits<float>::infinity();
  value.mutable_data<float>()[2] = -std::numeric_limits<float>::infinity();
  Outputs fetches = GradientsOf(y, {x});
  fetches.push_back(y);
  SameWithout(kRewrite, feeds_, fetches);
}

}  // namespace
}  // namespace sluice
