#include "session/session.h"

#include <algorithm>
#include <mutex>
#include <new>
#include <optional>
#include <random>
#include <utility>

#include "absl/functional/function_ref.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
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

absl::Status CheckRewriteNames(const OpRegistry& registry, const std::vector<std::string>& names) {
  for (const std::string& name : names) {
    std::vector<std::string> known;
    for (const Rewrite& rewrite : registry.rewrites()) known.push_back(rewrite.name);
    if (std::find(known.begin(), known.end(), name) != known.end()) continue;
    return absl::InvalidArgumentError(absl::StrCat("disabled_rewrites: there is no rewrite '", name,
                                                   "', only ", absl::StrJoin(known, ", ")));
  }
  return absl::OkStatus();
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
  Impl(const Graph& graph, const SessionOptions& options)
      : graph_(graph),
        state_(options.memory_limit_bytes > 0 ? options.memory_limit_bytes
                                              : MemoryBudget::DefaultLimit()),
        plans_(graph, state_) {
    state_.threads = options.intra_op_threads > 0 ? options.intra_op_threads : AvailableThreads();
    if (options.inter_op_threads > 1) {
      state_.inter_op_pool = std::make_unique<InterOpPool>(options.inter_op_threads);
    }
    state_.deterministic = options.deterministic;
    state_.optimize = options.optimize;
    for (const std::string& name : options.disabled_rewrites) {
      state_.disabled_rewrites.insert(name);
    }
    state_.preflight = options.preflight;
    state_.session_seed = DrawSeed();
  }

  absl::Status Run(const Request& request, std::vector<Tensor>* results,
                   RunMetadata* trace = nullptr) {
    return Guarded([&]() -> absl::Status {
      SLUICE_ASSIGN_OR_RETURN(PlanCache::Lease lease, plans_.Acquire(request));
      return RunPlan(lease.plan(), request, results, trace);
    });
  }

  // As Run, with the plan that `lease` holds when it serves `request`, else with another one, which
  // `lease` then holds.
  absl::Status RunPrepared(const Request& request, std::optional<PlanCache::Lease>* lease,
                           std::vector<Tensor>* results) {
    return Guarded([&]() -> absl::Status {
      if (!lease->has_value() || !(*lease)->Serves(request)) {
        lease->reset();
        SLUICE_ASSIGN_OR_RETURN(PlanCache::Lease fresh, plans_.Acquire(request));
        lease->emplace(std::move(fresh));
      }
      return RunPlan((*lease)->plan(), request, results, nullptr);
    });
  }

  absl::StatusOr<PlanDescription> Describe(const Request& request) {
    return plans_.Describe(request);
  }

  const Graph& graph() const { return graph_; }
  SessionState& state() { return state_; }

 private:
  absl::Status Guarded(absl::FunctionRef<absl::Status()> run) {
    if (state_.closed.load(std::memory_order_relaxed)) {
      return absl::CancelledError("Session has been closed.");
    }
    absl::Status status;
    // The net below every allocation that no budget was asked for.
    try {
      status = run();
    } catch (const std::bad_alloc&) {
      status = absl::ResourceExhaustedError("out of memory outside tensors");
    }
    if (absl::IsResourceExhausted(status)) plans_.GiveUpIdle();
    return status;
  }

  absl::Status RunPlan(Plan& plan, const Request& request, std::vector<Tensor>* results,
                       RunMetadata* trace) {
    if (results != nullptr) {
      results->resize(request.fetches.size());
      for (size_t i = 0; i < request.fetches.size(); ++i) {
        if (request.fetches[i].is_operation()) (*results)[i] = Tensor();
      }
    }
    const ActiveRun active(state_);
    const ThreadBudget threads(active.threads());
    return plan.Run(request.feeds, active.threads(), results, trace);
  }

  const Graph& graph_;
  SessionState state_;
  PlanCache plans_;  // last: plans refer to the state
};

// --- Callable ---

class Callable::Impl {
 public:
  Impl(Session::Impl* session, const Outputs& fetches, const Outputs& feed_list)
      : session_(session), fetches_(fetches) {
    for (const Output& feed : feed_list) feeds_.emplace_back(feed, Tensor());
  }

