// The planner of memory against a slow twin and hand-made cases.
#include "session/memory_plan.h"

#include <random>
#include <vector>

#include "absl/strings/str_cat.h"
#include "core/memory.h"
#include "gtest/gtest.h"

namespace sluice {
namespace {

void ExpectValid(const std::vector<MemoryRequest>& requests, const MemoryPlan& plan) {
  ASSERT_EQ(plan.offsets.size(), requests.size());
  for (size_t i = 0; i < requests.size(); ++i) {
    EXPECT_EQ(plan.offsets[i] % kBufferAlignment, 0u);
    EXPECT_GE(plan.offsets[i], 0);
    EXPECT_LE(plan.offsets[i] + requests[i].bytes, plan.total);
    for (size_t j = 0; j < i; ++j) {
      const bool together =
          requests[i].first <= requests[j].last && requests[j].first <= requests[i].last;
      const bool apart = plan.offsets[i] + requests[i].bytes <= plan.offsets[j] ||
                         plan.offsets[j] + requests[j].bytes <= plan.offsets[i];
      EXPECT_TRUE(!together || apart || requests[i].bytes == 0 || requests[j].bytes == 0)
          << i << " and " << j;
    }
  }
}

TEST(MemoryPlanTest, NothingNeedsNothing) {
  EXPECT_EQ(PlanMemory({}).total, 0);
  EXPECT_EQ(MemoryLowerBound({}), 0);
  const std::vector<MemoryRequest> empty = {{0, 0, 5}, {0, 1, 2}};
  EXPECT_EQ(PlanMemory(empty).total, 0);
}

TEST(MemoryPlanTest, DeadMemoryIsUsedAgain) {
  const std::vector<MemoryRequest> chain = {{100, 0, 1}, {100, 1, 2}, {100, 2, 3}, {100, 3, 4}};
  EXPECT_EQ(PlanMemory(chain).total, 256);  // two at a time, 128 bytes each
  EXPECT_EQ(MemoryLowerBound(chain), 256);
  EXPECT_EQ(PlanMemory(chain, false).total, 512);
}

TEST(MemoryPlanTest, NeighboursThatDiedAreJoined) {
  // Two of 64 bytes die at step 1; one of 128 fits where they were.
  const std::vector<MemoryRequest> requests = {{64, 0, 1}, {64, 0, 1}, {64, 0, 9}, {128, 2, 3}};
  EXPECT_EQ(PlanMemory(requests).total, 192);
}

TEST(MemoryPlanTest, LivesTouchInTheirLastStep) {
  const std::vector<MemoryRequest> requests = {{64, 0, 3}, {64, 3, 5}};
  EXPECT_EQ(PlanMemory(requests).total, 128);
}

TEST(MemoryPlanTest, RandomLives) {
  int64_t planned = 0, bound = 0;
  for (int seed = 0; seed < 300; ++seed) {
    SCOPED_TRACE(absl::StrCat("seed ", seed));
    std::mt19937 random(seed);
    std::vector<MemoryRequest> requests;
    const int count = 1 + static_cast<int>(random() % 120);
    for (int i = 0; i < count; ++i) {
      const int first = static_cast<int>(random() % 60);
      requests.push_back({static_cast<int64_t>(random() % 5 ? random() % 1000 : random() % 100000),
                          first, first + static_cast<int>(random() % 8)});
    }
    const MemoryPlan plan = PlanMemory(requests);
    ExpectValid(requests, plan);
    ExpectValid(requests, PlanMemory(requests, false));
    const int64_t lower = MemoryLowerBound(requests);
    EXPECT_GE(plan.total, lower);
    planned += plan.total;
    bound += lower;
    EXPECT_EQ(PlanMemory(requests).offsets, plan.offsets);
  }
  EXPECT_LT(static_cast<double>(planned), 1.1 * static_cast<double>(bound));
}

TEST(MemoryPlanTest, ManyLivesTakeTheFastWay) {
  std::vector<MemoryRequest> requests;
  std::mt19937 random(1);
  for (int i = 0; i < 6000; ++i) {
    requests.push_back(
        {static_cast<int64_t>(random() % 5000), i, i + static_cast<int>(random() % 9)});
  }
  const MemoryPlan plan = PlanMemory(requests);
  ExpectValid(requests, plan);
  EXPECT_LT(static_cast<double>(plan.total), 1.3 * static_cast<double>(MemoryLowerBound(requests)));
}

}  // namespace
}  // namespace sluice
