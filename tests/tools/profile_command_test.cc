// sluice profile: traced runs of graphs with made-up feeds, and where variables get their values.
#include "google/protobuf/struct.pb.h"
#include "google/protobuf/util/json_util.h"
#include "graph/graph_def.h"
#include "graph/variable.h"
#include "ops/all_ops.h"
#include "ops/placeholder.h"
#include "proto/meta_graph.pb.h"
#include "session/session.h"
#include "tests/testing/tools/tool_fixture.h"
#include "train/saver.h"

namespace sluice::tools {
namespace {

using ::google::protobuf::Struct;
using ::testing::HasSubstr;

Struct Parse(const std::string& json) {
  Struct parsed;
  EXPECT_TRUE(google::protobuf::util::JsonStringToMessage(json, &parsed).ok()) << json;
  return parsed;
}

double Number(const Struct& s, const std::string& name) {
  return s.fields().at(name).number_value();
}

class ProfileCommandTest : public ToolFixture {
 protected:
  std::string Graph() {
    return Write("g.pbtxt", Placeholder("x", "dim { size: -1 } dim { size: 3 }") +
                                Placeholder("w", "dim { size: 3 } dim { size: 4 }") +
                                Op("product", "MatMul", {"x", "w"}) + Op("y", "Tanh", {"product"}));
  }
  // `args` and --json; the row of `op`, null when there is none.
  const Struct* Row(std::vector<std::string> args, const std::string& op) {
    args.push_back("--json");
    EXPECT_EQ(Sluice(args), 0) << err_;
    profile_ = Parse(out_);
    for (const auto& row : profile_.fields().at("rows").list_value().values()) {
      if (row.struct_value().fields().at("op").string_value() == op) return &row.struct_value();
    }
    return nullptr;
  }
  Struct profile_;
};

TEST_F(ProfileCommandTest, RowsOfSteps) {
  const Struct* row = Row(
      {"profile", Graph(), "--fetch", "y", "--feed-shape", "x=5x3", "--runs", "2", "--no-optimize"},
      "MatMul");
  ASSERT_NE(row, nullptr);
  EXPECT_EQ(err_, "");
  EXPECT_EQ(row->fields().at("node").string_value(), "product");
  EXPECT_EQ(Number(*row, "calls"), 1);
  EXPECT_EQ(Number(*row, "flops"), 2 * 5 * 3 * 4);
  EXPECT_EQ(Number(*row, "bytes"), 4 * (15 + 12 + 20));
  EXPECT_GE(Number(*row, "ms"), 0);
  EXPECT_EQ(Number(profile_, "runs"), 2);
  EXPECT_EQ(profile_.fields().at("rows").list_value().values_size(), 3);
  EXPECT_GT(Number(profile_, "machine_gflops"), 0);
  EXPECT_GT(Number(profile_, "machine_gbytes"), 0);
}

TEST_F(ProfileCommandTest, TableByOps) {
  EXPECT_EQ(Sluice({"profile", Graph(), "--fetch", "y,product", "--runs", "1", "--by", "op",
                    "--threads", "1", "--no-optimize"}),
            0)
      << err_;
  EXPECT_THAT(err_, HasSubstr("note: x:0 float32[?,3] is fed with a batch of 1"));
  EXPECT_THAT(out_, HasSubstr("1 run on 1 thread: median "));
  EXPECT_THAT(out_, HasSubstr("this machine now: "));
  EXPECT_THAT(out_, HasSubstr("  MatMul\n"));
  EXPECT_THAT(out_, HasSubstr("  fetch\n"));
  EXPECT_THAT(out_, HasSubstr("  total\n"));
}

TEST_F(ProfileCommandTest, Trace) {
  const std::string file = Path("trace.json");
  EXPECT_EQ(Sluice({"profile", Graph(), "--fetch", "y", "--feed-shape", "x=5x3", "--runs", "3",
                    "--trace", file}),
            0)
      << err_;
  EXPECT_THAT(out_, HasSubstr("trace -> " + file));
  const auto text = fs_.ReadAll(file);
  ASSERT_THAT(text, IsOk());
  EXPECT_EQ(Parse(*text).fields().count("traceEvents"), 1u);
}

// The error of a label that is no class tells that the file was read.
TEST_F(ProfileCommandTest, FeedsFromFiles) {
  const std::string graph = Write("g.pbtxt", Placeholder("a", "dim { size: 2 }", "DT_INT32") +
                                                 Placeholder("b", "dim { size: 2 }", "DT_INT32") +
                                                 Op("q", "FloorDiv", {"a", "b"}, "DT_INT32"));
  const std::string ones = WriteArray("ones.npy", Tensor::Of<int32_t>({2}, {1, 1}));
  const std::string zeros = WriteArray("zeros.npy", Tensor::Of<int32_t>({2}, {0, 0}));
  EXPECT_EQ(Sluice({"profile", graph, "--fetch", "q", "--feed", "b=" + ones, "--runs", "1"}), 0)
      << err_;
  ExpectExit(1, {"profile", graph, "--fetch", "q", "--feed", "b=" + zeros, "--runs", "1"}, "'q'");
}

TEST_F(ProfileCommandTest, MadeUpFeedsOfEveryType) {
  for (const char* dtype : {"DT_HALF", "DT_BFLOAT16", "DT_DOUBLE", "DT_INT8", "DT_INT64",
                            "DT_UINT8", "DT_BOOL", "DT_COMPLEX64"}) {
    const std::string graph = Write(
        "g.pbtxt", Placeholder("x", "dim { size: 2 }", dtype) + Op("y", "Identity", {"x"}, dtype));
    EXPECT_EQ(Sluice({"profile", graph, "--fetch", "y", "--runs", "1"}), 0) << dtype << err_;
  }
  const std::string graph = Write("g.pbtxt", Placeholder("x", "dim { size: 2 }", "DT_STRING") +
                                                 Op("y", "Identity", {"x"}, "DT_STRING"));
  ExpectExit(1, {"profile", graph, "--fetch", "y"},
             "no numbers can be made up for x:0 string[2]: it needs --feed");
}

// --- variables ---

// y = v + x with v [2], of which `name` tells how it starts.
class ProfileVariablesTest : public ProfileCommandTest {
 protected:
  void Build(bool resource) {
    const Scope root = Scope::Root(graph_).With({.use_resource = resource});
    v_ = GetVariable(root, "v", {.shape = {2}, .initializer = OnesInitializer});
    const Output x = ops::Placeholder(root.Named("x"), DType::kFloat, {2});
    At(root.Named("y")).Node("AddV2", {v_.value(), x});
    EXPECT_THAT(graph_.status(), IsOk());
  }
  std::string GraphFile() { return Write("g.pb", *SerializeGraphDef(graph_)); }
  std::string MetaFile() {
    proto::MetaGraphDef meta;
    EXPECT_THAT(ToMetaGraphDef(graph_, &meta), IsOk());
    return Write("g.meta", *SerializeMetaGraphDef(meta));
  }
  std::vector<std::string> Profile(const std::string& file, std::vector<std::string> more = {}) {
    std::vector<std::string> args = {"profile", file, "--fetch", "y", "--runs", "1"};
    args.insert(args.end(), more.begin(), more.end());
    return args;
  }

