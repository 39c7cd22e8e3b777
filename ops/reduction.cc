// Reductions of a tensor over some of its axes. What each computes: kernels/reduce.h.
#include "ops/reduction.h"

#include <algorithm>
#include <optional>
#include <vector>

#include "core/status.h"
#include "graph/graph.h"
#include "graph/node.h"
#include "graph/op_spec.h"
#include "ops/binary.h"
#include "ops/cast.h"
#include "ops/comparison.h"
#include "ops/complex.h"
#include "ops/cumsum.h"
#include "ops/flops.h"
#include "ops/reduction_util.h"
#include "ops/reshape.h"
#include "ops/select.h"
#include "ops/shape.h"
#include "ops/unary.h"

namespace sluice::ops {
namespace {

using kernels::ReduceFunction;

// --- gradients ---

// The axes of a reduction where they are known while building.
std::optional<Dims> KnownAxes(At at, const Node& op) {
  const TensorShape& shape = op.input(0).shape();
  const std::optional<Tensor> indices = at.graph().ConstantValue(op.input(1));
  if (!shape.rank_known() || !indices) return std::nullopt;
  absl::StatusOr<Dims> axes = ReadAxes(*indices, shape.rank());
  if (!axes.ok()) return std::nullopt;
  return *axes;
}

// The result's shape as keep_dims gives it. Unless it is known: the shape of the reduction with
// keep_dims, whose value nobody reads.
Output KeptShape(At at, const Node& op) {
  const std::optional<Dims> axes = KnownAxes(at, op);
  if (axes && op.input(0).shape().fully_defined())
    return Ints(ReducedShape(op.input(0).shape(), *axes, true)).Tensor(at, "shape");
  return Shape(at, at.Node(op.op(), {op.input(0), op.input(1)}, {{"keep_dims", true}}));
}

// A tensor of the result's shape, with the reduced dimensions as 1, so that it broadcasts against
// the input.
Output Kept(At at, const Node& op, const Output& x) {
  return op.attr<bool>("keep_dims") ? x : Reshape(at, x, KeptShape(at, op));
}

// x repeated along the reduced axes to the input's shape.
Output Spread(At at, const Node& op, const Output& x) {
  return at.Node("BroadcastTo", {Kept(at, op, x), ShapeTensor(at, op.input(0))});
}

Outputs SumGradient(At at, const Node& op, const Outputs& dy) {
  return {Spread(at, op, dy[0]), Output()};
}

Outputs MeanGradient(At at, const Node& op, const Outputs& dy) {
  const DType dtype = BaseType(dy[0].dtype());
  const int64_t items = op.input(0).shape().num_elements(), results = dy[0].shape().num_elements();
  Output count;
  if (items >= 0 && results > 0) {
    count = ConstOf(at, dtype, static_cast<double>(items / results));
  } else {
    const Output one = ConstOf(at, DType::kInt32, 1);
    const Output total = SizeTensor(at, op.input(0));
    count = Cast(at, FloorDiv(at, total, Maximum(at, SizeTensor(at, dy[0]), one)), dtype);
  }
  return {Spread(at, op, RealDiv(at, dy[0], count)), Output()};
}

// dy to the elements that equal the result, shared equally among ties.
Outputs ExtremumGradient(At at, const Node& op, const Outputs& dy) {
  const DType dtype = BaseType(dy[0].dtype());
  const Output y = Kept(at, op, op.output(0)), g = Kept(at, op, dy[0]);
  const Output winners = Cast(at, Equal(at, y, op.input(0)), dtype);
  const Output ties = at.Node("Sum", {winners, op.input(1)}, {{"keep_dims", true}});
  return {Mul(at, RealDiv(at, winners, ties), g), Output()};
}

// x / (y / dy): NaN where all x are 0, as in TensorFlow.
Outputs EuclideanNormGradient(At at, const Node& op, const Outputs& dy) {
  const Output scale = Kept(at, op, RealDiv(at, op.output(0), dy[0]));
  return {RealDiv(at, op.input(0), scale), Output()};
}

// The dimensions with the reduced ones in front.
struct FrontOrder {
  Output axes;            // the reduced ones
  Output order, inverse;  // of all: permutations
};

FrontOrder KnownFrontOrder(At at, const Dims& axes, int64_t rank) {
  std::vector<int64_t> order(axes.begin(), axes.end());
  for (int64_t i = 0; i < rank; ++i)
    if (std::find(axes.begin(), axes.end(), i) == axes.end()) order.push_back(i);
  std::vector<int64_t> inverse(order.size());
  for (size_t i = 0; i < order.size(); ++i) inverse[order[i]] = static_cast<int64_t>(i);
  return {Ints(std::vector<int64_t>(axes.begin(), axes.end())).Tensor(at, "axes"),
          Ints(order).Tensor(at, "perm"), Ints(inverse).Tensor(at, "perm")};
}

FrontOrder ComputedFrontOrder(At at, const Node& op) {
  const Output rank = RankTensor(at, op.input(0));
  const Output given = Cast(at, Reshape(at, op.input(1), {-1}), DType::kInt32);
  const Output axes = FloorMod(at, AddV2(at, given, rank), rank);
  const Output all =
      at.Node("Range", {ConstOf(at, DType::kInt32, 0), rank, ConstOf(at, DType::kInt32, 1)});
  const Output others = at.Node("ListDiff", {all, axes});
  const Output order =
      at.Node("ConcatV2", {axes, others, ConstOf(at, DType::kInt32, 0)}, {{"N", 2}});
  return {axes, order, at.Node("InvertPermutation", {order})};
}

// The product of the other elements is the product of those before times that of those after:
// exclusive running products from both ends, over the reduced axes brought to the front as one.
// (math_grad.py, _ProdGrad)
Outputs ProdGradient(At at, const Node& op, const Outputs& dy) {
  const Output x = op.input(0);
  const std::optional<Dims> known = KnownAxes(at, op);
  const FrontOrder front =
      known ? KnownFrontOrder(at, *known, x.shape().rank()) : ComputedFrontOrder(at, op);
  const Output moved = at.Node("Transpose", {x, front.order});
  const Output reduced =
      at.Node("GatherV2", {ShapeTensor(at, x), front.axes, ConstOf(at, DType::kInt32, 0)});
  const Output rows = Prod(at, reduced, 0);
  const Output others = Prod(at, ShapeTensor(at, op.output(0)), 0);
  const Output flat = Reshape(at, moved, at.Node("Pack", {rows, others}));
  const Output before = Cumprod(at, flat, 0, {.exclusive = true});
  const Output after = Cumprod(at, flat, 0, {.exclusive = true, .reverse = true});
  const Output rest =
      Reshape(at, Mul(at, Conjugate(at, before), Conjugate(at, after)), ShapeTensor(at, moved));
  const Output back = at.Node("Transpose", {rest, front.inverse});
  return {Mul(at, Kept(at, op, dy[0]), back), Output()};
}

// --- specs ---

OpSpec NumberReduction(absl::string_view name, ReduceFunction function, GradientFn gradient) {
  return OpSpec(name)
      .Input("input: T")
      .Input("reduction_indices: Tidx")
      .Output("output: T")
      .Attr("keep_dims: bool = false")
      .Attr("T: numbertype")
      .Attr("Tidx: {int32, int64} = DT_INT32")
      .NoKernelFor("T", {DType::kQint8, DType::kQuint8, DType::kQint32},
                   "TensorFlow has none for quantized types either")
      .InPlace(0, 0)  // when nothing is reduced, as in most gradients of broadcasting
      .Shape(ReductionShape)
      .Prepare(ReductionKernel(function))
      .Flops(ReductionFlops(0))
      .Gradient(std::move(gradient));
}

OpSpec BoolReduction(absl::string_view name, ReduceFunction function) {
  return OpSpec(name)
      .Input("input: bool")
      .Input("reduction_indices: Tidx")
      .Output("output: bool")
      .Attr("keep_dims: bool = false")
      .Attr("Tidx: {int32, int64} = DT_INT32")
      .Shape(ReductionShape)
      .Prepare(ReductionKernel(function))
      .NotDifferentiable("its result is not a number");
}

Output Reduce(At at, const char* op, const Output& input, const Ints& axes,
              const ReductionOptions& options) {
  return at.Node(op, {input, axes.Tensor(at, "reduction_indices")},
                 {{"keep_dims", options.keep_dims}});
}

}  // namespace

OpSpec SumOp() { return NumberReduction("Sum", ReduceFunction::kSum, SumGradient); }
OpSpec MeanOp() {
  return NumberReduction("Mean", ReduceFunction::kMean, MeanGradient).Flops(ReductionFlops(1));
}
OpSpec ProdOp() { return NumberReduction("Prod", ReduceFunction::kProd, ProdGradient); }
OpSpec MaxOp() {
  return NumberReduction("Max", ReduceFunction::kMax, ExtremumGradient)
      .NoKernelFor("T", {DType::kComplex64, DType::kComplex128}, "complex numbers have no order");
}
OpSpec MinOp() {
  return NumberReduction("Min", ReduceFunction::kMin, ExtremumGradient)
      .NoKernelFor("T", {DType::kComplex64, DType::kComplex128}, "complex numbers have no order");
}
OpSpec EuclideanNormOp() {
  return NumberReduction("EuclideanNorm", ReduceFunction::kEuclideanNorm, EuclideanNormGradient)
      .Flops(FlopsPerElement(2, 0));
}
OpSpec AllOp() { return BoolReduction("All", ReduceFunction::kAll); }
OpSpec AnyOp() { return BoolReduction("Any", ReduceFunction::kAny); }

Output Sum(At at, Output input, Ints axes, const ReductionOptions& options) {
  return Reduce(at, "Sum", input, axes, options);
}
Output Mean(At at, Output input, Ints axes, const ReductionOptions& options) {
  return Reduce(at, "Mean", input, axes, options);
}
Output Prod(At at, Output input, Ints axes, const ReductionOptions& options) {
  return Reduce(at, "Prod", input, axes, options);
}
Output Max(At at, Output input, Ints axes, const ReductionOptions& options) {
  return Reduce(at, "Max", input, axes, options);
}
Output Min(At at, Output input, Ints axes, const ReductionOptions& options) {
  return Reduce(at, "Min", input, axes, options);
}
Output All(At at, Output input, Ints axes, const ReductionOptions& options) {
  return Reduce(at, "All", input, axes, options);
}
Output Any(At at, Output input, Ints axes, const ReductionOptions& options) {
  return Reduce(at, "Any", input, axes, options);
}
Output EuclideanNorm(At at, Output input, Ints axes, const ReductionOptions& options) {
  return Reduce(at, "EuclideanNorm", input, axes, options);
}

Ints AllAxes(At at, const Output& input) {
  if (input.empty() || input.shape().rank_known()) {
    std::vector<int64_t> axes(input.empty() ? 0 : input.shape().rank());
    for (size_t i = 0; i < axes.size(); ++i) axes[i] = static_cast<int64_t>(i);
    return Ints(axes);
  }
  const Output zero = ConstOf(at, DType::kInt32, 0), one = ConstOf(at, DType::kInt32, 1);
  return at.Node("Range", {zero, Rank(at, input), one});
}

Output ReduceLogSumExp(At at, Output input, Ints axes, const ReductionOptions& options) {
  const At in = at.Composite("ReduceLogSumExp");
  const Output indices = axes.Tensor(in, "reduction_indices");
  const Output raw = Max(in, input, indices, {.keep_dims = true});
  // An infinite maximum is not taken out: infinity - infinity would be NaN.
  const Output zeros = in.Node("ZerosLike", {raw});
  const Output peak = in.Node("StopGradient", {Select(in, IsFinite(in, raw), raw, zeros)});
  const Output sum = Sum(in, Exp(in, Sub(in, input, peak)), indices, options);
  const Output shift = options.keep_dims ? peak : Reshape(in, peak, Shape(in, sum));
  return AddV2(in.AsScope(), Log(in, sum), shift);
}

}  // namespace sluice::ops
