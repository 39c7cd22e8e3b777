// Sparse tensors meet dense ones, element by element; softmax over the rows of a sparse tensor.
//
// A sparse tensor is three tensors: int64 indices [n, rank], values [n], int64 shape [rank]
// (tf.SparseTensor). InvalidArgument when they do not belong together or an index is out of bounds.
#ifndef SLUICE_OPS_SPARSE_ELEMENTWISE_H_
#define SLUICE_OPS_SPARSE_ELEMENTWISE_H_

#include "graph/at.h"
#include "graph/output.h"

namespace sluice::ops {

// a + b, dense, of the shape of `b`. Indices and a_shape are int32 or int64; repeated indices add.
// Numbers. Gradient: for a_values and b.
Output SparseTensorDenseAdd(At at, Output a_indices, Output a_values, Output a_shape, Output b);

// The values of the sparse result of sp * dense (sp / dense; at the sparse positions only: sp +
// dense); the indices stay. `dense` is broadcast to the sparse shape, never the reverse. Real
// numbers; integers divide towards zero, InvalidArgument for a division by 0.
// Gradient: of Mul and Div for sp_values and dense; none is defined for Add.
Output SparseDenseCwiseMul(At at, Output sp_indices, Output sp_values, Output sp_shape,
                           Output dense);
Output SparseDenseCwiseDiv(At at, Output sp_indices, Output sp_values, Output sp_shape,
                           Output dense);
Output SparseDenseCwiseAdd(At at, Output sp_indices, Output sp_values, Output sp_shape,
                           Output dense);

// The values of softmax over the last dimension, of what is there: absent elements count as
// -infinity, not as 0. Rank >= 2, rows in order. float, double. Gradient: for sp_values.
Output SparseSoftmax(At at, Output sp_indices, Output sp_values, Output sp_shape);

}  // namespace sluice::ops

#endif  // SLUICE_OPS_SPARSE_ELEMENTWISE_H_
