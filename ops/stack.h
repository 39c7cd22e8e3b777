// Stacks of tensors: where gradients of TensorFlow 1's loops find what the forward loop saw, last
// in, first out. A stack belongs to one run. Errors are InvalidArgument.
#ifndef SLUICE_OPS_STACK_H_
#define SLUICE_OPS_STACK_H_

#include <string>

#include "graph/at.h"
#include "graph/output.h"

namespace sluice::ops {

struct StackOptions {
  std::string stack_name = "";
};
// An empty stack for elements of `elem_type` and any shape. max_size: int32 scalar, at most so many
// elements; negative: no limit. Returns its handle, a resource.
Output StackV2(At at, Output max_size, DType elem_type, const StackOptions& options = {});
// Returns `elem` itself.
Output StackPushV2(At at, Output handle, Output elem);
// Takes the last element. InvalidArgument when the stack is empty.
Output StackPopV2(At at, Output handle, DType elem_type);
Output StackCloseV2(At at, Output handle);

}  // namespace sluice::ops

#endif  // SLUICE_OPS_STACK_H_
