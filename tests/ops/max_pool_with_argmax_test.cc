#include "ops/max_pool_with_argmax.h"

#include <cmath>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "tests/testing/op_test.h"
#include "tests/testing/pool_reference.h"

namespace sluice {
namespace {

const PoolCase kCases[] = {
    {"tiles", {2, 6, 4, 5}, {2, 3, 2, 5}, {1, 2, 2, 1}, {1, 2, 2, 1}},
    {"many_channels", {2, 4, 4, 67}, {2, 2, 2, 67}, {1, 2, 2, 1}, {1, 2, 2, 1}},
    {"overlapping_same", {2, 7, 6, 3}, {2, 4, 3, 3}, {1, 3, 3, 1}, {1, 2, 2, 1}, {1, 0}, "SAME"},
    {"overlapping_stride_1", {1, 5, 4, 2}, {1, 3, 2, 2}, {1, 3, 3, 1}, {1, 1, 1, 1}},
    {"stride_larger_than_window", {1, 7, 8, 2}, {1, 3, 3, 2}, {1, 1, 2, 1}, {1, 3, 3, 1}},
    {"more_cells_than_int8_counts", {1, 20, 20, 1}, {1, 1, 1, 1}, {1, 20, 20, 1}, {1, 1, 1, 1}},
};

// The positions of the maxima in the whole batch, or in their image.
Tensor Positions(const PoolCase& c, const Tensor& x, DType index, bool in_batch) {
  std::vector<double> position(c.output.num_elements());
  const std::vector<double> values = ToDoubles(x);
  const int64_t image = c.input.num_elements() / c.input.dim(0);
  ForEachWindow(c, [&](int64_t o, const auto& cells) {
    const int64_t best = FirstMaximum(values, cells);
    position[o] = static_cast<double>(in_batch ? best : best % image);
  });
  return FromDoubles(index, c.output, position);
}

class MaxPoolWithArgmaxTest : public ::testing::TestWithParam<PoolCase> {};

TEST_P(MaxPoolWithArgmaxTest, MatchesPlainLoops) {
  const PoolCase& c = GetParam();
  for (const DType dtype : kPoolDTypes) {
    const Tensor x = Ties(dtype, c.input, 1), dy = RandomTensor(dtype, c.output, 2, 0, 4),
                 grads = RandomTensor(dtype, c.input, 3, 0, 4);
    const bool in_batch = dtype != DType::kFloat;
    const DType index = dtype == DType::kDouble ? DType::kInt32 : DType::kInt64;
    const Tensor argmax = Positions(c, x, index, in_batch);
    const auto op = [&](const char* name, int line) {
      return std::move(PoolOp(name, c, __FILE__, line).Attr("include_batch_in_index", in_batch));
    };
    op("MaxPoolWithArgmax", __LINE__)
        .Attr("Targmax", index)
        .Input(x)
        .ExpectAll({PooledMaxima(c, x), argmax});
    op("MaxPoolGradWithArgmax", __LINE__).Inputs({x, dy, argmax}).Expect(AtFirstMaxima(c, x, dy));
    op("MaxPoolGradGradWithArgmax", __LINE__)
        .Inputs({x, grads, argmax})
        .Expect(OfFirstMaxima(c, x, grads));
  }
}

TEST_P(MaxPoolWithArgmaxTest, GradientsAreNumeric) {
  const PoolCase& c = GetParam();
  if (c.input.num_elements() > 300) GTEST_SKIP() << "too many elements";
  const Tensor x = LadderTensor(DType::kDouble, c.input, 3);
  const Tensor argmax = Positions(c, x, DType::kInt64, false);
  PoolOp("MaxPoolWithArgmax", c).Input(x).CheckGradient();
  PoolOp("MaxPoolGradWithArgmax", c)
      .Inputs({x, RandomTensor(DType::kDouble, c.output, 4), argmax})
      .CheckGradient();
  PoolOp("MaxPoolGradGradWithArgmax", c)
      .Inputs({x, RandomTensor(DType::kDouble, c.input, 4), argmax})
      .CheckGradient();
}

INSTANTIATE_TEST_SUITE_P(All, MaxPoolWithArgmaxTest, ::testing::ValuesIn(kCases),
                         [](const auto& info) { return info.param.name; });

OpTest Pool2x2(const char* op, const char* file = __builtin_FILE(), int line = __builtin_LINE()) {
  return std::move(OpTest(op, file, line)
                       .Attr("ksize", {1, 2, 2, 1})
                       .Attr("strides", {1, 2, 2, 1})
                       .Attr("padding", "VALID"));
}

TEST(MaxPoolWithArgmax, ByHand) {
  const Tensor x = Tensor::Of<float>({2, 2, 2, 1}, {1, 4, 4, 2, 9, 3, 5, 7});
  Pool2x2("MaxPoolWithArgmax")
      .Input(x)
      .ExpectAll(
          {Tensor::Of<float>({2, 1, 1, 1}, {4, 9}), Tensor::Of<int64_t>({2, 1, 1, 1}, {1, 0})});
  Pool2x2("MaxPoolWithArgmax")
      .Attr("include_batch_in_index", true)
      .Attr("Targmax", DType::kInt32)
      .Input(x)
      .ExpectAll(
          {Tensor::Of<float>({2, 1, 1, 1}, {4, 9}), Tensor::Of<int32_t>({2, 1, 1, 1}, {1, 4})});
}

// A window begins with its first cell; then only a greater one replaces it.
TEST(MaxPoolWithArgmax, NaN) {
  const float nan = std::nanf("");
  Pool2x2("MaxPoolWithArgmax")
      .Input({1, 2, 4, 1}, {nan, 1, 1, nan, 2, 3, 2, nan})
      .ExpectAll(
          {Tensor::Of<float>({1, 1, 2, 1}, {nan, 2}), Tensor::Of<int64_t>({1, 1, 2, 1}, {0, 6})});
}

TEST(MaxPoolWithArgmax, EmptyBatch) {
  Pool2x2("MaxPoolWithArgmax")
      .Input({0, 4, 4, 2}, {})
      .ExpectAll(
          {Tensor::Zeros(DType::kFloat, {0, 2, 2, 2}), Tensor::Zeros(DType::kInt64, {0, 2, 2, 2})});
  Pool2x2("MaxPoolGradWithArgmax")
      .Input({0, 4, 4, 2}, {})
      .Input({0, 2, 2, 2}, {})
      .Input<int64_t>({0, 2, 2, 2}, {})
      .Expect({0, 4, 4, 2}, {});
}

TEST(MaxPoolWithArgmaxErrors, Rejected) {
  constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;
  const Tensor x = RandomTensor(DType::kFloat, {2, 2, 2, 1}),
               dy = RandomTensor(DType::kFloat, {2, 1, 1, 1});
  for (const int64_t outside : {int64_t{-1}, int64_t{4}, int64_t{1} << 62}) {
    const Tensor argmax = Tensor::Of<int64_t>({2, 1, 1, 1}, {0, outside});
    Pool2x2("MaxPoolGradWithArgmax")
        .Inputs({x, dy, argmax})
        .ExpectError(kInvalid, "Invalid output gradient index");
    Pool2x2("MaxPoolGradGradWithArgmax")
        .Inputs({x, x, argmax})
        .ExpectError(kInvalid, "Invalid output gradient index");
  }
  Pool2x2("MaxPoolGradWithArgmax")
      .Attr("include_batch_in_index", true)
      .Inputs({x, dy, Tensor::Of<int64_t>({2, 1, 1, 1}, {0, 3})})
      .ExpectError(kInvalid, "is not in [4, 8)");
  Pool2x2("MaxPoolGradWithArgmax")
      .Inputs({x, x, Tensor::Of<int64_t>({2, 1, 1, 1}, {0, 3})})
      .ExpectError(kInvalid, "Dimensions must be equal, but grad is");
  Pool2x2("MaxPoolGradWithArgmax")
      .Inputs({x, dy, Tensor::Zeros(DType::kInt64, {2, 2, 2, 1})})
      .ExpectError(kInvalid, "Dimensions must be equal, but argmax is");
  Pool2x2("MaxPoolWithArgmax")
      .Input(RandomTensor(DType::kFloat, {2, 2, 2}))
      .ExpectError(kInvalid, "Shape must be rank 4 but is rank 3");
}

}  // namespace
}  // namespace sluice
