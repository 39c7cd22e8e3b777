// RandomUniform, RandomStandardNormal, TruncatedNormal, RandomUniformInt: Philox streams keyed by
// the op's seeds and the session's run counter. Dropout is made of them.
#include "ops/random.h"

#include <algorithm>

#include "core/status.h"
#include "graph/graph.h"
#include "graph/node.h"
#include "graph/op_spec.h"
#include "ops/binary.h"
#include "ops/cast.h"
#include "ops/comparison.h"
#include "ops/kernels/random_fill.h"
#include "ops/random_util.h"
#include "ops/shape.h"

namespace sluice::ops {
namespace {

template <typename T>
using Fill = void (*)(const kernels::RandomStream& stream, T* out, int64_t n);

template <typename T>
KernelRun FillRun(const PrepareContext& p, Fill<T> fill) {
  return
      [fill, seed = p.attr<int64_t>("seed"), seed2 = p.attr<int64_t>("seed2")](KernelContext& c) {
        Tensor& out = c.output(0);
        fill(StreamOf(c, seed, seed2), out.mutable_data<T>(), out.num_elements());
        return absl::OkStatus();
      };
}

// Fills<T>::kFill is the function for type T.
template <template <typename> class Fills>
absl::StatusOr<KernelRun> RandomPrepare(PrepareContext& p) {
  KernelRun run;
  SLUICE_RETURN_IF_ERROR((Dispatch<float, double, Half, BFloat16>(p.output_dtype(0), [&](auto tag) {
    using T = typename decltype(tag)::type;
    run = FillRun<T>(p, Fills<T>::kFill);
    return absl::OkStatus();
  })));
  return run;
}

template <typename T>
struct UniformFill {
  static constexpr Fill<T> kFill = kernels::FillUniform<T>;
};
template <typename T>
struct NormalFill {
  static constexpr Fill<T> kFill = kernels::FillNormal<T>;
};
template <typename T>
struct TruncatedFill {
  static constexpr Fill<T> kFill = kernels::FillTruncatedNormal<T>;
};

absl::Status UniformIntShape(ShapeContext& c) {
  for (const int i : {1, 2}) SLUICE_RETURN_IF_ERROR(c.WithRank(i, 0).status());
  return RandomShape(c);
}

absl::StatusOr<KernelRun> UniformIntPrepare(PrepareContext& p) {
  const int64_t seed = p.attr<int64_t>("seed"), seed2 = p.attr<int64_t>("seed2");
  KernelRun run;
  SLUICE_RETURN_IF_ERROR((Dispatch<int32_t, int64_t>(p.output_dtype(0), [&](auto tag) {
    using T = typename decltype(tag)::type;
    run = [seed, seed2](KernelContext& c) -> absl::Status {
      const T low = c.input(1).scalar<T>(), high = c.input(2).scalar<T>();
      if (low >= high)
        return absl::InvalidArgumentError(
            absl::StrCat("Need minval < maxval, got ", low, " >= ", high));
      kernels::FillUniformInt(StreamOf(c, seed, seed2), low, high,
                              c.output(0).template mutable_data<T>(), c.output(0).num_elements());
      return absl::OkStatus();
    };
    return absl::OkStatus();
  })));
  return run;
}

OpSpec FloatRandomSpec(absl::string_view name, KernelPrepare prepare) {
  return OpSpec(name)
      .Input("shape: T")
      .Output("output: dtype")
      .Attr("seed: int = 0")
      .Attr("seed2: int = 0")
      .Attr("dtype: {half, bfloat16, float, double}")
      .Attr("T: {int32, int64}")
      .Shape(RandomShape)
      .Prepare(std::move(prepare))
      .Random()
      .NotDifferentiable("random numbers do not depend on the shape");
}

Output FloatRandom(At at, const char* op, const Ints& shape, const RandomOptions& o) {
  const auto [seed, seed2] = at.graph().OpSeeds(o.seed);
  const At in = at.Composite(op);
  return in.AsScope().Node(op, {shape.Tensor(in, "shape")},
                           {{"dtype", o.dtype}, {"seed", seed}, {"seed2", seed2}});
}

// The shape of the mask: noise_shape with -1 replaced by x's dimensions.
Output NoiseShape(At at, const Output& x, const std::vector<int64_t>& noise_shape) {
  if (noise_shape.empty()) return ShapeTensor(at, x);
  if (std::count(noise_shape.begin(), noise_shape.end(), -1) == 0)
    return Ints(noise_shape).Tensor(at, "noise_shape");
  std::vector<int32_t> fixed, from_x;
  for (const int64_t d : noise_shape) {
    fixed.push_back(d < 0 ? 0 : static_cast<int32_t>(d));
    from_x.push_back(d < 0 ? 1 : 0);
  }
  return AddV2(at, Const<int32_t>(at, fixed),
               Mul(at, Const<int32_t>(at, from_x), ShapeTensor(at, x)));
}

absl::Status CheckDropout(const Output& x, const DropoutOptions& o) {
  if (!IsFloating(x.dtype())) {
    return absl::InvalidArgumentError(
        absl::StrCat("x has to be a floating point tensor since it's going to be scaled. Got a ",
                     DTypeName(x.dtype()), " tensor instead."));
  }
  if (!(o.rate >= 0 && o.rate < 1)) {
    return absl::InvalidArgumentError(
        absl::StrCat("rate must be a scalar tensor or a float in the range [0, 1), got ", o.rate));
  }
  if (!o.noise_shape.empty() && x.shape().rank_known() &&
      x.shape().rank() != static_cast<int>(o.noise_shape.size())) {
    return absl::InvalidArgumentError(absl::StrCat("noise_shape has ", o.noise_shape.size(),
                                                   " entries, x has shape ", x.shape().ToString()));
  }
  return absl::OkStatus();
}

}  // namespace

OpSpec RandomUniformOp() { return FloatRandomSpec("RandomUniform", RandomPrepare<UniformFill>); }
OpSpec RandomStandardNormalOp() {
  return FloatRandomSpec("RandomStandardNormal", RandomPrepare<NormalFill>);
}
OpSpec TruncatedNormalOp() {
  return FloatRandomSpec("TruncatedNormal", RandomPrepare<TruncatedFill>);
}

OpSpec RandomUniformIntOp() {
  return OpSpec("RandomUniformInt")
      .Input("shape: T")
      .Input("minval: Tout")
      .Input("maxval: Tout")
      .Output("output: Tout")
      .Attr("seed: int = 0")
      .Attr("seed2: int = 0")
      .Attr("Tout: {int32, int64}")
      .Attr("T: {int32, int64}")
      .Shape(UniformIntShape)
      .Prepare(UniformIntPrepare)
      .Random()
      .NotDifferentiable("integers carry no gradient");
}

Output RandomUniform(At at, Ints shape, RandomOptions options) {
  return FloatRandom(at, "RandomUniform", shape, options);
}
Output RandomStandardNormal(At at, Ints shape, RandomOptions options) {
  return FloatRandom(at, "RandomStandardNormal", shape, options);
}
Output TruncatedNormal(At at, Ints shape, RandomOptions options) {
  return FloatRandom(at, "TruncatedNormal", shape, options);
}

Output RandomUniformInt(At at, Ints shape, Output minval, Output maxval,
                        std::optional<int64_t> seed) {
  const auto [seed1, seed2] = at.graph().OpSeeds(seed);
  const At in = at.Composite("RandomUniformInt");
  return in.AsScope().Node("RandomUniformInt", {shape.Tensor(in, "shape"), minval, maxval},
                           {{"seed", seed1}, {"seed2", seed2}});
}

Output Dropout(At at, Output x, DropoutOptions options) {
  if (!at.ok() || x.empty()) return {};
  const absl::Status status = CheckDropout(x, options);
  if (!status.ok()) return at.Fail("dropout", status);
  if (options.rate == 0) return x;
  const At inside = at.Composite("dropout");
  const Output uniform =
      RandomUniform(inside.Sub("random_uniform"), NoiseShape(inside, x, options.noise_shape),
                    {.dtype = x.dtype(), .seed = options.seed});
  const double rate = options.rate;
  const Output keep = GreaterEqual(inside, uniform, ConstOf(inside.Named("rate"), x.dtype(), rate));
  const Output scaled =
      Mul(inside.Named("mul"), x, ConstOf(inside.Named("scale"), x.dtype(), 1 / (1 - rate)));
  return Mul(inside.Named("mul_1"), scaled, Cast(inside, keep, x.dtype()));
}

}  // namespace sluice::ops
