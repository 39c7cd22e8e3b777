// Rewrites of a registry's own, applied to plans: what they see, what they change, what they must
// leave alone.
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "session/compiler.h"
#include "tests/testing/session/session_fixture.h"

namespace sluice {
namespace {

using namespace session_ops;  // NOLINT: the ops of these tests
using absl::StatusCode;

// (x + y) * (x + y): what Square of Add becomes.
absl::Status RunSquareOfSum(KernelContext& c) {
  const auto x = c.input(0).flat<float>(), y = c.input(1).flat<float>();
  const auto out = c.output(0).mutable_flat<float>();
  for (size_t i = 0; i < out.size(); ++i) out[i] = (x[i] + y[i]) * (x[i] + y[i]);
  return absl::OkStatus();
}

absl::Status SameShape(ShapeContext& c) {
  c.set_output(0, c.input(0));
  return absl::OkStatus();
}

Rewrite SquareOfSum() {
  return {"square_of_sum", "Square of Add in one step", {"Square"}, [](PlanEditor& p, int work) {
            const int sum = p.inputs(work)[0];
            const int add = p.producer(sum);
            if (!p.Is(add, "Add") || !p.ReadOnce(sum)) return false;
            const auto in = p.inputs(add);
            return p.Replace(work,
                             {"SquareOfSum", {}, {in.begin(), in.end()}, {p.outputs(work)[0]}}) !=
                   PlanEditor::kNone;
          }};
}

class ProgramEditorTest : public ::testing::Test {
 protected:
  void AddRewrite(Rewrite rewrite) { ASSERT_THAT(registry_.AddRewrite(rewrite), IsOk()); }

  void SetUp() override {
    ASSERT_THAT(registry_.Add(OpSpec("SquareOfSum")
                                  .Input("x: float")
                                  .Input("y: float")
                                  .Output("z: float")
                                  .Shape(SameShape)
                                  .Kernel(RunSquareOfSum)
                                  .NotDifferentiable("made by a rewrite")),
                IsOk());
  }

  // The ops of the plan's kernels, in order.
  std::vector<std::string> Ops(const Feeds& feeds, const Outputs& fetches) {
    SessionState state(MemoryBudget::DefaultLimit());
    const auto program = Compile(state, {feeds, fetches, false});
    EXPECT_THAT(program, IsOk());
    std::vector<std::string> ops;
    if (!program.ok()) return ops;
    for (const ProgramStep& step : program->steps) {
      if (step.kind == StepKind::kKernel) ops.push_back(step.node->op());
    }
    return ops;
  }

  std::vector<Tensor> Run(const Feeds& feeds, const Outputs& fetches, SessionOptions options = {}) {
    auto session = Session::Create(*fetches[0].graph(), options);
    EXPECT_THAT(session, IsOk());
    auto results = session->Run(feeds, fetches);
    EXPECT_THAT(results, IsOk());
    return results.ok() ? *results : std::vector<Tensor>(fetches.size());
  }

