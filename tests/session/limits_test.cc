// Large graphs, little memory, many plans.
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "session/plan_cache.h"
#include "tests/testing/session/session_fixture.h"

namespace sluice {
namespace {

using namespace session_ops;  // NOLINT: the ops of these tests
using absl::StatusCode;

using LimitsTest = SessionFixture;

TEST_F(LimitsTest, AChainOf50000Nodes) {
  const Output x = Placeholder(root_, DType::kFloat, {1});
  Output y = x;
  for (int i = 0; i < 50000; ++i) y = Add(root_, y, x);
  for (bool optimize : {true, false}) {
    Session session = MakeSession({.optimize = optimize});
    ExpectClose(Run(session, {{x, Floats({1})}}, y), Floats({50001}));
    ExpectClose(Run(session, {{x, Floats({2})}}, y), Floats({100002}));
  }
}

TEST_F(LimitsTest, AControlChainOf50000Nodes) {
  Output op = Effect(root_, "start");
  for (int i = 0; i < 50000; ++i) op = NoOp(root_.After({op}));
  Session session = MakeSession();
  EXPECT_THAT(session.Run(op), IsOk());
  EXPECT_EQ(TakeLog(), std::vector<std::string>{"start"});
}

// 2^64 paths.
TEST_F(LimitsTest, SixtyFourDiamonds) {
  const Output x = Placeholder(root_, DType::kFloat, {1});
  Output y = x;
  for (int i = 0; i < 64; ++i) y = Sub(root_, Add(root_, y, y), Identity(root_, y));
  Session session = MakeSession();
  ExpectClose(Run(session, {{x, Floats({3})}}, y), Floats({3}));
}

TEST_F(LimitsTest, AnAddNOf19999Inputs) {
  const Output x = Placeholder(root_, DType::kFloat, {1});
  const Output y = Square(root_, x);
  Outputs inputs;
  for (int i = 0; i < 19999; ++i) inputs.push_back(i % 2 ? x : y);
  const Output sum = AddN(root_, inputs);
  Session session = MakeSession();
  ExpectClose(Run(session, {{x, Floats({1})}}, sum), Floats({19999}));
}

TEST_F(LimitsTest, ManyReadersAndWritersOfOneVariable) {
  const Output v = VarHandle(root_, "v", {1});
  const Output init = Assign(root_, v, Const(root_, Floats({0})));
  const Output one = Const(root_, Floats({1}));
  Outputs ops;
  for (int i = 0; i < 10000; ++i) {
    ops.push_back(AssignAdd(root_, v, one));
    ops.push_back(Square(root_, Read(root_, v)));
  }
  Session session = MakeSession();
  ASSERT_THAT(session.Run(init), IsOk());
  const Output all = NoOp(root_.After(ops));
  ASSERT_THAT(session.Run(all), IsOk());
  ExpectClose(Run(session, Read(root_, v)), Floats({10000}));
  EXPECT_EQ(TakeCopies(), 0);
}

TEST_F(LimitsTest, APlanThatDoesNotFitIsRefusedAndNamed) {
  const Output x = Placeholder(root_, DType::kFloat, {-1});
  const Output y = Square(root_.Named("wide"), x);
  const Output sum = Sum(root_, y);
  Session session = MakeSession({.memory_limit_bytes = 1 << 20});
  const Feeds large = {{x, Tensor::Zeros(DType::kFloat, {1 << 20})}};
  const absl::Status status = session.Run(large, {sum}).status();
  EXPECT_THAT(status, StatusIs(StatusCode::kResourceExhausted, "of node 'wide' (Square)"));
  EXPECT_THAT(status, StatusIs(StatusCode::kResourceExhausted, "float32[1048576], 4194304 bytes"));
  ExpectClose(Run(session, {{x, Floats({1, 2})}}, sum), Tensor::Scalar(5.0f));
}

TEST_F(LimitsTest, IdlePlansAreGivenUpBeforeAPlanIsRefused) {
  const Output x = Placeholder(root_, DType::kFloat, {-1});
  const Output sum = Sum(root_, Square(root_, x));
  Session session = MakeSession({.memory_limit_bytes = 3 << 20});
  // Each plan takes about 2 MiB: one at a time fits.
  for (int64_t n : {262144, 262143, 262142, 262144}) {
    EXPECT_THAT(session.Run({{x, Tensor::Zeros(DType::kFloat, {n})}}, {sum}), IsOk()) << n;
    EXPECT_LE(session.memory_held(), 3 << 20);
  }
}

// Every allocation of a run is refused once: a run works or says ResourceExhausted, and a step is
// done whole or not at all.
TEST_F(LimitsTest, MemoryMayEndAnywhere) {
  const Output x = Placeholder(root_, DType::kFloat, {-1});
  const Output v = VarHandle(root_, "v", {32});
  const Output init = Assign(root_, v, Fill(root_, Const(root_, Ints({32})), Const(root_, 1)));
  const Output kept = Positive(root_, x);
  const Output late = Fill(root_, ReferenceShape(root_, Square(root_, kept)), Sum(root_, kept));
  const Output value = Read(root_, v);
  const Output copied = Square(root_, AddN(root_, {value, value}));
  const Output update = AssignAdd(root_.After({late}), v, copied);
  const Feeds feeds = {{x, Floats({1, -2, 3, 4})}};
  bool worked = false;
  int refused = 0;
  for (int64_t limit = 1; limit < 8192 && !worked; limit += 4) {
    Session session = MakeSession({.memory_limit_bytes = limit});
    if (!session.Run(init).ok()) continue;
    if (!session.Run({}, {value}).ok()) continue;  // its result is given back at once
    const absl::Status status = session.Run(feeds, {late, value, update}).status();
    worked = status.ok();
    if (!worked) {
      ++refused;
      EXPECT_THAT(status, StatusIs(StatusCode::kResourceExhausted, "memory limit reached"));
    }
    const auto after = session.Run({}, {value});
    ASSERT_THAT(after, IsOk());
    EXPECT_EQ((*after)[0].data<float>()[31], worked ? 5 : 1) << limit;
  }
  EXPECT_TRUE(worked);
  EXPECT_GT(refused, 10);
}

TEST_F(LimitsTest, ResultsCountAndAreGivenBack) {
  const Output y = Fill(root_, Const(root_, Ints({1000})), Const(root_, 1));
  Session session = MakeSession();
  Run(session, y);
  const int64_t before = session.memory_held();
  {
    const Tensor result = Run(session, y);
    EXPECT_EQ(session.memory_held(), before + 4000);
  }
  EXPECT_EQ(session.memory_held(), before);
}

TEST_F(LimitsTest, PlansThatWereNotUsedForLongGo) {
  const Output x = Placeholder(root_, DType::kFloat, {-1});
  const Output sum = Sum(root_, Square(root_, x));
  Session session = MakeSession();
  const auto run = [&](int64_t n) {
    ASSERT_THAT(session.Run({{x, Tensor::Zeros(DType::kFloat, {n})}}, {sum}), IsOk());
  };
  const auto kept = static_cast<int64_t>(PlanCache::kMostSignatures);
  for (int64_t n = 0; n < kept; ++n) run(1000 + n);
  const int64_t full = session.memory_held();
  for (int64_t n = 0; n < 3 * kept; ++n) run(900 + n % 90);
  EXPECT_LE(session.memory_held(), full);
}

}  // namespace
}  // namespace sluice
