#include "io/safetensors.h"

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/testing/core/fake_env.h"
#include "tests/testing/core/memory_files.h"
#include "tests/testing/core/status_matchers.h"

namespace sluice {
namespace {

using Code = absl::StatusCode;
using ::sluice::testing::FaultyFileSystem;
using ::sluice::testing::MemoryFileSystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;
using Tensors = std::map<std::string, Tensor>;

std::string Hex(absl::string_view text) {
  return absl::HexStringToBytes(absl::StrReplaceAll(text, {{" ", ""}}));
}

// A file: the length of the header, the header, the data.
std::string File(const std::string& header, const std::string& data) {
  std::string length;
  for (int i = 0; i < 8; ++i) length += static_cast<char>(uint64_t{header.size()} >> (8 * i));
  return length + header + data;
}

absl::StatusOr<Tensors> Read(const std::string& bytes, int64_t limit = 1 << 20) {
  MemoryFileSystem files;
  files.Set("x.safetensors", bytes);
  return ReadSafetensors(files, "x.safetensors", std::make_shared<MemoryBudget>(limit));
}

std::string Written(const Tensors& tensors, const std::map<std::string, std::string>& meta = {}) {
  MemoryFileSystem files;
  EXPECT_THAT(WriteSafetensors(files, "x.safetensors", tensors, meta), IsOk());
  EXPECT_THAT(files.Paths(), ElementsAre("x.safetensors"));
  return files.Get("x.safetensors");
}

bool Equal(const Tensors& a, const Tensors& b) {
  return a.size() == b.size() &&
         std::equal(a.begin(), a.end(), b.begin(), [](const auto& x, const auto& y) {
           return x.first == y.first && BitEqual(x.second, y.second);
         });
}

// A field of a header.
std::string Entry(const std::string& name, const std::string& dtype, const std::string& shape,
                  int64_t begin, int64_t end) {
  return absl::StrCat("\"", name, "\":{\"dtype\":\"", dtype, "\",\"shape\":[", shape,
                      "],\"data_offsets\":[", begin, ",", end, "]}");
}
const std::string kW = Entry("w", "F32", "2", 0, 8);
const std::string kWBytes = Hex("0000803f 00000040");  // 1, 2

// The order is the reference's: wide dtypes first, then names; so is the padding.
TEST(Safetensors, BytesWorkedOutByHand) {
  const Tensors tensors = {{"a", Tensor::Of<uint8_t>({3}, {1, 2, 3})},
                           {"b", Tensor::Of<float>({1, 2}, {1, 2})},
                           {"c/d", Tensor::Scalar(2.0f)},
                           {"e", Tensor::Zeros(DType::kInt64, {0, 4})}};
  std::string header = "{\"__metadata__\":{\"format\":\"tf\",\"q\\\"\":\"\\\\\"}," +
                       Entry("e", "I64", "0,4", 0, 0) + "," + Entry("b", "F32", "1,2", 0, 8) + "," +
                       Entry("c/d", "F32", "", 8, 12) + "," + Entry("a", "U8", "3", 12, 15) + "}";
  header += std::string((8 - header.size() % 8) % 8, ' ');
  const std::string want = File(header, kWBytes + Hex("00000040 010203"));
  EXPECT_EQ(Written(tensors, {{"format", "tf"}, {"q\"", "\\"}}), want);
  const auto read = Read(want);
  ASSERT_THAT(read, IsOk());
  EXPECT_TRUE(Equal(*read, tensors));
  EXPECT_EQ(Written({}), File("{}      ", ""));
}

TEST(Safetensors, EveryDTypeComesBack) {
  const Tensors tensors = {{"BF16", Tensor::Of<BFloat16>({1}, {BFloat16(1.5f)})},
                           {"BOOL", Tensor::Of<bool>({2}, {true, false})},
                           {"F16", Tensor::Of<Half>({1}, {Half(0.5f)})},
                           {"F32", Tensor::Of<float>({2}, {-0.0f, NAN})},
                           {"F64", Tensor::Scalar(1e-300)},
                           {"I16", Tensor::Of<int16_t>({1}, {-32768})},
                           {"I32", Tensor::Of<int32_t>({1}, {INT32_MIN})},
                           {"I64", Tensor::Of<int64_t>({1}, {INT64_MIN})},
                           {"I8", Tensor::Of<int8_t>({1}, {-128})},
                           {"U16", Tensor::Of<uint16_t>({1}, {65535})},
                           {"U32", Tensor::Of<uint32_t>({1}, {UINT32_MAX})},
                           {"U64", Tensor::Of<uint64_t>({1}, {UINT64_MAX})},
                           {"U8", Tensor::Of<uint8_t>({2}, {0, 255})}};
  const std::string bytes = Written(tensors);
  for (const auto& [name, tensor] : tensors) {
    EXPECT_THAT(bytes, HasSubstr(absl::StrCat("\"", name, "\":{\"dtype\":\"", name, "\"")));
    EXPECT_EQ(SafetensorsDType(tensor.dtype()), name);
  }
  const auto read = Read(bytes);
  ASSERT_THAT(read, IsOk());
  EXPECT_TRUE(Equal(*read, tensors));
}

TEST(Safetensors, ReadsWhatOthersMayWrite) {
  // Any order of members, white space, fields that the format does not know, escapes in names.
  const std::string header =
      "{ \"\\u0077\" : { \"data_offsets\" : [ 2, 10 ], \"note\": {\"a\": [1, {\"b\": null}]},\n"
      "\"more\": [[-1.5], \"x\"], \"shape\" : [ 2 ], \"dtype\" : \"F32\", \"z\": true },\t" +
      Entry("none", "F64", "3,0", 2, 2) + "," + Entry("flags", "BOOL", "2", 0, 2) + "}    ";
  const auto read = Read(File(header, Hex("0002") + kWBytes));
  ASSERT_THAT(read, IsOk());
  EXPECT_TRUE(Equal(*read, {{"w", Tensor::Of<float>({2}, {1, 2})},
                            {"none", Tensor::Zeros(DType::kDouble, {3, 0})},
                            {"flags", Tensor::Of<bool>({2}, {false, true})}}));
  EXPECT_THAT(*Read(File("{}", "")), ::testing::IsEmpty());
}

TEST(Safetensors, ReaderListsAndVerifies) {
  MemoryFileSystem files;
  files.Set("x", File("{\"__metadata__\":{\"k\":\"v\"}," + kW + "}", kWBytes));
  const auto reader = SafetensorsReader::Open(files, "x");
  ASSERT_THAT(reader, IsOk());
  ASSERT_EQ(reader->entries().size(), 1u);
  EXPECT_EQ(reader->entries()[0].name, "w");
  EXPECT_EQ(reader->entries()[0].dtype, DType::kFloat);
  EXPECT_EQ(reader->entries()[0].shape, TensorShape({2}));
  EXPECT_THAT(reader->metadata(), ElementsAre(Pair("k", "v")));
  EXPECT_THAT(reader->VerifyAll(), IsOk());
  EXPECT_THAT(reader->Lookup("v"), StatusIs(Code::kNotFound, "x has no tensor 'v'"));
  EXPECT_THAT(reader->Lookup("w", std::make_shared<MemoryBudget>(7)),
              StatusIs(Code::kResourceExhausted, "x, tensor 'w'"));
  EXPECT_THAT(SafetensorsReader::Open(files, "y"), StatusIs(Code::kNotFound, "y"));
}

struct Refused {
  std::string header, data;
  Code code;
  const char* message;
};

TEST(Safetensors, WhatIsRefused) {
  const Code invalid = Code::kInvalidArgument;
  const auto one = [](const std::string& fields) { return "{\"w\":{" + fields + "}}"; };
  const std::string dtype = "\"dtype\":\"F32\"", shape = "\"shape\":[2]",
                    offsets = "\"data_offsets\":[0,8]";
  const Refused cases[] = {
      {"", "", invalid, "malformed header: it does not begin with '{'"},
      {" {}", "", invalid, "it does not begin with '{'"},
      {"[]", "", invalid, "it does not begin with '{'"},
      {"{}x", "", invalid, "malformed header: no JSON at byte"},
      {"{\"w\":", "", invalid, "no JSON at byte"},
      {"{\"\xff\":1}", "", invalid, "no JSON at byte"},
      {"{\"w\":1}", "", invalid, "a number where none is due"},
      {"{\"w\":\"x\"}", "", invalid, "a string where none is due"},
      {"{\"w\":[]}", "", invalid, "a list where none is due"},
      {"{\"__metadata__\":{\"a\":1}}", "", invalid, "a number where none is due"},
      {"{\"__metadata__\":{\"a\":\"1\",\"a\":\"2\"}}", "", invalid, "'a' is given twice"},
      {"{\"__metadata__\":{},\"__metadata__\":{}}", "", invalid, "'__metadata__' is given twice"},
      {"{" + kW + "," + kW + "}", kWBytes, invalid, "'w' is given twice"},
      {one(dtype + "," + shape), "", invalid, "tensor 'w': it needs the fields dtype, shape and"},
      {one(dtype + "," + offsets), "", invalid, "it needs the fields"},
      {one(shape + "," + offsets), "", invalid, "it needs the fields"},
      {one(dtype + "," + dtype), "", invalid, "tensor 'w': malformed header: 'dtype' is given tw"},
      {one("\"dtype\":1"), "", invalid, "a number where none is due"},
      {one("\"shape\":2"), "", invalid, "a number where none is due"},
      {one("\"shape\":[-2]"), "", invalid, "a negative number where none is due"},
      {one("\"shape\":[2.0]"), "", invalid, "a number that is no size where none is due"},
      {one("\"shape\":[18446744073709551616]"), "", invalid, "a number that is no size"},
      {one("\"shape\":[9223372036854775808]"), "", invalid, "9223372036854775808 is too large"},
      {one("\"shape\":[[2]]"), "", invalid, "a list where none is due"},
      {one("\"shape\":{}"), "", invalid, "an object where none is due"},
      {"{" + Entry("w", "F8_E4M3", "2", 0, 2) + "}", "xx", Code::kUnimplemented,
       "tensor 'w': elements of type 'F8_E4M3' have no tensor"},
      {"{" + Entry("w", "F32", "2", 0, 4) + "}", "xxxx", invalid,
       "float32[2] takes 8 bytes, data_offsets 0 to 4 hold 4"},
      {"{" + Entry("w", "F32", "2", 8, 0) + "}", "", invalid, "not a beginning and an end"},
      {one(dtype + "," + shape + ",\"data_offsets\":[0,8,8]"), kWBytes, invalid, "not a beginning"},
      // 4194305 * 4194305 * 211106198978564 * 4 is 16 modulo 2^64.
      {"{" + Entry("w", "F32", "4194305,4194305,211106198978564", 0, 16) + "}",
       std::string(16, 'x'), invalid, "tensor 'w'"},
      {"{" + Entry("w", "F32", "4611686018427387904", 0, 0) + "}", "", invalid, "tensor 'w'"},
      {"{" + kW + "}", kWBytes + "x", invalid, "the tensors take 8 bytes, the file has 9 for them"},
      {"{" + kW + "}", kWBytes.substr(1), invalid, "take 8 bytes, the file has 7"},
      {"{" + Entry("w", "F32", "2", 4, 12) + "}", "xxxx" + kWBytes, invalid,
       "it begins at 4 of the data, where 0 is due: there is a hole"},
      {"{" + kW + "," + Entry("v", "U8", "4", 4, 8) + "}", kWBytes, invalid,
       "tensor 'v': it begins at 4 of the data, where 8 is due: tensors overlap"},
  };
  for (const Refused& c : cases) {
    EXPECT_THAT(Read(File(c.header, c.data)), StatusIs(c.code, c.message)) << c.header;
    EXPECT_THAT(Read(File(c.header, c.data)), StatusIs(c.code, "x.safetensors")) << c.header;
  }
  std::string dims = "1";
  for (int i = 0; i < 300; ++i) dims += ",1";
  EXPECT_THAT(Read(File("{" + Entry("w", "U8", dims, 0, 1) + "}", "x")),
              StatusIs(invalid, "tensor 'w'"));
}

TEST(Safetensors, HeadersThatLie) {
  const Code invalid = Code::kInvalidArgument;
  EXPECT_THAT(Read(""), StatusIs(invalid, "not a safetensors file: it has 0 bytes"));
  EXPECT_THAT(Read(Hex("0300000000000000") + "{}"), StatusIs(invalid, "claims a header of 3"));
  EXPECT_THAT(Read(std::string(8, '\xff')), StatusIs(invalid, "of 18446744073709551615 bytes"));
  const std::string long_one = "{}" + std::string(100'000'001 - 2, ' ');
  EXPECT_THAT(Read(File(long_one, "")), StatusIs(invalid, "the limit is 100 MB"));
  // Nesting costs nothing.
  const std::string deep(1'000'000, '[');
  EXPECT_THAT(Read(File("{\"w\":{\"note\":" + deep, "")), StatusIs(invalid, "no JSON at byte"));
}

TEST(Safetensors, WhatItCannotHoldIsRefusedBeforeTheFileExists) {
  const Tensor w = Tensor::Scalar(1.0f);
  const std::pair<Tensors, const char*> cases[] = {
      {{{"s", Tensor::Scalar<std::string>("x")}}, "tensor 's': safetensors has no type for string"},
      {{{"c", Tensor::Zeros(DType::kComplex64, {})}}, "has no type for complex64"},
      {{{"q", Tensor::Zeros(DType::kQuint8, {})}}, "has no type for quint8"},
      {{{"__metadata__", w}}, "cannot hold a tensor '__metadata__'"},
      {{{"", w}}, "is empty"},
      {{{"\xc3", w}}, "is not UTF-8"},
  };
  for (const auto& [tensors, message] : cases) {
    MemoryFileSystem files;
    const absl::Status status = WriteSafetensors(files, "x", tensors);
    EXPECT_FALSE(status.ok());
    EXPECT_THAT(std::string(status.message()), HasSubstr(message));
    EXPECT_TRUE(files.Paths().empty());
  }
}

TEST(Safetensors, CutAnywhere) {
  const std::string good = File("{" + kW + "}", kWBytes);
  for (size_t size = 0; size < good.size(); ++size)
    EXPECT_THAT(Read(good.substr(0, size)), StatusIs(Code::kInvalidArgument, "x.safetensors"));
}

// No flip crashes, and none that is accepted makes more of the file than it has.
TEST(Safetensors, AnyFlippedBit) {
  const std::string good =
      File("{" + kW + "," + Entry("v", "U8", "4", 8, 12) + "}", kWBytes + "abcd");
  for (size_t bit = 0; bit < 8 * good.size(); ++bit) {
    std::string bytes = good;
    bytes[bit / 8] = static_cast<char>(bytes[bit / 8] ^ (1 << (bit % 8)));
    const auto read = Read(bytes);
    if (!read.ok()) continue;
    int64_t total = 0;
    for (const auto& [name, tensor] : *read) total += tensor.byte_size();
    EXPECT_EQ(total, 12) << bit;
  }
}

TEST(Safetensors, AnyFailureOfTheDiskLeavesTheOldFile) {
  const Tensors tensors = {{"w", Tensor::Of<float>({2}, {1, 2})}};
  MemoryFileSystem counted;
  FaultyFileSystem counting(counted);
  ASSERT_THAT(WriteSafetensors(counting, "x", tensors), IsOk());
  for (int64_t n = 1; n <= counting.calls(); ++n) {
    MemoryFileSystem files;
    files.Set("x", "old");
    FaultyFileSystem faulty(files);
    faulty.FailCall(n, absl::ResourceExhaustedError("disk full"));
    EXPECT_THAT(WriteSafetensors(faulty, "x", tensors),
                StatusIs(Code::kResourceExhausted, "disk full"));
    EXPECT_THAT(files.Paths(), ElementsAre("x")) << n;
    EXPECT_EQ(files.Get("x") == "old", n < counting.calls()) << n;
  }
  FaultyFileSystem faulty(counted);
  ASSERT_THAT(ReadSafetensors(faulty, "x"), IsOk());
  for (int64_t n = 1, calls = faulty.calls(); n <= calls; ++n) {
    faulty.FailCall(n, absl::PermissionDeniedError("gone"));
    EXPECT_THAT(ReadSafetensors(faulty, "x"), StatusIs(Code::kPermissionDenied, "gone")) << n;
  }
}

}  // namespace
}  // namespace sluice
