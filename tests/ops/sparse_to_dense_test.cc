#include "ops/sparse_to_dense.h"

#include <string>

#include "gtest/gtest.h"
#include "tests/testing/op_test.h"

namespace sluice {
namespace {

using absl::StatusCode;

const Tensor kIndices = Tensor::Of<int64_t>({3, 2}, {0, 1, 1, 0, 1, 2});
const Tensor kShape = Tensor::Of<int64_t>({2}, {2, 3});

OpTest ToDense(const Tensor& indices, const Tensor& shape, const Tensor& values,
               const Tensor& fill) {
  return OpTest("SparseToDense").Input(indices).Input(shape).Input(values).Input(fill);
}

TEST(SparseToDenseTest, ByHand) {
  ToDense(kIndices, kShape, Tensor::Of<float>({3}, {1, 2, 3}), Tensor::Scalar(9.0f))
      .Expect({2, 3}, {9, 1, 9, 2, 9, 3});
  ToDense(kIndices, kShape, Tensor::Scalar<int8_t>(7), Tensor::Scalar<int8_t>(-1))
      .Expect<int8_t>({2, 3}, {-1, 7, -1, 7, -1, 7});
  ToDense(kIndices, kShape, Tensor::Of<std::string>({3}, {"a", "b", "c"}),
          Tensor::Scalar(std::string("-")))
      .Expect(Tensor::Of<std::string>({2, 3}, {"-", "a", "-", "b", "-", "c"}));
}

TEST(SparseToDenseTest, VectorAndScalarIndices) {
  ToDense(Tensor::Of<int32_t>({2}, {1, 3}), Tensor::Of<int32_t>({1}, {4}),
          Tensor::Of<bool>({2}, {true, true}), Tensor::Scalar(false))
      .Expect<bool>({4}, {false, true, false, true});
  ToDense(Tensor::Scalar<int32_t>(2), Tensor::Of<int32_t>({1}, {3}), Tensor::Scalar(5.0),
          Tensor::Scalar(0.0))
      .Expect<double>({3}, {0, 0, 5});
}

TEST(SparseToDenseTest, Empty) {
  ToDense(Tensor::Of<int64_t>({0, 2}, {}), kShape, Tensor::Of<float>({0}, {}), Tensor::Scalar(4.0f))
      .Expect({2, 3}, {4, 4, 4, 4, 4, 4});
  ToDense(Tensor::Of<int64_t>({0, 2}, {}), Tensor::Of<int64_t>({2}, {0, 3}),
          Tensor::Of<float>({0}, {}), Tensor::Scalar(4.0f))
      .Expect({0, 3}, {});
}

TEST(SparseToDenseTest, WithoutValidationTheLastValueWins) {
  ToDense(Tensor::Of<int64_t>({3}, {2, 0, 2}), Tensor::Of<int64_t>({1}, {3}),
          Tensor::Of<float>({3}, {1, 2, 3}), Tensor::Scalar(0.0f))
      .Attr("validate_indices", false)
      .Expect({3}, {2, 0, 3});
}

TEST(SparseToDenseTest, Errors) {
  const Tensor values = Tensor::Of<float>({2}, {1, 2}), fill = Tensor::Scalar(0.0f);
  const Tensor size = Tensor::Of<int64_t>({1}, {3});
  const auto vector = [&](std::initializer_list<int64_t> at) {
    return ToDense(Tensor::Of<int64_t>({2}, at), size, values, fill);
  };
  vector({2, 1}).ExpectError(StatusCode::kInvalidArgument, "indices[1] = [1] is out of order");
  vector({1, 1}).ExpectError(StatusCode::kInvalidArgument, "indices[1] = [1] is repeated");
  vector({1, 3}).ExpectError(StatusCode::kInvalidArgument,
                             "indices[1] = [3] is out of bounds: need 0 <= index < [3]");
  vector({-1, 3}).ExpectError(StatusCode::kInvalidArgument, "is out of bounds");
  vector({1, 3})
      .Attr("validate_indices", false)
      .ExpectError(StatusCode::kInvalidArgument,
                   "Indices are not valid (out of bounds).  Shape: [3]");
  ToDense(Tensor::Of<int64_t>({2}, {0, 1}), kShape, values, fill)
      .ExpectError(StatusCode::kInvalidArgument,
                   "output_shape has incorrect number of elements: 2 should be: 1");
  ToDense(Tensor::Of<int64_t>({2}, {0, 1}), size, Tensor::Of<float>({3}, {1, 2, 3}), fill)
      .ExpectError(StatusCode::kInvalidArgument, "should be [] or [2]");
  ToDense(Tensor::Of<int64_t>({2}, {0, 1}), size, values, values)
      .ExpectError(StatusCode::kInvalidArgument, "default_value should be a scalar");
  ToDense(Tensor::Of<int64_t>({2}, {0, 1}), Tensor::Of<int64_t>({1}, {-5}), values, fill)
      .ExpectError(StatusCode::kInvalidArgument, "");
  ToDense(Tensor::Of<int64_t>({1, 2}, {0, 1}), Tensor::Of<int64_t>({2}, {1LL << 40, 1LL << 40}),
          Tensor::Of<float>({1}, {1}), fill)
      .ExpectError(StatusCode::kInvalidArgument, "");
}

TEST(SparseToDenseTest, Gradients) {
  ToDense(kIndices, kShape, Tensor::Of<double>({3}, {1, 2, 3}), Tensor::Scalar(9.0))
      .CheckGradient({.unknown_rank = false});
  ToDense(Tensor::Of<int64_t>({2}, {0, 2}), Tensor::Of<int64_t>({1}, {4}),
          Tensor::Of<double>({2}, {1, 2}), Tensor::Scalar(9.0))
      .CheckGradient({.unknown_rank = false});
}

}  // namespace
}  // namespace sluice
