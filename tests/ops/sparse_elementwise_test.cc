#include "ops/sparse_elementwise.h"

#include <cmath>

#include "gtest/gtest.h"
#include "tests/testing/op_test.h"

namespace sluice {
namespace {

using absl::StatusCode;

const Tensor kIndices = Tensor::Of<int64_t>({3, 2}, {0, 1, 1, 0, 1, 2});
const Tensor kShape = Tensor::Of<int64_t>({2}, {2, 3});

OpTest With(const char* op, const Tensor& values) {
  return OpTest(op).Input(kIndices).Input(values).Input(kShape);
}

TEST(SparseElementwiseTest, DenseAdd) {
  With("SparseTensorDenseAdd", Tensor::Of<float>({3}, {1, 2, 3}))
      .Input({2, 3}, {10, 20, 30, 40, 50, 60})
      .Expect({2, 3}, {10, 21, 30, 42, 50, 63});
  OpTest("SparseTensorDenseAdd")  // repeated indices add
      .Input<int32_t>({2, 1}, {1, 1})
      .Input<int32_t>({2}, {3, 4})
      .Input<int32_t>({1}, {2})
      .Input<int32_t>({2}, {0, 1})
      .Expect<int32_t>({2}, {0, 8});
}

TEST(SparseElementwiseTest, DenseAddErrors) {
  const Tensor values = Tensor::Of<float>({3}, {1, 2, 3});
  With("SparseTensorDenseAdd", values)
      .Input({2, 2}, {1, 2, 3, 4})
      .ExpectError(StatusCode::kInvalidArgument,
                   "Dimension 1 does not equal (no broadcasting is supported): sparse side 3 vs "
                   "dense side 2");
  With("SparseTensorDenseAdd", values)
      .Input({2}, {1, 2})
      .ExpectError(StatusCode::kInvalidArgument, "Two operands have different ranks");
  OpTest("SparseTensorDenseAdd")
      .Input<int64_t>({1, 1}, {2})
      .Input({1}, {1})
      .Input<int64_t>({1}, {2})
      .Input({2}, {1, 2})
      .ExpectError(StatusCode::kInvalidArgument, "indices[0] = [2] is out of bounds");
}

TEST(SparseElementwiseTest, Cwise) {
  const Tensor values = Tensor::Of<float>({3}, {1, 2, 3});
  const Tensor dense = Tensor::Of<float>({2, 3}, {1, 2, 3, 4, 5, 6});
  With("SparseDenseCwiseMul", values).Input(dense).Expect({3}, {2, 8, 18});
  With("SparseDenseCwiseDiv", values).Input(dense).Expect({3}, {0.5, 0.5, 0.5});
  With("SparseDenseCwiseAdd", values).Input(dense).Expect({3}, {3, 6, 9});
  With("SparseDenseCwiseMul", values).Input({3}, {1, 10, 100}).Expect({3}, {10, 2, 300});
  With("SparseDenseCwiseMul", values).Input({2, 1}, {1, 10}).Expect({3}, {1, 20, 30});
  With("SparseDenseCwiseMul", values).Input({}, {7}).Expect({3}, {7, 14, 21});
  With("SparseDenseCwiseDiv", Tensor::Of<int32_t>({3}, {-7, 7, 9}))
      .Input<int32_t>({}, {2})
      .Expect<int32_t>({3}, {-3, 3, 4});
}

TEST(SparseElementwiseTest, CwiseErrors) {
  const Tensor values = Tensor::Of<float>({3}, {1, 2, 3});
  With("SparseDenseCwiseMul", values)
      .Input({2, 2}, {1, 2, 3, 4})
      .ExpectError(StatusCode::kInvalidArgument,
                   "broadcasts dense to sparse only; got incompatible shapes: [2,3] vs. [2,2]");
  With("SparseDenseCwiseMul", values)
      .Input({1, 2, 3}, {1, 2, 3, 4, 5, 6})
      .ExpectError(StatusCode::kInvalidArgument, "incompatible shapes: [2,3] vs. [1,2,3]");
  With("SparseDenseCwiseDiv", Tensor::Of<int32_t>({3}, {1, 2, 3}))
      .Input<int32_t>({}, {0})
      .ExpectError(StatusCode::kInvalidArgument, "Integer division by zero");
  OpTest("SparseDenseCwiseMul")
      .Input<int64_t>({1, 1}, {2})
      .Input({1}, {1})
      .Input<int64_t>({1}, {2})
      .Input({2}, {1, 2})
      .ExpectError(StatusCode::kInvalidArgument,
                   "Provided indices are out-of-bounds w.r.t. dense side");
}

TEST(SparseElementwiseTest, Softmax) {
  const double e = std::exp(1.0);
  With("SparseSoftmax", Tensor::Of<double>({3}, {5, 1, 2}))
      .Expect<double>({3}, {1, 1 / (1 + e), e / (1 + e)});
  OpTest("SparseSoftmax").Input<int64_t>({0, 2}, {}).Input({0}, {}).Input(kShape).Expect({0}, {});
  OpTest("SparseSoftmax")
      .Input<int64_t>({1, 1}, {0})
      .Input({1}, {1})
      .Input<int64_t>({1}, {2})
      .ExpectError(StatusCode::kInvalidArgument, "Input should have rank >= 2");
}

TEST(SparseElementwiseTest, Gradients) {
  const Tensor values = Tensor::Of<double>({3}, {1, 2, 3});
  const Tensor dense = RandomTensor(DType::kDouble, {2, 3}, 1, 1, 2);
  With("SparseTensorDenseAdd", values).Input(dense).CheckGradient();
  for (const char* op : {"SparseDenseCwiseMul", "SparseDenseCwiseDiv"}) {
    for (const TensorShape& shape : {TensorShape{2, 3}, TensorShape{3}, TensorShape{2, 1}}) {
      With(op, values)
          .Input(RandomTensor(DType::kDouble, shape, 2, 1, 2))
          .CheckGradient({.context = op});
    }
  }
  With("SparseSoftmax", values).CheckGradient();
}

}  // namespace
}  // namespace sluice
