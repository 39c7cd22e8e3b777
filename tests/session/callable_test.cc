// Session::MakeCallable.
#include <atomic>
#include <optional>
#include <thread>
#include <vector>

#include "gtest/gtest.h"
#include "tests/testing/session/session_fixture.h"

namespace sluice {
namespace {

using namespace session_ops;  // NOLINT: the ops of these tests
using absl::StatusCode;

class CallableTest : public SessionFixture {
 protected:
  const Output x_ = Placeholder(root_.Named("x"), DType::kFloat, {-1});
  const Output y_ = Placeholder(root_.Named("y"), DType::kFloat, {-1});
  const Output sum_ = Add(root_, Square(root_, x_), y_);
};

TEST_F(CallableTest, RunsWithValuesInTheOrderOfTheFeedList) {
  Session session = MakeSession();
  auto call = session.MakeCallable({sum_, x_}, {y_, x_});
  ASSERT_THAT(call, IsOk());
  std::vector<Tensor> results;
  ASSERT_THAT(call->Run({Floats({1, 2}), Floats({3, 4})}, &results), IsOk());
  ASSERT_EQ(results.size(), 2u);
  ExpectClose(results[0], Floats({10, 18}));
  ExpectClose(results[1], Floats({3, 4}));
  const auto again = (*call)({Floats({0, 0}), Floats({5, 6})});
  ASSERT_THAT(again, IsOk());
  ExpectClose((*again)[0], Floats({25, 36}));
}

TEST_F(CallableTest, ResultsAreFilledInPlace) {
  Session session = MakeSession();
  auto call = session.MakeCallable({sum_}, {x_, y_});
  ASSERT_THAT(call, IsOk());
  std::vector<Tensor> results;
  ASSERT_THAT(call->Run({Floats({1, 2}), Floats({0, 0})}, &results), IsOk());
  const void* address = results[0].raw();
  ASSERT_THAT(call->Run({Floats({3, 2}), Floats({0, 0})}, &results), IsOk());
  EXPECT_EQ(results[0].raw(), address);
  ExpectClose(results[0], Floats({9, 4}));
}

TEST_F(CallableTest, NewShapesGetPlansOfTheirOwn) {
  Session session = MakeSession();
  auto call = session.MakeCallable({sum_}, {x_, y_});
  ASSERT_THAT(call, IsOk());
  for (int64_t n : {1, 3, 2, 3, 1, 0}) {
    const std::vector<float> twos(static_cast<size_t>(n), 2), fours(static_cast<size_t>(n), 4);
    const auto results = (*call)({Tensor::Of<float>({n}, twos), Tensor::Of<float>({n}, fours)});
    ASSERT_THAT(results, IsOk());
    ASSERT_EQ((*results)[0].num_elements(), n);
    for (float v : (*results)[0].flat<float>()) EXPECT_EQ(v, 8);
  }
}

TEST_F(CallableTest, WrongCallsAreRefused) {
  Session session = MakeSession();
  EXPECT_THAT(session.MakeCallable({}, {x_}),
              StatusIs(StatusCode::kInvalidArgument, "Must specify at least one target"));
  EXPECT_THAT(session.MakeCallable({sum_}, {x_, x_}),
              StatusIs(StatusCode::kInvalidArgument, "'x:0' was fed more than once"));
  Graph other(Registry());
  EXPECT_THAT(session.MakeCallable({Const(Scope::Root(other), 1)}),
              StatusIs(StatusCode::kInvalidArgument, "is not an element of this graph"));
  auto call = session.MakeCallable({sum_}, {x_, y_});
  ASSERT_THAT(call, IsOk());
  EXPECT_THAT((*call)({Floats({1})}),
              StatusIs(StatusCode::kInvalidArgument, "takes 2 values, got 1"));
  EXPECT_THAT((*call)({Floats({1}), Ints({1})}), StatusIs(StatusCode::kInvalidArgument, "dtype"));
  EXPECT_THAT((*call)({Floats({1}), Tensor()}), StatusIs(StatusCode::kInvalidArgument, "empty"));
  ASSERT_THAT((*call)({Floats({1}), Floats({1})}), IsOk());  // and works again
  session.Close();
  EXPECT_THAT((*call)({Floats({1}), Floats({1})}), StatusIs(StatusCode::kCancelled, "closed"));
}

TEST_F(CallableTest, HoldsNoFeedBetweenCalls) {
  Session session = MakeSession();
  auto call = session.MakeCallable({sum_}, {x_, y_});
  ASSERT_THAT(call, IsOk());
  const Tensor x = Floats({1, 2}), y = Floats({1, 2});
  ASSERT_THAT((*call)({x, y}), IsOk());
  EXPECT_TRUE(x.unique());
  EXPECT_TRUE(y.unique());
}

TEST_F(CallableTest, ManyThreadsCallOne) {
  Session session = MakeSession({.intra_op_threads = 1});
  auto call = session.MakeCallable({sum_}, {x_, y_});
  ASSERT_THAT(call, IsOk());
  std::atomic<int> wrong{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      const float v = static_cast<float>(t);
      for (int i = 0; i < 50; ++i) {
        const auto results = (*call)({Floats({v, v}), Floats({1, 2})});
        if (!results.ok() || (*results)[0].flat<float>()[0] != v * v + 1 ||
            (*results)[0].flat<float>()[1] != v * v + 2) {
          ++wrong;
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
}

}  // namespace
}  // namespace sluice
