// Switch, Merge and the ops of frames, compiled: which work is dead (rule CF-1), and the loops
// (rules CF-2, CF-3).
#ifndef SLUICE_SESSION_FLOW_BUILDER_H_
#define SLUICE_SESSION_FLOW_BUILDER_H_

#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "graph/node.h"
#include "session/order.h"
#include "session/program_builder.h"

namespace sluice {

// The value of each fed tensor.
using FedValues = absl::flat_hash_map<std::pair<const Node*, int>, int>;

class FlowBuilder {
 public:
  FlowBuilder(ProgramBuilder& builder, const Order& order, const FedValues& fed)
      : b_(builder), order_(order), fed_(fed) {}

  // The loops that begin with the node at this position.
  void OpenLoopsAt(int position);
  // The innermost open loop ends before this position.
  bool LoopEndsAt(int position) const;
  // Ends it; its Carried have their `next`. Returns its Exits, whose values are there now.
  std::vector<const Node*> CloseLoop();

  // The token of an output; kLive for fed tensors and for what is never dead.
  int TokenOf(const Node& node, int output) const;
  int InputToken(const Node& node, int i) const;
  // The guard of `node`: dead when a data or control input is. It becomes the builder's, and the
  // token of the node.
  void SetGuard(const Node& node);

  // Under the guard of `node`.
  absl::Status AddSwitch(const Node& node, int predicate);
  // The value outside of what leaves the loop.
  int AddExit(const Node& node, int from);

  // Input i of a Merge comes around.
  bool IsBackEdge(const Node& node, int i) const;
  // Both return the values of the Merge and of its value_index.
  std::pair<int, int> AddMerge(const Node& node, std::vector<int> inputs);
  std::pair<int, int> AddCarried(const Node& node, int entered, int back_input);

 private:
  std::pair<int, int> NewMergeOutputs(const std::vector<int>& inputs, const TensorShape& shape);

  ProgramBuilder& b_;
  const Order& order_;
  const FedValues& fed_;
  size_t next_loop_ = 0;
  std::vector<size_t> open_;                      // loops of order_, outer first
  absl::flat_hash_map<const Node*, int> tokens_;  // by node; of a Switch: of its output 0
  absl::flat_hash_map<const Node*, int> true_tokens_, switch_tokens_;  // of a Switch: of output 1,
                                                                       // and of its own work
};

}  // namespace sluice

#endif  // SLUICE_SESSION_FLOW_BUILDER_H_
