// Which nodes a run needs, and in which order.
#ifndef SLUICE_SESSION_PRUNE_H_
#define SLUICE_SESSION_PRUNE_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "graph/graph.h"
#include "graph/node.h"
#include "session/signature.h"

namespace sluice {

// "node 'name' (Op): message (file:line)": the form of every error that belongs to a node.
absl::Status NodeError(const Node& node, const absl::Status& status);

struct Order {
  // Every node that the fetches need through data and control edges, cut at fed tensors (rule
  // SE-7), producers first. Among the nodes that are ready the oldest comes first, but nodes that
  // write variables come after all others, so that an update finds the snapshots of its variable
  // released. Depends on the graph and the request only.
  std::vector<const Node*> nodes;
  // By node id: position in `nodes`, -1 for the others.
  std::vector<int> position;
  // By position: a control input of a needed node, or itself a target: runs though nobody uses its
  // outputs.
  std::vector<bool> required;
};

// InvalidArgument for a placeholder that is not fed and for a cycle; Unimplemented for an op
// without kernel. Each names the node. Linear in the edges that it visits, plus one integer per
// node of the graph.
absl::StatusOr<Order> PruneAndOrder(const Graph& graph, const Request& request);

}  // namespace sluice

#endif  // SLUICE_SESSION_PRUNE_H_
