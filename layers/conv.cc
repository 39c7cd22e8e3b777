#include "layers/conv.h"

#include "core/status.h"
#include "layers/conv_nodes.h"
#include "layers/conv_options.h"

namespace sluice::layers {

template <typename Window>
void ConvOptions<Window>::Fields(ConfigFields& f) {
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
  f("kernel_constraint", kernel_constraint);
  f("bias_constraint", bias_constraint);
  f("trainable", trainable);
  f("name", name);
}

template <typename Window>
ConvLayer<Window>::ConvLayer(const char* class_name, ConvOptions<Window> options, LayerKind kind)
    : LayerOf<ConvOptions<Window>>(kind, class_name, std::move(options)) {
  this->input_spec_ = {{.ndim = SlidingOf(this->options_).rank()}};
}

template <typename Window>
absl::Status ConvLayer<Window>::Build(At at, const TensorShape& input) {
  const ConvOptions<Window>& o = this->options_;
  SLUICE_RETURN_IF_ERROR(CheckPositive("filters", o.filters));
  SLUICE_RETURN_IF_ERROR(CheckSliding(o));
  const Sliding sliding = SlidingOf(o);
  const int rank = sliding.rank();
  SLUICE_ASSIGN_OR_RETURN(const int64_t channels, InputChannels(input, o.data_format, rank));
  this->input_spec_ = {{.ndim = rank, .axes = {{ChannelAxis(o.data_format, rank), channels}}}};
  TensorShape shape{absl::Span<const int64_t>(SizesOf(o.kernel_size))};
  shape.AddDim(channels);
  shape.AddDim(o.filters);
  kernel_ = this->AddKernel(at, o, shape);
  bias_ = this->AddBias(at, o, {o.filters});
  DilationRateConst(at, sliding);
  return absl::OkStatus();
}

template <typename Window>
Output ConvLayer<Window>::Call(At at, const Output& input, const CallOptions&) {
  const ConvOptions<Window>& o = this->options_;
  Output y = ConvNodes(at, input, kernel_, SlidingOf(o));
  if (o.use_bias) y = AddChannelBias(at, y, bias_, o.data_format);
  return o.activation(at, y);
}

template struct ConvOptions<Int1>;
template struct ConvOptions<Int2>;
template struct ConvOptions<Int3>;
template class ConvLayer<Int1>;
template class ConvLayer<Int2>;
template class ConvLayer<Int3>;

Output Conv1D(At at, Output inputs, Conv1DOptions options) {
  return ApplyOnce<Conv1DLayer>(at, inputs, std::move(options));
}
Output Conv2D(At at, Output inputs, Conv2DOptions options) {
  return ApplyOnce<Conv2DLayer>(at, inputs, std::move(options));
}
Output Conv3D(At at, Output inputs, Conv3DOptions options) {
  return ApplyOnce<Conv3DLayer>(at, inputs, std::move(options));
}

}  // namespace sluice::layers
