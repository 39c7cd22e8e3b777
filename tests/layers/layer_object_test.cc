// Losses, updates, calls, weights and masks of layer objects (rules L-6 to L-15, L-18).
#include "layers/batch_norm.h"
#include "layers/core_layers.h"
#include "layers/dense.h"
#include "layers/initializers.h"
#include "layers/regularizers.h"
#include "ops/reduction.h"
#include "tests/testing/program/program_fixture.h"

namespace sluice::layers {
namespace {

auto NotYet(const std::string& text) {
  return StatusIs(absl::StatusCode::kFailedPrecondition, text);
}
auto Invalid(const std::string& text) { return StatusIs(absl::StatusCode::kInvalidArgument, text); }

Output SumOf(At at, const Output& x) {
  return at.Node(
      "Sum", {x, at.Node("Const", {},
                         {{"value", Tensor::Of<int32_t>({2}, {0, 1})}, {"dtype", DType::kInt32}})});
}

class LayerObjectTest : public ProgramFixture {
 protected:
  Output x_ = Input({-1, 3});
};

// --- names ---

TEST_F(LayerObjectTest, LayersWithoutNameAreNumberedByClass) {  // L-2
  DenseLayer a({.units = 2}), b({.units = 2}), c({.units = 2, .name = "mine"});
  EXPECT_EQ(a.name(), "");
  a(root_, x_);
  b(root_, x_);
  c(root_, x_);
  EXPECT_EQ(a.name(), "dense_1");
  EXPECT_EQ(b.name(), "dense_2");
  EXPECT_EQ(c.name(), "mine");
  EXPECT_EQ(*a.scope_name(), "dense");
}

// --- variables ---

TEST_F(LayerObjectTest, VariablesAreAddedOutsideBuild) {  // L-6
  DenseLayer layer({.units = 2});
  const Variable extra = layer.AddWeight(root_, "extra", {.shape = {4}, .trainable = false});
  layer(root_, x_);
  EXPECT_THAT(graph_.status(), IsOk());
  EXPECT_EQ(extra.name(), "dense/extra:0");
  EXPECT_EQ(extra.dtype(), DType::kFloat);
  EXPECT_EQ(Names(layer.weights()), (Strings{"dense/kernel:0", "dense/bias:0", "dense/extra:0"}));
  EXPECT_EQ(*layer.CountParams(), 3 * 2 + 2 + 4);
}

TEST_F(LayerObjectTest, ABuiltLayerMakesNoNewVariables) {  // L-5
  DenseLayer layer({.units = 2});
  layer(root_, x_);
  EXPECT_EQ(layer.AddWeight(root_, "kernel", {.shape = {3, 2}}), layer.kernel());
  EXPECT_TRUE(layer.AddWeight(root_, "late", {.shape = {4}}).empty());
  ExpectError(absl::StatusCode::kNotFound, "Variable dense/late does not exist");
}

TEST_F(LayerObjectTest, BuildForMakesTheVariables) {
  DenseLayer layer({.units = 2});
  EXPECT_THAT(layer.BuildFor(root_, {{-1, 5}}), IsOk());
  EXPECT_TRUE(layer.built());
  EXPECT_EQ(layer.num_calls(), 0);
  EXPECT_EQ(layer.kernel().shape(), TensorShape({5, 2}));
  EXPECT_EQ(*layer.CountParams(), 12);
  EXPECT_TRUE(layer(root_, x_).empty());
  ExpectInvalid("expected axis -1 of input shape to have value 5");
}

TEST_F(LayerObjectTest, TheTrainableSwitchMovesWeightsBetweenLists) {  // L-7
  BatchNormalizationLayer layer({});
  layer(root_, x_);
  const std::string s = "batch_normalization/";
  EXPECT_EQ(Names(layer.weights()),
            (Strings{s + "gamma:0", s + "beta:0", s + "moving_mean:0", s + "moving_variance:0"}));
  layer.set_trainable(false);
  EXPECT_TRUE(layer.trainable_weights().empty());
  EXPECT_EQ(layer.non_trainable_weights().size(), 4u);
  EXPECT_EQ(graph_.TrainableVariables().size(), 2u);  // the collection stays
  layer.set_trainable(true);
  EXPECT_EQ(layer.trainable_weights().size(), 2u);
}

TEST_F(LayerObjectTest, WeightsAreReadAndWritten) {  // L-15
  DenseLayer layer({.units = 1, .kernel_initializer = initializers::Constant(2)});
  const Output y = layer(root_, x_);
  const Feeds feeds = {{x_, Tensor::Of<float>({1, 3}, {1, 10, 100})}};
  ExpectClose(Run(y, feeds), Tensor::Of<float>({1, 1}, {222}));
  auto weights = layer.GetWeights(*session_);
  ASSERT_THAT(weights, IsOk());
  ASSERT_EQ(weights->size(), 2u);
  ExpectClose((*weights)[0], Tensor::Of<float>({3, 1}, {2, 2, 2}));
  EXPECT_THAT(layer.SetWeights(
                  *session_, {Tensor::Of<float>({3, 1}, {1, 2, 3}), Tensor::Of<float>({1}, {0.5})}),
              IsOk());
  ExpectClose(Run(y, feeds), Tensor::Of<float>({1, 1}, {321.5}));
}

TEST_F(LayerObjectTest, WeightsOfOtherNumberOrShapeAreRefused) {  // L-15
  DenseLayer layer({.units = 1});
  Run(layer(root_, x_), {{x_, Tensor::Zeros(DType::kFloat, {1, 3})}});
  EXPECT_THAT(layer.SetWeights(*session_, {Tensor::Zeros(DType::kFloat, {3, 1})}),
              Invalid("with a  weight list of length 1, but the layer was expecting 2 weights"));
  EXPECT_THAT(layer.SetWeights(*session_, {Tensor::Zeros(DType::kFloat, {3, 2}),
                                           Tensor::Zeros(DType::kFloat, {1})}),
              Invalid("not compatible with provided weight shape [3,2]"));
}

// --- losses and updates ---

TEST_F(LayerObjectTest, RegularizersAreLossesOnce) {  // L-6
  DenseLayer layer({.units = 2, .kernel_regularizer = L2Regularizer(0.5f)});
  layer(root_, x_);
  layer(root_, x_);
  ASSERT_EQ(layer.losses().size(), 1u);
  EXPECT_EQ(layer.losses()[0].name(), "dense/kernel/Regularizer/l2_regularizer:0");
  EXPECT_EQ(Names(graph_.RegularizationLosses()), Names(layer.losses()));
  EXPECT_EQ(layer.GetLossesFor(), layer.losses());
  EXPECT_TRUE(layer.GetLossesFor({x_}).empty());
}

TEST_F(LayerObjectTest, ASharedVariablesRegularizerBelongsToItsFirstLayer) {
  const Scope scope = root_.VariableScope("s", {.reuse = Reuse::kAuto});
  DenseLayer first({.units = 2, .kernel_regularizer = L2Regularizer(1), .name = scope});
  DenseLayer second({.units = 2, .kernel_regularizer = L2Regularizer(1), .name = scope});
  first(root_, x_);
  second(root_, x_);
  EXPECT_THAT(graph_.status(), IsOk());
  EXPECT_EQ(first.losses().size(), 1u);
  EXPECT_TRUE(second.losses().empty());
  EXPECT_EQ(second.weights().size(), 2u);  // recorded all the same
  EXPECT_EQ(graph_.RegularizationLosses().size(), 1u);
}

TEST_F(LayerObjectTest, ActivityRegularizersBelongToTheirCalls) {  // L-10
  const Output y = Input({-1, 3});
  DenseLayer layer({.units = 2, .activity_regularizer = L1Regularizer(1)});
  layer(root_, x_);
  layer(root_, y);
  ASSERT_EQ(layer.losses().size(), 2u);
  EXPECT_EQ(layer.losses()[0].name(), "dense/ActivityRegularizer/l1_regularizer:0");
  EXPECT_EQ(layer.GetLossesFor({x_}), Outputs{layer.losses()[0]});
  EXPECT_EQ(layer.GetLossesFor({y}), Outputs{layer.losses()[1]});
  EXPECT_TRUE(layer.GetLossesFor().empty());
  EXPECT_EQ(graph_.RegularizationLosses().size(), 2u);
}

TEST_F(LayerObjectTest, LossesAreFoundByReachability) {  // L-8
  DenseLayer layer({.units = 2});
  const Output y = layer(root_, x_);
  const Output penalty = SumOf(root_, y);
  layer.AddLoss({penalty}, {y});
  layer.AddLoss({penalty}, {y});                   // in the collection once
  EXPECT_EQ(layer.GetLossesFor({x_}).size(), 2u);  // x leads to it
  EXPECT_TRUE(layer.GetLossesFor({Input({1, 3})}).empty());
  EXPECT_EQ(graph_.RegularizationLosses(), Outputs{penalty});
}

TEST_F(LayerObjectTest, UpdatesBelongToTheirInputs) {  // L-9
  BatchNormalizationLayer layer({.training = true});
  const Output y = Input({-1, 3});
  layer(root_, x_);
  layer(root_, y);
  ASSERT_EQ(layer.updates().size(), 4u);
  EXPECT_EQ(layer.GetUpdatesFor({x_}), (Outputs{layer.updates()[0], layer.updates()[1]}));
  EXPECT_TRUE(layer.GetUpdatesFor().empty());
  EXPECT_EQ(graph_.UpdateOps(), layer.updates());
}

TEST_F(LayerObjectTest, TrainingIsToldPerCall) {
  BatchNormalizationLayer layer({});
  layer(root_, x_, {.training = true});
  EXPECT_EQ(layer.updates().size(), 2u);
  layer(root_, x_, {.training = false});
  layer(root_, x_);
  EXPECT_EQ(layer.updates().size(), 2u);
}

// --- calls ---

TEST_F(LayerObjectTest, CallsAreRecorded) {  // L-12
  DenseLayer layer({.units = 2});
  EXPECT_THAT(layer.GetInputAt(0).status(), NotYet("has never been called"));
  EXPECT_THAT(layer.input().status(), NotYet("is not connected"));
  EXPECT_THAT(layer.output().status(), NotYet("has no inbound nodes"));
  const Output a = layer(root_, x_);
  EXPECT_EQ(*layer.input(), x_);
  EXPECT_EQ(*layer.output(), a);
  EXPECT_EQ(*layer.input_shape(), TensorShape({-1, 3}));
  EXPECT_EQ(*layer.output_shape(), TensorShape({-1, 2}));
  const Output z = Input({7, 3});
  const Output b = layer(root_, z);
  EXPECT_EQ(layer.num_calls(), 2);
  EXPECT_EQ(*layer.GetInputAt(1), z);
  EXPECT_EQ(*layer.GetOutputAt(1), b);
  EXPECT_EQ(*layer.GetInputShapeAt(1), TensorShape({7, 3}));
  EXPECT_EQ(*layer.GetOutputShapeAt(1), TensorShape({7, 2}));
  EXPECT_TRUE(layer.GetInputMaskAt(0)->empty());
  EXPECT_TRUE(layer.GetOutputMaskAt(0)->empty());
  EXPECT_THAT(layer.GetInputAt(2).status(),
              Invalid("Asked to get input at node 2, but the layer has only 2 inbound nodes."));
  EXPECT_THAT(layer.input().status(), NotYet("has multiple inbound nodes"));
  EXPECT_THAT(layer.output_shape().status(), NotYet("multiple inbound nodes, with different"));
}

TEST_F(LayerObjectTest, AnInputThatComesBackIsCopied) {  // L-13
  DropoutLayer layer({});
  const Output y = layer(root_, x_);
  EXPECT_FALSE(y == x_);
  EXPECT_EQ(y.name(), "dropout/Identity:0");
}

// --- masks ---

TEST_F(LayerObjectTest, MasksPassOrAreRefused) {  // L-18
  const Output mask = Input({-1}, DType::kBool);
  DropoutLayer passes({});
  passes(root_, x_, {.masks = {mask}});
  EXPECT_EQ(*passes.GetInputMaskAt(0), mask);
  EXPECT_EQ(*passes.GetOutputMaskAt(0), mask);
  FlattenLayer refuses({});
  refuses(root_, x_, {.masks = {mask}});
  ExpectInvalid("does not support masking");
}

// --- shapes ---

TEST_F(LayerObjectTest, OutputShapesWithoutAGraph) {
  const DenseLayer layer({.units = 7});
  const int before = graph_.num_nodes();
  EXPECT_EQ(*layer.ComputeOutputShape({-1, 4, 3}), TensorShape({-1, 4, 7}));
  EXPECT_EQ(graph_.num_nodes(), before);
  EXPECT_FALSE(layer.built());
  EXPECT_THAT(layer.ComputeOutputShape(TensorShape({3})).status(), Invalid("expected min_ndim=2"));
}

}  // namespace
}  // namespace sluice::layers
