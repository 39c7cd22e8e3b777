#include "examples/fashion_mnist/setup.h"

#include <algorithm>
#include <csignal>

#include "examples/fashion_mnist/progress.h"
#include "tests/testing/program/program_fixture.h"

namespace sluice::examples {
namespace {

using ::testing::HasSubstr;
using ::testing::internal::CaptureStdout;
using ::testing::internal::GetCapturedStdout;

class SetupTest : public ProgramFixture {};

TEST_F(SetupTest, MissingImagesNameThePackage) {
  const auto set = ReadImages("/none/data", "train");
  EXPECT_THAT(set, StatusIs(absl::StatusCode::kNotFound, "/none/data/train-images-idx3-ubyte.gz"));
  EXPECT_THAT(set, StatusIs(absl::StatusCode::kNotFound,
                            "Debian's package dataset-fashion-mnist: install it"));
}

TEST_F(SetupTest, TheFirstInterruptIsOnlyNoted) {
  CatchInterrupts();
  EXPECT_FALSE(Interrupted());
  std::raise(SIGTERM);
  EXPECT_TRUE(Interrupted());
}

TEST_F(SetupTest, TableOfVariables) {
  GetVariable(root_.VariableScope("a"), "kernel", {.shape = {3, 4}});
  GetVariable(root_.VariableScope("a"), "bias", {.shape = {4}});
  GetVariable(root_, "step", {.shape = {}, .trainable = false});
  CaptureStdout();
  PrintVariables(graph_);
  const std::string table = GetCapturedStdout();
  EXPECT_THAT(table, HasSubstr("a/kernel:0"));
  EXPECT_THAT(table, HasSubstr("[3,4]"));
  EXPECT_THAT(table, HasSubstr(" 16 parameters\n"));
  EXPECT_THAT(table, ::testing::Not(HasSubstr("step")));
}

TEST_F(SetupTest, ProgressIsPlainLinesWhereThereIsNoTerminal) {
  CaptureStdout();
  Progress progress(1, 250, 64);
  for (int step = 1; step <= 250; ++step) progress.Step(step, 0.5f, 0.75f);
  progress.Line("done");
  const std::string lines = GetCapturedStdout();
  EXPECT_EQ(std::count(lines.begin(), lines.end(), '\n'), 4);  // 100, 200, 250, done
  EXPECT_THAT(lines, HasSubstr("step 100/250  loss 0.5000  accuracy 0.750  "));
  EXPECT_THAT(lines, HasSubstr("step 250/250"));
  EXPECT_THAT(lines, HasSubstr("  0:00 left\n"));
  EXPECT_THAT(lines, ::testing::EndsWith("done\n"));
  EXPECT_THAT(lines, ::testing::Not(HasSubstr("\r")));
}

}  // namespace
}  // namespace sluice::examples
