#include "ops/variable.h"

#include <limits>
#include <string>
#include <vector>

#include "graph/graph.h"
#include "gtest/gtest.h"
#include "ops/all_ops.h"
#include "tests/testing/core/status_matchers.h"
#include "tests/testing/core/tensors.h"
#include "tests/testing/state_runner.h"

namespace sluice {
namespace {

using absl::StatusCode;

TEST(VariableTest, HandlesWithOneNameAreOneVariable) {
  StateRunner state;
  const AttrMap attrs = {
      {"shared_name", "w"}, {"dtype", DType::kFloat}, {"shape", TensorShape({2})}};
  const auto a = state.Run("VarHandleOp", {}, attrs);
  const auto b = state.Run("VarHandleOp", {}, attrs);
  ASSERT_THAT(a, IsOk());
  ASSERT_THAT(b, IsOk());
  EXPECT_EQ((*a)[0].dtype(), DType::kResource);
  EXPECT_EQ((*a)[0].shape(), TensorShape());
  EXPECT_EQ((*a)[0].scalar<ResourceRef>(), (*b)[0].scalar<ResourceRef>());
}

TEST(VariableTest, ContainersKeepVariablesApart) {
  StateRunner state;
  AttrMap attrs = {{"shared_name", "w"}, {"dtype", DType::kFloat}, {"shape", TensorShape({2})}};
  const auto a = state.Run("VarHandleOp", {}, attrs);
  attrs["container"] = "other";
  const auto b = state.Run("VarHandleOp", {}, attrs);
  ASSERT_THAT(a, IsOk());
  ASSERT_THAT(b, IsOk());
  EXPECT_NE((*a)[0].scalar<ResourceRef>(), (*b)[0].scalar<ResourceRef>());
}

TEST(VariableTest, AnUnnamedHandleIsCalledLikeItsNode) {
  StateRunner state;
  const auto handle =
      state.Run("VarHandleOp", {}, {{"dtype", DType::kFloat}, {"shape", TensorShape({2})}});
  ASSERT_THAT(handle, IsOk());
  EXPECT_THAT((*handle)[0].scalar<ResourceRef>()->DebugString(),
              testing::HasSubstr("'VarHandleOp'"));
}

TEST(VariableTest, ASecondHandleOfAnotherKindIsRefused) {
  StateRunner state;
  state.Variable("w", Tensor::Of<float>({2}, {1, 2}));
  const auto run = [&](DType dtype, const TensorShape& shape) {
    return state.Run("VarHandleOp", {}, {{"shared_name", "w"}, {"dtype", dtype}, {"shape", shape}});
  };
  EXPECT_THAT(run(DType::kInt32, {2}),
              StatusIs(StatusCode::kInvalidArgument, "this op wants int32[2]"));
  EXPECT_THAT(run(DType::kFloat, {3}),
              StatusIs(StatusCode::kInvalidArgument, "this op wants float32[3]"));
}

TEST(VariableTest, ReadsAreSnapshots) {
  StateRunner state;
  const Tensor w = state.Variable("w", Tensor::Of<float>({2}, {1, 2}));
  const auto before = state.Run("ReadVariableOp", {w}, {{"dtype", DType::kFloat}});
  ASSERT_THAT(before, IsOk());
  ASSERT_THAT(state.Run("AssignAddVariableOp", {w, Tensor::Of<float>({2}, {10, 20})}), IsOk());
  const auto after = state.Run("ReadVariableOp", {w}, {{"dtype", DType::kFloat}});
  ASSERT_THAT(after, IsOk());
  ExpectClose((*before)[0], Tensor::Of<float>({2}, {1, 2}));
  ExpectClose((*after)[0], Tensor::Of<float>({2}, {11, 22}));
}

TEST(VariableTest, ReadingNeedsAValueOfTheRightDType) {
  StateRunner state;
  const Tensor w = state.Uninitialized("net/w", DType::kFloat, {2});
  EXPECT_THAT(state.Run("ReadVariableOp", {w}, {{"dtype", DType::kFloat}}),
              StatusIs(StatusCode::kFailedPrecondition,
                       "Error while reading resource variable net/w from Container: localhost. "
                       "This could mean that the variable was uninitialized."));
  EXPECT_THAT(state.Run("ReadVariableOp", {w}, {{"dtype", DType::kInt32}}),
              StatusIs(StatusCode::kInvalidArgument,
                       "'net/w' with wrong dtype. Expected float32 got int32"));
}

TEST(VariableTest, AHandleMustNameAVariable) {
  struct Other : public Resource {
    std::string DebugString() const override { return "other"; }
  };
  StateRunner state;
  const Tensor handle = Tensor::Scalar<ResourceRef>(std::make_shared<Other>());
  EXPECT_THAT(state.Run("ReadVariableOp", {handle}, {{"dtype", DType::kFloat}}),
              StatusIs(StatusCode::kInvalidArgument, "must be the handle of a variable"));
  const Tensor none = Tensor::Scalar<ResourceRef>(nullptr);
  EXPECT_THAT(state.Run("AssignVariableOp", {none, Tensor::Scalar(1.0f)}),
              StatusIs(StatusCode::kInvalidArgument, "must be the handle of a variable"));
}

TEST(VariableTest, IsInitialized) {
  StateRunner state;
  const Tensor w = state.Uninitialized("w", DType::kFloat, {2});
  EXPECT_FALSE(state.Run("VarIsInitializedOp", {w}).value()[0].scalar<bool>());
  ASSERT_THAT(state.Run("AssignVariableOp", {w, Tensor::Of<float>({2}, {1, 2})}), IsOk());
  EXPECT_TRUE(state.Run("VarIsInitializedOp", {w}).value()[0].scalar<bool>());
}

TEST(VariableTest, ShapeOfAVariable) {
  StateRunner state;
  const Tensor w = state.Variable("w", Tensor::Zeros(DType::kFloat, {2, 0, 5}));
  ExpectClose(state.Run("VariableShape", {w}).value()[0], Tensor::Of<int32_t>({3}, {2, 0, 5}));
  ExpectClose(state.Run("VariableShape", {w}, {{"out_type", DType::kInt64}}).value()[0],
              Tensor::Of<int64_t>({3}, {2, 0, 5}));
  const Tensor scalar = state.Variable("s", Tensor::Scalar(1.0f));
  ExpectClose(state.Run("VariableShape", {scalar}).value()[0], Tensor::Of<int32_t>({0}, {}));
}

TEST(VariableTest, AssignCopies) {
  StateRunner state;
  const Tensor w = state.Uninitialized("w", DType::kFloat, {2});
  Tensor value = Tensor::Of<float>({2}, {1, 2});
  ASSERT_THAT(state.Run("AssignVariableOp", {w, value}), IsOk());
  value.mutable_data<float>()[0] = 99;  // planned memory that is used again
  ExpectClose(state.Value(w), Tensor::Of<float>({2}, {1, 2}));
}

TEST(VariableTest, AssignTakesEveryDType) {
  for (const Tensor& value :
       {Tensor::Scalar(true), Tensor::Scalar(std::string("text")), Tensor::Scalar(int64_t{7}),
        Tensor::Scalar(std::complex<float>(1, 2)), Tensor::Scalar(Half(1.5f))}) {
    StateRunner state;
    const Tensor w = state.Uninitialized("w", value.dtype(), {});
    ASSERT_THAT(state.Run("AssignVariableOp", {w, value}), IsOk());
    EXPECT_TRUE(BitEqual(state.Value(w), value)) << value.DebugString();
  }
}

TEST(VariableTest, AssignChecksShapeAndDType) {
  StateRunner state;
  const Tensor w = state.Uninitialized("w", DType::kFloat, {2, 2});
  EXPECT_THAT(state.Run("AssignVariableOp", {w, Tensor::Zeros(DType::kFloat, {3, 2})}),
              StatusIs(StatusCode::kInvalidArgument,
                       "Assign requires shapes of both tensors to match. lhs shape= [2,2] rhs "
                       "shape= [3,2]"));
  EXPECT_THAT(state.Run("AssignVariableOp", {w, Tensor::Zeros(DType::kDouble, {2, 2})}),
              StatusIs(StatusCode::kInvalidArgument, "Expected float32 got float64"));
}

TEST(VariableTest, AssignToAPartlyUnknownShapeMayChangeIt) {
  StateRunner state;
  const Tensor w = state.Uninitialized("w", DType::kFloat, {-1, 2});
  ASSERT_THAT(state.Run("AssignVariableOp", {w, Tensor::Zeros(DType::kFloat, {3, 2})}), IsOk());
  ASSERT_THAT(state.Run("AssignVariableOp", {w, Tensor::Zeros(DType::kFloat, {0, 2})}), IsOk());
  EXPECT_EQ(state.Value(w).shape(), TensorShape({0, 2}));
}

TEST(VariableTest, AddAndSubtract) {
  for (DType dtype : {DType::kFloat, DType::kDouble, DType::kHalf, DType::kBfloat16, DType::kInt8,
                      DType::kInt32, DType::kInt64, DType::kUint8}) {
    StateRunner state;
    const Tensor w = state.Variable("w", FromDoubles(dtype, {3}, {10, 20, 30}));
    ASSERT_THAT(state.Run("AssignAddVariableOp", {w, FromDoubles(dtype, {3}, {1, 2, 3})}), IsOk());
    ASSERT_THAT(state.Run("AssignSubVariableOp", {w, FromDoubles(dtype, {3}, {5, 5, 5})}), IsOk());
    ExpectClose(state.Value(w), FromDoubles(dtype, {3}, {6, 17, 28}));
  }
}

TEST(VariableTest, IntegersWrapAround) {
  StateRunner state;
  const Tensor w = state.Variable("w", Tensor::Scalar(std::numeric_limits<int32_t>::max()));
  ASSERT_THAT(state.Run("AssignAddVariableOp", {w, Tensor::Scalar(1)}), IsOk());
  EXPECT_EQ(state.Value(w).scalar<int32_t>(), std::numeric_limits<int32_t>::min());
}

TEST(VariableTest, AddChecks) {
  StateRunner state;
  const Tensor w = state.Variable("w", Tensor::Of<float>({2}, {1, 2}));
  EXPECT_THAT(state.Run("AssignAddVariableOp", {w, Tensor::Scalar(1.0f)}),
              StatusIs(StatusCode::kInvalidArgument,
                       "Cannot update variable with shape [2] using a Tensor with shape []"));
  const Tensor u = state.Uninitialized("u", DType::kFloat, {});
  EXPECT_THAT(
      state.Run("AssignAddVariableOp", {u, Tensor::Scalar(1.0f)}),
      StatusIs(StatusCode::kFailedPrecondition, "Attempting to use uninitialized variables: u"));
  const Tensor b = state.Variable("b", Tensor::Scalar(true));
  EXPECT_THAT(state.Run("AssignAddVariableOp", {b, Tensor::Scalar(true)}),
              StatusIs(StatusCode::kUnimplemented, "bool"));
}

TEST(VariableTest, LargeUpdatesUseAllThreads) {
  StateRunner state(4);
  const int64_t n = 300001;
  const Tensor a = RandomTensor(DType::kFloat, {n}, 1), b = RandomTensor(DType::kFloat, {n}, 2);
  const Tensor w = state.Variable("w", a);
  ASSERT_THAT(state.Run("AssignAddVariableOp", {w, b}), IsOk());
  const Tensor got = state.Value(w);
  for (int64_t i = 0; i < n; ++i) {
    ASSERT_EQ(got.data<float>()[i], a.data<float>()[i] + b.data<float>()[i]) << i;
  }
}

// --- building ------------------------------------------------------------------------------------

TEST(VariableTest, ShapesAreKnownWhileBuilding) {
  Graph graph(ops::Builtin());
  const Scope root = Scope::Root(graph);
  const Output handle = ops::VarHandleOp(root, DType::kFloat, {-1, 3});
  EXPECT_EQ(ops::ReadVariableOp(root, handle, DType::kFloat).shape(), TensorShape({-1, 3}));
  EXPECT_EQ(ops::VariableShape(root, handle).shape(), TensorShape({2}));
  EXPECT_EQ(graph.status(), absl::OkStatus());
}

TEST(VariableTest, AMisfitIsAnErrorWhileBuilding) {
  Graph graph(ops::Builtin());
  const Scope root = Scope::Root(graph);
  const Output handle = ops::VarHandleOp(root, DType::kFloat, {2, 3});
  const Output value =
      At(root).Node("VariableV2", {}, {{"shape", TensorShape({3})}, {"dtype", DType::kFloat}});
  EXPECT_TRUE(ops::AssignVariableOp(root, handle, value).empty());
  EXPECT_THAT(graph.status(),
              StatusIs(StatusCode::kInvalidArgument, "lhs shape= [2,3] rhs shape= [3]"));
}

}  // namespace
}  // namespace sluice
