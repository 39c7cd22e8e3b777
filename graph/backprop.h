// The reverse pass behind graph/gradients.h. For graph/ only.
#ifndef SLUICE_GRAPH_BACKPROP_H_
#define SLUICE_GRAPH_BACKPROP_H_

#include "graph/gradients.h"

namespace sluice {

// One gradient per x, slices kept; nodes go straight into the scope of `at`. Fewer, and an error on
// the graph, when something is wrong. REQUIRES: arguments that gradients.cc has checked.
TensorsOrSlices Backpropagate(At at, const Outputs& ys, const Outputs& xs,
                              const GradientsOptions& options);

}  // namespace sluice

#endif  // SLUICE_GRAPH_BACKPROP_H_
