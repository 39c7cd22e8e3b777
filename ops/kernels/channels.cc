#include "ops/kernels/channels.h"

#include <algorithm>
#include <complex>
#include <type_traits>

#include "core/threads.h"

namespace sluice::kernels {
namespace {

// Signed integers wrap instead of overflowing.
template <typename T>
T Add(T a, T b) {
  if constexpr (std::is_integral_v<T>) {
    using U = std::make_unsigned_t<T>;
    return static_cast<T>(static_cast<U>(static_cast<U>(a) + static_cast<U>(b)));
  } else {
    return a + b;
  }
}

// Rows of one block of a sum, and how many blocks: enough for many threads, few enough to be cheap.
struct Blocks {
  int64_t count, rows;
};
Blocks BlocksOf(const ChannelShape& s) {
  constexpr int64_t kMinElements = 16384, kMaxBlocks = 64;
  const int64_t count = std::clamp<int64_t>(s.outer * s.channels / kMinElements, 1, kMaxBlocks);
  return {count, (s.outer + count - 1) / count};
}

// Narrow rows are summed several at a time, as one row of up to this many elements.
constexpr int64_t kWide = 64;

// sum[k] += the elements k, k + width, k + 2*width, ... of x[0, rows * width).
template <typename T>
void AddRows(const T* x, int64_t rows, int64_t width, T* __restrict sum) {
  int64_t r = 0;
  for (; r + 4 <= rows; r += 4, x += 4 * width) {
    const T *a = x, *b = x + width, *c = x + 2 * width, *d = x + 3 * width;
    for (int64_t k = 0; k < width; ++k) sum[k] = Add(sum[k], Add(Add(a[k], b[k]), Add(c[k], d[k])));
  }
  for (; r < rows; ++r, x += width) {
    for (int64_t k = 0; k < width; ++k) sum[k] = Add(sum[k], x[k]);
  }
}

// sum[c] = the sum of column c of x[rows, channels].
template <typename T>
void SumColumns(const T* x, int64_t rows, int64_t channels, T* sum) {
  std::fill_n(sum, channels, T(0));
  if (channels * 2 > kWide) return AddRows(x, rows, channels, sum);
  T wide[kWide] = {};
  const int64_t together = kWide / channels, width = together * channels;
  AddRows(x, rows / together, width, wide);
  AddRows(wide, together, channels, sum);
  AddRows(x + rows / together * width, rows % together, channels, sum);
}

template <typename T>
T SumContiguous(const T* x, int64_t n) {
  T lanes[kWide] = {};
  AddRows(x, n / kWide, kWide, lanes);
  for (int64_t i = n / kWide * kWide; i < n; ++i) lanes[0] = Add(lanes[0], x[i]);
  T sum(0);
  for (const T& lane : lanes) sum = Add(sum, lane);
  return sum;
}

}  // namespace

template <typename T>
void AddPerChannel(const ChannelShape& s, const T* x, const T* bias, T* y) {
  if (s.inner == 1) {
    // Short rows cost more per element than long ones.
    const double cost = 2.0 + 0.15 * static_cast<double>(s.channels);
    ParallelFor(s.outer, GrainFor(cost), [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        const T* const from = x + i * s.channels;
        T* const to = y + i * s.channels;
#pragma GCC ivdep
        for (int64_t c = 0; c < s.channels; ++c) to[c] = Add(from[c], bias[c]);
      }
    });
    return;
  }
  const double cost = 2.0 + 0.15 * static_cast<double>(s.inner);
  ParallelFor(s.outer * s.channels, GrainFor(cost), [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const T b = bias[i % s.channels];
      const T* const from = x + i * s.inner;
      T* const to = y + i * s.inner;
#pragma GCC ivdep
      for (int64_t j = 0; j < s.inner; ++j) to[j] = Add(from[j], b);
    }
  });
}

int64_t SumScratch(const ChannelShape& s) {
  return s.inner == 1 ? BlocksOf(s).count * s.channels : 0;
}

template <typename T>
void SumPerChannel(const ChannelShape& s, const T* x, T* sum, T* partial) {
  if (s.elements() == 0) {
    std::fill_n(sum, s.channels, T(0));
    return;
  }
  if (s.inner == 1) {
    const Blocks blocks = BlocksOf(s);
    ParallelFor(blocks.count, 1, [&](int64_t begin, int64_t end) {
      for (int64_t b = begin; b < end; ++b) {
        const int64_t first = std::min(b * blocks.rows, s.outer);
        const int64_t rows = std::min(blocks.rows, s.outer - first);
        SumColumns(x + first * s.channels, rows, s.channels, partial + b * s.channels);
      }
    });
    SumColumns(partial, blocks.count, s.channels, sum);
    return;
  }
  const double cost = 0.1 * static_cast<double>(s.outer * s.inner);
  ParallelFor(s.channels, GrainFor(cost), [&](int64_t begin, int64_t end) {
    for (int64_t c = begin; c < end; ++c) {
      T total(0);
      for (int64_t i = 0; i < s.outer; ++i) {
        total = Add(total, SumContiguous(x + (i * s.channels + c) * s.inner, s.inner));
      }
      sum[c] = total;
    }
  });
}

#define SLUICE_INSTANTIATE(T)                                                  \
  template void AddPerChannel<T>(const ChannelShape&, const T*, const T*, T*); \
  template void SumPerChannel<T>(const ChannelShape&, const T*, T*, T*);
SLUICE_INSTANTIATE(float)
SLUICE_INSTANTIATE(double)
SLUICE_INSTANTIATE(int8_t)
SLUICE_INSTANTIATE(int16_t)
SLUICE_INSTANTIATE(int32_t)
SLUICE_INSTANTIATE(int64_t)
SLUICE_INSTANTIATE(uint8_t)
SLUICE_INSTANTIATE(uint16_t)
SLUICE_INSTANTIATE(uint32_t)
SLUICE_INSTANTIATE(uint64_t)
SLUICE_INSTANTIATE(std::complex<float>)
SLUICE_INSTANTIATE(std::complex<double>)
#undef SLUICE_INSTANTIATE

}  // namespace sluice::kernels
