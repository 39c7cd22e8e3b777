// The rewrite fuse_elementwise: what becomes one step, what must not, and that results stay.
#include <cmath>
#include <string>
#include <vector>

#include "graph/gradients.h"
#include "ops/add_n.h"
#include "ops/bias_add.h"
#include "ops/binary.h"
#include "ops/cast.h"
#include "ops/clip_by_value.h"
#include "ops/comparison.h"
#include "ops/const.h"
#include "ops/matmul.h"
#include "ops/placeholder.h"
#include "ops/reduction.h"
#include "ops/relu.h"
#include "ops/select.h"
#include "ops/unary.h"
#include "tests/testing/rewrite_fixture.h"

namespace sluice {
namespace {

constexpr char kRewrite[] = "fuse_elementwise";
constexpr char kChain[] = "_FusedElementwise", kSum[] = "_FusedReduction";
using Ops = std::vector<std::string>;

class FuseElementwiseTest : public RewriteFixture {
 protected:
  Output Feed(const TensorShape& shape, double low = -2, double high = 2) {
    const Output x = ops::Placeholder(root_, DType::kFloat, shape);
    feeds_.emplace_back(x, RandomTensor(DType::kFloat, shape, feeds_.size() + 1, low, high));
    return x;
  }
  Output Number(double value) { return ops::ConstOf(root_, DType::kFloat, value); }
  Output Mul(const Output& x, const Output& y) { return ops::Mul(root_, x, y); }
  Output Add(const Output& x, const Output& y) { return ops::AddV2(root_, x, y); }
  // 0.5 x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3)))
  Output Gelu(const Output& x) {
    const Output cubic = Mul(Mul(Mul(x, x), x), Number(0.044715));
    const Output tanh = ops::Tanh(root_, Mul(Add(cubic, x), Number(0.7978845608)));
    return Mul(Mul(Add(tanh, Number(1)), x), Number(0.5));
  }
  Ops OpsOf(const Outputs& fetches) { return PlanOps(feeds_, fetches); }

