#include <algorithm>
#include <cmath>
#include <cstring>
#include <type_traits>

#include "ops/kernels/pool.h"
#include "ops/kernels/pool_loops.h"

namespace sluice::kernels {
namespace {

// Channels that are treated at once, with state on the stack.
constexpr int64_t kBlock = 64;

// f(first, count) for blocks of channels.
template <typename F>
void ForEachBlock(const PoolShape& s, F f) {
  for (int64_t first = 0; first < s.channels; first += kBlock) {
    f(first, std::min(kBlock, s.channels - first));
  }
}

// Where a cell's first channel is in its image.
int64_t Offset(const PoolShape& s, int64_t z, int64_t y, int64_t x) {
  return ((z * s.input[1] + y) * s.input[2] + x) * s.channels;
}

// Counts cells of a window; as wide as T where that makes loops over both vectorize.
template <typename T>
using Place = std::conditional_t<sizeof(T) == 8, int64_t, int32_t>;

#if defined(__AVX512F__)
constexpr int kRegisterBytes = 64;
#elif defined(__AVX__)
constexpr int kRegisterBytes = 32;
#else
constexpr int kRegisterBytes = 16;
#endif

// `number` neighbouring channels in a vector register. (Plain loops over arrays would keep their
// state in memory.)
template <typename T, int number>
struct Register {
  typedef T Values __attribute__((vector_size(number * sizeof(T))));
  typedef Place<T> Places __attribute__((vector_size(number * sizeof(Place<T>))));

  template <typename V, typename E>
  static void Load(const E* from, V* v) {
    std::memcpy(v, from, sizeof(*v));
  }
};

// f(first, number) for pieces of `count` channels.
template <typename T, typename F>
void ForEachRegister(int64_t count, const F& f) {
  constexpr int kNumber = kRegisterBytes / static_cast<int>(std::max(sizeof(T), sizeof(Place<T>)));
  constexpr int kFew = std::max(kNumber / 4, 1);
  int64_t k = 0;
  for (; k + kNumber <= count; k += kNumber) f(k, std::integral_constant<int, kNumber>());
  for (; k + kFew <= count; k += kFew) f(k, std::integral_constant<int, kFew>());
  for (; k < count; ++k) f(k, std::integral_constant<int, 1>());
}

// The first maxima of some channels, and which cells of the window hold them, counted in row-major
// order. `x`: the first of these channels in its image.
template <typename T, int number>
struct Maxima {
  using R = Register<T, number>;
  typename R::Values highest;
  typename R::Places where = {};

