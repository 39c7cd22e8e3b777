#include "session/prune.h"

#include <algorithm>
#include <map>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
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

LiveEdges::LiveEdges(const Request& request) {
  for (const auto& feed : request.feeds) {
    fed_.insert({feed.first.node(), feed.first.index()});
    fed_nodes_.insert(feed.first.node());
  }
}

bool LiveEdges::Satisfied(const Node* node) const {
  return node->spec().must_be_fed() && fed_nodes_.contains(node);
}

namespace {

absl::Status CheckRunnable(const Node& node) {
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
  const bool flow = spec.flow() != ControlFlow::kNone;
  const bool needs_kernel = !flow && (node.num_outputs() > 0 || spec.stateful());
  if (needs_kernel && spec.prepare() == nullptr && spec.aliases().empty()) {
    return NodeError(node, absl::UnimplementedError(absl::StrCat(
                               "No OpKernel was registered to support Op '", node.op(), "'")));
  }
  return absl::OkStatus();
}

// `error` is about the first node whose op the registry lacks; where others are like it, it tells
// what all of them are.
absl::Status NameUnknownOps(const std::vector<const Node*>& nodes, const absl::Status& error) {
  constexpr size_t kMostNames = 50;
  std::map<std::string, int> counts;
  int total = 0;
  for (const Node* node : nodes) {
    if (!node->spec().opaque()) continue;
    ++counts[node->op()];
    ++total;
  }
  if (total == 1) return error;
  std::vector<std::string> shown;
  for (const auto& [op, count] : counts) {
    if (shown.size() == kMostNames) break;
    shown.push_back(absl::StrCat(Printable(op), " (", count, count == 1 ? " node)" : " nodes)"));
  }
  const size_t more = counts.size() - shown.size();
  return absl::Status(
      error.code(),
      absl::StrCat(error.message(), "; all that this run needs and Sluice does not have: ",
                   absl::StrJoin(shown, ", "),
                   more > 0 ? absl::StrCat(" and ", more, " more ops") : ""));
}

}  // namespace

std::vector<const Node*> NeededNodes(const LiveEdges& edges, const Request& request) {
  absl::flat_hash_set<const Node*> seen;
  std::vector<const Node*> nodes;
  const auto visit = [&](const Node* node) {
    if (seen.insert(node).second) nodes.push_back(node);
  };
  for (const Output& fetch : request.fetches) {
    const bool target = fetch.is_operation() || request.discard;
    const bool given =
        target ? edges.Satisfied(fetch.node()) : edges.Fed({fetch.node(), fetch.index()});
    if (!given) visit(fetch.node());
  }
  // `nodes` is the queue of the walk too.
  for (size_t i = 0; i < nodes.size(); ++i) edges.ForEachProducer(*nodes[i], visit);
  std::sort(nodes.begin(), nodes.end(),
            [](const Node* a, const Node* b) { return a->id() < b->id(); });
  return nodes;
}

absl::StatusOr<std::vector<const Node*>> Prune(const LiveEdges& edges, const Request& request) {
  std::vector<const Node*> nodes = NeededNodes(edges, request);
  for (const Node* node : nodes) {
    const absl::Status runnable = CheckRunnable(*node);
    if (runnable.ok()) continue;
    return node->spec().opaque() ? NameUnknownOps(nodes, runnable) : runnable;
  }
  return nodes;
}

}  // namespace sluice
