// Files of every kind that we write, read by a program of another language that knows the public
// formats only: testdata/read_files.py checks all checksums, refuses fields that it does not know,
// and prints what it finds.
#include <cstdio>
#include <filesystem>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "graph/graph_def.h"
#include "io/record_file.h"
#include "io/tensor_bundle.h"
#include "ops/binary.h"
#include "ops/matmul.h"
#include "proto/example.pb.h"
#include "tests/testing/program/program_fixture.h"
#include "train/saved_model_builder.h"
#include "train/saver.h"
#include "train/summary_writer.h"

namespace sluice {
namespace {

constexpr char kScript[] = "tests/compat/testdata/read_files.py";

// What the command prints, errors included.
std::string Printed(const std::string& command, int* code) {
  std::string text;
  FILE* pipe = popen((command + " 2>&1").c_str(), "r");
  if (pipe == nullptr) return text;
  char buffer[4096];
  while (const size_t n = std::fread(buffer, 1, sizeof(buffer), pipe)) text.append(buffer, n);
  *code = pclose(pipe);
  return text;
}

// An interpreter that has the package; "" when there is none.
std::string Python() {
  for (const char* python : {"python3", "/usr/bin/python3"}) {
    int code = 0;
    Printed(absl::StrCat(python, " -c 'import google.protobuf'"), &code);
    if (code == 0) return python;
  }
  return "";
}

class PythonTest : public ProgramFixture {
 protected:
  void SetUp() override {
    python_ = Python();
    if (python_.empty()) GTEST_SKIP() << "needs the package python3-protobuf";
    const std::string name = ::testing::UnitTest::GetInstance()->current_test_info()->name();
    folder_ = JoinPath(::testing::TempDir(), "python_" + name);
    std::filesystem::remove_all(folder_);
    EXPECT_THAT(fs_.CreateDirectories(folder_), IsOk());
  }
  std::string Path(const std::string& name) const { return JoinPath(folder_, name); }

  // y = x w + b, w = [[1, 2, 3], [4, 5, 6]], b = [7, 8, 9].
  void Build() {
    x_ = ops::Placeholder(root_.Named("x"), DType::kFloat, {-1, 2});
    const Variable w = GetVariable(root_, "w", Initialized(Matrix()));
    const Variable b = GetVariable(root_, "b", Initialized(Tensor::Of<float>({3}, {7, 8, 9})));
    y_ =
        ops::AddV2(root_.Named("y"), ops::MatMul(root_.Named("product"), x_, w.value()), b.value());
  }
  static Tensor Matrix() { return Tensor::Of<float>({2, 3}, {1, 2, 3, 4, 5, 6}); }
  static VariableOptions Initialized(const Tensor& value) {
    return {.shape = value.shape(),
            .dtype = value.dtype(),
            .initializer = [value](At at, const TensorShape&, DType dtype) {
              return at.Named("Const").Node("Const", {}, {{"value", value}, {"dtype", dtype}});
            }};
  }
  Session& session() {
    Run(y_, {{x_, Tensor::Zeros(DType::kFloat, {1, 2})}});
    return *session_;
  }

  // Reads the folder; each of `lines` must have been printed.
  void ExpectRead(const std::vector<std::string>& lines) {
    int code = 0;
    const std::string text =
        Printed(absl::StrCat(python_, " ", kScript, " '", folder_, "'"), &code);
    ASSERT_EQ(code, 0) << text;
    const std::set<std::string> printed = absl::StrSplit(text, '\n');
    for (const std::string& line : lines)
      EXPECT_EQ(printed.count(line), 1u) << "not printed: " << line << "\nall:\n" << text;
  }

