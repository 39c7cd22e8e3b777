#include "session/flow_builder.h"

#include <algorithm>
#include <tuple>

#include "absl/strings/str_cat.h"
#include "graph/op_spec.h"

namespace sluice {
namespace {

// What is true of both shapes (rule CF-13).
TensorShape Common(const TensorShape& a, const TensorShape& b) {
  if (a.rank() < 0 || a.rank() != b.rank()) return TensorShape::Unknown();
  TensorShape shape = a;
  for (int i = 0; i < a.rank(); ++i) {
    if (a.dim(i) != b.dim(i)) shape.set_dim(i, -1);
  }
  return shape;
}

}  // namespace

void FlowBuilder::OpenLoopsAt(int position) {
  while (next_loop_ < order_.loops.size() && order_.loops[next_loop_].begin == position) {
    open_.push_back(next_loop_++);
    b_.OpenLoop();
  }
}

bool FlowBuilder::LoopEndsAt(int position) const {
  return !open_.empty() && order_.loops[open_.back()].end == position;
}

std::vector<const Node*> FlowBuilder::CloseLoop() {
  std::vector<const Node*> exits;
  for (const Loop::Exit& exit : b_.loop().exits) exits.push_back(exit.node);
  b_.CloseLoop(*order_.nodes[order_.loops[open_.back()].begin]);
  open_.pop_back();
  return exits;
}

int FlowBuilder::TokenOf(const Node& node, int output) const {
  if (!fed_.empty() && fed_.contains({&node, output})) return kLive;
  if (output == 1 && node.spec().flow() == ControlFlow::kSwitch) return true_tokens_.at(&node);
  const auto found = tokens_.find(&node);
  return found == tokens_.end() ? kLive : found->second;
}

int FlowBuilder::InputToken(const Node& node, int i) const {
  const Edge& edge = node.input_edge(i);
  return edge.node == nullptr ? kLive : TokenOf(*edge.node, edge.index);
}

void FlowBuilder::SetGuard(const Node& node) {
  if (tokens_.empty()) return b_.set_guard(kLive);
  std::vector<int> tokens;
  for (int i = 0; i < node.num_inputs(); ++i) tokens.push_back(InputToken(node, i));
  for (const Node* control : node.control_inputs()) {
    const auto found = tokens_.find(control);
    if (found == tokens_.end()) continue;
    const bool from_switch = control->spec().flow() == ControlFlow::kSwitch;
    tokens.push_back(from_switch ? switch_tokens_.at(control) : found->second);
  }
  const int guard = b_.Join(node, std::move(tokens));
  if (guard != kLive) tokens_[&node] = guard;
  b_.set_guard(guard);
}

absl::Status FlowBuilder::AddSwitch(const Node& node, int predicate) {
  if (b_.value(predicate).shape.fully_defined() && b_.value(predicate).shape.num_elements() != 1) {
    return absl::InvalidArgumentError(
        absl::StrCat("The second input must be a scalar, but it has shape ",
                     b_.value(predicate).shape.ToString()));
  }
  switch_tokens_[&node] = b_.guard();
  std::tie(tokens_[&node], true_tokens_[&node]) = b_.Branch(node, predicate);
  return absl::OkStatus();
}

int FlowBuilder::AddExit(const Node& node, int from) {
  Loop::Exit exit;
  exit.node = &node;
  exit.from = from;
  exit.from_token = b_.guard();
  exit.token = b_.NewToken();
  const Value source = b_.value(from);
  exit.value = b_.NewValue({.dtype = source.dtype,
                            .home = Home::kRuntime,
                            .is_ref = source.is_ref,
                            .shape = source.is_ref ? source.shape : TensorShape::Unknown()});
  tokens_[&node] = exit.token;
  b_.loop().exits.push_back(exit);
  return exit.value;
}

bool FlowBuilder::IsBackEdge(const Node& node, int i) const {
  const Edge& edge = node.input_edge(i);
  return edge.node != nullptr && edge.node->spec().flow() == ControlFlow::kNextIteration &&
         !fed_.contains({edge.node, edge.index});
}

std::pair<int, int> FlowBuilder::NewMergeOutputs(const std::vector<int>& inputs,
                                                 const TensorShape& shape) {
  const Value first = b_.value(inputs[0]);
  const int value = b_.NewValue(
      {.dtype = first.dtype, .home = Home::kRuntime, .is_ref = first.is_ref, .shape = shape});
  const int index =
      b_.NewValue({.dtype = DType::kInt32, .home = Home::kRuntime, .shape = TensorShape({})});
  return {value, index};
}

std::pair<int, int> FlowBuilder::AddMerge(const Node& node, std::vector<int> inputs) {
  std::vector<int> tokens = {kLive};
  TensorShape shape = b_.value(inputs[0]).shape;
  for (int i = 0; i < node.num_inputs(); ++i) {
    tokens.push_back(InputToken(node, i));
    shape = Common(shape, b_.value(inputs[i]).shape);
  }
  if (std::find(tokens.begin() + 1, tokens.end(), kLive) == tokens.end()) {
    tokens[0] = tokens_[&node] = b_.NewToken();
  }
  const std::pair<int, int> outputs = NewMergeOutputs(inputs, shape);
  b_.set_guard(kLive);
  ProgramStep& step =
      b_.AddStep(StepKind::kMerge, node, std::move(inputs), {outputs.first, outputs.second});
  step.tokens = std::move(tokens);
  step.required = true;
  return outputs;
}

std::pair<int, int> FlowBuilder::AddCarried(const Node& node, int entered, int back_input) {
  const bool is_ref = b_.value(entered).is_ref;
  const std::pair<int, int> outputs =
      NewMergeOutputs({entered}, is_ref ? b_.value(entered).shape : TensorShape::Unknown());
  Loop::Carried carried;
  carried.merge = &node;
  carried.entered = entered;
  carried.entered_token = InputToken(node, 1 - back_input);
  carried.entry = 1 - back_input;
  carried.value = outputs.first;
  carried.index = outputs.second;
  carried.token = tokens_[&node] = b_.NewToken();
  b_.loop().carried.push_back(carried);
  return outputs;
}

}  // namespace sluice
