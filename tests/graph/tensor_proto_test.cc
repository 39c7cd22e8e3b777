#include "graph/tensor_proto.h"

#include <google/protobuf/text_format.h>
#include <gtest/gtest.h>

#include <complex>
#include <ostream>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "proto/graph.pb.h"
#include "proto/tensor.pb.h"
#include "proto/types.pb.h"

namespace sluice {
namespace {

template <typename Message>
Message Parse(const std::string& text) {
  Message message;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &message)) << text;
  return message;
}

Half HalfOfBits(uint16_t bits) {
  Half h;
  h.bits = bits;
  return h;
}

BFloat16 BFloat16OfBits(uint16_t bits) {
  BFloat16 b;
  b.bits = bits;
  return b;
}

// Bytes as the elements of a tensor of that dtype: for quantized types, which have no C++ type.
Tensor OfBytes(DType dtype, const TensorShape& shape, const std::string& bytes) {
  Tensor tensor = Tensor::Zeros(dtype, shape);
  EXPECT_EQ(tensor.byte_size(), static_cast<int64_t>(bytes.size()));
  std::copy(bytes.begin(), bytes.end(), static_cast<char*>(tensor.mutable_raw()));
  return tensor;
}

// --- tensors: decoding ---

struct DecodeCase {
  const char* name;
  const char* text;
  Tensor expected;
};
void PrintTo(const DecodeCase& c, std::ostream* out) { *out << c.name; }

class DecodeTest : public ::testing::TestWithParam<DecodeCase> {};

TEST_P(DecodeTest, GivesTheTensor) {
  const auto tensor = TensorFromProto(Parse<proto::TensorProto>(GetParam().text));
  ASSERT_TRUE(tensor.ok()) << tensor.status();
  EXPECT_TRUE(BitEqual(*tensor, GetParam().expected))
      << tensor->DebugString() << ", expected " << GetParam().expected.DebugString();
}

