#include "tools/sluice/dot_roles.h"

#include <algorithm>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/strings/match.h"
#include "absl/strings/str_split.h"
#include "layers/forward_graph.h"

namespace sluice::tools {
namespace {

using Names = absl::flat_hash_set<absl::string_view>;

bool IsVariable(const Node& node) {
  static const auto& kOps = *new Names{"VarHandleOp", "VariableV2", "Variable"};
  return kOps.contains(node.op());
}

bool IsSource(const Node& node) { return node.op() == "Const" || IsVariable(node); }

// Ops that hand on what they are given.
bool Passes(const Node& node) {
  static const auto& kOps =
      *new Names{"Identity", "ReadVariableOp", "Snapshot", "Enter", "RefEnter"};
  return kOps.contains(node.op()) && node.num_inputs() == 1;
}

bool AsksForShape(const Node& node) {
  return node.op() == "Shape" || node.op() == "Size" || node.op() == "Rank";
}

// All that a node waits for: data in its order, then control by name.
std::vector<const Node*> Before(const Node& node) {
  std::vector<const Node*> before;
  for (int i = 0; i < node.num_inputs(); ++i)
    if (node.input_edge(i).node != nullptr) before.push_back(node.input_edge(i).node);
  std::vector<const Node*> control(node.control_inputs().begin(), node.control_inputs().end());
  std::sort(control.begin(), control.end(),
            [](const Node* a, const Node* b) { return a->name() < b->name(); });
  before.insert(before.end(), control.begin(), control.end());
  return before;
}

// Each node after what it waits for, depth first from the nodes that nobody waits for; an edge that
// closes a loop is passed over.
class DepthFirst {
 public:
  explicit DepthFirst(const Graph& graph) : begun_(graph.num_nodes(), false) {
    std::vector<bool> awaited(graph.num_nodes(), false);
    std::vector<const Node*> all;
    for (int id = 0; id < graph.num_nodes(); ++id) {
      all.push_back(graph.node(id));
      for (const Node* before : Before(*graph.node(id))) awaited[before->id()] = true;
    }
    std::sort(all.begin(), all.end(),
              [](const Node* a, const Node* b) { return a->name() < b->name(); });
    for (const Node* node : all)
      if (!awaited[node->id()]) Visit(node);
    for (const Node* node : all) Visit(node);
  }
  std::vector<const Node*> order;

 private:
  struct Frame {
    const Node* node;
    std::vector<const Node*> before;
    size_t next = 0;
  };
  void Visit(const Node* root) {
    if (begun_[root->id()]) return;
    begun_[root->id()] = true;
    std::vector<Frame> stack = {{root, Before(*root)}};
    while (!stack.empty()) {
      Frame& top = stack.back();
      if (top.next == top.before.size()) {
        order.push_back(top.node);
        stack.pop_back();
        continue;
      }
      const Node* next = top.before[top.next++];
      if (begun_[next->id()]) continue;
      begun_[next->id()] = true;
      stack.push_back({next, Before(*next)});
    }
  }
  std::vector<bool> begun_;
};

// What a node outside the model is for, by its name and op; "" when neither tells.
std::string GroupByName(const Node& node) {
  static const auto& kGroups = *new absl::flat_hash_map<absl::string_view, const char*>{
      {"gradients", "gradients"},
      {"save", "save"},
      {"Initializer", "initialization"},
      {"initializer", "initialization"},
      {"Assign", "initialization"},
      {"IsInitialized", "initialization"},
      {"Regularizer", "regularization"},
      {"ActivityRegularizer", "regularization"},
      {"AssignMovingAvg", "moving averages"},
      {"ExponentialMovingAverage", "moving averages"}};
  for (const absl::string_view component : absl::StrSplit(node.name(), '/')) {
    const auto group = kGroups.find(layers::BaseName(component));
    if (group != kGroups.end()) return group->second;
  }
  static const auto& kSavers =
      *new Names{"SaveV2",     "RestoreV2",          "Save",           "Restore", "RestoreSlice",
                 "SaveSlices", "MergeV2Checkpoints", "ShardedFilename"};
  static const auto& kInitializers =
      *new Names{"Assign", "AssignVariableOp", "VarIsInitializedOp", "IsVariableInitialized"};
  if (kSavers.contains(node.op())) return "save";
  if (kInitializers.contains(node.op())) return "initialization";
  if (absl::EndsWith(node.op(), "Summary") || absl::EndsWith(node.op(), "SummaryV2"))
    return "summaries";
  return "";
}

class Finder {
 public:
  explicit Finder(const Graph& graph)
      : graph_(graph), consumers_(graph.num_nodes()), roots_(graph.num_nodes()) {
    roles_.order = DepthFirst(graph).order;
    roles_.position.resize(graph.num_nodes());
    for (size_t i = 0; i < roles_.order.size(); ++i)
      roles_.position[roles_.order[i]->id()] = static_cast<int>(i);
    for (const Node* node : roles_.order)
      for (const Node* before : Before(*node)) consumers_[before->id()].push_back(node);
    roles_.held.resize(graph.num_nodes());
    roles_.weights.resize(graph.num_nodes());
    roles_.aside.resize(graph.num_nodes());
  }
  DotRoles Find() {
    FindHeld();
    FindAside();
    SpreadForward();
    SpreadBackward();
    FindWeights();
    return std::move(roles_);
  }

