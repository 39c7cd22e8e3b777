#include "ops/kernels/batch_norm.h"

#include <algorithm>
#include <cmath>

#include "core/threads.h"

namespace sluice::kernels {
namespace {

// Narrow rows are treated several at a time, as one row of up to this many elements.
constexpr int64_t kWide = 64;
constexpr int64_t kMaxVectors = 4;  // per-channel vectors that one loop uses

// Per-channel vectors, repeated to the width of a wide row; the vectors themselves where rows are
// wide already.
template <typename T>
class Repeated {
 public:
  Repeated(int64_t channels, std::initializer_list<const T*> vectors)
      : together_(channels * 2 > kWide ? 1 : kWide / channels), width_(together_ * channels) {
    int i = 0;
    for (const T* v : vectors) {
      vectors_[i] = v;
      if (together_ > 1) {
        for (int64_t k = 0; k < width_; ++k) storage_[i][k] = v[k % channels];
        vectors_[i] = storage_[i];
      }
      ++i;
    }
  }
  int64_t together() const { return together_; }  // rows in a wide row
  int64_t width() const { return width_; }        // elements of it
  const T* operator[](int i) const { return vectors_[i]; }

 private:
  int64_t together_, width_;
  const T* vectors_[kMaxVectors];
  T storage_[kMaxVectors][kWide];
};

// sum[k] += value(i, k) for i = first + k, first + width + k, ... over `rows` rows.
template <typename T, typename V>
void AddRows(int64_t first, int64_t rows, int64_t width, const V& value, T* __restrict sum) {
  int64_t r = 0, i = first;
  for (; r + 4 <= rows; r += 4, i += 4 * width) {
#pragma GCC ivdep
    for (int64_t k = 0; k < width; ++k) {
      sum[k] += (value(i + k, k) + value(i + width + k, k)) +
                (value(i + 2 * width + k, k) + value(i + 3 * width + k, k));
    }
  }
  for (; r < rows; ++r, i += width) {
#pragma GCC ivdep
    for (int64_t k = 0; k < width; ++k) sum[k] += value(i + k, k);
  }
}

// sum[c] = the sum of value(i, c) over column c of rows [first, first + rows) of [.., channels].
template <typename T, typename V>
void SumColumns(int64_t first, int64_t rows, int64_t channels, int64_t together, const V& value,
                T* sum) {
  std::fill_n(sum, channels, T(0));
  if (together == 1) return AddRows(first * channels, rows, channels, value, sum);
  T wide[kWide] = {};
  const int64_t width = together * channels, whole = rows / together;
  AddRows(first * channels, whole, width, value, wide);
  AddRows((first + whole * together) * channels, rows % together, channels, value, sum);
  for (int64_t t = 0; t < together; ++t) {
    for (int64_t c = 0; c < channels; ++c) sum[c] += wide[t * channels + c];
  }
}

// Sum of value(i) over [first, first + n).
template <typename T, typename V>
T SumRange(int64_t first, int64_t n, const V& value) {
  T lanes[kWide] = {};
  AddRows(
      first, n / kWide, kWide, [&](int64_t i, int64_t) { return value(i); }, lanes);
  for (int64_t i = first + n / kWide * kWide; i < first + n; ++i) lanes[0] += value(i);
  T sum = 0;
  for (const T lane : lanes) sum += lane;
  return sum;
}

// Rows are cut into blocks that stay in the cache while they are read twice.
struct Blocks {
  int64_t count, rows;
};
Blocks BlocksOf(const ChannelShape& s) {
  constexpr int64_t kElements = 32768;
  const int64_t rows = std::clamp<int64_t>(kElements / std::max<int64_t>(s.channels, 1), 1,
                                           std::max<int64_t>(s.outer, 1));
  return {(s.outer + rows - 1) / rows, rows};
}

// f(block, first row, rows) for all blocks.
template <typename F>
void ForEachBlock(const ChannelShape& s, F f) {
  const Blocks blocks = BlocksOf(s);
  ParallelFor(blocks.count, 1, [&](int64_t begin, int64_t end) {
    for (int64_t b = begin; b < end; ++b) {
      f(b, b * blocks.rows, std::min(blocks.rows, s.outer - b * blocks.rows));
    }
  });
}

template <typename F>
void ForEachChannel(const ChannelShape& s, F f) {
  const double cost = 1.0 * static_cast<double>(s.outer * s.inner);
  ParallelFor(s.channels, GrainFor(cost), [&](int64_t begin, int64_t end) {
    for (int64_t c = begin; c < end; ++c) f(c);
  });
}

// out[i] = f(i, k, vectors) for all elements; vectors[v][k] is the value of the v-th vector for
// element i's channel.
template <typename T, typename F>
void Transform(const ChannelShape& s, std::initializer_list<const T*> vectors, T* out, const F& f) {
  const double cost_per_element = 0.3;
  if (s.inner > 1) {
    ParallelFor(s.outer * s.channels, GrainFor(cost_per_element * static_cast<double>(s.inner)),
                [&](int64_t begin, int64_t end) {
                  for (int64_t p = begin; p < end; ++p) {
                    const int64_t c = p % s.channels;
                    const T* at[kMaxVectors];
                    int v = 0;
                    for (const T* vector : vectors) at[v++] = vector + c;
#pragma GCC ivdep
                    for (int64_t i = p * s.inner; i < (p + 1) * s.inner; ++i) out[i] = f(i, 0, at);
                  }
                });
    return;
  }
  const Repeated<T> repeated(s.channels, vectors);
  const int64_t width = repeated.width(), elements = s.outer * s.channels;
  ParallelFor((elements + width - 1) / width,
              GrainFor(cost_per_element * static_cast<double>(width)),
              [&](int64_t begin, int64_t end) {
                for (int64_t r = begin; r < end; ++r) {
                  const int64_t i = r * width, n = std::min(width, elements - i);
#pragma GCC ivdep
                  for (int64_t k = 0; k < n; ++k) out[i + k] = f(i + k, k, repeated);
                }
              });
}

template <typename T>
void MomentsByChannel(const ChannelShape& s, const T* x, T* mean, T* variance) {
  ForEachChannel(s, [&](int64_t c) {
    const double count = static_cast<double>(s.outer * s.inner);
    double sum = 0, squares = 0;
    for (int64_t n = 0; n < s.outer; ++n) {
      sum += SumRange<T>((n * s.channels + c) * s.inner, s.inner, [x](int64_t i) { return x[i]; });
    }
    const T m = mean[c] = static_cast<T>(sum / count);
    for (int64_t n = 0; n < s.outer; ++n) {
      squares += SumRange<T>((n * s.channels + c) * s.inner, s.inner,
                             [x, m](int64_t i) { return (x[i] - m) * (x[i] - m); });
    }
    variance[c] = static_cast<T>(squares / count);
  });
}

// Sums and squared distances of block b: vectors of `channels` at 2b and 2b + 1 in `partial`.
template <typename T>
void MomentsOfBlocks(const ChannelShape& s, const T* x, T* partial) {
  ForEachBlock(s, [&](int64_t b, int64_t first, int64_t rows) {
    T* const sum = partial + 2 * b * s.channels;
    T* const squares = sum + s.channels;
    const int64_t together = Repeated<T>(s.channels, {}).together();
    SumColumns(
        first, rows, s.channels, together, [x](int64_t i, int64_t) { return x[i]; }, sum);
    for (int64_t c = 0; c < s.channels; ++c) squares[c] = sum[c] / static_cast<T>(rows);
    const Repeated<T> means(s.channels, {squares});
    const T* const m = together == 1 ? sum : means[0];
    const T inverse = together == 1 ? T(1) / static_cast<T>(rows) : T(1);
    SumColumns(
        first, rows, s.channels, together,
        [x, m, inverse](int64_t i, int64_t k) {
          const T d = x[i] - m[k] * inverse;
          return d * d;
        },
        squares);
  });
}

// Chan, Golub, LeVeque: "Updating formulae and a pairwise algorithm for computing sample
// variances", 1979.
template <typename T>
void CombineMoments(const ChannelShape& s, const T* partial, T* mean, T* variance) {
  const Blocks blocks = BlocksOf(s);
  for (int64_t c = 0; c < s.channels; ++c) {
    double count = 0, average = 0, squares = 0;
    for (int64_t b = 0; b < blocks.count; ++b) {
      const T* const sum = partial + 2 * b * s.channels + c;
      const auto rows = static_cast<double>(std::min(blocks.rows, s.outer - b * blocks.rows));
      const double delta = static_cast<double>(sum[0]) / rows - average;
      const double total = count + rows;
      average += delta * rows / total;
      squares += static_cast<double>(sum[s.channels]) + delta * delta * count * rows / total;
      count = total;
    }
    mean[c] = static_cast<T>(average);
    variance[c] = static_cast<T>(squares / count);
  }
}

// doffset[c] = sum dy, dscale[c] = sum dy * (x - mean): not yet divided by the deviation.
template <typename T>
void GradientSums(const ChannelShape& s, const T* dy, const T* x, const T* mean, T* dscale,
                  T* doffset, T* partial) {
  if (s.inner > 1) {
    ForEachChannel(s, [&](int64_t c) {
      double sum = 0, product = 0;
      const T m = mean[c];
      for (int64_t n = 0; n < s.outer; ++n) {
        const int64_t first = (n * s.channels + c) * s.inner;
        sum += SumRange<T>(first, s.inner, [dy](int64_t i) { return dy[i]; });
        product +=
            SumRange<T>(first, s.inner, [dy, x, m](int64_t i) { return dy[i] * (x[i] - m); });
      }
      doffset[c] = static_cast<T>(sum);
      dscale[c] = static_cast<T>(product);
    });
    return;
  }
  const Repeated<T> means(s.channels, {mean});
  const T* const m = means[0];
  ForEachBlock(s, [&](int64_t b, int64_t first, int64_t rows) {
    T* const sum = partial + 2 * b * s.channels;
    SumColumns(
        first, rows, s.channels, means.together(), [dy](int64_t i, int64_t) { return dy[i]; }, sum);
    SumColumns(
        first, rows, s.channels, means.together(),
        [dy, x, m](int64_t i, int64_t k) { return dy[i] * (x[i] - m[k]); }, sum + s.channels);
  });
  for (int64_t c = 0; c < s.channels; ++c) {
    double sum = 0, product = 0;
    for (int64_t b = 0; b < BlocksOf(s).count; ++b) {
      sum += static_cast<double>(partial[2 * b * s.channels + c]);
      product += static_cast<double>(partial[(2 * b + 1) * s.channels + c]);
    }
    doffset[c] = static_cast<T>(sum);
    dscale[c] = static_cast<T>(product);
  }
}

}  // namespace

int64_t BatchNormScratch(const ChannelShape& s) {
  constexpr int64_t kVectors = 3;
  return std::max(2 * BlocksOf(s).count, kVectors) * s.channels;
}

template <typename T>
void BatchMoments(const ChannelShape& s, const T* x, T* mean, T* variance, T* scratch) {
  if (s.inner > 1) return MomentsByChannel(s, x, mean, variance);
  MomentsOfBlocks(s, x, scratch);
  CombineMoments(s, scratch, mean, variance);
}

template <typename T>
void BatchNormalize(const ChannelShape& s, const T* x, const T* mean, const T* variance,
                    const T* scale, const T* offset, T epsilon, T* y, T* scratch) {
  if (s.elements() == 0) return;
  T* const factor = scratch;
  for (int64_t c = 0; c < s.channels; ++c) factor[c] = scale[c] / std::sqrt(variance[c] + epsilon);
  Transform(s, {mean, factor, offset}, y, [x](int64_t i, int64_t k, const auto& v) {
    return (x[i] - v[0][k]) * v[1][k] + v[2][k];
  });
}

template <typename T>
void BatchNormGradient(const ChannelShape& s, bool batch_statistics, const T* dy, const T* x,
                       const T* mean, const T* variance, const T* scale, T epsilon, T* dx,
                       T* dscale, T* doffset, T* scratch) {
  if (s.elements() == 0) {
    std::fill_n(dscale, s.channels, T(0));
    std::fill_n(doffset, s.channels, T(0));
    return;
  }
  GradientSums(s, dy, x, mean, dscale, doffset, scratch);
  T* const factor = scratch;
  T* const shift = scratch + s.channels;
  T* const slope = scratch + 2 * s.channels;
  const T count = static_cast<T>(s.outer * s.inner);
  for (int64_t c = 0; c < s.channels; ++c) {
    const T inverse = T(1) / std::sqrt(variance[c] + epsilon);
    factor[c] = scale[c] * inverse;
    shift[c] = doffset[c] / count;
    slope[c] = dscale[c] * inverse * inverse / count;
    dscale[c] *= inverse;
  }
  if (batch_statistics) {
    Transform(s, {factor, shift, slope, mean}, dx, [dy, x](int64_t i, int64_t k, const auto& v) {
      return v[0][k] * (dy[i] - v[1][k] - (x[i] - v[3][k]) * v[2][k]);
    });
  } else {
    Transform(s, {factor}, dx,
              [dy](int64_t i, int64_t k, const auto& v) { return v[0][k] * dy[i]; });
  }
}

#define SLUICE_INSTANTIATE(T)                                                                  \
  template void BatchMoments<T>(const ChannelShape&, const T*, T*, T*, T*);                    \
  template void BatchNormalize<T>(const ChannelShape&, const T*, const T*, const T*, const T*, \
                                  const T*, T, T*, T*);                                        \
  template void BatchNormGradient<T>(const ChannelShape&, bool, const T*, const T*, const T*,  \
                                     const T*, const T*, T, T*, T*, T*, T*);
SLUICE_INSTANTIATE(float)
SLUICE_INSTANTIATE(double)
#undef SLUICE_INSTANTIATE

}  // namespace sluice::kernels
