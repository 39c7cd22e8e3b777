// What is known, while building, of the variable behind a handle.
#ifndef SLUICE_GRAPH_HANDLE_H_
#define SLUICE_GRAPH_HANDLE_H_

#include <optional>

#include "core/dtype.h"
#include "core/tensor_shape.h"
#include "graph/at.h"
#include "graph/output.h"

namespace sluice {

struct HandleInfo {
  DType dtype = DType::kInvalid;
  TensorShape shape;  // as declared
};
// Of a resource or reference that comes, perhaps through Identity, from the op that makes it; else
// nullopt.
std::optional<HandleInfo> VariableBehind(const Output& handle);

// The variable's shape, int32: "VariableShape", a Const where it is known while building.
Output VariableShapeTensor(At at, const Output& handle);

}  // namespace sluice

#endif  // SLUICE_GRAPH_HANDLE_H_
