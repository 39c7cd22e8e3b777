// Rule RN-2 for networks unrolled while building.
#include "layers/static_rnn.h"

#include <cmath>

#include "graph/gradients.h"
#include "layers/dense.h"
#include "layers/rnn_basic.h"
#include "layers/rnn_lstm.h"
#include "layers/rnn_wrappers.h"
#include "ops/reduction.h"
#include "ops/unary.h"
#include "tests/testing/program/names.h"
#include "train/adam.h"

namespace sluice::nn {
namespace {

using layers::BasicLSTMCell;
using layers::BasicRNNCell;
using layers::GRUCell;
using layers::LSTMCell;
using layers::RNNCell;

class StaticRnnTest : public NamesFixture {
 protected:
  // Steps of [batch, depth].
  Outputs Steps(int count, const TensorShape& shape, DType dtype = DType::kFloat) {
    Outputs steps;
    for (int t = 0; t < count; ++t) steps.push_back(Input(shape, dtype));
    return steps;
  }
  // A cell that adds up: h' = x + h.
  static BasicRNNCell Adder() { return BasicRNNCell({.num_units = 1, .activation = {}}); }
  const Scope ones_ = root_.VariableScope("", {.initializer = initializers::Ones()});
};

TEST_F(StaticRnnTest, VariablesAreMadeOnceBelowRnn) {
  BasicLSTMCell cell({.num_units = 3});
  const RnnOutputs r = StaticRnn(root_, cell, Steps(4, {2, 5}), {.dtype = DType::kFloat});
  ASSERT_THAT(graph_.status(), IsOk());
  EXPECT_EQ(Names(graph_.GlobalVariables()),
            (Strings{"rnn/basic_lstm_cell/kernel:0", "rnn/basic_lstm_cell/bias:0"}));
  EXPECT_EQ(graph_.TrainableVariables().size(), 2u);
  EXPECT_EQ(Names(r.outputs),
            (Strings{"rnn/basic_lstm_cell/Mul_2:0", "rnn/basic_lstm_cell/Mul_5:0",
                     "rnn/basic_lstm_cell/Mul_8:0", "rnn/basic_lstm_cell/Mul_11:0"}));
  EXPECT_EQ(Names(r.state),
            (Strings{"rnn/basic_lstm_cell/Add_7:0", "rnn/basic_lstm_cell/Mul_11:0"}));
  EXPECT_NE(graph_.FindNode("rnn/BasicLSTMCellZeroState/zeros_1"), nullptr);
  EXPECT_EQ(r.outputs[3].shape(), TensorShape({2, 3}));
}

TEST_F(StaticRnnTest, AScopeOfItsOwnAndASecondTower) {
  const Outputs steps = Steps(2, {2, 5});
  GRUCell first({.num_units = 3}), second({.num_units = 3});
  const StaticRnnOptions options = {.dtype = DType::kFloat, .scope = "tower"};
  StaticRnn(root_, first, steps, options);
  StaticRnn(root_.WithReuse(), second, steps, options);
  ASSERT_THAT(graph_.status(), IsOk());
  EXPECT_EQ(Names(graph_.GlobalVariables()),
            (Strings{"tower/gru_cell/gates/kernel:0", "tower/gru_cell/gates/bias:0",
                     "tower/gru_cell/candidate/kernel:0", "tower/gru_cell/candidate/bias:0"}));
  EXPECT_EQ(first.weights()[0], second.weights()[0]);
}

TEST_F(StaticRnnTest, TwoCellsInOneScopeCollide) {  // VS-1
  const Outputs steps = Steps(1, {2, 5});
  BasicRNNCell first({.num_units = 3}), second({.num_units = 3});
  StaticRnn(root_, first, steps, {.dtype = DType::kFloat});
  StaticRnn(root_, second, steps, {.dtype = DType::kFloat});
  ExpectError(absl::StatusCode::kAlreadyExists, "rnn/basic_rnn_cell/kernel");
}

TEST_F(StaticRnnTest, TheStateIsHandedOn) {
  BasicRNNCell cell = Adder();
  const Outputs steps = {Values({2, 1}, {1, 10}), Values({2, 1}, {2, 20}), Values({2, 1}, {4, 40})};
  const RnnOutputs r =
      StaticRnn(ones_, cell, steps, {.initial_state = {Values({2, 1}, {.5, .25})}});
  const auto got = Run({r.outputs[0], r.outputs[1], r.outputs[2], r.state[0]});
  ExpectClose(got[0], Tensor::Of<float>({2, 1}, {1.5, 10.25}));
  ExpectClose(got[1], Tensor::Of<float>({2, 1}, {3.5, 30.25}));
  ExpectClose(got[2], Tensor::Of<float>({2, 1}, {7.5, 70.25}));
  ExpectClose(got[3], Tensor::Of<float>({2, 1}, {7.5, 70.25}));
}

TEST_F(StaticRnnTest, PastItsEndAnExampleGivesZerosAndKeepsItsState) {
  for (const DType dtype : {DType::kInt32, DType::kInt64}) {
    SCOPED_TRACE(DTypeName(dtype));
    BasicRNNCell cell = Adder();
    const Output lengths = Input({-1}, dtype);
    const Outputs steps = Steps(3, {-1, 1});
    const RnnOutputs r = StaticRnn(
        ones_, cell, steps,
        {.dtype = DType::kFloat, .sequence_length = lengths, .scope = "rnn_" + DTypeName(dtype)});
    ASSERT_THAT(graph_.status(), IsOk());
    EXPECT_EQ(r.outputs[2].shape(), TensorShape({-1, 1}));
    session_.reset();
    const Tensor length_values = dtype == DType::kInt32 ? Tensor::Of<int32_t>({4}, {3, 0, 1, 2})
                                                        : Tensor::Of<int64_t>({4}, {3, 0, 1, 2});
    const auto got = Run({r.outputs[0], r.outputs[1], r.outputs[2], r.state[0]},
                         {{lengths, length_values},
                          {steps[0], Tensor::Of<float>({4, 1}, {1, 1, 1, 1})},
                          {steps[1], Tensor::Of<float>({4, 1}, {2, 2, 2, 2})},
                          {steps[2], Tensor::Of<float>({4, 1}, {4, 4, 4, 4})}});
    ExpectClose(got[0], Tensor::Of<float>({4, 1}, {1, 0, 1, 1}));
    ExpectClose(got[1], Tensor::Of<float>({4, 1}, {3, 0, 0, 3}));
    ExpectClose(got[2], Tensor::Of<float>({4, 1}, {7, 0, 0, 0}));
    ExpectClose(got[3], Tensor::Of<float>({4, 1}, {7, 0, 1, 3}));
  }
}

TEST_F(StaticRnnTest, LstmsKeepBothStates) {
  BasicLSTMCell cell({.num_units = 2});
  const Outputs steps = Steps(2, {2, 3});
  const RnnOutputs r =
      StaticRnn(root_, cell, steps,
                {.initial_state = {Values({2, 2}, {1, 2, 3, 4}), Values({2, 2}, {5, 6, 7, 8})},
                 .sequence_length = ops::Const<int32_t>(root_, {0, 2})});
  const Feeds feeds = {{steps[0], Tensor::Zeros(DType::kFloat, {2, 3})},
                       {steps[1], Tensor::Zeros(DType::kFloat, {2, 3})}};
  const auto got = Run({r.outputs[1], r.state[0], r.state[1]}, feeds);
  EXPECT_EQ(got[0].data<float>()[0], 0);
  EXPECT_EQ(got[0].data<float>()[1], 0);
  EXPECT_NE(got[0].data<float>()[2], 0);
  EXPECT_EQ(got[1].data<float>()[0], 1);
  EXPECT_EQ(got[1].data<float>()[1], 2);
  EXPECT_EQ(got[2].data<float>()[0], 5);
  EXPECT_EQ(got[2].data<float>()[1], 6);
  EXPECT_NE(got[2].data<float>()[2], 7);
}

// --- gradients, by central differences in double through three steps ---

class StaticRnnGradientTest : public StaticRnnTest {
 protected:
  // Checks d loss / d w for every weight and every input, fed with waves.
  void Check(RNNCell& cell, bool with_lengths) {
    const Outputs steps = Steps(3, {2, 3}, DType::kDouble);
    StaticRnnOptions options = {.dtype = DType::kDouble};
    if (with_lengths) options.sequence_length = ops::Const<int32_t>(root_, {2, 3});
    const RnnOutputs r = StaticRnn(root_, cell, steps, options);
    ASSERT_THAT(graph_.status(), IsOk());
    Output loss = ops::Const(root_, 0.0);
    for (const Output& y : r.outputs) loss = loss + ops::Sum(root_, y * y, {0, 1});
    loss = loss + ops::Sum(root_, r.state[0], {0, 1});
    Outputs xs = steps;
    for (const Variable& v : cell.weights()) xs.push_back(v.value());
    const Outputs gradients = Gradients(root_, {loss}, xs);
    ASSERT_THAT(graph_.status(), IsOk());
    Feeds feeds;
    for (size_t i = 0; i < xs.size(); ++i) feeds.emplace_back(xs[i], WaveOf(xs[i].shape(), i));
    const std::vector<Tensor> analytic = Run(gradients, feeds);
    for (size_t i = 0; i < xs.size(); ++i) CheckOne(loss, feeds, i, analytic[i]);
  }

