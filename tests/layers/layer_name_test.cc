// Default names of classes (rule L-2) and scopes as names (rule L-3).
#include "layers/layer_name.h"

#include "layers/dense.h"
#include "tests/testing/program/program_fixture.h"

namespace sluice::layers {
namespace {

TEST(SnakeCaseTest, KerasNames) {
  EXPECT_EQ(SnakeCase("Dense"), "dense");
  EXPECT_EQ(SnakeCase("Conv2D"), "conv2d");
  EXPECT_EQ(SnakeCase("SeparableConv2D"), "separable_conv2d");
  EXPECT_EQ(SnakeCase("DepthwiseConv2D"), "depthwise_conv2d");
  EXPECT_EQ(SnakeCase("Conv2DTranspose"), "conv2d_transpose");
  EXPECT_EQ(SnakeCase("LocallyConnected2D"), "locally_connected2d");
  EXPECT_EQ(SnakeCase("MaxPooling2D"), "max_pooling2d");
  EXPECT_EQ(SnakeCase("GlobalAveragePooling1D"), "global_average_pooling1d");
  EXPECT_EQ(SnakeCase("BatchNormalization"), "batch_normalization");
  EXPECT_EQ(SnakeCase("BasicLSTMCell"), "basic_lstm_cell");
  EXPECT_EQ(SnakeCase("LSTMCell"), "lstm_cell");
  EXPECT_EQ(SnakeCase("BasicRNNCell"), "basic_rnn_cell");
  EXPECT_EQ(SnakeCase("GRUCell"), "gru_cell");
  EXPECT_EQ(SnakeCase("MultiRNNCell"), "multi_rnn_cell");
  EXPECT_EQ(SnakeCase("PReLU"), "p_re_lu");
  EXPECT_EQ(SnakeCase("LeakyReLU"), "leaky_re_lu");
  EXPECT_EQ(SnakeCase("ELU"), "elu");
  EXPECT_EQ(SnakeCase("ZeroPadding2D"), "zero_padding2d");
}

TEST(SnakeCaseTest, TheRulesOwnExamples) {
  EXPECT_EQ(SnakeCase("MyLayer"), "my_layer");
  EXPECT_EQ(SnakeCase("_Foo"), "private__foo");
  EXPECT_EQ(SnakeCase("PrivateLayer"), "private_layer");
}

class LayerNameTest : public ProgramFixture {};

TEST_F(LayerNameTest, AScopeTakesTheVariablesStraight) {  // `test1/kernel`; ops: L-5
  const Scope scope = root_.VariableScope("test1");
  EXPECT_EQ(Dense(root_, Input({1, 3}), {.units = 2, .name = scope}).name(), "test1/BiasAdd:0");
  EXPECT_THAT(graph_.status(), IsOk());
  EXPECT_EQ(Names(graph_.GlobalVariables()), (Strings{"test1/kernel:0", "test1/bias:0"}));
}

}  // namespace
}  // namespace sluice::layers
