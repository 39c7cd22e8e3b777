// Session: runs a graph. Holds the values of its variables.
#ifndef SLUICE_SESSION_SESSION_H_
#define SLUICE_SESSION_SESSION_H_

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/tensor.h"
#include "graph/graph.h"
#include "graph/output.h"

namespace sluice {

// What a session does before the first step of a train op (an item of TRAIN_OP): it looks for
// mistakes that would otherwise show as a model that learns badly (graph/lint.h, the cheap kinds).
enum class Preflight {
  kOff,
  kWarn,    // logs each finding once
  kStrict,  // the run fails with FailedPrecondition, naming all findings of kind warning
};

struct SessionOptions {
  int threads = 0;                 // of one run; 0: every core the process may use
  int64_t memory_limit_bytes = 0;  // of all tensors and plans; 0: 80 % of physical memory
  bool optimize = true;            // false: no folding, merging, in-place work: for finding faults
  Preflight preflight = Preflight::kWarn;
};

using Feeds = std::vector<std::pair<Output, Tensor>>;

// Every distinct (feeds, fetches, feed shapes) signature is compiled to a plan once; later runs
// walk the plan. Run may be called from many threads at once. The graph may grow between runs.
// Variables live in the session: two sessions share none. Movable. The graph must outlive it.
class Session {
 public:
  // The graph's own error when building it failed; InvalidArgument for an empty graph or senseless
  // options.
  static absl::StatusOr<Session> Create(const Graph& graph, SessionOptions options = {});
  Session(Session&&) noexcept;
  Session& operator=(Session&&) noexcept;
  ~Session();

  // Runs what `fetches` need and returns their values in that order (an operation gives an empty
  // Tensor). Any tensor may be fed: the value replaces it for all its consumers. Errors as rules
  // SE-1 to SE-12: a wrong feed dtype or shape, a tensor fed twice, a placeholder not fed, an
  // uninitialized variable; a kernel's error carries its node's name, op and the line that built
  // it.
  absl::StatusOr<std::vector<Tensor>> Run(const Feeds& feeds, const Outputs& fetches);
  // The same into `results`, whose tensors are overwritten in place where dtype and shape fit and
  // nobody else holds them: a steady-state step then allocates nothing.
  // After an error each of them is the old or the new one.
  absl::Status RunInto(const Feeds& feeds, const Outputs& fetches, std::vector<Tensor>* results);
  // Runs one operation (or tensor, dropping its value).
  absl::Status Run(const Output& target);

  // Runs fail with Cancelled from now on; those under way finish their present step of the plan and
  // end Cancelled.
  void Close();

  // Counter behind random ops: advances with each run that holds one; saved with checkpoints, so
  // that resuming repeats the same numbers.
  uint64_t random_run() const;
  void set_random_run(uint64_t run);

  const Graph& graph() const;
  int threads() const;
  int64_t memory_held() const;  // bytes of tensors and plans now

 private:
  class Impl;
  explicit Session(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace sluice

#endif  // SLUICE_SESSION_SESSION_H_
