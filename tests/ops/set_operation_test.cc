#include "ops/set_operation.h"

#include <string>

#include "gtest/gtest.h"
#include "tests/testing/op_test.h"

namespace sluice {
namespace {

using absl::StatusCode;

const Tensor kA = Tensor::Of<int32_t>({2, 3}, {3, 1, 3, 5, 6, 7});
const Tensor kB = Tensor::Of<int32_t>({2, 2}, {1, 2, 8, 9});

OpTest Dense(const char* operation) {
  return OpTest("DenseToDenseSetOperation")
      .Attr("set_operation", operation)
      .Input(kA)
      .Input(kB)
      .DataDependentShape();
}

TEST(SetOperationTest, Dense) {
  Dense("a-b").ExpectAll({Tensor::Of<int64_t>({4, 2}, {0, 0, 1, 0, 1, 1, 1, 2}),
                          Tensor::Of<int32_t>({4}, {3, 5, 6, 7}),
                          Tensor::Of<int64_t>({2}, {2, 3})});
  Dense("B-A").ExpectAll({Tensor::Of<int64_t>({3, 2}, {0, 0, 1, 0, 1, 1}),
                          Tensor::Of<int32_t>({3}, {2, 8, 9}), Tensor::Of<int64_t>({2}, {2, 2})});
  Dense("intersection")
      .ExpectAll({Tensor::Of<int64_t>({1, 2}, {0, 0}), Tensor::Of<int32_t>({1}, {1}),
                  Tensor::Of<int64_t>({2}, {2, 1})});
  Dense("union").ExpectAll(
      {Tensor::Of<int64_t>({8, 2}, {0, 0, 0, 1, 0, 2, 1, 0, 1, 1, 1, 2, 1, 3, 1, 4}),
       Tensor::Of<int32_t>({8}, {1, 2, 3, 5, 6, 7, 8, 9}), Tensor::Of<int64_t>({2}, {2, 5})});
}

TEST(SetOperationTest, DenseErrors) {
  Dense("xor").ExpectError(StatusCode::kInvalidArgument, "Invalid set_operation xor.");
  OpTest("DenseToDenseSetOperation")
      .Attr("set_operation", "union")
      .Input(kA)
      .Input<int32_t>({3, 1}, {1, 2, 3})
      .ExpectError(StatusCode::kInvalidArgument, "Mismatched shapes [2] vs [3]");
  OpTest("DenseToDenseSetOperation")
      .Attr("set_operation", "union")
      .Input<int32_t>({1}, {1})
      .Input<int32_t>({1}, {1})
      .ExpectError(StatusCode::kInvalidArgument, "");
}

TEST(SetOperationTest, Sparse) {
  const Tensor indices = Tensor::Of<int64_t>({2, 2}, {1, 0, 1, 3});
  const Tensor values = Tensor::Of<std::string>({2}, {"b", "a"});
  const Tensor shape = Tensor::Of<int64_t>({2}, {2, 4});
  OpTest("DenseToSparseSetOperation")
      .Attr("set_operation", "union")
      .Input<std::string>({2, 1}, {"x", "a"})
      .Input(indices)
      .Input(values)
      .Input(shape)
      .DataDependentShape()
      .ExpectAll({Tensor::Of<int64_t>({3, 2}, {0, 0, 1, 0, 1, 1}),
                  Tensor::Of<std::string>({3}, {"x", "a", "b"}), Tensor::Of<int64_t>({2}, {2, 2})});
  OpTest("SparseToSparseSetOperation")
      .Attr("set_operation", "b-a")
      .Input<int64_t>({1, 2}, {0, 0})
      .Input<std::string>({1}, {"a"})
      .Input<int64_t>({2}, {2, 1})
      .Input(indices)
      .Input(values)
      .Input(shape)
      .DataDependentShape()
      .ExpectAll({Tensor::Of<int64_t>({2, 2}, {1, 0, 1, 1}),
                  Tensor::Of<std::string>({2}, {"a", "b"}), Tensor::Of<int64_t>({2}, {2, 2})});
}

TEST(SetOperationTest, Size) {
  const auto size = [](std::initializer_list<int64_t> indices) {
    return OpTest("SetSize")
        .Input<int64_t>({3, 2}, indices)
        .Input<int64_t>({3}, {4, 4, 5})
        .Input<int64_t>({2}, {2, 3})
        .DataDependentShape();
  };
  size({1, 0, 1, 1, 1, 2}).Expect<int32_t>({2}, {0, 2});
  size({0, 0, 1, 1, 1, 0})
      .ExpectError(StatusCode::kInvalidArgument,
                   "indices[2] = [1,0] is out of "
                   "order");
  size({0, 0, 1, 1, 1, 3}).ExpectError(StatusCode::kInvalidArgument, "is out of bounds");
}

}  // namespace
}  // namespace sluice
