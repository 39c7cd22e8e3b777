// What a user of Session sees: results, their order, feeds, results filled in place.
#include "session/session.h"

#include <set>
#include <string>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "tests/testing/session/session_fixture.h"

namespace sluice {
namespace {

using namespace session_ops;  // NOLINT: the ops of these tests

using SessionTest = SessionFixture;

TEST_F(SessionTest, RunsWhatTheFetchNeeds) {
  const Output x = Placeholder(root_.Named("x"), DType::kFloat, {-1});
  const Output y = Add(root_, Square(root_, x), x);
  Effect(root_, "not needed");
  Session session = MakeSession();
  ExpectClose(Run(session, {{x, Floats({1, 2, 3})}}, y), Floats({2, 6, 12}));
  ExpectClose(Run(session, {{x, Floats({-4})}}, y), Floats({12}));
  EXPECT_TRUE(TakeLog().empty());
}

TEST_F(SessionTest, ResultsComeInTheOrderOfTheFetches) {
  const Output a = Const(root_, 1), b = Const(root_, 2);
  const Output op = Effect(root_, "ran");
  Session session = MakeSession();
  const auto results = session.Run({}, {b, op, a, b});
  ASSERT_THAT(results, IsOk());
  ASSERT_EQ(results->size(), 4u);
  ExpectClose((*results)[0], Tensor::Scalar(2.0f));
  EXPECT_TRUE((*results)[1].empty_handle());
  ExpectClose((*results)[2], Tensor::Scalar(1.0f));
  ExpectClose((*results)[3], Tensor::Scalar(2.0f));
  EXPECT_EQ(TakeLog(), std::vector<std::string>{"ran"});
}

TEST_F(SessionTest, ATensorAsTargetRunsAndDropsItsValue) {
  const Output x = Logged(root_, Const(root_, 1), "ran");
  Session session = MakeSession();
  EXPECT_THAT(session.Run(x), IsOk());
  EXPECT_EQ(TakeLog(), std::vector<std::string>{"ran"});
}

TEST_F(SessionTest, AnyTensorMayBeFed) {
  const Output x = Placeholder(root_, DType::kFloat, {2});
  const Output middle = Logged(root_, x, "upstream");
  const Output y = Square(root_, middle);
  const Output constant = Const(root_, Floats({1, 1}));
  const Output z = Add(root_, y, constant);
  Session session = MakeSession();
  // What is only needed upstream of the feed does not run: x need not be fed.
  ExpectClose(Run(session, {{middle, Floats({2, 3})}}, z), Floats({5, 10}));
  EXPECT_TRUE(TakeLog().empty());
  // Even a constant is replaced, for all its consumers.
  ExpectClose(Run(session, {{middle, Floats({2, 3})}, {constant, Floats({0, 5})}}, z),
              Floats({4, 14}));
}

TEST_F(SessionTest, OneOutputOfANodeMayBeFedWhileTheOtherIsComputed) {
  const Output x = Placeholder(root_, DType::kFloat, {1});
  const Output plus = Split(root_, x);
  const Output minus = plus.node()->output(1);
  const Output y = Sub(root_, plus, minus);
  Session session = MakeSession();
  ExpectClose(Run(session, {{x, Floats({10})}, {plus, Floats({100})}}, y), Floats({91}));
}

TEST_F(SessionTest, FedAndFetchedIsTheFedValueItself) {
  const Output x = Placeholder(root_, DType::kFloat, {2});
  const Output y = Square(root_, x);
  Session session = MakeSession();
  const Tensor value = Floats({3, 4});
  const auto results = session.Run({{x, value}}, {x, y});
  ASSERT_THAT(results, IsOk());
  EXPECT_TRUE((*results)[0].SharesBufferWith(value));
  ExpectClose((*results)[1], Floats({9, 16}));
}

TEST_F(SessionTest, AnAliasOfAFeedIsACopy) {
  const Output x = Placeholder(root_, DType::kFloat, {2});
  const Output same = Identity(root_, x);
  const Output column = Reshape(root_, x, Const(root_, Ints({2, 1})));
  Session session = MakeSession();
  const Tensor value = Floats({3, 4});
  auto results = session.Run({{x, value}}, {same, column});
  ASSERT_THAT(results, IsOk());
  for (Tensor& result : *results) {
    EXPECT_FALSE(result.SharesBufferWith(value));
    EXPECT_EQ(result.data<float>()[1], 4);
  }
  EXPECT_EQ((*results)[1].shape(), (TensorShape{2, 1}));
}

TEST_F(SessionTest, AFedPlaceholderSatisfiesThoseWhoWaitForIt) {
  const Output x = Placeholder(root_, DType::kFloat, {1});
  const Output y = Const(root_.After({x}), 7);
  Session session = MakeSession();
  ExpectClose(Run(session, {{x, Floats({0})}}, y), Tensor::Scalar(7.0f));
  EXPECT_THAT(session.Run({{x, Floats({0})}}, {x.node()->operation()}), IsOk());
  EXPECT_FALSE(session.Run({}, Outputs{y}).ok());
}

TEST_F(SessionTest, WritingIntoAResultDamagesNothing) {
  const Output c = Const(root_, Floats({1, 2}));
  const Output folded = Add(root_, c, c);
  Session session = MakeSession();
  for (const Output& fetch : {c, folded}) {
    Tensor first = Run(session, fetch);
    const float before = first.data<float>()[0];
    first.mutable_data<float>()[0] = 99;
    EXPECT_EQ(Run(session, fetch).data<float>()[0], before);
  }
}

TEST_F(SessionTest, ResultsOutliveTheSession) {
  const Output y = Square(root_, Fill(root_, Const(root_, Ints({1000})), Const(root_, 3)));
  Tensor result;
  {
    Session session = MakeSession();
    result = Run(session, y);
  }
  EXPECT_EQ(result.data<float>()[999], 9);
}

TEST_F(SessionTest, RunIntoFillsTensorsThatFit) {
  const Output x = Placeholder(root_, DType::kFloat, {-1});
  const Output y = Square(root_, x);
  const Output op = Effect(root_, "ran");
  Session session = MakeSession();
  std::vector<Tensor> results;
  ASSERT_THAT(session.RunInto({{x, Floats({1, 2})}}, {y, op}, &results), IsOk());
  const void* memory = results[0].raw();
  ASSERT_THAT(session.RunInto({{x, Floats({3, 4})}}, {y, op}, &results), IsOk());
  EXPECT_EQ(results[0].raw(), memory);
  ExpectClose(results[0], Floats({9, 16}));
  EXPECT_TRUE(results[1].empty_handle());

  // Held by somebody else: left alone.
  const Tensor held = results[0];
  ASSERT_THAT(session.RunInto({{x, Floats({5, 6})}}, {y, op}, &results), IsOk());
  ExpectClose(held, Floats({9, 16}));
  ExpectClose(results[0], Floats({25, 36}));

  // Another shape: replaced.
  ASSERT_THAT(session.RunInto({{x, Floats({7})}}, {y, op}, &results), IsOk());
  ExpectClose(results[0], Floats({49}));
}

TEST_F(SessionTest, AResultMayBeFedAgain) {
  const Output x = Placeholder(root_, DType::kFloat, {2});
  const Output y = Add(root_, x, x);
  Session session = MakeSession();
  std::vector<Tensor> results = {Floats({1, 2})};
  for (int i = 0; i < 3; ++i) {
    const Feeds feeds = {{x, results[0]}};
    ASSERT_THAT(session.RunInto(feeds, {y}, &results), IsOk());
  }
  ExpectClose(results[0], Floats({8, 16}));
}

TEST_F(SessionTest, PlansKeepNoFeedAndNoResult) {
  const Output x = Placeholder(root_, DType::kFloat, {-1});
  const Output dims = Placeholder(root_, DType::kInt64, {-1});
  const Output column = Reshape(root_, x, Const(root_, Ints({2, 1})));
  const Output late = Reshape(root_, x, dims);
  Session session = MakeSession();
  Tensor value = Floats({1, 2}), shape = Ints({1, 2});
  for (bool fails : {false, true}) {
    const Output last = fails ? Check(root_, Sub(root_, x, Add(root_, x, x)), "negative") : x;
    const auto results = session.Run({{x, value}, {dims, shape}}, {column, late, last});
    EXPECT_EQ(results.ok(), !fails);
  }
  EXPECT_TRUE(value.unique());
  EXPECT_TRUE(shape.unique());
}

TEST_F(SessionTest, TheGraphMayGrowBetweenRuns) {
  const Output x = Placeholder(root_, DType::kFloat, {1});
  const Output y = Square(root_, x);
  Session session = MakeSession();
  ExpectClose(Run(session, {{x, Floats({3})}}, y), Floats({9}));
  const Output z = Add(root_, y, x);
  ExpectClose(Run(session, {{x, Floats({3})}}, z), Floats({12}));
  ExpectClose(Run(session, {{x, Floats({4})}}, y), Floats({16}));
}

TEST_F(SessionTest, StringsFlow) {
  const Output a = Placeholder(root_, DType::kString, {2});
  const Output joined = Join(root_, a, Join(root_, a, a));
  const Output column = Reshape(root_, joined, Const(root_, Ints({2, 1})));
  Session session = MakeSession();
  const std::string long_text(100, 'x');
  for (const std::string& text : {std::string("b"), long_text}) {
    const Tensor value = Tensor::Of<std::string>({2}, {text, "c"});
    const Tensor result = Run(session, {{a, value}}, column);
    EXPECT_EQ(result.shape(), (TensorShape{2, 1}));
    EXPECT_EQ(result.flat<std::string>()[0], text + text + text);
    EXPECT_EQ(result.flat<std::string>()[1], "ccc");
  }
}

TEST_F(SessionTest, EmptyTensorsRun) {
  const Output x = Placeholder(root_, DType::kFloat, {-1});
  const Output y = Add(root_, Square(root_, x), x);
  const Output sum = Sum(root_, y);
  Session session = MakeSession();
  const auto results = session.Run({{x, Floats({})}}, {y, sum});
  ASSERT_THAT(results, IsOk());
  EXPECT_EQ((*results)[0].shape(), TensorShape{0});
  ExpectClose((*results)[1], Tensor::Scalar(0.0f));
}

TEST_F(SessionTest, OptionsAreHeld) {
  Const(root_, 1);
  EXPECT_EQ(MakeSession({.intra_op_threads = 3}).intra_op_threads(), 3);
  EXPECT_GE(MakeSession().intra_op_threads(), 1);
  Session session = MakeSession();
  EXPECT_EQ(&session.graph(), &graph_);
}

TEST_F(SessionTest, RandomRunsAreCounted) {
  const Output random = Random(root_);
  const Output doubled = Add(root_, random, Random(root_));
  const Output plain = Const(root_, 1);
  Session session = MakeSession();
  EXPECT_EQ(session.random_run(), 0u);
  EXPECT_EQ(Run(session, random).scalar<float>(), 0);
  Run(session, plain);                                  // holds no random op: does not count
  EXPECT_EQ(Run(session, doubled).scalar<float>(), 2);  // both ops see run 1
  EXPECT_EQ(session.random_run(), 2u);
  session.set_random_run(40);
  EXPECT_EQ(Run(session, random).scalar<float>(), 40);
  EXPECT_EQ(session.random_run(), 41u);
}

TEST_F(SessionTest, EverySessionDrawsItsOwnSeed) {
  const Output seed = Seed(root_);
  std::set<int64_t> seeds;
  for (int i = 0; i < 4; ++i) {
    Session session = MakeSession();
    const int64_t drawn = Run(session, seed).scalar<int64_t>();
    EXPECT_EQ(Run(session, seed).scalar<int64_t>(), drawn);
    seeds.insert(drawn);
  }
  EXPECT_EQ(seeds.size(), 4u);
}

TEST_F(SessionTest, IsMovable) {
  const Output handle = VarHandle(root_, "v", {1});
  const Output init = Assign(root_, handle, Const(root_, Floats({5})));
  const Output read = Read(root_, handle);
  Session first = MakeSession();
  ASSERT_THAT(first.Run(init), IsOk());
  Session second = std::move(first);
  ExpectClose(Run(second, read), Floats({5}));
  Session third = MakeSession();
  third = std::move(second);
  ExpectClose(Run(third, read), Floats({5}));
}

}  // namespace
}  // namespace sluice
