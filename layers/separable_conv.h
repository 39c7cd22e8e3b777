// Separable convolutions (tf.layers.separable_conv1d, separable_conv2d and
// tf.contrib.keras.layers.SeparableConv2D).
#ifndef SLUICE_LAYERS_SEPARABLE_CONV_H_
#define SLUICE_LAYERS_SEPARABLE_CONV_H_

#include <utility>

#include "graph/variable.h"
#include "layers/data_format.h"
#include "layers/initializers.h"
#include "layers/layer.h"
#include "ops/padding.h"

namespace sluice::layers {

// Fields in the order of the keyword arguments of tf.layers.separable_conv1d and separable_conv2d;
// Window is Int1 or Int2.
template <typename Window>
struct SeparableConvOptions {
  int64_t filters = 0;     // required, > 0: output channels
  Window kernel_size = 0;  // required
  Window strides = 1;      // of the depthwise part; other than 1 excludes a dilation_rate
  Padding padding = Padding::kValid;  // of the depthwise part; kCausal: sequences only
  DataFormat data_format = DataFormat::kChannelsLast;
  Window dilation_rate = 1;
  int64_t depth_multiplier = 1;  // > 0: depthwise outputs per input channel
  Activation activation = {};
  bool use_bias = true;
  Initializer depthwise_initializer = {};  // empty: the variable scope's, else Glorot uniform
  Initializer pointwise_initializer = {};  // likewise
  Initializer bias_initializer = initializers::Zeros();
  Regularizer depthwise_regularizer = {};  // empty: the variable scope's
  Regularizer pointwise_regularizer = {};
  Regularizer bias_regularizer = {};
  Regularizer activity_regularizer = {};  // a penalty on the output
  Constraint depthwise_constraint = {};
  Constraint pointwise_constraint = {};
  Constraint bias_constraint = {};
  bool trainable = true;
  LayerName name = {};  // empty: "separable_conv2d", ...
  Reuse reuse = Reuse::kInherit;

  void Fields(ConfigFields& f);
};
using SeparableConv1DOptions = SeparableConvOptions<Int1>;
using SeparableConv2DOptions = SeparableConvOptions<Int2>;

// A depthwise convolution, then one of size 1 over its channels, nothing between; bias and
// activation last (rule CV-23). x of rank 3 or 4, in either data format. Variables
// `depthwise_kernel` [kernel_size..., channels, depth_multiplier], `pointwise_kernel` [1 (, 1),
// channels * depth_multiplier, filters], `bias` [filters]. Sizes of the output and errors as
// Conv2D's (conv.h).
template <typename Window>
class SeparableConvLayer : public LayerOf<SeparableConvOptions<Window>> {
 public:
  const Variable& depthwise_kernel() const { return depthwise_kernel_; }
  const Variable& pointwise_kernel() const { return pointwise_kernel_; }
  const Variable& bias() const { return bias_; }  // empty without use_bias

 protected:
  SeparableConvLayer(const char* class_name, SeparableConvOptions<Window> options, LayerKind kind);

 private:
  absl::Status Build(At at, const TensorShape& input) override;
  Output Call(At at, const Output& input, const CallOptions& call) override;

  Variable depthwise_kernel_, pointwise_kernel_, bias_;
};
extern template struct SeparableConvOptions<Int1>;
extern template struct SeparableConvOptions<Int2>;
extern template class SeparableConvLayer<Int1>;
extern template class SeparableConvLayer<Int2>;

class SeparableConv1DLayer : public SeparableConvLayer<Int1> {
 public:
  explicit SeparableConv1DLayer(SeparableConv1DOptions options, LayerKind kind = LayerKind::kObject)
      : SeparableConvLayer("SeparableConv1D", std::move(options), kind) {}
};
class SeparableConv2DLayer : public SeparableConvLayer<Int2> {
 public:
  explicit SeparableConv2DLayer(SeparableConv2DOptions options, LayerKind kind = LayerKind::kObject)
      : SeparableConvLayer("SeparableConv2D", std::move(options), kind) {}
};
Output SeparableConv1D(At at, Output inputs, SeparableConv1DOptions options);
Output SeparableConv2D(At at, Output inputs, SeparableConv2DOptions options);

// TensorFlow's other names (rule CV-27).
using SeparableConvolution1DLayer = SeparableConv1DLayer;
using SeparableConvolution2DLayer = SeparableConv2DLayer;
inline Output SeparableConvolution1D(At at, Output inputs, SeparableConv1DOptions options) {
  return SeparableConv1D(at, std::move(inputs), std::move(options));
}
inline Output SeparableConvolution2D(At at, Output inputs, SeparableConv2DOptions options) {
  return SeparableConv2D(at, std::move(inputs), std::move(options));
}

}  // namespace sluice::layers

#endif  // SLUICE_LAYERS_SEPARABLE_CONV_H_
