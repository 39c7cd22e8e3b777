#include "io/npy.h"

#include <complex>
#include <random>
#include <string>
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

std::string Hex(absl::string_view text) {
  return absl::HexStringToBytes(absl::StrReplaceAll(text, {{" ", ""}}));
}

std::string File(const std::string& dict, const std::string& elements, int version = 1) {
  std::string bytes = "\x93NUMPY";
  bytes.push_back(static_cast<char>(version));
  bytes.push_back('\0');
  for (int i = 0; i < (version == 1 ? 2 : 4); ++i) {
    bytes.push_back(static_cast<char>(dict.size() >> (8 * i)));
  }
  return bytes + dict + elements;
}

std::string Dict(const std::string& descr, const std::string& shape, bool fortran = false) {
  return absl::StrCat("{'descr': '", descr, "', 'fortran_order': ", fortran ? "True" : "False",
                      ", 'shape': ", shape, ", }\n");
}

absl::StatusOr<Tensor> Read(const std::string& bytes) {
  MemoryFileSystem files;
  files.Set("x.npy", bytes);
  return ReadNpy(files, "x.npy");
}

std::string Written(const Tensor& tensor) {
  MemoryFileSystem files;
  EXPECT_THAT(WriteNpy(files, "x.npy", tensor), IsOk());
  EXPECT_THAT(files.Paths(), ElementsAre("x.npy"));
  return files.Get("x.npy");
}

// numpy's format page: magic, version 1.0, 2 bytes of length, the dict padded with spaces so that
// the elements start at a multiple of 64, a line feed.
TEST(Npy, BytesWorkedOutByHand) {
  const std::string dict = "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 1), }";
  const std::string want = "\x93NUMPY" + Hex("01 00 76 00") + dict +
                           std::string(117 - dict.size(), ' ') + "\n" + Hex("0000803f 00000040");
  EXPECT_EQ(Written(Tensor::Of<float>({2, 1}, {1, 2})), want);
  EXPECT_EQ(want.size(), 128u + 8);
  const auto read = Read(want);
  ASSERT_THAT(read, IsOk());
  EXPECT_TRUE(BitEqual(*read, Tensor::Of<float>({2, 1}, {1, 2})));
}

TEST(Npy, ShapesAreTuples) {
  EXPECT_THAT(Written(Tensor::Scalar(1.0f)), ::testing::HasSubstr("'shape': (), }"));
  EXPECT_THAT(Written(Tensor::Of<float>({1}, {1})), ::testing::HasSubstr("'shape': (1,), }"));
  EXPECT_THAT(Written(Tensor::Zeros(DType::kFloat, {0, 5, 2})),
              ::testing::HasSubstr("'shape': (0, 5, 2), }"));
}

struct RoundTrip {
  const char* descr;
  Tensor tensor;
};

std::vector<RoundTrip> RoundTrips() {
  return {
      {"|b1", Tensor::Of<bool>({2}, {true, false})},
      {"|i1", Tensor::Of<int8_t>({2}, {-128, 127})},
      {"<i2", Tensor::Of<int16_t>({2}, {-32768, 32767})},
      {"<i4", Tensor::Of<int32_t>({1, 2}, {INT32_MIN, INT32_MAX})},
      {"<i8", Tensor::Of<int64_t>({2}, {INT64_MIN, INT64_MAX})},
      {"|u1", Tensor::Of<uint8_t>({2}, {0, 255})},
      {"<u2", Tensor::Of<uint16_t>({2}, {1, 65535})},
      {"<u4", Tensor::Of<uint32_t>({1}, {UINT32_MAX})},
      {"<u8", Tensor::Of<uint64_t>({1}, {UINT64_MAX})},
      {"<f2", Tensor::Of<Half>({2}, {Half(0.5f), Half(-65504.0f)})},
      {"<f4", Tensor::Of<float>({2}, {-0.0f, NAN})},
      {"<f8", Tensor::Scalar(1e-300)},
      {"<c8", Tensor::Of<std::complex<float>>({1}, {{1, -2}})},
      {"<c16", Tensor::Of<std::complex<double>>({1}, {{1, -2}})},
      {"<f4", Tensor::Zeros(DType::kFloat, {3, 0})},
  };
}

