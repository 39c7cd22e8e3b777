#include "tools/sluice/event_summary.h"

#include <algorithm>
#include <cmath>
#include <optional>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/time.h"
#include "core/status.h"
#include "io/event_files.h"
#include "proto/event.pb.h"
#include "proto/graph.pb.h"
#include "proto/meta_graph.pb.h"
#include "proto/run_metadata.pb.h"
#include "tools/sluice/json.h"

namespace sluice::tools {
namespace {

const char* KindOf(const proto::Event& event) {
  switch (event.what_case()) {
    case proto::Event::kFileVersion:
      return "file_version";
    case proto::Event::kGraphDef:
      return "graph_def";
    case proto::Event::kSummary:
      return "summary";
    case proto::Event::kLogMessage:
      return "log_message";
    case proto::Event::kSessionLog:
      return "session_log";
    case proto::Event::kTaggedRunMetadata:
      return "tagged_run_metadata";
    case proto::Event::kMetaGraphDef:
      return "meta_graph_def";
    case proto::Event::WHAT_NOT_SET:
      break;
  }
  return "empty";
}

void AddValue(const proto::Summary::Value& value, const std::string& kind, int64_t step,
              EventSummary* summary) {
  TagSummary& tag = summary->tags[kind][value.tag().empty() ? value.node_name() : value.tag()];
  if (tag.values++ == 0) tag.first_step = step;
  tag.last_step = step;
  const std::optional<double> number = ScalarOf(value);
  if (!number.has_value()) return;
  tag.last = *number;
  if (std::isnan(*number)) return;
  tag.min = std::min(tag.min, *number);
  tag.max = std::max(tag.max, *number);
}

// -1 nodes: bytes that are no graph.
EventSummary::Graph GraphIn(const proto::Event& event) {
  EventSummary::Graph graph{!event.meta_graph_def().empty(), event.step(), -1};
  if (graph.meta) {
    proto::MetaGraphDef def;
    if (def.ParseFromString(event.meta_graph_def())) graph.nodes = def.graph_def().node_size();
  } else {
    proto::GraphDef def;
    if (def.ParseFromString(event.graph_def())) graph.nodes = def.node_size();
  }
  return graph;
}

EventSummary::Run RunIn(const proto::Event& event) {
  const proto::TaggedRunMetadata& tagged = event.tagged_run_metadata();
  EventSummary::Run run{tagged.tag(), event.step(), 0, 0, tagged.run_metadata()};
  proto::RunMetadata message;
  if (!message.ParseFromString(run.bytes)) run.nodes = -1;
  for (const proto::DeviceStepStats& device : message.step_stats().dev_stats()) {
    ++run.devices;
    run.nodes += device.node_stats_size();
  }
  return run;
}

void AddTimes(const proto::Event& event, EventSummary* summary) {
  if (summary->events++ == 0) {
    summary->first_step = summary->last_step = event.step();
    summary->first_time = summary->last_time = event.wall_time();
  }
  summary->first_step = std::min(summary->first_step, event.step());
  summary->last_step = std::max(summary->last_step, event.step());
  summary->first_time = std::min(summary->first_time, event.wall_time());
  summary->last_time = std::max(summary->last_time, event.wall_time());
}

void AddEvent(const proto::Event& event, SummaryKinds* kinds, EventSummary* summary) {
  AddTimes(event, summary);
  const std::string kind = KindOf(event);
  ++summary->kinds[kind];
  for (const proto::Summary::Value& value : event.summary().value())
    AddValue(value, SummaryKindName(kinds->Of(value)), event.step(), summary);
  if (kind == "graph_def" || kind == "meta_graph_def") summary->graphs.push_back(GraphIn(event));
  if (kind == "tagged_run_metadata") summary->runs.push_back(RunIn(event));
  if (kind == "session_log") {
    const proto::SessionLog& log = event.session_log();
    const std::string& status = proto::SessionLog::SessionStatus_Name(log.status());
    summary->logs.push_back({status.empty() ? absl::StrCat(log.status()) : status,
                             log.checkpoint_path(), log.msg(), event.step()});
  }
}

std::string TimeText(double seconds) {
  if (!std::isfinite(seconds) || std::abs(seconds) > 1e11) return absl::StrCat(seconds);
  return absl::FormatTime("%Y-%m-%d %H:%M:%S", absl::FromUnixMicros(std::llround(seconds * 1e6)),
                          absl::UTCTimeZone());
}

std::string Steps(const TagSummary& tag) {
  return tag.first_step == tag.last_step
             ? absl::StrCat("step ", tag.first_step)
             : absl::StrCat("steps ", tag.first_step, " to ", tag.last_step);
}

void AppendTags(const std::string& kind, const std::map<std::string, TagSummary>& tags,
                std::string* text) {
  int64_t values = 0;
  size_t width = 0;
  for (const auto& [name, tag] : tags) {
    values += tag.values;
    width = std::max(width, std::min<size_t>(Printable(name).size(), 48));
  }
  absl::StrAppend(text, "\n", kind, ": ", tags.size(), tags.size() == 1 ? " tag, " : " tags, ",
                  values, values == 1 ? " value\n" : " values\n");
  for (const auto& [name, tag] : tags) {
    absl::StrAppendFormat(text, "  %-*s  %6d  %s", static_cast<int>(width), Printable(name),
                          tag.values, Steps(tag));
    if (kind == "scalar")
      absl::StrAppendFormat(text, "  min %.6g  max %.6g  last %.6g", tag.min, tag.max, tag.last);
    absl::StrAppend(text, "\n");
  }
}

std::string NodesText(int64_t nodes) {
  return nodes < 0 ? "damaged" : absl::StrCat(nodes, nodes == 1 ? " node" : " nodes");
}

Json TagJson(const TagSummary& tag, bool scalar) {
  Json json = Json::Object()
                  .Set("values", tag.values)
                  .Set("first_step", tag.first_step)
                  .Set("last_step", tag.last_step);
  if (scalar)
    json.Set("min", Json::Precise(tag.min))
        .Set("max", Json::Precise(tag.max))
        .Set("last", Json::Precise(tag.last));
  return json;
}

Json FilesJson(const EventSummary& s) {
  Json files = Json::Array();
  for (const EventSummary::File& f : s.files)
    files.Add(Json::Object()
                  .Set("path", f.path)
                  .Set("events", f.events)
                  .Set("damage", f.damage.empty() ? Json::Null() : Json(f.damage)));
  return files;
}

}  // namespace

absl::StatusOr<EventSummary> SummarizeEvents(FileSystem& fs, const std::string& path) {
  SLUICE_ASSIGN_OR_RETURN(EventStream stream, EventStream::Open(fs, path));
  EventSummary summary;
  for (const std::string& file : stream.files()) summary.files.push_back({file, 0, ""});
  const auto current = [&]() -> EventSummary::File& {
    return *std::find_if(summary.files.begin(), summary.files.end(),
                         [&](const EventSummary::File& f) { return f.path == stream.file(); });
  };
  SummaryKinds kinds;
  while (true) {
    proto::Event event;
    const absl::StatusOr<bool> more = stream.Next(&event);
    if (more.ok() && !*more) return summary;
    if (more.ok()) {
      ++current().events;
      AddEvent(event, &kinds, &summary);
    } else {
      current().damage = std::string(more.status().message());
      if (summary.damage.ok()) summary.damage = more.status();
    }
  }
}

std::string ToText(const EventSummary& s) {
  std::string text = absl::StrCat(s.events, " events in ", s.files.size(),
                                  s.files.size() == 1 ? " file" : " files", ", steps ",
                                  s.first_step, " to ", s.last_step, ", ", TimeText(s.first_time),
                                  " to ", TimeText(s.last_time), " UTC\n");
  for (const EventSummary::File& f : s.files)
    absl::StrAppend(&text, "  ", f.path, "  ", f.events, f.damage.empty() ? "" : "  (damaged)",
                    "\n");
  absl::StrAppend(&text, "\n");
  for (const auto& [kind, count] : s.kinds) absl::StrAppendFormat(&text, "%8d  %s\n", count, kind);
  for (const auto& [kind, tags] : s.tags) AppendTags(kind, tags, &text);
  if (!s.graphs.empty()) absl::StrAppend(&text, "\ngraphs: ", s.graphs.size(), "\n");
  for (const EventSummary::Graph& g : s.graphs)
    absl::StrAppend(&text, "  ", g.meta ? "meta graph" : "graph", "  step ", g.step, "  ",
                    NodesText(g.nodes), "\n");
  if (!s.runs.empty()) absl::StrAppend(&text, "\nrun metadata: ", s.runs.size(), "\n");
  for (const EventSummary::Run& r : s.runs)
    absl::StrAppend(&text, "  ", Printable(r.tag), "  step ", r.step, "  ", NodesText(r.nodes),
                    " on ", r.devices, r.devices == 1 ? " device\n" : " devices\n");
  if (!s.logs.empty()) absl::StrAppend(&text, "\nsession log: ", s.logs.size(), "\n");
  for (const EventSummary::Log& l : s.logs)
    absl::StrAppend(&text, "  ", l.status, "  step ", l.step, "  ", Printable(l.checkpoint_path),
                    l.msg.empty() ? "" : "  ", Printable(l.msg), "\n");
  return text;
}

std::string ToJson(const EventSummary& s) {
  Json kinds = Json::Object(), values = Json::Object(), graphs = Json::Array(),
       runs = Json::Array(), logs = Json::Array();
  for (const auto& [kind, count] : s.kinds) kinds.Set(kind, count);
  for (const auto& [kind, tags] : s.tags) {
    Json of_kind = Json::Object();
    for (const auto& [name, tag] : tags) of_kind.Set(name, TagJson(tag, kind == "scalar"));
    values.Set(kind, of_kind);
  }
  for (const EventSummary::Graph& g : s.graphs)
    graphs.Add(Json::Object()
                   .Set("kind", g.meta ? "meta_graph_def" : "graph_def")
                   .Set("step", g.step)
                   .Set("nodes", g.nodes));
  for (const EventSummary::Run& r : s.runs)
    runs.Add(Json::Object()
                 .Set("tag", r.tag)
                 .Set("step", r.step)
                 .Set("nodes", r.nodes)
                 .Set("devices", r.devices));
  for (const EventSummary::Log& l : s.logs)
    logs.Add(Json::Object()
                 .Set("status", l.status)
                 .Set("step", l.step)
                 .Set("checkpoint_path", l.checkpoint_path)
                 .Set("msg", l.msg));
  return Json::Object()
      .Set("files", FilesJson(s))
      .Set("events", s.events)
      .Set("first_step", s.first_step)
      .Set("last_step", s.last_step)
      .Set("first_wall_time", Json::Precise(s.first_time))
      .Set("last_wall_time", Json::Precise(s.last_time))
      .Set("kinds", kinds)
      .Set("values", values)
      .Set("graphs", graphs)
      .Set("run_metadata", runs)
      .Set("session_log", logs)
      .text();
}

}  // namespace sluice::tools
