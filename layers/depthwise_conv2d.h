// Convolution of every channel by itself (tf.keras.layers.DepthwiseConv2D).
#ifndef SLUICE_LAYERS_DEPTHWISE_CONV2D_H_
#define SLUICE_LAYERS_DEPTHWISE_CONV2D_H_

#include "graph/variable.h"
#include "layers/data_format.h"
#include "layers/initializers.h"
#include "layers/layer.h"
#include "ops/padding.h"

namespace sluice::layers {

// Fields in the order of the class's keyword arguments.
struct DepthwiseConv2DOptions {
  Int2 kernel_size = 0;  // required
  Int2 strides = 1;      // other than 1 excludes a dilation_rate other than 1
  Padding padding = Padding::kValid;
  int64_t depth_multiplier = 1;  // > 0: outputs per input channel
  DataFormat data_format = DataFormat::kChannelsLast;
  Activation activation = {};
  bool use_bias = true;
  Initializer depthwise_initializer = initializers::GlorotUniform();
  Initializer bias_initializer = initializers::Zeros();
  Regularizer depthwise_regularizer = {};
  Regularizer bias_regularizer = {};
  Regularizer activity_regularizer = {};  // a penalty on the output
  Constraint depthwise_constraint = {};
  Constraint bias_constraint = {};
  Int2 dilation_rate = 1;
  bool trainable = true;
  LayerName name = {};  // empty: "depthwise_conv2d", ...
  Reuse reuse = Reuse::kInherit;

  void Fields(ConfigFields& f);
};

// The first half of a separable convolution (rule CV-24): output channel c * depth_multiplier + m
// is channel c convolved with depthwise_kernel[.., c, m]. x of rank 4, channels known. Variables
// `depthwise_kernel` [kh, kw, channels, depth_multiplier], `bias` [channels * depth_multiplier].
// InvalidArgument: "Inputs to `DepthwiseConv2D` should have rank 4", unknown channels, and as
// Conv2D (conv.h).
class DepthwiseConv2DLayer : public LayerOf<DepthwiseConv2DOptions> {
 public:
  explicit DepthwiseConv2DLayer(DepthwiseConv2DOptions options,
                                LayerKind kind = LayerKind::kObject);
  const Variable& depthwise_kernel() const { return depthwise_kernel_; }
  const Variable& bias() const { return bias_; }  // empty without use_bias

 private:
  absl::Status Build(At at, const TensorShape& input) override;
  Output Call(At at, const Output& input, const CallOptions& call) override;

  Variable depthwise_kernel_, bias_;
};
Output DepthwiseConv2D(At at, Output inputs, DepthwiseConv2DOptions options);

}  // namespace sluice::layers

#endif  // SLUICE_LAYERS_DEPTHWISE_CONV2D_H_
