#include "ops/sparse_reduce.h"

#include "gtest/gtest.h"
#include "tests/testing/op_test.h"

namespace sluice {
namespace {

using absl::StatusCode;

// [[1, ., -5], [., 3, .]]
OpTest Reduce(const char* op, const Tensor& values, std::initializer_list<int32_t> axes) {
  return OpTest(op)
      .Input<int64_t>({3, 2}, {0, 0, 0, 2, 1, 1})
      .Input(values)
      .Input<int64_t>({2}, {2, 3})
      .Input<int32_t>({static_cast<int64_t>(axes.size())}, axes);
}

const Tensor kValues = Tensor::Of<float>({3}, {1, -5, 3});

TEST(SparseReduceTest, Sum) {
  Reduce("SparseReduceSum", kValues, {1}).Expect({2}, {-4, 3});
  Reduce("SparseReduceSum", kValues, {-2}).Expect({3}, {1, 3, -5});
  Reduce("SparseReduceSum", kValues, {0, 1}).Expect({}, {-1});
  Reduce("SparseReduceSum", kValues, {}).Expect({2, 3}, {1, 0, -5, 0, 3, 0});
  Reduce("SparseReduceSum", kValues, {1}).Attr("keep_dims", true).Expect({2, 1}, {-4, 3});
}

TEST(SparseReduceTest, MaxOfWhatIsThere) {
  Reduce("SparseReduceMax", Tensor::Of<int32_t>({3}, {-1, -5, -3}), {0})
      .Expect<int32_t>({3}, {-1, -3, -5});
  OpTest("SparseReduceMax")
      .Input<int64_t>({1, 1}, {1})
      .Input({1}, {-2})
      .Input<int64_t>({1}, {3})
      .Input<int32_t>({0}, {})
      .Expect({3}, {0, -2, 0});
}

TEST(SparseReduceTest, ToSparse) {
  Reduce("SparseReduceSumSparse", kValues, {1})
      .DataDependentShape()
      .ExpectAll({Tensor::Of<int64_t>({2, 1}, {0, 1}), Tensor::Of<float>({2}, {-4, 3}),
                  Tensor::Of<int64_t>({1}, {2})});
  Reduce("SparseReduceMaxSparse", kValues, {0})
      .Attr("keep_dims", true)
      .DataDependentShape()
      .ExpectAll({Tensor::Of<int64_t>({3, 2}, {0, 0, 0, 1, 0, 2}),
                  Tensor::Of<float>({3}, {1, 3, -5}), Tensor::Of<int64_t>({2}, {1, 3})});
}

TEST(SparseReduceTest, Errors) {
  Reduce("SparseReduceSum", kValues, {2})
      .ExpectError(StatusCode::kInvalidArgument,
                   "Invalid reduction dimension 2, for input with 2 dimensions.");
  OpTest("SparseReduceSum")
      .Input<int64_t>({1, 1}, {3})
      .Input({1}, {1})
      .Input<int64_t>({1}, {3})
      .Input<int32_t>({1}, {0})
      .ExpectError(StatusCode::kInvalidArgument, "indices[0] = [3] is out of bounds");
}

TEST(SparseReduceTest, Gradients) {
  const Tensor values = Tensor::Of<double>({3}, {1, -5, 3});
  for (const bool keep : {false, true}) {
    Reduce("SparseReduceSum", values, {1}).Attr("keep_dims", keep).CheckGradient();
    Reduce("SparseReduceSum", values, {-2}).Attr("keep_dims", keep).CheckGradient();
    Reduce("SparseReduceSum", values, {0, 1}).Attr("keep_dims", keep).CheckGradient();
  }
}

}  // namespace
}  // namespace sluice