std::vector<DecodeCase> DecodeCases() {
  using C = std::complex<float>;
  using Z = std::complex<double>;
  const auto h = HalfOfBits;
  const auto b = BFloat16OfBits;
  return {
      {"scalar_without_shape", "dtype: DT_FLOAT float_val: 2.5", Tensor::Scalar(2.5f)},
      {"full_list", "dtype: DT_FLOAT tensor_shape { dim { size: 2 } } float_val: [1, -2]",
       Tensor::Of<float>({2}, {1, -2})},
      {"last_value_repeats",
       "dtype: DT_FLOAT tensor_shape { dim { size: 2 } dim { size: 2 } } float_val: [1, 7]",
       Tensor::Of<float>({2, 2}, {1, 7, 7, 7})},
      {"no_value_is_zeros", "dtype: DT_INT32 tensor_shape { dim { size: 3 } }",
       Tensor::Of<int32_t>({3}, {0, 0, 0})},
      {"values_past_the_last_are_ignored",
       "dtype: DT_INT64 tensor_shape { dim { size: 2 } } int64_val: [4, 5, 6]",
       Tensor::Of<int64_t>({2}, {4, 5})},
      {"no_elements", "dtype: DT_FLOAT tensor_shape { dim { size: 0 } dim { size: 3 } }",
       Tensor::Of<float>({0, 3}, {})},
      // 1.0f is 0x3f800000, -2.0f 0xc0000000.
      {"float_content",
       R"(dtype: DT_FLOAT tensor_shape { dim { size: 2 } }
          tensor_content: "\000\000\200\077\000\000\000\300")",
       Tensor::Of<float>({2}, {1, -2})},
      {"content_goes_before_lists",
       R"(dtype: DT_UINT8 tensor_shape { dim { size: 2 } } tensor_content: "\001\377" int_val: 9)",
       Tensor::Of<uint8_t>({2}, {1, 255})},
      {"int16_content",
       R"(dtype: DT_INT16 tensor_shape { dim { size: 2 } } tensor_content: "\376\377\000\001")",
       Tensor::Of<int16_t>({2}, {-2, 256})},
      {"double", "dtype: DT_DOUBLE double_val: 0.1", Tensor::Scalar(0.1)},
      {"int8_from_int_val", "dtype: DT_INT8 int_val: -3", Tensor::Scalar(int8_t{-3})},
      {"int16_from_int_val", "dtype: DT_INT16 int_val: -300", Tensor::Scalar(int16_t{-300})},
      {"uint8_from_int_val", "dtype: DT_UINT8 int_val: 200", Tensor::Scalar(uint8_t{200})},
      {"uint16_from_int_val", "dtype: DT_UINT16 int_val: 60000", Tensor::Scalar(uint16_t{60000})},
      {"uint32", "dtype: DT_UINT32 uint32_val: 4294967295", Tensor::Scalar(uint32_t{4294967295})},
      {"uint64", "dtype: DT_UINT64 uint64_val: 18446744073709551615",
       Tensor::Scalar(uint64_t{18446744073709551615u})},
      {"bool_list", "dtype: DT_BOOL tensor_shape { dim { size: 3 } } bool_val: [true, false]",
       Tensor::Of<bool>({3}, {true, false, false})},
      {"bool_content_is_normalised",
       R"(dtype: DT_BOOL tensor_shape { dim { size: 3 } } tensor_content: "\000\001\377")",
       Tensor::Of<bool>({3}, {false, true, true})},
      // 1.0 is 0x3c00 = 15360 in half, 0x3f80 = 16256 in bfloat16.
      {"half_bits", "dtype: DT_HALF tensor_shape { dim { size: 2 } } half_val: [0, 15360]",
       Tensor::Of<Half>({2}, {h(0), h(0x3c00)})},
      {"half_repeats", "dtype: DT_HALF tensor_shape { dim { size: 2 } } half_val: 15360",
       Tensor::Of<Half>({2}, {h(0x3c00), h(0x3c00)})},
      {"bfloat16_bits", "dtype: DT_BFLOAT16 half_val: 16256", Tensor::Scalar(b(0x3f80))},
      {"half_content",
       R"(dtype: DT_HALF tensor_shape { dim { size: 2 } } tensor_content: "\000\074\000\274")",
       Tensor::Of<Half>({2}, {h(0x3c00), h(0xbc00)})},
      {"complex64_pairs",
       "dtype: DT_COMPLEX64 tensor_shape { dim { size: 2 } } scomplex_val: [1, 2, 3, 4]",
       Tensor::Of<C>({2}, {C(1, 2), C(3, 4)})},
      {"complex128_repeats",
       "dtype: DT_COMPLEX128 tensor_shape { dim { size: 2 } } dcomplex_val: [1, 2]",
       Tensor::Of<Z>({2}, {Z(1, 2), Z(1, 2)})},
      {"complex64_content",
       R"(dtype: DT_COMPLEX64 tensor_content: "\000\000\200\077\000\000\000\300")",
       Tensor::Scalar(C(1, -2))},
      {"strings",
       R"(dtype: DT_STRING tensor_shape { dim { size: 3 } } string_val: "a" string_val: "\000b")",
       Tensor::Of<std::string>({3}, {"a", std::string("\0b", 2), std::string("\0b", 2)})},
      {"string_content",
       R"(dtype: DT_STRING tensor_shape { dim { size: 3 } } tensor_content: "\002\000\001abc")",
       Tensor::Of<std::string>({3}, {"ab", "", "c"})},
      {"quantized_uint8", "dtype: DT_QUINT8 tensor_shape { dim { size: 2 } } int_val: [1, 255]",
       OfBytes(DType::kQuint8, {2}, "\001\377")},
      {"quantized_int32", "dtype: DT_QINT32 int_val: -2",
       OfBytes(DType::kQint32, {}, "\376\377\377\377")},
      {"quantized_content",
       R"(dtype: DT_QINT16 tensor_shape { dim { size: 1 } } tensor_content: "\001\002")",
       OfBytes(DType::kQint16, {1}, "\001\002")},
  };
}
INSTANTIATE_TEST_SUITE_P(Cases, DecodeTest, ::testing::ValuesIn(DecodeCases()),
                         [](const auto& info) { return info.param.name; });

TEST(DecodeTest, StringContentWithALengthOfTwoBytes) {
  proto::TensorProto message = Parse<proto::TensorProto>("dtype: DT_STRING");
  // 300 = 0b10'0101100: ac 02.
  message.set_tensor_content("\xac\x02" + std::string(300, 'x'));
  const auto tensor = TensorFromProto(message);
  ASSERT_TRUE(tensor.ok()) << tensor.status();
  EXPECT_EQ(tensor->scalar<std::string>(), std::string(300, 'x'));
}

