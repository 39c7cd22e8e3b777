#include "ops/extract_image_patches.h"

#include "tests/testing/op_test.h"

namespace sluice {
namespace {

using absl::StatusCode;

struct Case {
  int64_t height, width, depth;
  int64_t window[2], stride[2], rate[2];
  const char* padding;
};

OpTest Extract(const Case& c) {
  OpTest test("ExtractImagePatches");
  return test.Attr("ksizes", {1, c.window[0], c.window[1], 1})
      .Attr("strides", {1, c.stride[0], c.stride[1], 1})
      .Attr("rates", {1, c.rate[0], c.rate[1], 1})
      .Attr("padding", c.padding);
}

const Case kCases[] = {
    {5, 6, 2, {3, 2}, {1, 1}, {1, 1}, "VALID"}, {5, 6, 2, {3, 2}, {1, 1}, {1, 1}, "SAME"},
    {7, 5, 3, {2, 3}, {2, 3}, {1, 1}, "SAME"},  {7, 8, 1, {3, 3}, {2, 1}, {2, 3}, "VALID"},
    {4, 4, 2, {3, 3}, {1, 2}, {2, 2}, "SAME"},  {2, 3, 1, {5, 1}, {3, 3}, {1, 1}, "SAME"},
};

Tensor SlowPatches(const Case& k, const Tensor& x) {
  int64_t out[2], before[2];
  const int64_t in[2] = {k.height, k.width};
  for (int i = 0; i < 2; ++i) {
    const int64_t extent = (k.window[i] - 1) * k.rate[i] + 1;
    const bool same = std::string(k.padding) == "SAME";
    out[i] = same ? (in[i] + k.stride[i] - 1) / k.stride[i] : (in[i] - extent) / k.stride[i] + 1;
    const int64_t pad = (out[i] - 1) * k.stride[i] + extent - in[i];
    before[i] = same && pad > 0 ? pad / 2 : 0;
  }
  const std::vector<double> from = ToDoubles(x);
  std::vector<double> y;
  for (int64_t n = 0; n < x.dim(0); ++n)
    for (int64_t i = 0; i < out[0]; ++i)
      for (int64_t j = 0; j < out[1]; ++j)
        for (int64_t r = 0; r < k.window[0]; ++r)
          for (int64_t s = 0; s < k.window[1]; ++s)
            for (int64_t c = 0; c < k.depth; ++c) {
              const int64_t h = i * k.stride[0] + r * k.rate[0] - before[0];
              const int64_t w = j * k.stride[1] + s * k.rate[1] - before[1];
              const bool inside = h >= 0 && h < k.height && w >= 0 && w < k.width;
              y.push_back(inside ? from[((n * k.height + h) * k.width + w) * k.depth + c] : 0);
            }
  return FromDoubles(x.dtype(), {x.dim(0), out[0], out[1], k.window[0] * k.window[1] * k.depth}, y);
}

TEST(ExtractImagePatchesTest, ByHand) {
  Extract({2, 3, 1, {2, 2}, {1, 1}, {1, 1}, "VALID"})
      .Input({1, 2, 3, 1}, {1, 2, 3, 4, 5, 6})
      .Expect({1, 1, 2, 4}, {1, 2, 4, 5, 2, 3, 5, 6});
  // SAME pads below and on the right first.
  Extract({2, 2, 1, {2, 2}, {2, 2}, {1, 1}, "SAME"})
      .Input<int32_t>({1, 1, 3, 1}, {1, 2, 3})
      .Expect<int32_t>({1, 1, 2, 4}, {1, 2, 0, 0, 3, 0, 0, 0});
}

TEST(ExtractImagePatchesTest, MatchesSlowTwin) {
  for (const Case& c : kCases) {
    for (const DType dtype : {DType::kFloat, DType::kUint8, DType::kHalf, DType::kInt64}) {
      const Tensor x = RandomTensor(dtype, {2, c.height, c.width, c.depth}, 1, 0, 100);
      Extract(c).Input(x).Expect(SlowPatches(c, x));
    }
  }
  Extract({2, 2, 1, {2, 2}, {1, 1}, {1, 1}, "VALID"})
      .Input({0, 2, 2, 1}, {})
      .Expect({0, 1, 1, 4}, {});
}

TEST(ExtractImagePatchesTest, GradientsAreNumeric) {
  for (const Case& c : kCases) {
    Extract(c).Input(RandomTensor(DType::kDouble, {2, c.height, c.width, c.depth})).CheckGradient();
  }
}

TEST(ExtractImagePatchesTest, Errors) {
  const Case good = {2, 2, 1, {2, 2}, {1, 1}, {1, 1}, "VALID"};
  const auto extract = [&](const char* attr, std::initializer_list<int64_t> value) {
    return Extract(good).Attr(attr, value).Input({1, 2, 2, 1}, {1, 2, 3, 4});
  };
  extract("ksizes", {1, 0, 2, 1}).ExpectError(StatusCode::kInvalidArgument, "ksizes");
  extract("ksizes", {1, -3, 2, 1}).ExpectError(StatusCode::kInvalidArgument, "ksizes");
  extract("ksizes", {2, 2, 2, 1}).ExpectError(StatusCode::kInvalidArgument, "ksizes");
  extract("ksizes", {1, 3, 1, 1}).ExpectError(StatusCode::kInvalidArgument, "Negative dimension");
  extract("ksizes", {1, int64_t{1} << 40, int64_t{1} << 40, 1})
      .ExpectError(StatusCode::kInvalidArgument, "");
  extract("strides", {1, 0, 1, 1}).ExpectError(StatusCode::kInvalidArgument, "Stride");
  extract("strides", {1, 1, 1, 2}).ExpectError(StatusCode::kInvalidArgument, "depth");
  extract("rates", {1, -1, 1, 1}).ExpectError(StatusCode::kInvalidArgument, "Dilation rate");
  extract("rates", {1, 1, 1}).ExpectError(StatusCode::kInvalidArgument, "");
}

}  // namespace
}  // namespace sluice
