// Every name that dense produces.
#include "graph/partition.h"
#include "layers/dense.h"
#include "layers/initializers.h"
#include "layers/regularizers.h"
#include "tests/testing/program/names.h"

namespace sluice::layers {
namespace {

class DenseNamesTest : public NamesOfKind {
 protected:
  Strings DenseNodes(const std::string& scope) const {
    return List(GlorotVariable(kind_, scope + "/kernel"), ConstantVariable(kind_, scope + "/bias"),
                scope + "/MatMul MatMul", scope + "/BiasAdd BiasAdd");
  }
  Output x_ = ops::Placeholder(root_.Named("x"), DType::kFloat, {-1, 4});
  Output y_ = ops::Placeholder(root_.Named("y"), DType::kFloat, {-1, 6});
  int start_ = graph_.num_nodes();
};
INSTANTIATE_TEST_SUITE_P(Kinds, DenseNamesTest, EitherKind(), NameOfKind);

TEST_P(DenseNamesTest, UnnamedTwice) {  // EX-3
  Dense(scope_, x_, {.units = 10});
  Dense(scope_, y_, {.units = 10});
  EXPECT_THAT(graph_.status(), IsOk());
  EXPECT_EQ(Nodes(start_), List(DenseNodes("dense"), DenseNodes("dense_1")));
  const Strings variables = {"dense/kernel:0", "dense/bias:0", "dense_1/kernel:0",
                             "dense_1/bias:0"};
  EXPECT_EQ(Collections(),
            (CollectionNames{{"variables", variables}, {"trainable_variables", variables}}));
}

TEST_P(DenseNamesTest, HigherRanksGoThroughTensordot) {  // LY-1
  const Output x = ops::Placeholder(root_.Named("cube"), DType::kFloat, {2, 3, 4});
  const int start = graph_.num_nodes();
  const Output y = Dense(scope_, x, {.units = 5, .use_bias = false});
  EXPECT_EQ(Nodes(start), List(GlorotVariable(kind_, "dense/kernel"),
                               Below("dense/Tensordot", {"Reshape/shape Const", "Reshape Reshape",
                                                         "MatMul MatMul", "shape Const"}),
                               "dense/Tensordot Reshape"));
  EXPECT_EQ(y.name(), "dense/Tensordot:0");
}

TEST_P(DenseNamesTest, ARegularizerStandsBelowItsVariable) {  // L-6, VS-8, RG-1
  Dense(scope_, x_, {.units = 2, .use_bias = false, .kernel_regularizer = L2Regularizer(.5)});
  const std::string penalty = "dense/kernel/Regularizer/l2_regularizer";
  EXPECT_EQ(Nodes(start_), List(GlorotVariable(kind_, "dense/kernel"),
                                Below(penalty, {"scale Const", "L2Loss L2Loss"}), penalty + " Mul",
                                "dense/MatMul MatMul"));
  EXPECT_EQ(Names(graph_.RegularizationLosses()), (Strings{penalty + ":0"}));
}

TEST_P(DenseNamesTest, PartitionedVariables) {  // VS-41
  const Scope scope = scope_.VariableScope("net", {.partitioner = FixedSizePartitioner(3)});
  const Output y = Dense(scope, x_,
                         {.units = 3,
                          .kernel_initializer = initializers::Ones(),
                          .bias_initializer = initializers::Ones(),
                          .name = "d"});
  ASSERT_THAT(graph_.status(), IsOk());
  EXPECT_EQ(Names(graph_.GlobalVariables()),
            (Strings{"net/d/kernel/part_0:0", "net/d/kernel/part_1:0", "net/d/kernel/part_2:0",
                     "net/d/bias/part_0:0", "net/d/bias/part_1:0", "net/d/bias/part_2:0"}));
  EXPECT_EQ(InputsOf("net/d/MatMul"), (Strings{"x:0", "net/d/kernel:0"}));
  EXPECT_EQ(InputsOf("net/d/BiasAdd"), (Strings{"net/d/MatMul:0", "net/d/bias:0"}));
  ExpectClose(Run(y, {{x_, Tensor::Of<float>({1, 4}, {1, 2, 3, 4})}}),
              Tensor::Of<float>({1, 3}, {11, 11, 11}));
}

}  // namespace
}  // namespace sluice::layers
