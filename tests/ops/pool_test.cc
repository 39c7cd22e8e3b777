#include "ops/pool.h"

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
    {"max_2x2_stride_2", {1, 4, 4, 1}, {1, 2, 2, 1}, {1, 2, 2, 1}, {1, 2, 2, 1}},
    {"channels", {2, 6, 4, 5}, {2, 3, 2, 5}, {1, 2, 2, 1}, {1, 2, 2, 1}},
    {"many_channels", {1, 4, 4, 67}, {1, 2, 2, 67}, {1, 2, 2, 1}, {1, 2, 2, 1}},
    {"valid_leaves_a_rest", {1, 5, 7, 3}, {1, 2, 3, 3}, {1, 2, 2, 1}, {1, 2, 2, 1}},
    {"same_odd", {2, 5, 7, 2}, {2, 3, 4, 2}, {1, 2, 2, 1}, {1, 2, 2, 1}, {0, 0}, "SAME"},
    {"overlapping_3x3_stride_2_same",
     {2, 7, 6, 3},
     {2, 4, 3, 3},
     {1, 3, 3, 1},
     {1, 2, 2, 1},
     {1, 0},
     "SAME"},
    {"overlapping_3x3_stride_1", {1, 5, 4, 2}, {1, 3, 2, 2}, {1, 3, 3, 1}, {1, 1, 1, 1}},
    {"same_stride_1", {1, 4, 5, 2}, {1, 4, 5, 2}, {1, 3, 2, 1}, {1, 1, 1, 1}, {1, 0}, "SAME"},
    {"stride_larger_than_window", {1, 7, 8, 2}, {1, 3, 3, 2}, {1, 1, 2, 1}, {1, 3, 3, 1}},
    {"stride_larger_than_window_same",
     {1, 8, 8, 2},
     {1, 3, 3, 2},
     {1, 2, 2, 1},
     {1, 3, 3, 1},
     {0, 0},
     "SAME"},
    {"rows_overlap_columns_do_not", {2, 6, 6, 2}, {2, 5, 3, 2}, {1, 2, 2, 1}, {1, 1, 2, 1}},
    {"columns_overlap_rows_do_not", {2, 6, 6, 2}, {2, 3, 5, 2}, {1, 2, 2, 1}, {1, 2, 1, 1}},
    {"global", {3, 4, 3, 5}, {3, 1, 1, 5}, {1, 4, 3, 1}, {1, 1, 1, 1}},
    {"window_larger_than_image",
     {1, 2, 2, 1},
     {1, 1, 1, 1},
     {1, 5, 5, 1},
     {1, 2, 2, 1},
     {1, 1},
     "SAME"},
    {"single_cells", {1, 3, 3, 2}, {1, 3, 3, 2}, {1, 1, 1, 1}, {1, 1, 1, 1}},
    {"large", {40, 14, 14, 16}, {40, 7, 7, 16}, {1, 2, 2, 1}, {1, 2, 2, 1}},
    {"large_overlapping",
     {9, 23, 21, 20},
     {9, 12, 11, 20},
     {1, 3, 3, 1},
     {1, 2, 2, 1},
     {1, 1},
     "SAME"},
    {"nchw", {2, 3, 6, 4}, {2, 3, 3, 2}, {1, 1, 2, 2}, {1, 1, 2, 2}, {0, 0}, "VALID", "NCHW"},
    {"nchw_overlapping",
     {2, 3, 7, 6},
     {2, 3, 4, 3},
     {1, 1, 3, 3},
     {1, 1, 2, 2},
     {1, 0},
     "SAME",
     "NCHW"},
};

class PoolTest : public ::testing::TestWithParam<PoolCase> {};

TEST_P(PoolTest, MaxPool) {
  const PoolCase& c = GetParam();
  for (const DType dtype : kPoolDTypes) {
    const Tensor x = RandomTensor(dtype, c.input, 1, 0, 100);
    PoolOp("MaxPool", c).Input(x).Expect(PooledMaxima(c, x));
  }
}