  // With and without collections.
  void ExpectRestored(bool resource) {
    Build(resource);
    const std::string file = GraphFile(), meta = MetaFile();
    train::Saver saver(graph_);
    auto session = Session::Create(graph_);
    ASSERT_THAT(session, IsOk());
    ASSERT_THAT(session->Run(GlobalVariablesInitializer(Scope::Root(graph_))), IsOk());
    const auto prefix = saver.Save(*session, Path("model"));
    ASSERT_THAT(prefix, IsOk());
    EXPECT_EQ(Sluice(Profile(file, {"--checkpoint", *prefix})), 0) << err_;
    EXPECT_EQ(Sluice(Profile(meta, {"--checkpoint", *prefix})), 0) << err_;
  }

  sluice::Graph graph_{ops::Builtin()};
  Variable v_;
};

TEST_F(ProfileVariablesTest, WithoutAnyWayToAValue) {
  Build(true);
  ExpectExit(1, Profile(GraphFile()),
             "variables without a value: v; --init OP names the op that "
             "initializes them, --checkpoint PREFIX where they are saved");
  ExpectExit(1, Profile(GraphFile(), {"--init", "nope"}), "nope");
  ExpectExit(1, Profile(GraphFile(), {"--checkpoint", Path("none")}), "none");
  ExpectExit(2, Profile(GraphFile(), {"--init", "v/Assign", "--checkpoint", "p"}),
             "either --init or --checkpoint, not both");
}

TEST_F(ProfileVariablesTest, InitByName) {
  Build(true);
  EXPECT_EQ(Sluice(Profile(GraphFile(), {"--init", v_.initializer().node()->name()})), 0) << err_;
}

TEST_F(ProfileVariablesTest, TheOpInit) {
  Build(true);
  const Output init = GlobalVariablesInitializer(Scope::Root(graph_));
  ASSERT_EQ(init.node()->name(), "init");
  EXPECT_EQ(Sluice(Profile(GraphFile())), 0) << err_;
}

TEST_F(ProfileVariablesTest, TheCollectionsOfAMetaGraph) {
  Build(false);
  EXPECT_EQ(Sluice(Profile(MetaFile())), 0) << err_;
}

TEST_F(ProfileVariablesTest, CheckpointsOfResourceVariables) { ExpectRestored(true); }
TEST_F(ProfileVariablesTest, CheckpointsOfReferenceVariables) { ExpectRestored(false); }

TEST_F(ProfileVariablesTest, ACheckpointWithoutTheVariable) {
  Build(true);
  sluice::Graph other(ops::Builtin());
  const Scope root = Scope::Root(other);
  GetVariable(root, "w", {.shape = {2}, .initializer = OnesInitializer});
  train::Saver saver(other);
  auto session = Session::Create(other);
  ASSERT_THAT(session, IsOk());
  ASSERT_THAT(session->Run(GlobalVariablesInitializer(root)), IsOk());
  const auto prefix = saver.Save(*session, Path("model"));
  ASSERT_THAT(prefix, IsOk());
  ExpectExit(1, Profile(GraphFile(), {"--checkpoint", *prefix}), "v");
}

TEST_F(ProfileCommandTest, Refusals) {
  const std::string graph = Graph();
  ExpectExit(2, {"profile"}, "expected one graph file, got 0 arguments");
  ExpectExit(2, {"profile", graph}, "--fetch NAME is missing");
  ExpectExit(2, {"profile", graph, "--fetch", "y", "--runs", "0"}, "--runs is a whole number");
  ExpectExit(2, {"profile", graph, "--fetch", "y", "--by", "node"},
             "--by is step or op, got \"node\"");
  ExpectExit(2, {"profile", graph, "--fetch", "y", "--feed", "x"}, "--feed is NAME=FILE.npy");
  ExpectExit(2, {"profile", Path("none.pb"), "--fetch", "y", "--by", "node"}, "--by");
  ExpectExit(1, {"profile", Path("none.pb"), "--fetch", "y"}, "none.pb");
  ExpectExit(1, {"profile", graph, "--fetch", "nope"}, "nope");
}

}  // namespace
}  // namespace sluice::tools
