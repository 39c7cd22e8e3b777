// Conditionals and loops as TensorFlow 1 writes them into graphs. Expected values are worked by
// hand.
#include "ops/control_flow.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/status.h"
#include "graph/graph_def.h"
#include "gtest/gtest.h"
#include "ops/all_ops.h"
#include "ops/placeholder.h"
#include "ops/unary.h"
#include "session/session.h"
#include "tests/testing/core/status_matchers.h"
#include "tests/testing/core/tensors.h"
#include "tests/testing/def_builder.h"

namespace sluice {
namespace {

using absl::StatusCode;
using Feed = std::pair<std::string, Tensor>;

Tensor F(float value) { return Tensor::Of<float>({}, {value}); }
Tensor I(int32_t value) { return Tensor::Of<int32_t>({}, {value}); }
Tensor B(bool value) { return Tensor::Of<bool>({}, {value}); }

// A graph written node by node; every op has the type attr T unless it is told otherwise.
class ControlFlowTest : public ::testing::Test {
 protected:
  void Add(const std::string& name, const std::string& op, const std::vector<std::string>& inputs,
           DType type = DType::kFloat, AttrMap attrs = {}) {
    if (type != DType::kInvalid) attrs["T"] = type;
    nodes_.push_back(MakeNode(name, op, inputs, attrs));
  }
  void AddConst(const std::string& name, const Tensor& value, const std::string& control = "") {
    nodes_.push_back(MakeConst(name, value));
    if (!control.empty()) nodes_.back().add_input(control);
  }
  void AddPlaceholder(const std::string& name, DType dtype, const TensorShape& shape = {}) {
    Add(name, "Placeholder", {}, DType::kInvalid, {{"dtype", dtype}, {"shape", shape}});
  }
  void AddMerge(const std::string& name, const std::vector<std::string>& inputs,
                DType type = DType::kFloat) {
    Add(name, "Merge", inputs, type, {{"N", static_cast<int64_t>(inputs.size())}});
  }
  void AddEnter(const std::string& name, const std::string& input, const std::string& frame,
                DType type = DType::kFloat, bool is_constant = false) {
    Add(name, "Enter", {input}, type, {{"frame_name", frame}, {"is_constant", is_constant}});
  }
  // One loop variable: p/enter, p/merge, p/switch, p/id (the body's value), p/exit. The body's
  // result is p/next's input.
  void AddLoopVariable(const std::string& p, const std::string& initial, const std::string& frame,
                       const std::string& cond, const std::string& next,
                       DType type = DType::kFloat) {
    AddEnter(p + "/enter", initial, frame, type);
    AddMerge(p + "/merge", {p + "/enter", p + "/next"}, type);
    Add(p + "/switch", "Switch", {p + "/merge", cond}, type);
    Add(p + "/id", "Identity", {p + "/switch:1"}, type);
    Add(p + "/next", "NextIteration", {next}, type);
    Add(p + "/exit", "Exit", {p + "/switch"}, type);
  }
  // The loop "while i < limit: i += 1", with the variable i; limit is a const of the frame.
  void AddCounter(const std::string& frame, const std::string& limit, const std::string& p = "i") {
    AddConst(p + "/zero", I(0));
    AddEnter(p + "/limit", limit, frame, DType::kInt32, true);
    Add(p + "/less", "Less", {p + "/merge", p + "/limit"}, DType::kInt32);
    Add(p + "/cond", "LoopCond", {p + "/less"}, DType::kInvalid);
    AddLoopVariable(p, p + "/zero", frame, p + "/cond", p + "/add", DType::kInt32);
    AddConst(p + "/one", I(1), "^" + p + "/id");
    Add(p + "/add", "Add", {p + "/id", p + "/one"}, DType::kInt32);
  }

