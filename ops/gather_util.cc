#include "ops/gather_util.h"

#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "core/status.h"
#include "ops/array_util.h"
#include "ops/kernels/gather.h"
#include "ops/range.h"
#include "ops/reshape.h"
#include "ops/scatter_nd.h"
#include "ops/scatter_nd_util.h"
#include "ops/segment.h"
#include "ops/shape.h"
#include "ops/strided_slice.h"
#include "ops/transpose.h"

namespace sluice::ops {
namespace {

template <typename Index>
absl::Status GatherIndices(const GatherLayout& layout, const Tensor& params, const Tensor& indices,
                           Tensor& out) {
  const absl::Span<const Index> values = indices.flat<Index>();
  const int64_t bad = FirstOutside<Index>(values, layout.axis_size);
  if (bad >= 0) {
    return absl::InvalidArgumentError(absl::StrCat(IndexName(indices.shape(), bad), " = ",
                                                   values[bad], " is not in [0, ", layout.axis_size,
                                                   ")"));
  }
  GatherRows<Index>(params.dtype(), layout, params.raw(), values.data(), out.mutable_raw());
  return absl::OkStatus();
}

template <typename Index>
absl::Status GatherTuplesBy(const Tensor& params, const Tensor& indices, Tensor& out) {
  const TupleLayout layout = TupleLayoutOf(params.shape().dims(), indices.shape().dims());
  const Index* tuples = indices.data<Index>();
  const int64_t bad = FirstOutside<Index>(layout, tuples);
  if (bad >= 0) {
    return absl::InvalidArgumentError(absl::StrCat(
        TupleName(indices, bad), " does not index into param shape ", params.shape().ToString()));
  }
  GatherTuples<Index>(params.dtype(), layout, params.raw(), tuples, out.mutable_raw());
  return absl::OkStatus();
}

// --- gradients -----------------------------------------------------------------------------------

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

}  // namespace

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

absl::Status GatherAlong(const GatherAxes& axes, const Tensor& params, const Tensor& indices,
                         Tensor& out) {
  GatherLayout layout;
  for (int i = 0; i < axes.batch; ++i) layout.batch *= params.dim(i);
  for (int i = axes.batch; i < axes.axis; ++i) layout.outer *= params.dim(i);
  for (int i = axes.batch; i < indices.shape().rank(); ++i) layout.count *= indices.dim(i);
  for (int i = axes.axis + 1; i < params.shape().rank(); ++i) layout.inner *= params.dim(i);
  layout.axis_size = params.dim(axes.axis);
  return indices.dtype() == DType::kInt32 ? GatherIndices<int32_t>(layout, params, indices, out)
                                          : GatherIndices<int64_t>(layout, params, indices, out);
}

absl::StatusOr<TensorShape> GatheredTuplesShape(const TensorShape& params,
                                                const TensorShape& indices) {
  if (!indices.rank_known()) return TensorShape::Unknown();
  if (indices.rank() < 1) {
    return absl::InvalidArgumentError("Shape must be at least rank 1 but is rank 0: indices");
  }
  const int64_t depth = indices.dim(-1);
  if (params.rank_known() && depth > params.rank()) {
    return absl::InvalidArgumentError(absl::StrCat(
        "indices.shape[-1] must be <= params.rank, but saw indices shape: ", indices.ToString(),
        " and params shape: ", params.ToString()));
  }
  if (!params.rank_known() || depth < 0) return TensorShape::Unknown();
  TensorShape output;
  for (int i = 0; i + 1 < indices.rank(); ++i) output.AddDim(indices.dim(i));
  for (int i = static_cast<int>(depth); i < params.rank(); ++i) output.AddDim(params.dim(i));
  SLUICE_RETURN_IF_ERROR(output.Check());
  return output;
}

absl::Status GatherTuplesTo(const Tensor& params, const Tensor& indices, Tensor& out) {
  int64_t tuples = 1;
  for (int i = 0; i + 1 < indices.shape().rank(); ++i) tuples *= indices.dim(i);
  if (tuples > 0 && params.num_elements() == 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("Requested more than 0 entries, but params is empty. Params shape: ",
                     params.shape().ToString()));
  }
  return indices.dtype() == DType::kInt32 ? GatherTuplesBy<int32_t>(params, indices, out)
                                          : GatherTuplesBy<int64_t>(params, indices, out);
}

// dy[b, o, j, i] -> [b, j, o, i], summed per index to [b, axis, o, i], -> [b, o, axis, i]; every
// group of dimensions as one.
Output GatheredGradient(At at, const Output& params, const Output& indices, const Ints& batch_dims,
                        const Ints& axis, Output dy) {
  const Ints batch = SizeBetween(at, params, 0, batch_dims);
  const Ints outer = SizeBetween(at, params, batch_dims, axis);
  const Ints axis_size = SizeBetween(at, params, axis, NextTo(at, axis));
  const Ints inner = SizeBetween(at, params, NextTo(at, axis), std::nullopt);
  const Ints count = SizeBetween(at, indices, batch_dims, std::nullopt);
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

TensorOrSlices GatheredTuplesGradient(At at, Output dy, const Output& indices,
                                      const Output& params_shape) {
  const TensorShape& shape = indices.shape();
  if (shape.rank() == 2 && shape.dim(1) == 1) {
    return IndexedSlices{dy, Squeeze(at, indices, {.squeeze_dims = {-1}}), params_shape};
  }
  if (shape.rank() == 1) {  // one tuple: ScatterNd wants a list
    return ScatterNd(at, ExpandDims(at, indices, 0), ExpandDims(at, dy, 0), params_shape);
  }
  return ScatterNd(at, indices, dy, params_shape);
}

}  // namespace sluice::ops