TEST(DecodeTest, AnEmptyMessageIsAnEmptyHandle) {
  const auto tensor = TensorFromProto(proto::TensorProto());
  ASSERT_TRUE(tensor.ok());
  EXPECT_TRUE(tensor->empty_handle());
}

// --- tensors: refusals ---

struct RefusalCase {
  const char* name;
  const char* text;
  absl::StatusCode code;
  const char* message;
};
void PrintTo(const RefusalCase& c, std::ostream* out) { *out << c.name; }

constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;
constexpr auto kExhausted = absl::StatusCode::kResourceExhausted;
constexpr auto kUnimplemented = absl::StatusCode::kUnimplemented;

class TensorRefusalTest : public ::testing::TestWithParam<RefusalCase> {};

TEST_P(TensorRefusalTest, NamesTheTrouble) {
  const auto budget = std::make_shared<MemoryBudget>(int64_t{1} << 20);
  const auto tensor = TensorFromProto(Parse<proto::TensorProto>(GetParam().text), budget);
  EXPECT_EQ(tensor.status().code(), GetParam().code) << tensor.status();
  EXPECT_TRUE(absl::StrContains(tensor.status().message(), GetParam().message)) << tensor.status();
  EXPECT_EQ(budget->held(), 0);
}

const RefusalCase kTensorRefusals[] = {
    // 4194305^2 * 211106198978564 = 2^66 * (1 + ...) wraps to 4.
    {"product_wraps",
     R"(dtype: DT_FLOAT tensor_content: "0123456789abcdef" tensor_shape { dim { size: 4194305 }
        dim { size: 4194305 } dim { size: 211106198978564 } })",
     kInvalid, "too many elements"},
    {"bytes_wrap", "dtype: DT_FLOAT tensor_shape { dim { size: 4611686018427387904 } }", kInvalid,
     "too many elements"},
    {"partial_product_wraps",
     "dtype: DT_FLOAT tensor_shape { dim { size: 0 } dim { size: 4294967296 } "
     "dim { size: 4294967296 } }",
     kInvalid, "too many elements"},
    {"negative_dims", "dtype: DT_FLOAT tensor_shape { dim { size: -2 } dim { size: -2 } }",
     kInvalid, "must be >= 0, got -2"},
    {"unknown_dim", "dtype: DT_FLOAT tensor_shape { dim { size: -1 } }", kInvalid,
     "must be fully known, got [?]"},
    {"unknown_rank", "dtype: DT_FLOAT tensor_shape { unknown_rank: true }", kInvalid,
     "must be fully known, got <unknown>"},
    {"content_too_short",
     R"(dtype: DT_FLOAT tensor_shape { dim { size: 2 } dim { size: 2 } }
        tensor_content: "0123456789abcde")",
     kInvalid, "must have 16 bytes, got 15"},
    {"content_too_long",
     R"(dtype: DT_FLOAT tensor_shape { dim { size: 2 } dim { size: 2 } }
        tensor_content: "0123456789abcdefg")",
     kInvalid, "must have 16 bytes, got 17"},
    {"content_of_one_element",
     R"(dtype: DT_FLOAT tensor_shape { dim { size: 2 } } tensor_content: "0123")", kInvalid,
     "must have 8 bytes, got 4"},
    {"content_of_no_element",
     R"(dtype: DT_FLOAT tensor_shape { dim { size: 0 } } tensor_content: "0123")", kInvalid,
     "must have 0 bytes, got 4"},
    {"content_far_smaller_than_the_shape",
     R"(dtype: DT_FLOAT tensor_shape { dim { size: 1099511627776 } } tensor_content: "0123")",
     kInvalid, "got 4"},
    {"string_length_past_the_end",
     R"(dtype: DT_STRING tensor_shape { dim { size: 2 } } tensor_content: "\001\005ab")", kInvalid,
     "strings of 6 bytes, got 2 bytes"},
    {"string_bytes_left_over",
     R"(dtype: DT_STRING tensor_shape { dim { size: 1 } } tensor_content: "\001ab")", kInvalid,
     "strings of 1 bytes, got 2 bytes"},
    {"string_lengths_missing",
     R"(dtype: DT_STRING tensor_shape { dim { size: 3 } } tensor_content: "\001\000")", kInvalid,
     "at least 3 bytes, got 2"},
    {"string_length_does_not_end", R"(dtype: DT_STRING tensor_content: "\377\377\377\377\377\001")",
     kInvalid, "must begin with 1 string lengths, got 0"},
    {"string_length_above_32_bits", R"(dtype: DT_STRING tensor_content: "\377\377\377\377\177")",
     kInvalid, "must begin with 1 string lengths, got 0"},
    {"string_lengths_for_terabytes",
     R"(dtype: DT_STRING tensor_shape { dim { size: 1099511627776 } } tensor_content: "\001a")",
     kInvalid, "got 2"},
    {"values_of_another_dtype", "dtype: DT_FLOAT int_val: 3", kInvalid,
     "int_val cannot hold the values of a tensor of dtype float32"},
    {"half_a_complex_number", "dtype: DT_COMPLEX64 scomplex_val: [1, 2, 3]", kInvalid,
     "holds pairs, got 3 numbers"},
    {"no_dtype", "tensor_shape {} float_val: 1", kInvalid, "must have the dtype of a value"},
    {"dtype_77", "dtype: 77", kInvalid, "got dtype(77)"},
    {"negative_dtype", "dtype: -1", kInvalid, "got dtype(-1)"},
    {"reference_dtype", "dtype: DT_FLOAT_REF float_val: 1", kInvalid, "got float32_ref"},
    {"variant", "dtype: DT_VARIANT", kUnimplemented, "dtype variant"},
    {"resource", R"(dtype: DT_RESOURCE resource_handle_val { name: "v" })", kUnimplemented,
     "dtype resource"},
    {"dtype_of_a_later_tensorflow", "dtype: 24", kUnimplemented, "dtype(24)"},
    // The budget is 1 MiB.
    {"huge_zeros", "dtype: DT_FLOAT tensor_shape { dim { size: 2147483648 } }", kExhausted, ""},
    {"huge_repetition", "dtype: DT_FLOAT tensor_shape { dim { size: 262145 } } float_val: 1",
     kExhausted, ""},
    // 10,001 string objects of 32 bytes fit, their 1.2 million letters do not.
    {"huge_string_repetition",
     "dtype: DT_STRING tensor_shape { dim { size: 10001 } } string_val: "
     "'012345678901234567890123456789012345678901234567890123456789"
     "012345678901234567890123456789012345678901234567890123456789'",
     kExhausted, ""},
};
INSTANTIATE_TEST_SUITE_P(Cases, TensorRefusalTest, ::testing::ValuesIn(kTensorRefusals),
                         [](const auto& info) { return info.param.name; });

