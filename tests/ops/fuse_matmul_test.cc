// The rewrite fuse_matmul: what it takes in, what it must leave alone, and that results stay.
#include <limits>
#include <string>
#include <vector>

#include "graph/gradients.h"
#include "ops/bias_add.h"
#include "ops/binary.h"
#include "ops/const.h"
#include "ops/fused_matmul.h"
#include "ops/matmul.h"
#include "ops/placeholder.h"
#include "ops/reduction.h"
#include "ops/relu.h"
#include "ops/unary.h"
#include "tests/testing/rewrite_fixture.h"

namespace sluice {
namespace {

using ops::kFusedMatMul;
constexpr char kRewrite[] = "fuse_matmul";

class FuseMatMulTest : public RewriteFixture {
 protected:
  Output Feed(const TensorShape& shape, DType dtype = DType::kFloat) {
    const Output x = ops::Placeholder(root_, dtype, shape);
    feeds_.emplace_back(x, RandomTensor(dtype, shape, feeds_.size() + 1));
    return x;
  }
  // [4, 3] = [4, 5] x [5, 3].
  Output Product(DType dtype = DType::kFloat) {
    return ops::MatMul(root_, Feed({4, 5}, dtype), Feed({5, 3}, dtype));
  }
  std::vector<std::string> Ops(const Outputs& fetches) { return PlanOps(feeds_, fetches); }
  // All in one kernel, and nothing changes.
  void ExpectFused(const Output& y) {
    EXPECT_EQ(Ops({y}), std::vector<std::string>({kFusedMatMul})) << y.node()->op();
    SameWithout(kRewrite, feeds_, {y});
  }
  void ExpectNotFused(const Outputs& fetches) {
    EXPECT_EQ(CountOp(feeds_, fetches, kFusedMatMul), 0);
    SameWithout(kRewrite, feeds_, fetches);
  }

