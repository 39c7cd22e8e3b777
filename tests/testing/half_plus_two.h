// The SavedModel that everybody tests with, y = a * x + b with a = 0.5 and b = 2, built by hand as
// TensorFlow's exporter writes it: reference variables, a saver's graph.
#ifndef SLUICE_TESTS_TESTING_HALF_PLUS_TWO_H_
#define SLUICE_TESTS_TESTING_HALF_PLUS_TWO_H_

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "core/file.h"
#include "gtest/gtest.h"
#include "io/tensor_bundle.h"
#include "proto/meta_graph.pb.h"
#include "tests/testing/core/status_matchers.h"
#include "tests/testing/def_builder.h"
#include "tests/testing/meta_graph_builder.h"

namespace sluice {

// The folder `name` of the running test, empty.
inline std::string FreshFolder(const std::string& name) {
  const ::testing::TestInfo& info = *::testing::UnitTest::GetInstance()->current_test_info();
  const std::string folder = JoinPath(
      ::testing::TempDir(), absl::StrCat(info.test_suite_name(), "_", info.name(), "_", name));
  std::filesystem::remove_all(folder);
  EXPECT_THAT(FileSystem::Default().CreateDirectories(folder), IsOk());
  return folder;
}

inline std::vector<proto::NodeDef> RefVariable(const std::string& name) {
  return {MakeNode(name, "VariableV2", {},
                   {{"dtype", DType::kFloat},
                    {"shape", TensorShape{}},
                    {"shared_name", std::string()},
                    {"container", std::string()}}),
          MakeIdentity(name + "/read", name)};
}

// x -> mul = a * x -> y = mul + b; save/Const, save/RestoreV2, save/Assign*, save/restore_all.
inline proto::MetaGraphDef HalfPlusTwo(const std::vector<std::string>& tags = {"serve"}) {
  const AttrMap t = {{"T", DType::kFloat}};
  std::vector<proto::NodeDef> nodes = {
      MakeNode("x", "Placeholder", {}, {{"dtype", DType::kFloat}, {"shape", TensorShape{-1, 1}}})};
  for (const char* name : {"a", "b"}) {
    for (const proto::NodeDef& node : RefVariable(name)) nodes.push_back(node);
  }
  nodes.push_back(MakeNode("mul", "Mul", {"a/read", "x"}, t));
  nodes.push_back(MakeNode("y", "Add", {"mul", "b/read"}, t));
  nodes.push_back(MakeConst("save/Const", Tensor::Scalar<std::string>("model")));
  nodes.push_back(
      MakeConst("save/RestoreV2/tensor_names", Tensor::Of<std::string>({2}, {"a", "b"})));
  nodes.push_back(
      MakeConst("save/RestoreV2/shape_and_slices", Tensor::Of<std::string>({2}, {"", ""})));
  nodes.push_back(
      MakeNode("save/RestoreV2", "RestoreV2",
               {"save/Const", "save/RestoreV2/tensor_names", "save/RestoreV2/shape_and_slices"},
               {{"dtypes", std::vector<DType>{DType::kFloat, DType::kFloat}}}));
  nodes.push_back(MakeNode("save/Assign", "Assign", {"a", "save/RestoreV2"}, t));
  nodes.push_back(MakeNode("save/Assign_1", "Assign", {"b", "save/RestoreV2:1"}, t));
  nodes.push_back(MakeNode("save/restore_all", "NoOp", {"^save/Assign", "^save/Assign_1"}));
  proto::MetaGraphDef def = MetaGraph(nodes);
  for (const std::string& tag : tags) def.mutable_meta_info_def()->add_tags(tag);
  *def.mutable_saver_def() = Parsed<proto::SaverDef>(
      "filename_tensor_name: 'save/Const:0' restore_op_name: 'save/restore_all' version: V2");
  (*def.mutable_signature_def())["serving_default"] = Parsed<proto::SignatureDef>(R"(
      inputs { key: 'x' value { name: 'x:0' dtype: DT_FLOAT
                                tensor_shape { dim { size: -1 } dim { size: 1 } } } }
      outputs { key: 'y' value { name: 'y:0' dtype: DT_FLOAT
                                 tensor_shape { dim { size: -1 } dim { size: 1 } } } }
      method_name: 'tensorflow/serving/predict')");
  return def;
}

inline void WriteModel(const std::string& folder, const std::vector<proto::MetaGraphDef>& metas) {
  proto::SavedModel model;
  model.set_saved_model_schema_version(1);
  for (const proto::MetaGraphDef& meta : metas) *model.add_meta_graphs() = meta;
  EXPECT_THAT(FileSystem::Default().ReplaceAtomically(JoinPath(folder, "saved_model.pb"),
                                                      model.SerializeAsString()),
              IsOk());
}

// <folder>/variables/variables.*, with these values of a and b.
inline void WriteVariables(const std::string& folder, float a = 0.5f, float b = 2) {
  const auto writer =
      BundleWriter::Create(FileSystem::Default(), JoinPath(folder, "variables/variables"));
  ASSERT_THAT(writer, IsOk());
  ASSERT_THAT((*writer)->Add("a", Tensor::Scalar(a)), IsOk());
  ASSERT_THAT((*writer)->Add("b", Tensor::Scalar(b)), IsOk());
  ASSERT_THAT((*writer)->Finish(), IsOk());
}

}  // namespace sluice

#endif  // SLUICE_TESTS_TESTING_HALF_PLUS_TWO_H_
