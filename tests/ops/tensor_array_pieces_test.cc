// Expected values are worked by hand; messages are TensorFlow's (rule CF-25).
#include "ops/tensor_array_pieces.h"

#include "graph/gradients.h"
#include "ops/binary.h"
#include "ops/reduction.h"
#include "tests/testing/tensor_array_fixture.h"

namespace sluice {
namespace {

using absl::StatusCode;

TEST_F(TensorArrayTest, GatherAndScatter) {
  const auto array = New(3);
  const Output rows = ops::Const(root_, Tensor::Of<float>({3, 2}, {1, 2, 3, 4, 5, 6}));
  const Output flow =
      ops::TensorArrayScatterV3(root_, array.handle, Indices({2, 0, 1}), rows, array.flow);
  ExpectValue(Read(array, 2, flow), Tensor::Of<float>({2}, {1, 2}));
  const Output gathered =
      ops::TensorArrayGatherV3(root_, array.handle, Indices({0, 2}), flow, DType::kFloat, {2});
  EXPECT_EQ(gathered.shape(), TensorShape({2, 2}));
  ExpectValue(gathered, Tensor::Of<float>({2, 2}, {3, 4, 1, 2}));
}

TEST_F(TensorArrayTest, SplitAndConcat) {
  const auto array = New(3);
  const Output value = ops::Const(root_, Tensor::Of<float>({4, 1}, {1, 2, 3, 4}));
  const Output lengths = ops::Const(root_, Tensor::Of<int64_t>({3}, {1, 0, 3}));
  const Output flow = ops::TensorArraySplitV3(root_, array.handle, value, lengths, array.flow);
  ExpectValue(Read(array, 2, flow), Tensor::Of<float>({3, 1}, {2, 3, 4}));
  const auto joined = ops::TensorArrayConcatV3(root_, array.handle, flow, DType::kFloat);
  ExpectValue(joined.value, Tensor::Of<float>({4, 1}, {1, 2, 3, 4}));
  ExpectValue(joined.lengths, Tensor::Of<int64_t>({3}, {1, 0, 3}));
}

TEST_F(TensorArrayTest, ErrorsOfPieces) {
  const auto array = New(3);
  ExpectRunError(
      ops::TensorArrayGatherV3(root_, array.handle, Indices({}), array.flow, DType::kFloat),
      "is not fully defined", StatusCode::kUnimplemented);
  const Output lengths = ops::Const(root_, Tensor::Of<int64_t>({3}, {1, 1, 1}));
  ExpectRunError(ops::TensorArraySplitV3(root_, array.handle, Vector({1, 2}), lengths, array.flow),
                 "Expected sum of lengths to be equal to values.shape[0]");
  ExpectRunError(
      ops::TensorArrayScatterV3(root_, array.handle, Indices({7}), Vector({1}), array.flow),
      "Max scatter index must be < array size (7 vs. 3)");
}

TEST_F(TensorArrayTest, GradientOfScatterAndGather) {
  const Output rows = ops::Const(root_, Tensor::Of<float>({2, 2}, {1, 2, 3, 4}));
  const auto array = New(2);
  const Output flow =
      ops::TensorArrayScatterV3(root_, array.handle, Indices({1, 0}), rows, array.flow);
  const Output gathered =
      ops::TensorArrayGatherV3(root_, array.handle, Indices({0, 1}), flow, DType::kFloat, {2});
  const Output weights = ops::Const(root_, Tensor::Of<float>({2, 2}, {10, 20, 30, 40}));
  const Output y = ops::Sum(root_, ops::Mul(root_, gathered, weights), {0, 1});
  const auto dy = Gradients(root_, {y}, {rows});
  ExpectValue(dy[0], Tensor::Of<float>({2, 2}, {30, 40, 10, 20}));
}

TEST_F(TensorArrayTest, GradientOfSplitAndConcat) {
  const Output value = Vector({1, 2, 3});
  const auto array = New(2);
  const Output lengths = ops::Const(root_, Tensor::Of<int64_t>({2}, {1, 2}));
  const Output flow = ops::TensorArraySplitV3(root_, array.handle, value, lengths, array.flow);
  const Output joined = ops::TensorArrayConcatV3(root_, array.handle, flow, DType::kFloat).value;
  const Output y = ops::Sum(root_, ops::Mul(root_, joined, Vector({4, 5, 6})), {0});
  const auto dy = Gradients(root_, {y}, {value});
  ExpectValue(dy[0], Tensor::Of<float>({3}, {4, 5, 6}));
}

}  // namespace
}  // namespace sluice
