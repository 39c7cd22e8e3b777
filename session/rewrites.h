// Applies the registry's rewrites (graph/rewrite.h) to a program.
#ifndef SLUICE_SESSION_REWRITES_H_
#define SLUICE_SESSION_REWRITES_H_

#include "graph/op_spec.h"
#include "session/program.h"
#include "session/state.h"

namespace sluice {

// Every rewrite of `registry` that the session has not disabled, in order, each once over all
// works. The program's kernels are not prepared yet. Counts what was applied in Program::rewrites.
void ApplyRewrites(SessionState& session, const OpRegistry& registry, Program* program);

}  // namespace sluice

#endif  // SLUICE_SESSION_REWRITES_H_
