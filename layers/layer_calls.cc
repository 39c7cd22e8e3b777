// The record of a layer's calls, and what was added for them (rules L-8 to L-12).
#include <algorithm>

#include "absl/container/flat_hash_set.h"
#include "core/status.h"
#include "graph/graph.h"
#include "graph/node.h"
#include "layers/layer.h"

namespace sluice::layers {
namespace {

void AddOnce(Graph& graph, const char* key, const Output& item) {
  const Outputs there = graph.OutputsIn(key);
  if (std::find(there.begin(), there.end(), item) == there.end()) graph.AddToCollection(key, item);
}

// Whether `what` is computed from one of `inputs`.
bool Reaches(const Outputs& inputs, const Output& what) {
  absl::flat_hash_set<const Node*> seen = {what.node()};
  std::vector<const Node*> todo = {what.node()};
  const auto is_input = [&](const Output& x) {
    return std::find(inputs.begin(), inputs.end(), x) != inputs.end();
  };
  if (is_input(what)) return true;
  while (!todo.empty()) {
    const Node* node = todo.back();
    todo.pop_back();
    for (int i = 0; i < node->num_inputs(); ++i) {
      if (is_input(node->input(i))) return true;
      const Node* from = node->input_edge(i).node;
      if (seen.insert(from).second) todo.push_back(from);
    }
  }
  return false;
}

}  // namespace

void Layer::AddLoss(const Outputs& losses, const Outputs& inputs) {
  for (const Output& loss : losses) {
    if (loss.empty()) continue;
    losses_.push_back({loss, inputs});
    AddOnce(*loss.graph(), keys::kRegularizationLosses, loss);
  }
}

void Layer::AddUpdate(const Outputs& updates, const Outputs& inputs) {
  for (const Output& update : updates) {
    if (update.empty()) continue;
    updates_.push_back({update, inputs});
    AddOnce(*update.graph(), keys::kUpdateOps, update);
  }
}

Outputs Layer::losses() const {
  Outputs all;
  for (const Conditional& c : losses_) all.push_back(c.what);
  return all;
}

Outputs Layer::updates() const {
  Outputs all;
  for (const Conditional& c : updates_) all.push_back(c.what);
  return all;
}

Outputs Layer::For(const std::vector<Conditional>& all, const Outputs& inputs) {
  Outputs found;
  for (const Conditional& c : all) {
    if (inputs.empty() != c.inputs.empty()) continue;
    if (inputs.empty() || c.inputs == inputs || Reaches(inputs, c.what)) found.push_back(c.what);
  }
  return found;
}

Outputs Layer::GetLossesFor(const Outputs& inputs) const { return For(losses_, inputs); }
Outputs Layer::GetUpdatesFor(const Outputs& inputs) const { return For(updates_, inputs); }

absl::StatusOr<const Layer::InboundNode*> Layer::NodeAt(int node, const char* what) const {
  if (calls_.empty()) {
    return absl::FailedPreconditionError(
        absl::StrCat("The layer ", name_.empty() ? naming_.class_name : name_,
                     " has never been called and thus has no defined ", what, "."));
  }
  if (node < 0 || node >= num_calls()) {
    return absl::InvalidArgumentError(absl::StrCat("Asked to get ", what, " at node ", node,
                                                   ", but the layer has only ", num_calls(),
                                                   " inbound nodes."));
  }
  return &calls_[node];
}

namespace {

absl::StatusOr<Output> Single(const Outputs& all, const char* what) {
  if (all.size() == 1) return all[0];
  return absl::InvalidArgumentError(
      absl::StrCat("the call has ", all.size(), " ", what, " tensors, not one"));
}

Output FirstOrNone(const Outputs& all) { return all.empty() ? Output() : all[0]; }

}  // namespace

absl::StatusOr<Outputs> Layer::GetInputsAt(int node) const {
  SLUICE_ASSIGN_OR_RETURN(const InboundNode* found, NodeAt(node, "input"));
  return found->inputs;
}
absl::StatusOr<Outputs> Layer::GetOutputsAt(int node) const {
  SLUICE_ASSIGN_OR_RETURN(const InboundNode* found, NodeAt(node, "output"));
  return found->outputs;
}
absl::StatusOr<Output> Layer::GetInputAt(int node) const {
  SLUICE_ASSIGN_OR_RETURN(const Outputs all, GetInputsAt(node));
  return Single(all, "input");
}
absl::StatusOr<Output> Layer::GetOutputAt(int node) const {
  SLUICE_ASSIGN_OR_RETURN(const Outputs all, GetOutputsAt(node));
  return Single(all, "output");
}
absl::StatusOr<TensorShape> Layer::GetInputShapeAt(int node) const {
  SLUICE_ASSIGN_OR_RETURN(const InboundNode* found, NodeAt(node, "input shape"));
  SLUICE_ASSIGN_OR_RETURN(const Output one, Single(found->inputs, "input"));
  return one.shape();
}
absl::StatusOr<TensorShape> Layer::GetOutputShapeAt(int node) const {
  SLUICE_ASSIGN_OR_RETURN(const InboundNode* found, NodeAt(node, "output shape"));
  SLUICE_ASSIGN_OR_RETURN(const Output one, Single(found->outputs, "output"));
  return one.shape();
}
absl::StatusOr<Output> Layer::GetInputMaskAt(int node) const {
  SLUICE_ASSIGN_OR_RETURN(const InboundNode* found, NodeAt(node, "input mask"));
  return FirstOrNone(found->input_masks);
}
absl::StatusOr<Output> Layer::GetOutputMaskAt(int node) const {
  SLUICE_ASSIGN_OR_RETURN(const InboundNode* found, NodeAt(node, "output mask"));
  return FirstOrNone(found->output_masks);
}

absl::StatusOr<const Layer::InboundNode*> Layer::OnlyNode(const char* what) const {
  const std::string& label = name_.empty() ? naming_.class_name : name_;
  if (calls_.empty()) {
    return absl::FailedPreconditionError(absl::StrCat(
        "Layer ", label, " is not connected, no ", what, " to return: it has no inbound nodes."));
  }
  if (calls_.size() > 1) {
    return absl::FailedPreconditionError(absl::StrCat(
        "Layer ", label, " has multiple inbound nodes, hence the notion of \"layer ", what,
        "\" is ill-defined. Use `Get", what == std::string("input") ? "Input" : "Output",
        "At(node_index)` instead."));
  }
  return &calls_[0];
}

absl::StatusOr<Output> Layer::input() const {
  SLUICE_ASSIGN_OR_RETURN(const InboundNode* node, OnlyNode("input"));
  return Single(node->inputs, "input");
}
absl::StatusOr<Output> Layer::output() const {
  SLUICE_ASSIGN_OR_RETURN(const InboundNode* node, OnlyNode("output"));
  return Single(node->outputs, "output");
}

absl::StatusOr<TensorShape> Layer::CommonShape(bool of_outputs) const {
  const char* what = of_outputs ? "output" : "input";
  SLUICE_RETURN_IF_ERROR(NodeAt(0, of_outputs ? "output shape" : "input shape").status());
  std::vector<TensorShape> shapes;
  for (const InboundNode& node : calls_) {
    SLUICE_ASSIGN_OR_RETURN(const Output one,
                            Single(of_outputs ? node.outputs : node.inputs, what));
    shapes.push_back(one.shape());
    if (shapes.back() == shapes.front()) continue;
    return absl::FailedPreconditionError(absl::StrCat(
        "The layer \"", name_, "\" has multiple inbound nodes, with different ", what,
        " shapes. Hence the notion of \"", what, " shape\" is ill-defined for the layer. Use `Get",
        of_outputs ? "Output" : "Input", "ShapeAt(node_index)` instead."));
  }
  return shapes.front();
}

absl::StatusOr<TensorShape> Layer::input_shape() const { return CommonShape(false); }
absl::StatusOr<TensorShape> Layer::output_shape() const { return CommonShape(true); }

}  // namespace sluice::layers
