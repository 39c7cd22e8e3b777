// Noise put on activations in training (tf.keras.layers.SpatialDropout2D, AlphaDropout,
// GaussianNoise, GaussianDropout). Without training each is the input; `training` as in Dropout:
// a bool, or a bool scalar that every run decides. Floating dtypes, no variables.
#ifndef SLUICE_LAYERS_NOISE_H_
#define SLUICE_LAYERS_NOISE_H_

#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "layers/data_format.h"
#include "layers/layer.h"

namespace sluice::layers {

// SpatialDropout1D has one format: channels last.
struct SpatialDropout1DOptions {
  float rate = 0.5f;  // in [0, 1): the share of channels set to 0
  Training training = false;
  LayerName name = {};  // empty: "spatial_dropout1d", ...

  void Fields(ConfigFields& f);
};
struct SpatialDropoutOptions {
  float rate = 0.5f;
  DataFormat data_format = DataFormat::kChannelsLast;
  Training training = false;
  LayerName name = {};  // empty: "spatial_dropout2d", "spatial_dropout3d", ...

  void Fields(ConfigFields& f);
};

// Dropout of whole channels (Tompson et al. 2015): each channel of each sample is kept as a whole
// and scaled by 1 / (1 - rate), or 0. Rank 3, 4 and 5 for 1D, 2D and 3D.
class SpatialDropout1DLayer : public LayerOf<SpatialDropout1DOptions> {
 public:
  explicit SpatialDropout1DLayer(SpatialDropout1DOptions options,
                                 LayerKind kind = LayerKind::kObject);

 private:
  absl::Status Build(At at, const TensorShape& input) override;
  Output Call(At at, const Output& input, const CallOptions& call) override;
};
class SpatialDropout : public LayerOf<SpatialDropoutOptions> {
 protected:
  SpatialDropout(const char* class_name, int sizes, SpatialDropoutOptions options, LayerKind kind);

 private:
  absl::Status Build(At at, const TensorShape& input) override;
  Output Call(At at, const Output& input, const CallOptions& call) override;

  int sizes_;
};
class SpatialDropout2DLayer : public SpatialDropout {
 public:
  explicit SpatialDropout2DLayer(SpatialDropoutOptions options, LayerKind kind = LayerKind::kObject)
      : SpatialDropout("SpatialDropout2D", 2, std::move(options), kind) {}
};
class SpatialDropout3DLayer : public SpatialDropout {
 public:
  explicit SpatialDropout3DLayer(SpatialDropoutOptions options, LayerKind kind = LayerKind::kObject)
      : SpatialDropout("SpatialDropout3D", 3, std::move(options), kind) {}
};
Output SpatialDropout1D(At at, Output inputs, SpatialDropout1DOptions options = {});
Output SpatialDropout2D(At at, Output inputs, SpatialDropoutOptions options = {});
Output SpatialDropout3D(At at, Output inputs, SpatialDropoutOptions options = {});

struct AlphaDropoutOptions {
  float rate = 0.5f;                      // in [0, 1)
  std::vector<int64_t> noise_shape = {};  // of the mask; empty: the input's; -1: its dimension
  std::optional<int64_t> seed = {};
  Training training = false;
  LayerName name = {};  // empty: "alpha_dropout", ...

  void Fields(ConfigFields& f);
};
// Dropout for selu (Klambauer et al. 2017): an element becomes a * x + b with probability 1 - rate,
// else a * A + b, with A = -1.0507009873554805 * 1.6732632423543772, a = ((1 - rate) * (1 + rate *
// A^2))^-1/2 and b = -a * A * rate, which keep mean 0 and variance 1.
class AlphaDropoutLayer : public LayerOf<AlphaDropoutOptions> {
 public:
  explicit AlphaDropoutLayer(AlphaDropoutOptions options, LayerKind kind = LayerKind::kObject);

 private:
  absl::Status Build(At at, const TensorShape& input) override;
  Output Call(At at, const Output& input, const CallOptions& call) override;
};
Output AlphaDropout(At at, Output inputs, AlphaDropoutOptions options = {});

struct GaussianNoiseOptions {
  double stddev = 0;  // required, >= 0
  Training training = false;
  LayerName name = {};  // empty: "gaussian_noise", ...

  void Fields(ConfigFields& f);
};
// x + N(0, stddev).
class GaussianNoiseLayer : public LayerOf<GaussianNoiseOptions> {
 public:
  explicit GaussianNoiseLayer(GaussianNoiseOptions options, LayerKind kind = LayerKind::kObject);

 private:
  absl::Status Build(At at, const TensorShape& input) override;
  Output Call(At at, const Output& input, const CallOptions& call) override;
};
Output GaussianNoise(At at, Output inputs, GaussianNoiseOptions options);

struct GaussianDropoutOptions {
  float rate = 0.5f;  // in [0, 1)
  Training training = false;
  LayerName name = {};  // empty: "gaussian_dropout", ...

  void Fields(ConfigFields& f);
};
// x * N(1, sqrt(rate / (1 - rate))) (Srivastava et al. 2014).
class GaussianDropoutLayer : public LayerOf<GaussianDropoutOptions> {
 public:
  explicit GaussianDropoutLayer(GaussianDropoutOptions options,
                                LayerKind kind = LayerKind::kObject);

 private:
  absl::Status Build(At at, const TensorShape& input) override;
  Output Call(At at, const Output& input, const CallOptions& call) override;
};
Output GaussianDropout(At at, Output inputs, GaussianDropoutOptions options = {});

}  // namespace sluice::layers

#endif  // SLUICE_LAYERS_NOISE_H_
