#include "io/sorted_table.h"

#include <snappy.h>

#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_replace.h"
#include "gtest/gtest.h"
#include "io/coding.h"
#include "io/crc32c.h"
#include "leveldb/env.h"
#include "leveldb/iterator.h"
#include "leveldb/options.h"
#include "leveldb/table.h"
#include "leveldb/table_builder.h"
#include "tests/testing/core/fake_env.h"
#include "tests/testing/core/memory_files.h"
#include "tests/testing/core/status_matchers.h"

namespace sluice {
namespace {

using Code = absl::StatusCode;
using Map = std::map<std::string, std::string>;
using Entries = std::vector<TableEntry>;
using ::sluice::testing::FaultyFileSystem;
using ::sluice::testing::MemoryFileSystem;

std::string Hex(absl::string_view text) {
  return absl::HexStringToBytes(absl::StrReplaceAll(text, {{" ", ""}}));
}

absl::StatusOr<Entries> ReadBytes(std::string bytes) {
  MemoryFileSystem files;
  files.Set("t", std::move(bytes));
  return ReadSortedTable(files, "t");
}

std::string WriteBytes(const Map& entries) {
  MemoryFileSystem files;
  auto file = files.Create("t");
  EXPECT_THAT(WriteSortedTable(entries, **file), IsOk());
  return files.Get("t");
}

Entries ToEntries(const Map& map) { return Entries(map.begin(), map.end()); }

// --- LevelDB as the twin -----------------------------------------------------

class StringSource : public leveldb::RandomAccessFile {
 public:
  explicit StringSource(std::string bytes) : bytes_(std::move(bytes)) {}
  leveldb::Status Read(uint64_t offset, size_t n, leveldb::Slice* result,
                       char* /*scratch*/) const override {
    *result = leveldb::Slice(bytes_.data() + offset, n);
    return leveldb::Status::OK();
  }

