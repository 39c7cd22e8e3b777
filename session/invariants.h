// What depends on constants and on variables that a plan does not write is computed anew only when
// one of these variables has changed: folded batch normalizations, transposed weights, masks.
#ifndef SLUICE_SESSION_INVARIANTS_H_
#define SLUICE_SESSION_INVARIANTS_H_

#include <vector>

#include "session/program.h"

namespace sluice {

// By value: constant, a read of a variable that no step may write, or computed from such values by
// work that always runs and has no effects.
std::vector<bool> InvariantValues(const Program& program);

// Step `step` of `program` reads a variable which no step of the program may write.
// `written`: from WrittenVariables().
struct WrittenVariables {
  std::vector<const Resource*> resources;  // sorted
  bool unknown = false;  // some step writes a variable that is known only while running
};
WrittenVariables FindWrittenVariables(const Program& program);
bool ReadsUnwritten(const Program& program, const ProgramStep& step,
                    const WrittenVariables& written);
// Work whose result depends on its inputs' elements alone and that always runs.
bool IsPlainWork(const Program& program, const ProgramStep& step);

// The resource that value `v` is in every run, null when it is none or known only while running.
const Resource* KnownResource(const Program& program, int v);

// Marks the steps that compute such values from variables, moves them to the front behind the reads
// that they need, and gives their outputs memory of their own.
void FindInvariants(Program* program);

}  // namespace sluice

#endif  // SLUICE_SESSION_INVARIANTS_H_
