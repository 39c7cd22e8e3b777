// Rule LY-4.
#include "layers/pooling.h"

#include <string>

#include "layers/all_layers.h"
#include "proto/config.pb.h"
#include "tests/testing/gradient_check.h"
#include "tests/testing/pool_reference.h"
#include "tests/testing/program/program_fixture.h"

namespace sluice::layers {
namespace {

class PoolingTest : public ProgramFixture {
 protected:
  Output Nine() { return Values({1, 3, 3, 1}, {1, 2, 3, 4, 9, 6, 7, 8, 5}); }
};

TEST_F(PoolingTest, Max) {
  const Output y = MaxPooling2D(root_, Nine(), {.pool_size = {1, 2}, .strides = 1});
  EXPECT_EQ(y.name(), "max_pooling2d/MaxPool:0");
  ExpectClose(Run(y), Tensor::Of<float>({1, 3, 2, 1}, {2, 3, 9, 9, 8, 8}));
  EXPECT_TRUE(graph_.GlobalVariables().empty());
}

TEST_F(PoolingTest, AverageOfSamePaddingDividesByTheCellsThatExist) {
  const Output y =
      AveragePooling2D(root_, Nine(), {.pool_size = 2, .strides = 2, .padding = Padding::kSame});
  EXPECT_EQ(y.name(), "average_pooling2d/AvgPool:0");
  ExpectClose(Run(y), Tensor::Of<float>({1, 2, 2, 1}, {4, 4.5, 7.5, 5}));
}

TEST_F(PoolingTest, SequencesByHand) {
  const Output x = Values({1, 5, 1}, {1, 5, 2, 3, 4});
  const Pooling1DOptions same = {.pool_size = 2, .strides = 2, .padding = Padding::kSame};
  ExpectClose(Run(MaxPooling1D(root_, x, same)), Tensor::Of<float>({1, 3, 1}, {5, 3, 4}));
  session_.reset();
  ExpectClose(Run(AveragePooling1D(root_, x, same)), Tensor::Of<float>({1, 3, 1}, {3, 2.5, 4}));
}

TEST_F(PoolingTest, VolumesByHand) {
  const Output x = Values({1, 2, 2, 2, 1}, {1, 2, 3, 4, 5, 6, 7, 8});
  const Output max = MaxPooling3D(root_, x, {.pool_size = {2, 1, 2}, .strides = 1});
  const Output mean = AveragePooling3D(root_, x, {.pool_size = {2, 1, 2}, .strides = 1});
  EXPECT_EQ(max.name(), "max_pooling3d/MaxPool3D:0");
  EXPECT_EQ(mean.name(), "average_pooling3d/AvgPool3D:0");
  ExpectClose(Run(max), Tensor::Of<float>({1, 1, 2, 1, 1}, {6, 8}));
  ExpectClose(Run(mean), Tensor::Of<float>({1, 1, 2, 1, 1}, {3.5, 5.5}));
}

TEST_F(PoolingTest, NamesAreUnique) {
  const Pooling2DOptions options = {.pool_size = 2, .strides = 2};
  EXPECT_EQ(MaxPooling2D(root_, Nine(), options).name(), "max_pooling2d/MaxPool:0");
  EXPECT_EQ(MaxPool2D(root_, Nine(), options).name(), "max_pooling2d_1/MaxPool:0");
  EXPECT_EQ(MaxPooling2D(root_, Nine(), {.pool_size = 2, .strides = 2, .name = "pool"}).name(),
            "pool/MaxPool:0");
}

TEST_F(PoolingTest, Shapes) {
  EXPECT_EQ(MaxPooling2D(root_, Input({-1, 28, 28, 3}), {.pool_size = 2, .strides = 2}).shape(),
            TensorShape({-1, 14, 14, 3}));
  EXPECT_EQ(AveragePooling2D(
                root_, Input({2, 3, 7, 9}),
                {.pool_size = {3, 2}, .strides = {2, 3}, .data_format = DataFormat::kChannelsFirst})
                .shape(),
            TensorShape({2, 3, 3, 3}));
  EXPECT_EQ(MaxPooling1D(root_, Input({-1, -1, 3}), {.pool_size = 2, .strides = 2}).shape(),
            TensorShape({-1, -1, 3}));
  EXPECT_EQ(AveragePooling3D(root_, Input({-1, 6, 7, -1, 4}),
                             {.pool_size = 3, .strides = {1, 2, 3}, .padding = Padding::kSame})
                .shape(),
            TensorShape({-1, 6, 4, -1, 4}));
}

TEST_F(PoolingTest, UnknownSizesRun) {
  const Output x = Input({-1, -1, 1});
  const Output y = MaxPooling1D(root_, x, {.pool_size = 2, .strides = 1});
  ExpectClose(Run(y, {{x, Tensor::Of<float>({1, 3, 1}, {3, 1, 2})}}),
              Tensor::Of<float>({1, 2, 1}, {3, 2}));
}

TEST_F(PoolingTest, ShapesWithoutACall) {
  const MaxPooling1DLayer layer({.pool_size = 3, .strides = 2, .padding = Padding::kSame});
  const absl::StatusOr<TensorShape> shape = layer.ComputeOutputShape({-1, 7, 2});
  ASSERT_THAT(shape, IsOk());
  EXPECT_EQ(*shape, TensorShape({-1, 4, 2}));
}

// --- against plain loops ---

// For a layer over 1, 2 or 3 dimensions.
Output Pooled(At at, bool max, const Output& x, const PoolCase& c) {
  const DataFormat format =
      c.channels_first() ? DataFormat::kChannelsFirst : DataFormat::kChannelsLast;
  const Padding padding = c.padding == "SAME" ? Padding::kSame : Padding::kValid;
  const int first = c.channels_first() ? 2 : 1;
  const auto k = [&](int i) { return c.ksize[first + i]; };
  const auto s = [&](int i) { return c.strides[first + i]; };
  switch (c.input.rank()) {
    case 3:
      return (max ? MaxPooling1D : AveragePooling1D)(at, x, {k(0), s(0), padding, format});
    case 4:
      return (max ? MaxPooling2D : AveragePooling2D)(at, x,
                                                     {{k(0), k(1)}, {s(0), s(1)}, padding, format});
    default:
      return (max ? MaxPooling3D : AveragePooling3D)(
          at, x, {{k(0), k(1), k(2)}, {s(0), s(1), s(2)}, padding, format});
  }
}

const PoolCase kCases[] = {
    {"line", {2, 7, 3}, {2, 3, 3}, {1, 3, 1}, {1, 2, 1}},
    {"line_same", {2, 7, 3}, {2, 4, 3}, {1, 4, 1}, {1, 2, 1}, {1}, "SAME"},
    {"line_first", {2, 3, 8}, {2, 3, 3}, {1, 1, 3}, {1, 1, 3}, {0}, "SAME", "NCHW"},
    {"line_first_valid", {1, 2, 8}, {1, 2, 2}, {1, 1, 3}, {1, 1, 4}, {0}, "VALID", "NCHW"},
    {"image", {2, 5, 6, 3}, {2, 2, 3, 3}, {1, 3, 2, 1}, {1, 2, 2, 1}},
    {"image_same", {1, 5, 7, 2}, {1, 3, 3, 2}, {1, 3, 2, 1}, {1, 2, 3, 1}, {1, 0}, "SAME"},
    {"image_first", {1, 2, 5, 7}, {1, 2, 3, 3}, {1, 1, 3, 2}, {1, 1, 2, 3}, {1, 0}, "SAME", "NCHW"},
    {"volume", {1, 5, 3, 4, 2}, {1, 2, 1, 2, 2}, {1, 2, 2, 2, 1}, {1, 2, 2, 2, 1}},
    {"volume_same",
     {2, 5, 4, 3, 2},
     {2, 3, 2, 2, 2},
     {1, 3, 3, 3, 1},
     {1, 2, 2, 2, 1},
     {1, 0, 1},
     "SAME"},
    {"volume_first",
     {2, 3, 4, 4, 3},
     {2, 3, 2, 2, 2},
     {1, 1, 2, 3, 2},
     {1, 1, 2, 2, 2},
     {0, 0, 0},
     "SAME",
     "NCDHW"},
};

class PoolingLoopsTest : public ProgramFixture, public ::testing::WithParamInterface<PoolCase> {};

TEST_P(PoolingLoopsTest, Values) {
  const PoolCase& c = GetParam();
  const Tensor x = RandomTensor(DType::kFloat, c.input, 1);
  const Output in = ops::Const(root_, x);
  const Output max = Pooled(root_, true, in, c), mean = Pooled(root_, false, in, c);
  EXPECT_EQ(max.shape(), c.output);
  const std::vector<Tensor> y = Run({max, mean});
  ExpectClose(y[0], PooledMaxima(c, x));
  ExpectClose(y[1], PooledMeans(c, x));
}

TEST_P(PoolingLoopsTest, Gradients) {
  const PoolCase& c = GetParam();
  const Tensor x = LadderTensor(DType::kDouble, c.input, 1);
  for (const bool max : {false, true}) {
    if (max && c.input.rank() == 5) continue;  // MaxPool3D has no kernel in double
    CheckGradient([&](At at, const Outputs& in) { return Outputs{Pooled(at, max, in[0], c)}; }, {x},
                  {.unknown_rank = false});
  }
}

INSTANTIATE_TEST_SUITE_P(All, PoolingLoopsTest, ::testing::ValuesIn(kCases),
                         [](const auto& info) { return info.param.name; });

// --- errors ---

TEST_F(PoolingTest, StridesAreRequired) {
  EXPECT_TRUE(MaxPooling2D(root_, Nine(), {.pool_size = 2}).empty());
  ExpectInvalid("Argument `strides` must not be None.");
}

TEST_F(PoolingTest, StridesArePositive) {
  MaxPooling3D(root_, Input({1, 2, 2, 2, 1}), {.pool_size = 2, .strides = {1, 0, 1}});
  ExpectInvalid("The `strides` argument must be a tuple of 3 integers. Received: (1, 0, 1)");
}

TEST_F(PoolingTest, PoolSizeIsRequired) {
  AveragePooling2D(root_, Nine(), {.strides = 2});
  ExpectInvalid("The `pool_size` argument must be a tuple of 2 integers. Received: (0, 0)");
}

TEST_F(PoolingTest, PoolSizeOfASequence) {
  AveragePooling1D(root_, Input({1, 3, 1}), {.strides = 2});
  ExpectInvalid("The `pool_size` argument must be a tuple of 1 integers. Received: (0)");
}

TEST_F(PoolingTest, RankIsChecked) {
  MaxPooling2D(root_, Input({3, 3, 1}), {.pool_size = 2, .strides = 2});
  ExpectInvalid("expected ndim=4, found ndim=3. Full shape received: [3,3,1]");
}

TEST_F(PoolingTest, RankOfASequenceIsChecked) {
  MaxPooling1D(root_, Nine(), {.pool_size = 2, .strides = 2});
  ExpectInvalid("expected ndim=3, found ndim=4");
}

TEST_F(PoolingTest, RankOfAVolumeIsChecked) {
  AveragePooling3D(root_, Nine(), {.pool_size = 2, .strides = 2});
  ExpectInvalid("expected ndim=5, found ndim=4");
}

TEST_F(PoolingTest, CausalPaddingIsRefused) {
  MaxPooling1D(root_, Input({1, 3, 1}),
               {.pool_size = 2, .strides = 2, .padding = Padding::kCausal});
  ExpectInvalid("Causal padding is only supported for");
}

TEST_F(PoolingTest, AWindowLargerThanTheInputIsRefused) {
  MaxPooling2D(root_, Nine(), {.pool_size = 4, .strides = 1});
  ExpectInvalid("Negative dimension size caused by subtracting");
}

// --- config ---

TEST_F(PoolingTest, ConfigRoundTrip) {
  const AveragePooling3DLayer layer({.pool_size = {1, 2, 3},
                                     .strides = 2,
                                     .padding = Padding::kSame,
                                     .data_format = DataFormat::kChannelsFirst,
                                     .name = "pool"});
  const auto config = layer.GetConfig();
  ASSERT_THAT(config, IsOk());
  const auto again = FromConfig(*config);
  ASSERT_THAT(again, IsOk());
  EXPECT_EQ((*again)->class_name(), "AveragePooling3D");
  const auto& options = dynamic_cast<const AveragePooling3DLayer&>(**again).options();
  EXPECT_EQ(options.pool_size, Int3(1, 2, 3));
  EXPECT_EQ(options.strides, Int3(2));
  EXPECT_EQ(options.padding, Padding::kSame);
  EXPECT_EQ(options.data_format, DataFormat::kChannelsFirst);
  EXPECT_EQ(options.name.text(), "pool");
}

TEST_F(PoolingTest, ConfigsRefuseOtherWords) {
  const auto read = [](const char* field, ConfigValue value) {
    return LayerFromConfig({"MaxPooling2D", {{field, std::move(value)}}}).status();
  };
  EXPECT_THAT(read("padding", std::string("full")),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       "The `padding` argument must be one of"));  // CV-11
  EXPECT_THAT(read("data_format", std::string("NHWC")),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       "The `data_format` argument must be one of"));  // CV-12
  EXPECT_THAT(read("pool_size", std::vector<int64_t>{1, 2, 3}),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       "The `pool_size` argument must be a tuple of 2 integers"));  // CV-10
}

}  // namespace
}  // namespace sluice::layers
