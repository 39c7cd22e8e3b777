#include "tools/sluice/start_variables.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "core/status.h"
#include "graph/node.h"
#include "graph/variable.h"
#include "io/tensor_slice.h"
#include "ops/placeholder.h"
#include "train/checkpoint_reader.h"
#include "train/saver.h"

namespace sluice::tools {
namespace {

bool IsVariable(const Node& node) {
  return node.op() == "VarHandleOp" || node.op() == "VariableV2" || node.op() == "Variable";
}

// What a checkpoint calls a variable: its node's name, or a part of another tensor.
struct SavedPlace {
  std::string key;
  std::optional<TensorSlice> slice;
};

// A GraphDef has no collections: its variables are known by their nodes, and saved under the nodes'
// names. A MetaGraph says which are parts.
SavedPlace PlaceOf(const Node& node, const Graph& graph) {
  for (const Variable& v : graph.GlobalVariables()) {
    if (v.is_partitioned() || v.handle().node() != &node) continue;
    const auto& info = v.data().save_slice_info;
    if (!info.has_value()) break;
    SavedPlace place{info->full_name, TensorSlice()};
    for (size_t i = 0; i < info->var_offset.size(); ++i) {
      place.slice->extents.push_back(
          {info->var_offset[i], info->var_shape.dim(static_cast<int>(i))});
    }
    return place;
  }
  return {node.name(), std::nullopt};
}

absl::Status CheckFits(const Node& node, const Tensor& value) {
  const AttrValue* dtype = FindAttr(node.attrs(), "dtype");
  const AttrValue* shape = FindAttr(node.attrs(), "shape");
  const DType* wanted = dtype == nullptr ? nullptr : dtype->get_if<DType>();
  const TensorShape* within = shape == nullptr ? nullptr : shape->get_if<TensorShape>();
  if ((wanted == nullptr || *wanted == value.dtype()) &&
      (within == nullptr || within->CompatibleWith(value.shape()))) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(absl::StrCat(
      "variable ", Printable(node.name()), " is ", wanted == nullptr ? "" : DTypeName(*wanted),
      within == nullptr ? "" : within->ToString(), ", the checkpoint has ",
      DTypeName(value.dtype()), value.shape().ToString()));
}

// Random numbers go on where the program that saved them stopped.
absl::Status RestoreRandomRun(const train::CheckpointReader& reader, Session* session) {
  const BundleTensor* entry = reader.Find(train::kRandomRunKey);
  if (entry == nullptr || entry->dtype != DType::kInt64 || entry->shape != TensorShape())
    return absl::OkStatus();
  SLUICE_ASSIGN_OR_RETURN(const Tensor run, reader.GetTensor(train::kRandomRunKey));
  session->set_random_run(static_cast<uint64_t>(run.scalar<int64_t>()));
  return absl::OkStatus();
}

absl::Status NoWay(const Trial& trial) {
  std::vector<std::string> names;
  for (const Node* node : trial.variables()) names.push_back(Printable(node->name()));
  return absl::FailedPreconditionError(
      absl::StrCat("variables without a value: ", absl::StrJoin(names, ", "),
                   "; --init OP names the op that initializes them, --checkpoint PREFIX where they "
                   "are saved"));
}

}  // namespace

std::vector<const Node*> NodesBehind(const Outputs& fetches, const Feeds& feeds) {
  absl::flat_hash_set<std::pair<const Node*, int>> fed;
  for (const auto& [tensor, value] : feeds) fed.insert({tensor.node(), tensor.index()});
  absl::flat_hash_set<const Node*> seen;
  std::vector<const Node*> todo;
  const auto need = [&](const Node* node, int index) {
    if (node == nullptr || fed.contains({node, index})) return;
    if (seen.insert(node).second) todo.push_back(node);
  };
  for (const Output& fetch : fetches) need(fetch.node(), fetch.index());
  while (!todo.empty()) {
    const Node& node = *todo.back();
    todo.pop_back();
    for (int i = 0; i < node.num_inputs(); ++i)
      need(node.input_edge(i).node, node.input_edge(i).index);
    for (const Node* control : node.control_inputs()) need(control, Output::kOperation);
  }
  std::vector<const Node*> needed(seen.begin(), seen.end());
  std::sort(needed.begin(), needed.end(),
            [](const Node* a, const Node* b) { return a->id() < b->id(); });
  return needed;
}

std::vector<const Node*> VariablesBehind(const Outputs& fetches, const Feeds& feeds) {
  std::vector<const Node*> nodes = NodesBehind(fetches, feeds);
  nodes.erase(std::remove_if(nodes.begin(), nodes.end(),
                             [](const Node* node) { return !IsVariable(*node); }),
              nodes.end());
  return nodes;
}

absl::Status RestoreVariables(const std::string& prefix, const std::vector<const Node*>& variables,
                              Graph* graph, Session* session) {
  SLUICE_ASSIGN_OR_RETURN(const train::CheckpointReader reader,
                          train::CheckpointReader::Open(prefix));
  const Scope root = Scope::Root(*graph);
  Feeds values;
  Outputs assignments;
  for (const Node* node : variables) {
    const SavedPlace place = PlaceOf(*node, *graph);
    absl::StatusOr<Tensor> value = place.slice.has_value()
                                       ? reader.GetSlice(place.key, *place.slice)
                                       : reader.GetTensor(place.key);
    SLUICE_RETURN_IF_ERROR(Annotate(value.status(), absl::CHexEscape(prefix)));
    SLUICE_RETURN_IF_ERROR(Annotate(CheckFits(*node, *value), absl::CHexEscape(prefix)));
    const Output fed = ops::Placeholder(root, value->dtype(), value->shape());
    const bool resource = node->output_dtype(0) == DType::kResource;
    assignments.push_back(
        At(root).Node(resource ? "AssignVariableOp" : "Assign", {node->output(0), fed}));
    values.emplace_back(fed, *std::move(value));
  }
  SLUICE_RETURN_IF_ERROR(graph->status());
  if (assignments.empty()) return absl::OkStatus();
  SLUICE_RETURN_IF_ERROR(session->Run(values, assignments).status());
  return RestoreRandomRun(reader, session);
}

absl::Status StartVariables(const CommandLine& line, Trial* trial, Session* session) {
  if (line.Has("checkpoint")) {
    return RestoreVariables(line.Get("checkpoint", ""), trial->variables(), &trial->graph(),
                            session);
  }
  if (trial->variables().empty() && !line.Has("init")) return absl::OkStatus();
  const std::string init = line.Get("init", "init");
  if (line.Has("init") || trial->graph().FindNode(init) != nullptr) {
    SLUICE_ASSIGN_OR_RETURN(const Output op, trial->graph().FindOperation(init));
    return session->Run(op);
  }
  if (trial->graph().GlobalVariables().empty()) return NoWay(*trial);
  const Scope root = Scope::Root(trial->graph());
  SLUICE_RETURN_IF_ERROR(session->Run(GlobalVariablesInitializer(root)));
  return trial->graph().LocalVariables().empty() ? absl::OkStatus()
                                                 : session->Run(LocalVariablesInitializer(root));
}

}  // namespace sluice::tools
