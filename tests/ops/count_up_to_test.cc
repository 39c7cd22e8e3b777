#include "ops/count_up_to.h"

#include <limits>
#include <string>

#include "gtest/gtest.h"
#include "tests/testing/core/status_matchers.h"
#include "tests/testing/core/tensors.h"
#include "tests/testing/state_runner.h"

namespace sluice {
namespace {

using absl::StatusCode;

class CountUpToTest : public testing::TestWithParam<const char*> {};

TEST_P(CountUpToTest, CountsToTheLimit) {
  for (const DType dtype : {DType::kInt32, DType::kInt64}) {
    StateRunner state;
    const Tensor counter = state.Variable("n", FromDoubles(dtype, {}, {1}));
    const AttrMap attrs = {{"limit", 3}, {"T", dtype}};
    for (const double want : {1, 2}) {
      const auto out = state.Run(GetParam(), {counter}, attrs);
      ASSERT_THAT(out, IsOk());
      ExpectClose((*out)[0], FromDoubles(dtype, {}, {want}));
    }
    EXPECT_THAT(state.Run(GetParam(), {counter}, attrs),
                StatusIs(StatusCode::kOutOfRange, "Reached limit of 3"));
    ExpectClose(state.Value(counter), FromDoubles(dtype, {}, {3}));
  }
}

TEST_P(CountUpToTest, NeverPassesTheTypesMaximum) {
  StateRunner state;
  const int32_t most = std::numeric_limits<int32_t>::max();
  const Tensor counter = state.Variable("n", Tensor::Scalar(most));
  EXPECT_THAT(state.Run(GetParam(), {counter}, {{"limit", int64_t{1} << 40}, {"T", DType::kInt32}}),
              StatusIs(StatusCode::kOutOfRange, "Reached limit"));
  EXPECT_EQ(state.Value(counter).scalar<int32_t>(), most);
}

TEST_P(CountUpToTest, Errors) {
  StateRunner state;
  const AttrMap attrs = {{"limit", 3}, {"T", DType::kInt32}};
  const Tensor vector = state.Variable("v", Tensor::Of<int32_t>({1}, {0}));
  EXPECT_THAT(state.Run(GetParam(), {vector}, attrs),
              StatusIs(StatusCode::kInvalidArgument, "Shape must be rank 0 but is rank 1"));
  const Tensor none = state.Uninitialized("none", DType::kInt32, {});
  EXPECT_THAT(state.Run(GetParam(), {none}, attrs),
              StatusIs(StatusCode::kFailedPrecondition, "none"));
}

INSTANTIATE_TEST_SUITE_P(Both, CountUpToTest, testing::Values("CountUpTo", "ResourceCountUpTo"),
                         [](const auto& info) { return std::string(info.param); });

}  // namespace
}  // namespace sluice
