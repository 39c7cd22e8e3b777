#include "train/summary_writer.h"

#include <cmath>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "ops/media_summary.h"
#include "ops/relu.h"
#include "proto/event.pb.h"
#include "proto/graph.pb.h"
#include "proto/meta_graph.pb.h"
#include "proto/run_metadata.pb.h"
#include "proto/tensor.pb.h"
#include "tests/testing/core/fake_env.h"
#include "tests/testing/core/memory_files.h"
#include "tests/testing/program/program_fixture.h"
#include "train/run_metadata_proto.h"

namespace sluice::train {
namespace {

using Code = absl::StatusCode;
using proto::Event;
using ::sluice::testing::FaultyFileSystem;
using ::sluice::testing::MemoryFileSystem;
using ::testing::ElementsAre;

class SummaryWriterTest : public ProgramFixture {
 protected:
  SummaryWriterOptions Fixed() {
    return {.fs = &files_, .clock = [this] { return now_; }, .host = "h"};
  }
  std::unique_ptr<SummaryWriter> Make(SummaryWriterOptions options) {
    auto writer = SummaryWriter::Create("log", std::move(options));
    EXPECT_THAT(writer, IsOk());
    return writer.ok() ? *std::move(writer) : nullptr;
  }
  // The events of that file after the first, which says the version.
  std::vector<Event> Events(const std::string& path) {
    auto reader = EventFileReader::Open(files_, path);
    EXPECT_THAT(reader, IsOk());
    std::vector<Event> events;
    Event event;
    for (auto more = reader->Next(&event); more.ok() && *more; more = reader->Next(&event))
      events.push_back(event);
    EXPECT_EQ(events.at(0).file_version(), "brain.Event:2");
    events.erase(events.begin());
    return events;
  }

