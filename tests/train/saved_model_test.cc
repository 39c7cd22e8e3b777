// Loading and running SavedModels that were built by hand.
#include "train/saved_model.h"

#include "graph/node.h"
#include "ops/old_checkpoint.h"
#include "tests/testing/core/tensors.h"
#include "tests/testing/half_plus_two.h"

namespace sluice {
namespace {

using absl::StatusCode;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class SavedModelTest : public ::testing::Test {
 protected:
  std::string Path(const std::string& name) const { return JoinPath(folder_, name); }
  void Write(const std::string& name, const std::string& bytes) {
    EXPECT_THAT(fs_.CreateDirectories(DirectoryOf(Path(name))), IsOk());
    EXPECT_THAT(fs_.ReplaceAtomically(Path(name), bytes), IsOk());
  }
  // The model with variables, loaded.
  absl::StatusOr<SavedModel> Load(const proto::MetaGraphDef& meta, const TagSet& tags = {"serve"}) {
    WriteModel(folder_, {meta});
    WriteVariables(folder_);
    return SavedModel::Load(folder_, tags);
  }
  void ExpectLoadError(const proto::MetaGraphDef& meta, StatusCode code, const std::string& text) {
    const auto model = Load(meta);
    EXPECT_THAT(model, StatusIs(code, text));
    EXPECT_THAT(model, StatusIs(code, "saved_model.pb"));
  }
  static void ExpectHalfPlusTwo(absl::StatusOr<SavedModel>& model) {
    ASSERT_THAT(model, IsOk());
    const auto out = model->Run("serving_default", {{"x", kX}});
    ASSERT_THAT(out, IsOk());
    ASSERT_EQ(out->size(), 1u);
    ExpectClose(out->at("y"), Tensor::Of<float>({3, 1}, {2.5, 3, 1}));
  }

  static inline const Tensor kX = Tensor::Of<float>({3, 1}, {1, 2, -2});
  FileSystem& fs_ = FileSystem::Default();
  const std::string folder_ = FreshFolder("model");
};

TEST_F(SavedModelTest, HalfPlusTwo) {
  auto model = Load(HalfPlusTwo());
  ExpectHalfPlusTwo(model);
  EXPECT_EQ(model->directory(), folder_);
  EXPECT_THAT(model->tags(), ElementsAre("serve"));
  EXPECT_TRUE(model->assets().empty());
  EXPECT_EQ(model->meta_graph().saver_def().restore_op_name(), "save/restore_all");
  EXPECT_NE(model->graph().FindNode("save/restore_all"), nullptr);
  ASSERT_EQ(model->signatures().count("serving_default"), 1u);
  const ModelSignature& signature = model->signatures().at("serving_default");
  EXPECT_EQ(signature.method_name, kPredictMethod);
  EXPECT_EQ(signature.inputs.at("x").name, "x:0");
  EXPECT_EQ(signature.inputs.at("x").dtype, DType::kFloat);
  EXPECT_EQ(signature.inputs.at("x").shape, (TensorShape{-1, 1}));
  EXPECT_EQ(signature.outputs.at("y").name, "y:0");
}

TEST_F(SavedModelTest, TheDefaultSignature) {
  auto model = Load(HalfPlusTwo());
  ASSERT_THAT(model, IsOk());
  const auto out = model->Run({{"x", kX}});
  ASSERT_THAT(out, IsOk());
  ExpectClose(out->at("y"), Tensor::Of<float>({3, 1}, {2.5, 3, 1}));

  proto::MetaGraphDef other = HalfPlusTwo();
  (*other.mutable_signature_def())["mine"] = other.signature_def().at("serving_default");
  other.mutable_signature_def()->erase("serving_default");
  model = Load(other);
  ASSERT_THAT(model, IsOk());
  EXPECT_EQ(*model->DefaultSignature(), "mine");
  (*other.mutable_signature_def())["yours"] = other.signature_def().at("mine");
  model = Load(other);
  ASSERT_THAT(model, IsOk());
  EXPECT_THAT(model->Run({{"x", kX}}),
              StatusIs(StatusCode::kNotFound, "There are: 'mine', 'yours'"));
}

TEST_F(SavedModelTest, TextForm) {
  Write("saved_model.pbtxt", absl::StrCat("saved_model_schema_version: 1 meta_graphs {",
                                          HalfPlusTwo().DebugString(), "}"));
  WriteVariables(folder_);
  auto model = SavedModel::Load(folder_, {"serve"});
  ExpectHalfPlusTwo(model);
  // The binary form wins.
  Write("saved_model.pb", "damaged");
  EXPECT_THAT(SavedModel::Load(folder_, {"serve"}),
              StatusIs(StatusCode::kInvalidArgument, "saved_model.pb: "));
}

TEST_F(SavedModelTest, AModelMayBeMoved) {
  auto loaded = Load(HalfPlusTwo());
  ASSERT_THAT(loaded, IsOk());
  SavedModel model = *std::move(loaded);
  const auto out = model.Run("serving_default", {{"x", kX}});
  ASSERT_THAT(out, IsOk());
  ExpectClose(out->at("y"), Tensor::Of<float>({3, 1}, {2.5, 3, 1}));
}

// --- tags ---

TEST_F(SavedModelTest, TagSetsMatchExactly) {
  proto::MetaGraphDef both = HalfPlusTwo({"serve", "train"});
  (*both.mutable_signature_def())["only_here"] = both.signature_def().at("serving_default");
  WriteModel(folder_, {HalfPlusTwo({"serve"}), both});
  WriteVariables(folder_);
  const auto serve = SavedModel::Load(folder_, {"serve"});
  ASSERT_THAT(serve, IsOk());
  EXPECT_EQ(serve->signatures().count("only_here"), 0u);
  const auto train = SavedModel::Load(folder_, {"train", "serve"});
  ASSERT_THAT(train, IsOk());
  EXPECT_EQ(train->signatures().count("only_here"), 1u);
  for (const TagSet& tags : {TagSet{"train"}, TagSet{}, TagSet{"serve", "train", "gpu"}}) {
    EXPECT_THAT(SavedModel::Load(folder_, tags),
                StatusIs(StatusCode::kNotFound,
                         absl::StrCat("saved_model.pb: no meta graph has exactly the tags ",
                                      DescribeTags(tags), "; there are: {serve}, {serve, train}")));
  }
}

// --- variables ---

TEST_F(SavedModelTest, WithoutAFolderOfVariablesNothingIsRestored) {
  WriteModel(folder_, {HalfPlusTwo()});
  auto model = SavedModel::Load(folder_, {"serve"});
  ASSERT_THAT(model, IsOk());
  EXPECT_THAT(model->Run({{"x", kX}}), StatusIs(StatusCode::kFailedPrecondition, "uninitialized"));
  EXPECT_THAT(model->Run({{"x", kX}}),
              StatusIs(StatusCode::kFailedPrecondition, "signature 'serving_default'"));
}

TEST_F(SavedModelTest, VariablesOfVersion1) {
  WriteModel(folder_, {HalfPlusTwo()});
  const Tensor a = Tensor::Scalar(0.5f), b = Tensor::Scalar(2.0f);
  EXPECT_THAT(fs_.CreateDirectories(Path("variables")), IsOk());
  // In two shards.
  const ops::OldSlice slices[] = {{"a", {}, {}, &a}, {"b", {}, {}, &b}};
  for (int i : {0, 1}) {
    EXPECT_THAT(
        ops::WriteOldCheckpoint(fs_, Path(absl::StrCat("variables/variables-0000", i, "-of-00002")),
                                absl::MakeConstSpan(slices).subspan(i, 1)),
        IsOk());
  }
  auto model = SavedModel::Load(folder_, {"serve"});
  ExpectHalfPlusTwo(model);
}

TEST_F(SavedModelTest, VariablesOfVersion1InOneFile) {
  WriteModel(folder_, {HalfPlusTwo()});
  const Tensor a = Tensor::Scalar(0.5f), b = Tensor::Scalar(2.0f);
  EXPECT_THAT(fs_.CreateDirectories(Path("variables")), IsOk());
  EXPECT_THAT(ops::WriteOldCheckpoint(fs_, Path("variables/variables"),
                                      {{{"a", {}, {}, &a}, {"b", {}, {}, &b}}}),
              IsOk());
  auto model = SavedModel::Load(folder_, {"serve"});
  ExpectHalfPlusTwo(model);
}

TEST_F(SavedModelTest, DamagedVariables) {
  WriteModel(folder_, {HalfPlusTwo()});
  WriteVariables(folder_);
  const std::string index = Path("variables/variables.index");
  const std::string data = Path("variables/variables.data-00000-of-00001");
  const std::string good_index = *fs_.ReadAll(index), good_data = *fs_.ReadAll(data);

  EXPECT_THAT(fs_.Delete(data), IsOk());
  EXPECT_FALSE(SavedModel::Load(folder_, {"serve"}).ok());
  EXPECT_THAT(SavedModel::Load(folder_, {"serve"}).status().message(),
              HasSubstr("variables.data-00000-of-00001"));
  std::string flipped = good_data;
  flipped[2] ^= 1;
  Write("variables/variables.data-00000-of-00001", flipped);
  EXPECT_THAT(SavedModel::Load(folder_, {"serve"}),
              StatusIs(StatusCode::kDataLoss, "variables/variables"));
  Write("variables/variables.data-00000-of-00001", good_data);
  Write("variables/variables.index", good_index.substr(0, good_index.size() / 2));
  EXPECT_THAT(SavedModel::Load(folder_, {"serve"}),
              StatusIs(StatusCode::kDataLoss, "variables.index"));
  EXPECT_THAT(fs_.Delete(index), IsOk());
  EXPECT_THAT(SavedModel::Load(folder_, {"serve"}),
              StatusIs(StatusCode::kDataLoss, "no variables.index"));
}

TEST_F(SavedModelTest, AVariableThatTheCheckpointLacks) {
  proto::MetaGraphDef meta = HalfPlusTwo();
  for (proto::NodeDef& node : *meta.mutable_graph_def()->mutable_node()) {
    if (node.name() == "save/RestoreV2/tensor_names") {
      node = MakeConst(node.name(), Tensor::Of<std::string>({2}, {"a", "nope"}));
    }
  }
  ExpectLoadError(meta, StatusCode::kNotFound, "Key nope not found in checkpoint");
}

TEST_F(SavedModelTest, TheSaversNames) {
  proto::MetaGraphDef meta = HalfPlusTwo();
  meta.mutable_saver_def()->set_filename_tensor_name("save/Const");  // some writers leave ":0" out
  auto model = Load(meta);
  ExpectHalfPlusTwo(model);
  meta.mutable_saver_def()->set_filename_tensor_name("save/Konst:0");
  ExpectLoadError(meta, StatusCode::kNotFound, "save/Konst");
  meta = HalfPlusTwo();
  meta.mutable_saver_def()->set_restore_op_name("save/restore_al");
  ExpectLoadError(meta, StatusCode::kNotFound, "save/restore_al");
  meta.clear_saver_def();
  ExpectLoadError(meta, StatusCode::kFailedPrecondition, "names no op that restores them");
}

TEST_F(SavedModelTest, RestoringMayBeLeftOut) {
  proto::MetaGraphDef meta = HalfPlusTwo();
  meta.clear_saver_def();
  WriteModel(folder_, {meta});
  WriteVariables(folder_);
  EXPECT_THAT(SavedModel::Load(folder_, {"serve"}, {.restore_variables = false}), IsOk());
}

// --- initializers ---

class SavedModelInitTest : public SavedModelTest {
 protected:
  // A model whose init op `name` assigns `value` to b, after the restore.
  static void AddInit(proto::MetaGraphDef* meta, const std::string& name, float value) {
    proto::GraphDef& graph = *meta->mutable_graph_def();
    *graph.add_node() = MakeConst(name + "/value", Tensor::Scalar(value));
    *graph.add_node() = MakeNode(name, "Assign", {"b", name + "/value"}, {{"T", DType::kFloat}});
  }
  void ExpectB(const proto::MetaGraphDef& meta, float b, const SavedModelOptions& options = {}) {
    WriteModel(folder_, {meta});
    WriteVariables(folder_);
    auto model = SavedModel::Load(folder_, {"serve"}, options);
    ASSERT_THAT(model, IsOk());
    const auto out = model->Run({{"x", Tensor::Zeros(DType::kFloat, {1, 1})}});
    ASSERT_THAT(out, IsOk());
    ExpectClose(out->at("y"), Tensor::Of<float>({1, 1}, {b}));
  }
};

TEST_F(SavedModelInitTest, InOrderOfPrecedence) {
  proto::MetaGraphDef meta = HalfPlusTwo();
  AddInit(&meta, "legacy", 10);
  AddInit(&meta, "main", 20);
  AddInit(&meta, "signed", 30);
  ExpectB(meta, 2);
  AddNames(&meta, "legacy_init_op", {"legacy"});
  ExpectB(meta, 10);
  AddNames(&meta, "saved_model_main_op", {"main"});
  ExpectB(meta, 20);
  (*meta.mutable_signature_def())["__saved_model_init_op"] = Parsed<proto::SignatureDef>(
      "outputs { key: '__saved_model_init_op' value { name: 'signed' } }");
  ExpectB(meta, 30);
  ExpectB(meta, 10, {.init_op = "legacy"});
  ExpectB(meta, 2, {.run_init_op = false});
}

TEST_F(SavedModelInitTest, ANameOfATensorWillDo) {
  proto::MetaGraphDef meta = HalfPlusTwo();
  AddInit(&meta, "main", 20);
  AddNames(&meta, "saved_model_main_op", {"main:0"});
  ExpectB(meta, 20);
}

TEST_F(SavedModelInitTest, ExactlyOne) {
  proto::MetaGraphDef meta = HalfPlusTwo();
  AddInit(&meta, "main", 20);
  AddNames(&meta, "saved_model_main_op", {"main", "main"});
  ExpectLoadError(meta, StatusCode::kInvalidArgument,
                  "'saved_model_main_op' must hold the name of exactly one op, got 2");
  meta = HalfPlusTwo();
  (*meta.mutable_collection_def())["legacy_init_op"].mutable_node_list();
  ExpectLoadError(meta, StatusCode::kInvalidArgument, "exactly one op, got 0");
}

TEST_F(SavedModelInitTest, MissingOp) {
  proto::MetaGraphDef meta = HalfPlusTwo();
  (*meta.mutable_signature_def())["__saved_model_init_op"] = Parsed<proto::SignatureDef>(
      "outputs { key: '__saved_model_init_op' value { name: 'nope' } }");
  ExpectLoadError(meta, StatusCode::kNotFound, "the model's initializer: ");
}

// --- assets ---

class SavedModelAssetsTest : public SavedModelTest {
 protected:
  // A model that reads the file named by the constant "path", initially a path of the exporter's.
  static proto::MetaGraphDef Reader() {
    proto::MetaGraphDef meta = HalfPlusTwo();
    proto::GraphDef& graph = *meta.mutable_graph_def();
    *graph.add_node() = MakeConst("path", Tensor::Scalar<std::string>("/exporter/vocab.txt"));
    *graph.add_node() = MakeNode("table", "HashTableV2", {},
                                 {{"key_dtype", DType::kString}, {"value_dtype", DType::kInt64}});
    *graph.add_node() = MakeNode("fill", "InitializeTableFromTextFileV2", {"table", "path"},
                                 {{"key_index", int64_t{-2}}, {"value_index", int64_t{-1}}});
    *graph.add_node() = MakeNode("word", "Placeholder", {},
                                 {{"dtype", DType::kString}, {"shape", TensorShape{-1}}});
    *graph.add_node() = MakeConst("missing", Tensor::Scalar<int64_t>(-1));
    *graph.add_node() = MakeNode("id", "LookupTableFindV2", {"table", "word", "missing"},
                                 {{"Tin", DType::kString}, {"Tout", DType::kInt64}});
    AddNames(&meta, "saved_model_main_op", {"fill"});
    (*meta.mutable_signature_def())["lookup"] = Parsed<proto::SignatureDef>(R"(
        inputs { key: 'word' value { name: 'word:0' dtype: DT_STRING
                                     tensor_shape { dim { size: -1 } } } }
        outputs { key: 'id' value { name: 'id:0' dtype: DT_INT64
                                    tensor_shape { dim { size: -1 } } } })");
    return meta;
  }
  static proto::AssetFileDef Asset(const std::string& file) {
    return Parsed<proto::AssetFileDef>(
        absl::StrCat("tensor_info { name: 'path:0' } filename: '", file, "'"));
  }
  void ExpectLookup(const proto::MetaGraphDef& meta) {
    auto model = Load(meta);
    ASSERT_THAT(model, IsOk());
    const auto out =
        model->Run("lookup", {{"word", Tensor::Of<std::string>({3}, {"two", "zero", "ten"})}});
    ASSERT_THAT(out, IsOk());
    ExpectClose(out->at("id"), Tensor::Of<int64_t>({3}, {2, 0, -1}));
    ASSERT_EQ(model->assets().size(), 1u);
    EXPECT_EQ(model->assets().at("path:0"), Path("assets/vocab.txt"));
  }
};

TEST_F(SavedModelAssetsTest, OfTheField) {
  Write("assets/vocab.txt", "zero\none\ntwo\n");
  proto::MetaGraphDef meta = Reader();
  *meta.add_asset_file_def() = Asset("vocab.txt");
  ExpectLookup(meta);
}

TEST_F(SavedModelAssetsTest, OfTheCollection) {
  Write("assets/vocab.txt", "zero\none\ntwo\n");
  proto::MetaGraphDef meta = Reader();
  google::protobuf::Any* any =
      (*meta.mutable_collection_def())["saved_model_assets"].mutable_any_list()->add_value();
  any->set_type_url("type.googleapis.com/tensorflow.AssetFileDef");
  any->set_value(Asset("vocab.txt").SerializeAsString());
  ExpectLookup(meta);
  any->set_type_url("type.googleapis.com/tensorflow.SaverDef");
  ExpectLoadError(meta, StatusCode::kInvalidArgument,
                  "got 'type.googleapis.com/tensorflow.SaverDef'");
}

TEST_F(SavedModelAssetsTest, MissingFile) {
  proto::MetaGraphDef meta = Reader();
  *meta.add_asset_file_def() = Asset("vocab.txt");
  ExpectLoadError(meta, StatusCode::kNotFound, "assets/vocab.txt is missing");
}

TEST_F(SavedModelAssetsTest, NamesThatLeaveTheFolder) {
  Write("secret.txt", "zero\n");
  Write("assets/x.txt", "zero\n");
  for (const std::string name :
       {"../secret.txt", "a/../../secret.txt", "/etc/passwd", "..", ".", "", "x.txt/", "a/.."}) {
    proto::MetaGraphDef meta = Reader();
    *meta.add_asset_file_def() = Asset(name);
    ExpectLoadError(meta, StatusCode::kInvalidArgument,
                    absl::StrCat("the asset's file name '", name, "'"));
  }
}

TEST_F(SavedModelAssetsTest, TensorThatTheGraphLacks) {
  Write("assets/vocab.txt", "zero\n");
  proto::MetaGraphDef meta = Reader();
  *meta.add_asset_file_def() = Asset("vocab.txt");
  meta.mutable_asset_file_def(0)->mutable_tensor_info()->set_name("nope:0");
  ExpectLoadError(meta, StatusCode::kNotFound, "nope");
}

// --- damaged and unusual files ---

TEST_F(SavedModelTest, NoModel) {
  EXPECT_THAT(SavedModel::Load(folder_, {"serve"}),
              StatusIs(StatusCode::kNotFound, "neither saved_model.pb nor saved_model.pbtxt"));
  EXPECT_THAT(SavedModel::Load(Path("none"), {"serve"}),
              StatusIs(StatusCode::kNotFound, "is no directory"));
}

TEST_F(SavedModelTest, CutFiles) {
  WriteModel(folder_, {HalfPlusTwo()});
  WriteVariables(folder_);
  const std::string good = *fs_.ReadAll(Path("saved_model.pb"));
  for (size_t size = 0; size < good.size(); size += size < 20 ? 1 : 37) {
    Write("saved_model.pb", good.substr(0, size));
    EXPECT_THAT(SavedModel::Load(folder_, {"serve"}),
                StatusIs(StatusCode::kInvalidArgument, "saved_model.pb: "))
        << size;
  }
}

TEST_F(SavedModelTest, FlippedBytesNeverCrash) {
  WriteModel(folder_, {HalfPlusTwo()});
  WriteVariables(folder_);
  const std::string good = *fs_.ReadAll(Path("saved_model.pb"));
  for (size_t at = 0; at < good.size(); at += 13) {
    std::string flipped = good;
    flipped[at] ^= static_cast<char>(1 << at % 8);
    Write("saved_model.pb", flipped);
    auto model = SavedModel::Load(folder_, {"serve"});
    if (model.ok()) (void)model->Run({{"x", kX}});
  }
}

TEST_F(SavedModelTest, OtherMessages) {
  Write("saved_model.pb", HalfPlusTwo().graph_def().SerializeAsString());
  EXPECT_THAT(SavedModel::Load(folder_, {"serve"}),
              StatusIs(StatusCode::kInvalidArgument, "wrong wire type"));
  Write("saved_model.pb", std::string("\x08\x01", 2));
  EXPECT_THAT(SavedModel::Load(folder_, {"serve"}),
              StatusIs(StatusCode::kInvalidArgument, "without meta graphs"));
  Write("saved_model.pb", std::string("\x08\x02", 2));
  EXPECT_THAT(SavedModel::Load(folder_, {"serve"}),
              StatusIs(StatusCode::kFailedPrecondition, "saved_model_schema_version is 2"));
}

TEST_F(SavedModelTest, CollectionsThatContradictTheGraphAreLeftOut) {
  proto::MetaGraphDef meta = HalfPlusTwo();
  AddNames(&meta, "losses", {"gone:0"});
  auto model = Load(meta);
  ExpectHalfPlusTwo(model);
}

TEST_F(SavedModelTest, OpsThatWeLack) {
  proto::MetaGraphDef meta = HalfPlusTwo();
  *meta.mutable_graph_def()->add_node() = MakeNode("odd", "NotAnOp", {"x"});
  (*meta.mutable_signature_def())["odd"] = meta.signature_def().at("serving_default");
  (*(*meta.mutable_signature_def())["odd"].mutable_outputs())["y"].set_name("odd:0");
  auto model = Load(meta);
  ExpectHalfPlusTwo(model);
  EXPECT_THAT(model->Run("odd", {{"x", kX}}), StatusIs(StatusCode::kUnimplemented, "NotAnOp"));
}

}  // namespace
}  // namespace sluice
