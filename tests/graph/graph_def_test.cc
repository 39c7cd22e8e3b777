#include "graph/graph_def.h"

#include <gmock/gmock.h>
#include <google/protobuf/any.pb.h>
#include <google/protobuf/text_format.h>
#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "graph/graph.h"
#include "proto/graph.pb.h"
#include "proto/meta_graph.pb.h"
#include "tests/testing/core/status_matchers.h"
#include "tests/testing/def_builder.h"
#include "tests/testing/schema_ops.h"

namespace sluice {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;

proto::GraphDef ParsedText(const std::string& text) {
  proto::GraphDef def;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &def)) << text;
  return def;
}

// A node added as a program would.
Node* Add(Graph* graph, NodeRequest request) {
  auto node = graph->AddNode(std::move(request));
  EXPECT_THAT(node, IsOk());
  return *node;
}

// --- export ---

TEST(ToGraphDefTest, NodesInputsAndAttrs) {  // NS-15
  Graph graph(SchemaOps());
  Node* d = Add(&graph, {.op = "Const",
                         .name = "d",
                         .attrs = {{"dtype", DType::kInt32}, {"value", Tensor::Scalar(0)}}});
  Node* c =
      Add(&graph, {.op = "Const",
                   .name = "c",
                   .attrs = {{"dtype", DType::kFloat}, {"value", Tensor::Of<float>({2}, {1, -2})}},
                   .device = "/device:CPU:0"});
  Node* s = Add(&graph, {.op = "Split",
                         .name = "s",
                         .inputs = {{d, 0}, {c, 0}},
                         .attrs = {{"T", DType::kFloat}, {"num_split", 2}}});
  Add(&graph, {.op = "MatMul",
               .name = "m",
               .inputs = {{s, 1}, {s, 0}},
               .control_inputs = {s, d, c},
               .attrs = {{"T", DType::kFloat}, {"_user", "me"}}});
  proto::GraphDef def;
  ASSERT_THAT(ToGraphDef(graph, &def), IsOk());
  const proto::GraphDef expected = ParsedText(R"(
      node {
        name: "d" op: "Const"
        attr { key: "dtype" value { type: DT_INT32 } }
        attr { key: "value" value { tensor { dtype: DT_INT32 tensor_shape {} int_val: 0 } } }
      }
      node {
        name: "c" op: "Const" device: "/device:CPU:0"
        attr { key: "dtype" value { type: DT_FLOAT } }
        attr { key: "value" value { tensor {
            dtype: DT_FLOAT tensor_shape { dim { size: 2 } }
            tensor_content: "\000\000\200\077\000\000\000\300" } } }
      }
      node {
        name: "s" op: "Split" input: "d" input: "c"
        attr { key: "T" value { type: DT_FLOAT } }
        attr { key: "num_split" value { i: 2 } }
      }
      node {
        name: "m" op: "MatMul" input: "s:1" input: "s" input: "^c" input: "^d" input: "^s"
        attr { key: "T" value { type: DT_FLOAT } }
        attr { key: "_user" value { s: "me" } }
        attr { key: "transpose_a" value { b: false } }
        attr { key: "transpose_b" value { b: false } }
      }
      versions { producer: 27 })");
  EXPECT_EQ(def.DebugString(), expected.DebugString());
}

TEST(ToGraphDefTest, ShapesWhenAskedFor) {  // NS-15
  Graph graph(SchemaOps());
  Node* p = Add(&graph, {.op = "Placeholder",
                         .name = "p",
                         .attrs = {{"dtype", DType::kFloat}, {"shape", TensorShape{-1, 2}}}});
  Add(&graph, {.op = "NoOp", .name = "n", .control_inputs = {p}});
  proto::GraphDef def;
  ASSERT_THAT(ToGraphDef(graph, &def, {.add_shapes = true}), IsOk());
  EXPECT_EQ(def.node(0).attr().at("_output_shapes").ShortDebugString(),
            "list { shape { dim { size: -1 } dim { size: 2 } } }");
  EXPECT_EQ(def.node(1).attr().count("_output_shapes"), 0u);
}