 private:
  const std::string bytes_;
};

class StringSink : public leveldb::WritableFile {
 public:
  leveldb::Status Append(const leveldb::Slice& data) override {
    bytes.append(data.data(), data.size());
    return leveldb::Status::OK();
  }
  leveldb::Status Close() override { return leveldb::Status::OK(); }
  leveldb::Status Flush() override { return leveldb::Status::OK(); }
  leveldb::Status Sync() override { return leveldb::Status::OK(); }
  std::string bytes;
};

Entries ReadWithLevelDb(const std::string& bytes) {
  leveldb::Options options;
  options.paranoid_checks = true;
  StringSource source(bytes);
  leveldb::Table* opened = nullptr;
  EXPECT_TRUE(leveldb::Table::Open(options, &source, bytes.size(), &opened).ok());
  const std::unique_ptr<leveldb::Table> table(opened);
  leveldb::ReadOptions read;
  read.verify_checksums = true;
  const std::unique_ptr<leveldb::Iterator> it(table->NewIterator(read));
  Entries entries;
  for (it->SeekToFirst(); it->Valid(); it->Next()) {
    entries.emplace_back(it->key().ToString(), it->value().ToString());
  }
  EXPECT_TRUE(it->status().ok());
  return entries;
}

std::string WriteWithLevelDb(const Map& map, leveldb::CompressionType compression) {
  leveldb::Options options;
  options.compression = compression;
  options.block_size = 4096;
  StringSink sink;
  leveldb::TableBuilder builder(options, &sink);
  for (const auto& [key, value] : map) builder.Add(key, value);
  EXPECT_TRUE(builder.Finish().ok());
  return sink.bytes;
}

Map ManyEntries(int n) {
  Map map = {{"", "header"}};
  for (int i = 0; i < n; ++i) {
    map[absl::StrFormat("layer_%05d/kernel", i)] =
        std::string(i % 90, static_cast<char>('a' + i % 26));
  }
  map[std::string("\0\xff zero byte", 12)] = std::string("\0\0", 2);
  map["\xff\xfe"] = "last";
  return map;
}

TEST(SortedTable, LevelDbReadsOurs) {
  for (const int n : {0, 1, 15, 16, 17, 20000}) {  // 20,000 entries take several blocks
    const Map map = ManyEntries(n);
    const std::string bytes = WriteBytes(map);
    EXPECT_EQ(ReadWithLevelDb(bytes), ToEntries(map)) << n;
    const auto ours = ReadBytes(bytes);
    ASSERT_THAT(ours, IsOk());
    EXPECT_EQ(*ours, ToEntries(map)) << n;
  }
}

TEST(SortedTable, WeReadLevelDbs) {
  const Map map = ManyEntries(3000);
  for (const auto compression : {leveldb::kNoCompression, leveldb::kSnappyCompression}) {
    const std::string bytes = WriteWithLevelDb(map, compression);
    const auto entries = ReadBytes(bytes);
    ASSERT_THAT(entries, IsOk());
    EXPECT_EQ(*entries, ToEntries(map));
  }
  EXPECT_LT(WriteWithLevelDb(map, leveldb::kSnappyCompression).size(),
            WriteWithLevelDb(map, leveldb::kNoCompression).size() / 2);  // it did compress
}

TEST(SortedTable, NoEntries) {
  const auto entries = ReadBytes(WriteBytes({}));
  ASSERT_THAT(entries, IsOk());
  EXPECT_TRUE(entries->empty());
}

// Checksums computed from the definition, outside this project.
TEST(SortedTable, BytesWorkedOutByHand) {
  const std::string want =
      // Entries (shared, unshared, value length, key, value), one restart point at 0; not
      // compressed, checksum.
      Hex("00 00 06 08011a020801"
          "00 01 0b 61 0801 1200 2804 35 10fd784f"
          "00 01 11 62 0801 120412020803 2004 280c 35 735b8971"
          "00000000 01000000  00 1390efff") +
      // The empty metaindex block.
      Hex("00000000 01000000  00 c0f2a1b0") +
      // The index: a key no smaller than "b", as short as can be; the place of the data block.
      Hex("00 01 02 63 0035 00000000 01000000  00 7e2c7d04") +
      // The places of metaindex and index, padding, magic number.
      Hex("3a 08 47 0e") + std::string(36, '\0') + Hex("57fb808b 247547db");
  const Map map = {{"", Hex("08011a020801")},
                   {"a", Hex("0801 1200 2804 35 10fd784f")},
                   {"b", Hex("0801 120412020803 2004 280c 35 735b8971")}};
  EXPECT_EQ(absl::BytesToHexString(WriteBytes(map)), absl::BytesToHexString(want));
  const auto entries = ReadBytes(want);
  ASSERT_THAT(entries, IsOk());
  EXPECT_EQ(*entries, ToEntries(map));
}

TEST(SortedTable, CutAnywhereIsDataLoss) {
  const std::string bytes = WriteBytes(ManyEntries(20));
  for (size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_THAT(ReadBytes(bytes.substr(0, size)), StatusIs(Code::kDataLoss, "t: torn")) << size;
  }
}

TEST(SortedTable, AnyFlippedBitIsDataLoss) {
  const Map map = ManyEntries(20);
  for (const std::string& bytes :
       {WriteBytes(map), WriteWithLevelDb(map, leveldb::kSnappyCompression)}) {
    for (size_t bit = 0; bit < 8 * bytes.size(); ++bit) {
      std::string damaged = bytes;
      damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ (1 << (bit % 8)));
      EXPECT_THAT(ReadBytes(damaged), StatusIs(Code::kDataLoss, "t: ")) << bit;
    }
  }
}

// --- Files that lie, with right checksums ------------------------------------

std::string Entry(uint64_t shared, absl::string_view key, absl::string_view value) {
  std::string out;
  AppendVarint64(&out, shared);
  AppendVarint64(&out, key.size());
  AppendVarint64(&out, value.size());
  return absl::StrCat(out, key, value);
}

std::string Block(std::string entries, const std::vector<uint32_t>& restarts = {0}) {
  for (const uint32_t r : restarts) AppendFixed32(&entries, r);
  AppendFixed32(&entries, static_cast<uint32_t>(restarts.size()));
  return entries;
}

std::string WithTrailer(std::string block, char type = '\0') {
  block.push_back(type);
  const uint32_t crc = crc32c::Mask(crc32c::Value(block));
  AppendFixed32(&block, crc);
  return block;
}

std::string Handle(uint64_t offset, uint64_t size) {
  std::string out;
  AppendVarint64(&out, offset);
  AppendVarint64(&out, size);
  return out;
}

std::string Footer(const std::string& metaindex, const std::string& index) {
  std::string footer = metaindex + index;
  footer.resize(40);
  AppendFixed64(&footer, 0xdb4775248b80fb57u);
  return footer;
}

// A table of one data block, everything right but what the argument says.
struct Table {
  std::string data = Block(Entry(0, "a", "1") + Entry(0, "b", "2"));
  char type = '\0';
  std::string index_key = "b";
  std::string data_handle;  // the right one when empty
  std::string index;        // likewise
  std::string metaindex_handle;
  std::string index_handle;

