// What a variable is for: is it the model's, or does it only serve training? For restores of the
// model alone.
#ifndef SLUICE_TRAIN_RESTORE_MODEL_H_
#define SLUICE_TRAIN_RESTORE_MODEL_H_

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/strings/string_view.h"
#include "graph/graph.h"

namespace sluice::train {

enum class VariableRole {
  kModel,       // what the model computes with: weights, running means
  kSlot,        // what an optimizer or an average keeps for a variable: momentum, Adam's m and v
  kHyper,       // numbers of an optimizer: Adam's powers of beta, a learning rate
  kGlobalStep,  // the count of steps
};
// "model", "slot of an optimizer", ...
absl::string_view RoleName(VariableRole role);

// The roles of a graph's variables, by the node of their handle. The first that holds:
//  1. in TRAINABLE_VARIABLES, TRAINABLE_RESOURCE_VARIABLES or MODEL_VARIABLES: kModel;
//  2. in GLOBAL_STEP, or an integer scalar called "global_step": kGlobalStep;
//  3. an input of an op that trains (ResourceApplyAdam, SparseApplyMomentum, ...) beside the
//     variable that it trains: by its handle kSlot, by its value kHyper;
//  4. called like a variable of rule 1 with one more component ("conv/kernel/Adam",
//     "conv/kernel/ExponentialMovingAverage", also below another scope): kSlot;
//  5. a scalar called beta1_power or beta2_power: kHyper;
//  6. else kModel.
class VariableRoles {
 public:
  explicit VariableRoles(const Graph& graph);
  // kModel for a variable that the graph's collections do not know, unless rules 3 to 5 say
  // otherwise.
  VariableRole Of(const Output& handle) const;

 private:
  absl::flat_hash_map<const Node*, VariableRole> roles_;  // by rules 1 to 3
  absl::flat_hash_set<std::string> model_names_;          // of rule 1
};

}  // namespace sluice::train

#endif  // SLUICE_TRAIN_RESTORE_MODEL_H_
