// What the plans of one session share.
#ifndef SLUICE_SESSION_STATE_H_
#define SLUICE_SESSION_STATE_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>

#include "absl/container/flat_hash_set.h"
#include "core/memory.h"
#include "session/arena_pool.h"
#include "session/inter_op_pool.h"
#include "session/resource_store.h"
#include "session/session.h"

namespace sluice {

// Thread-safe. Outlives every plan of the session.
struct SessionState {
  explicit SessionState(int64_t memory_limit_bytes)
      : budget(std::make_shared<MemoryBudget>(memory_limit_bytes)) {}

  int threads = 1;  // of one run: SessionOptions::intra_op_threads
  bool deterministic = false;
  std::unique_ptr<InterOpPool> inter_op_pool;  // null: one step at a time
  absl::flat_hash_set<std::string> disabled_rewrites;
  bool optimize = true;  // SessionOptions::optimize
  Preflight preflight = Preflight::kOff;
  std::atomic<bool> preflight_done{false};  // Preflight::kWarn: the findings are logged
  const std::shared_ptr<MemoryBudget> budget;
  ArenaPool arenas{budget};
  SessionResources resources;
  uint64_t session_seed = 0;
  std::atomic<uint64_t> random_run{0};  // Session::random_run()
  std::atomic<int> active_runs{0};
  std::atomic<bool> closed{false};
};

}  // namespace sluice

#endif  // SLUICE_SESSION_STATE_H_
