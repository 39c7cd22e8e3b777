// Traced runs summed up.
#include "tools/sluice/profile.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace sluice::tools {
namespace {

using ::testing::HasSubstr;

StepStats Step(const char* node, const char* op, int64_t us, int64_t bytes = 0, double flops = 0) {
  return {.node = node, .op = op, .duration_ns = 1000 * us, .bytes = bytes, .flops = flops};
}

// Three runs of two products and a loop of two additions by one node.
std::vector<RunMetadata> Runs() {
  std::vector<RunMetadata> runs(3);
  const int64_t a_us[] = {30, 10, 20}, run_us[] = {90, 60, 70};
  for (int r = 0; r < 3; ++r) {
    runs[r].steps = {Step("a", "MatMul", a_us[r], 2000, 8e5), Step("add", "AddV2", 1, 40, 10),
                     Step("b", "MatMul", 25, 500, 1e5), Step("add", "AddV2", 2, 40, 10)};
    runs[r].duration_ns = 1000 * run_us[r];
    runs[r].threads = 2;
    runs[r].arena_bytes = 4096;
  }
  return runs;
}

TEST(ProfileTest, BySteps) {
  const Profile profile = MakeProfile(Runs(), ProfileBy::kStep);
  ASSERT_EQ(profile.rows.size(), 3u);
  EXPECT_EQ(profile.rows[0].node, "b");
  EXPECT_DOUBLE_EQ(profile.rows[0].seconds, 25e-6);
  EXPECT_EQ(profile.rows[1].node, "a");
  EXPECT_DOUBLE_EQ(profile.rows[1].seconds, 20e-6);
  EXPECT_EQ(profile.rows[1].calls, 1);
  EXPECT_EQ(profile.rows[1].bytes, 2000);
  EXPECT_EQ(profile.rows[1].flops, 8e5);
  EXPECT_EQ(profile.rows[2].node, "add");
  EXPECT_EQ(profile.rows[2].calls, 2);
  EXPECT_DOUBLE_EQ(profile.rows[2].seconds, 3e-6);
  EXPECT_EQ(profile.rows[2].bytes, 80);
  EXPECT_DOUBLE_EQ(profile.run_seconds, 70e-6);
  EXPECT_DOUBLE_EQ(profile.step_seconds, 48e-6);
  EXPECT_EQ(profile.median_run, 2u);
  EXPECT_EQ(profile.runs, 3);
  EXPECT_EQ(profile.threads, 2);
  EXPECT_EQ(profile.arena_bytes, 4096);
}

TEST(ProfileTest, ByOps) {
  const Profile profile = MakeProfile(Runs(), ProfileBy::kOp);
  ASSERT_EQ(profile.rows.size(), 2u);
  EXPECT_EQ(profile.rows[0].op, "MatMul");
  EXPECT_EQ(profile.rows[0].node, "");
  EXPECT_EQ(profile.rows[0].calls, 2);
  EXPECT_DOUBLE_EQ(profile.rows[0].seconds, 45e-6);  // of 55, 35 and 45
  EXPECT_EQ(profile.rows[0].flops, 9e5);
}

TEST(ProfileTest, TheMedianOfAnEvenNumberLiesBetween) {
  std::vector<RunMetadata> runs = Runs();
  runs.pop_back();
  const Profile profile = MakeProfile(runs, ProfileBy::kStep);
  EXPECT_DOUBLE_EQ(profile.run_seconds, 75e-6);
  EXPECT_EQ(profile.rows[1].node, "a");
  EXPECT_DOUBLE_EQ(profile.rows[1].seconds, 20e-6);
}

// A step that some runs skipped took no time there.
TEST(ProfileTest, SkippedSteps) {
  std::vector<RunMetadata> runs = Runs();
  runs[0].steps.clear();
  runs[1].steps.clear();
  for (const ProfileRow& row : MakeProfile(runs, ProfileBy::kStep).rows) EXPECT_EQ(row.seconds, 0);
}

// b: 1e5 operations in 25 us are 4 GF/s; a: 8e5 in 20 us 40 GF/s, of 80 GF/s. The memory, 5 GB/s,
// would let a's 2000 bytes pass in 0.4 us: the arithmetic is what limits it.
TEST(ProfileTest, Table) {
  const std::string text = ProfileTable(MakeProfile(Runs(), ProfileBy::kStep), {80e9, 5e9});
  EXPECT_THAT(text, HasSubstr("3 runs on 2 threads: median 0.0700 ms, 0.0220 ms of them between "
                              "steps; planned memory 4096 bytes\n"));
  EXPECT_THAT(text, HasSubstr("this machine now: 80.0 GF/s (matrix product), 5.0 GB/s (copy)\n"));
  EXPECT_THAT(
      text,
      HasSubstr(
          "        ms  % run  calls         bytes    GB/s         FLOPs     GF/s  % max  op      "
          "node\n"
          "    0.0250   35.7      1           500     0.0        100000      4.0    5.0  MatMul  "
          "b\n"
          "    0.0200   28.6      1          2000     0.1        800000     40.0   50.0  MatMul  "
          "a\n"
          "    0.0030    4.3      2            80     0.0            20      0.0    0.5  AddV2   "
          "add\n"
          "    0.0700  100.0      4          2580     0.0        900020     12.9   16.1  total\n"));
}

TEST(ProfileTest, Json) {
  const std::string text = ProfileJson(MakeProfile(Runs(), ProfileBy::kOp), {80e9, 5e9});
  EXPECT_THAT(text, HasSubstr("{\"runs\": 3, \"threads\": 2, \"run_ms\": 0.07, "));
  EXPECT_THAT(text, HasSubstr("{\"op\": \"MatMul\", \"node\": \"\", \"calls\": 2, \"ms\": 0.045, "
                              "\"bytes\": 2500, \"flops\": 900000, "));
  EXPECT_THAT(text, HasSubstr("\"share_of_limit\": 0.25}"));  // 20 GF/s of 80
}

}  // namespace
}  // namespace sluice::tools
