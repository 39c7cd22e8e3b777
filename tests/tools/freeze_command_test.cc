#include "graph/graph.h"
#include "graph/graph_def.h"
#include "graph/variable.h"
#include "layers/batch_norm.h"
#include "layers/conv.h"
#include "ops/all_ops.h"
#include "ops/const.h"
#include "ops/identity.h"
#include "ops/placeholder.h"
#include "ops/relu.h"
#include "proto/graph.pb.h"
#include "tests/testing/half_plus_two.h"
#include "tests/testing/tools/tool_fixture.h"
#include "train/saver.h"

namespace sluice::tools {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class FreezeCommandTest : public ToolFixture {
 protected:
  // Saves y = batch_norm(conv(x)) with a placeholder `training` as Path("model"), and what it is
  // for the images of x.npy as want_.
  void SaveModel() {
    Graph graph(ops::Builtin());
    graph.SetSeed(3);
    const Scope root = Scope::Root(graph);
    const Output x = ops::Placeholder(root.Named("x"), DType::kFloat, {-1, 4, 4, 2});
    const Output training = ops::Placeholder(root.Named("training"), DType::kBool, {});
    Output y = layers::Conv2D(root, x, {.filters = 3, .kernel_size = 3, .name = "conv"});
    y = layers::BatchNormalization(root, y, {.training = training, .name = "norm"});
    y = ops::Relu(root.Named("y"), y);
    train::Saver saver(graph);
    ASSERT_TRUE(graph.ok()) << graph.status();
    absl::StatusOr<Session> session = Session::Create(graph);
    ASSERT_THAT(session, IsOk());
    ASSERT_THAT(session->Run(GlobalVariablesInitializer(root)), IsOk());
    for (const Variable& v : graph.GlobalVariables()) {
      if (v.name() != "conv/bias:0") continue;
      ASSERT_THAT(session->Run(v.Assign(root, ops::Const<float>(root, {1, 2, 3}, {3}))), IsOk());
    }
    ASSERT_THAT(saver.Save(*session, Path("model")), IsOk());
    const Tensor images = RandomTensor(DType::kFloat, {2, 4, 4, 2});
    WriteArray("x.npy", images);
    want_ = (*session->Run({{x, images}, {training, Tensor::Scalar(false)}}, {y}))[0];
  }

  proto::GraphDef ReadGraph(const std::string& name) {
    proto::GraphDef def;
    const absl::StatusOr<std::string> bytes = fs_.ReadAll(Path(name));
    EXPECT_THAT(bytes, IsOk());
    EXPECT_TRUE(def.ParseFromString(bytes.ok() ? *bytes : "")) << name;
    return def;
  }

