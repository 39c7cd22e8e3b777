#include "layers/separable_conv.h"

#include "core/status.h"
#include "layers/conv_nodes.h"
#include "layers/conv_options.h"
#include "ops/reshape.h"

namespace sluice::layers {

template <typename Window>
void SeparableConvOptions<Window>::Fields(ConfigFields& f) {
  f("filters", filters);
  f("kernel_size", kernel_size);
  f("strides", strides);
  f("padding", padding);
  f("data_format", data_format);
  f("dilation_rate", dilation_rate);
  f("depth_multiplier", depth_multiplier);
  f("activation", activation);
  f("use_bias", use_bias);
  f("depthwise_initializer", depthwise_initializer);
  f("pointwise_initializer", pointwise_initializer);
  f("bias_initializer", bias_initializer);
  f("depthwise_regularizer", depthwise_regularizer);
  f("pointwise_regularizer", pointwise_regularizer);
  f("bias_regularizer", bias_regularizer);
  f("activity_regularizer", activity_regularizer);
  f("depthwise_constraint", depthwise_constraint);
  f("pointwise_constraint", pointwise_constraint);
  f("bias_constraint", bias_constraint);
  f("trainable", trainable);
  f("name", name);
}

template <typename Window>
SeparableConvLayer<Window>::SeparableConvLayer(const char* class_name,
                                               SeparableConvOptions<Window> options, LayerKind kind)
    : LayerOf<SeparableConvOptions<Window>>(kind, class_name, std::move(options)) {
  this->input_spec_ = {{.ndim = SlidingOf(this->options_).rank()}};
}

template <typename Window>
absl::Status SeparableConvLayer<Window>::Build(At at, const TensorShape& input) {
  const SeparableConvOptions<Window>& o = this->options_;
  SLUICE_RETURN_IF_ERROR(CheckPositive("filters", o.filters));
  SLUICE_RETURN_IF_ERROR(CheckSliding(o));
  const std::vector<int64_t> sizes = SizesOf(o.kernel_size);
  const int rank = SlidingOf(o).rank();
  SLUICE_ASSIGN_OR_RETURN(const int64_t channels, InputChannels(input, o.data_format, rank));
  SLUICE_ASSIGN_OR_RETURN(const int64_t widened, WidenedChannels(channels, o.depth_multiplier));
  this->input_spec_ = {{.ndim = rank, .axes = {{ChannelAxis(o.data_format, rank), channels}}}};
  TensorShape depthwise{absl::Span<const int64_t>(sizes)};
  depthwise.AddDim(channels);
  depthwise.AddDim(o.depth_multiplier);
  TensorShape pointwise{absl::Span<const int64_t>(std::vector<int64_t>(sizes.size(), 1))};
  pointwise.AddDim(widened);
  pointwise.AddDim(o.filters);
  depthwise_kernel_ = this->AddVariable(at, "depthwise_kernel",
                                        {.shape = depthwise,
                                         .initializer = o.depthwise_initializer,
                                         .regularizer = o.depthwise_regularizer,
                                         .constraint = o.depthwise_constraint});
  pointwise_kernel_ = this->AddVariable(at, "pointwise_kernel",
                                        {.shape = pointwise,
                                         .initializer = o.pointwise_initializer,
                                         .regularizer = o.pointwise_regularizer,
                                         .constraint = o.pointwise_constraint});
  bias_ = this->AddBias(at, o, {o.filters});
  return absl::OkStatus();
}

template <typename Window>
Output SeparableConvLayer<Window>::Call(At at, const Output& input, const CallOptions&) {
  const SeparableConvOptions<Window>& o = this->options_;
  Sliding sliding = SlidingOf(o);
  Output x = input, depthwise = depthwise_kernel_, pointwise = pointwise_kernel_;
  const bool sequence = sliding.rank() == 3;
  const int axis = SpatialAxis(o.data_format);
  if (o.padding == Padding::kCausal) {
    x = CausalPad(at, x, SizesOf(o.kernel_size)[0], sliding);
    sliding.padding = Padding::kValid;
  }
  if (sequence) {  // as a row of an image
    x = ops::ExpandDims(at, x, axis);
    depthwise = ops::ExpandDims(at, depthwise, 0);
    pointwise = ops::ExpandDims(at, pointwise, 0);
    sliding.strides = {sliding.strides[0], sliding.strides[0]};
    sliding.dilation_rate = {1, sliding.dilation_rate[0]};
  }
  Output y = SeparableNodes(at, x, depthwise, pointwise, sliding);
  if (o.use_bias) y = AddChannelBias(at, y, bias_, o.data_format);
  if (sequence) y = ops::Squeeze(at, y, {.squeeze_dims = {axis}});
  return o.activation(at, y);
}

template struct SeparableConvOptions<Int1>;
template struct SeparableConvOptions<Int2>;
template class SeparableConvLayer<Int1>;
template class SeparableConvLayer<Int2>;

Output SeparableConv1D(At at, Output inputs, SeparableConv1DOptions options) {
  return ApplyOnce<SeparableConv1DLayer>(at, inputs, std::move(options));
}
Output SeparableConv2D(At at, Output inputs, SeparableConv2DOptions options) {
  return ApplyOnce<SeparableConv2DLayer>(at, inputs, std::move(options));
}

}  // namespace sluice::layers
