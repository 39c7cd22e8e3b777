#include "tests/testing/state_runner.h"

#include "absl/strings/str_cat.h"
#include "core/status.h"
#include "glog/logging.h"
#include "graph/evaluate.h"
#include "ops/all_ops.h"

namespace sluice {
namespace {

VariableResource* VariableOf(const Tensor& handle) {
  auto* variable = dynamic_cast<VariableResource*>(handle.scalar<ResourceRef>().get());
  CHECK(variable != nullptr);
  return variable;
}

}  // namespace

Tensor StateRunner::Variable(const std::string& name, const Tensor& value) {
  const Tensor handle = Uninitialized(name, value.dtype(), value.shape());
  CHECK_EQ(VariableOf(handle)->Assign(value.Clone().value()), absl::OkStatus());
  return handle;
}

Tensor StateRunner::Uninitialized(const std::string& name, DType dtype, const TensorShape& shape) {
  ResourceRef resource = std::make_shared<VariableResource>(name, dtype, shape);
  resources_[name] = resource;
  return Tensor::Scalar<ResourceRef>(std::move(resource));
}

Tensor StateRunner::Value(const Tensor& handle) const {
  absl::StatusOr<Tensor> value = VariableOf(handle)->Read();
  CHECK(value.ok()) << value.status();
  return value->Clone().value();
}

absl::StatusOr<std::vector<Tensor>> StateRunner::Run(const std::string& op,
                                                     const std::vector<Tensor>& inputs,
                                                     AttrMap attrs) {
  const OpSpec* spec = ops::Builtin().Find(op);
  if (spec == nullptr) return absl::NotFoundError(absl::StrCat("no op ", op));
  for (size_t i = 0; i < inputs.size() && i < spec->inputs().size(); ++i) {
    const ArgSpec& arg = spec->inputs()[i];
    if (arg.type_attr.empty() || !arg.number_attr.empty()) continue;
    attrs.try_emplace(arg.type_attr,
                      arg.is_ref ? VariableOf(inputs[i])->dtype() : inputs[i].dtype());
  }
  EvaluateOptions options;
  options.threads = threads_;
  options.resources = this;
  options.node_name = op;
  return EvaluateOp(*spec, attrs, inputs, options);
}

absl::StatusOr<ResourceRef> StateRunner::GetOrCreate(const std::string& name,
                                                     const std::function<ResourceRef()>& make) {
  ResourceRef& resource = resources_[name];
  if (resource == nullptr) resource = make();
  return resource;
}

}  // namespace sluice
