#include "tests/testing/interpreter.h"

#include <map>
#include <utility>

#include "core/status.h"
#include "graph/evaluate.h"
#include "graph/node.h"

namespace sluice {
namespace {

using Key = std::pair<int, int>;  // node id, output index

// Nodes that `fetches` need when what is in `values` is given.
std::vector<bool> Needed(const Graph& graph, const std::map<Key, Tensor>& values,
                         const Outputs& fetches) {
  std::vector<bool> needed(graph.num_nodes());
  std::vector<const Node*> stack;
  auto want = [&](const Node* node, int index) {
    if (values.count({node->id(), index}) || needed[node->id()]) return;
    needed[node->id()] = true;
    stack.push_back(node);
  };
  for (const Output& f : fetches) want(f.node(), f.index());
  while (!stack.empty()) {
    const Node* node = stack.back();
    stack.pop_back();
    for (int i = 0; i < node->num_inputs(); ++i)
      want(node->input_edge(i).node, node->input_edge(i).index);
  }
  return needed;
}

}  // namespace

absl::StatusOr<std::vector<Tensor>> Interpret(const Graph& graph, const Feeds& feeds,
                                              const Outputs& fetches) {
  SLUICE_RETURN_IF_ERROR(graph.status());
  std::map<Key, Tensor> values;
  for (const auto& [output, tensor] : feeds) values[{output.node()->id(), output.index()}] = tensor;
  const std::vector<bool> needed = Needed(graph, values, fetches);
  for (int id = 0; id < graph.num_nodes(); ++id) {
    if (!needed[id]) continue;
    const Node& node = *graph.node(id);
    std::vector<Tensor> inputs;
    for (int i = 0; i < node.num_inputs(); ++i) {
      const Edge& edge = node.input_edge(i);
      auto found = values.find({edge.node->id(), edge.index});
      if (found == values.end())
        return absl::InternalError(absl::StrCat(node.name(), ": input ", i, " has no value"));
      inputs.push_back(found->second);
    }
    absl::StatusOr<std::vector<Tensor>> outputs = EvaluateOp(node.spec(), node.attrs(), inputs);
    if (!outputs.ok())
      return Annotate(outputs.status(), absl::StrCat(node.name(), " (", node.op(), ")"));
    for (size_t i = 0; i < outputs->size(); ++i) {
      const Tensor& value = (*outputs)[i];
      if (!node.output_shape(i).CompatibleWith(value.shape()))
        return absl::InternalError(
            absl::StrCat(node.name(), " (", node.op(), "): output ", i, " was inferred as ",
                         node.output_shape(i).ToString(), " but is ", value.shape().ToString()));
      values.try_emplace({id, static_cast<int>(i)}, value);
    }
  }
  std::vector<Tensor> results;
  for (const Output& f : fetches)
    results.push_back(f.is_operation() ? Tensor() : values[{f.node()->id(), f.index()}]);
  return results;
}

}  // namespace sluice
