// Values and branches that are decided, constants, what training needs only, cuts: the transforms
// that freezing for inference is made of.
#include <map>

#include "layers/batch_norm.h"
#include "layers/conv.h"
#include "layers/core_layers.h"
#include "layers/dense.h"
#include "layers/locally_connected.h"
#include "ops/binary.h"
#include "ops/identity.h"
#include "ops/matmul.h"
#include "ops/relu.h"
#include "ops/shape.h"
#include "ops/softmax.h"
#include "tests/testing/program/frozen_fixture.h"
#include "train/freeze.h"
#include "train/transforms_branches.h"
#include "train/transforms_constants.h"
#include "train/transforms_strip.h"

namespace sluice::train {
namespace {

class TransformsTest : public FrozenFixture {
 protected:
  proto::GraphDef Def() const {
    proto::GraphDef def;
    EXPECT_THAT(ToGraphDef(graph_, &def), IsOk());
    return def;
  }
  Output Vector(const char* name = "x") {
    return ops::Placeholder(root_.Named(name), DType::kFloat, {-1, 3});
  }
  // TensorFlow 1's cond on `predicate`: Relu(x) when true, Neg(x) when false.
  Output Cond(const Output& x, const Output& predicate) {
    const Outputs sides = At(root_.Named("cond/Switch")).Nodes("Switch", {x, predicate});
    const Output no = At(root_.Named("cond/no")).Node("Neg", {sides[0]});
    const Output yes = At(root_.Named("cond/yes")).Node("Relu", {sides[1]});
    return At(root_.Named("cond/Merge")).Nodes("Merge", {no, yes})[0];
  }
};

// --- RemoveTrainingNodes ---

TEST_F(TransformsTest, IdentitiesAndChecksGo) {  // FZ-3
  const Output x = Vector();
  const Output a = ops::Identity(root_.Named("a"), x);
  const Output b = At(root_.Named("b")).Node("CheckNumerics", {a}, {{"message", "bad"}});
  const Output c = ops::Identity(root_.Named("c"), b);
  ops::Identity(root_.Named("out"), ops::Relu(root_.Named("r"), c));
  proto::GraphDef def = Def();
  ASSERT_THAT(RemoveTrainingNodes({"out"}, &def), IsOk());
  EXPECT_EQ(Listing(def), (Strings{"x Placeholder", "r Relu", "out Identity"}));
  EXPECT_EQ(def.node(1).input(0), "x");
}

TEST_F(TransformsTest, IdentitiesWithControlEdgesStay) {  // FZ-3
  const Output x = Vector();
  const Output before = ops::NoOp(root_.Named("before"));
  const Output waits = ops::Identity(root_.After({before}).Named("waits"), x);
  const Output waited = ops::Identity(root_.Named("waited"), x);
  ops::Relu(root_.After({waited}).Named("r"), waits);
  proto::GraphDef def = Def();
  ASSERT_THAT(RemoveTrainingNodes({"r"}, &def), IsOk());
  EXPECT_EQ(Listing(def), (Strings{"x Placeholder", "before NoOp", "waits Identity",
                                   "waited Identity", "r Relu"}));
}

TEST_F(TransformsTest, ReadersOfOtherOutputsKeepThem) {
  const Output x = Vector();
  const Outputs parts =
      At(root_.Named("split"))
          .Nodes("Split", {ops::Const(root_.Named("axis"), 1), x}, {{"num_split", 3}});
  ops::Relu(root_.Named("r"), ops::Identity(root_.Named("id"), parts[2]));
  proto::GraphDef def = Def();
  ASSERT_THAT(RemoveTrainingNodes({"r"}, &def), IsOk());
  EXPECT_EQ(FindNode(def, "r")->input(0), "split:2");
}

// --- StripUnused ---

TEST_F(TransformsTest, CutsWhereTheInputsAre) {
  const Output raw = ops::Placeholder(root_.Named("raw"), DType::kFloat, {-1, 3});
  const Output mid = ops::Mul(root_.Named("mid"), raw, raw);
  const Output y = ops::Relu(root_.Named("y"), mid);
  At(root_.Named("unused")).Node("Neg", {y});
  proto::GraphDef def = Def();
  ASSERT_THAT(StripUnused({{.name = "mid"}}, {"y"}, ops::Builtin(), &def), IsOk());
  EXPECT_EQ(Listing(def), (Strings{"mid Placeholder", "y Relu"}));
  EXPECT_EQ(def.node(0).attr().at("dtype").type(), proto::DT_FLOAT);
  ASSERT_EQ(def.node(0).attr().at("shape").shape().dim_size(), 2);
  EXPECT_EQ(def.node(0).attr().at("shape").shape().dim(0).size(), -1);
  EXPECT_EQ(def.node(0).attr().at("shape").shape().dim(1).size(), 3);
  ExpectClose(RunDef(def, "y", {{"mid:0", Tensor::Of<float>({1, 3}, {-1, 0, 2})}}),
              Tensor::Of<float>({1, 3}, {0, 0, 2}));
}

TEST_F(TransformsTest, CutsWithAnotherShape) {
  ops::Relu(root_.Named("y"), Vector());
  proto::GraphDef def = Def();
  ASSERT_THAT(
      StripUnused({{.name = "x", .shape = TensorShape({4, 3})}}, {"y"}, ops::Builtin(), &def),
      IsOk());
  EXPECT_EQ(def.node(0).attr().at("shape").shape().dim(0).size(), 4);
}

TEST_F(TransformsTest, RefusesCutsThatAreNone) {
  ops::Relu(root_.Named("y"), Vector());
  proto::GraphDef def = Def();
  EXPECT_THAT(StripUnused({{.name = "x:0"}}, {"y"}, ops::Builtin(), &def),
              StatusIs(absl::StatusCode::kInvalidArgument, "'x:0' appears to refer to a Tensor"));
  EXPECT_THAT(StripUnused({{.name = "p"}, {.name = "q"}}, {"y"}, ops::Builtin(), &def),
              StatusIs(absl::StatusCode::kNotFound, "input nodes were not found: p, q"));
  EXPECT_THAT(StripUnused({}, {"z"}, ops::Builtin(), &def),
              StatusIs(absl::StatusCode::kNotFound, "z is not in graph"));
  EXPECT_EQ(Listing(def), (Strings{"x Placeholder", "y Relu"}));  // as it was
}

// --- FoldConstants ---

TEST_F(TransformsTest, ComputesConstants) {
  const Output x = Vector();
  const Output sum = ops::Add(root_.Named("sum"), Values({3}, {1, 2, 3}), Values({3}, {4, 5, 6}));
  ops::Mul(root_.Named("y"), x, ops::Mul(root_.Named("product"), sum, sum));
  proto::GraphDef def = Def();
  ASSERT_THAT(FoldConstants({"y"}, ops::Builtin(), &def), IsOk());
  EXPECT_EQ(Listing(def), (Strings{"x Placeholder", "product Const", "y Mul"}));
  ExpectClose(RunDef(def, "product", {}), Tensor::Of<float>({3}, {25, 49, 81}));
}

TEST_F(TransformsTest, ShapesOfAReshapeBecomeConstants) {
  const Output x = ops::Placeholder(root_.Named("x"), DType::kFloat, {-1, 2, 3});
  const Output shape = At(root_.Named("shape")).Node("Shape", {x});
  const auto ints = [&](std::vector<int32_t> v) {
    return ops::Const<int32_t>(root_, v, {static_cast<int64_t>(v.size())});
  };
  const Output batch = At(root_.Named("batch"))
                           .Node("StridedSlice", {shape, ints({0}), ints({1}), ints({1})},
                                 {{"shrink_axis_mask", 1}});
  const Output six = ops::Const(root_.Named("six"), 6);
  const Output rows = At(root_.Named("rows")).Node("Pack", {batch, six});
  At(root_.Named("y")).Node("Reshape", {x, rows});
  proto::GraphDef def = Def();
  ASSERT_THAT(FoldConstants({"y"}, ops::Builtin(), &def), IsOk());
  EXPECT_EQ(Listing(def), (Strings{"x Placeholder", "y/shape Const", "y Reshape"}));
  ExpectClose(RunDef(def, "y/shape", {}), Tensor::Of<int32_t>({2}, {-1, 6}));
}

// tf.layers.flatten: [batch, -1].
TEST_F(TransformsTest, WhatAReshapeInfersIsComputed) {
  const Output x = ops::Placeholder(root_.Named("x"), DType::kFloat, {-1, 2, 3});
  const Output other = ops::Placeholder(root_.Named("other"), DType::kFloat, {-1, 2});
  const auto ints = [&](std::vector<int32_t> v) {
    return ops::Const<int32_t>(root_, v, {static_cast<int64_t>(v.size())});
  };
  const auto flattened = [&](const char* name, const Output& like) {
    const Output shape = At(root_).Node("Shape", {like});
    const Output batch = At(root_).Node("Slice", {shape, ints({0}), ints({1})});
    const Output rows = At(root_).Node("ConcatV2", {batch, ints({-1}), ops::Const(root_, 0)});
    return At(root_.Named(name)).Node("Reshape", {x, rows});
  };
  flattened("y", x);
  flattened("z", other);  // perhaps another batch
  proto::GraphDef def = Def();
  ASSERT_THAT(FoldConstants({"y", "z"}, ops::Builtin(), &def), IsOk());
  ExpectClose(RunDef(def, "y/shape", {}), Tensor::Of<int32_t>({2}, {-1, 6}));
  EXPECT_EQ(CountOps(def, "ConcatV2"), 1);
}

TEST_F(TransformsTest, RandomAndLargeThingsStay) {
  const Output dims = ops::Const<int32_t>(root_.Named("dims"), {2, 2}, {2});
  const Output noise =
      At(root_.Named("noise")).Node("RandomUniform", {dims}, {{"dtype", DType::kFloat}});
  const Output full =
      At(root_.Named("full")).Node("Fill", {dims, ops::Const(root_.Named("v"), 1.0f)});
  ops::Add(root_.Named("y"), noise, full);
  proto::GraphDef def = Def();
  ASSERT_THAT(FoldConstants({"y"}, ops::Builtin(), &def, {.max_bytes = 15}), IsOk());
  EXPECT_EQ(CountOps(def, "RandomUniform"), 1);
  EXPECT_EQ(CountOps(def, "Fill"), 1);
  ASSERT_THAT(FoldConstants({"y"}, ops::Builtin(), &def, {.max_bytes = 16}), IsOk());
  EXPECT_EQ(CountOps(def, "Fill"), 0);
}

TEST_F(TransformsTest, ValuesMustFit) {
  ops::Relu(root_.Named("y"), Vector());
  proto::GraphDef def = Def();
  EXPECT_THAT(SetValues({{"xx", Tensor::Scalar(1.0f)}}, &def),
              StatusIs(absl::StatusCode::kNotFound, "no node 'xx'"));
  EXPECT_THAT(SetValues({{"x", Tensor::Scalar(true)}}, &def),
              StatusIs(absl::StatusCode::kInvalidArgument, "x is float32, its value bool"));
  EXPECT_THAT(SetValues({{"x", Tensor::Zeros(DType::kFloat, {2, 4})}}, &def),
              StatusIs(absl::StatusCode::kInvalidArgument, "x has shape [?,3], its value [2,4]"));
  ASSERT_THAT(SetValues({{"x", Tensor::Of<float>({1, 3}, {-1, 0, 2})}}, &def), IsOk());
  ExpectClose(RunDef(def, "y", {}), Tensor::Of<float>({1, 3}, {0, 0, 2}));
}

// --- RemoveBranches ---

TEST_F(TransformsTest, TheBranchThatIsTakenStays) {
  const Output x = Vector();
  Cond(x, ops::Placeholder(root_.Named("training"), DType::kBool, {}));
  for (const bool training : {false, true}) {
    proto::GraphDef def = Def();
    ASSERT_THAT(SetValues({{"training", Tensor::Scalar(training)}}, &def), IsOk());
    ASSERT_THAT(RemoveBranches({"cond/Merge"}, ops::Builtin(), &def), IsOk());
    EXPECT_EQ(Listing(def), (Strings{"x Placeholder", training ? "cond/yes Relu" : "cond/no Neg",
                                     "cond/Merge Identity"}));
    ExpectClose(
        RunDef(def, "cond/Merge", {{"x:0", Tensor::Of<float>({1, 3}, {-1, 0, 2})}}),
        training ? Tensor::Of<float>({1, 3}, {0, 0, 2}) : Tensor::Of<float>({1, 3}, {1, 0, -2}));
  }
}

TEST_F(TransformsTest, AMergeTellsWhichInputItTook) {
  const Output x = Vector();
  Cond(x, ops::Const(root_.Named("p"), true));
  At(root_.Named("which")).Node("Identity", {graph_.FindNode("cond/Merge")->output(1)});
  proto::GraphDef def = Def();
  ASSERT_THAT(RemoveBranches({"which"}, ops::Builtin(), &def), IsOk());
  ExpectClose(RunDef(def, "which", {}), Tensor::Scalar<int32_t>(1));
}

TEST_F(TransformsTest, AnOutputInADeadBranchIsRefused) {
  const Output x = Vector();
  Cond(x, ops::Const(root_.Named("p"), true));
  proto::GraphDef def = Def();
  EXPECT_THAT(RemoveBranches({"cond/no"}, ops::Builtin(), &def),
              StatusIs(absl::StatusCode::kInvalidArgument, "cond/no is in the branch"));
  EXPECT_EQ(def.node_size(), graph_.num_nodes());
}

TEST_F(TransformsTest, UndecidedBranchesStay) {
  Cond(Vector(), ops::Placeholder(root_.Named("training"), DType::kBool, {}));
  proto::GraphDef def = Def();
  ASSERT_THAT(RemoveBranches({"cond/Merge"}, ops::Builtin(), &def), IsOk());
  EXPECT_EQ(CountOps(def, "Switch"), 1);
  EXPECT_EQ(CountOps(def, "Merge"), 1);
}

TEST_F(TransformsTest, SelectBecomesWhatItChooses) {
  const Output x = Vector();
  const Output p = ops::Const(root_.Named("p"), false);
  const Output y =
      At(root_.Named("y"))
          .Node("Select", {p, At(root_).Node("Neg", {x}), ops::Relu(root_.Named("r"), x)});
  At(root_.Named("z")).Node("SelectV2", {p, y, Values({1}, {1})});  // is broadcast
  proto::GraphDef def = Def();
  ASSERT_THAT(RemoveBranches({"z"}, ops::Builtin(), &def), IsOk());
  EXPECT_EQ(FindNode(def, "y")->op(), "Identity");
  EXPECT_EQ(FindNode(def, "y")->input(0), "r");
  EXPECT_EQ(FindNode(def, "z")->op(), "SelectV2");
}

// --- RemoveDropout ---

// Every form of dropout on x with a rate of 0.5.
TEST_F(TransformsTest, DropoutGoes) {
  const Output x = Vector();
  const Output half = ops::Const(root_.Named("half"), 0.5f);
  const Output uniform =
      At(root_.Named("uniform"))
          .Node("RandomUniform", {At(root_).Node("Shape", {x})}, {{"dtype", DType::kFloat}});
  const Output floor = At(root_.Named("floor")).Node("Floor", {ops::Add(root_, half, uniform)});
  const Output divided = At(root_.Named("div")).Node("RealDiv", {x, half});
  ops::Mul(root_.Named("old"), divided, floor);
  const Output keep = At(root_.Named("keep")).Node("GreaterEqual", {uniform, half});
  const Output scaled = ops::Mul(root_, x, ops::Const(root_.Named("two"), 2.0f));
  const Output cast = At(root_.Named("cast")).Node("Cast", {keep}, {{"DstT", DType::kFloat}});
  ops::Mul(root_.Named("new"), cast, scaled);
  At(root_.Named("newest")).Node("SelectV2", {keep, scaled, ops::Const(root_.Named("zero"), 0.0f)});
  ops::Add(root_.Named("noise"), x, uniform);  // something else
  proto::GraphDef def = Def();
  ASSERT_THAT(RemoveDropout({"old", "new", "newest", "noise"}, &def), IsOk());
  for (const char* name : {"old", "new", "newest"}) {
    EXPECT_EQ(FindNode(def, name)->op(), "Identity") << name;
    EXPECT_EQ(FindNode(def, name)->input(0), "x") << name;
  }
  EXPECT_EQ(FindNode(def, "noise")->op(), "Add");
  EXPECT_EQ(FindNode(def, "floor"), nullptr);
}

// --- RemoveControlInputs, NameOutputs, CleanAttributes ---

TEST_F(TransformsTest, ControlInputsWithoutEffectGo) {
  const Output x = Vector();
  const Output check = At(root_.Named("check"))
                           .Node("Assert", {ops::Const(root_.Named("c"), true), x},
                                 {{"T", std::vector<DType>{DType::kFloat}}});
  const Output group = ops::NoOp(root_.After({check}).Named("group"));
  ops::Relu(root_.After({group}).Named("y"), x);
  proto::GraphDef def = Def();
  ASSERT_THAT(RemoveControlInputs({"y"}, ops::Builtin(), &def), IsOk());
  EXPECT_EQ(Listing(def), (Strings{"x Placeholder", "y Relu"}));
  EXPECT_EQ(def.node(1).input_size(), 1);
}

TEST_F(TransformsTest, OutputsThatAreIdentitiesGiveTheirName) {
  const Output x = Vector();
  const Output r = ops::Relu(root_.Named("r"), x);
  ops::Identity(root_.Named("out"), r);
  At(root_.Named("other")).Node("Neg", {r});
  ops::Identity(root_.Named("same"), x);  // a placeholder keeps its name
  proto::GraphDef def = Def();
  ASSERT_THAT(NameOutputs({"out", "other", "same"}, &def), IsOk());
  EXPECT_EQ(Listing(def), (Strings{"x Placeholder", "out Relu", "other Neg", "same Identity"}));
  EXPECT_EQ(FindNode(def, "other")->input(0), "out");
}

TEST_F(TransformsTest, AttributesThatSayNothingGo) {
  const Output x = ops::Placeholder(root_.Named("x"), DType::kFloat, {-1, 4, 4, 1});
  At(root_.Named("y"))
      .Node("Conv2D", {x, ops::Const<float>(root_.Named("w"), {1}, {1, 1, 1, 1})},
            {{"strides", std::vector<int64_t>{1, 1, 1, 1}}, {"padding", "SAME"}});
  proto::GraphDef def;
  ASSERT_THAT(ToGraphDef(graph_, &def, {.add_shapes = true}), IsOk());
  def.mutable_node(2)->set_device("/gpu:0");
  CleanAttributes(&def);
  const auto& attrs = def.node(2).attr();
  EXPECT_FALSE(attrs.contains("_output_shapes"));
  EXPECT_FALSE(attrs.contains("dilations"));  // Conv2D did not always have it
  EXPECT_TRUE(attrs.contains("data_format"));
  EXPECT_EQ(def.node(2).device(), "");
}

// --- ExpandDilations ---

TEST_F(TransformsTest, DilatedConvolutionsBecomeBlocks) {
  const Output x = ops::Placeholder(root_.Named("x"), DType::kFloat, {-1, 11, 10, 2});
  Output y = layers::Conv2D(root_, x, {.filters = 3, .kernel_size = 3, .dilation_rate = {3, 2}});
  y = layers::Conv2D(
      root_, y,
      {.filters = 3, .kernel_size = {2, 3}, .padding = Padding::kSame, .dilation_rate = 3});
  const proto::GraphDef def = Checked(x, y, {2, 11, 10, 2});
  EXPECT_EQ(CountOps(def, "SpaceToBatchND"), 2);
  for (const proto::NodeDef& node : def.node()) EXPECT_FALSE(node.attr().contains("dilations"));
  EXPECT_EQ(CountOps(Frozen({y}, {.expand_dilations = false}), "SpaceToBatchND"), 0);
}

TEST_F(TransformsTest, DilationsOfUnknownSizesStay) {
  const Output x = ops::Placeholder(root_.Named("x"), DType::kFloat, {-1, -1, 10, 2});
  const Output y = layers::Conv2D(root_, x, {.filters = 3, .kernel_size = 3, .dilation_rate = 2});
  EXPECT_EQ(CountOps(Checked(x, y, {1, 9, 10, 2}), "SpaceToBatchND"), 0);
}

// --- all together ---

TEST_F(TransformsTest, ANetworkWithATrainingPlaceholder) {
  const Output x = ops::Placeholder(root_.Named("x"), DType::kFloat, {-1, 6, 6, 2});
  const Output training = ops::Placeholder(root_.Named("training"), DType::kBool, {});
  Output y = layers::Conv2D(root_, x, {.filters = 3, .kernel_size = 3});
  y = layers::BatchNormalization(root_, y, {.training = training});
  y = layers::Flatten(root_, ops::Relu(root_, y));
  y = layers::Dropout(root_, y, {.rate = 0.5f, .training = training});
  y = ops::Softmax(root_.Named("y"), layers::Dense(root_, y, {.units = 4}));
  Trained();
  const Tensor input = RandomTensor(DType::kFloat, {2, 6, 6, 2});
  const proto::GraphDef def = Frozen({y}, {.values = {{"training", Tensor::Scalar(false)}}});
  EXPECT_EQ(report_.batch_norms_folded, 1);
  EXPECT_EQ(FindNode(def, "training"), nullptr);
  for (const char* op : {"Select", "Shape", "RandomUniform", "FusedBatchNorm", "Identity"})
    EXPECT_EQ(CountOps(def, op), 0) << op;
  ExpectClose(RunDef(def, "y", {{"x:0", input}}),
              Run(y, {{x, input}, {training, Tensor::Scalar(false)}}),
              {.rtol = 1e-5, .atol = 1e-5});
}

TEST_F(TransformsTest, DefaultsOfFlagsAreTaken) {
  const Output x = Vector();
  const Output phase = At(root_.Named("phase"))
                           .Node("PlaceholderWithDefault", {ops::Const(root_.Named("no"), false)},
                                 {{"shape", TensorShape()}});
  const Output y = Cond(x, phase);
  Run(ops::NoOp(root_));
  EXPECT_EQ(Listing(Frozen({y})), (Strings{"x Placeholder", "cond/Merge Neg"}));
  EXPECT_EQ(CountOps(Frozen({y}, {.default_flags = false}), "Merge"), 1);
}

// The branch that trains changes a variable: decided before variables are looked at.
TEST_F(TransformsTest, BranchesThatTrainAreNoHindrance) {
  const Output x = Vector();
  const Output training = ops::Placeholder(root_.Named("training"), DType::kBool, {});
  const Variable w = GetVariable(root_, "w", {.initializer = Tensor::Of<float>({3}, {1, 2, 3})});
  const Outputs sides = At(root_.Named("s")).Nodes("Switch", {x, training});
  const Output change = w.AssignAdd(root_.Named("change"), Values({3}, {1, 1, 1}));
  const Output yes = ops::Identity(root_.After({change}).Named("yes"), sides[1]);
  const Output no = ops::Mul(root_.Named("no"), sides[0], w);
  const Output y = At(root_.Named("y")).Nodes("Merge", {no, yes})[0];
  Run(ops::NoOp(root_));
  proto::GraphDef def;
  EXPECT_THAT(FreezeForInference(*session_, {y}, &def),
              StatusIs(absl::StatusCode::kFailedPrecondition, "change (AssignAddVariableOp)"));
  def = Frozen({y}, {.values = {{"training", Tensor::Scalar(false)}}});
  EXPECT_EQ(Listing(def), (Strings{"x Placeholder", "w Const", "y Mul"}));
}

TEST_F(TransformsTest, CutsLeaveVariablesBehindThemAlone) {
  const Output x = Vector();
  const Output mid = ops::Mul(root_.Named("mid"), x, Values({3}, {1, 2, 3}));
  const Output y = ops::Relu(root_.Named("y"), mid);
  Run(y, {{x, Tensor::Zeros(DType::kFloat, {1, 3})}});
  EXPECT_EQ(Listing(Frozen({y}, {.inputs = {{.name = "mid"}}})),
            (Strings{"mid Placeholder", "y Relu"}));
}

TEST_F(TransformsTest, RefusesWhatOnlySluiceHas) {
  const Output x = ops::Placeholder(root_.Named("x"), DType::kFloat, {-1, 4, 4, 1});
  const Output y =
      layers::LocallyConnected2D(root_, x, {.filters = 1, .kernel_size = 2, .name = "local"});
  Run(ops::NoOp(root_));
  proto::GraphDef def;
  EXPECT_THAT(FreezeForInference(*session_, {y}, &def),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       "ops that only Sluice has: local/LocallyConnected2D"));
}

TEST_F(TransformsTest, InitializedValuesAreTheValues) {
  const Variable w = GetVariable(root_, "w", {.initializer = Tensor::Of<float>({2}, {1, 2})});
  const Output y = ops::Relu(root_.Named("y"), w.InitializedValue(root_));
  Run(w.Assign(root_, Values({2}, {5, -6})));
  const proto::GraphDef def = Frozen({y});
  ExpectClose(RunDef(def, "y", {}), Tensor::Of<float>({2}, {5, 0}));
}

TEST_F(TransformsTest, FilesAreEqualEveryTime) {
  const Output x = Vector();
  const Output y = layers::Dense(root_, x, {.units = 2});
  Trained();
  const absl::StatusOr<std::string> one = FreezeForInferenceToBytes(*session_, {y}),
                                    two = FreezeForInferenceToBytes(*session_, {y});
  ASSERT_THAT(one, IsOk());
  EXPECT_EQ(*one, *two);
}

}  // namespace
}  // namespace sluice::train
