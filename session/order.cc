#include "session/order.h"

#include <algorithm>
#include <functional>
#include <queue>
#include <utility>

namespace sluice {
namespace {

// Lists of numbers, one for each of n owners, stored one after another.
class Lists {
 public:
  explicit Lists(size_t owners) : first_(owners + 1, 0) {}
  // All Count() calls come before all Add() calls, with the same owners.
  void Count(int owner) { ++first_[owner + 1]; }
  void StartAdding() {
    for (size_t i = 1; i < first_.size(); ++i) first_[i] += first_[i - 1];
    items_.resize(first_.back());
    next_.assign(first_.begin(), first_.end() - 1);
  }
  void Add(int owner, int item) { items_[next_[owner]++] = item; }
  absl::Span<const int> operator[](int owner) const {
    return absl::MakeConstSpan(items_).subspan(first_[owner], first_[owner + 1] - first_[owner]);
  }

 private:
  std::vector<int> first_, next_, items_;
};

bool IsHandle(DType d) { return d == DType::kResource || IsRef(d); }

class Orderer {
 public:
  Orderer(const std::vector<const Node*>& nodes, const LiveEdges& edges, const Request& request)
      : nodes_(nodes), edges_(edges), request_(request), consumers_(nodes.size()) {
    for (size_t i = 0; i < nodes.size(); ++i) index_[nodes[i]] = static_cast<int>(i);
  }

  absl::StatusOr<Order> Run() {
    LinkConsumers();
    FindVariables();
    Sort();
    if (order_.nodes.size() != nodes_.size()) return CycleError();
    for (size_t i = 0; i < order_.nodes.size(); ++i) {
      order_.position[order_.nodes[i]] = static_cast<int>(i);
    }
    MarkRequired();
    return std::move(order_);
  }

 private:
  // One variable, or whatever else a handle names: who changes it, and how many of those that look
  // at its old value are not done.
  struct Resource {
    std::vector<int> writers;
    int watchers = 0;
  };
  enum Urgency { kFirst, kNormal, kLast };

  void LinkConsumers() {
    pending_.assign(nodes_.size(), 0);
    ForEachEdge([&](int from, int to) {
      ++pending_[to];
      consumers_.Count(from);
    });
    consumers_.StartAdding();
    ForEachEdge([&](int from, int to) { consumers_.Add(from, to); });
  }

  template <typename F>
  void ForEachEdge(F f) const {
    for (const Node* node : nodes_) {
      const int to = Index(node);
      edges_.ForEachProducer(*node, [&](const Node* producer) { f(Index(producer), to); });
    }
  }

  // Fills resources_, written_ (by writer) and watched_ (by watcher).
  void FindVariables() {
    written_.resize(nodes_.size());
    watched_.resize(nodes_.size());
    absl::flat_hash_map<std::pair<const Node*, int>, int> found;
    std::vector<std::vector<int>> readers;
    for (const Node* node : nodes_) {
      for (int i = 0; i < node->num_inputs(); ++i) {
        const Edge& edge = node->input_edge(i);
        if (edge.node == nullptr || edges_.Fed(edge)) continue;
        if (!IsHandle(edge.node->output_dtype(edge.index))) continue;
        const int next = static_cast<int>(resources_.size());
        const int r = found.try_emplace({edge.node, edge.index}, next).first->second;
        if (r == next) {
          resources_.emplace_back();
          readers.emplace_back();
        }
        const bool writes = node->spec().writes_resources();
        (writes ? resources_[r].writers : readers[r]).push_back(Index(node));
        if (writes) written_[Index(node)].push_back(r);
      }
    }
    std::vector<int> seen(nodes_.size(), -1);
    for (size_t r = 0; r < resources_.size(); ++r) {
      if (!resources_[r].writers.empty()) FindWatchers(static_cast<int>(r), readers[r], &seen);
    }
  }

