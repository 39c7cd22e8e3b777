// Before the first step: findings of graph/lint.h, and variables without value named all at once.
#include <limits>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "glog/logging.h"
#include "gmock/gmock.h"
#include "graph/variable.h"
#include "gtest/gtest.h"
#include "ops/all_ops.h"
#include "ops/const.h"
#include "ops/placeholder.h"
#include "session/session.h"
#include "tests/testing/core/status_matchers.h"
#include "tests/testing/session/session_fixture.h"

namespace sluice {
namespace {

using absl::StatusCode;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

// What is logged with at least severity WARNING while it lives.
class Warnings : public google::LogSink {
 public:
  Warnings() { google::AddLogSink(this); }
  ~Warnings() override { google::RemoveLogSink(this); }
  void send(google::LogSeverity severity, const char*, const char*, int, const ::tm*,
            const char* message, size_t length) override {
    if (severity < google::GLOG_WARNING) return;
    const std::lock_guard<std::mutex> lock(mutex_);
    all_.emplace_back(message, length);
  }
  std::vector<std::string> Take() {
    const std::lock_guard<std::mutex> lock(mutex_);
    return std::exchange(all_, {});
  }

 private:
  std::mutex mutex_;
  std::vector<std::string> all_;
};

class PreflightTest : public ::testing::Test {
 protected:
  PreflightTest() { graph_.AddToCollection(keys::kTrainOp, train_); }

  Variable Get(const char* name, VariableOptions options = {}) {
    options.shape = {2};
    options.initializer = OnesInitializer;
    return GetVariable(root_, name, options);
  }
  Session MakeSession(Preflight preflight) {
    absl::StatusOr<Session> session = Session::Create(graph_, {.preflight = preflight});
    EXPECT_THAT(session, IsOk());
    EXPECT_THAT(session->Run(w_.initializer()), IsOk());
    return *std::move(session);
  }
  // A mistake: no train op changes it.
  void Forget() { Get("forgotten"); }

  Graph graph_{ops::Builtin()};
  Scope root_ = Scope::Root(graph_);
  const Variable w_ = Get("w");
  const Output train_ = w_.AssignSub(root_.Named("train"), w_.value());
  Warnings warnings_;
};

TEST_F(PreflightTest, WarnsOncePerSession) {
  Forget();
  ops::Placeholder(root_.Named("idle"), DType::kFloat, {2});
  Session session = MakeSession(SessionOptions().preflight);
  ASSERT_THAT(session.Run({}, {w_.value()}), IsOk());
  EXPECT_THAT(warnings_.Take(), IsEmpty());  // nothing has been trained yet
  ASSERT_THAT(session.Run(train_), IsOk());
  EXPECT_THAT(warnings_.Take(),
              ElementsAre(AllOf(HasSubstr("trainable-without-gradient: forgotten: "),
                                HasSubstr("preflight_test.cc:")),
                          HasSubstr("unused-placeholder: idle: ")));
  ASSERT_THAT(session.Run(train_), IsOk());
  ASSERT_THAT(session.Run({}, {train_, w_.value()}), IsOk());  // another plan
  EXPECT_THAT(warnings_.Take(), IsEmpty());
  Session other = MakeSession(Preflight::kWarn);
  ASSERT_THAT(other.Run(train_), IsOk());
  EXPECT_EQ(warnings_.Take().size(), 2u);
}

TEST_F(PreflightTest, ATrainOpBehindAControlEdgeCounts) {
  Forget();
  const Output all = Group(root_, {train_});
  Session session = MakeSession(Preflight::kWarn);
  ASSERT_THAT(session.Run(all), IsOk());
  EXPECT_EQ(warnings_.Take().size(), 1u);
}

TEST_F(PreflightTest, AGoodGraphIsSilent) {
  Session session = MakeSession(Preflight::kWarn);
  ASSERT_THAT(session.Run(train_), IsOk());
  EXPECT_THAT(warnings_.Take(), IsEmpty());
  Session strict = MakeSession(Preflight::kStrict);
  EXPECT_THAT(strict.Run(train_), IsOk());
}

TEST_F(PreflightTest, NotesAreNoProblem) {
  // Two layer calls read w: a note of the complete lint.
  At(root_.Sub("a")).Node("Neg", {w_.value()});
  At(root_.Sub("b")).Node("Neg", {w_.value()});
  Session strict = MakeSession(Preflight::kStrict);
  EXPECT_THAT(strict.Run(train_), IsOk());
  EXPECT_THAT(warnings_.Take(), IsEmpty());
}

TEST_F(PreflightTest, StrictRefusesEveryTime) {
  Forget();
  ops::Placeholder(root_.Named("idle"), DType::kFloat, {2});
  Session session = MakeSession(Preflight::kStrict);
  ASSERT_THAT(session.Run({}, {w_.value()}), IsOk());
  for (int i = 0; i < 2; ++i) {
    const absl::Status status = session.Run(train_);
    EXPECT_THAT(status, StatusIs(StatusCode::kFailedPrecondition, "Preflight::kStrict"));
    EXPECT_THAT(std::string(status.message()),
                AllOf(HasSubstr("trainable-without-gradient: forgotten: "),
                      HasSubstr("unused-placeholder: idle: ")));
  }
  EXPECT_THAT(warnings_.Take(), IsEmpty());
  const absl::StatusOr<std::vector<Tensor>> value = session.Run({}, {w_.value()});
  ASSERT_THAT(value, IsOk());
  ExpectClose((*value)[0], Floats({1, 1}));  // nothing was trained
}

TEST_F(PreflightTest, OffIsSilent) {
  Forget();
  Session session = MakeSession(Preflight::kOff);
  EXPECT_THAT(session.Run(train_), IsOk());
  EXPECT_THAT(warnings_.Take(), IsEmpty());
}

TEST_F(PreflightTest, AVariableThatHasAValueIsInitialized) {
  const Variable mine = Get("mine", {.trainable = false, .collections = {"mine"}});
  const Output both = w_.AssignSub(root_.Named("both"), mine.value());
  graph_.AddToCollection(keys::kTrainOp, both);
  Session without = MakeSession(Preflight::kStrict);
  EXPECT_THAT(without.Run(both),
              StatusIs(StatusCode::kFailedPrecondition, "warning: uninitialized-variable: mine: "));
  Session with = MakeSession(Preflight::kStrict);
  ASSERT_THAT(with.Run(mine.initializer()), IsOk());
  EXPECT_THAT(with.Run(both), IsOk());
}

TEST_F(PreflightTest, ManyThreadsWarnOnce) {
  Forget();
  Session session = MakeSession(Preflight::kWarn);
  std::vector<std::thread> threads;
  std::vector<absl::Status> statuses(4);
  for (absl::Status& status : statuses) threads.emplace_back([&] { status = session.Run(train_); });
  for (std::thread& thread : threads) thread.join();
  for (const absl::Status& status : statuses) EXPECT_THAT(status, IsOk());
  EXPECT_EQ(warnings_.Take().size(), 1u);
}

// --- variables without value ---

class UninitializedTest : public ::testing::Test {
 protected:
  Variable Get(const std::string& name, bool resource = true) {
    return GetVariable(root_, name,
                       {.shape = {2}, .initializer = OnesInitializer, .use_resource = resource});
  }
  std::string ErrorOf(const Outputs& fetches) {
    absl::StatusOr<Session> session = Session::Create(graph_);
    EXPECT_THAT(session, IsOk());
    const absl::Status status = session->Run({}, fetches).status();
    EXPECT_EQ(status.code(), StatusCode::kFailedPrecondition) << status;
    return std::string(status.message());
  }

