// Calls of functions give what the functions compute: through a session, with values worked by
// hand (rule CF-30).
#include <memory>
#include <ostream>
#include <string>
#include <utility>
#include <vector>

#include "graph/graph_def.h"
#include "gtest/gtest.h"
#include "ops/all_ops.h"
#include "session/session.h"
#include "tests/testing/core/status_matchers.h"
#include "tests/testing/function_builder.h"

namespace sluice {
namespace {

using absl::StatusCode;
using Functions = std::vector<proto::FunctionDef>;
using Strings = std::vector<std::string>;

const std::vector<DType> kNoTypes = {};
std::vector<DType> FloatTypes(size_t n) { return std::vector<DType>(n, DType::kFloat); }
FuncRef Ref(const std::string& name) { return {name, nullptr}; }

// 2 x + y, a list of one more and one less.
proto::FunctionDef TwoXPlusY() {
  return MakeFunction("two_x_plus_y",
                      {.inputs = {"x: float", "y: float"},
                       .outputs = {"sum: float"},
                       .nodes = {FloatOp("add", "Add", "mul:z:0", "y"),  // before what it needs
                                 FloatOp("mul", "Mul", "x", "two:output:0"), FloatConst("two", 2)},
                       .ret = {{"sum", "add:z:0"}}});
}

proto::NodeDef Input(const std::string& name, DType dtype = DType::kFloat,
                     const TensorShape& shape = {}) {
  return MakeNode(name, "Placeholder", {}, {{"dtype", dtype}, {"shape", shape}});
}

// How the session runs, by name.
struct Mode {
  const char* name;
  SessionOptions options;
};
void PrintTo(const Mode& mode, std::ostream* out) { *out << mode.name; }

class FunctionalTest : public ::testing::TestWithParam<Mode> {
 protected:
  void Make(const std::vector<proto::NodeDef>& nodes, const Functions& functions) {
    graph_ = std::make_unique<Graph>(ops::Builtin());
    ASSERT_THAT(ImportGraphDef(WithFunctions(MakeGraph(nodes), functions), graph_.get()), IsOk());
    auto session = Session::Create(*graph_, GetParam().options);
    ASSERT_THAT(session, IsOk());
    session_ = std::make_unique<Session>(*std::move(session));
  }

  Output At(const std::string& name) {
    const auto found = graph_->FindElement(name);
    EXPECT_THAT(found, IsOk());
    return found.ok() ? *found : Output();
  }

  absl::StatusOr<std::vector<Tensor>> TryRun(
      const Strings& fetches, const std::vector<std::pair<std::string, Tensor>>& feeds = {}) {
    Feeds to;
    for (const auto& [name, value] : feeds) {
      const bool numbered = name.find(':') != std::string::npos;
      to.emplace_back(At(numbered ? name : name + ":0"), value);
    }
    Outputs from;
    for (const std::string& name : fetches) from.push_back(At(name));
    return session_->Run(to, from);
  }

  // Float scalars. Names of feeds without a number mean output 0.
  std::vector<float> Run(const Strings& fetches,
                         const std::vector<std::pair<std::string, float>>& feeds = {}) {
    std::vector<std::pair<std::string, Tensor>> tensors;
    for (const auto& [name, value] : feeds) tensors.emplace_back(name, Tensor::Scalar(value));
    const auto results = TryRun(fetches, tensors);
    EXPECT_THAT(results, IsOk());
    std::vector<float> values;
    if (!results.ok()) return values;
    for (const Tensor& result : *results) {
      if (!result.empty_handle()) values.push_back(result.scalar<float>());
    }
    return values;
  }

