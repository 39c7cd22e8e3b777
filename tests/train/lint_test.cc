// graph/lint.h on networks of layers and optimizers, and the session's preflight of them.
#include "graph/lint.h"

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "graph/graph_def.h"
#include "layers/batch_norm.h"
#include "layers/core_layers.h"
#include "layers/dense.h"
#include "layers/regularizers.h"
#include "proto/meta_graph.pb.h"
#include "tests/testing/program/program_fixture.h"
#include "train/adam.h"
#include "train/global_step.h"
#include "train/gradient_descent.h"
#include "train/losses.h"
#include "train/momentum.h"
#include "train/saver.h"

namespace sluice {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class NetworkLintTest : public ProgramFixture {
 protected:
  static Strings Short(const std::vector<LintFinding>& findings) {
    Strings all;
    for (const LintFinding& f : findings)
      all.push_back(absl::StrCat(LintKindName(f.kind), ": ", f.name));
    return all;
  }
  Strings Found(const Outputs& fetches = {}) {
    EXPECT_THAT(graph_.status(), IsOk());
    return Short(graph_.Lint(fetches));
  }
  Strings FoundInFile() {
    proto::MetaGraphDef def;
    EXPECT_THAT(ToMetaGraphDef(graph_, &def), IsOk());
    Graph imported(ops::Builtin());
    EXPECT_THAT(ImportMetaGraph(def, &imported), IsOk());
    return Short(imported.Lint());
  }
  Output Dense(const Scope& scope, const Output& x, int64_t units, const std::string& name) {
    return layers::Dense(scope, x, {.units = units, .name = name});
  }
  Output Loss(const Output& logits) { return losses::MeanSquaredError(root_, y_, logits); }
  Output Minimize(const Output& loss, train::MinimizeOptions options = {}) {
    return train::GradientDescent({.learning_rate = 0.1}).Minimize(root_, loss, options);
  }

