#include "ops/where.h"

#include <limits>

#include "tests/testing/op_test.h"

namespace sluice {
namespace {

using absl::StatusCode;

TEST(WhereTest, ByHand) {
  OpTest("Where")
      .DataDependentShape()
      .Input<bool>({2, 3}, {false, true, false, true, false, true})
      .Expect<int64_t>({3, 2}, {0, 1, 1, 0, 1, 2});
  OpTest("Where").DataDependentShape().Input<bool>({2}, {false, false}).Expect<int64_t>({0, 1}, {});
  OpTest("Where").DataDependentShape().Input<bool>({}, {true}).Expect<int64_t>({1, 0}, {});
  OpTest("Where").DataDependentShape().Input<bool>({0, 2}, {}).Expect<int64_t>({0, 2}, {});
}

TEST(WhereTest, NumbersAreTrueUnlessZero) {
  OpTest("Where")
      .DataDependentShape()
      .Input({4}, {0, -0.0f, std::numeric_limits<float>::quiet_NaN(), -2})
      .Expect<int64_t>({2, 1}, {2, 3});
  OpTest("Where").DataDependentShape().Input<int8_t>({2}, {0, -1}).Expect<int64_t>({1, 1}, {1});
  OpTest("Where")
      .DataDependentShape()
      .Input<std::string>({1}, {"a"})
      .ExpectError(StatusCode::kInvalidArgument, "string");
}

TEST(WhereTest, InfersTheNumberOfColumns) {
  const auto infer = [](const TensorShape& shape) {
    return OpTest("Where").Input<bool>({}, {true}).InferShape({shape}).value();
  };
  EXPECT_EQ(infer({-1, 4}), (TensorShape{-1, 2}));
  EXPECT_EQ(infer(TensorShape::Unknown()), (TensorShape{-1, -1}));
}

TEST(WhereTest, UnsignedIntegers) {
  OpTest("Where")
      .DataDependentShape()
      .Input<uint32_t>({3}, {0, 1u << 31, 0})
      .Expect<int64_t>({1, 1}, {1});
}

}  // namespace
}  // namespace sluice
