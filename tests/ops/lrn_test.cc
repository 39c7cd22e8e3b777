#include "ops/lrn.h"

#include <algorithm>
#include <cmath>

#include "tests/testing/float_gradient.h"
#include "tests/testing/op_test.h"

namespace sluice {
namespace {

Tensor SlowLRN(const Tensor& x, int64_t radius, double bias, double alpha, double beta) {
  const int64_t depth = x.dim(3);
  const std::vector<double> in = ToDoubles(x);
  std::vector<double> y(in.size());
  for (size_t i = 0; i < in.size(); ++i) {
    const int64_t d = static_cast<int64_t>(i) % depth, first = static_cast<int64_t>(i) - d;
    double squares = 0;
    for (int64_t k = std::max<int64_t>(0, d - radius); k <= std::min(depth - 1, d + radius); ++k)
      squares += in[first + k] * in[first + k];
    y[i] = in[i] / std::pow(bias + alpha * squares, beta);
  }
  return FromDoubles(x.dtype(), x.shape(), y);
}

TEST(LRNTest, ByHand) {
  // Norms with radius 1: 1 + 1 + 4 = 6, 1 + 1 + 4 + 4 = 10, 1 + 4 + 4 = 9.
  OpTest("LRN")
      .Attr("depth_radius", 1)
      .Attr("beta", 1.0f)
      .Input({1, 1, 1, 3}, {1, 2, 2})
      .Expect({1, 1, 1, 3}, {1 / 6.f, 0.2, 2 / 9.f});
  // Defaults: radius 5, beta 0.5: 3 / sqrt(1 + 9 + 15).
  OpTest("LRN")
      .Input({1, 1, 1, 2}, {3, std::sqrt(15.f)})
      .Expect({1, 1, 1, 2}, {0.6, std::sqrt(15.f) / 5});
}

TEST(LRNTest, MatchesSlowTwin) {
  const Tensor x = RandomTensor(DType::kFloat, {2, 3, 2, 7});
  for (const int64_t radius : {0, 2, 20}) {
    for (const float beta : {0.5f, 1.0f, 0.75f}) {
      OpTest("LRN")
          .Attr("depth_radius", radius)
          .Attr("bias", 2.0f)
          .Attr("alpha", 0.3f)
          .Attr("beta", beta)
          .Input(x)
          .Expect(SlowLRN(x, radius, 2, 0.3f, beta));
    }
  }
  const Tensor half = RandomTensor(DType::kHalf, {1, 2, 2, 5});
  OpTest("LRN").Input(half).Expect(SlowLRN(half, 5, 1, 1, 0.5), {4e-3, 4e-3});
  OpTest("LRN").Input({0, 2, 2, 3}, {}).Expect({0, 2, 2, 3}, {});
}

TEST(LRNTest, GradientIsNumeric) {
  const Tensor x = RandomTensor(DType::kFloat, {1, 2, 1, 6});
  for (const float beta : {0.5f, 1.0f, 0.75f}) {
    CheckFloatGradient("LRN",
                       {{"depth_radius", 2}, {"bias", 1.0f}, {"alpha", 0.5f}, {"beta", beta}}, {x},
                       {.step = 5e-3f});
  }
}

TEST(LRNTest, Errors) {
  OpTest("LRN")
      .Input({2, 2}, {1, 2, 3, 4})
      .ExpectError(absl::StatusCode::kInvalidArgument, "rank 4 but is rank 2");
  OpTest("LRNGrad")
      .Input({1, 1, 1, 1}, {1})
      .Input({1, 1, 1, 2}, {1, 2})
      .Input({1, 1, 1, 1}, {1})
      .ExpectError(absl::StatusCode::kInvalidArgument, "");
}

}  // namespace
}  // namespace sluice
