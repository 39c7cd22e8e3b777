// Rules LS-1 to LS-4. Expected numbers are worked by hand in the comments.
#include "train/losses.h"

#include <cmath>

#include "graph/gradients.h"
#include "layers/initializers.h"
#include "layers/regularizers.h"
#include "tests/testing/program/program_fixture.h"

namespace sluice::losses {
namespace {

class LossesTest : public ProgramFixture {
 protected:
  void ExpectLoss(const Output& loss, float want) {
    ASSERT_THAT(graph_.status(), IsOk());
    ExpectClose(Run(loss), Tensor::Scalar<float>(want));
  }
  // 1 to 6.
  Output Elements() { return Values({2, 3}, {1, 2, 3, 4, 5, 6}); }
};

// --- weights and reductions ---

struct ReductionCase {
  Reduction reduction;
  float unweighted, doubled, rows, zero;
};

TEST(WeightedLossTest, EveryReduction) {  // LS-1
  // Elements 1 to 6: sum 21. Weight 2: sum 42, weights sum to 12. Weights [[3] [0]]: 3 6 9 0 0 0,
  // sum 18, weights sum to 9, 3 of 6 present. Weight 0: all 0.
  const std::vector<ReductionCase> cases = {
      {Reduction::kSum, 21, 42, 18, 0},
      {Reduction::kMean, 3.5, 3.5, 2, 0},
      {Reduction::kSumOverBatchSize, 3.5, 7, 3, 0},
      {Reduction::kSumByNonzeroWeights, 3.5, 7, 6, 0},
  };
  for (const ReductionCase& c : cases) {
    SCOPED_TRACE(static_cast<int>(c.reduction));
    for (const bool known : {true, false}) {
      SCOPED_TRACE(known ? "known shapes" : "unknown shapes");
      Graph graph(ops::Builtin());
      const Scope root = Scope::Root(graph);
      const TensorShape shape = known ? TensorShape({2, 3}) : TensorShape::Unknown();
      const Output x = ops::Placeholder(root, DType::kFloat, shape);
      const Output two = ops::Const(root, 2.0f), none = ops::Const(root, 0.0f);
      const Output rows = ops::Const<float>(root, {3, 0}, {2, 1});
      const Outputs losses = {
          ComputeWeightedLoss(root, x, {.reduction = c.reduction}),
          ComputeWeightedLoss(root, x, {.weights = two, .reduction = c.reduction}),
          ComputeWeightedLoss(root, x, {.weights = rows, .reduction = c.reduction}),
          ComputeWeightedLoss(root, x, {.weights = none, .reduction = c.reduction})};
      absl::StatusOr<Session> session = Session::Create(graph, {.threads = 1});
      ASSERT_THAT(session, IsOk());
      const auto values =
          session->Run({{x, Tensor::Of<float>({2, 3}, {1, 2, 3, 4, 5, 6})}}, losses);
      ASSERT_THAT(values, IsOk());
      const float want[] = {c.unweighted, c.doubled, c.rows, c.zero};
      for (int i = 0; i < 4; ++i) {
        ExpectClose((*values)[i], Tensor::Scalar<float>(want[i]), {}, std::to_string(i));
      }
    }
  }
}

TEST_F(LossesTest, NoReduction) {
  const Output loss = ComputeWeightedLoss(
      root_, Elements(), {.weights = Values({1, 3}, {1, 0, -1}), .reduction = Reduction::kNone});
  ExpectClose(Run(loss), Tensor::Of<float>({2, 3}, {1, 0, -3, 4, 0, -6}));
}

TEST_F(LossesTest, IntegerWeightsAreCast) {
  ExpectLoss(ComputeWeightedLoss(root_, Elements(),
                                 {.weights = ops::Const(root_, 2), .reduction = Reduction::kSum}),
             42);
}

TEST_F(LossesTest, EmptyBatchIsZero) {
  const Output none = Values({0, 3}, {});
  for (Reduction r : {Reduction::kSum, Reduction::kMean, Reduction::kSumOverBatchSize,
                      Reduction::kSumByNonzeroWeights}) {
    session_.reset();
    ExpectLoss(ComputeWeightedLoss(root_, none, {.reduction = r}), 0);
  }
}

TEST_F(LossesTest, NamesAndCollections) {
  const Output a = ComputeWeightedLoss(root_, Elements());
  const Output b = ComputeWeightedLoss(root_, Elements(), {.scope = "mine"});
  ComputeWeightedLoss(root_, Elements(), {.loss_collection = ""});
  const Output d = ComputeWeightedLoss(root_, Elements(), {.loss_collection = "other"});
  EXPECT_EQ(a.name(), "weighted_loss/value:0");
  EXPECT_EQ(b.name(), "mine/value:0");
  EXPECT_EQ(graph_.OutputsIn(keys::kLosses), (Outputs{a, b}));
  EXPECT_EQ(graph_.OutputsIn("other"), (Outputs{d}));
}

TEST_F(LossesTest, WeightsOfAnotherRankAreRefused) {
  ComputeWeightedLoss(root_, Elements(), {.weights = Values({3}, {1, 2, 3})});
  ExpectInvalid("weights can not be broadcast to values. values.shape=[2,3]. weights.shape=[3].");
}

TEST_F(LossesTest, WeightsOfAnotherSizeAreRefused) {
  ComputeWeightedLoss(root_, Elements(), {.weights = Values({2, 2}, {1, 2, 3, 4})});
  ExpectInvalid("weights can not be broadcast to values.");
}

TEST_F(LossesTest, WeightsMayNotMakeTheLossLarger) {
  ComputeWeightedLoss(root_, Values({1, 3}, {1, 2, 3}), {.weights = Values({2, 1}, {1, 2})});
  ExpectInvalid("weights can not be broadcast to values.");
}

// --- regression ---

TEST_F(LossesTest, MeanSquaredError) {
  const Output loss = MeanSquaredError(root_, Values({2}, {1, 2}), Values({2}, {3, 5}));
  EXPECT_EQ(loss.name(), "mean_squared_error/value:0");
  ExpectLoss(loss, 6.5);  // (4 + 9) / 2
}

TEST_F(LossesTest, IntegerLabelsAreCast) {
  ExpectLoss(MeanSquaredError(root_, ops::Const<int32_t>(root_, {1, 2}), Values({2}, {3, 5})), 6.5);
}

TEST_F(LossesTest, MeanSquaredErrorGradient) {
  const Output p = Values({2}, {3, 5});
  const Output loss = MeanSquaredError(root_, Values({2}, {1, 2}), p);
  const Outputs gradient = Gradients(root_, {loss}, {p});
  ASSERT_THAT(graph_.status(), IsOk());
  ExpectClose(Run(gradient[0]), Tensor::Of<float>({2}, {2, 3}));  // 2 (p - l) / 2
}

TEST_F(LossesTest, AbsoluteDifference) {
  const Output loss = AbsoluteDifference(root_, Values({2}, {1, 8}), Values({2}, {3, 5}));
  EXPECT_EQ(loss.name(), "absolute_difference/value:0");
  ExpectLoss(loss, 2.5);
}

TEST_F(LossesTest, Huber) {
  const Output labels = Values({3}, {0, 0, 0}), p = Values({3}, {0.5, -2, 3});
  const Output one = HuberLoss(root_, labels, p);
  const Output wide = HuberLoss(root_, labels, p, 2.5);
  EXPECT_EQ(one.name(), "huber_loss/value:0");
  ExpectLoss(one, (0.125f + 1.5f + 2.5f) / 3);     // e^2/2, then 1/2 + (|e| - 1)
  ExpectLoss(wide, (0.125f + 2.0f + 4.375f) / 3);  // 2.5^2/2 + 2.5 (3 - 2.5)
}

TEST_F(LossesTest, LogLoss) {
  const Output loss = LogLoss(root_, Values({2}, {1, 0}), Values({2}, {0.5, 0.8}));
  EXPECT_EQ(loss.name(), "log_loss/value:0");
  ExpectLoss(loss, 1.1512925f);  // (-ln 0.5 - ln 0.2) / 2
}

TEST_F(LossesTest, LogLossEpsilonBoundsIt) {
  ExpectLoss(LogLoss(root_, Values({1}, {1}), Values({1}, {0}), 0.1f), 2.3025851f);  // -ln 0.1
}

TEST_F(LossesTest, Hinge) {
  const Output loss = HingeLoss(root_, Values({3}, {1, 0, 0}), Values({3}, {0.5, -2, 2}));
  EXPECT_EQ(loss.name(), "hinge_loss/value:0");
  ExpectLoss(loss, 3.5f / 3);  // 1 - 0.5, max(0, 1 - 2), 1 + 2
}

// --- classification ---

TEST_F(LossesTest, SigmoidCrossEntropy) {
  const Output loss = SigmoidCrossEntropy(root_, Values({3}, {1, 0, 1}), Values({3}, {0, 2, -100}));
  EXPECT_EQ(loss.name(), "sigmoid_cross_entropy_loss/value:0");
  ExpectLoss(loss, (0.69314718f + 2.1269280f + 100) / 3);  // ln 2, ln(1 + e^2), 100
}

TEST_F(LossesTest, SigmoidLabelSmoothing) {
  // l = 0.9: 2 - 1.8 + ln(1 + e^-2).
  ExpectLoss(
      SigmoidCrossEntropy(root_, Values({1}, {1}), Values({1}, {2}), {.label_smoothing = 0.2f}),
      0.3269280f);
}

TEST_F(LossesTest, SoftmaxCrossEntropy) {
  // Probabilities 1/2 1/2 and 3/4 1/4.
  const Output loss = SoftmaxCrossEntropy(root_, Values({2, 2}, {1, 0, 0, 1}),
                                          Values({2, 2}, {0, 0, std::log(3.0f), 0}));
  EXPECT_EQ(loss.name(), "softmax_cross_entropy_loss/value:0");
  ExpectLoss(loss, (0.69314718f + 1.3862944f) / 2);
}

TEST_F(LossesTest, SoftmaxLabelSmoothing) {
  // l = 0.9 0.1: -0.9 ln 0.75 - 0.1 ln 0.25.
  ExpectLoss(SoftmaxCrossEntropy(root_, Values({1, 2}, {1, 0}), Values({1, 2}, {std::log(3.0f), 0}),
                                 {.label_smoothing = 0.2f}),
             0.39754330f);
}

TEST_F(LossesTest, SoftmaxOfHigherRank) {
  const Output loss = SoftmaxCrossEntropy(root_, Values({2, 1, 2}, {1, 0, 0, 1}),
                                          Values({2, 1, 2}, {0, 0, std::log(3.0f), 0}),
                                          {.weights = Values({2, 1}, {1, 0})});
  ExpectLoss(loss, 0.69314718f);
}

TEST_F(LossesTest, NoGradientFlowsToSoftmaxLabels) {
  const Output labels = Values({1, 2}, {1, 0}), logits = Values({1, 2}, {std::log(3.0f), 0});
  const Output loss = SoftmaxCrossEntropy(root_, labels, logits);
  const Outputs gradients = Gradients(root_, {loss}, {labels, logits});
  ASSERT_THAT(graph_.status(), IsOk());
  EXPECT_TRUE(gradients[0].empty());
  ExpectClose(Run(gradients[1]), Tensor::Of<float>({1, 2}, {-0.25, 0.25}));  // p - l
}

TEST_F(LossesTest, SparseSoftmaxCrossEntropy) {
  const Output logits = Values({2, 2}, {0, 0, std::log(3.0f), 0});
  const Output loss = SparseSoftmaxCrossEntropy(root_, ops::Const<int64_t>(root_, {0, 1}), logits);
  EXPECT_EQ(loss.name(), "sparse_softmax_cross_entropy_loss/value:0");
  const Output column =
      SparseSoftmaxCrossEntropy(root_, ops::Const<int32_t>(root_, {0, 1}, {2, 1}), logits);
  const Output weighted = SparseSoftmaxCrossEntropy(root_, ops::Const<int32_t>(root_, {0, 1}),
                                                    logits, {.weights = Values({2}, {0, 3})});
  ExpectLoss(loss, (0.69314718f + 1.3862944f) / 2);
  ExpectLoss(column, (0.69314718f + 1.3862944f) / 2);
  ExpectLoss(weighted, 3 * 1.3862944f);
}

TEST_F(LossesTest, SparseSoftmaxOfHigherRank) {
  const Output labels = ops::Const<int32_t>(root_, {0, 1}, {1, 2});
  const Output logits = Values({1, 2, 2}, {0, 0, std::log(3.0f), 0});
  const Output loss =
      SparseSoftmaxCrossEntropy(root_, labels, logits, {.reduction = Reduction::kNone});
  ExpectClose(Run(loss), Tensor::Of<float>({1, 2}, {0.69314718f, 1.3862944f}));
}

TEST_F(LossesTest, SparseLabelOutOfRangeFailsTheRun) {
  const Output labels = Input({1}, DType::kInt32);
  const Output loss = SparseSoftmaxCrossEntropy(root_, labels, Values({1, 2}, {1, 2}));
  for (int32_t label : {2, -1}) {
    EXPECT_THAT(TryRun({loss}, {{labels, Tensor::Of<int32_t>({1}, {label})}}),
                StatusIs(absl::StatusCode::kInvalidArgument, "sparse_softmax_cross_entropy_loss"));
  }
}

// --- refusals ---

TEST_F(LossesTest, ShapesThatCannotBeEqualAreRefused) {  // LS-2
  EXPECT_TRUE(MeanSquaredError(root_, Values({2}, {1, 2}), Values({3}, {1, 2, 3})).empty());
  ExpectInvalid("Shapes [3] and [2] are incompatible");
  ExpectInvalid("losses_test.cc:");
}

TEST_F(LossesTest, SparseRankMismatchIsRefused) {
  SparseSoftmaxCrossEntropy(root_, ops::Const<int32_t>(root_, {0, 1}, {1, 2}),
                            Values({2, 2}, {1, 2, 3, 4}));
  ExpectInvalid(
      "Rank mismatch: Rank of labels (received 2) should equal rank of logits minus 1 "
      "(received 2)");
}

TEST_F(LossesTest, SparseLogitsNeedARank) {
  SparseSoftmaxCrossEntropy(root_, Input({1}, DType::kInt32), Input(TensorShape::Unknown()));
  ExpectInvalid("logits need a known rank >= 1, got <unknown>");
}

TEST_F(LossesTest, SoftmaxLogitsNeedClasses) {
  SoftmaxCrossEntropy(root_, Input({2, -1}), Input({2, -1}));
  ExpectInvalid("logits need rank >= 2 and a known number of classes, got [2,?]");
}

TEST_F(LossesTest, SmoothingIsBounded) {
  SigmoidCrossEntropy(root_, Values({1}, {1}), Values({1}, {1}), {.label_smoothing = 1.5f});
  ExpectInvalid("label_smoothing must be in [0, 1], got 1.5");
}

TEST_F(LossesTest, EmptyInputsGiveEmptyOutputs) {
  const Output x = Elements();
  EXPECT_TRUE(MeanSquaredError(root_, Output(), x).empty());
  EXPECT_TRUE(SparseSoftmaxCrossEntropy(root_, x, Output()).empty());
  EXPECT_TRUE(ComputeWeightedLoss(root_, Output()).empty());
  EXPECT_TRUE(graph_.OutputsIn(keys::kLosses).empty());
}

// --- totals ---

TEST_F(LossesTest, RegularizationLossIsZeroWithoutAny) {  // LS-4
  ExpectLoss(RegularizationLoss(root_), 0);
}

TEST_F(LossesTest, Totals) {
  GetVariable(root_, "w",
              {.shape = {2},
               .initializer = initializers::Constant(2),
               .regularizer = L2Regularizer(0.25)});                  // 0.25 * 8 / 2
  MeanSquaredError(root_, Values({2}, {1, 2}), Values({2}, {3, 5}));  // 6.5
  AbsoluteDifference(root_, Values({1}, {1}), Values({1}, {4}));      // 3
  const Output penalty = RegularizationLoss(root_);
  const Output total = TotalLoss(root_), without = TotalLoss(root_, false);
  EXPECT_EQ(penalty.name(), "total_regularization_loss:0");
  EXPECT_EQ(total.name(), "total_loss:0");
  ExpectLoss(penalty, 1);
  ExpectLoss(total, 10.5);
  ExpectLoss(without, 9.5);
}

TEST_F(LossesTest, TotalOfNothingIsRefused) {
  EXPECT_TRUE(TotalLoss(root_).empty());
  ExpectInvalid("the graph has no losses");
}

}  // namespace
}  // namespace sluice::losses
