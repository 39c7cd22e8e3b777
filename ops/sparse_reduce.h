// Sums and maxima over dimensions of a sparse tensor. Three tensors are one (ops/sparse_util.h).
#ifndef SLUICE_OPS_SPARSE_REDUCE_H_
#define SLUICE_OPS_SPARSE_REDUCE_H_

#include "graph/at.h"
#include "graph/output.h"
#include "ops/const.h"

namespace sluice::ops {

struct SparseReduceOptions {
  bool keep_dims = false;  // reduced dimensions stay, as 1
};

// The sum (maximum) over the dimensions `reduction_axes` (int32, negative from the end; none:
// nothing is reduced) of what is there; 0 where nothing is, also for maxima. The result is dense.
// Numbers; real ones for Max. InvalidArgument "Invalid reduction dimension 2, for input with 2
// dimensions.". Gradient: SparseReduceSum's for input_values.
Output SparseReduceSum(At at, Output input_indices, Output input_values, Output input_shape,
                       Ints reduction_axes, const SparseReduceOptions& options = {});
Output SparseReduceMax(At at, Output input_indices, Output input_values, Output input_shape,
                       Ints reduction_axes, const SparseReduceOptions& options = {});

// The same with a sparse result: indices, values, shape, in row-major order.
Outputs SparseReduceSumSparse(At at, Output input_indices, Output input_values, Output input_shape,
                              Ints reduction_axes, const SparseReduceOptions& options = {});
Outputs SparseReduceMaxSparse(At at, Output input_indices, Output input_values, Output input_shape,
                              Ints reduction_axes, const SparseReduceOptions& options = {});

}  // namespace sluice::ops

#endif  // SLUICE_OPS_SPARSE_REDUCE_H_
