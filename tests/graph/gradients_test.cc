// Gradients: rules GR-1 to GR-15, with numbers worked by hand and TensorFlow's node names.
#include "graph/gradients.h"

#include "gmock/gmock.h"
#include "graph/graph.h"
#include "graph/node.h"
#include "graph/variable.h"
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
  const int before = graph_.num_nodes();
  Gradients(root_, {y}, {x});
  const auto made = [&](int i) { return graph_.node(before + i); };
  EXPECT_EQ(made(0)->name(), "gradients/Shape");
  EXPECT_EQ(made(0)->op(), "Const");
  EXPECT_EQ(made(1)->name(), "gradients/grad_ys_0");
  EXPECT_EQ(made(2)->name(), "gradients/Fill");
  const Node* sum = graph_.FindNode("gradients/AddN");
  ASSERT_NE(sum, nullptr);
  for (int i = 3; made(i) != sum; ++i) {
    EXPECT_EQ(made(i)->name().rfind("gradients/y_grad/", 0), 0u) << made(i)->name();
    EXPECT_EQ(made(i)->original_op(), y.node());
  }
  // Beside the op of the first summand.
  EXPECT_EQ(sum->attr<std::vector<std::string>>("_class"),
            std::vector<std::string>{"loc:@" + sum->input_edge(0).node->name()});
  Gradients(root_, {y}, {x});
  EXPECT_NE(graph_.FindNode("gradients_1/Fill"), nullptr);
  Gradients(root_.Sub("tower"), {y}, {x}, {.name = "g"});
  EXPECT_NE(graph_.FindNode("tower/g/Fill"), nullptr);
}

TEST_F(GradientsTest, AnUnknownShapeIsAskedFor) {  // GR-2
  const Output x = ops::Placeholder(root_.Named("x"), DType::kFloat, {-1});
  Gradients(root_, {x}, {x});
  EXPECT_EQ(graph_.FindNode("gradients/Shape")->op(), "Shape");
}

