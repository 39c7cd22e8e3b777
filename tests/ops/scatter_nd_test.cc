#include "ops/scatter_nd.h"

#include "tests/testing/op_test.h"

namespace sluice {
namespace {

using absl::StatusCode;

TEST(ScatterNdTest, RepeatedIndicesAddUp) {
  OpTest("ScatterNd")
      .Input<int32_t>({3, 1}, {2, 0, 2})
      .Input({3}, {1, 2, 3})
      .Input<int32_t>({1}, {4})
      .Expect({4}, {2, 0, 4, 0});
  OpTest("ScatterNd")
      .Input<int64_t>({2, 1}, {1, 1})
      .Input({2, 2}, {1, 2, 3, 4})
      .Input<int64_t>({2}, {2, 2})
      .Expect({2, 2}, {0, 0, 4, 6});
  OpTest("ScatterNd")
      .Input<int32_t>({1, 2}, {1, 0})
      .Input({1}, {5})
      .Input<int32_t>({2}, {2, 2})
      .Expect({2, 2}, {0, 0, 5, 0});
}

TEST(ScatterNdTest, OtherTypes) {
  OpTest("ScatterNd")
      .Input<int32_t>({2, 1}, {0, 0})
      .Input<int8_t>({2}, {100, 100})
      .Input<int32_t>({1}, {1})
      .Expect<int8_t>({1}, {-56});  // wraps around
  OpTest("ScatterNd")
      .Input<int32_t>({2, 1}, {0, 0})
      .Input<Half>({2}, {Half(0.5f), Half(0.25f)})
      .Input<int32_t>({1}, {1})
      .Expect<Half>({1}, {Half(0.75f)});
  OpTest("ScatterNd")
      .Input<int32_t>({2, 1}, {1, 1})
      .Input<std::string>({2}, {"a", "b"})
      .Input<int32_t>({1}, {2})
      .Expect<std::string>({2}, {"", "ab"});
  OpTest("ScatterNd")
      .Input<int32_t>({2, 1}, {1, 1})
      .Input<bool>({2}, {true, true})
      .Input<int32_t>({1}, {2})
      .Expect<bool>({2}, {false, true});
}

TEST(ScatterNdTest, Empty) {
  OpTest("ScatterNd")
      .Input<int32_t>({0, 1}, {})
      .Input({0, 2}, {})
      .Input<int32_t>({2}, {3, 2})
      .Expect({3, 2}, {0, 0, 0, 0, 0, 0});
  OpTest("ScatterNd")
      .Input<int32_t>({0, 1}, {})
      .Input({0, 0}, {})
      .Input<int32_t>({2}, {2, 0})
      .Expect({2, 0}, {});
}

TEST(ScatterNdTest, Errors) {
  const auto scatter = [](std::initializer_list<int32_t> index, const TensorShape& updates) {
    return OpTest("ScatterNd")
        .Input<int32_t>({1, static_cast<int64_t>(index.size())}, index)
        .Input(Tensor::Zeros(DType::kFloat, updates))
        .Input<int32_t>({1}, {4});
  };
  scatter({4}, {1}).ExpectError(StatusCode::kInvalidArgument,
                                "indices[0] = [4] does not index into shape [4]");
  scatter({-1}, {1}).ExpectError(StatusCode::kInvalidArgument, "[-1] does not index");
  scatter({1}, {2}).ExpectError(
      StatusCode::kInvalidArgument,
      "The outer 1 dimensions of indices.shape=[1,1] must match the outer 1 dimensions of "
      "updates.shape=[2]");
  scatter({1, 1}, {1})
      .ExpectError(StatusCode::kInvalidArgument, "must match the inner 0 dimensions");
  scatter({1}, {1, 4})
      .ExpectError(StatusCode::kInvalidArgument,
                   "must match the inner 1 dimensions of updates.shape=[1,4]");
  // Updates without indices, indices without updates.
  scatter({}, {1, 4})
      .ExpectError(StatusCode::kInvalidArgument, "Indices and updates specified for empty output");
  OpTest("ScatterNd")
      .Input<int32_t>({1, 1}, {0})
      .Input({1, 0}, {})
      .Input<int32_t>({2}, {2, 0})
      .ExpectError(StatusCode::kInvalidArgument, "Indices and updates specified for empty output");
  OpTest("ScatterNd")
      .Input<int32_t>({1}, {0})
      .Input({}, {1})
      .Input<int32_t>({1}, {4})
      .ExpectError(StatusCode::kInvalidArgument, "Shape must be at least rank 1 but is rank 0");
  OpTest("ScatterNd")
      .Input<int32_t>({1, 1}, {0})
      .Input({1}, {1})
      .Input<int32_t>({1}, {-4})
      .ExpectError(StatusCode::kInvalidArgument, "-4");
}

TEST(ScatterNdTest, Gradient) {
  OpTest("ScatterNd")
      .Input<int32_t>({3, 1}, {2, 0, 2})
      .Input(RandomTensor(DType::kDouble, {3, 2}))
      .Input<int32_t>({2}, {4, 2})
      .CheckGradient();
}

}  // namespace
}  // namespace sluice
