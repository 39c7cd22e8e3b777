#include "layers/shape_from.h"

#include <algorithm>

#include "core/tensor.h"
#include "graph/graph.h"
#include "layers/reshaping.h"

namespace sluice::layers {

std::vector<int64_t> KnownDims(const Output& like, const std::vector<Dim>& dims) {
  std::vector<int64_t> known;
  for (const Dim& dim : dims) known.push_back(dim.axis < 0 ? dim.size : like.shape().dim(dim.axis));
  return known;
}

Output ShapeFrom(At at, const Output& like, const std::vector<Dim>& dims) {
  const std::vector<int64_t> known = KnownDims(like, dims);
  if (std::count(known.begin(), known.end(), -1) == 0) return DimsConst(at, "shape", known);
  const Output shape = at.Node("Shape", {like});
  Outputs parts;
  for (size_t i = 0; i < dims.size(); ++i) {
    parts.push_back(known[i] >= 0 || dims[i].axis < 0
                        ? DimsConst(at, "dim", {known[i]})
                        : at.Node("Slice", {shape, DimsConst(at, "begin", {dims[i].axis}),
                                            DimsConst(at, "size", {1})}));
  }
  if (parts.size() == 1) return parts[0];
  parts.push_back(at.Named("axis").Node(
      "Const", {}, {{"value", Tensor::Scalar<int32_t>(0)}, {"dtype", DType::kInt32}}));
  return at.Node("ConcatV2", parts);
}

Output ReshapeFrom(At at, const Output& x, const std::vector<Dim>& dims) {
  const std::vector<int64_t> known = KnownDims(x, dims);
  const auto unknown = std::count(known.begin(), known.end(), -1);
  const bool empty = std::count(known.begin(), known.end(), 0) > 0;  // -1 could not be inferred
  if (unknown == 0 || (unknown == 1 && !empty)) return ReshapeTo(at, x, known);
  const At inside = at.Composite("Reshape");
  const Output reshaped = inside.AsScope().Node("Reshape", {x, ShapeFrom(inside, x, dims)});
  if (!reshaped.empty()) {
    at.graph().SetShape(reshaped, TensorShape(absl::Span<const int64_t>(known))).IgnoreError();
  }
  return reshaped;
}

}  // namespace sluice::layers
