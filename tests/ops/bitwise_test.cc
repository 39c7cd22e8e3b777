#include "ops/bitwise.h"

#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "tests/testing/op_test.h"

namespace sluice {
namespace {

const std::vector<DType> kAllIntegers = {DType::kInt8,   DType::kInt16, DType::kInt32,
                                         DType::kInt64,  DType::kUint8, DType::kUint16,
                                         DType::kUint32, DType::kUint64};

TEST(BitwiseTest, ByHandInEveryType) {
  for (const DType dtype : kAllIntegers) {
    const Tensor x = FromDoubles(dtype, {3}, {12, 5, 0}), y = FromDoubles(dtype, {3}, {10, 5, 7});
    OpTest("BitwiseAnd").Input(x).Input(y).Expect(FromDoubles(dtype, {3}, {8, 5, 0}));
    OpTest("BitwiseOr").Input(x).Input(y).Expect(FromDoubles(dtype, {3}, {14, 5, 7}));
    OpTest("BitwiseXor").Input(x).Input(y).Expect(FromDoubles(dtype, {3}, {6, 0, 7}));
    const Tensor by = FromDoubles(dtype, {3}, {1, 2, 3});
    OpTest("LeftShift").Input(x).Input(by).Expect(FromDoubles(dtype, {3}, {24, 20, 0}));
    OpTest("RightShift").Input(x).Input(by).Expect(FromDoubles(dtype, {3}, {6, 1, 0}));
    OpTest("PopulationCount").Input(y).Expect<uint8_t>({3}, {2, 2, 3});
  }
}

TEST(BitwiseTest, NegativeNumbersAreTwosComplement) {
  const Tensor x = Tensor::Of<int8_t>({4}, {-1, -5, -128, 127});
  OpTest("BitwiseAnd").Input(x).Input<int8_t>({}, {6}).Expect<int8_t>({4}, {6, 2, 0, 6});
  OpTest("BitwiseOr").Input(x).Input<int8_t>({}, {1}).Expect<int8_t>({4}, {-1, -5, -127, 127});
  OpTest("BitwiseXor").Input<int8_t>({}, {-1}).Input(x).Expect<int8_t>({4}, {0, 4, 127, -128});
  OpTest("RightShift").Input(x).Input<int8_t>({}, {1}).Expect<int8_t>({4}, {-1, -3, -64, 63});
  OpTest("LeftShift").Input(x).Input<int8_t>({}, {1}).Expect<int8_t>({4}, {-2, -10, 0, -2});
  OpTest("Invert").Input(x).Expect<int8_t>({4}, {0, 4, 127, -128});
  OpTest("PopulationCount").Input(x).Expect<uint8_t>({4}, {8, 7, 1, 7});
}

TEST(BitwiseTest, ShiftsAreClampedToTheWidth) {
  OpTest("LeftShift")
      .Input<int32_t>({}, {1})
      .Input<int32_t>({4}, {-3, 31, 32, 1000})
      .Expect<int32_t>({4},
                       {1, std::numeric_limits<int32_t>::min(), std::numeric_limits<int32_t>::min(),
                        std::numeric_limits<int32_t>::min()});
  OpTest("RightShift")
      .Input<int64_t>({2}, {-8, 8})
      .Input<int64_t>({}, {64})
      .Expect<int64_t>({2}, {-1, 0});
  OpTest("RightShift")
      .Input<uint8_t>({3}, {255, 128, 127})
      .Input<uint8_t>({}, {200})
      .Expect<uint8_t>({3}, {1, 1, 0});
}

TEST(BitwiseTest, UnsignedTypes) {
  OpTest("Invert")
      .Input<uint64_t>({2}, {0, 1})
      .Expect<uint64_t>(
          {2}, {std::numeric_limits<uint64_t>::max(), std::numeric_limits<uint64_t>::max() - 1});
  OpTest("Invert").Input<uint16_t>({1}, {0xff00}).Expect<uint16_t>({1}, {0x00ff});
  OpTest("PopulationCount")
      .Input<uint64_t>({1}, {std::numeric_limits<uint64_t>::max()})
      .Expect<uint8_t>({1}, {64});
}

TEST(BitwiseTest, Broadcasts) {
  OpTest("BitwiseOr")
      .Input<int32_t>({2, 1}, {1, 2})
      .Input<int32_t>({3}, {0, 4, 8})
      .Expect<int32_t>({2, 3}, {1, 5, 9, 2, 6, 10});
  OpTest("BitwiseXor")
      .Input<int32_t>({0, 3}, {})
      .Input<int32_t>({3}, {1, 2, 3})
      .Expect<int32_t>({0, 3}, {});
  OpTest("LeftShift")
      .Input<int32_t>({2}, {1, 2})
      .Input<int32_t>({3}, {1, 2, 3})
      .ExpectError(absl::StatusCode::kInvalidArgument, "must be equal, but are 2 and 3");
}

TEST(BitwiseTest, MatchesPlainLoops) {
  const Tensor x = RandomTensor(DType::kInt32, {1000}, 1, -1e9, 1e9),
               y = RandomTensor(DType::kInt32, {1000}, 2, -1e9, 1e9);
  std::vector<int32_t> both(1000);
  std::vector<uint8_t> bits(1000);
  for (int i = 0; i < 1000; ++i) {
    both[i] = x.flat<int32_t>()[i] & y.flat<int32_t>()[i];
    for (int k = 0; k < 32; ++k) bits[i] += (static_cast<uint32_t>(x.flat<int32_t>()[i]) >> k) & 1;
  }
  OpTest("BitwiseAnd").Input(x).Input(y).Expect(Tensor::Of<int32_t>({1000}, both));
  OpTest("PopulationCount").Input(x).Expect(Tensor::Of<uint8_t>({1000}, bits));
}

TEST(BitwiseTest, RefusesOtherTypes) {
  OpTest("Invert").Input({1}, {1}).ExpectError(absl::StatusCode::kInvalidArgument, "T");
}

}  // namespace
}  // namespace sluice
