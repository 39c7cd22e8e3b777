#include "ops/conv_common.h"

#include <cstring>
#include <memory>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "core/status.h"
#include "ops/window.h"

namespace sluice::ops {
namespace {

using kernels::ConvPass;
using kernels::ConvShape;

int SpatialAxes(ConvKind kind) { return kind == ConvKind::kVolume ? 3 : 2; }
int RankOf(ConvKind kind) { return SpatialAxes(kind) + 2; }

// A convolution as far as it is known: unknown sizes are -1.
struct Geometry {
  WindowAttrs window;
  int64_t batch = -1, in_channels = -1, out_channels = -1;
  WindowDim dims[3];

  TensorShape OutputShape() const {
    return window.Shape(batch, {dims[0].output, dims[1].output, dims[2].output}, out_channels);
  }
};

// TensorFlow lets a filter read a part of the channels, the images being so many groups of them.
absl::Status CheckGroups(int64_t in_channels, int64_t filter_channels, int64_t out_channels) {
  if (in_channels % filter_channels != 0) {
    return absl::InvalidArgumentError(absl::StrCat("Depth of input (", in_channels,
                                                   ") is not a multiple of input depth of filter (",
                                                   filter_channels, ")"));
  }
  const int64_t groups = in_channels / filter_channels;
  if (groups > 0 && out_channels >= 0 && out_channels % groups != 0) {
    return absl::InvalidArgumentError(absl::StrCat("Depth of output (", out_channels,
                                                   ") is not a multiple of the number of groups (",
                                                   groups, ")"));
  }
  return absl::OkStatus();
}

// The number of output channels that a filter [.., Cin, last] makes; checks Cin. -1 when unknown.
absl::StatusOr<int64_t> OutChannels(ConvKind kind, int64_t in_channels, const TensorShape& input,
                                    const TensorShape& filter) {
  const int64_t expected = filter.dim(-2), last = filter.dim(-1);
  if (expected == 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("filter must have at least one input channel, got ", filter.ToString()));
  }
  const bool known = in_channels >= 0 && expected >= 0;
  if (known && kind == ConvKind::kPlain) {
    SLUICE_RETURN_IF_ERROR(CheckGroups(in_channels, expected, last));
  } else if (known && in_channels != expected) {
    return absl::InvalidArgumentError(
        absl::StrCat("Dimensions must be equal, but are ", in_channels, " and ", expected,
                     ": input has ", in_channels, " channels, filter expects ", expected,
                     " (input ", input.ToString(), ", filter ", filter.ToString(), ")"));
  }
  if (kind != ConvKind::kDepthwise) return last;
  const int64_t channels = in_channels >= 0 ? in_channels : expected;
  if (channels < 0 || last < 0) return -1;
  int64_t out;
  if (__builtin_mul_overflow(channels, last, &out) || out > kMaxElements) {
    return absl::InvalidArgumentError(
        absl::StrCat("too many output channels: ", channels, " x ", last));
  }
  return out;
}

// `input` and `filter` are of RankOf(kind).
absl::StatusOr<Geometry> MakeGeometry(const AttrMap& attrs, ConvKind kind, const TensorShape& input,
                                      const TensorShape& filter) {
  Geometry g;
  SLUICE_ASSIGN_OR_RETURN(g.window, ParseWindowAttrs(attrs, SpatialAxes(kind)));
  g.batch = input.dim(0);
  g.in_channels = input.dim(g.window.channel_axis());
  SLUICE_ASSIGN_OR_RETURN(g.out_channels, OutChannels(kind, g.in_channels, input, filter));
  for (int i = 0; i < g.window.spatial; ++i) {
    SLUICE_ASSIGN_OR_RETURN(
        g.dims[i], SlideWindow(g.window, i, input.dim(g.window.spatial_axis(i)), filter.dim(i)));
  }
  return g;
}

absl::Status CheckOutBackprop(const Geometry& g, const TensorShape& out_backprop) {
  const TensorShape expected = g.OutputShape();
  if (out_backprop.CompatibleWith(expected)) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("Dimensions must be equal, but out_backprop is ", out_backprop.ToString(),
                   " and the convolution's output is ", expected.ToString()));
}

