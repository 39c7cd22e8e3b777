// A program as rewrites see it (graph/rewrite.h): works by the numbers of their steps.
#ifndef SLUICE_SESSION_PROGRAM_EDITOR_H_
#define SLUICE_SESSION_PROGRAM_EDITOR_H_

#include <cstdint>
#include <map>
#include <vector>

#include "graph/op_spec.h"
#include "graph/rewrite.h"
#include "session/invariants.h"
#include "session/program.h"
#include "session/state.h"

namespace sluice {

class ProgramEditor final : public PlanEditor {
 public:
  ProgramEditor(SessionState& session, const OpRegistry& registry, Program* program);
  // Puts the steps that are left in their order. The editor is used up.
  void Finish();

  // The works that rewrites can see, in the order in which they run now.
  std::vector<int> Works() const;
  bool alive(int work) const { return alive_[work]; }
  // The work that Replace() last made.
  int last_made() const { return last_made_; }

  const Node& node(int work) const override { return *steps()[work].node; }
  absl::Span<const int> inputs(int work) const override { return steps()[work].inputs; }
  absl::Span<const int> outputs(int work) const override { return steps()[work].outputs; }
  int producer(int value) const override;
  absl::Span<const int> readers(int value) const override { return uses_[value].seen; }
  bool only_readers(int value) const override;
  DType dtype(int value) const override { return program_.values[value].dtype; }
  const TensorShape& shape(int value) const override { return program_.values[value].shape; }
  const Tensor* constant(int value) const override;
  bool invariant(int value) const override { return invariant_[value]; }
  int unaliased(int value) const override;
  bool deterministic() const override { return session_.deterministic; }
  int threads() const override { return session_.threads; }

  int Constant(const Tensor& tensor) override;
  int Replace(int work, Work by) override;
  std::vector<int> Add(int reader, Work work) override;
  int Merge(absl::Span<const int> works, Work by) override;
  bool Forward(int value, int instead) override;

 private:
  // Who reads a value: steps that rewrites can see, and others; one entry for each input.
  struct Uses {
    std::vector<int> seen, hidden;
    bool none() const { return seen.empty() && hidden.empty(); }
  };
  // What a new work is, before it has a place.
  struct Draft {
    const Node* node = nullptr;
    std::vector<TensorShape> shapes;
  };

  std::vector<ProgramStep>& steps() { return program_.steps; }
  const std::vector<ProgramStep>& steps() const { return program_.steps; }
  bool Visible(const ProgramStep& step) const;
  bool Unused(int value) const;
  void Link(int step);
  void Unlink(int step, int value);
  bool Check(int like, const Work& work, Draft* draft);
  int64_t LastMaker(absl::Span<const int> inputs) const;
  int64_t FirstReader(absl::Span<const int> outputs) const;
  int64_t PlaceBefore(int64_t position);
  void SpreadPositions();
  int NewValue(DType dtype, const TensorShape& shape);
  void TakeOver(int value, int new_maker);
  int AddStep(Draft draft, const Work& work, int64_t position);
  void RemoveUnneeded(std::vector<int> works, int instead);
  void NoteInvariant(int step);
  bool MayPass(const ProgramStep& step, absl::Span<const Resource* const> variables) const;
  std::vector<int> AddFolded(const Draft& draft, const std::vector<int>& inputs);
  std::vector<int> AddAlias(const Draft& draft, const std::vector<int>& inputs);

  SessionState& session_;
  const OpRegistry& registry_;
  Program& program_;
  std::vector<Uses> uses_;                 // by value
  std::vector<std::vector<int>> aliases_;  // by value: its other shapes
  std::vector<int> maker_;                 // by value: the step that makes it, or kNone
  std::vector<bool> invariant_;            // by value
  std::vector<bool> alive_;                // by step
  std::vector<int64_t> position_;          // by step
  std::map<int64_t, int> order_;           // step by position
  int last_made_ = kNone;
};

}  // namespace sluice

#endif  // SLUICE_SESSION_PROGRAM_EDITOR_H_
