#include "ops/bincount.h"

#include "gtest/gtest.h"
#include "tests/testing/op_test.h"

namespace sluice {
namespace {

TEST(BincountTest, ByHand) {
  const Tensor arr = Tensor::Of<int32_t>({2, 3}, {0, 2, 2, 5, 2, 1});
  OpTest("Bincount")
      .Input(arr)
      .Input<int32_t>({}, {4})
      .Input<int32_t>({0}, {})
      .Expect<int32_t>({4}, {1, 1, 3, 0});
  OpTest("Bincount")
      .Input(arr)
      .Input<int32_t>({}, {3})
      .Input({2, 3}, {1, 2, 3, 4, 5, 6})
      .Expect({3}, {1, 6, 10});
  OpTest("Bincount")
      .Input(arr)
      .Input<int32_t>({}, {0})
      .Input<double>({0}, {})
      .Expect<double>({0}, {});
  OpTest("Bincount")
      .Input<int32_t>({0}, {})
      .Input<int32_t>({}, {2})
      .Input<int64_t>({0}, {})
      .Expect<int64_t>({2}, {0, 0});
}

TEST(BincountTest, RejectsBadNumbers) {
  const Tensor none = Tensor::Of<int32_t>({0}, {});
  OpTest("Bincount")
      .Input<int32_t>({2}, {1, -1})
      .Input<int32_t>({}, {4})
      .Input(none)
      .ExpectError(absl::StatusCode::kInvalidArgument,
                   "Input arr must be non-negative, but element 1 is -1");
  OpTest("Bincount")
      .Input<int32_t>({1}, {1})
      .Input<int32_t>({}, {-4})
      .Input(none)
      .ExpectError(absl::StatusCode::kInvalidArgument, "size (-4) must be non-negative");
  OpTest("Bincount")
      .Input<int32_t>({2}, {1, 1})
      .Input<int32_t>({}, {4})
      .Input<int32_t>({3}, {1, 2, 3})
      .ExpectError(absl::StatusCode::kInvalidArgument, "must be empty or have the shape of arr");
}

}  // namespace
}  // namespace sluice
