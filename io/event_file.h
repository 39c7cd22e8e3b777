// Event files: what TensorBoard reads. A record file of Event messages; the first says
// "brain.Event:2".
#ifndef SLUICE_IO_EVENT_FILE_H_
#define SLUICE_IO_EVENT_FILE_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "core/file.h"
#include "core/tensor.h"
#include "io/record_file.h"

namespace sluice {

namespace proto {
class Event;
class SessionLog;
class Summary;
}  // namespace proto

// Writes one new file <logdir>/events.out.tfevents.<10-digit Unix seconds>.<host>. An existing file
// is never touched: when the name is taken, ".1", ".2", ... is added. The first error is kept and
// returned by every later call (a record may be torn; open another writer to go on). Not
// thread-safe.
class EventFileWriter {
 public:
  struct Options {
    std::string filename_suffix;    // added to the file name
    std::function<double()> clock;  // seconds since 1970; the system's clock when empty
    std::string host;               // the system's host name when empty
  };
  // Makes `logdir` when it is missing, and writes the first record.
  static absl::StatusOr<std::unique_ptr<EventFileWriter>> Create(FileSystem& fs,
                                                                 const std::string& logdir,
                                                                 Options options = {});
  ~EventFileWriter();  // closes, ignoring errors: call Close()

  const std::string& path() const { return path_; }
  int64_t events() const { return events_; }  // written so far, the first record included

  absl::Status AddScalar(absl::string_view tag, float value, int64_t step);
  // A histogram of the elements. InvalidArgument, naming the tag, when one is NaN or infinite:
  // nothing is written, the writer stays usable.
  absl::Status AddHistogram(absl::string_view tag, const Tensor& values, int64_t step);
  // A PNG picture. `channels` is 1 grey, 3 RGB, 4 RGBA.
  absl::Status AddImage(absl::string_view tag, int height, int width, int channels,
                        absl::string_view png, int64_t step);
  // A WAV file of `frames` times `channels` samples.
  absl::Status AddAudio(absl::string_view tag, float sample_rate, int64_t channels, int64_t frames,
                        absl::string_view wav, int64_t step);
  // For the text page, which reads markdown: a string, a list of strings, or a matrix of strings,
  // shown as a table. InvalidArgument for other tensors; the writer stays usable.
  absl::Status AddText(absl::string_view tag, const Tensor& strings, int64_t step);
  absl::Status AddText(absl::string_view tag, absl::string_view text, int64_t step);
  // A serialized Summary, as summary ops produce. InvalidArgument when it is not one; the writer
  // stays usable.
  absl::Status AddSummary(absl::string_view serialized_summary, int64_t step);
  absl::Status AddSummary(const proto::Summary& summary, int64_t step);
  absl::Status AddGraph(absl::string_view serialized_graph_def,
                        int64_t step = 0);  // for the graph page
  absl::Status AddMetaGraph(absl::string_view serialized_meta_graph_def, int64_t step = 0);
  // What a run took, under a name of its own, for the graph page.
  absl::Status AddRunMetadata(absl::string_view serialized_run_metadata, absl::string_view tag,
                              int64_t step);
  // START at a step: what an earlier run wrote in this directory for that step and later ones no
  // longer counts. CHECKPOINT, STOP: for the record.
  absl::Status AddSessionLog(const proto::SessionLog& log, int64_t step);
  // Any event; wall_time is filled in when it is 0.
  absl::Status AddEvent(proto::Event event);

  absl::Status Flush();  // to the system: what was added survives the death of the process
  absl::Status Close();

 private:
  EventFileWriter(std::string path, RecordWriter records, std::function<double()> clock);
  std::string path_;
  RecordWriter records_;
  std::function<double()> clock_;
  int64_t events_ = 0;
};

// Reads the events of a file in order (tf.train.summary_iterator); many files: io/event_files.h.
class EventFileReader {
 public:
  static absl::StatusOr<EventFileReader> Open(FileSystem& fs, const std::string& path);
  // True with the next event; false at the end. DataLoss where the file is torn or damaged, after
  // all events before that place.
  absl::StatusOr<bool> Next(proto::Event* event);
  int64_t offset() const { return records_.offset(); }

 private:
  EventFileReader(RecordReader records, std::string path)
      : records_(std::move(records)), path_(std::move(path)) {}
  RecordReader records_;
  std::string path_;
};

}  // namespace sluice

#endif  // SLUICE_IO_EVENT_FILE_H_
