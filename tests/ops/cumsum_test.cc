#include "ops/cumsum.h"

#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "tests/testing/op_test.h"

namespace sluice {
namespace {

TEST(CumsumTest, ByHand) {
  const Tensor x = Tensor::Of<float>({3}, {1, 2, 3});
  auto cumsum = [&](bool exclusive, bool reverse) {
    return OpTest("Cumsum")
        .Attr("exclusive", exclusive)
        .Attr("reverse", reverse)
        .Input(x)
        .Input<int32_t>({}, {0});
  };
  cumsum(false, false).Expect({3}, {1, 3, 6});
  cumsum(true, false).Expect({3}, {0, 1, 3});
  cumsum(false, true).Expect({3}, {6, 5, 3});
  cumsum(true, true).Expect({3}, {5, 3, 0});
  OpTest("Cumprod")
      .Attr("exclusive", true)
      .Input({4}, {2, 3, 4, 5})
      .Input<int64_t>({}, {-1})
      .Expect({4}, {1, 2, 6, 24});
}

TEST(CumsumTest, MatchesTwin) {
  for (const TensorShape& shape :
       {TensorShape{5}, TensorShape{2, 3, 4}, TensorShape{3, 130}, TensorShape{130, 3},
        TensorShape{2, 0}, TensorShape{0, 2}, TensorShape{400, 500}}) {
    for (int axis = 0; axis < shape.rank(); ++axis) {
      for (int flags = 0; flags < 4; ++flags) {
        const bool exclusive = flags & 1, reverse = flags & 2;
        const Tensor x = RandomTensor(DType::kDouble, shape, 1);
        const std::vector<double> v = ToDoubles(x);
        int64_t inner = 1;
        for (int i = axis + 1; i < shape.rank(); ++i) inner *= shape.dim(i);
        std::vector<double> want(v.size());
        for (int64_t i = 0; i < static_cast<int64_t>(v.size()); ++i) {
          const int64_t at = i / inner % shape.dim(axis);
          const int64_t step = reverse ? inner : -inner;
          int64_t left = reverse ? shape.dim(axis) - 1 - at : at;
          for (int64_t j = i; left >= 0; j += step, --left)
            if (j != i || !exclusive) want[i] += v[j];
        }
        OpTest("Cumsum")
            .Attr("exclusive", exclusive)
            .Attr("reverse", reverse)
            .Input(x)
            .Input<int32_t>({}, {axis})
            .Expect(FromDoubles(DType::kDouble, shape, want), {1e-10, 1e-10});
      }
    }
  }
}

TEST(CumsumTest, Integers) {
  OpTest("Cumsum")
      .Input<int32_t>({2}, {INT32_MAX, 1})
      .Input<int32_t>({}, {0})
      .Expect<int32_t>({2}, {INT32_MAX, INT32_MIN});
  OpTest("Cumprod")
      .Input<uint8_t>({3}, {16, 15, 2})
      .Input<int32_t>({}, {0})
      .Expect<uint8_t>({3}, {16, 240, 224});
}

TEST(CumsumTest, NarrowFloats) {
  for (const DType dtype : {DType::kHalf, DType::kBfloat16}) {
    const Tensor x = FromDoubles(dtype, {3}, {1, 2, 3});
    OpTest("Cumsum").Input(x).Input<int32_t>({}, {0}).Expect(FromDoubles(dtype, {3}, {1, 3, 6}));
    OpTest("Cumprod")
        .Attr("exclusive", true)
        .Attr("reverse", true)
        .Input(x)
        .Input<int32_t>({}, {0})
        .Expect(FromDoubles(dtype, {3}, {6, 3, 1}));
  }
}

TEST(CumsumTest, RejectsBadAxes) {
  OpTest("Cumsum")
      .Input({2}, {1, 2})
      .Input<int32_t>({}, {1})
      .ExpectError(absl::StatusCode::kInvalidArgument, "1");
  OpTest("Cumprod").Input({}, {1}).Input<int32_t>({}, {0}).ExpectError(
      absl::StatusCode::kInvalidArgument, "0");
}

TEST(CumsumTest, GradientIsNumeric) {
  for (const char* op : {"Cumsum", "Cumprod"}) {
    for (int flags = 0; flags < 4; ++flags) {
      for (int axis : {0, 1}) {
        OpTest(op)
            .Attr("exclusive", (flags & 1) != 0)
            .Attr("reverse", (flags & 2) != 0)
            .Input(RandomTensor(DType::kDouble, {2, 3}, 1, 0.5, 2))
            .Input<int32_t>({}, {axis})
            .CheckGradient();
      }
    }
  }
}

}  // namespace
}  // namespace sluice
