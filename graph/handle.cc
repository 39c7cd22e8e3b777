#include "graph/handle.h"

#include <cstdint>
#include <vector>

#include "graph/graph.h"
#include "graph/node.h"

namespace sluice {

std::optional<HandleInfo> VariableBehind(const Output& handle) {
  if (handle.empty()) return std::nullopt;
  const Node* node = handle.node();
  while (node->spec().passes_gradient_through() && node->input_edge(0).node != nullptr) {
    node = node->input_edge(0).node;
  }
  if (!node->spec().session_constant()) return std::nullopt;
  const AttrValue* shape = FindAttr(node->attrs(), "shape");
  const AttrValue* dtype = FindAttr(node->attrs(), "dtype");
  if (shape == nullptr || shape->get_if<TensorShape>() == nullptr) return std::nullopt;
  if (dtype == nullptr || dtype->get_if<DType>() == nullptr) return std::nullopt;
  return HandleInfo{*dtype->get_if<DType>(), *shape->get_if<TensorShape>()};
}

Output VariableShapeTensor(At at, const Output& handle) {
  const std::optional<HandleInfo> info = VariableBehind(handle);
  if (!info.has_value() || !info->shape.fully_defined()) return at.Node("VariableShape", {handle});
  std::vector<int32_t> dims;
  for (const int64_t dim : info->shape.dims()) dims.push_back(static_cast<int32_t>(dim));
  return at.Named("VariableShape")
      .Node("Const", {},
            {{"value", Tensor::Of<int32_t>({info->shape.rank()}, dims)}, {"dtype", DType::kInt32}});
}

}  // namespace sluice
