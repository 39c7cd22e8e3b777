// Saver: checkpoints of a session's variables (tf.train.Saver).
//
//   train::Saver saver(graph, {.max_to_keep = 3});
//   SLUICE_RETURN_IF_ERROR(saver.Save(session, "run/model", step).status());
//   ...
//   SLUICE_RETURN_IF_ERROR(saver.RestoreLatest(session, "run").status());
#ifndef SLUICE_TRAIN_SAVER_H_
#define SLUICE_TRAIN_SAVER_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/file.h"
#include "graph/graph.h"
#include "graph/graph_def.h"
#include "graph/variable.h"
#include "session/session.h"
#include "train/restore_plan.h"
#include "train/saver_graph.h"
#include "train/saver_retention.h"

namespace sluice::train {

class CheckpointReader;

enum class CheckpointVersion { kV1, kV2 };

struct SaverOptions {
  // Empty: GLOBAL_VARIABLES and the variables in SAVEABLE_OBJECTS (rule COL-5).
  std::vector<Variable> var_list = {};
  std::map<std::string, Variable> var_map = {};  // in its place: variables by key, also
                                                 // partitioned ones
  bool reshape = false;  // restores tensors of other shapes with as many elements
  bool sharded = false;  // a data file for each device that variables are on
  int max_to_keep = 5;   // 0: all, without a list of them
  double keep_checkpoint_every_n_hours = 10000;  // such old ones are kept besides
  std::string name = {};                         // op scope; empty: "save"
  // One variable after the other. Without effect: all values are read and checked before the first
  // is assigned. (TensorFlow's bulk saver, its default, does not look at it either.)
  bool restore_sequentially = false;
  bool defer_build = false;  // adds nothing before Build(); not with var_list or var_map
  bool allow_empty = false;  // no variables: Save and Restore do nothing, without an error
  // What Save() writes. kV1 is Unimplemented: nothing of today needs it, its values are limited to
  // 2 GiB and are not checked against damage. Restore() reads both.
  CheckpointVersion write_version = CheckpointVersion::kV2;
  bool pad_step_number = false;      // "model-00000123"
  bool save_relative_paths = false;  // in the state file
  std::string filename = {};         // what the graph's own ops write and read unless fed; "model"
  FileSystem* fs = &FileSystem::Default();
  std::function<double()> clock = {};  // seconds since 1970; empty: the system's
};

// Arguments of Save that are rarely needed.
struct SaveOptions {
  std::string latest_filename = "checkpoint";  // the state file
  std::string meta_graph_suffix = "meta";
  bool write_meta_graph = true;
  bool write_state = true;
};

// Adds to the graph what TensorFlow's Saver adds (rule SV-2, train/saver_graph.h). So the graph,
// exported, saves and restores in TensorFlow too. Here, Save and Restore do the same work through a
// FileSystem, with more care.
//
// Errors of the constructor are kept on the graph (rule SV-1): no variables, two of one name.
// Make it after everything that makes variables, optimizers included. Not thread-safe.
class Saver {
 public:
  explicit Saver(Graph& graph, SaverOptions options = {}, const char* file = __builtin_FILE(),
                 int line = __builtin_LINE());
  Saver(const Saver&) = delete;
  Saver& operator=(const Saver&) = delete;

  // tf.train.Saver(saver_def=...): the saver that a graph from a file has. Nothing is added to the
  // graph; which tensors, under which keys, its nodes say. `import_scope`: the name scope that went
  // before all names on import, "" for none. Of `options`, what is about a graph is not looked at,
  // and max_to_keep, sharded, keep_checkpoint_every_n_hours come from `def`. A saver that wrote the
  // older format writes V2 now. InvalidArgument and NotFound as ReadSaverGraph.
  static absl::StatusOr<std::unique_ptr<Saver>> FromDef(Graph& graph, const proto::SaverDef& def,
                                                        const std::string& import_scope = "",
                                                        SaverOptions options = {});

  // With defer_build, once the variables are made. Otherwise, and the second time, nothing.
  void Build(const char* file = __builtin_FILE(), int line = __builtin_LINE());

  // Writes the checkpoint `path`, or `path`-<step>, and returns that prefix. Files: the bundle
  // <prefix>.index and <prefix>.data-00000-of-00001 (as many as there are shards), <prefix>.meta
  // (the MetaGraphDef), and the directory's state file. Each is complete under its name or not
  // there, and on the disk before the next: data, index, meta, state; then checkpoints beyond
  // max_to_keep are deleted (rule SV-5). After an error, or if the process dies on the way, all
  // earlier checkpoints are as they were, and saving again may succeed. First, what a dead process
  // left under `path` is cleared away.
  //
  // Errors: rule SV-3's; FailedPrecondition for an uninitialized variable and before Build(); those
  // of the files. Checkpoints that cannot be deleted are a warning in the log; the next Save tries
  // again.
  absl::StatusOr<std::string> Save(Session& session, const std::string& path,
                                   std::optional<int64_t> global_step = std::nullopt,
                                   const SaveOptions& options = {});