  Graph graph_{ops::Builtin()};
  Scope root_ = Scope::Root(graph_);
};

TEST_F(UninitializedTest, OneIsNamedByItself) {  // VAR-11
  const std::string error = ErrorOf({Get("v").value()});
  EXPECT_THAT(error, HasSubstr("Error while reading resource variable v from Container: localhost. "
                               "This could mean that the variable was uninitialized."));
  EXPECT_THAT(error, Not(HasSubstr("in this run")));
}

TEST_F(UninitializedTest, AllAreNamedAtOnce) {
  const Variable a = Get("a"), c = Get("c"), b = Get("b");
  Get("elsewhere");  // no part of the run
  const std::string error = ErrorOf({a.value() + c.value(), b.value()});
  EXPECT_THAT(error, HasSubstr("Error while reading resource variable a from"));
  EXPECT_THAT(error, HasSubstr(" Also uninitialized in this run: b, c ("));
}

TEST_F(UninitializedTest, ReferencesToo) {
  const Variable a = Get("a", false), b = Get("b", false), c = Get("c");
  const std::string error = ErrorOf({a.value(), b.value(), c.value()});
  EXPECT_THAT(error, HasSubstr("Attempting to use uninitialized value a; also uninitialized in "
                               "this run: b, c"));
}

TEST_F(UninitializedTest, WhatTheRunWritesFirstHasAValue) {
  const Variable a = Get("a"), b = Get("b"), c = Get("c");
  const Scope after = root_.After({a.value(), b.initializer()});
  const std::string error = ErrorOf({a.value(), b.Read(after), c.Read(after)});
  EXPECT_THAT(error, HasSubstr("Also uninitialized in this run: c ("));
}

TEST_F(UninitializedTest, UpdatesNeedAValueButQuestionsDoNot) {
  const Variable a = Get("a"), b = Get("b"), c = Get("c");
  const Scope after = root_.After({a.value()});
  const Output one = ops::Const<float>(root_, {1, 1});
  const std::string error =
      ErrorOf({a.value(), b.AssignAdd(after, one), c.InitializedValue(after), c.is_initialized()});
  EXPECT_THAT(error, HasSubstr("Also uninitialized in this run: b ("));
}

TEST_F(UninitializedTest, ALongListIsCut) {
  Outputs fetches;
  for (int i = 0; i < 23; ++i)
    fetches.push_back(Get(absl::StrCat("v", i < 10 ? "0" : "", i)).value());
  const std::string error = ErrorOf(fetches);
  EXPECT_THAT(error, HasSubstr("this run: v01, v02, v03, "));
  EXPECT_THAT(error, HasSubstr(", v19, v20 and 2 more ("));
}

TEST_F(UninitializedTest, OtherErrorsStay) {
  const Variable a = Get("a");
  const Output bad = At(root_).Node(
      "CheckNumerics", {ops::Const<float>(root_, {std::numeric_limits<float>::infinity(), 0})},
      {{"message", std::string("bad")}});
  absl::StatusOr<Session> session = Session::Create(graph_);
  ASSERT_THAT(session, IsOk());
  const absl::Status status = session->Run({}, {bad, a.Read(root_.After({bad}))}).status();
  EXPECT_EQ(status.code(), StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()), Not(HasSubstr("uninitialized")));
}

}  // namespace
}  // namespace sluice
