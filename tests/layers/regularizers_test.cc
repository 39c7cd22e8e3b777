// Rule RG-1.
#include "layers/regularizers.h"

#include <cmath>

#include "layers/initializers.h"
#include "tests/testing/program/program_fixture.h"

namespace sluice {
namespace {

class RegularizersTest : public ProgramFixture {
 protected:
  Output weights_ = Values({2, 2}, {1, -2, 3, -4});
};

TEST_F(RegularizersTest, L1) {
  const Output penalty = L1Regularizer(0.5)(root_, weights_);
  EXPECT_EQ(penalty.name(), "l1_regularizer:0");
  ExpectClose(Run(penalty), Tensor::Scalar<float>(5));
}

TEST_F(RegularizersTest, L2IsHalved) {
  const Output penalty = L2Regularizer(0.5)(root_, weights_);
  EXPECT_EQ(penalty.name(), "l2_regularizer:0");
  ExpectClose(Run(penalty), Tensor::Scalar<float>(7.5));
}

TEST_F(RegularizersTest, Both) {
  const Output penalty = L1L2Regularizer(1, 1)(root_, weights_);
  EXPECT_EQ(penalty.name(), "l1_l2_regularizer:0");
  ExpectClose(Run(penalty), Tensor::Scalar<float>(25));
  ExpectClose(Run(L1L2Regularizer(0, 2)(root_, weights_)), Tensor::Scalar<float>(30));
  ExpectClose(Run(L1L2Regularizer(2, 0)(root_, weights_)), Tensor::Scalar<float>(20));
}

TEST_F(RegularizersTest, ScaleZeroIsNoPenalty) {
  EXPECT_TRUE(L1Regularizer(0)(root_, weights_).empty());
  EXPECT_TRUE(L2Regularizer(0)(root_, weights_).empty());
  EXPECT_TRUE(L1L2Regularizer(0, 0)(root_, weights_).empty());
  EXPECT_TRUE(NoRegularizer()(root_, weights_).empty());
  EXPECT_THAT(graph_.status(), IsOk());
}

TEST_F(RegularizersTest, DoubleWeights) {
  const Output weights = ops::Const<double>(root_, {3, 4}, {2});
  ExpectClose(Run(L2Regularizer(2)(root_, weights)), Tensor::Scalar<double>(25));
}

TEST_F(RegularizersTest, EmptyWeightsCostNothing) {
  ExpectClose(Run(L1Regularizer(1)(root_, Values({0, 3}, {}))), Tensor::Scalar<float>(0));
}

TEST_F(RegularizersTest, NegativeScalesAreRefused) {
  EXPECT_TRUE(L1Regularizer(-1)(root_, weights_).empty());
  ExpectInvalid("Setting a scale less than 0 on a regularizer: -1");
}

TEST_F(RegularizersTest, NotANumberIsRefused) {
  EXPECT_TRUE(L2Regularizer(NAN)(root_, weights_).empty());
  ExpectInvalid("Setting a scale less than 0 on a regularizer: nan");
}

TEST_F(RegularizersTest, OfAScopeServesItsVariablesOnce) {  // VS-8
  const Scope scope = root_.VariableScope("s", {.regularizer = L2Regularizer(1)});
  const VariableOptions options = {.shape = {2}, .initializer = initializers::Constant(3)};
  GetVariable(scope, "a", options);
  GetVariable(scope.WithReuse(), "a", options);
  VariableOptions none = options;
  none.regularizer = NoRegularizer();
  GetVariable(scope, "b", none);
  const Outputs losses = graph_.OutputsIn(keys::kRegularizationLosses);
  ASSERT_EQ(Names(losses), (Strings{"s/a/Regularizer/l2_regularizer:0"}));
  ExpectClose(Run(losses[0]), Tensor::Scalar<float>(9));
}

}  // namespace
}  // namespace sluice
