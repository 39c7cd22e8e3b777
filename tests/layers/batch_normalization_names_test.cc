// Every name that batch_normalization produces.
#include "graph/partition.h"
#include "layers/batch_norm.h"
#include "tests/testing/program/names.h"

namespace sluice::layers {
namespace {

const std::string kScope = "batch_normalization";

Strings Variables(Kind kind) {
  return List(ConstantVariable(kind, kScope + "/gamma", "ones"),
              ConstantVariable(kind, kScope + "/beta"),
              ConstantVariable(kind, kScope + "/moving_mean"),
              ConstantVariable(kind, kScope + "/moving_variance", "ones"));
}

// With reference variables the update is called like its scope; a resource is read anew.
Strings MovingAverage(Kind kind, const std::string& name) {
  const std::string scope = kScope + "/" + name;
  if (kind == Kind::kReference)
    return List(Below(scope, {"decay Const", "sub Sub", "mul Mul"}), scope + " AssignSub");
  return Below(scope, {"decay Const", "ReadVariableOp ReadVariableOp", "sub Sub", "mul Mul",
                       "AssignSubVariableOp AssignSubVariableOp"});
}

class BatchNormalizationNamesTest : public NamesOfKind {
 protected:
  CollectionNames WithUpdates(const Strings& updates) {
    CollectionNames all = {{"variables",
                            {kScope + "/gamma:0", kScope + "/beta:0", kScope + "/moving_mean:0",
                             kScope + "/moving_variance:0"}},
                           {"trainable_variables", {kScope + "/gamma:0", kScope + "/beta:0"}}};
    if (!updates.empty()) all["update_ops"] = updates;
    return all;
  }
  // Below the scope of a moving average, the op that changes it.
  std::string UpdateOp() const { return kind_ == Kind::kReference ? "" : "/AssignSubVariableOp"; }
  Output images_ = ops::Placeholder(root_.Named("x"), DType::kFloat, {-1, 4, 4, 3});
  int start_ = graph_.num_nodes();
};

INSTANTIATE_TEST_SUITE_P(Kinds, BatchNormalizationNamesTest, EitherKind(), NameOfKind);

TEST_P(BatchNormalizationNamesTest, FusedInTraining) {  // EX-8
  BatchNormalization(scope_, images_, {.training = true});
  EXPECT_THAT(graph_.status(), IsOk());
  EXPECT_EQ(
      Nodes(start_),
      List(Variables(kind_),
           Below(kScope, {"Const Const", "Const_1 Const", "FusedBatchNorm FusedBatchNorm"}),
           MovingAverage(kind_, "AssignMovingAvg"), MovingAverage(kind_, "AssignMovingAvg_1")));
  EXPECT_EQ(Collections(), WithUpdates({kScope + "/AssignMovingAvg" + UpdateOp(),
                                        kScope + "/AssignMovingAvg_1" + UpdateOp()}));
  const bool reference = kind_ == Kind::kReference;
  EXPECT_EQ(
      InputsOf(kScope + "/AssignMovingAvg/sub"),
      (Strings{kScope + (reference ? "/moving_mean/read:0" : "/AssignMovingAvg/ReadVariableOp:0"),
               kScope + "/FusedBatchNorm:1"}));
  EXPECT_EQ(InputsOf(kScope + "/AssignMovingAvg_1" + UpdateOp()),
            (Strings{kScope + "/moving_variance:0", kScope + "/AssignMovingAvg_1/mul:0"}));
  EXPECT_EQ(
      graph_.FindNode(kScope + "/AssignMovingAvg/sub")->attr<std::vector<std::string>>("_class"),
      (Strings{"loc:@" + kScope + "/moving_mean"}));
}

TEST_P(BatchNormalizationNamesTest, FusedInference) {
  BatchNormalization(scope_, images_);
  EXPECT_EQ(Nodes(start_), List(Variables(kind_), kScope + "/FusedBatchNorm FusedBatchNorm"));
  EXPECT_EQ(Collections(), WithUpdates({}));
}

TEST_P(BatchNormalizationNamesTest, PlainInTraining) {  // EX-8
  const Output x = ops::Placeholder(root_.Named("rows"), DType::kFloat, {-1, 3});
  const int start = graph_.num_nodes();
  BatchNormalization(scope_, x, {.training = true});
  EXPECT_THAT(graph_.status(), IsOk());
  EXPECT_EQ(
      Nodes(start),
      List(Variables(kind_),
           Below(kScope + "/moments",
                 {"mean/reduction_indices Const", "mean Mean", "StopGradient StopGradient",
                  "SquaredDifference SquaredDifference", "variance/reduction_indices Const",
                  "variance Mean", "Squeeze Squeeze", "Squeeze_1 Squeeze"}),
           MovingAverage(kind_, "AssignMovingAvg"), MovingAverage(kind_, "AssignMovingAvg_1"),
           Below(kScope + "/batchnorm", {"add/y Const", "add AddV2", "Rsqrt Rsqrt", "mul Mul",
                                         "mul_1 Mul", "mul_2 Mul", "sub Sub", "add_1 AddV2"})));
  EXPECT_EQ(Collections(), WithUpdates({kScope + "/AssignMovingAvg" + UpdateOp(),
                                        kScope + "/AssignMovingAvg_1" + UpdateOp()}));
}

TEST_P(BatchNormalizationNamesTest, PlainWithoutCenterAndScale) {
  // x * inv + -mean * inv, as tf.nn.batch_normalization writes it.
  const Output x = ops::Placeholder(root_.Named("rows"), DType::kFloat, {-1, 3});
  const int start = graph_.num_nodes();
  BatchNormalization(scope_, x, {.center = false, .scale = false});
  EXPECT_EQ(Nodes(start),
            List(ConstantVariable(kind_, kScope + "/moving_mean"),
                 ConstantVariable(kind_, kScope + "/moving_variance", "ones"),
                 Below(kScope + "/batchnorm", {"add/y Const", "add AddV2", "Rsqrt Rsqrt", "mul Mul",
                                               "Neg Neg", "mul_1 Mul", "add_1 AddV2"})));
}

TEST_P(BatchNormalizationNamesTest, ASecondCallUpdatesOnceMore) {  // L-5
  BatchNormalizationLayer layer({.training = true});
  layer(scope_, images_);
  const int start = graph_.num_nodes();
  layer(scope_, images_);
  EXPECT_EQ(
      Nodes(start),
      List(Below(kScope, {"Const_2 Const", "Const_3 Const", "FusedBatchNorm_1 FusedBatchNorm"}),
           MovingAverage(kind_, "AssignMovingAvg_2"), MovingAverage(kind_, "AssignMovingAvg_3")));
}

TEST_P(BatchNormalizationNamesTest, MovingMomentsAreNeverPartitioned) {
  const Scope scope = scope_.VariableScope("s", {.partitioner = FixedSizePartitioner(3)});
  BatchNormalization(scope, images_, {.training = true});
  ASSERT_THAT(graph_.status(), IsOk());
  Strings expected;
  for (const char* name : {"gamma", "beta"}) {
    for (const char* part : {"/part_0:0", "/part_1:0", "/part_2:0"})
      expected.push_back("s/" + kScope + "/" + name + part);
  }
  expected.push_back("s/" + kScope + "/moving_mean:0");
  expected.push_back("s/" + kScope + "/moving_variance:0");
  EXPECT_EQ(Names(graph_.GlobalVariables()), expected);
}

TEST_P(BatchNormalizationNamesTest, MovingAveragesMove) {  // LY-3
  const Output x = Values({3, 2}, {0, 4, 2, 8, 4, 0});
  BatchNormalizationLayer layer({.training = true});
  layer(scope_, x);
  ASSERT_EQ(layer.variables().size(), 4u);
  EXPECT_EQ(layer.variables()[2].is_resource(), kind_ == Kind::kResource);
  Run(graph_.UpdateOps());
  const auto moved = Run(Outputs{layer.variables()[2].value(), layer.variables()[3].value()});
  ExpectClose(moved[0], Tensor::Of<float>({2}, {0.02, 0.04}));
  ExpectClose(moved[1], Tensor::Of<float>({2}, {1.016666667, 1.096666667}));
}

}  // namespace
}  // namespace sluice::layers
