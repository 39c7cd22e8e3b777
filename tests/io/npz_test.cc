#include "io/npz.h"

#include <complex>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "io/coding.h"
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
using Tensors = std::map<std::string, Tensor>;

Tensor W() { return Tensor::Of<float>({2, 3}, {1, 2, 3, 4, 5, 6}); }
Tensors Model() { return {{"net/w", W()}, {"step", Tensor::Scalar<int64_t>(7)}}; }

bool Equal(const Tensors& a, const Tensors& b) {
  return a.size() == b.size() &&
         std::equal(a.begin(), a.end(), b.begin(), [](const auto& x, const auto& y) {
           return x.first == y.first && BitEqual(x.second, y.second);
         });
}

absl::StatusOr<Tensors> Read(const std::string& bytes, int64_t limit = 1 << 20) {
  MemoryFileSystem files;
  files.Set("x.npz", bytes);
  return ReadNpz(files, "x.npz", std::make_shared<MemoryBudget>(limit));
}

std::string Written(const Tensors& tensors) {
  MemoryFileSystem files;
  EXPECT_THAT(WriteNpz(files, "x.npz", tensors), IsOk());
  EXPECT_THAT(files.Paths(), ElementsAre("x.npz"));
  return files.Get("x.npz");
}

// numpy 1.24: np.savez_compressed("x.npz", **{"net/w": w, "step": np.int64(7)}).
std::string NumpyCompressed() {
  return absl::HexStringToBytes(
      "504b0304140000000800000021007c9cdea25800000098000000090014006e65742f772e6e70790100100098"
      "0000000000000058000000000000009bec17ea1b10c9c850c650ad9e925a9c5ca46ea5a06e9366a2aea3a09e"
      "965f54529498179f5f94920a12774bcc294e058a17672416a402f91a463a0ac69a3a0ab50a64032e0686067b"
      "060606072002e206205e00c4071c00504b03041400000008000000210023b8f06c4600000088000000080014"
      "00737465702e6e707901001000880000000000000046000000000000009bec17ea1b10c9c850c650ad9e925a"
      "9c5ca46ea5a06e9369a1aea3a09e965f54529498179f5f94920a12774bcc294e058a17672416a402f91a9a3a"
      "0ab50a14012e7606080000504b01021403140000000800000021007c9cdea258000000980000000900000000"
      "000000000000008001000000006e65742f772e6e7079504b010214031400000008000000210023b8f06c4600"
      "000088000000080000000000000000000000800193000000737465702e6e7079504b05060000000002000200"
      "6d000000130100000000");
}

// --- Archives made by hand, from the format's description ---

std::string U16(uint64_t v) { return {static_cast<char>(v), static_cast<char>(v >> 8)}; }
std::string U32(uint64_t v) { return U16(v) + U16(v >> 16); }
std::string U64(uint64_t v) { return U32(v) + U32(v >> 32); }

uint32_t Crc(const std::string& bytes) {
  uint32_t crc = ~0u;
  for (const char c : bytes) {
    crc ^= static_cast<uint8_t>(c);
    for (int i = 0; i < 8; ++i) crc = crc >> 1 ^ (crc & 1 ? 0xedb88320 : 0);
  }
  return ~crc;
}

std::string Npy(const std::string& descr, const std::string& shape, const std::string& elements) {
  const std::string dict =
      absl::StrCat("{'descr': '", descr, "', 'fortran_order': False, 'shape': ", shape, ", }\n");
  return absl::StrCat("\x93NUMPY\x01", absl::string_view("\0", 1), U16(dict.size()), dict,
                      elements);
}

struct Member {
  std::string name;
  std::string bytes;  // as they lie in the archive
  uint64_t size = 0;  // unpacked; 0: those bytes
  uint16_t method = 0;
  uint16_t flags = 0;
  uint32_t crc = 0;  // 0: of those bytes
};

// A member's fields from the version on, in local and central headers.
std::string Common(const Member& m) {
  const uint64_t size = m.size ? m.size : m.bytes.size();
  return U16(20) + U16(m.flags) + U16(m.method) + U32(0x210000) +
         U32(m.crc ? m.crc : Crc(m.bytes)) + U32(m.bytes.size()) + U32(size) + U16(m.name.size()) +
         U16(0);
}

