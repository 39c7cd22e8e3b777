// sluice sparsity: what pruning has left of the weights in a checkpoint.
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "core/file.h"
#include "core/status.h"
#include "io/tensor_bundle.h"
#include "tools/sluice/command_line.h"
#include "tools/sluice/commands.h"
#include "tools/sluice/json.h"
#include "train/pruning_report.h"

namespace sluice::tools {
namespace {

// The weight that the mask `<scope>mask` belongs to.
std::string WeightOf(const BundleReader& reader, const std::string& scope) {
  for (const char* name : {"weights", "kernel"}) {
    if (reader.Contains(scope + name)) return scope + name;
  }
  return scope + "mask";
}

std::string RowsJson(const std::vector<pruning::WeightSparsity>& rows) {
  Json list = Json::Array();
  for (const pruning::WeightSparsity& row : rows) {
    list.Add(Json::Object()
                 .Set("name", row.name)
                 .Set("elements", row.elements)
                 .Set("zeros", row.zeros)
                 .Set("filters", row.filters)
                 .Set("filters_gone", row.filters_gone));
  }
  return Json::Object().Set("weights", list).text();
}

}  // namespace

absl::Status SparsityCommand(const std::vector<std::string>& args) {
  const absl::StatusOr<CommandLine> line = CommandLine::Parse(args, {{"json", false, false}});
  if (!line.ok()) return UsageError(line.status().message());
  if (line->positional().size() != 1)
    return UsageError(
        absl::StrCat("expected one checkpoint, got ", line->positional().size(), " arguments"));
  SLUICE_ASSIGN_OR_RETURN(const std::unique_ptr<BundleReader> reader,
                          BundleReader::Open(FileSystem::Default(), line->positional()[0]));
  std::vector<pruning::WeightSparsity> rows;
  for (const BundleTensor& tensor : reader->Keys()) {
    absl::string_view scope = tensor.name;
    if (!absl::ConsumeSuffix(&scope, "mask") || !(scope.empty() || scope.back() == '/')) continue;
    SLUICE_ASSIGN_OR_RETURN(const Tensor mask, reader->Lookup(tensor.name));
    if (!IsFloating(mask.dtype())) continue;
    rows.push_back(pruning::MeasureMask(WeightOf(*reader, std::string(scope)), mask));
  }
  std::printf("%s%s",
              line->Has("json") ? RowsJson(rows).c_str() : pruning::SparsityTable(rows).c_str(),
              line->Has("json") ? "\n" : "");
  return absl::OkStatus();
}

}  // namespace sluice::tools