  Feeds feeds_;
};

TEST_F(FuseElementwiseTest, AChainIsOneStepWithTheSameBits) {
  for (const int64_t n : {1, 15, 17, 1023, 70001}) {
    feeds_.clear();
    const Output x = Feed({n}), z = Feed({n});
    Output y = ops::Relu(root_, Add(Mul(x, z), x));
    y = ops::Abs(root_, ops::Sub(root_, Mul(y, y), z));
    y = Mul(ops::Minimum(root_, y, Number(6)), Number(0.5));
    EXPECT_EQ(OpsOf({y}), Ops({kChain}));
    SameWithout(kRewrite, feeds_, {y}, {0, 0});
  }
}

TEST_F(FuseElementwiseTest, Gelu) {
  const Output x = Feed({3, 700}), y = Gelu(x);
  EXPECT_EQ(OpsOf({y}), Ops({kChain}));
  SameWithout(kRewrite, feeds_, {y}, {0, 0});
  const Tensor& at = feeds_[0].second;
  std::vector<double> want;
  for (const double v : ToDoubles(at))
    want.push_back(0.5 * v * (1 + std::tanh(0.7978845608 * (v + 0.044715 * v * v * v))));
  const auto got = Session::Create(graph_)->Run(feeds_, {y});
  ASSERT_THAT(got, IsOk());
  ExpectClose((*got)[0], FromDoubles(DType::kFloat, {3, 700}, want));
}

TEST_F(FuseElementwiseTest, GeluAndItsGradient) {
  const Output x = Feed({1000}), y = Gelu(x);
  const Output dx = Gradients(root_, {y}, {x})[0];
  EXPECT_EQ(CountOp(feeds_, {dx}, "Mul"), 0);
  EXPECT_EQ(CountOp(feeds_, {y, dx}, "Tanh"), 0);
  SameWithout(kRewrite, feeds_, {dx}, {0, 0});
  SameWithout(kRewrite, feeds_, {y, dx}, {0, 0});
}

TEST_F(FuseElementwiseTest, OneOpStaysItself) {
  const Output x = Feed({20});
  EXPECT_EQ(OpsOf({ops::Exp(root_, x)}), Ops({"Exp"}));
}

TEST_F(FuseElementwiseTest, RowsAndColumns) {
  const Output x = Feed({4, 5, 6}), row = Feed({6}), column = Feed({4, 5, 1});
  const Output y = Mul(Add(x, row), column);
  EXPECT_EQ(OpsOf({y}), Ops({kChain}));
  const Output both = ops::Sub(root_, ops::Tanh(root_, Add(column, row)), x);
  EXPECT_EQ(OpsOf({both}), Ops({kChain}));
  SameWithout(kRewrite, feeds_, {y, both}, {0, 0});
  const Output bias = ops::Relu(root_, ops::BiasAdd(root_, x, row));
  EXPECT_EQ(OpsOf({bias}), Ops({kChain}));
  const Output plane = Feed({5, 6});  // another way to cut the shape in two
  const Output other = Add(Mul(x, plane), row);
  EXPECT_EQ(OpsOf({other}), Ops({"Mul", "AddV2"}));
  SameWithout(kRewrite, feeds_, {bias, other}, {0, 0});
}

TEST_F(FuseElementwiseTest, MiddleDimensionsDoNotRepeat) {
  const Output x = Feed({4, 5, 6}), middle = Feed({4, 1, 6});
  const Output y = ops::Exp(root_, Add(ops::Abs(root_, x), middle));
  EXPECT_EQ(OpsOf({y}), Ops({"Abs", "AddV2", "Exp"}));
}

TEST_F(FuseElementwiseTest, SmallerShapesAreComputedApart) {
  const Output x = Feed({8, 9}), c = Feed({9});
  const Output y = Mul(Add(x, ops::Exp(root_, c)), x);
  EXPECT_EQ(OpsOf({y}), Ops({"Exp", kChain}));
  SameWithout(kRewrite, feeds_, {y}, {0, 0});
}

TEST_F(FuseElementwiseTest, ValuesNeededElsewhereAreWrittenOut) {
  const Output x = Feed({30, 30});
  const Output e = ops::Exp(root_, x), y = ops::Sqrt(root_, e);
  EXPECT_EQ(OpsOf({e, y}), Ops({kChain}));
  const Output product = ops::MatMul(root_, e, e);
  EXPECT_EQ(OpsOf({product, y}), Ops({kChain, "MatMul"}));
  SameWithout(kRewrite, feeds_, {e, y, product}, {0, 0});
}

// sqrt waits for the product, which waits for exp: they cannot be one step.
TEST_F(FuseElementwiseTest, AChainNeverWaitsForItself) {
  const Output x = Feed({10, 10});
  const Output e = ops::Exp(root_, x);
  const Output y = Add(ops::MatMul(root_, e, e), ops::Sqrt(root_, e));
  SameWithout(kRewrite, feeds_, {y});
  const Ops ops = OpsOf({y});
  EXPECT_EQ(ops.back(), kChain);
  EXPECT_EQ(std::count(ops.begin(), ops.end(), "MatMul"), 1);
}

TEST_F(FuseElementwiseTest, SumsEndChains) {
  const Output x = Feed({40, 50}), z = Feed({40, 50});
  const auto square = [&] { return ops::Square(root_, ops::Sub(root_, x, z)); };
  const Outputs sums = {ops::Sum(root_, square(), {0, 1}), ops::Mean(root_, square(), {0, 1}),
                        ops::Sum(root_, square(), {0}), ops::Mean(root_, square(), {-1}),
                        ops::BiasAddGrad(root_, square())};
  for (const Output& sum : sums) EXPECT_EQ(OpsOf({sum}), Ops({kSum})) << sum.name();
  SameWithout(kRewrite, feeds_, sums);
  const Output middle = ops::Sum(root_, ops::Exp(root_, Feed({2, 3, 4})), {1});
  EXPECT_EQ(OpsOf({middle}), Ops({"Exp", "Sum"}));
  EXPECT_EQ(OpsOf({ops::Sum(root_, x, {0, 1})}), Ops({"Sum"}));
}

// A bias's gradient beside the product that needs the same values.
TEST_F(FuseElementwiseTest, ASumBesideAnotherReader) {
  const Output h = Feed({12, 7}), dh = Feed({12, 7}), w = Feed({7, 3});
  const Output dx = ops::ReluGrad(root_, dh, h);
  const Output db = ops::BiasAddGrad(root_, dx), product = ops::MatMul(root_, dx, w);
  EXPECT_EQ(OpsOf({db, product}), Ops({kSum, "MatMul"}));
  SameWithout(kRewrite, feeds_, {db, product});
}

TEST_F(FuseElementwiseTest, ComparisonsAndChoices) {
  const Output x = Feed({333}), z = Feed({333});
  const Output less = ops::Less(root_, x, z);
  const Output y = ops::SelectV2(root_, less, ops::Exp(root_, x), Number(0));
  EXPECT_EQ(OpsOf({y}), Ops({kChain}));
  const Output mask = ops::Cast(root_, ops::LogicalNot(root_, less), DType::kFloat);
  EXPECT_EQ(OpsOf({mask}), Ops({kChain}));
  const Output clipped = ops::Neg(root_, ops::ClipByValue(root_, x, Number(-1), Number(1)));
  EXPECT_EQ(OpsOf({clipped}), Ops({kChain}));
  SameWithout(kRewrite, feeds_, {y, mask, clipped, less}, {0, 0});
}

TEST_F(FuseElementwiseTest, GradientsOfActivationsAndExtrema) {
  const Output x = Feed({20, 30}), z = Feed({20, 30});
  Outputs ys = {ops::Elu(root_, x),      ops::Selu(root_, x),      ops::Softplus(root_, x),
                ops::Softsign(root_, x), ops::Relu6(root_, x),     ops::LeakyRelu(root_, x),
                ops::Sigmoid(root_, x),  ops::Maximum(root_, x, z)};
  Output all = ys[0];
  for (size_t i = 1; i < ys.size(); ++i) all = Add(Mul(all, Number(0.5)), ys[i]);
  const Outputs dx = Gradients(root_, {all}, {x, z});
  SameWithout(kRewrite, feeds_, dx, {1e-6, 1e-6});
  EXPECT_EQ(CountOp(feeds_, dx, "Mul"), 0);
}

TEST_F(FuseElementwiseTest, SumsOfGradientsAreSteps) {
  const Output x = Feed({100}), y = Feed({100}), z = Feed({100});
  const Output sum = ops::Exp(root_, ops::AddN(root_, {x, y, z}));
  EXPECT_EQ(OpsOf({sum}), Ops({kChain}));
  const Output four = ops::Exp(root_, ops::AddN(root_, {x, y, z, x}));
  EXPECT_EQ(OpsOf({four}), Ops({"AddN", "Exp"}));
  SameWithout(kRewrite, feeds_, {sum, four}, {0, 0});
}

TEST_F(FuseElementwiseTest, LongChainsAreCutAndStayRight) {
  const Output x = Feed({}), c = Feed({});
  Output y = x;
  for (int i = 0; i < 1000; ++i) y = Add(y, c);
  const Ops ops = OpsOf({y});
  EXPECT_EQ(ops, Ops(16, kChain));  // of at most 64 additions
  SameWithout(kRewrite, feeds_, {y}, {0, 0});
}

TEST_F(FuseElementwiseTest, EmptyTensorsAreLeftAlone) {
  const Output x = Feed({0, 3});
  const Output y = ops::Sum(root_, ops::Exp(root_, ops::Neg(root_, x)), {0});
  EXPECT_EQ(CountOp(feeds_, {y}, kSum), 0);
  SameWithout(kRewrite, feeds_, {y}, {0, 0});
}

TEST_F(FuseElementwiseTest, OtherTypesAreLeftAlone) {
  const Output x = ops::Placeholder(root_, DType::kInt32, {4});
  feeds_.emplace_back(x, RandomTensor(DType::kInt32, {4}, 3, -9, 9));
  const Output y = ops::Neg(root_, ops::Mul(root_, x, x));
  EXPECT_EQ(OpsOf({y}), Ops({"Mul", "Neg"}));
}

}  // namespace
}  // namespace sluice
