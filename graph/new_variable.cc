// tf.Variable, and the initial values that depend on other variables (rule VAR-6).
#include <map>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "core/status.h"
#include "graph/graph.h"
#include "graph/make_variable.h"
#include "graph/variable.h"

namespace sluice {
namespace {

// The variables of the graph by the tensors that read them.
std::map<std::pair<const Node*, int>, Variable> VariablesByRead(const Graph& graph) {
  std::map<std::pair<const Node*, int>, Variable> reads;
  for (const char* key : {keys::kGlobalVariables, keys::kLocalVariables}) {
    for (const Variable& v : graph.Variables(key)) {
      if (!v.value().empty()) reads.emplace(std::pair(v.value().node(), v.value().index()), v);
    }
  }
  return reads;
}

// Copies what lies between an initial value and the variables that it reads.
class Guard {
 public:
  Guard(At at, const std::string& name)
      : at_(at), name_(name), reads_(VariablesByRead(at.graph())) {}

  Output Run(const Output& value) {
    if (reads_.empty()) return value;
    // Producers first, without recursion.
    std::vector<std::pair<Node*, bool>> todo = {{value.node(), false}};
    while (!todo.empty() && at_.ok()) {
      const auto [node, inputs_done] = todo.back();
      todo.pop_back();
      if (done_.count(node) > 0) continue;
      if (IsRead(node) || inputs_done) {
        Replace(node);
        continue;
      }
      todo.emplace_back(node, true);
      for (int i = 0; i < node->num_inputs(); ++i) {
        if (node->input_edge(i).node != nullptr) todo.emplace_back(node->input_edge(i).node, false);
      }
    }
    return at_.ok() ? NewOutput(value) : Output();
  }

 private:
  bool IsRead(const Node* node) const { return reads_.count({node, 0}) > 0; }

  Output NewOutput(const Output& old) const {
    const auto found = done_.find(old.node());
    if (found == done_.end() || found->second.empty()) return old;
    return found->second[static_cast<size_t>(old.index())];
  }

  // Records what stands for the outputs of `node`: nothing when they may stay.
  void Replace(Node* node) {
    Outputs& replacement = done_[node];
    const auto read = reads_.find({node, 0});
    if (read != reads_.end()) {
      replacement = {read->second.InitializedValue(at_)};
      return;
    }
    bool changed = false;
    Outputs inputs;
    for (int i = 0; i < node->num_inputs(); ++i) {
      inputs.push_back(NewOutput(node->input(i)));
      changed |= !(inputs.back() == node->input(i));
    }
    if (!changed) return;
    AttrMap attrs = node->attrs();
    replacement = at_.Sub("")
                      .Named(absl::StrCat(node->name(), "_", name_))
                      .Nodes(node->op(), inputs, std::move(attrs));
  }

  const At at_;
  const std::string name_;
  const std::map<std::pair<const Node*, int>, Variable> reads_;
  std::map<const Node*, Outputs> done_;
};

// Does a variable, or an op that may stand for one, lie behind the value? Initial values are small
// graphs, and nearly all answer no: the tables of Guard, which hold every variable, are for the
// rest.
bool MayReadVariables(const Output& value) {
  absl::flat_hash_set<const Node*> seen = {value.node()};
  std::vector<const Node*> todo = {value.node()};
  while (!todo.empty()) {
    const Node* node = todo.back();
    todo.pop_back();
    if (node->spec().session_constant() || node->spec().opaque()) return true;
    for (int i = 0; i < node->num_inputs(); ++i) {
      const Node* from = node->input_edge(i).node;
      if (from != nullptr && seen.insert(from).second) todo.push_back(from);
    }
  }
  return false;
}

}  // namespace

Output GuardInitialValue(At at, const std::string& name, const Output& value) {
  return MayReadVariables(value) ? Guard(at, name).Run(value) : value;
}

Variable NewVariable(At at, const Initializer& initial_value, VariableOptions options) {
  if (!at.ok()) return {};
  if (initial_value.output() != nullptr && initial_value.output()->empty()) return {};
  const At inside = at.Composite("Variable");
  if (!at.ok()) return {};
  const std::string name = inside.scope().name();
  if (!initial_value)
    return FailVariable(at, name, absl::InvalidArgumentError("initial_value must be specified."));
  if (initial_value.needs_shape() && !options.shape.fully_defined()) {
    return FailVariable(
        at, name,
        absl::InvalidArgumentError(absl::StrCat(
            "an initializer that takes a shape needs one that is fully defined, but it was ",
            options.shape.ToString())));
  }
  DType dtype = BaseType(options.dtype);
  if (dtype == DType::kInvalid && initial_value.needs_shape()) dtype = at.scope().dtype();
  const Variable variable = MakeVariable(at, {name, options.shape, dtype, options, initial_value});
  Regularize(at, name, variable, options.regularizer);
  return variable;
}

}  // namespace sluice
