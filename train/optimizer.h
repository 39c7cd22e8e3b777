// The base of optimizers (tf.train.Optimizer): gradients of a loss, slots, update ops.
#ifndef SLUICE_TRAIN_OPTIMIZER_H_
#define SLUICE_TRAIN_OPTIMIZER_H_

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "core/attr_value.h"
#include "graph/at.h"
#include "graph/gradients.h"
#include "graph/indexed_slices.h"
#include "graph/output.h"
#include "graph/variable.h"
#include "train/hyper.h"

namespace sluice::train {

// How much of the gradients must be there before any of it is used (rule OPT-1).
enum class Gate {
  kNone,
  kOp,     // all gradients of one op (GATE_OP)
  kGraph,  // all gradients (GATE_GRAPH)
};

// The gradient is empty when the loss does not depend on the variable, slices when only rows of it
// were gathered.
struct GradientAndVariable {
  TensorOrSlices gradient;
  Variable variable;
};

// Arguments of compute_gradients.
struct ComputeGradientsOptions {
  // Partitioned ones: their parts. Empty: TRAINABLE_VARIABLES and TRAINABLE_RESOURCE_VARIABLES
  // (rule COL-5).
  std::vector<Variable> var_list = {};
  Gate gate_gradients = Gate::kOp;
  AggregationMethod aggregation_method = AggregationMethod::kAddN;
  bool colocate_gradients_with_ops = false;
  Output grad_loss = {};  // incoming gradient of the loss; empty: ones
};

// Arguments of apply_gradients.
struct ApplyGradientsOptions {
  Variable global_step = {};  // counted up after the updates; empty: none
  std::string name = {};      // of the result; empty: the optimizer's
};

// Arguments of minimize.
struct MinimizeOptions {
  Variable global_step = {};
  std::vector<Variable> var_list = {};
  Gate gate_gradients = Gate::kOp;
  AggregationMethod aggregation_method = AggregationMethod::kAddN;
  bool colocate_gradients_with_ops = false;
  std::string name = {};
  Output grad_loss = {};
  // Run, before the variables change, the updates of UPDATE_OPS that belong to layers which the
  // loss depends on (graph/updates.h). In TensorFlow the program must do this, and many forget it.
  bool run_update_ops = true;
};

// One object serves any number of graphs. It remembers the slots that it made: applying again to
// the same variable takes the same slots.
//
// Errors are kept on the graph, in the words of the rules OPT-1 to OPT-3: no variables to optimize,
// no gradients for any of them, a loss that is not floating.
//
// It trains resource variables and reference variables alike, also in one graph. Slots are of the
// kind of their variable, other state of the kind of the variable beside which it stands.
class Optimizer {
 public:
  virtual ~Optimizer() = default;
  const std::string& name() const { return name_; }

  // Adds the ops that differentiate `loss`, under "gradients/". One pair per variable, in the order
  // of var_list. Empty on an error.
  std::vector<GradientAndVariable> ComputeGradients(At at, Output loss,
                                                    ComputeGradientsOptions options = {});
  // Adds slots and update ops: `<name>/update_<variable>/...` per variable that has a gradient,
  // then an operation `<name>`, which runs them all and stands in TRAIN_OP. A variable with a
  // constraint is constrained after its update; with slices that is FailedPrecondition (rule
  // OPT-6).
  Output ApplyGradients(At at, const std::vector<GradientAndVariable>& gradients,
                        ApplyGradientsOptions options = {});
  // Both. The result is the operation to run in every step.
  Output Minimize(At at, Output loss, MinimizeOptions options = {});

  // --- slots (rule OPT-7): variables `<variable>/<optimizer>`, `<variable>/<optimizer>_1`, ... ---
  Variable GetSlot(const Variable& variable, absl::string_view slot) const;  // empty when absent
  std::vector<std::string> SlotNames() const;                                // sorted
  std::vector<Variable> Variables() const;  // slots and other state, by name

 protected:
  Optimizer(std::string name, bool use_locking)
      : name_(std::move(name)), use_locking_(use_locking) {}

  // --- what an optimizer is made of ---
  // Makes the slots. Called first; `variables` have gradients.
  virtual void CreateSlots(At at, const std::vector<Variable>& variables) = 0;
  // Makes the hyper-parameters, in scope `<name>`.
  virtual void Prepare(At at) = 0;
  // The op that updates `variable`, in scope `<name>/update_<variable>`.
  virtual Output ApplyDense(At at, const Output& gradient, const Variable& variable) = 0;
  // The same for slices, each row given once. Makes them dense unless overridden.
  virtual Output ApplySparse(At at, const IndexedSlices& gradient, const Variable& variable);
  // The same, before rows given several times are added up. Adds them up, then calls ApplySparse,
  // unless overridden (rule OPT-4).
  virtual Output ApplySparseDuplicateIndices(At at, const IndexedSlices& gradient,
                                             const Variable& variable);
  // More ops to run after all updates, in scope `<name>`.
  virtual Outputs Finish(At at, const Outputs& updates);

  // --- for them ---
  bool use_locking() const { return use_locking_; }
  // The op that applies an update rule in place: "ResourceApply<rule>", for reference variables
  // "Apply<rule>". Its inputs are `updated`, which are the variable and its slots, then `others`.
  Output Apply(At at, absl::string_view rule, const std::vector<Variable>& updated,
               const Outputs& others, AttrMap attrs = {}) const;
  // The slot `slot` of `variable`, made when there is none: kind, dtype and shape of the variable,
  // filled by `initializer`, never partitioned.
  Variable CreateSlot(At at, const Variable& variable, const std::string& slot,
                      const Initializer& initializer = ZerosInitializer);
  // State that belongs to no single variable: a float32 scalar variable `name`, beside `colocate`.
  Variable CreateScalar(At at, const std::string& name, const Hyper& initial,
                        const Variable& colocate);
  // The value for use in ops that are made now: of a resource variable a new read, of a reference
  // variable the read that all share, as in TensorFlow.
  static Output ReadNow(At at, const Variable& variable);
  // `tensor`, or what `state` holds now, in the variable's dtype. In a scope "Cast" of its own.
  static Output CastTo(At at, const Output& tensor, const Variable& variable);
  static Output CastTo(At at, const Variable& state, const Variable& variable);

 private:
  Output Update(At at, const GradientAndVariable& pair);
  Output Conclude(At at, const Outputs& updates, const Variable& global_step);

  const std::string name_;
  const bool use_locking_;
  // By handle node and slot name.
  std::map<std::pair<const Node*, std::string>, Variable> slots_;
  std::map<std::string, Variable> scalars_;
};

// The trainable variables from which no gradient of `loss` can come: nothing that is differentiated
// leads from them to it. Worth a warning: TensorFlow leaves them as they are without a word.
std::vector<Variable> UnusedTrainables(const Output& loss);

}  // namespace sluice::train

#endif  // SLUICE_TRAIN_OPTIMIZER_H_