  std::string Bytes() const {
    const std::string data_part = WithTrailer(data, type);
    const std::string meta = Block("");
    const std::string meta_part = WithTrailer(meta);
    const std::string handle = data_handle.empty() ? Handle(0, data.size()) : data_handle;
    const std::string index_block = index.empty() ? Block(Entry(0, index_key, handle)) : index;
    const uint64_t meta_at = data_part.size();
    const uint64_t index_at = meta_at + meta_part.size();
    return data_part + meta_part + WithTrailer(index_block) +
           Footer(metaindex_handle.empty() ? Handle(meta_at, meta.size()) : metaindex_handle,
                  index_handle.empty() ? Handle(index_at, index_block.size()) : index_handle);
  }
};

std::string BlockWithRestartCount(uint32_t count) {
  std::string block = Entry(0, "a", "1");
  AppendFixed32(&block, 0);
  AppendFixed32(&block, count);
  return block;
}

std::string RawEntry(uint64_t shared, uint64_t unshared, uint64_t value) {
  return Handle(shared, unshared) + Handle(value, 0).substr(0, Handle(value, 0).size() - 1) +
         "abcd";
}

std::string Snappy(absl::string_view text) {
  std::string out;
  snappy::Compress(text.data(), text.size(), &out);
  return out;
}

struct Lie {
  const char* name;
  Table table;
  const char* message;
};

std::vector<Lie> Lies() {
  const uint64_t wrap = UINT64_MAX - 7;
  const std::string good_block = Block(Entry(0, "a", "1"));
  return {
      {"handle wraps", {.data_handle = Handle(wrap, 64)}, "points outside the file"},
      {"size wraps", {.data_handle = Handle(8, wrap)}, "points outside the file"},
      {"both huge", {.data_handle = Handle(UINT64_MAX, UINT64_MAX)}, "points outside the file"},
      {"behind the end", {.data_handle = Handle(1000, 1)}, "points outside the file"},
      {"handle cut off", {.data_handle = "\x80"}, "malformed block handle"},
      {"handle and more", {.data_handle = Handle(0, 22) + "x"}, "malformed block handle"},
      {"metaindex wraps", {.metaindex_handle = Handle(wrap, 64)}, "points outside the file"},
      {"index wraps", {.index_handle = Handle(wrap, 64)}, "points outside the file"},
      {"index into a block", {.index_handle = Handle(1, 3)}, "wrong checksum"},
      {"footer varint", {.metaindex_handle = std::string(11, '\xff')}, "malformed footer"},
      {"restarts 0", {.data = BlockWithRestartCount(0)}, "claims 0 restart points"},
      {"restarts x 4 = 0", {.data = BlockWithRestartCount(0x40000000)}, "restart points"},
      {"restarts max", {.data = BlockWithRestartCount(0xffffffff)}, "restart points"},
      {"one restart too many", {.data = BlockWithRestartCount(4)}, "restart points"},
      {"index restarts", {.index = BlockWithRestartCount(0x40000000)}, "restart points"},
      {"empty block", {.data = std::string(3, '\0')}, "without restart points"},
      {"restart elsewhere", {.data = Block(Entry(0, "a", "1"), {1})}, "no restart point"},
      {"restart at no entry", {.data = Block(Entry(0, "a", "1"), {0, 2})}, "that is no entry"},
      {"restart shares",
       {.data = Block(Entry(0, "a", "1") + Entry(1, "b", "2"), {0, 5})},
       "inside a run of shared keys"},
      {"shares more than there is", {.data = Block(Entry(1, "a", "1"))}, "malformed entry"},
      {"key too long", {.data = Block(RawEntry(0, 5, 0))}, "malformed entry"},
      {"key huge", {.data = Block(RawEntry(0, 0xffffffff, 1))}, "malformed entry"},
      {"key beyond 32 bits", {.data = Block(RawEntry(0, uint64_t{1} << 32, 0))}, "malformed entry"},
      {"value too long", {.data = Block(RawEntry(0, 1, 4))}, "malformed entry"},
      {"value huge", {.data = Block(RawEntry(0, 1, 0xffffffff))}, "malformed entry"},
      {"entry cut off", {.data = Block("\x80")}, "malformed entry"},
      {"keys fall", {.data = Block(Entry(0, "b", "") + Entry(0, "a", ""))}, "'a' is out of order"},
      {"keys repeat", {.data = Block(Entry(0, "b", "") + Entry(0, "b", ""))}, "out of order"},
      {"empty key again", {.data = Block(Entry(0, "", "") + Entry(0, "", ""))}, "out of order"},
      {"key above the index's", {.index_key = "a"}, "'b' is out of order"},
      {"a block twice",
       {.index = Block(Entry(0, "b", Handle(0, 18)) + Entry(0, "c", Handle(0, 18)))},
       "'a' is out of order"},
      {"compression 2", {.type = '\2'}, "unknown compression 2"},
      {"Snappy garbage", {.data = "garbage", .type = '\1'}, "malformed Snappy"},
      {"Snappy, nothing", {.data = "", .type = '\1'}, "malformed Snappy"},
      {"Snappy claims 4 GiB",
       {.data = "\xff\xff\xff\xff\x0f"
                "abc",
        .type = '\1'},
       "malformed Snappy"},
      {"Snappy cut off",
       {.data = Snappy(good_block).substr(0, Snappy(good_block).size() - 1), .type = '\1'},
       "malformed Snappy"},
      {"Snappy around a lie",
       {.data = Snappy(BlockWithRestartCount(0x40000000)), .type = '\1'},
       "restart points"},
  };
}

TEST(SortedTable, TheAssemblerIsRight) {
  const Entries want = {{"a", "1"}, {"b", "2"}};
  const auto raw = ReadBytes(Table{}.Bytes());
  ASSERT_THAT(raw, IsOk());
  EXPECT_EQ(*raw, want);
  const auto compressed = ReadBytes(Table{.data = Snappy(Table{}.data), .type = '\1'}.Bytes());
  ASSERT_THAT(compressed, IsOk());
  EXPECT_EQ(*compressed, want);
  EXPECT_EQ(Table{}.data.size(), 18u);  // as used above
  EXPECT_EQ(ReadWithLevelDb(Table{}.Bytes()), want);
}

TEST(SortedTable, LiesWithRightChecksumsAreDataLoss) {
  for (const Lie& lie : Lies()) {
    EXPECT_THAT(ReadBytes(lie.table.Bytes()), StatusIs(Code::kDataLoss, lie.message)) << lie.name;
  }
}

// 2 MB of entries of 8 bytes that share a key of 100 KB would take 25 GB.
TEST(SortedTable, KeysThatExpandWithoutEnd) {
  std::string entries = Entry(0, std::string(100000, 'a'), "");
  for (uint32_t i = 0; i < 250000; ++i) {
    std::string suffix;
    for (int shift = 24; shift >= 0; shift -= 8) suffix.push_back(static_cast<char>(i >> shift));
    entries += Entry(100000, suffix, "");
  }
  Table table{.data = Block(entries), .index_key = "b"};
  EXPECT_THAT(ReadBytes(table.Bytes()), StatusIs(Code::kResourceExhausted, "t: "));
}

TEST(SortedTable, WriteErrorsComeThrough) {
  MemoryFileSystem memory;
  FaultyFileSystem files(memory);
  auto file = files.Create("t");
  files.FailFrom(1, absl::ResourceExhaustedError("disk full"));
  EXPECT_THAT(WriteSortedTable(ManyEntries(5), **file),
              StatusIs(Code::kResourceExhausted, "disk full"));
  EXPECT_THAT(ReadSortedTable(memory, "absent"), StatusIs(Code::kNotFound, "absent"));
}

// Changes bytes, mostly to values that lengths and counts like, and mends the checksums of the
// blocks.
class Mutator {
 public:
  explicit Mutator(uint32_t seed) : random_(seed) {}
  void Mutate(std::string& bytes) {
    static constexpr int kNice[] = {0, 1, 2, 4, 5, 16, 127, 128, 254, 255};
    for (uint32_t n = 1 + random_() % 3; n > 0 && !bytes.empty(); --n) {
      const size_t at = random_() % bytes.size();
      switch (random_() % 4) {
        case 0:
          bytes[at] = static_cast<char>(random_());
          break;
        case 1:
          bytes[at] = static_cast<char>(kNice[random_() % std::size(kNice)]);
          break;
        case 2:
          bytes.erase(at, 1 + random_() % 4);
          break;
        default:
          bytes.insert(at, 1 + random_() % 4,
                       static_cast<char>(kNice[random_() % std::size(kNice)]));
      }
    }
  }
  uint32_t Number(uint32_t below) { return random_() % below; }

