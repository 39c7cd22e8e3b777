// SessionOptions::intra_op_threads, inter_op_threads and deterministic: how many threads there are,
// and that results do not depend on them.
#include <dirent.h>

#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "gtest/gtest.h"
#include "session/compiler.h"
#include "session/inter_op_pool.h"
#include "session/waves.h"
#include "tests/testing/session/session_fixture.h"

namespace sluice {
namespace {

using namespace session_ops;  // NOLINT: the ops of these tests
using absl::StatusCode;

int ThreadsOfThisProcess() {
  int threads = 0;
  DIR* tasks = opendir("/proc/self/task");
  while (const dirent* entry = readdir(tasks)) threads += entry->d_name[0] != '.';
  closedir(tasks);
  return threads;
}

TEST(InterOpPoolTest, RunsEveryTaskOnce) {
  InterOpPool pool(3);
  EXPECT_EQ(pool.threads(), 3);
  for (int count : {0, 1, 2, 3, 100}) {
    std::vector<std::atomic<int>> ran(static_cast<size_t>(count));
    std::atomic<int> beyond{0};
    pool.Run(count, [&](int i, int thread) {
      ++ran[static_cast<size_t>(i)];
      if (thread < 0 || thread >= 3) ++beyond;
    });
    for (const auto& times : ran) EXPECT_EQ(times, 1);
    EXPECT_EQ(beyond, 0);
  }
}

// Two tasks that wait for each other end only when they run at the same time.
TEST(InterOpPoolTest, TasksRunAtTheSameTime) {
  InterOpPool pool(2);
  std::atomic<int> here{0};
  pool.Run(2, [&](int, int) {
    ++here;
    while (here < 2) std::this_thread::yield();
  });
  EXPECT_EQ(here, 2);
}

TEST(InterOpPoolTest, ManyCallersAtOnce) {
  InterOpPool pool(2);
  std::atomic<int> ran{0};
  std::vector<std::thread> callers;
  for (int c = 0; c < 4; ++c) {
    callers.emplace_back([&] {
      for (int i = 0; i < 100; ++i) pool.Run(5, [&](int, int) { ++ran; });
    });
  }
  for (std::thread& caller : callers) caller.join();
  EXPECT_EQ(ran, 4 * 100 * 5);
}

class InterOpTest : public SessionFixture {
 protected:
  // Branches of different lengths over one input, and their sum.
  Output Wide(int branches) {
    std::vector<Output> ends;
    for (int b = 0; b < branches; ++b) {
      Output y = x_;
      for (int i = 0; i <= b; ++i) {
        y = Sub(root_, Square(root_, y), Const(root_, Floats({0.5f * static_cast<float>(b)})));
      }
      ends.push_back(y);
    }
    return AddN(root_, ends);
  }
  const Output x_ = Placeholder(root_, DType::kFloat, {1});
};

TEST_F(InterOpTest, ResultsAreTheSameBits) {
  const Output y = Wide(6);
  const Feeds feeds = {{x_, Floats({0.9f})}};
  Session one = MakeSession({.intra_op_threads = 1});
  Session three = MakeSession({.intra_op_threads = 1, .inter_op_threads = 3});
  const Tensor expected = Run(one, feeds, y);
  for (int run = 0; run < 50; ++run) EXPECT_TRUE(BitEqual(Run(three, feeds, y), expected));
}

TEST_F(InterOpTest, SessionsHaveTheThreadsThatTheyWereGiven) {
  const int before = ThreadsOfThisProcess();
  {
    Session session = MakeSession({.intra_op_threads = 1, .inter_op_threads = 4});
    Run(session, {{x_, Floats({1})}}, Wide(5));
    EXPECT_EQ(ThreadsOfThisProcess(), before + 3);
  }
  EXPECT_EQ(ThreadsOfThisProcess(), before);
  Session session = MakeSession({.intra_op_threads = 1});
  Run(session, {{x_, Floats({1})}}, Wide(5));
  EXPECT_EQ(ThreadsOfThisProcess(), before);
}

TEST_F(InterOpTest, EffectsKeepTheirOrder) {
  std::vector<Output> effects;
  Output last;
  for (int i = 0; i < 6; ++i) {
    Scope scope = last.empty() ? root_ : root_.After({last});
    last = Logged(scope, Wide(2), std::to_string(i));
    effects.push_back(last);
  }
  Session session = MakeSession({.intra_op_threads = 1, .inter_op_threads = 3});
  for (int run = 0; run < 20; ++run) {
    TakeLog();
    ASSERT_THAT(session.Run({{x_, Floats({0.5f})}}, effects), IsOk());
    EXPECT_EQ(TakeLog(), (std::vector<std::string>{"0", "1", "2", "3", "4", "5"}));
  }
}

TEST_F(InterOpTest, VariablesAreReadBeforeTheyAreWritten) {
  const Output w = VarHandle(root_, "w", {1});
  const Output read = Read(root_, w);
  const Output y = Add(root_, Square(root_, read), x_);
  const Output update = AssignAdd(root_, w, y);
  Session session = MakeSession({.intra_op_threads = 1, .inter_op_threads = 3});
  ASSERT_THAT(session.Run(Assign(root_, w, Const(root_, Floats({2})))), IsOk());
  float expected = 2;
  for (int run = 0; run < 3; ++run) {
    const auto results = session.Run({{x_, Floats({-1})}}, {y, read, update});
    ASSERT_THAT(results, IsOk());
    EXPECT_EQ((*results)[1].flat<float>()[0], expected);
    EXPECT_EQ((*results)[0].flat<float>()[0], expected * expected - 1);
    expected += expected * expected - 1;
  }
}

TEST_F(InterOpTest, TheFirstErrorInOrderIsReported) {
  const Output a = Check(root_, x_, "first"), b = Check(root_, Square(root_, x_), "second");
  Session session = MakeSession({.intra_op_threads = 1, .inter_op_threads = 2});
  for (int run = 0; run < 20; ++run) {
    EXPECT_THAT(session.Run({{x_, Floats({-1})}}, {b, a}),
                StatusIs(StatusCode::kInvalidArgument, "first"));
  }
  EXPECT_THAT(session.Run({{x_, Floats({1})}}, {b, a}), IsOk());
}

TEST_F(InterOpTest, LateShapesAndManyRunsAtOnce) {
  const Output positive = Positive(root_, x_);
  const Output y = Add(root_, Sum(root_, Square(root_, positive)), Sum(root_, positive));
  Session session = MakeSession({.intra_op_threads = 1, .inter_op_threads = 2});
  std::atomic<int> wrong{0};
  std::vector<std::thread> callers;
  for (int c = 0; c < 3; ++c) {
    callers.emplace_back([&, c] {
      const float v = static_cast<float>(c - 1);
      const float expected = v > 0 ? v * v + v : 0;
      for (int i = 0; i < 50; ++i) {
        const auto results = session.Run({{x_, Floats({v})}}, {y});
        if (!results.ok() || (*results)[0].scalar<float>() != expected) ++wrong;
      }
    });
  }
  for (std::thread& caller : callers) caller.join();
  EXPECT_EQ(wrong, 0);
}

// No step of a wave reads what another one of it makes, and lives of values that one wave uses
// never share memory (tests/session/rewrite_test.cc holds plans without waves to the same).
TEST_F(InterOpTest, WavesHoldOnlyIndependentSteps) {
  SessionState state(MemoryBudget::DefaultLimit());
  state.inter_op_pool = std::make_unique<InterOpPool>(2);
  const Feeds feeds = {{x_, Floats({1})}};
  const Output y = Wide(6);
  const auto program = Compile(state, {feeds, {y}, false});
  ASSERT_THAT(program, IsOk());
  int largest = 0, size = 0;
  for (size_t s = 0; s < program->steps.size(); ++s) {
    size = s > 0 && program->steps[s].wave == program->steps[s - 1].wave ? size + 1 : 1;
    largest = std::max(largest, size);
    for (size_t other = 0; other < program->steps.size(); ++other) {
      if (program->steps[s].wave < program->steps[other].wave) continue;
      for (int out : program->steps[s].outputs) {
        for (int in : program->steps[other].inputs) EXPECT_NE(in, out) << s << " " << other;
      }
    }
  }
  EXPECT_GE(largest, 5);
}

TEST_F(InterOpTest, SenselessNumbersAreRefused) {
  Const(root_, 1);
  EXPECT_THAT(Session::Create(graph_, {.inter_op_threads = -2}),
              StatusIs(StatusCode::kInvalidArgument, "must not be negative, got 0, -2 and 0"));
}

}  // namespace
}  // namespace sluice
