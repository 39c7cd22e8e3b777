// Pruning while training: masks over weights that drop more and more of the small ones
// (tf.contrib.model_pruning.Pruning; Zhu and Gupta 2017, "To prune, or not to prune").
//
//   Output x = layers::MaskedConv2D(s, images, 32, 3);            // or pruning::ApplyMask
//   Variable step = train::CreateGlobalStep(root);
//   Output train_op = train::Adam().Minimize(root, loss, {.global_step = step});
//   SLUICE_ASSIGN_OR_RETURN(auto h, pruning::HParams::Parse("target_sparsity=0.8"));
//   pruning::Pruning pruning(root, h);
//   Output step_op = pruning.AfterTraining(root, train_op);       // run this in every step
//   ...
//   pruning::Strip(session, {probabilities}, ...)                 // train/pruning_strip.h
//
// Which weights: all that stand in the collections of layers/masking.h when the update is built.
// A mask multiplies its weight, so that a weight under a 0 gets no gradient and keeps its value: it
// may come back while masks change, and masks stay as they are once they stop changing.
#ifndef SLUICE_TRAIN_PRUNING_H_
#define SLUICE_TRAIN_PRUNING_H_

#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "graph/at.h"
#include "graph/output.h"
#include "graph/variable.h"
#include "layers/masking.h"
#include "train/pruning_hparams.h"

namespace sluice::pruning {

// A number that changes while training: a variable, read anew wherever it counts, or any tensor.
class Watched {
 public:
  Watched() = default;                                        // not given
  Watched(const Variable& variable) : variable_(variable) {}  // NOLINT: implicit
  Watched(Output tensor) : tensor_(std::move(tensor)) {}      // NOLINT: implicit
  bool given() const { return !variable_.empty() || !tensor_.empty(); }
  // The value that all its uses in a run share.
  Output Shared() const { return variable_.empty() ? tensor_ : variable_.value(); }
  // The value after the control inputs of `at`, where it is a variable.
  Output Now(At at) const { return variable_.empty() ? tensor_ : variable_.Read(at); }

 private:
  Variable variable_;
  Output tensor_;
};

// Adds to the graph, at construction:
//  - `<name>/sparsity`, a float32 scalar (rule PR-10): with p = clamp((step - begin) / (end -
//    begin), 0, 1), target + (initial - target) * (1 - p)^exponent; not where `sparsity` is given;
//  - the variable `<name>/last_mask_update_step`, int32, 0 at first, not trainable; the one that
//    exists already is taken.
// Scope names are made unique as everywhere: after `<name>/sparsity` the next scope is `<name>_1`.
//
// Errors are kept on the graph: those of HParams::Validate; InvalidArgument ~ "None values not
// supported" when there is no global step.
class Pruning {
 public:
  // `global_step`: an integer scalar; not given: the graph's (train/global_step.h). `sparsity`: a
  // float32 scalar variable or tensor instead of the schedule.
  explicit Pruning(At at, HParams hparams = {}, Watched global_step = {}, Watched sparsity = {});

  const HParams& hparams() const { return hparams_; }
  Output sparsity() const { return sparsity_; }
  const Variable& last_mask_update_step() const { return last_update_; }

  // An operation "mask_update" in a scope `<name>` that gives every weight its new threshold and
  // mask (train/pruning_masks.h), by assignments `<variable>_assign`, and notes the global step.
  // The sparsity of a weight is that of the schedule, scaled where weight_sparsity_map matches its
  // name. The assignments are built once: later calls share them.
  // InvalidArgument on the graph: as many thresholds as masks are not there ~ "mismatch"; several
  // entries of a map match one weight ~ "Multiple matches in"; an unknown pooling function.
  Output MaskUpdateOp(At at);
  // The assignments alone: per weight that of the threshold, then that of the mask. InvalidArgument
  // on the graph ~ "Assign op list not empty" when they are built already (rule PR-13).
  Outputs MaskAssignOps(At at);

  // Does the same in runs where begin_pruning_step <= step, step <= end_pruning_step (or that is
  // negative) and last_mask_update_step + pruning_frequency <= step; else nothing changes, and
  // nothing is computed. A tf.cond: nodes "cond/pred_id", "cond/Merge", ... Frequency 3 from step 2
  // to 9 changes masks at steps 3, 6 and 9.
  Output ConditionalMaskUpdateOp(At at);

  // `train_op`, then ConditionalMaskUpdateOp with the weights and the global step as they are after
  // it: the one operation to run in a training step (rule PR-16). In TensorFlow the program must
  // run the second by itself, and many forget it.
  Output AfterTraining(At at, Output train_op);

  // Scalar summaries in a scope `<name>_summaries` (rule PR-14): "sparsity",
  // "last_mask_update_step", "<mask>/sparsity", "<threshold>/threshold".
  void AddPruningSummaries(At at) const;

 private:
  struct Target;  // what belongs to one weight
  absl::StatusOr<std::vector<Target>> Targets(const Graph& graph) const;
  Output Schedule(At at, const Output& step) const;
  // `reads` is where variables are read, `at` where everything else goes.
  Outputs Assignments(At at, At reads, const Output& sparsity) const;
  Output UpdateAll(At at, const Outputs& assignments, const Output& step) const;
  Output IsPruningStep(At at, const Output& step, const Output& last_update) const;

  HParams hparams_;
  Watched global_step_, given_sparsity_;
  Output sparsity_;
  Variable last_update_;
  Outputs assignments_;
};

}  // namespace sluice::pruning

#endif  // SLUICE_TRAIN_PRUNING_H_
