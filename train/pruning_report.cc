#include "train/pruning_report.h"

#include <algorithm>
#include <variant>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "core/status.h"
#include "graph/graph.h"
#include "graph/node.h"
#include "layers/masking.h"

namespace sluice::pruning {
namespace {

// Zeros of any numeric dtype are zero bytes.
void Count(const Tensor& mask, WeightSparsity* row) {
  const int64_t n = row->filters;
  const int64_t size = static_cast<int64_t>(SizeOf(mask.dtype()));
  const char* bytes = static_cast<const char*>(mask.raw());
  std::vector<bool> kept(n, false);
  for (int64_t i = 0; i < row->elements; ++i, bytes += size) {
    if (std::all_of(bytes, bytes + size, [](char b) { return b == 0; })) {
      ++row->zeros;
    } else {
      kept[i % n] = true;
    }
  }
  row->filters_gone = std::count(kept.begin(), kept.end(), false);
}

}  // namespace

WeightSparsity MeasureMask(const std::string& name, const Tensor& mask) {
  WeightSparsity row{.name = name, .shape = mask.shape(), .elements = mask.num_elements()};
  if (row.elements == 0) return row;
  row.filters = mask.shape().rank() == 0 ? 1 : mask.shape().dim(-1);
  Count(mask, &row);
  row.sparsity = static_cast<double>(row.zeros) / static_cast<double>(row.elements);
  return row;
}

absl::StatusOr<std::vector<WeightSparsity>> SparsityReport(Session& session) {
  const Graph& graph = session.graph();
  const std::vector<Variable> masks = GetMasks(graph);
  const std::vector<CollectionItem> weights = graph.GetCollection(kWeightCollection);
  std::vector<WeightSparsity> rows;
  if (masks.empty()) return rows;
  Outputs fetches;
  for (const Variable& mask : masks) fetches.push_back(mask.value());
  SLUICE_ASSIGN_OR_RETURN(const std::vector<Tensor> values, session.Run({}, fetches));
  for (size_t i = 0; i < masks.size(); ++i) {
    std::string name = masks[i].op_name();
    if (i < weights.size()) {
      if (const Variable* v = std::get_if<Variable>(&weights[i])) name = v->op_name();
      if (const Output* x = std::get_if<Output>(&weights[i])) name = x->node()->name();
    }
    rows.push_back(MeasureMask(name, values[i]));
  }
  return rows;
}

std::string SparsityTable(const std::vector<WeightSparsity>& rows) {
  WeightSparsity total{.name = "all"};
  int name_width = 6, shape_width = 5;
  for (const WeightSparsity& row : rows) {
    name_width = std::max(name_width, static_cast<int>(row.name.size()));
    shape_width = std::max(shape_width, static_cast<int>(row.shape.ToString().size()));
    total.elements += row.elements;
    total.zeros += row.zeros;
    total.filters += row.filters;
    total.filters_gone += row.filters_gone;
  }
  if (total.elements > 0)
    total.sparsity = static_cast<double>(total.zeros) / static_cast<double>(total.elements);
  std::string table =
      absl::StrFormat("%-*s  %-*s  %10s  %10s  %8s  %s\n", name_width, "weight", shape_width,
                      "shape", "elements", "zeros", "sparsity", "filters gone");
  const auto add = [&](const WeightSparsity& row, const std::string& shape) {
    absl::StrAppendFormat(&table, "%-*s  %-*s  %10d  %10d  %6.1f %%  %12s\n", name_width, row.name,
                          shape_width, shape, row.elements, row.zeros, 100 * row.sparsity,
                          absl::StrCat(row.filters_gone, " of ", row.filters));
  };
  for (const WeightSparsity& row : rows) add(row, row.shape.ToString());
  add(total, "");
  return table;
}

}  // namespace sluice::pruning
