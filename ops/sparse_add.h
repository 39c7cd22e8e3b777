// Two sparse tensors, element by element. Three tensors are one (ops/sparse_layout.h): int64
// indices [n, rank] in row-major order, values [n], int64 shape [rank].
#ifndef SLUICE_OPS_SPARSE_ADD_H_
#define SLUICE_OPS_SPARSE_ADD_H_

#include "graph/at.h"
#include "graph/output.h"

namespace sluice::ops {

// {indices, values, shape} of a + b; elements with |a + b| < thresh (a real scalar) are left out.
// Numbers. InvalidArgument when the shapes differ. Gradient: for a_values and b_values.
Outputs SparseAdd(At at, Output a_indices, Output a_values, Output a_shape, Output b_indices,
                  Output b_values, Output b_shape, Output thresh);
// {a_val_grad, b_val_grad}: the gradients of SparseAdd's values where they came into the sum, else
// 0.
Outputs SparseAddGrad(At at, Output backprop_val_grad, Output a_indices, Output b_indices,
                      Output sum_indices);

// {indices, values} of max(a, b) (min(a, b)); what is absent counts as 0. Real numbers.
Outputs SparseSparseMaximum(At at, Output a_indices, Output a_values, Output a_shape,
                            Output b_indices, Output b_values, Output b_shape);
Outputs SparseSparseMinimum(At at, Output a_indices, Output a_values, Output a_shape,
                            Output b_indices, Output b_values, Output b_shape);

}  // namespace sluice::ops

#endif  // SLUICE_OPS_SPARSE_ADD_H_
