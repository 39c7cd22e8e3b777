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

// The size of dimension `axis` of `x` as a scalar of `dtype`.
Output DimOf(At at, const Output& x, int axis, DType dtype) {
  if (x.shape().rank_known() && x.shape().dim(axis) >= 0) {
    return Ints(x.shape().dim(axis)).Tensor(at, "size", dtype);
  }
  const Output shape = ShapeTensor(at, x, {.out_type = dtype});
  return StridedSlice(at, shape, {axis}, {axis + 1}, {1}, {.shrink_axis_mask = 1});
}

Outputs GatherGradient(At at, const Node& op, const Outputs& dy) {
  const Output size = DimOf(at, op.input(0), 0, DType::kInt32);
  return {UnsortedSegmentSum(at, dy[0], op.input(1), size), Output()};
}

// The dimensions of a tensor of known rank, to be rearranged: numbers where the shape is defined,
// else one tensor.
class DimList {
 public:
  DimList(At at, const Output& x) : at_(at), known_(x.shape()) {
    if (!known_.fully_defined()) shape_ = Shape(at, x);
  }
  // Dimensions [begin, end).
  void Append(int begin, int end) {
    if (begin >= end) return;
    for (int i = begin; i < end; ++i) numbers_.push_back(known_.dim(i));
    if (!shape_.empty()) parts_.push_back(StridedSlice(at_, shape_, {begin}, {end}, {1}));
  }
  void Append(int64_t number) {
    numbers_.push_back(number);
    if (!shape_.empty()) parts_.push_back(Const(at_, {static_cast<int32_t>(number)}));
  }
  Ints Take() {
    Ints taken = parts_.empty()       ? Ints(std::exchange(numbers_, {}))
                 : parts_.size() == 1 ? Ints(parts_[0])
                                      : Ints(at_.Named("concat").Node("ConcatV2", WithAxis()));
    numbers_.clear();
    parts_.clear();
    return taken;
  }

 private:
  Outputs WithAxis() {
    Outputs all = parts_;
    all.push_back(Const(at_, 0));
    return all;
  }

  At at_;
  TensorShape known_;
  Output shape_;
  std::vector<int64_t> numbers_;
  Outputs parts_;
};

std::vector<int64_t> Sequence(std::initializer_list<std::pair<int, int>> ranges) {
  std::vector<int64_t> sequence;
  for (const auto& [begin, end] : ranges) {
    for (int i = begin; i < end; ++i) sequence.push_back(i);
  }
  return sequence;
}

// indices[b..., j...] + b * axis_size, so that every batch has segments of its own. `batch` is the
// number of batches.
Output OffsetIndices(At at, const Node& op, const GatherAxes& axes, Output batch,
                     Output axis_size) {
  const Output indices = op.input(1);
  const DType dtype = indices.dtype();
  const Output zero = ConstOf(at, dtype, 0), one = ConstOf(at, dtype, 1);
  const Output offsets = at.Node("Mul", {at.Node("Range", {zero, batch, one}), axis_size});
  DimList dims(at, indices);
  dims.Append(0, axes.batch);
  for (int i = axes.batch; i < indices.shape().rank(); ++i) dims.Append(1);
  return at.Node("AddV2", {indices, Reshape(at, offsets, dims.Take())});
}

// dy[b, o, j, i] -> [b, j, o, i], summed per index to [b, axis, o, i], -> [b, o, axis, i].
Output SegmentGradient(At at, const Node& op, const GatherAxes& axes, Output dy) {
  const Output params = op.input(0), indices = op.input(1);
  const int rank = params.shape().rank();
  const int outer = axes.axis - axes.batch;
  const int counted = indices.shape().rank() - axes.batch;
  const int dy_rank = rank - 1 + counted;
  if (outer > 0) {
    dy = Transpose(at, dy,
                   Sequence({{0, axes.batch},
                             {axes.axis, axes.axis + counted},
                             {axes.batch, axes.axis},
                             {axes.axis + counted, dy_rank}}));
  }
  Output ids = indices;
  Output segments = DimOf(at, params, axes.axis, indices.dtype());
  if (axes.batch > 0) {
    DimList dims(at, params);
    dims.Append(0, axes.batch);
    Output batch = at.Node("Prod", {dims.Take().Tensor(at, "batch"), Const(at, {0})});
    if (indices.dtype() == DType::kInt64) {
      batch = at.Node("Cast", {batch}, {{"DstT", DType::kInt64}});
    }
    ids = OffsetIndices(at, op, axes, batch, segments);
    segments = at.Node("Mul", {batch, segments});
  }
  Output sum = UnsortedSegmentSum(at, dy, ids, segments);
  DimList dims(at, params);
  dims.Append(0, axes.batch);
  dims.Append(axes.axis, axes.axis + 1);
  dims.Append(axes.batch, axes.axis);
  dims.Append(axes.axis + 1, rank);
  if (axes.batch > 0) sum = Reshape(at, sum, dims.Take());
  if (outer == 0) return sum;
  return Transpose(at, sum,
                   Sequence({{0, axes.batch},
                             {axes.batch + 1, axes.axis + 1},
                             {axes.batch, axes.batch + 1},
                             {axes.axis + 1, rank}}));
}

Outputs GatherV2Gradient(At at, const Node& op, const Outputs& dy) {
  const std::optional<Tensor> axis = op.graph().ConstantValue(op.input(2));
  const TensorShape& params = op.input(0).shape();
  const TensorShape& indices = op.input(1).shape();
  const auto batch_dims = op.attr<int64_t>("batch_dims");
  const absl::StatusOr<int64_t> value =
      axis ? ReadInt(*axis, "axis") : absl::InvalidArgumentError("axis is not a constant");
  if (value.ok() && *value == 0 && batch_dims == 0) {
    const Output size = DimOf(at, op.input(0), 0, DType::kInt32);
    return {UnsortedSegmentSum(at, dy[0], op.input(1), size), Output(), Output()};
  }
  absl::StatusOr<GatherAxes> axes = value.status();
  if (value.ok() && params.rank_known() && indices.rank_known()) {
    axes = ResolveAxes(params, indices, *value, batch_dims);
  } else if (value.ok()) {
    axes = absl::UnimplementedError("the ranks of params and indices are not known");
  }
  if (!axes.ok()) {
    at.Fail("GatherV2",
            absl::UnimplementedError(absl::StrCat("no gradient: ", axes.status().message())));
    return Outputs(3);
  }
  return {SegmentGradient(at, op, *axes, dy[0]), Output(), Output()};
}

Outputs GatherNdGradient(At at, const Node& op, const Outputs& dy) {
  const Output shape = ShapeTensor(at, op.input(0), {.out_type = op.input(1).dtype()});
  return {ScatterNd(at, op.input(1), dy[0], shape), Output()};
}

}  // namespace

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