std::string Archive(const std::vector<Member>& members, int count = -1) {
  std::string text, central;
  for (const Member& m : members) {
    central += "PK\1\2" + U16(20) + Common(m) + U16(0) + U16(0) + U16(0) + U32(0) +
               U32(text.size()) + m.name;
    text += "PK\3\4" + Common(m) + m.name + m.bytes;
  }
  const size_t n = count < 0 ? members.size() : static_cast<size_t>(count);
  return text + central + "PK\5\6" + U32(0) + U16(n) + U16(n) + U32(central.size()) +
         U32(text.size()) + U16(0);
}

const std::string kOne = Npy("<f4", "()", U32(0x3f800000));

TEST(Npz, ReadsWhatNumpyWrote) {
  const auto read = Read(NumpyCompressed());
  ASSERT_THAT(read, IsOk());
  EXPECT_TRUE(Equal(*read, Model()));
}

TEST(Npz, ReadsArchivesMadeByHand) {
  const auto read = Read(Archive({{"a/b.npy", kOne}, {"dir/", ""}, {"n.npy.npy", kOne}}));
  ASSERT_THAT(read, IsOk());
  EXPECT_TRUE(Equal(*read, {{"a/b", Tensor::Scalar(1.0f)}, {"n.npy", Tensor::Scalar(1.0f)}}));
  EXPECT_THAT(*Read(Archive({})), ::testing::IsEmpty());
}

// zip64: sizes of 0xffffffff stand for those in the field with tag 1.
TEST(Npz, ReadsZip64) {
  const std::string sizes = U16(1) + U16(16) + U64(kOne.size()) + U64(kOne.size());
  const std::string common = U16(45) + U16(0) + U16(0) + U32(0x210000) + U32(Crc(kOne)) +
                             U32(0xffffffff) + U32(0xffffffff) + U16(5) + U16(sizes.size());
  const std::string local = "PK\3\4" + common + "w.npy" + sizes + kOne;
  const std::string central =
      "PK\1\2" + U16(45) + common + U16(0) + U16(0) + U16(0) + U32(0) + U32(0) + "w.npy" + sizes;
  const std::string end64 = "PK\6\6" + U64(44) + U16(45) + U16(45) + U32(0) + U32(0) + U64(1) +
                            U64(1) + U64(central.size()) + U64(local.size());
  const std::string locator = "PK\6\7" + U32(0) + U64(local.size() + central.size()) + U32(1);
  const std::string end =
      "PK\5\6" + U32(0) + U16(0xffff) + U16(0xffff) + U32(0xffffffff) + U32(0xffffffff) + U16(0);
  const auto read = Read(local + central + end64 + locator + end);
  ASSERT_THAT(read, IsOk());
  EXPECT_TRUE(Equal(*read, {{"w", Tensor::Scalar(1.0f)}}));
  // The same bytes, but 2^60 members are claimed.
  const std::string lying = "PK\6\6" + U64(44) + U16(45) + U16(45) + U32(0) + U32(0) +
                            U64(uint64_t{1} << 60) + U64(uint64_t{1} << 60) + U64(central.size()) +
                            U64(local.size());
  EXPECT_THAT(Read(local + central + lying + locator + end), StatusIs(Code::kDataLoss, "x.npz"));
}

TEST(Npz, NamesAreKeysAndNothingElse) {
  const auto read = Read(Archive({{"../x.npy", kOne}, {"/etc/x.npy", kOne}}));
  ASSERT_THAT(read, IsOk());
  EXPECT_TRUE(read->contains("../x") && read->contains("/etc/x"));
}

