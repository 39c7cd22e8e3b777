// The picture of a folded graph, as Graphviz reads it.
#ifndef SLUICE_TOOLS_SLUICE_DOT_TEXT_H_
#define SLUICE_TOOLS_SLUICE_DOT_TEXT_H_

#include <string>

#include "absl/strings/string_view.h"
#include "graph/graph.h"
#include "tools/sluice/dot_roles.h"
#include "tools/sluice/dot_tree.h"

namespace sluice::tools {

// A text in quotes that Graphviz shows as it is: no escape, entity, line break or markup in it
// means anything; control and non-ASCII bytes are spelled out, at most 200 characters are kept.
std::string DotQuoted(absl::string_view text);

// Boxes in frames, edges between boxes merged, a legend. Colours by kind of op; a double border
// where there is more inside. Edges carry the shape of their tensor, or how many they are; control
// edges are dotted and left out where data goes the same way. Inputs that many boxes read are named
// in these. What is set aside stands apart, without edges to the model.
//
// The same text for graphs that differ in nothing but the order of their nodes.
std::string DotText(const Graph& graph, const DotRoles& roles, const DotTree& tree);

}  // namespace sluice::tools

#endif  // SLUICE_TOOLS_SLUICE_DOT_TEXT_H_
