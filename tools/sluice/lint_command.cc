// sluice lint: what is probably a mistake in a graph.
#include <cstdio>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "core/status.h"
#include "graph/graph.h"
#include "graph/lint.h"
#include "ops/all_ops.h"
#include "tools/sluice/command_line.h"
#include "tools/sluice/commands.h"
#include "tools/sluice/graph_job.h"
#include "tools/sluice/json.h"

namespace sluice::tools {
namespace {

const char* SeverityName(const LintFinding& finding) {
  return finding.severity == LintSeverity::kNote ? "note" : "warning";
}

std::string FindingsJson(const std::vector<LintFinding>& findings, int64_t warnings) {
  Json list = Json::Array();
  for (const LintFinding& f : findings) {
    list.Add(Json::Object()
                 .Set("severity", SeverityName(f))
                 .Set("kind", LintKindName(f.kind))
                 .Set("name", f.name)
                 .Set("message", f.message)
                 .Set("location", f.location));
  }
  return Json::Object()
      .Set("findings", list)
      .Set("warnings", warnings)
      .Set("notes", static_cast<int64_t>(findings.size()) - warnings)
      .text();
}

absl::StatusOr<LintOptions> ReadOptions(const CommandLine& line, const Graph& graph) {
  LintOptions options;
  for (const std::string& name : line.All("fetch")) {
    SLUICE_ASSIGN_OR_RETURN(Output fetch, graph.FindElement(name));
    options.fetches.push_back(std::move(fetch));
  }
  if (line.Has("init")) {
    SLUICE_ASSIGN_OR_RETURN(options.initializer, graph.FindElement(line.Get("init", "")));
  }
  return options;
}

}  // namespace

absl::Status LintCommand(const std::vector<std::string>& args) {
  const absl::StatusOr<CommandLine> line =
      CommandLine::Parse(args, GraphJob::WithLimits({{"fetch", true, true},
                                                     {"init", true, false},
                                                     {"strict", false, false},
                                                     {"json", false, false}}));
  if (!line.ok()) return UsageError(line.status().message());
  if (line->positional().size() != 1) {
    return UsageError(absl::StrCat("expected one graph file, got ", line->positional().size(),
                                   " arguments; the graph comes first, before --fetch"));
  }
  SLUICE_RETURN_IF_ERROR(GraphJob::ReadLimits(*line).status());
  Graph graph(ops::Builtin());
  SLUICE_RETURN_IF_ERROR(LoadGraph(line->positional()[0], &graph));
  SLUICE_ASSIGN_OR_RETURN(const LintOptions options, ReadOptions(*line, graph));
  const std::vector<LintFinding> findings = Lint(graph, options);
  int64_t warnings = 0;
  for (const LintFinding& f : findings) warnings += f.severity == LintSeverity::kWarning;
  if (line->Has("json")) {
    std::printf("%s\n", FindingsJson(findings, warnings).c_str());
  } else {
    for (const LintFinding& f : findings) std::printf("%s\n", f.ToString().c_str());
  }
  if (warnings == 0 || !line->Has("strict")) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat(warnings, warnings == 1 ? " warning" : " warnings"));
}

}  // namespace sluice::tools
