// The last pass over a program: prepares every kernel whose shapes are known.
#ifndef SLUICE_SESSION_PREPARE_STEPS_H_
#define SLUICE_SESSION_PREPARE_STEPS_H_

#include "absl/status/status.h"
#include "session/program.h"
#include "session/state.h"

namespace sluice {

// Fills ProgramStep::run and scratch_bytes. Outputs that a kernel hands over while running
// (PrepareContext::WillSetOutput) get Home::kRuntime, and so do their aliases, for which alias
// steps are added. What cannot be prepared behind a Switch becomes late: it is an error only when
// it runs. Other errors name their node.
absl::Status PrepareSteps(SessionState& session, Program* program);

}  // namespace sluice

#endif  // SLUICE_SESSION_PREPARE_STEPS_H_
