// SessionOptions::intra_op_threads, counted from outside: the threads of this process.
#include <dirent.h>

#include <atomic>
#include <thread>
#include <vector>

#include "gtest/gtest.h"
#include "sluice.h"
#include "tests/testing/core/status_matchers.h"
#include "tests/testing/core/tensors.h"

namespace sluice {
namespace {

int ThreadsOfThisProcess() {
  int threads = 0;
  DIR* tasks = opendir("/proc/self/task");
  while (const dirent* entry = readdir(tasks)) threads += entry->d_name[0] != '.';
  closedir(tasks);
  return threads;
}

// Work large enough to be shared: products, a convolution, an elementwise chain, a sum.
class ThreadsTest : public ::testing::Test {
 protected:
  ThreadsTest() {
    const Scope root = Scope::Root(graph_);
    x_ = ops::Placeholder(root, DType::kFloat, {256, 1024});
    const Output w = ops::Const(root, RandomTensor(DType::kFloat, {1024, 1024}, 1));
    const Output filter = ops::Const(root, RandomTensor(DType::kFloat, {3, 3, 16, 16}, 2));
    const Output images = ops::Reshape(root, ops::MatMul(root, x_, w), {16, 32, 32, 16});
    const Output y = ops::Conv2D(root, images, filter, {.strides = {1, 1, 1, 1}});
    sum_ = ops::Sum(root, ops::Tanh(root, ops::Square(root, y)), {0, 1, 2, 3});
  }
  // The threads of the process after a run on the main thread, more than before any.
  int ThreadsMade(int intra_op_threads) {
    auto session = Session::Create(graph_, {.intra_op_threads = intra_op_threads});
    EXPECT_THAT(session, IsOk());
    EXPECT_THAT(session->Run({{x_, input_}}, {sum_}), IsOk());
    return ThreadsOfThisProcess() - before_;
  }

  const int before_ = ThreadsOfThisProcess();
  Graph graph_{ops::Builtin()};
  Output x_, sum_;
  const Tensor input_ = RandomTensor(DType::kFloat, {256, 1024}, 3);
};

// A team's threads stay until a smaller one is asked for, so the numbers are tried in rising order.
TEST_F(ThreadsTest, ARunHasTheThreadsThatItWasGiven) {
  EXPECT_EQ(ThreadsMade(1), 0);
  EXPECT_EQ(ThreadsMade(2), 1);
  EXPECT_EQ(ThreadsMade(3), 2);
}

// Four runs at the same time share the session's two threads: none of the four callers has a team
// larger than that, so there are never more than two threads for each.
TEST_F(ThreadsTest, RunsAtTheSameTimeShareThem) {
  auto session = Session::Create(graph_, {.intra_op_threads = 2});
  ASSERT_THAT(session, IsOk());
  std::atomic<int> failed{0}, most{0};
  std::vector<std::thread> callers;
  for (int c = 0; c < 4; ++c) {
    callers.emplace_back([&] {
      for (int i = 0; i < 10; ++i) {
        if (!session->Run({{x_, input_}}, {sum_}).ok()) ++failed;
        const int now = ThreadsOfThisProcess();
        for (int seen = most; now > seen && !most.compare_exchange_weak(seen, now);) {
        }
      }
    });
  }
  for (std::thread& caller : callers) caller.join();
  EXPECT_EQ(failed, 0);
  EXPECT_LE(most, before_ + 4 + 4);
}

}  // namespace
}  // namespace sluice
