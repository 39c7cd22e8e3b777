#include "train/checkpoint_state.h"

#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "core/status.h"
#include "graph/proto_io.h"
#include "io/bundle_files.h"
#include "proto/bundle.pb.h"

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

std::string Usable(const std::string& path, const std::string& directory) {
  return IsAbsolute(path) || directory == "." ? path : JoinPath(directory, path);
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
    if (absl::ConsumeSuffix(&name, ".index")) {
      prefixes.push_back(Usable(std::string(name), directory));
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
  proto::CheckpointState message;
  message.set_model_checkpoint_path(Stored(state.latest, directory, relative));
  for (const std::string& path : state.all) {
    message.add_all_model_checkpoint_paths(Stored(path, directory, relative));
  }
  SLUICE_ASSIGN_OR_RETURN(const std::string text, SerializeMessage(message, /*text=*/true));
  return fs.ReplaceAtomically(JoinPath(directory, file), text);
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
  state.latest = Usable(message.model_checkpoint_path(), directory);
  for (const std::string& one : message.all_model_checkpoint_paths()) {
    if (!one.empty()) state.all.push_back(Usable(one, directory));
  }
  if (std::find(state.all.begin(), state.all.end(), state.latest) == state.all.end()) {
    state.all.push_back(state.latest);
  }
  return state;
}

std::optional<std::string> LatestCheckpoint(const std::string& directory, FileSystem& fs,
                                            const std::string& file) {
  const absl::StatusOr<CheckpointState> state = ReadCheckpointState(fs, directory, file);
  if (!state.ok() || !BundleExists(fs, state->latest)) return std::nullopt;
  return state->latest;
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
