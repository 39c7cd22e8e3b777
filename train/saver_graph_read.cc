// The half of train/saver_graph.h that reads.
#include <algorithm>
#include <deque>
#include <set>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "core/status.h"
#include "graph/node.h"
#include "proto/meta_graph.pb.h"
#include "train/saver_graph.h"

namespace sluice::train {
namespace {

bool IsSave(const Node& node) {
  return node.op() == "SaveV2" || node.op() == "SaveSlices" || node.op() == "Save";
}

bool IsRestore(const Node& node) {
  return node.op() == "RestoreV2" || node.op() == "RestoreSlice" || node.op() == "Restore";
}

absl::Status Bad(const Node& node, absl::string_view why) {
  return absl::InvalidArgumentError(
      absl::StrCat("saver: node '", Printable(node.name()), "' (", node.op(), "): ", why));
}

// A node and everything before it, each once, nearest first. Nothing before a node that
// `is_end` says.
template <typename IsEnd>
std::vector<Node*> Before(Node* start, const IsEnd& is_end) {
  std::vector<Node*> order = {start};
  absl::flat_hash_set<const Node*> seen = {start};
  for (size_t i = 0; i < order.size(); ++i) {
    Node* node = order[i];
    if (is_end(*node)) continue;
    const auto visit = [&](Node* input) {
      if (seen.insert(input).second) order.push_back(input);
    };
    for (int k = 0; k < node->num_inputs(); ++k) visit(node->input_edge(k).node);
    for (Node* input : node->control_inputs()) visit(input);
  }
  return order;
}

// The strings of a constant input of a save or restore op: a vector, or a scalar for one.
absl::StatusOr<std::vector<std::string>> ConstantStrings(const Node& node, int input) {
  const Node* source = node.input_edge(input).node;
  while (source->op() == "Identity" || source->op() == "PlaceholderWithDefault") {
    source = source->input_edge(0).node;
  }
  const AttrValue* value = source->op() == "Const" ? FindAttr(source->attrs(), "value") : nullptr;
  const Tensor* tensor = value == nullptr ? nullptr : value->get_if<Tensor>();
  if (tensor == nullptr || tensor->dtype() != DType::kString) {
    return Bad(node, absl::StrCat("input ", input, " must be a constant of strings, got '",
                                  Printable(source->name()), "' (", source->op(), ")"));
  }
  const auto strings = tensor->flat<std::string>();
  return std::vector<std::string>(strings.begin(), strings.end());
}

absl::StatusOr<SavedPlace> PlaceOf(const Node& node, const std::string& key,
                                   const std::string& slice) {
  const absl::StatusOr<SliceSpec> spec = ParseSliceSpec(slice);
  if (!spec.ok()) return Bad(node, spec.status().message());
  SavedPlace place{.key = key};
  if (spec->sliced) {
    place.slice = spec->slice;
    place.full_shape = spec->full_shape;
  }
  return place;
}

// Names and slices of a save or restore op. Its number of tensors is checked.
absl::StatusOr<std::vector<SavedPlace>> PlacesOf(const Node& node, size_t tensors) {
  SLUICE_ASSIGN_OR_RETURN(const std::vector<std::string> names, ConstantStrings(node, 1));
  std::vector<std::string> slices(names.size());
  if (node.op() != "Save" && node.op() != "Restore") {
    SLUICE_ASSIGN_OR_RETURN(slices, ConstantStrings(node, 2));
  }
  if (names.size() != tensors || slices.size() != tensors) {
    return Bad(node, absl::StrCat("it has ", tensors, " tensors, ", names.size(), " names and ",
                                  slices.size(), " slices"));
  }
  std::vector<SavedPlace> places;
  for (size_t i = 0; i < tensors; ++i) {
    SLUICE_ASSIGN_OR_RETURN(SavedPlace place, PlaceOf(node, names[i], slices[i]));
    places.push_back(std::move(place));
  }
  return places;
}

absl::Status AddSaved(const Node& node, int shard, SaverGraph* graph) {
  const int first = node.op() == "Save" ? 2 : 3;
  const int count = std::max(node.num_inputs() - first, 0);
  SLUICE_ASSIGN_OR_RETURN(std::vector<SavedPlace> places,
                          PlacesOf(node, static_cast<size_t>(count)));
  for (int i = 0; i < count; ++i) {
    SavedPlace& place = places[static_cast<size_t>(i)];
    if (place.key == kRandomRunKey) continue;  // what Save() itself writes
    const Output tensor = node.input(first + i);
    if (!place.slice.has_value()) place.full_shape = tensor.shape();
    graph->saved.push_back({std::move(place), tensor, shard});
  }
  return absl::OkStatus();
}

// The variable that `target` assigns, if it does.
Output AssignedVariable(const Node& target) {
  const bool assigns = target.op() == "Assign" || target.op() == "AssignVariableOp";
  if (!assigns) return {};
  const Node* handle = target.input_edge(0).node;
  while (handle->op() == "Identity" && handle->num_inputs() == 1) {
    handle = handle->input_edge(0).node;
  }
  return handle->num_outputs() == 1 ? handle->output(0) : Output();
}

TensorShape ShapeOf(const Output& variable) {
  if (variable.empty()) return TensorShape::Unknown();
  const AttrValue* shape = FindAttr(variable.node()->attrs(), "shape");
  const TensorShape* known = shape == nullptr ? nullptr : shape->get_if<TensorShape>();
  return known == nullptr ? TensorShape::Unknown() : *known;
}

// Reads the assignments of a restore, one after the other.
class TargetReader {
 public:
  explicit TargetReader(SaverGraph* graph) : graph_(graph) {}

