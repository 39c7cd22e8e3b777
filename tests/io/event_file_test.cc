#include "io/event_file.h"

#include <algorithm>
#include <cmath>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_replace.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "proto/event.pb.h"
#include "tests/testing/core/fake_env.h"
#include "tests/testing/core/memory_files.h"
#include "tests/testing/core/status_matchers.h"

namespace sluice {
namespace {

using Code = absl::StatusCode;
using proto::Event;
using ::sluice::testing::FaultyFileSystem;
using ::sluice::testing::MemoryFileSystem;
using ::testing::ElementsAre;

const char kPath[] = "log/events.out.tfevents.1234567890.host";

EventFileWriter::Options Fixed() {
  return {.clock = [] { return 1234567890.5; }, .host = "host"};
}

std::vector<Event> ReadAllEvents(FileSystem& files, const std::string& path,
                                 absl::Status* end = nullptr) {
  std::vector<Event> events;
  auto reader = EventFileReader::Open(files, path);
  EXPECT_THAT(reader, IsOk());
  while (true) {
    Event event;
    const absl::StatusOr<bool> more = reader->Next(&event);
    if (end != nullptr) *end = more.status();
    if (!more.ok() || !*more) return events;
    events.push_back(event);
  }
}

TEST(EventFile, FirstRecordWorkedOutByHand) {
  MemoryFileSystem files;
  ASSERT_THAT(EventFileWriter::Create(files, "log", Fixed()), IsOk());
  EXPECT_THAT(files.Paths(), ElementsAre(kPath));
  // A record of 24 bytes: field 1, the double 1234567890.5 = 0x41D26580B4A00000; field 3, 13
  // letters.
  const std::string payload = absl::HexStringToBytes("09") +
                              absl::HexStringToBytes("0000a0b48065d241") +
                              absl::HexStringToBytes("1a0d") + "brain.Event:2";
  ASSERT_EQ(payload.size(), 24u);
  const std::string bytes = files.Get(kPath);
  ASSERT_EQ(bytes.size(), 24u + 16);
  EXPECT_EQ(bytes.substr(12, 24), payload);
}

TEST(EventFile, WhatIsAddedComesBack) {
  MemoryFileSystem files;
  auto writer = EventFileWriter::Create(files, "log", Fixed());
  ASSERT_THAT(writer, IsOk());
  EventFileWriter& w = **writer;
  EXPECT_EQ(w.path(), kPath);
  ASSERT_THAT(w.AddScalar("loss", 0.25f, 7), IsOk());
  ASSERT_THAT(w.AddHistogram("weights", Tensor::Of<float>({2}, {1, 2}), 8), IsOk());
  ASSERT_THAT(w.AddImage("digit", 28, 27, 1, "png", 9), IsOk());
  proto::Summary summary;
  summary.add_value()->set_tag("x");
  ASSERT_THAT(w.AddSummary(summary.SerializeAsString(), 10), IsOk());
  ASSERT_THAT(w.AddGraph("graph bytes"), IsOk());
  ASSERT_THAT(w.AddMetaGraph("meta graph bytes"), IsOk());
  Event own;
  own.set_wall_time(5);
  own.mutable_session_log()->set_status(proto::SessionLog::START);
  ASSERT_THAT(w.AddEvent(own), IsOk());
  EXPECT_EQ(w.events(), 8);
  ASSERT_THAT(w.Close(), IsOk());

  const std::vector<Event> events = ReadAllEvents(files, kPath);
  ASSERT_EQ(events.size(), 8u);
  EXPECT_EQ(events[0].file_version(), "brain.Event:2");
  for (int i = 0; i < 7; ++i) EXPECT_EQ(events[i].wall_time(), 1234567890.5);
  EXPECT_EQ(events[1].step(), 7);
  EXPECT_EQ(events[1].summary().value(0).tag(), "loss");
  EXPECT_EQ(events[1].summary().value(0).simple_value(), 0.25f);
  EXPECT_EQ(events[2].step(), 8);
  EXPECT_EQ(events[2].summary().value(0).tag(), "weights");
  EXPECT_EQ(events[2].summary().value(0).histo().sum(), 3);
  const auto& image = events[3].summary().value(0).image();
  EXPECT_EQ(image.height(), 28);
  EXPECT_EQ(image.width(), 27);
  EXPECT_EQ(image.colorspace(), 1);
  EXPECT_EQ(image.encoded_image_string(), "png");
  EXPECT_EQ(events[4].summary().value(0).tag(), "x");
  EXPECT_EQ(events[5].graph_def(), "graph bytes");
  EXPECT_EQ(events[6].meta_graph_def(), "meta graph bytes");
  EXPECT_EQ(events[7].wall_time(), 5);
}

// A run that is started again, even within a second, never touches the file of the run before.
TEST(EventFile, NamesNeverCollide) {
  MemoryFileSystem files;
  auto first = EventFileWriter::Create(files, "log", Fixed());
  const std::string before = files.Get(kPath);
  auto second = EventFileWriter::Create(files, "log", Fixed());
  auto third = EventFileWriter::Create(files, "log", Fixed());
  EXPECT_EQ((*second)->path(), std::string(kPath) + ".1");
  EXPECT_EQ((*third)->path(), std::string(kPath) + ".2");
  EXPECT_EQ(files.Get(kPath), before);
  auto options = Fixed();
  options.filename_suffix = ".eval";
  EXPECT_EQ((*EventFileWriter::Create(files, "log", options))->path(),
            std::string(kPath) + ".eval");
  options.host = "a/b";
  EXPECT_THAT(EventFileWriter::Create(files, "log", options).status(),
              StatusIs(Code::kInvalidArgument, "a/b"));
}

TEST(EventFile, SecondsHaveTenDigits) {
  MemoryFileSystem files;
  EventFileWriter::Options options = {.clock = [] { return 7.0; }, .host = "h"};
  EXPECT_EQ((*EventFileWriter::Create(files, "log", options))->path(),
            "log/events.out.tfevents.0000000007.h");
}

TEST(EventFile, OnDiskWithTheSystemsClockAndName) {
  std::string directory = ::testing::TempDir() + "/events_XXXXXX";
  ASSERT_NE(mkdtemp(directory.data()), nullptr);
  FileSystem& files = FileSystem::Default();
  auto writer = EventFileWriter::Create(files, directory + "/a/b");
  ASSERT_THAT(writer, IsOk());
  ASSERT_THAT((*writer)->AddScalar("loss", 1, 1), IsOk());
  ASSERT_THAT((*writer)->Flush(), IsOk());
  const auto events = ReadAllEvents(files, (*writer)->path());  // while it is still open
  ASSERT_EQ(events.size(), 2u);
  EXPECT_GT(events[1].wall_time(), 1.6e9);
}

TEST(EventFile, RefusedSummariesLeaveTheWriterUsable) {
  MemoryFileSystem files;
  auto writer = EventFileWriter::Create(files, "log", Fixed());
  EXPECT_THAT((*writer)->AddHistogram("w", Tensor::Of<float>({1}, {NAN}), 1),
              StatusIs(Code::kInvalidArgument, "summary 'w': NaN"));
  EXPECT_THAT((*writer)->AddHistogram("w", Tensor::Scalar<std::string>("x"), 1),
              StatusIs(Code::kUnimplemented, "summary 'w'"));
  EXPECT_THAT((*writer)->AddSummary("\xff\xff\xff", 1),
              StatusIs(Code::kInvalidArgument, "3 bytes that are not a Summary"));
  EXPECT_THAT((*writer)->AddScalar("loss", 1, 1), IsOk());
  EXPECT_EQ(ReadAllEvents(files, kPath).size(), 2u);
}

TEST(EventFile, CutAnywhereGivesTheEventsBefore) {
  MemoryFileSystem files;
  auto writer = EventFileWriter::Create(files, "log", Fixed());
  std::vector<size_t> ends = {files.Get(kPath).size()};
  for (int i = 0; i < 3; ++i) {
    ASSERT_THAT((*writer)->AddScalar("loss", 1, i), IsOk());
    ends.push_back(files.Get(kPath).size());
  }
  const std::string whole = files.Get(kPath);
  for (size_t size = 0; size <= whole.size(); ++size) {
    files.Set("cut", whole.substr(0, size));
    const size_t want = std::upper_bound(ends.begin(), ends.end(), size) - ends.begin();
    absl::Status end;
    EXPECT_EQ(ReadAllEvents(files, "cut", &end).size(), want) << size;
    const bool clean = size == 0 || ends[want - (want > 0)] == size;
    EXPECT_EQ(end.ok(), clean) << size;
    if (!clean) {
      EXPECT_THAT(end, StatusIs(Code::kDataLoss, "cut: record at offset"));
    }
  }
}

TEST(EventFile, RecordsThatAreNoEvents) {
  MemoryFileSystem files;
  RecordWriter records(*files.Create("f"));
  ASSERT_THAT(records.Append("\xff\xff"), IsOk());
  absl::Status end;
  EXPECT_TRUE(ReadAllEvents(files, "f", &end).empty());
  EXPECT_THAT(end, StatusIs(Code::kDataLoss, "f: record at offset 0 is not an event"));
}

TEST(EventFile, FullDisk) {
  MemoryFileSystem memory;
  FaultyFileSystem files(memory);
  ASSERT_THAT(EventFileWriter::Create(files, "log", Fixed()), IsOk());
  const int64_t calls = files.calls();
  for (int64_t n = 1; n < calls; ++n) {  // the last call closes, in the destructor
    files.FailCall(n, absl::ResourceExhaustedError("no space left"));
    EXPECT_THAT(EventFileWriter::Create(files, "log", Fixed()).status(),
                StatusIs(Code::kResourceExhausted, "no space left"))
        << n;
  }
  auto options = Fixed();
  options.filename_suffix = ".run";
  auto writer = EventFileWriter::Create(files, "log", options);
  ASSERT_THAT(writer, IsOk());
  files.FailCall(1, absl::ResourceExhaustedError("no space left"));
  EXPECT_THAT((*writer)->AddScalar("a", 1, 1), StatusIs(Code::kResourceExhausted, "no space"));
  EXPECT_THAT((*writer)->AddScalar("a", 1, 2), StatusIs(Code::kResourceExhausted, "no space"));
  EXPECT_EQ((*writer)->events(), 1);
  EXPECT_EQ(ReadAllEvents(memory, (*writer)->path()).size(), 1u);
}

}  // namespace
}  // namespace sluice
