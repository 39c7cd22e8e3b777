#include "ops/random_poisson.h"

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "graph/evaluate.h"
#include "ops/all_ops.h"
#include "tests/testing/op_test.h"
#include "tests/testing/statistics.h"

namespace sluice {
namespace {

using absl::StatusCode;

Tensor Poissons(const std::string& op, const std::vector<int32_t>& shape, const Tensor& rate,
                DType dtype, int threads = 1, uint64_t run = 0) {
  EvaluateOptions options;
  options.threads = threads;
  options.random_run = run;
  AttrMap attrs = {{"S", DType::kInt32}, {"seed", int64_t{3}}, {"dtype", dtype}};
  if (op == "RandomPoissonV2") attrs.emplace("R", rate.dtype());
  const auto out =
      EvaluateOp(*ops::Builtin().Find(op), attrs,
                 {Tensor::Of<int32_t>({static_cast<int64_t>(shape.size())}, shape), rate}, options);
  if (!out.ok()) {
    ADD_FAILURE() << out.status();
    return {};
  }
  return (*out)[0];
}

// Mean and variance are the rate.
TEST(RandomPoissonTest, Moments) {
  const std::vector<double> rates = {.5, 4, 10, 60};
  const int64_t n = 40000;
  const auto check = [&](const Tensor& x) {
    ASSERT_EQ(x.shape(), (TensorShape{n, 4}));
    const std::vector<double> all = ToDoubles(x);
    for (size_t r = 0; r < 4; ++r) {
      std::vector<double> samples;
      for (int64_t i = 0; i < n; ++i) samples.push_back(all[4 * i + r]);
      const Statistics s = StatisticsOf(samples);
      EXPECT_NEAR(s.mean, rates[r], 4 * std::sqrt(rates[r] / n));
      EXPECT_NEAR(s.variance, rates[r], 4 * rates[r] * std::sqrt((2 + 1 / rates[r]) / n));
      EXPECT_GE(s.low, 0);
      for (const double v : samples) ASSERT_EQ(v, std::floor(v));
    }
  };
  for (const DType dtype :
       {DType::kHalf, DType::kFloat, DType::kDouble, DType::kInt32, DType::kInt64}) {
    check(Poissons("RandomPoissonV2", {n}, FromDoubles(DType::kDouble, {4}, rates), dtype, 2));
  }
  check(Poissons("RandomPoisson", {n}, FromDoubles(DType::kFloat, {4}, rates), DType::kFloat));
}

// The probability of k is rate^k e^-rate / k!.
TEST(RandomPoissonTest, Frequencies) {
  for (const int rate : {2, 12}) {  // both methods
    const int n = 20000;
    const Tensor x = Poissons("RandomPoissonV2", {n}, Tensor::Scalar<int32_t>(rate), DType::kInt64);
    const int low = rate == 2 ? 0 : 6, cells = rate == 2 ? 6 : 13;
    std::vector<double> counts(cells + 1, 0), expected(cells + 1, 0);
    double rest = n;
    for (int c = 0; c < cells; ++c) {
      const int k = low + c;
      expected[c] = n * std::exp(k * std::log(rate) - rate - std::lgamma(k + 1));
      rest -= expected[c];
    }
    expected[cells] = rest;
    for (const double v : ToDoubles(x)) {
      const double c = v - low;
      ++counts[c >= 0 && c < cells ? static_cast<size_t>(c) : static_cast<size_t>(cells)];
    }
    EXPECT_LT(ChiSquare(counts, expected), ChiSquareBound(counts.size())) << rate;
  }
}

TEST(RandomPoissonTest, ThreadsDoNotMatterRunsDo) {
  const Tensor rate = Tensor::Of<float>({2}, {3, 30});
  const auto poissons = [&](int threads, uint64_t run) {
    return Poissons("RandomPoissonV2", {300}, rate, DType::kInt64, threads, run);
  };
  EXPECT_TRUE(BitEqual(poissons(1, 0), poissons(4, 0)));
  EXPECT_FALSE(BitEqual(poissons(1, 0), poissons(1, 1)));
}

TEST(RandomPoissonTest, Edges) {
  const Tensor x = Poissons("RandomPoissonV2", {}, Tensor::Of<double>({2}, {0, -5}), DType::kInt32);
  ExpectClose(x, Tensor::Of<int32_t>({2}, {0, 0}));
  EXPECT_EQ(Poissons("RandomPoissonV2", {0, 2}, Tensor::Scalar(1.0), DType::kInt64).shape(),
            (TensorShape{0, 2}));
  const double large = 1e9;
  const Tensor big = Poissons("RandomPoissonV2", {}, Tensor::Scalar(large), DType::kInt32);
  EXPECT_NEAR(big.scalar<int32_t>(), large, 1e6);
}

TEST(RandomPoissonTest, Errors) {
  const auto poisson = [](double rate, DType dtype) {
    return OpTest("RandomPoissonV2")
        .Attr("dtype", dtype)
        .Input<int32_t>({1}, {2})
        .Input(Tensor::Scalar(rate));
  };
  for (const double rate : {1e10, static_cast<double>(INFINITY), static_cast<double>(NAN)}) {
    poisson(rate, DType::kInt32)
        .ExpectError(StatusCode::kInvalidArgument, "rate must be a number up to");
  }
  poisson(1e5, DType::kHalf).ExpectError(StatusCode::kInvalidArgument, "up to 65504");
  OpTest("RandomPoissonV2")
      .Input<int32_t>({1}, {-1})
      .Input<double>({}, {1})
      .ExpectError(StatusCode::kInvalidArgument, "must be >= 0");
}

}  // namespace
}  // namespace sluice
