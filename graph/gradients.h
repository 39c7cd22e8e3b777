// Reverse-mode differentiation of a graph, by adding nodes to it.
#ifndef SLUICE_GRAPH_GRADIENTS_H_
#define SLUICE_GRAPH_GRADIENTS_H_

#include <string>

#include "graph/at.h"
#include "graph/indexed_slices.h"
#include "graph/output.h"

namespace sluice {

// How several gradients of one tensor are added (tf.AggregationMethod, rule GR-9).
enum class AggregationMethod {
  kAddN,                     // one AddN (DEFAULT, ADD_N)
  kExperimentalTree,         // AddN of two at a time, in "<op>_gradient_sum"
  kExperimentalAccumulateN,  // AccumulateNV2 for more than two of known shape
};
// What stands for a gradient that does not exist (tf.UnconnectedGradients, rule GR-11).
enum class UnconnectedGradients { kNone, kZero };

// Arguments of tf.gradients.
struct GradientsOptions {
  Outputs grad_ys = {};  // incoming gradients, one per y (empty ones: ones); empty: ones
  std::string name = "gradients";
  bool colocate_gradients_with_ops = false;
  bool gate_gradients = false;  // tie all gradients of one op together (GATE_OP)
  AggregationMethod aggregation_method = AggregationMethod::kAddN;
  Outputs stop_gradients = {};  // not differentiated through
  UnconnectedGradients unconnected_gradients = UnconnectedGradients::kNone;
};

// d(sum of ys)/dx for every x, as rules GR-1 to GR-13 say: an Output per x, empty where y does not
// depend on x through differentiable ops. An x may be a tensor or a variable's handle. Slices
// become dense. Errors (kept on the graph): a failed graph; an op on the way that has no gradient
// (Unimplemented with the op's own reason and the path from y to x).
Outputs Gradients(At at, const Outputs& ys, const Outputs& xs,
                  const GradientsOptions& options = {});

// The same; what comes from gathers stays IndexedSlices (rules GR-9, GR-10).
TensorsOrSlices SparseGradients(At at, const Outputs& ys, const Outputs& xs,
                                const GradientsOptions& options = {});

// d2(sum of ys)/dx2 times v, for every x; v has the shapes of xs
// (tensorflow.python.ops.gradients_impl._hessian_vector_product).
Outputs HessianVectorProduct(At at, const Outputs& ys, const Outputs& xs, const Outputs& v);
// For every x, of fully known shape, the tensor of second derivatives, of shape x.shape + x.shape
// (tf.hessians, rule GR-16). Builds one backward pass per element of x, at most
// kMaxHessianElements (InvalidArgument above): there are no loops to build it with.
inline constexpr int64_t kMaxHessianElements = 4096;
Outputs Hessians(At at, const Outputs& ys, const Outputs& xs, const GradientsOptions& options = {});

// Every node that `outputs` depend on through data (and, when `control`, control) inputs,
// themselves included; by node id.
std::vector<bool> Ancestors(const Graph& graph, const Outputs& outputs, bool control = false);

}  // namespace sluice

#endif  // SLUICE_GRAPH_GRADIENTS_H_