TEST(ToGraphDefTest, DefaultsLeftOutWhenAskedFor) {
  Graph graph(SchemaOps());
  Node* p = Add(&graph, {.op = "Placeholder", .name = "p", .attrs = {{"dtype", DType::kFloat}}});
  Add(&graph, {.op = "MatMul",
               .name = "m",
               .inputs = {{p, 0}, {p, 0}},
               .attrs = {{"T", DType::kFloat}, {"transpose_b", true}}});
  proto::GraphDef def;
  ASSERT_THAT(ToGraphDef(graph, &def, {.strip_default_attrs = true}), IsOk());
  EXPECT_EQ(def.node(0).attr().count("shape"), 0u);
  EXPECT_EQ(def.node(1).attr().count("transpose_a"), 0u);
  EXPECT_TRUE(def.node(1).attr().at("transpose_b").b());
  EXPECT_EQ(def.node(1).attr().count("T"), 1u);
}

TEST(ToGraphDefTest, AFailedGraphGivesItsError) {
  Graph graph(SchemaOps());
  graph.SetError(absl::NotFoundError("the first error"));
  proto::GraphDef def;
  EXPECT_THAT(ToGraphDef(graph, &def), StatusIs(absl::StatusCode::kNotFound, "the first error"));
  EXPECT_THAT(SerializeGraphDef(graph), StatusIs(absl::StatusCode::kNotFound, "the first error"));
}

// --- schemas ---

TEST(ToOpDefTest, ASchemaWithEverything) {
  const OpSpec spec = [] {
    OpRegistry registry;
    EXPECT_THAT(registry.Add(OpSpec("Op")
                                 .Input("x: N * T")
                                 .Input("l: L")
                                 .Output("r: Ref(T)")
                                 .Output("i: int32")
                                 .Attr("N: int >= 2 = 3")
                                 .Attr("T: {float, int32} = DT_INT32")
                                 .Attr("L: list(type) >= 1")
                                 .Attr("mode: {'A', 'B'} = 'B'")
                                 .Stateful()
                                 .Commutative()
                                 .Aggregate()
                                 .AllowsUninitializedInput()),
                IsOk());
    return *registry.Find("Op");
  }();
  proto::OpDef def, expected;
  ASSERT_THAT(ToOpDef(spec, &def), IsOk());
  ASSERT_TRUE(google::protobuf::TextFormat::ParseFromString(
      R"text(name: "Op"
             input_arg { name: "x" type_attr: "T" number_attr: "N" }
             input_arg { name: "l" type_list_attr: "L" }
             output_arg { name: "r" type_attr: "T" is_ref: true }
             output_arg { name: "i" type: DT_INT32 }
             attr { name: "N" type: "int" default_value { i: 3 } has_minimum: true minimum: 2 }
             attr { name: "T" type: "type" default_value { type: DT_INT32 }
                    allowed_values { list { type: [DT_FLOAT, DT_INT32] } } }
             attr { name: "L" type: "list(type)" has_minimum: true minimum: 1 }
             attr { name: "mode" type: "string" default_value { s: "B" }
                    allowed_values { list { s: ["A", "B"] } } }
             is_aggregate: true is_stateful: true is_commutative: true
             allows_uninitialized_input: true)text",
      &expected));
  EXPECT_EQ(def.DebugString(), expected.DebugString());
}

// --- files ---

// A graph with every kind of thing: a loop, control inputs, strings, an unknown op, a
// function.
proto::GraphDef Rich() {
  const AttrMap t = {{"T", DType::kFloat}};
  proto::GraphDef def = MakeGraph(
      {MakeConst("c", Tensor::Scalar(1.0f)), MakeConst("w", Tensor::Of<float>({2}, {1, 2})),
       MakeConst("s", Tensor::Of<std::string>({2}, {"one", std::string("\0two", 4)})),
       MakeNode("pred", "Placeholder", {},
                {{"dtype", DType::kBool}, {"shape", TensorShape::Unknown()}}),
       MakeNode("enter", "Enter", {"c"},
                {{"T", DType::kFloat},
                 {"frame_name", "loop"},
                 {"is_constant", false},
                 {"parallel_iterations", 10}}),
       MakeNode("merge", "Merge", {"enter", "next"}, {{"T", DType::kFloat}, {"N", 2}}),
       MakeNode("switch", "Switch", {"merge", "pred"}, t), MakeNode("exit", "Exit", {"switch"}, t),
       MakeNode("next", "NextIteration", {"switch:1"}, t),
       MakeNode("u", "Strange", {"c", "w", "^pred"},
                {{"f", FuncRef{"fn", std::make_shared<AttrMap>(AttrMap{{"n", 3}})}},
                 {"shapes", std::vector<TensorShape>{TensorShape{-1}, TensorShape::Unknown()}},
                 {"none", EmptyList{}}}),
       MakeNode("sum", "AddN", {"c", "exit", "^u", "^w"}, {{"T", DType::kFloat}, {"N", 2}})});
  auto* function = def.mutable_library()->add_function();
  function->mutable_signature()->set_name("fn");
  *function->add_node_def() = MakeNode("inner", "Identity", {"arg"}, t);
  (*function->mutable_ret())["out"] = "inner:output";
  return def;
}

