#include "session/lowered_requests.h"

#include <algorithm>
#include <string>

#include "absl/hash/hash.h"
#include "absl/strings/str_cat.h"
#include "core/status.h"
#include "session/prune.h"

namespace sluice {
namespace {

bool NeedsLowering(const Node& node, bool has_library) {
  return node.spec().flow() == ControlFlow::kCall || (has_library && node.spec().opaque());
}

absl::StatusOr<Output> Find(const LoweredGraph& graph, const Output& original) {
  const Output found = graph.Find(original);
  if (!found.empty()) return found;
  const auto failed = graph.failures.find(original.node()->id());
  if (failed != graph.failures.end()) return failed->second;
  return NodeError(*original.node(),
                   absl::InvalidArgumentError(absl::StrCat(
                       "there is no output ", original.index(), ": the function gives ",
                       graph.outputs[static_cast<size_t>(original.node()->id())].size())));
}

}  // namespace

absl::StatusOr<std::optional<LoweredRequest>> LoweredRequests::Lower(const Request& request) {
  const std::vector<const Node*> needed = NeededNodes(LiveEdges(request), request);
  const bool may_call = std::any_of(needed.begin(), needed.end(),
                                    [](const Node* node) { return MayCallFunctions(*node); });
  if (!may_call) return std::nullopt;
  const std::string library = graph_.function_library();
  const bool calls = std::any_of(needed.begin(), needed.end(), [&](const Node* node) {
    return NeedsLowering(*node, !library.empty());
  });
  if (!calls) return std::nullopt;

  LoweredRequest lowered;
  SLUICE_ASSIGN_OR_RETURN(lowered.graph, LoweredNow(absl::HashOf(library)));
  for (const Node* node : needed) {
    const auto failed = lowered.graph->failures.find(node->id());
    if (failed != lowered.graph->failures.end()) return failed->second;
  }
  for (const auto& [to, value] : request.feeds) {
    SLUICE_ASSIGN_OR_RETURN(const Output in_lowered, Find(*lowered.graph, to));
    lowered.feeds.emplace_back(in_lowered, value);
  }
  for (const Output& fetch : request.fetches) {
    SLUICE_ASSIGN_OR_RETURN(lowered.fetches.emplace_back(), Find(*lowered.graph, fetch));
  }
  lowered.discard = request.discard;
  return lowered;
}

absl::StatusOr<std::shared_ptr<const LoweredGraph>> LoweredRequests::LoweredNow(
    size_t library_hash) {
  const std::lock_guard<std::mutex> lock(mutex_);
  const auto hold = graph_.Hold();
  const auto num_nodes = static_cast<size_t>(graph_.num_nodes());
  if (lowered_ == nullptr || lowered_->operations.size() != num_nodes ||
      library_hash_ != library_hash) {
    SLUICE_ASSIGN_OR_RETURN(LoweredGraph fresh, LowerFunctions(graph_));
    lowered_ = std::make_shared<const LoweredGraph>(std::move(fresh));
    library_hash_ = library_hash;
  }
  return lowered_;
}

}  // namespace sluice
