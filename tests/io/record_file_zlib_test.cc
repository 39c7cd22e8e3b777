#include "io/record_file_zlib.h"

#include <zlib.h>

#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "io/coding.h"
#include "io/crc32c.h"
#include "io/record_file.h"
#include "tests/testing/core/fake_env.h"
#include "tests/testing/core/memory_files.h"
#include "tests/testing/core/status_matchers.h"

namespace sluice {
namespace {

using Code = absl::StatusCode;
using ::sluice::testing::FaultyFileSystem;
using ::sluice::testing::MemoryFileSystem;

constexpr RecordCompression kBoth[] = {RecordCompression::kZlib, RecordCompression::kGzip};

// What zlib itself makes of `bytes`: independent of the code under test.
std::string Compressed(const std::string& bytes, RecordCompression compression) {
  z_stream stream = {};
  EXPECT_EQ(deflateInit2(&stream, 9, Z_DEFLATED, compression == RecordCompression::kGzip ? 31 : 15,
                         8, Z_DEFAULT_STRATEGY),
            Z_OK);
  std::string out(deflateBound(&stream, bytes.size()) + 64, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  EXPECT_EQ(deflate(&stream, Z_FINISH), Z_STREAM_END);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}
std::string Inflated(const std::string& bytes, RecordCompression compression) {
  z_stream stream = {};
  EXPECT_EQ(inflateInit2(&stream, compression == RecordCompression::kGzip ? 31 : 15), Z_OK);
  std::string out(1 << 20, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  EXPECT_EQ(inflate(&stream, Z_FINISH), Z_STREAM_END);
  EXPECT_EQ(stream.avail_in, 0u);
  out.resize(stream.total_out);
  inflateEnd(&stream);
  return out;
}

std::string Framed(const std::string& record) {
  std::string bytes;
  AppendFixed64(&bytes, record.size());
  AppendFixed32(&bytes, crc32c::Mask(crc32c::Value(bytes)));
  bytes += record;
  AppendFixed32(&bytes, crc32c::Mask(crc32c::Value(record)));
  return bytes;
}

struct Outcome {
  std::vector<std::string> records;
  absl::Status end;  // OK at a clean end
};
Outcome ReadEverything(const std::string& bytes, RecordCompression compression) {
  MemoryFileSystem files;
  files.Set("f", bytes);
  Outcome outcome;
  auto reader = RecordReader::Open(files, "f", compression);
  EXPECT_THAT(reader, IsOk());
  while (true) {
    std::string record;
    const absl::StatusOr<bool> more = reader->Next(&record);
    if (!more.ok()) {
      EXPECT_EQ(reader->Next(&record).status(), more.status());
      outcome.end = more.status();
      return outcome;
    }
    if (!*more) return outcome;
    outcome.records.push_back(record);
  }
}

const std::vector<std::string> kRecords = {"abc", "", std::string(100'000, 'x'), "the last"};

std::string AllFramed() {
  std::string bytes;
  for (const std::string& record : kRecords) bytes += Framed(record);
  return bytes;
}

TEST(RecordFileZlib, WritesWhatZlibReads) {
  for (const RecordCompression compression : kBoth) {
    MemoryFileSystem files;
    RecordWriter writer(*files.Create("f"), compression);
    for (const std::string& record : kRecords) EXPECT_THAT(writer.Append(record), IsOk());
    EXPECT_THAT(writer.Close(), IsOk());
    EXPECT_LT(files.Get("f").size(), 1000u);
    EXPECT_EQ(Inflated(files.Get("f"), compression), AllFramed());
  }
}

TEST(RecordFileZlib, ReadsWhatZlibWrites) {
  for (const RecordCompression compression : kBoth) {
    const Outcome outcome = ReadEverything(Compressed(AllFramed(), compression), compression);
    EXPECT_THAT(outcome.end, IsOk());
    EXPECT_EQ(outcome.records, kRecords);
    EXPECT_TRUE(ReadEverything("", compression).records.empty());
  }
}

// RFC 1952, 2.2: a file is a series of members.
TEST(RecordFileZlib, SeveralStreamsAreOne) {
  const std::string a = Compressed(Framed("one"), RecordCompression::kGzip);
  const std::string b = Compressed(Framed("two"), RecordCompression::kGzip);
  const Outcome outcome = ReadEverything(a + b, RecordCompression::kGzip);
  EXPECT_THAT(outcome.end, IsOk());
  EXPECT_EQ(outcome.records, (std::vector<std::string>{"one", "two"}));
}

TEST(RecordFileZlib, FlushedRecordsCanBeRead) {
  for (const RecordCompression compression : kBoth) {
    MemoryFileSystem files;
    RecordWriter writer(*files.Create("f"), compression);
    EXPECT_THAT(writer.Append("abc"), IsOk());
    EXPECT_THAT(writer.Flush(), IsOk());
    const Outcome outcome = ReadEverything(files.Get("f"), compression);
    EXPECT_EQ(outcome.records, std::vector<std::string>{"abc"});
    EXPECT_THAT(outcome.end, StatusIs(Code::kDataLoss, "f: record at offset 19: torn"));
  }
}

TEST(RecordFileZlib, CutAnywhere) {
  for (const RecordCompression compression : kBoth) {
    const std::string whole = Compressed(AllFramed(), compression);
    for (size_t size = 1; size < whole.size(); ++size) {
      const Outcome outcome = ReadEverything(whole.substr(0, size), compression);
      ASSERT_THAT(outcome.end, StatusIs(Code::kDataLoss, "f: record at offset ")) << size;
      ASSERT_LE(outcome.records.size(), kRecords.size());
      for (size_t i = 0; i < outcome.records.size(); ++i)
        ASSERT_EQ(outcome.records[i], kRecords[i]);
    }
  }
}

// Whatever a flipped bit does, no record is wrong. (Some bits of gzip's header mean nothing.)
TEST(RecordFileZlib, NoFlippedBitGivesAWrongRecord) {
  for (const RecordCompression compression : kBoth) {
    const std::string whole = Compressed(AllFramed(), compression);
    for (size_t bit = 0; bit < 8 * whole.size(); ++bit) {
      std::string damaged = whole;
      damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ (1 << (bit % 8)));
      const Outcome outcome = ReadEverything(damaged, compression);
      for (size_t i = 0; i < outcome.records.size(); ++i)
        ASSERT_EQ(outcome.records[i], kRecords[i]) << bit;
      if (bit / 8 >= 10) {
        ASSERT_THAT(outcome.end, StatusIs(Code::kDataLoss, "f: record at")) << bit;
      }
    }
  }
}

TEST(RecordFileZlib, AnotherFormat) {
  for (const RecordCompression compression : kBoth) {
    EXPECT_THAT(ReadEverything(AllFramed(), compression).end,
                StatusIs(Code::kDataLoss, "f: record at offset 0: damaged compressed stream"));
  }
  EXPECT_THAT(
      ReadEverything(Compressed(AllFramed(), RecordCompression::kZlib), RecordCompression::kNone)
          .end,
      StatusIs(Code::kDataLoss, "f: record at offset 0"));
}

// A megabyte of zeros is a kilobyte compressed: a lying length costs what is there, not what it
// says.
TEST(RecordFileZlib, LyingLengths) {
  for (const uint64_t length : {uint64_t{4}, uint64_t{1} << 30, uint64_t{1} << 40, UINT64_MAX}) {
    std::string bytes;
    AppendFixed64(&bytes, length);
    AppendFixed32(&bytes, crc32c::Mask(crc32c::Value(bytes)));
    const Outcome outcome = ReadEverything(Compressed(bytes + "abc", RecordCompression::kZlib),
                                           RecordCompression::kZlib);
    const Code code = length > uint64_t{1} << 31 ? Code::kResourceExhausted : Code::kDataLoss;
    EXPECT_THAT(outcome.end, StatusIs(code, "f: record at offset 0")) << length;
  }
}

TEST(RecordFileZlib, TheFirstErrorStays) {
  MemoryFileSystem memory;
  FaultyFileSystem files(memory);
  RecordWriter writer(*files.Create("f"), RecordCompression::kZlib);
  EXPECT_THAT(writer.Append("abc"), IsOk());
  files.FailCall(1, absl::ResourceExhaustedError("disk full"));
  EXPECT_THAT(writer.Flush(), StatusIs(Code::kResourceExhausted, "disk full"));
  EXPECT_THAT(writer.Append("abc"), StatusIs(Code::kResourceExhausted, "disk full"));
  EXPECT_THAT(writer.Close(), StatusIs(Code::kResourceExhausted, "disk full"));
}

}  // namespace
}  // namespace sluice
