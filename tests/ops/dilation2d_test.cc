#include "ops/dilation2d.h"

#include <limits>

#include "tests/testing/op_test.h"

namespace sluice {
namespace {

using absl::StatusCode;

struct Case {
  int64_t height, width, depth;
  int64_t window[2], stride[2], rate[2];
  const char* padding;
};

OpTest Dilate(const std::string& op, const Case& c) {
  OpTest test(op);
  return test.Attr("strides", {1, c.stride[0], c.stride[1], 1})
      .Attr("rates", {1, c.rate[0], c.rate[1], 1})
      .Attr("padding", c.padding);
}

const Case kCases[] = {
    {4, 5, 2, {2, 3}, {1, 1}, {1, 1}, "VALID"}, {4, 5, 2, {2, 3}, {1, 1}, {1, 1}, "SAME"},
    {7, 6, 1, {3, 2}, {2, 3}, {1, 1}, "SAME"},  {6, 7, 3, {2, 2}, {2, 1}, {3, 2}, "VALID"},
    {3, 3, 1, {3, 3}, {1, 1}, {2, 2}, "SAME"},
};

Tensor SlowDilation(const Case& k, const Tensor& x, const Tensor& filter) {
  int64_t out[2], before[2];
  const int64_t in[2] = {k.height, k.width};
  for (int i = 0; i < 2; ++i) {
    const int64_t extent = (k.window[i] - 1) * k.rate[i] + 1;
    const bool same = std::string(k.padding) == "SAME";
    out[i] = same ? (in[i] + k.stride[i] - 1) / k.stride[i] : (in[i] - extent) / k.stride[i] + 1;
    const int64_t pad = (out[i] - 1) * k.stride[i] + extent - in[i];
    before[i] = same && pad > 0 ? pad / 2 : 0;
  }
  const std::vector<double> from = ToDoubles(x), weights = ToDoubles(filter);
  std::vector<double> y;
  for (int64_t n = 0; n < x.dim(0); ++n)
    for (int64_t i = 0; i < out[0]; ++i)
      for (int64_t j = 0; j < out[1]; ++j)
        for (int64_t c = 0; c < k.depth; ++c) {
          double best = -std::numeric_limits<double>::infinity();
          for (int64_t r = 0; r < k.window[0]; ++r)
            for (int64_t s = 0; s < k.window[1]; ++s) {
              const int64_t h = i * k.stride[0] + r * k.rate[0] - before[0];
              const int64_t w = j * k.stride[1] + s * k.rate[1] - before[1];
              if (h < 0 || h >= k.height || w < 0 || w >= k.width) continue;
              best = std::max(best, from[((n * k.height + h) * k.width + w) * k.depth + c] +
                                        weights[(r * k.window[1] + s) * k.depth + c]);
            }
          y.push_back(best);
        }
  return FromDoubles(x.dtype(), {x.dim(0), out[0], out[1], k.depth}, y);
}

TEST(Dilation2DTest, ByHand) {
  // TensorFlow's example: a 2 x 2 filter on a 2 x 2 image.
  const Case c = {2, 2, 1, {2, 2}, {1, 1}, {1, 1}, "VALID"};
  Dilate("Dilation2D", c)
      .Input({1, 2, 2, 1}, {.1f, .2f, .3f, .4f})
      .Input({2, 2, 1}, {.4f, .3f, .1f, .0f})
      .Expect({1, 1, 1, 1}, {.5f});
  Dilate("Dilation2D", {2, 2, 1, {2, 2}, {1, 1}, {1, 1}, "SAME"})
      .Input({1, 2, 2, 1}, {.1f, .2f, .3f, .4f})
      .Input({2, 2, 1}, {.4f, .3f, .1f, .0f})
      .Expect({1, 2, 2, 1}, {.5f, .6f, .7f, .8f});
}

TEST(Dilation2DTest, MatchesSlowTwin) {
  for (const Case& c : kCases) {
    for (const DType dtype : {DType::kFloat, DType::kDouble, DType::kInt32, DType::kUint8,
                              DType::kInt64, DType::kInt16}) {
      const Tensor x = RandomTensor(dtype, {2, c.height, c.width, c.depth}, 1, 0, 50);
      const Tensor filter = RandomTensor(dtype, {c.window[0], c.window[1], c.depth}, 2, 0, 50);
      Dilate("Dilation2D", c).Input(x).Input(filter).Expect(SlowDilation(c, x, filter));
    }
  }
  for (const DType dtype : {DType::kHalf, DType::kBfloat16}) {
    Dilate("Dilation2D", {1, 2, 1, {1, 1}, {1, 1}, {1, 1}, "VALID"})
        .Input(FromDoubles(dtype, {1, 1, 2, 1}, {-3, 2}))
        .Input(FromDoubles(dtype, {1, 1, 1}, {1}))
        .Expect(FromDoubles(dtype, {1, 1, 2, 1}, {-2, 3}));
  }
  Dilate("Dilation2D", kCases[0])
      .Input({0, 4, 5, 2}, {})
      .Input(RandomTensor(DType::kFloat, {2, 3, 2}))
      .Expect({0, 3, 3, 2}, {});
}

TEST(Dilation2DTest, GradientsAreNumeric) {
  for (const Case& c : kCases) {
    Dilate("Dilation2D", c)
        .Input(LadderTensor(DType::kDouble, {2, c.height, c.width, c.depth}, 1, -5, 5))
        .Input(LadderTensor(DType::kDouble, {c.window[0], c.window[1], c.depth}, 2, -.0123, .0171))
        .CheckGradient();
  }
}

TEST(Dilation2DTest, GradientGoesToTheFirstMaximum) {
  const Case c = {1, 2, 1, {1, 2}, {1, 1}, {1, 1}, "VALID"};
  for (const DType dtype : {DType::kFloat, DType::kHalf, DType::kInt32}) {
    auto input = [&](const char* op) {
      return Dilate(op, c)
          .Input(FromDoubles(dtype, {1, 1, 2, 1}, {1, 1}))
          .Input(FromDoubles(dtype, {1, 2, 1}, {2, 2}))
          .Input(FromDoubles(dtype, {1, 1, 1, 1}, {7}));
    };
    input("Dilation2DBackpropInput").Expect(FromDoubles(dtype, {1, 1, 2, 1}, {7, 0}));
    input("Dilation2DBackpropFilter").Expect(FromDoubles(dtype, {1, 2, 1}, {7, 0}));
  }
}

TEST(Dilation2DTest, Errors) {
  const Case c = kCases[0];
  Dilate("Dilation2D", c)
      .Input({1, 2, 2, 1}, {1, 2, 3, 4})
      .Input({1, 1, 2}, {1, 2})
      .ExpectError(StatusCode::kInvalidArgument,
                   "input and filter must have the same depth: 1 vs 2");
  Dilate("Dilation2D", c)
      .Input({1, 2, 2, 1}, {1, 2, 3, 4})
      .Input({3, 1, 1}, {1, 2, 3})
      .ExpectError(StatusCode::kInvalidArgument, "Negative dimension");
  Dilate("Dilation2D", c)
      .Attr("strides", {1, 0, 1, 1})
      .Input({1, 2, 2, 1}, {1, 2, 3, 4})
      .Input({1, 1, 1}, {1})
      .ExpectError(StatusCode::kInvalidArgument, "Stride");
  Dilate("Dilation2D", c)
      .Input({1, 2, 2, 1}, {1, 2, 3, 4})
      .Input({0, 1, 1}, {})
      .ExpectError(StatusCode::kInvalidArgument, "empty");
  Dilate("Dilation2DBackpropInput", c)
      .Input({1, 2, 2, 1}, {1, 2, 3, 4})
      .Input({1, 1, 1}, {1})
      .Input({1, 1, 2, 1}, {1, 2})
      .ExpectError(StatusCode::kInvalidArgument, "out_backprop has incompatible size");
}

}  // namespace
}  // namespace sluice
