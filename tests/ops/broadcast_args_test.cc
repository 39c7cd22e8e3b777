#include "ops/broadcast_args.h"

#include "tests/testing/op_test.h"

namespace sluice {
namespace {

using absl::StatusCode;

TEST(BroadcastArgsTest, ByHand) {
  OpTest("BroadcastArgs")
      .Input<int32_t>({3}, {2, 1, 4})
      .Input<int32_t>({2}, {3, 1})
      .Expect<int32_t>({3}, {2, 3, 4});
  OpTest("BroadcastArgs")
      .Input<int64_t>({0}, {})
      .Input<int64_t>({1}, {5})
      .Expect<int64_t>({1}, {5});
  OpTest("BroadcastArgs")
      .Input<int32_t>({1}, {1})
      .Input<int32_t>({1}, {0})
      .Expect<int32_t>({1}, {0});
}

TEST(BroadcastArgsTest, Errors) {
  OpTest("BroadcastArgs")
      .Input<int32_t>({1}, {2})
      .Input<int32_t>({1}, {3})
      .ExpectError(StatusCode::kInvalidArgument, "Dimensions must be equal, but are 2 and 3");
  OpTest("BroadcastArgs")
      .Input<int32_t>({}, {2})
      .Input<int32_t>({1}, {3})
      .ExpectError(StatusCode::kInvalidArgument, "Shape must be rank 1 but is rank 0");
}

}  // namespace
}  // namespace sluice
