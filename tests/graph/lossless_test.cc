// An import followed by an export gives the file back, field by field, with fields that Sluice does
// not know.
#include <google/protobuf/message.h>
#include <google/protobuf/text_format.h>
#include <google/protobuf/unknown_field_set.h>

#include <string>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "graph/graph.h"
#include "graph/graph_def.h"
#include "graph/proto_io.h"
#include "gtest/gtest.h"
#include "ops/all_ops.h"
#include "proto/graph.pb.h"
#include "proto/meta_graph.pb.h"
#include "tests/testing/core/status_matchers.h"

namespace sluice {
namespace {

proto::GraphDef Parse(const std::string& text) {
  proto::GraphDef def;
  EXPECT_THAT(ParseGraphDef(text, /*text=*/true, &def), IsOk());
  return def;
}

std::string Bytes(const google::protobuf::Message& message) {
  const absl::StatusOr<std::string> bytes = SerializeMessage(message);
  EXPECT_THAT(bytes, IsOk());
  return bytes.value_or("");
}

proto::GraphDef RoundTrip(const proto::GraphDef& def, const ExportOptions& options = {}) {
  Graph graph(ops::Builtin());
  EXPECT_THAT(ImportGraphDef(def, &graph), IsOk());
  proto::GraphDef out;
  EXPECT_THAT(ToGraphDef(graph, &out, options), IsOk());
  return out;
}

struct Case {
  const char* name;
  const char* text;
};

class LosslessTest : public ::testing::TestWithParam<Case> {};

TEST_P(LosslessTest, GivesTheFileBack) {
  const proto::GraphDef def = Parse(GetParam().text);
  const proto::GraphDef out = RoundTrip(def);
  EXPECT_EQ(out.DebugString(), def.DebugString());
  EXPECT_EQ(Bytes(out), Bytes(def));
}

constexpr char kForeignConstants[] =
    R"(node { name: "r" op: "Const" attr { key: "dtype" value { type: DT_RESOURCE } }
               attr { key: "value" value { tensor { dtype: DT_RESOURCE tensor_shape { }
                 resource_handle_val { name: "h" } } } } }
        node { name: "f" op: "Const" attr { key: "dtype" value { type: 29 } }
               attr { key: "value" value { tensor { dtype: 29 tensor_shape { } int_val: 3 } } } }
        node { name: "u" op: "Frobnicate" attr { key: "t" value { tensor { dtype: DT_VARIANT
                 tensor_shape { } variant_val { type_name: "x" } } } } }
        node { name: "i" op: "Identity" input: "f" attr { key: "T" value { type: 29 } } })";

