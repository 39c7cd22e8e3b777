// SavedModels that we write: what is in them, and that they load again.
#include "train/saved_model_builder.h"

#include "graph/graph_def.h"
#include "graph/node.h"
#include "ops/binary.h"
#include "ops/lookup_table.h"
#include "ops/matmul.h"
#include "ops/reduction.h"
#include "ops/unary.h"
#include "tests/testing/core/fake_env.h"
#include "tests/testing/half_plus_two.h"
#include "tests/testing/program/program_fixture.h"
#include "train/gradient_descent.h"
#include "train/saved_model.h"

namespace sluice {
namespace {

using absl::StatusCode;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class SavedModelBuilderTest : public ProgramFixture {
 protected:
  // y = w x + b, with 3 and 1.
  void Build() {
    x_ = ops::Placeholder(root_.Named("x"), DType::kFloat, {-1});
    w_ = NewVariable(root_.Named("w"), Tensor::Scalar(3.0f));
    b_ = NewVariable(root_.Named("b"), Tensor::Scalar(1.0f));
    y_ = ops::AddV2(root_.Named("y"), ops::Mul(root_.Named("mul"), x_, w_), b_);
  }
  // The fixture's session, its variables initialized.
  Session& session() {
    Run(y_, {{x_, kX}});
    return *session_;
  }
  MetaGraphOptions Options() const {
    return {.signatures = {
                {"serving_default", MakeSignature({{"x", x_}}, {{"y", y_}}, kPredictMethod)}}};
  }
  absl::StatusOr<SavedModelBuilder> Create() { return SavedModelBuilder::Create(folder_, fs_); }
  void Write(const MetaGraphOptions& options, const TagSet& tags = {"serve"},
             bool as_text = false) {
    auto builder = Create();
    ASSERT_THAT(builder, IsOk());
    ASSERT_THAT(builder->AddMetaGraphAndVariables(session(), tags, options), IsOk());
    ASSERT_THAT(builder->Save(as_text), IsOk());
  }
  proto::SavedModel Read() {
    proto::SavedModel model;
    EXPECT_THAT(ReadSavedModel(fs_, folder_, &model), IsOk());
    return model;
  }
  void ExpectOutput(const TagSet& tags, const Tensor& want) {
    auto model = SavedModel::Load(folder_, tags);
    ASSERT_THAT(model, IsOk());
    const auto out = model->Run({{"x", kX}});
    ASSERT_THAT(out, IsOk());
    ExpectClose(out->at("y"), want);
  }
  std::string Path(const std::string& name) const { return JoinPath(folder_, name); }
  std::string WriteFile(const std::string& name, const std::string& bytes) {
    const std::string path = JoinPath(FreshFolder("files_" + BaseName(DirectoryOf(name))), name);
    EXPECT_THAT(fs_.CreateDirectories(DirectoryOf(path)), IsOk());
    EXPECT_THAT(fs_.ReplaceAtomically(path, bytes), IsOk());
    return path;
  }

  static inline const Tensor kX = Tensor::Of<float>({2}, {1, -2});
  FileSystem& fs_ = FileSystem::Default();
  const std::string folder_ = FreshFolder("model");
  Output x_, y_;
  Variable w_, b_;
};

TEST_F(SavedModelBuilderTest, WhatIsTrainedIsWhatIsLoaded) {
  Build();
  const Output loss = ops::Sum(root_, ops::Square(root_, y_), {.axis = {0}});
  const Output train = train::GradientDescent({.learning_rate = 0.01f}).Minimize(root_, loss);
  for (int i = 0; i < 3; ++i) Run(train, {{x_, kX}});
  const Tensor want = Run(y_, {{x_, kX}});
  Write(Options());
  auto model = SavedModel::Load(folder_, {"serve"});
  ASSERT_THAT(model, IsOk());
  const auto out = model->Run({{"x", kX}});
  ASSERT_THAT(out, IsOk());
  EXPECT_TRUE(BitEqual(out->at("y"), want));
  // It trains on.
  const auto target = model->graph().FindOperation(train.node()->name());
  ASSERT_THAT(target, IsOk());
  const auto fed = model->graph().FindTensor("x:0");
  ASSERT_THAT(model->session().Run({{*fed, kX}}, {*target}), IsOk());
  Run(train, {{x_, kX}});
  EXPECT_TRUE(BitEqual(model->Run({{"x", kX}})->at("y"), Run(y_, {{x_, kX}})));
}

TEST_F(SavedModelBuilderTest, TheDirectory) {
  Build();
  Write(Options());
  EXPECT_THAT(*fs_.List(folder_), ElementsAre("saved_model.pb", "variables"));
  EXPECT_THAT(*fs_.List(Path("variables")),
              ElementsAre("variables.data-00000-of-00001", "variables.index"));
  const proto::SavedModel model = Read();
  EXPECT_EQ(model.saved_model_schema_version(), 1);
  ASSERT_EQ(model.meta_graphs_size(), 1);
  const proto::MetaGraphDef& meta = model.meta_graphs(0);
  EXPECT_THAT(meta.meta_info_def().tags(), ElementsAre("serve"));
  EXPECT_EQ(meta.meta_info_def().tensorflow_version(), kTensorFlowVersion);
  EXPECT_EQ(meta.graph_def().versions().producer(), kGraphDefProducer);
  std::vector<std::string> ops;
  for (const proto::OpDef& op : meta.meta_info_def().stripped_op_list().op()) {
    ops.push_back(op.name());
  }
  EXPECT_THAT(ops, ::testing::Contains("VarHandleOp"));
  EXPECT_THAT(ops, ::testing::Contains("RestoreV2"));
  EXPECT_TRUE(std::is_sorted(ops.begin(), ops.end()));
  EXPECT_EQ(meta.saver_def().filename_tensor_name(), "save/Const:0");
  EXPECT_EQ(meta.saver_def().restore_op_name(), "save/restore_all");
  EXPECT_TRUE(meta.saver_def().sharded());
  EXPECT_EQ(meta.collection_def().count("variables"), 1u);
  const proto::SignatureDef& signature = meta.signature_def().at("serving_default");
  EXPECT_EQ(signature.method_name(), "tensorflow/serving/predict");
  EXPECT_EQ(signature.inputs().at("x").name(), "x:0");
  EXPECT_EQ(signature.inputs().at("x").dtype(), proto::DT_FLOAT);
  ASSERT_EQ(signature.inputs().at("x").tensor_shape().dim_size(), 1);
  EXPECT_EQ(signature.inputs().at("x").tensor_shape().dim(0).size(), -1);
}

TEST_F(SavedModelBuilderTest, AsText) {
  Build();
  Write(Options(), {"serve"}, /*as_text=*/true);
  EXPECT_THAT(*fs_.List(folder_), ElementsAre("saved_model.pbtxt", "variables"));
  ExpectOutput({"serve"}, Tensor::Of<float>({2}, {4, -5}));
}

// The same variables, with another graph for serving.
TEST_F(SavedModelBuilderTest, SeveralGraphs) {
  Build();
  auto builder = Create();
  ASSERT_THAT(builder, IsOk());
  ASSERT_THAT(builder->AddMetaGraphAndVariables(session(), {"train"}, Options()), IsOk());

  Graph other(ops::Builtin());
  const Scope root = Scope::Root(other);
  const Output x = ops::Placeholder(root.Named("in"), DType::kFloat, {-1});
  const Variable w = NewVariable(root.Named("w"), Tensor::Scalar(0.0f));
  const Output y = ops::Mul(root.Named("out"), x, w);
  ASSERT_THAT(
      builder->AddMetaGraph(other, {"serve", "gpu"},
                            {.signatures = {{"s", MakeSignature({{"x", x}}, {{"y", y}}, "mine")}}}),
      IsOk());
  EXPECT_THAT(builder->AddMetaGraph(other, {"train"}),
              StatusIs(StatusCode::kAlreadyExists, "the tags {train}"));
  ASSERT_THAT(builder->Save(), IsOk());
  ExpectOutput({"train"}, Tensor::Of<float>({2}, {4, -5}));
  ExpectOutput({"serve", "gpu"}, Tensor::Of<float>({2}, {3, -6}));
}

TEST_F(SavedModelBuilderTest, AVariableThatHasNoValueInTheModel) {
  Build();
  auto builder = Create();
  ASSERT_THAT(builder, IsOk());
  ASSERT_THAT(builder->AddMetaGraphAndVariables(session(), {"train"}, Options()), IsOk());
  Graph other(ops::Builtin());
  NewVariable(Scope::Root(other).Named("v"), Tensor::Scalar(0.0f));
  EXPECT_THAT(builder->AddMetaGraph(other, {"serve"}), StatusIs(StatusCode::kNotFound, "v"));
}

TEST_F(SavedModelBuilderTest, TheOrderOfCalls) {
  Build();
  auto builder = Create();
  ASSERT_THAT(builder, IsOk());
  EXPECT_THAT(builder->Save(), StatusIs(StatusCode::kFailedPrecondition, "at least one graph"));
  EXPECT_THAT(builder->AddMetaGraph(graph_, {"serve"}),
              StatusIs(StatusCode::kFailedPrecondition, "has not been saved yet"));
  ASSERT_THAT(builder->AddMetaGraphAndVariables(session(), {"serve"}, Options()), IsOk());
  EXPECT_THAT(builder->AddMetaGraphAndVariables(session(), {"train"}, Options()),
              StatusIs(StatusCode::kFailedPrecondition, "has already been saved"));
  EXPECT_FALSE(fs_.Exists(Path("saved_model.pb")));
}

TEST_F(SavedModelBuilderTest, OnlyIntoAnEmptyDirectory) {
  EXPECT_THAT(fs_.ReplaceAtomically(Path("notes.txt"), "mine"), IsOk());
  EXPECT_THAT(Create(), StatusIs(StatusCode::kAlreadyExists, "isn't empty"));
  EXPECT_THAT(SavedModelBuilder::Create(Path("a/b/c")), IsOk());
  EXPECT_TRUE(fs_.IsDirectory(Path("a/b/c")));
}

TEST_F(SavedModelBuilderTest, WithoutVariables) {
  x_ = ops::Placeholder(root_.Named("x"), DType::kFloat, {-1});
  y_ = ops::Mul(root_.Named("y"), x_, x_);
  Write(Options());
  EXPECT_FALSE(Read().meta_graphs(0).has_saver_def());
  ExpectOutput({"serve"}, Tensor::Of<float>({2}, {1, 4}));
}

TEST_F(SavedModelBuilderTest, ASaverOfOnesOwn) {
  Build();
  NewVariable(root_.Named("unsaved"), Tensor::Scalar(1.0f));
  train::Saver saver(graph_, {.var_list = {w_, b_}, .name = "mine"});
  MetaGraphOptions options = Options();
  options.saver = &saver;
  Write(options);
  EXPECT_EQ(Read().meta_graphs(0).saver_def().restore_op_name(), "mine/restore_all");
  EXPECT_EQ(graph_.FindNode("save/restore_all"), nullptr);
  ExpectOutput({"serve"}, Tensor::Of<float>({2}, {4, -5}));
}

TEST_F(SavedModelBuilderTest, OpsForLoaders) {
  Build();
  const Output main = b_.Assign(root_.Named("main"), ops::Const(root_, 10.0f));
  MetaGraphOptions options = Options();
  options.main_op = main;
  options.train_op = y_;
  Write(options);
  const proto::SavedModel file = Read();
  const auto& collections = file.meta_graphs(0).collection_def();
  EXPECT_THAT(collections.at("saved_model_main_op").node_list().value(),
              ElementsAre(main.node()->name()));
  EXPECT_THAT(collections.at("saved_model_train_op").node_list().value(), ElementsAre("y"));
  ExpectOutput({"serve"}, Tensor::Of<float>({2}, {13, 4}));
}

TEST_F(SavedModelBuilderTest, DevicesAndDefaultsMayBeLeftOut) {
  x_ = ops::Placeholder(root_.Named("x"), DType::kFloat, {2, 1});
  y_ = ops::MatMul(root_.Device("/device:CPU:0").Named("y"), x_, x_, {.transpose_b = true});
  MetaGraphOptions options = Options();
  options.clear_devices = true;
  options.strip_default_attrs = true;
  Run(y_, {{x_, Tensor::Of<float>({2, 1}, {1, 2})}});
  auto builder = Create();
  ASSERT_THAT(builder, IsOk());
  ASSERT_THAT(builder->AddMetaGraphAndVariables(*session_, {"serve"}, options), IsOk());
  ASSERT_THAT(builder->Save(), IsOk());
  const proto::SavedModel model = Read();
  EXPECT_TRUE(model.meta_graphs(0).meta_info_def().stripped_default_attrs());
  for (const proto::NodeDef& node : model.meta_graphs(0).graph_def().node()) {
    EXPECT_EQ(node.device(), "");
    if (node.name() != "y") continue;
    EXPECT_EQ(node.attr().count("transpose_a"), 0u);
    EXPECT_EQ(node.attr().count("transpose_b"), 1u);
  }
}

// --- assets ---

TEST_F(SavedModelBuilderTest, AssetsGoWithTheModel) {
  const std::string vocabulary = WriteFile("one/vocab.txt", "zero\none\n");
  const Output path = ops::Const(root_.Named("path"), vocabulary);
  const Output table = ops::HashTableV2(root_, DType::kString, DType::kInt64);
  const Output fill = ops::InitializeTableFromTextFileV2(root_, table, path, -2, -1);
  x_ = ops::Placeholder(root_.Named("x"), DType::kString, {-1});
  y_ = ops::LookupTableFindV2(root_.Named("y"), table, x_, ops::Const(root_, int64_t{-1}));
  Run(fill);
  auto builder = Create();
  ASSERT_THAT(builder, IsOk());
  MetaGraphOptions options = Options();
  options.asset_filepaths = {path};
  options.main_op = fill;
  ASSERT_THAT(builder->AddMetaGraphAndVariables(*session_, {"serve"}, options), IsOk());
  ASSERT_THAT(builder->Save(), IsOk());
  EXPECT_THAT(fs_.Delete(vocabulary), IsOk());

  const proto::SavedModel file = Read();
  ASSERT_EQ(file.meta_graphs(0).asset_file_def_size(), 1);
  EXPECT_EQ(file.meta_graphs(0).asset_file_def(0).filename(), "vocab.txt");
  EXPECT_EQ(file.meta_graphs(0).asset_file_def(0).tensor_info().name(), "path:0");
  const auto& any = file.meta_graphs(0).collection_def().at("saved_model_assets").any_list();
  ASSERT_EQ(any.value_size(), 1);
  EXPECT_EQ(any.value(0).type_url(), "type.googleapis.com/tensorflow.AssetFileDef");
  EXPECT_EQ(any.value(0).value(), file.meta_graphs(0).asset_file_def(0).SerializeAsString());

  auto model = SavedModel::Load(folder_, {"serve"});
  ASSERT_THAT(model, IsOk());
  const auto out = model->Run({{"x", Tensor::Of<std::string>({2}, {"one", "two"})}});
  ASSERT_THAT(out, IsOk());
  ExpectClose(out->at("y"), Tensor::Of<int64_t>({2}, {1, -1}));
  EXPECT_EQ(model->assets().at("path:0"), Path("assets/vocab.txt"));

  // A loaded model, written again.
  const std::string again = FreshFolder("again");
  auto second = SavedModelBuilder::Create(again);
  ASSERT_THAT(second, IsOk());
  ASSERT_THAT(second->AddMetaGraphAndVariables(
                  model->session(), {"serve"},
                  {.signatures = model->signatures(),
                   .assets = model->assets(),
                   .main_op = *model->graph().FindOperation(fill.node()->name())}),
              IsOk());
  ASSERT_THAT(second->Save(), IsOk());
  EXPECT_EQ(*fs_.ReadAll(JoinPath(again, "assets/vocab.txt")), "zero\none\n");
  EXPECT_THAT(SavedModel::Load(again, {"serve"}), IsOk());
}

TEST_F(SavedModelBuilderTest, AssetsOfOneName) {
  Build();
  const std::string one = WriteFile("one/vocab.txt", "1"), two = WriteFile("two/vocab.txt", "2"),
                    three = WriteFile("three/vocab.txt", "1");
  MetaGraphOptions options = Options();
  for (const std::string& file : {one, two, three, one}) {
    options.asset_filepaths.push_back(ops::Const(root_.Named("file"), file));
  }
  Write(options);
  EXPECT_EQ(*fs_.ReadAll(Path("assets/vocab.txt")), "1");
  EXPECT_EQ(*fs_.ReadAll(Path("assets/vocab.txt_1")), "2");
  EXPECT_EQ(fs_.List(Path("assets"))->size(), 2u);
  const auto model = SavedModel::Load(folder_, {"serve"});
  ASSERT_THAT(model, IsOk());
  EXPECT_EQ(model->assets().at("file:0"), Path("assets/vocab.txt"));
  EXPECT_EQ(model->assets().at("file_1:0"), Path("assets/vocab.txt_1"));
  EXPECT_EQ(model->assets().at("file_2:0"), Path("assets/vocab.txt"));
  EXPECT_EQ(model->assets().at("file_3:0"), Path("assets/vocab.txt"));
}

TEST_F(SavedModelBuilderTest, AssetsThatAreNone) {
  Build();
  const auto refused = [&](const MetaGraphOptions& options, StatusCode code,
                           const std::string& text) {
    auto builder = SavedModelBuilder::Create(FreshFolder("refused"));
    ASSERT_THAT(builder, IsOk());
    EXPECT_THAT(builder->AddMetaGraphAndVariables(session(), {"serve"}, options),
                StatusIs(code, text));
  };
  refused({.asset_filepaths = {x_}}, StatusCode::kInvalidArgument,
          "the asset x:0 must be a constant string scalar");
  refused({.asset_filepaths = {Output()}}, StatusCode::kInvalidArgument, "a tensor of the graph");
  refused({.asset_filepaths = {ops::Const(root_.Named("f"), std::string("/none/f.txt"))}},
          StatusCode::kNotFound, "/none/f.txt");
  refused({.assets = {{"nope:0", "f.txt"}}}, StatusCode::kNotFound, "the asset nope:0");
}

// --- signatures ---

TEST_F(SavedModelBuilderTest, SignaturesAreChecked) {
  Build();
  const auto refused = [&](const std::string& key, const ModelSignature& signature,
                           const std::string& text) {
    auto builder = SavedModelBuilder::Create(FreshFolder("refused"));
    ASSERT_THAT(builder, IsOk());
    EXPECT_THAT(
        builder->AddMetaGraphAndVariables(session(), {"serve"}, {.signatures = {{key, signature}}})
            .message(),
        HasSubstr(text));
  };
  const ModelSignature good = MakeSignature({{"x", x_}}, {{"y", y_}}, kPredictMethod);
  ModelSignature bad = good;
  bad.inputs.at("x").name = "nope:0";
  refused("s", bad, "signature 's': input 'x': ");
  bad = good;
  bad.inputs.at("x").dtype = DType::kInt32;
  refused("s", bad, "input 'x' (x:0) is float32 in the graph, the signature says int32");
  bad = good;
  bad.outputs.at("y").shape = {2, 2};
  refused("s", bad, "output 'y' (y:0) is [?] in the graph, the signature says [2,2]");
  refused("__saved_model_init_op", good, "is a reserved key");
  refused("s", MakeSignature({{"x", Output()}}, {{"y", y_}}, "m"), "signature 's': input 'x': ");
}

TEST_F(SavedModelBuilderTest, TheUsualSignatures) {
  const Output strings = ops::Placeholder(root_.Named("s"), DType::kString, {-1});
  const Output floats = ops::Placeholder(root_.Named("f"), DType::kFloat, {-1});
  const auto classify = ClassificationSignature(strings, strings, floats);
  ASSERT_THAT(classify, IsOk());
  EXPECT_EQ(classify->method_name, "tensorflow/serving/classify");
  EXPECT_EQ(classify->inputs.at("inputs").name, "s:0");
  EXPECT_EQ(classify->outputs.at("classes").name, "s:0");
  EXPECT_EQ(classify->outputs.at("scores").name, "f:0");
  const auto scores = ClassificationSignature(strings, Output(), floats);
  ASSERT_THAT(scores, IsOk());
  EXPECT_EQ(scores->outputs.size(), 1u);
  const auto regress = RegressionSignature(strings, floats);
  ASSERT_THAT(regress, IsOk());
  EXPECT_EQ(regress->method_name, "tensorflow/serving/regress");
  EXPECT_EQ(regress->inputs.at("inputs").name, "s:0");
  EXPECT_EQ(regress->outputs.at("outputs").name, "f:0");

  const StatusCode invalid = StatusCode::kInvalidArgument;
  EXPECT_THAT(ClassificationSignature(floats, strings, floats), StatusIs(invalid, "examples"));
  EXPECT_THAT(ClassificationSignature(strings, floats, floats), StatusIs(invalid, "classes"));
  EXPECT_THAT(ClassificationSignature(strings, strings, strings), StatusIs(invalid, "scores"));
  EXPECT_THAT(ClassificationSignature(strings, Output(), Output()), StatusIs(invalid, "both"));
  EXPECT_THAT(RegressionSignature(strings, strings), StatusIs(invalid, "predictions"));
  EXPECT_THAT(PredictSignature({}, {{"y", floats}}), StatusIs(invalid, "inputs cannot be empty"));
  EXPECT_THAT(PredictSignature({{"x", floats}}, {}), StatusIs(invalid, "outputs cannot be empty"));
}

TEST_F(SavedModelBuilderTest, SimpleSave) {
  Build();
  ASSERT_THAT(SimpleSave(session(), folder_, {{"x", x_}}, {{"y", y_}}), IsOk());
  ExpectOutput({"serve"}, Tensor::Of<float>({2}, {4, -5}));
}

// --- faults ---

TEST_F(SavedModelBuilderTest, AnyCallMayFail) {
  Build();
  session();
  testing::FaultyFileSystem faulty;
  train::Saver saver(graph_, {.fs = &faulty});
  MetaGraphOptions options = Options();
  options.saver = &saver;
  const auto write = [&](const std::string& folder) -> absl::Status {
    auto builder = SavedModelBuilder::Create(folder, faulty);
    if (!builder.ok()) return builder.status();
    const absl::Status added = builder->AddMetaGraphAndVariables(*session_, {"serve"}, options);
    return added.ok() ? builder->Save().status() : added;
  };
  ASSERT_THAT(write(folder_), IsOk());
  const int64_t calls = faulty.calls();
  ASSERT_GT(calls, 5);
  for (int64_t n = 1; n <= calls; ++n) {
    const std::string folder = FreshFolder(absl::StrCat("fault", n));
    faulty.FailCall(n, absl::DataLossError("the disk went away"));
    const absl::Status written = write(folder);
    faulty.FailCall(0, absl::OkStatus());
    // It is not there, or whole.
    if (!written.ok() && !IsSavedModel(fs_, folder)) continue;
    const auto model = SavedModel::Load(folder, {"serve"});
    EXPECT_THAT(model, IsOk()) << n << ": " << written;
  }
}

}  // namespace
}  // namespace sluice
