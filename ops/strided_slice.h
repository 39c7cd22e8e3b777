// StridedSlice: Python's x[a:b:c, ..., i, None] in full.
#ifndef SLUICE_OPS_STRIDED_SLICE_H_
#define SLUICE_OPS_STRIDED_SLICE_H_

#include <cstdint>

#include "graph/at.h"
#include "graph/output.h"
#include "ops/const.h"

namespace sluice::ops {

// Bit i speaks of entry i of begin, end and strides.
struct StridedSliceOptions {
  int64_t begin_mask = 0;  // from the first element (from the last, when the stride is negative);
                           // begin[i] is ignored
  int64_t end_mask = 0;    // through the last element (the first); end[i] is ignored
  int64_t ellipsis_mask =
      0;  // "...": as many whole dimensions as are not spoken of. At most one bit.
  int64_t new_axis_mask = 0;     // a new dimension of size 1
  int64_t shrink_axis_mask = 0;  // the element begin[i]; the dimension goes away
};

// input[begin[0]:end[0]:strides[0], ...]: entries speak of the dimensions in order; those after the
// last entry are taken whole. Negative positions count from the end, positions outside are clamped
// (but for shrink: InvalidArgument). Strides may be negative, never 0. At most 31 entries. Any
// dtype.
//   x[:, 1]  =  StridedSlice(s, x, {0, 1}, {0, 2}, {1, 1}, {.begin_mask = 1, .end_mask = 1,
//   .shrink_axis_mask = 2})
// Gradient: StridedSliceGrad.
Output StridedSlice(At at, Output input, Ints begin, Ints end, Ints strides,
                    const StridedSliceOptions& options = {});

// Zeros of shape `shape` with dy written where StridedSlice would have read. Gradient (to dy):
// StridedSlice.
Output StridedSliceGrad(At at, Ints shape, Ints begin, Ints end, Ints strides, Output dy,
                        const StridedSliceOptions& options = {});

}  // namespace sluice::ops

#endif  // SLUICE_OPS_STRIDED_SLICE_H_
