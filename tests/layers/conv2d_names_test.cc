// Every name that conv2d produces.
#include "graph/gradients.h"
#include "graph/partition.h"
#include "layers/conv.h"
#include "ops/relu.h"
#include "tests/testing/program/names.h"

namespace sluice::layers {
namespace {

class Conv2DNamesTest : public NamesOfKind {
 protected:
  Output x_ = ops::Placeholder(root_.Named("x"), DType::kFloat, {-1, 28, 28, 1});
  int start_ = graph_.num_nodes();
  // The read that all uses of a variable share.
  std::string Read() const {
    return kind_ == Kind::kReference ? "/read:0" : "/Read/ReadVariableOp:0";
  }
};
INSTANTIATE_TEST_SUITE_P(Kinds, Conv2DNamesTest, EitherKind(), NameOfKind);

TEST_P(Conv2DNamesTest, OneLayer) {  // EX-1
  Conv2D(scope_, x_, {.filters = 32, .kernel_size = 3, .activation = ops::Relu, .name = "conv1"});
  EXPECT_THAT(graph_.status(), IsOk());
  EXPECT_EQ(Nodes(start_), List(GlorotVariable(kind_, "conv1/kernel"),
                                ConstantVariable(kind_, "conv1/bias"), "conv1/dilation_rate Const",
                                "conv1/Conv2D Conv2D", "conv1/BiasAdd BiasAdd", "conv1/Relu Relu"));
  const Strings variables = {"conv1/kernel:0", "conv1/bias:0"};
  EXPECT_EQ(Collections(),
            (CollectionNames{{"variables", variables}, {"trainable_variables", variables}}));
  EXPECT_EQ(InputsOf("conv1/Conv2D"), (Strings{"x:0", "conv1/kernel" + Read()}));
  EXPECT_EQ(InputsOf("conv1/BiasAdd"), (Strings{"conv1/Conv2D:0", "conv1/bias" + Read()}));
  ExpectClose(graph_.FindNode("conv1/dilation_rate")->attr<Tensor>("value"),
              Tensor::Of<int32_t>({2}, {1, 1}));
}

TEST_P(Conv2DNamesTest, ReuseAddsOnlyOps) {  // EX-2
  Conv2D(scope_, x_, {.filters = 32, .kernel_size = 3, .activation = ops::Relu, .name = "conv1"});
  const Output x2 = ops::Placeholder(root_.Named("x2"), DType::kFloat, {-1, 28, 28, 1});
  const int start = graph_.num_nodes();
  Conv2D(scope_, x2, {.filters = 32, .kernel_size = 3, .name = "conv1", .reuse = Reuse::kTrue});
  EXPECT_THAT(graph_.status(), IsOk());
  EXPECT_EQ(Nodes(start), (Strings{"conv1_1/dilation_rate Const", "conv1_1/Conv2D Conv2D",
                                   "conv1_1/BiasAdd BiasAdd"}));
  EXPECT_EQ(InputsOf("conv1_1/Conv2D"), (Strings{"x2:0", "conv1/kernel" + Read()}));
  EXPECT_EQ(InputsOf("conv1_1/BiasAdd"), (Strings{"conv1_1/Conv2D:0", "conv1/bias" + Read()}));
  EXPECT_EQ(Names(graph_.GlobalVariables()), (Strings{"conv1/kernel:0", "conv1/bias:0"}));
}

TEST_P(Conv2DNamesTest, ALayersSecondCallAddsOpsBesideTheFirst) {  // L-5
  Conv2DLayer layer({.filters = 2, .kernel_size = 3});
  layer(scope_, x_);
  const int start = graph_.num_nodes();
  layer(scope_, x_);
  EXPECT_EQ(Nodes(start), (Strings{"conv2d/Conv2D_1 Conv2D", "conv2d/BiasAdd_1 BiasAdd"}));
}

TEST_P(Conv2DNamesTest, WithoutBias) {
  Conv2D(scope_, x_, {.filters = 2, .kernel_size = 3, .use_bias = false});
  EXPECT_EQ(Nodes(start_), List(GlorotVariable(kind_, "conv2d/kernel"),
                                "conv2d/dilation_rate Const", "conv2d/Conv2D Conv2D"));
}

TEST_P(Conv2DNamesTest, Gradients) {  // EX-5
  // Above a layer, so that the gradient of the input is needed, too.
  const Output below = Conv2D(scope_, x_, {.filters = 2, .kernel_size = 1, .name = "below"});
  const Output y = Conv2D(
      scope_, below, {.filters = 2, .kernel_size = 3, .activation = ops::Relu, .name = "conv1"});
  Outputs handles;
  for (const Variable& v : graph_.TrainableVariables()) handles.push_back(v.handle());
  for (const Output& g : Gradients(root_, {y}, handles, {.gate_gradients = true}))
    EXPECT_FALSE(g.empty());
  EXPECT_THAT(graph_.status(), IsOk());
  for (const char* name :
       {"gradients/Shape", "gradients/grad_ys_0", "gradients/Fill",
        "gradients/conv1/Relu_grad/ReluGrad", "gradients/conv1/BiasAdd_grad/BiasAddGrad",
        "gradients/conv1/BiasAdd_grad/tuple/group_deps",
        "gradients/conv1/BiasAdd_grad/tuple/control_dependency",
        "gradients/conv1/BiasAdd_grad/tuple/control_dependency_1",
        "gradients/conv1/Conv2D_grad/ShapeN", "gradients/conv1/Conv2D_grad/Conv2DBackpropInput",
        "gradients/conv1/Conv2D_grad/Conv2DBackpropFilter",
        "gradients/conv1/Conv2D_grad/tuple/group_deps",
        "gradients/conv1/Conv2D_grad/tuple/control_dependency",
        "gradients/conv1/Conv2D_grad/tuple/control_dependency_1"}) {
    EXPECT_NE(graph_.FindNode(name), nullptr) << name;
  }
}

TEST_P(Conv2DNamesTest, PartitionedVariables) {  // VS-41
  const Scope scope = scope_.VariableScope("net", {.partitioner = FixedSizePartitioner(2, 3)});
  const auto no_bias = [&](const Output& x) {
    return Conv2D(scope, x, {.filters = 3, .kernel_size = 1, .use_bias = false, .name = "conv1"});
  };
  const Output y = no_bias(x_);
  ASSERT_THAT(graph_.status(), IsOk());
  EXPECT_EQ(Names(graph_.TrainableVariables()),
            (Strings{"net/conv1/kernel/part_0:0", "net/conv1/kernel/part_1:0"}));
  EXPECT_EQ(InputsOf("net/conv1/Conv2D"), (Strings{"x:0", "net/conv1/kernel:0"}));
  EXPECT_EQ(InputsOf("net/conv1/kernel"), (Strings{"net/conv1/kernel/ConcatPartitions/concat:0"}));
  EXPECT_EQ(Run(y, {{x_, Tensor::Zeros(DType::kFloat, {1, 28, 28, 1})}}).shape(),
            TensorShape({1, 28, 28, 3}));
}

}  // namespace
}  // namespace sluice::layers