  absl::Status Import() { return ImportGraphDef(MakeGraph(nodes_), &graph_).status(); }
  // "a:1", or "a" for its first output, or for the operation when it has none.
  absl::StatusOr<Output> Find(const std::string& name) {
    if (name.find(':') != std::string::npos) return graph_.FindTensor(name);
    const auto first = graph_.FindTensor(name + ":0");
    return first.ok() ? first : graph_.FindOperation(name);
  }
  // In two sessions, with and without rewriting: both must give the same bits, or both fail.
  absl::StatusOr<std::vector<Tensor>> Run(const std::vector<Feed>& feeds,
                                          const std::vector<std::string>& fetches) {
    if (!session_.has_value()) {
      SLUICE_RETURN_IF_ERROR(Import());
      SLUICE_ASSIGN_OR_RETURN(session_, Session::Create(graph_));
      SLUICE_ASSIGN_OR_RETURN(plain_session_, Session::Create(graph_, {.optimize = false}));
    }
    Feeds given;
    Outputs wanted;
    for (const auto& [name, value] : feeds) {
      SLUICE_ASSIGN_OR_RETURN(const Output to, Find(name));
      given.emplace_back(to, value);
    }
    for (const std::string& name : fetches) {
      SLUICE_ASSIGN_OR_RETURN(wanted.emplace_back(), Find(name));
    }
    const auto got = session_->Run(given, wanted), plain = plain_session_->Run(given, wanted);
    EXPECT_EQ(got.status(), plain.status());
    for (size_t i = 0; got.ok() && plain.ok() && i < got->size(); ++i) {
      EXPECT_TRUE((*got)[i].empty_handle() || BitEqual((*got)[i], (*plain)[i])) << fetches[i];
    }
    return got;
  }
  void ExpectRun(const std::vector<Feed>& feeds, const std::string& fetch, const Tensor& want) {
    const auto got = Run(feeds, {fetch});
    ASSERT_THAT(got, IsOk());
    ExpectClose((*got)[0], want);
  }

