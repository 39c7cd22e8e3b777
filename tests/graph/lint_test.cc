// graph/lint.h on graphs built op by op. Networks of layers and optimizers:
// tests/train/lint_test.cc.
#include "graph/lint.h"

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "graph/gradients.h"
#include "graph/graph_def.h"
#include "graph/updates.h"
#include "graph/variable.h"
#include "gtest/gtest.h"
#include "ops/add_n.h"
#include "ops/all_ops.h"
#include "ops/const.h"
#include "ops/identity.h"
#include "ops/l2_loss.h"
#include "ops/placeholder.h"
#include "ops/summary.h"
#include "ops/training.h"
#include "proto/graph.pb.h"
#include "proto/meta_graph.pb.h"
#include "tests/testing/core/status_matchers.h"
#include "tests/testing/def_builder.h"

namespace sluice {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using Strings = std::vector<std::string>;

std::string Here(int line) { return absl::StrCat(__FILE__, ":", line); }

// "unused-update: bn/update"
Strings Short(const std::vector<LintFinding>& findings) {
  Strings all;
  for (const LintFinding& f : findings)
    all.push_back(absl::StrCat(LintKindName(f.kind), ": ", f.name));
  return all;
}

// 0.1 * sum(w^2) / 2, as tf.contrib.layers names it.
Output L2(At at, Output w) {
  const At inside = at.Composite("l2_regularizer");
  return inside.AsScope().Node("Mul", {ops::Const(inside, 0.1f), ops::L2Loss(inside, w)});
}

class LintTest : public ::testing::Test {
 protected:
  Variable Get(const std::string& name, VariableOptions options = {}) {
    options.shape = {2};
    options.initializer = OnesInitializer;
    return GetVariable(root_, name, options);
  }

  // What an optimizer builds: gradients, an update per variable that has one, TRAIN_OP.
  Output Train(const Output& loss, const std::vector<Variable>& variables,
               const std::string& name = "sgd", const Outputs& before = {}) {
    Outputs handles, updates;
    for (const Variable& v : variables) handles.push_back(v.handle());
    const Outputs gradients = Gradients(root_, {loss}, handles);
    const At inside = At(root_.After(before).Sub(name));
    for (size_t i = 0; i < gradients.size(); ++i) {
      if (gradients[i].empty()) continue;
      updates.push_back(ops::ResourceApplyGradientDescent(inside, handles[i],
                                                          ops::Const(inside, 0.1f), gradients[i]));
    }
    const Output op = Group(inside.AsScope(), updates);
    graph_.AddToCollection(keys::kTrainOp, op);
    return op;
  }

  Strings Found(const Outputs& fetches = {}) {
    EXPECT_THAT(graph_.status(), IsOk());
    return Short(graph_.Lint(fetches));
  }
  // The one finding.
  LintFinding Only(const LintOptions& options = {}) {
    EXPECT_THAT(graph_.status(), IsOk());
    const std::vector<LintFinding> findings = Lint(graph_, options);
    EXPECT_EQ(findings.size(), 1u) << ::testing::PrintToString(Short(findings));
    return findings.empty() ? LintFinding() : findings[0];
  }
  // What lint says of the graph after a way through a .meta file.
  Strings FoundInFile(const std::string& import_scope = "") {
    proto::MetaGraphDef def;
    EXPECT_THAT(ToMetaGraphDef(graph_, &def), IsOk());
    Graph imported(ops::Builtin());
    EXPECT_THAT(ImportMetaGraph(def, &imported, {.import_scope = import_scope}), IsOk());
    return Short(imported.Lint());
  }

