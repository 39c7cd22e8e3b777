#include "ops/conv3d.h"

#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "tests/testing/conv_reference.h"
#include "tests/testing/op_test.h"

namespace sluice {
namespace {

const ConvCase kCases[] = {
    {"valid", {1, 3, 4, 5, 2}, {2, 3, 2, 2, 3}, {1, 2, 2, 4, 3}},
    {"same", {2, 3, 3, 4, 1}, {3, 2, 3, 1, 2}, {2, 3, 3, 4, 2}, {1, 0, 1}, "SAME"},
    {"same_stride2",
     {1, 5, 4, 3, 2},
     {3, 3, 3, 2, 2},
     {1, 3, 2, 2, 2},
     {1, 0, 1},
     "SAME",
     {1, 2, 2, 2, 1}},
    {"unequal_strides",
     {1, 6, 5, 7, 2},
     {2, 2, 3, 2, 3},
     {1, 3, 4, 2, 3},
     {0, 0, 0},
     "VALID",
     {1, 2, 1, 3, 1}},
    {"dilated",
     {1, 5, 5, 4, 2},
     {2, 3, 2, 2, 2},
     {1, 2, 1, 3, 2},
     {0, 0, 0},
     "VALID",
     {},
     {1, 3, 2, 1, 1}},
    {"dilated_same",
     {1, 4, 3, 5, 1},
     {2, 1, 3, 1, 2},
     {1, 4, 3, 5, 2},
     {1, 0, 1},
     "SAME",
     {},
     {1, 2, 1, 1, 1}},
    {"kernel_of_depth_1", {1, 3, 4, 4, 3}, {1, 3, 3, 3, 4}, {1, 3, 2, 2, 4}},
    {"image_of_depth_1", {1, 1, 5, 5, 2}, {1, 3, 3, 2, 4}, {1, 1, 3, 3, 4}},
    {"padded_image_of_depth_1",
     {1, 1, 3, 3, 2},
     {3, 3, 3, 2, 2},
     {1, 1, 3, 3, 2},
     {1, 1, 1},
     "SAME"},
    {"pointwise", {2, 2, 3, 2, 5}, {1, 1, 1, 5, 7}, {2, 2, 3, 2, 7}},
    {"as_large_as_the_image", {3, 2, 3, 2, 2}, {2, 3, 2, 2, 5}, {3, 1, 1, 1, 5}},
    {"many_channels", {1, 3, 4, 4, 17}, {2, 2, 2, 17, 16}, {1, 2, 3, 3, 16}},
    {"ncdhw",
     {2, 3, 4, 3, 5},
     {3, 3, 3, 3, 2},
     {2, 2, 4, 3, 5},
     {1, 1, 1},
     "SAME",
     {},
     {},
     "NCDHW"},
    {"ncdhw_strides",
     {1, 2, 4, 5, 6},
     {2, 2, 2, 2, 3},
     {1, 3, 3, 2, 2},
     {0, 0, 0},
     "VALID",
     {1, 1, 1, 2, 3},
     {},
     "NCDHW"},
};

const ConvOps kOps = {"Conv3D", "Conv3DBackpropInputV2", "Conv3DBackpropFilterV2"};

class Conv3DTest : public ::testing::TestWithParam<ConvCase> {};
TEST_P(Conv3DTest, MatchesNaiveLoops) { ExpectMatchesNaiveLoops(kOps, GetParam()); }
TEST_P(Conv3DTest, GradientsAreNumeric) { ExpectNumericGradients(kOps, GetParam()); }
INSTANTIATE_TEST_SUITE_P(All, Conv3DTest, ::testing::ValuesIn(kCases),
                         [](const auto& info) { return info.param.name; });

OpTest Plain(const char* op, const char* file = __builtin_FILE(), int line = __builtin_LINE()) {
  return std::move(
      OpTest(op, file, line).Attr("strides", {1, 1, 1, 1, 1}).Attr("padding", "VALID"));
}

TEST(Conv3D, ByHand) {
  // Two planes of 1x2 pixels; the filter adds the first plane's pixel to 10 times the second's.
  Plain("Conv3D")
      .Input({1, 2, 1, 2, 1}, {1, 2, 3, 4})
      .Input({2, 1, 1, 1, 1}, {1, 10})
      .Expect({1, 1, 1, 2, 1}, {31, 42});
}

TEST(Conv3D, OlderOpsTakeTheShapeFromATensor) {
  const ConvCase c = {"", {1, 3, 3, 2, 2}, {2, 2, 2, 2, 3}, {1, 2, 2, 1, 3}};
  for (const DType dtype : {DType::kFloat, DType::kDouble, DType::kHalf}) {
    const Tensor x = RandomTensor(dtype, c.input, 1), w = RandomTensor(dtype, c.filter, 2),
                 dy = RandomTensor(dtype, c.output, 3);
    Plain("Conv3DBackpropInput")
        .Input(x)
        .Input(w)
        .Input(dy)
        .Expect(SumOfProducts(c, false, 0, w, dy, c.input), ConvTolerance(dtype));
    Plain("Conv3DBackpropFilter")
        .Input(x)
        .Input(w)
        .Input(dy)
        .Expect(SumOfProducts(c, false, 1, x, dy, c.filter), ConvTolerance(dtype));
  }
}

TEST(Conv3D, InputSizesMayBeInt64) {
  Plain("Conv3DBackpropInputV2")
      .Input<int64_t>({5}, {1, 2, 1, 1, 1})
      .Input({2, 1, 1, 1, 1}, {3, 5})
      .Input({1, 1, 1, 1, 1}, {2})
      .Expect({1, 2, 1, 1, 1}, {6, 10});
}

TEST(Conv3D, EmptyBatch) {
  ExpectServesEmptyBatch(kOps, {"", {0, 3, 3, 2, 2}, {2, 2, 1, 2, 4}, {0, 2, 2, 2, 4}});
}

TEST(Conv3DErrors, Rejected) {
  constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;
  const Tensor x = RandomTensor(DType::kFloat, {1, 4, 4, 4, 3}),
               w = RandomTensor(DType::kFloat, {2, 2, 2, 3, 2}),
               dy = RandomTensor(DType::kFloat, {1, 3, 3, 3, 2});
  Plain("Conv3D")
      .Input(RandomTensor(DType::kFloat, {4, 4, 4, 3}))
      .Input(w)
      .ExpectError(kInvalid, "Shape must be rank 5 but is rank 4");
  Plain("Conv3D")
      .Input(x)
      .Input(RandomTensor(DType::kFloat, {2, 2, 2, 2, 2}))
      .ExpectError(kInvalid, "Dimensions must be equal, but are 3 and 2");
  Plain("Conv3D")
      .Attr("strides", {1, 1, 0, 1, 1})
      .Input(x)
      .Input(w)
      .ExpectError(kInvalid, "Stride must be > 0, but got 0");
  Plain("Conv3D")
      .Attr("strides", {1, 1, 1, 1, 1, 1})
      .Input(x)
      .Input(w)
      .ExpectError(kInvalid, "must specify 5 dimensions, got 6");
  Plain("Conv3D")
      .Attr("dilations", {1, 1, 1, 1, 2})
      .Input(x)
      .Input(w)
      .ExpectError(kInvalid, "dilations in the batch and depth dimensions");
  Plain("Conv3D")
      .Input(x)
      .Input(RandomTensor(DType::kFloat, {5, 2, 2, 3, 2}))
      .ExpectError(kInvalid, "Negative dimension size caused by subtracting 5 from 4");
  Plain("Conv3DBackpropInputV2")
      .Input<int32_t>({5}, {1, 5, 4, 4, 3})
      .Input(w)
      .Input(dy)
      .ExpectError(kInvalid, "the convolution's output is [1,4,3,3,2]");
  Plain("Conv3DBackpropInputV2")
      .Input<int32_t>({4}, {1, 4, 4, 4})
      .Input(w)
      .Input(dy)
      .ExpectError(kInvalid, "input_sizes must contain 5 values, but got: 4");
  Plain("Conv3DBackpropFilterV2")
      .Input(x)
      .Input<int32_t>({5}, {2, 2, -1, 3, 2})
      .Input(dy)
      .ExpectError(kInvalid, "filter_sizes must not hold negative sizes");
}

TEST(Conv3DShape, UnknownDimensions) {
  OpTest test = Plain("Conv3D");
  test.Input(RandomTensor(DType::kFloat, {1, 4, 4, 4, 3}))
      .Input(RandomTensor(DType::kFloat, {2, 2, 2, 3, 2}));
  EXPECT_EQ(*test.InferShape({TensorShape::Unknown(), TensorShape::Unknown()}),
            TensorShape::OfRank(5));
  EXPECT_EQ(*test.InferShape({{-1, 4, -1, 5, 3}, {2, 3, 2, -1, 7}}),
            TensorShape({-1, 3, -1, 4, 7}));
}

}  // namespace
}  // namespace sluice