 private:
  // A constant at the root that nobody reads is a result; a variable is not, nor is the read that
  // each variable comes with, nor a shape that was asked for while the graph was built.
  void FindHeld() {
    for (const Node* node : roles_.order) {
      const int id = node->id();
      if (IsSource(*node)) {
        roots_[id] = node;
        roles_.held[id] =
            IsVariable(*node) || !consumers_[id].empty() || absl::StrContains(node->name(), '/');
      } else if (AsksForShape(*node)) {
        roles_.held[id] = consumers_[id].empty() && absl::StrContains(node->name(), '/');
      } else if (Passes(*node)) {
        const Node* from = node->input_edge(0).node;
        if (from == nullptr || !roles_.held[from->id()]) continue;
        roots_[id] = roots_[from->id()];
        roles_.held[id] = !consumers_[id].empty() || node->op() == "ReadVariableOp" ||
                          absl::EndsWith(node->name(), "/read");
      }
    }
  }
  void FindAside() {
    const layers::ForwardNodes forward(graph_);
    for (const Node* node : roles_.order) {
      if (roles_.held[node->id()]) continue;
      std::string group = GroupByName(*node);
      if (group.empty() && !forward.Contains(*node)) group = "optimizer";
      roles_.aside[node->id()] = group;
    }
  }
  // What waits for nothing but what is set aside, and constants, belongs to it. So does what
  // computes with gradients, and an op without outputs that waits for any of it.
  void SpreadForward() {
    for (const Node* node : roles_.order) {
      const int id = node->id();
      const bool assigns = roles_.aside[id] == "initialization";
      if (roles_.held[id] || (!roles_.aside[id].empty() && !assigns)) continue;
      std::string group;
      bool all = true, some = false;
      for (const Node* before : Before(*node)) {
        const std::string& of = roles_.aside[before->id()];
        if (group.empty()) group = of;
        all = all && (roles_.held[before->id()] || !of.empty());
        some = some || of == "optimizer" || of == "gradients";
      }
      if (some && (node->num_inputs() > 0 || node->num_outputs() == 0))
        roles_.aside[id] = "optimizer";
      else if (all && !assigns)
        roles_.aside[id] = group;
    }
  }
  // What is made of constants and variables only, or is an input or a shape, for what is set aside
  // only: initial values, decay of weights in an optimizer, learning rates.
  void SpreadBackward() {
    std::vector<bool> fed(graph_.num_nodes(), false);
    for (const Node* node : roles_.order) {
      bool is_fed = node->spec().must_be_fed();
      for (int i = 0; i < node->num_inputs(); ++i)
        if (const Node* from = node->input_edge(i).node) is_fed = is_fed || fed[from->id()];
      fed[node->id()] = is_fed;
    }
    for (auto it = roles_.order.rbegin(); it != roles_.order.rend(); ++it) {
      const int id = (*it)->id();
      if (roles_.held[id] || !roles_.aside[id].empty() || consumers_[id].empty()) continue;
      if (fed[id] && (*it)->num_inputs() > 0 && !AsksForShape(**it)) continue;
      bool all = true;
      for (const Node* consumer : consumers_[id])
        all = all && !roles_.aside[consumer->id()].empty();
      if (all) roles_.aside[id] = roles_.aside[consumers_[id][0]->id()];
    }
  }
  void FindWeights() {
    for (const Node* node : roles_.order) {
      if (roles_.held[node->id()]) continue;
      std::vector<const Node*>& weights = roles_.weights[node->id()];
      for (int i = 0; i < node->num_inputs(); ++i) {
        const Node* from = node->input_edge(i).node;
        if (from == nullptr || !roles_.held[from->id()]) continue;
        const Node* root = roots_[from->id()];
        if (std::find(weights.begin(), weights.end(), root) == weights.end())
          weights.push_back(root);
      }
    }
  }

  const Graph& graph_;
  std::vector<std::vector<const Node*>> consumers_;
  std::vector<const Node*> roots_;  // of what is held: the constant or variable
  DotRoles roles_;
};

}  // namespace

DotRoles FindDotRoles(const Graph& graph) { return Finder(graph).Find(); }

TensorShape WeightShape(const Node& weight) {
  if (weight.op() == "VarHandleOp") {
    const AttrValue* shape = FindAttr(weight.attrs(), "shape");
    if (shape != nullptr && shape->get_if<TensorShape>()) return *shape->get_if<TensorShape>();
    return TensorShape::Unknown();
  }
  return weight.num_outputs() > 0 ? weight.output_shape(0) : TensorShape::Unknown();
}

int64_t ParametersOf(const Node& weight) {
  const int64_t elements = std::max<int64_t>(0, WeightShape(weight).num_elements());
  if (weight.op() != "Const") return elements;
  return IsFloating(weight.output_dtype(0)) && elements > 1 ? elements : 0;
}

}  // namespace sluice::tools
