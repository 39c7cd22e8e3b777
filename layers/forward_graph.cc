#include "layers/forward_graph.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_split.h"
#include "layers/all_layers.h"
#include "layers/flops.h"
#include "layers/layer_name.h"

namespace sluice::layers {
namespace {

using Names = absl::flat_hash_set<absl::string_view>;

absl::string_view Leaf(absl::string_view name) {
  const size_t slash = name.rfind('/');
  return slash == absl::string_view::npos ? name : name.substr(slash + 1);
}

bool IsInside(absl::string_view name, absl::string_view scope) {
  return name.size() > scope.size() && name[scope.size()] == '/' && absl::StartsWith(name, scope);
}

bool IsVariable(const Node& node) {
  return node.op() == "VarHandleOp" || node.op() == "VariableV2" || node.op() == "Variable";
}

bool ChangesVariables(const std::string& op) {
  for (const char* prefix : {"Apply", "ResourceApply", "SparseApply", "ResourceSparseApply",
                             "Assign", "Scatter", "ResourceScatter"}) {
    if (absl::StartsWith(op, prefix)) return op != "ScatterNd";
  }
  return false;
}

// The scope of the optimizer that made an op "Adam/update_w/ResourceApplyAdam"; "" for others.
absl::string_view OptimizerScope(absl::string_view name) {
  constexpr absl::string_view kUpdate = "/update_";
  const size_t at = name.find(kUpdate);
  return at == absl::string_view::npos ? absl::string_view() : name.substr(0, at);
}

bool IsNoLayersScope(absl::string_view component) {
  static const auto& kScopes = *new Names{"gradients",
                                          "save",
                                          "Initializer",
                                          "Regularizer",
                                          "ActivityRegularizer",
                                          "initializer",
                                          "Assign",
                                          "AssignMovingAvg",
                                          "ExponentialMovingAverage",
                                          "IsInitialized"};
  return kScopes.contains(BaseName(component));
}

}  // namespace

absl::string_view ParentScope(absl::string_view name) {
  const size_t slash = name.rfind('/');
  return slash == absl::string_view::npos ? absl::string_view() : name.substr(0, slash);
}

absl::string_view BaseName(absl::string_view scope) {
  absl::string_view leaf = Leaf(scope);
  size_t end = leaf.size();
  while (end > 0 && absl::ascii_isdigit(leaf[end - 1])) --end;
  const bool numbered = end < leaf.size() && end > 1 && leaf[end - 1] == '_';
  return numbered ? leaf.substr(0, end - 1) : leaf;
}

std::string LayerClassOf(absl::string_view base_name) {
  static const auto& kClasses = *[] {
    auto* classes = new absl::flat_hash_map<std::string, std::string>;
    for (const std::string& name : LayerClassNames()) classes->emplace(SnakeCase(name), name);
    return classes;
  }();
  const auto found = kClasses.find(base_name);
  return found == kClasses.end() ? "" : found->second;
}

absl::string_view ScopeOfWeight(absl::string_view name) {
  const absl::string_view parent = ParentScope(name);
  return BaseName(name) == "part" ? ParentScope(parent) : parent;
}

bool IsUsualWeight(absl::string_view name) {
  static const auto& kNames = *new Names{"kernel",
                                         "bias",
                                         "weights",
                                         "biases",
                                         "gamma",
                                         "beta",
                                         "moving_mean",
                                         "moving_variance",
                                         "renorm_mean",
                                         "renorm_mean_weight",
                                         "renorm_stddev",
                                         "renorm_stddev_weight",
                                         "embeddings",
                                         "depthwise_kernel",
                                         "pointwise_kernel",
                                         "depthwise_weights",
                                         "pointwise_weights",
                                         "alpha",
                                         "mask",
                                         "threshold"};
  return kNames.contains(Leaf(name)) ||
         (BaseName(name) == "part" && kNames.contains(Leaf(ParentScope(name))));
}

// --- ForwardNodes ---

ForwardNodes::ForwardNodes(const Graph& graph) : forward_(graph.num_nodes(), true) {
  std::set<std::string, std::less<>> optimizers;
  for (int id = 0; id < graph.num_nodes(); ++id) {
    const Node& node = *graph.node(id);
    if (!ChangesVariables(node.op())) continue;
    const absl::string_view scope = OptimizerScope(node.name());
    if (!scope.empty()) optimizers.insert(std::string(scope));
  }
  for (int id = 0; id < graph.num_nodes(); ++id) {
    const Node& node = *graph.node(id);
    bool forward = !ChangesVariables(node.op());
    for (const absl::string_view component : absl::StrSplit(node.name(), '/'))
      forward = forward && !IsNoLayersScope(component);
    for (absl::string_view s = node.name(); forward && !s.empty(); s = ParentScope(s))
      forward = optimizers.count(s) == 0;
    forward_[id] = forward;
  }
}

// --- GraphWeights ---

namespace {

// Ops that hand on what they are given.
bool Passes(const std::string& op) {
  static const auto& kOps =
      *new Names{"ReadVariableOp", "Identity", "Enter", "RefEnter", "Snapshot"};
  return kOps.contains(op);
}

// Ops that look at a variable without computing the model's outputs.
bool OnlyLooks(const std::string& op) {
  static const auto& kOps = *new Names{"VarIsInitializedOp",
                                       "IsVariableInitialized",
                                       "VariableShape",
                                       "Shape",
                                       "Size",
                                       "L2Loss",
                                       "HistogramSummary",
                                       "ScalarSummary",
                                       "TensorSummary",
                                       "Sum",
                                       "Abs",
                                       "Square",
                                       "SaveV2",
                                       "Save",
                                       "SaveSlices",
                                       "Print"};
  return kOps.contains(op);
}

// In a frozen graph: ops whose constant operand is a weight.
bool TakesWeights(const Node& node) {
  static const auto& kOps = *new Names{"BiasAdd",
                                       "Add",
                                       "AddV2",
                                       "Mul",
                                       "Sub",
                                       "FusedBatchNorm",
                                       "FusedBatchNormV2",
                                       "FusedBatchNormV3",
                                       "Gather",
                                       "GatherV2",
                                       "RealDiv"};
  return IsContraction(node) || kOps.contains(node.op());
}

}  // namespace

GraphWeights::GraphWeights(const Graph& graph, const ForwardNodes& forward) {
  if (!FindVariables(graph)) FindConstants(graph, forward);
  FindUsers(graph, forward);
}

void GraphWeights::Add(const Node& node, const TensorShape& shape, bool trainable) {
  held_[&node] = {weights_.size()};
  weights_.push_back({&node, std::max<int64_t>(0, shape.num_elements()), trainable});
}

// False when there are none.
bool GraphWeights::FindVariables(const Graph& graph) {
  std::set<std::string> trainable, global, local;
  for (const Variable& v : graph.TrainableVariables()) trainable.insert(v.op_name());
  for (const Variable& v : graph.GlobalVariables()) global.insert(v.op_name());
  for (const Variable& v : graph.LocalVariables()) local.insert(v.op_name());
  bool any = false;
  for (int id = 0; id < graph.num_nodes(); ++id) {
    const Node& node = *graph.node(id);
    if (!IsVariable(node)) continue;
    any = true;
    const AttrValue* dtype = FindAttr(node.attrs(), "dtype");
    if (dtype == nullptr || !dtype->get_if<DType>() || !IsFloating(*dtype->get_if<DType>()))
      continue;  // a step counter
    if (local.count(node.name()) > 0 && global.count(node.name()) == 0) continue;
    const AttrValue* shape = FindAttr(node.attrs(), "shape");
    const auto* known = shape == nullptr ? nullptr : shape->get_if<TensorShape>();
    // Without collections (a GraphDef) only the names tell.
    const bool moving = absl::StartsWith(Leaf(node.name()), "moving_");
    Add(node, known == nullptr ? TensorShape::Unknown() : *known,
        trainable.empty() ? !moving : trainable.count(node.name()) > 0);
  }
  return any;
}

void GraphWeights::FindConstants(const Graph& graph, const ForwardNodes& forward) {
  absl::flat_hash_set<const Node*> taken;
  for (int id = 0; id < graph.num_nodes(); ++id) {
    const Node& node = *graph.node(id);
    if (!forward.Contains(node) || !TakesWeights(node)) continue;
    for (int i = 0; i < node.num_inputs(); ++i) {
      const Node* from = node.input_edge(i).node;
      while (Passes(from->op()) && from->num_inputs() > 0) from = from->input_edge(0).node;
      taken.insert(from);
    }
  }
  for (int id = 0; id < graph.num_nodes(); ++id) {
    const Node& node = *graph.node(id);
    if (node.op() != "Const" || !taken.contains(&node) || !IsFloating(node.output_dtype(0)))
      continue;
    if (node.output_shape(0).rank() > 0) Add(node, node.output_shape(0), false);
  }
}

void GraphWeights::FindUsers(const Graph& graph, const ForwardNodes& forward) {
  for (int id = 0; id < graph.num_nodes(); ++id) {
    const Node& node = *graph.node(id);
    std::vector<size_t> given;
    int holding = 0;
    for (int i = 0; i < node.num_inputs(); ++i) {
      const auto found = held_.find(node.input_edge(i).node);
      if (found == held_.end()) continue;
      ++holding;
      given.insert(given.end(), found->second.begin(), found->second.end());
    }
    if (given.empty()) continue;
    const bool joins = node.op() == "ConcatV2" && holding == node.num_inputs() - 1;
    if (Passes(node.op()) || joins) {
      held_[&node] = given;
    } else if (forward.Contains(node) && !OnlyLooks(node.op())) {
      for (const size_t w : given) weights_[w].users.push_back(&node);
    }
  }
}

// --- LayerGroups ---

namespace {

// Ops that only layers make; those with weights are known by them.
bool IsLayerOp(const Node& node) {
  static const auto& kOps = *new Names{
      "MaxPool",        "MaxPoolV2",        "MaxPoolWithArgmax",     "AvgPool", "MaxPool3D",
      "AvgPool3D",      "ResizeBilinear",   "ResizeNearestNeighbor", "LRN",     "Softmax",
      "FusedBatchNorm", "FusedBatchNormV2", "FusedBatchNormV3"};
  return kOps.contains(node.op()) || IsContraction(node);
}

bool ComputesNothing(const Node& node) {
  return node.op() == "Const" || IsVariable(node) || node.spec().must_be_fed() ||
         node.op() == "PlaceholderWithDefault" || node.op() == "NoOp" || node.num_outputs() == 0;
}

// Where a node uses a weight of another scope, it is a second use of that layer: "net_1/conv1" of
// "net/conv1".
absl::string_view TowerScope(absl::string_view node, absl::string_view weights_scope) {
  absl::string_view found;
  for (absl::string_view s = ParentScope(node); !s.empty() && !weights_scope.empty();
       s = ParentScope(s)) {
    if (BaseName(s) == BaseName(weights_scope)) found = s;
  }
  return found;
}

}  // namespace

LayerGroups::LayerGroups(const Graph& graph, const ForwardNodes& forward,
                         const GraphWeights& weights) {
  const auto for_each = [&](const auto& visit) {
    for (int id = 0; id < graph.num_nodes(); ++id) {
      const Node& node = *graph.node(id);
      if (forward.Contains(node) && !ComputesNothing(node) && !weights.IsWeight(node)) visit(node);
    }
  };
  SeedByWeights(weights);
  for_each([&](const Node& node) { SeedByOp(node); });
  for_each([&](const Node& node) { Assign(node, weights); });
  absl::flat_hash_set<const Node*> users;
  for (const GraphWeight& weight : weights.all())
    users.insert(weight.users.begin(), weight.users.end());
  for (LayerGroup& group : groups_) DropArithmetic(&group, users);
}

// The program's own arithmetic on a layer's output (`y * y`, `left - right`) lies in the scope of
// its left operand, but is no part of the layer: operators in the scope of a layer with weights
// that nothing else of the layer needs. Recurrent cells end with operators of their own.
void LayerGroups::DropArithmetic(LayerGroup* group, const absl::flat_hash_set<const Node*>& users) {
  static const auto& kOperators = *new Names{"add", "sub", "mul", "truediv", "Neg"};
  const auto any = [&](const auto& is) {
    return std::any_of(group->nodes.begin(), group->nodes.end(), is);
  };
  const bool cell = any([](const Node* n) { return n->op() == "Sigmoid"; }) &&
                    any([](const Node* n) { return n->op() == "Tanh"; });
  if (cell || !any([&](const Node* n) { return users.contains(n); })) return;
  absl::flat_hash_set<const Node*> needed;
  std::vector<const Node*> kept;
  for (auto it = group->nodes.rbegin(); it != group->nodes.rend(); ++it) {
    const Node* node = *it;
    const bool arithmetic = kOperators.contains(BaseName(node->name())) &&
                            (!group->is_scope || ParentScope(node->name()) == group->name);
    if (arithmetic && !users.contains(node) && !needed.contains(node)) {
      index_.erase(node);
      continue;
    }
    kept.push_back(node);
    for (int i = 0; i < node->num_inputs(); ++i) needed.insert(node->input_edge(i).node);
  }
  group->nodes.assign(kept.rbegin(), kept.rend());
}

void LayerGroups::SeedByWeights(const GraphWeights& weights) {
  for (const GraphWeight& weight : weights.all()) {
    const absl::string_view scope = ScopeOfWeight(weight.node->name());
    for (const Node* user : weight.users) {
      absl::string_view place = ParentScope(user->name());
      if (!scope.empty() && IsInside(user->name(), scope)) {
        place = scope;
      } else if (const absl::string_view tower = TowerScope(user->name(), scope); !tower.empty()) {
        place = tower;
      }
      if (place.empty()) {
        lone_.insert(user->name());
      } else {
        scopes_[std::string(place)] |= IsUsualWeight(weight.node->name());
      }
    }
  }
}

// Layers without weights, and products of tensors.
void LayerGroups::SeedByOp(const Node& node) {
  absl::string_view place = IsLayerOp(node) ? ParentScope(node.name()) : absl::string_view();
  const bool at_root = IsLayerOp(node) && place.empty();
  for (absl::string_view s = ParentScope(node.name()); !s.empty(); s = ParentScope(s)) {
    const auto holder = scopes_.find(s);
    if (holder != scopes_.end() && (holder->second || IsContraction(node))) return;
    if (!LayerClassOf(BaseName(s)).empty()) place = s;
  }
  if (!place.empty()) scopes_.emplace(place, false);
  if (at_root) lone_.insert(node.name());
}

// The group of the only input that is in one; -1 for none or several.
int LayerGroups::Producer(const Node& node, const GraphWeights& weights) const {
  int found = -1;
  for (int i = 0; i < node.num_inputs(); ++i) {
    const Node& from = *node.input_edge(i).node;
    if (weights.IsWeight(from) || from.op() == "Const") continue;
    const int group = IndexOf(from);
    if (group < 0 || (found >= 0 && group != found)) return -1;
    found = group;
  }
  return found;
}

void LayerGroups::Put(const Node& node, const std::string& name, bool is_scope) {
  const auto [at, is_new] = by_name_.emplace(name, static_cast<int>(groups_.size()));
  if (is_new) groups_.push_back({name, is_scope});
  groups_[at->second].nodes.push_back(&node);
  index_[&node] = at->second;
}

void LayerGroups::Assign(const Node& node, const GraphWeights& weights) {
  for (absl::string_view s = node.name(); !s.empty(); s = ParentScope(s)) {
    if (scopes_.count(s) > 0) return Put(node, std::string(s), true);
  }
  // The bias and the activation of a product without a scope.
  const int producer = Producer(node, weights);
  const bool elementwise = Flops(node) > 0 && !IsLayerOp(node);
  if (elementwise && producer >= 0 && !groups_[producer].is_scope &&
      ParentScope(groups_[producer].name) == ParentScope(node.name())) {
    return Put(node, groups_[producer].name, false);
  }
  if (lone_.count(node.name()) > 0) Put(node, node.name(), false);
}

int LayerGroups::IndexOf(const Node& node) const {
  const auto found = index_.find(&node);
  return found == index_.end() ? -1 : found->second;
}

}  // namespace sluice::layers