 private:
  std::mt19937 random_;
};

TEST(SortedTable, RandomDamageNeverCrashes) {
  Mutator mutator(1);
  const std::string whole = WriteWithLevelDb(ManyEntries(200), leveldb::kSnappyCompression);
  int read = 0;
  for (int i = 0; i < 20000; ++i) {
    Table table;
    std::string bytes;
    switch (mutator.Number(4)) {
      case 0:
        mutator.Mutate(table.data);
        bytes = table.Bytes();
        break;
      case 1:
        table.index = Block(Entry(0, "b", Handle(0, table.data.size())));
        mutator.Mutate(table.index);
        bytes = table.Bytes();
        break;
      case 2:
        table.data = Snappy(table.data);
        table.type = '\1';
        mutator.Mutate(table.data);
        bytes = table.Bytes();
        break;
      default:
        bytes = whole;
        mutator.Mutate(bytes);
    }
    const auto entries = ReadBytes(bytes);
    if (entries.ok()) {
      ++read;
      for (size_t k = 1; k < entries->size(); ++k) {
        ASSERT_LT((*entries)[k - 1].first, (*entries)[k].first);
      }
    } else {
      ASSERT_THAT(entries, StatusIs(Code::kDataLoss, "t: "));
    }
  }
  EXPECT_GT(read, 100);  // changed values and keys are no lies
}

}  // namespace
}  // namespace sluice