constexpr Case kCases[] = {
    {"Nothing", ""},
    {"NoVersions", R"(node { name: "n" op: "NoOp" })"},
    {"OldVersionField", R"(node { name: "n" op: "NoOp" } version: 8)"},
    {"Versions",
     R"(node { name: "n" op: "NoOp" }
        versions { producer: 440 min_consumer: 12 bad_consumers: [ 3, 4 ] })"},
    {"AnyOrder",
     R"(node { name: "c" op: "NoOp" input: "^b" }
        node { name: "a" op: "NoOp" }
        node { name: "b" op: "NoOp" input: "^a" })"},
    {"SpelledOutputsAndControlInputsInAnyOrder",
     R"(node { name: "z" op: "NoOp" }
        node { name: "y" op: "NoOp" }
        node { name: "x" op: "Placeholder" attr { key: "dtype" value { type: DT_FLOAT } } }
        node { name: "i" op: "Identity" input: "x:0" input: "^z" input: "^y" input: "^z"
               attr { key: "T" value { type: DT_FLOAT } } })"},
    {"DefaultsAbsentAndPresent",
     R"(node { name: "x" op: "Placeholder" attr { key: "dtype" value { type: DT_FLOAT } } }
        node { name: "a" op: "MatMul" input: "x" input: "x"
               attr { key: "T" value { type: DT_FLOAT } } }
        node { name: "b" op: "MatMul" input: "x" input: "x"
               attr { key: "T" value { type: DT_FLOAT } }
               attr { key: "transpose_a" value { b: false } } })"},
    {"AttributesOfLaterReleases",
     R"(node { name: "x" op: "Placeholder" attr { key: "dtype" value { type: DT_FLOAT } } }
        node { name: "e" op: "Equal" input: "x" input: "x"
               attr { key: "T" value { type: DT_FLOAT } }
               attr { key: "incompatible_shape_error" value { b: true } } })"},
    {"HintsOfLaterReleases",
     R"(node { name: "v" op: "VarHandleOp" attr { key: "dtype" value { type: DT_FLOAT } }
               attr { key: "shape" value { shape { } } }
               attr { key: "allowed_devices" value { list { s: "/device:CPU:0" } } }
               attr { key: "debug_name" value { s: "dense/kernel/" } } })"},
    {"AScalarThatMeansUnknown",
     R"(node { name: "x" op: "Placeholder" attr { key: "dtype" value { type: DT_FLOAT } }
               attr { key: "shape" value { shape { } } } }
        versions { producer: 19 })"},
    {"AnnotationsAndShapes",
     R"(node { name: "x" op: "Placeholder" attr { key: "dtype" value { type: DT_FLOAT } }
               attr { key: "_output_shapes" value { list { shape { dim { size: 2 } } } } }
               attr { key: "_class" value { list { s: "loc:@x" } } }
               attr { key: "_empty" value { list { } } }
               attr { key: "_nothing" value { } } })"},
    {"ConstantsInEveryEncoding",
     R"(node { name: "a" op: "Const" attr { key: "dtype" value { type: DT_FLOAT } }
               attr { key: "value" value { tensor { dtype: DT_FLOAT
                 tensor_shape { dim { size: 3 } } float_val: 1.5 } } } }
        node { name: "b" op: "Const" attr { key: "dtype" value { type: DT_FLOAT } }
               attr { key: "value" value { tensor { dtype: DT_FLOAT
                 tensor_shape { dim { size: 2 name: "rows" } } float_val: [ 1.5, 2.5 ] } } } }
        node { name: "c" op: "Const" attr { key: "dtype" value { type: DT_FLOAT } }
               attr { key: "value" value { tensor { dtype: DT_FLOAT tensor_shape { }
                 tensor_content: "\000\000\200?" } } } }
        node { name: "d" op: "Const" attr { key: "dtype" value { type: DT_INT32 } }
               attr { key: "value" value { tensor { dtype: DT_INT32
                 tensor_shape { dim { size: 2 } } version_number: 7
                 tensor_content: "\001\000\000\000\002\000\000\000" } } } }
        node { name: "e" op: "Const" attr { key: "dtype" value { type: DT_INT32 } }
               attr { key: "value" value { tensor { dtype: DT_INT32
                 tensor_shape { dim { size: 2 } } int_val: 9
                 tensor_content: "\001\000\000\000\002\000\000\000" } } } })"},
    {"UnknownOps",
     R"(node { name: "u" op: "Frobnicate" device: "/device:GPU:*"
               attr { key: "f" value { func { name: "g" attr { key: "T" value { i: 1 } } } } }
               attr { key: "l" value { list { f: [ 1, 2 ] } } } }
        node { name: "v" op: "Identity" input: "u:2" attr { key: "T" value { type: DT_FLOAT } } })"},
    {"ConstantsThatNoTensorHolds", kForeignConstants},
    {"DebugInfo",
     R"(node { name: "n" op: "NoOp"
               experimental_debug_info { original_node_names: "m" original_func_names: "f" } })"},
    {"EmptyLibrary", R"(node { name: "n" op: "NoOp" } library { })"},
    {"Functions",
     R"(node { name: "n" op: "NoOp" }
        library {
          function { signature { name: "f" input_arg { name: "x" type: DT_FLOAT }
                                 output_arg { name: "y" type: DT_FLOAT } }
                     node_def { name: "i" op: "Identity" input: "x"
                                attr { key: "T" value { placeholder: "T" } } }
                     ret { key: "y" value: "i:output:0" } }
          gradient { function_name: "f" gradient_func: "g" } })"},
};
INSTANTIATE_TEST_SUITE_P(Files, LosslessTest, ::testing::ValuesIn(kCases),
                         [](const auto& info) { return info.param.name; });

void AddUnknown(int number, google::protobuf::Message* message) {
  message->GetReflection()->MutableUnknownFields(message)->AddLengthDelimited(number, "kept");
}

TEST(LosslessUnknownFieldsTest, SurviveWhereverTheyAre) {
  proto::GraphDef def = Parse(
      R"(node { name: "c" op: "Const" attr { key: "dtype" value { type: DT_FLOAT } }
                attr { key: "value" value { tensor { dtype: DT_FLOAT
                  tensor_shape { dim { size: 2 } }
                  tensor_content: "\000\000\200?\000\000\200?" } } } }
         library { function { signature { name: "f" } } })");
  AddUnknown(500, &def);
  AddUnknown(501, def.mutable_node(0));
  AddUnknown(502, &(*def.mutable_node(0)->mutable_attr())["value"]);
  AddUnknown(503, (*def.mutable_node(0)->mutable_attr())["value"].mutable_tensor());
  AddUnknown(504, (*def.mutable_node(0)->mutable_attr())["dtype"].mutable_list());
  (*def.mutable_node(0)->mutable_attr())["dtype"].set_type(proto::DT_FLOAT);
  AddUnknown(505, def.mutable_library());
  AddUnknown(506, def.mutable_library()->mutable_function(0));
  EXPECT_EQ(Bytes(RoundTrip(def)), Bytes(def));
}

