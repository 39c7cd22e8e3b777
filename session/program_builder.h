// A program while it is compiled: its values, the lines of steps of the loops that are open, and
// which token tells whether work is dead.
#ifndef SLUICE_SESSION_PROGRAM_BUILDER_H_
#define SLUICE_SESSION_PROGRAM_BUILDER_H_

#include <map>
#include <utility>
#include <vector>

#include "graph/node.h"
#include "session/common_subexpressions.h"
#include "session/program.h"

namespace sluice {

class ProgramBuilder {
 public:
  // --- values ---
  int NewValue(Value value);
  int NewConstant(const Tensor& tensor, bool is_ref, const TensorShape& shape);
  // Small equal constants are one value.
  int Constant(const Tensor& tensor);
  Value& value(int v) { return program_.values[v]; }
  int Root(int v) const { return program_.values[v].root >= 0 ? program_.values[v].root : v; }
  const Tensor* KnownValue(int v) const {
    return program_.values[v].home == Home::kConstant ? &program_.values[v].tensor : nullptr;
  }
  // Where a fresh tensor of this dtype and shape lives. Values in loops are made anew in each
  // iteration.
  Home HomeOf(DType dtype, const TensorShape& shape) const;

  // --- steps: at the end of the innermost open loop, under the present guard ---
  ProgramStep& AddStep(StepKind kind, const Node& node, std::vector<int> inputs,
                       std::vector<int> outputs);
  ProgramStep& AddStep(ProgramStep step);
  // The present value of the variable that reference `ref` names, read just before `node`.
  int AddRead(const Node& node, int ref, DType dtype);
  std::vector<ProgramStep>& line() { return lines_.empty() ? program_.steps : lines_.back().steps; }

  // --- loops ---
  bool in_loop() const { return !lines_.empty(); }
  void OpenLoop() { lines_.emplace_back(); }
  Loop& loop() { return lines_.back(); }
  // Ends the innermost loop: adds it, and its step to the line around it. `node`: one of its
  // Enters.
  void CloseLoop(const Node& node);
  // Work of the innermost loop that is done before it starts goes to the line around it.
  template <typename F>
  auto Outside(F f) {
    Loop inner = std::move(lines_.back());
    lines_.pop_back();
    auto result = f();
    lines_.push_back(std::move(inner));
    return result;
  }

  // --- tokens ---
  int guard() const { return guard_; }
  void set_guard(int token) { guard_ = token; }
  int NewToken() { return program_.num_tokens++; }
  // Dead when one of `tokens` is. Adds a step when no token or earlier step tells.
  int Join(const Node& node, std::vector<int> tokens);
  // The tokens of what a Switch gives to its false and its true side, for condition `predicate`
  // under the present guard.
  std::pair<int, int> Branch(const Node& node, int predicate);

  Program& program() { return program_; }

 private:
  std::vector<int> OutsideValues(const Loop& loop) const;

  Program program_;
  std::vector<Loop> lines_;  // the open loops, outer first
  int guard_ = kLive;
  ConstantPool constants_;
  std::map<std::vector<int>, int> joins_;
  std::map<std::pair<int, int>, std::pair<int, int>> branches_;  // by predicate and guard
};

}  // namespace sluice

#endif  // SLUICE_SESSION_PROGRAM_BUILDER_H_
