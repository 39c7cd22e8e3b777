// layers::Summary of layer objects and of graphs; all numbers by hand.
#include "layers/summary.h"

#include "graph/graph_def.h"
#include "layers/batch_norm.h"
#include "layers/conv.h"
#include "layers/core_layers.h"
#include "layers/dense.h"
#include "layers/pooling.h"
#include "layers/rnn_basic.h"
#include "layers/rnn_lstm.h"
#include "layers/separable_conv.h"
#include "layers/static_rnn.h"
#include "ops/binary.h"
#include "ops/matmul.h"
#include "ops/reduction.h"
#include "ops/relu.h"
#include "ops/softmax.h"
#include "proto/graph.pb.h"
#include "tests/testing/program/program_fixture.h"
#include "train/adam.h"

namespace sluice::layers {
namespace {

class SummaryTest : public ProgramFixture {
 protected:
  // "name (type) [shape] params flops <- connected".
  static Strings Lines(const ModelSummary& summary) {
    Strings lines;
    for (const SummaryRow& row : summary.rows) {
      std::string line = row.name + " (" + row.type + ")";
      for (const TensorShape& shape : row.output_shapes) line += " " + shape.ToString();
      line += " " + std::to_string(row.params) + " " + std::to_string(row.flops) + " <-";
      for (const std::string& from : row.connected_to) line += " " + from;
      if (!row.shares_with.empty()) line += " shares " + row.shares_with;
      lines.push_back(line);
    }
    return lines;
  }
  static void ExpectTotals(const ModelSummary& s, int64_t trainable, int64_t other) {
    EXPECT_EQ(s.trainable_params, trainable);
    EXPECT_EQ(s.non_trainable_params, other);
    EXPECT_EQ(s.total_params, trainable + other);
  }

