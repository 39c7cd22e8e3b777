#include "session/direct_results.h"

#include <vector>

namespace sluice {

void FindDirectResults(Program* program) {
  std::vector<int> readers(program->values.size(), 0);
  std::vector<bool> made(program->values.size(), false);
  for (const ProgramStep& step : program->steps) {
    for (int v : step.inputs) ++readers[v];
    if (step.kind != StepKind::kKernel || step.late || step.guard != kLive) continue;
    for (int v : step.outputs) made[v] = true;
  }
  for (const Value& value : program->values) {
    if (value.root >= 0) ++readers[value.root];  // somebody sees it under another shape
  }
  for (ProgramStep& step : program->steps) {
    if (step.kind != StepKind::kFetch) continue;
    const int v = step.inputs[0];
    Value& value = program->values[v];
    if (value.home != Home::kArena || value.root >= 0 || readers[v] != 1 || !made[v]) continue;
    value.home = Home::kResult;
    step.direct = true;
  }
}

}  // namespace sluice