  // Gives the variables, and the session's counter of random runs, the values of a checkpoint, a
  // bundle or one of the older format (train/checkpoint_reader.h). Keys that no variable has are
  // ignored; variables need no initializer before. Everything is checked, the checksums of the
  // whole checkpoint included, before the first variable changes. Errors: rule SV-6's, with a list
  // of all that differs (train/checkpoint_diff.h).
  absl::Status Restore(Session& session, const std::string& prefix);
  // The same for a part of the variables, or under other names (train/restore_plan.h), and says
  // what it did. The counter of random runs is restored with RestoreMode::kAll only. In
  // kModelThenInitRest the initializers run after the model is there, so that initial values may
  // depend on it; FailedPrecondition, before anything changes, when a variable has none.
  absl::StatusOr<RestoreReport> Restore(Session& session, const std::string& prefix,
                                        const RestoreOptions& options);
  // What Restore(prefix) would find different. Changes nothing, reads no values.
  absl::StatusOr<CheckpointDiff> Compare(const std::string& prefix) const;

  // Restores the newest checkpoint in `directory` that can be restored and returns its prefix. Each
  // one that is passed over is a warning in the log. NotFound when there is none, DataLoss listing
  // all when none is good. Those in the directory that the state file names count for max_to_keep
  // from now on.
  absl::StatusOr<std::string> RestoreLatest(Session& session, const std::string& directory,
                                            const std::string& latest_filename = "checkpoint");

  // Prefixes of the checkpoints that are kept, oldest first.
  std::vector<std::string> last_checkpoints() const;
  // The one saved or restored last; "" when there is none.
  const std::string& last_checkpoint() const { return last_; }
  // Instead of that list, as if each had been saved now, or at its time.
  void SetLastCheckpoints(const std::vector<std::string>& prefixes);
  void SetLastCheckpointsWithTime(std::vector<Retention::Kept> checkpoints);
  // The same, those of `prefixes` (oldest first) that exist.
  void RecoverLastCheckpoints(const std::vector<std::string>& prefixes);

  // Writes the graph with collections and this saver's SaverDef, as TensorFlow's export_meta_graph.
  absl::Status ExportMetaGraph(const std::string& path) const;
  // tf.train.Saver.as_saver_def. FailedPrecondition when nothing is built.
  absl::Status ToSaverDef(proto::SaverDef* def) const;

 private:
  Saver(Graph& graph, SaverOptions options, SaverGraph nodes);
  absl::Status CheckUsable(const Session& session, const char* what) const;
  absl::StatusOr<std::string> CheckedPrefix(const std::string& path, std::optional<int64_t> step,
                                            const SaveOptions& options) const;
  absl::Status WriteBundle(Session& session, const std::string& prefix);
  absl::Status Record(const std::string& prefix, const SaveOptions& options);
  void DeleteDoomed(const SaveOptions& options);
  void Recover(const std::string& directory, const std::string& latest_filename,
               const std::string& restored);
  std::vector<TensorFact> Wanted(RestoreMode mode, RestoreReport* report) const;
  absl::Status Assign(Session& session, const CheckpointReader& reader, const RestorePlan& plan);
  absl::StatusOr<Outputs> InitializersOfRest(const RestorePlan& plan, RestoreReport* report) const;
  double Now() const;

  Graph& graph_;
  const SaverOptions options_;
  SaverGraph nodes_;
  bool built_ = false;
  Retention retention_;
  std::string last_;
};

// tf.train.import_meta_graph: adds the graph of the file `path` (binary, or text) to `graph`, and
// gives its saver (rule MG-2): the one that its saver_def names; without it one over all variables,
// which adds its nodes; null when there are none. NotFound "... does not exist"; else as
// ParseMetaGraphDef, ImportMetaGraph and Saver::FromDef.
absl::StatusOr<std::unique_ptr<Saver>> ImportMetaGraphFile(const std::string& path, Graph* graph,
                                                           MetaGraphImportOptions options = {},
                                                           SaverOptions saver_options = {});
// The same from a message.
absl::StatusOr<std::unique_ptr<Saver>> ImportMetaGraphWithSaver(const proto::MetaGraphDef& def,
                                                                Graph* graph,
                                                                MetaGraphImportOptions options = {},
                                                                SaverOptions saver_options = {});

}  // namespace sluice::train

#endif  // SLUICE_TRAIN_SAVER_H_
