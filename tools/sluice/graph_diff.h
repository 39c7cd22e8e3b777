// What differs between two graphs, when names are no more than names.
#ifndef SLUICE_TOOLS_SLUICE_GRAPH_DIFF_H_
#define SLUICE_TOOLS_SLUICE_GRAPH_DIFF_H_

#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"

namespace sluice {
class OpRegistry;
namespace proto {
class GraphDef;
}  // namespace proto

namespace tools {

struct GraphDiff {
  // A node of A and its counterpart in B.
  struct Pair {
    std::string a, b;
  };
  // How two counterparts differ: an attribute's value, the op, or an input. Values as text.
  struct Change {
    Pair nodes;
    std::string what;  // "attr padding", "op", "input 1", "control inputs"
    std::string a, b;  // "" where one has none
  };
  // All nodes below one scope are below another.
  struct Scope {
    std::string a, b;
    int nodes = 0;
  };
  std::vector<std::pair<std::string, std::string>> only_a, only_b;  // name and op
  std::vector<Change> changes;
  std::vector<Pair> renamed;
  std::vector<Scope> scopes;  // most nodes first; of `renamed`, where a scope is what differs
  int matched = 0;
  bool library_differs = false;

  bool same_structure() const {
    return only_a.empty() && only_b.empty() && changes.empty() && !library_differs;
  }
  bool equal() const { return same_structure() && renamed.empty(); }
};

// Finds the counterpart of every node by what it computes: a hash of its op, its attributes and,
// through them, all that it is computed from and all that is computed from it; then by name; then
// by its neighbours' counterparts. Isomorphic graphs match whole (up to nodes that nothing tells
// apart, for which any counterpart is right).
//
// The order of nodes, devices, versions, attributes that begin with '_' and attributes that have
// their op's default in `registry` do not count. InvalidArgument, naming `a_name` or `b_name`: two
// nodes of one name, an input that no node makes.
absl::StatusOr<GraphDiff> DiffGraphs(const proto::GraphDef& a, const proto::GraphDef& b,
                                     const OpRegistry& registry, const std::string& a_name = "A",
                                     const std::string& b_name = "B");

}  // namespace tools
}  // namespace sluice

#endif  // SLUICE_TOOLS_SLUICE_GRAPH_DIFF_H_
