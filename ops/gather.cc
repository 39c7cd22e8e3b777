// Gather, GatherV2: y[b, o, j, i] = params[b, o, indices[b, j], i]; each of b, o, j, i stands for a
// group of dimensions. GatherNd: y[j, i] = params[indices[j, 0], ..., indices[j, k-1], i].
#include "ops/gather.h"

#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/str_join.h"
#include "core/status.h"
#include "graph/graph.h"
#include "graph/node.h"
#include "graph/op_spec.h"
#include "ops/array_util.h"
#include "ops/concat.h"
#include "ops/gather.h"
#include "ops/kernels/gather.h"
#include "ops/range.h"
#include "ops/reshape.h"
#include "ops/scatter_nd.h"
#include "ops/segment.h"
#include "ops/shape.h"
#include "ops/strided_slice.h"
#include "ops/transpose.h"

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

// Where the groups of dimensions begin and end.
struct GatherAxes {
  int batch = 0, axis = 0;
};

absl::StatusOr<GatherAxes> ResolveAxes(const TensorShape& params, const TensorShape& indices,
                                       int64_t axis, int64_t batch_dims) {
  GatherAxes axes;
  SLUICE_ASSIGN_OR_RETURN(axes.axis, CanonicalAxis(axis, params.rank()));
  if (batch_dims < 0) batch_dims += indices.rank();
  if (batch_dims < 0 || batch_dims > indices.rank() || batch_dims > axes.axis) {
    return absl::InvalidArgumentError(
        absl::StrCat("batch_dims must be at most axis and the rank of indices, got ", batch_dims,
                     " for axis ", axes.axis, " and indices of shape ", indices.ToString()));
  }
  axes.batch = static_cast<int>(batch_dims);
  for (int i = 0; i < axes.batch; ++i) {
    const int64_t p = params.dim(i), n = indices.dim(i);
    if (p >= 0 && n >= 0 && p != n) {
      return absl::InvalidArgumentError(absl::StrCat("params.shape[", i, "] = ", p,
                                                     " should be equal to indices.shape[", i,
                                                     "] = ", n, " (a batch dimension)"));
    }
  }
  return axes;
}

