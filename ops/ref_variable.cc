#include "ops/ref_variable.h"

#include <utility>

#include "core/status.h"
#include "ops/dtype_sets.h"
#include "ops/flops.h"
#include "ops/kernels/combine.h"
#include "ops/variable_util.h"

namespace sluice::ops {
namespace {

// --- shapes: of a reference, the variable's
// --------------------------------------------------------

absl::Status VariableV2Shape(ShapeContext& c) {
  const auto shape = c.attr<TensorShape>("shape");
  SLUICE_RETURN_IF_ERROR(shape.Check());
  c.set_output(0, shape);
  return absl::OkStatus();
}

TensorShape OldShape(TensorShape shape) {
  return shape.rank() == 0 ? TensorShape::Unknown() : shape;
}

absl::Status OldVariableShape(ShapeContext& c) {
  SLUICE_RETURN_IF_ERROR(VariableV2Shape(c));
  c.set_output(0, OldShape(c.output(0)));
  return absl::OkStatus();
}

absl::Status AssignShape(ShapeContext& c) {
  SLUICE_RETURN_IF_ERROR(CheckAssignable(c, 0, 1));
  SLUICE_ASSIGN_OR_RETURN(TensorShape known, c.variable_shape(0).MergeWith(c.input(1)));
  c.set_output(0, std::move(known));
  return absl::OkStatus();
}

// --- kernels -------------------------------------------------------------------------------------

absl::StatusOr<KernelRun> VariableV2Prepare(PrepareContext& p) {
  return PrepareVariableHandle(p, p.attr<TensorShape>("shape"));
}

absl::StatusOr<KernelRun> OldVariablePrepare(PrepareContext& p) {
  return PrepareVariableHandle(p, OldShape(p.attr<TensorShape>("shape")));
}

absl::StatusOr<KernelRun> AssignPrepare(PrepareContext& p) {
  SLUICE_ASSIGN_OR_RETURN(auto input, VariableInput::Resolve(p, 0, p.input_dtype(1)));
  p.WillSetOutput(0);
  const bool validate = p.attr<bool>("validate_shape");
  return KernelRun([input, validate](KernelContext& c) -> absl::Status {
    SLUICE_ASSIGN_OR_RETURN(VariableResource * variable, input.Get(c));
    const Tensor& value = c.input(1);
    if (validate && !variable->shape().fully_defined() && variable->initialized()) {
      SLUICE_ASSIGN_OR_RETURN(const Tensor present, variable->Read());
      if (present.shape() != value.shape()) {
        return absl::InvalidArgumentError(
            absl::StrCat("Assign requires shapes of both tensors to match. lhs shape= ",
                         present.shape().ToString(), " rhs shape= ", value.shape().ToString()));
      }
    }
    SLUICE_RETURN_IF_ERROR(variable->AssignCopy(value, c.budget()));
    ForwardReference(c);
    return absl::OkStatus();
  });
}

template <Combine how>
absl::StatusOr<KernelRun> AssignCombinePrepare(PrepareContext& p) {
  SLUICE_ASSIGN_OR_RETURN(auto input, VariableInput::Resolve(p, 0, p.input_dtype(1)));
  p.WillSetOutput(0);
  return KernelRun([input](KernelContext& c) -> absl::Status {
    SLUICE_ASSIGN_OR_RETURN(VariableResource * variable, input.Get(c));
    SLUICE_RETURN_IF_ERROR(CombineVariable(how, *variable, c));
    ForwardReference(c);
    return absl::OkStatus();
  });
}

absl::StatusOr<KernelRun> IsInitializedPrepare(PrepareContext& p) {
  SLUICE_ASSIGN_OR_RETURN(auto input, VariableInput::Resolve(p, 0, DType::kInvalid));
  return KernelRun([input](KernelContext& c) -> absl::Status {
    SLUICE_ASSIGN_OR_RETURN(const VariableResource* variable, input.Get(c));
    *c.output(0).mutable_data<bool>() = variable->initialized();
    return absl::OkStatus();
  });
}

OpSpec VariableSpec(const char* name, ShapeFn shape, KernelPrepare prepare) {
  return OpSpec(name)
      .Output("ref: Ref(dtype)")
      .Attr("shape: shape")
      .Attr("dtype: type")
      .Attr("container: string = ''")
      .Attr("shared_name: string = ''")
      .Shape(std::move(shape))
      .Prepare(std::move(prepare))
      .NotDifferentiable("a variable depends on nothing")
      .Stateful()
      .SessionConstant();
}

OpSpec AssignCombineSpec(const char* name, KernelPrepare prepare) {
  return OpSpec(name)
      .Input("ref: Ref(T)")
      .Input("value: T")
      .Output("output_ref: Ref(T)")
      .Attr("T: numbertype")
      .Attr("use_locking: bool = false")
      .Shape(CombineShape)
      .Prepare(std::move(prepare))
      .NoKernelFor("T", QuantizedNumbers(), "quantized numbers have no arithmetic of their own")
      .Flops(FlopsPerElement(1, 1))
      .NotDifferentiable("it changes a variable")
      .Stateful()
      .WritesResources();
}

}  // namespace

OpSpec VariableV2Op() { return VariableSpec("VariableV2", VariableV2Shape, VariableV2Prepare); }
OpSpec VariableOp() { return VariableSpec("Variable", OldVariableShape, OldVariablePrepare); }

OpSpec AssignOp() {
  return OpSpec("Assign")
      .Input("ref: Ref(T)")
      .Input("value: T")
      .Output("output_ref: Ref(T)")
      .Attr("T: type")
      .Attr("validate_shape: bool = true")
      .Attr("use_locking: bool = true")
      .Shape(AssignShape)
      .Prepare(AssignPrepare)
      .NotDifferentiable("it changes a variable")
      .Stateful()
      .AllowsUninitializedInput()
      .WritesResources();
}

OpSpec AssignAddOp() { return AssignCombineSpec("AssignAdd", AssignCombinePrepare<Combine::kAdd>); }
OpSpec AssignSubOp() { return AssignCombineSpec("AssignSub", AssignCombinePrepare<Combine::kSub>); }

OpSpec IsVariableInitializedOp() {
  return OpSpec("IsVariableInitialized")
      .Input("ref: Ref(dtype)")
      .Output("is_initialized: bool")
      .Attr("dtype: type")
      .Shape(shapes::Scalar)
      .Prepare(IsInitializedPrepare)
      .NotDifferentiable("its output is a bool")
      .Stateful()
      .AllowsUninitializedInput();
}

}  // namespace sluice::ops
