// Sparse tensors in another order, shape or place: reorder, reshape, concatenate.
//
// A sparse tensor is three tensors: int64 indices [n, rank], values [n] of any dtype, int64 shape
// [rank] (tf.SparseTensor). Sparse results are {indices, values, shape}.
#ifndef SLUICE_OPS_SPARSE_LAYOUT_H_
#define SLUICE_OPS_SPARSE_LAYOUT_H_

#include <cstdint>

#include "graph/at.h"
#include "graph/output.h"
#include "ops/const.h"

namespace sluice::ops {

// {indices, values} in row-major order; equal indices keep their order. Gradient: for values.
Outputs SparseReorder(At at, Output input_indices, Output input_values, Output input_shape);

// {indices, shape} of the same values under another dense shape; at most one entry of `new_shape`
// is -1: what is left. InvalidArgument "only one output dimension may be -1, not both 0 and 1",
// "Input to reshape is a tensor with 6 dense values, but the requested shape has 8".
Outputs SparseReshape(At at, Output input_indices, Output input_shape, Ints new_shape);

// One sparse tensor behind the other along dimension `concat_dim` (negative from the end), in
// row-major order. InvalidArgument when other dimensions differ.
Outputs SparseConcat(At at, const Outputs& indices, const Outputs& values, const Outputs& shapes,
                     int64_t concat_dim);

}  // namespace sluice::ops

#endif  // SLUICE_OPS_SPARSE_LAYOUT_H_
