// Calls of functions replaced by what the functions are made of, so that a session runs them.
#ifndef SLUICE_GRAPH_LOWER_FUNCTIONS_H_
#define SLUICE_GRAPH_LOWER_FUNCTIONS_H_

#include <cstdint>
#include <memory>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "graph/graph.h"
#include "graph/output.h"

namespace sluice {

// Limits of what the calls of one graph become. A short file can announce 2^100 nodes.
inline constexpr int64_t kMaxLoweredNodes = 1'000'000;
inline constexpr int kMaxCallDepth = 200;  // functions that call functions

// Does running `node` take LowerFunctions()? Ops that call functions (ControlFlow::kCall), and
// whatever the registry lacks: it may be the name of a function.
inline bool MayCallFunctions(const Node& node) {
  return node.spec().flow() == ControlFlow::kCall || node.spec().opaque();
}

// A graph without calls that computes what another one does.
struct LoweredGraph {
  std::unique_ptr<Graph> graph;
  // By the id of a node of the original: what its outputs, and then the node as a whole, have
  // become. Nodes that are no calls keep their names. Empty Outputs: see `failures`.
  std::vector<Outputs> outputs;
  std::vector<Output> operations;
  // Why nodes of the original, by id, cannot be lowered: calls, and nodes that do not fit what a
  // call gives. Such a call stands in `graph` as it is.
  absl::flat_hash_map<int, absl::Status> failures;

  // The lowered form of a tensor or operation of the original.
  Output Find(const Output& original) const;
};

// `graph` with the calls of functions in its library (Graph::function_library) replaced.
// (TensorFlow does the same to run them: lower_functional_ops.cc, inline_function_utils.cc; rule
// CF-30.)
//
// Calls are nodes whose op is the name of a function; PartitionedCall, StatefulPartitionedCall; If,
// StatelessIf and Case, which become Switch and Merge; While and StatelessWhile, which become
// Enter, Merge, LoopCond, Switch, NextIteration and Exit. The nodes of the body of call `c` are
// named "c/<name in the function>", made unique. Output k of `c` becomes an Identity named `c`, or,
// where there are several, "c/output_<k>". Whoever waits for `c` waits for all that the function
// must do: the nodes in its control_ret, its stateful nodes, its outputs. What `c` waits for, every
// node of the body waits for. A branch that is not taken does nothing at all.
//
// Errors about one call are kept in `failures`, so that runs which do not need it go on.
// InvalidArgument: functions that do not exist, arguments of a wrong number or dtype, inputs in a
// body that name nothing, cycles, missing attributes. Unimplemented: functions that call
// themselves. ResourceExhausted: the limits
// above, `most_nodes` being the first of them. Each names the node and the function. What is
// wrong with the library as a whole is returned: InvalidArgument for bytes that are no
// FunctionDefLibrary, a function given twice.
absl::StatusOr<LoweredGraph> LowerFunctions(const Graph& graph,
                                            int64_t most_nodes = kMaxLoweredNodes);

}  // namespace sluice

#endif  // SLUICE_GRAPH_LOWER_FUNCTIONS_H_
