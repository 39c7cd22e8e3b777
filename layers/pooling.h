// Pooling over windows of sequences, images and volumes (tf.layers.max_pooling1d,
// average_pooling2d, ...; rule LY-4).
#ifndef SLUICE_LAYERS_POOLING_H_
#define SLUICE_LAYERS_POOLING_H_

#include <utility>
#include <vector>

#include "layers/data_format.h"
#include "layers/layer.h"
#include "ops/padding.h"

namespace sluice::layers {

// Fields in the order of tf.layers.max_pooling1d's keyword arguments; Pooling2DOptions and
// Pooling3DOptions differ from it in the number of sizes.
struct Pooling1DOptions {
  Int1 pool_size = 0;  // required, > 0
  Int1 strides = 0;    // required, > 0: tf.layers has no default either
  Padding padding = Padding::kValid;
  DataFormat data_format = DataFormat::kChannelsLast;
  LayerName name = {};  // empty: "max_pooling1d" or "average_pooling1d"

  void Fields(ConfigFields& f);
};
struct Pooling2DOptions {
  Int2 pool_size = 0;
  Int2 strides = 0;
  Padding padding = Padding::kValid;
  DataFormat data_format = DataFormat::kChannelsLast;
  LayerName name = {};  // empty: "max_pooling2d" or "average_pooling2d"

  void Fields(ConfigFields& f);
};
struct Pooling3DOptions {
  Int3 pool_size = 0;
  Int3 strides = 0;
  Padding padding = Padding::kValid;
  DataFormat data_format = DataFormat::kChannelsLast;
  LayerName name = {};  // empty: "max_pooling3d" or "average_pooling3d"

  void Fields(ConfigFields& f);
};

// Largest (mean) value of every window of an input [batch, sizes..., channels] (kChannelsFirst:
// [batch, channels, sizes...]) of rank 3, 4 or 5. kSame means average over the cells that exist
// only. Sizes of the output by rule CV-1. A sequence is pooled as an image of width 1. No
// variables. InvalidArgument: another rank; "Argument `strides` must not be None." and "The
// `pool_size` argument must be a tuple of 2 integers" without these options; a window that does not
// fit.
template <typename OptionsT>
class WindowPooling : public LayerOf<OptionsT> {
 protected:
  WindowPooling(const char* class_name, const char* op, OptionsT options, LayerKind kind);

 private:
  absl::Status Build(At at, const TensorShape& input) override;
  Output Call(At at, const Output& input, const CallOptions& call) override;

  const char* op_;
};
extern template class WindowPooling<Pooling1DOptions>;
extern template class WindowPooling<Pooling2DOptions>;
extern template class WindowPooling<Pooling3DOptions>;

class MaxPooling1DLayer : public WindowPooling<Pooling1DOptions> {
 public:
  explicit MaxPooling1DLayer(Pooling1DOptions options, LayerKind kind = LayerKind::kObject)
      : WindowPooling("MaxPooling1D", "MaxPool", std::move(options), kind) {}
};
class MaxPooling2DLayer : public WindowPooling<Pooling2DOptions> {
 public:
  explicit MaxPooling2DLayer(Pooling2DOptions options, LayerKind kind = LayerKind::kObject)
      : WindowPooling("MaxPooling2D", "MaxPool", std::move(options), kind) {}
};
class MaxPooling3DLayer : public WindowPooling<Pooling3DOptions> {
 public:
  explicit MaxPooling3DLayer(Pooling3DOptions options, LayerKind kind = LayerKind::kObject)
      : WindowPooling("MaxPooling3D", "MaxPool3D", std::move(options), kind) {}
};
class AveragePooling1DLayer : public WindowPooling<Pooling1DOptions> {
 public:
  explicit AveragePooling1DLayer(Pooling1DOptions options, LayerKind kind = LayerKind::kObject)
      : WindowPooling("AveragePooling1D", "AvgPool", std::move(options), kind) {}
};
class AveragePooling2DLayer : public WindowPooling<Pooling2DOptions> {
 public:
  explicit AveragePooling2DLayer(Pooling2DOptions options, LayerKind kind = LayerKind::kObject)
      : WindowPooling("AveragePooling2D", "AvgPool", std::move(options), kind) {}
};
class AveragePooling3DLayer : public WindowPooling<Pooling3DOptions> {
 public:
  explicit AveragePooling3DLayer(Pooling3DOptions options, LayerKind kind = LayerKind::kObject)
      : WindowPooling("AveragePooling3D", "AvgPool3D", std::move(options), kind) {}
};

Output MaxPooling1D(At at, Output inputs, Pooling1DOptions options);
Output MaxPooling2D(At at, Output inputs, Pooling2DOptions options);
Output MaxPooling3D(At at, Output inputs, Pooling3DOptions options);
Output AveragePooling1D(At at, Output inputs, Pooling1DOptions options);
Output AveragePooling2D(At at, Output inputs, Pooling2DOptions options);
Output AveragePooling3D(At at, Output inputs, Pooling3DOptions options);

// Keras's other names.
using MaxPool1DLayer = MaxPooling1DLayer;
using MaxPool2DLayer = MaxPooling2DLayer;
using MaxPool3DLayer = MaxPooling3DLayer;
using AvgPool1DLayer = AveragePooling1DLayer;
using AvgPool2DLayer = AveragePooling2DLayer;
using AvgPool3DLayer = AveragePooling3DLayer;
inline Output MaxPool1D(At at, Output inputs, Pooling1DOptions options) {
  return MaxPooling1D(at, std::move(inputs), std::move(options));
}
inline Output MaxPool2D(At at, Output inputs, Pooling2DOptions options) {
  return MaxPooling2D(at, std::move(inputs), std::move(options));
}
inline Output MaxPool3D(At at, Output inputs, Pooling3DOptions options) {
  return MaxPooling3D(at, std::move(inputs), std::move(options));
}
inline Output AvgPool1D(At at, Output inputs, Pooling1DOptions options) {
  return AveragePooling1D(at, std::move(inputs), std::move(options));
}
inline Output AvgPool2D(At at, Output inputs, Pooling2DOptions options) {
  return AveragePooling2D(at, std::move(inputs), std::move(options));
}
inline Output AvgPool3D(At at, Output inputs, Pooling3DOptions options) {
  return AveragePooling3D(at, std::move(inputs), std::move(options));
}

}  // namespace sluice::layers

#endif  // SLUICE_LAYERS_POOLING_H_
