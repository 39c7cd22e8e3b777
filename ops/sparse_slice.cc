#include "ops/sparse_slice.h"

#include <algorithm>

#include "core/status.h"
#include "graph/node.h"
#include "graph/op_spec.h"
#include "ops/array_util.h"
#include "ops/kernels/strided_copy.h"
#include "ops/sparse_util.h"

namespace sluice::ops {
namespace {

// --- shapes --------------------------------------------------------------------------------------

// A part of a sparse tensor whose shape is input `shape`, as outputs indices, values, shape.
void SetPartShapes(ShapeContext& c, const TensorShape& shape, int indices, int values, int dims) {
  c.set_output(indices, {-1, shape.dim(0)});
  c.set_output(values, TensorShape::OfRank(1));
  c.set_output(dims, shape);
}

absl::Status SliceShape(ShapeContext& c) {
  SLUICE_RETURN_IF_ERROR(CheckSparseRanks(c, 0, 1, 2));
  SLUICE_ASSIGN_OR_RETURN(const TensorShape shape, c.WithRank(2, 1));
  SetPartShapes(c, shape, 0, 1, 2);
  return absl::OkStatus();
}

absl::Status SliceGradShape(ShapeContext& c) {
  SLUICE_ASSIGN_OR_RETURN(const TensorShape indices, c.WithRank(1, 2));
  c.set_output(0, {indices.dim(0)});
  return absl::OkStatus();
}

absl::Status SplitShape(ShapeContext& c) {
  SLUICE_RETURN_IF_ERROR(CheckSparseRanks(c, 1, 2, 3));
  SLUICE_ASSIGN_OR_RETURN(const TensorShape shape, c.WithRank(3, 1));
  const int n = c.num_outputs() / 3;
  for (int i = 0; i < n; ++i) SetPartShapes(c, shape, i, n + i, 2 * n + i);
  return absl::OkStatus();
}

// --- kernels -------------------------------------------------------------------------------------

// The elements of `sparse` within [start, start + size) become outputs indices, values, shape.
absl::Status CutPart(KernelContext& c, const SparseView& sparse, absl::Span<const int64_t> start,
                     absl::Span<const int64_t> size, const int outputs[3]) {
  const int rank = sparse.rank;
  std::vector<int64_t> taken;
  for (int64_t i = 0; i < sparse.count; ++i) {
    bool inside = true;
    for (int d = 0; d < rank; ++d) {
      const int64_t index = sparse.row(i)[d];
      inside &= index >= start[d] && index - start[d] < size[d];
    }
    if (inside) taken.push_back(i);
  }
  const auto count = static_cast<int64_t>(taken.size());
  SLUICE_ASSIGN_OR_RETURN(Tensor * indices, c.Allocate(outputs[0], {count, rank}));
  SLUICE_ASSIGN_OR_RETURN(Tensor * values, c.Allocate(outputs[1], {count}));
  SLUICE_ASSIGN_OR_RETURN(Tensor * shape, c.Allocate(outputs[2], {rank}));
  int64_t* to = indices->mutable_data<int64_t>();
  for (const int64_t i : taken) {
    for (int d = 0; d < rank; ++d) *to++ = sparse.row(i)[d] - start[d];
  }
  PickElements(*sparse.values, taken, *values);
  for (int d = 0; d < rank; ++d) {
    const int64_t rest = std::max<int64_t>(0, sparse.shape[d] - start[d]);
    shape->mutable_data<int64_t>()[d] = std::min(size[d], rest);
  }
  return absl::OkStatus();
}

absl::Status SliceKernel(KernelContext& c) {
  SLUICE_ASSIGN_OR_RETURN(const SparseView sparse, ReadSparse(c, 0, 1, 2));
  for (const int i : {3, 4}) {
    const char* name = i == 3 ? "start" : "size";
    if (c.input(i).shape().rank() != 1 || c.input(i).num_elements() != sparse.rank) {
      return absl::InvalidArgumentError(
          absl::StrCat("Expected ", name, " to be a vector of length ", sparse.rank,
                       " but got shape ", c.input(i).shape().ToString()));
    }
    for (const int64_t value : c.input(i).flat<int64_t>()) {
      if (value >= 0) continue;
      return absl::InvalidArgumentError(
          absl::StrCat(name, " must be >= 0, got ", c.input(i).DebugString()));
    }
  }
  const int outputs[] = {0, 1, 2};
  return CutPart(c, sparse, c.input(3).flat<int64_t>(), c.input(4).flat<int64_t>(), outputs);
}

absl::Status CheckSliceGradInputs(const KernelContext& c) {
  const Tensor &grad = c.input(0), &in = c.input(1), &start = c.input(2), &out = c.input(3);
  if (grad.shape().rank() == 1 && in.shape().rank() == 2 && out.shape().rank() == 2 &&
      start.shape().rank() == 1 && in.dim(1) == out.dim(1) && in.dim(1) == start.dim(0) &&
      grad.dim(0) == out.dim(0)) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(
      absl::StrCat("backprop_val_grad ", grad.shape().ToString(), ", input_indices ",
                   in.shape().ToString(), ", input_start ", start.shape().ToString(),
                   " and output_indices ", out.shape().ToString(), " do not belong together"));
}

absl::Status SliceGradKernel(KernelContext& c) {
  SLUICE_RETURN_IF_ERROR(CheckSliceGradInputs(c));
  const Tensor& grad = c.input(0);
  const int64_t rank = c.input(1).dim(1);
  const int64_t* in = c.input(1).data<int64_t>();
  const int64_t* start = c.input(2).data<int64_t>();
  const int64_t* out = c.input(3).data<int64_t>();
  Tensor& result = c.output(0);
  ZeroElements(result.dtype(), result.mutable_raw(), result.num_elements());
  int64_t used = 0;
  for (int64_t i = 0; i < result.num_elements() && used < grad.num_elements(); ++i) {
    bool same = true;
    for (int64_t d = 0; d < rank; ++d) {
      same &= static_cast<uint64_t>(in[i * rank + d]) ==
              static_cast<uint64_t>(out[used * rank + d]) + static_cast<uint64_t>(start[d]);
    }
    if (!same) continue;
    CopyElements(result.dtype(), ElementAt(grad.raw(), used++, grad.dtype()),
                 ElementAt(result.mutable_raw(), i, result.dtype()), 1);
  }
  if (used == grad.num_elements()) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(
      "Elements of backprop_val_grad aren't all propagated. Num elements:", grad.num_elements(),
      ", used: ", used));
}

absl::Status SplitKernel(KernelContext& c) {
  SLUICE_ASSIGN_OR_RETURN(const int64_t axis, ReadInt(c.input(0), "split_dim"));
  SLUICE_ASSIGN_OR_RETURN(const SparseView sparse, ReadSparse(c, 1, 2, 3));
  const int64_t n = c.num_outputs() / 3;
  if (axis < 0 || axis >= sparse.rank) {
    return absl::InvalidArgumentError(absl::StrCat("Input split_dim should be between 0 and rank (",
                                                   sparse.rank, "), got ", axis));
  }
  const int64_t whole = sparse.shape[axis];
  if (n > whole) {
    return absl::InvalidArgumentError(
        absl::StrCat("Input num_split should be between 1 and the splitting dimension size (",
                     whole, "), got ", n));
  }
  SLUICE_RETURN_IF_ERROR(CheckBounds(sparse));
  Dims start(sparse.rank, 0), size(sparse.shape.begin(), sparse.shape.end());
  for (int64_t i = 0; i < n; ++i) {
    size[axis] = whole / n + (i < whole % n);
    const int outputs[] = {static_cast<int>(i), static_cast<int>(n + i),
                           static_cast<int>(2 * n + i)};
    SLUICE_RETURN_IF_ERROR(CutPart(c, sparse, start, size, outputs));
    start[axis] += size[axis];
  }
  return absl::OkStatus();
}

// --- gradients -----------------------------------------------------------------------------------

Outputs SliceGradient(At at, const Node& op, const Outputs& dy) {
  const Output grad = SparseSliceGrad(at, dy[1], op.input(0), op.input(3), op.output(0));
  return {Output(), grad, Output(), Output(), Output()};
}

}  // namespace

