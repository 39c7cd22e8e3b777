// The event files of a run, read together: one file, or all of a directory.
#ifndef SLUICE_IO_EVENT_FILES_H_
#define SLUICE_IO_EVENT_FILES_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "core/file.h"
#include "io/event_file.h"

namespace sluice {

namespace proto {
class Event;
class Summary_Value;
}  // namespace proto

// Paths of the files in `logdir` (not below it) whose names hold "tfevents", in the order in which
// runs wrote them: by the seconds in the name, then by name (".10" after ".9").
absl::StatusOr<std::vector<std::string>> EventFilesIn(FileSystem& fs, const std::string& logdir);

// Is that a file of events, whatever its name? Its first record must be whole and say so.
bool IsEventFile(FileSystem& fs, const std::string& path);

// The events of `path`, a file or a directory of them, one after another.
class EventStream {
 public:
  // NotFound when a directory has no event file.
  static absl::StatusOr<EventStream> Open(FileSystem& fs, const std::string& path);
  // True with the next event; false at the end. Where a file is torn or damaged (the last file of a
  // run that is still being written often is): every event before that place, then DataLoss once,
  // naming file and offset, then the next file.
  absl::StatusOr<bool> Next(proto::Event* event);

  const std::vector<std::string>& files() const { return files_; }
  // Of the last event or error.
  const std::string& file() const { return files_[next_ > 0 ? next_ - 1 : 0]; }

 private:
  EventStream(FileSystem& fs, std::vector<std::string> files)
      : fs_(&fs), files_(std::move(files)) {}
  FileSystem* fs_;
  std::vector<std::string> files_;
  size_t next_ = 0;                        // to be opened
  std::optional<EventFileReader> reader_;  // of the file before
};

// What a value of a summary is for TensorBoard.
enum class SummaryKind { kScalar, kHistogram, kImage, kAudio, kText, kTensor, kOther };
const char* SummaryKindName(SummaryKind kind);  // "scalar", ...

// Tells the kinds of values. A plugin's name stands only in the first value of a tag: give it all
// values in their order.
class SummaryKinds {
 public:
  SummaryKind Of(const proto::Summary_Value& value);

 private:
  std::map<std::string, std::string> plugins_;  // by tag
};

// The number of a scalar value: simple_value, or a tensor of one real number (TensorFlow 2).
// Nothing for what is no such number.
std::optional<double> ScalarOf(const proto::Summary_Value& value);

struct ScalarPoint {
  int64_t step = 0;
  double wall_time = 0;  // seconds since 1970
  double value = 0;
};
// Of every tag that has scalars, in the order of the file.
using ScalarCurves = std::map<std::string, std::vector<ScalarPoint>>;

struct ScalarOptions {
  std::string tag = {};  // only this one; empty: all
  // After a START in the log of sessions, points of its step and later ones that were read before
  // it are dropped, as TensorBoard does: that run was restarted from a checkpoint.
  bool purge = true;
};
// The curves in `path`, a file or a directory. `damage`, when not null, gets the first DataLoss
// status, and everything that can be read is returned; without it that status is the result.
absl::StatusOr<ScalarCurves> ReadScalars(FileSystem& fs, const std::string& path,
                                         const ScalarOptions& options = {},
                                         absl::Status* damage = nullptr);

}  // namespace sluice

#endif  // SLUICE_IO_EVENT_FILES_H_
