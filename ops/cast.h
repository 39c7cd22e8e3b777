// Cast: conversion to another dtype.
#ifndef SLUICE_OPS_CAST_H_
#define SLUICE_OPS_CAST_H_

#include "core/dtype.h"
#include "graph/at.h"
#include "graph/output.h"

namespace sluice::ops {

struct CastOptions {
  bool truncate = false;  // to a narrower floating type: towards zero instead of to nearest
};
// x as `dtype`; x itself when it has that dtype (tf.cast). Numbers and bool. Floating to integer:
// towards zero, the nearest end of the range when outside it, 0 for NaN; see kernels/cast.h for the
// rest. Gradient: dy cast back, where both types are floating or complex.
Output Cast(At at, Output x, DType dtype, const CastOptions& options = {});

}  // namespace sluice::ops

#endif  // SLUICE_OPS_CAST_H_
