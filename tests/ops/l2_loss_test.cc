#include "ops/l2_loss.h"

#include "gtest/gtest.h"
#include "tests/testing/op_test.h"

namespace sluice {
namespace {

TEST(L2LossTest, ByHand) {
  OpTest("L2Loss").Input({3}, {1, 2, 3}).Expect({}, {7});
  OpTest("L2Loss").Input<double>({}, {-3}).Expect<double>({}, {4.5});
  OpTest("L2Loss").Input({0, 2}, {}).Expect({}, {0});
  OpTest("L2Loss")
      .Input(FromDoubles(DType::kHalf, {2}, {3, 4}))
      .Expect(FromDoubles(DType::kHalf, {}, {12.5}));
}

TEST(L2LossTest, MatchesLoop) {
  for (int64_t n : {17, 100, 200003}) {
    const Tensor x = RandomTensor(DType::kFloat, {n}, 1);
    double sum = 0;
    for (double v : ToDoubles(x)) sum += v * v;
    OpTest("L2Loss").Input(x).Expect(FromDoubles(DType::kFloat, {}, {sum / 2}), {1e-6, 0});
  }
}

TEST(L2LossTest, GradientIsNumeric) {
  OpTest("L2Loss").Input(RandomTensor(DType::kDouble, {2, 3}, 1)).CheckGradient();
}

}  // namespace
}  // namespace sluice
