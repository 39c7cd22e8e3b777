#include "core/threads.h"

#include <omp.h>

#include <algorithm>
#include <cmath>

#ifdef SLUICE_TSAN
#include <sanitizer/tsan_interface.h>
#endif

namespace sluice {
namespace {

// A point that threads pass after others have reached it. libgomp sees to that; ThreadSanitizer
// does not see libgomp and has to be told. Nothing in other builds.
class HandOver {
 public:
#ifdef SLUICE_TSAN
  void Reach() { __tsan_release(this); }
  void Pass() { __tsan_acquire(this); }
#else
  void Reach() {}
  void Pass() {}
#endif
};

}  // namespace

int AvailableThreads() {
  // Taken once, before a ThreadBudget changes the second number: so OMP_NUM_THREADS counts.
  static const int threads = std::max(1, std::min(omp_get_num_procs(), omp_get_max_threads()));
  return threads;
}

ThreadBudget::ThreadBudget(int threads) {
  AvailableThreads();
  previous_ = omp_get_max_threads();
  omp_set_num_threads(std::max(threads, 1));
}

ThreadBudget::~ThreadBudget() { omp_set_num_threads(previous_); }

// (Its own variables are read by the team before any Pass().)
__attribute__((no_sanitize("thread"))) void ParallelFor(
    int64_t total, int64_t grain, absl::FunctionRef<void(int64_t begin, int64_t end)> body) {
  if (total <= 0) return;
  const int64_t threads = omp_in_parallel() ? 1 : omp_get_max_threads();
  const int64_t chunks = std::min(threads, total / std::max<int64_t>(grain, 1));
  if (chunks <= 1) {
    body(0, total);
    return;
  }
  const int64_t size = total / chunks;
  const int64_t longer = total % chunks;  // that many chunks, the first ones, get one item more
  HandOver start, finish;
  start.Reach();
#pragma omp parallel for schedule(static, 1) num_threads(static_cast <int>(chunks))
  for (int64_t i = 0; i < chunks; ++i) {
    start.Pass();
    const int64_t begin = i * size + std::min(i, longer);
    body(begin, begin + size + (i < longer ? 1 : 0));
    finish.Reach();
  }
  finish.Pass();
}

int64_t GrainFor(double cost) {
  constexpr double kChunkNanoseconds = 20000;
  constexpr double kCheapest = 0.01;
  if (!(cost > kCheapest)) cost = kCheapest;
  return static_cast<int64_t>(std::max(1.0, std::ceil(kChunkNanoseconds / cost)));
}

}  // namespace sluice
