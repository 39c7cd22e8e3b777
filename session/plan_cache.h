// The plans of a session, by signature.
#ifndef SLUICE_SESSION_PLAN_CACHE_H_
#define SLUICE_SESSION_PLAN_CACHE_H_

#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "graph/graph.h"
#include "session/lowered_requests.h"
#include "session/plan.h"
#include "session/plan_description.h"
#include "session/signature.h"
#include "session/state.h"

namespace sluice {

// Hands out plans, each to one run at a time; compiles when there is none, or none idle. Keeps the
// kMostSignatures signatures used last. Thread-safe; compiling does not hold the lock. Finding an
// idle plan allocates nothing.
class PlanCache {
 public:
  static constexpr size_t kMostSignatures = 64;
  static constexpr size_t kMostIdle = 16;  // of one signature

 private:
  struct Entry {
    explicit Entry(const Request& request) : signature(request) {}
    const Signature signature;
    uint64_t last_use = 0;
    int made = 0;                             // plans that belong here, running or idle
    std::vector<std::unique_ptr<Plan>> idle;  // has room for all of them
  };

 public:
  // A plan, given back at the end of the lease's life.
  class Lease {
   public:
    Lease(PlanCache* cache, std::shared_ptr<Entry> entry, std::unique_ptr<Plan> plan)
        : cache_(cache), entry_(std::move(entry)), plan_(std::move(plan)) {}
    Lease(Lease&&) = default;
    Lease& operator=(Lease&&) = delete;
    ~Lease();
    Plan& plan() { return *plan_; }
    bool Serves(const Request& request) const { return entry_->signature.Matches(request); }

   private:
    PlanCache* cache_;
    std::shared_ptr<Entry> entry_;
    std::unique_ptr<Plan> plan_;
  };

  PlanCache(const Graph& graph, SessionState& session)
      : graph_(graph), session_(session), lowered_(graph) {}

  // The errors of CheckRequest(), Compile() and Plan::Make(). When memory runs out, idle plans are
  // given up before the second and last try.
  absl::StatusOr<Lease> Acquire(const Request& request);
  // The plan for `request`, compiled but not kept.
  absl::StatusOr<PlanDescription> Describe(const Request& request);
  // Frees the memory of all plans that no run uses now: after a run that found too little.
  void GiveUpIdle() { TakeIdle(); }

 private:
  std::shared_ptr<Entry> Find(uint64_t hash, const Request& request) const;
  absl::StatusOr<std::unique_ptr<Plan>> MakePlan(const Request& request);
  absl::StatusOr<Program> MakeProgram(const Request& request);
  // Entries and plans to destroy once the lock is gone.
  std::vector<std::shared_ptr<Entry>> EvictOldest();
  std::vector<std::unique_ptr<Plan>> TakeIdle();

  const Graph& graph_;
  SessionState& session_;
  LoweredRequests lowered_;
  std::mutex mutex_;
  uint64_t clock_ = 0;
  size_t signatures_ = 0;
  absl::flat_hash_map<uint64_t, std::vector<std::shared_ptr<Entry>>> entries_;
};

}  // namespace sluice

#endif  // SLUICE_SESSION_PLAN_CACHE_H_