  // Who looks at the old value of resource r: its readers and those who use what they read, under
  // any alias.
  void FindWatchers(int r, std::vector<int> queue, std::vector<int>* seen) {
    const size_t readers = queue.size();
    for (size_t i = 0; i < queue.size(); ++i) {
      const int node = queue[i];
      if ((*seen)[node] == r) continue;
      (*seen)[node] = r;
      const std::vector<int>& writes = written_[node];
      if (std::find(writes.begin(), writes.end(), r) == writes.end()) {
        watched_[node].push_back(r);
        ++resources_[r].watchers;
      }
      const bool passes_on = i < readers || !nodes_[node]->spec().aliases().empty();
      if (!passes_on || nodes_[node]->num_outputs() == 0) continue;
      if (IsHandle(nodes_[node]->output_dtype(0))) continue;
      const absl::Span<const int> users = consumers_[node];
      queue.insert(queue.end(), users.begin(), users.end());
    }
  }

  void Push(int i) {
    Urgency urgency = kNormal;
    if (nodes_[i]->spec().writes_resources()) {
      const bool undisturbed = std::all_of(written_[i].begin(), written_[i].end(),
                                           [&](int r) { return resources_[r].watchers == 0; });
      urgency = undisturbed ? kFirst : kLast;
    }
    ready_.emplace(urgency, i);
  }

  void Sort() {
    done_.assign(nodes_.size(), false);
    order_.nodes.reserve(nodes_.size());
    for (size_t i = 0; i < nodes_.size(); ++i) {
      if (pending_[i] == 0) Push(static_cast<int>(i));
    }
    while (!ready_.empty()) {
      const int i = ready_.top().second;
      ready_.pop();
      if (done_[i]) continue;  // was pushed again with more urgency
      done_[i] = true;
      order_.nodes.push_back(nodes_[i]);
      for (int r : watched_[i]) {
        if (--resources_[r].watchers > 0) continue;
        for (int writer : resources_[r].writers) {
          if (pending_[writer] == 0 && !done_[writer]) Push(writer);
        }
      }
      for (int consumer : consumers_[i]) {
        if (--pending_[consumer] == 0) Push(consumer);
      }
    }
  }

  // Walks from a node that never got ready to producers of the same kind: the first one met twice
  // is on a cycle.
  absl::Status CycleError() const {
    const auto start = std::find(done_.begin(), done_.end(), false) - done_.begin();
    const Node* node = nodes_[static_cast<size_t>(start)];
    std::vector<bool> met(nodes_.size(), false);
    while (!met[Index(node)]) {
      met[Index(node)] = true;
      const Node* waits_for = nullptr;
      edges_.ForEachProducer(*node, [&](const Node* producer) {
        if (!done_[Index(producer)]) waits_for = producer;
      });
      node = waits_for;
    }
    return NodeError(*node,
                     absl::InvalidArgumentError("waits for its own result: nodes in a cycle"));
  }

  void MarkRequired() {
    order_.required.assign(order_.nodes.size(), false);
    const auto mark = [&](const Node* node) {
      if (!edges_.Satisfied(node)) order_.required[order_.position.at(node)] = true;
    };
    for (const Node* node : order_.nodes) {
      for (const Node* control : node->control_inputs()) mark(control);
    }
    for (const Output& fetch : request_.fetches) {
      if (fetch.is_operation() || request_.discard) mark(fetch.node());
    }
  }

  int Index(const Node* node) const { return index_.at(node); }

  const std::vector<const Node*>& nodes_;
  const LiveEdges& edges_;
  const Request& request_;
  Order order_;
  absl::flat_hash_map<const Node*, int> index_;  // in nodes_
  Lists consumers_;
  std::vector<int> pending_;  // edges from nodes that are not done
  std::vector<Resource> resources_;
  std::vector<std::vector<int>> written_, watched_;  // resources, by node
  // Smallest first: by urgency, then by age.
  using Entry = std::pair<int, int>;
  std::priority_queue<Entry, std::vector<Entry>, std::greater<Entry>> ready_;
  std::vector<bool> done_;
};

}  // namespace

absl::StatusOr<Order> OrderNodes(const std::vector<const Node*>& nodes, const LiveEdges& edges,
                                 const Request& request) {
  return Orderer(nodes, edges, request).Run();
}

}  // namespace sluice
