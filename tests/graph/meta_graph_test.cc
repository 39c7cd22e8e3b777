#include <gmock/gmock.h>
#include <google/protobuf/text_format.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "graph/graph.h"
#include "graph/graph_def.h"
#include "graph/variable.h"
#include "proto/graph.pb.h"
#include "proto/meta_graph.pb.h"
#include "tests/testing/core/status_matchers.h"
#include "tests/testing/def_builder.h"
#include "tests/testing/schema_ops.h"

namespace sluice {
namespace {

using ::testing::ElementsAre;

constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;
constexpr auto kNotFound = absl::StatusCode::kNotFound;

template <typename Message>
Message Parsed(const std::string& text) {
  Message message;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &message)) << text;
  return message;
}

Output TensorNamed(const Graph& graph, const std::string& name) {
  const auto found = graph.FindTensor(name);
  EXPECT_THAT(found, IsOk());
  return found.ok() ? *found : Output();
}

// The nodes of resource variable `name` of two floats with initial value `<name>/initial`.
std::vector<proto::NodeDef> ResourceVariable(const std::string& name) {
  const AttrMap dtype = {{"dtype", DType::kFloat}};
  return {MakeConst(name + "/initial", Tensor::Of<float>({2}, {1, 2})),
          MakeNode(name, "VarHandleOp", {},
                   {{"dtype", DType::kFloat},
                    {"shape", TensorShape{2}},
                    {"shared_name", name},
                    {"container", ""}}),
          MakeNode(name + "/IsInitialized/VarIsInitializedOp", "VarIsInitializedOp", {name}),
          MakeNode(name + "/Assign", "AssignVariableOp", {name, name + "/initial"}, dtype),
          MakeNode(name + "/Read/ReadVariableOp", "ReadVariableOp", {name}, dtype)};
}

std::string ResourceVariableDef(const std::string& name, const std::string& more = "") {
  return Parsed<proto::VariableDef>(absl::StrCat("variable_name: '", name,
                                                 ":0' initializer_name: '", name,
                                                 "/Assign' snapshot_name: '", name,
                                                 "/Read/ReadVariableOp:0' initial_value_name: '",
                                                 name, "/initial:0' is_resource: true ", more))
      .SerializeAsString();
}

proto::MetaGraphDef MetaGraph(const std::vector<proto::NodeDef>& nodes) {
  proto::MetaGraphDef def;
  *def.mutable_graph_def() = MakeGraph(nodes);
  return def;
}

void AddBytes(proto::MetaGraphDef* def, const char* key, const std::vector<std::string>& values) {
  for (const std::string& value : values)
    (*def->mutable_collection_def())[key].mutable_bytes_list()->add_value(value);
}

void AddNames(proto::MetaGraphDef* def, const char* key, const std::vector<std::string>& values) {
  for (const std::string& value : values)
    (*def->mutable_collection_def())[key].mutable_node_list()->add_value(value);
}

// --- import ---

TEST(ImportMetaGraphTest, ResourceVariables) {
  proto::MetaGraphDef def = MetaGraph(ResourceVariable("net/w"));
  AddBytes(&def, "variables", {ResourceVariableDef("net/w", "trainable: true")});
  AddBytes(&def, "trainable_variables", {ResourceVariableDef("net/w", "trainable: true")});
  Graph graph(SchemaOps());
  ASSERT_THAT(ImportMetaGraph(def, &graph), IsOk());

  ASSERT_EQ(graph.GlobalVariables().size(), 1u);
  const Variable w = graph.GlobalVariables()[0];
  EXPECT_EQ(w.op_name(), "net/w");
  EXPECT_EQ(w.name(), "net/w:0");
  EXPECT_EQ(w.dtype(), DType::kFloat);
  EXPECT_EQ(w.shape(), TensorShape{2});
  EXPECT_TRUE(w.trainable());
  EXPECT_EQ(w.handle().name(), "net/w:0");
  EXPECT_EQ(w.value().name(), "net/w/Read/ReadVariableOp:0");
  EXPECT_EQ(w.initializer().name(), "net/w/Assign");
  EXPECT_TRUE(w.initializer().is_operation());
  EXPECT_EQ(w.initial_value().name(), "net/w/initial:0");
  EXPECT_EQ(w.is_initialized().name(), "net/w/IsInitialized/VarIsInitializedOp:0");
  // One handle, whichever collection it was found in.
  ASSERT_EQ(graph.TrainableVariables().size(), 1u);
  EXPECT_TRUE(graph.TrainableVariables()[0] == w);
  // Rule MG-3.
  EXPECT_EQ(graph.FindVariable("net/w"), nullptr);
}

