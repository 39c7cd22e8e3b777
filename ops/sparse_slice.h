// Parts of sparse tensors. Three tensors are one (ops/sparse_layout.h).
#ifndef SLUICE_OPS_SPARSE_SLICE_H_
#define SLUICE_OPS_SPARSE_SLICE_H_

#include <cstdint>

#include "graph/at.h"
#include "graph/output.h"
#include "ops/const.h"

namespace sluice::ops {

// The part [start, start + size) of each dimension, as far as it lies within the shape. Gradient:
// for values.
Outputs SparseSlice(At at, Output indices, Output values, Output shape, Ints start, Ints size);
// The gradient of SparseSlice for its values: backprop_val_grad where an element was taken, else 0.
Output SparseSliceGrad(At at, Output backprop_val_grad, Output input_indices, Output input_start,
                       Output output_indices);

// `num_split` parts along `split_dim`; where its size is no multiple, the first parts have one
// more. {indices of all, values of all, shapes of all}.
Outputs SparseSplit(At at, Output split_dim, Output indices, Output values, Output shape,
                    int64_t num_split);

}  // namespace sluice::ops

#endif  // SLUICE_OPS_SPARSE_SLICE_H_
