// Savers with other options than usual, and the list of what they keep.
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "gmock/gmock.h"
#include "graph/node.h"
#include "graph/partition.h"
#include "gtest/gtest.h"
#include "io/bundle_files.h"
#include "io/tensor_bundle.h"
#include "ops/all_ops.h"
#include "proto/meta_graph.pb.h"
#include "tests/testing/core/memory_files.h"
#include "tests/testing/core/status_matchers.h"
#include "train/checkpoint_state.h"
#include "train/saver.h"

namespace sluice::train {
namespace {

using absl::StatusCode;
using ::sluice::testing::MemoryFileSystem;
using ::testing::ElementsAre;

class SaverOptionsTest : public ::testing::Test {
 protected:
  SaverOptionsTest() { EXPECT_THAT(files_.CreateDirectories("/run"), IsOk()); }
  Variable Make(const char* name, float value = 1) {
    return GetVariable(root_, name, {.initializer = Tensor::Of<float>({2}, {value, value})});
  }
  Session Start() {
    const Output init = GlobalVariablesInitializer(root_);
    absl::StatusOr<Session> session = Session::Create(graph_);
    EXPECT_THAT(session, IsOk());
    EXPECT_THAT(session->Run(init), IsOk());
    return *std::move(session);
  }
  SaverOptions InMemory(SaverOptions options = {}) {
    options.fs = &files_;
    return options;
  }
  MemoryFileSystem files_;
  Graph graph_{ops::Builtin()};
  Scope root_ = Scope::Root(graph_);
};

// SV-1: a saver that is built later saves what was made meanwhile.
TEST_F(SaverOptionsTest, DeferredBuild) {
  Saver saver(graph_, InMemory({.defer_build = true}));
  const Variable v = Make("v");
  EXPECT_EQ(graph_.FindNode("save/Const"), nullptr);
  Session session = Start();
  EXPECT_THAT(saver.Save(session, "/run/m"),
              StatusIs(StatusCode::kFailedPrecondition,
                       "`build()` should be called before save if defer_build==True"));
  EXPECT_THAT(saver.Restore(session, "/run/m"),
              StatusIs(StatusCode::kFailedPrecondition, "should be called before restore"));
  proto::SaverDef def;
  EXPECT_THAT(saver.ToSaverDef(&def), StatusIs(StatusCode::kFailedPrecondition, "no graph"));
  saver.Build();
  const int nodes = graph_.num_nodes();
  saver.Build();  // once is enough
  EXPECT_EQ(graph_.num_nodes(), nodes);
  EXPECT_THAT(saver.Save(session, "/run/m"), IsOk());
  EXPECT_TRUE(BundleReader::Open(files_, "/run/m").value()->Contains("v"));
}

// SV-1
TEST_F(SaverOptionsTest, WhatCannotBeDeferredOrWritten) {
  const Variable v = Make("v");
  Saver deferred(graph_, InMemory({.var_list = {v}, .defer_build = true}));
  EXPECT_THAT(graph_.status(), StatusIs(StatusCode::kInvalidArgument,
                                        "If `var_list` is provided then build cannot be deferred"));
  Graph other(ops::Builtin());
  GetVariable(Scope::Root(other), "v", {.initializer = Tensor::Scalar(1.0f)});
  Saver old(other, {.write_version = CheckpointVersion::kV1});
  EXPECT_THAT(other.status(), StatusIs(StatusCode::kUnimplemented, "write_version V1"));
}

// SV-1, SV-3: the slices of one tensor in the files of two devices.
TEST_F(SaverOptionsTest, ShardsOfAPartitionedVariable) {
  const auto by_part = [](const DeviceRequest& node) -> std::string {
    return absl::StrContains(node.name, "part_1") ? "/gpu:0" : "/cpu:0";
  };
  const Variable cut = GetVariable(root_.Device(by_part), "cut",
                                   {.initializer = Tensor::Of<float>({4}, {1, 2, 3, 4}),
                                    .partitioner = FixedSizePartitioner(2)});
  const Variable far =
      GetVariable(root_.Device("/gpu:0"), "far", {.initializer = Tensor::Of<float>({1}, {5})});
  Session session = Start();
  Saver saver(graph_, InMemory({.sharded = true}));
  ASSERT_THAT(saver.Save(session, "/run/m", 7), IsOk());
  EXPECT_THAT(files_.Paths(),
              ElementsAre("/run/checkpoint", "/run/m-7.data-00000-of-00002",
                          "/run/m-7.data-00001-of-00002", "/run/m-7.index", "/run/m-7.meta"));
  Session other = Session::Create(graph_).value();
  ASSERT_THAT(saver.RestoreLatest(other, "/run"), IsOk());
  const auto values = other.Run({}, {cut.value(), far.value()});
  ASSERT_THAT(values, IsOk());
  EXPECT_EQ((*values)[0].data<float>()[3], 4);
  EXPECT_EQ((*values)[1].data<float>()[0], 5);
  // Any saver reads it, and a plain one over the same prefix leaves no shard behind.
  Saver plain(graph_, InMemory());
  ASSERT_THAT(plain.Restore(other, "/run/m-7"), IsOk());
  ASSERT_THAT(plain.Save(session, "/run/m", 7), IsOk());
  EXPECT_FALSE(files_.Exists("/run/m-7.data-00001-of-00002"));
  ASSERT_THAT(plain.Restore(other, "/run/m-7"), IsOk());
}

// SV-2
TEST_F(SaverOptionsTest, TheSaverDef) {
  Make("v");
  Saver saver(graph_,
              InMemory({.max_to_keep = 7, .keep_checkpoint_every_n_hours = 1.5, .name = "keeper"}));
  proto::SaverDef def;
  ASSERT_THAT(saver.ToSaverDef(&def), IsOk());
  EXPECT_EQ(def.filename_tensor_name(), "keeper/Const:0");
  EXPECT_EQ(def.save_tensor_name(), "keeper/control_dependency:0");
  EXPECT_EQ(def.restore_op_name(), "keeper/restore_all");
  EXPECT_EQ(def.max_to_keep(), 7);
  EXPECT_EQ(def.keep_checkpoint_every_n_hours(), 1.5f);
  EXPECT_FALSE(def.sharded());
}

// --- what is kept (SV-5) -------------------------------------------------------------------------

TEST_F(SaverOptionsTest, ListsThatAreSet) {
  Make("v");
  Session session = Start();
  Saver writer(graph_, InMemory({.max_to_keep = 0}));
  for (int step = 1; step <= 3; ++step) ASSERT_THAT(writer.Save(session, "/run/m", step), IsOk());
  Saver saver(graph_, InMemory({.max_to_keep = 2}));
  saver.SetLastCheckpoints({"/run/m-1", "/run/m-2", "/run/m-3"});
  EXPECT_THAT(saver.last_checkpoints(), ElementsAre("/run/m-1", "/run/m-2", "/run/m-3"));
  EXPECT_TRUE(BundleExists(files_, "/run/m-1"));
  ASSERT_THAT(saver.Save(session, "/run/m", 4), IsOk());
  EXPECT_THAT(saver.last_checkpoints(), ElementsAre("/run/m-3", "/run/m-4"));
  EXPECT_FALSE(BundleExists(files_, "/run/m-1"));
  EXPECT_FALSE(BundleExists(files_, "/run/m-2"));
  saver.RecoverLastCheckpoints({"/run/m-1", "/run/m-4"});
  EXPECT_THAT(saver.last_checkpoints(), ElementsAre("/run/m-4"));
}

// Times survive a restart: they are in the state file.
TEST_F(SaverOptionsTest, AResumedSaverKnowsTheTimes) {
  Make("v");
  Session session = Start();
  double now = 10000;
  const auto options = [&] {
    return InMemory(
        {.max_to_keep = 1, .keep_checkpoint_every_n_hours = 1, .clock = [&] { return now; }});
  };
  {
    Saver first(graph_, options());
    now = 14000;  // more than an hour after the saver was made
    ASSERT_THAT(first.Save(session, "/run/m", 1), IsOk());
  }
  Saver second(graph_, options());  // from now on another hour
  ASSERT_THAT(second.RestoreLatest(session, "/run"), IsOk());
  now = 14100;
  ASSERT_THAT(second.Save(session, "/run/m", 2), IsOk());
  EXPECT_FALSE(BundleExists(files_, "/run/m-1"));  // it was not saved after that hour
  now = 18000;
  ASSERT_THAT(second.Save(session, "/run/m", 3), IsOk());
  now = 18100;
  ASSERT_THAT(second.Save(session, "/run/m", 4), IsOk());
  EXPECT_TRUE(BundleExists(files_, "/run/m-3"));
  EXPECT_EQ(ReadCheckpointState(files_, "/run")->last_preserved, 18000);
}

// A state file decides what is tried, not what is deleted elsewhere.
TEST_F(SaverOptionsTest, NothingOutsideOfTheDirectoryIsDeleted) {
  ASSERT_THAT(files_.CreateDirectories("/precious"), IsOk());
  Make("v");
  Session session = Start();
  Saver writer(graph_, InMemory({.max_to_keep = 0}));
  ASSERT_THAT(writer.Save(session, "/precious/m", 1), IsOk());
  ASSERT_THAT(writer.Save(session, "/run/m", 2), IsOk());
  files_.Set("/run/checkpoint",
             "model_checkpoint_path: 'm-2' all_model_checkpoint_paths: ['/precious/m-1', 'm-2']");
  Saver saver(graph_, InMemory({.max_to_keep = 1}));
  ASSERT_THAT(saver.RestoreLatest(session, "/run"), IsOk());
  EXPECT_THAT(saver.last_checkpoints(), ElementsAre("/run/m-2"));
  ASSERT_THAT(saver.Save(session, "/run/m", 3), IsOk());
  EXPECT_TRUE(BundleExists(files_, "/precious/m-1"));
  EXPECT_FALSE(BundleExists(files_, "/run/m-2"));
}

// SV-4: the state file and the checkpoint must not have one name.
TEST_F(SaverOptionsTest, AStepThatMakesTheNameOfTheStateFile) {
  Make("v");
  Session session = Start();
  Saver saver(graph_, InMemory());
  EXPECT_THAT(saver.Save(session, "/run/m", 1, {.latest_filename = "m-1"}),
              StatusIs(StatusCode::kInvalidArgument, "conflicts with path used for checkpoint"));
  EXPECT_FALSE(files_.Exists("/run/m-1"));
}

// SV-8
TEST_F(SaverOptionsTest, DamageIsDataLoss) {
  const Variable v = Make("v", 3);
  Session session = Start();
  Saver saver(graph_, InMemory());
  ASSERT_THAT(saver.Save(session, "/run/m"), IsOk());
  const std::string path = "/run/m.data-00000-of-00001", whole = files_.Get(path);
  for (size_t byte = 0; byte < whole.size(); ++byte) {
    std::string damaged = whole;
    damaged[byte] ^= 0x10;
    files_.Set(path, damaged);
    EXPECT_THAT(saver.Restore(session, "/run/m"), StatusIs(StatusCode::kDataLoss, "checksum"));
    files_.Set(path, whole.substr(0, byte));
    EXPECT_THAT(saver.Restore(session, "/run/m"), StatusIs(StatusCode::kDataLoss, ""));
  }
}

}  // namespace
}  // namespace sluice::train
