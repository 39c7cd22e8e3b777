#include "ops/relu.h"

#include <cmath>
#include <functional>
#include <limits>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "tests/testing/op_test.h"

namespace sluice {
namespace {

constexpr double kScale = 1.0507009873554805, kAlpha = 1.6732632423543772;

// An activation: f, and its gradient op's derivative as a function of what the op takes.
struct ActivationCase {
  std::string op, grad_op;
  double (*f)(double x);
  double (*derivative)(double at);
  std::vector<double> kinks = {};
  bool grad_takes_output = false;
  bool second_derivative = false;  // the gradient op's second input has a gradient
  bool integers = false;
};

const ActivationCase kCases[] = {
    {"Relu",
     "ReluGrad",
     [](double x) { return std::max(x, 0.0); },
     [](double a) { return a > 0 ? 1.0 : 0.0; },
     {0},
     true,
     false,
     true},
    {"Relu6",
     "Relu6Grad",
     [](double x) { return std::min(std::max(x, 0.0), 6.0); },
     [](double a) { return a > 0 && a < 6 ? 1.0 : 0.0; },
     {0, 6},
     true,
     false,
     true},
    {"LeakyRelu",
     "LeakyReluGrad",
     [](double x) { return x > 0 ? x : 0.2f * x; },
     [](double a) { return a > 0 ? 1.0 : 0.2f; },
     {0}},
    {"Elu",
     "EluGrad",
     [](double x) { return x < 0 ? std::exp(x) - 1 : x; },
     [](double a) { return a < 0 ? a + 1 : 1.0; },
     {0},
     true,
     true},
    {"Selu",
     "SeluGrad",
     [](double x) { return kScale * (x < 0 ? kAlpha * (std::exp(x) - 1) : x); },
     [](double a) { return a < 0 ? a + kScale * kAlpha : kScale; },
     {0},
     true,
     true},
    {"Softplus",
     "SoftplusGrad",
     [](double x) { return std::log(1 + std::exp(x)); },
     [](double a) { return 1 / (1 + std::exp(-a)); },
     {},
     false,
     true},
    {"Softsign",
     "SoftsignGrad",
     [](double x) { return x / (1 + std::abs(x)); },
     [](double a) { return 1 / ((1 + std::abs(a)) * (1 + std::abs(a))); },
     {0},
     false,
     true},
};

Tensor Map(const Tensor& t, const std::function<double(double)>& f) {
  std::vector<double> values = ToDoubles(t);
  for (double& v : values) v = f(v);
  return FromDoubles(t.dtype(), t.shape(), values);
}

class ActivationTest : public ::testing::TestWithParam<ActivationCase> {};

TEST_P(ActivationTest, MatchesTheFormula) {
  const ActivationCase& c = GetParam();
  for (const DType dtype : {DType::kFloat, DType::kDouble, DType::kHalf, DType::kBfloat16}) {
    for (const TensorShape& shape :
         {TensorShape(), TensorShape({0}), TensorShape({1}), TensorShape({3, 37}),
          TensorShape({2, 0, 3}), TensorShape({600, 1031})}) {
      if (shape.num_elements() > 1000 && dtype != DType::kFloat) continue;
      const Tensor x = RandomTensor(dtype, shape, 1, -8, 8);
      OpTest(c.op).Input(x).Expect(Map(x, c.f),
                                   dtype == DType::kFloat ? Tolerance{2e-6, 2e-6} : Tolerance());
    }
  }
}

TEST_P(ActivationTest, GradientOpMatchesTheFormula) {
  const ActivationCase& c = GetParam();
  for (const DType dtype : {DType::kFloat, DType::kDouble, DType::kHalf, DType::kBfloat16}) {
    const Tensor at = RandomTensor(dtype, {5, 67}, 1, -1.5, 8),
                 dy = RandomTensor(dtype, {5, 67}, 2);
    const std::vector<double> a = ToDoubles(at), g = ToDoubles(dy);
    std::vector<double> want(a.size());
    for (size_t i = 0; i < a.size(); ++i) want[i] = g[i] * c.derivative(a[i]);
    OpTest(c.grad_op).Input(dy).Input(at).Expect(FromDoubles(dtype, {5, 67}, want));
  }
}

TEST_P(ActivationTest, GradientIsNumeric) {
  const ActivationCase& c = GetParam();
  const Tensor x = MovedOff(RandomTensor(DType::kDouble, {4, 11}, 3, -3, 8), c.kinks);
  OpTest(c.op).Input(x).CheckGradient();
}

TEST_P(ActivationTest, SecondGradientIsNumeric) {
  const ActivationCase& c = GetParam();
  const Tensor at = MovedOff(RandomTensor(DType::kDouble, {4, 11}, 3, -1, 7), c.kinks);
  GradientCheckOptions options;
  options.no_gradient = c.second_derivative ? std::vector<int>{} : std::vector<int>{1};
  if (!c.second_derivative) options.wrt = {0};
  OpTest(c.grad_op)
      .Input(RandomTensor(DType::kDouble, {4, 11}, 4))
      .Input(at)
      .CheckGradient(options);
}

TEST_P(ActivationTest, KeepsNaNAndServesInfinity) {
  const ActivationCase& c = GetParam();
  const float inf = std::numeric_limits<float>::infinity(), nan = std::nanf("");
  for (const DType dtype : kFloatDTypes) {
    const Tensor x = FromDoubles(dtype, {35}, [&] {
      std::vector<double> v(35, 1.0);
      v[0] = v[17] = v[34] = nan;
      v[1] = v[18] = inf;
      v[2] = v[33] = -inf;
      return v;
    }());
    const auto y = OpTest(c.op).Input(x).Run();
    ASSERT_TRUE(y.ok()) << y.status();
    const std::vector<double> got = ToDoubles((*y)[0]);
    for (const int i : {0, 17, 34}) EXPECT_TRUE(std::isnan(got[i])) << c.op << " " << i;
    if (c.op == "Softsign") continue;  // infinity / infinity
    for (const int i : {1, 18}) EXPECT_EQ(got[i], c.op == "Relu6" ? 6 : inf) << c.op;
    const double low = c.op == "LeakyRelu" ? -inf
                       : c.op == "Elu"     ? -1
                       : c.op == "Selu"    ? -kScale * kAlpha
                                           : 0;
    for (const int i : {2, 33}) EXPECT_NEAR(got[i] == low ? 0 : got[i] - low, 0, 1e-6) << c.op;
  }
}

TEST_P(ActivationTest, Integers) {
  const ActivationCase& c = GetParam();
  for (const DType dtype : kIntegerDTypes) {
    OpTest test(c.op);
    const bool is_signed = dtype == DType::kInt8 || dtype == DType::kInt16 ||
                           dtype == DType::kInt32 || dtype == DType::kInt64;
    const Tensor x = RandomTensor(dtype, {77}, 1, is_signed ? -20 : 0, 20);
    test.Input(x);
    if (c.integers) {
      test.Expect(Map(x, c.f));
    } else {
      test.ExpectError(absl::StatusCode::kInvalidArgument, "T");
    }
  }
}

TEST_P(ActivationTest, GradientOpRejectsOtherShapes) {
  OpTest(GetParam().grad_op)
      .Input({2}, {1, 2})
      .Input({3}, {1, 2, 3})
      .ExpectError(absl::StatusCode::kInvalidArgument, "Dimensions must be equal, but are");
}

INSTANTIATE_TEST_SUITE_P(All, ActivationTest, ::testing::ValuesIn(kCases),
                         [](const auto& info) { return info.param.op; });

TEST(Relu, ByHand) {
  OpTest("Relu").Input({5}, {-2, -0.5, 0, 0.5, 7}).Expect({5}, {0, 0, 0, 0.5, 7});
  OpTest("Relu6").Input({4}, {-2, 0.5, 6, 7}).Expect({4}, {0, 0.5, 6, 6});
  OpTest("ReluGrad").Input({3}, {1, 2, 3}).Input({3}, {-1, 0, 1}).Expect({3}, {0, 0, 3});
  OpTest("Relu6Grad").Input({4}, {1, 2, 3, 4}).Input({4}, {0, 1, 6, 7}).Expect({4}, {0, 2, 0, 0});
  OpTest("LeakyRelu").Attr("alpha", 0.1f).Input({2}, {-10, 10}).Expect({2}, {-1, 10});
  OpTest("LeakyReluGrad")
      .Attr("alpha", 0.5f)
      .Input({3}, {1, 2, 3})
      .Input({3}, {-1, 0, 1})
      .Expect({3}, {0.5, 1, 3});
}

TEST(Softplus, LargeAndSmallArguments) {
  OpTest("Softplus")
      .Input({4}, {-100, -20, 20, 100})
      .Expect({4}, {3.7200759e-44f, 2.0611537e-09f, 20.0000000f, 100}, 1e-5);
}

TEST(Elu, SmallArgumentsKeepTheirDigits) {
  OpTest("Elu")
      .Input<double>({2}, {-1e-12, -1e-300})
      .Expect(Tensor::Of<double>({2}, {-1e-12, -1e-300}), {1e-10, 0});
}

}  // namespace
}  // namespace sluice
