#include "train/summary_writer.h"

#include <chrono>
#include <utility>

#include "core/status.h"
#include "graph/evaluate.h"
#include "graph/graph_def.h"
#include "graph/proto_io.h"
#include "ops/all_ops.h"
#include "proto/event.pb.h"
#include "proto/graph.pb.h"
#include "proto/meta_graph.pb.h"
#include "proto/run_metadata.pb.h"
#include "train/run_metadata_proto.h"

namespace sluice::train {
namespace {

// `tensor` with dimensions of 1 put before it, up to `rank`.
absl::StatusOr<Tensor> WithRank(const Tensor& tensor, int rank) {
  TensorShape shape = tensor.shape();
  while (shape.rank() < rank) shape.InsertDim(0, 1);
  return tensor.Reshaped(shape);
}

}  // namespace

absl::StatusOr<std::unique_ptr<SummaryWriter>> SummaryWriter::Create(const std::string& logdir,
                                                                     SummaryWriterOptions options) {
  std::unique_ptr<SummaryWriter> writer(new SummaryWriter(logdir, std::move(options)));
  SLUICE_RETURN_IF_ERROR(writer->Reopen());
  if (const Graph* graph = writer->options_.graph) {
    SLUICE_RETURN_IF_ERROR(writer->AddGraph(*graph));
    SLUICE_RETURN_IF_ERROR(writer->AddMetaGraph(*graph));
  }
  return writer;
}

SummaryWriter::~SummaryWriter() { Close().IgnoreError(); }

double SummaryWriter::Now() const {
  if (options_.clock) return options_.clock();
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

absl::StatusOr<EventFileWriter*> SummaryWriter::Open() {
  if (file_ == nullptr)
    return absl::FailedPreconditionError(
        absl::StrCat(logdir_, ": the SummaryWriter is closed; call Reopen()"));
  return file_.get();
}

absl::Status SummaryWriter::Added(absl::Status status) {
  if (status.ok() && Now() - flushed_ >= options_.flush_secs) return Flush();
  return status;
}

absl::Status SummaryWriter::AddSummary(const Tensor& summary, int64_t step) {
  if (summary.dtype() != DType::kString || summary.num_elements() != 1) {
    return absl::InvalidArgumentError(absl::StrCat("a summary is a scalar string, got ",
                                                   DTypeName(summary.dtype()),
                                                   summary.shape().ToString()));
  }
  return AddSummary(summary.flat<std::string>()[0], step);
}

absl::Status SummaryWriter::AddSummary(absl::string_view serialized_summary, int64_t step) {
  SLUICE_ASSIGN_OR_RETURN(EventFileWriter * file, Open());
  proto::Summary summary;
  if (!summary.ParseFromArray(serialized_summary.data(),
                              static_cast<int>(serialized_summary.size()))) {
    return absl::InvalidArgumentError(
        absl::StrCat(serialized_summary.size(), " bytes that are not a Summary message"));
  }
  for (proto::Summary::Value& value : *summary.mutable_value()) {
    if (value.has_metadata() && !seen_tags_.insert(value.tag()).second) value.clear_metadata();
  }
  return Added(file->AddSummary(summary, step));
}

absl::Status SummaryWriter::AddScalar(absl::string_view tag, float value, int64_t step) {
  SLUICE_ASSIGN_OR_RETURN(EventFileWriter * file, Open());
  return Added(file->AddScalar(tag, value, step));
}

absl::Status SummaryWriter::AddHistogram(absl::string_view tag, const Tensor& values,
                                         int64_t step) {
  SLUICE_ASSIGN_OR_RETURN(EventFileWriter * file, Open());
  return Added(file->AddHistogram(tag, values, step));
}

// The op's own kernel makes the message, so that both ways give the same bytes.
absl::Status SummaryWriter::AddMedia(const char* op, const AttrMap& attrs, absl::string_view tag,
                                     const std::vector<Tensor>& inputs, int64_t step) {
  SLUICE_RETURN_IF_ERROR(Open().status());
  const OpSpec* spec = ops::Builtin().Find(op);
  absl::StatusOr<std::vector<Tensor>> summary = EvaluateOp(*spec, attrs, inputs);
  if (!summary.ok())
    return Annotate(summary.status(), absl::StrCat("summary '", Printable(tag), "'"));
  return AddSummary((*summary)[0], step);
}

absl::Status SummaryWriter::AddImage(absl::string_view tag, const Tensor& image, int64_t step,
                                     int64_t max_images) {
  SLUICE_ASSIGN_OR_RETURN(const Tensor images, WithRank(image, 4));
  const int64_t most = image.shape().rank() < 4 ? 1 : max_images;
  return AddMedia("ImageSummary", {{"max_images", most}, {"T", image.dtype()}}, tag,
                  {Tensor::Scalar<std::string>(std::string(tag)), images}, step);
}

absl::Status SummaryWriter::AddAudio(absl::string_view tag, const Tensor& samples,
                                     float sample_rate, int64_t step, int64_t max_outputs) {
  Tensor clips = samples;
  if (samples.shape().rank() == 1) {
    SLUICE_ASSIGN_OR_RETURN(clips, samples.Reshaped({samples.dim(0), 1}));
  }
  const int64_t most = clips.shape().rank() < 3 ? 1 : max_outputs;
  SLUICE_ASSIGN_OR_RETURN(clips, WithRank(clips, 3));
  return AddMedia(
      "AudioSummaryV2", {{"max_outputs", most}}, tag,
      {Tensor::Scalar<std::string>(std::string(tag)), clips, Tensor::Scalar<float>(sample_rate)},
      step);
}

absl::Status SummaryWriter::AddText(absl::string_view tag, const Tensor& strings, int64_t step) {
  SLUICE_ASSIGN_OR_RETURN(EventFileWriter * file, Open());
  return Added(file->AddText(tag, strings, step));
}

absl::Status SummaryWriter::AddText(absl::string_view tag, absl::string_view text, int64_t step) {
  SLUICE_ASSIGN_OR_RETURN(EventFileWriter * file, Open());
  return Added(file->AddText(tag, text, step));
}

absl::Status SummaryWriter::AddGraph(const Graph& graph, int64_t step) {
  SLUICE_ASSIGN_OR_RETURN(EventFileWriter * file, Open());
  proto::GraphDef def;
  SLUICE_RETURN_IF_ERROR(ToGraphDef(graph, &def, {.add_shapes = true}));
  SLUICE_ASSIGN_OR_RETURN(const std::string bytes, SerializeMessage(def));
  return Added(file->AddGraph(bytes, step));
}

absl::Status SummaryWriter::AddMetaGraph(const Graph& graph, int64_t step) {
  SLUICE_ASSIGN_OR_RETURN(EventFileWriter * file, Open());
  proto::MetaGraphDef def;
  SLUICE_RETURN_IF_ERROR(ToMetaGraphDef(graph, &def));
  SLUICE_ASSIGN_OR_RETURN(const std::string bytes, SerializeMetaGraphDef(def));
  return Added(file->AddMetaGraph(bytes, step));
}

absl::Status SummaryWriter::AddRunMetadata(const RunMetadata& run, absl::string_view tag,
                                           int64_t step) {
  SLUICE_ASSIGN_OR_RETURN(EventFileWriter * file, Open());
  if (!run_tags_.insert(std::string(tag)).second) {
    return absl::InvalidArgumentError(
        absl::StrCat("The provided tag was already used for this event type: ", Printable(tag)));
  }
  proto::RunMetadata message;
  ToProto(run, &message);
  SLUICE_ASSIGN_OR_RETURN(const std::string bytes, SerializeMessage(message));
  return Added(file->AddRunMetadata(bytes, tag, step));
}

absl::Status SummaryWriter::AddSessionLog(SessionStatus status, int64_t step,
                                          absl::string_view checkpoint_path,
                                          absl::string_view msg) {
  SLUICE_ASSIGN_OR_RETURN(EventFileWriter * file, Open());
  proto::SessionLog log;
  log.set_status(static_cast<proto::SessionLog::SessionStatus>(status));
  log.set_checkpoint_path(std::string(checkpoint_path));
  log.set_msg(std::string(msg));
  return Added(file->AddSessionLog(log, step));
}

absl::Status SummaryWriter::Flush() {
  SLUICE_ASSIGN_OR_RETURN(EventFileWriter * file, Open());
  flushed_ = Now();
  return file->Flush();
}

absl::Status SummaryWriter::Close() {
  if (file_ == nullptr) return absl::OkStatus();
  const std::unique_ptr<EventFileWriter> file = std::move(file_);
  return file->Close();
}

absl::Status SummaryWriter::Reopen() {
  if (file_ != nullptr) return absl::OkStatus();
  SLUICE_ASSIGN_OR_RETURN(file_,
                          EventFileWriter::Create(*options_.fs, logdir_,
                                                  {.filename_suffix = options_.filename_suffix,
                                                   .clock = options_.clock,
                                                   .host = options_.host}));
  path_ = file_->path();
  flushed_ = Now();
  seen_tags_.clear();
  return absl::OkStatus();
}

}  // namespace sluice::train
