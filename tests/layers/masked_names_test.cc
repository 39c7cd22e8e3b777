// Every name that the masked layers produce.
#include "graph/partition.h"
#include "layers/masked.h"
#include "layers/masking.h"
#include "layers/regularizers.h"
#include "ops/unary.h"
#include "tests/testing/program/names.h"

namespace sluice::layers {
namespace {

class MaskedNamesTest : public NamesOfKind {
 protected:
  Output Images() { return ops::Placeholder(root_.Named("x"), DType::kFloat, {-1, 28, 28, 1}); }
  std::string Read(const std::string& v) {
    return v + (kind_ == Kind::kReference ? "/read:0" : "/Read/ReadVariableOp:0");
  }
};
INSTANTIATE_TEST_SUITE_P(Kinds, MaskedNamesTest, EitherKind(), NameOfKind);

TEST_P(MaskedNamesTest, Conv2DObject) {  // PR-3
  MaskedConv2DLayer layer({.filters = 8, .kernel_size = 3, .activation = ops::Relu});
  layer(scope_, Images());
  ASSERT_THAT(graph_.status(), IsOk());
  const std::string s = "masked_conv2d";
  EXPECT_EQ(Nodes(1),
            List(ConstantVariable(kind_, s + "/mask", "ones"), GlorotVariable(kind_, s + "/kernel"),
                 ConstantVariable(kind_, s + "/threshold"), s + "/weights/masked_weight Mul",
                 ConstantVariable(kind_, s + "/bias"), s + "/convolution/dilation_rate Const",
                 s + "/convolution Conv2D", s + "/BiasAdd BiasAdd", s + "/Relu Relu"));
  EXPECT_EQ(InputsOf(s + "/weights/masked_weight"),
            (Strings{Read(s + "/mask"), Read(s + "/kernel")}));
  EXPECT_EQ(InputsOf(s + "/convolution"), (Strings{"x:0", s + "/weights/masked_weight:0"}));
  EXPECT_EQ(layer.kernel().shape(), TensorShape({3, 3, 1, 8}));
  EXPECT_EQ(layer.mask().shape(), TensorShape({3, 3, 1, 8}));
  EXPECT_EQ(layer.threshold().shape(), TensorShape({}));
  EXPECT_EQ(layer.bias().shape(), TensorShape({8}));
}

TEST_P(MaskedNamesTest, FullyConnectedObject) {  // PR-3
  MaskedFullyConnectedLayer layer({.units = 10});
  layer(scope_, ops::Placeholder(root_.Named("x"), DType::kFloat, {-1, 4}));
  ASSERT_THAT(graph_.status(), IsOk());
  const std::string s = "masked_fully_connected";
  EXPECT_EQ(
      Nodes(1),
      List(GlorotVariable(kind_, s + "/kernel"), ConstantVariable(kind_, s + "/mask", "ones"),
           ConstantVariable(kind_, s + "/threshold"), s + "/weights/masked_weight Mul",
           ConstantVariable(kind_, s + "/bias"), s + "/MatMul MatMul", s + "/BiasAdd BiasAdd"));
}

TEST_P(MaskedNamesTest, MaskedConv2DTwice) {  // EX-9, PR-4
  const Output x = Images();
  const Output y = MaskedConv2D(scope_, x, {.num_outputs = 8, .kernel_size = 3});
  const int second = graph_.num_nodes();
  MaskedConv2D(scope_, x, {.num_outputs = 8, .kernel_size = 3});
  ASSERT_THAT(graph_.status(), IsOk());
  EXPECT_EQ(y.name(), "Conv/Relu:0");
  const auto expected = [&](const std::string& s) {
    return List(ConstantVariable(kind_, s + "/mask", "ones"), GlorotVariable(kind_, s + "/weights"),
                ConstantVariable(kind_, s + "/threshold"), s + "/weights/masked_weight Mul",
                ConstantVariable(kind_, s + "/biases"), s + "/convolution/dilation_rate Const",
                s + "/convolution Conv2D", s + "/BiasAdd BiasAdd", s + "/Relu Relu");
  };
  Strings all = Nodes(1);
  EXPECT_EQ(Strings(all.begin(), all.begin() + second - 1), expected("Conv"));
  EXPECT_EQ(Nodes(second), expected("Conv_1"));
  const Strings variables = {"Conv/mask:0",        "Conv/weights:0", "Conv/threshold:0",
                             "Conv/biases:0",      "Conv_1/mask:0",  "Conv_1/weights:0",
                             "Conv_1/threshold:0", "Conv_1/biases:0"};
  EXPECT_EQ(
      Collections(),
      (CollectionNames{
          {"variables", variables},
          {"model_variables", variables},
          {"trainable_variables",
           {"Conv/weights:0", "Conv/biases:0", "Conv_1/weights:0", "Conv_1/biases:0"}},
          {"kernel", {"Conv/weights:0", "Conv_1/weights:0"}},
          {"masks", {"Conv/mask:0", "Conv_1/mask:0"}},
          {"thresholds", {"Conv/threshold:0", "Conv_1/threshold:0"}},
          {"masked_weights", {"Conv/weights/masked_weight:0", "Conv_1/weights/masked_weight:0"}}}));
}

TEST_P(MaskedNamesTest, MaskedFullyConnectedTwice) {  // PR-6
  const Output x = ops::Placeholder(root_.Named("x"), DType::kFloat, {-1, 4});
  MaskedFullyConnected(scope_, x, {.num_outputs = 3});
  const Output y = MaskedFullyConnected(scope_, x, {.num_outputs = 3, .activation_fn = {}});
  ASSERT_THAT(graph_.status(), IsOk());
  EXPECT_EQ(y.name(), "fully_connected_1/BiasAdd:0");
  EXPECT_EQ(Names(graph_.ModelVariables()),
            (Strings{"fully_connected/weights:0", "fully_connected/mask:0",
                     "fully_connected/threshold:0", "fully_connected/biases:0",
                     "fully_connected_1/weights:0", "fully_connected_1/mask:0",
                     "fully_connected_1/threshold:0", "fully_connected_1/biases:0"}));
  EXPECT_EQ(Names(graph_.TrainableVariables()),
            (Strings{"fully_connected/weights:0", "fully_connected/biases:0",
                     "fully_connected_1/weights:0", "fully_connected_1/biases:0"}));
}

TEST_P(MaskedNamesTest, ReuseSharesTheVariables) {  // PR-4
  const Output x = Images();
  const MaskedConvolutionOptions first{.num_outputs = 8, .kernel_size = 3, .scope = "c"};
  MaskedConvolutionOptions again = first;
  again.reuse = Reuse::kTrue;
  MaskedConv2D(scope_, x, first);
  const size_t variables = graph_.GlobalVariables().size();
  const int nodes = graph_.num_nodes();
  MaskedConv2D(scope_, x, again);
  ASSERT_THAT(graph_.status(), IsOk());
  EXPECT_EQ(graph_.GlobalVariables().size(), variables);
  EXPECT_EQ(graph_.ModelVariables().size(), variables);
  EXPECT_EQ(pruning::GetMasks(graph_).size(), 1u);
  EXPECT_EQ(Nodes(nodes),
            (Strings{"c_1/weights/masked_weight Mul", "c_1/convolution/dilation_rate Const",
                     "c_1/convolution Conv2D", "c_1/BiasAdd BiasAdd", "c_1/Relu Relu"}));
  EXPECT_EQ(InputsOf("c_1/weights/masked_weight"), (Strings{Read("c/mask"), Read("c/weights")}));
}

TEST_P(MaskedNamesTest, ANormalizerTakesTheBiasesPlace) {  // PR-5
  const NormalizerFn half = [](At at, Output y) { return ops::Neg(at, y); };
  const Output y =
      MaskedConv2D(scope_, Images(), {.num_outputs = 2, .kernel_size = 3, .normalizer_fn = half});
  ASSERT_THAT(graph_.status(), IsOk());
  EXPECT_EQ(graph_.FindNode("Conv/biases"), nullptr);
  EXPECT_EQ(y.name(), "Conv/Relu:0");
  EXPECT_EQ(InputsOf("Conv/Relu"), Strings{"Conv/Neg:0"});
  EXPECT_EQ(InputsOf("Conv/Neg"), Strings{"Conv/convolution:0"});
}

TEST_P(MaskedNamesTest, NoInitializerMeansNoBias) {  // PR-5, SD-7
  const Output y = MaskedConv2D(
      scope_, Images(),
      {.num_outputs = 2, .kernel_size = 3, .activation_fn = {}, .biases_initializer = {}});
  ASSERT_THAT(graph_.status(), IsOk());
  EXPECT_EQ(y.name(), "Conv/convolution:0");
  EXPECT_EQ(graph_.FindNode("Conv/biases"), nullptr);
}

TEST_P(MaskedNamesTest, CollectionsOfTheCaller) {  // PR-5
  const Output x = Images();
  const Output y = MaskedConv2D(scope_, x,
                                {.num_outputs = 2,
                                 .kernel_size = 3,
                                 .variables_collections = {.all = {"mine", "mine"}},
                                 .outputs_collections = {"ends", "more"}});
  MaskedConv2D(scope_, x,
               {.num_outputs = 2,
                .kernel_size = 3,
                .variables_collections = {.weights = {"w"}, .biases = {"b"}},
                .outputs_collections = {"ends"}});
  ASSERT_THAT(graph_.status(), IsOk());
  EXPECT_EQ(Names(graph_.Variables("mine")), (Strings{"Conv/weights:0", "Conv/biases:0"}));
  EXPECT_EQ(Names(graph_.Variables("w")), Strings{"Conv_1/weights:0"});
  EXPECT_EQ(Names(graph_.Variables("b")), Strings{"Conv_1/biases:0"});
  EXPECT_EQ(Names(graph_.OutputsIn("ends")), (Strings{"Conv/Relu:0", "Conv_1/Relu:0"}));
  EXPECT_EQ(Names(graph_.OutputsIn("more")), Strings{y.name()});
}

TEST_P(MaskedNamesTest, NotTrainable) {
  MaskedConv2D(scope_, Images(), {.num_outputs = 2, .kernel_size = 3, .trainable = false});
  EXPECT_TRUE(graph_.TrainableVariables().empty());
  EXPECT_EQ(graph_.ModelVariables().size(), 4u);
}

TEST_P(MaskedNamesTest, OnlyWeightsAndBiasesAreRegularized) {
  const Scope penalized = scope_.VariableScope("p", {.regularizer = L2Regularizer(1)});
  MaskedConv2D(penalized, Images(),
               {.num_outputs = 2, .kernel_size = 3, .weights_regularizer = L1Regularizer(1)});
  ASSERT_THAT(graph_.status(), IsOk());
  const Strings losses = Names(graph_.RegularizationLosses());
  ASSERT_EQ(losses.size(), 2u) << ::testing::PrintToString(losses);
  EXPECT_EQ(losses[0].find("p/Conv/weights/Regularizer/l1_regularizer"), 0u) << losses[0];
  EXPECT_EQ(losses[1].find("p/Conv/biases/Regularizer/l2_regularizer"), 0u) << losses[1];
}

TEST_P(MaskedNamesTest, InsideAScope) {
  const Scope net = scope_.VariableScope("net");
  const Output y = MaskedConv2D(net, Images(), {.num_outputs = 2, .kernel_size = 3});
  EXPECT_EQ(y.name(), "net/Conv/Relu:0");
  EXPECT_EQ(pruning::GetMasks(graph_)[0].name(), "net/Conv/mask:0");
}

TEST_P(MaskedNamesTest, PartitionedWeights) {  // PR-17
  const Scope parts = scope_.VariableScope("p", {.partitioner = FixedSizePartitioner(2)});
  const Output y = MaskedFullyConnected(
      parts, ops::Placeholder(root_.Named("x"), DType::kFloat, {3, 4}), {.num_outputs = 2});
  ASSERT_THAT(graph_.status(), IsOk());
  EXPECT_EQ(pruning::GetMasks(graph_)[0].parts().size(), 2u);
  EXPECT_EQ(pruning::GetWeights(graph_)[0].parts().size(), 2u);
  EXPECT_EQ(
      Run(y, {{graph_.FindNode("x")->output(0), RandomTensor(DType::kFloat, {3, 4})}}).shape(),
      TensorShape({3, 2}));
}

TEST_P(MaskedNamesTest, ConvolutionsOverSequencesAndVolumes) {
  const Output x1 = ops::Placeholder(root_.Named("x1"), DType::kFloat, {-1, 8, 2});
  MaskedConvolution(scope_, x1, {.num_outputs = 3, .kernel_size = 2, .scope = "one"});
  EXPECT_NE(graph_.FindNode("one/convolution/Conv2D"), nullptr);
  EXPECT_EQ(graph_.FindTensor("one/weights/masked_weight:0")->shape(), TensorShape({2, 2, 3}));
  const Output x3 = ops::Placeholder(root_.Named("x3"), DType::kFloat, {-1, 4, 4, 4, 2});
  MaskedConvolution(scope_, x3, {.num_outputs = 3, .kernel_size = 2, .scope = "three"});
  EXPECT_EQ(graph_.FindNode("three/convolution")->op(), "Conv3D");
  EXPECT_EQ(graph_.FindTensor("three/weights/masked_weight:0")->shape(),
            TensorShape({2, 2, 2, 2, 3}));
  EXPECT_THAT(graph_.status(), IsOk());
}

}  // namespace
}  // namespace sluice::layers
