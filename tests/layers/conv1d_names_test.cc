// Every name that conv1d produces (rules CV-20, SD-8).
#include "layers/conv.h"
#include "ops/relu.h"
#include "tests/testing/program/names.h"

namespace sluice::layers {
namespace {

class Conv1DNamesTest : public NamesOfKind {
 protected:
  Output x_ = ops::Placeholder(root_.Named("x"), DType::kFloat, {-1, 28, 3});
  int start_ = graph_.num_nodes();
  Strings Lowered(const std::string& scope) const {
    return Below(scope, {"ExpandDims/dim Const", "ExpandDims ExpandDims", "ExpandDims_1/dim Const",
                         "ExpandDims_1 ExpandDims", "Conv2D Conv2D", "Squeeze Squeeze"});
  }
};
INSTANTIATE_TEST_SUITE_P(Kinds, Conv1DNamesTest, EitherKind(), NameOfKind);

TEST_P(Conv1DNamesTest, OneLayer) {
  Conv1D(scope_, x_, {.filters = 8, .kernel_size = 5, .activation = ops::Relu});
  EXPECT_THAT(graph_.status(), IsOk());
  EXPECT_EQ(Nodes(start_),
            List(GlorotVariable(kind_, "conv1d/kernel"), ConstantVariable(kind_, "conv1d/bias"),
                 "conv1d/dilation_rate Const", Lowered("conv1d/conv1d"), "conv1d/BiasAdd BiasAdd",
                 "conv1d/Relu Relu"));
  const Strings variables = {"conv1d/kernel:0", "conv1d/bias:0"};
  EXPECT_EQ(Collections(),
            (CollectionNames{{"variables", variables}, {"trainable_variables", variables}}));
  EXPECT_EQ(graph_.TrainableVariables()[0].shape(), TensorShape({5, 3, 8}));
  EXPECT_EQ(graph_.TrainableVariables()[1].shape(), TensorShape({8}));
  ExpectClose(graph_.FindNode("conv1d/dilation_rate")->attr<Tensor>("value"),
              Tensor::Of<int32_t>({1}, {1}));
}

TEST_P(Conv1DNamesTest, Causal) {
  Conv1D(scope_, x_,
         {.filters = 8, .kernel_size = 5, .padding = Padding::kCausal, .use_bias = false});
  EXPECT_EQ(Nodes(start_),
            List(GlorotVariable(kind_, "conv1d/kernel"), "conv1d/dilation_rate Const",
                 "conv1d/Pad/paddings Const", "conv1d/Pad Pad", Lowered("conv1d/conv1d")));
  ExpectClose(graph_.FindNode("conv1d/Pad/paddings")->attr<Tensor>("value"),
              Tensor::Of<int32_t>({3, 2}, {0, 0, 4, 0, 0, 0}));
}

TEST_P(Conv1DNamesTest, ChannelsFirstAddsAReshapedBias) {
  const Output x = ops::Placeholder(root_.Named("first"), DType::kFloat, {-1, 3, -1});
  const int start = graph_.num_nodes();
  const Output y = Conv1D(
      scope_, x, {.filters = 8, .kernel_size = 5, .data_format = DataFormat::kChannelsFirst});
  EXPECT_EQ(Nodes(start),
            List(GlorotVariable(kind_, "conv1d/kernel"), ConstantVariable(kind_, "conv1d/bias"),
                 "conv1d/dilation_rate Const", Lowered("conv1d/conv1d"),
                 "conv1d/Reshape/shape Const", "conv1d/Reshape Reshape", "conv1d/add AddV2"));
  EXPECT_EQ(y.shape(), TensorShape({-1, 8, -1}));
}

TEST_P(Conv1DNamesTest, ReuseAddsOnlyOps) {
  Conv1D(scope_, x_, {.filters = 8, .kernel_size = 5, .name = "c"});
  const int start = graph_.num_nodes();
  Conv1D(scope_, x_, {.filters = 8, .kernel_size = 5, .name = "c", .reuse = Reuse::kTrue});
  EXPECT_THAT(graph_.status(), IsOk());
  EXPECT_EQ(Nodes(start),
            List("c_1/dilation_rate Const", Lowered("c_1/conv1d"), "c_1/BiasAdd BiasAdd"));
  EXPECT_EQ(Names(graph_.GlobalVariables()), (Strings{"c/kernel:0", "c/bias:0"}));
}

TEST_P(Conv1DNamesTest, ALayersSecondCallAddsOpsBesideTheFirst) {
  Conv1DLayer layer({.filters = 2, .kernel_size = 3});
  layer(scope_, x_);
  const int start = graph_.num_nodes();
  layer(scope_, x_);
  EXPECT_EQ(Nodes(start), List(Lowered("conv1d/conv1d_1"), "conv1d/BiasAdd_1 BiasAdd"));
}

TEST_P(Conv1DNamesTest, WithoutReuseANameServesOnce) {  // VS-1, VS-3
  Conv1D(scope_, x_, {.filters = 2, .kernel_size = 3, .name = "c"});
  Conv1D(scope_, x_, {.filters = 2, .kernel_size = 3, .name = "c"});
  ExpectError(absl::StatusCode::kAlreadyExists, "Variable c/kernel already exists");
}

TEST_P(Conv1DNamesTest, ReuseOfNothing) {
  Conv1D(scope_, x_, {.filters = 2, .kernel_size = 3, .reuse = Reuse::kTrue});
  ExpectError(absl::StatusCode::kNotFound, "Variable conv1d/kernel does not exist");
}

TEST_P(Conv1DNamesTest, UnnamedTwice) {  // L-3
  Conv1D(scope_, x_, {.filters = 2, .kernel_size = 3});
  Conv1D(scope_, x_, {.filters = 2, .kernel_size = 3});
  EXPECT_EQ(Names(graph_.TrainableVariables()),
            (Strings{"conv1d/kernel:0", "conv1d/bias:0", "conv1d_1/kernel:0", "conv1d_1/bias:0"}));
}

}  // namespace
}  // namespace sluice::layers
