// sluice lint: findings on stdout, exit codes.
#include <algorithm>
#include <string>

#include "graph/gradients.h"
#include "graph/graph_def.h"
#include "graph/variable.h"
#include "ops/all_ops.h"
#include "ops/l2_loss.h"
#include "ops/placeholder.h"
#include "proto/meta_graph.pb.h"
#include "tests/testing/tools/tool_fixture.h"

namespace sluice::tools {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

class LintCommandTest : public ToolFixture {
 protected:
  Variable Get(const std::string& name, VariableOptions options = {}) {
    options.shape = {2};
    options.initializer = OnesInitializer;
    return GetVariable(root_, name, options);
  }
  // One step on `w` alone.
  void Train() {
    const Output gradient = Gradients(root_, {loss_}, {w_.handle()})[0];
    graph_.AddToCollection(keys::kTrainOp, w_.AssignSub(root_.Named("train"), gradient));
  }
  std::string MetaFile() {
    proto::MetaGraphDef meta;
    EXPECT_THAT(ToMetaGraphDef(graph_, &meta), IsOk());
    return Write("m.meta", *SerializeMetaGraphDef(meta));
  }

  sluice::Graph graph_{ops::Builtin()};
  const Scope root_ = Scope::Root(graph_);
  const Variable w_ = Get("w");
  const Output loss_ = ops::L2Loss(root_.Named("loss"), w_.value());
};

TEST_F(LintCommandTest, CleanGraphs) {
  Train();
  const std::string file = MetaFile();
  EXPECT_EQ(Sluice({"lint", file, "--strict"}), 0) << err_;
  EXPECT_EQ(out_, "");
  EXPECT_EQ(Sluice({"lint", file, "--json", "--strict"}), 0) << err_;
  EXPECT_EQ(out_, "{\"findings\": [], \"warnings\": 0, \"notes\": 0}\n");
  EXPECT_EQ(Sluice({"lint", Write("g.pbtxt", *SerializeGraphDef(graph_, true))}), 0) << err_;
  EXPECT_EQ(out_, "");
  EXPECT_EQ(
      Sluice({"lint", Write("e.pb", ""), "--strict", "--threads", "1", "--memory-limit", "1G"}), 0)
      << err_;
}

TEST_F(LintCommandTest, WarningsFailWhenStrict) {
  Get("idle");
  Train();
  ops::Placeholder(root_.Named("p"), DType::kFloat, {2});
  const std::string file = MetaFile();
  EXPECT_EQ(Sluice({"lint", file}), 0) << err_;
  EXPECT_THAT(out_, StartsWith("warning: trainable-without-gradient: idle: it is trainable, "));
  EXPECT_THAT(out_, HasSubstr("\nwarning: unused-placeholder: p: nothing reads this placeholder"));
  EXPECT_EQ(std::count(out_.begin(), out_.end(), '\n'), 2);
  const std::string lines = out_;

  EXPECT_EQ(Sluice({"lint", file, "--strict"}), 1);
  EXPECT_EQ(out_, lines);
  EXPECT_THAT(err_, HasSubstr("FAILED_PRECONDITION: 2 warnings"));

  EXPECT_EQ(Sluice({"lint", file, "--json"}), 0) << err_;
  EXPECT_THAT(out_,
              StartsWith("{\"findings\": [{\"severity\": \"warning\", \"kind\": "
                         "\"trainable-without-gradient\", \"name\": \"idle\", \"message\": "));
  EXPECT_THAT(out_, HasSubstr("\"location\": \"\"}], \"warnings\": 2, \"notes\": 0}\n"));
}

TEST_F(LintCommandTest, NotesNeverFail) {
  ops::L2Loss(root_.Sub("other"), w_.value());
  Train();
  EXPECT_EQ(Sluice({"lint", MetaFile(), "--strict"}), 0) << err_;
  EXPECT_THAT(out_, StartsWith("note: shared-variable: w: 2 layer calls read it: "));
  EXPECT_EQ(Sluice({"lint", MetaFile(), "--json"}), 0) << err_;
  EXPECT_THAT(out_, HasSubstr("\"warnings\": 0, \"notes\": 1}\n"));
}

TEST_F(LintCommandTest, FetchesAndInitializer) {
  const Variable u = Get("u", {.trainable = false});
  ops::L2Loss(root_.Named("u_loss"), u.value());
  VariablesInitializer(root_.Named("init_w"), {w_});
  const std::string file = MetaFile();
  EXPECT_EQ(Sluice({"lint", file, "--fetch", "loss:0", "--init", "init_w", "--strict"}), 0) << err_;
  EXPECT_EQ(Sluice({"lint", file, "--fetch", "loss", "u_loss:0", "--init", "init_w", "--strict"}),
            1);
  EXPECT_THAT(out_, StartsWith("warning: uninitialized-variable: u: "));
  EXPECT_THAT(out_, Not(HasSubstr("variable: w")));
}

TEST_F(LintCommandTest, Refusals) {
  const std::string file = MetaFile();
  ExpectExit(2, {"lint"}, "expected one graph file, got 0");
  ExpectExit(2, {"lint", file, file}, "got 2");
  ExpectExit(2, {"lint", file, "--yaml"}, "unknown flag --yaml");
  ExpectExit(2, {"lint", file, "--threads", "0"}, "--threads");
  ExpectExit(2, {"lint", file, "--memory-limit", "0"}, "--memory-limit");
  ExpectExit(1, {"lint", Path("none.meta")}, "none.meta");
  ExpectExit(1, {"lint", Write("bad.meta", "\x0a\xff\xff\xff\xff\x0f")}, "bad.meta");
  ExpectExit(1, {"lint", file, "--fetch", "nowhere:0"}, "nowhere");
  ExpectExit(1, {"lint", file, "--init", "nowhere"}, "nowhere");
}

}  // namespace
}  // namespace sluice::tools
