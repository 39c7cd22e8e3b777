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
#include "absl/types/span.h"
#include "core/tensor.h"
#include "graph/graph.h"
#include "graph/output.h"
#include "session/plan_description.h"
#include "session/run_metadata.h"

namespace sluice {

// What a session does before the first step of a train op (an item of TRAIN_OP): it looks for
// mistakes that would otherwise show as a model that learns badly (graph/lint.h, the cheap kinds).
enum class Preflight {
  kOff,
  kWarn,    // logs each finding once
  kStrict,  // the run fails with FailedPrecondition, naming all findings of kind warning
};

struct SessionOptions {
  // Threads of one op (TensorFlow's intra_op_parallelism_threads); 0: every core the process may
  // use. Runs at the same time share them.
  int intra_op_threads = 0;
  // Ops that may run at the same time (inter_op_parallelism_threads), each on intra_op_threads
  // threads: pays for wide graphs of small ops. The results are those of 1, bit for bit.
  int inter_op_threads = 1;
  int64_t memory_limit_bytes = 0;  // of all tensors and plans; 0: 80 % of physical memory
  // Results do not depend on intra_op_threads, bit for bit, and no faster arithmetic that rounds
  // otherwise (Winograd's convolution) is used. Costs speed.
  bool deterministic = false;
  bool optimize = true;  // false: no folding, merging, rewrites, in-place work: for finding faults
  std::vector<std::string> disabled_rewrites = {};  // by Rewrite::name; InvalidArgument if unknown
  Preflight preflight = Preflight::kWarn;
};

using Feeds = std::vector<std::pair<Output, Tensor>>;

// What a run does besides running (tf.RunOptions).
struct RunOptions {
  enum TraceLevel { kNoTrace, kFullTrace };
  TraceLevel trace_level = kNoTrace;  // kFullTrace: the RunMetadata gets the time of every step
};

// A prepared call (tf.Session.make_callable): fetches and the tensors to feed are fixed, only the
// values differ. Runs find their plan without a look-up. Copies share the prepared state. The
// session must outlive it.
class Callable {
 public:
  // `feeds`: one value for each tensor of the feed list, in its order. `results` as
  // Session::RunInto. A new shape compiles a plan, as a run of the session would. May be called
  // from many threads. Errors as Session::Run; InvalidArgument for another number of values.
  absl::Status Run(absl::Span<const Tensor> feeds, std::vector<Tensor>* results);
  absl::StatusOr<std::vector<Tensor>> operator()(absl::Span<const Tensor> feeds = {});

 private:
  friend class Session;
  class Impl;
  explicit Callable(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}
  std::shared_ptr<Impl> impl_;
};

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
  // After an error each of them is the old or the new one; its elements are lost when the op failed
  // that makes them.
  absl::Status RunInto(const Feeds& feeds, const Outputs& fetches, std::vector<Tensor>* results);
  // Runs one operation (or tensor, dropping its value).
  absl::Status Run(const Output& target);
  // As RunInto; `metadata`, when not null, is overwritten with what `options` ask for.
  absl::Status RunInto(const Feeds& feeds, const Outputs& fetches, const RunOptions& options,
                       std::vector<Tensor>* results, RunMetadata* metadata);

  // InvalidArgument for fetches and feeds that no run can have (a tensor twice, of another graph).
  absl::StatusOr<Callable> MakeCallable(const Outputs& fetches, const Outputs& feed_list = {});

  // The plan of a run with these feeds (only dtypes and shapes count: Tensor::ShapeOnly will do),
  // compiled but not run.
  absl::StatusOr<PlanDescription> DescribePlan(const Feeds& feeds, const Outputs& fetches);

  // Runs fail with Cancelled from now on; those under way finish their present step of the plan and
  // end Cancelled.
  void Close();

  // Counter behind random ops: advances with each run that holds one; saved with checkpoints, so
  // that resuming repeats the same numbers.
  uint64_t random_run() const;
  void set_random_run(uint64_t run);

  const Graph& graph() const;
  int intra_op_threads() const;
  int64_t memory_held() const;  // bytes of tensors and plans now

 private:
  friend class Callable;
  class Impl;
  explicit Session(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace sluice

#endif  // SLUICE_SESSION_SESSION_H_