// What input i says of the tensor that an op computes: an integer vector spells its shape, of which
// every entry must be a size; a floating tensor (the older ops of volumes) has it.
absl::StatusOr<TensorShape> Sizes(const ShapeContext& c, ConvKind kind, int i, const char* name) {
  if (IsFloating(c.input_dtype(i))) return c.WithRank(i, RankOf(kind));
  SLUICE_ASSIGN_OR_RETURN(TensorShape sizes, c.ShapeFromValue(i));
  if (!sizes.rank_known()) return TensorShape::OfRank(RankOf(kind));
  if (c.value(i) != nullptr && !sizes.fully_defined()) {
    return absl::InvalidArgumentError(
        absl::StrCat(name, " must not hold negative sizes, got ", sizes.ToString()));
  }
  return sizes;
}

absl::Status RequireRank(const TensorShape& sizes, ConvKind kind, const char* name) {
  if (sizes.rank() == RankOf(kind)) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat(name, " must contain ", RankOf(kind), " values, but got: ", sizes.rank()));
}

ConvShape KernelShape(const Geometry& g, ConvKind kind) {
  ConvShape s{.batch = g.batch,
              .in_channels = g.in_channels,
              .out_channels = g.out_channels,
              .channels_first = g.window.channels_first,
              .depthwise = kind == ConvKind::kDepthwise};
  for (int i = 0; i < g.window.spatial; ++i) {
    const WindowDim& d = g.dims[i];
    const int axis = 3 - g.window.spatial + i;
    s.input[axis] = d.input;
    s.kernel[axis] = d.window;
    s.output[axis] = d.output;
    s.stride[axis] = d.stride;
    s.dilation[axis] = d.dilation;
    s.before[axis] = d.before;
    s.after[axis] = d.after;
  }
  return s;
}

// Where an op keeps the three tensors; -1 is its output.
struct Roles {
  int input, filter, output;
};
Roles RolesOf(ConvPass pass) {
  switch (pass) {
    case ConvPass::kForward:
      return {0, 1, -1};
    case ConvPass::kBackwardInput:
      return {-1, 1, 2};
    case ConvPass::kBackwardFilter:
      break;
  }
  return {0, -1, 2};
}

absl::Status ClearOutput(KernelContext& c) {
  if (c.output(0).byte_size() > 0)
    std::memset(c.output(0).mutable_raw(), 0, c.output(0).byte_size());
  return absl::OkStatus();
}

}  // namespace

absl::Status ConvOutputShape(ShapeContext& c, ConvKind kind) {
  SLUICE_ASSIGN_OR_RETURN(const TensorShape input, c.WithRank(0, RankOf(kind)));
  SLUICE_ASSIGN_OR_RETURN(const TensorShape filter, c.WithRank(1, RankOf(kind)));
  SLUICE_ASSIGN_OR_RETURN(const Geometry g, MakeGeometry(c.attrs(), kind, input, filter));
  c.set_output(0, g.OutputShape());
  return absl::OkStatus();
}

absl::Status ConvInputGradientShape(ShapeContext& c, ConvKind kind) {
  SLUICE_ASSIGN_OR_RETURN(TensorShape input, Sizes(c, kind, 0, "input_sizes"));
  SLUICE_ASSIGN_OR_RETURN(const TensorShape filter, c.WithRank(1, RankOf(kind)));
  SLUICE_ASSIGN_OR_RETURN(const TensorShape out_backprop, c.WithRank(2, RankOf(kind)));
  SLUICE_ASSIGN_OR_RETURN(const WindowAttrs window, ParseWindowAttrs(c.attrs(), SpatialAxes(kind)));
  // Height and width alone are enough: the rest follows from the other inputs.
  if (kind == ConvKind::kPlain && input.rank() == 2) {
    input = window.Shape(out_backprop.dim(0), {input.dim(0), input.dim(1)}, filter.dim(2));
  }
  SLUICE_RETURN_IF_ERROR(RequireRank(input, kind, "input_sizes"));
  if (input.dim(0) < 0) input.set_dim(0, out_backprop.dim(0));
  const int channels = window.channel_axis();
  if (input.dim(channels) < 0) input.set_dim(channels, filter.dim(-2));
  SLUICE_ASSIGN_OR_RETURN(const Geometry g, MakeGeometry(c.attrs(), kind, input, filter));
  SLUICE_RETURN_IF_ERROR(CheckOutBackprop(g, out_backprop));
  c.set_output(0, std::move(input));
  return absl::OkStatus();
}

