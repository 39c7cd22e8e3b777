// Cross: the cross product of 3-vectors.
#ifndef SLUICE_OPS_CROSS_H_
#define SLUICE_OPS_CROSS_H_

#include "graph/at.h"
#include "graph/output.h"

namespace sluice::ops {

// a x b along the last dimension, which is 3, of two tensors of one shape; real numbers, integers
// wrap. InvalidArgument for other shapes. Gradients: b x dy and dy x a.
Output Cross(At at, Output a, Output b);

}  // namespace sluice::ops

#endif  // SLUICE_OPS_CROSS_H_
