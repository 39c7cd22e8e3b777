// The TensorArray ops that move many elements at once.
#include "ops/tensor_array_pieces.h"

#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include "absl/strings/str_join.h"
#include "core/status.h"
#include "graph/node.h"
#include "graph/op_spec.h"
#include "ops/kernels/strided_copy.h"
#include "ops/tensor_array.h"
#include "ops/tensor_array_util.h"

namespace sluice::ops {
namespace {

using kernels::TensorArray;

// --- shapes ---
absl::Status GatherShape(ShapeContext& c) {
  SLUICE_ASSIGN_OR_RETURN(const TensorShape indices, c.WithRank(1, 1));
  SLUICE_RETURN_IF_ERROR(c.WithRank(2, 0).status());
  const auto element = c.attr<TensorShape>("element_shape");
  if (!element.rank_known()) return shapes::Unknown(c);
  std::vector<int64_t> dims = {indices.dim(0)};
  dims.insert(dims.end(), element.dims().begin(), element.dims().end());
  c.set_output(0, TensorShape(dims));
  return absl::OkStatus();
}

absl::Status ScatterShape(ShapeContext& c) {
  SLUICE_RETURN_IF_ERROR(c.WithRank(1, 1).status());
  SLUICE_RETURN_IF_ERROR(c.WithRankAtLeast(2, 1).status());
  return ScalarShape<3>(c);
}

absl::Status ConcatShape(ShapeContext& c) {
  SLUICE_RETURN_IF_ERROR(c.WithRank(1, 0).status());
  c.set_output(0, TensorShape::Unknown());
  c.set_output(1, {-1});
  return absl::OkStatus();
}

absl::Status SplitShape(ShapeContext& c) {
  SLUICE_RETURN_IF_ERROR(c.WithRankAtLeast(1, 1).status());
  SLUICE_RETURN_IF_ERROR(c.WithRank(2, 1).status());
  return ScalarShape<3>(c);
}

// --- kernels ---
// The elements one after another in `to`, which has room for all.
absl::Status Join(const std::vector<Tensor>& elements, Tensor* to) {
  int64_t at = 0;
  for (const Tensor& element : elements) {
    const int64_t size = static_cast<int64_t>(SizeOf(element.dtype()));
    CopyElements(element.dtype(), element.raw(), static_cast<char*>(to->mutable_raw()) + at * size,
                 element.num_elements());
    at += element.num_elements();
  }
  return absl::OkStatus();
}

absl::StatusOr<TensorShape> EmptyElementShape(const TensorArray& array, const TensorShape& attr) {
  absl::StatusOr<TensorShape> shape = array.element_shape().MergeWith(attr);
  if (shape.ok() && shape->fully_defined()) return shape;
  return absl::UnimplementedError(absl::StrCat(
      "TensorArray has size zero, but element shape ", attr.ToString(),
      " is not fully defined. Currently only static shapes are supported when packing zero-size "
      "TensorArrays."));
}

absl::Status GatherRun(KernelContext& c) {
  SLUICE_ASSIGN_OR_RETURN(TensorArray* const array, ArrayOf(c, c.attr<DType>("dtype")));
  const auto attr = c.attr<TensorShape>("element_shape");
  SLUICE_RETURN_IF_ERROR(array->MergeElementShape(attr));
  const absl::Span<const int32_t> indices = c.input(1).flat<int32_t>();
  std::vector<Tensor> elements;
  for (const int32_t index : indices) {
    SLUICE_ASSIGN_OR_RETURN(elements.emplace_back(), array->Read(index, c.budget()));
    if (elements.back().shape() == elements.front().shape()) continue;
    return absl::InvalidArgumentError(
        absl::StrCat("TensorArray has inconsistent shapes.  Index 0 has shape: ",
                     elements.front().shape().ToString(), " but index ", elements.size() - 1,
                     " has shape: ", elements.back().shape().ToString()));
  }
  TensorShape element;
  if (elements.empty()) {
    SLUICE_ASSIGN_OR_RETURN(element, EmptyElementShape(*array, attr));
  } else {
    element = elements.front().shape();
  }
  std::vector<int64_t> dims = {static_cast<int64_t>(indices.size())};
  dims.insert(dims.end(), element.dims().begin(), element.dims().end());
  const TensorShape shape(dims);
  SLUICE_RETURN_IF_ERROR(shape.Check());
  SLUICE_ASSIGN_OR_RETURN(Tensor* const out, c.Allocate(0, shape));
  return Join(elements, out);
}

// Rows [begin, end) of `value`, along dimension 0, as a tensor of their own.
absl::StatusOr<Tensor> Rows(const Tensor& value, int64_t begin, const TensorShape& shape,
                            const std::shared_ptr<MemoryBudget>& budget) {
  SLUICE_ASSIGN_OR_RETURN(Tensor rows, Tensor::Make(value.dtype(), shape, budget));
  const int64_t row = value.dim(0) == 0 ? 0 : value.num_elements() / value.dim(0);
  const int64_t size = static_cast<int64_t>(SizeOf(value.dtype()));
  CopyElements(value.dtype(), static_cast<const char*>(value.raw()) + begin * row * size,
               rows.mutable_raw(), rows.num_elements());
  return rows;
}

TensorShape ElementShape(const TensorShape& shape) {
  return TensorShape(std::vector<int64_t>(shape.dims().begin() + 1, shape.dims().end()));
}

absl::Status ScatterRun(KernelContext& c) {
  const Tensor& value = c.input(2);
  SLUICE_ASSIGN_OR_RETURN(TensorArray* const array, ArrayOf(c, value.dtype()));
  const absl::Span<const int32_t> indices = c.input(1).flat<int32_t>();
  if (static_cast<int64_t>(indices.size()) != value.dim(0)) {
    return absl::InvalidArgumentError(
        absl::StrCat("Expected len(indices) == values.shape[0], but "
                     "saw: ",
                     indices.size(), " vs. ", value.dim(0)));
  }
  const int32_t max = indices.empty() ? -1 : *std::max_element(indices.begin(), indices.end());
  array->Grow(int64_t{max} + 1);
  if (max >= array->size()) {
    return absl::InvalidArgumentError(
        absl::StrCat("Max scatter index must be < array size (", max, " vs. ", array->size(), ")"));
  }
  const TensorShape element = ElementShape(value.shape());
  for (size_t i = 0; i < indices.size(); ++i) {
    SLUICE_ASSIGN_OR_RETURN(const Tensor rows,
                            Rows(value, static_cast<int64_t>(i), element, c.budget()));
    SLUICE_RETURN_IF_ERROR(array->Write(indices[i], rows, c.budget()));
  }
  SetFlow(c, 3, 0);
  return absl::OkStatus();
}

absl::Status CheckConcat(const std::vector<Tensor>& elements) {
  for (size_t i = 0; i < elements.size(); ++i) {
    const TensorShape& shape = elements[i].shape();
    if (shape.rank() == 0) {
      return absl::InvalidArgumentError(absl::StrCat("Concat saw a scalar shape at index ", i,
                                                     " but requires at least vectors."));
    }
    if (ElementShape(shape) == ElementShape(elements[0].shape())) continue;
    return absl::InvalidArgumentError(absl::StrCat(
        "TensorArray has inconsistent shapes.  Index 0 has (excepting dimension 0) shape: ",
        ElementShape(elements[0].shape()).ToString(), " but index ", i,
        " has (excepting dimension 0) shape: ", ElementShape(shape).ToString()));
  }
  return absl::OkStatus();
}

absl::Status ConcatRun(KernelContext& c) {
  SLUICE_ASSIGN_OR_RETURN(TensorArray* const array, ArrayOf(c, c.attr<DType>("dtype")));
  std::vector<Tensor> elements;
  for (int64_t i = 0; i < array->size(); ++i) {
    SLUICE_ASSIGN_OR_RETURN(elements.emplace_back(), array->Read(i, c.budget()));
  }
  SLUICE_RETURN_IF_ERROR(CheckConcat(elements));
  const auto attr = c.attr<TensorShape>("element_shape_except0");
  TensorShape rest = attr;
  if (!elements.empty()) rest = ElementShape(elements[0].shape());
  if (!rest.CompatibleWith(attr) || !rest.fully_defined()) {
    return absl::InvalidArgumentError(
        absl::StrCat("TensorArray elements have (excepting dimension 0) shape ", rest.ToString(),
                     ", element_shape_except0 is ", attr.ToString()));
  }
  SLUICE_ASSIGN_OR_RETURN(Tensor* const lengths, c.Allocate(1, {array->size()}));
  int64_t rows = 0;
  for (size_t i = 0; i < elements.size(); ++i) {
    lengths->mutable_data<int64_t>()[i] = elements[i].dim(0);
    rows += elements[i].dim(0);
  }
  std::vector<int64_t> dims = {rows};
  dims.insert(dims.end(), rest.dims().begin(), rest.dims().end());
  SLUICE_ASSIGN_OR_RETURN(Tensor* const out, c.Allocate(0, TensorShape(dims)));
  return Join(elements, out);
}

absl::Status CheckLengths(const TensorArray& array, const Tensor& value,
                          absl::Span<const int64_t> lengths) {
  int64_t left = value.dim(0);
  for (const int64_t length : lengths) {
    if (length < 0 || length > left) {
      return absl::InvalidArgumentError(absl::StrCat(
          "Expected sum of lengths to be equal to values.shape[0], but the lengths are ",
          absl::StrJoin(lengths, ", "), " and value's shape is: ", value.shape().ToString()));
    }
    left -= length;
  }
  if (left != 0) {
    return absl::InvalidArgumentError(absl::StrCat(
        "Expected sum of lengths to be equal to values.shape[0], but sum of lengths is ",
        value.dim(0) - left, " and value's shape is: ", value.shape().ToString()));
  }
  if (array.size() == static_cast<int64_t>(lengths.size()) || array.dynamic_size()) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(
      absl::StrCat("TensorArray's size is not equal to the size of "
                   "lengths (",
                   array.size(), " vs. ", lengths.size(),
                   "), and the TensorArray is not marked as "
                   "dynamically resizeable"));
}

absl::Status SplitRun(KernelContext& c) {
  const Tensor& value = c.input(1);
  SLUICE_ASSIGN_OR_RETURN(TensorArray* const array, ArrayOf(c, value.dtype()));
  const absl::Span<const int64_t> lengths = c.input(2).flat<int64_t>();
  SLUICE_RETURN_IF_ERROR(CheckLengths(*array, value, lengths));
  array->Grow(static_cast<int64_t>(lengths.size()));
  int64_t begin = 0;
  for (size_t i = 0; i < lengths.size(); ++i) {
    TensorShape shape = value.shape();
    shape.set_dim(0, lengths[i]);
    SLUICE_ASSIGN_OR_RETURN(const Tensor rows, Rows(value, begin, shape, c.budget()));
    SLUICE_RETURN_IF_ERROR(array->Write(static_cast<int64_t>(i), rows, c.budget()));
    begin += lengths[i];
  }
  SetFlow(c, 3, 0);
  return absl::OkStatus();
}

// --- gradients (tensor_array_grad.py) ---
Outputs GatherGradient(At at, const Node& op, const Outputs& dy) {
  const auto [handle, flow] = TensorArrayGradV3(at, op.input(0), op.input(2), SourceOf(dy[0]));
  return {{}, {}, TensorArrayScatterV3(at, handle, op.input(1), dy[0], flow)};
}

Outputs ScatterGradient(At at, const Node& op, const Outputs& dy) {
  const auto [handle, flow] = TensorArrayGradV3(at, op.input(0), dy[0], SourceOf(dy[0]));
  return {{}, {}, TensorArrayGatherV3(at, handle, op.input(1), flow, op.input_dtype(2)), dy[0]};
}

Outputs ConcatGradient(At at, const Node& op, const Outputs& dy) {
  const auto [handle, flow] = TensorArrayGradV3(at, op.input(0), op.input(1), SourceOf(dy[0]));
  return {{}, TensorArraySplitV3(at, handle, dy[0], op.output(1), flow)};
}

Outputs SplitGradient(At at, const Node& op, const Outputs& dy) {
  const auto [handle, flow] = TensorArrayGradV3(at, op.input(0), dy[0], SourceOf(dy[0]));
  return {{}, TensorArrayConcatV3(at, handle, flow, op.input_dtype(1)).value, {}, dy[0]};
}

}  // namespace

OpSpec TensorArrayGatherV3Op() {
  return OpSpec("TensorArrayGatherV3")
      .Input("handle: resource")
      .Input("indices: int32")
      .Input("flow_in: float")
      .Output("value: dtype")
      .Attr("dtype: type")
      .Attr("element_shape: shape = { unknown_rank: true }")
      .Shape(GatherShape)
      .Kernel(GatherRun)
      .Stateful()
      .Gradient(GatherGradient);
}

OpSpec TensorArrayScatterV3Op() {
  return OpSpec("TensorArrayScatterV3")
      .Input("handle: resource")
      .Input("indices: int32")
      .Input("value: T")
      .Input("flow_in: float")
      .Output("flow_out: float")
      .Attr("T: type")
      .Shape(ScatterShape)
      .Kernel(ScatterRun)
      .Stateful()
      .Gradient(ScatterGradient);
}

OpSpec TensorArrayConcatV3Op() {
  return OpSpec("TensorArrayConcatV3")
      .Input("handle: resource")
      .Input("flow_in: float")
      .Output("value: dtype")
      .Output("lengths: int64")
      .Attr("dtype: type")
      .Attr("element_shape_except0: shape = { unknown_rank: true }")
      .Shape(ConcatShape)
      .Kernel(ConcatRun)
      .Stateful()
      .Gradient(ConcatGradient);
}

OpSpec TensorArraySplitV3Op() {
  return OpSpec("TensorArraySplitV3")
      .Input("handle: resource")
      .Input("value: T")
      .Input("lengths: int64")
      .Input("flow_in: float")
      .Output("flow_out: float")
      .Attr("T: type")
      .Shape(SplitShape)
      .Kernel(SplitRun)
      .Stateful()
      .Gradient(SplitGradient);
}

// --- builders ---
Output TensorArrayGatherV3(At at, Output handle, Output indices, Output flow_in, DType dtype,
                           const TensorShape& element_shape) {
  return at.Node("TensorArrayGatherV3", {handle, indices, flow_in},
                 {{"dtype", dtype}, {"element_shape", element_shape}});
}

Output TensorArrayScatterV3(At at, Output handle, Output indices, Output value, Output flow_in) {
  return at.Node("TensorArrayScatterV3", {handle, indices, value, flow_in});
}

TensorArrayConcatOutputs TensorArrayConcatV3(At at, Output handle, Output flow_in, DType dtype,
                                             const TensorShape& element_shape_except0) {
  Outputs out = at.Nodes("TensorArrayConcatV3", {handle, flow_in},
                         {{"dtype", dtype}, {"element_shape_except0", element_shape_except0}});
  out.resize(2);  // empty on failure
  return {out[0], out[1]};
}

Output TensorArraySplitV3(At at, Output handle, Output value, Output lengths, Output flow_in) {
  return at.Node("TensorArraySplitV3", {handle, value, lengths, flow_in});
}

}  // namespace sluice::ops
