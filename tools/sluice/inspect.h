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

// The directory of a SavedModel, or its saved_model.pb.
bool HoldsSavedModel(const std::string& path);
// Each of its graphs: tags, signatures, assets, initializer, ops (those in functions count) and
// functions; then the variables, whose every byte is checked. Errors name the file.
absl::Status InspectSavedModel(const std::string& path, bool json);

// A checkpoint (the prefix or a file of a bundle; a file, or NAME of the shards, of the older
// format; a directory with a file "checkpoint"), or a .npz or .safetensors file.
bool HoldsTensors(const std::string& path);
// Tensors by scope, after every byte was read and checked.
absl::Status InspectTensors(const std::string& path, bool json);

}  // namespace sluice::tools

#endif  // SLUICE_TOOLS_SLUICE_INSPECT_H_
