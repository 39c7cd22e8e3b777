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
    // Lines longer than a tile of pixels, channels that fill a register and more.
    {"wide_5x5", {1, 6, 19, 20}, {5, 5, 20, 1}, {1, 6, 19, 20}, {2, 2}, "SAME"},
    {"wide_5x5_stride2",
     {2, 7, 18, 17},
     {5, 5, 17, 1},
     {2, 4, 9, 17},
     {2, 1},
     "SAME",
     {1, 2, 2, 1}},
    {"wide_3x3_multiplier_2", {1, 5, 13, 12}, {3, 3, 12, 2}, {1, 5, 13, 24}, {1, 1}, "SAME"},
    {"wide_3x3_multiplier_2_stride2",
     {1, 8, 21, 9},
     {3, 3, 9, 2},
     {1, 4, 11, 18},
     {0, 1},
     "SAME",
     {1, 2, 2, 1}},
    {"wide_dilated",
     {1, 7, 15, 33},
     {3, 3, 33, 1},
     {1, 7, 15, 33},
     {2, 2},
     "SAME",
     {1, 1, 1, 1},
     {1, 2, 2, 1}},
    {"stride_above_window",
     {1, 7, 8, 18},
     {2, 2, 18, 2},
     {1, 2, 3, 36},
     {0, 0},
     "VALID",
     {1, 3, 3, 1}},
    {"strides_and_dilations",
     {1, 9, 12, 16},
     {3, 2, 16, 1},
     {1, 3, 5, 16},
     {0, 0},
     "VALID",
     {1, 2, 2, 1},
     {1, 2, 3, 1}},
    {"seven_by_seven", {1, 8, 12, 16}, {7, 7, 16, 1}, {1, 8, 12, 16}, {3, 3}, "SAME"},
    {"window_above_image", {2, 2, 3, 16}, {5, 5, 16, 1}, {2, 2, 3, 16}, {2, 2}, "SAME"},
    {"nchw_many_channels",
     {2, 20, 5, 9},
     {3, 3, 20, 1},
     {2, 20, 5, 9},
     {1, 1},
     "SAME",
     {1, 1, 1, 1},
     {1, 1, 1, 1},
     "NCHW"},
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

const ConvOps kOps = {"DepthwiseConv2dNative", "DepthwiseConv2dNativeBackpropInput",
                      "DepthwiseConv2dNativeBackpropFilter", /*depthwise=*/true};

class DepthwiseTest : public ::testing::TestWithParam<ConvCase> {};
TEST_P(DepthwiseTest, MatchesNaiveLoops) { ExpectMatchesNaiveLoops(kOps, GetParam()); }
TEST_P(DepthwiseTest, GradientsAreNumeric) { ExpectNumericGradients(kOps, GetParam()); }

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

// Our own loops sum in one order, however the work is shared out.
TEST(Depthwise, ThreadsDoNotChangeABit) {
  const ConvCase c = {"", {3, 29, 30, 24}, {5, 5, 24, 1}, {3, 29, 30, 24}, {2, 2}, "SAME"};
  const Tensor x = RandomTensor(DType::kFloat, c.input, 1),
               w = RandomTensor(DType::kFloat, c.filter, 2),
               dy = RandomTensor(DType::kFloat, c.output, 3);
  const Tolerance equal{0, 0};
  EXPECT_TRUE(ConvOp(kOps.forward, c).Input(x).Input(w).Run(equal).ok());
  const Tensor x_sizes = SizesTensor(c.input), w_sizes = SizesTensor(c.filter);
  EXPECT_TRUE(ConvOp(kOps.backprop_input, c).Input(x_sizes).Input(w).Input(dy).Run(equal).ok());
  EXPECT_TRUE(ConvOp(kOps.backprop_filter, c).Input(x).Input(w_sizes).Input(dy).Run(equal).ok());
}

TEST(Depthwise, EmptyBatch) {
  ExpectServesEmptyBatch(kOps, {"", {0, 3, 3, 2}, {2, 2, 2, 3}, {0, 2, 2, 6}});
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
