// A session's variables to and from files that other programs read: .npz, .safetensors, and
// checkpoints of either format.
//
//   SLUICE_RETURN_IF_ERROR(train::ExportVariables(session, "model.safetensors"));
//   SLUICE_ASSIGN_OR_RETURN(auto report, train::ImportVariables(session, "pretrained.npz",
//                                                               {.partial = true}));
//   LOG(INFO) << report.ToString();
//
// train/saver.h is for going on with a training run: it keeps older checkpoints, the graph and the
// state of random numbers. This here is for exchange, and adds nothing to the graph.
#ifndef SLUICE_TRAIN_VARIABLES_IO_H_
#define SLUICE_TRAIN_VARIABLES_IO_H_

#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/file.h"
#include "graph/variable.h"
#include "session/session.h"
#include "train/restore_plan.h"

namespace sluice::train {

// Which variables, and under which names. As in SaverOptions, all when both are empty
// (GLOBAL_VARIABLES and SAVEABLE_OBJECTS); a partitioned variable has one name.
struct VariablesIoOptions {
  std::vector<Variable> var_list = {};
  std::map<std::string, Variable> var_map = {};      // variables by their names in the file
  std::map<std::string, std::string> metadata = {};  // written to .safetensors
  FileSystem* fs = &FileSystem::Default();
};

// Writes the variables to `path`, which says the format (train/tensor_file.h): "m.npz",
// "m.safetensors", else the prefix of a checkpoint. Partitioned variables are written whole. The
// file appears complete or not at all.
//
// FailedPrecondition for an uninitialized variable; InvalidArgument when there are no variables,
// for two of one name, and for a partitioned one that lacks parts; what the format cannot hold as
// CheckTensors says.
absl::Status ExportVariables(Session& session, const std::string& path,
                             const VariablesIoOptions& options = {});

// Gives the variables the values of a file of any of these kinds; parts of a partitioned one get
// theirs of the whole. Renames, partial loading and the restriction to the model are `restore`'s.
// Every name, dtype and shape is compared and every byte read and checked before the first variable
// changes: the errors of PlanRestore, which list all that is missing, of another dtype or shape,
// and extra. What is extra alone is in the report, not an error.
//
// A variable is assigned through its initializer, as by tf.Variable.load; FailedPrecondition,
// before anything changes, for one without.
absl::StatusOr<RestoreReport> ImportVariables(Session& session, const std::string& path,
                                              const RestoreOptions& restore = {},
                                              const VariablesIoOptions& options = {});

}  // namespace sluice::train

#endif  // SLUICE_TRAIN_VARIABLES_IO_H_
