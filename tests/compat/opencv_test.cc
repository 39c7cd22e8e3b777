// OpenCV's dnn module reads the graphs that we freeze and computes what we compute.
//
// Needs OpenCV's headers and a compiler at run time: the program in testdata/ is compiled here, so
// that nothing else depends on OpenCV. Skipped, with a message, where they are not installed.
#include <sys/wait.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <string>

#include "absl/strings/str_cat.h"
#include "core/file.h"
#include "sluice.h"
#include "tests/testing/program/frozen_fixture.h"

namespace sluice {
namespace {

constexpr char kHeaders[] = "/usr/include/opencv4";
constexpr char kSource[] = "tests/compat/testdata/opencv_run.cc";

// Runs a command of the shell; what it printed, and its exit code.
int Shell(const std::string& command, std::string* printed) {
  FILE* pipe = popen(absl::StrCat(command, " 2>&1").c_str(), "r");
  if (pipe == nullptr) return -1;
  std::array<char, 4096> buffer;
  while (std::fgets(buffer.data(), buffer.size(), pipe) != nullptr) *printed += buffer.data();
  const int status = pclose(pipe);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

// The program, compiled once; why there is none.
struct Runner {
  std::string path, missing, failed;
};
const Runner& TheRunner() {
  static const Runner* const runner = [] {
    auto* made = new Runner;
    std::string printed;
    if (!FileSystem::Default().Exists(absl::StrCat(kHeaders, "/opencv2/dnn.hpp"))) {
      made->missing = "OpenCV is not installed: apt-get install libopencv-dnn-dev";
    } else if (Shell("g++ --version", &printed) != 0) {
      made->missing = "no g++ to compile a program for OpenCV (package libopencv-dnn-dev) with";
    } else {
      made->path = JoinPath(::testing::TempDir(), "opencv_run");
      printed.clear();
      const std::string command =
          absl::StrCat("g++ -std=c++17 -O1 -I", kHeaders, " '", kSource, "' -o '", made->path,
                       "' -lopencv_dnn -lopencv_core");
      if (Shell(command, &printed) != 0) made->failed = printed;
    }
    return made;
  }();
  return *runner;
}

// int32 rank, dimensions, elements: what the program reads and writes.
std::string Packed(const Tensor& t) {
  std::vector<int32_t> head = {t.shape().rank()};
  for (const int64_t d : t.shape().dims()) head.push_back(static_cast<int32_t>(d));
  return absl::StrCat(
      absl::string_view(reinterpret_cast<const char*>(head.data()), head.size() * sizeof(int32_t)),
      absl::string_view(static_cast<const char*>(t.raw()), static_cast<size_t>(t.byte_size())));
}
Tensor Unpacked(const std::string& bytes) {
  const auto* words = reinterpret_cast<const int32_t*>(bytes.data());
  TensorShape shape;
  for (int32_t d = 0; d < words[0]; ++d) shape.AddDim(words[1 + d]);
  const auto* values = reinterpret_cast<const float*>(words + 1 + words[0]);
  return Tensor::Of<float>(shape,
                           absl::MakeConstSpan(values, static_cast<size_t>(shape.num_elements())));
}

class OpenCvTest : public FrozenFixture {
 protected:
  void SetUp() override {
    if (!TheRunner().missing.empty()) GTEST_SKIP() << TheRunner().missing;
    ASSERT_EQ(TheRunner().failed, "");
    graph_.SetSeed(5);
  }

  // Freezes `y`, and compares what OpenCV makes of it for a random input with ours.
  void Compare(const Output& x, const Output& y, const TensorShape& shape,
               const train::InferenceOptions& options = {}) {
    ASSERT_TRUE(graph_.ok()) << graph_.status();
    Trained();
    const Tensor input = RandomTensor(DType::kFloat, shape, 3);
    Feeds feeds = {{x, input}};
    for (const auto& [name, value] : options.values)
      feeds.push_back({*graph_.FindTensor(absl::StrCat(name, ":0")), value});
    const Tensor ours = Run(y, feeds);
    const proto::GraphDef def = Frozen({y}, options);
    const Tensor theirs = RunOpenCv(def, x.node()->name(), input, y.node()->name());
    ExpectClose(theirs, ours, {.rtol = 0, .atol = 1e-4});
  }

  Output Images(int64_t size, int64_t channels) {
    return ops::Placeholder(root_.Named("images"), DType::kFloat, {-1, size, size, channels});
  }
  Output Norm(const Output& x, bool fused = true, Training training = false) {
    return layers::BatchNormalization(root_, x, {.training = training, .fused = fused});
  }
  Output Conv(const Output& x, int64_t filters, int64_t kernel, int64_t strides = 1,
              Padding padding = Padding::kSame, bool use_bias = false) {
    return layers::Conv2D(root_, x,
                          {.filters = filters,
                           .kernel_size = kernel,
                           .strides = strides,
                           .padding = padding,
                           .use_bias = use_bias});
  }

 private:
  Tensor RunOpenCv(const proto::GraphDef& def, const std::string& input_name, const Tensor& input,
                   const std::string& output_name) {
    const std::string base = JoinPath(
        ::testing::TempDir(),
        absl::StrCat("opencv_", ::testing::UnitTest::GetInstance()->current_test_info()->name()));
    FileSystem& fs = FileSystem::Default();
    EXPECT_THAT(fs.ReplaceAtomically(base + ".pb", def.SerializeAsString()), IsOk());
    EXPECT_THAT(fs.ReplaceAtomically(base + ".in", Packed(input)), IsOk());
    std::string printed;
    const int code = Shell(absl::StrCat("'", TheRunner().path, "' '", base, ".pb' '", output_name,
                                        "' '", input_name, "=", base, ".in' '", base, ".out'"),
                           &printed);
    EXPECT_EQ(code, 0) << printed;
    const absl::StatusOr<std::string> bytes = fs.ReadAll(base + ".out");
    return code == 0 && bytes.ok() ? Unpacked(*bytes) : Tensor();
  }
};

TEST_F(OpenCvTest, LeNet) {
  const Output images = Images(28, 1);
  Output x = layers::Conv2D(root_, images,
                            {.filters = 6,
                             .kernel_size = 5,
                             .padding = Padding::kSame,
                             .activation = ops::Relu,
                             .name = "conv1"});
  x = layers::MaxPooling2D(root_, x, {.pool_size = 2, .strides = 2});
  x = layers::Conv2D(root_, x,
                     {.filters = 16, .kernel_size = 5, .activation = ops::Relu, .name = "conv2"});
  x = layers::MaxPooling2D(root_, x, {.pool_size = 2, .strides = 2});
  x = layers::Flatten(root_, x);
  x = layers::Dense(root_, x, {.units = 120, .activation = ops::Relu});
  x = layers::Dropout(root_, x, {.rate = 0.4f, .training = false});
  x = layers::Dense(root_, x, {.units = 84, .activation = ops::Relu});
  x = layers::Dense(root_, x, {.units = 10, .name = "logits"});
  Compare(images, ops::Softmax(root_.Named("probabilities"), x), {2, 28, 28, 1});
}

TEST_F(OpenCvTest, MobileNet) {
  const Output images = Images(32, 3);
  Output x = ops::Relu6(root_, Norm(Conv(images, 8, 3, 2)));
  for (const int64_t stride : {1, 2, 1}) {
    x = layers::DepthwiseConv2D(
        root_, x,
        {.kernel_size = 3, .strides = stride, .padding = Padding::kSame, .use_bias = false});
    x = ops::Relu6(root_, Norm(x));
    x = ops::Relu6(root_, Norm(Conv(x, 16, 1)));
  }
  x = layers::GlobalAveragePooling2D(root_, x);
  x = layers::Dense(root_, x, {.units = 10});
  Compare(images, ops::Softmax(root_.Named("out"), x), {2, 32, 32, 3});
  EXPECT_EQ(report_.batch_norms_folded, 7);
}

TEST_F(OpenCvTest, FusedBatchNorm) {
  const Output images = Images(12, 3);
  Compare(images, ops::Relu(root_.Named("out"), Norm(Conv(images, 5, 3))), {2, 12, 12, 3});
}

TEST_F(OpenCvTest, FusedBatchNormUnfolded) {
  const Output images = Images(12, 3);
  Compare(images, ops::Relu(root_.Named("out"), Norm(Conv(images, 5, 3))), {2, 12, 12, 3},
          {.fold_batch_norms = false});
}

TEST_F(OpenCvTest, ExpandedBatchNorm) {
  const Output images = Images(12, 3);
  Compare(images, ops::Relu(root_.Named("out"), Norm(Conv(images, 5, 3), false)), {2, 12, 12, 3});
}

TEST_F(OpenCvTest, BatchNormBeforeConvolution) {
  const Output images = Images(12, 3);
  Output x = Conv(Norm(images), 5, 3, 1, Padding::kValid, true);
  x = Norm(ops::Relu(root_, x));
  x = layers::MaxPooling2D(root_, x, {.pool_size = 3, .strides = 2, .padding = Padding::kSame});
  Compare(images, ops::Identity(root_.Named("out"), x), {2, 12, 12, 3});
}

TEST_F(OpenCvTest, ExpandedBatchNormBeforeConvolution) {
  const Output images = Images(12, 3);
  Output x = Conv(Norm(images, false), 5, 3, 1, Padding::kValid, true);
  x = Norm(ops::Relu(root_, x), false);
  Compare(images, ops::Sigmoid(root_.Named("out"), x), {2, 12, 12, 3});
}

TEST_F(OpenCvTest, BatchNormOfRows) {
  const Output rows = ops::Placeholder(root_.Named("rows"), DType::kFloat, {-1, 20});
  Output x = layers::Dense(root_, Norm(rows, false), {.units = 9, .activation = ops::Relu});
  x = layers::Dense(root_, Norm(x, false), {.units = 6});
  Compare(rows, ops::Softmax(root_.Named("out"), Norm(x, false)), {2, 20});
}

TEST_F(OpenCvTest, ATrainingPlaceholder) {
  const Output images = Images(10, 3);
  const Output training = ops::Placeholder(root_.Named("training"), DType::kBool, {});
  Output x = ops::Relu(root_, Norm(Conv(images, 4, 3), true, training));
  x = layers::AveragePooling2D(root_, x, {.pool_size = 2, .strides = 2});
  x = layers::Dropout(root_, layers::Flatten(root_, x), {.rate = 0.5f, .training = training});
  x = layers::Dense(root_, x, {.units = 5});
  Compare(images, ops::Softmax(root_.Named("out"), x), {2, 10, 10, 3},
          {.values = {{"training", Tensor::Scalar(false)}}});
}

TEST_F(OpenCvTest, ResidualBlock) {
  const Output images = Images(10, 4);
  Output y = ops::Relu(root_, Norm(Conv(images, 4, 3)));
  y = Norm(Conv(y, 4, 3));
  const Output sum = ops::Relu(root_, images + y);
  const Output pooled = layers::GlobalAveragePooling2D(root_, sum);
  Compare(images, layers::Dense(root_, pooled, {.units = 3, .name = "out"}), {2, 10, 10, 4});
}

TEST_F(OpenCvTest, PaddingLeakyReluResizing) {
  const Output images = Images(9, 2);
  Output x = layers::ZeroPadding2D(root_, images, {.padding = 1});
  x = ops::LeakyRelu(root_, Conv(x, 4, 3, 2, Padding::kValid, true));
  x = layers::UpSampling2D(root_, x, {});
  Compare(images, ops::Identity(root_.Named("out"), x), {2, 9, 9, 2});
}

TEST_F(OpenCvTest, TransposedConvolution) {
  const Output images = Images(6, 3);
  const Output x = layers::Conv2DTranspose(
      root_, images, {.filters = 4, .kernel_size = 3, .strides = 2, .padding = Padding::kSame});
  Compare(images, ops::Relu(root_.Named("out"), Norm(x)), {2, 6, 6, 3});
}

TEST_F(OpenCvTest, DilatedAndSeparableConvolutions) {
  const Output images = Images(12, 2);
  Output x = layers::Conv2D(root_, images,
                            {.filters = 4, .kernel_size = 3, .dilation_rate = 2, .name = "wide"});
  x = ops::Elu(root_, Norm(x));
  x = layers::Conv2D(root_, x,
                     {.filters = 4,
                      .kernel_size = 3,
                      .padding = Padding::kSame,
                      .dilation_rate = 2,
                      .name = "same"});
  x = layers::SeparableConv2D(root_, x, {.filters = 6, .kernel_size = {3, 3}});
  Compare(images, ops::Tanh(root_.Named("out"), x), {2, 12, 12, 2});
}

TEST_F(OpenCvTest, BranchesThatMeet) {
  const Output images = Images(8, 3);
  Output x = ops::ConcatV2(root_, {Conv(images, 2, 1), Conv(images, 3, 3)}, ops::Const(root_, 3));
  x = layers::Flatten(root_, ops::Relu(root_, Norm(x)));
  Compare(images,
          layers::Dense(root_.VariableScope("d"), x, {.units = 3, .activation = ops::Sigmoid}),
          {2, 8, 8, 3});
}

}  // namespace
}  // namespace sluice
