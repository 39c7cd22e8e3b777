// The half of graph/scope.h that is about variable scopes (rules VS-20 to VS-33).
#include <utility>

#include "absl/strings/match.h"
#include "core/status.h"
#include "graph/graph.h"
#include "graph/scope.h"
#include "graph/scope_state.h"

namespace sluice {
namespace {

std::string Join(absl::string_view prefix, absl::string_view name) {
  if (prefix.empty()) return std::string(name);
  return absl::StrCat(prefix, "/", name);
}

absl::string_view LastComponent(absl::string_view name) {
  const size_t slash = name.rfind('/');
  return slash == absl::string_view::npos ? name : name.substr(slash + 1);
}

Scope WithVariables(const Scope& scope, std::shared_ptr<const VariableScopeState> variables) {
  auto state = std::make_shared<ScopeState>(*scope.state());
  state->variables = std::move(variables);
  return Scope(std::move(state));
}

Reuse Resolve(Reuse asked, Reuse inherited) {
  // Rule VS-21: false means inherit; reuse is never switched off below a reusing scope.
  return asked == Reuse::kInherit || asked == Reuse::kFalse ? inherited : asked;
}

// The inner scope's getter is called first and gets one that runs the outer (rule VS-12).
CustomGetter Compose(const CustomGetter& outer, const CustomGetter& inner) {
  if (!inner) return outer;
  if (!outer) return inner;
  return [outer, inner](const VariableGetter& getter, At at, const std::string& name,
                        const VariableOptions& options) {
    const VariableGetter through_outer = [&](At inner_at, const std::string& inner_name,
                                             const VariableOptions& inner_options) {
      return outer(getter, inner_at, inner_name, inner_options);
    };
    return inner(through_outer, at, name, options);
  };
}

// `state` with what `options` give.
void Apply(const VariableScopeOptions& options, VariableScopeState* state) {
  if (options.initializer) state->initializer = options.initializer;
  if (options.regularizer) state->regularizer = options.regularizer;
  if (options.caching_device) state->caching_device = *options.caching_device;
  if (options.partitioner) state->partitioner = options.partitioner;
  if (options.constraint) state->constraint = options.constraint;
  if (options.dtype != DType::kInvalid) state->dtype = BaseType(options.dtype);
  if (options.use_resource) state->use_resource = *options.use_resource;
  state->custom_getter = Compose(state->custom_getter, options.custom_getter);
  state->reuse = Resolve(options.reuse, state->reuse);
}

// Moves to a scope that is opened as `name` what has been counted below it from outside: scopes
// opened by a path, "name/inner".
void TakeCounts(OpeningCounters& parent, const std::string& name, OpeningCounters* opened) {
  const std::string below = name + "/";
  auto it = parent.count.lower_bound(below);
  while (it != parent.count.end() && absl::StartsWith(it->first, below)) {
    opened->count.insert(*it);
    it = parent.count.erase(it);
  }
}

// The variable scope `name` directly below `parent`, counted as opened once more.
std::shared_ptr<VariableScopeState> OpenBelow(const VariableScopeState& parent,
                                              const std::string& name,
                                              const VariableScopeOptions& options) {
  auto state = std::make_shared<VariableScopeState>(parent);
  state->name = name;
  state->constraint = {};  // rule VS-25
  state->openings = std::make_shared<OpeningCounters>();
  std::lock_guard<std::mutex> lock(parent.openings->mutex);
  ++parent.openings->count[name];
  TakeCounts(*parent.openings, name, state->openings.get());
  Apply(options, state.get());
  return state;
}

// `captured` opened once more, as an object.
std::shared_ptr<VariableScopeState> OpenAgain(const VariableScopeState& captured,
                                              const VariableScopeOptions& options) {
  auto state = std::make_shared<VariableScopeState>(captured);
  state->openings = std::make_shared<OpeningCounters>();
  // Nobody ever leaves the root, so its numbers go on; but reuse=True, with which every further
  // number would be an error, starts a second tower.
  if (captured.name.empty() && options.reuse != Reuse::kTrue) {
    std::lock_guard<std::mutex> lock(captured.openings->mutex);
    state->openings->count = captured.openings->count;
  }
  Apply(options, state.get());
  return state;
}

void Fail(const Scope& scope, absl::string_view why, Caller caller) {
  scope.graph().SetError(absl::InvalidArgumentError(
      absl::StrCat("variable scope", scope.variable_scope().empty() ? "" : " inside '",
                   scope.variable_scope(), scope.variable_scope().empty() ? "" : "'", ": ", why,
                   " (", caller.file, ":", caller.line, ")")));
}

std::vector<Variable> Below(const Scope& scope, const char* key) {
  std::vector<Variable> variables;
  for (const CollectionItem& item : scope.graph().GetCollection(key, scope)) {
    if (const Variable* v = std::get_if<Variable>(&item)) variables.push_back(*v);
  }
  return variables;
}

}  // namespace

Scope Scope::VariableScope(absl::string_view name, const VariableScopeOptions& options,
                           Caller caller) const {
  // Like TensorFlow, "" opens no op scope; below another scope it leaves an empty component.
  const VariableScopeState& parent = *state_->variables;
  const std::string full =
      parent.name.empty() ? std::string(name) : absl::StrCat(parent.name, "/", name);
  const bool op_scope = options.auxiliary_name_scope && !name.empty();
  const Scope named = op_scope ? Sub(name, caller) : Named("");
  if (!named.ok()) return *this;
  std::shared_ptr<VariableScopeState> opened = OpenBelow(parent, full, options);
  opened->original_name_scope = named.name();
  return WithVariables(named, std::move(opened));
}

Scope Scope::DefaultVariableScope(absl::string_view default_name,
                                  const VariableScopeOptions& options, Caller caller) const {
  const VariableScopeState& parent = *state_->variables;
  if (default_name.empty()) {
    Fail(*this, "If default_name is None then name_or_scope is required", caller);
    return *this;
  }
  if (options.reuse == Reuse::kTrue) {
    Fail(*this, "reuse=True cannot be used without a name_or_scope", caller);
    return *this;
  }
  std::string unique(default_name);
  {
    std::lock_guard<std::mutex> lock(parent.openings->mutex);
    auto& count = parent.openings->count;
    for (int k = 1; count.find(Join(parent.name, unique)) != count.end(); ++k)
      unique = absl::StrCat(default_name, "_", k);
    ++count[Join(parent.name, unique)];  // now, so that no other thread takes it
  }
  const Scope named = options.auxiliary_name_scope ? Sub(default_name, caller) : Named("");
  if (!named.ok()) return *this;
  std::shared_ptr<VariableScopeState> opened =
      OpenBelow(parent, Join(parent.name, unique), options);
  opened->original_name_scope = named.name();
  if (unique != default_name) opened->numbered = opened->name;
  return WithVariables(named, std::move(opened));
}

Scope Scope::VariableScope(const Scope& captured, const VariableScopeOptions& options,
                           Caller caller) const {
  if (&captured.graph() != &graph()) {
    Fail(*this, "the scope is not of this graph", caller);
    return *this;
  }
  const VariableScopeState& from = *captured.state_->variables;
  const bool op_scope = options.auxiliary_name_scope && !from.name.empty();
  const Scope named = op_scope ? Sub(LastComponent(from.name), caller) : Named("");
  return WithVariables(named, OpenAgain(from, options));
}

Scope Scope::Reenter(const VariableScopeOptions& options, Caller caller) const {
  const std::string& original = state_->variables->original_name_scope;
  const size_t slash = original.rfind('/');
  auto beside = std::make_shared<ScopeState>(*state_);
  beside->op_name = "";
  if (options.auxiliary_name_scope && !state_->variables->name.empty())
    beside->name = slash == std::string::npos ? "" : original.substr(0, slash);
  return Scope(std::move(beside)).VariableScope(*this, options, caller);
}

Scope Scope::With(const VariableScopeOptions& options) const {
  auto state = std::make_shared<VariableScopeState>(*state_->variables);
  Apply(options, state.get());
  return WithVariables(*this, std::move(state));
}

Scope Scope::AtOriginalNames(Reuse reuse) const {
  auto state = std::make_shared<ScopeState>(*state_);
  state->variables = OpenAgain(*state_->variables, {.reuse = reuse});
  state->name = state_->variables->original_name_scope;
  state->op_name = "";
  return Scope(std::move(state));
}

const std::string& Scope::variable_scope() const { return state_->variables->name; }
std::string Scope::original_name_scope() const {
  const std::string& original = state_->variables->original_name_scope;
  return original.empty() ? "" : original + "/";
}
Reuse Scope::reuse() const { return state_->variables->reuse; }
DType Scope::dtype() const { return state_->variables->dtype; }
bool Scope::use_resource() const { return state_->variables->use_resource; }
const Initializer& Scope::initializer() const { return state_->variables->initializer; }
const Regularizer& Scope::regularizer() const { return state_->variables->regularizer; }
const Constraint& Scope::constraint() const { return state_->variables->constraint; }
const CustomGetter& Scope::custom_getter() const { return state_->variables->custom_getter; }
const Partitioner& Scope::partitioner() const { return state_->variables->partitioner; }
const std::string& Scope::caching_device() const { return state_->variables->caching_device; }

std::vector<Variable> Scope::GlobalVariables() const {
  return Below(*this, keys::kGlobalVariables);
}
std::vector<Variable> Scope::TrainableVariables() const {
  return Below(*this, keys::kTrainableVariables);
}
std::vector<Variable> Scope::LocalVariables() const { return Below(*this, keys::kLocalVariables); }

}  // namespace sluice
