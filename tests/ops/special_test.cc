#include "ops/special.h"

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "ops/unary.h"
#include "tests/testing/op_test.h"

namespace sluice {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kInf = std::numeric_limits<double>::infinity();

// What special_math.h computes is compared with closed forms and with sums and integrals of its
// own definition.
Tensor Doubles(const std::vector<double>& values) {
  return Tensor::Of<double>({static_cast<int64_t>(values.size())}, values);
}

constexpr Tolerance kClose = {1e-9, 1e-9};

TEST(SpecialTest, IncompleteGammaClosedForms) {
  // P(1, x) = 1 - exp(-x), P(1/2, x) = erf(sqrt(x)), P(2, x) = 1 - (1 + x) exp(-x).
  const std::vector<double> a = {1, 0.5, 2, 1, 0.5}, x = {0.7, 0.3, 3, 20, 4};
  std::vector<double> lower = {1 - std::exp(-0.7), std::erf(std::sqrt(0.3)), 1 - 4 * std::exp(-3.0),
                               1 - std::exp(-20.0), std::erf(2.0)};
  OpTest("Igamma").Input(Doubles(a)).Input(Doubles(x)).Expect(Doubles(lower), kClose);
  const std::vector<double> upper = {std::exp(-0.7), std::erfc(std::sqrt(0.3)), 4 * std::exp(-3.0),
                                     std::exp(-20.0), std::erfc(2.0)};
  OpTest("Igammac").Input(Doubles(a)).Input(Doubles(x)).Expect(Doubles(upper), kClose);
}

TEST(SpecialTest, IncompleteGammaAtTheEdges) {
  OpTest("Igamma")
      .Input<double>({4}, {1, 1, -1, 0})
      .Input<double>({4}, {0, -1, 1, 1})
      .Expect<double>({4}, {0, kNan, kNan, kNan});
  OpTest("Igammac")
      .Input<double>({3}, {1, 1, -1})
      .Input<double>({3}, {0, -1, 1})
      .Expect<double>({3}, {1, kNan, kNan});
}

TEST(SpecialTest, FloatsAreRoundedOnce) {
  OpTest("Igamma").Input({}, {1}).Input({2}, {0.5f, 2}).Expect({2}, {0.39346934f, 0.86466472f});
  OpTest("Zeta").Input({}, {2}).Input({2}, {1, 2}).Expect({2}, {1.64493407f, 0.64493407f});
  OpTest("Polygamma").Input({2}, {0, 1}).Input({}, {1}).Expect({2}, {-0.57721566f, 1.64493407f});
  OpTest("BesselI0e").Input({2}, {0, 1}).Expect({2}, {1, 0.46575961f});
}

TEST(SpecialTest, ZetaIsItsSum) {
  const std::vector<double> x = {2, 3, 4.5, 6}, q = {1, 0.5, 2.5, 7};
  std::vector<double> want;
  for (size_t i = 0; i < x.size(); ++i) {
    // The sum of the first terms, the integral of the others and Euler's and Maclaurin's first
    // corrections.
    double sum = 0;
    const int n = 2000;
    for (int k = 0; k < n; ++k) sum += std::pow(q[i] + k, -x[i]);
    const double end = q[i] + n;
    want.push_back(sum + std::pow(end, 1 - x[i]) / (x[i] - 1) + 0.5 * std::pow(end, -x[i]) +
                   x[i] / 12 * std::pow(end, -x[i] - 1));
  }
  OpTest("Zeta").Input(Doubles(x)).Input(Doubles(q)).Expect(Doubles(want), kClose);
  OpTest("Zeta")
      .Input<double>({4}, {1, 0.5, 2, 2.5})
      .Input<double>({4}, {1, 1, -1, -0.5})
      .Expect<double>({4}, {kInf, kNan, kInf, kNan});
}

TEST(SpecialTest, PolygammaClosedForms) {
  const double pi2 = M_PI * M_PI;
  OpTest("Polygamma")
      .Input<double>({5}, {1, 1, 3, 1.5, 1})
      .Input<double>({5}, {1, 0.5, 1, 1, 2})
      .Expect(Tensor::Of<double>({5}, {pi2 / 6, pi2 / 2, pi2 * pi2 / 15, kNan, pi2 / 6 - 1}),
              kClose);
}

TEST(SpecialTest, BetaincIsAPolynomial) {
  // I_x(2, 3) = 6 x^2 - 8 x^3 + 3 x^4, I_x(1, b) = 1 - (1 - x)^b.
  std::vector<double> x, want;
  for (int i = 0; i <= 10; ++i) {
    const double v = 0.1 * i;
    x.push_back(v);
    want.push_back(6 * v * v - 8 * v * v * v + 3 * v * v * v * v);
  }
  OpTest("Betainc")
      .Input<double>({}, {2})
      .Input<double>({}, {3})
      .Input(Doubles(x))
      .Expect(Doubles(want), kClose);
  OpTest("Betainc")
      .Input<double>({2}, {1, 1})
      .Input<double>({2}, {2, 4})
      .Input<double>({}, {0.5})
      .Expect(Doubles({0.75, 0.9375}), kClose);
  OpTest("Betainc").Input({}, {1}).Input({}, {2}).Input({}, {0.25f}).Expect({}, {0.4375f});
  OpTest("Betainc")
      .Input({4}, {0, 2, 2, 2})
      .Input({4}, {3, -1, 3, 3})
      .Input({4}, {0.5f, 0.5f, -1, 2})
      .Expect({4}, {static_cast<float>(kNan), static_cast<float>(kNan), static_cast<float>(kNan),
                    static_cast<float>(kNan)});
}

TEST(SpecialTest, BetaincShapes) {
  OpTest("Betainc")
      .Input({2}, {1, 1})
      .Input({3}, {1, 1, 1})
      .Input({}, {0.5f})
      .ExpectError(absl::StatusCode::kInvalidArgument, "");
  OpTest op("Betainc");
  op.Input({2}, {1, 1}).Input({}, {1}).Input({2}, {0.5f, 0.5f});
  EXPECT_EQ(op.InferShape({{-1}, {}, {2}}).value(), TensorShape({2}));
  EXPECT_EQ(op.InferShape({TensorShape::Unknown(), {}, {}}).value(), TensorShape::Unknown());
  EXPECT_EQ(op.InferShape({TensorShape::Unknown(), {}, {2}}).value(), TensorShape({2}));
}

// exp(-|x|) times the sum of (x / 2)^(2 k + n) / (k! (k + n)!).
double BesselIe(int n, double x) {
  double term = n == 0 ? 1 : x / 2, sum = 0;
  for (int k = 1; k < 200; ++k) {
    sum += term;
    term *= x * x / 4 / k / (k + n);
  }
  return sum * std::exp(-std::abs(x));
}

TEST(SpecialTest, BesselFunctionsAreTheirSeries) {
  std::vector<double> x, zeroth, first;
  for (double v = -12; v <= 12; v += 1.5) {
    x.push_back(v);
    zeroth.push_back(BesselIe(0, v));
    first.push_back(BesselIe(1, v));
  }
  OpTest("BesselI0e").Input(Doubles(x)).Expect(Doubles(zeroth), kClose);
  OpTest("BesselI1e").Input(Doubles(x)).Expect(Doubles(first), kClose);
  for (const DType dtype : {DType::kHalf, DType::kBfloat16}) {
    OpTest("BesselI0e")
        .Input(FromDoubles(dtype, {3}, {0, 1, -2}))
        .Expect(FromDoubles(dtype, {3}, {1, BesselIe(0, 1), BesselIe(0, 2)}));
  }
}

TEST(SpecialTest, EmptyAndMisfits) {
  OpTest("Igamma").Input({0, 2}, {}).Input({2}, {1, 2}).Expect({0, 2}, {});
  OpTest("Zeta")
      .Input({2}, {2, 3})
      .Input({3}, {1, 2, 3})
      .ExpectError(absl::StatusCode::kInvalidArgument, "must be equal, but are 2 and 3");
}

TEST(SpecialTest, Gradients) {
  const Tensor a = RandomTensor(DType::kDouble, {3, 1}, 1, 0.5, 3);
  const Tensor x = RandomTensor(DType::kDouble, {2}, 2, 0.3, 4);
  OpTest("Igamma").Input(a).Input(x).CheckGradient({.tolerance = 1e-5});
  OpTest("Igammac").Input(a).Input(x).CheckGradient({.tolerance = 1e-5});
  OpTest("Zeta")
      .Input(RandomTensor(DType::kDouble, {3, 1}, 1, 1.5, 4))
      .Input(x)
      .CheckGradient({.wrt = {1}, .no_gradient = {0}, .tolerance = 1e-5});
  OpTest("Polygamma")
      .Input<double>({3, 1}, {0, 1, 2})
      .Input(RandomTensor(DType::kDouble, {2}, 2, 1, 4))
      .CheckGradient({.wrt = {1}, .no_gradient = {0}, .tolerance = 1e-5});
  OpTest("Betainc")
      .Input(RandomTensor(DType::kDouble, {4}, 1, 0.5, 3))
      .Input(RandomTensor(DType::kDouble, {4}, 2, 0.5, 3))
      .Input<double>({}, {0.4})
      .CheckGradient({.wrt = {2}, .no_gradient = {0, 1}, .tolerance = 1e-5});
  const Tensor off_zero = MovedOff(RandomTensor(DType::kDouble, {6}, 3, -4, 4), {0});
  OpTest("BesselI0e").Input(off_zero).CheckGradient();
  OpTest("BesselI1e").Input(off_zero).CheckGradient();
  OpTest("Digamma").Input(RandomTensor(DType::kDouble, {4}, 3, 0.5, 4)).CheckGradient();
}

TEST(SpecialTest, SlopeOfBesselI1eAtZeroIsAHalf) {
  OpTest("BesselI1e").Input<double>({1}, {0}).CheckGradient({.tolerance = 1e-4});
}

}  // namespace
}  // namespace sluice
