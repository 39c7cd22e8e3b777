// Gather, GatherV2: y[b, o, j, i] = params[b, o, indices[b, j], i]; each of b, o, j, i stands for a
// group of dimensions. GatherNd: y[j, i] = params[indices[j, 0], ..., indices[j, k-1], i].
#include "ops/gather.h"

#include <optional>
#include <utility>
#include <vector>

#include "core/status.h"
#include "graph/graph.h"
#include "graph/node.h"
#include "graph/op_spec.h"
#include "ops/array_util.h"
#include "ops/concat.h"
#include "ops/gather_util.h"
#include "ops/reshape.h"
#include "ops/shape.h"
#include "ops/strided_slice.h"

namespace sluice::ops {
namespace {

// indices.shape + params.shape[1:]
absl::Status GatherShape(ShapeContext& c) {
  SLUICE_ASSIGN_OR_RETURN(const TensorShape params, c.WithRankAtLeast(0, 1));
  TensorShape output = c.input(1);
  if (!params.rank_known() || !output.rank_known()) return absl::OkStatus();
  for (int i = 1; i < params.rank(); ++i) output.AddDim(params.dim(i));
  SLUICE_RETURN_IF_ERROR(output.Check());
  c.set_output(0, std::move(output));
  return absl::OkStatus();
}

absl::Status GatherV2Shape(ShapeContext& c) {
  SLUICE_RETURN_IF_ERROR(c.WithRank(2, 0).status());
  SLUICE_ASSIGN_OR_RETURN(const TensorShape params, c.WithRankAtLeast(0, 1));
  const TensorShape& indices = c.input(1);
  if (!params.rank_known() || !indices.rank_known()) return absl::OkStatus();
  const auto batch_dims = c.attr<int64_t>("batch_dims");
  const Tensor* value = c.value(2);
  if (value == nullptr) {
    const int64_t batch = batch_dims < 0 ? batch_dims + indices.rank() : batch_dims;
    const int64_t rank = params.rank() - 1 + indices.rank() - batch;
    if (rank >= 0 && rank <= kMaxRank) {
      c.set_output(0, TensorShape::OfRank(static_cast<int>(rank)));
    }
    return absl::OkStatus();
  }
  SLUICE_ASSIGN_OR_RETURN(const int64_t axis, ReadInt(*value, "axis"));
  SLUICE_ASSIGN_OR_RETURN(const GatherAxes axes, ResolveAxes(params, indices, axis, batch_dims));
  TensorShape output = GatheredShape(params, indices, axes);
  SLUICE_RETURN_IF_ERROR(output.Check());
  c.set_output(0, std::move(output));
  return absl::OkStatus();
}

absl::Status RunGather(KernelContext& c, const GatherAxes& axes) {
  const Tensor &params = c.input(0), &indices = c.input(1);
  SLUICE_RETURN_IF_ERROR(
      CheckOutputShape(c, 0, GatheredShape(params.shape(), indices.shape(), axes)));
  return GatherAlong(axes, params, indices, c.output(0));
}

absl::Status GatherKernel(KernelContext& c) { return RunGather(c, {0, 0}); }

absl::Status GatherV2Kernel(KernelContext& c) {
  SLUICE_ASSIGN_OR_RETURN(const int64_t axis, ReadInt(c.input(2), "axis"));
  SLUICE_ASSIGN_OR_RETURN(const GatherAxes axes, ResolveAxes(c.input(0).shape(), c.input(1).shape(),
                                                             axis, c.attr<int64_t>("batch_dims")));
  return RunGather(c, axes);
}

absl::Status GatherNdShape(ShapeContext& c) {
  SLUICE_ASSIGN_OR_RETURN(TensorShape output, GatheredTuplesShape(c.input(0), c.input(1)));
  c.set_output(0, std::move(output));
  return absl::OkStatus();
}

absl::Status GatherNdKernel(KernelContext& c) {
  return GatherTuplesTo(c.input(0), c.input(1), c.output(0));
}

// Where the axis and the batch dimensions end, for the gradient: numbers, or tensors where ranks
// are not known.
struct GradientAxes {
  Ints batch, axis;
};

// Scalar `value` counted from the front of a dimension list of length rank(x).
Ints FromFront(At at, int64_t value, const Output& x) {
  if (value >= 0) return value;
  if (x.shape().rank_known()) return value + x.shape().rank();
  return at.Node("AddV2", {Rank(at, x), Const(at, static_cast<int32_t>(value))});
}

GradientAxes AxesOf(At at, const Node& op) {
  const Ints batch = FromFront(at, op.attr<int64_t>("batch_dims"), op.input(1));
  const std::optional<Tensor> known = op.graph().ConstantValue(op.input(2));
  const absl::StatusOr<int64_t> axis =
      known ? ReadInt(*known, "axis") : absl::UnknownError("axis is not a constant");
  if (axis.ok()) return {batch, FromFront(at, *axis, op.input(0))};
  const Output axis32 = at.Node("Cast", {op.input(2)}, {{"DstT", DType::kInt32}});
  return {batch, at.Node("FloorMod", {axis32, Rank(at, op.input(0))})};
}

// Where the shape is computed in 64 bits, as TensorFlow does.
Output ParamsShape(At at, const Output& params) {
  const At beside = at.In(at.scope().ColocateWith(params));
  const Output wide = ShapeTensor(beside, params, {.out_type = DType::kInt64});
  return beside.Named("ToInt32").Node("Cast", {wide}, {{"DstT", DType::kInt32}});
}

TensorsOrSlices GatherGradient(At at, const Node& op, const Outputs& dy) {
  return {GatheredSlices(at, dy[0], op.input(1), ParamsShape(at, op.input(0))), Output()};
}

TensorsOrSlices GatherV2Gradient(At at, const Node& op, const Outputs& dy) {
  const std::optional<Tensor> axis = op.graph().ConstantValue(op.input(2));
  const absl::StatusOr<int64_t> value =
      axis ? ReadInt(*axis, "axis") : absl::UnknownError("axis is not a constant");
  if (value.ok() && *value == 0 && op.attr<int64_t>("batch_dims") == 0) {
    return {GatheredSlices(at, dy[0], op.input(1), ParamsShape(at, op.input(0))), Output(),
            Output()};
  }
  const GradientAxes axes = AxesOf(at, op);
  return {GatheredGradient(at, op.input(0), op.input(1), axes.batch, axes.axis, dy[0]), Output(),
          Output()};
}

TensorsOrSlices GatherNdGradient(At at, const Node& op, const Outputs& dy) {
  const Output shape = ShapeTensor(at, op.input(0), {.out_type = op.input(1).dtype()});
  return {GatheredTuplesGradient(at, dy[0], op.input(1), shape), Output()};
}

}  // namespace

IndexedSlices GatheredSlices(At at, Output dy, Output indices, Output params_shape) {
  const Output count = ExpandDims(at, SizeTensor(at, indices), 0);
  const At slice = at.Sub("strided_slice");
  const Output row =
      slice.AsScope().Node("StridedSlice",
                           {params_shape, Const(slice.Named("stack"), {1}),
                            Const(slice.Named("stack_1"), {0}), Const(slice.Named("stack_2"), {1})},
                           {{"end_mask", int64_t{1}}});
  const Output shape = ConcatV2(at.Named("concat"), {count, row}, 0);
  return {Reshape(at, dy, shape), Reshape(at, indices, count), params_shape};
}

OpSpec GatherOp() {
  return OpSpec("Gather")
      .Input("params: Tparams")
      .Input("indices: Tindices")
      .Output("output: Tparams")
      .Attr("validate_indices: bool = true")
      .Attr("Tparams: type")
      .Attr("Tindices: {int32, int64}")
      .Shape(GatherShape)
      .Kernel(GatherKernel)
      .Gradient(GatherGradient);
}

OpSpec GatherV2Op() {
  return OpSpec("GatherV2")
      .Input("params: Tparams")
      .Input("indices: Tindices")
      .Input("axis: Taxis")
      .Output("output: Tparams")
      .Attr("batch_dims: int = 0")
      .Attr("Tparams: type")
      .Attr("Tindices: {int32, int64}")
      .Attr("Taxis: {int32, int64}")
      .Shape(GatherV2Shape)
      .Kernel(GatherV2Kernel)
      .Gradient(GatherV2Gradient);
}

OpSpec GatherNdOp() {
  return OpSpec("GatherNd")
      .Input("params: Tparams")
      .Input("indices: Tindices")
      .Output("output: Tparams")
      .Attr("Tparams: type")
      .Attr("Tindices: {int32, int64}")
      .Shape(GatherNdShape)
      .Kernel(GatherNdKernel)
      .Gradient(GatherNdGradient);
}

Output Gather(At at, Output params, Output indices) { return at.Node("Gather", {params, indices}); }

Output GatherV2(At at, Output params, Output indices, Ints axis, const GatherV2Options& options) {
  const At in = at.Composite("GatherV2");
  return in.AsScope().Node("GatherV2", {params, indices, axis.Tensor(in, "axis")},
                           {{"batch_dims", options.batch_dims}});
}

Output GatherNd(At at, Output params, Output indices) {
  return at.Node("GatherNd", {params, indices});
}

}  // namespace sluice::ops
