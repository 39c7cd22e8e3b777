#include "train/optimizer.h"

#include <string>
#include <utility>
#include <vector>

#include "graph/graph.h"
#include "graph/node.h"
#include "graph/updates.h"
#include "gtest/gtest.h"
#include "ops/all_ops.h"
#include "session/session.h"
#include "tests/testing/core/status_matchers.h"
#include "tests/testing/core/tensors.h"
#include "train/adam.h"
#include "train/global_step.h"
#include "train/gradient_descent.h"
#include "train/momentum.h"

namespace sluice::train {
namespace {

using absl::StatusCode;
using testing::ElementsAre;
using testing::IsEmpty;

class OptimizerTest : public testing::Test {
 protected:
  Output Constant(const Tensor& value) {
    return At(root_).Node("Const", {}, {{"value", value}, {"dtype", value.dtype()}});
  }

  Variable Make(const std::string& name, const Tensor& value, VariableOptions options = {}) {
    return MakeIn(root_, name, value, std::move(options));
  }

  Variable MakeIn(const Scope& scope, const std::string& name, const Tensor& value,
                  VariableOptions options = {}) {
    options.shape = value.shape();
    options.dtype = value.dtype();
    options.initializer = [value](At at, const TensorShape&, DType dtype) {
      return at.Named("Const").Node("Const", {}, {{"value", value}, {"dtype", dtype}});
    };
    return GetVariable(scope, name, options);
  }

  // A loss whose gradient with respect to the value of `v` is `gradient`.
  Output LossOf(const Variable& v, const Tensor& gradient) {
    Output products = At(root_).Node("Mul", {v, Constant(gradient)});
    if (products.shape().rank() == 0) return products;
    return At(root_).Node("Sum", {products, Constant(Tensor::Scalar(0))});
  }

  Session Start() {
    const Output init = GlobalVariablesInitializer(root_);
    absl::StatusOr<Session> session = Session::Create(graph_);
    EXPECT_THAT(session, IsOk());
    EXPECT_THAT(session->Run(init), IsOk());
    return *std::move(session);
  }

  Tensor Value(Session& session, const Output& x) {
    absl::StatusOr<std::vector<Tensor>> values = session.Run({}, {x});
    EXPECT_THAT(values, IsOk());
    return values.ok() ? (*values)[0] : Tensor();
  }

  // The value of a one-element variable after each of `steps` runs of `train_op`.
  std::vector<double> Values(const Output& train_op, const Variable& v, int steps) {
    Session session = Start();
    std::vector<double> values;
    for (int i = 0; i < steps; ++i) {
      EXPECT_THAT(session.Run(train_op), IsOk());
      values.push_back(ToDoubles(Value(session, v))[0]);
    }
    return values;
  }

  std::vector<std::string> Names(const std::vector<Variable>& variables) {
    std::vector<std::string> names;
    for (const Variable& v : variables) names.push_back(v.op_name());
    return names;
  }

