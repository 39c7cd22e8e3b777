// Calling the signatures of SavedModels that were built by hand.
#include <thread>

#include "tests/testing/core/tensors.h"
#include "tests/testing/half_plus_two.h"
#include "train/saved_model.h"

namespace sluice {
namespace {

using absl::StatusCode;
using ::testing::ElementsAre;

class SavedModelRunTest : public ::testing::Test {
 protected:
  // The model with variables, loaded.
  absl::StatusOr<SavedModel> Load(const proto::MetaGraphDef& meta) {
    WriteModel(folder_, {meta});
    WriteVariables(folder_);
    return SavedModel::Load(folder_, {"serve"});
  }
  // A model whose signature "s" has these inputs and outputs.
  absl::StatusOr<SavedModel> LoadWith(const std::string& signature,
                                      const std::vector<proto::NodeDef>& more = {}) {
    proto::MetaGraphDef meta = HalfPlusTwo();
    for (const proto::NodeDef& node : more) *meta.mutable_graph_def()->add_node() = node;
    (*meta.mutable_signature_def())["s"] = Parsed<proto::SignatureDef>(signature);
    return Load(meta);
  }
  static std::string Info(const std::string& field, const std::string& key, const std::string& name,
                          const std::string& more = "dtype: DT_FLOAT") {
    return absl::StrCat(field, " { key: '", key, "' value { name: '", name, "' ", more, " } } ");
  }

