// Pooling over images (tf.layers.max_pooling2d, tf.layers.average_pooling2d).
#ifndef SLUICE_LAYERS_POOLING_H_
#define SLUICE_LAYERS_POOLING_H_

#include "layers/data_format.h"
#include "layers/layer.h"
#include "ops/padding.h"

namespace sluice::layers {

// Fields in the order of tf.layers.max_pooling2d's keyword arguments.
struct Pooling2DOptions {
  Int2 pool_size = 0;  // required
  Int2 strides = 0;    // required: TensorFlow has no default either
  Padding padding = Padding::kValid;
  DataFormat data_format = DataFormat::kChannelsLast;
  LayerName name = {};  // empty: "max_pooling2d" or "average_pooling2d"

  void Fields(ConfigFields& f);
};

// Largest (mean) value of every window. kSame means average over the cells that exist only. Rank 4,
// no variables (rule LY-4).
class Pooling2D : public LayerOf<Pooling2DOptions> {
 protected:
  Pooling2D(const char* class_name, const char* op, Pooling2DOptions options, LayerKind kind);

 private:
  absl::Status Build(At at, const TensorShape& input) override;
  Output Call(At at, const Output& input, const CallOptions& call) override;

  const char* op_;
};
class MaxPooling2DLayer : public Pooling2D {
 public:
  explicit MaxPooling2DLayer(Pooling2DOptions options, LayerKind kind = LayerKind::kObject)
      : Pooling2D("MaxPooling2D", "MaxPool", std::move(options), kind) {}
};
class AveragePooling2DLayer : public Pooling2D {
 public:
  explicit AveragePooling2DLayer(Pooling2DOptions options, LayerKind kind = LayerKind::kObject)
      : Pooling2D("AveragePooling2D", "AvgPool", std::move(options), kind) {}
};
Output MaxPooling2D(At at, Output inputs, Pooling2DOptions options);
Output AveragePooling2D(At at, Output inputs, Pooling2DOptions options);

}  // namespace sluice::layers

#endif  // SLUICE_LAYERS_POOLING_H_