TEST(LosslessTest, UnderAPrefixNamesChangeAndNothingElse) {
  const proto::GraphDef def = Parse(
      R"(node { name: "b" op: "Identity" input: "a:0" attr { key: "T" value { type: DT_FLOAT } }
                attr { key: "_class" value { list { s: "loc:@a" } } } }
         node { name: "a" op: "Const" attr { key: "dtype" value { type: DT_FLOAT } }
                attr { key: "value" value { tensor { dtype: DT_FLOAT
                  tensor_shape { dim { size: 3 } } float_val: 1.5 } } } })");
  Graph graph(ops::Builtin());
  ASSERT_THAT(ImportGraphDef(def, &graph, {.prefix = "p"}), IsOk());
  proto::GraphDef out;
  ASSERT_THAT(ToGraphDef(graph, &out), IsOk());
  proto::GraphDef expected = def;
  expected.mutable_node(0)->set_name("p/b");
  expected.mutable_node(0)->set_input(0, "p/a");
  (*expected.mutable_node(0)->mutable_attr())["_class"].mutable_list()->set_s(0, "loc:@p/a");
  expected.mutable_node(1)->set_name("p/a");
  EXPECT_EQ(out.DebugString(), expected.DebugString());
}

TEST(LosslessTest, StrippingDefaultsAndShapesStillWork) {
  const proto::GraphDef def = Parse(
      R"(node { name: "x" op: "Placeholder" attr { key: "dtype" value { type: DT_FLOAT } }
                attr { key: "shape" value { shape { dim { size: 2 } dim { size: 2 } } } } }
         node { name: "b" op: "MatMul" input: "x:0" input: "x"
                attr { key: "T" value { type: DT_FLOAT } }
                attr { key: "transpose_a" value { b: false } }
                attr { key: "transpose_b" value { b: true } } })");
  const proto::GraphDef stripped = RoundTrip(def, {.strip_default_attrs = true});
  EXPECT_EQ(stripped.node(1).attr().count("transpose_a"), 0u);
  EXPECT_TRUE(stripped.node(1).attr().at("transpose_b").b());
  const proto::GraphDef shaped = RoundTrip(def, {.add_shapes = true});
  EXPECT_EQ(shaped.node(1).attr().at("_output_shapes").list().shape(0).dim(1).size(), 2);
}

// They show and export, and only a run that needs them fails.
TEST(LosslessTest, ConstantsThatNoTensorHoldsAreOpaque) {
  Graph graph(ops::Builtin());
  ASSERT_THAT(ImportGraphDef(Parse(kForeignConstants), &graph), IsOk());
  EXPECT_TRUE(graph.FindNode("r")->spec().opaque());
  EXPECT_TRUE(graph.FindNode("f")->spec().opaque());
}

