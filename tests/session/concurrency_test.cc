// One session, many threads.
#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "gtest/gtest.h"
#include "tests/testing/session/session_fixture.h"

namespace sluice {
namespace {

using namespace session_ops;  // NOLINT: the ops of these tests
using absl::StatusCode;

constexpr int kThreads = 8;

class ConcurrencyTest : public SessionFixture {
 protected:
  // Runs body(thread) on kThreads threads at once.
  template <typename F>
  static void OnThreads(F body) {
    std::vector<std::thread> threads;
    for (int t = 0; t < kThreads; ++t) threads.emplace_back([&body, t] { body(t); });
    for (std::thread& thread : threads) thread.join();
  }
};

// Reads are snapshots of a state that existed: both elements equal. Updates are counted exactly.
TEST_F(ConcurrencyTest, UpdatesAreExactAndReadsAreWhole) {
  constexpr int kRuns = 2000;
  const Output v = VarHandle(root_, "v", {2});
  const Output init = Assign(root_, v, Const(root_, Floats({0, 0})));
  const Output add = AssignAdd(root_, v, Const(root_, Floats({1, 1})));
  const Output x = Placeholder(root_, DType::kFloat, {2});
  const Output y = Add(root_, Square(root_, x), Const(root_, Floats({1, 1})));
  const Output read = Read(root_, v);
  Session session = MakeSession();
  ASSERT_THAT(session.Run(init), IsOk());
  std::atomic<int> wrong{0};
  OnThreads([&](int t) {
    const auto base = static_cast<float>(t);
    const Feeds feeds = {{x, Floats({base, base + 1})}};
    std::vector<Tensor> results;
    for (int i = 0; i < kRuns; ++i) {
      if (!session.RunInto(feeds, {y, add, read}, &results).ok()) ++wrong;
      const float* value = results[0].data<float>();
      const float* seen = results[2].data<float>();
      if (value[0] != base * base + 1 || value[1] != (base + 1) * (base + 1) + 1) ++wrong;
      if (seen[0] != seen[1]) ++wrong;
    }
  });
  EXPECT_EQ(wrong, 0);
  ExpectClose(Run(session, read), Floats({kThreads * kRuns, kThreads * kRuns}));
}

TEST_F(ConcurrencyTest, RandomRunsAreNeverGivenTwice) {
  constexpr int kRuns = 500;
  const Output random = Random(root_);
  Session session = MakeSession();
  std::vector<std::atomic<int>> seen(kThreads * kRuns);
  OnThreads([&](int) {
    for (int i = 0; i < kRuns; ++i) {
      const auto results = session.Run({}, {random});
      ++seen[static_cast<size_t>((*results)[0].scalar<float>())];
    }
  });
  for (const auto& count : seen) EXPECT_EQ(count, 1);
  EXPECT_EQ(session.random_run(), uint64_t{kThreads * kRuns});
}

TEST_F(ConcurrencyTest, ManySignaturesAtOnce) {
  const Output x = Placeholder(root_, DType::kFloat, {-1});
  const Output sum = Sum(root_, Square(root_, x));
  Session session = MakeSession();
  std::atomic<int> wrong{0};
  OnThreads([&](int t) {
    for (int i = 0; i < 200; ++i) {
      const int64_t n = 1 + (i * 7 + t) % 90;  // more than the plans that are kept
      Tensor ones = Tensor::Zeros(DType::kFloat, {n});
      for (float& one : ones.mutable_flat<float>()) one = 2;
      const auto results = session.Run({{x, ones}}, {sum});
      if (!results.ok() || (*results)[0].scalar<float>() != 4.0f * static_cast<float>(n)) ++wrong;
    }
  });
  EXPECT_EQ(wrong, 0);
}

TEST_F(ConcurrencyTest, TheGraphMayGrowMeanwhile) {
  const Output x = Placeholder(root_, DType::kFloat, {1});
  Session session = MakeSession();
  std::atomic<int> wrong{0};
  OnThreads([&](int t) {
    Output y = x;
    for (int i = 0; i < 50; ++i) {
      y = Add(root_, y, x);
      const auto results = session.Run({{x, Floats({1})}}, {y});
      if (!results.ok() || (*results)[0].data<float>()[0] != static_cast<float>(i + 2)) ++wrong;
    }
    (void)t;
  });
  EXPECT_EQ(wrong, 0);
}

TEST_F(ConcurrencyTest, CloseEndsRunsThatAreUnderWay) {
  const Output v = VarHandle(root_, "v", {1});
  const Output init = Assign(root_, v, Const(root_, Floats({0})));
  Output last = AssignAdd(root_, v, Const(root_, Floats({1})));
  for (int i = 0; i < 100; ++i) last = AssignAdd(root_.After({last}), v, Const(root_, Floats({1})));
  Session session = MakeSession();
  ASSERT_THAT(session.Run(init), IsOk());
  std::atomic<int> started{0}, wrong{0};
  OnThreads([&](int t) {
    if (t == 0) {
      while (started < kThreads - 1) std::this_thread::yield();
      session.Close();
      return;
    }
    ++started;
    absl::Status status = absl::OkStatus();
    while (status.ok()) status = session.Run(last);
    if (status.code() != StatusCode::kCancelled) ++wrong;
  });
  EXPECT_EQ(wrong, 0);
  EXPECT_THAT(session.Run(last), StatusIs(StatusCode::kCancelled, "Session has been closed."));
}

TEST_F(ConcurrencyTest, ErrorsOfOneThreadAreItsOwn) {
  const Output x = Placeholder(root_, DType::kFloat, {1});
  const Output y = Square(root_, Check(root_, x, "negative"));
  Session session = MakeSession();
  std::atomic<int> wrong{0};
  OnThreads([&](int t) {
    const bool bad = t % 2 == 1;
    for (int i = 0; i < 300; ++i) {
      const auto results = session.Run({{x, Floats({bad ? -2.0f : 2.0f})}}, {y});
      if (results.ok() == bad) ++wrong;
    }
  });
  EXPECT_EQ(wrong, 0);
}

}  // namespace
}  // namespace sluice
