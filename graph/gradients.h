// Reverse-mode differentiation of a graph, by adding nodes to it.
#ifndef SLUICE_GRAPH_GRADIENTS_H_
#define SLUICE_GRAPH_GRADIENTS_H_

#include <string>

#include "graph/at.h"
#include "graph/output.h"

namespace sluice {

// Arguments of tf.gradients.
struct GradientsOptions {
  Outputs grad_ys = {};         // incoming gradients, one per y; empty: ones
  Outputs stop_gradients = {};  // not differentiated through
  bool gate_gradients = false;  // tie all gradients of one op together (GATE_OP)
  bool colocate_gradients_with_ops = false;
  bool zero_unconnected = false;  // unconnected_gradients="zero"
  std::string name = "gradients";
};

// d(sum of ys)/dx for every x, as rules GR-1 to GR-13 say: an Output per x, empty where y does not
// depend on x through differentiable ops. An x may be a tensor or a variable's handle. Errors (kept
// on the graph): a failed graph; an op on the way that has no gradient (Unimplemented with the op's
// own reason and path).
Outputs Gradients(At at, const Outputs& ys, const Outputs& xs,
                  const GradientsOptions& options = {});

// Every node that `outputs` depend on through data (and, when `control`, control) inputs,
// themselves included; by node id.
std::vector<bool> Ancestors(const Graph& graph, const Outputs& outputs, bool control = false);

}  // namespace sluice

#endif  // SLUICE_GRAPH_GRADIENTS_H_
