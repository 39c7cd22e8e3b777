#include "graph/gradient_path.h"

#include <algorithm>
#include <deque>
#include <set>

#include "absl/strings/str_join.h"
#include "graph/node.h"

namespace sluice {
namespace {

constexpr size_t kMaxNames = 12;

std::set<const Node*> NodesOf(const Outputs& outputs) {
  std::set<const Node*> nodes;
  for (const Output& o : outputs) nodes.insert(o.node());
  return nodes;
}

// The names on a shortest way from one of `from`, backwards along edges that carry gradients, to
// one of `to`, both ends included; empty when there is none.
std::vector<std::string> ShortestWay(const std::set<const Node*>& from,
                                     const std::set<const Node*>& to,
                                     const std::vector<bool>& between) {
  std::vector<const Node*> came_from(between.size(), nullptr);  // a start: itself
  std::deque<const Node*> todo;
  const auto visit = [&](const Node* node, const Node* before) {
    const auto id = static_cast<size_t>(node->id());
    if (id >= between.size() || !between[id] || came_from[id] != nullptr) return;
    came_from[id] = before;
    todo.push_back(node);
  };
  for (const Node* node : from) visit(node, node);
  while (!todo.empty()) {
    const Node* node = todo.front();
    todo.pop_front();
    if (to.count(node) > 0) {
      std::vector<std::string> names = {node->name()};
      for (; came_from[node->id()] != node; names.push_back(node->name())) {
        node = came_from[node->id()];
      }
      std::reverse(names.begin(), names.end());
      return names;
    }
    for (int i = 0; i < node->num_inputs(); ++i) {
      if (MayCarryGradients(BaseType(node->input(i).dtype()))) {
        visit(node->input_edge(i).node, node);
      }
    }
  }
  return {};
}

}  // namespace

bool MayCarryGradients(DType dtype) { return IsTrainable(dtype) || dtype == DType::kInvalid; }

std::string PathThrough(const Node* node, const Outputs& ys, const Outputs& xs,
                        const std::vector<bool>& between) {
  std::vector<std::string> names = ShortestWay(NodesOf(ys), {node}, between);
  const std::vector<std::string> rest = ShortestWay({node}, NodesOf(xs), between);
  if (names.empty()) names = {node->name()};
  if (!rest.empty()) names.insert(names.end(), rest.begin() + 1, rest.end());
  if (names.size() > kMaxNames) {
    const auto middle = names.begin() + kMaxNames / 2;
    *middle = "...";
    names.erase(middle + 1, names.end() - (kMaxNames / 2 - 1));
  }
  return absl::StrJoin(names, " <- ");
}

}  // namespace sluice
