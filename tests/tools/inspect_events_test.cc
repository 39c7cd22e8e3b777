// sluice inspect of event files.
#include <string>
#include <vector>

#include "google/protobuf/struct.pb.h"
#include "google/protobuf/util/json_util.h"
#include "gtest/gtest.h"
#include "io/event_file.h"
#include "proto/event.pb.h"
#include "proto/graph.pb.h"
#include "proto/run_metadata.pb.h"
#include "tests/testing/tools/tool_fixture.h"

namespace sluice::tools {
namespace {

using ::google::protobuf::Struct;
using ::google::protobuf::Value;
using ::testing::HasSubstr;

class InspectEventsTest : public ToolFixture {
 protected:
  InspectEventsTest() {
    const auto left = fs_.List(folder_);
    for (const std::string& name : *left) EXPECT_THAT(fs_.Delete(Path(name)), IsOk());
    auto writer =
        EventFileWriter::Create(fs_, folder_, {.clock = [] { return 1234567890.25; }, .host = "h"});
    EXPECT_THAT(writer, IsOk());
    path_ = (*writer)->path();
    proto::GraphDef graph;
    graph.add_node()->set_name("x");
    EXPECT_THAT((*writer)->AddGraph(graph.SerializeAsString()), IsOk());
    EXPECT_THAT((*writer)->AddScalar("loss", 0.5f, 3), IsOk());
    EXPECT_THAT((*writer)->AddScalar("loss", 2, 4), IsOk());
    EXPECT_THAT((*writer)->AddScalar("loss", 1, 7), IsOk());
    EXPECT_THAT((*writer)->AddHistogram("w", Tensor::Of<float>({1}, {1}), 7), IsOk());
    EXPECT_THAT((*writer)->AddText("notes\x1b[2J", "hello", 7), IsOk());
    proto::RunMetadata run;
    auto* node = run.mutable_step_stats()->add_dev_stats()->add_node_stats();
    node->set_node_name("y");
    node->set_timeline_label("y = Relu(x)");
    node->set_all_end_rel_micros(5);
    EXPECT_THAT((*writer)->AddRunMetadata(run.SerializeAsString(), "step=7", 7), IsOk());
    proto::SessionLog log;
    log.set_status(proto::SessionLog::START);
    EXPECT_THAT((*writer)->AddSessionLog(log, 3), IsOk());
    EXPECT_THAT((*writer)->Close(), IsOk());
  }
  Struct Parsed() {
    Struct json;
    EXPECT_TRUE(::google::protobuf::util::JsonStringToMessage(out_, &json).ok()) << out_;
    return json;
  }
  static const Value& At(const Struct& json, const std::string& key) {
    return json.fields().at(key);
  }

  std::string path_;
};

TEST_F(InspectEventsTest, FileAndDirectory) {
  for (const std::string& path : {path_, folder_}) {
    ASSERT_EQ(Sluice({"inspect", path}), kDone) << err_;
    EXPECT_THAT(out_, HasSubstr("9 events in 1 file, steps 0 to 7, 2009-02-13 23:31:30"));
    EXPECT_THAT(out_, HasSubstr("scalar: 1 tag, 3 values\n"
                                "  loss       3  steps 3 to 7  min 0.5  max 2  last 1\n"));
    EXPECT_THAT(out_, HasSubstr("histogram: 1 tag, 1 value\n"));
    EXPECT_THAT(out_, HasSubstr("graph  step 0  1 node\n"));
    EXPECT_THAT(out_, HasSubstr("step=7  step 7  1 node on 1 device\n"));
    EXPECT_THAT(out_, HasSubstr("START  step 3"));
    EXPECT_EQ(out_.find('\x1b'), std::string::npos);
  }
}

TEST_F(InspectEventsTest, Json) {
  ASSERT_EQ(Sluice({"inspect", path_, "--json"}), kDone) << err_;
  const Struct json = Parsed();
  EXPECT_EQ(At(json, "events").number_value(), 9);
  EXPECT_EQ(At(json, "first_wall_time").number_value(), 1234567890.25);
  const Struct& kinds = At(json, "kinds").struct_value();
  EXPECT_EQ(At(kinds, "summary").number_value(), 5);
  EXPECT_EQ(At(kinds, "file_version").number_value(), 1);
  const Struct& scalars = At(At(json, "values").struct_value(), "scalar").struct_value();
  const Struct& loss = At(scalars, "loss").struct_value();
  EXPECT_EQ(At(loss, "values").number_value(), 3);
  EXPECT_EQ(At(loss, "first_step").number_value(), 3);
  EXPECT_EQ(At(loss, "last_step").number_value(), 7);
  EXPECT_EQ(At(loss, "min").number_value(), 0.5);
  EXPECT_EQ(At(loss, "max").number_value(), 2);
  EXPECT_EQ(At(loss, "last").number_value(), 1);
  const Struct& run = At(json, "run_metadata").list_value().values(0).struct_value();
  EXPECT_EQ(At(run, "tag").string_value(), "step=7");
  EXPECT_EQ(At(run, "nodes").number_value(), 1);
}

TEST_F(InspectEventsTest, Trace) {
  ASSERT_EQ(Sluice({"inspect", path_, "--trace", "step=7=" + Path("run.json")}), kDone) << err_;
  const absl::StatusOr<std::string> trace = fs_.ReadAll(Path("run.json"));
  ASSERT_THAT(trace, IsOk());
  EXPECT_THAT(*trace, HasSubstr("\"name\": \"Relu\""));
  EXPECT_THAT(*trace, HasSubstr("\"dur\": 5.000"));
  ExpectExit(kRefused, {"inspect", path_, "--trace", "step=8=" + Path("x.json")},
             "no run metadata with the tag 'step=8'; there are: step=7");
  ExpectExit(kUsage, {"inspect", path_, "--trace", "step"}, "TAG=OUT.json");
  ExpectExit(kUsage, {"inspect", Write("g.pbtxt", Placeholder("x", "")), "--trace", "a=b"},
             "--trace is for event files");
}

// What stands before the damage is shown; the exit code and the message tell.
TEST_F(InspectEventsTest, Damaged) {
  const std::string whole = *fs_.ReadAll(path_);
  Write(BaseName(path_), whole.substr(0, whole.size() - 1));
  EXPECT_EQ(Sluice({"inspect", folder_}), kRefused);
  EXPECT_THAT(out_, HasSubstr("8 events in 1 file"));
  EXPECT_THAT(out_, HasSubstr("(damaged)"));
  EXPECT_THAT(err_, HasSubstr(path_ + ": record at offset "));
  EXPECT_EQ(Sluice({"inspect", path_, "--json"}), kRefused);
  const Struct json = Parsed();
  const Struct& file = At(json, "files").list_value().values(0).struct_value();
  EXPECT_THAT(At(file, "damage").string_value(), HasSubstr("torn"));
}

}  // namespace
}  // namespace sluice::tools
