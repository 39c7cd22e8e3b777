// sluice plan: what runs are compiled to, and what must be known before.
#include "google/protobuf/struct.pb.h"
#include "google/protobuf/util/json_util.h"
#include "graph/graph_def.h"
#include "graph/variable.h"
#include "ops/all_ops.h"
#include "ops/placeholder.h"
#include "tests/testing/tools/tool_fixture.h"
#include "tools/sluice/trial.h"

namespace sluice::tools {
namespace {

using ::google::protobuf::Struct;
using ::testing::HasSubstr;

class PlanCommandTest : public ToolFixture {
 protected:
  // x [?, 3] -> product [?, 4] = x w -> y = tanh(product), w [3, 4] fed.
  std::string Graph() {
    return Write("g.pbtxt", Placeholder("x", "dim { size: -1 } dim { size: 3 }") +
                                Placeholder("w", "dim { size: 3 } dim { size: 4 }") +
                                Op("product", "MatMul", {"x", "w"}) + Op("y", "Tanh", {"product"}));
  }
  Struct Json() {
    Struct parsed;
    EXPECT_TRUE(google::protobuf::util::JsonStringToMessage(out_, &parsed).ok()) << out_;
    return parsed;
  }
  static double Number(const Struct& s, const std::string& name) {
    return s.fields().at(name).number_value();
  }
};

// 2 * 3 * 4 multiply-adds for each of 5 rows, and 20 values of tanh.
TEST_F(PlanCommandTest, StepsAndMemoryAsText) {
  EXPECT_EQ(Sluice({"plan", Graph(), "--fetch", "y", "--feed-shape", "x=5x3", "--no-optimize"}), 0)
      << err_;
  EXPECT_EQ(err_, "");
  EXPECT_THAT(out_, HasSubstr("#  op      node     output        offset  bytes  FLOPs\n"));
  EXPECT_THAT(out_, HasSubstr("0  MatMul  product  float32[5,4]"));
  EXPECT_THAT(out_, HasSubstr("1  Tanh    y        float32[5,4]"));
  EXPECT_THAT(out_, HasSubstr("2  fetch   y\n"));
  EXPECT_THAT(out_, HasSubstr("rewrites: none\n"));
  EXPECT_THAT(out_, HasSubstr("3 steps, 140 FLOPs\n"));
}

TEST_F(PlanCommandTest, Json) {
  EXPECT_EQ(Sluice({"plan", Graph(), "--fetch=y", "--feed-shape=x=5x3", "--no-optimize", "--json"}),
            0)
      << err_;
  const Struct plan = Json();
  EXPECT_EQ(Number(plan, "flops"), 140);
  EXPECT_EQ(Number(plan, "arena_bytes"), 256);  // two tensors of 80 bytes, each aligned
  const auto& steps = plan.fields().at("steps").list_value();
  ASSERT_EQ(steps.values_size(), 3);
  const Struct& product = steps.values(0).struct_value();
  EXPECT_EQ(product.fields().at("op").string_value(), "MatMul");
  EXPECT_EQ(product.fields().at("node").string_value(), "product");
  EXPECT_EQ(Number(product, "flops"), 120);
  EXPECT_FALSE(product.fields().at("late").bool_value());
  const auto& outputs = product.fields().at("outputs").list_value();
  ASSERT_EQ(outputs.values_size(), 1);
  const int index = static_cast<int>(outputs.values(0).number_value());
  const Struct& tensor = plan.fields().at("tensors").list_value().values(index).struct_value();
  EXPECT_EQ(tensor.fields().at("home").string_value(), "arena");
  EXPECT_EQ(tensor.fields().at("dtype").string_value(), "float32");
  EXPECT_EQ(Number(tensor, "bytes"), 80);
}

TEST_F(PlanCommandTest, ABatchThatIsNotKnownIsOne) {
  EXPECT_EQ(Sluice({"plan", Graph(), "--fetch", "y", "--no-optimize"}), 0) << err_;
  EXPECT_THAT(err_, HasSubstr("note: x:0 float32[?,3] is fed with a batch of 1"));
  EXPECT_THAT(out_, HasSubstr("float32[1,4]"));
  EXPECT_THAT(out_, HasSubstr("28 FLOPs"));
}

TEST_F(PlanCommandTest, ShapesThatMustBeGivenAreAllNamed) {
  const std::string graph = Write(
      "g.pbtxt", Placeholder("a", "dim { size: 2 } dim { size: -1 }") +
                     Placeholder("b", "unknown_rank: true", "DT_DOUBLE") + Op("c", "Neg", {"a"}) +
                     Op("d", "Neg", {"b"}, "DT_DOUBLE") + Op("e", "Neg", {"a"}));
  ExpectExit(1, {"plan", graph, "--fetch", "c,d"},
             "--feed-shape NAME=SHAPE is needed for a:0 float32[2,?], b:0 float64<unknown>");
  EXPECT_EQ(Sluice({"plan", graph, "--fetch", "c,d", "--feed-shape", "a=2x7", "b:0=scalar"}), 0)
      << err_;
  EXPECT_THAT(out_, HasSubstr("float32[2,7]"));
  EXPECT_THAT(out_, HasSubstr("float64[]"));
  // Only what the fetches need.
  EXPECT_EQ(Sluice({"plan", graph, "--fetch", "e", "--feed-shape", "a=2x7"}), 0) << err_;
  // Behind a fed tensor nothing is needed.
  EXPECT_EQ(Sluice({"plan", graph, "--fetch", "d", "--feed-shape", "d=3", "--no-optimize"}), 0)
      << err_;
  EXPECT_THAT(out_, HasSubstr("1 step, 0 FLOPs"));
}

TEST_F(PlanCommandTest, OperationsAndVariables) {
  sluice::Graph graph(ops::Builtin());
  const Scope root = Scope::Root(graph);
  const Variable v = GetVariable(root, "v", {.shape = {6}, .initializer = OnesInitializer});
  const Output x = ops::Placeholder(root.Named("x"), DType::kFloat, {6});
  At(root.Named("step")).Node("AssignAddVariableOp", {v.handle(), x});
  const std::string file = Write("g.pb", *SerializeGraphDef(graph));
  // Nothing is initialized and nothing runs.
  EXPECT_EQ(Sluice({"plan", file, "--fetch", "step"}), 0) << err_;
  EXPECT_THAT(out_, HasSubstr("AssignAddVariableOp"));
  EXPECT_THAT(out_, HasSubstr("6 FLOPs"));
}

// A chain of functions of many elements is one step; every rewrite says what it does, and can be
// left out.
TEST_F(PlanCommandTest, Rewrites) {
  const std::string graph = Write(
      "g.pbtxt", Placeholder("x", "dim { size: 200 } dim { size: 300 }") + Op("a", "Neg", {"x"}) +
                     Op("b", "Exp", {"a"}) + Op("c", "Tanh", {"b"}) + Op("d", "Sqrt", {"c"}));
  EXPECT_EQ(Sluice({"plan", graph, "--fetch", "d"}), 0) << err_;
  EXPECT_THAT(out_, HasSubstr("  fuse_elementwise\n"));
  EXPECT_THAT(out_, HasSubstr("what the rewrites do\n  fuse_elementwise: "));
  EXPECT_EQ(Sluice({"plan", graph, "--fetch", "d", "--json"}), 0) << err_;
  EXPECT_THAT(out_, HasSubstr("{\"name\": \"fuse_elementwise\", \"count\": "));
  std::string all;
  for (const Rewrite& rewrite : ops::Builtin().rewrites()) {
    EXPECT_NE(rewrite.description, "") << rewrite.name;
    absl::StrAppend(&all, all.empty() ? "" : ",", rewrite.name);
  }
  EXPECT_EQ(Sluice({"plan", graph, "--fetch", "d", "--disable", all}), 0) << err_;
  EXPECT_THAT(out_, HasSubstr("rewrites: none\n"));
  EXPECT_THAT(out_, HasSubstr("  Sqrt   d "));
}

TEST_F(PlanCommandTest, Refusals) {
  const std::string graph = Graph();
  ExpectExit(2, {"plan"}, "expected one graph file, got 0 arguments");
  ExpectExit(2, {"plan", graph}, "--fetch NAME is missing");
  ExpectExit(2, {"plan", graph, "--fetch", "y", "--feed-shape", "x"}, "--feed-shape is NAME=SHAPE");
  ExpectExit(2, {"plan", graph, "--fetch", "y", "--feed-shape", "x=2xx3"},
             "--feed-shape is NAME=SHAPE");
  ExpectExit(2, {"plan", graph, "--fetch", "y", "--runs", "3"}, "unknown flag --runs");
  ExpectExit(1, {"plan", Path("none.pb"), "--fetch", "y"}, "none.pb");
  ExpectExit(1, {"plan", graph, "--fetch", "nope"}, "nope");
  ExpectExit(1, {"plan", graph, "--fetch", "y", "--feed-shape", "nope=2"}, "nope");
  ExpectExit(1, {"plan", graph, "--fetch", "y", "--feed-shape", "x=5x4"}, "x:0");
  ExpectExit(1, {"plan", graph, "--fetch", "y", "--feed-shape", "x=1x3", "--disable", "no_such"},
             "no_such");
}

TEST_F(PlanCommandTest, UnknownOps) {
  const std::string graph =
      Write("g.pbtxt", Placeholder("x", "dim { size: 2 }") + Op("odd", "NotAnOp", {"x"}));
  ExpectExit(3, {"plan", graph, "--fetch", "odd:0"}, "NotAnOp");
  ExpectExit(3, {"plan", graph, "--fetch", "odd"}, "NotAnOp");
}

TEST(ParseShapeTest, Shapes) {
  EXPECT_EQ(ParseShape("2x28x28x1"), TensorShape({2, 28, 28, 1}));
  EXPECT_EQ(ParseShape("7"), TensorShape({7}));
  EXPECT_EQ(ParseShape("0x3"), TensorShape({0, 3}));
  EXPECT_EQ(ParseShape("scalar"), TensorShape());
  for (const char* text :
       {"", "x", "2x", "-1", "2x-1", "a", "2,3", "1.5", "99999999999x99999999999"})
    EXPECT_FALSE(ParseShape(text).has_value()) << text;
}

}  // namespace
}  // namespace sluice::tools
