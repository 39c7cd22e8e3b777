// Elementwise functions of one tensor: y = f(x). Formulas in unary.h; loops in
// kernels/unary_math.h; gradients are the textbook derivatives, those of complex functions
// conjugated as TensorFlow does.
#include "ops/unary.h"

#include <cmath>
#include <optional>
#include <string>
#include <vector>

#include "core/kernel.h"
#include "core/threads.h"
#include "graph/node.h"
#include "graph/op_spec.h"
#include "ops/binary.h"
#include "ops/binary_util.h"
#include "ops/complex.h"
#include "ops/const.h"
#include "ops/fill.h"
#include "ops/flops.h"
#include "ops/kernels/binary_math.h"
#include "ops/kernels/unary_math.h"

namespace sluice::ops {
namespace {

using kernels::BinaryFunction;
using kernels::UnaryFunction;

// --- kernels ---

KernelPrepare UnaryKernelOf(UnaryFunction function) {
  return [function](PrepareContext& p) -> absl::StatusOr<KernelRun> {
    const DType dtype = p.input_dtype(0);
    const kernels::UnaryKernel kernel = kernels::FindUnary(function, dtype);
    if (!kernel.run) return absl::UnimplementedError("no kernel for dtype " + DTypeName(dtype));
    const int64_t grain = GrainFor(kernel.cost);
    const int64_t from_size = SizeOf(dtype), to_size = SizeOf(p.output_dtype(0));
    return [=](KernelContext& c) {
      const char* x = static_cast<const char*>(c.input(0).raw());
      char* y = static_cast<char*>(c.output(0).mutable_raw());
      const int64_t n = c.input(0).num_elements();
      if (n <= grain) {
        kernel.run(x, y, n);
      } else {
        ParallelFor(n, grain, [&](int64_t begin, int64_t end) {
          kernel.run(x + begin * from_size, y + begin * to_size, end - begin);
        });
      }
      return absl::OkStatus();
    };
  };
}

// z = f(y, dy) of two tensors of one shape.
KernelPrepare GradKernelOf(BinaryFunction function) {
  return [function](PrepareContext& p) -> absl::StatusOr<KernelRun> {
    const DType dtype = p.input_dtype(0);
    const kernels::BinaryKernel kernel = kernels::FindBinary(function, dtype);
    if (!kernel.vv) return absl::UnimplementedError("no kernel for dtype " + DTypeName(dtype));
    const int64_t grain = GrainFor(kernel.cost), size = SizeOf(dtype);
    return [=](KernelContext& c) {
      const char* y = static_cast<const char*>(c.input(0).raw());
      const char* dy = static_cast<const char*>(c.input(1).raw());
      char* z = static_cast<char*>(c.output(0).mutable_raw());
      ParallelFor(c.input(0).num_elements(), grain, [&](int64_t begin, int64_t end) {
        kernel.vv(y + begin * size, dy + begin * size, z + begin * size, end - begin);
      });
      return absl::OkStatus();
    };
  };
}

// As steps of a chain.
TiledFn UnaryTileOf(UnaryFunction function) {
  return [function](const AttrMap&, DType dtype) -> std::optional<TileKernel> {
    const TileFn tile = kernels::FindUnary(function, dtype).tile;
    return tile ? std::optional(TileKernel{tile}) : std::nullopt;
  };
}

absl::Status SameShapes(ShapeContext& c) {
  absl::StatusOr<TensorShape> merged = c.input(0).MergeWith(c.input(1));
  if (!merged.ok()) return merged.status();
  c.set_output(0, *merged);
  return absl::OkStatus();
}

// --- gradients ---

Output NumberLike(At at, const Output& x, double value) {
  return ConstOf(at, BaseType(x.dtype()), value);
}

// A gradient dy * conj(f'(x)), from a function that builds f'(x).
GradientFn TimesDerivative(Output (*derivative)(At at, const Node& op)) {
  return [derivative](At at, const Node& op, const Outputs& dy) -> Outputs {
    return {Mul(at, dy[0], Conjugate(at, derivative(at, op)))};
  };
}

// A gradient f(y, dy).
GradientFn ByGradOp(Output (*grad)(At at, Output y, Output dy)) {
  return [grad](At at, const Node& op, const Outputs& dy) -> Outputs {
    return {grad(at, op.output(0), dy[0])};
  };
}

Outputs NegGradient(At at, const Node&, const Outputs& dy) { return {Neg(at, dy[0])}; }

Outputs AbsGradient(At at, const Node& op, const Outputs& dy) {
  return {Mul(at, dy[0], Sign(at, op.input(0)))};
}

Outputs SignGradient(At at, const Node& op, const Outputs&) { return {ZerosLike(at, op.input(0))}; }

Output SquareDerivative(At at, const Node& op) {
  return Mul(at, op.input(0), NumberLike(at, op.input(0), 2));
}
Output ExpDerivative(At, const Node& op) { return op.output(0); }
Output Expm1Derivative(At at, const Node& op) { return Exp(at, op.input(0)); }
Output LogDerivative(At at, const Node& op) { return Reciprocal(at, op.input(0)); }
Output Log1pDerivative(At at, const Node& op) {
  return Reciprocal(at, AddV2(at, NumberLike(at, op.input(0), 1), op.input(0)));
}
Output SinDerivative(At at, const Node& op) { return Cos(at, op.input(0)); }
Output CosDerivative(At at, const Node& op) { return Neg(at, Sin(at, op.input(0))); }
Output TanDerivative(At at, const Node& op) {
  return Square(at, Reciprocal(at, Cos(at, op.input(0))));
}

// 1 + x^2 or 1 - x^2
Output OnePlusSquare(At at, const Node& op, int sign) {
  const Output one = NumberLike(at, op.input(0), 1);
  const Output square = Square(at, op.input(0));
  return sign > 0 ? AddV2(at, one, square) : Sub(at, one, square);
}
Output AsinDerivative(At at, const Node& op) { return Rsqrt(at, OnePlusSquare(at, op, -1)); }
Output AcosDerivative(At at, const Node& op) { return Neg(at, AsinDerivative(at, op)); }
Output AtanDerivative(At at, const Node& op) { return Reciprocal(at, OnePlusSquare(at, op, 1)); }
Output SinhDerivative(At at, const Node& op) { return Cosh(at, op.input(0)); }
Output CoshDerivative(At at, const Node& op) { return Sinh(at, op.input(0)); }
Output AsinhDerivative(At at, const Node& op) { return Reciprocal(at, Cosh(at, op.output(0))); }
Output AcoshDerivative(At at, const Node& op) { return Reciprocal(at, Sinh(at, op.output(0))); }
Output AtanhDerivative(At at, const Node& op) { return Reciprocal(at, OnePlusSquare(at, op, -1)); }
Output LgammaDerivative(At at, const Node& op) { return Digamma(at, op.input(0)); }
Output DigammaDerivative(At at, const Node& op) {
  return at.Node("Polygamma", {NumberLike(at, op.input(0), 1), op.input(0)});
}

Output ErfDerivative(At at, const Node& op) {
  const Output x = op.input(0);
  return Mul(at, NumberLike(at, x, M_2_SQRTPI), Exp(at, Neg(at, Square(at, x))));
}
Output ErfcDerivative(At at, const Node& op) { return Neg(at, ErfDerivative(at, op)); }

// d/dy of each backward op, for an incoming gradient g of z = F(y, dy); d/d(dy) is F(y, g).
Outputs TanhGradGradient(At at, const Node& op, const Outputs& g) {
  const Output y = Conjugate(at, op.input(0)), dy = Conjugate(at, op.input(1));
  return {Mul(at, Mul(at, Mul(at, g[0], NumberLike(at, dy, -2)), dy), y),
          TanhGrad(at, op.input(0), g[0])};
}

Outputs SigmoidGradGradient(At at, const Node& op, const Outputs& g) {
  const Output y = Conjugate(at, op.input(0)), dy = Conjugate(at, op.input(1));
  const Output both = Mul(at, g[0], dy);
  const Output twice = Mul(at, Mul(at, both, y), NumberLike(at, dy, 2));
  return {Sub(at, both, twice), SigmoidGrad(at, op.input(0), g[0])};
}

Outputs SqrtGradGradient(At at, const Node& op, const Outputs& g) {
  const Output scaled = RealDiv(at, g[0], Conjugate(at, op.input(0)));
  return {Neg(at, Mul(at, scaled, Conjugate(at, op.output(0)))),
          Mul(at, scaled, NumberLike(at, scaled, 0.5))};
}

Outputs RsqrtGradGradient(At at, const Node& op, const Outputs& g) {
  const Output y = Conjugate(at, op.input(0)), dy = Conjugate(at, op.input(1));
  const Output slope = Mul(at, Mul(at, NumberLike(at, dy, -1.5), g[0]), dy);
  return {Mul(at, slope, Square(at, y)), RsqrtGrad(at, op.input(0), g[0])};
}

Outputs ReciprocalGradGradient(At at, const Node& op, const Outputs& g) {
  const Output y = Conjugate(at, op.input(0)), dy = Conjugate(at, op.input(1));
  return {Mul(at, Mul(at, Mul(at, g[0], NumberLike(at, dy, -2)), dy), y),
          ReciprocalGrad(at, op.input(0), g[0])};
}

// --- specs ---

constexpr const char* kAbsTypes = "T: {bfloat16, half, float, double, int8, int16, int32, int64}";
constexpr const char* kNumbers =
    "T: {bfloat16, half, float, double, int32, int64, complex64, complex128}";
constexpr const char* kRealOrComplex = "T: {bfloat16, half, float, double, complex64, complex128}";
constexpr const char* kReal = "T: {bfloat16, half, float, double}";
constexpr const char* kPiecewiseConstant = "its value is piecewise constant";
constexpr const char* kBoolean = "its result is not a number";
constexpr const char* kNoIntegers = "TensorFlow has none for integers either";

OpSpec Elementwise(absl::string_view name, const char* types, UnaryFunction function) {
  return OpSpec(name)
      .Input("x: T")
      .Output("y: T")
      .Attr(types)
      .Shape(shapes::SameAsInput)
      .Prepare(UnaryKernelOf(function))
      .Tiled(UnaryTileOf(function))
      .InPlace(0, 0)
      .Flops(FlopsPerElement(1));
}

OpSpec Predicate(absl::string_view name, UnaryFunction function) {
  return OpSpec(name)
      .Input("x: T")
      .Output("y: bool")
      .Attr(kReal)
      .Shape(shapes::SameAsInput)
      .Prepare(UnaryKernelOf(function))
      .Tiled(UnaryTileOf(function))
      .NotDifferentiable(kBoolean);
}

OpSpec Backward(absl::string_view name, BinaryFunction function, GradientFn gradient) {
  return OpSpec(name)
      .Input("y: T")
      .Input("dy: T")
      .Output("z: T")
      .Attr(kRealOrComplex)
      .Shape(SameShapes)
      .Prepare(GradKernelOf(function))
      .Tiled(TileOf(function))
      .InPlace(0, 0)
      .InPlace(1, 0)
      .Flops(FlopsPerElement(3))
      .Gradient(std::move(gradient));
}

}  // namespace

OpSpec NegOp() { return Elementwise("Neg", kNumbers, UnaryFunction::kNeg).Gradient(NegGradient); }
OpSpec AbsOp() { return Elementwise("Abs", kAbsTypes, UnaryFunction::kAbs).Gradient(AbsGradient); }
OpSpec SignOp() {
  return Elementwise("Sign", kNumbers, UnaryFunction::kSign).Gradient(SignGradient);
}
OpSpec SquareOp() {
  return Elementwise("Square", kNumbers, UnaryFunction::kSquare)
      .Gradient(TimesDerivative(SquareDerivative));
}
OpSpec SqrtOp() {
  return Elementwise("Sqrt", kRealOrComplex, UnaryFunction::kSqrt).Gradient(ByGradOp(SqrtGrad));
}
OpSpec RsqrtOp() {
  return Elementwise("Rsqrt", kRealOrComplex, UnaryFunction::kRsqrt)
      .Flops(FlopsPerElement(2))
      .Gradient(ByGradOp(RsqrtGrad));
}
OpSpec ReciprocalOp() {
  return Elementwise("Reciprocal", kNumbers, UnaryFunction::kReciprocal)
      .NoKernelFor("T", {DType::kInt32, DType::kInt64}, kNoIntegers)
      .Gradient(ByGradOp(ReciprocalGrad));
}
OpSpec InvOp() {
  return Elementwise("Inv", kNumbers, UnaryFunction::kReciprocal)
      .NoKernelFor("T", {DType::kInt32, DType::kInt64}, kNoIntegers)
      .Gradient(ByGradOp(InvGrad));
}
OpSpec ExpOp() {
  return Elementwise("Exp", kRealOrComplex, UnaryFunction::kExp)
      .Gradient(TimesDerivative(ExpDerivative));
}
OpSpec Expm1Op() {
  return Elementwise("Expm1", kRealOrComplex, UnaryFunction::kExpm1)
      .Gradient(TimesDerivative(Expm1Derivative));
}
OpSpec LogOp() {
  return Elementwise("Log", kRealOrComplex, UnaryFunction::kLog)
      .Gradient(TimesDerivative(LogDerivative));
}
OpSpec Log1pOp() {
  return Elementwise("Log1p", kRealOrComplex, UnaryFunction::kLog1p)
      .Gradient(TimesDerivative(Log1pDerivative));
}
OpSpec SigmoidOp() {
  return Elementwise("Sigmoid", kRealOrComplex, UnaryFunction::kSigmoid)
      .Gradient(ByGradOp(SigmoidGrad));
}
OpSpec SinOp() {
  return Elementwise("Sin", kRealOrComplex, UnaryFunction::kSin)
      .Gradient(TimesDerivative(SinDerivative));
}
OpSpec CosOp() {
  return Elementwise("Cos", kRealOrComplex, UnaryFunction::kCos)
      .Gradient(TimesDerivative(CosDerivative));
}
OpSpec TanOp() {
  return Elementwise("Tan", kNumbers, UnaryFunction::kTan)
      .NoKernelFor("T", {DType::kInt32, DType::kInt64}, kNoIntegers)
      .Gradient(TimesDerivative(TanDerivative));
}
OpSpec AsinOp() {
  return Elementwise("Asin", kNumbers, UnaryFunction::kAsin)
      .NoKernelFor("T", {DType::kInt32, DType::kInt64}, kNoIntegers)
      .Gradient(TimesDerivative(AsinDerivative));
}
OpSpec AcosOp() {
  return Elementwise("Acos", kNumbers, UnaryFunction::kAcos)
      .NoKernelFor("T", {DType::kInt32, DType::kInt64}, kNoIntegers)
      .Gradient(TimesDerivative(AcosDerivative));
}
OpSpec AtanOp() {
  return Elementwise("Atan", kNumbers, UnaryFunction::kAtan)
      .NoKernelFor("T", {DType::kInt32, DType::kInt64}, kNoIntegers)
      .Gradient(TimesDerivative(AtanDerivative));
}
OpSpec SinhOp() {
  return Elementwise("Sinh", kRealOrComplex, UnaryFunction::kSinh)
      .Gradient(TimesDerivative(SinhDerivative));
}
OpSpec CoshOp() {
  return Elementwise("Cosh", kRealOrComplex, UnaryFunction::kCosh)
      .Gradient(TimesDerivative(CoshDerivative));
}
OpSpec TanhOp() {
  return Elementwise("Tanh", kRealOrComplex, UnaryFunction::kTanh).Gradient(ByGradOp(TanhGrad));
}
OpSpec AsinhOp() {
  return Elementwise("Asinh", kRealOrComplex, UnaryFunction::kAsinh)
      .Gradient(TimesDerivative(AsinhDerivative));
}
OpSpec AcoshOp() {
  return Elementwise("Acosh", kRealOrComplex, UnaryFunction::kAcosh)
      .Gradient(TimesDerivative(AcoshDerivative));
}
OpSpec AtanhOp() {
  return Elementwise("Atanh", kRealOrComplex, UnaryFunction::kAtanh)
      .Gradient(TimesDerivative(AtanhDerivative));
}
OpSpec ErfOp() {
  return Elementwise("Erf", kReal, UnaryFunction::kErf).Gradient(TimesDerivative(ErfDerivative));
}
OpSpec ErfcOp() {
  return Elementwise("Erfc", kReal, UnaryFunction::kErfc).Gradient(TimesDerivative(ErfcDerivative));
}
OpSpec LgammaOp() {
  return Elementwise("Lgamma", kReal, UnaryFunction::kLgamma)
      .Gradient(TimesDerivative(LgammaDerivative));
}
OpSpec DigammaOp() {
  return Elementwise("Digamma", kReal, UnaryFunction::kDigamma)
      .Gradient(TimesDerivative(DigammaDerivative));
}
OpSpec FloorOp() {
  return Elementwise("Floor", kReal, UnaryFunction::kFloor).NotDifferentiable(kPiecewiseConstant);
}
OpSpec CeilOp() {
  return Elementwise("Ceil", kReal, UnaryFunction::kCeil).NotDifferentiable(kPiecewiseConstant);
}
OpSpec RoundOp() {
  return Elementwise("Round", kNumbers, UnaryFunction::kRound)
      .NoKernelFor("T", {DType::kComplex64, DType::kComplex128},
                   "TensorFlow has none for complex numbers either")
      .NotDifferentiable(kPiecewiseConstant);
}
OpSpec RintOp() {
  return Elementwise("Rint", kReal, UnaryFunction::kRound).NotDifferentiable(kPiecewiseConstant);
}
OpSpec IsNanOp() { return Predicate("IsNan", UnaryFunction::kIsNan); }
OpSpec IsInfOp() { return Predicate("IsInf", UnaryFunction::kIsInf); }
OpSpec IsFiniteOp() { return Predicate("IsFinite", UnaryFunction::kIsFinite); }
OpSpec LogicalNotOp() {
  return OpSpec("LogicalNot")
      .Input("x: bool")
      .Output("y: bool")
      .Shape(shapes::SameAsInput)
      .Prepare(UnaryKernelOf(UnaryFunction::kLogicalNot))
      .Tiled(UnaryTileOf(UnaryFunction::kLogicalNot))
      .InPlace(0, 0)
      .NotDifferentiable(kBoolean);
}
OpSpec TanhGradOp() { return Backward("TanhGrad", BinaryFunction::kTanhGrad, TanhGradGradient); }
OpSpec SigmoidGradOp() {
  return Backward("SigmoidGrad", BinaryFunction::kSigmoidGrad, SigmoidGradGradient);
}
OpSpec SqrtGradOp() { return Backward("SqrtGrad", BinaryFunction::kSqrtGrad, SqrtGradGradient); }
OpSpec RsqrtGradOp() {
  return Backward("RsqrtGrad", BinaryFunction::kRsqrtGrad, RsqrtGradGradient);
}
OpSpec ReciprocalGradOp() {
  return Backward("ReciprocalGrad", BinaryFunction::kReciprocalGrad, ReciprocalGradGradient);
}
OpSpec InvGradOp() {
  return Backward("InvGrad", BinaryFunction::kReciprocalGrad, ReciprocalGradGradient);
}

Output Neg(At at, Output x) { return at.Node("Neg", {x}); }
Output Abs(At at, Output x) { return at.Node("Abs", {x}); }
Output Sign(At at, Output x) { return at.Node("Sign", {x}); }
Output Square(At at, Output x) { return at.Node("Square", {x}); }
Output Sqrt(At at, Output x) { return at.Node("Sqrt", {x}); }
Output Rsqrt(At at, Output x) { return at.Node("Rsqrt", {x}); }
Output Reciprocal(At at, Output x) { return at.Node("Reciprocal", {x}); }
Output Inv(At at, Output x) { return at.Node("Inv", {x}); }
Output Exp(At at, Output x) { return at.Node("Exp", {x}); }
Output Expm1(At at, Output x) { return at.Node("Expm1", {x}); }
Output Log(At at, Output x) { return at.Node("Log", {x}); }
Output Log1p(At at, Output x) { return at.Node("Log1p", {x}); }
Output Sigmoid(At at, Output x) { return at.Node("Sigmoid", {x}); }
Output Sin(At at, Output x) { return at.Node("Sin", {x}); }
Output Cos(At at, Output x) { return at.Node("Cos", {x}); }
Output Tan(At at, Output x) { return at.Node("Tan", {x}); }
Output Asin(At at, Output x) { return at.Node("Asin", {x}); }
Output Acos(At at, Output x) { return at.Node("Acos", {x}); }
Output Atan(At at, Output x) { return at.Node("Atan", {x}); }
Output Sinh(At at, Output x) { return at.Node("Sinh", {x}); }
Output Cosh(At at, Output x) { return at.Node("Cosh", {x}); }
Output Tanh(At at, Output x) { return at.Node("Tanh", {x}); }
Output Asinh(At at, Output x) { return at.Node("Asinh", {x}); }
Output Acosh(At at, Output x) { return at.Node("Acosh", {x}); }
Output Atanh(At at, Output x) { return at.Node("Atanh", {x}); }
Output Erf(At at, Output x) { return at.Node("Erf", {x}); }
Output Erfc(At at, Output x) { return at.Node("Erfc", {x}); }
Output Lgamma(At at, Output x) { return at.Node("Lgamma", {x}); }
Output Digamma(At at, Output x) { return at.Node("Digamma", {x}); }
Output Floor(At at, Output x) { return at.Node("Floor", {x}); }
Output Ceil(At at, Output x) { return at.Node("Ceil", {x}); }
Output Round(At at, Output x) { return at.Node("Round", {x}); }
Output Rint(At at, Output x) { return at.Node("Rint", {x}); }
Output IsNan(At at, Output x) { return at.Node("IsNan", {x}); }
Output IsInf(At at, Output x) { return at.Node("IsInf", {x}); }
Output IsFinite(At at, Output x) { return at.Node("IsFinite", {x}); }
Output LogicalNot(At at, Output x) { return at.Node("LogicalNot", {x}); }
Output TanhGrad(At at, Output y, Output dy) { return at.Node("TanhGrad", {y, dy}); }
Output SigmoidGrad(At at, Output y, Output dy) { return at.Node("SigmoidGrad", {y, dy}); }
Output SqrtGrad(At at, Output y, Output dy) { return at.Node("SqrtGrad", {y, dy}); }
Output RsqrtGrad(At at, Output y, Output dy) { return at.Node("RsqrtGrad", {y, dy}); }
Output ReciprocalGrad(At at, Output y, Output dy) { return at.Node("ReciprocalGrad", {y, dy}); }
Output InvGrad(At at, Output y, Output dy) { return at.Node("InvGrad", {y, dy}); }

}  // namespace sluice::ops