TEST_P(PoolTest, MaxPoolGradGivesToTheFirstMaximum) {
  const PoolCase& c = GetParam();
  for (const DType dtype : kPoolDTypes) {
    const Tensor x = Ties(dtype, c.input, 1), dy = RandomTensor(dtype, c.output, 2, 0, 4);
    PoolOp("MaxPoolGrad", c)
        .Input(x)
        .Input(PooledMaxima(c, x))
        .Input(dy)
        .Expect(AtFirstMaxima(c, x, dy));
  }
}

TEST_P(PoolTest, MaxPoolGradGradReadsTheFirstMaximum) {
  const PoolCase& c = GetParam();
  for (const DType dtype : kPoolDTypes) {
    const Tensor x = Ties(dtype, c.input, 1), grads = RandomTensor(dtype, c.input, 2, 0, 100);
    PoolOp("MaxPoolGradGrad", c)
        .Input(x)
        .Input(PooledMaxima(c, x))
        .Input(grads)
        .Expect(OfFirstMaxima(c, x, grads));
  }
}

TEST_P(PoolTest, AvgPoolDividesByCellsInsideTheImage) {
  const PoolCase& c = GetParam();
  for (const DType dtype : kAllFloatDTypes) {
    const Tensor x = RandomTensor(dtype, c.input, 1), dy = RandomTensor(dtype, c.output, 2);
    PoolOp("AvgPool", c).Input(x).Expect(PooledMeans(c, x));
    PoolOp("AvgPoolGrad", c).Input(SizesTensor(c.input)).Input(dy).Expect(SpreadOverWindows(c, dy));
  }
}

TEST_P(PoolTest, GradientsAreNumeric) {
  const PoolCase& c = GetParam();
  if (c.input.num_elements() > 300) GTEST_SKIP() << "too many elements";
  const Tensor x = LadderTensor(DType::kDouble, c.input, 3);
  PoolOp("MaxPool", c).Input(x).CheckGradient();
  PoolOp("AvgPool", c).Input(x).CheckGradient();
}

INSTANTIATE_TEST_SUITE_P(All, PoolTest, ::testing::ValuesIn(kCases),
                         [](const auto& info) { return info.param.name; });

OpTest Pool2x2(const char* op, const char* file = __builtin_FILE(), int line = __builtin_LINE()) {
  return std::move(OpTest(op, file, line)
                       .Attr("ksize", {1, 2, 2, 1})
                       .Attr("strides", {1, 2, 2, 1})
                       .Attr("padding", "VALID"));
}

TEST(Pool, ByHand) {
  Pool2x2("MaxPool").Input({1, 2, 4, 1}, {1, 2, 3, 4, 8, 7, 6, 5}).Expect({1, 1, 2, 1}, {8, 6});
  Pool2x2("AvgPool").Input({1, 2, 4, 1}, {1, 2, 3, 4, 8, 7, 6, 5}).Expect({1, 1, 2, 1}, {4.5, 4.5});
  Pool2x2("MaxPoolGrad")
      .Input({1, 2, 2, 1}, {5, 5, 5, 5})
      .Input({1, 1, 1, 1}, {5})
      .Input({1, 1, 1, 1}, {3})
      .Expect({1, 2, 2, 1}, {3, 0, 0, 0});
  Pool2x2("AvgPool")
      .Attr("padding", "SAME")
      .Input({1, 1, 3, 1}, {2, 4, 9})
      .Expect({1, 1, 2, 1}, {3, 9});
}

TEST(Pool, SecondGradients) {
  const Tensor x = LadderTensor(DType::kDouble, {1, 4, 4, 2}, 3),
               dx = RandomTensor(DType::kDouble, {1, 4, 4, 2}, 4),
               dy = RandomTensor(DType::kDouble, {1, 2, 2, 2}, 5);
  const PoolCase c = {"", x.shape(), dy.shape(), {1, 2, 2, 1}, {1, 2, 2, 1}};
  const Tensor y = PooledMaxima(c, x);
  GradientCheckOptions only_grad;
  only_grad.wrt = {2};  // the others' gradients are 0
  Pool2x2("MaxPoolGrad").Input(x).Input(y).Input(dy).CheckGradient(only_grad);
  Pool2x2("MaxPoolGradGrad").Input(x).Input(y).Input(dx).CheckGradient(only_grad);
  Pool2x2("AvgPoolGrad").Input<int32_t>({4}, {1, 4, 4, 2}).Input(dy).CheckGradient();
}

