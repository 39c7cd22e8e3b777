#include "examples/fashion_mnist/history.h"

#include "core/file.h"
#include "gtest/gtest.h"
#include "tests/testing/core/status_matchers.h"

namespace sluice::examples {
namespace {

class HistoryTest : public ::testing::Test {
 protected:
  void Write(const std::string& text) {
    ASSERT_THAT(FileSystem::Default().ReplaceAtomically(path_, text), IsOk());
  }
  const std::string path_ = JoinPath(
      ::testing::TempDir(),
      std::string("history_") + ::testing::UnitTest::GetInstance()->current_test_info()->name());
};

TEST_F(HistoryTest, GoesToAFileAndBack) {
  History history;
  history.loss = {{1, 2.3025851f}, {2, 0.1f}};
  history.accuracy = {{1, 0.125f}};
  history.test_accuracy = {{469, 0.9f}};
  ASSERT_THAT(history.Save(path_), IsOk());
  EXPECT_EQ(*FileSystem::Default().ReadAll(path_),
            "loss\t1\t2.30258512\nloss\t2\t0.100000001\naccuracy\t1\t0.125\n"
            "test_accuracy\t469\t0.899999976\n");
  const auto loaded = History::Load(path_, 1000);
  ASSERT_THAT(loaded, IsOk());
  ASSERT_EQ(loaded->loss.size(), 2u);
  EXPECT_EQ(loaded->loss[0].step, 1);
  EXPECT_EQ(loaded->loss[0].value, 2.3025851f);  // every bit
  EXPECT_EQ(loaded->loss[1].value, 0.1f);
  EXPECT_EQ(loaded->test_accuracy[0].step, 469);
}

TEST_F(HistoryTest, PointsAfterTheResumedStepAreLeftOut) {
  Write("loss\t1\t3\nloss\t5\t2\nloss\t6\t1\ntest_accuracy\t6\t0.5\n");
  const auto history = History::Load(path_, 5);
  ASSERT_THAT(history, IsOk());
  ASSERT_EQ(history->loss.size(), 2u);
  EXPECT_EQ(history->loss[1].step, 5);
  EXPECT_TRUE(history->test_accuracy.empty());
}

TEST_F(HistoryTest, AnAbsentFileIsEmpty) {
  const auto history = History::Load(path_ + "_none", 5);
  ASSERT_THAT(history, IsOk());
  EXPECT_TRUE(history->loss.empty());
}

TEST_F(HistoryTest, MalformedLines) {
  for (const char* text : {"loss\t1\n", "loss\t1\t2\t3\n", "loss\tone\t2\n", "loss\t1\ttwo\n",
                           "loss 1 2\n", "gain\t1\t2\n"}) {
    SCOPED_TRACE(text);
    Write(text);
    EXPECT_THAT(History::Load(path_, 5), StatusIs(absl::StatusCode::kDataLoss, path_));
  }
}

}  // namespace
}  // namespace sluice::examples
