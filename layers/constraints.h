// What weights must obey. A Constraint is a function (At, value) -> value, applied after each
// update of the optimizer to the variable that it is given for (tf.keras.constraints, rule RG-3).
#ifndef SLUICE_LAYERS_CONSTRAINTS_H_
#define SLUICE_LAYERS_CONSTRAINTS_H_

#include "graph/scope.h"

namespace sluice::constraints {

// Negative elements become 0.
Constraint NonNeg();

}  // namespace sluice::constraints

#endif  // SLUICE_LAYERS_CONSTRAINTS_H_
