// Pooling over a whole sequence, image or volume (tf.keras.layers.GlobalMaxPooling1D, ...).
#ifndef SLUICE_LAYERS_GLOBAL_POOLING_H_
#define SLUICE_LAYERS_GLOBAL_POOLING_H_

#include <utility>

#include "layers/data_format.h"
#include "layers/layer.h"

namespace sluice::layers {

struct GlobalPoolingOptions {
  DataFormat data_format = DataFormat::kChannelsLast;
  LayerName name = {};  // empty: "global_max_pooling1d", ...

  void Fields(ConfigFields& f);
};

// The largest (mean) value of each channel: [batch, sizes..., channels] (kChannelsFirst: [batch,
// channels, sizes...]) -> [batch, channels]. Rank 3, 4 or 5 for 1D, 2D and 3D; one node, Max or
// Mean. GlobalAveragePooling1D takes a mask [batch, steps] and then averages over the steps where
// it is true; no mask leaves it.
class GlobalPooling : public LayerOf<GlobalPoolingOptions> {
 protected:
  GlobalPooling(const char* class_name, const char* op, int sizes, GlobalPoolingOptions options,
                LayerKind kind);

 private:
  Output Call(At at, const Output& input, const CallOptions& call) override;
  Outputs ComputeMask(At at, const Outputs& inputs, const Outputs& masks) override;
  Output MaskedMean(At at, const Output& input, const Output& mask) const;

  const char* op_;
  int sizes_;
};

class GlobalMaxPooling1DLayer : public GlobalPooling {
 public:
  explicit GlobalMaxPooling1DLayer(GlobalPoolingOptions options,
                                   LayerKind kind = LayerKind::kObject)
      : GlobalPooling("GlobalMaxPooling1D", "Max", 1, std::move(options), kind) {}
};
class GlobalMaxPooling2DLayer : public GlobalPooling {
 public:
  explicit GlobalMaxPooling2DLayer(GlobalPoolingOptions options,
                                   LayerKind kind = LayerKind::kObject)
      : GlobalPooling("GlobalMaxPooling2D", "Max", 2, std::move(options), kind) {}
};
class GlobalMaxPooling3DLayer : public GlobalPooling {
 public:
  explicit GlobalMaxPooling3DLayer(GlobalPoolingOptions options,
                                   LayerKind kind = LayerKind::kObject)
      : GlobalPooling("GlobalMaxPooling3D", "Max", 3, std::move(options), kind) {}
};
class GlobalAveragePooling1DLayer : public GlobalPooling {
 public:
  explicit GlobalAveragePooling1DLayer(GlobalPoolingOptions options,
                                       LayerKind kind = LayerKind::kObject)
      : GlobalPooling("GlobalAveragePooling1D", "Mean", 1, std::move(options), kind) {
    supports_masking_ = true;
  }
};
class GlobalAveragePooling2DLayer : public GlobalPooling {
 public:
  explicit GlobalAveragePooling2DLayer(GlobalPoolingOptions options,
                                       LayerKind kind = LayerKind::kObject)
      : GlobalPooling("GlobalAveragePooling2D", "Mean", 2, std::move(options), kind) {}
};
class GlobalAveragePooling3DLayer : public GlobalPooling {
 public:
  explicit GlobalAveragePooling3DLayer(GlobalPoolingOptions options,
                                       LayerKind kind = LayerKind::kObject)
      : GlobalPooling("GlobalAveragePooling3D", "Mean", 3, std::move(options), kind) {}
};

Output GlobalMaxPooling1D(At at, Output inputs, GlobalPoolingOptions options = {});
Output GlobalMaxPooling2D(At at, Output inputs, GlobalPoolingOptions options = {});
Output GlobalMaxPooling3D(At at, Output inputs, GlobalPoolingOptions options = {});
Output GlobalAveragePooling1D(At at, Output inputs, GlobalPoolingOptions options = {});
Output GlobalAveragePooling2D(At at, Output inputs, GlobalPoolingOptions options = {});
Output GlobalAveragePooling3D(At at, Output inputs, GlobalPoolingOptions options = {});

// Keras's other names.
using GlobalMaxPool1DLayer = GlobalMaxPooling1DLayer;
using GlobalMaxPool2DLayer = GlobalMaxPooling2DLayer;
using GlobalMaxPool3DLayer = GlobalMaxPooling3DLayer;
using GlobalAvgPool1DLayer = GlobalAveragePooling1DLayer;
using GlobalAvgPool2DLayer = GlobalAveragePooling2DLayer;
using GlobalAvgPool3DLayer = GlobalAveragePooling3DLayer;
inline Output GlobalMaxPool1D(At at, Output inputs, GlobalPoolingOptions options = {}) {
  return GlobalMaxPooling1D(at, std::move(inputs), std::move(options));
}
inline Output GlobalMaxPool2D(At at, Output inputs, GlobalPoolingOptions options = {}) {
  return GlobalMaxPooling2D(at, std::move(inputs), std::move(options));
}
inline Output GlobalMaxPool3D(At at, Output inputs, GlobalPoolingOptions options = {}) {
  return GlobalMaxPooling3D(at, std::move(inputs), std::move(options));
}
inline Output GlobalAvgPool1D(At at, Output inputs, GlobalPoolingOptions options = {}) {
  return GlobalAveragePooling1D(at, std::move(inputs), std::move(options));
}
inline Output GlobalAvgPool2D(At at, Output inputs, GlobalPoolingOptions options = {}) {
  return GlobalAveragePooling2D(at, std::move(inputs), std::move(options));
}
inline Output GlobalAvgPool3D(At at, Output inputs, GlobalPoolingOptions options = {}) {
  return GlobalAveragePooling3D(at, std::move(inputs), std::move(options));
}

}  // namespace sluice::layers

#endif  // SLUICE_LAYERS_GLOBAL_POOLING_H_
