#include "graph/aggregate.h"

#include <algorithm>

#include "core/status.h"
#include "graph/graph.h"

namespace sluice {
namespace {

Output Int32Const(At at, const char* name, const TensorShape& shape, int32_t value) {
  return at.Named(name).Node(
      "Const", {}, {{"value", Tensor::Of<int32_t>(shape, {value})}, {"dtype", DType::kInt32}});
}

// What is known of all terms together.
TensorShape MergedShape(const TensorsOrSlices& terms) {
  TensorShape shape = TensorShape::Unknown();
  for (const TensorOrSlices& term : terms) {
    absl::StatusOr<TensorShape> merged = shape.MergeWith(term.values().shape());
    if (!merged.ok()) return TensorShape::Unknown();  // AddN will say what is wrong
    shape = *std::move(merged);
  }
  return shape;
}

Output SumDense(At at, const TensorsOrSlices& terms, AggregationMethod method,
                absl::string_view op_name) {
  Outputs tensors;
  for (const TensorOrSlices& term : terms) tensors.push_back(term.tensor());
  const TensorShape shape = MergedShape(terms);
  if (method == AggregationMethod::kExperimentalAccumulateN && terms.size() > 2 &&
      shape.fully_defined()) {
    return at.Node("AccumulateNV2", tensors, {{"shape", shape}});
  }
  if (method == AggregationMethod::kAddN) {
    const Scope beside = at.scope().WithoutColocation().ColocateWith(tensors[0]);
    return at.In(beside).Node("AddN", tensors);
  }
  const At inside = at.Sub(absl::StrCat(op_name, "_gradient_sum"));
  Output sum = tensors[0];
  for (size_t i = 1; i < tensors.size(); ++i) sum = inside.Node("AddN", {sum, tensors[i]});
  return sum;
}

// A dense term is slices of all its rows.
IndexedSlices AsSlices(At at, const TensorOrSlices& term) {
  if (term.is_slices()) return term.slices();
  const Output shape = at.Node("Shape", {term.tensor()});
  const At slice = at.Sub("strided_slice");
  const Output rows = slice.AsScope().Node(
      "StridedSlice",
      {shape, Int32Const(slice, "stack", {1}, 0), Int32Const(slice, "stack_1", {1}, 1),
       Int32Const(slice, "stack_2", {1}, 1)},
      {{"shrink_axis_mask", int64_t{1}}});
  const At range = at.Sub("range");
  const Output indices = range.AsScope().Node(
      "Range", {Int32Const(range, "start", {}, 0), rows, Int32Const(range, "delta", {}, 1)});
  return {term.tensor(), indices, shape};
}

Output Concat(At at, const Outputs& values) {
  const At inside = at.Sub("concat");
  Outputs inputs = values;
  inputs.push_back(Int32Const(inside, "axis", {}, 0));
  return inside.AsScope().Node("ConcatV2", inputs, {{"N", static_cast<int64_t>(values.size())}});
}

IndexedSlices SumSlices(At at, const TensorsOrSlices& terms) {
  Outputs values, indices;
  Output dense_shape;
  for (const TensorOrSlices& term : terms) {
    const IndexedSlices slices = AsSlices(at, term);
    if (values.empty()) dense_shape = slices.dense_shape;
    values.push_back(slices.values);
    indices.push_back(slices.indices);
  }
  const bool wide = std::any_of(indices.begin(), indices.end(),
                                [](const Output& i) { return i.dtype() == DType::kInt64; });
  for (Output& i : indices) {
    if (wide && i.dtype() == DType::kInt32)
      i = at.Named("Cast").Node("Cast", {i}, {{"DstT", DType::kInt64}});
  }
  const Output joined = Concat(at, values);
  return {joined, Concat(at, indices), dense_shape};
}

}  // namespace

TensorOrSlices Aggregate(At at, const TensorsOrSlices& terms, AggregationMethod method,
                         absl::string_view op_name) {
  if (terms.empty()) return {};
  if (terms.size() == 1) return terms[0];
  const bool dense = std::none_of(terms.begin(), terms.end(),
                                  [](const TensorOrSlices& t) { return t.is_slices(); });
  if (dense) return SumDense(at, terms, method, op_name);
  return SumSlices(at, terms);
}

TensorOrSlices WithValues(const TensorOrSlices& gradient, const Output& values) {
  if (!gradient.is_slices()) return values;
  const IndexedSlices slices = gradient.slices();
  return IndexedSlices{values, slices.indices, slices.dense_shape};
}

}  // namespace sluice
