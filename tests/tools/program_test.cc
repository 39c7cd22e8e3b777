// The real binary: main() and exit codes as a shell sees them.
#include <sys/wait.h>

#include <cstdio>
#include <string>

#include "tests/testing/tools/tool_fixture.h"

namespace sluice::tools {
namespace {

using ::testing::HasSubstr;

class ProgramTest : public ToolFixture {
 protected:
  // Runs the binary through the shell; its exit code, -1 when it died of a signal. Output of both
  // streams in out_.
  int RunBinary(const std::string& arguments) {
    out_.clear();
    FILE* pipe = popen(("tools/sluice " + arguments + " 2>&1").c_str(), "r");
    if (pipe == nullptr) return -1;
    char chunk[4096];
    while (const size_t count = fread(chunk, 1, sizeof(chunk), pipe)) out_.append(chunk, count);
    const int status = pclose(pipe);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }
};

TEST_F(ProgramTest, ExitCodes) {
  const std::string graph =
      Write("g.pbtxt", Placeholder("x", "dim { size: 2 }") + Op("y", "Neg", {"x"}) +
                           Op("odd", "NotAnOp", {"x"}));
  const std::string feed = " --feed x=" + WriteArray("x.npy", Tensor::Of<float>({2}, {3, -1}));
  const std::string out = " --out " + folder_;

  EXPECT_EQ(RunBinary("run " + graph + feed + " --fetch y:0" + out), 0) << out_;
  ExpectClose(ReadArray("y_0.npy"), Tensor::Of<float>({2}, {-3, 1}));
  EXPECT_EQ(RunBinary("run " + graph + " --fetch y:0" + out), 1);
  EXPECT_THAT(out_, HasSubstr("sluice: INVALID_ARGUMENT: "));
  EXPECT_EQ(RunBinary("run " + graph), 2);
  EXPECT_EQ(RunBinary("run " + graph + feed + " --fetch odd:0" + out), 3);
  EXPECT_EQ(RunBinary("inspect " + graph), 0);
  EXPECT_EQ(RunBinary("--help"), 0);
  EXPECT_THAT(out_, HasSubstr("Exit codes"));
  EXPECT_EQ(RunBinary(""), 2);
}

}  // namespace
}  // namespace sluice::tools
