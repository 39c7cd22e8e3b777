#include "ops/path_pattern.h"

#include <fnmatch.h>

#include <utility>

#include "absl/strings/str_split.h"

namespace sluice::ops {
namespace {

bool HasWildcard(absl::string_view text) {
  return text.find_first_of("*?[\\") != absl::string_view::npos;
}

}  // namespace

// Component by component.
std::vector<std::string> MatchPaths(FileSystem& fs, absl::string_view pattern) {
  if (pattern.empty()) return {};
  std::vector<std::string> found = {pattern[0] == '/' ? "/" : ""};
  for (const absl::string_view part : absl::StrSplit(pattern, '/', absl::SkipEmpty())) {
    std::vector<std::string> next;
    for (const std::string& directory : found) {
      if (!HasWildcard(part)) {
        std::string path = JoinPath(directory, part);
        if (fs.Exists(path) || fs.IsDirectory(path)) next.push_back(std::move(path));
        continue;
      }
      const auto names = fs.List(directory.empty() ? "." : directory);
      if (!names.ok()) continue;  // no directory, or not ours to read
      for (const std::string& name : *names) {
        if (fnmatch(std::string(part).c_str(), name.c_str(), FNM_PATHNAME) != 0) continue;
        next.push_back(JoinPath(directory, name));
      }
    }
    found = std::move(next);
  }
  return found;
}

}  // namespace sluice::ops
