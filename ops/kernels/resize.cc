#include "ops/kernels/resize.h"

#include <algorithm>
#include <cstring>
#include <type_traits>

#include "core/threads.h"
#include "ops/kernels/accumulate.h"
#include "ops/kernels/unit.h"

namespace sluice::kernels {
namespace {

// Calls row(image, output row) for every row of the result.
template <typename Row>
void ForEachRow(const ResizeShape& s, double pixel_cost, Row row) {
  const double cost = pixel_cost * static_cast<double>(s.out[1] * s.channels);
  ParallelFor(s.batch * s.out[0], GrainFor(cost), [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) row(i / s.out[0], i % s.out[0]);
  });
}

// Gradients add up, so that threads share the work by images and by blocks of channels.
template <typename Block>
void ForEachChannelBlock(const ResizeShape& s, double pixel_cost, Block block) {
  constexpr int64_t kBlock = 16;
  const int64_t blocks = (s.channels + kBlock - 1) / kBlock;
  const double cost =
      pixel_cost * static_cast<double>(s.out[0] * s.out[1] * std::min(s.channels, kBlock));
  ParallelFor(s.batch * blocks, GrainFor(cost), [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const int64_t first = i % blocks * kBlock;
      block(i / blocks, first, std::min(first + kBlock, s.channels));
    }
  });
}

int64_t InputElements(const ResizeShape& s) { return s.batch * s.in[0] * s.in[1] * s.channels; }

// --- bicubic: rows first, then columns ---

void MixRows(const CubicTap& tap, const float* image, int64_t width, float* mixed) {
  const float* rows[4];
  for (int k = 0; k < 4; ++k) rows[k] = image + tap.index[k] * width;
  const float* w = tap.weight;
  for (int64_t i = 0; i < width; ++i)
    mixed[i] = rows[0][i] * w[0] + rows[1][i] * w[1] + rows[2][i] * w[2] + rows[3][i] * w[3];
}

void MixColumns(const ResizeShape& s, const CubicTap* columns, const float* mixed, float* y) {
  for (int64_t x = 0; x < s.out[1]; ++x) {
    const float* w = columns[x].weight;
    const float* cells[4];
    for (int k = 0; k < 4; ++k) cells[k] = mixed + columns[x].index[k] * s.channels;
    for (int64_t c = 0; c < s.channels; ++c)
      *y++ = cells[0][c] * w[0] + cells[1][c] * w[1] + cells[2][c] * w[2] + cells[3][c] * w[3];
  }
}

// The sum over the covered part of one source row, for one cell of the result.
float CoveredSum(const AreaTap& tap, const float* row, int64_t width, int64_t channels) {
  auto cell = [&](int64_t i) { return row[std::clamp<int64_t>(i, 0, width - 1) * channels]; };
  float sum = cell(tap.begin) * tap.first;
  if (tap.begin + 1 == tap.end) return sum;
  for (int64_t i = tap.begin + 1; i < tap.end - 1; ++i) sum += cell(i);
  return sum + cell(tap.end - 1) * tap.last;
}

void AreaRow(const ResizeShape& s, const AreaTap& row, const AreaTap* columns, float scale,
             const float* image, float* y) {
  const int64_t width = s.in[1] * s.channels, count = s.out[1] * s.channels;
  std::fill_n(y, count, 0.0f);
  for (int64_t i = row.begin; i < row.end; ++i) {
    const float part = i == row.begin ? row.first : i == row.end - 1 ? row.last : 1.0f;
    const float* from = image + std::clamp<int64_t>(i, 0, s.in[0] - 1) * width;
    for (int64_t x = 0; x < s.out[1]; ++x)
      for (int64_t c = 0; c < s.channels; ++c)
        y[x * s.channels + c] += CoveredSum(columns[x], from + c, s.in[1], s.channels) * part;
  }
  for (int64_t i = 0; i < count; ++i) y[i] *= scale;
}

}  // namespace

void ResizeNearest(const ResizeShape& s, DType dtype, const int64_t* rows, const int64_t* columns,
                   const void* x, void* y) {
  ops::DispatchUnit(dtype, [&](auto tag) {
    using E = typename decltype(tag)::type;
    if constexpr (std::is_trivially_copyable_v<E>) {
      const auto* from = static_cast<const E*>(x);
      auto* to = static_cast<E*>(y);
      ForEachRow(s, 0.5, [&](int64_t n, int64_t i) {
        const E* row = from + (n * s.in[0] + rows[i]) * s.in[1] * s.channels;
        E* out = to + (n * s.out[0] + i) * s.out[1] * s.channels;
        for (int64_t j = 0; j < s.out[1]; ++j)
          out = std::copy_n(row + columns[j] * s.channels, s.channels, out);
      });
    }
  });
}

void ResizeBilinear(const ResizeShape& s, const LinearTap* rows, const LinearTap* columns,
                    const float* x, float* y) {
  if (s.in[0] == s.out[0] && s.in[1] == s.out[1]) {
    std::copy_n(x, InputElements(s), y);
    return;
  }
  const int64_t width = s.in[1] * s.channels;
  ForEachRow(s, 2, [&](int64_t n, int64_t i) {
    const float* image = x + n * s.in[0] * width;
    const float *top = image + rows[i].lower * width, *bottom = image + rows[i].upper * width;
    const float down = rows[i].lerp;
    float* out = y + (n * s.out[0] + i) * s.out[1] * s.channels;
    for (int64_t j = 0; j < s.out[1]; ++j) {
      const int64_t left = columns[j].lower * s.channels, right = columns[j].upper * s.channels;
      const float across = columns[j].lerp;
      for (int64_t c = 0; c < s.channels; ++c) {
        const float above = top[left + c] + (top[right + c] - top[left + c]) * across;
        const float below = bottom[left + c] + (bottom[right + c] - bottom[left + c]) * across;
        *out++ = above + (below - above) * down;
      }
    }
  });
}

