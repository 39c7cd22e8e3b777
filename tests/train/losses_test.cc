// Rules LS-1 to LS-4. Expected numbers are worked by hand in the comments.
#include "train/losses.h"

#include <functional>

#include "graph/gradients.h"
#include "layers/initializers.h"
#include "layers/regularizers.h"
#include "ops/cast.h"
#include "tests/testing/program/loss_fixture.h"

namespace sluice::losses {
namespace {

class LossesTest : public LossFixture {};

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
      absl::StatusOr<Session> session = Session::Create(graph, {.intra_op_threads = 1});
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

// Where shapes are unknown while building, the run refuses what TensorFlow's would.
TEST(WeightedLossTest, WeightsAreCheckedWhenTheyRun) {  // LS-1
  struct Case {
    TensorShape weights, values;
    bool fits;
  };
  const std::vector<Case> cases = {{{}, {2, 3}, true},      {{2, 3}, {2, 3}, true},
                                   {{1, 3}, {2, 3}, true},  {{2, 1}, {2, 3}, true},
                                   {{1, 1}, {2, 3}, true},  {{3}, {2, 3}, false},
                                   {{2, 3}, {1, 3}, false}, {{1, 2, 3}, {2, 3}, false},
                                   {{1}, {}, false},        {{2, 3}, {}, false}};
  for (const Case& c : cases) {
    for (const bool known_rank : {true, false}) {
      if (known_rank && c.weights.rank() != c.values.rank()) continue;  // refused while building
      SCOPED_TRACE(c.weights.ToString() + " to " + c.values.ToString());
      Graph graph(ops::Builtin());
      const Scope root = Scope::Root(graph);
      const auto input = [&](const TensorShape& shape) {
        return ops::Placeholder(
            root, DType::kFloat,
            known_rank ? TensorShape::OfRank(shape.rank()) : TensorShape::Unknown());
      };
      const Output x = input(c.values), w = input(c.weights);
      const Output loss = ComputeWeightedLoss(root, x, {.weights = w});
      absl::StatusOr<Session> session = Session::Create(graph, {.intra_op_threads = 1});
      ASSERT_THAT(session, IsOk());
      const auto result = session->Run(
          {{x, RandomTensor(DType::kFloat, c.values)}, {w, RandomTensor(DType::kFloat, c.weights)}},
          {loss});
      if (c.fits) {
        EXPECT_THAT(result, IsOk());
      } else {
        EXPECT_THAT(result, StatusIs(absl::StatusCode::kInvalidArgument,
                                     "weights can not be broadcast to values."));
      }
    }
  }
}

TEST_F(LossesTest, WeightsOfAnyDType) {
  const std::vector<Output> weights = {ops::Const<bool>(root_, {true, false, true}, {1, 3}),
                                       ops::Const<int64_t>(root_, {1, 0, 1}, {1, 3}),
                                       ops::Const<double>(root_, {1, 0, 1}, {1, 3}),
                                       ops::Cast(root_, Values({1, 3}, {1, 0, 1}), DType::kHalf),
                                       ops::Const<uint8_t>(root_, {1, 0, 1}, {1, 3})};
  Outputs losses;
  for (const Output& w : weights)
    losses.push_back(ComputeWeightedLoss(root_, Elements(), {.weights = w}));
  ASSERT_THAT(graph_.status(), IsOk());
  for (const Tensor& loss : Run(losses)) ExpectClose(loss, Tensor::Scalar<float>(3.5));  // 14 / 4
}

TEST_F(LossesTest, LossesOfOtherDTypesAreCastBack) {  // LS-1
  const Output doubles = ops::Const<double>(root_, {1, 2, 6});
  const Output halves = ops::Cast(root_, doubles, DType::kHalf);
  const Output integers = ops::Const<int32_t>(root_, {1, 2, 6});
  const Outputs losses = {ComputeWeightedLoss(root_, doubles), ComputeWeightedLoss(root_, halves),
                          ComputeWeightedLoss(root_, integers),
                          ComputeWeightedLoss(root_, doubles, {.reduction = Reduction::kNone})};
  const std::vector<Tensor> values = Run(losses);
  ExpectClose(values[0], Tensor::Scalar<double>(3));
  EXPECT_EQ(values[1].dtype(), DType::kHalf);
  ExpectClose(values[2], Tensor::Scalar<int32_t>(3));
  ExpectClose(values[3], Tensor::Of<double>({3}, {1, 2, 6}));
}

// The weights' own gradient: d(sum w l / 3) / dw = l / 3 while no weight is 0.
TEST_F(LossesTest, GradientsReachTheWeights) {
  const Output w = Values({3}, {1, 2, 3}), losses = Values({3}, {3, 6, 9});
  const Output loss = ComputeWeightedLoss(root_, losses, {.weights = w});
  const Outputs gradients = Gradients(root_, {loss}, {w, losses});
  ASSERT_THAT(graph_.status(), IsOk());
  ExpectClose(Run(gradients[0]), Tensor::Of<float>({3}, {1, 2, 3}));
  ExpectClose(Run(gradients[1]), Tensor::Of<float>({3}, {1.f / 3, 2.f / 3, 1}));
}

// --- refusals ---

TEST_F(LossesTest, ShapesThatCannotBeEqualAreRefused) {  // LS-2
  EXPECT_TRUE(MeanSquaredError(root_, Values({2}, {1, 2}), Values({3}, {1, 2, 3})).empty());
  ExpectInvalid("Shapes [3] and [2] are incompatible");
  ExpectInvalid("losses_test.cc:");
}

using LossFunction = std::function<Output(At, Output, Output)>;
struct NamedLoss {
  LossFunction loss;
  const char *labels, *predictions;
};
const std::vector<NamedLoss>& AllLosses() {
  static const auto* const all = new std::vector<NamedLoss>{
      {[](At at, Output l, Output p) { return MeanSquaredError(at, l, p); }, "labels",
       "predictions"},
      {[](At at, Output l, Output p) { return AbsoluteDifference(at, l, p); }, "labels",
       "predictions"},
      {[](At at, Output l, Output p) { return HuberLoss(at, l, p); }, "labels", "predictions"},
      {[](At at, Output l, Output p) { return LogLoss(at, l, p); }, "labels", "predictions"},
      {[](At at, Output l, Output p) { return HingeLoss(at, l, p); }, "labels", "logits"},
      {[](At at, Output l, Output p) { return CosineDistance(at, l, p, {.axis = 0}); }, "labels",
       "predictions"},
      {[](At at, Output l, Output p) { return MeanPairwiseSquaredError(at, l, p); }, "labels",
       "predictions"},
      {[](At at, Output l, Output p) { return SigmoidCrossEntropy(at, l, p); },
       "multi_class_labels", "logits"},
      {[](At at, Output l, Output p) { return SoftmaxCrossEntropy(at, l, p); }, "onehot_labels",
       "logits"},
      {[](At at, Output l, Output p) { return SparseSoftmaxCrossEntropy(at, l, p); }, "labels",
       "logits"}};
  return *all;
}

TEST(MissingArgumentsTest, AreRefusedByName) {  // LS-2
  for (const NamedLoss& c : AllLosses()) {
    for (const bool no_labels : {true, false}) {
      Graph graph(ops::Builtin());
      const Scope root = Scope::Root(graph);
      const Output x = ops::Const<float>(root, {1, 2}, {1, 2});
      EXPECT_TRUE(c.loss(root, no_labels ? Output() : x, no_labels ? x : Output()).empty());
      EXPECT_THAT(graph.status(), StatusIs(absl::StatusCode::kInvalidArgument,
                                           std::string(no_labels ? c.labels : c.predictions) +
                                               " must not be None."));
      EXPECT_TRUE(graph.OutputsIn(keys::kLosses).empty());
    }
  }
}

TEST(ShapesOfLossesTest, ThatCannotBeEqualAreRefused) {  // LS-2
  for (const NamedLoss& c : AllLosses()) {
    if (&c == &AllLosses().back()) continue;  // sparse labels have another shape
    Graph graph(ops::Builtin());
    const Scope root = Scope::Root(graph);
    EXPECT_TRUE(c.loss(root, ops::Const<float>(root, {1, 2}, {1, 2}),
                       ops::Const<float>(root, {1, 2, 3}, {1, 3}))
                    .empty());
    EXPECT_THAT(graph.status(), StatusIs(absl::StatusCode::kInvalidArgument,
                                         "Shapes [1,3] and [1,2] are incompatible"));
  }
}

TEST_F(LossesTest, AFailedGraphKeepsItsFirstError) {
  root_.graph().SetError(absl::InternalError("first"));
  for (const NamedLoss& c : AllLosses()) EXPECT_TRUE(c.loss(root_, Output(), Output()).empty());
  EXPECT_TRUE(ComputeWeightedLoss(root_, Output()).empty());
  ExpectError(absl::StatusCode::kInternal, "first");
}

TEST_F(LossesTest, LossesMustBeGiven) {
  EXPECT_TRUE(ComputeWeightedLoss(root_, Output()).empty());
  ExpectInvalid("losses must not be None.");
}

TEST_F(LossesTest, ReductionsAreChecked) {  // LS-1
  ComputeWeightedLoss(root_, Elements(), {.reduction = static_cast<Reduction>(7)});
  ExpectInvalid("Invalid ReductionKey 7.");
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

TEST_F(LossesTest, ListsAndTotalsOfAScope) {  // LS-4
  const Scope one = root_.Sub("one"), two = root_.Sub("two");
  const Output a = AbsoluteDifference(one, Values({1}, {1}), Values({1}, {4}));
  const Output b = AbsoluteDifference(two, Values({1}, {1}), Values({1}, {6}));
  const Output penalty = ops::Const(one.Named("penalty"), 10.0f);
  graph_.AddToCollection(keys::kRegularizationLosses, penalty);
  const Output other = ops::Const(root_.Named("one_other"), 1.0f);
  AddLoss(root_, other, "others");
  AddLoss(root_, other, "");
  EXPECT_EQ(GetLosses(root_), (Outputs{a, b}));
  EXPECT_EQ(GetLosses(root_, "one/"), (Outputs{a}));
  EXPECT_EQ(GetLosses(root_, "", "others"), (Outputs{other}));
  EXPECT_EQ(GetRegularizationLosses(root_), (Outputs{penalty}));
  EXPECT_TRUE(GetRegularizationLosses(root_, "two/").empty());
  const Output total = TotalLoss(root_.Named("mine"), true, "one/");
  EXPECT_EQ(total.name(), "mine:0");
  const Output penalties = RegularizationLoss(root_, "one/");
  const Output no_penalties = RegularizationLoss(root_, "two/");
  ExpectLoss(total, 13);
  ExpectLoss(penalties, 10);
  ExpectLoss(no_penalties, 0);
}

TEST_F(LossesTest, TotalOfNothingIsRefused) {
  EXPECT_TRUE(TotalLoss(root_).empty());
  ExpectInvalid("the graph has no losses");
}

}  // namespace
}  // namespace sluice::losses
