// Update ops: what a layer wants run with every training step, as batch normalization its moving
// averages. They stand in the collection UPDATE_OPS.
#ifndef SLUICE_GRAPH_UPDATES_H_
#define SLUICE_GRAPH_UPDATES_H_

#include "absl/strings/string_view.h"
#include "core/attr_value.h"
#include "graph/graph.h"
#include "graph/output.h"

namespace sluice {

// An update op names in this attribute, a list(string), the ops whose users need the update:
// usually the layer's output. Without it, every training step runs the update.
inline constexpr char kUpdateOfAttr[] = "_update_of";
AttrValue UpdateOf(const Outputs& layer_outputs);  // its value

// The items of UPDATE_OPS that a training step on `losses` must run: those whose ops `losses`
// depend on through data, and those that name no op. In the collection's order.
Outputs UpdatesFor(const Graph& graph, const Outputs& losses);

}  // namespace sluice

#endif  // SLUICE_GRAPH_UPDATES_H_