TEST(Npy, EveryDTypeComesBack) {
  for (const RoundTrip& r : RoundTrips()) {
    const std::string bytes = Written(r.tensor);
    EXPECT_THAT(bytes, ::testing::HasSubstr(absl::StrCat("'descr': '", r.descr, "'")));
    const auto read = Read(bytes);
    ASSERT_THAT(read, IsOk()) << r.descr;
    EXPECT_TRUE(BitEqual(*read, r.tensor)) << r.descr << read->DebugString();
  }
}

TEST(Npy, DTypesThatNumpyLacks) {
  const auto bfloat = Read(Written(Tensor::Of<BFloat16>({2}, {BFloat16(1.5f), BFloat16(-2)})));
  ASSERT_THAT(bfloat, IsOk());
  EXPECT_TRUE(BitEqual(*bfloat, Tensor::Of<float>({2}, {1.5f, -2})));
  const std::pair<DType, DType> quantized[] = {{DType::kQint8, DType::kInt8},
                                               {DType::kQuint8, DType::kUint8},
                                               {DType::kQint16, DType::kInt16},
                                               {DType::kQuint16, DType::kUint16},
                                               {DType::kQint32, DType::kInt32}};
  for (const auto& [from, to] : quantized) {
    const auto read = Read(Written(Tensor::Zeros(from, {2})));
    ASSERT_THAT(read, IsOk());
    EXPECT_TRUE(BitEqual(*read, Tensor::Zeros(to, {2}))) << DTypeName(from);
  }
  MemoryFileSystem files;
  EXPECT_THAT(WriteNpy(files, "s.npy", Tensor::Scalar<std::string>("x")),
              StatusIs(Code::kUnimplemented, "s.npy: numpy has no type for string"));
  EXPECT_THAT(WriteNpy(files, "s.npy", Tensor()), StatusIs(Code::kUnimplemented, "s.npy"));
  EXPECT_TRUE(files.Paths().empty());
}

TEST(Npy, FortranOrderIsTransposed) {
  // Columns of [[1, 2, 3], [4, 5, 6]].
  const auto matrix = Read(File(Dict("|u1", "(2, 3)", true), Hex("01 04 02 05 03 06")));
  ASSERT_THAT(matrix, IsOk());
  EXPECT_TRUE(BitEqual(*matrix, Tensor::Of<uint8_t>({2, 3}, {1, 2, 3, 4, 5, 6})));
  // Element (i, j, k) of shape 2, 2, 2 stands at i + 2j + 4k.
  const auto cube = Read(File(Dict("|u1", "(2, 2, 2)", true), Hex("00 01 02 03 04 05 06 07")));
  ASSERT_THAT(cube, IsOk());
  EXPECT_TRUE(BitEqual(*cube, Tensor::Of<uint8_t>({2, 2, 2}, {0, 4, 2, 6, 1, 5, 3, 7})));
  EXPECT_THAT(Read(File(Dict("|u1", "()", true), "x")), IsOk());
  EXPECT_THAT(Read(File(Dict("|u1", "(2, 0)", true), "")), IsOk());
}

TEST(Npy, BigEndianIsSwapped) {
  const auto ints = Read(File(Dict(">i4", "(2,)"), Hex("00000001 fffffffe")));
  ASSERT_THAT(ints, IsOk());
  EXPECT_TRUE(BitEqual(*ints, Tensor::Of<int32_t>({2}, {1, -2})));
  const auto complex = Read(File(Dict(">c8", "(1,)"), Hex("3f800000 40000000")));
  ASSERT_THAT(complex, IsOk());
  EXPECT_TRUE(BitEqual(*complex, Tensor::Of<std::complex<float>>({1}, {{1, 2}})));
  const auto both = Read(File(Dict(">u2", "(2, 2)", true), Hex("0001 0003 0002 0004")));
  ASSERT_THAT(both, IsOk());
  EXPECT_TRUE(BitEqual(*both, Tensor::Of<uint16_t>({2, 2}, {1, 2, 3, 4})));
}