TEST(TensorFromProtoTest, RefusesARankOf300) {
  proto::TensorProto message = Parse<proto::TensorProto>("dtype: DT_FLOAT float_val: 1");
  for (int i = 0; i < 300; ++i) message.mutable_tensor_shape()->add_dim()->set_size(1);
  EXPECT_EQ(TensorFromProto(message).status(),
            absl::InvalidArgumentError("rank must be at most 254, got 300"));
}

// --- tensors: encoding ---

struct EncodeCase {
  const char* name;
  Tensor tensor;
  const char* text;
};
void PrintTo(const EncodeCase& c, std::ostream* out) { *out << c.name; }

class EncodeTest : public ::testing::TestWithParam<EncodeCase> {};

TEST_P(EncodeTest, GivesTheMessageAndComesBack) {
  proto::TensorProto message;
  ASSERT_TRUE(ToProto(GetParam().tensor, &message).ok());
  EXPECT_EQ(message.DebugString(), Parse<proto::TensorProto>(GetParam().text).DebugString());
  const auto back = TensorFromProto(message);
  ASSERT_TRUE(back.ok()) << back.status();
  EXPECT_TRUE(BitEqual(*back, GetParam().tensor)) << back->DebugString();
}

std::vector<EncodeCase> EncodeCases() {
  const auto h = HalfOfBits;
  return {
      {"float_scalar", Tensor::Scalar(2.5f), "dtype: DT_FLOAT tensor_shape {} float_val: 2.5"},
      {"one_element_is_no_content", Tensor::Of<int32_t>({1}, {-7}),
       "dtype: DT_INT32 tensor_shape { dim { size: 1 } } int_val: -7"},
      {"two_elements_are_content", Tensor::Of<float>({2}, {1, -2}),
       R"(dtype: DT_FLOAT tensor_shape { dim { size: 2 } }
          tensor_content: "\000\000\200\077\000\000\000\300")"},
      {"no_elements", Tensor::Of<float>({2, 0}, {}),
       "dtype: DT_FLOAT tensor_shape { dim { size: 2 } dim { size: 0 } }"},
      {"halves_are_never_repeated", Tensor::Of<Half>({2}, {h(0x3c00), h(0x3c00)}),
       R"(dtype: DT_HALF tensor_shape { dim { size: 2 } } tensor_content: "\000\074\000\074")"},
      {"half_scalar", Tensor::Scalar(h(0xbc00)),
       "dtype: DT_HALF tensor_shape {} half_val: 48128"},  // 0xbc00
      {"bool_scalar", Tensor::Scalar(true), "dtype: DT_BOOL tensor_shape {} bool_val: true"},
      {"bools", Tensor::Of<bool>({2}, {true, false}),
       R"(dtype: DT_BOOL tensor_shape { dim { size: 2 } } tensor_content: "\001\000")"},
      {"uint64_scalar", Tensor::Scalar(uint64_t{1} << 63),
       "dtype: DT_UINT64 tensor_shape {} uint64_val: 9223372036854775808"},
      {"complex_scalar", Tensor::Scalar(std::complex<double>(1, -2)),
       "dtype: DT_COMPLEX128 tensor_shape {} dcomplex_val: [1, -2]"},
      {"strings", Tensor::Of<std::string>({2}, {"a", ""}),
       R"(dtype: DT_STRING tensor_shape { dim { size: 2 } } string_val: ["a", ""])"},
      {"quantized_scalar", OfBytes(DType::kQint8, {}, "\376"),
       "dtype: DT_QINT8 tensor_shape {} int_val: -2"},
      {"empty_handle", Tensor(), ""},
  };
}
INSTANTIATE_TEST_SUITE_P(Cases, EncodeTest, ::testing::ValuesIn(EncodeCases()),
                         [](const auto& info) { return info.param.name; });