absl::Status ConvFilterGradientShape(ShapeContext& c, ConvKind kind) {
  SLUICE_ASSIGN_OR_RETURN(const TensorShape input, c.WithRank(0, RankOf(kind)));
  SLUICE_ASSIGN_OR_RETURN(TensorShape filter, Sizes(c, kind, 1, "filter_sizes"));
  SLUICE_ASSIGN_OR_RETURN(const TensorShape out_backprop, c.WithRank(2, RankOf(kind)));
  SLUICE_RETURN_IF_ERROR(RequireRank(filter, kind, "filter_sizes"));
  SLUICE_ASSIGN_OR_RETURN(const Geometry g, MakeGeometry(c.attrs(), kind, input, filter));
  SLUICE_RETURN_IF_ERROR(CheckOutBackprop(g, out_backprop));
  if (filter.dim(-2) < 0) filter.set_dim(-2, g.in_channels);
  if (filter.dim(-1) < 0 && kind != ConvKind::kDepthwise) {
    filter.set_dim(-1, out_backprop.dim(g.window.channel_axis()));
  }
  c.set_output(0, std::move(filter));
  return absl::OkStatus();
}

absl::StatusOr<KernelRun> PrepareConv(PrepareContext& p, ConvPass pass, ConvKind kind,
                                      const kernels::Epilogue& epilogue) {
  const Roles roles = RolesOf(pass);
  const auto shape_of = [&](int role) -> const TensorShape& {
    return role < 0 ? p.output_shape(0) : p.input_shape(role);
  };
  const TensorShape &input = shape_of(roles.input), &filter = shape_of(roles.filter);
  if (!p.output_shape(0).fully_defined()) {
    return absl::InvalidArgumentError(
        "the sizes of the result must be known before it is computed");
  }
  SLUICE_ASSIGN_OR_RETURN(const Geometry g, MakeGeometry(p.attrs(), kind, input, filter));
  SLUICE_RETURN_IF_ERROR(CheckOutBackprop(g, shape_of(roles.output)));
  if (kind == ConvKind::kPlain && g.in_channels != filter.dim(-2)) {
    return absl::UnimplementedError(
        "Generic conv implementation does not support grouped convolutions for now.");
  }
  if (input.num_elements() == 0 || filter.num_elements() == 0 ||
      shape_of(roles.output).num_elements() == 0) {
    if (!epilogue.empty() && p.output_shape(0).num_elements() > 0) {
      return absl::UnimplementedError("an input without elements");
    }
    return KernelRun(ClearOutput);
  }
  kernels::ConvOptions options{.threads = p.threads(),
                               .epilogue = epilogue,
                               .exact = p.deterministic(),
                               .budget = p.budget()};
  if (roles.filter >= 0) {
    const Tensor* constant = p.constant_input(roles.filter);
    if (constant != nullptr) options.constant_filter = constant->raw();
    options.stable_filter = p.stable_input(roles.filter);
  }
  SLUICE_ASSIGN_OR_RETURN(
      std::unique_ptr<kernels::Conv> made,
      kernels::MakeConv(p.output_dtype(0), pass, KernelShape(g, kind), options));
  p.RequestScratch(made->scratch_bytes());
  return KernelRun(
      [roles, epilogue, conv = std::shared_ptr<kernels::Conv>(std::move(made))](KernelContext& c) {
        const auto data = [&](int role) {
          return role < 0 ? c.output(0).mutable_raw() : const_cast<void*>(c.input(role).raw());
        };
        kernels::ConvTensors t{.input = data(roles.input),
                               .filter = data(roles.filter),
                               .output = data(roles.output),
                               .scratch = c.scratch()};
        int next = 2;
        if (epilogue.bias) t.bias = c.input(next++).raw();
        if (epilogue.residual) t.residual = c.input(next).raw();
        if (roles.filter >= 0) t.filter_version = c.input(roles.filter).version();
        return conv->Run(t);
      });
}

AttrMap ConvAttrs(const Node& op) {
  AttrMap attrs;
  for (const char* name : {"strides", "padding", "explicit_paddings", "use_cudnn_on_gpu",
                           "data_format", "dilations"}) {
    if (const AttrValue* value = FindAttr(op.attrs(), name)) attrs[name] = *value;
  }
  return attrs;
}

}  // namespace sluice::ops
