// Slice: a box cut out of a tensor.
#ifndef SLUICE_OPS_SLICE_H_
#define SLUICE_OPS_SLICE_H_

#include "graph/at.h"
#include "graph/output.h"
#include "ops/const.h"

namespace sluice::ops {

// y[i] = input[begin + i], 0 <= i[k] < size[k]. `begin` and `size` are int32 or int64 vectors (of
// one dtype) with an entry per dimension; a size of -1 means up to the end. Any dtype.
// InvalidArgument for a box that leaves the tensor. Gradient: dy with zeros around it (Pad).
Output Slice(At at, Output input, Ints begin, Ints size);

}  // namespace sluice::ops

#endif  // SLUICE_OPS_SLICE_H_
