#include "ops/slice.h"

#include "tests/testing/op_test.h"

namespace sluice {
namespace {

using absl::StatusCode;

OpTest SliceOf(std::initializer_list<int32_t> begin, std::initializer_list<int32_t> size) {
  return OpTest("Slice")
      .Input({3, 4}, {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12})
      .Input<int32_t>({static_cast<int64_t>(begin.size())}, begin)
      .Input<int32_t>({static_cast<int64_t>(size.size())}, size);
}

TEST(SliceTest, ByHand) {
  SliceOf({1, 1}, {2, 2}).Expect({2, 2}, {6, 7, 10, 11});
  SliceOf({0, 3}, {-1, 1}).Expect({3, 1}, {4, 8, 12});
  SliceOf({0, 0}, {-1, -1}).Expect({3, 4}, {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12});
  SliceOf({3, 0}, {0, 4}).Expect({0, 4}, {});
  SliceOf({3, 4}, {-1, -1}).Expect({0, 0}, {});
  OpTest("Slice").Input({}, {5}).Input<int64_t>({0}, {}).Input<int64_t>({0}, {}).Expect({}, {5});
  OpTest("Slice")
      .Input<std::string>({3}, {"a", "b", "c"})
      .Input<int64_t>({1}, {1})
      .Input<int64_t>({1}, {2})
      .Expect<std::string>({2}, {"b", "c"});
  OpTest("Slice")
      .Input<bool>({0, 2}, {})
      .Input<int32_t>({2}, {0, 1})
      .Input<int32_t>({2}, {0, 1})
      .Expect<bool>({0, 1}, {});
}

TEST(SliceTest, Errors) {
  SliceOf({0, 0}, {4, 1}).ExpectError(StatusCode::kInvalidArgument, "expected size[0] in [0, 3]");
  SliceOf({0, 2}, {1, 3}).ExpectError(StatusCode::kInvalidArgument, "expected size[1] in [0, 2]");
  SliceOf({4, 0}, {-1, 1}).ExpectError(StatusCode::kInvalidArgument, "begin[0] <= 3");
  SliceOf({-1, 0}, {1, 1}).ExpectError(StatusCode::kInvalidArgument, "0 <= begin[0]");
  SliceOf({0, 0}, {-2, 1}).ExpectError(StatusCode::kInvalidArgument, "size[0] >= -1");
  SliceOf({0}, {1}).ExpectError(StatusCode::kInvalidArgument, "one entry per dimension");
  OpTest("Slice")
      .Input({2}, {1, 2})
      .Input<int64_t>({1}, {1})
      .Input<int64_t>({1}, {std::numeric_limits<int64_t>::max()})
      .ExpectError(StatusCode::kInvalidArgument, "size[0]");
}

TEST(SliceTest, InfersWhatItCan) {
  const auto infer = [](const TensorShape& x, const std::vector<int>& known) {
    return SliceOf({1, 0}, {-1, 2}).InferShape({x, {2}, {2}}, known);
  };
  EXPECT_EQ(infer({3, 4}, {1, 2}).value(), (TensorShape{2, 2}));
  EXPECT_EQ(infer({-1, 4}, {1, 2}).value(), (TensorShape{-1, 2}));
  EXPECT_EQ(infer({3, 4}, {2}).value(), (TensorShape{-1, 2}));
  EXPECT_EQ(infer(TensorShape::Unknown(), {1}).value(), TensorShape::OfRank(2));
}

TEST(SliceTest, Gradient) {
  OpTest("Slice")
      .Input(RandomTensor(DType::kDouble, {3, 4}))
      .Input<int32_t>({2}, {1, 0})
      .Input<int32_t>({2}, {-1, 2})
      .CheckGradient();
  OpTest("Slice")
      .Input(RandomTensor(DType::kDouble, {3}))
      .Input<int64_t>({1}, {1})
      .Input<int64_t>({1}, {1})
      .CheckGradient({.integers_are_constants = false});
}

}  // namespace
}  // namespace sluice
