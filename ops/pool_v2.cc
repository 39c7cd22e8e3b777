// MaxPoolV2, MaxPoolGradV2, MaxPoolGradGradV2: see ops/pool_v2.h for the rules, ops/kernels/pool.h
// for the arithmetic, ops/pool_common.h for shapes and checks.
#include "ops/pool_v2.h"

#include <utility>
#include <vector>

#include "core/status.h"
#include "graph/op_spec.h"
#include "ops/array_util.h"
#include "ops/narrow.h"
#include "ops/pool_common.h"

namespace sluice::ops {
namespace {

constexpr PoolKind kPlane = PoolKind::kPlane;

// `attrs` with the values of two inputs as ksize and strides.
absl::StatusOr<AttrMap> WithSizes(const AttrMap& attrs, const Tensor& ksize,
                                  const Tensor& strides) {
  AttrMap all = attrs;
  SLUICE_ASSIGN_OR_RETURN(std::vector<int64_t> sizes, ksize.ToInt64s());
  all["ksize"] = std::move(sizes);
  SLUICE_ASSIGN_OR_RETURN(sizes, strides.ToInt64s());
  all["strides"] = std::move(sizes);
  return all;
}

// The geometry when inputs `sizes` and `sizes` + 1, ksize and strides, are known now.
absl::StatusOr<PoolGeometry> GeometryOf(const ShapeContext& c, PoolKind kind,
                                        const TensorShape& input, int sizes) {
  SLUICE_ASSIGN_OR_RETURN(const AttrMap attrs,
                          WithSizes(c.attrs(), *c.value(sizes), *c.value(sizes + 1)));
  return MakePoolGeometry(attrs, kind, input);
}

bool SizesKnown(const ShapeContext& c, int sizes) {
  return c.value(sizes) != nullptr && c.value(sizes + 1) != nullptr;
}

// The image's shape once the sizes, known or not, are found to be vectors.
absl::StatusOr<TensorShape> ImageShape(const ShapeContext& c, int sizes) {
  SLUICE_RETURN_IF_ERROR(c.WithRank(sizes, 1).status());
  SLUICE_RETURN_IF_ERROR(c.WithRank(sizes + 1, 1).status());
  return c.WithRank(0, 4);
}

absl::Status MaxPoolV2Shape(ShapeContext& c) {
  SLUICE_ASSIGN_OR_RETURN(const TensorShape input, ImageShape(c, 1));
  if (!SizesKnown(c, 1)) {
    TensorShape shape = TensorShape::OfRank(4);
    shape.set_dim(0, input.dim(0));
    c.set_output(0, std::move(shape));
    return absl::OkStatus();
  }
  SLUICE_ASSIGN_OR_RETURN(const PoolGeometry g,
                          GeometryOf(c, PoolKind::kPlaneOrChannels, input, 1));
  c.set_output(0, g.OutputShape());
  return absl::OkStatus();
}

absl::Status MaxPoolGradV2Shape(ShapeContext& c) {
  SLUICE_ASSIGN_OR_RETURN(const TensorShape input, ImageShape(c, 3));
  c.set_output(0, input);
  if (!SizesKnown(c, 3)) return absl::OkStatus();
  SLUICE_ASSIGN_OR_RETURN(const PoolGeometry g, GeometryOf(c, kPlane, input, 3));
  SLUICE_RETURN_IF_ERROR(CheckPooledShape(g, c.input(1), "orig_output"));
  return CheckPooledShape(g, c.input(2), "grad");
}

absl::Status MaxPoolGradGradV2Shape(ShapeContext& c) {
  SLUICE_ASSIGN_OR_RETURN(const TensorShape input, ImageShape(c, 3));
  SLUICE_ASSIGN_OR_RETURN(const TensorShape pooled, c.WithRank(1, 4));
  SLUICE_RETURN_IF_ERROR(CheckImageShape(input, c.input(2), "grad"));
  c.set_output(0, pooled);
  if (!SizesKnown(c, 3)) return absl::OkStatus();
  SLUICE_ASSIGN_OR_RETURN(const PoolGeometry g, GeometryOf(c, kPlane, input, 3));
  SLUICE_RETURN_IF_ERROR(CheckPooledShape(g, pooled, "orig_output"));
  c.set_output(0, g.OutputShape());
  return absl::OkStatus();
}

// The sizes may come from a feed: they are read in every run, and checked against the shapes of the
// pooled images `pooled`.
absl::StatusOr<kernels::PoolShape> SizesInRun(KernelContext& c, PoolKind kind, int sizes,
                                              std::initializer_list<const Tensor*> pooled) {
  SLUICE_ASSIGN_OR_RETURN(const AttrMap attrs,
                          WithSizes(c.attrs(), c.input(sizes), c.input(sizes + 1)));
  SLUICE_ASSIGN_OR_RETURN(const PoolGeometry g, MakePoolGeometry(attrs, kind, c.input(0).shape()));
  for (const Tensor* tensor : pooled) {
    SLUICE_RETURN_IF_ERROR(CheckPooledShape(g, tensor->shape(), "the pooled image"));
  }
  return PoolSizes(attrs, kind, c.input(0).shape());
}

absl::StatusOr<KernelRun> MaxPoolV2Prepare(PrepareContext& p) {
  // Without the sizes' values the output's shape is known in a run only.
  const bool planned = p.output_shape(0).fully_defined();
  return MakePoolRun(p.output_dtype(0), [planned](auto tag) {
    using T = typename decltype(tag)::type;
    return [planned](KernelContext& c) -> absl::Status {
      constexpr PoolKind kKind = PoolKind::kPlaneOrChannels;
      SLUICE_ASSIGN_OR_RETURN(const AttrMap attrs, WithSizes(c.attrs(), c.input(1), c.input(2)));
      SLUICE_ASSIGN_OR_RETURN(const PoolGeometry g,
                              MakePoolGeometry(attrs, kKind, c.input(0).shape()));
      SLUICE_ASSIGN_OR_RETURN(Tensor * y, ProvideOutput(c, 0, planned, g.OutputShape()));
      SLUICE_ASSIGN_OR_RETURN(const kernels::PoolShape s,
                              PoolSizes(attrs, kKind, c.input(0).shape()));
      kernels::MaxPool(s, LowestOf<T>(kKind), c.input(0).data<T>(), y->template mutable_data<T>());
      return absl::OkStatus();
    };
  });
}

absl::StatusOr<KernelRun> MaxPoolGradV2Prepare(PrepareContext& p) {
  return MakePoolRun(p.output_dtype(0), [](auto tag) {
    using T = typename decltype(tag)::type;
    return [](KernelContext& c) -> absl::Status {
      SLUICE_ASSIGN_OR_RETURN(const kernels::PoolShape s,
                              SizesInRun(c, kPlane, 3, {&c.input(1), &c.input(2)}));
      kernels::MaxPoolGradient(s, c.input(0).data<T>(), c.input(2).data<T>(),
                               c.output(0).mutable_data<T>());
      return absl::OkStatus();
    };
  });
}

absl::StatusOr<KernelRun> MaxPoolGradGradV2Prepare(PrepareContext& p) {
  return MakePoolRun(p.output_dtype(0), [](auto tag) {
    using T = typename decltype(tag)::type;
    return [](KernelContext& c) -> absl::Status {
      SLUICE_ASSIGN_OR_RETURN(const kernels::PoolShape s, SizesInRun(c, kPlane, 3, {&c.input(1)}));
      kernels::MaxPoolGradGradient(s, c.input(0).data<T>(), c.input(1).data<T>(),
                                   c.input(2).data<T>(), c.output(0).mutable_data<T>());
      return absl::OkStatus();
    };
  });
}

// --- gradients ---

Outputs MaxPoolV2Gradient(At at, const Node& op, const Outputs& dy) {
  return {at.Node("MaxPoolGradV2", {op.input(0), op.output(0), dy[0], op.input(1), op.input(2)},
                  PoolAttrs(op)),
          Output(), Output()};
}

// Of MaxPoolGradV2 and MaxPoolGradGradV2: each is the other's inverse.
template <bool kTwice>
Outputs InverseGradient(At at, const Node& op, const Outputs& dy) {
  return LinearInGrad(
      at, op,
      at.Node(kTwice ? "MaxPoolGradV2" : "MaxPoolGradGradV2",
              {op.input(0), op.input(1), dy[0], op.input(3), op.input(4)}, PoolAttrs(op)));
}

// --- schemas ---

constexpr char kPaddings[] = "padding: {'SAME', 'VALID'}";

OpSpec GradientSpec(const char* name, const char* type) {
  return OpSpec(name)
      .Attr(kPaddings)
      .Attr("data_format: {'NHWC', 'NCHW'} = 'NHWC'")
      .Input("orig_input: T")
      .Input("orig_output: T")
      .Input("grad: T")
      .Input("ksize: int32")
      .Input("strides: int32")
      .Output("output: T")
      .Attr(type)
      .NoKernelFor("T", {DType::kUint32, DType::kUint64}, "TensorFlow has none either");
}

AttrMap ToAttrs(PoolV2Options o) {
  return {{"padding", PaddingName(o.padding)}, {"data_format", std::move(o.data_format)}};
}

}  // namespace

OpSpec MaxPoolV2Op() {
  return OpSpec("MaxPoolV2")
      .Attr(
          "T: {half, bfloat16, float, double, int32, int64, uint8, int16, int8, uint16, qint8} = "
          "DT_FLOAT")
      .Attr(kPaddings)
      .Attr("data_format: {'NHWC', 'NCHW', 'NCHW_VECT_C'} = 'NHWC'")
      .Input("input: T")
      .Input("ksize: int32")
      .Input("strides: int32")
      .Output("output: T")
      .Shape(MaxPoolV2Shape)
      .Prepare(InFloat(MaxPoolV2Prepare))
      .NoKernelFor("T", {DType::kQint8}, "TensorFlow has one for GPUs only, in format NCHW_VECT_C")
      .Gradient(MaxPoolV2Gradient);
}

OpSpec MaxPoolGradV2Op() {
  return GradientSpec("MaxPoolGradV2", "T: realnumbertype = DT_FLOAT")
      .Shape(MaxPoolGradV2Shape)
      .Prepare(InFloat(MaxPoolGradV2Prepare))
      .Gradient(InverseGradient<false>);
}

OpSpec MaxPoolGradGradV2Op() {
  return GradientSpec("MaxPoolGradGradV2", "T: realnumbertype")
      .Shape(MaxPoolGradGradV2Shape)
      .Prepare(InFloat(MaxPoolGradGradV2Prepare))
      .Gradient(InverseGradient<true>);
}

Output MaxPoolV2(At at, Output input, Output ksize, Output strides, PoolV2Options options) {
  return at.Node("MaxPoolV2", {input, ksize, strides}, ToAttrs(std::move(options)));
}

Output MaxPoolGradV2(At at, Output orig_input, Output orig_output, Output grad, Output ksize,
                     Output strides, PoolV2Options options) {
  return at.Node("MaxPoolGradV2", {orig_input, orig_output, grad, ksize, strides},
                 ToAttrs(std::move(options)));
}

Output MaxPoolGradGradV2(At at, Output orig_input, Output orig_output, Output grad, Output ksize,
                         Output strides, PoolV2Options options) {
  return at.Node("MaxPoolGradGradV2", {orig_input, orig_output, grad, ksize, strides},
                 ToAttrs(std::move(options)));
}

}  // namespace sluice::ops
