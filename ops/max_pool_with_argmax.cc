// MaxPoolWithArgmax and its gradients: see ops/max_pool_with_argmax.h for the rules,
// ops/kernels/pool.h for the arithmetic, ops/pool_common.h for shapes and checks.
#include "ops/max_pool_with_argmax.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "core/status.h"
#include "graph/op_spec.h"
#include "ops/flops.h"
#include "ops/narrow.h"
#include "ops/pool_common.h"

namespace sluice::ops {
namespace {

constexpr PoolKind kPlane = PoolKind::kPlane;

absl::Status ArgmaxShape(ShapeContext& c) { return PoolShape(c, kPlane); }

// Of (input, grad, argmax), where argmax and `grad_is_pooled` grad are of the pooled shape.
absl::Status GradientShape(ShapeContext& c, bool grad_is_pooled) {
  SLUICE_ASSIGN_OR_RETURN(const TensorShape input, c.WithRank(0, 4));
  SLUICE_ASSIGN_OR_RETURN(const PoolGeometry g, MakePoolGeometry(c.attrs(), kPlane, input));
  SLUICE_RETURN_IF_ERROR(CheckPooledShape(g, c.input(2), "argmax"));
  SLUICE_RETURN_IF_ERROR(grad_is_pooled ? CheckPooledShape(g, c.input(1), "grad")
                                        : CheckImageShape(input, c.input(1), "grad"));
  c.set_output(0, grad_is_pooled ? input : g.OutputShape());
  return absl::OkStatus();
}

template <typename F>
absl::Status DispatchIndex(DType dtype, F&& f) {
  return Dispatch<int32_t, int64_t>(dtype, std::forward<F>(f));
}

absl::StatusOr<KernelRun> MaxPoolWithArgmaxPrepare(PrepareContext& p) {
  SLUICE_ASSIGN_OR_RETURN(const kernels::PoolShape s,
                          PoolSizes(p.attrs(), kPlane, p.input_shape(0)));
  const bool from_first_image = p.attr<bool>("include_batch_in_index");
  return MakePoolRun(p.output_dtype(0), [s, from_first_image](auto tag) {
    using T = typename decltype(tag)::type;
    return [s, from_first_image](KernelContext& c) {
      return DispatchIndex(c.output(1).dtype(), [&](auto index) {
        using Index = typename decltype(index)::type;
        kernels::MaxPoolArgmax(s, from_first_image, c.input(0).data<T>(),
                               c.output(0).mutable_data<T>(), c.output(1).mutable_data<Index>());
        return absl::OkStatus();
      });
    };
  });
}

// Where the images and the pooled images of a batch lie, and what argmax counts from.
struct Sizes {
  int64_t batch = 0, image = 0, pooled = 0;
  bool from_first_image = false;
};

Sizes SizesOf(PrepareContext& p, const TensorShape& images, const TensorShape& pooled) {
  Sizes s{.batch = images.dim(0), .from_first_image = p.attr<bool>("include_batch_in_index")};
  if (s.batch > 0) s.image = images.num_elements() / s.batch;
  if (s.batch > 0) s.pooled = pooled.num_elements() / s.batch;
  return s;
}

// f(position of a pooled element, position of the image's element that argmax names), in order.
template <typename Index, typename F>
absl::Status ForEachMaximum(const Sizes& s, const Index* argmax, F f) {
  for (int64_t i = 0; i < s.batch * s.pooled; ++i) {
    const int64_t image = i / s.pooled * s.image;
    const int64_t from = s.from_first_image ? 0 : image;
    const int64_t index = argmax[i];
    if (index < image - from || index >= image - from + s.image) {
      return absl::InvalidArgumentError(
          absl::StrCat("Invalid output gradient index: argmax ", index, " at position ", i,
                       " is not in [", image - from, ", ", image - from + s.image, ")"));
    }
    f(i, from + index);
  }
  return absl::OkStatus();
}

absl::StatusOr<KernelRun> GradientPrepare(PrepareContext& p) {
  const Sizes s = SizesOf(p, p.input_shape(0), p.input_shape(1));
  return MakePoolRun(p.output_dtype(0), [s](auto tag) {
    using T = typename decltype(tag)::type;
    return [s](KernelContext& c) {
      const T* const dy = c.input(1).data<T>();
      T* const dx = c.output(0).mutable_data<T>();
      std::fill_n(dx, c.output(0).num_elements(), T(0));
      return DispatchIndex(c.input(2).dtype(), [&](auto index) {
        using Index = typename decltype(index)::type;
        return ForEachMaximum(s, c.input(2).data<Index>(), [&](int64_t pooled, int64_t image) {
          dx[image] = static_cast<T>(dx[image] + dy[pooled]);
        });
      });
    };
  });
}

absl::StatusOr<KernelRun> GradGradPrepare(PrepareContext& p) {
  const Sizes s = SizesOf(p, p.input_shape(0), p.output_shape(0));
  return MakePoolRun(p.output_dtype(0), [s](auto tag) {
    using T = typename decltype(tag)::type;
    return [s](KernelContext& c) {
      const T* const grad = c.input(1).data<T>();
      T* const y = c.output(0).mutable_data<T>();
      return DispatchIndex(c.input(2).dtype(), [&](auto index) {
        using Index = typename decltype(index)::type;
        return ForEachMaximum(s, c.input(2).data<Index>(),
                              [&](int64_t pooled, int64_t image) { y[pooled] = grad[image]; });
      });
    };
  });
}

// --- gradients ---

Outputs MaxPoolWithArgmaxGradient(At at, const Node& op, const Outputs& dy) {
  return {at.Node("MaxPoolGradWithArgmax", {op.input(0), dy[0], op.output(1)}, PoolAttrs(op))};
}

Outputs ToZeroAnd(At at, const Node& op, Output inverse) {
  return {at.Node("ZerosLike", {op.input(0)}), inverse, Output()};
}

Outputs GradGradient(At at, const Node& op, const Outputs& dy) {
  return ToZeroAnd(
      at, op,
      at.Node("MaxPoolGradGradWithArgmax", {op.input(0), dy[0], op.input(2)}, PoolAttrs(op)));
}

Outputs GradGradGradient(At at, const Node& op, const Outputs& dy) {
  return ToZeroAnd(
      at, op, at.Node("MaxPoolGradWithArgmax", {op.input(0), dy[0], op.input(2)}, PoolAttrs(op)));
}

// --- schemas ---

OpSpec& NoUnsigned(OpSpec& spec) {
  return spec.Attr("T: realnumbertype")
      .NoKernelFor("T", {DType::kUint32, DType::kUint64}, "TensorFlow has none either");
}

OpSpec GradientSpec(const char* name) {
  OpSpec spec(name);
  spec.Attr("ksize: list(int) >= 4")
      .Attr("strides: list(int) >= 4")
      .Attr("padding: {'SAME', 'VALID'}")
      .Attr("include_batch_in_index: bool = false")
      .Attr("Targmax: {int32, int64}")
      .Input("input: T")
      .Input("grad: T")
      .Input("argmax: Targmax")
      .Output("output: T");
  return NoUnsigned(spec);
}

AttrMap ToAttrs(MaxPoolWithArgmaxOptions o) {
  return {{"ksize", std::move(o.ksize)},
          {"strides", std::move(o.strides)},
          {"padding", PaddingName(o.padding)},
          {"include_batch_in_index", o.include_batch_in_index}};
}

}  // namespace

OpSpec MaxPoolWithArgmaxOp() {
  OpSpec spec("MaxPoolWithArgmax");
  spec.Attr("ksize: list(int) >= 4")
      .Attr("strides: list(int) >= 4")
      .Attr("Targmax: {int32, int64} = DT_INT64")
      .Attr("padding: {'SAME', 'VALID'}")
      .Attr("include_batch_in_index: bool = false")
      .Input("input: T")
      .Output("output: T")
      .Output("argmax: Targmax");
  return NoUnsigned(spec)
      .Shape(ArgmaxShape)
      .Prepare(InFloat(MaxPoolWithArgmaxPrepare))
      .Flops(PoolingFlops(kOutput))
      .Gradient(MaxPoolWithArgmaxGradient);
}

OpSpec MaxPoolGradWithArgmaxOp() {
  return GradientSpec("MaxPoolGradWithArgmax")
      .Shape([](ShapeContext& c) { return GradientShape(c, /*grad_is_pooled=*/true); })
      .Prepare(InFloat(GradientPrepare))
      .Flops(FlopsPerElement(1, 1))
      .Gradient(GradGradient);
}

OpSpec MaxPoolGradGradWithArgmaxOp() {
  return GradientSpec("MaxPoolGradGradWithArgmax")
      .Shape([](ShapeContext& c) { return GradientShape(c, /*grad_is_pooled=*/false); })
      .Prepare(InFloat(GradGradPrepare))
      .Gradient(GradGradGradient);
}

Outputs MaxPoolWithArgmax(At at, Output input, MaxPoolWithArgmaxOptions options) {
  const DType argmax_type = options.argmax_type;
  AttrMap attrs = ToAttrs(std::move(options));
  attrs["Targmax"] = argmax_type;
  return at.Nodes("MaxPoolWithArgmax", {input}, std::move(attrs));
}

Output MaxPoolGradWithArgmax(At at, Output input, Output grad, Output argmax,
                             MaxPoolWithArgmaxOptions options) {
  return at.Node("MaxPoolGradWithArgmax", {input, grad, argmax}, ToAttrs(std::move(options)));
}

Output MaxPoolGradGradWithArgmax(At at, Output input, Output grad, Output argmax,
                                 MaxPoolWithArgmaxOptions options) {
  return at.Node("MaxPoolGradGradWithArgmax", {input, grad, argmax}, ToAttrs(std::move(options)));
}

}  // namespace sluice::ops
