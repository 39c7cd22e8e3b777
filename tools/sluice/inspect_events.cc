// sluice inspect of event files.
#include <cstdio>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "core/file.h"
#include "core/status.h"
#include "io/event_files.h"
#include "proto/run_metadata.pb.h"
#include "session/run_metadata.h"
#include "tools/sluice/commands.h"
#include "tools/sluice/event_summary.h"
#include "tools/sluice/inspect.h"
#include "train/run_metadata_proto.h"

namespace sluice::tools {
namespace {

// The last run of that tag, for chrome://tracing.
absl::Status WriteTrace(const EventSummary& summary, const std::string& request) {
  const size_t equals = request.rfind('=');
  const std::string tag = request.substr(0, equals), out = request.substr(equals + 1);
  const EventSummary::Run* found = nullptr;
  std::string tags;
  for (const EventSummary::Run& run : summary.runs) {
    if (run.tag == tag) found = &run;
    absl::StrAppend(&tags, tags.empty() ? "" : ", ", Printable(run.tag));
  }
  if (found == nullptr) {
    return absl::NotFoundError(absl::StrCat("no run metadata with the tag '", Printable(tag),
                                            "'; there are: ", tags.empty() ? "none" : tags));
  }
  proto::RunMetadata message;
  if (!message.ParseFromString(found->bytes))
    return absl::DataLossError(
        absl::StrCat("the run metadata '", Printable(tag), "' are no RunMetadata message"));
  SLUICE_RETURN_IF_ERROR(
      FileSystem::Default().ReplaceAtomically(out, ChromeTrace(train::FromProto(message))));
  return absl::OkStatus();
}

}  // namespace

bool HoldsEvents(const std::string& path) {
  FileSystem& fs = FileSystem::Default();
  if (fs.IsDirectory(path)) {
    const auto files = EventFilesIn(fs, path);
    return files.ok() && !files->empty();
  }
  if (!fs.Exists(path)) return false;
  return absl::StrContains(BaseName(path), "tfevents") || IsEventFile(fs, path);
}

absl::Status InspectEvents(const std::string& path, bool json, const std::string& trace) {
  const size_t equals = trace.rfind('=');
  if (!trace.empty() && (equals == std::string::npos || equals + 1 == trace.size()))
    return UsageError(absl::StrCat("--trace is TAG=OUT.json, got ", Printable(trace)));
  SLUICE_ASSIGN_OR_RETURN(const EventSummary summary, SummarizeEvents(FileSystem::Default(), path));
  if (!trace.empty()) SLUICE_RETURN_IF_ERROR(WriteTrace(summary, trace));
  std::printf("%s%s", (json ? ToJson(summary) : ToText(summary)).c_str(), json ? "\n" : "");
  if (!trace.empty() && !json)
    std::printf("\ntrace -> %s\n", absl::CHexEscape(trace.substr(equals + 1)).c_str());
  return summary.damage;
}

}  // namespace sluice::tools
