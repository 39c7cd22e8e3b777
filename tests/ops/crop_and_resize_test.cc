#include "ops/crop_and_resize.h"

#include <algorithm>
#include <cmath>

#include "tests/testing/float_gradient.h"
#include "tests/testing/op_test.h"

namespace sluice {
namespace {

using absl::StatusCode;

OpTest Crop(const char* method, float outside = 0) {
  OpTest test("CropAndResize");
  return test.Attr("method", method).Attr("extrapolation_value", outside);
}

// Every cell's place by the definition; -1 outside.
double Place(double begin, double end, int64_t image, int64_t crop, int64_t i) {
  const double last = static_cast<double>(image - 1);
  const double place = crop > 1 ? begin * last + static_cast<double>(i) * (end - begin) * last /
                                                     static_cast<double>(crop - 1)
                                : 0.5 * (begin + end) * last;
  return place < 0 || place > last ? -1 : place;
}

Tensor SlowCrop(const Tensor& x, const Tensor& boxes, const Tensor& image_of, int64_t height,
                int64_t width, bool nearest, double outside) {
  const std::vector<double> in = ToDoubles(x), box = ToDoubles(boxes);
  const int64_t channels = x.dim(3);
  std::vector<double> y;
  for (int64_t b = 0; b < boxes.dim(0); ++b) {
    for (int64_t i = 0; i < height; ++i) {
      for (int64_t j = 0; j < width; ++j) {
        const double row = Place(box[4 * b], box[4 * b + 2], x.dim(1), height, i);
        const double column = Place(box[4 * b + 1], box[4 * b + 3], x.dim(2), width, j);
        for (int64_t c = 0; c < channels; ++c) {
          auto pixel = [&](double r, double s) {
            const int64_t n = image_of.flat<int32_t>()[b];
            return in[((n * x.dim(1) + static_cast<int64_t>(r)) * x.dim(2) +
                       static_cast<int64_t>(s)) *
                          channels +
                      c];
          };
          if (row < 0 || column < 0) {
            y.push_back(outside);
          } else if (nearest) {
            y.push_back(pixel(std::round(row), std::round(column)));
          } else {
            const double r = std::floor(row), s = std::floor(column), p = row - r, q = column - s;
            y.push_back((1 - p) * (1 - q) * pixel(r, s) +
                        (1 - p) * q * pixel(r, std::ceil(column)) +
                        p * (1 - q) * pixel(std::ceil(row), s) +
                        p * q * pixel(std::ceil(row), std::ceil(column)));
          }
        }
      }
    }
  }
  return FromDoubles(DType::kFloat, {boxes.dim(0), height, width, channels}, y);
}

TEST(CropAndResizeTest, ByHand) {
  const auto crop = [](const char* method) {
    return Crop(method, -1)
        .Input({1, 2, 2, 1}, {1, 2, 3, 4})
        .Input({2, 4}, {0, 0, 1, 1, 1, 0, 0, 2})
        .Input<int32_t>({2}, {0, 0});
  };
  // The second box is upside down and leaves the image on the right.
  crop("bilinear")
      .Input<int32_t>({2}, {3, 3})
      .Expect({2, 3, 3, 1}, {1, 1.5, 2, 2, 2.5, 3, 3, 3.5, 4, 3, 4, -1, 2, 3, -1, 1, 2, -1});
  crop("nearest")
      .Input<int32_t>({2}, {3, 3})
      .Expect({2, 3, 3, 1}, {1, 2, 2, 3, 4, 4, 3, 4, 4, 3, 4, -1, 3, 4, -1, 1, 2, -1});
  // One row and column: the middle.
  crop("bilinear").Input<int32_t>({2}, {1, 1}).Expect({2, 1, 1, 1}, {2.5, 3});
}

TEST(CropAndResizeTest, MatchesSlowTwin) {
  const Tensor boxes = RandomTensor(DType::kFloat, {6, 4}, 3, -0.3, 1.3);
  const Tensor image_of = Tensor::Of<int32_t>({6}, {0, 2, 1, 1, 0, 2});
  for (const bool nearest : {false, true}) {
    for (const DType dtype : {DType::kFloat, DType::kUint8, DType::kHalf, DType::kInt64}) {
      const Tensor x = RandomTensor(dtype, {3, 5, 7, 3}, 1, 0, 50);
      Crop(nearest ? "nearest" : "bilinear", 7)
          .Input(x)
          .Input(boxes)
          .Input(image_of)
          .Input<int32_t>({2}, {4, 6})
          .Expect(SlowCrop(x, boxes, image_of, 4, 6, nearest, 7), {1e-4, 1e-3});
    }
  }
  Crop("bilinear")
      .Input({1, 2, 2, 1}, {1, 2, 3, 4})
      .Input({0, 4}, {})
      .Input<int32_t>({0}, {})
      .Input<int32_t>({2}, {2, 2})
      .Expect({0, 2, 2, 1}, {});
}

TEST(CropAndResizeTest, NotANumberIsOutside) {
  Crop("bilinear", 5)
      .Input({1, 2, 2, 1}, {1, 2, 3, 4})
      .Input({1, 4}, {std::nanf(""), 0, 1, 1})
      .Input<int32_t>({1}, {0})
      .Input<int32_t>({2}, {1, 2})
      .Expect({1, 1, 2, 1}, {5, 5});
}

TEST(CropAndResizeTest, Errors) {
  const auto crop = [](int32_t image, int32_t height) {
    return Crop("bilinear")
        .Input({1, 2, 2, 1}, {1, 2, 3, 4})
        .Input({1, 4}, {0, 0, 1, 1})
        .Input(Tensor::Of<int32_t>({1}, {image}))
        .Input(Tensor::Of<int32_t>({2}, {height, 2}));
  };
  crop(1, 2).ExpectError(StatusCode::kOutOfRange, "box_ind has values outside [0, batch_size)");
  crop(-1, 2).ExpectError(StatusCode::kOutOfRange, "box_ind");
  crop(0, 0).ExpectError(StatusCode::kInvalidArgument, "crop dimensions must be positive");
  Crop("bilinear")
      .Input({1, 2, 2, 1}, {1, 2, 3, 4})
      .Input({1, 3}, {0, 0, 1})
      .Input<int32_t>({1}, {0})
      .Input<int32_t>({2}, {2, 2})
      .ExpectError(StatusCode::kInvalidArgument, "boxes must have 4 columns");
  Crop("bilinear")
      .Input({1, 2, 2, 1}, {1, 2, 3, 4})
      .Input({1, 4}, {0, 0, 1, 1})
      .Input<int32_t>({2}, {0, 0})
      .Input<int32_t>({2}, {2, 2})
      .ExpectError(StatusCode::kInvalidArgument, "");
  OpTest("CropAndResizeGradImage")
      .Attr("T", DType::kFloat)
      .Input({1, 1, 1, 1}, {1})
      .Input({1, 4}, {0, 0, 1, 1})
      .Input<int32_t>({1}, {0})
      .Input<int32_t>({4}, {1, 2, -7, 1})
      .ExpectError(StatusCode::kInvalidArgument, "");
}

TEST(CropAndResizeTest, GradImageByHand) {
  for (const DType dtype : {DType::kFloat, DType::kHalf, DType::kDouble}) {
    // The middle of the image touches all four pixels.
    OpTest("CropAndResizeGradImage")
        .Attr("T", dtype)
        .Input({1, 1, 1, 1}, {4})
        .Input({1, 4}, {0, 0, 1, 1})
        .Input<int32_t>({1}, {1})
        .Input<int32_t>({4}, {2, 2, 2, 1})
        .Expect(FromDoubles(dtype, {2, 2, 2, 1}, {0, 0, 0, 0, 1, 1, 1, 1}));
  }
  OpTest("CropAndResizeGradImage")
      .Attr("T", DType::kFloat)
      .Attr("method", "nearest")
      .Input({1, 1, 2, 1}, {4, 5})
      .Input({1, 4}, {0, 0, 0, 1})
      .Input<int32_t>({1}, {0})
      .Input<int32_t>({4}, {1, 2, 2, 1})
      .Expect({1, 2, 2, 1}, {4, 5, 0, 0});
}

TEST(CropAndResizeTest, GradientsAreNumeric) {
  const Tensor boxes = Tensor::Of<float>(
      {3, 4}, {0.11f, 0.13f, 0.57f, 0.91f, 0.83f, 0.07f, 0.19f, 0.71f, -0.23f, 0.3f, 0.6f, 1.37f});
  const Tensor image_of = Tensor::Of<int32_t>({3}, {0, 1, 1});
  const Tensor x = RandomTensor(DType::kFloat, {2, 4, 5, 2});
  for (const auto& [height, width] : {std::pair{3, 4}, std::pair{1, 1}}) {
    CheckFloatGradient("CropAndResize", {},
                       {x, boxes, image_of, Tensor::Of<int32_t>({2}, {height, width})},
                       {.wrt = {0, 1}, .step = 1e-3f, .tolerance = 5e-3});
  }
  CheckFloatGradient("CropAndResize", {{"method", "nearest"}},
                     {x, boxes, image_of, Tensor::Of<int32_t>({2}, {3, 2})}, {.wrt = {0}});
}

}  // namespace
}  // namespace sluice
