// Op names, control inputs, devices and colocation. Variable scopes: graph/variable_scope.cc.
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
Scope Changed(const Scope& scope, Change change) {
  auto state = std::make_shared<ScopeState>(*scope.state());
  change(*state);
  return Scope(std::move(state));
}

void Fail(const Scope& scope, const absl::Status& why, Caller caller) {
  const std::string inside =
      scope.name().empty() ? "" : absl::StrCat(" inside '", scope.name(), "'");
  scope.graph().SetError(absl::Status(
      why.code(), absl::StrCat(why.message(), inside, " (", caller.file, ":", caller.line, ")")));
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

Scope Scope::Sub(absl::string_view name, Caller caller) const {
  if (name.empty()) {
    return Changed(*this, [](ScopeState& s) { s.name = s.op_name = ""; });
  }
  if (!IsValidScopeName(name, state_->name.empty())) {
    Fail(*this,
         absl::InvalidArgumentError(
             absl::StrCat("'", Printable(name), "' is not a valid scope name")),
         caller);
    return *this;
  }
  std::string full(name);
  if (full.back() == '/') {
    full.pop_back();
  } else {
    full = graph().UniqueName(Join(state_->name, name));
  }
  return Changed(*this, [&](ScopeState& s) {
    s.name = std::move(full);
    s.op_name = "";
  });
}

Scope Scope::Named(absl::string_view op_name) const {
  return Changed(*this, [&](ScopeState& s) { s.op_name = std::string(op_name); });
}

Scope Scope::After(absl::Span<const Output> control_inputs) const {
  auto frame = std::make_shared<ControlFrame>();
  for (const Output& input : control_inputs) {
    if (input.empty()) continue;
    if (std::find(frame->inputs.begin(), frame->inputs.end(), input.node()) == frame->inputs.end())
      frame->inputs.push_back(input.node());
  }
  if (frame->inputs.empty()) return *this;
  return Changed(*this, [&](ScopeState& s) { s.control.push_back(std::move(frame)); });
}

Scope Scope::WithoutControl() const {
  return Changed(*this, [](ScopeState& s) { s.control.clear(); });
}

Scope Scope::WithControlOf(const Scope& other) const {
  return Changed(*this, [&](ScopeState& s) {
    s.control = other.state_->control;
    s.devices = other.state_->devices;
  });
}

Scope Scope::Device(absl::string_view device, Caller caller) const {
  absl::StatusOr<DeviceSpec> spec = DeviceSpec::Parse(device);
  if (!spec.ok()) {
    Fail(*this, spec.status(), caller);
    return *this;
  }
  return Changed(*this, [&](ScopeState& s) {
    s.devices.push_back(std::make_shared<const DeviceLayer>(*std::move(spec)));
  });
}

Scope Scope::Device(DeviceFunction device) const {
  return Changed(*this, [&](ScopeState& s) {
    s.devices.push_back(std::make_shared<const DeviceLayer>(std::move(device)));
  });
}

Scope Scope::WithoutDevice() const {
  return Changed(*this, [](ScopeState& s) { s.devices.clear(); });
}

Scope Scope::ColocateWith(const Output& op) const {
  if (op.empty()) return *this;
  const Node& node = *op.node();
  const AttrValue* own = FindAttr(node.attrs(), "_class");
  const auto* groups = own == nullptr ? nullptr : own->get_if<std::vector<std::string>>();
  Scope scope = *this;
  bool inherited = false;
  for (size_t i = 0; groups != nullptr && i < groups->size(); ++i) {
    if (!absl::StartsWith((*groups)[i], "loc:@")) continue;
    scope = scope.ColocateWithName((*groups)[i].substr(5));
    inherited = true;
  }
  if (!inherited) scope = scope.ColocateWithName(node.name());
  return Changed(scope, [&](ScopeState& s) {
    s.devices.clear();
    const absl::StatusOr<DeviceSpec> device = DeviceSpec::Parse(node.device());
    if (device.ok() && !node.device().empty())
      s.devices.push_back(std::make_shared<const DeviceLayer>(*device));
  });
}

Scope Scope::ColocateWithName(const std::string& op_name) const {
  return Changed(*this, [&](ScopeState& s) {
    if (std::find(s.colocate.begin(), s.colocate.end(), op_name) == s.colocate.end())
      s.colocate.push_back(op_name);
    std::sort(s.colocate.begin(), s.colocate.end());
  });
}

Scope Scope::WithoutColocation() const {
  return Changed(*this, [](ScopeState& s) { s.colocate.clear(); });
}

Scope Scope::Recompute() const {
  return Changed(*this, [](ScopeState& s) { s.recompute = true; });
}

Scope Scope::ForGradientOf(Node* forward) const {
  return Changed(*this, [&](ScopeState& s) { s.gradient_of = forward; });
}

Scope Scope::GradientOverride(const std::map<std::string, std::string>& op_to_gradient) const {
  auto all = std::make_shared<std::map<std::string, std::string>>(op_to_gradient);
  if (state_->gradient_override != nullptr)
    all->insert(state_->gradient_override->begin(), state_->gradient_override->end());
  return Changed(*this, [&](ScopeState& s) { s.gradient_override = std::move(all); });
}

Graph& Scope::graph() const { return *state_->graph; }
bool Scope::ok() const { return graph().ok(); }
const std::string& Scope::name() const { return state_->name; }
const std::string& Scope::op_name() const { return state_->op_name; }

}  // namespace sluice