  absl::Status Run(absl::Span<const Tensor> feeds, std::vector<Tensor>* results) {
    if (feeds.size() != feeds_.size()) {
      return absl::InvalidArgumentError(
          absl::StrCat("the callable takes ", feeds_.size(), " values, got ", feeds.size()));
    }
    const std::unique_lock<std::mutex> lock(mutex_, std::try_to_lock);
    if (lock.owns_lock()) return RunAlone(feeds, results);
    // Somebody else runs the prepared plan: any other one will do.
    Feeds own = feeds_;
    for (size_t i = 0; i < own.size(); ++i) own[i].second = feeds[i];
    return session_->Run({own, fetches_, false}, results);
  }

 private:
  absl::Status RunAlone(absl::Span<const Tensor> feeds, std::vector<Tensor>* results) {
    for (size_t i = 0; i < feeds_.size(); ++i) feeds_[i].second = feeds[i];
    const absl::Status status = session_->RunPrepared({feeds_, fetches_, false}, &lease_, results);
    for (auto& [to, value] : feeds_) value = Tensor();
    return status;
  }

  Session::Impl* const session_;
  const Outputs fetches_;
  std::mutex mutex_;
  Feeds feeds_;                            // empty values between runs
  std::optional<PlanCache::Lease> lease_;  // of the last run
};

absl::Status Callable::Run(absl::Span<const Tensor> feeds, std::vector<Tensor>* results) {
  return impl_->Run(feeds, results);
}

absl::StatusOr<std::vector<Tensor>> Callable::operator()(absl::Span<const Tensor> feeds) {
  std::vector<Tensor> results;
  SLUICE_RETURN_IF_ERROR(impl_->Run(feeds, &results));
  return results;
}

// --- Session ---

absl::StatusOr<Session> Session::Create(const Graph& graph, SessionOptions options) {
  SLUICE_RETURN_IF_ERROR(graph.status());
  if (graph.num_nodes() == 0) {
    return absl::InvalidArgumentError("The Session graph is empty. Add operations to the graph.");
  }
  if (options.intra_op_threads < 0 || options.inter_op_threads < 0 ||
      options.memory_limit_bytes < 0) {
    return absl::InvalidArgumentError(absl::StrCat(
        "intra_op_threads, inter_op_threads and memory_limit_bytes must not be negative, got ",
        options.intra_op_threads, ", ", options.inter_op_threads, " and ",
        options.memory_limit_bytes));
  }
  SLUICE_RETURN_IF_ERROR(CheckRewriteNames(graph.registry(), options.disabled_rewrites));
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

absl::Status Session::RunInto(const Feeds& feeds, const Outputs& fetches, const RunOptions& options,
                              std::vector<Tensor>* results, RunMetadata* metadata) {
  if (metadata != nullptr) *metadata = {};
  const bool trace = metadata != nullptr && options.trace_level == RunOptions::kFullTrace;
  return impl_->Run({feeds, fetches, false}, results, trace ? metadata : nullptr);
}

absl::StatusOr<Callable> Session::MakeCallable(const Outputs& fetches, const Outputs& feed_list) {
  SLUICE_RETURN_IF_ERROR(CheckElements(graph(), feed_list, fetches));
  return Callable(std::make_shared<Callable::Impl>(impl_.get(), fetches, feed_list));
}

absl::StatusOr<PlanDescription> Session::DescribePlan(const Feeds& feeds, const Outputs& fetches) {
  return impl_->Describe({feeds, fetches, false});
}

void Session::Close() { impl_->state().closed.store(true, std::memory_order_relaxed); }

uint64_t Session::random_run() const {
  return impl_->state().random_run.load(std::memory_order_relaxed);
}
void Session::set_random_run(uint64_t run) {
  impl_->state().random_run.store(run, std::memory_order_relaxed);
}

const Graph& Session::graph() const { return impl_->graph(); }
int Session::intra_op_threads() const { return impl_->state().threads; }
int64_t Session::memory_held() const { return impl_->state().budget->held(); }

}  // namespace sluice
