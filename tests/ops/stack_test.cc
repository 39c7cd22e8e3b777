#include "ops/stack.h"

#include "core/status.h"
#include "ops/const.h"
#include "ops/identity.h"
#include "ops/placeholder.h"
#include "ops/unary.h"
#include "tests/testing/core/tensors.h"
#include "tests/testing/graph_fixture.h"

namespace sluice {
namespace {

using absl::StatusCode;

class StackTest : public GraphFixture {
 protected:
  absl::StatusOr<std::vector<Tensor>> Run(const Outputs& fetches) {
    SLUICE_RETURN_IF_ERROR(graph_.status());
    SLUICE_ASSIGN_OR_RETURN(Session session, Session::Create(graph_));
    return session.Run({}, fetches);
  }
  Output Push(const Scope& at, float value) {
    return ops::StackPushV2(at, stack_, ops::Const(root_, value));
  }
  Output stack_ = ops::StackV2(root_, ops::Const(root_, 2), DType::kFloat);
};

TEST_F(StackTest, LastInFirstOut) {
  const Output first = Push(root_, 1);
  const Output second = Push(root_.After({first}), 2);
  const Output top = ops::StackPopV2(root_.After({second}), stack_, DType::kFloat);
  const Output below = ops::StackPopV2(root_.After({top}), stack_, DType::kFloat);
  const auto got = Run({first, second, top, below});
  ASSERT_THAT(got, IsOk());
  for (const auto& [i, want] : std::vector<std::pair<int, float>>{{0, 1}, {1, 2}, {2, 2}, {3, 1}}) {
    ExpectClose((*got)[i], Tensor::Of<float>({}, {want}));
  }
}

TEST_F(StackTest, KeepsWhatWasPushed) {
  // The memory of the pushed value is used again before the pop.
  const Output x = ops::Placeholder(root_, DType::kFloat, {2});
  const Output square = ops::Square(root_, x);
  const Output push = ops::StackPushV2(root_, stack_, square);
  const Output later = ops::Neg(root_.After({push}), ops::Neg(root_, push));
  const Output pop = ops::StackPopV2(root_.After({later}), stack_, DType::kFloat);
  Session session = *Session::Create(graph_);
  const auto got = session.Run({{x, Tensor::Of<float>({2}, {2, 3})}}, {pop});
  ASSERT_THAT(got, IsOk());
  ExpectClose((*got)[0], Tensor::Of<float>({2}, {4, 9}));
}

TEST_F(StackTest, Errors) {
  EXPECT_THAT(Run({ops::StackPopV2(root_, stack_, DType::kFloat)}),
              StatusIs(StatusCode::kInvalidArgument, "is empty when calling Pop()"));
  EXPECT_THAT(Run({ops::StackPopV2(root_, stack_, DType::kInt32)}),
              StatusIs(StatusCode::kInvalidArgument, "Must have type float32 but got int32"));
  const Output one = Push(root_, 1);
  const Output two = Push(root_.After({one}), 2);
  EXPECT_THAT(Run({Push(root_.After({two}), 3)}),
              StatusIs(StatusCode::kInvalidArgument, "overflowed its max_size (2)"));
  const Output close = ops::StackCloseV2(root_.After({one}), stack_);
  EXPECT_THAT(Run({Push(root_.After({close}), 3)}),
              StatusIs(StatusCode::kInvalidArgument, "has already been closed."));
}

// The older ops, whose handle is a reference to a string.
TEST_F(StackTest, OldStack) {
  const Output stack = At(root_).Node("Stack", {}, {{"elem_type", DType::kInt32}});
  const Output push = At(root_).Node("StackPush", {stack, ops::Const(root_, 5)});
  const Output pop =
      At(root_.After({push})).Node("StackPop", {stack}, {{"elem_type", DType::kInt32}});
  const auto got = Run({pop});
  ASSERT_THAT(got, IsOk());
  ExpectClose((*got)[0], Tensor::Of<int32_t>({}, {5}));
}

}  // namespace
}  // namespace sluice
