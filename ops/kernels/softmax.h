// Softmax and cross-entropy of the rows of a matrix.
#ifndef SLUICE_OPS_KERNELS_SOFTMAX_H_
#define SLUICE_OPS_KERNELS_SOFTMAX_H_

#include <cstdint>

namespace sluice::kernels {

// Row i of x and y: n elements from x + i * n. x and y are equal or do not overlap. The largest
// element of a row is subtracted first, so nothing overflows. T: float, double.
//   y = exp(x) / sum exp(x)
template <typename T>
void SoftmaxRows(const T* x, T* y, int64_t rows, int64_t n);
//   y = x - log(sum exp(x))
template <typename T>
void LogSoftmaxRows(const T* x, T* y, int64_t rows, int64_t n);

// A matrix whose rows or columns may stand for many: element (i, j) at data[i * row_step + j *
// column_step].
template <typename T>
struct Broadcast2D {
  const T* data;
  int64_t row_step, column_step;
};

// loss[i] = -sum_j labels(i, j) log softmax(logits(i))_j; backprop(i, j) = softmax(logits(i))_j -
// labels(i, j). Terms with label 0 are 0.
template <typename T>
void CrossEntropyRows(const Broadcast2D<T>& logits, const Broadcast2D<T>& labels, T* loss,
                      T* backprop, int64_t rows, int64_t n);
// The same for one class per row. REQUIRES: 0 <= labels[i] < n.
template <typename T, typename Label>
void SparseCrossEntropyRows(const T* logits, const Label* labels, T* loss, T* backprop,
                            int64_t rows, int64_t n);

}  // namespace sluice::kernels

#endif  // SLUICE_OPS_KERNELS_SOFTMAX_H_
