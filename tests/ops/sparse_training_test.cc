#include "ops/sparse_training.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "graph/graph.h"
#include "gtest/gtest.h"
#include "ops/all_ops.h"
#include "ops/const.h"
#include "ops/variable.h"
#include "tests/testing/core/status_matchers.h"
#include "tests/testing/core/tensors.h"
#include "tests/testing/state_runner.h"

namespace sluice {
namespace {

using absl::StatusCode;

const Tensor kWeights = Tensor::Of<float>({3, 2}, {1, 2, 3, 4, 5, 6});
const Tensor kMomentum = Tensor::Of<float>({3, 2}, {0, 0, 10, 20, 2, 4});
const Tensor kIndices = Tensor::Of<int64_t>({2}, {2, 0});
const Tensor kGradient = Tensor::Of<float>({2, 2}, {1, 2, 3, 4});

class SparseMomentumTest : public testing::TestWithParam<const char*> {
 protected:
  absl::StatusOr<std::vector<Tensor>> Step(const Tensor& indices, const Tensor& gradient,
                                           const AttrMap& attrs = {}) {
    const Tensor lr = FromDoubles(gradient.dtype(), {}, {.1});
    const Tensor momentum = FromDoubles(gradient.dtype(), {}, {.5});
    return state_.Run(GetParam(), {w_, a_, lr, gradient, indices, momentum}, attrs);
  }
  StateRunner state_;
  Tensor w_ = state_.Variable("w", kWeights), a_ = state_.Variable("a", kMomentum);
};

// Row 2: a = .5 {2, 4} + {1, 2} = {2, 4}; w = {5, 6} - {.2, .4}. Row 0: a = {3, 4}; w = {1, 2} -
// {.3, .4}. Row 1 stays, its momentum too.
TEST_P(SparseMomentumTest, OnlyRowsGivenChange) {
  const auto out = Step(kIndices, kGradient);
  ASSERT_THAT(out, IsOk());
  ExpectClose(state_.Value(a_), Tensor::Of<float>({3, 2}, {3, 4, 10, 20, 2, 4}));
  ExpectClose(state_.Value(w_), Tensor::Of<float>({3, 2}, {.7f, 1.6f, 3, 4, 4.8f, 5.6f}));
  if (!out->empty()) {
    EXPECT_EQ((*out)[0].scalar<ResourceRef>(), w_.scalar<ResourceRef>());
  }
}

// w -= lr g + lr momentum a: row 2 by .1 + .1 and .2 + .2, row 0 by .3 + .15 and .4 + .2.
TEST_P(SparseMomentumTest, Nesterov) {
  ASSERT_THAT(Step(kIndices, kGradient, {{"use_nesterov", true}}), IsOk());
  ExpectClose(state_.Value(a_), Tensor::Of<float>({3, 2}, {3, 4, 10, 20, 2, 4}));
  ExpectClose(state_.Value(w_), Tensor::Of<float>({3, 2}, {.55f, 1.4f, 3, 4, 4.8f, 5.6f}));
}

// Twice in one step is two steps: a = 1, w -= .1; a = .5 + 1, w -= .15.
TEST_P(SparseMomentumTest, AnIndexGivenTwice) {
  ASSERT_THAT(Step(Tensor::Of<int32_t>({2}, {0, 0}), Tensor::Of<float>({2, 2}, {1, 1, 1, 1})),
              IsOk());
  ExpectClose(state_.Value(a_), Tensor::Of<float>({3, 2}, {1.5, 1.5, 10, 20, 2, 4}));
  ExpectClose(state_.Value(w_), Tensor::Of<float>({3, 2}, {.75f, 1.75f, 3, 4, 5, 6}));
}

TEST_P(SparseMomentumTest, Doubles) {
  w_ = state_.Variable("w64", Tensor::Of<double>({2, 1}, {1, 2}));
  a_ = state_.Variable("a64", Tensor::Of<double>({2, 1}, {0, 0}));
  ASSERT_THAT(Step(Tensor::Of<int32_t>({1}, {1}), Tensor::Of<double>({1, 1}, {3})), IsOk());
  ExpectClose(state_.Value(w_), Tensor::Of<double>({2, 1}, {1, 1.7}));
}

TEST_P(SparseMomentumTest, NoRows) {
  ASSERT_THAT(Step(Tensor::Zeros(DType::kInt32, {0}), Tensor::Zeros(DType::kFloat, {0, 2})),
              IsOk());
  ExpectClose(state_.Value(w_), kWeights);
}

TEST_P(SparseMomentumTest, NothingIsWrittenWhenAnIndexIsWrong) {
  EXPECT_THAT(Step(Tensor::Of<int32_t>({2}, {0, 3}), kGradient),
              StatusIs(StatusCode::kInvalidArgument,
                       "Index 3 at offset 1 in indices is out of range [0, 3)"));
  EXPECT_THAT(Step(Tensor::Of<int64_t>({2}, {0, -1}), kGradient),
              StatusIs(StatusCode::kInvalidArgument,
                       "Index -1 at offset 1 in indices is out of range [0, 3)"));
  ExpectClose(state_.Value(w_), kWeights);
  ExpectClose(state_.Value(a_), kMomentum);
}

TEST_P(SparseMomentumTest, ShapesThatDoNotFit) {
  EXPECT_THAT(Step(kIndices, Tensor::Zeros(DType::kFloat, {2, 3})),
              StatusIs(StatusCode::kInvalidArgument,
                       "var and grad must match in all dimensions but the first, got shapes [3,2] "
                       "and [2,3]"));
  EXPECT_THAT(Step(kIndices, Tensor::Zeros(DType::kFloat, {3, 2})),
              StatusIs(StatusCode::kInvalidArgument,
                       "grad must be the same size as indices in the first dimension, got shapes "
                       "[3,2] and [2]"));
  EXPECT_THAT(Step(Tensor::Scalar(1), Tensor::Zeros(DType::kFloat, {2})),
              StatusIs(StatusCode::kInvalidArgument, "indices must be one-dimensional"));
  a_ = state_.Variable("a2", Tensor::Zeros(DType::kFloat, {2, 2}));
  EXPECT_THAT(Step(kIndices, kGradient),
              StatusIs(StatusCode::kInvalidArgument, "var and accum do not have the same shape"));
  w_ = state_.Variable("w0", Tensor::Scalar(1.0f));
  a_ = state_.Variable("a0", Tensor::Scalar(1.0f));
  EXPECT_THAT(Step(kIndices, kGradient),
              StatusIs(StatusCode::kInvalidArgument, "var must be at least 1 dimensional"));
}

TEST_P(SparseMomentumTest, RatesMustBeScalars) {
  const Tensor number = Tensor::Scalar(.1f), vector = Tensor::Of<float>({1}, {.1f});
  EXPECT_THAT(state_.Run(GetParam(), {w_, a_, vector, kGradient, kIndices, number}),
              StatusIs(StatusCode::kInvalidArgument, "lr is not a scalar: [1]"));
  EXPECT_THAT(state_.Run(GetParam(), {w_, a_, number, kGradient, kIndices, vector}),
              StatusIs(StatusCode::kInvalidArgument, "momentum is not a scalar: [1]"));
}

TEST_P(SparseMomentumTest, UninitializedVariables) {  // OPT-13
  a_ = state_.Uninitialized("new", DType::kFloat, {3, 2});
  EXPECT_THAT(Step(kIndices, kGradient), StatusIs(StatusCode::kFailedPrecondition,
                                                  "Attempting to use uninitialized variables"));
}

TEST_P(SparseMomentumTest, OnlyFloatsAndDoubles) {
  w_ = state_.Variable("wi", Tensor::Of<int32_t>({1, 1}, {1}));
  a_ = state_.Variable("ai", Tensor::Of<int32_t>({1, 1}, {1}));
  EXPECT_THAT(Step(Tensor::Of<int32_t>({1}, {0}), Tensor::Of<int32_t>({1, 1}, {1})),
              StatusIs(StatusCode::kUnimplemented, "no kernel for dtype int32"));
}

INSTANTIATE_TEST_SUITE_P(Both, SparseMomentumTest,
                         testing::Values("ResourceSparseApplyMomentum", "SparseApplyMomentum"),
                         [](const auto& info) { return std::string(info.param); });

// Shapes are checked while building, as far as they are known.
TEST(SparseMomentum, Builders) {
  Graph graph(ops::Builtin());
  const Scope root = Scope::Root(graph);
  const Output w = ops::VarHandleOp(root, DType::kFloat, {3, 2});
  const Output a = ops::VarHandleOp(root, DType::kFloat, {3, 2});
  const Output rate = ops::Const(root, .1f);
  const auto update = [&](const Tensor& gradient) {
    return ops::ResourceSparseApplyMomentum(root, w, a, rate, ops::Const(root, gradient),
                                            ops::Const(root, kIndices), rate,
                                            {.use_nesterov = true});
  };
  const Output op = update(kGradient);
  ASSERT_THAT(graph.status(), IsOk());
  EXPECT_TRUE(op.is_operation());
  update(Tensor::Zeros(DType::kFloat, {1, 2}));
  EXPECT_THAT(graph.status(), StatusIs(StatusCode::kInvalidArgument, "got shapes [1,2] and [2]"));
}

// --- every rule: rows that are given change as the dense op changes them, the others stay ---

struct RuleCase {
  const char* rule;
  int slots;
  const char* order;  // of the inputs after variables: g gradient, h number, s step
  AttrMap attrs = {};
  bool resource_only = false;
};

class SparseRuleTest : public testing::TestWithParam<RuleCase> {
 protected:
  // Runs `op` on variables of these values; their values afterwards.
  absl::StatusOr<std::vector<Tensor>> Run(const std::string& op, const std::vector<Tensor>& values,
                                          const Tensor& gradient, const Tensor* indices) {
    StateRunner state;
    std::vector<Tensor> inputs;
    for (const Tensor& value : values) {
      inputs.push_back(state.Variable(absl::StrCat("v", inputs.size()), value));
    }
    double hyper = .3;
    for (const char* c = GetParam().order; *c != 0; ++c) {
      if (*c == 'g') {
        inputs.push_back(gradient);
        if (indices) inputs.push_back(*indices);
      } else if (*c == 's') {
        inputs.push_back(Tensor::Scalar(int64_t{3}));
      } else {
        inputs.push_back(FromDoubles(gradient.dtype(), {}, {hyper}));
        hyper *= .5;
      }
    }
    const auto out = state.Run(op, inputs, GetParam().attrs);
    if (!out.ok()) return out.status();
    std::vector<Tensor> after;
    for (size_t i = 0; i < values.size(); ++i) after.push_back(state.Value(inputs[i]));
    return after;
  }
};

TEST_P(SparseRuleTest, IsTheDenseRuleOnTheRowsGiven) {
  const RuleCase& rule = GetParam();
  for (const DType dtype : {DType::kDouble, DType::kFloat, DType::kHalf, DType::kBfloat16}) {
    std::vector<Tensor> whole, rows;
    for (int i = 0; i <= rule.slots; ++i) {
      // The first slot may be a mean, the others mean squares.
      const Tensor v = RandomTensor(DType::kDouble, {4, 3}, 20 + i, i > 1 ? 1 : .4, i > 1 ? 2 : .6);
      const std::vector<double> x = ToDoubles(v);
      whole.push_back(FromDoubles(dtype, {4, 3}, x));
      rows.push_back(FromDoubles(dtype, {2, 3}, {x[9], x[10], x[11], x[3], x[4], x[5]}));
    }
    const Tensor gradient = FromDoubles(dtype, {2, 3}, {.5, -.25, .125, -.5, .25, 1});
    const auto want = Run(std::string("ResourceApply") + rule.rule, rows, gradient, nullptr);
    ASSERT_THAT(want, IsOk());
    for (const char* prefix : {"ResourceSparseApply", "SparseApply"}) {
      if (rule.resource_only && prefix[0] == 'S') continue;
      SCOPED_TRACE(std::string(prefix) + rule.rule + " " + DTypeName(dtype));
      const Tensor indices = Tensor::Of<int32_t>({2}, {3, 1});
      const auto got = Run(std::string(prefix) + rule.rule, whole, gradient, &indices);
      ASSERT_THAT(got, IsOk());
      for (int i = 0; i <= rule.slots; ++i) {
        std::vector<double> x = ToDoubles(whole[i]);
        const std::vector<double> y = ToDoubles((*want)[i]);
        std::copy_n(y.begin(), 3, x.begin() + 9);
        std::copy_n(y.begin() + 3, 3, x.begin() + 3);
        ExpectClose((*got)[i], FromDoubles(dtype, {4, 3}, x), {}, absl::StrCat("variable ", i));
      }
    }
  }
}

TEST_P(SparseRuleTest, Errors) {
  const RuleCase& rule = GetParam();
  const Tensor value = Tensor::Of<float>({3, 1}, {1, 1, 1});
  const std::vector<Tensor> values(rule.slots + 1, value);
  const Tensor one = Tensor::Of<float>({1, 1}, {1});
  const Tensor outside = Tensor::Of<int64_t>({1}, {3}), inside = Tensor::Of<int64_t>({1}, {0});
  const std::string op = std::string("ResourceSparseApply") + rule.rule;
  EXPECT_THAT(Run(op, values, one, &outside),
              StatusIs(StatusCode::kInvalidArgument,
                       "Index 3 at offset 0 in indices is out of range [0, 3)"));
  EXPECT_THAT(Run(op, values, Tensor::Of<float>({1, 2}, {1, 1}), &inside),
              StatusIs(StatusCode::kInvalidArgument, "var and grad must match"));
}

INSTANTIATE_TEST_SUITE_P(
    All, SparseRuleTest,
    testing::Values(RuleCase{"Momentum", 1, "hgh"},
                    RuleCase{"KerasMomentum", 1, "hgh", {{"use_nesterov", true}}, true},
                    RuleCase{"Adagrad", 1, "hg"},
                    RuleCase{"AdagradV2", 1, "hhg", {{"update_slots", false}}},
                    RuleCase{"AdagradDA", 2, "ghhhs"}, RuleCase{"Adadelta", 2, "hhhg"},
                    RuleCase{"RMSProp", 2, "hhhhg"}, RuleCase{"CenteredRMSProp", 3, "hhhhg"},
                    RuleCase{"Ftrl", 2, "ghhhh"}, RuleCase{"FtrlV2", 2, "ghhhhh"},
                    RuleCase{"ProximalGradientDescent", 0, "hhhg"},
                    RuleCase{"ProximalAdagrad", 1, "hhhg"}),
    [](const auto& info) { return std::string(info.param.rule); });

// Where the dense rule multiplies by the step, this one divides: 0 / 0.
TEST(SparseAdagradDA, StepZeroGivesNaN) {
  StateRunner state;
  const Tensor value = Tensor::Of<float>({1, 1}, {1}), half = Tensor::Scalar(.5f);
  const Tensor w = state.Variable("w", value), s = state.Variable("s", value);
  const Tensor q = state.Variable("q", value);
  ASSERT_THAT(
      state.Run("ResourceSparseApplyAdagradDA", {w, s, q, value, Tensor::Of<int32_t>({1}, {0}),
                                                 half, half, half, Tensor::Scalar(int64_t{0})}),
      IsOk());
  EXPECT_TRUE(std::isnan(state.Value(w).data<float>()[0]));
}

}  // namespace
}  // namespace sluice
