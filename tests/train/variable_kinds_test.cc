// Optimizers train reference variables, resource variables, and both in one graph.
#include <functional>
#include <memory>

#include "graph/partition.h"
#include "tests/testing/program/names.h"
#include "train/adam.h"
#include "train/global_step.h"
#include "train/gradient_descent.h"
#include "train/momentum.h"

namespace sluice::train {
namespace {

struct Rule {
  const char* name;
  std::function<std::unique_ptr<Optimizer>()> make;
  std::vector<float> after;  // w = .5 with gradient .2, after one and two steps
};

// .5 - .1 * .2 t; a = .2, .3 (momentum .5), w -= .1 a; rule OPT-12.
const Rule kRules[] = {
    {"GradientDescent",
     [] { return std::make_unique<GradientDescent>(GradientDescentOptions{.learning_rate = .1}); },
     {.48f, .46f}},
    {"Momentum",
     [] {
       return std::make_unique<Momentum>(MomentumOptions{.learning_rate = .1, .momentum = .5});
     },
     {.48f, .45f}},
    {"Adam", [] { return std::make_unique<Adam>(); }, {.4990000016f, .4980000027f}},
};

class VariableKindsTest : public NamesFixture, public testing::WithParamInterface<Rule> {
 protected:
  Variable Half(const std::string& name, Kind kind, VariableOptions options = {}) {
    options.shape = {2};
    options.initializer = [](At at, const TensorShape&, DType) {
      return ops::Const<float>(at, {.5f, .5f});
    };
    return GetVariable(RootFor(kind), name, options);
  }
  // Its gradient is .2 everywhere.
  Output LossOf(const Output& value) {
    return At(root_).Node("Sum", {value * .2, ops::Const<int32_t>(root_, {0})});
  }
  void ExpectAll(const Variable& v, float value) {
    ExpectClose(Run(v.value()), Tensor::Of<float>({2}, {value, value}));
  }
  std::unique_ptr<Optimizer> optimizer_ = GetParam().make();
};
INSTANTIATE_TEST_SUITE_P(Rules, VariableKindsTest, testing::ValuesIn(kRules),
                         [](const auto& info) { return std::string(info.param.name); });

TEST_P(VariableKindsTest, BothKindsInOneGraph) {
  const Variable reference = Half("reference", Kind::kReference);
  const Variable resource = Half("resource", Kind::kResource);
  const Variable step = CreateGlobalStep(RootFor(Kind::kReference));
  const Output loss = LossOf(reference.value()) + LossOf(resource.value());
  const Output train = optimizer_->Minimize(root_, loss, {.global_step = step});
  ASSERT_THAT(graph_.status(), IsOk());
  for (const float expected : GetParam().after) {
    Run(train);
    ExpectAll(reference, expected);
    ExpectAll(resource, expected);
  }
  ExpectClose(Run(step.value()), Tensor::Scalar<int64_t>(2));
}

TEST_P(VariableKindsTest, SlotsAreOfTheirVariablesKind) {  // OPT-7
  for (const Kind kind : {Kind::kReference, Kind::kResource}) {
    const Variable v = Half(kind == Kind::kReference ? "a" : "b", kind);
    optimizer_->Minimize(root_, LossOf(v.value()), {.var_list = {v}});
    for (const std::string& slot : optimizer_->SlotNames())
      EXPECT_EQ(optimizer_->GetSlot(v, slot).is_resource(), kind == Kind::kResource) << slot;
  }
  EXPECT_THAT(graph_.status(), IsOk());
}

TEST_P(VariableKindsTest, AConstraintIsAppliedAfterTheUpdate) {  // OPT-6
  for (const Kind kind : {Kind::kReference, Kind::kResource}) {
    const Variable v =
        Half(kind == Kind::kReference ? "a" : "b", kind,
             {.constraint = [](At at, Output value) { return at.Node("Neg", {value}); }});
    const Output train = optimizer_->Minimize(root_, LossOf(v.value()), {.var_list = {v}});
    ASSERT_THAT(graph_.status(), IsOk());
    session_.reset();
    Run(train);
    ExpectAll(v, -GetParam().after[0]);
  }
}

TEST_P(VariableKindsTest, PartitionedReferenceVariables) {  // VS-41
  const Scope scope = RootFor(Kind::kReference).With({.partitioner = FixedSizePartitioner(2)});
  const Variable v = GetVariable(scope, "v", {.shape = {2}, .initializer = OnesInitializer});
  ASSERT_EQ(v.parts().size(), 2u);
  optimizer_->Minimize(scope, LossOf(v.value()));
  ASSERT_THAT(graph_.status(), IsOk());
  for (const Variable& slot : optimizer_->Variables()) EXPECT_FALSE(slot.is_partitioned());
  Run(graph_.TrainOps()[0]);
  ExpectAll(v, .5f + GetParam().after[0]);  // started at 1 instead of .5
}

}  // namespace
}  // namespace sluice::train
