// Every name that DepthwiseConv2D produces.
#include "layers/depthwise_conv2d.h"
#include "ops/relu.h"
#include "tests/testing/program/names.h"

namespace sluice::layers {
namespace {

class DepthwiseConv2DNamesTest : public NamesOfKind {
 protected:
  Output x_ = ops::Placeholder(root_.Named("x"), DType::kFloat, {-1, 8, 8, 3});
  int start_ = graph_.num_nodes();
};
INSTANTIATE_TEST_SUITE_P(Kinds, DepthwiseConv2DNamesTest, EitherKind(), NameOfKind);

TEST_P(DepthwiseConv2DNamesTest, OneLayer) {  // CV-24
  DepthwiseConv2D(scope_, x_, {.kernel_size = 3, .depth_multiplier = 2, .activation = ops::Relu});
  EXPECT_THAT(graph_.status(), IsOk());
  EXPECT_EQ(Nodes(start_),
            List(GlorotVariable(kind_, "depthwise_conv2d/depthwise_kernel"),
                 ConstantVariable(kind_, "depthwise_conv2d/bias"),
                 Below("depthwise_conv2d",
                       {"depthwise/Shape Const", "depthwise/dilation_rate Const",
                        "depthwise DepthwiseConv2dNative", "BiasAdd BiasAdd", "Relu Relu"})));
  const Strings variables = {"depthwise_conv2d/depthwise_kernel:0", "depthwise_conv2d/bias:0"};
  EXPECT_EQ(Collections(),
            (CollectionNames{{"variables", variables}, {"trainable_variables", variables}}));
}

TEST_P(DepthwiseConv2DNamesTest, ReuseByNameAndByObject) {
  DepthwiseConv2D(scope_, x_, {.kernel_size = 3, .use_bias = false, .name = "d"});
  const int start = graph_.num_nodes();
  DepthwiseConv2D(scope_, x_,
                  {.kernel_size = 3, .use_bias = false, .name = "d", .reuse = Reuse::kTrue});
  EXPECT_EQ(Nodes(start), Below("d_1", {"depthwise/Shape Const", "depthwise/dilation_rate Const",
                                        "depthwise DepthwiseConv2dNative"}));
  DepthwiseConv2DLayer layer({.kernel_size = 3});
  layer(scope_, x_);
  EXPECT_EQ(layer(scope_, x_).name(), "depthwise_conv2d/BiasAdd_1:0");
  EXPECT_EQ(Names(graph_.GlobalVariables()),
            (Strings{"d/depthwise_kernel:0", "depthwise_conv2d/depthwise_kernel:0",
                     "depthwise_conv2d/bias:0"}));
  DepthwiseConv2D(scope_, x_, {.kernel_size = 3, .name = "d"});
  ExpectError(absl::StatusCode::kAlreadyExists, "Variable d/depthwise_kernel already exists");
}

}  // namespace
}  // namespace sluice::layers
