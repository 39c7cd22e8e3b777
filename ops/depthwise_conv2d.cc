// DepthwiseConv2dNative and its backprops: see ops/depthwise_conv2d.h for the formula,
// ops/kernels/conv.h for the arithmetic, ops/conv_common.h for shapes and checks.
#include "ops/depthwise_conv2d.h"

#include <utility>

#include "graph/node.h"
#include "graph/op_spec.h"
#include "ops/conv_common.h"
#include "ops/flops.h"
#include "ops/narrow.h"

namespace sluice::ops {
namespace {

using kernels::ConvPass;

absl::Status DepthwiseShape(ShapeContext& c) { return ConvOutputShape(c, ConvKind::kDepthwise); }
absl::Status InputGradientShape(ShapeContext& c) {
  return ConvInputGradientShape(c, ConvKind::kDepthwise);
}
absl::Status FilterGradientShape(ShapeContext& c) {
  return ConvFilterGradientShape(c, ConvKind::kDepthwise);
}

KernelPrepare PrepareFor(ConvPass pass) {
  return InFloat([pass](PrepareContext& p) { return PrepareConv(p, pass, ConvKind::kDepthwise); });
}

constexpr char kForward[] = "DepthwiseConv2dNative";
constexpr char kBackpropInput[] = "DepthwiseConv2dNativeBackpropInput";
constexpr char kBackpropFilter[] = "DepthwiseConv2dNativeBackpropFilter";

// All three are linear in each of two tensors, so each one's gradients are the other two.
Outputs DepthwiseGradient(At at, const Node& op, const Outputs& dy) {
  const AttrMap attrs = ConvAttrs(op);
  const Output input_shape = at.Node("Shape", {op.input(0)});
  const Output filter_shape = at.Node("Shape", {op.input(1)});
  return {at.Node(kBackpropInput, {input_shape, op.input(1), dy[0]}, attrs),
          at.Node(kBackpropFilter, {op.input(0), filter_shape, dy[0]}, attrs)};
}

Outputs BackpropInputGradient(At at, const Node& op, const Outputs& dy) {
  const AttrMap attrs = ConvAttrs(op);
  const Output filter_shape = at.Node("Shape", {op.input(1)});
  return {Output(), at.Node(kBackpropFilter, {dy[0], filter_shape, op.input(2)}, attrs),
          at.Node(kForward, {dy[0], op.input(1)}, attrs)};
}

Outputs BackpropFilterGradient(At at, const Node& op, const Outputs& dy) {
  const AttrMap attrs = ConvAttrs(op);
  const Output input_shape = at.Node("Shape", {op.input(0)});
  return {at.Node(kBackpropInput, {input_shape, dy[0], op.input(2)}, attrs), Output(),
          at.Node(kForward, {op.input(0), dy[0]}, attrs)};
}

OpSpec& DepthwiseAttributes(OpSpec& spec) {
  return spec.Attr("T: {half, bfloat16, float, double}")
      .Attr("strides: list(int)")
      .Attr("padding: {'SAME', 'VALID'}")
      .Attr("data_format: {'NHWC', 'NCHW'} = 'NHWC'")
      .Attr("dilations: list(int) = [1, 1, 1, 1]");
}

AttrMap ToAttrs(DepthwiseConv2dNativeOptions o) {
  return {{"strides", std::move(o.strides)},
          {"padding", PaddingName(o.padding)},
          {"data_format", std::move(o.data_format)},
          {"dilations", std::move(o.dilations)}};
}

}  // namespace

OpSpec DepthwiseConv2dNativeOp() {
  OpSpec spec(kForward);
  spec.Input("input: T").Input("filter: T").Output("output: T");
  return DepthwiseAttributes(spec)
      .Shape(DepthwiseShape)
      .Prepare(PrepareFor(ConvPass::kForward))
      .Flops(DepthwiseFlops(1, kOutput))
      .Gradient(DepthwiseGradient);
}

OpSpec DepthwiseConv2dNativeBackpropInputOp() {
  OpSpec spec(kBackpropInput);
  spec.Input("input_sizes: int32").Input("filter: T").Input("out_backprop: T").Output("output: T");
  return DepthwiseAttributes(spec)
      .Shape(InputGradientShape)
      .Prepare(PrepareFor(ConvPass::kBackwardInput))
      .Flops(DepthwiseFlops(1, 2))
      .Gradient(BackpropInputGradient);
}

OpSpec DepthwiseConv2dNativeBackpropFilterOp() {
  OpSpec spec(kBackpropFilter);
  spec.Input("input: T").Input("filter_sizes: int32").Input("out_backprop: T").Output("output: T");
  return DepthwiseAttributes(spec)
      .Shape(FilterGradientShape)
      .Prepare(PrepareFor(ConvPass::kBackwardFilter))
      .ThreadSensitive()
      .Flops(DepthwiseFlops(kOutput, 2))
      .ThreadSensitive()
      .Gradient(BackpropFilterGradient);
}

Output DepthwiseConv2dNative(At at, Output input, Output filter,
                             DepthwiseConv2dNativeOptions options) {
  return at.Node(kForward, {input, filter}, ToAttrs(std::move(options)));
}

Output DepthwiseConv2dNativeBackpropInput(At at, Output input_sizes, Output filter,
                                          Output out_backprop,
                                          DepthwiseConv2dNativeOptions options) {
  return at.Node(kBackpropInput, {input_sizes, filter, out_backprop}, ToAttrs(std::move(options)));
}

Output DepthwiseConv2dNativeBackpropFilter(At at, Output input, Output filter_sizes,
                                           Output out_backprop,
                                           DepthwiseConv2dNativeOptions options) {
  return at.Node(kBackpropFilter, {input, filter_sizes, out_backprop}, ToAttrs(std::move(options)));
}

}  // namespace sluice::ops
