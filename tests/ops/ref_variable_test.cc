#include "ops/ref_variable.h"

#include "graph/at.h"
#include "graph/graph.h"
#include "gtest/gtest.h"
#include "ops/all_ops.h"
#include "ops/const.h"
#include "session/session.h"
#include "tests/testing/core/status_matchers.h"
#include "tests/testing/core/tensors.h"
#include "tests/testing/state_runner.h"

namespace sluice {
namespace {

using absl::StatusCode;

AttrMap Declared(DType dtype, const TensorShape& shape) {
  return {{"dtype", dtype}, {"shape", shape}, {"shared_name", "v"}};
}

TEST(RefVariableTest, AssignAndReadThroughTheReference) {
  StateRunner state;
  const Tensor v = state.Run("VariableV2", {}, Declared(DType::kFloat, {2})).value()[0];
  EXPECT_FALSE(state.Run("IsVariableInitialized", {v}).value()[0].scalar<bool>());
  const auto assigned = state.Run("Assign", {v, Tensor::Of<float>({2}, {1, 2})});
  ASSERT_THAT(assigned, IsOk());
  EXPECT_TRUE(state.Run("IsVariableInitialized", {v}).value()[0].scalar<bool>());
  // The result is the same reference.
  EXPECT_EQ((*assigned)[0].scalar<ResourceRef>(), v.scalar<ResourceRef>());
  ASSERT_THAT(state.Run("AssignAdd", {(*assigned)[0], Tensor::Of<float>({2}, {5, 5})}), IsOk());
  ASSERT_THAT(state.Run("AssignSub", {v, Tensor::Of<float>({2}, {0, 1})}), IsOk());
  ExpectClose(state.Value(v), Tensor::Of<float>({2}, {6, 6}));
}

TEST(RefVariableTest, ShapesMustMatch) {
  StateRunner state;
  const Tensor v = state.Run("VariableV2", {}, Declared(DType::kFloat, {3, 2})).value()[0];
  EXPECT_THAT(state.Run("Assign", {v, Tensor::Zeros(DType::kFloat, {2, 2})}),
              StatusIs(StatusCode::kInvalidArgument,
                       "Assign requires shapes of both tensors to match. lhs shape= [3,2] rhs "
                       "shape= [2,2]"));
  EXPECT_THAT(state.Run("AssignAdd", {v, Tensor::Zeros(DType::kFloat, {3, 2})}),
              StatusIs(StatusCode::kFailedPrecondition, "uninitialized"));
}

TEST(RefVariableTest, AnUnknownShapeIsFixedByTheFirstValidatedAssign) {
  StateRunner state;
  const Tensor v =
      state.Run("VariableV2", {}, Declared(DType::kFloat, TensorShape::Unknown())).value()[0];
  ASSERT_THAT(state.Run("Assign", {v, Tensor::Zeros(DType::kFloat, {2})}), IsOk());
  const Tensor longer = Tensor::Zeros(DType::kFloat, {3});
  EXPECT_THAT(state.Run("Assign", {v, longer}),
              StatusIs(StatusCode::kInvalidArgument, "lhs shape= [2] rhs shape= [3]"));
  ASSERT_THAT(state.Run("Assign", {v, longer}, {{"validate_shape", false}}), IsOk());
  EXPECT_EQ(state.Value(v).shape(), TensorShape({3}));
}

TEST(RefVariableTest, InTheOldOpAScalarShapeMeansUnknown) {
  StateRunner state;
  const Tensor v = state.Run("Variable", {}, Declared(DType::kFloat, {})).value()[0];
  ASSERT_THAT(state.Run("Assign", {v, Tensor::Zeros(DType::kFloat, {4})}), IsOk());
  const Tensor w =
      state.Run("VariableV2", {}, {{"dtype", DType::kFloat}, {"shape", TensorShape()}}).value()[0];
  EXPECT_THAT(state.Run("Assign", {w, Tensor::Zeros(DType::kFloat, {4})}),
              StatusIs(StatusCode::kInvalidArgument, "lhs shape= [] rhs shape= [4]"));
}

// A target runs, though nobody takes its value.
TEST(RefVariableTest, AReadThatIsATargetFailsWhereThereIsNoValue) {
  Graph graph(ops::Builtin());
  const Scope root = Scope::Root(graph);
  const Output v =
      At(root).Node("VariableV2", {}, {{"dtype", DType::kFloat}, {"shape", TensorShape({2})}});
  const Output read = At(root).Node("Identity", {v});
  const Output assign =
      At(root).Node("Assign", {v, ops::Const(root, Tensor::Zeros(DType::kFloat, {2}))});
  Session session = *Session::Create(graph);
  EXPECT_THAT(session.Run(read), StatusIs(StatusCode::kFailedPrecondition, "uninitialized"));
  ASSERT_THAT(session.Run(assign), IsOk());
  EXPECT_THAT(session.Run(read), IsOk());
}

}  // namespace
}  // namespace sluice
