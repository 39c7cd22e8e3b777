// Results that nobody else reads are computed in the caller's tensors.
#include "session/direct_results.h"

#include <vector>

#include "gtest/gtest.h"
#include "session/compiler.h"
#include "tests/testing/session/session_fixture.h"

namespace sluice {
namespace {

using namespace session_ops;  // NOLINT: the ops of these tests

class DirectResultsTest : public SessionFixture {
 protected:
  // How many values of the plan live in results.
  int64_t Direct(const Outputs& fetches, bool optimize = true) {
    SessionState state(MemoryBudget::DefaultLimit());
    state.optimize = optimize;
    const auto program = Compile(state, {feeds_, fetches, false});
    EXPECT_THAT(program, IsOk());
    int64_t direct = 0;
    for (const Value& value : program->values) direct += value.home == Home::kResult;
    return direct;
  }
  const Output x_ = Placeholder(root_, DType::kFloat, {3});
  const Feeds feeds_ = {{x_, Floats({1, 2, 3})}};
};

TEST_F(DirectResultsTest, WhatOnlyTheCallerReads) {
  const Output y = Square(root_, x_), z = Add(root_, y, x_);
  EXPECT_EQ(Direct({z}), 1);
  EXPECT_EQ(Direct({y, z}), 1);                                              // y is read by z
  EXPECT_EQ(Direct({z, z}), 0);                                              // two results
  EXPECT_EQ(Direct({x_}), 0);                                                // fed
  EXPECT_EQ(Direct({Reshape(root_, y, Const(root_, Ints({3, 1}))), y}), 0);  // the same memory
  EXPECT_EQ(Direct({Positive(root_, x_)}), 0);  // its shape is known too late
  EXPECT_EQ(Direct({z}, false), 0);
}

TEST_F(DirectResultsTest, ValuesAndWhoHoldsThem) {
  const Output y = Square(root_, x_), z = Add(root_, y, x_);
  Session session = MakeSession();
  std::vector<Tensor> results;
  ASSERT_THAT(session.RunInto(feeds_, {z, y, z}, &results), IsOk());
  ExpectClose(results[0], Floats({2, 6, 12}));
  ExpectClose(results[1], Floats({1, 4, 9}));
  ExpectClose(results[2], Floats({2, 6, 12}));
  EXPECT_TRUE(results[0].unique());
  EXPECT_FALSE(results[0].SharesBufferWith(results[2]));

  // A result that the caller still holds elsewhere is not written.
  ASSERT_THAT(session.RunInto(feeds_, {z}, &results), IsOk());
  const Tensor kept = results[0];
  ASSERT_THAT(session.RunInto({{x_, Floats({0, 0, 1})}}, {z}, &results), IsOk());
  ExpectClose(kept, Floats({2, 6, 12}));
  ExpectClose(results[0], Floats({0, 0, 2}));
  // One that is his alone is, at the same address.
  const void* address = results[0].raw();
  ASSERT_THAT(session.RunInto(feeds_, {z}, &results), IsOk());
  EXPECT_EQ(results[0].raw(), address);
  ExpectClose(results[0], Floats({2, 6, 12}));
  // A result fed back is an input, not overwritten while it is read.
  ASSERT_THAT(session.RunInto({{x_, results[0]}}, {z}, &results), IsOk());
  ExpectClose(results[0], Floats({6, 42, 156}));
}

TEST_F(DirectResultsTest, AnErrorBeforeTheResultLeavesTheOldOne) {
  const Output z = Add(root_, Check(root_, x_, "negative"), x_);
  Session session = MakeSession();
  std::vector<Tensor> results;
  ASSERT_THAT(session.RunInto(feeds_, {z}, &results), IsOk());
  EXPECT_FALSE(session.RunInto({{x_, Floats({-1, 0, 0})}}, {z}, &results).ok());
  ExpectClose(results[0], Floats({2, 4, 6}));
  ASSERT_THAT(session.RunInto(feeds_, {z}, &results), IsOk());
  ExpectClose(results[0], Floats({2, 4, 6}));
}

}  // namespace
}  // namespace sluice