TEST(ImportMetaGraphTest, OldReferenceVariables) {
  const AttrMap t = {{"T", DType::kFloat}};
  proto::MetaGraphDef def = MetaGraph(
      {MakeConst("a/initial_value", Tensor::Scalar(1.0f)),
       MakeNode("a", "VariableV2", {}, {{"dtype", DType::kFloat}, {"shape", TensorShape{}}}),
       MakeNode("a/Assign", "Assign", {"a", "a/initial_value"}, t), MakeIdentity("a/read", "a")});
  // Before TensorFlow 1.13 nothing said trainable, and initial_value_name came in 1.5.
  const std::string record =
      Parsed<proto::VariableDef>(
          "variable_name: 'a:0' initializer_name: 'a/Assign' snapshot_name: 'a/read:0'")
          .SerializeAsString();
  for (const bool trainable : {true, false}) {
    AddBytes(&def, "variables", {record});
    if (trainable) AddBytes(&def, "trainable_variables", {record});
    Graph graph(SchemaOps());
    ASSERT_THAT(ImportMetaGraph(def, &graph), IsOk());
    const Variable a = graph.GlobalVariables().at(0);
    EXPECT_EQ(a.trainable(), trainable);
    EXPECT_EQ(a.dtype(), DType::kFloat);
    EXPECT_EQ(a.shape(), TensorShape{});
    EXPECT_EQ(a.handle().name(), "a:0");
    EXPECT_EQ(a.handle().dtype(), RefType(DType::kFloat));
    EXPECT_EQ(a.value().name(), "a/read:0");
    EXPECT_TRUE(a.initial_value().empty());
    EXPECT_TRUE(a.is_initialized().empty());
    def.clear_collection_def();
  }
}

TEST(ImportMetaGraphTest, OtherCollections) {
  proto::MetaGraphDef def = MetaGraph(
      {MakeConst("c", Tensor::Scalar(1.0f)), MakeIdentity("loss", "c"), MakeNode("train", "NoOp")});
  AddNames(&def, "losses", {"loss:0", "c:0"});
  AddNames(&def, "train_op", {"train"});
  AddBytes(&def, "strings", {"one", std::string("\0two", 4)});
  AddBytes(&def, "while_context", {"not looked at"});
  auto& collections = *def.mutable_collection_def();
  for (const int64_t i : {3, -4}) collections["ints"].mutable_int64_list()->add_value(i);
  collections["floats"].mutable_float_list()->add_value(0.5f);
  collections["any"].mutable_any_list()->add_value();
  collections["nothing"];
  Graph graph(SchemaOps());
  ASSERT_THAT(ImportMetaGraph(def, &graph), IsOk());
  EXPECT_THAT(graph.CollectionKeys(),
              ElementsAre("floats", "ints", "losses", "strings", "train_op", "while_context"));
  EXPECT_THAT(graph.OutputsIn("losses"),
              ElementsAre(TensorNamed(graph, "loss:0"), TensorNamed(graph, "c:0")));
  ASSERT_EQ(graph.OutputsIn("train_op").size(), 1u);
  EXPECT_TRUE(graph.OutputsIn("train_op")[0].is_operation());
  EXPECT_THAT(graph.GetCollection("ints"),
              ElementsAre(CollectionItem(int64_t{3}), CollectionItem(int64_t{-4})));
  EXPECT_THAT(graph.GetCollection("floats"), ElementsAre(CollectionItem(0.5f)));
  EXPECT_THAT(graph.GetCollection("strings"), ElementsAre(CollectionItem(std::string("one")),
                                                          CollectionItem(std::string("\0two", 4))));
}

TEST(ImportMetaGraphTest, AScopeGoesBeforeAllNames) {
  proto::MetaGraphDef def = MetaGraph(ResourceVariable("w"));
  AddBytes(&def, "variables", {ResourceVariableDef("w")});
  AddNames(&def, "losses", {"w/Read/ReadVariableOp:0"});
  AddBytes(&def, "strings", {"w"});
  AddBytes(&def, "cond_context", {"names nodes inside"});
  Graph graph(SchemaOps());
  for (const char* prefix : {"in", "in_1"}) {
    graph.ClearCollection("variables");
    graph.ClearCollection("losses");
    graph.ClearCollection("strings");
    ASSERT_THAT(ImportMetaGraph(def, &graph, "in"), IsOk());
    const Variable w = graph.GlobalVariables().at(0);
    EXPECT_EQ(w.op_name(), absl::StrCat(prefix, "/w"));
    EXPECT_EQ(w.initializer().name(), absl::StrCat(prefix, "/w/Assign"));
    EXPECT_EQ(w.is_initialized().node()->name(),
              absl::StrCat(prefix, "/w/IsInitialized/VarIsInitializedOp"));
    EXPECT_EQ(graph.OutputsIn("losses").at(0).name(),
              absl::StrCat(prefix, "/w/Read/ReadVariableOp:0"));
    EXPECT_THAT(graph.GetCollection("strings"),
                ElementsAre(CollectionItem(absl::StrCat(prefix, "/w"))));
    EXPECT_TRUE(graph.GetCollection("cond_context").empty());
  }
}

