// Requests that reach calls of functions, as requests to a graph in which the functions' nodes
// stand.
#ifndef SLUICE_SESSION_LOWERED_REQUESTS_H_
#define SLUICE_SESSION_LOWERED_REQUESTS_H_

#include <cstddef>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/tensor.h"
#include "graph/graph.h"
#include "graph/lower_functions.h"
#include "graph/output.h"
#include "session/signature.h"

namespace sluice {

// The same feeds and fetches, in the same order, of `graph`.
struct LoweredRequest {
  std::shared_ptr<const LoweredGraph> graph;
  std::vector<std::pair<Output, Tensor>> feeds;
  Outputs fetches;
  bool discard = false;

  Request request() const { return {feeds, fetches, discard}; }
};

// Keeps the lowered form of a session's graph. Thread-safe.
class LoweredRequests {
 public:
  explicit LoweredRequests(const Graph& graph) : graph_(graph) {}

  // nullopt when a run of `request`, which CheckRequest() found good, reaches no call: it runs as
  // it is, and nothing is lowered. The graph is lowered once, and again after it or its library has
  // changed. Errors as LowerFunctions(), those about single nodes only when the run needs them.
  absl::StatusOr<std::optional<LoweredRequest>> Lower(const Request& request);

 private:
  absl::StatusOr<std::shared_ptr<const LoweredGraph>> LoweredNow(size_t library_hash);

  const Graph& graph_;
  std::mutex mutex_;
  std::shared_ptr<const LoweredGraph> lowered_;  // null before the first call is met
  size_t library_hash_ = 0;                      // of the functions that it was lowered with
};

}  // namespace sluice

#endif  // SLUICE_SESSION_LOWERED_REQUESTS_H_
