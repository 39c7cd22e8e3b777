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

Conv2DLayer::Conv2DLayer(Conv2DOptions options, Kind kind)
    : Layer(kind, {.name = options.name,
                   .default_name = "conv2d",
                   .reuse = options.reuse,
                   .trainable = options.trainable}),
      options_(std::move(options)) {}

absl::Status Conv2DLayer::Build(At at, const Output& inputs) {
  const Conv2DOptions& o = options_;
  SLUICE_RETURN_IF_ERROR(CheckConvOptions(o));
  SLUICE_ASSIGN_OR_RETURN(const int64_t channels, InputChannels(inputs, o.data_format));
  kernel_ = AddKernel(at, o, inputs.dtype(),
                      {o.kernel_size.height, o.kernel_size.width, channels, o.filters});
  bias_ = AddBias(at, o, inputs.dtype(), o.filters);
  DilationRateConst(at, o);
  return absl::OkStatus();
}

Output Conv2DLayer::Call(At at, const Output& inputs) {
  return BiasAndActivation(at, at.Node("Conv2D", {inputs, kernel_}, ConvAttrs(options_)), bias_,
                           options_);
}

Output Conv2D(At at, Output inputs, Conv2DOptions options) {
  return Conv2DLayer(std::move(options), Conv2DLayer::Kind::kFunction)(at, inputs);
}

SeparableConv2DLayer::SeparableConv2DLayer(SeparableConv2DOptions options, Kind kind)
    : Layer(kind, {.name = options.name,
                   .default_name = "separable_conv2d",
                   .reuse = options.reuse,
                   .trainable = options.trainable}),
      options_(std::move(options)) {}

absl::Status SeparableConv2DLayer::Build(At at, const Output& inputs) {
  const SeparableConv2DOptions& o = options_;
  SLUICE_RETURN_IF_ERROR(CheckConvOptions(o));
  SLUICE_RETURN_IF_ERROR(CheckPositive("depth_multiplier", o.depth_multiplier));
  SLUICE_ASSIGN_OR_RETURN(const int64_t channels, InputChannels(inputs, o.data_format));
  depthwise_kernel_ = AddVariable(
      at, "depthwise_kernel",
      {.shape = {o.kernel_size.height, o.kernel_size.width, channels, o.depth_multiplier},
       .dtype = inputs.dtype(),
       .initializer = o.depthwise_initializer,
       .regularizer = o.depthwise_regularizer,
       .constraint = o.depthwise_constraint});
  pointwise_kernel_ = AddVariable(at, "pointwise_kernel",
                                  {.shape = {1, 1, channels * o.depth_multiplier, o.filters},
                                   .dtype = inputs.dtype(),
                                   .initializer = o.pointwise_initializer,
                                   .regularizer = o.pointwise_regularizer,
                                   .constraint = o.pointwise_constraint});
  bias_ = AddBias(at, o, inputs.dtype(), o.filters);
  return absl::OkStatus();
}

Output SeparableConv2DLayer::Call(At at, const Output& inputs) {
  const At inside = at.Composite("separable_conv2d");
  const TensorShape& window = depthwise_kernel_.shape();
  DimsConst(inside, "Shape", {window.dims().begin(), window.dims().end()});
  DilationRateConst(inside, options_);
  const Output depthwise =
      inside.Named("depthwise")
          .Node("DepthwiseConv2dNative", {inputs, depthwise_kernel_}, ConvAttrs(options_));
  const Output pointwise =
      inside.AsScope().Node("Conv2D", {depthwise, pointwise_kernel_},
                            {{"strides", std::vector<int64_t>{1, 1, 1, 1}},
                             {"padding", "VALID"},
                             {"data_format", DataFormatName(options_.data_format)}});
  return BiasAndActivation(at, pointwise, bias_, options_);
}

Output SeparableConv2D(At at, Output inputs, SeparableConv2DOptions options) {
  return SeparableConv2DLayer(std::move(options), SeparableConv2DLayer::Kind::kFunction)(at,
                                                                                         inputs);
}

}  // namespace sluice::layers
