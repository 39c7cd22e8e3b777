#include "session/drop_unused.h"

#include <algorithm>
#include <utility>
#include <vector>

namespace sluice {

void DropUnused(Program* program) {
  const auto root = [&](int v) {
    return program->values[v].root >= 0 ? program->values[v].root : v;
  };
  std::vector<ProgramStep>& steps = program->steps;
  std::vector<bool> used(program->values.size(), false);
  std::vector<bool> keep(steps.size(), false);
  for (size_t i = steps.size(); i-- > 0;) {
    const ProgramStep& step = steps[i];
    keep[i] = step.required || step.kind == StepKind::kFetch ||
              std::any_of(step.outputs.begin(), step.outputs.end(), [&](int v) { return used[v]; });
    if (!keep[i]) continue;
    for (int v : step.inputs) used[v] = used[root(v)] = true;
  }
  std::vector<bool> dropped(program->values.size(), false);
  size_t kept = 0;
  for (size_t i = 0; i < steps.size(); ++i) {
    for (int v : steps[i].outputs) dropped[v] = !keep[i];
    if (keep[i] && kept++ != i) steps[kept - 1] = std::move(steps[i]);
  }
  for (size_t v = 0; v < dropped.size(); ++v) {
    if (dropped[root(static_cast<int>(v))]) program->values[v].home = Home::kRuntime;
    if (!used[v]) program->values[v].tensor = Tensor();
  }
  steps.resize(kept);
}

}  // namespace sluice
