#include "ops/clip_by_value.h"

#include <limits>

#include "gtest/gtest.h"
#include "tests/testing/op_test.h"

namespace sluice {
namespace {

TEST(ClipByValueTest, ByHand) {
  OpTest("ClipByValue")
      .Input({4}, {-3, 0.5f, 2, 9})
      .Input({}, {-1})
      .Input({}, {2})
      .Expect({4}, {-1, 0.5f, 2, 2});
  OpTest("ClipByValue")
      .Input<int32_t>({2}, {-3, 9})
      .Input<int32_t>({2}, {-1, 0})
      .Input<int32_t>({}, {5})
      .Expect<int32_t>({2}, {-1, 5});
  OpTest("ClipByValue")
      .Input({2}, {1, 1})
      .Input({2}, {0, 2})
      .Input({2}, {0.5f, 3})
      .Expect({2}, {0.5f, 2});
  OpTest("ClipByValue").Input({0}, {}).Input({}, {0}).Input({}, {1}).Expect({0}, {});
  const float nan = std::numeric_limits<float>::quiet_NaN();
  OpTest("ClipByValue").Input({1}, {nan}).Input({}, {0}).Input({}, {1}).Expect({1}, {nan});
}

TEST(ClipByValueTest, NarrowFloats) {
  for (const DType dtype : {DType::kHalf, DType::kBfloat16}) {
    OpTest("ClipByValue")
        .Input(FromDoubles(dtype, {3}, {-3, 0.5, 9}))
        .Input(FromDoubles(dtype, {}, {-1}))
        .Input(FromDoubles(dtype, {}, {2}))
        .Expect(FromDoubles(dtype, {3}, {-1, 0.5, 2}));
  }
}

TEST(ClipByValueTest, BoundsAreScalarsOrOfTheSameShape) {
  OpTest("ClipByValue")
      .Input({2, 2}, {1, 2, 3, 4})
      .Input({2}, {1, 2})
      .Input({}, {2})
      .ExpectError(absl::StatusCode::kInvalidArgument,
                   "must be either of the same shape as input, or a scalar");
}

TEST(ClipByValueTest, GradientIsNumeric) {
  const Tensor x = Tensor::Of<double>({2, 3}, {-3, -0.4, 0.1, 0.7, 2, 5});
  OpTest("ClipByValue").Input(x).Input<double>({}, {-1}).Input<double>({}, {1}).CheckGradient();
  OpTest("ClipByValue")
      .Input(x)
      .Input<double>({2, 3}, {-1, -1, 1, 0, 0, 0})
      .Input<double>({}, {1.5})
      .CheckGradient();
}

}  // namespace
}  // namespace sluice
