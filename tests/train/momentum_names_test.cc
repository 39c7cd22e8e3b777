// Every name that momentum produces, and those of slots in scopes and of parts.
#include "graph/partition.h"
#include "tests/testing/program/names.h"
#include "train/momentum.h"

namespace sluice::train {
namespace {

class MomentumNamesTest : public NamesOfKind {
 protected:
  std::string Apply() const {
    return kind_ == Kind::kReference ? "ApplyMomentum" : "ResourceApplyMomentum";
  }
  Momentum optimizer_{{.learning_rate = .1, .momentum = .9}};
};
INSTANTIATE_TEST_SUITE_P(Kinds, MomentumNamesTest, EitherKind(), NameOfKind);

TEST_P(MomentumNamesTest, TwoVariables) {  // OPT-2, OPT-7
  const Variable w = GetVariable(scope_, "w", {.shape = {2}});
  const Variable v = GetVariable(scope_, "net/v", {.shape = {3}});
  const Output gw = ops::Const<float>(root_.Named("gw"), {1, 2});
  const Output gv = ops::Const<float>(root_.Named("gv"), {1, 2, 3});
  const int start = graph_.num_nodes();
  optimizer_.ApplyGradients(root_, {{gw, w}, {gv, v}});
  EXPECT_THAT(graph_.status(), IsOk());
  EXPECT_EQ(Nodes(start),
            List(ConstantVariable(kind_, "w/Momentum"), ConstantVariable(kind_, "net/v/Momentum"),
                 "Momentum/learning_rate Const", "Momentum/momentum Const",
                 "Momentum/update_w/" + Apply() + " " + Apply(),
                 "Momentum/update_net/v/" + Apply() + " " + Apply(), "Momentum NoOp"));
  EXPECT_EQ(
      InputsOf("Momentum/update_w/" + Apply()),
      (Strings{"w:0", "w/Momentum:0", "Momentum/learning_rate:0", "gw:0", "Momentum/momentum:0"}));
  EXPECT_EQ(
      Collections(),
      (CollectionNames{{"train_op", {"Momentum"}},
                       {"trainable_variables", {"w:0", "net/v:0"}},
                       {"variables", {"w:0", "net/v:0", "w/Momentum:0", "net/v/Momentum:0"}}}));
}

TEST_P(MomentumNamesTest, InsideAVariableScope) {  // OPT-7: the quirk
  const Scope s = scope_.VariableScope("s");
  const Variable v = GetVariable(s, "v", {.shape = {2}});
  optimizer_.ApplyGradients(s, {{ops::Const<float>(root_, {1, 2}), v}});
  EXPECT_EQ(optimizer_.GetSlot(v, "momentum").name(), "s/s/v/Momentum:0");
  EXPECT_EQ(optimizer_.GetSlot(v, "momentum").is_resource(), kind_ == Kind::kResource);
  EXPECT_NE(graph_.FindNode("s/Momentum/update_s/v/" + Apply()), nullptr);
}

TEST_P(MomentumNamesTest, SlotsOfPartsStandBesideThem) {  // OPT-7
  const Scope s = scope_.With({.partitioner = FixedSizePartitioner(2)});
  const Variable w = GetVariable(s, "w", {.shape = {3}, .initializer = OnesInitializer});
  const Output loss =
      At(root_).Node("Sum", {w.value() * w.value(), ops::Const<int32_t>(root_, {0})});
  const Output train = optimizer_.Minimize(s, loss);
  ASSERT_THAT(graph_.status(), IsOk());
  EXPECT_EQ(Names(graph_.GlobalVariables()),
            (Strings{"w/part_0:0", "w/part_1:0", "w/part_0/Momentum:0", "w/part_1/Momentum:0"}));
  EXPECT_EQ(optimizer_.GetSlot(w.parts()[0], "momentum").shape(), TensorShape({2}));
  Run(train);
  ExpectClose(Run(w.value()), Tensor::Of<float>({3}, {.8, .8, .8}));  // 1 - .1 * 2
}

TEST_P(MomentumNamesTest, APartitionedVariableIsTrainedByItsParts) {
  const Scope s = scope_.With({.partitioner = FixedSizePartitioner(2)});
  const Variable w = GetVariable(s, "w", {.shape = {4}});
  const Output loss = At(root_).Node("Sum", {w.value(), ops::Const<int32_t>(root_, {0})});
  const auto pairs = optimizer_.ComputeGradients(root_, loss, {.var_list = {w}});
  ASSERT_EQ(pairs.size(), 2u);
  EXPECT_EQ(pairs[0].variable, w.parts()[0]);
  EXPECT_EQ(pairs[1].variable, w.parts()[1]);
  optimizer_.ApplyGradients(root_, {{ops::Const<float>(root_, {1, 2, 3, 4}), w}});
  ExpectInvalid("w:0 is partitioned: gradients are applied to its parts");
}

}  // namespace
}  // namespace sluice::train
