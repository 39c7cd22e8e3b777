#include "graph/lower_functions.h"

#include <algorithm>
#include <functional>
#include <queue>
#include <string>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "core/status.h"
#include "graph/lower_functions_expansion.h"
#include "graph/lower_functions_library.h"

namespace sluice {
namespace {

bool ClosesLoop(const FlatNode& from, const FlatNode& to) {
  return from.op == "NextIteration" && to.op == "Merge";
}

// The positions of the nodes of an expansion but the first, producers before consumers.
absl::StatusOr<std::vector<int>> Sorted(const CallExpansion& expansion) {
  const auto& nodes = expansion.nodes();
  std::vector<int> pending(nodes.size(), 0);
  std::vector<std::vector<int>> consumers(nodes.size());
  for (size_t to = 0; to < nodes.size(); ++to) {
    const auto link = [&](int from) {
      if (ClosesLoop(nodes[static_cast<size_t>(from)], nodes[to])) return;
      consumers[static_cast<size_t>(from)].push_back(static_cast<int>(to));
      ++pending[to];
    };
    for (const FlatEdge& edge : nodes[to].inputs) link(expansion.Resolved(edge).node);
    for (const int control : nodes[to].controls) link(control);
  }
  std::priority_queue<int, std::vector<int>, std::greater<int>> ready;
  for (size_t i = 0; i < nodes.size(); ++i) {
    if (pending[i] == 0) ready.push(static_cast<int>(i));
  }
  std::vector<int> order;
  while (!ready.empty()) {
    const int next = ready.top();
    ready.pop();
    if (next != CallExpansion::kOuter) order.push_back(next);
    for (const int consumer : consumers[static_cast<size_t>(next)]) {
      if (--pending[static_cast<size_t>(consumer)] == 0) ready.push(consumer);
    }
  }
  if (order.size() + 1 == nodes.size()) return order;
  for (size_t i = 1; i < nodes.size(); ++i) {
    if (pending[i] == 0) continue;
    return expansion.NodeProblem(
        nodes[i], absl::InvalidArgumentError("waits for its own result: nodes in a cycle"));
  }
  return absl::InternalError("nodes were lost");
}

class Lowering {
 public:
  Lowering(const Graph& graph, const FunctionLibrary& library, int64_t most_nodes)
      : from_(graph), library_(library), num_nodes_(graph.num_nodes()), most_nodes_(most_nodes) {
    result_.graph = std::make_unique<Graph>(graph.registry());
    result_.outputs.resize(static_cast<size_t>(num_nodes_));
    result_.operations.resize(static_cast<size_t>(num_nodes_));
    for (int id = 0; id < num_nodes_ && !has_flow_; ++id) {
      const ControlFlow flow = graph.node(id)->spec().flow();
      has_flow_ = flow == ControlFlow::kSwitch || flow == ControlFlow::kEnter;
    }
  }

  absl::StatusOr<LoweredGraph> Run() {
    for (int id = 0; id < num_nodes_; ++id) {
      const Node& node = *from_.node(id);
      absl::Status status = MayCallFunctions(node) ? Expand(node) : absl::OkStatus();
      if (!status.ok() || result_.operations[static_cast<size_t>(id)].empty()) {
        status.Update(Copy(node));
      }
      if (!status.ok()) result_.failures.emplace(id, std::move(status));
    }
    for (const auto& [merge, input] : back_edges_) SLUICE_RETURN_IF_ERROR(Close(*merge, input));
    return std::move(result_);
  }

 private:
  Graph& to() { return *result_.graph; }

  // The lowered form of the inputs of `node`. What failed has none.
  absl::Status Inputs(const Node& node, NodeRequest* request) {
    for (int i = 0; i < node.num_inputs(); ++i) {
      const Edge& edge = node.input_edge(i);
      if (edge.node == nullptr) {
        request->inputs.emplace_back();
        continue;
      }
      if (edge.node->id() >= node.id()) {  // from a NextIteration
        request->inputs.emplace_back();
        back_edges_.emplace_back(&node, i);
        continue;
      }
      SLUICE_ASSIGN_OR_RETURN(const Output input, Lowered(edge.node->output(edge.index)));
      request->inputs.push_back({input.node(), input.index()});
    }
    for (const Node* control : node.control_inputs()) {
      SLUICE_ASSIGN_OR_RETURN(const Output input, Lowered(control->operation()));
      request->control_inputs.push_back(input.node());
    }
    return absl::OkStatus();
  }

