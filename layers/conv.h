// Convolutions over sequences, images and volumes (tf.layers.conv1d, conv2d, conv3d).
#ifndef SLUICE_LAYERS_CONV_H_
#define SLUICE_LAYERS_CONV_H_

#include <utility>

#include "graph/variable.h"
#include "layers/data_format.h"
#include "layers/initializers.h"
#include "layers/layer.h"
#include "ops/padding.h"

namespace sluice::layers {

// Fields in the order of the keyword arguments of tf.layers.conv1d, conv2d and conv3d, which differ
// in the number of sizes only: Window is Int1, Int2 or Int3. One number stands for all.
template <typename Window>
struct ConvOptions {
  int64_t filters = 0;                // required, > 0: output channels
  Window kernel_size = 0;             // required: 3 or {3, 5}
  Window strides = 1;                 // other than 1 excludes a dilation_rate other than 1
  Padding padding = Padding::kValid;  // kCausal: sequences only
  DataFormat data_format = DataFormat::kChannelsLast;
  Window dilation_rate = 1;
  Activation activation = {};  // ops::Relu, "relu", ...
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
using Conv1DOptions = ConvOptions<Int1>;
using Conv2DOptions = ConvOptions<Int2>;
using Conv3DOptions = ConvOptions<Int3>;

// y = activation(cross-correlation(x, kernel) + bias), x of rank 3, 4 or 5: [batch, sizes...,
// channels], or [batch, channels, sizes...]. Channels must be known; batch and sizes need not be.
// Variables `kernel` [kernel_size..., channels, filters], in either data format, and `bias`
// [filters]. Sizes of the output by rule CV-1 with the effective kernel e = (k - 1) * dilation + 1:
// ceil(n / stride) for kSame and kCausal, ceil((n - e + 1) / stride) for kValid. InvalidArgument:
// options out of range, strides together with dilation, another rank, unknown channels, a window
// larger than a kValid input ("Negative dimension size"), kCausal for images or volumes.
template <typename Window>
class ConvLayer : public LayerOf<ConvOptions<Window>> {
 public:
  const Variable& kernel() const { return kernel_; }
  const Variable& bias() const { return bias_; }  // empty without use_bias

 protected:
  ConvLayer(const char* class_name, ConvOptions<Window> options, LayerKind kind);

 private:
  absl::Status Build(At at, const TensorShape& input) override;
  Output Call(At at, const Output& input, const CallOptions& call) override;

  Variable kernel_, bias_;
};
extern template struct ConvOptions<Int1>;
extern template struct ConvOptions<Int2>;
extern template struct ConvOptions<Int3>;
extern template class ConvLayer<Int1>;
extern template class ConvLayer<Int2>;
extern template class ConvLayer<Int3>;

class Conv1DLayer : public ConvLayer<Int1> {
 public:
  explicit Conv1DLayer(Conv1DOptions options, LayerKind kind = LayerKind::kObject)
      : ConvLayer("Conv1D", std::move(options), kind) {}
};
class Conv2DLayer : public ConvLayer<Int2> {
 public:
  explicit Conv2DLayer(Conv2DOptions options, LayerKind kind = LayerKind::kObject)
      : ConvLayer("Conv2D", std::move(options), kind) {}
};
class Conv3DLayer : public ConvLayer<Int3> {
 public:
  explicit Conv3DLayer(Conv3DOptions options, LayerKind kind = LayerKind::kObject)
      : ConvLayer("Conv3D", std::move(options), kind) {}
};
Output Conv1D(At at, Output inputs, Conv1DOptions options);
Output Conv2D(At at, Output inputs, Conv2DOptions options);
Output Conv3D(At at, Output inputs, Conv3DOptions options);

// TensorFlow's other names (rule CV-27).
using Convolution1DLayer = Conv1DLayer;
using Convolution2DLayer = Conv2DLayer;
using Convolution3DLayer = Conv3DLayer;
inline Output Convolution1D(At at, Output inputs, Conv1DOptions options) {
  return Conv1D(at, std::move(inputs), std::move(options));
}
inline Output Convolution2D(At at, Output inputs, Conv2DOptions options) {
  return Conv2D(at, std::move(inputs), std::move(options));
}
inline Output Convolution3D(At at, Output inputs, Conv3DOptions options) {
  return Conv3D(at, std::move(inputs), std::move(options));
}

}  // namespace sluice::layers

#endif  // SLUICE_LAYERS_CONV_H_
