#include "ops/sparse_matmul.h"

#include <complex>
#include <vector>

#include "gtest/gtest.h"
#include "tests/testing/op_test.h"

namespace sluice {
namespace {

using absl::StatusCode;

// [[0, 2, 0], [3, 0, 4]]
const Tensor kIndices = Tensor::Of<int64_t>({3, 2}, {0, 1, 1, 0, 1, 2});
const Tensor kShape = Tensor::Of<int64_t>({2}, {2, 3});

OpTest Product(const Tensor& values, const Tensor& b) {
  return OpTest("SparseTensorDenseMatMul").Input(kIndices).Input(values).Input(kShape).Input(b);
}

TEST(SparseMatMulTest, ByHand) {
  Product(Tensor::Of<float>({3}, {2, 3, 4}), Tensor::Of<float>({3, 2}, {1, 2, 3, 4, 5, 6}))
      .Expect({2, 2}, {6, 8, 23, 30});
  Product(Tensor::Of<int32_t>({3}, {2, 3, 4}), Tensor::Of<int32_t>({2, 1}, {1, 10}))
      .Attr("adjoint_a", true)
      .Expect<int32_t>({3, 1}, {30, 2, 40});
  Product(Tensor::Of<double>({3}, {2, 3, 4}), Tensor::Of<double>({2, 3}, {1, 2, 3, 4, 5, 6}))
      .Attr("adjoint_b", true)
      .Expect<double>({2, 2}, {4, 10, 15, 36});
}

TEST(SparseMatMulTest, AdjointsConjugate) {
  using C = std::complex<float>;
  OpTest("SparseTensorDenseMatMul")
      .Attr("adjoint_a", true)
      .Attr("adjoint_b", true)
      .Input<int32_t>({1, 2}, {0, 0})
      .Input<C>({1}, {C(0, 1)})
      .Input<int64_t>({2}, {1, 1})
      .Input<C>({1, 1}, {C(2, 3)})
      .Expect<C>({1, 1}, {C(0, -1) * C(2, -3)});
}

TEST(SparseMatMulTest, RepeatedIndicesAddAndEmptyOnesGiveZeros) {
  OpTest("SparseTensorDenseMatMul")
      .Input<int64_t>({2, 2}, {0, 0, 0, 0})
      .Input({2}, {1, 2})
      .Input<int64_t>({2}, {1, 1})
      .Input({1, 1}, {5})
      .Expect({1, 1}, {15});
  OpTest("SparseTensorDenseMatMul")
      .Input<int64_t>({0, 2}, {})
      .Input({0}, {})
      .Input<int64_t>({2}, {2, 0})
      .Input({0, 3}, {})
      .Expect({2, 3}, {0, 0, 0, 0, 0, 0});
}

TEST(SparseMatMulTest, AgainstADenseProduct) {
  const int64_t m = 37, k = 23, n = 61, count = 200;
  const Tensor rows = RandomTensor(DType::kInt64, {count}, 1, 0, static_cast<double>(m));
  const Tensor columns = RandomTensor(DType::kInt64, {count}, 2, 0, static_cast<double>(k));
  const Tensor values = RandomTensor(DType::kDouble, {count}, 3);
  const Tensor b = RandomTensor(DType::kDouble, {k, n}, 4);
  std::vector<int64_t> indices;
  std::vector<double> product(m * n, 0);
  for (int64_t i = 0; i < count; ++i) {
    const int64_t row = rows.flat<int64_t>()[i], column = columns.flat<int64_t>()[i];
    indices.push_back(row);
    indices.push_back(column);
    for (int64_t j = 0; j < n; ++j) {
      product[row * n + j] += values.flat<double>()[i] * b.flat<double>()[column * n + j];
    }
  }
  OpTest("SparseTensorDenseMatMul")
      .Input(Tensor::Of<int64_t>({count, 2}, indices))
      .Input(values)
      .Input<int64_t>({2}, {m, k})
      .Input(b)
      .Expect(Tensor::Of<double>({m, n}, product));
}

TEST(SparseMatMulTest, Errors) {
  const Tensor values = Tensor::Of<float>({3}, {2, 3, 4});
  Product(values, Tensor::Of<float>({2, 1}, {1, 2}))
      .ExpectError(StatusCode::kInvalidArgument, "inner dimension does not match: 3 vs. 2");
  const auto at = [](int64_t row, int64_t column) {
    return OpTest("SparseTensorDenseMatMul")
        .Input<int64_t>({1, 2}, {row, column})
        .Input({1}, {1})
        .Input<int64_t>({2}, {2, 3})
        .Input({3, 1}, {1, 2, 3});
  };
  at(0, 3).ExpectError(StatusCode::kInvalidArgument, "k (3) from index[0,1] out of bounds (>=3)");
  at(2, 0).ExpectError(StatusCode::kInvalidArgument, "m (2) from index[0,0] out of bounds (>=2)");
  at(-1, 0).ExpectError(StatusCode::kInvalidArgument, "m (-1) from index[0,0] out of bounds");
  OpTest("SparseTensorDenseMatMul")
      .Input(kIndices)
      .Input(values)
      .Input<int64_t>({3}, {2, 3, 1})
      .Input({3, 1}, {1, 2, 3})
      .ExpectError(StatusCode::kInvalidArgument, "Tensor 'a_shape' must have 2 elements");
}

TEST(SparseMatMulTest, Gradients) {
  const Tensor values = Tensor::Of<double>({3}, {2, 3, 4});
  for (const bool adjoint_a : {false, true}) {
    for (const bool adjoint_b : {false, true}) {
      const int64_t inner = adjoint_a ? 2 : 3;
      const TensorShape b = adjoint_b ? TensorShape{4, inner} : TensorShape{inner, 4};
      Product(values, RandomTensor(DType::kDouble, b))
          .Attr("adjoint_a", adjoint_a)
          .Attr("adjoint_b", adjoint_b)
          .CheckGradient();
    }
  }
}

}  // namespace
}  // namespace sluice
