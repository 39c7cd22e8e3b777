#include "ops/concat.h"

#include "tests/testing/op_test.h"

namespace sluice {
namespace {

using absl::StatusCode;

const Tensor kA = Tensor::Of<float>({2, 2}, {1, 2, 3, 4});
const Tensor kB = Tensor::Of<float>({2, 1}, {5, 6});

// The elements of `values` along `axis`, one after the other.
Tensor SlowConcat(const std::vector<Tensor>& values, int axis) {
  TensorShape shape = values[0].shape();
  int64_t total = 0, outer = 1, inner = 1;
  for (const Tensor& v : values) total += v.dim(axis);
  shape.set_dim(axis, total);
  for (int i = 0; i < axis; ++i) outer *= shape.dim(i);
  for (int i = axis + 1; i < shape.rank(); ++i) inner *= shape.dim(i);
  std::vector<double> all;
  for (int64_t o = 0; o < outer; ++o) {
    for (const Tensor& v : values) {
      const std::vector<double> own = ToDoubles(v);
      const int64_t run = v.dim(axis) * inner;
      all.insert(all.end(), own.begin() + o * run, own.begin() + (o + 1) * run);
    }
  }
  return FromDoubles(values[0].dtype(), shape, all);
}

TEST(ConcatV2Test, ByHand) {
  OpTest("ConcatV2").Input(kA).Input(kB).Input<int32_t>({}, {1}).Expect({2, 3}, {1, 2, 5, 3, 4, 6});
  OpTest("ConcatV2")
      .Input(kA)
      .Input(kB)
      .Input<int64_t>({}, {-1})
      .Expect({2, 3}, {1, 2, 5, 3, 4, 6});
  OpTest("ConcatV2")
      .Input<std::string>({1}, {"a"})
      .Input<std::string>({2}, {"b", "c"})
      .Input<int32_t>({}, {0})
      .Expect<std::string>({3}, {"a", "b", "c"});
  OpTest("ConcatV2")
      .Input<bool>({0}, {})
      .Input<bool>({1}, {true})
      .Input<int32_t>({}, {0})
      .Expect<bool>({1}, {true});
}

TEST(ConcatTest, AxisComesFirst) {
  OpTest("Concat")
      .Input<int32_t>({}, {0})
      .Input(kA)
      .Input({1, 2}, {7, 8})
      .Expect({3, 2}, {1, 2, 3, 4, 7, 8});
}

TEST(ConcatV2Test, MatchesSlowTwin) {
  for (const DType dtype : {DType::kFloat, DType::kDouble, DType::kInt8, DType::kInt64}) {
    for (int axis = 0; axis < 3; ++axis) {
      std::vector<Tensor> values;
      for (const int64_t size : {3, 1, 0, 5}) {
        TensorShape shape = {2, 3, 4};
        shape.set_dim(axis, size);
        values.push_back(RandomTensor(dtype, shape, size + 1, -50, 50));
      }
      OpTest("ConcatV2").Inputs(values).Input<int32_t>({}, {axis}).Expect(SlowConcat(values, axis));
    }
  }
}

TEST(ConcatV2Test, Errors) {
  OpTest("ConcatV2")
      .Input(kA)
      .Input(kB)
      .Input<int32_t>({}, {0})
      .ExpectError(StatusCode::kInvalidArgument, "Dimensions must be equal except along axis 0");
  OpTest("ConcatV2")
      .Input(kA)
      .Input(kB)
      .Input<int32_t>({}, {5})
      .ExpectError(StatusCode::kInvalidArgument, "[-2, 2), got 5");
  OpTest("ConcatV2")
      .Input(kA)
      .Input({2}, {1, 2})
      .Input<int32_t>({}, {0})
      .ExpectError(StatusCode::kInvalidArgument, "Shape must be rank 2 but is rank 1");
  OpTest("ConcatV2")
      .Input({}, {1})
      .Input({}, {2})
      .Input<int32_t>({}, {0})
      .ExpectError(StatusCode::kInvalidArgument, "Can't concatenate scalars");
  OpTest("ConcatV2")
      .Input(kA)
      .Input(kB)
      .Input<int32_t>({1}, {1})
      .ExpectError(StatusCode::kInvalidArgument, "Shape must be rank 0 but is rank 1");
}

TEST(ConcatV2Test, InfersWhatItCan) {
  const auto infer = [](const TensorShape& a, const TensorShape& b, const std::vector<int>& known) {
    return OpTest("ConcatV2")
        .Input(kA)
        .Input(kB)
        .Input<int32_t>({}, {1})
        .InferShape({a, b, {}}, known);
  };
  EXPECT_EQ(infer({-1, 2}, {3, 4}, {2}).value(), (TensorShape{3, 6}));
  EXPECT_EQ(infer({-1, -1}, {-1, 4}, {2}).value(), (TensorShape{-1, -1}));
  EXPECT_EQ(infer(TensorShape::Unknown(), {3, 4}, {2}).value(), (TensorShape{3, -1}));
  EXPECT_EQ(infer({1, 2}, {3, 4}, {}).value(), TensorShape::OfRank(2));
}

TEST(ConcatV2Test, Gradient) {
  for (const int axis : {0, 1, -1}) {
    TensorShape other = {2, 3, 2};
    other.set_dim(axis, 1);
    OpTest("ConcatV2")
        .Input(RandomTensor(DType::kDouble, {2, 3, 2}, 1))
        .Input(RandomTensor(DType::kDouble, other, 2))
        .Input<int32_t>({}, {axis})
        .CheckGradient();
  }
  OpTest("Concat")
      .Input<int32_t>({}, {1})
      .Input(RandomTensor(DType::kDouble, {2, 1}, 1))
      .Input(RandomTensor(DType::kDouble, {2, 2}, 2))
      .CheckGradient();
}

TEST(ConcatOffsetTest, ByHandAndErrors) {
  OpTest("ConcatOffset")
      .Input<int32_t>({}, {1})
      .Input<int32_t>({2}, {2, 3})
      .Input<int32_t>({2}, {2, 4})
      .Input<int32_t>({2}, {2, 0})
      .ExpectAll({Tensor::Of<int32_t>({2}, {0, 0}), Tensor::Of<int32_t>({2}, {0, 3}),
                  Tensor::Of<int32_t>({2}, {0, 7})});
  OpTest("ConcatOffset")
      .Input<int32_t>({}, {1})
      .Input<int32_t>({2}, {2, 3})
      .Input<int32_t>({2}, {3, 4})
      .ExpectError(StatusCode::kInvalidArgument, "shapes must be equal except along axis 1");
  OpTest("ConcatOffset")
      .Input<int32_t>({}, {2})
      .Input<int32_t>({2}, {2, 3})
      .Input<int32_t>({2}, {2, 3})
      .ExpectError(StatusCode::kInvalidArgument, "[-2, 2)");
}

TEST(PackTest, EveryAxis) {
  const Tensor b = Tensor::Of<float>({2, 2}, {5, 6, 7, 8});
  const auto pack = [&](int64_t axis) {
    return OpTest("Pack").Attr("axis", axis).Input(kA).Input(b);
  };
  pack(0).Expect({2, 2, 2}, {1, 2, 3, 4, 5, 6, 7, 8});
  pack(1).Expect({2, 2, 2}, {1, 2, 5, 6, 3, 4, 7, 8});
  pack(2).Expect({2, 2, 2}, {1, 5, 2, 6, 3, 7, 4, 8});
  pack(-1).Expect({2, 2, 2}, {1, 5, 2, 6, 3, 7, 4, 8});
  pack(3).ExpectError(StatusCode::kInvalidArgument, "[-3, 3)");
  OpTest("Pack").Input<int32_t>({}, {4}).Input<int32_t>({}, {5}).Expect<int32_t>({2}, {4, 5});
  OpTest("Pack").Input<std::string>({}, {"x"}).Expect<std::string>({1}, {"x"});
  OpTest("Pack").Input(kA).Input(kB).ExpectError(StatusCode::kInvalidArgument,
                                                 "Dimensions must be equal");
}

TEST(PackTest, Gradient) {
  for (const int64_t axis : {0, 1, -1}) {
    OpTest("Pack")
        .Attr("axis", axis)
        .Input(RandomTensor(DType::kDouble, {2, 3}, 1))
        .Input(RandomTensor(DType::kDouble, {2, 3}, 2))
        .CheckGradient();
  }
}

TEST(ParallelConcatTest, ByHandErrorsGradient) {
  const TensorShape both = {2, 2};
  OpTest("ParallelConcat")
      .Attr("shape", both)
      .Input({1, 2}, {1, 2})
      .Input({1, 2}, {3, 4})
      .Expect({2, 2}, {1, 2, 3, 4});
  OpTest("ParallelConcat")
      .Attr("shape", both)
      .Input({1, 2}, {1, 2})
      .ExpectError(StatusCode::kInvalidArgument, "number of values, 1");
  OpTest("ParallelConcat")
      .Attr("shape", both)
      .Input({1, 2}, {1, 2})
      .Input({2, 2}, {3, 4, 5, 6})
      .ExpectError(StatusCode::kInvalidArgument, "value 1 must have shape [1,2]");
  OpTest("ParallelConcat")
      .Attr("shape", both)
      .Input(RandomTensor(DType::kDouble, {1, 2}, 1))
      .Input(RandomTensor(DType::kDouble, {1, 2}, 2))
      .CheckGradient();
}

}  // namespace
}  // namespace sluice
