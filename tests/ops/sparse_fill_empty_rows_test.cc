#include "ops/sparse_fill_empty_rows.h"

#include <string>

#include "gtest/gtest.h"
#include "tests/testing/op_test.h"

namespace sluice {
namespace {

using absl::StatusCode;

template <typename T>
OpTest Fill(const Tensor& values, T fill) {
  return OpTest("SparseFillEmptyRows")
      .Input<int64_t>({3, 2}, {2, 1, 0, 3, 2, 0})
      .Input(values)
      .Input<int64_t>({2}, {4, 5})
      .Input(Tensor::Scalar<T>(fill))
      .DataDependentShape();
}

TEST(SparseFillEmptyRowsTest, ByHand) {
  const Tensor indices = Tensor::Of<int64_t>({5, 2}, {0, 3, 1, 0, 2, 1, 2, 0, 3, 0});
  const Tensor empty = Tensor::Of<bool>({4}, {false, true, false, true});
  const Tensor map = Tensor::Of<int64_t>({3}, {2, 0, 3});
  Fill(Tensor::Of<float>({3}, {1, 2, 3}), -1.0f)
      .ExpectAll({indices, Tensor::Of<float>({5}, {2, -1, 1, 3, -1}), empty, map});
  Fill(Tensor::Of<std::string>({3}, {"a", "b", "c"}), std::string("?"))
      .ExpectAll({indices, Tensor::Of<std::string>({5}, {"b", "?", "a", "c", "?"}), empty, map});
}

TEST(SparseFillEmptyRowsTest, NoRows) {
  OpTest("SparseFillEmptyRows")
      .Input<int64_t>({0, 2}, {})
      .Input({0}, {})
      .Input<int64_t>({2}, {0, 5})
      .Input({}, {1})
      .DataDependentShape()
      .ExpectAll({Tensor::Of<int64_t>({0, 2}, {}), Tensor::Of<float>({0}, {}),
                  Tensor::Of<bool>({0}, {}), Tensor::Of<int64_t>({0}, {})});
}

TEST(SparseFillEmptyRowsTest, Errors) {
  const auto one = [](int64_t row, int64_t rows) {
    return OpTest("SparseFillEmptyRows")
        .Input<int64_t>({1, 1}, {row})
        .Input({1}, {1})
        .Input<int64_t>({1}, {rows})
        .Input({}, {1})
        .DataDependentShape();
  };
  one(5, 5).ExpectError(StatusCode::kInvalidArgument, "indices(0, 0) is invalid: 5 >= 5");
  one(-1, 5).ExpectError(StatusCode::kInvalidArgument, "indices(0, 0) is invalid: -1 >= 5");
  one(0, 0).ExpectError(StatusCode::kInvalidArgument,
                        "Received SparseTensor with dense_shape[0] = 0 but indices.shape[0] = 1");
  one(0, 1LL << 50).ExpectError(StatusCode::kInvalidArgument, "");
}

TEST(SparseFillEmptyRowsTest, Gradients) {
  Fill(Tensor::Of<double>({3}, {1, 2, 3}), -1.0).CheckGradient();
  OpTest("SparseFillEmptyRowsGrad")
      .Input<int64_t>({2}, {3, 0})
      .Input({4}, {1, 2, 4, 8})
      .ExpectAll({Tensor::Of<float>({2}, {8, 1}), Tensor::Scalar(6.0f)});
  OpTest("SparseFillEmptyRowsGrad")
      .Input<int64_t>({1}, {4})
      .Input({4}, {1, 2, 4, 8})
      .ExpectError(StatusCode::kInvalidArgument, "Elements in reverse index must be in [0, 4)");
}

}  // namespace
}  // namespace sluice
