#include "io/event_file.h"

#include <limits.h>
#include <unistd.h>

#include <chrono>
#include <utility>

#include "absl/strings/str_format.h"
#include "core/status.h"
#include "io/histogram.h"
#include "proto/event.pb.h"
#include "proto/tensor.pb.h"

namespace sluice {
namespace {

constexpr int kMaxNameTries = 10000;

double SystemClock() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

std::string HostName() {
  char name[HOST_NAME_MAX + 1] = {};
  return gethostname(name, HOST_NAME_MAX) == 0 && name[0] != '\0' ? name : "localhost";
}

absl::StatusOr<std::string> FreePath(FileSystem& fs, const std::string& logdir,
                                     const std::string& name) {
  std::string path = JoinPath(logdir, name);
  for (int i = 1; fs.Exists(path); ++i) {
    if (i > kMaxNameTries) {
      return absl::AlreadyExistsError(absl::StrCat("no free name for an event file: ", path));
    }
    path = JoinPath(logdir, absl::StrCat(name, ".", i));
  }
  return path;
}

}  // namespace

EventFileWriter::EventFileWriter(std::string path, RecordWriter records,
                                 std::function<double()> clock)
    : path_(std::move(path)), records_(std::move(records)), clock_(std::move(clock)) {}

EventFileWriter::~EventFileWriter() { Close().IgnoreError(); }

absl::StatusOr<std::unique_ptr<EventFileWriter>> EventFileWriter::Create(FileSystem& fs,
                                                                         const std::string& logdir,
                                                                         Options options) {
  if (!options.clock) options.clock = SystemClock;
  if (options.host.empty()) options.host = HostName();
  const std::string name =
      absl::StrFormat("events.out.tfevents.%010d.%s%s", static_cast<int64_t>(options.clock()),
                      options.host, options.filename_suffix);
  if (name.find('/') != std::string::npos) {
    return absl::InvalidArgumentError(
        absl::StrCat("'", Printable(name), "' is not a file name: it has a slash"));
  }
  SLUICE_RETURN_IF_ERROR(fs.CreateDirectories(logdir));
  SLUICE_ASSIGN_OR_RETURN(const std::string path, FreePath(fs, logdir, name));
  SLUICE_ASSIGN_OR_RETURN(auto file, fs.Create(path));
  std::unique_ptr<EventFileWriter> writer(
      new EventFileWriter(path, RecordWriter(std::move(file)), std::move(options.clock)));
  proto::Event version;
  version.set_file_version("brain.Event:2");
  SLUICE_RETURN_IF_ERROR(writer->AddEvent(std::move(version)));
  SLUICE_RETURN_IF_ERROR(writer->Flush());
  return writer;
}

absl::Status EventFileWriter::AddScalar(absl::string_view tag, float value, int64_t step) {
  proto::Summary summary;
  proto::Summary::Value* v = summary.add_value();
  v->set_tag(std::string(tag));
  v->set_simple_value(value);
  return AddSummary(summary, step);
}

absl::Status EventFileWriter::AddHistogram(absl::string_view tag, const Tensor& values,
                                           int64_t step) {
  Histogram histogram;
  const absl::Status status = histogram.Add(values);
  if (!status.ok()) return Annotate(status, absl::StrCat("summary '", Printable(tag), "'"));
  proto::Summary summary;
  proto::Summary::Value* v = summary.add_value();
  v->set_tag(std::string(tag));
  histogram.ToProto(v->mutable_histo());
  return AddSummary(summary, step);
}

absl::Status EventFileWriter::AddImage(absl::string_view tag, int height, int width, int channels,
                                       absl::string_view png, int64_t step) {
  proto::Summary summary;
  proto::Summary::Value* v = summary.add_value();
  v->set_tag(std::string(tag));
  v->mutable_image()->set_height(height);
  v->mutable_image()->set_width(width);
  v->mutable_image()->set_colorspace(channels);
  v->mutable_image()->set_encoded_image_string(std::string(png));
  return AddSummary(summary, step);
}

absl::Status EventFileWriter::AddAudio(absl::string_view tag, float sample_rate, int64_t channels,
                                       int64_t frames, absl::string_view wav, int64_t step) {
  proto::Summary summary;
  proto::Summary::Value* v = summary.add_value();
  v->set_tag(std::string(tag));
  v->mutable_audio()->set_sample_rate(sample_rate);
  v->mutable_audio()->set_num_channels(channels);
  v->mutable_audio()->set_length_frames(frames);
  v->mutable_audio()->set_content_type("audio/wav");
  v->mutable_audio()->set_encoded_audio_string(std::string(wav));
  return AddSummary(summary, step);
}

absl::Status EventFileWriter::AddText(absl::string_view tag, const Tensor& strings, int64_t step) {
  if (strings.dtype() != DType::kString || strings.shape().rank() > 2) {
    return absl::InvalidArgumentError(
        absl::StrCat("text '", Printable(tag), "': wants strings of at most two dimensions, got ",
                     DTypeName(strings.dtype()), strings.shape().ToString()));
  }
  proto::Summary summary;
  proto::Summary::Value* v = summary.add_value();
  v->set_tag(std::string(tag));
  v->mutable_metadata()->mutable_plugin_data()->set_plugin_name("text");
  proto::TensorProto* tensor = v->mutable_tensor();
  tensor->set_dtype(proto::DT_STRING);
  tensor->mutable_tensor_shape();  // present also for a scalar
  for (const int64_t size : strings.shape().dims())
    tensor->mutable_tensor_shape()->add_dim()->set_size(size);
  for (const std::string& text : strings.flat<std::string>()) tensor->add_string_val(text);
  return AddSummary(summary, step);
}

absl::Status EventFileWriter::AddText(absl::string_view tag, absl::string_view text, int64_t step) {
  return AddText(tag, Tensor::Scalar<std::string>(std::string(text)), step);
}

absl::Status EventFileWriter::AddSummary(absl::string_view serialized_summary, int64_t step) {
  proto::Summary summary;
  if (!summary.ParseFromArray(serialized_summary.data(),
                              static_cast<int>(serialized_summary.size()))) {
    return absl::InvalidArgumentError(
        absl::StrCat(serialized_summary.size(), " bytes that are not a Summary message"));
  }
  return AddSummary(summary, step);
}

absl::Status EventFileWriter::AddSummary(const proto::Summary& summary, int64_t step) {
  proto::Event event;
  event.set_step(step);
  *event.mutable_summary() = summary;
  return AddEvent(std::move(event));
}

absl::Status EventFileWriter::AddGraph(absl::string_view serialized_graph_def, int64_t step) {
  proto::Event event;
  event.set_step(step);
  event.set_graph_def(std::string(serialized_graph_def));
  return AddEvent(std::move(event));
}

absl::Status EventFileWriter::AddMetaGraph(absl::string_view serialized_meta_graph_def,
                                           int64_t step) {
  proto::Event event;
  event.set_step(step);
  event.set_meta_graph_def(std::string(serialized_meta_graph_def));
  return AddEvent(std::move(event));
}

absl::Status EventFileWriter::AddRunMetadata(absl::string_view serialized_run_metadata,
                                             absl::string_view tag, int64_t step) {
  proto::Event event;
  event.set_step(step);
  event.mutable_tagged_run_metadata()->set_tag(std::string(tag));
  event.mutable_tagged_run_metadata()->set_run_metadata(std::string(serialized_run_metadata));
  return AddEvent(std::move(event));
}

absl::Status EventFileWriter::AddSessionLog(const proto::SessionLog& log, int64_t step) {
  proto::Event event;
  event.set_step(step);
  *event.mutable_session_log() = log;
  return AddEvent(std::move(event));
}

absl::Status EventFileWriter::AddEvent(proto::Event event) {
  if (event.wall_time() == 0) event.set_wall_time(clock_());
  SLUICE_RETURN_IF_ERROR(records_.Append(event.SerializeAsString()));
  ++events_;
  return absl::OkStatus();
}

absl::Status EventFileWriter::Flush() { return records_.Flush(); }

absl::Status EventFileWriter::Close() { return records_.Close(); }

absl::StatusOr<EventFileReader> EventFileReader::Open(FileSystem& fs, const std::string& path) {
  SLUICE_ASSIGN_OR_RETURN(RecordReader records, RecordReader::Open(fs, path));
  return EventFileReader(std::move(records), path);
}

absl::StatusOr<bool> EventFileReader::Next(proto::Event* event) {
  std::string bytes;
  const int64_t offset = records_.offset();
  SLUICE_ASSIGN_OR_RETURN(const bool more, records_.Next(&bytes));
  if (!more) return false;
  if (!event->ParseFromString(bytes)) {
    return absl::DataLossError(
        absl::StrCat(path_, ": record at offset ", offset, " is not an event"));
  }
  return true;
}

}  // namespace sluice