  std::vector<proto::NodeDef> nodes_;
  Graph graph_{ops::Builtin()};
  std::optional<Session> session_, plain_session_;
};

// if p: x * 2, else: x - 1
class CondTest : public ControlFlowTest {
 protected:
  CondTest() {
    AddPlaceholder("x", DType::kFloat);
    AddPlaceholder("p", DType::kBool);
    Add("pivot", "Switch", {"p", "p"}, DType::kBool);
    Add("pivot_f", "Identity", {"pivot"}, DType::kBool);
    Add("pivot_t", "Identity", {"pivot:1"}, DType::kBool);
    Add("switch", "Switch", {"x", "p"});
    AddConst("two", F(2), "^pivot_t");
    AddConst("one", F(1), "^pivot_f");
    Add("mul", "Mul", {"switch:1", "two"});
    Add("sub", "Sub", {"switch", "one"});
    AddMerge("merge", {"sub", "mul"});
  }
};

// CF-1
TEST_F(CondTest, TakesOneSide) {
  ExpectRun({{"x", F(5)}, {"p", B(true)}}, "merge", F(10));
  ExpectRun({{"x", F(5)}, {"p", B(false)}}, "merge", F(4));
  ExpectRun({{"x", F(5)}, {"p", B(false)}}, "merge:1", I(0));
  ExpectRun({{"x", F(5)}, {"p", B(true)}}, "merge:1", I(1));
}

TEST_F(CondTest, ASideThatIsNotTakenHasNoValue) {
  ExpectRun({{"x", F(5)}, {"p", B(true)}}, "mul", F(10));
  EXPECT_THAT(Run({{"x", F(5)}, {"p", B(true)}}, {"sub"}),
              StatusIs(StatusCode::kInvalidArgument, "node 'sub' (Sub): has no value in this run"));
  // "A Const whose control input is dead is dead too."
  EXPECT_THAT(Run({{"p", B(true)}}, {"one"}),
              StatusIs(StatusCode::kInvalidArgument, "has no value in this run"));
  ExpectRun({{"p", B(false)}}, "one", F(1));
}

TEST_F(CondTest, AFedSwitchIsAlive) {
  ExpectRun({{"switch:0", F(7)}, {"p", B(false)}}, "sub", F(6));
}

TEST_F(CondTest, APredicateMustBeAScalar) {
  Add("any", "Placeholder", {}, DType::kInvalid, {{"dtype", DType::kBool}});
  Add("keep", "Where", {"any"}, DType::kBool);
  Add("which", "NotEqual", {"keep", "keep"}, DType::kInt64);  // [n,1], n known while running
  Add("flags", "Reshape", {"which", "shape"}, DType::kBool, {{"Tshape", DType::kInt32}});
  AddPlaceholder("shape", DType::kInt32, TensorShape::Unknown());
  Add("s", "Switch", {"x", "flags"});
  const Tensor none = Tensor::Of<bool>({1}, {false});
  EXPECT_THAT(Run({{"x", F(1)}, {"any", none}, {"shape", Tensor::Of<int32_t>({1}, {0})}}, {"s"}),
              StatusIs(StatusCode::kInvalidArgument, "must be a scalar"));
}

TEST_F(CondTest, AConstantPredicate) {
  AddConst("yes", B(true));
  Add("s", "Switch", {"x", "yes"});
  AddMerge("m", {"s", "s:1"});
  ExpectRun({{"x", F(3)}}, "m:1", I(1));
  ExpectRun({{"x", F(3)}}, "m", F(3));
}

TEST_F(CondTest, MergeOfTheInputItself) {
  // if p: relu(x) (which could work in place), else: x
  Add("square", "Square", {"x"});
  Add("s", "Switch", {"square", "p"});
  Add("neg", "Neg", {"s:1"});
  AddMerge("m", {"s", "neg"});
  Add("sum", "AddV2", {"m", "square"});
  ExpectRun({{"x", F(3)}, {"p", B(true)}}, "sum", F(0));
  ExpectRun({{"x", F(3)}, {"p", B(false)}}, "sum", F(18));
}

TEST_F(CondTest, NestedConds) {
  // if p: (if q: x + x, else: x * x), else: x - 1
  AddPlaceholder("q", DType::kBool);
  Add("q_in", "Switch", {"q", "p"}, DType::kBool);
  Add("inner", "Switch", {"switch:1", "q_in:1"});
  Add("double", "AddV2", {"inner:1", "inner:1"});
  Add("square", "Square", {"inner"});
  AddMerge("inner_merge", {"square", "double"});
  AddMerge("outer_merge", {"sub", "inner_merge"});
  ExpectRun({{"x", F(5)}, {"p", B(true)}, {"q", B(true)}}, "outer_merge", F(10));
  ExpectRun({{"x", F(5)}, {"p", B(true)}, {"q", B(false)}}, "outer_merge", F(25));
  ExpectRun({{"x", F(5)}, {"p", B(false)}, {"q", B(true)}}, "outer_merge", F(4));
  EXPECT_THAT(Run({{"x", F(5)}, {"p", B(false)}, {"q", B(true)}}, {"inner_merge"}),
              StatusIs(StatusCode::kInvalidArgument, "has no value in this run"));
}

TEST_F(CondTest, WhatIsWrongInTheOtherSideDoesNotMatter) {
  AddPlaceholder("v", DType::kFloat, {-1});
  Add("v_switch", "Switch", {"v", "p"});
  AddConst("shape", Tensor::Of<int32_t>({1}, {3}), "^pivot_t");
  Add("reshape", "Reshape", {"v_switch:1", "shape"}, DType::kFloat, {{"Tshape", DType::kInt32}});
  Add("square", "Square", {"v_switch"});
  AddMerge("m", {"square", "reshape"});
  const Tensor v = Tensor::Of<float>({4}, {1, 2, 3, 4});
  ExpectRun({{"v", v}, {"p", B(false)}}, "m", Tensor::Of<float>({4}, {1, 4, 9, 16}));
  EXPECT_THAT(Run({{"v", v}, {"p", B(true)}}, {"m"}),
              StatusIs(StatusCode::kInvalidArgument, "node 'reshape'"));
}

TEST_F(CondTest, ShapesOfBothSides) {
  AddPlaceholder("v", DType::kFloat, {4});
  Add("v_switch", "Switch", {"v", "p"});
  AddConst("axis", I(0), "^pivot_f");
  Add("sum", "Sum", {"v_switch", "axis"}, DType::kFloat,
      {{"keep_dims", true}, {"Tidx", DType::kInt32}});
  Add("square", "Square", {"v_switch:1"});
  AddMerge("m", {"sum", "square"});
  const Tensor v = Tensor::Of<float>({4}, {1, 2, 3, 4});
  ExpectRun({{"v", v}, {"p", B(true)}}, "m", Tensor::Of<float>({4}, {1, 4, 9, 16}));
  ExpectRun({{"v", v}, {"p", B(false)}}, "m", Tensor::Of<float>({1}, {10}));
  // CF-13
  EXPECT_EQ(graph_.FindTensor("m:0")->shape(), TensorShape({-1}));
}

// CF-4, CF-12
TEST_F(CondTest, EffectsOfTheTakenSideOnly) {
  Add("var", "VariableV2", {}, DType::kInvalid,
      {{"dtype", DType::kFloat}, {"shape", TensorShape({})}});
  AddConst("zero", F(0));
  Add("init", "Assign", {"var", "zero"});
  Add("ref", "RefSwitch", {"var", "p"});
  Add("add", "AssignAdd", {"ref:1", "two"});
  Add("noop", "NoOp", {"^add"}, DType::kInvalid);
  ASSERT_THAT(Run({}, {"init"}), IsOk());
  // What is dead and targeted is skipped.
  ASSERT_THAT(Run({{"p", B(false)}}, {"noop"}), IsOk());
  ExpectRun({}, "var", F(0));
  ASSERT_THAT(Run({{"p", B(true)}}, {"noop"}), IsOk());
  ExpectRun({}, "var", F(2));
}

// CF-2
TEST_F(CondTest, AControlTriggerRunsThoughItsInputsAreDead) {
  Add("trigger", "ControlTrigger", {"^mul", "^sub"}, DType::kInvalid);
  AddConst("after", F(8), "^trigger");
  ExpectRun({{"x", F(5)}, {"p", B(true)}}, "after", F(8));
}

// CF-2, CF-20: zero iterations give the initial values.
TEST_F(ControlFlowTest, WhileLoop) {
  AddPlaceholder("n", DType::kInt32);
  AddPlaceholder("x", DType::kFloat, {2});
  AddCounter("frame", "n");
  AddLoopVariable("a", "x", "frame", "i/cond", "a/double");
  Add("a/double", "AddV2", {"a/id", "a/id"});
  const Tensor x = Tensor::Of<float>({2}, {1, 3});
  for (const auto& [n, factor] : std::vector<std::pair<int, float>>{{3, 8}, {0, 1}, {10, 1024}}) {
    ExpectRun({{"n", I(n)}, {"x", x}}, "a/exit", Tensor::Of<float>({2}, {factor, 3 * factor}));
    ExpectRun({{"n", I(n)}, {"x", x}}, "i/exit", I(n));
  }
  ExpectRun({{"n", I(-4)}, {"x", x}}, "i/exit", I(0));
}

TEST_F(ControlFlowTest, WhatEntersMayLieInPlannedMemory) {
  AddPlaceholder("n", DType::kInt32);
  AddPlaceholder("x", DType::kFloat, {3});
  Add("square", "Square", {"x"});
  AddCounter("frame", "n");
  AddLoopVariable("a", "square", "frame", "i/cond", "a/neg");
  Add("a/neg", "Neg", {"a/id"});
  Add("twice", "AddV2", {"a/exit", "a/exit"});
  Add("more", "AddV2", {"twice", "a/exit"});
  const Tensor x = Tensor::Of<float>({3}, {1, 2, 3});
  ExpectRun({{"n", I(0)}, {"x", x}}, "more", Tensor::Of<float>({3}, {3, 12, 27}));
  ExpectRun({{"n", I(3)}, {"x", x}}, "more", Tensor::Of<float>({3}, {-3, -12, -27}));
}

// Values move on together: (a, b) = (b, a + b) counts Fibonacci's numbers.
TEST_F(ControlFlowTest, VariablesOfALoopChangeAtOnce) {
  AddPlaceholder("n", DType::kInt32);
  AddConst("zero", F(0));
  AddConst("one", F(1));
  AddCounter("frame", "n");
  AddLoopVariable("a", "zero", "frame", "i/cond", "b/id");
  AddLoopVariable("b", "one", "frame", "i/cond", "b/sum");
  Add("b/sum", "AddV2", {"a/id", "b/id"});
  ExpectRun({{"n", I(10)}}, "a/exit", F(55));
  ExpectRun({{"n", I(10)}}, "b/exit", F(89));
}

TEST_F(ControlFlowTest, ShapesMayGrow) {
  AddPlaceholder("n", DType::kInt32);
  AddConst("start", Tensor::Of<float>({1}, {1}));
  AddCounter("frame", "n");
  AddLoopVariable("a", "start", "frame", "i/cond", "a/concat");
  AddConst("a/axis", I(0), "^i/id");
  Add("a/concat", "ConcatV2", {"a/id", "a/id", "a/axis"}, DType::kFloat,
      {{"N", 2}, {"Tidx", DType::kInt32}});
  ExpectRun({{"n", I(2)}}, "a/exit", Tensor::Of<float>({4}, {1, 1, 1, 1}));
  ExpectRun({{"n", I(0)}}, "a/exit", Tensor::Of<float>({1}, {1}));
}

// for i in 0..n-1: for j in 0..m-1: total += 1
TEST_F(ControlFlowTest, NestedLoops) {
  AddPlaceholder("n", DType::kInt32);
  AddPlaceholder("m", DType::kInt32);
  AddConst("zero", F(0));
  AddCounter("outer", "n");
  AddLoopVariable("total", "zero", "outer", "i/cond", "inner/exit");
  AddEnter("m/outer", "m", "outer", DType::kInt32, true);
  AddConst("j/start", I(0), "^i/id");
  AddEnter("j/limit", "m/outer", "inner", DType::kInt32, true);
  Add("j/less", "Less", {"j/merge", "j/limit"}, DType::kInt32);
  Add("j/cond", "LoopCond", {"j/less"}, DType::kInvalid);
  AddLoopVariable("j", "j/start", "inner", "j/cond", "j/add", DType::kInt32);
  AddConst("j/one", I(1), "^j/id");
  Add("j/add", "Add", {"j/id", "j/one"}, DType::kInt32);
  AddLoopVariable("inner", "total/id", "inner", "j/cond", "inner/add");
  AddConst("inner/one", F(1), "^j/id");
  Add("inner/add", "AddV2", {"inner/id", "inner/one"});
  ExpectRun({{"n", I(3)}, {"m", I(4)}}, "total/exit", F(12));
  ExpectRun({{"n", I(3)}, {"m", I(0)}}, "total/exit", F(0));
  ExpectRun({{"n", I(0)}, {"m", I(4)}}, "total/exit", F(0));
}

// if p: (while i < n: a *= 2), else: -x
TEST_F(ControlFlowTest, ALoopInASideThatIsNotTaken) {
  AddPlaceholder("p", DType::kBool);
  AddPlaceholder("n", DType::kInt32);
  AddPlaceholder("x", DType::kFloat);
  Add("x/switch", "Switch", {"x", "p"});
  Add("n/switch", "Switch", {"n", "p"}, DType::kInt32);
  Add("start", "ZerosLike", {"n/switch:1"}, DType::kInt32);
  AddEnter("i/limit", "n/switch:1", "frame", DType::kInt32, true);
  Add("i/less", "Less", {"i/merge", "i/limit"}, DType::kInt32);
  Add("i/cond", "LoopCond", {"i/less"}, DType::kInvalid);
  AddLoopVariable("i", "start", "frame", "i/cond", "i/add", DType::kInt32);
  AddConst("i/one", I(1), "^i/id");
  Add("i/add", "Add", {"i/id", "i/one"}, DType::kInt32);
  AddLoopVariable("a", "x/switch:1", "frame", "i/cond", "a/double");
  Add("a/double", "AddV2", {"a/id", "a/id"});
  Add("neg", "Neg", {"x/switch"});
  AddMerge("m", {"neg", "a/exit"});
  ExpectRun({{"p", B(true)}, {"n", I(3)}, {"x", F(1)}}, "m", F(8));
  ExpectRun({{"p", B(false)}, {"n", I(3)}, {"x", F(1)}}, "m", F(-1));
}

// while i < n: a = (i < 2 ? a + 1 : a * 10)
TEST_F(ControlFlowTest, ACondInALoop) {
  AddPlaceholder("n", DType::kInt32);
  AddConst("zero", F(0));
  AddCounter("frame", "n");
  AddConst("limit", I(2), "^i/id");
  Add("early", "Less", {"i/id", "limit"}, DType::kInt32);
  Add("s", "Switch", {"a/id", "early"});
  Add("pivot", "Switch", {"early", "early"}, DType::kBool);
  Add("pivot_f", "Identity", {"pivot"}, DType::kBool);
  Add("pivot_t", "Identity", {"pivot:1"}, DType::kBool);
  AddConst("one", F(1), "^pivot_t");
  AddConst("ten", F(10), "^pivot_f");
  Add("plus", "AddV2", {"s:1", "one"});
  Add("times", "Mul", {"s", "ten"});
  AddMerge("m", {"times", "plus"});
  AddLoopVariable("a", "zero", "frame", "i/cond", "m");
  ExpectRun({{"n", I(1)}}, "a/exit", F(1));
  ExpectRun({{"n", I(4)}}, "a/exit", F(200));
}

TEST_F(ControlFlowTest, EveryIterationDrawsItsOwnNumbers) {
  AddConst("n", I(2));
  AddConst("start", Tensor::Of<float>({4}, {0, 0, 0, 0}));
  AddCounter("frame", "n");
  AddConst("shape", Tensor::Of<int32_t>({1}, {4}), "^i/id");
  Add("random", "RandomUniform", {"shape"}, DType::kInt32,
      {{"dtype", DType::kFloat}, {"seed", 3}, {"seed2", 4}});
  AddLoopVariable("last", "start", "frame", "i/cond", "random");
  AddLoopVariable("before", "start", "frame", "i/cond", "last/id");
  AddLoopVariable("now", "start", "frame", "i/cond", "now/keep");
  Add("now/keep", "Identity", {"random"});
  // After two iterations `before` is the first draw, `now` the second.
  const auto got = Run({}, {"before/exit", "now/exit"});
  ASSERT_THAT(got, IsOk());
  EXPECT_FALSE(BitEqual((*got)[0], (*got)[1]));
  EXPECT_GT((*got)[0].flat<float>()[0], 0);
}

// As tf.gradients writes it: the forward loop pushes what the backward loop pops.
// forward: n times a = a * a; backward: n times g = 2 * a * g, from the last a to the first.
TEST_F(ControlFlowTest, AGradientLoopWithAStack) {
  AddPlaceholder("n", DType::kInt32);
  AddPlaceholder("x", DType::kFloat);
  AddConst("any", I(-1));
  Add("stack", "StackV2", {"any"}, DType::kInvalid, {{"elem_type", DType::kFloat}});
  AddCounter("forward", "n");
  // An iteration that counts has pushed, whoever asks for the value.
  std::find_if(nodes_.begin(), nodes_.end(), [](const proto::NodeDef& node) {
    return node.name() == "i/next";
  })->add_input("^push");
  AddEnter("push/stack", "stack", "forward", DType::kResource, true);
  Add("push", "StackPushV2", {"push/stack", "a/id"});
  Add("a/square", "Square", {"a/id", "^push"});
  AddLoopVariable("a", "x", "forward", "i/cond", "a/square");

  AddConst("zero", I(0));
  AddConst("dy", F(1));
  AddEnter("k/zero", "zero", "backward", DType::kInt32, true);
  Add("k/greater", "Greater", {"k/merge", "k/zero"}, DType::kInt32);
  Add("k/cond", "LoopCond", {"k/greater"}, DType::kInvalid);
  AddConst("k/one", I(1), "^k/id");
  Add("k/sub", "Sub", {"k/id", "k/one"}, DType::kInt32);
  AddLoopVariable("k", "i/exit", "backward", "k/cond", "k/sub", DType::kInt32);
  AddEnter("pop/stack", "stack", "backward", DType::kResource, true);
  Add("pop", "StackPopV2", {"pop/stack", "^k/id"}, DType::kInvalid, {{"elem_type", DType::kFloat}});
  AddConst("two", F(2), "^k/id");
  Add("g/double", "Mul", {"pop", "two"});
  Add("g/mul", "Mul", {"g/double", "g/id"});
  AddLoopVariable("g", "dy", "backward", "k/cond", "g/mul");

  ExpectRun({{"n", I(3)}, {"x", F(2)}}, "a/exit", F(256));   // x^8
  ExpectRun({{"n", I(3)}, {"x", F(2)}}, "g/exit", F(1024));  // 8 x^7
  ExpectRun({{"n", I(0)}, {"x", F(2)}}, "g/exit", F(1));
}

// CF-3
TEST_F(ControlFlowTest, InputsFromDifferentFrames) {
  AddConst("n", I(2));
  AddConst("x", F(1));
  AddCounter("frame", "n");
  AddLoopVariable("a", "x", "frame", "i/cond", "a/add");
  Add("a/add", "AddV2", {"a/id", "x"});  // x does not enter
  EXPECT_THAT(Run({}, {"a/exit"}),
              StatusIs(StatusCode::kInvalidArgument,
                       "node 'a/add' (AddV2): has inputs from different frames: "
                       "frame 'frame' and outside of loops"));
}

TEST_F(ControlFlowTest, OutsideOfLoops) {
  AddPlaceholder("x", DType::kFloat);
  Add("exit", "Exit", {"x"});
  EXPECT_THAT(Run({{"x", F(1)}}, {"exit"}),
              StatusIs(StatusCode::kInvalidArgument, "node 'exit' (Exit): stands outside"));
}

TEST_F(ControlFlowTest, AValueInsideALoopCannotBeFetched) {
  AddConst("n", I(2));
  AddCounter("frame", "n");
  EXPECT_THAT(Run({}, {"i/add"}), StatusIs(StatusCode::kInvalidArgument, "is inside of a loop"));
}

TEST_F(ControlFlowTest, ErrorsInsideNameTheNode) {
  AddPlaceholder("n", DType::kInt32);
  AddPlaceholder("x", DType::kInt32);
  AddCounter("frame", "n");
  AddLoopVariable("a", "x", "frame", "i/cond", "a/div", DType::kInt32);
  Add("a/div", "FloorDiv", {"a/id", "i/id"}, DType::kInt32);
  EXPECT_THAT(Run({{"n", I(2)}, {"x", I(4)}}, {"a/exit"}),
              StatusIs(StatusCode::kInvalidArgument, "node 'a/div' (FloorDiv)"));
}

TEST(ControlFlowOpsTest, Builders) {
  Graph graph(ops::Builtin());
  const Scope root = Scope::Root(graph);
  const Output x = ops::Placeholder(root, DType::kFloat, {2, -1});
  const Output p = ops::Placeholder(root, DType::kBool, {});
  const auto [no, yes] = ops::Switch(root, x, p);
  EXPECT_EQ(yes.shape(), TensorShape({2, -1}));
  const auto [value, index] = ops::Merge(root, {no, ops::Square(root, yes)});
  EXPECT_EQ(index.dtype(), DType::kInt32);
  EXPECT_EQ(value.shape(), TensorShape({2, -1}));
  const Output entered = ops::Enter(root, value, "f", {.is_constant = true});
  EXPECT_EQ(entered.node()->attr<std::string>("frame_name"), "f");
  const Output left = ops::Exit(root, ops::NextIteration(root, entered));
  EXPECT_EQ(left.shape(), TensorShape({2, -1}));
  EXPECT_EQ(ops::LoopCond(root, p).dtype(), DType::kBool);
  EXPECT_THAT(graph.status(), IsOk());
  ops::Switch(root, x, x);
  EXPECT_THAT(graph.status(), StatusIs(StatusCode::kInvalidArgument, "Switch"));
}

}  // namespace
}  // namespace sluice
