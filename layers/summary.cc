#include "layers/summary.h"

#include <algorithm>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "graph/node.h"
#include "layers/flops.h"

namespace sluice::layers {
namespace {

template <typename T>
void AddOnce(std::vector<T>* list, const T& item) {
  if (std::find(list->begin(), list->end(), item) == list->end()) list->push_back(item);
}

// --- printing ---

std::string ShapeText(const TensorShape& shape) {
  if (!shape.rank_known()) return "<unknown>";
  const std::string dims = absl::StrJoin(shape.dims(), ", ", [](std::string* out, int64_t d) {
    absl::StrAppend(out, d < 0 ? "None" : absl::StrCat(d));
  });
  return absl::StrCat("(", dims, shape.rank() == 1 ? ",)" : ")");
}

std::string ShapesText(const std::vector<TensorShape>& shapes) {
  if (shapes.empty()) return "?";
  return shapes.size() == 1 ? ShapeText(shapes[0]) : "multiple";
}

// 1234567 as "1,234,567".
std::string Grouped(int64_t number) {
  std::string digits = absl::StrCat(number);
  for (int64_t i = static_cast<int64_t>(digits.size()) - 3; i > 0; i -= 3) digits.insert(i, ",");
  return digits;
}

constexpr size_t kColumns = 5;
// Several connections take a line each; the other columns are then empty.
using Cells = std::vector<std::string>;

std::vector<Cells> CellsOf(const SummaryRow& row) {
  const std::string params = row.shares_with.empty()
                                 ? Grouped(row.params)
                                 : absl::StrCat(Grouped(row.params), " (", row.shares_with, ")");
  std::vector<Cells> lines = {{absl::StrCat(row.name, " (", row.type, ")"),
                               ShapesText(row.output_shapes), params, Grouped(row.flops), ""}};
  for (size_t i = 0; i < row.connected_to.size(); ++i) {
    if (i > 0) lines.push_back(Cells(kColumns));
    lines.back().back() = row.connected_to[i];
  }
  return lines;
}

std::string Line(const Cells& cells, const std::vector<size_t>& widths) {
  std::string line;
  for (size_t i = 0; i < kColumns; ++i) {
    line += cells[i];
    if (i + 1 < kColumns) line.append(widths[i] - cells[i].size(), ' ');
  }
  line.resize(line.find_last_not_of(' ') + 1);
  return line + "\n";
}

}  // namespace

std::string ModelSummary::ToString() const {
  const Cells title = {"Layer (type)", "Output Shape", "Param #", "FLOPs", "Connected to"};
  std::vector<std::vector<Cells>> all;
  for (const SummaryRow& row : rows) all.push_back(CellsOf(row));
  std::vector<size_t> widths;
  for (size_t i = 0; i < kColumns; ++i) {
    size_t width = title[i].size();
    for (const auto& row : all)
      for (const Cells& line : row) width = std::max(width, line[i].size());
    widths.push_back(width + (i + 1 < kColumns ? 2 : 0));
  }
  size_t total = 0;
  for (const size_t width : widths) total += width;
  const std::string thin = std::string(total, '_') + "\n", thick = std::string(total, '=') + "\n";
  std::string text = thin + Line(title, widths) + thick;
  for (size_t i = 0; i < all.size(); ++i) {
    for (const Cells& line : all[i]) text += Line(line, widths);
    text += i + 1 < all.size() ? thin : thick;
  }
  absl::StrAppend(&text, "Total params: ", Grouped(total_params), "\n");
  absl::StrAppend(&text, "Trainable params: ", Grouped(trainable_params), "\n");
  absl::StrAppend(&text, "Non-trainable params: ", Grouped(non_trainable_params), "\n");
  absl::StrAppend(&text, "FLOPs: ", Grouped(flops), "\n");
  return text + thin;
}

namespace {

// --- layer objects ---

// Where the tensors of the calls come from.
class LayerGraph {
 public:
  explicit LayerGraph(const std::vector<const Layer*>& layers) {
    for (const Layer* layer : layers) {
      for (int call = 0; call < layer->num_calls(); ++call) {
        const Outputs outputs = *layer->GetOutputsAt(call);
        for (size_t i = 0; i < outputs.size(); ++i)
          names_.emplace(outputs[i], absl::StrCat(layer->name(), "[", call, "][", i, "]"));
      }
    }
  }

  // The layers' outputs and the placeholders that `inputs` are computed from.
  void Sources(const Outputs& inputs, std::vector<std::string>* sources) const {
    absl::flat_hash_set<const Node*> seen;
    Outputs todo(inputs.rbegin(), inputs.rend());
    while (!todo.empty()) {
      const Output tensor = todo.back();
      todo.pop_back();
      const auto found = names_.find(tensor);
      if (found != names_.end()) {
        AddOnce(sources, found->second);
        continue;
      }
      const Node* node = tensor.node();
      if (!seen.insert(node).second) continue;
      if (node->spec().must_be_fed()) AddOnce(sources, node->name());
      for (int i = node->num_inputs() - 1; i >= 0; --i) todo.push_back(node->input(i));
    }
  }

 private:
  absl::flat_hash_map<Output, std::string> names_;
};

// The nodes that compute `outputs` from `inputs`.
void NodesBetween(const Outputs& inputs, const Outputs& outputs,
                  absl::flat_hash_set<const Node*>* nodes) {
  Outputs todo = outputs;
  while (!todo.empty()) {
    const Output tensor = todo.back();
    todo.pop_back();
    const bool given = std::find(inputs.begin(), inputs.end(), tensor) != inputs.end();
    if (given || !nodes->insert(tensor.node()).second) continue;
    for (int i = 0; i < tensor.node()->num_inputs(); ++i) todo.push_back(tensor.node()->input(i));
  }
}

SummaryRow RowOf(const Layer& layer, const LayerGraph& graph) {
  SummaryRow row{.name = layer.name().empty() ? SnakeCase(layer.class_name()) : layer.name(),
                 .type = layer.class_name()};
  absl::flat_hash_set<const Node*> nodes;
  for (int call = 0; call < layer.num_calls(); ++call) {
    const Outputs inputs = *layer.GetInputsAt(call), outputs = *layer.GetOutputsAt(call);
    if (!outputs.empty()) AddOnce(&row.output_shapes, outputs[0].shape());
    graph.Sources(inputs, &row.connected_to);
    NodesBetween(inputs, outputs, &nodes);
  }
  for (const Node* node : nodes) row.flops += Flops(*node);
  return row;
}

}  // namespace

ModelSummary Summary(const std::vector<const Layer*>& layers) {
  ModelSummary summary;
  const LayerGraph graph(layers);
  absl::flat_hash_map<std::string, std::string> owners;  // of variables
  for (const Layer* layer : layers) {
    SummaryRow row = RowOf(*layer, graph);
    const auto count = [&](const std::vector<Variable>& variables, int64_t* total) {
      for (const Variable& v : variables) {
        const auto [owner, is_new] = owners.emplace(v.name(), row.name);
        if (!is_new) {
          if (owner->second != row.name) row.shares_with = owner->second;
          continue;
        }
        const int64_t elements = std::max<int64_t>(0, v.shape().num_elements());
        row.params += elements;
        *total += elements;
      }
    };
    count(layer->trainable_weights(), &summary.trainable_params);
    count(layer->non_trainable_weights(), &summary.non_trainable_params);
    summary.flops += row.flops;
    summary.rows.push_back(std::move(row));
  }
  summary.total_params = summary.trainable_params + summary.non_trainable_params;
  return summary;
}

}  // namespace sluice::layers
