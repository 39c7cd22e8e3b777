// The order in which a run's nodes run.
#ifndef SLUICE_SESSION_ORDER_H_
#define SLUICE_SESSION_ORDER_H_

#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "graph/node.h"
#include "session/prune.h"
#include "session/signature.h"

namespace sluice {

// The nodes of one loop: its Enters, its body and its Exits.
struct LoopSpan {
  int begin = 0, end = 0;  // positions [begin, end)
  std::string frame;       // the attr frame_name of its Enters
};

struct Order {
  std::vector<const Node*> nodes;                  // producers before consumers
  absl::flat_hash_map<const Node*, int> position;  // in `nodes`
  std::vector<bool> required;   // by position: a target, or some needed node's control input: runs
                                // though nobody uses its outputs
  std::vector<LoopSpan> loops;  // by begin: a loop comes before the loops inside it
};

// Orders `nodes` (what Prune() gave) by their edges; among those that are ready the oldest runs
// first. A node that writes variables waits until all who look at the old values are done, so that
// it finds no snapshot and works in place; then it goes first, so that what it consumes (gradients)
// can be freed. Where edges make it impossible to wait for all, it comes after all other ready
// nodes. So a read that has no control edge from an update of its run sees the value from before
// it. Depends on the graph and the request only; n log n.
//
// The edges from NextIteration to Merge close loops and do not count; the nodes of a loop stand
// together, where what enters it is there. InvalidArgument, naming one node, for any other cycle
// and for an edge that crosses the border of a frame (frames.h).
absl::StatusOr<Order> OrderNodes(const std::vector<const Node*>& nodes, const LiveEdges& edges,
                                 const Request& request);

}  // namespace sluice

#endif  // SLUICE_SESSION_ORDER_H_
