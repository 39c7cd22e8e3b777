// One threading runtime: OpenMP (libgomp), which oneDNN uses too. Steps run one after another, each
// parallel inside.
#ifndef SLUICE_CORE_THREADS_H_
#define SLUICE_CORE_THREADS_H_

#include <cstdint>

#include "absl/functional/function_ref.h"

namespace sluice {

// Cores this process may use.
int AvailableThreads();

// Sets the calling thread's OpenMP team size for the life of the object.
class ThreadBudget {
 public:
  explicit ThreadBudget(int threads);
  ~ThreadBudget();
  ThreadBudget(const ThreadBudget&) = delete;
  ThreadBudget& operator=(const ThreadBudget&) = delete;

 private:
  int previous_;
};

// Calls body(begin, end) over disjoint chunks that cover [0, total), on at most the calling
// thread's budget of threads. A chunk has at least `grain` items (except the last); total <= grain
// runs inline. The split depends only on total, grain and the thread budget, so results that depend
// on the split repeat. `body` must not throw.
void ParallelFor(int64_t total, int64_t grain,
                 absl::FunctionRef<void(int64_t begin, int64_t end)> body);

// A good grain for a loop that costs about `cost` nanoseconds per item: chunks of at least 20 us.
int64_t GrainFor(double cost);

}  // namespace sluice

#endif  // SLUICE_CORE_THREADS_H_
