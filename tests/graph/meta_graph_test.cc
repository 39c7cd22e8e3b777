#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
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
#include "tests/testing/meta_graph_builder.h"
#include "tests/testing/schema_ops.h"

namespace sluice {
namespace {

using ::testing::ElementsAre;

constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;
constexpr auto kNotFound = absl::StatusCode::kNotFound;

// --- import ---

// COL-7
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
  // One handle, whichever collection it was found in (COL-7).
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

// COL-7
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

// COL-7: the scope, or the unique version of it, also before strings.
// MG-2
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
    ASSERT_THAT(ImportMetaGraph(def, &graph, {.import_scope = "in"}), IsOk());
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
    EXPECT_THAT(ImportMetaGraph(def, &graph, {.import_scope = "in"}),
                StatusIs(row.code, row.message))
        << row.name;
    // All or nothing, here too.
    EXPECT_EQ(graph.num_nodes(), 0) << row.name;
    EXPECT_TRUE(graph.CollectionKeys().empty()) << row.name;
    EXPECT_EQ(graph.UniqueName("in", false), "in") << row.name;
  }
}

// --- export ---

// MG-1
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

// COL-6: lists by kind, VariableDef for variables, nothing for an empty or a mixed collection.
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
  graph.SetCollection("empty", {});
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

// COL-6 and COL-7 together, VAR-12
TEST(ToMetaGraphDefTest, ImportAndExportChangeNothing) {
  Graph graph(SchemaOps());
  proto::MetaGraphDef def = MetaGraph(ResourceVariable("w"));
  // A part of a partitioned variable.
  AddBytes(&def, "variables",
           {ResourceVariableDef("w",
                                "trainable: true aggregation: VARIABLE_AGGREGATION_MEAN "
                                "synchronization: VARIABLE_SYNCHRONIZATION_ON_WRITE "
                                "save_slice_info_def { full_name: 'whole' full_shape: 4 "
                                "var_offset: 2 var_shape: 2 }")});
  AddNames(&def, "losses", {"w/Read/ReadVariableOp:0"});
  AddNames(&def, "train_op", {"w/Assign"});
  for (const char* key : {"cond_context", "while_context", "queue_runners", "savers"})
    AddBytes(&def, key, {absl::StrCat("some record of ", key), std::string("\0", 1)});
  AddBytes(&def, "bytes", {std::string("\0\xff", 2), "", "", "b"});
  auto& collections = *def.mutable_collection_def();
  for (const int64_t i : {int64_t{1} << 62, int64_t{-1}, int64_t{-1}})
    collections["ints"].mutable_int64_list()->add_value(i);
  for (const float f : {-0.0f, 1e-42f, 3.0f})
    collections["floats"].mutable_float_list()->add_value(f);
  ASSERT_THAT(ImportMetaGraph(def, &graph), IsOk());
  proto::MetaGraphDef first, second;
  ASSERT_THAT(ToMetaGraphDef(graph, &first), IsOk());
  for (const auto& [key, collection] : def.collection_def()) {
    EXPECT_EQ(first.collection_def().at(key).SerializeAsString(), collection.SerializeAsString())
        << key;
  }
  EXPECT_EQ(first.collection_def_size(), def.collection_def_size());
  Graph again(SchemaOps());
  ASSERT_THAT(ImportMetaGraph(first, &again), IsOk());
  ASSERT_THAT(ToMetaGraphDef(again, &second), IsOk());
  const auto bytes = SerializeMetaGraphDef(first);
  ASSERT_THAT(bytes, IsOk());
  EXPECT_EQ(*SerializeMetaGraphDef(second), *bytes);
}

