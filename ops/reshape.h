// Ops that only rename dimensions: Reshape, ExpandDims, Squeeze. No element moves; output and input
// share memory.
#ifndef SLUICE_OPS_RESHAPE_H_
#define SLUICE_OPS_RESHAPE_H_

#include <vector>

#include "graph/at.h"
#include "graph/output.h"
#include "ops/const.h"

namespace sluice::ops {

// The elements of `tensor` in the same (row-major) order under another shape. One entry of `shape`
// (int32 or int64 vector) may be -1: computed from the others. InvalidArgument ~ "Cannot reshape a
// tensor with 6 elements to shape [4]". Gradient: dy reshaped back.
Output Reshape(At at, Output tensor, Ints shape);

// A dimension of size 1 put before dimension `dim` (-rank-1 <= dim <= rank; -1: at the end).
// Gradient: dy reshaped back.
Output ExpandDims(At at, Output input, Ints dim);

struct SqueezeOptions {
  std::vector<int64_t> squeeze_dims = {};  // which to remove; empty: all of size 1
};
// Dimensions of size 1 removed. InvalidArgument ~ "Can not squeeze dim[1], expected a dimension of
// 1, got 3". Gradient: dy reshaped back.
Output Squeeze(At at, Output input, const SqueezeOptions& options = {});

}  // namespace sluice::ops

#endif  // SLUICE_OPS_RESHAPE_H_