  static inline const Tensor kX = Tensor::Of<float>({3, 1}, {1, 2, -2});
  const std::string folder_ = FreshFolder("model");
};

TEST_F(SavedModelRunTest, Refusals) {
  auto model = Load(HalfPlusTwo());
  ASSERT_THAT(model, IsOk());
  const auto refused = [&](const KeyedTensors& inputs, const std::string& text) {
    const auto out = model->Run("serving_default", inputs);
    EXPECT_THAT(out, StatusIs(StatusCode::kInvalidArgument, "signature 'serving_default': "));
    EXPECT_THAT(out, StatusIs(StatusCode::kInvalidArgument, text));
  };
  refused({}, "input 'x' is missing; its inputs are 'x' float32[?,1]");
  refused({{"x", kX}, {"X", kX}}, "there is no input 'X'; its inputs are 'x' float32[?,1].");
  refused({{"x", Tensor::Of<int32_t>({1, 1}, {1})}}, "input 'x' float32[?,1] got int32[1,1]");
  refused({{"x", Tensor::Of<float>({2}, {1, 2})}}, "input 'x' float32[?,1] got float32[2]");
  refused({{"x", Tensor::Of<float>({1, 2}, {1, 2})}}, "got float32[1,2]");
  refused({{"x", Tensor()}}, "got an empty tensor");
  EXPECT_THAT(model->Run("serving_defalt", {{"x", kX}}),
              StatusIs(StatusCode::kNotFound, "Nearest names: 'serving_default'."));
}

TEST_F(SavedModelRunTest, AnyTensorMayBeAnInput) {
  auto model = LoadWith(Info("inputs", "half", "mul:0") + Info("outputs", "y", "y:0"));
  ASSERT_THAT(model, IsOk());
  const auto out = model->Run("s", {{"half", Tensor::Of<float>({1, 1}, {40})}});
  ASSERT_THAT(out, IsOk());
  ExpectClose(out->at("y"), Tensor::Of<float>({1, 1}, {42}));
}

TEST_F(SavedModelRunTest, OneTensorUnderSeveralKeys) {
  auto model = LoadWith(Info("inputs", "x", "x:0") + Info("inputs", "also_x", "x:0") +
                        Info("outputs", "y", "y:0") + Info("outputs", "again", "y:0") +
                        Info("outputs", "x", "x:0"));
  ASSERT_THAT(model, IsOk());
  const Tensor one = Tensor::Of<float>({1, 1}, {1}), two = Tensor::Of<float>({1, 1}, {2});
  for (const KeyedTensors& inputs : {KeyedTensors{{"x", one}}, KeyedTensors{{"also_x", one}},
                                     KeyedTensors{{"x", one}, {"also_x", *one.Clone()}}}) {
    const auto out = model->Run("s", inputs);
    ASSERT_THAT(out, IsOk());
    ASSERT_EQ(out->size(), 3u);
    ExpectClose(out->at("y"), Tensor::Of<float>({1, 1}, {2.5}));
    ExpectClose(out->at("again"), Tensor::Of<float>({1, 1}, {2.5}));
    ExpectClose(out->at("x"), one);
  }
  EXPECT_THAT(model->Run("s", {{"x", one}, {"also_x", two}}),
              StatusIs(StatusCode::kInvalidArgument,
                       "inputs 'also_x' and 'x' are both x:0, but were given different values"));
}

TEST_F(SavedModelRunTest, InputsThatNoOutputNeedsMayBeLeftOut) {
  const auto label = MakeNode("label", "Placeholder", {}, {{"dtype", DType::kFloat}});
  const auto loss = MakeNode("loss", "Sub", {"y", "label"}, {{"T", DType::kFloat}});
  const std::string inputs = Info("inputs", "x", "x:0") + Info("inputs", "label", "label:0");
  auto model = LoadWith(inputs + Info("outputs", "y", "y:0"), {label, loss});
  ASSERT_THAT(model, IsOk());
  EXPECT_THAT(model->Run("s", {{"x", kX}}), IsOk());
  EXPECT_THAT(model->Run("s", {{"x", kX}, {"label", kX}}), IsOk());
  model = LoadWith(inputs + Info("outputs", "loss", "loss:0"), {label, loss});
  ASSERT_THAT(model, IsOk());
  EXPECT_THAT(model->Run("s", {{"x", kX}}),
              StatusIs(StatusCode::kInvalidArgument, "input 'label' is missing"));
  EXPECT_THAT(model->Run("s", {}),
              StatusIs(StatusCode::kInvalidArgument, "inputs 'label', 'x' are missing"));
}

TEST_F(SavedModelRunTest, Defaults) {
  const std::string signature = Info("inputs", "x", "x:0") + Info("outputs", "y", "y:0") +
                                "defaults { key: 'x' value { dtype: DT_FLOAT tensor_shape { dim { "
                                "size: 1 } dim { size: 1 } } float_val: 6 } }";
  auto model = LoadWith(signature);
  ASSERT_THAT(model, IsOk());
  auto out = model->Run("s", {});
  ASSERT_THAT(out, IsOk());
  ExpectClose(out->at("y"), Tensor::Of<float>({1, 1}, {5}));
  out = model->Run("s", {{"x", Tensor::Of<float>({1, 1}, {8})}});
  ASSERT_THAT(out, IsOk());
  ExpectClose(out->at("y"), Tensor::Of<float>({1, 1}, {6}));
}

TEST_F(SavedModelRunTest, PlaceholdersWithDefault) {
  auto model =
      LoadWith(Info("inputs", "x", "optional:0") + Info("outputs", "y", "twice:0"),
               {MakeConst("four", Tensor::Scalar(4.0f)),
                MakeNode("optional", "PlaceholderWithDefault", {"four"},
                         {{"dtype", DType::kFloat}, {"shape", TensorShape::Unknown()}}),
                MakeNode("twice", "Add", {"optional", "optional"}, {{"T", DType::kFloat}})});
  ASSERT_THAT(model, IsOk());
  auto out = model->Run("s", {});
  ASSERT_THAT(out, IsOk());
  ExpectClose(out->at("y"), Tensor::Scalar(8.0f));
  out = model->Run("s", {{"x", Tensor::Scalar(1.0f)}});
  ASSERT_THAT(out, IsOk());
  ExpectClose(out->at("y"), Tensor::Scalar(2.0f));
}

// Real files say float of a string tensor, and references where values are meant.
TEST_F(SavedModelRunTest, TheGraphDecides) {
  const auto word = MakeNode("word", "Placeholder", {}, {{"dtype", DType::kString}});
  const auto same = MakeNode("same", "Identity", {"word"}, {{"T", DType::kString}});
  auto model =
      LoadWith(Info("inputs", "w", "word:0") + Info("outputs", "w", "same:0"), {word, same});
  ASSERT_THAT(model, IsOk());
  const auto out = model->Run("s", {{"w", Tensor::Scalar<std::string>("hi")}});
  ASSERT_THAT(out, IsOk());
  EXPECT_EQ(out->at("w").scalar<std::string>(), "hi");
  EXPECT_THAT(model->Run("s", {{"w", Tensor::Scalar(1.0f)}}),
              StatusIs(StatusCode::kInvalidArgument, "input 'w' string"));

  model = LoadWith(Info("inputs", "x", "x:0", "dtype: DT_FLOAT tensor_shape { dim { size: 7 } }") +
                   Info("outputs", "b", "b:0", "dtype: DT_FLOAT_REF tensor_shape {}"));
  ASSERT_THAT(model, IsOk());
  EXPECT_EQ(model->signatures().at("s").outputs.at("b").dtype, DType::kFloat);
  const auto b = model->Run("s", {{"x", kX}});
  ASSERT_THAT(b, IsOk());
  ExpectClose(b->at("b"), Tensor::Scalar(2.0f));
}

TEST_F(SavedModelRunTest, WhatTheSignatureAddsHoldsToo) {
  auto model = LoadWith(Info("inputs", "x", "x:0",
                             "dtype: DT_FLOAT tensor_shape { dim { size: 2 } dim { size: -1 } }") +
                        Info("outputs", "y", "y:0"));
  ASSERT_THAT(model, IsOk());
  EXPECT_THAT(model->Run("s", {{"x", Tensor::Of<float>({2, 1}, {1, 2})}}), IsOk());
  EXPECT_THAT(model->Run("s", {{"x", kX}}),
              StatusIs(StatusCode::kInvalidArgument, "input 'x' float32[2,1] got float32[3,1]"));
}

TEST_F(SavedModelRunTest, SparseTensorsAreThree) {
  const std::string sparse =
      "value { coo_sparse { values_tensor_name: 'v:0' indices_tensor_name: 'i:0' "
      "dense_shape_tensor_name: 'd:0' } dtype: DT_FLOAT tensor_shape { dim { size: 2 } dim { size: "
      "-1 } } } } ";
  auto model = LoadWith(absl::StrCat("inputs { key: 'sp' ", sparse, "outputs { key: 'sp' ", sparse,
                                     Info("outputs", "dense", "dense:0")),
                        {MakeNode("v", "Placeholder", {}, {{"dtype", DType::kFloat}}),
                         MakeNode("i", "Placeholder", {}, {{"dtype", DType::kInt64}}),
                         MakeNode("d", "Placeholder", {}, {{"dtype", DType::kInt64}}),
                         MakeConst("zero", Tensor::Scalar(0.0f)),
                         MakeNode("dense", "SparseToDense", {"i", "d", "v", "zero"},
                                  {{"T", DType::kFloat}, {"Tindices", DType::kInt64}})});
  ASSERT_THAT(model, IsOk());
  const KeyedTensors inputs = {{"sp.values", Tensor::Of<float>({2}, {5, 7})},
                               {"sp.indices", Tensor::Of<int64_t>({2, 2}, {0, 1, 1, 0})},
                               {"sp.dense_shape", Tensor::Of<int64_t>({2}, {2, 2})}};
  const auto out = model->Run("s", inputs);
  ASSERT_THAT(out, IsOk());
  ASSERT_EQ(out->size(), 4u);
  ExpectClose(out->at("dense"), Tensor::Of<float>({2, 2}, {0, 5, 7, 0}));
  ExpectClose(out->at("sp.values"), Tensor::Of<float>({2}, {5, 7}));
  KeyedTensors wrong = inputs;
  wrong["sp.indices"] = Tensor::Of<int64_t>({2, 3}, {0, 1, 1, 0, 0, 0});
  EXPECT_THAT(model->Run("s", wrong),
              StatusIs(StatusCode::kInvalidArgument, "'sp.indices' int64[?,2] got int64[2,3]"));
  EXPECT_THAT(model->Run("s", {{"sp", Tensor::Scalar(1.0f)}}),
              StatusIs(StatusCode::kInvalidArgument, "there is no input 'sp'"));
}

TEST_F(SavedModelRunTest, SignaturesThatCannotBeRun) {
  auto model = LoadWith(Info("inputs", "x", "nope:0") + Info("outputs", "y", "y:0"));
  ASSERT_THAT(model, IsOk());
  EXPECT_THAT(model->Run("s", {{"x", kX}}),
              StatusIs(StatusCode::kNotFound, "signature 's': input 'x': "));
  EXPECT_THAT(model->Run("serving_default", {{"x", kX}}), IsOk());
  // Field 5, composite_tensor.
  proto::MetaGraphDef meta = HalfPlusTwo();
  proto::TensorInfo ragged;
  ASSERT_TRUE(ragged.ParseFromString(std::string("\x2a\x00\x10\x01", 4)));
  (*(*meta.mutable_signature_def())["s"].mutable_inputs())["r"] = ragged;
  model = Load(meta);
  ASSERT_THAT(model, IsOk());
  EXPECT_THAT(model->Run("s", {}), StatusIs(StatusCode::kUnimplemented, "composite"));
}

TEST_F(SavedModelRunTest, FromManyThreads) {
  auto model = Load(HalfPlusTwo());
  ASSERT_THAT(model, IsOk());
  std::vector<std::thread> threads;
  std::vector<int> wrong(4, 0);
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 25; ++i) {
        const auto out =
            model->Run({{"x", Tensor::Of<float>({1, 1}, {static_cast<float>(100 * t + i)})}});
        const float want = 0.5f * static_cast<float>(100 * t + i) + 2;
        if (!out.ok() || out->at("y").flat<float>()[0] != want) ++wrong[t];
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_THAT(wrong, ElementsAre(0, 0, 0, 0));
}

}  // namespace
}  // namespace sluice