// VAR-12: what a program said of a variable, and where a part lies in the whole.
TEST(ToMetaGraphDefTest, EverythingThatAVariableDefSays) {
  Graph graph(SchemaOps());
  ASSERT_THAT(ImportGraphDef(MakeGraph(ResourceVariable("whole/part_1")), &graph), IsOk());
  auto data = std::make_shared<Variable::Data>();
  data->op_name = "whole/part_1";
  data->handle = TensorNamed(graph, "whole/part_1:0");
  data->value = TensorNamed(graph, "whole/part_1/Read/ReadVariableOp:0");
  data->initializer = graph.FindNode("whole/part_1/Assign")->operation();
  data->initial_value = TensorNamed(graph, "whole/part_1/initial:0");
  data->trainable = false;
  data->synchronization = VariableSynchronization::kOnRead;
  data->aggregation = VariableAggregation::kSum;
  data->save_slice_info = SaveSliceInfo{
      .full_name = "whole", .full_shape = {5, 3}, .var_offset = {3, 0}, .var_shape = {2, 3}};
  auto whole = std::make_shared<Variable::Data>();
  whole->op_name = "whole";
  whole->parts = {Variable(data)};
  // A partitioned variable is written as its parts.
  graph.AddToCollection("local_variables", Variable(whole));
  proto::MetaGraphDef def;
  ASSERT_THAT(ToMetaGraphDef(graph, &def), IsOk());
  const auto& written = def.collection_def().at("local_variables").bytes_list();
  ASSERT_EQ(written.value_size(), 1);
  EXPECT_EQ(Parsed<proto::VariableDef>(
                "variable_name: 'whole/part_1:0' initializer_name: 'whole/part_1/Assign' "
                "snapshot_name: 'whole/part_1/Read/ReadVariableOp:0' "
                "initial_value_name: 'whole/part_1/initial:0' is_resource: true "
                "synchronization: VARIABLE_SYNCHRONIZATION_ON_READ "
                "aggregation: VARIABLE_AGGREGATION_SUM "
                "save_slice_info_def { full_name: 'whole' full_shape: [5, 3] "
                "var_offset: [3, 0] var_shape: [2, 3] }")
                .SerializeAsString(),
            written.value(0));

  Graph again(SchemaOps());
  ASSERT_THAT(ImportMetaGraph(def, &again), IsOk());
  const Variable read = again.LocalVariables().at(0);
  EXPECT_FALSE(read.trainable());
  EXPECT_EQ(read.data().synchronization, VariableSynchronization::kOnRead);
  EXPECT_EQ(read.data().aggregation, VariableAggregation::kSum);
  ASSERT_TRUE(read.data().save_slice_info.has_value());
  EXPECT_EQ(read.data().save_slice_info->full_name, "whole");
  EXPECT_EQ(read.data().save_slice_info->full_shape, (TensorShape{5, 3}));
  EXPECT_THAT(read.data().save_slice_info->var_offset, ElementsAre(3, 0));
  EXPECT_EQ(read.data().save_slice_info->var_shape, (TensorShape{2, 3}));

  // Below a scope, the whole lies there too (COL-7).
  ASSERT_THAT(ImportMetaGraph(def, &again, {.import_scope = "in"}), IsOk());
  EXPECT_EQ(again.LocalVariables().at(1).data().save_slice_info->full_name, "in/whole");
}

TEST(ImportMetaGraphTest, APartMustLieInTheWhole) {
  for (const char* slice : {
           "full_shape: 4 var_offset: 3 var_shape: 2",
           "full_shape: 4 var_offset: -1 var_shape: 2",
           "full_shape: 4 var_offset: 9223372036854775807 var_shape: 2",
           "full_shape: 4 var_offset: 2 var_shape: -2",
           "full_shape: -1 var_offset: 0 var_shape: 0",
           "full_shape: 4 var_shape: 2",
           "full_shape: 4 var_offset: 0",
       }) {
    proto::MetaGraphDef def = MetaGraph(ResourceVariable("w"));
    AddBytes(&def, "variables",
             {ResourceVariableDef(
                 "w", absl::StrCat("save_slice_info_def { full_name: 'whole' ", slice, " }"))});
    Graph graph(SchemaOps());
    EXPECT_THAT(ImportMetaGraph(def, &graph),
                StatusIs(kInvalid, "variable 'w': save_slice_info_def: a part of shape"))
        << slice;
    EXPECT_EQ(graph.num_nodes(), 0);
  }
}

TEST(ImportMetaGraphTest, DevicesCanBeCleared) {
  proto::NodeDef placed = MakeNode("n", "NoOp");
  placed.set_device("/device:CPU:0");
  for (const bool clear : {false, true}) {
    Graph graph(SchemaOps());
    ASSERT_THAT(ImportMetaGraph(MetaGraph({placed}), &graph, {.clear_devices = clear}), IsOk());
    EXPECT_EQ(graph.FindNode("n")->device(), clear ? "" : "/device:CPU:0");
  }
}

}  // namespace
}  // namespace sluice
