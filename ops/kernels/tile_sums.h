// Sums of tiles, for tile_program.cc: float or double elements, totals in double.
#ifndef SLUICE_OPS_KERNELS_TILE_SUMS_H_
#define SLUICE_OPS_KERNELS_TILE_SUMS_H_

#include <cstdint>

#include "core/dtype.h"

namespace sluice::kernels {

// The sum of n elements: lanes of T over at most a few thousand elements, gathered in double.
double SumTile(DType dtype, const void* x, int64_t n);

// totals[i] += x[i] for i < n.
void AddTile(DType dtype, const void* x, int64_t n, double* totals);

// y[index] = total, as an element of `dtype`.
void StoreTotal(DType dtype, double total, void* y, int64_t index);

}  // namespace sluice::kernels

#endif  // SLUICE_OPS_KERNELS_TILE_SUMS_H_
