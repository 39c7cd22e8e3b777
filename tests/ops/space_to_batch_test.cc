#include "ops/space_to_batch.h"

#include "tests/testing/op_test.h"

namespace sluice {
namespace {

using absl::StatusCode;

Tensor Ends(const std::vector<int32_t>& ends) {
  return Tensor::Of<int32_t>({static_cast<int64_t>(ends.size()) / 2, 2}, ends);
}

// y[o * batch + n, s, r] = padded[n, s * block + o, r] for one space dimension.
Tensor SlowSpaceToBatch1(const Tensor& x, int64_t block, int64_t before, int64_t after) {
  const int64_t batch = x.dim(0), size = x.dim(1), rest = x.dim(2);
  const int64_t cells = (size + before + after) / block;
  const std::vector<double> values = ToDoubles(x);
  std::vector<double> y(batch * block * cells * rest);
  for (int64_t o = 0; o < block; ++o)
    for (int64_t n = 0; n < batch; ++n)
      for (int64_t s = 0; s < cells; ++s)
        for (int64_t r = 0; r < rest; ++r) {
          const int64_t i = s * block + o - before;
          if (i < 0 || i >= size) continue;
          y[((o * batch + n) * cells + s) * rest + r] = values[(n * size + i) * rest + r];
        }
  return FromDoubles(x.dtype(), {batch * block, cells, rest}, y);
}

TEST(SpaceToBatchNDTest, ByHand) {
  // The example of TensorFlow's documentation: 1x2x2x1 -> 4x1x1x1.
  OpTest("SpaceToBatchND")
      .Input({1, 2, 2, 1}, {1, 2, 3, 4})
      .Input<int32_t>({2}, {2, 2})
      .Input(Ends({0, 0, 0, 0}))
      .Expect({4, 1, 1, 1}, {1, 2, 3, 4});
  OpTest("SpaceToBatchND")
      .Input({1, 2, 4, 1}, {1, 2, 3, 4, 5, 6, 7, 8})
      .Input<int32_t>({2}, {2, 2})
      .Input(Ends({0, 0, 0, 0}))
      .Expect({4, 1, 2, 1}, {1, 3, 2, 4, 5, 7, 6, 8});
  OpTest("SpaceToBatchND")
      .Input({1, 2, 1}, {1, 2})
      .Input<int64_t>({1}, {2})
      .Input(Ends({1, 1}))
      .Expect({2, 2, 1}, {0, 2, 1, 0});
  OpTest("SpaceToBatch")
      .Attr("block_size", 2)
      .Input({1, 2, 2, 1}, {1, 2, 3, 4})
      .Input(Ends({0, 0, 0, 0}))
      .Expect({4, 1, 1, 1}, {1, 2, 3, 4});
  OpTest("SpaceToBatchND")
      .Input<std::string>({1, 2}, {"a", "b"})
      .Input<int32_t>({1}, {2})
      .Input(Ends({0, 0}))
      .Expect<std::string>({2, 1}, {"a", "b"});
}

TEST(SpaceToBatchNDTest, MatchesSlowTwin) {
  for (const auto& [block, before, after] : std::vector<std::tuple<int, int, int>>{
           {2, 0, 1}, {3, 2, 2}, {1, 1, 0}, {4, 5, 2}, {5, 0, 0}}) {
    const Tensor x = RandomTensor(DType::kFloat, {2, 5, 3});
    OpTest("SpaceToBatchND")
        .Input(x)
        .Input<int32_t>({1}, {block})
        .Input(Ends({before, after}))
        .Expect(SlowSpaceToBatch1(x, block, before, after));
  }
}

TEST(BatchToSpaceNDTest, UndoesIt) {
  const Tensor x = RandomTensor(DType::kFloat, {2, 5, 6, 3});
  const Tensor block = Tensor::Of<int32_t>({2}, {3, 2});
  const Tensor ends = Ends({2, 2, 1, 1});
  const auto batched = OpTest("SpaceToBatchND").Input(x).Input(block).Input(ends).Run();
  ASSERT_THAT(batched, IsOk());
  EXPECT_EQ((*batched)[0].shape(), (TensorShape{12, 3, 4, 3}));
  OpTest("BatchToSpaceND").Input((*batched)[0]).Input(block).Input(ends).Expect(x);
  OpTest("BatchToSpace")
      .Attr("block_size", 2)
      .Input({4, 1, 1, 1}, {1, 2, 3, 4})
      .Input(Ends({0, 0, 1, 0}))
      .Expect({1, 2, 1, 1}, {2, 4});
}

TEST(SpaceToBatchNDTest, EmptyTensors) {
  OpTest("SpaceToBatchND")
      .Input({0, 2, 1}, {})
      .Input<int32_t>({1}, {2})
      .Input(Ends({0, 0}))
      .Expect({0, 1, 1}, {});
  OpTest("SpaceToBatchND")
      .Input({1, 0, 1}, {})
      .Input<int32_t>({1}, {2})
      .Input(Ends({1, 1}))
      .Expect({2, 1, 1}, {0, 0});
}

TEST(SpaceToBatchNDTest, Errors) {
  const auto move = [](const char* op, std::initializer_list<int32_t> block,
                       const std::vector<int32_t>& ends) {
    return OpTest(op)
        .Input({1, 3, 1}, {1, 2, 3})
        .Input<int32_t>({static_cast<int64_t>(block.size())}, block)
        .Input(Ends(ends));
  };
  move("SpaceToBatchND", {2}, {0, 0})
      .ExpectError(StatusCode::kInvalidArgument, "padded_shape[0]=3 is not divisible");
  move("SpaceToBatchND", {0}, {0, 0})
      .ExpectError(StatusCode::kInvalidArgument, "block_shape[0] must be positive, got 0");
  move("SpaceToBatchND", {3}, {-1, 1})
      .ExpectError(StatusCode::kInvalidArgument, "paddings must be non-negative");
  move("SpaceToBatchND", {3}, {0, 0, 0, 0})
      .ExpectError(StatusCode::kInvalidArgument, "paddings must have shape [1,2]");
  move("SpaceToBatchND", {1, 1, 1}, {0, 0, 0, 0, 0, 0})
      .ExpectError(StatusCode::kInvalidArgument, "Shape must be at least rank 4 but is rank 3");
  move("BatchToSpaceND", {2}, {0, 0})
      .ExpectError(StatusCode::kInvalidArgument, "Input batch dimension (1) is not divisible");
  move("BatchToSpaceND", {1}, {2, 2})
      .ExpectError(StatusCode::kInvalidArgument, "cropped_shape[0]=-1 must be non-negative");
  OpTest("SpaceToBatchND")
      .Input({1, 1, 1}, {1})
      .Input<int64_t>({1}, {int64_t{1} << 62})
      .Input(Ends({0, 0}))
      .ExpectError(StatusCode::kInvalidArgument, "block_shape[0]");
}

TEST(SpaceToBatchNDTest, Gradients) {
  OpTest("SpaceToBatchND")
      .Input(RandomTensor(DType::kDouble, {1, 3, 2, 2}))
      .Input<int32_t>({2}, {2, 2})
      .Input(Ends({1, 0, 0, 2}))
      .CheckGradient();
  OpTest("BatchToSpaceND")
      .Input(RandomTensor(DType::kDouble, {4, 2, 2, 1}))
      .Input<int32_t>({2}, {2, 2})
      .Input(Ends({1, 0, 0, 2}))
      .CheckGradient();
  OpTest("SpaceToBatch")
      .Attr("block_size", 2)
      .Input(RandomTensor(DType::kDouble, {1, 2, 4, 1}))
      .Input(Ends({0, 0, 1, 1}))
      .CheckGradient();
  OpTest("BatchToSpace")
      .Attr("block_size", 2)
      .Input(RandomTensor(DType::kDouble, {4, 1, 2, 1}))
      .Input(Ends({0, 0, 1, 1}))
      .CheckGradient();
}

}  // namespace
}  // namespace sluice
