// sluice run and sluice inspect of SavedModels; sluice run --checkpoint.
#include "graph/graph_def.h"
#include "graph/variable.h"
#include "ops/all_ops.h"
#include "ops/binary.h"
#include "ops/placeholder.h"
#include "tests/testing/half_plus_two.h"
#include "tests/testing/tools/tool_fixture.h"
#include "train/saver.h"

namespace sluice::tools {
namespace {

using ::testing::HasSubstr;

class SavedModelCommandTest : public ToolFixture {
 protected:
  // half_plus_two as a graph with these tags.
  void WriteTwo(const std::vector<std::vector<std::string>>& tag_sets = {{"serve"}}) {
    std::vector<proto::MetaGraphDef> metas;
    for (const auto& tags : tag_sets) metas.push_back(HalfPlusTwo(tags));
    WriteModel(model_, metas);
    WriteVariables(model_);
  }
  std::string Feed(const std::string& key) {
    return key + "=" + WriteArray("x.npy", Tensor::Of<float>({2, 1}, {3, -1}));
  }
  std::vector<std::string> Run(std::vector<std::string> more) {
    std::vector<std::string> args = {"run", model_, "--out", Path("o")};
    args.insert(args.end(), more.begin(), more.end());
    return args;
  }
  // Of y = x / 2 + 2.
  void ExpectResult(const std::string& file) {
    ExpectClose(ReadArray(file), Tensor::Of<float>({2, 1}, {3.5, 1.5}));
  }
  const std::string model_ = FreshFolder("model");
};

TEST_F(SavedModelCommandTest, RunsASignature) {
  WriteTwo();
  EXPECT_EQ(Sluice(Run({"--signature", "serving_default", "--feed", Feed("x")})), 0) << err_;
  EXPECT_EQ(err_, "");
  EXPECT_THAT(out_, HasSubstr("y float32[2,1] -> "));
  ExpectResult("o/y.npy");
}

TEST_F(SavedModelCommandTest, TheDefaultSignature) {
  WriteTwo();
  EXPECT_EQ(Sluice(Run({"--feed", Feed("x")})), 0) << err_;
  ExpectResult("o/y.npy");
}

TEST_F(SavedModelCommandTest, TensorNames) {
  WriteTwo();
  EXPECT_EQ(Sluice(Run({"--feed", Feed("x:0"), "--fetch", "y:0", "a:0"})), 0) << err_;
  ExpectResult("o/y_0.npy");
  ExpectClose(ReadArray("o/a_0.npy"), Tensor::Scalar(0.5f));
}

TEST_F(SavedModelCommandTest, TheFileNamesItsDirectory) {
  WriteTwo();
  const std::string file = JoinPath(model_, "saved_model.pb");
  EXPECT_EQ(Sluice({"run", file, "--feed", Feed("x"), "--out", Path("o")}), 0) << err_;
  ExpectResult("o/y.npy");
  EXPECT_EQ(Sluice({"inspect", file}), 0) << err_;
  EXPECT_THAT(out_, HasSubstr("graph with tags {serve}"));
}

TEST_F(SavedModelCommandTest, CommandsThatWantAGraph) {
  WriteTwo({{"train"}, {"serve"}});
  EXPECT_EQ(Sluice({"plan", model_, "--fetch", "y:0"}), 0) << err_;
  EXPECT_THAT(out_, HasSubstr("a/read"));
  WriteTwo({{"train"}, {"test"}});
  EXPECT_EQ(Sluice({"plan", model_, "--fetch", "y:0"}), 1);
  EXPECT_THAT(err_, HasSubstr("saved_model.pb: no meta graph has exactly the tags {serve}"));
}

TEST_F(SavedModelCommandTest, UnsafeCharactersInKeys) {
  proto::MetaGraphDef meta = HalfPlusTwo();
  (*meta.mutable_signature_def())["s"] = Parsed<proto::SignatureDef>(
      "inputs { key: 'x' value { name: 'x:0' dtype: DT_FLOAT } } "
      "outputs { key: '../a:b/y' value { name: 'y:0' dtype: DT_FLOAT } }");
  WriteModel(model_, {meta});
  WriteVariables(model_);
  EXPECT_EQ(Sluice(Run({"--signature", "s", "--feed", Feed("x")})), 0) << err_;
  ExpectResult("o/.._a_b_y.npy");
}

TEST_F(SavedModelCommandTest, Tags) {
  WriteTwo({{"train"}, {"serve", "gpu"}});
  ExpectExit(1, Run({"--feed", Feed("x")}),
             "no meta graph has exactly the tags {serve}; there are: {train}, {gpu, serve}");
  EXPECT_EQ(Sluice(Run({"--feed", Feed("x"), "--tags", "gpu,serve"})), 0) << err_;
  ExpectResult("o/y.npy");
  WriteTwo({{"mine", "own"}});  // the only ones
  EXPECT_EQ(Sluice(Run({"--feed", Feed("x")})), 0) << err_;
  WriteTwo({{"train"}, {"serve"}});
  EXPECT_EQ(Sluice(Run({"--feed", Feed("x")})), 0) << err_;
}

TEST_F(SavedModelCommandTest, Refusals) {
  WriteTwo();
  ExpectExit(1, Run({"--signature", "serving_defalt", "--feed", Feed("x")}),
             "Nearest names: 'serving_default'");
  ExpectExit(1, Run({}), "input 'x' is missing; its inputs are 'x' float32[?,1]");
  ExpectExit(1, Run({"--feed", Feed("X")}), "there is no input 'X'");
  ExpectExit(1, Run({"--feed", Feed("x"), Feed("x")}), "input 'x' is fed twice");
  const std::string ints = WriteArray("i.npy", Tensor::Of<int32_t>({1, 1}, {1}));
  ExpectExit(1, Run({"--feed", "x=" + ints}),
             "i.npy: the file holds int32[1,1], input 'x' is float32");
  const std::string wide = WriteArray("w.npy", Tensor::Of<float>({1, 2}, {1, 2}));
  ExpectExit(1, Run({"--feed", "x=" + wide}), "got float32[1,2]");
  ExpectExit(1, Run({"--feed", "x=" + Path("none.npy")}), "none.npy");
  EXPECT_FALSE(fs_.Exists(Path("o")));
}

TEST_F(SavedModelCommandTest, Usage) {
  WriteTwo();
  ExpectExit(2, Run({"--signature", "s", "--fetch", "y:0"}), "either --signature or --fetch");
  ExpectExit(2, Run({"--signature", "s", "--checkpoint", "p"}), "--checkpoint is for graph files");
  ExpectExit(2, Run({"--fetch", "y", "--checkpoint", "p"}), "--checkpoint is for graph files");
  ExpectExit(2, Run({"--feed", "x"}), "--feed is NAME=FILE.npy");
  ExpectExit(2, {"run", model_, "--signature", "s"}, "--out DIR is missing");
  const std::string graph = Write("g.pbtxt", Placeholder("x", ""));
  ExpectExit(2, {"run", graph, "--signature", "s", "--out", folder_},
             "--signature is for the directory of a SavedModel");
  ExpectExit(2, {"run", graph, "--fetch", "x", "--tags", "serve", "--out", folder_},
             "--tags is for SavedModels");
  ExpectExit(2, {"run", graph, "--out", folder_}, "--fetch NAME:0 is missing");
}

TEST_F(SavedModelCommandTest, StringsCannotBeWritten) {
  proto::MetaGraphDef meta = HalfPlusTwo();
  (*meta.mutable_signature_def())["s"] = Parsed<proto::SignatureDef>(
      "inputs { key: 'x' value { name: 'x:0' dtype: DT_FLOAT } } "
      "outputs { key: 'y' value { name: 'y:0' dtype: DT_FLOAT } } "
      "outputs { key: 'word' value { name: 'save/Const:0' dtype: DT_STRING } }");
  WriteModel(model_, {meta});
  WriteVariables(model_);
  ExpectExit(3, Run({"--signature", "s", "--feed", Feed("x")}),
             "word is string[], which .npy files cannot hold");
  EXPECT_FALSE(fs_.Exists(Path("o/y.npy")));
}

TEST_F(SavedModelCommandTest, DamagedModels) {
  WriteTwo();
  const std::string file = JoinPath(model_, "saved_model.pb");
  const std::string good = *fs_.ReadAll(file);
  EXPECT_THAT(fs_.ReplaceAtomically(file, good.substr(0, good.size() - 3)), IsOk());
  ExpectExit(1, Run({"--feed", Feed("x")}), "saved_model.pb: ");
  ExpectExit(1, {"inspect", model_}, "saved_model.pb: ");
  EXPECT_THAT(fs_.ReplaceAtomically(file, good), IsOk());
  const std::string data = JoinPath(model_, "variables/variables.data-00000-of-00001");
  EXPECT_THAT(fs_.ReplaceAtomically(data, "short"), IsOk());
  ExpectExit(1, Run({"--feed", Feed("x")}), "variables/variables: ");
  EXPECT_THAT(err_, HasSubstr("tensor 'a'"));
  ExpectExit(1, {"inspect", model_}, "variables/variables: tensor 'a'");
}

TEST_F(SavedModelCommandTest, GradientsToo) {
  WriteTwo();
  EXPECT_EQ(Sluice({"grad", model_, "--loss", "y:0", "--wrt", "x:0", "--feed", Feed("x:0"), "--out",
                    Path("o")}),
            0)
      << err_;
  ExpectClose(ReadArray("o/x_0.npy"), Tensor::Of<float>({2, 1}, {0.5, 0.5}));
}

// --- inspect ---

TEST_F(SavedModelCommandTest, Inspect) {
  proto::MetaGraphDef meta = HalfPlusTwo({"serve", "gpu"});
  *meta.mutable_graph_def()->add_node() = MakeNode("odd", "NotAnOp", {"x"});
  *meta.mutable_graph_def()->mutable_library()->add_function() = Parsed<proto::FunctionDef>(R"(
          signature { name: 'twice' input_arg { name: 'x' type: DT_FLOAT }
                      output_arg { name: 'y' type: DT_FLOAT } }
          node_def { name: 'two' op: 'AddV2' input: 'x' input: 'x'
                     attr { key: 'T' value { type: DT_FLOAT } } }
          ret { key: 'y' value: 'two:z:0' })");
  *meta.add_asset_file_def() =
      Parsed<proto::AssetFileDef>("tensor_info { name: 'save/Const:0' } filename: 'vocab.txt'");
  AddNames(&meta, "legacy_init_op", {"save/restore_all"});
  WriteModel(model_, {meta, HalfPlusTwo({"train"})});
  WriteVariables(model_);
  EXPECT_EQ(Sluice({"inspect", model_}), 0) << err_;
  for (const char* line :
       {"saved_model.pb: 2 graphs\n", "graph with tags {gpu, serve}", "graph with tags {train}",
        "  serving_default  tensorflow/serving/predict\n", "    in  x  float32[?,1] (x:0)\n",
        "    out y  float32[?,1] (y:0)\n", "    vocab.txt  save/Const:0\n",
        "  initializer  save/restore_all\n", "    twice(x: float32) -> (y: float32)  1 nodes\n",
        "         2  VariableV2\n", "         1  AddV2\n",
        "         1  NotAnOp  (not known here: cannot run)\n", "  a  float32[]\n",
        "elements in variables: 2\n"}) {
    EXPECT_THAT(out_, HasSubstr(line));
  }
  EXPECT_EQ(Sluice({"inspect", model_, "--json"}), 0) << err_;
  for (const char* text :
       {R"("tags": ["gpu", "serve"])", R"("tags": ["train"])",
        R"("method_name": "tensorflow/serving/predict")",
        R"("inputs": {"x": {"name": "x:0", "dtype": "float32", "shape": [-1, 1]}})",
        R"("assets": [{"tensor": "save/Const:0", "file": "vocab.txt"}])",
        R"("init_op": "save/restore_all")", R"("unknown_ops": ["NotAnOp"])",
        R"({"name": "a", "dtype": "float32", "shape": []})", R"("parameters": 2)"}) {
    EXPECT_THAT(out_, HasSubstr(text));
  }
}

TEST_F(SavedModelCommandTest, InspectWithoutVariables) {
  WriteModel(model_, {HalfPlusTwo()});
  EXPECT_EQ(Sluice({"inspect", model_}), 0) << err_;
  EXPECT_THAT(out_, HasSubstr("elements in variables: 0"));
}

// --- run --checkpoint ---

class RunCheckpointTest : public ToolFixture {
 protected:
  // y = v x, with v = 3 in the checkpoint; w is in no checkpoint.
  void SetUp() override {
    const Scope root = Scope::Root(graph_);
    const Output x = ops::Placeholder(root.Named("x"), DType::kFloat, {2});
    const Variable v = NewVariable(root.Named("v"), Tensor::Scalar(3.0f));
    const Variable w = NewVariable(root.Named("w"), Tensor::Scalar(5.0f));
    ops::Mul(root.Named("y"), x, v);
    ops::Mul(root.Named("z"), x, w);
    train::Saver saver(graph_, {.var_list = {v}});
    auto session = Session::Create(graph_);
    ASSERT_THAT(session, IsOk());
    ASSERT_THAT(session->Run(GlobalVariablesInitializer(root)), IsOk());
    const auto prefix = saver.Save(*session, Path("model"));
    ASSERT_THAT(prefix, IsOk());
    prefix_ = *prefix;
    const auto bytes = SerializeGraphDef(graph_);
    ASSERT_THAT(bytes, IsOk());
    Write("g.pb", *bytes);
  }
  std::vector<std::string> Run(const std::string& graph, const std::string& fetch,
                               const std::string& checkpoint) {
    return {"run",          graph,
            "--feed",       "x=" + WriteArray("x.npy", Tensor::Of<float>({2}, {1, -2})),
            "--fetch",      fetch,
            "--checkpoint", checkpoint,
            "--out",        Path("o")};
  }
  sluice::Graph graph_{ops::Builtin()};
  std::string prefix_;
};

TEST_F(RunCheckpointTest, OnlyWhatIsFetchedIsRestored) {
  for (const std::string& graph : {Path("g.pb"), Path("model.meta")}) {
    EXPECT_EQ(Sluice(Run(graph, "y:0", prefix_)), 0) << err_;
    ExpectClose(ReadArray("o/y_0.npy"), Tensor::Of<float>({2}, {3, -6}));
    EXPECT_EQ(Sluice(Run(graph, "z:0", prefix_)), 1);
    EXPECT_THAT(err_, HasSubstr("Key w not found in checkpoint"));
    EXPECT_EQ(Sluice(Run(graph, "y:0", Path("none"))), 1);
    EXPECT_THAT(err_, HasSubstr("none"));
  }
}

TEST_F(RunCheckpointTest, AnotherShape) {
  const auto writer = BundleWriter::Create(fs_, Path("other"));
  ASSERT_THAT(writer, IsOk());
  ASSERT_THAT((*writer)->Add("v", Tensor::Of<float>({2}, {1, 2})), IsOk());
  ASSERT_THAT((*writer)->Finish(), IsOk());
  EXPECT_EQ(Sluice(Run(Path("g.pb"), "y:0", Path("other"))), 1);
  EXPECT_THAT(err_, HasSubstr("variable v is float32[], the checkpoint has float32[2]"));
}

}  // namespace
}  // namespace sluice::tools
