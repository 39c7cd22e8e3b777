// How batch normalization walks over a tensor [outer, channels, inner]: element by element with the
// vectors of its channel, and in pairs of sums per channel. For the .cc files of
// ops/kernels/batch_norm.h.
//
// Two layouts: inner == 1 (channels last), where rows of channels lie side by side, and inner > 1
// (channels first), where each channel is a run of `inner` elements. Memory is the limit: every
// loop here touches each element once, and holds per-channel vectors in the first-level cache.
#ifndef SLUICE_OPS_KERNELS_BATCH_NORM_LOOPS_H_
#define SLUICE_OPS_KERNELS_BATCH_NORM_LOOPS_H_

#include <algorithm>
#include <cstdint>
#include <initializer_list>

#include "core/threads.h"
#include "ops/kernels/channels.h"

namespace sluice::kernels {

// Narrow rows are treated several at a time, as one row of up to this many elements.
inline constexpr int64_t kWideRow = 64;
inline constexpr int kMaxVectors = 5;  // per-channel vectors that one loop uses
inline constexpr int kMaxArrays = 4;   // arrays that one loop reads

// Per-channel vectors, repeated to the width of a wide row; the vectors themselves where rows are
// wide already. [v][k] is the v-th vector's element for element k of a row.
template <typename T>
class Repeated {
 public:
  Repeated(int64_t channels, std::initializer_list<const T*> vectors)
      : together_(channels * 2 > kWideRow ? 1 : kWideRow / channels), width_(together_ * channels) {
    int i = 0;
    for (const T* v : vectors) {
      vectors_[i] = v;
      if (together_ > 1) {
        for (int64_t t = 0; t < together_; ++t)
          std::copy_n(v, channels, storage_[i] + t * channels);
        vectors_[i] = storage_[i];
      }
      ++i;
    }
  }
  Repeated(const Repeated&) = delete;
  Repeated& operator=(const Repeated&) = delete;
  int64_t together() const { return together_; }  // rows in a wide row
  int64_t width() const { return width_; }        // elements of it
  const T* operator[](int i) const { return vectors_[i]; }

 private:
  int64_t together_, width_;
  const T* vectors_[kMaxVectors] = {};
  T storage_[kMaxVectors][kWideRow];
};

// The vectors of one channel: [v][0].
template <typename T>
struct OfChannel {
  OfChannel(int64_t c, std::initializer_list<const T*> vectors) {
    int i = 0;
    for (const T* v : vectors) at[i++] = v + c;
  }
  const T* operator[](int i) const { return at[i]; }
  const T* at[kMaxVectors] = {};
};

// Rows are summed in blocks: the partial sums of a block are short enough to be exact in T to a few
// units in the last place, and the blocks are what threads share. A function of the shape alone.
struct RowBlocks {
  int64_t count, rows;
  int64_t rows_of(int64_t block, int64_t outer) const {
    return std::min(rows, outer - block * rows);
  }
};
inline RowBlocks RowBlocksOf(const ChannelShape& s) {
  constexpr int64_t kElements = 32768, kMinRows = 32, kEven = 8;
  const int64_t outer = std::max<int64_t>(s.outer, 1);
  const int64_t most = std::max(kElements / std::max<int64_t>(s.channels, 1), kMinRows);
  int64_t count = (outer + most - 1) / most;
  if (count > 1) count = (count + kEven - 1) / kEven * kEven;  // so that threads get as much each
  const int64_t rows = (outer + count - 1) / count;
  return {(outer + rows - 1) / rows, rows};
}

// The arrays that a loop over rows reads, to ask for cache lines before it does: rows of a group
// are read side by side, which processors do not foresee.
template <typename T>
class Ahead {
 public:
  static constexpr int64_t kLine = 64 / static_cast<int64_t>(sizeof(T));
  Ahead(std::initializer_list<const T*> arrays) {
    for (const T* array : arrays) arrays_[count_++] = array;
  }
  // The cache lines from element i on, `lines` of every array.
  void Fetch(int64_t i, int lines) const {
    for (int a = 0; a < count_; ++a) {
      for (int l = 0; l < lines; ++l) __builtin_prefetch(arrays_[a] + i + l * kLine);
    }
  }
  // How many elements ahead the next lines are wanted when groups of rows have so many; 0 where
  // the processor does as well alone: the group is short, or its rows are long.
  int64_t Distance(int64_t group) const {
    constexpr int64_t kShort = 16 * kLine, kFar = 64 * kLine, kLong = 128 * kLine;
    if (count_ == 0 || group <= kShort || group > kLong) return 0;
    return group >= kFar ? group : kFar / group * group;
  }