TEST(Npy, OtherWritersHeaders) {
  const std::string accepted[] = {
      File(Dict("|u1", "(2,)"), "ab", 2),
      File(Dict("|u1", "(2,)"), "ab", 3),
      File("{'shape': (2,), 'descr': '|u1', 'fortran_order': False}", "ab"),
      File("  { \"descr\" :\"|u1\",'fortran_order':False,'shape':( 2 , ) } \n", "ab"),
      File(Dict("|u1", "(2L,)"), "ab"),
      File(Dict("<u1", "(2,)"), "ab"),
      File(Dict("=u1", "(2,)"), "ab"),
      File(Dict("|u1", "(1, 2,)"), "ab"),
  };
  for (const std::string& bytes : accepted) {
    const auto read = Read(bytes);
    ASSERT_THAT(read, IsOk()) << bytes;
    EXPECT_EQ(read->num_elements(), 2);
    EXPECT_EQ(read->flat<uint8_t>()[1], 'b');
  }
}

TEST(Npy, BoolsAreZeroOrOne) {
  const auto read = Read(File(Dict("|b1", "(3,)"), Hex("00 01 09")));
  ASSERT_THAT(read, IsOk());
  EXPECT_TRUE(BitEqual(*read, Tensor::Of<bool>({3}, {false, true, true})));
}

struct Bad {
  std::string bytes;
  Code code;
  const char* message;
};

std::vector<Bad> BadFiles() {
  const auto kI = Code::kInvalidArgument;
  const std::string good = File(Dict("<f4", "(2,)"), "12345678");
  std::string bad_magic = good, version_4 = good, version_1_1 = good;
  bad_magic[0] = 'x';
  version_4[6] = 4;
  version_1_1[7] = 1;
  std::string long_header = good;
  long_header[9] = '\x7f';
  return {
      {"", kI, "wrong magic number"},
      {"PK\3\4 a zip archive", kI, "wrong magic number"},
      {bad_magic, kI, "wrong magic number"},
      {version_4, kI, "format version 4.0"},
      {version_1_1, kI, "format version 1.1"},
      {long_header, kI, "claims 32"},
      {good + "x", kI, "float32[2] takes 8 bytes, the file has 9"},
      {good.substr(0, good.size() - 1), kI, "float32[2] takes 8 bytes, the file has 7"},
      {good.substr(0, 40), kI, "malformed header"},
      {good.substr(0, 9), kI, "wrong magic number"},
      {File(Dict("<f4", "(2,)"), "", 2).substr(0, 11), kI, "cut off"},
      {File("", ""), kI, "begin with '{'"},
      {File("{", ""), kI, "no string"},
      {File("{}", ""), kI, "it needs the keys"},
      {File("{'descr': '<f4', 'shape': ()}", "1234"), kI, "it needs the keys"},
      {File("{'descr': '<f4', 'descr': '<f4'}", ""), kI, "repeated key 'descr'"},
      {File("{'x': 1}", ""), kI, "unknown key 'x'"},
      {File("{'descr' '<f4'}", ""), kI, "no ':'"},
      {File("{'descr': '<f4", ""), kI, "does not end"},
      {File("{'descr': <f4}", ""), kI, "no string"},
      {File("{'descr': '<f4' 'shape': ()}", ""), kI, "no ',' or '}'"},
      {File("{'fortran_order': 1}", ""), kI, "neither True nor False"},
      {File(Dict("<f4", "2"), ""), kI, "not a tuple"},
      {File(Dict("<f4", "(2)"), "12345678"), kI, "a number, not a tuple"},
      {File(Dict("<f4", "(2 3)"), ""), kI, "tuple of sizes"},
      {File(Dict("<f4", "(,)"), ""), kI, "tuple of sizes"},
      {File(Dict("<f4", "(-1,)"), ""), kI, "tuple of sizes"},
      {File(Dict("<f4", "(2,"), ""), kI, "tuple of sizes"},
      {File(Dict("<f4", "(99999999999999999999,)"), ""), kI, "tuple of sizes"},
      {File(Dict("<f4", "(__import__('os').system('true'),)"), ""), kI, "tuple of sizes"},
      {File(Dict("<f4", "()") + "junk", "1234"), kI, "text after '}'"},
      // Products that wrap to 6, to 0, and one that is only too large.
      {File(Dict("<f4", "(4194305, 4194305, 211106198978564)"), std::string(24, 'x')), kI, "["},
      {File(Dict("<f4", "(4294967296, 4294967296)"), ""), kI, "["},
      {File(Dict("<f4", "(1099511627776,)"), "1234"), kI, "takes 4398046511104 bytes"},
      {File(Dict("<U4", "(2,)"), ""), Code::kUnimplemented, "numpy type '<U4'"},
      {File(Dict("|S4", "(2,)"), ""), Code::kUnimplemented, "numpy type '|S4'"},
      {File(Dict("|O", "(2,)"), ""), Code::kUnimplemented, "numpy type '|O'"},
      {File(Dict("<f16", "(2,)"), ""), Code::kUnimplemented, "numpy type '<f16'"},
      {File(Dict("f4", "(2,)"), ""), Code::kUnimplemented, "numpy type 'f4'"},
      {File(Dict("", "(2,)"), ""), Code::kUnimplemented, "numpy type ''"},
      {File("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': ()}", ""),
       Code::kUnimplemented, "records"},
  };
}

