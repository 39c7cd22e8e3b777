// The variables of a layer (rules L-6, L-7, L-14, L-15).
#include <algorithm>

#include "core/status.h"
#include "graph/graph.h"
#include "layers/layer.h"
#include "session/session.h"

namespace sluice::layers {

absl::StatusOr<std::string> Layer::scope_name() const {
  if (!scope_.has_value()) {
    return absl::FailedPreconditionError(
        absl::StrCat("No name available for layer scope because the layer \"", naming_.class_name,
                     "\" has not been used yet. The scope name is determined "
                     "the first time the layer instance is called."));
  }
  return scope_->variable_scope();
}

Variable Layer::AddVariable(At at, const std::string& name, VariableOptions options) {
  At place = at;
  if (!Begin(at, {}, &place)) return {};
  const bool trainable = options.trainable.value_or(true);
  options.trainable = trainable && naming_.trainable;
  if (options.dtype == DType::kInvalid)
    options.dtype = naming_.dtype == DType::kInvalid ? DType::kFloat : naming_.dtype;
  const size_t penalties = at.graph().GetCollection(keys::kRegularizationLosses).size();
  const Variable variable = GetVariable(place, name, options);
  if (variable.empty()) return variable;
  const Outputs now = at.graph().RegularizationLosses();
  for (size_t i = penalties; i < now.size(); ++i) losses_.push_back({now[i], {}});
  const bool known = std::any_of(weights_.begin(), weights_.end(),
                                 [&](const Weight& w) { return w.variable == variable; });
  if (!known) weights_.push_back({variable, trainable});
  return variable;
}

void Layer::Adopt(const Layer& child) {
  const auto append = [](auto* mine, const auto& theirs, const auto& same) {
    for (const auto& one : theirs) {
      const bool known = std::any_of(mine->begin(), mine->end(),
                                     [&](const auto& there) { return same(there, one); });
      if (!known) mine->push_back(one);
    }
  };
  const auto same_tensor = [](const Conditional& a, const Conditional& b) {
    return a.what == b.what;
  };
  append(&weights_, child.weights_,
         [](const Weight& a, const Weight& b) { return a.variable == b.variable; });
  append(&losses_, child.losses_, same_tensor);
  append(&updates_, child.updates_, same_tensor);
}

std::vector<Variable> Layer::trainable_weights() const {
  std::vector<Variable> all;
  if (!naming_.trainable) return all;
  for (const Weight& w : weights_) {
    if (w.trainable) all.push_back(w.variable);
  }
  return all;
}

std::vector<Variable> Layer::non_trainable_weights() const {
  std::vector<Variable> all;
  for (const bool trainable : {true, false}) {
    if (trainable && naming_.trainable) continue;
    for (const Weight& w : weights_) {
      if (w.trainable == trainable) all.push_back(w.variable);
    }
  }
  return all;
}

std::vector<Variable> Layer::weights() const {
  std::vector<Variable> all = trainable_weights();
  for (const Variable& v : non_trainable_weights()) all.push_back(v);
  return all;
}

absl::StatusOr<int64_t> Layer::CountParams() const {
  if (!built_) {
    return absl::FailedPreconditionError(absl::StrCat(
        "You tried to call `count_params` on ", name_.empty() ? naming_.class_name : name_,
        ", but the layer isn't built. You can build it manually via: `layer.BuildFor(scope, "
        "shapes)`."));
  }
  int64_t count = 0;
  for (const Weight& w : weights_) count += w.variable.shape().num_elements();
  return count;
}

absl::StatusOr<std::vector<Tensor>> Layer::GetWeights(Session& session) const {
  Outputs values;
  for (const Variable& v : weights()) values.push_back(v.value());
  if (values.empty()) return std::vector<Tensor>();
  return session.Run({}, values);
}

absl::Status Layer::SetWeights(Session& session, const std::vector<Tensor>& values) const {
  const std::vector<Variable> all = weights();
  if (values.size() != all.size()) {
    return absl::InvalidArgumentError(absl::StrCat(
        "You called `set_weights(weights)` on layer \"", name_, "\" with a  weight list of length ",
        values.size(), ", but the layer was expecting ", all.size(), " weights."));
  }
  Feeds feeds;
  Outputs assigns;
  for (size_t i = 0; i < all.size(); ++i) {
    const Variable& v = all[i];
    if (!(TensorShape(values[i].shape()) == v.shape()) || values[i].dtype() != v.dtype()) {
      return absl::InvalidArgumentError(
          absl::StrCat("Layer weight shape ", v.shape().ToString(), " (", DTypeName(v.dtype()),
                       ") not compatible with provided weight shape ", values[i].shape().ToString(),
                       " (", DTypeName(values[i].dtype()), ") of ", v.name()));
    }
    if (v.is_partitioned() || v.initial_value().empty()) {
      return absl::UnimplementedError(
          absl::StrCat(v.name(), " is partitioned or imported: assign its parts"));
    }
    // The initializer assigns what is fed for the initial value: the graph need not grow.
    feeds.emplace_back(v.initial_value(), values[i]);
    assigns.push_back(v.initializer());
  }
  if (assigns.empty()) return absl::OkStatus();
  return session.Run(feeds, assigns).status();
}

}  // namespace sluice::layers
