// Who adds what to which collection (rule COL-4), and what is taken from them by default (rule
// COL-5). Collections themselves: tests/graph/collections_test.cc.
#include "graph/collections.h"

#include <gmock/gmock.h>

#include <string>
#include <vector>

#include "layers/batch_norm.h"
#include "layers/dense.h"
#include "layers/initializers.h"
#include "layers/regularizers.h"
#include "ops/relu.h"
#include "tests/testing/core/memory_files.h"
#include "tests/testing/program/program_fixture.h"
#include "train/global_step.h"
#include "train/gradient_descent.h"
#include "train/losses.h"
#include "train/saver.h"

namespace sluice::train {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class CollectionsTest : public ProgramFixture {
 protected:
  // A scalar variable that starts at `value`, in `collections` and nowhere else.
  Variable Make(const char* name, float value, std::vector<std::string> collections) {
    return GetVariable(root_, name,
                       {.shape = {},
                        .initializer = initializers::Constant(value),
                        .trainable = false,
                        .collections = std::move(collections)});
  }
};

// COL-4: losses and regularization losses, each once, however often a layer is connected.
TEST_F(CollectionsTest, LossesAndRegularizers) {
  const Scope net = root_.VariableScope("net", {.regularizer = L2Regularizer(1e-2f)});
  const Output x = Input({2, 3});
  const Output y = layers::Dense(net, x, {.units = 1, .name = "out"});
  layers::Dense(net.WithReuse(), x, {.units = 1, .name = "out"});
  const Output loss = losses::MeanSquaredError(root_, Input({2, 1}), y);
  const Output silent =
      losses::AbsoluteDifference(root_, Input({2, 1}), y, {.loss_collection = ""});
  EXPECT_THAT(graph_.Losses(), ElementsAre(loss));
  EXPECT_FALSE(silent.empty());
  EXPECT_THAT(Names(graph_.RegularizationLosses()),
              ElementsAre("net/out/kernel/Regularizer/l2_regularizer:0",
                          "net/out/bias/Regularizer/l2_regularizer:0"));
  EXPECT_THAT(graph_.RegularizationLosses("other"), IsEmpty());
}

// COL-4: the two updates of every training call of a batch normalization, no others.
TEST_F(CollectionsTest, Updates) {
  const Output x = Input({4, 3});
  layers::BatchNormalization(root_, x, {.training = true, .name = "bn"});
  ASSERT_THAT(graph_.status(), IsOk());
  const Outputs first = graph_.UpdateOps();
  ASSERT_EQ(first.size(), 2u);
  EXPECT_NE(first[0], first[1]);
  layers::BatchNormalization(root_.WithReuse(), x, {.training = false, .name = "bn"});
  EXPECT_EQ(graph_.UpdateOps(), first);
  layers::BatchNormalization(root_.WithReuse(), x, {.training = true, .name = "bn"});
  EXPECT_EQ(graph_.UpdateOps().size(), 4u);
  EXPECT_EQ(graph_.UpdateOps("bn/").size(), 2u);
}

// COL-4: the operation, once per ApplyGradients; COL-5: of all trainables.
TEST_F(CollectionsTest, TheTrainOp) {
  const Variable w = GetVariable(root_, "w", {.shape = {}});
  const Variable frozen = GetVariable(root_, "frozen", {.shape = {}, .trainable = false});
  const Variable step = CreateGlobalStep(root_);
  const Output train =
      GradientDescent({.learning_rate = 0.1f}).Minimize(root_, w * frozen, {.global_step = step});
  EXPECT_THAT(graph_.TrainOps(), ElementsAre(train));
  EXPECT_EQ(graph_.FindNode("GradientDescent/update_frozen/ResourceApplyGradientDescent"), nullptr);
  EXPECT_NE(graph_.FindNode("GradientDescent/update_w/ResourceApplyGradientDescent"), nullptr);
}

// COL-4
TEST_F(CollectionsTest, TheGlobalStep) {
  CreateGlobalStep(root_);
  EXPECT_THAT(Names(graph_.GlobalVariables()), ElementsAre("global_step:0"));
  EXPECT_THAT(Names(graph_.Variables(keys::kGlobalStep)), ElementsAre("global_step:0"));
  EXPECT_THAT(graph_.CollectionKeys(), ElementsAre("global_step", "variables"));
}

// COL-4: defined, but filled by no layer.
TEST_F(CollectionsTest, WeightsBiasesAndActivationsStayEmpty) {
  layers::Dense(root_, Input({2, 3}), {.units = 1, .activation = ops::Relu});
  EXPECT_THAT(graph_.CollectionKeys(), ElementsAre("trainable_variables", "variables"));
}

// COL-5: what Minimize trains when it is told nothing: both collections, each variable once.
TEST_F(CollectionsTest, TrainedByDefault) {
  const Variable a = Make("a", 1, {keys::kGlobalVariables, keys::kTrainableVariables});
  const Variable b = Make("b", 2, {keys::kGlobalVariables, keys::kTrainableResourceVariables});
  const Variable c = Make("c", 4, {keys::kGlobalVariables});
  graph_.AddToCollection(keys::kTrainableResourceVariables, a);
  const Output loss = a * b * c;
  // gradients: bc = 8, ac = 4
  const Output train = GradientDescent({.learning_rate = 0.5f}).Minimize(root_, loss);
  Run(Outputs{train});
  const std::vector<Tensor> now = Run({a.Read(root_), b.Read(root_), c.Read(root_)});
  EXPECT_EQ(now[0].scalar<float>(), -3);
  EXPECT_EQ(now[1].scalar<float>(), 0);
  EXPECT_EQ(now[2].scalar<float>(), 4);
}

// COL-5: what a Saver saves when it is told nothing.
TEST_F(CollectionsTest, SavedByDefault) {
  const Variable global = Make("global", 1, {keys::kGlobalVariables});
  const Variable saveable = Make("saveable", 2, {keys::kSaveableObjects, "mine"});
  const Variable both = Make("both", 3, {keys::kGlobalVariables, keys::kSaveableObjects});
  const Variable neither = Make("neither", 4, {"mine"});
  testing::MemoryFileSystem files;
  Saver saver(graph_, {.fs = &files});
  ASSERT_THAT(graph_.status(), IsOk());
  const Output names = graph_.FindTensor("save/SaveV2/tensor_names:0").value();
  const Tensor list = Run(names);
  const auto keys = list.flat<std::string>();
  EXPECT_THAT(std::vector<std::string>(keys.begin(), keys.end()),
              ElementsAre("both", "global", "saveable", kRandomRunKey));
}

}  // namespace
}  // namespace sluice::train
