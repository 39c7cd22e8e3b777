#include "session/session.h"

#include <algorithm>
#include <new>
#include <random>
#include <utility>

#include "absl/strings/str_cat.h"
#include "core/status.h"
#include "core/threads.h"
#include "session/plan_cache.h"
#include "session/signature.h"
#include "session/state.h"

namespace sluice {
namespace {

uint64_t DrawSeed() {
  std::random_device device;
  return (uint64_t{device()} << 32) | device();
}

// Counts a run as active while it lives.
class ActiveRun {
 public:
  explicit ActiveRun(SessionState& session) : session_(session) {
    const int active = session_.active_runs.fetch_add(1, std::memory_order_relaxed) + 1;
    threads_ = std::max(1, session_.threads / active);
  }
  ~ActiveRun() { session_.active_runs.fetch_sub(1, std::memory_order_relaxed); }
  int threads() const { return threads_; }

 private:
  SessionState& session_;
  int threads_ = 1;
};

}  // namespace

class Session::Impl {
 public:
  Impl(const Graph& graph, const SessionOptions& options) : graph_(graph), plans_(graph, state_) {
    state_.threads = options.threads > 0 ? options.threads : AvailableThreads();
    state_.optimize = options.optimize;
    state_.preflight = options.preflight;
    state_.budget = std::make_shared<MemoryBudget>(
        options.memory_limit_bytes > 0 ? options.memory_limit_bytes : MemoryBudget::DefaultLimit());
    state_.session_seed = DrawSeed();
  }

  absl::Status Run(const Request& request, std::vector<Tensor>* results) {
    // The net below every allocation that no budget was asked for.
    try {
      return RunUnguarded(request, results);
    } catch (const std::bad_alloc&) {
      return absl::ResourceExhaustedError("out of memory outside tensors");
    }
  }

  const Graph& graph() const { return graph_; }
  SessionState& state() { return state_; }

 private:
  absl::Status RunUnguarded(const Request& request, std::vector<Tensor>* results) {
    if (state_.closed.load(std::memory_order_relaxed)) {
      return absl::CancelledError("Session has been closed.");
    }
    const absl::Status status = RunPlan(request, results);
    if (absl::IsResourceExhausted(status)) plans_.GiveUpIdle();
    return status;
  }

  absl::Status RunPlan(const Request& request, std::vector<Tensor>* results) {
    SLUICE_ASSIGN_OR_RETURN(PlanCache::Lease lease, plans_.Acquire(request));
    if (results != nullptr) {
      results->resize(request.fetches.size());
      for (size_t i = 0; i < request.fetches.size(); ++i) {
        if (request.fetches[i].is_operation()) (*results)[i] = Tensor();
      }
    }
    const ActiveRun active(state_);
    const ThreadBudget threads(active.threads());
    return lease.plan().Run(request.feeds, active.threads(), results);
  }

  const Graph& graph_;
  SessionState state_;
  PlanCache plans_;  // last: plans refer to the state
};

absl::StatusOr<Session> Session::Create(const Graph& graph, SessionOptions options) {
  SLUICE_RETURN_IF_ERROR(graph.status());
  if (graph.num_nodes() == 0) {
    return absl::InvalidArgumentError("The Session graph is empty. Add operations to the graph.");
  }
  if (options.threads < 0 || options.memory_limit_bytes < 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("threads and memory_limit_bytes must not be negative, got ", options.threads,
                     " and ", options.memory_limit_bytes));
  }
  return Session(std::make_unique<Impl>(graph, options));
}

Session::Session(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Session::Session(Session&&) noexcept = default;
Session& Session::operator=(Session&&) noexcept = default;
Session::~Session() = default;

absl::StatusOr<std::vector<Tensor>> Session::Run(const Feeds& feeds, const Outputs& fetches) {
  std::vector<Tensor> results;
  SLUICE_RETURN_IF_ERROR(RunInto(feeds, fetches, &results));
  return results;
}

absl::Status Session::RunInto(const Feeds& feeds, const Outputs& fetches,
                              std::vector<Tensor>* results) {
  return impl_->Run({feeds, fetches, false}, results);
}

absl::Status Session::Run(const Output& target) {
  const Feeds none;
  return impl_->Run({none, absl::MakeConstSpan(&target, 1), true}, nullptr);
}

void Session::Close() { impl_->state().closed.store(true, std::memory_order_relaxed); }

uint64_t Session::random_run() const {
  return impl_->state().random_run.load(std::memory_order_relaxed);
}
void Session::set_random_run(uint64_t run) {
  impl_->state().random_run.store(run, std::memory_order_relaxed);
}

const Graph& Session::graph() const { return impl_->graph(); }
int Session::threads() const { return impl_->state().threads; }
int64_t Session::memory_held() const { return impl_->state().budget->held(); }

}  // namespace sluice
