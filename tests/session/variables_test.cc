// Variables in a session: snapshots, updates in place, references of imported graphs.
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "tests/testing/session/session_fixture.h"

namespace sluice {
namespace {

using namespace session_ops;  // NOLINT: the ops of these tests
using absl::StatusCode;

using VariablesTest = SessionFixture;

TEST_F(VariablesTest, LiveInOneSession) {
  const Output v = VarHandle(root_, "v", {2});
  const Output init = Assign(root_, v, Const(root_, Floats({1, 2})));
  const Output add = AssignAdd(root_, v, Const(root_, Floats({10, 10})));
  const Output read = Read(root_, v);
  Session a = MakeSession(), b = MakeSession();
  ASSERT_THAT(a.Run(init), IsOk());
  ASSERT_THAT(a.Run(add), IsOk());
  ASSERT_THAT(a.Run(add), IsOk());
  ExpectClose(Run(a, read), Floats({21, 22}));
  EXPECT_THAT(b.Run({}, {read}), StatusIs(StatusCode::kFailedPrecondition, "uninitialized"));
  ASSERT_THAT(b.Run(init), IsOk());
  ExpectClose(Run(b, read), Floats({1, 2}));
}

// w -= w * w: reads, computes and updates without copying the variable.
TEST_F(VariablesTest, ATrainingStepUpdatesInPlace) {
  const Output w = VarHandle(root_, "w", {2});
  const Output init = Assign(root_, w, Const(root_, Floats({1, 2})));
  const Output value = Read(root_, w);
  const Output column = Reshape(root_, value, Const(root_, Ints({2, 1})));
  const Output squared = Reshape(root_, Square(root_, column), Const(root_, Ints({2})));
  const Output loss = Sum(root_, squared);
  const Output train = AssignAdd(root_, w, squared);
  Session session = MakeSession();
  ASSERT_THAT(session.Run(init), IsOk());
  const auto first = session.Run({}, {loss, train, value});
  ASSERT_THAT(first, IsOk());
  ExpectClose((*first)[0], Tensor::Scalar(5.0f));
  ExpectClose((*first)[2], Floats({1, 2}));  // from before the update
  const auto second = session.Run({}, {loss, train});
  ASSERT_THAT(second, IsOk());
  ExpectClose((*second)[0], Tensor::Scalar(40.0f));
  ExpectClose(Run(session, value), Floats({6, 42}));
  EXPECT_EQ(TakeCopies(), 0);
}

TEST_F(VariablesTest, AReadThatThePlanIsNotToldOfIsACopyToo) {
  const Output w = VarHandle(root_, "w", {2});
  const Output init = Assign(root_, w, Const(root_, Floats({1, 2})));
  const Output value = ReadCopy(root_, w);
  const Output update = AssignAdd(root_, w, Square(root_, value));
  Session session = MakeSession();
  ASSERT_THAT(session.Run(init), IsOk());
  ASSERT_THAT(session.Run({}, {update, value}), IsOk());
  ExpectClose(Run(session, value), Floats({2, 6}));
  EXPECT_EQ(TakeCopies(), 0);
}

// A snapshot that somebody needs after the update stays what it was.
TEST_F(VariablesTest, SnapshotsDoNotChange) {
  const Output w = VarHandle(root_, "w", {1});
  const Output init = Assign(root_, w, Const(root_, Floats({1})));
  const Output before = Read(root_, w);
  const Output update = AssignAdd(root_.After({before}), w, Const(root_, Floats({5})));
  const Output after = Read(root_.After({update}), w);
  const Output difference = Sub(root_, after, before);
  Session session = MakeSession();
  ASSERT_THAT(session.Run(init), IsOk());
  ExpectClose(Run(session, difference), Floats({5}));
  EXPECT_EQ(TakeCopies(), 1);
  ExpectClose(Run(session, difference), Floats({5}));
}

TEST_F(VariablesTest, AFailedRunLeavesNoSnapshotBehind) {
  const Output x = Placeholder(root_, DType::kFloat, {1});
  const Output w = VarHandle(root_, "w", {1});
  const Output init = Assign(root_, w, Const(root_, Floats({1})));
  const Output value = Read(root_, w);
  const Output fails = Add(root_, Check(root_, x, "negative"), value);
  const Output update = AssignAdd(root_, w, Const(root_, Floats({1})));
  Session session = MakeSession();
  ASSERT_THAT(session.Run(init), IsOk());
  ASSERT_FALSE(session.Run({{x, Floats({-1})}}, {fails}).ok());
  ASSERT_THAT(session.Run(update), IsOk());
  EXPECT_EQ(TakeCopies(), 0);
}

TEST_F(VariablesTest, ReadsAreNotMerged) {
  const Output w = VarHandle(root_, "w", {1});
  const Output init = Assign(root_, w, Const(root_, Floats({1})));
  const Output first = Read(root_, w);
  const Output update = AssignAdd(root_.After({first}), w, Const(root_, Floats({1})));
  const Output second = Read(root_.After({update}), w);
  Session session = MakeSession();
  ASSERT_THAT(session.Run(init), IsOk());
  const auto values = session.Run({}, {first, second});
  ASSERT_THAT(values, IsOk());
  ExpectClose((*values)[0], Floats({1}));
  ExpectClose((*values)[1], Floats({2}));
}

TEST_F(VariablesTest, HandlesArePlannedOnce) {
  const Output a = VarHandle(root_, "shared", {1}), b = VarHandle(root_, "shared", {1});
  const Output init = Assign(root_, a, Const(root_, Floats({3})));
  Session session = MakeSession();
  ASSERT_THAT(session.Run(init), IsOk());
  ExpectClose(Run(session, Read(root_, Identity(root_, b))), Floats({3}));
}

// --- references ---

class ReferencesTest : public SessionFixture {
 protected:
  const Output v_ = RefVariable(root_.Named("v"), "v", {2});
  const Output init_ = RefAssign(root_.Named("init"), v_, Const(root_, Floats({1, 2})));
  const Output read_ = Identity(root_.Named("v/read"), v_);
};

TEST_F(ReferencesTest, AreReadWhereAValueIsWanted) {
  const Output y = Add(root_, v_, read_);
  Session session = MakeSession();
  EXPECT_THAT(session.Run({}, {read_}),
              StatusIs(StatusCode::kFailedPrecondition,
                       "node 'v/read' (Identity): Attempting to use uninitialized value v"));
  ExpectClose(Run(session, init_), Floats({1, 2}));  // fetching a reference reads it
  ExpectClose(Run(session, y), Floats({2, 4}));
  ExpectClose(Run(session, v_), Floats({1, 2}));
}

TEST_F(ReferencesTest, AnOpMayAskWithoutReading) {
  const Output is = IsInitialized(root_, v_);
  Session session = MakeSession();
  EXPECT_FALSE(Run(session, is).scalar<bool>());
  ASSERT_THAT(session.Run(init_), IsOk());
  EXPECT_TRUE(Run(session, is).scalar<bool>());
}

TEST_F(ReferencesTest, PassThroughOpsThatGiveThemOut) {
  const Output one = Const(root_, Floats({1, 1}));
  const Output twice = RefAssignAdd(root_, RefAssignAdd(root_, v_, one), one);
  const Output y = Square(root_, RefIdentity(root_, twice));
  Session session = MakeSession();
  ASSERT_THAT(session.Run(init_), IsOk());
  ExpectClose(Run(session, y), Floats({9, 16}));
  ExpectClose(Run(session, v_), Floats({3, 4}));
  EXPECT_EQ(TakeCopies(), 0);
}

// A read happens where its consumer stands, not where the reference was made.
TEST_F(ReferencesTest, ReadsObeyControlEdges) {
  const Output update = RefAssignAdd(root_, v_, Const(root_, Floats({10, 10})));
  const Output after = Identity(root_.After({update}), v_);
  const Output before = Identity(root_, v_);
  Session session = MakeSession();
  ASSERT_THAT(session.Run(init_), IsOk());
  const auto values = session.Run({}, {after, before});
  ASSERT_THAT(values, IsOk());
  ExpectClose((*values)[0], Floats({11, 12}));
  ExpectClose((*values)[1], Floats({1, 2}));
}

TEST_F(ReferencesTest, MayBeChosenWhileRunning) {
  const Output w = RefVariable(root_.Named("w"), "w", {2});
  const Output init_w = RefAssign(root_, w, Const(root_, Floats({5, 6})));
  const Output condition = Placeholder(root_, DType::kFloat, {});
  const Output chosen = RefSelect(root_, condition, v_, w);
  const Output updated = RefAssignAdd(root_, chosen, Const(root_, Floats({1, 1})));
  Session session = MakeSession();
  ASSERT_THAT(session.Run(init_), IsOk());
  ASSERT_THAT(session.Run(init_w), IsOk());
  ExpectClose(Run(session, {{condition, Tensor::Scalar(1.0f)}}, updated), Floats({2, 3}));
  ExpectClose(Run(session, {{condition, Tensor::Scalar(-1.0f)}}, updated), Floats({6, 7}));
  ExpectClose(Run(session, {{condition, Tensor::Scalar(-1.0f)}}, Square(root_, chosen)),
              Floats({36, 49}));
  ExpectClose(Run(session, v_), Floats({2, 3}));
}

TEST_F(ReferencesTest, OfUnknownShapeAreReadAsTheyAre) {
  const Output u = RefVariable(root_.Named("u"), "u", {-1});
  const Output x = Placeholder(root_, DType::kFloat, {-1});
  const Output assign = RefAssign(root_, u, x);
  const Output y = Square(root_, Identity(root_, u));
  Session session = MakeSession();
  ASSERT_THAT(session.Run({{x, Floats({2})}}, {assign}), IsOk());
  ExpectClose(Run(session, y), Floats({4}));
  ASSERT_THAT(session.Run({{x, Floats({1, 2, 3})}}, {assign}), IsOk());
  ExpectClose(Run(session, y), Floats({1, 4, 9}));
}

}  // namespace
}  // namespace sluice
