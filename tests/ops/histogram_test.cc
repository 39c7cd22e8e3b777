#include "ops/histogram.h"

#include <limits>
#include <vector>

#include "tests/testing/op_test.h"

namespace sluice {
namespace {

constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;
constexpr float kInf = std::numeric_limits<float>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

TEST(HistogramFixedWidthTest, ByHand) {
  // TensorFlow's documented example.
  OpTest("HistogramFixedWidth")
      .Input({6}, {-1, 0, 1.5f, 2, 5, 15})
      .Input({2}, {0, 5})
      .Input<int32_t>({}, {5})
      .Expect<int32_t>({5}, {2, 1, 1, 0, 2});
  OpTest("HistogramFixedWidth")
      .Attr("dtype", DType::kInt64)
      .Input<int64_t>({2, 2}, {0, 9, 10, 4})
      .Input<int64_t>({2}, {0, 10})
      .Input<int32_t>({}, {2})
      .Expect<int64_t>({2}, {2, 2});
  OpTest("HistogramFixedWidth")
      .Input<double>({0}, {})
      .Input<double>({2}, {0, 1})
      .Input<int32_t>({}, {3})
      .Expect<int32_t>({3}, {0, 0, 0});
}

TEST(HistogramFixedWidthTest, OutliersAndNan) {
  OpTest("HistogramFixedWidth")
      .Input({4}, {-kInf, kInf, 1e30f, kNan})
      .Input({2}, {0, 1})
      .Input<int32_t>({}, {4})
      .Expect<int32_t>({4}, {2, 0, 0, 2});
}

TEST(HistogramFixedWidthTest, Errors) {
  const Tensor values = Tensor::Of<float>({2}, {1, 2});
  OpTest("HistogramFixedWidth")
      .Input(values)
      .Input({2}, {1, 1})
      .Input<int32_t>({}, {3})
      .ExpectError(kInvalid, "value_range[0] < value_range[1], but got '[1, 1]'");
  OpTest("HistogramFixedWidth")
      .Input(values)
      .Input({2}, {0, 1})
      .Input<int32_t>({}, {0})
      .ExpectError(kInvalid, "nbins should be a positive number, but got '0'");
  OpTest("HistogramFixedWidth")
      .Input(values)
      .Input({3}, {0, 1, 2})
      .Input<int32_t>({}, {3})
      .ExpectError(kInvalid, "value_range");
  OpTest("HistogramFixedWidth")
      .Input(values)
      .Input({2}, {0, 1})
      .Input<int32_t>({1}, {3})
      .ExpectError(kInvalid, "Shape must be rank 0 but is rank 1");
}

TEST(BucketizeTest, ByHand) {
  // TensorFlow's documented example.
  OpTest("Bucketize")
      .Attr("boundaries", AttrValue(std::vector<float>{0, 10, 100}))
      .Input({3, 2}, {-5, 10000, 150, 10, 5, 100})
      .Expect<int32_t>({3, 2}, {0, 3, 3, 2, 1, 3});
  for (const DType dtype : {DType::kDouble, DType::kInt32, DType::kInt64}) {
    OpTest("Bucketize")
        .Attr("boundaries", AttrValue(std::vector<float>{0, 10, 10}))
        .Input(FromDoubles(dtype, {4}, {-1, 0, 9, 10}))
        .Expect<int32_t>({4}, {0, 1, 1, 3});
  }
  OpTest("Bucketize")
      .Attr("boundaries", AttrValue(std::vector<float>{}))
      .Input({2}, {-5, 5})
      .Expect<int32_t>({2}, {0, 0});
  OpTest("Bucketize")
      .Attr("boundaries", AttrValue(std::vector<float>{1, 2}))
      .Input({4}, {kInf, -kInf, 1, 0})
      .Expect<int32_t>({4}, {2, 0, 1, 0});
}

TEST(BucketizeTest, BoundariesMustBeSorted) {
  OpTest("Bucketize")
      .Attr("boundaries", AttrValue(std::vector<float>{0, 8, 7}))
      .Input({1}, {1})
      .ExpectError(kInvalid, "Expected sorted boundaries");
}

}  // namespace
}  // namespace sluice
