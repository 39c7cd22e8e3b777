// Frozen graphs: what some outputs need, with the values of variables as constants
// (tf.graph_util.convert_variables_to_constants). A file of one of them needs no checkpoint.
#ifndef SLUICE_TRAIN_FREEZE_H_
#define SLUICE_TRAIN_FREEZE_H_

#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "core/tensor.h"
#include "graph/graph.h"
#include "graph/output.h"
#include "session/session.h"
#include "train/transforms_strip.h"

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
  // Where the graph is cut: these nodes become placeholders, and what only they need goes,
  // variables too (train/transforms_strip.h).
  std::vector<CutInput> inputs = {};
  // Nodes that get a value once and for all, "training" -> false. What follows from it is decided
  // before any variable is looked at, so that branches may go that train
  // (train/transforms_constants.h, train/transforms_branches.h).
  std::map<std::string, Tensor> values = {};
};

// Rules FZ-1, FZ-2. The nodes that `outputs` (tensors or operations) need, by data and control, in
// the order of the graph, under their names; with the function library and versions. Of them
//  - VarHandleOp, VariableV2 and Variable become Const, holding what the session holds;
//  - ReadVariableOp and InitializedValue of those become Identity, ResourceGather GatherV2,
//    VariableShape Shape;
//  - calls of functions become what the functions are made of (graph/lower_functions.h);
//  - everything else stays, placeholders included.
// `names`, if not null, gets what the outputs are called in `def`: their own names, but "call:1"
// becomes "call/output_1:0".
// Variables that the outputs do not need may be uninitialized. The graph may be finalized; it is
// not changed.
//
// Errors: the graph's own; those of the transforms that `options` ask for; InvalidArgument for no
// outputs, outputs of another graph, and a node to
// evaluate that depends on a placeholder; FailedPrecondition for an uninitialized variable, and
// when the outputs need an op that changes a variable: freeze an inference graph.
absl::Status FreezeGraph(Session& session, const Outputs& outputs, proto::GraphDef* def,
                         const FreezeOptions& options = {},
                         std::vector<std::string>* names = nullptr);
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
