// TensorFlow 1's TensorArray ops; the array itself is ops/kernels/tensor_array.h.
#include "ops/tensor_array.h"

#include <algorithm>
#include <cstring>
#include <memory>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "core/status.h"
#include "graph/node.h"
#include "graph/op_spec.h"
#include "ops/kernels/strided_copy.h"
#include "ops/kernels/tensor_array.h"

namespace sluice::ops {
namespace {

using kernels::TensorArray;

// --- shapes ---
absl::Status NewShape(ShapeContext& c) {
  SLUICE_RETURN_IF_ERROR(c.WithRank(0, 0).status());
  return shapes::Scalar(c);
}

// Inputs of rank 0 are those in `scalars`; every output is a scalar.
template <int... scalars>
absl::Status ScalarShape(ShapeContext& c) {
  absl::Status status;
  ((status.ok() ? void(status = c.WithRank(scalars, 0).status()) : void()), ...);
  SLUICE_RETURN_IF_ERROR(status);
  return shapes::Scalar(c);
}

absl::Status ReadShape(ShapeContext& c) {
  SLUICE_RETURN_IF_ERROR(c.WithRank(1, 0).status());
  SLUICE_RETURN_IF_ERROR(c.WithRank(2, 0).status());
  return shapes::Unknown(c);
}

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
absl::StatusOr<TensorArray*> ArrayOf(KernelContext& c) {
  const Tensor& handle = c.input(0);
  TensorArray* array = nullptr;
  if (handle.num_elements() == 1) {
    array = dynamic_cast<TensorArray*>(handle.flat<ResourceRef>()[0].get());
  }
  if (array == nullptr) return absl::InvalidArgumentError("the handle is not a TensorArray's");
  SLUICE_RETURN_IF_ERROR(array->CheckOpen());
  return array;
}

absl::StatusOr<TensorArray*> ArrayOf(KernelContext& c, DType wanted) {
  SLUICE_ASSIGN_OR_RETURN(TensorArray* const array, ArrayOf(c));
  if (array->dtype() == wanted) return array;
  return absl::InvalidArgumentError(absl::StrCat("TensorArray dtype is ", DTypeName(array->dtype()),
                                                 " but Op requested dtype ", DTypeName(wanted)));
}

void SetFlow(KernelContext& c, int input, int output) {
  *c.output(output).mutable_data<float>() = c.input(input).scalar<float>();
}

absl::Status NewRun(KernelContext& c) {
  const int64_t size = c.input(0).scalar<int32_t>();
  if (size < 0) return absl::InvalidArgumentError(absl::StrCat("Size should be >= 0, got ", size));
  kernels::TensorArrayOptions options;
  options.name = c.attr<std::string>("tensor_array_name");
  if (options.name.empty()) options.name = c.node_name();
  options.dtype = c.attr<DType>("dtype");
  options.element_shape = c.attr<TensorShape>("element_shape");
  options.dynamic_size = c.attr<bool>("dynamic_size");
  options.clear_after_read = c.attr<bool>("clear_after_read");
  options.identical_element_shapes = c.attr<bool>("identical_element_shapes");
  c.output(0).mutable_data<ResourceRef>()[0] =
      std::make_shared<TensorArray>(std::move(options), size);
  *c.output(1).mutable_data<float>() = 0;
  return absl::OkStatus();
}

absl::Status GradRun(KernelContext& c) {
  SLUICE_ASSIGN_OR_RETURN(TensorArray* const array, ArrayOf(c));
  TensorShape prepend({});
  if (c.num_inputs() == 3) {
    SLUICE_ASSIGN_OR_RETURN(const std::vector<int64_t> dims, c.input(2).ToInt64s());
    for (const int64_t dim : dims) {
      if (dim < 0) return absl::InvalidArgumentError("shape_to_prepend must not be negative");
    }
    prepend = TensorShape(dims);
    SLUICE_RETURN_IF_ERROR(prepend.Check());
  }
  c.output(0).mutable_data<ResourceRef>()[0] =
      array->Gradient(c.attr<std::string>("source"), prepend);
  SetFlow(c, 1, 1);
  return absl::OkStatus();
}

absl::Status WriteRun(KernelContext& c) {
  SLUICE_ASSIGN_OR_RETURN(TensorArray* const array, ArrayOf(c, c.input(2).dtype()));
  SLUICE_ASSIGN_OR_RETURN(const Tensor value, c.input(2).Clone(c.budget()));
  SLUICE_RETURN_IF_ERROR(array->Write(c.input(1).scalar<int32_t>(), value, c.budget()));
  SetFlow(c, 3, 0);
  return absl::OkStatus();
}

absl::StatusOr<KernelRun> ReadPrepare(PrepareContext& p) {
  p.WillSetOutput(0);
  return KernelRun([dtype = p.output_dtype(0)](KernelContext& c) -> absl::Status {
    SLUICE_ASSIGN_OR_RETURN(TensorArray* const array, ArrayOf(c, dtype));
    SLUICE_ASSIGN_OR_RETURN(Tensor value, array->Read(c.input(1).scalar<int32_t>(), c.budget()));
    c.SetOutput(0, std::move(value));
    return absl::OkStatus();
  });
}

// Elements joined along their first dimension, which `leading` counts (-1: they have one each).
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

absl::Status SizeRun(KernelContext& c) {
  SLUICE_ASSIGN_OR_RETURN(TensorArray* const array, ArrayOf(c));
  *c.output(0).mutable_data<int32_t>() = static_cast<int32_t>(array->size());
  return absl::OkStatus();
}

absl::Status CloseRun(KernelContext& c) {
  SLUICE_ASSIGN_OR_RETURN(TensorArray* const array, ArrayOf(c));
  return array->Close();
}

// --- gradients (tensor_array_grad.py) ---
// The name of the gradient computation that `dy` belongs to: its scopes up to the last one whose
// name begins with "gradients".
std::string SourceOf(const Output& dy) {
  std::vector<std::string> parts = absl::StrSplit(dy.node()->name(), '/');
  while (!parts.empty() && !absl::StartsWith(parts.back(), "gradients")) parts.pop_back();
  return parts.empty() ? "gradients" : absl::StrJoin(parts, "/");
}

Outputs WriteGradient(At at, const Node& op, const Outputs& dy) {
  const auto [handle, flow] = TensorArrayGradV3(at, op.input(0), dy[0], SourceOf(dy[0]));
  return {{}, {}, TensorArrayReadV3(at, handle, op.input(1), flow, op.input_dtype(2)), dy[0]};
}

Outputs ReadGradient(At at, const Node& op, const Outputs& dy) {
  const auto [handle, flow] = TensorArrayGradV3(at, op.input(0), op.input(2), SourceOf(dy[0]));
  return {{}, {}, TensorArrayWriteV3(at, handle, op.input(1), dy[0], flow)};
}

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

constexpr char kNoGradient[] = "a handle or a size has no gradient";

}  // namespace

OpSpec TensorArrayV3Op() {
  return OpSpec("TensorArrayV3")
      .Input("size: int32")
      .Output("handle: resource")
      .Output("flow: float")
      .Attr("dtype: type")
      .Attr("element_shape: shape = { unknown_rank: true }")
      .Attr("dynamic_size: bool = false")
      .Attr("clear_after_read: bool = true")
      .Attr("identical_element_shapes: bool = false")
      .Attr("tensor_array_name: string = ''")
      .Shape(NewShape)
      .Kernel(NewRun)
      .Stateful()
      .NotDifferentiable(kNoGradient);
}

OpSpec TensorArrayGradV3Op() {
  return OpSpec("TensorArrayGradV3")
      .Input("handle: resource")
      .Input("flow_in: float")
      .Output("grad_handle: resource")
      .Output("flow_out: float")
      .Attr("source: string")
      .Shape(ScalarShape<1>)
      .Kernel(GradRun)
      .Stateful()
      .NotDifferentiable(kNoGradient);
}

OpSpec TensorArrayGradWithShapeOp() {
  return OpSpec("TensorArrayGradWithShape")
      .Input("handle: resource")
      .Input("flow_in: float")
      .Input("shape_to_prepend: int32")
      .Output("grad_handle: resource")
      .Output("flow_out: float")
      .Attr("source: string")
      .Shape(ScalarShape<1>)
      .Kernel(GradRun)
      .Stateful()
      .NotDifferentiable(kNoGradient);
}

OpSpec TensorArrayWriteV3Op() {
  return OpSpec("TensorArrayWriteV3")
      .Input("handle: resource")
      .Input("index: int32")
      .Input("value: T")
      .Input("flow_in: float")
      .Output("flow_out: float")
      .Attr("T: type")
      .Shape(ScalarShape<1, 3>)
      .Kernel(WriteRun)
      .Stateful()
      .Gradient(WriteGradient);
}

OpSpec TensorArrayReadV3Op() {
  return OpSpec("TensorArrayReadV3")
      .Input("handle: resource")
      .Input("index: int32")
      .Input("flow_in: float")
      .Output("value: dtype")
      .Attr("dtype: type")
      .Shape(ReadShape)
      .Prepare(ReadPrepare)
      .Stateful()
      .Gradient(ReadGradient);
}

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

OpSpec TensorArraySizeV3Op() {
  return OpSpec("TensorArraySizeV3")
      .Input("handle: resource")
      .Input("flow_in: float")
      .Output("size: int32")
      .Shape(ScalarShape<1>)
      .Kernel(SizeRun)
      .Stateful()
      .NotDifferentiable(kNoGradient);
}

OpSpec TensorArrayCloseV3Op() {
  return OpSpec("TensorArrayCloseV3")
      .Input("handle: resource")
      .Shape(shapes::NoOutputs)
      .Kernel(CloseRun)
      .Stateful()
      .NotDifferentiable(kNoGradient);
}

// --- builders ---
TensorArrayOutputs TensorArrayV3(At at, Output size, DType dtype,
                                 const TensorArrayOptions& options) {
  Outputs out = at.Nodes("TensorArrayV3", {size},
                         {{"dtype", dtype},
                          {"element_shape", options.element_shape},
                          {"dynamic_size", options.dynamic_size},
                          {"clear_after_read", options.clear_after_read},
                          {"identical_element_shapes", options.identical_element_shapes},
                          {"tensor_array_name", options.tensor_array_name}});
  out.resize(2);  // empty on failure
  return {out[0], out[1]};
}

TensorArrayOutputs TensorArrayGradV3(At at, Output handle, Output flow_in,
                                     const std::string& source) {
  Outputs out = at.Nodes("TensorArrayGradV3", {handle, flow_in}, {{"source", source}});
  out.resize(2);  // empty on failure
  return {out[0], out[1]};
}

Output TensorArrayWriteV3(At at, Output handle, Output index, Output value, Output flow_in) {
  return at.Node("TensorArrayWriteV3", {handle, index, value, flow_in});
}

Output TensorArrayReadV3(At at, Output handle, Output index, Output flow_in, DType dtype) {
  return at.Node("TensorArrayReadV3", {handle, index, flow_in}, {{"dtype", dtype}});
}

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

Output TensorArraySizeV3(At at, Output handle, Output flow_in) {
  return at.Node("TensorArraySizeV3", {handle, flow_in});
}

Output TensorArrayCloseV3(At at, Output handle) { return at.Node("TensorArrayCloseV3", {handle}); }

}  // namespace sluice::ops
