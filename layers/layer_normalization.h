// Layer normalization (tf.keras.layers.LayerNormalization; Ba et al. 2016).
#ifndef SLUICE_LAYERS_LAYER_NORMALIZATION_H_
#define SLUICE_LAYERS_LAYER_NORMALIZATION_H_

#include "graph/variable.h"
#include "layers/batch_norm.h"
#include "layers/initializers.h"
#include "layers/layer.h"

namespace sluice::layers {

// Fields in the order of tf.keras.layers.LayerNormalization's keyword arguments.
struct LayerNormalizationOptions {
  Axes axis = -1;  // what each mean and variance is over; the sizes must be known
  double epsilon = 1e-3;
  bool center = true;  // add beta
  bool scale = true;   // multiply by gamma
  Initializer beta_initializer = initializers::Zeros();
  Initializer gamma_initializer = initializers::Ones();
  Regularizer beta_regularizer = {};
  Regularizer gamma_regularizer = {};
  Constraint beta_constraint = {};
  Constraint gamma_constraint = {};
  bool trainable = true;
  LayerName name = {};  // empty: "layer_normalization", ...
  Reuse reuse = Reuse::kInherit;

  void Fields(ConfigFields& f);
};

// (x - mean) / sqrt(variance + epsilon) * gamma + beta, mean and (biased) variance of each sample
// over `axis`. Variables gamma, beta of the sizes of the axes, in their order. The same in training
// and otherwise. InvalidArgument ~ "Input has undefined rank", "Invalid axis", "Duplicate axis".
class LayerNormalizationLayer : public LayerOf<LayerNormalizationOptions> {
 public:
  explicit LayerNormalizationLayer(LayerNormalizationOptions options,
                                   LayerKind kind = LayerKind::kObject);
  const Variable& gamma() const { return gamma_; }
  const Variable& beta() const { return beta_; }

 private:
  absl::Status Build(At at, const TensorShape& input) override;
  Output Call(At at, const Output& input, const CallOptions& call) override;

  std::vector<int> axes_;  // >= 0
  Variable gamma_, beta_;
};
Output LayerNormalization(At at, Output inputs, LayerNormalizationOptions options = {});

}  // namespace sluice::layers

#endif  // SLUICE_LAYERS_LAYER_NORMALIZATION_H_
