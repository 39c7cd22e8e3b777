#include "train/freeze.h"

#include "graph/graph_def.h"
#include "graph/node.h"
#include "ops/binary.h"
#include "ops/identity.h"
#include "ops/matmul.h"
#include "ops/relu.h"
#include "proto/graph.pb.h"
#include "tests/testing/program/names.h"

namespace sluice::train {
namespace {

class FreezeTest : public NamesFixture {
 protected:
  Variable Weight(const Scope& scope, const std::string& name, const TensorShape& shape,
                  std::initializer_list<float> values) {
    return GetVariable(scope, name, {.initializer = Tensor::Of<float>(shape, values)});
  }
  // Freezes the fixture's session; empty, and a failed test, on an error.
  proto::GraphDef Freeze(const Outputs& outputs, const FreezeOptions& options = {}) {
    proto::GraphDef def;
    EXPECT_THAT(TryFreeze(outputs, &def, options), IsOk());
    return def;
  }
  absl::Status TryFreeze(const Outputs& outputs, proto::GraphDef* def,
                         const FreezeOptions& options = {}) {
    if (!session_.has_value()) Run(ops::NoOp(root_));
    return FreezeGraph(*session_, outputs, def, options);
  }
  static Strings Listing(const proto::GraphDef& def) {
    Strings lines;
    for (const proto::NodeDef& node : def.node()) lines.push_back(node.name() + " " + node.op());
    return lines;
  }
  // The value of `name` in a graph imported from `def`.
  static Tensor RunFrozen(const proto::GraphDef& def, const std::string& name,
                          const std::string& fed = "", const Tensor& value = {}) {
    Graph graph(ops::Builtin());
    EXPECT_THAT(ImportGraphDef(def, &graph), IsOk());
    absl::StatusOr<Session> session = Session::Create(graph, {.intra_op_threads = 1});
    EXPECT_THAT(session, IsOk());
    Feeds feeds;
    if (!fed.empty()) feeds.push_back({*graph.FindTensor(fed), value});
    absl::StatusOr<std::vector<Tensor>> results = session->Run(feeds, {*graph.FindTensor(name)});
    EXPECT_THAT(results, IsOk());
    return results.ok() ? (*results)[0] : Tensor();
  }
};

TEST_F(FreezeTest, VariablesBecomeConstantsUnderTheirNames) {  // FZ-2
  const Output x = ops::Placeholder(root_.Named("x"), DType::kFloat, {-1, 2});
  const Variable w = Weight(root_, "w", {2, 1}, {2, 3});
  const Output y = ops::MatMul(root_.Named("y"), x, w);
  ops::Relu(root_, y);  // not needed
  const proto::GraphDef def = Freeze({y});
  EXPECT_EQ(Listing(def),
            (Strings{"x Placeholder", "w Const", "w/Read/ReadVariableOp Identity", "y MatMul"}));
  EXPECT_EQ(def.versions().producer(), kGraphDefProducer);
  EXPECT_EQ(def.node(1).attr().at("dtype").type(), proto::DT_FLOAT);
  EXPECT_EQ(def.node(1).input_size(), 0);
  EXPECT_EQ(def.node(2).attr().size(), 1u);
  EXPECT_EQ(def.node(2).attr().at("T").type(), proto::DT_FLOAT);
  ExpectClose(RunFrozen(def, "y:0", "x:0", Tensor::Of<float>({1, 2}, {10, 1})),
              FromDoubles(DType::kFloat, {1, 1}, {23}));
}

TEST_F(FreezeTest, ReferenceVariablesKeepTheirReads) {  // FZ-2
  const Variable w = Weight(RootFor(Kind::kReference), "w", {2}, {2, 3});
  const Output y = ops::Identity(root_.Named("y"), w);
  const proto::GraphDef def = Freeze({y});
  EXPECT_EQ(Listing(def), (Strings{"w Const", "w/read Identity", "y Identity"}));
  ExpectClose(RunFrozen(def, "y:0"), FromDoubles(DType::kFloat, {2}, {2, 3}));
}

TEST_F(FreezeTest, HoldsWhatTheSessionHoldsNow) {
  const Variable w = Weight(root_, "w", {2}, {2, 3});
  const Output y = ops::Identity(root_.Named("y"), w);
  Run(w.Assign(root_, Values({2}, {7, 8})));
  ExpectClose(RunFrozen(Freeze({y}), "y:0"), FromDoubles(DType::kFloat, {2}, {7, 8}));
}

TEST_F(FreezeTest, GatheredRowsAndShapes) {
  const Variable w = Weight(root_, "w", {3, 2}, {1, 2, 3, 4, 5, 6});
  const Output rows = w.SparseRead(root_.Named("rows"), ops::Const<int32_t>(root_, {2, 0}));
  const Output shape = At(root_.Named("shape")).Node("VariableShape", {w.handle()});
  const proto::GraphDef def = Freeze({rows, shape});
  ExpectClose(RunFrozen(def, "rows:0"), FromDoubles(DType::kFloat, {2, 2}, {5, 6, 1, 2}));
  ExpectClose(RunFrozen(def, "shape:0"), Tensor::Of<int32_t>({2}, {3, 2}));
}

TEST_F(FreezeTest, ListsChooseVariables) {  // FZ-2
  const Variable a = Weight(root_, "a", {1}, {1}), b = Weight(root_, "b", {1}, {2});
  const Output y = ops::Add(root_.Named("y"), a, b);
  const Strings only_a = {"a Const", "a/Read/ReadVariableOp Identity", "b VarHandleOp",
                          "b/Read/ReadVariableOp ReadVariableOp", "y Add"};
  EXPECT_EQ(Listing(Freeze({y}, {.variable_names_whitelist = {"a"}})), only_a);
  EXPECT_EQ(Listing(Freeze({y}, {.variable_names_blacklist = {"b"}})), only_a);
}

TEST_F(FreezeTest, WhatTheOutputsDoNotNeedMayBeUninitialized) {  // FZ-2
  const Variable a = Weight(root_, "a", {1}, {1});
  const Output y = ops::Identity(root_.Named("y"), a);
  Run(ops::NoOp(root_));
  const Variable late = Weight(root_, "late", {1}, {1});
  EXPECT_EQ(Listing(Freeze({y})).size(), 3u);
  proto::GraphDef def;
  EXPECT_THAT(TryFreeze({late.value()}, &def),
              StatusIs(absl::StatusCode::kFailedPrecondition, "late"));
}

TEST_F(FreezeTest, ControlInputsStay) {  // FZ-1
  const Variable w = Weight(root_, "w", {1}, {1});
  const Output before = ops::NoOp(root_.Named("before"));
  const Output y = ops::Identity(root_.After({before}).Named("y"), w);
  const proto::GraphDef def = Freeze({y});
  EXPECT_EQ(Listing(def),
            (Strings{"w Const", "w/Read/ReadVariableOp Identity", "before NoOp", "y Identity"}));
  EXPECT_EQ(def.node(3).input(1), "^before");
}

TEST_F(FreezeTest, NodesCanBeEvaluated) {
  const Variable a = Weight(root_, "a", {2}, {1, 2}), b = Weight(root_, "b", {2}, {3, 4});
  const Output product = ops::Mul(root_.Named("in/product"), a, b);
  const Output y = ops::Relu(root_.Named("y"), product);
  const proto::GraphDef def = Freeze({y}, {.evaluate_nodes_named = "product"});
  EXPECT_EQ(Listing(def), (Strings{"in/product Const", "y Relu"}));
  ExpectClose(RunFrozen(def, "y:0"), FromDoubles(DType::kFloat, {2}, {3, 8}));
}

TEST_F(FreezeTest, RefusesWhatTrains) {
  const Variable w = Weight(root_, "w", {1}, {1});
  const Output change = w.AssignAdd(root_.Named("change"), Values({1}, {1}));
  proto::GraphDef def;
  EXPECT_THAT(TryFreeze({change}, &def),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       "change (AssignAddVariableOp), which takes the variable w itself"));
  const Variable r = Weight(RootFor(Kind::kReference), "r", {1}, {1});
  const Output ref_change = r.AssignAdd(root_.Named("ref_change"), Values({1}, {1}));
  session_.reset();
  EXPECT_THAT(TryFreeze({ref_change}, &def),
              StatusIs(absl::StatusCode::kFailedPrecondition, "ref_change (AssignAdd)"));
}

TEST_F(FreezeTest, RefusesOutputsThatAreNone) {
  Weight(root_, "w", {1}, {1});
  proto::GraphDef def;
  EXPECT_THAT(TryFreeze({}, &def), StatusIs(absl::StatusCode::kInvalidArgument, "no outputs"));
  EXPECT_THAT(TryFreeze({Output()}, &def),
              StatusIs(absl::StatusCode::kInvalidArgument, "is not an element of"));
}

TEST_F(FreezeTest, BytesAreTheSameEveryTime) {
  const Variable w = Weight(root_, "w", {2}, {2, 3});
  const Output y = ops::Identity(root_.Named("y"), w);
  Run(y);
  const absl::StatusOr<std::string> one = FreezeToBytes(*session_, {y}),
                                    two = FreezeToBytes(*session_, {y});
  ASSERT_THAT(one, IsOk());
  EXPECT_EQ(*one, *two);
  Graph graph(ops::Builtin());
  ASSERT_THAT(ImportFrozen(*one, &graph), IsOk());
  EXPECT_NE(graph.FindNode("y"), nullptr);
  EXPECT_FALSE(ImportFrozen("garbage\x01", &graph).ok());
}

TEST_F(FreezeTest, SubGraphsKeepTheOrder) {  // FZ-1
  proto::GraphDef def;
  const Output a = ops::Const(root_.Named("a"), 1.0f), b = ops::Const(root_.Named("b"), 2.0f);
  ops::Add(root_.Named("c"), a, b);
  ops::Relu(root_.Named("d"), a);
  ASSERT_THAT(ToGraphDef(graph_, &def), IsOk());
  ASSERT_THAT(ExtractSubGraph({"d"}, &def), IsOk());
  EXPECT_EQ(Listing(def), (Strings{"a Const", "d Relu"}));
  EXPECT_THAT(ExtractSubGraph({"z"}, &def),
              StatusIs(absl::StatusCode::kNotFound, "z is not in graph"));
}

}  // namespace
}  // namespace sluice::train
