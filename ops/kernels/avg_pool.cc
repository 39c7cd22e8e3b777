#include "ops/kernels/pool.h"
#include "ops/kernels/pool_loops.h"

namespace sluice::kernels {

template <typename T>
void AvgPool(const PoolShape& s, const T* x, T* y) {
  ForEachWindow(s, [&](const Window& w, int64_t image, int64_t at) {
    T* const out = y + at;
    std::fill_n(out, s.channels, T(0));
    ForEachCell(s, w, [&](int64_t offset) {
      const T* const in = x + image + offset;
#pragma GCC ivdep
      for (int64_t c = 0; c < s.channels; ++c) out[c] += in[c];
    });
    const T cells = static_cast<T>(w.cells());
    for (int64_t c = 0; c < s.channels; ++c) out[c] /= cells;
  });
}

template <typename T>
void AvgPoolGradient(const PoolShape& s, const T* dy, T* dx) {
  ForEachWindowCleared(s, dx, [&](const Window& w, int64_t image, int64_t at) {
    const T* const g = dy + at;
    const T share = T(1) / static_cast<T>(w.cells());
    ForEachCell(s, w, [&](int64_t offset) {
      T* const to = dx + image + offset;
#pragma GCC ivdep
      for (int64_t c = 0; c < s.channels; ++c) to[c] += g[c] * share;
    });
  });
}

#define SLUICE_INSTANTIATE(T)                               \
  template void AvgPool<T>(const PoolShape&, const T*, T*); \
  template void AvgPoolGradient<T>(const PoolShape&, const T*, T*);
SLUICE_INSTANTIATE(float)
SLUICE_INSTANTIATE(double)
#undef SLUICE_INSTANTIATE

}  // namespace sluice::kernels
