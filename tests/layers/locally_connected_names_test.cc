// Every name that locally connected layers produce.
#include "layers/locally_connected.h"
#include "ops/relu.h"
#include "tests/testing/program/names.h"

namespace sluice::layers {
namespace {

class LocallyConnectedNamesTest : public NamesOfKind {
 protected:
  Output x_ = ops::Placeholder(root_.Named("x"), DType::kFloat, {-1, 8, 8, 3});
  int start_ = graph_.num_nodes();
};
INSTANTIATE_TEST_SUITE_P(Kinds, LocallyConnectedNamesTest, EitherKind(), NameOfKind);

TEST_P(LocallyConnectedNamesTest, OneLayer) {  // CV-26
  LocallyConnected2D(scope_, x_, {.filters = 4, .kernel_size = 3, .activation = ops::Relu});
  EXPECT_THAT(graph_.status(), IsOk());
  EXPECT_EQ(Nodes(start_),
            List(GlorotVariable(kind_, "locally_connected2d/kernel"),
                 ConstantVariable(kind_, "locally_connected2d/bias"),
                 Below("locally_connected2d",
                       {"LocallyConnected2D LocallyConnected2D", "Reshape/shape Const",
                        "Reshape Reshape", "add AddV2", "Relu Relu"})));
  const Strings variables = {"locally_connected2d/kernel:0", "locally_connected2d/bias:0"};
  EXPECT_EQ(Collections(),
            (CollectionNames{{"variables", variables}, {"trainable_variables", variables}}));
}

TEST_P(LocallyConnectedNamesTest, OfSequences) {
  const Output x = ops::Placeholder(root_.Named("sequence"), DType::kFloat, {-1, 8, 3});
  const int start = graph_.num_nodes();
  LocallyConnected1D(scope_, x, {.filters = 4, .kernel_size = 3, .use_bias = false});
  EXPECT_EQ(Nodes(start),
            List(GlorotVariable(kind_, "locally_connected1d/kernel"),
                 Below("locally_connected1d",
                       {"ExpandDims/dim Const", "ExpandDims ExpandDims",
                        "LocallyConnected2D LocallyConnected2D", "Squeeze Squeeze"})));
}

TEST_P(LocallyConnectedNamesTest, ReuseByNameAndByObject) {
  const LocallyConnected2DOptions options = {.filters = 4, .kernel_size = 3, .name = "l"};
  LocallyConnected2D(scope_, x_, options);
  LocallyConnected2DOptions again = options;
  again.reuse = Reuse::kTrue;
  const int start = graph_.num_nodes();
  LocallyConnected2D(scope_, x_, again);
  EXPECT_EQ(Nodes(start), Below("l_1", {"LocallyConnected2D LocallyConnected2D",
                                        "Reshape/shape Const", "Reshape Reshape", "add AddV2"}));
  EXPECT_EQ(Names(graph_.GlobalVariables()), (Strings{"l/kernel:0", "l/bias:0"}));
  LocallyConnected2DLayer layer({.filters = 4, .kernel_size = 3});
  layer(scope_, x_);
  layer(scope_, x_);
  EXPECT_EQ(graph_.GlobalVariables().size(), 4u);
  LocallyConnected2D(scope_, x_, options);
  ExpectError(absl::StatusCode::kAlreadyExists, "Variable l/kernel already exists");
}

TEST_P(LocallyConnectedNamesTest, AScopesInitializerIsNotTheirs) {  // the class names its own
  const Scope scope =
      scope_.VariableScope("s", {.initializer = [](At at, const TensorShape& shape, DType dtype) {
                             return ZerosInitializer(at, shape, dtype);
                           }});
  LocallyConnected2D(scope, x_, {.filters = 4, .kernel_size = 3});
  EXPECT_NE(graph_.FindNode("s/locally_connected2d/kernel/Initializer/random_uniform"), nullptr);
}

}  // namespace
}  // namespace sluice::layers
