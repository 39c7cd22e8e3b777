// Every name that separable_conv2d produces.
#include "layers/conv.h"
#include "layers/separable_conv.h"
#include "ops/relu.h"
#include "tests/testing/program/names.h"

namespace sluice::layers {
namespace {

class SeparableConv2DNamesTest : public NamesOfKind {
 protected:
  Output x_ = ops::Placeholder(root_.Named("x"), DType::kFloat, {-1, 8, 8, 3});
  int start_ = graph_.num_nodes();
};
INSTANTIATE_TEST_SUITE_P(Kinds, SeparableConv2DNamesTest, EitherKind(), NameOfKind);

TEST_P(SeparableConv2DNamesTest, OneLayer) {  // CV-23
  SeparableConv2D(scope_, x_, {.filters = 4, .kernel_size = 3, .activation = ops::Relu});
  EXPECT_THAT(graph_.status(), IsOk());
  // tf.nn.separable_conv2d opens a scope of its own inside the layer's; its last convolution is
  // called like that scope.
  EXPECT_EQ(Nodes(start_),
            List(GlorotVariable(kind_, "separable_conv2d/depthwise_kernel"),
                 GlorotVariable(kind_, "separable_conv2d/pointwise_kernel"),
                 ConstantVariable(kind_, "separable_conv2d/bias"),
                 Below("separable_conv2d/separable_conv2d",
                       {"Shape Const", "dilation_rate Const", "depthwise DepthwiseConv2dNative"}),
                 "separable_conv2d/separable_conv2d Conv2D", "separable_conv2d/BiasAdd BiasAdd",
                 "separable_conv2d/Relu Relu"));
  const Strings variables = {"separable_conv2d/depthwise_kernel:0",
                             "separable_conv2d/pointwise_kernel:0", "separable_conv2d/bias:0"};
  EXPECT_EQ(Collections(),
            (CollectionNames{{"variables", variables}, {"trainable_variables", variables}}));
  ExpectClose(graph_.FindNode("separable_conv2d/separable_conv2d/Shape")->attr<Tensor>("value"),
              Tensor::Of<int32_t>({4}, {3, 3, 3, 1}));
}

TEST_P(SeparableConv2DNamesTest, SecondUnnamedLayer) {  // L-3
  const SeparableConv2DOptions options = {.filters = 3, .kernel_size = 3, .use_bias = false};
  EXPECT_EQ(SeparableConv2D(scope_, x_, options).name(), "separable_conv2d/separable_conv2d:0");
  EXPECT_EQ(SeparableConv2D(scope_, x_, options).name(), "separable_conv2d_1/separable_conv2d:0");
}

}  // namespace
}  // namespace sluice::layers
