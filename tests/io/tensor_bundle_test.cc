#include "io/tensor_bundle.h"

#include <complex>
#include <limits>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_replace.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "io/bundle_index.h"
#include "io/crc32c.h"
#include "io/sorted_table.h"
#include "proto/bundle.pb.h"
#include "tests/testing/core/memory_files.h"
#include "tests/testing/core/status_matchers.h"

namespace sluice {
namespace {

using Code = absl::StatusCode;
using ::sluice::testing::MemoryFileSystem;
using ::testing::ElementsAre;

std::string Hex(absl::string_view text) {
  return absl::HexStringToBytes(absl::StrReplaceAll(text, {{" ", ""}}));
}

struct Named {
  std::string name;
  Tensor tensor;
};

void Write(FileSystem& files, const std::string& prefix, const std::vector<Named>& tensors) {
  auto writer = BundleWriter::Create(files, prefix);
  ASSERT_THAT(writer, IsOk());
  for (const Named& t : tensors) ASSERT_THAT((*writer)->Add(t.name, t.tensor), IsOk());
  ASSERT_THAT((*writer)->Finish(), IsOk());
}

std::vector<std::string> Names(const BundleReader& reader) {
  std::vector<std::string> names;
  for (const BundleTensor& key : reader.Keys()) names.push_back(key.name);
  return names;
}

// Every check that a reader has, one after the other: the first error, or OK.
absl::Status ReadEverything(FileSystem& files, const std::string& prefix) {
  auto reader = BundleReader::Open(files, prefix);
  if (!reader.ok()) return reader.status();
  const absl::Status verified = (*reader)->VerifyAll();
  absl::Status looked_up;
  for (const BundleTensor& key : (*reader)->Keys()) {
    looked_up.Update((*reader)->Lookup(key.name).status());
  }
  EXPECT_EQ(verified.ok(), looked_up.ok()) << verified << " but " << looked_up;
  return verified;
}

// Two tensors; checksums computed from the definition, outside this project.
const std::string kHandData = Hex("0000803f 00000040 00004040  00000040");
const std::string kHandHeader = Hex("08 01  1a 02 08 01");
const std::string kHandA = Hex("08 01  12 00  20 0c  28 04  35 10fd784f");
const std::string kHandB = Hex("08 01  12 04 12 02 08 03  28 0c  35 735b8971");

TEST(TensorBundle, BytesWorkedOutByHand) {
  MemoryFileSystem files;
  // Saved in this order: "b" comes first in the data, "a" in the index.
  Write(files, "d/m", {{"b", Tensor::Of<float>({3}, {1, 2, 3})}, {"a", Tensor::Scalar(2.0f)}});
  EXPECT_THAT(files.Paths(), ElementsAre("d/m.data-00000-of-00001", "d/m.index"));
  EXPECT_EQ(files.Get("d/m.data-00000-of-00001"), kHandData);
  const auto entries = ReadSortedTable(files, "d/m.index");
  ASSERT_THAT(entries, IsOk());
  EXPECT_EQ(*entries, (std::vector<TableEntry>{{"", kHandHeader}, {"a", kHandA}, {"b", kHandB}}));
}

TEST(TensorBundle, ReadsBytesWorkedOutByHand) {
  MemoryFileSystem files;
  files.Set("m.data-00000-of-00001", kHandData);
  auto index = files.Create("m.index");
  ASSERT_THAT(WriteSortedTable({{"", kHandHeader}, {"a", kHandA}, {"b", kHandB}}, **index), IsOk());
  auto reader = BundleReader::Open(files, "m");
  ASSERT_THAT(reader, IsOk());
  EXPECT_THAT((*reader)->VerifyAll(), IsOk());
  EXPECT_THAT(Names(**reader), ElementsAre("a", "b"));
  EXPECT_EQ((*reader)->Find("b")->dtype, DType::kFloat);
  EXPECT_EQ((*reader)->Find("b")->shape, TensorShape({3}));
  EXPECT_TRUE(BitEqual(*(*reader)->Lookup("a"), Tensor::Scalar(2.0f)));
  EXPECT_TRUE(BitEqual(*(*reader)->Lookup("b"), Tensor::Of<float>({3}, {1, 2, 3})));
}

TEST(TensorBundle, StringBytesWorkedOutByHand) {
  MemoryFileSystem files;
  Write(files, "m", {{"s", Tensor::Of<std::string>({2}, {"a", "bc"})}});
  // Lengths 1 and 2, their checksum, the strings.
  EXPECT_EQ(absl::BytesToHexString(files.Get("m.data-00000-of-00001")), "0102bfdfdb7a616263");
  const auto entries = ReadSortedTable(files, "m.index");
  ASSERT_THAT(entries, IsOk());
  EXPECT_EQ(absl::BytesToHexString((*entries)[1].second),
            absl::BytesToHexString(Hex("08 07  12 04 12 02 08 02  28 09  35 e9e43685")));
}

std::vector<Named> AllKinds() {
  constexpr double kInf = std::numeric_limits<double>::infinity();
  const std::string long_string(300, 'x');  // its length takes two bytes
  std::vector<Named> all = {
      {"float", Tensor::Of<float>({2, 2}, {-0.0f, 1e-45f, static_cast<float>(kInf), NAN})},
      {"double", Tensor::Of<double>({1, 3}, {1e308, -kInf, 5e-324})},
      {"int8", Tensor::Of<int8_t>({2}, {-128, 127})},
      {"int16", Tensor::Of<int16_t>({2}, {-32768, 32767})},
      {"int32", Tensor::Scalar<int32_t>(-2147483648)},
      {"int64", Tensor::Of<int64_t>({2}, {INT64_MIN, INT64_MAX})},
      {"uint8", Tensor::Of<uint8_t>({2}, {0, 255})},
      {"uint16", Tensor::Of<uint16_t>({1}, {65535})},
      {"uint32", Tensor::Of<uint32_t>({1}, {UINT32_MAX})},
      {"uint64", Tensor::Of<uint64_t>({1}, {UINT64_MAX})},
      {"bool", Tensor::Of<bool>({3}, {true, false, true})},
      {"half", Tensor::Of<Half>({2}, {Half(0.5f), Half(-65504.0f)})},
      {"bfloat16", Tensor::Of<BFloat16>({2}, {BFloat16(1.0f), BFloat16(-3e38f)})},
      {"complex64", Tensor::Of<std::complex<float>>({1}, {{1.5f, -2.5f}})},
      {"complex128", Tensor::Of<std::complex<double>>({1}, {{1e300, -1e-300}})},
      {"string", Tensor::Of<std::string>({2, 2}, {"", std::string("a\0b", 3), long_string, "z"})},
      {"string_scalar", Tensor::Scalar<std::string>("model")},
      {"no_strings", Tensor::Zeros(DType::kString, {0, 3})},
      {"empty", Tensor::Zeros(DType::kFloat, {3, 0, 2})},
      {"scope/with.dots-and_dashes/w", Tensor::Scalar(1.0f)},
      {"_CHECKPOINTABLE_OBJECT_GRAPH", Tensor::Scalar<std::string>("\x0a\x00")},
  };
  for (const DType d :
       {DType::kQint8, DType::kQuint8, DType::kQint16, DType::kQuint16, DType::kQint32}) {
    all.push_back({DTypeName(d), Tensor::Zeros(d, {5})});
  }
  return all;
}

TEST(TensorBundle, EveryDTypeComesBack) {
  MemoryFileSystem files;
  Write(files, "m", AllKinds());
  EXPECT_THAT(ReadEverything(files, "m"), IsOk());
  auto reader = BundleReader::Open(files, "m");
  ASSERT_THAT(reader, IsOk());
  EXPECT_EQ((*reader)->Keys().size(), AllKinds().size());
  for (const Named& t : AllKinds()) {
    const auto got = (*reader)->Lookup(t.name);
    ASSERT_THAT(got, IsOk()) << t.name;
    EXPECT_TRUE(BitEqual(*got, t.tensor)) << t.name << " " << got->DebugString();
  }
}

TEST(TensorBundle, EqualSavesAreEqualBytes) {
  MemoryFileSystem files;
  Write(files, "one", AllKinds());
  Write(files, "two", AllKinds());
  EXPECT_EQ(files.Get("one.index"), files.Get("two.index"));
  EXPECT_EQ(files.Get("one.data-00000-of-00001"), files.Get("two.data-00000-of-00001"));
}

TEST(TensorBundle, OnDisk) {
  std::string directory = ::testing::TempDir() + "/bundle_XXXXXX";
  ASSERT_NE(mkdtemp(directory.data()), nullptr);
  FileSystem& files = FileSystem::Default();
  const std::string prefix = directory + "/new/directories/model-7";
  Write(files, prefix, AllKinds());
  Write(files, prefix, AllKinds());  // over the first
  EXPECT_THAT(ReadEverything(files, prefix), IsOk());
  EXPECT_THAT(*files.List(directory + "/new/directories"),
              ElementsAre("model-7.data-00000-of-00001", "model-7.index"));
}

TEST(TensorBundle, RefusedTensorsLeaveTheWriterUsable) {
  MemoryFileSystem files;
  auto writer = BundleWriter::Create(files, "m");
  ASSERT_THAT(writer, IsOk());
  const Tensor one = Tensor::Scalar(1.0f);
  EXPECT_THAT((*writer)->Add("w", one), IsOk());
  EXPECT_THAT((*writer)->Add("w", one),
              StatusIs(Code::kInvalidArgument, "Adding duplicate key: w"));
  EXPECT_THAT((*writer)->Add("", one), StatusIs(Code::kInvalidArgument, "needs a name"));
  EXPECT_THAT((*writer)->Add(std::string("\0x", 2), one),
              StatusIs(Code::kInvalidArgument, "needs a name"));
  EXPECT_THAT((*writer)->Add("r", Tensor::Scalar<ResourceRef>(nullptr)),
              StatusIs(Code::kUnimplemented, "'r': tensors of dtype resource"));
  EXPECT_THAT((*writer)->Add("none", Tensor()), StatusIs(Code::kUnimplemented, "'none'"));
  EXPECT_THAT((*writer)->Finish(), IsOk());
  EXPECT_THAT((*writer)->Add("x", one), StatusIs(Code::kFailedPrecondition, "is finished"));
  EXPECT_THAT((*writer)->Finish(), StatusIs(Code::kFailedPrecondition, "is finished"));
  EXPECT_THAT(ReadEverything(files, "m"), IsOk());
}

TEST(TensorBundle, PrefixMustNameAFile) {
  MemoryFileSystem files;
  EXPECT_THAT(BundleWriter::Create(files, "dir/"), StatusIs(Code::kInvalidArgument, "'dir/'"));
  EXPECT_THAT(BundleWriter::Create(files, ""), StatusIs(Code::kInvalidArgument, "prefix"));
}

TEST(TensorBundle, AnUnfinishedWriterLeavesNothing) {
  MemoryFileSystem files;
  {
    auto writer = BundleWriter::Create(files, "m");
    ASSERT_THAT((*writer)->Add("w", Tensor::Scalar(1.0f)), IsOk());
  }
  EXPECT_THAT(files.Paths(), ElementsAre());
}

TEST(TensorBundle, MissingThings) {
  MemoryFileSystem files;
  EXPECT_THAT(BundleReader::Open(files, "m"), StatusIs(Code::kNotFound, "m.index"));
  Write(files, "m", {{"w", Tensor::Scalar(1.0f)}});
  auto reader = BundleReader::Open(files, "m");
  ASSERT_THAT(reader, IsOk());
  EXPECT_TRUE((*reader)->Contains("w"));
  for (const std::string name : {"v", "", "w0"}) {
    EXPECT_FALSE((*reader)->Contains(name));
    EXPECT_THAT((*reader)->Lookup(name),
                StatusIs(Code::kNotFound, "Key " + name + " not found in checkpoint"));
    EXPECT_THAT((*reader)->LookupSlice(name, {}), StatusIs(Code::kNotFound, "Key " + name));
  }
  ASSERT_THAT(files.Delete("m.data-00000-of-00001"), IsOk());
  EXPECT_THAT(ReadEverything(files, "m"), StatusIs(Code::kNotFound, "m.data-00000-of-00001"));
}

TEST(TensorBundle, BudgetIsAsked) {
  MemoryFileSystem files;
  Write(files, "m", {{"w", Tensor::Zeros(DType::kFloat, {1000})}});
  auto reader = BundleReader::Open(files, "m");
  ASSERT_THAT(reader, IsOk());
  EXPECT_THAT((*reader)->Lookup("w", std::make_shared<MemoryBudget>(100)).status(),
              StatusIs(Code::kResourceExhausted, ""));
}

TEST(TensorBundle, ManyThreadsReadAtOnce) {
  MemoryFileSystem files;
  Write(files, "m", AllKinds());
  auto reader = BundleReader::Open(files, "m");
  ASSERT_THAT(reader, IsOk());
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (const Named& t : AllKinds()) {
        const auto got = (*reader)->Lookup(t.name);
        EXPECT_TRUE(got.ok() && BitEqual(*got, t.tensor)) << t.name;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
}

// --- Partitioned tensors -----------------------------------------------------

TEST(TensorBundle, SlicesBecomeTheWholeTensor) {
  MemoryFileSystem files;
  auto writer = BundleWriter::Create(files, "m");
  const TensorShape full = {3, 2};
  const TensorSlice top = {{{0, 1}, {}}}, bottom = {{{1, 2}, {}}};
  ASSERT_THAT((*writer)->AddSlice("w", full, bottom, Tensor::Of<float>({2, 2}, {3, 4, 5, 6})),
              IsOk());
  ASSERT_THAT((*writer)->AddSlice("w", full, top, Tensor::Of<float>({1, 2}, {1, 2})), IsOk());
  const TensorSlice left = {{{0, 1}}}, right = {{{1, 2}}};
  ASSERT_THAT((*writer)->AddSlice("s", {3}, left, Tensor::Of<std::string>({1}, {"a"})), IsOk());
  ASSERT_THAT((*writer)->AddSlice("s", {3}, right, Tensor::Of<std::string>({2}, {"b", "c"})),
              IsOk());
  ASSERT_THAT((*writer)->AddSlice("whole", {2}, {{{}}}, Tensor::Of<float>({2}, {7, 8})), IsOk());
  ASSERT_THAT((*writer)->Finish(), IsOk());

  EXPECT_THAT(ReadEverything(files, "m"), IsOk());
  auto reader = BundleReader::Open(files, "m");
  EXPECT_THAT(Names(**reader), ElementsAre("s", "w", "whole"));
  EXPECT_THAT((*reader)->Find("w")->slices, ElementsAre(bottom, top));
  EXPECT_TRUE((*reader)->Find("whole")->slices.empty());  // a full slice is a plain tensor
  EXPECT_TRUE(BitEqual(*(*reader)->Lookup("w"), Tensor::Of<float>(full, {1, 2, 3, 4, 5, 6})));
  EXPECT_TRUE(BitEqual(*(*reader)->Lookup("s"), Tensor::Of<std::string>({3}, {"a", "b", "c"})));
  // Exactly as saved; another cut of it; of a tensor saved whole.
  EXPECT_TRUE(
      BitEqual(*(*reader)->LookupSlice("w", bottom), Tensor::Of<float>({2, 2}, {3, 4, 5, 6})));
  EXPECT_TRUE(
      BitEqual(*(*reader)->LookupSlice("w", {{{}, {1, 1}}}), Tensor::Of<float>({3, 1}, {2, 4, 6})));
  EXPECT_TRUE(BitEqual(*(*reader)->LookupSlice("whole", {{{1, 1}}}), Tensor::Of<float>({1}, {8})));
  EXPECT_THAT((*reader)->LookupSlice("w", {{{0, 4}, {}}}),
              StatusIs(Code::kInvalidArgument, "leaves dimension 0"));
  // The key of a part is no name.
  EXPECT_THAT((*reader)->Lookup(SliceKey("w", top)), StatusIs(Code::kNotFound, "not found"));
}

TEST(TensorBundle, SliceBytesWorkedOutByHand) {
  MemoryFileSystem files;
  auto writer = BundleWriter::Create(files, "m");
  // Columns 0 and 1 of a matrix of 1 row.
  for (int64_t i = 0; i < 2; ++i) {
    ASSERT_THAT((*writer)->AddSlice("w", {1, 2}, {{{}, {i, 1}}}, Tensor::Of<float>({1, 1}, {2.0f})),
                IsOk());
  }
  ASSERT_THAT((*writer)->Finish(), IsOk());
  const auto entries = ReadSortedTable(files, "m.index");
  ASSERT_THAT(entries, IsOk());
  const std::string shape = "12 08 12 02 08 01 12 02 08 01";
  EXPECT_EQ(
      *entries,
      (std::vector<TableEntry>{
          {"", kHandHeader},
          {Hex("00 7700 01 0102 807f 8081"), Hex("08 01 " + shape + " 28 04 35 10fd784f")},
          {Hex("00 7700 01 0102 807f 8181"), Hex("08 01 " + shape + " 20 04 28 04 35 10fd784f")},
          // Extents: nothing set for all of a dimension; a start of 0 is not written, a length
          // always is.
          {"w", Hex("08 01 12 08 12 02 08 01 12 02 08 02"
                    "3a 06 0a 00 0a 02 10 01  3a 08 0a 00 0a 04 08 01 10 01")},
      }));
}

TEST(TensorBundle, RefusedSlices) {
  MemoryFileSystem files;
  auto writer = BundleWriter::Create(files, "m");
  const TensorSlice slice = {{{0, 1}}};
  const Tensor one = Tensor::Of<float>({1}, {1});
  BundleWriter& w = **writer;
  ASSERT_THAT(w.AddSlice("w", {2}, slice, one), IsOk());
  EXPECT_THAT(w.AddSlice("w", {2}, slice, one), StatusIs(Code::kInvalidArgument, "duplicate key"));
  EXPECT_THAT(w.Add("w", one), StatusIs(Code::kInvalidArgument, "Adding duplicate key: w"));
  EXPECT_THAT(w.AddSlice("w", {3}, {{{1, 1}}}, one),
              StatusIs(Code::kInvalidArgument, "disagree: float32[2] and float32[3]"));
  EXPECT_THAT(w.AddSlice("w", {2}, {{{1, 1}}}, Tensor::Of<int32_t>({1}, {1})),
              StatusIs(Code::kInvalidArgument, "disagree: float32[2] and int32[2]"));
  EXPECT_THAT(w.AddSlice("v", {2}, slice, Tensor::Zeros(DType::kFloat, {2})),
              StatusIs(Code::kInvalidArgument, "has shape [1], got [2]"));
  EXPECT_THAT(w.AddSlice("v", {2}, {{{1, 2}}}, one),
              StatusIs(Code::kInvalidArgument, "leaves dimension 0"));
  ASSERT_THAT(w.Add("plain", one), IsOk());
  EXPECT_THAT(w.AddSlice("plain", {2}, slice, one),
              StatusIs(Code::kInvalidArgument, "Adding duplicate key: plain"));
}

// --- Bundles of other writers ------------------------------------------------

uint32_t MaskedCrc(absl::string_view bytes) { return crc32c::Mask(crc32c::Value(bytes)); }

void WriteIndex(MemoryFileSystem& files, const BundleIndex& index) {
  auto file = files.Create("m.index");
  ASSERT_THAT(WriteBundleIndex(index, **file), IsOk());
}

TEST(TensorBundle, SeveralShards) {
  MemoryFileSystem files;
  const std::string first = Hex("0000803f"), second = Hex("ffffffff 00000040");
  files.Set("m.data-00000-of-00002", first);
  files.Set("m.data-00001-of-00002", second);
  WriteIndex(
      files,
      {.num_shards = 2,
       .records = {{.key = "a", .dtype = DType::kFloat, .size = 4, .masked_crc = MaskedCrc(first)},
                   {.key = "b",
                    .dtype = DType::kFloat,
                    .shard = 1,
                    .offset = 4,
                    .size = 4,
                    .masked_crc = MaskedCrc(second.substr(4))}}});
  EXPECT_THAT(ReadEverything(files, "m"), IsOk());
  auto reader = BundleReader::Open(files, "m");
  EXPECT_EQ((*reader)->num_shards(), 2);
  EXPECT_EQ((*reader)->Lookup("a")->scalar<float>(), 1.0f);
  EXPECT_EQ((*reader)->Lookup("b")->scalar<float>(), 2.0f);
  ASSERT_THAT(files.Delete("m.data-00001-of-00002"), IsOk());
  EXPECT_THAT(ReadEverything(files, "m"), StatusIs(Code::kNotFound, "m.data-00001-of-00002"));
}

TEST(TensorBundle, BigEndian) {
  MemoryFileSystem files;
  const std::string f = Hex("3f800000"), c = Hex("3f800000 40000000"), b = Hex("01");
  // As StringBytesWorkedOutByHand, but lengths and their checksum the other way round.
  const std::string s = Hex("0102 fe2594dd 616263");
  files.Set("m.data-00000-of-00001", f + c + b + s);
  WriteIndex(
      files,
      {.big_endian = true,
       .records = {
           {.key = "b", .dtype = DType::kBool, .offset = 12, .size = 1, .masked_crc = MaskedCrc(b)},
           {.key = "c",
            .dtype = DType::kComplex64,
            .offset = 4,
            .size = 8,
            .masked_crc = MaskedCrc(c)},
           {.key = "f", .dtype = DType::kFloat, .size = 4, .masked_crc = MaskedCrc(f)},
           {.key = "s",
            .dtype = DType::kString,
            .shape = {2},
            .offset = 13,
            .size = 9,
            .masked_crc = 0x73e33ff7}}});
  EXPECT_THAT(ReadEverything(files, "m"), IsOk());
  auto reader = BundleReader::Open(files, "m");
  EXPECT_EQ((*reader)->Lookup("f")->scalar<float>(), 1.0f);
  EXPECT_EQ((*reader)->Lookup("c")->scalar<std::complex<float>>(), (std::complex<float>{1, 2}));
  EXPECT_EQ((*reader)->Lookup("b")->scalar<bool>(), true);
  EXPECT_TRUE(BitEqual(*(*reader)->Lookup("s"), Tensor::Of<std::string>({2}, {"a", "bc"})));
}

TEST(TensorBundle, BoolsAreZeroOrOne) {
  MemoryFileSystem files;
  files.Set("m.data-00000-of-00001", Hex("00 01 07"));
  WriteIndex(files, {.records = {{.key = "b",
                                  .dtype = DType::kBool,
                                  .shape = {3},
                                  .size = 3,
                                  .masked_crc = MaskedCrc(Hex("00 01 07"))}}});
  auto reader = BundleReader::Open(files, "m");
  ASSERT_THAT(reader, IsOk());
  EXPECT_TRUE(BitEqual(*(*reader)->Lookup("b"), Tensor::Of<bool>({3}, {false, true, true})));
}

// What a newer TensorFlow might write (24 is a float8): the rest of the bundle can be read.
TEST(TensorBundle, DTypesThatWeDoNotHold) {
  MemoryFileSystem files;
  files.Set("m.data-00000-of-00001", Hex("aabb 0000803f"));
  WriteIndex(files,
             {.records = {{.key = "f",
                           .dtype = DType::kFloat,
                           .offset = 2,
                           .size = 4,
                           .masked_crc = MaskedCrc(Hex("0000803f"))},
                          {.key = "f8", .dtype = static_cast<DType>(24), .shape = {2}, .size = 2},
                          {.key = "v", .dtype = DType::kVariant}}});
  auto reader = BundleReader::Open(files, "m");
  ASSERT_THAT(reader, IsOk());
  EXPECT_THAT((*reader)->VerifyAll(), IsOk());
  EXPECT_THAT((*reader)->Lookup("f8"), StatusIs(Code::kUnimplemented, "'f8': dtype dtype(24)"));
  EXPECT_THAT((*reader)->Lookup("v"), StatusIs(Code::kUnimplemented, "'v': dtype variant"));
  EXPECT_EQ((*reader)->Lookup("f")->scalar<float>(), 1.0f);
}

}  // namespace
}  // namespace sluice
