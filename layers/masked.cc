#include "layers/masked.h"

#include "core/status.h"
#include "graph/graph.h"
#include "layers/conv_nodes.h"
#include "layers/conv_options.h"
#include "layers/masking.h"
#include "layers/nn_convolution.h"
#include "layers/reshaping.h"

namespace sluice::layers {

template <typename Window>
void MaskedConvOptions<Window>::Fields(ConfigFields& f) {
  f("filters", filters);
  f("kernel_size", kernel_size);
  f("strides", strides);
  f("padding", padding);
  f("data_format", data_format);
  f("dilation_rate", dilation_rate);
  f("activation", activation);
  f("use_bias", use_bias);
  f("kernel_initializer", kernel_initializer);
  f("bias_initializer", bias_initializer);
  f("kernel_regularizer", kernel_regularizer);
  f("bias_regularizer", bias_regularizer);
  f("activity_regularizer", activity_regularizer);
  f("trainable", trainable);
  f("name", name);
}

template <typename Window>
MaskedConvLayer<Window>::MaskedConvLayer(const char* class_name, MaskedConvOptions<Window> options,
                                         LayerKind kind)
    : LayerOf<MaskedConvOptions<Window>>(kind, class_name, std::move(options)) {
  this->input_spec_ = {{.ndim = SlidingOf(this->options_).rank()}};
}

template <typename Window>
absl::Status MaskedConvLayer<Window>::Build(At at, const TensorShape& input) {
  const MaskedConvOptions<Window>& o = this->options_;
  SLUICE_RETURN_IF_ERROR(CheckPositive("filters", o.filters));
  SLUICE_RETURN_IF_ERROR(CheckSliding(o));
  const int rank = SlidingOf(o).rank();
  SLUICE_ASSIGN_OR_RETURN(const int64_t channels, InputChannels(input, o.data_format, rank));
  this->input_spec_ = {{.ndim = rank, .axes = {{ChannelAxis(o.data_format, rank), channels}}}};
  TensorShape shape{absl::Span<const int64_t>(SizesOf(o.kernel_size))};
  shape.AddDim(channels);
  shape.AddDim(o.filters);
  mask_ = this->AddVariable(at, "mask", pruning::MaskOptions(shape, this->dtype()));
  kernel_ = this->AddVariable(
      at, "kernel",
      {.shape = shape, .initializer = o.kernel_initializer, .regularizer = o.kernel_regularizer});
  threshold_ = this->AddVariable(at, "threshold", pruning::ThresholdOptions(this->dtype()));
  if (!at.ok()) return absl::OkStatus();
  masked_kernel_ = pruning::MaskedWeight(at, mask_, kernel_);
  pruning::AddToPruningCollections(at.graph(), mask_, threshold_, masked_kernel_, kernel_);
  if (o.use_bias) {
    bias_ = this->AddVariable(at, "bias",
                              {.shape = {o.filters},
                               .initializer = o.bias_initializer,
                               .regularizer = o.bias_regularizer});
  }
  return absl::OkStatus();
}

template <typename Window>
Output MaskedConvLayer<Window>::Call(At at, const Output& input, const CallOptions&) {
  const MaskedConvOptions<Window>& o = this->options_;
  const Sliding s = SlidingOf(o);
  Output y = nn::Convolution(at, input, masked_kernel_,
                             {.padding = s.padding,
                              .strides = s.strides,
                              .dilation_rate = s.dilation_rate,
                              .data_format = DataFormatName(s.data_format, s.rank())});
  if (o.use_bias) y = AddChannelBias(at, y, bias_, o.data_format);
  return o.activation(at, y);
}

template struct MaskedConvOptions<Int1>;
template struct MaskedConvOptions<Int2>;
template struct MaskedConvOptions<Int3>;
template class MaskedConvLayer<Int1>;
template class MaskedConvLayer<Int2>;
template class MaskedConvLayer<Int3>;

void MaskedDenseOptions::Fields(ConfigFields& f) {
  f("units", units);
  f("activation", activation);
  f("use_bias", use_bias);
  f("kernel_initializer", kernel_initializer);
  f("bias_initializer", bias_initializer);
  f("kernel_regularizer", kernel_regularizer);
  f("bias_regularizer", bias_regularizer);
  f("activity_regularizer", activity_regularizer);
  f("trainable", trainable);
  f("name", name);
}

MaskedFullyConnectedLayer::MaskedFullyConnectedLayer(MaskedDenseOptions options, LayerKind kind)
    : LayerOf(kind, "MaskedFullyConnected", std::move(options)) {
  input_spec_ = {{.min_ndim = 2}};
}

absl::Status MaskedFullyConnectedLayer::Build(At at, const TensorShape& input) {
  const MaskedDenseOptions& o = options_;
  SLUICE_RETURN_IF_ERROR(CheckPositive("units", o.units));
  if (!input.rank_known() || input.rank() < 2 || input.dim(-1) < 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("The last dimension of the inputs to `MaskedFullyConnected` should be "
                     "defined. Found `None`. (input ",
                     input.ToString(), ")"));
  }
  const int64_t depth = input.dim(-1);
  input_spec_ = {{.min_ndim = 2, .axes = {{-1, depth}}}};
  kernel_ = AddVariable(at, "kernel",
                        {.shape = {depth, o.units},
                         .initializer = o.kernel_initializer,
                         .regularizer = o.kernel_regularizer});
  mask_ = AddVariable(at, "mask", pruning::MaskOptions({depth, o.units}, dtype()));
  threshold_ = AddVariable(at, "threshold", pruning::ThresholdOptions(dtype()));
  if (!at.ok()) return absl::OkStatus();
  masked_kernel_ = pruning::MaskedWeight(at, mask_, kernel_);
  pruning::AddToPruningCollections(at.graph(), mask_, threshold_, masked_kernel_, kernel_);
  if (o.use_bias) {
    bias_ = AddVariable(
        at, "bias",
        {.shape = {o.units}, .initializer = o.bias_initializer, .regularizer = o.bias_regularizer});
  }
  return absl::OkStatus();
}

Output MaskedFullyConnectedLayer::Call(At at, const Output& input, const CallOptions&) {
  Output x;
  if (input.shape().rank() == 2) {
    x = at.Node("MatMul", {input, masked_kernel_});
  } else {
    const At inside = at.Sub("Tensordot");
    TensorShape leading = input.shape();
    leading.RemoveDim(leading.rank() - 1);
    const Output rows = ReshapeTo(inside, input, {leading.num_elements(), input.shape().dim(-1)});
    x = WithLeadingDims(inside, inside.Node("MatMul", {rows, masked_kernel_}), input,
                        options_.units);
  }
  if (options_.use_bias) x = at.Node("BiasAdd", {x, bias_});
  return options_.activation(at, x);
}

}  // namespace sluice::layers
