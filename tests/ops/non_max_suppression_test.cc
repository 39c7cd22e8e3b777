#include "ops/non_max_suppression.h"

#include <cmath>

#include "tests/testing/op_test.h"

namespace sluice {
namespace {

using absl::StatusCode;

// Three clusters along x: boxes 0, 1, 2 overlap (0.82, 0.82, 0.67...), 3 and 4 too, 5 is alone.
// (TensorFlow's own test uses them.)
Tensor Boxes(DType dtype = DType::kFloat) {
  return FromDoubles(dtype, {6, 4}, {0, 0,  1, 1,  0, 0.1,  1, 1.1,  0, -0.1, 1, 0.9,
                                     0, 10, 1, 11, 0, 10.1, 1, 11.1, 0, 100,  1, 101});
}
Tensor Scores(DType dtype = DType::kFloat) {
  return FromDoubles(dtype, {6}, {.9, .75, .6, .95, .5, .3});
}
Tensor F(double value, DType dtype = DType::kFloat) { return FromDoubles(dtype, {}, {value}); }

OpTest Suppress(const char* op, int32_t limit) {
  OpTest test(op);
  test.Input(Boxes()).Input(Scores()).Input(Tensor::Scalar(limit)).DataDependentShape();
  return test;
}

TEST(NonMaxSuppressionTest, EveryVersion) {
  Suppress("NonMaxSuppression", 3).Attr("iou_threshold", 0.5f).Expect<int32_t>({3}, {3, 0, 5});
  Suppress("NonMaxSuppressionV2", 30).Input(F(0.5)).Expect<int32_t>({3}, {3, 0, 5});
  Suppress("NonMaxSuppressionV3", 2).Input(F(0.5)).Input(F(0)).Expect<int32_t>({2}, {3, 0});
  Suppress("NonMaxSuppressionV3", 30).Input(F(0.5)).Input(F(0.4)).Expect<int32_t>({2}, {3, 0});
  Suppress("NonMaxSuppressionV2", 0).Input(F(0.5)).Expect<int32_t>({0}, {});
}

TEST(NonMaxSuppressionTest, PaddingFillsUp) {
  Suppress("NonMaxSuppressionV4", 5)
      .Attr("pad_to_max_output_size", true)
      .Input(F(0.5))
      .Input(F(0))
      .ExpectAll({Tensor::Of<int32_t>({5}, {3, 0, 5, 0, 0}), Tensor::Scalar<int32_t>(3)});
  Suppress("NonMaxSuppressionV4", 5)
      .Input(F(0.5))
      .Input(F(0))
      .ExpectAll({Tensor::Of<int32_t>({3}, {3, 0, 5}), Tensor::Scalar<int32_t>(3)});
}

TEST(NonMaxSuppressionTest, SoftSuppressionDevalues) {
  // IoU of 0 and 1 (or 2), 3 and 4: 0.9 / 1.1; of 1 and 2: 0.8 / 1.2. Weights exp(-IoU^2), sigma
  // being 0.5.
  const double near = std::exp(-std::pow(0.9 / 1.1, 2)), far = std::exp(-std::pow(0.8 / 1.2, 2));
  const std::vector<double> left = {.95, .9, .75 * near, .3, .5 * near, .6 * near * far};
  Suppress("NonMaxSuppressionV5", 6)
      .Input(F(1))
      .Input(F(0))
      .Input(F(0.5))
      .ExpectAll({Tensor::Of<int32_t>({6}, {3, 0, 1, 5, 4, 2}),
                  FromDoubles(DType::kFloat, {6}, left), Tensor::Scalar<int32_t>(6)});
  // sigma = 0: hard.
  Suppress("NonMaxSuppressionV5", 6)
      .Attr("pad_to_max_output_size", true)
      .Input(F(0.5))
      .Input(F(0))
      .Input(F(0))
      .ExpectAll({Tensor::Of<int32_t>({6}, {3, 0, 5, 0, 0, 0}),
                  Tensor::Of<float>({6}, {.95f, .9f, .3f, 0, 0, 0}), Tensor::Scalar<int32_t>(3)});
}

TEST(NonMaxSuppressionTest, HalfBoxesAndThresholds) {
  OpTest("NonMaxSuppressionV3")
      .Input(Boxes(DType::kHalf))
      .Input(Scores(DType::kHalf))
      .Input(Tensor::Scalar<int32_t>(6))
      .Input(F(0.5, DType::kHalf))
      .Input(F(0.25, DType::kHalf))
      .DataDependentShape()
      .Expect<int32_t>({3}, {3, 0, 5});
}

TEST(NonMaxSuppressionTest, EdgeCases) {
  const auto suppress = [](const Tensor& boxes, const Tensor& scores, double iou) {
    return OpTest("NonMaxSuppressionV2")
        .Input(boxes)
        .Input(scores)
        .Input(Tensor::Scalar<int32_t>(10))
        .Input(F(iou))
        .DataDependentShape();
  };
  // Equal scores: the lower index first. Corners in any order.
  suppress(Tensor::Of<float>({3, 4}, {1, 1, 0, 0, 3, 2, 2, 3, 0, 1, 1, 0}),
           Tensor::Of<float>({3}, {1, 1, 1}), 0.5)
      .Expect<int32_t>({2}, {0, 1});
  // Boxes without area overlap nothing, not even themselves.
  suppress(Tensor::Of<float>({2, 4}, {0, 0, 0, 1, 0, 0, 0, 1}), Tensor::Of<float>({2}, {1, 2}), 0.5)
      .Expect<int32_t>({2}, {1, 0});
  // An overlap equal to the threshold, 1 / 2, is not too much; boxes apart overlap by 0.
  suppress(Tensor::Of<float>({2, 4}, {0, 0, 1, 2, 0, 0, 1, 1}), Tensor::Of<float>({2}, {2, 1}), 0.5)
      .Expect<int32_t>({2}, {0, 1});
  suppress(Tensor::Of<float>({2, 4}, {0, 0, 1, 1, 5, 5, 6, 6}), Tensor::Of<float>({2}, {2, 1}), 0)
      .Expect<int32_t>({2}, {0, 1});
  // NaN is above no threshold.
  suppress(Boxes(), Tensor::Of<float>({6}, {NAN, 1, NAN, NAN, NAN, 2}), 0.5)
      .Expect<int32_t>({2}, {5, 1});
  suppress(Tensor::Zeros(DType::kFloat, {0, 4}), Tensor::Zeros(DType::kFloat, {0}), 0.5)
      .Expect<int32_t>({0}, {});
}

TEST(NonMaxSuppressionTest, Errors) {
  Suppress("NonMaxSuppressionV2", 3)
      .Input(F(1.5))
      .ExpectError(StatusCode::kInvalidArgument, "iou_threshold must be in [0, 1]");
  Suppress("NonMaxSuppressionV2", 3)
      .Input(F(NAN))
      .ExpectError(StatusCode::kInvalidArgument, "iou_threshold must be in [0, 1]");
  Suppress("NonMaxSuppressionV2", -1)
      .Input(F(0.5))
      .ExpectError(StatusCode::kInvalidArgument, "max_output_size must be non-negative");
  OpTest("NonMaxSuppression")
      .Input({2, 4}, {0, 0, 1, 1, 0, 0, 1, 1})
      .Input({3}, {1, 2, 3})
      .Input(Tensor::Scalar<int32_t>(1))
      .ExpectError(StatusCode::kInvalidArgument, "");
  OpTest("NonMaxSuppression")
      .Input({1, 3}, {0, 0, 1})
      .Input({1}, {1})
      .Input(Tensor::Scalar<int32_t>(1))
      .ExpectError(StatusCode::kInvalidArgument, "boxes must have 4 columns");
}

}  // namespace
}  // namespace sluice
