// Placeholder: a tensor that every run must feed. PlaceholderWithDefault: one that a run may feed.
#ifndef SLUICE_OPS_PLACEHOLDER_H_
#define SLUICE_OPS_PLACEHOLDER_H_

#include "core/dtype.h"
#include "core/tensor_shape.h"
#include "graph/at.h"
#include "graph/output.h"

namespace sluice::ops {

// Fed tensors must fit `shape`, where -1 stands for any size.
Output Placeholder(At at, DType dtype, const TensorShape& shape = TensorShape::Unknown());

// The same under the name that a few TensorFlow graphs use.
Output PlaceholderV2(At at, DType dtype, const TensorShape& shape);

// `input` in runs that do not feed it. InvalidArgument when input's shape does not fit `shape`.
// Gradient: passes to `input`.
Output PlaceholderWithDefault(At at, Output input, const TensorShape& shape);

}  // namespace sluice::ops

#endif  // SLUICE_OPS_PLACEHOLDER_H_
