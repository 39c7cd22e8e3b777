// Reference variables, as graphs written by TensorFlow hold them. There are no builders: Sluice's
// own variables are resources (ops/variable.h).
//
// A reference is carried as the handle of a VariableResource, like a resource: inputs declared
// Ref(T) get the handle, and outputs declared Ref(T) pass it on. Where a reference feeds an input
// that wants a plain T, the session reads the variable.
#ifndef SLUICE_OPS_REF_VARIABLE_H_
#define SLUICE_OPS_REF_VARIABLE_H_

#include "graph/op_spec.h"

namespace sluice::ops {

// Variable is the old form of VariableV2: there, shape [] means unknown.
OpSpec VariableV2Op();
OpSpec VariableOp();
// Rule VAR-8. With validate_shape false only the declared shape counts.
OpSpec AssignOp();
OpSpec AssignAddOp();
OpSpec AssignSubOp();
OpSpec IsVariableInitializedOp();

}  // namespace sluice::ops

#endif  // SLUICE_OPS_REF_VARIABLE_H_
