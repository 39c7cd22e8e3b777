#include "ops/kernels/color.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/threads.h"

namespace sluice::kernels {
namespace {

template <typename T>
struct Pixel {
  T a, b, c;  // red, green, blue; or hue, saturation, value
};

// y = f(x) for every pixel.
template <typename T, typename F>
void MapPixels(int64_t pixels, const T* x, T* y, F f) {
  ParallelFor(pixels, GrainFor(8), [&](int64_t begin, int64_t end) {
    for (int64_t i = 3 * begin; i < 3 * end; i += 3) {
      const Pixel<T> p = f(Pixel<T>{x[i], x[i + 1], x[i + 2]});
      y[i] = p.a;
      y[i + 1] = p.b;
      y[i + 2] = p.c;
    }
  });
}

template <typename T>
Pixel<T> ToHsv(const Pixel<T>& rgb) {
  const T value = std::max(rgb.a, std::max(rgb.b, rgb.c));
  const T range = value - std::min(rgb.a, std::min(rgb.b, rgb.c));
  const T saturation = value > 0 ? range / value : T{0};
  if (!(range > 0)) return {0, saturation, value};
  const T norm = 1 / (6 * range);
  T hue = rgb.a == value   ? norm * (rgb.b - rgb.c)
          : rgb.b == value ? norm * (rgb.c - rgb.a) + T{2} / 6
                           : norm * (rgb.a - rgb.b) + T{4} / 6;
  if (hue < 0) hue += 1;
  return {hue, saturation, value};
}

template <typename T>
Pixel<T> ToRgb(const Pixel<T>& hsv) {
  const T h = hsv.a * 6, s = hsv.b, v = hsv.c;
  auto share = [&](T x) { return (1 - s + s * std::clamp(x, T{0}, T{1})) * v; };
  return {share(std::abs(h - 3) - 1), share(2 - std::abs(h - 2)), share(2 - std::abs(h - 4))};
}

// A hue in sixths of a turn, and the smallest and largest of the three colours.
struct HueRange {
  float hue, low, high;
};

HueRange ToHueRange(const Pixel<float>& p) {
  const float low = std::min(p.a, std::min(p.b, p.c)), high = std::max(p.a, std::max(p.b, p.c));
  if (high == low) return {0, low, high};
  const float range = high - low;
  if (p.a == high) {
    return {p.b >= p.c ? (p.b - p.c) / range : 6 - (p.c - p.b) / range, low, high};
  }
  if (p.b == high) return {2 + (p.c - p.a) / range, low, high};
  return {4 + (p.a - p.b) / range, low, high};
}

Pixel<float> FromHueRange(const HueRange& h) {
  if (!(h.hue >= 0 && h.hue <= 6)) {
    constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
    return {kNan, kNan, kNan};
  }
  const int sixth = std::min(static_cast<int>(h.hue), 5);
  const float part = h.hue - static_cast<float>(sixth);
  const float middle = h.low + (sixth % 2 == 0 ? part : 1 - part) * (h.high - h.low);
  switch (sixth) {
    case 0:
      return {h.high, middle, h.low};
    case 1:
      return {middle, h.high, h.low};
    case 2:
      return {h.low, h.high, middle};
    case 3:
      return {h.low, middle, h.high};
    case 4:
      return {middle, h.low, h.high};
    default:
      return {h.high, h.low, middle};
  }
}

}  // namespace

void AdjustContrast(int64_t images, int64_t pixels, int64_t channels, float factor, const float* x,
                    float* y) {
  const double cost = 2 * static_cast<double>(pixels);
  ParallelFor(images * channels, GrainFor(cost), [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const int64_t first = i / channels * pixels * channels + i % channels;
      double sum = 0;
      for (int64_t p = 0; p < pixels; ++p) sum += x[first + p * channels];
      const auto mean = static_cast<float>(sum / static_cast<double>(pixels));
      for (int64_t p = 0; p < pixels; ++p)
        y[first + p * channels] = (x[first + p * channels] - mean) * factor + mean;
    }
  });
}

void AdjustHue(int64_t pixels, float delta, const float* x, float* y) {
  const float turn = 6 * (delta - std::floor(delta));  // NaN for what is not finite
  MapPixels(pixels, x, y, [turn](const Pixel<float>& p) {
    HueRange h = ToHueRange(p);
    h.hue += turn;
    if (h.hue >= 6) h.hue -= 6;
    return FromHueRange(h);
  });
}

void AdjustSaturation(int64_t pixels, float scale, const float* x, float* y) {
  MapPixels(pixels, x, y, [scale](const Pixel<float>& p) {
    Pixel<float> hsv = ToHsv(p);
    hsv.b = std::min(1.0f, std::max(0.0f, hsv.b * scale));
    return ToRgb(hsv);
  });
}

template <typename T>
void RgbToHsv(int64_t pixels, const T* x, T* y) {
  MapPixels(pixels, x, y, ToHsv<T>);
}
template <typename T>
void HsvToRgb(int64_t pixels, const T* x, T* y) {
  MapPixels(pixels, x, y, ToRgb<T>);
}

template void RgbToHsv(int64_t, const float*, float*);
template void RgbToHsv(int64_t, const double*, double*);
template void HsvToRgb(int64_t, const float*, float*);
template void HsvToRgb(int64_t, const double*, double*);

}  // namespace sluice::kernels
