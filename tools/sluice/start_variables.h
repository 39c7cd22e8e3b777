// Values for the variables of a graph that came from a file.
#ifndef SLUICE_TOOLS_SLUICE_START_VARIABLES_H_
#define SLUICE_TOOLS_SLUICE_START_VARIABLES_H_

#include "absl/status/status.h"
#include "session/session.h"
#include "tools/sluice/command_line.h"
#include "tools/sluice/trial.h"

namespace sluice::tools {

// Gives the variables that the trial's fetches need their values: those of `--checkpoint PREFIX`;
// else by running the op of `--init OP`; else the op "init"; else the initializers that a
// MetaGraph's collections name. Nothing happens when no variable is needed and neither flag is
// given. FailedPrecondition, naming the variables, when there is no way.
absl::Status StartVariables(const CommandLine& line, Trial* trial, Session* session);

}  // namespace sluice::tools

#endif  // SLUICE_TOOLS_SLUICE_START_VARIABLES_H_
