// One node as TensorFlow's NodeDef, for the files of graph/ that import and export.
#ifndef SLUICE_GRAPH_NODE_DEF_H_
#define SLUICE_GRAPH_NODE_DEF_H_

#include <optional>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "graph/graph_def.h"
#include "graph/imported_forms.h"
#include "graph/node.h"

namespace sluice {
namespace proto {
class NodeDef;
}  // namespace proto

// Writes `node` into an empty message; `form`, if not null, is how its file wrote it.
absl::Status WriteNode(const Node& node, const ImportedForm* form, const ExportOptions& options,
                       proto::NodeDef* def);

// How `file`, which `node` came from, says what WriteNode without a form would say otherwise;
// nullopt when they agree. `renamed`: nodes have other names than in the file, so that inputs and
// colocation are written as for any node.
absl::StatusOr<std::optional<ImportedForm>> FormOf(const proto::NodeDef& file, const Node& node,
                                                   bool renamed);

}  // namespace sluice

#endif  // SLUICE_GRAPH_NODE_DEF_H_
