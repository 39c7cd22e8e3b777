// Rules RG-1 and RG-2. Expected numbers are worked by hand in the comments.
#include "layers/regularizers.h"

#include <cmath>

#include "layers/config.h"
#include "layers/initializers.h"
#include "proto/config.pb.h"
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

TEST_F(RegularizersTest, UnknownRanks) {
  const Output weights = Input(TensorShape::Unknown());
  const Output penalty = L1Regularizer(0.5)(root_, weights);
  ExpectClose(Run(penalty, {{weights, Tensor::Of<float>({1, 1, 2}, {3, -5})}}),
              Tensor::Scalar<float>(4));
}

// --- sums ---

TEST_F(RegularizersTest, Sum) {
  const Output penalty = SumRegularizer(
      {L1Regularizer(1), {}, L2Regularizer(0), NoRegularizer(), L2Regularizer(2)})(root_, weights_);
  EXPECT_EQ(penalty.name(), "sum_regularizer:0");
  ExpectClose(Run(penalty), Tensor::Scalar<float>(40));  // 10 + 30
  const Output named = SumRegularizer({L1Regularizer(1)}, "mine")(root_, weights_);
  EXPECT_EQ(named.name(), "mine:0");
}

TEST_F(RegularizersTest, SumsOfNothing) {
  EXPECT_FALSE(SumRegularizer({}));
  EXPECT_FALSE(SumRegularizer({{}, {}}));
  EXPECT_TRUE(SumRegularizer({NoRegularizer()})(root_, weights_).empty());
  EXPECT_THAT(graph_.status(), IsOk());
}

TEST_F(RegularizersTest, ApplyRegularization) {
  const Output other = Values({2}, {3, 4});
  const Output sum = ApplyRegularization(root_, L2Regularizer(1), {weights_, other});
  EXPECT_EQ(sum.name(), "get_regularization_penalty:0");
  EXPECT_EQ(graph_.RegularizationLosses(), (Outputs{sum}));
  ExpectClose(Run(sum), Tensor::Scalar<float>(27.5));  // 15 + 12.5
}

TEST_F(RegularizersTest, ApplyRegularizationToTheCollection) {
  const Variable v = GetVariable(root_, "v", {.shape = {2}, .initializer = initializers::Ones()});
  graph_.AddToCollection(keys::kWeights, v);
  graph_.AddToCollection(keys::kWeights, weights_);
  const Output sum = ApplyRegularization(root_, L1Regularizer(1));
  const Output none = ApplyRegularization(root_, NoRegularizer());
  ExpectClose(Run(sum), Tensor::Scalar<float>(12));
  ExpectClose(Run(none), Tensor::Scalar<float>(0));
}

TEST_F(RegularizersTest, ApplyRegularizationNeedsWeights) {
  EXPECT_TRUE(ApplyRegularization(root_, L1Regularizer(1)).empty());
  ExpectInvalid("No weights to regularize.");
}

TEST_F(RegularizersTest, PenaltiesAreScalars) {
  const Regularizer identity = [](At, Output w) { return w; };
  EXPECT_TRUE(ApplyRegularization(root_, identity, {weights_}).empty());
  ExpectInvalid("regularizer must return a scalar Tensor instead of a Tensor with rank 2.");
}

// --- Keras's ---

TEST_F(RegularizersTest, KerasDoesNotHalve) {  // RG-2
  ExpectClose(Run(regularizers::L1(0.5)(root_, weights_)), Tensor::Scalar<float>(5));
  ExpectClose(Run(regularizers::L2(0.5)(root_, weights_)), Tensor::Scalar<float>(15));
  ExpectClose(Run(regularizers::L1L2(1, 2)(root_, weights_)), Tensor::Scalar<float>(70));
  ExpectClose(Run(regularizers::L1L2(0, 0)(root_, weights_)), Tensor::Scalar<float>(0));
}

TEST_F(RegularizersTest, KerasDefaultsAndNames) {
  struct Case {
    Regularizer regularizer;
    const char* name;
    float want;
  };
  for (const Case& c : {Case{regularizers::L1(), "l1", 0.1f}, Case{regularizers::L2(), "l2", 0.3f},
                        Case{regularizers::L1L2(), "l1_l2", 0.4f}}) {
    ExpectClose(Run(c.regularizer(root_, weights_)), Tensor::Scalar<float>(c.want));
    const auto named = regularizers::Get(c.name);
    ASSERT_THAT(named, IsOk());
    ExpectClose(Run((*named)(root_, weights_)), Tensor::Scalar<float>(c.want));
  }
  EXPECT_THAT(regularizers::Get("l3"),
              StatusIs(absl::StatusCode::kInvalidArgument, "Unknown regularizer: l3"));
}

// --- configs ---

TEST_F(RegularizersTest, ConfigsRebuildEqualRegularizers) {
  struct Case {
    const char* class_name;
    Regularizer regularizer;
    float want;
  };
  const std::vector<Case> cases = {
      {"L1Regularizer", L1Regularizer(0.5), 5},
      {"L2Regularizer", L2Regularizer(0.5), 7.5},
      {"L1L2Regularizer", L1L2Regularizer(1, 2), 40},
      {"SumRegularizer", SumRegularizer({L1Regularizer(1), regularizers::L2(1)}, "s"), 40},
      {"L1L2", regularizers::L1(2), 20},
      {"L1L2", regularizers::L2(2), 60},
      {"L1L2", regularizers::L1L2(1, 2), 70}};
  for (const Case& c : cases) {
    SCOPED_TRACE(c.class_name);
    ASSERT_NE(c.regularizer.config(), nullptr);
    EXPECT_EQ(c.regularizer.config()->class_name, c.class_name);
    const auto again = layers::RegularizerFromConfig(
        layers::ConfigFromProto(layers::ConfigToProto(*c.regularizer.config())));
    ASSERT_THAT(again, IsOk());
    ASSERT_NE(again->config(), nullptr);
    session_.reset();
    ExpectClose(Run((*again)(root_, weights_)), Tensor::Scalar<float>(c.want));
    session_.reset();
    ExpectClose(Run(c.regularizer(root_, weights_)), Tensor::Scalar<float>(c.want));
  }
}

TEST_F(RegularizersTest, FunctionsHaveNoConfig) {
  const Regularizer own = [](At, Output w) { return w; };
  EXPECT_EQ(own.config(), nullptr);
  EXPECT_EQ(SumRegularizer({own, L1Regularizer(1)}).config(), nullptr);
}

TEST_F(RegularizersTest, UnknownConfigsAreRefused) {
  EXPECT_THAT(layers::RegularizerFromConfig(Config{"Foo"}),
              StatusIs(absl::StatusCode::kInvalidArgument, "Unknown regularizer: Foo"));
  EXPECT_FALSE(layers::RegularizerFromConfig(Config{"SumRegularizer", {{"bad", true}}}).ok());
  EXPECT_FALSE(layers::RegularizerFromConfig(Config{"L1L2", {{"l1", std::string("x")}}}).ok());
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
