#include "train/restore_plan.h"

#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/testing/core/status_matchers.h"

namespace sluice::train {
namespace {

using absl::StatusCode;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;
using Restored = RestoreReport::Restored;
using Skipped = RestoreReport::Skipped;

TensorFact Float(const std::string& name, const TensorShape& shape = {2}) {
  return {name, DType::kFloat, shape};
}

// --- rules of names ------------------------------------------------------------------------------

std::string Apply(const RenameRules& rules, const std::string& name) {
  EXPECT_THAT(rules.Check(), IsOk());
  return rules.Apply(name);
}

TEST(RenameRules, TablesOfNamesAndScopes) {
  const RenameRules rules{.table = {{"model/", "net/"},
                                    {"model/head/", "top/"},
                                    {"model/step", "global_step"},
                                    {"step", "count"}}};
  EXPECT_EQ(Apply(rules, "model/a/w"), "net/a/w");
  EXPECT_EQ(Apply(rules, "model/head/w"), "top/w");  // the longer scope
  EXPECT_EQ(Apply(rules, "model/step"), "global_step");
  EXPECT_EQ(Apply(rules, "step"), "count");
  EXPECT_EQ(Apply(rules, "models/a"), "models/a");
  EXPECT_EQ(Apply(rules, "x/model/a"), "x/model/a");
}

TEST(RenameRules, TheRoot) {
  EXPECT_EQ(Apply({.table = {{"/", "net/"}}}, "a/w"), "net/a/w");
  EXPECT_EQ(Apply({.table = {{"net/", "/"}}}, "net/a/w"), "a/w");
}

TEST(RenameRules, RegexesInOrder) {
  const RenameRules rules{.table = {{"keep/weights", "keep/weights"}},
                          .regexes = {{"^model/(\\w+)/", "net/\\1_0/"}, {"weights$", "kernel"}}};
  EXPECT_EQ(Apply(rules, "model/conv/weights"), "net/conv_0/kernel");
  EXPECT_EQ(Apply(rules, "other/weights"), "other/kernel");
  EXPECT_EQ(Apply(rules, "keep/weights"), "keep/weights");  // the table has it
}

TEST(RenameRules, Refused) {
  const auto check = [](RenameRules rules) { return rules.Check(); };
  EXPECT_THAT(check({.table = {{"a/", "b"}}}),
              StatusIs(StatusCode::kInvalidArgument, "a scope ('scope/') goes with a scope"));
  EXPECT_THAT(check({.table = {{"a", ""}}}),
              StatusIs(StatusCode::kInvalidArgument, "must have two names"));
  EXPECT_THAT(check({.regexes = {{"a(", "b"}}}),
              StatusIs(StatusCode::kInvalidArgument, "'a(' is no regular expression"));
  EXPECT_THAT(check({.regexes = {{"a", "\\1"}}}),
              StatusIs(StatusCode::kInvalidArgument, "is no rewrite of 'a'"));
}

// --- plans ---------------------------------------------------------------------------------------

TEST(PlanRestore, EverythingFits) {
  const auto plan = PlanRestore({Float("b"), Float("a")}, {Float("a"), Float("b"), Float("c")});
  ASSERT_THAT(plan, IsOk());
  EXPECT_THAT(plan->keys, ElementsAre(Pair("a", "a"), Pair("b", "b")));
  EXPECT_THAT(plan->report.restored, ElementsAre(Restored{"a", "a"}, Restored{"b", "b"}));
  EXPECT_THAT(plan->report.skipped, IsEmpty());
  EXPECT_THAT(plan->report.extra, ElementsAre("c"));
}

// SV-6: the words, then every difference.
TEST(PlanRestore, Refusals) {
  const absl::Status missing =
      PlanRestore({Float("net/a"), Float("net/b")}, {Float("model/a"), Float("model/b")}).status();
  EXPECT_THAT(missing, StatusIs(StatusCode::kNotFound, "Key net/a not found in checkpoint"));
  EXPECT_THAT(missing, StatusIs(StatusCode::kNotFound, "'model/' -> 'net/' would find 2 of the 2"));
  EXPECT_THAT(PlanRestore({Float("a", {2})}, {Float("a", {3})}).status(),
              StatusIs(StatusCode::kInvalidArgument,
                       "Assign requires shapes of both tensors to match. lhs shape= [2] rhs "
                       "shape= [3]"));
  EXPECT_THAT(PlanRestore({Float("a")}, {{"a", DType::kInt32, {2}}}).status(),
              StatusIs(StatusCode::kInvalidArgument,
                       "expected dtype float32 does not equal original dtype int32"));
  // The first name decides.
  EXPECT_THAT(PlanRestore({Float("a"), Float("b")}, {Float("b", {9})}).status(),
              StatusIs(StatusCode::kNotFound, "Key a not found"));
  EXPECT_THAT(PlanRestore({Float("a"), Float("b")}, {Float("a", {9})}).status(),
              StatusIs(StatusCode::kInvalidArgument, "missing in the checkpoint: 1 of 2"));
}

TEST(PlanRestore, ReshapeTakesAsManyElements) {
  const std::vector<TensorFact> held = {Float("a", {3, 2})};
  EXPECT_THAT(PlanRestore({Float("a", {6})}, held, {}, /*reshape=*/true), IsOk());
  EXPECT_THAT(PlanRestore({Float("a", {6})}, held),
              StatusIs(StatusCode::kInvalidArgument, "lhs shape= [6] rhs shape= [3,2]"));
  EXPECT_THAT(PlanRestore({Float("a", {7})}, held, {}, /*reshape=*/true),
              StatusIs(StatusCode::kInvalidArgument, "lhs shape= [7]"));
  EXPECT_THAT(PlanRestore({{"a", DType::kInt32, {6}}}, held, {}, /*reshape=*/true),
              StatusIs(StatusCode::kInvalidArgument, "expected dtype int32"));
}

TEST(PlanRestore, PartialLeavesOutAndTells) {
  const auto plan =
      PlanRestore({Float("a"), Float("b"), {"c", DType::kInt32, {2}}, Float("d", {5})},
                  {Float("a"), Float("c"), Float("d", {4}), Float("e")}, {.partial = true});
  ASSERT_THAT(plan, IsOk());
  EXPECT_THAT(plan->keys, ElementsAre(Pair("a", "a")));
  EXPECT_THAT(plan->report.skipped,
              ElementsAre(Skipped{"b", "Key b not found in checkpoint"},
                          Skipped{"c",
                                  "tensor_name = c; expected dtype int32 does not equal "
                                  "original dtype float32"},
                          Skipped{"d",
                                  "variable d: Assign requires shapes of both tensors to "
                                  "match. lhs shape= [5] rhs shape= [4]"}));
  EXPECT_THAT(plan->report.extra, ElementsAre("e"));
  EXPECT_THAT(plan->report.ToString(), HasSubstr("restored 1 tensors\nleft out: 3\n"));
}

TEST(PlanRestore, Renames) {
  RestoreOptions options;
  options.renames.table = {{"model/", "net/"}, {"nowhere", "x"}};
  options.renames.regexes = {{"^old$", "new"}, {"zzz", ""}};
  const auto plan =
      PlanRestore({Float("net/a"), Float("new")}, {Float("model/a"), Float("old")}, options);
  ASSERT_THAT(plan, IsOk());
  EXPECT_THAT(plan->keys, ElementsAre(Pair("net/a", "model/a"), Pair("new", "old")));
  EXPECT_THAT(plan->report.unused_rules, ElementsAre("nowhere", "zzz"));
  EXPECT_THAT(plan->report.extra, IsEmpty());
}

TEST(PlanRestore, TwoTensorsOfOneNameAreRefused) {
  RestoreOptions options;
  options.partial = true;
  options.renames.table = {{"b", "a"}};
  EXPECT_THAT(
      PlanRestore({Float("a")}, {Float("a"), Float("b")}, options),
      StatusIs(StatusCode::kInvalidArgument, "make 'a' and 'b' of the checkpoint both 'a'"));
}

// tf.train.init_from_checkpoint: only what the map covers.
TEST(PlanRestore, AssignmentMaps) {
  RestoreOptions options;
  options.assignment_map = {{"old/", "new/"}, {"old/b/w", "other"}};
  const std::vector<TensorFact> wanted = {Float("new/a/w"), Float("other"), Float("rest")};
  const auto plan =
      PlanRestore(wanted, {Float("old/a/w"), Float("old/b/w"), Float("rest")}, options);
  ASSERT_THAT(plan, IsOk());
  EXPECT_THAT(plan->keys, ElementsAre(Pair("new/a/w", "old/a/w"), Pair("other", "old/b/w")));
  EXPECT_THAT(plan->report.skipped, ElementsAre(Skipped{"rest", "not in the assignment map"}));
  EXPECT_THAT(plan->report.extra, ElementsAre("rest"));
}

TEST(PlanRestore, AssignmentMapsFromAndToTheRoot) {
  RestoreOptions options;
  options.assignment_map = {{"/", "net/"}};
  const auto into = PlanRestore({Float("net/a"), Float("b")}, {Float("a"), Float("b")}, options);
  ASSERT_THAT(into, IsOk());
  EXPECT_THAT(into->keys, ElementsAre(Pair("net/a", "a")));
  options.assignment_map = {{"net/", "/"}};
  const auto out = PlanRestore({Float("a")}, {Float("net/a")}, options);
  ASSERT_THAT(out, IsOk());
  EXPECT_THAT(out->keys, ElementsAre(Pair("a", "net/a")));
}

TEST(PlanRestore, AssignmentMapsDoNotFallBackToTheVariablesOwnName) {
  RestoreOptions options;
  options.assignment_map = {{"old/", "new/"}};
  EXPECT_THAT(PlanRestore({Float("new/a")}, {Float("new/a"), Float("old/b")}, options),
              StatusIs(StatusCode::kNotFound, "Key new/a not found"));
}

TEST(PlanRestore, AssignmentMapsThatNameNothing) {
  RestoreOptions options;
  options.assignment_map = {{"old/a", "new/b"}};
  EXPECT_THAT(
      PlanRestore({Float("new/a")}, {Float("old/a")}, options),
      StatusIs(StatusCode::kInvalidArgument, "'new/b', which 'old/a' is to be assigned to"));
  options.assignment_map = {{"old/", "neu/"}};
  EXPECT_THAT(PlanRestore({Float("new/a")}, {Float("old/a")}, options),
              StatusIs(StatusCode::kInvalidArgument, "is no variable scope of the graph"));
  options.assignment_map = {{"old/a", "new/a"}, {"old/b", "new/a"}};
  EXPECT_THAT(PlanRestore({Float("new/a")}, {Float("old/a")}, options),
              StatusIs(StatusCode::kInvalidArgument, "two sources: 'old/a' and 'old/b'"));
}

}  // namespace
}  // namespace sluice::train
