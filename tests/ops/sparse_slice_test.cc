#include "ops/sparse_slice.h"

#include "gtest/gtest.h"
#include "tests/testing/op_test.h"

namespace sluice {
namespace {

using absl::StatusCode;

const Tensor kIndices = Tensor::Of<int64_t>({4, 2}, {0, 1, 1, 0, 1, 2, 2, 2});
const Tensor kShape = Tensor::Of<int64_t>({2}, {3, 4});

OpTest Slice(const Tensor& values, std::initializer_list<int64_t> start,
             std::initializer_list<int64_t> size) {
  return OpTest("SparseSlice")
      .Input(kIndices)
      .Input(values)
      .Input(kShape)
      .Input<int64_t>({static_cast<int64_t>(start.size())}, start)
      .Input<int64_t>({static_cast<int64_t>(size.size())}, size)
      .DataDependentShape();
}

TEST(SparseSliceTest, ByHand) {
  const Tensor values = Tensor::Of<float>({4}, {1, 2, 3, 4});
  Slice(values, {1, 1}, {2, 2})
      .ExpectAll({Tensor::Of<int64_t>({2, 2}, {0, 1, 1, 1}), Tensor::Of<float>({2}, {3, 4}),
                  Tensor::Of<int64_t>({2}, {2, 2})});
  Slice(values, {2, 2}, {9, 9})  // beyond the end
      .ExpectAll({Tensor::Of<int64_t>({1, 2}, {0, 0}), Tensor::Of<float>({1}, {4}),
                  Tensor::Of<int64_t>({2}, {1, 2})});
  Slice(values, {5, 0}, {1, 1})
      .ExpectAll({Tensor::Of<int64_t>({0, 2}, {}), Tensor::Of<float>({0}, {}),
                  Tensor::Of<int64_t>({2}, {0, 1})});
}

TEST(SparseSliceTest, Errors) {
  const Tensor values = Tensor::Of<float>({4}, {1, 2, 3, 4});
  Slice(values, {0}, {1, 1})
      .ExpectError(StatusCode::kInvalidArgument, "Expected start to be a vector of length 2");
  Slice(values, {0, -1}, {1, 1}).ExpectError(StatusCode::kInvalidArgument, "start must be >= 0");
  Slice(values, {0, 0}, {1, -1}).ExpectError(StatusCode::kInvalidArgument, "size must be >= 0");
}

TEST(SparseSliceTest, Gradients) {
  Slice(Tensor::Of<double>({4}, {1, 2, 3, 4}), {1, 1}, {2, 2}).CheckGradient();
  OpTest("SparseSliceGrad")
      .Input({1}, {5})
      .Input(kIndices)
      .Input<int64_t>({2}, {1, 0})
      .Input<int64_t>({1, 2}, {0, 2})
      .Expect({4}, {0, 0, 5, 0});
  OpTest("SparseSliceGrad")
      .Input({1}, {5})
      .Input(kIndices)
      .Input<int64_t>({2}, {1, 0})
      .Input<int64_t>({1, 2}, {0, 3})
      .ExpectError(StatusCode::kInvalidArgument, "aren't all propagated. Num elements:1, used: 0");
}

TEST(SparseSliceTest, Split) {
  const auto split = [](int64_t dim, int64_t n) {
    return OpTest("SparseSplit")
        .Attr("num_split", n)
        .Input<int64_t>({}, {dim})
        .Input(kIndices)
        .Input({4}, {1, 2, 3, 4})
        .Input(kShape)
        .DataDependentShape();
  };
  split(0, 2).ExpectAll({Tensor::Of<int64_t>({3, 2}, {0, 1, 1, 0, 1, 2}),
                         Tensor::Of<int64_t>({1, 2}, {0, 2}), Tensor::Of<float>({3}, {1, 2, 3}),
                         Tensor::Of<float>({1}, {4}), Tensor::Of<int64_t>({2}, {2, 4}),
                         Tensor::Of<int64_t>({2}, {1, 4})});
  split(2, 2).ExpectError(StatusCode::kInvalidArgument, "Input split_dim should be between 0 and");
  split(0, 4).ExpectError(StatusCode::kInvalidArgument, "Input num_split should be between 1 and");
}

}  // namespace
}  // namespace sluice
