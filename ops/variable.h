// Resource variables: their handles, reads and writes. Programs use the class Variable
// (graph/variable.h), which is made of these.
#ifndef SLUICE_OPS_VARIABLE_H_
#define SLUICE_OPS_VARIABLE_H_

#include <string>

#include "core/dtype.h"
#include "core/tensor_shape.h"
#include "graph/at.h"
#include "graph/output.h"

namespace sluice::ops {

struct VarHandleOpOptions {
  std::string container = "";
  std::string shared_name = "";  // empty: the node's name
};
// The handle (a resource scalar) of the session's variable `shared_name`. `shape` may be partly
// unknown: the variable then takes every value that fits.
Output VarHandleOp(At at, DType dtype, const TensorShape& shape, VarHandleOpOptions options = {});

// The present value: a snapshot that later writes do not change. FailedPrecondition when nothing
// was assigned yet (rule VAR-11).
Output ReadVariableOp(At at, Output resource, DType dtype);
Output VarIsInitializedOp(At at, Output resource);  // bool scalar
// The present value, or `initial_value` while nothing was assigned. Not an op of TensorFlow, which
// builds conditional control flow for it: graphs that hold one run here only. Reference variables
// have InitializedRefValue. Users: Variable::InitializedValue.
Output InitializedValue(At at, Output resource, Output initial_value);
// The shape of the present value, int32 or int64 (`out_type`).
Output VariableShape(At at, Output input, DType out_type = DType::kInt32);

// Operations. The value must fit the variable's declared shape (rule VAR-8); for the other two, it
// must have exactly the shape of the present value.
Output AssignVariableOp(At at, Output resource, Output value);
Output AssignAddVariableOp(At at, Output resource, Output value);
Output AssignSubVariableOp(At at, Output resource, Output value);

}  // namespace sluice::ops

#endif  // SLUICE_OPS_VARIABLE_H_
