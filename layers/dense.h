// Fully connected layer (tf.layers.dense).
#ifndef SLUICE_LAYERS_DENSE_H_
#define SLUICE_LAYERS_DENSE_H_

#include "graph/variable.h"
#include "layers/initializers.h"
#include "layers/layer.h"

namespace sluice::layers {

// Fields in the order of tf.layers.dense's keyword arguments.
struct DenseOptions {
  int64_t units = 0;  // required, > 0: size of the last output dimension
  Activation activation = {};
  bool use_bias = true;
  Initializer kernel_initializer = {};  // empty: the variable scope's, else Glorot uniform
  Initializer bias_initializer = initializers::Zeros();
  Regularizer kernel_regularizer = {};
  Regularizer bias_regularizer = {};
  Regularizer activity_regularizer = {};  // a penalty on the output
  Constraint kernel_constraint = {};
  Constraint bias_constraint = {};
  bool trainable = true;
  LayerName name = {};  // empty: "dense", "dense_1", ...
  Reuse reuse = Reuse::kInherit;

  void Fields(ConfigFields& f);
};

// y = activation(x . kernel + bias) over the last dimension of x, which must be known; rank >= 2,
// the other dimensions stay (rule LY-1). Variables `kernel` [in, units], `bias` [units].
class DenseLayer : public LayerOf<DenseOptions> {
 public:
  explicit DenseLayer(DenseOptions options, LayerKind kind = LayerKind::kObject);
  const Variable& kernel() const { return kernel_; }
  const Variable& bias() const { return bias_; }

 private:
  absl::Status Build(At at, const TensorShape& input) override;
  Output Call(At at, const Output& input, const CallOptions& call) override;

  Variable kernel_, bias_;
};
Output Dense(At at, Output inputs, DenseOptions options);

}  // namespace sluice::layers

#endif  // SLUICE_LAYERS_DENSE_H_
