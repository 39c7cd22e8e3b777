// SparseToDense: a dense tensor from coordinates and values.
#ifndef SLUICE_OPS_SPARSE_TO_DENSE_H_
#define SLUICE_OPS_SPARSE_TO_DENSE_H_

#include "graph/at.h"
#include "graph/output.h"
#include "ops/const.h"

namespace sluice::ops {

struct SparseToDenseOptions {
  bool validate_indices = true;  // refuse indices that are out of order or repeated
};
// dense[sparse_indices[i]] = sparse_values[i], default_value elsewhere. `sparse_indices` is a
// matrix [n, rank], a vector (of a result of rank 1) or a scalar; `sparse_values` a vector [n] or a
// scalar for all; `default_value` a scalar. Without validation a later value wins. InvalidArgument
// "indices[1] = [0,2] is out of order", "... is repeated", "... is out of bounds: ...".
// Gradient: for sparse_values and default_value.
Output SparseToDense(At at, Output sparse_indices, Ints output_shape, Output sparse_values,
                     Output default_value, const SparseToDenseOptions& options = {});

}  // namespace sluice::ops

#endif  // SLUICE_OPS_SPARSE_TO_DENSE_H_
