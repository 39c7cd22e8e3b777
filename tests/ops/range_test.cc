#include "ops/range.h"

#include <cmath>
#include <limits>
#include <vector>

#include "graph/graph.h"
#include "ops/all_ops.h"
#include "tests/testing/op_test.h"

namespace sluice {
namespace {

using absl::StatusCode;

template <typename T>
OpTest RangeOf(T start, T limit, T delta) {
  return OpTest("Range")
      .Input(Tensor::Scalar(start))
      .Input(Tensor::Scalar(limit))
      .Input(Tensor::Scalar(delta));
}

TEST(RangeTest, Integers) {
  RangeOf<int32_t>(0, 5, 1).Expect<int32_t>({5}, {0, 1, 2, 3, 4});
  RangeOf<int32_t>(3, 18, 3).Expect<int32_t>({5}, {3, 6, 9, 12, 15});
  RangeOf<int64_t>(3, 1, -1).Expect<int64_t>({2}, {3, 2});
  RangeOf<int32_t>(2, 2, 1).Expect<int32_t>({0}, {});
  RangeOf<int32_t>(0, 10, 4).Expect<int32_t>({3}, {0, 4, 8});
}

TEST(RangeTest, FloatingTypes) {
  RangeOf<float>(0, 1, 0.25f).Expect({4}, {0, 0.25f, 0.5f, 0.75f});
  RangeOf<double>(1, 0, -0.3).Expect<double>({4}, {1, 0.7, 0.4, 0.1});
  RangeOf<Half>(Half(0.0f), Half(2.0f), Half(1.0f)).Expect<Half>({2}, {Half(0.0f), Half(1.0f)});
}

// TensorFlow adds delta again and again, and so do we: 0.1f 1000 times is not 100.
TEST(RangeTest, RoundsEveryStep) {
  std::vector<float> want(1000);
  float sum = 0;
  for (float& v : want) {
    v = sum;
    sum += 0.1f;
  }
  EXPECT_GT(std::abs(want[999] - 99.9f), 5e-4f);
  RangeOf<float>(0, 99.95f, 0.1f).Expect(Tensor::Of<float>({1000}, want), {0, 0});
}

TEST(RangeTest, ExtremeIntegers) {
  constexpr int64_t kMin = std::numeric_limits<int64_t>::min();
  constexpr int64_t kMax = std::numeric_limits<int64_t>::max();
  RangeOf<int64_t>(kMin, kMax, kMax).Expect<int64_t>({3}, {kMin, -1, kMax - 1});
  RangeOf<int64_t>(kMax, kMin, kMin).Expect<int64_t>({2}, {kMax, -1});
  RangeOf<int64_t>(kMin, kMax, 1).ExpectError(StatusCode::kInvalidArgument, "are possible");
}

TEST(RangeTest, Errors) {
  RangeOf<int32_t>(0, 5, 0).ExpectError(StatusCode::kInvalidArgument, "Requires delta != 0");
  RangeOf<int32_t>(5, 0, 1).ExpectError(StatusCode::kInvalidArgument,
                                        "Requires start <= limit when delta > 0: 5/0");
  RangeOf<float>(0, 5, -1).ExpectError(StatusCode::kInvalidArgument,
                                       "Requires start >= limit when delta < 0");
  RangeOf<float>(0, std::numeric_limits<float>::infinity(), 1)
      .ExpectError(StatusCode::kInvalidArgument, "are possible");
  RangeOf<float>(0, std::numeric_limits<float>::quiet_NaN(), 1)
      .ExpectError(StatusCode::kInvalidArgument, "are possible");
  OpTest("Range")
      .Input<int32_t>({1}, {0})
      .Input<int32_t>({}, {3})
      .Input<int32_t>({}, {1})
      .ExpectError(StatusCode::kInvalidArgument, "Shape must be rank 0 but is rank 1");
}

TEST(RangeTest, Builder) {
  Graph graph(ops::Builtin());
  const Scope root = Scope::Root(graph);
  const Output r = ops::Range(root, 0, 4, 2);
  EXPECT_EQ(r.shape(), (TensorShape{2}));
  EXPECT_EQ(r.dtype(), DType::kInt32);
  EXPECT_THAT(graph.status(), IsOk());
}

TEST(LinSpaceTest, ByHandAndErrors) {
  const auto linspace = [](float start, float stop, int32_t num) {
    return OpTest("LinSpace").Input({}, {start}).Input({}, {stop}).Input<int32_t>({}, {num});
  };
  linspace(10, 12, 3).Expect({3}, {10, 11, 12});
  linspace(3, -1, 5).Expect({5}, {3, 2, 1, 0, -1});
  linspace(4, 9, 1).Expect({1}, {4});
  linspace(0, 1, 0).ExpectError(StatusCode::kInvalidArgument, "Requires num > 0: 0");
  OpTest("LinSpace")
      .Input<double>({}, {0})
      .Input<double>({}, {1})
      .Input<int64_t>({}, {4})
      .Expect<double>({4}, {0, 1.0 / 3, 2.0 / 3, 1});
}

TEST(LinSpaceTest, EndsExactlyAtStop) {
  const auto result =
      OpTest("LinSpace").Input({}, {0.1f}).Input({}, {0.7f}).Input<int32_t>({}, {1000}).Run();
  ASSERT_THAT(result, IsOk());
  EXPECT_EQ((*result)[0].flat<float>()[999], 0.7f);
}

}  // namespace
}  // namespace sluice
