#include "graph/at.h"

#include <algorithm>

#include "core/status.h"
#include "graph/graph.h"
#include "graph/infer_attrs.h"
#include "graph/scope_state.h"

namespace sluice {
namespace {

absl::Status CheckUsable(const Outputs& inputs, const Graph& graph) {
  for (size_t i = 0; i < inputs.size(); ++i) {
    if (inputs[i].empty())
      return absl::InvalidArgumentError(absl::StrCat("input ", i, " is empty"));
    if (inputs[i].graph() != &graph) {
      return absl::InvalidArgumentError(absl::StrCat(
          "input ", i, " (", inputs[i].name(),
          ") is not an element of this graph: all inputs must be from the same graph"));
    }
    if (inputs[i].is_operation()) {
      return absl::InvalidArgumentError(absl::StrCat("input ", i, " (", inputs[i].name(),
                                                     ") is an operation, expected a tensor"));
    }
  }
  return absl::OkStatus();
}

bool Dominates(ControlFrame& frame, const Outputs& inputs) {
  std::lock_guard<std::mutex> lock(frame.mutex);
  return std::any_of(inputs.begin(), inputs.end(),
                     [&](const Output& in) { return frame.built.contains(in.node()); });
}

// The scope's control inputs, in the order given, less those that are data inputs anyway and those
// that an input built in the same scope honours already (rule NS-12).
std::vector<Node*> ControlInputs(const ScopeState& scope, const Outputs& inputs) {
  std::vector<Node*> control;
  for (const std::shared_ptr<ControlFrame>& frame : scope.control) {
    if (Dominates(*frame, inputs)) continue;
    for (Node* node : frame->inputs) {
      const bool is_data = std::any_of(inputs.begin(), inputs.end(),
                                       [&](const Output& in) { return in.node() == node; });
      if (!is_data && std::find(control.begin(), control.end(), node) == control.end())
        control.push_back(node);
    }
  }
  return control;
}

void RememberBuilt(const ScopeState& scope, const Node* node) {
  for (const std::shared_ptr<ControlFrame>& frame : scope.control) {
    std::lock_guard<std::mutex> lock(frame->mutex);
    frame->built.insert(node);
  }
}

// Inner scopes over outer ones; a function replaces what it is told (rule NS-14).
absl::StatusOr<std::string> DeviceFor(const ScopeState& scope, absl::string_view op,
                                      absl::string_view name) {
  DeviceSpec device;
  for (auto layer = scope.devices.rbegin(); layer != scope.devices.rend(); ++layer) {
    if (const DeviceSpec* spec = std::get_if<DeviceSpec>(layer->get())) {
      device.Complete(*spec);
      continue;
    }
    const std::string inner = device.ToString();
    SLUICE_ASSIGN_OR_RETURN(
        device, DeviceSpec::Parse(std::get<DeviceFunction>(**layer)({op, name, inner})));
  }
  return device.ToString();
}

std::string NodeName(Graph& graph, const ScopeState& scope, absl::string_view op) {
  absl::string_view base = scope.op_name.empty() ? op : absl::string_view(scope.op_name);
  if (base.back() == '/')
    return std::string(base.substr(0, base.size() - 1));  // verbatim (rule NS-7)
  return graph.UniqueName(scope.name.empty() ? std::string(base)
                                             : absl::StrCat(scope.name, "/", base));
}

// The inputs that the op takes by reference: it is colocated with them (rule NS-13).
Scope WithReferences(Scope scope, const OpSpec& spec, const Outputs& inputs, const AttrMap& attrs) {
  size_t next = 0;
  for (const ArgSpec& arg : spec.inputs()) {
    if (arg.is_ref && next < inputs.size()) scope = scope.ColocateWith(inputs[next]);
    next += static_cast<size_t>(ArgCount(arg, attrs));
  }
  return scope;
}

bool TakesReferences(const OpSpec& spec) {
  return std::any_of(spec.inputs().begin(), spec.inputs().end(),
                     [](const ArgSpec& arg) { return arg.is_ref; });
}

void AddScopeAttrs(const ScopeState& scope, absl::string_view op, AttrMap* attrs) {
  if (!scope.colocate.empty() && FindAttr(*attrs, "_class") == nullptr) {
    std::vector<std::string> groups;
    for (const std::string& name : scope.colocate) groups.push_back(absl::StrCat("loc:@", name));
    attrs->emplace("_class", std::move(groups));
  }
  if (scope.recompute && scope.gradient_of == nullptr) {
    attrs->try_emplace(kRecomputeHintAttr, int64_t{1});
  }
  if (scope.gradient_override == nullptr) return;
  const auto found = scope.gradient_override->find(std::string(op));
  if (found != scope.gradient_override->end())
    attrs->try_emplace(kGradientOpTypeAttr, found->second);
}

}  // namespace

bool At::ok() const { return scope_.ok(); }

std::string At::location() const {
  if (file_ == nullptr || *file_ == '\0') return "";
  return absl::StrCat(file_, ":", line_);
}

Output At::Fail(absl::string_view op, const absl::Status& why) const {
  const absl::string_view own = scope_.op_name().empty() ? op : absl::string_view(scope_.op_name());
  std::string message =
      scope_.name().empty() ? absl::StrCat(own) : absl::StrCat(scope_.name(), "/", own);
  absl::StrAppend(&message, ": ", why.message());
  if (!location().empty()) absl::StrAppend(&message, " (", location(), ")");
  graph().SetError(absl::Status(why.code(), message));
  return {};
}

Output At::Node(absl::string_view op, const Outputs& inputs, AttrMap attrs) const {
  const Outputs all = Nodes(op, inputs, std::move(attrs));
  return all.empty() ? Output() : all[0];
}

Outputs At::Nodes(absl::string_view op, const Outputs& inputs, AttrMap attrs) const {
  if (!ok()) return {};
  const auto fail = [&](const absl::Status& why) {
    Fail(op, why);
    return Outputs();
  };
  const OpSpec* spec = graph().registry().Find(op);
  if (spec == nullptr)
    return fail(
        absl::UnimplementedError(absl::StrCat("Op type not registered '", Printable(op), "'")));
  absl::Status usable = CheckUsable(inputs, graph());
  if (usable.ok()) {
    std::vector<DType> dtypes;
    for (const Output& input : inputs) dtypes.push_back(BaseType(input.dtype()));
    usable = InferAttrs(*spec, dtypes, &attrs);
  }
  if (!usable.ok()) return fail(usable);

  const Scope placed =
      TakesReferences(*spec) ? WithReferences(scope_, *spec, inputs, attrs) : scope_;
  const ScopeState& scope = *placed.state();
  AddScopeAttrs(scope, op, &attrs);
  std::string name = NodeName(graph(), scope, op);
  absl::StatusOr<std::string> device = DeviceFor(scope, op, name);
  if (!device.ok()) return fail(device.status());
  NodeRequest request{.op = std::string(op),
                      .name = std::move(name),
                      .control_inputs = ControlInputs(scope, inputs),
                      .attrs = std::move(attrs),
                      .device = *std::move(device),
                      .location = location(),
                      .original_op = scope.gradient_of};
  for (const Output& input : inputs) request.inputs.push_back({input.node(), input.index()});
  absl::StatusOr<sluice::Node*> node = graph().AddNode(std::move(request));
  if (!node.ok()) return fail(node.status());
  RememberBuilt(scope, *node);

  const std::shared_ptr<const ScopeState> outside = scope_.Named("").state();
  Outputs outputs;
  for (int i = 0; i < (*node)->num_outputs(); ++i) outputs.emplace_back(*node, i, outside);
  if (outputs.empty()) outputs.emplace_back(*node, Output::kOperation, outside);
  return outputs;
}

At At::Composite(absl::string_view default_name, const Outputs& values) const {
  const absl::string_view name =
      scope_.op_name().empty() ? default_name : absl::string_view(scope_.op_name());
  if (name.empty()) {
    Fail("name_scope",
         absl::InvalidArgumentError(
             "At least one of name (None) and default_name (None) must be provided."));
    return *this;
  }
  for (const Output& value : values) {
    if (value.empty() || value.graph() == &graph()) continue;
    Fail(name, absl::InvalidArgumentError(
                   absl::StrCat(value.name(), " must be from the same graph as the scope")));
    return *this;
  }
  return Sub(name);
}

At At::AsScope() const { return Named(absl::StrCat(scope_.name(), "/")); }

}  // namespace sluice
