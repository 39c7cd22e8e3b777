// Special functions: incomplete gamma and beta, zeta, polygamma, Bessel functions.
#include "ops/special.h"

#include <limits>
#include <type_traits>

#include "absl/strings/str_cat.h"
#include "core/kernel.h"
#include "core/status.h"
#include "core/threads.h"
#include "graph/node.h"
#include "graph/op_spec.h"
#include "ops/binary.h"
#include "ops/binary_util.h"
#include "ops/broadcast_gradient.h"
#include "ops/comparison.h"
#include "ops/const.h"
#include "ops/fill.h"
#include "ops/kernels/special_math.h"
#include "ops/select.h"
#include "ops/unary.h"

namespace sluice::ops {
namespace {

using kernels::BinaryFunction;

// --- shape functions ---

// The shape that all arguments but the scalars share.
absl::Status BetaincShape(ShapeContext& c) {
  TensorShape shape;
  bool any_unknown = false;
  for (int i = 0; i < c.num_inputs(); ++i) {
    const TensorShape& input = c.input(i);
    any_unknown |= !input.rank_known();
    if (input.rank() <= 0) continue;
    absl::StatusOr<TensorShape> merged = shape.rank() == 0 ? input : shape.MergeWith(input);
    if (!merged.ok()) return merged.status();
    shape = *merged;
  }
  c.set_output(0, shape.rank() == 0 && any_unknown ? TensorShape::Unknown() : shape);
  return absl::OkStatus();
}

// --- kernels ---

template <typename T>
absl::Status BetaincRun(KernelContext& c) {
  const T* in[3];
  int64_t step[3];
  for (int k = 0; k < 3; ++k) {
    in[k] = c.input(k).data<T>();
    step[k] = c.input(k).shape().rank() == 0 ? 0 : 1;
  }
  T* z = c.output(0).mutable_data<T>();
  ParallelFor(c.output(0).num_elements(), GrainFor(200), [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      z[i] = static_cast<T>(
          kernels::Betainc(in[0][i * step[0]], in[1][i * step[1]], in[2][i * step[2]]));
    }
  });
  return absl::OkStatus();
}

absl::StatusOr<KernelRun> BetaincPrepare(PrepareContext& p) {
  KernelRun run;
  SLUICE_RETURN_IF_ERROR((Dispatch<float, double>(p.input_dtype(0), [&](auto tag) {
    run = BetaincRun<typename decltype(tag)::type>;
    return absl::OkStatus();
  })));
  return run;
}

template <double (*kFunction)(double)>
absl::Status UnaryRun(KernelContext& c) {
  return Dispatch<float, double, Half, BFloat16>(c.input(0).dtype(), [&](auto tag) {
    using T = typename decltype(tag)::type;
    using Wide = std::conditional_t<std::is_same_v<T, double>, double, float>;
    const T* x = c.input(0).data<T>();
    T* y = c.output(0).mutable_data<T>();
    ParallelFor(c.input(0).num_elements(), GrainFor(50), [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i)
        y[i] = T(static_cast<Wide>(kFunction(static_cast<Wide>(x[i]))));
    });
    return absl::OkStatus();
  });
}

// --- gradients ---

Output NumberLike(At at, const Output& x, double value) {
  return ConstOf(at, BaseType(x.dtype()), value);
}

// dP/dx = x^(a - 1) exp(-x) / Gamma(a)
Output IgammaSlope(At at, const Output& a, const Output& x) {
  const Output power = Mul(at, Sub(at, a, NumberLike(at, a, 1)), Log(at, x));
  return Exp(at, Sub(at, AddV2(at, Neg(at, x), power), Lgamma(at, a)));
}

Outputs IgammaGradient(At at, const Node& op, const Outputs& dy) {
  const Output a = op.input(0), x = op.input(1);
  return SumToShapes(at, a, x, Mul(at, IgammaGradA(at, a, x), dy[0]),
                     Mul(at, IgammaSlope(at, a, x), dy[0]));
}

Outputs IgammacGradient(At at, const Node& op, const Outputs& dy) {
  return IgammaGradient(at, op, {Neg(at, dy[0])});
}

Outputs ZetaGradient(At at, const Node& op, const Outputs& dy) {
  const Output x = op.input(0), q = op.input(1);
  const Output next = Zeta(at, AddV2(at, x, NumberLike(at, x, 1)), q);
  return SumToShapes(at, x, q, Output(), Mul(at, Mul(at, Neg(at, x), next), dy[0]));
}

Outputs PolygammaGradient(At at, const Node& op, const Outputs& dy) {
  const Output n = op.input(0), x = op.input(1);
  const Output slope = Polygamma(at, AddV2(at, n, NumberLike(at, n, 1)), x);
  return SumToShapes(at, n, x, Output(), Mul(at, slope, dy[0]));
}

