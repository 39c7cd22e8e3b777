// LocallyConnected2D and its backprops: see ops/locally_connected.h for the formula,
// ops/kernels/locally_connected.h for the arithmetic.
#include "ops/locally_connected.h"

#include <cstdint>
#include <cstring>
#include <memory>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "core/kernel.h"
#include "core/status.h"
#include "graph/node.h"
#include "graph/op_spec.h"
#include "ops/array_util.h"
#include "ops/flops.h"
#include "ops/kernels/locally_connected.h"
#include "ops/narrow.h"
#include "ops/window.h"

namespace sluice::ops {
namespace {

using kernels::ConvPass;
using kernels::ConvShape;

// --- shapes ---

// As far as it is known: unknown sizes are -1.
struct Geometry {
  WindowAttrs window;
  WindowDim dims[2];
  TensorShape filter, output;
};

absl::StatusOr<std::vector<int64_t>> KernelSize(const AttrMap& attrs, const WindowAttrs& window) {
  const auto ksize = GetAttr<std::vector<int64_t>>(attrs, "ksize");
  const bool four = ksize.size() == 4;
  if (!four || ksize[0] != 1 || ksize[window.channel_axis()] != 1 ||
      ksize[window.spatial_axis(0)] < 1 || ksize[window.spatial_axis(1)] < 1) {
    return absl::InvalidArgumentError(
        absl::StrCat("ksize must be four positive numbers, 1 for batch and channels, got ",
                     AttrValue(ksize).ToString()));
  }
  return std::vector<int64_t>{ksize[window.spatial_axis(0)], ksize[window.spatial_axis(1)]};
}

// The filter's last dimension is taken from `filter`.
absl::StatusOr<Geometry> MakeGeometry(const AttrMap& attrs, const TensorShape& input,
                                      const TensorShape& filter) {
  Geometry g;
  SLUICE_ASSIGN_OR_RETURN(g.window, ParseWindowAttrs(attrs));
  SLUICE_ASSIGN_OR_RETURN(const std::vector<int64_t> kernel, KernelSize(attrs, g.window));
  for (int i = 0; i < 2; ++i) {
    const int64_t size = input.dim(g.window.spatial_axis(i));
    SLUICE_ASSIGN_OR_RETURN(g.dims[i], SlideWindow(g.window, i, size, kernel[i]));
    if (g.window.padding == WindowPadding::kSame) g.dims[i].before = kernel[i] / 2;
  }
  SLUICE_ASSIGN_OR_RETURN(const int64_t positions,
                          MultiplySizes(g.dims[0].output, g.dims[1].output));
  SLUICE_ASSIGN_OR_RETURN(const int64_t taps, MultiplySizes(kernel[0], kernel[1]));
  SLUICE_ASSIGN_OR_RETURN(const int64_t patch,
                          MultiplySizes(taps, input.dim(g.window.channel_axis())));
  g.filter = {positions, patch, filter.dim(2)};
  if (!filter.CompatibleWith(g.filter)) {
    return absl::InvalidArgumentError(
        absl::StrCat("Dimensions must be equal, but filter is ", filter.ToString(), " and input ",
                     input.ToString(), " needs ", g.filter.ToString(),
                     ": [output positions, elements of a window, filters]"));
  }
  g.output = g.window.Shape(input.dim(0), {g.dims[0].output, g.dims[1].output}, filter.dim(2));
  return g;
}

absl::Status CheckOutBackprop(const Geometry& g, const TensorShape& out_backprop) {
  if (out_backprop.CompatibleWith(g.output)) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("Dimensions must be equal, but out_backprop is ",
                                                 out_backprop.ToString(), " and the output is ",
                                                 g.output.ToString()));
}

// The shape of that rank which input i spells.
absl::StatusOr<TensorShape> Sizes(const ShapeContext& c, int i, int rank, const char* name) {
  SLUICE_ASSIGN_OR_RETURN(TensorShape sizes, c.ShapeFromValue(i));
  if (!sizes.rank_known()) return TensorShape::OfRank(rank);
  if (sizes.rank() != rank) {
    return absl::InvalidArgumentError(
        absl::StrCat(name, " must contain ", rank, " values, but got: ", sizes.rank()));
  }
  if (c.value(i) != nullptr && !sizes.fully_defined()) {
    return absl::InvalidArgumentError(
        absl::StrCat(name, " must not hold negative sizes, got ", sizes.ToString()));
  }
  return sizes;
}

absl::Status OutputShape(ShapeContext& c) {
  SLUICE_ASSIGN_OR_RETURN(const TensorShape input, c.WithRank(0, 4));
  SLUICE_ASSIGN_OR_RETURN(const TensorShape filter, c.WithRank(1, 3));
  SLUICE_ASSIGN_OR_RETURN(const Geometry g, MakeGeometry(c.attrs(), input, filter));
  SLUICE_RETURN_IF_ERROR(g.output.Check());
  c.set_output(0, g.output);
  return absl::OkStatus();
}

absl::Status InputGradientShape(ShapeContext& c) {
  SLUICE_ASSIGN_OR_RETURN(TensorShape input, Sizes(c, 0, 4, "input_sizes"));
  SLUICE_ASSIGN_OR_RETURN(const TensorShape filter, c.WithRank(1, 3));
  SLUICE_ASSIGN_OR_RETURN(const TensorShape out_backprop, c.WithRank(2, 4));
  if (input.dim(0) < 0) input.set_dim(0, out_backprop.dim(0));
  SLUICE_ASSIGN_OR_RETURN(const Geometry g, MakeGeometry(c.attrs(), input, filter));
  SLUICE_RETURN_IF_ERROR(CheckOutBackprop(g, out_backprop));
  c.set_output(0, std::move(input));
  return absl::OkStatus();
}

absl::Status FilterGradientShape(ShapeContext& c) {
  SLUICE_ASSIGN_OR_RETURN(const TensorShape input, c.WithRank(0, 4));
  SLUICE_ASSIGN_OR_RETURN(TensorShape filter, Sizes(c, 1, 3, "filter_sizes"));
  SLUICE_ASSIGN_OR_RETURN(const TensorShape out_backprop, c.WithRank(2, 4));
  SLUICE_ASSIGN_OR_RETURN(const Geometry g, MakeGeometry(c.attrs(), input, filter));
  SLUICE_RETURN_IF_ERROR(CheckOutBackprop(g, out_backprop));
  for (int i = 0; i < 2; ++i) {
    if (filter.dim(i) < 0) filter.set_dim(i, g.filter.dim(i));
  }
  if (filter.dim(2) < 0) filter.set_dim(2, out_backprop.dim(g.window.channel_axis()));
  SLUICE_RETURN_IF_ERROR(filter.Check());
  c.set_output(0, std::move(filter));
  return absl::OkStatus();
}

// --- kernels ---

ConvShape KernelShape(const Geometry& g, const TensorShape& input) {
  ConvShape s{.batch = input.dim(0),
              .in_channels = input.dim(g.window.channel_axis()),
              .out_channels = g.filter.dim(2),
              .channels_first = g.window.channels_first};
  for (int i = 0; i < 2; ++i) {
    s.input[i + 1] = g.dims[i].input;
    s.kernel[i + 1] = g.dims[i].window;
    s.output[i + 1] = g.dims[i].output;
    s.stride[i + 1] = g.dims[i].stride;
    s.before[i + 1] = g.dims[i].before;
  }
  return s;
}

absl::Status ClearOutput(KernelContext& c) {
  ZeroElements(c.output(0).dtype(), c.output(0).mutable_raw(), c.output(0).num_elements());
  return absl::OkStatus();
}

// Where an op keeps input, filter and output; -1 is its result.
struct Roles {
  int input, filter, output;
};
Roles RolesOf(ConvPass pass) {
  if (pass == ConvPass::kForward) return {0, 1, -1};
  if (pass == ConvPass::kBackwardInput) return {-1, 1, 2};
  return {0, -1, 2};
}

absl::StatusOr<KernelRun> PrepareLocallyConnected(PrepareContext& p, ConvPass pass) {
  const Roles roles = RolesOf(pass);
  const auto shape_of = [&](int role) -> const TensorShape& {
    return role < 0 ? p.output_shape(0) : p.input_shape(role);
  };
  if (!p.output_shape(0).fully_defined()) {
    return absl::InvalidArgumentError(
        "the sizes of the result must be known before it is computed");
  }
  const TensorShape &input = shape_of(roles.input), &filter = shape_of(roles.filter);
  SLUICE_ASSIGN_OR_RETURN(const Geometry g, MakeGeometry(p.attrs(), input, filter));
  SLUICE_RETURN_IF_ERROR(CheckOutBackprop(g, shape_of(roles.output)));
  if (input.num_elements() == 0 || filter.num_elements() == 0) return KernelRun(ClearOutput);
  std::shared_ptr<kernels::Conv> made;
  SLUICE_RETURN_IF_ERROR((Dispatch<float, double>(p.output_dtype(0), [&](auto tag) {
    using T = typename decltype(tag)::type;
    made = kernels::MakeLocallyConnected<T>(pass, KernelShape(g, input), p.threads());
    return absl::OkStatus();
  })));
  p.RequestScratch(made->scratch_bytes());
  return KernelRun([roles, made](KernelContext& c) {
    const auto data = [&](int role) {
      return role < 0 ? c.output(0).mutable_raw() : const_cast<void*>(c.input(role).raw());
    };
    return made->Run({.input = data(roles.input),
                      .filter = data(roles.filter),
                      .output = data(roles.output),
                      .scratch = c.scratch()});
  });
}

KernelPrepare PrepareFor(ConvPass pass) {
  return InFloat([pass](PrepareContext& p) { return PrepareLocallyConnected(p, pass); });
}

// --- gradients ---

// No weight is shared between positions: every one is used once per example. `filter` and `y`: as
// ConvolutionFlops().
FlopsFn UnsharedFlops(int filter, int y) {
  return [=](const AttrMap&, absl::Span<const TensorShape> inputs,
             absl::Span<const TensorShape> outputs) {
    const TensorShape& images = y == kOutput ? outputs[0] : inputs[y];
    const TensorShape& weights = filter == kOutput ? outputs[0] : inputs[filter];
    if (images.rank() < 1 || images.dim(0) < 0) return 0.0;
    return 2 * static_cast<double>(images.dim(0)) * ElementsOf(weights);
  };
}

constexpr char kForward[] = "LocallyConnected2D";
constexpr char kBackpropInput[] = "LocallyConnected2DBackpropInput";
constexpr char kBackpropFilter[] = "LocallyConnected2DBackpropFilter";

AttrMap SameAttrs(const Node& op) {
  AttrMap attrs;
  for (const char* name : {"ksize", "strides", "padding", "data_format"}) {
    attrs[name] = *FindAttr(op.attrs(), name);
  }
  return attrs;
}

// All three are linear in each of two tensors, so each one's gradients are the other two.
Outputs ForwardGradient(At at, const Node& op, const Outputs& dy) {
  const AttrMap attrs = SameAttrs(op);
  const Outputs shapes = at.Nodes("ShapeN", {op.input(0), op.input(1)});
  return {at.Node(kBackpropInput, {shapes[0], op.input(1), dy[0]}, attrs),
          at.Node(kBackpropFilter, {op.input(0), shapes[1], dy[0]}, attrs)};
}

Outputs BackpropInputGradient(At at, const Node& op, const Outputs& dy) {
  const AttrMap attrs = SameAttrs(op);
  const Output filter_shape = at.Node("Shape", {op.input(1)});
  return {Output(), at.Node(kBackpropFilter, {dy[0], filter_shape, op.input(2)}, attrs),
          at.Node(kForward, {dy[0], op.input(1)}, attrs)};
}

Outputs BackpropFilterGradient(At at, const Node& op, const Outputs& dy) {
  const AttrMap attrs = SameAttrs(op);
  const Output input_shape = at.Node("Shape", {op.input(0)});
  return {at.Node(kBackpropInput, {input_shape, dy[0], op.input(2)}, attrs), Output(),
          at.Node(kForward, {op.input(0), dy[0]}, attrs)};
}

// --- specs and builders ---

OpSpec& Attributes(OpSpec& spec) {
  return spec.Attr("T: {half, bfloat16, float, double}")
      .Attr("ksize: list(int) >= 4")
      .Attr("strides: list(int) >= 4")
      .Attr("padding: {'SAME', 'VALID'}")
      .Attr("data_format: {'NHWC', 'NCHW'} = 'NHWC'");
}

AttrMap ToAttrs(LocallyConnected2DOptions o) {
  const auto list = [&](Int2 size) {
    if (o.data_format == "NCHW") return std::vector<int64_t>{1, 1, size.height, size.width};
    return std::vector<int64_t>{1, size.height, size.width, 1};
  };
  return {{"ksize", list(o.kernel_size)},
          {"strides", list(o.strides)},
          {"padding", PaddingName(o.padding)},
          {"data_format", std::move(o.data_format)}};
}

}  // namespace

