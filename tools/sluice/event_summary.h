// What a run's event files hold, in numbers.
#ifndef SLUICE_TOOLS_SLUICE_EVENT_SUMMARY_H_
#define SLUICE_TOOLS_SLUICE_EVENT_SUMMARY_H_

#include <cstdint>
#include <limits>
#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/file.h"

namespace sluice::tools {

struct TagSummary {
  int64_t values = 0, first_step = 0, last_step = 0;
  // Of scalars; NaNs count for `last` only.
  double min = std::numeric_limits<double>::infinity();
  double max = -std::numeric_limits<double>::infinity();
  double last = 0;
};

struct EventSummary {
  struct File {
    std::string path;
    int64_t events = 0;
    std::string damage;  // message of the status; "" when it is whole
  };
  struct Graph {
    bool meta = false;
    int64_t step = 0, nodes = 0;
  };
  struct Run {
    std::string tag;
    int64_t step = 0, nodes = 0, devices = 0;
    std::string bytes;  // the RunMetadata message
  };
  struct Log {
    std::string status, checkpoint_path, msg;
    int64_t step = 0;
  };
  std::vector<File> files;
  int64_t events = 0, first_step = 0, last_step = 0;
  double first_time = 0, last_time = 0;                           // seconds since 1970
  std::map<std::string, int64_t> kinds;                           // of events
  std::map<std::string, std::map<std::string, TagSummary>> tags;  // by kind of value, tag
  std::vector<Graph> graphs;
  std::vector<Run> runs;
  std::vector<Log> logs;
  absl::Status damage;  // the first
};

// Reads all of `path`, a file or a directory.
absl::StatusOr<EventSummary> SummarizeEvents(FileSystem& fs, const std::string& path);

std::string ToText(const EventSummary& summary);
std::string ToJson(const EventSummary& summary);

}  // namespace sluice::tools

#endif  // SLUICE_TOOLS_SLUICE_EVENT_SUMMARY_H_