  absl::StatusOr<Output> Lowered(const Output& original) const {
    const Output lowered = result_.Find(original);
    if (!lowered.empty()) return lowered;
    const auto failed = result_.failures.find(original.node()->id());
    if (failed != result_.failures.end()) return failed->second;
    return absl::InvalidArgumentError(absl::StrCat("there is no ", Printable(original.name())));
  }

  absl::Status Copy(const Node& node) {
    NodeRequest request{.op = node.op(),
                        .name = node.name(),
                        .attrs = node.attrs(),
                        .device = node.device(),
                        .location = node.location(),
                        .unknown_op_outputs = std::max(1, node.num_outputs()),
                        .opaque = node.spec().opaque()};
    SLUICE_RETURN_IF_ERROR(Inputs(node, &request));
    if (node.original_op() != nullptr && node.original_op()->id() < node.id()) {
      request.original_op =
          result_.operations[static_cast<size_t>(node.original_op()->id())].node();
    }
    absl::StatusOr<Node*> added = to().AddNode(std::move(request));
    if (!added.ok()) {
      return Annotate(added.status(), absl::StrCat("node '", Printable(node.name()), "' (",
                                                   Printable(node.op()), ")"));
    }
    Outputs& outputs = result_.outputs[static_cast<size_t>(node.id())];
    for (int i = 0; i < (*added)->num_outputs(); ++i) {
      outputs.push_back((*added)->output(i));
      KeepShape(node.output_shape(i), outputs.back());
    }
    result_.operations[static_cast<size_t>(node.id())] = (*added)->operation();
    return absl::OkStatus();
  }

  // More may be known of a shape than its op says.
  void KeepShape(const TensorShape& known, const Output& tensor) {
    if (known != tensor.shape()) to().SetShape(tensor, known).IgnoreError();
  }

  absl::Status Expand(const Node& node) {
    FlatNode call;
    call.spec = node.spec().opaque() ? nullptr : &node.spec();
    call.called = node.spec().opaque() ? library_.FindCalled(node.op()) : nullptr;
    if (!IsCall(call)) return absl::OkStatus();
    NodeRequest outer;
    SLUICE_RETURN_IF_ERROR(Inputs(node, &outer));
    call.name = node.name();
    if (!outer.control_inputs.empty()) call.controls = {CallExpansion::kOuter};
    call.op = node.op();
    call.device = node.device();
    call.attrs = node.attrs();
    for (int i = 0; i < node.num_outputs(); ++i) call.types.push_back(node.output_dtype(i));
    std::vector<DType> types;
    for (const Edge& edge : outer.inputs) {
      if (edge.node == nullptr) return absl::InvalidArgumentError("a call cannot close a loop");
      types.push_back(edge.node->output_dtype(edge.index));
    }
    CallExpansion expansion(library_, [this](const std::string& name) {
      return from_.FindNode(name) != nullptr || to().FindNode(name) != nullptr;
    });
    SLUICE_RETURN_IF_ERROR(
        expansion.Run(std::move(call), std::move(types), has_flow_, most_nodes_ - made_));
    return AddNodes(node, outer, expansion);
  }

  // The nodes of one call as the lowered graph gets them.
  struct Emitted {
    const Node& call;
    const NodeRequest& outer;  // what the call gets
    const CallExpansion& expansion;
    std::vector<Node*> made;  // by position; null before they are made

    Edge Find(FlatEdge edge) const {
      edge = expansion.Resolved(edge);
      return edge.node == CallExpansion::kOuter
                 ? outer.inputs[static_cast<size_t>(edge.index)]
                 : Edge{made[static_cast<size_t>(edge.node)], edge.index};
    }
  };