  OpRegistry registry_ = Registry();
};

using Strings = std::vector<std::string>;

TEST_F(ProgramEditorTest, AFusionReplacesBothOps) {
  AddRewrite(SquareOfSum());
  Graph graph(registry_);
  Scope root = Scope::Root(graph);
  const Output x = Placeholder(root, DType::kFloat, {-1}),
               y = Placeholder(root, DType::kFloat, {-1});
  const Output z = Square(root.Named("z"), Add(root, x, y));
  const Feeds feeds = {{x, Floats({1, 2, 3})}, {y, Floats({4, 5, 6})}};
  EXPECT_EQ(Ops(feeds, {z}), Strings({"SquareOfSum"}));
  ExpectClose(Run(feeds, {z})[0], Floats({25, 49, 81}));
  ExpectClose(Run(feeds, {z}, {.disabled_rewrites = {"square_of_sum"}})[0], Floats({25, 49, 81}));
  ExpectClose(Run(feeds, {z}, {.optimize = false})[0], Floats({25, 49, 81}));
}

TEST_F(ProgramEditorTest, AValueThatOthersNeedKeepsItsOp) {
  AddRewrite(SquareOfSum());
  Graph graph(registry_);
  Scope root = Scope::Root(graph);
  const Output x = Placeholder(root, DType::kFloat, {4});
  const Output sum = Add(root, x, x);
  const Output z = Square(root, sum);
  const Feeds feeds = {{x, Floats({1, 2, 3, 4})}};
  EXPECT_EQ(Ops(feeds, {z, sum}), Strings({"Add", "Square"}));                    // fetched
  EXPECT_EQ(Ops(feeds, {z, Sum(root, sum)}), Strings({"Add", "Square", "Sum"}));  // read twice
  // Read under another shape.
  const Output column = Reshape(root, sum, Const(root, Ints({2, 2})));
  EXPECT_EQ(Ops(feeds, {z, Sum(root, column)}), Strings({"Add", "Square", "Sum"}));
  // A fed intermediate is not the op's.
  EXPECT_EQ(Ops({{sum, Floats({1, 2, 3, 4})}}, {z}), Strings({"Square"}));
}

// A control edge asks for the sum to run; nobody reads it but the work that takes it in.
TEST_F(ProgramEditorTest, WhatAControlEdgeAsksForIsDoneByTheNewWork) {
  AddRewrite(SquareOfSum());
  Graph graph(registry_);
  Scope root = Scope::Root(graph);
  const Output x = Placeholder(root, DType::kFloat, {2});
  const Output sum = Add(root, x, x);
  const Output z = Square(root, sum);
  const Output group = NoOp(root.After({sum, z}));
  const Feeds feeds = {{x, Floats({1, 2})}};
  EXPECT_EQ(Ops(feeds, {z, group}), Strings({"SquareOfSum"}));
  EXPECT_EQ(Ops(feeds, {group}), Strings({"SquareOfSum"}));
}

TEST_F(ProgramEditorTest, WorkBehindLateShapesIsLeftAlone) {
  AddRewrite(SquareOfSum());
  Graph graph(registry_);
  Scope root = Scope::Root(graph);
  const Output x = Placeholder(root, DType::kFloat, {-1});
  const Output positive = Positive(root, x);
  const Output z = Square(root, Add(root, positive, positive));
  const Feeds feeds = {{x, Floats({-1, 2, 3})}};
  EXPECT_EQ(Ops(feeds, {z}), Strings({"Positive", "Add", "Square"}));
  ExpectClose(Run(feeds, {z})[0], Floats({16, 36}));
}

// The new work needs a value that is made later than the work which it replaces: it moves there.
TEST_F(ProgramEditorTest, WorkMovesToWhereItsInputsAre) {
  AddRewrite({"sum_with_next",
              "Add(x, x) becomes Add(x, Square(x))",
              {"Add"},
              [](PlanEditor& p, int work) {
                const auto in = p.inputs(work);
                if (in[0] != in[1]) return false;
                for (int reader : p.readers(in[0])) {
                  if (!p.Is(reader, "Square")) continue;
                  return p.Replace(
                             work,
                             {"Add", {}, {in[0], p.outputs(reader)[0]}, {p.outputs(work)[0]}}) !=
                         PlanEditor::kNone;
                }
                return false;
              }});
  Graph graph(registry_);
  Scope root = Scope::Root(graph);
  const Output x = Placeholder(root, DType::kFloat, {2});
  const Output sum = Add(root, x, x);
  const Output square = Square(root, x);  // later than the sum
  const Output z = Sub(root, sum, square);
  const Feeds feeds = {{x, Floats({3, 5})}};
  EXPECT_EQ(Ops(feeds, {z}), Strings({"Square", "Add", "Sub"}));
  ExpectClose(Run(feeds, {z})[0], Floats({3, 5}));  // x + x^2 - x^2

  // Here the square needs the sum: there is no such place, and nothing changes.
  Graph other(registry_);
  Scope root2 = Scope::Root(other);
  const Output a = Placeholder(root2, DType::kFloat, {2});
  const Output twice = Add(root2, a, a);
  const Output b = Square(root2, Sub(root2, twice, a));
  EXPECT_EQ(Run({{a, Floats({3, 5})}}, {b}).size(), 1u);
  ExpectClose(Run({{a, Floats({3, 5})}}, {b})[0], Floats({9, 25}));
}

TEST_F(ProgramEditorTest, ConstantWorkIsFoldedAndForwardedValuesLoseTheirMaker) {
  AddRewrite({"fold_square", "x - c becomes x - (c + c)", {"Sub"}, [](PlanEditor& p, int work) {
                const auto in = p.inputs(work);
                if (p.constant(in[1]) == nullptr || p.constant(in[1])->flat<float>()[0] > 3) {
                  return false;
                }
                const std::vector<int> twice = p.Add(work, {"Add", {}, {in[1], in[1]}});
                EXPECT_EQ(twice.size(), 1u);
                EXPECT_NE(p.constant(twice[0]), nullptr);
                return p.Replace(work, {"Sub", {}, {in[0], twice[0]}, {p.outputs(work)[0]}}) !=
                       PlanEditor::kNone;
              }});
  AddRewrite({"drop_square", "Square(x) becomes x", {"Square"}, [](PlanEditor& p, int work) {
                return p.Forward(p.outputs(work)[0], p.inputs(work)[0]);
              }});
  Graph graph(registry_);
  Scope root = Scope::Root(graph);
  const Output x = Placeholder(root, DType::kFloat, {2});
  const Output z = Sub(root, Square(root, x), Const(root, Floats({1, 2})));
  const Feeds feeds = {{x, Floats({10, 20})}};
  EXPECT_EQ(Ops(feeds, {z}), Strings({"Sub"}));
  ExpectClose(Run(feeds, {z})[0], Floats({6, 12}));  // 1 -> 2 -> 4, then it stops
}

TEST_F(ProgramEditorTest, ARewriteThatAsksForTheImpossibleChangesNothing) {
  AddRewrite({"wrong", "another shape and another type", {"Add"}, [](PlanEditor& p, int work) {
                const int x = p.inputs(work)[0], out = p.outputs(work)[0];
                EXPECT_EQ(p.Replace(work, {"Sum", {}, {x}, {out}}), PlanEditor::kNone);
                EXPECT_EQ(p.Replace(work, {"ShapeOf", {}, {x}, {out}}), PlanEditor::kNone);
                EXPECT_EQ(p.Replace(work, {"Add", {}, {x}, {out}}), PlanEditor::kNone);
                EXPECT_TRUE(p.Add(work, {"Add", {}, {x, out}}).empty());  // comes too late
                return false;
              }});
  Graph graph(registry_);
  Scope root = Scope::Root(graph);
  const Output x = Placeholder(root, DType::kFloat, {2});
  const Output z = Add(root, x, x);
  ExpectClose(Run({{x, Floats({1, 2})}}, {z})[0], Floats({2, 4}));
}

TEST_F(ProgramEditorTest, NamesOfRewrites) {
  AddRewrite(SquareOfSum());
  EXPECT_THAT(registry_.AddRewrite(SquareOfSum()),
              StatusIs(StatusCode::kAlreadyExists, "square_of_sum"));
  Graph graph(registry_);
  Const(Scope::Root(graph), 1);
  EXPECT_THAT(Session::Create(graph, {.disabled_rewrites = {"square_of_sums"}}),
              StatusIs(StatusCode::kInvalidArgument,
                       "there is no rewrite 'square_of_sums', only square_of_sum"));
}

}  // namespace
}  // namespace sluice