  Graph graph_{ops::Builtin()};
  Scope root_ = Scope::Root(graph_);
};

MATCHER_P(AllNear, want, "") {
  if (arg.size() != want.size()) return false;
  for (size_t i = 0; i < want.size(); ++i) {
    if (std::abs(arg[i] - want[i]) > 2e-7 * std::max(1.0, std::abs(want[i]))) return false;
  }
  return true;
}

// --- steps: the numbers of rule OPT-12 -----------------------------------------------------------

TEST_F(OptimizerTest, GradientDescentSteps) {
  const Variable w = Make("w", Tensor::Scalar(1.0f));
  const Output train =
      GradientDescent({.learning_rate = 0.1}).Minimize(root_, LossOf(w, Tensor::Scalar(.3f)));
  EXPECT_THAT(Values(train, w, 2), AllNear(std::vector<double>{.97, .94}));
}

TEST_F(OptimizerTest, MomentumSteps) {
  const Variable w = Make("w", Tensor::Scalar(1.0f));
  const Output train = Momentum({.learning_rate = 0.1, .momentum = 0.5})
                           .Minimize(root_, LossOf(w, Tensor::Scalar(.3f)));
  EXPECT_THAT(Values(train, w, 3), AllNear(std::vector<double>{.97, .925, .8725}));
}

TEST_F(OptimizerTest, NesterovSteps) {
  const Variable w = Make("w", Tensor::Scalar(1.0f));
  const Output train = Momentum({.learning_rate = 0.1, .momentum = 0.5, .use_nesterov = true})
                           .Minimize(root_, LossOf(w, Tensor::Scalar(.3f)));
  EXPECT_THAT(Values(train, w, 3), AllNear(std::vector<double>{.955, .9025, .84625}));
}

TEST_F(OptimizerTest, AdamStepsAndPowers) {
  const Variable w = Make("w", Tensor::Of<float>({1}, {.5f}));
  const Output train = Adam().Minimize(root_, LossOf(w, Tensor::Of<float>({1}, {.2f})));
  EXPECT_THAT(Values(train, w, 2), AllNear(std::vector<double>{.4990000016, .4980000027}));
  // After t steps: beta^(t+1) (rule OPT-10).
  Session session = Start();
  ASSERT_THAT(session.Run(train), IsOk());
  ASSERT_THAT(session.Run(train), IsOk());
  for (const Variable& v : graph_.GlobalVariables()) {
    if (v.op_name() == "beta1_power") {
      EXPECT_NEAR(ToDoubles(Value(session, v))[0], .729, 1e-6);
    }
    if (v.op_name() == "beta2_power") {
      EXPECT_NEAR(ToDoubles(Value(session, v))[0], .997002999, 1e-6);
    }
  }
}

TEST_F(OptimizerTest, DoubleVariables) {
  const Variable w = Make("w", Tensor::Scalar(.5));
  const Output train = Adam().Minimize(root_, LossOf(w, Tensor::Scalar(.2)));
  EXPECT_THAT(Values(train, w, 2), AllNear(std::vector<double>{.4990000016, .4980000027}));
  EXPECT_EQ(graph_.status(), absl::OkStatus());
}

TEST_F(OptimizerTest, AQuadraticIsMinimized) {
  const Variable w = Make("w", Tensor::Of<float>({2}, {3, -2}));
  const Output loss =
      At(root_).Node("Sum", {At(root_).Node("Mul", {w, w}), Constant(Tensor::Scalar(0))});
  const Output train = Momentum({.learning_rate = 0.1, .momentum = 0.5}).Minimize(root_, loss);
  Session session = Start();
  for (int i = 0; i < 200; ++i) ASSERT_THAT(session.Run(train), IsOk());
  EXPECT_LT(ToDoubles(Value(session, loss))[0], 1e-10);
}

// --- names
// -----------------------------------------------------------------------------------------

TEST_F(OptimizerTest, NamesOfGradientDescent) {
  const Variable w = Make("dense/kernel", Tensor::Scalar(1.0f));
  const Output train =
      GradientDescent({.learning_rate = 0.1}).Minimize(root_, LossOf(w, Tensor::Scalar(.3f)));
  EXPECT_EQ(train.name(), "GradientDescent");
  EXPECT_EQ(train.node()->op(), "NoOp");
  const Node* update =
      graph_.FindNode("GradientDescent/update_dense/kernel/ResourceApplyGradientDescent");
  ASSERT_NE(update, nullptr);
  EXPECT_EQ(update->input(0), w.handle());
  EXPECT_EQ(update->input(1).name(), "GradientDescent/learning_rate:0");
  EXPECT_EQ(update->attr<std::vector<std::string>>("_class"),
            std::vector<std::string>{"loc:@dense/kernel"});
  EXPECT_THAT(train.node()->control_inputs(), ElementsAre(update));
  EXPECT_THAT(graph_.OutputsIn(keys::kTrainOp), ElementsAre(train));
}

TEST_F(OptimizerTest, NamesOfAdam) {  // listing EX-6, with resource variables
  const Variable w = Make("w", Tensor::Scalar(1.0f));
  const Output train = Adam().Minimize(root_, LossOf(w, Tensor::Scalar(.3f)));
  EXPECT_EQ(train.name(), "Adam");
  EXPECT_THAT(Names(graph_.GlobalVariables()),
              ElementsAre("w", "beta1_power", "beta2_power", "w/Adam", "w/Adam_1"));
  EXPECT_THAT(Names(graph_.TrainableVariables()), ElementsAre("w"));
  for (const char* name :
       {"beta1_power/initial_value", "beta1_power/Assign", "w/Adam/Initializer/zeros",
        "w/Adam/Assign", "w/Adam_1/Initializer/zeros", "Adam/learning_rate", "Adam/beta1",
        "Adam/beta2", "Adam/epsilon", "Adam/update_w/ResourceApplyAdam", "Adam/mul",
        "Adam/AssignVariableOp", "Adam/mul_1", "Adam/AssignVariableOp_1"}) {
    EXPECT_NE(graph_.FindNode(name), nullptr) << name;
  }
}

TEST_F(OptimizerTest, TheGlobalStepIsCountedAfterTheUpdates) {  // listing EX-4
  const Variable step = CreateGlobalStep(root_);
  const Variable w = Make("w", Tensor::Scalar(1.0f));
  const Output train = GradientDescent({.learning_rate = 0.1})
                           .Minimize(root_, LossOf(w, Tensor::Scalar(.3f)), {.global_step = step});
  EXPECT_EQ(train.name(), "GradientDescent");
  EXPECT_EQ(train.node()->op(), "AssignAddVariableOp");
  const Node* update = graph_.FindNode("GradientDescent/update");
  ASSERT_NE(update, nullptr);
  EXPECT_THAT(train.node()->control_inputs(), ElementsAre(update));
  Session session = Start();
  ASSERT_THAT(session.Run(train), IsOk());
  ASSERT_THAT(session.Run(train), IsOk());
  EXPECT_EQ(Value(session, step).scalar<int64_t>(), 2);
  EXPECT_NEAR(Value(session, w).scalar<float>(), .94, 1e-6);
}

TEST_F(OptimizerTest, AnotherNameAndASecondOptimizer) {
  const Variable w = Make("w", Tensor::Scalar(1.0f));
  const Output loss = LossOf(w, Tensor::Scalar(.3f));
  EXPECT_EQ(Adam({.name = "Mine"}).Minimize(root_, loss).name(), "Mine");
  EXPECT_EQ(Adam().Minimize(root_, loss, {.name = "train"}).name(), "train");
  EXPECT_THAT(Names(graph_.GlobalVariables()),
              ElementsAre("w", "beta1_power", "beta2_power", "w/Mine", "w/Mine_1", "beta1_power_1",
                          "beta2_power_1", "w/Adam", "w/Adam_1"));
  const Output third = Adam().Minimize(root_, loss);
  EXPECT_EQ(third.name(), "Adam");
  EXPECT_NE(graph_.FindVariable("w/Adam_2"), nullptr);
  EXPECT_EQ(graph_.status(), absl::OkStatus());
}

TEST_F(OptimizerTest, SlotsStandInTheCurrentVariableScope) {  // the quirk of rule OPT-7
  const Scope s = root_.VariableScope("s");
  const Variable v = MakeIn(s, "v", Tensor::Scalar(1.0f));
  Momentum optimizer({.learning_rate = 0.1, .momentum = 0.5});
  optimizer.Minimize(s, LossOf(v, Tensor::Scalar(.3f)));
  EXPECT_EQ(optimizer.GetSlot(v, "momentum").op_name(), "s/s/v/Momentum");
}

TEST_F(OptimizerTest, SlotsAreFound) {
  const Variable w = Make("w", Tensor::Of<float>({2}, {1, 2}));
  const Variable other = Make("other", Tensor::Scalar(1.0f));
  Adam optimizer;
  EXPECT_TRUE(optimizer.GetSlot(w, "m").empty());
  optimizer.Minimize(root_, LossOf(w, Tensor::Of<float>({2}, {1, 1})));
  EXPECT_EQ(optimizer.GetSlot(w, "m").op_name(), "w/Adam");
  EXPECT_EQ(optimizer.GetSlot(w, "v").op_name(), "w/Adam_1");
  EXPECT_EQ(optimizer.GetSlot(w, "v").shape(), TensorShape({2}));
  EXPECT_FALSE(optimizer.GetSlot(w, "v").trainable());
  // No gradient, no slots.
  EXPECT_TRUE(optimizer.GetSlot(other, "m").empty());
  EXPECT_THAT(optimizer.SlotNames(), ElementsAre("m", "v"));
  EXPECT_THAT(Names(optimizer.Variables()),
              ElementsAre("beta1_power", "beta2_power", "w/Adam", "w/Adam_1"));
}

TEST_F(OptimizerTest, ApplyingAgainTakesTheSameSlots) {
  const Variable w = Make("w", Tensor::Scalar(1.0f));
  const Output loss = LossOf(w, Tensor::Scalar(.3f));
  Adam optimizer;
  optimizer.Minimize(root_, loss);
  optimizer.Minimize(root_, loss);
  EXPECT_THAT(Names(graph_.GlobalVariables()),
              ElementsAre("w", "beta1_power", "beta2_power", "w/Adam", "w/Adam_1"));
}

// --- gradients
// -------------------------------------------------------------------------------------

TEST_F(OptimizerTest, GradientsComeInTheOrderOfTheVariables) {
  const Variable a = Make("a", Tensor::Scalar(1.0f)), b = Make("b", Tensor::Scalar(2.0f));
  const Variable unused = Make("unused", Tensor::Scalar(3.0f));
  const Output loss = At(root_).Node("Mul", {a, b});
  GradientDescent optimizer({.learning_rate = 0.1});
  for (Gate gate : {Gate::kNone, Gate::kOp, Gate::kGraph}) {
    const auto pairs = optimizer.ComputeGradients(
        root_, loss, {.var_list = {b, unused, a}, .gate_gradients = gate});
    ASSERT_EQ(pairs.size(), 3u);
    EXPECT_EQ(pairs[0].variable, b);
    EXPECT_TRUE(pairs[1].gradient.empty());
    Session session = Start();
    EXPECT_EQ(Value(session, pairs[0].gradient.tensor()).scalar<float>(), 1);
    EXPECT_EQ(Value(session, pairs[2].gradient.tensor()).scalar<float>(), 2);
  }
}

TEST_F(OptimizerTest, AnIncomingGradientScales) {
  const Variable w = Make("w", Tensor::Scalar(1.0f));
  const Output train = GradientDescent({.learning_rate = 0.1})
                           .Minimize(root_, LossOf(w, Tensor::Scalar(.3f)),
                                     {.grad_loss = Constant(Tensor::Scalar(10.0f))});
  EXPECT_THAT(Values(train, w, 1), AllNear(std::vector<double>{.7}));
}

TEST_F(OptimizerTest, GradientsMayBeChangedBeforeTheyAreApplied) {
  const Variable w = Make("w", Tensor::Scalar(1.0f));
  GradientDescent optimizer({.learning_rate = 0.1});
  auto pairs = optimizer.ComputeGradients(root_, LossOf(w, Tensor::Scalar(.3f)));
  for (auto& [gradient, variable] : pairs) gradient = gradient.tensor() * 2.0;
  EXPECT_THAT(Values(optimizer.ApplyGradients(root_, pairs), w, 1),
              AllNear(std::vector<double>{.94}));
}

TEST_F(OptimizerTest, UnusedTrainables) {
  const Variable used = Make("used", Tensor::Scalar(1.0f));
  const Variable cut = Make("cut", Tensor::Scalar(1.0f)),
                 loose = Make("loose", Tensor::Scalar(1.0f));
  const Output loss = At(root_).Node("Mul", {used, At(root_).Node("StopGradient", {cut.value()})});
  EXPECT_THAT(Names(UnusedTrainables(loss)), ElementsAre("cut", "loose"));
}

// --- hyper-parameters and constraints
// --------------------------------------------------------------

TEST_F(OptimizerTest, ALearningRateMayBeATensor) {
  const Variable w = Make("w", Tensor::Scalar(1.0f));
  const Output rate =
      At(root_).Node("Placeholder", {}, {{"dtype", DType::kFloat}, {"shape", TensorShape()}});
  const Output train =
      GradientDescent({.learning_rate = rate}).Minimize(root_, LossOf(w, Tensor::Scalar(1.0f)));
  Session session = Start();
  ASSERT_THAT(session.Run({{rate, Tensor::Scalar(.5f)}}, Outputs{train}), IsOk());
  ASSERT_THAT(session.Run({{rate, Tensor::Scalar(.25f)}}, Outputs{train}), IsOk());
  EXPECT_EQ(Value(session, w).scalar<float>(), .25f);
}

TEST_F(OptimizerTest, AConstraintIsAppliedAfterTheUpdate) {  // VAR-7
  const Variable w =
      Make("w", Tensor::Scalar(1.0f),
           {.constraint = [](At at, Output value) { return at.Node("Abs", {value}); }});
  const Output train =
      GradientDescent({.learning_rate = 1.0}).Minimize(root_, LossOf(w, Tensor::Scalar(3.0f)));
  EXPECT_THAT(Values(train, w, 2), AllNear(std::vector<double>{2, 1}));  // |1 - 3|, |2 - 3|
}

// --- update ops
// ------------------------------------------------------------------------------------

TEST_F(OptimizerTest, UpdatesOfTheLayersThatTheLossNeedsRunFirst) {
  const Variable w = Make("w", Tensor::Scalar(1.0f));
  const Output loss = LossOf(w, Tensor::Scalar(1.0f));
  const Output elsewhere = LossOf(w, Tensor::Scalar(5.0f));
  const auto update = [&](const char* name, const AttrMap& attrs) {
    const Variable v = Make(name, Tensor::Scalar(0.0f), {.trainable = false});
    // What the update sees of w tells whether it ran before.
    const Output op = At(root_).Node("AssignAddVariableOp", {v.handle(), w.Read(root_)}, attrs);
    graph_.AddToCollection(keys::kUpdateOps, op);
    return v;
  };
  const Variable needed = update("needed", {{kUpdateOfAttr, UpdateOf({loss})}});
  const Variable not_needed = update("not_needed", {{kUpdateOfAttr, UpdateOf({elsewhere})}});
  const Variable unlinked = update("unlinked", {});
  const Output train = GradientDescent({.learning_rate = 0.5}).Minimize(root_, loss);
  Session session = Start();
  ASSERT_THAT(session.Run(train), IsOk());
  EXPECT_EQ(Value(session, needed).scalar<float>(), 1);
  EXPECT_EQ(Value(session, not_needed).scalar<float>(), 0);
  EXPECT_EQ(Value(session, unlinked).scalar<float>(), 1);

  const Output without =
      GradientDescent({.learning_rate = 0.5}).Minimize(root_, loss, {.run_update_ops = false});
  ASSERT_THAT(session.Run(without), IsOk());
  EXPECT_EQ(Value(session, needed).scalar<float>(), 1);
}

// --- errors
// ----------------------------------------------------------------------------------------

TEST_F(OptimizerTest, NoVariables) {
  GradientDescent({.learning_rate = 0.1}).Minimize(root_, Constant(Tensor::Scalar(1.0f)));
  EXPECT_THAT(graph_.status(), StatusIs(StatusCode::kInvalidArgument, "No variables to optimize"));
}

TEST_F(OptimizerTest, NoGradients) {
  Make("w", Tensor::Scalar(1.0f));
  GradientDescent({.learning_rate = 0.1}).Minimize(root_, Constant(Tensor::Scalar(1.0f)));
  EXPECT_THAT(graph_.status(),
              StatusIs(StatusCode::kInvalidArgument,
                       "No gradients provided for any variable, check your graph for ops that do "
                       "not support gradients, between variables ['w:0'] and loss Const:0."));
}

TEST_F(OptimizerTest, ApplyingNothing) {
  GradientDescent optimizer({.learning_rate = 0.1});
  EXPECT_TRUE(optimizer.ApplyGradients(root_, {}).empty());
  EXPECT_THAT(graph_.status(), StatusIs(StatusCode::kInvalidArgument, "No variables provided"));
}

TEST_F(OptimizerTest, ApplyingEmptyGradients) {
  const Variable w = Make("w", Tensor::Scalar(1.0f));
  GradientDescent({.learning_rate = 0.1}).ApplyGradients(root_, {{Output(), w}});
  EXPECT_THAT(graph_.status(), StatusIs(StatusCode::kInvalidArgument,
                                        "No gradients provided for any variable: ['w:0']"));
}

TEST_F(OptimizerTest, AnIntegerLoss) {
  Make("w", Tensor::Scalar(1.0f));
  GradientDescent({.learning_rate = 0.1}).Minimize(root_, Constant(Tensor::Scalar(1)));
  EXPECT_THAT(graph_.status(), StatusIs(StatusCode::kInvalidArgument, "Invalid type int32"));
}

TEST_F(OptimizerTest, AMissingLearningRate) {
  const Variable w = Make("w", Tensor::Scalar(1.0f));
  GradientDescent().Minimize(root_, LossOf(w, Tensor::Scalar(1.0f)));
  EXPECT_THAT(graph_.status(),
              StatusIs(StatusCode::kInvalidArgument, "learning_rate must be given"));
  EXPECT_THAT(graph_.status(), StatusIs(StatusCode::kInvalidArgument, "optimizer_test.cc"));
}

TEST_F(OptimizerTest, ALearningRateThatIsNoScalar) {
  const Variable w = Make("w", Tensor::Scalar(1.0f));
  GradientDescent({.learning_rate = Constant(Tensor::Of<float>({2}, {1, 2}))})
      .Minimize(root_, LossOf(w, Tensor::Scalar(1.0f)));
  EXPECT_THAT(graph_.status(),
              StatusIs(StatusCode::kInvalidArgument, "learning_rate must be a floating scalar"));
}

}  // namespace
}  // namespace sluice::train