  // LeNet on 28x28 images.
  static Output LeNet(const Scope& s, Output x) {
    x = Conv2D(s, x,
               {.filters = 32,
                .kernel_size = 5,
                .padding = Padding::kSame,
                .activation = "relu",
                .name = "conv1"});
    x = MaxPooling2D(s, x, {.pool_size = 2, .strides = 2});
    x = Flatten(s, x);
    x = Dropout(s, x, {.rate = 0.4f, .training = true});
    return Dense(s, x, {.units = 10, .name = "logits"});
  }
  static constexpr int64_t kConvFlops = 2 * 28 * 28 * 32 * 25 + 2 * 28 * 28 * 32;
  static constexpr int64_t kPoolFlops = 4 * 14 * 14 * 32;
  static constexpr int64_t kDenseFlops = 2 * 6272 * 10 + 10;
  static constexpr int64_t kConvParams = 5 * 5 * 1 * 32 + 32;
  static constexpr int64_t kDenseParams = 6272 * 10 + 10;
};

// --- layer objects ---

TEST_F(SummaryTest, Objects) {
  Conv2DLayer conv({.filters = 32,
                    .kernel_size = 5,
                    .padding = Padding::kSame,
                    .activation = "relu",
                    .name = "conv1"});
  MaxPooling2DLayer pool({.pool_size = 2, .strides = 2});
  FlattenLayer flatten({});
  DenseLayer dense({.units = 10});
  const Output x = ops::Placeholder(root_.Named("images"), DType::kFloat, {-1, 28, 28, 1});
  dense(root_, flatten(root_, pool(root_, conv(root_, x))));
  const ModelSummary summary = Summary({&conv, &pool, &flatten, &dense});
  EXPECT_EQ(Lines(summary),
            (Strings{"conv1 (Conv2D) [?,28,28,32] " + std::to_string(kConvParams) + " " +
                         std::to_string(kConvFlops) + " <- images",
                     "max_pooling2d_1 (MaxPooling2D) [?,14,14,32] 0 " + std::to_string(kPoolFlops) +
                         " <- conv1[0][0]",
                     "flatten_1 (Flatten) [?,6272] 0 0 <- max_pooling2d_1[0][0]",
                     "dense_1 (Dense) [?,10] " + std::to_string(kDenseParams) + " " +
                         std::to_string(kDenseFlops) + " <- flatten_1[0][0]"}));
  ExpectTotals(summary, kConvParams + kDenseParams, 0);
  EXPECT_EQ(summary.flops, kConvFlops + kPoolFlops + kDenseFlops);
}

TEST_F(SummaryTest, PrintsKerassTable) {
  DenseLayer hidden({.units = 100, .name = "hidden"}), head({.units = 3, .name = "head"});
  const Output x = ops::Placeholder(root_.Named("x"), DType::kFloat, {-1, 20});
  head(root_, hidden(root_, x));
  // 20 * 100 + 100; 2 * 20 * 100 + 100. 100 * 3 + 3; 2 * 100 * 3 + 3.
  EXPECT_EQ(Summary({&hidden, &head}).ToString(),
            "__________________________________________________________\n"
            "Layer (type)    Output Shape  Param #  FLOPs  Connected to\n"
            "==========================================================\n"
            "hidden (Dense)  (None, 100)   2,100    4,100  x\n"
            "__________________________________________________________\n"
            "head (Dense)    (None, 3)     303      603    hidden[0][0]\n"
            "==========================================================\n"
            "Total params: 2,403\n"
            "Trainable params: 2,403\n"
            "Non-trainable params: 0\n"
            "FLOPs: 4,703\n"
            "__________________________________________________________\n");
}

TEST_F(SummaryTest, SharedObjectsAndOtherShapes) {
  DenseLayer tower({.units = 2, .name = "tower"});
  DenseLayer twin({.units = 2, .name = "tower", .reuse = Reuse::kTrue});
  const Output a = ops::Placeholder(root_.Named("a"), DType::kFloat, {4, 3});
  const Output b = ops::Placeholder(root_.Named("b"), DType::kFloat, {-1, 5, 3});
  const Output left = tower(root_, a);
  tower(root_, b);
  twin(root_, left + left * 2.0 - left);
  graph_.status().IgnoreError();
  const ModelSummary summary = Summary({&tower});
  ASSERT_EQ(summary.rows.size(), 1u);
  EXPECT_EQ(summary.rows[0].output_shapes, (std::vector<TensorShape>{{4, 2}, {-1, 5, 2}}));
  EXPECT_EQ(summary.rows[0].connected_to, (Strings{"a", "b"}));
  EXPECT_EQ(summary.rows[0].flops, 2 * 4 * 3 * 2 + 4 * 2 + 2 * 5 * 3 * 2 + 5 * 2);
  EXPECT_NE(summary.ToString().find("multiple"), std::string::npos);
  ExpectTotals(summary, 8, 0);
}

TEST_F(SummaryTest, ObjectsThatShareByReuse) {
  DenseLayer first({.units = 3, .name = "d"}),
      second({.units = 3, .name = "d", .reuse = Reuse::kTrue});
  const Output x = ops::Placeholder(root_.Named("x"), DType::kFloat, {-1, 3});
  second(root_, first(root_, x) + x);
  ASSERT_THAT(graph_.status(), IsOk());
  const ModelSummary summary = Summary({&first, &second});
  // What lies between is passed through.
  EXPECT_EQ(Lines(summary),
            (Strings{"d (Dense) [?,3] 12 21 <- x", "d (Dense) [?,3] 0 21 <- d[0][0] x"}));
  ExpectTotals(summary, 12, 0);
}

TEST_F(SummaryTest, NotTrainableAndNeverCalled) {
  DenseLayer frozen({.units = 2, .trainable = false, .name = "frozen"}), idle({.units = 2});
  frozen(root_, Input({1, 3}));
  const ModelSummary summary = Summary({&frozen, &idle});
  ExpectTotals(summary, 0, 8);
  EXPECT_TRUE(summary.rows[1].output_shapes.empty());
  EXPECT_EQ(summary.rows[1].name, "dense");
}

// --- graphs ---

TEST_F(SummaryTest, GraphOfFunctionalLayers) {
  const Output x = ops::Placeholder(root_.Named("images"), DType::kFloat, {-1, 28, 28, 1});
  LeNet(root_.VariableScope("net"), x);
  ASSERT_THAT(graph_.status(), IsOk());
  const ModelSummary summary = Summary(graph_);
  EXPECT_EQ(summary.rows.size(), 6u);
  Strings lines = Lines(summary);
  // Dropout's cost: compare, scale, mask; random numbers.
  const std::string dropout = lines[4];
  lines.erase(lines.begin() + 4);
  EXPECT_EQ(lines, (Strings{"images (InputLayer) [?,28,28,1] 0 0 <-",
                            "net/conv1 (Conv2D) [?,28,28,32] " + std::to_string(kConvParams) + " " +
                                std::to_string(kConvFlops) + " <- images",
                            "net/max_pooling2d (MaxPooling2D) [?,14,14,32] 0 " +
                                std::to_string(kPoolFlops) + " <- net/conv1",
                            "net/flatten (Flatten) [?,6272] 0 0 <- net/max_pooling2d",
                            "net/logits (Dense) [?,10] " + std::to_string(kDenseParams) + " " +
                                std::to_string(kDenseFlops) + " <- net/dropout"}));
  EXPECT_EQ(dropout.rfind("net/dropout (Dropout) [?,6272] 0 ", 0), 0u) << dropout;
  ExpectTotals(summary, kConvParams + kDenseParams, 0);
}

TEST_F(SummaryTest, TrainingAndSavingAddNoRows) {
  const Output x = ops::Placeholder(root_.Named("x"), DType::kFloat, {-1, 4});
  const Output y = Dense(root_, x, {.units = 3, .kernel_regularizer = [](At at, Output w) {
                                      return at.Node("L2Loss", {w});
                                    }});
  const Strings before = Lines(Summary(graph_));
  const Output loss = ops::Mean(root_, y * y, {0, 1});
  const Variable step = GetVariable(
      root_, "global_step",
      {.shape = {}, .dtype = DType::kInt64, .initializer = ZerosInitializer, .trainable = false});
  train::Adam({.learning_rate = 0.1f}).Minimize(root_, loss, {.global_step = step});
  ASSERT_THAT(graph_.status(), IsOk());
  EXPECT_EQ(Lines(Summary(graph_)), before);
  EXPECT_EQ(before, (Strings{"x (InputLayer) [?,4] 0 0 <-", "dense (Dense) [?,3] 15 27 <- x"}));
  ExpectTotals(Summary(graph_), 15, 0);
}

TEST_F(SummaryTest, ASecondTowerSharesItsParameters) {
  const Output a = ops::Placeholder(root_.Named("a"), DType::kFloat, {-1, 4});
  const Output b = ops::Placeholder(root_.Named("b"), DType::kFloat, {-1, 4});
  const Scope net = root_.VariableScope("net");
  const Output left = Dense(net, a, {.units = 2, .name = "d"});
  const Output right = Dense(net.WithReuse(), b, {.units = 2, .name = "d"});
  Dense(root_, left - right, {.units = 1, .name = "head"});
  ASSERT_THAT(graph_.status(), IsOk());
  const ModelSummary summary = Summary(graph_);
  EXPECT_EQ(Lines(summary), (Strings{"a (InputLayer) [?,4] 0 0 <-", "b (InputLayer) [?,4] 0 0 <-",
                                     "net/d (Dense) [?,2] 10 18 <- a",
                                     "net_1/d (Dense) [?,2] 0 18 <- b shares net/d",
                                     "head (Dense) [?,1] 3 5 <- net/d net_1/d"}));
  ExpectTotals(summary, 13, 0);
  EXPECT_NE(summary.ToString().find("0 (net/d)"), std::string::npos);
}

TEST_F(SummaryTest, LayersOfSeveralScopesAreOneRow) {
  const Output x = ops::Placeholder(root_.Named("x"), DType::kFloat, {-1, 8, 8, 3});
  const Output y = SeparableConv2D(root_, x, {.filters = 4, .kernel_size = 3});
  const Output z = BatchNormalization(root_, y, {.training = true});
  Dense(root_, z, {.units = 2});  // rank 4: through Tensordot
  ASSERT_THAT(graph_.status(), IsOk());
  const ModelSummary summary = Summary(graph_);
  ASSERT_EQ(summary.rows.size(), 4u);
  EXPECT_EQ(Lines(summary)[1],
            "separable_conv2d (SeparableConv2D) [?,6,6,4] " + std::to_string(27 + 12 + 4) + " " +
                std::to_string(2 * 36 * 3 * 9 + 2 * 36 * 4 * 3 + 36 * 4) + " <- x");
  EXPECT_EQ(summary.rows[2].name, "batch_normalization");
  EXPECT_EQ(summary.rows[2].type, "BatchNormalization");
  EXPECT_EQ(summary.rows[2].params, 16);
  EXPECT_EQ(summary.rows[2].output_shapes, (std::vector<TensorShape>{{-1, 6, 6, 4}}));
  EXPECT_EQ(Lines(summary)[3], "dense (Dense) [?,6,6,2] 10 " +
                                   std::to_string(2 * 36 * 4 * 2 + 36 * 2) +
                                   " <- batch_normalization");
  ExpectTotals(summary, 27 + 12 + 4 + 8 + 10, 8);
}

TEST_F(SummaryTest, RecurrentCellsAreOneRow) {
  BasicLSTMCell lstm({.num_units = 2});
  GRUCell gru({.num_units = 3});
  const Outputs steps = {ops::Placeholder(root_.Named("x0"), DType::kFloat, {-1, 4}),
                         ops::Placeholder(root_.Named("x1"), DType::kFloat, {-1, 4})};
  const nn::RnnOutputs r = nn::StaticRnn(root_, lstm, steps, {.dtype = DType::kFloat});
  nn::StaticRnn(root_, gru, r.outputs, {.dtype = DType::kFloat, .scope = "top"});
  ASSERT_THAT(graph_.status(), IsOk());
  const ModelSummary summary = Summary(graph_);
  Strings names;
  for (const SummaryRow& row : summary.rows) names.push_back(row.name + " (" + row.type + ")");
  EXPECT_EQ(names, (Strings{"x0 (InputLayer)", "x1 (InputLayer)",
                            "rnn/basic_lstm_cell (BasicLSTMCell)", "top/gru_cell (GRUCell)"}));
  EXPECT_EQ(summary.rows[2].params, 6 * 8 + 8);
  EXPECT_EQ(summary.rows[2].output_shapes, (std::vector<TensorShape>{{-1, 2}}));
  EXPECT_EQ(summary.rows[2].connected_to, (Strings{"x0", "x1"}));
  EXPECT_EQ(summary.rows[3].params, 5 * 6 + 6 + 5 * 3 + 3);
  EXPECT_EQ(summary.rows[3].connected_to, (Strings{"rnn/basic_lstm_cell"}));
}

TEST_F(SummaryTest, HandMadeLayersWithoutScopes) {
  const Output x = ops::Placeholder(root_.Named("x"), DType::kFloat, {-1, 4});
  const Variable w = GetVariable(root_, "w", {.shape = {4, 3}});
  const Variable b = GetVariable(root_, "b", {.shape = {3}, .initializer = ZerosInitializer});
  Output y = ops::Relu(root_, ops::MatMul(root_, x, w) + b);
  const Variable v = GetVariable(root_, "v", {.shape = {3, 2}});
  y = ops::Softmax(root_.Named("probabilities"), ops::MatMul(root_, y, v));
  ASSERT_THAT(graph_.status(), IsOk());
  EXPECT_EQ(Lines(Summary(graph_)),
            (Strings{"x (InputLayer) [?,4] 0 0 <-", "MatMul (Dense) [?,3] 15 30 <- x",
                     "MatMul_1 (Dense) [?,2] 6 12 <- MatMul",
                     "probabilities (Softmax) [?,2] 0 10 <- MatMul_1"}));
}

TEST_F(SummaryTest, ResidualsPassThrough) {
  const Output x = ops::Placeholder(root_.Named("x"), DType::kFloat, {-1, 3});
  const Output y = Dense(root_, x, {.units = 3, .name = "a"});
  const Output z = Dense(root_, y, {.units = 3, .name = "b"});
  Dense(root_.Sub("tail"), y + z, {.units = 1, .name = "c"});
  EXPECT_EQ(Summary(graph_).rows.back().connected_to, (Strings{"a", "b"}));
}

TEST_F(SummaryTest, ImportedGraphs) {
  const Output x = ops::Placeholder(root_.Named("images"), DType::kFloat, {-1, 28, 28, 1});
  LeNet(root_.VariableScope("net"), x);
  proto::GraphDef def;
  ASSERT_THAT(ToGraphDef(graph_, &def), IsOk());
  Graph again(ops::Builtin());
  ASSERT_THAT(ImportGraphDef(def, &again).status(), IsOk());
  EXPECT_EQ(Lines(Summary(again)), Lines(Summary(graph_)));
  EXPECT_EQ(Summary(again).trainable_params, kConvParams + kDenseParams);
}

TEST_F(SummaryTest, FrozenGraphsCountTheirConstants) {
  const Output x = ops::Placeholder(root_.Named("x"), DType::kFloat, {-1, 2});
  const Scope layer = root_.Sub("fc");
  const Output w = ops::Const<float>(layer.Named("weights"), {1, 2, 3, 4, 5, 6}, {2, 3});
  At(layer).Node("BiasAdd",
                 {ops::MatMul(layer, x, w), ops::Const<float>(layer.Named("biases"), {1, 2, 3})});
  const ModelSummary summary = Summary(graph_);
  EXPECT_EQ(Lines(summary), (Strings{"x (InputLayer) [?,2] 0 0 <-", "fc (Dense) [?,3] 9 15 <- x"}));
  ExpectTotals(summary, 0, 9);
}

TEST_F(SummaryTest, EmptyGraphs) {
  const ModelSummary summary = Summary(graph_);
  EXPECT_TRUE(summary.rows.empty());
  EXPECT_NE(summary.ToString().find("Total params: 0"), std::string::npos);
}

}  // namespace
}  // namespace sluice::layers