OpSpec LocallyConnected2DOp() {
  OpSpec spec(kForward);
  spec.Input("input: T").Input("filter: T").Output("output: T");
  return Attributes(spec)
      .Shape(OutputShape)
      .Prepare(PrepareFor(ConvPass::kForward))
      .Flops(UnsharedFlops(1, kOutput))
      .Gradient(ForwardGradient);
}

OpSpec LocallyConnected2DBackpropInputOp() {
  OpSpec spec(kBackpropInput);
  spec.Input("input_sizes: int32").Input("filter: T").Input("out_backprop: T").Output("output: T");
  return Attributes(spec)
      .Shape(InputGradientShape)
      .Prepare(PrepareFor(ConvPass::kBackwardInput))
      .Flops(UnsharedFlops(1, 2))
      .Gradient(BackpropInputGradient);
}

OpSpec LocallyConnected2DBackpropFilterOp() {
  OpSpec spec(kBackpropFilter);
  spec.Input("input: T").Input("filter_sizes: int32").Input("out_backprop: T").Output("output: T");
  return Attributes(spec)
      .Shape(FilterGradientShape)
      .Prepare(PrepareFor(ConvPass::kBackwardFilter))
      .ThreadSensitive()
      .Flops(UnsharedFlops(kOutput, 2))
      .Gradient(BackpropFilterGradient);
}

Output LocallyConnected2D(At at, Output input, Output filter, LocallyConnected2DOptions options) {
  return at.Node(kForward, {input, filter}, ToAttrs(std::move(options)));
}

Output LocallyConnected2DBackpropInput(At at, Output input_sizes, Output filter,
                                       Output out_backprop, LocallyConnected2DOptions options) {
  return at.Node(kBackpropInput, {input_sizes, filter, out_backprop}, ToAttrs(std::move(options)));
}

Output LocallyConnected2DBackpropFilter(At at, Output input, Output filter_sizes,
                                        Output out_backprop, LocallyConnected2DOptions options) {
  return at.Node(kBackpropFilter, {input, filter_sizes, out_backprop}, ToAttrs(std::move(options)));
}

}  // namespace sluice::ops
