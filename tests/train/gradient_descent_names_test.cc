// Every name that a training step with gradient descent produces.
#include <algorithm>

#include "layers/dense.h"
#include "layers/initializers.h"
#include "tests/testing/program/names.h"
#include "train/global_step.h"
#include "train/gradient_descent.h"
#include "train/losses.h"

namespace sluice::train {
namespace {

using layers::Dense;

class GradientDescentNamesTest : public NamesOfKind {
 protected:
  std::string Apply() const {
    return kind_ == Kind::kReference ? "ApplyGradientDescent" : "ResourceApplyGradientDescent";
  }
};
INSTANTIATE_TEST_SUITE_P(Kinds, GradientDescentNamesTest, EitherKind(), NameOfKind);

TEST_P(GradientDescentNamesTest, TrainingStep) {  // EX-4
  const Variable step = CreateGlobalStep(scope_);
  const Output x = ops::Placeholder(root_.Named("x"), DType::kFloat, {-1, 4});
  const Output labels = ops::Placeholder(root_.Named("labels"), DType::kFloat, {-1, 2});
  // "dense" stands above another layer, so that the gradient of its input is needed, too.
  const Output hidden = Dense(scope_, x, {.units = 3, .use_bias = false, .name = "hidden"});
  const Output y = Dense(scope_, hidden, {.units = 2, .name = "dense"});
  const Output loss = losses::MeanSquaredError(scope_, labels, y);
  const int start = graph_.num_nodes();
  GradientDescent({.learning_rate = .1}).Minimize(scope_, loss, {.global_step = step});
  ASSERT_THAT(graph_.status(), IsOk());

  const Strings nodes = Nodes(start);
  EXPECT_EQ(Strings(nodes.begin(), nodes.begin() + 3),
            (Strings{"gradients/Shape Const", "gradients/grad_ys_0 Const", "gradients/Fill Fill"}));
  auto from = nodes.begin();
  for (const char* line :
       {"gradients/dense/BiasAdd_grad/BiasAddGrad BiasAddGrad",
        "gradients/dense/BiasAdd_grad/tuple/group_deps NoOp",
        "gradients/dense/BiasAdd_grad/tuple/control_dependency Identity",
        "gradients/dense/BiasAdd_grad/tuple/control_dependency_1 Identity",
        "gradients/dense/MatMul_grad/MatMul MatMul", "gradients/dense/MatMul_grad/MatMul_1 MatMul",
        "gradients/dense/MatMul_grad/tuple/group_deps NoOp",
        "gradients/dense/MatMul_grad/tuple/control_dependency Identity",
        "gradients/dense/MatMul_grad/tuple/control_dependency_1 Identity"}) {
    const auto found = std::find(from, nodes.end(), line);
    ASSERT_NE(found, nodes.end()) << line;
    from = found;
  }
  const bool reference = kind_ == Kind::kReference;
  const Strings updates =
      Below("GradientDescent", {"update_hidden/kernel/" + Apply(), "update_dense/kernel/" + Apply(),
                                "update_dense/bias/" + Apply()});
  Strings expected = {"GradientDescent/learning_rate Const"};
  for (const std::string& update : updates) expected.push_back(update + " " + Apply());
  expected = List(expected, "GradientDescent/update NoOp",
                  reference ? "GradientDescent/value Const" : "GradientDescent/Const Const",
                  reference ? "GradientDescent AssignAdd" : "GradientDescent AssignAddVariableOp");
  const auto apply = std::find(nodes.begin(), nodes.end(), expected[0]);
  EXPECT_EQ(Strings(apply, nodes.end()), expected);

  Strings waits_for;
  for (const std::string& update : updates) waits_for.push_back("^" + update);
  EXPECT_EQ(InputsOf("GradientDescent/update"), waits_for);
  EXPECT_EQ(
      InputsOf("GradientDescent"),
      (Strings{"global_step:0", reference ? "GradientDescent/value:0" : "GradientDescent/Const:0",
               "^GradientDescent/update"}));
  EXPECT_EQ(
      Collections(),
      (CollectionNames{
          {"global_step", {"global_step:0"}},
          {"losses", {"mean_squared_error/value:0"}},
          {"train_op", {"GradientDescent"}},
          {"trainable_variables", {"hidden/kernel:0", "dense/kernel:0", "dense/bias:0"}},
          {"variables", {"global_step:0", "hidden/kernel:0", "dense/kernel:0", "dense/bias:0"}}}));
}

TEST_P(GradientDescentNamesTest, WithoutAGlobalStep) {  // OPT-2
  const Variable w = GetVariable(scope_, "w", {.shape = {2}});
  const Output gradient = ops::Const<float>(root_.Named("g"), {1, 2});
  const int start = graph_.num_nodes();
  GradientDescent({.learning_rate = .1, .name = "Mine"}).ApplyGradients(root_, {{gradient, w}});
  EXPECT_EQ(Nodes(start), (Strings{"Mine/learning_rate Const",
                                   "Mine/update_w/" + Apply() + " " + Apply(), "Mine NoOp"}));
  EXPECT_EQ(InputsOf("Mine"), (Strings{"^Mine/update_w/" + Apply()}));
}

}  // namespace
}  // namespace sluice::train
