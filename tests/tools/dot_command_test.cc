// sluice dot, sluice svg.
#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "tests/testing/half_plus_two.h"
#include "tests/testing/tools/tool_fixture.h"
#include "tools/sluice/dot_text.h"
#include "tools/sluice/dot_tree.h"

namespace sluice::tools {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

std::string Weights(const std::string& name, const std::vector<int>& dims) {
  std::string shape;
  for (const int dim : dims) absl::StrAppend(&shape, "dim { size: ", dim, " } ");
  return absl::StrCat("node { name: '", name,
                      "' op: 'Const' attr { key: 'dtype' value { type: DT_FLOAT } } "
                      "attr { key: 'value' value { tensor { dtype: DT_FLOAT tensor_shape { ",
                      shape, "} float_val: 1 } } } }\n");
}
// One layer of 3 channels below `scope`: Conv2D, BiasAdd, Relu and two constants.
std::vector<std::string> Layer(const std::string& scope, const std::string& input) {
  return {Weights(scope + "/kernel", {3, 3, 3, 3}), Weights(scope + "/bias", {3}),
          absl::StrCat("node { name: '", scope, "/Conv2D' op: 'Conv2D' input: '", input,
                       "' input: '", scope, "/kernel'",
                       " attr { key: 'T' value { type: DT_FLOAT } }"
                       " attr { key: 'strides' value { list { i: [1, 1, 1, 1] } } }"
                       " attr { key: 'padding' value { s: 'SAME' } } }\n"),
          Op(scope + "/BiasAdd", "BiasAdd", {scope + "/Conv2D", scope + "/bias"}),
          Op(scope + "/Relu", "Relu", {scope + "/BiasAdd"})};
}
const char kImage[] = "dim { size: -1 } dim { size: 8 } dim { size: 8 } dim { size: 3 }";

class DotCommandTest : public ToolFixture {
 protected:
  std::string Dot(const std::string& graph, std::vector<std::string> flags = {}) {
    std::vector<std::string> args = {"dot", Write("graph.pbtxt", graph)};
    args.insert(args.end(), flags.begin(), flags.end());
    EXPECT_EQ(Sluice(args), kDone) << err_;
    return out_;
  }
  // Lines that make a box: "n3 [label=".
  static int Boxes(const std::string& dot) {
    int boxes = 0;
    for (absl::string_view line : absl::StrSplit(dot, '\n')) {
      line = absl::StripLeadingAsciiWhitespace(line);
      boxes += absl::StartsWith(line, "n") && absl::StrContains(line, " [label=") &&
               !absl::StrContains(line, "->");
    }
    return boxes;
  }
};

TEST_F(DotCommandTest, LayersAreBoxesWithTheirWeights) {
  std::string graph = Placeholder("x", kImage);
  graph += absl::StrJoin(Layer("net/one", "x"), "") +
           absl::StrJoin(Layer("net/two", "net/one/Relu"), "");
  const std::string dot = Dot(graph);
  EXPECT_EQ(Boxes(dot), 3);
  EXPECT_THAT(dot, HasSubstr("label=\"net  (6)\""));
  EXPECT_THAT(dot, HasSubstr("n1 [label=\"one\\nConv2D + BiasAdd + Relu\\nkernel  3×3×3×3\\n"
                             "bias  3\", fillcolor=\"#a9c7ec\", tooltip=\"net/one\\n"));
  EXPECT_THAT(dot, HasSubstr("n0 -> n1 [label=\" ?×8×8×3\""));
  EXPECT_THAT(dot, HasSubstr("n1 -> n2 [label=\" ?×8×8×3\""));
  EXPECT_THAT(dot, HasSubstr("11 nodes, 7 ops of the model"));
  EXPECT_THAT(dot, HasSubstr("168 parameters"));  // 2 (3 3 3 3 + 3)
  EXPECT_THAT(dot, HasSubstr("shape=ellipse"));   // the input
  EXPECT_EQ(Boxes(Dot(graph, {"--depth", "1"})), 2);
  EXPECT_THAT(out_, HasSubstr("net\\n6 ops, 168 params\\n2 Conv2D, 2 Relu, 2 BiasAdd"));
  EXPECT_THAT(out_, HasSubstr("peripheries=2"));
}

TEST_F(DotCommandTest, TheOrderOfTheFileDoesNotMatter) {
  std::vector<std::string> nodes = Layer("a", "x");
  for (const std::string& node : Layer("b", "x")) nodes.push_back(node);
  nodes.push_back(Op("sum", "AddV2", {"a/Relu", "b/Relu"}));
  nodes.push_back(Placeholder("x", kImage));
  const std::string dot = Dot(absl::StrJoin(nodes, ""));
  std::reverse(nodes.begin(), nodes.end());
  EXPECT_EQ(Dot(absl::StrJoin(nodes, "")), dot);
  std::rotate(nodes.begin(), nodes.begin() + 5, nodes.end());
  EXPECT_EQ(Dot(absl::StrJoin(nodes, "")), dot);
}

// A thousand nodes, in scopes and without any.
TEST_F(DotCommandTest, LargeGraphsStayReadable) {
  std::string deep = Placeholder("x", kImage), flat = deep, last = "x", before = "x";
  for (int block = 0; block < 20; ++block) {
    for (int layer = 0; layer < 10; ++layer) {
      const std::string scope = absl::StrCat("net/block_", block, "/layer_", layer);
      deep += absl::StrJoin(Layer(scope, last), "");
      last = scope + "/Relu";
    }
  }
  for (int i = 0; i < 1500; ++i) {
    const std::string name = absl::StrCat(i % 3 == 0 ? "Sigmoid_" : "Mul_", i);
    flat += i % 3 == 0 ? Op(name, "Sigmoid", {before}) : Op(name, "Mul", {before, "x"});
    before = name;
  }
  EXPECT_LE(Boxes(Dot(deep)), kMostBoxes);
  EXPECT_GE(Boxes(out_), 20);  // the blocks
  EXPECT_LE(Boxes(Dot(flat)), kMostBoxes);
  EXPECT_GE(Boxes(out_), 10);
  EXPECT_EQ(Boxes(Dot(deep, {"--depth", "9"})), 201);
  EXPECT_EQ(Boxes(Dot(deep, {"--depth", "1", "--expand", "net/block_3"})), 30);
}

TEST_F(DotCommandTest, WhatTrainsIsSetAside) {
  std::string graph = Placeholder("x", kImage);
  graph += absl::StrJoin(Layer("net", "x"), "");
  graph += Op("gradients/net/Relu_grad/ReluGrad", "ReluGrad", {"net/Relu", "net/Relu"});
  graph += Op("gradients/more", "Neg", {"gradients/net/Relu_grad/ReluGrad"});
  graph += Op("step", "Neg", {"gradients/more"});
  graph += "node { name: 'train' op: 'NoOp' input: '^step' }\n";
  const std::string dot = Dot(graph);
  EXPECT_EQ(Boxes(dot), 4);  // x, net; gradients, optimizer
  EXPECT_THAT(dot, HasSubstr("label=\"set aside\""));
  EXPECT_THAT(dot, HasSubstr("n2 [label=\"gradients\\n2 ops\""));
  EXPECT_THAT(dot, HasSubstr("n3 [label=\"optimizer\\n2 ops\""));
  EXPECT_THAT(dot, HasSubstr("n2 -> n3 "));
  EXPECT_THAT(dot, Not(HasSubstr("n1 -> n2")));
  EXPECT_EQ(Boxes(Dot(graph, {"--expand", "gradients/"})), 4);
  EXPECT_THAT(out_, HasSubstr("label=\"gradients  (2)\""));
}

TEST_F(DotCommandTest, ControlEdgesAndLoops) {
  std::string graph = Placeholder("x", "");
  graph += Op("a", "Sqrt", {"x"}) + Op("b", "Exp", {"x", "^a"});
  graph +=
      "node { name: 'enter' op: 'Enter' input: 'x' attr { key: 'T' value { type: DT_FLOAT } } "
      "attr { key: 'frame_name' value { s: 'loop' } } }\n";
  graph +=
      "node { name: 'merge' op: 'Merge' input: 'enter' input: 'next' attr { key: 'N' value { "
      "i: 2 } } attr { key: 'T' value { type: DT_FLOAT } } }\n";
  graph += Op("next", "NextIteration", {"merge"});
  const std::string dot = Dot(graph);
  EXPECT_THAT(dot, HasSubstr("style=dotted"));
  EXPECT_THAT(dot, HasSubstr("style=dashed, constraint=false"));
  EXPECT_THAT(dot, HasSubstr("dotted: control only"));
  EXPECT_THAT(dot, HasSubstr("dashed: closes a loop"));
}

// An input that everybody reads is named in its readers.
TEST_F(DotCommandTest, InputsWithManyReaders) {
  std::string graph = Placeholder("x", kImage) + Placeholder("rate", "");
  for (int i = 0; i < 8; ++i) {
    const std::string name = absl::StrCat("branch", i);
    graph += Op(name + "/one", "Mul", {"x", "rate"}) + Op(name + "/two", "Neg", {name + "/one"});
  }
  const std::string dot = Dot(graph);
  EXPECT_THAT(dot, HasSubstr("reads rate"));
  EXPECT_THAT(dot, Not(HasSubstr("->")));
}

TEST_F(DotCommandTest, HostileText) {
  EXPECT_EQ(DotQuoted("a\"b"), "\"a\\\"b\"");
  EXPECT_EQ(DotQuoted("a\\N"), "\"a\\\\N\"");
  EXPECT_EQ(DotQuoted("a\nb"), "\"a\\\\nb\"");
  EXPECT_EQ(DotQuoted("<b>&lt;"), "\"<b>&amp;lt;\"");
  EXPECT_EQ(DotQuoted("\xff\x1b"), DotQuoted("\\xff\\x1b"));
  EXPECT_LT(DotQuoted(std::string(100'000, 'x')).size(), 300u);
  const std::string graph =
      Placeholder("x", "") +
      "node { name: 'y' op: '<b>\\\\\\\"];evil[shape=\\\"star' input: 'x' }\n";
  EXPECT_THAT(Dot(graph), HasSubstr("<b>\\\\\\\"];evil[shape=\\\"star"));
  ASSERT_EQ(Sluice({"svg", Path("graph.pbtxt")}), kDone) << err_;
  EXPECT_THAT(out_, Not(HasSubstr("<b>")));
  EXPECT_THAT(out_, HasSubstr("&lt;b&gt;"));
  EXPECT_EQ(err_, "");
}

TEST_F(DotCommandTest, NamesOfManyScopes) {
  std::string name = "a";
  for (int i = 0; i < 5000; ++i) name += "/a";
  const std::string graph =
      Placeholder("x", "") + Op(name, "Neg", {"x"}) + Op(name + "/b", "Neg", {name});
  EXPECT_GE(Boxes(Dot(graph)), 2);
  EXPECT_GE(Boxes(Dot(graph, {"--depth", "1000"})), 2);
}

TEST_F(DotCommandTest, Svg) {
  std::string graph = Placeholder("x", kImage);
  graph += absl::StrJoin(Layer("a_scope_with_a_name_that_is_too_long_to_be_shown_whole", "x"), "");
  const std::string file = Write("graph.pbtxt", graph);
  ASSERT_EQ(Sluice({"svg", file, "--out", Path("graph.svg")}), kDone) << err_;
  EXPECT_EQ(out_, "");
  const absl::StatusOr<std::string> svg = fs_.ReadAll(Path("graph.svg"));
  ASSERT_THAT(svg, IsOk());
  EXPECT_THAT(*svg, HasSubstr("<?xml"));
  EXPECT_THAT(*svg, HasSubstr("font-family=\"sans-serif\""));
  EXPECT_THAT(*svg, HasSubstr("a_scope_with_a_n.."));
  EXPECT_THAT(*svg, HasSubstr("title=\"a_scope_with_a_name_that_is_too_long_to_be_shown_whole"));
  EXPECT_THAT(*svg, HasSubstr("</svg>"));
}

// y = a x + b, with its saver's graph set aside.
TEST_F(DotCommandTest, SavedModels) {
  const std::string folder = FreshFolder("model");
  WriteModel(folder, {HalfPlusTwo(), HalfPlusTwo({"train"})});
  for (const std::vector<std::string>& flags : {std::vector<std::string>{}, {"--tags", "train"}}) {
    std::vector<std::string> args = {"dot", folder};
    args.insert(args.end(), flags.begin(), flags.end());
    ASSERT_EQ(Sluice(args), kDone) << err_;
    EXPECT_THAT(out_, HasSubstr("a  scalar"));
    EXPECT_THAT(out_, HasSubstr("label=\"set aside\""));
  }
  ExpectExit(kRefused, {"dot", folder, "--tags", "gpu"}, "{gpu}");
  ExpectExit(kUsage, {"dot", Write("x.pbtxt", Placeholder("x", "")), "--tags", "serve"}, "--tags");
}

// Edges with labels between boxes of one row: Graphviz's way to clear up would break the heap.
TEST_F(DotCommandTest, ManyPicturesInOneProcess) {
  std::string graph;
  for (const std::string scope : {"a", "b"}) {
    graph += Placeholder(scope + "/x", kImage) + Op(scope + "/one", "Neg", {scope + "/x"}) +
             Op(scope + "/two", "Mul", {scope + "/x", scope + "/one"});
  }
  graph += Op("sum", "AddV2", {"a/two", "b/two"});
  const std::string file = Write("graph.pbtxt", graph);
  for (int i = 0; i < 10; ++i) {
    ASSERT_EQ(Sluice({"svg", file}), kDone) << err_;
    EXPECT_THAT(out_, HasSubstr("</svg>"));
  }
}

TEST_F(DotCommandTest, Refused) {
  const std::string file = Write("graph.pbtxt", Placeholder("x", ""));
  ExpectExit(kRefused, {"dot", file, "--expand", "net"}, "no scope 'net'");
  ExpectExit(kUsage, {"dot", file, "--depth", "0"}, "--depth");
  ExpectExit(kUsage, {"dot"}, "expected one graph file");
  ExpectExit(kRefused, {"svg", Path("missing.pb")}, "missing.pb");
  std::string wide;
  for (int i = 0; i < 4000; ++i) wide += Op(absl::StrCat("s", i, "/y"), "Neg", {"x"});
  ExpectExit(kRefused, {"svg", Write("wide.pbtxt", Placeholder("x", "") + wide), "--depth", "1000"},
             "take a smaller --depth");
}

}  // namespace
}  // namespace sluice::tools
