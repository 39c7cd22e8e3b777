#include "layers/zero_padding.h"

#include "tests/testing/program/layer_check.h"
#include "tests/testing/program/program_fixture.h"

namespace sluice::layers {
namespace {

class ZeroPaddingTest : public ProgramFixture {};

TEST_F(ZeroPaddingTest, Sequences) {
  const Output x = Values({1, 2, 2}, {1, 2, 3, 4});
  const Output one = ZeroPadding1D(root_, x), two = ZeroPadding1D(root_, x, {.padding = {0, 2}});
  EXPECT_EQ(one.name(), "zero_padding1d/Pad:0");
  const std::vector<Tensor> y = Run({one, two});
  ExpectClose(y[0], Tensor::Of<float>({1, 4, 2}, {0, 0, 1, 2, 3, 4, 0, 0}));
  ExpectClose(y[1], Tensor::Of<float>({1, 4, 2}, {1, 2, 3, 4, 0, 0, 0, 0}));
}

TEST_F(ZeroPaddingTest, Images) {
  const Output x = Values({1, 1, 2, 1}, {1, 2});
  const Output y = ZeroPadding2D(root_, x, {.padding = {{0, 1}, {2, 0}}});
  ExpectClose(Run(y), Tensor::Of<float>({1, 2, 4, 1}, {0, 0, 1, 2, 0, 0, 0, 0}));
  const Output symmetric = ZeroPadding2D(root_, x, {.padding = {0, 1}});
  session_.reset();
  ExpectClose(Run(symmetric), Tensor::Of<float>({1, 1, 4, 1}, {0, 1, 2, 0}));
}

TEST_F(ZeroPaddingTest, ImagesWithChannelsFirst) {
  const Output x = Values({1, 2, 1, 1}, {1, 2});
  const Output y = ZeroPadding2D(
      root_, x, {.padding = {{1, 0}, {0, 1}}, .data_format = DataFormat::kChannelsFirst});
  ExpectClose(Run(y), Tensor::Of<float>({1, 2, 2, 2}, {0, 0, 1, 0, 0, 0, 2, 0}));
}

TEST_F(ZeroPaddingTest, Volumes) {
  EXPECT_EQ(ZeroPadding3D(root_, Input({-1, 2, 3, 4, 5})).shape(), TensorShape({-1, 4, 5, 6, 5}));
  const Margin3 padding = {{1, 2}, {3, 4}, {5, 6}};
  EXPECT_EQ(ZeroPadding3D(root_, Input({-1, 2, 3, -1, 5}), {.padding = padding}).shape(),
            TensorShape({-1, 5, 10, -1, 5}));
  EXPECT_EQ(ZeroPadding3D(root_, Input({-1, 2, 3, 4, 5}),
                          {.padding = padding, .data_format = DataFormat::kChannelsFirst})
                .shape(),
            TensorShape({-1, 2, 6, 11, 16}));
}

TEST_F(ZeroPaddingTest, Gradients) {
  CheckLayerGradients(ZeroPadding1DLayer({.padding = {1, 2}}),
                      {RandomTensor(DType::kDouble, {2, 3, 2})}, {.shapes = {{-1, -1, 2}}});
  CheckLayerGradients(
      ZeroPadding2DLayer({.padding = {1, 2}, .data_format = DataFormat::kChannelsFirst}),
      {RandomTensor(DType::kDouble, {1, 2, 2, 3})});
  CheckLayerGradients(ZeroPadding3DLayer({.padding = {1, 0, 2}}),
                      {RandomTensor(DType::kDouble, {1, 2, 2, 1, 2})});
}

TEST_F(ZeroPaddingTest, NegativePaddingIsRefused) {
  ZeroPadding2D(root_, Input({1, 2, 2, 1}), {.padding = {{0, -1}, 0}});
  ExpectInvalid(
      "`padding` should be an int >= 0, or a tuple of 2 ints or pairs of ints >= 0. Found: (0, "
      "-1)");
}

TEST_F(ZeroPaddingTest, RankIsChecked) {
  ZeroPadding1D(root_, Input({1, 2, 2, 1}));
  ExpectInvalid("expected ndim=3, found ndim=4");
}

TEST_F(ZeroPaddingTest, Configs) {
  ConfigRoundTrip(ZeroPadding1DLayer({.padding = {1, 2}, .name = "z"}), {{-1, 2, 2}});
  ConfigRoundTrip(
      ZeroPadding2DLayer({.padding = {{1, 2}, {3, 4}}, .data_format = DataFormat::kChannelsFirst}),
      {{-1, 2, 2, 2}});
  ConfigRoundTrip(ZeroPadding3DLayer({.padding = {1, 2, 3}}), {{-1, 2, 2, 2, 2}});
}

TEST_F(ZeroPaddingTest, ConfigsTakeNumbersForAll) {
  const auto read = [](ConfigValue padding) {
    const auto layer = LayerFromConfig({"ZeroPadding2D", {{"padding", std::move(padding)}}});
    return dynamic_cast<const ZeroPadding2DLayer&>(**layer).options().padding;
  };
  EXPECT_EQ(read(int64_t{3}), Margin2(3));
  EXPECT_EQ(read(std::vector<int64_t>{1, 2}), Margin2(1, 2));
  EXPECT_EQ(read(std::vector<int64_t>{1, 2, 3, 4}), Margin2({1, 2}, {3, 4}));
  EXPECT_EQ(read(std::vector<int64_t>{1, 2, 3}), Margin2(-1));
}

}  // namespace
}  // namespace sluice::layers
