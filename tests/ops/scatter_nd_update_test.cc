#include "ops/scatter_nd_update.h"

#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "tests/testing/op_test.h"
#include "tests/testing/state_runner.h"

namespace sluice {
namespace {

using absl::StatusCode;

const Tensor kMatrix = Tensor::Of<float>({3, 2}, {1, 2, 3, 4, 5, 6});

TEST(TensorScatterTest, RowsOneAfterAnother) {
  const Tensor indices = Tensor::Of<int32_t>({3, 1}, {2, 0, 2});
  const Tensor updates = Tensor::Of<float>({3, 2}, {10, 20, 30, 40, 50, 60});
  OpTest("TensorScatterUpdate")
      .Input(kMatrix)
      .Input(indices)
      .Input(updates)
      .Expect({3, 2}, {30, 40, 3, 4, 50, 60});
  for (const char* op : {"TensorScatterAdd", "ScatterNdNonAliasingAdd"}) {
    OpTest(op).Input(kMatrix).Input(indices).Input(updates).Expect({3, 2}, {31, 42, 3, 4, 65, 86});
  }
  OpTest("TensorScatterSub")
      .Input(kMatrix)
      .Input(indices)
      .Input(updates)
      .Expect({3, 2}, {-29, -38, 3, 4, -55, -74});
}

TEST(TensorScatterTest, ElementsAndBatches) {
  OpTest("TensorScatterAdd")
      .Input(kMatrix)
      .Input<int64_t>({2, 2}, {0, 1, 2, 0})
      .Input({2}, {10, 20})
      .Expect({3, 2}, {1, 12, 3, 4, 25, 6});
  OpTest("TensorScatterUpdate")
      .Input(kMatrix)
      .Input<int64_t>({2, 1, 2}, {0, 1, 2, 0})
      .Input({2, 1}, {10, 20})
      .Expect({3, 2}, {1, 10, 3, 4, 20, 6});
}

TEST(TensorScatterTest, OtherTypes) {
  OpTest("TensorScatterUpdate")
      .Input<std::string>({3}, {"a", "b", "c"})
      .Input<int32_t>({1, 1}, {1})
      .Input<std::string>({1}, {"x"})
      .Expect<std::string>({3}, {"a", "x", "c"});
  OpTest("TensorScatterUpdate")
      .Input<bool>({2}, {true, true})
      .Input<int32_t>({1, 1}, {1})
      .Input<bool>({1}, {false})
      .Expect<bool>({2}, {true, false});
  OpTest("ScatterNdNonAliasingAdd")
      .Input<bool>({3}, {true, false, false})
      .Input<int32_t>({2, 1}, {0, 1})
      .Input<bool>({2}, {true, true})
      .Expect<bool>({3}, {true, true, false});
  OpTest("TensorScatterSub")
      .Input<int8_t>({2}, {-100, 1})
      .Input<int32_t>({1, 1}, {0})
      .Input<int8_t>({1}, {100})
      .Expect<int8_t>({2}, {56, 1});  // wraps around
  OpTest("TensorScatterSub")
      .Input<std::string>({1}, {"a"})
      .Input<int32_t>({1, 1}, {0})
      .Input<std::string>({1}, {"a"})
      .ExpectError(StatusCode::kUnimplemented, "string");
}

TEST(TensorScatterTest, NothingGiven) {
  OpTest("TensorScatterAdd")
      .Input(kMatrix)
      .Input<int32_t>({0, 1}, {})
      .Input({0, 2}, {})
      .Expect(kMatrix);
  OpTest("TensorScatterUpdate")
      .Input({0, 2}, {})
      .Input<int32_t>({0, 1}, {})
      .Input({0, 2}, {})
      .Expect({0, 2}, {});
}

TEST(TensorScatterTest, Errors) {
  const auto update = [](const TensorShape& tensor, const Tensor& indices,
                         const TensorShape& updates) {
    return OpTest("TensorScatterUpdate")
        .Input(Tensor::Zeros(DType::kFloat, tensor))
        .Input(indices)
        .Input(Tensor::Zeros(DType::kFloat, updates));
  };
  const Tensor two = Tensor::Of<int32_t>({2, 1}, {0, 3});
  update({3, 2}, two, {2, 2})
      .ExpectError(StatusCode::kInvalidArgument,
                   "indices[1] = [3] does not index into shape [3,2]");
  update({3, 2}, Tensor::Of<int64_t>({1, 1, 2}, {0, -1}), {1, 1})
      .ExpectError(StatusCode::kInvalidArgument,
                   "indices[0,0] = [0, -1] does not index into shape [3,2]");
  update({3, 2}, two, {3, 2})
      .ExpectError(StatusCode::kInvalidArgument,
                   "The outer 1 dimensions of indices.shape=[2,1] must match the outer 1 "
                   "dimensions of updates.shape=[3,2]");
  update({3, 2}, two, {2, 3})
      .ExpectError(StatusCode::kInvalidArgument,
                   ",2] must match the inner 1 dimensions of updates.shape");
  update({3}, Tensor::Of<int32_t>({1, 2}, {0, 0}), {1})
      .ExpectError(StatusCode::kInvalidArgument, "must match the inner 0 dimensions");
  update({3}, Tensor::Of<int32_t>({1}, {0}), {})
      .ExpectError(StatusCode::kInvalidArgument, "Shape must be at least rank 1 but is rank 0");
  update({3}, Tensor::Scalar(0), {1})
      .ExpectError(StatusCode::kInvalidArgument, "Shape must be at least rank 1 but is rank 0");
  update({0, 2}, Tensor::Of<int32_t>({1, 1}, {0}), {1, 2})
      .ExpectError(StatusCode::kInvalidArgument, "Indices and updates specified for empty output");
  update({3, 2}, Tensor::Zeros(DType::kInt32, {2, 0}), {2, 3, 2})
      .ExpectError(StatusCode::kInvalidArgument, "Indices and updates specified for empty output");
}

// Distinct places for the update form: where a place is given twice its gradient is not one number.
TEST(TensorScatterTest, Gradients) {
  const Tensor x = RandomTensor(DType::kDouble, {3, 2}),
               u = RandomTensor(DType::kDouble, {2, 2}, 2);
  OpTest("TensorScatterUpdate").Input(x).Input<int32_t>({2, 1}, {2, 0}).Input(u).CheckGradient();
  for (const char* op : {"TensorScatterAdd", "TensorScatterSub", "ScatterNdNonAliasingAdd"}) {
    OpTest(op).Input(x).Input<int64_t>({2, 1}, {2, 2}).Input(u).CheckGradient();
  }
}

// --- on variables ---

struct Case {
  const char* word;
  std::vector<float> want;  // of 1 ... 6 after rows 2, 0, 2 got {10, 20}, {30, 40}, {50, 60}
};

class ScatterNdVariableTest : public testing::TestWithParam<Case> {};

TEST_P(ScatterNdVariableTest, BothForms) {
  for (const char* prefix : {"ScatterNd", "ResourceScatterNd"}) {
    StateRunner state;
    const Tensor w = state.Variable("w", kMatrix);
    const auto out = state.Run(std::string(prefix) + GetParam().word,
                               {w, Tensor::Of<int64_t>({3, 1}, {2, 0, 2}),
                                Tensor::Of<float>({3, 2}, {10, 20, 30, 40, 50, 60})});
    ASSERT_THAT(out, IsOk()) << prefix;
    ExpectClose(state.Value(w), Tensor::Of<float>({3, 2}, GetParam().want), {}, prefix);
    if (!out->empty()) {
      EXPECT_EQ((*out)[0].scalar<ResourceRef>(), w.scalar<ResourceRef>());
    }
  }
}

TEST_P(ScatterNdVariableTest, Errors) {
  for (const char* prefix : {"ScatterNd", "ResourceScatterNd"}) {
    const std::string op = std::string(prefix) + GetParam().word;
    StateRunner state;
    const Tensor w = state.Variable("w", kMatrix);
    const Tensor none = state.Uninitialized("none", DType::kFloat, {3, 2});
    const Tensor row = Tensor::Of<float>({1, 2}, {1, 1}), zero = Tensor::Of<int32_t>({1, 1}, {0});
    EXPECT_THAT(
        state.Run(
            op, {w, Tensor::Of<int32_t>({2, 1}, {0, 3}), Tensor::Of<float>({2, 2}, {9, 9, 9, 9})}),
        StatusIs(StatusCode::kInvalidArgument, "indices[1] = [3] does not index into shape [3,2]"));
    EXPECT_THAT(state.Run(op, {w, zero, Tensor::Of<float>({1, 3}, {1, 1, 1})}),
                StatusIs(StatusCode::kInvalidArgument, "must match the inner 1 dimensions"));
    EXPECT_THAT(state.Run(op, {none, zero, row}),
                StatusIs(StatusCode::kFailedPrecondition, "uninitialized variables: none"));
    ExpectClose(state.Value(w), kMatrix);  // nothing was written
  }
}

INSTANTIATE_TEST_SUITE_P(All, ScatterNdVariableTest,
                         testing::Values(Case{"Update", {30, 40, 3, 4, 50, 60}},
                                         Case{"Add", {31, 42, 3, 4, 65, 86}},
                                         Case{"Sub", {-29, -38, 3, 4, -55, -74}}),
                         [](const auto& info) { return std::string(info.param.word); });

}  // namespace
}  // namespace sluice
