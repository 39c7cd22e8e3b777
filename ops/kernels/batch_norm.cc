#include "ops/kernels/batch_norm.h"

#include <algorithm>
#include <cmath>

#include "ops/kernels/batch_norm_activation.h"
#include "ops/kernels/batch_norm_loops.h"

namespace sluice::kernels {
namespace {

// Sums over all x - guess and their squares, where the guess is near the mean: then the variance is
// a difference of two sums of which the first is not much greater.

template <typename T>
T SquaredDistances(T sum, T squares, T count) {
  const T distances = squares - sum * sum / count;
  return distances < 0 ? T(0) : distances;
}

template <typename T>
void MomentsByChannel(const ChannelShape& s, const T* x, T* mean, T* variance) {
  ForEachChannel(s, [&](int64_t c) {
    const double count = static_cast<double>(s.outer * s.inner);
    double sum = 0, squares = 0;
    const auto channel = [&](int64_t n) { return (n * s.channels + c) * s.inner; };
    for (int64_t n = 0; n < s.outer; ++n) {
      double unused = 0;
      SumRange<T>(
          channel(n), s.inner, [x](int64_t i, int64_t, T& a, T&) { a += x[i]; }, &sum, &unused);
    }
    const T m = mean[c] = static_cast<T>(sum / count);
    double rest = 0;
    for (int64_t n = 0; n < s.outer; ++n) {
      SumRange<T>(
          channel(n), s.inner,
          [x, m](int64_t i, int64_t, T& a, T& b) {
            const T d = x[i] - m;
            a += d;
            b += d * d;
          },
          &rest, &squares);
    }
    variance[c] = static_cast<T>(SquaredDistances(rest, squares, count) / count);
  });
}

// Means and sums of squared distances of block b: vectors of `channels` at 2b and 2b + 1 in
// `partial`. One pass: distances are taken from the mean of the block's first rows. As these are a
// sixteenth of the block, the sum of squares is at most about 16 times what is left of it when the
// square of the sum is subtracted, however the values lie.
template <typename T>
void MomentsOfBlocks(const ChannelShape& s, const T* x, T* partial) {
  constexpr int64_t kPart = 16;
  const Ahead<T> ahead = {x};
  ForEachBlock(s, [&](int64_t b, int64_t first, int64_t rows) {
    T* const sum = partial + 2 * b * s.channels;
    T* const squares = sum + s.channels;
    const int64_t together = Repeated<T>(s.channels, {}).together();
    const int64_t few = (rows + kPart - 1) / kPart;
    SumColumns(
        first, few, s.channels, together, ahead, [x](int64_t i, int64_t, T& a, T&) { a += x[i]; },
        sum, squares);
    T* const guess = partial + 2 * RowBlocksOf(s).count * s.channels + b * s.channels;
    for (int64_t c = 0; c < s.channels; ++c) guess[c] = sum[c] / static_cast<T>(few);
    const Repeated<T> guesses(s.channels, {guess});
    const T* const near = guesses[0];
    SumColumns(
        first, rows, s.channels, together, ahead,
        [x, near](int64_t i, int64_t k, T& a, T& b) {
          const T d = x[i] - near[k];
          a += d;
          b += d * d;
        },
        sum, squares);
    const T count = static_cast<T>(rows);
    for (int64_t c = 0; c < s.channels; ++c) {
      squares[c] = SquaredDistances(sum[c], squares[c], count);
      sum[c] = guess[c] + sum[c] / count;
    }
  });
}

// Chan, Golub, LeVeque: "Updating formulae and a pairwise algorithm for computing sample
// variances", 1979: distances from the mean of all are those from the blocks' means, and those of
// the blocks' means.
template <typename T>
void CombineMoments(const ChannelShape& s, const T* partial, T* mean, T* variance) {
  const RowBlocks blocks = RowBlocksOf(s);
  const double total = static_cast<double>(s.outer);
  ForEachTile(s, [&](int64_t first, int64_t count) {
    double average[kTile] = {}, squares[kTile] = {};
    for (int64_t b = 0; b < blocks.count; ++b) {
      const T* const means = partial + 2 * b * s.channels + first;
      const auto rows = static_cast<double>(blocks.rows_of(b, s.outer));
      for (int64_t k = 0; k < count; ++k) average[k] += rows * static_cast<double>(means[k]);
    }
    for (int64_t k = 0; k < count; ++k) average[k] /= total;
    for (int64_t b = 0; b < blocks.count; ++b) {
      const T* const means = partial + 2 * b * s.channels + first;
      const T* const distances = means + s.channels;
      const auto rows = static_cast<double>(blocks.rows_of(b, s.outer));
      for (int64_t k = 0; k < count; ++k) {
        const double d = static_cast<double>(means[k]) - average[k];
        squares[k] += static_cast<double>(distances[k]) + rows * d * d;
      }
    }
    for (int64_t k = 0; k < count; ++k) {
      mean[first + k] = static_cast<T>(average[k]);
      variance[first + k] = static_cast<T>(squares[k] / total);
    }
  });
}

}  // namespace

int64_t BatchNormScratch(const ChannelShape& s) {
  constexpr int64_t kVectors = 3;
  return (3 * RowBlocksOf(s).count + kVectors) * s.channels;
}

template <typename T>
void BatchMoments(const ChannelShape& s, const T* x, T* mean, T* variance, T* scratch) {
  if (s.inner > 1) return MomentsByChannel(s, x, mean, variance);
  MomentsOfBlocks(s, x, scratch);
  CombineMoments(s, scratch, mean, variance);
}

template <typename T>
void BatchNormalize(const ChannelShape& s, const T* x, const T* mean, const T* variance,
                    const T* scale, const T* offset, T epsilon, T* y, T* scratch,
                    const BatchNormThen<T>& then) {
  if (s.elements() == 0) return;
  T* const factor = scratch;
  for (int64_t c = 0; c < s.channels; ++c) factor[c] = scale[c] / std::sqrt(variance[c] + epsilon);
  WithActivation(then.activation, [&](auto f) {
    if (const T* const side = then.side) {
      ForEachElement<T>(s, {mean, factor, offset},
                        [x, y, side, f](int64_t i, int64_t k, const auto& v) {
                          y[i] = f(Normalized(x[i], v[0][k], v[1][k], v[2][k]) + side[i]);
                        });
    } else {
      ForEachElement<T>(s, {mean, factor, offset}, [x, y, f](int64_t i, int64_t k, const auto& v) {
        y[i] = f(Normalized(x[i], v[0][k], v[1][k], v[2][k]));
      });
    }
  });
}

#define SLUICE_INSTANTIATE(T)                                                                  \
  template void BatchMoments<T>(const ChannelShape&, const T*, T*, T*, T*);                    \
  template void BatchNormalize<T>(const ChannelShape&, const T*, const T*, const T*, const T*, \
                                  const T*, T, T*, T*, const BatchNormThen<T>&);
SLUICE_INSTANTIATE(float)
SLUICE_INSTANTIATE(double)
#undef SLUICE_INSTANTIATE

}  // namespace sluice::kernels
