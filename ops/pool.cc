// MaxPool, AvgPool and their gradients: see ops/pool.h for the rules, ops/kernels/pool.h for the
// arithmetic.
#include "ops/pool.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "core/status.h"
#include "graph/node.h"
#include "graph/op_spec.h"
#include "ops/kernels/pool.h"
#include "ops/window.h"

namespace sluice::ops {
namespace {

struct Geometry {
  WindowAttrs window;
  int64_t batch = -1, channels = -1;
  WindowDim dims[2];

  TensorShape OutputShape() const {
    return window.Shape(batch, dims[0].output, dims[1].output, channels);
  }
};

// `input` is of rank 4; `attrs` hold ksize and strides.
absl::StatusOr<Geometry> MakeGeometry(const AttrMap& attrs, const TensorShape& input) {
  Geometry g;
  SLUICE_ASSIGN_OR_RETURN(g.window, ParseWindowAttrs(attrs));
  const auto ksize = GetAttr<std::vector<int64_t>>(attrs, "ksize");
  if (ksize.size() != 4) {
    return absl::InvalidArgumentError(
        absl::StrCat("Sliding window ksize field must specify 4 dimensions, got ", ksize.size()));
  }
  for (const int64_t size : ksize) {
    if (size < 1) {
      return absl::InvalidArgumentError(
          absl::StrCat("ksize must be > 0, but got ", size, " in ", AttrValue(ksize).ToString()));
    }
  }
  if (ksize[0] != 1 || ksize[g.window.channel_axis()] != 1) {
    return absl::UnimplementedError(
        absl::StrCat("Pooling is not yet supported on the batch and depth dimensions, got ksize ",
                     AttrValue(ksize).ToString()));
  }
  g.batch = input.dim(0);
  g.channels = input.dim(g.window.channel_axis());
  for (int i = 0; i < 2; ++i) {
    const int axis = g.window.spatial_axis(i);
    SLUICE_ASSIGN_OR_RETURN(g.dims[i], SlideWindow(g.window, i, input.dim(axis), ksize[axis]));
  }
  return g;
}

absl::Status CheckPooledShape(const Geometry& g, const TensorShape& shape, const char* name) {
  if (shape.CompatibleWith(g.OutputShape())) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("Dimensions must be equal, but ", name, " is ",
                                                 shape.ToString(), " and the pooled shape is ",
                                                 g.OutputShape().ToString()));
}

absl::Status PoolShape(ShapeContext& c) {
  SLUICE_ASSIGN_OR_RETURN(const TensorShape input, c.WithRank(0, 4));
  SLUICE_ASSIGN_OR_RETURN(const Geometry g, MakeGeometry(c.attrs(), input));
  c.set_output(0, g.OutputShape());
  return absl::OkStatus();
}

// Of orig_input, orig_output, grad.
absl::Status MaxPoolGradShape(ShapeContext& c) {
  SLUICE_ASSIGN_OR_RETURN(const TensorShape input, c.WithRank(0, 4));
  SLUICE_ASSIGN_OR_RETURN(const Geometry g, MakeGeometry(c.attrs(), input));
  SLUICE_RETURN_IF_ERROR(CheckPooledShape(g, c.input(1), "orig_output"));
  SLUICE_RETURN_IF_ERROR(CheckPooledShape(g, c.input(2), "grad"));
  c.set_output(0, input);
  return absl::OkStatus();
}

absl::Status MaxPoolGradGradShape(ShapeContext& c) {
  SLUICE_ASSIGN_OR_RETURN(const TensorShape input, c.WithRank(0, 4));
  SLUICE_ASSIGN_OR_RETURN(const Geometry g, MakeGeometry(c.attrs(), input));
  SLUICE_RETURN_IF_ERROR(CheckPooledShape(g, c.input(1), "orig_output"));
  if (!c.input(2).CompatibleWith(input)) {
    return absl::InvalidArgumentError(absl::StrCat("Dimensions must be equal, but grad is ",
                                                   c.input(2).ToString(), " and orig_input is ",
                                                   input.ToString()));
  }
  c.set_output(0, g.OutputShape());
  return absl::OkStatus();
}

absl::Status AvgPoolGradShape(ShapeContext& c) {
  SLUICE_ASSIGN_OR_RETURN(TensorShape input, c.ShapeFromValue(0));
  if (!input.rank_known()) input = TensorShape::OfRank(4);
  if (input.rank() != 4 || (c.value(0) != nullptr && !input.fully_defined())) {
    return absl::InvalidArgumentError(absl::StrCat(
        "orig_input_shape must hold 4 sizes, none of them negative, got ", input.ToString()));
  }
  SLUICE_ASSIGN_OR_RETURN(const TensorShape grad, c.WithRank(1, 4));
  SLUICE_ASSIGN_OR_RETURN(const Geometry g, MakeGeometry(c.attrs(), input));
  SLUICE_RETURN_IF_ERROR(CheckPooledShape(g, grad, "grad"));
  if (input.dim(0) < 0) input.set_dim(0, grad.dim(0));
  const int channels = g.window.channel_axis();
  if (input.dim(channels) < 0) input.set_dim(channels, grad.dim(channels));
  c.set_output(0, std::move(input));
  return absl::OkStatus();
}

// MaxPoolV2's attributes with the values of its inputs 1 and 2 as ksize and strides.
absl::StatusOr<AttrMap> WithSizes(const AttrMap& attrs, const Tensor& ksize,
                                  const Tensor& strides) {
  AttrMap all = attrs;
  SLUICE_ASSIGN_OR_RETURN(std::vector<int64_t> sizes, ksize.ToInt64s());
  all["ksize"] = std::move(sizes);
  SLUICE_ASSIGN_OR_RETURN(sizes, strides.ToInt64s());
  all["strides"] = std::move(sizes);
  return all;
}

absl::Status MaxPoolV2Shape(ShapeContext& c) {
  SLUICE_ASSIGN_OR_RETURN(const TensorShape input, c.WithRank(0, 4));
  SLUICE_RETURN_IF_ERROR(c.WithRank(1, 1).status());
  SLUICE_RETURN_IF_ERROR(c.WithRank(2, 1).status());
  if (c.value(1) == nullptr || c.value(2) == nullptr) {
    const bool first = c.attr<std::string>("data_format") == "NCHW";
    const int channels = first ? 1 : 3;
    TensorShape shape = TensorShape::OfRank(4);
    shape.set_dim(0, input.dim(0));
    shape.set_dim(channels, input.dim(channels));
    c.set_output(0, std::move(shape));
    return absl::OkStatus();
  }
  SLUICE_ASSIGN_OR_RETURN(const AttrMap attrs, WithSizes(c.attrs(), *c.value(1), *c.value(2)));
  SLUICE_ASSIGN_OR_RETURN(const Geometry g, MakeGeometry(attrs, input));
  c.set_output(0, g.OutputShape());
  return absl::OkStatus();
}

absl::Status MaxPoolGradV2Shape(ShapeContext& c) {
  SLUICE_ASSIGN_OR_RETURN(const TensorShape input, c.WithRank(0, 4));
  c.set_output(0, input);
  if (c.value(3) == nullptr || c.value(4) == nullptr) return absl::OkStatus();
  SLUICE_ASSIGN_OR_RETURN(const AttrMap attrs, WithSizes(c.attrs(), *c.value(3), *c.value(4)));
  SLUICE_ASSIGN_OR_RETURN(const Geometry g, MakeGeometry(attrs, input));
  SLUICE_RETURN_IF_ERROR(CheckPooledShape(g, c.input(1), "orig_output"));
  return CheckPooledShape(g, c.input(2), "grad");
}

// --- kernels ---

kernels::PoolShape KernelShape(const Geometry& g) {
  kernels::PoolShape s{.batch = g.batch, .channels = g.channels};
  if (g.window.channels_first) {
    s.batch = g.batch * g.channels;
    s.channels = 1;
  }
  for (int i = 0; i < 2; ++i) {
    const WindowDim& d = g.dims[i];
    s.input[i] = d.input;
    s.window[i] = d.window;
    s.output[i] = d.output;
    s.stride[i] = d.stride;
    s.before[i] = d.before;
  }
  return s;
}

// The geometry of an op whose pooled image has `shape`; KernelShape of it when there is something
// to compute.
absl::StatusOr<kernels::PoolShape> Sizes(const AttrMap& attrs, const TensorShape& shape) {
  if (!shape.fully_defined()) {
    return absl::InvalidArgumentError(
        "the shape of the pooled image must be known before it is computed");
  }
  SLUICE_ASSIGN_OR_RETURN(const Geometry g, MakeGeometry(attrs, shape));
  kernels::PoolShape s = KernelShape(g);
  if (shape.num_elements() == 0) s.batch = 0;
  return s;
}

template <typename F>
absl::Status DispatchMaxTypes(DType dtype, F&& f) {
  return Dispatch<float, double, int8_t, int16_t, int32_t, int64_t, uint8_t, uint16_t>(
      dtype, std::forward<F>(f));
}

absl::StatusOr<KernelRun> MaxPoolPrepare(PrepareContext& p) {
  SLUICE_ASSIGN_OR_RETURN(const kernels::PoolShape s, Sizes(p.attrs(), p.input_shape(0)));
  KernelRun run;
  SLUICE_RETURN_IF_ERROR(DispatchMaxTypes(p.output_dtype(0), [&](auto tag) {
    using T = typename decltype(tag)::type;
    run = [s](KernelContext& c) {
      kernels::MaxPool(s, c.input(0).data<T>(), c.output(0).mutable_data<T>());
      return absl::OkStatus();
    };
    return absl::OkStatus();
  }));
  return run;
}

// The sizes are tensors, `sizes` and `sizes` + 1, which may come from a feed: they are read in
// every run, and checked against the pooled image's shape, that of `pooled`.
absl::StatusOr<kernels::PoolShape> SizesInRun(KernelContext& c, int sizes,
                                              const TensorShape& pooled) {
  SLUICE_ASSIGN_OR_RETURN(const AttrMap attrs,
                          WithSizes(c.attrs(), c.input(sizes), c.input(sizes + 1)));
  SLUICE_ASSIGN_OR_RETURN(const Geometry g, MakeGeometry(attrs, c.input(0).shape()));
  SLUICE_RETURN_IF_ERROR(CheckPooledShape(g, pooled, "the pooled image"));
  return Sizes(attrs, c.input(0).shape());
}

absl::StatusOr<KernelRun> MaxPoolV2Prepare(PrepareContext& p) {
  KernelRun run;
  SLUICE_RETURN_IF_ERROR(DispatchMaxTypes(p.output_dtype(0), [&](auto tag) {
    using T = typename decltype(tag)::type;
    run = [](KernelContext& c) -> absl::Status {
      SLUICE_ASSIGN_OR_RETURN(const kernels::PoolShape s, SizesInRun(c, 1, c.output(0).shape()));
      kernels::MaxPool(s, c.input(0).data<T>(), c.output(0).mutable_data<T>());
      return absl::OkStatus();
    };
    return absl::OkStatus();
  }));
  return run;
}

absl::StatusOr<KernelRun> MaxPoolGradV2Prepare(PrepareContext& p) {
  KernelRun run;
  SLUICE_RETURN_IF_ERROR((Dispatch<float, double>(p.output_dtype(0), [&](auto tag) {
    using T = typename decltype(tag)::type;
    run = [](KernelContext& c) -> absl::Status {
      SLUICE_ASSIGN_OR_RETURN(const kernels::PoolShape s, SizesInRun(c, 3, c.input(2).shape()));
      kernels::MaxPoolGradient(s, c.input(0).data<T>(), c.input(2).data<T>(),
                               c.output(0).mutable_data<T>());
      return absl::OkStatus();
    };
    return absl::OkStatus();
  })));
  return run;
}

// A kernel over (a, b) -> out of type T, T float or double; a and b are inputs `first` and
// `second`.
template <typename Make>
absl::StatusOr<KernelRun> PrepareFloating(PrepareContext& p, const TensorShape& image, Make make) {
  SLUICE_ASSIGN_OR_RETURN(const kernels::PoolShape s, Sizes(p.attrs(), image));
  KernelRun run;
  SLUICE_RETURN_IF_ERROR((Dispatch<float, double>(p.output_dtype(0), [&](auto tag) {
    run = make(s, tag);
    return absl::OkStatus();
  })));
  return run;
}

absl::StatusOr<KernelRun> AvgPoolPrepare(PrepareContext& p) {
  return PrepareFloating(p, p.input_shape(0), [](const kernels::PoolShape& s, auto tag) {
    using T = typename decltype(tag)::type;
    return [s](KernelContext& c) {
      kernels::AvgPool(s, c.input(0).data<T>(), c.output(0).mutable_data<T>());
      return absl::OkStatus();
    };
  });
}

absl::StatusOr<KernelRun> AvgPoolGradPrepare(PrepareContext& p) {
  return PrepareFloating(p, p.output_shape(0), [](const kernels::PoolShape& s, auto tag) {
    using T = typename decltype(tag)::type;
    return [s](KernelContext& c) {
      kernels::AvgPoolGradient(s, c.input(1).data<T>(), c.output(0).mutable_data<T>());
      return absl::OkStatus();
    };
  });
}

absl::StatusOr<KernelRun> MaxPoolGradPrepare(PrepareContext& p) {
  return PrepareFloating(p, p.input_shape(0), [](const kernels::PoolShape& s, auto tag) {
    using T = typename decltype(tag)::type;
    return [s](KernelContext& c) {
      kernels::MaxPoolGradient(s, c.input(0).data<T>(), c.input(2).data<T>(),
                               c.output(0).mutable_data<T>());
      return absl::OkStatus();
    };
  });
}

absl::StatusOr<KernelRun> MaxPoolGradGradPrepare(PrepareContext& p) {
  return PrepareFloating(p, p.input_shape(0), [](const kernels::PoolShape& s, auto tag) {
    using T = typename decltype(tag)::type;
    return [s](KernelContext& c) {
      kernels::MaxPoolGradGradient(s, c.input(0).data<T>(), c.input(2).data<T>(),
                                   c.output(0).mutable_data<T>());
      return absl::OkStatus();
    };
  });
}

// --- gradients ---

AttrMap PoolAttrs(const Node& op) {
  AttrMap attrs;
  for (const char* name : {"ksize", "strides", "padding", "data_format"}) {
    attrs[name] = *FindAttr(op.attrs(), name);
  }
  return attrs;
}

Outputs MaxPoolGradient(At at, const Node& op, const Outputs& dy) {
  return {at.Node("MaxPoolGrad", {op.input(0), op.output(0), dy[0]}, PoolAttrs(op))};
}

Outputs MaxPoolV2Gradient(At at, const Node& op, const Outputs& dy) {
  AttrMap attrs = {{"padding", *FindAttr(op.attrs(), "padding")},
                   {"data_format", *FindAttr(op.attrs(), "data_format")}};
  return {at.Node("MaxPoolGradV2", {op.input(0), op.output(0), dy[0], op.input(1), op.input(2)},
                  std::move(attrs)),
          Output(), Output()};
}

Outputs NoSecondGradient(At at, const Node& op, const Outputs&) {
  at.Fail(op.op(), absl::UnimplementedError(
                       "no second derivative for windows whose sizes are tensors; use MaxPool"));
  return Outputs(op.num_inputs());
}

// Piecewise constant in orig_input and orig_output, linear in grad.
Outputs MaxPoolGradGradient(At at, const Node& op, const Outputs& dy) {
  return {Output(), Output(),
          at.Node("MaxPoolGradGrad", {op.input(0), op.input(1), dy[0]}, PoolAttrs(op))};
}

Outputs MaxPoolGradGradGradient(At at, const Node& op, const Outputs& dy) {
  return {Output(), Output(),
          at.Node("MaxPoolGrad", {op.input(0), op.input(1), dy[0]}, PoolAttrs(op))};
}

Outputs AvgPoolGradient(At at, const Node& op, const Outputs& dy) {
  const Output shape = at.Node("Shape", {op.input(0)});
  return {at.Node("AvgPoolGrad", {shape, dy[0]}, PoolAttrs(op))};
}

Outputs AvgPoolGradGradient(At at, const Node& op, const Outputs& dy) {
  return {Output(), at.Node("AvgPool", {dy[0]}, PoolAttrs(op))};
}

// --- schemas ---

constexpr char kMaxPoolTypes[] =
    "T: {half, bfloat16, float, double, int32, int64, uint8, int16, int8, uint16, qint8} = "
    "DT_FLOAT";
constexpr char kAllFormats[] = "data_format: {'NHWC', 'NCHW', 'NCHW_VECT_C'} = 'NHWC'";
constexpr char kFormats[] = "data_format: {'NHWC', 'NCHW'} = 'NHWC'";

OpSpec& PoolAttributes(OpSpec& spec, const char* formats) {
  return spec.Attr("ksize: list(int) >= 4")
      .Attr("strides: list(int) >= 4")
      .Attr("padding: {'SAME', 'VALID'}")
      .Attr(formats);
}

OpSpec MaxPoolGradientSpec(const char* name) {
  OpSpec spec(name);
  spec.Input("orig_input: T").Input("orig_output: T").Input("grad: T").Output("output: T");
  PoolAttributes(spec, kFormats);
  return spec;
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
  spec.Attr(kMaxPoolTypes);
  return PoolAttributes(spec, kAllFormats)
      .Input("input: T")
      .Output("output: T")
      .Shape(PoolShape)
      .Prepare(MaxPoolPrepare)
      .Gradient(MaxPoolGradient);
}

OpSpec MaxPoolV2Op() {
  return OpSpec("MaxPoolV2")
      .Attr(kMaxPoolTypes)
      .Attr("padding: {'SAME', 'VALID'}")
      .Attr(kAllFormats)
      .Input("input: T")
      .Input("ksize: int32")
      .Input("strides: int32")
      .Output("output: T")
      .Shape(MaxPoolV2Shape)
      .Prepare(MaxPoolV2Prepare)
      .Gradient(MaxPoolV2Gradient);
}

OpSpec MaxPoolGradV2Op() {
  return OpSpec("MaxPoolGradV2")
      .Attr("padding: {'SAME', 'VALID'}")
      .Attr(kFormats)
      .Input("orig_input: T")
      .Input("orig_output: T")
      .Input("grad: T")
      .Input("ksize: int32")
      .Input("strides: int32")
      .Output("output: T")
      .Attr("T: realnumbertype = DT_FLOAT")
      .Shape(MaxPoolGradV2Shape)
      .Prepare(MaxPoolGradV2Prepare)
      .Gradient(NoSecondGradient);
}

OpSpec MaxPoolGradOp() {
  return MaxPoolGradientSpec("MaxPoolGrad")
      .Attr("T: realnumbertype = DT_FLOAT")
      .Shape(MaxPoolGradShape)
      .Prepare(MaxPoolGradPrepare)
      .Gradient(MaxPoolGradGradient);
}

OpSpec MaxPoolGradGradOp() {
  return MaxPoolGradientSpec("MaxPoolGradGrad")
      .Attr("T: realnumbertype")
      .Shape(MaxPoolGradGradShape)
      .Prepare(MaxPoolGradGradPrepare)
      .Gradient(MaxPoolGradGradGradient);
}

OpSpec AvgPoolOp() {
  OpSpec spec("AvgPool");
  spec.Input("value: T").Output("output: T");
  return PoolAttributes(spec, kFormats)
      .Attr("T: {half, bfloat16, float, double}")
      .Shape(PoolShape)
      .Prepare(AvgPoolPrepare)
      .Gradient(AvgPoolGradient);
}

OpSpec AvgPoolGradOp() {
  OpSpec spec("AvgPoolGrad");
  spec.Input("orig_input_shape: int32").Input("grad: T").Output("output: T");
  return PoolAttributes(spec, kFormats)
      .Attr("T: {half, bfloat16, float, double}")
      .Shape(AvgPoolGradShape)
      .Prepare(AvgPoolGradPrepare)
      .Gradient(AvgPoolGradGradient);
}

Output MaxPool(At at, Output input, PoolOptions options) {
  return at.Node("MaxPool", {input}, ToAttrs(std::move(options)));
}

Output AvgPool(At at, Output value, PoolOptions options) {
  return at.Node("AvgPool", {value}, ToAttrs(std::move(options)));
}

Output MaxPoolV2(At at, Output input, Output ksize, Output strides, PoolOptions options) {
  AttrMap attrs = ToAttrs(std::move(options));
  attrs.erase("ksize");
  attrs.erase("strides");
  return at.Node("MaxPoolV2", {input, ksize, strides}, std::move(attrs));
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
