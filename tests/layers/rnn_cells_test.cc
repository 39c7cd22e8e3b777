// Rule RN-1: one step of every cell. Over time: static_rnn_test.cc; around cells:
// rnn_wrappers_test.cc.
#include <cmath>

#include "layers/all_layers.h"
#include "layers/rnn_basic.h"
#include "layers/rnn_lstm.h"
#include "layers/rnn_wrappers.h"
#include "ops/unary.h"
#include "tests/testing/program/names.h"

namespace sluice::layers {
namespace {

using Doubles = std::vector<double>;

double SigmoidOf(double x) { return 1 / (1 + std::exp(-x)); }

// a [1, n] times b [n, columns], row-major.
Doubles Times(const Doubles& a, const Doubles& b, size_t columns) {
  Doubles product(columns, 0);
  for (size_t i = 0; i < a.size(); ++i) {
    for (size_t j = 0; j < columns; ++j) product[j] += a[i] * b[i * columns + j];
  }
  return product;
}
Doubles Joined(Doubles a, const Doubles& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}
// n values in (-1, 1) that look random.
Doubles Wave(size_t n, double phase) {
  Doubles values;
  for (size_t i = 0; i < n; ++i)
    values.push_back(std::sin(phase + 1.7 * static_cast<double>(i * i % 23)));
  return values;
}
Tensor Row(const Doubles& values) {
  return Tensor::Of<double>({1, static_cast<int64_t>(values.size())}, values);
}

class RnnCellsTest : public NamesFixture {
 protected:
  Output RowOf(const Doubles& values) { return ops::Const(root_, Row(values)); }
  Output Matrix(int64_t rows, int64_t columns, DType dtype = DType::kFloat) {
    return Input({rows, columns}, dtype);
  }
  // "name:0[2,3]" of every variable.
  Strings Listed() const {
    Strings all;
    for (const Variable& v : graph_.GlobalVariables())
      all.push_back(v.name() + v.shape().ToString());
    return all;
  }
};

// --- names, shapes, first values ---

TEST_F(RnnCellsTest, BasicRnnVariablesAndNodes) {
  BasicRNNCell cell({.num_units = 3});
  const Output x = Matrix(2, 4), h = Matrix(2, 3);
  const int start = graph_.num_nodes();
  const CellStep step = cell.Step(root_, x, {h});
  ASSERT_THAT(graph_.status(), IsOk());
  EXPECT_EQ(Listed(), (Strings{"basic_rnn_cell/kernel:0[7,3]", "basic_rnn_cell/bias:0[3]"}));
  EXPECT_EQ(Nodes(start),
            List(GlorotVariable(Kind::kResource, "basic_rnn_cell/kernel"),
                 ConstantVariable(Kind::kResource, "basic_rnn_cell/bias"),
                 Below("basic_rnn_cell", {"concat/axis Const", "concat ConcatV2", "MatMul MatMul",
                                          "BiasAdd BiasAdd", "Tanh Tanh"})));
  EXPECT_EQ(step.output, step.state[0]);
  EXPECT_EQ(step.output.shape(), TensorShape({2, 3}));
  ExpectClose(Run(cell.weights()[1].value()), Tensor::Of<float>({3}, {0, 0, 0}));
}

TEST_F(RnnCellsTest, GruVariablesAndNodes) {
  GRUCell cell({.num_units = 2});
  const Output x = Matrix(1, 3), h = Matrix(1, 2);
  cell.Step(root_, x, {h});
  ASSERT_THAT(graph_.status(), IsOk());
  EXPECT_EQ(Listed(),
            (Strings{"gru_cell/gates/kernel:0[5,4]", "gru_cell/gates/bias:0[4]",
                     "gru_cell/candidate/kernel:0[5,2]", "gru_cell/candidate/bias:0[2]"}));
  // The gates start open.
  ExpectClose(Run(cell.weights()[1].value()), Tensor::Of<float>({4}, {1, 1, 1, 1}));
  ExpectClose(Run(cell.weights()[3].value()), Tensor::Of<float>({2}, {0, 0}));
  EXPECT_EQ(*cell.CountParams(), 5 * 4 + 4 + 5 * 2 + 2);
  for (const char* name : {"split/split_dim", "split", "mul", "concat_1", "MatMul_1", "BiasAdd_1",
                           "Tanh", "mul_1", "sub/x", "sub", "mul_2", "add"})
    EXPECT_NE(graph_.FindNode(std::string("gru_cell/") + name), nullptr) << name;
}

TEST_F(RnnCellsTest, GruBiasInitializerServesBothBiases) {
  GRUCell cell({.num_units = 1, .bias_initializer = initializers::Constant(3)});
  cell.Step(root_, Matrix(1, 1), {Matrix(1, 1)});
  ExpectClose(Run(cell.weights()[1].value()), Tensor::Of<float>({2}, {3, 3}));
  ExpectClose(Run(cell.weights()[3].value()), Tensor::Of<float>({1}, {3}));
}

TEST_F(RnnCellsTest, BasicLstmVariablesAndNodes) {
  BasicLSTMCell cell({.num_units = 3});
  const Output x = Matrix(2, 4), c = Matrix(2, 3), h = Matrix(2, 3);
  const int start = graph_.num_nodes();
  const CellStep step = cell.Step(root_, x, {c, h});
  ASSERT_THAT(graph_.status(), IsOk());
  EXPECT_EQ(Listed(), (Strings{"basic_lstm_cell/kernel:0[7,12]", "basic_lstm_cell/bias:0[12]"}));
  // Those of TensorFlow 1.15.
  EXPECT_EQ(Nodes(start),
            List(GlorotVariable(Kind::kResource, "basic_lstm_cell/kernel"),
                 ConstantVariable(Kind::kResource, "basic_lstm_cell/bias"),
                 Below("basic_lstm_cell",
                       {"Const Const", "concat/axis Const", "concat ConcatV2", "MatMul MatMul",
                        "BiasAdd BiasAdd", "split Split", "Const_1 Const", "Add Add",
                        "Sigmoid Sigmoid", "Mul Mul", "Sigmoid_1 Sigmoid", "Tanh Tanh", "Mul_1 Mul",
                        "Add_1 Add", "Tanh_1 Tanh", "Sigmoid_2 Sigmoid", "Mul_2 Mul"})));
  EXPECT_EQ(step.output.name(), "basic_lstm_cell/Mul_2:0");
  EXPECT_EQ(Names(step.state), (Strings{"basic_lstm_cell/Add_1:0", "basic_lstm_cell/Mul_2:0"}));
}

TEST_F(RnnCellsTest, LstmVariables) {
  LSTMCell cell({.num_units = 3, .use_peepholes = true, .num_proj = 2});
  const CellStep step = cell.Step(root_, Matrix(5, 4), {Matrix(5, 3), Matrix(5, 2)});
  ASSERT_THAT(graph_.status(), IsOk());
  EXPECT_EQ(Listed(), (Strings{"lstm_cell/kernel:0[6,12]", "lstm_cell/bias:0[12]",
                               "lstm_cell/w_f_diag:0[3]", "lstm_cell/w_i_diag:0[3]",
                               "lstm_cell/w_o_diag:0[3]", "lstm_cell/projection/kernel:0[3,2]"}));
  EXPECT_EQ(step.output.shape(), TensorShape({5, 2}));
  EXPECT_EQ(step.state[0].shape(), TensorShape({5, 3}));
  EXPECT_EQ(step.state[1].shape(), TensorShape({5, 2}));
  EXPECT_EQ(cell.StateSize(), (std::vector<int64_t>{3, 2}));
  EXPECT_EQ(cell.OutputSize(), 2);
}

TEST_F(RnnCellsTest, LstmNodesArePlainOperators) {
  LSTMCell cell({.num_units = 3});
  const Output x = Matrix(2, 4), c = Matrix(2, 3), h = Matrix(2, 3);
  cell.BuildFor(root_, {x.shape(), c.shape(), h.shape()}).IgnoreError();
  const int start = graph_.num_nodes();
  cell.Step(root_, x, {c, h});
  EXPECT_EQ(Nodes(start),
            Below("lstm_cell",
                  {"concat/axis Const", "concat ConcatV2", "MatMul MatMul", "BiasAdd BiasAdd",
                   "split/split_dim Const", "split Split", "add/y Const", "add AddV2",
                   "Sigmoid Sigmoid", "mul Mul", "Sigmoid_1 Sigmoid", "Tanh Tanh", "mul_1 Mul",
                   "add_1 AddV2", "Sigmoid_2 Sigmoid", "Tanh_1 Tanh", "mul_2 Mul"}));
}

TEST_F(RnnCellsTest, LstmKernelsCanBeCutIntoShards) {
  LSTMCell cell({.num_units = 2, .num_proj = 2, .num_unit_shards = 2, .num_proj_shards = 2});
  cell.Step(root_, Matrix(1, 2), {Matrix(1, 2), Matrix(1, 2)});
  ASSERT_THAT(graph_.status(), IsOk());
  EXPECT_EQ(Listed(), (Strings{"lstm_cell/kernel/part_0:0[2,8]", "lstm_cell/kernel/part_1:0[2,8]",
                               "lstm_cell/bias:0[8]", "lstm_cell/projection/kernel/part_0:0[1,2]",
                               "lstm_cell/projection/kernel/part_1:0[1,2]"}));
}

TEST_F(RnnCellsTest, ObjectsOfOneClassAreNumberedAndShareOverCalls) {
  BasicLSTMCell first({.num_units = 2}), second({.num_units = 2});
  const Output x = Matrix(1, 2), c = Matrix(1, 2), h = Matrix(1, 2);
  const CellStep one = first.Step(root_, x, {c, h});
  first.Step(root_, x, one.state);
  second.Step(root_, x, {c, h});
  EXPECT_EQ(Names(graph_.GlobalVariables()),
            (Strings{"basic_lstm_cell/kernel:0", "basic_lstm_cell/bias:0",
                     "basic_lstm_cell_1/kernel:0", "basic_lstm_cell_1/bias:0"}));
  EXPECT_NE(graph_.FindNode("basic_lstm_cell/MatMul_1"), nullptr);
}

TEST_F(RnnCellsTest, VariablesTakeTheInputsDtypeOrTheOption) {
  BasicRNNCell cell({.num_units = 2}), half({.num_units = 2, .dtype = DType::kHalf});
  cell.Step(root_, Matrix(1, 2, DType::kDouble), {Matrix(1, 2, DType::kDouble)});
  half.Step(root_, Matrix(1, 2, DType::kHalf), {Matrix(1, 2, DType::kHalf)});
  ASSERT_THAT(graph_.status(), IsOk());
  EXPECT_EQ(cell.weights()[0].dtype(), DType::kDouble);
  EXPECT_EQ(half.weights()[1].dtype(), DType::kHalf);
}

// --- values, by plain loops ---

TEST_F(RnnCellsTest, BasicRnnValues) {
  const Doubles x = Wave(3, 1), h = Wave(2, 2), kernel = Wave(5 * 2, 3), bias = Wave(2, 4);
  const Scope scope = root_.VariableScope("", {.initializer = initializers::Constant(kernel)});
  BasicRNNCell cell({.num_units = 2});
  const CellStep step = cell.Step(scope, RowOf(x), {RowOf(h)});
  Doubles want = Times(Joined(x, h), kernel, 2);
  for (size_t i = 0; i < 2; ++i) want[i] = std::tanh(want[i] + bias[i]);
  const Tensor bias_value = Tensor::Of<double>({2}, bias);
  ExpectClose(Run(step.output, {{cell.weights()[1].value(), bias_value}}), Row(want));
}

TEST_F(RnnCellsTest, GruValues) {
  const size_t n = 3;
  const Doubles x = Wave(2, 1), h = Wave(n, 2), gates_kernel = Wave(5 * 6, 3),
                gates_bias = Wave(6, 4), kernel = Wave(5 * n, 5), bias = Wave(n, 6);
  GRUCell cell({.num_units = 3});
  const CellStep step = cell.Step(root_, RowOf(x), {RowOf(h)});
  const std::vector<Variable> w = cell.weights();
  const Tensor got = Run(step.output, {{w[0].value(), Tensor::Of<double>({5, 6}, gates_kernel)},
                                       {w[1].value(), Tensor::Of<double>({6}, gates_bias)},
                                       {w[2].value(), Tensor::Of<double>({5, 3}, kernel)},
                                       {w[3].value(), Tensor::Of<double>({3}, bias)}});
  const Doubles gates = Times(Joined(x, h), gates_kernel, 2 * n);
  Doubles reset, want;
  for (size_t i = 0; i < n; ++i) reset.push_back(SigmoidOf(gates[i] + gates_bias[i]) * h[i]);
  const Doubles candidate = Times(Joined(x, reset), kernel, n);
  for (size_t i = 0; i < n; ++i) {
    const double u = SigmoidOf(gates[n + i] + gates_bias[n + i]);
    want.push_back(u * h[i] + (1 - u) * std::tanh(candidate[i] + bias[i]));
  }
  ExpectClose(got, Row(want));
}

// Every argument of LSTMCell in plain loops; BasicLSTMCell is the case without any.
struct LstmTwin {
  size_t n = 3;
  double forget_bias = 1, cell_clip = 1e9, proj_clip = 1e9;
  Doubles kernel, bias, w_f, w_i, w_o, projection;

