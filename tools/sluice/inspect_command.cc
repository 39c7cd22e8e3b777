// sluice inspect: what is in a graph, a checkpoint or event files.
#include <algorithm>
#include <cstdio>
#include <map>
#include <set>
#include <variant>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "core/file.h"
#include "core/status.h"
#include "graph/graph.h"
#include "ops/all_ops.h"
#include "tools/sluice/commands.h"
#include "tools/sluice/graph_job.h"
#include "tools/sluice/inspect.h"
#include "tools/sluice/json.h"
#include "tools/sluice/scope_tree.h"

namespace sluice::tools {
namespace {

struct GraphSummary {
  std::vector<std::pair<std::string, std::string>> nodes;  // name, op
  std::map<std::string, int> ops;
  std::set<std::string> unknown_ops;
  std::vector<Entry> placeholders, variables;
  std::map<std::string, std::vector<std::string>> collections;  // what to call the items
  int64_t constant_elements = 0;  // of floating constants: the parameters of a frozen graph
};

// The shape of a variable's node is an attribute, the dtype too.
Entry VariableEntry(const Node& node) {
  Entry entry{node.name(), DType::kInvalid, TensorShape::Unknown()};
  if (const AttrValue* dtype = FindAttr(node.attrs(), "dtype"); dtype && dtype->get_if<DType>())
    entry.dtype = *dtype->get_if<DType>();
  if (const AttrValue* shape = FindAttr(node.attrs(), "shape");
      shape && shape->get_if<TensorShape>())
    entry.shape = *shape->get_if<TensorShape>();
  return entry;
}

// An item of a collection as the report shows it.
struct ItemName {
  std::string operator()(const Output& item) const { return item.name(); }
  std::string operator()(const Variable& item) const { return item.name(); }
  std::string operator()(int64_t item) const { return absl::StrCat(item); }
  std::string operator()(float item) const { return absl::StrCat(item); }
  // Bytes may be a name or a serialized message.
  std::string operator()(const std::string& item) const {
    const bool text = std::all_of(item.begin(), item.end(), absl::ascii_isprint);
    return text ? item : absl::StrCat("<", item.size(), " bytes>");
  }
};

GraphSummary Summarize(const Graph& graph) {
  GraphSummary summary;
  for (int id = 0; id < graph.num_nodes(); ++id) {
    const Node& node = *graph.node(id);
    summary.nodes.emplace_back(node.name(), node.op());
    ++summary.ops[node.op()];
    if (node.spec().opaque()) summary.unknown_ops.insert(node.op());
    if (node.spec().must_be_fed() || node.op() == "PlaceholderWithDefault") {
      summary.placeholders.push_back({node.name(), node.output_dtype(0), node.output_shape(0)});
    }
    if (node.op() == "VarHandleOp" || node.op() == "VariableV2" || node.op() == "Variable")
      summary.variables.push_back(VariableEntry(node));
    if (node.op() == "Const" && IsFloating(node.output_dtype(0)))
      summary.constant_elements += std::max<int64_t>(0, node.output_shape(0).num_elements());
  }
  for (const std::string& key : graph.CollectionKeys()) {
    std::vector<std::string>& names = summary.collections[key];
    for (const CollectionItem& item : graph.GetCollection(key))
      names.push_back(std::visit(ItemName(), item));
  }
  return summary;
}

void PrintEntries(const char* title, const std::vector<Entry>& entries) {
  if (entries.empty()) return;
  std::printf("\n%s (%zu)\n", title, entries.size());
  for (const Entry& e : entries)
    std::printf("  %s  %s%s\n", e.name.c_str(), DTypeName(e.dtype).c_str(),
                e.shape.ToString().c_str());
}

void PrintGraph(const GraphSummary& s) {
  std::printf("%zu nodes, %zu op types\n", s.nodes.size(), s.ops.size());
  std::vector<std::pair<int, std::string>> by_count;
  for (const auto& [op, count] : s.ops) by_count.emplace_back(-count, op);
  std::sort(by_count.begin(), by_count.end());
  for (const auto& [negative, op] : by_count) {
    std::printf("  %6d  %s%s\n", -negative, Printable(op).c_str(),
                s.unknown_ops.count(op) ? "  (not known here: cannot run)" : "");
  }
  PrintEntries("placeholders", s.placeholders);
  PrintTree("variables", s.variables);
  if (!s.collections.empty()) std::printf("\ncollections (%zu)\n", s.collections.size());
  for (const auto& [key, names] : s.collections) {
    std::printf("  %s  %zu\n", Printable(key).c_str(), names.size());
    for (const std::string& name : names)
      std::printf("    %s\n", absl::Utf8SafeCEscape(name).c_str());
  }
  std::printf("\nparameters: %lld in variables, %lld in floating constants\n",
              static_cast<long long>(CountElements(s.variables)),
              static_cast<long long>(s.constant_elements));
}

std::string GraphJson(const GraphSummary& s) {
  Json nodes = Json::Array(), ops = Json::Object(), counts = Json::Object(),
       collections = Json::Object(), unknown = Json::Array();
  for (const auto& [name, op] : s.nodes) nodes.Add(Json::Object().Set("name", name).Set("op", op));
  for (const auto& [op, count] : s.ops) ops.Set(op, int64_t{count});
  for (const auto& [key, names] : s.collections) {
    Json items = Json::Array();
    for (const std::string& name : names) items.Add(name);
    counts.Set(key, static_cast<int64_t>(names.size()));
    collections.Set(key, items);
  }
  for (const std::string& op : s.unknown_ops) unknown.Add(op);
  return Json::Object()
      .Set("nodes", nodes)
      .Set("ops", ops)
      .Set("unknown_ops", unknown)
      .Set("placeholders", EntriesJson(s.placeholders))
      .Set("variables", EntriesJson(s.variables))
      .Set("collections", counts)
      .Set("collection_items", collections)
      .Set("scopes", ScopesJson(s.variables))
      .Set("parameters", CountElements(s.variables))
      .Set("constant_parameters", s.constant_elements)
      .text();
}

absl::Status InspectGraph(const std::string& path, bool json) {
  Graph graph(ops::Builtin());
  SLUICE_RETURN_IF_ERROR(LoadGraph(path, &graph));
  const GraphSummary summary = Summarize(graph);
  if (json) {
    std::printf("%s\n", GraphJson(summary).c_str());
  } else {
    PrintGraph(summary);
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status InspectCommand(const std::vector<std::string>& args) {
  const absl::StatusOr<CommandLine> line = CommandLine::Parse(
      args, GraphJob::WithLimits({{"json", false, false}, {"trace", true, false}}));
  if (!line.ok()) return UsageError(line.status().message());
  if (line->positional().size() != 1)
    return UsageError(absl::StrCat("expected one graph file or checkpoint prefix, got ",
                                   line->positional().size(), " arguments"));
  SLUICE_RETURN_IF_ERROR(GraphJob::ReadLimits(*line).status());
  const std::string path = line->positional()[0];
  const bool json = line->Has("json");
  if (HoldsSavedModel(path) && !line->Has("trace")) return InspectSavedModel(path, json);
  if (HoldsEvents(path)) return InspectEvents(path, json, line->Get("trace", ""));
  if (line->Has("trace"))
    return UsageError("--trace is for event files, which hold runs; a graph: sluice profile");
  if (HoldsTensors(path)) return InspectTensors(path, json);
  if (absl::EndsWith(path, ".index") || !FileSystem::Default().Exists(path)) {
    return absl::NotFoundError(absl::StrCat(
        "neither a graph file nor a checkpoint prefix (PREFIX.index): ", absl::CHexEscape(path)));
  }
  return InspectGraph(path, json);
}

}  // namespace sluice::tools
