// Batch normalization (tf.layers.batch_normalization; Ioffe and Szegedy 2015).
#ifndef SLUICE_LAYERS_BATCH_NORM_H_
#define SLUICE_LAYERS_BATCH_NORM_H_

#include <optional>
#include <string>

#include "graph/variable.h"
#include "layers/initializers.h"
#include "layers/layer.h"

namespace sluice::layers {

// Fields in the order of tf.layers.batch_normalization's keyword arguments.
struct BatchNormalizationOptions {
  int64_t axis = -1;  // the dimension whose entries are normalized apart; its size must be known
  double momentum = 0.99;
  double epsilon = 1e-3;
  bool center = true;  // add beta
  bool scale = true;   // multiply by gamma
  Initializer beta_initializer = initializers::Zeros();
  Initializer gamma_initializer = initializers::Ones();
  Initializer moving_mean_initializer = initializers::Zeros();
  Initializer moving_variance_initializer = initializers::Ones();
  Regularizer beta_regularizer = {};
  Regularizer gamma_regularizer = {};
  Training training = false;
  bool trainable = true;
  LayerName name = {};  // empty: "batch_normalization", ...
  Reuse reuse = Reuse::kInherit;
  std::optional<bool> fused = {};  // empty: fused where it can be (rank 4, axis 1 or 3, float32)

  void Fields(ConfigFields& f);
};

// y = (x - mean) / sqrt(variance + epsilon) * gamma + beta, with the batch's moments in training
// and the moving ones otherwise (rule LY-3). Variables gamma, beta (trainable), moving_mean,
// moving_variance (not trainable).
//
// In training the layer adds two updates, moving -= (moving - batch) * (1 - momentum), to the
// collection UPDATE_OPS. They cannot be forgotten: an optimizer's Minimize runs those that its loss
// depends on. The fused form feeds the unbiased variance (n / (n - 1)) to the moving one.
class BatchNormalizationLayer : public LayerOf<BatchNormalizationOptions> {
 public:
  explicit BatchNormalizationLayer(BatchNormalizationOptions options,
                                   LayerKind kind = LayerKind::kObject);

 private:
  absl::Status Build(At at, const TensorShape& input) override;
  Output Call(At at, const Output& input, const CallOptions& call) override;

  struct Moments {
    Output mean, variance;
  };
  void AddVariables(At at, int64_t channels);
  Output Fused(At at, const Output& input, const Training& training);
  Outputs FusedOp(At at, const Output& input, bool training) const;  // y, mean, variance
  Output Plain(At at, const Output& input, const Training& training);
  Moments BatchMoments(At at, const Output& x) const;
  Moments Chosen(At at, const Moments& batch, const Training& training) const;
  void UpdateMoving(At at, const Output& input, const Moments& batch, const Moments& used);
  Output Update(At at, const Variable& moving, const Output& moment, const AttrValue& update_of);

  bool fused_ = false;
  int axis_ = 0;  // >= 0
  Variable gamma_, beta_, moving_mean_, moving_variance_;
};
Output BatchNormalization(At at, Output inputs, BatchNormalizationOptions options = {});

}  // namespace sluice::layers

#endif  // SLUICE_LAYERS_BATCH_NORM_H_
