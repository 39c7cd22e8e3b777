// TensorFlow 1's arrays of tensors (tf.TensorArray, the V3 ops): what loops read from and write to.
//
// A TensorArray belongs to one run. Its ops are ordered by `flow`, a float scalar without meaning:
// each write gives a new one, and who reads takes the flow of the last write. Indices are int32.
// Rules of reading and writing: CF-25, ops/kernels/tensor_array.h. Errors are InvalidArgument.
#ifndef SLUICE_OPS_TENSOR_ARRAY_H_
#define SLUICE_OPS_TENSOR_ARRAY_H_

#include <string>

#include "graph/at.h"
#include "graph/output.h"

namespace sluice::ops {

struct TensorArrayOptions {
  TensorShape element_shape = TensorShape::Unknown();
  bool dynamic_size = false;
  bool clear_after_read = true;
  bool identical_element_shapes = false;
  std::string tensor_array_name = "";
};

// A TensorArray's handle (a resource) and the flow to use next.
struct TensorArrayOutputs {
  Output handle, flow;
};

// `size` (int32 scalar) elements of `dtype`.
TensorArrayOutputs TensorArrayV3(At at, Output size, DType dtype,
                                 const TensorArrayOptions& options = {});
// The array of the gradients of `handle`'s elements, for the gradient computation `source`.
TensorArrayOutputs TensorArrayGradV3(At at, Output handle, Output flow_in,
                                     const std::string& source);
// Element `index` = value. Returns the new flow.
Output TensorArrayWriteV3(At at, Output handle, Output index, Output value, Output flow_in);
Output TensorArrayReadV3(At at, Output handle, Output index, Output flow_in, DType dtype);
Output TensorArraySizeV3(At at, Output handle, Output flow_in);  // int32 scalar
Output TensorArrayCloseV3(At at, Output handle);

}  // namespace sluice::ops

#endif  // SLUICE_OPS_TENSOR_ARRAY_H_
