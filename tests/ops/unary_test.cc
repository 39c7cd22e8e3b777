#include "ops/unary.h"

#include <cmath>
#include <complex>
#include <limits>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "tests/testing/op_test.h"

namespace sluice {
namespace {

constexpr float kInf = std::numeric_limits<float>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

double Sigmoid(double x) { return 1 / (1 + std::exp(-x)); }
double Sign(double x) { return (x > 0) - (x < 0); }

// A row per function: the scalar twin, where it is defined, where it must not be differentiated,
// what else it takes.
struct UnaryCase {
  const char* op;
  double (*twin)(double);
  double low, high;
  std::vector<double> kinks = {};
  bool differentiable = true;
};

const UnaryCase kUnaryCases[] = {
    {"Neg", [](double x) { return -x; }, -3, 3},
    {"Abs", [](double x) { return std::abs(x); }, -3, 3, {0}},
    {"Sign", Sign, -3, 3, {0}},
    {"Square", [](double x) { return x * x; }, -3, 3},
    {"Sqrt", [](double x) { return std::sqrt(x); }, 0.1, 4},
    {"Rsqrt", [](double x) { return 1 / std::sqrt(x); }, 0.1, 4},
    {"Reciprocal", [](double x) { return 1 / x; }, 0.3, 3},
    {"Inv", [](double x) { return 1 / x; }, -3, -0.3},
    {"Exp", [](double x) { return std::exp(x); }, -3, 3},
    {"Expm1", [](double x) { return std::expm1(x); }, -1, 1},
    {"Log", [](double x) { return std::log(x); }, 0.1, 9},
    {"Log1p", [](double x) { return std::log1p(x); }, -0.8, 3},
    {"Sigmoid", Sigmoid, -6, 6},
    {"Sin", [](double x) { return std::sin(x); }, -7, 7},
    {"Cos", [](double x) { return std::cos(x); }, -7, 7},
    {"Tan", [](double x) { return std::tan(x); }, -1.2, 1.2},
    {"Asin", [](double x) { return std::asin(x); }, -0.9, 0.9},
    {"Acos", [](double x) { return std::acos(x); }, -0.9, 0.9},
    {"Atan", [](double x) { return std::atan(x); }, -4, 4},
    {"Sinh", [](double x) { return std::sinh(x); }, -3, 3},
    {"Cosh", [](double x) { return std::cosh(x); }, -3, 3},
    {"Tanh", [](double x) { return std::tanh(x); }, -3, 3},
    {"Asinh", [](double x) { return std::asinh(x); }, -4, 4},
    {"Acosh", [](double x) { return std::acosh(x); }, 1.2, 5},
    {"Atanh", [](double x) { return std::atanh(x); }, -0.9, 0.9},
    {"Erf", [](double x) { return std::erf(x); }, -2, 2},
    {"Erfc", [](double x) { return std::erfc(x); }, -2, 2},
    {"Lgamma", [](double x) { return std::lgamma(x); }, 0.3, 6},
    {"Floor", [](double x) { return std::floor(x); }, -3, 3, {}, false},
    {"Ceil", [](double x) { return std::ceil(x); }, -3, 3, {}, false},
    {"Round", [](double x) { return std::nearbyint(x); }, -3, 3, {}, false},
    {"Rint", [](double x) { return std::nearbyint(x); }, -3, 3, {}, false},
};

class UnaryTest : public ::testing::TestWithParam<UnaryCase> {
 protected:
  Tensor Input(DType dtype, const TensorShape& shape) const {
    const UnaryCase& c = GetParam();
    return MovedOff(RandomTensor(dtype, shape, 3, c.low, c.high), c.kinks);
  }
  Tensor Want(const Tensor& x) const {
    std::vector<double> values = ToDoubles(x);
    for (double& v : values) v = GetParam().twin(v);
    return FromDoubles(x.dtype(), x.shape(), values);
  }
};

TEST_P(UnaryTest, MatchesScalarTwin) {
  const TensorShape shapes[] = {{}, {1}, {7}, {0, 3}, {2, 3, 5}, {1, 67}};
  for (DType dtype : kFloatDTypes) {
    for (const TensorShape& shape : shapes) {
      const Tensor x = Input(dtype, shape);
      OpTest(GetParam().op).Input(x).Expect(Want(x));
    }
  }
}

TEST_P(UnaryTest, NarrowTypesGoThroughFloat) {
  for (DType dtype : {DType::kHalf, DType::kBfloat16}) {
    const Tensor x = Input(dtype, {300});
    OpTest(GetParam().op).Input(x).Expect(Want(x));
  }
}

TEST_P(UnaryTest, LargeArraysAreTheSameInParts) {
  const Tensor x = Input(DType::kFloat, {200003});
  OpTest(GetParam().op).Input(x).Expect(Want(x), {3e-6, 3e-6});
}

TEST_P(UnaryTest, GradientIsNumeric) {
  if (!GetParam().differentiable) return;
  OpTest(GetParam().op).Input(Input(DType::kDouble, {3, 4})).CheckGradient();
}

INSTANTIATE_TEST_SUITE_P(All, UnaryTest, ::testing::ValuesIn(kUnaryCases),
                         [](const auto& info) { return std::string(info.param.op); });

TEST(UnaryTest, ByHand) {
  OpTest("Neg").Input({3}, {1, -2, 0}).Expect({3}, {-1, 2, 0});
  OpTest("Square").Input<int32_t>({3}, {-3, 0, 4}).Expect<int32_t>({3}, {9, 0, 16});
  OpTest("Sqrt").Input({2}, {9, 2}).Expect({2}, {3, 1.41421356f});
  OpTest("Exp").Input({2}, {0, 1}).Expect({2}, {1, 2.71828183f});
  OpTest("Sigmoid").Input({3}, {0, 2, -2}).Expect({3}, {0.5f, 0.88079708f, 0.11920292f});
  OpTest("Tanh").Input({2}, {0.5f, 100}).Expect({2}, {0.46211716f, 1});
  OpTest("Erf")
      .Input<double>({2}, {0.5, -1})
      .Expect<double>({2}, {0.5204998778130465, -0.8427007929497149});
  // psi(1) = -gamma, psi(1/2) = -gamma - 2 ln 2, psi(-1/2) = psi(1/2) + 2.
  OpTest("Digamma")
      .Input<double>({4}, {1, 0.5, -0.5, -2})
      .Expect<double>({4}, {-0.5772156649015329, -1.9635100260214235, 0.03648997397857652,
                            std::numeric_limits<double>::quiet_NaN()});
}

TEST(UnaryTest, SpecialValues) {
  OpTest("Sqrt").Input({3}, {-1, kInf, kNan}).Expect({3}, {kNan, kInf, kNan});
  OpTest("Log").Input({4}, {0, -1, kInf, kNan}).Expect({4}, {-kInf, kNan, kInf, kNan});
  OpTest("Exp").Input({4}, {-kInf, kInf, 89, -200}).Expect({4}, {0, kInf, kInf, 0});
  OpTest("Sigmoid").Input({4}, {-kInf, kInf, 100, -100}).Expect({4}, {0, 1, 1, 0});
  OpTest("Sign").Input({4}, {-kInf, kNan, 0, 1e-30f}).Expect({4}, {-1, 0, 0, 1});
  OpTest("Reciprocal").Input({3}, {0, -0.0f, kInf}).Expect({3}, {kInf, -kInf, 0});
  OpTest("Asin").Input({2}, {1.5f, -2}).Expect({2}, {kNan, kNan});
}

TEST(UnaryTest, RoundTakesHalvesToEven) {
  OpTest("Round")
      .Input({6}, {0.5f, 1.5f, 2.5f, -0.5f, -1.5f, 2.4f})
      .Expect({6}, {0, 2, 2, -0.0f, -2, 2});
  OpTest("Round").Input<int64_t>({2}, {-7, 7}).Expect<int64_t>({2}, {-7, 7});
  OpTest("Rint").Input<double>({2}, {-2.5, 3.5}).Expect<double>({2}, {-2, 4});
}

TEST(UnaryTest, IntegersWrapInsteadOfTrapping) {
  constexpr int32_t kMin = std::numeric_limits<int32_t>::min();
  OpTest("Neg").Input<int32_t>({2}, {kMin, 5}).Expect<int32_t>({2}, {kMin, -5});
  OpTest("Abs").Input<int32_t>({2}, {kMin, -5}).Expect<int32_t>({2}, {kMin, 5});
  OpTest("Abs").Input<int8_t>({3}, {-128, -1, 7}).Expect<int8_t>({3}, {-128, 1, 7});
  OpTest("Square").Input<int32_t>({1}, {65536}).Expect<int32_t>({1}, {0});
  OpTest("Sign").Input<int64_t>({3}, {-9, 0, 9}).Expect<int64_t>({3}, {-1, 0, 1});
}

TEST(UnaryTest, Predicates) {
  for (DType dtype : {DType::kFloat, DType::kDouble, DType::kHalf, DType::kBfloat16}) {
    const Tensor x = FromDoubles(dtype, {5}, {0, kInf, -kInf, kNan, 3});
    OpTest("IsNan").Input(x).Expect<bool>({5}, {false, false, false, true, false});
    OpTest("IsInf").Input(x).Expect<bool>({5}, {false, true, true, false, false});
    OpTest("IsFinite").Input(x).Expect<bool>({5}, {true, false, false, false, true});
  }
  OpTest("LogicalNot").Input<bool>({1, 2}, {true, false}).Expect<bool>({1, 2}, {false, true});
}

TEST(UnaryTest, ComplexNumbers) {
  using C = std::complex<double>;
  OpTest("Square").Input<C>({2}, {{1, 2}, {0, -1}}).Expect<C>({2}, {{-3, 4}, {-1, 0}});
  OpTest("Sign").Input<C>({2}, {{3, 4}, {0, 0}}).Expect<C>({2}, {{0.6, 0.8}, {0, 0}});
  OpTest("Exp").Input<C>({1}, {{0, M_PI}}).Expect<C>({1}, {{-1, 0}});
  OpTest("Expm1")
      .Input<C>({2}, {{1, 2}, {0, M_PI}})
      .Expect<C>({2}, {std::exp(C(1, 2)) - 1.0, {-2, 0}});
  OpTest("Log1p")
      .Input<C>({3}, {{1, 2}, {-2, 0}, {1e200, 0}})
      .Expect<C>({3}, {std::log(C(2, 2)), {0, M_PI}, {std::log(1e200), 0}});
  // Both are about z near 0.
  const Tensor tiny = Tensor::Of<C>({1}, {{1e-20, -2e-20}});
  OpTest("Expm1").Input(tiny).Expect(tiny, {1e-12, 0});
  OpTest("Log1p").Input(tiny).Expect(tiny, {1e-12, 0});
  const Tensor x = RandomTensor(DType::kComplex64, {5}, 2, 0.2, 0.9);
  for (const char* op :
       {"Neg", "Reciprocal", "Inv", "Sqrt", "Rsqrt", "Log", "Sigmoid", "Sin", "Cos", "Tan", "Asin",
        "Acos", "Atan", "Sinh", "Cosh", "Tanh", "Asinh", "Acosh", "Atanh"}) {
    EXPECT_THAT(OpTest(op).Input(x).Run(), IsOk()) << op;
  }
  OpTest("TanhGrad").Input<C>({1}, {{0, 1}}).Input<C>({1}, {{1, 0}}).Expect<C>({1}, {{2, 0}});
}

TEST(UnaryTest, TypesWithoutKernelAreNamed) {
  OpTest("Reciprocal")
      .Input<int32_t>({1}, {1})
      .ExpectError(absl::StatusCode::kUnimplemented, "no kernel for dtype int32");
  OpTest("Sqrt").Input<int32_t>({1}, {1}).ExpectError(absl::StatusCode::kInvalidArgument, "int32");
}

TEST(UnaryTest, BackwardOps) {
  OpTest("TanhGrad").Input({2}, {0.5f, -1}).Input({2}, {2, 3}).Expect({2}, {1.5f, 0});
  OpTest("SigmoidGrad").Input({2}, {0.5f, 1}).Input({2}, {2, 3}).Expect({2}, {0.5f, 0});
  OpTest("SqrtGrad").Input({1}, {2}).Input({1}, {3}).Expect({1}, {0.75f});
  OpTest("RsqrtGrad").Input({1}, {2}).Input({1}, {3}).Expect({1}, {-12});
  OpTest("ReciprocalGrad").Input({1}, {2}).Input({1}, {3}).Expect({1}, {-12});
  OpTest("InvGrad").Input({1}, {-2}).Input({1}, {1}).Expect({1}, {-4});
  OpTest("TanhGrad")
      .Input({2}, {1, 2})
      .Input({3}, {1, 2, 3})
      .ExpectError(absl::StatusCode::kInvalidArgument, "2");
}

TEST(UnaryTest, GradientsOfBackwardOps) {
  for (const char* op :
       {"TanhGrad", "SigmoidGrad", "SqrtGrad", "RsqrtGrad", "ReciprocalGrad", "InvGrad"}) {
    OpTest(op)
        .Input(RandomTensor(DType::kDouble, {2, 3}, 1, 0.5, 1.5))
        .Input(RandomTensor(DType::kDouble, {2, 3}, 2))
        .CheckGradient();
  }
}

}  // namespace
}  // namespace sluice