 private:
  const T* arrays_[kMaxArrays] = {};
  int count_ = 0;
};

// Work on elements [i, i + n) before they are added up.
struct NothingBefore {
  void operator()(int64_t /*i*/, int64_t /*n*/) const {}
};

// f(i, k, sum_a, sum_b) adds the terms of element i, k-th of its row, to two sums.
// a[k] += .., b[k] += .. for i = first + k, first + width + k, .. over `rows` rows.
template <typename T, typename F, typename B = NothingBefore>
void AddRows(int64_t first, int64_t rows, int64_t width, const Ahead<T>& ahead, const F& f,
             T* __restrict a, T* __restrict b, const B& before = {}) {
  constexpr int kRows = 4;
  constexpr int64_t kLine = Ahead<T>::kLine;
  const int64_t distance = ahead.Distance(kRows * width);
  const auto group = [&](int64_t i, int64_t begin, int64_t end) __attribute__((always_inline)) {
#pragma GCC ivdep
    for (int64_t k = begin; k < end; ++k) {
      T sum_a(0), sum_b(0);
      f(i + k, k, sum_a, sum_b);
      f(i + width + k, k, sum_a, sum_b);
      f(i + 2 * width + k, k, sum_a, sum_b);
      f(i + 3 * width + k, k, sum_a, sum_b);
      a[k] += sum_a;
      b[k] += sum_b;
    }
  };
  int64_t r = 0, i = first;
  for (; r + kRows <= rows; r += kRows, i += kRows * width) {
    before(i, kRows * width);
    int64_t k = 0;
    if (distance > 0) {
      for (; k + kLine <= width; k += kLine) {
        ahead.Fetch(i + distance + kRows * k, kRows);
        group(i, k, k + kLine);
      }
    }
    group(i, k, width);
  }
  for (; r < rows; ++r, i += width) {
    before(i, width);
#pragma GCC ivdep
    for (int64_t k = 0; k < width; ++k) f(i + k, k, a[k], b[k]);
  }
}

// The sums of columns of rows [first, first + rows) of [.., channels]; sums: `channels` of each.
template <typename T, typename F, typename B = NothingBefore>
void SumColumns(int64_t first, int64_t rows, int64_t channels, int64_t together,
                const Ahead<T>& ahead, const F& f, T* sum_a, T* sum_b, const B& before = {}) {
  std::fill_n(sum_a, channels, T(0));
  std::fill_n(sum_b, channels, T(0));
  if (together == 1)
    return AddRows(first * channels, rows, channels, ahead, f, sum_a, sum_b, before);
  T wide_a[kWideRow], wide_b[kWideRow];
  const int64_t width = together * channels, whole = rows / together;
  std::fill_n(wide_a, width, T(0));
  std::fill_n(wide_b, width, T(0));
  AddRows(first * channels, whole, width, ahead, f, wide_a, wide_b, before);
  AddRows((first + whole * together) * channels, 1, rows % together * channels, ahead, f, wide_a,
          wide_b, before);
  for (int64_t t = 0; t < together; ++t) {
    for (int64_t c = 0; c < channels; ++c) {
      sum_a[c] += wide_a[t * channels + c];
      sum_b[c] += wide_b[t * channels + c];
    }
  }
}

// The sums of f(i, 0, a, b) over [first, first + n) are added to *a and *b.
template <typename T, typename F, typename B = NothingBefore>
void SumRange(int64_t first, int64_t n, const F& f, double* a, double* b, const B& before = {}) {
  constexpr int64_t kLanes = 64;
  constexpr int64_t kPiece = 32768;  // as short as the sums of a block
  for (int64_t end = first + n; first < end; first += kPiece) {
    T lanes_a[kLanes] = {}, lanes_b[kLanes] = {};
    const auto lane = [&f](int64_t i, int64_t, T& x, T& y) { f(i, 0, x, y); };
    const int64_t size = std::min(kPiece, end - first), whole = size / kLanes;
    AddRows<T>(first, whole, kLanes, {}, lane, lanes_a, lanes_b, before);
    AddRows<T>(first + whole * kLanes, 1, size % kLanes, {}, lane, lanes_a, lanes_b, before);
    for (int64_t k = 0; k < kLanes; ++k) {
      *a += static_cast<double>(lanes_a[k]);
      *b += static_cast<double>(lanes_b[k]);
    }
  }
}

// f(block, first row, rows) for all blocks, in parallel.
template <typename F>
void ForEachBlock(const ChannelShape& s, const F& f) {
  const RowBlocks blocks = RowBlocksOf(s);
  ParallelFor(blocks.count, 1, [&](int64_t begin, int64_t end) {
    for (int64_t b = begin; b < end; ++b) f(b, b * blocks.rows, blocks.rows_of(b, s.outer));
  });
}

template <typename F>
void ForEachChannel(const ChannelShape& s, const F& f) {
  const double cost = 0.1 * static_cast<double>(s.outer * s.inner);
  ParallelFor(s.channels, GrainFor(cost), [&](int64_t begin, int64_t end) {
    for (int64_t c = begin; c < end; ++c) f(c);
  });
}

// The two sums of f(i, k, vectors, a, b) per channel, where vectors[v][k] is the v-th vector's
// value for element i; the arrays of `ahead` are those that f reads. `partial` has 2 * channels
// elements per block.
template <typename T, typename F, typename B = NothingBefore>
void SumsPerChannel(const ChannelShape& s, std::initializer_list<const T*> vectors,
                    const Ahead<T>& ahead, const F& f, T* partial, T* sum_a, T* sum_b,
                    const B& before = {}) {
  if (s.inner > 1) {
    return ForEachChannel(s, [&](int64_t c) {
      const OfChannel<T> v(c, vectors);
      double a = 0, b = 0;
      for (int64_t n = 0; n < s.outer; ++n) {
        SumRange<T>((n * s.channels + c) * s.inner, s.inner,
                    [&](int64_t i, int64_t k, T& x, T& y) { f(i, k, v, x, y); }, &a, &b, before);
      }
      sum_a[c] = static_cast<T>(a);
      sum_b[c] = static_cast<T>(b);
    });
  }
  const Repeated<T> v(s.channels, vectors);
  ForEachBlock(s, [&](int64_t block, int64_t first, int64_t rows) {
    T* const sums = partial + 2 * block * s.channels;
    SumColumns(
        first, rows, s.channels, v.together(), ahead,
        [&](int64_t i, int64_t k, T& x, T& y) { f(i, k, v, x, y); }, sums, sums + s.channels,
        before);
  });
  AddPartials(s, partial, sum_a, sum_b);
}

// Calls f(first, count) for tiles of at most kTile channels, in parallel where that pays.
inline constexpr int64_t kTile = 64;
template <typename F>
void ForEachTile(const ChannelShape& s, const F& f) {
  const double cost = 0.2 * static_cast<double>(2 * kTile * RowBlocksOf(s).count);
  ParallelFor((s.channels + kTile - 1) / kTile, GrainFor(cost), [&](int64_t begin, int64_t end) {
    for (int64_t t = begin; t < end; ++t) f(t * kTile, std::min(kTile, s.channels - t * kTile));
  });
}

// The sums over all blocks of the sums that `partial` holds for each.
template <typename T>
void AddPartials(const ChannelShape& s, const T* partial, T* sum_a, T* sum_b) {
  const int64_t blocks = RowBlocksOf(s).count;
  ForEachTile(s, [&](int64_t first, int64_t count) {
    double a[kTile] = {}, b[kTile] = {};
    for (int64_t block = 0; block < blocks; ++block) {
      const T* const pa = partial + 2 * block * s.channels + first;
      const T* const pb = pa + s.channels;
      for (int64_t k = 0; k < count; ++k) {
        a[k] += static_cast<double>(pa[k]);
        b[k] += static_cast<double>(pb[k]);
      }
    }
    for (int64_t k = 0; k < count; ++k) {
      sum_a[first + k] = static_cast<T>(a[k]);
      sum_b[first + k] = static_cast<T>(b[k]);
    }
  });
}

// f(i, k, vectors) for all elements.
template <typename T, typename F>
void ForEachElement(const ChannelShape& s, std::initializer_list<const T*> vectors, const F& f) {
  const double cost_per_element = 0.3;
  if (s.inner > 1) {
    ParallelFor(s.outer * s.channels, GrainFor(cost_per_element * static_cast<double>(s.inner)),
                [&](int64_t begin, int64_t end) {
                  for (int64_t p = begin; p < end; ++p) {
                    const OfChannel<T> v(p % s.channels, vectors);
                    const int64_t last = (p + 1) * s.inner;
#pragma GCC ivdep
                    for (int64_t i = p * s.inner; i < last; ++i) f(i, 0, v);
                  }
                });
    return;
  }
  const Repeated<T> v(s.channels, vectors);
  const int64_t width = v.width(), elements = s.outer * s.channels;
  ParallelFor((elements + width - 1) / width,
              GrainFor(cost_per_element * static_cast<double>(width)),
              [&](int64_t begin, int64_t end) {
                const int64_t last = std::min(end * width, elements);
                int64_t i = begin * width;
                for (; i < last; i += width) {
                  const int64_t n = std::min(width, last - i);
#pragma GCC ivdep
                  for (int64_t k = 0; k < n; ++k) f(i + k, k, v);
                }
              });
}

}  // namespace sluice::kernels

#endif  // SLUICE_OPS_KERNELS_BATCH_NORM_LOOPS_H_
