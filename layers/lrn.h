// Local response normalization as a layer (tf.nn.local_response_normalization).
#ifndef SLUICE_LAYERS_LRN_H_
#define SLUICE_LAYERS_LRN_H_

#include <cstdint>

#include "layers/layer.h"

namespace sluice::layers {

// Fields in the order of tf.nn.local_response_normalization's keyword arguments.
struct LocalResponseNormalizationOptions {
  int64_t depth_radius = 5;  // neighbours on either side, >= 0
  double bias = 1;
  double alpha = 1;
  double beta = 0.5;
  LayerName name = {};  // empty: "local_response_normalization", ...

  void Fields(ConfigFields& f);
};
// x[.., d] / (bias + alpha * sum over the neighbours of x^2)^beta along the last dimension of
// images [batch, height, width, channels]; half, bfloat16 and float (Krizhevsky et al. 2012; the op
// LRN).
class LocalResponseNormalizationLayer : public LayerOf<LocalResponseNormalizationOptions> {
 public:
  explicit LocalResponseNormalizationLayer(LocalResponseNormalizationOptions options,
                                           LayerKind kind = LayerKind::kObject);

 private:
  absl::Status Build(At at, const TensorShape& input) override;
  Output Call(At at, const Output& input, const CallOptions& call) override;
};
Output LocalResponseNormalization(At at, Output inputs,
                                  LocalResponseNormalizationOptions options = {});

}  // namespace sluice::layers

#endif  // SLUICE_LAYERS_LRN_H_
