#include "train/freeze.h"

#include <algorithm>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "core/status.h"
#include "graph/graph_def.h"
#include "graph/node.h"
#include "graph/proto_io.h"
#include "graph/tensor_proto.h"
#include "proto/graph.pb.h"
#include "proto/tensor.pb.h"

namespace sluice::train {
namespace {

bool IsVariable(const Node& node) {
  return node.op() == "VarHandleOp" || node.op() == "VariableV2" || node.op() == "Variable";
}

bool Contains(const std::vector<std::string>& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

// Ops that pass a handle on.
bool PassesHandle(const std::string& op) {
  return op == "Identity" || op == "Enter" || op == "Switch" || op == "Merge" || op == "Exit" ||
         op == "NextIteration";
}

class Freezer {
 public:
  Freezer(Session& session, const FreezeOptions& options)
      : session_(session), graph_(session.graph()), options_(options) {}

  absl::Status Freeze(const Outputs& outputs, proto::GraphDef* def) {
    SLUICE_RETURN_IF_ERROR(graph_.status());
    if (outputs.empty()) return absl::InvalidArgumentError("no outputs to freeze a graph for");
    for (const Output& output : outputs) {
      if (output.empty() || output.graph() != &graph_)
        return absl::InvalidArgumentError(
            absl::StrCat(output.name(), " is not an element of the session's graph"));
    }
    Find(outputs);
    SLUICE_RETURN_IF_ERROR(Evaluate());
    proto::GraphDef whole;
    SLUICE_RETURN_IF_ERROR(ToGraphDef(graph_, &whole));
    def->Clear();
    def->mutable_versions()->Swap(whole.mutable_versions());
    if (whole.has_library()) def->mutable_library()->Swap(whole.mutable_library());
    for (int id = 0; id < whole.node_size(); ++id) {
      if (id >= static_cast<int>(needed_.size()) || !needed_[id]) continue;
      SLUICE_RETURN_IF_ERROR(Write(*graph_.node(id), whole.mutable_node(id), def));
    }
    return absl::OkStatus();
  }

 private:
  bool BecomesConstant(const Node& node) const {
    if (IsVariable(node)) {
      const auto& white = options_.variable_names_whitelist;
      return (white.empty() || Contains(white, node.name())) &&
             !Contains(options_.variable_names_blacklist, node.name());
    }
    return !options_.evaluate_nodes_named.empty() &&
           absl::StrContains(node.name(), options_.evaluate_nodes_named) && node.op() != "Const" &&
           node.num_outputs() == 1;
  }

  // Everything that the outputs need, backwards.
  void Find(const Outputs& outputs) {
    needed_.assign(graph_.num_nodes(), false);
    std::vector<const Node*> open;
    const auto need = [&](const Node* node) {
      if (needed_[node->id()]) return;
      needed_[node->id()] = true;
      open.push_back(node);
    };
    for (const Output& output : outputs) need(output.node());
    while (!open.empty()) {
      const Node* node = open.back();
      open.pop_back();
      if (BecomesConstant(*node)) {
        constants_[node] = Tensor();
        continue;
      }
      for (int i = 0; i < node->num_inputs(); ++i) need(node->input_edge(i).node);
      for (const Node* control : node->control_inputs()) need(control);
    }
  }

  // The tensor to fetch for the value of `node`, which becomes a constant.
  absl::StatusOr<Output> ValueOf(const Node& node) {
    if (node.op() != "VarHandleOp") return node.output(0);
    if (reads_.empty()) FindReads();
    const auto read = reads_.find(&node);
    if (read != reads_.end()) return read->second;
    return absl::FailedPreconditionError(absl::StrCat("nothing reads the variable ", node.name()));
  }

  // By handle: a read, best one that waits for nothing.
  void FindReads() {
    for (int id = 0; id < graph_.num_nodes(); ++id) {
      const Node& node = *graph_.node(id);
      if (node.op() != "ReadVariableOp") continue;
      Output& read = reads_[node.input_edge(0).node];
      const bool waits = !node.control_inputs().empty();
      if (read.empty() || (!waits && !read.node()->control_inputs().empty())) read = node.output(0);
    }
  }

  absl::Status Evaluate() {
    std::vector<const Node*> nodes;
    Outputs fetches;
    for (const auto& [node, unused] : constants_) nodes.push_back(node);
    std::sort(nodes.begin(), nodes.end(),
              [](const Node* a, const Node* b) { return a->id() < b->id(); });
    for (const Node* node : nodes) {
      SLUICE_ASSIGN_OR_RETURN(const Output value, ValueOf(*node));
      fetches.push_back(value);
    }
    if (fetches.empty()) return absl::OkStatus();
    SLUICE_ASSIGN_OR_RETURN(const std::vector<Tensor> values, session_.Run({}, fetches));
    for (size_t i = 0; i < nodes.size(); ++i) {
      constants_[nodes[i]] = values[i];
      if (nodes[i]->op() == "VarHandleOp") carried_[nodes[i]] = values[i].dtype();
    }
    return absl::OkStatus();
  }

  static absl::Status WriteConst(const Tensor& value, proto::NodeDef* node) {
    node->set_op("Const");
    node->clear_input();
    node->clear_attr();
    auto& attrs = *node->mutable_attr();
    attrs["dtype"].set_type(static_cast<proto::DataType>(value.dtype()));
    return ToProto(value, attrs["value"].mutable_tensor());
  }

  // `node`, whose message is `from` (taken), as it is in the frozen graph.
  absl::Status Write(const Node& node, proto::NodeDef* from, proto::GraphDef* def) {
    if (const auto constant = constants_.find(&node); constant != constants_.end()) {
      from->Swap(def->add_node());
      return WriteConst(constant->second, def->mutable_node(def->node_size() - 1));
    }
    for (int i = 0; i < node.num_inputs(); ++i) {
      const Node* source = node.input_edge(i).node;
      const bool reference = IsRef(node.input_dtype(i)) && constants_.contains(source);
      const auto handle = carried_.find(source);
      if (handle == carried_.end() && !reference) continue;
      if (reference || !Rewrite(node, handle->second, from, def))
        return absl::FailedPreconditionError(absl::StrCat(
            "the outputs need ", node.name(), " (", node.op(), "), which takes the variable ",
            source->name(), " itself: freeze a graph for inference"));
    }
    from->Swap(def->add_node());
    return absl::OkStatus();
  }

  // What takes a handle takes the value now. False when it cannot.
  bool Rewrite(const Node& node, DType dtype, proto::NodeDef* def, proto::GraphDef* graph) {
    auto& attrs = *def->mutable_attr();
    const auto type = static_cast<proto::DataType>(dtype);
    if (PassesHandle(node.op())) {
      attrs["T"].set_type(type);
      carried_[&node] = dtype;
      return true;
    }
    if (node.op() == "ReadVariableOp") {
      def->set_op("Identity");
      attrs.clear();
      attrs["T"].set_type(type);
      return true;
    }
    if (node.op() == "VariableShape") {
      def->set_op("Shape");
      attrs["T"].set_type(type);
      return true;
    }
    return node.op() == "ResourceGather" && RewriteGather(node, type, def, graph);
  }

  static bool RewriteGather(const Node& node, proto::DataType type, proto::NodeDef* def,
                            proto::GraphDef* graph) {
    proto::NodeDef* axis = graph->add_node();
    axis->set_name(absl::StrCat(node.name(), "/axis"));
    if (!WriteConst(Tensor::Scalar<int32_t>(0), axis).ok()) return false;
    std::vector<std::string> control(def->input().begin() + 2, def->input().end());
    while (def->input_size() > 2) def->mutable_input()->RemoveLast();
    def->add_input(axis->name());
    for (std::string& input : control) def->add_input(std::move(input));
    auto& attrs = *def->mutable_attr();
    const proto::DataType indices = attrs["Tindices"].type();
    const int64_t batch_dims = attrs.contains("batch_dims") ? attrs["batch_dims"].i() : 0;
    def->set_op("GatherV2");
    attrs.clear();
    attrs["Tparams"].set_type(type);
    attrs["Tindices"].set_type(indices);
    attrs["Taxis"].set_type(proto::DT_INT32);
    attrs["batch_dims"].set_i(batch_dims);
    return batch_dims == 0;
  }

  Session& session_;
  const Graph& graph_;
  const FreezeOptions& options_;
  std::vector<bool> needed_;                            // by node id
  absl::flat_hash_map<const Node*, Tensor> constants_;  // nodes that become Const
  absl::flat_hash_map<const Node*, Output> reads_;      // by handle
  absl::flat_hash_map<const Node*, DType> carried_;     // nodes whose output was a handle
};

// "a:1", "^a" and "a" are all the node "a".
std::string NodeOf(absl::string_view input) {
  absl::ConsumePrefix(&input, "^");
  return std::string(input.substr(0, input.find(':')));
}

}  // namespace

absl::Status FreezeGraph(Session& session, const Outputs& outputs, proto::GraphDef* def,
                         const FreezeOptions& options) {
  return Freezer(session, options).Freeze(outputs, def);
}

absl::StatusOr<std::string> FreezeToBytes(Session& session, const Outputs& outputs,
                                          const FreezeOptions& options) {
  proto::GraphDef def;
  SLUICE_RETURN_IF_ERROR(FreezeGraph(session, outputs, &def, options));
  return SerializeMessage(def);
}

absl::Status ImportFrozen(absl::string_view bytes, Graph* graph) {
  proto::GraphDef def;
  SLUICE_RETURN_IF_ERROR(ParseGraphDef(bytes, /*text=*/false, &def));
  return ImportGraphDef(def, graph).status();
}

absl::Status ExtractSubGraph(const std::vector<std::string>& names, proto::GraphDef* def) {
  absl::flat_hash_map<std::string, const proto::NodeDef*> by_name;
  for (const proto::NodeDef& node : def->node()) by_name[node.name()] = &node;
  absl::flat_hash_set<std::string> needed;
  std::vector<std::string> open = names;
  for (const std::string& name : names) {
    if (!by_name.contains(name))
      return absl::NotFoundError(absl::StrCat(Printable(name), " is not in graph"));
  }
  while (!open.empty()) {
    const std::string name = std::move(open.back());
    open.pop_back();
    const auto node = by_name.find(name);
    if (node == by_name.end() || !needed.insert(name).second) continue;
    for (const std::string& input : node->second->input()) open.push_back(NodeOf(input));
  }
  google::protobuf::RepeatedPtrField<proto::NodeDef> kept;
  for (proto::NodeDef& node : *def->mutable_node()) {
    if (needed.contains(node.name())) node.Swap(kept.Add());
  }
  def->mutable_node()->Swap(&kept);
  return absl::OkStatus();
}

}  // namespace sluice::train
