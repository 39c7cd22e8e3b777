// sluice dot, sluice svg: a picture of a graph.
#include <cstdio>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "core/file.h"
#include "core/status.h"
#include "graph/graph.h"
#include "graph/graph_def.h"
#include "ops/all_ops.h"
#include "proto/meta_graph.pb.h"
#include "tools/sluice/commands.h"
#include "tools/sluice/dot_roles.h"
#include "tools/sluice/dot_text.h"
#include "tools/sluice/dot_tree.h"
#include "tools/sluice/graph_job.h"
#include "tools/sluice/inspect.h"
#include "tools/sluice/svg_layout.h"
#include "train/saved_model_files.h"

namespace sluice::tools {
namespace {

constexpr int64_t kMostDepth = 1000;
constexpr size_t kMostSvgBoxes = 1500;  // a layout takes seconds
constexpr size_t kMostDotBoxes = 200'000;

struct Request {
  std::string graph, out, tags;
  DotFolding folding;
};

absl::StatusOr<Request> ReadRequest(const std::vector<std::string>& args) {
  const absl::StatusOr<CommandLine> line =
      CommandLine::Parse(args, GraphJob::WithLimits({{"depth", true, false},
                                                     {"expand", true, true},
                                                     {"tags", true, false},
                                                     {"out", true, false}}));
  if (!line.ok()) return UsageError(line.status().message());
  if (line->positional().size() != 1)
    return UsageError(
        absl::StrCat("expected one graph file, got ", line->positional().size(), " arguments"));
  Request request{line->positional()[0], line->Get("out", ""), line->Get("tags", ""), {}};
  if (line->Has("depth")) {
    const absl::StatusOr<int64_t> depth = ParseInt("depth", line->Get("depth", ""), 1, kMostDepth);
    if (!depth.ok()) return UsageError(depth.status().message());
    request.folding.depth = static_cast<int>(*depth);
  }
  request.folding.expand = line->All("expand");
  for (std::string& scope : request.folding.expand)
    if (scope.size() > 1 && scope.back() == '/') scope.pop_back();
  SLUICE_RETURN_IF_ERROR(GraphJob::ReadLimits(*line).status());
  return request;
}

// A graph file, or the graph of those tags of a SavedModel (without --tags its first one).
absl::Status Load(const Request& request, Graph* graph) {
  if (!HoldsSavedModel(request.graph)) {
    if (!request.tags.empty()) return UsageError("--tags is for SavedModels");
    return LoadGraph(request.graph, graph);
  }
  proto::SavedModel model;
  SLUICE_RETURN_IF_ERROR(ReadSavedModel(FileSystem::Default(), request.graph, &model));
  const std::vector<TagSet> sets = TagSets(model);
  TagSet tags = absl::StrSplit(request.tags, ',', absl::SkipEmpty());
  if (request.tags.empty() && !sets.empty()) tags = sets[0];
  SLUICE_ASSIGN_OR_RETURN(proto::MetaGraphDef * meta, FindMetaGraph(tags, &model));
  const absl::Status imported = ImportMetaGraph(*meta, graph);
  return Annotate(imported, request.graph);
}

absl::StatusOr<std::string> MakeDot(const Request& request, size_t most_boxes) {
  Graph graph(ops::Builtin());
  SLUICE_RETURN_IF_ERROR(Load(request, &graph));
  const DotRoles roles = FindDotRoles(graph);
  DotTree tree(graph, roles);
  SLUICE_RETURN_IF_ERROR(tree.Fold(request.folding));
  size_t boxes = 0;
  for (const int root : tree.roots()) boxes += tree.Boxes(root).size();
  if (boxes > most_boxes)
    return absl::ResourceExhaustedError(
        absl::StrCat("the picture would have ", boxes, " boxes, the limit is ", most_boxes,
                     ": take a smaller --depth, or --expand fewer scopes"));
  return DotText(graph, roles, tree);
}

absl::Status Print(const std::string& text, const std::string& out) {
  if (!out.empty()) return FileSystem::Default().ReplaceAtomically(out, text);
  std::printf("%s", text.c_str());
  return absl::OkStatus();
}

}  // namespace

absl::Status DotCommand(const std::vector<std::string>& args) {
  SLUICE_ASSIGN_OR_RETURN(const Request request, ReadRequest(args));
  SLUICE_ASSIGN_OR_RETURN(const std::string dot, MakeDot(request, kMostDotBoxes));
  return Print(dot, request.out);
}

absl::Status SvgCommand(const std::vector<std::string>& args) {
  SLUICE_ASSIGN_OR_RETURN(const Request request, ReadRequest(args));
  SLUICE_ASSIGN_OR_RETURN(const std::string dot, MakeDot(request, kMostSvgBoxes));
  SLUICE_ASSIGN_OR_RETURN(const std::string svg, RenderSvg(dot));
  return Print(svg, request.out);
}

}  // namespace sluice::tools
