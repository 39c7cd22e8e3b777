#include "layers/masked_rnn.h"

#include <cmath>

#include "graph/gradients.h"
#include "layers/masking.h"
#include "ops/unary.h"
#include "tests/testing/program/layer_check.h"
#include "tests/testing/program/names.h"

namespace sluice::layers {
namespace {

class MaskedRnnTest : public NamesFixture {
 protected:
  Output Zeros(int64_t batch, int64_t n) {
    return ops::Const(root_, Tensor::Zeros(DType::kFloat, {batch, n}));
  }
  void Set(const Variable& v, const Tensor& value) {
    Run(v.Assign(root_, ops::Const(root_, value)));
  }
  static double Sigmoid(double x) { return 1 / (1 + std::exp(-x)); }

  // A masked cell whose mask is half zeros gives, over two steps, what the cell without a mask
  // gives whose kernel has these zeros.
  template <typename Masked, typename Plain, typename Options>
  void ExpectLikeZeros(Options options) {
    Masked masked(options);
    Plain plain(options);
    const Output x = ops::Const(root_, RandomTensor(DType::kFloat, {2, 3}, 1));
    const auto two_steps = [&](auto& cell) {
      Outputs state = cell.ZeroState(root_, 2);
      state = cell.Step(root_, x, state).state;
      const CellStep step = cell.Step(root_, x, state);
      Outputs all = step.state;
      all.push_back(step.output);
      return all;
    };
    const Outputs got = two_steps(masked), want = two_steps(plain);
    ASSERT_THAT(graph_.status(), IsOk());
    const std::vector<Variable> theirs = plain.trainable_weights();
    const std::vector<Variable> ours = masked.trainable_weights();
    ASSERT_EQ(ours.size(), theirs.size());
    for (size_t i = 0; i < ours.size(); ++i) {
      const Tensor value = RandomTensor(DType::kFloat, ours[i].shape(), 10 + i);
      Set(ours[i], value);
      Set(theirs[i], value);
    }
    std::vector<double> mask(ours[0].shape().num_elements()), kernel = ToDoubles(Run(ours[0]));
    for (size_t i = 0; i < mask.size(); ++i) kernel[i] *= mask[i] = i % 3 == 0 ? 0 : 1;
    Set(masked.mask(), FromDoubles(DType::kFloat, ours[0].shape(), mask));
    Set(theirs[0], FromDoubles(DType::kFloat, ours[0].shape(), kernel));
    for (size_t i = 0; i < got.size(); ++i) ExpectClose(Run(got[i]), Run(want[i]));
  }
};

TEST_F(MaskedRnnTest, NamesAndShapesOfTheBasicCell) {  // PR-7
  MaskedBasicLSTMCell cell({.num_units = 4});
  cell.Step(root_, Input({2, 3}), {Zeros(2, 4), Zeros(2, 4)});
  ASSERT_THAT(graph_.status(), IsOk());
  const std::string s = "masked_basic_lstm_cell";
  EXPECT_EQ(Names(graph_.GlobalVariables()),
            (Strings{s + "/kernel:0", s + "/bias:0", s + "/mask:0", s + "/threshold:0"}));
  EXPECT_EQ(Names(graph_.TrainableVariables()), (Strings{s + "/kernel:0", s + "/bias:0"}));
  EXPECT_EQ(cell.mask().shape(), TensorShape({7, 16}));
  EXPECT_EQ(cell.threshold().shape(), TensorShape({}));
  EXPECT_EQ(InputsOf(s + "/weights/masked_weight"),
            (Strings{s + "/mask/Read/ReadVariableOp:0", s + "/kernel/Read/ReadVariableOp:0"}));
  EXPECT_EQ(InputsOf(s + "/MatMul"), (Strings{s + "/concat:0", s + "/weights/masked_weight:0"}));
}

TEST_F(MaskedRnnTest, NamesAndShapesOfTheFullCell) {  // PR-7
  MaskedLSTMCell cell({.num_units = 4, .use_peepholes = true, .num_proj = 2});
  cell.Step(root_, Input({2, 3}), {Zeros(2, 4), Zeros(2, 2)});
  ASSERT_THAT(graph_.status(), IsOk());
  const std::string s = "masked_lstm_cell";
  EXPECT_EQ(
      Names(graph_.GlobalVariables()),
      (Strings{s + "/kernel:0", s + "/bias:0", s + "/w_f_diag:0", s + "/w_i_diag:0",
               s + "/w_o_diag:0", s + "/projection/kernel:0", s + "/mask:0", s + "/threshold:0"}));
  EXPECT_EQ(cell.mask().shape(), TensorShape({5, 16}));
}

TEST_F(MaskedRnnTest, OneMaskForAllSteps) {  // PR-7
  MaskedBasicLSTMCell cell({.num_units = 2, .name = "cell"});
  Outputs state = cell.ZeroState(root_, 1);
  for (int t = 0; t < 3; ++t) state = cell.Step(root_, Input({1, 2}), state).state;
  ASSERT_THAT(graph_.status(), IsOk());
  EXPECT_EQ(Names(pruning::GetMasks(graph_)), Strings{"cell/mask:0"});
  EXPECT_EQ(Names(pruning::GetThresholds(graph_)), Strings{"cell/threshold:0"});
  EXPECT_EQ(Names(pruning::GetWeights(graph_)), Strings{"cell/kernel:0"});
  EXPECT_EQ(Names(pruning::GetMaskedWeights(graph_)), Strings{"cell/weights/masked_weight:0"});
}

TEST_F(MaskedRnnTest, ASecondCellOfThatNameSharesTheMask) {  // PR-2
  const Scope scope = root_.VariableScope("rnn");
  MaskedLSTMCell one({.num_units = 2, .name = "cell"});
  MaskedLSTMCell two({.num_units = 2, .reuse = Reuse::kTrue, .name = "cell"});
  one.Step(scope, Input({1, 2}), {Zeros(1, 2), Zeros(1, 2)});
  two.Step(scope, Input({1, 2}), {Zeros(1, 2), Zeros(1, 2)});
  ASSERT_THAT(graph_.status(), IsOk());
  EXPECT_EQ(one.mask(), two.mask());
  EXPECT_EQ(pruning::GetMasks(graph_).size(), 1u);
}

TEST_F(MaskedRnnTest, LikeACellWithZerosInItsKernel) {
  ExpectLikeZeros<MaskedBasicLSTMCell, BasicLSTMCell>(
      BasicLSTMCellOptions{.num_units = 4, .forget_bias = 0.5});
}
TEST_F(MaskedRnnTest, LikeAFullCellWithZerosInItsKernel) {
  ExpectLikeZeros<MaskedLSTMCell, LSTMCell>(LSTMCellOptions{
      .num_units = 4, .use_peepholes = true, .cell_clip = 0.3, .num_proj = 2, .proj_clip = 0.2});
}
TEST_F(MaskedRnnTest, LikeACellWithAJoinedState) {
  ExpectLikeZeros<MaskedLSTMCell, LSTMCell>(
      LSTMCellOptions{.num_units = 4, .state_is_tuple = false});
  ExpectLikeZeros<MaskedBasicLSTMCell, BasicLSTMCell>(
      BasicLSTMCellOptions{.num_units = 4, .state_is_tuple = false});
}

TEST_F(MaskedRnnTest, WithoutWeightsOnlyTheBiasCounts) {  // RN-1 by hand
  MaskedBasicLSTMCell cell({.num_units = 1});
  const CellStep step =
      cell.Step(root_, Values({1, 2}, {5, 7}), {Values({1, 1}, {2}), Zeros(1, 1)});
  Set(cell.mask(), Tensor::Zeros(DType::kFloat, {3, 4}));
  Set(cell.trainable_weights()[1], Tensor::Of<float>({4}, {.1f, .2f, .3f, .4f}));  // i, j, f, o
  const double c = 2 * Sigmoid(1.3) + Sigmoid(.1) * std::tanh(.2);
  ExpectClose(Run(step.state[0]), FromDoubles(DType::kFloat, {1, 1}, {c}));
  ExpectClose(Run(step.output), FromDoubles(DType::kFloat, {1, 1}, {std::tanh(c) * Sigmoid(.4)}));
}

TEST_F(MaskedRnnTest, WeightsUnderAZeroGetNoGradient) {
  MaskedLSTMCell cell({.num_units = 2});
  const CellStep step =
      cell.Step(root_, Values({1, 2}, {5, 7}), {Values({1, 2}, {2, 1}), Values({1, 2}, {.5f, 1})});
  const Variable kernel = cell.trainable_weights()[0];
  const Output gradient = sluice::Gradients(root_, {step.output}, {kernel})[0];
  std::vector<double> mask(32, 1);
  for (const int i : {0, 9, 31}) mask[i] = 0;
  Set(cell.mask(), FromDoubles(DType::kFloat, {4, 8}, mask));
  Set(kernel, RandomTensor(DType::kFloat, {4, 8}, 5, -0.1, 0.1));
  const std::vector<double> got = ToDoubles(Run(gradient));
  for (size_t i = 0; i < got.size(); ++i) EXPECT_EQ(got[i] == 0, mask[i] == 0) << i;
}

TEST_F(MaskedRnnTest, Gradients) {
  const std::vector<Tensor> inputs = {RandomTensor(DType::kDouble, {2, 3}, 1),
                                      RandomTensor(DType::kDouble, {2, 2}, 2),
                                      RandomTensor(DType::kDouble, {2, 2}, 3)};
  CheckLayerGradients(MaskedBasicLSTMCell({.num_units = 2}), inputs);
  CheckLayerGradients(MaskedLSTMCell({.num_units = 2, .use_peepholes = true}), inputs);
}

TEST_F(MaskedRnnTest, OneStepOfTraining) {
  OneStepLowersLoss(MaskedBasicLSTMCell({.num_units = 2}),
                    {RandomTensor(DType::kFloat, {2, 3}, 1), RandomTensor(DType::kFloat, {2, 2}, 2),
                     RandomTensor(DType::kFloat, {2, 2}, 3)});
}

TEST_F(MaskedRnnTest, Configs) {
  ConfigRoundTrip(MaskedBasicLSTMCell({.num_units = 2, .forget_bias = 2}),
                  {{2, 3}, {2, 2}, {2, 2}});
  ConfigRoundTrip(MaskedLSTMCell({.num_units = 2, .num_proj = 3}), {{2, 3}, {2, 2}, {2, 3}});
}

TEST_F(MaskedRnnTest, ErrorsAreThoseOfThePlainCells) {
  MaskedBasicLSTMCell cell({.num_units = 2});
  cell.Step(root_, Input({2, -1}), {Zeros(2, 2), Zeros(2, 2)});
  ExpectInvalid("Expected inputs.shape[-1] to be known");
}

}  // namespace
}  // namespace sluice::layers
