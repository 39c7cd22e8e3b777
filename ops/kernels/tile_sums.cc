#include "ops/kernels/tile_sums.h"

#include <algorithm>

namespace sluice::kernels {
namespace {

constexpr int64_t kLanes = 64;

template <typename T>
double Sum(const T* x, int64_t n) {
  T lanes[kLanes] = {};
  int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) {
#pragma omp simd
    for (int64_t k = 0; k < kLanes; ++k) lanes[k] += x[i + k];
  }
  double total = 0;
  for (; i < n; ++i) total += static_cast<double>(x[i]);
  if (n < kLanes) return total;
  double wide[kLanes];
  for (int64_t k = 0; k < kLanes; ++k) wide[k] = static_cast<double>(lanes[k]);
  for (int64_t half = kLanes / 2; half > 0; half /= 2)
    for (int64_t k = 0; k < half; ++k) wide[k] += wide[k + half];
  return total + wide[0];
}

template <typename T>
void Add(const T* x, int64_t n, double* totals) {
#pragma omp simd
  for (int64_t i = 0; i < n; ++i) totals[i] += static_cast<double>(x[i]);
}

}  // namespace

double SumTile(DType dtype, const void* x, int64_t n) {
  return dtype == DType::kDouble ? Sum(static_cast<const double*>(x), n)
                                 : Sum(static_cast<const float*>(x), n);
}

void AddTile(DType dtype, const void* x, int64_t n, double* totals) {
  dtype == DType::kDouble ? Add(static_cast<const double*>(x), n, totals)
                          : Add(static_cast<const float*>(x), n, totals);
}

void StoreTotal(DType dtype, double total, void* y, int64_t index) {
  if (dtype == DType::kDouble) {
    static_cast<double*>(y)[index] = total;
  } else {
    static_cast<float*>(y)[index] = static_cast<float>(total);
  }
}

}  // namespace sluice::kernels
