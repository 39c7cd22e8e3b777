#include "ops/space_to_depth.h"

#include "tests/testing/op_test.h"

namespace sluice {
namespace {

using absl::StatusCode;

// y[n, h, w, (i * b + j) * depth + c] = x[n, h * b + i, w * b + j, c].
Tensor SlowSpaceToDepth(const Tensor& x, int64_t b) {
  const int64_t batch = x.dim(0), height = x.dim(1), width = x.dim(2), depth = x.dim(3);
  const std::vector<double> values = ToDoubles(x);
  std::vector<double> y;
  for (int64_t n = 0; n < batch; ++n)
    for (int64_t h = 0; h < height / b; ++h)
      for (int64_t w = 0; w < width / b; ++w)
        for (int64_t i = 0; i < b; ++i)
          for (int64_t j = 0; j < b; ++j)
            for (int64_t c = 0; c < depth; ++c)
              y.push_back(values[((n * height + h * b + i) * width + w * b + j) * depth + c]);
  return FromDoubles(x.dtype(), {batch, height / b, width / b, b * b * depth}, y);
}

TEST(SpaceToDepthTest, ByHand) {
  OpTest("SpaceToDepth")
      .Attr("block_size", 2)
      .Input({1, 2, 2, 1}, {1, 2, 3, 4})
      .Expect({1, 1, 1, 4}, {1, 2, 3, 4});
  OpTest("DepthToSpace")
      .Attr("block_size", 2)
      .Input({1, 1, 2, 4}, {1, 2, 3, 4, 5, 6, 7, 8})
      .Expect({1, 2, 4, 1}, {1, 2, 5, 6, 3, 4, 7, 8});
  OpTest("SpaceToDepth")
      .Attr("block_size", 2)
      .Attr("data_format", "NCHW")
      .Input({1, 2, 2, 2}, {1, 2, 3, 4, 5, 6, 7, 8})
      .Expect({1, 8, 1, 1}, {1, 5, 2, 6, 3, 7, 4, 8});
}

TEST(SpaceToDepthTest, MatchesSlowTwinAndBack) {
  for (const int64_t b : {2, 3}) {
    const Tensor x = RandomTensor(DType::kFloat, {2, 6, 12, 5});
    const Tensor y = SlowSpaceToDepth(x, b);
    OpTest("SpaceToDepth").Attr("block_size", b).Input(x).Expect(y);
    OpTest("DepthToSpace").Attr("block_size", b).Input(y).Expect(x);
  }
  OpTest("SpaceToDepth")
      .Attr("block_size", 2)
      .Input<std::string>({1, 2, 2, 1}, {"a", "b", "c", "d"})
      .Expect<std::string>({1, 1, 1, 4}, {"a", "b", "c", "d"});
  OpTest("SpaceToDepth").Attr("block_size", 2).Input({0, 2, 2, 1}, {}).Expect({0, 1, 1, 4}, {});
}

TEST(SpaceToDepthTest, ChannelsFirstGoesBack) {
  const Tensor x = RandomTensor(DType::kFloat, {2, 3, 4, 6});
  const auto deep =
      OpTest("SpaceToDepth").Attr("block_size", 2).Attr("data_format", "NCHW").Input(x).Run();
  ASSERT_THAT(deep, IsOk());
  EXPECT_EQ((*deep)[0].shape(), (TensorShape{2, 12, 2, 3}));
  OpTest("DepthToSpace")
      .Attr("block_size", 2)
      .Attr("data_format", "NCHW")
      .Input((*deep)[0])
      .Expect(x);
}

TEST(SpaceToDepthTest, Errors) {
  OpTest("SpaceToDepth")
      .Attr("block_size", 2)
      .Input({1, 3, 2, 1}, {1, 2, 3, 4, 5, 6})
      .ExpectError(StatusCode::kInvalidArgument, "height must be a multiple of 2, got 3");
  OpTest("DepthToSpace")
      .Attr("block_size", 2)
      .Input({1, 1, 1, 2}, {1, 2})
      .ExpectError(StatusCode::kInvalidArgument, "depth must be a multiple of 4, got 2");
  OpTest("SpaceToDepth")
      .Attr("block_size", 0)
      .Input({1, 2, 2, 1}, {1, 2, 3, 4})
      .ExpectError(StatusCode::kInvalidArgument, "block_size");
  OpTest("DepthToSpace")
      .Attr("block_size", int64_t{1} << 40)
      .Input({1, 1, 1, 1}, {1})
      .ExpectError(StatusCode::kInvalidArgument, "too large");
  OpTest("SpaceToDepth")
      .Attr("block_size", 2)
      .Attr("data_format", "NCHW_VECT_C")
      .Input({1, 2, 2, 1}, {1, 2, 3, 4})
      .ExpectError(StatusCode::kInvalidArgument, "NCHW_VECT_C");
  OpTest("SpaceToDepth")
      .Attr("block_size", 2)
      .Input({2, 2}, {1, 2, 3, 4})
      .ExpectError(StatusCode::kInvalidArgument, "Shape must be rank 4 but is rank 2");
}

TEST(SpaceToDepthTest, Gradients) {
  OpTest("SpaceToDepth")
      .Attr("block_size", 2)
      .Input(RandomTensor(DType::kDouble, {1, 2, 4, 2}))
      .CheckGradient();
  OpTest("DepthToSpace")
      .Attr("block_size", 2)
      .Attr("data_format", "NCHW")
      .Input(RandomTensor(DType::kDouble, {1, 4, 2, 2}))
      .CheckGradient();
}

}  // namespace
}  // namespace sluice
