#include "session/order.h"

#include <algorithm>
#include <functional>
#include <numeric>
#include <queue>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "core/status.h"
#include "graph/op_spec.h"
#include "session/frames.h"

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

// Puts items in order; an item is a node, or all nodes of a loop.
class Sorter {
 public:
  // `item_of[i]`: the item of nodes[i]. `heads[item]`: its node, null for a loop.
  Sorter(const std::vector<const Node*>& nodes, const LiveEdges& edges, std::vector<int> item_of,
         std::vector<const Node*> heads)
      : nodes_(nodes),
        edges_(edges),
        item_of_(std::move(item_of)),
        heads_(std::move(heads)),
        consumers_(heads_.size()) {
    for (size_t i = 0; i < nodes.size(); ++i) index_[nodes[i]] = static_cast<int>(i);
  }

  // The items in order; those of a cycle, and those behind it, are left out.
  std::vector<int> Run() {
    LinkConsumers();
    FindVariables();
    Sort();
    return std::move(sorted_);
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
    pending_.assign(heads_.size(), 0);
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
      const int to = Item(node);
      ForEachEarlier(edges_, *node, [&](const Node* producer) {
        const auto found = index_.find(producer);
        if (found == index_.end()) return;  // outside of the loop that is sorted
        const int from = item_of_[found->second];
        if (from != to || heads_[to] != nullptr) f(from, to);
      });
    }
  }

  // Fills resources_, written_ (by writer) and watched_ (by watcher).
  void FindVariables() {
    written_.resize(heads_.size());
    watched_.resize(heads_.size());
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
        (writes ? resources_[r].writers : readers[r]).push_back(Item(node));
        if (writes) written_[Item(node)].push_back(r);
      }
    }
    std::vector<int> seen(heads_.size(), -1);
    for (size_t r = 0; r < resources_.size(); ++r) {
      if (!resources_[r].writers.empty()) FindWatchers(static_cast<int>(r), readers[r], &seen);
    }
  }

  // Who looks at the old value of resource r: its readers and those who use what they read, under
  // any alias.
  void FindWatchers(int r, std::vector<int> queue, std::vector<int>* seen) {
    const size_t readers = queue.size();
    for (size_t i = 0; i < queue.size(); ++i) {
      const int item = queue[i];
      if ((*seen)[item] == r) continue;
      (*seen)[item] = r;
      const std::vector<int>& writes = written_[item];
      if (std::find(writes.begin(), writes.end(), r) == writes.end()) {
        watched_[item].push_back(r);
        ++resources_[r].watchers;
      }
      const Node* head = heads_[item];
      if (head == nullptr) continue;
      const bool passes_on = i < readers || !head->spec().aliases().empty();
      if (!passes_on || head->num_outputs() == 0) continue;
      if (IsHandle(head->output_dtype(0))) continue;
      const absl::Span<const int> users = consumers_[item];
      queue.insert(queue.end(), users.begin(), users.end());
    }
  }

  void Push(int i) {
    Urgency urgency = kNormal;
    if (heads_[i] != nullptr && heads_[i]->spec().writes_resources()) {
      const bool undisturbed = std::all_of(written_[i].begin(), written_[i].end(),
                                           [&](int r) { return resources_[r].watchers == 0; });
      urgency = undisturbed ? kFirst : kLast;
    }
    ready_.emplace(urgency, i);
  }

  void Sort() {
    done_.assign(heads_.size(), false);
    sorted_.reserve(heads_.size());
    for (size_t i = 0; i < heads_.size(); ++i) {
      if (pending_[i] == 0) Push(static_cast<int>(i));
    }
    while (!ready_.empty()) {
      const int i = ready_.top().second;
      ready_.pop();
      if (done_[i]) continue;  // was pushed again with more urgency
      done_[i] = true;
      sorted_.push_back(i);
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

  int Item(const Node* node) const { return item_of_[index_.at(node)]; }

  const std::vector<const Node*>& nodes_;
  const LiveEdges& edges_;
  const std::vector<int> item_of_;
  const std::vector<const Node*> heads_;
  absl::flat_hash_map<const Node*, int> index_;  // in nodes_
  // What follows is by item.
  Lists consumers_;
  std::vector<int> pending_;  // edges from items that are not done
  std::vector<Resource> resources_;
  std::vector<std::vector<int>> written_, watched_;  // resources
  // Smallest first: by urgency, then by age.
  using Entry = std::pair<int, int>;
  std::priority_queue<Entry, std::vector<Entry>, std::greater<Entry>> ready_;
  std::vector<bool> done_;
  std::vector<int> sorted_;
};

// Walks from a node that never got ready to producers of the same kind: the first one met twice is
// on a cycle.
absl::Status CycleError(const std::vector<const Node*>& nodes,
                        const absl::flat_hash_set<const Node*>& done, const LiveEdges& edges) {
  const Node* node =
      *std::find_if(nodes.begin(), nodes.end(), [&](const Node* n) { return !done.contains(n); });
  absl::flat_hash_set<const Node*> met;
  while (met.insert(node).second) {
    const Node* waits_for = nullptr;
    ForEachEarlier(edges, *node, [&](const Node* producer) {
      if (!done.contains(producer)) waits_for = producer;
    });
    node = waits_for;
  }
  return NodeError(*node, absl::InvalidArgumentError("waits for its own result: nodes in a cycle"));
}

// Loops as if they ran once.
absl::StatusOr<std::vector<const Node*>> FlatOrder(const std::vector<const Node*>& nodes,
                                                   const LiveEdges& edges) {
  std::vector<int> items(nodes.size());
  std::iota(items.begin(), items.end(), 0);
  std::vector<const Node*> order;
  order.reserve(nodes.size());
  for (int i : Sorter(nodes, edges, items, nodes).Run()) order.push_back(nodes[i]);
  if (order.size() == nodes.size()) return order;
  return CycleError(nodes, {order.begin(), order.end()}, edges);
}

// The order of what stands directly in one frame: nodes, and the frames inside it.
struct FrameOrder {
  struct Item {
    const Node* node = nullptr;
    int frame = -1;
  };
  std::vector<Item> items;
};

class LoopOrderer {
 public:
  LoopOrderer(const std::vector<const Node*>& nodes, const LiveEdges& edges, Frames frames)
      : edges_(edges), frames_(std::move(frames)), members_(frames_.frames.size()) {
    for (size_t i = 0; i < nodes.size(); ++i) {
      for (int f = frames_.of[i]; f >= 0; f = frames_.frames[f].parent) {
        members_[f].emplace_back(nodes[i], frames_.of[i]);
      }
    }
  }

  absl::Status Run(Order* order) {
    std::vector<FrameOrder> orders;
    for (size_t f = 0; f < members_.size(); ++f) {
      SLUICE_ASSIGN_OR_RETURN(orders.emplace_back(), OrderOf(static_cast<int>(f)));
    }
    WriteOut(orders, order);
    return absl::OkStatus();
  }

 private:
  // The frame directly inside `outer` that holds `frame`.
  int ChildOf(int outer, int frame) const {
    while (frames_.frames[frame].parent != outer) frame = frames_.frames[frame].parent;
    return frame;
  }

  absl::StatusOr<FrameOrder> OrderOf(int frame) const {
    FrameOrder result;
    std::vector<const Node*> nodes, heads;
    std::vector<int> item_of;
    absl::flat_hash_map<int, int> loops;  // item of each frame inside
    std::vector<FrameOrder::Item> items;
    for (const auto& [node, its_frame] : members_[frame]) {
      const auto next = static_cast<int>(items.size());
      int item = next;
      const int child = its_frame == frame ? -1 : ChildOf(frame, its_frame);
      if (child >= 0) item = loops.try_emplace(child, next).first->second;
      if (item == next) {
        items.push_back({child >= 0 ? nullptr : node, child});
        heads.push_back(items.back().node);
      }
      nodes.push_back(node);
      item_of.push_back(item);
    }
    for (int i : Sorter(nodes, edges_, item_of, heads).Run()) result.items.push_back(items[i]);
    if (result.items.size() == items.size()) return result;
    return absl::InvalidArgumentError(absl::StrCat("what leaves the loop in frame '",
                                                   Printable(frames_.frames[frame].name),
                                                   "' enters a loop that it waits for"));
  }

  void WriteOut(const std::vector<FrameOrder>& orders, Order* order) const {
    struct Open {
      int frame, next, loop;
    };
    order->nodes.clear();
    std::vector<Open> open = {{0, 0, -1}};
    while (!open.empty()) {
      Open& top = open.back();
      if (top.next == static_cast<int>(orders[top.frame].items.size())) {
        if (top.loop >= 0) order->loops[top.loop].end = static_cast<int>(order->nodes.size());
        open.pop_back();
        continue;
      }
      const FrameOrder::Item& item = orders[top.frame].items[top.next++];
      if (item.node != nullptr) {
        order->nodes.push_back(item.node);
        continue;
      }
      open.push_back({item.frame, 0, static_cast<int>(order->loops.size())});
      order->loops.push_back(
          {static_cast<int>(order->nodes.size()), 0, frames_.frames[item.frame].name});
    }
  }

  const LiveEdges& edges_;
  const Frames frames_;
  std::vector<std::vector<std::pair<const Node*, int>>> members_;  // by frame: node, its frame
};

void MarkRequired(const LiveEdges& edges, const Request& request, Order* order) {
  order->required.assign(order->nodes.size(), false);
  const auto mark = [&](const Node* node) {
    if (!edges.Satisfied(node)) order->required[order->position.at(node)] = true;
  };
  for (const Node* node : order->nodes) {
    for (const Node* control : node->control_inputs()) mark(control);
  }
  for (const Output& fetch : request.fetches) {
    if (fetch.is_operation() || request.discard) mark(fetch.node());
  }
}

}  // namespace

absl::StatusOr<Order> OrderNodes(const std::vector<const Node*>& nodes, const LiveEdges& edges,
                                 const Request& request) {
  Order order;
  SLUICE_ASSIGN_OR_RETURN(order.nodes, FlatOrder(nodes, edges));
  const bool loops = std::any_of(nodes.begin(), nodes.end(), [](const Node* node) {
    return node->spec().flow() == ControlFlow::kEnter || node->spec().flow() == ControlFlow::kExit;
  });
  if (loops) {
    SLUICE_ASSIGN_OR_RETURN(Frames frames, FindFrames(order.nodes, edges));
    const std::vector<const Node*> flat = std::move(order.nodes);
    SLUICE_RETURN_IF_ERROR(LoopOrderer(flat, edges, std::move(frames)).Run(&order));
  }
  for (size_t i = 0; i < order.nodes.size(); ++i) {
    order.position[order.nodes[i]] = static_cast<int>(i);
  }
  MarkRequired(edges, request, &order);
  return order;
}

}  // namespace sluice
