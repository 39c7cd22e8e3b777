// The file "checkpoint" of a directory: which checkpoints it holds (rule SV-4).
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
};

// Written all or nothing. Paths below `directory` are stored relative to it when `directory` itself
// is relative, or when `relative`.
absl::Status WriteCheckpointState(FileSystem& fs, const std::string& directory,
                                  const CheckpointState& state, bool relative = false,
                                  const std::string& file = "checkpoint");

// NotFound; InvalidArgument, naming the file, when it is not a state or names no checkpoint.
absl::StatusOr<CheckpointState> ReadCheckpointState(FileSystem& fs, const std::string& directory,
                                                    const std::string& file = "checkpoint");

// tf.train.latest_checkpoint: the newest prefix by the state file, where such a checkpoint exists
// (rule SV-7).
std::optional<std::string> LatestCheckpoint(const std::string& directory,
                                            FileSystem& fs = FileSystem::Default(),
                                            const std::string& file = "checkpoint");

// All prefixes worth trying, newest first: those that the state file names, then, by the number at
// the end of the name, other bundles in the directory, which a process that died before it wrote
// the state has left. Without a usable state file only the latter.
std::vector<std::string> CheckpointsIn(FileSystem& fs, const std::string& directory,
                                       const std::string& file = "checkpoint");

}  // namespace sluice::train

#endif  // SLUICE_TRAIN_CHECKPOINT_STATE_H_
