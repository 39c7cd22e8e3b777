#include "layers/layer.h"

#include "core/status.h"
#include "graph/graph.h"

namespace sluice {

std::optional<bool> Training::Known() const {
  if (tensor_.empty()) return fixed_;
  const std::optional<Tensor> value = tensor_.graph()->ConstantValue(tensor_);
  if (!value.has_value() || value->dtype() != DType::kBool || value->num_elements() != 1)
    return std::nullopt;
  return value->scalar<bool>();
}

absl::Status Training::Check(const Graph& graph) const {
  if (tensor_.empty()) return absl::OkStatus();
  if (tensor_.graph() != &graph)
    return absl::InvalidArgumentError("`training` is not an element of this graph");
  if (tensor_.dtype() != DType::kBool || !tensor_.shape().CompatibleWith({})) {
    return absl::InvalidArgumentError(absl::StrCat("`training` must be a bool scalar, got ",
                                                   DTypeName(tensor_.dtype()),
                                                   tensor_.shape().ToString()));
  }
  return absl::OkStatus();
}

namespace layers {

absl::Status CheckPositive(const char* option, int64_t value) {
  if (value > 0) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("The `", option, "` argument must be > 0. Received: ", value));
}

std::vector<Variable> Layer::trainable_variables() const {
  std::vector<Variable> trainable;
  for (const Variable& v : variables_) {
    if (v.trainable()) trainable.push_back(v);
  }
  return trainable;
}

int64_t Layer::count_params() const {
  int64_t count = 0;
  for (const Variable& v : variables_) count += v.shape().num_elements();
  return count;
}

// The place of this call: the layer's scope, opened at the first call and entered again at later
// ones (rules L-3, L-5).
At Layer::Enter(At at) {
  const Scope outside = at.scope().Named("");
  if (!scope_.has_value()) {
    const bool by_name =
        naming_.reuse == Reuse::kTrue || (kind_ == Kind::kFunction && !naming_.name.empty());
    const std::string base = naming_.name.empty() ? naming_.default_name : naming_.name;
    const VariableScopeOptions options{.reuse = naming_.reuse};
    scope_ = by_name ? outside.VariableScope(base, options)
                     : outside.DefaultVariableScope(base, options);
    scope_name_ = scope_->variable_scope();
    return at.In(*scope_);
  }
  // Control inputs and device are those of this call, names those of the first.
  Scope again = scope_->AtOriginalNames(Reuse::kTrue).WithoutControl();
  return at.In(again.WithControlOf(outside));
}

Output Layer::operator()(At at, Output inputs) {
  if (!at.ok() || inputs.empty()) return {};
  if (graph_ != nullptr && graph_ != &at.graph()) {
    return at.Fail(naming_.default_name,
                   absl::InvalidArgumentError("Input graph and Layer graph are not the same"));
  }
  graph_ = &at.graph();
  const At place = Enter(at);
  if (!at.ok()) return {};
  if (!built_) {
    const absl::Status status = Build(place, inputs);
    if (!status.ok())
      return at.Named("").Fail(naming_.name.empty() ? naming_.default_name : naming_.name, status);
    built_ = true;
  }
  return at.ok() ? Call(place, inputs) : Output();
}

Variable Layer::AddVariable(At at, const std::string& name, VariableOptions options) {
  options.trainable = options.trainable.value_or(true) && naming_.trainable;
  Variable variable = GetVariable(at, name, options);
  if (!variable.empty()) variables_.push_back(variable);
  return variable;
}

}  // namespace layers
}  // namespace sluice