TensorShape GatheredShape(const TensorShape& params, const TensorShape& indices,
                          const GatherAxes& axes) {
  TensorShape output;
  for (int i = 0; i < axes.axis; ++i) output.AddDim(params.dim(i));
  for (int i = axes.batch; i < indices.rank(); ++i) output.AddDim(indices.dim(i));
  for (int i = axes.axis + 1; i < params.rank(); ++i) output.AddDim(params.dim(i));
  return output;
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

// "indices[1,2]" for element `position` of a tensor of that shape.
std::string ElementName(const TensorShape& shape, int64_t position) {
  if (shape.rank() == 0) return "indices";
  Dims at(shape.rank());
  for (int i = shape.rank(); i-- > 0;) {
    at[i] = position % shape.dim(i);
    position /= shape.dim(i);
  }
  return absl::StrCat("indices[", absl::StrJoin(at, ","), "]");
}

template <typename Index>
absl::Status GatherIndices(KernelContext& c, const GatherLayout& layout) {
  const Tensor& params = c.input(0);
  const absl::Span<const Index> indices = c.input(1).flat<Index>();
  const int64_t bad = FirstOutside<Index>(indices, layout.axis_size);
  if (bad >= 0) {
    return absl::InvalidArgumentError(absl::StrCat(ElementName(c.input(1).shape(), bad), " = ",
                                                   indices[bad], " is not in [0, ",
                                                   layout.axis_size, ")"));
  }
  GatherRows<Index>(params.dtype(), layout, params.raw(), indices.data(),
                    c.output(0).mutable_raw());
  return absl::OkStatus();
}

absl::Status RunGather(KernelContext& c, const GatherAxes& axes) {
  const TensorShape& params = c.input(0).shape();
  const TensorShape& indices = c.input(1).shape();
  SLUICE_RETURN_IF_ERROR(CheckOutputShape(c, 0, GatheredShape(params, indices, axes)));
  GatherLayout layout;
  for (int i = 0; i < axes.batch; ++i) layout.batch *= params.dim(i);
  for (int i = axes.batch; i < axes.axis; ++i) layout.outer *= params.dim(i);
  for (int i = axes.batch; i < indices.rank(); ++i) layout.count *= indices.dim(i);
  for (int i = axes.axis + 1; i < params.rank(); ++i) layout.inner *= params.dim(i);
  layout.axis_size = params.dim(axes.axis);
  return c.input(1).dtype() == DType::kInt32 ? GatherIndices<int32_t>(c, layout)
                                             : GatherIndices<int64_t>(c, layout);
}

absl::Status GatherKernel(KernelContext& c) { return RunGather(c, {0, 0}); }

absl::Status GatherV2Kernel(KernelContext& c) {
  SLUICE_ASSIGN_OR_RETURN(const int64_t axis, ReadInt(c.input(2), "axis"));
  SLUICE_ASSIGN_OR_RETURN(const GatherAxes axes, ResolveAxes(c.input(0).shape(), c.input(1).shape(),
                                                             axis, c.attr<int64_t>("batch_dims")));
  return RunGather(c, axes);
}

// indices.shape[:-1] + params.shape[k:]
absl::Status GatherNdShape(ShapeContext& c) {
  const TensorShape& params = c.input(0);
  SLUICE_ASSIGN_OR_RETURN(const TensorShape indices, c.WithRankAtLeast(1, 1));
  if (!indices.rank_known()) return absl::OkStatus();
  const int64_t k = indices.dim(-1);
  if (params.rank_known() && k > params.rank()) {
    return absl::InvalidArgumentError(absl::StrCat(
        "indices.shape[-1] must be <= params.rank, but saw indices shape: ", indices.ToString(),
        " and params shape: ", params.ToString()));
  }
  if (!params.rank_known() || k < 0) return absl::OkStatus();
  TensorShape output;
  for (int i = 0; i + 1 < indices.rank(); ++i) output.AddDim(indices.dim(i));
  for (int i = static_cast<int>(k); i < params.rank(); ++i) output.AddDim(params.dim(i));
  SLUICE_RETURN_IF_ERROR(output.Check());
  c.set_output(0, std::move(output));
  return absl::OkStatus();
}

template <typename Index>
absl::Status RunGatherNd(KernelContext& c) {
  const Tensor& params = c.input(0);
  const Tensor& indices = c.input(1);
  const TupleLayout layout = TupleLayoutOf(params.shape().dims(), indices.shape().dims());
  const Index* tuples = indices.data<Index>();
  const int64_t bad = FirstOutside<Index>(layout, tuples);
  if (bad >= 0) {
    const int64_t k = indices.dim(-1);
    return absl::InvalidArgumentError(absl::StrCat(
        "indices[", bad, "] = [",
        absl::StrJoin(absl::Span<const Index>(tuples + bad * k, static_cast<size_t>(k)), ", "),
        "] does not index into params of shape ", params.shape().ToString()));
  }
  GatherTuples<Index>(params.dtype(), layout, params.raw(), tuples, c.output(0).mutable_raw());
  return absl::OkStatus();
}

absl::Status GatherNdKernel(KernelContext& c) {
  return c.input(1).dtype() == DType::kInt32 ? RunGatherNd<int32_t>(c) : RunGatherNd<int64_t>(c);
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

// The product of dimensions [begin, end) of x; an empty `end` means the last. A number where the
// dimensions are known.
Ints SizeBetween(At at, const Output& x, const Ints& begin, const std::optional<Ints>& end) {
  const TensorShape& shape = x.shape();
  const bool numbers = begin.number() != nullptr && (!end || end->number() != nullptr);
  if (numbers && shape.fully_defined()) {
    int64_t size = 1;
    const int64_t stop = end ? *end->number() : shape.rank();
    for (int64_t i = *begin.number(); i < stop; ++i) size *= shape.dim(static_cast<int>(i));
    return size;
  }
  const auto vector = [&](const Ints& scalar) {
    return at.Named("stack").Node("Pack", {scalar.Tensor(at, "axis")});
  };
  const Output dims =
      StridedSlice(at, Shape(at, x), vector(begin), end ? Ints(vector(*end)) : Ints({0}), {1},
                   {.end_mask = end ? 0 : 1});
  return at.Node("Prod", {dims, Const(at, {0})});
}

Ints Product(At at, const Ints& a, const Ints& b) {
  if (a.number() && b.number()) return *a.number() * *b.number();
  return at.Node("Mul", {a.Tensor(at, "x"), b.Tensor(at, "y")});
}

Ints NextTo(At at, const Ints& axis) {
  if (axis.number()) return *axis.number() + 1;
  return at.Node("AddV2", {axis.Tensor(at, "axis"), Const(at, 1)});
}

// The scalars as a vector.
Ints Join(At at, std::initializer_list<Ints> scalars) {
  std::vector<int64_t> numbers;
  Outputs tensors;
  for (const Ints& scalar : scalars) {
    if (scalar.number()) numbers.push_back(*scalar.number());
  }
  if (numbers.size() == scalars.size()) return numbers;
  for (const Ints& scalar : scalars) tensors.push_back(scalar.Tensor(at, "size"));
  return at.Named("stack").Node("Pack", tensors);
}

// dy[b, o, j, i] -> [b, j, o, i], summed per index to [b, axis, o, i], -> [b, o, axis, i]; every
// group of dimensions as one.
Output SegmentGradient(At at, const Node& op, Output dy) {
  const Output params = op.input(0), indices = op.input(1);
  const GradientAxes axes = AxesOf(at, op);
  const Ints batch = SizeBetween(at, params, 0, axes.batch);
  const Ints outer = SizeBetween(at, params, axes.batch, axes.axis);
  const Ints axis_size = SizeBetween(at, params, axes.axis, NextTo(at, axes.axis));
  const Ints inner = SizeBetween(at, params, NextTo(at, axes.axis), std::nullopt);
  const Ints count = SizeBetween(at, indices, axes.batch, std::nullopt);
  const bool swap = !(outer.number() && *outer.number() == 1);  // else o may stand anywhere
  dy = swap ? Transpose(at, Reshape(at, dy, Join(at, {batch, outer, count, inner})), {0, 2, 1, 3})
            : Reshape(at, dy, Join(at, {batch, count, inner}));
  Output ids = Reshape(at, indices, Join(at, {batch, count}));
  if (!(batch.number() && *batch.number() == 1)) {  // every batch has segments of its own
    Output first = at.Node("Mul", {Range(at, 0, batch, 1), axis_size.Tensor(at, "axis_size")});
    if (ids.dtype() == DType::kInt64) first = at.Node("Cast", {first}, {{"DstT", DType::kInt64}});
    ids = at.Node("AddV2", {ids, ExpandDims(at, first, 1)});
  }
  const Output sums = UnsortedSegmentSum(at, dy, ids, Product(at, batch, axis_size));
  if (!swap) return Reshape(at, sums, ShapeTensor(at, params));
  const Output apart = Reshape(at, sums, Join(at, {batch, axis_size, outer, inner}));
  return Reshape(at, Transpose(at, apart, {0, 2, 1, 3}), ShapeTensor(at, params));
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
  return {SegmentGradient(at, op, dy[0]), Output(), Output()};
}

Outputs GatherNdGradient(At at, const Node& op, const Outputs& dy) {
  const Output shape = ShapeTensor(at, op.input(0), {.out_type = op.input(1).dtype()});
  return {ScatterNd(at, op.input(1), dy[0], shape), Output()};
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