// As TensorFlow's CPU kernel: it looks for orig_output's values, and finds nothing or the first.
TEST(Pool, MaxPoolGradGradLooksForTheGivenMaximum) {
  Pool2x2("MaxPoolGradGrad")
      .Input({1, 2, 4, 1}, {1, 2, 3, 4, 2, 1, 3, 5})
      .Input({1, 1, 2, 1}, {2, 6})
      .Input({1, 2, 4, 1}, {10, 20, 30, 40, 50, 60, 70, 80})
      .Expect({1, 1, 2, 1}, {20, 0});
}

TEST(Pool, WindowsAcrossChannels) {
  const auto op = [](const char* format) {
    const bool first = std::string(format) == "NCHW";
    const std::vector<int64_t> sizes =
        first ? std::vector<int64_t>{1, 2, 1, 1} : std::vector<int64_t>{1, 1, 1, 2};
    return std::move(OpTest("MaxPool")
                         .Attr("ksize", sizes)
                         .Attr("strides", sizes)
                         .Attr("padding", "SAME")
                         .Attr("data_format", format));
  };
  op("NHWC").Input({1, 1, 2, 4}, {1, 5, 3, 2, 8, 7, -1, -2}).Expect({1, 1, 2, 2}, {5, 3, 8, -1});
  op("NCHW").Input({1, 4, 1, 2}, {1, 8, 5, 7, 3, -1, 2, -2}).Expect({1, 2, 1, 2}, {5, 8, 3, -1});
  op("NHWC")
      .Input({1, 1, 1, 3}, {1, 2, 3})
      .ExpectError(absl::StatusCode::kUnimplemented, "evenly divide the input depth");
}

TEST(Pool, EmptyBatchAndImage) {
  Pool2x2("MaxPool").Input({0, 4, 4, 2}, {}).Expect({0, 2, 2, 2}, {});
  Pool2x2("AvgPool").Input({0, 4, 4, 2}, {}).Expect({0, 2, 2, 2}, {});
  Pool2x2("MaxPoolGrad")
      .Input({0, 4, 4, 2}, {})
      .Input({0, 2, 2, 2}, {})
      .Input({0, 2, 2, 2}, {})
      .Expect({0, 4, 4, 2}, {});
  Pool2x2("AvgPoolGrad")
      .Input<int32_t>({4}, {0, 4, 4, 2})
      .Input({0, 2, 2, 2}, {})
      .Expect({0, 4, 4, 2}, {});
  Pool2x2("MaxPool").Input({1, 4, 4, 0}, {}).Expect({1, 2, 2, 0}, {});
  Pool2x2("AvgPool").Attr("padding", "SAME").Input({1, 0, 4, 1}, {}).Expect({1, 0, 2, 1}, {});
}

