#include "layers/up_sampling.h"

#include "tests/testing/gradient_check.h"
#include "tests/testing/program/layer_check.h"
#include "tests/testing/program/program_fixture.h"

namespace sluice::layers {
namespace {

class UpSamplingTest : public ProgramFixture {};

// Every element `times[i]` times along dimension i.
Tensor Repeated(const Tensor& x, const std::vector<int64_t>& times) {
  const TensorShape from(x.shape());
  std::vector<int64_t> dims;
  for (int i = 0; i < from.rank(); ++i) dims.push_back(from.dim(i) * times[i]);
  const TensorShape to{absl::Span<const int64_t>(dims)};
  const std::vector<double> values = ToDoubles(x);
  std::vector<double> y;
  for (int64_t o = 0; o < to.num_elements(); ++o) {
    int64_t rest = o, source = 0, stride = 1;
    for (int i = to.rank() - 1; i >= 0; --i) {
      source += rest % dims[i] / times[i] * stride;
      stride *= from.dim(i);
      rest /= dims[i];
    }
    y.push_back(values[source]);
  }
  return FromDoubles(x.dtype(), to, y);
}

TEST_F(UpSamplingTest, ByHand) {
  const Output x = Values({1, 2, 2}, {1, 2, 3, 4});
  ExpectClose(Run(UpSampling1D(root_, x)), Tensor::Of<float>({1, 4, 2}, {1, 2, 1, 2, 3, 4, 3, 4}));
}

TEST_F(UpSamplingTest, AgainstLoops) {
  const DataFormat first = DataFormat::kChannelsFirst;
  const auto random = [](const TensorShape& shape) { return RandomTensor(DType::kFloat, shape); };
  const Tensor line = random({2, 3, 4}), image = random({2, 3, 5, 2}),
               volume = random({1, 2, 3, 2, 3});
  const Output l = ops::Const(root_, line), i = ops::Const(root_, image),
               v = ops::Const(root_, volume);
  const std::vector<Tensor> y =
      Run({UpSampling1D(root_, l, {.size = 3}), UpSampling2D(root_, i, {.size = {2, 3}}),
           UpSampling2D(root_, i, {.size = {2, 3}, .data_format = first}),
           UpSampling3D(root_, v, {.size = {2, 1, 3}}),
           UpSampling3D(root_, v, {.size = {2, 1, 3}, .data_format = first})});
  ExpectClose(y[0], Repeated(line, {1, 3, 1}));
  ExpectClose(y[1], Repeated(image, {1, 2, 3, 1}));
  ExpectClose(y[2], Repeated(image, {1, 1, 2, 3}));
  ExpectClose(y[3], Repeated(volume, {1, 2, 1, 3, 1}));
  ExpectClose(y[4], Repeated(volume, {1, 1, 2, 1, 3}));
}

TEST_F(UpSamplingTest, Bilinear) {
  // Cell i lies at i / 2: 0, 0.5, 1 and, past the last, 1 again.
  const Output x = Values({1, 1, 2, 1}, {2, 4});
  const Output y =
      UpSampling2D(root_, x, {.size = {1, 2}, .interpolation = Interpolation::kBilinear});
  ExpectClose(Run(y), Tensor::Of<float>({1, 1, 4, 1}, {2, 3, 4, 4}));
  const Output first = Values({1, 1, 1, 2}, {2, 4});
  session_.reset();
  ExpectClose(Run(UpSampling2D(root_, first,
                               {.size = {1, 2},
                                .data_format = DataFormat::kChannelsFirst,
                                .interpolation = Interpolation::kBilinear})),
              Tensor::Of<float>({1, 1, 1, 4}, {2, 3, 4, 4}));
}

TEST_F(UpSamplingTest, Shapes) {
  EXPECT_EQ(UpSampling1D(root_, Input({-1, 3, 4})).shape(), TensorShape({-1, 6, 4}));
  EXPECT_EQ(UpSampling1D(root_, Input({-1, -1, 4})).shape(), TensorShape({-1, -1, 4}));
  EXPECT_EQ(UpSampling2D(root_, Input({-1, 3, 4, 5}), {.size = {3, 2}}).shape(),
            TensorShape({-1, 9, 8, 5}));
  EXPECT_EQ(UpSampling3D(root_, Input({-1, 3, 4, 5, 6})).shape(), TensorShape({-1, 6, 8, 10, 6}));
}

TEST_F(UpSamplingTest, UnknownSizesRun) {
  const Output line = Input({-1, -1, 1}), image = Input({-1, -1, -1, 1}),
               volume = Input({-1, -1, -1, -1, -1});
  const Feeds feeds = {{line, Tensor::Of<float>({1, 2, 1}, {1, 2})},
                       {image, Tensor::Of<float>({1, 1, 2, 1}, {1, 2})},
                       {volume, Tensor::Of<float>({1, 1, 1, 2, 1}, {1, 2})}};
  const std::vector<Tensor> y = Run({UpSampling1D(root_, line), UpSampling2D(root_, image),
                                     UpSampling3D(root_, volume, {.size = {1, 1, 2}})},
                                    feeds);
  ExpectClose(y[0], Tensor::Of<float>({1, 4, 1}, {1, 1, 2, 2}));
  ExpectClose(y[1], Tensor::Of<float>({1, 2, 4, 1}, {1, 1, 2, 2, 1, 1, 2, 2}));
  ExpectClose(y[2], Tensor::Of<float>({1, 1, 1, 4, 1}, {1, 1, 2, 2}));
}

TEST_F(UpSamplingTest, Gradients) {
  CheckLayerGradients(UpSampling1DLayer({.size = 3}), {RandomTensor(DType::kDouble, {2, 3, 2})},
                      {.shapes = {{-1, -1, 2}}});
  CheckLayerGradients(
      UpSampling2DLayer({.size = {2, 3}, .data_format = DataFormat::kChannelsFirst}),
      {RandomTensor(DType::kDouble, {1, 2, 2, 3})});
  CheckLayerGradients(UpSampling3DLayer({}), {RandomTensor(DType::kDouble, {1, 2, 1, 2, 2})});
}

TEST_F(UpSamplingTest, BilinearKeepsTheDtype) {
  const Output y = UpSampling2D(root_, Input({1, 2, 2, 1}, DType::kHalf),
                                {.interpolation = Interpolation::kBilinear});
  EXPECT_EQ(y.dtype(), DType::kHalf);
}

TEST_F(UpSamplingTest, SizesArePositive) {
  UpSampling3D(root_, Input({1, 2, 2, 2, 1}), {.size = {1, 0, 1}});
  ExpectInvalid("The `size` argument must be > 0. Received: 0");
}

TEST_F(UpSamplingTest, RankIsChecked) {
  UpSampling1D(root_, Input({1, 2, 2, 2}));
  ExpectInvalid("expected ndim=3, found ndim=4");
}

TEST_F(UpSamplingTest, Configs) {
  ConfigRoundTrip(UpSampling1DLayer({.size = 3, .name = "up"}), {{-1, 2, 2}});
  ConfigRoundTrip(UpSampling2DLayer({.size = {3, 2},
                                     .data_format = DataFormat::kChannelsFirst,
                                     .interpolation = Interpolation::kBilinear}),
                  {{-1, 2, 2, 2}});
  ConfigRoundTrip(UpSampling3DLayer({.size = {3, 2, 1}}), {{-1, 2, 2, 2, 2}});
  EXPECT_THAT(LayerFromConfig({"UpSampling2D", {{"interpolation", "cubic"}}}).status(),
              StatusIs(absl::StatusCode::kInvalidArgument, "The `interpolation` argument"));
}

}  // namespace
}  // namespace sluice::layers
