#include "ops/pool_common.h"

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "core/status.h"

namespace sluice::ops {
namespace {

int SpatialAxes(PoolKind kind) { return kind == PoolKind::kVolume ? 3 : 2; }

// ksize or strides: a number >= 1 per dimension, 1 for the batch.
absl::StatusOr<std::vector<int64_t>> ReadSizes(const AttrMap& attrs, const char* name, int rank) {
  auto list = GetAttr<std::vector<int64_t>>(attrs, name);
  if (static_cast<int>(list.size()) != rank) {
    return absl::InvalidArgumentError(absl::StrCat("Sliding window ", name, " field must specify ",
                                                   rank, " dimensions, got ", list.size()));
  }
  const bool strides = std::string(name) == "strides";
  for (const int64_t size : list) {
    if (size < 1) {
      return absl::InvalidArgumentError(absl::StrCat(strides ? "Stride" : name,
                                                     " must be > 0, but got ", size, " in ",
                                                     AttrValue(list).ToString()));
    }
  }
  if (list[0] != 1) {
    return absl::UnimplementedError(
        absl::StrCat("Pooling is not yet supported on the batch dimension, got ", name, " ",
                     AttrValue(list).ToString()));
  }
  return list;
}

absl::Status CheckChannelWindow(const PoolGeometry& g, int64_t stride) {
  const int64_t spatial_cells = g.dims[0].window * g.dims[1].window;
  if (spatial_cells != 1) {
    return absl::UnimplementedError(
        "MaxPooling supports exactly one of pooling across depth or pooling across width/height.");
  }
  if (g.channels >= 0 && g.channels % g.channel_window != 0) {
    return absl::UnimplementedError(
        "Depthwise max pooling requires the depth window to evenly divide the input depth");
  }
  if (stride != g.channel_window) {
    return absl::UnimplementedError(
        "Depthwise max pooling requires the depth window to equal the depth stride");
  }
  return absl::OkStatus();
}

}  // namespace

int PoolRank(PoolKind kind) { return SpatialAxes(kind) + 2; }

TensorShape PoolGeometry::OutputShape() const {
  if (channel_window > 1) {
    return window.Shape(batch, {dims[0].input, dims[1].input},
                        channels < 0 ? -1 : channels / channel_window);
  }
  return window.Shape(batch, {dims[0].output, dims[1].output, dims[2].output}, channels);
}

kernels::PoolShape PoolGeometry::KernelShape() const {
  kernels::PoolShape s{.batch = batch, .channels = channels};
  if (channel_window > 1) {
    // Channels become the last spatial axis.
    const int64_t pixels = dims[0].input * dims[1].input;
    s.batch = window.channels_first ? batch : batch * pixels;
    s.channels = window.channels_first ? pixels : 1;
    s.input[2] = channels;
    s.window[2] = s.stride[2] = channel_window;
    s.output[2] = channels / channel_window;
    return s;
  }
  if (window.channels_first) {
    s.batch = batch * channels;
    s.channels = 1;
  }
  for (int i = 0; i < window.spatial; ++i) {
    const WindowDim& d = dims[i];
    const int axis = 3 - window.spatial + i;
    s.input[axis] = d.input;
    s.window[axis] = d.window;
    s.output[axis] = d.output;
    s.stride[axis] = d.stride;
    s.before[axis] = d.before;
  }
  return s;
}

absl::StatusOr<PoolGeometry> MakePoolGeometry(const AttrMap& attrs, PoolKind kind,
                                              const TensorShape& input) {
  const int rank = PoolRank(kind);
  SLUICE_ASSIGN_OR_RETURN(const std::vector<int64_t> ksize, ReadSizes(attrs, "ksize", rank));
  SLUICE_ASSIGN_OR_RETURN(std::vector<int64_t> strides, ReadSizes(attrs, "strides", rank));
  PoolGeometry g;
  AttrMap spatial = attrs;
  const AttrValue* format = FindAttr(attrs, "data_format");
  const bool first = format != nullptr && GetAttr<std::string>(attrs, "data_format")[1] == 'C';
  const int channel_axis = first ? 1 : rank - 1;
  g.channel_window = ksize[channel_axis];
  const int64_t channel_stride = std::exchange(strides[channel_axis], 1);
  if ((g.channel_window != 1 && kind != PoolKind::kPlaneOrChannels) ||
      (channel_stride != 1 && g.channel_window == 1)) {
    return absl::UnimplementedError(
        absl::StrCat("Pooling is not yet supported on the depth dimension, got ksize ",
                     AttrValue(ksize).ToString(), " and a depth stride of ", channel_stride));
  }
  spatial["strides"] = std::move(strides);
  SLUICE_ASSIGN_OR_RETURN(g.window, ParseWindowAttrs(spatial, SpatialAxes(kind)));
  g.batch = input.dim(0);
  g.channels = input.dim(channel_axis);
  for (int i = 0; i < g.window.spatial; ++i) {
    const int axis = g.window.spatial_axis(i);
    SLUICE_ASSIGN_OR_RETURN(g.dims[i], SlideWindow(g.window, i, input.dim(axis), ksize[axis]));
  }
  if (g.channel_window > 1) SLUICE_RETURN_IF_ERROR(CheckChannelWindow(g, channel_stride));
  return g;
}

absl::Status CheckPooledShape(const PoolGeometry& g, const TensorShape& shape, const char* name) {
  if (shape.CompatibleWith(g.OutputShape())) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("Dimensions must be equal, but ", name, " is ",
                                                 shape.ToString(), " and the pooled shape is ",
                                                 g.OutputShape().ToString()));
}

