#include "layers/conv2d.h"

#include "core/status.h"
#include "layers/reshaping.h"

namespace sluice::layers {
namespace {

bool IsOne(Int2 v) { return v == Int2(1); }

// The checks that both convolutions share (rules CV-6, CV-10).
template <typename Options>
absl::Status CheckConvOptions(const Options& o) {
  SLUICE_RETURN_IF_ERROR(CheckPositive("filters", o.filters));
  SLUICE_RETURN_IF_ERROR(CheckPair("kernel_size", o.kernel_size));
  SLUICE_RETURN_IF_ERROR(CheckPair("strides", o.strides));
  SLUICE_RETURN_IF_ERROR(CheckPair("dilation_rate", o.dilation_rate));
  if (!IsOne(o.strides) && !IsOne(o.dilation_rate)) {
    return absl::InvalidArgumentError(
        "strides > 1 not supported in conjunction with dilation_rate > 1");
  }
  return absl::OkStatus();
}

template <typename Options>
AttrMap ConvAttrs(const Options& o) {
  return {{"strides", WindowAttr(o.data_format, o.strides)},
          {"padding", PaddingName(o.padding)},
          {"data_format", DataFormatName(o.data_format)},
          {"dilations", WindowAttr(o.data_format, o.dilation_rate)}};
}

// TensorFlow's convolutions leave this vector beside them: where the rate is not 1 it fed a
// SpaceToBatchND. Ours is an attribute of the op, so that nothing reads the node.
template <typename Options>
void DilationRateConst(At at, const Options& o) {
  DimsConst(at, "dilation_rate", {o.dilation_rate.height, o.dilation_rate.width});
}

template <typename Options>
Output BiasAndActivation(At at, Output x, const Variable& bias, const Options& o) {
  if (o.use_bias)
    x = at.Node("BiasAdd", {x, bias}, {{"data_format", DataFormatName(o.data_format)}});
  return o.activation(at, x);
}

}  // namespace

void Conv2DOptions::Fields(ConfigFields& f) {
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

Conv2DLayer::Conv2DLayer(Conv2DOptions options, LayerKind kind)
    : LayerOf(kind, "Conv2D", std::move(options)) {
  input_spec_ = {{.ndim = 4}};
}

absl::Status Conv2DLayer::Build(At at, const TensorShape& input) {
  const Conv2DOptions& o = options_;
  SLUICE_RETURN_IF_ERROR(CheckConvOptions(o));
  SLUICE_ASSIGN_OR_RETURN(const int64_t channels, InputChannels(input, o.data_format));
  input_spec_ = {{.ndim = 4, .axes = {{ChannelAxis(o.data_format), channels}}}};
  kernel_ = AddKernel(at, o, {o.kernel_size.height, o.kernel_size.width, channels, o.filters});
  bias_ = AddBias(at, o, {o.filters});
  DilationRateConst(at, o);
  return absl::OkStatus();
}

Output Conv2DLayer::Call(At at, const Output& input, const CallOptions&) {
  return BiasAndActivation(at, at.Node("Conv2D", {input, kernel_}, ConvAttrs(options_)), bias_,
                           options_);
}

Output Conv2D(At at, Output inputs, Conv2DOptions options) {
  return ApplyOnce<Conv2DLayer>(at, inputs, std::move(options));
}

void SeparableConv2DOptions::Fields(ConfigFields& f) {
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

SeparableConv2DLayer::SeparableConv2DLayer(SeparableConv2DOptions options, LayerKind kind)
    : LayerOf(kind, "SeparableConv2D", std::move(options)) {
  input_spec_ = {{.ndim = 4}};
}

absl::Status SeparableConv2DLayer::Build(At at, const TensorShape& input) {
  const SeparableConv2DOptions& o = options_;
  SLUICE_RETURN_IF_ERROR(CheckConvOptions(o));
  SLUICE_RETURN_IF_ERROR(CheckPositive("depth_multiplier", o.depth_multiplier));
  SLUICE_ASSIGN_OR_RETURN(const int64_t channels, InputChannels(input, o.data_format));
  input_spec_ = {{.ndim = 4, .axes = {{ChannelAxis(o.data_format), channels}}}};
  depthwise_kernel_ = AddVariable(
      at, "depthwise_kernel",
      {.shape = {o.kernel_size.height, o.kernel_size.width, channels, o.depth_multiplier},
       .initializer = o.depthwise_initializer,
       .regularizer = o.depthwise_regularizer,
       .constraint = o.depthwise_constraint});
  pointwise_kernel_ = AddVariable(at, "pointwise_kernel",
                                  {.shape = {1, 1, channels * o.depth_multiplier, o.filters},
                                   .initializer = o.pointwise_initializer,
                                   .regularizer = o.pointwise_regularizer,
                                   .constraint = o.pointwise_constraint});
  bias_ = AddBias(at, o, {o.filters});
  return absl::OkStatus();
}

Output SeparableConv2DLayer::Call(At at, const Output& input, const CallOptions&) {
  const At inside = at.Composite("separable_conv2d");
  const TensorShape& window = depthwise_kernel_.shape();
  DimsConst(inside, "Shape", {window.dims().begin(), window.dims().end()});
  DilationRateConst(inside, options_);
  const Output depthwise =
      inside.Named("depthwise")
          .Node("DepthwiseConv2dNative", {input, depthwise_kernel_}, ConvAttrs(options_));
  const Output pointwise =
      inside.AsScope().Node("Conv2D", {depthwise, pointwise_kernel_},
                            {{"strides", std::vector<int64_t>{1, 1, 1, 1}},
                             {"padding", "VALID"},
                             {"data_format", DataFormatName(options_.data_format)}});
  return BiasAndActivation(at, pointwise, bias_, options_);
}

Output SeparableConv2D(At at, Output inputs, SeparableConv2DOptions options) {
  return ApplyOnce<SeparableConv2DLayer>(at, inputs, std::move(options));
}

}  // namespace sluice::layers
