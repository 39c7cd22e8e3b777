#include "layers/cropping.h"

#include "tests/testing/program/layer_check.h"
#include "tests/testing/program/program_fixture.h"

namespace sluice::layers {
namespace {

class CroppingTest : public ProgramFixture {};

TEST_F(CroppingTest, Sequences) {
  const Output x = Values({1, 4, 1}, {1, 2, 3, 4});
  const Output one = Cropping1D(root_, x), two = Cropping1D(root_, x, {.cropping = {2, 0}});
  EXPECT_EQ(one.name(), "cropping1d/strided_slice:0");
  const std::vector<Tensor> y = Run({one, two});
  ExpectClose(y[0], Tensor::Of<float>({1, 2, 1}, {2, 3}));
  ExpectClose(y[1], Tensor::Of<float>({1, 2, 1}, {3, 4}));
}

TEST_F(CroppingTest, Images) {
  const Output x = Values({1, 2, 3, 1}, {1, 2, 3, 4, 5, 6});
  ExpectClose(Run(Cropping2D(root_, x, {.cropping = {{1, 0}, {0, 1}}})),
              Tensor::Of<float>({1, 1, 2, 1}, {4, 5}));
  session_.reset();
  const Output first = Values({1, 1, 2, 3}, {1, 2, 3, 4, 5, 6});
  ExpectClose(
      Run(Cropping2D(root_, first,
                     {.cropping = {{1, 0}, {0, 1}}, .data_format = DataFormat::kChannelsFirst})),
      Tensor::Of<float>({1, 1, 1, 2}, {4, 5}));
  session_.reset();
  ExpectClose(Run(Cropping2D(root_, x)), Tensor::Of<float>({1, 2, 3, 1}, {1, 2, 3, 4, 5, 6}));
}

TEST_F(CroppingTest, Volumes) {
  EXPECT_EQ(Cropping3D(root_, Input({-1, 3, 4, 5, 6})).shape(), TensorShape({-1, 1, 2, 3, 6}));
  const Margin3 cropping = {{1, 2}, {0, 1}, {3, 0}};
  EXPECT_EQ(Cropping3D(root_, Input({-1, 4, -1, 5, 6}), {.cropping = cropping}).shape(),
            TensorShape({-1, 1, -1, 2, 6}));
  EXPECT_EQ(Cropping3D(root_, Input({-1, 4, 4, 5, 6}),
                       {.cropping = cropping, .data_format = DataFormat::kChannelsFirst})
                .shape(),
            TensorShape({-1, 4, 1, 4, 3}));
}

TEST_F(CroppingTest, UnknownSizesRun) {
  const Output x = Input({-1, -1, 1});
  ExpectClose(Run(Cropping1D(root_, x, {.cropping = {1, 2}}),
                  {{x, Tensor::Of<float>({1, 5, 1}, {1, 2, 3, 4, 5})}}),
              Tensor::Of<float>({1, 2, 1}, {2, 3}));
}

TEST_F(CroppingTest, Gradients) {
  CheckLayerGradients(Cropping1DLayer({.cropping = {1, 2}}),
                      {RandomTensor(DType::kDouble, {2, 5, 2})}, {.shapes = {{-1, -1, 2}}});
  CheckLayerGradients(
      Cropping2DLayer({.cropping = {0, 1}, .data_format = DataFormat::kChannelsFirst}),
      {RandomTensor(DType::kDouble, {1, 2, 2, 3})});
  CheckLayerGradients(Cropping3DLayer({.cropping = {1, 0, {0, 2}}}),
                      {RandomTensor(DType::kDouble, {1, 3, 2, 3, 2})});
}

TEST_F(CroppingTest, MoreThanThereIsIsRefused) {
  Cropping2D(root_, Input({1, 2, 3, 1}), {.cropping = {0, {3, 1}}});
  ExpectInvalid("`cropping` (3, 1) is more than the input of shape [1,2,3,1] has");
}

TEST_F(CroppingTest, NegativeCroppingIsRefused) {
  Cropping1D(root_, Input({1, 2, 2}), {.cropping = -1});
  ExpectInvalid("`cropping` should be an int >= 0");
}

TEST_F(CroppingTest, RankIsChecked) {
  Cropping3D(root_, Input({1, 2, 2, 1}));
  ExpectInvalid("expected ndim=5, found ndim=4");
}

TEST_F(CroppingTest, Configs) {
  ConfigRoundTrip(Cropping1DLayer({.cropping = {1, 0}, .name = "c"}), {{-1, 2, 2}});
  ConfigRoundTrip(
      Cropping2DLayer({.cropping = {{1, 0}, {0, 1}}, .data_format = DataFormat::kChannelsFirst}),
      {{-1, 2, 2, 2}});
  ConfigRoundTrip(Cropping3DLayer({.cropping = {1, 0, 1}}), {{-1, 3, 3, 3, 2}});
}

}  // namespace
}  // namespace sluice::layers