  std::unique_ptr<Graph> graph_;
  std::unique_ptr<Session> session_;
};

using Floats = std::vector<float>;

// --- plain calls ---

// CF-30
TEST_P(FunctionalTest, ANodeWhoseOpIsAFunctionCallsIt) {
  Make({Input("a"), FloatConst("b", 10), MakeNode("c", "two_x_plus_y", {"a", "b"}),
        FloatOp("d", "Add", "c", "a")},
       {TwoXPlusY()});
  EXPECT_EQ(Run({"d:0", "c:0"}, {{"a", 3}}), (Floats{19, 16}));
}

TEST_P(FunctionalTest, PartitionedCallsCallTheirFunction) {
  for (const char* op : {"PartitionedCall", "StatefulPartitionedCall"}) {
    Make({Input("a"), FloatConst("b", 10), MakeCall("c", op, "two_x_plus_y", {"a", "b"}, 2, 1)},
         {TwoXPlusY()});
    EXPECT_EQ(Run({"c:0"}, {{"a", 3}}), (Floats{16})) << op;
  }
}

TEST_P(FunctionalTest, FunctionsCallFunctions) {
  // twice(x) = f(f(x, x), 1): 2 (2 x + x) + 1 = 6 x + 1.
  const auto twice = MakeFunction(
      "twice", {.inputs = {"x: float"},
                .outputs = {"y: float"},
                .nodes = {FloatConst("one", 1), MakeNode("inner", "two_x_plus_y", {"x", "x"}),
                          MakeCall("outer", "PartitionedCall", "two_x_plus_y",
                                   {"inner:sum:0", "one:output:0"}, 2, 1)},
                .ret = {{"y", "outer:output:0"}}});
  Make({Input("a"), MakeNode("c", "twice", {"a"}), MakeNode("d", "twice", {"c"})},
       {twice, TwoXPlusY()});
  EXPECT_EQ(Run({"d:0"}, {{"a", 2}}), (Floats{79}));  // 6 (6 * 2 + 1) + 1
}

// Gives (x, y, x): results that are arguments, and one that is repeated.
proto::FunctionDef Swap() {
  return MakeFunction("swap", {.inputs = {"x: float", "y: float"},
                               .outputs = {"first: float", "second: float", "third: float"},
                               .ret = {{"first", "y"}, {"second", "x"}, {"third", "y:0"}}});
}

TEST_P(FunctionalTest, ResultsMayBeArguments) {
  Make({Input("a"), Input("b"), MakeCall("c", "PartitionedCall", "swap", {"a", "b"}, 2, 3),
        FloatOp("d", "Sub", "c:1", "c:2")},
       {Swap()});
  EXPECT_EQ(Run({"c:0", "c:1", "c:2", "d:0"}, {{"a", 1}, {"b", 5}}), (Floats{5, 1, 5, -4}));
}

TEST_P(FunctionalTest, WhatACallGivesCanBeFed) {
  Make({Input("a"), Input("b"), MakeCall("c", "PartitionedCall", "swap", {"a", "b"}, 2, 3),
        FloatOp("d", "Sub", "c:1", "c:2"), FloatOp("e", "Sub", "a", "c:1")},
       {Swap()});
  // c:1 alone is replaced, for all who read it; a, which it would have been, is not.
  EXPECT_EQ(Run({"d:0", "e:0"}, {{"a", 1}, {"b", 5}, {"c:1", 100}}), (Floats{95, -99}));
  EXPECT_EQ(Run({"d:0"}, {{"c:1", 100}, {"c:2", 40}}), (Floats{60}));
}

TEST_P(FunctionalTest, ListsAndTypesOfArgumentsComeFromAttributes) {
  // sum(n: N * T) = AddN(n), and back comes the list too.
  const auto sum = MakeFunction(
      "sum",
      {.inputs = {"values: N * T", "rest: R"},
       .outputs = {"total: T", "copies: N * T", "last: R"},
       .nodes = {WithPlaceholder(
           WithPlaceholder(MakeNode("add", "AddN", {"values:0", "values:1"}), "N", "N"), "T", "T")},
       .ret = {{"total", "add:sum:0"}, {"copies", "values"}, {"last", "rest"}},
       .type_lists = {"R"}});
  const AttrMap attrs = {{"N", int64_t{2}},
                         {"T", DType::kFloat},
                         {"R", std::vector<DType>{DType::kFloat, DType::kInt32}}};
  Make({Input("a"), Input("b"), MakeConst("i", Tensor::Scalar<int32_t>(7)),
        MakeNode("c", "sum", {"a", "b", "b", "i"}, attrs), FloatOp("d", "Sub", "c:1", "c:2"),
        MakeNode("i2", "Identity", {"c:4"}, {{"T", DType::kInt32}})},
       {sum});
  EXPECT_EQ(Run({"c:0", "d:0", "c:3"}, {{"a", 1}, {"b", 5}}), (Floats{6, -4, 5}));
  const auto last = TryRun({"i2:0"}, {{"a", Tensor::Scalar(1.0f)}, {"b", Tensor::Scalar(1.0f)}});
  ASSERT_THAT(last, IsOk());
  EXPECT_EQ((*last)[0].scalar<int32_t>(), 7);
}

TEST_P(FunctionalTest, AttributesOfAFunctionNamedByAnAttributeAreItsOwn) {
  const auto cast = MakeFunction(
      "cast", {.inputs = {"x: float"},
               .outputs = {"y: To"},
               .nodes = {WithPlaceholder(MakeNode("cast", "Cast", {"x"}, {{"SrcT", DType::kFloat}}),
                                         "DstT", "To")},
               .ret = {{"y", "cast:y:0"}}});
  const FuncRef to_int = {"cast", std::make_shared<AttrMap>(AttrMap{{"To", DType::kInt32}})};
  Make({Input("a"),
        MakeNode(
            "c", "PartitionedCall", {"a"},
            {{"f", to_int}, {"Tin", FloatTypes(1)}, {"Tout", std::vector<DType>{DType::kInt32}}})},
       {cast});
  const auto result = TryRun({"c:0"}, {{"a", Tensor::Scalar(2.75f)}});
  ASSERT_THAT(result, IsOk());
  EXPECT_EQ((*result)[0].scalar<int32_t>(), 2);
}

// --- variables and the order of effects ---

proto::NodeDef Handle(const std::string& name) {
  return MakeNode(name, "VarHandleOp", {},
                  {{"dtype", DType::kFloat}, {"shape", TensorShape({})}, {"shared_name", name}});
}
proto::NodeDef Assign(const std::string& name, const Strings& inputs) {
  return MakeNode(name, "AssignVariableOp", inputs, {{"dtype", DType::kFloat}});
}
proto::NodeDef AddTo(const std::string& name, const Strings& inputs) {
  return MakeNode(name, "AssignAddVariableOp", inputs, {{"dtype", DType::kFloat}});
}
proto::NodeDef Read(const std::string& name, const Strings& inputs) {
  return MakeNode(name, "ReadVariableOp", inputs, {{"dtype", DType::kFloat}});
}
// A call of a function of a variable and a float.
proto::NodeDef CallWithVariable(const std::string& name, const std::string& function,
                                const Strings& inputs, size_t outputs = 0) {
  return MakeNode(name, "StatefulPartitionedCall", inputs,
                  {{"f", Ref(function)},
                   {"Tin", std::vector<DType>{DType::kResource, DType::kFloat}},
                   {"Tout", FloatTypes(outputs)}});
}

TEST_P(FunctionalTest, AVariableIsTheSameInsideAndOutside) {
  const auto scale = MakeFunction(
      "scale", {.inputs = {"v: resource", "x: float"},
                .outputs = {"y: float"},
                .nodes = {Read("read", {"v"}), FloatOp("mul", "Mul", "read:value:0", "x")},
                .ret = {{"y", "mul:z:0"}},
                .stateful = true});
  Make({Handle("v"), Input("x"), Assign("set", {"v", "x"}),
        CallWithVariable("c", "scale", {"v", "x"}, 1)},
       {scale});
  EXPECT_THAT(TryRun({"c:0"}, {{"x", Tensor::Scalar(3.0f)}}),
              StatusIs(StatusCode::kFailedPrecondition, "node 'c/read' (ReadVariableOp)"));
  Run({"set"}, {{"x", 4}});
  EXPECT_EQ(Run({"c:0"}, {{"x", 3}}), (Floats{12}));
}

TEST_P(FunctionalTest, EffectsRunOnceInTheOrderOfControlEdges) {
  // v := x, then v += x, and nobody asks for either by data.
  const auto twice = MakeFunction(
      "set_twice", {.inputs = {"v: resource", "x: float"},
                    .nodes = {Assign("set", {"v", "x"}), AddTo("add", {"v", "x", "^set"})},
                    .control_ret = {"add"},
                    .stateful = true});
  const auto negate = MakeFunction(
      "negate", {.inputs = {"v: resource", "x: float"},
                 .nodes = {Read("read", {"v"}), FloatOp("neg", "Sub", "x", "read:value:0"),
                           Assign("set", {"v", "neg:z:0"})},
                 .stateful = true});
  auto after = CallWithVariable("second", "negate", {"v", "zero", "^first"});
  auto read = Read("now", {"v", "^second"});
  Make({Handle("v"), Input("x"), FloatConst("zero", 0),
        CallWithVariable("first", "set_twice", {"v", "x"}), after, read},
       {twice, negate});
  EXPECT_EQ(Run({"now:0"}, {{"x", 3}}), (Floats{-6}));
  EXPECT_EQ(Run({"now:0"}, {{"x", 5}}), (Floats{-10}));
  Run({"first"}, {{"x", 1}});
  EXPECT_EQ(Run({"now:0"}, {{"x", 2}}), (Floats{-4}));
}

TEST_P(FunctionalTest, AStatefulNodeRunsThoughNoResultNeedsIt) {
  const auto count = MakeFunction("count", {.inputs = {"v: resource", "x: float"},
                                            .outputs = {"y: float"},
                                            .nodes = {AddTo("add", {"v", "x"})},
                                            .ret = {{"y", "x"}},
                                            .stateful = true});
  Make({Handle("v"), Input("x"), Assign("set", {"v", "x"}),
        CallWithVariable("c", "count", {"v", "x"}, 1), Read("now", {"v"})},
       {count});
  Run({"set"}, {{"x", 1}});
  EXPECT_EQ(Run({"c:0"}, {{"x", 10}}), (Floats{10}));
  EXPECT_EQ(Run({"now:0"}), (Floats{11}));
}

// --- If and Case ---

// Adds x to a variable and gives x + step.
proto::FunctionDef Step(const std::string& name, float step) {
  return MakeFunction(name,
                      {.inputs = {"v: resource", "x: float"},
                       .outputs = {"y: float"},
                       .nodes = {FloatConst("step", step), AddTo("add", {"v", "step:output:0"}),
                                 FloatOp("sum", "Add", "x", "step:output:0")},
                       .ret = {{"y", "sum:z:0"}},
                       .control_ret = {"add"},
                       .stateful = true});
}

AttrMap IfAttrs(DType cond, const std::string& then_branch, const std::string& else_branch) {
  return {{"Tcond", cond},
          {"Tin", std::vector<DType>{DType::kResource, DType::kFloat}},
          {"Tout", FloatTypes(1)},
          {"then_branch", Ref(then_branch)},
          {"else_branch", Ref(else_branch)}};
}

TEST_P(FunctionalTest, OnlyTheBranchThatIsTakenHasEffects) {
  Make({Handle("v"), Input("x"), Input("p", DType::kBool), Assign("zero", {"v", "x"}),
        MakeNode("c", "If", {"p", "v", "x"}, IfAttrs(DType::kBool, "one", "hundred")),
        Read("now", {"v", "^c"})},
       {Step("one", 1), Step("hundred", 100)});
  Run({"zero"}, {{"x", 0}});
  const auto run = [&](bool p) {
    return TryRun({"c:0", "now:0"}, {{"x", Tensor::Scalar(0.5f)}, {"p", Tensor::Scalar(p)}});
  };
  const auto taken = run(true);
  ASSERT_THAT(taken, IsOk());
  EXPECT_EQ((*taken)[0].scalar<float>(), 1.5f);
  EXPECT_EQ((*taken)[1].scalar<float>(), 1);
  const auto other = run(false);
  ASSERT_THAT(other, IsOk());
  EXPECT_EQ((*other)[0].scalar<float>(), 100.5f);
  EXPECT_EQ((*other)[1].scalar<float>(), 101);
}

TEST_P(FunctionalTest, NumbersThatAreNotZeroAreTrue) {
  Make({Handle("v"), Input("x"), Input("p", DType::kInt32), Assign("zero", {"v", "x"}),
        MakeNode("c", "If", {"p", "v", "x"}, IfAttrs(DType::kInt32, "one", "hundred"))},
       {Step("one", 1), Step("hundred", 100)});
  Run({"zero"}, {{"x", 0}});
  for (const auto& [p, wanted] : std::vector<std::pair<int32_t, float>>{{-3, 1}, {0, 100}}) {
    const auto got = TryRun({"c:0"}, {{"x", Tensor::Scalar(0.0f)}, {"p", Tensor::Scalar(p)}});
    ASSERT_THAT(got, IsOk());
    EXPECT_EQ((*got)[0].scalar<float>(), wanted) << p;
  }
}

// x, or whatever is left of it after the branches of an If in a branch of an If: p ? (q ? x + 1 :
// x + 10) : x + 100.
TEST_P(FunctionalTest, ConditionalsNest) {
  const auto plus = [](const std::string& name, float step) {
    return MakeFunction(
        name, {.inputs = {"q: bool", "x: float"},
               .outputs = {"y: float"},
               .nodes = {FloatConst("step", step), FloatOp("sum", "Add", "x", "step:output:0")},
               .ret = {{"y", "sum:z:0"}}});
  };
  const AttrMap attrs = {{"Tcond", DType::kBool},
                         {"Tin", std::vector<DType>{DType::kBool, DType::kFloat}},
                         {"Tout", FloatTypes(1)}};
  AttrMap inner = attrs, outer = attrs;
  inner["then_branch"] = Ref("one");
  inner["else_branch"] = Ref("ten");
  outer["then_branch"] = Ref("choose");
  outer["else_branch"] = Ref("hundred");
  const auto choose =
      MakeFunction("choose", {.inputs = {"q: bool", "x: float"},
                              .outputs = {"y: float"},
                              .nodes = {MakeNode("if", "StatelessIf", {"q", "q", "x"}, inner)},
                              .ret = {{"y", "if:output:0"}}});
  Make({Input("x"), Input("p", DType::kBool), Input("q", DType::kBool),
        MakeNode("c", "StatelessIf", {"p", "q", "x"}, outer)},
       {plus("one", 1), plus("ten", 10), plus("hundred", 100), choose});
  const auto run = [&](bool p, bool q) {
    const auto got = TryRun(
        {"c:0"}, {{"x", Tensor::Scalar(0.0f)}, {"p", Tensor::Scalar(p)}, {"q", Tensor::Scalar(q)}});
    EXPECT_THAT(got, IsOk());
    return got.ok() ? (*got)[0].scalar<float>() : -1;
  };
  EXPECT_EQ(run(true, true), 1);
  EXPECT_EQ(run(true, false), 10);
  EXPECT_EQ(run(false, true), 100);
  EXPECT_EQ(run(false, false), 100);
}

TEST_P(FunctionalTest, CaseTakesTheBranchOfThatNumberElseTheLast) {
  AttrMap attrs = {{"Tin", std::vector<DType>{DType::kResource, DType::kFloat}},
                   {"Tout", FloatTypes(1)},
                   {"branches", std::vector<FuncRef>{Ref("one"), Ref("ten"), Ref("hundred")}}};
  Make({Handle("v"), Input("x"), Input("i", DType::kInt32), Assign("zero", {"v", "x"}),
        MakeNode("c", "Case", {"i", "v", "x"}, attrs), Read("now", {"v", "^c"})},
       {Step("one", 1), Step("ten", 10), Step("hundred", 100)});
  Run({"zero"}, {{"x", 0}});
  float total = 0;
  for (const auto& [i, wanted] :
       std::vector<std::pair<int32_t, float>>{{0, 1}, {1, 10}, {2, 100}, {3, 100}, {-1, 100}}) {
    const auto got =
        TryRun({"c:0", "now:0"}, {{"x", Tensor::Scalar(0.0f)}, {"i", Tensor::Scalar(i)}});
    ASSERT_THAT(got, IsOk());
    total += wanted;
    EXPECT_EQ((*got)[0].scalar<float>(), wanted) << i;
    EXPECT_EQ((*got)[1].scalar<float>(), total) << i;
  }
}

// --- While ---

// Loop variables i, x and by: while i < limit: i += 1, x *= by.
Functions PowerFunctions(float limit) {
  const Strings inputs = {"i: float", "x: float", "by: float"};
  return {MakeFunction("go_on", {.inputs = inputs,
                                 .outputs = {"go: bool"},
                                 .nodes = {FloatConst("limit", limit),
                                           FloatOp("less", "Less", "i", "limit:output:0")},
                                 .ret = {{"go", "less:z:0"}}}),
          MakeFunction("turn",
                       {.inputs = inputs,
                        .outputs = {"i2: float", "x2: float", "by2: float"},
                        .nodes = {FloatConst("one", 1), FloatOp("next", "Add", "i", "one:output:0"),
                                  FloatOp("mul", "Mul", "x", "by")},
                        .ret = {{"i2", "next:z:0"}, {"x2", "mul:z:0"}, {"by2", "by"}}})};
}

AttrMap WhileAttrs(const std::vector<DType>& types, const std::string& cond,
                   const std::string& body) {
  return {{"T", types}, {"cond", Ref(cond)}, {"body", Ref(body)}};
}

TEST_P(FunctionalTest, LoopsRunUntilTheirConditionIsFalse) {
  for (const char* op : {"While", "StatelessWhile"}) {
    Make({Input("start"), Input("by"), FloatConst("one", 1),
          MakeNode("c", op, {"start", "one", "by"}, WhileAttrs(FloatTypes(3), "go_on", "turn"))},
         PowerFunctions(5));
    EXPECT_EQ(Run({"c:0", "c:1", "c:2"}, {{"start", 0}, {"by", 3}}), (Floats{5, 243, 3})) << op;
    EXPECT_EQ(Run({"c:1"}, {{"start", 3}, {"by", 3}}), (Floats{9})) << op;
    EXPECT_EQ(Run({"c:0", "c:1", "c:2"}, {{"start", 7}, {"by", 3}}), (Floats{7, 1, 3})) << op;
  }
}

// for i in 0, 1, 2: for j in 0, 1: x *= 3: 3^6.
TEST_P(FunctionalTest, LoopsNest) {
  Functions functions = PowerFunctions(2);
  const Strings inputs = {"i: float", "x: float", "by: float"};
  functions.push_back(MakeFunction(
      "outer_go_on",
      {.inputs = inputs,
       .outputs = {"go: bool"},
       .nodes = {FloatConst("limit", 3), FloatOp("less", "Less", "i", "limit:output:0")},
       .ret = {{"go", "less:z:0"}}}));
  functions.push_back(MakeFunction(
      "outer_turn", {.inputs = inputs,
                     .outputs = {"i2: float", "x2: float", "by2: float"},
                     .nodes = {FloatConst("one", 1), FloatConst("zero", 0),
                               FloatOp("next", "Add", "i", "one:output:0"),
                               MakeNode("inner", "StatelessWhile", {"zero:output:0", "x", "by"},
                                        WhileAttrs(FloatTypes(3), "go_on", "turn"))},
                     .ret = {{"i2", "next:z:0"}, {"x2", "inner:output:1"}, {"by2", "by"}}}));
  Make({FloatConst("zero", 0), FloatConst("one", 1), Input("by"),
        MakeNode("c", "StatelessWhile", {"zero", "one", "by"},
                 WhileAttrs(FloatTypes(3), "outer_go_on", "outer_turn"))},
       functions);
  EXPECT_EQ(Run({"c:0", "c:1"}, {{"by", 3}}), (Floats{3, 729}));
}

// while v < 10: v *= 2, with no other state than the variable.
TEST_P(FunctionalTest, ALoopMayHaveNothingButVariables) {
  const std::vector<DType> types = {DType::kResource};
  Make({Handle("v"), Input("x"), Assign("set", {"v", "x"}),
        MakeNode("c", "While", {"v", "^set"}, WhileAttrs(types, "small", "twice")),
        Read("now", {"v", "^c"})},
       {MakeFunction("small", {.inputs = {"v: resource"},
                               .outputs = {"go: bool"},
                               .nodes = {FloatConst("ten", 10), Read("read", {"v"}),
                                         FloatOp("less", "Less", "read:value:0", "ten:output:0")},
                               .ret = {{"go", "less:z:0"}},
                               .stateful = true}),
        MakeFunction(
            "twice",
            {.inputs = {"v: resource"},
             .outputs = {"out: resource"},
             .nodes = {Read("read", {"v"}), FloatOp("sum", "Add", "read:value:0", "read:value:0"),
                       Assign("set", {"v", "sum:z:0"}),
                       MakeNode("id", "Identity", {"v"}, {{"T", DType::kResource}})},
             .ret = {{"out", "id:output:0"}},
             .control_ret = {"set"},
             .stateful = true})});
  EXPECT_EQ(Run({"now:0"}, {{"x", 3}}), (Floats{12}));
  EXPECT_EQ(Run({"now:0"}, {{"x", 11}}), (Floats{11}));
  EXPECT_EQ(Run({"now:0"}, {{"x", 0.5}}), (Floats{16}));
}

// A variable read in a branch has its present value, run after run.
TEST_P(FunctionalTest, BranchesReadTheirVariablesAnew) {
  const auto product = MakeFunction(
      "product", {.inputs = {"v: resource", "x: float"},
                  .outputs = {"y: float"},
                  .nodes = {Read("read", {"v"}), FloatOp("mul", "Mul", "read:value:0", "x"),
                            FloatOp("square", "Mul", "read:value:0", "read:value:0"),
                            FloatOp("sum", "Add", "mul:z:0", "square:z:0")},
                  .ret = {{"y", "sum:z:0"}},
                  .stateful = true});
  const auto nothing = MakeFunction(
      "nothing",
      {.inputs = {"v: resource", "x: float"}, .outputs = {"y: float"}, .ret = {{"y", "x"}}});
  Make({Handle("v"), Input("x"), Input("p", DType::kBool), Assign("set", {"v", "x"}),
        MakeNode("c", "If", {"p", "v", "x"}, IfAttrs(DType::kBool, "product", "nothing"))},
       {product, nothing});
  for (const float v : {2.0f, 3.0f}) {
    Run({"set"}, {{"x", v}});
    for (const bool p : {true, false, true}) {
      const auto got = TryRun({"c:0"}, {{"x", Tensor::Scalar(10.0f)}, {"p", Tensor::Scalar(p)}});
      ASSERT_THAT(got, IsOk());
      EXPECT_EQ((*got)[0].scalar<float>(), p ? 10 * v + v * v : 10) << v;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Modes, FunctionalTest,
                         ::testing::Values(Mode{"optimized", {}},
                                           Mode{"plain", {.optimize = false}},
                                           Mode{"waves", {.inter_op_threads = 3}}),
                         [](const auto& info) { return std::string(info.param.name); });

}  // namespace
}  // namespace sluice
