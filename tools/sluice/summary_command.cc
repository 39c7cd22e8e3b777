// sluice summary: the layers of a graph.
#include <cstdio>

#include "absl/strings/str_cat.h"
#include "core/status.h"
#include "graph/graph.h"
#include "layers/summary.h"
#include "ops/all_ops.h"
#include "tools/sluice/commands.h"
#include "tools/sluice/graph_job.h"
#include "tools/sluice/json.h"

namespace sluice::tools {
namespace {

Json RowJson(const layers::SummaryRow& row) {
  Json shapes = Json::Array(), from = Json::Array();
  for (const TensorShape& shape : row.output_shapes) shapes.Add(ShapeJson(shape));
  for (const std::string& name : row.connected_to) from.Add(name);
  return Json::Object()
      .Set("name", row.name)
      .Set("type", row.type)
      .Set("output_shapes", shapes)
      .Set("params", row.params)
      .Set("flops", row.flops)
      .Set("connected_to", from)
      .Set("shares_with", row.shares_with);
}

std::string SummaryJson(const layers::ModelSummary& summary) {
  Json rows = Json::Array();
  for (const layers::SummaryRow& row : summary.rows) rows.Add(RowJson(row));
  return Json::Object()
      .Set("layers", rows)
      .Set("total_params", summary.total_params)
      .Set("trainable_params", summary.trainable_params)
      .Set("non_trainable_params", summary.non_trainable_params)
      .Set("flops", summary.flops)
      .text();
}

// Names come from a file: nothing in them may drive the terminal.
void MakePrintable(layers::ModelSummary* summary) {
  for (layers::SummaryRow& row : summary->rows) {
    for (std::string* text : {&row.name, &row.type, &row.shares_with}) *text = Printable(*text);
    for (std::string& from : row.connected_to) from = Printable(from);
  }
}

}  // namespace

absl::Status SummaryCommand(const std::vector<std::string>& args) {
  const absl::StatusOr<CommandLine> line =
      CommandLine::Parse(args, GraphJob::WithLimits({{"json", false, false}}));
  if (!line.ok()) return UsageError(line.status().message());
  if (line->positional().size() != 1)
    return UsageError(
        absl::StrCat("expected one graph file, got ", line->positional().size(), " arguments"));
  SLUICE_RETURN_IF_ERROR(GraphJob::ReadLimits(*line).status());
  Graph graph(ops::Builtin());
  SLUICE_RETURN_IF_ERROR(LoadGraph(line->positional()[0], &graph));
  layers::ModelSummary summary = layers::Summary(graph);
  if (line->Has("json")) {
    std::printf("%s\n", SummaryJson(summary).c_str());
    return absl::OkStatus();
  }
  MakePrintable(&summary);
  std::printf("%s", summary.ToString().c_str());
  return absl::OkStatus();
}

}  // namespace sluice::tools
