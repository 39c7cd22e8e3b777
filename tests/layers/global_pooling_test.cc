// Pooling over everything but batch and channels.
#include "layers/global_pooling.h"

#include "layers/all_layers.h"
#include "proto/config.pb.h"
#include "tests/testing/conv_reference.h"
#include "tests/testing/gradient_check.h"
#include "tests/testing/program/program_fixture.h"

namespace sluice::layers {
namespace {

class GlobalPoolingTest : public ProgramFixture {};

TEST_F(GlobalPoolingTest, ByHand) {
  const Output x = Values({1, 3, 2}, {1, 6, 5, 2, 3, 1});
  const Output max = GlobalMaxPooling1D(root_, x), mean = GlobalAveragePooling1D(root_, x);
  EXPECT_EQ(max.name(), "global_max_pooling1d/Max:0");
  EXPECT_EQ(mean.name(), "global_average_pooling1d/Mean:0");
  const std::vector<Tensor> y = Run({max, mean});
  ExpectClose(y[0], Tensor::Of<float>({1, 2}, {5, 6}));
  ExpectClose(y[1], Tensor::Of<float>({1, 2}, {3, 3}));
}

using Builder = Output (*)(At, Output, GlobalPoolingOptions);
struct Case {
  Builder max, mean;
  TensorShape shape;
  bool first;
};
const Case kCases[] = {
    {GlobalMaxPooling1D, GlobalAveragePooling1D, {2, 5, 3}, false},
    {GlobalMaxPool1D, GlobalAvgPool1D, {2, 3, 5}, true},
    {GlobalMaxPooling2D, GlobalAveragePooling2D, {2, 3, 5, 4}, false},
    {GlobalMaxPool2D, GlobalAvgPool2D, {2, 4, 3, 5}, true},
    {GlobalMaxPooling3D, GlobalAveragePooling3D, {1, 2, 3, 4, 3}, false},
    {GlobalMaxPool3D, GlobalAvgPool3D, {2, 3, 2, 3, 1}, true},
};

TEST_F(GlobalPoolingTest, AgainstLoops) {
  for (const Case& c : kCases) {
    const ImageLayout layout(c.shape, c.first);
    const Tensor x = RandomTensor(DType::kFloat, c.shape, 3);
    const std::vector<double> values = ToDoubles(x);
    std::vector<double> max, mean;
    for (int64_t n = 0; n < c.shape.dim(0); ++n)
      for (int64_t channel = 0; channel < layout.channels; ++channel) {
        double best = -1e9, sum = 0;
        for (int64_t p = 0; p < layout.pixels; ++p) {
          const double value = values[layout.offset(n, p, channel)];
          best = std::max(best, value);
          sum += value;
        }
        max.push_back(best);
        mean.push_back(sum / layout.pixels);
      }
    const GlobalPoolingOptions options = {.data_format = c.first ? DataFormat::kChannelsFirst
                                                                 : DataFormat::kChannelsLast};
    const Output in = ops::Const(root_, x);
    const Outputs made = {c.max(root_, in, options), c.mean(root_, in, options)};
    const TensorShape out = {c.shape.dim(0), layout.channels};
    EXPECT_EQ(made[0].shape(), out);
    session_.reset();
    const std::vector<Tensor> y = Run(made);
    ExpectClose(y[0], FromDoubles(DType::kFloat, out, max));
    ExpectClose(y[1], FromDoubles(DType::kFloat, out, mean));
  }
}

TEST_F(GlobalPoolingTest, Gradients) {
  for (const Case& c : kCases) {
    const GlobalPoolingOptions options = {.data_format = c.first ? DataFormat::kChannelsFirst
                                                                 : DataFormat::kChannelsLast};
    CheckGradient(
        [&](At at, const Outputs& in) {
          return Outputs{c.max(at, in[0], options), c.mean(at, in[0], options)};
        },
        {LadderTensor(DType::kDouble, c.shape)}, {.unknown_rank = false});
  }
}

TEST_F(GlobalPoolingTest, UnknownSizes) {
  EXPECT_EQ(GlobalMaxPooling2D(root_, Input({-1, -1, -1, 3})).shape(), TensorShape({-1, 3}));
}

TEST_F(GlobalPoolingTest, AMaskChoosesSteps) {
  const Output mask = ops::Const<bool>(root_, {true, false, true}, {1, 3});
  GlobalAveragePooling1DLayer last({});
  const Output y = last(root_, Values({1, 3, 2}, {1, 6, 5, 2, 3, 1}), {.masks = {mask}});
  GlobalAveragePooling1DLayer first({.data_format = DataFormat::kChannelsFirst});
  const Output z = first(root_, Values({1, 2, 3}, {1, 5, 3, 6, 2, 1}), {.masks = {mask}});
  ExpectClose(Run(y), Tensor::Of<float>({1, 2}, {2, 3.5}));
  ExpectClose(Run(z), Tensor::Of<float>({1, 2}, {2, 3.5}));
  EXPECT_TRUE(last.GetOutputMaskAt(0)->empty());
}

TEST_F(GlobalPoolingTest, OthersTakeNoMask) {  // L-18
  GlobalMaxPooling1DLayer layer({});
  layer(root_, Input({1, 3, 2}), {.masks = {Input({1, 3}, DType::kBool)}});
  ExpectInvalid("does not support masking");
}

TEST_F(GlobalPoolingTest, RankIsChecked) {
  GlobalAveragePooling3D(root_, Input({1, 3, 2}));
  ExpectInvalid("expected ndim=5, found ndim=3");
}

TEST_F(GlobalPoolingTest, ConfigRoundTrip) {
  for (const std::string name :
       {"GlobalMaxPooling1D", "GlobalMaxPooling2D", "GlobalMaxPooling3D", "GlobalAveragePooling1D",
        "GlobalAveragePooling2D", "GlobalAveragePooling3D"}) {
    const auto layer =
        LayerFromConfig({name, {{"data_format", "channels_first"}, {"name", "all"}}});
    ASSERT_THAT(layer, IsOk());
    const auto again = FromConfig(*(*layer)->GetConfig());
    ASSERT_THAT(again, IsOk());
    EXPECT_EQ((*again)->class_name(), name);
    EXPECT_EQ((*again)->GetConfig()->DebugString(), (*layer)->GetConfig()->DebugString());
    EXPECT_EQ(std::get<std::string>((*again)->ToConfig()->fields.at("data_format")),
              "channels_first");
  }
}

}  // namespace
}  // namespace sluice::layers
