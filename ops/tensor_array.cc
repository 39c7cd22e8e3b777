// TensorFlow 1's TensorArray ops; the array itself is ops/kernels/tensor_array.h.
#include "ops/tensor_array.h"

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/status.h"
#include "graph/node.h"
#include "graph/op_spec.h"
#include "ops/tensor_array_util.h"

namespace sluice::ops {
namespace {

using kernels::TensorArray;

// --- shapes ---
absl::Status NewShape(ShapeContext& c) {
  SLUICE_RETURN_IF_ERROR(c.WithRank(0, 0).status());
  return shapes::Scalar(c);
}

absl::Status ReadShape(ShapeContext& c) {
  SLUICE_RETURN_IF_ERROR(c.WithRank(1, 0).status());
  SLUICE_RETURN_IF_ERROR(c.WithRank(2, 0).status());
  return shapes::Unknown(c);
}

// --- kernels ---
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
Outputs WriteGradient(At at, const Node& op, const Outputs& dy) {
  const auto [handle, flow] = TensorArrayGradV3(at, op.input(0), dy[0], SourceOf(dy[0]));
  return {{}, {}, TensorArrayReadV3(at, handle, op.input(1), flow, op.input_dtype(2)), dy[0]};
}

Outputs ReadGradient(At at, const Node& op, const Outputs& dy) {
  const auto [handle, flow] = TensorArrayGradV3(at, op.input(0), op.input(2), SourceOf(dy[0]));
  return {{}, {}, TensorArrayWriteV3(at, handle, op.input(1), dy[0], flow)};
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

Output TensorArraySizeV3(At at, Output handle, Output flow_in) {
  return at.Node("TensorArraySizeV3", {handle, flow_in});
}

Output TensorArrayCloseV3(At at, Output handle) { return at.Node("TensorArrayCloseV3", {handle}); }

}  // namespace sluice::ops