  absl::Status Add(Node* target) {
    const int number = static_cast<int>(graph_->targets.size());
    graph_->targets.push_back(target->operation());
    const Output variable = AssignedVariable(*target);
    std::set<std::pair<int, int>> seen;  // node id, output
    const std::vector<Node*> before = Before(target, IsRestore);
    visited_ += static_cast<int64_t>(before.size());
    if (visited_ > kMostVisited) {
      return absl::ResourceExhaustedError(
          absl::StrCat("saver: more than ", kMostVisited, " nodes before its assignments"));
    }
    for (const Node* node : before) {
      if (IsRestore(*node)) continue;
      if (node->op() == "Reshape") graph_->reshape = true;
      for (int k = 0; k < node->num_inputs(); ++k) {
        const Edge edge = node->input_edge(k);
        if (!IsRestore(*edge.node) || !seen.insert({edge.node->id(), edge.index}).second) continue;
        SLUICE_ASSIGN_OR_RETURN(SaverGraph::Restored restored, Read(*edge.node, edge.index));
        restored.target = number;
        restored.variable = variable;
        if (!restored.place.slice.has_value()) restored.place.full_shape = ShapeOf(variable);
        graph_->restored.push_back(std::move(restored));
      }
    }
    return absl::OkStatus();
  }

 private:
  // What `node`, a restore op, gives at `index`.
  absl::StatusOr<SaverGraph::Restored> Read(const Node& node, int index) {
    std::vector<SavedPlace>& places = places_[&node];
    if (places.empty()) {
      SLUICE_ASSIGN_OR_RETURN(places, PlacesOf(node, static_cast<size_t>(node.num_outputs())));
    }
    SaverGraph::Restored restored{.place = places[static_cast<size_t>(index)]};
    restored.tensor = node.output(index);
    restored.dtype = BaseType(node.output_dtype(index));
    return restored;
  }

  static constexpr int64_t kMostVisited = 20'000'000;  // a graph made to take for ever

  SaverGraph* const graph_;
  int64_t visited_ = 0;
  std::map<const Node*, std::vector<SavedPlace>> places_;
};

// The operations that a tree of NoOps runs, in the order of their making.
std::vector<Node*> TargetsOf(Node* restore_all) {
  std::vector<Node*> targets;
  for (Node* node : Before(restore_all, [](const Node& inner) { return inner.op() != "NoOp"; })) {
    if (node->op() != "NoOp") targets.push_back(node);
  }
  std::sort(targets.begin(), targets.end(),
            [](const Node* a, const Node* b) { return a->id() < b->id(); });
  return targets;
}

std::string Prefixed(const std::string& prefix, absl::string_view name) {
  absl::ConsumePrefix(&name, "^");
  return prefix.empty() ? std::string(name) : absl::StrCat(prefix, "/", name);
}

absl::StatusOr<Output> FindTensor(const Graph& graph, const std::string& prefix,
                                  const std::string& name) {
  if (name.empty()) return absl::InvalidArgumentError("saver_def lacks the name of a tensor");
  const std::string full = Prefixed(prefix, name);
  SLUICE_ASSIGN_OR_RETURN(const Output found, graph.FindElement(full));
  if (!found.is_operation()) return found;
  if (found.node()->num_outputs() > 0) return found.node()->output(0);
  return absl::InvalidArgumentError(
      absl::StrCat("saver_def: '", Printable(full), "' must be a tensor"));
}

}  // namespace

absl::StatusOr<SaverGraph> ReadSaverGraph(const Graph& graph, const proto::SaverDef& def,
                                          const std::string& prefix) {
  SaverGraph result;
  SLUICE_ASSIGN_OR_RETURN(result.filename, FindTensor(graph, prefix, def.filename_tensor_name()));
  SLUICE_ASSIGN_OR_RETURN(result.save, FindTensor(graph, prefix, def.save_tensor_name()));
  const std::string restore(absl::StripSuffix(def.restore_op_name(), ":0"));
  SLUICE_ASSIGN_OR_RETURN(result.restore_all, graph.FindOperation(Prefixed(prefix, restore)));
  std::vector<Node*> saves;
  for (Node* node : Before(result.save.node(), IsSave)) {
    if (IsSave(*node)) saves.push_back(node);
  }
  std::sort(saves.begin(), saves.end(),
            [](const Node* a, const Node* b) { return a->id() < b->id(); });
  for (size_t i = 0; i < saves.size(); ++i) {
    SLUICE_RETURN_IF_ERROR(AddSaved(*saves[i], static_cast<int>(i), &result));
  }
  result.num_shards = std::max(static_cast<int>(saves.size()), 1);
  TargetReader reader(&result);
  for (Node* target : TargetsOf(result.restore_all.node())) {
    SLUICE_RETURN_IF_ERROR(reader.Add(target));
  }
  if (!result.saved.empty() && !result.restored.empty()) return result;
  return Bad(*result.restore_all.node(), result.saved.empty()
                                             ? "its graph has no op that saves"
                                             : "its graph has no op that restores");
}

}  // namespace sluice::train
