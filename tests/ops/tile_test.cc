#include "ops/tile.h"

#include "tests/testing/op_test.h"

namespace sluice {
namespace {

using absl::StatusCode;

const Tensor kX = Tensor::Of<float>({2, 2}, {1, 2, 3, 4});

// y[j] = x[j mod size], in every dimension.
Tensor SlowTile(const Tensor& x, const std::vector<int64_t>& multiples) {
  TensorShape shape = x.shape();
  for (int i = 0; i < shape.rank(); ++i) shape.set_dim(i, x.dim(i) * multiples[i]);
  const std::vector<double> values = ToDoubles(x);
  std::vector<double> tiled(shape.num_elements());
  for (int64_t n = 0; n < shape.num_elements(); ++n) {
    int64_t rest = n, position = 0, stride = 1;
    for (int i = shape.rank(); i-- > 0;) {
      position += (rest % shape.dim(i)) % x.dim(i) * stride;
      stride *= x.dim(i);
      rest /= shape.dim(i);
    }
    tiled[n] = values[position];
  }
  return FromDoubles(x.dtype(), shape, tiled);
}

TEST(TileTest, ByHand) {
  OpTest("Tile").Input(kX).Input<int32_t>({2}, {1, 2}).Expect({2, 4}, {1, 2, 1, 2, 3, 4, 3, 4});
  OpTest("Tile").Input(kX).Input<int64_t>({2}, {2, 1}).Expect({4, 2}, {1, 2, 3, 4, 1, 2, 3, 4});
  OpTest("Tile").Input(kX).Input<int32_t>({2}, {0, 3}).Expect({0, 6}, {});
  OpTest("Tile").Input({}, {5}).Input<int32_t>({0}, {}).Expect({}, {5});
  OpTest("Tile")
      .Input<std::string>({1}, {"a"})
      .Input<int32_t>({1}, {3})
      .Expect<std::string>({3}, {"a", "a", "a"});
  OpTest("Tile").Input({0, 2}, {}).Input<int32_t>({2}, {3, 2}).Expect({0, 4}, {});
}

TEST(TileTest, MatchesSlowTwin) {
  for (const DType dtype : {DType::kFloat, DType::kInt8, DType::kDouble}) {
    const Tensor x = RandomTensor(dtype, {2, 1, 3}, 3, -9, 9);
    for (const std::vector<int64_t>& m :
         {std::vector<int64_t>{2, 3, 4}, {1, 5, 1}, {3, 1, 1}, {1, 1, 2}, {1, 1, 1}}) {
      OpTest("Tile").Input(x).Input(Tensor::Of<int64_t>({3}, m)).Expect(SlowTile(x, m));
    }
  }
}

TEST(TileTest, Errors) {
  OpTest("Tile")
      .Input(kX)
      .Input<int32_t>({2}, {1, -1})
      .ExpectError(StatusCode::kInvalidArgument, "multiples[1] must be >= 0, got -1");
  OpTest("Tile").Input(kX).Input<int32_t>({1}, {1}).ExpectError(StatusCode::kInvalidArgument,
                                                                "one entry per dimension");
  OpTest("Tile")
      .Input(kX)
      .Input<int64_t>({2}, {int64_t{1} << 40, 1})
      .ExpectError(StatusCode::kInvalidArgument, "limit");
}

TEST(TileTest, Gradient) {
  OpTest("Tile")
      .Input(RandomTensor(DType::kDouble, {2, 3}))
      .Input<int32_t>({2}, {3, 2})
      .CheckGradient();
  OpTest("Tile")
      .Input(RandomTensor(DType::kDouble, {3}))
      .Input<int64_t>({1}, {2})
      .CheckGradient({.integers_are_constants = false});
}

TEST(BroadcastToTest, ByHand) {
  OpTest("BroadcastTo")
      .Input({3}, {1, 2, 3})
      .Input<int32_t>({2}, {2, 3})
      .Expect({2, 3}, {1, 2, 3, 1, 2, 3});
  OpTest("BroadcastTo")
      .Input({2, 1}, {1, 2})
      .Input<int64_t>({2}, {2, 3})
      .Expect({2, 3}, {1, 1, 1, 2, 2, 2});
  OpTest("BroadcastTo").Input({}, {7}).Input<int32_t>({1}, {2}).Expect({2}, {7, 7});
  OpTest("BroadcastTo").Input({1, 2}, {1, 2}).Input<int32_t>({2}, {0, 2}).Expect({0, 2}, {});
  OpTest("BroadcastTo")
      .Input<std::string>({1}, {"s"})
      .Input<int32_t>({1}, {2})
      .Expect<std::string>({2}, {"s", "s"});
}

TEST(BroadcastToTest, Errors) {
  OpTest("BroadcastTo")
      .Input(kX)
      .Input<int32_t>({2}, {2, 3})
      .ExpectError(StatusCode::kInvalidArgument, "cannot broadcast [2,2] to [2,3]");
  OpTest("BroadcastTo")
      .Input(kX)
      .Input<int32_t>({1}, {2})
      .ExpectError(StatusCode::kInvalidArgument,
                   "cannot broadcast [2,2] to [");  // [2], or [?] where it is not known yet
  OpTest("BroadcastTo")
      .Input({1}, {1})
      .Input<int32_t>({1}, {-1})
      .ExpectError(StatusCode::kInvalidArgument, ">= 0");
}

TEST(BroadcastToTest, Gradient) {
  OpTest("BroadcastTo")
      .Input(RandomTensor(DType::kDouble, {3, 1}))
      .Input<int32_t>({3}, {2, 3, 4})
      .CheckGradient();
  OpTest("BroadcastTo")
      .Input(RandomTensor(DType::kDouble, {2, 2}))
      .Input<int32_t>({2}, {2, 2})
      .CheckGradient();
}

}  // namespace
}  // namespace sluice