  FileSystem& fs_ = FileSystem::Default();
  std::string python_, folder_;
  Output x_, y_;
};

TEST_F(PythonTest, Graphs) {
  Build();
  for (const bool text : {false, true}) {
    const absl::StatusOr<std::string> bytes = SerializeGraphDef(graph_, text);
    ASSERT_THAT(bytes, IsOk());
    ASSERT_THAT(fs_.ReplaceAtomically(Path(text ? "graph.pbtxt" : "graph.pb"), *bytes), IsOk());
  }
  std::vector<std::string> lines;
  for (const std::string file : {"graph.pb", "graph.pbtxt"}) {
    for (const char* line :
         {"node[0].name = x", "node[0].op = Placeholder", "node[0].attr[dtype].type = 1",
          "node[0].attr[shape].shape.dim[0].size = -1", "node[0].attr[shape].shape.dim[1].size = 2",
          "versions.producer = 27"})
      lines.push_back(absl::StrCat(file, ".", line));
    const int last = graph_.num_nodes() - 1;
    lines.push_back(absl::StrCat(file, ".node[", last, "].name = y"));
    lines.push_back(absl::StrCat(file, ".node[", last, "].input[0] = product"));
  }
  ExpectRead(lines);
}

TEST_F(PythonTest, Checkpoints) {
  Build();
  train::Saver saver(graph_);
  ASSERT_THAT(saver.Save(session(), Path("model"), 7), IsOk());
  ExpectRead({
      "model-7.index header.num_shards = 1",
      "model-7.index header.version.producer = 1",
      "model-7.index entry[w].dtype = 1",
      "model-7.index entry[w].shape.dim[0].size = 2",
      "model-7.index entry[w].shape.dim[1].size = 3",
      "model-7.index entry[w].size = 24",
      "model-7.index entry[w] values 1 2 3 4 5 6",
      "model-7.index entry[b] values 7 8 9",
      "checkpoint.all_model_checkpoint_paths[0] = " + Path("model-7"),
      "checkpoint.model_checkpoint_path = " + Path("model-7"),
      "model-7.meta.saver_def.filename_tensor_name = save/Const:0",
      "model-7.meta.saver_def.restore_op_name = save/restore_all",
      "model-7.meta.saver_def.max_to_keep = 5",
      "model-7.meta.saver_def.version = 2",
      "model-7.meta variables[0].variable_name = w:0",
      "model-7.meta trainable_variables[1].variable_name = b:0",
  });
}

TEST_F(PythonTest, CheckpointsOfManyTypes) {
  auto writer = BundleWriter::Create(fs_, Path("types"));
  ASSERT_THAT(writer, IsOk());
  ASSERT_THAT((*writer)->Add("text", Tensor::Of<std::string>({3}, {"a", "", "long words"})),
              IsOk());
  ASSERT_THAT((*writer)->Add("int64", Tensor::Scalar<int64_t>(-5)), IsOk());
  ASSERT_THAT((*writer)->Add("bool", Tensor::Of<bool>({2}, {true, false})), IsOk());
  ASSERT_THAT((*writer)->Add("double", Tensor::Of<double>({2}, {0.5, 1e300})), IsOk());
  ASSERT_THAT((*writer)->Add("none", Tensor::Zeros(DType::kFloat, {0, 4})), IsOk());
  const TensorSlice rows = {{{.start = 1, .length = 1}, {}}};
  ASSERT_THAT((*writer)->AddSlice("part", {2, 2}, rows, Tensor::Of<float>({1, 2}, {3, 4})), IsOk());
  for (int i = 0; i < 200; ++i)
    ASSERT_THAT((*writer)->Add(absl::StrCat("many/", i), Tensor::Scalar<int32_t>(i)), IsOk());
  ASSERT_THAT((*writer)->Finish(), IsOk());
  ExpectRead({
      "types.index entry[text].dtype = 7",
      "types.index entry[text] values a  long words",
      "types.index entry[int64] values -5",
      "types.index entry[bool] values True False",
      "types.index entry[double] values 0.5 1e+300",
      "types.index entry[none] values",
      "types.index entry[part].slices[0].extent[0].start = 1",
      "types.index entry[part].slices[0].extent[0].length = 1",
      // Number 0, the name, number 2, (1, 1), (0, -1) in the ordered code.
      "types.index entry[0x0070617274000101028181807f] values 3 4",
      "types.index entry[many/199] values 199",
  });
}

TEST_F(PythonTest, SavedModels) {
  Build();
  auto builder = SavedModelBuilder::Create(Path("model"), fs_);
  ASSERT_THAT(builder, IsOk());
  ASSERT_THAT(builder->AddMetaGraphAndVariables(
                  session(), {"serve"},
                  {.signatures = {{"serving_default",
                                   MakeSignature({{"in", x_}}, {{"out", y_}}, kPredictMethod)}}}),
              IsOk());
  ASSERT_THAT(builder->Save(), IsOk());
  const std::string meta = "model/saved_model.pb.meta_graphs[0]";
  const std::string signature = meta + ".signature_def[serving_default]";
  ExpectRead({
      "model/saved_model.pb.saved_model_schema_version = 1",
      meta + ".meta_info_def.tags[0] = serve",
      signature + ".inputs[in].name = x:0",
      signature + ".inputs[in].dtype = 1",
      signature + ".inputs[in].tensor_shape.dim[1].size = 2",
      signature + ".outputs[out].name = y:0",
      signature + ".method_name = tensorflow/serving/predict",
      meta + ".graph_def.node[0].name = x",
      "variables.index entry[w] values 1 2 3 4 5 6",
  });
}

TEST_F(PythonTest, Records) {
  proto::Example example;
  auto& features = *example.mutable_features()->mutable_feature();
  features["label"].mutable_int64_list()->add_value(-7);
  features["image"].mutable_bytes_list()->add_value("bytes");
  features["weights"].mutable_float_list()->add_value(0.5f);
  features["weights"].mutable_float_list()->add_value(2);
  std::vector<std::string> lines;
  for (const auto& [name, compression] : std::vector<std::pair<std::string, RecordCompression>>{
           {"a.tfrecord", RecordCompression::kNone},
           {"a.tfrecord.zlib", RecordCompression::kZlib},
           {"a.tfrecord.gz", RecordCompression::kGzip}}) {
    RecordWriter writer(*fs_.Create(Path(name)), compression);
    for (int i = 0; i < 2; ++i) ASSERT_THAT(writer.Append(example.SerializeAsString()), IsOk());
    ASSERT_THAT(writer.Close(), IsOk());
    const std::string second = name + " example[1].features.feature";
    lines.push_back(second + "[label].int64_list.value[0] = -7");
    lines.push_back(second + "[image].bytes_list.value[0] = bytes");
    lines.push_back(second + "[weights].float_list.value[1] = 2");
  }
  ExpectRead(lines);
}

TEST_F(PythonTest, Events) {
  Build();
  RunMetadata run;
  std::vector<Tensor> results;
  ASSERT_THAT(session().RunInto({{x_, Tensor::Zeros(DType::kFloat, {5, 2})}}, {y_},
                                {.trace_level = RunOptions::kFullTrace}, &results, &run),
              IsOk());
  auto made = train::SummaryWriter::Create(
      folder_, {.graph = &graph_, .clock = [] { return 1234567890.5; }, .host = "h"});
  ASSERT_THAT(made, IsOk());
  train::SummaryWriter& writer = **made;
  ASSERT_THAT(writer.AddSessionLog(train::SessionStatus::kStart, 3, "model-3"), IsOk());
  ASSERT_THAT(writer.AddScalar("loss", 0.5f, 4), IsOk());
  ASSERT_THAT(writer.AddHistogram("w", Tensor::Of<float>({3}, {1, 1, 2}), 4), IsOk());
  ASSERT_THAT(writer.AddImage("i", Tensor::Of<uint8_t>({2, 1, 3}, {1, 2, 3, 250, 251, 252}), 4),
              IsOk());
  ASSERT_THAT(writer.AddAudio("a", Tensor::Of<float>({3}, {0, 0.5f, 0}), 8000, 4), IsOk());
  ASSERT_THAT(writer.AddText("t", Tensor::Of<std::string>({1, 2}, {"p", "q"}), 4), IsOk());
  ASSERT_THAT(writer.AddRunMetadata(run, "step4", 4), IsOk());
  ASSERT_THAT(writer.Close(), IsOk());
  const std::string value = ".summary.value[0]";
  ExpectRead({
      "events event[0].wall_time = 1.23456789e+09",
      "events event[0].file_version = brain.Event:2",
      "events event[1] graph.node[0].name = x",
      "events event[1] graph.node[0].attr[_output_shapes].list.shape[0].dim[1].size = 2",
      "events event[2] meta.graph_def.node[0].name = x",
      "events event[3].session_log.status = 1",
      "events event[3].session_log.checkpoint_path = model-3",
      "events event[4].step = 4",
      "events event[4]" + value + ".tag = loss",
      "events event[4]" + value + ".simple_value = 0.5",
      "events event[5]" + value + ".histo.num = 3",
      "events event[5]" + value + ".histo.sum_squares = 6",
      "events event[6]" + value + ".tag = i/image",
      "events event[6] png 1 2 3 1 2 3 250 251 252",
      "events event[7]" + value + ".audio.content_type = audio/wav",
      "events event[7] wav 8000 1 2 3",
      "events event[8]" + value + ".metadata.plugin_data.plugin_name = text",
      "events event[8]" + value + ".tensor.dtype = 7",
      "events event[8]" + value + ".tensor.tensor_shape.dim[1].size = 2",
      "events event[8]" + value + ".tensor.string_val[1] = q",
      "events event[9].tagged_run_metadata.tag = step4",
      "events event[9] run.step_stats.dev_stats[0].device = "
      "/job:localhost/replica:0/task:0/device:CPU:0",
  });
}

// The script would tell.
TEST_F(PythonTest, DamageIsFound) {
  RecordWriter writer(*fs_.Create(Path("a.tfrecord")));
  ASSERT_THAT(writer.Append(proto::Example().SerializeAsString()), IsOk());
  ASSERT_THAT(writer.Close(), IsOk());
  std::string bytes = *fs_.ReadAll(Path("a.tfrecord"));
  bytes.back() = static_cast<char>(bytes.back() ^ 1);
  ASSERT_THAT(fs_.ReplaceAtomically(Path("a.tfrecord"), bytes), IsOk());
  int code = 0;
  const std::string text = Printed(absl::StrCat(python_, " ", kScript, " '", folder_, "'"), &code);
  EXPECT_NE(code, 0);
  EXPECT_NE(text.find("checksum of a record"), std::string::npos) << text;
}

}  // namespace
}  // namespace sluice
