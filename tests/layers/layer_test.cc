// What all layers share: names, scopes, reuse, errors (rules L-2, L-3, L-5, L-7, L-14).
#include "layers/layer.h"

#include "layers/batch_norm.h"
#include "layers/conv.h"
#include "layers/dense.h"
#include "layers/initializers.h"
#include "tests/testing/program/program_fixture.h"

namespace sluice::layers {
namespace {

class LayerTest : public ProgramFixture {
 protected:
  Output x_ = Input({-1, 3});
};

// --- functions ---

TEST_F(LayerTest, UnnamedFunctionTwiceMakesFourVariables) {  // L-3, EX-3
  const Output a = Dense(root_, x_, {.units = 10});
  const Output b = Dense(root_, a, {.units = 10});
  EXPECT_EQ(Names(graph_.GlobalVariables()),
            (Strings{"dense/kernel:0", "dense/bias:0", "dense_1/kernel:0", "dense_1/bias:0"}));
  EXPECT_EQ(Names(graph_.TrainableVariables()), Names(graph_.GlobalVariables()));
  EXPECT_EQ(a.name(), "dense/BiasAdd:0");
  EXPECT_EQ(b.name(), "dense_1/BiasAdd:0");
  EXPECT_NE(graph_.FindNode("dense_1/MatMul"), nullptr);
}

TEST_F(LayerTest, NamedFunctionTwiceIsRefused) {
  Dense(root_, x_, {.units = 2, .name = "my"});
  EXPECT_TRUE(Dense(root_, x_, {.units = 2, .name = "my"}).empty());
  ExpectError(absl::StatusCode::kAlreadyExists,
              "Variable my/kernel already exists, disallowed. Did you mean to set reuse=True or "
              "reuse=tf.AUTO_REUSE in VarScope?");
  ExpectError(absl::StatusCode::kAlreadyExists, "layer_test.cc:");
}

TEST_F(LayerTest, NamedFunctionSharesWithReuse) {  // EX-2
  const Output a = Dense(root_, x_, {.units = 2, .name = "my"});
  const Output b = Dense(root_, x_, {.units = 2, .name = "my", .reuse = Reuse::kTrue});
  EXPECT_THAT(graph_.status(), IsOk());
  EXPECT_EQ(Names(graph_.GlobalVariables()), (Strings{"my/kernel:0", "my/bias:0"}));
  EXPECT_EQ(a.name(), "my/BiasAdd:0");
  EXPECT_EQ(b.name(), "my_1/BiasAdd:0");
  EXPECT_EQ(a.node()->input(1), b.node()->input(1));  // the same read of my/bias
}

TEST_F(LayerTest, NamedFunctionSharesUnderAutoReuse) {
  const Scope scope = root_.VariableScope("net", {.reuse = Reuse::kAuto});
  Dense(scope, x_, {.units = 2, .name = "my"});
  Dense(scope, x_, {.units = 2, .name = "my"});
  EXPECT_THAT(graph_.status(), IsOk());
  EXPECT_EQ(Names(graph_.GlobalVariables()), (Strings{"net/my/kernel:0", "net/my/bias:0"}));
}

TEST_F(LayerTest, ReuseOfWhatIsNotThereIsRefused) {
  Dense(root_, x_, {.units = 2, .name = "my", .reuse = Reuse::kTrue});
  ExpectError(absl::StatusCode::kNotFound,
              "Variable my/kernel does not exist, or was not created with tf.get_variable()");
}

TEST_F(LayerTest, ReuseWithAnotherSizeIsRefused) {  // VS-2
  Dense(root_, x_, {.units = 2, .name = "my"});
  Dense(root_, x_, {.units = 5, .name = "my", .reuse = Reuse::kTrue});
  ExpectInvalid("Trying to share variable my/kernel");
}

Output TwoLayers(Scope s, Output x) {
  const Output hidden = Dense(s, x, {.units = 4});
  return Dense(s, hidden, {.units = 2, .name = "logits"});
}

TEST_F(LayerTest, SecondTowerThroughWithReuseShares) {
  const Scope net = root_.VariableScope("net");
  const Output a = TwoLayers(net, x_);
  const Output y = ops::Placeholder(root_.Named("y"), DType::kFloat, {5, 3});
  const Output b = TwoLayers(net.WithReuse(), y);
  ASSERT_THAT(graph_.status(), IsOk());
  EXPECT_EQ(Names(graph_.GlobalVariables()), (Strings{"net/dense/kernel:0", "net/dense/bias:0",
                                                      "net/logits/kernel:0", "net/logits/bias:0"}));
  EXPECT_EQ(a.name(), "net/logits/BiasAdd:0");
  EXPECT_EQ(b.name(), "net_1/logits/BiasAdd:0");
  EXPECT_NE(graph_.FindNode("net_1/dense/MatMul"), nullptr);
  EXPECT_EQ(b.shape(), TensorShape({5, 2}));
  EXPECT_EQ(a.node()->input(1), b.node()->input(1));
}

TEST_F(LayerTest, SecondTowerOfTheRootShares) {
  TwoLayers(root_, x_);
  TwoLayers(root_.WithReuse(), x_);
  EXPECT_THAT(graph_.status(), IsOk());
  EXPECT_EQ(graph_.GlobalVariables().size(), 4u);
}

TEST_F(LayerTest, NamesTakeTheScopesPrefix) {
  const Scope a = root_.VariableScope("a");
  EXPECT_EQ(Dense(a, x_, {.units = 1}).name(), "a/dense/BiasAdd:0");
  // A name scope is in the names of ops, not in those of variables.
  EXPECT_EQ(Dense(root_.Sub("ops"), x_, {.units = 1}).name(), "ops/dense/BiasAdd:0");
  EXPECT_EQ(Names(graph_.GlobalVariables()),
            (Strings{"a/dense/kernel:0", "a/dense/bias:0", "dense/kernel:0", "dense/bias:0"}));
}

// --- objects ---

TEST_F(LayerTest, ObjectsGetScopesOfTheirOwn) {  // L-3
  DenseLayer a({.units = 2}), b({.units = 2});
  DenseLayer c({.units = 2, .name = "my"}), d({.units = 2, .name = "my"});
  EXPECT_THAT(a.scope_name().status(), StatusIs(absl::StatusCode::kFailedPrecondition,
                                                "No name available for layer scope"));  // L-4
  EXPECT_FALSE(a.built());
  for (DenseLayer* layer : {&a, &b, &c, &d}) (*layer)(root_, x_);
  EXPECT_THAT(graph_.status(), IsOk());
  EXPECT_EQ(*a.scope_name(), "dense");
  EXPECT_EQ(*b.scope_name(), "dense_1");
  EXPECT_EQ(*c.scope_name(), "my");
  EXPECT_EQ(*d.scope_name(), "my_1");
  EXPECT_TRUE(a.built());
  EXPECT_EQ(Names(d.variables()), (Strings{"my_1/kernel:0", "my_1/bias:0"}));
}

TEST_F(LayerTest, SecondCallSharesAndAddsOpsBeside) {  // L-5
  DenseLayer layer({.units = 2});
  const Output first = layer(root_, x_);
  const int before = graph_.num_nodes();
  const Output second = layer(root_.Sub("elsewhere"), x_);
  EXPECT_EQ(first.name(), "dense/BiasAdd:0");
  EXPECT_EQ(second.name(), "dense/BiasAdd_1:0");
  EXPECT_EQ(NodeNames(before), (Strings{"dense/MatMul_1", "dense/BiasAdd_1"}));
  EXPECT_EQ(layer.variables().size(), 2u);
  EXPECT_EQ(graph_.GlobalVariables().size(), 2u);
}

TEST_F(LayerTest, ObjectTakesTheScopeOfItsFirstCall) {
  DenseLayer layer({.units = 2});
  layer(root_.VariableScope("a"), x_);
  layer(root_.VariableScope("b"), x_);
  EXPECT_EQ(*layer.scope_name(), "a/dense");
  EXPECT_EQ(graph_.GlobalVariables().size(), 2u);
}

TEST_F(LayerTest, ControlInputsAreThoseOfTheCall) {
  DenseLayer layer({.units = 2, .use_bias = false});
  const Output before = ops::Const(root_.Named("before"), 1.0f);
  const Output first = layer(root_, x_);
  const Output second = layer(root_.After({before}), x_);
  const Output third = layer(root_, x_);
  EXPECT_TRUE(first.node()->control_inputs().empty());
  ASSERT_EQ(second.node()->control_inputs().size(), 1u);
  EXPECT_EQ(second.node()->control_inputs()[0]->name(), "before");
  EXPECT_TRUE(third.node()->control_inputs().empty());
}

TEST_F(LayerTest, ASecondInputOfAnotherWidthIsRefused) {
  DenseLayer layer({.units = 2});
  layer(root_, x_);
  EXPECT_TRUE(layer(root_, ops::Placeholder(root_, DType::kFloat, {7, 4})).empty());
  ExpectInvalid("expected axis -1 of input shape to have value 3 but got shape [7,4]");  // L-11
}

TEST_F(LayerTest, AnotherGraphIsRefused) {  // L-5
  DenseLayer layer({.units = 2});
  layer(root_, x_);
  Graph other(ops::Builtin());
  const Scope scope = Scope::Root(other);
  EXPECT_TRUE(layer(scope, ops::Placeholder(scope, DType::kFloat, {1, 3})).empty());
  EXPECT_THAT(other.status(), StatusIs(absl::StatusCode::kInvalidArgument,
                                       "Input graph and Layer graph are not the same"));
  EXPECT_THAT(graph_.status(), IsOk());
}

TEST_F(LayerTest, CountsParameters) {  // L-14
  Conv2DLayer conv({.filters = 32, .kernel_size = {5, 3}});
  EXPECT_THAT(conv.CountParams().status(), StatusIs(absl::StatusCode::kFailedPrecondition,
                                                    "You tried to call `count_params` on"));
  conv(root_, Input({-1, 28, 28, 3}));
  EXPECT_EQ(*conv.CountParams(), 5 * 3 * 3 * 32 + 32);
}

TEST_F(LayerTest, NotTrainable) {  // L-7
  DenseLayer layer({.units = 2, .trainable = false});
  layer(root_, x_);
  EXPECT_EQ(layer.variables().size(), 2u);
  EXPECT_TRUE(layer.trainable_variables().empty());
  EXPECT_TRUE(graph_.TrainableVariables().empty());
  EXPECT_EQ(graph_.GlobalVariables().size(), 2u);
}

TEST_F(LayerTest, MovingMomentsAreNotTrainable) {
  BatchNormalizationLayer layer({});
  layer(root_, x_);
  EXPECT_EQ(Names(layer.trainable_variables()),
            (Strings{"batch_normalization/gamma:0", "batch_normalization/beta:0"}));
}

TEST_F(LayerTest, AnEmptyInputGivesAnEmptyOutputAndNoNodes) {
  EXPECT_TRUE(Dense(root_, Output(), {.units = 2}).empty());
  EXPECT_EQ(graph_.num_nodes(), 1);
}

TEST_F(LayerTest, ErrorsNameTheLayerAndTheCallersLine) {
  const int line = __LINE__ + 1;
  Dense(root_.Sub("net"), x_, {.units = 0, .name = "head"});
  ExpectInvalid("The `units` argument must be > 0. Received: 0");
  ExpectInvalid("head");
  ExpectInvalid("layer_test.cc:" + std::to_string(line));
}

TEST_F(LayerTest, ScopesInitializerServesKernelsNotBiases) {  // CV-15
  const Scope scope = root_.VariableScope("s", {.initializer = initializers::Constant(0.5)});
  Dense(scope, x_, {.units = 1});
  const auto& variables = graph_.GlobalVariables();
  ASSERT_EQ(variables.size(), 2u);
  ExpectClose(Run(variables[0].value()), Tensor::Of<float>({3, 1}, {0.5, 0.5, 0.5}));
  ExpectClose(Run(variables[1].value()), Tensor::Of<float>({1}, {0}));
}

TEST_F(LayerTest, VariablesTakeTheInputsDtype) {
  Dense(root_, Input({1, 2}, DType::kDouble), {.units = 1});
  for (const Variable& v : graph_.GlobalVariables()) EXPECT_EQ(v.dtype(), DType::kDouble);
}

// --- `training` ---

TEST_F(LayerTest, TrainingMustBeABoolScalarOfTheGraph) {
  EXPECT_THAT(Training(true).Check(graph_), IsOk());
  EXPECT_THAT(Training(ops::Const(root_, true)).Check(graph_), IsOk());
  EXPECT_THAT(Training(ops::Const(root_, 1.0f)).Check(graph_),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       "`training` must be a bool scalar, got float32[]"));
  EXPECT_THAT(Training(Input({2}, DType::kBool)).Check(graph_),
              StatusIs(absl::StatusCode::kInvalidArgument, "got bool[2]"));
  Graph other(ops::Builtin());
  EXPECT_THAT(Training(ops::Const(root_, true)).Check(other),
              StatusIs(absl::StatusCode::kInvalidArgument, "not an element of this graph"));
}

TEST_F(LayerTest, TrainingIsKnownWhenItIsConstant) {
  EXPECT_EQ(Training(true).Known(), true);
  EXPECT_EQ(Training().Known(), false);
  EXPECT_EQ(Training(ops::Const(root_, true)).Known(), true);
  EXPECT_EQ(Training(Input({}, DType::kBool)).Known(), std::nullopt);
}

}  // namespace
}  // namespace sluice::layers
