// The state file, also one that came from another machine (rules SV-4, SV-7).
#include "train/checkpoint_state.h"

#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/testing/core/memory_files.h"
#include "tests/testing/core/status_matchers.h"

namespace sluice::train {
namespace {

using absl::StatusCode;
using ::sluice::testing::MemoryFileSystem;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

class CheckpointStateTest : public ::testing::Test {
 protected:
  CheckpointStateTest() {
    EXPECT_THAT(files_.CreateDirectories("/run"), IsOk());
    EXPECT_THAT(files_.CreateDirectories("/other"), IsOk());
  }
  void Bundle(const std::string& prefix) {
    files_.Set(prefix + ".index", "x");
    files_.Set(prefix + ".data-00000-of-00001", "x");
  }
  void State(const std::string& text) { files_.Set("/run/checkpoint", text); }
  MemoryFileSystem files_;
};

TEST_F(CheckpointStateTest, RoundTripWithTimes) {
  const CheckpointState state{.latest = "/run/m-2",
                              .all = {"/run/m-1", "/run/m-2"},
                              .times = {10.25, 20},
                              .last_preserved = 5};
  ASSERT_THAT(WriteCheckpointState(files_, "/run", state), IsOk());
  EXPECT_EQ(files_.Get("/run/checkpoint"),
            "model_checkpoint_path: \"/run/m-2\"\n"
            "all_model_checkpoint_paths: \"/run/m-1\"\n"
            "all_model_checkpoint_paths: \"/run/m-2\"\n"
            "all_model_checkpoint_timestamps: 10.25\n"
            "all_model_checkpoint_timestamps: 20\n"
            "last_preserved_timestamp: 5\n");
  const auto back = ReadCheckpointState(files_, "/run");
  ASSERT_THAT(back, IsOk());
  EXPECT_EQ(back->latest, state.latest);
  EXPECT_EQ(back->all, state.all);
  EXPECT_EQ(back->times, state.times);
  EXPECT_EQ(back->last_preserved, 5);
}

// SV-4: the path of a checkpoint that is the state file's own.
TEST_F(CheckpointStateTest, StatesThatAreRefused) {
  EXPECT_THAT(
      WriteCheckpointState(files_, "/run", {.latest = "/run/checkpoint"}),
      StatusIs(StatusCode::kInvalidArgument, "conflicts with path used for checkpoint state"));
  EXPECT_THAT(WriteCheckpointState(files_, "/run", {.latest = "a", .all = {"a"}, .times = {1, 2}}),
              StatusIs(StatusCode::kInvalidArgument, "1 checkpoints has 2 times"));
  EXPECT_THAT(files_.Paths(), IsEmpty());
}

TEST_F(CheckpointStateTest, RelativePathsStartAtTheDirectory) {
  Bundle("/run/m-1");
  State("model_checkpoint_path: 'm-1'");
  EXPECT_EQ(LatestCheckpoint("/run", files_), "/run/m-1");
  EXPECT_THAT(GetCheckpointState("/run", files_)->all, ElementsAre("/run/m-1"));
}

TEST_F(CheckpointStateTest, PathsOfAnotherMachine) {
  State(
      "model_checkpoint_path: '/home/her/run/m-2' all_model_checkpoint_paths: "
      "['/home/her/run/m-1', '/home/her/run/m-2']");
  EXPECT_EQ(LatestCheckpoint("/run", files_), std::nullopt);
  EXPECT_EQ(GetCheckpointState("/run", files_)->latest, "/home/her/run/m-2");
  Bundle("/run/m-1");
  Bundle("/run/m-2");
  EXPECT_EQ(LatestCheckpoint("/run", files_), "/run/m-2");
  EXPECT_THAT(GetCheckpointState("/run", files_)->all, ElementsAre("/run/m-1", "/run/m-2"));
  // A path that exists is taken as it stands.
  Bundle("/other/m-1");
  Bundle("/run/m-1");
  State("model_checkpoint_path: '/other/m-1'");
  EXPECT_EQ(LatestCheckpoint("/run", files_), "/other/m-1");
}

TEST_F(CheckpointStateTest, RelativePathsDoNotLeaveTheDirectory) {
  Bundle("/other/m-1");
  for (const char* path : {"../other/m-1", "x/../../other/m-1", "./../other/m-1"}) {
    State(std::string("model_checkpoint_path: '") + path + "'");
    EXPECT_EQ(LatestCheckpoint("/run", files_), std::nullopt) << path;
  }
  Bundle("/run/m-1");
  EXPECT_EQ(LatestCheckpoint("/run", files_), "/run/m-1");
  State("model_checkpoint_path: 'x/../m-1'");
  EXPECT_NE(LatestCheckpoint("/run", files_), std::nullopt);
}

// SV-7
TEST_F(CheckpointStateTest, TheLatestMustExist) {
  State("model_checkpoint_path: 'm-2' all_model_checkpoint_paths: 'm-1'");
  Bundle("/run/m-1");
  EXPECT_EQ(LatestCheckpoint("/run", files_), std::nullopt);
  EXPECT_EQ(LatestCheckpoint("/nowhere", files_), std::nullopt);
  State("what");
  EXPECT_EQ(LatestCheckpoint("/run", files_), std::nullopt);
  EXPECT_FALSE(GetCheckpointState("/run", files_).has_value());
}

TEST_F(CheckpointStateTest, TimesOfAnotherNumberAreNoTimes) {
  State(
      "model_checkpoint_path: 'b' all_model_checkpoint_paths: ['a', 'b'] "
      "all_model_checkpoint_timestamps: 3");
  EXPECT_THAT(GetCheckpointState("/run", files_)->times, IsEmpty());
  State(
      "model_checkpoint_path: 'c' all_model_checkpoint_paths: ['a', 'b'] "
      "all_model_checkpoint_timestamps: [3, 4]");
  EXPECT_THAT(GetCheckpointState("/run", files_)->times, IsEmpty());
  EXPECT_EQ(GetCheckpointState("/run", files_)->all.size(), 3u);
}

TEST_F(CheckpointStateTest, WhichCheckpointsExist) {
  EXPECT_FALSE(CheckpointExists("", files_));
  EXPECT_FALSE(CheckpointExists("/run", files_));
  EXPECT_FALSE(CheckpointExists("/run/m", files_));
  Bundle("/run/m");
  EXPECT_TRUE(CheckpointExists("/run/m", files_));
  // The older format: a file, or shards.
  files_.Set("/run/old", "x");
  EXPECT_TRUE(CheckpointExists("/run/old", files_));
  files_.Set("/run/cut-00000-of-00002", "x");
  EXPECT_TRUE(CheckpointExists("/run/cut", files_));
  EXPECT_TRUE(CheckpointExists("/run/cut-\?\?\?\?\?-of-00002", files_));
}

TEST_F(CheckpointStateTest, Remove) {
  Bundle("/run/m-1");
  Bundle("/run/m-10");
  files_.Set("/run/m-1.meta", "x");
  EXPECT_THAT(RemoveCheckpoint("/run/m-1", files_), IsOk());
  EXPECT_THAT(RemoveCheckpoint("/run/m-1", files_), IsOk());
  EXPECT_THAT(files_.Paths(), ElementsAre("/run/m-10.data-00000-of-00001", "/run/m-10.index"));
}

TEST_F(CheckpointStateTest, ShardsInProgressAreNoCheckpoints) {
  Bundle("/run/m-3");
  Bundle("/run/m-4.shard-00000-of-00002.tmp");
  EXPECT_THAT(CheckpointsIn(files_, "/run"), ElementsAre("/run/m-3"));
}

}  // namespace
}  // namespace sluice::train
