// The summary of a graph.
#include <algorithm>

#include "layers/flops.h"
#include "layers/forward_graph.h"
#include "layers/summary.h"

namespace sluice::layers {
namespace {

template <typename T>
void AddOnce(std::vector<T>* list, const T& item) {
  if (std::find(list->begin(), list->end(), item) == list->end()) list->push_back(item);
}

// A placeholder that may be the model's input: not a rate, not a flag.
bool IsModelInput(const Node& node) {
  return node.num_outputs() > 0 && node.output_shape(0).rank() != 0 &&
         (node.spec().must_be_fed() || node.op() == "PlaceholderWithDefault");
}

// What an op makes of the layer that holds it, most telling first.
struct Telltale {
  const char* op;
  const char* type;
};
constexpr Telltale kTelltales[] = {
    {"DepthwiseConv2dNative", "DepthwiseConv2D"},
    {"Conv2D", "Conv2D"},
    {"Conv3D", "Conv3D"},
    {"Conv2DBackpropInput", "Conv2DTranspose"},
    {"Conv3DBackpropInput", "Conv3DTranspose"},
    {"Conv3DBackpropInputV2", "Conv3DTranspose"},
    {"LocallyConnected2D", "LocallyConnected2D"},
    {"MatMul", "Dense"},
    {"BatchMatMul", "Dense"},
    {"BatchMatMulV2", "Dense"},
    {"FusedBatchNorm", "BatchNormalization"},
    {"FusedBatchNormV2", "BatchNormalization"},
    {"FusedBatchNormV3", "BatchNormalization"},
    {"ResourceGather", "Embedding"},
    {"Gather", "Embedding"},
    {"GatherV2", "Embedding"},
    {"MaxPool", "MaxPooling2D"},
    {"MaxPoolV2", "MaxPooling2D"},
    {"MaxPoolWithArgmax", "MaxPooling2D"},
    {"AvgPool", "AveragePooling2D"},
    {"MaxPool3D", "MaxPooling3D"},
    {"AvgPool3D", "AveragePooling3D"},
    {"ResizeBilinear", "UpSampling2D"},
    {"ResizeNearestNeighbor", "UpSampling2D"},
    {"LRN", "LRN"},
    {"Softmax", "Softmax"},
    {"Rsqrt", "BatchNormalization"},
};

bool Has(const LayerGroup& group, const char* op) {
  return std::any_of(group.nodes.begin(), group.nodes.end(),
                     [&](const Node* node) { return node->op() == op; });
}

std::string TypeOf(const LayerGroup& group, const TensorShape& output) {
  const std::string by_name = LayerClassOf(BaseName(group.name));
  if (group.is_scope && !by_name.empty()) return by_name;
  for (const Telltale& one : kTelltales) {
    if (!Has(group, one.op)) continue;
    std::string type = one.type;
    if (type == "DepthwiseConv2D" && Has(group, "Conv2D")) type = "SeparableConv2D";
    // One-dimensional layers are two-dimensional ones of height 1.
    if (output.rank() == 3 && type.find("2D") + 2 == type.size())
      type.replace(type.size() - 2, 2, "1D");
    return type;
  }
  return group.nodes.back()->op();
}

class GraphSummary {
 public:
  explicit GraphSummary(const Graph& graph)
      : graph_(graph),
        forward_(graph),
        weights_(graph, forward_),
        groups_(graph, forward_, weights_) {
    FindOutputs();
  }

  ModelSummary Make() {
    std::vector<std::pair<int, SummaryRow>> rows;  // by the first node
    for (size_t i = 0; i < groups_.all().size(); ++i) {
      const LayerGroup& group = groups_.all()[i];
      rows.emplace_back(group.nodes[0]->id(), RowOf(static_cast<int>(i)));
    }
    CountWeights(&rows);
    for (const Node* input : inputs_) {
      SummaryRow row{.name = input->name(), .type = "InputLayer"};
      row.output_shapes = {input->output_shape(0)};
      rows.emplace_back(input->id(), std::move(row));
    }
    std::stable_sort(rows.begin(), rows.end(),
                     [](const auto& a, const auto& b) { return a.first < b.first; });
    for (auto& [id, row] : rows) {
      summary_.flops += row.flops;
      summary_.rows.push_back(std::move(row));
    }
    summary_.total_params = summary_.trainable_params + summary_.non_trainable_params;
    return std::move(summary_);
  }

