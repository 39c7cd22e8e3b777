// sluice inspect: graphs, MetaGraphs, checkpoints.
#include "graph/graph_def.h"
#include "graph/variable.h"
#include "io/npz.h"
#include "io/safetensors.h"
#include "io/tensor_bundle.h"
#include "ops/all_ops.h"
#include "ops/const.h"
#include "ops/old_checkpoint.h"
#include "ops/placeholder.h"
#include "proto/meta_graph.pb.h"
#include "tests/testing/tools/tool_fixture.h"

namespace sluice::tools {
namespace {

using ::testing::HasSubstr;

class InspectCommandTest : public ToolFixture {
 protected:
  InspectCommandTest() {
    const Scope root = Scope::Root(graph_);
    ops::Placeholder(root.Named("x"), DType::kFloat, {-1, 3});
    ops::Const<float>(root.Named("c"), {1, 2}, {2});
    GetVariable(root.VariableScope("net"), "w", {.shape = {3, 4}, .initializer = OnesInitializer});
  }
  std::string GraphFile(bool text) {
    return Write(text ? "g.pbtxt" : "g.pb", *SerializeGraphDef(graph_, text));
  }
  std::string Checkpoint() {
    auto writer = BundleWriter::Create(fs_, Path("ckpt-7"));
    EXPECT_THAT(writer, IsOk());
    EXPECT_THAT((*writer)->Add("a/w", Tensor::Zeros(DType::kFloat, {2, 3})), IsOk());
    EXPECT_THAT((*writer)->Add("step", Tensor::Scalar<int64_t>(5)), IsOk());
    EXPECT_THAT((*writer)->Finish(), IsOk());
    return Path("ckpt-7");
  }
  sluice::Graph graph_{ops::Builtin()};
};

TEST_F(InspectCommandTest, GraphAsText) {
  for (const bool text : {false, true}) {
    EXPECT_EQ(Sluice({"inspect", GraphFile(text)}), 0) << err_;
    EXPECT_THAT(out_, HasSubstr("7 nodes, 6 op types"));
    EXPECT_THAT(out_, HasSubstr("       2  Const\n"));
    EXPECT_THAT(out_, HasSubstr("placeholders (1)\n  x  float32[?,3]\n"));
    EXPECT_THAT(out_, HasSubstr("variables (1)\n  net/  12 parameters\n    w  float32[3,4]\n"));
    // The variable has 12; its initial value and c are the constants: 12 + 2.
    EXPECT_THAT(out_, HasSubstr("parameters: 12 in variables, 14 in floating constants"));
  }
}

TEST_F(InspectCommandTest, GraphAsJson) {
  EXPECT_EQ(Sluice({"inspect", GraphFile(false), "--json"}), 0) << err_;
  EXPECT_THAT(out_, HasSubstr("{\"nodes\": [{\"name\": \"x\", \"op\": \"Placeholder\"}, {\"name\": "
                              "\"c\", \"op\": \"Const\"}, "));
  EXPECT_THAT(out_, HasSubstr("\"ops\": {\"AssignVariableOp\": 1, \"Const\": 2, "));
  EXPECT_THAT(out_, HasSubstr("\"unknown_ops\": []"));
  EXPECT_THAT(out_, HasSubstr("\"placeholders\": [{\"name\": \"x\", \"dtype\": \"float32\", "
                              "\"shape\": [-1, 3]}]"));
  EXPECT_THAT(out_, HasSubstr("\"variables\": [{\"name\": \"net/w\", \"dtype\": \"float32\", "
                              "\"shape\": [3, 4]}]"));
  EXPECT_THAT(out_, HasSubstr("\"scopes\": {\"net\": 12}"));
  EXPECT_THAT(out_, HasSubstr("\"parameters\": 12"));
}

TEST_F(InspectCommandTest, MetaGraphsHaveCollections) {
  proto::MetaGraphDef meta;
  ASSERT_THAT(ToMetaGraphDef(graph_, &meta), IsOk());
  const std::string file = Write("m.meta", *SerializeMetaGraphDef(meta));
  EXPECT_EQ(Sluice({"inspect", file}), 0) << err_;
  EXPECT_THAT(out_, HasSubstr("collections (2)\n  trainable_variables  1\n    net/w:0\n"
                              "  variables  1\n    net/w:0\n"));
  EXPECT_EQ(Sluice({"inspect", file, "--json"}), 0) << err_;
  EXPECT_THAT(out_, HasSubstr("\"collections\": {\"trainable_variables\": 1, \"variables\": 1}"));
  EXPECT_THAT(out_, HasSubstr("\"collection_items\": {\"trainable_variables\": [\"net/w:0\"], "
                              "\"variables\": [\"net/w:0\"]}"));
}

TEST_F(InspectCommandTest, CollectionsOfEverything) {
  graph_.ClearCollection(keys::kGlobalVariables);
  graph_.ClearCollection(keys::kTrainableVariables);
  graph_.AddToCollection("bytes", std::string("\x01\x02\x03"));
  graph_.AddToCollection("floats", 0.5f);
  graph_.AddToCollection("numbers", int64_t{7});
  graph_.AddToCollection("numbers", int64_t{-1});
  graph_.AddToCollection("ops", *graph_.FindElement("net/w/Assign"));
  graph_.AddToCollection("ops", *graph_.FindElement("x:0"));
  graph_.AddToCollection("text", std::string("hello"));
  proto::MetaGraphDef meta;
  ASSERT_THAT(ToMetaGraphDef(graph_, &meta), IsOk());
  EXPECT_EQ(Sluice({"inspect", Write("m.meta", *SerializeMetaGraphDef(meta))}), 0) << err_;
  EXPECT_THAT(out_, HasSubstr("collections (5)\n"
                              "  bytes  1\n    <3 bytes>\n"
                              "  floats  1\n    0.5\n"
                              "  numbers  2\n    7\n    -1\n"
                              "  ops  2\n    net/w/Assign\n    x:0\n"
                              "  text  1\n    hello\n"));
}

TEST_F(InspectCommandTest, VariablesAreATree) {
  const Scope root = Scope::Root(graph_);
  const auto make = [&](const Scope& scope, const char* name, const TensorShape& shape) {
    GetVariable(scope, name, {.shape = shape, .initializer = OnesInitializer});
  };
  const Scope net = root.VariableScope("net");
  make(net.VariableScope("conv"), "kernel", {5, 5, 1, 2});  // 50
  make(net.VariableScope("conv"), "bias", {2});
  make(net.VariableScope("conv-2"), "bias", {3});  // sorts before "conv/", but is no part of it
  make(net.VariableScope("w"), "slot", {3, 4});    // below the name of a variable
  make(root, "step", {});
  const std::string file = GraphFile(false);
  EXPECT_EQ(Sluice({"inspect", file}), 0) << err_;
  EXPECT_THAT(out_, HasSubstr("variables (6)\n"
                              "  net/  79 parameters\n"
                              "    conv/  52 parameters\n"
                              "      bias  float32[2]\n"
                              "      kernel  float32[5,5,1,2]\n"
                              "    conv-2/  3 parameters\n"
                              "      bias  float32[3]\n"
                              "    w  float32[3,4]\n"
                              "    w/  12 parameters\n"
                              "      slot  float32[3,4]\n"
                              "  step  float32[]\n"));
  EXPECT_EQ(Sluice({"inspect", file, "--json"}), 0) << err_;
  EXPECT_THAT(out_, HasSubstr("\"scopes\": {\"net\": 79, \"net/conv\": 52, \"net/conv-2\": 3, "
                              "\"net/w\": 12}"));
}

// Names may have any number of scopes.
TEST_F(InspectCommandTest, DeepNames) {
  std::string name = "w";
  for (int i = 0; i < 10000; ++i) name = "s/" + name;
  GetVariable(Scope::Root(graph_), name, {.shape = {2}, .initializer = OnesInitializer});
  EXPECT_EQ(Sluice({"inspect", GraphFile(false)}), 0) << err_;
  EXPECT_THAT(out_, HasSubstr("s/s/s/w  float32[2]\n"));
  EXPECT_LT(out_.size(), 40000u);
}

TEST_F(InspectCommandTest, UnknownOpsAreShown) {
  const std::string graph = Write("u.pbtxt", Op("a", "NotAnOp", {}));
  EXPECT_EQ(Sluice({"inspect", graph}), 0) << err_;
  EXPECT_THAT(out_, HasSubstr("NotAnOp  (not known here: cannot run)"));
  EXPECT_EQ(Sluice({"inspect", graph, "--json"}), 0) << err_;
  EXPECT_THAT(out_, HasSubstr("\"unknown_ops\": [\"NotAnOp\"]"));
}

TEST_F(InspectCommandTest, AnEmptyGraph) {
  EXPECT_EQ(Sluice({"inspect", Write("e.pb", ""), "--json"}), 0) << err_;
  EXPECT_THAT(out_, HasSubstr("{\"nodes\": [], "));
}

TEST_F(InspectCommandTest, Checkpoints) {
  const std::string prefix = Checkpoint();
  for (const std::string& path : {prefix, prefix + ".index"}) {
    EXPECT_EQ(Sluice({"inspect", path}), 0) << err_;
    EXPECT_THAT(out_, HasSubstr("2 tensors in 1 file\n"));
    EXPECT_THAT(out_, HasSubstr("tensors (2)\n  a/  6 parameters\n    w  float32[2,3]\n"
                                "  step  int64[]\n"));
    EXPECT_THAT(out_, HasSubstr("elements: 7\n"));
  }
  EXPECT_EQ(Sluice({"inspect", prefix, "--json"}), 0) << err_;
  EXPECT_EQ(out_,
            "{\"tensors\": [{\"name\": \"a/w\", \"dtype\": \"float32\", \"shape\": [2, 3]}, "
            "{\"name\": \"step\", \"dtype\": \"int64\", \"shape\": []}], \"parameters\": 7, "
            "\"scopes\": {\"a\": 6}, \"format\": \"checkpoint\"}\n");
}

TEST_F(InspectCommandTest, AVariableSavedInSlicesIsOne) {
  auto writer = BundleWriter::Create(fs_, Path("sliced"));
  ASSERT_THAT(writer, IsOk());
  for (const int64_t start : {0, 2}) {
    const TensorSlice half{{{start, 2}, {0, -1}}};
    ASSERT_THAT((*writer)->AddSlice("net/w", {4, 3}, half, Tensor::Zeros(DType::kFloat, {2, 3})),
                IsOk());
  }
  ASSERT_THAT((*writer)->Finish(), IsOk());
  EXPECT_EQ(Sluice({"inspect", Path("sliced")}), 0) << err_;
  EXPECT_THAT(out_, HasSubstr("tensors (1)\n  net/  12 parameters\n    w  float32[4,3]\n"));
}

TEST_F(InspectCommandTest, DamagedCheckpoints) {
  const std::string prefix = Checkpoint();
  const std::string data = prefix + ".data-00000-of-00001", index = prefix + ".index";
  const std::string good_data = *fs_.ReadAll(data), good_index = *fs_.ReadAll(index);
  const auto restore = [&] {
    EXPECT_THAT(fs_.ReplaceAtomically(data, good_data), IsOk());
    EXPECT_THAT(fs_.ReplaceAtomically(index, good_index), IsOk());
  };

  std::string flipped = good_data;
  flipped[9] = static_cast<char>(flipped[9] ^ 1);
  EXPECT_THAT(fs_.ReplaceAtomically(data, flipped), IsOk());
  ExpectExit(1, {"inspect", prefix}, "DATA_LOSS");
  EXPECT_THAT(err_, HasSubstr("a/w"));

  restore();
  EXPECT_THAT(fs_.ReplaceAtomically(data, good_data.substr(0, 20)), IsOk());
  ExpectExit(1, {"inspect", prefix}, "DATA_LOSS");

  restore();
  EXPECT_THAT(fs_.ReplaceAtomically(index, good_index.substr(0, good_index.size() - 10)), IsOk());
  ExpectExit(1, {"inspect", prefix}, "ckpt-7.index");

  restore();
  EXPECT_THAT(fs_.Delete(data), IsOk());
  ExpectExit(1, {"inspect", prefix}, "ckpt-7.data-00000-of-00001");

  restore();
  EXPECT_THAT(fs_.Delete(index), IsOk());
  ExpectExit(1, {"inspect", prefix}, "neither a graph file nor a checkpoint prefix");
}

TEST_F(InspectCommandTest, Refusals) {
  ExpectExit(1, {"inspect", Path("none")}, "neither a graph file nor a checkpoint prefix");
  ExpectExit(1, {"inspect", Path("none.index")}, "none.index");
  ExpectExit(1, {"inspect", Write("bad.pb", "\x0a\xff\xff\xff\xff\x0f")}, "bad.pb");
  ExpectExit(1, {"inspect", folder_}, folder_);
  ExpectExit(2, {"inspect"}, "expected one graph file or checkpoint prefix, got 0");
  ExpectExit(2, {"inspect", "a", "b"}, "got 2");
  ExpectExit(2, {"inspect", "a", "--yaml"}, "unknown flag --yaml");
  ExpectExit(2, {"inspect", "a", "--memory-limit", "0"}, "--memory-limit");
}

TEST_F(InspectCommandTest, TensorsInOtherFormats) {
  const std::map<std::string, Tensor> tensors = {{"a/w", Tensor::Zeros(DType::kFloat, {2, 3})},
                                                 {"step", Tensor::Scalar<int64_t>(5)}};
  ASSERT_THAT(WriteNpz(fs_, Path("m.npz"), tensors), IsOk());
  ASSERT_THAT(WriteSafetensors(fs_, Path("m.safetensors"), tensors, {{"format", "tf"}}), IsOk());
  const Tensor w = Tensor::Zeros(DType::kFloat, {2, 3}), step = Tensor::Scalar<int64_t>(5);
  const std::vector<ops::OldSlice> slices = {{"a/w", {2, 3}, {{{}, {}}}, &w},
                                             {"step", {}, {}, &step}};
  ASSERT_THAT(ops::WriteOldCheckpoint(fs_, Path("old-00000-of-00001"), slices), IsOk());
  const std::pair<std::string, std::string> cases[] = {
      {"m.npz", "npz file " + Path("m.npz") + ": 2 tensors\n"},
      {"m.safetensors",
       "safetensors file " + Path("m.safetensors") + ": 2 tensors\n  format: tf\n"},
      {"old-00000-of-00001",
       "checkpoint " + Path("old-00000-of-00001") + " (version 1): 2 tensors in 1 file\n"},
      {"old", "checkpoint " + Path("old")}};
  for (const auto& [name, title] : cases) {
    EXPECT_EQ(Sluice({"inspect", Path(name)}), 0) << err_;
    EXPECT_THAT(out_, HasSubstr(title));
    EXPECT_THAT(out_, HasSubstr("tensors (2)\n  a/  6 parameters\n    w  float32[2,3]\n  step  "
                                "int64[]\n\nelements: 7\n"));
    EXPECT_EQ(Sluice({"inspect", Path(name), "--json"}), 0) << err_;
    EXPECT_THAT(out_, HasSubstr("{\"name\": \"a/w\", \"dtype\": \"float32\", \"shape\": [2, 3]}"));
  }
  EXPECT_THAT(out_, HasSubstr("\"format\": \"checkpoint_v1\""));
  Write("cut.npz", fs_.ReadAll(Path("m.npz"))->substr(0, 100));
  ExpectExit(1, {"inspect", Path("cut.npz")}, "cut.npz: not a zip archive");
}

TEST_F(InspectCommandTest, PartsAndDirectoriesOfCheckpoints) {
  auto writer = BundleWriter::Create(fs_, Path("run/m-1"));
  ASSERT_THAT(writer, IsOk());
  ASSERT_THAT((*writer)->AddSlice("p", {3}, {{{0, 1}}}, Tensor::Of<float>({1}, {1})), IsOk());
  ASSERT_THAT((*writer)->AddSlice("p", {3}, {{{1, 2}}}, Tensor::Of<float>({2}, {2, 3})), IsOk());
  ASSERT_THAT((*writer)->Finish(), IsOk());
  Write("run/checkpoint", "model_checkpoint_path: 'm-1'");
  EXPECT_EQ(Sluice({"inspect", Path("run")}), 0) << err_;
  EXPECT_THAT(out_, HasSubstr("checkpoint " + Path("run/m-1") + ": 1 tensors in 1 file\n"));
  EXPECT_THAT(out_, HasSubstr("saved in parts\n  p  2 slices: 0,1 1,2\n"));
  EXPECT_EQ(Sluice({"inspect", Path("run/m-1.data-00000-of-00001"), "--json"}), 0) << err_;
  EXPECT_THAT(out_, HasSubstr("\"shape\": [3], \"slices\": [\"0,1\", \"1,2\"]}"));
}

}  // namespace
}  // namespace sluice::tools