  Tensor want_;
};

TEST_F(FreezeCommandTest, AMetaGraphWithTheCheckpointBesideIt) {
  SaveModel();
  ASSERT_EQ(Sluice({"freeze", Path("model.meta"), "--outputs", "y", "--set", "training=false",
                    "--out", Path("f.pb")}),
            0)
      << err_;
  EXPECT_THAT(out_, HasSubstr("f.pb: 6 nodes of "));
  EXPECT_THAT(out_, HasSubstr(" 1 batch normalizations folded"));
  const proto::GraphDef def = ReadGraph("f.pb");
  std::vector<std::string> ops;
  for (const proto::NodeDef& node : def.node()) ops.push_back(node.op());
  EXPECT_THAT(ops,
              ::testing::ElementsAre("Placeholder", "Const", "Conv2D", "Const", "BiasAdd", "Relu"));
  EXPECT_GT(def.versions().producer(), 0);
  ASSERT_EQ(Sluice({"run", Path("f.pb"), "--feed", "x=" + Path("x.npy"), "--fetch", "y:0", "--out",
                    folder_}),
            0)
      << err_;
  ExpectClose(ReadArray("y_0.npy"), want_, {.rtol = 1e-5, .atol = 1e-5});
}

TEST_F(FreezeCommandTest, ReportsSizes) {
  SaveModel();
  ASSERT_EQ(Sluice({"freeze", Path("model.meta"), "--checkpoint", Path("model"), "--outputs", "y:0",
                    "--set", "training=false", "--no-fold", "--report", "--out", Path("f.pb")}),
            0)
      << err_;
  EXPECT_THAT(out_, HasSubstr(" 0 batch normalizations folded"));
  // 3 x 3 x 2 x 3 weights: 54 elements; per tensor 54 + 4 bytes, per channel 54 + 3 * 4.
  EXPECT_THAT(out_,
              ::testing::ContainsRegex("conv/kernel +float32 +\\[3,3,2,3\\] +216 +108 +58 +66"));
  EXPECT_THAT(out_, HasSubstr("\ntotal "));
  ASSERT_EQ(Sluice({"freeze", Path("model.meta"), "--outputs", "y", "--set", "training=false",
                    "--json", "--out", Path("f.pb")}),
            0);
  // 54 weights and 3 numbers that are added, which stay as they are.
  EXPECT_THAT(out_,
              HasSubstr("\"total\": {\"name\": \"total\", \"dtype\": \"\", \"shape\": \"\", "
                        "\"elements\": 57, \"channels\": 0, \"bytes\": 228, \"float16\": 114, "
                        "\"int8\": 70, \"int8_per_channel\": 78}"));
}

TEST_F(FreezeCommandTest, CutsAtInputs) {
  const std::string path =
      Write("g.pbtxt", Placeholder("raw", "dim { size: -1 } dim { size: 3 }") +
                           Op("mid", "Neg", {"raw"}) + Op("y", "Relu", {"mid"}));
  ASSERT_EQ(
      Sluice({"freeze", path, "--inputs", "mid=?x5", "--outputs", "y", "--out", Path("f.pb")}), 0)
      << err_;
  const proto::GraphDef def = ReadGraph("f.pb");
  ASSERT_EQ(def.node_size(), 2);
  EXPECT_EQ(def.node(0).op(), "Placeholder");
  EXPECT_EQ(def.node(0).name(), "mid");
  const auto& shape = def.node(0).attr().at("shape").shape();
  ASSERT_EQ(shape.dim_size(), 2);
  EXPECT_EQ(shape.dim(0).size(), -1);
  EXPECT_EQ(shape.dim(1).size(), 5);
}

TEST_F(FreezeCommandTest, WritesText) {
  const std::string path = Write("g.pbtxt", Placeholder("x", "") + Op("y", "Relu", {"x"}));
  ASSERT_EQ(Sluice({"freeze", path, "--outputs", "y", "--out", Path("f.pbtxt")}), 0) << err_;
  const absl::StatusOr<std::string> text = fs_.ReadAll(Path("f.pbtxt"));
  ASSERT_THAT(text, IsOk());
  EXPECT_THAT(*text, HasSubstr("op: \"Relu\""));
}

TEST_F(FreezeCommandTest, ASavedModelWithItsSignature) {
  const std::string folder = FreshFolder("model");
  WriteModel(folder, {HalfPlusTwo()});
  WriteVariables(folder);
  ASSERT_EQ(Sluice({"freeze", folder, "--out", Path("f.pb")}), 0) << err_;
  const std::string x = WriteArray("x.npy", Tensor::Of<float>({2, 1}, {1, 10}));
  ASSERT_EQ(Sluice({"run", Path("f.pb"), "--feed", "x=" + x, "--fetch", "y:0", "--out", folder_}),
            0)
      << err_;
  ExpectClose(ReadArray("y_0.npy"), Tensor::Of<float>({2, 1}, {2.5, 7}));
}

TEST_F(FreezeCommandTest, SaysWhatIsMissing) {
  SaveModel();
  ASSERT_THAT(fs_.Delete(Path("model.index")), IsOk());
  ExpectExit(1, {"freeze", Path("model.meta"), "--outputs", "y", "--out", Path("f.pb")},
             "variables without a value: conv/kernel, conv/bias");
  EXPECT_FALSE(fs_.Exists(Path("f.pb")));
}

TEST_F(FreezeCommandTest, RefusesSenselessLines) {
  const std::string path = Write("g.pbtxt", Placeholder("x", "") + Op("y", "Relu", {"x"}));
  const std::string out = Path("f.pb");
  ExpectExit(2, {"freeze", path, "--outputs", "y"}, "--out FILE.pb is missing");
  ExpectExit(2, {"freeze", path, "--out", out}, "--outputs NAME[,NAME] is missing");
  ExpectExit(2, {"freeze", "--out", out}, "expected one graph file or SavedModel, got 0");
  ExpectExit(2, {"freeze", path, "--outputs", "y", "--out", out, "--inputs", "x=2xA"},
             "--inputs is NAME or NAME=?x28x28x1");
  ExpectExit(2, {"freeze", path, "--outputs", "y", "--out", out, "--set", "x"},
             "--set is NAME=VALUE");
  ExpectExit(2, {"freeze", path, "--outputs", "y", "--out", out, "--set", "x=red"},
             "x:0 is float32, which the value is not");
  ExpectExit(1, {"freeze", path, "--outputs", "z", "--out", out}, "z");
  ExpectExit(1, {"freeze", path, "--outputs", "y", "--out", out, "--inputs", "q"},
             "input nodes were not found: q");
}

}  // namespace
}  // namespace sluice::tools