 private:
  // Per group the last tensor that something outside uses, else the last that nothing uses.
  void FindOutputs() {
    const size_t count = groups_.all().size();
    used_outside_.resize(count);
    std::vector<bool> used(graph_.num_nodes(), false);
    for (int id = 0; id < graph_.num_nodes(); ++id) {
      const Node& node = *graph_.node(id);
      if (!forward_.Contains(node)) continue;
      for (int i = 0; i < node.num_inputs(); ++i) {
        const Output from = node.input(i);
        used[from.node()->id()] = true;
        const int group = groups_.IndexOf(*from.node());
        if (group < 0 || group == groups_.IndexOf(node) || !IsFloating(from.dtype())) continue;
        Output& last = used_outside_[group];
        if (last.empty() || from.node()->id() > last.node()->id()) last = from;
      }
    }
    for (size_t i = 0; i < count; ++i) {
      for (const Node* node : groups_.all()[i].nodes) {
        if (used_outside_[i].empty() || !IsFloating(used_outside_[i].dtype())) {
          if (!used[node->id()]) unused_.insert_or_assign(static_cast<int>(i), node->output(0));
        }
      }
    }
  }

  Output OutputOf(int group) const {
    if (!used_outside_[group].empty()) return used_outside_[group];
    const auto found = unused_.find(group);
    return found != unused_.end() ? found->second : groups_.all()[group].nodes.back()->output(0);
  }

  SummaryRow RowOf(int index) {
    const LayerGroup& group = groups_.all()[index];
    const TensorShape shape = OutputOf(index).shape();
    SummaryRow row{.name = group.name, .type = TypeOf(group, shape)};
    row.output_shapes = {shape};
    for (const Node* node : group.nodes) {
      row.flops += Flops(*node);
      for (int i = 0; i < node->num_inputs(); ++i)
        Connect(index, node->input_edge(i).node, &row.connected_to);
    }
    return row;
  }

  // The rows from which `from` comes, through nodes that are in none.
  void Connect(int to, const Node* from, std::vector<std::string>* connected_to) {
    absl::flat_hash_set<const Node*> seen;
    std::vector<const Node*> todo = {from};
    while (!todo.empty()) {
      const Node* node = todo.back();
      todo.pop_back();
      if (!forward_.Contains(*node) || weights_.IsWeight(*node) || !seen.insert(node).second)
        continue;
      const int group = groups_.IndexOf(*node);
      if (group >= 0) {
        if (group != to) AddOnce(connected_to, groups_.all()[group].name);
        continue;
      }
      if (IsModelInput(*node)) {
        AddOnce(connected_to, node->name());
        AddOnce(&inputs_, node);
        continue;
      }
      for (int i = node->num_inputs() - 1; i >= 0; --i) todo.push_back(node->input_edge(i).node);
    }
  }

  // A weight that no forward op uses (the moving averages, in training) belongs to its scope.
  int OwnerByScope(const GraphWeight& weight) const {
    const std::string& name = weight.node->name();
    for (size_t i = 0; IsUsualWeight(name) && i < groups_.all().size(); ++i) {
      if (groups_.all()[i].name == ScopeOfWeight(name)) return static_cast<int>(i);
    }
    return -1;
  }

  // `rows` are in the order of the groups.
  void CountWeights(std::vector<std::pair<int, SummaryRow>>* rows) {
    for (const GraphWeight& weight : weights_.all()) {
      int owner = -1;
      for (const Node* user : weight.users) {
        const int group = groups_.IndexOf(*user);
        if (group < 0 || group == owner) continue;
        if (owner < 0) {
          owner = group;
        } else {
          (*rows)[group].second.shares_with = groups_.all()[owner].name;
        }
      }
      if (owner < 0) owner = OwnerByScope(weight);
      if (owner < 0) continue;
      (*rows)[owner].second.params += weight.elements;
      (weight.trainable ? summary_.trainable_params : summary_.non_trainable_params) +=
          weight.elements;
    }
  }

  const Graph& graph_;
  const ForwardNodes forward_;
  const GraphWeights weights_;
  const LayerGroups groups_;
  Outputs used_outside_;                     // per group, perhaps empty
  absl::flat_hash_map<int, Output> unused_;  // per group without one
  std::vector<const Node*> inputs_;          // placeholders that feed groups
  ModelSummary summary_;
};

}  // namespace

ModelSummary Summary(const Graph& graph) { return GraphSummary(graph).Make(); }

}  // namespace sluice::layers
