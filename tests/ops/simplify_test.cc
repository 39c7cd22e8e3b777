// The rewrite simplify: what goes, what must stay because a bit would change.
#include <cmath>
#include <string>
#include <vector>

#include "graph/gradients.h"
#include "ops/add_n.h"
#include "ops/binary.h"
#include "ops/const.h"
#include "ops/fill.h"
#include "ops/pad.h"
#include "ops/placeholder.h"
#include "ops/relu.h"
#include "ops/reshape.h"
#include "ops/select.h"
#include "ops/slice.h"
#include "ops/strided_slice.h"
#include "ops/tile.h"
#include "ops/transpose.h"
#include "ops/unary.h"
#include "tests/testing/rewrite_fixture.h"

namespace sluice {
namespace {

constexpr char kRewrite[] = "simplify";
using Ops = std::vector<std::string>;

class SimplifyTest : public RewriteFixture {
 protected:
  Output Feed(const TensorShape& shape) {
    const Output x = ops::Placeholder(root_, DType::kFloat, shape);
    Tensor value = RandomTensor(DType::kFloat, shape, feeds_.size() + 1, -2, 2);
    if (value.num_elements() > 2) {  // what simplification likes to get wrong
      value.mutable_data<float>()[0] = -0.0f;
      value.mutable_data<float>()[1] = INFINITY;
      value.mutable_data<float>()[2] = NAN;
    }
    feeds_.emplace_back(x, value);
    return x;
  }
  Output Number(double value) { return ops::ConstOf(root_, DType::kFloat, value); }
  Output Permuted(const Output& x, ops::Ints perm) { return ops::Transpose(root_, x, perm); }
  // The plan has these ops, and every bit is as it was.
  void Expect(const Output& y, const Ops& ops) {
    ASSERT_THAT(graph_.status(), IsOk());
    EXPECT_EQ(PlanOps(feeds_, {y}), ops);
    const SessionOptions plain = {.disabled_rewrites = {"fuse_elementwise", kRewrite}};
    const SessionOptions simple = {.disabled_rewrites = {"fuse_elementwise"}};
    const Tensor want = Results(feeds_, {y}, plain)[0], is = Results(feeds_, {y}, simple)[0];
    ExpectClose(is, want, {0, 0});
    for (int64_t i = 0; i < want.num_elements(); ++i) {
      if (std::isnan(want.data<float>()[i])) continue;
      EXPECT_EQ(std::signbit(is.data<float>()[i]), std::signbit(want.data<float>()[i])) << i;
    }
  }

