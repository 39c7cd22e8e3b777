#include "session/waves.h"

#include <algorithm>
#include <utility>
#include <vector>

namespace sluice {
namespace {

// Something may see in which order these run.
bool HasEffects(const ProgramStep& step) {
  return step.required || step.kind == StepKind::kRead ||
         (step.kind == StepKind::kKernel && step.node->spec().stateful());
}

}  // namespace

void AssignWaves(Program* program) {
  std::vector<ProgramStep>& steps = program->steps;
  if (program->num_tokens > 0 || !program->loops.empty()) return;
  const auto first = static_cast<size_t>(program->invariant_reads + program->invariant_steps);
  std::vector<int> ready(program->values.size(), 0);  // by value: the first wave that may read it
  int after_effect = 0;                               // the first wave after the last effect
  int after_all = 0;
  for (size_t s = first; s < steps.size(); ++s) {
    ProgramStep& step = steps[s];
    int wave = 0;
    for (int v : step.inputs) {
      const int root = program->values[v].root;
      wave = std::max({wave, ready[v], root >= 0 ? ready[root] : 0});
    }
    if (HasEffects(step)) {
      // An update may end what work before it looks at.
      const bool reads = step.kind == StepKind::kRead || step.node->spec().reads_variable();
      wave = std::max(wave, reads ? after_effect : after_all);
      if (!reads) after_effect = wave + 1;
    }
    step.wave = wave;
    after_all = std::max(after_all, wave + 1);
    for (int v : step.outputs) ready[v] = wave + 1;
  }
  std::stable_sort(steps.begin() + static_cast<std::ptrdiff_t>(first), steps.end(),
                   [](const ProgramStep& a, const ProgramStep& b) { return a.wave < b.wave; });
}

}  // namespace sluice
