// Every name that Adam produces.
#include "tests/testing/program/names.h"
#include "train/adam.h"

namespace sluice::train {
namespace {

class AdamNamesTest : public NamesOfKind {
 protected:
  Strings State(const std::string& name) const {
    return List(name + "/initial_value Const", VariableNodes(kind_, name));
  }
};
INSTANTIATE_TEST_SUITE_P(Kinds, AdamNamesTest, EitherKind(), NameOfKind);

TEST_P(AdamNamesTest, OneVariable) {  // EX-6
  const Variable w = GetVariable(scope_, "w", {.shape = {2}});
  const Output gradient = ops::Const<float>(root_.Named("g"), {1, 2});
  const int start = graph_.num_nodes();
  Adam().ApplyGradients(root_, {{gradient, w}});
  EXPECT_THAT(graph_.status(), IsOk());
  const bool reference = kind_ == Kind::kReference;
  const Strings update =
      reference ? Strings{"Adam/update_w/ApplyAdam ApplyAdam", "Adam/mul Mul", "Adam/Assign Assign",
                          "Adam/mul_1 Mul", "Adam/Assign_1 Assign"}
                : Strings{"Adam/update_w/Cast/ReadVariableOp ReadVariableOp",
                          "Adam/update_w/Cast_1/ReadVariableOp ReadVariableOp",
                          "Adam/update_w/ResourceApplyAdam ResourceApplyAdam",
                          "Adam/ReadVariableOp ReadVariableOp",
                          "Adam/mul Mul",
                          "Adam/AssignVariableOp AssignVariableOp",
                          "Adam/ReadVariableOp_1 ReadVariableOp",
                          "Adam/mul_1 Mul",
                          "Adam/AssignVariableOp_1 AssignVariableOp"};
  EXPECT_EQ(
      Nodes(start),
      List(State("beta1_power"), State("beta2_power"), ConstantVariable(kind_, "w/Adam"),
           ConstantVariable(kind_, "w/Adam_1"),
           Below("Adam", {"learning_rate Const", "beta1 Const", "beta2 Const", "epsilon Const"}),
           update, "Adam NoOp"));
  EXPECT_EQ(
      Collections(),
      (CollectionNames{
          {"train_op", {"Adam"}},
          {"trainable_variables", {"w:0"}},
          {"variables", {"w:0", "beta1_power:0", "beta2_power:0", "w/Adam:0", "w/Adam_1:0"}}}));
  const std::string power = reference ? "/read:0" : "/ReadVariableOp:0";
  EXPECT_EQ(
      InputsOf(reference ? "Adam/update_w/ApplyAdam" : "Adam/update_w/ResourceApplyAdam"),
      (Strings{"w:0", "w/Adam:0", "w/Adam_1:0",
               (reference ? "beta1_power" : "Adam/update_w/Cast") + power,
               (reference ? "beta2_power" : "Adam/update_w/Cast_1") + power, "Adam/learning_rate:0",
               "Adam/beta1:0", "Adam/beta2:0", "Adam/epsilon:0", "g:0"}));
  EXPECT_EQ(InputsOf("Adam"),
            reference ? (Strings{"^Adam/update_w/ApplyAdam", "^Adam/Assign", "^Adam/Assign_1"})
                      : (Strings{"^Adam/update_w/ResourceApplyAdam", "^Adam/AssignVariableOp",
                                 "^Adam/AssignVariableOp_1"}));
}

TEST_P(AdamNamesTest, CastsForAnotherDtype) {
  // TensorFlow opens a scope "Cast" per argument, in the order of the op's inputs.
  const Variable w = GetVariable(scope_, "w", {.shape = {2}, .dtype = DType::kDouble});
  const Output gradient = ops::Const<double>(root_.Named("g"), {1, 2});
  Adam().ApplyGradients(root_, {{gradient, w}});
  EXPECT_THAT(graph_.status(), IsOk());
  const std::string op = kind_ == Kind::kReference ? "ApplyAdam" : "ResourceApplyAdam";
  EXPECT_EQ(InputsOf("Adam/update_w/" + op),
            (Strings{"w:0", "w/Adam:0", "w/Adam_1:0", "Adam/update_w/Cast:0",
                     "Adam/update_w/Cast_1:0", "Adam/update_w/Cast_2:0", "Adam/update_w/Cast_3:0",
                     "Adam/update_w/Cast_4:0", "Adam/update_w/Cast_5:0", "g:0"}));
}

TEST_P(AdamNamesTest, TwoOptimizersOnOneVariable) {  // OPT-7, OPT-10
  const Variable w = GetVariable(scope_, "w", {.shape = {2}});
  const Output gradient = ops::Const<float>(root_.Named("g"), {1, 2});
  Adam first, second;
  first.ApplyGradients(root_, {{gradient, w}});
  second.ApplyGradients(root_, {{gradient, w}});
  EXPECT_EQ(Names(second.Variables()),
            (Strings{"beta1_power_1:0", "beta2_power_1:0", "w/Adam_2:0", "w/Adam_3:0"}));
  EXPECT_EQ(Names(graph_.TrainOps()), (Strings{"Adam", "Adam_1"}));
}

}  // namespace
}  // namespace sluice::train