TEST(FileTest, ImportAndExportChangeNothing) {
  Graph graph(SchemaOps());
  ASSERT_THAT(ImportGraphDef(Rich(), &graph), IsOk());
  proto::GraphDef def;
  ASSERT_THAT(ToGraphDef(graph, &def), IsOk());
  EXPECT_EQ(def.DebugString(), Rich().DebugString());
}

TEST(FileTest, BinaryAndTextComeBack) {
  Graph graph(SchemaOps());
  ASSERT_THAT(ImportGraphDef(Rich(), &graph), IsOk());
  for (const bool text : {false, true}) {
    const auto bytes = SerializeGraphDef(graph, text);
    ASSERT_THAT(bytes, IsOk());
    proto::GraphDef def;
    ASSERT_THAT(ParseGraphDef(*bytes, text, &def), IsOk());
    EXPECT_EQ(def.DebugString(), Rich().DebugString());
  }
}

TEST(FileTest, EqualGraphsGiveEqualBytes) {
  AttrMap attrs;
  for (int i = 0; i < 50; ++i) attrs.emplace(absl::StrCat("a", i), i);
  std::string first;
  for (int run = 0; run < 5; ++run) {
    Graph graph(SchemaOps());
    ASSERT_THAT(ImportGraphDef(MakeGraph({MakeNode("u", "Strange", {}, attrs)}), &graph), IsOk());
    const auto bytes = SerializeGraphDef(graph);
    ASSERT_THAT(bytes, IsOk());
    if (run == 0) first = *bytes;
    EXPECT_EQ(*bytes, first);
  }
}

// node { name: "c" op: "NoOp" } and versions { producer: 27 }.
constexpr char kBytes[] = "\x0a\x09\x0a\x01\x63\x12\x04NoOp\x22\x02\x08\x1b";

TEST(FileTest, BytesByHand) {
  const std::string bytes(kBytes, sizeof(kBytes) - 1);
  proto::GraphDef def;
  ASSERT_THAT(ParseGraphDef(bytes, false, &def), IsOk());
  Graph graph(SchemaOps());
  ASSERT_THAT(ImportGraphDef(def, &graph), IsOk());
  EXPECT_EQ(graph.node(0)->name(), "c");
  const auto written = SerializeGraphDef(graph);
  ASSERT_THAT(written, IsOk());
  EXPECT_EQ(*written, bytes);
}

TEST(FileTest, DamagedBytesAreRefused) {
  const std::string good(kBytes, sizeof(kBytes) - 1);
  const std::pair<const char*, std::string> rows[] = {
      {"cut", good.substr(0, 6)},
      {"length past the end", "\x0a\x7f\x0a\x01\x63"},
      {"varint of 11 bytes", std::string("\x0a") + std::string(10, '\xff') + "\x01"},
      {"field 0", good + std::string("\x02\x01", 2)},
      {"zero byte behind the end", good + std::string(1, '\0')},
      {"group without end", good + "\x2b"},
      {"end of a group that never began", good + "\x2c"},
      {"wire type 7", good + "\x2f"},
      {"100,000 open groups", std::string(100000, '\x2b')},
      {"bad UTF-8 in a name", "\x0a\x04\x0a\x02\xc3\x28"},
      {"a varint where a message should be", "\x08\x01"},
  };
  for (const auto& [name, bytes] : rows) {
    proto::GraphDef def;
    Graph graph(SchemaOps());
    absl::Status status = ParseGraphDef(bytes, false, &def);
    if (status.ok()) status = ImportGraphDef(def, &graph).status();
    EXPECT_THAT(status, StatusIs(kInvalid, "")) << name;
  }
}

