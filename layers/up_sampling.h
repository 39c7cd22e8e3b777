// Sequences, images and volumes made larger (tf.keras.layers.UpSampling1D, 2D, 3D).
#ifndef SLUICE_LAYERS_UP_SAMPLING_H_
#define SLUICE_LAYERS_UP_SAMPLING_H_

#include "layers/data_format.h"
#include "layers/layer.h"
#include "ops/padding.h"

namespace sluice::layers {

struct UpSampling1DOptions {
  int64_t size = 2;     // > 0: how often each step is repeated
  LayerName name = {};  // empty: "up_sampling1d", ...

  void Fields(ConfigFields& f);
};
// [batch, steps, features] -> [batch, steps * size, features].
class UpSampling1DLayer : public LayerOf<UpSampling1DOptions> {
 public:
  explicit UpSampling1DLayer(UpSampling1DOptions options, LayerKind kind = LayerKind::kObject);

 private:
  absl::Status Build(At at, const TensorShape& input) override;
  Output Call(At at, const Output& input, const CallOptions& call) override;
};
Output UpSampling1D(At at, Output inputs, UpSampling1DOptions options = {});

enum class Interpolation { kNearest, kBilinear };
struct UpSampling2DOptions {
  Int2 size = 2;  // > 0
  DataFormat data_format = DataFormat::kChannelsLast;
  Interpolation interpolation = Interpolation::kNearest;
  LayerName name = {};  // empty: "up_sampling2d", ...

  void Fields(ConfigFields& f);
};
// Rows and columns of images, rank 4, size times as many: repeated, or (kBilinear) interpolated as
// tf.image.resize_bilinear does, cell i of the result at i / size of the source. The dtype stays.
class UpSampling2DLayer : public LayerOf<UpSampling2DOptions> {
 public:
  explicit UpSampling2DLayer(UpSampling2DOptions options, LayerKind kind = LayerKind::kObject);

 private:
  absl::Status Build(At at, const TensorShape& input) override;
  Output Call(At at, const Output& input, const CallOptions& call) override;
};
Output UpSampling2D(At at, Output inputs, UpSampling2DOptions options = {});

struct UpSampling3DOptions {
  Int3 size = 2;  // > 0
  DataFormat data_format = DataFormat::kChannelsLast;
  LayerName name = {};  // empty: "up_sampling3d", ...

  void Fields(ConfigFields& f);
};
// Planes, rows and columns of volumes, rank 5, repeated.
class UpSampling3DLayer : public LayerOf<UpSampling3DOptions> {
 public:
  explicit UpSampling3DLayer(UpSampling3DOptions options, LayerKind kind = LayerKind::kObject);

 private:
  absl::Status Build(At at, const TensorShape& input) override;
  Output Call(At at, const Output& input, const CallOptions& call) override;
};
Output UpSampling3D(At at, Output inputs, UpSampling3DOptions options = {});

}  // namespace sluice::layers

#endif  // SLUICE_LAYERS_UP_SAMPLING_H_
