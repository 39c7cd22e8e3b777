#include "ops/arg.h"

#include <limits>
#include <vector>

#include "gtest/gtest.h"
#include "tests/testing/op_test.h"

namespace sluice {
namespace {

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

TEST(ArgTest, ByHand) {
  const Tensor x = Tensor::Of<float>({2, 3}, {1, 5, 2, 9, 0, 9});
  OpTest("ArgMax").Input(x).Input<int32_t>({}, {1}).Expect<int64_t>({2}, {1, 0});
  OpTest("ArgMax").Input(x).Input<int32_t>({}, {0}).Expect<int64_t>({3}, {1, 0, 1});
  OpTest("ArgMin").Input(x).Input<int64_t>({}, {-1}).Expect<int64_t>({2}, {0, 1});
  OpTest("ArgMax")
      .Attr("output_type", DType::kInt32)
      .Input(x)
      .Input<int32_t>({}, {1})
      .Expect<int32_t>({2}, {1, 0});
  OpTest("ArgMax").Input({3}, {1, 3, 3}).Input<int32_t>({}, {0}).Expect<int64_t>({}, {1});
}

TEST(ArgTest, MatchesTwin) {
  const TensorShape shape = {3, 7, 300};
  for (DType dtype :
       {DType::kFloat, DType::kDouble, DType::kHalf, DType::kInt32, DType::kUint8, DType::kInt64}) {
    const Tensor x = RandomTensor(dtype, shape, 3, 0, 20);
    const std::vector<double> v = ToDoubles(x);
    for (int axis = 0; axis < 3; ++axis) {
      const int64_t inner = axis == 0 ? 2100 : axis == 1 ? 300 : 1, size = shape.dim(axis);
      TensorShape result = shape;
      result.RemoveDim(axis);
      std::vector<double> most, least;
      for (int64_t i = 0; i < result.num_elements(); ++i) {
        const int64_t base = i / inner * size * inner + i % inner;
        int64_t max = 0, min = 0;
        for (int64_t k = 1; k < size; ++k) {
          if (v[base + k * inner] > v[base + max * inner]) max = k;
          if (v[base + k * inner] < v[base + min * inner]) min = k;
        }
        most.push_back(max);
        least.push_back(min);
      }
      OpTest("ArgMax")
          .Input(x)
          .Input<int32_t>({}, {axis})
          .Expect(FromDoubles(DType::kInt64, result, most));
      OpTest("ArgMin")
          .Input(x)
          .Input<int32_t>({}, {axis - 3})
          .Expect(FromDoubles(DType::kInt64, result, least));
    }
  }
}

TEST(ArgTest, FirstNanWins) {
  const Tensor x = Tensor::Of<float>({5}, {1, kNan, 9, kNan, -9});
  OpTest("ArgMax").Input(x).Input<int32_t>({}, {0}).Expect<int64_t>({}, {1});
  OpTest("ArgMin").Input(x).Input<int32_t>({}, {0}).Expect<int64_t>({}, {1});
}

TEST(ArgTest, EmptyDimensionIsAnErrorUnlessTheResultIsEmpty) {
  OpTest("ArgMax")
      .Input({2, 0}, {})
      .Input<int32_t>({}, {1})
      .ExpectError(absl::StatusCode::kInvalidArgument, "Reduction axis 1 is empty in shape [2,0]");
  OpTest("ArgMax").Input({2, 0}, {}).Input<int32_t>({}, {0}).Expect<int64_t>({0}, {});
  OpTest("ArgMin").Input({0, 0}, {}).Input<int32_t>({}, {0}).Expect<int64_t>({0}, {});
}

TEST(ArgTest, RejectsBadDimensions) {
  OpTest("ArgMax")
      .Input({2}, {1, 2})
      .Input<int32_t>({}, {1})
      .ExpectError(absl::StatusCode::kInvalidArgument, "1");
  OpTest("ArgMax")
      .Input({2}, {1, 2})
      .Input<int32_t>({}, {-2})
      .ExpectError(absl::StatusCode::kInvalidArgument, "-2");
  OpTest("ArgMax")
      .Input({2}, {1, 2})
      .Input<int32_t>({1}, {0})
      .ExpectError(absl::StatusCode::kInvalidArgument, "rank 0");
}

}  // namespace
}  // namespace sluice
