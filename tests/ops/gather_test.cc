#include "ops/gather.h"

#include <vector>

#include "tests/testing/op_test.h"

namespace sluice {
namespace {

using absl::StatusCode;

const Tensor kRows = Tensor::Of<float>({3, 2}, {1, 2, 3, 4, 5, 6});

// y[b, o, j, i] = params[b, o, indices[b, j], i], the groups of dimensions flattened.
Tensor SlowGather(const Tensor& params, const Tensor& indices, int axis, int batch_dims) {
  TensorShape shape;
  int64_t batch = 1, outer = 1, count = 1, inner = 1;
  for (int i = 0; i < axis; ++i) {
    (i < batch_dims ? batch : outer) *= params.dim(i);
    shape.AddDim(params.dim(i));
  }
  for (int i = batch_dims; i < indices.shape().rank(); ++i) {
    count *= indices.dim(i);
    shape.AddDim(indices.dim(i));
  }
  for (int i = axis + 1; i < params.shape().rank(); ++i) {
    inner *= params.dim(i);
    shape.AddDim(params.dim(i));
  }
  const int64_t size = params.dim(axis);
  const std::vector<double> p = ToDoubles(params), n = ToDoubles(indices);
  std::vector<double> y;
  for (int64_t b = 0; b < batch; ++b) {
    for (int64_t o = 0; o < outer; ++o) {
      for (int64_t j = 0; j < count; ++j) {
        const auto index = static_cast<int64_t>(n[b * count + j]);
        for (int64_t i = 0; i < inner; ++i) {
          y.push_back(p[((b * outer + o) * size + index) * inner + i]);
        }
      }
    }
  }
  return FromDoubles(params.dtype(), shape, y);
}

TEST(GatherTest, ByHand) {
  OpTest("Gather").Input(kRows).Input<int32_t>({3}, {2, 0, 2}).Expect({3, 2}, {5, 6, 1, 2, 5, 6});
  OpTest("Gather").Input(kRows).Input<int64_t>({}, {1}).Expect({2}, {3, 4});
  OpTest("Gather").Input(kRows).Input<int32_t>({0, 1}, {}).Expect({0, 1, 2}, {});
  OpTest("Gather")
      .Input<std::string>({2}, {"a", "b"})
      .Input<int32_t>({1, 2}, {1, 1})
      .Expect<std::string>({1, 2}, {"b", "b"});
  OpTest("Gather").Input({0, 2}, {}).Input<int32_t>({0}, {}).Expect({0, 2}, {});
  OpTest("Gather").Input({2, 0}, {}).Input<int32_t>({1}, {1}).Expect({1, 0}, {});
}

TEST(GatherTest, IndicesOutside) {
  OpTest("Gather")
      .Input(kRows)
      .Input<int32_t>({2, 2}, {0, 1, 3, 0})
      .ExpectError(StatusCode::kInvalidArgument, "indices[1,0] = 3 is not in [0, 3)");
  OpTest("Gather").Input(kRows).Input<int32_t>({}, {-1}).ExpectError(
      StatusCode::kInvalidArgument, "indices = -1 is not in [0, 3)");
  OpTest("Gather")
      .Input(kRows)
      .Input<int64_t>({1}, {int64_t{1} << 32})
      .ExpectError(StatusCode::kInvalidArgument, "indices[0] = 4294967296");
  OpTest("Gather")
      .Input(kRows)
      .Input<int64_t>({1}, {int64_t{1} << 61})
      .ExpectError(StatusCode::kInvalidArgument, "is not in [0, 3)");
  OpTest("Gather")
      .Input({0, 2}, {})
      .Input<int32_t>({1}, {0})
      .ExpectError(StatusCode::kInvalidArgument, "is not in [0, 0)");
  OpTest("Gather").Input({}, {1}).Input<int32_t>({1}, {0}).ExpectError(
      StatusCode::kInvalidArgument, "at least rank 1 but is rank 0");
}

TEST(GatherV2Test, MatchesSlowTwin) {
  const TensorShape params_shape = {2, 3, 4, 2};
  struct Case {
    TensorShape indices;
    int axis, batch_dims;
  };
  const Case cases[] = {{{5}, 0, 0},    {{2, 2}, 1, 0},    {{3}, 3, 0},
                        {{2, 4}, 1, 1}, {{2, 3, 2}, 2, 2}, {{2, 3}, 2, 1},
                        {{}, 2, 0},     {{2, 3}, 3, 2},    {{2, 0}, 2, 1}};
  for (const Case& c : cases) {
    for (const DType dtype : {DType::kFloat, DType::kInt8, DType::kDouble}) {
      const Tensor params = RandomTensor(dtype, params_shape, 3, -99, 99);
      const auto size = static_cast<double>(params.dim(c.axis));
      const Tensor indices = RandomTensor(DType::kInt32, c.indices, 8, 0, size);
      OpTest("GatherV2")
          .Attr("batch_dims", c.batch_dims)
          .Input(params)
          .Input(indices)
          .Input<int32_t>({}, {c.axis})
          .Expect(SlowGather(params, indices, c.axis, c.batch_dims));
    }
  }
}

TEST(GatherV2Test, NegativeAxisAndBatchDims) {
  OpTest("GatherV2")
      .Input(kRows)
      .Input<int64_t>({1}, {1})
      .Input<int64_t>({}, {-1})
      .Expect({3, 1}, {2, 4, 6});
  OpTest("GatherV2")
      .Attr("batch_dims", -1)
      .Input(kRows)
      .Input<int32_t>({3, 1}, {1, 0, 1})
      .Input<int32_t>({}, {1})
      .Expect({3, 1}, {2, 3, 6});
}

TEST(GatherV2Test, LargeOnesUseThreads) {
  const Tensor params = RandomTensor(DType::kFloat, {50, 700}, 3);
  const Tensor indices = RandomTensor(DType::kInt32, {300}, 8, 0, 50);
  OpTest("GatherV2")
      .Input(params)
      .Input(indices)
      .Input<int32_t>({}, {0})
      .Expect(SlowGather(params, indices, 0, 0));
}

TEST(GatherV2Test, Errors) {
  const auto gather = [](int32_t axis, int64_t batch_dims) {
    return OpTest("GatherV2")
        .Attr("batch_dims", batch_dims)
        .Input(kRows)
        .Input<int32_t>({2, 1}, {0, 0})
        .Input<int32_t>({}, {axis});
  };
  gather(2, 0).ExpectError(StatusCode::kInvalidArgument, "[-2, 2), got 2");
  gather(0, 1).ExpectError(StatusCode::kInvalidArgument, "batch_dims must be at most axis");
  gather(1, 3).ExpectError(StatusCode::kInvalidArgument, "batch_dims must be at most axis");
  gather(1, 1).ExpectError(StatusCode::kInvalidArgument,
                           "params.shape[0] = 3 should be equal to indices.shape[0] = 2");
}

TEST(GatherV2Test, InfersWhatItCan) {
  const auto infer = [](const TensorShape& params, const std::vector<int>& known) {
    return OpTest("GatherV2")
        .Input(kRows)
        .Input<int32_t>({5}, {0, 0, 0, 0, 0})
        .Input<int32_t>({}, {1})
        .InferShape({params, {5}, {}}, known);
  };
  EXPECT_EQ(infer({-1, 2, 7}, {2}).value(), (TensorShape{-1, 5, 7}));
  EXPECT_EQ(infer({3, 2, 7}, {}).value(), TensorShape::OfRank(3));
  EXPECT_FALSE(infer(TensorShape::Unknown(), {2}).value().rank_known());
}

TEST(GatherTest, GradientsAddUpRepeatedIndices) {
  OpTest("Gather")
      .Input(RandomTensor(DType::kDouble, {3, 2}))
      .Input<int32_t>({2, 2}, {2, 0, 2, 2})
      .CheckGradient();
  const auto gather = [](const TensorShape& params, const Tensor& indices, int axis,
                         int64_t batch_dims) {
    return OpTest("GatherV2")
        .Attr("batch_dims", batch_dims)
        .Input(RandomTensor(DType::kDouble, params))
        .Input(indices)
        .Input<int32_t>({}, {axis});
  };
  gather({3, 2}, Tensor::Of<int64_t>({3}, {1, 1, 0}), 0, 0).CheckGradient();
  gather({2, 3, 2}, Tensor::Of<int32_t>({3}, {1, 1, 0}), 1, 0).CheckGradient();
  gather({2, 3, 2}, Tensor::Of<int32_t>({2}, {1, 1}), -1, 0).CheckGradient();
  gather({2, 3, 2}, Tensor::Of<int32_t>({2, 2}, {1, 1, 2, 0}), 1, 1).CheckGradient();
  gather({2, 2, 3}, Tensor::Of<int64_t>({2, 2}, {1, 1, 2, 0}), 2, 1).CheckGradient();
  gather({2, 2, 3}, Tensor::Of<int32_t>({2, 2, 1}, {1, 1, 2, 0}), -1, -1).CheckGradient();
}

TEST(GatherNdTest, ByHand) {
  OpTest("GatherNd").Input(kRows).Input<int32_t>({2, 2}, {2, 0, 0, 1}).Expect({2}, {5, 2});
  OpTest("GatherNd").Input(kRows).Input<int64_t>({2, 1}, {2, 0}).Expect({2, 2}, {5, 6, 1, 2});
  OpTest("GatherNd").Input(kRows).Input<int32_t>({2}, {1, 1}).Expect({}, {4});
  OpTest("GatherNd").Input(kRows).Input<int32_t>({1, 0}, {}).Expect({1, 3, 2}, {1, 2, 3, 4, 5, 6});
  OpTest("GatherNd").Input(kRows).Input<int32_t>({0, 2}, {}).Expect({0}, {});
  OpTest("GatherNd")
      .Input<std::string>({2}, {"a", "b"})
      .Input<int32_t>({1, 1}, {1})
      .Expect<std::string>({1}, {"b"});
}

TEST(GatherNdTest, Errors) {
  OpTest("GatherNd")
      .Input(kRows)
      .Input<int32_t>({2, 2}, {0, 0, 2, 7})
      .ExpectError(StatusCode::kInvalidArgument,
                   "indices[1] = [2, 7] does not index into param shape [3,2]");
  OpTest("GatherNd")
      .Input(kRows)
      .Input<int32_t>({1, 2}, {-1, 0})
      .ExpectError(StatusCode::kInvalidArgument, "[-1, 0]");
  OpTest("GatherNd")
      .Input(kRows)
      .Input<int32_t>({1, 3}, {0, 0, 0})
      .ExpectError(StatusCode::kInvalidArgument, "indices.shape[-1] must be <= params.rank");
  OpTest("GatherNd")
      .Input(kRows)
      .Input<int32_t>({}, {0})
      .ExpectError(StatusCode::kInvalidArgument, "at least rank 1 but is rank 0");
  OpTest("GatherNd")
      .Input({2, 0}, {})
      .Input<int32_t>({1, 1}, {0})
      .ExpectError(StatusCode::kInvalidArgument,
                   "Requested more than 0 entries, but params is empty. Params shape: [2,0]");
}

TEST(GatherNdTest, Gradient) {
  OpTest("GatherNd")
      .Input(RandomTensor(DType::kDouble, {3, 2, 2}))
      .Input<int32_t>({3, 2}, {2, 0, 0, 1, 2, 0})
      .CheckGradient();
  OpTest("GatherNd")  // rows
      .Input(RandomTensor(DType::kDouble, {3, 2}))
      .Input<int64_t>({3, 1}, {2, 0, 2})
      .CheckGradient();
  OpTest("GatherNd")  // one element
      .Input(RandomTensor(DType::kDouble, {3, 2}))
      .Input<int32_t>({2}, {2, 1})
      .CheckGradient();
}

}  // namespace
}  // namespace sluice