TEST(EncodeTest, EveryScalarTypeComesBack) {
  for (int number = 1; number <= 23; ++number) {
    const auto dtype = static_cast<DType>(number);
    if (dtype == DType::kResource || dtype == DType::kVariant) continue;
    proto::TensorProto message;
    const Tensor tensor = Tensor::Zeros(dtype, {});
    ASSERT_TRUE(ToProto(tensor, &message).ok()) << DTypeName(dtype);
    EXPECT_EQ(message.dtype(), number);
    const auto back = TensorFromProto(message);
    ASSERT_TRUE(back.ok()) << DTypeName(dtype) << ": " << back.status();
    EXPECT_TRUE(BitEqual(*back, tensor)) << DTypeName(dtype);
  }
}

TEST(EncodeTest, ResourcesAreRefused) {
  proto::TensorProto message;
  EXPECT_EQ(ToProto(Tensor::Zeros(DType::kResource, {}), &message).code(), kUnimplemented);
}

// --- shapes ---

TEST(ShapeProtoTest, BothWays) {
  const std::pair<TensorShape, const char*> cases[] = {
      {{}, ""},
      {{2, -1}, "dim { size: 2 } dim { size: -1 }"},
      {{0}, "dim { size: 0 }"},
      {TensorShape::Unknown(), "unknown_rank: true"},
  };
  for (const auto& [shape, text] : cases) {
    const auto message = Parse<proto::TensorShapeProto>(text);
    proto::TensorShapeProto written;
    ToProto(shape, &written);
    EXPECT_EQ(written.DebugString(), message.DebugString());
    const auto read = ShapeFromProto(message);
    ASSERT_TRUE(read.ok()) << read.status();
    EXPECT_EQ(*read, shape);
  }
}

TEST(ShapeProtoTest, Refusals) {
  const std::pair<const char*, const char*> cases[] = {
      {"dim { size: -2 }", "must be >= 0, got -2"},
      {"unknown_rank: true dim { size: 1 }", "must have no dimensions, got 1"},
      {"dim { size: 4294967296 } dim { size: -1 } dim { size: 4294967296 }", "too many elements"},
  };
  for (const auto& [text, message] : cases) {
    const absl::Status status = ShapeFromProto(Parse<proto::TensorShapeProto>(text)).status();
    EXPECT_EQ(status.code(), kInvalid) << text;
    EXPECT_TRUE(absl::StrContains(status.message(), message)) << status;
  }
}

// --- attributes ---

struct AttrCase {
  const char* name;
  const char* text;
  AttrValue value;
};
void PrintTo(const AttrCase& c, std::ostream* out) { *out << c.name; }

