#include "train/pruning.h"

#include <cmath>

#include "graph/partition.h"
#include "ops/binary.h"
#include "ops/matmul.h"
#include "ops/summary.h"
#include "tests/testing/program/names.h"
#include "train/global_step.h"
#include "train/gradient_descent.h"
#include "train/losses.h"

namespace sluice::pruning {
namespace {

class PruningTest : public NamesFixture {
 protected:
  // A weight 1, 2, ..., n in the variable scope `scope`, masked.
  Variable Weight(const std::string& scope, int n) {
    std::vector<float> values(n);
    for (int i = 0; i < n; ++i) values[i] = static_cast<float>(i + 1);
    const Scope inside = root_.VariableScope(scope);
    const Variable w =
        GetVariable(inside, "kernel", {.initializer = Tensor::Of<float>({n}, values)});
    ApplyMask(inside, w, inside);
    return w;
  }
  HParams Parsed(const std::string& text) {
    const absl::StatusOr<HParams> h = HParams::Parse(text);
    EXPECT_THAT(h, IsOk());
    return h.ok() ? *h : HParams();
  }
  double At(const Output& x) { return ToDoubles(Run(x))[0]; }
  std::vector<double> MaskOf(int i) { return ToDoubles(Run(GetMasks(graph_)[i])); }
  double Kept(int i) {
    double kept = 0;
    for (const double m : MaskOf(i)) kept += m;
    return kept;
  }
};

TEST_F(PruningTest, SparsityFollowsThePolynomial) {  // PR-10
  const Variable step = train::CreateGlobalStep(root_);
  const Pruning pruning(root_, Parsed("initial_sparsity=0.2,target_sparsity=0.8,"
                                      "sparsity_function_begin_step=10,"
                                      "sparsity_function_end_step=20"));
  ASSERT_THAT(graph_.status(), IsOk());
  EXPECT_EQ(pruning.sparsity().name(), "model_pruning/sparsity:0");
  EXPECT_EQ(pruning.sparsity().dtype(), DType::kFloat);
  EXPECT_EQ(pruning.sparsity().shape(), TensorShape({}));
  const Output next = ops::Placeholder(root_, DType::kInt64, {});
  const Output set = step.Assign(root_, next);
  const std::pair<int64_t, double> cases[] = {
      {0, 0.2}, {10, 0.2}, {15, 0.8 - 0.6 * 0.125}, {18, 0.8 - 0.6 * 0.008}, {20, 0.8}, {99, 0.8}};
  for (const auto& [at, want] : cases) {
    Run(Outputs{set}, {{next, Tensor::Scalar(at)}});
    EXPECT_NEAR(At(pruning.sparsity()), want, 1e-6) << at;
  }
}

TEST_F(PruningTest, TakesAStepAndASparsityFromOutside) {  // PR-10
  const Variable outside =
      NewVariable(root_.Named("outside"), Tensor::Scalar(0.25f), {.trainable = false});
  const Pruning pruning(root_, {.name = "p"}, ops::Const(root_, 7), outside);
  ASSERT_THAT(graph_.status(), IsOk());
  EXPECT_EQ(graph_.FindNode("p/sparsity"), nullptr);
  EXPECT_EQ(pruning.sparsity().name(), outside.value().name());
  EXPECT_EQ(At(pruning.sparsity()), 0.25);
}

TEST_F(PruningTest, NeedsAGlobalStep) {  // PR-13
  Pruning pruning(root_);
  ExpectInvalid("None values not supported");
}

TEST_F(PruningTest, RefusesHyperParametersOutOfRange) {  // PR-9
  train::CreateGlobalStep(root_);
  Pruning pruning(root_, {.target_sparsity = 1});
  ExpectInvalid("target_sparsity must be in range [0,1)");
}

TEST_F(PruningTest, LastUpdateIsAnInt32VariableAndShared) {  // PR-13
  train::CreateGlobalStep(root_);
  const Pruning one(root_, {.name = "p"}), two(root_, {.name = "p"});
  ASSERT_THAT(graph_.status(), IsOk());
  const Variable last = one.last_mask_update_step();
  EXPECT_EQ(last.name(), "p/last_mask_update_step:0");
  EXPECT_EQ(last.dtype(), DType::kInt32);
  EXPECT_EQ(last.shape(), TensorShape({}));
  EXPECT_FALSE(last.trainable());
  EXPECT_EQ(last, two.last_mask_update_step());
  EXPECT_EQ(At(last), 0);
}

TEST_F(PruningTest, MaskUpdateAssignsMasksThresholdsAndTheStep) {  // PR-13
  const Variable step = train::CreateGlobalStep(root_);
  Weight("a", 100);
  Weight("b", 10);
  Pruning pruning(root_, {}, {}, ops::Const(root_, 0.5f));
  const Output update = pruning.MaskUpdateOp(root_);
  ASSERT_THAT(graph_.status(), IsOk());
  EXPECT_TRUE(update.is_operation());
  EXPECT_EQ(update.node()->op(), "NoOp");
  EXPECT_EQ(update.name(), "model_pruning_1/mask_update");
  for (const char* name : {"a/mask_assign", "a/threshold_assign", "b/mask_assign",
                           "b/threshold_assign", "last_mask_update_step_assign"})
    EXPECT_NE(graph_.FindNode(absl::StrCat("model_pruning_1/", name)), nullptr) << name;
  const Output set = step.Assign(root_, ops::Const(root_, int64_t{17}));
  Run(set);
  EXPECT_EQ(Kept(0), 100);
  Run(update);
  EXPECT_EQ(Kept(0), 50);
  EXPECT_EQ(Kept(1), 5);
  EXPECT_EQ(At(GetThresholds(graph_)[0]), 51);
  EXPECT_EQ(At(GetThresholds(graph_)[1]), 6);
  EXPECT_EQ(At(pruning.last_mask_update_step()), 17);
}

TEST_F(PruningTest, AssignmentsAreBuiltOnce) {  // PR-13
  train::CreateGlobalStep(root_);
  Weight("a", 4);
  Pruning pruning(root_);
  EXPECT_EQ(pruning.MaskAssignOps(root_).size(), 2u);
  pruning.MaskUpdateOp(root_);
  const int nodes = graph_.num_nodes();
  pruning.MaskUpdateOp(root_);
  ASSERT_THAT(graph_.status(), IsOk());
  EXPECT_LT(graph_.num_nodes() - nodes, 6);  // step, its assignment, NoOp; no new masks
  pruning.MaskAssignOps(root_);
  ExpectInvalid("Assign op list not empty");
}

TEST_F(PruningTest, MissingThresholdsAreAnError) {  // PR-13
  train::CreateGlobalStep(root_);
  Weight("a", 4);
  graph_.ClearCollection(kThresholdCollection);
  Pruning(root_).MaskUpdateOp(root_);
  ExpectInvalid("Number of masks 1 and number of thresholds 0 mismatch");
}

TEST_F(PruningTest, ConditionalUpdateRunsAtItsSteps) {  // PR-13: 3, 6 and 9
  const Variable step = train::CreateGlobalStep(root_);
  Weight("a", 100);
  const Variable sparsity =
      NewVariable(root_.Named("sparsity"), Tensor::Scalar(0.0f), {.trainable = false});
  Pruning pruning(root_, {.begin_pruning_step = 2, .end_pruning_step = 9, .pruning_frequency = 3},
                  {}, sparsity);
  const Output update = pruning.ConditionalMaskUpdateOp(root_);
  const Output more = sparsity.AssignAdd(root_, ops::Const(root_, 0.05f));
  const Output next = step.AssignAdd(root_, ops::Const(root_, int64_t{1}));
  ASSERT_THAT(graph_.status(), IsOk());
  // Steps 0 to 12; at step t sparsity is 0.05 t, so that 100 - 5 t weights stay.
  const double kept[] = {100, 100, 100, 85, 85, 85, 70, 70, 70, 55, 55, 55, 55};
  const double last[] = {0, 0, 0, 3, 3, 3, 6, 6, 6, 9, 9, 9, 9};
  for (int t = 0; t <= 12; ++t) {
    Run(update);
    EXPECT_EQ(Kept(0), kept[t]) << t;
    EXPECT_EQ(At(pruning.last_mask_update_step()), last[t]) << t;
    Run(Outputs{more, next});
  }
}

TEST_F(PruningTest, ConditionalUpdateGoesOnForEver) {  // PR-13: end -1; TensorFlow's test, too
  const Variable step = train::CreateGlobalStep(root_);
  Weight("a", 10);
  Pruning pruning(root_, {.pruning_frequency = 2}, {}, ops::Const(root_, 0.5f));
  const Output update = pruning.ConditionalMaskUpdateOp(root_);
  const Output set = step.Assign(root_, ops::Const(root_, int64_t{1'000'000}));
  Run(update);
  EXPECT_EQ(Kept(0), 10);  // 0 + 2 > 0
  Run(set);
  Run(update);
  EXPECT_EQ(Kept(0), 5);
  EXPECT_EQ(At(pruning.last_mask_update_step()), 1'000'000);
}

TEST_F(PruningTest, WeightsHaveTargetsOfTheirOwn) {  // PR-10: s * own / target
  train::CreateGlobalStep(root_);
  Weight("conv1", 100);
  Weight("conv2", 100);
  Weight("dense", 100);
  Pruning pruning(root_, Parsed("weight_sparsity_map=[conv1:0.8,v2/ker:0.25],target_sparsity=0.5"),
                  {}, ops::Const(root_, 0.25f));
  Run(pruning.MaskUpdateOp(root_));
  EXPECT_EQ(Kept(0), 60);  // 0.25 * 0.8 / 0.5 = 0.4
  EXPECT_EQ(Kept(1), 88);  // 0.25 * 0.5 = 0.125: 87.5, to even
  EXPECT_EQ(Kept(2), 75);
}

TEST_F(PruningTest, SeveralMatchesAreAnError) {  // PR-9
  train::CreateGlobalStep(root_);
  Weight("conv1", 4);
  Pruning(root_, Parsed("weight_sparsity_map=[conv1:0.8,kernel:0.8]")).MaskUpdateOp(root_);
  ExpectInvalid("Multiple matches in weight_sparsity_map for weight conv1/kernel");
}

TEST_F(PruningTest, SeveralBlockDimsAreAnError) {  // PR-9
  train::CreateGlobalStep(root_);
  Weight("conv1", 4);
  Pruning(root_, Parsed("block_dims_map=[conv1:2x2,kernel:1x2]")).MaskUpdateOp(root_);
  ExpectInvalid("Multiple matches in block_dims_map for weight conv1/kernel");
}

TEST_F(PruningTest, ListedWeightsAreLeftAlone) {
  train::CreateGlobalStep(root_);
  Weight("conv1", 10);
  Weight("logits", 10);
  Pruning pruning(root_, Parsed("do_not_prune=[lo.its/]"), {}, ops::Const(root_, 0.5f));
  Run(pruning.MaskUpdateOp(root_));
  EXPECT_EQ(Kept(0), 5);
  EXPECT_EQ(Kept(1), 10);
  EXPECT_EQ(graph_.FindNode("model_pruning_1/logits/mask_assign"), nullptr);
}

TEST_F(PruningTest, BlocksByName) {  // PR-12
  train::CreateGlobalStep(root_);
  const Scope a = root_.VariableScope("a"), b = root_.VariableScope("b");
  for (const Scope& s : {a, b})
    ApplyMask(s, GetVariable(s, "kernel", {.initializer = Tensor::Of<float>({2, 2}, {4, 1, 3, 2})}),
              s);
  Pruning pruning(root_, Parsed("block_dims_map=[a/:-1x1]"), {}, ops::Const(root_, 0.5f));
  Run(pruning.MaskUpdateOp(root_));
  EXPECT_EQ(MaskOf(0), (std::vector<double>{1, 0, 1, 0}));
  EXPECT_EQ(MaskOf(1), (std::vector<double>{1, 0, 1, 0}));
  Pruning rows(root_, Parsed("name=rows,block_height=1,block_width=-1"), {},
               ops::Const(root_, 0.5f));
  Run(rows.MaskUpdateOp(root_));  // both rows have mean 2.5: a tie keeps both
  EXPECT_EQ(MaskOf(0), (std::vector<double>{1, 1, 1, 1}));
}

TEST_F(PruningTest, ThresholdsDecayFromUpdateToUpdate) {  // PR-11
  train::CreateGlobalStep(root_);
  Weight("a", 10);
  Pruning pruning(root_, {.threshold_decay = 0.5}, {}, ops::Const(root_, 0.5f));
  const Output update = pruning.MaskUpdateOp(root_);
  Run(update);
  EXPECT_EQ(At(GetThresholds(graph_)[0]), 3);  // 6 * 0.5 + 0 * 0.5
  EXPECT_EQ(Kept(0), 8);
  Run(update);
  EXPECT_EQ(At(GetThresholds(graph_)[0]), 4.5);
  EXPECT_EQ(Kept(0), 6);
}

TEST_F(PruningTest, PartitionedWeights) {  // PR-17
  train::CreateGlobalStep(root_);
  const Scope p = root_.VariableScope("p", {.partitioner = FixedSizePartitioner(3)});
  std::vector<float> values(10);
  for (int i = 0; i < 10; ++i) values[i] = static_cast<float>(i + 1);
  const Variable w = GetVariable(p, "kernel", {.shape = {10}, .initializer = OnesInitializer});
  ApplyMask(p, w, p);
  const Output set = w.Assign(root_, ops::Const<float>(root_, values, {10}));
  Pruning pruning(root_, {}, {}, ops::Const(root_, 0.5f));
  const Output update = pruning.MaskUpdateOp(root_);
  ASSERT_THAT(graph_.status(), IsOk());
  EXPECT_NE(graph_.FindNode("model_pruning_1/p/mask_group_assign"), nullptr);
  Run(set);
  Run(update);
  EXPECT_EQ(MaskOf(0), (std::vector<double>{0, 0, 0, 0, 0, 1, 1, 1, 1, 1}));
}

TEST_F(PruningTest, ReferenceVariables) {
  const Scope refs = RootFor(Kind::kReference);
  train::CreateGlobalStep(refs);
  const Variable w = GetVariable(refs, "w", {.initializer = Tensor::Of<float>({4}, {4, 3, 2, 1})});
  ApplyMask(refs, w);
  Pruning pruning(refs, {.pruning_frequency = 0});
  Run(pruning.ConditionalMaskUpdateOp(refs));  // sparsity 0 at step 0
  EXPECT_EQ(Kept(0), 4);
  Pruning half(refs, {.name = "half"}, {}, ops::Const(refs, 0.5f));
  Run(half.MaskUpdateOp(refs));
  EXPECT_EQ(Kept(0), 2);
}

TEST_F(PruningTest, Summaries) {  // PR-14
  train::CreateGlobalStep(root_);
  Weight("a", 4);
  const Pruning pruning(root_, {.name = "p"});
  pruning.AddPruningSummaries(root_);
  ASSERT_THAT(graph_.status(), IsOk());
  EXPECT_EQ(Names(graph_.Summaries()),
            (Strings{"p_summaries/sparsity:0", "p_summaries/last_mask_update_step:0",
                     "p_summaries/a/mask/sparsity:0", "p_summaries/a/threshold/threshold:0"}));
  EXPECT_FALSE(Run(ops::MergeAllSummaries(root_)).flat<std::string>()[0].empty());
}

// A weight of 20 values learns targets 1 to 20 while it is pruned.
class PruningWhileTraining : public PruningTest {
 protected:
  void Build(const HParams& h) {
    step_ = train::CreateGlobalStep(root_);
    weight_ = GetVariable(root_, "kernel", {.shape = {20}, .initializer = OnesInitializer});
    masked_ = ApplyMask(root_, weight_);
    std::vector<float> targets(20);
    for (int i = 0; i < 20; ++i) targets[i] = static_cast<float>(i + 1);
    loss_ = losses::MeanSquaredError(root_, ops::Const<float>(root_, targets, {20}), masked_);
    const Output train_op = train::GradientDescent({.learning_rate = 1.0f})
                                .Minimize(root_, loss_, {.global_step = step_});
    pruning_.emplace(root_, h);
    train_op_ = pruning_->AfterTraining(root_, train_op);
    ASSERT_THAT(graph_.status(), IsOk());
  }
  Variable step_, weight_;
  Output masked_, loss_, train_op_;
  std::optional<Pruning> pruning_;
};

TEST_F(PruningWhileTraining, MasksFollowTheStepThatWasJustTaken) {  // PR-16
  Build(
      Parsed("pruning_frequency=1,target_sparsity=0.5,sparsity_function_end_step=10,"
             "sparsity_function_exponent=1"));
  for (int t = 1; t <= 12; ++t) {
    Run(train_op_);
    EXPECT_EQ(At(step_), t);
    EXPECT_EQ(At(pruning_->last_mask_update_step()), t);
    EXPECT_EQ(Kept(0), t < 10 ? 20 - t : 10) << t;  // s = 0.05 t
  }
}

TEST_F(PruningWhileTraining, LossFallsAndMasksStayWhenPruningEnds) {
  Build(
      Parsed("pruning_frequency=5,end_pruning_step=100,target_sparsity=0.8,"
             "sparsity_function_end_step=90"));
  const double before = At(loss_);
  for (int t = 0; t < 101; ++t) Run(train_op_);
  EXPECT_EQ(Kept(0), 4);
  const std::vector<double> mask = MaskOf(0), frozen = ToDoubles(Run(weight_));
  for (int t = 0; t < 50; ++t) Run(train_op_);
  EXPECT_EQ(MaskOf(0), mask);
  const std::vector<double> after = ToDoubles(Run(weight_)), used = ToDoubles(Run(masked_));
  for (int i = 0; i < 20; ++i) {
    EXPECT_EQ(mask[i], i >= 16 ? 1 : 0) << i;  // the largest stayed
    EXPECT_EQ(mask[i] == 0 ? after[i] : frozen[i], frozen[i]) << i;
    EXPECT_EQ(used[i], mask[i] * after[i]) << i;
  }
  // What is left: the pruned targets, 1^2 + ... + 16^2 over 20.
  EXPECT_NEAR(At(loss_), 16 * 17 * 33 / 6.0 / 20, 0.5);
  EXPECT_LT(At(loss_), before);
}

}  // namespace
}  // namespace sluice::pruning