TEST(Npy, BadFilesAreRefusedByName) {
  for (const Bad& bad : BadFiles()) {
    EXPECT_THAT(Read(bad.bytes), StatusIs(bad.code, bad.message)) << bad.bytes;
    EXPECT_THAT(Read(bad.bytes), StatusIs(bad.code, "x.npy: "));
  }
  EXPECT_THAT(ReadNpy(FileSystem::Default(), "/nonexistent.npy"),
              StatusIs(Code::kNotFound, "/nonexistent.npy"));
}

TEST(Npy, RankIsLimited) {
  std::string shape = "(";
  for (int i = 0; i < 255; ++i) shape += "1, ";
  EXPECT_THAT(Read(File(Dict("|u1", shape + ")"), "x")),
              StatusIs(Code::kInvalidArgument, "more than 254 dimensions"));
}

TEST(Npy, RandomDamageNeverCrashes) {
  std::mt19937 random(5);
  const std::string good = Written(Tensor::Of<int32_t>({2, 3}, {1, 2, 3, 4, 5, 6}));
  const absl::string_view nice = "{}(),:'\"0129TF<>| \n";
  int refused = 0;
  for (int i = 0; i < 20000; ++i) {
    std::string bytes = good;
    for (uint32_t n = 1 + random() % 4; n > 0; --n) {
      const size_t at = random() % std::min<size_t>(bytes.size(), 70);
      bytes[at] = random() % 3 ? nice[random() % nice.size()] : static_cast<char>(random());
    }
    refused += !Read(bytes).ok();
  }
  EXPECT_GT(refused, 10000);
}

TEST(Npy, FailedWritesLeaveTheOldFile) {
  MemoryFileSystem memory;
  FaultyFileSystem files(memory);
  ASSERT_THAT(WriteNpy(files, "x.npy", Tensor::Scalar(1.0f)), IsOk());
  const std::string old = memory.Get("x.npy");
  const int64_t calls = files.calls();
  for (int64_t n = 1; n < calls; ++n) {  // the last one syncs the directory: the new file is there
    files.FailCall(n, absl::ResourceExhaustedError("no space left"));
    EXPECT_THAT(WriteNpy(files, "x.npy", Tensor::Scalar(2.0f)),
                StatusIs(Code::kResourceExhausted, "no space left"));
    EXPECT_THAT(memory.Paths(), ElementsAre("x.npy")) << n;
    EXPECT_EQ(memory.Get("x.npy"), old) << n;
  }
}

}  // namespace
}  // namespace sluice
