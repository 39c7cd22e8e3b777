// The import of a GraphDef as its callers inside graph/ see it.
#ifndef SLUICE_GRAPH_IMPORT_H_
#define SLUICE_GRAPH_IMPORT_H_

#include <string>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "graph/graph_def.h"

namespace sluice {

// What an import added.
struct Imported {
  std::string prefix;                             // of every name, made unique; "" for none
  absl::flat_hash_map<std::string, Node*> nodes;  // by name in the GraphDef
  Outputs returned;                               // ImportOptions::return_elements

  // An element under its name in the GraphDef, as it is called in the graph now: "op:0" or "op".
  // NotFound when absent.
  absl::StatusOr<Output> Find(absl::string_view name) const;
};

// ImportGraphDef, telling more.
absl::StatusOr<Imported> Import(const proto::GraphDef& def, Graph* graph,
                                const ImportOptions& options);

}  // namespace sluice

#endif  // SLUICE_GRAPH_IMPORT_H_
