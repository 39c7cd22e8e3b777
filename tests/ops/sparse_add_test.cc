#include "ops/sparse_add.h"

#include <complex>

#include "gtest/gtest.h"
#include "tests/testing/op_test.h"

namespace sluice {
namespace {

using absl::StatusCode;

// [., 1, 2, .] and [3, ., -2, .]
OpTest Two(const char* op, const Tensor& a, const Tensor& b) {
  return OpTest(op)
      .Input<int64_t>({2, 1}, {1, 2})
      .Input(a)
      .Input<int64_t>({1}, {4})
      .Input<int64_t>({2, 1}, {0, 2})
      .Input(b)
      .Input<int64_t>({1}, {4})
      .DataDependentShape();
}

const Tensor kA = Tensor::Of<float>({2}, {1, 2}), kB = Tensor::Of<float>({2}, {3, -2});

TEST(SparseAddTest, ByHand) {
  Two("SparseAdd", kA, kB)
      .Input<float>({}, {0})
      .ExpectAll({Tensor::Of<int64_t>({3, 1}, {0, 1, 2}), Tensor::Of<float>({3}, {3, 1, 0}),
                  Tensor::Of<int64_t>({1}, {4})});
  Two("SparseAdd", kA, kB)
      .Input<float>({}, {1})  // what is as large as the threshold stays
      .ExpectAll({Tensor::Of<int64_t>({2, 1}, {0, 1}), Tensor::Of<float>({2}, {3, 1}),
                  Tensor::Of<int64_t>({1}, {4})});
  using C = std::complex<float>;
  Two("SparseAdd", Tensor::Of<C>({2}, {C(3, 4), C(0, 1)}), Tensor::Of<C>({2}, {C(1, 0), C(0, 1)}))
      .Input<float>({}, {2})
      .ExpectAll({Tensor::Of<int64_t>({2, 1}, {1, 2}), Tensor::Of<C>({2}, {C(3, 4), C(0, 2)}),
                  Tensor::Of<int64_t>({1}, {4})});
}

TEST(SparseAddTest, Errors) {
  const auto with_shape = [](std::initializer_list<int64_t> shape) {
    const auto rank = static_cast<int64_t>(shape.size());
    return OpTest("SparseAdd")
        .Input<int64_t>({0, 1}, {})
        .Input({0}, {})
        .Input<int64_t>({1}, {4})
        .Input<int64_t>({0, rank}, {})
        .Input({0}, {})
        .Input<int64_t>({rank}, shape)
        .Input({}, {0})
        .DataDependentShape();
  };
  with_shape({5}).ExpectError(StatusCode::kInvalidArgument, "Input shapes must match: got 4 and 5");
  with_shape({4, 1}).ExpectError(StatusCode::kInvalidArgument, "Ranks of input tensors must match");
}

TEST(SparseAddTest, Gradients) {
  Two("SparseAdd", Tensor::Of<double>({2}, {1, 2}), Tensor::Of<double>({2}, {3, -2}))
      .Input<float>({}, {0})
      .CheckGradient();
  OpTest("SparseAddGrad")  // the element at 2 did not come into the sum
      .Input({2}, {10, 20})
      .Input<int64_t>({2, 1}, {1, 2})
      .Input<int64_t>({2, 1}, {0, 2})
      .Input<int64_t>({2, 1}, {0, 1})
      .ExpectAll({Tensor::Of<float>({2}, {20, 0}), Tensor::Of<float>({2}, {10, 0})});
  OpTest("SparseAddGrad")
      .Input({3}, {10, 20, 30})
      .Input<int64_t>({2, 1}, {1, 2})
      .Input<int64_t>({2, 1}, {0, 2})
      .Input<int64_t>({2, 1}, {0, 1})
      .ExpectError(StatusCode::kInvalidArgument, "should match (#nnz of sum)");
}

TEST(SparseAddTest, Extremes) {
  const Tensor places = Tensor::Of<int64_t>({3, 1}, {0, 1, 2});
  Two("SparseSparseMaximum", Tensor::Of<float>({2}, {-1, 2}), kB)
      .ExpectAll({places, Tensor::Of<float>({3}, {3, 0, 2})});
  Two("SparseSparseMinimum", Tensor::Of<float>({2}, {-1, 2}), kB)
      .ExpectAll({places, Tensor::Of<float>({3}, {0, -1, -2})});
}

}  // namespace
}  // namespace sluice
