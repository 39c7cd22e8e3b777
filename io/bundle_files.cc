#include "io/bundle_files.h"

#include <algorithm>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_format.h"
#include "absl/strings/strip.h"
#include "core/status.h"

namespace sluice {
namespace {

bool ConsumeDigits(absl::string_view* text) {
  const size_t digits = std::min(text->find_first_not_of("0123456789"), text->size());
  text->remove_prefix(digits);
  return digits > 0;
}

// Is `rest` what follows the prefix in the name of a data file, whole or being written?
bool IsDataSuffix(absl::string_view rest) {
  return absl::ConsumePrefix(&rest, ".data-") && ConsumeDigits(&rest) &&
         absl::ConsumePrefix(&rest, "-of-") && ConsumeDigits(&rest) &&
         (rest.empty() || rest == ".tmp");
}

bool IsTemporaryData(absl::string_view rest) {
  return absl::EndsWith(rest, ".tmp") && IsDataSuffix(rest);
}

// The data files of `prefix` that are being written, of one shard or of many.
absl::StatusOr<std::vector<std::string>> TemporaryData(FileSystem& fs, const std::string& prefix) {
  const std::string directory = DirectoryOf(prefix);
  std::vector<std::string> paths;
  if (!fs.IsDirectory(directory)) return paths;
  SLUICE_ASSIGN_OR_RETURN(const std::vector<std::string> names, fs.List(directory));
  for (const std::string& name : names) {
    absl::string_view rest = name;
    if (absl::ConsumePrefix(&rest, BaseName(prefix)) && IsTemporaryData(rest)) {
      paths.push_back(absl::StrCat(prefix, rest));
    }
  }
  return paths;
}

}  // namespace

std::string BundleIndexPath(absl::string_view prefix) { return absl::StrCat(prefix, ".index"); }

std::string BundleDataPath(absl::string_view prefix, int shard, int num_shards) {
  return absl::StrFormat("%s.data-%05d-of-%05d", prefix, shard, num_shards);
}

std::string BundleTemporaryPath(absl::string_view path) { return absl::StrCat(path, ".tmp"); }

std::string BundleCommitPath(absl::string_view prefix) {
  return absl::StrCat(BundleIndexPath(prefix), ".new");
}

bool BundleExists(FileSystem& fs, absl::string_view prefix) {
  return fs.Exists(BundleIndexPath(prefix)) || fs.Exists(BundleCommitPath(prefix));
}

absl::Status PublishBundle(FileSystem& fs, const std::string& prefix) {
  const std::string directory = DirectoryOf(prefix);
  SLUICE_RETURN_IF_ERROR(fs.SyncDirectory(directory));
  SLUICE_RETURN_IF_ERROR(
      fs.Rename(BundleTemporaryPath(BundleIndexPath(prefix)), BundleCommitPath(prefix)));
  SLUICE_RETURN_IF_ERROR(fs.SyncDirectory(directory));
  return CompleteBundle(fs, prefix);
}

absl::Status CompleteBundle(FileSystem& fs, const std::string& prefix) {
  const std::string directory = DirectoryOf(prefix);
  if (!fs.Exists(BundleCommitPath(prefix))) return absl::OkStatus();
  SLUICE_ASSIGN_OR_RETURN(const std::vector<std::string> data, TemporaryData(fs, prefix));
  for (const std::string& path : data) {
    SLUICE_RETURN_IF_ERROR(fs.Rename(path, std::string(absl::StripSuffix(path, ".tmp"))));
  }
  if (!data.empty()) SLUICE_RETURN_IF_ERROR(fs.SyncDirectory(directory));
  SLUICE_RETURN_IF_ERROR(fs.Rename(BundleCommitPath(prefix), BundleIndexPath(prefix)));
  return fs.SyncDirectory(directory);
}

absl::Status RemoveBundleTemporaries(FileSystem& fs, const std::string& prefix) {
  absl::StatusOr<std::vector<std::string>> listed = std::vector<std::string>();
  if (!fs.Exists(BundleCommitPath(prefix))) listed = TemporaryData(fs, prefix);
  absl::Status status = listed.status();
  std::vector<std::string> paths = listed.value_or(std::vector<std::string>());
  paths.push_back(BundleTemporaryPath(BundleIndexPath(prefix)));
  for (const std::string& path : paths) {
    if (fs.Exists(path)) status.Update(fs.Delete(path));
  }
  return status;
}

absl::Status DeleteBundle(FileSystem& fs, const std::string& prefix) {
  for (const std::string& path : {BundleCommitPath(prefix), BundleIndexPath(prefix)}) {
    if (fs.Exists(path)) SLUICE_RETURN_IF_ERROR(fs.Delete(path));
  }
  const std::string directory = DirectoryOf(prefix);
  if (!fs.IsDirectory(directory)) return absl::OkStatus();
  SLUICE_ASSIGN_OR_RETURN(const std::vector<std::string> names, fs.List(directory));
  for (const std::string& name : names) {
    absl::string_view rest = name;
    if (absl::ConsumePrefix(&rest, BaseName(prefix)) && IsDataSuffix(rest)) {
      SLUICE_RETURN_IF_ERROR(fs.Delete(JoinPath(directory, name)));
    }
  }
  return absl::OkStatus();
}

absl::Status RemoveBundleLeftovers(FileSystem& fs, const std::string& prefix) {
  const std::string directory = DirectoryOf(prefix);
  if (!fs.IsDirectory(directory)) return absl::OkStatus();
  SLUICE_ASSIGN_OR_RETURN(const std::vector<std::string> names, fs.List(directory));
  for (const std::string& name : names) {
    absl::string_view rest = name;
    if (!absl::ConsumePrefix(&rest, BaseName(prefix))) continue;
    if (absl::ConsumePrefix(&rest, "-") && !ConsumeDigits(&rest)) continue;
    const std::string found = JoinPath(directory, name.substr(0, name.size() - rest.size()));
    if (rest == ".index.new" || rest == ".index.tmp" || IsTemporaryData(rest)) {
      SLUICE_RETURN_IF_ERROR(CompleteBundle(fs, found));
      SLUICE_RETURN_IF_ERROR(RemoveBundleTemporaries(fs, found));
    } else if (absl::StartsWith(rest, ".meta.tmp")) {
      SLUICE_RETURN_IF_ERROR(fs.Delete(JoinPath(directory, name)));
    }
  }
  return absl::OkStatus();
}

}  // namespace sluice