// A message of one field, which is a message of one field, and so on: `tags` from the outermost in.
std::string Nested(const std::string& tags) {
  std::string reversed;
  for (auto tag = tags.rbegin(); tag != tags.rend(); ++tag) {
    std::string length;
    size_t n = reversed.size();
    for (; n > 0x7f; n >>= 7) length.push_back(static_cast<char>(0x80 | (n & 0x7f)));
    length.push_back(static_cast<char>(n));
    reversed.append(length.rbegin(), length.rend());
    reversed.push_back(*tag);
  }
  return std::string(reversed.rbegin(), reversed.rend());
}

TEST(FileTest, DeepMessagesAreRefused) {
  // GraphDef.node (1), NodeDef.attr (5), then again and again: value (2) of the map's entry, func
  // (10), attr (2).
  for (const int depth : {5, 20000}) {
    std::string tags = "\x0a\x2a";
    for (int i = 0; i < depth; ++i) tags += "\x12\x52\x12";
    proto::GraphDef def;
    const absl::Status status = ParseGraphDef(Nested(tags), false, &def);
    if (depth == 5) {
      EXPECT_EQ(def.node(0).attr().at("").func().attr().at("").func().attr_size(), 1);
    } else {
      EXPECT_THAT(status, StatusIs(kInvalid, "damaged bytes"));
    }
  }
}

TEST(FileTest, TextOfAnyKind) {
  const char* const text = R"(# A comment.
      node { name: "c" op: "NoOp" # another
             experimental_type { type_id: TFT_PRODUCT args { type_id: 3 } } }
      debug_info { files: "x" }
      version: 3  # deprecated
      versions { producer: 27 })";
  for (const bool known : {true, false}) {
    proto::GraphDef def;
    ASSERT_THAT(ParseGraphDef(text, known, &def), IsOk());
    EXPECT_EQ(def.node(0).name(), "c");
  }
}

TEST(FileTest, TextErrorsNameLineAndColumn) {
  const std::pair<const char*, const char*> rows[] = {
      {"\nthis is not a valid graph def\n", "line 2, column"},
      {"node {\n  nam: \"c\"\n}", "line 2, column 6: Message type \"sluice.proto.NodeDef\" has no"},
      {"node { name: \"c\"", "line 1, column"},
      {"node { name: 5 }", "line 1, column 14: Expected string"},
      {"node { attr { key: \"T\" value { type: DT_NONE } } }", "DT_NONE"},
      {"versions { producer: 99999999999 }", "line 1, column 22"},
      {"node { [a.b.c]: 1 }", "line 1, column"},
      {"\x01\x02", "line 1, column"},
  };
  for (const auto& [text, message] : rows) {
    proto::GraphDef def;
    EXPECT_THAT(ParseGraphDef(text, true, &def),
                StatusIs(kInvalid, absl::StrCat("not the text of a GraphDef: ")))
        << text;
    EXPECT_THAT(ParseGraphDef(text, true, &def), StatusIs(kInvalid, message)) << text;
  }
}

TEST(FileTest, DeepTextIsRefused) {
  // Known fields, and unknown ones that a later TensorFlow has.
  const std::pair<const char*, const char*> rows[] = {
      {"node { attr { value { ", "func { attr { value { "},
      {"debug_info { ", "a { "},
      {"", "a < "},
      {"", "debug_info { "}};
  for (const auto& [head, part] : rows) {
    std::string text = head;
    for (int i = 0; i < 100000; ++i) text += part;
    proto::GraphDef def;
    EXPECT_THAT(ParseGraphDef(text, true, &def), StatusIs(kInvalid, "")) << head << part;
  }
}

