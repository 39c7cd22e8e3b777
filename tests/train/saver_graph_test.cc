// The nodes that a Saver adds, and those that it finds in graphs from elsewhere (rule SV-2).
#include "train/saver_graph.h"

#include <memory>
#include <string>
#include <tuple>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "graph/node.h"
#include "graph/partition.h"
#include "gtest/gtest.h"
#include "io/bundle_files.h"
#include "ops/all_ops.h"
#include "ops/save_restore.h"
#include "ops/save_restore_v1.h"
#include "proto/meta_graph.pb.h"
#include "tests/testing/core/status_matchers.h"
#include "tests/testing/core/tensors.h"
#include "train/saver.h"

namespace sluice::train {
namespace {

using absl::StatusCode;
using ::testing::ElementsAre;

Output Constant(At at, const Tensor& value) {
  return at.Node("Const", {}, {{"value", value}, {"dtype", value.dtype()}});
}

Variable Make(const Scope& at, const char* name, float value, bool resource = true) {
  return GetVariable(
      at, name, {.initializer = Tensor::Of<float>({2}, {value, value}), .use_resource = resource});
}

std::vector<std::string> StringsOf(const Graph& graph, const std::string& node) {
  const Tensor value = graph.FindNode(node)->attr<Tensor>("value");
  const auto strings = value.flat<std::string>();
  return {strings.begin(), strings.end()};
}

// Two variables on different devices, and a partitioned one that lies on both.
struct Sharded {
  Graph graph{ops::Builtin()};
  Scope root = Scope::Root(graph);
  Variable a = Make(root.Device("/job:ps/task:1"), "a", 1);
  Variable b = Make(root.Device("/job:ps/task:0"), "b", 2);
  Variable c = Make(root.Device("/job:ps/task:1"), "c", 3);
  Saver saver{graph, {.sharded = true}};
};

TEST(SaverGraph, ShardedNodes) {
  Sharded s;
  ASSERT_THAT(s.graph.status(), IsOk());
  for (const char* name : {"save/filename/input",
                           "save/filename",
                           "save/Const",
                           "save/StringJoin/inputs_1",
                           "save/StringJoin",
                           "save/num_shards",
                           "save/ShardedFilename/shard",
                           "save/ShardedFilename",
                           "save/SaveV2",
                           "save/control_dependency",
                           "save/ShardedFilename_1/shard",
                           "save/ShardedFilename_1",
                           "save/SaveV2_1",
                           "save/control_dependency_1",
                           "save/MergeV2Checkpoints/checkpoint_prefixes",
                           "save/MergeV2Checkpoints",
                           "save/Identity",
                           "save/RestoreV2",
                           "save/restore_shard",
                           "save/RestoreV2_1",
                           "save/restore_shard_1",
                           "save/restore_all"}) {
    EXPECT_NE(s.graph.FindNode(name), nullptr) << name;
  }
  // By the names of the devices.
  EXPECT_THAT(StringsOf(s.graph, "save/SaveV2/tensor_names"), ElementsAre("b", kRandomRunKey));
  EXPECT_THAT(StringsOf(s.graph, "save/SaveV2_1/tensor_names"), ElementsAre("a", "c"));
  const std::string temporary = StringsOf(s.graph, "save/StringJoin/inputs_1")[0];
  EXPECT_TRUE(absl::StartsWith(temporary, "_temp_") && absl::EndsWith(temporary, "/part"))
      << temporary;
  proto::SaverDef def;
  ASSERT_THAT(s.saver.ToSaverDef(&def), IsOk());
  EXPECT_EQ(def.filename_tensor_name(), "save/Const:0");
  EXPECT_EQ(def.save_tensor_name(), "save/Identity:0");
  EXPECT_EQ(def.restore_op_name(), "save/restore_all");
  EXPECT_TRUE(def.sharded());
  EXPECT_EQ(def.version(), proto::SaverDef::V2);
}

// Its own ops save and restore by feeding the file name.
TEST(SaverGraph, ShardedNodesRun) {
  Sharded s;
  const Output init = GlobalVariablesInitializer(s.root);
  Session session = Session::Create(s.graph).value();
  ASSERT_THAT(session.Run(init), IsOk());
  const std::string prefix = JoinPath(::testing::TempDir(), "sharded_own_ops");
  const Feeds name = {{s.graph.FindTensor("save/Const:0").value(), Tensor::Scalar(prefix)}};
  const auto saved = session.Run(name, {s.graph.FindTensor("save/Identity:0").value()});
  ASSERT_THAT(saved, IsOk());
  EXPECT_EQ((*saved)[0].scalar<std::string>(), prefix);
  EXPECT_TRUE(BundleExists(FileSystem::Default(), prefix));
  Session other = Session::Create(s.graph).value();
  ASSERT_THAT(other.Run(name, Outputs{s.graph.FindOperation("save/restore_all").value()}), IsOk());
  const auto values = other.Run({}, {s.a.value(), s.b.value(), s.c.value()});
  ASSERT_THAT(values, IsOk());
  EXPECT_EQ((*values)[0].data<float>()[0], 1);
  EXPECT_EQ((*values)[1].data<float>()[1], 2);
  EXPECT_EQ((*values)[2].data<float>()[0], 3);
}

TEST(SaverGraph, FeedingTheOlderNameOfTheFile) {  // save/filename, which save/Const passes on
  Graph graph(ops::Builtin());
  const Variable a = Make(Scope::Root(graph), "a", 5);
  Saver saver(graph, {.filename = "nowhere/elsewhere"});
  EXPECT_THAT(StringsOf(graph, "save/filename/input"), ElementsAre("nowhere/elsewhere"));
  const Output init = GlobalVariablesInitializer(Scope::Root(graph));
  Session session = Session::Create(graph).value();
  ASSERT_THAT(session.Run(init), IsOk());
  const std::string prefix = JoinPath(::testing::TempDir(), "older_name");
  ASSERT_THAT(session.Run({{graph.FindTensor("save/filename:0").value(), Tensor::Scalar(prefix)}},
                          {graph.FindTensor("save/control_dependency:0").value()}),
              IsOk());
  EXPECT_TRUE(BundleExists(FileSystem::Default(), prefix));
}

TEST(SaverGraph, ReshapeNodes) {
  Graph graph(ops::Builtin());
  Make(Scope::Root(graph), "a", 5);
  Saver saver(graph, {.reshape = true});
  ASSERT_NE(graph.FindNode("save/Reshape"), nullptr);
  const Tensor shape = graph.FindNode("save/Reshape/shape")->attr<Tensor>("value");
  EXPECT_TRUE(BitEqual(shape, Tensor::Of<int32_t>({1}, {2})));
}

// --- reading -------------------------------------------------------------------------------------

struct Seen {
  std::string key, slice;
  int shard;
  friend bool operator==(const Seen&, const Seen&) = default;
};

std::vector<Seen> SavedIn(const SaverGraph& nodes) {
  std::vector<Seen> seen;
  for (const auto& saved : nodes.saved) {
    seen.push_back({saved.place.key, saved.place.SliceSpec(), saved.shard});
  }
  return seen;
}

std::vector<std::string> RestoredIn(const SaverGraph& nodes) {
  std::vector<std::string> seen;
  for (const auto& r : nodes.restored) {
    seen.push_back(absl::StrCat(r.place.key, "|", r.place.SliceSpec(), "|",
                                r.variable.empty() ? "" : r.variable.node()->name()));
  }
  return seen;
}

TEST(ReadSaverGraph, WhatBuildMade) {
  Graph graph(ops::Builtin());
  const Scope root = Scope::Root(graph);
  GetVariable(root, "cut",
              {.initializer = Tensor::Of<float>({4}, {1, 2, 3, 4}),
               .partitioner = FixedSizePartitioner(2)});
  const Variable w = Make(root, "w", 1);
  const Variable r = Make(root, "r", 1, /*resource=*/false);
  Saver saver(graph);
  proto::SaverDef def;
  ASSERT_THAT(saver.ToSaverDef(&def), IsOk());
  const auto nodes = ReadSaverGraph(graph, def);
  ASSERT_THAT(nodes, IsOk());
  EXPECT_THAT(SavedIn(*nodes), ElementsAre(Seen{"cut", "4 0,2", 0}, Seen{"cut", "4 2,2", 0},
                                           Seen{"r", "", 0}, Seen{"w", "", 0}));
  EXPECT_THAT(RestoredIn(*nodes),
              ElementsAre("cut|4 0,2|cut/part_0", "cut|4 2,2|cut/part_1", "r||r", "w||w"));
  EXPECT_EQ(nodes->num_shards, 1);
  EXPECT_FALSE(nodes->reshape);
  for (const auto& restored : nodes->restored) {
    EXPECT_EQ(restored.dtype, DType::kFloat);
    EXPECT_EQ(restored.place.full_shape, restored.place.slice ? TensorShape{4} : TensorShape{2});
  }
}

TEST(ReadSaverGraph, Shards) {
  Sharded s;
  proto::SaverDef def;
  ASSERT_THAT(s.saver.ToSaverDef(&def), IsOk());
  const auto nodes = ReadSaverGraph(s.graph, def);
  ASSERT_THAT(nodes, IsOk());
  EXPECT_EQ(nodes->num_shards, 2);
  EXPECT_THAT(SavedIn(*nodes), ElementsAre(Seen{"b", "", 0}, Seen{"a", "", 1}, Seen{"c", "", 1}));
  EXPECT_EQ(nodes->targets.size(), 3u);
}

// As TensorFlow's first releases built it: reference variables, the older format, one restore op
// for each variable, another key than the variable's name.
struct OldGraph {
  OldGraph() {
    const At at = root.Sub("save");
    const Output name = Constant(at.Named("Const"), Tensor::Scalar(std::string("model")));
    const Output names =
        Constant(at.Named("save/tensor_names"), Tensor::Of<std::string>({2}, {"other/a", "b"}));
    const Output slices =
        Constant(at.Named("save/shapes_and_slices"), Tensor::Of<std::string>({2}, {"", "4 0,2"}));
    const Output written =
        ops::SaveSlices(at.Named("save"), name, names, slices, {a.handle(), b.handle()});
    at.In(at.scope().After({written})).Named("control_dependency").Node("Identity", {name});
    Outputs assigned;
    for (const auto& [v, key, slice] :
         {std::tuple(a, "other/a", ""), std::tuple(b, "b", "4 0,2")}) {
      const At restore = at.Sub("restore_slice");
      const Output value = ops::RestoreSlice(
          restore.AsScope(), name,
          Constant(restore.Named("tensor_name"), Tensor::Scalar(std::string(key))),
          Constant(restore.Named("shape_and_slice"), Tensor::Scalar(std::string(slice))),
          DType::kFloat);
      assigned.push_back(at.Node("Assign", {v.handle(), value}, {{"validate_shape", true}}));
    }
    Group(at.Named("restore_all"), assigned);
    def.set_filename_tensor_name("save/Const:0");
    def.set_save_tensor_name("save/control_dependency:0");
    def.set_restore_op_name("save/restore_all");
    def.set_max_to_keep(3);
    def.set_version(proto::SaverDef::V1);
  }
  Graph graph{ops::Builtin()};
  Scope root = Scope::Root(graph);
  Variable a = Make(root, "a", 1, /*resource=*/false);
  Variable b = Make(root, "b_", 2, /*resource=*/false);
  proto::SaverDef def;
};

TEST(ReadSaverGraph, TheOlderFormatsNodes) {
  OldGraph old;
  ASSERT_THAT(old.graph.status(), IsOk());
  const auto nodes = ReadSaverGraph(old.graph, old.def);
  ASSERT_THAT(nodes, IsOk());
  EXPECT_THAT(SavedIn(*nodes), ElementsAre(Seen{"other/a", "", 0}, Seen{"b", "4 0,2", 0}));
  EXPECT_THAT(RestoredIn(*nodes), ElementsAre("other/a||a", "b|4 0,2|b_"));
}

TEST(ReadSaverGraph, WhatMakesNoSense) {
  OldGraph old;
  const auto read = [&](const char* filename, const char* save, const char* restore) {
    proto::SaverDef def;
    def.set_filename_tensor_name(filename);
    def.set_save_tensor_name(save);
    def.set_restore_op_name(restore);
    return ReadSaverGraph(old.graph, def).status();
  };
  EXPECT_THAT(read("", "save/control_dependency:0", "save/restore_all"),
              StatusIs(StatusCode::kInvalidArgument, "saver_def lacks the name of a tensor"));
  EXPECT_THAT(read("save/Const:0", "save/nothing:0", "save/restore_all"),
              StatusIs(StatusCode::kNotFound, "save/nothing"));
  EXPECT_THAT(read("save/Const:0", "save/control_dependency:0", "save/nothing"),
              StatusIs(StatusCode::kNotFound, "save/nothing"));
  EXPECT_THAT(read("save/Const:0", "save/Const:0", "save/restore_all"),
              StatusIs(StatusCode::kInvalidArgument, "no op that saves"));
  EXPECT_THAT(read("save/Const:0", "save/control_dependency:0", "save/Const"),
              StatusIs(StatusCode::kInvalidArgument, "no op that restores"));
}

TEST(ReadSaverGraph, NamesThatAreNoConstants) {
  Graph graph(ops::Builtin());
  const At at = Scope::Root(graph).Sub("save");
  const Variable a = Make(Scope::Root(graph), "a", 1);
  const Output name = Constant(at.Named("Const"), Tensor::Scalar(std::string("model")));
  const Output names = at.Named("names").Node(
      "Placeholder", {}, {{"dtype", DType::kString}, {"shape", TensorShape{1}}});
  const Output slices = Constant(at.Named("slices"), Tensor::Of<std::string>({1}, {""}));
  const Output written = ops::SaveV2(at.Named("SaveV2"), name, names, slices, {a.value()});
  at.In(at.scope().After({written})).Named("control_dependency").Node("Identity", {name});
  Group(at.Named("restore_all"), {});
  ASSERT_THAT(graph.status(), IsOk());
  proto::SaverDef def;
  def.set_filename_tensor_name("save/Const:0");
  def.set_save_tensor_name("save/control_dependency:0");
  def.set_restore_op_name("save/restore_all");
  EXPECT_THAT(ReadSaverGraph(graph, def),
              StatusIs(StatusCode::kInvalidArgument,
                       "node 'save/SaveV2' (SaveV2): input 1 must be a constant of strings"));
}

}  // namespace
}  // namespace sluice::train
