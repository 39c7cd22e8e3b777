// What depends on variables alone is computed when they change, and only then.
#include "gtest/gtest.h"
#include "session/compiler.h"
#include "tests/testing/session/session_fixture.h"

namespace sluice {
namespace {

using namespace session_ops;  // NOLINT: the ops of these tests

class InvariantsTest : public SessionFixture {
 protected:
  // w * w + 1, from a variable; and x minus it.
  InvariantsTest() {
    EXPECT_THAT(session_.Run(Assign(root_, w_, Const(root_, Floats({1, 2})))), IsOk());
    TakeKernelRuns();
  }
  int64_t KernelsOfARun(const Feeds& feeds, const Outputs& fetches) {
    TakeKernelRuns();
    EXPECT_THAT(session_.Run(feeds, fetches), IsOk());
    return TakeKernelRuns();
  }

  const Output w_ = VarHandle(root_, "w", {2});
  const Output x_ = Placeholder(root_, DType::kFloat, {2});
  const Output scaled_ = Add(root_, Square(root_, Read(root_, w_)), Const(root_, Floats({1, 1})));
  const Output y_ = Sub(root_, x_, scaled_);
  const Output next_w_ = Placeholder(root_, DType::kFloat, {2});
  const Output assign_ = Assign(root_, w_, next_w_);
  const Feeds feeds_ = {{x_, Floats({10, 10})}};
  Session session_ = MakeSession();
};

TEST_F(InvariantsTest, AreComputedOnce) {
  ExpectClose(Run(session_, feeds_, y_), Floats({8, 5}));
  EXPECT_EQ(TakeKernelRuns(), 3);  // Square, Add, Sub
  ExpectClose(Run(session_, {{x_, Floats({20, 30})}}, y_), Floats({18, 25}));
  EXPECT_EQ(TakeKernelRuns(), 1);  // Sub
}

TEST_F(InvariantsTest, AreComputedAgainWhenTheVariableHasChanged) {
  ExpectClose(Run(session_, feeds_, y_), Floats({8, 5}));
  ASSERT_THAT(session_.Run({{next_w_, Floats({3, 0})}}, {assign_}), IsOk());
  ExpectClose(Run(session_, feeds_, y_), Floats({0, 9}));
  ASSERT_THAT(session_.Run(AssignAdd(root_, w_, Const(root_, Floats({-1, 1})))), IsOk());
  ExpectClose(Run(session_, feeds_, y_), Floats({5, 8}));
  EXPECT_EQ(KernelsOfARun(feeds_, {y_}), 1);
}

TEST_F(InvariantsTest, TheSameValueAssignedAgainCounts) {
  ExpectClose(Run(session_, feeds_, y_), Floats({8, 5}));
  ASSERT_THAT(session_.Run({{next_w_, Floats({1, 2})}}, {assign_}), IsOk());
  EXPECT_EQ(KernelsOfARun(feeds_, {y_}), 3);
}

TEST_F(InvariantsTest, NotInARunThatWritesTheVariable) {
  const Output update = AssignAdd(root_.After({y_}), w_, Const(root_, Floats({1, 1})));
  for (int run = 0; run < 3; ++run) {
    const auto results = session_.Run(feeds_, {y_, update});
    ASSERT_THAT(results, IsOk());
    const float w0 = static_cast<float>(run + 1), w1 = static_cast<float>(run + 2);
    ExpectClose((*results)[0], Floats({10 - w0 * w0 - 1, 10 - w1 * w1 - 1}));
  }
}

TEST_F(InvariantsTest, FetchedAndUnderAnotherShape) {
  const Output column = Reshape(root_, scaled_, Const(root_, Ints({2, 1})));
  for (int run = 0; run < 2; ++run) {
    const auto results = session_.Run(feeds_, {column, scaled_, y_});
    ASSERT_THAT(results, IsOk());
    ExpectClose((*results)[0], Tensor::Of<float>({2, 1}, {2, 5}));
    ExpectClose((*results)[1], Floats({2, 5}));
    ExpectClose((*results)[2], Floats({8, 5}));
    // What a caller gets is his own: writing to it changes no later run.
    Tensor mine = (*results)[1];
    mine.mutable_flat<float>()[0] = 100;
  }
}

TEST_F(InvariantsTest, EffectsAndRandomNumbersAreNot) {
  const Output logged = Logged(root_, scaled_, "ran");
  const Output random = Add(root_, Sum(root_, scaled_), Random(root_));
  for (int run = 0; run < 2; ++run) {
    TakeLog();
    ASSERT_THAT(session_.Run({}, {logged, random}), IsOk());
    EXPECT_EQ(TakeLog().size(), 1u);
  }
}

TEST_F(InvariantsTest, AnErrorIsNotRemembered) {
  const Output checked = Check(root_, scaled_, "below zero");
  const Output z = Sub(root_, checked, Square(root_, Read(root_, VarHandle(root_, "v", {2}))));
  EXPECT_FALSE(session_.Run({}, {z}).ok());  // v is not initialized
  ASSERT_THAT(session_.Run(Assign(root_, VarHandle(root_, "v", {2}), Const(root_, Floats({1, 2})))),
              IsOk());
  ExpectClose(Run(session_, z), Floats({1, 1}));
}

TEST_F(InvariantsTest, OldReferenceVariables) {
  const Output v = RefVariable(root_, "old", {2});
  ASSERT_THAT(session_.Run({}, {RefAssign(root_, v, Const(root_, Floats({2, 3})))}), IsOk());
  const Output z = Add(root_, x_, Square(root_, Identity(root_, v)));
  ExpectClose(Run(session_, feeds_, z), Floats({14, 19}));
  EXPECT_EQ(KernelsOfARun(feeds_, {z}), 1);
  ASSERT_THAT(session_.Run({}, {RefAssignAdd(root_, v, Const(root_, Floats({1, 1})))}), IsOk());
  ExpectClose(Run(session_, feeds_, z), Floats({19, 26}));
}

TEST_F(InvariantsTest, NothingIsKeptWithoutOptimization) {
  Session plain = MakeSession({.optimize = false});
  ASSERT_THAT(plain.Run({{next_w_, Floats({1, 2})}}, {assign_}), IsOk());
  for (int run = 0; run < 2; ++run) {
    TakeKernelRuns();
    ExpectClose(Run(plain, feeds_, y_), Floats({8, 5}));
    EXPECT_EQ(TakeKernelRuns(), 3);
  }
}

}  // namespace
}  // namespace sluice