// GR-1: variables, constants, placeholders and tensors on the way.
TEST_F(GradientsTest, WhatXMayBe) {
  const Variable v = GetVariable(root_, "v", {.shape = {}, .initializer = ZerosInitializer});
  const Output c = ops::Const(root_, 2.0f);
  const Output p = ops::Placeholder(root_, DType::kFloat, {});
  const Output product = c * p;
  const Output y = product * 5 + v.value() * 7;
  const Outputs g = Gradients(root_, {y}, {v.handle(), v.value(), c, p, product});
  EXPECT_EQ(Run(g, {{p, Tensor::Scalar(3.0f)}}), (std::vector<float>{7, 7, 15, 10, 5}));
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

// --- what comes in (GR-3) ---

TEST_F(GradientsTest, TypesOfIncomingGradients) {  // GR-3
  struct Case {
    DType y, seed;
    const char* error;  // null: none
  };
  const Case cases[] = {
      {DType::kFloat, DType::kComplex64, "must be real or integer"},
      {DType::kInt32, DType::kComplex64, "must be real or integer"},
      {DType::kFloat, DType::kBool, "must be real or integer"},
      {DType::kFloat, DType::kString, "must be real or integer"},
      {DType::kComplex64, DType::kFloat, "must be complex"},
      {DType::kComplex64, DType::kComplex64, nullptr},
      {DType::kInt32, DType::kInt32, nullptr},
      {DType::kInt32, DType::kFloat, nullptr},
      {DType::kFloat, DType::kFloat, nullptr},
      {DType::kFloat, DType::kDouble, "is float64[], but"},
      {DType::kBool, DType::kFloat, "must be numeric to obtain a default gradient"},
      {DType::kString, DType::kString, "must be numeric to obtain a default gradient"},
  };
  for (const Case& c : cases) {
    Graph graph(ops::Builtin());
    const Scope root = Scope::Root(graph);
    const Output y = ops::Placeholder(root, c.y, {}), seed = ops::Placeholder(root, c.seed, {});
    const Outputs g = Gradients(root, {y}, {y}, {.grad_ys = {seed}});
    if (c.error == nullptr) {
      EXPECT_THAT(graph.status(), IsOk());
      EXPECT_EQ(g[0].name(), "gradients/grad_ys_0:0");
    } else {
      EXPECT_THAT(graph.status(), StatusIs(absl::StatusCode::kInvalidArgument, c.error))
          << DTypeName(c.y) << " " << DTypeName(c.seed);
      EXPECT_EQ(g.size(), 1u);
    }
  }
}

TEST_F(GradientsTest, ComplexYsNeedAnExplicitGradient) {  // GR-3
  const Output y = ops::Placeholder(root_, DType::kComplex64, {});
  Gradients(root_, {y}, {y});
  ExpectError(absl::StatusCode::kInvalidArgument, "Gradients of complex tensors must set grad_ys");
}

TEST_F(GradientsTest, IntegerYs) {  // GR-3, GR-4
  const Output x = ops::Const(root_, 5.0f);
  const Output y = At(root_).Node("Cast", {x}, {{"DstT", DType::kInt32}});
  const Outputs g = Gradients(root_, {y}, {x, y});
  EXPECT_THAT(graph_.status(), IsOk());
  EXPECT_TRUE(g[0].empty());
  EXPECT_EQ(g[1].dtype(), DType::kInt32);
}

TEST_F(GradientsTest, ShapeOfTheIncomingGradient) {  // GR-3
  const Output y = ops::Const(root_, Tensor::Of<float>({2}, {1, 2}));
  Gradients(root_, {y}, {y}, {.grad_ys = {ops::Const(root_, 1.0f)}});
  ExpectError(absl::StatusCode::kInvalidArgument, "is float32[], but Const:0 is float32[2]");
}

TEST_F(GradientsTest, SomeIncomingGradientsMayBeLeftOut) {  // GR-3
  const Output x = ops::Const(root_, 5.0f);
  EXPECT_EQ(
      Run(Gradients(root_, {x * 2, x * 3}, {x}, {.grad_ys = {Output(), ops::Const(root_, 10.0f)}})),
      (std::vector<float>{32}));
}

// --- what is and is not reached ---

TEST_F(GradientsTest, YIsX) {  // GR-12
  const Output x = ops::Const(root_, 5.0f);
  EXPECT_EQ(Run(Gradients(root_, {x}, {x})), (std::vector<float>{1}));
}

TEST_F(GradientsTest, Unconnected) {  // GR-11, GR-12
  const Output x = ops::Const(root_, 5.0f), z = ops::Const(root_, 1.0f);
  EXPECT_TRUE(Gradients(root_, {x * 2}, {z})[0].empty());
  const Output whole = ops::Const(root_, 3);
  const Outputs zeros =
      Gradients(root_, {x * 2}, {z, whole}, {.unconnected_gradients = UnconnectedGradients::kZero});
  EXPECT_EQ(Run({zeros[0]}), (std::vector<float>{0}));
  EXPECT_EQ(zeros[1].dtype(), DType::kInt32);
  EXPECT_NE(graph_.FindNode("gradients_1/zeros_like_1"), nullptr);
  EXPECT_THAT(graph_.status(), IsOk());
}

TEST_F(GradientsTest, ZerosOfAVariable) {  // GR-11
  const Variable v = GetVariable(
      root_, "v", {.shape = {2, 3}, .dtype = DType::kDouble, .initializer = ZerosInitializer});
  const Output zeros = Gradients(root_, {ops::Const(root_, 1.0f)}, {v.handle()},
                                 {.unconnected_gradients = UnconnectedGradients::kZero})[0];
  ASSERT_THAT(graph_.status(), IsOk());
  EXPECT_EQ(zeros.dtype(), DType::kDouble);
  EXPECT_EQ(zeros.shape(), (TensorShape{2, 3}));
  EXPECT_EQ(zeros.name(), "gradients/zeros:0");
}

TEST_F(GradientsTest, ValuesThatAreNoChoice) {  // GR-9, GR-11
  const Output x = ops::Const(root_, 5.0f);
  Gradients(root_, {x}, {x}, {.aggregation_method = static_cast<AggregationMethod>(3)});
  ExpectError(absl::StatusCode::kInvalidArgument, "Invalid aggregation_method specified 3.");
  Graph other(ops::Builtin());
  const Output z = ops::Const(Scope::Root(other), 5.0f);
  Gradients(Scope::Root(other), {z}, {z},
            {.unconnected_gradients = static_cast<UnconnectedGradients>(7)});
  EXPECT_THAT(other.status(), StatusIs(absl::StatusCode::kInvalidArgument,
                                       "Unknown value for unconnected_gradients: 7"));
}

TEST_F(GradientsTest, NothingFlowsThroughIntegersOrStops) {  // GR-4, GR-6
  const Output x = ops::Const(root_, 5.0f);
  const Output rounded = At(root_).Node(
      "Cast", {At(root_).Node("Cast", {x}, {{"DstT", DType::kInt32}})}, {{"DstT", DType::kFloat}});
  EXPECT_TRUE(Gradients(root_, {rounded}, {x})[0].empty());
  EXPECT_TRUE(Gradients(root_, {At(root_).Node("StopGradient", {x})}, {x})[0].empty());
  EXPECT_THAT(graph_.status(), IsOk());
}

TEST_F(GradientsTest, WhatIsNotDifferentiable) {  // GR-6
  const Output x = ops::Const(root_, 1.5f);
  for (const char* op : {"Floor", "Ceil", "Round"}) {
    EXPECT_TRUE(Gradients(root_, {At(root_).Node(op, {x})}, {x})[0].empty()) << op;
  }
  EXPECT_EQ(Run(Gradients(root_, {At(root_).Node("Sign", {x})}, {x})), (std::vector<float>{0}));
  EXPECT_THAT(graph_.status(), IsOk());
}

// GR-5: an x that another x leads to passes its gradient on; a stop does not.
TEST_F(GradientsTest, StopsOnTheWay) {
  const Output x = ops::Const(root_, 2.0f);
  const Output y = x * 3;
  const Output z = y * y;  // 9 x^2
  EXPECT_EQ(Run(Gradients(root_, {z}, {y, x})), (std::vector<float>{12, 36}));
  const Outputs stopped = Gradients(root_, {z}, {y, x}, {.stop_gradients = {y}});
  EXPECT_EQ(Run({stopped[0]}), (std::vector<float>{12}));
  EXPECT_TRUE(stopped[1].empty());
}

TEST_F(GradientsTest, OutputsWithoutGradientGetZeros) {  // GR-7
  const Output x = ops::Const(root_, Tensor::Of<float>({4}, {1, 2, 3, 4}));
  const Outputs halves =
      At(root_.Named("halves"))
          .Nodes("Split", {ops::Const(root_, 0), x}, {{"num_split", int64_t{2}}});
  const Output g = Gradients(root_, {halves[1] * 3}, {x})[0];
  ASSERT_NE(graph_.FindNode("gradients/zeros_like"), nullptr);
  absl::StatusOr<Session> session = Session::Create(graph_);
  const auto out = session->Run({}, {g});
  ASSERT_THAT(out, IsOk());
  EXPECT_THAT((*out)[0].flat<float>(), testing::ElementsAre(0, 0, 3, 3));
}

TEST_F(GradientsTest, IntegerOutputsGetNoZeros) {  // GR-7
  const Output x = ops::Const(root_, Tensor::Of<float>({3}, {1, 3, 2}));
  const Outputs top = At(root_).Nodes("TopKV2", {x, ops::Const(root_, 1)});
  Gradients(root_, {top[0]}, {x});
  EXPECT_THAT(graph_.status(), IsOk());
  EXPECT_EQ(graph_.FindNode("gradients/zeros_like"), nullptr);
}

// --- aggregation (GR-9) ---

TEST_F(GradientsTest, AggregationAsATree) {  // GR-9
  const Output x = ops::Placeholder(root_.Named("x"), DType::kFloat, {});
  const Output y = x * 2 + x * 3 + x * 4;
  const Output g =
      Gradients(root_, {y}, {x}, {.aggregation_method = AggregationMethod::kExperimentalTree})[0];
  EXPECT_EQ(g.name(), "gradients/x_gradient_sum/AddN_1:0");
  EXPECT_EQ(g.node()->num_inputs(), 2);
  EXPECT_EQ(g.node()->input(0).name(), "gradients/x_gradient_sum/AddN:0");
  EXPECT_EQ(Run({g}, {{x, Tensor::Scalar(1.0f)}}), (std::vector<float>{9}));
}

TEST_F(GradientsTest, AggregationByAccumulation) {  // GR-9
  const GradientsOptions options = {.aggregation_method =
                                        AggregationMethod::kExperimentalAccumulateN};
  const Output x = ops::Placeholder(root_.Named("x"), DType::kFloat, {});
  const Output three = Gradients(root_, {x * 2 + x * 3 + x * 4}, {x}, options)[0];
  EXPECT_EQ(three.name(), "gradients/AccumulateNV2:0");
  EXPECT_EQ(Run({three}, {{x, Tensor::Scalar(1.0f)}}), (std::vector<float>{9}));
  // Two terms, and terms of unknown shape, are added as in a tree.
  EXPECT_EQ(Gradients(root_, {x * 2 + x * 3}, {x}, options)[0].name(),
            "gradients_1/x_gradient_sum/AddN:0");
  const Output u = ops::Placeholder(root_.Named("u"), DType::kFloat, {-1});
  EXPECT_EQ(Gradients(root_, {u * 2 + u * 3 + u * 4}, {u}, options)[0].name(),
            "gradients_2/u_gradient_sum/AddN_1:0");
}

TEST_F(GradientsTest, Colocation) {  // GR-13
  const Output x = ops::Placeholder(root_.Named("x"), DType::kFloat, {2});
  const Output y = At(root_.Named("y")).Node("Exp", {x});
  Gradients(root_, {y}, {x}, {.colocate_gradients_with_ops = true});
  int seen = 0;
  for (int i = 0; i < graph_.num_nodes(); ++i) {
    if (graph_.node(i)->name().rfind("gradients/", 0) != 0) continue;
    ++seen;
    EXPECT_EQ(graph_.node(i)->attr<std::vector<std::string>>("_class"),
              std::vector<std::string>{"loc:@y"})
        << graph_.node(i)->name();
  }
  EXPECT_GE(seen, 4);  // the seed's three nodes, and the gradient of y
  const Output without = Gradients(root_, {y}, {x})[0];
  EXPECT_EQ(FindAttr(without.node()->attrs(), "_class"), nullptr);
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

// The nodes are there by TensorFlow's names (EX-4), but nothing waits for the gradient of x, which
// nobody wants.
TEST_F(GradientsTest, GatesDoNotWaitForUnwantedGradients) {
  const Output x = ops::Placeholder(root_.Named("x"), DType::kFloat, {});
  const Output w = ops::Const(root_, 3.0f);
  const Output z = At(root_.Named("z")).Node("Mul", {x, w});
  const Output g = Gradients(root_, {z}, {w}, {.gate_gradients = true})[0];
  EXPECT_EQ(g.name(), "gradients/z_grad/tuple/control_dependency_1:0");
  EXPECT_NE(graph_.FindNode("gradients/z_grad/tuple/control_dependency"), nullptr);
  EXPECT_EQ(graph_.FindNode("gradients/z_grad/tuple/group_deps")->control_inputs().size(), 1u);
  EXPECT_EQ(Run({g}, {{x, Tensor::Scalar(5.0f)}}), (std::vector<float>{5}));
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

OpRegistry WithNoGradient() {
  OpRegistry registry = ops::Builtin();
  EXPECT_THAT(
      registry.Add(
          OpSpec("NoGradient").Input("x: float").Output("y: float").Shape(shapes::SameAsInput)),
      IsOk());
  return registry;
}

TEST(Gradients, OpWithoutGradient) {  // GR-6
  const OpRegistry registry = WithNoGradient();
  Graph graph(registry);
  const Scope root = Scope::Root(graph);
  const Output w = ops::Const(root.Named("w"), 1.0f);
  const Output odd = At(root.Named("odd"), "net.cc", 28).Node("NoGradient", {w});
  const Output a = At(root.Named("a")).Node("Exp", {odd});
  const Output loss = At(root.Named("loss")).Node("Neg", {a});
  EXPECT_TRUE(Gradients(root, {loss}, {w})[0].empty());
  for (const char* text :
       {"No gradient defined for operation 'odd' (op type: NoGradient)", "built at net.cc:28",
        "path: loss <- a <- odd <- w", "gradients_test.cc"}) {
    EXPECT_THAT(graph.status(), StatusIs(absl::StatusCode::kUnimplemented, text));
  }
}

TEST(Gradients, ALongPathIsCutInTheMiddle) {  // GR-6
  const OpRegistry registry = WithNoGradient();
  Graph graph(registry);
  const Scope root = Scope::Root(graph);
  const Output w = ops::Const(root.Named("w"), 1.0f);
  Output y = At(root.Named("odd")).Node("NoGradient", {w});
  for (int i = 0; i < 20; ++i) y = At(root.Named(absl::StrCat("n", i))).Node("Neg", {y});
  Gradients(root, {y}, {w});
  EXPECT_THAT(
      graph.status(),
      StatusIs(
          absl::StatusCode::kUnimplemented,
          "path: n19 <- n18 <- n17 <- n16 <- n15 <- n14 <- ... <- n2 <- n1 <- n0 <- odd <- w"));
}

TEST(Gradients, OpWithoutGradientBesideThePath) {  // GR-6
  const OpRegistry registry = WithNoGradient();
  Graph graph(registry);
  const Scope root = Scope::Root(graph);
  const Output w = ops::Const(root, 1.0f), other = ops::Const(root, 2.0f);
  const Output odd = At(root).Node("NoGradient", {other});
  EXPECT_FALSE(Gradients(root, {w * odd}, {w})[0].empty());
  EXPECT_THAT(graph.status(), IsOk());
}

// An op with this gradient.
OpRegistry WithOdd(GradientFn gradient) {
  OpRegistry registry = ops::Builtin();
  EXPECT_THAT(registry.Add(OpSpec("Odd")
                               .Input("x: float")
                               .Output("y: float")
                               .Shape(shapes::SameAsInput)
                               .Gradient(std::move(gradient))),
              IsOk());
  return registry;
}

TEST(Gradients, GradientFunctionOfTheWrongLength) {  // GR-8
  const OpRegistry registry = WithOdd([](At, const Node&, const Outputs&) { return Outputs(2); });
  Graph graph(registry);
  const Scope root = Scope::Root(graph);
  const Output x = ops::Const(root, 1.0f);
  Gradients(root, {At(root).Node("Odd", {x})}, {x});
  EXPECT_THAT(graph.status(),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       "Num gradients 2 generated for op Odd do not match num inputs 1"));
}

TEST(Gradients, GradientOfTheWrongShape) {  // GR-8
  const OpRegistry registry = WithOdd([](At at, const Node&, const Outputs&) {
    return Outputs{ops::Const(at, Tensor::Of<float>({3}, {1, 2, 3}))};
  });
  Graph graph(registry);
  const Scope root = Scope::Root(graph);
  const Output x = ops::Const(root, 1.0f);
  Gradients(root, {At(root).Node("Odd", {x})}, {x});
  EXPECT_THAT(graph.status(),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       "Incompatible shapes between op input and calculated input gradient. "
                       "Forward operation: Odd. Input index: 0. Original input shape: []. "
                       "Calculated input gradient shape: [3]"));
}

// --- GR-15: other gradient functions ---

OpRegistry WithTenfold() {
  OpRegistry registry = ops::Builtin();
  const GradientFn tenfold = [](At, const Node&, const Outputs& dy) { return Outputs{dy[0] * 10}; };
  EXPECT_THAT(registry.AddGradient("Tenfold", tenfold), IsOk());
  EXPECT_THAT(registry.AddGradient("Tenfold", tenfold),
              StatusIs(absl::StatusCode::kAlreadyExists, "Registering two gradient"));
  return registry;
}

float OnlyValue(const Graph& graph, const Output& x) {
  absl::StatusOr<Session> session = Session::Create(graph);
  const auto out = session->Run({}, {x});
  EXPECT_THAT(out, IsOk());
  return out.ok() ? (*out)[0].scalar<float>() : -1;
}

TEST(Gradients, Override) {  // GR-15
  const OpRegistry registry = WithTenfold();
  Graph graph(registry);
  const Scope root = Scope::Root(graph);
  const Scope changed = root.GradientOverride({{"Exp", "Tenfold"}, {"Identity", "Tenfold"}});
  const Output x = ops::Const(root, 0.0f);
  const auto of = [&](const Scope& scope, const char* op) {
    return OnlyValue(graph, Gradients(root, {At(scope).Node(op, {x})}, {x})[0]);
  };
  EXPECT_EQ(of(changed, "Exp"), 10);
  EXPECT_EQ(of(changed, "Identity"), 10);
  EXPECT_EQ(of(changed, "Neg"), -1);                                     // not in the map
  EXPECT_EQ(of(root, "Exp"), 1);                                         // not in the scope
  EXPECT_EQ(of(changed.GradientOverride({{"Exp", "Neg"}}), "Exp"), -1);  // as another op
  // What stops gradients may be made to let them through.
  EXPECT_EQ(of(root.GradientOverride({{"Floor", "Tenfold"}}), "Floor"), 10);
}

TEST(Gradients, OverrideByAnUnknownName) {  // GR-15
  const OpRegistry registry = WithTenfold();
  Graph graph(registry);
  const Scope root = Scope::Root(graph);
  const Output x = ops::Const(root, 0.0f);
  const Output y = At(root.Named("y")).Node("Exp", {x}, {{kGradientOpTypeAttr, "Elevenfold"}});
  Gradients(root, {y}, {x});
  EXPECT_THAT(graph.status(), StatusIs(absl::StatusCode::kNotFound, "'Elevenfold'"));
  EXPECT_THAT(graph.status(), StatusIs(absl::StatusCode::kNotFound, "operation 'y'"));
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
