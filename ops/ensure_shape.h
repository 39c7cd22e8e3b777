// EnsureShape: a promise about a shape, checked when it runs.
#ifndef SLUICE_OPS_ENSURE_SHAPE_H_
#define SLUICE_OPS_ENSURE_SHAPE_H_

#include "core/tensor_shape.h"
#include "graph/at.h"
#include "graph/output.h"

namespace sluice::ops {

// `input` itself, of any dtype; what is built on it knows that it has `shape`, which may be partly
// known. InvalidArgument when it has not, while building or when it runs. Gradient: dy.
Output EnsureShape(At at, Output input, const TensorShape& shape);

}  // namespace sluice::ops

#endif  // SLUICE_OPS_ENSURE_SHAPE_H_