TEST(LosslessTest, HintsMustHaveTheirType) {
  Graph graph(ops::Builtin());
  const auto def = [](const char* value) {
    return Parse(absl::StrCat(R"(node { name: "v" op: "VarHandleOp"
                                        attr { key: "dtype" value { type: DT_FLOAT } }
                                        attr { key: "shape" value { shape { } } }
                                        attr { key: "debug_name" value {)",
                              value, " } } }"));
  };
  EXPECT_FALSE(ImportGraphDef(def("i: 1"), &graph).ok());
  EXPECT_FALSE(ImportGraphDef(def("list { s: 'a' }"), &graph).ok());
  EXPECT_THAT(ImportGraphDef(def("s: 'a'"), &graph), IsOk());
}

// TensorFlow's GraphConstructor::UpdateVersionDef.
TEST(LosslessTest, VersionsOfSeveralFilesAreWhatAllAllow) {
  Graph graph(ops::Builtin());
  const auto import = [&](const char* text) {
    ASSERT_THAT(ImportGraphDef(Parse(text), &graph), IsOk());
  };
  import(R"(node { name: "a" op: "NoOp" } versions { producer: 26 bad_consumers: 5 })");
  import(R"(node { name: "b" op: "NoOp" }
            versions { producer: 22 min_consumer: 12 bad_consumers: [ 5, 6 ] })");
  proto::GraphDef out;
  ASSERT_THAT(ToGraphDef(graph, &out), IsOk());
  EXPECT_EQ(out.versions().ShortDebugString(),
            "producer: 22 min_consumer: 12 bad_consumers: 5 bad_consumers: 6");
}

TEST(LosslessTest, AFailedImportLeavesNoTrace) {
  Graph graph(ops::Builtin());
  ASSERT_THAT(ImportGraphDef(Parse(R"(node { name: "a" op: "NoOp" input: "^b" }
                                      node { name: "b" op: "NoOp" } versions { producer: 20 })"),
                             &graph),
              IsOk());
  EXPECT_FALSE(ImportGraphDef(Parse(R"(node { name: "c" op: "NoOp" }
                                       node { name: "d" op: "Identity" input: "c" }
                                       versions { producer: 3 })"),
                              &graph)
                   .ok());
  proto::GraphDef out;
  ASSERT_THAT(ToGraphDef(graph, &out), IsOk());
  EXPECT_EQ(out.node_size(), 2);
  EXPECT_EQ(out.node(0).name(), "a");
  EXPECT_EQ(out.versions().producer(), 20);
}

// MG-1: with the message that a graph came from, an export says all that it said.
TEST(LosslessMetaGraphTest, WithItsBase) {
  proto::MetaGraphDef def;
  ASSERT_TRUE(google::protobuf::TextFormat::ParseFromString(
      R"(meta_info_def {
           tags: "serve" tags: "gpu" tensorflow_version: "1.4.1" tensorflow_git_version: "v1"
           stripped_op_list { op { name: "Variable" } op { name: "Assign" } op { name: "NoOp" }
                              op { name: "Const" } op { name: "Identity" } } }
         graph_def {
           node { name: "v" op: "Variable" attr { key: "dtype" value { type: DT_FLOAT } }
                  attr { key: "shape" value { shape { } } } }
           node { name: "c" op: "Const" attr { key: "dtype" value { type: DT_FLOAT } }
                  attr { key: "value" value { tensor { dtype: DT_FLOAT tensor_shape { }
                                                       float_val: 1 } } } }
           node { name: "v/Assign" op: "Assign" input: "v" input: "c"
                  attr { key: "T" value { type: DT_FLOAT } } }
           node { name: "v/read" op: "Identity" input: "v"
                  attr { key: "T" value { type: DT_FLOAT } } } }
         saver_def { filename_tensor_name: "save/Const" version: V2 }
         collection_def { key: "variables" value { bytes_list {
           value: "\n\003v:0\022\010v/Assign\032\010v/read:0" } } }
         collection_def { key: "trainable_variables" value { bytes_list {
           value: "\n\003v:0\022\010v/Assign\032\010v/read:0" } } }
         collection_def { key: "saved_model_assets" value { any_list { value {
           type_url: "type.googleapis.com/tensorflow.AssetFileDef" value: "\022\001a" } } } }
         collection_def { key: "nothing" value { node_list { } } }
         signature_def { key: "s" value { method_name: "m"
                         inputs { key: "x" value { name: "c:0" dtype: DT_FLOAT } } } }
         asset_file_def { filename: "a" })",
      &def));
  AddUnknown(7, &def);  // object_graph_def
  Graph graph(ops::Builtin());
  ASSERT_THAT(ImportMetaGraph(def, &graph), IsOk());
  EXPECT_TRUE(graph.TrainableVariables().at(0).trainable());
  proto::MetaGraphDef out;
  ASSERT_THAT(ToMetaGraphDef(graph, &out, {.base = &def}), IsOk());
  EXPECT_EQ(out.DebugString(), def.DebugString());
  EXPECT_EQ(Bytes(out), Bytes(def));
}

TEST(LosslessMetaGraphTest, Options) {
  Graph graph(ops::Builtin());
  ASSERT_THAT(ImportGraphDef(Parse(R"(node { name: "n" op: "NoOp" })"), &graph), IsOk());
  graph.AddToCollection("a", int64_t{1});
  graph.AddToCollection("b", int64_t{2});
  proto::MetaGraphDef out;
  ASSERT_THAT(ToMetaGraphDef(graph, &out, {.strip_default_attrs = true, .collection_list = {"b"}}),
              IsOk());
  EXPECT_TRUE(out.meta_info_def().stripped_default_attrs());
  EXPECT_EQ(out.collection_def_size(), 1);
  EXPECT_EQ(out.collection_def().count("b"), 1u);
}

}  // namespace
}  // namespace sluice
