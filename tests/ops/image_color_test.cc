#include "ops/image_color.h"

#include <algorithm>
#include <cmath>

#include "tests/testing/op_test.h"

namespace sluice {
namespace {

using absl::StatusCode;

// --- slow twins, from the textbook ---

struct Hsv {
  double h, s, v;
};

Hsv SlowHsv(double r, double g, double b) {
  const double v = std::max({r, g, b}), range = v - std::min({r, g, b});
  double h = 0;
  if (range > 0) {
    if (v == r) {
      h = (g - b) / range;
    } else if (v == g) {
      h = 2 + (b - r) / range;
    } else {
      h = 4 + (r - g) / range;
    }
  }
  if (h < 0) h += 6;
  return {h / 6, v > 0 ? range / v : 0, v};
}

// The chroma formula: k = (n + 6 h) mod 6, v - v s max(0, min(k, 4 - k, 1)) for n = 5, 3, 1.
std::vector<double> SlowRgb(const Hsv& c) {
  std::vector<double> rgb;
  for (const double n : {5, 3, 1}) {
    const double k = std::fmod(n + 6 * c.h, 6);
    rgb.push_back(c.v - c.v * c.s * std::max(0.0, std::min({k, 4 - k, 1.0})));
  }
  return rgb;
}

template <typename F>
Tensor MapPixels(const Tensor& x, F f) {
  const std::vector<double> in = ToDoubles(x);
  std::vector<double> y;
  for (size_t i = 0; i < in.size(); i += 3)
    for (const double v : f(in[i], in[i + 1], in[i + 2])) y.push_back(v);
  return FromDoubles(x.dtype(), x.shape(), y);
}

Tensor F(float value) { return Tensor::Scalar<float>(value); }

TEST(ImageColorTest, HsvByHand) {
  // Black, white, red, olive, blue-violet.
  const Tensor rgb = Tensor::Of<float>({5, 3}, {0, 0, 0, 1, 1, 1, 1, 0, 0, .5, .5, 0, .5, 0, 1});
  const Tensor hsv =
      Tensor::Of<float>({5, 3}, {0, 0, 0, 0, 0, 1, 0, 1, 1, 1 / 6.f, 1, .5, .75, 1, 1});
  OpTest("RGBToHSV").Input(rgb).Expect(hsv);
  OpTest("HSVToRGB").Input(hsv).Expect(rgb);
}

TEST(ImageColorTest, HsvMatchesSlowTwin) {
  for (const DType dtype : {DType::kFloat, DType::kDouble, DType::kHalf, DType::kBfloat16}) {
    const double tolerance = dtype == DType::kHalf ? 4e-3 : dtype == DType::kBfloat16 ? 3e-2 : 1e-5;
    const Tensor x = RandomTensor(dtype, {2, 5, 3}, 1, 0, 1);
    OpTest("RGBToHSV")
        .Input(x)
        .Expect(MapPixels(x,
                          [](double r, double g, double b) {
                            const Hsv c = SlowHsv(r, g, b);
                            return std::vector<double>{c.h, c.s, c.v};
                          }),
                {tolerance, tolerance});
    OpTest("HSVToRGB")
        .Input(x)
        .Expect(MapPixels(x,
                          [](double h, double s, double v) {
                            return SlowRgb({h, s, v});
                          }),
                {tolerance, tolerance});
  }
  OpTest("RGBToHSV").Input({0, 3}, {}).Expect({0, 3}, {});
}

TEST(ImageColorTest, HueMatchesSlowTwin) {
  const Tensor x = RandomTensor(DType::kFloat, {2, 3, 4, 3}, 1, 0, 1);
  for (const float delta : {0.f, 0.3f, -0.4f, 1.f, 2.75f, -3.1f}) {
    OpTest("AdjustHue")
        .Input(x)
        .Input(F(delta))
        .Expect(MapPixels(x,
                          [&](double r, double g, double b) {
                            Hsv c = SlowHsv(r, g, b);
                            c.h += delta - std::floor(c.h + delta);
                            return SlowRgb(c);
                          }),
                {1e-4, 1e-5});
  }
}

TEST(ImageColorTest, HueOfEdgeCases) {
  // Red by a third of a turn is green; grey stays; no turn by infinity.
  OpTest("AdjustHue")
      .Input({1, 2, 3}, {1, 0, 0, .25, .25, .25})
      .Input(F(1 / 3.f))
      .Expect({1, 2, 3}, {0, 1, 0, .25, .25, .25}, 1e-6);
  OpTest("AdjustHue")
      .Input({1, 1, 3}, {1, 0, 0})
      .Input(F(INFINITY))
      .Expect({1, 1, 3}, {NAN, NAN, NAN});
  OpTest("AdjustHue").Input({0, 2, 3}, {}).Input(F(0.5)).Expect({0, 2, 3}, {});
}

TEST(ImageColorTest, SaturationMatchesSlowTwin) {
  for (const DType dtype : {DType::kFloat, DType::kHalf}) {
    const double tolerance = dtype == DType::kHalf ? 4e-3 : 1e-5;
    const Tensor x = RandomTensor(dtype, {2, 3, 2, 3}, 1, 0, 1);
    for (const float scale : {0.f, 0.5f, 1.f, 3.f, -1.f}) {
      OpTest("AdjustSaturation")
          .Input(x)
          .Input(F(scale))
          .Expect(MapPixels(x,
                            [&](double r, double g, double b) {
                              Hsv c = SlowHsv(r, g, b);
                              c.s = std::clamp(c.s * scale, 0.0, 1.0);
                              return SlowRgb(c);
                            }),
                  {tolerance, tolerance});
    }
  }
}

TEST(ImageColorTest, Contrast) {
  // Means per image and channel: 2 and 20; 5 and 50.
  OpTest("AdjustContrastv2")
      .Input({2, 1, 2, 2}, {1, 10, 3, 30, 4, 40, 6, 60})
      .Input(F(2))
      .Expect({2, 1, 2, 2}, {0, 0, 4, 40, 3, 30, 7, 70});
  OpTest("AdjustContrastv2")
      .Input(FromDoubles(DType::kHalf, {1, 2, 1}, {1, 3}))
      .Input(F(0))
      .Expect(FromDoubles(DType::kHalf, {1, 2, 1}, {2, 2}));
  OpTest("AdjustContrastv2").Input({2, 0, 3, 1}, {}).Input(F(2)).Expect({2, 0, 3, 1}, {});
}

TEST(ImageColorTest, Errors) {
  for (const char* op : {"AdjustHue", "AdjustSaturation"}) {
    OpTest(op)
        .Input({1, 1, 2}, {1, 2})
        .Input(F(1))
        .ExpectError(StatusCode::kInvalidArgument, "input must have 3 channels but instead has 2");
    OpTest(op)
        .Input({1, 3}, {1, 2, 3})
        .Input(F(1))
        .ExpectError(StatusCode::kInvalidArgument, "at least rank 3");
    OpTest(op)
        .Input({1, 1, 3}, {1, 2, 3})
        .Input({1}, {1})
        .ExpectError(StatusCode::kInvalidArgument, "rank 0 but is rank 1");
  }
  OpTest("RGBToHSV")
      .Input({1, 4}, {1, 2, 3, 4})
      .ExpectError(StatusCode::kInvalidArgument, "3 channels");
  OpTest("HSVToRGB").Input({}, {1}).ExpectError(StatusCode::kInvalidArgument, "at least rank 1");
  OpTest("AdjustContrastv2")
      .Input({1, 3}, {1, 2, 3})
      .Input(F(1))
      .ExpectError(StatusCode::kInvalidArgument, "at least rank 3");
}

}  // namespace
}  // namespace sluice
