#include "io/event_files.h"

#include <algorithm>
#include <cstring>
#include <tuple>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/strip.h"
#include "core/dtype.h"
#include "core/status.h"
#include "proto/event.pb.h"
#include "proto/tensor.pb.h"

namespace sluice {
namespace {

constexpr char kMark[] = "tfevents";
constexpr char kVersionMark[] = "brain.Event:";

// "events.out.tfevents.1585769947.host.3" -> (1585769947, "host", 3): a number at the end counts as
// one.
std::tuple<int64_t, std::string, int64_t> SortKey(absl::string_view name) {
  absl::string_view rest = name.substr(name.find(kMark) + std::strlen(kMark));
  absl::ConsumePrefix(&rest, ".");
  int64_t seconds = 0, number = -1;
  const size_t dot = rest.find('.');
  if (absl::SimpleAtoi(rest.substr(0, dot), &seconds))
    rest.remove_prefix(std::min(dot, rest.size()));
  const size_t last = rest.rfind('.');
  if (last != absl::string_view::npos && absl::SimpleAtoi(rest.substr(last + 1), &number))
    rest.remove_suffix(rest.size() - last);
  return {seconds, std::string(rest), number};
}

// The only element of a tensor of that type, from its list or its raw bytes.
template <typename T, typename List>
std::optional<double> OnlyElement(const proto::TensorProto& tensor, const List& list) {
  if (tensor.tensor_content().empty()) {
    if (list.empty()) return 0;
    return static_cast<double>(list.Get(0));
  }
  if (tensor.tensor_content().size() != sizeof(T)) return std::nullopt;
  T value;
  std::memcpy(&value, tensor.tensor_content().data(), sizeof(T));
  return static_cast<double>(value);
}

std::optional<double> NumberIn(const proto::TensorProto& tensor) {
  for (const auto& dim : tensor.tensor_shape().dim())
    if (dim.size() != 1) return std::nullopt;
  switch (tensor.dtype()) {
    case proto::DT_FLOAT:
      return OnlyElement<float>(tensor, tensor.float_val());
    case proto::DT_DOUBLE:
      return OnlyElement<double>(tensor, tensor.double_val());
    case proto::DT_INT32:
      return OnlyElement<int32_t>(tensor, tensor.int_val());
    case proto::DT_INT64:
      return OnlyElement<int64_t>(tensor, tensor.int64_val());
    default:
      return std::nullopt;
  }
}

// Drops what a restarted run has written again.
void Purge(int64_t step, ScalarCurves* curves) {
  for (auto& [tag, points] : *curves) {
    points.erase(std::remove_if(points.begin(), points.end(),
                                [&](const ScalarPoint& p) { return p.step >= step; }),
                 points.end());
  }
}

void AddPoints(const proto::Event& event, const ScalarOptions& options, SummaryKinds* kinds,
               ScalarCurves* curves) {
  for (const proto::Summary::Value& value : event.summary().value()) {
    const bool scalar = kinds->Of(value) == SummaryKind::kScalar;
    if (!scalar || (!options.tag.empty() && value.tag() != options.tag)) continue;
    if (const std::optional<double> number = ScalarOf(value))
      (*curves)[value.tag()].push_back({event.step(), event.wall_time(), *number});
  }
}

}  // namespace

absl::StatusOr<std::vector<std::string>> EventFilesIn(FileSystem& fs, const std::string& logdir) {
  SLUICE_ASSIGN_OR_RETURN(std::vector<std::string> names, fs.List(logdir));
  names.erase(std::remove_if(names.begin(), names.end(),
                             [&](const std::string& name) {
                               return name.find(kMark) == std::string::npos ||
                                      fs.IsDirectory(JoinPath(logdir, name));
                             }),
              names.end());
  std::stable_sort(names.begin(), names.end(), [](const std::string& a, const std::string& b) {
    return SortKey(a) < SortKey(b);
  });
  for (std::string& name : names) name = JoinPath(logdir, name);
  return names;
}

bool IsEventFile(FileSystem& fs, const std::string& path) {
  absl::StatusOr<EventFileReader> reader = EventFileReader::Open(fs, path);
  if (!reader.ok()) return false;
  proto::Event event;
  const absl::StatusOr<bool> more = reader->Next(&event);
  return more.ok() && *more && event.file_version().rfind(kVersionMark, 0) == 0;
}

absl::StatusOr<EventStream> EventStream::Open(FileSystem& fs, const std::string& path) {
  if (!fs.IsDirectory(path)) {
    SLUICE_RETURN_IF_ERROR(fs.Open(path).status());  // missing files are told at once
    return EventStream(fs, {path});
  }
  SLUICE_ASSIGN_OR_RETURN(std::vector<std::string> files, EventFilesIn(fs, path));
  if (files.empty()) return absl::NotFoundError(absl::StrCat(path, ": no event files in it"));
  return EventStream(fs, std::move(files));
}

absl::StatusOr<bool> EventStream::Next(proto::Event* event) {
  while (true) {
    if (!reader_.has_value()) {
      if (next_ == files_.size()) return false;
      SLUICE_ASSIGN_OR_RETURN(reader_, EventFileReader::Open(*fs_, files_[next_++]));
    }
    absl::StatusOr<bool> more = reader_->Next(event);
    if (more.ok() && *more) return true;
    reader_.reset();
    if (!more.ok()) return more.status();
  }
}

const char* SummaryKindName(SummaryKind kind) {
  switch (kind) {
    case SummaryKind::kScalar:
      return "scalar";
    case SummaryKind::kHistogram:
      return "histogram";
    case SummaryKind::kImage:
      return "image";
    case SummaryKind::kAudio:
      return "audio";
    case SummaryKind::kText:
      return "text";
    case SummaryKind::kTensor:
      return "tensor";
    case SummaryKind::kOther:
      return "other";
  }
  return "other";
}

SummaryKind SummaryKinds::Of(const proto::Summary::Value& value) {
  const std::string& named = value.metadata().plugin_data().plugin_name();
  if (!named.empty()) plugins_.emplace(value.tag(), named);
  switch (value.value_case()) {
    case proto::Summary::Value::kSimpleValue:
      return SummaryKind::kScalar;
    case proto::Summary::Value::kHisto:
    case proto::Summary::Value::kObsoleteOldStyleHistogram:
      return SummaryKind::kHistogram;
    case proto::Summary::Value::kImage:
      return SummaryKind::kImage;
    case proto::Summary::Value::kAudio:
      return SummaryKind::kAudio;
    case proto::Summary::Value::kTensor:
      break;
    case proto::Summary::Value::VALUE_NOT_SET:
      return SummaryKind::kOther;
  }
  const auto plugin = plugins_.find(value.tag());
  if (plugin == plugins_.end()) return SummaryKind::kTensor;
  const std::map<std::string, SummaryKind> kKinds = {{"scalars", SummaryKind::kScalar},
                                                     {"histograms", SummaryKind::kHistogram},
                                                     {"images", SummaryKind::kImage},
                                                     {"audio", SummaryKind::kAudio},
                                                     {"text", SummaryKind::kText}};
  const auto kind = kKinds.find(plugin->second);
  return kind == kKinds.end() ? SummaryKind::kTensor : kind->second;
}

std::optional<double> ScalarOf(const proto::Summary::Value& value) {
  if (value.value_case() == proto::Summary::Value::kSimpleValue) return value.simple_value();
  if (value.value_case() == proto::Summary::Value::kTensor) return NumberIn(value.tensor());
  return std::nullopt;
}

absl::StatusOr<ScalarCurves> ReadScalars(FileSystem& fs, const std::string& path,
                                         const ScalarOptions& options, absl::Status* damage) {
  if (damage != nullptr) *damage = absl::OkStatus();
  SLUICE_ASSIGN_OR_RETURN(EventStream stream, EventStream::Open(fs, path));
  ScalarCurves curves;
  SummaryKinds kinds;
  while (true) {
    proto::Event event;
    const absl::StatusOr<bool> more = stream.Next(&event);
    if (!more.ok() && (damage == nullptr || !absl::IsDataLoss(more.status()))) return more.status();
    if (!more.ok()) {
      if (damage->ok()) *damage = more.status();
      continue;
    }
    if (!*more) break;
    if (options.purge && event.session_log().status() == proto::SessionLog::START)
      Purge(event.step(), &curves);
    AddPoints(event, options, &kinds, &curves);
  }
  for (auto it = curves.begin(); it != curves.end();)
    it = it->second.empty() ? curves.erase(it) : std::next(it);
  return curves;
}

}  // namespace sluice
