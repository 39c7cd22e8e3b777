// Rule LY-3 and worked listing EX-8.
#include "layers/batch_norm.h"

#include <cmath>

#include "graph/gradients.h"
#include "layers/initializers.h"
#include "ops/identity.h"
#include "tests/testing/program/program_fixture.h"

namespace sluice::layers {
namespace {

// The rule's example: mean [2, 4], biased variance [8/3, 32/3].
const std::initializer_list<float> kExample = {0, 4, 2, 8, 4, 0};
// (x - mean) / sqrt(variance + 0.001)
const std::initializer_list<float> kNormalized = {-1.224515296, 0,           0,
                                                  1.224687466,  1.224515296, -1.224687466};

class BatchNormTest : public ProgramFixture {
 protected:
  // Runs the layer's updates once, then reads the moving mean and variance.
  std::vector<Tensor> MovingAfterOneUpdate(const Feeds& feeds = {}) {
    const Outputs updates = graph_.OutputsIn(keys::kUpdateOps);
    EXPECT_EQ(updates.size(), 2u);
    const std::vector<Variable> all = graph_.GlobalVariables();
    const Outputs moving = {all[all.size() - 2].value(), all[all.size() - 1].value()};
    Run(updates, feeds);
    return Run(moving);
  }
};

TEST_F(BatchNormTest, VariablesInOrder) {
  BatchNormalization(root_, Input({-1, 5}));
  EXPECT_EQ(
      Names(graph_.GlobalVariables()),
      (Strings{"batch_normalization/gamma:0", "batch_normalization/beta:0",
               "batch_normalization/moving_mean:0", "batch_normalization/moving_variance:0"}));
  EXPECT_EQ(Names(graph_.TrainableVariables()),
            (Strings{"batch_normalization/gamma:0", "batch_normalization/beta:0"}));
  for (const Variable& v : graph_.GlobalVariables()) EXPECT_EQ(v.shape(), TensorShape({5}));
}

TEST_F(BatchNormTest, TrainingUsesTheBatch) {
  const Output y = BatchNormalization(root_, Values({3, 2}, kExample), {.training = true});
  ExpectClose(Run(y), Tensor::Of<float>({3, 2}, kNormalized));
  EXPECT_EQ(y.name(), "batch_normalization/batchnorm/add_1:0");
}

TEST_F(BatchNormTest, UpdatesOfThePlainForm) {
  BatchNormalization(root_, Values({3, 2}, kExample), {.training = true});
  const auto moving = MovingAfterOneUpdate();
  ExpectClose(moving[0], Tensor::Of<float>({2}, {0.02, 0.04}));
  ExpectClose(moving[1], Tensor::Of<float>({2}, {1.016666667, 1.096666667}));
}

TEST_F(BatchNormTest, UpdatesOfTheFusedFormAreUnbiased) {
  const Output y = BatchNormalization(root_, Values({3, 1, 1, 2}, kExample), {.training = true});
  const auto moving = MovingAfterOneUpdate();
  ExpectClose(moving[0], Tensor::Of<float>({2}, {0.02, 0.04}));
  ExpectClose(moving[1], Tensor::Of<float>({2}, {1.03, 1.15}));
  ExpectClose(Run(y), Tensor::Of<float>({3, 1, 1, 2}, kNormalized));
}

TEST_F(BatchNormTest, NamesOfTheFusedForm) {  // EX-8
  const Output y = BatchNormalization(root_, Input({-1, 4, 4, 3}), {.training = true});
  EXPECT_EQ(y.name(), "batch_normalization/FusedBatchNorm:0");
  const Outputs updates = graph_.OutputsIn(keys::kUpdateOps);
  EXPECT_EQ(Names(updates), (Strings{"batch_normalization/AssignMovingAvg/AssignSubVariableOp",
                                     "batch_normalization/AssignMovingAvg_1/AssignSubVariableOp"}));
  EXPECT_EQ(y.shape(), TensorShape({-1, 4, 4, 3}));
}

TEST_F(BatchNormTest, InferenceUsesTheMovingMoments) {
  const Output y =
      BatchNormalization(root_, Values({1, 2}, {3, 7}),
                         {.epsilon = 1,
                          .beta_initializer = initializers::Constant({10, 20}),
                          .gamma_initializer = initializers::Constant({2, 3}),
                          .moving_mean_initializer = initializers::Constant({1, 2}),
                          .moving_variance_initializer = initializers::Constant({3, 24})});
  // (3 - 1) / 2 * 2 + 10 and (7 - 2) / 5 * 3 + 20.
  ExpectClose(Run(y), Tensor::Of<float>({1, 2}, {12, 23}));
  EXPECT_TRUE(graph_.OutputsIn(keys::kUpdateOps).empty());
}

TEST_F(BatchNormTest, FusedInference) {
  const Output y =
      BatchNormalization(root_, Values({1, 1, 1, 2}, {3, 7}),
                         {.epsilon = 1,
                          .beta_initializer = initializers::Constant({10, 20}),
                          .gamma_initializer = initializers::Constant({2, 3}),
                          .moving_mean_initializer = initializers::Constant({1, 2}),
                          .moving_variance_initializer = initializers::Constant({3, 24})});
  EXPECT_EQ(y.name(), "batch_normalization/FusedBatchNorm:0");
  ExpectClose(Run(y), Tensor::Of<float>({1, 1, 1, 2}, {12, 23}));
}

TEST_F(BatchNormTest, WithoutCenterAndScale) {
  for (const bool fused : {false, true}) {
    BatchNormalizationLayer layer(
        {.center = false, .scale = false, .training = true, .fused = fused});
    const Output y = layer(root_, Values({3, 1, 1, 2}, kExample));
    EXPECT_EQ(layer.variables().size(), 2u);
    EXPECT_TRUE(layer.trainable_variables().empty());
    session_.reset();
    ExpectClose(Run(y), Tensor::Of<float>({3, 1, 1, 2}, kNormalized));
  }
}

TEST_F(BatchNormTest, AnotherAxis) {
  // The example transposed: channels are rows.
  const Output x = Values({2, 3}, {0, 2, 4, 4, 8, 0});
  const Output y = BatchNormalization(root_, x, {.axis = 0, .training = true});
  ExpectClose(Run(y), Tensor::Of<float>(
                          {2, 3}, {-1.224515296, 0, 1.224515296, 0, 1.224687466, -1.224687466}));
}

TEST_F(BatchNormTest, ChannelsFirstFused) {
  const Output y = BatchNormalization(root_, Values({1, 2, 3, 1}, {0, 2, 4, 4, 8, 0}),
                                      {.axis = 1, .training = true});
  EXPECT_EQ(y.name(), "batch_normalization/FusedBatchNorm:0");
  ExpectClose(Run(y), Tensor::Of<float>({1, 2, 3, 1}, {-1.224515296, 0, 1.224515296, 0, 1.224687466,
                                                       -1.224687466}));
}

TEST_F(BatchNormTest, TrainingDecidedInEveryRun) {
  for (const TensorShape& shape : {TensorShape({3, 2}), TensorShape({3, 1, 1, 2})}) {
    Graph graph(ops::Builtin());
    const Scope root = Scope::Root(graph);
    const Output x = ops::Const<float>(root, kExample, shape);
    const Output training = ops::Placeholder(root, DType::kBool, {});
    const Output y = BatchNormalization(root, x, {.training = training});
    const Outputs updates = graph.OutputsIn(keys::kUpdateOps);
    ASSERT_EQ(updates.size(), 2u);
    const Output init = GlobalVariablesInitializer(root);
    absl::StatusOr<Session> session = Session::Create(graph, {.intra_op_threads = 1});
    ASSERT_THAT(session, IsOk());
    ASSERT_THAT(session->Run(init), IsOk());
    const Tensor yes = Tensor::Scalar(true), no = Tensor::Scalar(false);
    const Output mean = graph.GlobalVariables()[2].value();

    // Not training: x / sqrt(1.001), and the updates change nothing.
    auto inferred = session->Run({{training, no}}, Outputs{y, updates[0], updates[1]});
    ASSERT_THAT(inferred, IsOk());
    std::vector<float> scaled;
    for (float v : kExample) scaled.push_back(v / std::sqrt(1.001f));
    ExpectClose((*inferred)[0], Tensor::Of<float>(shape, scaled));
    ExpectClose((*session->Run({}, Outputs{mean}))[0], Tensor::Of<float>({2}, {0, 0}));

    auto trained = session->Run({{training, yes}}, Outputs{y, updates[0], updates[1]});
    ASSERT_THAT(trained, IsOk());
    ExpectClose((*trained)[0], Tensor::Of<float>(shape, kNormalized));
    ExpectClose((*session->Run({}, Outputs{mean}))[0], Tensor::Of<float>({2}, {0.02, 0.04}));
  }
}

TEST_F(BatchNormTest, MomentumSaysHowMuchStays) {
  BatchNormalization(root_, Values({3, 2}, kExample), {.momentum = 0.75, .training = true});
  const auto moving = MovingAfterOneUpdate();
  ExpectClose(moving[0], Tensor::Of<float>({2}, {0.5, 1}));
  ExpectClose(moving[1], Tensor::Of<float>({2}, {0.75f + 8 / 12.0f, 0.75f + 32 / 12.0f}));
}

TEST_F(BatchNormTest, TheGradientOfTheBatchsMeanVanishes) {
  // y sums to 0 over the batch whatever x is, so d(sum y)/dx = 0.
  const Output x = Values({3, 2}, kExample);
  const Output y = BatchNormalization(root_, x, {.training = true});
  const Outputs gradient = Gradients(root_, {y}, {x});
  ASSERT_THAT(graph_.status(), IsOk());
  ExpectClose(Run(gradient[0]), Tensor::Zeros(DType::kFloat, {3, 2}), {0, 1e-6});
}

TEST_F(BatchNormTest, UpdatesOfAnObjectAreThoseOfAllCalls) {
  BatchNormalizationLayer layer({.training = true});
  layer(root_, Input({3, 2}));
  layer(root_, ops::Placeholder(root_, DType::kFloat, {4, 2}));
  EXPECT_EQ(layer.updates().size(), 4u);
  EXPECT_EQ(graph_.OutputsIn(keys::kUpdateOps).size(), 4u);
  EXPECT_EQ(graph_.GlobalVariables().size(), 4u);
}

TEST_F(BatchNormTest, NotTrainableStillUsesTheBatch) {
  const Output y =
      BatchNormalization(root_, Values({3, 2}, kExample), {.training = true, .trainable = false});
  EXPECT_TRUE(graph_.TrainableVariables().empty());
  ExpectClose(Run(y), Tensor::Of<float>({3, 2}, kNormalized));
}

TEST_F(BatchNormTest, DoublePrecision) {
  const Output x = ops::Const<double>(root_, {0, 4, 2, 8, 4, 0}, {3, 2});
  const Tensor y = Run(BatchNormalization(root_, x, {.training = true}));
  ASSERT_EQ(y.dtype(), DType::kDouble);
  EXPECT_NEAR(y.data<double>()[0], -1.224515296, 1e-9);
}

TEST_F(BatchNormTest, UnknownRankIsRefused) {
  BatchNormalization(root_, Input(TensorShape::Unknown()));
  ExpectInvalid("Input has undefined rank");
}

TEST_F(BatchNormTest, InvalidAxisIsRefused) {
  BatchNormalization(root_, Input({2, 2}), {.axis = 2});
  ExpectInvalid("Invalid axis: 2 for an input of shape [2,2]");
}

TEST_F(BatchNormTest, UnknownAxisIsRefused) {
  BatchNormalization(root_, Input({2, -1}));
  ExpectInvalid("Input has undefined `axis` dimension");
}

TEST_F(BatchNormTest, IntegersAreRefused) {
  BatchNormalization(root_, Input({2, 2}, DType::kInt32));
  ExpectInvalid("Input must be floating, got int32");
}

TEST_F(BatchNormTest, FusedNeedsRank4) {
  BatchNormalization(root_, Input({2, 2}), {.fused = true});
  ExpectInvalid("fused batch normalization needs a float32 input of rank 4 and axis 1 or 3");
}

TEST_F(BatchNormTest, EpsilonMustBePositive) {
  BatchNormalization(root_, Input({2, 2}), {.epsilon = 0});
  ExpectInvalid("epsilon must be > 0, got 0");
}

TEST_F(BatchNormTest, TrainingMustBeABool) {
  BatchNormalization(root_, Input({2, 2}), {.training = ops::Const(root_, 1.0f)});
  ExpectInvalid("`training` must be a bool scalar");
}

}  // namespace
}  // namespace sluice::layers
