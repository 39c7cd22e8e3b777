#include "ops/pool3d.h"

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "tests/testing/op_test.h"
#include "tests/testing/pool_reference.h"

namespace sluice {
namespace {

const PoolCase kCases[] = {
    {"cubes", {2, 4, 4, 2, 3}, {2, 2, 2, 1, 3}, {1, 2, 2, 2, 1}, {1, 2, 2, 2, 1}},
    {"leaves_a_rest", {1, 5, 3, 4, 2}, {1, 2, 1, 2, 2}, {1, 2, 2, 2, 1}, {1, 2, 2, 2, 1}},
    {"overlapping", {1, 4, 3, 4, 2}, {1, 3, 2, 2, 2}, {1, 2, 2, 3, 1}, {1, 1, 1, 1, 1}},
    {"same", {2, 5, 4, 3, 2}, {2, 3, 2, 2, 2}, {1, 3, 3, 3, 1}, {1, 2, 2, 2, 1}, {1, 0, 1}, "SAME"},
    {"rows_overlap_planes_do_not",
     {1, 4, 5, 4, 70},
     {1, 2, 3, 2, 70},
     {1, 2, 3, 2, 1},
     {1, 2, 1, 2, 1}},
    {"stride_larger_than_window",
     {1, 7, 4, 5, 2},
     {1, 3, 2, 2, 2},
     {1, 1, 2, 1, 1},
     {1, 3, 2, 3, 1}},
    {"global", {2, 3, 2, 3, 2}, {2, 1, 1, 1, 2}, {1, 3, 2, 3, 1}, {1, 1, 1, 1, 1}},
    {"one_plane", {2, 1, 4, 4, 2}, {2, 1, 2, 2, 2}, {1, 1, 2, 2, 1}, {1, 1, 2, 2, 1}},
    {"single_cells", {1, 2, 3, 2, 2}, {1, 2, 3, 2, 2}, {1, 1, 1, 1, 1}, {1, 1, 1, 1, 1}},
    {"large", {6, 8, 12, 12, 16}, {6, 4, 6, 6, 16}, {1, 2, 2, 2, 1}, {1, 2, 2, 2, 1}},
    {"ncdhw",
     {2, 3, 4, 4, 3},
     {2, 3, 2, 2, 2},
     {1, 1, 2, 3, 2},
     {1, 1, 2, 2, 2},
     {0, 0, 0},
     "SAME",
     "NCDHW"},
};

const std::vector<DType> kMaxima = {DType::kFloat, DType::kHalf, DType::kBfloat16};

class Pool3DTest : public ::testing::TestWithParam<PoolCase> {};

TEST_P(Pool3DTest, MaxPool3D) {
  const PoolCase& c = GetParam();
  for (const DType dtype : kMaxima) {
    const Tensor x = RandomTensor(dtype, c.input, 1);
    PoolOp("MaxPool3D", c).Input(x).Expect(PooledMaxima(c, x));
  }
}

// TensorFlow's CPU kernel: every cell that equals the maximum gets the whole gradient.
TEST_P(Pool3DTest, MaxPool3DGradGivesToAllMaxima) {
  const PoolCase& c = GetParam();
  for (const DType dtype : kMaxima) {
    const Tensor x = Ties(dtype, c.input, 1), y = PooledMaxima(c, x),
                 dy = RandomTensor(dtype, c.output, 2, 0, 4);
    const std::vector<double> values = ToDoubles(x), maxima = ToDoubles(y), g = ToDoubles(dy);
    std::vector<double> want(c.input.num_elements(), 0.0);
    ForEachWindow(c, [&](int64_t o, const auto& cells) {
      for (const int64_t cell : cells) want[cell] += values[cell] == maxima[o] ? g[o] : 0;
    });
    PoolOp("MaxPool3DGrad", c)
        .Input(x)
        .Input(y)
        .Input(dy)
        .Expect(FromDoubles(dtype, c.input, want));
  }
}

TEST_P(Pool3DTest, MaxPool3DGradGradReadsTheFirstMaximum) {
  const PoolCase& c = GetParam();
  for (const DType dtype : kPoolDTypes) {
    const Tensor x = Ties(dtype, c.input, 1), grads = RandomTensor(dtype, c.input, 2, 0, 100);
    PoolOp("MaxPool3DGradGrad", c)
        .Input(x)
        .Input(PooledMaxima(c, x))
        .Input(grads)
        .Expect(OfFirstMaxima(c, x, grads));
  }
}

TEST_P(Pool3DTest, AvgPool3DDividesByCellsInsideTheImage) {
  const PoolCase& c = GetParam();
  for (const DType dtype : kAllFloatDTypes) {
    const Tensor x = RandomTensor(dtype, c.input, 1), dy = RandomTensor(dtype, c.output, 2);
    PoolOp("AvgPool3D", c).Input(x).Expect(PooledMeans(c, x));
    PoolOp("AvgPool3DGrad", c)
        .Input(SizesTensor(c.input))
        .Input(dy)
        .Expect(SpreadOverWindows(c, dy));
  }
}

// (Maxima have no double kernels, so no numeric gradient.)
TEST_P(Pool3DTest, MeansHaveNumericGradients) {
  const PoolCase& c = GetParam();
  if (c.input.num_elements() > 300) GTEST_SKIP() << "too many elements";
  PoolOp("AvgPool3D", c).Input(RandomTensor(DType::kDouble, c.input, 3)).CheckGradient();
  PoolOp("AvgPool3DGrad", c)
      .Input(SizesTensor(c.input))
      .Input(RandomTensor(DType::kDouble, c.output, 3))
      .CheckGradient();
}

INSTANTIATE_TEST_SUITE_P(All, Pool3DTest, ::testing::ValuesIn(kCases),
                         [](const auto& info) { return info.param.name; });

OpTest Pool2x2x2(const char* op, const char* file = __builtin_FILE(), int line = __builtin_LINE()) {
  return std::move(OpTest(op, file, line)
                       .Attr("ksize", {1, 2, 2, 2, 1})
                       .Attr("strides", {1, 2, 2, 2, 1})
                       .Attr("padding", "VALID"));
}

TEST(Pool3D, ByHand) {
  const Tensor x = Tensor::Of<float>({1, 2, 2, 2, 1}, {1, 2, 8, 4, 5, 6, 7, 8});
  Pool2x2x2("MaxPool3D").Input(x).Expect({1, 1, 1, 1, 1}, {8});
  Pool2x2x2("AvgPool3D").Input(x).Expect({1, 1, 1, 1, 1}, {5.125});
  Pool2x2x2("MaxPool3DGrad")
      .Input(x)
      .Input({1, 1, 1, 1, 1}, {8})
      .Input({1, 1, 1, 1, 1}, {3})
      .Expect({1, 2, 2, 2, 1}, {0, 0, 3, 0, 0, 0, 0, 3});
}

// The kernel's "equal" is "nearer than 1e-5".
TEST(Pool3D, NearlyEqualCellsShareTheGradient) {
  Pool2x2x2("MaxPool3DGrad")
      .Input({1, 2, 2, 2, 1}, {0.999995f, 1, 0.9999f, 0, 0, 0, 0, 0})
      .Input({1, 1, 1, 1, 1}, {1})
      .Input({1, 1, 1, 1, 1}, {3})
      .Expect({1, 2, 2, 2, 1}, {3, 3, 0, 0, 0, 0, 0, 0});
}

TEST(Pool3D, SpecialValues) {
  const float nan = std::nanf(""), inf = std::numeric_limits<float>::infinity();
  Pool2x2x2("MaxPool3D")
      .Input({1, 2, 2, 4, 1},
             {nan, 1, -inf, -inf, 2, 3, -inf, -inf, 0, 0, -inf, -inf, 0, 0, -inf, -inf})
      .Expect({1, 1, 1, 2, 1}, {3, -inf});
}

TEST(Pool3D, SecondGradients) {
  // In float, by hand: dx goes back to where the maximum was.
  Pool2x2x2("MaxPool3DGradGrad")
      .Input({1, 2, 2, 2, 1}, {1, 2, 8, 4, 5, 6, 7, 8})
      .Input({1, 1, 1, 1, 1}, {8})
      .Input({1, 2, 2, 2, 1}, {10, 20, 30, 40, 50, 60, 70, 80})
      .Expect({1, 1, 1, 1, 1}, {30});
}

TEST(Pool3D, EmptyBatch) {
  Pool2x2x2("MaxPool3D").Input({0, 2, 4, 4, 2}, {}).Expect({0, 1, 2, 2, 2}, {});
  Pool2x2x2("AvgPool3D").Input({0, 2, 4, 4, 2}, {}).Expect({0, 1, 2, 2, 2}, {});
  Pool2x2x2("AvgPool3DGrad")
      .Input<int32_t>({5}, {0, 2, 4, 4, 2})
      .Input({0, 1, 2, 2, 2}, {})
      .Expect({0, 2, 4, 4, 2}, {});
  Pool2x2x2("MaxPool3D").Input({1, 2, 4, 4, 0}, {}).Expect({1, 1, 2, 2, 0}, {});
}

TEST(Pool3DErrors, Rejected) {
  constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;
  const Tensor x = RandomTensor(DType::kFloat, {1, 4, 4, 4, 2});
  for (const char* op : {"MaxPool3D", "AvgPool3D"}) {
    Pool2x2x2(op)
        .Input(RandomTensor(DType::kFloat, {4, 4, 4, 2}))
        .ExpectError(kInvalid, "Shape must be rank 5 but is rank 4");
    Pool2x2x2(op)
        .Attr("ksize", {1, 2, -2, 2, 1})
        .Input(x)
        .ExpectError(kInvalid, "ksize must be > 0, but got -2");
    Pool2x2x2(op)
        .Attr("strides", {1, 2, 0, 2, 1})
        .Input(x)
        .ExpectError(kInvalid, "Stride must be > 0, but got 0");
    Pool2x2x2(op)
        .Attr("ksize", {1, 2, 2, 2, 2})
        .Attr("strides", {1, 2, 2, 2, 2})
        .Input(x)
        .ExpectError(absl::StatusCode::kUnimplemented, "not yet supported on the depth dimension");
    Pool2x2x2(op)
        .Attr("ksize", {1, 5, 2, 2, 1})
        .Input(x)
        .ExpectError(kInvalid, "Negative dimension size");
  }
  Pool2x2x2("MaxPool3DGrad")
      .Inputs({x, x, x})
      .ExpectError(kInvalid, "Dimensions must be equal, but orig_output is");
  Pool2x2x2("AvgPool3DGrad")
      .Input<int32_t>({5}, {1, 4, -1, 4, 2})
      .Input(x)
      .ExpectError(kInvalid, "none of them negative");
}

TEST(Pool3D, UnknownShapes) {
  OpTest test = Pool2x2x2("MaxPool3D");
  test.Input(RandomTensor(DType::kFloat, {1, 4, 4, 4, 2}));
  EXPECT_EQ(*test.InferShape({TensorShape::Unknown()}), TensorShape::OfRank(5));
  EXPECT_EQ(*test.InferShape({{-1, 6, -1, 4, 3}}), TensorShape({-1, 3, -1, 2, 3}));
}

}  // namespace
}  // namespace sluice
