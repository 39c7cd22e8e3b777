#include "layers/masking.h"

#include "graph/gradients.h"
#include "graph/partition.h"
#include "ops/reduction.h"
#include "tests/testing/program/names.h"

namespace sluice::pruning {
namespace {

class MaskingTest : public NamesFixture {
 protected:
  Variable Weight(const Scope& scope, const TensorShape& shape,
                  const std::string& name = "kernel") {
    return GetVariable(scope, name, {.shape = shape, .initializer = OnesInitializer});
  }
};

TEST_F(MaskingTest, MakesMaskAndThresholdAndMultiplies) {  // PR-1
  const Variable w = Weight(root_, {2, 3});
  const int before = graph_.num_nodes();
  const Output masked = ApplyMask(root_, w);
  ASSERT_THAT(graph_.status(), IsOk());
  EXPECT_EQ(Nodes(before),
            List(ConstantVariable(Kind::kResource, "mask", "ones"),
                 ConstantVariable(Kind::kResource, "threshold"), "weights/masked_weight Mul"));
  EXPECT_EQ(InputsOf("weights/masked_weight"),
            (Strings{"mask/Read/ReadVariableOp:0", "kernel/Read/ReadVariableOp:0"}));
  EXPECT_EQ(masked.shape(), TensorShape({2, 3}));
  const Variable mask = GetMasks(graph_)[0], threshold = GetThresholds(graph_)[0];
  EXPECT_EQ(mask.shape(), TensorShape({2, 3}));
  EXPECT_EQ(threshold.shape(), TensorShape({}));
  EXPECT_FALSE(mask.trainable());
  EXPECT_FALSE(threshold.trainable());
  ExpectClose(Run(mask), FromDoubles(DType::kFloat, {2, 3}, {1, 1, 1, 1, 1, 1}));
  ExpectClose(Run(threshold), Tensor::Scalar(0.0f));
}

TEST_F(MaskingTest, FillsTheFourCollections) {  // PR-2
  const Variable w = Weight(root_, {2});
  ApplyMask(root_, w, "a");
  EXPECT_EQ(Collections(),
            (CollectionNames{{"kernel", {"kernel:0"}},
                             {"masks", {"a/mask:0"}},
                             {"masked_weights", {"weights/masked_weight:0"}},
                             {"thresholds", {"a/threshold:0"}},
                             {"trainable_variables", {"kernel:0"}},
                             {"variables", {"kernel:0", "a/mask:0", "a/threshold:0"}}}));
  EXPECT_EQ(Names(GetMasks(graph_)), Strings{"a/mask:0"});
  EXPECT_EQ(Names(GetThresholds(graph_)), Strings{"a/threshold:0"});
  EXPECT_EQ(Names(GetMaskedWeights(graph_)), Strings{"weights/masked_weight:0"});
  EXPECT_EQ(Names(GetWeights(graph_)), Strings{"kernel:0"});
}

TEST_F(MaskingTest, CapturedScopesPutTheMaskBesideTheWeight) {  // PR-1
  const Scope conv = root_.VariableScope("conv1");
  const Variable w = Weight(conv, {2});
  const Output masked = ApplyMask(conv, w, conv);
  EXPECT_EQ(GetMasks(graph_)[0].name(), "conv1/mask:0");
  EXPECT_EQ(masked.name(), "conv1/weights/masked_weight:0");
}

TEST_F(MaskingTest, AMaskThatIsReusedIsListedOnce) {  // PR-2
  const Scope cell = root_.VariableScope("cell");
  const Variable w = Weight(cell, {2});
  ApplyMask(cell, w, cell);
  const Output second = ApplyMask(cell, w, cell.WithReuse());
  ASSERT_THAT(graph_.status(), IsOk());
  EXPECT_EQ(second.name(), "cell/weights/masked_weight_1:0");
  EXPECT_EQ(GetMasks(graph_).size(), 1u);
  EXPECT_EQ(GetMaskedWeights(graph_).size(), 1u);
  EXPECT_EQ(GetWeights(graph_).size(), 1u);
}

TEST_F(MaskingTest, TakesTheDtypeOfTheWeight) {  // PR-1
  const Variable w = GetVariable(root_, "w", {.shape = {2}, .dtype = DType::kDouble});
  EXPECT_EQ(ApplyMask(root_, w).dtype(), DType::kDouble);
  EXPECT_EQ(GetMasks(graph_)[0].dtype(), DType::kDouble);
  EXPECT_EQ(GetThresholds(graph_)[0].dtype(), DType::kDouble);
}

TEST_F(MaskingTest, AnyTensorMayBeMasked) {  // PR-1
  const Output masked = ApplyMask(root_, Values({2}, {3, 4}));
  ExpectClose(Run(masked), FromDoubles(DType::kFloat, {2}, {3, 4}));
  EXPECT_EQ(graph_.GetCollection(kWeightCollection).size(), 1u);
  EXPECT_TRUE(GetWeights(graph_).empty());
}

TEST_F(MaskingTest, ReferenceVariablesTakeMasksOfTheirKind) {
  const Scope scope = RootFor(Kind::kReference);
  const Variable w = Weight(scope, {2});
  ApplyMask(scope, w);
  EXPECT_FALSE(GetMasks(graph_)[0].is_resource());
}

TEST_F(MaskingTest, PartitionedWeightsHavePartitionedMasks) {  // PR-17
  const Scope scope = root_.VariableScope("p", {.partitioner = FixedSizePartitioner(2)});
  const Variable w = Weight(scope, {5, 2});
  const Output masked = ApplyMask(scope, w, scope);
  ASSERT_THAT(graph_.status(), IsOk());
  const Variable mask = GetMasks(graph_)[0];
  ASSERT_EQ(mask.parts().size(), 2u);
  EXPECT_EQ(mask.parts()[0].name(), "p/mask/part_0:0");
  EXPECT_EQ(mask.parts()[0].shape(), TensorShape({3, 2}));
  EXPECT_EQ(Run(masked).shape(), TensorShape({5, 2}));
}

TEST_F(MaskingTest, MaskedPlacesGetNoGradient) {
  const Variable w = Weight(root_, {3});
  const Output masked = ApplyMask(root_, w);
  const Output loss = ops::Sum(root_, masked * 5.0, 0);
  const Output gradient = Gradients(root_, {loss}, {w})[0];
  const Output assign = GetMasks(graph_)[0].Assign(root_, Values({3}, {1, 0, 1}));
  Run(assign);
  ExpectClose(Run(gradient), FromDoubles(DType::kFloat, {3}, {5, 0, 5}));
}

TEST_F(MaskingTest, SparsityIsTheShareOfZeros) {  // PR-2
  ApplyMask(root_, Weight(root_, {2, 2}));
  const Output assign = GetMasks(graph_)[0].Assign(root_, Values({2, 2}, {1, 0, 0, 0}));
  const Outputs sparsity = GetWeightSparsity(root_);
  ASSERT_EQ(sparsity.size(), 1u);
  ExpectClose(Run(sparsity[0]), Tensor::Scalar(0.0f));
  Run(assign);
  ExpectClose(Run(sparsity[0]), Tensor::Scalar(0.75f));
}

TEST_F(MaskingTest, RefusesWhatIsNoWeight) {
  ApplyMask(root_, ops::Const(root_, 1));
  ExpectInvalid("a mask is for floating weights, got int32");
}

TEST_F(MaskingTest, RefusesAnUnknownShape) {
  ApplyMask(root_, Input({-1, 2}));
  ExpectInvalid("must be fully defined");
}

TEST_F(MaskingTest, RefusesASecondMaskOfThatName) {
  const Variable w = Weight(root_, {2});
  ApplyMask(root_, w);
  ApplyMask(root_, w);
  ExpectError(absl::StatusCode::kAlreadyExists, "Variable mask already exists");
}

}  // namespace
}  // namespace sluice::pruning
