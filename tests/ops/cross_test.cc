#include "ops/cross.h"

#include "tests/testing/op_test.h"

namespace sluice {
namespace {

TEST(CrossTest, ByHand) {
  OpTest("Cross")
      .Input({2, 3}, {1, 0, 0, 1, 2, 3})
      .Input({2, 3}, {0, 1, 0, 4, 5, 6})
      .Expect({2, 3}, {0, 0, 1, -3, 6, -3});
  OpTest("Cross").Input({3}, {1, 2, 3}).Input({3}, {1, 2, 3}).Expect({3}, {0, 0, 0});
  OpTest("Cross").Input({0, 3}, {}).Input({0, 3}, {}).Expect({0, 3}, {});
}

TEST(CrossTest, EveryRealType) {
  for (const DType dtype : {DType::kFloat, DType::kDouble, DType::kHalf, DType::kBfloat16,
                            DType::kInt8, DType::kInt16, DType::kInt32, DType::kInt64}) {
    OpTest("Cross")
        .Input(FromDoubles(dtype, {3}, {1, 2, 3}))
        .Input(FromDoubles(dtype, {3}, {4, 5, 6}))
        .Expect(FromDoubles(dtype, {3}, {-3, 6, -3}));
  }
  // 1 * 6 - 2 * 5 wraps.
  OpTest("Cross")
      .Input<uint8_t>({3}, {1, 2, 3})
      .Input<uint8_t>({3}, {4, 5, 6})
      .Expect<uint8_t>({3}, {253, 6, 253});
}

TEST(CrossTest, Errors) {
  OpTest("Cross")
      .Input({2}, {1, 2})
      .Input({2}, {1, 2})
      .ExpectError(absl::StatusCode::kInvalidArgument, "3-element vectors");
  OpTest("Cross")
      .Input({1, 3}, {1, 2, 3})
      .Input({2, 3}, {1, 2, 3, 4, 5, 6})
      .ExpectError(absl::StatusCode::kInvalidArgument, "");
  OpTest("Cross").Input({}, {1}).Input({}, {1}).ExpectError(absl::StatusCode::kInvalidArgument,
                                                            "at least rank 1");
}

TEST(CrossTest, Gradient) {
  OpTest("Cross")
      .Input(RandomTensor(DType::kDouble, {2, 3}, 1))
      .Input(RandomTensor(DType::kDouble, {2, 3}, 2))
      .CheckGradient();
}

}  // namespace
}  // namespace sluice
