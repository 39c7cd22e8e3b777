#include "session/program_builder.h"

#include <algorithm>
#include <set>

#include "core/variable_resource.h"

namespace sluice {

int ProgramBuilder::NewValue(Value value) {
  program_.values.push_back(std::move(value));
  return static_cast<int>(program_.values.size()) - 1;
}

int ProgramBuilder::NewConstant(const Tensor& tensor, bool is_ref, const TensorShape& shape) {
  return NewValue({.dtype = tensor.dtype(),
                   .home = Home::kConstant,
                   .is_ref = is_ref,
                   .shape = shape,
                   .tensor = tensor});
}

int ProgramBuilder::Constant(const Tensor& tensor) {
  return constants_.Intern(tensor,
                           [this](const Tensor& t) { return NewConstant(t, false, t.shape()); });
}

Home ProgramBuilder::HomeOf(DType dtype, const TensorShape& shape) const {
  if (in_loop() || !shape.fully_defined()) return Home::kRuntime;
  return IsTriviallyCopyable(dtype) ? Home::kArena : Home::kOwned;
}

ProgramStep& ProgramBuilder::AddStep(StepKind kind, const Node& node, std::vector<int> inputs,
                                     std::vector<int> outputs) {
  ProgramStep step;
  step.kind = kind;
  step.node = &node;
  step.inputs = std::move(inputs);
  step.outputs = std::move(outputs);
  return AddStep(std::move(step));
}

ProgramStep& ProgramBuilder::AddStep(ProgramStep step) {
  step.guard = guard_;
  line().push_back(std::move(step));
  return line().back();
}

int ProgramBuilder::AddRead(const Node& node, int ref, DType dtype) {
  TensorShape shape = TensorShape::Unknown();
  if (value(ref).home == Home::kConstant) {
    const auto* variable =
        dynamic_cast<const VariableResource*>(value(ref).tensor.scalar<ResourceRef>().get());
    if (variable != nullptr && variable->shape().fully_defined()) shape = variable->shape();
  }
  const int v = NewValue({.dtype = dtype, .home = Home::kRuntime, .shape = shape});
  AddStep(StepKind::kRead, node, {ref}, {v});
  return v;
}

// What the loop uses and does not make, with the memory that it lies in.
std::vector<int> ProgramBuilder::OutsideValues(const Loop& loop) const {
  std::set<int> made, used;
  for (const ProgramStep& step : loop.steps) {
    made.insert(step.outputs.begin(), step.outputs.end());
    used.insert(step.inputs.begin(), step.inputs.end());
  }
  for (const Loop::Carried& carried : loop.carried) {
    made.insert({carried.value, carried.index});
    used.insert({carried.entered, carried.next});
  }
  for (const Loop::Exit& exit : loop.exits) used.insert(exit.from);
  std::set<int> outside;
  for (const int v : used) {
    for (const int u : {v, Root(v)}) {
      if (!made.contains(u)) outside.insert(u);
    }
  }
  return {outside.begin(), outside.end()};
}

void ProgramBuilder::CloseLoop(const Node& node) {
  Loop loop = std::move(lines_.back());
  lines_.pop_back();
  guard_ = kLive;
  std::vector<int> results;
  for (const Loop::Exit& exit : loop.exits) results.push_back(exit.value);
  ProgramStep& step = AddStep(StepKind::kLoop, node, OutsideValues(loop), std::move(results));
  step.loop = static_cast<int>(program_.loops.size());
  step.required = true;
  if (in_loop()) lines_.back().random |= loop.random;
  program_.loops.push_back(std::move(loop));
}

int ProgramBuilder::Join(const Node& node, std::vector<int> tokens) {
  std::sort(tokens.begin(), tokens.end());
  tokens.erase(std::unique(tokens.begin(), tokens.end()), tokens.end());
  if (!tokens.empty() && tokens.front() == kLive) tokens.erase(tokens.begin());
  if (tokens.empty()) return kLive;
  if (tokens.size() == 1) return tokens.front();
  const auto [found, added] = joins_.try_emplace(tokens, 0);
  if (!added) return found->second;
  found->second = NewToken();
  tokens.insert(tokens.begin(), found->second);
  guard_ = kLive;
  ProgramStep& step = AddStep(StepKind::kJoin, node, {}, {});
  step.tokens = std::move(tokens);
  step.required = true;
  return found->second;
}

std::pair<int, int> ProgramBuilder::Branch(const Node& node, int predicate) {
  const auto [found, added] = branches_.try_emplace({predicate, guard_});
  if (!added) return found->second;
  found->second = {NewToken(), NewToken()};
  ProgramStep& step = AddStep(StepKind::kBranch, node, {predicate}, {});
  step.tokens = {found->second.first, found->second.second};
  step.required = true;
  return found->second;
}

}  // namespace sluice
