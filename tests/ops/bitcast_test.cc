#include "ops/bitcast.h"

#include <complex>
#include <limits>

#include "tests/testing/op_test.h"

namespace sluice {
namespace {

using absl::StatusCode;

TEST(BitcastTest, SameSize) {
  OpTest("Bitcast")
      .Attr("type", DType::kInt32)
      .Input({2}, {1.0f, -0.0f})
      .Expect<int32_t>({2}, {0x3f800000, std::numeric_limits<int32_t>::min()});
  OpTest("Bitcast")
      .Attr("type", DType::kUint8)
      .Input<int8_t>({1}, {-1})
      .Expect<uint8_t>({1}, {255});
  OpTest("Bitcast")
      .Attr("type", DType::kInt64)
      .Input<double>({0, 2}, {})
      .Expect<int64_t>({0, 2}, {});
}

TEST(BitcastTest, SmallerAndLarger) {
  OpTest("Bitcast")
      .Attr("type", DType::kUint8)
      .Input<int32_t>({1}, {0x04030201})
      .Expect<uint8_t>({1, 4}, {1, 2, 3, 4});
  OpTest("Bitcast")
      .Attr("type", DType::kInt32)
      .Input<uint8_t>({1, 4}, {1, 2, 3, 4})
      .Expect<int32_t>({1}, {0x04030201});
  OpTest("Bitcast")
      .Attr("type", DType::kComplex64)
      .Input({2}, {1, 2})
      .Expect<std::complex<float>>({}, {{1, 2}});
}

TEST(BitcastTest, Errors) {
  OpTest("Bitcast")
      .Attr("type", DType::kInt32)
      .Input<uint8_t>({3}, {1, 2, 3})
      .ExpectError(StatusCode::kInvalidArgument, "the last dimension must be 4, got shape [3]");
  OpTest("Bitcast")
      .Attr("type", DType::kInt64)
      .Input({}, {1})
      .ExpectError(StatusCode::kInvalidArgument, "the last dimension must be 2");
  OpTest("Bitcast")
      .Attr("type", DType::kString)
      .Input({}, {1})
      .ExpectError(StatusCode::kInvalidArgument, "string");
}

}  // namespace
}  // namespace sluice
