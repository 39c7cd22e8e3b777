// The kinds of files that `sluice inspect` shows, a file inspect_<kind>.cc each.
#ifndef SLUICE_TOOLS_SLUICE_INSPECT_H_
#define SLUICE_TOOLS_SLUICE_INSPECT_H_

#include <string>

#include "absl/status/status.h"

namespace sluice::tools {

// An event file, by its name or its first record, or a directory that has event files.
bool HoldsEvents(const std::string& path);
// Counts by kind; tags with their steps, of scalars also values; graphs, run metadata, session
// logs. What stands before a damaged place is shown, and its status returned.
// `trace`: "TAG=OUT.json" writes the run of that tag for chrome://tracing; "" writes nothing.
absl::Status InspectEvents(const std::string& path, bool json, const std::string& trace);

}  // namespace sluice::tools

#endif  // SLUICE_TOOLS_SLUICE_INSPECT_H_
