// Saver: checkpoints of a session's variables (tf.train.Saver).
#ifndef SLUICE_TRAIN_SAVER_H_
#define SLUICE_TRAIN_SAVER_H_

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/file.h"
#include "graph/graph.h"
#include "graph/variable.h"
#include "io/tensor_slice.h"
#include "session/session.h"

namespace sluice::train {

// The key under which a checkpoint holds Session::random_run(). TensorFlow ignores it.
inline constexpr char kRandomRunKey[] = "_sluice/random_run";

struct SaverOptions {
  // Empty: GLOBAL_VARIABLES and the variables in SAVEABLE_OBJECTS (rule COL-5).
  std::vector<Variable> var_list = {};
  std::map<std::string, Variable> var_map = {};  // in its place: variables by key, also
                                                 // partitioned ones
  int max_to_keep = 5;                           // 0: all, without a list of them
  double keep_checkpoint_every_n_hours = 10000;  // such old ones are kept besides
  std::string name = {};                         // op scope; empty: "save"
  bool allow_empty = false;          // no variables: Save and Restore do nothing, without an error
  bool pad_step_number = false;      // "model-00000123"
  bool save_relative_paths = false;  // in the state file
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

// One entry of a checkpoint: a variable, or a part of a partitioned one, which is saved as a slice
// of the whole under the whole's name (Variable.SaveSliceInfo).
struct SavedVariable {
  std::string key;
  Variable variable;
  std::optional<TensorSlice> slice = {};  // none: the whole tensor
  TensorShape full_shape = {};            // of the tensor `key`

  std::string SliceSpec() const;  // its entry in shape_and_slices: "" or "10 4 0,5:0,4"
};

// Adds to the graph what TensorFlow's Saver adds (rule SV-2): `save/Const`, `save/SaveV2`,
// `save/control_dependency`, `save/RestoreV2`, an assignment per variable, `save/restore_all`; and
// `save/random_run`. So the graph, exported, saves and restores in TensorFlow too. Here, Save and
// Restore do the same work through a FileSystem, with more care.
//
// Errors of the constructor are kept on the graph (rule SV-1): no variables, two of one name.
// Make it after everything that makes variables, optimizers included. Not thread-safe.
class Saver {
 public:
  explicit Saver(Graph& graph, SaverOptions options = {}, const char* file = __builtin_FILE(),
                 int line = __builtin_LINE());
  Saver(const Saver&) = delete;
  Saver& operator=(const Saver&) = delete;

  // Writes the checkpoint `path`, or `path`-<step>, and returns that prefix. Files: the bundle
  // <prefix>.index and <prefix>.data-00000-of-00001, <prefix>.meta (the MetaGraphDef), and the
  // directory's state file. Each is complete under its name or not there, and on the disk before
  // the next: data, index, meta, state; then checkpoints beyond max_to_keep are deleted (rule
  // SV-5). After an error, or if the process dies on the way, all earlier checkpoints are as they
  // were, and saving again may succeed. First, what a dead process left under `path` is cleared
  // away.
  //
  // Errors: rule SV-3's; FailedPrecondition for an uninitialized variable; those of the files.
  // Checkpoints that cannot be deleted are a warning in the log; the next Save tries again.
  absl::StatusOr<std::string> Save(Session& session, const std::string& path,
                                   std::optional<int64_t> global_step = std::nullopt,
                                   const SaveOptions& options = {});

  // Gives the variables, and the session's counter of random runs, the values of a checkpoint.
  // Keys that no variable has are ignored; variables need no initializer before. Everything is
  // checked, the checksums of the whole checkpoint included, before the first variable changes.
  // Errors: rule SV-6's.
  absl::Status Restore(Session& session, const std::string& prefix);

  // Restores the newest checkpoint in `directory` that can be restored and returns its prefix. Each
  // one that is passed over is a warning in the log. NotFound when there is none, DataLoss listing
  // all when none is good. Those that the state file names count for max_to_keep from now on.
  absl::StatusOr<std::string> RestoreLatest(Session& session, const std::string& directory,
                                            const std::string& latest_filename = "checkpoint");

  // Prefixes of the checkpoints that are kept, oldest first.
  std::vector<std::string> last_checkpoints() const;
  // The one saved or restored last; "" when there is none.
  const std::string& last_checkpoint() const { return last_; }
  // Takes over those of `prefixes` (oldest first) that exist.
  void RecoverLastCheckpoints(const std::vector<std::string>& prefixes);

  // Writes the graph with collections and this saver's SaverDef, as TensorFlow's export_meta_graph.
  absl::Status ExportMetaGraph(const std::string& path) const;

 private:
  struct Kept {
    std::string prefix;
    double time;  // when it was saved
  };
  // Which checkpoints there are to keep.
  struct Retention {
    std::vector<Kept> kept = {};           // oldest first
    std::vector<std::string> doomed = {};  // to be deleted
    double next_preserved = 0;             // one that is younger is never deleted
    void Add(const std::string& prefix, double now, const SaverOptions& options);
  };
  void Build(At at);
  void BuildSave(At at);
  void BuildRestore(At at);
  absl::Status CheckSession(const Session& session) const;
  absl::StatusOr<std::string> CheckedPrefix(const std::string& path, std::optional<int64_t> step,
                                            const SaveOptions& options) const;
  absl::Status WriteBundle(Session& session, const std::string& prefix);
  absl::Status Record(const std::string& prefix, const SaveOptions& options);
  void DeleteDoomed(const SaveOptions& options);
  double Now() const;

  Graph& graph_;
  const SaverOptions options_;
  std::vector<SavedVariable> variables_;  // in the order of their keys
  Output filename_, save_, restore_all_;
  Outputs saved_, restored_;  // in the order of variables_
  Retention retention_;
  std::string last_;
};

}  // namespace sluice::train

#endif  // SLUICE_TRAIN_SAVER_H_
