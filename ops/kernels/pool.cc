#include "ops/kernels/pool.h"

#include <algorithm>

#include "core/threads.h"

namespace sluice::kernels {
namespace {

// The cells of one window inside the image: rows [y0, y1), columns [x0, x1).
struct Window {
  int64_t y0, y1, x0, x1;
  int64_t cells() const { return (y1 - y0) * (x1 - x0); }
};

Window WindowAt(const PoolShape& s, int64_t oy, int64_t ox) {
  const int64_t top = oy * s.stride[0] - s.before[0], left = ox * s.stride[1] - s.before[1];
  return {std::max<int64_t>(top, 0), std::min(top + s.window[0], s.input[0]),
          std::max<int64_t>(left, 0), std::min(left + s.window[1], s.input[1])};
}

// f(offset of the cell's first channel in its image) for the cells of a window in row-major order.
template <typename F>
void ForEachCell(const PoolShape& s, const Window& w, F f) {
  for (int64_t y = w.y0; y < w.y1; ++y) {
    for (int64_t x = w.x0; x < w.x1; ++x) f((y * s.input[1] + x) * s.channels);
  }
}

// Images that are small enough for the cache are cut into rows of windows; f(n, oy) runs for all of
// them.
double RowCost(const PoolShape& s) {
  const double cells = static_cast<double>(s.window[0] * s.window[1]);
  return static_cast<double>(s.output[1]) * cells * (2.0 + 0.1 * static_cast<double>(s.channels));
}
template <typename F>
void ForEachOutputRow(const PoolShape& s, F f) {
  ParallelFor(s.batch * s.output[0], GrainFor(RowCost(s)), [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) f(i / s.output[0], i % s.output[0]);
  });
}

int64_t ImageSize(const PoolShape& s) { return s.input[0] * s.input[1] * s.channels; }

// Runs f(n, oy) for all rows of windows, on an image gradient that was cleared before. In parallel
// over rows where no cell belongs to windows of two rows, else over images.
template <typename T, typename F>
void ForEachRowCleared(const PoolShape& s, T* dx, F f) {
  const int64_t row = s.input[1] * s.channels;
  if (s.window[0] <= s.stride[0] && s.output[0] > 0) {
    ForEachOutputRow(s, [&](int64_t n, int64_t oy) {
      // The rows between this row of windows and the next are cleared by this one.
      const int64_t top = oy * s.stride[0] - s.before[0];
      const int64_t first = oy == 0 ? 0 : std::clamp<int64_t>(top, 0, s.input[0]);
      const int64_t last = oy + 1 == s.output[0]
                               ? s.input[0]
                               : std::clamp<int64_t>(top + s.stride[0], 0, s.input[0]);
      T* const image = dx + n * ImageSize(s);
      std::fill(image + first * row, image + last * row, T(0));
      f(n, oy);
    });
    return;
  }
  ParallelFor(s.batch, GrainFor(RowCost(s) * static_cast<double>(s.output[0])),
              [&](int64_t begin, int64_t end) {
                for (int64_t n = begin; n < end; ++n) {
                  std::fill_n(dx + n * ImageSize(s), ImageSize(s), T(0));
                  for (int64_t oy = 0; oy < s.output[0]; ++oy) f(n, oy);
                }
              });
}

template <typename T>
bool Greater(T a, T b) {
  return (a > b) | (a != a);  // NaN wins
}

// Channels that are treated at once, with state on the stack.
constexpr int64_t kBlock = 64;

// place[k]: which cell of the window (counted in row-major order) holds the first maximum of
// channel first + k, k < count.
template <typename T>
void FindMaxima(const PoolShape& s, const T* image, const Window& w, int64_t first, int64_t count,
                T* place) {
  T best[kBlock];
  T cell = 0;
  ForEachCell(s, w, [&](int64_t offset) {
    const T* const x = image + offset + first;
    if (cell == 0) {
      for (int64_t k = 0; k < count; ++k) {
        best[k] = x[k];
        place[k] = 0;
      }
    } else {
      for (int64_t k = 0; k < count; ++k) {
        const bool better = x[k] > best[k];
        best[k] = better ? x[k] : best[k];
        place[k] = better ? cell : place[k];
      }
    }
    cell += 1;
  });
}

// The four cells of a 2x2 window that no other window shares, at x and `row` elements further.
// Exactly one gets dy.
template <typename T>
void MaxGradient2x2(const T* x, int64_t row, int64_t channels, const T* dy, T* dx) {
  const T *a = x, *b = x + channels, *c = x + row, *d = c + channels;
  T *da = dx, *db = dx + channels, *dc = dx + row, *dd = dc + channels;
#pragma GCC ivdep
  for (int64_t k = 0; k < channels; ++k) {
    const bool first = (a[k] >= b[k]) & (a[k] >= c[k]) & (a[k] >= d[k]);
    const bool second = !first & (b[k] >= c[k]) & (b[k] >= d[k]);
    const bool third = !first & !second & (c[k] >= d[k]);
    const bool fourth = !first & !second & !third;
    da[k] = first ? dy[k] : T(0);
    db[k] = second ? dy[k] : T(0);
    dc[k] = third ? dy[k] : T(0);
    dd[k] = fourth ? dy[k] : T(0);
  }
}

// Windows are 2x2, side by side, and cover the image.
bool Tiles2x2(const PoolShape& s) {
  for (int i = 0; i < 2; ++i) {
    if (s.window[i] != 2 || s.stride[i] != 2 || s.before[i] != 0 || s.input[i] != 2 * s.output[i])
      return false;
  }
  return true;
}

template <typename T>
void MaxPoolGradientTiles(const PoolShape& s, const T* x, const T* dy, T* dx) {
  const int64_t row = s.input[1] * s.channels;
  ForEachOutputRow(s, [&](int64_t n, int64_t oy) {
    const T* g = dy + (n * s.output[0] + oy) * s.output[1] * s.channels;
    int64_t at = n * ImageSize(s) + 2 * oy * row;
    for (int64_t ox = 0; ox < s.output[1]; ++ox, at += 2 * s.channels, g += s.channels) {
      MaxGradient2x2(x + at, row, s.channels, g, dx + at);
    }
  });
}

}  // namespace

