// A frozen graph whose constants are being cut.
#ifndef SLUICE_TRAIN_FROZEN_MODEL_H_
#define SLUICE_TRAIN_FROZEN_MODEL_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/tensor.h"
#include "graph/graph.h"
#include "graph/node.h"

namespace sluice {
namespace proto {
class GraphDef;
}  // namespace proto

namespace pruning {

// What is to change in one constant: first `added` to its elements, then entries along `axis` go.
struct Cut {
  std::vector<double> added = {};  // empty: nothing
  int axis = -1;                   // -1: none
  std::vector<int64_t> entries = {};
};
using Cuts = absl::flat_hash_map<const Node*, Cut>;

// The graph as nodes, who reads whom, and the constants as they are now. Shapes of the nodes are
// those before any cut: good for ranks and for dimensions that are no channels.
class FrozenModel {
 public:
  // A reader of a node's data: its input `input`.
  struct Reader {
    const Node* node;
    int input;
  };

  // `outputs` are names of nodes that must not change.
  static absl::StatusOr<std::unique_ptr<FrozenModel>> Open(const proto::GraphDef& def,
                                                           const std::vector<std::string>& outputs,
                                                           const OpRegistry& registry);

  const Graph& graph() const { return graph_; }
  // The readers of `output` of `node`; those of its other outputs do not count.
  std::vector<Reader> ReadersOf(const Output& output) const;
  bool is_output(const Node& node) const { return outputs_.contains(&node); }

  // The constant behind an input, perhaps through Identity; null when it is none or when somebody
  // else reads it, so that it cannot be cut for one reader.
  const Node* OwnConstant(const Node& reader, int input) const;
  // Likewise, but others may read it.
  const Node* AnyConstant(const Node& reader, int input) const;
  // As it is now. REQUIRES: `constant` came from one of these.
  const Tensor& ValueOf(const Node* constant) const { return values_.at(constant); }
  // The elements of a float or double constant; empty for other dtypes.
  std::vector<double> Doubles(const Node* constant) const;

  absl::Status Apply(const Cuts& cuts);
  // Puts a new value in place of one that nobody else reads.
  void Replace(const Node* constant, Tensor value);
  // Writes the constants that changed into the graph that was opened.
  absl::Status WriteTo(proto::GraphDef* def) const;
  bool changed() const { return !changed_.empty(); }

 private:
  explicit FrozenModel(const OpRegistry& registry) : graph_(registry) {}
  const Node* Constant(const Node& reader, int input, bool own) const;

  Graph graph_;
  std::vector<std::vector<Reader>> readers_;  // by node id; every output
  absl::flat_hash_set<const Node*> outputs_;
  absl::flat_hash_map<const Node*, Tensor> values_;
  absl::flat_hash_set<const Node*> changed_;
};

// `t` as [outer, n, inner] around the dimension `axis`.
struct Along {
  Along(const TensorShape& shape, int axis);
  int64_t outer = 1, n = 1, inner = 1;
  // Flat places of the elements with index i along the axis, in order, to `f`.
  template <typename F>
  void ForEach(int64_t i, F f) const {
    for (int64_t o = 0; o < outer; ++o) {
      for (int64_t k = 0; k < inner; ++k) f((o * n + i) * inner + k);
    }
  }
};

}  // namespace pruning
}  // namespace sluice

#endif  // SLUICE_TRAIN_FROZEN_MODEL_H_
