// Gradients: rules GR-1 to GR-13, with numbers worked by hand and TensorFlow's node names.
#include "graph/gradients.h"

#include "graph/graph.h"
#include "gtest/gtest.h"
#include "ops/all_ops.h"
#include "ops/const.h"
#include "ops/placeholder.h"
#include "session/session.h"
#include "tests/testing/core/status_matchers.h"

namespace sluice {
namespace {

class GradientsTest : public testing::Test {
 protected:
  Graph graph_{ops::Builtin()};
  Scope root_ = Scope::Root(graph_);

  std::vector<float> Run(const Outputs& fetches, const Feeds& feeds = {}) {
    absl::StatusOr<Session> session = Session::Create(graph_);
    EXPECT_THAT(session, IsOk());
    if (!session.ok()) return {};
    const absl::StatusOr<std::vector<Tensor>> out = session->Run(feeds, fetches);
    EXPECT_THAT(out, IsOk());
    std::vector<float> values;
    if (out.ok()) {
      for (const Tensor& t : *out) values.push_back(t.scalar<float>());
    }
    return values;
  }
  void ExpectError(absl::StatusCode code, const char* text) {
    EXPECT_THAT(graph_.status(), StatusIs(code, text));
  }
};

TEST_F(GradientsTest, GradientOfAnInputOnTheWay) {  // GR-5's example: y = 3x, z = x + 2y
  const Output x = ops::Const(root_, 1.0f);
  const Output y = x * 3;
  const Output z = x + y * 2;
  EXPECT_EQ(Run(Gradients(root_, {z}, {x, y})), (std::vector<float>{7, 2}));
  EXPECT_EQ(Run(Gradients(root_, {z}, {x, y}, {.stop_gradients = {x, y}})),
            (std::vector<float>{1, 2}));
}

// The Size behind a mean brings no gradient; what it counts must not wait for one.
TEST_F(GradientsTest, ASizeBesideThePathDoesNotBlockIt) {
  const Output x = ops::Const(root_, 3.0f);
  const Output squared = x * x;
  const Output size = At(root_).Node("Size", {squared});
  const Output count = At(root_).Node("Cast", {size}, {{"DstT", DType::kFloat}});
  EXPECT_EQ(Run(Gradients(root_, {squared / count}, {x})), (std::vector<float>{6}));
}

TEST_F(GradientsTest, NodeNames) {  // GR-2
  const Output x = ops::Placeholder(root_.Named("x"), DType::kFloat, {});
  const Output y = At(root_.Named("y")).Node("Mul", {x, x});
  Gradients(root_, {y}, {x});
  for (const char* name :
       {"gradients/Shape", "gradients/grad_ys_0", "gradients/Fill", "gradients/AddN"})
    EXPECT_NE(graph_.FindNode(name), nullptr) << name;
  bool in_scope = false;
  for (int i = 0; i < graph_.num_nodes(); ++i)
    in_scope |= graph_.node(i)->name().rfind("gradients/y_grad/", 0) == 0;
  EXPECT_TRUE(in_scope);
  Gradients(root_, {y}, {x});
  EXPECT_NE(graph_.FindNode("gradients_1/Fill"), nullptr);
}

TEST_F(GradientsTest, SeveralYsAddUp) {
  const Output x = ops::Const(root_, 5.0f);
  EXPECT_EQ(Run(Gradients(root_, {x * 2, x * 3}, {x})), (std::vector<float>{5}));
}

TEST_F(GradientsTest, GivenIncomingGradient) {
  const Output x = ops::Const(root_, 5.0f);
  EXPECT_EQ(Run(Gradients(root_, {x * 2}, {x}, {.grad_ys = {ops::Const(root_, 10.0f)}})),
            (std::vector<float>{20}));
  EXPECT_NE(graph_.FindNode("gradients/grad_ys_0"), nullptr);
}

TEST_F(GradientsTest, YIsX) {  // GR-12
  const Output x = ops::Const(root_, 5.0f);
  EXPECT_EQ(Run(Gradients(root_, {x}, {x})), (std::vector<float>{1}));
}

TEST_F(GradientsTest, Unconnected) {  // GR-11, GR-12
  const Output x = ops::Const(root_, 5.0f), z = ops::Const(root_, 1.0f);
  EXPECT_TRUE(Gradients(root_, {x * 2}, {z})[0].empty());
  EXPECT_EQ(
      Run(Gradients(root_, {x * 2}, {z}, {.unconnected_gradients = UnconnectedGradients::kZero})),
      (std::vector<float>{0}));
  EXPECT_THAT(graph_.status(), IsOk());
}

TEST_F(GradientsTest, NothingFlowsThroughIntegersOrStops) {  // GR-4, GR-6
  const Output x = ops::Const(root_, 5.0f);
  const Output rounded = At(root_).Node(
      "Cast", {At(root_).Node("Cast", {x}, {{"DstT", DType::kInt32}})}, {{"DstT", DType::kFloat}});
  EXPECT_TRUE(Gradients(root_, {rounded}, {x})[0].empty());
  EXPECT_TRUE(Gradients(root_, {At(root_).Node("StopGradient", {x})}, {x})[0].empty());
  EXPECT_THAT(graph_.status(), IsOk());
}

TEST_F(GradientsTest, SharedSubexpressionIsVisitedOnce) {
  // 40 doublings: y = 2^40 x. A walk along paths would take 2^40 steps.
  Output y = ops::Const(root_, 1.0f);
  const Output x = y;
  for (int i = 0; i < 40; ++i) y = y + y;
  EXPECT_EQ(Run(Gradients(root_, {y}, {x})), (std::vector<float>{1099511627776.0f}));
}

TEST_F(GradientsTest, GatedGradients) {  // GATE_OP
  const Output x = ops::Const(root_, 2.0f), y = ops::Const(root_, 3.0f);
  const Output z = At(root_.Named("z")).Node("Mul", {x, y});
  EXPECT_EQ(Run(Gradients(root_, {z}, {x, y}, {.gate_gradients = true})),
            (std::vector<float>{3, 2}));
  for (const char* name :
       {"gradients/z_grad/tuple/group_deps", "gradients/z_grad/tuple/control_dependency",
        "gradients/z_grad/tuple/control_dependency_1"}) {
    EXPECT_NE(graph_.FindNode(name), nullptr) << name;
  }
}

TEST_F(GradientsTest, SecondOrder) {  // d2(x^3)/dx2 = 6x
  const Output x = ops::Const(root_, 2.0f);
  const Output first = Gradients(root_, {x * x * x}, {x})[0];
  EXPECT_EQ(Run({first}), (std::vector<float>{12}));
  EXPECT_EQ(Run(Gradients(root_, {first}, {x})), (std::vector<float>{12}));
}

TEST_F(GradientsTest, FedValueDecides) {
  const Output x = ops::Placeholder(root_.Named("x"), DType::kFloat, {});
  const Output g = Gradients(root_, {x * x}, {x})[0];
  EXPECT_EQ(Run({g}, {{x, Tensor::Scalar(4.0f)}}), (std::vector<float>{8}));
}

TEST_F(GradientsTest, WrongNumberOfIncomingGradients) {  // GR-3
  const Output x = ops::Const(root_, 5.0f);
  Gradients(root_, {x, x}, {x}, {.grad_ys = {x}});
  ExpectError(absl::StatusCode::kInvalidArgument, "Passed 1 grad_ys for 2 ys");
}

TEST_F(GradientsTest, NonNumericY) {
  const Output s = ops::Const(root_, "text");
  Gradients(root_, {s}, {s});
  ExpectError(absl::StatusCode::kInvalidArgument, "must be numeric to obtain a default gradient");
}

TEST_F(GradientsTest, EmptyAndForeignTensors) {
  const Output x = ops::Const(root_, 5.0f);
  EXPECT_EQ(Gradients(root_, {Output()}, {x}).size(), 1u);
  ExpectError(absl::StatusCode::kInvalidArgument, "a tensor is empty");
  Graph other(ops::Builtin());
  Gradients(Scope::Root(other), {x}, {x});
  EXPECT_THAT(other.status(),
              StatusIs(absl::StatusCode::kInvalidArgument, "is not an element of this graph"));
}

TEST(Gradients, OpWithoutGradient) {  // GR-6
  OpRegistry registry = ops::Builtin();
  ASSERT_THAT(
      registry.Add(
          OpSpec("NoGradient").Input("x: float").Output("y: float").Shape(shapes::SameAsInput)),
      IsOk());
  Graph graph(registry);
  const Scope root = Scope::Root(graph);
  const Output x = ops::Const(root, 1.0f);
  Gradients(root, {At(root.Named("odd")).Node("NoGradient", {x})}, {x});
  EXPECT_THAT(graph.status(),
              StatusIs(absl::StatusCode::kUnimplemented,
                       "No gradient defined for operation 'odd' (op type: NoGradient)"));
}

TEST(Gradients, GradientFunctionOfTheWrongLength) {  // GR-8
  OpRegistry registry = ops::Builtin();
  ASSERT_THAT(
      registry.Add(OpSpec("Odd")
                       .Input("x: float")
                       .Output("y: float")
                       .Shape(shapes::SameAsInput)
                       .Gradient([](At, const Node&, const Outputs&) { return Outputs(2); })),
      IsOk());
  Graph graph(registry);
  const Scope root = Scope::Root(graph);
  const Output x = ops::Const(root, 1.0f);
  Gradients(root, {At(root).Node("Odd", {x})}, {x});
  EXPECT_THAT(graph.status(),
              StatusIs(absl::StatusCode::kInternal,
                       "Num gradients 2 generated for op Odd do not match num inputs 1"));
}

TEST_F(GradientsTest, AncestorsFollowDataAndControl) {
  const Output a = ops::Const(root_, 1.0f);
  const Output b = ops::Const(root_, 2.0f);
  const Output c = At(root_.After({b})).Node("Neg", {a});
  EXPECT_TRUE(Ancestors(graph_, {c})[a.node()->id()]);
  EXPECT_FALSE(Ancestors(graph_, {c})[b.node()->id()]);
  EXPECT_TRUE(Ancestors(graph_, {c}, true)[b.node()->id()]);
}

}  // namespace
}  // namespace sluice
