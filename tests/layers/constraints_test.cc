// Rule RG-3. Expected numbers are worked by hand in the comments.
#include "layers/constraints.h"

#include <cmath>

#include "graph/gradients.h"
#include "layers/config.h"
#include "layers/dense.h"
#include "layers/initializers.h"
#include "ops/binary.h"
#include "ops/gather.h"
#include "ops/reduction.h"
#include "proto/config.pb.h"
#include "tests/testing/program/program_fixture.h"
#include "train/adam.h"
#include "train/gradient_descent.h"
#include "train/momentum.h"

namespace sluice::constraints {
namespace {

class ConstraintsTest : public ProgramFixture {
 protected:
  // Columns of length 5, 1 and 0.
  const Output w_ = Values({2, 3}, {3, 0.6f, 0, -4, 0.8f, 0});
  void Expect(const Constraint& constraint, const Output& w, const std::vector<float>& want) {
    const Output constrained = constraint(root_, w);
    ASSERT_THAT(graph_.status(), IsOk());
    session_.reset();
    ExpectClose(Run(constrained), Tensor::Of<float>(w.shape(), want), {.rtol = 1e-5, .atol = 1e-6});
  }
};

TEST_F(ConstraintsTest, MaxNorm) {
  Expect(MaxNorm(), w_, {1.2f, 0.6f, 0, -1.6f, 0.8f, 0});
  Expect(MaxNorm(0.5), w_, {0.3f, 0.3f, 0, -0.4f, 0.4f, 0});
  Expect(MaxNorm(10), w_, {3, 0.6f, 0, -4, 0.8f, 0});
}

TEST_F(ConstraintsTest, MaxNormAlongOtherAxes) {
  const Output w = Values({2, 2}, {3, 4, 0, 1});
  Expect(MaxNorm(1, 1), w, {0.6f, 0.8f, 0, 1});
  Expect(MaxNorm(1, -1), w, {0.6f, 0.8f, 0, 1});
  const float norm = std::sqrt(26.f);
  Expect(MaxNorm(1, {0, 1}), w, {3 / norm, 4 / norm, 0, 1 / norm});
}

TEST_F(ConstraintsTest, UnitNorm) {
  Expect(UnitNorm(), w_, {0.6f, 0.6f, 0, -0.8f, 0.8f, 0});
  Expect(UnitNorm(1), Values({2, 2}, {3, 4, 0, 0.5f}), {0.6f, 0.8f, 0, 1});
}

TEST_F(ConstraintsTest, NonNeg) { Expect(NonNeg(), w_, {3, 0.6f, 0, 0, 0.8f, 0}); }

TEST_F(ConstraintsTest, MinMaxNorm) {
  Expect(MinMaxNorm(), w_, {0.6f, 0.6f, 0, -0.8f, 0.8f, 0});
  Expect(MinMaxNorm(2, 4), w_, {2.4f, 1.2f, 0, -3.2f, 1.6f, 0});
  // Half of the way: lengths 4.5 and 1.5.
  Expect(MinMaxNorm(2, 4, 0.5), w_, {2.7f, 0.9f, 0, -3.6f, 1.2f, 0});
  Expect(MinMaxNorm(0, 1, 1, 1), Values({2, 2}, {3, 4, 0, 0.5f}), {0.6f, 0.8f, 0, 0.5f});
}

TEST_F(ConstraintsTest, DoublePrecision) {
  const Output w = ops::Const<double>(root_, {3, 4}, {2});
  ExpectClose(Run(MaxNorm(1)(root_, w)), Tensor::Of<double>({2}, {3 / (5 + 1e-7), 4 / (5 + 1e-7)}));
}

TEST_F(ConstraintsTest, AxesOutsideTheRankAreRefused) {
  MaxNorm(1, 2)(root_, w_);
  EXPECT_EQ(graph_.status().code(), absl::StatusCode::kInvalidArgument);
}

// --- names and configs ---

TEST_F(ConstraintsTest, ByName) {
  for (const char* name :
       {"max_norm", "MaxNorm", "maxnorm", "unit_norm", "non_neg", "NonNeg", "min_max_norm"}) {
    EXPECT_THAT(Get(name), IsOk()) << name;
  }
  Expect(*Get("max_norm"), w_, {1.2f, 0.6f, 0, -1.6f, 0.8f, 0});
  EXPECT_THAT(Get("norm"),
              StatusIs(absl::StatusCode::kInvalidArgument, "Unknown constraint: norm"));
}

TEST_F(ConstraintsTest, ConfigsRebuildEqualConstraints) {
  struct Case {
    const char* class_name;
    Constraint constraint;
    std::vector<float> want;
  };
  const std::vector<Case> cases = {
      {"MaxNorm", MaxNorm(0.5), {0.3f, 0.3f, 0, -0.4f, 0.4f, 0}},
      {"UnitNorm", UnitNorm(0), {0.6f, 0.6f, 0, -0.8f, 0.8f, 0}},
      {"NonNeg", NonNeg(), {3, 0.6f, 0, 0, 0.8f, 0}},
      {"MinMaxNorm", MinMaxNorm(2, 4, 0.5), {2.7f, 0.9f, 0, -3.6f, 1.2f, 0}}};
  for (const Case& c : cases) {
    SCOPED_TRACE(c.class_name);
    ASSERT_NE(c.constraint.config(), nullptr);
    EXPECT_EQ(c.constraint.config()->class_name, c.class_name);
    const auto again = layers::ConstraintFromConfig(
        layers::ConfigFromProto(layers::ConfigToProto(*c.constraint.config())));
    ASSERT_THAT(again, IsOk());
    ASSERT_NE(again->config(), nullptr);
    EXPECT_EQ(again->config()->fields.size(), c.constraint.config()->fields.size());
    Expect(*again, w_, c.want);
  }
  EXPECT_THAT(layers::ConstraintFromConfig(Config{"Foo"}),
              StatusIs(absl::StatusCode::kInvalidArgument, "Unknown constraint: Foo"));
}

// --- in training ---

// w = (3, 4), loss = sum(w c) with c = (-3, 4): gradient descent at rate 1 gives (6, 0), of norm 6.
TEST_F(ConstraintsTest, AppliedAfterTheOptimizersStep) {
  for (const bool resource : {true, false}) {
    SCOPED_TRACE(resource ? "resource" : "reference");
    const Scope scope =
        root_.With({.use_resource = resource}).VariableScope(resource ? "resource" : "reference");
    const Variable w = GetVariable(
        scope, "w",
        {.shape = {2}, .initializer = initializers::Constant({3, 4}), .constraint = MaxNorm(2)});
    const Output loss = ops::Sum(scope, ops::Mul(scope, w, Values({2}, {-3, 4})), 0);
    const Output step =
        train::GradientDescent({.learning_rate = 1.f}).Minimize(scope, loss, {.var_list = {w}});
    ASSERT_THAT(graph_.status(), IsOk());
    session_.reset();
    ExpectClose(Run(w.value()), Tensor::Of<float>({2}, {3, 4}));  // nothing before the first step
    Run(step);
    ExpectClose(Run(w.value()), Tensor::Of<float>({2}, {2, 0}));
    Run(step);  // (5, -4), of norm sqrt(41)
    const float norm = std::sqrt(41.f);
    ExpectClose(Run(w.value()), Tensor::Of<float>({2}, {10 / norm, -8 / norm}));
  }
}

TEST_F(ConstraintsTest, AnyOptimizerObeys) {
  const Output c = Values({2}, {-3, 4});
  std::vector<Variable> variables;
  Outputs steps;
  const auto train = [&](const char* name, auto optimizer) {
    const Variable w = GetVariable(
        root_, name,
        {.shape = {2}, .initializer = initializers::Constant({-0.1, 0.1}), .constraint = NonNeg()});
    const Output loss = ops::Sum(root_, ops::Mul(root_, w, c), 0);
    steps.push_back(optimizer.Minimize(root_, loss, {.var_list = {w}}));
    variables.push_back(w);
  };
  train("adam", train::Adam({.learning_rate = 0.5f}));
  train("momentum", train::Momentum({.learning_rate = 0.5f, .momentum = 0.9f}));
  ASSERT_THAT(graph_.status(), IsOk());
  for (int i = 0; i < 3; ++i) {
    Run(steps);
    for (const Variable& v : variables) {
      const Tensor value = Run(v.value());
      EXPECT_GT(value.flat<float>()[0], 0.3f);  // goes up
      EXPECT_EQ(value.flat<float>()[1], 0);     // would go below 0
    }
  }
}

TEST_F(ConstraintsTest, OfALayer) {
  const Output x = Values({1, 2}, {1, 1});
  const Output y = layers::Dense(root_, x,
                                 {.units = 2,
                                  .kernel_initializer = initializers::Constant(3),
                                  .bias_initializer = initializers::Constant(-1),
                                  .kernel_constraint = UnitNorm(),
                                  .bias_constraint = NonNeg()});
  const Output step =
      train::GradientDescent({.learning_rate = 0.f}).Minimize(root_, ops::Sum(root_, y, {0, 1}));
  ASSERT_THAT(graph_.status(), IsOk());
  Run(step);
  const float half = std::sqrt(0.5f);
  const std::vector<Variable> variables = graph_.TrainableVariables();
  ExpectClose(Run(variables[0].value()), Tensor::Of<float>({2, 2}, {half, half, half, half}));
  ExpectClose(Run(variables[1].value()), Tensor::Of<float>({2}, {0, 0}));
}

TEST_F(ConstraintsTest, NotWithGradientsOfRows) {
  const Variable w = GetVariable(root_, "w", {.shape = {4, 2}, .constraint = MaxNorm()});
  const Output rows = w.SparseRead(root_, ops::Const<int32_t>(root_, {1}));
  train::GradientDescent({.learning_rate = 1.f}).Minimize(root_, ops::Sum(root_, rows, {0, 1}));
  EXPECT_EQ(graph_.status().code(), absl::StatusCode::kFailedPrecondition);
}

}  // namespace
}  // namespace sluice::constraints