  Graph graph_{ops::Builtin()};
  Scope root_ = Scope::Root(graph_);
};

TEST_F(LintTest, NothingToSay) {
  EXPECT_THAT(Found(), IsEmpty());  // not even of an empty graph
  const Output x = ops::Placeholder(root_.Named("x"), DType::kFloat, {2});
  const Variable w = Get("w");
  const Output loss = ops::L2Loss(root_, w.value() * x);
  EXPECT_THAT(Found(), IsEmpty());
  const Output train = Train(loss, {w});
  EXPECT_THAT(Found(), IsEmpty());
  EXPECT_THAT(Found({train, loss}), IsEmpty());
  EXPECT_THAT(FoundInFile(), IsEmpty());
}

// --- uninitialized variables ---

TEST_F(LintTest, AVariableOfNoStandardCollectionIsUninitialized) {
  const Variable v = Get("v", {.collections = {"mine"}});
  const Variable local = Get("local", {.trainable = false, .collections = {keys::kLocalVariables}});
  const Output sum = ops::Identity(root_.Named("sum"), v.value() + local.value());
  const LintFinding finding = Only({.fetches = {sum}});
  EXPECT_EQ(finding.kind, LintKind::kUninitializedVariable);
  EXPECT_EQ(finding.severity, LintSeverity::kWarning);
  EXPECT_EQ(finding.name, "v");
  EXPECT_THAT(finding.message, HasSubstr("neither GLOBAL_VARIABLES nor LOCAL_VARIABLES"));
  // Get() is where it was made.
  EXPECT_THAT(finding.location, HasSubstr("lint_test.cc:"));
  EXPECT_EQ(finding.ToString(), absl::StrCat("warning: uninitialized-variable: v: ",
                                             finding.message, " (", finding.location, ")"));
  // Not needed, not reported.
  EXPECT_THAT(Found({local.value()}), IsEmpty());
  EXPECT_THAT(Found({v.initializer()}), IsEmpty());
  EXPECT_THAT(Found({v.is_initialized()}), IsEmpty());
  // Given a value by the run itself.
  EXPECT_THAT(Found({sum, v.initializer()}), IsEmpty());
}

TEST_F(LintTest, TheLineIsTheCallers) {
  const Variable v = GetVariable(root_, "v", {.shape = {2}, .collections = {"mine"}});
  const int line = __LINE__ - 1;
  EXPECT_EQ(Only({.fetches = {v.value()}}).location, Here(line));
}

TEST_F(LintTest, AnInitializerThatLeavesVariablesOut) {
  const Variable a = Get("a"), b = Get("b");
  const Output sum = ops::Identity(root_, a.value() + b.value());
  const Output init = VariablesInitializer(root_.Named("my_init"), {a});
  EXPECT_THAT(Found({sum}), IsEmpty());  // the standard one does it
  const LintFinding finding = Only({.fetches = {sum}, .initializer = init});
  EXPECT_EQ(finding.kind, LintKind::kUninitializedVariable);
  EXPECT_EQ(finding.name, "b");
  EXPECT_THAT(finding.message, HasSubstr("'my_init' does not initialize it"));
  const Output all = GlobalVariablesInitializer(root_);
  EXPECT_THAT(Lint(graph_, {.fetches = {sum}, .initializer = all}), IsEmpty());

  // INIT_OP says which one the program runs; LOCAL_INIT_OP may do the rest.
  graph_.AddToCollection(keys::kInitOp, init);
  EXPECT_THAT(Found({sum}), ElementsAre("uninitialized-variable: b"));
  EXPECT_THAT(FoundInFile(), ElementsAre("uninitialized-variable: b"));
  graph_.AddToCollection(keys::kLocalInitOp, b.initializer());
  EXPECT_THAT(Found({sum}), IsEmpty());
}

TEST_F(LintTest, AnInitializerMayRestore) {
  const Variable v = Get("v", {.collections = {"mine"}});
  const Output restore = v.Assign(root_.Named("restore"), ops::Const<float>(root_, {1, 2}));
  EXPECT_THAT(Lint(graph_, {.fetches = {v.value()}, .initializer = restore}), IsEmpty());
}

TEST_F(LintTest, ReferenceVariablesAreLookedAtToo) {
  const Variable v = Get("v", {.collections = {"mine"}, .use_resource = false});
  const Variable w = Get("w", {.use_resource = false});
  const Output sum = ops::Identity(root_, v.value() + w.value());
  EXPECT_THAT(Found({sum}), ElementsAre("uninitialized-variable: v"));
  EXPECT_THAT(Found({v.initializer()}), IsEmpty());
}

// --- trainables ---

TEST_F(LintTest, TrainablesWithoutGradient) {
  const Variable used = Get("used"), stopped = Get("stopped"), unused = Get("unused");
  Get("frozen", {.trainable = false});
  const Output loss = ops::L2Loss(root_, used.value() + ops::StopGradient(root_, stopped.value()));
  const Output train = Train(loss, {used, stopped, unused});
  EXPECT_THAT(graph_.status(), IsOk());
  const std::vector<LintFinding> findings = graph_.Lint({train});
  EXPECT_THAT(Short(findings), ElementsAre("trainable-without-gradient: stopped",
                                           "trainable-without-gradient: unused"));
  EXPECT_THAT(findings[0].message, HasSubstr("the loss uses it, but no gradient"));
  EXPECT_THAT(findings[1].message, HasSubstr("no loss that is trained depends on it"));
  EXPECT_THAT(findings[1].location, HasSubstr("lint_test.cc:"));
  EXPECT_THAT(Found({loss}), IsEmpty());  // nothing is trained here
  EXPECT_THAT(FoundInFile(), ElementsAre("trainable-without-gradient: stopped",
                                         "trainable-without-gradient: unused"));
  EXPECT_THAT(FoundInFile("copy"), ElementsAre("trainable-without-gradient: copy/stopped",
                                               "trainable-without-gradient: copy/unused"));
}

TEST_F(LintTest, SeveralTrainOpsShareTheTrainables) {
  const Variable g = Get("g"), d = Get("d"), neither = Get("neither");
  const Output loss = ops::L2Loss(root_, g.value() * d.value() + neither.value());
  const Output train_d = Train(loss, {d}, "train_d");
  const Output train_g = Train(loss, {g}, "train_g");
  for (const Outputs& fetches : {Outputs{}, {train_d}, {train_g, loss}})
    EXPECT_THAT(Found(fetches), ElementsAre("trainable-without-gradient: neither"));
}

TEST_F(LintTest, PartitionedVariables) {
  const auto halves = [](const TensorShape&, DType) { return std::vector<int>{2}; };
  const Variable w = Get("w", {.partitioner = halves}), u = Get("u", {.partitioner = halves});
  ASSERT_EQ(w.parts().size(), 2u);
  Train(ops::L2Loss(root_, w.value()), {w.parts()[0], w.parts()[1]});
  EXPECT_THAT(Found(), ElementsAre("trainable-without-gradient: u"));
}

// --- updates ---

class LintUpdatesTest : public LintTest {
 protected:
  Output Update(AttrMap attrs = {}) {
    const Output update = At(root_.Named("update"))
                              .Node("AssignAddVariableOp", {mean_.handle(), mean_.value()}, attrs);
    graph_.AddToCollection(keys::kUpdateOps, update);
    return update;
  }
  const Variable mean_ = Get("mean", {.trainable = false});
  const Variable w_ = Get("w");
  const Output y_ = ops::Identity(root_.Named("y"), w_.value() * w_.value());
  const Output loss_ = ops::L2Loss(root_, y_);
};

TEST_F(LintUpdatesTest, NotRun) {
  Update();
  const Output train = Train(loss_, {w_});
  const LintFinding finding = Only({.fetches = {train}});
  EXPECT_EQ(finding.kind, LintKind::kUnusedUpdate);
  EXPECT_EQ(finding.name, "update");
  EXPECT_THAT(finding.message, HasSubstr("no train op runs it"));
  EXPECT_THAT(finding.location, HasSubstr("lint_test.cc:"));
  EXPECT_THAT(FoundInFile(), ElementsAre("unused-update: update"));
  EXPECT_THAT(Found({loss_}), IsEmpty());
}

TEST_F(LintUpdatesTest, RunByTheTrainOpOrBesideIt) {
  const Output update = Update();
  const Output train = Train(loss_, {w_});
  EXPECT_THAT(Found({train}), ElementsAre("unused-update: update"));
  EXPECT_THAT(Found({train, update}), IsEmpty());
  const Output both = Group(root_, {train, update});
  EXPECT_THAT(Found({both}), IsEmpty());
  EXPECT_THAT(Found({train}), ElementsAre("unused-update: update"));
  EXPECT_THAT(Found(), IsEmpty());  // whoever runs the train op may run the group
  EXPECT_THAT(FoundInFile(), IsEmpty());
}

TEST_F(LintUpdatesTest, RunBeforeTheTrainOp) {
  Train(loss_, {w_}, "sgd", {Update()});
  EXPECT_THAT(Found(), IsEmpty());
}

// The gradient of a loss does not need the loss: nothing makes the update run.
TEST_F(LintUpdatesTest, RunBeforeTheLossOnly) {
  Train(ops::Identity(root_.After({Update()}), loss_), {w_});
  EXPECT_THAT(Found(), ElementsAre("unused-update: update"));
}

TEST_F(LintUpdatesTest, RunByAnotherTrainOp) {
  const Output update = Update();
  const Output train = Train(loss_, {w_}, "one");
  const Output other = Train(loss_, {w_}, "two");
  Group(root_, {other, update});
  EXPECT_THAT(Found({train}), IsEmpty());
}

TEST_F(LintUpdatesTest, OfALayerThatIsNotTrained) {
  const Output elsewhere = ops::Identity(root_.Named("elsewhere"), w_.value());
  Update({{kUpdateOfAttr, UpdateOf({elsewhere})}});
  Train(loss_, {w_});
  EXPECT_THAT(Found(), IsEmpty());
  EXPECT_THAT(FoundInFile(), IsEmpty());
}

TEST_F(LintUpdatesTest, OfALayerThatIsTrained) {
  Update({{kUpdateOfAttr, UpdateOf({y_})}});
  Train(loss_, {w_});
  EXPECT_THAT(Found(), ElementsAre("unused-update: update"));
}

// --- regularizers ---

class LintRegularizersTest : public LintTest {
 protected:
  const Variable w_ = Get("w", {.regularizer = L2});
  const Output penalty_ = graph_.RegularizationLosses()[0];
  const Output loss_ = ops::L2Loss(root_, w_.value() * w_.value());
};

TEST_F(LintRegularizersTest, NotInTheLoss) {
  const Output train = Train(loss_, {w_});
  const LintFinding finding = Only({.fetches = {train, penalty_}});  // looking at it is not enough
  EXPECT_EQ(finding.kind, LintKind::kUnusedRegularizer);
  EXPECT_EQ(finding.name, "w/Regularizer/l2_regularizer");
  EXPECT_THAT(finding.message, HasSubstr("no train op differentiates it"));
  EXPECT_THAT(finding.location, HasSubstr("lint_test.cc:"));
  EXPECT_THAT(FoundInFile(), ElementsAre("unused-regularizer: w/Regularizer/l2_regularizer"));
  EXPECT_THAT(FoundInFile("copy"),
              ElementsAre("unused-regularizer: copy/w/Regularizer/l2_regularizer"));
}

TEST_F(LintRegularizersTest, InTheLoss) {
  Train(loss_ + penalty_, {w_});
  EXPECT_THAT(Found(), IsEmpty());
  EXPECT_THAT(FoundInFile(), IsEmpty());
  EXPECT_THAT(FoundInFile("copy"), IsEmpty());
}

TEST_F(LintRegularizersTest, InTheLossThroughASum) {
  Train(loss_ + ops::AddN(root_, {penalty_, penalty_}) * 0.5, {w_});
  EXPECT_THAT(Found(), IsEmpty());
  EXPECT_THAT(FoundInFile(), IsEmpty());
}

// The gradient of a sum is no op of its own.
TEST_F(LintRegularizersTest, ThatIsASum) {
  const auto twice = [](At at, Output w) {
    return ops::AddN(at.Named("sum"), {ops::L2Loss(at, w), ops::L2Loss(at, w)});
  };
  const Variable u = Get("u", {.regularizer = twice});
  const Output data = ops::L2Loss(root_, u.value());
  Train(loss_ + penalty_ + data, {w_, u}, "without");
  EXPECT_THAT(Found(), ElementsAre("unused-regularizer: u/Regularizer/sum"));
  Train(loss_ + data + graph_.RegularizationLosses()[1], {w_, u}, "with");
  EXPECT_THAT(Found(), IsEmpty());
}

TEST_F(LintRegularizersTest, OfVariablesThatAreNotTrained) {
  Get("frozen", {.regularizer = L2, .trainable = false});
  const Variable left_out = Get("left_out", {.regularizer = L2});
  Train(loss_ + penalty_ + ops::L2Loss(root_, left_out.value()), {w_});
  EXPECT_THAT(Found(), ElementsAre("trainable-without-gradient: left_out"));
}

// --- placeholders ---

TEST_F(LintTest, PlaceholdersThatNothingReads) {
  const Output x = ops::Placeholder(root_.Named("x"), DType::kFloat, {2});
  const Output y = ops::Placeholder(root_.Named("y"), DType::kFloat, {2});
  const Output z = ops::Placeholder(root_.Named("z"), DType::kFloat, {2});
  const int line = __LINE__ - 1;
  ops::NoOp(root_.After({y}));
  const Output loss = ops::L2Loss(root_, x);
  const LintFinding finding = Only({.fetches = {loss}});
  EXPECT_EQ(finding.kind, LintKind::kUnusedPlaceholder);
  EXPECT_EQ(finding.name, "z");
  EXPECT_EQ(finding.location, Here(line));
  EXPECT_THAT(FoundInFile(), ElementsAre("unused-placeholder: z"));
  EXPECT_THAT(Found({loss, z}), IsEmpty());  // somebody looks at it
}

// --- sharing ---

TEST_F(LintTest, TheSharingReportHasEveryLayerCall) {
  const Variable w = GetVariable(root_.VariableScope("net").VariableScope("fc"), "w",
                                 {.shape = {2}, .initializer = OnesInitializer});
  int line = 0;
  const auto layer = [&](const Scope& scope, const Output& x) {
    line = __LINE__ + 1;
    return ops::Identity(scope, At(scope).Node("Mul", {x, w.value()}));
  };
  const Output x = ops::Const<float>(root_, {1, 2});
  const Output a = layer(root_.Sub("net/fc/"), x);
  EXPECT_THAT(Found({a}), IsEmpty());
  const Output b = layer(root_.Sub("net_1/fc"), x);
  const LintFinding finding = Only({.fetches = {b}});
  EXPECT_EQ(finding.kind, LintKind::kSharedVariable);
  EXPECT_EQ(finding.severity, LintSeverity::kNote);
  EXPECT_EQ(finding.name, "net/fc/w");
  const std::string at = absl::StrCat(" at ", Here(line));
  EXPECT_EQ(finding.message, absl::StrCat("2 layer calls read it: net/fc (net/fc/Mul", at,
                                          "), net_1/fc (net_1/fc/Mul", at, ")"));
  EXPECT_THAT(finding.ToString(), HasSubstr("note: shared-variable: net/fc/w: 2 layer calls"));
  EXPECT_THAT(Lint(graph_, {.fetches = {b}, .only_cheap = true}), IsEmpty());
  EXPECT_THAT(FoundInFile(), ElementsAre("shared-variable: net/fc/w"));
}

TEST_F(LintTest, ALayerObjectBuildsItsSecondCallInItsScope) {
  const Variable w = Get("fc/w"), v = Get("bn/v");
  const Output x = ops::Const<float>(root_, {1, 2});
  const At fc = At(root_.Sub("fc/"));
  fc.Node("Mul", {x, w.value()});
  // One call may read a variable more than once.
  const At bn = At(root_.Sub("bn/"));
  bn.Node("Mul", {x, v.value()});
  bn.Node("AddV2", {x, v.value()});
  EXPECT_THAT(Found(), IsEmpty());
  fc.Node("Mul", {x, w.value()});
  const LintFinding finding = Only();
  EXPECT_EQ(finding.name, "fc/w");
  EXPECT_THAT(finding.message, HasSubstr("fc/Mul at"));
  EXPECT_THAT(finding.message, HasSubstr("fc/Mul_1 at"));
}

TEST_F(LintTest, WhatCountsAsReading) {
  const Variable w = Get("fc/w", {.regularizer = L2});
  const Output x = ops::Const<float>(root_, {1, 2});
  const Output y = At(root_.Sub("fc/")).Node("Mul", {x, w.value()});
  // Gradients, updates, summaries, the initial values of others and the variable's own ops do not.
  Train(ops::L2Loss(root_, y) + graph_.RegularizationLosses()[0], {w});
  ops::HistogramSummary(root_, "weights", w.value());
  NewVariable(root_.Named("copy"), w.value(), {.trainable = false});
  EXPECT_THAT(Found(), IsEmpty());
  // A fresh read and a gather do.
  const Output fresh = w.Read(root_.Sub("a"));
  ops::L2Loss(root_.Sub("b"), fresh);
  w.SparseRead(root_.Sub("c"), ops::Const<int32_t>(root_, {0}));
  const LintFinding finding = Only();
  EXPECT_THAT(finding.message, HasSubstr("3 layer calls read it: fc (fc/Mul"));
  EXPECT_THAT(finding.message, HasSubstr("b (b/L2Loss"));
  EXPECT_THAT(finding.message, HasSubstr("c (c/ResourceGather"));
}

TEST_F(LintTest, APartitionedVariableIsSharedAsAWhole) {
  const auto halves = [](const TensorShape&, DType) { return std::vector<int>{2}; };
  const Variable w = Get("fc/w", {.partitioner = halves});
  ops::L2Loss(root_.Sub("a"), w.value());
  EXPECT_THAT(Found(), IsEmpty());
  ops::L2Loss(root_.Sub("b"), w.value());
  EXPECT_THAT(Found(), ElementsAre("shared-variable: fc/w"));
}

// --- layers numbered under kAuto ---

TEST_F(LintTest, NumberedLayersUnderAutomaticReuse) {
  const auto layer = [](const Scope& net, const TensorShape& shape, const char* name = "") {
    const Scope scope = *name != '\0' ? net.VariableScope(name) : net.DefaultVariableScope("dense");
    return GetVariable(scope, "kernel", {.shape = shape, .initializer = OnesInitializer});
  };
  const Scope net = root_.VariableScope("net", {.reuse = Reuse::kAuto});
  layer(net, {2});
  layer(net, {3});  // another shape: another layer, whoever built it
  layer(net, {2}, "named");
  layer(net, {2}, "named");
  EXPECT_THAT(Found(), IsEmpty());
  const Variable again = layer(net, {2});
  const LintFinding finding = Only();
  EXPECT_EQ(finding.kind, LintKind::kAutoNamedLayer);
  EXPECT_EQ(finding.severity, LintSeverity::kWarning);
  EXPECT_EQ(finding.name, "net/dense_2");
  EXPECT_THAT(finding.message, HasSubstr("'net/dense'"));
  EXPECT_EQ(finding.location, again.created_at());
  EXPECT_THAT(Lint(graph_, {.only_cheap = true}), IsEmpty());
  // Entered again, the scope counts from the start and shares.
  EXPECT_EQ(layer(net.Reenter(), {2}).op_name(), "net/dense/kernel");
  // Without kAuto new weights are what was asked for.
  const Scope plain = root_.VariableScope("plain");
  layer(plain, {2});
  layer(plain, {2});
  EXPECT_THAT(Found(), ElementsAre("auto-named-layer: net/dense_2"));
}

// --- all together ---

TEST_F(LintTest, FindingsComeByKindThenByAge) {
  ops::Placeholder(root_.Named("p2"), DType::kFloat, {2});
  const Variable v = Get("v", {.trainable = false, .collections = {"mine"}});
  Get("b");
  Get("a");
  const Variable w = Get("w");
  Train(ops::L2Loss(root_, w.value() * v.value()), {w});
  ops::Placeholder(root_.Named("p1"), DType::kFloat, {2});
  EXPECT_THAT(Found(), ElementsAre("uninitialized-variable: v", "trainable-without-gradient: b",
                                   "trainable-without-gradient: a", "unused-placeholder: p2",
                                   "unused-placeholder: p1"));
}

TEST_F(LintTest, ForeignAndEmptyFetchesAreIgnored) {
  Graph other(ops::Builtin());
  const Output elsewhere = ops::Const(Scope::Root(other), 1.0f);
  const Output x = ops::Placeholder(root_.Named("x"), DType::kFloat, {2});
  EXPECT_THAT(Found({elsewhere, Output()}), ElementsAre("unused-placeholder: x"));
  EXPECT_THAT(Short(Lint(graph_, {.initializer = elsewhere})),
              ElementsAre("unused-placeholder: x"));
}

// --- graphs from files ---

// An op that is not known here may be the one that trains.
TEST(LintImportTest, UnknownOps) {
  const proto::GraphDef def = MakeGraph(
      {MakeNode("v", "VarHandleOp", {}, {{"dtype", DType::kFloat}, {"shape", TensorShape{2}}}),
       MakeNode("read", "ReadVariableOp", {"v"}, {{"dtype", DType::kFloat}}),
       MakeNode("apply", "ResourceApplyNovel", {"v", "read"}), MakeNode("table", "NovelTable"),
       MakeNode("lookup", "NovelLookup", {"table", "read"})});
  Graph graph(ops::Builtin());
  ASSERT_THAT(ImportGraphDef(def, &graph), IsOk());
  // Nothing assigns v, as far as one can tell, but the unknown op.
  EXPECT_THAT(graph.Lint(), IsEmpty());
  graph.AddToCollection(keys::kTrainOp, *graph.FindOperation("apply"));
  EXPECT_THAT(graph.Lint(), IsEmpty());
}

TEST(LintImportTest, AGraphWithoutCollectionsIsInitializedByWhatItHas) {
  const proto::GraphDef def = MakeGraph(
      {MakeNode("v", "VariableV2", {}, {{"dtype", DType::kFloat}, {"shape", TensorShape{2}}}),
       MakeNode("u", "VariableV2", {}, {{"dtype", DType::kFloat}, {"shape", TensorShape{2}}}),
       MakeConst("c", Tensor::Zeros(DType::kFloat, {2})),
       MakeNode("assign", "Assign", {"v", "c"}, {{"T", DType::kFloat}}),
       MakeIdentity("v/read", "v"), MakeIdentity("u/read", "u")});
  Graph graph(ops::Builtin());
  ASSERT_THAT(ImportGraphDef(def, &graph), IsOk());
  EXPECT_THAT(Short(graph.Lint()), ElementsAre("uninitialized-variable: u"));
}

TEST(LintImportTest, LoopsEnd) {
  const AttrMap type = {{"T", DType::kFloat}};
  AttrMap frame = type;
  frame["frame_name"] = std::string("loop");
  const proto::GraphDef def =
      MakeGraph({MakeNode("x", "Placeholder", {}, {{"dtype", DType::kFloat}}),
                 MakeNode("go", "Placeholder", {}, {{"dtype", DType::kBool}}),
                 MakeNode("enter", "Enter", {"x"}, frame),
                 MakeNode("merge", "Merge", {"enter", "next"}, {{"T", DType::kFloat}, {"N", 2}}),
                 MakeNode("switch", "Switch", {"merge", "go"}, type),
                 MakeNode("next", "NextIteration", {"switch:1"}, type),
                 MakeNode("exit", "Exit", {"switch:0"}, type)});
  Graph graph(ops::Builtin());
  ASSERT_THAT(ImportGraphDef(def, &graph), IsOk());
  graph.AddToCollection(keys::kTrainOp, *graph.FindOperation("exit"));
  EXPECT_THAT(graph.Lint(), IsEmpty());
}

}  // namespace
}  // namespace sluice