 private:
  static Tensor WaveOf(const TensorShape& shape, size_t phase) {
    std::vector<double> values;
    for (int64_t i = 0; i < shape.num_elements(); ++i)
      values.push_back(.8 * std::sin(static_cast<double>(phase) + 1.3 * static_cast<double>(i)));
    return Tensor::Of<double>(shape, values);
  }
  void CheckOne(const Output& loss, Feeds feeds, size_t which, const Tensor& analytic) {
    const Tensor at = feeds[which].second;
    const auto loss_at = [&](int64_t i, double delta) {
      std::vector<double> moved(at.data<double>(), at.data<double>() + at.num_elements());
      moved[i] += delta;
      feeds[which].second = Tensor::Of<double>(TensorShape(at.shape()), moved);
      return Run(loss, feeds).scalar<double>();
    };
    for (int64_t i = 0; i < at.num_elements(); ++i) {
      const double numeric = (loss_at(i, 1e-5) - loss_at(i, -1e-5)) / 2e-5;
      EXPECT_NEAR(analytic.data<double>()[i], numeric, 1e-6 * (1 + std::abs(numeric)))
          << "input " << which << ", element " << i;
    }
  }
};

TEST_F(StaticRnnGradientTest, BasicRnn) {
  BasicRNNCell cell({.num_units = 2});
  Check(cell, false);
}
TEST_F(StaticRnnGradientTest, Gru) {
  GRUCell cell({.num_units = 2});
  Check(cell, false);
}
TEST_F(StaticRnnGradientTest, BasicLstm) {
  BasicLSTMCell cell({.num_units = 2});
  Check(cell, false);
}
TEST_F(StaticRnnGradientTest, LstmWithPeepholesAndProjection) {
  LSTMCell cell({.num_units = 2, .use_peepholes = true, .num_proj = 3});
  Check(cell, false);
}
TEST_F(StaticRnnGradientTest, Lengths) {
  BasicLSTMCell cell({.num_units = 2});
  Check(cell, true);
}

// --- training ---

// A sequence's last bit is to be remembered over four steps of noise.
TEST_F(StaticRnnTest, TrainingLowersTheLoss) {
  graph_.SetSeed(3);
  LSTMCell cell({.num_units = 8});
  const Outputs steps = Steps(5, {-1, 1});
  const RnnOutputs r = StaticRnn(root_, cell, steps, {.dtype = DType::kFloat});
  const Output guess = layers::Dense(root_, r.outputs.back(), {.units = 1});
  const Output error = guess - steps[0];
  const Output loss = ops::Mean(root_, error * error, {0, 1});
  const Output train = train::Adam({.learning_rate = 0.03f}).Minimize(root_, loss);
  ASSERT_THAT(graph_.status(), IsOk());
  Feeds feeds;
  for (size_t t = 0; t < steps.size(); ++t) {
    std::vector<float> bits;
    for (int i = 0; i < 16; ++i) bits.push_back(static_cast<float>((i >> (t % 4)) & 1));
    feeds.emplace_back(steps[t], Tensor::Of<float>({16, 1}, bits));
  }
  const float before = Run(loss, feeds).scalar<float>();
  for (int step = 0; step < 60; ++step) Run({loss, train}, feeds);
  EXPECT_LT(Run(loss, feeds).scalar<float>(), before / 4);
}

// --- both directions ---

TEST_F(StaticRnnTest, BothDirections) {
  BasicRNNCell fw = Adder(), bw = Adder();
  const Outputs steps = {Values({1, 1}, {1}), Values({1, 1}, {2}), Values({1, 1}, {4})};
  const BidirectionalOutputs r =
      StaticBidirectionalRnn(ones_, fw, bw, steps, {.dtype = DType::kFloat});
  ASSERT_THAT(graph_.status(), IsOk());
  EXPECT_EQ(Names(graph_.GlobalVariables()),
            (Strings{"bidirectional_rnn/fw/basic_rnn_cell/kernel:0",
                     "bidirectional_rnn/fw/basic_rnn_cell/bias:0",
                     "bidirectional_rnn/bw/basic_rnn_cell/kernel:0",
                     "bidirectional_rnn/bw/basic_rnn_cell/bias:0"}));
  const auto got =
      Run({r.outputs[0], r.outputs[1], r.outputs[2], r.output_state_fw[0], r.output_state_bw[0]});
  ExpectClose(got[0], Tensor::Of<float>({1, 2}, {1, 7}));
  ExpectClose(got[1], Tensor::Of<float>({1, 2}, {3, 6}));
  ExpectClose(got[2], Tensor::Of<float>({1, 2}, {7, 4}));
  ExpectClose(got[3], Tensor::Of<float>({1, 1}, {7}));
  ExpectClose(got[4], Tensor::Of<float>({1, 1}, {7}));
}

TEST_F(StaticRnnTest, BothDirectionsWithinTheLengths) {
  BasicRNNCell fw = Adder(), bw = Adder();
  const Outputs steps = {Values({2, 1}, {1, 1}), Values({2, 1}, {2, 2}), Values({2, 1}, {4, 4})};
  const BidirectionalOutputs r = StaticBidirectionalRnn(
      ones_, fw, bw, steps,
      {.dtype = DType::kFloat, .sequence_length = ops::Const<int32_t>(root_, {3, 2})});
  ASSERT_THAT(graph_.status(), IsOk());
  const auto got = Run(r.outputs);
  ExpectClose(got[0], Tensor::Of<float>({2, 2}, {1, 7, 1, 3}));
  ExpectClose(got[1], Tensor::Of<float>({2, 2}, {3, 6, 3, 2}));
  ExpectClose(got[2], Tensor::Of<float>({2, 2}, {7, 4, 0, 0}));
}

// --- errors ---

TEST_F(StaticRnnTest, NoInputs) {
  BasicRNNCell cell = Adder();
  EXPECT_TRUE(StaticRnn(root_, cell, {}, {.dtype = DType::kFloat}).outputs.empty());
  ExpectInvalid("inputs must not be empty");
}
TEST_F(StaticRnnTest, NoStateAndNoDtype) {
  BasicRNNCell cell = Adder();
  const RnnOutputs r = StaticRnn(root_, cell, Steps(2, {1, 1}));
  ASSERT_EQ(r.outputs.size(), 2u);
  EXPECT_TRUE(r.outputs[0].empty());
  ExpectInvalid("If there is no initial_state, you must give a dtype.");
}
TEST_F(StaticRnnTest, LengthsMustBeAVector) {
  BasicRNNCell cell = Adder();
  StaticRnn(root_, cell, Steps(1, {1, 1}),
            {.dtype = DType::kFloat, .sequence_length = Input({1, 1}, DType::kInt32)});
  ExpectInvalid("sequence_length must be a vector of length batch_size");
}
TEST_F(StaticRnnTest, UnknownDepths) {
  BasicRNNCell cell = Adder();
  StaticRnn(root_, cell, Steps(1, {1, -1}), {.dtype = DType::kFloat});
  ExpectInvalid(
      "Input size (dimension 0 of inputs) must be accessible via shape inference, but saw value "
      "None.");
}
TEST_F(StaticRnnTest, BatchSizesMustAgree) {
  BasicRNNCell cell = Adder();
  StaticRnn(root_, cell, {Input({2, 1}), ops::Placeholder(root_, DType::kFloat, {3, 1})},
            {.dtype = DType::kFloat});
  ExpectInvalid("Dimensions 2 and 3 are not compatible");
}
TEST_F(StaticRnnTest, RanksBelowTwo) {
  BasicRNNCell cell = Adder();
  StaticRnn(root_, cell, Steps(1, {2}), {.dtype = DType::kFloat});
  ExpectInvalid("Shape [2] must have rank at least 2");
}

}  // namespace
}  // namespace sluice::nn
