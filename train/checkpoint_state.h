// The file "checkpoint" of a directory: which checkpoints it holds (rules SV-4, SV-7;
// tf.train.latest_checkpoint and its relatives).
#ifndef SLUICE_TRAIN_CHECKPOINT_STATE_H_
#define SLUICE_TRAIN_CHECKPOINT_STATE_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/file.h"

namespace sluice::train {

// Prefixes of checkpoints. In memory they are usable paths; in the file they may be relative to its
// directory.
struct CheckpointState {
  std::string latest;
  std::vector<std::string> all;  // oldest first, `latest` included
  // When each of `all` was saved, in seconds since 1970; empty when unknown.
  std::vector<double> times = {};
  // When the last one was saved that is kept for good (keep_checkpoint_every_n_hours); 0: unknown.
  double last_preserved = 0;
};

// tf.train.update_checkpoint_state: written all or nothing. Paths below `directory` are stored
// relative to it when `directory` itself is relative, or when `relative`. InvalidArgument when a
// path is the state file's own ("conflicts with path used for checkpoint state") and when the
// numbers of times and paths differ.
absl::Status WriteCheckpointState(FileSystem& fs, const std::string& directory,
                                  const CheckpointState& state, bool relative = false,
                                  const std::string& file = "checkpoint");

// NotFound; InvalidArgument, naming the file, when it is not a state or names no checkpoint.
//
// Relative paths start at the directory. A file that came from elsewhere names paths of another
// machine: where a path does not exist, but its last component does in `directory`, that is taken.
// A relative path that leads out of the directory ("../x") is always read so. Times are taken when
// there is one for each path.
absl::StatusOr<CheckpointState> ReadCheckpointState(FileSystem& fs, const std::string& directory,
                                                    const std::string& file = "checkpoint");

// tf.train.get_checkpoint_state: the same, nothing when it cannot be read.
std::optional<CheckpointState> GetCheckpointState(const std::string& directory,
                                                  FileSystem& fs = FileSystem::Default(),
                                                  const std::string& file = "checkpoint");

// tf.train.latest_checkpoint: the newest prefix by the state file, where such a checkpoint exists
// (rule SV-7).
std::optional<std::string> LatestCheckpoint(const std::string& directory,
                                            FileSystem& fs = FileSystem::Default(),
                                            const std::string& file = "checkpoint");

// tf.train.checkpoint_exists: a bundle, or a file or pattern of files of the older format.
bool CheckpointExists(const std::string& prefix, FileSystem& fs = FileSystem::Default());

// tf.train.remove_checkpoint: deletes a bundle, the index first, and its MetaGraphDef. OK when
// there is none. Files of the older format stay.
absl::Status RemoveCheckpoint(const std::string& prefix, FileSystem& fs = FileSystem::Default(),
                              const std::string& meta_graph_suffix = "meta");

// All prefixes worth trying, newest first: those that the state file names, then, by the number at
// the end of the name, other bundles in the directory, which a process that died before it wrote
// the state has left. Without a usable state file only the latter.
std::vector<std::string> CheckpointsIn(FileSystem& fs, const std::string& directory,
                                       const std::string& file = "checkpoint");

}  // namespace sluice::train

#endif  // SLUICE_TRAIN_CHECKPOINT_STATE_H_
