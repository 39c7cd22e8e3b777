#include "ops/strided_slice_assign.h"

#include <vector>

#include "gtest/gtest.h"
#include "tests/testing/core/status_matchers.h"
#include "tests/testing/core/tensors.h"
#include "tests/testing/state_runner.h"

namespace sluice {
namespace {

using absl::StatusCode;

class StridedSliceAssignTest : public testing::TestWithParam<const char*> {
 protected:
  absl::StatusOr<std::vector<Tensor>> Assign(const Tensor& variable, std::vector<int32_t> begin,
                                             std::vector<int32_t> end, std::vector<int32_t> strides,
                                             const Tensor& value, const AttrMap& attrs = {}) {
    const auto vector = [](const std::vector<int32_t>& v) {
      return Tensor::Of<int32_t>({static_cast<int64_t>(v.size())}, v);
    };
    return state_.Run(GetParam(), {variable, vector(begin), vector(end), vector(strides), value},
                      attrs);
  }
  StateRunner state_;
};

TEST_P(StridedSliceAssignTest, RangesAndStrides) {
  const Tensor w = state_.Variable("w", Tensor::Of<float>({6}, {0, 1, 2, 3, 4, 5}));
  const auto out = Assign(w, {1}, {5}, {2}, Tensor::Of<float>({2}, {10, 30}));
  ASSERT_THAT(out, IsOk());
  ExpectClose(state_.Value(w), Tensor::Of<float>({6}, {0, 10, 2, 30, 4, 5}));
  if (!out->empty()) {
    EXPECT_EQ((*out)[0].scalar<ResourceRef>(), w.scalar<ResourceRef>());
  }
  // w[::-2] = 7, 8, 9: elements 5, 3, 1.
  ASSERT_THAT(Assign(w, {0}, {0}, {-2}, Tensor::Of<float>({3}, {7, 8, 9}),
                     {{"begin_mask", 1}, {"end_mask", 1}}),
              IsOk());
  ExpectClose(state_.Value(w), Tensor::Of<float>({6}, {0, 9, 2, 8, 4, 7}));
}

// w[..., 1, newaxis] on a [2, 3] array: column 1 as [2, 1].
TEST_P(StridedSliceAssignTest, EllipsisShrinkAndNewAxis) {
  const Tensor w = state_.Variable("w", Tensor::Of<int64_t>({2, 3}, {0, 1, 2, 3, 4, 5}));
  ASSERT_THAT(Assign(w, {0, 1, 0}, {0, 2, 0}, {1, 1, 1}, Tensor::Of<int64_t>({2, 1}, {-1, -2}),
                     {{"ellipsis_mask", 1}, {"shrink_axis_mask", 2}, {"new_axis_mask", 4}}),
              IsOk());
  ExpectClose(state_.Value(w), Tensor::Of<int64_t>({2, 3}, {0, -1, 2, 3, -2, 5}));
}

TEST_P(StridedSliceAssignTest, ScalarsStringsAndNothing) {
  const Tensor s = state_.Variable("s", Tensor::Scalar(1.0f));
  ASSERT_THAT(Assign(s, {}, {}, {}, Tensor::Scalar(2.0f)), IsOk());
  ExpectClose(state_.Value(s), Tensor::Scalar(2.0f));
  const Tensor t = state_.Variable("t", Tensor::Of<std::string>({2}, {"a", "b"}));
  ASSERT_THAT(Assign(t, {1}, {2}, {1}, Tensor::Of<std::string>({1}, {"x"})), IsOk());
  ExpectClose(state_.Value(t), Tensor::Of<std::string>({2}, {"a", "x"}));
  ASSERT_THAT(Assign(t, {1}, {1}, {1}, Tensor::Of<std::string>({0}, {})), IsOk());
  ExpectClose(state_.Value(t), Tensor::Of<std::string>({2}, {"a", "x"}));
}

TEST_P(StridedSliceAssignTest, Errors) {
  const Tensor start = Tensor::Of<float>({3}, {1, 2, 3});
  const Tensor w = state_.Variable("w", start);
  const Tensor none = state_.Uninitialized("none", DType::kFloat, {3});
  const Tensor two = Tensor::Of<float>({2}, {8, 9});
  EXPECT_THAT(Assign(w, {0}, {3}, {1}, two),
              StatusIs(StatusCode::kInvalidArgument,
                       "sliced l-value shape [3] does not match r-value shape [2]"));
  EXPECT_THAT(Assign(w, {0}, {2}, {0}, two),
              StatusIs(StatusCode::kInvalidArgument, "strides[0] must be non-zero"));
  EXPECT_THAT(Assign(w, {0, 0}, {1, 1}, {1, 1}, two),
              StatusIs(StatusCode::kInvalidArgument, "Index out of range"));
  EXPECT_THAT(Assign(w, {3}, {4}, {1}, Tensor::Scalar(1.0f), {{"shrink_axis_mask", 1}}),
              StatusIs(StatusCode::kInvalidArgument, "slice index 3 of dimension 0 out of bounds"));
  EXPECT_THAT(Assign(none, {0}, {2}, {1}, two),
              StatusIs(StatusCode::kFailedPrecondition, "uninitialized variables: none"));
  ExpectClose(state_.Value(w), start);
}

INSTANTIATE_TEST_SUITE_P(Both, StridedSliceAssignTest,
                         testing::Values("StridedSliceAssign", "ResourceStridedSliceAssign"),
                         [](const auto& info) { return std::string(info.param); });

}  // namespace
}  // namespace sluice
