// Every name that dropout produces.
#include "layers/core_layers.h"
#include "tests/testing/program/names.h"

namespace sluice::layers {
namespace {

class DropoutNamesTest : public NamesFixture {
 protected:
  Output x_ = ops::Placeholder(root_.Named("x"), DType::kFloat, {2, 3});
  int start_ = graph_.num_nodes();
};

TEST_F(DropoutNamesTest, OutsideOfTraining) {  // LY-2
  Dropout(root_, x_);
  Dropout(root_, x_);
  EXPECT_EQ(Nodes(start_), (Strings{"dropout/Identity Identity", "dropout_1/Identity Identity"}));
  EXPECT_TRUE(Collections().empty());
}

TEST_F(DropoutNamesTest, InTraining) {  // LY-2: tf.nn.dropout opens a scope inside the layer's
  // "scale" holds 1 / (1 - rate), which TensorFlow computes in "sub" and "truediv".
  const Output y = Dropout(root_, x_, {.training = true});
  EXPECT_EQ(y.name(), "dropout/dropout/mul_1:0");
  EXPECT_EQ(Nodes(start_),
            Below("dropout/dropout", {"Shape Const", "random_uniform/RandomUniform RandomUniform",
                                      "rate Const", "GreaterEqual GreaterEqual", "scale Const",
                                      "mul Mul", "Cast Cast", "mul_1 Mul"}));
}

}  // namespace
}  // namespace sluice::layers