OpSpec SparseSliceOp() {
  return OpSpec("SparseSlice")
      .Input("indices: int64")
      .Input("values: T")
      .Input("shape: int64")
      .Input("start: int64")
      .Input("size: int64")
      .Output("output_indices: int64")
      .Output("output_values: T")
      .Output("output_shape: int64")
      .Attr("T: type")
      .Shape(SliceShape)
      .Kernel(SliceKernel)
      .Gradient(SliceGradient);
}

OpSpec SparseSliceGradOp() {
  return OpSpec("SparseSliceGrad")
      .Input("backprop_val_grad: T")
      .Input("input_indices: int64")
      .Input("input_start: int64")
      .Input("output_indices: int64")
      .Output("val_grad: T")
      .Attr("T: numbertype")
      .Shape(SliceGradShape)
      .Kernel(SliceGradKernel)
      .NotDifferentiable("TensorFlow defines no second gradient");
}

OpSpec SparseSplitOp() {
  return OpSpec("SparseSplit")
      .Input("split_dim: int64")
      .Input("indices: int64")
      .Input("values: T")
      .Input("shape: int64")
      .Output("output_indices: num_split * int64")
      .Output("output_values: num_split * T")
      .Output("output_shape: num_split * int64")
      .Attr("num_split: int >= 1")
      .Attr("T: type")
      .Shape(SplitShape)
      .Kernel(SplitKernel)
      .NotDifferentiable("TensorFlow defines no gradient for it");
}

Outputs SparseSlice(At at, Output indices, Output values, Output shape, Ints start, Ints size) {
  const At in = at.Composite("SparseSlice");
  return in.AsScope().Nodes("SparseSlice",
                            {indices, values, shape, start.Tensor(in, "start", DType::kInt64),
                             size.Tensor(in, "size", DType::kInt64)});
}

Output SparseSliceGrad(At at, Output backprop_val_grad, Output input_indices, Output input_start,
                       Output output_indices) {
  return at.Node("SparseSliceGrad",
                 {backprop_val_grad, input_indices, input_start, output_indices});
}

Outputs SparseSplit(At at, Output split_dim, Output indices, Output values, Output shape,
                    int64_t num_split) {
  return at.Nodes("SparseSplit", {split_dim, indices, values, shape}, {{"num_split", num_split}});
}

}  // namespace sluice::ops
