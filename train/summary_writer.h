// SummaryWriter: what a training run leaves for TensorBoard (tf.summary.FileWriter).
#ifndef SLUICE_TRAIN_SUMMARY_WRITER_H_
#define SLUICE_TRAIN_SUMMARY_WRITER_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <set>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "core/file.h"
#include "core/tensor.h"
#include "graph/graph.h"
#include "io/event_file.h"
#include "session/run_metadata.h"

namespace sluice::train {

struct SummaryWriterOptions {
  const Graph* graph = nullptr;  // AddGraph and AddMetaGraph of it at once
  double flush_secs = 120;       // what was added goes to the system at least that often
  std::string filename_suffix = "";
  FileSystem* fs = &FileSystem::Default();
  std::function<double()> clock = {};  // seconds since 1970; empty: the system's
  std::string host = {};               // in the file's name; empty: the system's
};

// The states of a training session, for the record and for restarts.
enum class SessionStatus { kStart = 1, kStop = 2, kCheckpoint = 3 };

// Writes one new event file in `logdir`, and another one after each Reopen(). Events are in the
// order of the calls; each call writes at once (there is no queue), and Flush() makes it safe from
// the death of the process.
//
// After Close() everything but Reopen() is FailedPrecondition. An error of the file is returned by
// every later call until Close() and Reopen(); a value that is refused (InvalidArgument, naming
// its tag) changes nothing. Not thread-safe.
class SummaryWriter {
 public:
  // The errors of the file; those of the graph.
  static absl::StatusOr<std::unique_ptr<SummaryWriter>> Create(const std::string& logdir,
                                                               SummaryWriterOptions options = {});
  ~SummaryWriter();  // closes, ignoring errors: call Close()

  // A Summary message, as summary ops give it: a scalar string tensor. A plugin's metadata stand
  // with the first value of each tag in a file only, as TensorFlow writes them.
  absl::Status AddSummary(const Tensor& summary, int64_t step);
  absl::Status AddSummary(absl::string_view serialized_summary, int64_t step);

  // Values without a graph. Tags as given, but for images and sound, where those of the ops
  // (ops/media_summary.h) are made: "tag/image" for one, "tag/image/0", ... for several.
  absl::Status AddScalar(absl::string_view tag, float value, int64_t step);
  absl::Status AddHistogram(absl::string_view tag, const Tensor& values, int64_t step);
  // [height, width, channels] or [batch, height, width, channels], channels 1, 3 or 4; uint8 as it
  // is, floats scaled by their extremes, red where they are no number.
  absl::Status AddImage(absl::string_view tag, const Tensor& image, int64_t step,
                        int64_t max_images = 3);
  // float [frames], [frames, channels] or [batch, frames, channels], samples in [-1, 1).
  absl::Status AddAudio(absl::string_view tag, const Tensor& samples, float sample_rate,
                        int64_t step, int64_t max_outputs = 3);
  // Markdown: a string, a list, or a table of strings.
  absl::Status AddText(absl::string_view tag, const Tensor& strings, int64_t step);
  absl::Status AddText(absl::string_view tag, absl::string_view text, int64_t step);

  // The graph page: nodes with their scopes and shapes (_output_shapes).
  absl::Status AddGraph(const Graph& graph, int64_t step = 0);
  absl::Status AddMetaGraph(const Graph& graph, int64_t step = 0);
  // A traced run, by which the graph page colours nodes. InvalidArgument, in TensorFlow's words,
  // for a tag that has been used.
  absl::Status AddRunMetadata(const RunMetadata& run, absl::string_view tag, int64_t step = 0);
  // kStart at the step that a restored run goes on from: TensorBoard drops what the run before
  // wrote for that step and later ones.
  absl::Status AddSessionLog(SessionStatus status, int64_t step,
                             absl::string_view checkpoint_path = "", absl::string_view msg = "");

  absl::Status Flush();
  absl::Status Close();   // closing again is harmless
  absl::Status Reopen();  // a new file in the same directory; nothing unless closed

  const std::string& logdir() const { return logdir_; }  // get_logdir
  const std::string& path() const { return path_; }      // of the file written now or last

 private:
  SummaryWriter(const std::string& logdir, SummaryWriterOptions options)
      : logdir_(logdir), options_(std::move(options)) {}
  absl::StatusOr<EventFileWriter*> Open();
  absl::Status Added(absl::Status status);
  absl::Status AddMedia(const char* op, const AttrMap& attrs, absl::string_view tag,
                        const std::vector<Tensor>& inputs, int64_t step);
  double Now() const;

  const std::string logdir_;
  const SummaryWriterOptions options_;
  std::unique_ptr<EventFileWriter> file_;  // null when closed
  std::string path_;
  double flushed_ = 0;               // when
  std::set<std::string> seen_tags_;  // of values with metadata, in this file
  std::set<std::string> run_tags_;   // of AddRunMetadata
};

}  // namespace sluice::train

#endif  // SLUICE_TRAIN_SUMMARY_WRITER_H_
