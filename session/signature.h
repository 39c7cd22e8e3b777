// What a call of Session::Run asks for, and the key of the plan that serves it.
#ifndef SLUICE_SESSION_SIGNATURE_H_
#define SLUICE_SESSION_SIGNATURE_H_

#include <cstdint>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "core/tensor.h"
#include "graph/graph.h"
#include "graph/output.h"

namespace sluice {

// The arguments of one run, not owned.
struct Request {
  absl::Span<const std::pair<Output, Tensor>> feeds;
  absl::Span<const Output> fetches;
  bool discard = false;  // the fetches' values are not wanted: all of them are targets
};

// The part of CheckRequest() that needs no values.
absl::Status CheckElements(const Graph& graph, absl::Span<const Output> feeds,
                           absl::Span<const Output> fetches);

// InvalidArgument for what no plan can serve: an empty or foreign Output, an operation fed, a
// tensor fed twice, a dtype or static shape that the fed value does not have, nothing to run (rules
// SE-1, SE-2, SE-5).
absl::Status CheckRequest(const Graph& graph, const Request& request);

// Equal for requests that one plan serves: same feeds (with dtypes and shapes) and fetches in the
// same order. Allocates nothing.
uint64_t HashRequest(const Request& request);

// A request without its values.
class Signature {
 public:
  explicit Signature(const Request& request);
  // Would a plan of this signature serve `request`? Allocates nothing.
  bool Matches(const Request& request) const;

 private:
  struct Feed {
    const Node* node;
    int index;
    DType dtype;
    TensorShape shape;
  };
  std::vector<Feed> feeds_;
  std::vector<std::pair<const Node*, int>> fetches_;
  bool discard_;
};

}  // namespace sluice

#endif  // SLUICE_SESSION_SIGNATURE_H_
