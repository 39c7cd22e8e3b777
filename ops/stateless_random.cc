#include "ops/stateless_random.h"

#include "absl/strings/str_cat.h"
#include "core/status.h"
#include "graph/op_spec.h"
#include "ops/array_util.h"
#include "ops/kernels/random_fill.h"
#include "ops/random_util.h"

namespace sluice::ops {
namespace {

absl::Status StatelessShape(ShapeContext& c) {
  SLUICE_RETURN_IF_ERROR(CheckSeedShape(c, 1));
  return RandomShape(c);
}

absl::Status UniformIntShape(ShapeContext& c) {
  for (const int i : {2, 3}) SLUICE_RETURN_IF_ERROR(c.WithRank(i, 0).status());
  return StatelessShape(c);
}

enum class Distribution { kUniform, kNormal, kTruncatedNormal };

template <Distribution distribution>
absl::Status FillKernel(KernelContext& c) {
  SLUICE_ASSIGN_OR_RETURN(const kernels::RandomStream stream, StatelessStreamOf(c.input(1)));
  Tensor& out = c.output(0);
  return Dispatch<float, double, Half, BFloat16>(out.dtype(), [&](auto tag) {
    using T = typename decltype(tag)::type;
    T* to = out.mutable_data<T>();
    if constexpr (distribution == Distribution::kUniform) {
      kernels::FillUniform(stream, to, out.num_elements());
    } else if constexpr (distribution == Distribution::kNormal) {
      kernels::FillNormal(stream, to, out.num_elements());
    } else {
      kernels::FillTruncatedNormal(stream, to, out.num_elements());
    }
    return absl::OkStatus();
  });
}

absl::Status UniformIntKernel(KernelContext& c) {
  SLUICE_ASSIGN_OR_RETURN(const kernels::RandomStream stream, StatelessStreamOf(c.input(1)));
  Tensor& out = c.output(0);
  if (out.num_elements() == 0) return absl::OkStatus();  // whatever minval and maxval are
  return Dispatch<int32_t, int64_t>(out.dtype(), [&](auto tag) -> absl::Status {
    using T = typename decltype(tag)::type;
    const T low = c.input(2).scalar<T>(), high = c.input(3).scalar<T>();
    if (low >= high) {
      return absl::InvalidArgumentError(
          absl::StrCat("Need minval < maxval, got ", low, " >= ", high));
    }
    kernels::FillUniformInt(stream, low, high, out.mutable_data<T>(), out.num_elements());
    return absl::OkStatus();
  });
}

OpSpec FloatSpec(const char* name, absl::Status (*kernel)(KernelContext&)) {
  return OpSpec(name)
      .Input("shape: T")
      .Input("seed: Tseed")
      .Output("output: dtype")
      .Attr("dtype: {half, bfloat16, float, double} = DT_FLOAT")
      .Attr("T: {int32, int64} = DT_INT32")
      .Attr("Tseed: {int32, int64} = DT_INT64")
      .Shape(StatelessShape)
      .Kernel(kernel)
      .NotDifferentiable("random numbers do not depend on the shape");
}

Output FloatRandom(At at, const char* op, const Ints& shape, const Output& seed, DType dtype) {
  const At in = at.Composite(op);
  return in.AsScope().Node(op, {shape.Tensor(in, "shape"), seed}, {{"dtype", dtype}});
}

}  // namespace

OpSpec StatelessRandomUniformOp() {
  return FloatSpec("StatelessRandomUniform", FillKernel<Distribution::kUniform>);
}
OpSpec StatelessRandomNormalOp() {
  return FloatSpec("StatelessRandomNormal", FillKernel<Distribution::kNormal>);
}
OpSpec StatelessTruncatedNormalOp() {
  return FloatSpec("StatelessTruncatedNormal", FillKernel<Distribution::kTruncatedNormal>);
}

OpSpec StatelessRandomUniformIntOp() {
  return OpSpec("StatelessRandomUniformInt")
      .Input("shape: T")
      .Input("seed: Tseed")
      .Input("minval: dtype")
      .Input("maxval: dtype")
      .Output("output: dtype")
      .Attr("dtype: {int32, int64}")
      .Attr("T: {int32, int64}")
      .Attr("Tseed: {int32, int64} = DT_INT64")
      .Shape(UniformIntShape)
      .Kernel(UniformIntKernel)
      .NotDifferentiable("integers carry no gradient");
}

Output StatelessRandomUniform(At at, Ints shape, Output seed, StatelessRandomOptions options) {
  return FloatRandom(at, "StatelessRandomUniform", shape, seed, options.dtype);
}
Output StatelessRandomNormal(At at, Ints shape, Output seed, StatelessRandomOptions options) {
  return FloatRandom(at, "StatelessRandomNormal", shape, seed, options.dtype);
}
Output StatelessTruncatedNormal(At at, Ints shape, Output seed, StatelessRandomOptions options) {
  return FloatRandom(at, "StatelessTruncatedNormal", shape, seed, options.dtype);
}
Output StatelessRandomUniformInt(At at, Ints shape, Output seed, Output minval, Output maxval) {
  const At in = at.Composite("StatelessRandomUniformInt");
  return in.AsScope().Node("StatelessRandomUniformInt",
                           {shape.Tensor(in, "shape"), seed, minval, maxval});
}

}  // namespace sluice::ops
