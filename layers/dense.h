// Fully connected layer (tf.layers.dense).
#ifndef SLUICE_LAYERS_DENSE_H_
#define SLUICE_LAYERS_DENSE_H_

#include <string>

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
  Constraint kernel_constraint = {};
  Constraint bias_constraint = {};
  bool trainable = true;
  std::string name = {};  // empty: "dense", "dense_1", ...
  Reuse reuse = Reuse::kInherit;
};

// y = activation(x . kernel + bias) over the last dimension of x, which must be known; rank >= 2,
// the other dimensions stay (rule LY-1). Variables `kernel` [in, units], `bias` [units].
class DenseLayer : public Layer {
 public:
  explicit DenseLayer(DenseOptions options) : DenseLayer(std::move(options), Kind::kObject) {}
  const Variable& kernel() const { return kernel_; }
  const Variable& bias() const { return bias_; }

 private:
  friend Output Dense(At at, Output inputs, DenseOptions options);
  DenseLayer(DenseOptions options, Kind kind);
  absl::Status Build(At at, const Output& inputs) override;
  Output Call(At at, const Output& inputs) override;

  DenseOptions options_;
  Variable kernel_, bias_;
};
Output Dense(At at, Output inputs, DenseOptions options);

}  // namespace sluice::layers

#endif  // SLUICE_LAYERS_DENSE_H_
