// From a graph and a request to a program: prune, order, infer concrete shapes, fold constants,
// merge common subexpressions, drop what became useless, prepare kernels.
#ifndef SLUICE_SESSION_COMPILER_H_
#define SLUICE_SESSION_COMPILER_H_

#include "absl/status/statusor.h"
#include "session/program.h"
#include "session/signature.h"
#include "session/state.h"

namespace sluice {

// The program for `request`, which passed CheckRequest(). Deterministic. None of the rewrites
// changes a value, an error code or how often an effect happens; with SessionState::optimize false
// there are none, except that constants, aliases and what the session alone decides (variable
// handles) are resolved. Errors: as Prune() and OrderNodes(), a shape function's, a kernel's that
// was prepared or folded; each names its node.
absl::StatusOr<Program> Compile(SessionState& session, const Request& request);

}  // namespace sluice

#endif  // SLUICE_SESSION_COMPILER_H_
