#include "graph/import.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <ostream>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "graph/graph.h"
#include "graph/graph_def.h"
#include "graph/scope.h"
#include "proto/graph.pb.h"
#include "proto/tensor.pb.h"
#include "tests/testing/core/status_matchers.h"
#include "tests/testing/def_builder.h"
#include "tests/testing/schema_ops.h"

namespace sluice {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using Nodes = std::vector<proto::NodeDef>;

constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;
constexpr auto kPrecondition = absl::StatusCode::kFailedPrecondition;

const AttrMap kFloatT = {{"T", DType::kFloat}};

// The constant 1, called "c".
proto::NodeDef C() { return MakeConst("c", Tensor::Scalar(1.0f)); }

std::vector<std::string> NamesOf(const Graph& graph) {
  std::vector<std::string> names;
  for (int i = 0; i < graph.num_nodes(); ++i) names.push_back(graph.node(i)->name());
  return names;
}

proto::GraphDef Exported(const Graph& graph) {
  proto::GraphDef def;
  EXPECT_THAT(ToGraphDef(graph, &def), IsOk());
  return def;
}

// --- what is refused ---

struct RefusalCase {
  const char* name;
  proto::GraphDef def;
  const char* message;
  absl::StatusCode code = kInvalid;
};
void PrintTo(const RefusalCase& c, std::ostream* out) { *out << c.name; }

class ImportRefusalTest : public ::testing::TestWithParam<RefusalCase> {};

// IG-4
TEST_P(ImportRefusalTest, NamesTheTroubleAndAddsNothing) {
  Graph graph(SchemaOps());
  ASSERT_THAT(ImportGraphDef(MakeGraph({MakeConst("old", Tensor::Scalar(1.0f))}), &graph), IsOk());
  const std::string before = Exported(graph).DebugString();

  EXPECT_THAT(ImportGraphDef(GetParam().def, &graph),
              StatusIs(GetParam().code, GetParam().message));
  EXPECT_THAT(graph.status(), IsOk());
  EXPECT_EQ(Exported(graph).DebugString(), before);
  // Names are free again.
  EXPECT_EQ(graph.UniqueName("c", false), "c");
  EXPECT_EQ(graph.FindNode("c"), nullptr);
}

RefusalCase Bad(const char* name, const Nodes& nodes, const char* message) {
  return {name, MakeGraph(nodes), message};
}

std::vector<RefusalCase> NameCases() {
  std::vector<RefusalCase> cases = {
      Bad("duplicate_name", {C(), C()}, "Node 'c' is not unique"),
      Bad("name_of_65537_letters", {C(), MakeIdentity(std::string(65537, 'a'), "c")},
          "must have at most 65536 characters, got 65537"),
      Bad("empty_op", {C(), MakeNode("x", "", {"c"})}, "node 'x' (): the op must have a name"),
      Bad("op_with_control_character", {C(), MakeNode("x", "A\x1b[2J")}, "node 'x' (A\\x1b[2J)"),
  };
  // The last is U+202E, "right to left from here".
  const char* const names[] = {"",         "b ad", "^a",    "a:0",   "a\nb",  "a\tb",
                               "\x1b[31m", "-a",   "/a",    "a\\b",  "a>",    ">a",
                               "a>>b",     "a'b",  "a\x7f", "a\xff", "%s%n$", "a\xe2\x80\xae"};
  static std::vector<std::string>* const labels = new std::vector<std::string>(100);
  for (const char* name : names) {
    std::string& label = (*labels)[cases.size()];
    label = absl::StrCat("name_", cases.size());
    cases.push_back(Bad(label.c_str(), {C(), MakeIdentity(name, "c")},
                        "Node name contains invalid characters"));
  }
  cases.push_back(Bad("name_with_nul", {C(), MakeIdentity(std::string("a\0b", 3), "c")},
                      "node 'a\\x00b' (Identity): Node name contains invalid characters"));
  return cases;
}
INSTANTIATE_TEST_SUITE_P(Names, ImportRefusalTest, ::testing::ValuesIn(NameCases()),
                         [](const auto& info) { return info.param.name; });

std::vector<RefusalCase> InputCases() {
  const auto x = [](const std::string& input) { return Nodes{C(), MakeIdentity("x", input)}; };
  return {
      Bad("missing_node", x("nope"), "node 'x' (Identity): Unknown input node 'nope'"),
      Bad("missing_control_input", {C(), MakeNode("x", "Identity", {"c", "^nope"}, kFloatT)},
          "Unknown input node '^nope'"),
      Bad("empty_input", x(""), "Unknown input node ''"),
      Bad("output_past_the_last", x("c:1"),
          "Connecting to invalid output 1 of source node c which has 1 outputs"),
      Bad("output_of_65_bits", x("c:4294967296"),
          "the output number of 'c:4294967296' is too large"),
      Bad("output_of_many_digits", x("c:99999999999999999999999"), "is too large"),
      Bad("output_int_max", x("c:2147483647"), "is too large"),
      Bad("output_missing", x("c:"), "got 'c:'"),
      Bad("output_negative", x("c:-1"), "got 'c:-1'"),
      Bad("output_with_leading_zero", x("c:00"), "got 'c:00'"),
      Bad("output_not_a_number", x("c:0x0"), "got 'c:0x0'"),
      Bad("output_of_control_input", x("^c:0"), "Unknown input node '^c:0'"),
      Bad("control_before_data", {C(), MakeNode("x", "Identity", {"^c", "c"}, kFloatT)},
          "Control dependencies must come after regular dependencies"),
      Bad("control_instead_of_data", {C(), MakeNode("x", "Identity", {"^c"}, kFloatT)},
          "expected 1 inputs of op Identity do not match 0 inputs specified"),
      Bad("too_few_inputs", {C(), MakeNode("x", "Add", {"c"}, kFloatT)},
          "node 'x' (Add): NodeDef expected 2 inputs"),
      Bad("too_many_inputs", {C(), MakeNode("x", "Identity", {"c", "c"}, kFloatT)},
          "expected 1 inputs of op Identity do not match 2 inputs specified"),
      Bad("input_of_a_noop", {C(), MakeNode("n", "NoOp"), MakeIdentity("x", "n")},
          "Connecting to invalid output 0 of source node n which has 0 outputs"),
      Bad("dtype_of_an_edge", {C(), MakeNode("x", "Identity", {"c"}, {{"T", DType::kInt32}})},
          "Input 0 of node x was passed float32 from c:0 incompatible with expected int32."),
      Bad("value_for_a_reference",
          {C(), MakeNode("x", "Assign", {"c", "c"}, {{"T", DType::kFloat}})},
          "was passed float32 from c:0 incompatible with expected float32_ref."),
      Bad("shapes_that_do_not_fit",
          {MakeConst("a", Tensor::Zeros(DType::kFloat, {2, 3})),
           MakeConst("b", Tensor::Zeros(DType::kFloat, {2, 3})), C(),
           MakeNode("x", "MatMul", {"a", "b"}, kFloatT)},
          "node 'x' (MatMul): Dimensions must be equal, but are 3 and 2"),
      Bad("far_output_of_an_unknown_op",
          {C(), MakeNode("u", "Unknown"), MakeIdentity("x", "u:2000000000")},
          "Connecting to invalid output 2000000000 of source node u"),
      Bad("colocation_with_nobody",
          {C(), MakeNode("x", "Identity", {"c"},
                         {{"T", DType::kFloat}, {"_class", std::vector<std::string>{"loc:@no"}}})},
          "expects to be colocated with unknown node 'no'"),
      Bad("colocation_of_wrong_type",
          {C(), MakeNode("x", "Identity", {"c"}, {{"T", DType::kFloat}, {"_class", "loc:@c"}})},
          "attr '_class' must have type list(string), got string"),
  };
}
INSTANTIATE_TEST_SUITE_P(Inputs, ImportRefusalTest, ::testing::ValuesIn(InputCases()),
                         [](const auto& info) { return info.param.name; });

// A loop over floats: m merges what enters with what comes around.
Nodes Loop() {
  return {C(),
          MakeNode("pred", "Placeholder", {}, {{"dtype", DType::kBool}}),
          MakeNode("e", "Enter", {"c"}, {{"T", DType::kFloat}, {"frame_name", "loop"}}),
          MakeNode("m", "Merge", {"e", "n"}, {{"T", DType::kFloat}, {"N", 2}}),
          MakeNode("s", "Switch", {"m", "pred"}, kFloatT),
          MakeNode("exit", "Exit", {"s"}, kFloatT),
          MakeNode("n", "NextIteration", {"s:1"}, kFloatT)};
}

std::vector<RefusalCase> CycleCases() {
  Nodes two_enters = Loop();
  two_enters[3].set_input(1, "e");
  two_enters[3].add_input("n");
  (*two_enters[3].mutable_attr())["N"].set_i(3);
  Nodes wrong_type = Loop();
  wrong_type[6] = MakeNode("n", "NextIteration", {"pred"}, {{"T", DType::kBool}});
  Nodes far_output = Loop();
  far_output[3].set_input(1, "n:1");
  return {
      Bad("of_one", {C(), MakeIdentity("bad", "bad")},
          "1 nodes in a cycle: one is node 'bad' (Identity)"),
      Bad("of_two", {C(), MakeIdentity("a", "b"), MakeIdentity("b", "a")}, "2 nodes in a cycle"),
      Bad("through_a_control_edge",
          {C(), MakeIdentity("a", "b"), MakeNode("b", "Identity", {"c", "^a"}, kFloatT)},
          "2 nodes in a cycle"),
      Bad("beside_what_follows_it",
          {C(), MakeIdentity("last", "b"), MakeIdentity("a", "b"), MakeIdentity("b", "a")},
          "2 nodes in a cycle"),
      Bad("through_the_control_edge_of_a_next_iteration",
          {C(), MakeNode("m", "Merge", {"c", "^n"}, {{"T", DType::kFloat}, {"N", 1}}),
           MakeNode("n", "NextIteration", {"m"}, kFloatT)},
          "2 nodes in a cycle"),
      Bad("of_merges_without_next_iteration",
          {C(), MakeNode("m", "Merge", {"c", "i"}, {{"T", DType::kFloat}, {"N", 2}}),
           MakeIdentity("i", "m")},
          "2 nodes in a cycle"),
      Bad("loop_without_enter",
          {C(), MakeNode("m", "Merge", {"c", "n"}, {{"T", DType::kFloat}, {"N", 2}}),
           MakeNode("n", "NextIteration", {"m"}, kFloatT)},
          "node 'm' (Merge): a loop must merge one Enter with one NextIteration, got 0 and 1"),
      Bad("loop_of_next_iterations_only",
          {C(), MakeNode("m", "Merge", {"n", "n"}, {{"T", DType::kFloat}, {"N", 2}}),
           MakeNode("n", "NextIteration", {"m"}, kFloatT)},
          "got 0 and 2"),
      Bad("loop_with_two_enters", two_enters, "got 2 and 1"),
      Bad("loop_of_another_dtype", wrong_type,
          "Input 1 of node m was passed bool from n:0 incompatible with expected float32."),
      Bad("loop_from_an_output_past_the_last", far_output,
          "Connecting to invalid output 1 of source node n which has 1 outputs"),
  };
}
INSTANTIATE_TEST_SUITE_P(Cycles, ImportRefusalTest, ::testing::ValuesIn(CycleCases()),
                         [](const auto& info) { return info.param.name; });

// x = MatMul(c, c) or Conv2D(c, c) with these attributes.
Nodes MatMulWith(const AttrMap& attrs) {
  return {MakeConst("c", Tensor::Zeros(DType::kFloat, {1, 1})),
          MakeNode("x", "MatMul", {"c", "c"}, attrs)};
}
Nodes Conv2DWith(AttrMap attrs) {
  attrs.emplace("T", DType::kFloat);
  return {C(), MakeNode("x", "Conv2D", {"c", "c"}, attrs)};
}

RefusalCase BadRaw(const char* name, const char* attr, const char* text, const char* message) {
  proto::GraphDef def = MakeGraph(MatMulWith(kFloatT));
  proto::AttrValue value;
  if (std::string(text) == "placeholder") value.set_placeholder("T");
  if (std::string(text) == "two kinds") {
    value.mutable_list()->add_i(1);
    value.mutable_list()->add_s("a");
  }
  if (std::string(text) == "type 77") value.set_type(static_cast<proto::DataType>(77));
  if (std::string(text) == "reference") value.set_type(proto::DT_FLOAT_REF);
  if (std::string(text) == "invalid") value.set_type(proto::DT_INVALID);
  (*def.mutable_node(1)->mutable_attr())[attr] = value;
  return {name, def, message};
}

std::vector<RefusalCase> AttrCases() {
  const std::vector<int64_t> ones = {1, 1, 1, 1};
  return {
      Bad("missing", MatMulWith({}), "node 'x' (MatMul): attr 'T' of type type is missing"),
      Bad("missing_list", Conv2DWith({{"padding", "SAME"}}), "attr 'strides'"),
      Bad("missing_string", Conv2DWith({{"strides", ones}}), "attr 'padding'"),
      Bad("int_for_a_bool", MatMulWith({{"T", DType::kFloat}, {"transpose_a", 1}}),
          "attr 'transpose_a' has type int (1), expected bool"),
      Bad("string_for_a_type", MatMulWith({{"T", "float"}}), "attr 'T' has type string"),
      Bad("int_for_a_list", Conv2DWith({{"strides", 1}, {"padding", "SAME"}}),
          "attr 'strides' has type int (1), expected list(int)"),
      Bad("list_of_floats_for_ints",
          Conv2DWith({{"strides", std::vector<float>{1, 1}}, {"padding", "SAME"}}),
          "attr 'strides' has type list(float)"),
      Bad("shape_for_a_list", Conv2DWith({{"strides", TensorShape{1, 1}}, {"padding", "SAME"}}),
          "attr 'strides' has type shape"),
      Bad("int_for_a_float", {C(), MakeNode("x", "LeakyRelu", {"c"}, {{"alpha", 1}})},
          "attr 'alpha': must have type float, got int 1"),
      Bad("string_for_a_tensor",
          {C(), MakeNode("x", "Const", {}, {{"dtype", DType::kFloat}, {"value", "1"}})},
          "attr 'value' has type string"),
      Bad("tensor_of_another_dtype",
          {C(),
           MakeNode("x", "Const", {}, {{"dtype", DType::kFloat}, {"value", Tensor::Scalar(1)}})},
          "the value has another dtype"),
      Bad("string_not_allowed", Conv2DWith({{"strides", ones}, {"padding", "FULL"}}),
          "attr 'padding' is \"FULL\", must be one of {SAME, VALID}"),
      Bad("type_not_allowed", MatMulWith({{"T", DType::kString}}), "attr 'T' is string, must be"),
      Bad("below_the_minimum", {C(), MakeNode("x", "AddN", {}, {{"T", DType::kFloat}, {"N", 0}})},
          "attr 'N' is 0"),
      Bad("count_does_not_fit",
          {C(), MakeNode("x", "AddN", {"c", "c"}, {{"T", DType::kFloat}, {"N", 3}})},
          "expected 3 inputs of op AddN do not match 2 inputs specified"),
      Bad("count_for_a_million_outputs_and_more",
          {MakeConst("d", Tensor::Scalar(0)), C(),
           MakeNode("x", "Split", {"d", "c"},
                    {{"T", DType::kFloat}, {"num_split", int64_t{2147483647}}})},
          "attr 'num_split' is 2147483647"),
      Bad("unknown", MatMulWith({{"T", DType::kFloat}, {"colour", "red"}}),
          "attr 'colour': op MatMul has no such attr, got \"red\""),
      Bad("later_attr_not_at_its_default", MatMulWith({{"T", DType::kFloat}, {"grad_a", true}}),
          "attr 'grad_a': op MatMul has no such attr, got true"),
      Bad("no_value", MatMulWith({{"T", AttrValue()}}), "attr 'T'"),
      Bad("no_value_where_there_is_a_default",
          MatMulWith({{"T", DType::kFloat}, {"transpose_a", AttrValue()}}), "attr 'transpose_a'"),
      Bad("no_value_of_an_unknown_op", {C(), MakeNode("x", "Unknown", {}, {{"a", AttrValue()}})},
          "attr 'a' has no value"),
      BadRaw("placeholder_outside_a_function", "T", "placeholder", "attr 'T': stands for"),
      BadRaw("list_of_two_kinds", "T", "two kinds", "values of one kind, got 2 kinds"),
      BadRaw("dtype_77", "T", "type 77", "no dtype has the number 77"),
      BadRaw("reference_type", "T", "reference", "must not be a reference type, got float32_ref"),
      BadRaw("invalid_type", "T", "invalid", "attr 'T'"),
  };
}
INSTANTIATE_TEST_SUITE_P(Attrs, ImportRefusalTest, ::testing::ValuesIn(AttrCases()),
                         [](const auto& info) { return info.param.name; });

std::vector<RefusalCase> MessageCases() {
  proto::GraphDef min_consumer = MakeGraph({C()});
  min_consumer.mutable_versions()->set_min_consumer(1 << 30);
  proto::GraphDef bad_consumer = MakeGraph({C()});
  bad_consumer.mutable_versions()->add_bad_consumers(26);
  bad_consumer.mutable_versions()->add_bad_consumers(27);
  proto::GraphDef tensor = MakeGraph({C()});
  (*tensor.mutable_node(0)->mutable_attr())["value"].mutable_tensor()->set_tensor_content("123");
  proto::GraphDef shapes = MakeGraph({C()});
  (*shapes.mutable_node(0)->mutable_attr())["_output_shapes"]
      .mutable_list()
      ->add_shape()
      ->add_dim();
  proto::GraphDef shape_count = MakeGraph({C()});
  (*shape_count.mutable_node(0)->mutable_attr())["_output_shapes"].mutable_list();
  proto::GraphDef functions = MakeGraph({C()});
  functions.mutable_library()->add_function()->mutable_signature()->set_name("f");
  functions.mutable_library()->add_function()->mutable_signature()->set_name("f");
  functions.mutable_library()->mutable_function(1)->mutable_signature()->set_is_stateful(true);
  proto::GraphDef gradients = MakeGraph({C()});
  for (const char* g : {"g", "h"}) {
    auto* gradient = gradients.mutable_library()->add_gradient();
    gradient->set_function_name("f");
    gradient->set_gradient_func(g);
  }
  // NodeDef.name (1) as a varint: "08 01" beside a name would be lost.
  proto::GraphDef wire = MakeGraph({C()});
  CHECK(wire.mutable_node(0)->MergeFromString(std::string("\x18\x01", 2)));
  // TensorProto.tensor_content (4) as a varint.
  proto::GraphDef tensor_wire = MakeGraph({C()});
  CHECK((*tensor_wire.mutable_node(0)->mutable_attr())["value"].mutable_tensor()->MergeFromString(
      std::string("\x20\x01", 2)));
  return {
      {"min_consumer", min_consumer,
       "GraphDef min consumer version 1073741824 above current version 27", kPrecondition},
      {"bad_consumer", bad_consumer, "GraphDef disallows consumer version 27", kPrecondition},
      {"tensor_content", tensor,
       "node 'c' (Const): attr 'value': tensor_content of a float32 tensor of shape [] must have 4 "
       "bytes, got 3"},
      {"output_shapes_contradict", shapes,
       "has an _output_shapes attribute inconsistent with the GraphDef: output 0 is [], got [0]"},
      {"output_shapes_too_few", shape_count, "1 outputs, got 0 shapes"},
      {"two_functions_of_one_name", functions, "two different functions called 'f'"},
      {"two_gradients_of_one_function", gradients, "two different gradients of function 'f'"},
      {"wire_type_of_a_node_field", wire, "field 'input' of NodeDef has the wrong wire type"},
      {"wire_type_of_a_tensor_field", tensor_wire,
       "field 'tensor_content' of TensorProto has the wrong wire type"},
  };
}
INSTANTIATE_TEST_SUITE_P(Messages, ImportRefusalTest, ::testing::ValuesIn(MessageCases()),
                         [](const auto& info) { return info.param.name; });

TEST(ImportTest, AFinalizedGraphIsRefused) {
  Graph graph(SchemaOps());
  graph.Finalize();
  EXPECT_THAT(ImportGraphDef(MakeGraph({C()}), &graph),
              StatusIs(kPrecondition, "Graph is finalized and cannot be modified."));
}

TEST(ImportTest, AFailedGraphIsRefusedWithItsError) {
  Graph graph(SchemaOps());
  graph.SetError(absl::NotFoundError("the first error"));
  EXPECT_THAT(ImportGraphDef(MakeGraph({C()}), &graph),
              StatusIs(absl::StatusCode::kNotFound, "the first error"));
}

TEST(ImportTest, ConstantsAskTheBudget) {
  Graph graph(SchemaOps());
  proto::GraphDef def = MakeGraph({C()});
  auto* tensor = (*def.mutable_node(0)->mutable_attr())["value"].mutable_tensor();
  tensor->mutable_tensor_shape()->add_dim()->set_size(int64_t{1} << 31);
  EXPECT_THAT(
      ImportGraphDef(def, &graph, {.budget = std::make_shared<MemoryBudget>(int64_t{1} << 20)}),
      StatusIs(absl::StatusCode::kResourceExhausted, "node 'c' (Const): attr 'value'"));
  EXPECT_EQ(graph.num_nodes(), 0);
}

// --- what is accepted ---

TEST(ImportTest, NodesComeInAnyOrder) {
  Graph graph(SchemaOps());
  ASSERT_THAT(ImportGraphDef(MakeGraph({MakeNode("n", "NoOp", {"^y"}), MakeIdentity("y", "x:0"),
                                        MakeIdentity("x", "c"), C()}),
                             &graph),
              IsOk());
  EXPECT_THAT(NamesOf(graph), ElementsAre("c", "x", "y", "n"));
  EXPECT_EQ(graph.FindNode("n")->control_inputs().at(0), graph.FindNode("y"));
  EXPECT_EQ(graph.FindNode("y")->input(0).name(), "x:0");
}

TEST(ImportTest, ASortedFileKeepsItsOrder) {
  Graph graph(SchemaOps());
  ASSERT_THAT(
      ImportGraphDef(MakeGraph({MakeConst("z", Tensor::Scalar(1.0f)), C(), MakeIdentity("y", "c"),
                                MakeIdentity("b", "z"), MakeIdentity("a", "y")}),
                     &graph),
      IsOk());
  EXPECT_THAT(NamesOf(graph), ElementsAre("z", "c", "y", "b", "a"));
}

TEST(ImportTest, DefaultsFillMissingAttrs) {
  Graph graph(SchemaOps());
  ASSERT_THAT(ImportGraphDef(MakeGraph(MatMulWith(kFloatT)), &graph), IsOk());
  EXPECT_FALSE(graph.FindNode("x")->attr<bool>("transpose_a"));
  EXPECT_FALSE(graph.FindNode("x")->attr<bool>("transpose_b"));
}

TEST(ImportTest, LaterAttrsAtTheirDefaultAreLeftOut) {
  Graph graph(SchemaOps());
  ASSERT_THAT(ImportGraphDef(
                  MakeGraph({C(),
                             MakeNode("e", "Equal", {"c", "c"},
                                      {{"T", DType::kFloat}, {"incompatible_shape_error", true}}),
                             MakeNode("k", "Conv2D", {"c", "c"},
                                      {{"T", DType::kFloat},
                                       {"strides", std::vector<int64_t>{1, 1, 1, 1}},
                                       {"padding", "SAME"},
                                       {"dilations", std::vector<int64_t>{1, 1, 1, 1}},
                                       {"explicit_paddings", EmptyList{}}})}),
                  &graph),
              IsOk());
  EXPECT_EQ(FindAttr(graph.FindNode("e")->attrs(), "incompatible_shape_error"), nullptr);
  EXPECT_EQ(FindAttr(graph.FindNode("k")->attrs(), "dilations"), nullptr);
  EXPECT_EQ(FindAttr(graph.FindNode("k")->attrs(), "explicit_paddings"), nullptr);
}

TEST(ImportTest, AttrsAtTheProducersDefaultAreLeftOut) {
  proto::OpList producer;
  auto* attr = producer.add_op()->add_attr();
  producer.mutable_op(0)->set_name("MatMul");
  attr->set_name("speed");
  attr->mutable_default_value()->set_i(3);
  for (const int speed : {3, 4}) {
    Graph graph(SchemaOps());
    const auto status =
        ImportGraphDef(MakeGraph(MatMulWith({{"T", DType::kFloat}, {"speed", speed}})), &graph,
                       {.producer_ops = &producer})
            .status();
    EXPECT_EQ(status.ok(), speed == 3) << status;
  }
}

TEST(ImportTest, AnnotationsAreKept) {
  Graph graph(SchemaOps());
  proto::GraphDef def = MakeGraph(MatMulWith({{"T", DType::kFloat}, {"_user", "me"}}));
  // Not readable, so not kept either.
  (*def.mutable_node(1)->mutable_attr())["_odd"].set_type(static_cast<proto::DataType>(1234));
  ASSERT_THAT(ImportGraphDef(def, &graph), IsOk());
  EXPECT_EQ(graph.FindNode("x")->attr<std::string>("_user"), "me");
  EXPECT_EQ(FindAttr(graph.FindNode("x")->attrs(), "_odd"), nullptr);
}

TEST(ImportTest, UnknownOpsBecomeOpaque) {
  Graph graph(SchemaOps());
  const proto::GraphDef def =
      MakeGraph({C(), MakeNode("u", "%s%n", {"c", "c"}, {{"a", 3}, {"l", EmptyList{}}}),
                 MakeNode("x", "Identity", {"u:2", "^u"}, {{"T", DType::kInt32}})});
  ASSERT_THAT(ImportGraphDef(def, &graph), IsOk());
  const Node& u = *graph.FindNode("u");
  EXPECT_TRUE(u.spec().opaque());
  EXPECT_EQ(u.num_outputs(), 3);
  EXPECT_EQ(u.attr<int64_t>("a"), 3);
  EXPECT_EQ(Exported(graph).node(1).DebugString(), def.node(1).DebugString());
}

TEST(ImportTest, AnUnknownOpHasAnOutputThatCanBeNamed) {
  Graph graph(SchemaOps());
  const auto returned =
      ImportGraphDef(MakeGraph({MakeNode("u", "Unknown")}), &graph, {.return_elements = {"u:0"}});
  ASSERT_THAT(returned, IsOk());
  EXPECT_EQ(returned->at(0).name(), "u:0");
}

TEST(ImportTest, LoopsAreClosed) {
  Graph graph(SchemaOps());
  ASSERT_THAT(ImportGraphDef(MakeGraph(Loop()), &graph), IsOk());
  const Node& merge = *graph.FindNode("m");
  EXPECT_EQ(merge.input(0).name(), "e:0");
  EXPECT_EQ(merge.input(1).name(), "n:0");
  EXPECT_FALSE(merge.output_shape(0).rank_known());
  // Neither order nor what the file left to defaults changes.
  EXPECT_EQ(Exported(graph).DebugString(), MakeGraph(Loop()).DebugString());
}

TEST(ImportTest, ALoopAfterItsNextIteration) {
  Graph graph(SchemaOps());
  Nodes nodes = Loop();
  std::reverse(nodes.begin(), nodes.end());
  ASSERT_THAT(ImportGraphDef(MakeGraph(nodes), &graph), IsOk());
  EXPECT_EQ(graph.FindNode("m")->input(1).name(), "n:0");
}

TEST(ImportTest, ReferencesFeedValues) {
  Graph graph(SchemaOps());
  const AttrMap attrs = {{"dtype", DType::kFloat}, {"shape", TensorShape{}}};
  ASSERT_THAT(ImportGraphDef(
                  MakeGraph({C(), MakeNode("v", "VariableV2", {}, attrs),
                             MakeNode("a", "Assign", {"v", "c"}, kFloatT), MakeIdentity("r", "v")}),
                  &graph),
              IsOk());
}

TEST(ImportTest, RepeatedControlInputsCountOnce) {
  Graph graph(SchemaOps());
  ASSERT_THAT(ImportGraphDef(MakeGraph({C(), MakeNode("n", "NoOp", {"^c", "^c"})}), &graph),
              IsOk());
  EXPECT_EQ(graph.FindNode("n")->control_inputs().size(), 1u);
}

TEST(ImportTest, AScalarShapeWasUnknownToOldPlaceholders) {
  const AttrMap attrs = {{"dtype", DType::kFloat}, {"shape", TensorShape{}}};
  for (const int producer : {0, 21, 22, 134}) {
    Graph graph(SchemaOps());
    proto::GraphDef def = MakeGraph({MakeNode("p", "Placeholder", {}, attrs)});
    def.mutable_versions()->set_producer(producer);
    ASSERT_THAT(ImportGraphDef(def, &graph), IsOk());
    EXPECT_EQ(graph.FindNode("p")->output_shape(0).rank_known(), producer >= 22) << producer;
  }
}

TEST(ImportTest, OutputShapesAreBelievedOfPlaceholdersAndUnknownOps) {
  Graph graph(SchemaOps());
  const std::vector<TensorShape> shape = {TensorShape{-1, 3}};
  const std::vector<TensorShape> shapes = {TensorShape{2}, TensorShape{4}};
  ASSERT_THAT(
      ImportGraphDef(MakeGraph({MakeNode("p", "Placeholder", {},
                                         {{"dtype", DType::kFloat}, {"_output_shapes", shape}}),
                                MakeNode("u", "Unknown", {}, {{"_output_shapes", shapes}})}),
                     &graph),
      IsOk());
  EXPECT_EQ(graph.FindNode("p")->output_shape(0), (TensorShape{-1, 3}));
  EXPECT_EQ(FindAttr(graph.FindNode("p")->attrs(), "_output_shapes"), nullptr);
  EXPECT_EQ(graph.FindNode("u")->num_outputs(), 2);
  EXPECT_EQ(graph.FindNode("u")->output_shape(1), TensorShape{4});
}

TEST(ImportTest, OldOutputShapesMayBeWrong) {
  Graph graph(SchemaOps());
  proto::GraphDef def = MakeGraph({C()});
  (*def.mutable_node(0)->mutable_attr())["_output_shapes"].mutable_list()->add_shape()->add_dim();
  def.mutable_versions()->set_producer(20);
  EXPECT_THAT(ImportGraphDef(def, &graph), IsOk());
}

TEST(ImportTest, NamesOfTensorFlow2) {
  Graph graph(SchemaOps());
  EXPECT_THAT(ImportGraphDef(MakeGraph({C(), MakeIdentity("a>b/c", "c"), MakeIdentity("_x", "c"),
                                        MakeIdentity("../../x", "c"), MakeIdentity(".-", "c")}),
                             &graph),
              IsOk());
}

// --- options: rules IG-1 to IG-5 ---

// IG-1
TEST(ImportTest, PrefixesAreMadeUnique) {
  Graph graph(SchemaOps());
  const proto::GraphDef def = MakeGraph(
      {C(), MakeNode("x", "Identity", {"c"},
                     {{"T", DType::kFloat}, {"_class", std::vector<std::string>{"loc:@c"}}})});
  for (int i = 0; i < 2; ++i) {
    ASSERT_THAT(ImportGraphDef(def, &graph, {.prefix = "import"}), IsOk());
  }
  EXPECT_THAT(NamesOf(graph), ElementsAre("import/c", "import/x", "import_1/c", "import_1/x"));
  EXPECT_EQ(graph.FindNode("import_1/x")->input(0).name(), "import_1/c:0");
  EXPECT_THAT(graph.FindNode("import_1/x")->attr<std::vector<std::string>>("_class"),
              ElementsAre("loc:@import_1/c"));
}

TEST(ImportTest, APrefixWithASlashIsTakenAsItIs) {
  Graph graph(SchemaOps());
  ASSERT_THAT(ImportGraphDef(MakeGraph({C()}), &graph, {.prefix = "a/b/"}), IsOk());
  EXPECT_THAT(NamesOf(graph), ElementsAre("a/b/c"));
  EXPECT_THAT(ImportGraphDef(MakeGraph({C()}), &graph, {.prefix = "a/b/"}),
              StatusIs(kInvalid, "Node 'a/b/c' is not unique"));
}

TEST(ImportTest, ABadPrefixIsRefused) {
  Graph graph(SchemaOps());
  for (const char* prefix : {"_a", "a b", "/", "a:0"}) {
    EXPECT_THAT(ImportGraphDef(MakeGraph({C()}), &graph, {.prefix = prefix}),
                StatusIs(kInvalid, "is not a valid scope name"))
        << prefix;
  }
}

TEST(ImportTest, AFailedImportLeavesThePrefixFree) {
  Graph graph(SchemaOps());
  EXPECT_FALSE(ImportGraphDef(MakeGraph({C(), C()}), &graph, {.prefix = "p"}).ok());
  EXPECT_EQ(graph.UniqueName("p", false), "p");
}

TEST(ImportTest, WithoutAPrefixTakenNamesAreMadeUnique) {
  Graph graph(SchemaOps());
  const proto::GraphDef def =
      MakeGraph({MakeConst("A", Tensor::Scalar(1.0f)), MakeIdentity("A_1", "A"),
                 MakeNode("B", "Identity", {"A_1", "^A"},
                          {{"T", DType::kFloat}, {"_class", std::vector<std::string>{"loc:@A"}}})});
  ASSERT_THAT(ImportGraphDef(MakeGraph({MakeConst("A", Tensor::Scalar(2.0f))}), &graph), IsOk());
  const auto returned = ImportGraphDef(def, &graph, {.return_elements = {"A", "B:0"}});
  ASSERT_THAT(returned, IsOk());
  // A_1 is a name of the file, so A gets the next one.
  EXPECT_THAT(NamesOf(graph), ElementsAre("A", "A_2", "A_1", "B"));
  EXPECT_EQ(graph.FindNode("A_1")->input(0).name(), "A_2:0");
  EXPECT_THAT(graph.FindNode("B")->attr<std::vector<std::string>>("_class"),
              ElementsAre("loc:@A_2"));
  EXPECT_EQ(returned->at(0).name(), "A_2");
  EXPECT_EQ(returned->at(1).name(), "B:0");
}

// IG-6: only nodes take names from nodes.
TEST(ImportTest, AnEmptyScopeDoesNotTakeANodesName) {
  Graph graph(SchemaOps());
  Scope::Root(graph).Sub("c");
  ASSERT_THAT(ImportGraphDef(MakeGraph({C()}), &graph), IsOk());
  EXPECT_NE(graph.FindNode("c"), nullptr);
  EXPECT_EQ(graph.num_nodes(), 1);
}

TEST(ImportTest, NamesThatDifferInCaseOnlyAreDifferent) {
  Graph graph(SchemaOps());
  EXPECT_THAT(ImportGraphDef(MakeGraph({C(), MakeIdentity("C", "c")}), &graph), IsOk());
}

// IG-2
TEST(ImportTest, InputMapReplacesInputs) {
  Graph graph(SchemaOps());
  const auto old = ImportGraphDef(MakeGraph({MakeConst("old", Tensor::Scalar(1.0f))}), &graph,
                                  {.return_elements = {"old:0", "old"}});
  ASSERT_THAT(old, IsOk());
  const proto::GraphDef def =
      MakeGraph({C(), MakeNode("x", "Add", {"c", "absent:3", "^c"}, kFloatT)});
  const auto returned = ImportGraphDef(
      def, &graph,
      {.prefix = "p",
       .input_map = {{"c", old->at(0)}, {"absent:3", old->at(0)}, {"^c", old->at(1)}},
       .return_elements = {"c:0", "c", "x"}});
  ASSERT_THAT(returned, IsOk());
  const Node& x = *graph.FindNode("p/x");
  EXPECT_EQ(x.input(0).name(), "old:0");
  EXPECT_EQ(x.input(1).name(), "old:0");
  EXPECT_EQ(x.control_inputs().at(0)->name(), "old");
  EXPECT_EQ(returned->at(0).name(), "old:0");
  EXPECT_EQ(returned->at(1).name(), "p/c");
}

TEST(ImportTest, InputMapReplacesWhatEntersALoop) {
  Graph graph(SchemaOps());
  const auto old = ImportGraphDef(MakeGraph(Loop()), &graph, {.return_elements = {"e:0"}});
  ASSERT_THAT(old, IsOk());
  EXPECT_THAT(ImportGraphDef(MakeGraph(Loop()), &graph, {.input_map = {{"e", old->at(0)}}}),
              IsOk());
}

// IG-2
TEST(ImportTest, InputMapRefusals) {
  Graph graph(SchemaOps()), other(SchemaOps());
  const ImportOptions get = {.return_elements = {"old:0", "old"}};
  const proto::GraphDef old_def = MakeGraph({MakeConst("old", Tensor::Scalar(1))});
  const auto old = ImportGraphDef(old_def, &graph, get);
  const auto foreign = ImportGraphDef(old_def, &other, get);
  ASSERT_THAT(old, IsOk());
  ASSERT_THAT(foreign, IsOk());
  const Output tensor = old->at(0), operation = old->at(1);
  struct Row {
    std::map<std::string, Output> map;
    const char* message;
  };
  const Row rows[] = {
      {{{"nope", tensor}}, "Attempted to map inputs that were not found in graph_def: [nope]"},
      {{{"c:7", tensor}}, "not found in graph_def: [c:7]"},
      {{{"c", operation}}, "between control edge and non-control edge"},
      {{{"^c", tensor}}, "between control edge and non-control edge"},
      {{{"c", Output()}}, "is not an element of this graph"},
      {{{"c", foreign->at(0)}}, "is not an element of this graph"},
      {{{"c", tensor}, {"c:0", tensor}}, "'c:0' is mapped twice"},
      {{{"c:x", tensor}}, "got 'c:x'"},
      // The replacement is an int32.
      {{{"c", tensor}}, "Input 0 of node x was passed int32 from old:0 incompatible"},
  };
  for (const Row& row : rows) {
    EXPECT_THAT(
        ImportGraphDef(MakeGraph({C(), MakeIdentity("x", "c")}), &graph, {.input_map = row.map}),
        StatusIs(kInvalid, row.message));
    EXPECT_EQ(graph.num_nodes(), 1);
  }
}

// IG-3
TEST(ImportTest, ReturnElementsThatAreNotThere) {
  const std::pair<const char*, const char*> rows[] = {
      {"no", "Requested return node 'no' not found in graph def"},
      {"no:0", "Requested return tensor 'no:0' not found in graph def"},
      {"c:1", "Invalid return output 1 of node 'c', which has 1 outputs"},
      {"c:", "Requested return tensor 'c:' not found in graph def"},
      {"^c", "Requested return"},
  };
  for (const auto& [name, message] : rows) {
    Graph graph(SchemaOps());
    EXPECT_THAT(ImportGraphDef(MakeGraph({C()}), &graph, {.return_elements = {name}}),
                StatusIs(kInvalid, message));
    EXPECT_EQ(graph.num_nodes(), 0);
  }
}

TEST(ImportTest, ACallHasTheResultsOfItsFunction) {
  proto::GraphDef def = MakeGraph({MakeNode("call", "f")});
  proto::OpDef* signature = def.mutable_library()->add_function()->mutable_signature();
  signature->set_name("f");
  signature->add_output_arg()->set_name("a");
  signature->add_output_arg()->set_name("b");
  Graph graph(SchemaOps());
  ASSERT_THAT(ImportGraphDef(def, &graph), IsOk());
  EXPECT_EQ(graph.FindNode("call")->num_outputs(), 2);
}

// IG-5
TEST(ImportTest, FunctionsAreKeptAndJoined) {
  Graph graph(SchemaOps());
  proto::GraphDef def = MakeGraph({C(), MakeNode("call", "f", {"c"})});
  def.mutable_library()->add_function()->mutable_signature()->set_name("f");
  ASSERT_THAT(ImportGraphDef(def, &graph), IsOk());
  ASSERT_THAT(ImportGraphDef(def, &graph, {.prefix = "again"}), IsOk());
  proto::GraphDef more = MakeGraph({});
  more.mutable_library()->add_function()->mutable_signature()->set_name("g");
  ASSERT_THAT(ImportGraphDef(more, &graph), IsOk());

  const proto::GraphDef exported = Exported(graph);
  ASSERT_EQ(exported.library().function_size(), 2);
  EXPECT_EQ(exported.library().function(0).signature().name(), "f");
  EXPECT_EQ(exported.library().function(1).signature().name(), "g");
  EXPECT_TRUE(graph.FindNode("call")->spec().opaque());

  // Undone with the rest of an import that fails.
  proto::GraphDef failing = MakeGraph({});
  failing.mutable_library()->add_function()->mutable_signature()->set_name("h");
  EXPECT_FALSE(ImportGraphDef(failing, &graph, {.return_elements = {"no"}}).ok());
  EXPECT_EQ(Exported(graph).library().function_size(), 2);
}

// --- size ---

TEST(ImportTest, AChainOfFiftyThousand) {
  Nodes nodes = {C()};
  for (int i = 1; i < 50000; ++i) {
    nodes.push_back(MakeIdentity(absl::StrCat("n", i), i == 1 ? "c" : absl::StrCat("n", i - 1)));
  }
  std::reverse(nodes.begin(), nodes.end());
  Graph graph(SchemaOps());
  ASSERT_THAT(ImportGraphDef(MakeGraph(nodes), &graph), IsOk());
  EXPECT_EQ(graph.node(49999)->name(), "n49999");
}

TEST(ImportTest, DiamondsWithTwoToThe64Paths) {
  Nodes nodes = {C()};
  for (int i = 0; i < 64; ++i) {
    const std::string below = i == 0 ? "c" : absl::StrCat("top", i - 1);
    nodes.push_back(MakeIdentity(absl::StrCat("left", i), below));
    nodes.push_back(MakeIdentity(absl::StrCat("right", i), below));
    nodes.push_back(MakeNode(absl::StrCat("top", i), "Add",
                             {absl::StrCat("left", i), absl::StrCat("right", i)}, kFloatT));
  }
  Graph graph(SchemaOps());
  EXPECT_THAT(ImportGraphDef(MakeGraph(nodes), &graph), IsOk());
}

TEST(ImportTest, WideNodes) {
  std::vector<std::string> inputs(19999, "c");
  Nodes nodes = {C(), MakeNode("sum", "AddN", inputs, {{"T", DType::kFloat}, {"N", 19999}})};
  std::vector<std::string> control;
  for (int i = 0; i < 5000; ++i) {
    nodes.push_back(MakeNode(absl::StrCat("n", i), "NoOp"));
    control.push_back(absl::StrCat("^n", i));
  }
  nodes.push_back(MakeNode("all", "NoOp", control));
  Graph graph(SchemaOps());
  ASSERT_THAT(ImportGraphDef(MakeGraph(nodes), &graph), IsOk());
  EXPECT_EQ(graph.FindNode("sum")->num_inputs(), 19999);
  EXPECT_EQ(graph.FindNode("all")->control_inputs().size(), 5000u);
}

TEST(ImportTest, AMillionEmptyNodesAreRefused) {
  proto::GraphDef def;
  for (int i = 0; i < 1000000; ++i) def.add_node();
  Graph graph(SchemaOps());
  EXPECT_THAT(ImportGraphDef(def, &graph),
              StatusIs(kInvalid, "node '' (): Node name contains invalid characters"));
}

TEST(ImportTest, OutputsInAllAreLimited) {
  // Each node announces 2^20 outputs.
  Nodes nodes = {MakeConst("d", Tensor::Scalar(0)), C()};
  for (int i = 0; i < 3; ++i) {
    nodes.push_back(MakeNode(absl::StrCat("x", i), "Split", {"d", "c"},
                             {{"T", DType::kFloat}, {"num_split", int64_t{1} << 20}}));
  }
  Graph graph(SchemaOps());
  EXPECT_THAT(ImportGraphDef(MakeGraph(nodes), &graph),
              StatusIs(absl::StatusCode::kResourceExhausted, "at most 2097152 outputs beyond"));
  EXPECT_EQ(graph.num_nodes(), 0);
}

}  // namespace
}  // namespace sluice
