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
