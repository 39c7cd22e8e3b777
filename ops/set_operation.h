// Sets along the last dimension of tensors, dense or sparse.
//
// A group is everything under the same first rank - 1 coordinates; its values, repetitions removed,
// are a set. Results are sparse: {result_indices, result_values, result_shape}, each group's set in
// ascending order, packed to the left; the last dimension is the largest set's size. int8, int16,
// int32, int64, uint8, uint16, string.
#ifndef SLUICE_OPS_SET_OPERATION_H_
#define SLUICE_OPS_SET_OPERATION_H_

#include <string>

#include "graph/at.h"
#include "graph/output.h"

namespace sluice::ops {

struct SetOperationOptions {
  bool validate_indices = true;  // of sparse inputs; they are checked in any case
};

// `set_operation` is "a-b", "b-a", "intersection" or "union", in any case. Ranks >= 2; all
// dimensions but the last agree, else InvalidArgument "Mismatched shapes [2] vs [3]".
Outputs DenseToDenseSetOperation(At at, Output set1, Output set2, const std::string& set_operation,
                                 const SetOperationOptions& options = {});
Outputs DenseToSparseSetOperation(At at, Output set1, Output set2_indices, Output set2_values,
                                  Output set2_shape, const std::string& set_operation,
                                  const SetOperationOptions& options = {});
Outputs SparseToSparseSetOperation(At at, Output set1_indices, Output set1_values,
                                   Output set1_shape, Output set2_indices, Output set2_values,
                                   Output set2_shape, const std::string& set_operation,
                                   const SetOperationOptions& options = {});

// The number of different values in each group, int32, of the shape without its last dimension.
Output SetSize(At at, Output set_indices, Output set_values, Output set_shape,
               const SetOperationOptions& options = {});

}  // namespace sluice::ops

#endif  // SLUICE_OPS_SET_OPERATION_H_
