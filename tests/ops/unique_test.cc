#include "ops/unique.h"

#include <limits>

#include "tests/testing/op_test.h"

namespace sluice {
namespace {

using absl::StatusCode;

TEST(UniqueTest, InOrderOfFirstAppearance) {
  OpTest("Unique")
      .DataDependentShape()
      .Input({6}, {3, 1, 3, 2, 1, 3})
      .ExpectAll({Tensor::Of<float>({3}, {3, 1, 2}), Tensor::Of<int32_t>({6}, {0, 1, 0, 2, 1, 0})});
  OpTest("Unique")
      .DataDependentShape()
      .Attr("out_idx", DType::kInt64)
      .Input<std::string>({3}, {"b", "a", "b"})
      .ExpectAll({Tensor::Of<std::string>({2}, {"b", "a"}), Tensor::Of<int64_t>({3}, {0, 1, 0})});
  OpTest("Unique").DataDependentShape().Input<int64_t>({0}, {}).ExpectAll(
      {Tensor::Of<int64_t>({0}, {}), Tensor::Of<int32_t>({0}, {})});
}

TEST(UniqueTest, Counts) {
  OpTest("UniqueWithCounts")
      .DataDependentShape()
      .Input<int32_t>({5}, {7, 7, 8, 7, 9})
      .ExpectAll({Tensor::Of<int32_t>({3}, {7, 8, 9}), Tensor::Of<int32_t>({5}, {0, 0, 1, 0, 2}),
                  Tensor::Of<int32_t>({3}, {3, 1, 1})});
}

TEST(UniqueTest, FloatsCompareAsNumbers) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  OpTest("Unique")
      .DataDependentShape()
      .Input({4}, {0.0f, -0.0f, nan, nan})
      .ExpectAll({Tensor::Of<float>({3}, {0, nan, nan}), Tensor::Of<int32_t>({4}, {0, 0, 1, 2})});
}

TEST(UniqueTest, EveryRealType) {
  for (const DType dtype :
       {DType::kFloat, DType::kDouble, DType::kHalf, DType::kBfloat16, DType::kInt8, DType::kInt16,
        DType::kInt32, DType::kInt64, DType::kUint8, DType::kUint16}) {
    OpTest("Unique")
        .DataDependentShape()
        .Input(FromDoubles(dtype, {4}, {5, 4, 5, 3}))
        .ExpectAll({FromDoubles(dtype, {3}, {5, 4, 3}), Tensor::Of<int32_t>({4}, {0, 1, 0, 2})});
  }
  OpTest("Unique")
      .DataDependentShape()
      .Input<bool>({3}, {true, true, false})
      .ExpectAll({Tensor::Of<bool>({2}, {true, false}), Tensor::Of<int32_t>({3}, {0, 0, 1})});
}

TEST(UniqueV2Test, SlicesAlongAnAxis) {
  const Tensor x = Tensor::Of<float>({3, 4}, {1, 2, 1, 3,  //
                                              5, 6, 5, 6,  //
                                              1, 2, 1, 3});
  OpTest("UniqueV2")
      .DataDependentShape()
      .Input(x)
      .Input<int64_t>({1}, {0})
      .ExpectAll({Tensor::Of<float>({2, 4}, {1, 2, 1, 3, 5, 6, 5, 6}),
                  Tensor::Of<int32_t>({3}, {0, 1, 0})});
  OpTest("UniqueWithCountsV2")
      .DataDependentShape()
      .Attr("out_idx", DType::kInt64)
      .Input(x)
      .Input<int32_t>({}, {-1})
      .ExpectAll({Tensor::Of<float>({3, 3}, {1, 2, 3, 5, 6, 6, 1, 2, 3}),
                  Tensor::Of<int64_t>({4}, {0, 1, 0, 2}), Tensor::Of<int64_t>({3}, {2, 1, 1})});
  OpTest("UniqueV2")
      .DataDependentShape()
      .Input<std::string>({2, 2, 1}, {"a", "b", "a", "b"})
      .Input<int64_t>({1}, {1})
      .ExpectAll({Tensor::Of<std::string>({2, 2, 1}, {"a", "b", "a", "b"}),
                  Tensor::Of<int32_t>({2}, {0, 1})});
}

TEST(UniqueV2Test, WithoutAxisAVector) {
  OpTest("UniqueV2")
      .DataDependentShape()
      .Input<int32_t>({3}, {4, 5, 4})
      .Input<int64_t>({0}, {})
      .ExpectAll({Tensor::Of<int32_t>({2}, {4, 5}), Tensor::Of<int32_t>({3}, {0, 1, 0})});
  OpTest("UniqueV2")
      .DataDependentShape()
      .Input({0, 2}, {})
      .Input<int64_t>({1}, {0})
      .ExpectAll({Tensor::Zeros(DType::kFloat, {0, 2}), Tensor::Of<int32_t>({0}, {})});
  // Slices without elements are all equal.
  OpTest("UniqueV2")
      .DataDependentShape()
      .Input({2, 0}, {})
      .Input<int64_t>({1}, {0})
      .ExpectAll({Tensor::Zeros(DType::kFloat, {1, 0}), Tensor::Of<int32_t>({2}, {0, 0})});
}

TEST(UniqueV2Test, Errors) {
  const auto unique = [](const TensorShape& x, std::initializer_list<int64_t> axis) {
    return OpTest("UniqueV2")
        .DataDependentShape()
        .Input(Tensor::Zeros(DType::kFloat, x))
        .Input<int64_t>({static_cast<int64_t>(axis.size())}, axis);
  };
  unique({1, 1}, {}).ExpectError(StatusCode::kInvalidArgument, "unique expects a 1D vector");
  unique({1, 1}, {0, 1}).ExpectError(StatusCode::kInvalidArgument, "larger than 1 elements");
  unique({1, 1}, {2})
      .ExpectError(StatusCode::kInvalidArgument, "axis must be in the range [-2, 2), got 2");
}

TEST(UniqueTest, WantsAVector) {
  OpTest("Unique")
      .DataDependentShape()
      .Input({1, 1}, {1})
      .ExpectError(StatusCode::kInvalidArgument, "Shape must be rank 1 but is rank 2");
}

TEST(ListDiffTest, ByHand) {
  OpTest("ListDiff")
      .DataDependentShape()
      .Input<int32_t>({6}, {1, 2, 3, 4, 5, 2})
      .Input<int32_t>({3}, {1, 3, 5})
      .ExpectAll({Tensor::Of<int32_t>({3}, {2, 4, 2}), Tensor::Of<int32_t>({3}, {1, 3, 5})});
  OpTest("ListDiff")
      .DataDependentShape()
      .Input<std::string>({1}, {"a"})
      .Input<std::string>({0}, {})
      .ExpectAll({Tensor::Of<std::string>({1}, {"a"}), Tensor::Of<int32_t>({1}, {0})});
  OpTest("ListDiff")
      .DataDependentShape()
      .Input({1, 1}, {1})
      .Input({1}, {1})
      .ExpectError(StatusCode::kInvalidArgument, "Shape must be rank 1 but is rank 2");
}

}  // namespace
}  // namespace sluice
