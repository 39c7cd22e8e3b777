// The inner loops of depthwise convolutions: lines of pixels, channels last, every channel by
// itself. On the calling thread; nothing is allocated. float and double.
#ifndef SLUICE_OPS_KERNELS_DEPTHWISE_LINES_H_
#define SLUICE_OPS_KERNELS_DEPTHWISE_LINES_H_

#include <cstdint>

namespace sluice::kernels {

// A line of pixels y[0], y[1], ... (`y_step` elements apart) and the image x that they look at
// through a window of rows x columns taps: pixel t sees, through tap (i, j), pixel
//   p = source + t * advance + j * source_step
// of x's row first_row + i * row_step; nothing where p is not in [0, width). All rows exist.
template <typename T>
struct DepthwiseLine {
  int64_t channels = 0, pixels = 0, y_step = 0;
  int64_t rows = 0, columns = 0;                 // taps
  int64_t tap = 0, tap_row = 0, tap_column = 0;  // tap (i, j) has number tap + i * tap_row + j *
                                                 //   tap_column among those of the filter
  const T* x = nullptr;
  int64_t width = 0;
  int64_t first_row = 0, row_step = 0;  // in elements
  int64_t source = 0, source_step = 1, advance = 1;
};

// y[t, c] = sum over taps of x[p, c] * filter[tap, c]; 0 where nothing is seen.
template <typename T>
void SumTaps(const DepthwiseLine<T>& line, const T* filter, T* y);

// Elements of sums for a filter's gradient, in a layout of their own: `taps` of all channels.
template <typename T>
int64_t TapSumsSize(int64_t taps, int64_t channels);

// sums[tap, c] += sum over pixels t of x[p, c] * y[t, c]; `taps` is the filter's number of them.
template <typename T>
void AddTapProducts(const DepthwiseLine<T>& line, int64_t taps, const T* y, T* sums);

// filter[tap, c] = the sum of `count` arrays of sums that lie one after another, in that order.
template <typename T>
void FinishTapSums(const T* sums, int64_t count, int64_t taps, int64_t channels, T* filter);

}  // namespace sluice::kernels

#endif  // SLUICE_OPS_KERNELS_DEPTHWISE_LINES_H_
