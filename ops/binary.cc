// Elementwise functions of two tensors: z = f(x, y), broadcast. Formulas in binary.h; loops in
// kernels/binary_math.h.
#include "ops/binary.h"

#include <vector>

#include "graph/node.h"
#include "graph/op_spec.h"
#include "ops/binary_util.h"
#include "ops/broadcast_gradient.h"
#include "ops/cast.h"
#include "ops/comparison.h"
#include "ops/complex.h"
#include "ops/const.h"
#include "ops/fill.h"
#include "ops/flops.h"
#include "ops/select.h"
#include "ops/unary.h"

namespace sluice::ops {
namespace {

using kernels::BinaryFunction;

// --- gradients ---

Output NumberLike(At at, const Output& x, double value) {
  return ConstOf(at, BaseType(x.dtype()), value);
}

Outputs Reduced(At at, const Node& op, Output gx, Output gy) {
  return SumToShapes(at, op.input(0), op.input(1), std::move(gx), std::move(gy));
}

Outputs AddGradient(At at, const Node& op, const Outputs& dy) {
  return Reduced(at, op, dy[0], dy[0]);
}

Outputs SubGradient(At at, const Node& op, const Outputs& dy) {
  Outputs g = Reduced(at, op, dy[0], dy[0]);
  return {g[0], Neg(at, g[1])};  // after the sum: fewer elements
}

Outputs MulGradient(At at, const Node& op, const Outputs& dy) {
  return Reduced(at, op, Mul(at, dy[0], Conjugate(at, op.input(1))),
                 Mul(at, Conjugate(at, op.input(0)), dy[0]));
}

Outputs RealDivGradient(At at, const Node& op, const Outputs& dy) {
  const Output x = Conjugate(at, op.input(0)), y = Conjugate(at, op.input(1));
  const Output gx = RealDiv(at, dy[0], y);
  return Reduced(at, op, gx, Mul(at, dy[0], RealDiv(at, RealDiv(at, Neg(at, x), y), y)));
}

Outputs FloorModGradient(At at, const Node& op, const Outputs& dy) {
  const Output floor_xy = FloorDiv(at, op.input(0), op.input(1));
  return Reduced(at, op, dy[0], Mul(at, dy[0], Neg(at, floor_xy)));
}

Outputs TruncateModGradient(At at, const Node& op, const Outputs& dy) {
  const Output truncated = TruncateDiv(at, op.input(0), op.input(1));
  return Reduced(at, op, dy[0], Mul(at, dy[0], Neg(at, truncated)));
}

// dz/dx = y x^(y - 1), dz/dy = z log x; the logarithm is taken as 0 where x is not positive (not
// zero, for complex numbers).
Outputs PowGradient(At at, const Node& op, const Outputs& dy) {
  const Output x = Conjugate(at, op.input(0)), y = Conjugate(at, op.input(1));
  const Output z = Conjugate(at, op.output(0));
  const Output gx = Mul(at, Mul(at, dy[0], y), Pow(at, x, Sub(at, y, NumberLike(at, y, 1))));
  const Output zero = NumberLike(at, x, 0);
  const Output safe = IsComplex(BaseType(x.dtype())) ? NotEqual(at, x, zero) : Greater(at, x, zero);
  const Output log_x =
      Select(at, safe, Log(at, Select(at, safe, x, OnesLike(at, x))), ZerosLike(at, x));
  return Reduced(at, op, gx, Mul(at, Mul(at, dy[0], z), log_x));
}

Outputs ExtremumGradient(At at, const Node& op, const Outputs& dy, Output to_x) {
  const Output zeros = ZerosLike(at, dy[0]);
  return Reduced(at, op, Select(at, to_x, dy[0], zeros), Select(at, to_x, zeros, dy[0]));
}

Outputs MaximumGradient(At at, const Node& op, const Outputs& dy) {
  return ExtremumGradient(at, op, dy, GreaterEqual(at, op.input(0), op.input(1)));
}

Outputs MinimumGradient(At at, const Node& op, const Outputs& dy) {
  return ExtremumGradient(at, op, dy, LessEqual(at, op.input(0), op.input(1)));
}

Outputs SquaredDifferenceGradient(At at, const Node& op, const Outputs& dy) {
  const Output scaled = Mul(at, NumberLike(at, dy[0], 2), dy[0]);
  const Output gx = Mul(at, scaled, Conjugate(at, Sub(at, op.input(0), op.input(1))));
  Outputs g = Reduced(at, op, gx, gx);
  return {g[0], Neg(at, g[1])};
}

Outputs DivNoNanGradient(At at, const Node& op, const Outputs& dy) {
  const Output x = Conjugate(at, op.input(0)), y = Conjugate(at, op.input(1));
  const Output gx = DivNoNan(at, dy[0], y);
  return Reduced(at, op, gx, Mul(at, dy[0], DivNoNan(at, DivNoNan(at, Neg(at, x), y), y)));
}

Outputs MulNoNanGradient(At at, const Node& op, const Outputs& dy) {
  return Reduced(at, op, MulNoNan(at, dy[0], op.input(1)), MulNoNan(at, op.input(0), dy[0]));
}

// 1 where x is not 0, else 0.
Output NotZero(At at, const Output& x) {
  return Cast(at, NotEqual(at, x, NumberLike(at, x, 0)), BaseType(x.dtype()));
}

Outputs XdivyGradient(At at, const Node& op, const Outputs& dy) {
  const Output x = op.input(0), y = op.input(1);
  const Output gx = Xdivy(at, NotZero(at, x), y);
  const Output gy = Xdivy(at, Neg(at, x), Square(at, y));
  return Reduced(at, op, Mul(at, gx, dy[0]), Mul(at, gy, dy[0]));
}

Outputs XlogyGradient(At at, const Node& op, const Outputs& dy) {
  const Output x = op.input(0), y = op.input(1);
  const Output gx = Xlogy(at, NotZero(at, x), y);
  const Output gy = Xdivy(at, x, y);
  return Reduced(at, op, Mul(at, gx, dy[0]), Mul(at, gy, dy[0]));
}

Outputs Atan2Gradient(At at, const Node& op, const Outputs& dy) {
  const Output y = op.input(0), x = op.input(1);
  const Output scaled = RealDiv(at, dy[0], AddV2(at, Square(at, x), Square(at, y)));
  return Reduced(at, op, Mul(at, x, scaled), Mul(at, Neg(at, y), scaled));
}

// --- specs ---

constexpr const char* kNumbers =
    "T: {bfloat16, half, float, double, uint8, int8, uint16, int16, int32, int64, complex64, "
    "complex128}";
constexpr const char* kFewerNumbers =
    "T: {bfloat16, half, float, double, int32, int64, complex64, complex128}";
constexpr const char* kAddV2Types =
    "T: {bfloat16, half, float, double, uint8, int8, int16, int32, int64, complex64, complex128}";
constexpr const char* kAddTypes =
    "T: {bfloat16, half, float, double, uint8, int8, int16, int32, int64, complex64, complex128, "
    "string}";
constexpr const char* kPowTypes =
    "T: {bfloat16, float, half, double, int32, int64, complex64, complex128}";
constexpr const char* kModTypes = "T: {int32, int64, bfloat16, half, float, double}";
constexpr const char* kOldModTypes = "T: {int32, int64, float16, half, bfloat16, float, double}";
constexpr const char* kExtremumTypes = "T: {bfloat16, half, float, double, int32, int64}";
constexpr const char* kNoNanTypes = "T: {half, float, double, complex64, complex128}";
constexpr const char* kStep = "its value is piecewise constant";

// The spec without kernels for integers, or for complex numbers.
OpSpec NotOfIntegers(OpSpec spec) {
  return spec.NoKernelFor(
      "T",
      {DType::kUint8, DType::kInt8, DType::kUint16, DType::kInt16, DType::kInt32, DType::kInt64},
      "TensorFlow has none for integers either");
}
OpSpec NotOfComplexNumbers(OpSpec spec) {
  return spec.NoKernelFor("T", {DType::kComplex64, DType::kComplex128},
                          "complex numbers cannot be rounded");
}

}  // namespace

OpSpec AddOp() { return BroadcastOp("Add", kAddTypes, BinaryFunction::kAdd).Gradient(AddGradient); }
OpSpec AddV2Op() {
  return BroadcastOp("AddV2", kAddV2Types, BinaryFunction::kAdd)
      .Aggregate()
      .Commutative()
      .Gradient(AddGradient);
}
OpSpec SubOp() { return BroadcastOp("Sub", kNumbers, BinaryFunction::kSub).Gradient(SubGradient); }
OpSpec MulOp() {
  return BroadcastOp("Mul", kNumbers, BinaryFunction::kMul).Commutative().Gradient(MulGradient);
}
OpSpec DivOp() {
  return BroadcastOp("Div", kNumbers, BinaryFunction::kDiv).Gradient(RealDivGradient);
}
OpSpec RealDivOp() {
  return NotOfIntegers(BroadcastOp("RealDiv", kNumbers, BinaryFunction::kRealDiv))
      .Gradient(RealDivGradient);
}
OpSpec FloorDivOp() {
  return NotOfComplexNumbers(BroadcastOp("FloorDiv", kNumbers, BinaryFunction::kFloorDiv))
      .NotDifferentiable(kStep);
}
OpSpec TruncateDivOp() {
  return NotOfComplexNumbers(BroadcastOp("TruncateDiv", kNumbers, BinaryFunction::kTruncateDiv))
      .NotDifferentiable(kStep);
}
OpSpec FloorModOp() {
  return BroadcastOp("FloorMod", kModTypes, BinaryFunction::kFloorMod).Gradient(FloorModGradient);
}
OpSpec ModOp() {
  return BroadcastOp("Mod", kOldModTypes, BinaryFunction::kTruncateMod)
      .Gradient(TruncateModGradient);
}
OpSpec TruncateModOp() {
  return BroadcastOp("TruncateMod", kModTypes, BinaryFunction::kTruncateMod)
      .Gradient(TruncateModGradient);
}
OpSpec PowOp() {
  return BroadcastOp("Pow", kPowTypes, BinaryFunction::kPow)
      .Prepare(BroadcastKernel(BinaryFunction::kPow,
                               "Integers to negative integer powers are not allowed"))
      .Tiled(nullptr)  // some powers that are one number for all elements are computed otherwise
      .Gradient(PowGradient);
}
OpSpec MaximumOp() {
  return BroadcastOp("Maximum", kExtremumTypes, BinaryFunction::kMaximum).Gradient(MaximumGradient);
}
OpSpec MinimumOp() {
  return BroadcastOp("Minimum", kExtremumTypes, BinaryFunction::kMinimum).Gradient(MinimumGradient);
}
OpSpec SquaredDifferenceOp() {
  return BroadcastOp("SquaredDifference", kFewerNumbers, BinaryFunction::kSquaredDifference)
      .Commutative()
      .Flops(FlopsPerElement(2))
      .Gradient(SquaredDifferenceGradient);
}
OpSpec DivNoNanOp() {
  return BroadcastOp("DivNoNan", kNoNanTypes, BinaryFunction::kDivNoNan).Gradient(DivNoNanGradient);
}
OpSpec MulNoNanOp() {
  return BroadcastOp("MulNoNan", kNoNanTypes, BinaryFunction::kMulNoNan).Gradient(MulNoNanGradient);
}
OpSpec XdivyOp() {
  return BroadcastOp("Xdivy", kNoNanTypes, BinaryFunction::kXdivy).Gradient(XdivyGradient);
}
OpSpec XlogyOp() {
  return BroadcastOp("Xlogy", kNoNanTypes, BinaryFunction::kXlogy).Gradient(XlogyGradient);
}
OpSpec Atan2Op() {
  return OpSpec("Atan2")
      .Input("y: T")
      .Input("x: T")
      .Output("z: T")
      .Attr("T: {bfloat16, half, float, double}")
      .Shape(shapes::BroadcastBinary)
      .Prepare(BroadcastKernel(BinaryFunction::kAtan2))
      .Tiled(TileOf(BinaryFunction::kAtan2))
      .InPlace(0, 0)
      .InPlace(1, 0)
      .Flops(FlopsPerElement(1))
      .Gradient(Atan2Gradient);
}

Output Add(At at, Output x, Output y) { return at.Node("Add", {x, y}); }
Output AddV2(At at, Output x, Output y) { return at.Node("AddV2", {x, y}); }
Output Sub(At at, Output x, Output y) { return at.Node("Sub", {x, y}); }
Output Mul(At at, Output x, Output y) { return at.Node("Mul", {x, y}); }
Output Div(At at, Output x, Output y) { return at.Node("Div", {x, y}); }
Output RealDiv(At at, Output x, Output y) { return at.Node("RealDiv", {x, y}); }
Output FloorDiv(At at, Output x, Output y) { return at.Node("FloorDiv", {x, y}); }
Output TruncateDiv(At at, Output x, Output y) { return at.Node("TruncateDiv", {x, y}); }
Output FloorMod(At at, Output x, Output y) { return at.Node("FloorMod", {x, y}); }
Output Mod(At at, Output x, Output y) { return at.Node("Mod", {x, y}); }
Output TruncateMod(At at, Output x, Output y) { return at.Node("TruncateMod", {x, y}); }
Output Pow(At at, Output x, Output y) { return at.Node("Pow", {x, y}); }
Output Maximum(At at, Output x, Output y) { return at.Node("Maximum", {x, y}); }
Output Minimum(At at, Output x, Output y) { return at.Node("Minimum", {x, y}); }
Output SquaredDifference(At at, Output x, Output y) { return at.Node("SquaredDifference", {x, y}); }
Output DivNoNan(At at, Output x, Output y) { return at.Node("DivNoNan", {x, y}); }
Output MulNoNan(At at, Output x, Output y) { return at.Node("MulNoNan", {x, y}); }
Output Xdivy(At at, Output x, Output y) { return at.Node("Xdivy", {x, y}); }
Output Xlogy(At at, Output x, Output y) { return at.Node("Xlogy", {x, y}); }
Output Atan2(At at, Output y, Output x) { return at.Node("Atan2", {y, x}); }

}  // namespace sluice::ops
