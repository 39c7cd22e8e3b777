// Frozen graphs: what some outputs need, with the values of variables as constants
// (tf.graph_util.convert_variables_to_constants). A file of one of them needs no checkpoint.
#ifndef SLUICE_TRAIN_FREEZE_H_
#define SLUICE_TRAIN_FREEZE_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "graph/graph.h"
#include "graph/output.h"
#include "session/session.h"

namespace sluice {
namespace proto {
class GraphDef;
}  // namespace proto

namespace train {

struct FreezeOptions {
  // Op names of variables. A whitelist, if there is one, names all that become constants; those of
  // the blacklist stay variables.
  std::vector<std::string> variable_names_whitelist = {};
  std::vector<std::string> variable_names_blacklist = {};
  // Nodes with this text in their names become constants of the value that they have in the session
  // now, and what only they need goes. "": none.
  std::string evaluate_nodes_named = {};
};

// Rules FZ-1, FZ-2. The nodes that `outputs` (tensors or operations) need, by data and control, in
// the order of the graph, under their names; with the function library and versions. Of them
//  - VarHandleOp, VariableV2 and Variable become Const, holding what the session holds;
//  - ReadVariableOp of those becomes Identity, ResourceGather GatherV2, VariableShape Shape;
//  - everything else stays, placeholders included.
// Variables that the outputs do not need may be uninitialized. The graph may be finalized; it is
// not changed.
//
// Errors: the graph's own; InvalidArgument for no outputs, outputs of another graph, and a node to
// evaluate that depends on a placeholder; FailedPrecondition for an uninitialized variable, and
// when the outputs need an op that changes a variable: freeze an inference graph.
absl::Status FreezeGraph(Session& session, const Outputs& outputs, proto::GraphDef* def,
                         const FreezeOptions& options = {});
// The same as the bytes of a file, equal for equal graphs.
absl::StatusOr<std::string> FreezeToBytes(Session& session, const Outputs& outputs,
                                          const FreezeOptions& options = {});

// Adds the nodes of a GraphDef file (binary or text) to `graph`, under their names. Find them by
// Graph::FindTensor. Errors as ImportGraphDef.
absl::Status ImportFrozen(absl::string_view bytes, Graph* graph);

// Removes from `def` what the nodes called `names` do not need (rule FZ-1). NotFound ~ "is not in
// graph".
absl::Status ExtractSubGraph(const std::vector<std::string>& names, proto::GraphDef* def);

}  // namespace train
}  // namespace sluice

#endif  // SLUICE_TRAIN_FREEZE_H_
