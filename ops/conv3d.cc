// Conv3D and its backprops: see ops/conv3d.h for the formula, ops/kernels/conv.h for the
// arithmetic, ops/conv_common.h for shapes and checks.
#include "ops/conv3d.h"

#include <utility>

#include "graph/node.h"
#include "graph/op_spec.h"
#include "ops/conv_common.h"
#include "ops/flops.h"
#include "ops/narrow.h"

namespace sluice::ops {
namespace {

using kernels::ConvPass;

absl::Status Conv3DShape(ShapeContext& c) { return ConvOutputShape(c, ConvKind::kVolume); }
absl::Status InputGradientShape(ShapeContext& c) {
  return ConvInputGradientShape(c, ConvKind::kVolume);
}
absl::Status FilterGradientShape(ShapeContext& c) {
  return ConvFilterGradientShape(c, ConvKind::kVolume);
}

KernelPrepare PrepareFor(ConvPass pass) {
  return InFloat([pass](PrepareContext& p) { return PrepareConv(p, pass, ConvKind::kVolume); });
}

// All are linear in each of two tensors, so each one's gradients are the other two.
Outputs Conv3DGradient(At at, const Node& op, const Outputs& dy) {
  const AttrMap attrs = ConvAttrs(op);
  const Outputs shapes = at.Nodes("ShapeN", {op.input(0), op.input(1)});
  return {at.Node("Conv3DBackpropInputV2", {shapes[0], op.input(1), dy[0]}, attrs),
          at.Node("Conv3DBackpropFilterV2", {op.input(0), shapes[1], dy[0]}, attrs)};
}

Outputs BackpropInputGradient(At at, const Node& op, const Outputs& dy) {
  const AttrMap attrs = ConvAttrs(op);
  const Output filter_shape = at.Node("Shape", {op.input(1)});
  return {Output(), at.Node("Conv3DBackpropFilterV2", {dy[0], filter_shape, op.input(2)}, attrs),
          at.Node("Conv3D", {dy[0], op.input(1)}, attrs)};
}

Outputs BackpropFilterGradient(At at, const Node& op, const Outputs& dy) {
  const AttrMap attrs = ConvAttrs(op);
  const Output input_shape = at.Node("Shape", {op.input(0)});
  return {at.Node("Conv3DBackpropInputV2", {input_shape, dy[0], op.input(2)}, attrs), Output(),
          at.Node("Conv3D", {op.input(0), dy[0]}, attrs)};
}

constexpr char kTypes[] = "T: {half, bfloat16, float, double}";
constexpr char kOldTypes[] = "T: {half, float, double}";
constexpr char kStrides[] = "strides: list(int) >= 5";
constexpr char kPaddings[] = "padding: {'SAME', 'VALID'}";
constexpr char kFormats[] = "data_format: {'NDHWC', 'NCDHW'} = 'NDHWC'";
constexpr char kDilations[] = "dilations: list(int) = [1, 1, 1, 1, 1]";

OpSpec& Attributes(OpSpec& spec) {
  return spec.Attr(kTypes).Attr(kStrides).Attr(kPaddings).Attr(kFormats).Attr(kDilations);
}

OpSpec OldSpec(const char* name) {
  OpSpec spec(name);
  spec.Input("input: T").Input("filter: T").Input("out_backprop: T").Output("output: T");
  return spec.Attr(kOldTypes).Attr(kStrides).Attr(kPaddings).Attr(kDilations);
}

AttrMap ToAttrs(Conv3DOptions o) {
  return {{"strides", std::move(o.strides)},
          {"padding", PaddingName(o.padding)},
          {"data_format", std::move(o.data_format)},
          {"dilations", std::move(o.dilations)}};
}

AttrMap ToOldAttrs(Conv3DOptions o) {
  AttrMap attrs = ToAttrs(std::move(o));
  attrs.erase("data_format");
  return attrs;
}

}  // namespace

OpSpec Conv3DOp() {
  OpSpec spec("Conv3D");
  spec.Input("input: T").Input("filter: T").Output("output: T");
  return Attributes(spec)
      .Shape(Conv3DShape)
      .Prepare(PrepareFor(ConvPass::kForward))
      .Flops(ConvolutionFlops(1, kOutput))
      .Gradient(Conv3DGradient);
}

OpSpec Conv3DBackpropInputV2Op() {
  OpSpec spec("Conv3DBackpropInputV2");
  spec.Input("input_sizes: Tshape").Input("filter: T").Input("out_backprop: T").Output("output: T");
  return Attributes(spec)
      .Attr("Tshape: {int32, int64} = DT_INT32")
      .Shape(InputGradientShape)
      .Prepare(PrepareFor(ConvPass::kBackwardInput))
      .Flops(ConvolutionFlops(1, 2))
      .Gradient(BackpropInputGradient);
}

OpSpec Conv3DBackpropFilterV2Op() {
  OpSpec spec("Conv3DBackpropFilterV2");
  spec.Input("input: T").Input("filter_sizes: int32").Input("out_backprop: T").Output("output: T");
  return Attributes(spec)
      .Shape(FilterGradientShape)
      .Prepare(PrepareFor(ConvPass::kBackwardFilter))
      .ThreadSensitive()
      .Flops(ConvolutionFlops(kOutput, 2))
      .ThreadSensitive()
      .Gradient(BackpropFilterGradient);
}

OpSpec Conv3DBackpropInputOp() {
  return OldSpec("Conv3DBackpropInput")
      .Shape(InputGradientShape)
      .Prepare(PrepareFor(ConvPass::kBackwardInput))
      .Flops(ConvolutionFlops(1, 2))
      .NotDifferentiable("TensorFlow has a gradient for Conv3DBackpropInputV2 only");
}

OpSpec Conv3DBackpropFilterOp() {
  return OldSpec("Conv3DBackpropFilter")
      .Shape(FilterGradientShape)
      .Prepare(PrepareFor(ConvPass::kBackwardFilter))
      .ThreadSensitive()
      .Flops(ConvolutionFlops(kOutput, 2))
      .ThreadSensitive()
      .NotDifferentiable("TensorFlow has a gradient for Conv3DBackpropFilterV2 only");
}

Output Conv3D(At at, Output input, Output filter, Conv3DOptions options) {
  return at.Node("Conv3D", {input, filter}, ToAttrs(std::move(options)));
}

Output Conv3DBackpropInputV2(At at, Output input_sizes, Output filter, Output out_backprop,
                             Conv3DOptions options) {
  return at.Node("Conv3DBackpropInputV2", {input_sizes, filter, out_backprop},
                 ToAttrs(std::move(options)));
}

Output Conv3DBackpropFilterV2(At at, Output input, Output filter_sizes, Output out_backprop,
                              Conv3DOptions options) {
  return at.Node("Conv3DBackpropFilterV2", {input, filter_sizes, out_backprop},
                 ToAttrs(std::move(options)));
}

Output Conv3DBackpropInput(At at, Output input, Output filter, Output out_backprop,
                           Conv3DOptions options) {
  return at.Node("Conv3DBackpropInput", {input, filter, out_backprop},
                 ToOldAttrs(std::move(options)));
}

Output Conv3DBackpropFilter(At at, Output input, Output filter, Output out_backprop,
                            Conv3DOptions options) {
  return at.Node("Conv3DBackpropFilter", {input, filter, out_backprop},
                 ToOldAttrs(std::move(options)));
}

}  // namespace sluice::ops
