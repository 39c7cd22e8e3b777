// sluice ops: the table of ops.
#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "ops/all_ops.h"
#include "tests/testing/tools/tool_fixture.h"

namespace sluice::tools {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;

class OpsCommandTest : public ToolFixture {
 protected:
  // The fields of the only op's line.
  std::vector<std::string> Fields(const std::string& op) {
    EXPECT_EQ(Sluice({"ops", op}), 0) << err_;
    const std::vector<std::string> lines = absl::StrSplit(out_, '\n');
    EXPECT_EQ(lines.size(), 3u) << out_;  // the heads, the op, nothing
    return lines.size() > 1 ? absl::StrSplit(lines[1], '\t') : std::vector<std::string>();
  }
};

TEST_F(OpsCommandTest, ALinePerOpSortedByName) {
  ASSERT_EQ(Sluice({"ops"}), 0) << err_;
  std::vector<std::string> lines = absl::StrSplit(out_, '\n');
  ASSERT_EQ(lines.back(), "");
  lines.pop_back();
  EXPECT_EQ(lines.front(), "op\ttypes\tgradient\tdeterministic");
  lines.erase(lines.begin());
  EXPECT_EQ(lines.size(), ops::Builtin().ops().size());
  std::vector<std::string> names;
  for (const std::string& line : lines) {
    const std::vector<std::string> fields = absl::StrSplit(line, '\t');
    EXPECT_EQ(fields.size(), 4u) << line;
    names.push_back(fields[0]);
  }
  EXPECT_TRUE(std::is_sorted(names.begin(), names.end()));
}

TEST_F(OpsCommandTest, Fields) {
  EXPECT_THAT(Fields("SigmoidGrad"),
              ElementsAre("SigmoidGrad", "T: bfloat16,float16,float32,float64,complex64,complex128",
                          "yes", "yes"));
  EXPECT_THAT(Fields("Identity"), ElementsAre("Identity", "T: any", "yes", "yes"));
  EXPECT_THAT(Fields("NoOp")[1], "-");
  EXPECT_THAT(Fields("Floor")[2], "no: its value is piecewise constant");
  EXPECT_THAT(Fields("RandomUniform")[3], "seeded");
  EXPECT_THAT(Fields("AssignVariableOp")[3], "stateful");
  EXPECT_THAT(Fields("ArgMax")[1], HasSubstr("; Tidx: int32,int64; output_type: int32,int64"));
}

TEST_F(OpsCommandTest, TypesWithoutAKernelAreLeftOut) {
  for (const OpSpec* op : ops::Builtin().ops()) {
    for (const MissingKernel& missing : op->missing_kernels()) {
      ASSERT_EQ(Sluice({"ops", op->name(), "--json"}), 0) << err_;
      for (DType d : missing.types) {
        const size_t types = out_.find("\"types\": {"), end = out_.find('}', types);
        const size_t attr = out_.find(absl::StrCat("\"", missing.attr, "\": ["), types);
        ASSERT_LT(attr, end) << out_;
        const std::string list = out_.substr(attr, out_.find(']', attr) - attr);
        EXPECT_EQ(list.find(absl::StrCat("\"", DTypeName(d), "\"")), std::string::npos) << out_;
      }
    }
  }
}

TEST_F(OpsCommandTest, Json) {
  EXPECT_EQ(Sluice({"ops", "Floor", "Identity", "--json"}), 0) << err_;
  EXPECT_THAT(out_, StartsWith("{\"ops\": [{\"name\": \"Floor\", \"types\": {\"T\": [\"bfloat16\", "
                               "\"float16\", \"float32\", \"float64\"]}, \"missing_kernels\": [], "
                               "\"gradient\": \"no\", \"no_gradient_reason\": \"its value is "
                               "piecewise constant\", \"deterministic\": \"yes\"}, "
                               "{\"name\": \"Identity\", "));
}

TEST_F(OpsCommandTest, Errors) {
  ExpectExit(3, {"ops", "NoSuchOp"}, "no op NoSuchOp");
  ExpectExit(2, {"ops", "--fetch", "x"}, "fetch");
}

}  // namespace
}  // namespace sluice::tools
