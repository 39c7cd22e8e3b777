// Traced runs: what they note, and the trace that Chrome shows.
#include <cstring>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "google/protobuf/struct.pb.h"
#include "google/protobuf/util/json_util.h"
#include "gtest/gtest.h"
#include "ops/all_ops.h"
#include "ops/placeholder.h"
#include "session/session.h"
#include "tests/testing/core/status_matchers.h"
#include "tests/testing/core/tensors.h"

namespace sluice {
namespace {

using ::google::protobuf::Struct;
using ::testing::Contains;

// y = relu(x w), x and w fed.
class ProfileTest : public ::testing::Test {
 protected:
  ProfileTest() {
    x_ = ops::Placeholder(root_.Named("x"), DType::kFloat, {2, 3});
    w_ = ops::Placeholder(root_.Named("w"), DType::kFloat, {3, 4});
    const Output product = At(root_.Named("product")).Node("MatMul", {x_, w_});
    y_ = At(root_.Named("y")).Node("Relu", {product});
    feeds_ = {{x_, RandomTensor(DType::kFloat, {2, 3}, 1, -1, 1)},
              {w_, RandomTensor(DType::kFloat, {3, 4}, 2, -1, 1)}};
  }
  Session MakeSession(bool optimize) {
    EXPECT_THAT(graph_.status(), IsOk());
    absl::StatusOr<Session> session = Session::Create(graph_, {.optimize = optimize});
    EXPECT_THAT(session, IsOk());
    return *std::move(session);
  }
  RunMetadata Trace(Session& session, std::vector<Tensor>* results) {
    RunMetadata run;
    EXPECT_THAT(
        session.RunInto(feeds_, {y_}, {.trace_level = RunOptions::kFullTrace}, results, &run),
        IsOk());
    return run;
  }

