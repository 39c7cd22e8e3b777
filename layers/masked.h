// Layers whose weights are multiplied by a mask, which pruning changes (train/pruning.h):
// tf.contrib.model_pruning's masked_convolution and masked_fully_connected, and the layer objects
// behind them. The variables of a mask and the collections: layers/masking.h.
#ifndef SLUICE_LAYERS_MASKED_H_
#define SLUICE_LAYERS_MASKED_H_

#include <cstdint>
#include <functional>
#include <initializer_list>
#include <string>
#include <utility>
#include <vector>

#include "graph/variable.h"
#include "layers/data_format.h"
#include "layers/initializers.h"
#include "layers/layer.h"
#include "ops/padding.h"
#include "ops/relu.h"

namespace sluice::layers {

// --- layer objects ---

// Fields in the order of the keyword arguments of model_pruning's MaskedConv2D; Window is Int1,
// Int2 or Int3.
template <typename Window>
struct MaskedConvOptions {
  int64_t filters = 0;                // required, > 0: output channels
  Window kernel_size = 0;             // required: 3 or {3, 5}
  Window strides = 1;                 // other than 1 excludes a dilation_rate other than 1
  Padding padding = Padding::kValid;  // or kSame
  DataFormat data_format = DataFormat::kChannelsLast;
  Window dilation_rate = 1;
  Activation activation = {};  // ops::Relu, "relu", ...
  bool use_bias = true;
  Initializer kernel_initializer = {};  // empty: the variable scope's, else Glorot uniform
  Initializer bias_initializer = initializers::Zeros();
  Regularizer kernel_regularizer = {};    // empty: the variable scope's
  Regularizer bias_regularizer = {};      // empty: the variable scope's
  Regularizer activity_regularizer = {};  // a penalty on the output
  bool trainable = true;
  LayerName name = {};  // empty: "masked_conv2d", "masked_conv2d_1", ...
  Reuse reuse = Reuse::kInherit;

  void Fields(ConfigFields& f);
};
using MaskedConv1DOptions = MaskedConvOptions<Int1>;
using MaskedConv2DOptions = MaskedConvOptions<Int2>;
using MaskedConv3DOptions = MaskedConvOptions<Int3>;

// y = activation(cross-correlation(x, mask * kernel) + bias): ConvLayer (layers/conv.h) with a
// mask, the same inputs, sizes and errors. In this order it makes (rule PR-3) the variables
//   `mask`       [kernel_size..., channels, filters], ones, not trainable
//   `kernel`     the same shape
//   `threshold`  a scalar, 0, not trainable
// the node `weights/masked_weight`, and `bias` [filters]; the first call fills the collections. The
// convolution is nn::Convolution: nodes `convolution/dilation_rate`, `convolution`.
template <typename Window>
class MaskedConvLayer : public LayerOf<MaskedConvOptions<Window>> {
 public:
  const Variable& kernel() const { return kernel_; }
  const Variable& mask() const { return mask_; }
  const Variable& threshold() const { return threshold_; }
  const Variable& bias() const { return bias_; }  // empty without use_bias
  const Output& masked_kernel() const { return masked_kernel_; }

 protected:
  MaskedConvLayer(const char* class_name, MaskedConvOptions<Window> options, LayerKind kind);

 private:
  absl::Status Build(At at, const TensorShape& input) override;
  Output Call(At at, const Output& input, const CallOptions& call) override;

  Variable mask_, kernel_, threshold_, bias_;
  Output masked_kernel_;
};
extern template struct MaskedConvOptions<Int1>;
extern template struct MaskedConvOptions<Int2>;
extern template struct MaskedConvOptions<Int3>;
extern template class MaskedConvLayer<Int1>;
extern template class MaskedConvLayer<Int2>;
extern template class MaskedConvLayer<Int3>;

class MaskedConv1DLayer : public MaskedConvLayer<Int1> {
 public:
  explicit MaskedConv1DLayer(MaskedConv1DOptions options, LayerKind kind = LayerKind::kObject)
      : MaskedConvLayer("MaskedConv1D", std::move(options), kind) {}
};
class MaskedConv2DLayer : public MaskedConvLayer<Int2> {
 public:
  explicit MaskedConv2DLayer(MaskedConv2DOptions options, LayerKind kind = LayerKind::kObject)
      : MaskedConvLayer("MaskedConv2D", std::move(options), kind) {}
};
class MaskedConv3DLayer : public MaskedConvLayer<Int3> {
 public:
  explicit MaskedConv3DLayer(MaskedConv3DOptions options, LayerKind kind = LayerKind::kObject)
      : MaskedConvLayer("MaskedConv3D", std::move(options), kind) {}
};

// Fields in the order of the keyword arguments of model_pruning's MaskedFullyConnected.
struct MaskedDenseOptions {
  int64_t units = 0;  // required, > 0: size of the last output dimension
  Activation activation = {};
  bool use_bias = true;
  Initializer kernel_initializer = {};
  Initializer bias_initializer = initializers::Zeros();
  Regularizer kernel_regularizer = {};
  Regularizer bias_regularizer = {};
  Regularizer activity_regularizer = {};
  bool trainable = true;
  LayerName name = {};  // empty: "masked_fully_connected", ...
  Reuse reuse = Reuse::kInherit;

