#include "session/prune.h"

#include <algorithm>
#include <functional>
#include <queue>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "core/status.h"

namespace sluice {

absl::Status NodeError(const Node& node, const absl::Status& status) {
  if (status.ok()) return status;
  std::string message = absl::StrCat("node '", Printable(node.name()), "' (", Printable(node.op()),
                                     "): ", status.message());
  if (!node.location().empty()) absl::StrAppend(&message, " (", node.location(), ")");
  absl::Status annotated(status.code(), message);
  status.ForEachPayload([&](absl::string_view type, const absl::Cord& payload) {
    annotated.SetPayload(type, payload);
  });
  return annotated;
}

namespace {

class Pruner {
 public:
  Pruner(const Graph& graph, const Request& request) : request_(request) {
    order_.position.assign(graph.num_nodes(), -1);
    for (const auto& feed : request.feeds) {
      fed_.insert({feed.first.node(), feed.first.index()});
      fed_nodes_.insert(feed.first.node());
    }
  }

  absl::StatusOr<Order> Run() {
    Collect();
    for (const Node* node : nodes_) SLUICE_RETURN_IF_ERROR(CheckRunnable(*node));
    LinkConsumers();
    Sort();
    if (order_.nodes.size() != nodes_.size()) return CycleError();
    for (size_t i = 0; i < order_.nodes.size(); ++i) {
      order_.position[order_.nodes[i]->id()] = static_cast<int>(i);
    }
    MarkRequired();
    return std::move(order_);
  }

 private:
  bool Fed(const Edge& edge) const {
    return fed_nodes_.contains(edge.node) && fed_.contains({edge.node, edge.index});
  }
  // A fed placeholder has nothing to run: those who waited for it may go on.
  bool Satisfied(const Node* node) const {
    return node->spec().must_be_fed() && fed_nodes_.contains(node);
  }

  // Calls f(producer) for every edge of `node` that is not cut.
  template <typename F>
  void ForEachProducer(const Node& node, F f) const {
    for (int i = 0; i < node.num_inputs(); ++i) {
      const Edge& edge = node.input_edge(i);
      if (edge.node != nullptr && !Fed(edge)) f(edge.node);
    }
    for (const Node* control : node.control_inputs()) {
      if (!Satisfied(control)) f(control);
    }
  }

  // Afterwards nodes_ holds what is needed by id, and order_.position numbers it.
  void Collect() {
    std::vector<const Node*> stack;
    const auto visit = [&](const Node* node) {
      // A node that was added after this run began: its id has no place in the table yet.
      if (node->id() >= static_cast<int>(order_.position.size())) {
        order_.position.resize(node->id() + 1, -1);
      }
      int& mark = order_.position[node->id()];
      if (mark >= 0) return;
      mark = 0;
      nodes_.push_back(node);
      stack.push_back(node);
    };
    for (const Output& fetch : request_.fetches) {
      const bool target = fetch.is_operation() || request_.discard;
      const bool given = target ? Satisfied(fetch.node()) : Fed({fetch.node(), fetch.index()});
      if (!given) visit(fetch.node());
    }
    while (!stack.empty()) {
      const Node* node = stack.back();
      stack.pop_back();
      ForEachProducer(*node, visit);
    }
    std::sort(nodes_.begin(), nodes_.end(),
              [](const Node* a, const Node* b) { return a->id() < b->id(); });
    for (size_t i = 0; i < nodes_.size(); ++i) {
      order_.position[nodes_[i]->id()] = static_cast<int>(i);
    }
  }

  absl::Status CheckRunnable(const Node& node) const {
    const OpSpec& spec = node.spec();
    if (spec.opaque()) {
      return NodeError(node, absl::UnimplementedError(absl::StrCat("Op type not registered '",
                                                                   Printable(node.op()), "'")));
    }
    if (spec.must_be_fed()) {
      std::string message =
          absl::StrCat("You must feed a value for placeholder tensor '", Printable(node.name()),
                       "' with dtype ", DTypeSchemaName(node.output_dtype(0)));
      const TensorShape& shape = node.output_shape(0);
      if (shape.rank() > 0) absl::StrAppend(&message, " and shape ", shape.ToString());
      return NodeError(node, absl::InvalidArgumentError(message));
    }
    const bool needs_kernel = node.num_outputs() > 0 || spec.stateful();
    if (needs_kernel && spec.prepare() == nullptr && spec.aliases().empty()) {
      return NodeError(node, absl::UnimplementedError(absl::StrCat(
                                 "No OpKernel was registered to support Op '", node.op(), "'")));
    }
    return absl::OkStatus();
  }

