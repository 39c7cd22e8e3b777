#include "ops/cross_entropy.h"

#include <cmath>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "tests/testing/op_test.h"

namespace sluice {
namespace {

struct Result {
  Tensor loss, backprop;
};

// Straight from the formula, in double; labels of the logits' shape.
Result Naive(const Tensor& logits, const std::vector<double>& labels) {
  const int64_t rows = logits.dim(0), n = logits.dim(1);
  const std::vector<double> x = ToDoubles(logits);
  std::vector<double> loss(rows, 0.0), backprop(x.size());
  for (int64_t i = 0; i < rows; ++i) {
    double sum = 0;
    for (int64_t j = 0; j < n; ++j) sum += std::exp(x[i * n + j]);
    for (int64_t j = 0; j < n; ++j) {
      const int64_t k = i * n + j;
      loss[i] -= labels[k] * (x[k] - std::log(sum));
      backprop[k] = std::exp(x[k]) / sum - labels[k];
    }
  }
  return {FromDoubles(logits.dtype(), {rows}, loss),
          FromDoubles(logits.dtype(), logits.shape(), backprop)};
}

// Rows of numbers >= 0 that sum to 1.
Tensor Distributions(DType dtype, int64_t rows, int64_t n) {
  std::vector<double> v = ToDoubles(RandomTensor(DType::kDouble, {rows, n}, 5, 0, 1));
  for (int64_t i = 0; i < rows; ++i) {
    double sum = 0;
    for (int64_t j = 0; j < n; ++j) sum += v[i * n + j];
    for (int64_t j = 0; j < n; ++j) v[i * n + j] /= sum;
  }
  return FromDoubles(dtype, {rows, n}, v);
}

const TensorShape kShapes[] = {{1, 1},  {3, 4}, {5, 10},   {1, 37},
                               {17, 3}, {0, 4}, {257, 65}, {4000, 10}};

TEST(SoftmaxCrossEntropy, MatchesTheFormula) {
  for (const TensorShape& shape : kShapes) {
    for (const DType dtype : kFloatDTypes) {
      const Tensor x = RandomTensor(dtype, shape, 1, -3, 3),
                   labels = Distributions(dtype, shape.dim(0), shape.dim(1));
      const Result want = Naive(x, ToDoubles(labels));
      OpTest("SoftmaxCrossEntropyWithLogits")
          .Input(x)
          .Input(labels)
          .ExpectAll({want.loss, want.backprop}, {2e-5, 2e-6});
    }
  }
}

TEST(SparseSoftmaxCrossEntropy, MatchesTheFormula) {
  for (const TensorShape& shape : kShapes) {
    for (const DType dtype : kFloatDTypes) {
      for (const DType label_type : {DType::kInt32, DType::kInt64}) {
        const Tensor x = RandomTensor(dtype, shape, 1, -3, 3);
        const Tensor labels =
            RandomTensor(label_type, {shape.dim(0)}, 2, 0, static_cast<double>(shape.dim(1)));
        std::vector<double> one_hot(shape.num_elements(), 0.0);
        const std::vector<double> classes = ToDoubles(labels);
        for (size_t i = 0; i < classes.size(); ++i)
          one_hot[i * shape.dim(1) + static_cast<int64_t>(classes[i])] = 1;
        const Result want = Naive(x, one_hot);
        OpTest("SparseSoftmaxCrossEntropyWithLogits")
            .Input(x)
            .Input(labels)
            .ExpectAll({want.loss, want.backprop}, {2e-5, 2e-6});
      }
    }
  }
}

TEST(SoftmaxCrossEntropy, ByHand) {
  const Tensor loss = Tensor::Of<float>({1}, {1.3862944f}),
               backprop = Tensor::Of<float>({1, 2}, {-0.75f, 0.75f});
  OpTest("SoftmaxCrossEntropyWithLogits")
      .Input({1, 2}, {0, std::log(3.0f)})
      .Input({1, 2}, {1, 0})
      .ExpectAll({loss, backprop});
  OpTest("SparseSoftmaxCrossEntropyWithLogits")
      .Input({1, 2}, {0, std::log(3.0f)})
      .Input<int64_t>({1}, {0})
      .ExpectAll({loss, backprop});
}

TEST(SoftmaxCrossEntropy, BroadcastsLabels) {
  const Tensor x = RandomTensor(DType::kFloat, {3, 4});
  const Result want = Naive(x, std::vector<double>{.1, .2, .3, .4, .1, .2, .3, .4, .1, .2, .3, .4});
  OpTest("SoftmaxCrossEntropyWithLogits")
      .Input(x)
      .Input({1, 4}, {.1f, .2f, .3f, .4f})
      .ExpectAll({want.loss, want.backprop});
}

TEST(SoftmaxCrossEntropy, LargeLogitsAndZeroLabels) {
  // 0 * -infinity would be NaN.
  OpTest("SoftmaxCrossEntropyWithLogits")
      .Input({1, 3}, {1000, 0, -1000})
      .Input({1, 3}, {1, 0, 0})
      .ExpectAll({Tensor::Of<float>({1}, {0}), Tensor::Of<float>({1, 3}, {0, 0, 0})});
  OpTest("SparseSoftmaxCrossEntropyWithLogits")
      .Input({1, 2}, {1000, 0})
      .Input<int32_t>({1}, {1})
      .ExpectAll({Tensor::Of<float>({1}, {1000}), Tensor::Of<float>({1, 2}, {1, -1})});
}

// Both outputs are differentiated: the loss, and (second derivatives) backprop.
TEST(SoftmaxCrossEntropy, GradientsAreNumeric) {
  OpTest("SoftmaxCrossEntropyWithLogits")
      .Input(RandomTensor(DType::kDouble, {3, 4}, 1))
      .Input(Distributions(DType::kDouble, 3, 4))
      .CheckGradient({.wrt = {0}});
  OpTest("SparseSoftmaxCrossEntropyWithLogits")
      .Input(RandomTensor(DType::kDouble, {3, 4}, 1))
      .Input<int64_t>({3}, {3, 0, 1})
      .CheckGradient();
}

// backprop = p - l is the derivative by the features only where the labels sum to 1, and the
// gradient by the labels takes that as given.
TEST(SoftmaxCrossEntropy, GradientOfTheLossByTheLabels) {
  CheckGradient(
      [](At at, const Outputs& in) -> Outputs {
        return {ops::SoftmaxCrossEntropyWithLogits(at, in[0], in[1])[0]};
      },
      {RandomTensor(DType::kDouble, {2, 3}, 1), Distributions(DType::kDouble, 2, 3)}, {.wrt = {1}});
}

TEST(SparseSoftmaxCrossEntropy, Errors) {
  constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;
  const Tensor x = RandomTensor(DType::kFloat, {2, 10});
  const auto op = [&](std::initializer_list<int64_t> labels) {
    return std::move(
        OpTest("SparseSoftmaxCrossEntropyWithLogits").Input(x).Input<int64_t>({2}, labels));
  };
  op({3, 10}).ExpectError(kInvalid,
                          "label value of 10 which is outside the valid range of [0, 10)");
  op({-1, 0}).ExpectError(kInvalid,
                          "label value of -1 which is outside the valid range of [0, 10)");
  op({0, int64_t{1} << 32}).ExpectError(kInvalid, "label value of 4294967296 which is outside");
  OpTest("SparseSoftmaxCrossEntropyWithLogits")
      .Input({2, 0}, {})
      .Input<int64_t>({2}, {0, 0})
      .ExpectError(kInvalid, "Must have at least one class");
  OpTest("SparseSoftmaxCrossEntropyWithLogits")
      .Input(x)
      .Input<int64_t>({3}, {0, 0, 0})
      .ExpectError(kInvalid, "must have the same first dimension");
  OpTest("SoftmaxCrossEntropyWithLogits")
      .Input(x)
      .Input({2, 3}, {1, 2, 3, 4, 5, 6})
      .ExpectError(kInvalid, "Dimensions must be equal");
  OpTest("SoftmaxCrossEntropyWithLogits")
      .Input({2}, {1, 2})
      .Input({2}, {1, 2})
      .ExpectError(kInvalid, "Shape must be rank 2 but is rank 1");
}

TEST(SigmoidCrossEntropy, IsTheFormulaAndItsGradient) {
  const GraphFunction f = [](At at, const Outputs& in) -> Outputs {
    return {ops::SigmoidCrossEntropyWithLogits(at, in[1], in[0])};
  };
  CheckGradient(f, {MovedOff(RandomTensor(DType::kDouble, {3, 4}, 1, -5, 5), {0}),
                    RandomTensor(DType::kDouble, {3, 4}, 2, 0, 1)});
}

}  // namespace
}  // namespace sluice
