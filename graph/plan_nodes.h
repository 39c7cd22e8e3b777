// Nodes of a plan that no graph has: what rewrites put in the place of a graph's nodes.
#ifndef SLUICE_GRAPH_PLAN_NODES_H_
#define SLUICE_GRAPH_PLAN_NODES_H_

#include <deque>
#include <vector>

#include "absl/status/statusor.h"
#include "core/attr_value.h"
#include "core/dtype.h"
#include "graph/node.h"
#include "graph/op_spec.h"

namespace sluice {

// Makes and owns them. They have no edges: a plan's values say where inputs come from.
class PlanNodes {
 public:
  // A node of op `spec` that bears the name, device and location of `like`. `attrs` are checked and
  // completed, types and counts from the inputs. InvalidArgument when they break the schema or when
  // the op takes other than `input_dtypes`.
  absl::StatusOr<const Node*> Make(const Node& like, const OpSpec& spec, AttrMap attrs,
                                   const std::vector<DType>& input_dtypes);

 private:
  std::deque<Node> nodes_;
};

}  // namespace sluice

#endif  // SLUICE_GRAPH_PLAN_NODES_H_
