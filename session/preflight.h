// What a session checks before the first step of a train op.
#ifndef SLUICE_SESSION_PREFLIGHT_H_
#define SLUICE_SESSION_PREFLIGHT_H_

#include "absl/status/status.h"
#include "graph/graph.h"
#include "session/signature.h"
#include "session/state.h"

namespace sluice {

// Looks at a request that is about to be compiled. When it runs a train op: logs the cheap findings
// of graph/lint.h, in the first such request of the session (Preflight::kWarn), or refuses every
// request that has any with FailedPrecondition (kStrict). Variables that have a value already are
// initialized, whatever the graph says. Thread-safe.
absl::Status CheckBeforeTraining(const Graph& graph, SessionState& session, const Request& request);

}  // namespace sluice

#endif  // SLUICE_SESSION_PREFLIGHT_H_
