// MaxPool3D, AvgPool3D and their gradients: see ops/pool3d.h for the rules, ops/kernels/pool.h for
// the arithmetic, ops/pool_common.h for shapes and checks.
#include "ops/pool3d.h"

#include <utility>

#include "core/status.h"
#include "graph/op_spec.h"
#include "ops/flops.h"
#include "ops/narrow.h"
#include "ops/pool_common.h"

namespace sluice::ops {
namespace {

constexpr PoolKind kVolume = PoolKind::kVolume;

absl::StatusOr<KernelRun> MaxPool3DGradPrepare(PrepareContext& p) {
  SLUICE_ASSIGN_OR_RETURN(const kernels::PoolShape s,
                          PoolSizes(p.attrs(), kVolume, p.input_shape(0)));
  return MakeFloatingPoolRun(p.output_dtype(0), [s](auto tag) {
    using T = typename decltype(tag)::type;
    return [s](KernelContext& c) {
      kernels::MaxPoolGradientToAll(s, c.input(0).data<T>(), c.input(1).data<T>(),
                                    c.input(2).data<T>(), c.output(0).mutable_data<T>());
      return absl::OkStatus();
    };
  });
}

// --- gradients ---

Outputs MaxPool3DGradient(At at, const Node& op, const Outputs& dy) {
  return {at.Node("MaxPool3DGrad", {op.input(0), op.output(0), dy[0]}, PoolAttrs(op))};
}

Outputs MaxPool3DGradGradient(At at, const Node& op, const Outputs& dy) {
  return LinearInGrad(
      at, op, at.Node("MaxPool3DGradGrad", {op.input(0), op.input(1), dy[0]}, PoolAttrs(op)));
}

Outputs MaxPool3DGradGradGradient(At at, const Node& op, const Outputs& dy) {
  return LinearInGrad(at, op,
                      at.Node("MaxPool3DGrad", {op.input(0), op.input(1), dy[0]}, PoolAttrs(op)));
}

Outputs AvgPool3DGradient(At at, const Node& op, const Outputs& dy) {
  const Output shape = at.Node("Shape", {op.input(0)});
  return {at.Node("AvgPool3DGrad", {shape, dy[0]}, PoolAttrs(op))};
}

Outputs AvgPool3DGradGradient(At at, const Node& op, const Outputs& dy) {
  return {Output(), at.Node("AvgPool3D", {dy[0]}, PoolAttrs(op))};
}

// --- schemas ---

constexpr char kAvgPoolTypes[] = "T: {half, bfloat16, float, double}";

OpSpec& Attributes(OpSpec& spec) {
  return spec.Attr("ksize: list(int) >= 5")
      .Attr("strides: list(int) >= 5")
      .Attr("padding: {'SAME', 'VALID'}")
      .Attr("data_format: {'NDHWC', 'NCDHW'} = 'NDHWC'");
}

AttrMap ToAttrs(Pool3DOptions o) {
  return {{"ksize", std::move(o.ksize)},
          {"strides", std::move(o.strides)},
          {"padding", PaddingName(o.padding)},
          {"data_format", std::move(o.data_format)}};
}

}  // namespace

OpSpec MaxPool3DOp() {
  OpSpec spec("MaxPool3D");
  spec.Input("input: T").Output("output: T");
  return Attributes(spec)
      .Attr("T: {half, bfloat16, float}")
      .Shape([](ShapeContext& c) { return PoolShape(c, kVolume); })
      .Prepare(InFloat([](PrepareContext& p) { return PrepareMaxPool(p, kVolume); }))
      .Flops(PoolingFlops(kOutput))
      .Gradient(MaxPool3DGradient);
}

OpSpec MaxPool3DGradOp() {
  OpSpec spec("MaxPool3DGrad");
  spec.Input("orig_input: TInput").Input("orig_output: TInput").Input("grad: T");
  spec.Output("output: T");
  return Attributes(spec)
      .Attr("T: {half, bfloat16, float} = DT_FLOAT")
      .Attr("TInput: {half, bfloat16, float} = DT_FLOAT")
      .Shape([](ShapeContext& c) { return MaxPoolGradShape(c, kVolume); })
      .Prepare(InFloat(MaxPool3DGradPrepare))
      .Flops(PoolingFlops(2, 1, 1))
      .Gradient(MaxPool3DGradGradient);
}

OpSpec MaxPool3DGradGradOp() {
  OpSpec spec("MaxPool3DGradGrad");
  spec.Input("orig_input: T").Input("orig_output: T").Input("grad: T").Output("output: T");
  return Attributes(spec)
      .Attr("T: realnumbertype")
      .Shape([](ShapeContext& c) { return MaxPoolGradGradShape(c, kVolume); })
      .Prepare(InFloat([](PrepareContext& p) { return PrepareMaxPoolGradGrad(p, kVolume); }))
      .NoKernelFor("T", {DType::kUint32, DType::kUint64}, "TensorFlow has none either")
      .Flops(PoolingFlops(kOutput))
      .Gradient(MaxPool3DGradGradGradient);
}

OpSpec AvgPool3DOp() {
  OpSpec spec("AvgPool3D");
  spec.Input("input: T").Output("output: T");
  return Attributes(spec)
      .Attr(kAvgPoolTypes)
      .Shape([](ShapeContext& c) { return PoolShape(c, kVolume); })
      .Prepare(InFloat([](PrepareContext& p) { return PrepareAvgPool(p, kVolume); }))
      .Flops(PoolingFlops(kOutput))
      .Gradient(AvgPool3DGradient);
}

OpSpec AvgPool3DGradOp() {
  OpSpec spec("AvgPool3DGrad");
  spec.Input("orig_input_shape: int32").Input("grad: T").Output("output: T");
  return Attributes(spec)
      .Attr(kAvgPoolTypes)
      .Shape([](ShapeContext& c) { return AvgPoolGradShape(c, kVolume); })
      .Prepare(InFloat([](PrepareContext& p) { return PrepareAvgPoolGrad(p, kVolume); }))
      .Flops(PoolingFlops(1, 2))
      .Gradient(AvgPool3DGradGradient);
}

Output MaxPool3D(At at, Output input, Pool3DOptions options) {
  return at.Node("MaxPool3D", {input}, ToAttrs(std::move(options)));
}

Output AvgPool3D(At at, Output input, Pool3DOptions options) {
  return at.Node("AvgPool3D", {input}, ToAttrs(std::move(options)));
}

Output MaxPool3DGrad(At at, Output orig_input, Output orig_output, Output grad,
                     Pool3DOptions options) {
  return at.Node("MaxPool3DGrad", {orig_input, orig_output, grad}, ToAttrs(std::move(options)));
}

Output MaxPool3DGradGrad(At at, Output orig_input, Output orig_output, Output grad,
                         Pool3DOptions options) {
  return at.Node("MaxPool3DGradGrad", {orig_input, orig_output, grad}, ToAttrs(std::move(options)));
}

Output AvgPool3DGrad(At at, Output orig_input_shape, Output grad, Pool3DOptions options) {
  return at.Node("AvgPool3DGrad", {orig_input_shape, grad}, ToAttrs(std::move(options)));
}

}  // namespace sluice::ops
