#include "ops/softmax.h"

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "tests/testing/op_test.h"

namespace sluice {
namespace {

// Row by row from the definition, in double, after subtracting nothing: inputs are small.
Tensor NaiveSoftmax(const Tensor& x, bool log) {
  const int64_t n = x.dim(-1 + x.shape().rank());
  std::vector<double> v = ToDoubles(x);
  for (size_t row = 0; n > 0 && row < v.size(); row += n) {
    double sum = 0;
    for (int64_t j = 0; j < n; ++j) sum += std::exp(v[row + j]);
    for (int64_t j = 0; j < n; ++j)
      v[row + j] = log ? v[row + j] - std::log(sum) : std::exp(v[row + j]) / sum;
  }
  return FromDoubles(x.dtype(), x.shape(), v);
}

const TensorShape kShapes[] = {{5},      {1, 1},     {3, 4}, {2, 3, 7}, {4, 1},      {1, 1000},
                               {33, 17}, {300, 130}, {0, 5}, {2, 0},    {2, 2, 2, 3}};

TEST(Softmax, MatchesTheDefinition) {
  for (const TensorShape& shape : kShapes) {
    for (const DType dtype : {DType::kFloat, DType::kDouble, DType::kHalf, DType::kBfloat16}) {
      const Tensor x = RandomTensor(dtype, shape, 1, -4, 4);
      OpTest("Softmax").Input(x).Expect(NaiveSoftmax(x, false));
      OpTest("LogSoftmax").Input(x).Expect(NaiveSoftmax(x, true));
    }
  }
}

TEST(Softmax, ByHand) {
  OpTest("Softmax").Input({2, 2}, {0, 0, 0, std::log(3.0f)}).Expect({2, 2}, {0.5, 0.5, 0.25, 0.75});
  OpTest("LogSoftmax").Input({1, 2}, {7, 7}).Expect({1, 2}, {-0.6931472f, -0.6931472f});
}

TEST(Softmax, LargeLogitsDoNotOverflow) {
  const float inf = std::numeric_limits<float>::infinity();
  OpTest("Softmax")
      .Input({2, 3}, {1000, 1000, -1000, -3e38f, -3e38f, -3e38f})
      .Expect({2, 3}, {0.5, 0.5, 0, 1.0f / 3, 1.0f / 3, 1.0f / 3});
  OpTest("LogSoftmax").Input({1, 2}, {1000, 0}).Expect({1, 2}, {0, -1000});
  // Adding log 2 to 1e6 first would lose it.
  OpTest("LogSoftmax").Input({1, 2}, {1e6, 1e6}).Expect({1, 2}, {-0.6931472f, -0.6931472f});
  OpTest("Softmax").Input({1, 3}, {-inf, 0, 0}).Expect({1, 3}, {0, 0.5, 0.5});
}

TEST(Softmax, NaNAndInfinityMakeTheRowNaN) {
  const float nan = std::nanf(""), inf = std::numeric_limits<float>::infinity();
  OpTest("Softmax")
      .Input({3, 2}, {1, nan, 0, 0, inf, 0})
      .Expect({3, 2}, {nan, nan, 0.5, 0.5, nan, nan});
  OpTest("LogSoftmax").Input({2, 2}, {1, nan, inf, 0}).Expect({2, 2}, {nan, nan, nan, nan});
}

TEST(Softmax, GradientsAreNumeric) {
  for (const TensorShape& shape :
       {TensorShape({4}), TensorShape({3, 5}), TensorShape({2, 2, 3}), TensorShape({2, 1})}) {
    OpTest("Softmax").Input(RandomTensor(DType::kDouble, shape, 2)).CheckGradient();
    OpTest("LogSoftmax").Input(RandomTensor(DType::kDouble, shape, 2)).CheckGradient();
  }
}

TEST(Softmax, Errors) {
  OpTest("Softmax").Input({}, {1}).ExpectError(absl::StatusCode::kInvalidArgument,
                                               "Shape must be at least rank 1 but is rank 0");
}

}  // namespace
}  // namespace sluice
