#include "ops/draw_bounding_boxes.h"

#include <cmath>

#include "tests/testing/op_test.h"

namespace sluice {
namespace {

using absl::StatusCode;

// One channel: what is not zero is a frame.
TEST(DrawBoundingBoxesTest, FramesOfOneChannel) {
  const auto draw = [](std::initializer_list<float> box) {
    return OpTest("DrawBoundingBoxes")
        .Input(Tensor::Zeros(DType::kFloat, {1, 4, 5, 1}))
        .Input(Tensor::Of<float>({1, 1, 4}, box));
  };
  draw({0, 0.25, 1, 1}).Expect({1, 4, 5, 1}, {0, 1, 1, 1, 1,  //
                                              0, 1, 0, 0, 1,  //
                                              0, 1, 0, 0, 1,  //
                                              0, 1, 1, 1, 1});
  // The top is above the image, the right side beyond it: neither is drawn.
  draw({-1, 0.25, 0.7, 1.5}).Expect({1, 4, 5, 1}, {0, 1, 0, 0, 0,  //
                                                   0, 1, 0, 0, 0,  //
                                                   0, 1, 1, 1, 1,  //
                                                   0, 0, 0, 0, 0});
  // A single pixel, as positions are cut to whole pixels.
  draw({0.4, 0.3, 0.5, 0.4}).Expect({1, 4, 5, 1}, {0, 0, 0, 0, 0,  //
                                                   0, 1, 0, 0, 0,  //
                                                   0, 0, 0, 0, 0,  //
                                                   0, 0, 0, 0, 0});
  // Upside down, outside, not a number, far away: nothing (or nothing in sight).
  const Tensor blank = Tensor::Zeros(DType::kFloat, {1, 4, 5, 1});
  draw({1, 0, 0, 1}).Expect(blank);
  draw({2, 2, 3, 3}).Expect(blank);
  draw({NAN, 0, 1, 1}).Expect(blank);
  draw({-1e30f, -INFINITY, 1e30f, INFINITY}).Expect(blank);
}

TEST(DrawBoundingBoxesTest, ColorsTakeTurns) {
  // Two boxes of one pixel each on two images: yellow, then blue.
  OpTest("DrawBoundingBoxes")
      .Input(Tensor::Zeros(DType::kFloat, {1, 1, 3, 3}))
      .Input({1, 2, 4}, {0, 0, 0, 0, 0, 1, 0, 1})
      .Expect({1, 1, 3, 3}, {1, 1, 0, 0, 0, 0, 0, 0, 1});
  const auto colored = [](const Tensor& colors) {
    return OpTest("DrawBoundingBoxesV2")
        .Input(Tensor::Zeros(DType::kFloat, {1, 1, 3, 1}))
        .Input({1, 3, 4}, {0, 0, 0, 0, 0, .5, 0, .5, 0, 1, 0, 1})
        .Input(colors);
  };
  colored(Tensor::Of<float>({2, 2}, {5, 9, 6, 9})).Expect({1, 1, 3, 1}, {5, 6, 5});
  colored(Tensor::Zeros(DType::kFloat, {0, 1})).Expect({1, 1, 3, 1}, {1, 1, 1});
  OpTest("DrawBoundingBoxes")
      .Input(FromDoubles(DType::kHalf, {1, 1, 2, 1}, {3, 4}))
      .Input({1, 1, 4}, {0, 1, 0, 1})
      .Expect(FromDoubles(DType::kHalf, {1, 1, 2, 1}, {3, 1}));
}

TEST(DrawBoundingBoxesTest, EmptyImagesAndBoxes) {
  OpTest("DrawBoundingBoxes").Input({0, 2, 2, 3}, {}).Input({0, 1, 4}, {}).Expect({0, 2, 2, 3}, {});
  OpTest("DrawBoundingBoxes")
      .Input({1, 0, 2, 3}, {})
      .Input({1, 1, 4}, {0, 0, 1, 1})
      .Expect({1, 0, 2, 3}, {});
  OpTest("DrawBoundingBoxes")
      .Input({1, 1, 1, 1}, {7})
      .Input({1, 0, 4}, {})
      .Expect({1, 1, 1, 1}, {7});
}

TEST(DrawBoundingBoxesTest, Errors) {
  const auto draw = [](const TensorShape& images, const TensorShape& boxes) {
    return OpTest("DrawBoundingBoxes")
        .Input(Tensor::Zeros(DType::kFloat, images))
        .Input(Tensor::Zeros(DType::kFloat, boxes));
  };
  draw({1, 2, 2, 2}, {1, 1, 4})
      .ExpectError(StatusCode::kInvalidArgument, "Channel depth should be");
  draw({1, 2, 2, 1}, {1, 1, 3}).ExpectError(StatusCode::kInvalidArgument, "must be 4");
  draw({2, 2, 2, 1}, {1, 1, 4}).ExpectError(StatusCode::kInvalidArgument, "batch sizes");
  draw({2, 2, 1}, {1, 1, 4}).ExpectError(StatusCode::kInvalidArgument, "rank 4 but is rank 3");
  OpTest("DrawBoundingBoxesV2")
      .Input(Tensor::Zeros(DType::kFloat, {1, 1, 1, 3}))
      .Input(Tensor::Zeros(DType::kFloat, {1, 1, 4}))
      .Input({1, 2}, {1, 2})
      .ExpectError(StatusCode::kInvalidArgument, "colors must have equal or more channels");
}

}  // namespace
}  // namespace sluice