// TensorFlow's CPU kernels compare with > and begin with the lowest number: NaN is passed over, and
// -infinity not found. The gradient begins with the first cell.
TEST(Pool, SpecialValues) {
  const float nan = std::nanf(""), inf = std::numeric_limits<float>::infinity();
  const float lowest = std::numeric_limits<float>::lowest();
  Pool2x2("MaxPool").Input({1, 2, 4, 1}, {1, nan, 3, 4, 8, 7, 6, 5}).Expect({1, 1, 2, 1}, {8, 6});
  Pool2x2("MaxPool")
      .Input({1, 2, 4, 1}, {nan, nan, inf, 4, nan, nan, 6, -inf})
      .Expect({1, 1, 2, 1}, {lowest, inf});
  Pool2x2("MaxPool").Input({1, 2, 2, 1}, {-inf, -inf, -inf, -inf}).Expect({1, 1, 1, 1}, {lowest});
  for (const int64_t width : {2, 3}) {  // (tiles, and a rest)
    const Tensor x = width == 2 ? Tensor::Of<float>({1, 2, 2, 1}, {nan, 1, 2, 3})
                                : Tensor::Of<float>({1, 2, 3, 1}, {nan, 1, 9, 2, 3, 9});
    const Tensor dx = width == 2 ? Tensor::Of<float>({1, 2, 2, 1}, {7, 0, 0, 0})
                                 : Tensor::Of<float>({1, 2, 3, 1}, {7, 0, 0, 0, 0, 0});
    Pool2x2("MaxPoolGrad").Input(x).Input({1, 1, 1, 1}, {3}).Input({1, 1, 1, 1}, {7}).Expect(dx);
  }
  Pool2x2("MaxPoolGrad")
      .Input({1, 2, 2, 1}, {1, nan, 2, nan})
      .Input({1, 1, 1, 1}, {2})
      .Input({1, 1, 1, 1}, {7})
      .Expect({1, 2, 2, 1}, {0, 0, 7, 0});
  Pool2x2("AvgPool").Input({1, 2, 2, 1}, {1, inf, 2, 3}).Expect({1, 1, 1, 1}, {inf});
}

TEST(PoolErrors, Rejected) {
  constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;
  const Tensor x = RandomTensor(DType::kFloat, {1, 4, 4, 1});
  for (const char* op : {"MaxPool", "AvgPool"}) {
    Pool2x2(op)
        .Input({4, 4, 1}, {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16})
        .ExpectError(kInvalid, "Shape must be rank 4 but is rank 3");
    Pool2x2(op)
        .Attr("ksize", {1, 0, 0, 1})
        .Input(x)
        .ExpectError(kInvalid, "ksize must be > 0, but got 0");
    Pool2x2(op)
        .Attr("strides", {1, 0, 1, 1})
        .Input(x)
        .ExpectError(kInvalid, "Stride must be > 0, but got 0");
    Pool2x2(op)
        .Attr("ksize", {1, 5, 1, 1})
        .Input(x)
        .ExpectError(kInvalid, "Negative dimension size caused by subtracting 5 from 4");
    constexpr auto kUnimplemented = absl::StatusCode::kUnimplemented;
    Pool2x2(op)
        .Attr("ksize", {1, 2, 2, 2})
        .Attr("strides", {1, 2, 2, 2})
        .Input(RandomTensor(DType::kFloat, {1, 4, 4, 2}))
        .ExpectError(kUnimplemented, std::string(op) == "MaxPool"
                                         ? "exactly one of pooling across depth or"
                                         : "not yet supported on the depth dimension");
    Pool2x2(op)
        .Attr("strides", {2, 1, 1, 1})
        .Input(x)
        .ExpectError(kUnimplemented, "not yet supported on the batch dimension");
    Pool2x2(op).Attr("ksize", {1, 2, 2}).Input(x).ExpectError(kInvalid, "ksize");
  }
  Pool2x2("MaxPoolGrad")
      .Input(x)
      .Input(x)
      .Input(x)
      .ExpectError(kInvalid, "Dimensions must be equal, but orig_output is");
  Pool2x2("AvgPoolGrad")
      .Input<int32_t>({4}, {1, 4, 5, 1})
      .Input(x)
      .ExpectError(kInvalid, "Dimensions must be equal, but grad is");
  Pool2x2("AvgPoolGrad")
      .Input<int32_t>({4}, {1, 4, -1, 1})
      .Input(x)
      .ExpectError(kInvalid, "none of them negative");
}

TEST(Pool, UnknownShapes) {
  OpTest test = Pool2x2("MaxPool");
  test.Input(RandomTensor(DType::kFloat, {1, 4, 4, 1}));
  EXPECT_EQ(*test.InferShape({TensorShape::Unknown()}), TensorShape::OfRank(4));
  EXPECT_EQ(*test.InferShape({{-1, 6, -1, 3}}), TensorShape({-1, 3, -1, 3}));
}

}  // namespace
}  // namespace sluice