TEST(ImportMetaGraphTest, CollectionsFollowNodesThatWereRenamed) {
  proto::MetaGraphDef def = MetaGraph(ResourceVariable("w"));
  AddBytes(&def, "variables", {ResourceVariableDef("w")});
  Graph graph(SchemaOps());
  ASSERT_THAT(ImportMetaGraph(def, &graph), IsOk());
  ASSERT_THAT(ImportMetaGraph(def, &graph), IsOk());
  ASSERT_EQ(graph.GlobalVariables().size(), 2u);
  EXPECT_EQ(graph.GlobalVariables()[1].op_name(), "w_1");
  EXPECT_EQ(graph.GlobalVariables()[1].initializer().name(), "w/Assign_1");
}

TEST(ImportMetaGraphTest, AttrsAtTheDefaultOfTheWriterAreLeftOut) {
  proto::MetaGraphDef def = MetaGraph({MakeNode("n", "NoOp", {}, {{"colour", "red"}})});
  Graph graph(SchemaOps());
  EXPECT_THAT(ImportMetaGraph(def, &graph), StatusIs(kInvalid, "attr 'colour'"));
  *def.mutable_meta_info_def()->mutable_stripped_op_list() = Parsed<proto::OpList>(
      "op { name: 'NoOp' attr { name: 'colour' type: 'string' default_value { s: 'red' } } }");
  EXPECT_THAT(ImportMetaGraph(def, &graph), IsOk());
}

TEST(ImportMetaGraphTest, Refusals) {
  struct Row {
    const char* name;
    const char* key;
    std::vector<std::string> bytes, names;
    absl::StatusCode code;
    const char* message;
  };
  const auto record = [](const char* text) {
    return Parsed<proto::VariableDef>(text).SerializeAsString();
  };
  const Row rows[] = {
      {"damaged", "variables", {"\x0a\x7f"}, {}, kInvalid, "collection 'variables': damaged bytes"},
      {"damaged, trainable", "trainable_variables", {"\x0a\x7f"}, {}, kInvalid, "damaged bytes"},
      {"no name", "variables", {""}, {}, kNotFound, "the graph has no node ''"},
      {"no such variable", "variables", {ResourceVariableDef("v")}, {}, kNotFound, "no node 'v:0'"},
      {"bad output number", "variables", {record("variable_name: 'w:x'")}, {}, kInvalid, "'w:x'"},
      {"no such initializer",
       "local_variables",
       {record("variable_name: 'w:0' is_resource: true initializer_name: 'x'")},
       {},
       kNotFound,
       "no node 'x'"},
      {"no such snapshot",
       "variables",
       {record("variable_name: 'w:0' is_resource: true snapshot_name: 'w/initial:3'")},
       {},
       kNotFound,
       "node 'w/initial' has 1 outputs, asked for 'w/initial:3'"},
      {"a resource said to be a reference",
       "variables",
       {record("variable_name: 'w:0'")},
       {},
       kInvalid,
       "variable 'w:0' must be a reference, got resource"},
      {"a number said to be a resource",
       "variables",
       {record("variable_name: 'w/initial:0' is_resource: true")},
       {},
       kInvalid,
       "must be a resource, got float32"},
      {"an operation for a variable",
       "variables",
       {record("variable_name: 'w/Assign' is_resource: true")},
       {},
       kInvalid,
       "'w/Assign' must be a tensor, but has no outputs"},
      {"no such node",
       "losses",
       {},
       {"w:0", "gone:0"},
       kNotFound,
       "collection 'losses': the graph has no node 'gone:0'"},
  };
  for (const Row& row : rows) {
    proto::MetaGraphDef def = MetaGraph(ResourceVariable("w"));
    AddNames(&def, "a_good_one", {"w:0"});
    AddBytes(&def, row.key, row.bytes);
    AddNames(&def, row.key, row.names);
    Graph graph(SchemaOps());
    EXPECT_THAT(ImportMetaGraph(def, &graph, "in"), StatusIs(row.code, row.message)) << row.name;
    // All or nothing, here too.
    EXPECT_EQ(graph.num_nodes(), 0) << row.name;
    EXPECT_TRUE(graph.CollectionKeys().empty()) << row.name;
    EXPECT_EQ(graph.UniqueName("in", false), "in") << row.name;
  }
}

// --- export ---

