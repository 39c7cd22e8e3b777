// Which nodes a run needs.
#ifndef SLUICE_SESSION_PRUNE_H_
#define SLUICE_SESSION_PRUNE_H_

#include <utility>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "graph/graph.h"
#include "graph/node.h"
#include "session/signature.h"

namespace sluice {

// "node 'name' (Op): message (file:line)": the form of every error that belongs to a node.
absl::Status NodeError(const Node& node, const absl::Status& status);

// The edges of a graph that a run follows: all but those from fed tensors, which the feeds replace.
class LiveEdges {
 public:
  explicit LiveEdges(const Request& request);

  bool Fed(const Edge& edge) const {
    return fed_nodes_.contains(edge.node) && fed_.contains({edge.node, edge.index});
  }
  // A fed placeholder has nothing to run: whoever waits for it, or targets it, may go on.
  bool Satisfied(const Node* node) const;

  // Calls f(producer) for every data and control edge into `node` that is followed.
  template <typename F>
  void ForEachProducer(const Node& node, F f) const {
    for (int i = 0; i < node.num_inputs(); ++i) {
      const Edge& edge = node.input_edge(i);
      if (edge.node != nullptr && !Fed(edge)) f(static_cast<const Node*>(edge.node));
    }
    for (const Node* control : node.control_inputs()) {
      if (!Satisfied(control)) f(control);
    }
  }

 private:
  absl::flat_hash_set<std::pair<const Node*, int>> fed_;
  absl::flat_hash_set<const Node*> fed_nodes_;
};

// Every node that the fetches need (rule SE-7), by id.
std::vector<const Node*> NeededNodes(const LiveEdges& edges, const Request& request);

// The same, of which all can run. InvalidArgument for a placeholder that is not fed, Unimplemented
// for an op without kernel; each names the oldest such node. Ops that the registry lacks are all
// named, with the numbers of their nodes.
absl::StatusOr<std::vector<const Node*>> Prune(const LiveEdges& edges, const Request& request);

}  // namespace sluice

#endif  // SLUICE_SESSION_PRUNE_H_