template <typename T>
void MaxPool(const PoolShape& s, const T* x, T* y) {
  ForEachOutputRow(s, [&](int64_t n, int64_t oy) {
    const T* const image = x + n * ImageSize(s);
    T* out = y + (n * s.output[0] + oy) * s.output[1] * s.channels;
    for (int64_t ox = 0; ox < s.output[1]; ++ox, out += s.channels) {
      bool first = true;
      ForEachCell(s, WindowAt(s, oy, ox), [&](int64_t offset) {
        const T* const in = image + offset;
        if (first) std::copy_n(in, s.channels, out);
        if (first) return void(first = false);
#pragma GCC ivdep
        for (int64_t c = 0; c < s.channels; ++c) out[c] = Greater(in[c], out[c]) ? in[c] : out[c];
      });
    }
  });
}

template <typename T>
void MaxPoolGradient(const PoolShape& s, const T* x, const T* dy, T* dx) {
  if (Tiles2x2(s)) return MaxPoolGradientTiles(s, x, dy, dx);
  ForEachRowCleared(s, dx, [&](int64_t n, int64_t oy) {
    const T* const image = x + n * ImageSize(s);
    T* const dimage = dx + n * ImageSize(s);
    const T* g = dy + (n * s.output[0] + oy) * s.output[1] * s.channels;
    for (int64_t ox = 0; ox < s.output[1]; ++ox, g += s.channels) {
      const Window w = WindowAt(s, oy, ox);
      for (int64_t first = 0; first < s.channels; first += kBlock) {
        const int64_t count = std::min(kBlock, s.channels - first);
        T place[kBlock];
        FindMaxima(s, image, w, first, count, place);
        T cell = 0;
        ForEachCell(s, w, [&](int64_t offset) {
          T* const to = dimage + offset + first;
          for (int64_t k = 0; k < count; ++k) to[k] += place[k] == cell ? g[first + k] : T(0);
          cell += 1;
        });
      }
    }
  });
}

