#include "ops/variable_util.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "core/status.h"

namespace sluice::ops {
namespace {

absl::Status NotAVariable(int i, const Tensor& handle) {
  return absl::InvalidArgumentError(
      absl::StrCat("input ", i, " must be the handle of a variable, got ", handle.DebugString()));
}

absl::StatusOr<std::shared_ptr<VariableResource>> VariableOf(const Tensor& handle, int i) {
  if (handle.dtype() != DType::kResource || handle.num_elements() != 1) {
    return NotAVariable(i, handle);
  }
  auto variable = std::dynamic_pointer_cast<VariableResource>(handle.scalar<ResourceRef>());
  if (variable == nullptr) return NotAVariable(i, handle);
  return variable;
}

absl::Status CheckDType(const VariableResource& variable, DType wanted) {
  if (wanted == DType::kInvalid || variable.dtype() == wanted) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("Trying to access variable '", variable.name(), "' with wrong dtype. Expected ",
                   DTypeName(variable.dtype()), " got ", DTypeName(wanted)));
}

}  // namespace

absl::StatusOr<VariableInput> VariableInput::Resolve(const PrepareContext& p, int i, DType dtype) {
  VariableInput input;
  input.input_ = i;
  input.dtype_ = BaseType(dtype);
  if (const Tensor* handle = p.constant_input(i)) {
    SLUICE_ASSIGN_OR_RETURN(input.known_, VariableOf(*handle, i));
    SLUICE_RETURN_IF_ERROR(CheckDType(*input.known_, input.dtype_));
  }
  return input;
}

absl::StatusOr<VariableResource*> VariableInput::Get(const KernelContext& c) const {
  if (known_ != nullptr) return known_.get();
  SLUICE_ASSIGN_OR_RETURN(const std::shared_ptr<VariableResource> variable,
                          VariableOf(c.input(input_), input_));
  SLUICE_RETURN_IF_ERROR(CheckDType(*variable, dtype_));
  return variable.get();  // the session and the input tensor keep it
}

absl::StatusOr<KernelRun> PrepareVariableHandle(PrepareContext& p, const TensorShape& shape) {
  const auto shared_name = p.attr<std::string>("shared_name");
  const auto container = p.attr<std::string>("container");
  const std::string name = shared_name.empty() ? p.node_name() : shared_name;
  const DType dtype = p.attr<DType>("dtype");
  // '|' stands in no name, so two containers cannot meet.
  SLUICE_ASSIGN_OR_RETURN(
      ResourceRef resource,
      p.resources().GetOrCreate(container.empty() ? name : absl::StrCat(container, "|", name), [&] {
        return std::make_shared<VariableResource>(name, dtype, shape);
      }));
  const auto* variable = dynamic_cast<const VariableResource*>(resource.get());
  if (variable == nullptr) {
    return absl::InvalidArgumentError(
        absl::StrCat("'", Printable(name), "' is ", resource->DebugString(), ", not a variable"));
  }
  if (variable->dtype() != dtype || !variable->shape().CompatibleWith(shape)) {
    return absl::InvalidArgumentError(absl::StrCat("the session holds ", variable->DebugString(),
                                                   ", this op wants ", DTypeName(dtype),
                                                   shape.ToString(), " under the same name"));
  }
  p.WillSetOutput(0);
  return KernelRun([handle = Tensor::Scalar<ResourceRef>(std::move(resource))](KernelContext& c) {
    c.SetOutput(0, handle);
    return absl::OkStatus();
  });
}

void ForwardReference(KernelContext& c) { c.SetOutput(0, c.input(0)); }

absl::Status CheckAssignable(const ShapeContext& c, int variable, int value) {
  const TensorShape& declared = c.variable_shape(variable);
  if (declared.CompatibleWith(c.input(value))) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(
      "Assign requires shapes of both tensors to match. lhs shape= ", declared.ToString(),
      " rhs shape= ", c.input(value).ToString()));
}

namespace {

absl::Status NotTheSameShape(const TensorShape& variable, const TensorShape& value) {
  return absl::InvalidArgumentError(absl::StrCat("Cannot update variable with shape ",
                                                 variable.ToString(), " using a Tensor with shape ",
                                                 value.ToString(), ", shapes must be equal."));
}

}  // namespace

absl::Status CombineShape(ShapeContext& c) {
  const TensorShape variable = c.variable_shape(0);
  if (!variable.CompatibleWith(c.input(1))) return NotTheSameShape(variable, c.input(1));
  if (c.num_outputs() > 0) c.set_output(0, variable);
  return absl::OkStatus();
}

absl::Status CombineVariable(Combine how, VariableResource& variable, const KernelContext& c) {
  VariableUpdate update;
  SLUICE_RETURN_IF_ERROR(update.Lock({&variable}, c.budget()));
  Tensor& value = update.value(0);
  const Tensor& by = c.input(1);
  if (value.shape() != by.shape()) return NotTheSameShape(value.shape(), by.shape());
  if (by.dtype() == DType::kBool || by.dtype() == DType::kString) {
    return absl::UnimplementedError(
        absl::StrCat("only numbers are added to a variable, got ", DTypeName(by.dtype())));
  }
  return CombineElements(how, by, value);
}

}  // namespace sluice::ops
