#include "train/freeze.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "core/status.h"
#include "graph/graph_def.h"
#include "graph/lower_functions.h"
#include "graph/node.h"
#include "graph/proto_io.h"
#include "graph/tensor_proto.h"
#include "proto/graph.pb.h"
#include "proto/tensor.pb.h"
#include "train/transforms_branches.h"
#include "train/transforms_constants.h"
#include "train/transforms_def.h"

namespace sluice::train {
namespace {

bool IsVariable(const std::string& op) {
  return op == "VarHandleOp" || op == "VariableV2" || op == "Variable";
}

bool Contains(const std::vector<std::string>& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

// Ops that pass a handle on.
bool PassesHandle(const std::string& op) {
  return op == "Identity" || op == "Enter" || op == "Switch" || op == "Merge" || op == "Exit" ||
         op == "NextIteration";
}

std::vector<std::string> NamesOf(const Outputs& outputs) {
  std::vector<std::string> names;
  for (const Output& output : outputs) names.push_back(output.node()->name());
  return names;
}

class Freezer {
 public:
  Freezer(Session& session, const FreezeOptions& options)
      : session_(session), graph_(&session.graph()), options_(options) {}

  absl::Status Freeze(const Outputs& given, proto::GraphDef* def, std::vector<std::string>* names) {
    SLUICE_RETURN_IF_ERROR(graph_->status());
    if (given.empty()) return absl::InvalidArgumentError("no outputs to freeze a graph for");
    for (const Output& output : given) {
      if (output.empty() || output.graph() != graph_)
        return absl::InvalidArgumentError(
            absl::StrCat(output.name(), " is not an element of the session's graph"));
    }
    Outputs outputs = given;
    SLUICE_RETURN_IF_ERROR(Lower(&outputs));
    for (const Output& output : outputs) names->push_back(output.name());
    proto::GraphDef whole;
    SLUICE_RETURN_IF_ERROR(ToGraphDef(*graph_, &whole));
    SLUICE_RETURN_IF_ERROR(Reduce(NamesOf(outputs), &whole));
    Find(NamesOf(outputs), whole);
    SLUICE_RETURN_IF_ERROR(Evaluate());
    def->Clear();
    def->mutable_versions()->Swap(whole.mutable_versions());
    if (whole.has_library()) def->mutable_library()->Swap(whole.mutable_library());
    for (proto::NodeDef& node : *whole.mutable_node()) {
      if (needed_.contains(node.name())) SLUICE_RETURN_IF_ERROR(Write(&node, def));
    }
    return absl::OkStatus();
  }

 private:
  // Calls of functions that the outputs need become the functions' nodes.
  absl::Status Lower(Outputs* outputs) {
    if (graph_->function_library().empty() || !ReachCalls(*outputs)) return absl::OkStatus();
    SLUICE_ASSIGN_OR_RETURN(lowered_, LowerFunctions(*graph_));
    for (Output& output : *outputs) {
      const auto failure = lowered_->failures.find(output.node()->id());
      if (failure != lowered_->failures.end()) return failure->second;
      output = lowered_->Find(output);
    }
    graph_ = lowered_->graph.get();
    return absl::OkStatus();
  }

  static bool ReachCalls(const Outputs& outputs) {
    absl::flat_hash_set<const Node*> seen;
    std::vector<const Node*> open;
    for (const Output& output : outputs) open.push_back(output.node());
    while (!open.empty()) {
      const Node* node = open.back();
      open.pop_back();
      if (!seen.insert(node).second) continue;
      if (MayCallFunctions(*node)) return true;
      for (int i = 0; i < node->num_inputs(); ++i) open.push_back(node->input_edge(i).node);
      for (const Node* control : node->control_inputs()) open.push_back(control);
    }
    return false;
  }

  // What is decided before any variable is looked at.
  absl::Status Reduce(const std::vector<std::string>& outputs, proto::GraphDef* def) const {
    SLUICE_RETURN_IF_ERROR(SetValues(options_.values, def));
    if (!options_.inputs.empty()) {
      SLUICE_RETURN_IF_ERROR(StripUnused(options_.inputs, outputs, graph_->registry(), def));
    } else {
      SLUICE_RETURN_IF_ERROR(ExtractSubGraph(outputs, def));
    }
    if (options_.values.empty()) return absl::OkStatus();
    SLUICE_RETURN_IF_ERROR(FoldConstants(outputs, graph_->registry(), def));
    return RemoveBranches(outputs, graph_->registry(), def);
  }

  // The session's node that `def` is; null when it has become another.
  const Node* Original(const proto::NodeDef& def) const {
    const Node* node = graph_->FindNode(def.name());
    return node != nullptr && node->op() == def.op() ? node : nullptr;
  }

  bool BecomesConstant(const proto::NodeDef& def) const {
    if (IsVariable(def.op())) {
      const auto& white = options_.variable_names_whitelist;
      return (white.empty() || Contains(white, def.name())) &&
             !Contains(options_.variable_names_blacklist, def.name());
    }
    const Node* node = Original(def);
    return !options_.evaluate_nodes_named.empty() && node != nullptr &&
           absl::StrContains(def.name(), options_.evaluate_nodes_named) && def.op() != "Const" &&
           node->num_outputs() == 1;
  }

  // Everything that the outputs need, backwards.
  void Find(const std::vector<std::string>& outputs, const proto::GraphDef& def) {
    absl::flat_hash_map<std::string, const proto::NodeDef*> by_name;
    for (const proto::NodeDef& node : def.node()) by_name[node.name()] = &node;
    std::vector<std::string> open = outputs;
    while (!open.empty()) {
      const auto found = by_name.find(open.back());
      open.pop_back();
      if (found == by_name.end() || !needed_.insert(found->first).second) continue;
      if (BecomesConstant(*found->second)) {
        constants_[found->first] = Tensor();
        continue;
      }
      for (const std::string& input : found->second->input())
        open.push_back(ParseInputName(input).node);
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
    const Graph& graph = session_.graph();
    for (int id = 0; id < graph.num_nodes(); ++id) {
      const Node& node = *graph.node(id);
      if (node.op() != "ReadVariableOp") continue;
      const Node* handle = node.input_edge(0).node;
      while (handle->op() == "Identity") handle = handle->input_edge(0).node;
      Output& read = reads_[handle];
      const bool waits = !node.control_inputs().empty();
      if (read.empty() || (!waits && !read.node()->control_inputs().empty())) read = node.output(0);
    }
  }

  absl::Status Evaluate() {
    std::vector<const Node*> nodes;
    Outputs fetches;
    for (const auto& [name, unused] : constants_) {
      nodes.push_back(session_.graph().FindNode(name));
      if (nodes.back() == nullptr)
        return absl::FailedPreconditionError(
            absl::StrCat("the variable ", Printable(name), " is one of a function's own"));
    }
    std::sort(nodes.begin(), nodes.end(),
              [](const Node* a, const Node* b) { return a->id() < b->id(); });
    for (const Node* node : nodes) {
      SLUICE_ASSIGN_OR_RETURN(const Output value, ValueOf(*node));
      fetches.push_back(value);
    }
    if (fetches.empty()) return absl::OkStatus();
    SLUICE_ASSIGN_OR_RETURN(const std::vector<Tensor> values, session_.Run({}, fetches));
    for (size_t i = 0; i < nodes.size(); ++i) {
      constants_[nodes[i]->name()] = values[i];
      if (nodes[i]->op() == "VarHandleOp") carried_[nodes[i]->name()] = values[i].dtype();
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

  // The node `from` (taken) as it is in the frozen graph.
  absl::Status Write(proto::NodeDef* from, proto::GraphDef* def) {
    if (const auto constant = constants_.find(from->name()); constant != constants_.end()) {
      from->Swap(def->add_node());
      return WriteConst(constant->second, def->mutable_node(def->node_size() - 1));
    }
    const Node* node = Original(*from);
    for (int i = 0; i < from->input_size(); ++i) {
      const InputName input = ParseInputName(from->input(i));
      if (input.control) break;
      const std::string& source = input.node;
      const bool reference = node != nullptr && i < node->num_inputs() &&
                             IsRef(node->input_dtype(i)) && constants_.contains(source);
      const auto handle = carried_.find(source);
      if (handle == carried_.end() && !reference) continue;
      if (IsInitializedValue(from->op())) {
        BecomeIdentity(static_cast<proto::DataType>(constants_.at(source).dtype()), from);
        break;
      }
      if (reference || !Rewrite(handle->second, from, def))
        return absl::FailedPreconditionError(absl::StrCat(
            "the outputs need ", from->name(), " (", from->op(), "), which takes the variable ",
            source, " itself: freeze a graph for inference"));
    }
    from->Swap(def->add_node());
    return absl::OkStatus();
  }

  // The initial value of a variable that has none yet: this one has.
  static bool IsInitializedValue(const std::string& op) {
    return op == "InitializedValue" || op == "InitializedRefValue";
  }

  // Of its first input; control inputs stay.
  static void BecomeIdentity(proto::DataType type, proto::NodeDef* def) {
    def->set_op("Identity");
    def->clear_attr();
    (*def->mutable_attr())["T"].set_type(type);
    for (int i = def->input_size() - 1; i > 0; --i) {
      if (!ParseInputName(def->input(i)).control) def->mutable_input()->DeleteSubrange(i, 1);
    }
  }

  // What takes a handle takes the value now. False when it cannot.
  bool Rewrite(DType dtype, proto::NodeDef* def, proto::GraphDef* graph) {
    auto& attrs = *def->mutable_attr();
    const auto type = static_cast<proto::DataType>(dtype);
    if (PassesHandle(def->op())) {
      attrs["T"].set_type(type);
      carried_[def->name()] = dtype;
      return true;
    }
    if (def->op() == "ReadVariableOp") {
      BecomeIdentity(type, def);
      return true;
    }
    if (def->op() == "VariableShape") {
      def->set_op("Shape");
      attrs["T"].set_type(type);
      return true;
    }
    return def->op() == "ResourceGather" && RewriteGather(type, def, graph);
  }

  static bool RewriteGather(proto::DataType type, proto::NodeDef* def, proto::GraphDef* graph) {
    proto::NodeDef* axis = graph->add_node();
    axis->set_name(absl::StrCat(def->name(), "/axis"));
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
  const Graph* graph_;  // the session's, or its lowered form
  std::optional<LoweredGraph> lowered_;
  const FreezeOptions& options_;
  absl::flat_hash_set<std::string> needed_;             // names, as those below
  absl::flat_hash_map<std::string, Tensor> constants_;  // nodes that become Const
  absl::flat_hash_map<std::string, DType> carried_;     // nodes whose output was a handle
  absl::flat_hash_map<const Node*, Output> reads_;      // by handle
};

}  // namespace

absl::Status FreezeGraph(Session& session, const Outputs& outputs, proto::GraphDef* def,
                         const FreezeOptions& options, std::vector<std::string>* names) {
  std::vector<std::string> unread;
  return Freezer(session, options).Freeze(outputs, def, names == nullptr ? &unread : names);
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
    for (const std::string& input : node->second->input())
      open.push_back(ParseInputName(input).node);
  }
  google::protobuf::RepeatedPtrField<proto::NodeDef> kept;
  for (proto::NodeDef& node : *def->mutable_node()) {
    if (needed.contains(node.name())) node.Swap(kept.Add());
  }
  def->mutable_node()->Swap(&kept);
  return absl::OkStatus();
}

}  // namespace sluice::train
