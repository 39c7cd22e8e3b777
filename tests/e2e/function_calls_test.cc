// Sessions over graphs that call functions: what users of a session see. Values of each op:
// tests/ops/functional_test.cc.
#include <algorithm>
#include <limits>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "graph/graph_def.h"
#include "gtest/gtest.h"
#include "ops/all_ops.h"
#include "ops/binary.h"
#include "session/session.h"
#include "tests/testing/core/status_matchers.h"
#include "tests/testing/function_builder.h"

namespace sluice {
namespace {

using absl::StatusCode;
using Functions = std::vector<proto::FunctionDef>;
using Nodes = std::vector<proto::NodeDef>;

const AttrMap kFloatT = {{"T", DType::kFloat}};

proto::NodeDef Input(const std::string& name, DType dtype = DType::kFloat) {
  return MakeNode(name, "Placeholder", {}, {{"dtype", dtype}, {"shape", TensorShape({})}});
}

// x + by, where the number is the function's own.
proto::FunctionDef Plus(const std::string& name, float by) {
  return MakeFunction(name,
                      {.inputs = {"x: float"},
                       .outputs = {"y: float"},
                       .nodes = {FloatConst("by", by), FloatOp("sum", "Add", "x", "by:output:0")},
                       .ret = {{"y", "sum:z:0"}}});
}

void Import(const Nodes& nodes, const Functions& functions, Graph* graph) {
  ASSERT_THAT(ImportGraphDef(WithFunctions(MakeGraph(nodes), functions), graph), IsOk());
}

Output At(const Graph& graph, const std::string& name) {
  const auto found = graph.FindElement(name);
  EXPECT_THAT(found, IsOk());
  return found.ok() ? *found : Output();
}

absl::StatusOr<float> RunOne(Session& session, const std::string& fetch, float a = 0) {
  const Graph& graph = session.graph();
  Feeds feeds;
  if (graph.FindNode("a") != nullptr) feeds.emplace_back(At(graph, "a:0"), Tensor::Scalar(a));
  auto results = session.Run(feeds, {At(graph, fetch)});
  if (!results.ok()) return results.status();
  return (*results)[0].scalar<float>();
}

void ExpectValue(Session& session, const std::string& fetch, float a, float wanted) {
  const auto got = RunOne(session, fetch, a);
  ASSERT_THAT(got, IsOk());
  EXPECT_EQ(*got, wanted) << fetch << " of " << a;
}

TEST(FunctionCallsTest, TheGraphOfTheSessionStaysAsItIs) {
  Graph graph(ops::Builtin());
  Import({Input("a"), MakeNode("c", "plus", {"a"})}, {Plus("plus", 2)}, &graph);
  auto session = Session::Create(graph);
  ASSERT_THAT(session, IsOk());
  ExpectValue(*session, "c:0", 1, 3);
  EXPECT_EQ(&session->graph(), &graph);
  EXPECT_EQ(graph.num_nodes(), 2);
  EXPECT_EQ(graph.FindNode("c")->op(), "plus");
}

TEST(FunctionCallsTest, GraphsGrowBetweenRuns) {
  Graph graph(ops::Builtin());
  Import({Input("a"), MakeCall("c", "PartitionedCall", "plus", {"a"}, 1, 1)}, {Plus("plus", 2)},
         &graph);
  auto session = Session::Create(graph);
  ASSERT_THAT(session, IsOk());
  ExpectValue(*session, "c:0", 1, 3);

  Import({Input("unused"), MakeNode("other", "more", {"unused"})}, {Plus("more", 7)}, &graph);
  const Scope root = Scope::Root(graph);
  const Output sum = ops::Mul(root.Named("product"), At(graph, "c:0"), At(graph, "a:0"));
  ASSERT_THAT(graph.status(), IsOk());
  ExpectValue(*session, "product:0", 3, 15);
  ExpectValue(*session, "c:0", 1, 3);  // by the plan of before
  const auto other = session->Run({{At(graph, "unused:0"), Tensor::Scalar(1.0f)}},
                                  {At(graph, "other:0"), At(graph, "unused:0")});
  ASSERT_THAT(other, IsOk());
  EXPECT_EQ((*other)[0].scalar<float>(), 8);
}

TEST(FunctionCallsTest, CallablesAndDescriptionsKnowCalls) {
  Graph graph(ops::Builtin());
  Import({Input("a"), MakeNode("c", "plus", {"a"})}, {Plus("plus", 2)}, &graph);
  auto session = Session::Create(graph);
  ASSERT_THAT(session, IsOk());
  auto call = session->MakeCallable({At(graph, "c:0")}, {At(graph, "a:0")});
  ASSERT_THAT(call, IsOk());
  for (const float a : {1.0f, 5.0f}) {
    const auto results = (*call)({Tensor::Scalar(a)});
    ASSERT_THAT(results, IsOk());
    EXPECT_EQ((*results)[0].scalar<float>(), a + 2);
  }
  const auto plan =
      session->DescribePlan({{At(graph, "a:0"), Tensor::Scalar(1.0f)}}, {At(graph, "c:0")});
  ASSERT_THAT(plan, IsOk());
  EXPECT_TRUE(std::any_of(plan->steps.begin(), plan->steps.end(),
                          [](const auto& step) { return step.node == "c/sum"; }));
}

TEST(FunctionCallsTest, ManyThreadsMayMakeTheFirstRun) {
  Graph graph(ops::Builtin());
  Import({Input("a"), MakeNode("c", "plus", {"a"})}, {Plus("plus", 2)}, &graph);
  auto session = Session::Create(graph);
  ASSERT_THAT(session, IsOk());
  std::vector<float> got(4, 0);
  std::vector<std::thread> threads;
  for (size_t i = 0; i < got.size(); ++i) {
    threads.emplace_back([&, i] {
      const auto value = RunOne(*session, "c:0", static_cast<float>(i));
      if (value.ok()) got[i] = *value;
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(got, (std::vector<float>{2, 3, 4, 5}));
}

// --- what cannot run ---

TEST(FunctionCallsTest, UnknownOpsInFunctionsAreNamedWhenARunReachesThem) {
  const auto strange = [](const std::string& name) {
    return MakeFunction(name, {.inputs = {"x: float"},
                               .outputs = {"known: float", "unknown: float"},
                               .nodes = {MakeNode("m", "Mystery", {"x"}),
                                         MakeNode("n", "Mystery", {"m:out:0", "m:out:1"}),
                                         FloatOp("ok", "Add", "x", "x"),
                                         MakeNode("r", "Riddle", {"n:left:0", "n:right:0"})},
                               .ret = {{"known", "ok:z:0"}, {"unknown", "r:answer:0"}}});
  };
  Graph graph(ops::Builtin());
  Import({Input("a"), MakeCall("c", "PartitionedCall", "f", {"a"}, 1, 2),
          MakeNode("b", "PlainlyUnknown", {"c:1"})},
         {strange("f")}, &graph);
  auto session = Session::Create(graph);
  ASSERT_THAT(session, IsOk());
  ExpectValue(*session, "c:0", 3, 6);
  const auto inside = RunOne(*session, "c:1", 3);
  EXPECT_THAT(inside, StatusIs(StatusCode::kUnimplemented,
                               "node 'c/m' (Mystery): Op type not registered 'Mystery'"));
  EXPECT_THAT(inside, StatusIs(StatusCode::kUnimplemented, ": Mystery (2 nodes), Riddle (1 node)"));
  EXPECT_THAT(RunOne(*session, "b:0", 3),
              StatusIs(StatusCode::kUnimplemented,
                       ": Mystery (2 nodes), PlainlyUnknown (1 node), Riddle (1 node)"));
}

TEST(FunctionCallsTest, AWrongCallFailsTheRunsThatNeedIt) {
  Graph graph(ops::Builtin());
  Import({Input("a"), MakeNode("good", "plus", {"a"}),
          MakeCall("bad", "PartitionedCall", "gone", {"a"}, 1, 1),
          FloatOp("sum", "Add", "good", "bad")},
         {Plus("plus", 2)}, &graph);
  auto session = Session::Create(graph);
  ASSERT_THAT(session, IsOk());
  ExpectValue(*session, "good:0", 1, 3);
  EXPECT_THAT(RunOne(*session, "sum:0", 1),
              StatusIs(StatusCode::kInvalidArgument,
                       "node 'bad' (PartitionedCall): function 'gone' is not in the graph's"));
  const auto fed = session->Run(
      {{At(graph, "a:0"), Tensor::Scalar(1.0f)}, {At(graph, "bad:0"), Tensor::Scalar(10.0f)}},
      {At(graph, "sum:0")});
  ASSERT_THAT(fed, IsOk());
  EXPECT_EQ((*fed)[0].scalar<float>(), 13);
}

TEST(FunctionCallsTest, WhatReadsACallMustFitIt) {
  const auto whole = MakeFunction("whole", {.inputs = {"x: float"},
                                            .outputs = {"y: int32"},
                                            .nodes = {MakeConst("i", Tensor::Scalar<int32_t>(1))},
                                            .ret = {{"y", "i:output:0"}}});
  Graph graph(ops::Builtin());
  Import({Input("a"), MakeNode("c", "whole", {"a"}), FloatOp("sum", "Add", "a", "c"),
          FloatOp("more", "Add", "sum", "sum")},
         {whole}, &graph);
  auto session = Session::Create(graph);
  ASSERT_THAT(session, IsOk());
  EXPECT_THAT(RunOne(*session, "more:0", 1),
              StatusIs(StatusCode::kInvalidArgument,
                       "node 'sum' (Add): Input 1 of node sum was passed int32"));
}

TEST(FunctionCallsTest, KernelErrorsNameTheNodeInTheCall) {
  const auto check = MakeFunction(
      "check",
      {.inputs = {"x: float"},
       .outputs = {"y: float"},
       .nodes = {MakeNode("n", "CheckNumerics", {"x"}, {{"T", DType::kFloat}, {"message", "bad"}})},
       .ret = {{"y", "n:output:0"}}});
  Graph graph(ops::Builtin());
  Import({Input("a"), MakeNode("c", "check", {"a"})}, {check}, &graph);
  auto session = Session::Create(graph);
  ASSERT_THAT(session, IsOk());
  EXPECT_THAT(RunOne(*session, "c:0", std::numeric_limits<float>::infinity()),
              StatusIs(StatusCode::kInvalidArgument, "node 'c/n' (CheckNumerics): bad"));
}

// --- TensorFlow 1's control flow, around calls and inside of functions ---

// switch, then `true_side` and `false_side`, then merge. `name` is put before the names.
Nodes Cond(const std::string& name, const std::string& x, const std::string& pred,
           const std::string& suffix) {
  return {MakeNode(name + "switch", "Switch", {x, pred}, kFloatT),
          MakeNode(name + "merge", "Merge", {name + "no" + suffix, name + "yes" + suffix},
                   {{"T", DType::kFloat}, {"N", int64_t{2}}})};
}

TEST(FunctionCallsTest, ACallInABranchThatIsNotTakenDoesNothing) {
  const auto fails =
      MakeFunction("fails", {.inputs = {"x: float"},
                             .outputs = {"y: float"},
                             .nodes = {MakeConst("no", Tensor::Scalar(false)),
                                       MakeNode("assert", "Assert", {"no:output:0", "x"},
                                                {{"T", std::vector<DType>{DType::kFloat}}}),
                                       FloatConst("seven", 7)},
                             .ret = {{"y", "seven:output:0"}},
                             .control_ret = {"assert"},
                             .stateful = true});
  Nodes nodes = Cond("", "a", "p", "");
  nodes.insert(nodes.end(),
               {Input("a"), FloatConst("zero", 0), FloatOp("p", "Less", "a", "zero"),
                MakeNode("yes", "fails", {"switch:1"}), MakeNode("no", "plus", {"switch"})});
  Graph graph(ops::Builtin());
  Import(nodes, {fails, Plus("plus", 2)}, &graph);
  auto session = Session::Create(graph);
  ASSERT_THAT(session, IsOk());
  ExpectValue(*session, "merge:0", 1, 3);
  EXPECT_THAT(RunOne(*session, "merge:0", -1),
              StatusIs(StatusCode::kInvalidArgument, "node 'yes/assert' (Assert)"));
  ExpectValue(*session, "merge:0", 5, 7);
}

// while x < 10: x = plus(x), in nodes whose names begin with `name`.
Nodes Loop(const std::string& name, const std::string& x, bool in_function) {
  const auto out = [&](const std::string& node, const std::string& arg) {
    return name + node + (in_function ? ":" + arg + ":0" : "");
  };
  AttrMap enter = kFloatT, constant = kFloatT;
  enter["frame_name"] = constant["frame_name"] = "frame";
  constant["is_constant"] = true;
  return {
      FloatConst(name + "ten", 10),
      MakeNode(name + "limit", "Enter", {out("ten", "output")}, constant),
      MakeNode(name + "enter", "Enter", {x}, enter),
      MakeNode(name + "merge", "Merge", {out("enter", "output"), out("next", "output")},
               {{"T", DType::kFloat}, {"N", int64_t{2}}}),
      FloatOp(name + "less", "Less", out("merge", "output"), out("limit", "output")),
      MakeNode(name + "cond", "LoopCond", {out("less", "z")}),
      MakeNode(name + "switch", "Switch", {out("merge", "output"), out("cond", "output")}, kFloatT),
      MakeNode(name + "body", "plus",
               {in_function ? name + "switch:output_true:0" : name + "switch:1"}),
      MakeNode(name + "next", "NextIteration", {out("body", "y")}, kFloatT),
      MakeNode(name + "exit", "Exit", {out("switch", "output_false")}, kFloatT)};
}

TEST(FunctionCallsTest, ACallInALoopRunsInEveryIteration) {
  Nodes nodes = Loop("", "a", false);
  nodes.push_back(Input("a"));
  Graph graph(ops::Builtin());
  Import(nodes, {Plus("plus", 3)}, &graph);
  auto session = Session::Create(graph);
  ASSERT_THAT(session, IsOk());
  ExpectValue(*session, "exit:0", 1, 10);
  ExpectValue(*session, "exit:0", 2, 11);
  ExpectValue(*session, "exit:0", 20, 20);
}

TEST(FunctionCallsTest, LoopsInFunctionsHaveFramesOfTheirOwn) {
  const auto up = MakeFunction("up", {.inputs = {"x: float"},
                                      .outputs = {"y: float"},
                                      .nodes = Loop("l/", "x", true),
                                      .ret = {{"y", "l/exit:output:0"}}});
  Graph graph(ops::Builtin());
  Import({Input("a"), FloatConst("two", 2), FloatOp("b", "Add", "a", "two"),
          MakeNode("c", "up", {"a"}), MakeNode("d", "up", {"b"}), FloatOp("e", "Mul", "c", "d")},
         {up, Plus("plus", 4)}, &graph);
  auto session = Session::Create(graph);
  ASSERT_THAT(session, IsOk());
  ExpectValue(*session, "e:0", 1, 143);  // 1, 5, 9, 13 and 3, 7, 11
  ExpectValue(*session, "e:0", 30, 960);
}

TEST(FunctionCallsTest, WhatABranchOfAFunctionTurnsOffDoesNotTurnOffTheCall) {
  Nodes nodes = Cond("", "x", "p:z:0", ":y:0");
  nodes.insert(nodes.end(),
               {FloatConst("zero", 0), FloatOp("p", "Less", "x", "zero:output:0"),
                MakeNode("yes", "fails", {"switch:output_true:0"}),
                MakeNode("no", "plus", {"switch:output_false:0"}), FloatConst("three", 3)});
  const auto choose =
      MakeFunction("choose", {.inputs = {"x: float"},
                              .outputs = {"chosen: float", "three: float"},
                              .nodes = nodes,
                              .ret = {{"chosen", "merge:output:0"}, {"three", "three:output:0"}},
                              .stateful = true});
  const auto fails =
      MakeFunction("fails", {.inputs = {"x: float"},
                             .outputs = {"y: float"},
                             .nodes = {MakeConst("no", Tensor::Scalar(false)),
                                       MakeNode("assert", "Assert", {"no:output:0", "x"},
                                                {{"T", std::vector<DType>{DType::kFloat}}})},
                             .ret = {{"y", "x"}},
                             .stateful = true});
  Graph graph(ops::Builtin());
  Import({Input("a"), MakeCall("c", "StatefulPartitionedCall", "choose", {"a"}, 1, 2)},
         {choose, fails, Plus("plus", 2)}, &graph);
  auto session = Session::Create(graph);
  ASSERT_THAT(session, IsOk());
  ExpectValue(*session, "c:0", 1, 3);
  ExpectValue(*session, "c:1", 1, 3);
  EXPECT_THAT(RunOne(*session, "c:1", -1),
              StatusIs(StatusCode::kInvalidArgument, "'c/yes/assert' (Assert)"));
}

}  // namespace
}  // namespace sluice
