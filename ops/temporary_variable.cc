#include "ops/temporary_variable.h"

#include <memory>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "core/status.h"
#include "ops/kernels/strided_copy.h"
#include "ops/variable_util.h"

namespace sluice::ops {
namespace {

// --- DestroyResourceOp ---------------------------------------------------------------------------

absl::StatusOr<KernelRun> DestroyPrepare(PrepareContext& p) {
  SLUICE_ASSIGN_OR_RETURN(auto input, VariableInput::Resolve(p, 0, DType::kInvalid));
  return KernelRun(
      [input, ignore = p.attr<bool>("ignore_lookup_error")](KernelContext& c) -> absl::Status {
        SLUICE_ASSIGN_OR_RETURN(VariableResource * variable, input.Get(c));
        if (!variable->initialized()) {
          if (ignore) return absl::OkStatus();
          return absl::NotFoundError(absl::StrCat("Resource localhost/", variable->name(),
                                                  " does not exist: it has no value"));
        }
        return variable->Update(c.budget(), [](Tensor& value) {
          value = Tensor();
          return absl::OkStatus();
        });
      });
}

// --- temporary variables -------------------------------------------------------------------------

absl::Status TemporaryShape(ShapeContext& c) {
  const auto shape = c.attr<TensorShape>("shape");
  SLUICE_RETURN_IF_ERROR(shape.Check());
  c.set_output(0, shape);
  return absl::OkStatus();
}

// The variable's name: its node's unless attr var_name gives one.
std::string NameOf(const PrepareContext& p) {
  const auto name = p.attr<std::string>("var_name");
  return name.empty() ? p.node_name() : name;
}

absl::StatusOr<KernelRun> TemporaryPrepare(PrepareContext& p) {
  const auto shape = p.attr<TensorShape>("shape");
  if (!shape.fully_defined()) {
    return absl::InvalidArgumentError(
        absl::StrCat("a temporary variable needs a defined shape, got ", shape.ToString()));
  }
  p.WillSetOutput(0);
  const auto dtype = p.attr<DType>("dtype");
  return KernelRun([name = NameOf(p), shape, dtype](KernelContext& c) -> absl::Status {
    SLUICE_ASSIGN_OR_RETURN(Tensor value, Tensor::Make(dtype, shape, c.budget()));
    ZeroElements(dtype, value.mutable_raw(), value.num_elements());
    auto variable = std::make_shared<VariableResource>(name, dtype, shape);
    SLUICE_RETURN_IF_ERROR(variable->Assign(std::move(value)));
    c.SetOutput(0, Tensor::Scalar<ResourceRef>(std::move(variable)));
    return absl::OkStatus();
  });
}

absl::Status DestroyTemporaryShape(ShapeContext& c) {
  c.set_output(0, c.variable_shape(0));
  return absl::OkStatus();
}

absl::StatusOr<KernelRun> DestroyTemporaryPrepare(PrepareContext& p) {
  SLUICE_ASSIGN_OR_RETURN(auto input, VariableInput::Resolve(p, 0, p.output_dtype(0)));
  p.WillSetOutput(0);
  return KernelRun(
      [input, name = p.attr<std::string>("var_name")](KernelContext& c) -> absl::Status {
        SLUICE_ASSIGN_OR_RETURN(const VariableResource* variable, input.Get(c));
        if (variable->name() != name) {
          return absl::InvalidArgumentError(absl::StrCat("var_name is '", Printable(name),
                                                         "', the variable is '",
                                                         Printable(variable->name()), "'"));
        }
        SLUICE_ASSIGN_OR_RETURN(Tensor value, variable->Read());
        c.SetOutput(0, std::move(value));
        return absl::OkStatus();
      });
}

}  // namespace

OpSpec DestroyResourceOpOp() {
  return OpSpec("DestroyResourceOp")
      .Input("resource: resource")
      .Attr("ignore_lookup_error: bool = true")
      .Shape(shapes::NoOutputs)
      .Prepare(DestroyPrepare)
      .NotDifferentiable("it removes a variable")
      .Stateful()
      .AllowsUninitializedInput()
      .WritesResources();
}

OpSpec TemporaryVariableOp() {
  return OpSpec("TemporaryVariable")
      .Output("ref: Ref(dtype)")
      .Attr("shape: shape")
      .Attr("dtype: type")
      .Attr("var_name: string = ''")
      .Shape(TemporaryShape)
      .Prepare(TemporaryPrepare)
      .NoKernelFor("dtype", {DType::kVariant}, "a variable cannot hold variants")
      .NotDifferentiable("a variable depends on nothing")
      .Stateful();
}

OpSpec DestroyTemporaryVariableOp() {
  return OpSpec("DestroyTemporaryVariable")
      .Input("ref: Ref(T)")
      .Output("value: T")
      .Attr("T: type")
      .Attr("var_name: string")
      .Shape(DestroyTemporaryShape)
      .Prepare(DestroyTemporaryPrepare)
      .NoKernelFor("T", {DType::kVariant}, "a variable cannot hold variants")
      .NotDifferentiable("it removes a variable")
      .Stateful();
}

Output DestroyResourceOp(At at, Output resource, bool ignore_lookup_error) {
  return at.Node("DestroyResourceOp", {resource}, {{"ignore_lookup_error", ignore_lookup_error}});
}

}  // namespace sluice::ops
