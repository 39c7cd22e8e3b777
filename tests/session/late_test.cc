// Shapes that depend on values: known only while running.
#include <vector>

#include "gtest/gtest.h"
#include "tests/testing/session/session_fixture.h"

namespace sluice {
namespace {

using namespace session_ops;  // NOLINT: the ops of these tests
using absl::StatusCode;

class LateTest : public SessionFixture {
 protected:
  const Output dims_ = Placeholder(root_.Named("dims"), DType::kInt64, {-1});
  const Output x_ = Placeholder(root_.Named("x"), DType::kFloat, {-1});
};

TEST_F(LateTest, AFedShape) {
  const Output y = Square(root_, Fill(root_, dims_, Const(root_, 3)));
  Session session = MakeSession();
  ExpectClose(Run(session, {{dims_, Ints({2, 1})}}, y), Tensor::Of<float>({2, 1}, {9, 9}));
  ExpectClose(Run(session, {{dims_, Ints({2, 1})}}, y), Tensor::Of<float>({2, 1}, {9, 9}));
  // The same plan: only the values differ.
  ExpectClose(Run(session, {{dims_, Ints({1, 3})}}, y), Tensor::Of<float>({1, 3}, {9, 9, 9}));
  ExpectClose(Run(session, {{dims_, Ints({0, 3})}}, y), Tensor::Of<float>({0, 3}, {}));
  EXPECT_THAT(session.Run({{dims_, Ints({-2, 3})}}, {y}),
              StatusIs(StatusCode::kInvalidArgument, "(Fill)"));
  ExpectClose(Run(session, {{dims_, Ints({1, 1})}}, y), Tensor::Of<float>({1, 1}, {9}));
}

TEST_F(LateTest, AFedShapeOfAnAlias) {
  const Output y = Reshape(root_, Square(root_, x_), dims_);
  const Output sum = Add(root_, y, y);
  Session session = MakeSession();
  const Tensor x = Floats({1, 2, 3, 4});
  ExpectClose(Run(session, {{x_, x}, {dims_, Ints({2, 2})}}, sum),
              Tensor::Of<float>({2, 2}, {2, 8, 18, 32}));
  ExpectClose(Run(session, {{x_, x}, {dims_, Ints({4, 1})}}, y),
              Tensor::Of<float>({4, 1}, {1, 4, 9, 16}));
  EXPECT_THAT(session.Run({{x_, x}, {dims_, Ints({3, 1})}}, {y}),
              StatusIs(StatusCode::kInvalidArgument, "cannot reshape 4 elements"));
  EXPECT_THAT(session.Run({{x_, x}, {dims_, Ints({2, -1})}}, {y}),
              StatusIs(StatusCode::kInvalidArgument, "stays unknown"));
}

TEST_F(LateTest, AKernelThatAllocates) {
  const Output kept = Positive(root_, x_);
  const Output y = Add(root_, kept, Square(root_, kept));
  Session session = MakeSession();
  ExpectClose(Run(session, {{x_, Floats({-1, 2, 3})}}, y), Floats({6, 12}));
  ExpectClose(Run(session, {{x_, Floats({1, 2, -3})}}, y), Floats({2, 6}));
  ExpectClose(Run(session, {{x_, Floats({-1, -1, -1})}}, y), Floats({}));
  ExpectClose(Run(session, {{x_, Floats({1, -2, -3})}}, kept), Floats({1}));
}

// Behind a step that makes the shape known again the plan is static: sum and what follows it.
TEST_F(LateTest, KnownShapesReturn) {
  const Output kept = Positive(root_, x_);
  const Output y = Add(root_, Sum(root_, kept), Sum(root_, Square(root_, kept)));
  Session session = MakeSession();
  ExpectClose(Run(session, {{x_, Floats({-1, 2, 3})}}, y), Tensor::Scalar(18.0f));
  ExpectClose(Run(session, {{x_, Floats({1, 1, 1})}}, y), Tensor::Scalar(6.0f));
}

// The alias of planned memory keeps it: nothing else may be placed there meanwhile.
TEST_F(LateTest, LateAliasesKeepPlannedMemoryAlive) {
  const Output squared = Square(root_, x_);
  const Output alias = Reshape(root_, squared, dims_);
  Output other = Square(root_, x_);
  for (int i = 0; i < 5; ++i) other = Add(root_, Square(root_, other), x_);
  const Output use = Sum(root_, Fill(root_, ReferenceShape(root_, other), Sum(root_, other)));
  const Output after = Const(root_.After({use}), 0);
  const Output y = Sum(root_, Square(root_.After({after}), alias));
  Session session = MakeSession();
  const auto results = session.Run({{x_, Floats({1, 2, 3})}, {dims_, Ints({3, 1})}}, {use, y});
  ASSERT_THAT(results, IsOk());
  ExpectClose((*results)[1], Tensor::Scalar(98.0f));
}

TEST_F(LateTest, FetchedLateValuesAreTheCallersOwn) {
  const Output kept = Positive(root_, x_);
  const Output same = Identity(root_, kept);
  Session session = MakeSession();
  auto results = session.Run({{x_, Floats({5, -1, 6})}}, {kept, same, kept});
  ASSERT_THAT(results, IsOk());
  for (Tensor& result : *results) {
    ExpectClose(result, Floats({5, 6}));
    EXPECT_TRUE(result.unique());
  }
}

TEST_F(LateTest, ShapesThroughKernelsAgreeWithFolding) {
  const Output s = ReferenceShape(root_, x_);
  const Output y = Fill(root_, s, Const(root_, 2));
  const Output z = Add(root_, y, x_);
  Session session = MakeSession();
  ExpectClose(Run(session, {{x_, Floats({1, 2})}}, z), Floats({3, 4}));
  ExpectClose(Run(session, {{x_, Floats({1, 2, 3})}}, z), Floats({3, 4, 5}));
}

TEST_F(LateTest, ShapesThatContradictEachOther) {
  const Output a = Fill(root_, dims_, Const(root_, 1));
  const Output y = Add(root_.Named("sum"), a, x_);
  Session session = MakeSession();
  ExpectClose(Run(session, {{dims_, Ints({2})}, {x_, Floats({1, 2})}}, y), Floats({2, 3}));
  EXPECT_THAT(session.Run({{dims_, Ints({3})}, {x_, Floats({1, 2})}}, {y}),
              StatusIs(StatusCode::kInvalidArgument, "node 'sum' (Add): "));
}

TEST_F(LateTest, AHugeShapeIsRefused) {
  const Output y = Sum(root_, Fill(root_.Named("fill"), dims_, Const(root_, 1)));
  Session session = MakeSession({.memory_limit_bytes = 1 << 20});
  EXPECT_THAT(session.Run({{dims_, Ints({1 << 20, 4})}}, {y}),
              StatusIs(StatusCode::kResourceExhausted, "node 'fill' (Fill): "));
  EXPECT_THAT(session.Run({{dims_, Ints({1 << 20, 4})}}, {y}),
              StatusIs(StatusCode::kResourceExhausted, "float32[1048576,4]"));
  EXPECT_THAT(session.Run({{dims_, Ints({int64_t{1} << 40, 4})}}, {y}),
              StatusIs(StatusCode::kInvalidArgument, "node 'fill' (Fill): "));
  ExpectClose(Run(session, {{dims_, Ints({10, 4})}}, y), Tensor::Scalar(40.0f));
}

}  // namespace
}  // namespace sluice