  void Fields(ConfigFields& f);
};

// y = activation(x . (mask * kernel) + bias) over the last dimension of x: DenseLayer with a mask.
// Variables in this order (rule PR-3): `kernel` [in, units], `mask` [in, units], `threshold`,
// `bias` [units].
class MaskedFullyConnectedLayer : public LayerOf<MaskedDenseOptions> {
 public:
  explicit MaskedFullyConnectedLayer(MaskedDenseOptions options,
                                     LayerKind kind = LayerKind::kObject);
  const Variable& kernel() const { return kernel_; }
  const Variable& mask() const { return mask_; }
  const Variable& threshold() const { return threshold_; }
  const Variable& bias() const { return bias_; }
  const Output& masked_kernel() const { return masked_kernel_; }

 private:
  absl::Status Build(At at, const TensorShape& input) override;
  Output Call(At at, const Output& input, const CallOptions& call) override;

  Variable kernel_, mask_, threshold_, bias_;
  Output masked_kernel_;
};

// --- functions ---

// One number for all spatial dimensions, or one each: 3, {3, 5}, {2, 3, 5}.
struct WindowSizes {
  std::vector<int64_t> values;
  WindowSizes(int64_t all) : values{all} {}                            // NOLINT: implicit
  WindowSizes(std::initializer_list<int64_t> each) : values(each) {}   // NOLINT: implicit
  WindowSizes(std::vector<int64_t> each) : values(std::move(each)) {}  // NOLINT: implicit
};

// Collections for the variables of a function: `all` is TensorFlow's list, the other two its
// dictionary. Masks and thresholds go to none of them.
struct VariablesCollections {
  std::vector<std::string> all = {};
  std::vector<std::string> weights = {};
  std::vector<std::string> biases = {};
};

// What is applied instead of a bias, such as batch normalization; TensorFlow's normalizer_params
// are what the function captures.
using NormalizerFn = std::function<Output(At at, Output outputs)>;

// Arguments of masked_convolution in their order (rule PR-4).
struct MaskedConvolutionOptions {
  int64_t num_outputs = 0;               // required, > 0
  WindowSizes kernel_size = {};          // required
  WindowSizes stride = 1;                // other than 1 excludes a rate other than 1
  Padding padding = Padding::kSame;      // or kValid
  std::string data_format = {};          // "NWC", "NCW"; "NHWC", "NCHW"; "NDHWC", "NCDHW", as the
                                         // rank is; empty: channels last
  WindowSizes rate = 1;                  // of dilation
  Activation activation_fn = ops::Relu;  // {}: none. Comes last
  NormalizerFn normalizer_fn = {};       // empty: a bias
  Initializer weights_initializer = initializers::GlorotUniform();  // xavier_initializer
  Regularizer weights_regularizer = {};
  Initializer biases_initializer = initializers::Zeros();  // {}: no bias
  Regularizer biases_regularizer = {};
  Reuse reuse = Reuse::kInherit;  // kTrue needs a scope
  VariablesCollections variables_collections = {};
  std::vector<std::string> outputs_collections = {};  // these get the output
  bool trainable = true;
  LayerName scope = {};  // a name or a captured scope; empty: "Conv", "Conv_1", ...
};

// A convolution over N = 1, 2 or 3 spatial dimensions (TensorFlow stops at its own N = 2): inputs
// of rank N + 2. Variables in this order, all in GLOBAL_VARIABLES and MODEL_VARIABLES: `Conv/mask`,
// `Conv/weights`, `Conv/threshold`, `Conv/biases`; the weight's product is
// `Conv/weights/masked_weight`, the convolution `Conv/convolution`. Then normalizer_fn, or the
// bias; then activation_fn. InvalidArgument on the graph: "Invalid data_format", "Sparse
// Convolution not supported for input with rank 2", "Unsupported data format" (one that is not the
// rank's), and what MaskedConvLayer refuses.
Output MaskedConvolution(At at, Output inputs, MaskedConvolutionOptions options);
// TensorFlow's other name for it.
Output MaskedConv2D(At at, Output inputs, MaskedConvolutionOptions options);

// Arguments of masked_fully_connected in their order (rule PR-6).
struct MaskedFullyConnectedOptions {
  int64_t num_outputs = 0;  // required, > 0: "num_outputs should be int or long"
  Activation activation_fn = ops::Relu;
  NormalizerFn normalizer_fn = {};
  Initializer weights_initializer = initializers::GlorotUniform();
  Regularizer weights_regularizer = {};
  Initializer biases_initializer = initializers::Zeros();  // {}: no bias
  Regularizer biases_regularizer = {};
  Reuse reuse = Reuse::kInherit;
  VariablesCollections variables_collections = {};
  std::vector<std::string> outputs_collections = {};
  bool trainable = true;
  LayerName scope = {};  // empty: "fully_connected", "fully_connected_1", ...
};
// Variables `fully_connected/weights`, `fully_connected/mask`, `fully_connected/threshold`,
// `fully_connected/biases`. Inputs of rank >= 2; the last dimension must be known.
Output MaskedFullyConnected(At at, Output inputs, MaskedFullyConnectedOptions options);

}  // namespace sluice::layers

#endif  // SLUICE_LAYERS_MASKED_H_
