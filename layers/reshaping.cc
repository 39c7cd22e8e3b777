#include "layers/reshaping.h"

#include <algorithm>

#include "core/tensor.h"
#include "graph/graph.h"

namespace sluice::layers {

Output DimsConst(At at, const char* name, const std::vector<int64_t>& dims) {
  const std::vector<int32_t> values(dims.begin(), dims.end());
  return at.Named(name).Node(
      "Const", {},
      {{"value", Tensor::Of<int32_t>({static_cast<int64_t>(values.size())}, values)},
       {"dtype", DType::kInt32}});
}

Output ReshapeTo(At at, Output x, const std::vector<int64_t>& dims) {
  const At inside = at.Composite("Reshape");
  return inside.AsScope().Node("Reshape", {x, DimsConst(inside, "shape", dims)});
}

Output WithLeadingDims(At at, Output rows, const Output& like, int64_t last) {
  std::vector<int64_t> dims(like.shape().dims().begin(), like.shape().dims().end());
  dims.back() = last;
  const auto unknown = std::count(dims.begin(), dims.end(), -1);
  const bool empty = std::count(dims.begin(), dims.end(), 0) > 0;  // then -1 cannot be inferred
  if (unknown == 0 || (unknown == 1 && !empty))
    return at.AsScope().Node("Reshape", {rows, DimsConst(at, "shape", dims)});
  const Output shape = at.Node("Shape", {like});
  const Output leading =
      at.Node("Slice", {shape, DimsConst(at, "begin", {0}),
                        DimsConst(at, "size", {static_cast<int64_t>(dims.size()) - 1})});
  const Output axis = at.Named("axis").Node(
      "Const", {}, {{"value", Tensor::Scalar<int32_t>(0)}, {"dtype", DType::kInt32}});
  const Output full = at.Node("ConcatV2", {leading, DimsConst(at, "last", {last}), axis});
  const Output reshaped = at.AsScope().Node("Reshape", {rows, full});
  if (!reshaped.empty())
    at.graph().SetShape(reshaped, TensorShape(absl::Span<const int64_t>(dims))).IgnoreError();
  return reshaped;
}

}  // namespace sluice::layers
