#include "graph/updates.h"

#include <algorithm>
#include <string>
#include <vector>

#include "graph/gradients.h"
#include "graph/node.h"

namespace sluice {

AttrValue UpdateOf(const Outputs& layer_outputs) {
  std::vector<std::string> names;
  for (const Output& output : layer_outputs) {
    if (!output.empty()) names.push_back(output.node()->name());
  }
  return AttrValue(std::move(names));
}

Outputs UpdatesFor(const Graph& graph, const Outputs& losses) {
  Outputs present;
  for (const Output& loss : losses) {
    if (!loss.empty()) present.push_back(loss);
  }
  const std::vector<bool> needed = Ancestors(graph, present);
  const auto is_needed = [&](const std::string& name) {
    const Node* node = graph.FindNode(name);
    return node != nullptr && static_cast<size_t>(node->id()) < needed.size() && needed[node->id()];
  };
  Outputs updates;
  for (const Output& update : graph.OutputsIn(keys::kUpdateOps)) {
    const AttrValue* attr = FindAttr(update.node()->attrs(), kUpdateOfAttr);
    const auto* owners = attr == nullptr ? nullptr : attr->get_if<std::vector<std::string>>();
    if (owners == nullptr || owners->empty() ||
        std::any_of(owners->begin(), owners->end(), is_needed)) {
      updates.push_back(update);
    }
  }
  return updates;
}

}  // namespace sluice