  Feeds feeds_;
};

TEST_F(FuseMatMulTest, BiasesOfAllKinds) {
  ExpectFused(ops::BiasAdd(root_, Product(), Feed({3})));
  ExpectFused(ops::Add(root_, Product(), Feed({3})));
  ExpectFused(ops::AddV2(root_, Feed({3}), Product()));
  ExpectFused(ops::BiasAdd(root_, Product(DType::kDouble), Feed({3}, DType::kDouble)));
  ExpectFused(ops::BiasAdd(root_, Product(), Feed({3}), {.data_format = "NCHW"}));
}

TEST_F(FuseMatMulTest, ARowIsABias) {
  ExpectFused(
      ops::Add(root_, Product(), ops::Const(root_, RandomTensor(DType::kFloat, {1, 3}, 9))));
  const Output computed = ops::Square(root_, Feed({1, 3}));
  const Output y = ops::AddV2(root_, computed, Product());
  EXPECT_EQ(CountOp(feeds_, {y}, kFusedMatMul), 1);
  EXPECT_EQ(CountOp(feeds_, {y}, "AddV2"), 0);
  SameWithout(kRewrite, feeds_, {y});
}

TEST_F(FuseMatMulTest, Activations) {
  for (const char* op : {"Relu", "Relu6", "Elu", "Tanh", "Sigmoid"}) {
    ExpectFused(At(root_).Node(op, {ops::BiasAdd(root_, Product(), Feed({3}))}));
    ExpectFused(At(root_).Node(op, {Product()}));
  }
  ExpectFused(At(root_).Node("LeakyRelu", {Product()}, {{"alpha", 0.7f}}));
}

TEST_F(FuseMatMulTest, TransposesStay) {
  for (int transposes = 0; transposes < 4; ++transposes) {
    const bool ta = (transposes & 1) != 0, tb = (transposes & 2) != 0;
    const Output a = Feed(ta ? TensorShape{5, 4} : TensorShape{4, 5});
    const Output b = Feed(tb ? TensorShape{3, 5} : TensorShape{5, 3});
    const Output y = ops::MatMul(root_, a, b, {.transpose_a = ta, .transpose_b = tb});
    ExpectFused(ops::Relu(root_, ops::BiasAdd(root_, y, Feed({3}))));
  }
}

TEST_F(FuseMatMulTest, OneActivationAndOneBias) {
  const Output y = ops::Tanh(root_, ops::Relu(root_, Product()));
  EXPECT_EQ(Ops({y}), std::vector<std::string>({kFusedMatMul, "Tanh"}));
  const Output z = ops::BiasAdd(root_, ops::BiasAdd(root_, Product(), Feed({3})), Feed({3}));
  EXPECT_EQ(Ops({z}), std::vector<std::string>({kFusedMatMul, "BiasAdd"}));
  const Output after = ops::BiasAdd(root_, ops::Relu(root_, Product()), Feed({3}));
  EXPECT_EQ(Ops({after}), std::vector<std::string>({kFusedMatMul, "BiasAdd"}));
  SameWithout(kRewrite, feeds_, {y, z, after});
}

TEST_F(FuseMatMulTest, WhatOthersNeedStays) {
  const Output p = Product();
  const Output y = ops::BiasAdd(root_, p, Feed({3}));
  ExpectNotFused({y, p});                      // fetched
  ExpectNotFused({y, ops::Square(root_, p)});  // read twice
  ExpectNotFused({ops::Add(root_, p, p)});
  const Output relu = ops::Relu(root_, y);
  EXPECT_EQ(Ops({relu, y}), std::vector<std::string>({kFusedMatMul, "Relu"}));
}

TEST_F(FuseMatMulTest, OtherSumsStay) {
  ExpectNotFused({ops::Add(root_, Product(), Feed({4, 1}))});
  ExpectNotFused({ops::Add(root_, Product(), Feed({}))});
  ExpectNotFused({ops::Add(root_, Product(), Feed({1}))});
  ExpectNotFused({ops::Add(root_, Product(), Feed({4, 3}))});
  ExpectNotFused({ops::Add(root_, Product(), Feed({1, 1, 3}))});
  ExpectNotFused({ops::Add(root_, Product(), Feed({2, 4, 3}))});
}

TEST_F(FuseMatMulTest, OtherTypesStay) {
  const Output y = ops::MatMul(root_, Feed({4, 5}, DType::kInt32), Feed({5, 3}, DType::kInt32));
  ExpectNotFused({ops::BiasAdd(root_, y, Feed({3}, DType::kInt32))});
  const Output half = ops::MatMul(root_, Feed({4, 5}, DType::kHalf), Feed({5, 3}, DType::kHalf));
  ExpectNotFused({ops::Relu(root_, half)});
}

TEST_F(FuseMatMulTest, EmptyAndSingleRows) {
  ExpectNotFused({ops::BiasAdd(root_, ops::MatMul(root_, Feed({0, 5}), Feed({5, 3})), Feed({3}))});
  ExpectFused(ops::BiasAdd(root_, ops::MatMul(root_, Feed({1, 5}), Feed({5, 3})), Feed({3})));
  ExpectFused(ops::BiasAdd(root_, ops::MatMul(root_, Feed({4, 5}), Feed({5, 1})), Feed({1})));
}

TEST_F(FuseMatMulTest, Gradients) {
  const Output x = Feed({4, 5}), w = Feed({5, 3}), b = Feed({3});
  const Output y = ops::Relu(root_, ops::BiasAdd(root_, ops::MatMul(root_, x, w), b));
  Outputs fetches = Gradients(root_, {ops::Sum(root_, ops::Square(root_, y), {0, 1})}, {x, w, b});
  EXPECT_EQ(CountOp(feeds_, fetches, kFusedMatMul), 1);
  SameWithout(kRewrite, feeds_, fetches);
}

TEST_F(FuseMatMulTest, NotANumberPasses) {
  const Output y = ops::Relu(root_, ops::BiasAdd(root_, Product(), Feed({3})));
  feeds_[0].second.mutable_data<float>()[0] = std::numeric_limits<float>::quiet_NaN();
  SameWithout(kRewrite, feeds_, {y});
}

}  // namespace
}  // namespace sluice
