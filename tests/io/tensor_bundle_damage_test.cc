// Bundles that are torn, flipped or lying: an error, never a crash, never wrong numbers.
#include <functional>
#include <iterator>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "io/sorted_table.h"
#include "io/tensor_bundle.h"
#include "proto/bundle.pb.h"
#include "tests/testing/core/memory_files.h"
#include "tests/testing/core/status_matchers.h"

namespace sluice {
namespace {

using Code = absl::StatusCode;
using proto::BundleEntryProto;
using proto::BundleHeaderProto;
using ::sluice::testing::MemoryFileSystem;

const char kIndex[] = "m.index";
const char kData[] = "m.data-00000-of-00001";

Tensor W() { return Tensor::Of<float>({2, 3}, {1, 2, 3, 4, 5, 6}); }
Tensor S() { return Tensor::Of<std::string>({2}, {"one", "three"}); }
Tensor P() { return Tensor::Of<int32_t>({4}, {1, 2, 3, 4}); }
TensorSlice Part(int64_t start) { return {{{start, 2}}}; }

// w: 24 bytes at 0; s: 14 bytes at 24; p in two parts: 8 bytes at 38, 8 bytes at 46.
MemoryFileSystem GoodBundle() {
  MemoryFileSystem files;
  auto writer = BundleWriter::Create(files, "m");
  EXPECT_THAT((*writer)->Add("w", W()), IsOk());
  EXPECT_THAT((*writer)->Add("s", S()), IsOk());
  EXPECT_THAT((*writer)->AddSlice("p", {4}, Part(0), Tensor::Of<int32_t>({2}, {1, 2})), IsOk());
  EXPECT_THAT((*writer)->AddSlice("p", {4}, Part(2), Tensor::Of<int32_t>({2}, {3, 4})), IsOk());
  EXPECT_THAT((*writer)->Finish(), IsOk());
  return files;
}

// OK when everything can be read and is as written. VerifyAll() must say the same as the look-ups.
absl::Status ReadEverything(FileSystem& files) {
  auto reader = BundleReader::Open(files, "m");
  if (!reader.ok()) return reader.status();
  const std::map<std::string, Tensor> want = {{"w", W()}, {"s", S()}, {"p", P()}};
  absl::Status looked_up;
  for (const BundleTensor& key : (*reader)->Keys()) {
    const auto got = (*reader)->Lookup(key.name);
    looked_up.Update(got.status());
    if (got.ok() && want.contains(key.name)) {
      EXPECT_TRUE(BitEqual(*got, want.at(key.name))) << got->DebugString();
    }
  }
  const absl::Status verified = (*reader)->VerifyAll();
  EXPECT_EQ(verified.code(), looked_up.code()) << verified << " but " << looked_up;
  return verified;
}

TEST(TensorBundleDamage, GoodIsGood) {
  MemoryFileSystem files = GoodBundle();
  EXPECT_THAT(ReadEverything(files), IsOk());
  EXPECT_EQ(files.Get(kData).size(), 54u);
}

TEST(TensorBundleDamage, CutAnywhere) {
  const MemoryFileSystem good = GoodBundle();
  for (const char* name : {kIndex, kData}) {
    for (size_t size = 0; size < good.Get(name).size(); ++size) {
      MemoryFileSystem files = GoodBundle();
      files.Set(name, good.Get(name).substr(0, size));
      EXPECT_THAT(ReadEverything(files), StatusIs(Code::kDataLoss, "m")) << name << " " << size;
    }
  }
}

TEST(TensorBundleDamage, AnyFlippedBit) {
  const MemoryFileSystem good = GoodBundle();
  for (const char* name : {kIndex, kData}) {
    for (size_t bit = 0; bit < 8 * good.Get(name).size(); ++bit) {
      MemoryFileSystem files = GoodBundle();
      std::string bytes = good.Get(name);
      bytes[bit / 8] = static_cast<char>(bytes[bit / 8] ^ (1 << (bit % 8)));
      files.Set(name, bytes);
      EXPECT_THAT(ReadEverything(files), StatusIs(Code::kDataLoss, "m")) << name << " " << bit;
    }
  }
}

TEST(TensorBundleDamage, OtherBytesBehindTheTensorsDoNotMatter) {
  MemoryFileSystem files = GoodBundle();
  files.Set(kData, files.Get(kData) + "more");
  EXPECT_THAT(ReadEverything(files), IsOk());
}

// Lets `edit` change the index as a table; the checksums of the result are right.
using Table = std::map<std::string, std::string>;
void EditTable(MemoryFileSystem& files, const std::function<void(Table&)>& edit) {
  const auto entries = ReadSortedTable(files, kIndex);
  ASSERT_THAT(entries, IsOk());
  Table table(entries->begin(), entries->end());
  edit(table);
  auto file = files.Create(kIndex);
  ASSERT_THAT(WriteSortedTable(table, **file), IsOk());
}

template <typename Proto>
void EditEntry(Table& table, const std::string& key, const std::function<void(Proto&)>& edit) {
  Proto message;
  ASSERT_TRUE(message.ParseFromString(table.at(key)));
  edit(message);
  table[key] = message.SerializeAsString();
}

void SetDims(BundleEntryProto& e, const std::vector<int64_t>& dims) {
  e.mutable_shape()->Clear();
  for (const int64_t d : dims) e.mutable_shape()->add_dim()->set_size(d);
}

struct EntryLie {
  const char* name;
  const char* key;
  std::function<void(BundleEntryProto&)> edit;
  const char* message;
};

const EntryLie kEntryLies[] = {
    {"negative offset", "w", [](auto& e) { e.set_offset(-12); }, "has offset -12"},
    {"offset overflows", "w", [](auto& e) { e.set_offset(INT64_MAX); }, "takes 24 bytes at"},
    {"offset behind the end", "w", [](auto& e) { e.set_offset(54); }, "takes 24 bytes at 54"},
    {"size 2^62", "w", [](auto& e) { e.set_size(int64_t{1} << 62); }, "takes 24 bytes, has"},
    {"size negative", "w", [](auto& e) { e.set_size(-1); }, "size -1"},
    {"size too small", "w", [](auto& e) { e.set_size(20); }, "takes 24 bytes, has 20"},
    {"dims too large", "w",
     [](auto& e) {
       SetDims(e, {3, 3});
     },
     "takes 36 bytes, has 24"},
    // Both products are 6 modulo 2^64.
    {"dims that wrap", "w",
     [](auto& e) {
       SetDims(e, {int64_t{1} << 32, int64_t{1} << 32, 6});
     },
     "w"},
    {"dims that wrap to 6", "w",
     [](auto& e) {
       SetDims(e, {4194305, 4194305, 211106198978564});
     },
     "w"},
    {"negative dims", "w",
     [](auto& e) {
       SetDims(e, {-2, -3});
     },
     "dimension -2"},
    {"unknown dim", "w",
     [](auto& e) {
       SetDims(e, {-1, 3});
     },
     "dimension -1"},
    {"unknown rank", "w", [](auto& e) { e.mutable_shape()->set_unknown_rank(true); },
     "unknown rank"},
    {"rank 300", "w", [](auto& e) { SetDims(e, std::vector<int64_t>(300, 1)); }, "300 dimensions"},
    {"shard 5 of 1", "w", [](auto& e) { e.set_shard_id(5); }, "is in shard 5 of 1"},
    {"shard -1", "w", [](auto& e) { e.set_shard_id(-1); }, "is in shard -1 of 1"},
    {"no dtype", "w", [](auto& e) { e.set_dtype(proto::DT_INVALID); }, "no dtype"},
    {"other dtype", "w", [](auto& e) { e.set_dtype(proto::DT_DOUBLE); }, "takes 48 bytes"},
    {"checksum", "w", [](auto& e) { e.set_crc32c(1); }, "tensor 'w': wrong checksum"},
    {"no checksum", "w", [](auto& e) { e.clear_crc32c(); }, "tensor 'w': wrong checksum"},
    {"numbers as strings", "w", [](auto& e) { e.set_dtype(proto::DT_STRING); }, "tensor 'w'"},
    {"bytes of another", "s", [](auto& e) { e.set_offset(20); }, "shares bytes with 'w'"},
    {"2^40 strings", "s", [](auto& e) { SetDims(e, {int64_t{1} << 40}); },
     "at least 1099511627780"},
    {"fewer strings", "s", [](auto& e) { SetDims(e, {1}); }, "tensor 's'"},
    {"more strings", "s", [](auto& e) { SetDims(e, {10}); }, "tensor 's'"},
    {"strings cut", "s", [](auto& e) { e.set_size(13); }, "tensor 's'"},
    {"checksum of strings", "s", [](auto& e) { e.set_crc32c(1); }, "tensor 's': wrong checksum"},
    {"slice missing", "p", [](auto& e) { e.mutable_slices(0)->mutable_extent(0)->set_length(1); },
     "slice 0,1 is missing"},
    {"slice leaves", "p", [](auto& e) { e.mutable_slices(1)->mutable_extent(0)->set_start(3); },
     "leaves dimension 0"},
    {"slice start negative", "p",
     [](auto& e) { e.mutable_slices(1)->mutable_extent(0)->set_start(-2); }, "leaves dimension 0"},
    {"slice length negative", "p",
     [](auto& e) { e.mutable_slices(1)->mutable_extent(0)->set_length(-5); }, "tensor 'p'"},
    {"slice of other rank", "p", [](auto& e) { e.mutable_slices(0)->add_extent(); },
     "has 2 dimensions"},
    {"slice twice", "p", [](auto& e) { *e.mutable_slices(1) = e.slices(0); },
     "do not cover [4] exactly once"},
    {"slice left out", "p", [](auto& e) { e.mutable_slices()->RemoveLast(); },
     "do not cover [4] exactly once"},
    {"slices of a larger tensor", "p", [](auto& e) { SetDims(e, {5}); },
     "do not cover [5] exactly once"},
    {"slices of another dtype", "p", [](auto& e) { e.set_dtype(proto::DT_FLOAT); },
     "slice 0,2 is int32[2], expected float32[2]"},
    {"slices forgotten", "p", [](auto& e) { e.clear_slices(); }, "takes 16 bytes, has 0"},
};

TEST(TensorBundleDamage, LyingEntries) {
  for (const EntryLie& lie : kEntryLies) {
    MemoryFileSystem files = GoodBundle();
    EditTable(files, [&](Table& t) { EditEntry<BundleEntryProto>(t, lie.key, lie.edit); });
    EXPECT_THAT(ReadEverything(files), StatusIs(Code::kDataLoss, lie.message)) << lie.name;
  }
}

// Slices 0..1 and 1..2 of 4 elements: as many elements as there should be, but not the right ones.
TEST(TensorBundleDamage, SlicesThatOverlap) {
  MemoryFileSystem files = GoodBundle();
  EditTable(files, [](Table& t) {
    t[SliceKey("p", Part(1))] = t.at(SliceKey("p", Part(2)));
    t.erase(SliceKey("p", Part(2)));
    EditEntry<BundleEntryProto>(
        t, "p", [](BundleEntryProto& e) { e.mutable_slices(1)->mutable_extent(0)->set_start(1); });
  });
  EXPECT_THAT(ReadEverything(files), StatusIs(Code::kDataLoss, "overlap"));
}

struct HeaderLie {
  std::function<void(BundleHeaderProto&)> edit;
  Code code;
  const char* message;
};

const HeaderLie kHeaderLies[] = {
    {[](auto& h) { h.set_num_shards(0); }, Code::kDataLoss, "claims 0 shards"},
    {[](auto& h) { h.set_num_shards(-1); }, Code::kDataLoss, "claims -1 shards"},
    {[](auto& h) { h.set_num_shards(INT32_MAX); }, Code::kDataLoss, "claims 2147483647 shards"},
    {[](auto& h) { h.set_num_shards(2); }, Code::kNotFound, "m.data-00000-of-00002"},
    {[](auto& h) { h.set_endianness(static_cast<BundleHeaderProto::Endianness>(2)); },
     Code::kDataLoss, "byte order 2"},
    {[](auto& h) { h.mutable_version()->set_min_consumer(2); }, Code::kFailedPrecondition,
     "at least 2"},
    {[](auto& h) { h.mutable_version()->set_min_consumer(1 << 30); }, Code::kFailedPrecondition,
     "version 1"},
    {[](auto& h) { h.mutable_version()->add_bad_consumers(1); }, Code::kFailedPrecondition,
     "version 1"},
    {[](auto& h) { h.mutable_version()->set_producer(-1); }, Code::kFailedPrecondition,
     "version -1"},
};

TEST(TensorBundleDamage, LyingHeaders) {
  for (const HeaderLie& lie : kHeaderLies) {
    MemoryFileSystem files = GoodBundle();
    EditTable(files, [&](Table& t) { EditEntry<BundleHeaderProto>(t, "", lie.edit); });
    EXPECT_THAT(ReadEverything(files), StatusIs(lie.code, lie.message));
  }
}

TEST(TensorBundleDamage, NewerProducersAreFine) {
  MemoryFileSystem files = GoodBundle();
  EditTable(files, [](Table& t) {
    EditEntry<BundleHeaderProto>(t, "", [](BundleHeaderProto& h) {
      h.mutable_version()->set_producer(1000);
      h.mutable_version()->set_min_consumer(1);
      h.mutable_version()->add_bad_consumers(0);
    });
  });
  EXPECT_THAT(ReadEverything(files), IsOk());
}

TEST(TensorBundleDamage, NoBundleAtAll) {
  struct Case {
    std::function<void(Table&)> edit;
    const char* message;
  };
  const Case cases[] = {
      {[](Table& t) { t.clear(); }, "has no header"},
      {[](Table& t) { t.erase(""); }, "has no header"},
      {[](Table& t) { t[""] = "\xff\xff"; }, "has no header"},
      {[](Table& t) { t["w"] = "\xff\xff"; }, "tensor 'w': malformed index entry"},
      {[](Table& t) { t["w"] = std::string("\0\0", 2); }, "tensor 'w': malformed index entry"},
      {[](Table& t) { t["w"] = ""; }, "tensor 'w': no dtype"},
      {[](Table& t) { t["\x1b[31m\n"] = ""; }, "tensor '\\x1b[31m\\n': no dtype"},
  };
  for (const Case& c : cases) {
    MemoryFileSystem files = GoodBundle();
    EditTable(files, c.edit);
    EXPECT_THAT(ReadEverything(files), StatusIs(Code::kDataLoss, c.message));
  }
}

// Random bytes in entries whose checksums are right.
TEST(TensorBundleDamage, RandomLiesNeverCrash) {
  std::mt19937 random(3);
  const int nice[] = {0, 1, 2, 5, 8, 0x28, 127, 128, 254, 255};
  MemoryFileSystem good = GoodBundle();
  const auto entries = ReadSortedTable(good, kIndex);
  ASSERT_THAT(entries, IsOk());
  int refused = 0;
  for (int i = 0; i < 20000; ++i) {
    MemoryFileSystem files = good;
    EditTable(files, [&](Table& t) {
      std::string& value = std::next(t.begin(), random() % t.size())->second;
      for (uint32_t n = 1 + random() % 3; n > 0; --n) {
        const size_t at = random() % value.size();
        const char c =
            static_cast<char>(random() % 2 ? nice[random() % std::size(nice)] : random());
        if (random() % 4 == 0) {
          value.insert(at, 1, c);
        } else {
          value[at] = c;
        }
      }
    });
    auto reader = BundleReader::Open(files, "m");
    absl::Status status = reader.status();
    if (reader.ok()) {
      status = (*reader)->VerifyAll();
      for (const BundleTensor& key : (*reader)->Keys()) {
        status.Update((*reader)->Lookup(key.name).status());
      }
    }
    refused += !status.ok();
  }
  EXPECT_GT(refused, 15000);
}

}  // namespace
}  // namespace sluice
