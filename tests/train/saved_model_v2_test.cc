// Inference of models as TensorFlow 2 writes them: functions, a restore op that calls one, keys of
// object checkpoints.
#include "tests/testing/core/tensors.h"
#include "tests/testing/half_plus_two.h"
#include "train/saved_model.h"

namespace sluice {
namespace {

using absl::StatusCode;

constexpr char kKey[] = "v/.ATTRIBUTES/VARIABLE_VALUE";

// A node of a function that calls another one.
std::string Call(const std::string& name, const std::string& function,
                 const std::vector<std::string>& inputs, const std::string& in,
                 const std::string& out) {
  std::string text = absl::StrCat("name: '", name, "' op: 'StatefulPartitionedCall'");
  for (const std::string& input : inputs) absl::StrAppend(&text, " input: '", input, "'");
  return absl::StrCat(text, " attr { key: 'f' value { func { name: '", function,
                      "' } } } attr { key: 'Tin' value { list { ", in,
                      " } } } attr { key: 'Tout' value { list { ", out, " } } }");
}

std::string Strings(const std::string& name, const std::string& value) {
  return absl::StrCat("node_def { name: '", name,
                      "' op: 'Const' attr { key: 'dtype' value { type: DT_STRING } } attr { key: "
                      "'value' value { tensor { dtype: DT_STRING tensor_shape { dim { size: 1 } } "
                      "string_val: '",
                      value, "' } } } }");
}

// times(x, v) = v * x, called through wrapper(x, v); restore(prefix, v) assigns v.
proto::FunctionDefLibrary Library() {
  return Parsed<proto::FunctionDefLibrary>(absl::StrCat(
      R"(function {
        signature { name: 'times' is_stateful: true
                    input_arg { name: 'x' type: DT_FLOAT } input_arg { name: 'v' type: DT_RESOURCE }
                    output_arg { name: 'y' type: DT_FLOAT } }
        node_def { name: 'Read' op: 'ReadVariableOp' input: 'v'
                   attr { key: 'dtype' value { type: DT_FLOAT } } }
        node_def { name: 'mul' op: 'Mul' input: 'Read:value:0' input: 'x'
                   attr { key: 'T' value { type: DT_FLOAT } } }
        ret { key: 'y' value: 'mul:z:0' }
      }
      function {
        signature { name: 'wrapper' is_stateful: true
                    input_arg { name: 'x' type: DT_FLOAT } input_arg { name: 'v' type: DT_RESOURCE }
                    output_arg { name: 'output_0' type: DT_FLOAT } }
        node_def { )",
      Call("inner", "times", {"x", "v"}, "type: DT_FLOAT type: DT_RESOURCE", "type: DT_FLOAT"),
      R"( }
        ret { key: 'output_0' value: 'inner:output:0' }
      }
      function {
        signature { name: 'restore' is_stateful: true
                    input_arg { name: 'prefix' type: DT_STRING }
                    input_arg { name: 'v' type: DT_RESOURCE }
                    output_arg { name: 'out' type: DT_STRING } })",
      Strings("names", kKey), Strings("slices", ""), R"(
        node_def { name: 'RestoreV2' op: 'RestoreV2'
                   input: 'prefix' input: 'names:output:0' input: 'slices:output:0'
                   attr { key: 'dtypes' value { list { type: DT_FLOAT } } } }
        node_def { name: 'Assign' op: 'AssignVariableOp' input: 'v' input: 'RestoreV2:tensors:0'
                   attr { key: 'dtype' value { type: DT_FLOAT } } }
        node_def { name: 'out' op: 'Identity' input: 'prefix' input: '^Assign'
                   attr { key: 'T' value { type: DT_STRING } } }
        ret { key: 'out' value: 'out:output:0' }
      })"));
}

proto::MetaGraphDef TimesV() {
  proto::MetaGraphDef meta =
      MetaGraph({MakeNode("Variable", "VarHandleOp", {},
                          {{"dtype", DType::kFloat},
                           {"shape", TensorShape{}},
                           {"shared_name", std::string("Variable")},
                           {"container", std::string()}}),
                 MakeNode("serving_default_x", "Placeholder", {},
                          {{"dtype", DType::kFloat}, {"shape", TensorShape{}}}),
                 Parsed<proto::NodeDef>(Call("StatefulPartitionedCall", "wrapper",
                                             {"serving_default_x", "Variable"},
                                             "type: DT_FLOAT type: DT_RESOURCE", "type: DT_FLOAT")),
                 MakeNode("saver_filename", "Placeholder", {},
                          {{"dtype", DType::kString}, {"shape", TensorShape{}}}),
                 Parsed<proto::NodeDef>(
                     Call("StatefulPartitionedCall_1", "restore", {"saver_filename", "Variable"},
                          "type: DT_STRING type: DT_RESOURCE", "type: DT_STRING")),
                 MakeNode("NoOp", "NoOp")});
  *meta.mutable_graph_def()->mutable_library() = Library();
  meta.mutable_meta_info_def()->add_tags("serve");
  *meta.mutable_saver_def() = Parsed<proto::SaverDef>(
      "filename_tensor_name: 'saver_filename:0' restore_op_name: 'StatefulPartitionedCall_1' "
      "version: V2");
  (*meta.mutable_signature_def())["__saved_model_init_op"] = Parsed<proto::SignatureDef>(
      "outputs { key: '__saved_model_init_op' value { name: 'NoOp' tensor_shape { unknown_rank: "
      "true } } }");
  (*meta.mutable_signature_def())["serving_default"] = Parsed<proto::SignatureDef>(R"(
      inputs { key: 'x' value { name: 'serving_default_x:0' dtype: DT_FLOAT tensor_shape {} } }
      outputs { key: 'output_0' value { name: 'StatefulPartitionedCall:0' dtype: DT_FLOAT
                                        tensor_shape {} } }
      method_name: 'tensorflow/serving/predict')");
  return meta;
}

class SavedModelV2Test : public ::testing::Test {
 protected:
  void WriteValue(const std::string& key, float value) {
    const auto writer =
        BundleWriter::Create(FileSystem::Default(), JoinPath(folder_, "variables/variables"));
    ASSERT_THAT(writer, IsOk());
    ASSERT_THAT((*writer)->Add("_CHECKPOINTABLE_OBJECT_GRAPH", Tensor::Scalar<std::string>("")),
                IsOk());
    ASSERT_THAT((*writer)->Add(key, Tensor::Scalar(value)), IsOk());
    ASSERT_THAT((*writer)->Finish(), IsOk());
  }
  const std::string folder_ = FreshFolder("model");
};

TEST_F(SavedModelV2Test, FunctionsRestoreAndCompute) {
  WriteModel(folder_, {TimesV()});
  WriteValue(kKey, 3);
  auto model = SavedModel::Load(folder_, {"serve"});
  ASSERT_THAT(model, IsOk());
  auto out = model->Run({{"x", Tensor::Scalar(2.0f)}});
  ASSERT_THAT(out, IsOk());
  ExpectClose(out->at("output_0"), Tensor::Scalar(6.0f));
  // Traced with a number, called with an array.
  out = model->Run({{"x", Tensor::Of<float>({3}, {1, 2, 3})}});
  ASSERT_THAT(out, IsOk());
  ExpectClose(out->at("output_0"), Tensor::Of<float>({3}, {3, 6, 9}));
  EXPECT_THAT(model->Run({{"x", Tensor::Scalar(1.0)}}),
              StatusIs(StatusCode::kInvalidArgument, "input 'x' float32<unknown> got float64[]"));
  EXPECT_EQ(*model->DefaultSignature(), "serving_default");
}

TEST_F(SavedModelV2Test, WhatIsMissing) {
  WriteModel(folder_, {TimesV()});
  WriteValue("w/.ATTRIBUTES/VARIABLE_VALUE", 3);
  EXPECT_THAT(SavedModel::Load(folder_, {"serve"}), StatusIs(StatusCode::kNotFound, kKey));
  proto::MetaGraphDef meta = TimesV();
  meta.mutable_graph_def()->mutable_library()->mutable_function()->DeleteSubrange(0, 1);  // times
  WriteModel(folder_, {meta});
  WriteValue(kKey, 3);
  auto model = SavedModel::Load(folder_, {"serve"});
  ASSERT_THAT(model, IsOk());
  const auto out = model->Run({{"x", Tensor::Scalar(2.0f)}});
  ASSERT_FALSE(out.ok());
  EXPECT_THAT(out.status().message(), ::testing::HasSubstr("times"));
}

}  // namespace
}  // namespace sluice
