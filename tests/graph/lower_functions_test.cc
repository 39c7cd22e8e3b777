// What calls of functions become: names, edges, and what is wrong with them. Values:
// tests/ops/functional_test.cc.
#include "graph/lower_functions.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <ostream>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "graph/graph_def.h"
#include "ops/all_ops.h"
#include "tests/testing/core/status_matchers.h"
#include "tests/testing/function_builder.h"

namespace sluice {
namespace {

using absl::StatusCode;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;
using Functions = std::vector<proto::FunctionDef>;
using Nodes = std::vector<proto::NodeDef>;
using Strings = std::vector<std::string>;

std::unique_ptr<Graph> Import(const Nodes& nodes, const Functions& functions) {
  auto graph = std::make_unique<Graph>(ops::Builtin());
  EXPECT_THAT(ImportGraphDef(WithFunctions(MakeGraph(nodes), functions), graph.get()), IsOk());
  return graph;
}

// Of a node of a lowered graph, as in a GraphDef.
Strings InputsOf(const LoweredGraph& lowered, const std::string& name) {
  const Node* node = lowered.graph->FindNode(name);
  if (node == nullptr) return {absl::StrCat("no node ", name)};
  Strings inputs;
  for (int i = 0; i < node->num_inputs(); ++i) {
    const Edge& edge = node->input_edge(i);
    inputs.push_back(edge.node == nullptr ? "?" : edge.node->output(edge.index).name());
  }
  for (const Node* control : node->control_inputs()) {
    inputs.push_back(absl::StrCat("^", control->name()));
  }
  return inputs;
}

std::set<std::string> NamesOf(const Graph& graph) {
  std::set<std::string> names;
  for (int i = 0; i < graph.num_nodes(); ++i) names.insert(graph.node(i)->name());
  return names;
}

proto::NodeDef Input(const std::string& name, DType dtype = DType::kFloat) {
  return MakeNode(name, "Placeholder", {}, {{"dtype", dtype}, {"shape", TensorShape({})}});
}

// x + 1.
proto::FunctionDef Increment() {
  return MakeFunction("increment",
                      {.inputs = {"x: float"},
                       .outputs = {"y: float"},
                       .nodes = {FloatConst("one", 1), FloatOp("sum", "Add", "x", "one:output:0")},
                       .ret = {{"y", "sum:z:0"}}});
}

// (x - y, x), and a node that nobody needs.
proto::FunctionDef Two() {
  return MakeFunction("two", {.inputs = {"x: float", "y: float"},
                              .outputs = {"difference: float", "same: float"},
                              .nodes = {FloatOp("sub", "Sub", "x", "y"), FloatConst("unused", 3)},
                              .ret = {{"difference", "sub:z:0"}, {"same", "x"}}});
}

// --- names and edges ---

TEST(LowerFunctionsTest, OneResultKeepsTheNameOfTheCall) {
  const auto graph =
      Import({Input("a"), MakeNode("c", "increment", {"a"}), FloatOp("d", "Add", "c", "a")},
             {Increment()});
  const auto lowered = LowerFunctions(*graph);
  ASSERT_THAT(lowered, IsOk());
  EXPECT_THAT(lowered->failures, IsEmpty());
  EXPECT_THAT(NamesOf(*lowered->graph), UnorderedElementsAre("a", "c/one", "c/sum", "c", "d"));
  EXPECT_THAT(InputsOf(*lowered, "c/sum"), ElementsAre("a:0", "c/one:0"));
  EXPECT_THAT(InputsOf(*lowered, "c"), ElementsAre("c/sum:0"));
  EXPECT_THAT(InputsOf(*lowered, "d"), ElementsAre("c:0", "a:0"));
  EXPECT_EQ(lowered->graph->FindNode("c")->op(), "Identity");
  EXPECT_EQ(lowered->Find(*graph->FindTensor("c:0")).name(), "c:0");
  EXPECT_EQ(lowered->Find(*graph->FindOperation("d")).name(), "d");
  EXPECT_EQ(lowered->graph->function_library(), "");
}

TEST(LowerFunctionsTest, SeveralResultsGetNodesOfTheirOwn) {
  const auto graph =
      Import({Input("a"), Input("b"), MakeCall("c", "PartitionedCall", "two", {"a", "b"}, 2, 2),
              FloatOp("d", "Add", "c:1", "c:0"), MakeNode("e", "NoOp", {"^c"})},
             {Two()});
  const auto lowered = LowerFunctions(*graph);
  ASSERT_THAT(lowered, IsOk());
  EXPECT_THAT(InputsOf(*lowered, "c/output_0"), ElementsAre("c/sub:0"));
  EXPECT_THAT(InputsOf(*lowered, "c/output_1"), ElementsAre("a:0"));
  EXPECT_THAT(InputsOf(*lowered, "c"), ElementsAre("^c/output_0", "^c/output_1"));
  EXPECT_THAT(InputsOf(*lowered, "d"), ElementsAre("c/output_1:0", "c/output_0:0"));
  EXPECT_THAT(InputsOf(*lowered, "e"), ElementsAre("^c"));
  EXPECT_EQ(lowered->Find(*graph->FindTensor("c:1")).name(), "c/output_1:0");
  EXPECT_EQ(lowered->Find(*graph->FindOperation("c")).name(), "c");
}

TEST(LowerFunctionsTest, NamesThatTheGraphHasAreNotTakenTwice) {
  const auto graph = Import({Input("a"), MakeNode("c", "increment", {"a"}), FloatConst("c/one", 7),
                             FloatConst("c/one_1", 8)},
                            {Increment()});
  const auto lowered = LowerFunctions(*graph);
  ASSERT_THAT(lowered, IsOk());
  EXPECT_THAT(InputsOf(*lowered, "c/sum"), ElementsAre("a:0", "c/one_2:0"));
  EXPECT_EQ(lowered->graph->FindNode("c/one")->attr<Tensor>("value").scalar<float>(), 7);
}

TEST(LowerFunctionsTest, WhatTheCallWaitsForItsBodyWaitsFor) {
  const auto graph = Import({Input("a"), MakeNode("first", "NoOp"), MakeNode("other", "NoOp"),
                             MakeNode("c", "increment", {"a", "^first", "^other"})},
                            {Increment()});
  const auto lowered = LowerFunctions(*graph);
  ASSERT_THAT(lowered, IsOk());
  EXPECT_THAT(InputsOf(*lowered, "c/one"), ElementsAre("^first", "^other"));
  EXPECT_THAT(InputsOf(*lowered, "c/sum"), ElementsAre("a:0", "c/one:0"));
  EXPECT_THAT(InputsOf(*lowered, "c"), ElementsAre("c/sum:0", "^first", "^other"));
}

TEST(LowerFunctionsTest, WhoWaitsForTheCallWaitsForItsEffects) {
  const auto noisy = MakeFunction(
      "noisy",
      {.inputs = {"x: float"},
       .outputs = {"y: float"},
       .nodes = {MakeNode("random", "RandomUniform", {"shape:output:0"},
                          {{"T", DType::kInt32}, {"dtype", DType::kFloat}}),
                 MakeConst("shape", Tensor::Of<int32_t>({1}, {2})), MakeNode("marked", "NoOp")},
       .ret = {{"y", "x"}},
       .control_ret = {"marked"},
       .stateful = true});
  const auto graph = Import({Input("a"), MakeNode("c", "noisy", {"a"})}, {noisy});
  const auto lowered = LowerFunctions(*graph);
  ASSERT_THAT(lowered, IsOk());
  EXPECT_THAT(InputsOf(*lowered, "c"), ElementsAre("a:0", "^c/random", "^c/marked"));
}

TEST(LowerFunctionsTest, CallsInBodiesHaveTheNamesOfBoth) {
  const auto twice = MakeFunction("twice", {.inputs = {"x: float"},
                                            .outputs = {"y: float"},
                                            .nodes = {MakeNode("in", "increment", {"x"}),
                                                      MakeNode("out", "increment", {"in:y:0"})},
                                            .ret = {{"y", "out:y"}}});
  const auto graph = Import({Input("a"), MakeNode("c", "twice", {"a"})}, {Increment(), twice});
  const auto lowered = LowerFunctions(*graph);
  ASSERT_THAT(lowered, IsOk());
  EXPECT_THAT(NamesOf(*lowered->graph),
              UnorderedElementsAre("a", "c", "c/in", "c/in/one", "c/in/sum", "c/out", "c/out/one",
                                   "c/out/sum"));
  EXPECT_THAT(InputsOf(*lowered, "c/out/sum"), ElementsAre("c/in:0", "c/out/one:0"));
}

TEST(LowerFunctionsTest, NotesOfBodiesAreLeftOut) {
  auto sum = FloatOp("sum", "Add", "x", "x");
  (*sum.mutable_attr())["_class"].mutable_list()->add_s("loc:@x");
  (*sum.mutable_attr())["_output_shapes"].mutable_list()->add_shape()->add_dim()->set_size(99);
  (*sum.mutable_attr())["_kept"].set_i(5);
  sum.mutable_experimental_debug_info()->add_original_node_names("origin");
  const auto noted = MakeFunction(
      "noted",
      {.inputs = {"x: float"}, .outputs = {"y: float"}, .nodes = {sum}, .ret = {{"y", "sum:z:0"}}});
  const auto graph = Import({Input("a"), MakeNode("c", "noted", {"a"})}, {noted});
  const auto lowered = LowerFunctions(*graph);
  ASSERT_THAT(lowered, IsOk());
  const Node* node = lowered->graph->FindNode("c/sum");
  ASSERT_NE(node, nullptr);
  EXPECT_EQ(FindAttr(node->attrs(), "_class"), nullptr);
  EXPECT_EQ(node->attr<int64_t>("_kept"), 5);
  EXPECT_EQ(node->output_shape(0), TensorShape({}));
}

TEST(LowerFunctionsTest, AGraphWithoutCallsIsCopied) {
  const auto graph =
      Import({Input("a"), MakeNode("i", "Identity", {"a", "^n"}, {{"T", DType::kFloat}}),
              MakeNode("n", "NoOp"), MakeNode("u", "Unknown", {"a"})},
             {Increment()});
  const auto lowered = LowerFunctions(*graph);
  ASSERT_THAT(lowered, IsOk());
  EXPECT_EQ(NamesOf(*lowered->graph), NamesOf(*graph));
  EXPECT_THAT(InputsOf(*lowered, "i"), ElementsAre("a:0", "^n"));
  EXPECT_TRUE(lowered->graph->FindNode("u")->spec().opaque());
}

TEST(LowerFunctionsTest, LoopsOfTheGraphStayClosed) {
  const AttrMap type = {{"T", DType::kFloat}};
  AttrMap enter = type;
  enter["frame_name"] = "f";
  const auto graph = Import(
      {Input("a"), MakeNode("enter", "Enter", {"a"}, enter),
       MakeNode("merge", "Merge", {"enter", "next"}, {{"T", DType::kFloat}, {"N", int64_t{2}}}),
       FloatConst("ten", 10), MakeNode("limit", "Enter", {"ten"}, enter),
       FloatOp("less", "Less", "merge", "limit"), MakeNode("cond", "LoopCond", {"less"}),
       MakeNode("switch", "Switch", {"merge", "cond"}, type),
       MakeNode("c", "increment", {"switch:1"}), MakeNode("next", "NextIteration", {"c"}, type),
       MakeNode("exit", "Exit", {"switch"}, type)},
      {Increment()});
  const auto lowered = LowerFunctions(*graph);
  ASSERT_THAT(lowered, IsOk());
  EXPECT_THAT(lowered->failures, IsEmpty());
  EXPECT_THAT(InputsOf(*lowered, "merge"), ElementsAre("enter:0", "next:0"));
  // What has no inputs must be in the frame, too.
  EXPECT_THAT(InputsOf(*lowered, "c/input"), ElementsAre("switch:1"));
  EXPECT_THAT(InputsOf(*lowered, "c/inputs"), ElementsAre("^c/input"));
  EXPECT_THAT(InputsOf(*lowered, "c/one"), ElementsAre("^c/inputs"));
}

// --- flow ---

proto::FunctionDef Give(const std::string& name, float value) {
  return MakeFunction(name, {.inputs = {"x: float"},
                             .outputs = {"y: float"},
                             .nodes = {FloatConst("value", value)},
                             .ret = {{"y", "value:output:0"}}});
}

TEST(LowerFunctionsTest, IfBecomesSwitchAndMerge) {
  const auto graph = Import({Input("a"), Input("p", DType::kBool),
                             MakeNode("c", "StatelessIf", {"p", "a"},
                                      {{"Tcond", DType::kBool},
                                       {"Tin", std::vector<DType>{DType::kFloat}},
                                       {"Tout", std::vector<DType>{DType::kFloat}},
                                       {"then_branch", FuncRef{"increment", nullptr}},
                                       {"else_branch", FuncRef{"seven", nullptr}}})},
                            {Increment(), Give("seven", 7)});
  const auto lowered = LowerFunctions(*graph);
  ASSERT_THAT(lowered, IsOk());
  EXPECT_THAT(lowered->failures, IsEmpty());
  EXPECT_THAT(InputsOf(*lowered, "c/Switch"), ElementsAre("p:0", "p:0"));
  EXPECT_THAT(InputsOf(*lowered, "c/Switch_1"), ElementsAre("a:0", "p:0"));
  EXPECT_THAT(InputsOf(*lowered, "c/switch_t"), ElementsAre("c/Switch:1"));
  EXPECT_THAT(InputsOf(*lowered, "c/switch_f"), ElementsAre("c/Switch:0"));
  EXPECT_THAT(InputsOf(*lowered, "c/then/sum"), ElementsAre("c/Switch_1:1", "c/then/one:0"));
  EXPECT_THAT(InputsOf(*lowered, "c/then/one"), ElementsAre("^c/switch_t"));
  EXPECT_THAT(InputsOf(*lowered, "c/else/value"), ElementsAre("^c/switch_f"));
  EXPECT_THAT(InputsOf(*lowered, "c/Merge"), ElementsAre("c/else/value:0", "c/then/sum:0"));
  EXPECT_THAT(InputsOf(*lowered, "c"), ElementsAre("c/Merge:0"));
}

TEST(LowerFunctionsTest, WhileBecomesAFrame) {
  const Strings two = {"x: float", "by: float"};
  const auto graph = Import(
      {Input("a"), Input("b"),
       MakeNode("c", "While", {"a", "b"},
                {{"T", std::vector<DType>{DType::kFloat, DType::kFloat}},
                 {"cond", FuncRef{"small", nullptr}},
                 {"body", FuncRef{"times", nullptr}},
                 {"parallel_iterations", int64_t{3}}})},
      {MakeFunction("small",
                    {.inputs = two,
                     .outputs = {"go: bool"},
                     .nodes = {FloatConst("ten", 10), FloatOp("less", "Less", "x", "ten:output:0")},
                     .ret = {{"go", "less:z:0"}}}),
       MakeFunction("times", {.inputs = two,
                              .outputs = {"x2: float", "by2: float"},
                              .nodes = {FloatOp("mul", "Mul", "x", "by")},
                              .ret = {{"x2", "mul:z:0"}, {"by2", "by"}}})});
  const auto lowered = LowerFunctions(*graph);
  ASSERT_THAT(lowered, IsOk());
  EXPECT_THAT(lowered->failures, IsEmpty());
  EXPECT_THAT(InputsOf(*lowered, "c/Merge"), ElementsAre("c/Enter:0", "c/NextIteration:0"));
  EXPECT_THAT(InputsOf(*lowered, "c/cond/ten"), ElementsAre("^c/Merge"));
  EXPECT_THAT(InputsOf(*lowered, "c/LoopCond"), ElementsAre("c/cond/less:0"));
  EXPECT_THAT(InputsOf(*lowered, "c/Switch"), ElementsAre("c/Merge:0", "c/LoopCond:0"));
  // What the body leaves alone comes in once and does not come around.
  EXPECT_THAT(InputsOf(*lowered, "c/body/mul"),
              ElementsAre("c/Switch:1", "c/Enter_1:0", "^c/pivot"));
  EXPECT_TRUE(lowered->graph->FindNode("c/Enter_1")->attr<bool>("is_constant"));
  EXPECT_FALSE(lowered->graph->FindNode("c/Enter")->attr<bool>("is_constant"));
  EXPECT_EQ(lowered->graph->FindNode("c/Enter")->attr<std::string>("frame_name"), "c");
  EXPECT_EQ(lowered->graph->FindNode("c/Enter")->attr<int64_t>("parallel_iterations"), 3);
  EXPECT_THAT(InputsOf(*lowered, "c/NextIteration"), ElementsAre("c/body/mul:0", "^c/pivot"));
  EXPECT_THAT(InputsOf(*lowered, "c/output_0"), ElementsAre("c/Exit:0", "^c/Exit"));
  EXPECT_THAT(InputsOf(*lowered, "c/output_1"), ElementsAre("b:0", "^c/Exit"));
}

// --- what is wrong ---

struct WrongCase {
  const char* name;
  proto::NodeDef call;
  Functions functions;
  const char* message;
  StatusCode code = StatusCode::kInvalidArgument;
};
void PrintTo(const WrongCase& c, std::ostream* out) { *out << c.name; }

class LowerWrongTest : public ::testing::TestWithParam<WrongCase> {};

TEST_P(LowerWrongTest, FailsForThatCallAlone) {
  const auto graph = Import({Input("a"), GetParam().call, MakeNode("good", "increment", {"a"}),
                             MakeNode("after", "Identity", {"bad"}, {{"T", DType::kFloat}})},
                            [&] {
                              Functions all = GetParam().functions;
                              all.push_back(Increment());
                              return all;
                            }());
  const auto lowered = LowerFunctions(*graph);
  ASSERT_THAT(lowered, IsOk());
  ASSERT_EQ(lowered->failures.size(), 1u);
  const auto& [id, status] = *lowered->failures.begin();
  EXPECT_EQ(graph->node(id)->name(), "bad");
  EXPECT_THAT(status, StatusIs(GetParam().code, GetParam().message));
  // The call stands as it was; what reads it, too: a run may feed it.
  EXPECT_THAT(InputsOf(*lowered, "after"), ElementsAre("bad:0"));
  EXPECT_THAT(InputsOf(*lowered, "good/sum"), ElementsAre("a:0", "good/one:0"));
}

WrongCase Wrong(const char* name, const proto::FunctionDef& function, const char* message,
                StatusCode code = StatusCode::kInvalidArgument) {
  return {name, MakeNode("bad", "f", {"a"}), {function}, message, code};
}

// A function of a float that gives `ret`.
proto::FunctionDef F(const Nodes& nodes, const std::string& ret) {
  return MakeFunction(
      "f", {.inputs = {"x: float"}, .outputs = {"y: float"}, .nodes = nodes, .ret = {{"y", ret}}});
}

std::vector<WrongCase> BodyCases() {
  return {
      Wrong("unknown_input", F({FloatOp("n", "Add", "x", "none:z:0")}, "n:z:0"),
            "node 'bad/n' (Add) of function 'f': input 'none:z:0' names no argument"),
      Wrong("unknown_output_argument", F({FloatOp("n", "Add", "x", "x")}, "n:sum:0"),
            "function 'f': output 'y': input 'n:sum:0' names"),
      Wrong("output_too_large", F({FloatOp("n", "Add", "x", "x")}, "n:z:1"), "'n:z:1' names"),
      Wrong("no_output_argument", F({FloatOp("n", "Add", "x", "x")}, "n"), "'n' names"),
      Wrong("argument_too_large", F({}, "x:1"), "'x:1' names"),
      Wrong("number_is_none", F({}, "x:0x"), "'x:0x' names"),
      Wrong("unknown_control", F({MakeNode("n", "NoOp", {"^none"})}, "x"), "'^none' names"),
      Wrong(
          "control_before_data",
          F({MakeNode("m", "NoOp"), MakeNode("n", "Identity", {"^m", "x"}, {{"T", DType::kFloat}})},
            "n:output"),
          "Control dependencies must come after"),
      Wrong("cycle", F({FloatOp("n", "Add", "x", "m:z:0"), FloatOp("m", "Add", "x", "n:z:0")}, "x"),
            "nodes in a cycle"),
      Wrong("twice", F({FloatConst("n", 1), FloatConst("n", 2)}, "x"),
            "node 'bad/n' (Const) of function 'f': is not unique"),
      Wrong("type_of_result", F({MakeConst("n", Tensor::Scalar<int32_t>(1))}, "n:output"),
            "function 'f': output 'y' must be [float32], got [int32]"),
      Wrong("type_of_input",
            F({MakeConst("i", Tensor::Scalar<int32_t>(1)), FloatOp("n", "Add", "x", "i:output:0")},
              "n:z"),
            "node 'bad/n' (Add) of function 'f': Input 1 of node bad/n was passed int32"),
      Wrong("attribute_of_no_op",
            F({MakeNode("n", "Add", {"x", "x"}, {{"T", DType::kFloat}, {"shift", int64_t{1}}})},
              "n:z"),
            "attr 'shift' is not one of op Add"),
      Wrong("missing_attribute", F({MakeNode("n", "Cast", {"x"}, {{"SrcT", DType::kFloat}})}, "x"),
            "node 'bad/n' (Cast) of function 'f'"),
      Wrong("no_ret", MakeFunction("f", {.inputs = {"x: float"}, .outputs = {"y: float"}}),
            "function 'f': output 'y' is not in its ret"),
      Wrong("no_control_ret",
            MakeFunction("f", {.inputs = {"x: float"},
                               .outputs = {"y: float"},
                               .ret = {{"y", "x"}},
                               .control_ret = {"gone"}}),
            "control output 'gone': no node 'gone'"),
      Wrong("attribute_not_given",
            F({WithPlaceholder(MakeNode("n", "Identity", {"x"}), "T", "Type")}, "n:output"),
            "attr 'T': stands for the attr 'Type' of the function, which the call lacks"),
      Wrong(
          "type_not_given",
          MakeFunction("f", {.inputs = {"x: Type"}, .outputs = {"y: float"}, .ret = {{"y", "x"}}}),
          "argument 'x': attr 'Type' is missing"),
      Wrong("too_few_arguments",
            MakeFunction(
                "f",
                {.inputs = {"x: float", "z: float"}, .outputs = {"y: float"}, .ret = {{"y", "x"}}}),
            "node 'bad' (f): function 'f': takes [float32, float32], got [float32]"),
      Wrong(
          "type_of_argument",
          MakeFunction("f", {.inputs = {"x: int32"}, .outputs = {"y: float"}, .ret = {{"y", "x"}}}),
          "function 'f': takes [int32], got [float32]"),
      Wrong(
          "itself", F({MakeNode("n", "f", {"x"})}, "n:y"),
          "node 'bad/n' (f) of function 'f': functions that call themselves do not run: 'f' -> 'f'",
          StatusCode::kUnimplemented),
  };
}

WrongCase Call(const char* name, const char* op, AttrMap attrs, const Functions& functions,
               const char* message) {
  attrs.emplace("Tin", std::vector<DType>{DType::kFloat});
  attrs.emplace("Tout", std::vector<DType>{DType::kFloat});
  return {name, MakeNode("bad", op, {"a"}, attrs), functions, message};
}

std::vector<WrongCase> CallCases() {
  const FuncRef f = {"f", nullptr}, gone = {"gone", nullptr}, yes = {"yes", nullptr};
  const auto no_cond = MakeFunction("yes", {.inputs = {"x: float"},
                                            .outputs = {"y: float", "z: float"},
                                            .ret = {{"y", "x"}, {"z", "x"}}});
  const auto loop = [](const char* name, const FuncRef& cond, const FuncRef& body,
                       const Functions& functions, const char* message) {
    return WrongCase{
        name,
        MakeNode("bad", "While", {"a"},
                 {{"T", std::vector<DType>{DType::kFloat}}, {"cond", cond}, {"body", body}}),
        functions, message};
  };
  return {
      Call("no_such_function", "PartitionedCall", {{"f", gone}}, {},
           "node 'bad' (PartitionedCall): function 'gone' is not in the graph's library"),
      Call("number_of_results", "PartitionedCall",
           {{"f", f}, {"Tout", std::vector<DType>{DType::kFloat, DType::kFloat}}}, {F({}, "x")},
           "function 'f': gives [float32], wanted [float32, float32]"),
      loop("no_condition", gone, f, {F({}, "x")}, "function 'gone' is not"),
      loop("no_body", f, gone, {F({}, "x")}, "function 'gone' is not"),
      loop("two_conditions", yes, f, {F({}, "x"), no_cond},
           "function 'yes': gives [float32, float32], wanted"),
      loop("body_of_two", f, yes, {F({}, "x"), no_cond},
           "function 'yes': gives [float32, float32], wanted [float32]"),
  };
}

std::string CaseName(const ::testing::TestParamInfo<WrongCase>& info) { return info.param.name; }
INSTANTIATE_TEST_SUITE_P(Bodies, LowerWrongTest, ::testing::ValuesIn(BodyCases()), CaseName);
INSTANTIATE_TEST_SUITE_P(Calls, LowerWrongTest, ::testing::ValuesIn(CallCases()), CaseName);

TEST(LowerFunctionsTest, AHiddenCircleOfFunctionsIsNamed) {
  const auto f = MakeFunction("f", {.inputs = {"x: float"},
                                    .outputs = {"y: float"},
                                    .nodes = {MakeCall("n", "PartitionedCall", "g", {"x"}, 1, 1)},
                                    .ret = {{"y", "n:output:0"}}});
  auto g = f;
  g.mutable_signature()->set_name("g");
  *g.mutable_node_def(0) = MakeNode("m", "f", {"x"});
  (*g.mutable_ret())["y"] = "m:y:0";
  const auto graph = Import({Input("a"), MakeNode("c", "f", {"a"})}, {f, g});
  const auto lowered = LowerFunctions(*graph);
  ASSERT_THAT(lowered, IsOk());
  ASSERT_EQ(lowered->failures.size(), 1u);
  EXPECT_THAT(lowered->failures.begin()->second,
              StatusIs(StatusCode::kUnimplemented, "'f' -> 'g' -> 'f'"));
}

// f0 calls f1 twice, f1 calls f2 twice, ...
TEST(LowerFunctionsTest, AShortFileMayNotBecomeALongGraph) {
  Functions functions;
  for (int i = 0; i < 40; ++i) {
    const std::string next = absl::StrCat("f", i + 1);
    functions.push_back(
        MakeFunction(absl::StrCat("f", i),
                     {.inputs = {"x: float"},
                      .outputs = {"y: float"},
                      .nodes = {MakeNode("a", next, {"x"}), MakeNode("b", next, {"a:y:0"})},
                      .ret = {{"y", "b:y:0"}}}));
  }
  functions.push_back(
      MakeFunction("f40", {.inputs = {"x: float"}, .outputs = {"y: float"}, .ret = {{"y", "x"}}}));
  const auto graph = Import({Input("a"), MakeNode("c", "f0", {"a"})}, functions);
  const auto lowered = LowerFunctions(*graph, /*most_nodes=*/10'000);
  ASSERT_THAT(lowered, IsOk());
  ASSERT_EQ(lowered->failures.size(), 1u);
  EXPECT_THAT(lowered->failures.begin()->second,
              StatusIs(StatusCode::kResourceExhausted, "too many nodes"));
}

TEST(LowerFunctionsTest, ChainsOfCallsHaveALimit) {
  Functions functions;
  for (int i = 0; i <= kMaxCallDepth + 1; ++i) {
    functions.push_back(MakeFunction(absl::StrCat("f", i),
                                     {.inputs = {"x: float"},
                                      .outputs = {"y: float"},
                                      .nodes = {MakeNode("n", absl::StrCat("f", i + 1), {"x"})},
                                      .ret = {{"y", "n:y:0"}}}));
  }
  functions.push_back(
      MakeFunction(absl::StrCat("f", kMaxCallDepth + 2),
                   {.inputs = {"x: float"}, .outputs = {"y: float"}, .ret = {{"y", "x"}}}));
  const auto graph = Import({Input("a"), MakeNode("c", "f0", {"a"})}, functions);
  const auto lowered = LowerFunctions(*graph);
  ASSERT_THAT(lowered, IsOk());
  ASSERT_EQ(lowered->failures.size(), 1u);
  EXPECT_THAT(lowered->failures.begin()->second,
              StatusIs(StatusCode::kResourceExhausted, "must not nest deeper than 200"));
}

TEST(LowerFunctionsTest, ADamagedLibraryIsAnError) {
  Graph graph(ops::Builtin());
  ASSERT_THAT(ImportGraphDef(MakeGraph({Input("a")}), &graph), IsOk());
  graph.SetFunctionLibrary("\x07\xff not a message");
  EXPECT_THAT(LowerFunctions(graph),
              StatusIs(StatusCode::kInvalidArgument, "the graph's function library"));
}

}  // namespace
}  // namespace sluice
