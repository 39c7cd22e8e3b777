// The slow twin of a session: runs a graph node by node.
#ifndef SLUICE_TESTS_TESTING_INTERPRETER_H_
#define SLUICE_TESTS_TESTING_INTERPRETER_H_

#include <vector>

#include "absl/status/statusor.h"
#include "core/tensor.h"
#include "graph/graph.h"
#include "graph/output.h"
#include "session/session.h"

namespace sluice {

// The values of `fetches`: every node that they need, in creation order, through EvaluateOp. No
// plan, no folding, no memory reuse, one thread. For graphs of stateless ops without loops. A
// failure names the node.
absl::StatusOr<std::vector<Tensor>> Interpret(const Graph& graph, const Feeds& feeds,
                                              const Outputs& fetches);

}  // namespace sluice

#endif  // SLUICE_TESTS_TESTING_INTERPRETER_H_