  // {h, c}.
  std::pair<Doubles, Doubles> Step(const Doubles& x, const Doubles& c, const Doubles& h) const {
    const Doubles sums = Times(Joined(x, h), kernel, 4 * n);
    const auto gate = [&](size_t which, size_t i) {
      return sums[which * n + i] + bias[which * n + i];
    };
    const auto peep = [&](const Doubles& w, size_t i, double cell) {
      return w.empty() ? 0 : w[i] * cell;
    };
    Doubles next_c, next_h;
    for (size_t i = 0; i < n; ++i) {
      double value = SigmoidOf(gate(2, i) + forget_bias + peep(w_f, i, c[i])) * c[i] +
                     SigmoidOf(gate(0, i) + peep(w_i, i, c[i])) * std::tanh(gate(1, i));
      value = std::min(std::max(value, -cell_clip), cell_clip);
      next_c.push_back(value);
      next_h.push_back(SigmoidOf(gate(3, i) + peep(w_o, i, value)) * std::tanh(value));
    }
    if (!projection.empty()) next_h = Times(next_h, projection, projection.size() / n);
    for (double& value : next_h) value = std::min(std::max(value, -proj_clip), proj_clip);
    return {next_h, next_c};
  }
};

TEST_F(RnnCellsTest, BasicLstmValues) {
  LstmTwin twin{.n = 2, .forget_bias = .3, .kernel = Wave(5 * 8, 3), .bias = Wave(8, 4)};
  const Doubles x = Wave(3, 1), c = Wave(2, 2), h = Wave(2, 7);
  BasicLSTMCell cell({.num_units = 2, .forget_bias = .3});
  const CellStep step = cell.Step(root_, RowOf(x), {RowOf(c), RowOf(h)});
  const std::vector<Variable> w = cell.weights();
  const auto got = Run({step.output, step.state[0], step.state[1]},
                       {{w[0].value(), Tensor::Of<double>({5, 8}, twin.kernel)},
                        {w[1].value(), Tensor::Of<double>({8}, twin.bias)}});
  const auto [want_h, want_c] = twin.Step(x, c, h);
  ExpectClose(got[0], Row(want_h));
  ExpectClose(got[1], Row(want_c));
  ExpectClose(got[2], Row(want_h));
}

TEST_F(RnnCellsTest, LstmValuesWithEverything) {
  const LstmTwin twin{.n = 3,
                      .forget_bias = .7,
                      .cell_clip = .4,
                      .proj_clip = .15,
                      .kernel = Wave(4 * 12, 3),
                      .bias = Wave(12, 4),
                      .w_f = Wave(3, 8),
                      .w_i = Wave(3, 9),
                      .w_o = Wave(3, 10),
                      .projection = Wave(3 * 2, 11)};
  const Doubles x = Wave(2, 1), c = Wave(3, 2), h = Wave(2, 7);
  LSTMCell cell({.num_units = 3,
                 .use_peepholes = true,
                 .cell_clip = .4,
                 .num_proj = 2,
                 .proj_clip = .15,
                 .forget_bias = .7});
  const CellStep step = cell.Step(root_, RowOf(x), {RowOf(c), RowOf(h)});
  const std::vector<Variable> w = cell.weights();
  ASSERT_EQ(w.size(), 6u);
  const auto got = Run({step.output, step.state[0], step.state[1]},
                       {{w[0].value(), Tensor::Of<double>({4, 12}, twin.kernel)},
                        {w[1].value(), Tensor::Of<double>({12}, twin.bias)},
                        {w[2].value(), Tensor::Of<double>({3}, twin.w_f)},
                        {w[3].value(), Tensor::Of<double>({3}, twin.w_i)},
                        {w[4].value(), Tensor::Of<double>({3}, twin.w_o)},
                        {w[5].value(), Tensor::Of<double>({3, 2}, twin.projection)}});
  const auto [want_h, want_c] = twin.Step(x, c, h);
  ExpectClose(got[0], Row(want_h));
  ExpectClose(got[1], Row(want_c));
  ExpectClose(got[2], Row(want_h));
  EXPECT_NE(graph_.FindNode("lstm_cell/clip_by_value/Minimum/y"), nullptr);
  EXPECT_NE(graph_.FindNode("lstm_cell/clip_by_value_1"), nullptr);
}

TEST_F(RnnCellsTest, StateInOnePieceIsTheSame) {
  const Doubles x = Wave(2, 1), c = Wave(3, 2), h = Wave(3, 7);
  BasicLSTMCell basic({.num_units = 3, .state_is_tuple = false});
  LSTMCell full({.num_units = 3, .state_is_tuple = false});
  for (RNNCell* cell : {static_cast<RNNCell*>(&basic), static_cast<RNNCell*>(&full)}) {
    EXPECT_EQ(cell->StateSize(), (std::vector<int64_t>{6}));
    const CellStep step = cell->Step(root_, RowOf(x), {RowOf(Joined(c, h))});
    ASSERT_THAT(graph_.status(), IsOk());
    ASSERT_EQ(step.state.size(), 1u);
    EXPECT_EQ(step.state[0].shape(), TensorShape({1, 6}));
    const std::vector<Variable> w = cell->weights();
    const LstmTwin twin{.n = 3, .kernel = Wave(5 * 12, 3), .bias = Wave(12, 4)};
    session_.reset();
    const auto got =
        Run({step.output, step.state[0]}, {{w[0].value(), Tensor::Of<double>({5, 12}, twin.kernel)},
                                           {w[1].value(), Tensor::Of<double>({12}, twin.bias)}});
    const auto [want_h, want_c] = twin.Step(x, c, h);
    ExpectClose(got[0], Row(want_h));
    ExpectClose(got[1], Row(Joined(want_c, want_h)));
  }
}

TEST_F(RnnCellsTest, AnotherActivation) {
  const Scope scope = root_.VariableScope("", {.initializer = initializers::Ones()});
  BasicRNNCell cell({.num_units = 1, .activation = ops::Square});
  const CellStep step = cell.Step(scope, Values({1, 1}, {2}), {Values({1, 1}, {3})});
  ExpectClose(Run(step.output), Tensor::Of<float>({1, 1}, {25}));
}

// --- states ---

TEST_F(RnnCellsTest, ZeroStates) {
  BasicLSTMCell cell({.num_units = 2});
  const Outputs fixed = cell.ZeroState(root_, 3);
  ASSERT_EQ(fixed.size(), 2u);
  EXPECT_EQ(Names(fixed),
            (Strings{"BasicLSTMCellZeroState/zeros:0", "BasicLSTMCellZeroState/zeros_1:0"}));
  EXPECT_EQ(fixed[0].shape(), TensorShape({3, 2}));
  ExpectClose(Run(fixed[1]), Tensor::Zeros(DType::kFloat, {3, 2}));
  const Output batch = Input({}, DType::kInt32);
  const Outputs dynamic = GRUCell({.num_units = 4}).ZeroState(root_, batch, DType::kDouble);
  EXPECT_EQ(dynamic[0].shape(), TensorShape({-1, 4}));
  ExpectClose(Run(dynamic[0], {{batch, Tensor::Scalar<int32_t>(5)}}),
              Tensor::Zeros(DType::kDouble, {5, 4}));
}

// --- errors ---

TEST_F(RnnCellsTest, UnknownDepthIsRefused) {
  BasicRNNCell cell({.num_units = 2});
  EXPECT_TRUE(cell.Step(root_, Matrix(2, -1), {Matrix(2, 2)}).output.empty());
  ExpectInvalid("Expected inputs.shape[-1] to be known, saw shape: [2,?]");
}

TEST_F(RnnCellsTest, UnitsAreRequired) {
  GRUCell({}).Step(root_, Matrix(1, 1), {Matrix(1, 0)});
  ExpectInvalid("The `num_units` argument must be > 0. Received: 0");
}

TEST_F(RnnCellsTest, InputsMustBeMatrices) {
  BasicLSTMCell({.num_units = 2}).Step(root_, Input({2, 3, 4}), {Matrix(2, 2), Matrix(2, 2)});
  ExpectInvalid("expected ndim=2, found ndim=3");
}

TEST_F(RnnCellsTest, StatesMustFit) {
  LSTMCell({.num_units = 2}).Step(root_, Matrix(1, 3), {Matrix(1, 2), Matrix(1, 3)});
  ExpectInvalid("expected axis -1 of input shape to have value 2");
}

TEST_F(RnnCellsTest, StatesMustBeComplete) {
  const CellStep step = LSTMCell({.num_units = 2}).Step(root_, Matrix(1, 3), {Matrix(1, 2)});
  EXPECT_TRUE(step.output.empty());
  ExpectInvalid("expects 3 inputs, but it received 2 input tensors");
}

TEST_F(RnnCellsTest, IntegersAreRefused) {
  BasicRNNCell cell({.num_units = 2});
  cell.Step(root_, Matrix(1, 3, DType::kInt32), {Matrix(1, 2, DType::kInt32)});
  ExpectInvalid("RNN cell only supports floating point inputs, but saw dtype: int32");
}

TEST_F(RnnCellsTest, BatchSizesAreNumbers) {
  GRUCell({.num_units = 2}).ZeroState(root_, -1);
  ExpectInvalid("batch_size must be a number >= 0");
}

// --- configs ---

TEST_F(RnnCellsTest, ConfigsComeBack) {
  const GRUCell gru({.num_units = 3,
                     .activation = "relu",
                     .kernel_initializer = initializers::HeNormal(),
                     .name = "g"});
  const LSTMCell lstm({.num_units = 4,
                       .use_peepholes = true,
                       .cell_clip = 2.5,
                       .num_proj = 3,
                       .proj_clip = .5,
                       .num_unit_shards = 2,
                       .forget_bias = 0,
                       .dtype = DType::kDouble,
                       .trainable = false});
  const BasicRNNCell basic({.num_units = 5});
  const BasicLSTMCell basic_lstm({.num_units = 6, .forget_bias = .5, .state_is_tuple = false});
  for (const Layer* layer : std::initializer_list<const Layer*>{&gru, &lstm, &basic, &basic_lstm}) {
    const auto config = layer->ToConfig();
    ASSERT_THAT(config, IsOk());
    const auto again = LayerFromConfig(*config);
    ASSERT_THAT(again, IsOk());
    EXPECT_EQ((*again)->class_name(), layer->class_name());
    const auto* cell = dynamic_cast<const RNNCell*>(again->get());
    ASSERT_NE(cell, nullptr);
    EXPECT_EQ(cell->StateSize(), dynamic_cast<const RNNCell*>(layer)->StateSize());
  }
  const auto config = lstm.ToConfig();
  const auto again = LayerFromConfig(*config);
  const LSTMCellOptions& o = dynamic_cast<const LSTMCell&>(**again).options();
  EXPECT_TRUE(o.use_peepholes);
  EXPECT_EQ(o.cell_clip, 2.5);
  EXPECT_EQ(o.num_proj, 3);
  EXPECT_EQ(o.proj_clip, .5);
  EXPECT_EQ(o.num_unit_shards, 2);
  EXPECT_EQ(o.forget_bias, 0);
  EXPECT_EQ(o.dtype, DType::kDouble);
  EXPECT_FALSE(o.trainable);
}

}  // namespace
}  // namespace sluice::layers
