// Graphs whose outputs are calls of functions, as TensorFlow 2 saves them, freeze to plain nodes.
#include "tests/testing/function_builder.h"
#include "tests/testing/program/frozen_fixture.h"
#include "train/freeze.h"

namespace sluice::train {
namespace {

class FreezeFunctionsTest : public FrozenFixture {
 protected:
  // y = x * w in a function that reads w itself; "call" gives y and x + w.
  void Build() {
    const AttrMap t = {{"T", DType::kFloat}};
    const proto::FunctionDef function = MakeFunction(
        "scale",
        {.inputs = {"x: float", "handle: resource"},
         .outputs = {"y: float", "z: float"},
         .nodes = {MakeNode("value", "ReadVariableOp", {"handle"}, {{"dtype", DType::kFloat}}),
                   MakeNode("mul", "Mul", {"x", "value:value:0"}, t),
                   MakeNode("add", "AddV2", {"x", "value:value:0"}, t)},
         .ret = {{"y", "mul:z:0"}, {"z", "add:z:0"}},
         .stateful = true});
    proto::GraphDef def;
    *def.add_node() =
        MakeNode("x", "Placeholder", {}, {{"dtype", DType::kFloat}, {"shape", TensorShape{-1}}});
    *def.add_node() =
        MakeNode("w", "VarHandleOp", {},
                 {{"dtype", DType::kFloat}, {"shape", TensorShape{2}}, {"shared_name", "w"}});
    *def.add_node() = MakeNode("w/Read", "ReadVariableOp", {"w"}, {{"dtype", DType::kFloat}});
    *def.add_node() = MakeNode("call", "StatefulPartitionedCall", {"x", "w"},
                               {{"f", FuncRef{"scale", nullptr}},
                                {"Tin", std::vector<DType>{DType::kFloat, DType::kResource}},
                                {"Tout", std::vector<DType>{DType::kFloat, DType::kFloat}}});
    ASSERT_THAT(ImportGraphDef(WithFunctions(def, {function}), &graph_), IsOk());
    Run(At(root_).Node("AssignVariableOp", {*graph_.FindTensor("w:0"), Values({2}, {3, 4})}));
  }
};

TEST_F(FreezeFunctionsTest, CallsBecomePlainNodes) {  // FZ-4
  Build();
  const Outputs outputs = {*graph_.FindTensor("call:0"), *graph_.FindTensor("call:1")};
  const proto::GraphDef def = Frozen(outputs);
  EXPECT_EQ(CountOps(def, "StatefulPartitionedCall") + CountOps(def, "ReadVariableOp") +
                CountOps(def, "VarHandleOp"),
            0);
  EXPECT_FALSE(def.has_library());
  ASSERT_EQ(report_.outputs, (Strings{"call/output_0:0", "call/output_1:0"}));
  const Tensor x = Tensor::Of<float>({2}, {10, 20});
  ExpectClose(RunDef(def, report_.outputs[0], {{"x:0", x}}), Tensor::Of<float>({2}, {30, 80}));
  ExpectClose(RunDef(def, report_.outputs[1], {{"x:0", x}}), Tensor::Of<float>({2}, {13, 24}));
}

TEST_F(FreezeFunctionsTest, GraphsThatReachNoCallStayAsTheyAre) {
  Build();
  EXPECT_EQ(Listing(Frozen({*graph_.FindTensor("w/Read:0")})),
            (Strings{"w Const", "w/Read Identity"}));
}

}  // namespace
}  // namespace sluice::train
