// Values for the variables of a graph that came from a file.
#ifndef SLUICE_TOOLS_SLUICE_START_VARIABLES_H_
#define SLUICE_TOOLS_SLUICE_START_VARIABLES_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "graph/graph.h"
#include "session/session.h"
#include "tools/sluice/command_line.h"
#include "tools/sluice/trial.h"

namespace sluice::tools {

// Gives the variables that the trial's fetches need their values: those of `--checkpoint PREFIX`;
// else by running the op of `--init OP`; else the op "init"; else the initializers that a
// MetaGraph's collections name. Nothing happens when no variable is needed and neither flag is
// given. FailedPrecondition, naming the variables, when there is no way.
absl::Status StartVariables(const CommandLine& line, Trial* trial, Session* session);

// The nodes that a run of `fetches` with these feeds needs, in the graph's order; and those of them
// that hold variables.
std::vector<const Node*> NodesBehind(const Outputs& fetches, const Feeds& feeds);
std::vector<const Node*> VariablesBehind(const Outputs& fetches, const Feeds& feeds);

// Gives these variables the values that the checkpoint `prefix` has for them: under the names, and
// in the parts, that a MetaGraph's collections say, else under the names of their nodes. Adds the
// assignments to `graph`. Errors name the checkpoint.
absl::Status RestoreVariables(const std::string& prefix, const std::vector<const Node*>& variables,
                              Graph* graph, Session* session);

}  // namespace sluice::tools

#endif  // SLUICE_TOOLS_SLUICE_START_VARIABLES_H_