  Maxima(const PoolShape& s, const Window& w, const T* x) {
    R::Load(x + Offset(s, w.begin[0], w.begin[1], w.begin[2]), &highest);
    Place<T> cell = 0;
    for (int64_t i = w.begin[0]; i < w.end[0]; ++i) {
      for (int64_t j = w.begin[1]; j < w.end[1]; ++j) {
        const T* at = x + Offset(s, i, j, w.begin[2]);
        for (int64_t k = w.begin[2]; k < w.end[2]; ++k, at += s.channels, ++cell) {
          typename R::Values value;
          R::Load(at, &value);
          const auto greater = value > highest;
          highest = greater ? value : highest;
          using Places = typename R::Places;
          where = __builtin_convertvector(greater, Places) ? cell - Places{} : where;
        }
      }
    }
  }
};

// best[k], place[k]: the maximum of channel first + k and its cell, k < count.
template <typename T>
void FindMaxima(const PoolShape& s, const T* image, const Window& w, int64_t first, int64_t count,
                T* best, Place<T>* place) {
  ForEachRegister<T>(count, [&](int64_t k, auto number) {
    const Maxima<T, number> maxima(s, w, image + first + k);
    std::memcpy(best + k, &maxima.highest, sizeof(maxima.highest));
    std::memcpy(place + k, &maxima.where, sizeof(maxima.where));
  });
}

// Adds dy to those cells of a window that are its maxima.
template <typename T>
void AddToMaxima(const PoolShape& s, const Window& w, const T* x, const T* dy, T* dx) {
  const int64_t step = s.channels, row = s.input[2] * step, layer = s.input[1] * row;
  const int64_t layers = w.end[0] - w.begin[0], rows = w.end[1] - w.begin[1];
  const int64_t cells = w.end[2] - w.begin[2];
  T* const corner = dx + Offset(s, w.begin[0], w.begin[1], w.begin[2]);
  ForEachRegister<T>(s.channels, [=, &s, &w](int64_t first, auto number) {
    using R = Register<T, number>;
    using V = typename R::Values;
    const Maxima<T, number> maxima(s, w, x + first);
    V share;
    R::Load(dy + first, &share);
    Place<T> cell = 0;
    for (int64_t i = 0; i < layers; ++i) {
      for (int64_t j = 0; j < rows; ++j) {
        T* at = corner + i * layer + j * row + first;
        for (int64_t k = 0; k < cells; ++k, at += step, ++cell) {
          V sum;
          R::Load(at, &sum);
          using Mask = decltype(sum == sum);
          sum += __builtin_convertvector(maxima.where == cell, Mask) ? share : V{};
          std::memcpy(at, &sum, sizeof(sum));
        }
      }
    }
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
    // In the order of FindMaxima: a cell wins when it is greater than the winner so far. What is
    // left for the cells before it is dy, or 0. (Every value is loaded first: no branches.)
    const T av = a[k], bv = b[k], cv = c[k], dv = d[k], g = dy[k];
    const T two = bv > av ? bv : av;
    const T three = cv > two ? cv : two;
    const T for_three = dv > three ? T(0) : g;
    const T for_two = cv > two ? T(0) : for_three;
    da[k] = bv > av ? T(0) : for_two;
    db[k] = bv > av ? for_two : T(0);
    dc[k] = cv > two ? for_three : T(0);
    dd[k] = dv > three ? g : T(0);
  }
}

// Windows are planes of 2x2, side by side, and cover the image.
bool Tiles2x2(const PoolShape& s) {
  for (int i = 1; i < 3; ++i) {
    if (s.window[i] != 2 || s.stride[i] != 2 || s.before[i] != 0 || s.input[i] != 2 * s.output[i])
      return false;
  }
  return s.input[0] == 1 && s.output[0] == 1;
}

template <typename T>
void MaxPoolGradientTiles(const PoolShape& s, const T* x, const T* dy, T* dx) {
  const int64_t row = s.input[2] * s.channels;
  ForEachWindow(s, [&](const Window& w, int64_t image, int64_t at) {
    const int64_t cell = image + w.begin[1] * row + w.begin[2] * s.channels;
    MaxGradient2x2(x + cell, row, s.channels, dy + at, dx + cell);
  });
}

}  // namespace

template <typename T>
void MaxPool(const PoolShape& s, T lowest, const T* x, T* y) {
  // Few cells with many channels: whole cells one after another are read fastest. A channel or two:
  // nothing fits registers.
  const bool by_cell =
      s.channels < 4 || (s.window[0] * s.window[1] * s.window[2] <= 4 && s.channels > kBlock);
  ForEachWindow(s, [&](const Window& w, int64_t image, int64_t at) {
    if (by_cell) {
      T* const out = y + at;
      std::fill_n(out, s.channels, lowest);
      ForEachCell(s, w, [&](int64_t offset) {
        const T* const in = x + image + offset;
#pragma GCC ivdep
        for (int64_t c = 0; c < s.channels; ++c) out[c] = in[c] > out[c] ? in[c] : out[c];
      });
      return;
    }
    ForEachRegister<T>(s.channels, [&](int64_t k, auto number) {
      using R = Register<T, number>;
      using V = typename R::Values;
      V best = lowest - V{};
      for (int64_t z = w.begin[0]; z < w.end[0]; ++z) {
        for (int64_t row = w.begin[1]; row < w.end[1]; ++row) {
          const T* cell = x + image + Offset(s, z, row, w.begin[2]) + k;
          for (int64_t c = w.begin[2]; c < w.end[2]; ++c, cell += s.channels) {
            V value;
            R::Load(cell, &value);
            best = value > best ? value : best;
          }
        }
      }
      std::memcpy(y + at + k, &best, sizeof(best));
    });
  });
}

template <typename T, typename Index>
void MaxPoolArgmax(const PoolShape& s, bool from_first_image, const T* x, T* y, Index* argmax) {
  ForEachWindow(s, [&](const Window& w, int64_t image, int64_t at) {
    const int64_t base = from_first_image ? image : 0;
    ForEachBlock(s, [&](int64_t first, int64_t count) {
      T best[kBlock];
      Place<T> place[kBlock];
      FindMaxima(s, x + image, w, first, count, best, place);
      const int64_t width = w.end[2] - w.begin[2], rows = w.end[1] - w.begin[1];
      for (int64_t k = 0; k < count; ++k) {
        const int64_t cell = place[k];
        const int64_t i = w.begin[0] + cell / (width * rows);
        const int64_t j = w.begin[1] + cell / width % rows;
        const int64_t pixel = (i * s.input[1] + j) * s.input[2] + w.begin[2] + cell % width;
        y[at + first + k] = best[k];
        argmax[at + first + k] = static_cast<Index>(base + pixel * s.channels + first + k);
      }
    });
  });
}

template <typename T>
void MaxPoolGradient(const PoolShape& s, const T* x, const T* dy, T* dx) {
  if (Tiles2x2(s)) return MaxPoolGradientTiles(s, x, dy, dx);
  ForEachWindowCleared(s, dx, [&](const Window& w, int64_t image, int64_t at) {
    AddToMaxima(s, w, x + image, dy + at, dx + image);
  });
}

template <typename T>
void MaxPoolGradientToAll(const PoolShape& s, const T* x, const T* y, const T* dy, T* dx) {
  ForEachWindowCleared(s, dx, [&](const Window& w, int64_t image, int64_t at) {
    const T *const g = dy + at, *const maximum = y + at;
    ForEachCell(s, w, [&](int64_t offset) {
      const T* const in = x + image + offset;
      T* const to = dx + image + offset;
#pragma GCC ivdep
      for (int64_t c = 0; c < s.channels; ++c) {
        to[c] += std::abs(in[c] - maximum[c]) < T(1e-5) ? g[c] : T(0);
      }
    });
  });
}

template <typename T>
void MaxPoolGradGradient(const PoolShape& s, const T* x, const T* y, const T* grads, T* out) {
  ForEachWindow(s, [&](const Window& w, int64_t image, int64_t at) {
    ForEachBlock(s, [&](int64_t first, int64_t count) {
      const T* const maximum = y + at + first;
      T* const to = out + at + first;
      Place<T> found[kBlock] = {};
      std::fill_n(to, count, T(0));
      ForEachCell(s, w, [&](int64_t offset) {
        const T *const in = x + image + offset + first, *const from =
                                                            grads + image + offset + first;
#pragma GCC ivdep
        for (int64_t k = 0; k < count; ++k) {
          const T value = from[k], kept = to[k];
          const Place<T> before = found[k], here = in[k] == maximum[k] ? 1 : 0;
          to[k] = before < here ? value : kept;
          found[k] = before | here;
        }
      });
    });
  });
}

#define SLUICE_INSTANTIATE(T)                                                              \
  template void MaxPool<T>(const PoolShape&, T, const T*, T*);                             \
  template void MaxPoolArgmax<T, int32_t>(const PoolShape&, bool, const T*, T*, int32_t*); \
  template void MaxPoolArgmax<T, int64_t>(const PoolShape&, bool, const T*, T*, int64_t*); \
  template void MaxPoolGradient<T>(const PoolShape&, const T*, const T*, T*);              \
  template void MaxPoolGradGradient<T>(const PoolShape&, const T*, const T*, const T*, T*);
SLUICE_INSTANTIATE(float)
SLUICE_INSTANTIATE(double)
SLUICE_INSTANTIATE(int8_t)
SLUICE_INSTANTIATE(int16_t)
SLUICE_INSTANTIATE(int32_t)
SLUICE_INSTANTIATE(int64_t)
SLUICE_INSTANTIATE(uint8_t)
SLUICE_INSTANTIATE(uint16_t)
#undef SLUICE_INSTANTIATE
template void MaxPoolGradientToAll<float>(const PoolShape&, const float*, const float*,
                                          const float*, float*);
template void MaxPoolGradientToAll<double>(const PoolShape&, const double*, const double*,
                                           const double*, double*);

}  // namespace sluice::kernels
