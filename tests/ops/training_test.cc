#include "ops/training.h"

#include <cmath>
#include <functional>
#include <limits>
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
  bool is_step = false;  // int64
};
constexpr Arg kGrad = {0, true};
Arg H(double value) { return {value, false}; }
Arg AtStep(double value) { return {value, false, true}; }

// Runs one step of rule `name` in the form `prefix`.
absl::StatusOr<std::vector<Tensor>> Step(StateRunner& state, const std::string& op,
                                         const std::vector<Tensor>& variables,
                                         const std::vector<Arg>& args, const Tensor& gradient,
                                         const AttrMap& attrs = {}) {
  std::vector<Tensor> inputs = variables;
  for (const Arg& a : args) {
    const DType dtype = a.is_step ? DType::kInt64 : gradient.dtype();
    inputs.push_back(a.is_gradient ? gradient : FromDoubles(dtype, {}, {a.value}));
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
      // vhat stays 1: w -= .001 sqrt(1 - .999) / (1 - .9) * .02 / (1 + 1e-8).
      {"amsgrad",
       "AdamWithAmsgrad",
       {},
       .5,
       .2,
       {0, 0, 1},
       adam,
       {.5 - .001 * std::sqrt(.001) / .1 * .02 / (1 + 1e-8)},
       {.02}},
      // vhat follows v, which grows: Adam's numbers.
      {"amsgrad_growing",
       "AdamWithAmsgrad",
       {},
       .5,
       .2,
       {0, 0, 0},
       adam,
       {.4990000016, .4980000027},
       {}},
      // a = .09 + .16; w -= .5 * .4 / (.5 + .1).
      {"adagrad_v2",
       "AdagradV2",
       {},
       2,
       .4,
       {.09},
       [](int) {
         return std::vector<Arg>{H(.5), H(.1), kGrad};
       },
       {2 - .2 / .6},
       {.25}},
      {"adagrad_v2_fixed",
       "AdagradV2",
       {{"update_slots", false}},
       2,
       .4,
       {.25},
       [](int) {
         return std::vector<Arg>{H(.5), H(.1), kGrad};
       },
       {2 - .2 / .6},
       {.25}},
      // s = -.4, q = .25, pull = .4 - .1 * 2; w = .5 * .2 / (.2 * 2 * .5 + .5).
      {"adagrad_da",
       "AdagradDA",
       {},
       7,
       -.4,
       {0, .09},
       [](int) {
         return std::vector<Arg>{kGrad, H(.5), H(.1), H(.2), AtStep(2)};
       },
       {.1 / .7},
       {-.4}},
      // Without l1: w = -.5 * .4 / .7.
      {"adagrad_da_without_l1",
       "AdagradDA",
       {},
       7,
       .4,
       {0, .09},
       [](int) {
         return std::vector<Arg>{kGrad, H(.5), H(0), H(.2), AtStep(2)};
       },
       {-.2 / .7},
       {.4}},
      // v = 1 - .5 * .4 = .8; w = (.8 - .5 * .2) / (1 + .4 * .5); then v = .58333 - .2.
      {"proximal_gradient_descent",
       "ProximalGradientDescent",
       {},
       1,
       .4,
       {},
       [](int) {
         return std::vector<Arg>{H(.5), H(.2), H(.4), kGrad};
       },
       {.7 / 1.2, (.7 / 1.2 - .3) / 1.2},
       {}},
      {"proximal_gradient_descent_without_l1",
       "ProximalGradientDescent",
       {},
       1,
       .4,
       {},
       [](int) {
         return std::vector<Arg>{H(.5), H(0), H(.4), kGrad};
       },
       {.8 / 1.2},
       {}},
      // v = .1 - .05 is nearer to 0 than .5 * .2.
      {"proximal_gradient_descent_to_zero",
       "ProximalGradientDescent",
       {},
       .1,
       .1,
       {},
       [](int) {
         return std::vector<Arg>{H(.5), H(.2), H(.4), kGrad};
       },
       {0},
       {}},
      // a = .25, the rate .5 / .5 = 1; v = 1 - .4; w = (.6 - .2) / (1 + .6).
      {"proximal_adagrad",
       "ProximalAdagrad",
       {},
       1,
       .4,
       {.09},
       [](int) {
         return std::vector<Arg>{H(.5), H(.2), H(.6), kGrad};
       },
       {.25},
       {.25}},
      // m = .03 agrees with g: w -= .1 * (1 + .5) * .3; m = -8.97 does not: w -= .1 * (1 - .5) *
      // .3.
      {"add_sign",
       "AddSign",
       {},
       1,
       .3,
       {0},
       [](int) {
         return std::vector<Arg>{H(.1), H(1), H(.5), H(.9), kGrad};
       },
       {.955},
       {.03}},
      {"add_sign_disagreeing",
       "AddSign",
       {},
       1,
       .3,
       {-10},
       [](int) {
         return std::vector<Arg>{H(.1), H(1), H(.5), H(.9), kGrad};
       },
       {.985},
       {-8.97}},
      // The same with e^(2 * .25) and its inverse.
      {"power_sign",
       "PowerSign",
       {},
       1,
       .3,
       {0},
       [](int) {
         return std::vector<Arg>{H(.1), H(2), H(.25), H(.9), kGrad};
       },
       {1 - .03 * std::exp(.5)},
       {.03}},
      {"power_sign_disagreeing",
       "PowerSign",
       {},
       1,
       .3,
       {-10},
       [](int) {
         return std::vector<Arg>{H(.1), H(2), H(.25), H(.9), kGrad};
       },
       {1 - .03 * std::exp(-.5)},
       {-8.97}},
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

// w = w - .5 (g + .5 a) in numbers that both types hold exactly, over several pieces.
TEST(TrainingOpsTest, HalfAndBFloat16) {
  const int64_t n = 1500;
  std::vector<double> w, a, g, new_w, new_a;
  for (int64_t i = 0; i < n; ++i) {
    w.push_back(static_cast<double>(i % 8));
    a.push_back(static_cast<double>(i % 2));
    g.push_back(static_cast<double>(i % 4) * .5);
    new_a.push_back(.5 * a.back() + g.back());
    new_w.push_back(w.back() - .5 * new_a.back());
  }
  for (const DType dtype : {DType::kHalf, DType::kBfloat16}) {
    StateRunner state(2);
    const Tensor var = state.Variable("w", FromDoubles(dtype, {n}, w));
    const Tensor accum = state.Variable("a", FromDoubles(dtype, {n}, a));
    ASSERT_THAT(Step(state, "ResourceApplyMomentum", {var, accum}, {H(.5), kGrad, H(.5)},
                     FromDoubles(dtype, {n}, g)),
                IsOk());
    ExpectClose(state.Value(var), FromDoubles(dtype, {n}, new_w), {0, 0});
    ExpectClose(state.Value(accum), FromDoubles(dtype, {n}, new_a), {0, 0});
  }
}

// 0 * infinity would be NaN.
TEST(TrainingOpsTest, AFixedSlotIgnoresTheGradient) {
  StateRunner state;
  const Tensor w = state.Variable("w", Tensor::Scalar(1.0f));
  const Tensor a = state.Variable("a", Tensor::Scalar(.25f));
  ASSERT_THAT(
      Step(state, "ResourceApplyAdagrad", {w, a}, {H(.1), kGrad},
           Tensor::Scalar(std::numeric_limits<float>::infinity()), {{"update_slots", false}}),
      IsOk());
  EXPECT_EQ(state.Value(a).scalar<float>(), .25f);
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
