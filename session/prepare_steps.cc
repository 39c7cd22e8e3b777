#include "session/prepare_steps.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "core/status.h"
#include "session/invariants.h"
#include "session/kernel_host.h"
#include "session/prune.h"

namespace sluice {
namespace {

class Preparer {
 public:
  Preparer(SessionState& session, Program* program)
      : session_(session), program_(*program), invariant_(InvariantValues(*program)) {
    for (size_t v = 0; v < program_.values.size(); ++v) {
      const Value& value = program_.values[v];
      if (value.root >= 0 && value.home != Home::kRuntime && value.home != Home::kConstant) {
        aliases_.emplace_back(value.root, static_cast<int>(v));
      }
    }
    std::sort(aliases_.begin(), aliases_.end());
  }

  absl::Status Run() {
    std::vector<ProgramStep> steps;
    steps.reserve(program_.steps.size());
    for (ProgramStep& step : program_.steps) {
      std::vector<ProgramStep> added;
      if (step.kind == StepKind::kKernel && !step.late) {
        const absl::Status prepared = Prepare(&step, &added);
        if (!prepared.ok() && step.guard == kLive) return NodeError(*step.node, prepared);
        step.late = !prepared.ok();
      }
      steps.push_back(std::move(step));
      for (ProgramStep& alias : added) steps.push_back(std::move(alias));
    }
    program_.steps = std::move(steps);
    return absl::OkStatus();
  }

 private:
  absl::Status Prepare(ProgramStep* step, std::vector<ProgramStep>* added) {
    std::vector<TensorShape> input_shapes, output_shapes;
    std::vector<const Tensor*> constants;
    std::vector<bool> stable;
    for (int v : step->inputs) {
      const Value& value = program_.values[v];
      const bool constant = value.home == Home::kConstant;
      input_shapes.push_back(value.shape);
      constants.push_back(constant ? &value.tensor : nullptr);
      stable.push_back(!constant && invariant_[v]);
    }
    for (int v : step->outputs) output_shapes.push_back(program_.values[v].shape);
    PrepareStep prepare(*step->node, session_, input_shapes, output_shapes, constants,
                        std::move(stable));
    SLUICE_ASSIGN_OR_RETURN(step->run, step->node->spec().prepare()(prepare));
    step->scratch_bytes = prepare.scratch_bytes();
    if (step->invariant) return absl::OkStatus();  // its outputs stay: what is set is copied
    for (size_t i = 0; i < step->outputs.size(); ++i) {
      if (prepare.sets_output()[i]) SetWhileRunning(*step, step->outputs[i], added);
    }
    return absl::OkStatus();
  }

  void SetWhileRunning(const ProgramStep& step, int v, std::vector<ProgramStep>* added) {
    if (program_.values[v].is_ref || program_.values[v].home == Home::kConstant) return;
    program_.values[v].home = Home::kRuntime;
    auto alias = std::lower_bound(aliases_.begin(), aliases_.end(), std::make_pair(v, -1));
    for (; alias != aliases_.end() && alias->first == v; ++alias) {
      program_.values[alias->second].home = Home::kRuntime;
      ProgramStep& as = added->emplace_back();
      as.kind = StepKind::kAlias;
      as.node = step.node;
      as.guard = step.guard;
      as.inputs = {v};
      as.outputs = {alias->second};
    }
  }

  SessionState& session_;
  Program& program_;
  const std::vector<bool> invariant_;         // by value
  std::vector<std::pair<int, int>> aliases_;  // (root, alias) in planned memory, sorted
};

}  // namespace

absl::Status PrepareSteps(SessionState& session, Program* program) {
  return Preparer(session, program).Run();
}

}  // namespace sluice
