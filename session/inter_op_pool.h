// Threads that run the steps of a wave.
#ifndef SLUICE_SESSION_INTER_OP_POOL_H_
#define SLUICE_SESSION_INTER_OP_POOL_H_

#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <thread>
#include <vector>

#include "absl/functional/function_ref.h"

namespace sluice {

// `threads` - 1 threads that sleep until there is work; the caller is the last one. One call of Run
// at a time uses them; others meanwhile do their work alone.
class InterOpPool {
 public:
  explicit InterOpPool(int threads);
  ~InterOpPool();
  InterOpPool(const InterOpPool&) = delete;
  InterOpPool& operator=(const InterOpPool&) = delete;

  // Calls task(i, thread) once for every i < count, thread < threads() telling which thread it is
  // (0: the caller's). Returns when all are done. `task` must not throw.
  void Run(int count, absl::FunctionRef<void(int i, int thread)> task);
  int threads() const { return static_cast<int>(threads_.size()) + 1; }

 private:
  using Task = absl::FunctionRef<void(int, int)>;
  void Work(int thread);
  void TakeTasks(std::unique_lock<std::mutex>* lock, int thread);

  std::mutex in_use_;
  std::mutex mutex_;
  std::condition_variable wake_, done_;
  const Task* task_ = nullptr;
  int next_ = 0, count_ = 0, unfinished_ = 0;
  bool stop_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace sluice

#endif  // SLUICE_SESSION_INTER_OP_POOL_H_
