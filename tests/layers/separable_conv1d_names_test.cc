// Every name that separable_conv1d produces.
#include "layers/separable_conv.h"
#include "ops/relu.h"
#include "tests/testing/program/names.h"

namespace sluice::layers {
namespace {

class SeparableConv1DNamesTest : public NamesOfKind {
 protected:
  Output x_ = ops::Placeholder(root_.Named("x"), DType::kFloat, {-1, 8, 3});
  int start_ = graph_.num_nodes();
};
INSTANTIATE_TEST_SUITE_P(Kinds, SeparableConv1DNamesTest, EitherKind(), NameOfKind);

TEST_P(SeparableConv1DNamesTest, OneLayer) {  // CV-23
  SeparableConv1D(scope_, x_, {.filters = 4, .kernel_size = 5, .activation = ops::Relu});
  EXPECT_THAT(graph_.status(), IsOk());
  EXPECT_EQ(
      Nodes(start_),
      List(GlorotVariable(kind_, "separable_conv1d/depthwise_kernel"),
           GlorotVariable(kind_, "separable_conv1d/pointwise_kernel"),
           ConstantVariable(kind_, "separable_conv1d/bias"),
           Below("separable_conv1d",
                 {"ExpandDims/dim Const", "ExpandDims ExpandDims", "ExpandDims_1/dim Const",
                  "ExpandDims_1 ExpandDims", "ExpandDims_2/dim Const", "ExpandDims_2 ExpandDims",
                  "separable_conv2d/Shape Const", "separable_conv2d/dilation_rate Const",
                  "separable_conv2d/depthwise DepthwiseConv2dNative", "separable_conv2d Conv2D",
                  "BiasAdd BiasAdd", "Squeeze Squeeze", "Relu Relu"})));
  const Strings variables = {"separable_conv1d/depthwise_kernel:0",
                             "separable_conv1d/pointwise_kernel:0", "separable_conv1d/bias:0"};
  EXPECT_EQ(Collections(),
            (CollectionNames{{"variables", variables}, {"trainable_variables", variables}}));
  EXPECT_EQ(graph_.TrainableVariables()[0].shape(), TensorShape({5, 3, 1}));
  EXPECT_EQ(graph_.TrainableVariables()[1].shape(), TensorShape({1, 3, 4}));
}

}  // namespace
}  // namespace sluice::layers