class AttrProtoTest : public ::testing::TestWithParam<AttrCase> {};

TEST_P(AttrProtoTest, BothWays) {
  const auto message = Parse<proto::AttrValue>(GetParam().text);
  const auto read = AttrFromProto(message);
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_TRUE(*read == GetParam().value) << read->KindName() << " " << read->ToString();
  proto::AttrValue written;
  ASSERT_TRUE(ToProto(GetParam().value, &written).ok());
  EXPECT_EQ(written.DebugString(), message.DebugString());
}

std::vector<AttrCase> AttrCases() {
  const FuncRef function{"f", std::make_shared<AttrMap>(AttrMap{{"T", DType::kFloat}})};
  return {
      {"string", R"(s: "SAME")", "SAME"},
      {"empty_string", R"(s: "")", ""},
      {"bytes", R"(s: "\377\000")", std::string("\377\0", 2)},
      {"int", "i: -3", -3},
      {"float", "f: 0.5", 0.5f},
      {"bool", "b: true", true},
      {"type", "type: DT_INT64", DType::kInt64},
      {"type_invalid", "type: DT_INVALID", DType::kInvalid},
      {"type_of_a_later_tensorflow", "type: 30", static_cast<DType>(30)},
      {"shape", "shape { dim { size: -1 } }", TensorShape{-1}},
      {"shape_unknown", "shape { unknown_rank: true }", TensorShape::Unknown()},
      {"tensor", "tensor { dtype: DT_INT32 tensor_shape {} int_val: 5 }", Tensor::Scalar(5)},
      {"func", R"(func { name: "f" attr { key: "T" value { type: DT_FLOAT } } })", function},
      {"no_value", "", AttrValue()},
      {"list_empty", "list {}", EmptyList{}},
      {"list_string", R"(list { s: ["a", "b"] })", std::vector<std::string>{"a", "b"}},
      {"list_int", "list { i: [1, 2] }", std::vector<int64_t>{1, 2}},
      {"list_float", "list { f: [1] }", std::vector<float>{1}},
      {"list_bool", "list { b: [true, false] }", std::vector<bool>{true, false}},
      {"list_type", "list { type: [DT_FLOAT, DT_INT32] }",
       std::vector<DType>{DType::kFloat, DType::kInt32}},
      {"list_shape", "list { shape {} shape { unknown_rank: true } }",
       std::vector<TensorShape>{{}, TensorShape::Unknown()}},
      {"list_tensor", "list { tensor { dtype: DT_BOOL tensor_shape {} bool_val: true } }",
       std::vector<Tensor>{Tensor::Scalar(true)}},
      {"list_func", R"(list { func { name: "f" attr { key: "T" value { type: DT_FLOAT } } } })",
       std::vector<FuncRef>{function}},
  };
}
INSTANTIATE_TEST_SUITE_P(Cases, AttrProtoTest, ::testing::ValuesIn(AttrCases()),
                         [](const auto& info) { return info.param.name; });

TEST(AttrProtoTest, Refusals) {
  const std::pair<const char*, const char*> cases[] = {
      {"type: 77", "no dtype has the number 77"},
      {"type: 100", "no dtype has the number 100"},
      {"list { type: [DT_FLOAT, 134] }", "no dtype has the number 134"},
      {R"(list { i: 1 s: "a" })", "values of one kind, got 2 kinds"},
      {R"(placeholder: "T")", "in a function body only"},
      {"shape { dim { size: -5 } }", "got -5"},
      {"tensor { dtype: DT_FLOAT tensor_content: \"a\" }", "must have 4 bytes, got 1"},
      {R"(func { name: "f" attr { key: "T" value { type: 77 } } })",
       "attr 'T' of function 'f': no dtype has the number 77"},
  };
  for (const auto& [text, message] : cases) {
    const absl::Status status = AttrFromProto(Parse<proto::AttrValue>(text)).status();
    EXPECT_EQ(status.code(), kInvalid) << text;
    EXPECT_TRUE(absl::StrContains(status.message(), message)) << status;
  }
}

TEST(AttrProtoTest, FunctionsNestToALimit) {
  proto::AttrValue message;
  proto::AttrValue* at = &message;
  for (int i = 0; i < 40; ++i) at = &(*at->mutable_func()->mutable_attr())["f"];
  EXPECT_EQ(AttrFromProto(message).status().code(), kInvalid);
}

}  // namespace
}  // namespace sluice
