// BiasAdd: y = x + b along the channel dimension. BiasAddGrad: the sum over all other dimensions.
#include "ops/bias_add.h"

#include <complex>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "core/status.h"
#include "graph/node.h"
#include "graph/op_spec.h"
#include "ops/flops.h"
#include "ops/kernels/binary_math.h"
#include "ops/kernels/channels.h"
#include "ops/narrow.h"

namespace sluice::ops {
namespace {

bool ChannelsFirst(const AttrMap& attrs) {
  const AttrValue* format = FindAttr(attrs, "data_format");  // BiasAddV1 has none
  return format != nullptr && GetAttr<std::string>(attrs, "data_format") == "NCHW";
}

absl::Status BiasAddShape(ShapeContext& c) {
  SLUICE_ASSIGN_OR_RETURN(TensorShape value, c.WithRankAtLeast(0, 2));
  SLUICE_ASSIGN_OR_RETURN(const TensorShape bias, c.WithRank(1, 1));
  if (value.rank_known()) {
    const int axis = ChannelsFirst(c.attrs()) ? 1 : value.rank() - 1;
    const int64_t channels = value.dim(axis);
    if (channels >= 0 && bias.dim(0) >= 0 && channels != bias.dim(0)) {
      return absl::InvalidArgumentError(absl::StrCat(
          "Dimensions must be equal, but are ", channels, " and ", bias.dim(0), ": value ",
          value.ToString(), " has ", channels, " channels, bias has ", bias.dim(0)));
    }
    if (channels < 0) value.set_dim(axis, bias.dim(0));
  }
  c.set_output(0, std::move(value));
  return absl::OkStatus();
}

absl::Status BiasAddGradShape(ShapeContext& c) {
  SLUICE_ASSIGN_OR_RETURN(const TensorShape value, c.WithRankAtLeast(0, 2));
  c.set_output(
      0, TensorShape({value.rank_known() ? value.dim(ChannelsFirst(c.attrs()) ? 1 : -1) : -1}));
  return absl::OkStatus();
}

kernels::ChannelShape ChannelsOf(const AttrMap& attrs, const TensorShape& value) {
  kernels::ChannelShape s;
  const int axis = ChannelsFirst(attrs) ? 1 : value.rank() - 1;
  for (int i = 0; i < axis; ++i) s.outer *= value.dim(i);
  s.channels = value.dim(axis);
  for (int i = axis + 1; i < value.rank(); ++i) s.inner *= value.dim(i);
  return s;
}

template <typename F>
absl::Status DispatchNumbers(DType dtype, F&& f) {
  return Dispatch<float, double, int8_t, int16_t, int32_t, int64_t, uint8_t, uint16_t, uint32_t,
                  uint64_t, std::complex<float>, std::complex<double>>(dtype, std::forward<F>(f));
}

absl::StatusOr<KernelRun> BiasAddPrepare(PrepareContext& p) {
  const kernels::ChannelShape shape = ChannelsOf(p.attrs(), p.input_shape(0));
  KernelRun run;
  SLUICE_RETURN_IF_ERROR(DispatchNumbers(p.output_dtype(0), [&](auto tag) {
    using T = typename decltype(tag)::type;
    run = [shape](KernelContext& c) {
      kernels::AddPerChannel(shape, c.input(0).data<T>(), c.input(1).data<T>(),
                             c.output(0).mutable_data<T>());
      return absl::OkStatus();
    };
    return absl::OkStatus();
  }));
  return run;
}

absl::StatusOr<KernelRun> BiasAddGradPrepare(PrepareContext& p) {
  const kernels::ChannelShape shape = ChannelsOf(p.attrs(), p.input_shape(0));
  KernelRun run;
  SLUICE_RETURN_IF_ERROR(DispatchNumbers(p.output_dtype(0), [&](auto tag) {
    using T = typename decltype(tag)::type;
    p.RequestScratch(kernels::SumScratch(shape) * static_cast<int64_t>(sizeof(T)));
    run = [shape](KernelContext& c) {
      kernels::SumPerChannel(shape, c.input(0).data<T>(), c.output(0).mutable_data<T>(),
                             static_cast<T*>(c.scratch()));
      return absl::OkStatus();
    };
    return absl::OkStatus();
  }));
  return run;
}

// Along the last dimension it is an addition like others.
std::optional<TileKernel> BiasAddTile(const AttrMap& attrs, DType dtype) {
  const TileFn add = kernels::FindBinary(kernels::BinaryFunction::kAdd, dtype).tile;
  return add && !ChannelsFirst(attrs) ? std::optional(TileKernel{add}) : std::nullopt;
}

AttrMap FormatOf(const Node& op) {
  if (const AttrValue* format = FindAttr(op.attrs(), "data_format"))
    return {{"data_format", *format}};
  return {};
}

Outputs BiasAddGradient(At at, const Node& op, const Outputs& dy) {
  return {dy[0], at.Node("BiasAddGrad", {dy[0]}, FormatOf(op))};
}

// Each element of out_backprop adds to its channel's sum: the gradient is dy, repeated.
Outputs BiasAddGradGradient(At at, const Node& op, const Outputs& dy) {
  const Output zeros = at.Node("ZerosLike", {op.input(0)});
  return {at.Node("BiasAdd", {zeros, dy[0]}, FormatOf(op))};
}

OpSpec NotQuantized(OpSpec spec) {
  return spec.NoKernelFor("T", {DType::kQint8, DType::kQuint8, DType::kQint32},
                          "sums of quantized numbers need their ranges");
}

}  // namespace

OpSpec BiasAddOp() {
  return NotQuantized(OpSpec("BiasAdd")
                          .Input("value: T")
                          .Input("bias: T")
                          .Output("output: T")
                          .Attr("T: numbertype")
                          .Attr("data_format: {'NHWC', 'NCHW'} = 'NHWC'")
                          .Shape(BiasAddShape)
                          .Prepare(InFloat(BiasAddPrepare))
                          .Tiled(BiasAddTile)
                          .InPlace(0, 0)
                          .Flops(FlopsPerElement(1))
                          .Gradient(BiasAddGradient));
}

OpSpec BiasAddV1Op() {
  return NotQuantized(OpSpec("BiasAddV1")
                          .Input("value: T")
                          .Input("bias: T")
                          .Output("output: T")
                          .Attr("T: numbertype")
                          .Shape(BiasAddShape)
                          .Prepare(InFloat(BiasAddPrepare))
                          .Tiled(BiasAddTile)
                          .InPlace(0, 0)
                          .Flops(FlopsPerElement(1))
                          .Gradient(BiasAddGradient));
}

OpSpec BiasAddGradOp() {
  return NotQuantized(OpSpec("BiasAddGrad")
                          .Input("out_backprop: T")
                          .Output("output: T")
                          .Attr("T: numbertype")
                          .Attr("data_format: {'NHWC', 'NCHW'} = 'NHWC'")
                          .Shape(BiasAddGradShape)
                          .Prepare(InFloat(BiasAddGradPrepare))
                          .Flops(ReductionFlops(0))
                          .Gradient(BiasAddGradGradient));
}

Output BiasAdd(At at, Output value, Output bias, BiasAddOptions options) {
  return at.Node("BiasAdd", {value, bias}, {{"data_format", std::move(options.data_format)}});
}

Output BiasAddV1(At at, Output value, Output bias) { return at.Node("BiasAddV1", {value, bias}); }

Output BiasAddGrad(At at, Output out_backprop, BiasAddOptions options) {
  return at.Node("BiasAddGrad", {out_backprop}, {{"data_format", std::move(options.data_format)}});
}

}  // namespace sluice::ops
