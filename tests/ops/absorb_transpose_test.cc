// The rewrite absorb_transpose: products of transposed matrices.
#include <string>
#include <vector>

#include "ops/matmul.h"
#include "ops/placeholder.h"
#include "ops/transpose.h"
#include "ops/unary.h"
#include "tests/testing/rewrite_fixture.h"

namespace sluice {
namespace {

constexpr char kRewrite[] = "absorb_transpose";

class AbsorbTransposeTest : public RewriteFixture {
 protected:
  Output Feed(const TensorShape& shape) {
    const Output x = ops::Placeholder(root_, DType::kFloat, shape);
    feeds_.emplace_back(x, RandomTensor(DType::kFloat, shape, feeds_.size() + 1));
    return x;
  }
  Output Permuted(const Output& x, ops::Ints perm) { return ops::Transpose(root_, x, perm); }
  int64_t Transposes(const Output& y) { return CountOp(feeds_, {y}, "Transpose"); }

  Feeds feeds_;
};

TEST_F(AbsorbTransposeTest, EitherSideOfAProduct) {
  const Output a = Feed({3, 4}), b = Feed({3, 5}), c = Feed({3, 5});
  const Outputs products = {
      ops::MatMul(root_, Permuted(a, {1, 0}), b),
      ops::MatMul(root_, Permuted(b, {1, 0}), Permuted(c, {1, 0}), {.transpose_b = true}),
      ops::MatMul(root_, a, Permuted(b, {1, 0}), {.transpose_a = true, .transpose_b = true}),
  };
  for (const Output& y : products) EXPECT_EQ(Transposes(y), 0) << y.name();
  SameWithout(kRewrite, feeds_, products);
}

TEST_F(AbsorbTransposeTest, Batches) {
  const Output a = Feed({2, 3, 4}), b = Feed({2, 3, 5});
  const Output y = ops::BatchMatMulV2(root_, Permuted(a, {0, 2, 1}), b);
  EXPECT_EQ(Transposes(y), 0);
  const Output c = Feed({3, 2, 4});
  const Output other = ops::BatchMatMulV2(root_, a, Permuted(c, {1, 2, 0}));  // moves the batch
  EXPECT_EQ(Transposes(other), 1);
  SameWithout(kRewrite, feeds_, {y, other});
}

TEST_F(AbsorbTransposeTest, AnotherReaderKeepsTheTranspose) {
  const Output a = Feed({3, 4}), b = Feed({3, 5}), t = Permuted(a, {1, 0});
  const Output y = ops::MatMul(root_, t, b);
  EXPECT_EQ(CountOp(feeds_, {y, t}, "Transpose"), 1);
  SameWithout(kRewrite, feeds_, {y, t});
}

}  // namespace
}  // namespace sluice
