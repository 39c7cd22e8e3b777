#include "ops/parameterized_truncated_normal.h"

#include <cmath>
#include <limits>
#include <vector>

#include "graph/evaluate.h"
#include "ops/all_ops.h"
#include "tests/testing/op_test.h"
#include "tests/testing/statistics.h"

namespace sluice {
namespace {

using absl::StatusCode;

constexpr double kInf = std::numeric_limits<double>::infinity();

Tensor Sample(const std::vector<int32_t>& shape, const std::vector<Tensor>& parameters,
              int threads = 1, uint64_t run = 0) {
  std::vector<Tensor> inputs = {Tensor::Of<int32_t>({static_cast<int64_t>(shape.size())}, shape)};
  inputs.insert(inputs.end(), parameters.begin(), parameters.end());
  EvaluateOptions options;
  options.threads = threads;
  options.random_run = run;
  const auto out =
      EvaluateOp(*ops::Builtin().Find("ParameterizedTruncatedNormal"),
                 {{"dtype", parameters[0].dtype()}, {"T", DType::kInt32}, {"seed", int64_t{9}}},
                 inputs, options);
  if (!out.ok()) {
    ADD_FAILURE() << out.status();
    return {};
  }
  return (*out)[0];
}

double Phi(double x) { return .5 * std::erfc(-x / std::sqrt(2)); }

// Every method of sampling, and mirrored bounds: twenty slices of equal probability between them.
TEST(ParameterizedTruncatedNormalTest, FollowsTheCutNormal) {
  struct Case {
    double mean, stdev, low, high;
  };
  const std::vector<Case> cases = {
      {0, 1, -2, 2}, {3, 2, 0, kInf}, {3, 2, -kInf, 6},   {0, 1, .1, .2},      {0, 1, -.2, -.1},
      {0, 1, 2, 6},  {0, 1, -6, -2},  {1, .5, 2.5, kInf}, {1, .5, -kInf, -.5}, {0, 1, -0.5, 0.25}};
  const int n = 20000, cells = 20;
  for (const Case& c : cases) {
    const Tensor x = Sample({1, n},
                            {Tensor::Scalar(c.mean), Tensor::Scalar(c.stdev), Tensor::Scalar(c.low),
                             Tensor::Scalar(c.high)},
                            2);
    // The tail is taken where it is small, or differences of numbers near 1 would lose it.
    const double side = c.low >= c.mean ? -1 : 1;
    const auto cdf = [&](double v) { return Phi(side * (v - c.mean) / c.stdev); };
    const double first = cdf(c.low), last = cdf(c.high);
    std::vector<double> counts(cells, 0);
    for (const double v : ToDoubles(x)) {
      ASSERT_GE(v, c.low);
      ASSERT_LE(v, c.high);
      const auto cell = static_cast<size_t>((cdf(v) - first) / (last - first) * cells);
      ++counts[std::min<size_t>(cell, cells - 1)];
    }
    EXPECT_LT(ChiSquare(counts, std::vector<double>(cells, n / cells)), ChiSquareBound(cells))
        << "mean " << c.mean << " in [" << c.low << ", " << c.high << "]";
  }
}

TEST(ParameterizedTruncatedNormalTest, RowsHaveParametersOfTheirOwn) {
  for (const DType dtype : {DType::kFloat, DType::kDouble, DType::kHalf, DType::kBfloat16}) {
    const Tensor x =
        Sample({2, 3, 500}, {FromDoubles(dtype, {2}, {0, 100}), FromDoubles(dtype, {1}, {1}),
                             FromDoubles(dtype, {2}, {-1, 100}), FromDoubles(dtype, {}, {101})});
    ASSERT_EQ(x.shape(), (TensorShape{2, 3, 500}));
    const std::vector<double> all = ToDoubles(x);
    const Statistics first = StatisticsOf({all.begin(), all.begin() + 1500});
    const Statistics second = StatisticsOf({all.begin() + 1500, all.end()});
    EXPECT_GE(first.low, -1);
    EXPECT_GT(first.high, 1.5);
    EXPECT_GE(second.low, 100);
    EXPECT_LE(second.high, 101);
  }
}

TEST(ParameterizedTruncatedNormalTest, ThreadsDoNotMatterRunsDo) {
  const std::vector<Tensor> standard = {Tensor::Scalar(0.0f), Tensor::Scalar(1.0f),
                                        Tensor::Scalar(-2.0f), Tensor::Scalar(2.0f)};
  EXPECT_TRUE(BitEqual(Sample({700}, standard), Sample({700}, standard, 4)));
  EXPECT_FALSE(BitEqual(Sample({700}, standard), Sample({700}, standard, 1, 1)));
  EXPECT_EQ(Sample({0, 3}, standard).shape(), (TensorShape{0, 3}));
}

TEST(ParameterizedTruncatedNormalTest, Errors) {
  const auto sample = [](std::initializer_list<int32_t> shape, const Tensor& mean,
                         const std::vector<float>& rest) {
    OpTest test("ParameterizedTruncatedNormal");
    test.Input(Tensor::Of<int32_t>({static_cast<int64_t>(shape.size())}, shape)).Input(mean);
    for (const float v : rest) test.Input(Tensor::Scalar(v));
    return test;
  };
  const Tensor zero = Tensor::Scalar(0.0f);
  for (const std::vector<float>& bad : std::vector<std::vector<float>>{
           {0, -1, 1}, {-1, -1, 1}, {1, 1, 1}, {1, 2, 1}, {NAN, -1, 1}, {1, NAN, 1}}) {
    sample({2}, zero, bad).ExpectError(StatusCode::kInvalidArgument, "Invalid parameters");
  }
  sample({2}, zero, {1, -INFINITY, INFINITY})
      .ExpectError(StatusCode::kInvalidArgument, "Invalid parameters");
  sample({2}, Tensor::Zeros(DType::kFloat, {3}), {1, -1, 1})
      .ExpectError(StatusCode::kInvalidArgument,
                   "Input means should have length 1 or shape[0], got shape: [3]");
  sample({2}, Tensor::Zeros(DType::kFloat, {1, 1}), {1, -1, 1})
      .ExpectError(StatusCode::kInvalidArgument,
                   "Input means should be a scalar or vector, got shape: [");
  sample({}, zero, {1, -1, 1}).ExpectError(StatusCode::kInvalidArgument, "one dimension at least");
  sample({-1}, zero, {1, -1, 1}).ExpectError(StatusCode::kInvalidArgument, "must be >= 0");
}

}  // namespace
}  // namespace sluice
