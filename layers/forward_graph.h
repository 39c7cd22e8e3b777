// The layers of a graph, inferred from scopes: what Summary(const Graph&) is made of.
#ifndef SLUICE_LAYERS_FORWARD_GRAPH_H_
#define SLUICE_LAYERS_FORWARD_GRAPH_H_

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/strings/string_view.h"
#include "graph/graph.h"
#include "graph/node.h"

namespace sluice::layers {

// "net/conv1/Conv2D" -> "net/conv1"; "" at the root.
absl::string_view ParentScope(absl::string_view name);
// The last component without its number: "net/dense_1" -> "dense".
absl::string_view BaseName(absl::string_view scope);
// "max_pooling2d" -> "MaxPooling2D"; "" for what is no class of layers.
std::string LayerClassOf(absl::string_view base_name);
// The scope of a weight's layer: "dense" for "dense/kernel/part_0".
absl::string_view ScopeOfWeight(absl::string_view name);
// A name that layers give to their variables: ".../kernel", ".../moving_mean".
bool IsUsualWeight(absl::string_view name);

// The nodes that compute a model's outputs: without gradients, optimizers, initializers, savers,
// regularizers and moving averages, which are known by their ops and by the names of their scopes.
class ForwardNodes {
 public:
  explicit ForwardNodes(const Graph& graph);
  bool Contains(const Node& node) const { return forward_[node.id()]; }

 private:
  std::vector<bool> forward_;
};

// A variable, or in a graph without variables a constant that serves as one.
struct GraphWeight {
  const Node* node = nullptr;
  int64_t elements = 0;
  bool trainable = true;
  std::vector<const Node*> users = {};  // forward nodes that compute with it, by id
};

// Finds the weights and who computes with them, through reads, identities and the joining of
// partitions.
class GraphWeights {
 public:
  GraphWeights(const Graph& graph, const ForwardNodes& forward);
  const std::vector<GraphWeight>& all() const { return weights_; }
  // A weight or a read of one.
  bool IsWeight(const Node& node) const { return held_.contains(&node); }

 private:
  bool FindVariables(const Graph& graph);
  void FindConstants(const Graph& graph, const ForwardNodes& forward);
  void FindUsers(const Graph& graph, const ForwardNodes& forward);
  void Add(const Node& node, const TensorShape& shape, bool trainable);

  std::vector<GraphWeight> weights_;
  absl::flat_hash_map<const Node*, std::vector<size_t>> held_;  // node -> weights that it gives
};

// One row to be.
struct LayerGroup {
  std::string name;  // the scope, or the node where there is none
  bool is_scope = true;
  std::vector<const Node*> nodes = {};  // by id
};

// Which forward node belongs to which layer.
class LayerGroups {
 public:
  LayerGroups(const Graph& graph, const ForwardNodes& forward, const GraphWeights& weights);
  // By the first node.
  const std::vector<LayerGroup>& all() const { return groups_; }
  int IndexOf(const Node& node) const;  // -1: in none

 private:
  void SeedByWeights(const GraphWeights& weights);
  void SeedByOp(const Node& node);
  void Assign(const Node& node, const GraphWeights& weights);
  int Producer(const Node& node, const GraphWeights& weights) const;
  void Put(const Node& node, const std::string& name, bool is_scope);
  void DropArithmetic(LayerGroup* group, const absl::flat_hash_set<const Node*>& users);

  std::map<std::string, bool, std::less<>> scopes_;  // true: those of a layer with usual weights
  std::set<std::string, std::less<>> lone_;          // nodes that are layers on their own
  std::vector<LayerGroup> groups_;
  std::map<std::string, int> by_name_;
  absl::flat_hash_map<const Node*, int> index_;
};

}  // namespace sluice::layers

#endif  // SLUICE_LAYERS_FORWARD_GRAPH_H_
