// What an import of a GraphDef will do, worked out and checked before the graph changes.
#ifndef SLUICE_GRAPH_IMPORT_PLAN_H_
#define SLUICE_GRAPH_IMPORT_PLAN_H_

#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "graph/graph.h"
#include "graph/graph_def.h"

namespace sluice {
namespace proto {
class NodeDef;
}  // namespace proto

// An input string of a node: "a" and "a:0" are output 0 of a, "^a" its control output (index
// Output::kOperation). A view into the string.
struct TensorRef {
  absl::string_view node;
  int index = 0;
};
// InvalidArgument for an output number that is missing, has leading zeros or does not fit.
absl::StatusOr<TensorRef> ParseTensorRef(absl::string_view text);

// Where an input of an imported node comes from.
struct InputSource {
  int node = -1;  // position in the GraphDef, -1 when `replacement` takes its place
  int index = 0;  // output, or Output::kOperation
  const Output* replacement = nullptr;  // an element of ImportOptions::input_map
  bool back_edge = false;               // NextIteration -> Merge: closed when both are there
};

struct ImportPlan {
  std::string prefix;                                     // of every name, made unique; "" for none
  absl::flat_hash_map<absl::string_view, int> positions;  // of names in the GraphDef
  std::vector<std::string> names;                         // final, by position
  std::vector<InputSource> inputs;  // of all nodes, data before control inputs
  std::vector<size_t> first_input;  // node i has inputs [first_input[i], first_input[i + 1])
  // How many outputs others use, by position: all that is known of an op outside the registry.
  std::vector<int> outputs_used;
  // Producers before consumers, back edges aside; a file that is sorted keeps its order.
  std::vector<int> order;

  absl::Span<const InputSource> InputsOf(int node) const {
    return absl::MakeConstSpan(inputs).subspan(first_input[node],
                                               first_input[node + 1] - first_input[node]);
  }
};

// "node 'conv1' (Conv2D)", safe to print.
std::string DescribeNode(const proto::NodeDef& node);

// Checks all that needs no op schema: versions, names, inputs, cycles, the options. `def` and
// `options` must outlive the plan. Errors as rule IG-4: InvalidArgument, FailedPrecondition for
// versions and a finalized graph, ResourceExhausted above kMaxNodes.
absl::StatusOr<ImportPlan> PlanImport(const proto::GraphDef& def, Graph* graph,
                                      const ImportOptions& options);

}  // namespace sluice

#endif  // SLUICE_GRAPH_IMPORT_PLAN_H_
