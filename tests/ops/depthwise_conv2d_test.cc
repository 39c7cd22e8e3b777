#include "ops/depthwise_conv2d.h"

#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "tests/testing/conv_reference.h"
#include "tests/testing/op_test.h"

namespace sluice {
namespace {

const ConvCase kCases[] = {
    {"valid_3x3", {2, 5, 5, 3}, {3, 3, 3, 1}, {2, 3, 3, 3}},
    {"multiplier_2", {1, 5, 4, 3}, {3, 2, 3, 2}, {1, 3, 3, 6}},
    {"same_multiplier_3", {2, 4, 5, 2}, {3, 3, 2, 3}, {2, 4, 5, 6}, {1, 1}, "SAME"},
    {"same_stride2_odd", {2, 7, 6, 4}, {3, 2, 4, 1}, {2, 4, 3, 4}, {1, 0}, "SAME", {1, 2, 2, 1}},
    {"unequal_strides", {1, 6, 7, 2}, {3, 3, 2, 2}, {1, 2, 5, 4}, {0, 0}, "VALID", {1, 3, 1, 1}},
    {"dilated",
     {1, 6, 7, 2},
     {3, 2, 2, 1},
     {1, 6, 7, 2},
     {2, 1},
     "SAME",
     {1, 1, 1, 1},
     {1, 2, 3, 1}},
    {"one_channel", {1, 5, 5, 1}, {3, 3, 1, 1}, {1, 5, 5, 1}, {1, 1}, "SAME"},
    {"one_channel_multiplier_4", {1, 4, 4, 1}, {2, 2, 1, 4}, {1, 3, 3, 4}},
    {"sixteen_channels", {2, 6, 6, 16}, {3, 3, 16, 1}, {2, 6, 6, 16}, {1, 1}, "SAME"},
    {"many_channels_stride2",
     {1, 8, 7, 37},
     {3, 3, 37, 1},
     {1, 4, 4, 37},
     {0, 1},
     "SAME",
     {1, 2, 2, 1}},
    {"pointwise", {2, 3, 3, 5}, {1, 1, 5, 2}, {2, 3, 3, 10}},
    {"nchw",
     {2, 3, 5, 4},
     {3, 3, 3, 1},
     {2, 3, 5, 4},
     {1, 1},
     "SAME",
     {1, 1, 1, 1},
     {1, 1, 1, 1},
     "NCHW"},
    {"nchw_multiplier",
     {1, 3, 5, 4},
     {2, 2, 3, 2},
     {1, 6, 2, 2},
     {0, 0},
     "VALID",
     {1, 1, 2, 2},
     {1, 1, 1, 1},
     "NCHW"},
};

class DepthwiseTest : public ::testing::TestWithParam<ConvCase> {
 protected:
  OpTest Op(const char* name, const char* file = __builtin_FILE(), int line = __builtin_LINE()) {
    OpTest test(name, file, line);
    for (const auto& [key, value] : GetParam().Attrs()) test.Attr(key, value);
    return test;
  }
  static Tensor SizesOf(const TensorShape& shape) {
    std::vector<int32_t> dims(shape.dims().begin(), shape.dims().end());
    return Tensor::Of<int32_t>({shape.rank()}, dims);
  }
};

constexpr Tolerance kTolerance = {1e-4, 1e-5};

TEST_P(DepthwiseTest, MatchesNaiveLoops) {
  const ConvCase& c = GetParam();
  for (const DType dtype : kFloatDTypes) {
    const Tensor x = RandomTensor(dtype, c.input, 1), w = RandomTensor(dtype, c.filter, 2);
    Op("DepthwiseConv2dNative")
        .Input(x)
        .Input(w)
        .Expect(SumOfProducts(c, true, 2, x, w, c.output), kTolerance);
  }
}

TEST_P(DepthwiseTest, BackpropInputMatchesNaiveLoops) {
  const ConvCase& c = GetParam();
  for (const DType dtype : kFloatDTypes) {
    const Tensor w = RandomTensor(dtype, c.filter, 3), dy = RandomTensor(dtype, c.output, 4);
    Op("DepthwiseConv2dNativeBackpropInput")
        .Input(SizesOf(c.input))
        .Input(w)
        .Input(dy)
        .Expect(SumOfProducts(c, true, 0, w, dy, c.input), kTolerance);
  }
}

TEST_P(DepthwiseTest, BackpropFilterMatchesNaiveLoops) {
  const ConvCase& c = GetParam();
  for (const DType dtype : kFloatDTypes) {
    const Tensor x = RandomTensor(dtype, c.input, 5), dy = RandomTensor(dtype, c.output, 6);
    Op("DepthwiseConv2dNativeBackpropFilter")
        .Input(x)
        .Input(SizesOf(c.filter))
        .Input(dy)
        .Expect(SumOfProducts(c, true, 1, x, dy, c.filter), kTolerance);
  }
}

TEST_P(DepthwiseTest, GradientIsNumeric) {
  const ConvCase& c = GetParam();
  if (c.input.num_elements() + c.filter.num_elements() > 500) GTEST_SKIP() << "too many elements";
  Op("DepthwiseConv2dNative")
      .Input(RandomTensor(DType::kDouble, c.input, 7))
      .Input(RandomTensor(DType::kDouble, c.filter, 8))
      .CheckGradient();
}

INSTANTIATE_TEST_SUITE_P(All, DepthwiseTest, ::testing::ValuesIn(kCases),
                         [](const auto& info) { return info.param.name; });

OpTest Plain(const char* name, const char* file = __builtin_FILE(), int line = __builtin_LINE()) {
  return OpTest(name, file, line).Attr("strides", {1, 1, 1, 1}).Attr("padding", "VALID");
}

TEST(Depthwise, ByHand) {
  // Two channels, two filters each: outputs c0*1, c0*10, c1*100, c1*1000.
  Plain("DepthwiseConv2dNative")
      .Input({1, 1, 2, 2}, {1, 2, 3, 4})
      .Input({1, 1, 2, 2}, {1, 10, 100, 1000})
      .Expect({1, 1, 2, 4}, {1, 10, 200, 2000, 3, 30, 400, 4000});
}

TEST(Depthwise, GradientOfGradients) {
  const Tensor x = RandomTensor(DType::kDouble, {1, 4, 3, 2}),
               w = RandomTensor(DType::kDouble, {2, 2, 2, 2}, 2);
  const Tensor dy = RandomTensor(DType::kDouble, {1, 3, 2, 4}, 3);
  Plain("DepthwiseConv2dNativeBackpropInput")
      .Input<int32_t>({4}, {1, 4, 3, 2})
      .Input(w)
      .Input(dy)
      .CheckGradient();
  Plain("DepthwiseConv2dNativeBackpropFilter")
      .Input(x)
      .Input<int32_t>({4}, {2, 2, 2, 2})
      .Input(dy)
      .CheckGradient();
}

TEST(Depthwise, EmptyBatch) {
  for (const DType dtype : kFloatDTypes) {
    const Tensor none = Tensor::Zeros(dtype, {0, 3, 3, 2}), w = RandomTensor(dtype, {2, 2, 2, 3});
    const Tensor dy = Tensor::Zeros(dtype, {0, 2, 2, 6});
    Plain("DepthwiseConv2dNative").Input(none).Input(w).Expect(dy);
    Plain("DepthwiseConv2dNativeBackpropInput")
        .Input<int32_t>({4}, {0, 3, 3, 2})
        .Input(w)
        .Input(dy)
        .Expect(none);
    Plain("DepthwiseConv2dNativeBackpropFilter")
        .Input(none)
        .Input<int32_t>({4}, {2, 2, 2, 3})
        .Input(dy)
        .Expect(Tensor::Zeros(dtype, {2, 2, 2, 3}));
  }
}

TEST(Depthwise, Errors) {
  constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;
  const Tensor x = RandomTensor(DType::kFloat, {1, 5, 5, 3});
  Plain("DepthwiseConv2dNative")
      .Input(x)
      .Input(RandomTensor(DType::kFloat, {3, 3, 2, 4}))
      .ExpectError(kInvalid, "input has 3 channels, filter expects 2");
  Plain("DepthwiseConv2dNative")
      .Input(x)
      .Input(RandomTensor(DType::kFloat, {3, 3, 3}))
      .ExpectError(kInvalid, "Shape must be rank 4 but is rank 3");
  Plain("DepthwiseConv2dNative")
      .Attr("strides", {1, 0, 1, 1})
      .Input(x)
      .Input(RandomTensor(DType::kFloat, {3, 3, 3, 1}))
      .ExpectError(kInvalid, "Stride must be > 0");
  Plain("DepthwiseConv2dNativeBackpropInput")
      .Input<int32_t>({4}, {1, 5, 5, 3})
      .Input(RandomTensor(DType::kFloat, {3, 3, 3, 2}))
      .Input(RandomTensor(DType::kFloat, {1, 3, 3, 5}))
      .ExpectError(kInvalid, "Dimensions must be equal, but out_backprop is");
}

TEST(Depthwise, UnknownDimensions) {
  OpTest test = Plain("DepthwiseConv2dNative");
  test.Input(RandomTensor(DType::kFloat, {1, 5, 6, 2}))
      .Input(RandomTensor(DType::kFloat, {3, 3, 2, 4}));
  EXPECT_EQ(*test.InferShape({TensorShape::Unknown(), TensorShape::Unknown()}),
            TensorShape::OfRank(4));
  EXPECT_EQ(*test.InferShape({{-1, 5, -1, -1}, {3, 3, 2, 4}}), TensorShape({-1, 3, -1, 8}));
}

}  // namespace
}  // namespace sluice
