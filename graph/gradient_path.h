// The way that a gradient takes, for messages (rule GR-6). For graph/ only.
#ifndef SLUICE_GRAPH_GRADIENT_PATH_H_
#define SLUICE_GRAPH_GRADIENT_PATH_H_

#include <string>
#include <vector>

#include "graph/output.h"

namespace sluice {

// May a gradient flow along an edge of that dtype (rule GR-4)? The outputs of an op that is not
// known here may, so that it is refused, not skipped.
bool MayCarryGradients(DType dtype);

// "loss <- a <- odd <- w": a shortest way from one of `ys` back to `node` and on to one of `xs`,
// along nodes that `between` marks (by node id). At most 12 names; the middle is left out.
std::string PathThrough(const Node* node, const Outputs& ys, const Outputs& xs,
                        const std::vector<bool>& between);

}  // namespace sluice

#endif  // SLUICE_GRAPH_GRADIENT_PATH_H_
