// Every name that the losses produce. Their scopes, "value" and "xentropy" are TensorFlow's;
// between them TensorFlow has nodes also where shapes tell that the weights broadcast.
#include "tests/testing/program/names.h"
#include "train/losses.h"

namespace sluice::losses {
namespace {

// A mean over the elements that count.
const Strings kMean = {"Const Const", "Sum Sum", "num_present/Size Size", "num_present/Cast Cast",
                       "value DivNoNan"};

class LossesNamesTest : public NamesFixture {
 protected:
  // The nodes of the scope, in which everything must lie.
  void Expect(const std::string& scope, const Strings& own) {
    EXPECT_THAT(graph_.status(), IsOk());
    EXPECT_EQ(Nodes(start_), Below(scope, List(own, kMean)));
    EXPECT_EQ(Collections(), (CollectionNames{{"losses", {scope + "/value:0"}}}));
  }
  Output labels_ = ops::Placeholder(root_.Named("labels"), DType::kFloat, {5, 3});
  Output x_ = ops::Placeholder(root_.Named("x"), DType::kFloat, {5, 3});
  Output classes_ = ops::Placeholder(root_.Named("classes"), DType::kInt32, {5});
  int start_ = graph_.num_nodes();
};

TEST_F(LossesNamesTest, MeanSquaredError) {  // LS-3, EX-4
  MeanSquaredError(root_, labels_, x_);
  Expect("mean_squared_error", {"SquaredDifference SquaredDifference"});
}

TEST_F(LossesNamesTest, AbsoluteDifference) {  // LS-3
  AbsoluteDifference(root_, labels_, x_);
  Expect("absolute_difference", {"Sub Sub", "Abs Abs"});
}

TEST_F(LossesNamesTest, SparseSoftmaxCrossEntropy) {  // LS-3
  SparseSoftmaxCrossEntropy(root_, classes_, x_);
  Expect("sparse_softmax_cross_entropy_loss",
         {"xentropy/xentropy SparseSoftmaxCrossEntropyWithLogits"});
}

TEST_F(LossesNamesTest, SoftmaxCrossEntropy) {  // LS-3
  SoftmaxCrossEntropy(root_, labels_, x_);
  Expect("softmax_cross_entropy_loss",
         {"labels_stop_gradient StopGradient", "xentropy SoftmaxCrossEntropyWithLogits"});
}

TEST_F(LossesNamesTest, SigmoidCrossEntropy) {  // LS-3
  SigmoidCrossEntropy(root_, labels_, x_);
  Expect(
      "sigmoid_cross_entropy_loss",
      {"xentropy/zeros_like ZerosLike", "xentropy/GreaterEqual GreaterEqual",
       "xentropy/Select Select", "xentropy/Neg Neg", "xentropy/Select_1 Select", "xentropy/mul Mul",
       "xentropy/sub Sub", "xentropy/Exp Exp", "xentropy/Log1p Log1p", "xentropy AddV2"});
}

TEST_F(LossesNamesTest, ScopesAreNumbered) {  // LS-1
  EXPECT_EQ(MeanSquaredError(root_, labels_, x_).name(), "mean_squared_error/value:0");
  EXPECT_EQ(MeanSquaredError(root_, labels_, x_).name(), "mean_squared_error_1/value:0");
  EXPECT_EQ(HuberLoss(root_, labels_, x_).name(), "huber_loss/value:0");
  EXPECT_EQ(LogLoss(root_, labels_, x_).name(), "log_loss/value:0");
  EXPECT_EQ(HingeLoss(root_, labels_, x_).name(), "hinge_loss/value:0");
  EXPECT_EQ(ComputeWeightedLoss(root_, x_).name(), "weighted_loss/value:0");
  EXPECT_EQ(CosineDistance(root_, labels_, x_, {.axis = 1}).name(), "cosine_distance_loss/value:0");
  EXPECT_EQ(MeanPairwiseSquaredError(root_, labels_, x_).name(),
            "mean_pairwise_squared_error/value_2:0");
  EXPECT_EQ(MeanSquaredError(root_, labels_, x_, {.scope = "mine"}).name(), "mine/value:0");
}

TEST_F(LossesNamesTest, Totals) {  // LS-4
  const Output none = RegularizationLoss(root_);
  EXPECT_EQ(none.name(), "total_regularization_loss:0");
  EXPECT_EQ(none.node()->op(), "Const");
  graph_.AddToCollection(keys::kRegularizationLosses, ops::Const(root_.Named("penalty"), 1.0f));
  MeanSquaredError(root_, labels_, x_);
  TotalLoss(root_);
  EXPECT_EQ(InputsOf("total_loss"), (Strings{"mean_squared_error/value:0", "penalty:0"}));
}

}  // namespace
}  // namespace sluice::losses
