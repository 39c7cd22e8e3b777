#include "io/record_file.h"

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_replace.h"
#include "gtest/gtest.h"
#include "io/coding.h"
#include "io/crc32c.h"
#include "tests/testing/core/fake_env.h"
#include "tests/testing/core/memory_files.h"
#include "tests/testing/core/status_matchers.h"

namespace sluice {
namespace {

using Code = absl::StatusCode;
using ::sluice::testing::FaultyFileSystem;
using ::sluice::testing::MemoryFileSystem;

std::string Hex(absl::string_view text) {
  return absl::HexStringToBytes(absl::StrReplaceAll(text, {{" ", ""}}));
}

// Checksums computed from the definition, bit by bit, outside this project.
const std::string kAbc = Hex("03 00 00 00 00 00 00 00 b0 99 49 0e 61 62 63 6e 57 f1 21");
const std::string kEmpty = Hex("00 00 00 00 00 00 00 00 29 03 98 07 d8 ea 82 a2");

struct Outcome {
  std::vector<std::string> records;
  absl::Status end;  // OK at a clean end
};

Outcome ReadEverything(const std::string& bytes) {
  MemoryFileSystem files;
  files.Set("f", bytes);
  Outcome outcome;
  auto reader = RecordReader::Open(files, "f");
  EXPECT_THAT(reader, IsOk());
  while (true) {
    std::string record;
    const absl::StatusOr<bool> more = reader->Next(&record);
    if (!more.ok()) {
      EXPECT_EQ(reader->Next(&record).status(), more.status());  // asking again changes nothing
      outcome.end = more.status();
      return outcome;
    }
    if (!*more) return outcome;
    outcome.records.push_back(record);
  }
}

TEST(RecordFile, BytesWorkedOutByHand) {
  MemoryFileSystem files;
  RecordWriter writer(*files.Create("f"));
  EXPECT_THAT(writer.Append("abc"), IsOk());
  EXPECT_THAT(writer.Append(""), IsOk());
  EXPECT_THAT(writer.Close(), IsOk());
  EXPECT_EQ(files.Get("f"), kAbc + kEmpty);

  const Outcome outcome = ReadEverything(kAbc + kEmpty);
  EXPECT_THAT(outcome.end, IsOk());
  EXPECT_EQ(outcome.records, (std::vector<std::string>{"abc", ""}));
  EXPECT_TRUE(ReadEverything("").records.empty());
}

TEST(RecordFile, CutAnywhereGivesTheRecordsBefore) {
  const std::string bytes = kAbc + kEmpty + kAbc;
  const size_t ends[] = {0, kAbc.size(), kAbc.size() + kEmpty.size(), bytes.size()};
  for (size_t size = 0; size <= bytes.size(); ++size) {
    const Outcome outcome = ReadEverything(bytes.substr(0, size));
    size_t whole = 0;
    while (whole < 3 && ends[whole + 1] <= size) ++whole;
    EXPECT_EQ(outcome.records.size(), whole) << size;
    if (size == ends[whole]) {
      EXPECT_THAT(outcome.end, IsOk()) << size;
    } else {
      EXPECT_THAT(outcome.end,
                  StatusIs(Code::kDataLoss, absl::StrCat("f: record at offset ", ends[whole])));
    }
  }
}

TEST(RecordFile, AnyFlippedBitIsFound) {
  const std::string bytes = kAbc + kEmpty + kAbc;
  for (size_t bit = 0; bit < 8 * bytes.size(); ++bit) {
    std::string damaged = bytes;
    damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ (1 << (bit % 8)));
    const Outcome outcome = ReadEverything(damaged);
    const size_t byte = bit / 8;
    const size_t before = byte < kAbc.size() ? 0 : byte < kAbc.size() + kEmpty.size() ? 1 : 2;
    EXPECT_EQ(outcome.records.size(), before) << bit;
    EXPECT_THAT(outcome.end, StatusIs(Code::kDataLoss, "f: record at offset")) << bit;
  }
}

TEST(RecordFile, LyingLengthsWithRightChecksums) {
  for (const uint64_t length : {uint64_t{4}, uint64_t{1} << 31, uint64_t{1} << 40,
                                uint64_t{1} << 63, UINT64_MAX - 15, UINT64_MAX}) {
    std::string bytes;
    AppendFixed64(&bytes, length);
    AppendFixed32(&bytes, crc32c::Mask(crc32c::Value(bytes)));
    bytes += "abc" + Hex("6e 57 f1 21");
    EXPECT_THAT(ReadEverything(bytes).end, StatusIs(Code::kDataLoss, "only 3 are left")) << length;
  }
}

TEST(RecordFile, TheFirstErrorStays) {
  MemoryFileSystem memory;
  FaultyFileSystem files(memory);
  RecordWriter writer(*files.Create("f"));
  EXPECT_THAT(writer.Append("abc"), IsOk());
  files.FailCall(1, absl::ResourceExhaustedError("disk full"));
  EXPECT_THAT(writer.Append("more"), StatusIs(Code::kResourceExhausted, "disk full"));
  EXPECT_THAT(writer.Append("abc"), StatusIs(Code::kResourceExhausted, "disk full"));
  EXPECT_THAT(writer.Flush(), StatusIs(Code::kResourceExhausted, "disk full"));
  EXPECT_THAT(writer.Close(), StatusIs(Code::kResourceExhausted, "disk full"));
  // Nothing was written behind the torn record.
  EXPECT_EQ(ReadEverything(memory.Get("f")).records, std::vector<std::string>{"abc"});
}

TEST(RecordFile, AfterClose) {
  MemoryFileSystem files;
  RecordWriter writer(*files.Create("f"));
  EXPECT_THAT(writer.Close(), IsOk());
  EXPECT_THAT(writer.Close(), IsOk());
  EXPECT_THAT(writer.Append("a"), StatusIs(Code::kFailedPrecondition, "closed"));
  EXPECT_THAT(writer.Sync(), StatusIs(Code::kFailedPrecondition, "closed"));
}

TEST(RecordFile, MissingFile) {
  EXPECT_THAT(RecordReader::Open(FileSystem::Default(), "/nonexistent/f").status(),
              StatusIs(Code::kNotFound, "/nonexistent/f"));
}

}  // namespace
}  // namespace sluice
