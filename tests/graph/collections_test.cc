// Collections: rules COL-1 to COL-5 as far as graphs go, and VS-32. What layers, losses, optimizers
// and savers do with them: tests/train/collections_test.cc.
#include "graph/collections.h"

#include <gmock/gmock.h>

#include <functional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "graph/graph.h"
#include "gtest/gtest.h"
#include "ops/const.h"
#include "ops/l2_loss.h"
#include "ops/summary.h"
#include "tests/testing/core/status_matchers.h"
#include "tests/testing/graph_fixture.h"

namespace sluice {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;

class CollectionsTest : public GraphFixture {
 protected:
  Output Named(const char* scope, const char* name) {
    return ops::Const(root_.Sub(scope).Named(name), 1.0f);
  }
  static std::vector<std::string> Names(const Outputs& outputs) {
    std::vector<std::string> names;
    for (const Output& o : outputs) names.push_back(o.name());
    return names;
  }
  using GraphFixture::Names;
};

// COL-1: these strings stand in files.
TEST(CollectionKeysTest, AreTensorFlows) {
  const std::pair<const char*, const char*> rows[] = {
      {keys::kGlobalVariables, "variables"},
      {keys::kLocalVariables, "local_variables"},
      {keys::kMetricVariables, "metric_variables"},
      {keys::kModelVariables, "model_variables"},
      {keys::kTrainableVariables, "trainable_variables"},
      {keys::kSummaries, "summaries"},
      {keys::kQueueRunners, "queue_runners"},
      {keys::kTableInitializers, "table_initializer"},
      {keys::kAssetFilepaths, "asset_filepaths"},
      {keys::kMovingAverageVariables, "moving_average_variables"},
      {keys::kRegularizationLosses, "regularization_losses"},
      {keys::kConcatenatedVariables, "concatenated_variables"},
      {keys::kSavers, "savers"},
      {keys::kWeights, "weights"},
      {keys::kBiases, "biases"},
      {keys::kActivations, "activations"},
      {keys::kUpdateOps, "update_ops"},
      {keys::kLosses, "losses"},
      {keys::kSaveableObjects, "saveable_objects"},
      {keys::kResources, "resources"},
      {keys::kLocalResources, "local_resources"},
      {keys::kTrainableResourceVariables, "trainable_resource_variables"},
      {keys::kInitOp, "init_op"},
      {keys::kLocalInitOp, "local_init_op"},
      {keys::kReadyOp, "ready_op"},
      {keys::kReadyForLocalInitOp, "ready_for_local_init_op"},
      {keys::kSummaryOp, "summary_op"},
      {keys::kGlobalStep, "global_step"},
      {keys::kEvalStep, "eval_step"},
      {keys::kTrainOp, "train_op"},
      {keys::kCondContext, "cond_context"},
      {keys::kWhileContext, "while_context"},
      {keys::kSummaryV2, "_SUMMARY_V2"},
      {keys::kStreamingModelPorts, "_streaming_model_ports"},
  };
  for (const auto& [key, text] : rows) EXPECT_STREQ(key, text);
}

// COL-2: ordered, with duplicates.
TEST_F(CollectionsTest, AreOrderedLists) {
  const Output a = Named("s", "a");
  for (const CollectionItem& item :
       std::vector<CollectionItem>{int64_t{3}, a, std::string("bytes"), a, 0.5f, int64_t{3}}) {
    graph_.AddToCollection("mine", item);
  }
  EXPECT_THAT(graph_.GetCollection("mine"),
              ElementsAre(CollectionItem(int64_t{3}), CollectionItem(a),
                          CollectionItem(std::string("bytes")), CollectionItem(a),
                          CollectionItem(0.5f), CollectionItem(int64_t{3})));
}

// COL-2: a key given twice counts once; an item may stand in several collections.
TEST_F(CollectionsTest, KeysAreTakenOnce) {
  graph_.AddToCollections({"b", "a", "b"}, int64_t{1});
  graph_.AddToCollections({"a"}, int64_t{2});
  graph_.AddToCollections({}, int64_t{3});
  EXPECT_THAT(graph_.GetCollection("a"),
              ElementsAre(CollectionItem(int64_t{1}), CollectionItem(int64_t{2})));
  EXPECT_THAT(graph_.GetCollection("b"), ElementsAre(CollectionItem(int64_t{1})));
  EXPECT_THAT(graph_.CollectionKeys(), ElementsAre("a", "b"));
}

// COL-2: what is returned is a copy, of nothing where there is nothing.
TEST_F(CollectionsTest, AreReadAsCopies) {
  EXPECT_THAT(graph_.GetCollection("mine"), IsEmpty());
  EXPECT_THAT(graph_.CollectionKeys(), IsEmpty());  // asking makes none
  graph_.AddToCollection("mine", int64_t{1});
  std::vector<CollectionItem> copy = graph_.GetCollection("mine");
  copy.clear();
  EXPECT_EQ(graph_.GetCollection("mine").size(), 1u);
}

// COL-2
TEST_F(CollectionsTest, ClearAndSet) {
  graph_.AddToCollection("mine", int64_t{1});
  graph_.AddToCollection("other", int64_t{2});
  graph_.ClearCollection("mine");
  graph_.ClearCollection("missing");
  EXPECT_THAT(graph_.CollectionKeys(), ElementsAre("other"));
  graph_.SetCollection("other", {0.5f, int64_t{4}});
  EXPECT_THAT(graph_.GetCollection("other"),
              ElementsAre(CollectionItem(0.5f), CollectionItem(int64_t{4})));
  graph_.SetCollection("other", {});
  EXPECT_THAT(graph_.CollectionKeys(), IsEmpty());
}

// COL-3: both examples of the rule. Things without a name are in no scope.
TEST_F(CollectionsTest, ScopesAreAnchoredAtTheStartOnly) {
  const Output prefix = Named("prefix", "foo");
  const Output junk = Named("junk", "foo");
  graph_.AddToCollection("key", int64_t{27});
  graph_.AddToCollection("key", prefix);
  graph_.AddToCollection("key", junk);
  graph_.AddToCollection("key", 27.0f);
  graph_.AddToCollection("key", std::string("prefix/bytes"));
  EXPECT_THAT(graph_.GetCollection("key", "prefix"), ElementsAre(CollectionItem(prefix)));
  EXPECT_THAT(graph_.GetCollection("key", ".*x"), ElementsAre(CollectionItem(prefix)));
  EXPECT_THAT(graph_.GetCollection("key", "foo"), IsEmpty());
  EXPECT_THAT(graph_.GetCollection("key", "(prefix|junk)/"),
              ElementsAre(CollectionItem(prefix), CollectionItem(junk)));
  EXPECT_THAT(graph_.GetCollection("key", ".*foo:0$"),
              ElementsAre(CollectionItem(prefix), CollectionItem(junk)));
  EXPECT_THAT(graph_.GetCollection("missing", "prefix"), IsEmpty());
  EXPECT_EQ(graph_.GetCollection("key").size(), 5u);
  EXPECT_THAT(graph_.status(), IsOk());
}

// COL-3: a scope that is no regular expression must not read as "nothing there".
TEST_F(CollectionsTest, AMalformedScopeIsTheGraphsError) {
  graph_.AddToCollection("key", Named("prefix", "foo"));
  EXPECT_THAT(graph_.GetCollection("key", "prefix/(foo"), IsEmpty());
  ExpectError(kInvalid, "collection 'key': the scope 'prefix/(foo' is no regular expression");
}

// VS-32: below a variable scope, by name and never by spelling alone: foo is not foo_.
TEST_F(CollectionsTest, BelowAVariableScope) {
  const Scope foo = root_.VariableScope("foo");
  const Variable x = Get(foo, "x");
  const Variable beside = Get(root_.VariableScope("foo_"), "x");
  const Variable same = Get(root_, "foo");  // called like the scope, but not in it
  const Variable deep = Get(foo.VariableScope("deep"), "x");
  const Variable elsewhere = Get(root_.VariableScope("a.foo"), "x");
  for (const Variable& v : {x, beside, same, deep, elsewhere}) graph_.AddToCollection("mine", v);
  graph_.AddToCollection("mine", int64_t{1});
  const auto in_foo = graph_.GetCollection("mine", foo);
  EXPECT_THAT(in_foo, ElementsAre(CollectionItem(x), CollectionItem(deep)));
  EXPECT_EQ(graph_.GetCollection("mine", root_).size(), 6u);
  EXPECT_THAT(Names(foo.GlobalVariables()), ElementsAre("foo/x:0", "foo/deep/x:0"));
  EXPECT_THAT(Names(foo.TrainableVariables()), ElementsAre("foo/x:0", "foo/deep/x:0"));
  EXPECT_THAT(foo.LocalVariables(), IsEmpty());
  EXPECT_THAT(Names(foo.VariableScope("deep").GlobalVariables()), ElementsAre("foo/deep/x:0"));
  // A scope's name is no pattern: "a.foo" is not "abfoo".
  Get(root_.VariableScope("abfoo"), "x");
  EXPECT_THAT(Names(root_.VariableScope("a.foo").GlobalVariables()), ElementsAre("a.foo/x:0"));
}

// COL-4: variables and their regularization losses.
TEST_F(CollectionsTest, WhatVariablesAreAddedTo) {
  const Scope net = root_.VariableScope(
      "net", {.regularizer = [](At at, Output w) { return ops::L2Loss(at, w); }});
  const Variable w = Get(net, "w");
  const Variable frozen =
      GetVariable(net, "frozen", {.shape = {1}, .regularizer = {}, .trainable = false});
  GetLocalVariable(root_, "local", {.shape = {1}});
  GetVariable(root_, "own", {.shape = {1}, .collections = {"mine", "mine"}});
  GetVariable(net.WithReuse(), "w", {.shape = {1}});
  EXPECT_THAT(Names(graph_.GlobalVariables()), ElementsAre("net/w:0", "net/frozen:0"));
  EXPECT_THAT(Names(graph_.TrainableVariables()), ElementsAre("net/w:0", "own:0"));
  EXPECT_THAT(Names(graph_.LocalVariables()), ElementsAre("local:0"));
  EXPECT_THAT(Names(graph_.Variables("mine")), ElementsAre("own:0"));
  EXPECT_EQ(graph_.RegularizationLosses().size(), 2u);  // once per variable, also under reuse
  EXPECT_THAT(graph_.CollectionKeys(),
              UnorderedElementsAre("variables", "trainable_variables", "local_variables", "mine",
                                   "regularization_losses"));
}

// COL-4: nothing is added twice, nor for a part less than for a whole.
TEST_F(CollectionsTest, OfAPartitionedVariableThePartsAreAdded) {
  GetVariable(root_, "v",
              {.shape = {3},
               .initializer = ZerosInitializer,
               .partitioner = [](const TensorShape&, DType) { return std::vector<int>{2}; }});
  EXPECT_THAT(graph_.status(), IsOk());
  EXPECT_THAT(Names(graph_.GlobalVariables()), ElementsAre("v/part_0:0", "v/part_1:0"));
  EXPECT_THAT(Names(graph_.TrainableVariables()), ElementsAre("v/part_0:0", "v/part_1:0"));
}

// COL-4
TEST_F(CollectionsTest, Summaries) {
  const Output summary = ops::ScalarSummary(root_, "loss", Named("net", "loss"));
  EXPECT_THAT(graph_.Summaries(), ElementsAre(summary));
}

// The accessors are the collections by name, with the scope of COL-3.
TEST_F(CollectionsTest, TypedAccessors) {
  using Variables = std::vector<Variable> (Graph::*)(absl::string_view) const;
  const std::pair<const char*, Variables> of_variables[] = {
      {"variables", &Graph::GlobalVariables},
      {"trainable_variables", &Graph::TrainableVariables},
      {"local_variables", &Graph::LocalVariables},
      {"model_variables", &Graph::ModelVariables},
      {"metric_variables", &Graph::MetricVariables},
      {"moving_average_variables", &Graph::MovingAverageVariables},
  };
  using Tensors = Outputs (Graph::*)(absl::string_view) const;
  const std::pair<const char*, Tensors> of_tensors[] = {
      {"update_ops", &Graph::UpdateOps}, {"losses", &Graph::Losses},
      {"summaries", &Graph::Summaries},  {"regularization_losses", &Graph::RegularizationLosses},
      {"train_op", &Graph::TrainOps},
  };
  const Variable v = GetVariable(root_.VariableScope("a"), "v", {.shape = {1}});
  const Variable w = GetVariable(root_.VariableScope("b"), "v", {.shape = {1}});
  const Output op = v.initializer(), tensor = w.value();
  for (const auto& [key, get] : of_variables) {
    graph_.SetCollection(key, {v, op, w, int64_t{1}});
    EXPECT_THAT((graph_.*get)(""), ElementsAre(v, w)) << key;
    EXPECT_THAT((graph_.*get)("b/"), ElementsAre(w)) << key;
    graph_.ClearCollection(key);
    EXPECT_THAT((graph_.*get)(""), IsEmpty()) << key;
  }
  for (const auto& [key, get] : of_tensors) {
    graph_.SetCollection(key, {v, op, tensor, std::string("bytes")});
    EXPECT_THAT((graph_.*get)(""), ElementsAre(op, tensor)) << key;
    EXPECT_THAT((graph_.*get)("a"), ElementsAre(op)) << key;
    graph_.ClearCollection(key);
    EXPECT_THAT((graph_.*get)(""), IsEmpty()) << key;
  }
}

// NS-11: nothing can be added, set or cleared; reading stays possible.
TEST_F(CollectionsTest, OfAFinalizedGraphAreFixed) {
  const auto add = [](Graph& g) { g.AddToCollection("mine", int64_t{2}); };
  const auto add_to_several = [](Graph& g) { g.AddToCollections({"mine", "new"}, int64_t{2}); };
  const auto clear = [](Graph& g) { g.ClearCollection("mine"); };
  const auto set = [](Graph& g) { g.SetCollection("mine", {int64_t{2}}); };
  for (const std::function<void(Graph&)>& change :
       std::vector<std::function<void(Graph&)>>{add, add_to_several, clear, set}) {
    Graph graph(ops::Builtin());
    graph.AddToCollection("mine", int64_t{1});
    graph.Finalize();
    EXPECT_THAT(graph.GetCollection("mine"), ElementsAre(CollectionItem(int64_t{1})));
    EXPECT_THAT(graph.status(), IsOk());
    change(graph);
    EXPECT_THAT(graph.status(), StatusIs(absl::StatusCode::kFailedPrecondition,
                                         "Graph is finalized and cannot be modified."));
    EXPECT_THAT(graph.GetCollection("mine"), ElementsAre(CollectionItem(int64_t{1})));
    EXPECT_THAT(graph.CollectionKeys(), ElementsAre("mine"));
  }
}

}  // namespace
}  // namespace sluice
