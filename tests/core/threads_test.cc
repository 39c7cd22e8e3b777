#include "core/threads.h"

#include <omp.h>

#include <limits>
#include <thread>
#include <utility>
#include <vector>

#include "gtest/gtest.h"

namespace sluice {
namespace {

constexpr int kMaxTeam = 5;

using Chunks = std::vector<std::pair<int64_t, int64_t>>;

// The chunks that ParallelFor makes, in ascending order.
Chunks Split(int threads, int64_t total, int64_t grain) {
  const ThreadBudget budget(threads);
  std::vector<int64_t> end_of(total > 0 ? total : 0, -1);  // by begin: no two chunks share it
  ParallelFor(total, grain, [&](int64_t begin, int64_t end) { end_of.at(begin) = end; });
  Chunks chunks;
  for (int64_t i = 0; i < total; ++i) {
    if (end_of[i] >= 0) chunks.emplace_back(i, end_of[i]);
  }
  return chunks;
}

TEST(ParallelForTest, ChunksCoverEverythingOnceAndKeepTheGrain) {
  for (int threads = 1; threads <= kMaxTeam; ++threads) {
    for (const int64_t total : {1, 2, 3, 7, 16, 100, 101, 1000}) {
      for (const int64_t grain : {-1, 0, 1, 2, 3, 10, 99, 100, 101, 5000}) {
        SCOPED_TRACE(::testing::Message() << total << " by " << grain << " on " << threads);
        const Chunks chunks = Split(threads, total, grain);
        ASSERT_LE(chunks.size(), static_cast<size_t>(threads));
        int64_t next = 0;
        for (const auto& [begin, end] : chunks) {
          EXPECT_EQ(begin, next);
          EXPECT_GE(end - begin, std::min<int64_t>(total, std::max<int64_t>(grain, 1)));
          next = end;
        }
        EXPECT_EQ(next, total);
        EXPECT_EQ(Split(threads, total, grain), chunks) << "not the same split again";
      }
    }
  }
}

TEST(ParallelForTest, NothingToDoCallsNothing) {
  for (const int64_t total : {int64_t{0}, int64_t{-5}, INT64_MIN}) {
    ParallelFor(total, 1, [](int64_t, int64_t) { ADD_FAILURE(); });
  }
}

TEST(ParallelForTest, HugeRangesDoNotOverflow) {
  const ThreadBudget budget(kMaxTeam);
  std::vector<int64_t> lengths(kMaxTeam);
  ParallelFor(INT64_MAX, 1,
              [&](int64_t begin, int64_t end) { lengths[omp_get_thread_num()] = end - begin; });
  int64_t sum = 0;
  for (const int64_t n : lengths) sum += n;
  EXPECT_EQ(sum, INT64_MAX);
  int calls = 0;
  ParallelFor(100, INT64_MAX, [&](int64_t, int64_t) { ++calls; });
  EXPECT_EQ(calls, 1);
}

TEST(ParallelForTest, SmallWorkStaysOnTheCallingThread) {
  const ThreadBudget budget(kMaxTeam);
  const auto caller = std::this_thread::get_id();
  ParallelFor(100, 100, [&](int64_t begin, int64_t end) {
    EXPECT_EQ(begin, 0);
    EXPECT_EQ(end, 100);
    EXPECT_EQ(std::this_thread::get_id(), caller);
  });
}

TEST(ParallelForTest, UsesItsThreads) {
  const ThreadBudget budget(kMaxTeam);
  std::vector<std::thread::id> ids(kMaxTeam);
  ParallelFor(kMaxTeam, 1,
              [&](int64_t begin, int64_t) { ids[begin] = std::this_thread::get_id(); });
  for (int i = 0; i < kMaxTeam; ++i) {
    for (int j = 0; j < i; ++j) EXPECT_NE(ids[i], ids[j]);
  }
}

TEST(ParallelForTest, NestedCallsRunInline) {
  const ThreadBudget budget(kMaxTeam);
  std::vector<int> inner_calls(kMaxTeam, 0);
  ParallelFor(kMaxTeam, 1, [&](int64_t begin, int64_t) {
    const auto outer = std::this_thread::get_id();
    ParallelFor(1000, 1, [&](int64_t b, int64_t e) {
      EXPECT_EQ(std::this_thread::get_id(), outer);
      EXPECT_EQ(e - b, 1000);
      ++inner_calls[begin];
    });
  });
  EXPECT_EQ(inner_calls, std::vector<int>(kMaxTeam, 1));
}

TEST(ThreadBudgetTest, NestsAndRestores) {
  const int before = omp_get_max_threads();
  {
    const ThreadBudget three(3);
    EXPECT_EQ(omp_get_max_threads(), 3);
    {
      const ThreadBudget one(1);
      EXPECT_EQ(omp_get_max_threads(), 1);
    }
    EXPECT_EQ(omp_get_max_threads(), 3);
    const ThreadBudget none(0);
    EXPECT_EQ(omp_get_max_threads(), 1) << "at least the caller itself";
  }
  EXPECT_EQ(omp_get_max_threads(), before);
}

TEST(ThreadBudgetTest, IsTheCallingThreadsOwn) {
  const ThreadBudget budget(3);
  int other = 0;
  std::thread([&] { other = omp_get_max_threads(); }).join();
  EXPECT_EQ(other, AvailableThreads());
}

TEST(AvailableThreadsTest, IsWithinTheMachineAndDoesNotFollowTheBudget) {
  const int available = AvailableThreads();
  EXPECT_GE(available, 1);
  EXPECT_LE(available, omp_get_num_procs());
  const ThreadBudget budget(1);
  EXPECT_EQ(AvailableThreads(), available);
}

TEST(GrainTest, IsTwentyMicroseconds) {
  EXPECT_EQ(GrainFor(1), 20000);
  EXPECT_EQ(GrainFor(0.5), 40000);
  EXPECT_EQ(GrainFor(3), 6667);
  EXPECT_EQ(GrainFor(1e9), 1);
  EXPECT_EQ(GrainFor(std::numeric_limits<double>::infinity()), 1);
  for (const double odd : {0.0, -1.0, 1e-300, std::numeric_limits<double>::quiet_NaN()}) {
    EXPECT_EQ(GrainFor(odd), 2000000) << odd;
  }
}

}  // namespace
}  // namespace sluice
