// Resource variables. A handle is one value per session (SessionConstant), so plans resolve it to
// the VariableResource once; reads share the variable's buffer, writes are ordered by control edges
// only.
#include "ops/variable.h"

#include <utility>
#include <vector>

#include "core/status.h"
#include "graph/node.h"
#include "graph/op_spec.h"
#include "ops/dtype_sets.h"
#include "ops/flops.h"
#include "ops/variable_util.h"

namespace sluice::ops {
namespace {

// --- shapes --------------------------------------------------------------------------------------

absl::Status HandleShape(ShapeContext& c) {
  SLUICE_RETURN_IF_ERROR(c.attr<TensorShape>("shape").Check());
  return shapes::Scalar(c);
}

absl::Status ReadShape(ShapeContext& c) {
  c.set_output(0, c.variable_shape(0));
  return absl::OkStatus();
}

absl::Status VariableShapeShape(ShapeContext& c) {
  const TensorShape shape = c.variable_shape(0);
  c.set_output(0, shape.rank_known() ? TensorShape({shape.rank()}) : TensorShape::OfRank(1));
  return absl::OkStatus();
}

absl::Status InitializedValueShape(ShapeContext& c) {
  c.set_output(0, c.input(1));
  return absl::OkStatus();
}

absl::Status AssignShape(ShapeContext& c) { return CheckAssignable(c, 0, 1); }

// --- kernels -------------------------------------------------------------------------------------

absl::StatusOr<KernelRun> HandlePrepare(PrepareContext& p) {
  return PrepareVariableHandle(p, p.attr<TensorShape>("shape"));
}

absl::StatusOr<KernelRun> ReadPrepare(PrepareContext& p) {
  SLUICE_ASSIGN_OR_RETURN(auto input, VariableInput::Resolve(p, 0, p.output_dtype(0)));
  p.WillSetOutput(0);
  return KernelRun([input](KernelContext& c) -> absl::Status {
    SLUICE_ASSIGN_OR_RETURN(const VariableResource* variable, input.Get(c));
    SLUICE_ASSIGN_OR_RETURN(Tensor value, variable->Read());
    c.SetOutput(0, std::move(value));
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

// The value, or input 1 while there is none.
absl::StatusOr<KernelRun> InitializedValuePrepare(PrepareContext& p) {
  SLUICE_ASSIGN_OR_RETURN(auto input, VariableInput::Resolve(p, 0, p.input_dtype(1)));
  return KernelRun([input](KernelContext& c) -> absl::Status {
    SLUICE_ASSIGN_OR_RETURN(const VariableResource* variable, input.Get(c));
    if (!variable->initialized()) {
      c.SetOutput(0, c.input(1));
      return absl::OkStatus();
    }
    SLUICE_ASSIGN_OR_RETURN(Tensor value, variable->Read());
    if (value.shape() != c.output(0).shape()) {
      return absl::InvalidArgumentError(
          absl::StrCat("the variable has shape ", value.shape().ToString(), ", its initial value ",
                       c.output(0).shape().ToString()));
    }
    c.SetOutput(0, std::move(value));
    return absl::OkStatus();
  });
}

absl::StatusOr<KernelRun> VariableShapePrepare(PrepareContext& p) {
  SLUICE_ASSIGN_OR_RETURN(auto input, VariableInput::Resolve(p, 0, DType::kInvalid));
  return KernelRun([input](KernelContext& c) -> absl::Status {
    SLUICE_ASSIGN_OR_RETURN(const VariableResource* variable, input.Get(c));
    SLUICE_ASSIGN_OR_RETURN(const Tensor value, variable->Read());
    SLUICE_ASSIGN_OR_RETURN(Tensor * shape, c.Allocate(0, {value.shape().rank()}));
    for (int i = 0; i < value.shape().rank(); ++i) {
      if (shape->dtype() == DType::kInt64) {
        shape->mutable_data<int64_t>()[i] = value.dim(i);
      } else if (value.dim(i) <= INT32_MAX) {
        shape->mutable_data<int32_t>()[i] = static_cast<int32_t>(value.dim(i));
      } else {
        return absl::InvalidArgumentError(absl::StrCat(
            "dimension ", i, " of ", value.shape().ToString(), " does not fit out_type int32"));
      }
    }
    return absl::OkStatus();
  });
}

absl::StatusOr<KernelRun> AssignPrepare(PrepareContext& p) {
  SLUICE_ASSIGN_OR_RETURN(auto input, VariableInput::Resolve(p, 0, p.input_dtype(1)));
  return KernelRun([input](KernelContext& c) -> absl::Status {
    SLUICE_ASSIGN_OR_RETURN(VariableResource * variable, input.Get(c));
    return variable->AssignCopy(c.input(1), c.budget());
  });
}

template <Combine how>
absl::StatusOr<KernelRun> AssignCombinePrepare(PrepareContext& p) {
  SLUICE_ASSIGN_OR_RETURN(auto input, VariableInput::Resolve(p, 0, p.input_dtype(1)));
  return KernelRun([input](KernelContext& c) -> absl::Status {
    SLUICE_ASSIGN_OR_RETURN(VariableResource * variable, input.Get(c));
    return CombineVariable(how, *variable, c);
  });
}

// --- gradients -----------------------------------------------------------------------------------

// With respect to the handle: the gradient of the variable's value.
Outputs ReadGradient(At, const Node&, const Outputs& dy) { return {dy[0]}; }

constexpr char kChangesVariable[] = "it changes a variable and has no output";

OpSpec InitializedValueSpec(const char* name, const char* variable) {
  return OpSpec(name)
      .Input(variable)
      .Input("initial_value: dtype")
      .Output("value: dtype")
      .Attr("dtype: type")
      .Shape(InitializedValueShape)
      .Prepare(InitializedValuePrepare)
      .NotDifferentiable("initial values are not trained")
      .Stateful()
      .AllowsUninitializedInput();
}

std::vector<DType> NotNumbers() {
  std::vector<DType> types = NeitherNumbersNorStrings();
  types.insert(types.end(), {DType::kBool, DType::kString});
  return types;
}

OpSpec AssignSpec(const char* name, KernelPrepare prepare, ShapeFn shape) {
  return OpSpec(name)
      .Input("resource: resource")
      .Input("value: dtype")
      .Attr("dtype: type")
      .Shape(std::move(shape))
      .Prepare(std::move(prepare))
      .NotDifferentiable(kChangesVariable)
      .Stateful()
      .WritesResources();
}

}  // namespace

OpSpec VarHandleOpOp() {
  return OpSpec("VarHandleOp")
      .Output("resource: resource")
      .Attr("container: string = ''")
      .Attr("shared_name: string = ''")
      .Attr("dtype: type")
      .Attr("shape: shape")
      .Shape(HandleShape)
      .Prepare(HandlePrepare)
      .NotDifferentiable("a variable depends on nothing")
      .Stateful()
      .SessionConstant();
}

OpSpec ReadVariableOpOp() {
  return OpSpec("ReadVariableOp")
      .Input("resource: resource")
      .Output("value: dtype")
      .Attr("dtype: type")
      .Shape(ReadShape)
      .Prepare(ReadPrepare)
      .Gradient(ReadGradient)
      .PassesGradientThrough()
      .ReadsVariable()
      .Stateful();
}

OpSpec VarIsInitializedOpOp() {
  return OpSpec("VarIsInitializedOp")
      .Input("resource: resource")
      .Output("is_initialized: bool")
      .Shape(shapes::Scalar)
      .Prepare(IsInitializedPrepare)
      .NotDifferentiable("its output is a bool")
      .Stateful()
      .AllowsUninitializedInput();
}

OpSpec InitializedValueOp() {
  return InitializedValueSpec("InitializedValue", "resource: resource");
}
OpSpec InitializedRefValueOp() {
  return InitializedValueSpec("InitializedRefValue", "ref: Ref(dtype)");
}

OpSpec VariableShapeOp() {
  return OpSpec("VariableShape")
      .Input("input: resource")
      .Output("output: out_type")
      .Attr("out_type: {int32, int64} = DT_INT32")
      .Shape(VariableShapeShape)
      .Prepare(VariableShapePrepare)
      .NotDifferentiable("its output is integer")
      .Stateful();
}

OpSpec AssignVariableOpOp() {
  return AssignSpec("AssignVariableOp", AssignPrepare, AssignShape).AllowsUninitializedInput();
}
OpSpec AssignAddVariableOpOp() {
  return AssignSpec("AssignAddVariableOp", AssignCombinePrepare<Combine::kAdd>, CombineShape)
      .Flops(FlopsPerElement(1, 1))
      .NoKernelFor("dtype", NotNumbers(), "only numbers are added up");
}
OpSpec AssignSubVariableOpOp() {
  return AssignSpec("AssignSubVariableOp", AssignCombinePrepare<Combine::kSub>, CombineShape)
      .Flops(FlopsPerElement(1, 1))
      .NoKernelFor("dtype", NotNumbers(), "only numbers are subtracted");
}

Output VarHandleOp(At at, DType dtype, const TensorShape& shape, VarHandleOpOptions options) {
  return at.Node("VarHandleOp", {},
                 {{"container", options.container},
                  {"shared_name", options.shared_name},
                  {"dtype", dtype},
                  {"shape", shape}});
}
Output ReadVariableOp(At at, Output resource, DType dtype) {
  return at.Node("ReadVariableOp", {resource}, {{"dtype", dtype}});
}
Output VarIsInitializedOp(At at, Output resource) {
  return at.Node("VarIsInitializedOp", {resource});
}
Output InitializedValue(At at, Output resource, Output initial_value) {
  return at.Node("InitializedValue", {resource, initial_value});
}
Output VariableShape(At at, Output input, DType out_type) {
  return at.Node("VariableShape", {input}, {{"out_type", out_type}});
}
Output AssignVariableOp(At at, Output resource, Output value) {
  return at.Node("AssignVariableOp", {resource, value});
}
Output AssignAddVariableOp(At at, Output resource, Output value) {
  return at.Node("AssignAddVariableOp", {resource, value});
}
Output AssignSubVariableOp(At at, Output resource, Output value) {
  return at.Node("AssignSubVariableOp", {resource, value});
}
}  // namespace sluice::ops
