#include "io/event_files.h"

#include <string>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "io/event_file.h"
#include "proto/event.pb.h"
#include "proto/tensor.pb.h"
#include "tests/testing/core/memory_files.h"
#include "tests/testing/core/status_matchers.h"

namespace sluice {
namespace {

using Code = absl::StatusCode;
using proto::Event;
using ::sluice::testing::MemoryFileSystem;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

// An event file of `log` begun at that second.
std::unique_ptr<EventFileWriter> Writer(FileSystem& files, double seconds,
                                        const std::string& suffix = "") {
  auto writer = EventFileWriter::Create(
      files, "log", {.filename_suffix = suffix, .clock = [=] { return seconds; }, .host = "h"});
  EXPECT_THAT(writer, IsOk());
  return *std::move(writer);
}

// A scalar as TensorFlow 2 writes it: a tensor, with the plugin's name in the first one only.
proto::Summary NewStyle(const std::string& tag, float value, bool named) {
  proto::Summary summary;
  proto::Summary::Value* v = summary.add_value();
  v->set_tag(tag);
  v->mutable_tensor()->set_dtype(proto::DT_FLOAT);
  v->mutable_tensor()->mutable_tensor_shape();
  v->mutable_tensor()->add_float_val(value);
  if (named) v->mutable_metadata()->mutable_plugin_data()->set_plugin_name("scalars");
  return summary;
}

std::vector<std::pair<int64_t, double>> Points(const ScalarCurves& curves, const std::string& tag) {
  std::vector<std::pair<int64_t, double>> points;
  const auto curve = curves.find(tag);
  if (curve == curves.end()) return points;
  for (const ScalarPoint& p : curve->second) points.emplace_back(p.step, p.value);
  return points;
}

TEST(EventFiles, OrderOfTimeThenName) {
  MemoryFileSystem files;
  for (const char* name :
       {"events.out.tfevents.0000000009.h", "events.out.tfevents.1000000000.h.10",
        "events.out.tfevents.1000000000.h.9", "events.out.tfevents.1000000000.h",
        "events.out.tfevents.0000000010.a", "model.ckpt-1.index", "checkpoint"}) {
    files.Set(JoinPath("log", name), "");
  }
  const auto paths = EventFilesIn(files, "log");
  ASSERT_THAT(paths, IsOk());
  EXPECT_THAT(
      *paths,
      ElementsAre("log/events.out.tfevents.0000000009.h", "log/events.out.tfevents.0000000010.a",
                  "log/events.out.tfevents.1000000000.h", "log/events.out.tfevents.1000000000.h.9",
                  "log/events.out.tfevents.1000000000.h.10"));
  files.Set("empty/checkpoint", "");
  EXPECT_THAT(EventStream::Open(files, "empty").status(), StatusIs(Code::kNotFound, "empty: no"));
  EXPECT_THAT(EventStream::Open(files, "gone").status(), StatusIs(Code::kNotFound, "gone"));
}

TEST(EventFiles, IsEventFileLooksInside) {
  MemoryFileSystem files;
  const std::string path = Writer(files, 5)->path();
  EXPECT_TRUE(IsEventFile(files, path));
  const std::string whole = files.Get(path);
  files.Set("other_name", whole);
  EXPECT_TRUE(IsEventFile(files, "other_name"));
  files.Set("cut", whole.substr(0, whole.size() - 1));
  files.Set("text", "node { name: 'x' }");
  for (const char* no : {"cut", "text", "missing"}) EXPECT_FALSE(IsEventFile(files, no)) << no;
}

TEST(EventFiles, CurvesOfOldAndNewStyle) {
  MemoryFileSystem files;
  auto writer = Writer(files, 7.5);
  ASSERT_THAT(writer->AddScalar("loss", 0.5f, 1), IsOk());
  ASSERT_THAT(writer->AddSummary(NewStyle("accuracy", 0.25f, true), 1), IsOk());
  ASSERT_THAT(writer->AddScalar("loss", 0.25f, 2), IsOk());
  ASSERT_THAT(writer->AddSummary(NewStyle("accuracy", 0.75f, false), 2), IsOk());
  ASSERT_THAT(writer->AddSummary(NewStyle("no scalar", 1, false), 2), IsOk());
  ASSERT_THAT(writer->AddText("loss_text", "hello", 2), IsOk());
  ASSERT_THAT(writer->Close(), IsOk());
  const auto curves = ReadScalars(files, writer->path());
  ASSERT_THAT(curves, IsOk());
  EXPECT_EQ(curves->size(), 2u);
  using Pair = std::pair<int64_t, double>;
  EXPECT_THAT(Points(*curves, "loss"), ElementsAre(Pair(1, 0.5), Pair(2, 0.25)));
  EXPECT_THAT(Points(*curves, "accuracy"), ElementsAre(Pair(1, 0.25), Pair(2, 0.75)));
  EXPECT_EQ(curves->at("loss")[0].wall_time, 7.5);
  const auto one = ReadScalars(files, writer->path(), {.tag = "accuracy"});
  EXPECT_THAT(Points(*one, "loss"), IsEmpty());
  EXPECT_EQ(Points(*one, "accuracy").size(), 2u);
}

TEST(EventFiles, NumbersInTensors) {
  const auto number = [](proto::DataType dtype, const std::string& content, int64_t dim) {
    proto::Summary::Value value;
    value.mutable_tensor()->set_dtype(dtype);
    value.mutable_tensor()->set_tensor_content(content);
    value.mutable_tensor()->mutable_tensor_shape()->add_dim()->set_size(dim);
    return ScalarOf(value);
  };
  // 1.5 = 0x3fc00000, as a double 0x3ff8000000000000.
  EXPECT_EQ(number(proto::DT_FLOAT, std::string("\0\0\xc0\x3f", 4), 1), 1.5);
  EXPECT_EQ(number(proto::DT_DOUBLE, std::string("\0\0\0\0\0\0\xf8\x3f", 8), 1), 1.5);
  EXPECT_EQ(number(proto::DT_INT32, "\xfe\xff\xff\xff", 1), -2);
  EXPECT_EQ(number(proto::DT_FLOAT, std::string("\0\0\xc0\x3f", 4), 2), std::nullopt);
  EXPECT_EQ(number(proto::DT_FLOAT, "\1\2\3", 1), std::nullopt);
  EXPECT_EQ(number(proto::DT_STRING, "\1\2\3\4", 1), std::nullopt);
}

// A run dies after step 30 and goes on from a checkpoint of step 20.
TEST(EventFiles, RestartsPurge) {
  MemoryFileSystem files;
  auto first = Writer(files, 10);
  for (const int step : {10, 20, 30}) ASSERT_THAT(first->AddScalar("loss", 1, step), IsOk());
  ASSERT_THAT(first->Close(), IsOk());
  auto second = Writer(files, 20);
  proto::SessionLog start;
  start.set_status(proto::SessionLog::START);
  ASSERT_THAT(second->AddSessionLog(start, 20), IsOk());
  for (const int step : {20, 30, 40}) ASSERT_THAT(second->AddScalar("loss", 2, step), IsOk());
  ASSERT_THAT(second->Close(), IsOk());
  using Pair = std::pair<int64_t, double>;
  EXPECT_THAT(Points(*ReadScalars(files, "log"), "loss"),
              ElementsAre(Pair(10, 1), Pair(20, 2), Pair(30, 2), Pair(40, 2)));
  EXPECT_EQ(Points(*ReadScalars(files, "log", {.purge = false}), "loss").size(), 6u);
}

TEST(EventFiles, DamageInOneFileLeavesTheOthers) {
  MemoryFileSystem files;
  auto first = Writer(files, 10);
  auto second = Writer(files, 20);
  for (const int step : {1, 2}) ASSERT_THAT(first->AddScalar("loss", 1, step), IsOk());
  ASSERT_THAT(second->AddScalar("loss", 3, 3), IsOk());
  const std::string whole = files.Get(first->path());
  files.Set(first->path(), whole.substr(0, whole.size() - 1));  // in the second scalar

  auto stream = EventStream::Open(files, "log");
  ASSERT_THAT(stream, IsOk());
  std::vector<int64_t> steps;
  std::vector<absl::Status> errors;
  while (true) {
    Event event;
    const absl::StatusOr<bool> more = stream->Next(&event);
    if (!more.ok()) {
      errors.push_back(more.status());
      EXPECT_EQ(stream->file(), first->path());
      continue;
    }
    if (!*more) break;
    if (event.has_summary()) steps.push_back(event.step());
  }
  EXPECT_THAT(steps, ElementsAre(1, 3));
  ASSERT_EQ(errors.size(), 1u);
  EXPECT_THAT(errors[0], StatusIs(Code::kDataLoss, first->path() + ": record at offset "));

  EXPECT_THAT(ReadScalars(files, "log").status(), StatusIs(Code::kDataLoss, first->path()));
  absl::Status damage;
  const auto curves = ReadScalars(files, "log", {}, &damage);
  ASSERT_THAT(curves, IsOk());
  EXPECT_EQ(damage, errors[0]);
  using Pair = std::pair<int64_t, double>;
  EXPECT_THAT(Points(*curves, "loss"), ElementsAre(Pair(1, 1), Pair(3, 3)));
}

TEST(EventFiles, KindsOfValues) {
  SummaryKinds kinds;
  const auto plugin = [&](const std::string& tag, const std::string& name) {
    proto::Summary::Value value;
    value.set_tag(tag);
    value.mutable_tensor();
    value.mutable_metadata()->mutable_plugin_data()->set_plugin_name(name);
    return std::string(SummaryKindName(kinds.Of(value)));
  };
  EXPECT_EQ(plugin("a", "scalars"), "scalar");
  EXPECT_EQ(plugin("b", "histograms"), "histogram");
  EXPECT_EQ(plugin("c", "images"), "image");
  EXPECT_EQ(plugin("d", "text"), "text");
  EXPECT_EQ(plugin("e", "pr_curves"), "tensor");
  EXPECT_EQ(plugin("b", ""), "histogram");  // remembered
  EXPECT_EQ(plugin("f", ""), "tensor");
  EXPECT_STREQ(SummaryKindName(kinds.Of({})), "other");
}

}  // namespace
}  // namespace sluice