  MemoryFileSystem files_;
  double now_ = 1000;
};

TEST_F(SummaryWriterTest, GraphAndMetaGraphCarryScopesAndShapes) {
  const Output x = ops::Placeholder(root_.Sub("net").Named("x"), DType::kFloat, {-1, 3});
  ops::Relu(root_.Sub("net").Named("y"), x);
  SummaryWriterOptions options = Fixed();
  options.graph = &graph_;
  auto writer = Make(options);
  ASSERT_THAT(writer->Close(), IsOk());
  const std::vector<Event> events = Events(writer->path());
  ASSERT_EQ(events.size(), 2u);
  proto::GraphDef graph;
  ASSERT_TRUE(graph.ParseFromString(events[0].graph_def()));
  ASSERT_EQ(graph.node_size(), 2);
  EXPECT_EQ(graph.node(0).name(), "net/x");
  const auto& shapes = graph.node(0).attr().at("_output_shapes").list();
  ASSERT_EQ(shapes.shape_size(), 1);
  EXPECT_EQ(shapes.shape(0).dim(0).size(), -1);
  EXPECT_EQ(shapes.shape(0).dim(1).size(), 3);
  proto::MetaGraphDef meta;
  ASSERT_TRUE(meta.ParseFromString(events[1].meta_graph_def()));
  EXPECT_EQ(meta.graph_def().node_size(), 2);
}

TEST_F(SummaryWriterTest, ValuesWithoutAGraph) {
  auto writer = Make(Fixed());
  ASSERT_THAT(writer->AddScalar("loss", 0.5f, 3), IsOk());
  ASSERT_THAT(writer->AddHistogram("w", Tensor::Of<float>({3}, {1, 2, 3}), 4), IsOk());
  ASSERT_THAT(writer->AddText("notes", "**bold**", 5), IsOk());
  ASSERT_THAT(writer->AddText("table", Tensor::Of<std::string>({2, 2}, {"a", "b", "c", "d"}), 6),
              IsOk());
  ASSERT_THAT(writer->AddSessionLog(SessionStatus::kStart, 7, "model.ckpt-7", "again"), IsOk());
  EXPECT_THAT(writer->AddText("bad", Tensor::Scalar<float>(1), 8),
              StatusIs(Code::kInvalidArgument, "text 'bad'"));
  EXPECT_THAT(writer->AddHistogram("bad", Tensor::Scalar<float>(NAN), 8),
              StatusIs(Code::kInvalidArgument, "summary 'bad'"));
  ASSERT_THAT(writer->Close(), IsOk());
  const std::vector<Event> events = Events(writer->path());
  ASSERT_EQ(events.size(), 5u);
  for (int i = 0; i < 5; ++i) EXPECT_EQ(events[i].step(), 3 + i);
  EXPECT_EQ(events[0].summary().value(0).simple_value(), 0.5f);
  EXPECT_EQ(events[1].summary().value(0).histo().sum(), 6);
  const auto& text = events[2].summary().value(0);
  EXPECT_EQ(text.tag(), "notes");
  EXPECT_EQ(text.metadata().plugin_data().plugin_name(), "text");
  EXPECT_EQ(text.tensor().dtype(), proto::DT_STRING);
  EXPECT_TRUE(text.tensor().has_tensor_shape());
  EXPECT_EQ(text.tensor().tensor_shape().dim_size(), 0);
  EXPECT_THAT(text.tensor().string_val(), ElementsAre("**bold**"));
  const auto& table = events[3].summary().value(0).tensor();
  ASSERT_EQ(table.tensor_shape().dim_size(), 2);
  EXPECT_EQ(table.tensor_shape().dim(1).size(), 2);
  EXPECT_THAT(table.string_val(), ElementsAre("a", "b", "c", "d"));
  EXPECT_EQ(events[4].session_log().status(), proto::SessionLog::START);
  EXPECT_EQ(events[4].session_log().checkpoint_path(), "model.ckpt-7");
}

// The tags of tf.summary.image and .audio, and the same bytes as from the ops.
TEST_F(SummaryWriterTest, ImagesAndSound) {
  auto writer = Make(Fixed());
  const Tensor grey = Tensor::Of<uint8_t>({1, 2, 1}, {0, 255});
  const Tensor batch = Tensor::Of<float>({4, 1, 1, 3}, {1, 2, 3, 4, 5, 6, 7, 8, 9, 1, 2, NAN});
  ASSERT_THAT(writer->AddImage("one", grey, 1), IsOk());
  ASSERT_THAT(writer->AddImage("many", batch, 2), IsOk());
  const Tensor sound = Tensor::Of<float>({4}, {0, 0.5f, -0.5f, 0});
  ASSERT_THAT(writer->AddAudio("beep", sound, 8000, 3), IsOk());
  EXPECT_THAT(writer->AddImage("bad", Tensor::Of<float>({1, 1, 2}, {1, 2}), 4),
              StatusIs(Code::kInvalidArgument, "summary 'bad': Tensor must be 4-D"));
  EXPECT_THAT(writer->AddImage("bad", Tensor::Of<int64_t>({1, 1, 1}, {1}), 4).ok(), false);
  ASSERT_THAT(writer->Close(), IsOk());
  const std::vector<Event> events = Events(writer->path());
  ASSERT_EQ(events.size(), 3u);
  const auto& one = events[0].summary();
  ASSERT_EQ(one.value_size(), 1);
  EXPECT_EQ(one.value(0).tag(), "one/image");
  EXPECT_EQ(one.value(0).image().height(), 1);
  EXPECT_EQ(one.value(0).image().width(), 2);
  EXPECT_EQ(one.value(0).image().colorspace(), 1);
  EXPECT_EQ(one.value(0).image().encoded_image_string().substr(1, 3), "PNG");
  const auto& many = events[1].summary();
  ASSERT_EQ(many.value_size(), 3);
  EXPECT_EQ(many.value(2).tag(), "many/image/2");
  const auto& beep = events[2].summary().value(0);
  EXPECT_EQ(beep.tag(), "beep/audio");
  EXPECT_EQ(beep.audio().length_frames(), 4);
  EXPECT_EQ(beep.audio().num_channels(), 1);
  EXPECT_EQ(beep.audio().sample_rate(), 8000);
  EXPECT_EQ(beep.audio().encoded_audio_string().substr(0, 4), "RIFF");

  const Output tag = ops::Const<std::string>(root_, {"many"}, {});
  const Output image = ops::ImageSummary(root_, tag, ops::Const(root_, batch));
  EXPECT_EQ(many.SerializeAsString(), Run(image).scalar<std::string>());
}

TEST_F(SummaryWriterTest, MetadataOnlyWithTheFirstValueOfATag) {
  auto writer = Make(Fixed());
  proto::Summary summary;
  summary.add_value()->set_tag("t");
  summary.mutable_value(0)->mutable_metadata()->mutable_plugin_data()->set_plugin_name("text");
  const Tensor value = Tensor::Scalar<std::string>(summary.SerializeAsString());
  ASSERT_THAT(writer->AddSummary(value, 1), IsOk());
  ASSERT_THAT(writer->AddSummary(value, 2), IsOk());
  EXPECT_THAT(writer->AddSummary(Tensor::Scalar<float>(1), 3),
              StatusIs(Code::kInvalidArgument, "a summary is a scalar string, got float32[]"));
  EXPECT_THAT(writer->AddSummary("\xff", 3), StatusIs(Code::kInvalidArgument, "1 bytes that"));
  ASSERT_THAT(writer->Close(), IsOk());
  const std::vector<Event> events = Events(writer->path());
  ASSERT_EQ(events.size(), 2u);
  EXPECT_TRUE(events[0].summary().value(0).has_metadata());
  EXPECT_FALSE(events[1].summary().value(0).has_metadata());
}

TEST_F(SummaryWriterTest, ReopenWritesAnotherFile) {
  auto writer = Make(Fixed());
  EXPECT_EQ(writer->logdir(), "log");
  const std::string first = writer->path();
  EXPECT_THAT(writer->Reopen(), IsOk());
  EXPECT_EQ(writer->path(), first);  // was open
  ASSERT_THAT(writer->AddScalar("a", 1, 1), IsOk());
  ASSERT_THAT(writer->Close(), IsOk());
  ASSERT_THAT(writer->Close(), IsOk());
  EXPECT_THAT(writer->AddScalar("a", 1, 1), StatusIs(Code::kFailedPrecondition, "log: the Summ"));
  EXPECT_THAT(writer->Flush(), StatusIs(Code::kFailedPrecondition, "closed"));
  ASSERT_THAT(writer->Reopen(), IsOk());
  EXPECT_EQ(writer->path(), first + ".1");
  ASSERT_THAT(writer->AddScalar("a", 2, 2), IsOk());
  ASSERT_THAT(writer->Close(), IsOk());
  EXPECT_EQ(Events(first).size(), 1u);
  EXPECT_EQ(Events(first + ".1")[0].step(), 2);
}

TEST_F(SummaryWriterTest, FlushesByTheClock) {
  FaultyFileSystem counting(files_);
  SummaryWriterOptions options = Fixed();
  options.fs = &counting;
  auto writer = Make(options);
  counting.FailCall(2, absl::ResourceExhaustedError("disk full"));  // after Append: Flush
  EXPECT_THAT(writer->AddScalar("a", 1, 1), IsOk());
  now_ += 121;
  counting.FailCall(2, absl::ResourceExhaustedError("disk full"));
  EXPECT_THAT(writer->AddScalar("a", 1, 2), StatusIs(Code::kResourceExhausted, "disk full"));
  EXPECT_THAT(writer->AddScalar("a", 1, 3), StatusIs(Code::kResourceExhausted, "disk full"));
}

// A traced run of relu(x), as TensorBoard's graph page reads it, and back.
TEST_F(SummaryWriterTest, RunMetadata) {
  const Output x = ops::Placeholder(root_.Named("x"), DType::kFloat, {2, 3});
  const Output y = ops::Relu(root_.Named("y"), x);
  absl::StatusOr<Session> session = Session::Create(graph_);
  ASSERT_THAT(session, IsOk());
  RunMetadata run;
  std::vector<Tensor> results;
  ASSERT_THAT(session->RunInto({{x, Tensor::Zeros(DType::kFloat, {2, 3})}}, {y},
                               {.trace_level = RunOptions::kFullTrace}, &results, &run),
              IsOk());
  auto writer = Make(Fixed());
  ASSERT_THAT(writer->AddRunMetadata(run, "step5", 5), IsOk());
  EXPECT_THAT(writer->AddRunMetadata(run, "step5", 6),
              StatusIs(Code::kInvalidArgument,
                       "The provided tag was already used for this event type: step5"));
  ASSERT_THAT(writer->Close(), IsOk());
  const std::vector<Event> events = Events(writer->path());
  ASSERT_EQ(events.size(), 1u);
  EXPECT_EQ(events[0].step(), 5);
  EXPECT_EQ(events[0].tagged_run_metadata().tag(), "step5");
  proto::RunMetadata message;
  ASSERT_TRUE(message.ParseFromString(events[0].tagged_run_metadata().run_metadata()));
  ASSERT_EQ(message.step_stats().dev_stats_size(), 1);
  const auto& device = message.step_stats().dev_stats(0);
  EXPECT_EQ(device.device(), "/job:localhost/replica:0/task:0/device:CPU:0");
  ASSERT_EQ(device.node_stats_size(), 1);
  const auto& node = device.node_stats(0);
  EXPECT_EQ(node.node_name(), "y");
  EXPECT_EQ(node.timeline_label(), "y = Relu()");
  EXPECT_GE(node.all_start_micros(), run.start_us);
  EXPECT_GE(node.all_end_rel_micros(), 1);
  EXPECT_EQ(node.memory(0).total_bytes(), 24);
  ASSERT_EQ(node.output_size(), 1);
  const auto& tensor = node.output(0).tensor_description();
  EXPECT_EQ(tensor.dtype(), proto::DT_FLOAT);
  ASSERT_EQ(tensor.shape().dim_size(), 2);
  EXPECT_EQ(tensor.shape().dim(1).size(), 3);
  EXPECT_EQ(tensor.allocation_description().requested_bytes(), 24);

  const RunMetadata back = FromProto(message);
  ASSERT_EQ(back.steps.size(), 1u);
  EXPECT_EQ(back.steps[0].node, "y");
  EXPECT_EQ(back.steps[0].op, "Relu");
  EXPECT_EQ(back.steps[0].start_ns, 0);
  EXPECT_EQ(back.steps[0].output_bytes, 24);
  EXPECT_EQ(back.steps[0].outputs[0].shape, TensorShape({2, 3}));
}

// As TensorFlow writes: several devices, micros only, labels with inputs.
TEST(RunMetadataProto, OfTensorFlow) {
  proto::RunMetadata message;
  const auto add = [&](const char* name, const char* label, int64_t start, int64_t end, int thread,
                       proto::DeviceStepStats* device) {
    proto::NodeExecStats* node = device->add_node_stats();
    node->set_node_name(name);
    node->set_timeline_label(label);
    node->set_all_start_micros(start);
    node->set_all_end_rel_micros(end);
    node->set_thread_id(thread);
  };
  proto::DeviceStepStats* cpu = message.mutable_step_stats()->add_dev_stats();
  cpu->set_device("/cpu:0");
  add("b", "b = MatMul(x, w)", 1'000'020, 7, 900, cpu);
  add("a", "a = Relu(b)", 1'000'000, 5, 901, cpu);
  proto::DeviceStepStats* gpu = message.mutable_step_stats()->add_dev_stats();
  gpu->set_device("/gpu:0");
  add("c", "", 1'000'010, -3, 900, gpu);
  const RunMetadata run = FromProto(message);
  ASSERT_EQ(run.steps.size(), 3u);
  EXPECT_EQ(run.start_us, 1'000'000);
  EXPECT_EQ(run.duration_ns, 27'000);
  EXPECT_EQ(run.threads, 3);
  EXPECT_EQ(run.steps[0].op, "Relu");
  EXPECT_EQ(run.steps[0].thread, 1);
  EXPECT_EQ(run.steps[1].op, "c");
  EXPECT_EQ(run.steps[1].start_ns, 10'000);
  EXPECT_EQ(run.steps[1].duration_ns, 0);
  EXPECT_EQ(run.steps[2].op, "MatMul");
  EXPECT_EQ(run.steps[2].duration_ns, 7'000);
  EXPECT_TRUE(FromProto({}).steps.empty());
}

// Numbers that lie neither overflow nor crash.
TEST(RunMetadataProto, Senseless) {
  proto::RunMetadata message;
  proto::NodeExecStats* node = message.mutable_step_stats()->add_dev_stats()->add_node_stats();
  node->set_all_start_micros(INT64_MAX);
  node->set_all_end_rel_nanos(INT64_MAX);
  auto* tensor = node->add_output()->mutable_tensor_description();
  tensor->set_dtype(static_cast<proto::DataType>(77));
  tensor->mutable_shape()->add_dim()->set_size(-5);
  node->add_output()->mutable_tensor_description()->set_dtype(static_cast<proto::DataType>(77));
  const RunMetadata run = FromProto(message);
  ASSERT_EQ(run.steps.size(), 1u);
  EXPECT_EQ(run.steps[0].duration_ns, 0);
  ASSERT_EQ(run.steps[0].outputs.size(), 1u);
  EXPECT_EQ(run.steps[0].outputs[0].dtype, DType::kInvalid);
}

}  // namespace
}  // namespace sluice::train
