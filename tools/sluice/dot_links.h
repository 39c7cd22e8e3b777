// The edges of a picture: what goes from box to box.
#ifndef SLUICE_TOOLS_SLUICE_DOT_LINKS_H_
#define SLUICE_TOOLS_SLUICE_DOT_LINKS_H_

#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "graph/graph.h"
#include "tools/sluice/dot_roles.h"
#include "tools/sluice/dot_tree.h"

namespace sluice::tools {

// All edges of the graph between two boxes.
struct DotLink {
  std::set<std::pair<int, int>> tensors;  // position of the node, output
  bool back = false;                      // closes a loop
  bool control = false;                   // control edges only
  bool aside = false;                     // between groups that are set aside
};

struct DotLinks {
  std::vector<int> boxes;                         // in sight, in the order of the picture
  std::map<std::pair<int, int>, DotLink> links;   // by positions in `boxes`
  std::map<int, std::vector<const Node*>> notes;  // by position: inputs named in that box
};
DotLinks FindDotLinks(const Graph& graph, const DotRoles& roles, const DotTree& tree);

// "?×28×28×32", with the dtype before it unless float32: "int64 ?"; "" for scalars and unknown
// ranks of floats; "3 tensors" for several of different shapes, "3 of ?×10" for equal ones.
std::string LinkLabel(const DotLink& link, const DotRoles& roles);
// The shape alone, "5×5×1×32"; "scalar".
std::string ShapeText(const TensorShape& shape);

}  // namespace sluice::tools

#endif  // SLUICE_TOOLS_SLUICE_DOT_LINKS_H_
