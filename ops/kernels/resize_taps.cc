// Where the cells of a resized axis lie on its source.
#include <algorithm>
#include <cmath>
#include <limits>

#include "ops/kernels/resize.h"

namespace sluice::kernels {
namespace {

constexpr int kTableSteps = 1024;

// Values of Keys' cubic at distances i / 1024 from the cell, on [0, 1] (even places) and on [1, 2]
// (odd places).
struct CubicTable {
  explicit CubicTable(float a_float) {
    const double a = a_float;
    for (int i = 0; i <= kTableSteps; ++i) {
      double x = static_cast<float>(i) / kTableSteps;
      inner[i] = static_cast<float>(((a + 2) * x - (a + 3)) * x * x + 1);
      x += 1;
      outer[i] = static_cast<float>(((a * x - 5 * a) * x + 8 * a) * x - 4 * a);
    }
  }
  float inner[kTableSteps + 1], outer[kTableSteps + 1];
};

const CubicTable& TableFor(bool half_pixel_centers) {
  static const CubicTable keys(-0.5f), legacy(-0.75f);
  return half_pixel_centers ? keys : legacy;
}

// Where the center of cell i lies, in cells whose centers are at whole numbers.
float Center(const ResizeAxis& axis, int64_t i, float scale) {
  const float cell = static_cast<float>(i);
  return axis.half_pixel_centers ? (cell + 0.5f) * scale - 0.5f : cell * scale;
}

int64_t Bound(int64_t i, int64_t size) { return std::clamp<int64_t>(i, 0, size - 1); }

CubicTap CubicTapAt(const ResizeAxis& axis, float center) {
  const CubicTable& table = TableFor(axis.half_pixel_centers);
  const auto cell = static_cast<int64_t>(std::floor(center));
  const int step = static_cast<int>(
      std::lrint((center - static_cast<float>(cell)) * static_cast<float>(kTableSteps)));
  CubicTap tap;
  const float weights[4] = {table.outer[step], table.inner[step], table.inner[kTableSteps - step],
                            table.outer[kTableSteps - step]};
  float sum = 0;
  for (int k = 0; k < 4; ++k) {
    const int64_t index = cell - 1 + k;
    tap.index[k] = Bound(index, axis.in);
    const bool counts = !axis.half_pixel_centers || tap.index[k] == index;
    tap.weight[k] = counts ? weights[k] : 0.0f;
    sum += tap.weight[k];
  }
  if (axis.half_pixel_centers && std::abs(sum) >= 1000 * std::numeric_limits<float>::min()) {
    for (float& weight : tap.weight) weight *= 1.0f / sum;
  }
  return tap;
}

// The part of cell i that lies between `from` and `to`.
float Covered(int64_t i, float from, float to, float scale) {
  const float cell = static_cast<float>(i);
  if (cell < from) return cell + 1 > to ? scale : cell + 1 - from;
  return cell + 1 > to ? to - cell : 1.0f;
}

}  // namespace

float ResizeAxis::Scale() const {
  return align_corners && out > 1 ? static_cast<float>(in - 1) / static_cast<float>(out - 1)
                                  : static_cast<float>(in) / static_cast<float>(out);
}

std::vector<int64_t> NearestTaps(const ResizeAxis& axis) {
  const float scale = axis.Scale();
  std::vector<int64_t> taps(axis.out);
  for (int64_t i = 0; i < axis.out; ++i) {
    const float cell = static_cast<float>(i);
    const float place = (axis.half_pixel_centers ? cell + 0.5f : cell) * scale;
    taps[i] = Bound(
        static_cast<int64_t>(axis.align_corners ? std::round(place) : std::floor(place)), axis.in);
  }
  return taps;
}

std::vector<LinearTap> LinearTaps(const ResizeAxis& axis) {
  const float scale = axis.Scale();
  std::vector<LinearTap> taps(axis.out);
  for (int64_t i = 0; i < axis.out; ++i) {
    const float center = Center(axis, i, scale), cell = std::floor(center);
    taps[i] = {.lower = Bound(static_cast<int64_t>(cell), axis.in),
               .upper = Bound(static_cast<int64_t>(std::ceil(center)), axis.in),
               .lerp = center - cell};
  }
  return taps;
}

std::vector<CubicTap> CubicTaps(const ResizeAxis& axis) {
  const float scale = axis.Scale();
  std::vector<CubicTap> taps(axis.out);
  for (int64_t i = 0; i < axis.out; ++i) taps[i] = CubicTapAt(axis, Center(axis, i, scale));
  return taps;
}

std::vector<AreaTap> AreaTaps(const ResizeAxis& axis) {
  const float scale = axis.Scale();
  std::vector<AreaTap> taps(axis.out);
  for (int64_t i = 0; i < axis.out; ++i) {
    const float from = static_cast<float>(i) * scale, to = static_cast<float>(i + 1) * scale;
    const auto begin = static_cast<int64_t>(std::floor(from));
    const auto end = std::max(begin + 1, static_cast<int64_t>(std::ceil(to)));
    taps[i] = {.begin = begin,
               .end = end,
               .first = Covered(begin, from, to, scale),
               .last = Covered(end - 1, from, to, scale)};
  }
  return taps;
}

}  // namespace sluice::kernels
