#include "ops/random_gamma.h"

#include <cmath>
#include <vector>

#include "graph/evaluate.h"
#include "graph/gradients.h"
#include "graph/graph.h"
#include "ops/all_ops.h"
#include "ops/placeholder.h"
#include "session/session.h"
#include "tests/testing/op_test.h"
#include "tests/testing/statistics.h"

namespace sluice {
namespace {

using absl::StatusCode;

Tensor Gammas(const std::vector<int32_t>& shape, const Tensor& alpha, int threads = 1,
              uint64_t run = 0) {
  EvaluateOptions options;
  options.threads = threads;
  options.random_run = run;
  const auto out = EvaluateOp(
      *ops::Builtin().Find("RandomGamma"),
      {{"T", alpha.dtype()}, {"S", DType::kInt32}, {"seed", int64_t{7}}, {"seed2", int64_t{8}}},
      {Tensor::Of<int32_t>({static_cast<int64_t>(shape.size())}, shape), alpha}, options);
  if (!out.ok()) {
    ADD_FAILURE() << out.status();
    return {};
  }
  return (*out)[0];
}

// Gamma(alpha) has mean and variance alpha.
TEST(RandomGammaTest, MomentsForEveryAlpha) {
  const std::vector<double> alphas = {.25, 1, 1.5, 20};
  for (const DType dtype : {DType::kFloat, DType::kDouble, DType::kHalf}) {
    const int64_t n = 40000;
    const Tensor x = Gammas({200, 200}, FromDoubles(dtype, {2, 2}, alphas), 2);
    ASSERT_EQ(x.shape(), (TensorShape{200, 200, 2, 2}));
    const std::vector<double> all = ToDoubles(x);
    for (size_t a = 0; a < 4; ++a) {
      std::vector<double> samples;
      for (int64_t i = 0; i < n; ++i) samples.push_back(all[4 * i + a]);
      const Statistics s = StatisticsOf(samples);
      // The mean's deviation is sqrt(alpha / n), the variance's about alpha sqrt((2 + 6/alpha) /
      // n).
      EXPECT_NEAR(s.mean, alphas[a], 4 * std::sqrt(alphas[a] / n) + 1e-3 * alphas[a]);
      EXPECT_NEAR(s.variance, alphas[a],
                  4 * alphas[a] * std::sqrt((2 + 6 / alphas[a]) / n) + 2e-3 * alphas[a]);
      EXPECT_GE(s.low, 0);
    }
  }
}

// Gamma(1) is the exponential distribution: ten slices of equal probability.
TEST(RandomGammaTest, AlphaOneIsExponential) {
  const std::vector<double> x = ToDoubles(Gammas({10000}, Tensor::Scalar(1.0)));
  std::vector<double> counts(10, 0);
  for (const double v : x) ++counts.at(static_cast<size_t>((1 - std::exp(-v)) * 10));
  EXPECT_LT(ChiSquare(counts, std::vector<double>(10, 1000)), ChiSquareBound(10));
}

TEST(RandomGammaTest, ThreadsDoNotMatterRunsDo) {
  const Tensor alpha = Tensor::Of<float>({2}, {.5f, 3});
  EXPECT_TRUE(BitEqual(Gammas({500}, alpha, 1), Gammas({500}, alpha, 4)));
  EXPECT_FALSE(BitEqual(Gammas({500}, alpha), Gammas({500}, alpha, 1, 1)));
}

TEST(RandomGammaTest, EdgesAndErrors) {
  const std::vector<double> edge = ToDoubles(Gammas({}, Tensor::Of<double>({3}, {0, -1, NAN})));
  EXPECT_EQ(edge[0], 0);
  EXPECT_TRUE(std::isnan(edge[1]) && std::isnan(edge[2]));
  EXPECT_EQ(Gammas({2, 0}, Tensor::Scalar(1.0f)).shape(), (TensorShape{2, 0}));
  EXPECT_EQ(Gammas({2}, Tensor::Zeros(DType::kFloat, {0})).shape(), (TensorShape{2, 0}));
  OpTest("RandomGamma")
      .Input<int32_t>({1}, {-1})
      .Input({1}, {1})
      .ExpectError(StatusCode::kInvalidArgument, "must be >= 0, got [?]");
  OpTest("RandomGamma")
      .Input<int64_t>({}, {2})
      .Input({1}, {1})
      .ExpectError(StatusCode::kInvalidArgument, "Shape must be rank 1");
}

// The samples of Gamma(1) are -log(1 - u); F(x; a) = const along the path gives dx/da =
// -(dF/da) / f. For a = 1: dF/da = d/da P(a, x), by differences of the integral computed with
// Simpson's rule.
double SlowP(double a, double x) {
  // t = x s^4 removes the singularity at 0: the integrand is 4 x^a s^(4a-1) exp(-x s^4).
  const int n = 20000;
  double sum = 0;
  for (int i = 0; i <= n; ++i) {
    const double s = static_cast<double>(i) / n;
    const double f =
        i == 0 ? 0 : 4 * std::pow(x, a) * std::pow(s, 4 * a - 1) * std::exp(-x * s * s * s * s);
    sum += f * (i == 0 || i == n ? 1 : i % 2 ? 4 : 2);
  }
  return sum / (3.0 * n) / std::tgamma(a);
}

TEST(RandomGammaGradTest, IsTheImplicitDerivative) {
  const std::vector<double> alphas = {.5, 1, 2.5, 8}, samples = {.3, 1.2, 4};
  std::vector<double> want;
  for (const double a : alphas) {
    for (const double x : samples) {
      const double h = 1e-4;
      const double dp = (SlowP(a + h, x) - SlowP(a - h, x)) / (2 * h);
      const double density = std::pow(x, a - 1) * std::exp(-x) / std::tgamma(a);
      want.push_back(-dp / density);
    }
  }
  for (const DType dtype : kFloatDTypes) {
    OpTest("RandomGammaGrad")
        .Input(FromDoubles(dtype, {4, 1}, alphas))
        .Input(FromDoubles(dtype, {3}, samples))
        .Expect(FromDoubles(dtype, {4, 3}, want), {1e-4, 1e-5});
  }
  OpTest("RandomGammaGrad").Input({0}, {}).Input({1}, {1}).Expect({0}, {});
  OpTest("RandomGammaGrad")
      .Input({2}, {1, 1})
      .Input({3}, {1, 1, 1})
      .ExpectError(StatusCode::kInvalidArgument, "must be equal, but are 2 and 3");
}

// dy/dalpha is the sum of dy times the samples' derivatives, over the samples of each alpha.
TEST(RandomGammaTest, Gradient) {
  Graph graph(ops::Builtin());
  const At at = Scope::Root(graph);
  for (const bool known : {true, false}) {
    const Tensor value = Tensor::Of<double>({2}, {.7, 3});
    const Output alpha =
        ops::Placeholder(at, DType::kDouble, known ? TensorShape{2} : TensorShape::Unknown());
    const Output y = ops::RandomGamma(at, {3, 2}, alpha, 5);
    const Output dalpha = Gradients(at, {y}, {alpha}).at(0);
    ASSERT_THAT(graph.status(), IsOk());
    auto session = Session::Create(graph);
    ASSERT_THAT(session, IsOk());
    const auto out = session->Run({{alpha, value}}, {y, dalpha});
    ASSERT_THAT(out, IsOk());
    const auto partial = EvaluateOp(*ops::Builtin().Find("RandomGammaGrad"),
                                    {{"T", DType::kDouble}}, {value, (*out)[0]});
    ASSERT_THAT(partial, IsOk());
    std::vector<double> want(2, 0);
    for (int i = 0; i < 12; ++i) want[i % 2] += (*partial)[0].data<double>()[i];
    ExpectClose((*out)[1], Tensor::Of<double>({2}, want));
  }
}

}  // namespace
}  // namespace sluice
