#include "ops/sparse_layout.h"

#include <algorithm>
#include <limits>

#include "absl/strings/str_join.h"
#include "core/status.h"
#include "graph/node.h"
#include "graph/op_spec.h"
#include "ops/array_util.h"
#include "ops/gather.h"
#include "ops/kernels/strided_copy.h"
#include "ops/range.h"
#include "ops/shape.h"
#include "ops/sparse_util.h"
#include "ops/transpose.h"

namespace sluice::ops {
namespace {

// --- shapes --------------------------------------------------------------------------------------

absl::Status ReorderShape(ShapeContext& c) {
  SLUICE_RETURN_IF_ERROR(CheckSparseRanks(c, 0, 1, 2));
  c.set_output(0, {c.input(0).dim(0), c.input(0).dim(1)});
  c.set_output(1, {c.input(1).dim(0)});
  return absl::OkStatus();
}

absl::Status ReshapeShape(ShapeContext& c) {
  SLUICE_ASSIGN_OR_RETURN(const TensorShape indices, c.WithRank(0, 2));
  SLUICE_RETURN_IF_ERROR(c.WithRank(1, 1).status());
  SLUICE_ASSIGN_OR_RETURN(const TensorShape shape, c.WithRank(2, 1));
  c.set_output(0, {indices.dim(0), shape.dim(0)});
  c.set_output(1, shape);
  return absl::OkStatus();
}

absl::Status ConcatShape(ShapeContext& c) {
  const int n = c.num_inputs() / 3;
  int64_t rows = 0;
  TensorShape rank = {-1};
  for (int i = 0; i < n; ++i) {
    SLUICE_RETURN_IF_ERROR(CheckSparseRanks(c, i, n + i, 2 * n + i));
    SLUICE_ASSIGN_OR_RETURN(const TensorShape indices, c.WithRank(i, 2));
    SLUICE_ASSIGN_OR_RETURN(const TensorShape dims, c.WithRank(2 * n + i, 1));
    SLUICE_ASSIGN_OR_RETURN(rank, rank.MergeWith({indices.dim(1)}));
    SLUICE_ASSIGN_OR_RETURN(rank, rank.MergeWith(dims));
    SLUICE_ASSIGN_OR_RETURN(rows, AddSizes(rows, indices.dim(0)));
  }
  c.set_output(0, {rows, rank.dim(0)});
  c.set_output(1, {rows});
  c.set_output(2, rank);
  return absl::OkStatus();
}

// --- kernels -------------------------------------------------------------------------------------

absl::Status ReorderKernel(KernelContext& c) {
  SLUICE_ASSIGN_OR_RETURN(const SparseView sparse, ReadSparse(c, 0, 1, 2));
  const std::vector<int64_t> order = SortedOrder(sparse);
  int64_t* to = c.output(0).mutable_data<int64_t>();
  for (const int64_t i : order) to = std::copy_n(sparse.row(i), sparse.rank, to);
  PickElements(*sparse.values, order, c.output(1));
  return absl::OkStatus();
}

// a * b; InvalidArgument where int64 cannot hold it. REQUIRES: both >= 0.
absl::StatusOr<int64_t> Multiply(int64_t a, int64_t b) {
  if (a == 0 || b <= std::numeric_limits<int64_t>::max() / a) return a * b;
  return absl::InvalidArgumentError(
      absl::StrCat("a dense shape of ", a, " x ", b, " elements is too large"));
}

absl::StatusOr<int64_t> DenseSize(absl::Span<const int64_t> shape) {
  int64_t size = 1;
  for (const int64_t d : shape) {
    if (d < 0) {
      return absl::InvalidArgumentError(
          absl::StrCat("dimensions must be >= 0, got shape [", absl::StrJoin(shape, ","), "]"));
    }
    SLUICE_ASSIGN_OR_RETURN(size, Multiply(size, d));
  }
  return size;
}

// `wanted` with its -1 replaced.
absl::StatusOr<Dims> CompleteShape(absl::Span<const int64_t> wanted, int64_t dense_size) {
  Dims shape(wanted.begin(), wanted.end());
  int unknown = -1;
  int64_t product = 1;
  for (int d = 0; d < static_cast<int>(shape.size()); ++d) {
    if (shape[d] == -1) {
      if (unknown >= 0) {
        return absl::InvalidArgumentError(
            absl::StrCat("only one output dimension may be -1, not both ", unknown, " and ", d));
      }
      unknown = d;
      continue;
    }
    if (shape[d] < 0) {
      return absl::InvalidArgumentError(
          absl::StrCat("size ", d, " must be non-negative, not ", shape[d]));
    }
    SLUICE_ASSIGN_OR_RETURN(product, Multiply(product, shape[d]));
  }
  if (unknown >= 0) {
    if (product == 0) {
      return absl::InvalidArgumentError(
          "reshape cannot infer the missing input size for an empty tensor unless all specified "
          "input sizes are non-zero");
    }
    if (dense_size % product != 0) {
      return absl::InvalidArgumentError(
          absl::StrCat("Input to reshape is a SparseTensor with ", dense_size,
                       " dense values, but the requested shape requires a multiple of ", product));
    }
    shape[unknown] = dense_size / product;
  } else if (product != dense_size) {
    return absl::InvalidArgumentError(absl::StrCat("Input to reshape is a tensor with ", dense_size,
                                                   " dense values, but the requested shape has ",
                                                   product));
  }
  return shape;
}

absl::Status CheckReshapeInputs(const KernelContext& c) {
  const char* const names[] = {"Input indices should be a matrix", "Input shape should be a vector",
                               "Target shape should be a vector"};
  for (int i = 0; i < 3; ++i) {
    if (c.input(i).shape().rank() == (i == 0 ? 2 : 1)) continue;
    return absl::InvalidArgumentError(
        absl::StrCat(names[i], " but received shape ", c.input(i).shape().ToString()));
  }
  if (c.input(0).dim(1) != c.input(1).dim(0)) {
    return absl::InvalidArgumentError(
        absl::StrCat("Input tensor rank must match input shape length: indices have ",
                     c.input(0).dim(1), " columns, the shape ", c.input(1).dim(0), " dimensions"));
  }
  return absl::OkStatus();
}

absl::Status ReshapeKernel(KernelContext& c) {
  SLUICE_RETURN_IF_ERROR(CheckReshapeInputs(c));
  const absl::Span<const int64_t> shape = c.input(1).flat<int64_t>();
  SLUICE_ASSIGN_OR_RETURN(const int64_t dense_size, DenseSize(shape));
  SLUICE_ASSIGN_OR_RETURN(const Dims wanted, CompleteShape(c.input(2).flat<int64_t>(), dense_size));
  const int64_t count = c.input(0).dim(0), from_rank = c.input(0).dim(1);
  const auto to_rank = static_cast<int64_t>(wanted.size());
  // Of an empty tensor every index is out of bounds.
  const Dims from_strides = dense_size > 0 ? RowMajorStrides(shape) : Dims(shape.size(), 1);
  const Dims to_strides = dense_size > 0 ? RowMajorStrides(wanted) : Dims(wanted.size(), 1);
  SLUICE_ASSIGN_OR_RETURN(Tensor * indices, c.Allocate(0, {count, to_rank}));
  SLUICE_ASSIGN_OR_RETURN(Tensor * output_shape, c.Allocate(1, {to_rank}));
  const int64_t* from = c.input(0).data<int64_t>();
  int64_t* to = indices->mutable_data<int64_t>();
  for (int64_t i = 0; i < count; ++i, from += from_rank) {
    int64_t position = 0;
    for (int64_t d = 0; d < from_rank; ++d) {
      if (from[d] < 0 || from[d] >= shape[d]) {
        return absl::InvalidArgumentError(
            absl::StrCat(RowText(i, {from, static_cast<size_t>(from_rank)}),
                         " is out of bounds: need 0 <= index < [", absl::StrJoin(shape, ","), "]"));
      }
      position += from[d] * from_strides[d];
    }
    for (int64_t d = 0; d < to_rank; ++d) {
      *to++ = position / to_strides[d];
      position %= to_strides[d];
    }
  }
  std::copy(wanted.begin(), wanted.end(), output_shape->mutable_data<int64_t>());
  return absl::OkStatus();
}

// The inputs of SparseConcat.
absl::StatusOr<std::vector<SparseView>> ReadParts(const KernelContext& c) {
  const int n = c.num_inputs() / 3;
  std::vector<SparseView> parts;
  for (int i = 0; i < n; ++i) {
    SLUICE_ASSIGN_OR_RETURN(const SparseView part, ReadSparse(c, i, n + i, 2 * n + i));
    parts.push_back(part);
  }
  return parts;
}

absl::StatusOr<int> CheckParts(const std::vector<SparseView>& parts, int64_t concat_dim) {
  const int rank = parts[0].rank;
  const int64_t axis = concat_dim < 0 ? concat_dim + rank : concat_dim;
  if (axis < 0 || axis >= rank) {
    return absl::InvalidArgumentError(absl::StrCat("Concat dimension must be in range [", -rank,
                                                   ", ", rank, "), got ", concat_dim));
  }
  for (size_t i = 1; i < parts.size(); ++i) {
    if (parts[i].rank != rank) {
      return absl::InvalidArgumentError(
          absl::StrCat("Ranks of all input tensors must match: expected ", rank, " but got ",
                       parts[i].rank, " at position ", i));
    }
    for (int d = 0; d < rank; ++d) {
      if (d == axis || parts[i].shape[d] == parts[0].shape[d]) continue;
      return absl::InvalidArgumentError(
          absl::StrCat("Input shapes must match: expected ", parts[0].shape[d], " for dimension ",
                       d, " but got ", parts[i].shape[d], " at position ", i));
    }
  }
  return static_cast<int>(axis);
}

absl::Status ConcatKernel(KernelContext& c) {
  SLUICE_ASSIGN_OR_RETURN(const std::vector<SparseView> parts, ReadParts(c));
  SLUICE_ASSIGN_OR_RETURN(const int axis, CheckParts(parts, c.attr<int64_t>("concat_dim")));
  const int rank = parts[0].rank;
  Dims shape(parts[0].shape.begin(), parts[0].shape.end());
  shape[axis] = 0;
  std::vector<int64_t> rows;  // of all parts, moved to their places
  int64_t count = 0;
  for (const SparseView& part : parts) {
    rows.insert(rows.end(), part.indices, part.indices + part.count * rank);
    for (int64_t i = 0; i < part.count; ++i) {
      int64_t& index = rows[(count + i) * rank + axis];
      if (__builtin_add_overflow(index, shape[axis], &index)) {
        return absl::InvalidArgumentError("an index passes the range of int64");
      }
    }
    count += part.count;
    if (__builtin_add_overflow(shape[axis], part.shape[axis], &shape[axis])) {
      return absl::InvalidArgumentError("the sum of the dimensions passes the range of int64");
    }
  }
  SparseView all = {.count = count, .rank = rank, .indices = rows.data()};
  const std::vector<int64_t> order = SortedOrder(all);
  SLUICE_ASSIGN_OR_RETURN(Tensor * indices, c.Allocate(0, {count, rank}));
  SLUICE_ASSIGN_OR_RETURN(Tensor * values, c.Allocate(1, {count}));
  SLUICE_ASSIGN_OR_RETURN(Tensor * dims, c.Allocate(2, {rank}));
  int64_t* to = indices->mutable_data<int64_t>();
  for (const int64_t i : order) to = std::copy_n(all.row(i), rank, to);
  SLUICE_ASSIGN_OR_RETURN(Tensor joined, Tensor::Make(values->dtype(), {count}, c.budget()));
  int64_t position = 0;
  for (const SparseView& part : parts) {
    CopyElements(joined.dtype(), part.values->raw(),
                 ElementAt(joined.mutable_raw(), position, joined.dtype()), part.count);
    position += part.count;
  }
  PickElements(joined, order, *values);
  std::copy(shape.begin(), shape.end(), dims->mutable_data<int64_t>());
  return absl::OkStatus();
}

// --- gradients -----------------------------------------------------------------------------------

Outputs ReorderGradient(At at, const Node& op, const Outputs& dy) {
  const Output count = Gather(at, Shape(at, op.input(0)), Const(at, 0));
  const Output places = Range(at, Const(at, 0), count, Const(at, 1));
  const Outputs ordered = SparseReorder(at, op.input(0), places, op.input(2));
  return {Output(), Gather(at, dy[1], InvertPermutation(at, ordered[1])), Output()};
}

}  // namespace

OpSpec SparseReorderOp() {
  return OpSpec("SparseReorder")
      .Input("input_indices: int64")
      .Input("input_values: T")
      .Input("input_shape: int64")
      .Output("output_indices: int64")
      .Output("output_values: T")
      .Attr("T: type")
      .Shape(ReorderShape)
      .Kernel(ReorderKernel)
      .Gradient(ReorderGradient);
}

OpSpec SparseReshapeOp() {
  return OpSpec("SparseReshape")
      .Input("input_indices: int64")
      .Input("input_shape: int64")
      .Input("new_shape: int64")
      .Output("output_indices: int64")
      .Output("output_shape: int64")
      .Shape(ReshapeShape)
      .Kernel(ReshapeKernel)
      .NotDifferentiable("its outputs are integers");
}

OpSpec SparseConcatOp() {
  return OpSpec("SparseConcat")
      .Input("indices: N * int64")
      .Input("values: N * T")
      .Input("shapes: N * int64")
      .Output("output_indices: int64")
      .Output("output_values: T")
      .Output("output_shape: int64")
      .Attr("concat_dim: int")
      .Attr("N: int >= 2")
      .Attr("T: type")
      .Shape(ConcatShape)
      .Kernel(ConcatKernel)
      .NotDifferentiable("TensorFlow defines no gradient for it");
}

Outputs SparseReorder(At at, Output input_indices, Output input_values, Output input_shape) {
  return at.Nodes("SparseReorder", {input_indices, input_values, input_shape});
}

Outputs SparseReshape(At at, Output input_indices, Output input_shape, Ints new_shape) {
  const At in = at.Composite("SparseReshape");
  return in.AsScope().Nodes("SparseReshape", {input_indices, input_shape,
                                              new_shape.Tensor(in, "new_shape", DType::kInt64)});
}

Outputs SparseConcat(At at, const Outputs& indices, const Outputs& values, const Outputs& shapes,
                     int64_t concat_dim) {
  Outputs inputs = indices;
  inputs.insert(inputs.end(), values.begin(), values.end());
  inputs.insert(inputs.end(), shapes.begin(), shapes.end());
  return at.Nodes("SparseConcat", inputs,
                  {{"concat_dim", concat_dim}, {"N", static_cast<int64_t>(indices.size())}});
}

}  // namespace sluice::ops
