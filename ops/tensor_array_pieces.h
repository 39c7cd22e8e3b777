// The TensorArray ops (tensor_array.h) that move many elements at once: what stacks, unstacks,
// joins and cuts them.
#ifndef SLUICE_OPS_TENSOR_ARRAY_PIECES_H_
#define SLUICE_OPS_TENSOR_ARRAY_PIECES_H_

#include "graph/at.h"
#include "graph/output.h"

namespace sluice::ops {

// Elements `indices` ([n]) as one tensor [n] + element shape.
Output TensorArrayGatherV3(At at, Output handle, Output indices, Output flow_in, DType dtype,
                           const TensorShape& element_shape = TensorShape::Unknown());
// Element indices[i] = value[i]. Returns the new flow.
Output TensorArrayScatterV3(At at, Output handle, Output indices, Output value, Output flow_in);
// All elements joined along dimension 0, and their lengths there (int64).
struct TensorArrayConcatOutputs {
  Output value, lengths;
};
TensorArrayConcatOutputs TensorArrayConcatV3(
    At at, Output handle, Output flow_in, DType dtype,
    const TensorShape& element_shape_except0 = TensorShape::Unknown());
// `value` cut along dimension 0 into pieces of `lengths` (int64), which become all elements.
Output TensorArraySplitV3(At at, Output handle, Output value, Output lengths, Output flow_in);

}  // namespace sluice::ops

#endif  // SLUICE_OPS_TENSOR_ARRAY_PIECES_H_