TEST(Npz, WrittenBytesByHand) {
  const Tensors tensors = {{"w", Tensor::Of<uint8_t>({2}, {1, 2})}};
  const std::string dict = "{'descr': '|u1', 'fortran_order': False, 'shape': (2,), }";
  const std::string npy = absl::StrCat("\x93NUMPY\x01", absl::string_view("\0", 1), U16(118), dict,
                                       std::string(117 - dict.size(), ' '), "\n\x01\x02");
  const std::string sizes = U16(1) + U16(16) + U64(npy.size()) + U64(npy.size());
  const std::string start = U16(45) + U16(0) + U16(0) + U16(0) + U16(0x21) + U32(Crc(npy));
  const std::string local =
      "PK\3\4" + start + U32(0xffffffff) + U32(0xffffffff) + U16(5) + U16(20) + "w.npy" + sizes;
  const std::string central = "PK\1\2" + U16(45 | 3 << 8) + start + U32(130) + U32(130) + U16(5) +
                              U16(0) + U16(0) + U16(0) + U16(0) + U32(0600u << 16) + U32(0) +
                              "w.npy";
  const std::string end =
      "PK\5\6" + U32(0) + U16(1) + U16(1) + U32(central.size()) + U32(local.size() + 130) + U16(0);
  EXPECT_EQ(Written(tensors), local + npy + central + end);
}

TEST(Npz, EveryDTypeComesBack) {
  const Tensors tensors = {{"b", Tensor::Of<bool>({2}, {true, false})},
                           {"c64", Tensor::Scalar(std::complex<float>(1, -2))},
                           {"c128", Tensor::Scalar(std::complex<double>(1, -2))},
                           {"empty", Tensor::Zeros(DType::kFloat, {3, 0})},
                           {"f16", Tensor::Of<Half>({1}, {Half(0.5f)})},
                           {"f64", Tensor::Scalar(1e-300)},
                           {"i8", Tensor::Of<int8_t>({1}, {-128})},
                           {"i16", Tensor::Of<int16_t>({1}, {-32768})},
                           {"i32", Tensor::Of<int32_t>({1}, {INT32_MIN})},
                           {"u16", Tensor::Of<uint16_t>({1}, {65535})},
                           {"u32", Tensor::Of<uint32_t>({1}, {UINT32_MAX})},
                           {"u64", Tensor::Of<uint64_t>({1}, {UINT64_MAX})},
                           {"gr\xc3\xb6\xc3\x9f"
                            "e",
                            W()}};
  const auto read = Read(Written(tensors));
  ASSERT_THAT(read, IsOk());
  EXPECT_TRUE(Equal(*read, tensors));
}

// More members than the 16 bits of the end record count.
TEST(Npz, ManyMembers) {
  constexpr int kMany = 65'536;
  std::vector<BundleTensor> names;
  for (int i = 0; i < kMany; ++i) names.push_back({absl::StrCat(i), DType::kUint8, {}, {}});
  MemoryFileSystem files;
  const auto value = [](const BundleTensor&) { return Tensor::Scalar<uint8_t>(5); };
  ASSERT_THAT(WriteNpz(files, "x.npz", names, value), IsOk());
  const auto reader = NpzReader::Open(files, "x.npz");
  ASSERT_THAT(reader, IsOk());
  EXPECT_EQ(reader->entries().size(), size_t{kMany});
  EXPECT_TRUE(BitEqual(*reader->Lookup("65535"), Tensor::Scalar<uint8_t>(5)));
}

TEST(Npz, ReaderListsAndVerifies) {
  MemoryFileSystem files;
  ASSERT_THAT(WriteNpz(files, "x.npz", Model()), IsOk());
  const auto reader = NpzReader::Open(files, "x.npz");
  ASSERT_THAT(reader, IsOk());
  ASSERT_EQ(reader->entries().size(), 2u);
  EXPECT_EQ(reader->entries()[0].name, "net/w");
  EXPECT_EQ(reader->entries()[0].dtype, DType::kFloat);
  EXPECT_EQ(reader->entries()[0].shape, TensorShape({2, 3}));
  EXPECT_THAT(reader->VerifyAll(), IsOk());
  EXPECT_THAT(reader->Lookup("w"), StatusIs(Code::kNotFound, "x.npz has no array 'w'"));
  EXPECT_THAT(NpzReader::Open(files, "y.npz"), StatusIs(Code::kNotFound, "y.npz"));
}

