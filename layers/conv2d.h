// Convolutions over images (tf.layers.conv2d, tf.layers.separable_conv2d).
#ifndef SLUICE_LAYERS_CONV2D_H_
#define SLUICE_LAYERS_CONV2D_H_

#include "graph/variable.h"
#include "layers/data_format.h"
#include "layers/initializers.h"
#include "layers/layer.h"
#include "ops/padding.h"

namespace sluice::layers {

// Fields in the order of tf.layers.conv2d's keyword arguments.
struct Conv2DOptions {
  int64_t filters = 0;   // required, > 0: output channels
  Int2 kernel_size = 0;  // required: 3 or {3, 5}
  Int2 strides = 1;      // other than 1 excludes a dilation_rate other than 1
  Padding padding = Padding::kValid;
  DataFormat data_format = DataFormat::kChannelsLast;
  Int2 dilation_rate = 1;
  Activation activation = {};  // ops::Relu, ...
  bool use_bias = true;
  Initializer kernel_initializer = {};  // empty: the variable scope's, else Glorot uniform
  Initializer bias_initializer = initializers::Zeros();
  Regularizer kernel_regularizer = {};    // empty: the variable scope's
  Regularizer bias_regularizer = {};      // empty: the variable scope's
  Regularizer activity_regularizer = {};  // a penalty on the output
  Constraint kernel_constraint = {};
  Constraint bias_constraint = {};
  bool trainable = true;
  LayerName name = {};  // empty: "conv2d", "conv2d_1", ...
  Reuse reuse = Reuse::kInherit;

  void Fields(ConfigFields& f);
};

// y = activation(cross-correlation(x, kernel) + bias). Input rank 4, channels known; variables
// `kernel` [kh, kw, in, filters] and `bias` [filters]. Output spatial size by rule CV-1: ceil(n /
// stride) for kSame, ceil((n - effective kernel + 1) / stride) for kValid. Errors on the graph:
// options out of range, wrong rank, unknown channels, a window larger than a kValid input.
class Conv2DLayer : public LayerOf<Conv2DOptions> {
 public:
  explicit Conv2DLayer(Conv2DOptions options, LayerKind kind = LayerKind::kObject);
  const Variable& kernel() const { return kernel_; }
  const Variable& bias() const { return bias_; }  // empty without use_bias

 private:
  absl::Status Build(At at, const TensorShape& input) override;
  Output Call(At at, const Output& input, const CallOptions& call) override;

  Variable kernel_, bias_;
};
Output Conv2D(At at, Output inputs, Conv2DOptions options);

// Fields in the order of tf.layers.separable_conv2d's keyword arguments.
struct SeparableConv2DOptions {
  int64_t filters = 0;
  Int2 kernel_size = 0;
  Int2 strides = 1;
  Padding padding = Padding::kValid;
  DataFormat data_format = DataFormat::kChannelsLast;
  Int2 dilation_rate = 1;
  int64_t depth_multiplier = 1;  // depthwise outputs per input channel
  Activation activation = {};
  bool use_bias = true;
  Initializer depthwise_initializer = {};
  Initializer pointwise_initializer = {};
  Initializer bias_initializer = initializers::Zeros();
  Regularizer depthwise_regularizer = {};
  Regularizer pointwise_regularizer = {};
  Regularizer bias_regularizer = {};
  Regularizer activity_regularizer = {};
  Constraint depthwise_constraint = {};
  Constraint pointwise_constraint = {};
  Constraint bias_constraint = {};
  bool trainable = true;
  LayerName name = {};  // empty: "separable_conv2d", ...
  Reuse reuse = Reuse::kInherit;

  void Fields(ConfigFields& f);
};

// A depthwise convolution, then a 1x1 convolution over its channels, nothing between; bias and
// activation last. Variables `depthwise_kernel` [kh, kw, in, depth_multiplier], `pointwise_kernel`
// [1, 1, in * depth_multiplier, filters], `bias` [filters] (rule CV-23).
class SeparableConv2DLayer : public LayerOf<SeparableConv2DOptions> {
 public:
  explicit SeparableConv2DLayer(SeparableConv2DOptions options,
                                LayerKind kind = LayerKind::kObject);

 private:
  absl::Status Build(At at, const TensorShape& input) override;
  Output Call(At at, const Output& input, const CallOptions& call) override;

  Variable depthwise_kernel_, pointwise_kernel_, bias_;
};
Output SeparableConv2D(At at, Output inputs, SeparableConv2DOptions options);

}  // namespace sluice::layers

#endif  // SLUICE_LAYERS_CONV2D_H_