absl::Status CheckImageShape(const TensorShape& image, const TensorShape& shape, const char* name) {
  if (shape.CompatibleWith(image)) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("Dimensions must be equal, but ", name, " is ",
                                                 shape.ToString(), " and orig_input is ",
                                                 image.ToString()));
}

absl::Status PoolShape(ShapeContext& c, PoolKind kind) {
  SLUICE_ASSIGN_OR_RETURN(const TensorShape input, c.WithRank(0, PoolRank(kind)));
  SLUICE_ASSIGN_OR_RETURN(const PoolGeometry g, MakePoolGeometry(c.attrs(), kind, input));
  for (int i = 0; i < c.num_outputs(); ++i) c.set_output(i, g.OutputShape());
  return absl::OkStatus();
}

absl::Status MaxPoolGradShape(ShapeContext& c, PoolKind kind) {
  SLUICE_ASSIGN_OR_RETURN(const TensorShape input, c.WithRank(0, PoolRank(kind)));
  SLUICE_ASSIGN_OR_RETURN(const PoolGeometry g, MakePoolGeometry(c.attrs(), kind, input));
  SLUICE_RETURN_IF_ERROR(CheckPooledShape(g, c.input(1), "orig_output"));
  SLUICE_RETURN_IF_ERROR(CheckPooledShape(g, c.input(2), "grad"));
  c.set_output(0, input);
  return absl::OkStatus();
}

absl::Status MaxPoolGradGradShape(ShapeContext& c, PoolKind kind) {
  SLUICE_ASSIGN_OR_RETURN(const TensorShape input, c.WithRank(0, PoolRank(kind)));
  SLUICE_ASSIGN_OR_RETURN(const PoolGeometry g, MakePoolGeometry(c.attrs(), kind, input));
  SLUICE_RETURN_IF_ERROR(CheckPooledShape(g, c.input(1), "orig_output"));
  SLUICE_RETURN_IF_ERROR(CheckImageShape(input, c.input(2), "grad"));
  c.set_output(0, g.OutputShape());
  return absl::OkStatus();
}

absl::Status AvgPoolGradShape(ShapeContext& c, PoolKind kind) {
  const int rank = PoolRank(kind);
  SLUICE_ASSIGN_OR_RETURN(TensorShape input, c.ShapeFromValue(0));
  if (!input.rank_known()) input = TensorShape::OfRank(rank);
  if (input.rank() != rank || (c.value(0) != nullptr && !input.fully_defined())) {
    return absl::InvalidArgumentError(absl::StrCat("orig_input_shape must hold ", rank,
                                                   " sizes, none of them negative, got ",
                                                   input.ToString()));
  }
  SLUICE_ASSIGN_OR_RETURN(const TensorShape grad, c.WithRank(1, rank));
  SLUICE_ASSIGN_OR_RETURN(const PoolGeometry g, MakePoolGeometry(c.attrs(), kind, input));
  SLUICE_RETURN_IF_ERROR(CheckPooledShape(g, grad, "grad"));
  if (input.dim(0) < 0) input.set_dim(0, grad.dim(0));
  const int channels = g.window.channel_axis();
  if (input.dim(channels) < 0) input.set_dim(channels, grad.dim(channels));
  c.set_output(0, std::move(input));
  return absl::OkStatus();
}

