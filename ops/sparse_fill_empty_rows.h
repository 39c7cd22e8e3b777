// SparseFillEmptyRows: a default value for every row of a sparse tensor that has none.
#ifndef SLUICE_OPS_SPARSE_FILL_EMPTY_ROWS_H_
#define SLUICE_OPS_SPARSE_FILL_EMPTY_ROWS_H_

#include "graph/at.h"
#include "graph/output.h"

namespace sluice::ops {

// {output_indices, output_values, empty_row_indicator, reverse_index_map}: the sparse tensor of
// int64 `indices` [n, rank], `values` [n] (any dtype) and int64 `dense_shape`, with an element
// `default_value` (a scalar) at [row, 0, ...] for each row without elements; which rows were empty;
// and for each input element its place in the output. Elements are ordered by row, within a row as
// they came. InvalidArgument "indices(1, 0) is invalid: 7 >= 5".
// Gradient: for values and default_value.
Outputs SparseFillEmptyRows(At at, Output indices, Output values, Output dense_shape,
                            Output default_value);

// {d_values, d_default_value}: d_values[i] = grad_values[reverse_index_map[i]]; the default value
// gets the sum of all others.
Outputs SparseFillEmptyRowsGrad(At at, Output reverse_index_map, Output grad_values);

}  // namespace sluice::ops

#endif  // SLUICE_OPS_SPARSE_FILL_EMPTY_ROWS_H_
