#include <cmath>
#include <limits>
#include <memory>

#include "core/status.h"
#include "io/tensor_bundle.h"
#include "tests/testing/tools/tool_fixture.h"

namespace sluice::tools {
namespace {

using ::testing::HasSubstr;

class DiffCommandTest : public ToolFixture {
 protected:
  // Relu(x * w) + Neg(x * w), all below `scope`.
  static std::string Graph(const std::string& scope, const std::string& w = "2") {
    return Placeholder("x", "dim { size: 3 }") + Number(scope + "w", w) +
           Op(scope + "mul", "Mul", {"x", scope + "w"}) +
           Op(scope + "relu", "Relu", {scope + "mul"}) + Op(scope + "neg", "Neg", {scope + "mul"}) +
           Op(scope + "y", "Add", {scope + "relu", scope + "neg"});
  }
  static std::string Number(const std::string& name, const std::string& value) {
    return absl::StrCat("node { name: '", name,
                        "' op: 'Const' attr { key: 'dtype' value { type: DT_FLOAT } } attr { key: "
                        "'value' value { tensor { dtype: DT_FLOAT tensor_shape {} float_val: ",
                        value, " } } } }\n");
  }
  static std::string VariableNode(const std::string& name, const std::string& dims) {
    return absl::StrCat("node { name: '", name,
                        "' op: 'VariableV2' attr { key: 'dtype' value { type: DT_FLOAT } } attr { "
                        "key: 'shape' value { shape { ",
                        dims, " } } } }\n");
  }
  // A bundle with the tensors.
  std::string Checkpoint(const std::string& name,
                         const std::vector<std::pair<std::string, Tensor>>& tensors) {
    absl::StatusOr<std::unique_ptr<BundleWriter>> writer = BundleWriter::Create(fs_, Path(name));
    EXPECT_THAT(writer, IsOk());
    for (const auto& [key, value] : tensors) EXPECT_THAT((*writer)->Add(key, value), IsOk());
    EXPECT_THAT((*writer)->Finish(), IsOk());
    return Path(name);
  }
};

// --- graphs ---

TEST_F(DiffCommandTest, EqualGraphs) {
  const std::string a = Write("a.pbtxt", Graph("net/"));
  EXPECT_EQ(Sluice({"diff", a, a}), 0);
  EXPECT_EQ(out_, "equal: 6 nodes have a counterpart\n");
}

TEST_F(DiffCommandTest, TheOrderOfNodesAndDefaultsDoNotCount) {
  const std::string first = Op("r", "LeakyRelu", {"x"});
  const std::string second =
      "node { name: 'r' op: 'LeakyRelu' input: 'x:0' device: '/cpu:0' attr { key: 'alpha' value { "
      "f: 0.2 } } attr { key: '_mark' value { i: 1 } } }\n";
  const std::string x = Placeholder("x", "dim { size: 3 }");
  EXPECT_EQ(Sluice({"diff", Write("a.pbtxt", x + first), Write("b.pbtxt", second + x)}), 0);
  EXPECT_THAT(out_, HasSubstr("equal: 2 nodes"));
}

TEST_F(DiffCommandTest, RenamedScopes) {
  const std::string a = Write("a.pbtxt", Graph("net/")), b = Write("b.pbtxt", Graph("model/v2/"));
  EXPECT_EQ(Sluice({"diff", a, b}), 0) << err_;
  EXPECT_THAT(out_, HasSubstr("equal up to renaming: 6 nodes have a counterpart"));
  EXPECT_THAT(out_, HasSubstr("renamed (5)\n  scope 'net/' -> 'model/v2/': 5 nodes\n"));
  EXPECT_THAT(out_, HasSubstr("  net/relu -> model/v2/relu\n"));
  EXPECT_EQ(Sluice({"diff", a, b, "--json"}), 0);
  EXPECT_THAT(out_, HasSubstr("\"verdict\": \"equal up to renaming\""));
  EXPECT_THAT(out_,
              HasSubstr("\"scopes\": [{\"a\": \"net/\", \"b\": \"model/v2/\", \"nodes\": 5}]"));
}

TEST_F(DiffCommandTest, NamesThatChangedPlaces) {  // relu is called neg, and the other way round
  const std::string head = Placeholder("x", "dim { size: 3 }");
  const std::string a = Write("a.pbtxt", head + Op("p", "Relu", {"x"}) + Op("q", "Neg", {"x"}) +
                                             Op("y", "Sub", {"p", "q"}));
  const std::string b = Write("b.pbtxt", head + Op("q", "Relu", {"x"}) + Op("p", "Neg", {"x"}) +
                                             Op("y", "Sub", {"q", "p"}));
  EXPECT_EQ(Sluice({"diff", a, b}), 0) << out_;
  EXPECT_THAT(out_, HasSubstr("equal up to renaming: 4 nodes"));
}

TEST_F(DiffCommandTest, TwinsMatchInPairs) {  // nothing but their readers tells the constants apart
  const auto graph = [](const char* one, const char* two) {
    return Number(one, "1") + Number(two, "1") + Op("a", "Neg", {one}) + Op("b", "Neg", {two}) +
           Op("c", "Relu", {"a"}) + Op("d", "Relu", {"b"});
  };
  EXPECT_EQ(Sluice({"diff", Write("a.pbtxt", graph("k", "l")), Write("b.pbtxt", graph("l", "k"))}),
            0)
      << out_;
  EXPECT_THAT(out_, HasSubstr("equal up to renaming"));
}

TEST_F(DiffCommandTest, LoopsAreGraphsToo) {
  const auto loop = [](const std::string& s) {
    return Placeholder("x", "") + Op(s + "merge", "Merge", {"x", s + "next"}) +
           Op(s + "neg", "Neg", {s + "merge"}) + Op(s + "next", "NextIteration", {s + "neg"});
  };
  EXPECT_EQ(Sluice({"diff", Write("a.pbtxt", loop("a/")), Write("b.pbtxt", loop("b/"))}), 0)
      << out_;
  EXPECT_THAT(out_, HasSubstr("equal up to renaming: 4 nodes"));
}

TEST_F(DiffCommandTest, AnAttributeThatDiffers) {
  const std::string a = Write("a.pbtxt", Graph("net/", "2")),
                    b = Write("b.pbtxt", Graph("model/", "3"));
  EXPECT_EQ(Sluice({"diff", a, b}), 1);
  EXPECT_THAT(err_, HasSubstr("differ"));
  EXPECT_THAT(out_, HasSubstr("different: 6 nodes have a counterpart"));
  EXPECT_THAT(out_, HasSubstr("changed (1)\n  net/w | model/w: attr value: "));
  EXPECT_THAT(out_, HasSubstr("float_val: 2"));
  EXPECT_THAT(out_, HasSubstr("float_val: 3"));
}

TEST_F(DiffCommandTest, NodesThatOnlyOneHas) {
  const std::string a = Write("a.pbtxt", Graph("")),
                    b = Write("b.pbtxt", Graph("") + Op("extra", "Tanh", {"y"}));
  EXPECT_EQ(Sluice({"diff", a, b}), 1);
  EXPECT_THAT(out_, HasSubstr("only in B (1)\n  extra (Tanh)\n"));
  EXPECT_EQ(Sluice({"diff", b, a, "--json"}), 1);
  EXPECT_THAT(out_, HasSubstr("\"verdict\": \"different\""));
  EXPECT_THAT(out_, HasSubstr("\"only_in_a\": [{\"name\": \"extra\", \"op\": \"Tanh\"}]"));
}

TEST_F(DiffCommandTest, AnotherOpAndAnotherInput) {
  const std::string head = Placeholder("x", "dim { size: 3 }") + Op("p", "Neg", {"x"});
  const std::string a = Write("a.pbtxt", head + Op("r", "Relu", {"p"}) + Op("y", "Abs", {"r"})),
                    b = Write("b.pbtxt", head + Op("r", "Tanh", {"x"}) + Op("y", "Abs", {"r"}));
  EXPECT_EQ(Sluice({"diff", a, b}), 1);
  EXPECT_THAT(out_, HasSubstr("  r: op: Relu | Tanh\n"));
  EXPECT_THAT(out_, HasSubstr("  r: input 0: p | x\n"));
}

// --- a graph and a checkpoint ---

TEST_F(DiffCommandTest, VariablesThatACheckpointHas) {
  const std::string graph =
      Write("g.pbtxt", VariableNode("net/w", "dim { size: 2 }") + VariableNode("net/b", ""));
  const std::string good = Checkpoint(
      "good", {{"net/b", Tensor::Scalar(1.0f)}, {"net/w", Tensor::Of<float>({2}, {1, 2})}});
  EXPECT_EQ(Sluice({"diff", graph, good}), 0) << err_;
  EXPECT_EQ(out_, "equal: 2 variables\n");
  const std::string bad = Checkpoint("bad", {{"net/step", Tensor::Scalar<int64_t>(1)},
                                             {"net/w", Tensor::Of<float>({3}, {1, 2, 3})}});
  for (const auto& sides : {std::pair(graph, bad), std::pair(bad, graph)}) {  // in either order
    EXPECT_EQ(Sluice({"diff", sides.first, sides.second}), 1);
    EXPECT_THAT(out_, HasSubstr("missing in the checkpoint: 1 of 2"));
    EXPECT_THAT(out_, HasSubstr("net/w: the graph has float32[2], the checkpoint float32[3]"));
    EXPECT_THAT(out_, HasSubstr("only in the checkpoint: 1"));
  }
  EXPECT_EQ(Sluice({"diff", graph, bad, "--json"}), 1);
  EXPECT_THAT(out_, HasSubstr("\"kind\": \"graph and checkpoint\", \"verdict\": \"different\""));
  EXPECT_THAT(out_, HasSubstr("\"mismatched\": [{\"name\": \"net/w\""));
}

// --- two checkpoints ---

TEST_F(DiffCommandTest, EqualCheckpoints) {
  const float nan = std::nanf("");
  const Tensor w = Tensor::Of<float>({2}, {1, nan});
  const std::string a = Checkpoint("a", {{"w", w}}), b = Checkpoint("b", {{"w", w}});
  EXPECT_EQ(Sluice({"diff", a, b}), 0) << err_;
  EXPECT_EQ(out_, "equal: 1 of 1 tensors have equal values\n");
}

TEST_F(DiffCommandTest, ValuesThatDiffer) {
  const std::string a = Checkpoint("a", {{"i", Tensor::Of<int64_t>({2}, {5, 6})},
                                         {"s", Tensor::Of<std::string>({1}, {"x"})},
                                         {"w", Tensor::Of<float>({3}, {1, 2, 3})}});
  const std::string b = Checkpoint("b", {{"i", Tensor::Of<int64_t>({2}, {5, 2})},
                                         {"s", Tensor::Of<std::string>({1}, {"y"})},
                                         {"w", Tensor::Of<float>({3}, {1.5, 2, 1})}});
  EXPECT_EQ(Sluice({"diff", a, b}), 1);
  EXPECT_THAT(out_, HasSubstr("different: 0 of 3 tensors have equal values\n"));
  EXPECT_THAT(out_, HasSubstr("  i int64[2]: 1 elements, largest difference 4\n"));
  EXPECT_THAT(out_, HasSubstr("  s string[1]: 1 elements\n"));
  EXPECT_THAT(out_, HasSubstr("  w float32[3]: 2 elements, largest difference 2\n"));
  EXPECT_EQ(Sluice({"diff", a, b, "--json"}), 1);
  EXPECT_THAT(out_, HasSubstr("{\"name\": \"w\", \"different\": 2, \"max_abs_difference\": 2, "
                              "\"finite\": true}"));
}

TEST_F(DiffCommandTest, InfinitiesHaveNoDifference) {
  const float inf = std::numeric_limits<float>::infinity();
  const std::string a = Checkpoint("a", {{"w", Tensor::Of<float>({2}, {inf, 1})}}),
                    b = Checkpoint("b", {{"w", Tensor::Of<float>({2}, {1, 1.25})}});
  EXPECT_EQ(Sluice({"diff", a, b}), 1);
  EXPECT_THAT(out_, HasSubstr("2 elements, largest difference 0.25, and some that are no numbers"));
}

TEST_F(DiffCommandTest, NamesThatDiffer) {
  const std::string a = Checkpoint(
                        "a", {{"old/v", Tensor::Scalar(1.0f)}, {"old/w", Tensor::Scalar(1.0f)}}),
                    b = Checkpoint(
                        "b", {{"new/v", Tensor::Scalar(1.0f)}, {"new/w", Tensor::Scalar(1.0f)}});
  EXPECT_EQ(Sluice({"diff", a, b}), 1);
  EXPECT_THAT(out_, HasSubstr("missing in B: 2 of 2"));
  EXPECT_THAT(out_, HasSubstr("perhaps renamed: 'new/' -> 'old/'"));
}

// --- what is refused ---

TEST_F(DiffCommandTest, RefusesWhatIsNeither) {
  const std::string a = Write("a.pbtxt", Graph(""));
  ExpectExit(2, {"diff", a}, "expected two graphs or checkpoints, got 1");
  ExpectExit(1, {"diff", a, Path("none")}, "neither a graph file, a SavedModel nor a checkpoint");
  ExpectExit(1, {"diff", a, Write("bad.pb", "\xff\xff\xff")}, "bad.pb");
  ExpectExit(1, {"diff", a, Write("dangling.pbtxt", Op("y", "Relu", {"x"}))},
             "dangling.pbtxt: Node 'y': Unknown input node 'x'");
}

}  // namespace
}  // namespace sluice::tools
