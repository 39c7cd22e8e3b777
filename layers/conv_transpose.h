// Transposed convolutions of images and volumes (tf.layers.conv2d_transpose, conv3d_transpose).
#ifndef SLUICE_LAYERS_CONV_TRANSPOSE_H_
#define SLUICE_LAYERS_CONV_TRANSPOSE_H_

#include <optional>
#include <utility>

#include "absl/status/statusor.h"
#include "graph/variable.h"
#include "layers/data_format.h"
#include "layers/initializers.h"
#include "layers/layer.h"
#include "ops/padding.h"

namespace sluice::layers {

// Fields in the order of the keyword arguments of tf.layers.conv2d_transpose and conv3d_transpose,
// which differ in the number of sizes only: Window is Int2 or Int3.
template <typename Window>
struct ConvTransposeOptions {
  int64_t filters = 0;     // required, > 0: output channels
  Window kernel_size = 0;  // required
  Window strides = 1;
  Padding padding = Padding::kValid;
  // How much longer the output is than the shortest from which a convolution makes the input; in
  // [0, strides). None: see below. (tf.keras.layers; tf.layers has no such argument.)
  std::optional<Window> output_padding = {};
  DataFormat data_format = DataFormat::kChannelsLast;
  Activation activation = {};
  bool use_bias = true;
  Initializer kernel_initializer = {};  // empty: the variable scope's, else Glorot uniform
  Initializer bias_initializer = initializers::Zeros();
  Regularizer kernel_regularizer = {};    // empty: the variable scope's
  Regularizer bias_regularizer = {};      // empty: the variable scope's
  Regularizer activity_regularizer = {};  // a penalty on the output
  Constraint kernel_constraint = {};
  Constraint bias_constraint = {};
  bool trainable = true;
  LayerName name = {};  // empty: "conv2d_transpose", ...
  Reuse reuse = Reuse::kInherit;

  void Fields(ConfigFields& f);
};
using Conv2DTransposeOptions = ConvTransposeOptions<Int2>;
using Conv3DTransposeOptions = ConvTransposeOptions<Int3>;

// The size of the output where the input has n cells (rules CV-3, CV-25), -1 for n = -1. Without
// output padding n * s for kSame and n * s + max(k - s, 0) for kValid, else (n - 1) * s + k - 2 p +
// output_padding, p = floor(k / 2) for kSame and 0 for kValid. InvalidArgument for a size below 0
// or beyond any tensor.
absl::StatusOr<int64_t> TransposedLength(int64_t n, int64_t kernel, int64_t stride, Padding padding,
                                         std::optional<int64_t> output_padding);

// The gradient of a convolution with respect to its input, as a layer: it maps the shape of that
// convolution's output to that of its input. x of rank 4 or 5, channels known; sizes of the output
// by TransposedLength. What is unknown while building stays unknown in the output's shape and is
// computed from x when running. Variables `kernel` [kernel_size..., filters, channels], `bias`
// [filters]. InvalidArgument: options out of range, "Inputs should have rank 4", unknown channels,
// an output_padding that is not below the stride.
template <typename Window>
class ConvTransposeLayer : public LayerOf<ConvTransposeOptions<Window>> {
 public:
  const Variable& kernel() const { return kernel_; }
  const Variable& bias() const { return bias_; }  // empty without use_bias

 protected:
  ConvTransposeLayer(const char* class_name, ConvTransposeOptions<Window> options, LayerKind kind);

 private:
  absl::Status Build(At at, const TensorShape& input) override;
  Output Call(At at, const Output& input, const CallOptions& call) override;
  std::optional<int64_t> OutputPadding(int axis) const;

  Variable kernel_, bias_;
};
extern template struct ConvTransposeOptions<Int2>;
extern template struct ConvTransposeOptions<Int3>;
extern template class ConvTransposeLayer<Int2>;
extern template class ConvTransposeLayer<Int3>;

class Conv2DTransposeLayer : public ConvTransposeLayer<Int2> {
 public:
  explicit Conv2DTransposeLayer(Conv2DTransposeOptions options, LayerKind kind = LayerKind::kObject)
      : ConvTransposeLayer("Conv2DTranspose", std::move(options), kind) {}
};
class Conv3DTransposeLayer : public ConvTransposeLayer<Int3> {
 public:
  explicit Conv3DTransposeLayer(Conv3DTransposeOptions options, LayerKind kind = LayerKind::kObject)
      : ConvTransposeLayer("Conv3DTranspose", std::move(options), kind) {}
};
Output Conv2DTranspose(At at, Output inputs, Conv2DTransposeOptions options);
Output Conv3DTranspose(At at, Output inputs, Conv3DTransposeOptions options);

// TensorFlow's other names (rule CV-27).
using Convolution2DTransposeLayer = Conv2DTransposeLayer;
using Deconvolution2DLayer = Conv2DTransposeLayer;
using Deconv2DLayer = Conv2DTransposeLayer;
using Convolution3DTransposeLayer = Conv3DTransposeLayer;
using Deconvolution3DLayer = Conv3DTransposeLayer;
using Deconv3DLayer = Conv3DTransposeLayer;
inline Output Convolution2DTranspose(At at, Output inputs, Conv2DTransposeOptions options) {
  return Conv2DTranspose(at, std::move(inputs), std::move(options));
}
inline Output Deconvolution2D(At at, Output inputs, Conv2DTransposeOptions options) {
  return Conv2DTranspose(at, std::move(inputs), std::move(options));
}
inline Output Deconv2D(At at, Output inputs, Conv2DTransposeOptions options) {
  return Conv2DTranspose(at, std::move(inputs), std::move(options));
}
inline Output Convolution3DTranspose(At at, Output inputs, Conv3DTransposeOptions options) {
  return Conv3DTranspose(at, std::move(inputs), std::move(options));
}
inline Output Deconvolution3D(At at, Output inputs, Conv3DTransposeOptions options) {
  return Conv3DTranspose(at, std::move(inputs), std::move(options));
}
inline Output Deconv3D(At at, Output inputs, Conv3DTransposeOptions options) {
  return Conv3DTranspose(at, std::move(inputs), std::move(options));
}

}  // namespace sluice::layers

#endif  // SLUICE_LAYERS_CONV_TRANSPOSE_H_