  Graph graph_{ops::Builtin()};
  Scope root_ = Scope::Root(graph_);
  Output x_, w_, y_;
  Feeds feeds_;
};

TEST_F(ProfileTest, EveryStepIsNoted) {
  Session session = MakeSession(false);
  std::vector<Tensor> results;
  const RunMetadata run = Trace(session, &results);
  ASSERT_EQ(run.steps.size(), 3u);
  const StepStats &product = run.steps[0], &relu = run.steps[1], &fetch = run.steps[2];
  EXPECT_EQ(product.node, "product");
  EXPECT_EQ(product.op, "MatMul");
  EXPECT_EQ(product.bytes, 4 * (2 * 3 + 3 * 4 + 2 * 4));
  EXPECT_EQ(product.output_bytes, 4 * 2 * 4);
  EXPECT_EQ(product.flops, 2 * 2 * 3 * 4);
  EXPECT_EQ(relu.node, "y");
  EXPECT_EQ(relu.op, "Relu");
  EXPECT_EQ(relu.bytes, 4 * (8 + 8));
  EXPECT_EQ(relu.output_bytes, 4 * 8);
  EXPECT_EQ(relu.flops, 8);
  EXPECT_EQ(fetch.node, "y");
  EXPECT_EQ(fetch.op, "fetch");
  EXPECT_EQ(fetch.bytes, 4 * 8);
  EXPECT_EQ(fetch.flops, 0);
}

TEST_F(ProfileTest, ValuesReadTwiceAreCountedOnce) {
  y_ = At(root_).Node("Mul", {x_, x_});
  Session session = MakeSession(false);
  std::vector<Tensor> results;
  const RunMetadata run = Trace(session, &results);
  ASSERT_EQ(run.steps.size(), 2u);
  EXPECT_EQ(run.steps[0].bytes, 4 * (6 + 6));
}

// The clock never goes back, so this needs no luck.
TEST_F(ProfileTest, TimesLieInTheRun) {
  for (const bool optimize : {false, true}) {
    Session session = MakeSession(optimize);
    std::vector<Tensor> results;
    const RunMetadata run = Trace(session, &results);
    ASSERT_FALSE(run.steps.empty());
    int64_t before = 0;
    for (const StepStats& step : run.steps) {
      EXPECT_GE(step.start_ns, before);
      EXPECT_GE(step.duration_ns, 0);
      before = step.start_ns + step.duration_ns;
    }
    EXPECT_GE(run.duration_ns, before);
    EXPECT_GT(run.start_us, 0);
    EXPECT_GE(run.threads, 1);
    if (!optimize) {
      EXPECT_GT(run.arena_bytes, 0);
    }
  }
}

TEST_F(ProfileTest, TheDescriptionOfThePlanHasTheSameSteps) {
  for (const bool optimize : {false, true}) {
    Session session = MakeSession(optimize);
    std::vector<Tensor> results;
    const RunMetadata run = Trace(session, &results);
    const absl::StatusOr<PlanDescription> plan = session.DescribePlan(feeds_, {y_});
    ASSERT_THAT(plan, IsOk());
    ASSERT_EQ(plan->steps.size(), run.steps.size());
    for (size_t s = 0; s < run.steps.size(); ++s) {
      EXPECT_EQ(plan->steps[s].node, run.steps[s].node);
      EXPECT_EQ(plan->steps[s].op, run.steps[s].op);
      EXPECT_EQ(plan->steps[s].flops, run.steps[s].flops);
    }
    EXPECT_EQ(plan->arena_bytes, run.arena_bytes);
  }
}

TEST_F(ProfileTest, ResultsAreThoseOfAnUntracedRun) {
  Session session = MakeSession(true);
  std::vector<Tensor> traced, plain;
  Trace(session, &traced);
  ASSERT_THAT(session.RunInto(feeds_, {y_}, &plain), IsOk());
  ASSERT_EQ(traced[0].byte_size(), plain[0].byte_size());
  EXPECT_EQ(std::memcmp(traced[0].raw(), plain[0].raw(), 4 * 8), 0);
}

TEST_F(ProfileTest, AnUntracedRunNotesNothing) {
  Session session = MakeSession(true);
  std::vector<Tensor> results;
  RunMetadata run;
  run.steps.emplace_back();
  run.duration_ns = run.start_us = run.arena_bytes = 5;
  ASSERT_THAT(session.RunInto(feeds_, {y_}, RunOptions(), &results, &run), IsOk());
  EXPECT_TRUE(run.steps.empty());
  EXPECT_EQ(run.duration_ns, 0);
  EXPECT_EQ(run.start_us, 0);
  EXPECT_EQ(run.arena_bytes, 0);
  ASSERT_THAT(
      session.RunInto(feeds_, {y_}, {.trace_level = RunOptions::kFullTrace}, &results, nullptr),
      IsOk());
}

TEST_F(ProfileTest, ARunThatFailsLeavesTheStepsBeforeIt) {
  const Output zero = At(root_).Node("Cast", {x_}, {{"DstT", DType::kInt32}});
  y_ = At(root_.Named("bad")).Node("FloorDiv", {zero, At(root_).Node("Sub", {zero, zero})});
  Session session = MakeSession(false);
  std::vector<Tensor> results;
  RunMetadata run;
  EXPECT_FALSE(
      session.RunInto(feeds_, {y_}, {.trace_level = RunOptions::kFullTrace}, &results, &run).ok());
  std::vector<std::string> ops;
  for (const StepStats& step : run.steps) ops.push_back(step.op);
  EXPECT_THAT(ops, Contains("Cast"));
}

// --- ChromeTrace ---

Struct Parse(const std::string& json) {
  Struct parsed;
  const auto status = google::protobuf::util::JsonStringToMessage(json, &parsed);
  EXPECT_TRUE(status.ok()) << status.ToString() << "\n" << json;
  return parsed;
}

// The events of phase `phase`.
std::vector<Struct> Events(const Struct& trace, const std::string& phase) {
  std::vector<Struct> events;
  for (const auto& value : trace.fields().at("traceEvents").list_value().values()) {
    const Struct& event = value.struct_value();
    if (event.fields().at("ph").string_value() == phase) events.push_back(event);
  }
  return events;
}

double Number(const Struct& s, const std::string& name) {
  return s.fields().at(name).number_value();
}
std::string Text(const Struct& s, const std::string& name) {
  return s.fields().at(name).string_value();
}

TEST(ChromeTraceTest, OneCompleteEventForEachStep) {
  RunMetadata run;
  run.start_us = 1234567;
  run.duration_ns = 9000;
  run.threads = 2;
  run.steps.push_back({.node = "net/conv",
                       .op = "Conv2D",
                       .start_ns = 1500,
                       .duration_ns = 2000,
                       .bytes = 6000,
                       .flops = 8e3,
                       .output_bytes = 1000});
  run.steps.push_back(
      {.node = "y", .op = "fetch", .start_ns = 4000, .duration_ns = 7, .bytes = 70, .thread = 1});
  const Struct trace = Parse(ChromeTrace(run));
  const std::vector<Struct> events = Events(trace, "X");
  ASSERT_EQ(events.size(), 2u);
  EXPECT_EQ(Text(events[0], "name"), "Conv2D");
  EXPECT_EQ(Number(events[0], "ts"), 1.5);  // microseconds
  EXPECT_EQ(Number(events[0], "dur"), 2);
  EXPECT_EQ(Number(events[0], "tid"), 0);
  const Struct& args = events[0].fields().at("args").struct_value();
  EXPECT_EQ(Text(args, "node"), "net/conv");
  EXPECT_EQ(Text(args, "op"), "Conv2D");
  EXPECT_EQ(Number(args, "bytes"), 6000);
  EXPECT_EQ(Number(args, "output_bytes"), 1000);
  EXPECT_EQ(Number(args, "GB/s"), 3);
  EXPECT_EQ(Number(args, "flops"), 8000);
  EXPECT_EQ(Number(args, "GF/s"), 4);
  EXPECT_EQ(Number(events[1], "dur"), 0.007);
  EXPECT_EQ(Number(events[1], "tid"), 1);
  EXPECT_EQ(events[1].fields().at("args").struct_value().fields().count("GF/s"), 0u);
  EXPECT_EQ(Events(trace, "M").size(), 3u);  // the process and two threads have names
  EXPECT_EQ(Number(trace.fields().at("otherData").struct_value(), "start_us"), 1234567);
}

TEST(ChromeTraceTest, NamesAreEscaped) {
  const std::string name = "a\"b\\c\nd\x01 \xc3\xa4</script>";
  RunMetadata run;
  run.steps.push_back({.node = name, .op = "Odd\"Op"});
  const std::vector<Struct> events = Events(Parse(ChromeTrace(run)), "X");
  ASSERT_EQ(events.size(), 1u);
  EXPECT_EQ(Text(events[0], "name"), "Odd\"Op");
  EXPECT_EQ(Text(events[0].fields().at("args").struct_value(), "node"), name);
}

TEST(ChromeTraceTest, NothingToShow) { EXPECT_TRUE(Events(Parse(ChromeTrace({})), "X").empty()); }

}  // namespace
}  // namespace sluice