// x^(a - 1) (1 - x)^(b - 1) / B(a, b)
Outputs BetaincGradient(At at, const Node& op, const Outputs& dy) {
  const Output a = op.input(0), b = op.input(1), x = op.input(2);
  const Output one = NumberLike(at, x, 1);
  const Output log_beta =
      Sub(at, AddV2(at, Lgamma(at, a), Lgamma(at, b)), Lgamma(at, AddV2(at, a, b)));
  const Output above = Mul(at, Sub(at, b, one), Log(at, Sub(at, one, x)));
  const Output below = Mul(at, Sub(at, a, one), Log(at, x));
  const Output slope = Exp(at, Sub(at, AddV2(at, above, below), log_beta));
  return {Output(), Output(), SumToShape(at, x, op.output(0), Mul(at, slope, dy[0]))};
}

Outputs BesselI0eGradient(At at, const Node& op, const Outputs& dy) {
  const Output x = op.input(0);
  const Output slope = Sub(at, BesselI1e(at, x), Mul(at, Sign(at, x), op.output(0)));
  return {Mul(at, dy[0], slope)};
}

double Epsilon(DType dtype) {
  switch (BaseType(dtype)) {
    case DType::kDouble:
      return std::numeric_limits<double>::epsilon();
    case DType::kHalf:
      return 0x1p-10;
    case DType::kBfloat16:
      return 0x1p-7;
    default:
      return std::numeric_limits<float>::epsilon();
  }
}

// I0e(x) - y (sign(x) + 1 / x), whose limit at 0 is 1/2.
Outputs BesselI1eGradient(At at, const Node& op, const Outputs& dy) {
  const Output x = op.input(0), y = op.output(0);
  const Output epsilon = NumberLike(at, x, Epsilon(x.dtype()));
  const Output far = Greater(at, Abs(at, x), epsilon);
  const Output ones = OnesLike(at, x);
  const Output safe = Select(at, far, x, Mul(at, epsilon, ones));
  const Output slope =
      Sub(at, BesselI0e(at, safe), Mul(at, y, AddV2(at, Sign(at, safe), Reciprocal(at, safe))));
  const Output limit = Mul(at, NumberLike(at, x, 0.5), ones);
  return {Mul(at, dy[0], Select(at, far, slope, limit))};
}

// --- specs ---

constexpr const char* kReal = "T: {float, double}";

OpSpec SpecialOp(absl::string_view name, absl::string_view x, absl::string_view y,
                 BinaryFunction function) {
  return OpSpec(name)
      .Input(absl::StrCat(x, ": T"))
      .Input(absl::StrCat(y, ": T"))
      .Output("z: T")
      .Attr(kReal)
      .Shape(shapes::BroadcastBinary)
      .Prepare(BroadcastKernel(function))
      .InPlace(0, 0)
      .InPlace(1, 0);
}

OpSpec BesselOp(absl::string_view name) {
  return OpSpec(name)
      .Input("x: T")
      .Output("y: T")
      .Attr("T: {bfloat16, half, float, double}")
      .Shape(shapes::SameAsInput)
      .InPlace(0, 0);
}

}  // namespace

OpSpec IgammaOp() {
  return SpecialOp("Igamma", "a", "x", BinaryFunction::kIgamma).Gradient(IgammaGradient);
}
OpSpec IgammacOp() {
  return SpecialOp("Igammac", "a", "x", BinaryFunction::kIgammac).Gradient(IgammacGradient);
}
OpSpec IgammaGradAOp() {
  return SpecialOp("IgammaGradA", "a", "x", BinaryFunction::kIgammaGradA)
      .NotDifferentiable("TensorFlow 1 defines none");
}
OpSpec ZetaOp() {
  return SpecialOp("Zeta", "x", "q", BinaryFunction::kZeta).Gradient(ZetaGradient);
}
OpSpec PolygammaOp() {
  return SpecialOp("Polygamma", "a", "x", BinaryFunction::kPolygamma).Gradient(PolygammaGradient);
}
OpSpec BetaincOp() {
  return OpSpec("Betainc")
      .Input("a: T")
      .Input("b: T")
      .Input("x: T")
      .Output("z: T")
      .Attr(kReal)
      .Shape(BetaincShape)
      .Prepare(BetaincPrepare)
      .Gradient(BetaincGradient);
}
OpSpec BesselI0eOp() {
  return BesselOp("BesselI0e").Kernel(UnaryRun<kernels::BesselI0e>).Gradient(BesselI0eGradient);
}
OpSpec BesselI1eOp() {
  return BesselOp("BesselI1e").Kernel(UnaryRun<kernels::BesselI1e>).Gradient(BesselI1eGradient);
}

Output Igamma(At at, Output a, Output x) { return at.Node("Igamma", {a, x}); }
Output Igammac(At at, Output a, Output x) { return at.Node("Igammac", {a, x}); }
Output IgammaGradA(At at, Output a, Output x) { return at.Node("IgammaGradA", {a, x}); }
Output Zeta(At at, Output x, Output q) { return at.Node("Zeta", {x, q}); }
Output Polygamma(At at, Output a, Output x) { return at.Node("Polygamma", {a, x}); }
Output Betainc(At at, Output a, Output b, Output x) { return at.Node("Betainc", {a, b, x}); }
Output BesselI0e(At at, Output x) { return at.Node("BesselI0e", {x}); }
Output BesselI1e(At at, Output x) { return at.Node("BesselI1e", {x}); }

}  // namespace sluice::ops
