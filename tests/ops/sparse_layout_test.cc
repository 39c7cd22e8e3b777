#include "ops/sparse_layout.h"

#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "tests/testing/op_test.h"

namespace sluice {
namespace {

using absl::StatusCode;

TEST(SparseLayoutTest, Reorder) {
  OpTest("SparseReorder")
      .Input<int64_t>({4, 2}, {1, 0, 0, 2, 0, 1, 0, 2})
      .Input<std::string>({4}, {"a", "b", "c", "d"})
      .Input<int64_t>({2}, {2, 3})
      .ExpectAll({Tensor::Of<int64_t>({4, 2}, {0, 1, 0, 2, 0, 2, 1, 0}),
                  Tensor::Of<std::string>({4}, {"c", "b", "d", "a"})});
  OpTest("SparseReorder")
      .Input<int64_t>({0, 2}, {})
      .Input({0}, {})
      .Input<int64_t>({2}, {2, 3})
      .ExpectAll({Tensor::Of<int64_t>({0, 2}, {}), Tensor::Of<float>({0}, {})});
  OpTest("SparseReorder")
      .Input<int64_t>({2, 2}, {1, 0, 0, 2})
      .Input({3}, {1, 2, 3})
      .Input<int64_t>({2}, {2, 3})
      .ExpectError(StatusCode::kInvalidArgument, "");
}

TEST(SparseLayoutTest, ReorderGradient) {
  OpTest("SparseReorder")
      .Input<int64_t>({3, 2}, {1, 0, 0, 2, 0, 1})
      .Input<double>({3}, {1, 2, 3})
      .Input<int64_t>({2}, {2, 3})
      .CheckGradient();
}

OpTest Reshaped(std::initializer_list<int64_t> indices, std::initializer_list<int64_t> to) {
  return OpTest("SparseReshape")
      .Input<int64_t>({static_cast<int64_t>(indices.size()) / 2, 2}, indices)
      .Input<int64_t>({2}, {2, 6})
      .Input<int64_t>({static_cast<int64_t>(to.size())}, to);
}

TEST(SparseLayoutTest, Reshape) {
  Reshaped({0, 5, 1, 1}, {3, -1})
      .ExpectAll({Tensor::Of<int64_t>({2, 2}, {1, 1, 1, 3}), Tensor::Of<int64_t>({2}, {3, 4})});
  Reshaped({0, 5, 1, 1}, {12})
      .ExpectAll({Tensor::Of<int64_t>({2, 1}, {5, 7}), Tensor::Of<int64_t>({1}, {12})});
  Reshaped({}, {2, 2, 3})
      .ExpectAll({Tensor::Of<int64_t>({0, 3}, {}), Tensor::Of<int64_t>({3}, {2, 2, 3})});
}

TEST(SparseLayoutTest, ReshapeErrors) {
  const auto refused = [](std::initializer_list<int64_t> to, absl::string_view why) {
    Reshaped({0, 5}, to).ExpectError(StatusCode::kInvalidArgument, why);
  };
  refused({-1, -1}, "only one output dimension may be -1, not both 0 and 1");
  refused({-1, 5}, "requires a multiple of 5");
  refused({-1, 0}, "reshape cannot infer the missing input size");
  refused({2, 5}, "12 dense values, but the requested shape has 10");
  refused({-2, 6}, "size 0 must be non-negative, not -2");
  refused({1LL << 40, 1LL << 40}, "too large");
  Reshaped({0, 6}, {12}).ExpectError(StatusCode::kInvalidArgument, "is out of bounds");
}

TEST(SparseLayoutTest, Concat) {
  const Tensor a = Tensor::Of<int64_t>({2, 2}, {0, 1, 1, 0});
  const Tensor b = Tensor::Of<int64_t>({2, 2}, {0, 0, 1, 2});
  const auto concat = [&](int64_t dim, std::initializer_list<int64_t> shape_b) {
    return OpTest("SparseConcat")
        .Attr("concat_dim", dim)
        .Attr("N", 2)
        .Inputs({a, b, Tensor::Of<float>({2}, {1, 2}), Tensor::Of<float>({2}, {3, 4}),
                 Tensor::Of<int64_t>({2}, {2, 2}), Tensor::Of<int64_t>({2}, shape_b)});
  };
  concat(1, {2, 3}).ExpectAll({Tensor::Of<int64_t>({4, 2}, {0, 1, 0, 2, 1, 0, 1, 4}),
                               Tensor::Of<float>({4}, {1, 3, 2, 4}),
                               Tensor::Of<int64_t>({2}, {2, 5})});
  concat(-2, {3, 2})
      .ExpectAll({Tensor::Of<int64_t>({4, 2}, {0, 1, 1, 0, 2, 0, 3, 2}),
                  Tensor::Of<float>({4}, {1, 2, 3, 4}), Tensor::Of<int64_t>({2}, {5, 2})});
  concat(1, {3, 3}).ExpectError(StatusCode::kInvalidArgument,
                                "Input shapes must match: expected 2 for dimension 0 but got 3");
  concat(2, {2, 3}).ExpectError(StatusCode::kInvalidArgument,
                                "Concat dimension must be in range [-2, 2), got 2");
}

}  // namespace
}  // namespace sluice
