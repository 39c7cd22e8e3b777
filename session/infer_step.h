// What the shape function of a node says of one step: concrete shapes where inputs have them.
#ifndef SLUICE_SESSION_INFER_STEP_H_
#define SLUICE_SESSION_INFER_STEP_H_

#include <vector>

#include "absl/status/statusor.h"
#include "core/tensor.h"
#include "core/tensor_shape.h"
#include "graph/node.h"

namespace sluice {

// Output shapes for inputs of `shapes`, whose values are `known` where every run has the same (else
// null). Errors: the shape function's; a shape too large to exist.
absl::StatusOr<std::vector<TensorShape>> InferStep(const Node& node,
                                                   std::vector<TensorShape> shapes,
                                                   std::vector<const Tensor*> known);

}  // namespace sluice

#endif  // SLUICE_SESSION_INFER_STEP_H_
