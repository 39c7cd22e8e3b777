#include "ops/pool.h"

#include <algorithm>
#include <functional>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "tests/testing/op_test.h"

namespace sluice {
namespace {

struct PoolCase {
  std::string name;
  TensorShape input, output;
  std::vector<int64_t> ksize, strides;
  std::vector<int64_t> before = {0, 0};  // padding at the top and left, by hand
  std::string padding = "VALID";
  std::string data_format = "NHWC";
};

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

// Calls visit(offset of an output element, offsets of its window's cells in row-major order).
void ForEachWindow(const PoolCase& c,
                   const std::function<void(int64_t, const std::vector<int64_t>&)>& visit) {
  const bool first = c.data_format == "NCHW";
  const int h = first ? 2 : 1, w = h + 1, channel = first ? 1 : 3;
  const auto offset = [&](const TensorShape& s, int64_t n, int64_t y, int64_t x, int64_t k) {
    return first ? ((n * s.dim(1) + k) * s.dim(2) + y) * s.dim(3) + x
                 : ((n * s.dim(1) + y) * s.dim(2) + x) * s.dim(3) + k;
  };
  for (int64_t n = 0; n < c.output.dim(0); ++n)
    for (int64_t i = 0; i < c.output.dim(h); ++i)
      for (int64_t j = 0; j < c.output.dim(w); ++j)
        for (int64_t k = 0; k < c.output.dim(channel); ++k) {
          std::vector<int64_t> cells;
          for (int64_t u = 0; u < c.ksize[h]; ++u)
            for (int64_t v = 0; v < c.ksize[w]; ++v) {
              const int64_t y = i * c.strides[h] - c.before[0] + u,
                            x = j * c.strides[w] - c.before[1] + v;
              if (y >= 0 && y < c.input.dim(h) && x >= 0 && x < c.input.dim(w))
                cells.push_back(offset(c.input, n, y, x, k));
            }
          visit(offset(c.output, n, i, j, k), cells);
        }
}

int64_t FirstMaximum(const std::vector<double>& x, const std::vector<int64_t>& cells) {
  int64_t best = cells[0];
  for (const int64_t cell : cells) best = x[cell] > x[best] ? cell : best;
  return best;
}

// Values with many ties.
Tensor Ties(DType dtype, const TensorShape& shape, uint64_t seed) {
  std::vector<double> values = ToDoubles(RandomTensor(DType::kInt32, shape, seed, 0, 3));
  return FromDoubles(dtype, shape, values);
}

class PoolTest : public ::testing::TestWithParam<PoolCase> {
 protected:
  OpTest Op(const char* name, const char* file = __builtin_FILE(), int line = __builtin_LINE()) {
    const PoolCase& c = GetParam();
    OpTest test(name, file, line);
    return std::move(test.Attr("ksize", c.ksize)
                         .Attr("strides", c.strides)
                         .Attr("padding", c.padding)
                         .Attr("data_format", c.data_format));
  }
  static Tensor SizesOf(const std::vector<int64_t>& sizes) {
    return Tensor::Of<int32_t>({static_cast<int64_t>(sizes.size())},
                               std::vector<int32_t>(sizes.begin(), sizes.end()));
  }
  Tensor PooledMaxima(const Tensor& x) {
    std::vector<double> y(GetParam().output.num_elements());
    const std::vector<double> values = ToDoubles(x);
    ForEachWindow(GetParam(), [&](int64_t o, const auto& cells) {
      y[o] = values[FirstMaximum(values, cells)];
    });
    return FromDoubles(x.dtype(), GetParam().output, y);
  }
};

TEST_P(PoolTest, MaxPool) {
  for (const DType dtype :
       {DType::kFloat, DType::kDouble, DType::kInt32, DType::kInt64, DType::kUint8}) {
    const Tensor x = RandomTensor(dtype, GetParam().input, 1, 0, 100);
    Op("MaxPool").Input(x).Expect(PooledMaxima(x));
  }
}

TEST_P(PoolTest, MaxPoolWithSizesAsTensors) {
  const PoolCase& c = GetParam();
  const Tensor x = RandomTensor(DType::kFloat, c.input, 1),
               dy = RandomTensor(DType::kFloat, c.output, 2);
  OpTest("MaxPoolV2")
      .Attr("padding", c.padding)
      .Attr("data_format", c.data_format)
      .Input(x)
      .Input(SizesOf(c.ksize))
      .Input(SizesOf(c.strides))
      .Expect(PooledMaxima(x));
}

TEST_P(PoolTest, MaxPoolGradGivesToTheFirstMaximum) {
  for (const DType dtype : kFloatDTypes) {
    const PoolCase& c = GetParam();
    const Tensor x = Ties(dtype, c.input, 1), dy = RandomTensor(dtype, c.output, 2);
    std::vector<double> want(c.input.num_elements(), 0.0);
    const std::vector<double> values = ToDoubles(x), g = ToDoubles(dy);
    ForEachWindow(c,
                  [&](int64_t o, const auto& cells) { want[FirstMaximum(values, cells)] += g[o]; });
    const Tensor dx = FromDoubles(dtype, c.input, want);
    Op("MaxPoolGrad").Input(x).Input(PooledMaxima(x)).Input(dy).Expect(dx);
    if (dtype == DType::kFloat) {
      OpTest("MaxPoolGradV2")
          .Attr("padding", c.padding)
          .Attr("data_format", c.data_format)
          .Input(x)
          .Input(PooledMaxima(x))
          .Input(dy)
          .Input(SizesOf(c.ksize))
          .Input(SizesOf(c.strides))
          .Expect(dx);
    }
  }
}

TEST_P(PoolTest, MaxPoolGradGradReadsTheFirstMaximum) {
  for (const DType dtype : kFloatDTypes) {
    const PoolCase& c = GetParam();
    const Tensor x = Ties(dtype, c.input, 1), grads = RandomTensor(dtype, c.input, 2);
    std::vector<double> want(c.output.num_elements());
    const std::vector<double> values = ToDoubles(x), g = ToDoubles(grads);
    ForEachWindow(c,
                  [&](int64_t o, const auto& cells) { want[o] = g[FirstMaximum(values, cells)]; });
    Op("MaxPoolGradGrad")
        .Input(x)
        .Input(PooledMaxima(x))
        .Input(grads)
        .Expect(FromDoubles(dtype, c.output, want));
  }
}

TEST_P(PoolTest, AvgPoolDividesByCellsInsideTheImage) {
  for (const DType dtype : kFloatDTypes) {
    const PoolCase& c = GetParam();
    const Tensor x = RandomTensor(dtype, c.input, 1), dy = RandomTensor(dtype, c.output, 2);
    std::vector<double> y(c.output.num_elements(), 0.0), dx(c.input.num_elements(), 0.0);
    const std::vector<double> values = ToDoubles(x), g = ToDoubles(dy);
    ForEachWindow(c, [&](int64_t o, const auto& cells) {
      for (const int64_t cell : cells) {
        y[o] += values[cell] / static_cast<double>(cells.size());
        dx[cell] += g[o] / static_cast<double>(cells.size());
      }
    });
    Op("AvgPool").Input(x).Expect(FromDoubles(dtype, c.output, y));
    const std::vector<int64_t> sizes(c.input.dims().begin(), c.input.dims().end());
    Op("AvgPoolGrad").Input(SizesOf(sizes)).Input(dy).Expect(FromDoubles(dtype, c.input, dx));
  }
}

TEST_P(PoolTest, GradientsAreNumeric) {
  const PoolCase& c = GetParam();
  if (c.input.num_elements() > 300) GTEST_SKIP() << "too many elements";
  const Tensor x = LadderTensor(DType::kDouble, c.input, 3);
  Op("MaxPool").Input(x).CheckGradient();
  Op("AvgPool").Input(x).CheckGradient();
  OpTest("MaxPoolV2")
      .Attr("padding", c.padding)
      .Attr("data_format", c.data_format)
      .Input(x)
      .Input(SizesOf(c.ksize))
      .Input(SizesOf(c.strides))
      .CheckGradient();
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
               y = RandomTensor(DType::kDouble, {1, 2, 2, 2}, 4);
  GradientCheckOptions only_grad;
  only_grad.wrt = {2};
  only_grad.no_gradient = {0, 1};
  Pool2x2("MaxPoolGrad").Input(x).Input(y).Input(y).CheckGradient(only_grad);
  Pool2x2("MaxPoolGradGrad").Input(x).Input(y).Input(x).CheckGradient(only_grad);
  Pool2x2("AvgPoolGrad").Input<int32_t>({4}, {1, 4, 4, 2}).Input(y).CheckGradient();
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

TEST(Pool, NaNShows) {
  const float nan = std::nanf("");
  Pool2x2("MaxPool").Input({1, 2, 4, 1}, {1, nan, 3, 4, 8, 7, 6, 5}).Expect({1, 1, 2, 1}, {nan, 6});
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
    Pool2x2(op)
        .Attr("ksize", {1, 2, 2, 2})
        .Input(x)
        .ExpectError(absl::StatusCode::kUnimplemented,
                     "not yet supported on the batch and depth dimensions");
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
  Pool2x2("MaxPool")
      .Input(RandomTensor(DType::kHalf, {1, 4, 4, 1}))
      .ExpectError(absl::StatusCode::kUnimplemented, "no kernel for dtype float16");
  OpTest("MaxPoolV2")
      .Attr("padding", "VALID")
      .Input(x)
      .Input<int32_t>({4}, {1, 0, 2, 1})
      .Input<int32_t>({4}, {1, 1, 1, 1})
      .ExpectError(kInvalid, "ksize must be > 0, but got 0");
}

TEST(Pool, UnknownShapes) {
  OpTest test = Pool2x2("MaxPool");
  test.Input(RandomTensor(DType::kFloat, {1, 4, 4, 1}));
  EXPECT_EQ(*test.InferShape({TensorShape::Unknown()}), TensorShape::OfRank(4));
  EXPECT_EQ(*test.InferShape({{-1, 6, -1, 3}}), TensorShape({-1, 3, -1, 3}));
}

}  // namespace
}  // namespace sluice
