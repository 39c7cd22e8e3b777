// The examples, run as a newcomer runs them but for fewer steps: each must reach its accuracy on
// the 10,000 test images of Fashion-MNIST.
#include <sys/wait.h>

#include <cstdio>
#include <cstdlib>
#include <string>

#include "gtest/gtest.h"

namespace sluice {
namespace {

struct ExampleRun {
  int exit_code = -1;
  std::string output;  // of both streams

  // The number behind the last `label`, -1 when there is none.
  double Number(const std::string& label) const {
    const size_t at = output.rfind(label);
    return at == std::string::npos ? -1 : std::atof(output.c_str() + at + label.size());
  }
};

ExampleRun RunProgram(const std::string& command) {
  ExampleRun run;
  FILE* pipe = popen((command + " 2>&1").c_str(), "r");
  if (pipe == nullptr) return run;
  char chunk[4096];
  while (const size_t count = fread(chunk, 1, sizeof(chunk), pipe)) run.output.append(chunk, count);
  const int status = pclose(pipe);
  run.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  return run;
}

TEST(ExamplesTest, MobileNetStyle) {
  const ExampleRun run = RunProgram("examples/mobilenet/mobilenet --steps=300");
  ASSERT_EQ(run.exit_code, 0) << run.output;
  EXPECT_GE(run.Number("test accuracy "), 0.80) << run.output;
}

TEST(ExamplesTest, LocallyConnected) {
  const ExampleRun run = RunProgram("examples/locally_connected/locally_connected --steps=300");
  ASSERT_EQ(run.exit_code, 0) << run.output;
  EXPECT_GE(run.Number("test accuracy "), 0.80) << run.output;
}

TEST(ExamplesTest, Pruned) {
  const ExampleRun run =
      RunProgram("examples/pruned/pruned --steps=300 --out=" + ::testing::TempDir() + "/pruned");
  ASSERT_EQ(run.exit_code, 0) << run.output;
  const double dense = run.Number("dense accuracy ");
  EXPECT_GE(dense, 0.80) << run.output;
  EXPECT_GE(run.Number("sparse accuracy "), dense - 0.01) << run.output;
  EXPECT_LE(run.Number("size ratio "), 0.40) << run.output;
}

// Of pairs of test images: same kind or not.
TEST(ExamplesTest, Siamese) {
  const ExampleRun run = RunProgram("examples/siamese/siamese --steps=300");
  ASSERT_EQ(run.exit_code, 0) << run.output;
  EXPECT_GE(run.Number("test accuracy "), 0.84) << run.output;
}

// The line through its four points is y = 0.5 x + 2.
TEST(ExamplesTest, Serving) {
  const std::string directory = ::testing::TempDir() + "/half_plus_two";
  const ExampleRun run = RunProgram("examples/serving/serving --out=" + directory);
  ASSERT_EQ(run.exit_code, 0) << run.output;
  EXPECT_NEAR(run.Number("y(3) = "), 3.5, 0.01) << run.output;
  EXPECT_NEAR(run.Number("y(10) = "), 7, 0.02) << run.output;
  const ExampleRun again = RunProgram("examples/serving/serving --out=" + directory);
  EXPECT_EQ(again.exit_code, 1) << "a model is never written over";
}

TEST(ExamplesTest, MissingDataSaysWhatToInstall) {
  for (const char* program : {"mobilenet/mobilenet", "locally_connected/locally_connected",
                              "pruned/pruned", "siamese/siamese"}) {
    const ExampleRun run = RunProgram(std::string("examples/") + program + " --data=/nonexistent");
    EXPECT_EQ(run.exit_code, 1);
    EXPECT_NE(run.output.find("dataset-fashion-mnist"), std::string::npos) << run.output;
  }
}

}  // namespace
}  // namespace sluice