template <typename T>
void MaxPoolGradGradient(const PoolShape& s, const T* x, const T* grads, T* y) {
  ForEachOutputRow(s, [&](int64_t n, int64_t oy) {
    const int64_t at = n * ImageSize(s);
    T* out = y + (n * s.output[0] + oy) * s.output[1] * s.channels;
    for (int64_t ox = 0; ox < s.output[1]; ++ox, out += s.channels) {
      const Window w = WindowAt(s, oy, ox);
      for (int64_t first = 0; first < s.channels; first += kBlock) {
        const int64_t count = std::min(kBlock, s.channels - first);
        T place[kBlock];
        FindMaxima(s, x + at, w, first, count, place);
        T cell = 0;
        ForEachCell(s, w, [&](int64_t offset) {
          const T* const from = grads + at + offset + first;
          for (int64_t k = 0; k < count; ++k)
            out[first + k] = place[k] == cell ? from[k] : out[first + k];
          cell += 1;
        });
      }
    }
  });
}

template <typename T>
void AvgPool(const PoolShape& s, const T* x, T* y) {
  ForEachOutputRow(s, [&](int64_t n, int64_t oy) {
    const T* const image = x + n * ImageSize(s);
    T* out = y + (n * s.output[0] + oy) * s.output[1] * s.channels;
    for (int64_t ox = 0; ox < s.output[1]; ++ox, out += s.channels) {
      const Window w = WindowAt(s, oy, ox);
      std::fill_n(out, s.channels, T(0));
      ForEachCell(s, w, [&](int64_t offset) {
        const T* const in = image + offset;
#pragma GCC ivdep
        for (int64_t c = 0; c < s.channels; ++c) out[c] += in[c];
      });
      const T cells = static_cast<T>(w.cells());
      for (int64_t c = 0; c < s.channels; ++c) out[c] /= cells;
    }
  });
}

template <typename T>
void AvgPoolGradient(const PoolShape& s, const T* dy, T* dx) {
  ForEachRowCleared(s, dx, [&](int64_t n, int64_t oy) {
    T* const dimage = dx + n * ImageSize(s);
    const T* g = dy + (n * s.output[0] + oy) * s.output[1] * s.channels;
    for (int64_t ox = 0; ox < s.output[1]; ++ox, g += s.channels) {
      const Window w = WindowAt(s, oy, ox);
      const T share = T(1) / static_cast<T>(w.cells());
      ForEachCell(s, w, [&](int64_t offset) {
        T* const to = dimage + offset;
#pragma GCC ivdep
        for (int64_t c = 0; c < s.channels; ++c) to[c] += g[c] * share;
      });
    }
  });
}

#define SLUICE_INSTANTIATE_MAX(T) template void MaxPool<T>(const PoolShape&, const T*, T*);
#define SLUICE_INSTANTIATE(T)                                                     \
  SLUICE_INSTANTIATE_MAX(T)                                                       \
  template void MaxPoolGradient<T>(const PoolShape&, const T*, const T*, T*);     \
  template void MaxPoolGradGradient<T>(const PoolShape&, const T*, const T*, T*); \
  template void AvgPool<T>(const PoolShape&, const T*, T*);                       \
  template void AvgPoolGradient<T>(const PoolShape&, const T*, T*);
SLUICE_INSTANTIATE(float)
SLUICE_INSTANTIATE(double)
SLUICE_INSTANTIATE_MAX(int8_t)
SLUICE_INSTANTIATE_MAX(int16_t)
SLUICE_INSTANTIATE_MAX(int32_t)
SLUICE_INSTANTIATE_MAX(int64_t)
SLUICE_INSTANTIATE_MAX(uint8_t)
SLUICE_INSTANTIATE_MAX(uint16_t)
#undef SLUICE_INSTANTIATE
#undef SLUICE_INSTANTIATE_MAX

}  // namespace sluice::kernels
