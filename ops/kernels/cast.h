// Conversion of arrays between element types.
#ifndef SLUICE_OPS_KERNELS_CAST_H_
#define SLUICE_OPS_KERNELS_CAST_H_

#include <cstdint>

#include "core/dtype.h"

namespace sluice::kernels {

// y[i] = x[i] converted, i < n. x and y are equal (element sizes agree) or do not overlap.
using CastRun = void (*)(const void* x, void* y, int64_t n);

// Between float, double, half, bfloat16, all integers, bool, complex64 and complex128; null for
// other types.
//  - To bool: true unless zero. From bool: 0 and 1. From complex: the real part.
//  - Integers to integers keep the low bits.
//  - Floating to integer: towards zero; the nearest end of the integer's range when outside it; 0
//  for NaN. (C++ leaves both open, and
//    TensorFlow with it.)
//  - To a floating type: to nearest, ties to even, infinity when too large; with `truncate`,
//  towards zero.
CastRun FindCast(DType from, DType to, bool truncate = false);

}  // namespace sluice::kernels

#endif  // SLUICE_OPS_KERNELS_CAST_H_
