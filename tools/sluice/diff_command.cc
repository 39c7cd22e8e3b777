// sluice diff: two graphs, a graph and a checkpoint, or two checkpoints.
#include <cstdio>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "core/file.h"
#include "core/status.h"
#include "graph/graph_def.h"
#include "graph/node.h"
#include "graph/variable.h"
#include "ops/all_ops.h"
#include "proto/graph.pb.h"
#include "proto/meta_graph.pb.h"
#include "tools/sluice/checkpoint_values.h"
#include "tools/sluice/command_line.h"
#include "tools/sluice/commands.h"
#include "tools/sluice/graph_diff.h"
#include "tools/sluice/graph_job.h"
#include "tools/sluice/json.h"
#include "train/checkpoint_diff.h"
#include "train/checkpoint_reader.h"
#include "train/saved_model_files.h"
#include "train/saver.h"

namespace sluice::tools {
namespace {

using train::CheckpointDiff;
using train::CheckpointReader;
using train::TensorFact;

constexpr size_t kLinesShown = 50;  // of each list, without --json

// What one of the two arguments is.
struct Side {
  std::string path;
  proto::MetaGraphDef meta;  // a graph is in it
  bool has_collections = false;
  std::optional<CheckpointReader> checkpoint;  // in place of a graph
};

bool IsGraphName(const std::string& path) {
  return absl::EndsWith(path, ".pb") || absl::EndsWith(path, ".pbtxt") ||
         absl::EndsWith(path, ".meta") || absl::EndsWith(path, ".meta.txt");
}

absl::Status ReadGraphFile(Side* side) {
  const std::string& path = side->path;
  SLUICE_ASSIGN_OR_RETURN(const std::string bytes, FileSystem::Default().ReadAll(path));
  const bool text = absl::EndsWith(path, ".pbtxt") || absl::EndsWith(path, ".meta.txt");
  side->has_collections = absl::EndsWith(path, ".meta") || absl::EndsWith(path, ".meta.txt");
  if (side->has_collections) return Annotate(ParseMetaGraphDef(bytes, text, &side->meta), path);
  const absl::Status parsed = ParseGraphDef(bytes, text, side->meta.mutable_graph_def());
  if (parsed.ok() || !text) return Annotate(parsed, path);
  proto::MetaGraphDef meta;
  if (!ParseMetaGraphDef(bytes, true, &meta).ok()) return Annotate(parsed, path);
  side->meta.Swap(&meta);
  side->has_collections = true;
  return absl::OkStatus();
}

absl::Status ReadModel(const std::string& directory, const std::string& tags_text, Side* side) {
  proto::SavedModel model;
  SLUICE_RETURN_IF_ERROR(ReadSavedModel(FileSystem::Default(), directory, &model));
  TagSet tags = absl::StrSplit(tags_text.empty() ? "serve" : tags_text, ',', absl::SkipEmpty());
  const std::vector<TagSet> sets = TagSets(model);
  if (tags_text.empty() && sets.size() == 1) tags = sets[0];
  absl::StatusOr<proto::MetaGraphDef*> meta = FindMetaGraph(tags, &model);
  SLUICE_RETURN_IF_ERROR(Annotate(meta.status(), directory));
  side->meta.Swap(*meta);
  side->has_collections = true;
  return absl::OkStatus();
}

absl::Status ReadSide(const std::string& path, const std::string& tags, Side* side) {
  FileSystem& fs = FileSystem::Default();
  side->path = path;
  const bool model_file =
      BaseName(path) == "saved_model.pb" || BaseName(path) == "saved_model.pbtxt";
  const std::string directory = model_file ? DirectoryOf(path) : path;
  if (fs.IsDirectory(directory) && IsSavedModel(fs, directory))
    return ReadModel(directory, tags, side);
  const bool file = fs.Exists(path) && !fs.IsDirectory(path);
  if (file && IsGraphName(path)) return ReadGraphFile(side);
  absl::StatusOr<CheckpointReader> reader = CheckpointReader::Open(path);
  if (reader.ok()) {
    side->checkpoint.emplace(*std::move(reader));
    return absl::OkStatus();
  }
  if (!absl::IsNotFound(reader.status()) && !file) return reader.status();
  if (file) return ReadGraphFile(side);
  return absl::NotFoundError(absl::StrCat("neither a graph file, a SavedModel nor a checkpoint: ",
                                          absl::CHexEscape(path)));
}

// --- graph and graph ---

const char* Verdict(const GraphDiff& diff) {
  if (diff.equal()) return "equal";
  return diff.same_structure() ? "equal up to renaming" : "different";
}

std::string NodeText(const GraphDiff::Pair& nodes) {
  if (nodes.a == nodes.b) return Printable(nodes.a);
  return absl::StrCat(Printable(nodes.a), " | ", Printable(nodes.b));
}

void PrintMore(size_t all) {
  if (all > kLinesShown) std::printf("  ... and %zu more\n", all - kLinesShown);
}

void PrintOnly(const char* where, const std::vector<std::pair<std::string, std::string>>& nodes) {
  if (nodes.empty()) return;
  std::printf("only in %s (%zu)\n", where, nodes.size());
  for (size_t i = 0; i < std::min(nodes.size(), kLinesShown); ++i)
    std::printf("  %s (%s)\n", Printable(nodes[i].first).c_str(),
                Printable(nodes[i].second).c_str());
  PrintMore(nodes.size());
}

void PrintGraphDiff(const GraphDiff& diff) {
  std::printf("%s: %d nodes have a counterpart\n", Verdict(diff), diff.matched);
  PrintOnly("A", diff.only_a);
  PrintOnly("B", diff.only_b);
  if (!diff.changes.empty()) std::printf("changed (%zu)\n", diff.changes.size());
  for (size_t i = 0; i < std::min(diff.changes.size(), kLinesShown); ++i) {
    const GraphDiff::Change& change = diff.changes[i];
    std::printf("  %s: %s: %s | %s\n", NodeText(change.nodes).c_str(), change.what.c_str(),
                change.a.empty() ? "(none)" : Printable(change.a).c_str(),
                change.b.empty() ? "(none)" : Printable(change.b).c_str());
  }
  PrintMore(diff.changes.size());
  if (diff.library_differs) std::printf("the function libraries differ\n");
  if (!diff.renamed.empty()) std::printf("renamed (%zu)\n", diff.renamed.size());
  for (const GraphDiff::Scope& scope : diff.scopes)
    std::printf("  scope '%s' -> '%s': %d nodes\n", Printable(scope.a).c_str(),
                Printable(scope.b).c_str(), scope.nodes);
  for (size_t i = 0; i < std::min(diff.renamed.size(), kLinesShown); ++i)
    std::printf("  %s -> %s\n", Printable(diff.renamed[i].a).c_str(),
                Printable(diff.renamed[i].b).c_str());
  PrintMore(diff.renamed.size());
}

Json NodesJson(const std::vector<std::pair<std::string, std::string>>& nodes) {
  Json list = Json::Array();
  for (const auto& [name, op] : nodes) list.Add(Json::Object().Set("name", name).Set("op", op));
  return list;
}

std::string GraphDiffJson(const GraphDiff& diff) {
  Json changes = Json::Array(), renamed = Json::Array(), scopes = Json::Array();
  for (const GraphDiff::Change& change : diff.changes)
    changes.Add(Json::Object()
                    .Set("node_a", change.nodes.a)
                    .Set("node_b", change.nodes.b)
                    .Set("what", change.what)
                    .Set("a", change.a)
                    .Set("b", change.b));
  for (const GraphDiff::Pair& pair : diff.renamed)
    renamed.Add(Json::Object().Set("a", pair.a).Set("b", pair.b));
  for (const GraphDiff::Scope& scope : diff.scopes)
    scopes.Add(
        Json::Object().Set("a", scope.a).Set("b", scope.b).Set("nodes", int64_t{scope.nodes}));
  return Json::Object()
      .Set("kind", "graphs")
      .Set("verdict", Verdict(diff))
      .Set("matched", int64_t{diff.matched})
      .Set("only_in_a", NodesJson(diff.only_a))
      .Set("only_in_b", NodesJson(diff.only_b))
      .Set("changed", changes)
      .Set("renamed", renamed)
      .Set("scopes", scopes)
      .Set("libraries_differ", Json::Bool(diff.library_differs))
      .text();
}

absl::Status Differ(const std::string& a, const std::string& b) {
  return absl::FailedPreconditionError(
      absl::StrCat(Printable(a), " and ", Printable(b), " differ"));
}

absl::Status DiffTwoGraphs(const Side& a, const Side& b, bool json) {
  SLUICE_ASSIGN_OR_RETURN(const GraphDiff diff,
                          DiffGraphs(a.meta.graph_def(), b.meta.graph_def(), ops::Builtin(),
                                     absl::CHexEscape(a.path), absl::CHexEscape(b.path)));
  if (json) {
    std::printf("%s\n", GraphDiffJson(diff).c_str());
  } else {
    PrintGraphDiff(diff);
  }
  return diff.same_structure() ? absl::OkStatus() : Differ(a.path, b.path);
}

// --- tensors ---

// What a checkpoint holds of a model: not what the file says about itself.
std::vector<TensorFact> Held(const CheckpointReader& reader) {
  std::vector<TensorFact> facts;
  for (const BundleTensor& entry : reader.entries()) {
    if (entry.name == train::kRandomRunKey || entry.name == "_CHECKPOINTABLE_OBJECT_GRAPH")
      continue;
    facts.push_back({entry.name, entry.dtype, entry.shape});
  }
  return facts;
}

// The variables of a graph as a checkpoint calls them: of a MetaGraph, those of its collections, or
// the tensors that they are parts of; else the nodes.
std::vector<TensorFact> Wanted(const Graph& graph) {
  std::vector<TensorFact> facts;
  std::set<std::string> seen;
  for (const Variable& v : graph.GlobalVariables()) {
    if (v.is_partitioned()) continue;
    TensorFact fact{v.handle().node()->name(), v.dtype(), v.shape()};
    if (const auto& part = v.data().save_slice_info; part.has_value()) {
      fact.name = part->full_name;
      fact.shape = part->full_shape;
    }
    if (seen.insert(fact.name).second) facts.push_back(fact);
  }
  if (!facts.empty()) return facts;
  for (int id = 0; id < graph.num_nodes(); ++id) {
    const Node& node = *graph.node(id);
    if (node.op() != "VarHandleOp" && node.op() != "VariableV2" && node.op() != "Variable")
      continue;
    facts.push_back({node.name(), node.attr<DType>("dtype"), node.attr<TensorShape>("shape")});
  }
  return facts;
}

Json FactsJson(const std::vector<TensorFact>& facts) {
  Json list = Json::Array();
  for (const TensorFact& fact : facts)
    list.Add(Json::Object()
                 .Set("name", fact.name)
                 .Set("dtype", DTypeName(fact.dtype))
                 .Set("shape", ShapeJson(fact.shape)));
  return list;
}

// Members for names, dtypes and shapes. A: what is wanted.
Json TensorsJson(const char* kind, const CheckpointDiff& diff, bool equal) {
  Json mismatched = Json::Array(), guesses = Json::Array();
  for (const CheckpointDiff::Pair& pair : diff.mismatched)
    mismatched.Add(Json::Object()
                       .Set("name", pair.wanted.name)
                       .Set("a", pair.wanted.Describe())
                       .Set("b", pair.held.Describe()));
  for (const train::RenameGuess& guess : diff.guesses)
    guesses.Add(
        Json::Object().Set("from", guess.from).Set("to", guess.to).Set("tensors", guess.count));
  Json json = Json::Object();
  json.Set("kind", kind)
      .Set("verdict", equal ? "equal" : "different")
      .Set("same", static_cast<int64_t>(diff.same.size()))
      .Set("only_in_a", FactsJson(diff.missing))
      .Set("only_in_b", FactsJson(diff.extra))
      .Set("mismatched", mismatched)
      .Set("renames", guesses);
  return json;
}

absl::Status DiffGraphAndCheckpoint(const Side& graph_side, const Side& checkpoint, bool json) {
  Graph graph(ops::Builtin());
  const absl::Status imported = graph_side.has_collections
                                    ? ImportMetaGraph(graph_side.meta, &graph)
                                    : ImportGraphDef(graph_side.meta.graph_def(), &graph).status();
  SLUICE_RETURN_IF_ERROR(Annotate(imported, graph_side.path));
  const CheckpointDiff diff = train::DiffTensors(Wanted(graph), Held(*checkpoint.checkpoint));
  if (json) {
    std::printf("%s\n", TensorsJson("graph and checkpoint", diff, diff.equal()).text().c_str());
  } else if (diff.equal()) {
    std::printf("equal: %zu variables\n", diff.same.size());
  } else {
    std::printf("different: %zu variables agree\n%s", diff.same.size(),
                train::ToText(diff).c_str());
  }
  return diff.equal() ? absl::OkStatus() : Differ(graph_side.path, checkpoint.path);
}

// --- checkpoint and checkpoint ---

struct ValueRow {
  TensorFact fact;
  ValueDiff diff;
};

// Of the tensors that both hold, those whose values differ.
absl::StatusOr<std::vector<ValueRow>> DifferentValues(const CheckpointReader& a,
                                                      const CheckpointReader& b,
                                                      const CheckpointDiff& diff) {
  std::vector<ValueRow> rows;
  for (const TensorFact& fact : diff.same) {
    SLUICE_ASSIGN_OR_RETURN(const Tensor x, a.GetTensor(fact.name));
    SLUICE_ASSIGN_OR_RETURN(const Tensor y, b.GetTensor(fact.name));
    const ValueDiff values = CompareValues(x, y);
    if (values.different > 0) rows.push_back({fact, values});
  }
  return rows;
}

void PrintValues(const std::vector<ValueRow>& rows) {
  if (!rows.empty()) std::printf("values differ (%zu)\n", rows.size());
  for (size_t i = 0; i < std::min(rows.size(), kLinesShown); ++i) {
    const ValueRow& row = rows[i];
    std::printf("  %s %s: %lld elements", Printable(row.fact.name).c_str(),
                row.fact.Describe().c_str(), static_cast<long long>(row.diff.different));
    if (row.fact.dtype != DType::kString)
      std::printf(", largest difference %g%s", row.diff.largest,
                  row.diff.comparable ? "" : ", and some that are no numbers");
    std::printf("\n");
  }
  PrintMore(rows.size());
}

Json ValuesJson(const std::vector<ValueRow>& rows) {
  Json list = Json::Array();
  for (const ValueRow& row : rows)
    list.Add(Json::Object()
                 .Set("name", row.fact.name)
                 .Set("different", row.diff.different)
                 .Set("max_abs_difference", Json::Number(row.diff.largest))
                 .Set("finite", Json::Bool(row.diff.comparable)));
  return list;
}

absl::Status DiffTwoCheckpoints(const Side& a, const Side& b, bool json) {
  const CheckpointDiff diff = train::DiffTensors(Held(*a.checkpoint), Held(*b.checkpoint));
  SLUICE_ASSIGN_OR_RETURN(const std::vector<ValueRow> rows,
                          DifferentValues(*a.checkpoint, *b.checkpoint, diff));
  const bool equal = diff.equal() && rows.empty();
  if (json) {
    std::printf(
        "%s\n",
        TensorsJson("checkpoints", diff, equal).Set("values", ValuesJson(rows)).text().c_str());
  } else {
    std::printf("%s: %zu of %zu tensors have equal values\n%s", equal ? "equal" : "different",
                diff.same.size() - rows.size(), diff.same.size(),
                train::ToText(diff, {.wanted = "A", .held = "B"}).c_str());
    PrintValues(rows);
  }
  return equal ? absl::OkStatus() : Differ(a.path, b.path);
}

}  // namespace

absl::Status DiffCommand(const std::vector<std::string>& args) {
  const absl::StatusOr<CommandLine> line = CommandLine::Parse(
      args, GraphJob::WithLimits({{"json", false, false}, {"tags", true, false}}));
  if (!line.ok()) return UsageError(line.status().message());
  if (line->positional().size() != 2)
    return UsageError(absl::StrCat("expected two graphs or checkpoints, got ",
                                   line->positional().size(), " arguments"));
  SLUICE_RETURN_IF_ERROR(GraphJob::ReadLimits(*line).status());
  const bool json = line->Has("json");
  Side a, b;
  SLUICE_RETURN_IF_ERROR(ReadSide(line->positional()[0], line->Get("tags", ""), &a));
  SLUICE_RETURN_IF_ERROR(ReadSide(line->positional()[1], line->Get("tags", ""), &b));
  if (a.checkpoint.has_value() && b.checkpoint.has_value()) return DiffTwoCheckpoints(a, b, json);
  if (a.checkpoint.has_value()) return DiffGraphAndCheckpoint(b, a, json);
  if (b.checkpoint.has_value()) return DiffGraphAndCheckpoint(a, b, json);
  return DiffTwoGraphs(a, b, json);
}

}  // namespace sluice::tools
