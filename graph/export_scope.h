// What lies below one name scope, as a file of its own (rule COL-8).
#ifndef SLUICE_GRAPH_EXPORT_SCOPE_H_
#define SLUICE_GRAPH_EXPORT_SCOPE_H_

#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace sluice {
namespace proto {
class GraphDef;
}  // namespace proto

// Inputs from outside have this before their names, and stand in this collection.
inline constexpr char kUnboundInputPrefix[] = "$unbound_inputs_";
inline constexpr char kUnboundInputs[] = "unbound_inputs";

class ExportScope {
 public:
  // With or without a '/' at its end; "": the whole graph.
  explicit ExportScope(absl::string_view scope);

  bool whole() const { return prefix_.empty(); }
  // `name` of a node, tensor or variable: "net/a" and "net/a:0" are in "net", "net" and "net_1/a"
  // are not.
  bool Contains(absl::string_view name) const;
  // The name inside the file. REQUIRES: Contains(name).
  std::string Strip(absl::string_view name) const;
  // Leaves in `def` what the scope contains. Returns the inputs from outside, each once, as the
  // nodes call them now: "$unbound_inputs_x", "$unbound_inputs_x:1", "^$unbound_inputs_x".
  // Colocation with nodes outside is dropped.
  std::vector<std::string> CutOut(proto::GraphDef* def) const;

 private:
  std::string prefix_;  // "net/"
};

}  // namespace sluice

#endif  // SLUICE_GRAPH_EXPORT_SCOPE_H_
