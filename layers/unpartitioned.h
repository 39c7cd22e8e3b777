// Variables that a partitioner of their scope does not cut.
#ifndef SLUICE_LAYERS_UNPARTITIONED_H_
#define SLUICE_LAYERS_UNPARTITIONED_H_

#include "graph/scope.h"
#include "graph/variable.h"

namespace sluice::layers {

// `options` for GetVariable in `scope`, whose partitioner is left out. (TensorFlow sets the scope's
// partitioner to None for the while: for slots of optimizers and for moving averages.)
VariableOptions Unpartitioned(const Scope& scope, VariableOptions options);

}  // namespace sluice::layers

#endif  // SLUICE_LAYERS_UNPARTITIONED_H_
