#include "train/checkpoint_state.h"

#include <algorithm>
#include <filesystem>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "core/status.h"
#include "graph/proto_io.h"
#include "io/bundle_files.h"
#include "ops/path_pattern.h"
#include "proto/bundle.pb.h"
#include "train/sharded_bundle.h"

namespace sluice::train {
namespace {

constexpr int64_t kMaxStateBytes = int64_t{64} << 20;

bool IsAbsolute(absl::string_view path) { return absl::StartsWith(path, "/"); }

std::string Stored(absl::string_view path, const std::string& directory, bool relative) {
  if (!relative && IsAbsolute(directory)) return std::string(path);
  if (directory != "." && absl::ConsumePrefix(&path, directory)) {
    while (absl::ConsumePrefix(&path, "/")) continue;
  }
  return std::string(path);
}

std::string Below(const std::string& path, const std::string& directory) {
  return IsAbsolute(path) || directory == "." ? path : JoinPath(directory, path);
}

// Does a relative path lead out of where it starts?
bool Leaves(const std::string& path) {
  const std::filesystem::path normal = std::filesystem::path(path).lexically_normal();
  return !normal.empty() && *normal.begin() == "..";
}

// The path of the state file that `stored` means on this machine.
std::string Usable(FileSystem& fs, const std::string& stored, const std::string& directory) {
  const std::string here = Below(BaseName(stored), directory);
  if (!IsAbsolute(stored) && Leaves(stored)) return here;
  const std::string path = Below(stored, directory);
  return !CheckpointExists(path, fs) && CheckpointExists(here, fs) ? here : path;
}

// The number after the last '-' of a prefix, -1 when there is none.
int64_t StepOf(absl::string_view prefix) {
  const size_t dash = prefix.rfind('-');
  int64_t step = -1;
  if (dash == absl::string_view::npos || !absl::SimpleAtoi(prefix.substr(dash + 1), &step)) {
    return -1;
  }
  return step;
}

// Prefixes of the bundles that lie in the directory, the highest step first.
std::vector<std::string> Bundles(FileSystem& fs, const std::string& directory) {
  std::vector<std::string> prefixes;
  const absl::StatusOr<std::vector<std::string>> names = fs.List(directory);
  if (!names.ok()) return {};
  for (absl::string_view name : *names) {
    absl::ConsumeSuffix(&name, ".new");  // committed, about to be complete
    if (absl::ConsumeSuffix(&name, ".index") && !IsShardInProgress(name)) {
      prefixes.push_back(Below(std::string(name), directory));
    }
  }
  std::stable_sort(prefixes.begin(), prefixes.end(),
                   [](const auto& a, const auto& b) { return StepOf(a) > StepOf(b); });
  return prefixes;
}

}  // namespace

absl::Status WriteCheckpointState(FileSystem& fs, const std::string& directory,
                                  const CheckpointState& state, bool relative,
                                  const std::string& file) {
  const std::string own = JoinPath(directory, file);
  if (state.latest == own) {
    return absl::InvalidArgumentError(absl::StrCat("Save path '", absl::CHexEscape(state.latest),
                                                   "' conflicts with path used for checkpoint ",
                                                   "state. Please use a different save path."));
  }
  if (!state.times.empty() && state.times.size() != state.all.size()) {
    return absl::InvalidArgumentError(absl::StrCat(
        "a state of ", state.all.size(), " checkpoints has ", state.times.size(), " times"));
  }
  proto::CheckpointState message;
  message.set_model_checkpoint_path(Stored(state.latest, directory, relative));
  for (const std::string& path : state.all) {
    message.add_all_model_checkpoint_paths(Stored(path, directory, relative));
  }
  for (const double time : state.times) message.add_all_model_checkpoint_timestamps(time);
  message.set_last_preserved_timestamp(state.last_preserved);
  SLUICE_ASSIGN_OR_RETURN(const std::string text, SerializeMessage(message, /*text=*/true));
  return fs.ReplaceAtomically(own, text);
}

absl::StatusOr<CheckpointState> ReadCheckpointState(FileSystem& fs, const std::string& directory,
                                                    const std::string& file) {
  const std::string path = JoinPath(directory, file);
  SLUICE_ASSIGN_OR_RETURN(const std::string text, fs.ReadAll(path, kMaxStateBytes));
  proto::CheckpointState message;
  SLUICE_RETURN_IF_ERROR(Annotate(ParseMessage(text, /*text=*/true, &message), path));
  if (message.model_checkpoint_path().empty()) {
    return absl::InvalidArgumentError(absl::StrCat(path, ": names no checkpoint"));
  }
  CheckpointState state;
  state.latest = Usable(fs, message.model_checkpoint_path(), directory);
  const auto& times = message.all_model_checkpoint_timestamps();
  const bool timed = times.size() == message.all_model_checkpoint_paths_size();
  for (int i = 0; i < message.all_model_checkpoint_paths_size(); ++i) {
    const std::string& stored = message.all_model_checkpoint_paths(i);
    if (stored.empty()) continue;
    state.all.push_back(Usable(fs, stored, directory));
    if (timed) state.times.push_back(times.Get(i));
  }
  state.last_preserved = message.last_preserved_timestamp();
  if (std::find(state.all.begin(), state.all.end(), state.latest) == state.all.end()) {
    state.all.push_back(state.latest);
    state.times.clear();
  }
  return state;
}

std::optional<CheckpointState> GetCheckpointState(const std::string& directory, FileSystem& fs,
                                                  const std::string& file) {
  absl::StatusOr<CheckpointState> state = ReadCheckpointState(fs, directory, file);
  if (!state.ok()) return std::nullopt;
  return *std::move(state);
}

std::optional<std::string> LatestCheckpoint(const std::string& directory, FileSystem& fs,
                                            const std::string& file) {
  const absl::StatusOr<CheckpointState> state = ReadCheckpointState(fs, directory, file);
  if (!state.ok() || !CheckpointExists(state->latest, fs)) return std::nullopt;
  return state->latest;
}

bool CheckpointExists(const std::string& prefix, FileSystem& fs) {
  if (prefix.empty()) return false;
  if (BundleExists(fs, prefix)) return true;
  const auto any_file = [&](const std::string& pattern) {
    const std::vector<std::string> paths = ops::MatchPaths(fs, pattern);
    return std::any_of(paths.begin(), paths.end(),
                       [&](const std::string& path) { return !fs.IsDirectory(path); });
  };
  return any_file(prefix) || any_file(absl::StrCat(prefix, "-?????", "-of-?????"));
}

absl::Status RemoveCheckpoint(const std::string& prefix, FileSystem& fs,
                              const std::string& meta_graph_suffix) {
  absl::Status deleted = DeleteBundle(fs, prefix);
  const std::string meta = absl::StrCat(prefix, ".", meta_graph_suffix);
  if (fs.Exists(meta)) deleted.Update(fs.Delete(meta));
  return deleted;
}

std::vector<std::string> CheckpointsIn(FileSystem& fs, const std::string& directory,
                                       const std::string& file) {
  std::vector<std::string> prefixes;
  const auto add = [&](const std::string& prefix) {
    if (std::find(prefixes.begin(), prefixes.end(), prefix) == prefixes.end()) {
      prefixes.push_back(prefix);
    }
  };
  const absl::StatusOr<CheckpointState> state = ReadCheckpointState(fs, directory, file);
  if (state.ok()) {
    add(state->latest);
    std::for_each(state->all.rbegin(), state->all.rend(), add);
  }
  for (const std::string& prefix : Bundles(fs, directory)) add(prefix);
  return prefixes;
}

}  // namespace sluice::train