TEST(FileTest, MetaGraphsWithMessagesOfTensorFlow) {
  const char* const text = R"(
      meta_info_def {
        any_info { [type.googleapis.com/tensorflow.SaverDef] { restore_op_name: "r" } }
        tensorflow_version: "1.15.0"
      }
      object_graph_def { nodes { } }
      collection_def { key: "k" value { any_list { value {
          [type.googleapis.com/tensorflow.AssetFileDef] { filename: "f" } } } } })";
  proto::MetaGraphDef def;
  ASSERT_THAT(ParseMetaGraphDef(text, true, &def), IsOk());
  const auto& any = def.meta_info_def().any_info();
  EXPECT_EQ(any.type_url(), "type.googleapis.com/tensorflow.SaverDef");
  proto::SaverDef saver;
  ASSERT_TRUE(saver.ParseFromString(any.value()));
  EXPECT_EQ(saver.restore_op_name(), "r");
  const auto written = SerializeMetaGraphDef(def, true);
  ASSERT_THAT(written, IsOk());
  proto::MetaGraphDef back;
  ASSERT_THAT(ParseMetaGraphDef(*written, true, &back), IsOk());
  EXPECT_EQ(back.DebugString(), def.DebugString());
}

// --- damage at random ---

// Changes that files suffer: a byte, a bit, a cut, a piece lost, doubled or moved
// elsewhere.
std::string Damaged(std::string bytes, std::mt19937* random) {
  const auto pick = [&](size_t n) { return static_cast<size_t>((*random)() % (n + 1)); };
  for (size_t changes = 1 + pick(3); changes > 0 && !bytes.empty(); --changes) {
    const size_t at = pick(bytes.size() - 1);
    const size_t length = std::min(pick(16), bytes.size() - at);
    switch ((*random)() % 6) {
      case 0:
        bytes[at] = static_cast<char>((*random)());
        break;
      case 1:
        bytes[at] ^= static_cast<char>(1 << pick(7));
        break;
      case 2:
        bytes.resize(at);
        break;
      case 3:
        bytes.erase(at, length);
        break;
      case 4:
        bytes.insert(at, bytes.substr(pick(bytes.size() - 1), length));
        break;
      default:
        bytes[at] = "\x00\xff\x7f\x80\x01"[pick(4)];
    }
  }
  return bytes;
}

TEST(FuzzTest, DamageEndsInAStatusAndAddsAllOrNothing) {
  const std::string good = Rich().SerializeAsString();
  const auto budget = std::make_shared<MemoryBudget>(int64_t{64} << 20);
  int parsed = 0, imported = 0;
  for (uint32_t seed = 0; seed < 20000; ++seed) {
    std::mt19937 random(seed);
    proto::GraphDef def;
    if (!def.ParseFromString(Damaged(good, &random))) continue;
    ++parsed;
    Graph graph(SchemaOps());
    const absl::Status status = ImportGraphDef(def, &graph, {.budget = budget}).status();
    ASSERT_EQ(graph.num_nodes(), status.ok() ? def.node_size() : 0) << "seed " << seed;
    if (!status.ok()) {
      ASSERT_THAT(status.message(), Not(HasSubstr("\n"))) << "seed " << seed;
      continue;
    }
    ++imported;
    const auto written = SerializeGraphDef(graph);
    ASSERT_THAT(written, IsOk()) << "seed " << seed;
    proto::GraphDef back;
    ASSERT_THAT(ParseGraphDef(*written, false, &back), IsOk()) << "seed " << seed;
    Graph again(SchemaOps());
    ASSERT_THAT(ImportGraphDef(back, &again), IsOk()) << "seed " << seed;
    const auto rewritten = SerializeGraphDef(again);
    ASSERT_THAT(rewritten, IsOk());
    ASSERT_EQ(*rewritten, *written) << "seed " << seed;
  }
  // The mutations reach behind the parser, and behind the checks.
  EXPECT_GT(parsed, 1000);
  EXPECT_GT(imported, 100);
}

TEST(FuzzTest, DamagedTextEndsInAStatus) {
  std::string good;
  ASSERT_TRUE(google::protobuf::TextFormat::PrintToString(Rich(), &good));
  int imported = 0;
  for (uint32_t seed = 0; seed < 2000; ++seed) {
    std::mt19937 random(seed);
    proto::GraphDef def;
    if (!ParseGraphDef(Damaged(good, &random), true, &def).ok()) continue;
    Graph graph(SchemaOps());
    imported += ImportGraphDef(def, &graph).ok();
  }
  EXPECT_GT(imported, 10);
}

}  // namespace
}  // namespace sluice
