// Which tensor of a checkpoint goes to which variable: rules of names, what may be left out, and a
// report. Pure data over train/checkpoint_diff.h: nothing is read and no variable changes.
#ifndef SLUICE_TRAIN_RESTORE_PLAN_H_
#define SLUICE_TRAIN_RESTORE_PLAN_H_

#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "train/checkpoint_diff.h"

namespace sluice::train {

// A name that a regular expression (RE2 syntax) matches anywhere gets every match replaced: \1 in
// `rewrite` is the first group. "^model/" -> "net/", "/weights$" -> "/kernel".
struct RegexRename {
  std::string pattern, rewrite;
};

// What the checkpoint calls otherwise than the graph.
struct RenameRules {
  // A checkpoint's name -> the graph's. Where both end in '/' they are scopes, and every name
  // below the first is one below the second; "/" is the root. A name by itself goes before scopes,
  // a longer scope before a shorter one.
  std::map<std::string, std::string> table = {};
  // For names that the table does not rename; each rule works on the result of the one before.
  std::vector<RegexRename> regexes = {};

  bool empty() const { return table.empty() && regexes.empty(); }
  // Are they rules? InvalidArgument for a malformed expression or rewrite, a scope beside a name,
  // an empty name.
  absl::Status Check() const;
  // The graph's name of a checkpoint's tensor. REQUIRES: Check() is OK.
  std::string Apply(const std::string& name) const;
};

// What a restore is to restore. Which variables are the model's: train/restore_model.h.
enum class RestoreMode {
  kAll,                // every variable of the saver
  kModelOnly,          // no slots or powers of optimizers, no global step: these stay as they are
  kModelThenInitRest,  // after that, the initializers of all other global variables run
};

struct RestoreOptions {
  RestoreMode mode = RestoreMode::kAll;
  RenameRules renames = {};
  // tf.train.init_from_checkpoint: a checkpoint's name or scope -> the graph's, as in a table. Only
  // the variables that it covers are restored, under the names that `renames` leave; the others
  // stay as they are. "/": the root.
  std::map<std::string, std::string> assignment_map = {};
  // Tensors that the checkpoint lacks, or has with another dtype or shape, are left out and
  // reported, not an error. Damage always is one.
  bool partial = false;
};

// What was done. Lists are sorted by the variables' keys.
struct RestoreReport {
  struct Restored {
    std::string name, key;  // the graph's, the checkpoint's
    friend bool operator==(const Restored&, const Restored&) = default;
  };
  struct Skipped {
    std::string name, reason;
    friend bool operator==(const Skipped&, const Skipped&) = default;
  };
  std::string checkpoint;  // its prefix
  std::vector<Restored> restored;
  std::vector<Skipped> skipped;           // with kModelOnly: "not part of the model", ...
  std::vector<std::string> initialized;   // kModelThenInitRest: names of variables
  std::vector<std::string> extra;         // keys of the checkpoint that went nowhere
  std::vector<std::string> unused_rules;  // of RenameRules, which renamed nothing
  std::string differences;                // train/checkpoint_diff.h's text; "" when there are none

  std::string ToString() const;  // a few lines for people
};

struct RestorePlan {
  std::map<std::string, std::string> keys;  // graph's name -> checkpoint's, of what is restored
  CheckpointDiff diff;                      // under the graph's names
  RestoreReport report;                     // as it will be once all is done
};

// Plans how `wanted` (the graph's tensors) get their values from `held` (a checkpoint's).
// `reshape`: other shapes of as many elements fit. options.mode is not looked at.
//
// Errors, whatever `partial`: InvalidArgument for rules that Check() refuses, for two tensors that
// the rules give one name, and for an assignment_map that names nothing in the graph. Without
// `partial`: NotFound "Key w not found in checkpoint" for the first tensor that is missing, or
// InvalidArgument for the first with another dtype ("tensor_name = w; expected dtype X does not
// equal original dtype Y") or shape ("variable w: Assign requires shapes of both tensors to match.
// lhs shape= [2] rhs shape= [3]"), whichever name comes first, in the words of rule SV-6 and
// followed by all differences.
absl::StatusOr<RestorePlan> PlanRestore(const std::vector<TensorFact>& wanted,
                                        const std::vector<TensorFact>& held,
                                        const RestoreOptions& options = {}, bool reshape = false);

}  // namespace sluice::train

#endif  // SLUICE_TRAIN_RESTORE_PLAN_H_
