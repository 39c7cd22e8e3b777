#include "ops/ragged_range.h"

#include <limits>

#include "gtest/gtest.h"
#include "tests/testing/op_test.h"

namespace sluice {
namespace {

using absl::StatusCode;

TEST(RaggedRangeTest, ByHand) {
  OpTest("RaggedRange")
      .Input<int32_t>({4}, {0, 5, 8, 5})
      .Input<int32_t>({4}, {3, 5, 3, 12})
      .Input<int32_t>({4}, {1, 1, -2, 3})
      .DataDependentShape()
      .ExpectAll({Tensor::Of<int64_t>({5}, {0, 3, 3, 6, 9}),
                  Tensor::Of<int32_t>({9}, {0, 1, 2, 8, 6, 4, 5, 8, 11})});
  OpTest("RaggedRange")  // scalars serve every row
      .Attr("Tsplits", DType::kInt32)
      .Input({}, {0})
      .Input({2}, {1, 0.5})
      .Input({}, {0.5})
      .DataDependentShape()
      .ExpectAll({Tensor::Of<int32_t>({3}, {0, 2, 3}), Tensor::Of<float>({3}, {0, 0.5, 0})});
  OpTest("RaggedRange")
      .Input<int64_t>({}, {1})
      .Input<int64_t>({}, {3})
      .Input<int64_t>({}, {1})
      .DataDependentShape()
      .ExpectAll({Tensor::Of<int64_t>({2}, {0, 2}), Tensor::Of<int64_t>({2}, {1, 2})});
}

TEST(RaggedRangeTest, Errors) {
  const auto range = [](const TensorShape& starts, std::initializer_list<int64_t> values,
                        int64_t limit, int64_t delta) {
    return OpTest("RaggedRange")
        .Input<int64_t>(starts, values)
        .Input<int64_t>({2}, {limit, limit})
        .Input<int64_t>({}, {delta})
        .DataDependentShape();
  };
  range({2}, {0, 0}, 5, 0).ExpectError(StatusCode::kInvalidArgument, "Requires delta != 0");
  range({3}, {0, 0, 0}, 5, 1)
      .ExpectError(StatusCode::kInvalidArgument,
                   "starts, limits, and deltas must have the same shape");
  range({2, 1}, {0, 0}, 5, 1)
      .ExpectError(StatusCode::kInvalidArgument, "starts must be a scalar or vector");
  range({2}, {std::numeric_limits<int64_t>::min(), 0}, std::numeric_limits<int64_t>::max(), 1)
      .ExpectError(StatusCode::kInvalidArgument, "Requires ((limit - start) / delta)");
}

}  // namespace
}  // namespace sluice
