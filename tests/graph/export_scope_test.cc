// Parts of a graph as files of their own, and back: rule COL-8.
#include "graph/export_scope.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "graph/graph.h"
#include "graph/graph_def.h"
#include "proto/meta_graph.pb.h"
#include "tests/testing/core/status_matchers.h"
#include "tests/testing/def_builder.h"
#include "tests/testing/meta_graph_builder.h"
#include "tests/testing/schema_ops.h"

namespace sluice {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::UnorderedElementsAre;

constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;
constexpr auto kNotFound = absl::StatusCode::kNotFound;

// images -> hidden1/{w, scaled} -> hidden1_1/far; hidden1/scaled and hidden1/sum also take what
// lies outside.
proto::MetaGraphDef TwoScopes() {
  std::vector<proto::NodeDef> nodes = ResourceVariable("hidden1/w");
  nodes.push_back(
      MakeNode("images", "Placeholder", {}, {{"dtype", DType::kFloat}, {"shape", TensorShape{2}}}));
  nodes.push_back(MakeNode("pair", "Split", {"axis", "images"},
                           {{"num_split", int64_t{2}}, {"T", DType::kFloat}}));
  nodes.push_back(MakeConst("axis", Tensor::Scalar(int32_t{0})));
  nodes.push_back(MakeNode("ready", "NoOp"));
  const AttrMap t = {{"T", DType::kFloat}};
  nodes.push_back(
      MakeNode("hidden1/scaled", "Add",
               {"images", "hidden1/w/Read/ReadVariableOp", "^hidden1/w/Assign", "^ready"}, t));
  nodes.push_back(MakeNode("hidden1/sum", "Add", {"pair:1", "images"}, t));
  nodes.push_back(MakeIdentity("hidden1_1/far", "hidden1/sum"));
  auto* groups = (*nodes[nodes.size() - 2].mutable_attr())["_class"].mutable_list();
  for (const char* group : {"loc:@hidden1/scaled", "loc:@images"}) groups->add_s(group);
  auto* away = (*nodes[nodes.size() - 3].mutable_attr())["_class"].mutable_list();
  away->add_s("loc:@images");
  for (proto::NodeDef& node : nodes) node.set_device("/device:CPU:0");

  proto::MetaGraphDef def = MetaGraph(nodes);
  const std::string record = ResourceVariableDef("hidden1/w", "trainable: true");
  AddBytes(&def, "variables", {record});
  AddBytes(&def, "trainable_variables", {record});
  AddNames(&def, "losses", {"hidden1/sum:0", "hidden1_1/far:0", "images:0"});
  AddNames(&def, "train_op", {"ready"});
  AddBytes(&def, "strings", {"hidden1/w", "hidden1", "elsewhere"});
  AddBytes(&def, "savers", {"hidden1/x"});
  (*def.mutable_collection_def())["ints"].mutable_int64_list()->add_value(7);
  return def;
}

// COL-8
TEST(ExportScopeTest, OnlyWhatLiesBelowUnderNamesWithoutIt) {
  Graph graph(SchemaOps());
  ASSERT_THAT(ImportMetaGraph(TwoScopes(), &graph), IsOk());
  proto::MetaGraphDef def;
  ASSERT_THAT(ToMetaGraphDef(graph, &def, {.export_scope = "hidden1"}), IsOk());

  std::vector<std::string> nodes;
  for (const auto& node : def.graph_def().node())
    nodes.push_back(absl::StrCat(node.name(), "(", absl::StrJoin(node.input(), " "), ")"));
  EXPECT_THAT(
      nodes,
      ElementsAre(
          "w/initial()", "w()", "w/IsInitialized/VarIsInitializedOp(w)", "w/Assign(w w/initial)",
          "w/Read/ReadVariableOp(w)",
          "scaled($unbound_inputs_images w/Read/ReadVariableOp ^w/Assign ^$unbound_inputs_ready)",
          "sum($unbound_inputs_pair:1 $unbound_inputs_images)"));
  EXPECT_EQ(def.graph_def().node(5).attr().count("_class"), 0u);
  EXPECT_EQ(def.graph_def().node(6).attr().at("_class").ShortDebugString(),
            "list { s: \"loc:@scaled\" }");
  EXPECT_EQ(def.graph_def().node(6).device(), "/device:CPU:0");
  std::vector<std::string> ops;
  for (const auto& op : def.meta_info_def().stripped_op_list().op()) ops.push_back(op.name());
  EXPECT_THAT(ops, Not(Contains("Split")));

  proto::MetaGraphDef expected;
  const std::string record = ResourceVariableDef("w", "trainable: true");
  AddBytes(&expected, "variables", {record});
  AddBytes(&expected, "trainable_variables", {record});
  AddNames(&expected, "losses", {"sum:0"});
  AddBytes(&expected, "strings", {"w"});
  AddBytes(&expected, "unbound_inputs",
           {"$unbound_inputs_images", "^$unbound_inputs_ready", "$unbound_inputs_pair:1"});
  (*expected.mutable_collection_def())["ints"].mutable_int64_list()->add_value(7);
  def.clear_graph_def();
  def.clear_meta_info_def();
  EXPECT_EQ(def.DebugString(), expected.DebugString());
}

// COL-8
TEST(ExportScopeTest, ImportBindsTheInputs) {
  Graph graph(SchemaOps());
  ASSERT_THAT(ImportMetaGraph(TwoScopes(), &graph), IsOk());
  proto::MetaGraphDef def;
  ASSERT_THAT(ToMetaGraphDef(graph, &def, {.export_scope = "hidden1/", .clear_devices = true}),
              IsOk());
  EXPECT_EQ(def.graph_def().node(6).device(), "");
  const Output images = TensorNamed(graph, "images:0");
  const Output pair = TensorNamed(graph, "pair:1");
  const Output ready = graph.FindNode("ready")->operation();
  const int before = graph.num_nodes();
  ASSERT_THAT(ImportMetaGraph(def, &graph,
                              {.import_scope = "new",
                               .input_map = {{"$unbound_inputs_images", images},
                                             {"$unbound_inputs_pair:1", pair},
                                             {"^$unbound_inputs_ready", ready}}}),
              IsOk());
  EXPECT_EQ(graph.num_nodes(), before + 7);
  const Node* sum = graph.FindNode("new/sum");
  const Node* scaled = graph.FindNode("new/scaled");
  ASSERT_NE(sum, nullptr);
  ASSERT_NE(scaled, nullptr);
  EXPECT_EQ(sum->input(0), pair);
  EXPECT_EQ(sum->input(1), images);
  EXPECT_THAT(scaled->control_inputs(),
              UnorderedElementsAre(graph.FindNode("new/w/Assign"), ready.node()));
  ASSERT_EQ(graph.TrainableVariables().size(), 2u);
  EXPECT_EQ(graph.TrainableVariables()[1].op_name(), "new/w");
  EXPECT_THAT(graph.GetCollection("unbound_inputs"), IsEmpty());
}

// COL-8
TEST(ExportScopeTest, ExactlyTheUnboundInputsMustBeGiven) {
  Graph graph(SchemaOps());
  ASSERT_THAT(ImportMetaGraph(TwoScopes(), &graph), IsOk());
  proto::MetaGraphDef def;
  ASSERT_THAT(ToMetaGraphDef(graph, &def, {.export_scope = "hidden1"}), IsOk());
  const Output images = TensorNamed(graph, "images:0");
  const int before = graph.num_nodes();
  std::map<std::string, Output> inputs;
  EXPECT_THAT(
      ImportMetaGraph(def, &graph, {.import_scope = "new", .input_map = inputs}),
      StatusIs(kInvalid,
               "Graph contains unbound inputs: $unbound_inputs_images, $unbound_inputs_pair:1, "
               "^$unbound_inputs_ready"));
  inputs = {{"$unbound_inputs_images", images},
            {"^$unbound_inputs_ready", graph.FindNode("ready")->operation()}};
  EXPECT_THAT(ImportMetaGraph(def, &graph, {.import_scope = "new", .input_map = inputs}),
              StatusIs(kInvalid, "which lacks [$unbound_inputs_pair:1]"));
  inputs["$unbound_inputs_pair:1"] = images;
  inputs["w"] = images;
  EXPECT_THAT(ImportMetaGraph(def, &graph, {.import_scope = "new", .input_map = inputs}),
              StatusIs(kInvalid, "has besides [w]"));
  EXPECT_EQ(graph.num_nodes(), before);
  inputs.erase("w");
  EXPECT_THAT(ImportMetaGraph(def, &graph, {.import_scope = "new", .input_map = inputs}), IsOk());
}

TEST(ExportScopeTest, AScopeThatHoldsNothingIsAnError) {
  Graph graph(SchemaOps());
  ASSERT_THAT(ImportMetaGraph(TwoScopes(), &graph), IsOk());
  proto::MetaGraphDef def;
  EXPECT_THAT(ToMetaGraphDef(graph, &def, {.export_scope = "hidden"}),
              StatusIs(kNotFound, "export_scope 'hidden' holds no node"));
}

// A variable whose initial value was computed outside: the file must not name what it lacks.
TEST(ExportScopeTest, NamesFromOutsideAreLeftOutOfVariables) {
  std::vector<proto::NodeDef> nodes = ResourceVariable("a/w");
  *nodes[3].mutable_input(1) = "start";
  nodes.push_back(MakeConst("start", Tensor::Of<float>({2}, {1, 2})));
  proto::MetaGraphDef def = MetaGraph(nodes);
  proto::VariableDef record;
  ASSERT_TRUE(record.ParseFromString(ResourceVariableDef("a/w")));
  record.set_initial_value_name("start:0");
  AddBytes(&def, "variables", {record.SerializeAsString()});
  Graph graph(SchemaOps());
  ASSERT_THAT(ImportMetaGraph(def, &graph), IsOk());
  ASSERT_THAT(ToMetaGraphDef(graph, &def, {.export_scope = "a"}), IsOk());
  Graph again(SchemaOps());
  ASSERT_THAT(ImportGraphDef(MakeGraph({nodes.back()}), &again), IsOk());
  ASSERT_THAT(
      ImportMetaGraph(def, &again,
                      {.input_map = {{"$unbound_inputs_start", TensorNamed(again, "start:0")}}}),
      IsOk());
  EXPECT_EQ(again.GlobalVariables().at(0).op_name(), "w");
  EXPECT_TRUE(again.GlobalVariables().at(0).initial_value().empty());
}

}  // namespace
}  // namespace sluice
