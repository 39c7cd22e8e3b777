// sluice run: exit codes, results, messages.
#include "graph/graph_def.h"
#include "graph/variable.h"
#include "ops/all_ops.h"
#include "ops/const.h"
#include "tests/testing/tools/tool_fixture.h"

namespace sluice::tools {
namespace {

using ::testing::HasSubstr;

const char kTwo[] = "dim { size: 2 }";

class RunCommandTest : public ToolFixture {
 protected:
  // x -> net/square = x * x -> y = square + x.
  std::string Graph() {
    return Write("g.pbtxt", Placeholder("x", kTwo) + Op("net/square", "Mul", {"x", "x"}) +
                                Op("y", "AddV2", {"net/square", "x"}));
  }
  std::string FeedX() { return "x=" + WriteArray("x.npy", Tensor::Of<float>({2}, {3, -1})); }
};

TEST_F(RunCommandTest, WritesWhatIsFetched) {
  EXPECT_EQ(Sluice({"run", Graph(), "--feed", FeedX(), "--fetch", "y:0", "net/square:0", "--out",
                    Path("o/p")}),
            0)
      << err_;
  EXPECT_EQ(err_, "");
  EXPECT_THAT(out_, HasSubstr("y:0 float32[2] -> "));
  ExpectClose(ReadArray("o/p/y_0.npy"), Tensor::Of<float>({2}, {12, 0}));
  ExpectClose(ReadArray("o/p/net_square_0.npy"), Tensor::Of<float>({2}, {9, 1}));
}

TEST_F(RunCommandTest, NamesWithoutIndexAreFirstOutputs) {
  EXPECT_EQ(Sluice({"run", Graph(), "--feed", FeedX(), "--fetch=y", "--out", Path("o")}), 0)
      << err_;
  ExpectClose(ReadArray("o/y.npy"), Tensor::Of<float>({2}, {12, 0}));
}

TEST_F(RunCommandTest, AnyTensorMayBeFed) {
  const std::string square = WriteArray("s.npy", Tensor::Of<float>({2}, {100, 200}));
  EXPECT_EQ(Sluice({"run", Graph(), "--feed", FeedX(), "--feed", "net/square:0=" + square,
                    "--fetch", "y:0", "--out", folder_}),
            0)
      << err_;
  ExpectClose(ReadArray("y_0.npy"), Tensor::Of<float>({2}, {103, 199}));
}

TEST_F(RunCommandTest, AFedTensorMayBeFetched) {
  EXPECT_EQ(Sluice({"run", Graph(), "--feed", FeedX(), "--fetch", "x:0", "--out", folder_}), 0);
  ExpectClose(ReadArray("x_0.npy"), Tensor::Of<float>({2}, {3, -1}));
}

TEST_F(RunCommandTest, BinaryGraphs) {
  sluice::Graph graph(ops::Builtin());
  const Scope root = Scope::Root(graph);
  const Output c = ops::Const<float>(root.Named("c"), {1, 2}, {2});
  (c + 1.0);
  const auto bytes = SerializeGraphDef(graph);
  ASSERT_THAT(bytes, IsOk());
  EXPECT_EQ(Sluice({"run", Write("g.pb", *bytes), "--fetch", "add:0", "--out", folder_}), 0)
      << err_;
  ExpectClose(ReadArray("add_0.npy"), Tensor::Of<float>({2}, {2, 3}));
}

TEST_F(RunCommandTest, ThreadsAndMemoryLimitAreTaken) {
  EXPECT_EQ(Sluice({"run", Graph(), "--feed", FeedX(), "--fetch", "y:0", "--out", folder_,
                    "--threads", "1", "--memory-limit", "64M"}),
            0)
      << err_;
}

TEST_F(RunCommandTest, OpsThatAreNotReachedMayBeUnknown) {
  const std::string graph = Write(
      "g.pbtxt", Placeholder("x", kTwo) + Op("y", "Neg", {"x"}) + Op("odd", "NotAnOp", {"x"}));
  EXPECT_EQ(Sluice({"run", graph, "--feed", FeedX(), "--fetch", "y:0", "--out", folder_}), 0)
      << err_;
  ExpectClose(ReadArray("y_0.npy"), Tensor::Of<float>({2}, {-3, 1}));
  ExpectExit(3, {"run", graph, "--feed", FeedX(), "--fetch", "odd:0", "--out", folder_}, "NotAnOp");
  EXPECT_THAT(err_, HasSubstr("odd"));
}

TEST_F(RunCommandTest, AnUnknownOpWhoseOutputIsFedIsNotReached) {
  const std::string graph = Write(
      "g.pbtxt", Placeholder("x", kTwo) + Op("odd", "NotAnOp", {"x"}) + Op("y", "Neg", {"odd"}));
  const std::string feed = WriteArray("f.npy", Tensor::Of<float>({2}, {1, 2}));
  EXPECT_EQ(Sluice({"run", graph, "--feed", "odd:0=" + feed, "--fetch", "y:0", "--out", folder_}),
            0)
      << err_;
  ExpectClose(ReadArray("y_0.npy"), Tensor::Of<float>({2}, {-1, -2}));
}

// Types that numpy lacks: bfloat16 goes as float32, quantized types as the integers they are.
TEST_F(RunCommandTest, TypesThatNumpyLacks) {
  const std::string graph =
      Write("g.pbtxt", Placeholder("b", kTwo, "DT_BFLOAT16") + Placeholder("q", kTwo, "DT_QINT8") +
                           Op("bi", "Identity", {"b"}, "DT_BFLOAT16") +
                           Op("qi", "Identity", {"q"}, "DT_QINT8"));
  const std::string b = WriteArray("b.npy", Tensor::Of<float>({2}, {1.5, -2}));
  const std::string q = WriteArray("q.npy", Tensor::Of<int8_t>({2}, {-128, 5}));
  EXPECT_EQ(Sluice({"run", graph, "--feed", "b=" + b, "q=" + q, "--fetch", "bi:0", "qi:0", "--out",
                    folder_}),
            0)
      << err_;
  ExpectClose(ReadArray("bi_0.npy"), Tensor::Of<float>({2}, {1.5, -2}));
  ExpectClose(ReadArray("qi_0.npy"), Tensor::Of<int8_t>({2}, {-128, 5}));
}

// --- refused: 1 ---

TEST_F(RunCommandTest, MissingFiles) {
  ExpectExit(1, {"run", Path("none.pb"), "--fetch", "y:0", "--out", folder_}, "none.pb");
  ExpectExit(
      1, {"run", Graph(), "--feed", "x=" + Path("none.npy"), "--fetch", "y:0", "--out", folder_},
      "none.npy");
  ExpectExit(1, {"run", folder_, "--fetch", "y:0", "--out", folder_}, folder_);
}

TEST_F(RunCommandTest, MissingTensors) {
  ExpectExit(1, {"run", Graph(), "--fetch", "nope:0", "--out", folder_}, "nope");
  ExpectExit(1, {"run", Graph(), "--fetch", "y:3", "--out", folder_}, "y:3");
  ExpectExit(1, {"run", Graph(), "--fetch", "y:zero", "--out", folder_}, "y:zero");
  ExpectExit(
      1, {"run", Graph(), "--feed", "nope=" + Path("x.npy"), "--fetch", "y:0", "--out", folder_},
      "nope");
}

TEST_F(RunCommandTest, PlaceholderThatIsNotFed) {
  ExpectExit(1, {"run", Graph(), "--fetch", "y:0", "--out", folder_}, "'x'");
  EXPECT_THAT(err_, HasSubstr("Placeholder"));
}

TEST_F(RunCommandTest, FeedOfAnotherDtype) {
  const std::string ints = WriteArray("i.npy", Tensor::Of<int32_t>({2}, {1, 2}));
  ExpectExit(1, {"run", Graph(), "--feed", "x=" + ints, "--fetch", "y:0", "--out", folder_},
             "i.npy: the file holds int32[2], tensor x:0 is float32");
}

TEST_F(RunCommandTest, FeedOfAnotherShape) {
  const std::string three = WriteArray("t.npy", Tensor::Of<float>({3}, {1, 2, 3}));
  ExpectExit(1, {"run", Graph(), "--feed", "x=" + three, "--fetch", "y:0", "--out", folder_},
             "x:0");
  EXPECT_THAT(err_, HasSubstr("(3,)"));
  EXPECT_THAT(err_, HasSubstr("(2,)"));
}

TEST_F(RunCommandTest, FeedGivenTwice) {
  ExpectExit(
      1, {"run", Graph(), "--feed", FeedX(), "--feed", FeedX(), "--fetch", "y:0", "--out", folder_},
      "x:0");
}

TEST_F(RunCommandTest, DamagedFeed) {
  const std::string damaged = Write("d.npy", "\x93NUMPY\x01");
  ExpectExit(1, {"run", Graph(), "--feed", "x=" + damaged, "--fetch", "y:0", "--out", folder_},
             "d.npy");
}

TEST_F(RunCommandTest, MalformedGraphs) {
  const std::vector<std::pair<std::string, std::string>> files = {
      {"text.pbtxt", "node { name: 'x' op: "},
      {"bytes.pb", "\x0a\xff\xff\xff\xff\x0f"},
      {"words.pb", "this is not a graph"},
      {"twice.pbtxt", Placeholder("x", kTwo) + Placeholder("x", kTwo)},
      {"dangling.pbtxt", Op("y", "Neg", {"gone"})},
      {"count.pbtxt", Placeholder("x", kTwo) + Op("y", "Mul", {"x"})},
      {"dtype.pbtxt", Placeholder("x", kTwo) + Op("y", "Neg", {"x"}, "DT_INT32")},
      {"cycle.pbtxt", Op("a", "Neg", {"b"}) + Op("b", "Neg", {"a"})},
      {"meta.meta", "\x0a\xff\xff\xff\xff\x0f"},
  };
  for (const auto& [name, bytes] : files) {
    SCOPED_TRACE(name);
    ExpectExit(1, {"run", Write(name, bytes), "--fetch", "y:0", "--out", folder_}, name);
  }
}

TEST_F(RunCommandTest, KernelErrorsNameNodeAndOp) {
  const std::string graph =
      Write("g.pbtxt", Placeholder("a", kTwo, "DT_INT32") + Placeholder("b", kTwo, "DT_INT32") +
                           Op("net/quotient", "FloorDiv", {"a", "b"}, "DT_INT32"));
  const std::string a = WriteArray("a.npy", Tensor::Of<int32_t>({2}, {1, 2}));
  const std::string b = WriteArray("b.npy", Tensor::Of<int32_t>({2}, {1, 0}));
  ExpectExit(1,
             {"run", graph, "--feed", "a=" + a, "--feed", "b=" + b, "--fetch", "net/quotient:0",
              "--out", folder_},
             "net/quotient");
  EXPECT_THAT(err_, HasSubstr("FloorDiv"));
}

TEST_F(RunCommandTest, MemoryLimit) {
  const std::string graph = Write(
      "g.pbtxt",
      "node { name: 'dims' op: 'Const' attr { key: 'dtype' value { type: DT_INT32 } } attr { key: "
      "'value' value { tensor { dtype: DT_INT32 tensor_shape { dim { size: 2 } } int_val: 4096 "
      "int_val: 4096 } } } }\n"
      "node { name: 'one' op: 'Const' attr { key: 'dtype' value { type: DT_FLOAT } } attr { key: "
      "'value' value { tensor { dtype: DT_FLOAT tensor_shape { } float_val: 1 } } } }\n" +
          Op("big", "Fill", {"dims", "one"}));
  ExpectExit(1, {"run", graph, "--fetch", "big:0", "--out", folder_, "--memory-limit", "1M"},
             "RESOURCE_EXHAUSTED");
  EXPECT_THAT(err_, HasSubstr("big"));
  EXPECT_FALSE(fs_.Exists(Path("big_0.npy")));
  EXPECT_EQ(Sluice({"run", graph, "--fetch", "big:0", "--out", folder_, "--memory-limit", "1G"}), 0)
      << err_;
}

TEST_F(RunCommandTest, TwoResultsOfOneFileName) {
  const std::string graph =
      Write("g.pbtxt", Placeholder("x", kTwo) + Op("a/b", "Neg", {"x"}) + Op("a_b", "Neg", {"x"}));
  ExpectExit(1, {"run", graph, "--feed", FeedX(), "--fetch", "a/b:0", "a_b:0", "--out", folder_},
             "two results would be written to a_b_0.npy");
}

TEST_F(RunCommandTest, NamesTooLongForAFile) {
  const std::string name(300, 'n');
  const std::string graph = Write("g.pbtxt", Placeholder("x", kTwo) + Op(name, "Neg", {"x"}));
  ExpectExit(1, {"run", graph, "--feed", FeedX(), "--fetch", name + ":0", "--out", folder_},
             "the result's file name would have 306 characters, the limit is 255");
}

TEST_F(RunCommandTest, NamesCannotLeaveTheFolder) {
  // Valid in TensorFlow: the name begins with a dot.
  const std::string graph = Write("g.pbtxt", Placeholder("x", kTwo) + Op("../../up", "Neg", {"x"}));
  EXPECT_EQ(Sluice({"run", graph, "--feed", FeedX(), "--fetch", "../../up:0", "--out", Path("o")}),
            0)
      << err_;
  EXPECT_TRUE(fs_.Exists(Path("o/.._.._up_0.npy")));
}

TEST_F(RunCommandTest, AnOperationHasNoValue) {
  const std::string graph = Write("g.pbtxt", "node { name: 'nothing' op: 'NoOp' }");
  ExpectExit(1, {"run", graph, "--fetch", "nothing", "--out", folder_}, "produces no output");
}

TEST_F(RunCommandTest, OutThatIsAFile) {
  const std::string file = Write("file", "x");
  ExpectExit(1, {"run", Graph(), "--feed", FeedX(), "--fetch", "y:0", "--out", file}, "file");
}

TEST_F(RunCommandTest, StringsCannotBeWritten) {
  const std::string graph = Write(
      "g.pbtxt",
      "node { name: 's' op: 'Const' attr { key: 'dtype' value { type: DT_STRING } } attr { key: "
      "'value' value { tensor { dtype: DT_STRING tensor_shape { } string_val: 'x' } } } }\n");
  ExpectExit(3, {"run", graph, "--fetch", "s:0", "--out", folder_}, "string");
}

TEST_F(RunCommandTest, UninitializedVariables) {
  sluice::Graph graph(ops::Builtin());
  const Variable v =
      GetVariable(Scope::Root(graph), "v", {.shape = {2}, .initializer = OnesInitializer});
  const std::string file = Write("g.pb", *SerializeGraphDef(graph));
  ExpectExit(1, {"run", file, "--fetch", v.value().name(), "--out", folder_}, "uninitialized");
}

// --- usage: 2 ---

TEST_F(RunCommandTest, Usage) {
  const std::string graph = Graph();
  ExpectExit(2, {}, "a subcommand is missing");
  ExpectExit(2, {"walk"}, "no subcommand 'walk'");
  ExpectExit(2, {"run", graph, "--out", folder_}, "--fetch NAME:0 is missing");
  ExpectExit(2, {"run", graph, "--fetch", "y:0"}, "--out DIR is missing");
  ExpectExit(2, {"run", "--fetch=y:0", "--out", folder_}, "expected one graph file, got 0");
  ExpectExit(2, {"run", graph, graph, "--fetch", "y:0", "--out", folder_},
             "expected one graph file, got 2");
  ExpectExit(2, {"run", graph, "--fetch", "y:0", "--out", folder_, "--feed", "x"},
             "--feed is NAME=FILE.npy, got \"x\"");
  ExpectExit(2, {"run", graph, "--fetch", "y:0", "--out", folder_, "--threads", "0"},
             "--threads is a whole number");
  ExpectExit(2, {"run", graph, "--fetch", "y:0", "--out", folder_, "--memory-limit", "lots"},
             "--memory-limit");
  ExpectExit(2, {"run", graph, "--fetch", "y:0", "--out", folder_, "--speed", "9"},
             "unknown flag --speed");
  EXPECT_THAT(err_, HasSubstr("--help"));
}

TEST_F(RunCommandTest, UsageErrorsComeBeforeFileErrors) {
  ExpectExit(2, {"run", Path("none.pb"), "--fetch", "y:0", "--out", folder_, "--feed", "x"},
             "--feed is NAME=FILE.npy");
}

TEST_F(RunCommandTest, Help) {
  for (const std::vector<std::string>& args :
       {std::vector<std::string>{"--help"}, {"help"}, {"-h"}, {"run", "--help"}}) {
    EXPECT_EQ(Sluice(args), 0);
    EXPECT_THAT(out_, HasSubstr("sluice run GRAPH"));
    EXPECT_EQ(err_, "");
  }
}

}  // namespace
}  // namespace sluice::tools
