// What a GraphDef holds beside nodes, joined with what a graph has already.
#ifndef SLUICE_GRAPH_IMPORT_REST_H_
#define SLUICE_GRAPH_IMPORT_REST_H_

#include "absl/status/status.h"
#include "graph/graph.h"

namespace sluice {
namespace proto {
class FunctionDefLibrary;
class GraphDef;
}  // namespace proto

// Same functions may come again, others under the same name may not (rule IG-5): InvalidArgument.
absl::Status MergeLibrary(const proto::FunctionDefLibrary& library, Graph* graph);

// Versions, and fields that Sluice does not know, for the export (ImportedForms::graph_rest). Of
// several files, versions that all of them allow (TensorFlow's
// GraphConstructor::UpdateVersionDef). REQUIRES: the nodes are in the graph.
absl::Status MergeRest(const proto::GraphDef& def, Graph* graph);

}  // namespace sluice

#endif  // SLUICE_GRAPH_IMPORT_REST_H_
