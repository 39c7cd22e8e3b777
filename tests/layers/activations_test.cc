// Rule LY-8: formulas by hand, names, strings.
#include "layers/activations.h"

#include <cmath>
#include <functional>
#include <string>

#include "layers/activation.h"
#include "layers/config.h"
#include "ops/relu.h"
#include "ops/softmax.h"
#include "ops/unary.h"
#include "tests/testing/gradient_check.h"
#include "tests/testing/program/program_fixture.h"

namespace sluice {
namespace {

using Formula = std::function<double(double)>;

double Sigmoid(double x) { return 1 / (1 + std::exp(-x)); }

class ActivationsTest : public ProgramFixture {
 protected:
  // `f` of some numbers against the formula, and its gradient away from `kinks`.
  void ExpectFormula(const Activation& f, const Formula& formula, std::vector<double> kinks = {}) {
    const Tensor x = FromDoubles(DType::kDouble, {2, 5}, {-8, -3, -1, -0.4, 0, 0.3, 1, 2, 4, 9});
    std::vector<double> y;
    for (const double v : ToDoubles(x)) y.push_back(formula(v));
    session_.reset();
    ExpectClose(Run(f(root_, ops::Const(root_, x))), FromDoubles(DType::kDouble, {2, 5}, y));
    CheckGradient([&](At at, const Outputs& in) { return Outputs{f(at, in[0])}; },
                  {MovedOff(RandomTensor(DType::kDouble, {2, 5}, 3, -4, 4), kinks)},
                  {.unknown_rank = false});
  }
};

TEST_F(ActivationsTest, ByName) {
  ExpectFormula("linear", [](double x) { return x; });
  ExpectFormula("relu", [](double x) { return std::max(x, 0.0); }, {0});
  ExpectFormula("relu6", [](double x) { return std::min(std::max(x, 0.0), 6.0); }, {0, 6});
  ExpectFormula("elu", [](double x) { return x < 0 ? std::expm1(x) : x; }, {0});
  ExpectFormula("selu",
                [](double x) {
                  return 1.0507009873554805 * (x < 0 ? 1.6732632423543772 * std::expm1(x) : x);
                },
                {0});
  ExpectFormula("softplus", [](double x) { return std::log1p(std::exp(x)); });
  ExpectFormula("softsign", [](double x) { return x / (1 + std::abs(x)); }, {0});
  ExpectFormula("sigmoid", Sigmoid);
  ExpectFormula("tanh", [](double x) { return std::tanh(x); });
  ExpectFormula("exponential", [](double x) { return std::exp(x); });
  ExpectFormula("hard_sigmoid",
                [](double x) { return std::min(std::max(0.2 * x + 0.5, 0.0), 1.0); }, {-2.5, 2.5});
  ExpectFormula("leaky_relu", [](double x) { return x > 0 ? x : double{0.2f} * x; }, {0});
  ExpectFormula("swish", [](double x) { return x * Sigmoid(x); });
}

TEST_F(ActivationsTest, ReluWithArguments) {
  const auto relu = [](activations::ReluOptions options) -> Activation {
    return [options](At at, Output x) { return activations::Relu(at, x, options); };
  };
  const auto formula = [](double alpha, double max_value, double threshold) -> Formula {
    return [=](double x) {
      return x >= max_value ? max_value : x > threshold ? x : alpha * (x - threshold);
    };
  };
  constexpr double kNone = 1e300;
  ExpectFormula(relu({}), formula(0, kNone, 0), {0});
  ExpectFormula(relu({.max_value = 6.0}), formula(0, 6, 0), {0, 6});
  ExpectFormula(relu({.max_value = 3.0}), formula(0, 3, 0), {0, 3});
  ExpectFormula(relu({.alpha = 0.25}), formula(0.25, kNone, 0), {0});
  ExpectFormula(relu({.alpha = 0.25, .max_value = 3.0}), formula(0.25, 3, 0), {0, 3});
  ExpectFormula(relu({.threshold = 1.5}), formula(0, kNone, 1.5), {1.5});
  ExpectFormula(relu({.alpha = 0.5, .max_value = 3.0, .threshold = 1.5}), formula(0.5, 3, 1.5),
                {1.5, 3});
}

TEST_F(ActivationsTest, EluWithAlpha) {
  ExpectFormula([](At at, Output x) { return activations::Elu(at, x, {.alpha = 0.5}); },
                [](double x) { return x > 0 ? x : 0.5 * std::expm1(x); }, {0});
}

TEST_F(ActivationsTest, CreluJoinsBothSigns) {
  const Output x = Values({2, 2}, {1, -2, -3, 4});
  const Output last = activations::Crelu(root_, x);
  const Output first = activations::Crelu(root_, x, {.axis = 0});
  EXPECT_EQ(last.name(), "CRelu:0");
  ExpectClose(Run(last), Tensor::Of<float>({2, 4}, {1, 0, 0, 2, 0, 4, 3, 0}));
  ExpectClose(Run(first), Tensor::Of<float>({4, 2}, {1, 0, 0, 4, 0, 2, 3, 0}));
}

TEST_F(ActivationsTest, SoftmaxAlongAnAxis) {
  const Tensor x = RandomTensor(DType::kDouble, {2, 3, 4}, 5, -3, 3);
  const std::vector<double> values = ToDoubles(x);
  const int64_t strides[] = {12, 4, 1}, sizes[] = {2, 3, 4};
  for (int64_t axis = -3; axis < 3; ++axis) {
    const int64_t k = axis < 0 ? axis + 3 : axis;
    std::vector<double> want(24);
    for (int64_t i = 0; i < 24; ++i) {
      const int64_t first = i - i / strides[k] % sizes[k] * strides[k];
      double sum = 0;
      for (int64_t j = 0; j < sizes[k]; ++j) sum += std::exp(values[first + j * strides[k]]);
      want[i] = std::exp(values[i]) / sum;
    }
    session_.reset();
    ExpectClose(Run(activations::Softmax(root_, ops::Const(root_, x), {.axis = axis})),
                FromDoubles(DType::kDouble, {2, 3, 4}, want));
    CheckGradient(
        [&](At at, const Outputs& in) {
          return Outputs{activations::Softmax(at, in[0], {.axis = axis})};
        },
        {x}, {.unknown_rank = false});
  }
}

TEST_F(ActivationsTest, SoftmaxDoesNotOverflow) {
  const Output x = Values({2, 1}, {1000, 1000});
  ExpectClose(Run(activations::Softmax(root_, x, {.axis = 0})),
              Tensor::Of<float>({2, 1}, {0.5, 0.5}));
}

TEST_F(ActivationsTest, SoftmaxOfAVectorIsRefused) {
  activations::Softmax(root_, Values({2}, {1, 2}));
  ExpectInvalid("Cannot apply softmax to a tensor that is 1D");
}

TEST_F(ActivationsTest, SoftmaxOfAMissingAxisIsRefused) {
  activations::Softmax(root_, Values({1, 2}, {1, 2}), {.axis = 2});
  ExpectInvalid("axis");
}

TEST_F(ActivationsTest, UnknownNamesAreRefused) {
  Activation("reluu")(root_, Input({2, 2}));
  ExpectInvalid("Unknown activation function: reluu");
}

TEST_F(ActivationsTest, ConfigsAreNames) {
  const std::pair<Activation, std::string> cases[] = {{ops::Relu, "relu"},
                                                      {ops::LeakyRelu, "leaky_relu"},
                                                      {ops::Softmax, "softmax"},
                                                      {activations::Softmax, "softmax"},
                                                      {activations::Swish, "swish"},
                                                      {activations::HardSigmoid, "hard_sigmoid"},
                                                      {activations::Crelu, "crelu"},
                                                      {activations::Linear, "linear"},
                                                      {"tanh", "tanh"}};
  for (const auto& [activation, name] : cases) {
    ASSERT_NE(activation.config(), nullptr) << name;
    EXPECT_EQ(activation.config()->class_name, name);
    EXPECT_THAT(layers::ActivationFromConfig(*activation.config()), IsOk());
  }
  EXPECT_THAT(layers::ActivationFromConfig({"nothing"}).status(),
              StatusIs(absl::StatusCode::kInvalidArgument, "Unknown activation function"));
}

TEST_F(ActivationsTest, NothingOfNothing) {
  for (const char* name : {"linear", "hard_sigmoid", "swish", "crelu", "softmax"})
    EXPECT_TRUE(Activation(name)(root_, Output()).empty());
  EXPECT_EQ(graph_.num_nodes(), 0);
}

}  // namespace
}  // namespace sluice
