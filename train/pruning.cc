#include "train/pruning.h"

#include <algorithm>
#include <limits>
#include <optional>
#include <utility>
#include <variant>
#include <vector>

#include "core/status.h"
#include "graph/collections.h"
#include "graph/graph.h"
#include "layers/initializers.h"
#include "ops/binary.h"
#include "ops/cast.h"
#include "ops/comparison.h"
#include "ops/const.h"
#include "ops/control_flow.h"
#include "ops/identity.h"
#include "ops/split.h"
#include "ops/summary.h"
#include "re2/re2.h"
#include "train/global_step.h"
#include "train/pruning_masks.h"

namespace sluice::pruning {

struct Pruning::Target {
  Variable mask, threshold, weight;
  Output tensor;  // instead of `weight` where that is no variable
  std::string name;
  double scale = 1;  // of the sparsity
  BlockDims block;
};

namespace {

bool Matches(const std::string& regex, const std::string& name) {
  return RE2::PartialMatch(name, regex);
}

// The entry that matches `name`; nullopt when none does.
template <typename T>
absl::StatusOr<std::optional<T>> Find(const char* map,
                                      const std::vector<std::pair<std::string, T>>& entries,
                                      const std::string& name) {
  std::optional<T> found;
  for (const auto& [regex, value] : entries) {
    if (!Matches(regex, name)) continue;
    if (found.has_value())
      return absl::InvalidArgumentError(
          absl::StrCat("Multiple matches in ", map, " for weight ", name));
    found = value;
  }
  return found;
}

// `scope` without what it waits for: what is built there depends on reads that do wait.
At Free(At at) { return at.In(at.scope().WithoutControl()); }

// An assignment called `<variable>_assign`; of a partitioned variable a group of them (rule PR-17).
Output AssignNamed(At at, const Variable& variable, const Output& value) {
  if (!variable.is_partitioned())
    return variable.Assign(at.Named(absl::StrCat(variable.op_name(), "_assign")), value);
  const std::vector<Variable>& parts = variable.parts();
  int axis = 0;
  for (size_t i = 0; i < variable.data().partitions.size(); ++i) {
    if (variable.data().partitions[i] > 1) axis = static_cast<int>(i);
  }
  std::vector<int64_t> sizes;
  for (const Variable& part : parts) sizes.push_back(part.shape().dim(axis));
  const Outputs pieces = ops::SplitV(at, value, sizes, axis, static_cast<int64_t>(sizes.size()));
  Outputs assigned;
  for (size_t i = 0; i < parts.size() && i < pieces.size(); ++i)
    assigned.push_back(AssignNamed(at, parts[i], pieces[i]));
  return Group(at.Named(absl::StrCat(variable.op_name(), "_group_assign")), assigned);
}

Output Int32Of(At at, const Output& step) { return ops::Cast(at, step, DType::kInt32); }

// A number of steps as the step's dtype; larger ones than it can hold mean "never".
Output StepConst(At at, int64_t value) {
  constexpr int64_t kLargest = std::numeric_limits<int32_t>::max();
  return ops::Const(at, static_cast<int32_t>(std::min(std::max(value, -kLargest), kLargest)));
}

}  // namespace

Pruning::Pruning(At at, HParams hparams, Watched global_step, Watched sparsity)
    : hparams_(std::move(hparams)),
      global_step_(std::move(global_step)),
      given_sparsity_(std::move(sparsity)) {
  const At place = at.Named("");
  const absl::Status valid = hparams_.Validate();
  if (!valid.ok()) {
    place.Fail("pruning", valid);
    return;
  }
  if (!global_step_.given()) global_step_ = train::GetGlobalStep(place);
  if (!place.ok()) return;
  if (!global_step_.given()) {
    place.Fail("pruning", absl::InvalidArgumentError(
                              "None values not supported. There is no global step: give one, or "
                              "call train::CreateGlobalStep first"));
    return;
  }
  const Output step = Int32Of(place, global_step_.Shared());
  sparsity_ =
      given_sparsity_.given() ? given_sparsity_.Shared() : Schedule(place.Sub(hparams_.name), step);
  const Scope scope = place.scope().VariableScope(hparams_.name, {}, {place.file(), place.line()});
  last_update_ = GetVariable(place.In(scope), "last_mask_update_step",
                             {.shape = {},
                              .dtype = DType::kInt32,
                              .initializer = initializers::Zeros(),
                              .trainable = false,
                              .reuse = Reuse::kAuto});
}

Output Pruning::Schedule(At at, const Output& step) const {
  const double begin = static_cast<double>(hparams_.sparsity_function_begin_step);
  const double end = static_cast<double>(hparams_.sparsity_function_end_step);
  const double initial = hparams_.initial_sparsity, target = hparams_.target_sparsity;
  // Places the operators, too: they stand beside their left operand.
  const Output now = ops::Cast(at, step, DType::kFloat);
  const Output done = ops::RealDiv(at, ops::Sub(at, now, ops::ConstOf(at, DType::kFloat, begin)),
                                   ops::ConstOf(at, DType::kFloat, end - begin));
  const Output p = ops::Minimum(at, ops::Maximum(at, done, ops::ConstOf(at, DType::kFloat, 0)),
                                ops::ConstOf(at, DType::kFloat, 1));
  const Output left =
      ops::Pow(at, ops::Sub(at, ops::ConstOf(at, DType::kFloat, 1), p),
               ops::ConstOf(at, DType::kFloat, hparams_.sparsity_function_exponent));
  const Output above = ops::Mul(at, ops::ConstOf(at, DType::kFloat, initial - target), left);
  return ops::AddV2(at.Named("sparsity"), above, ops::ConstOf(at, DType::kFloat, target));
}

absl::StatusOr<std::vector<Pruning::Target>> Pruning::Targets(const Graph& graph) const {
  const std::vector<Variable> masks = GetMasks(graph), thresholds = GetThresholds(graph);
  const std::vector<CollectionItem> weights = graph.GetCollection(kWeightCollection);
  if (masks.size() != thresholds.size() || masks.size() != weights.size())
    return absl::InvalidArgumentError(absl::StrCat("Number of masks ", masks.size(),
                                                   " and number of thresholds ", thresholds.size(),
                                                   " mismatch (weights: ", weights.size(), ")"));
  SLUICE_ASSIGN_OR_RETURN(const auto sparsities, hparams_.WeightSparsities());
  SLUICE_ASSIGN_OR_RETURN(const auto blocks, hparams_.WeightBlockDims());
  std::vector<Target> targets;
  for (size_t i = 0; i < masks.size(); ++i) {
    Target t{.mask = masks[i], .threshold = thresholds[i]};
    if (const Variable* v = std::get_if<Variable>(&weights[i])) {
      t.weight = *v;
      t.name = v->op_name();
    } else if (const Output* x = std::get_if<Output>(&weights[i])) {
      t.tensor = *x;
      t.name = x->node()->name();
    }
    bool keep = false;
    for (const std::string& regex : hparams_.do_not_prune)
      keep |= !regex.empty() && (Matches(regex, t.name) || Matches(regex, t.mask.op_name()));
    if (keep || t.mask.shape().num_elements() == 0) continue;
    if (t.mask.shape().num_elements() > std::numeric_limits<int32_t>::max())
      return absl::InvalidArgumentError(
          absl::StrCat(t.name, " has too many elements to prune: ", t.mask.shape().ToString()));
    SLUICE_ASSIGN_OR_RETURN(const auto own, Find("weight_sparsity_map", sparsities, t.name));
    if (own.has_value()) t.scale = *own / hparams_.target_sparsity;
    SLUICE_ASSIGN_OR_RETURN(const auto dims, Find("block_dims_map", blocks, t.name));
    t.block = dims.value_or(BlockDims{hparams_.block_height, hparams_.block_width});
    targets.push_back(std::move(t));
  }
  return targets;
}

Outputs Pruning::Assignments(At at, At reads, const Output& sparsity) const {
  absl::StatusOr<std::vector<Target>> targets = Targets(at.graph());
  if (!targets.ok()) {
    at.Fail("mask_update", targets.status());
    return {};
  }
  Outputs assignments;
  for (const Target& t : *targets) {
    const std::string scope = absl::StrCat(t.name, "_pruning_ops");
    const At place = at.Sub(scope);
    const At read = reads.In(place.scope().WithControlOf(reads.scope()));
    const Output weight = t.weight.empty() ? ops::Identity(read, t.tensor) : t.weight.Read(read);
    Output wanted = sparsity;
    if (t.scale != 1)
      wanted = ops::Mul(place, sparsity, ops::ConstOf(place, DType::kFloat, t.scale));
    const NewMask update =
        LargestBlocks(place, weight, t.threshold.Read(read), wanted, hparams_.threshold_decay,
                      t.block, hparams_.block_pooling_function);
    if (!at.ok()) return {};
    assignments.push_back(AssignNamed(at, t.threshold, update.threshold));
    assignments.push_back(AssignNamed(at, t.mask, update.mask));
  }
  return assignments;
}

Output Pruning::UpdateAll(At at, const Outputs& assignments, const Output& step) const {
  if (!at.ok()) return {};
  Outputs all = {last_update_.Assign(at.Named("last_mask_update_step_assign"), step)};
  all.insert(all.end(), assignments.begin(), assignments.end());
  return Group(at.Named("mask_update"), all);
}

Outputs Pruning::MaskAssignOps(At at) {
  if (!at.ok() || last_update_.empty()) return {};
  if (!assignments_.empty()) {
    at.Named("").Fail("mask_update", absl::InvalidArgumentError(
                                         "Assign op list not empty. MaskAssignOps called twice?"));
    return {};
  }
  const At place = at.Named("");
  const Output sparsity = given_sparsity_.given()
                              ? given_sparsity_.Now(place)
                              : Schedule(place, Int32Of(place, global_step_.Now(place)));
  assignments_ = Assignments(Free(place), place, sparsity);
  return assignments_;
}

Output Pruning::MaskUpdateOp(At at) {
  if (!at.ok() || last_update_.empty()) return {};
  const At place = at.Named("").Sub(hparams_.name);
  if (assignments_.empty()) MaskAssignOps(place);
  return UpdateAll(place, assignments_, Int32Of(place, global_step_.Now(place)));
}

Output Pruning::IsPruningStep(At at, const Output& step, const Output& last_update) const {
  const Output begun = ops::GreaterEqual(at, step, StepConst(at, hparams_.begin_pruning_step));
  const Output not_ended =
      ops::LogicalOr(at, ops::LessEqual(at, step, StepConst(at, hparams_.end_pruning_step)),
                     ops::Const(at, hparams_.end_pruning_step < 0));
  const Output next = ops::AddV2(at, last_update, StepConst(at, hparams_.pruning_frequency));
  return ops::LogicalAnd(at, ops::LogicalAnd(at, begun, not_ended), ops::LessEqual(at, next, step));
}

Output Pruning::ConditionalMaskUpdateOp(At at) {
  if (!at.ok() || last_update_.empty()) return {};
  const At outside = at.Named("");
  const At asked = outside.Sub(hparams_.name);
  const Output predicate =
      IsPruningStep(Free(asked), Int32Of(asked, global_step_.Now(asked)), last_update_.Read(asked));
  // What tf.cond builds; nothing of the branch that is not taken runs.
  const At cond = outside.Sub("cond"), free = Free(cond);
  const ops::SwitchOutputs branches = ops::Switch(free, predicate, predicate);
  const Output yes = ops::Identity(free.Named("switch_t"), branches.output_true);
  const Output no = ops::Identity(free.Named("switch_f"), branches.output_false);
  ops::Identity(free.Named("pred_id"), predicate);
  if (!at.ok()) return {};

  const At reads = free.In(free.scope().After({yes})).Sub(hparams_.name);
  const Output step = Int32Of(reads, global_step_.Now(reads));
  const Output sparsity =
      given_sparsity_.given() ? given_sparsity_.Now(reads) : Schedule(Free(reads), step);
  const Output update = UpdateAll(Free(reads), Assignments(Free(reads), reads, sparsity), step);
  if (!at.ok()) return {};
  const Output done =
      ops::Identity(free.In(free.scope().After({update})).Named("control_dependency"), yes);
  const Output nothing = ops::NoOp(free.In(free.scope().After({no})));
  const Output skipped =
      ops::Identity(free.In(free.scope().After({nothing})).Named("control_dependency_1"), no);
  const Output merged = ops::Merge(free, {skipped, done}).output;
  return merged.empty() ? merged : merged.node()->operation();
}

Output Pruning::AfterTraining(At at, Output train_op) {
  if (!at.ok() || train_op.empty()) return {};
  return ConditionalMaskUpdateOp(at.In(at.scope().After({train_op})));
}

void Pruning::AddPruningSummaries(At at) const {
  if (!at.ok() || last_update_.empty()) return;
  const At place = at.Named("").Sub(absl::StrCat(hparams_.name, "_summaries"));
  ops::ScalarSummary(place, "sparsity", sparsity_);
  ops::ScalarSummary(place, "last_mask_update_step", last_update_.value());
  const std::vector<Variable> masks = GetMasks(at.graph()), thresholds = GetThresholds(at.graph());
  for (size_t i = 0; i < masks.size() && i < thresholds.size(); ++i) {
    ops::ScalarSummary(place, absl::StrCat(masks[i].op_name(), "/sparsity"),
                       ZeroFraction(place, masks[i]));
    ops::ScalarSummary(place, absl::StrCat(thresholds[i].op_name(), "/threshold"),
                       thresholds[i].value());
  }
}

}  // namespace sluice::pruning
