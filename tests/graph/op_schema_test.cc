// The grammar of op schemas: every form that TensorFlow's REGISTER_OP strings use.
#include "graph/op_spec.h"
#include "gtest/gtest.h"
#include "tests/testing/core/status_matchers.h"

namespace sluice {
namespace {

TEST(ParseArg, FixedType) {
  const ArgSpec arg = ParseArg("indices: int32").value();
  EXPECT_EQ(arg.name, "indices");
  EXPECT_EQ(arg.type, DType::kInt32);
  EXPECT_FALSE(arg.is_ref);
}

TEST(ParseArg, TypeFromAttr) {
  const ArgSpec arg = ParseArg("features: T").value();
  EXPECT_EQ(arg.type_attr, "T");
  EXPECT_EQ(arg.type, DType::kInvalid);
}

TEST(ParseArg, RepeatedAndReference) {
  const ArgSpec repeated = ParseArg("values: N * T").value();
  EXPECT_EQ(repeated.number_attr, "N");
  EXPECT_EQ(repeated.type_attr, "T");
  const ArgSpec ref = ParseArg("ref: Ref(T)").value();
  EXPECT_TRUE(ref.is_ref);
  EXPECT_EQ(ref.type_attr, "T");
}

TEST(ParseArg, Malformed) {
  for (const char* text : {"", "x", "x:", ": T", "x: Ref(T", "x: * T", "x: N * "}) {
    EXPECT_THAT(ParseArg(text), StatusIs(absl::StatusCode::kInvalidArgument, "malformed schema"))
        << text;
  }
}

TEST(ParseAttr, Types) {
  EXPECT_EQ(ParseAttr("N: int").value().type, "int");
  EXPECT_EQ(ParseAttr("strides: list(int)").value().type, "list(int)");
  EXPECT_EQ(ParseAttr("T: type").value().type, "type");
  EXPECT_EQ(ParseAttr("f: func").value().type, "func");
}

TEST(ParseAttr, AllowedTypesAndDefault) {
  const AttrSpec attr = ParseAttr("Tidx: {int32, int64} = DT_INT32").value();
  EXPECT_EQ(attr.type, "type");
  EXPECT_EQ(attr.allowed_types, (std::vector<DType>{DType::kInt32, DType::kInt64}));
  EXPECT_EQ(*attr.default_value->get_if<DType>(), DType::kInt32);
}

TEST(ParseAttr, AllowedStringsMinimumAndLists) {
  const AttrSpec padding = ParseAttr("padding: {'SAME', 'VALID'}").value();
  EXPECT_EQ(padding.type, "string");
  EXPECT_EQ(padding.allowed_strings, (std::vector<std::string>{"SAME", "VALID"}));
  const AttrSpec count = ParseAttr("N: int >= 1").value();
  EXPECT_EQ(count.minimum, 1);
  const AttrSpec lists = ParseAttr("ksize: list(int) >= 4").value();
  EXPECT_EQ(lists.type, "list(int)");
  EXPECT_EQ(lists.minimum, 4);
  const AttrSpec dilations = ParseAttr("dilations: list(int) = [1, 1, 1, 1]").value();
  EXPECT_EQ(*dilations.default_value->get_if<std::vector<int64_t>>(),
            (std::vector<int64_t>{1, 1, 1, 1}));
  const AttrSpec types = ParseAttr("dtypes: list(type) >= 1").value();
  EXPECT_EQ(types.type, "list(type)");
}

TEST(ParseAttr, Defaults) {
  EXPECT_EQ(*ParseAttr("epsilon: float = 0.0001").value().default_value->get_if<float>(), 0.0001f);
  EXPECT_EQ(*ParseAttr("keep_dims: bool = false").value().default_value->get_if<bool>(), false);
  EXPECT_EQ(*ParseAttr("container: string = ''").value().default_value->get_if<std::string>(), "");
  EXPECT_FALSE(ParseAttr("shape: shape = { unknown_rank: true }")
                   .value()
                   .default_value->get_if<TensorShape>()
                   ->rank_known());
  EXPECT_EQ(ParseAttr("explicit_paddings: list(int) = []").value().default_value->KindName(),
            "list(int)");
}

TEST(ParseAttr, TensorDefault) {
  const auto attr = ParseAttr(
      "c: tensor = { dtype: DT_UINT8 tensor_shape: { dim { size: 2 } } int_val: 255 int_val: 7 }");
  ASSERT_TRUE(attr.ok()) << attr.status();
  EXPECT_EQ(attr->type, "tensor");
  const Tensor* value = attr->default_value->get_if<Tensor>();
  ASSERT_NE(value, nullptr);
  EXPECT_TRUE(BitEqual(*value, Tensor::Of<uint8_t>({2}, {255, 7})));
  EXPECT_FALSE(ParseAttr("c: tensor = 1").ok());
  EXPECT_FALSE(ParseAttr("c: tensor = { no_such_field: 1 }").ok());
}

TEST(ParseAttr, Malformed) {
  for (const char* text : {"", "N", "N: integer", "N: int >= x", "b: bool = 1", "s: string = x",
                           "l: list(int) = 1", "T: {}", "T: {floot}"}) {
    EXPECT_THAT(ParseAttr(text), StatusIs(absl::StatusCode::kInvalidArgument, "malformed schema"))
        << text;
  }
}

TEST(OpRegistry, RefusesMalformedAndDuplicate) {
  OpRegistry registry;
  EXPECT_THAT(registry.Add(OpSpec("Good").Input("x: T").Attr("T: type")), IsOk());
  EXPECT_THAT(registry.Add(OpSpec("Good")), StatusIs(absl::StatusCode::kAlreadyExists, "Good"));
  EXPECT_THAT(registry.Add(OpSpec("Bad").Input("x")),
              StatusIs(absl::StatusCode::kInvalidArgument, "op Bad"));
  EXPECT_THAT(registry.Add(OpSpec("NoAttr").Input("x: T")),
              StatusIs(absl::StatusCode::kInvalidArgument, "neither a dtype nor a type attr"));
  EXPECT_EQ(registry.Find("Bad"), nullptr);
  EXPECT_EQ(registry.ops().size(), 1u);
}

class CheckAttrsTest : public testing::Test {
 protected:
  const OpSpec spec_ = OpSpec("Op")
                           .Attr("T: {float, double}")
                           .Attr("padding: {'SAME', 'VALID'} = 'SAME'")
                           .Attr("N: int >= 2 = 2")
                           .Attr("l: list(int) = []")
                           .Attr("f: float = 1");
  absl::Status Check(AttrMap attrs) { return CheckAttrs(spec_, &attrs); }
};

TEST_F(CheckAttrsTest, FillsDefaults) {
  AttrMap attrs = {{"T", DType::kFloat}};
  ASSERT_THAT(CheckAttrs(spec_, &attrs), IsOk());
  EXPECT_EQ(GetAttr<std::string>(attrs, "padding"), "SAME");
  EXPECT_EQ(GetAttr<int64_t>(attrs, "N"), 2);
}

TEST_F(CheckAttrsTest, Refusals) {
  const auto invalid = absl::StatusCode::kInvalidArgument;
  EXPECT_THAT(Check({}), StatusIs(invalid, "attr 'T' of type type is missing"));
  EXPECT_THAT(Check({{"T", DType::kInt32}}), StatusIs(invalid, "must be one of {float, double}"));
  EXPECT_THAT(Check({{"T", "float"}}), StatusIs(invalid, "attr 'T' has type string"));
  EXPECT_THAT(Check({{"T", DType::kFloat}, {"padding", "FULL"}}),
              StatusIs(invalid, "must be one of {SAME, VALID}"));
  EXPECT_THAT(Check({{"T", DType::kFloat}, {"N", 1}}), StatusIs(invalid, "must be >= 2"));
  EXPECT_THAT(Check({{"T", DType::kFloat}, {"l", 3}}), StatusIs(invalid, "expected list(int)"));
  EXPECT_THAT(Check({{"T", DType::kFloat}, {"extra", 3}}),
              StatusIs(invalid, "has no attr 'extra'"));
  EXPECT_THAT(Check({{"T", AttrValue()}}), StatusIs(invalid, "attr 'T'"));
}

TEST_F(CheckAttrsTest, Tolerates) {
  EXPECT_THAT(Check({{"T", DType::kFloat}, {"_class", std::vector<std::string>{"loc:@a"}}}),
              IsOk());
  EXPECT_THAT(Check({{"T", DType::kFloat}, {"l", EmptyList{}}}), IsOk());
  EXPECT_THAT(Check({{"T", DType::kFloat}, {"f", 3}}), IsOk());
}

TEST(ArgTypes, ExpandsListsAndReferences) {
  OpRegistry registry;
  ASSERT_THAT(registry.Add(OpSpec("Op")
                               .Input("a: N * T")
                               .Input("b: Ts")
                               .Input("r: Ref(T)")
                               .Attr("N: int")
                               .Attr("T: type")
                               .Attr("Ts: list(type)")),
              IsOk());
  const AttrMap attrs = {
      {"N", 2}, {"T", DType::kFloat}, {"Ts", std::vector<DType>{DType::kInt32, DType::kBool}}};
  EXPECT_EQ(ArgTypes(registry.Find("Op")->inputs(), attrs).value(),
            (std::vector<DType>{DType::kFloat, DType::kFloat, DType::kInt32, DType::kBool,
                                RefType(DType::kFloat)}));
}

}  // namespace
}  // namespace sluice
