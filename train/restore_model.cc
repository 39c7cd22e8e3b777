#include "train/restore_model.h"

#include <string>

#include "absl/strings/match.h"
#include "absl/strings/strip.h"
#include "graph/node.h"
#include "re2/re2.h"

namespace sluice::train {
namespace {

// Ops that train a variable, their input 0.
bool Trains(const std::string& op) {
  static const RE2* const pattern = new RE2("(Resource)?(Sparse)?Apply[A-Z]\\w*");
  return RE2::FullMatch(op, *pattern);
}

// Is input `i` of such an op what the step changes the variable by? That may come from anywhere.
bool IsGradient(const Node& node, int i) {
  const auto& inputs = node.spec().inputs();
  if (static_cast<size_t>(i) >= inputs.size()) return false;
  const std::string& name = inputs[static_cast<size_t>(i)].name;
  return name == "grad" || name == "delta" || name == "indices";
}

bool HoldsVariable(const Node& node) {
  return node.op() == "VarHandleOp" || node.op() == "VariableV2" || node.op() == "Variable";
}

// The variable whose handle, or value, an edge carries; null when it is something else.
const Node* VariableBehind(Edge edge, bool* by_value) {
  *by_value = false;
  for (int i = 0; i < 8; ++i) {
    const Node& node = *edge.node;
    if (HoldsVariable(node)) return &node;
    if (node.op() == "ReadVariableOp") *by_value = true;
    if (node.op() != "ReadVariableOp" && node.op() != "Identity" && node.op() != "Enter") break;
    // A reference that an Identity reads is a value from there on.
    *by_value |= node.op() == "Identity" && !IsRef(node.output_dtype(0)) &&
                 node.output_dtype(0) != DType::kResource;
    edge = node.input_edge(0);
  }
  return nullptr;
}

bool IsScalar(const Node& handle) {
  const AttrValue* shape = FindAttr(handle.attrs(), "shape");
  const TensorShape* known = shape == nullptr ? nullptr : shape->get_if<TensorShape>();
  return known != nullptr && *known == TensorShape();
}

DType DtypeOf(const Node& handle) {
  const AttrValue* dtype = FindAttr(handle.attrs(), "dtype");
  const DType* known = dtype == nullptr ? nullptr : dtype->get_if<DType>();
  return known == nullptr ? DType::kInvalid : *known;
}

absl::string_view Leaf(absl::string_view name) { return name.substr(name.rfind('/') + 1); }

}  // namespace

absl::string_view RoleName(VariableRole role) {
  switch (role) {
    case VariableRole::kModel:
      return "part of the model";
    case VariableRole::kSlot:
      return "slot of an optimizer";
    case VariableRole::kHyper:
      return "number of an optimizer";
    case VariableRole::kGlobalStep:
      return "global step";
  }
  return "";
}

VariableRoles::VariableRoles(const Graph& graph) {
  const auto set = [&](const Variable& variable, VariableRole role) {
    for (const Variable& v : variable.is_partitioned() ? variable.parts() : std::vector{variable}) {
      roles_.emplace(v.handle().node(), role);  // the first rule that holds
      if (role == VariableRole::kModel) model_names_.insert(v.op_name());
    }
  };
  for (const char* key :
       {keys::kTrainableVariables, keys::kTrainableResourceVariables, keys::kModelVariables}) {
    for (const Variable& v : graph.Variables(key)) set(v, VariableRole::kModel);
  }
  for (const Variable& v : graph.Variables(keys::kGlobalStep)) set(v, VariableRole::kGlobalStep);
  for (const Output& step : graph.OutputsIn(keys::kGlobalStep)) {  // as old files name it
    roles_.emplace(step.node(), VariableRole::kGlobalStep);
  }
  for (int id = 0; id < graph.num_nodes(); ++id) {
    const Node& node = *graph.node(id);
    if (!Trains(node.op())) continue;
    for (int i = 1; i < node.num_inputs(); ++i) {
      if (IsGradient(node, i)) continue;
      bool by_value = false;
      const Node* variable = VariableBehind(node.input_edge(i), &by_value);
      if (variable == nullptr) continue;
      roles_.emplace(variable, by_value ? VariableRole::kHyper : VariableRole::kSlot);
    }
  }
}

VariableRole VariableRoles::Of(const Output& handle) const {
  if (handle.empty()) return VariableRole::kModel;
  const Node& node = *handle.node();
  const auto known = roles_.find(&node);
  if (known != roles_.end()) return known->second;
  const std::string& name = node.name();
  static const RE2* const step = new RE2("global_step(_\\d+)?");
  static const RE2* const power = new RE2("beta[12]_power(_\\d+)?");
  const std::string leaf(Leaf(name));
  if (RE2::FullMatch(leaf, *step) && IsScalar(node) && IsInteger(DtypeOf(node))) {
    return VariableRole::kGlobalStep;
  }
  // Scopes before the variable's name are the optimizer's.
  absl::string_view owner = absl::string_view(name).substr(0, name.size() - leaf.size());
  absl::ConsumeSuffix(&owner, "/");
  for (absl::string_view rest = owner; !rest.empty();) {
    if (model_names_.contains(rest)) return VariableRole::kSlot;
    const size_t slash = rest.find('/');
    rest = slash == absl::string_view::npos ? absl::string_view() : rest.substr(slash + 1);
  }
  if (RE2::FullMatch(leaf, *power) && IsScalar(node)) return VariableRole::kHyper;
  return VariableRole::kModel;
}

}  // namespace sluice::train
