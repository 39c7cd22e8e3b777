#include "ops/kernels/softmax.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "Eigen/Core"
#include "core/threads.h"

namespace sluice::kernels {
namespace {

template <typename T>
using Row = Eigen::Map<Eigen::Array<T, Eigen::Dynamic, 1>>;
template <typename T>
using ConstRow = Eigen::Map<const Eigen::Array<T, Eigen::Dynamic, 1>>;

// A row costs about a nanosecond per element.
template <typename Body>
void ForRows(int64_t rows, int64_t n, Body body) {
  ParallelFor(rows, GrainFor(static_cast<double>(n) + 5), [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) body(i);
  });
}

// y = exp(x - max x); returns the sum of y and the maximum.
template <typename T>
std::pair<T, T> ShiftedExp(const T* x, T* y, int64_t n) {
  const ConstRow<T> in(x, n);
  Row<T> out(y, n);
  const T highest = in.maxCoeff();
  out = (in - highest).exp();
  return {out.sum(), highest};
}

// Short rows are treated many at a time, so that exponentials are taken of long vectors.
constexpr int64_t kShort = 64;  // elements of a row
constexpr int64_t kTile = 2048;

// body(first row, rows) for tiles of rows of n <= kShort elements.
template <typename Body>
void ForTiles(int64_t rows, int64_t n, Body body) {
  const int64_t tile = kTile / n, tiles = (rows + tile - 1) / tile;
  ParallelFor(tiles, GrainFor(1.0 * kTile), [&](int64_t begin, int64_t end) {
    for (int64_t t = begin; t < end; ++t) body(t * tile, std::min(tile, rows - t * tile));
  });
}

// y = x - max x, row by row. NaN and infinity give what ShiftedExp has under its exp.
template <typename T>
void ShiftRows(const T* x, T* y, int64_t rows, int64_t n) {
  for (int64_t i = 0; i < rows; ++i, x += n, y += n) {
    T highest = x[0];
    for (int64_t j = 1; j < n; ++j) highest = x[j] > highest ? x[j] : highest;
    for (int64_t j = 0; j < n; ++j) y[j] = x[j] - highest;
  }
}

template <typename T>
T SumOf(const T* x, int64_t n) {
  T sum = 0;
  for (int64_t j = 0; j < n; ++j) sum += x[j];
  return sum;
}

template <typename T>
void SoftmaxTile(const T* x, T* y, int64_t rows, int64_t n) {
  ShiftRows(x, y, rows, n);
  Row<T> all(y, rows * n);
  all = all.exp();
  for (int64_t i = 0; i < rows; ++i, y += n) {
    const T scale = T(1) / SumOf(y, n);
    for (int64_t j = 0; j < n; ++j) y[j] *= scale;
  }
}

template <typename T>
void LogSoftmaxTile(const T* x, T* y, int64_t rows, int64_t n) {
  ShiftRows(x, y, rows, n);
  T powers[kTile];
  Row<T>(powers, rows * n) = Row<T>(y, rows * n).exp();
  for (int64_t i = 0; i < rows; ++i, y += n) {
    const T log_sum = std::log(SumOf(powers + i * n, n));
    for (int64_t j = 0; j < n; ++j) y[j] -= log_sum;
  }
}

}  // namespace

template <typename T>
void SoftmaxRows(const T* x, T* y, int64_t rows, int64_t n) {
  if (n == 0) return;
  if (n <= kShort) {
    return ForTiles(rows, n, [=](int64_t first, int64_t count) {
      SoftmaxTile(x + first * n, y + first * n, count, n);
    });
  }
  ForRows(rows, n, [=](int64_t i) {
    const T sum = ShiftedExp(x + i * n, y + i * n, n).first;
    Row<T>(y + i * n, n) *= T(1) / sum;
  });
}

template <typename T>
void LogSoftmaxRows(const T* x, T* y, int64_t rows, int64_t n) {
  if (n == 0) return;
  if (n <= kShort) {
    return ForTiles(rows, n, [=](int64_t first, int64_t count) {
      LogSoftmaxTile(x + first * n, y + first * n, count, n);
    });
  }
  ForRows(rows, n, [=](int64_t i) {
    const ConstRow<T> in(x + i * n, n);
    const T highest = in.maxCoeff();
    const T log_sum = std::log((in - highest).exp().sum());
    Row<T>(y + i * n, n) = (in - highest) - log_sum;  // in this order: both may be large and near
  });
}

template <typename T>
void CrossEntropyRows(const Broadcast2D<T>& logits, const Broadcast2D<T>& labels, T* loss,
                      T* backprop, int64_t rows, int64_t n) {
  ForRows(rows, 4 * n, [=](int64_t i) {
    T* out = backprop + i * n;
    const T* x = logits.data + i * logits.row_step;
    const T* label = labels.data + i * labels.row_step;
    for (int64_t j = 0; j < n; ++j) out[j] = x[j * logits.column_step];
    const T highest = ConstRow<T>(out, n).maxCoeff();
    T weighted = 0, label_sum = 0;
    for (int64_t j = 0; j < n; ++j) {
      const T l = label[j * labels.column_step];
      if (l != 0) weighted += l * (out[j] - highest);
      label_sum += l;
    }
    const T sum = ShiftedExp(out, out, n).first;
    loss[i] = label_sum * std::log(sum) - weighted;
    const T scale = T(1) / sum;
    for (int64_t j = 0; j < n; ++j) out[j] = out[j] * scale - label[j * labels.column_step];
  });
}

template <typename T, typename Label>
void SparseCrossEntropyRows(const T* logits, const Label* labels, T* loss, T* backprop,
                            int64_t rows, int64_t n) {
  ForRows(rows, n, [=](int64_t i) {
    const T* x = logits + i * n;
    T* out = backprop + i * n;
    const T own = x[labels[i]];
    const auto [sum, highest] = ShiftedExp(x, out, n);
    loss[i] = std::log(sum) - (own - highest);
    Row<T>(out, n) *= T(1) / sum;
    out[labels[i]] -= T(1);
  });
}

template void SoftmaxRows(const float*, float*, int64_t, int64_t);
template void SoftmaxRows(const double*, double*, int64_t, int64_t);
template void LogSoftmaxRows(const float*, float*, int64_t, int64_t);
template void LogSoftmaxRows(const double*, double*, int64_t, int64_t);
template void CrossEntropyRows(const Broadcast2D<float>&, const Broadcast2D<float>&, float*, float*,
                               int64_t, int64_t);
template void CrossEntropyRows(const Broadcast2D<double>&, const Broadcast2D<double>&, double*,
                               double*, int64_t, int64_t);
template void SparseCrossEntropyRows(const float*, const int32_t*, float*, float*, int64_t,
                                     int64_t);
template void SparseCrossEntropyRows(const float*, const int64_t*, float*, float*, int64_t,
                                     int64_t);
template void SparseCrossEntropyRows(const double*, const int32_t*, double*, double*, int64_t,
                                     int64_t);
template void SparseCrossEntropyRows(const double*, const int64_t*, double*, double*, int64_t,
                                     int64_t);

}  // namespace sluice::kernels
