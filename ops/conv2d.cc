// Conv2D, Conv2DBackpropInput, Conv2DBackpropFilter: see ops/conv2d.h for the formula,
// ops/kernels/conv.h for the arithmetic, ops/conv_common.h for shapes and checks.
#include "ops/conv2d.h"

#include <utility>

#include "graph/node.h"
#include "graph/op_spec.h"
#include "ops/conv_common.h"
#include "ops/flops.h"
#include "ops/narrow.h"

namespace sluice::ops {
namespace {

using kernels::ConvPass;

absl::Status Conv2DShape(ShapeContext& c) { return ConvOutputShape(c, ConvKind::kPlain); }
absl::Status InputGradientShape(ShapeContext& c) {
  return ConvInputGradientShape(c, ConvKind::kPlain);
}
absl::Status FilterGradientShape(ShapeContext& c) {
  return ConvFilterGradientShape(c, ConvKind::kPlain);
}

KernelPrepare PrepareFor(ConvPass pass) {
  return InFloat([pass](PrepareContext& p) { return PrepareConv(p, pass, ConvKind::kPlain); });
}

// All three are linear in each of two tensors, so each one's gradients are the other two.
Outputs Conv2DGradient(At at, const Node& op, const Outputs& dy) {
  const AttrMap attrs = ConvAttrs(op);
  const Outputs shapes = at.Nodes("ShapeN", {op.input(0), op.input(1)});
  return {at.Node("Conv2DBackpropInput", {shapes[0], op.input(1), dy[0]}, attrs),
          at.Node("Conv2DBackpropFilter", {op.input(0), shapes[1], dy[0]}, attrs)};
}

Outputs Conv2DBackpropInputGradient(At at, const Node& op, const Outputs& dy) {
  const AttrMap attrs = ConvAttrs(op);
  const Output filter_shape = at.Node("Shape", {op.input(1)});
  return {Output(), at.Node("Conv2DBackpropFilter", {dy[0], filter_shape, op.input(2)}, attrs),
          at.Node("Conv2D", {dy[0], op.input(1)}, attrs)};
}

Outputs Conv2DBackpropFilterGradient(At at, const Node& op, const Outputs& dy) {
  const AttrMap attrs = ConvAttrs(op);
  const Output input_shape = at.Node("Shape", {op.input(0)});
  return {at.Node("Conv2DBackpropInput", {input_shape, dy[0], op.input(2)}, attrs), Output(),
          at.Node("Conv2D", {op.input(0), dy[0]}, attrs)};
}

OpSpec& ConvAttributes(OpSpec& spec) {
  return spec.Attr("T: {half, bfloat16, float, double}")
      .Attr("strides: list(int)")
      .Attr("use_cudnn_on_gpu: bool = true")
      .Attr("padding: {'SAME', 'VALID', 'EXPLICIT'}")
      .Attr("explicit_paddings: list(int) = []")
      .Attr("data_format: {'NHWC', 'NCHW'} = 'NHWC'")
      .Attr("dilations: list(int) = [1, 1, 1, 1]");
}

AttrMap ToAttrs(Conv2DOptions o) {
  AttrMap attrs{{"strides", std::move(o.strides)},
                {"use_cudnn_on_gpu", o.use_cudnn_on_gpu},
                {"padding", o.explicit_paddings.empty() ? PaddingName(o.padding) : "EXPLICIT"},
                {"data_format", std::move(o.data_format)},
                {"dilations", std::move(o.dilations)}};
  if (!o.explicit_paddings.empty()) attrs["explicit_paddings"] = std::move(o.explicit_paddings);
  return attrs;
}

}  // namespace

OpSpec Conv2DOp() {
  OpSpec spec("Conv2D");
  spec.Input("input: T").Input("filter: T").Output("output: T");
  return ConvAttributes(spec)
      .Shape(Conv2DShape)
      .Prepare(PrepareFor(ConvPass::kForward))
      .Flops(ConvolutionFlops(1, kOutput))
      .Gradient(Conv2DGradient);
}

OpSpec Conv2DBackpropInputOp() {
  OpSpec spec("Conv2DBackpropInput");
  spec.Input("input_sizes: int32").Input("filter: T").Input("out_backprop: T").Output("output: T");
  return ConvAttributes(spec)
      .Shape(InputGradientShape)
      .Prepare(PrepareFor(ConvPass::kBackwardInput))
      .Flops(ConvolutionFlops(1, 2))
      .Gradient(Conv2DBackpropInputGradient);
}

OpSpec Conv2DBackpropFilterOp() {
  OpSpec spec("Conv2DBackpropFilter");
  spec.Input("input: T").Input("filter_sizes: int32").Input("out_backprop: T").Output("output: T");
  return ConvAttributes(spec)
      .Shape(FilterGradientShape)
      .Prepare(PrepareFor(ConvPass::kBackwardFilter))
      .ThreadSensitive()
      .Flops(ConvolutionFlops(kOutput, 2))
      .ThreadSensitive()
      .Gradient(Conv2DBackpropFilterGradient);
}

Output Conv2D(At at, Output input, Output filter, Conv2DOptions options) {
  return at.Node("Conv2D", {input, filter}, ToAttrs(std::move(options)));
}

Output Conv2DBackpropInput(At at, Output input_sizes, Output filter, Output out_backprop,
                           Conv2DOptions options) {
  return at.Node("Conv2DBackpropInput", {input_sizes, filter, out_backprop},
                 ToAttrs(std::move(options)));
}

Output Conv2DBackpropFilter(At at, Output input, Output filter_sizes, Output out_backprop,
                            Conv2DOptions options) {
  return at.Node("Conv2DBackpropFilter", {input, filter_sizes, out_backprop},
                 ToAttrs(std::move(options)));
}

}  // namespace sluice::ops
