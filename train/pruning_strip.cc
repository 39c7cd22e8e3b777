#include "train/pruning_strip.h"

#include "core/status.h"
#include "graph/graph.h"
#include "graph/node.h"
#include "graph/proto_io.h"
#include "proto/graph.pb.h"
#include "train/freeze.h"
#include "train/remove_filters.h"
#include "train/sparse_storage.h"

namespace sluice::pruning {

absl::Status Strip(Session& session, const Outputs& outputs, const StripOptions& options,
                   proto::GraphDef* def) {
  SLUICE_RETURN_IF_ERROR(
      train::FreezeGraph(session, outputs, def, {.evaluate_nodes_named = "masked_weight"}));
  if (options.remove_filters) {
    std::vector<std::string> names;
    for (const Output& output : outputs) names.push_back(output.node()->name());
    SLUICE_RETURN_IF_ERROR(RemoveFilters(names, session.graph().registry(), def).status());
  }
  return options.sparse_storage ? StoreSparse(def) : absl::OkStatus();
}

absl::StatusOr<std::string> StripToBytes(Session& session, const Outputs& outputs,
                                         const StripOptions& options) {
  proto::GraphDef def;
  SLUICE_RETURN_IF_ERROR(Strip(session, outputs, options, &def));
  return SerializeMessage(def);
}

}  // namespace sluice::pruning
