// Noise in training: what it keeps, its mean and variance, and nothing of it otherwise.
#include "layers/noise.h"

#include <cmath>
#include <functional>

#include "tests/testing/conv_reference.h"
#include "tests/testing/program/layer_check.h"
#include "tests/testing/program/program_fixture.h"

namespace sluice::layers {
namespace {

class NoiseTest : public ProgramFixture {
 protected:
  NoiseTest() { graph_.SetSeed(11); }
};

struct Moments {
  double mean = 0, variance = 0;
};
Moments MomentsOf(const std::vector<double>& values) {
  Moments m;
  for (const double v : values) m.mean += v / values.size();
  for (const double v : values) m.variance += (v - m.mean) * (v - m.mean) / values.size();
  return m;
}

// Each channel of each sample is 0 or 1 / (1 - rate) as a whole.
void ExpectWholeChannels(const Tensor& y, bool first, float rate) {
  const TensorShape shape(y.shape());
  const ImageLayout layout(shape, first);
  const std::vector<double> values = ToDoubles(y);
  int64_t kept = 0;
  for (int64_t n = 0; n < shape.dim(0); ++n)
    for (int64_t c = 0; c < layout.channels; ++c) {
      const double v = values[layout.offset(n, 0, c)];
      EXPECT_TRUE(v == 0 || std::abs(v - 1 / (1 - rate)) < 1e-6);
      kept += v != 0;
      for (int64_t p = 0; p < layout.pixels; ++p) EXPECT_EQ(values[layout.offset(n, p, c)], v);
    }
  const double share = 1.0 * kept / (shape.dim(0) * layout.channels);
  EXPECT_NEAR(share, 1 - rate, 0.1);
}

TEST_F(NoiseTest, SpatialDropoutTakesWholeChannels) {
  const auto ones = [&](const TensorShape& shape) { return ops::Const<float>(root_, {1}, shape); };
  const DataFormat first = DataFormat::kChannelsFirst;
  const Outputs ys = {
      SpatialDropout1D(root_, ones({20, 3, 30}), {.rate = 0.25f, .training = true}),
      SpatialDropout2D(root_, ones({20, 3, 2, 30}), {.rate = 0.25f, .training = true}),
      SpatialDropout2D(root_, ones({20, 30, 3, 2}),
                       {.rate = 0.25f, .data_format = first, .training = true}),
      SpatialDropout3D(root_, ones({20, 1, 3, 2, 30}), {.rate = 0.25f, .training = true}),
      SpatialDropout3D(root_, ones({20, 30, 2, 3, 2}),
                       {.rate = 0.25f, .data_format = first, .training = true})};
  const std::vector<Tensor> values = Run(ys);
  const bool is_first[] = {false, false, true, false, true};
  for (size_t i = 0; i < ys.size(); ++i) ExpectWholeChannels(values[i], is_first[i], 0.25f);
}

TEST_F(NoiseTest, SpatialDropoutOfUnknownSizes) {
  const Output x = Input({-1, -1, 4});
  const Output y = SpatialDropout1D(root_, x, {.training = true});
  EXPECT_EQ(y.shape(), TensorShape({-1, -1, 4}));
  ExpectWholeChannels(Run(y, {{x, Tensor::Of<float>({30, 2, 4}, std::vector<float>(240, 1))}}),
                      false, 0.5f);
}

TEST_F(NoiseTest, AlphaDropoutKeepsMeanAndVariance) {
  Graph graph(ops::Builtin());
  graph.SetSeed(3);
  const Scope root = Scope::Root(graph);
  const Output in = ops::Placeholder(root, DType::kFloat, {20000});
  const Output y = AlphaDropout(root, in, {.rate = 0.3f, .training = true});
  absl::StatusOr<Session> session = Session::Create(graph, {.intra_op_threads = 1});
  ASSERT_THAT(session, IsOk());
  // Uniform of mean 0 and variance 1.
  const Tensor values = RandomTensor(DType::kFloat, {20000}, 5, -std::sqrt(3.0), std::sqrt(3.0));
  const std::vector<double> out = ToDoubles((*session->Run({{in, values}}, {y}))[0]);
  const Moments m = MomentsOf(out);
  EXPECT_NEAR(m.mean, 0, 0.03);
  EXPECT_NEAR(m.variance, 1, 0.04);
  // An element is a x + b or a A + b.
  const double floor = -1.0507009873554805 * 1.6732632423543772, rate = 0.3f;
  const double a = 1 / std::sqrt((1 - rate) * (1 + rate * floor * floor));
  const double b = -a * floor * rate;
  const std::vector<double> x_values = ToDoubles(values);
  int64_t dropped = 0;
  for (size_t i = 0; i < out.size(); ++i) {
    const bool kept = std::abs(out[i] - (a * x_values[i] + b)) < 1e-5;
    EXPECT_TRUE(kept || std::abs(out[i] - (a * floor + b)) < 1e-5);
    dropped += !kept;
  }
  EXPECT_NEAR(dropped / 20000.0, 0.3, 0.015);
}

TEST_F(NoiseTest, AlphaDropoutWithANoiseShape) {
  const Output x = ops::Const<float>(root_, {1}, {40, 5});
  const Output y = AlphaDropout(root_, x, {.noise_shape = {-1, 1}, .seed = 4, .training = true});
  const std::vector<double> values = ToDoubles(Run(y));
  int64_t changes = 0;
  for (int64_t n = 0; n < 40; ++n) {
    for (int64_t i = 0; i < 5; ++i) EXPECT_EQ(values[n * 5 + i], values[n * 5]);
    changes += n > 0 && values[n * 5] != values[n * 5 - 5];
  }
  EXPECT_GT(changes, 5);
}

TEST_F(NoiseTest, GaussianNoiseAdds) {
  const Output x = ops::Const<float>(root_, {3}, {20000});
  const Moments m =
      MomentsOf(ToDoubles(Run(GaussianNoise(root_, x, {.stddev = 0.5, .training = true}))));
  EXPECT_NEAR(m.mean, 3, 0.02);
  EXPECT_NEAR(m.variance, 0.25, 0.01);
}

TEST_F(NoiseTest, GaussianDropoutMultiplies) {
  const Output x = ops::Const<float>(root_, {2}, {20000});
  const Moments m =
      MomentsOf(ToDoubles(Run(GaussianDropout(root_, x, {.rate = 0.2f, .training = true}))));
  EXPECT_NEAR(m.mean, 2, 0.03);
  EXPECT_NEAR(m.variance, 4 * 0.2 / 0.8, 0.04);
}

TEST_F(NoiseTest, WithoutTrainingAllAreTheInput) {
  const Output x3 = Input({1, 2, 2}), x4 = Input({1, 2, 1, 2}), x5 = Input({1, 2, 1, 1, 2});
  const Outputs ys = {SpatialDropout1D(root_, x3),
                      SpatialDropout2D(root_, x4),
                      SpatialDropout3D(root_, x5),
                      AlphaDropout(root_, x3),
                      GaussianNoise(root_, x3, {.stddev = 1}),
                      GaussianDropout(root_, x3)};
  EXPECT_EQ(Names(ys), (Strings{"spatial_dropout1d/Identity:0", "spatial_dropout2d/Identity:0",
                                "spatial_dropout3d/Identity:0", "alpha_dropout/Identity:0",
                                "gaussian_noise/Identity:0", "gaussian_dropout/Identity:0"}));
  EXPECT_TRUE(graph_.GlobalVariables().empty());
}

TEST_F(NoiseTest, TrainingMayBeDecidedInARun) {
  const Output training = Input({}, DType::kBool);
  const Output x = ops::Const<float>(root_, {1}, {50});
  const Output y = GaussianNoise(root_, x, {.stddev = 1, .training = training});
  ExpectClose(Run(y, {{training, Tensor::Scalar(false)}}),
              Tensor::Of<float>({50}, std::vector<float>(50, 1)));
  EXPECT_GT(MomentsOf(ToDoubles(Run(y, {{training, Tensor::Scalar(true)}}))).variance, 0.1);
}

TEST_F(NoiseTest, TrainingOfACallWins) {
  GaussianNoiseLayer layer({.stddev = 1});
  const Output y = layer(root_, ops::Const<float>(root_, {1}, {50}), {.training = true});
  EXPECT_GT(MomentsOf(ToDoubles(Run(y))).variance, 0.1);
}

TEST_F(NoiseTest, Errors) {
  const struct {
    std::function<void(At, Output)> build;
    const char* text;
  } cases[] = {
      {[](At at, Output x) { SpatialDropout1D(at, x, {.rate = 1}); },
       "rate must be a float in the range [0, 1), got 1"},
      {[](At at, Output x) { GaussianDropout(at, x, {.rate = -1}); }, "got -1"},
      {[](At at, Output x) { AlphaDropout(at, x, {.rate = 2}); }, "got 2"},
      {[](At at, Output x) { AlphaDropout(at, x, {.noise_shape = {1}}); },
       "noise_shape has 1 entries, the input has shape [2,3,4]"},
      {[](At at, Output x) { GaussianNoise(at, x, {.stddev = -1}); },
       "The `stddev` argument must be >= 0. Received: -1"},
      {[](At at, Output x) { SpatialDropout2D(at, x); }, "expected ndim=4, found ndim=3"},
      {[](At at, Output x) { SpatialDropout3D(at, x); }, "expected ndim=5, found ndim=3"},
      {[](At at, Output x) {
         GaussianNoise(at, x, {.stddev = 1, .training = ops::Const(at, 1.0f)});
       },
       "`training` must be a bool scalar"},
      {[](At at, Output) {
         GaussianNoise(at, ops::Placeholder(at, DType::kInt32, {2}), {.stddev = 1});
       },
       "Input must be floating, got int32"},
  };
  for (const auto& c : cases) {
    Graph graph(ops::Builtin());
    const Scope root = Scope::Root(graph);
    c.build(root, ops::Placeholder(root, DType::kFloat, {2, 3, 4}));
    EXPECT_THAT(graph.status(), StatusIs(absl::StatusCode::kInvalidArgument, c.text));
  }
}

TEST_F(NoiseTest, Configs) {
  const DataFormat first = DataFormat::kChannelsFirst;
  ConfigRoundTrip(SpatialDropout1DLayer({.rate = 0.25f, .training = true}), {{2, 3, 4}});
  ConfigRoundTrip(SpatialDropout2DLayer({.rate = 0.25f, .data_format = first, .training = true}),
                  {{2, 3, 4, 5}});
  ConfigRoundTrip(SpatialDropout3DLayer({.data_format = first, .training = true}),
                  {{2, 3, 4, 5, 6}});
  ConfigRoundTrip(
      AlphaDropoutLayer(
          {.rate = 0.25f, .noise_shape = {-1, 1, 4}, .seed = 3, .training = true, .name = "a"}),
      {{2, 3, 4}});
  ConfigRoundTrip(GaussianNoiseLayer({.stddev = 0.5, .training = true}), {{2, 3}});
  ConfigRoundTrip(GaussianDropoutLayer({.rate = 0.75f, .training = true}), {{2, 3}});
}

}  // namespace
}  // namespace sluice::layers
