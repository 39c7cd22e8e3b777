#include "ops/roll.h"

#include <limits>

#include "tests/testing/op_test.h"

namespace sluice {
namespace {

using absl::StatusCode;

const Tensor kX = Tensor::Of<float>({2, 3}, {1, 2, 3, 4, 5, 6});

TEST(RollTest, ByHand) {
  const auto roll = [](int32_t shift, int32_t axis) {
    return OpTest("Roll").Input(kX).Input<int32_t>({}, {shift}).Input<int32_t>({}, {axis});
  };
  roll(1, 1).Expect({2, 3}, {3, 1, 2, 6, 4, 5});
  roll(-1, -1).Expect({2, 3}, {2, 3, 1, 5, 6, 4});
  roll(5, 0).Expect({2, 3}, {4, 5, 6, 1, 2, 3});
  roll(0, 0).Expect({2, 3}, {1, 2, 3, 4, 5, 6});
  OpTest("Roll")
      .Input(kX)
      .Input<int64_t>({3}, {1, 1, 1})
      .Input<int64_t>({3}, {0, 1, 1})
      .Expect({2, 3}, {5, 6, 4, 2, 3, 1});
  OpTest("Roll")
      .Input<std::string>({2}, {"a", "b"})
      .Input<int64_t>({}, {std::numeric_limits<int64_t>::min() + 1})
      .Input<int32_t>({}, {0})
      .Expect<std::string>({2}, {"b", "a"});
  OpTest("Roll").Input({0}, {}).Input<int32_t>({}, {3}).Input<int32_t>({}, {0}).Expect({0}, {});
}

TEST(RollTest, Errors) {
  OpTest("Roll").Input(kX).Input<int32_t>({}, {1}).Input<int32_t>({}, {2}).ExpectError(
      StatusCode::kInvalidArgument, "[-2, 2)");
  OpTest("Roll")
      .Input(kX)
      .Input<int32_t>({2}, {1, 1})
      .Input<int32_t>({1}, {0})
      .ExpectError(StatusCode::kInvalidArgument, "the same size");
  OpTest("Roll").Input({}, {1}).Input<int32_t>({}, {1}).Input<int32_t>({}, {0}).ExpectError(
      StatusCode::kInvalidArgument, "at least rank 1");
}

TEST(RollTest, Gradient) {
  OpTest("Roll")
      .Input(RandomTensor(DType::kDouble, {2, 3, 2}))
      .Input<int32_t>({2}, {1, 2})
      .Input<int32_t>({2}, {0, 1})
      .CheckGradient();
}

}  // namespace
}  // namespace sluice
