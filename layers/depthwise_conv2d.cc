#include "layers/depthwise_conv2d.h"

#include "core/status.h"
#include "layers/conv_nodes.h"
#include "layers/conv_options.h"

namespace sluice::layers {

void DepthwiseConv2DOptions::Fields(ConfigFields& f) {
  f("kernel_size", kernel_size);
  f("strides", strides);
  f("padding", padding);
  f("depth_multiplier", depth_multiplier);
  f("data_format", data_format);
  f("activation", activation);
  f("use_bias", use_bias);
  f("depthwise_initializer", depthwise_initializer);
  f("bias_initializer", bias_initializer);
  f("depthwise_regularizer", depthwise_regularizer);
  f("bias_regularizer", bias_regularizer);
  f("activity_regularizer", activity_regularizer);
  f("depthwise_constraint", depthwise_constraint);
  f("bias_constraint", bias_constraint);
  f("dilation_rate", dilation_rate);
  f("trainable", trainable);
  f("name", name);
}

DepthwiseConv2DLayer::DepthwiseConv2DLayer(DepthwiseConv2DOptions options, LayerKind kind)
    : LayerOf(kind, "DepthwiseConv2D", std::move(options)) {}

absl::Status DepthwiseConv2DLayer::Build(At at, const TensorShape& input) {
  const DepthwiseConv2DOptions& o = options_;
  SLUICE_RETURN_IF_ERROR(CheckSliding(o));
  if (input.rank() != 4) {
    return absl::InvalidArgumentError(absl::StrCat(
        "Inputs to `DepthwiseConv2D` should have rank 4. Received input shape: ", input.ToString(),
        " (expected ndim=4)"));
  }
  const int64_t channels = input.dim(ChannelAxis(o.data_format));
  if (channels < 0) {
    return absl::InvalidArgumentError(absl::StrCat(
        "The channel dimension of the inputs to `DepthwiseConv2D` should be defined. Found `None`. "
        "(input ",
        input.ToString(), ")"));
  }
  SLUICE_ASSIGN_OR_RETURN(const int64_t widened, WidenedChannels(channels, o.depth_multiplier));
  input_spec_ = {{.ndim = 4, .axes = {{ChannelAxis(o.data_format), channels}}}};
  depthwise_kernel_ = AddVariable(
      at, "depthwise_kernel",
      {.shape = {o.kernel_size.height, o.kernel_size.width, channels, o.depth_multiplier},
       .initializer = o.depthwise_initializer,
       .regularizer = o.depthwise_regularizer,
       .constraint = o.depthwise_constraint});
  bias_ = AddBias(at, o, {widened});
  return absl::OkStatus();
}

Output DepthwiseConv2DLayer::Call(At at, const Output& input, const CallOptions&) {
  const DepthwiseConv2DOptions& o = options_;
  const At inside = at.Composite("depthwise");
  Output y = DepthwiseNodes(inside, inside.AsScope(), input, depthwise_kernel_, SlidingOf(o));
  if (o.use_bias) y = AddChannelBias(at, y, bias_, o.data_format);
  return o.activation(at, y);
}

Output DepthwiseConv2D(At at, Output inputs, DepthwiseConv2DOptions options) {
  return ApplyOnce<DepthwiseConv2DLayer>(at, inputs, std::move(options));
}

}  // namespace sluice::layers
