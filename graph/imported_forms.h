// What imported files said beyond what nodes keep, so that an import followed by an export gives
// the file back, field by field: the order of the nodes, attributes that were left to their
// defaults or written in another way, spellings of inputs, fields that Sluice does not know.
#ifndef SLUICE_GRAPH_IMPORTED_FORMS_H_
#define SLUICE_GRAPH_IMPORTED_FORMS_H_

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"

namespace sluice {

// How the file wrote one node, where that is not how an export would write it.
struct ImportedForm {
  // A serialized NodeDef with what takes the place of what an export would write: attributes;
  // all inputs, if there are any; unknown fields.
  std::string rest = {};
  std::vector<std::string> absent_attrs = {};  // those that the file left to their defaults
};

// One per graph. Guarded by the graph's lock (Graph::Hold).
class ImportedForms {
 public:
  void Keep(int node_id, ImportedForm form) { forms_[node_id] = std::move(form); }
  const ImportedForm* Find(int node_id) const;  // null when an export writes what the file said

  // `ids` came from one file, in that order there. They are consecutive, if not in this order.
  void KeepOrder(std::vector<int> ids);
  // All nodes of a graph of `num_nodes`, those of a file in the file's order.
  std::vector<int> Order(int num_nodes) const;
  bool IsImported(int node_id) const;

  // A serialized GraphDef without nodes and functions: versions, unknown fields. None while nothing
  // was imported.
  std::optional<std::string> graph_rest = {};

  void Truncate(int num_nodes);  // forgets all nodes from this one on

 private:
  struct File {
    int first;             // the nodes [first, first + ids.size())
    std::vector<int> ids;  // in the order of the file
  };
  absl::flat_hash_map<int, ImportedForm> forms_;
  std::vector<File> files_;  // in the order of the imports
};

}  // namespace sluice

#endif  // SLUICE_GRAPH_IMPORTED_FORMS_H_
