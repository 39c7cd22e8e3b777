#include "graph/gradients.h"

#include "core/status.h"
#include "graph/backprop.h"
#include "graph/graph.h"
#include "graph/node.h"

namespace sluice {
namespace {

absl::Status CheckTensors(const Graph& graph, const Outputs& tensors) {
  for (const Output& o : tensors) {
    if (o.empty()) return absl::InvalidArgumentError("a tensor is empty");
    if (o.graph() != &graph) {
      return absl::InvalidArgumentError(absl::StrCat(o.name(), " is not an element of this graph"));
    }
    if (o.is_operation()) {
      return absl::InvalidArgumentError(
          absl::StrCat(o.name(), " is an operation, expected a tensor"));
    }
  }
  return absl::OkStatus();
}

absl::Status CheckArguments(const Graph& graph, const Outputs& ys, const Outputs& xs,
                            const GradientsOptions& options) {
  if (!options.grad_ys.empty() && options.grad_ys.size() != ys.size()) {
    return absl::InvalidArgumentError(
        absl::StrCat("Passed ", options.grad_ys.size(), " grad_ys for ", ys.size(), " ys"));
  }
  const int method = static_cast<int>(options.aggregation_method);
  if (method < 0 || method > static_cast<int>(AggregationMethod::kExperimentalAccumulateN)) {
    return absl::InvalidArgumentError(
        absl::StrCat("Invalid aggregation_method specified ", method, "."));
  }
  const int unconnected = static_cast<int>(options.unconnected_gradients);
  if (unconnected < 0 || unconnected > static_cast<int>(UnconnectedGradients::kZero)) {
    return absl::InvalidArgumentError(
        absl::StrCat("Unknown value for unconnected_gradients: ", unconnected));
  }
  Outputs seeds;
  for (const Output& seed : options.grad_ys) {
    if (!seed.empty()) seeds.push_back(seed);
  }
  const Outputs* const lists[] = {&ys, &xs, &options.stop_gradients, &seeds};
  for (const Outputs* list : lists) SLUICE_RETURN_IF_ERROR(CheckTensors(graph, *list));
  return absl::OkStatus();
}

// SparseGradients, in the scope made for it.
TensorsOrSlices Differentiate(At inside, const Outputs& ys, const Outputs& xs,
                              const GradientsOptions& options) {
  TensorsOrSlices result = Backpropagate(inside, ys, xs, options);
  result.resize(xs.size());
  return result;
}

// False, with the error on the graph, when nothing can be differentiated.
bool Ready(At at, const Outputs& ys, const Outputs& xs, const GradientsOptions& options) {
  if (!at.ok()) return false;
  const absl::Status arguments = CheckArguments(at.graph(), ys, xs, options);
  if (!arguments.ok()) at.Fail(options.name, arguments);
  return arguments.ok();
}

}  // namespace

std::vector<bool> Ancestors(const Graph& graph, const Outputs& outputs, bool control) {
  std::vector<bool> seen(graph.num_nodes(), false);
  std::vector<Node*> todo;
  for (const Output& o : outputs) todo.push_back(o.node());
  while (!todo.empty()) {
    Node* node = todo.back();
    todo.pop_back();
    if (static_cast<size_t>(node->id()) >= seen.size() || seen[node->id()]) continue;
    seen[node->id()] = true;
    for (int i = 0; i < node->num_inputs(); ++i) {
      if (node->input_edge(i).node != nullptr) todo.push_back(node->input_edge(i).node);
    }
    if (control)
      todo.insert(todo.end(), node->control_inputs().begin(), node->control_inputs().end());
  }
  return seen;
}

TensorsOrSlices SparseGradients(At at, const Outputs& ys, const Outputs& xs,
                                const GradientsOptions& options) {
  if (!Ready(at, ys, xs, options)) return TensorsOrSlices(Outputs(xs.size()));
  return Differentiate(at.Sub(options.name), ys, xs, options);
}

Outputs Gradients(At at, const Outputs& ys, const Outputs& xs, const GradientsOptions& options) {
  if (!Ready(at, ys, xs, options)) return Outputs(xs.size());
  const At inside = at.Sub(options.name);
  Outputs dense;
  for (const TensorOrSlices& g : Differentiate(inside, ys, xs, options))
    dense.push_back(ToDense(inside, g));
  return dense;
}

}  // namespace sluice
