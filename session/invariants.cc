#include "session/invariants.h"

#include <algorithm>
#include <utility>

#include "session/constant_folding.h"

namespace sluice {
namespace {

void FindWritten(const Program& program, const std::vector<ProgramStep>& steps,
                 WrittenVariables* written) {
  for (const ProgramStep& step : steps) {
    if (step.kind != StepKind::kKernel || !step.node->spec().stateful()) continue;
    const bool writes = step.node->spec().writes_resources();
    for (int v : step.inputs) {
      if (program.values[v].dtype != DType::kResource) continue;
      // Other ops with effects that take a variable may write it, too; reads do not.
      if (!writes && step.node->spec().reads_variable()) continue;
      const Resource* resource = KnownResource(program, v);
      written->unknown |= resource == nullptr;
      written->resources.push_back(resource);
    }
  }
}

int Root(const Program& program, int v) {
  return program.values[v].root >= 0 ? program.values[v].root : v;
}

}  // namespace

const Resource* KnownResource(const Program& program, int v) {
  const Value& value = program.values[v];
  if (value.home != Home::kConstant || value.dtype != DType::kResource ||
      value.tensor.num_elements() != 1) {
    return nullptr;
  }
  return value.tensor.scalar<ResourceRef>().get();
}

WrittenVariables FindWrittenVariables(const Program& program) {
  WrittenVariables written;
  FindWritten(program, program.steps, &written);
  for (const Loop& loop : program.loops) FindWritten(program, loop.steps, &written);
  std::sort(written.resources.begin(), written.resources.end());
  return written;
}

bool ReadsUnwritten(const Program& program, const ProgramStep& step,
                    const WrittenVariables& written) {
  const bool reads = step.kind == StepKind::kRead ||
                     (step.kind == StepKind::kKernel && step.node->spec().reads_variable());
  if (!reads || step.late || step.guard != kLive || written.unknown) return false;
  const Resource* resource = KnownResource(program, step.inputs[0]);
  return resource != nullptr &&
         !std::binary_search(written.resources.begin(), written.resources.end(), resource);
}

bool IsPlainWork(const Program& program, const ProgramStep& step) {
  if (step.kind != StepKind::kKernel || step.late || step.guard != kLive) return false;
  std::vector<const Value*> inputs;
  for (int v : step.inputs) inputs.push_back(&program.values[v]);
  return !step.required && IsPure(*step.node, inputs);
}

std::vector<bool> InvariantValues(const Program& program) {
  const WrittenVariables written = FindWrittenVariables(program);
  std::vector<bool> invariant(program.values.size(), false);
  for (size_t v = 0; v < invariant.size(); ++v) {
    invariant[v] = program.values[v].home == Home::kConstant;
  }
  const auto known = [&](int v) { return invariant[v] || invariant[Root(program, v)]; };
  for (const ProgramStep& step : program.steps) {
    const bool plain = IsPlainWork(program, step) ||
                       (step.kind == StepKind::kAlias && !step.late && step.guard == kLive);
    if (!ReadsUnwritten(program, step, written) &&
        !(plain && std::all_of(step.inputs.begin(), step.inputs.end(), known))) {
      continue;
    }
    for (int v : step.outputs) invariant[v] = true;
  }
  for (size_t v = 0; v < invariant.size(); ++v) {
    if (!invariant[v]) invariant[v] = invariant[Root(program, static_cast<int>(v))];
  }
  return invariant;
}

void FindInvariants(Program* program) {
  const std::vector<bool> invariant = InvariantValues(*program);
  const WrittenVariables written = FindWrittenVariables(*program);
  std::vector<ProgramStep>& steps = program->steps;
  // Which steps compute (not read) what only variables decide; constants alone are folded, or left
  // alone because they are large.
  std::vector<bool> from_variables(program->values.size(), false);
  std::vector<char> place(steps.size(), 2);  // 0: a read, 1: what is computed from reads, 2: others
  std::vector<bool> wanted(program->values.size(), false);
  for (size_t s = 0; s < steps.size(); ++s) {
    ProgramStep& step = steps[s];
    const auto varies = [&](int v) {
      return from_variables[v] || from_variables[Root(*program, v)];
    };
    const bool reads = ReadsUnwritten(*program, step, written);
    const bool computes = !reads && IsPlainWork(*program, step) && invariant[step.outputs[0]] &&
                          std::any_of(step.inputs.begin(), step.inputs.end(), varies);
    if (!reads && !computes) continue;
    for (int v : step.outputs) from_variables[v] = true;
    place[s] = reads ? 0 : 1;
    step.invariant = computes;
    if (!computes) continue;
    for (int v : step.inputs) wanted[Root(*program, v)] = wanted[v] = true;
  }
  for (size_t s = 0; s < steps.size(); ++s) {
    if (place[s] == 0 && !wanted[steps[s].outputs[0]]) place[s] = 2;
    program->invariant_reads += place[s] == 0;
    program->invariant_steps += place[s] == 1;
    if (place[s] != 1) continue;
    for (int v : steps[s].outputs) program->values[v].home = Home::kOwned;
  }
  for (Value& value : program->values) {
    if (value.root >= 0 && program->values[value.root].home == Home::kOwned) {
      value.home = Home::kOwned;
    }
  }
  std::vector<ProgramStep> ordered;
  ordered.reserve(steps.size());
  for (char wanted_place = 0; wanted_place <= 2; ++wanted_place) {
    for (size_t s = 0; s < steps.size(); ++s) {
      if (place[s] == wanted_place) ordered.push_back(std::move(steps[s]));
    }
  }
  steps = std::move(ordered);
}

}  // namespace sluice
