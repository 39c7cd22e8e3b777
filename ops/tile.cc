// Tile: y[j] = input[j mod size]: each dimension becomes two, of which the first has stride 0.
// BroadcastTo: repeated dimensions have stride 0.
#include "ops/tile.h"

#include <optional>
#include <utility>
#include <vector>

#include "core/status.h"
#include "graph/graph.h"
#include "graph/node.h"
#include "graph/op_spec.h"
#include "ops/array_util.h"
#include "ops/kernels/strided_copy.h"
#include "ops/reshape.h"
#include "ops/shape.h"
#include "ops/transpose.h"

namespace sluice::ops {
namespace {

// `input` (dimensions may be unknown) after `multiples`.
absl::StatusOr<TensorShape> Tiled(const TensorShape& input, const Dims& multiples) {
  if (static_cast<int>(multiples.size()) != input.rank()) {
    return absl::InvalidArgumentError(
        absl::StrCat("multiples must have one entry per dimension of ", input.ToString(), ", got ",
                     multiples.size()));
  }
  TensorShape tiled;
  for (int i = 0; i < input.rank(); ++i) {
    if (multiples[i] < 0) {
      return absl::InvalidArgumentError(
          absl::StrCat("multiples[", i, "] must be >= 0, got ", multiples[i]));
    }
    SLUICE_ASSIGN_OR_RETURN(const int64_t size,
                            multiples[i] == 0 ? 0 : MultiplySizes(input.dim(i), multiples[i]));
    tiled.AddDim(size);
  }
  SLUICE_RETURN_IF_ERROR(tiled.Check());
  return tiled;
}

absl::Status TileShape(ShapeContext& c) {
  SLUICE_ASSIGN_OR_RETURN(const TensorShape vector, c.WithRank(1, 1));
  const TensorShape& input = c.input(0);
  const int64_t entries = vector.dim(0);
  if (entries > kMaxRank || (entries >= 0 && input.rank_known() && entries != input.rank())) {
    return absl::InvalidArgumentError(absl::StrCat(
        "multiples must have one entry per dimension of ", input.ToString(), ", got ", entries));
  }
  if (!input.rank_known() && entries < 0) return absl::OkStatus();
  TensorShape output = input.rank_known() ? input : TensorShape::OfRank(static_cast<int>(entries));
  if (const Tensor* value = c.value(1)) {
    SLUICE_ASSIGN_OR_RETURN(const Dims multiples, ReadInts(*value, "multiples"));
    SLUICE_ASSIGN_OR_RETURN(output, Tiled(output, multiples));
  } else {
    output = TensorShape::OfRank(output.rank());
  }
  c.set_output(0, std::move(output));
  return absl::OkStatus();
}

struct PlannedRepeat {
  TensorShape output;
  StridedCopy copy;
};

absl::StatusOr<PlannedRepeat> PlanTile(DType dtype, const TensorShape& input, const Tensor& value) {
  SLUICE_ASSIGN_OR_RETURN(const Dims multiples, ReadInts(value, "multiples"));
  PlannedRepeat plan;
  SLUICE_ASSIGN_OR_RETURN(plan.output, Tiled(input, multiples));
  const Dims input_strides = RowMajorStrides(input.dims());
  const Dims output_strides = RowMajorStrides(plan.output.dims());
  Dims dims, from, to;
  for (int i = 0; i < input.rank(); ++i) {
    dims.insert(dims.end(), {multiples[i], input.dim(i)});
    from.insert(from.end(), {0, input_strides[i]});
    to.insert(to.end(), {input.dim(i) * output_strides[i], output_strides[i]});
  }
  plan.copy = StridedCopy(dtype, dims, {0, from}, {0, to});
  return plan;
}

// OK when `input` broadcasts to `shape`; both may be unknown in part.
absl::Status CheckBroadcast(const TensorShape& input, const TensorShape& shape) {
  if (!input.rank_known() || !shape.rank_known()) return absl::OkStatus();
  bool fits = input.rank() <= shape.rank();
  for (int i = 1; fits && i <= input.rank(); ++i) {
    const int64_t from = input.dim(-i), to = shape.dim(-i);
    fits = from == to || from == 1 || from < 0 || to < 0;
  }
  if (fits) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("Incompatible shapes: cannot broadcast ",
                                                 input.ToString(), " to ", shape.ToString()));
}

absl::Status BroadcastToShape(ShapeContext& c) {
  SLUICE_RETURN_IF_ERROR(ShapeFromInput(c, 1));
  return CheckBroadcast(c.input(0), c.output(0));
}

absl::StatusOr<PlannedRepeat> PlanBroadcast(DType dtype, const TensorShape& input,
                                            const Tensor& value) {
  SLUICE_ASSIGN_OR_RETURN(const Dims dims, ReadInts(value, "shape"));
  PlannedRepeat plan;
  plan.output = TensorShape(absl::Span<const int64_t>(dims));
  SLUICE_RETURN_IF_ERROR(plan.output.Check());
  SLUICE_RETURN_IF_ERROR(CheckBroadcast(input, plan.output));
  const Dims input_strides = RowMajorStrides(input.dims());
  Dims from(dims.size(), 0);
  for (int i = 1; i <= input.rank(); ++i) {
    if (input.dim(-i) != 1) from[dims.size() - i] = input_strides[input_strides.size() - i];
  }
  plan.copy = StridedCopy(dtype, dims, {0, from}, {0, RowMajorStrides(dims)});
  return plan;
}

using PlanFn = absl::StatusOr<PlannedRepeat> (*)(DType, const TensorShape&, const Tensor&);

template <PlanFn plan_of>
absl::StatusOr<KernelRun> RepeatPrepare(PrepareContext& p) {
  if (const Tensor* value = p.constant_input(1)) {
    SLUICE_ASSIGN_OR_RETURN(const PlannedRepeat plan,
                            plan_of(p.input_dtype(0), p.input_shape(0), *value));
    return KernelRun([copy = plan.copy](KernelContext& c) {
      copy.Run(c.input(0).raw(), c.output(0).mutable_raw());
      return absl::OkStatus();
    });
  }
  return KernelRun([](KernelContext& c) -> absl::Status {
    SLUICE_ASSIGN_OR_RETURN(const PlannedRepeat plan,
                            plan_of(c.input(0).dtype(), c.input(0).shape(), c.input(1)));
    SLUICE_RETURN_IF_ERROR(CheckOutputShape(c, 0, plan.output));
    plan.copy.Run(c.input(0).raw(), c.output(0).mutable_raw());
    return absl::OkStatus();
  });
}

// dy seen as [m0, d0, m1, d1, ...] and summed over the even axes.
Outputs TileGradient(At at, const Node& op, const Outputs& dy) {
  const Output input = op.input(0);
  const std::optional<Tensor> known = op.graph().ConstantValue(op.input(1));
  if (known && input.shape().fully_defined()) {
    const absl::StatusOr<Dims> multiples = ReadInts(*known, "multiples");
    std::vector<int64_t> split, axes;
    for (int i = 0; multiples.ok() && i < input.shape().rank(); ++i) {
      split.insert(split.end(), {(*multiples)[i], input.shape().dim(i)});
      axes.push_back(2 * i);
    }
    const Output parts = Reshape(at, dy[0], std::move(split));
    return {at.Node("Sum", {parts, Ints(std::move(axes)).Tensor(at, "axes")}), Output()};
  }
  const DType dtype = op.input(1).dtype();
  const Output shape = ShapeTensor(at, input, {.out_type = dtype});
  const Output stacked = at.Named("stack").Node("Pack", {op.input(1), shape});
  const Output split = Reshape(at, Transpose(at, stacked, {1, 0}), {-1});
  const Output count = SizeTensor(at, split);
  const Output axes = at.Named("range").Node("Range", {Const(at, 0), count, Const(at, 2)});
  return {Reshape(at, at.Node("Sum", {Reshape(at, dy[0], split), axes}), shape), Output()};
}

Outputs BroadcastToGradient(At at, const Node& op, const Outputs& dy) {
  const TensorShape& input = op.input(0).shape();
  const TensorShape& output = op.output_shape(0);
  const Output shape = ShapeTensor(at, op.input(0), {.out_type = op.input(1).dtype()});
  if (input.fully_defined() && output.fully_defined()) {
    std::vector<int64_t> axes;
    for (int i = 0; i < output.rank(); ++i) {
      const int own = i - (output.rank() - input.rank());
      if (own < 0 || input.dim(own) != output.dim(i)) axes.push_back(i);
    }
    const Output sum =
        axes.empty() ? dy[0] : at.Node("Sum", {dy[0], Ints(std::move(axes)).Tensor(at, "axes")});
    return {Reshape(at, sum, shape), Output()};
  }
  const Outputs axes = at.Nodes("BroadcastGradientArgs", {op.input(1), shape});
  if (axes.size() < 2) return Outputs(2);
  return {Reshape(at, at.Node("Sum", {dy[0], axes[1]}), shape), Output()};
}

}  // namespace

OpSpec TileOp() {
  return OpSpec("Tile")
      .Input("input: T")
      .Input("multiples: Tmultiples")
      .Output("output: T")
      .Attr("T: type")
      .Attr("Tmultiples: {int32, int64} = DT_INT32")
      .Shape(TileShape)
      .Prepare(RepeatPrepare<PlanTile>)
      .Gradient(TileGradient);
}

OpSpec BroadcastToOp() {
  return OpSpec("BroadcastTo")
      .Input("input: T")
      .Input("shape: Tidx")
      .Output("output: T")
      .Attr("T: type")
      .Attr("Tidx: {int32, int64} = DT_INT32")
      .Shape(BroadcastToShape)
      .Prepare(RepeatPrepare<PlanBroadcast>)
      .Gradient(BroadcastToGradient);
}

Output Tile(At at, Output input, Ints multiples) {
  const At in = at.Composite("Tile");
  return in.AsScope().Node("Tile", {input, multiples.Tensor(in, "multiples")});
}

Output BroadcastTo(At at, Output input, Ints shape) {
  const At in = at.Composite("BroadcastTo");
  return in.AsScope().Node("BroadcastTo", {input, shape.Tensor(in, "shape")});
}

}  // namespace sluice::ops
