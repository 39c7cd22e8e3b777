// MaxPool, AvgPool and their gradients: see ops/pool.h for the rules, ops/kernels/pool.h for the
// arithmetic, ops/pool_common.h for shapes and checks.
#include "ops/pool.h"

#include <utility>

#include "core/status.h"
#include "graph/op_spec.h"
#include "ops/flops.h"
#include "ops/narrow.h"
#include "ops/pool_common.h"

namespace sluice::ops {
namespace {

constexpr PoolKind kPlane = PoolKind::kPlane;

absl::StatusOr<KernelRun> MaxPoolGradPrepare(PrepareContext& p) {
  SLUICE_ASSIGN_OR_RETURN(const kernels::PoolShape s,
                          PoolSizes(p.attrs(), kPlane, p.input_shape(0)));
  return MakePoolRun(p.output_dtype(0), [s](auto tag) {
    using T = typename decltype(tag)::type;
    return [s](KernelContext& c) {
      kernels::MaxPoolGradient(s, c.input(0).data<T>(), c.input(2).data<T>(),
                               c.output(0).mutable_data<T>());
      return absl::OkStatus();
    };
  });
}

// --- gradients ---

Outputs MaxPoolGradient(At at, const Node& op, const Outputs& dy) {
  return {at.Node("MaxPoolGrad", {op.input(0), op.output(0), dy[0]}, PoolAttrs(op))};
}

Outputs MaxPoolGradGradient(At at, const Node& op, const Outputs& dy) {
  return LinearInGrad(at, op,
                      at.Node("MaxPoolGradGrad", {op.input(0), op.input(1), dy[0]}, PoolAttrs(op)));
}

Outputs MaxPoolGradGradGradient(At at, const Node& op, const Outputs& dy) {
  return LinearInGrad(at, op,
                      at.Node("MaxPoolGrad", {op.input(0), op.input(1), dy[0]}, PoolAttrs(op)));
}

Outputs AvgPoolGradient(At at, const Node& op, const Outputs& dy) {
  const Output shape = at.Node("Shape", {op.input(0)});
  return {at.Node("AvgPoolGrad", {shape, dy[0]}, PoolAttrs(op))};
}

Outputs AvgPoolGradGradient(At at, const Node& op, const Outputs& dy) {
  return {Output(), at.Node("AvgPool", {dy[0]}, PoolAttrs(op))};
}

// --- schemas ---

constexpr char kFormats[] = "data_format: {'NHWC', 'NCHW'} = 'NHWC'";
constexpr char kAvgPoolTypes[] = "T: {half, bfloat16, float, double}";

OpSpec& PoolAttributes(OpSpec& spec, const char* formats) {
  return spec.Attr("ksize: list(int) >= 4")
      .Attr("strides: list(int) >= 4")
      .Attr("padding: {'SAME', 'VALID'}")
      .Attr(formats);
}

OpSpec MaxPoolGradientSpec(const char* name, const char* type) {
  OpSpec spec(name);
  spec.Input("orig_input: T").Input("orig_output: T").Input("grad: T").Output("output: T");
  PoolAttributes(spec, kFormats);
  return spec.Attr(type).NoKernelFor("T", {DType::kUint32, DType::kUint64},
                                     "TensorFlow has none either");
}

AttrMap ToAttrs(PoolOptions o) {
  return {{"ksize", std::move(o.ksize)},
          {"strides", std::move(o.strides)},
          {"padding", PaddingName(o.padding)},
          {"data_format", std::move(o.data_format)}};
}

}  // namespace

OpSpec MaxPoolOp() {
  OpSpec spec("MaxPool");
  spec.Attr(
      "T: {half, bfloat16, float, double, int32, int64, uint8, int16, int8, uint16, qint8} = "
      "DT_FLOAT");
  return PoolAttributes(spec, "data_format: {'NHWC', 'NCHW', 'NCHW_VECT_C'} = 'NHWC'")
      .Input("input: T")
      .Output("output: T")
      .Shape([](ShapeContext& c) { return PoolShape(c, PoolKind::kPlaneOrChannels); })
      .Prepare(
          InFloat([](PrepareContext& p) { return PrepareMaxPool(p, PoolKind::kPlaneOrChannels); }))
      .NoKernelFor("T", {DType::kQint8}, "TensorFlow has one for GPUs only, in format NCHW_VECT_C")
      .Flops(PoolingFlops(kOutput))
      .Gradient(MaxPoolGradient);
}

OpSpec MaxPoolGradOp() {
  return MaxPoolGradientSpec("MaxPoolGrad", "T: realnumbertype = DT_FLOAT")
      .Shape([](ShapeContext& c) { return MaxPoolGradShape(c, kPlane); })
      .Prepare(InFloat(MaxPoolGradPrepare))
      .Flops(PoolingFlops(2, 1, 1))
      .Gradient(MaxPoolGradGradient);
}

OpSpec MaxPoolGradGradOp() {
  return MaxPoolGradientSpec("MaxPoolGradGrad", "T: realnumbertype")
      .Shape([](ShapeContext& c) { return MaxPoolGradGradShape(c, kPlane); })
      .Prepare(InFloat([](PrepareContext& p) { return PrepareMaxPoolGradGrad(p, kPlane); }))
      .Flops(PoolingFlops(kOutput))
      .Gradient(MaxPoolGradGradGradient);
}

OpSpec AvgPoolOp() {
  OpSpec spec("AvgPool");
  spec.Input("value: T").Output("output: T");
  return PoolAttributes(spec, kFormats)
      .Attr(kAvgPoolTypes)
      .Shape([](ShapeContext& c) { return PoolShape(c, kPlane); })
      .Prepare(InFloat([](PrepareContext& p) { return PrepareAvgPool(p, kPlane); }))
      .Flops(PoolingFlops(kOutput))
      .Gradient(AvgPoolGradient);
}

OpSpec AvgPoolGradOp() {
  OpSpec spec("AvgPoolGrad");
  spec.Input("orig_input_shape: int32").Input("grad: T").Output("output: T");
  return PoolAttributes(spec, kFormats)
      .Attr(kAvgPoolTypes)
      .Shape([](ShapeContext& c) { return AvgPoolGradShape(c, kPlane); })
      .Prepare(InFloat([](PrepareContext& p) { return PrepareAvgPoolGrad(p, kPlane); }))
      .Flops(PoolingFlops(1, 2))
      .Gradient(AvgPoolGradGradient);
}

Output MaxPool(At at, Output input, PoolOptions options) {
  return at.Node("MaxPool", {input}, ToAttrs(std::move(options)));
}

Output AvgPool(At at, Output value, PoolOptions options) {
  return at.Node("AvgPool", {value}, ToAttrs(std::move(options)));
}

Output MaxPoolGrad(At at, Output orig_input, Output orig_output, Output grad, PoolOptions options) {
  return at.Node("MaxPoolGrad", {orig_input, orig_output, grad}, ToAttrs(std::move(options)));
}

Output MaxPoolGradGrad(At at, Output orig_input, Output orig_output, Output grad,
                       PoolOptions options) {
  return at.Node("MaxPoolGradGrad", {orig_input, orig_output, grad}, ToAttrs(std::move(options)));
}

Output AvgPoolGrad(At at, Output orig_input_shape, Output grad, PoolOptions options) {
  return at.Node("AvgPoolGrad", {orig_input_shape, grad}, ToAttrs(std::move(options)));
}

}  // namespace sluice::ops
