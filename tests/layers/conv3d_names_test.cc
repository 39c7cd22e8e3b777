// Every name that conv3d produces (rule CV-22).
#include "layers/conv.h"
#include "ops/relu.h"
#include "tests/testing/program/names.h"

namespace sluice::layers {
namespace {

class Conv3DNamesTest : public NamesOfKind {
 protected:
  Output x_ = ops::Placeholder(root_.Named("x"), DType::kFloat, {-1, 6, 7, 9, 4});
  int start_ = graph_.num_nodes();
};
INSTANTIATE_TEST_SUITE_P(Kinds, Conv3DNamesTest, EitherKind(), NameOfKind);

TEST_P(Conv3DNamesTest, OneLayer) {
  Conv3D(scope_, x_, {.filters = 8, .kernel_size = {1, 2, 3}, .activation = ops::Relu});
  EXPECT_THAT(graph_.status(), IsOk());
  EXPECT_EQ(Nodes(start_),
            List(GlorotVariable(kind_, "conv3d/kernel"), ConstantVariable(kind_, "conv3d/bias"),
                 "conv3d/dilation_rate Const", "conv3d/Conv3D Conv3D", "conv3d/BiasAdd BiasAdd",
                 "conv3d/Relu Relu"));
  const Strings variables = {"conv3d/kernel:0", "conv3d/bias:0"};
  EXPECT_EQ(Collections(),
            (CollectionNames{{"variables", variables}, {"trainable_variables", variables}}));
  EXPECT_EQ(graph_.TrainableVariables()[0].shape(), TensorShape({1, 2, 3, 4, 8}));
  ExpectClose(graph_.FindNode("conv3d/dilation_rate")->attr<Tensor>("value"),
              Tensor::Of<int32_t>({3}, {1, 1, 1}));
}

TEST_P(Conv3DNamesTest, ChannelsFirstAddsTheBiasToImages) {
  const Output x = ops::Placeholder(root_.Named("first"), DType::kFloat, {-1, 4, 6, 7, 9});
  const int start = graph_.num_nodes();
  const Output y = Conv3D(
      scope_, x, {.filters = 8, .kernel_size = 3, .data_format = DataFormat::kChannelsFirst});
  EXPECT_EQ(Nodes(start), List(GlorotVariable(kind_, "conv3d/kernel"),
                               ConstantVariable(kind_, "conv3d/bias"), "conv3d/dilation_rate Const",
                               Below("conv3d", {"Conv3D Conv3D", "Reshape/shape Const",
                                                "Reshape Reshape", "BiasAdd BiasAdd",
                                                "Reshape_1/shape Const", "Reshape_1 Reshape"})));
  ExpectClose(graph_.FindNode("conv3d/Reshape/shape")->attr<Tensor>("value"),
              Tensor::Of<int32_t>({4}, {-1, 8, 4 * 5, 7}));
  EXPECT_EQ(y.shape(), TensorShape({-1, 8, 4, 5, 7}));
}

TEST_P(Conv3DNamesTest, ReuseAddsOnlyOps) {
  Conv3D(scope_, x_, {.filters = 8, .kernel_size = 3, .name = "c"});
  const int start = graph_.num_nodes();
  Conv3D(scope_, x_, {.filters = 8, .kernel_size = 3, .name = "c", .reuse = Reuse::kTrue});
  EXPECT_EQ(Nodes(start),
            (Strings{"c_1/dilation_rate Const", "c_1/Conv3D Conv3D", "c_1/BiasAdd BiasAdd"}));
  EXPECT_EQ(Names(graph_.GlobalVariables()), (Strings{"c/kernel:0", "c/bias:0"}));
}

TEST_P(Conv3DNamesTest, ALayersSecondCallAddsOpsBesideTheFirst) {
  Conv3DLayer layer({.filters = 2, .kernel_size = 3, .name = "c"});
  layer(scope_, x_);
  const int start = graph_.num_nodes();
  layer(scope_, x_);
  EXPECT_EQ(Nodes(start), (Strings{"c/Conv3D_1 Conv3D", "c/BiasAdd_1 BiasAdd"}));
}

}  // namespace
}  // namespace sluice::layers
