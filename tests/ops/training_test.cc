#include "ops/training.h"

#include <cmath>
#include <functional>
#include <string>
#include <vector>

#include "graph/graph.h"
#include "gtest/gtest.h"
#include "ops/all_ops.h"
#include "ops/variable.h"
#include "tests/testing/core/status_matchers.h"
#include "tests/testing/core/tensors.h"
#include "tests/testing/state_runner.h"

namespace sluice {
namespace {

using absl::StatusCode;

// An input of an op after its variables: a number, or the gradient.
struct Arg {
  double value = 0;
  bool is_gradient = false;
};
constexpr Arg kGrad = {0, true};
Arg H(double value) { return {value, false}; }

// Runs one step of rule `name` in the form `prefix`.
absl::StatusOr<std::vector<Tensor>> Step(StateRunner& state, const std::string& op,
                                         const std::vector<Tensor>& variables,
                                         const std::vector<Arg>& args, const Tensor& gradient,
                                         const AttrMap& attrs = {}) {
  std::vector<Tensor> inputs = variables;
  for (const Arg& a : args) {
    inputs.push_back(a.is_gradient ? gradient : FromDoubles(gradient.dtype(), {}, {a.value}));
  }
  return state.Run(op, inputs, attrs);
}

struct Published {
  std::string name;  // of the case
  std::string rule;
  AttrMap attrs;
  double w, g;
  std::vector<double> slots;
  // The arguments of step t = 1, 2, ...
  std::function<std::vector<Arg>(int t)> args;
  std::vector<double> want;        // w after each step
  std::vector<double> slot0_want;  // slot 0 after each step; empty: not looked at
};

std::vector<Published> Table() {
  const auto adam = [](int t) {
    return std::vector<Arg>{
        H(std::pow(.9, t)), H(std::pow(.999, t)), H(.001), H(.9), H(.999), H(1e-8), kGrad};
  };
  const auto momentum = [](int) { return std::vector<Arg>{H(.1), kGrad, H(.5)}; };
  const auto ftrl = [](double l1, double l2) {
    return [=](int) { return std::vector<Arg>{kGrad, H(.5), H(l1), H(l2), H(-.5)}; };
  };
  // Rule OPT-12, except where a comment derives the numbers.
  return {
      {"adam", "Adam", {}, .5, .2, {0, 0}, adam, {.4990000016, .4980000027}, {}},
      {"adagrad",
       "Adagrad",
       {},
       2,
       .4,
       {.1},
       [](int) {
         return std::vector<Arg>{H(.5), kGrad};
       },
       {1.6077677297, 1.2991610298},
       {.26, .42}},
      {"momentum", "Momentum", {}, 1, .3, {0}, momentum, {.97, .925, .8725}, {.3, .45, .525}},
      {"nesterov",
       "Momentum",
       {{"use_nesterov", true}},
       1,
       .3,
       {0},
       momentum,
       {.955, .9025, .84625},
       {}},
      {"rms_prop",
       "RMSProp",
       {},
       1,
       .5,
       {1, 0},
       [](int) {
         return std::vector<Arg>{H(.1), H(.9), H(0), H(1e-10), kGrad};
       },
       {.9480124755, .8940175508},
       {.925, .8575}},
      {"adadelta",
       "Adadelta",
       {},
       1,
       .3,
       {0, 0},
       [](int) {
         return std::vector<Arg>{H(.5), H(.95), H(1e-8), kGrad};
       },
       {.9997763935, .9995499383},
       {}},
      {"ftrl", "Ftrl", {}, 1, .2, {.1, 0}, ftrl(0, 0), {NAN, -.3481177570}, {.14, .18}},
      {"ftrl_l1", "Ftrl", {}, 1, .2, {.1, 0}, ftrl(.1, 0), {NAN, -.2169922794}, {}},
      {"ftrl_l2", "Ftrl", {}, 1, .2, {.1, 0}, ftrl(0, 1), {NAN, -.1008208359}, {}},
      // 1 - .1 * .3, twice.
      {"gradient_descent",
       "GradientDescent",
       {},
       1,
       .3,
       {},
       [](int) {
         return std::vector<Arg>{H(.1), kGrad};
       },
       {.97, .94},
       {}},
      // a = -.03, then .5 * -.03 - .03 = -.045; Keras' Nesterov adds .5 a - .03.
      {"keras", "KerasMomentum", {}, 1, .3, {0}, momentum, {.97, .925}, {-.03, -.045}},
      {"keras_nesterov",
       "KerasMomentum",
       {{"use_nesterov", true}},
       1,
       .3,
       {0},
       momentum,
       {.955, .9025},
       {-.03, -.045}},
      // m = .02 then .038; v = .2 then max(.1998, .2); w -= .001/.1 * .02/.2, .001/.19 * .038/.2.
      {"adamax",
       "AdaMax",
       {},
       .5,
       .2,
       {0, 0},
       [](int t) {
         return std::vector<Arg>{H(std::pow(.9, t)), H(.001), H(.9), H(.999), H(0), kGrad};
       },
       {.499, .498},
       {.02, .038}},
      // q = .05, s = 1 + .1 (.25 - 1) = .925; w -= .1 * .5 / sqrt(.925 - .0025).
      {"centered_rms_prop",
       "CenteredRMSProp",
       {},
       1,
       .5,
       {0, 1, 0},
       [](int) {
         return std::vector<Arg>{H(.1), H(.9), H(0), H(0), kGrad};
       },
       {1 - .05 / std::sqrt(.9225)},
       {.05}},
      // g' = .2 + 2 * .5 * 1 = 1.2; n' = .14; z = 1.2 - (sqrt .14 - sqrt .1) / .5;
      // w = -z / (sqrt .14 / .5).
      {"ftrl_v2",
       "FtrlV2",
       {},
       1,
       .2,
       {.1, 0},
       [](int) { return std::vector<Arg>{kGrad, H(.5), H(0), H(0), H(.5), H(-.5)}; },
       {-(1.2 - (std::sqrt(.14) - std::sqrt(.1)) / .5) / (std::sqrt(.14) / .5)},
       {.14}},
      // Without update_slots the accumulator stays .16: w -= .5 * .4 / .4.
      {"adagrad_fixed",
       "Adagrad",
       {{"update_slots", false}},
       2,
       .4,
       {.16},
       [](int) {
         return std::vector<Arg>{H(.5), kGrad};
       },
       {1.5, 1},
       {.16, .16}},
  };
}

class TrainingTest : public testing::TestWithParam<Published> {};

TEST_P(TrainingTest, PublishedNumbersInEveryFormAndDType) {
  const Published& p = GetParam();
  for (const char* prefix : {"ResourceApply", "Apply"}) {
    if (ops::Builtin().Find(prefix + p.rule) == nullptr) continue;  // Keras has no reference form
    for (DType dtype : kFloatDTypes) {
      SCOPED_TRACE(prefix + p.rule + " " + DTypeName(dtype));
      StateRunner state;
      std::vector<Tensor> variables = {state.Variable("w", FromDoubles(dtype, {1}, {p.w}))};
      for (double slot : p.slots) {
        variables.push_back(state.Variable(absl::StrCat("slot", variables.size()),
                                           FromDoubles(dtype, {1}, {slot})));
      }
      const double tolerance = dtype == DType::kFloat ? 1e-5 : 1e-9;
      for (size_t t = 0; t < p.want.size(); ++t) {
        const auto result = Step(state, prefix + p.rule, variables, p.args(static_cast<int>(t) + 1),
                                 FromDoubles(dtype, {1}, {p.g}), p.attrs);
        ASSERT_THAT(result, IsOk());
        if (!result->empty()) {
          EXPECT_EQ((*result)[0].scalar<ResourceRef>(), variables[0].scalar<ResourceRef>());
        }
        if (!std::isnan(p.want[t])) {
          EXPECT_NEAR(ToDoubles(state.Value(variables[0]))[0], p.want[t], tolerance)
              << "step " << t;
        }
        if (!p.slot0_want.empty()) {
          EXPECT_NEAR(ToDoubles(state.Value(variables[1]))[0], p.slot0_want[t], tolerance);
        }
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(All, TrainingTest, testing::ValuesIn(Table()),
                         [](const auto& info) { return info.param.name; });

// Every element gets what it would get alone: vectors, odd tails, several threads.
TEST(TrainingOpsTest, ElementsAreIndependent) {
  for (const Published& p : Table()) {
    SCOPED_TRACE(p.name);
    const int64_t n = 50001;
    const Tensor g = RandomTensor(DType::kDouble, {n}, 3);
    StateRunner state(4);
    std::vector<Tensor> starts = {RandomTensor(DType::kDouble, {n}, 1)};
    for (size_t i = 0; i < p.slots.size(); ++i) {
      // A mean of gradients (the first slot) is smaller than the root of their mean square.
      starts.push_back(RandomTensor(DType::kDouble, {n}, 10 + i, i ? 1 : .5, i ? 1.5 : .7));
    }
    std::vector<Tensor> variables;
    for (size_t i = 0; i < starts.size(); ++i) {
      variables.push_back(state.Variable(absl::StrCat("v", i), starts[i]));
    }
    ASSERT_THAT(Step(state, "ResourceApply" + p.rule, variables, p.args(1), g, p.attrs), IsOk());
    for (int64_t i : {int64_t{0}, int64_t{7}, n / 4, n / 2 + 1, n - 2, n - 1}) {
      StateRunner alone;
      std::vector<Tensor> single;
      for (size_t s = 0; s < starts.size(); ++s) {
        single.push_back(
            alone.Variable(absl::StrCat("v", s), Tensor::Scalar(starts[s].data<double>()[i])));
      }
      ASSERT_THAT(Step(alone, "ResourceApply" + p.rule, single, p.args(1),
                       Tensor::Scalar(g.data<double>()[i]), p.attrs),
                  IsOk());
      for (size_t s = 0; s < starts.size(); ++s) {
        EXPECT_NEAR(state.Value(variables[s]).data<double>()[i],
                    alone.Value(single[s]).scalar<double>(), 1e-12)
            << "variable " << s << " element " << i;
      }
    }
  }
}

TEST(TrainingOpsTest, ASnapshotIsNotChanged) {
  StateRunner state;
  const Tensor w = state.Variable("w", Tensor::Scalar(1.0f));
  const Tensor before = state.Run("ReadVariableOp", {w}, {{"dtype", DType::kFloat}}).value()[0];
  ASSERT_THAT(state.Run("ResourceApplyGradientDescent",
                        {w, Tensor::Scalar(.1f), before}),  // its own old value as the gradient
              IsOk());
  EXPECT_EQ(before.scalar<float>(), 1);
  EXPECT_FLOAT_EQ(state.Value(w).scalar<float>(), .9f);
}

TEST(TrainingOpsTest, EmptyVariables) {
  StateRunner state;
  const Tensor empty = Tensor::Zeros(DType::kFloat, {0, 3});
  const Tensor w = state.Variable("w", empty), a = state.Variable("a", empty);
  EXPECT_THAT(state.Run("ResourceApplyAdagrad", {w, a, Tensor::Scalar(.1f), empty}), IsOk());
}

TEST(TrainingOpsTest, Errors) {
  StateRunner state;
  const Tensor two = Tensor::Of<float>({2}, {1, 2}), one = Tensor::Scalar(1.0f);
  const Tensor w = state.Variable("w", two), a = state.Variable("a", two);
  const Tensor small = state.Variable("small", one);
  const Tensor none = state.Uninitialized("none", DType::kFloat, {2});
  const auto momentum = [&](const Tensor& var, const Tensor& accum, const Tensor& lr,
                            const Tensor& grad) {
    return state.Run("ResourceApplyMomentum", {var, accum, lr, grad, one});
  };
  EXPECT_THAT(
      momentum(w, none, one, two),
      StatusIs(StatusCode::kFailedPrecondition, "Attempting to use uninitialized variables: none"));
  EXPECT_THAT(
      momentum(w, a, one, Tensor::Zeros(DType::kFloat, {3})),
      StatusIs(StatusCode::kInvalidArgument, "var and grad do not have the same shape: [2] [3]"));
  EXPECT_THAT(
      momentum(w, small, one, two),
      StatusIs(StatusCode::kInvalidArgument, "var and accum do not have the same shape: [2] []"));
  EXPECT_THAT(momentum(w, a, two, two),
              StatusIs(StatusCode::kInvalidArgument, "lr is not a scalar: [2]"));
  EXPECT_THAT(momentum(w, w, one, two), StatusIs(StatusCode::kInvalidArgument, "'w' twice"));
  EXPECT_THAT(
      state.Run("ResourceApplyGradientDescent", {w, one, one}),
      StatusIs(StatusCode::kInvalidArgument, "var and delta do not have the same shape: [2] []"));
  EXPECT_THAT(state.Run("ResourceApplyGradientDescent",
                        {w, Tensor::Scalar(1.0), Tensor::Of<double>({2}, {1, 2})}),
              StatusIs(StatusCode::kInvalidArgument, "'w' with wrong dtype"));
  const Tensor integers = state.Variable("i", Tensor::Scalar(1));
  EXPECT_THAT(
      state.Run("ResourceApplyGradientDescent", {integers, Tensor::Scalar(1), Tensor::Scalar(1)}),
      StatusIs(StatusCode::kUnimplemented, "int32"));
  // Nothing was changed by any of them.
  ExpectClose(state.Value(w), two);
  ExpectClose(state.Value(a), two);
}

TEST(TrainingOpsTest, ShapesAreCheckedWhileBuilding) {
  Graph graph(ops::Builtin());
  const Scope root = Scope::Root(graph);
  const Output w = ops::VarHandleOp(root, DType::kFloat, {2});
  const auto constant = [&](const Tensor& value) {
    return At(root).Node("Const", {}, {{"value", value}, {"dtype", value.dtype()}});
  };
  const Output fine = ops::ResourceApplyGradientDescent(
      root, w, constant(Tensor::Scalar(1.0f)), constant(Tensor::Zeros(DType::kFloat, {2})));
  EXPECT_EQ(graph.status(), absl::OkStatus());
  EXPECT_TRUE(fine.is_operation());
  ops::ResourceApplyGradientDescent(root, w, constant(Tensor::Scalar(1.0f)),
                                    constant(Tensor::Zeros(DType::kFloat, {3})));
  EXPECT_THAT(graph.status(), StatusIs(StatusCode::kInvalidArgument,
                                       "var and delta do not have the same shape: [2] [3]"));
}

}  // namespace
}  // namespace sluice
