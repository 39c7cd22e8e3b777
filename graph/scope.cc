#include "graph/scope.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/strip.h"
#include "core/status.h"
#include "graph/graph.h"
#include "graph/scope_state.h"

namespace sluice {
namespace {

bool IsLaterNameChar(char c) {
  return absl::ascii_isalnum(c) || c == '_' || c == '.' || c == '-' || c == '/';
}

std::string Join(absl::string_view prefix, absl::string_view name) {
  if (prefix.empty()) return std::string(name);
  return absl::StrCat(prefix, "/", name);
}

// A changed copy of a state.
template <typename Change>
Scope With(const Scope& scope, Change change) {
  auto state = std::make_shared<ScopeState>(*scope.state());
  change(*state);
  return Scope(std::move(state));
}

absl::string_view LastComponent(absl::string_view name) {
  const size_t slash = name.rfind('/');
  return slash == absl::string_view::npos ? name : name.substr(slash + 1);
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

std::shared_ptr<VariableScopeState> Open(const VariableScopeState& from, const std::string& name,
                                         const VariableScopeOptions& options,
                                         Reuse inherited_reuse) {
  auto state = std::make_shared<VariableScopeState>(from);
  state->name = name;
  state->openings = std::make_shared<OpeningCounters>();
  state->constraint = options.constraint;
  state->reuse = Resolve(options.reuse, inherited_reuse);
  state->custom_getter = Compose(from.custom_getter, options.custom_getter);
  if (options.initializer) state->initializer = options.initializer;
  if (options.regularizer) state->regularizer = options.regularizer;
  if (options.dtype != DType::kInvalid) state->dtype = options.dtype;
  return state;
}

// Marks variable scope `name` as opened once more inside `parent`.
void CountOpening(const VariableScopeState& parent, const std::string& name) {
  std::lock_guard<std::mutex> lock(parent.openings->mutex);
  ++parent.openings->count[name];
}

}  // namespace

bool IsValidOpName(absl::string_view name) {
  if (name.empty() || !(absl::ascii_isalnum(name[0]) || name[0] == '.')) return false;
  return std::all_of(name.begin() + 1, name.end(), IsLaterNameChar);
}

bool IsValidScopeName(absl::string_view name, bool at_root) {
  if (at_root) return IsValidOpName(name);
  return !name.empty() && std::all_of(name.begin(), name.end(), IsLaterNameChar);
}

Scope Scope::Root(Graph& graph) { return Scope(graph.root_state()); }

Scope Scope::Sub(absl::string_view name) const {
  if (name.empty()) {
    return With(*this, [](ScopeState& s) { s.name = s.op_name = ""; });
  }
  if (!IsValidScopeName(name, state_->name.empty())) {
    graph().SetError(absl::InvalidArgumentError(
        absl::StrCat("'", Printable(name), "' is not a valid scope name")));
    return *this;
  }
  std::string full(name);
  if (full.back() == '/') {
    full.pop_back();
  } else {
    full = graph().UniqueName(Join(state_->name, name));
  }
  return With(*this, [&](ScopeState& s) {
    s.name = full;
    s.op_name = "";
  });
}

Scope Scope::VariableScope(absl::string_view name, const VariableScopeOptions& options) const {
  if (name.empty()) {
    graph().SetError(absl::InvalidArgumentError("variable scope: the name is empty"));
    return *this;
  }
  const VariableScopeState& parent = *state_->variables;
  const std::string full = Join(parent.name, name);
  CountOpening(parent, full);
  const Scope named = options.auxiliary_name_scope ? Sub(name) : Named("");
  std::shared_ptr<VariableScopeState> opened = Open(parent, full, options, parent.reuse);
  opened->original_name_scope = named.name();
  return With(named, [&](ScopeState& s) { s.variables = opened; });
}

Scope Scope::DefaultVariableScope(absl::string_view default_name,
                                  const VariableScopeOptions& options) const {
  const VariableScopeState& parent = *state_->variables;
  if (options.reuse == Reuse::kTrue) {
    graph().SetError(
        absl::InvalidArgumentError("reuse=True cannot be used without a name_or_scope"));
    return *this;
  }
  std::string unique(default_name);
  {
    std::lock_guard<std::mutex> lock(parent.openings->mutex);
    const auto& count = parent.openings->count;
    for (int k = 1; count.find(Join(parent.name, unique)) != count.end(); ++k)
      unique = absl::StrCat(default_name, "_", k);
  }
  const std::string full = Join(parent.name, unique);
  CountOpening(parent, full);
  const Scope named = options.auxiliary_name_scope ? Sub(default_name) : Named("");
  std::shared_ptr<VariableScopeState> opened = Open(parent, full, options, parent.reuse);
  opened->original_name_scope = named.name();
  return With(named, [&](ScopeState& s) { s.variables = opened; });
}

Scope Scope::Reenter(const VariableScopeOptions& options) const {
  const VariableScopeState& captured = *state_->variables;
  std::shared_ptr<VariableScopeState> opened =
      Open(captured, captured.name, options, captured.reuse);
  if (!options.constraint) opened->constraint = captured.constraint;
  Scope named = Named("");
  if (options.auxiliary_name_scope && !captured.name.empty()) {
    // The fresh name scope lies beside the original one.
    const std::string& original = captured.original_name_scope;
    const size_t slash = original.rfind('/');
    const std::string outside = slash == std::string::npos ? "" : original.substr(0, slash);
    named = With(*this, [&](ScopeState& s) {
              s.name = outside;
              s.op_name = "";
            }).Sub(LastComponent(captured.name));
  }
  return With(named, [&](ScopeState& s) { s.variables = opened; });
}

Scope Scope::AtOriginalNames(Reuse reuse) const {
  const VariableScopeState& captured = *state_->variables;
  std::shared_ptr<VariableScopeState> opened =
      Open(captured, captured.name, {.reuse = reuse}, captured.reuse);
  opened->constraint = captured.constraint;
  return With(*this, [&](ScopeState& s) {
    s.variables = opened;
    s.name = captured.original_name_scope;
    s.op_name = "";
  });
}

Scope Scope::Named(absl::string_view op_name) const {
  return With(*this, [&](ScopeState& s) { s.op_name = std::string(op_name); });
}

Scope Scope::After(absl::Span<const Output> control_inputs) const {
  return With(*this, [&](ScopeState& s) {
    for (const Output& input : control_inputs) {
      if (input.empty()) continue;
      Node* node = input.node();
      if (std::find(s.control_inputs.begin(), s.control_inputs.end(), node) ==
          s.control_inputs.end()) {
        s.control_inputs.push_back(node);
      }
    }
  });
}

Scope Scope::WithoutControl() const {
  return With(*this, [](ScopeState& s) { s.control_inputs.clear(); });
}

Scope Scope::WithControlOf(const Scope& other) const {
  return With(*this, [&](ScopeState& s) {
    s.control_inputs = other.state_->control_inputs;
    s.device = other.state_->device;
  });
}

Scope Scope::Device(absl::string_view device) const {
  return With(*this, [&](ScopeState& s) { s.device = std::string(device); });
}

Scope Scope::ColocateWith(const Output& op) const {
  if (op.empty()) return *this;
  return ColocateWithName(op.node()->name());
}

Scope Scope::ColocateWithName(const std::string& op_name) const {
  return With(*this, [&](ScopeState& s) {
    if (std::find(s.colocate.begin(), s.colocate.end(), op_name) == s.colocate.end())
      s.colocate.push_back(op_name);
    std::sort(s.colocate.begin(), s.colocate.end());
  });
}

Scope Scope::ForGradientOf(Node* forward) const {
  return With(*this, [&](ScopeState& s) { s.gradient_of = forward; });
}

Graph& Scope::graph() const { return *state_->graph; }
bool Scope::ok() const { return graph().ok(); }
const std::string& Scope::name() const { return state_->name; }
const std::string& Scope::op_name() const { return state_->op_name; }
const std::string& Scope::variable_scope() const { return state_->variables->name; }
Reuse Scope::reuse() const { return state_->variables->reuse; }
DType Scope::dtype() const { return state_->variables->dtype; }
const Initializer& Scope::initializer() const { return state_->variables->initializer; }
const Regularizer& Scope::regularizer() const { return state_->variables->regularizer; }
const Constraint& Scope::constraint() const { return state_->variables->constraint; }
const CustomGetter& Scope::custom_getter() const { return state_->variables->custom_getter; }

}  // namespace sluice
