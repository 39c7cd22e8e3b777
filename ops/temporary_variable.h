// Ends of variables: DestroyResourceOp, and variables that live for one run (TensorFlow's
// accumulate_n of old graphs; imported only, there are no builders).
#ifndef SLUICE_OPS_TEMPORARY_VARIABLE_H_
#define SLUICE_OPS_TEMPORARY_VARIABLE_H_

#include "graph/at.h"
#include "graph/op_spec.h"
#include "graph/output.h"

namespace sluice::ops {

// An operation: the variable loses its value, as if nothing had been assigned yet. NotFound when it
// has none, unless `ignore_lookup_error`.
Output DestroyResourceOp(At at, Output resource, bool ignore_lookup_error = true);

// A reference to a variable that every run makes anew, zeros of a defined shape.
OpSpec TemporaryVariableOp();
// Its value. InvalidArgument when `var_name` is another variable's.
OpSpec DestroyTemporaryVariableOp();

}  // namespace sluice::ops

#endif  // SLUICE_OPS_TEMPORARY_VARIABLE_H_
