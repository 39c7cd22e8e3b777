// Bitcast: the same bytes seen as another type.
#ifndef SLUICE_OPS_BITCAST_H_
#define SLUICE_OPS_BITCAST_H_

#include "core/dtype.h"
#include "graph/at.h"
#include "graph/output.h"

namespace sluice::ops {

// The bytes of `input` as elements of `type`. To a smaller type: a last dimension of size(T) /
// size(type) is added; to a larger one: the last dimension must have size(type) / size(T) elements
// and goes away. Numbers. No gradient passes.
Output Bitcast(At at, Output input, DType type);

}  // namespace sluice::ops

#endif  // SLUICE_OPS_BITCAST_H_
