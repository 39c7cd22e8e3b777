// Files by pattern, as shells find them.
#ifndef SLUICE_OPS_PATH_PATTERN_H_
#define SLUICE_OPS_PATH_PATTERN_H_

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "core/file.h"

namespace sluice::ops {

// The existing paths that match. '*' and '?' match within one name, [a-z] and [^a-z] one character,
// '\' takes the next one as it is.
std::vector<std::string> MatchPaths(FileSystem& fs, absl::string_view pattern);

}  // namespace sluice::ops

#endif  // SLUICE_OPS_PATH_PATTERN_H_