TEST(Npz, WhatItCannotHoldIsRefusedBeforeTheFileExists) {
  const std::pair<Tensors, const char*> cases[] = {
      {{{"a/b", Tensor::Zeros(DType::kBfloat16, {2})}}, "array 'a/b': numpy has no type for bfl"},
      {{{"q", Tensor::Zeros(DType::kQint8, {2})}}, "array 'q': numpy has no type for qint8"},
      {{{"s", Tensor::Scalar<std::string>("x")}}, "array 's': numpy has no type for string"},
      {{{"", W()}}, "name, '', is empty"},
      {{{std::string("a\0b", 3), W()}}, "with a zero byte"},
      {{{"\xff", W()}}, "is not UTF-8"},
      {{{std::string(65'001, 'x'), W()}}, "of more than 65,000 bytes"},
  };
  for (const auto& [tensors, message] : cases) {
    MemoryFileSystem files;
    const absl::Status status = WriteNpz(files, "x.npz", tensors);
    EXPECT_FALSE(status.ok());
    EXPECT_THAT(std::string(status.message()), HasSubstr(message));
    EXPECT_TRUE(files.Paths().empty());
  }
  MemoryFileSystem files;
  const std::vector<BundleTensor> twice = {{"w", DType::kFloat, {2, 3}, {}},
                                           {"w", DType::kFloat, {2, 3}, {}}};
  const auto value = [](const BundleTensor&) { return W(); };
  EXPECT_THAT(WriteNpz(files, "x.npz", twice, value),
              StatusIs(Code::kInvalidArgument, "'w', is given twice"));
  EXPECT_THAT(WriteNpz(files, "x.npz", {{"w", DType::kFloat, {3, 2}, {}}}, value),
              StatusIs(Code::kInvalidArgument, "was announced as float32[3,2] and is float32[2,3"));
  EXPECT_TRUE(files.Paths().empty());
}

TEST(Npz, WhatIsRefused) {
  const std::string big = Npy("<f4", "(1000000,)", "");
  const std::pair<std::string, std::pair<Code, const char*>> cases[] = {
      {"", {Code::kDataLoss, "not a zip archive: it has 0 bytes"}},
      {std::string(100, 'x'), {Code::kDataLoss, "not a zip archive, or its end is missing"}},
      {Archive({{"readme.txt", "x"}}),
       {Code::kInvalidArgument, "member 'readme.txt' is no array: its name does not end in .npy"}},
      {Archive({{"w.npy", "x"}}), {Code::kInvalidArgument, "array 'w': not a .npy file"}},
      {Archive({{"w.npy", big}}),
       {Code::kInvalidArgument, "float32[1000000] takes 4000000 bytes, the file has 0"}},
      {Archive({{"w.npy", Npy("|O", "(1,)", "x")}}), {Code::kUnimplemented, "numpy type '|O'"}},
      {Archive({{"w.npy", kOne, 0, 0, 1}}), {Code::kUnimplemented, "array 'w': it is encrypted"}},
      {Archive({{"w.npy", kOne, 0, 12}}), {Code::kUnimplemented, "it is packed with method 12"}},
      {Archive({{"w.npy", kOne, 0, 0, 0, 7}}), {Code::kDataLoss, "CRC error"}},
      {Archive({{"w.npy", kOne, 0, 8}}), {Code::kDataLoss, "array 'w': damaged zip archive"}},
      {Archive({{"w.npy", kOne}}, 2), {Code::kDataLoss, "x.npz"}},
  };
  for (const auto& [bytes, want] : cases) {
    EXPECT_THAT(Read(bytes), StatusIs(want.first, want.second));
    EXPECT_THAT(Read(bytes), StatusIs(want.first, "x.npz"));
  }
  const auto twice = Read(Archive({{"w.npy", kOne}, {"w.npy", kOne}}));
  EXPECT_FALSE(twice.ok());
  // Stored bytes of another number than the size.
  for (const uint64_t size : {kOne.size() - 1, kOne.size() + 1, uint64_t{0xfffffffe}})
    EXPECT_FALSE(Read(Archive({{"w.npy", kOne, size}})).ok()) << size;
}

// 4 MB of zeros in 4 kB.
TEST(Npz, WhatUnpacksWithoutEndIsRefusedByTheBudget) {
  // Deflate: a block of fixed codes, the literal 0, and n times "258 bytes from one back" (the code
  // 11000101 of length 258, the code 00000 of distance 1), the end 0000000. Bits of codes come
  // highest first, of bytes lowest first.
  std::string bits =
      "110"
      "00110000";
  constexpr int kRuns = 2500;
  for (int i = 0; i < kRuns; ++i)
    bits +=
        "11000101"
        "00000";
  bits += "0000000";
  std::string packed((bits.size() + 7) / 8, '\0');
  for (size_t i = 0; i < bits.size(); ++i)
    packed[i / 8] = static_cast<char>(packed[i / 8] | (bits[i] - '0') << i % 8);
  const std::string zeros(1 + 258 * kRuns, '\0');
  // The header in a stored block before it.
  const std::string header = Npy("|u1", absl::StrCat("(", zeros.size(), ",)"), "");
  const std::string stored =
      absl::StrCat(absl::string_view("\0", 1), U16(header.size()), U16(~header.size()), header);
  const Member bomb = {"w.npy", stored + packed,    header.size() + zeros.size(), 8,
                       0,       Crc(header + zeros)};
  const auto read = Read(Archive({bomb}), 1 << 20);
  ASSERT_THAT(read, IsOk());
  EXPECT_EQ(read->at("w").num_elements(), static_cast<int64_t>(zeros.size()));
  EXPECT_THAT(Read(Archive({bomb}), 1 << 19), StatusIs(Code::kResourceExhausted, "array 'w'"));
  // It unpacks to more than it says.
  const std::string short_header = Npy("|u1", "(645000,)", "");
  Member lying = bomb;
  lying.bytes = absl::StrCat(absl::string_view("\0", 1), U16(short_header.size()),
                             U16(~short_header.size()), short_header, packed);
  lying.size = short_header.size() + 645'000;
  EXPECT_THAT(Read(Archive({lying})), StatusIs(Code::kDataLoss, "array 'w'"));
}

TEST(Npz, CutAnywhere) {
  for (const std::string& good : {NumpyCompressed(), Written(Model())}) {
    for (size_t size = 0; size < good.size(); ++size)
      EXPECT_THAT(Read(good.substr(0, size)), StatusIs(Code::kDataLoss, "x.npz")) << size;
  }
}

// A flipped bit is found, or is in something that says nothing about the arrays.
TEST(Npz, AnyFlippedBit) {
  for (const std::string& good : {NumpyCompressed(), Written(Model())}) {
    for (size_t bit = 0; bit < 8 * good.size(); ++bit) {
      std::string bytes = good;
      bytes[bit / 8] = static_cast<char>(bytes[bit / 8] ^ (1 << (bit % 8)));
      const auto read = Read(bytes);
      if (read.ok()) {
        EXPECT_TRUE(Equal(*read, Model())) << bit;
      }
    }
  }
}

TEST(Npz, AnyFailureOfTheDiskLeavesTheOldFile) {
  const absl::Status full = absl::ResourceExhaustedError("disk full");
  MemoryFileSystem counted;
  FaultyFileSystem counting(counted);
  ASSERT_THAT(WriteNpz(counting, "x.npz", Model()), IsOk());
  for (int64_t n = 1; n <= counting.calls(); ++n) {
    MemoryFileSystem files;
    files.Set("x.npz", "old");
    FaultyFileSystem faulty(files);
    faulty.FailCall(n, full);
    EXPECT_THAT(WriteNpz(faulty, "x.npz", Model()), StatusIs(full.code(), "disk full")) << n;
    EXPECT_THAT(files.Paths(), ElementsAre("x.npz")) << n;
    // Only the sync of the directory comes after the change.
    EXPECT_EQ(files.Get("x.npz") == "old", n < counting.calls()) << n;
  }
}

TEST(Npz, FailuresWhileReading) {
  MemoryFileSystem files;
  ASSERT_THAT(WriteNpz(files, "x.npz", Model()), IsOk());
  FaultyFileSystem faulty(files);
  ASSERT_THAT(ReadNpz(faulty, "x.npz"), IsOk());
  for (int64_t n = 1, calls = faulty.calls(); n <= calls; ++n) {
    faulty.FailCall(n, absl::PermissionDeniedError("gone"));
    EXPECT_THAT(ReadNpz(faulty, "x.npz"), StatusIs(Code::kPermissionDenied, "gone")) << n;
  }
}

}  // namespace
}  // namespace sluice
