// Stacks of cells and what is put around cells.
#include "layers/rnn_wrappers.h"

#include <algorithm>

#include "layers/all_layers.h"
#include "layers/rnn_basic.h"
#include "layers/rnn_lstm.h"
#include "layers/static_rnn.h"
#include "tests/testing/program/names.h"

namespace sluice::layers {
namespace {

std::shared_ptr<RNNCell> Lstm(int64_t units, bool tuple = true) {
  return std::make_shared<BasicLSTMCell>(
      BasicLSTMCellOptions{.num_units = units, .state_is_tuple = tuple});
}
// h' = x + h where the weights are ones and the depth is 1.
std::shared_ptr<RNNCell> Adder(int64_t units = 1) {
  return std::make_shared<BasicRNNCell>(BasicRNNCellOptions{.num_units = units, .activation = {}});
}

class RnnWrappersTest : public NamesFixture {
 protected:
  const Scope ones_ = root_.VariableScope("", {.initializer = initializers::Ones()});
  Outputs Steps(int count, const TensorShape& shape) {
    Outputs steps;
    for (int t = 0; t < count; ++t) steps.push_back(Input(shape));
    return steps;
  }
  // How many elements of a tensor of ones were dropped; the others must be `kept`.
  static int Dropped(const Tensor& t, float kept) {
    int zeros = 0;
    for (int64_t i = 0; i < t.num_elements(); ++i) {
      const float value = t.data<float>()[i];
      if (value == 0) {
        ++zeros;
      } else {
        EXPECT_NEAR(value, kept, 1e-5);
      }
    }
    return zeros;
  }
};

// --- MultiRNNCell ---

TEST_F(RnnWrappersTest, StackVariables) {
  MultiRNNCell cell(
      {.cells = {Lstm(3), std::make_shared<GRUCell>(GRUCellOptions{.num_units = 2})}});
  const nn::RnnOutputs r = nn::StaticRnn(root_, cell, Steps(2, {4, 5}), {.dtype = DType::kFloat});
  ASSERT_THAT(graph_.status(), IsOk());
  const Strings names = {"rnn/multi_rnn_cell/cell_0/basic_lstm_cell/kernel:0",
                         "rnn/multi_rnn_cell/cell_0/basic_lstm_cell/bias:0",
                         "rnn/multi_rnn_cell/cell_1/gru_cell/gates/kernel:0",
                         "rnn/multi_rnn_cell/cell_1/gru_cell/gates/bias:0",
                         "rnn/multi_rnn_cell/cell_1/gru_cell/candidate/kernel:0",
                         "rnn/multi_rnn_cell/cell_1/gru_cell/candidate/bias:0"};
  EXPECT_EQ(Names(graph_.GlobalVariables()), names);
  EXPECT_EQ(Names(cell.weights()), names);
  EXPECT_EQ(*cell.CountParams(), 8 * 12 + 12 + 5 * 4 + 4 + 5 * 2 + 2);
  EXPECT_EQ(cell.StateSize(), (std::vector<int64_t>{3, 3, 2}));
  EXPECT_EQ(cell.OutputSize(), 2);
  ASSERT_EQ(r.state.size(), 3u);
  EXPECT_EQ(r.state[0].shape(), TensorShape({4, 3}));
  EXPECT_EQ(r.state[2], r.outputs[1]);
  EXPECT_NE(graph_.FindNode("rnn/MultiRNNCellZeroState/BasicLSTMCellZeroState/zeros_1"), nullptr);
  EXPECT_NE(graph_.FindNode("rnn/MultiRNNCellZeroState/GRUCellZeroState/zeros"), nullptr);
  EXPECT_NE(graph_.FindNode("rnn/multi_rnn_cell/cell_0/basic_lstm_cell/MatMul_1"), nullptr);
}

TEST_F(RnnWrappersTest, StackValues) {
  MultiRNNCell cell({.cells = {Adder(), Adder()}});
  const CellStep step =
      cell.Step(ones_, Values({1, 1}, {1}), {Values({1, 1}, {10}), Values({1, 1}, {100})});
  const auto got = Run({step.output, step.state[0], step.state[1]});
  ExpectClose(got[0], Tensor::Of<float>({1, 1}, {111}));
  ExpectClose(got[1], Tensor::Of<float>({1, 1}, {11}));
  ExpectClose(got[2], Tensor::Of<float>({1, 1}, {111}));
}

TEST_F(RnnWrappersTest, StackWithItsStateInOnePiece) {
  MultiRNNCell cell({.cells = {Adder(), Adder(2)}, .state_is_tuple = false});
  EXPECT_EQ(cell.StateSize(), (std::vector<int64_t>{3}));
  const CellStep step = cell.Step(ones_, Values({1, 1}, {1}), {Values({1, 3}, {10, 100, 1000})});
  // First cell: 11. Second: both units get 11 + 100 + 1000.
  const auto got = Run({step.output, step.state[0]});
  ExpectClose(got[0], Tensor::Of<float>({1, 2}, {1111, 1111}));
  ExpectClose(got[1], Tensor::Of<float>({1, 3}, {11, 1111, 1111}));
}

TEST_F(RnnWrappersTest, ACellGivenTwiceSharesItsVariables) {
  const auto cell = Adder();
  MultiRNNCell stack({.cells = {cell, cell}});
  stack.Step(root_, Input({1, 1}), {Input({1, 1}), Values({1, 1}, {0})});
  ASSERT_THAT(graph_.status(), IsOk());
  EXPECT_EQ(stack.weights().size(), 2u);
}

TEST_F(RnnWrappersTest, StacksOfNothing) {
  MultiRNNCell({}).Step(root_, Input({1, 1}), {});
  ExpectInvalid("Must specify at least one cell for MultiRNNCell.");
}

TEST_F(RnnWrappersTest, TuplesWithoutTheFlag) {
  MultiRNNCell({.cells = {Lstm(2)}, .state_is_tuple = false})
      .Step(root_, Input({1, 1}), {Values({1, 4}, {0, 0, 0, 0})});
  ExpectInvalid("Some cells return tuples of states, but the flag state_is_tuple is not set.");
}

// --- DropoutWrapper ---

TEST_F(RnnWrappersTest, WrappersAddNoScope) {
  DropoutWrapper cell({.cell = Lstm(3), .output_keep_prob = .5});
  nn::StaticRnn(root_, cell, Steps(2, {4, 5}), {.dtype = DType::kFloat});
  ASSERT_THAT(graph_.status(), IsOk());
  EXPECT_EQ(Names(cell.weights()),
            (Strings{"rnn/basic_lstm_cell/kernel:0", "rnn/basic_lstm_cell/bias:0"}));
  EXPECT_NE(graph_.FindNode("rnn/dropout/mul_1"), nullptr);
  EXPECT_NE(graph_.FindNode("rnn/dropout_1/mul_1"), nullptr);
  EXPECT_NE(graph_.FindNode("rnn/DropoutWrapperZeroState/BasicLSTMCellZeroState/zeros"), nullptr);
}

TEST_F(RnnWrappersTest, KeepingEverythingIsTheCellAlone) {
  DropoutWrapper cell({.cell = Adder()});
  const CellStep step = cell.Step(ones_, Values({1, 1}, {1}), {Values({1, 1}, {2})});
  EXPECT_EQ(step.output.name(), "basic_rnn_cell/BiasAdd:0");
  ExpectClose(Run(step.output), Tensor::Of<float>({1, 1}, {3}));
}

TEST_F(RnnWrappersTest, DropsInputsOutputsAndStates) {
  const TensorShape shape = {50, 40};
  const Output ones = ops::Const<float>(root_, {1}, shape);
  const Output zeros = ops::Const<float>(root_, {0}, shape);
  // The identity in place of the kernel: h' = x.
  std::vector<double> kernel(80 * 40, 0);
  for (size_t i = 0; i < 40; ++i) kernel[i * 40 + i] = 1;
  const Scope scope = root_.VariableScope("", {.initializer = initializers::Constant(kernel)});
  const auto step = [&](DropoutWrapperOptions options) {
    options.cell =
        std::make_shared<BasicRNNCell>(BasicRNNCellOptions{.num_units = 40, .activation = {}});
    return DropoutWrapper(options).Step(scope, ones, {zeros});
  };
  const CellStep input = step({.input_keep_prob = .25, .seed = 1});
  const CellStep output = step({.output_keep_prob = .8, .seed = 2});
  const CellStep state = step({.state_keep_prob = .5, .seed = 3});
  const auto got = Run(
      {input.output, input.state[0], output.output, output.state[0], state.output, state.state[0]});
  // 2000 elements: means with five standard deviations.
  EXPECT_NEAR(Dropped(got[0], 4), 1500, 97);
  EXPECT_NEAR(Dropped(got[1], 4), 1500, 97);
  EXPECT_NEAR(Dropped(got[2], 1.25), 400, 90);
  EXPECT_EQ(Dropped(got[3], 1), 0);
  EXPECT_EQ(Dropped(got[4], 1), 0);
  EXPECT_NEAR(Dropped(got[5], 2), 1000, 112);
}

TEST_F(RnnWrappersTest, StateDropoutLeavesTheMemoryAlone) {
  const Output x = Input({2, 3});
  const Outputs state = {Values({2, 2}, {1, 1, 1, 1}), Values({2, 2}, {1, 1, 1, 1})};
  const CellStep step =
      DropoutWrapper({.cell = Lstm(2), .state_keep_prob = .5}).Step(root_, x, state);
  EXPECT_EQ(step.state[0].name(), "basic_lstm_cell/Add_1:0");
  EXPECT_EQ(step.state[1].name(), "dropout/mul_1:0");
  const CellStep other =
      DropoutWrapper(
          {.cell = Lstm(2), .state_keep_prob = .5, .dropout_state_filter = {true, false}})
          .Step(root_, x, state);
  EXPECT_EQ(other.state[0].name(), "dropout_1/mul_1:0");
  EXPECT_EQ(other.state[1].name(), "basic_lstm_cell_1/Mul_2:0");
}

TEST_F(RnnWrappersTest, KeepProbabilitiesMayBeTensors) {
  const Output keep = Input({});
  DropoutWrapper cell({.cell = Adder(), .output_keep_prob = keep});
  const CellStep step = cell.Step(ones_, ops::Const<float>(root_, {1}, {2000, 1}),
                                  {ops::Const<float>(root_, {0}, {2000, 1})});
  ASSERT_THAT(graph_.status(), IsOk());
  EXPECT_EQ(Dropped(Run(step.output, {{keep, Tensor::Scalar<float>(1)}}), 1), 0);
  EXPECT_NEAR(Dropped(Run(step.output, {{keep, Tensor::Scalar<float>(.5)}}), 2), 1000, 112);
}

TEST_F(RnnWrappersTest, VariationalMasksAreTheSameAtEveryStepAndForEveryExample) {
  auto inner =
      std::make_shared<BasicRNNCell>(BasicRNNCellOptions{.num_units = 30, .activation = {}});
  DropoutWrapper cell({.cell = inner,
                       .output_keep_prob = .5,
                       .variational_recurrent = true,
                       .dtype = DType::kFloat});
  const Outputs steps(3, ops::Const<float>(root_, {1}, {2, 30}));
  const nn::RnnOutputs r = nn::StaticRnn(ones_, cell, steps, {.dtype = DType::kFloat});
  ASSERT_THAT(graph_.status(), IsOk());
  const auto got = Run(r.outputs);
  int dropped = 0;
  for (int i = 0; i < 30; ++i) {
    const bool zero = got[0].data<float>()[i] == 0;
    dropped += zero;
    for (const Tensor& step : got) {
      EXPECT_EQ(step.data<float>()[i] == 0, zero);
      EXPECT_EQ(step.data<float>()[30 + i] == 0, zero);
    }
  }
  EXPECT_GT(dropped, 2);
  EXPECT_LT(dropped, 28);
}

TEST_F(RnnWrappersTest, SeedsRepeatAndDifferByPlace) {
  const Output ones = ops::Const<float>(root_, {1}, {200, 1});
  const Output zeros = ops::Const<float>(root_, {0}, {200, 1});
  const auto step = [&](int64_t seed) {
    return DropoutWrapper(
               {.cell = Adder(), .output_keep_prob = .5, .state_keep_prob = .5, .seed = seed})
        .Step(ones_, ones, {zeros});
  };
  const CellStep a = step(5), b = step(5), c = step(6);
  const auto got = Run({a.output, b.output, c.output, a.state[0]});
  const auto values = [&](int i) {
    return std::vector<float>(got[i].data<float>(), got[i].data<float>() + 200);
  };
  EXPECT_EQ(values(0), values(1));
  EXPECT_NE(values(0), values(2));
  EXPECT_NE(values(0), values(3));
}

TEST_F(RnnWrappersTest, KeepProbabilitiesAreChecked) {
  DropoutWrapper({.cell = Adder(), .input_keep_prob = 1.5})
      .Step(root_, Input({1, 1}), {Values({1, 1}, {0})});
  ExpectInvalid("Parameter input_keep_prob must be between 0 and 1: 1.5");
}
TEST_F(RnnWrappersTest, KeepProbabilitiesAreScalars) {
  DropoutWrapper({.cell = Adder(), .state_keep_prob = Values({2}, {1, 1})})
      .Step(root_, Input({1, 1}), {Values({1, 1}, {0})});
  ExpectInvalid("keep_prob must be a scalar tensor or a float in the range (0, 1]");
}
TEST_F(RnnWrappersTest, VariationalNeedsADtype) {
  DropoutWrapper({.cell = Adder(), .variational_recurrent = true})
      .Step(root_, Input({1, 1}), {Values({1, 1}, {0})});
  ExpectInvalid("When variational_recurrent=True, dtype must be provided");
}
TEST_F(RnnWrappersTest, VariationalInputsNeedTheirSize) {
  DropoutWrapper({.cell = Adder(),
                  .input_keep_prob = .5,
                  .variational_recurrent = true,
                  .dtype = DType::kFloat})
      .Step(root_, Input({1, 1}), {Values({1, 1}, {0})});
  ExpectInvalid("input_size must be provided");
}
TEST_F(RnnWrappersTest, WrappersNeedACell) {
  ResidualWrapper({}).Step(root_, Input({1, 1}), {});
  ExpectInvalid("The parameter cell is not a RNNCell.");
}

// --- ResidualWrapper, DeviceWrapper ---

TEST_F(RnnWrappersTest, ResidualsAddTheInput) {
  ResidualWrapper cell({.cell = Adder()});
  const CellStep step = cell.Step(ones_, Values({1, 1}, {1}), {Values({1, 1}, {2})});
  EXPECT_EQ(step.output.name(), "add:0");
  const auto got = Run({step.output, step.state[0]});
  ExpectClose(got[0], Tensor::Of<float>({1, 1}, {4}));
  ExpectClose(got[1], Tensor::Of<float>({1, 1}, {3}));
}

TEST_F(RnnWrappersTest, ResidualsByAFunction) {
  ResidualWrapper cell({.cell = Adder(2), .residual_fn = [](At at, Output x, Output y) {
                          return at.Node("Mul", {x, y});
                        }});
  const CellStep step = cell.Step(ones_, Values({1, 1}, {5}), {Values({1, 2}, {1, 1})});
  ExpectClose(Run(step.output), Tensor::Of<float>({1, 2}, {35, 35}));
  EXPECT_THAT(cell.ToConfig().status(),
              StatusIs(absl::StatusCode::kInvalidArgument, "argument `residual_fn`"));
}

TEST_F(RnnWrappersTest, ResidualsNeedEqualWidths) {
  ResidualWrapper cell({.cell = Adder(2)});
  EXPECT_TRUE(cell.Step(root_, Input({1, 1}), {Values({1, 2}, {0, 0})}).output.empty());
  ExpectInvalid("Shapes [1,1] and [1,2]");
}

TEST_F(RnnWrappersTest, DevicesOfOpsAndVariables) {
  DeviceWrapper cell({.cell = Adder(), .device = "/cpu:1"});
  nn::StaticRnn(root_, cell, Steps(2, {1, 1}), {.dtype = DType::kFloat});
  ASSERT_THAT(graph_.status(), IsOk());
  for (const char* name :
       {"rnn/basic_rnn_cell/kernel", "rnn/basic_rnn_cell/MatMul", "rnn/basic_rnn_cell/MatMul_1",
        "rnn/DeviceWrapperZeroState/BasicRNNCellZeroState/zeros"}) {
    const Node* node = graph_.FindNode(name);
    ASSERT_NE(node, nullptr) << name;
    EXPECT_EQ(node->device(), "/device:CPU:1") << name;
  }
}

// --- configs ---

TEST_F(RnnWrappersTest, NestedConfigsComeBack) {
  const auto dropout = std::make_shared<DropoutWrapper>(
      DropoutWrapperOptions{.cell = Lstm(3), .output_keep_prob = .5, .seed = 4});
  const auto residual = std::make_shared<ResidualWrapper>(ResidualWrapperOptions{.cell = Adder(3)});
  const auto device =
      std::make_shared<DeviceWrapper>(DeviceWrapperOptions{.cell = Lstm(2), .device = "/cpu:0"});
  const MultiRNNCell stack({.cells = {dropout, residual, device}});
  const auto config = stack.ToConfig();
  ASSERT_THAT(config, IsOk());
  const auto again = LayerFromConfig(*config);
  ASSERT_THAT(again, IsOk());
  auto& cell = dynamic_cast<MultiRNNCell&>(**again);
  EXPECT_EQ(cell.StateSize(), (std::vector<int64_t>{3, 3, 3, 2, 2}));
  const auto* copy = dynamic_cast<DropoutWrapper*>(cell.options().cells[0].get());
  ASSERT_NE(copy, nullptr);
  EXPECT_EQ(copy->options().output_keep_prob.value(), .5);
  EXPECT_EQ(copy->options().seed, 4);
  nn::StaticRnn(root_, cell, Steps(1, {2, 3}), {.dtype = DType::kFloat});
  EXPECT_THAT(graph_.status(), IsOk());
}

TEST_F(RnnWrappersTest, TensorsAreInNoConfig) {
  const DropoutWrapper cell({.cell = Adder(), .input_keep_prob = Input({})});
  EXPECT_THAT(cell.ToConfig().status(),
              StatusIs(absl::StatusCode::kInvalidArgument, "argument `input_keep_prob`"));
}

}  // namespace
}  // namespace sluice::layers