void ResizeBicubic(const ResizeShape& s, const CubicTap* rows, const CubicTap* columns,
                   const float* x, float* y) {
  const int64_t width = s.in[1] * s.channels;
  const double cost = 2.0 * static_cast<double>(width + s.out[1] * s.channels);
  ParallelFor(s.batch * s.out[0], GrainFor(cost), [&](int64_t begin, int64_t end) {
    std::vector<float> mixed(width);
    for (int64_t i = begin; i < end; ++i) {
      MixRows(rows[i % s.out[0]], x + i / s.out[0] * s.in[0] * width, width, mixed.data());
      MixColumns(s, columns, mixed.data(), y + i * s.out[1] * s.channels);
    }
  });
}

void ResizeArea(const ResizeShape& s, const AreaTap* rows, const AreaTap* columns, float scale,
                const float* x, float* y) {
  const double covered = static_cast<double>(s.in[0]) / static_cast<double>(s.out[0]) *
                         static_cast<double>(s.in[1]) / static_cast<double>(s.out[1]);
  ForEachRow(s, 4 * (1 + covered), [&](int64_t n, int64_t i) {
    AreaRow(s, rows[i], columns, scale, x + n * s.in[0] * s.in[1] * s.channels,
            y + (n * s.out[0] + i) * s.out[1] * s.channels);
  });
}

template <typename T>
void ResizeNearestGradient(const ResizeShape& s, const int64_t* rows, const int64_t* columns,
                           const T* dy, T* dx) {
  std::fill_n(dx, InputElements(s), T());
  ForEachChannelBlock(s, 1, [&](int64_t n, int64_t first, int64_t last) {
    for (int64_t i = 0; i < s.out[0]; ++i) {
      T* row = dx + (n * s.in[0] + rows[i]) * s.in[1] * s.channels;
      const T* from = dy + (n * s.out[0] + i) * s.out[1] * s.channels;
      for (int64_t j = 0; j < s.out[1]; ++j)
        ops::AddRow(from + j * s.channels + first, row + columns[j] * s.channels + first,
                    last - first);
    }
  });
}

void ResizeBilinearGradient(const ResizeShape& s, const LinearTap* rows, const LinearTap* columns,
                            const float* dy, float* dx) {
  std::fill_n(dx, InputElements(s), 0.0f);
  const int64_t width = s.in[1] * s.channels;
  ForEachChannelBlock(s, 4, [&](int64_t n, int64_t first, int64_t last) {
    float* image = dx + n * s.in[0] * width;
    for (int64_t i = 0; i < s.out[0]; ++i) {
      float *top = image + rows[i].lower * width, *bottom = image + rows[i].upper * width;
      const float down = rows[i].lerp, up = 1 - down;
      const float* from = dy + (n * s.out[0] + i) * s.out[1] * s.channels;
      for (int64_t j = 0; j < s.out[1]; ++j, from += s.channels) {
        const int64_t left = columns[j].lower * s.channels, right = columns[j].upper * s.channels;
        const float across = columns[j].lerp, back = 1 - across;
        for (int64_t c = first; c < last; ++c) {
          top[left + c] += from[c] * up * back;
          top[right + c] += from[c] * up * across;
          bottom[left + c] += from[c] * down * back;
          bottom[right + c] += from[c] * down * across;
        }
      }
    }
  });
}

void ResizeBicubicGradient(const ResizeShape& s, const CubicTap* rows, const CubicTap* columns,
                           const float* dy, float* dx) {
  std::fill_n(dx, InputElements(s), 0.0f);
  ForEachChannelBlock(s, 16, [&](int64_t n, int64_t first, int64_t last) {
    for (int64_t i = 0; i < s.out[0]; ++i) {
      const float* from = dy + (n * s.out[0] + i) * s.out[1] * s.channels;
      for (int64_t j = 0; j < s.out[1]; ++j, from += s.channels) {
        for (int k = 0; k < 16; ++k) {
          const CubicTap &row = rows[i], &column = columns[j];
          const float weight = row.weight[k / 4] * column.weight[k % 4];
          float* to =
              dx + ((n * s.in[0] + row.index[k / 4]) * s.in[1] + column.index[k % 4]) * s.channels;
          for (int64_t c = first; c < last; ++c) to[c] += from[c] * weight;
        }
      }
    }
  });
}

template void ResizeNearestGradient(const ResizeShape&, const int64_t*, const int64_t*,
                                    const float*, float*);
template void ResizeNearestGradient(const ResizeShape&, const int64_t*, const int64_t*,
                                    const double*, double*);
template void ResizeNearestGradient(const ResizeShape&, const int64_t*, const int64_t*,
                                    const int8_t*, int8_t*);
template void ResizeNearestGradient(const ResizeShape&, const int64_t*, const int64_t*,
                                    const uint8_t*, uint8_t*);
template void ResizeNearestGradient(const ResizeShape&, const int64_t*, const int64_t*,
                                    const int32_t*, int32_t*);
template void ResizeNearestGradient(const ResizeShape&, const int64_t*, const int64_t*, const Half*,
                                    Half*);

}  // namespace sluice::kernels