TEST(ToMetaGraphDefTest, InfoAndShapes) {
  Graph graph(SchemaOps());
  ASSERT_THAT(ImportGraphDef(MakeGraph({MakeConst("c", Tensor::Of<float>({2}, {1, 2})),
                                        MakeNode("u", "Unknown"), MakeIdentity("x", "c")}),
                             &graph),
              IsOk());
  proto::MetaGraphDef def;
  ASSERT_THAT(ToMetaGraphDef(graph, &def), IsOk());
  EXPECT_EQ(def.meta_info_def().tensorflow_version(), "1.15.0");
  std::vector<std::string> ops;
  for (const auto& op : def.meta_info_def().stripped_op_list().op()) ops.push_back(op.name());
  EXPECT_THAT(ops, ElementsAre("Const", "Identity"));
  EXPECT_EQ(def.graph_def().node(2).attr().at("_output_shapes").ShortDebugString(),
            "list { shape { dim { size: 2 } } }");
}

TEST(ToMetaGraphDefTest, Collections) {
  Graph graph(SchemaOps());
  ASSERT_THAT(ImportGraphDef(MakeGraph(ResourceVariable("w")), &graph), IsOk());
  auto data = std::make_shared<Variable::Data>();
  data->op_name = "w";
  data->handle = TensorNamed(graph, "w:0");
  data->value = TensorNamed(graph, "w/Read/ReadVariableOp:0");
  data->initializer = graph.FindNode("w/Assign")->operation();
  data->initial_value = TensorNamed(graph, "w/initial:0");
  data->trainable = true;
  const Variable w(data);
  graph.AddToCollection("variables", w);
  graph.AddToCollection("weights", w);
  graph.AddToCollection("weights", data->value);
  graph.AddToCollection("train_op", data->initializer);
  graph.AddToCollection("ints", int64_t{-7});
  graph.AddToCollection("floats", 0.5f);
  graph.AddToCollection("savers", std::string("bytes"));
  graph.AddToCollection("mixed", int64_t{3});
  graph.AddToCollection("mixed", 3.5f);
  graph.AddToCollection("global_step", w);
  graph.AddToCollection("global_step", data->value);

  proto::MetaGraphDef def;
  ASSERT_THAT(ToMetaGraphDef(graph, &def), IsOk());
  proto::MetaGraphDef expected;
  AddBytes(&expected, "variables", {ResourceVariableDef("w", "trainable: true")});
  AddNames(&expected, "weights", {"w:0", "w/Read/ReadVariableOp:0"});
  AddNames(&expected, "train_op", {"w/Assign"});
  AddBytes(&expected, "savers", {"bytes"});
  (*expected.mutable_collection_def())["ints"].mutable_int64_list()->add_value(-7);
  (*expected.mutable_collection_def())["floats"].mutable_float_list()->add_value(0.5f);
  def.clear_graph_def();
  def.clear_meta_info_def();
  EXPECT_EQ(def.DebugString(), expected.DebugString());
}

TEST(ToMetaGraphDefTest, AFailedGraphGivesItsError) {
  Graph graph(SchemaOps());
  graph.SetError(absl::NotFoundError("the first error"));
  proto::MetaGraphDef def;
  EXPECT_THAT(ToMetaGraphDef(graph, &def), StatusIs(kNotFound, "the first error"));
}

TEST(ToMetaGraphDefTest, ImportAndExportChangeNothing) {
  Graph graph(SchemaOps());
  proto::MetaGraphDef def = MetaGraph(ResourceVariable("w"));
  // A part of a partitioned variable.
  AddBytes(&def, "variables",
           {ResourceVariableDef("w",
                                "trainable: true aggregation: VARIABLE_AGGREGATION_MEAN "
                                "save_slice_info_def { full_name: 'whole' full_shape: 4 "
                                "var_offset: 2 var_shape: 2 }")});
  AddNames(&def, "losses", {"w/Read/ReadVariableOp:0"});
  AddNames(&def, "train_op", {"w/Assign"});
  AddBytes(&def, "cond_context", {"some record"});
  ASSERT_THAT(ImportMetaGraph(def, &graph), IsOk());
  proto::MetaGraphDef first, second;
  ASSERT_THAT(ToMetaGraphDef(graph, &first), IsOk());
  for (const auto& [key, collection] : def.collection_def()) {
    EXPECT_EQ(first.collection_def().at(key).DebugString(), collection.DebugString()) << key;
  }
  Graph again(SchemaOps());
  ASSERT_THAT(ImportMetaGraph(first, &again), IsOk());
  ASSERT_THAT(ToMetaGraphDef(again, &second), IsOk());
  const auto bytes = SerializeMetaGraphDef(first);
  ASSERT_THAT(bytes, IsOk());
  EXPECT_EQ(*SerializeMetaGraphDef(second), *bytes);
}

}  // namespace
}  // namespace sluice