  absl::Status AddNodes(const Node& call, const NodeRequest& outer,
                        const CallExpansion& expansion) {
    SLUICE_ASSIGN_OR_RETURN(const std::vector<int> order, Sorted(expansion));
    const auto& nodes = expansion.nodes();
    Emitted emitted{call, outer, expansion, std::vector<Node*>(nodes.size(), nullptr)};
    for (const int at : order) {
      const FlatNode& node = nodes[static_cast<size_t>(at)];
      absl::StatusOr<Node*> added = to().AddNode(RequestFor(node, emitted));
      if (!added.ok()) return expansion.NodeProblem(node, added.status());
      emitted.made[static_cast<size_t>(at)] = *added;
      ++made_;
    }
    for (size_t at = 1; at < nodes.size(); ++at) {
      for (size_t i = 0; i < nodes[at].inputs.size(); ++i) {
        const FlatEdge edge = nodes[at].inputs[i];
        if (!ClosesLoop(nodes[static_cast<size_t>(edge.node)], nodes[at])) continue;
        SLUICE_RETURN_IF_ERROR(
            to().SetBackEdge(emitted.made[at], static_cast<int>(i), emitted.Find(edge)));
      }
    }
    Outputs& outputs = result_.outputs[static_cast<size_t>(call.id())];
    const auto num_outputs = static_cast<int>(nodes[CallExpansion::kCall].types.size());
    for (int k = 0; k < num_outputs; ++k) {
      const Edge edge = emitted.Find({CallExpansion::kCall, k});
      outputs.push_back(edge.node->output(edge.index));
    }
    result_.operations[static_cast<size_t>(call.id())] =
        emitted.made[CallExpansion::kCall]->operation();
    return absl::OkStatus();
  }

  static NodeRequest RequestFor(const FlatNode& node, const Emitted& emitted) {
    NodeRequest request{.op = node.op,
                        .name = node.name,
                        .attrs = node.attrs,
                        .device = node.device,
                        .location = emitted.call.location(),
                        .unknown_op_outputs = std::max(1, static_cast<int>(node.types.size())),
                        .opaque = node.spec == nullptr};
    for (const FlatEdge& edge : node.inputs) request.inputs.push_back(emitted.Find(edge));
    std::vector<Node*>& controls = request.control_inputs;
    for (const int control : node.controls) {
      if (control != CallExpansion::kOuter) {
        controls.push_back(emitted.made[static_cast<size_t>(control)]);
        continue;
      }
      const std::vector<Node*>& outer = emitted.outer.control_inputs;
      controls.insert(controls.end(), outer.begin(), outer.end());
    }
    RemoveRepeats(&controls);
    return request;
  }

  static void RemoveRepeats(std::vector<Node*>* nodes) {
    absl::flat_hash_set<Node*> seen;
    nodes->erase(std::remove_if(nodes->begin(), nodes->end(),
                                [&](Node* node) { return !seen.insert(node).second; }),
                 nodes->end());
  }

  absl::Status Close(const Node& merge, int input) {
    const Output to_close = result_.operations[static_cast<size_t>(merge.id())];
    if (to_close.empty()) return absl::OkStatus();
    const Edge& edge = merge.input_edge(input);
    const Output from = result_.Find(edge.node->output(edge.index));
    if (from.empty()) return absl::OkStatus();  // a failure that every run of the loop meets
    return to().SetBackEdge(to_close.node(), input, {from.node(), from.index()});
  }

  const Graph& from_;
  const FunctionLibrary& library_;
  const int num_nodes_;
  const int64_t most_nodes_;
  bool has_flow_ = false;
  int64_t made_ = 0;
  LoweredGraph result_;
  std::vector<std::pair<const Node*, int>> back_edges_;  // of the original: a Merge, its input
};

}  // namespace

Output LoweredGraph::Find(const Output& original) const {
  const auto id = static_cast<size_t>(original.node()->id());
  if (id >= operations.size()) return Output();
  if (original.is_operation()) return operations[id];
  const auto index = static_cast<size_t>(original.index());
  return index < outputs[id].size() ? outputs[id][index] : Output();
}

absl::StatusOr<LoweredGraph> LowerFunctions(const Graph& graph, int64_t most_nodes) {
  const auto hold = graph.Hold();
  SLUICE_RETURN_IF_ERROR(graph.status());
  SLUICE_ASSIGN_OR_RETURN(const std::unique_ptr<FunctionLibrary> library,
                          FunctionLibrary::Parse(graph.function_library(), graph.registry()));
  return Lowering(graph, *library, most_nodes).Run();
}

}  // namespace sluice