  const Output x_ = ops::Placeholder(root_.Named("x"), DType::kFloat, {-1, 4});
  const Output y_ = ops::Placeholder(root_.Named("y"), DType::kFloat, {-1, 2});
};

TEST_F(NetworkLintTest, AWholeProgramIsClean) {
  const Scope net = root_.VariableScope("net", {.regularizer = L2Regularizer(0.01f)});
  Output x = Dense(net, x_, 8, "fc1");
  x = layers::BatchNormalization(net, x, {.training = true, .name = "bn"});
  x = layers::Dropout(net, x, {.rate = 0.5f, .training = true});
  // In this order: the sum holds the regularizers that are there when it is made.
  const Output data_loss = Loss(Dense(net, x, 2, "fc2"));
  const Output loss = data_loss + losses::RegularizationLoss(root_);
  const Variable step = train::GetOrCreateGlobalStep(root_);
  const Output train = train::Adam().Minimize(root_, loss, {.global_step = step});
  EXPECT_THAT(Found({train, loss}), IsEmpty());
  EXPECT_THAT(Found(), IsEmpty());
  const train::Saver saver(graph_);
  EXPECT_THAT(Found(), IsEmpty());
  EXPECT_THAT(FoundInFile(), IsEmpty());
}

TEST_F(NetworkLintTest, AGanHasTwoTrainOps) {
  const Scope g = root_.VariableScope("g"), d = root_.VariableScope("d");
  const auto discriminate = [&](const Scope& scope, const Output& x) {
    return layers::BatchNormalization(scope, Dense(scope, x, 2, "fc"),
                                      {.training = true, .name = "bn"});
  };
  const Output fake =
      layers::BatchNormalization(g, Dense(g, x_, 4, "fc"), {.training = true, .name = "bn"});
  const Output d_loss = Loss(discriminate(d, x_));
  const Output g_loss = Loss(discriminate(d.WithReuse(), fake));
  const Output train_d =
      train::Adam({.name = "d_adam"}).Minimize(root_, d_loss, {.var_list = d.TrainableVariables()});
  const Output train_g =
      train::Adam({.name = "g_adam"}).Minimize(root_, g_loss, {.var_list = g.TrainableVariables()});
  for (const Outputs& fetches : {Outputs{}, {train_d}, {train_g}, {train_g, train_d, g_loss}})
    EXPECT_THAT(Short(Lint(graph_, {.fetches = fetches, .only_cheap = true})), IsEmpty());
  // Both variables of each of the discriminator's layers, and its statistics, are in two calls.
  EXPECT_THAT(Found(), ElementsAre("shared-variable: d/fc/kernel", "shared-variable: d/fc/bias",
                                   "shared-variable: d/bn/gamma", "shared-variable: d/bn/beta",
                                   "shared-variable: d/bn/moving_mean",
                                   "shared-variable: d/bn/moving_variance"));
}

TEST_F(NetworkLintTest, FrozenLayersAndVarLists) {
  const Output x = layers::Dense(root_, x_,
                                 {.units = 8,
                                  .kernel_regularizer = L2Regularizer(0.01f),
                                  .trainable = false,
                                  .name = "frozen"});
  const Output loss = Loss(Dense(root_, x, 2, "head"));
  EXPECT_THAT(graph_.status(), IsOk());
  Minimize(loss);
  EXPECT_THAT(Found(), IsEmpty());
  EXPECT_THAT(FoundInFile(), IsEmpty());
}

TEST_F(NetworkLintTest, WhatAVarListLeavesOut) {
  const Output loss = Loss(Dense(root_, Dense(root_, x_, 8, "body"), 2, "head"));
  const Output train =
      Minimize(loss, {.var_list = root_.VariableScope("head").TrainableVariables()});
  EXPECT_THAT(Found({train}), ElementsAre("trainable-without-gradient: body/kernel",
                                          "trainable-without-gradient: body/bias"));
  EXPECT_THAT(graph_.Lint()[0].message, HasSubstr("left out of var_list"));
  EXPECT_THAT(FoundInFile(), ElementsAre("trainable-without-gradient: body/kernel",
                                         "trainable-without-gradient: body/bias"));
}

TEST_F(NetworkLintTest, BatchNormalizationWithoutItsUpdates) {
  const Output x = layers::BatchNormalization(root_, Dense(root_, x_, 2, "fc"),
                                              {.training = true, .name = "bn"});
  const int line = __LINE__ - 2;
  const Output train = Minimize(Loss(x), {.run_update_ops = false});
  EXPECT_THAT(Found({train}),
              ElementsAre("unused-update: bn/AssignMovingAvg/AssignSubVariableOp",
                          "unused-update: bn/AssignMovingAvg_1/AssignSubVariableOp"));
  EXPECT_EQ(graph_.Lint()[0].location, absl::StrCat(__FILE__, ":", line));
  EXPECT_THAT(FoundInFile(),
              ElementsAre("unused-update: bn/AssignMovingAvg/AssignSubVariableOp",
                          "unused-update: bn/AssignMovingAvg_1/AssignSubVariableOp"));
  // TensorFlow's idiom.
  const Scope after = root_.After(graph_.UpdateOps());
  train::Adam().Minimize(after, Loss(x), {.run_update_ops = false});
  EXPECT_THAT(Found(), IsEmpty());
}

TEST_F(NetworkLintTest, RegularizersInTheLossOrNot) {
  const Scope net = root_.VariableScope("net", {.regularizer = L1L2Regularizer(0.1f, 0.2f)});
  const Output loss = Loss(layers::Dense(net, x_, {.units = 2, .use_bias = false, .name = "fc"}));
  const Output without = Minimize(loss);
  EXPECT_THAT(Found({without}),
              ElementsAre("unused-regularizer: net/fc/kernel/Regularizer/l1_l2_regularizer"));
  EXPECT_THAT(FoundInFile(),
              ElementsAre("unused-regularizer: net/fc/kernel/Regularizer/l1_l2_regularizer"));
  train::Adam().Minimize(root_, losses::TotalLoss(root_));
  EXPECT_THAT(Found(), IsEmpty());
  EXPECT_THAT(FoundInFile(), IsEmpty());
}

TEST_F(NetworkLintTest, TowersUnderAutomaticReuse) {
  const Scope net = root_.VariableScope("net", {.reuse = Reuse::kAuto});
  const auto tower = [&](const Scope& scope, const std::string& name) {
    Output x = layers::Dense(scope, x_, {.units = 8, .name = name});
    return layers::Dense(scope, x, {.units = 2, .name = name.empty() ? "" : name + "_out"});
  };
  // The second tower looks shared, but is not: its layers were numbered on.
  const Output loss = Loss(tower(net, "")) + Loss(tower(net, ""));
  Minimize(loss);
  EXPECT_THAT(Found(),
              ElementsAre("auto-named-layer: net/dense_2", "auto-named-layer: net/dense_3"));
  EXPECT_THAT(graph_.Lint()[0].message, HasSubstr("'net/dense'"));
  EXPECT_EQ(graph_.TrainableVariables().size(), 8u);
}

TEST_F(NetworkLintTest, NamedTowersUnderAutomaticReuseShare) {
  const Scope net = root_.VariableScope("net", {.reuse = Reuse::kAuto});
  const Output loss = Loss(Dense(net, x_, 2, "fc")) + Loss(Dense(net, x_, 2, "fc"));
  Minimize(loss);
  EXPECT_EQ(graph_.TrainableVariables().size(), 2u);
  const std::vector<LintFinding> findings = graph_.Lint();
  EXPECT_THAT(Short(findings),
              ElementsAre("shared-variable: net/fc/kernel", "shared-variable: net/fc/bias"));
  EXPECT_THAT(findings[0].message, HasSubstr("2 layer calls read it: net/fc (net/fc/MatMul at "));
  EXPECT_THAT(findings[0].message, HasSubstr("net/fc_1 (net/fc_1/MatMul at "));
}

TEST_F(NetworkLintTest, ALayerObjectCalledTwice) {
  layers::DenseLayer layer({.units = 2, .name = "fc"});
  Minimize(Loss(layer(root_, x_)) + Loss(layer(root_, x_)));
  const std::vector<LintFinding> findings = graph_.Lint();
  EXPECT_THAT(Short(findings),
              ElementsAre("shared-variable: fc/kernel", "shared-variable: fc/bias"));
  EXPECT_THAT(findings[0].message, HasSubstr("fc/MatMul_1 at "));
}

TEST_F(NetworkLintTest, PreflightRefusesABrokenNetwork) {
  const Output x = layers::BatchNormalization(root_, Dense(root_, x_, 2, "fc"),
                                              {.training = true, .name = "bn"});
  const Output train = Minimize(Loss(x), {.run_update_ops = false});
  absl::StatusOr<Session> session = Session::Create(graph_, {.preflight = Preflight::kStrict});
  ASSERT_THAT(session, IsOk());
  ASSERT_THAT(session->Run(GlobalVariablesInitializer(root_)), IsOk());
  const Feeds feeds = {{x_, Tensor::Zeros(DType::kFloat, {3, 4})},
                       {y_, Tensor::Zeros(DType::kFloat, {3, 2})}};
  EXPECT_THAT(session->Run(feeds, {train}),
              StatusIs(absl::StatusCode::kFailedPrecondition, "unused-update: bn/AssignMovingAvg"));
  EXPECT_THAT(session->Run(feeds, {x}), IsOk());
}

}  // namespace
}  // namespace sluice
