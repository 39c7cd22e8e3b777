// How pools walk: over windows, over the cells of a window, over gradients that are added up. For
// the .cc files of ops/kernels/pool.h.
#ifndef SLUICE_OPS_KERNELS_POOL_LOOPS_H_
#define SLUICE_OPS_KERNELS_POOL_LOOPS_H_

#include <algorithm>
#include <cstdint>

#include "core/threads.h"
#include "ops/kernels/pool.h"

namespace sluice::kernels {

// The cells of one window inside the image: [begin, end) per axis.
struct Window {
  int64_t begin[3], end[3];
  int64_t cells() const { return (end[0] - begin[0]) * (end[1] - begin[1]) * (end[2] - begin[2]); }
};

// The cells of a row of windows: axes 0 and 1 are the same for all of them.
struct WindowRow {
  const PoolShape& s;
  Window w;

  WindowRow(const PoolShape& shape, int64_t oz, int64_t oy) : s(shape) {
    Clip(0, oz);
    Clip(1, oy);
  }
  const Window& at(int64_t ox) {
    Clip(2, ox);
    return w;
  }

 private:
  void Clip(int axis, int64_t o) {
    const int64_t first = o * s.stride[axis] - s.before[axis];
    w.begin[axis] = std::max<int64_t>(first, 0);
    w.end[axis] = std::min(first + s.window[axis], s.input[axis]);
  }
};

// f(offset of the cell's first channel in its image) for the cells of a window, in row-major order.
template <typename F>
void ForEachCell(const PoolShape& s, const Window& w, F f) {
  for (int64_t z = w.begin[0]; z < w.end[0]; ++z) {
    for (int64_t y = w.begin[1]; y < w.end[1]; ++y) {
      const int64_t row = (z * s.input[1] + y) * s.input[2];
      for (int64_t x = w.begin[2]; x < w.end[2]; ++x) f((row + x) * s.channels);
    }
  }
}

// Nanoseconds for a row of windows, about.
inline double RowCost(const PoolShape& s) {
  const auto cells = static_cast<double>(s.window[0] * s.window[1] * s.window[2]);
  return static_cast<double>(s.output[2]) * cells * (2.0 + 0.1 * static_cast<double>(s.channels));
}

// f(window, offset of its image, offset of its result) for every window of a row, where offsets
// are those of the first channel.
template <typename F>
void ForEachWindowOfRow(const PoolShape& s, int64_t n, int64_t oz, int64_t oy, F f) {
  WindowRow row(s, oz, oy);
  int64_t out = ((n * s.output[0] + oz) * s.output[1] + oy) * s.output[2] * s.channels;
  for (int64_t ox = 0; ox < s.output[2]; ++ox, out += s.channels) {
    f(row.at(ox), n * s.image_size(), out);
  }
}

// The same for all windows, in parallel.
template <typename F>
void ForEachWindow(const PoolShape& s, F f) {
  const int64_t rows = s.output[0] * s.output[1];
  ParallelFor(s.batch * rows, GrainFor(RowCost(s)), [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      ForEachWindowOfRow(s, i / rows, i % rows / s.output[1], i % s.output[1], f);
    }
  });
}

// The same for windows that add to dx, which is cleared before. In parallel over slabs of windows
// along the first axis that has any extent where no cell belongs to two slabs, else over images.
template <typename T, typename F>
void ForEachWindowCleared(const PoolShape& s, T* dx, F f) {
  const int axis = s.input[0] == 1 ? 1 : 0;
  const int64_t layer = (axis == 0 ? s.input[1] : 1) * s.input[2] * s.channels;
  const int64_t rows = axis == 0 ? s.output[1] : 1;  // of one slab
  const auto run_slab = [&](int64_t n, int64_t slab) {
    for (int64_t r = 0; r < rows; ++r) {
      ForEachWindowOfRow(s, n, axis == 0 ? slab : 0, axis == 0 ? r : slab, f);
    }
  };
  const int64_t slabs = s.output[axis], size = s.input[axis];
  const double slab_cost = RowCost(s) * static_cast<double>(rows);
  if (s.window[axis] > s.stride[axis] || slabs == 0 || (axis == 1 && s.output[0] != 1)) {
    ParallelFor(s.batch, GrainFor(slab_cost * static_cast<double>(slabs)),
                [&](int64_t begin, int64_t end) {
                  for (int64_t n = begin; n < end; ++n) {
                    T* const image = dx + n * s.image_size();
                    int64_t cleared = 0;  // layers: each just before the first slab that it is in
                    const auto clear_to = [&](int64_t layers) {
                      if (layers > cleared) {
                        std::fill(image + cleared * layer, image + layers * layer, T(0));
                      }
                      cleared = std::max(cleared, layers);
                    };
                    for (int64_t slab = 0; slab < slabs; ++slab) {
                      const int64_t past = slab * s.stride[axis] - s.before[axis] + s.window[axis];
                      clear_to(std::clamp<int64_t>(past, 0, size));
                      run_slab(n, slab);
                    }
                    clear_to(size);
                  }
                });
    return;
  }
  ParallelFor(s.batch * slabs, GrainFor(slab_cost), [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const int64_t n = i / slabs, slab = i % slabs;
      // The layers between this slab and the next are cleared by this one.
      const int64_t top = slab * s.stride[axis] - s.before[axis];
      const int64_t first = slab == 0 ? 0 : std::clamp<int64_t>(top, 0, size);
      const int64_t last =
          slab + 1 == slabs ? size : std::clamp<int64_t>(top + s.stride[axis], 0, size);
      T* const image = dx + n * s.image_size();
      std::fill(image + first * layer, image + last * layer, T(0));
      run_slab(n, slab);
    }
  });
}

}  // namespace sluice::kernels

#endif  // SLUICE_OPS_KERNELS_POOL_LOOPS_H_