  Feeds feeds_;
};

TEST_F(SimplifyTest, NumbersThatChangeNothing) {
  const Output relu = ops::Relu(root_, Feed({7}));  // has a -0
  Expect(ops::Mul(root_, relu, Number(1)), {"Relu"});
  Expect(ops::Mul(root_, Number(1), relu), {"Relu"});
  Expect(ops::RealDiv(root_, relu, Number(1)), {"Relu"});
  Expect(ops::Sub(root_, relu, Number(0)), {"Relu"});
  Expect(ops::AddV2(root_, Number(-0.0), relu), {"Relu"});
}

TEST_F(SimplifyTest, ZerosThatHaveASign) {
  const Output relu = ops::Relu(root_, Feed({7}));
  EXPECT_EQ(PlanOps(feeds_, {ops::AddV2(root_, relu, Number(0))}).size(), 1u);  // fused, not gone
  EXPECT_EQ(PlanOps(feeds_, {ops::AddV2(root_, relu, Number(0))})[0], "_FusedElementwise");
  EXPECT_EQ(PlanOps(feeds_, {ops::Sub(root_, relu, Number(-0.0))})[0], "_FusedElementwise");
  EXPECT_EQ(PlanOps(feeds_, {ops::Mul(root_, relu, Number(0))})[0], "_FusedElementwise");
}

TEST_F(SimplifyTest, AShapeThatGrowsStays) {
  const Output x = ops::Relu(root_, Feed({3}));
  const Output ones = ops::ConstOf(root_, DType::kFloat, 1);
  const Output y = ops::Mul(root_, x, ops::Reshape(root_, ones, {1, 1}));
  EXPECT_EQ(Results(feeds_, {y}, {})[0].shape(), TensorShape({1, 3}));
}

TEST_F(SimplifyTest, Signs) {
  const Output x = Feed({9}), y = Feed({9});
  Expect(ops::Neg(root_, ops::Neg(root_, ops::Relu(root_, x))), {"Relu"});
  Expect(ops::AddV2(root_, x, ops::Neg(root_, y)), {"Sub"});
  Expect(ops::AddV2(root_, ops::Neg(root_, y), x), {"Sub"});
  Expect(ops::Sub(root_, x, ops::Neg(root_, y)), {"AddV2"});
}

TEST_F(SimplifyTest, DivisionsByPowersOfTwo) {
  const Output x = Feed({9});
  Expect(ops::RealDiv(root_, x, Number(4)), {"Mul"});
  Expect(ops::RealDiv(root_, x, Number(-0.5)), {"Mul"});
  Expect(ops::RealDiv(root_, x, Number(3)), {"RealDiv"});
  Expect(ops::RealDiv(root_, x, Number(0)), {"RealDiv"});
  Expect(ops::RealDiv(root_, x, Number(std::ldexp(1.0, 127))), {"RealDiv"});
}

TEST_F(SimplifyTest, Powers) {
  const Output x = Feed({11});
  Expect(ops::Pow(root_, x, Number(2)), {"Square"});
  Expect(ops::Pow(root_, x, Number(-1)), {"Reciprocal"});
  Expect(ops::Pow(root_, ops::Relu(root_, x), Number(1)), {"Relu"});
  Expect(ops::Pow(root_, x, Number(3)), {"Pow"});  // alone it is one pass
  Expect(ops::Pow(root_, x, Number(0.5)), {"Pow"});
  const Output cubic = ops::Mul(root_, ops::Pow(root_, x, Number(3)), Number(0.1));
  EXPECT_EQ(PlanOps(feeds_, {cubic}), Ops({"_FusedElementwise"}));
  SameWithout(kRewrite, feeds_, {cubic}, {0, 0});
}

TEST_F(SimplifyTest, SumsOfOne) {
  Expect(ops::AddN(root_, {ops::Relu(root_, Feed({4}))}), {"Relu"});
}

// Five functions of x, summed in their order: parts of one chain.
TEST_F(SimplifyTest, SumsOfChains) {
  const Output x = Feed({40}), y = Feed({40});
  Outputs summands = {ops::Exp(root_, x), y, ops::Tanh(root_, x), ops::Square(root_, x), x};
  const Output sum = ops::AddN(root_, summands);
  EXPECT_EQ(PlanOps(feeds_, {sum}), Ops({"_FusedElementwise"}));
  SameWithout(kRewrite, feeds_, {sum}, {0, 0});
  const Output plain = ops::AddN(root_, {x, y, x, y, ops::Exp(root_, y)});
  EXPECT_EQ(PlanOps(feeds_, {plain}), Ops({"Exp", "AddN"}));  // one pass is best
}

TEST_F(SimplifyTest, KnownConditions) {
  const Output x = ops::Relu(root_, Feed({4})), y = ops::Abs(root_, Feed({4}));
  Expect(ops::SelectV2(root_, ops::Const(root_, true), x, y), {"Relu"});
  Expect(ops::SelectV2(root_, ops::Const(root_, false), x, y), {"Abs"});
}

TEST_F(SimplifyTest, CopiesOfEverything) {
  const Output x = ops::Relu(root_, Feed({4, 3}));
  Expect(ops::Tile(root_, x, {1, 1}), {"Relu"});
  Expect(ops::Pad(root_, x, ops::Const<int32_t>(root_, {0, 0, 0, 0}, {2, 2})), {"Relu"});
  Expect(ops::Slice(root_, x, {0, 0}, {4, 3}), {"Relu"});
  Expect(ops::StridedSlice(root_, x, {0, 0}, {4, 3}, {1, 1}), {"Relu"});
  Expect(ops::StridedSlice(root_, x, {3, 2}, {-5, -4}, {-1, -1}), {"Relu", "StridedSlice"});
}

TEST_F(SimplifyTest, Transposes) {
  const Output x = Feed({2, 3, 4});
  Expect(Permuted(Permuted(x, {1, 2, 0}), {1, 2, 0}), {"Transpose"});
  Expect(Permuted(Permuted(ops::Relu(root_, x), {1, 2, 0}), {2, 0, 1}), {"Relu"});
  Expect(Permuted(ops::Relu(root_, x), {0, 1, 2}), {"Relu"});
}

// The gradient of a maximum chooses between dy and zeros.
TEST_F(SimplifyTest, TensorsFullOfOneNumber) {
  const Output x = Feed({30}), y = Feed({30});
  const Outputs d = Gradients(root_, {ops::Maximum(root_, x, ops::Sqrt(root_, y))}, {x, y});
  const Ops ops = PlanOps(feeds_, d);
  EXPECT_EQ(std::count(ops.begin(), ops.end(), "ZerosLike"), 0);
  SameWithout(kRewrite, feeds_, d, {0, 0});
  const Output product = ops::Mul(root_, ops::OnesLike(root_, x), Number(0.3));
  EXPECT_EQ(PlanOps(feeds_, {product}), Ops({"Fill"}));
  EXPECT_EQ(PlanOps(feeds_, {ops::Mul(root_, product, x)}), Ops({"Mul"}));
  SameWithout(kRewrite, feeds_, {product}, {0, 0});
  const Output sum = ops::AddN(root_, {ops::Relu(root_, x), ops::ZerosLike(root_, x)});
  SameWithout(kRewrite, feeds_, {sum}, {0, 0});  // wants equal shapes
}

}  // namespace
}  // namespace sluice
