#include "ops/resize.h"

#include <algorithm>
#include <cmath>

#include "tests/testing/float_gradient.h"
#include "tests/testing/op_test.h"

namespace sluice {
namespace {

using absl::StatusCode;

// --- slow twin: each axis is a matrix [out, in] of weights ---

struct Way {
  std::string op;
  bool align_corners = false, half_pixel_centers = false;
};

struct Matrix {
  int64_t rows, columns;
  std::vector<double> values;
  double& at(int64_t r, int64_t c) { return values[r * columns + c]; }
  double at(int64_t r, int64_t c) const { return values[r * columns + c]; }
};

double Keys(double a, double x) {
  x = std::abs(x);
  if (x <= 1) return (a + 2) * x * x * x - (a + 3) * x * x + 1;
  return x < 2 ? a * x * x * x - 5 * a * x * x + 8 * a * x - 4 * a : 0;
}

void AddCubic(const Way& way, double center, int64_t row, Matrix* m) {
  const double cell = std::floor(center), part = std::nearbyint((center - cell) * 1024) / 1024;
  double weights[4], sum = 0;
  for (int k = 0; k < 4; ++k) {
    const double source = cell - 1 + k;
    const bool inside = source >= 0 && source < static_cast<double>(m->columns);
    weights[k] = Keys(way.half_pixel_centers ? -0.5 : -0.75, part + 1 - k);
    if (way.half_pixel_centers && !inside) weights[k] = 0;
    sum += weights[k];
  }
  for (int k = 0; k < 4; ++k) {
    const auto source = std::clamp<int64_t>(static_cast<int64_t>(cell) - 1 + k, 0, m->columns - 1);
    m->at(row, source) += way.half_pixel_centers ? weights[k] / sum : weights[k];
  }
}

Matrix Weights(const Way& way, int64_t in, int64_t out) {
  Matrix m{out, in, std::vector<double>(in * out)};
  const float scale = way.align_corners && out > 1
                          ? static_cast<float>(in - 1) / static_cast<float>(out - 1)
                          : static_cast<float>(in) / static_cast<float>(out);
  for (int64_t i = 0; i < out; ++i) {
    const float cell = static_cast<float>(i);
    const double center = way.half_pixel_centers ? (cell + 0.5) * scale - 0.5 : cell * scale;
    if (way.op == "ResizeNearestNeighbor") {
      const float place = (way.half_pixel_centers ? cell + 0.5f : cell) * scale;
      const float source = way.align_corners ? std::round(place) : std::floor(place);
      m.at(i, std::min(static_cast<int64_t>(source), in - 1)) = 1;
    } else if (way.op == "ResizeBilinear") {
      const double low = std::clamp(std::floor(center), 0.0, in - 1.0);
      const double high = std::min(low + 1, in - 1.0);
      const double part = std::clamp(center, 0.0, in - 1.0) - low;
      m.at(i, static_cast<int64_t>(low)) += 1 - part;
      m.at(i, static_cast<int64_t>(high)) += part;
    } else if (way.op == "ResizeBicubic") {
      AddCubic(way, center, i, &m);
    } else {  // area: the overlap of [from, to] with every cell
      const double from = i * scale, to = (i + 1) * scale;
      for (int64_t k = 0; k < in; ++k) {
        const double overlap = std::min(to, k + 1.0) - std::max(from, static_cast<double>(k));
        m.at(i, k) = std::max(0.0, overlap) / scale;
      }
    }
  }
  return m;
}

// y = rows x columns^T per image and channel; `back`: rows^T x columns.
Tensor Apply(const Matrix& rows, const Matrix& columns, const Tensor& x, bool back, DType dtype) {
  const int64_t height = back ? rows.columns : rows.rows;
  const int64_t width = back ? columns.columns : columns.rows;
  const TensorShape shape = {x.dim(0), height, width, x.dim(3)};
  std::vector<double> y(shape.num_elements());
  const std::vector<double> from = ToDoubles(x);
  for (int64_t n = 0; n < x.dim(0); ++n)
    for (int64_t i = 0; i < x.dim(1); ++i)
      for (int64_t j = 0; j < x.dim(2); ++j)
        for (int64_t c = 0; c < x.dim(3); ++c)
          for (int64_t h = 0; h < height; ++h)
            for (int64_t w = 0; w < width; ++w) {
              const double weight =
                  back ? rows.at(i, h) * columns.at(j, w) : rows.at(h, i) * columns.at(w, j);
              y[((n * height + h) * width + w) * x.dim(3) + c] +=
                  weight * from[((n * x.dim(1) + i) * x.dim(2) + j) * x.dim(3) + c];
            }
  return FromDoubles(dtype, shape, y);
}

OpTest Resize(const Way& way) {
  OpTest test(way.op);
  if (way.op != "ResizeArea") test.Attr("half_pixel_centers", way.half_pixel_centers);
  return test.Attr("align_corners", way.align_corners);
}

const Way kWays[] = {
    {"ResizeNearestNeighbor"},
    {"ResizeNearestNeighbor", true},
    {"ResizeNearestNeighbor", false, true},
    {"ResizeBilinear"},
    {"ResizeBilinear", true},
    {"ResizeBilinear", false, true},
    {"ResizeBicubic"},
    {"ResizeBicubic", true},
    {"ResizeBicubic", false, true},
    {"ResizeArea"},
};

// --- forward ---

TEST(ResizeTest, NearestByHand) {
  const auto nearest = [](const Way& way) {
    return Resize(way).Input({1, 2, 2, 1}, {1, 2, 3, 4}).Input<int32_t>({2}, {3, 3});
  };
  nearest({"ResizeNearestNeighbor"}).Expect({1, 3, 3, 1}, {1, 1, 2, 1, 1, 2, 3, 3, 4});
  // 0.5 is rounded away from zero.
  nearest({"ResizeNearestNeighbor", true}).Expect({1, 3, 3, 1}, {1, 2, 2, 3, 4, 4, 3, 4, 4});
  nearest({"ResizeNearestNeighbor", false, true}).Expect({1, 3, 3, 1}, {1, 2, 2, 3, 4, 4, 3, 4, 4});
}

TEST(ResizeTest, BilinearByHand) {
  const auto bilinear = [](const Way& way) {
    return Resize(way).Input({1, 2, 2, 1}, {1, 2, 3, 4}).Input<int32_t>({2}, {3, 3});
  };
  bilinear({"ResizeBilinear"})
      .Expect({1, 3, 3, 1}, {1, 5 / 3.f, 2, 7 / 3.f, 3, 10 / 3.f, 3, 11 / 3.f, 4});
  bilinear({"ResizeBilinear", true}).Expect({1, 3, 3, 1}, {1, 1.5, 2, 2, 2.5, 3, 3, 3.5, 4});
  bilinear({"ResizeBilinear", false, true}).Expect({1, 3, 3, 1}, {1, 1.5, 2, 2, 2.5, 3, 3, 3.5, 4});
}

TEST(ResizeTest, BicubicByHand) {
  // Halfway between cells the weights are -3/32, 19/32, 19/32, -3/32.
  Resize({"ResizeBicubic"})
      .Input({1, 1, 4, 1}, {0, 0, 8, 0})
      .Input<int32_t>({2}, {1, 8})
      .Expect({1, 1, 8, 1}, {0, -0.75, 0, 4.75, 8, 4.75, 0, -0.75});
}

TEST(ResizeTest, AreaByHand) {
  Resize({"ResizeArea"})
      .Input({1, 3, 3, 1}, {1, 2, 3, 4, 5, 6, 7, 8, 9})
      .Input<int32_t>({2}, {2, 2})
      .Expect({1, 2, 2, 1}, {7 / 3.f, 11 / 3.f, 19 / 3.f, 23 / 3.f}, 1e-5);
}

TEST(ResizeTest, MatchesSlowTwin) {
  const int64_t sizes[][4] = {{5, 4, 9, 7}, {7, 9, 3, 4}, {1, 6, 4, 1}, {4, 1, 1, 5}, {6, 6, 6, 6}};
  for (const Way& way : kWays) {
    for (const auto& s : sizes) {
      SCOPED_TRACE(absl::StrCat(way.op, way.align_corners, way.half_pixel_centers, " ", s[0], "x",
                                s[1], " to ", s[2], "x", s[3]));
      const Tensor x = RandomTensor(DType::kFloat, {2, s[0], s[1], 3});
      Resize(way)
          .Input(x)
          .Input(Tensor::Of<int32_t>({2}, {static_cast<int32_t>(s[2]), static_cast<int32_t>(s[3])}))
          .Expect(
              Apply(Weights(way, s[0], s[2]), Weights(way, s[1], s[3]), x, false, DType::kFloat),
              {1e-5, 1e-5});
    }
  }
}

TEST(ResizeTest, EveryType) {
  for (const DType dtype : {DType::kInt8, DType::kUint8, DType::kInt16, DType::kUint16,
                            DType::kInt32, DType::kInt64, DType::kHalf, DType::kDouble}) {
    for (const Way& way : {Way{"ResizeNearestNeighbor"}, Way{"ResizeBilinear"},
                           Way{"ResizeBicubic"}, Way{"ResizeArea"}}) {
      const Tensor x = RandomTensor(dtype, {1, 4, 3, 2}, 1, 0, 100);
      const DType result = way.op == "ResizeNearestNeighbor" ? dtype : DType::kFloat;
      Resize(way)
          .Input(x)
          .Input<int32_t>({2}, {2, 3})
          .Expect(Apply(Weights(way, 4, 2), Weights(way, 3, 3), x, false, result), {1e-5, 1e-4});
    }
  }
  Resize({"ResizeBilinear"})
      .Input(FromDoubles(DType::kBfloat16, {1, 1, 2, 1}, {1, 2}))
      .Input<int32_t>({2}, {1, 1})
      .Expect({1, 1, 1, 1}, {1});
  Resize({"ResizeBilinear"})
      .Input({0, 2, 2, 1}, {})
      .Input<int32_t>({2}, {3, 3})
      .Expect({0, 3, 3, 1}, {});
}

TEST(ResizeTest, Errors) {
  const auto resize = [](const Way& way, const TensorShape& shape, int32_t height) {
    return Resize(way)
        .Input(Tensor::Zeros(DType::kFloat, shape))
        .Input(Tensor::Of<int32_t>({2}, {height, 2}));
  };
  for (const char* op : {"ResizeNearestNeighbor", "ResizeBilinear", "ResizeBicubic"}) {
    resize({op, true, true}, {1, 2, 2, 1}, 2)
        .ExpectError(StatusCode::kInvalidArgument, "If half_pixel_centers is True");
    resize({op}, {1, 2, 2, 1}, 0).ExpectError(StatusCode::kInvalidArgument, "must be positive");
    resize({op}, {1, 2, 2, 1}, -1).ExpectError(StatusCode::kInvalidArgument, "must be positive");
    resize({op}, {1, 2, 2, 1}, -5).ExpectError(StatusCode::kInvalidArgument, "");
    resize({op}, {1, 0, 2, 1}, 2).ExpectError(StatusCode::kInvalidArgument, "non-zero size");
    resize({op}, {1, 2, 2, 0}, 2).ExpectError(StatusCode::kInvalidArgument, "one channel");
    resize({op}, {2, 2, 1}, 2).ExpectError(StatusCode::kInvalidArgument, "rank 4 but is rank 3");
  }
  Resize({"ResizeArea"})
      .Input({1, 1, 1, 1}, {1})
      .Input<int32_t>({3}, {1, 1, 1})
      .ExpectError(StatusCode::kInvalidArgument, "must be 2 but is 3");
}

// --- gradients ---

TEST(ResizeTest, GradientOpsMatchSlowTwin) {
  for (const Way& way : kWays) {
    if (way.op == "ResizeArea") continue;
    SCOPED_TRACE(absl::StrCat(way.op, way.align_corners, way.half_pixel_centers));
    const Tensor dy = RandomTensor(DType::kFloat, {2, 6, 4, 20});
    const Tensor want = Apply(Weights(way, 3, 6), Weights(way, 5, 4), dy, true, DType::kFloat);
    OpTest test(way.op + "Grad");
    test.Attr("align_corners", way.align_corners)
        .Attr("half_pixel_centers", way.half_pixel_centers)
        .Input(dy);
    if (way.op == "ResizeNearestNeighbor") {
      test.Input<int32_t>({2}, {3, 5});
    } else {
      test.Input(Tensor::Zeros(DType::kFloat, {2, 3, 5, 20}));
    }
    test.Expect(want, {1e-5, 1e-5});
  }
}

TEST(ResizeTest, GradientTypes) {
  for (const DType dtype : {DType::kDouble, DType::kHalf}) {
    OpTest("ResizeBilinearGrad")
        .Input({1, 1, 2, 1}, {1, 2})
        .Input(Tensor::Zeros(dtype, {1, 1, 1, 1}))
        .Expect(FromDoubles(dtype, {1, 1, 1, 1}, {3}));
  }
  for (const DType dtype :
       {DType::kUint8, DType::kInt8, DType::kInt32, DType::kHalf, DType::kDouble}) {
    OpTest("ResizeNearestNeighborGrad")
        .Input(FromDoubles(dtype, {1, 2, 2, 1}, {1, 2, 3, 4}))
        .Input<int32_t>({2}, {1, 1})
        .Expect(FromDoubles(dtype, {1, 1, 1, 1}, {10}));
  }
  OpTest("ResizeBilinearGrad")
      .Input({1, 2, 2, 1}, {1, 2, 3, 4})
      .Input({2, 2, 2, 1}, {1, 2, 3, 4, 5, 6, 7, 8})
      .ExpectError(StatusCode::kInvalidArgument, "must agree in batch");
}

TEST(ResizeTest, GradientsAreNumeric) {
  const Tensor size = Tensor::Of<int32_t>({2}, {4, 2});
  for (const Way& way : kWays) {
    if (way.op == "ResizeArea") continue;
    SCOPED_TRACE(absl::StrCat(way.op, way.align_corners, way.half_pixel_centers));
    CheckFloatGradient(
        way.op,
        {{"align_corners", way.align_corners}, {"half_pixel_centers", way.half_pixel_centers}},
        {RandomTensor(DType::kFloat, {2, 3, 3, 2}), size}, {.step = 0.5f});
  }
}

}  // namespace
}  // namespace sluice
