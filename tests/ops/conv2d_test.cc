#include "ops/conv2d.h"

#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "tests/testing/conv_reference.h"
#include "tests/testing/op_test.h"

namespace sluice {
namespace {

const ConvCase kCases[] = {
    {"valid_3x3", {2, 5, 5, 2}, {3, 3, 2, 4}, {2, 3, 3, 4}},
    {"same_odd_kernel", {1, 4, 5, 3}, {3, 3, 3, 2}, {1, 4, 5, 2}, {1, 1}, "SAME"},
    {"same_even_kernel_pads_the_end", {1, 4, 4, 1}, {2, 2, 1, 3}, {1, 4, 4, 3}, {0, 0}, "SAME"},
    {"same_stride2_odd", {2, 7, 6, 3}, {3, 2, 3, 5}, {2, 4, 3, 5}, {1, 0}, "SAME", {1, 2, 2, 1}},
    {"valid_stride_leaves_a_rest",
     {1, 8, 7, 2},
     {2, 3, 2, 3},
     {1, 3, 2, 3},
     {0, 0},
     "VALID",
     {1, 3, 3, 1}},
    {"unequal_strides",
     {1, 7, 9, 2},
     {3, 3, 2, 2},
     {1, 3, 9, 2},
     {0, 1},
     "EXPLICIT",
     {1, 2, 1, 1},
     {1, 1, 1, 1},
     "NHWC",
     {0, 0, 0, 0, 1, 1, 0, 0}},
    {"dilated_valid",
     {1, 9, 9, 1},
     {3, 3, 1, 1},
     {1, 5, 5, 1},
     {0, 0},
     "VALID",
     {1, 1, 1, 1},
     {1, 2, 2, 1}},
    {"dilated_same",
     {1, 6, 7, 2},
     {3, 2, 2, 3},
     {1, 6, 7, 3},
     {2, 1},
     "SAME",
     {1, 1, 1, 1},
     {1, 2, 3, 1}},
    {"explicit",
     {1, 4, 5, 2},
     {3, 3, 2, 3},
     {1, 5, 7, 3},
     {1, 0},
     "EXPLICIT",
     {1, 1, 1, 1},
     {1, 1, 1, 1},
     "NHWC",
     {0, 0, 1, 2, 0, 4, 0, 0}},
    {"pointwise", {2, 3, 4, 5}, {1, 1, 5, 7}, {2, 3, 4, 7}},
    {"pointwise_stride_larger_than_window",
     {1, 5, 4, 3},
     {1, 1, 3, 2},
     {1, 3, 2, 2},
     {0, 0},
     "SAME",
     {1, 2, 2, 1}},
    {"window_as_large_as_image", {3, 4, 3, 2}, {4, 3, 2, 5}, {3, 1, 1, 5}},
    {"window_larger_than_image", {1, 2, 2, 1}, {5, 5, 1, 2}, {1, 2, 2, 2}, {2, 2}, "SAME"},
    {"many_channels", {1, 5, 6, 17}, {3, 3, 17, 33}, {1, 5, 6, 33}, {1, 1}, "SAME"},
    {"sixteen_channels", {2, 6, 6, 16}, {3, 3, 16, 32}, {2, 6, 6, 32}, {1, 1}, "SAME"},
    {"nchw_same",
     {2, 3, 5, 4},
     {3, 3, 3, 2},
     {2, 2, 5, 4},
     {1, 1},
     "SAME",
     {1, 1, 1, 1},
     {1, 1, 1, 1},
     "NCHW"},
    {"nchw_stride2",
     {1, 2, 7, 6},
     {3, 2, 2, 5},
     {1, 5, 4, 3},
     {1, 0},
     "SAME",
     {1, 1, 2, 2},
     {1, 1, 1, 1},
     "NCHW"},
};

const ConvOps kOps = {"Conv2D", "Conv2DBackpropInput", "Conv2DBackpropFilter"};

class Conv2DTest : public ::testing::TestWithParam<ConvCase> {};
TEST_P(Conv2DTest, MatchesNaiveLoops) { ExpectMatchesNaiveLoops(kOps, GetParam()); }
TEST_P(Conv2DTest, GradientsAreNumeric) { ExpectNumericGradients(kOps, GetParam()); }

INSTANTIATE_TEST_SUITE_P(All, Conv2DTest, ::testing::ValuesIn(kCases),
                         [](const auto& info) { return info.param.name; });

TEST(Conv2D, ByHand) {
  OpTest("Conv2D")
      .Attr("strides", {1, 1, 1, 1})
      .Attr("padding", "VALID")
      .Input({1, 3, 3, 1}, {1, 2, 3, 4, 5, 6, 7, 8, 9})
      .Input({2, 2, 1, 1}, {1, 0, 0, 1})
      .Expect({1, 2, 2, 1}, {6, 8, 12, 14});
}

TEST(Conv2D, SamePutsTheOddCellAtTheEnd) {
  OpTest("Conv2D")
      .Attr("strides", {1, 1, 1, 1})
      .Attr("padding", "SAME")
      .Input({1, 1, 3, 1}, {1, 2, 3})
      .Input({1, 2, 1, 1}, {10, 1})
      .Expect({1, 1, 3, 1}, {12, 23, 30});
}

TEST(Conv2D, EmptyBatch) {
  ExpectServesEmptyBatch(kOps, {"", {0, 3, 3, 2}, {2, 2, 2, 4}, {0, 2, 2, 4}});
}

TEST(Conv2D, NoOutputChannels) {
  OpTest("Conv2D")
      .Attr("strides", {1, 1, 1, 1})
      .Attr("padding", "VALID")
      .Input({1, 2, 2, 1}, {1, 2, 3, 4})
      .Input({1, 1, 1, 0}, {})
      .Expect({1, 2, 2, 0}, {});
}

TEST(Conv2D, InputSizesOfHeightAndWidth) {
  OpTest("Conv2DBackpropInput")
      .Attr("strides", {1, 1, 1, 1})
      .Attr("padding", "VALID")
      .Input<int32_t>({2}, {1, 3})
      .Input({1, 2, 1, 1}, {2, 3})
      .Input({1, 1, 2, 1}, {1, 10})
      .Expect({1, 1, 3, 1}, {2, 23, 30});
}

struct ErrorCase {
  std::string name;
  TensorShape input, filter;
  std::string message;
  std::string padding = "VALID";
  std::vector<int64_t> strides = {1, 1, 1, 1}, dilations = {1, 1, 1, 1};
  std::vector<int64_t> explicit_paddings = {};
};

const ErrorCase kErrors[] = {
    {"input_rank", {5, 5, 3}, {3, 3, 3, 4}, "Shape must be rank 4 but is rank 3"},
    {"filter_rank", {1, 5, 5, 3}, {3, 3, 3}, "Shape must be rank 4 but is rank 3"},
    {"channels",
     {1, 5, 5, 3},
     {3, 3, 2, 4},
     "Depth of input (3) is not a multiple of input depth of filter (2)"},
    {"window_too_large",
     {1, 2, 5, 1},
     {3, 3, 1, 1},
     "Negative dimension size caused by subtracting 3 from 2"},
    {"empty_filter", {1, 5, 5, 1}, {0, 3, 1, 1}, "window must not be empty"},
    {"no_input_channels", {1, 5, 5, 0}, {3, 3, 0, 1}, "at least one input channel"},
    {"zero_stride",
     {1, 5, 5, 1},
     {3, 3, 1, 1},
     "Stride must be > 0, but got 0",
     "VALID",
     {1, 0, 0, 1}},
    {"negative_stride",
     {1, 5, 5, 1},
     {3, 3, 1, 1},
     "Stride must be > 0, but got -1",
     "SAME",
     {1, 1, -1, 1}},
    {"batch_stride",
     {1, 5, 5, 1},
     {3, 3, 1, 1},
     "does not yet support strides in the batch and depth dimensions",
     "VALID",
     {2, 1, 1, 1}},
    {"three_strides",
     {1, 5, 5, 1},
     {3, 3, 1, 1},
     "must specify 4 dimensions, got 3",
     "VALID",
     {1, 1, 1}},
    {"zero_dilation",
     {1, 5, 5, 1},
     {3, 3, 1, 1},
     "Dilation rate must be >= 1, but got 0",
     "VALID",
     {1, 1, 1, 1},
     {1, 0, 1, 1}},
    {"depth_dilation",
     {1, 5, 5, 1},
     {3, 3, 1, 1},
     "does not yet support dilations in the batch and depth dimensions",
     "VALID",
     {1, 1, 1, 1},
     {1, 1, 1, 2}},
    {"huge_dilation",
     {1, 5, 5, 1},
     {3, 3, 1, 1},
     "too large",
     "SAME",
     {1, 1, 1, 1},
     {1, int64_t{1} << 62, 1, 1}},
    {"explicit_with_same",
     {1, 5, 5, 1},
     {3, 3, 1, 1},
     "explicit_paddings attribute must be empty",
     "SAME",
     {1, 1, 1, 1},
     {1, 1, 1, 1},
     {0, 0, 1, 1, 1, 1, 0, 0}},
    {"explicit_without_numbers",
     {1, 5, 5, 1},
     {3, 3, 1, 1},
     "must contain 8 values, but got: 0",
     "EXPLICIT"},
    {"explicit_negative",
     {1, 5, 5, 1},
     {3, 3, 1, 1},
     "must be nonnegative",
     "EXPLICIT",
     {1, 1, 1, 1},
     {1, 1, 1, 1},
     {0, 0, -1, 1, 1, 1, 0, 0}},
    {"explicit_in_batch",
     {1, 5, 5, 1},
     {3, 3, 1, 1},
     "batch or depth dimensions is not supported",
     "EXPLICIT",
     {1, 1, 1, 1},
     {1, 1, 1, 1},
     {1, 0, 1, 1, 1, 1, 0, 0}},
    {"no_such_padding", {1, 5, 5, 1}, {3, 3, 1, 1}, "FULL", "FULL"},
};

class Conv2DErrorTest : public ::testing::TestWithParam<ErrorCase> {};
TEST_P(Conv2DErrorTest, Rejected) {
  const ErrorCase& c = GetParam();
  OpTest test("Conv2D");
  test.Attr("strides", c.strides).Attr("dilations", c.dilations).Attr("padding", c.padding);
  if (!c.explicit_paddings.empty()) test.Attr("explicit_paddings", c.explicit_paddings);
  test.Input(RandomTensor(DType::kFloat, c.input))
      .Input(RandomTensor(DType::kFloat, c.filter))
      .ExpectError(absl::StatusCode::kInvalidArgument, c.message);
}
INSTANTIATE_TEST_SUITE_P(All, Conv2DErrorTest, ::testing::ValuesIn(kErrors),
                         [](const auto& info) { return info.param.name; });

TEST(Conv2DErrors, BackpropSizes) {
  const auto op = [](const char* name) {
    return OpTest(name).Attr("strides", {1, 1, 1, 1}).Attr("padding", "VALID");
  };
  const Tensor x = RandomTensor(DType::kFloat, {1, 5, 5, 2}),
               w = RandomTensor(DType::kFloat, {3, 3, 2, 4});
  const Tensor dy = RandomTensor(DType::kFloat, {1, 3, 3, 4});
  constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;
  op("Conv2DBackpropInput")
      .Input<int32_t>({4}, {1, 6, 5, 2})
      .Input(w)
      .Input(dy)
      .ExpectError(kInvalid, "out_backprop is [1,3,3,4] and the convolution's output is [1,4,3,4]");
  op("Conv2DBackpropInput")
      .Input<int32_t>({4}, {1, -1, 5, 2})
      .Input(w)
      .Input(dy)
      .ExpectError(kInvalid, "input_sizes must not hold negative sizes");
  op("Conv2DBackpropInput")
      .Input<int32_t>({3}, {1, 5, 5})
      .Input(w)
      .Input(dy)
      .ExpectError(kInvalid, "input_sizes must contain 4 values, but got: 3");
  constexpr int32_t kHuge = 2147483647;
  op("Conv2DBackpropInput")
      .Input<int32_t>({4}, {kHuge, kHuge, kHuge, kHuge})
      .Input(w)
      .Input(dy)
      .ExpectError(kInvalid, "2147483647");
  op("Conv2DBackpropFilter")
      .Input(x)
      .Input<int32_t>({4}, {3, 3, 3, 4})
      .Input(dy)
      .ExpectError(kInvalid, "Depth of input (2) is not a multiple of input depth of filter (3)");
  op("Conv2DBackpropFilter")
      .Input(x)
      .Input<int32_t>({4}, {3, 3, 2, 5})
      .Input(dy)
      .ExpectError(kInvalid, "the convolution's output is [1,3,3,5]");
}

// Images of 4 channels, filters that read 2 of them: TensorFlow infers the shape, and has no CPU
// kernel.
TEST(Conv2DErrors, GroupsAreInferredButNotComputed) {
  const ConvCase c = {"", {1, 2, 2, 4}, {1, 1, 2, 6}, {1, 2, 2, 6}};
  const Tensor x = RandomTensor(DType::kFloat, c.input), w = RandomTensor(DType::kFloat, c.filter);
  EXPECT_EQ(*ConvOp("Conv2D", c).Input(x).Input(w).InferShape({c.input, c.filter}), c.output);
  ConvOp("Conv2D", c)
      .Input(x)
      .Input(w)
      .ExpectError(absl::StatusCode::kUnimplemented, "does not support grouped convolutions");
  ConvOp("Conv2D", c)
      .Input(x)
      .Input(RandomTensor(DType::kFloat, {1, 1, 2, 5}))
      .ExpectError(absl::StatusCode::kInvalidArgument,
                   "Depth of output (5) is not a multiple of the number of groups (2)");
}

TEST(Conv2DShape, UnknownDimensions) {
  OpTest test("Conv2D");
  test.Attr("strides", {1, 2, 2, 1})
      .Attr("padding", "SAME")
      .Input(RandomTensor(DType::kFloat, {1, 5, 6, 2}))
      .Input(RandomTensor(DType::kFloat, {3, 3, 2, 4}));
  EXPECT_EQ(*test.InferShape({TensorShape::Unknown(), TensorShape::Unknown()}),
            TensorShape::OfRank(4));
  EXPECT_EQ(*test.InferShape({{-1, 5, -1, -1}, {-1, 3, 2, 4}}), TensorShape({-1, 3, -1, 4}));
}

}  // namespace
}  // namespace sluice
