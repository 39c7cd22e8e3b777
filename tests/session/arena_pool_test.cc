// Plans share planned memory when they do not run at the same time.
#include "session/arena_pool.h"

#include <memory>

#include "gtest/gtest.h"
#include "tests/testing/session/session_fixture.h"

namespace sluice {
namespace {

using namespace session_ops;  // NOLINT: the ops of these tests
using absl::StatusCode;

class User : public ArenaUser {
 public:
  void LeaveArena() override { ++left; }
  int left = 0;
};

class ArenaPoolTest : public ::testing::Test {
 protected:
  const std::shared_ptr<MemoryBudget> budget_ = std::make_shared<MemoryBudget>(10000);
  ArenaPool pool_{budget_};
  User a_, b_, c_;
  bool fresh_ = false;
};

TEST_F(ArenaPoolTest, OneBlockServesUsersThatTakeTurns) {
  const auto first = pool_.Take(&a_, 1024, &fresh_);
  ASSERT_THAT(first, IsOk());
  EXPECT_TRUE(fresh_);
  pool_.GiveBack(&a_);
  const auto second = pool_.Take(&b_, 512, &fresh_);
  ASSERT_THAT(second, IsOk());
  EXPECT_TRUE(fresh_);
  EXPECT_EQ(second->get(), first->get());
  pool_.GiveBack(&b_);
  const auto again = pool_.Take(&a_, 1024, &fresh_);
  ASSERT_THAT(again, IsOk());
  EXPECT_FALSE(fresh_);
  EXPECT_EQ(budget_->held(), 1024);
}

TEST_F(ArenaPoolTest, UsersAtTheSameTimeHaveBlocksOfTheirOwn) {
  const auto first = pool_.Take(&a_, 1024, &fresh_);
  const auto second = pool_.Take(&b_, 1024, &fresh_);
  ASSERT_THAT(second, IsOk());
  EXPECT_NE(second->get(), first->get());
  EXPECT_EQ(budget_->held(), 2048);
  pool_.GiveBack(&a_);
  // c comes to share a's block; when a returns, its block is in use and b's is not.
  ASSERT_THAT(pool_.Take(&c_, 1000, &fresh_), IsOk());
  pool_.GiveBack(&b_);
  const auto moved = pool_.Take(&a_, 1024, &fresh_);
  ASSERT_THAT(moved, IsOk());
  EXPECT_TRUE(fresh_);
  EXPECT_EQ(a_.left, 1);
  EXPECT_EQ(moved->get(), second->get());
}

TEST_F(ArenaPoolTest, ALargerBlockTakesThePlaceOfAnIdleOne) {
  ASSERT_THAT(pool_.Take(&a_, 1024, &fresh_), IsOk());
  pool_.GiveBack(&a_);
  ASSERT_THAT(pool_.Take(&b_, 4096, &fresh_), IsOk());
  EXPECT_EQ(a_.left, 1);  // its block is gone
  EXPECT_EQ(budget_->held(), 4096);
  pool_.GiveBack(&b_);
  ASSERT_THAT(pool_.Take(&a_, 1024, &fresh_), IsOk());
  EXPECT_TRUE(fresh_);
  EXPECT_EQ(budget_->held(), 4096);
}

TEST_F(ArenaPoolTest, BlocksGoWithTheirLastUser) {
  ASSERT_THAT(pool_.Take(&a_, 1024, &fresh_), IsOk());
  pool_.GiveBack(&a_);
  ASSERT_THAT(pool_.Take(&b_, 1024, &fresh_), IsOk());
  pool_.GiveBack(&b_);
  pool_.Leave(&a_);
  EXPECT_EQ(budget_->held(), 1024);
  pool_.Leave(&b_);
  EXPECT_EQ(budget_->held(), 0);
  pool_.Leave(&b_);  // twice does no harm
}

TEST_F(ArenaPoolTest, RefusesWhatTheBudgetRefuses) {
  EXPECT_THAT(pool_.Take(&a_, 20000, &fresh_), StatusIs(StatusCode::kResourceExhausted, "20000"));
  ASSERT_THAT(pool_.Take(&a_, 5000, &fresh_), IsOk());
}

class SharedArenaTest : public SessionFixture {};

TEST_F(SharedArenaTest, PlansOfOneSessionUseTheMemoryOfTheLargest) {
  const Output x = Placeholder(root_, DType::kFloat, {-1});
  const Output y = Sum(root_, Square(root_, Add(root_, x, x)));
  Session session = MakeSession();
  const auto run = [&](int64_t n) {
    const Tensor ones = Tensor::Of<float>({n}, std::vector<float>(static_cast<size_t>(n), 1));
    EXPECT_EQ(Run(session, {{x, ones}}, y).scalar<float>(), static_cast<float>(4 * n));
    return session.memory_held();
  };
  const int64_t small = run(1000), large = run(100000);
  EXPECT_GT(large, 50 * small);
  for (int64_t n : {500, 1000, 2000, 4000, 90000, 100000}) EXPECT_LT(run(n), large + 10000) << n;
}

}  // namespace
}  // namespace sluice
