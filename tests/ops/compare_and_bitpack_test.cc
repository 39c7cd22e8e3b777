#include "ops/compare_and_bitpack.h"

#include <vector>

#include "tests/testing/op_test.h"

namespace sluice {
namespace {

constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;

TEST(CompareAndBitpackTest, ByHand) {
  for (const DType dtype : {DType::kHalf, DType::kFloat, DType::kDouble, DType::kInt8,
                            DType::kInt16, DType::kInt32, DType::kInt64}) {
    OpTest("CompareAndBitpack")
        .Input(FromDoubles(dtype, {2, 8}, {5, 0, 0, 0, 0, 0, 0, 6, 4, 4, 5, 4, 4, 4, 4, 4}))
        .Input(FromDoubles(dtype, {}, {4}))
        .Expect<uint8_t>({2, 1}, {0x81, 0x20});
  }
  OpTest("CompareAndBitpack").Input({0, 16}, {}).Input({}, {0}).Expect<uint8_t>({0, 2}, {});
}

TEST(CompareAndBitpackTest, BoolsArePackedAsTheyAre) {
  OpTest("CompareAndBitpack")
      .Input<bool>({8}, {false, true, true, false, false, false, false, true})
      .Input<bool>({}, {true})
      .Expect<uint8_t>({1}, {0x61});
}

TEST(CompareAndBitpackTest, Errors) {
  OpTest("CompareAndBitpack")
      .Input({7}, {1, 2, 3, 4, 5, 6, 7})
      .Input({}, {0})
      .ExpectError(kInvalid, "must be divisible by 8. Inner dimension: 7");
  OpTest("CompareAndBitpack")
      .Input({}, {1})
      .Input({}, {0})
      .ExpectError(kInvalid, "at least rank 1");
  OpTest("CompareAndBitpack").Input({0}, {}).Input({1}, {0}).ExpectError(kInvalid, "rank 0");
}

}  // namespace
}  // namespace sluice