absl::StatusOr<kernels::PoolShape> PoolSizes(const AttrMap& attrs, PoolKind kind,
                                             const TensorShape& shape) {
  if (!shape.fully_defined()) {
    return absl::InvalidArgumentError(
        "the shape of the pooled image must be known before it is computed");
  }
  SLUICE_ASSIGN_OR_RETURN(const PoolGeometry g, MakePoolGeometry(attrs, kind, shape));
  kernels::PoolShape s = g.KernelShape();
  if (shape.num_elements() == 0) s.batch = 0;
  return s;
}

absl::StatusOr<KernelRun> PrepareMaxPool(PrepareContext& p, PoolKind kind) {
  SLUICE_ASSIGN_OR_RETURN(const kernels::PoolShape s, PoolSizes(p.attrs(), kind, p.input_shape(0)));
  return MakePoolRun(p.output_dtype(0), [s, kind](auto tag) {
    using T = typename decltype(tag)::type;
    return [s, kind](KernelContext& c) {
      kernels::MaxPool(s, LowestOf<T>(kind), c.input(0).data<T>(), c.output(0).mutable_data<T>());
      return absl::OkStatus();
    };
  });
}

absl::StatusOr<KernelRun> PrepareMaxPoolGradGrad(PrepareContext& p, PoolKind kind) {
  SLUICE_ASSIGN_OR_RETURN(const kernels::PoolShape s, PoolSizes(p.attrs(), kind, p.input_shape(0)));
  return MakePoolRun(p.output_dtype(0), [s](auto tag) {
    using T = typename decltype(tag)::type;
    return [s](KernelContext& c) {
      kernels::MaxPoolGradGradient(s, c.input(0).data<T>(), c.input(1).data<T>(),
                                   c.input(2).data<T>(), c.output(0).mutable_data<T>());
      return absl::OkStatus();
    };
  });
}

absl::StatusOr<KernelRun> PrepareAvgPool(PrepareContext& p, PoolKind kind) {
  SLUICE_ASSIGN_OR_RETURN(const kernels::PoolShape s, PoolSizes(p.attrs(), kind, p.input_shape(0)));
  return MakeFloatingPoolRun(p.output_dtype(0), [s](auto tag) {
    using T = typename decltype(tag)::type;
    return [s](KernelContext& c) {
      kernels::AvgPool(s, c.input(0).data<T>(), c.output(0).mutable_data<T>());
      return absl::OkStatus();
    };
  });
}

absl::StatusOr<KernelRun> PrepareAvgPoolGrad(PrepareContext& p, PoolKind kind) {
  SLUICE_ASSIGN_OR_RETURN(const kernels::PoolShape s,
                          PoolSizes(p.attrs(), kind, p.output_shape(0)));
  return MakeFloatingPoolRun(p.output_dtype(0), [s](auto tag) {
    using T = typename decltype(tag)::type;
    return [s](KernelContext& c) {
      kernels::AvgPoolGradient(s, c.input(1).data<T>(), c.output(0).mutable_data<T>());
      return absl::OkStatus();
    };
  });
}

AttrMap PoolAttrs(const Node& op) {
  AttrMap attrs;
  for (const char* name :
       {"ksize", "strides", "padding", "data_format", "include_batch_in_index"}) {
    if (const AttrValue* value = FindAttr(op.attrs(), name)) attrs[name] = *value;
  }
  return attrs;
}

Outputs LinearInGrad(At at, const Node& op, Output inverse) {
  Outputs gradients(op.num_inputs());
  for (int i = 0; i < 2; ++i) gradients[i] = at.Node("ZerosLike", {op.input(i)});
  gradients[2] = inverse;
  return gradients;
}

}  // namespace sluice::ops
