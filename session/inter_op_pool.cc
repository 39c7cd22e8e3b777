#include "session/inter_op_pool.h"

#include <algorithm>

namespace sluice {

InterOpPool::InterOpPool(int threads) {
  for (int t = 1; t < threads; ++t) threads_.emplace_back([this, t] { Work(t); });
}

InterOpPool::~InterOpPool() {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    stop_ = true;
  }
  wake_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

void InterOpPool::TakeTasks(std::unique_lock<std::mutex>* lock, int thread) {
  while (next_ < count_) {
    const int i = next_++;
    const Task* task = task_;
    lock->unlock();
    (*task)(i, thread);
    lock->lock();
    if (--unfinished_ == 0) done_.notify_all();
  }
}

void InterOpPool::Work(int thread) {
  std::unique_lock<std::mutex> lock(mutex_);
  while (true) {
    wake_.wait(lock, [this] { return stop_ || next_ < count_; });
    if (stop_) return;
    TakeTasks(&lock, thread);
  }
}

void InterOpPool::Run(int count, absl::FunctionRef<void(int, int)> task) {
  const std::unique_lock<std::mutex> alone(in_use_, std::try_to_lock);
  if (!alone.owns_lock() || threads_.empty()) {
    for (int i = 0; i < count; ++i) task(i, 0);
    return;
  }
  std::unique_lock<std::mutex> lock(mutex_);
  task_ = &task;
  next_ = 0;
  count_ = unfinished_ = count;
  wake_.notify_all();
  TakeTasks(&lock, 0);
  done_.wait(lock, [this] { return unfinished_ == 0; });
  count_ = 0;
}

}  // namespace sluice