  // Fills pending_ (edges into each node) and the consumers of each node, one list after another.
  void LinkConsumers() {
    pending_.assign(nodes_.size(), 0);
    first_consumer_.assign(nodes_.size() + 1, 0);
    for (const Node* node : nodes_) {
      ForEachProducer(*node, [&](const Node* producer) {
        ++pending_[Index(node)];
        ++first_consumer_[Index(producer) + 1];
      });
    }
    for (size_t i = 0; i < nodes_.size(); ++i) first_consumer_[i + 1] += first_consumer_[i];
    consumers_.resize(first_consumer_.back());
    std::vector<int> next(first_consumer_.begin(), first_consumer_.end() - 1);
    for (const Node* node : nodes_) {
      ForEachProducer(
          *node, [&](const Node* producer) { consumers_[next[Index(producer)]++] = Index(node); });
    }
  }

  void Sort() {
    using Entry = std::pair<bool, int>;  // (writes resources, index): smallest first
    std::priority_queue<Entry, std::vector<Entry>, std::greater<Entry>> ready;
    const auto push = [&](int i) { ready.emplace(nodes_[i]->spec().writes_resources(), i); };
    std::vector<int> pending = pending_;
    for (size_t i = 0; i < nodes_.size(); ++i) {
      if (pending[i] == 0) push(static_cast<int>(i));
    }
    done_.assign(nodes_.size(), false);
    order_.nodes.reserve(nodes_.size());
    while (!ready.empty()) {
      const int i = ready.top().second;
      ready.pop();
      done_[i] = true;
      order_.nodes.push_back(nodes_[i]);
      for (int c = first_consumer_[i]; c < first_consumer_[i + 1]; ++c) {
        if (--pending[consumers_[c]] == 0) push(consumers_[c]);
      }
    }
  }

  // Walks from a node that never got ready to producers of the same kind: the first one met twice
  // is on a cycle.
  absl::Status CycleError() const {
    const size_t start = std::find(done_.begin(), done_.end(), false) - done_.begin();
    const Node* node = nodes_[start];
    std::vector<bool> met(nodes_.size(), false);
    while (!met[Index(node)]) {
      met[Index(node)] = true;
      const Node* waits_for = nullptr;
      ForEachProducer(*node, [&](const Node* producer) {
        if (!done_[Index(producer)]) waits_for = producer;
      });
      node = waits_for;
    }
    return NodeError(*node,
                     absl::InvalidArgumentError("waits for its own result: nodes in a cycle"));
  }

  void MarkRequired() {
    order_.required.assign(order_.nodes.size(), false);
    for (const Node* node : order_.nodes) {
      for (const Node* control : node->control_inputs()) {
        if (!Satisfied(control)) order_.required[Index(control)] = true;
      }
    }
    for (const Output& fetch : request_.fetches) {
      if (!fetch.is_operation() && !request_.discard) continue;
      if (!Satisfied(fetch.node())) order_.required[Index(fetch.node())] = true;
    }
  }

  int Index(const Node* node) const { return order_.position[node->id()]; }

  const Request& request_;
  Order order_;  // until Sort() is done, position numbers nodes_
  std::vector<const Node*> nodes_;
  absl::flat_hash_set<std::pair<const Node*, int>> fed_;
  absl::flat_hash_set<const Node*> fed_nodes_;
  std::vector<int> pending_, first_consumer_, consumers_;
  std::vector<bool> done_;
};

}  // namespace

absl::StatusOr<Order> PruneAndOrder(const Graph& graph, const Request& request) {
  return Pruner(graph, request).Run();
}

}  // namespace sluice
