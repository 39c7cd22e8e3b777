// Choices between two tensors: Select (tf.where with three arguments) and SelectV2.
#ifndef SLUICE_OPS_SELECT_H_
#define SLUICE_OPS_SELECT_H_

#include "graph/at.h"
#include "graph/output.h"

namespace sluice::ops {

// Elements of t where `condition` is true, of e elsewhere; t and e have one shape and any dtype.
// `condition` has that shape too, or is a scalar (all of t or all of e), or a vector that chooses
// rows: slices of the first dimension. Gradient: dy to whoever was chosen, zeros to the other.
Output Select(At at, Output condition, Output t, Output e);

// The same with numpy's broadcasting of all three.
Output SelectV2(At at, Output condition, Output t, Output e);

}  // namespace sluice::ops

#endif  // SLUICE_OPS_SELECT_H_
